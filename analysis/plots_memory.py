"""Figures of reports on memories: recordings at several levels in, panels out, as in `plots`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.completion import agreement, recall
from neuroam.analysis.contrast import in_group
from neuroam.analysis.energy import courses
from neuroam.analysis.overlap import cued_course, success_fraction
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import BLACK, CYCLE, GREY, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)), (0, (1, 1)))


@styled
def energy_figures(levels: Levels, groups: tuple[str, ...]) -> dict[str, Figure]:
    """Energy after the cue in every trial of the first animal, a small panel a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if "energy" not in recording or np.isnan(recording["energy"]).all():
            continue
        rows = -(-len(groups) // 2)
        figure, axes = canvas(rows, 2, WIDTH, 1.6 * rows, squeeze=False, sharex=True)
        for ax, group in zip(axes.ravel(), groups, strict=False):
            _energies(ax, recording, group)
        for ax in axes.ravel()[len(groups) :]:
            ax.set_visible(False)
        figure.supxlabel("time since the end of the cue (ms)", fontsize=10)
        figure.supylabel("energy, over its range", fontsize=10)
        panels[level] = figure
    return panels


def _energies(ax: Axes, recording: xr.Dataset, group: str) -> None:
    time, animals = courses(recording, group)
    lowest, highest = (limit([limit(course) for course in animals[0]]) for limit in (np.min, np.max))
    for k, course in enumerate(animals[0]):
        shade = 0.75 - 0.7 * k / max(len(animals[0]) - 1, 1)
        ax.plot(1e3 * time, (course - lowest) / (highest - lowest), color=(shade, shade, 1 - 0.3 * (1 - shade)),
                linewidth=0.9)
    ax.set_title(group, fontsize=9)


@styled
def basin_figures(levels: Levels, groups: tuple[str, ...], blocks: tuple[str, ...], qualities: tuple[float, ...],
                  xlabel: str) -> dict[str, Figure]:
    """Fraction of successes against the quality of the cue, a line a group; a panel a level."""
    def recalled(recording: xr.Dataset, group: str, block: str) -> np.ndarray:
        return in_group(recording, functools.partial(success_fraction, block=block), group)

    return _lines(levels, groups, blocks, qualities, xlabel, "fraction recalled", recalled)


@styled
def cue_figures(levels: Levels, groups: tuple[str, ...], blocks: tuple[str, ...], qualities: tuple[float, ...],
                xlabel: str) -> dict[str, Figure]:
    """Overlap with the cued pattern against the quality of the cue, a line a group; a panel a level."""
    def overlap(recording: xr.Dataset, group: str, block: str) -> np.ndarray:
        return recall(recording, block, group).values

    return _lines(levels, groups, blocks, qualities, xlabel, "overlap with the pattern", overlap)


@styled
def agreement_figures(levels: Levels, populations: tuple[str, ...], group: str, reference: str,
                      blocks: tuple[str, ...], qualities: tuple[float, ...], xlabel: str) -> dict[str, Figure]:
    """Agreement with the answer to the intact cue, a line a population; a panel a level."""
    def alike(recording: xr.Dataset, population: str, block: str) -> np.ndarray:
        return agreement(recording, population, block, reference, group).values

    return _lines(levels, populations, blocks, qualities, xlabel, "correlation with the intact code", alike)


def _lines(levels: Levels, names: tuple[str, ...], blocks: tuple[str, ...], qualities: tuple[float, ...], xlabel: str,
           ylabel: str, measure: Callable[[xr.Dataset, str, str], np.ndarray]) -> dict[str, Figure]:
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.2)
        for color, dash, name in zip(CYCLE, DASHES, names, strict=False):
            values = np.array([measure(recording, name, block) for block in blocks]).T
            band(ax, np.array(qualities), values, color, name)
            ax.lines[-1].set(linestyle=dash, marker="o", markersize=3.5)
        ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(-0.05, 1.05))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
        panels[level] = figure
    return panels


@styled
def overlap_figures(levels: Levels, groups: tuple[str, ...], blocks: tuple[str, ...]) -> dict[str, Figure]:
    """Overlap with the cued pattern in time, a line a group and an axis a block; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if "overlap_trace" not in recording:
            continue
        figure, axes = canvas(1, len(blocks), height=3.0, sharey=True, squeeze=False)
        for ax, block in zip(axes[0], blocks, strict=True):
            for color, dash, group in zip(CYCLE, DASHES, groups, strict=False):
                course = cued_course(recording, group=group, block=block).mean("trial")
                ax.plot(1e3 * course["time"], course.mean("animal"), color=color, linestyle=dash, label=group)
            length = float((recording["stimulus_off"] - recording["stimulus_on"]).values[0, 0])
            ax.axvspan(0, 1e3 * length, color=GREY, alpha=0.18, linewidth=0)
            ax.set_title(block, fontsize=9)
            ax.axhline(1, color=BLACK, linewidth=0.5)
            ax.set_xlabel("time (ms)")
        axes[0, 0].set_ylabel("overlap with the pattern")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        panels[level] = figure
    return panels
