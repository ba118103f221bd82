"""Figures of reports on walks through stored sequences: recordings at several levels in, panels out, as in `plots`.

`networks` maps titles to groups with their numbers of motifs, in ascending order.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.plot_rates import band
from neuroam.analysis.plot_sequence import overlap_image
from neuroam.analysis.sequence_walk import drawn, due, monitored
from neuroam.analysis.style import BLUE, CYCLE, GREY, VERMILLION, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
Networks = Mapping[str, Mapping[str, int]]
MARKERS = "osD^vP"
SECONDS_A_MOTIF = 0.09


def ends(groups: Mapping[str, int]) -> tuple[str, str]:
    """The groups with the fewest and the most motifs."""
    order = sorted(groups, key=lambda name: groups[name])
    return order[0], order[-1]


@styled
def walk_figures(levels: Levels, networks: Networks, block: str) -> dict[str, Figure]:
    """Which motif is drawn when, first animal and trial, fewest and most motifs, an axis a network; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = _grid(len(networks))
        for ax, (title, groups) in zip(axes, networks.items(), strict=True):
            for group, color in zip(ends(groups), (BLUE, VERMILLION), strict=True):
                place = drawn(recording, groups[group], group, block).isel(animal=0, trial=0)
                active = np.flatnonzero(place.values >= 0)
                ax.plot(place["time"].values[active], place.values[active] + 1, ".", color=color, markersize=2.5,
                        markeredgewidth=0)
            ax.set_title(_title(title, groups), fontsize=8)
            ax.set(xlim=(0, SECONDS_A_MOTIF * max(groups.values())), ylim=(0, None))
        figure.supylabel("motif", fontsize=10)
        figure.supxlabel("time since the cue began (s)", fontsize=10)
        panels[level] = figure
    return panels


@styled
def order_figures(levels: Levels, networks: Networks, over: Mapping[str, float], xlabel: str, right: Measure,
                  times: tuple[Measure, Measure]) -> dict[str, Figure]:
    """Share in order, and medians over animals of the two `times` in ms, against the number of motifs over `over`; a
    panel a level. Measures take the number of motifs in each group as `motifs`."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(1, 2, WIDTH, 4.2)
        for k, (title, groups) in enumerate(networks.items()):
            color, marker = CYCLE[k % len(CYCLE)], MARKERS[k % len(MARKERS)]
            x = np.array(list(groups.values())) / over[title]
            order = np.argsort(x)
            shares, paces, whole = (
                np.array([in_group(recording, functools.partial(measure, motifs=groups), group) for group in groups]).T
                for measure in (right, *times))
            band(axes[0], x[order], shares[:, order], color, title)
            axes[0].lines[-1].set(marker=marker, markersize=4)
            for values, filled in ((1e3 * paces, color), (1e3 * whole, "white")):
                middle = [np.nanmedian(v) if np.isfinite(v).any() else np.nan for v in values.T]
                axes[1].plot(x[order], np.array(middle)[order], marker, color=color, markerfacecolor=filled,
                             markersize=4, linestyle="none")
        axes[0].set(ylabel="share in order", ylim=(-0.04, 1.04), xscale="log", xlabel=xlabel)
        axes[1].set(ylabel="time (ms)", ylim=(0, 1.1 * axes[1].get_ylim()[1]), xscale="log", xlabel=xlabel)
        for ax in axes:
            ax.xaxis.label.set_fontsize(9)
            _plain(ax, over)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
        panels[level] = figure
    return panels


@styled
def overlap_figures(levels: Levels, networks: Networks, block: str, seconds: float) -> dict[str, Figure]:
    """Overlaps with the monitored motifs in time, first animal and trial, fewest and most motifs, a row a network; a
    panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(len(networks), 2, WIDTH, 1.6 * len(networks) + 0.8, squeeze=False, sharex=True,
                              sharey=True)
        for row, (title, groups) in zip(axes, networks.items(), strict=True):
            for ax, group in zip(row, ends(groups), strict=True):
                overlaps = monitored(recording, group, block).isel(animal=0, trial=0).sel(time=slice(0, seconds))
                image = overlap_image(ax, overlaps)
                ax.set(xlabel="", ylabel="")
                ax.set_title(f"{title.rpartition(', ')[0]}:\n{groups[group]} motifs", fontsize=8)
        figure.supxlabel("time since the cue began (s)", fontsize=10)
        figure.supylabel("motif", fontsize=10)
        figure.colorbar(image, ax=axes, label="overlap", shrink=0.5, aspect=25)
        panels[level] = figure
    return panels


@styled
def due_figures(levels: Levels, networks: Networks, block: str, steps: Sequence[int]) -> dict[str, Figure]:
    """Overlap with the motif that is due, against steps since the first, fewest and most motifs, an axis a network; a
    panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = _grid(len(networks))
        for ax, (title, groups) in zip(axes, networks.items(), strict=True):
            clock = ends(groups)[0]
            for group, color in zip(ends(groups), (BLUE, VERMILLION), strict=True):
                table = due(recording, steps, groups, clock, group, block).values
                band(ax, np.array(steps, float), table, color)
                ax.lines[-1].set(marker="o", markersize=3)
            ax.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
            ax.set_title(_title(title, groups), fontsize=8)
            ax.set(ylim=(-0.6, 1.08))
            ax.locator_params(axis="x", integer=True)
        figure.supylabel("overlap", fontsize=10)
        figure.supxlabel("steps since the first motif", fontsize=10)
        panels[level] = figure
    return panels


def _grid(number: int) -> tuple[Figure, Sequence[Axes]]:
    """As many axes, two in a row."""
    rows = -(-number // 2)
    figure, axes = canvas(rows, min(number, 2), WIDTH, 1.9 * rows + 0.5, squeeze=False)
    for ax in axes.flat[number:]:
        ax.remove()
    return figure, axes.flat[:number]


def _title(name: str, groups: Mapping[str, int]) -> str:
    few, many = (groups[group] for group in ends(groups))
    return f"{name}:\n{few} and {many} motifs"


def _plain(ax: Axes, over: Mapping[str, float]) -> None:
    """Plain numbers on a logarithmic axis of loads over those at half."""
    if any(value != 1.0 for value in over.values()):
        ax.set(xticks=[0.5, 1, 2], xticklabels=["0.5", "1", "2"])
        ax.xaxis.minorticks_off()
