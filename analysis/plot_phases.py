"""The plane of auto- and hetero-association: which mode a correlated memory is in, and how far it reaches. A dataset as
of `neuroam.effective.correlated_phases` in, a figure out.

A point has the mode that most seeds have, the first of them if several are as frequent; what is measured is a mean over
seeds. Where in most seeds the step was too long for the states, nothing is shown of them; nor is the range of states
that are the same from all starts.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOST = -1
COLOURS = (BLUE, SKY, GREEN, "#DDDDDD")
MEASURES = {"range": "range (links)", "active": "memories in a state"}
Lines = Mapping[str, tuple[np.ndarray, np.ndarray]]


def commonest_mode(plane: xr.Dataset) -> xr.DataArray:
    """The mode of most seeds at each point, dims (auto, hetero)."""
    mode = plane["mode"].transpose("seed", "auto", "hetero")
    kinds = np.unique(mode)
    counts = np.array([(mode.values == kind).sum(axis=0) for kind in kinds])
    return mode.isel(seed=0, drop=True).copy(data=kinds[counts.argmax(axis=0)])


@styled
def phase_figure(plane: xr.Dataset, modes: Sequence[str], lines: Lines | None = None) -> Figure:
    """Modes with their names in `modes`, of which the last is none of a memory and has no range; the range and the
    number of memories. `lines`: label and course, hetero and auto, of boundaries that theory gives."""
    figure, axes = canvas(1, 3, 10.5, 4.0, sharex=True, sharey=True)
    common = commonest_mode(plane)
    _modes(axes[0], common, modes)
    quiet = (common.values == len(modes) - 1, np.zeros(common.shape, bool))
    for ax, name, label, silent in zip(axes[1:], MEASURES, MEASURES.values(), quiet, strict=True):
        values = plane[name].mean("seed").transpose("auto", "hetero").values
        image = ax.imshow(np.ma.masked_where(silent | (common.values == LOST), values), extent=_extent(plane),
                          origin="lower", aspect="auto", cmap="cividis", interpolation="nearest")
        ax.set_facecolor("0.9")
        figure.colorbar(image, ax=ax, label=label)
    for ax in axes:
        for style, (label, (hetero, auto)) in zip(("-", "--", ":"), (lines or {}).items(), strict=False):
            ax.plot(hetero, auto, style, color=BLACK if ax is axes[0] else "white", linewidth=1.3, label=label)
        ax.set(xlabel="hetero-association, h", xlim=_extent(plane)[:2], ylim=_extent(plane)[2:])
    axes[0].set_ylabel("auto-association, a")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _modes(ax: Axes, common: xr.DataArray, modes: Sequence[str]) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    palette = ListedColormap([ORANGE, *COLOURS])
    ax.imshow(common.values, extent=_extent(common), origin="lower", aspect="auto", cmap=palette,
              norm=BoundaryNorm(np.arange(LOST - 0.5, len(COLOURS)), palette.N), interpolation="nearest")
    for kind, name in [(LOST, "step too long"), *enumerate(modes)]:
        if np.any(common.values == kind):
            ax.plot([], [], "s", color=palette(kind + 1), markeredgecolor=GREY, markeredgewidth=0.4, label=name)


def _extent(plane: Any) -> tuple[float, float, float, float]:
    """Edges of the outermost points."""
    edges = []
    for name in ("hetero", "auto"):
        at = plane[name].values
        half = (at[1] - at[0]) / 2
        edges += [float(at[0] - half), float(at[-1] + half)]
    return edges[0], edges[1], edges[2], edges[3]
