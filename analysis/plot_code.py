"""What a code looks like: how many cells answer, and how alike the codes of different stimuli are."""
from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.correlation import stimulus_correlations
from neuroam.analysis.responses import responses
from neuroam.analysis.style import BLACK, CYCLE, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def answering(recording: xr.Dataset, population: str, group: str, block: str) -> np.ndarray:
    """Fraction of cells that answer each stimulus, mean over animals, shape (n_stimuli,)."""
    rates = responses(recording, population, group, block)
    return (rates > 0).mean(("animal", "unit")).values


def coding_levels(ax: Axes, recording: xr.Dataset, population: str, groups: tuple[str, ...], block: str) -> Axes:
    """Fraction of cells that answer each stimulus, a dot a stimulus and a row a group; a line at each mean."""
    for row, (color, group) in enumerate(zip(CYCLE, groups, strict=False)):
        values = 100 * answering(recording, population, group, block)
        ax.plot(values, -row + _swarm(values), linestyle="none", marker="o", markersize=3, color=color, alpha=0.55,
                markeredgewidth=0)
        ax.plot([values.mean()] * 2, [-row - 0.36, -row + 0.36], color=BLACK, linewidth=1.4)
        ax.text(values.mean(), -row + 0.38, f"{values.mean():.1f} %", ha="center", va="bottom", fontsize=8.5)
    ax.set(xlabel=f"{population} that answer an odour (%)", yticks=-np.arange(len(groups)),
           xlim=(0, None), ylim=(-len(groups) + 0.4, 0.75))
    ax.set_yticklabels([textwrap.fill(group, 14) for group in groups])
    ax.tick_params(axis="y", length=0)
    return ax


def _swarm(values: np.ndarray, bins: int = 60, step: float = 0.06) -> np.ndarray:
    """Offsets that set dots of about the same value above one another, alternately to either side, within ±0.32."""
    edges = np.linspace(values.min(), values.max() + 1e-9, bins)
    bin_of = np.digitize(values, edges)
    rank = np.array([np.sum(bin_of[:k] == b) for k, b in enumerate(bin_of)])
    offsets = (rank + 1) // 2 * np.where(rank % 2, 1, -1) * step
    return offsets * min(1.0, 0.32 / max(float(np.abs(offsets).max()), 1e-9))


def mean_correlations(recording: xr.Dataset, population: str, group: str, block: str) -> np.ndarray:
    """Correlation between the codes of each two stimuli, mean over animals, shape (n_stimuli, n_stimuli). A pair
    that no animal has, because nobody answers one of the two, is NaN."""
    return stimulus_correlations(recording, population, group, block).mean("animal").values


def similar_first(matrix: np.ndarray) -> np.ndarray:
    """Order of stimuli that puts similar ones side by side: average linkage on 1 − correlation, leaves reordered."""
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return np.arange(len(matrix))
    distance = 1 - np.nan_to_num(matrix, nan=0.0)
    np.fill_diagonal(distance, 0.0)
    pairs = squareform((distance + distance.T) / 2, checks=False)
    return hierarchy.leaves_list(hierarchy.linkage(pairs, "average", optimal_ordering=True))


def color_limits(*matrices: np.ndarray) -> tuple[float, float]:
    """A scale that all matrices share: 0 to the 99th percentile of what lies off the diagonal."""
    off = np.concatenate([m[~np.eye(len(m), dtype=bool)] for m in matrices])
    off = off[~np.isnan(off)]
    return 0.0, max(float(np.percentile(off, 99)) if len(off) else 1.0, 0.05)


def correlation_image(ax: Axes, matrix: np.ndarray, order: np.ndarray, limits: tuple[float, float]) -> Any:
    """One correlation matrix as an image; returns the image, for a colour bar."""
    if np.isnan(matrix).all():
        no_data(ax, "no answers")
    shown = np.ma.masked_invalid(matrix[np.ix_(order, order)])
    image = ax.imshow(shown, cmap="cividis", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_facecolor("0.85")
    ax.set(xticks=[], yticks=[], xlabel=f"{len(order)} odours")
    return image
