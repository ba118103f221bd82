"""The geometry of codes: dissimilarities, correlations of units, dimensions. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLUE, GREY, VERMILLION, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def dissimilarity_image(ax: Axes, matrix: xr.DataArray, order: np.ndarray | None = None,
                        highest: float | None = None) -> Any:
    """One dissimilarity matrix (stimulus, other_stimulus) as an image, pairs that have none in grey; returns it."""
    values = matrix.transpose("stimulus", "other_stimulus").values
    order = np.arange(len(values)) if order is None else order
    names = matrix["stimulus"].values[order]
    if np.isnan(values).all():
        no_data(ax, "no answers")
    shown = np.ma.masked_invalid(values[np.ix_(order, order)])
    image = ax.imshow(shown, cmap="cividis", vmin=0, vmax=highest, interpolation="nearest")
    ax.set_facecolor("0.85")
    ax.set(xticks=[], yticks=[], xlabel=f"{len(names)} stimuli")
    if len(names) <= 16:
        ax.set_yticks(range(len(names)), [str(name) for name in names], fontsize=8)
    return image


def agreement(ax: Axes, one: xr.DataArray, other: xr.DataArray, labels: tuple[str, str]) -> Axes:
    """Dissimilarities of one code against those of another, a dot a pair of stimuli."""
    upper = np.triu_indices(one.sizes["stimulus"], 1)
    x, y = (matrix.transpose("stimulus", "other_stimulus").values[upper] for matrix in (one, other))
    ax.plot(x, y, linestyle="none", marker="o", markersize=3, color=BLUE, alpha=0.4, markeredgewidth=0)
    ax.set(xlabel=f"dissimilarity, {labels[0]}", ylabel=f"dissimilarity, {labels[1]}")
    return ax


def signal_and_noise(ax: Axes, signal: xr.DataArray, noise: xr.DataArray) -> Axes:
    """Noise correlation against signal correlation, a dot a pair of units of one animal; the line is least squares."""
    upper = np.triu_indices(signal.shape[-1], 1)
    x, y = signal.values[upper], noise.values[upper]
    real = ~np.isnan(x + y)
    if not real.any():
        return no_data(ax, "no pair of units varies")
    ax.plot(x[real], y[real], linestyle="none", marker="o", markersize=3, color=BLUE, alpha=0.4, markeredgewidth=0)
    if np.ptp(x[real]) > 0:
        ends = np.array([x[real].min(), x[real].max()])
        ax.plot(ends, np.polyval(np.polyfit(x[real], y[real], 1), ends), color=VERMILLION)
    ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.axvline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlabel="signal correlation", ylabel="noise correlation")
    return ax


def dimensions(ax: Axes, spectra: dict[str, np.ndarray], colors: tuple[str, ...] = (BLUE, VERMILLION)) -> Axes:
    """Variance in each principal direction (component,) of each code named, with its participation ratio."""
    for color, (name, fractions) in zip(colors, spectra.items(), strict=False):
        ratio = 1 / np.sum(fractions**2)
        ax.plot(np.arange(1, len(fractions) + 1), 100 * fractions, color=color, marker="o", markersize=3,
                label=f"{name}: {ratio:.1f}")
        ax.axvline(ratio, color=color, linestyle="--", linewidth=0.9)
    ax.set(xlabel="principal direction", ylabel="variance (%)", ylim=(0, None))
    ax.legend(title="participation ratio", title_fontsize=9)
    return ax
