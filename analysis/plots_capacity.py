"""Figures of reports on capacities: recordings at several levels in, panels out, as in `plots`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.capacity import end_of_recall, fitted, recall_curve
from neuroam.analysis.fit import logistic
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import BLACK, CYCLE, GREY, VERMILLION, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Memories = Mapping[str, tuple[Mapping[str, float], float, float]]
Known = Mapping[str, Mapping[float, float]]
MARKERS = "osD^v"


@styled
def load_figures(
    levels: Mapping[str, xr.Dataset],
    memories: Memories,
    label: str,
    log: bool = False,
    block: str | None = None,
) -> dict[str, Figure]:
    """Fraction recalled against load with its fit, a line a memory; a panel a level. A memory is (groups with their
    loads, overlap that counts as recall, what loads are divided by)."""
    return _panels(levels, lambda ax, recording: recall_against_load(ax, recording, memories, label, log, block))


@styled
def overlap_figures(
    levels: Mapping[str, xr.Dataset],
    memories: Memories,
    label: str,
    log: bool = False,
    block: str | None = None,
    known: Known | None = None,
) -> dict[str, Figure]:
    """Mean overlap against load, a line a memory, with its 95 % bootstrap interval; a panel a level."""
    return _panels(
        levels, lambda ax, recording: overlap_against_load(ax, recording, memories, label, log, block, known)
    )


def _panels(levels: Mapping[str, xr.Dataset], draw: Callable[[Axes, xr.Dataset], Axes]) -> dict[str, Figure]:
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        draw(ax, recording)
        panels[level] = figure
    return panels


def recall_against_load(
    ax: Axes,
    recording: xr.Dataset,
    memories: Memories,
    label: str,
    log: bool = False,
    block: str | None = None,
) -> Axes:
    """Fraction recalled against load with its fit, a line a memory. Axes in, axes out."""
    for color, marker, (name, memory) in zip(CYCLE, MARKERS, memories.items(), strict=False):
        _curve(ax, recording, name, memory, color, marker, block)
    ax.axhline(0.5, color=GREY, linewidth=0.7, linestyle=":")
    return _finish(ax, label, "fraction recalled", log)


def overlap_against_load(
    ax: Axes,
    recording: xr.Dataset,
    memories: Memories,
    label: str,
    log: bool = False,
    block: str | None = None,
    known: Known | None = None,
) -> Axes:
    """Mean overlap with the cued pattern against load, a line a memory, 95 % bootstrap interval over animals; crosses:
    overlaps `known` from elsewhere, at loads as they are drawn. Axes in, axes out."""
    for color, marker, (name, (groups, _, per)) in zip(CYCLE, MARKERS, memories.items(), strict=False):
        curve = recall_curve(recording, groups, per=per, block=block, what="overlap")
        band(ax, curve["load"].values, curve.values, color, name)
        ax.lines[-1].set(marker=marker, markersize=4.5)
        elsewhere = (known or {}).get(name, {})
        if elsewhere:
            ax.plot(list(elsewhere), list(elsewhere.values()), "x", color=BLACK, zorder=3, label=f"{name}, elsewhere")
    return _finish(ax, label, "overlap", log)


def _finish(ax: Axes, label: str, ylabel: str, log: bool) -> Axes:
    ax.set(xlabel=label, ylabel=ylabel, ylim=(-0.04, 1.04))
    if log:
        ax.set_xscale("log")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return ax


def _curve(
    ax: Axes, recording: xr.Dataset, name: str, memory: tuple, color: str, marker: str, block: str | None
) -> None:
    groups, threshold, per = memory
    fit = fitted(recording, groups, threshold, per, log=True, block=block)
    x = np.exp(fit["load"].values)
    ax.plot(x, fit["fraction"].values, marker, color=color, markersize=4.5)
    middle, low, high = (float(np.exp(fit[key])) for key in ("midpoint", "low", "high"))
    if not x.min() <= middle <= x.max():
        ax.plot([], [], color=color, marker=marker, label=f"{name}: no transition at these loads")
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
    levels: Mapping[str, xr.Dataset],
    sizes: Mapping[int, Mapping[str, float]],
    threshold: float,
    block: str | None = None,
    factor: float = 2.0,
) -> dict[str, Figure]:
    """Load at which half are recalled against the number of cells, on a logarithmic axis, beside growth by `factor`
    with each cell; a panel a level."""
    panels = {}
    cells = np.array(list(sizes), dtype=float)
    for level, recording in levels.items():
        ends = np.array([end_of_recall(recording, groups, threshold, block=block) for groups in sizes.values()]).T
        figure, ax = canvas(height=3.0)
        band(ax, cells, ends)
        ax.lines[-1].set(marker="o", markersize=4.5)
        first = ends[:, 0][~np.isnan(ends[:, 0])]
        if len(first):
            ax.plot(cells, first.mean() * factor ** (cells - cells[0]), color=VERMILLION, linestyle="--", linewidth=1)
        ax.set(xlabel="cells", ylabel="patterns at which half are recalled", yscale="log", xticks=cells)
        panels[level] = figure
    return panels
