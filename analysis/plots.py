"""Figures of a report: recordings at several levels in, panels out.

Every function takes {level: recording} first and gives {panel title: figure}; a level that lacks what a figure shows,
such as spikes or a block, has no panel, and a figure without panels is left out of the report.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.plot_activity import excerpt
from neuroam.analysis.plot_code import coding_levels, color_limits, correlation_image, mean_correlations, similar_first
from neuroam.analysis.plot_learning import learning_curves, preferences
from neuroam.analysis.style import WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]


def has(recording: xr.Dataset, population: str, groups: tuple[str, ...], blocks: tuple[str, ...]) -> bool:
    """Whether the recording holds this population, these groups and these blocks."""
    return (population in recording["population"].values and set(groups) <= set(recording["group"].values.tolist())
            and set(blocks) <= set(recording["block"].values.tolist()))


@styled
def rasters(levels: Levels, population: str, companion: str, groups: tuple[str, ...], block: str,
            stimuli: tuple[str, ...]) -> dict[str, Figure]:
    """Spikes of a population in a few trials of the first animal, above the trace of a companion; a panel a group."""
    panels = {}
    for level, recording in levels.items():
        lower = []
        trials = _trials(recording, block, stimuli)
        if not recording.sizes["spike"] or not trials or not has(recording, population, groups, (block,)):
            continue
        for group in groups:
            figure, axes = canvas(2, len(trials), WIDTH, 3.6, sharex=True, sharey="row", squeeze=False,
                                  height_ratios=(3, 1))
            animal = int(np.flatnonzero(recording["group"].values == group)[0])
            excerpt(axes, recording, animal, trials, population, companion)
            lower.append(axes[1, 0])
            panels[f"{group} ({level})"] = figure
        _share_y(lower)
    return panels


def _share_y(axes: list[Axes]) -> None:
    """One scale for axes of different figures."""
    limits = [ax.get_ylim() for ax in axes]
    for ax in axes:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _trials(recording: xr.Dataset, block: str, stimuli: tuple[str, ...]) -> list[int]:
    found = [np.flatnonzero((recording["block"].values == block) & (recording["stimulus"].values == name))
             for name in stimuli]
    return [int(where[0]) for where in found if len(where)]


@styled
def coding_level_figures(levels: Levels, population: str, groups: tuple[str, ...], block: str) -> dict[str, Figure]:
    """Distribution over stimuli of the fraction of cells that answer; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if has(recording, population, groups, (block,)):
            figure, ax = canvas(height=0.75 + 0.7 * len(groups))
            coding_levels(ax, recording, population, groups, block)
            panels[level] = figure
    return panels


@styled
def correlation_figures(levels: Levels, population: str, groups: tuple[str, str], block: str) -> dict[str, Figure]:
    """Correlation matrices of two groups side by side on one colour scale; a panel a level, one order for all."""
    panels: dict[str, Figure] = {}
    order = None
    for level, recording in levels.items():
        if not has(recording, population, groups, (block,)):
            continue
        matrices = [mean_correlations(recording, population, group, block) for group in groups]
        if order is None or len(order) != len(matrices[0]):
            order = similar_first(matrices[0])
        figure, axes = canvas(1, 2, height=2.3)
        limits = color_limits(*matrices)
        for ax, matrix, group in zip(axes, matrices, groups, strict=True):
            image = correlation_image(ax, matrix, order, limits)
            ax.set_title(group)
        figure.colorbar(image, ax=axes, label="correlation", shrink=0.75, extend="max", aspect=14)
        panels[level] = figure
    return panels


@styled
def learning_figures(levels: Levels, blocks: tuple[str, ...], groups: tuple[str, ...],
                     population: str = "MBON") -> dict[str, Figure]:
    """Learning curves of CS+ and CS−, groups side by side; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if not has(recording, population, groups, blocks):
            continue
        figure, axes = canvas(1, len(groups), height=2.8, sharey=True, squeeze=False)
        for ax, group in zip(axes[0], groups, strict=True):
            learning_curves(ax, recording, blocks, group)
        axes[0, 0].set_ylabel("answer of the approach neuron\n(relative to naive)")
        axes[0, 0].set_ylim(bottom=min(0.0, *(ax.dataLim.y0 for ax in axes[0])))
        axes[0, -1].legend(loc="best")
        panels[level] = figure
    return panels


@styled
def preference_figures(levels: Levels, pairs: Mapping[str, tuple[str, ...]], groups: tuple[str, ...],
                       population: str = "MBON") -> dict[str, Figure]:
    """Preference index of every group; a panel a level, all on one scale."""
    blocks = tuple(block for some in pairs.values() for block in some)
    panels, drawn = {}, []
    for level, recording in levels.items():
        if has(recording, population, groups, blocks):
            figure, ax = canvas(height=3.2)
            drawn.append(preferences(ax, recording, pairs, groups))
            panels[level] = figure
    _share_y(drawn)
    return panels
