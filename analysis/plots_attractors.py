"""Figures of reports on correlated memories: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.attractors import VISIBLE, serial_correlation
from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.correlation import stimulus_correlations
from neuroam.analysis.overlap import aligned
from neuroam.analysis.plot_rates import band
from neuroam.analysis.plot_sequence import overlap_image
from neuroam.analysis.responses import responses, select
from neuroam.analysis.style import BLACK, CYCLE, GREY, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
MARKERS = "osD^vP"
CUE = "cue"


@styled
def distance_figures(levels: Levels, groups: tuple[str, ...], farthest: int, xlabel: str, cyclic: bool = False,
                     reference: Mapping[str, Sequence[float]] | None = None,
                     labels: Mapping[str, str] | None = None,
                     blocks: Mapping[str, str] | None = None) -> dict[str, Figure]:
    """Correlation against distance, a line a group; a panel a level. `reference`: values known at distances 1, 2, …
    (NaN where they are not), crosses in the colour of the group they are named after, else in black. `labels`: what to
    call groups; `blocks`: of which block the trials of a group are, where there are several."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
        for color, marker, group in zip(CYCLE, MARKERS, groups, strict=False):
            curve = serial_correlation(recording, farthest, cyclic, group, (blocks or {}).get(group))
            band(ax, curve["distance"].values, curve.values, color, (labels or {}).get(group, group))
            ax.lines[-1].set(marker=marker, markersize=3.5)
        for name, values in (reference or {}).items():
            color = CYCLE[groups.index(name)] if name in groups else BLACK
            ax.plot(np.arange(1, len(values) + 1), values, "x", color=color, markersize=6, markeredgewidth=1.6,
                    label=None if name in groups else name)
        ax.set(xlabel=xlabel, ylabel="correlation of states", xticks=range(1, farthest + 1))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
        panels[level] = figure
    return panels


