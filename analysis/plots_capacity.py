"""Figures of reports on capacities: recordings at several levels in, panels out, as in `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.capacity import end_of_recall, fitted
from neuroam.analysis.fit import logistic
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import CYCLE, GREY, VERMILLION, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Memories = Mapping[str, tuple[Mapping[str, float], float, float]]
MARKERS = "osD^v"


@styled
def load_figures(
    levels: Mapping[str, xr.Dataset], memories: Memories, label: str, log: bool = False
) -> dict[str, Figure]:
    """Fraction recalled against load with its fit, a line a memory; a panel a level. A memory is (groups with their
    loads,
    overlap that counts as recall, what loads are divided by)."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        recall_against_load(ax, recording, memories, label, log)
        panels[level] = figure
    return panels


def recall_against_load(ax: Axes, recording: xr.Dataset, memories: Memories, label: str, log: bool = False) -> Axes:
    """Fraction recalled against load with its fit, a line a memory. Axes in, axes out."""
    for color, marker, (name, memory) in zip(CYCLE, MARKERS, memories.items(), strict=False):
        _curve(ax, recording, name, memory, color, marker)
    ax.axhline(0.5, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlabel=label, ylabel="fraction recalled", ylim=(-0.04, 1.04))
    if log:
        ax.set_xscale("log")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def _curve(ax: Axes, recording: xr.Dataset, name: str, memory: tuple, color: str, marker: str) -> None:
    groups, threshold, per = memory
    fit = fitted(recording, groups, threshold, per, log=True)
    x = np.exp(fit["load"].values)
    ax.plot(x, fit["fraction"].values, marker, color=color, markersize=4.5)
    middle, low, high = (float(np.exp(fit[key])) for key in ("midpoint", "low", "high"))
    if np.isnan(middle):
        ax.plot([], [], color=color, marker=marker, label=f"{name}: no transition")
        return
    fine = np.geomspace(x.min(), x.max(), 300)
    ax.plot(
        fine,
        logistic(np.log(fine), float(fit["midpoint"]), float(fit["width"])),
        color=color,
        marker=marker,
        markevery=1000,
        label=f"{name}: {_number(middle)} [{_number(low)}, {_number(high)}]",
    )
    ax.fill_betweenx([0, 1], low, high, color=color, alpha=0.18, linewidth=0)
    ax.plot([middle, middle], [0, 0.5], color=color, linestyle="--", linewidth=1)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


@styled
def growth_figures(
    levels: Mapping[str, xr.Dataset], sizes: Mapping[int, Mapping[str, float]], threshold: float
) -> dict[str, Figure]:
    """Load at which half are recalled against the number of cells, on a logarithmic axis; a panel a level."""
    panels = {}
    cells = np.array(list(sizes), dtype=float)
    for level, recording in levels.items():
        ends = np.array([end_of_recall(recording, groups, threshold) for groups in sizes.values()]).T
        figure, ax = canvas(height=3.0)
        band(ax, cells, ends)
        ax.lines[-1].set(marker="o", markersize=4.5)
        first = ends[:, 0][~np.isnan(ends[:, 0])]
        if len(first):
            ax.plot(cells, first.mean() * 2 ** (cells - cells[0]), color=VERMILLION, linestyle="--", linewidth=1)
        ax.set(xlabel="cells", ylabel="patterns of which half are stable", yscale="log", xticks=cells)
        panels[level] = figure
    return panels
