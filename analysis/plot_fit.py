"""Where success ends, and how a quantity grows, with the fit and its interval. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.fit import logistic
from neuroam.analysis.plot_rates import band
from neuroam.analysis.style import BLUE, GREY, VERMILLION, no_data

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


def transition_curve(ax: Axes, fit: xr.Dataset, axis: str, label: str, color: str = BLUE,
                     name: str | None = None) -> Axes:
    """Fraction of successes over `axis` (dots), the logistic curve, and the midpoint with its interval. `fit` as of
    `fit.transition`; `label` names the axis with its unit."""
    x = fit[axis].values
    ax.plot(x, fit["fraction"].values, "o", color=color, markersize=4.5)
    midpoint = float(fit["midpoint"])
    if np.isnan(midpoint):
        ax.plot([], [], color=color, label=f"{name or 'success'}: no transition")
    else:
        fine = np.linspace(x.min(), x.max(), 400)
        ax.plot(fine, logistic(fine, midpoint, float(fit["width"])), color=color,
                label=f"{name + ': ' if name else ''}{_number(midpoint, fit)}")
        ax.fill_betweenx([0, 1], float(fit["low"]), float(fit["high"]), color=color, alpha=0.18, linewidth=0)
        ax.plot([midpoint, midpoint], [0, 0.5], color=color, linestyle="--", linewidth=1)
    ax.axhline(0.5, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlabel=label, ylabel="fraction that succeed", ylim=(-0.04, 1.04))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), borderaxespad=0.3)
    return ax


def power_law_line(ax: Axes, values: xr.DataArray, axis: str, fit: xr.Dataset, labels: tuple[str, str],
                   color: str = BLUE) -> Axes:
    """Values (animal, `axis`) on logarithmic axes, mean and interval over animals, with the line of `fit.power_law`."""
    x = values[axis].values.astype(float)
    rows = values.transpose("animal", axis).values if "animal" in values.dims else values.values[None]
    if not (rows > 0).any():
        return no_data(ax, "nothing above 0")
    ax.set(xscale="log", yscale="log")
    band(ax, x, rows, color)
    ax.lines[-1].set(linestyle="none", marker="o", markersize=4.5)
    if not np.isnan(fit["exponent"]):
        low, high = float(fit["low"]), float(fit["high"])
        ax.plot(x, float(fit["factor"]) * x ** float(fit["exponent"]), color=VERMILLION,
                label=f"exponent {float(fit['exponent']):.2f} [{low:.2f}, {high:.2f}]".replace("-", "−"))
        ax.legend(loc="best")
    ax.set(xlabel=labels[0], ylabel=labels[1])
    for side in (ax.xaxis, ax.yaxis):
        plain_log(side)
    return ax


def plain_log(side: Axis) -> None:
    """Plain numbers along a logarithmic axis, at 1, 2 and 5 times the powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    side.set_major_locator(LogLocator(subs=(1, 2, 5)))
    side.set_major_formatter(StrMethodFormatter("{x:g}"))
    side.set_minor_formatter(NullFormatter())


def _number(midpoint: float, fit: xr.Dataset) -> str:
    ends = "" if np.isnan(fit["low"]) else f" [{float(fit['low']):#.3g}, {float(fit['high']):#.3g}]"
    return f"{midpoint:#.3g}{ends}".replace("-", "−")
