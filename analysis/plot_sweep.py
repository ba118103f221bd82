"""Figures of a sweep: a claim or a metric against a parameter. A `sweep` is what `sweeps.assemble` gives.

Along the abscissa lies the parameter with most values that are numbers; each line is a value of a second one, or a
group of animals; whatever else was varied has panels of its own. Of a list of parameter sets that vary in more than one
thing, the cells themselves lie along the abscissa.
"""
from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLACK, CYCLE, GREY, SKY, canvas, no_data, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = len(CYCLE)
MOST_PANELS = 6
FACTOR_LOG = 30  # largest over smallest value from which on the axis is logarithmic
NAMED = 12  # values that are no numbers, and are named on the axis


@dataclass(frozen=True)
class Roles:
    """What lies along the abscissa, what has a line each, what has a panel each."""

    along: str
    lines: str | None
    panels: tuple[str, ...]


@styled
def claim_figures(sweep: xr.Dataset) -> dict[str, dict[str, Figure]]:
    """Claim → panel title → the mean of its statistic over animals with its interval; blue: the expected region."""
    if "statistic" not in sweep:
        return {}
    return {claim: _figures(sweep.sel(claim=claim), "statistic", roles(sweep, False), claim)
            for claim in sweep["claim"].values.tolist()}


@styled
def metric_figures(sweep: xr.Dataset) -> dict[str, dict[str, Figure]]:
    """Metric → panel title → its mean over trials and animals with its interval."""
    if "measure" not in sweep:
        return {}
    return {metric: _figures(sweep.sel(metric=metric), "measure", roles(sweep, sweep.sizes["group"] > 1), metric)
            for metric in sweep["metric"].values.tolist() if sweep["measure_mean"].sel(metric=metric).notnull().any()}


def roles(sweep: xr.Dataset, grouped: bool) -> Roles:
    """Who lies where; with `grouped`, groups of animals are drawn too."""
    dims = [str(dim) for dim in sweep["message"].dims if dim != "level"]
    along = max(dims, key=lambda dim: (_numbers(sweep[dim]), sweep.sizes[dim]))
    others = [dim for dim in dims if dim != along and sweep.sizes[dim] > 1]
    if grouped:
        others = ["group", *others]
    if sweep.sizes["level"] > 1:
        others = [*others, "level"]
    lines = next((dim for dim in reversed(others) if sweep.sizes[dim] <= MOST_LINES and dim not in ("level",)), None)
    lines = lines or ("level" if "level" in others else None)
    return Roles(along, lines, tuple(dim for dim in others if dim != lines))


def _numbers(values: xr.DataArray) -> bool:
    return values.dtype.kind in "iuf" and bool(np.isfinite(values.values).all())


def _figures(one: xr.Dataset, name: str, chosen: Roles, label: str) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    kept = {chosen.along, chosen.lines, "animal", *chosen.panels}
    one = one.isel({dim: 0 for dim in one[name].dims if dim not in kept})
    for place in itertools.product(*(range(one.sizes[dim]) for dim in chosen.panels)):
        at: dict[Hashable, int] = dict(zip(chosen.panels, place, strict=True))
        panel = one.isel(at)
        if panel[f"{name}_mean"].notnull().any():
            title = ", ".join(_called(one, dim, at[dim]) for dim in chosen.panels)
            found[title] = _panel(panel, name, chosen, label)
        if len(found) == MOST_PANELS:
            break
    return found


def panels_in_all(sweep: xr.Dataset, chosen: Roles) -> int:
    """How many panels a claim would have if all were drawn."""
    return math.prod(sweep.sizes[dim] for dim in chosen.panels)


def _panel(panel: xr.Dataset, name: str, chosen: Roles, label: str) -> Figure:
    figure, ax = canvas(height=3.1)
    x = _abscissa(ax, panel, chosen.along)
    many = panel.sizes[chosen.lines] if chosen.lines else 1
    for k in range(many):
        line = panel.isel({chosen.lines: k}) if chosen.lines else panel
        shift = _shift(ax, x, k, many)
        _line(ax, shift, line, name, CYCLE[k % len(CYCLE)], _called(panel, chosen.lines, k) if chosen.lines else "",
              joined=chosen.along != "cell" or _along(panel, chosen.along) is not None)
    if name == "statistic":
        _expected(ax, panel)
    ax.set_ylabel(textwrap.fill(label, 34, max_lines=3, placeholder=" …"), fontsize=9)
    if not panel[f"{name}_mean"].notnull().any():
        no_data(ax)
    if chosen.lines:
        figure.legend(loc="outside upper center", ncols=2 if many > 1 else 1, fontsize=8)
    return figure


