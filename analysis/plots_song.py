"""Figures of song at several levels: recordings in, panels out, as in `plots`."""
from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.song_levels import levels_agree, mean_onsets, motif_time, order_kept, template_overlap
from neuroam.analysis.style import BLACK, BLUE, CYCLE, GREY, canvas, styled
from neuroam.prediction import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]


@styled
def kept_figures(levels: Levels, population: str, follower: str, reference: str,
                 groups: Sequence[str]) -> dict[str, Figure]:
    """Order, motif time and overlap in each group, a colour a level; means over animals with their intervals."""
    measures = {
        f"order of {population} (ρ)": functools.partial(order_kept, population=population, reference=reference),
        "motif (ms)": functools.partial(motif_time, population=population),
        f"overlap of {follower}, on {reference}'s clock": functools.partial(
            template_overlap, population=follower, reference=reference, clock_of=population),
        f"overlap of {follower}, unstretched": functools.partial(
            template_overlap, population=follower, reference=reference)}
    heard = {name: recording for name, recording in levels.items() if recording.sizes["spike"]}
    panels = {}
    for name, measure in measures.items():
        figure, ax = canvas(height=0.42 * len(groups) + 1.1)
        for k, (color, (level, recording)) in enumerate(zip(CYCLE, heard.items(), strict=False)):
            values = [in_group(recording, functools.partial(_per_animal, measure=measure), group) for group in groups]
            _points(ax, np.array(values) * (1e3 if name.endswith("(ms)") else 1), k / 5 - 0.1, color, level)
        ax.set(xlabel=name, yticks=range(len(groups)), yticklabels=groups, ylim=(len(groups) - 0.5, -0.5))
        if not name.endswith("(ms)"):
            ax.set_xlim(min(-0.05, ax.get_xlim()[0]), 1.05)
        ax.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
        ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, borderaxespad=0.2)
        panels[name] = figure
    return panels


def _per_animal(recording: xr.Dataset, group: str, measure: functools.partial) -> xr.DataArray:
    return measure(recording, group=group).mean("trial")


def _points(ax: Axes, values: np.ndarray, shift: float, color: str, label: str) -> None:
    """Means of values (group, animal) with their intervals."""
    place = np.arange(len(values)) + shift
    ends = np.array([bootstrap_interval(some[~np.isnan(some)]) if (~np.isnan(some)).any() else (np.nan, np.nan)
                     for some in values])
    ax.hlines(place, ends[:, 0], ends[:, 1], color=color, linewidth=2.2)
    ax.plot([some[~np.isnan(some)].mean() if (~np.isnan(some)).any() else np.nan for some in values], place,
            linestyle="none", marker="o", markersize=4.5, color=color, label=label)


@styled
def level_figures(levels: Levels, population: str, follower: str, groups: Sequence[str]) -> dict[str, Figure]:
    """How much later each neuron of the first animal bursts at one level than at another, along the motif, an axis a
    group, with `levels_agree`; a panel for each two levels."""
    heard = {name: recording for name, recording in levels.items() if recording.sizes["spike"]}
    panels = {}
    for (one, first), (other, second) in itertools.combinations(heard.items(), 2):
        figure, axes = canvas(len(groups), 1, height=1.6 * len(groups) + 0.5, sharex=True, squeeze=False)
        for ax, group in zip(axes[:, 0], groups, strict=True):
            x, y = (mean_onsets(recording, population, group) for recording in (first, second))
            seed = min(x)
            ax.plot(1e3 * x[seed], 1e3 * (y[seed] - x[seed]), linestyle="none", marker=".", markersize=2, color=BLUE)
            ax.axhline(0, color=BLACK, linewidth=0.7, linestyle="--")
            near = levels_agree(first, second, population, follower, group).mean()
            ax.set_title(f"{group}: order {float(near['order']):.5f}, times × {float(near['ratio']):.3f}, {follower} "
                         f"overlap {float(near['overlap']):.2f}", fontsize=8)
        axes[-1, 0].set_xlabel(f"burst at the {one} level (ms)")
        figure.supylabel(f"later at the {other} level by (ms)", fontsize=10)
        panels[f"{other} − {one}"] = figure
    return panels
