"""Figures of reports on sequences: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis import motor
from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.overlap import aligned
from neuroam.analysis.plot_rates import band
from neuroam.analysis.plot_sequence import overlap_image
from neuroam.analysis.sequence import active_memory
from neuroam.analysis.sequence_memory import dwell, dwell_by_motif, half, in_order
from neuroam.analysis.style import BLACK, CYCLE, GREY, VERMILLION, WIDTH, canvas, no_data, styled
from neuroam.prediction import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
MARKERS = "osD^vP"


@styled
def overlap_images(levels: Levels, groups: tuple[str, ...], seconds: float,
                   block: str | None = None) -> dict[str, Figure]:
    """Overlap with each motif in time, first animal and trial, an axis a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(len(groups), 1, WIDTH, 1.75 * len(groups), squeeze=False)
        for ax, group in zip(axes[:, 0], groups, strict=True):
            overlaps = aligned(recording, 0.0, group=group, block=block).isel(animal=0, trial=0)
            overlaps = overlaps.dropna("pattern", how="all").sel(time=slice(0, seconds))
            image = overlap_image(ax, overlaps, active_memory(overlaps))
            ax.set(ylabel="motif", title=group)
            ax.label_outer()
        figure.colorbar(image, ax=axes[:, 0], label="overlap", location="bottom", shrink=0.6, aspect=30)
        panels[level] = figure
    return panels


@styled
def order_figures(levels: Levels, groups: tuple[str, ...], steps: Measure,
                  expected: Mapping[str, float]) -> dict[str, Figure]:
    """Motifs in order, and the time a motif lasts as `steps` measures it, a row a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(1, 2, WIDTH, 2.6, sharey=True)
        for row, group in enumerate(groups):
            _dots(axes[0], in_group(recording, in_order, group), row, CYCLE[row % len(CYCLE)])
            _dots(axes[1], in_group(recording, steps, group), row, CYCLE[row % len(CYCLE)])
            if group in expected:
                axes[1].plot([expected[group]] * 2, [row - 0.4, row + 0.4], ":", color=BLACK, linewidth=1.2)
        axes[0].set(xlabel="motifs in order", yticks=range(len(groups)), yticklabels=groups, xlim=(0, None))
        axes[1].set(xlabel="steps a motif lasts", xlim=(0, None))
        axes[0].invert_yaxis()
        panels[level] = figure
    return panels


def _dots(ax: Axes, values: np.ndarray, row: float, color: str) -> None:
    """One value per animal on a line, with the mean and its interval below."""
    ax.plot(values, np.full(len(values), row - 0.15), "o", color=color, alpha=0.35, markersize=3, markeredgewidth=0)
    low, high = bootstrap_interval(values)
    ax.plot([low, high], [row + 0.15] * 2, color=color, linewidth=2)
    ax.plot(np.nanmean(values) if np.isfinite(values).any() else np.nan, row + 0.15, "o", color=color, markersize=5)


@styled
def fraction_figures(levels: Levels, measure: Measure, groups: tuple[str, ...],
                     expected: Mapping[str, float]) -> dict[str, Figure]:
    """A fraction in each group, with what is expected as a line; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=2.6)
        for x, group in enumerate(groups):
            values = in_group(recording, measure, group)
            ax.bar(x, values.mean(), color=CYCLE[0], alpha=0.75, width=0.6)
            line = expected.get(group, np.nan)
            ax.plot([x - 0.4, x + 0.4], [line] * 2, color=VERMILLION, linestyle="--", linewidth=1.4)
            ax.text(x, np.fmax(values.mean(), line) + 0.03, f"{values.mean():.3f}", ha="center", fontsize=9)
        ax.set(ylabel="fraction", ylim=(0, 1.12), xticks=range(len(groups)), xticklabels=groups)
        if expected:
            ax.plot([], [], color=VERMILLION, linestyle="--", label="discrete network")
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
        panels[level] = figure
    return panels


@styled
def half_figures(levels: Levels, networks: Mapping[str, Sequence[tuple[float, Mapping[str, float]]]], measure: Measure,
                 laws: Mapping[str, tuple[np.ndarray, np.ndarray]], measured: Mapping[str, Sequence[float]],
                 ylabel: str) -> dict[str, Figure]:
    """Load at which half succeed against the number of cells, a colour a network; a panel a level.

    `networks`: for each number of cells the groups with their loads. `laws`: (cells, load) of theory, lines;
    `measured`: loads of other simulations at the same numbers of cells, crosses."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.8)
        for color, marker, (name, sizes) in zip(CYCLE, MARKERS, networks.items(), strict=False):
            cells = np.array([n for n, _ in sizes], dtype=float)
            ends = np.array([half(recording, groups, measure) for _, groups in sizes])
            ax.plot(cells, np.exp(np.log(ends).mean(axis=1)), marker, color=color, markersize=5, label=name)
            for n, values in zip(cells, ends, strict=True):
                ax.plot([n, n], np.exp(bootstrap_interval(np.log(values))), color=color, linewidth=1.6)
            if name in measured:
                ax.plot(cells, measured[name], "x", color=BLACK, markersize=6, markeredgewidth=1.1, zorder=4)
            if name in laws:
                ax.plot(*laws[name], color=color, linewidth=1, linestyle="--")
        ax.plot([], [], "x", color=BLACK, label="discrete networks")
        ax.plot([], [], "--", color=GREY, label="theory, N → ∞")
        ax.set(xlabel="visible neurons", ylabel=ylabel, xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            _plain_ticks(axis)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
        panels[level] = figure
    return panels


def _plain_ticks(axis: Axis) -> None:
    """1, 2, 5, 10, … in plain numbers on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


