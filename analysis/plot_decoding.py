"""What can be read from a code: accuracy beside chance, and what is taken for what. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.decoding import confusion
from neuroam.analysis.style import BLACK, BLUE, GREY, VERMILLION
from neuroam.prediction import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def accuracies(ax: Axes, decoded: dict[str, xr.Dataset]) -> Axes:
    """Accuracy of `decoding.decode` for each name: dots are animals, the bar is the mean with its 95 % interval, grey
    the middle 95 % of the shuffles, and a dotted line chance."""
    for place, found in enumerate(decoded.values()):
        values = found["accuracy"].values.ravel()
        low, high = np.percentile(found["shuffled"].values, [2.5, 97.5])
        ax.fill_between([place - 0.3, place + 0.3], low, high, color=GREY, alpha=0.3, linewidth=0,
                        label=None if place else "shuffled")
        ax.plot([place - 0.3, place + 0.3], [float(found["chance"])] * 2, color=BLACK, linestyle=":", linewidth=1,
                label=None if place else "chance")
        _interval(ax, place, values)
    ax.set(xticks=range(len(decoded)), ylabel="fraction decoded right", ylim=(0, 1.05),
           xlim=(-0.6, len(decoded) - 0.4))
    ax.set_xticklabels(list(decoded))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.3)
    return ax


def confusion_image(ax: Axes, decoded: xr.Dataset) -> Any:
    """Fraction of the trials of each condition (row) decoded as each (column), mean over animals; returns the image."""
    table = confusion(decoded).mean("animal")
    names = [str(name) for name in table["condition"].values]
    image = ax.imshow(table.values, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xlabel="decoded as", ylabel="shown", xticks=[], yticks=[])
    if len(names) <= 12:
        ax.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        ax.set_yticks(range(len(names)), names, fontsize=8)
    return image


def _interval(ax: Axes, place: float, values: np.ndarray) -> None:
    spread = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(place + spread, values, linestyle="none", marker="o", markersize=3.5, color=BLUE, alpha=0.45,
            markeredgewidth=0)
    low, high = bootstrap_interval(values)
    ax.plot([place, place], [low, high], color=VERMILLION, linewidth=2)
    ax.plot(place + np.array([-0.15, 0.15]), [values.mean()] * 2, color=VERMILLION, linewidth=2.4)
