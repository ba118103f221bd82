"""Events that run through a template: when units fire, how well the order is kept, and how fast. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLUE, GREY, VERMILLION, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def event_raster(ax: Axes, times: xr.DataArray, template: xr.DataArray, score: float | None = None) -> Axes:
    """When each unit fires in one event, units in the order of the template; those that do not fire leave a gap."""
    order = np.argsort(template.values, kind="stable")
    row = times.values[order]
    if np.isnan(row).all():
        return no_data(ax, "no unit fires")
    ax.plot(1e3 * row, np.arange(1, len(row) + 1), linestyle="none", marker="|", markersize=7, markeredgewidth=1.6,
            color=BLUE)
    ax.set(xlabel="time in the event (ms)", ylabel="unit, in the template's order", ylim=(0, len(row) + 1))
    if score is not None:
        ax.set_title(f"order score {score:.2f}".replace("-", "−"), fontsize=9, loc="left")
    return ax


def score_histogram(ax: Axes, score: xr.DataArray, shuffled: xr.DataArray) -> Axes:
    """Order scores of events, and of events whose units were shuffled, as fractions."""
    bins = np.linspace(-1, 1, 25).tolist()
    for values, color, label in ((shuffled, GREY, "shuffled"), (score, VERMILLION, "events")):
        real = values.values[~np.isnan(values.values)]
        if not len(real):
            return no_data(ax, "no event has enough units")
        ax.hist(real, bins=bins, weights=np.full(len(real), 1 / len(real)), color=color, alpha=0.6, label=label)
    ax.set(xlabel="order score", ylabel="fraction of events", xlim=(-1, 1))
    ax.legend(loc="upper left")
    return ax


def speed_curve(ax: Axes, match: xr.Dataset) -> Axes:
    """Best correlation of an event with its template against how much the template is sped up; as of
    `replay.template_match`."""
    values = match["correlation"]
    if values.isnull().all():
        return no_data(ax, "nothing to match")
    best = int(np.nanargmax(values.values))
    ax.semilogx(match["factor"].values, values.values, color=BLUE, marker="o", markersize=4)
    ax.semilogx(match["factor"].values[best], values.values[best], marker="o", markersize=8, markerfacecolor="none",
                markeredgecolor=VERMILLION, markeredgewidth=1.6)
    ax.set_xticks(match["factor"].values, [f"{value:g}" for value in match["factor"].values])
    ax.xaxis.minorticks_off()
    ax.set(xlabel="speed-up of the template (×)", ylabel="correlation")
    return ax