@styled
def curve_figures(levels: Levels, measures: Mapping[str, Measure], axes: Mapping[str, Mapping[str, float]], ylabel: str,
                  reference: Mapping[str, Mapping[float, float]] | None = None) -> dict[str, Figure]:
    """Measures against a number that belongs to each group; a panel a level. `axes`: label of an axis and, for it,
    groups with their numbers; `reference`: known values by number, for an axis or a measure of that name."""
    panels = {}
    for level, recording in levels.items():
        figure, drawn = canvas(1, len(axes), height=2.9, sharey=True, squeeze=False)
        for ax, (xlabel, groups) in zip(drawn[0], axes.items(), strict=True):
            for color, marker, (name, measure) in zip(CYCLE, MARKERS, measures.items(), strict=False):
                values = np.array([in_group(recording, measure, group) for group in groups]).T
                band(ax, np.array(list(groups.values())), values, color, name or None)
                ax.lines[-1].set(marker=marker, markersize=4)
                known = (reference or {}).get(name or xlabel, {})
                ax.plot(list(known), list(known.values()), "x", color=BLACK, markersize=6, markeredgewidth=1.4)
            ax.set(xlabel=xlabel)
        drawn[0, 0].set_ylabel(ylabel)
        if any(measures):
            figure.legend(*drawn[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        panels[level] = figure
    return panels


@styled
def matrix_figures(levels: Levels, groups: tuple[str, ...], label: str,
                   blocks: Mapping[str, str] | None = None, sort: bool = False) -> dict[str, Figure]:
    """Correlations between the states of all trials in the first animal, an image a group; a panel a level. `blocks`:
    as in `distance_figures`; `sort` puts trials of one phase together."""
    panels = {}
    for level, recording in levels.items():
        rows = -(-len(groups) // 3)
        figure, axes = canvas(rows, 3, WIDTH, 1.5 * rows + 0.2, squeeze=False)
        for ax in axes.ravel()[len(groups):]:
            ax.set_visible(False)
        for ax, group in zip(axes.ravel(), groups, strict=False):
            matrix = stimulus_correlations(recording, VISIBLE, group, (blocks or {}).get(group)).values[0]
            order = np.argsort(recording["phase"].values, kind="stable") if sort else np.arange(len(matrix))
            image = ax.imshow(matrix[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
            ax.set_title(group, fontsize=7.5)
            ax.set(xticks=[], yticks=[])
        figure.supxlabel(label, fontsize=10)
        figure.colorbar(image, ax=axes, shrink=0.8, label="correlation", aspect=20)
        panels[level] = figure
    return panels


@styled
def replay_figures(levels: Levels, groups: tuple[str, ...]) -> dict[str, Figure]:
    """Overlap with each memory in time, in the first trial of the first animal, an image a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if "overlap_trace" not in recording:
            continue
        rows = -(-len(groups) // 2)
        figure, axes = canvas(rows, 2, WIDTH, 1.7 * rows + 0.4, squeeze=False, sharex=True, sharey=True)
        for ax in axes.ravel()[len(groups):]:
            ax.set_visible(False)
        for ax, group in zip(axes.ravel(), groups, strict=False):
            image = overlap_image(ax, aligned(recording, before=0.0, group=group).isel(animal=0, trial=0))
            ax.set_title(group, fontsize=9)
            ax.set(xlabel="", ylabel="")
        figure.supxlabel("time since the cue began (s)", fontsize=10)
        figure.supylabel("memory", fontsize=10)
        figure.colorbar(image, ax=axes, shrink=0.8, label="overlap", aspect=20)
        panels[level] = figure
    return panels


@styled
def retrieval_figures(levels: Levels, groups: tuple[str, ...], measures: Mapping[str, Measure],
                      axes: Mapping[str, Mapping[str, float]]) -> dict[str, Figure]:
    """Measures of a block against the number that belongs to it, a row a measure and a line a group; a panel a level.
    `axes`: label of an axis and, for it, blocks with their numbers."""
    panels = {}
    for level, recording in levels.items():
        figure, drawn = canvas(len(measures), len(axes), height=2.1 * len(measures) + 0.6, sharey=True, sharex="col",
                               squeeze=False)
        for row, (name, measure) in zip(drawn, measures.items(), strict=True):
            row[0].set(ylabel=f"fraction of {name}s\nrecalled", ylim=(-0.04, 1.04))
            for ax, blocks in zip(row, axes.values(), strict=True):
                for color, marker, group in zip(CYCLE, MARKERS, groups, strict=False):
                    values = np.array([in_group(recording, functools.partial(measure, block=block), group)
                                       for block in blocks]).T
                    band(ax, np.array(list(blocks.values())), values, color, group)
                    ax.lines[-1].set(marker=marker, markersize=4)
        for ax, label in zip(drawn[-1], axes, strict=True):
            ax.set_xlabel(label)
        figure.legend(*drawn[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        panels[level] = figure
    return panels


@styled
def image_figures(levels: Levels, groups: tuple[str, ...], blocks: tuple[str, ...], stimuli: tuple[str, ...],
                  width: int = 8) -> dict[str, Figure]:
    """Cues and what each group recalls from them, in the first animal, as images `width` pixels wide; a panel a level
    and stimulus, a column a block."""
    panels = {}
    for level, recording in levels.items():
        if CUE not in recording["trace_population"].values:
            continue
        for stimulus in stimuli:
            figure, axes = canvas(1 + len(groups), len(blocks), WIDTH, 0.56 * (1 + len(groups)) + 0.4, squeeze=False)
            for column, block in zip(axes.T, blocks, strict=True):
                column[0].set_title("\n".join(block.rsplit(" ", 1)), fontsize=7.5)
                _images(column, recording, groups, block, stimulus, width)
            for ax, name in zip(axes[:, 0], ("cue", *groups), strict=True):
                ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
            panels[f"{stimulus} ({level})"] = figure
    return panels


def _images(column: Sequence[Axes], recording: xr.Dataset, groups: tuple[str, ...], block: str, stimulus: str,
            width: int) -> None:
    shown = [_cue(recording, groups[0], block, stimulus)]
    for group in groups:
        rates = responses(recording, VISIBLE, group, block)
        shown.append(rates.values[0, np.flatnonzero(rates["stimulus"].values == stimulus)[0]])
    for ax, pixels in zip(column, shown, strict=True):
        top = max(float(abs(pixels).max()), 1e-12)
        ax.imshow(pixels.reshape(-1, width), cmap="gray", vmin=-top, vmax=top, interpolation="nearest")
        ax.set(xticks=[], yticks=[])


def _cue(recording: xr.Dataset, group: str, block: str, stimulus: str) -> np.ndarray:
    """What the cue cells gave when the trial began."""
    chosen = select(recording, group, block)
    trial = int(np.flatnonzero(chosen["stimulus"].values == stimulus)[0])
    sample = int(np.argmin(abs(chosen["time"].values - chosen["stimulus_on"].values[0, trial])))
    cells = np.flatnonzero(chosen["trace_population"].values == CUE)
    return chosen["trace_value"].values[0, sample, cells].astype(float)