def _line(ax: Axes, x: np.ndarray, line: xr.Dataset, name: str, color: str, label: str, joined: bool) -> None:
    mean, low, high = (line[f"{name}_{word}"].values for word in ("mean", "low", "high"))
    order = np.argsort(x)
    known = order[~np.isnan(mean[order])]
    ax.vlines(x[known], low[known], high[known], color=color, linewidth=1.6)
    ax.plot(x[known], mean[known], "o-" if joined else "o", color=color, markersize=4, linewidth=1.2, label=label)


def _abscissa(ax: Axes, panel: xr.Dataset, dim: str) -> np.ndarray:
    """Where the cells lie, and the axis that says so."""
    shown = _along(panel, dim)
    if shown is not None:
        values = panel[shown]
        x = values.values * values.attrs.get("shown_factor", 1.0)
        ax.set_xlabel(_with_unit(shown, values.attrs))
        if x.min() > 0 and x.max() / x.min() >= FACTOR_LOG:
            _logarithmic(ax, x)
        elif len(set(x.tolist())) <= 7:
            ax.set_xticks(sorted(set(x.tolist())), [f"{value:.4g}" for value in sorted(set(x.tolist()))])
        return np.asarray(x, float)
    x = np.arange(panel.sizes[dim], dtype=float)
    if dim == "cell":
        ax.set_xlabel("cell, numbered as in the table")
        ax.set_xticks(x[:: max(1, len(x) // NAMED)], [str(int(k) + 1) for k in x[:: max(1, len(x) // NAMED)]])
    else:
        words = [textwrap.fill(_value(panel[dim], k), 12) for k in range(len(x))]
        ax.set_xlabel(dim)
        ax.set_xticks(x[:NAMED], words[:NAMED], fontsize=8)
        ax.set_xlim(-0.5, len(x) - 0.5)
    return x


def _along(panel: xr.Dataset, dim: str) -> str | None:
    """The coordinate of numbers that lies along the abscissa, if there is one."""
    if dim != "cell":
        return dim if _numbers(panel[dim]) else None
    varied = [str(name) for name, values in panel.coords.items() if values.dims == ("cell",) and name != "cell"
              and len(set(values.values.tolist())) > 1]
    return varied[0] if len(varied) == 1 and _numbers(panel[varied[0]]) else None


def _logarithmic(ax: Axes, x: np.ndarray) -> None:
    ax.set_xscale("log")
    ax.set_xlim(x.min() / 1.25, x.max() * 1.25)
    if len(set(x.tolist())) <= 7:
        ax.set_xticks(sorted(set(x.tolist())), [f"{value:.4g}" for value in sorted(set(x.tolist()))])
        ax.set_xticks([], minor=True)


def _shift(ax: Axes, x: np.ndarray, k: int, many: int) -> np.ndarray:
    """Lines a little apart, so that intervals do not hide one another."""
    apart = (k - (many - 1) / 2) * 0.008
    if ax.get_xscale() == "log":
        return x * (x.max() / x.min()) ** apart
    return x + apart * (np.ptp(x) or 1.0)


def _expected(ax: Axes, panel: xr.Dataset) -> None:
    expect = float(panel["expect_low"]), float(panel["expect_high"])
    values = np.concatenate([panel[f"statistic_{word}"].values.ravel() for word in ("mean", "low", "high")])
    finite = [*values[np.isfinite(values)].tolist(), *(end for end in expect if math.isfinite(end))]
    low, high = min(finite), max(finite)
    margin = 0.08 * (high - low) or 0.5
    ax.set_ylim(low - margin, high + margin)
    ax.axhspan(max(expect[0], low - margin), min(expect[1], high + margin), color=SKY, alpha=0.22, linewidth=0,
               zorder=0)
    if low - margin < 0 < high + margin:
        ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.spines["left"].set_color(BLACK)


def _called(one: xr.Dataset, dim: str | None, k: int) -> str:
    if dim is None:
        return ""
    value = _value(one[dim], k)
    return value if dim in ("group", "level") else f"{dim} = {value}"


def _value(values: xr.DataArray, k: int) -> str:
    """A value of a parameter, with its unit."""
    value: Any = values.values[k]
    attributes: Mapping[str, Any] = values.attrs
    if values.dtype.kind in "iuf":
        unit = attributes.get("shown_unit", "")
        return f"{value * attributes.get('shown_factor', 1):.4g}" + (f" {unit}" if unit else "")
    return str(value)


def _with_unit(name: str, attributes: Mapping[str, Any]) -> str:
    unit = attributes.get("shown_unit", "")
    return f"{name} ({unit})" if unit else name
