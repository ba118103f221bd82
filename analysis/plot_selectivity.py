"""How units divide stimuli among themselves, and how alike the codes of several populations are. Axes in, axes out."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLACK, CYCLE, GREY, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 12


def tuning_image(ax: Axes, tuning: xr.DataArray, sort: bool = True) -> Any:
    """Tuning (stimulus, unit), hertz, of one animal as an image: units in the order of the stimulus that they prefer
    and of how much, silent ones last; returns the image, for a colour bar."""
    rates = tuning.transpose("unit", "stimulus").values
    order = _by_preference(rates) if sort else np.arange(len(rates))
    names = [str(name) for name in tuning["stimulus"].values.tolist()]
    if not rates.size or np.isnan(rates).all():
        no_data(ax, "no answers")
    image = ax.imshow(np.ma.masked_invalid(rates[order]), aspect="auto", cmap="cividis", vmin=0,
                      interpolation="nearest")
    ax.set_facecolor("0.85")
    ax.set(ylabel="unit, by preferred stimulus" if sort else "unit", xlabel=f"{len(names)} stimuli", xticks=[])
    if len(names) <= MOST_NAMES:
        ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor", fontsize=8)
        ax.set_xlabel("")
    return image


def _by_preference(rates: np.ndarray) -> np.ndarray:
    """Units by preferred stimulus, then by the height of the answer; silent ones last."""
    known = np.nan_to_num(rates, nan=0.0)
    highest = known.max(axis=1, initial=0.0)
    best = known.argmax(axis=1) if known.shape[1] else np.zeros(len(known), int)
    return np.lexsort((-highest, np.where(highest > 0, best, known.shape[1])))


def spread_of_sparseness(ax: Axes, sparseness: Mapping[str, xr.DataArray | np.ndarray]) -> Axes:
    """How sparseness, 0 dense to 1 sparse, is spread over units or over stimuli: a cumulative curve for each name, with
    its mean and how many values do not exist, as of silent units."""
    drawn = False
    for color, (name, values) in zip(CYCLE, sparseness.items(), strict=False):
        flat = np.asarray(values, float).ravel()
        real = np.sort(flat[~np.isnan(flat)])
        if len(real):
            ax.step(np.concatenate([[0], real, [1]]), np.concatenate([[0], np.arange(len(real)) + 1, [len(real)]])
                    / len(real), where="post", color=color,
                    label=f"{name}: mean {real.mean():.2f}; {len(flat) - len(real)} of {len(flat)} have none")
            ax.axvline(real.mean(), color=color, linestyle="--", linewidth=0.9)
            drawn = True
    if not drawn:
        return no_data(ax, "nobody answers")
    ax.set(xlabel="sparseness (0 dense, 1 sparse)", ylabel="cumulative fraction", xlim=(0, 1), ylim=(0, 1.02))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.3)
    return ax


def likeness_image(ax: Axes, likeness: np.ndarray, names: Sequence[str], label: str = "linear CKA") -> Any:
    """How alike several codes are, (codes, codes) from 0 to 1 such as of `similarity.linear_cka`, with its numbers;
    pairs that have none are grey. Returns the image."""
    values = np.asarray(likeness, float)
    image = ax.imshow(np.ma.masked_invalid(values), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    ax.set_facecolor("0.85")
    for (row, column), value in np.ndenumerate(values):
        text, color = ("–", GREY) if np.isnan(value) else (f"{value:.2f}", BLACK if value > 0.6 else "white")
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.set_title(label, loc="left")
    return image
