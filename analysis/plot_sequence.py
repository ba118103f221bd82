"""Sequences of memories, and time that is scaled or shifted. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.plot_fit import plain_log
from neuroam.analysis.sequence import transitions
from neuroam.analysis.style import BLACK, BLUE, CYCLE, GREY, VERMILLION, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlap_image(ax: Axes, overlaps: xr.DataArray, active: xr.DataArray | None = None) -> Any:
    """Overlaps (time, pattern) of one trial as an image, with the active memory as a line; returns the image."""
    values = overlaps.transpose("pattern", "time").values
    time = overlaps["time"].values
    half = (time[1] - time[0]) / 2
    image = ax.imshow(np.ma.masked_invalid(values), aspect="auto", cmap="cividis", vmin=0, vmax=1, origin="lower",
                      interpolation="nearest", extent=(time[0] - half, time[-1] + half, 0.5, max(len(values), 1) + 0.5))
    if active is not None:
        ax.plot(time, np.where(active.values >= 0, active.values + 1.0, np.nan), color=VERMILLION, linewidth=1.4)
    ax.set(xlabel="time (s)", ylabel="pattern")
    ax.locator_params(axis="y", integer=True)
    return image


def transition_image(ax: Axes, found: xr.Dataset, patterns: int) -> Any:
    """Fraction of the transitions from each memory (row) that lead to each (column), all animals and trials together;
    memories that nothing leaves in grey. `found` as of `sequence.visits`; returns the image."""
    moves = transitions(found)
    origin, target = (moves[name].values.ravel() for name in ("origin", "target"))
    table = np.zeros((patterns, patterns))
    np.add.at(table, (origin[origin >= 0], target[origin >= 0]), 1)
    left = table.sum(axis=1, keepdims=True)
    shown = np.ma.masked_invalid(table / np.where(left > 0, left, np.nan))
    image = ax.imshow(shown, cmap="cividis", vmin=0, vmax=1, interpolation="nearest", origin="lower",
                      extent=(0.5, patterns + 0.5, 0.5, patterns + 0.5))
    ax.set_facecolor("0.85")
    ax.set(xlabel="to pattern", ylabel="from pattern")
    ax.locator_params(integer=True)
    return image


def dwell_histogram(ax: Axes, found: xr.Dataset, color: str = BLUE) -> Axes:
    """How long memories stay active, over whole visits, with the median as a line. `found` as of `sequence.visits`."""
    values = found["dwell"].values[~np.isnan(found["dwell"].values)]
    if not len(values):
        return no_data(ax, "no whole visit")
    ax.hist(values, bins=25, color=color, alpha=0.75)
    ax.axvline(float(np.median(values)), color=BLACK, linewidth=1.2)
    ax.set(xlabel="dwell time (s)", ylabel="visits", xlim=(0, None))
    ax.locator_params(axis="y", integer=True)
    return ax


def peak_scaling(ax: Axes, peaks: xr.DataArray, interval: str) -> Axes:
    """Peak times (`interval`, unit) against the interval, a line a unit, both logarithmic; dashed is proportional."""
    x = peaks[interval].values
    values = peaks.transpose(interval, "unit").values
    values = values[:, (values > 0).all(axis=0)]
    if not values.size:
        return no_data(ax, "no unit has a peak")
    ax.loglog(x, values, color=BLUE, alpha=0.4, linewidth=0.9, marker="o", markersize=3, markeredgewidth=0)
    middle = np.exp(np.log(values).mean())
    ax.loglog(x, middle * x / np.exp(np.log(x).mean()), color=VERMILLION, linestyle="--", label="proportional")
    ax.loglog(x, np.full(len(x), middle), color=GREY, linestyle=":", label="fixed")
    plain_log(ax.yaxis)
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.xaxis.minorticks_off()
    ax.set(xlabel="interval (s)", ylabel="peak time (s)")
    ax.legend(loc="best")
    return ax


def template_fits(ax: Axes, template: xr.DataArray, course: xr.DataArray, fit: xr.Dataset,
                  units: tuple[int, ...] = (0, 1, 2)) -> Axes:
    """Time courses of a few units with the scaled template dashed and the shifted one dotted. `fit` as of
    `warp.scaling_against_shift`."""
    t_x, t_y = template["time"].values, course["time"].values
    at = {"--": t_y / float(fit["scale"]), ":": t_y - float(fit["shift"])}
    for color, unit in zip(CYCLE, units, strict=False):
        ax.plot(t_y, course.isel(unit=unit).values, color=color, linewidth=2.4, alpha=0.35)
        for style, times in at.items():
            ax.plot(t_y, np.interp(times, t_x, template.isel(unit=unit).values), color=color, linestyle=style,
                    linewidth=1.2)
    for style, name in (("--", "scaled"), (":", "shifted")):
        ax.plot([], [], color=BLACK, linestyle=style, linewidth=1.2,
                label=f"{name}, R² = {float(fit[f'{name}_r2']):.2f}".replace("-", "−"))
    ax.set(xlabel="time (s)", ylabel="activity")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.3)
    return ax
