"""Claims side by side: for each its measured mean and interval at every level, on a scale of its own."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuroam.analysis.style import CYCLE, GREY, SKY, canvas, styled
from neuroam.prediction import Prediction, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def forest(predictions: Sequence[Prediction], verdicts: Mapping[str, Sequence[Verdict]]) -> Figure:
    """One small axis a claim, the expected region shaded, a marker and interval for each level."""
    height = 0.42 + 0.16 * len(verdicts)
    figure, axes = canvas(len(predictions), 1, height=height * len(predictions) + 0.4, squeeze=False)
    for ax, prediction in zip(axes[:, 0], predictions, strict=True):
        found = {level: next((v for v in rows if v.claim == prediction.claim), None)
                 for level, rows in verdicts.items()}
        claim(ax, prediction, found)
    handles = [axes[0, 0].plot([], [], "o-", color=color, label=level)[0]
               for color, level in zip(CYCLE, verdicts, strict=False)]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def claim(ax: Axes, prediction: Prediction, found: Mapping[str, Verdict | None]) -> Axes:
    """Means and intervals of one claim, levels from top to bottom."""
    shown = [v for v in found.values() if v is not None]
    low, high = _limits(prediction, shown)
    ax.axvspan(max(prediction.expect.low, low), min(prediction.expect.high, high), color=SKY, alpha=0.25,
               linewidth=0)
    for row, (color, verdict) in enumerate(zip(CYCLE, found.values(), strict=False)):
        if verdict is not None and not math.isnan(verdict.mean):
            ends = [verdict.mean if math.isnan(x) else x for x in (verdict.low, verdict.high)]
            ax.plot(ends, [-row, -row], color=color, solid_capstyle="butt")
            ax.plot(verdict.mean, -row, "o", color=color, markersize=5)
    ax.axvline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlim=(low, high), ylim=(-len(found) + 0.4, 0.6), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.locator_params(axis="x", nbins=6)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_title(prediction.claim, loc="left", fontsize=8.5, pad=3)
    return ax


def _limits(prediction: Prediction, shown: Sequence[Verdict]) -> tuple[float, float]:
    numbers = [x for v in shown for x in (v.mean, v.low, v.high)]
    numbers += [prediction.expect.low, prediction.expect.high, 0.0]
    finite = [x for x in numbers if math.isfinite(x)]
    low, high = min(finite), max(finite)
    margin = 0.08 * (high - low) or 0.5
    return low - margin, high + margin
