"""What was learned: answers over trials, and the preference at the end."""
from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.learning import learning_curve, preference_index
from neuroam.analysis.style import BLUE, GREY, VERMILLION, no_data
from neuroam.prediction import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CS_COLORS = {"CS+": VERMILLION, "CS-": BLUE}


def curves(recording: xr.Dataset, blocks: tuple[str, ...], group: str, cs_type: str) -> np.ndarray:
    """Learning curves averaged over counterbalanced `blocks`, shape (animal, presentation)."""
    found = [learning_curve(recording, block, group, cs_type=cs_type).values for block in blocks]
    shortest = min(curve.shape[1] for curve in found)
    return np.mean([curve[:, :shortest] for curve in found], axis=0)


def learning_curves(ax: Axes, recording: xr.Dataset, blocks: tuple[str, ...], group: str) -> Axes:
    """Answer of the approach neuron to CS+ and CS−: a thin line for each animal, mean and 95 % interval."""
    for cs_type, color in CS_COLORS.items():
        values = curves(recording, blocks, group, cs_type)
        x = np.arange(1, values.shape[1] + 1)
        ax.plot(x, values.T, color=color, linewidth=0.6, alpha=0.4)
        intervals = np.array([bootstrap_interval(column) for column in values.T])
        ax.fill_between(x, intervals[:, 0], intervals[:, 1], color=color, alpha=0.22, linewidth=0)
        ax.plot(x, _mean(values), color=color, label=cs_type.replace("-", "−"))
    ax.axhline(1, color=GREY, linewidth=0.7, linestyle=":")
    _mark_phases(ax, recording, blocks[0])
    ax.set(xlabel="presentation", title=textwrap.fill(group, 22))
    return ax


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over animals, NaN left out; NaN where there is none."""
    counted = (~np.isnan(values)).sum(axis=0)
    return np.nansum(values, axis=0) / np.where(counted > 0, counted, np.nan)


def _mark_phases(ax: Axes, recording: xr.Dataset, block: str) -> None:
    """Shade training, and leave what comes before and after white."""
    keep = (recording["block"].values == block) & (recording["cs_type"].values == "CS+")
    training = np.flatnonzero(recording["phase"].values[keep] == "training") + 1
    if len(training):
        ax.axvspan(training[0] - 0.5, training[-1] + 0.5, color=GREY, alpha=0.12, linewidth=0)


def preferences(ax: Axes, recording: xr.Dataset, pairs: Mapping[str, tuple[str, ...]], groups: tuple[str, ...]) -> Axes:
    """Preference index of each group: dots are animals, the bar is the mean with its 95 % interval. The pairs of
    odours (name → counterbalanced blocks) stand side by side."""
    colors = dict(zip(pairs, (VERMILLION, BLUE), strict=False))
    offsets = np.linspace(-0.2, 0.2, len(pairs)) if len(pairs) > 1 else np.zeros(1)
    for offset, (pair, blocks) in zip(offsets, pairs.items(), strict=True):
        for place, group in enumerate(groups):
            values = preference_index(recording, blocks, group).values
            _interval(ax, place + offset, values, colors.get(pair, GREY), f"{pair} odours" if not place else None)
    ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.set_ylim(bottom=min(-0.1, ax.get_ylim()[0]))
    ax.set(xticks=range(len(groups)), ylabel="preference index", xlim=(-0.55, len(groups) - 0.45))
    ax.set_xticklabels([textwrap.fill(group, 13) for group in groups], fontsize=8)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.3)
    return ax


def _interval(ax: Axes, place: float, values: np.ndarray, color: str, label: str | None) -> None:
    values = values[~np.isnan(values)]
    if not len(values):
        no_data(ax, "no answers")
        return
    spread = np.linspace(-0.07, 0.07, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(place + spread, values, linestyle="none", marker="o", markersize=3.5, color=color, alpha=0.45,
            markeredgewidth=0)
    low, high = bootstrap_interval(values)
    ax.plot([place, place], [low, high], color=color, linewidth=2)
    ax.plot(place + np.array([-0.1, 0.1]), [values.mean()] * 2, color=color, linewidth=2.4, label=label)
