"""Figures of reports on free recall: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.free_recall import law, paths, recalled, until_repeated
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import BLACK, CYCLE, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
MARKS = "osD"
WALKS = 3
BESIDE = 0.25  # of an item, so that walks that have met can be told apart


@styled
def law_figures(levels: Levels, curves: Mapping[str, Mapping[str, int]]) -> dict[str, Figure]:
    """Items recalled against items in memory, a curve for each kind of recall (its groups with their items); a panel a
    level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        sizes = sorted({items for groups in curves.values() for items in groups.values()})
        for color, mark, (name, groups) in zip(CYCLE, MARKS, curves.items(), strict=False):
            values = np.array([in_group(recording, recalled, group) for group in groups]).T
            band(ax, np.array(list(groups.values())), values, color, name)
            ax.lines[-1].set(marker=mark, markersize=4.5)
        ax.plot(sizes, [law(items) for items in sizes], color=BLACK, linestyle="--", linewidth=1, label="√(3πM/2)")
        ax.set(xscale="log", yscale="log", xlabel="items in memory", ylabel="items recalled")
        ax.set_xticks(sizes, [str(items) for items in sizes], minor=False)
        ax.set_xticks([], minor=True)
        ticks = [2, 5, 10, 20, 50]
        ax.set_yticks(ticks, [str(tick) for tick in ticks])
        ax.set_yticks([], minor=True)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        panels[level] = figure
    return panels


@styled
def path_figures(levels: Levels, groups: Sequence[str], steps: int = 25) -> dict[str, Figure]:
    """The first `steps` items of three walks of the first animal, a row for each group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(len(groups), 1, WIDTH, 1.7 * len(groups), sharex=True, sharey=True)
        for ax, group in zip(axes, groups, strict=True):
            for k, (color, walk) in enumerate(zip(CYCLE, paths(recording, group)[0][:WALKS], strict=False)):
                end, shown = len(until_repeated(walk.tolist())), walk[:steps] + 1 + BESIDE * (k - 1)
                ax.plot(range(1, len(shown) + 1), shown, color=color, marker=".", linewidth=1)
                if end < len(shown):
                    ax.plot(end + 1, shown[end], color=color, marker="o", markersize=9, markerfacecolor="none")
            ax.set(ylabel="item", title=group)
        axes[-1].set_xlabel("recalled, in order")
        panels[level] = figure
    return panels