@styled
def recall_figures(levels: Levels, networks: Mapping[str, Mapping[str, float]], measure: Measure,
                   over: Mapping[str, float], ylabel: str, xlabel: str) -> dict[str, Figure]:
    """Fraction of successes against load over what is expected, a line a network; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        for k, (name, groups) in enumerate(networks.items()):
            loads = np.array(list(groups.values()), dtype=float) / over[name]
            values = np.array([in_group(recording, measure, group) for group in groups]).T
            order = np.argsort(loads)
            band(ax, loads[order], values[:, order], CYCLE[k % len(CYCLE)], name)
            ax.lines[-1].set(marker=MARKERS[k % len(MARKERS)], markersize=4, linestyle="-" if k < len(CYCLE) else "--")
        ax.axvline(1, color=GREY, linewidth=0.8, linestyle=":")
        ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(-0.04, 1.04), xscale="log", xticks=[0.5, 1, 2],
               xticklabels=["0.5", "1", "2"])
        ax.xaxis.minorticks_off()
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
        panels[level] = figure
    return panels


@styled
def bias_figures(levels: Levels, rules: Mapping[str, Mapping[str, float]], measure: Measure) -> dict[str, Figure]:
    """Fraction of successes against the bias of the patterns, a line a rule; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.4)
        for k, (name, groups) in enumerate(rules.items()):
            values = np.array([in_group(recording, measure, group) for group in groups]).T
            band(ax, np.array(list(groups.values())), values, CYCLE[k % len(CYCLE)], name)
            ax.lines[-1].set(marker=MARKERS[k % len(MARKERS)], markersize=4.5 - 0.5 * k,
                             linestyle="--" if k > 2 else "-")
        ax.set(xlabel="bias of the patterns, ε", ylabel="transitions without an error", ylim=(-0.05, 1.05))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
        panels[level] = figure
    return panels


@styled
def timing_figures(levels: Levels, wanted: Mapping[str, Sequence[float]], block: str) -> dict[str, Figure]:
    """How long each motif lasts against how long it should, a colour a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.6)
        longest = 1.08e3 * max(max(times) for times in wanted.values())
        ax.fill_between([0, longest], [0, 0.95 * longest], [0, 1.05 * longest], color=GREY, alpha=0.2, linewidth=0,
                        label="± 5 %")
        for color, marker, (group, times) in zip(CYCLE, MARKERS, wanted.items(), strict=False):
            lasted = 1e3 * dwell_by_motif(recording, len(times), group, block).values
            x = np.repeat(1e3 * np.asarray(times)[None], len(lasted), axis=0)
            ax.plot(x.ravel(), lasted.ravel(), marker, color=color, alpha=0.35, markersize=4, markeredgewidth=0,
                    label=group)
        ax.plot([0, longest], [0, longest], color=BLACK, linewidth=0.7)
        ax.set(xlabel="dwell time given (ms)", ylabel="dwell time measured (ms)", xlim=(0, longest),
               ylim=(0, 1.15 * longest))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
        panels[level] = figure
    return panels


@styled
def tempo_figures(levels: Levels, group: str, blocks: Mapping[str, float],
                  law: tuple[np.ndarray, np.ndarray]) -> dict[str, Figure]:
    """Time a motif lasts against the tonic input, with what the rule says as a dashed line; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=2.8)
        values = 1e3 * np.array([in_group(recording, functools.partial(dwell, block=b), group) for b in blocks]).T
        band(ax, np.array(list(blocks.values())), values)
        ax.lines[-1].set(marker="o", markersize=4.5)
        ax.plot(law[0], 1e3 * law[1], "--", color=VERMILLION, linewidth=1.2, label="rule")
        ax.set(xlabel="tonic input to the neurons that move on", ylabel="a motif lasts (ms)", ylim=(0, None),
               xticks=list(blocks.values()))
        ax.legend()
        panels[level] = figure
    return panels


@styled
def drawing_figures(levels: Levels, panels_of: Mapping[str, tuple[str, str]], seconds: float) -> dict[str, Figure]:
    """What the first animal draws, and how fast; `panels_of`: title to (group, block); a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(2, len(panels_of), WIDTH, 3.6, squeeze=False, height_ratios=(2.2, 1), sharey="row")
        for (above, below), (title, (group, block)) in zip(axes.T, panels_of.items(), strict=True):
            path = motor.places(recording, group, block).isel(animal=0, trial=0).sel(time=slice(0, seconds))
            if not path.values.any():
                no_data(above, "no movement")
                continue
            motor.drawing(above, path)
            above.set_title(title, fontsize=9)
            motor.speed_profile(below, path)
            below.label_outer()
        panels[level] = figure
    return panels
