"""Retrieval: overlaps in time and at the end, and how far from a memory it still succeeds. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.overlap import THRESHOLD, cue_of
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import BLUE, GREY, VERMILLION, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlap_courses(ax: Axes, courses: xr.DataArray, animal: int, trial: int) -> Axes:
    """Overlaps in one trial: the cued pattern in colour, the others in grey. `courses` as of `overlap.aligned`."""
    cue = cue_of(courses)[trial]
    values = courses.isel(animal=animal, trial=trial).transpose("time", "pattern").values
    time = courses["time"].values
    others = np.delete(values, cue, axis=1) if cue >= 0 else values
    ax.plot(time, others, color=GREY, linewidth=0.8, alpha=0.5)
    if others.shape[1]:
        ax.plot([], [], color=GREY, linewidth=0.8, label="others")
    if cue >= 0:
        ax.plot(time, values[:, cue], color=VERMILLION, label=str(courses["pattern"].values[cue]))
    _frame(ax)
    ax.legend(loc="best")
    return ax


def cued_courses(ax: Axes, courses: xr.DataArray, color: str = BLUE, label: str | None = None) -> Axes:
    """Overlap with the cued pattern, mean over trials and band over animals. `courses` as of `overlap.cued_course`."""
    band(ax, courses["time"].values, courses.mean("trial").transpose("animal", "time").values, color, label)
    return _frame(ax)


def final_overlaps(ax: Axes, overlap: xr.DataArray, threshold: float = THRESHOLD) -> Axes:
    """How the overlaps with the cued pattern at the end are spread over trials, and how many exceed the threshold."""
    values = overlap.values[~np.isnan(overlap.values)]
    if not len(values):
        return no_data(ax, "no trial cues a pattern")
    ax.hist(values, bins=np.linspace(min(0.0, values.min()), max(1.0, values.max()), 41).tolist(),
            color=BLUE, alpha=0.75)
    ax.axvline(threshold, color=VERMILLION, linewidth=1.2, linestyle="--")
    ax.set(xlabel="overlap with the cued pattern", ylabel="trials")
    ax.locator_params(axis="y", integer=True)
    ax.set_title(f"{100 * np.mean(values > threshold):.0f} % above {threshold:g}", fontsize=9, loc="left")
    return ax


def basin_curve(ax: Axes, curve: xr.DataArray, color: str = BLUE, label: str | None = None,
                quality: str = "quality of the cue") -> Axes:
    """Fraction of successes against the quality of the cue, mean and 95 % interval over animals; as of `basin`."""
    values = curve.transpose("animal", "quality").values
    band(ax, curve["quality"].values, values, color, label)
    ax.lines[-1].set(marker="o", markersize=4)
    ax.set(xlabel=quality, ylabel="fraction retrieved", ylim=(-0.04, 1.04))
    return ax


def _frame(ax: Axes) -> Axes:
    ax.axvline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlabel="time from stimulus onset (s)", ylabel="overlap")
    ax.set_ylim(top=max(1.05, ax.get_ylim()[1]))
    return ax
