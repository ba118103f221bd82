"""Figures of a comparison: differences between levels over trials and over all of them, and the way to the effective
model. A `comparison` is what `compare.compare_levels` gives, a `curve` what `adiabatic` describes."""
from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.adiabatic import SMALL, mean_course
from neuroam.analysis.style import BLACK, CYCLE, GREY, SKY, WIDTH, canvas, no_data, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 60  # trials that are drawn one by one
NAMED = 8  # trials that are named on the axis
MOST_GROUPS = 6  # groups that are drawn over trials


@styled
def overall_figures(comparison: xr.Dataset) -> dict[str, Figure]:
    """Differences over all trials with their intervals, a small axis for each metric; a panel for each population."""
    return {subject: _overall(comparison.sel(metric=metrics)) for subject, metrics in subjects(comparison).items()}


@styled
def trial_figures(comparison: xr.Dataset) -> dict[str, Figure]:
    """Differences trial by trial, groups below each other; a panel for each metric that two levels have."""
    shown = comparison.isel(group=slice(MOST_GROUPS))
    return {metric: _by_trial(shown.sel(metric=metric)) for metric in comparison["metric"].values.tolist()
            if comparison["difference"].sel(metric=metric).notnull().any()}


@styled
def distance_figures(curve: xr.Dataset, orders: xr.Dataset) -> dict[str, Figure]:
    """Distance to the effective model against τ_h/τ_v on log-log axes, with the fitted order; a panel a group."""
    panels = {}
    for group in orders["group"].values.tolist():
        figure, ax = canvas(height=3.4)
        course = mean_course(curve, "distance", group)
        ax.set(xscale="log", yscale="log", xlabel="$τ_h$ / $τ_v$", ylabel="max |v − v$_{eff}$| / max |v$_{eff}$|")
        for color, level in zip(CYCLE, curve["level"].values.tolist(), strict=False):
            _distance(ax, course.sel(level=level), orders.sel(level=level, group=group), level, color)
        _first_order(ax, course)
        figure.legend(loc="outside upper center", ncols=1)
        panels[group] = figure
    return panels


@styled
def recall_figures(curve: xr.Dataset, breaks: xr.DataArray) -> dict[str, Figure]:
    """Fraction of trials that recall the cued pattern against τ_h/τ_v, and where it falls below half that of the
    effective model; a panel a group, none for circuits without stored patterns."""
    if not curve["success"].notnull().any():
        return {}
    panels = {}
    for group in breaks["group"].values.tolist():
        figure, ax = canvas(height=3.2)
        effective = mean_course(curve, "success_effective", group)
        ax.plot(effective["ratio"], effective["mean"], color=BLACK, linestyle="--", linewidth=1.2, label="effective")
        ax.plot(effective["ratio"], effective["mean"] / 2, color=GREY, linestyle=":", linewidth=1, label="half of it")
        course = mean_course(curve, "success", group)
        for color, level in zip(CYCLE, curve["level"].values.tolist(), strict=False):
            _interval_line(ax, course.sel(level=level), color, level)
            place = float(breaks.sel(level=level, group=group))
            if not math.isnan(place):
                ax.axvline(place, color=color, linewidth=0.8, linestyle="--")
        ax.set(xscale="log", ylim=(-0.05, 1.08), xlabel="$τ_h$ / $τ_v$", ylabel="fraction of trials recalled")
        figure.legend(loc="outside upper center", ncols=3)
        panels[group] = figure
    return panels


def subjects(comparison: xr.Dataset) -> dict[str, list[str]]:
    """Metrics by what they are of: a population, or "memory and others"; those without any value are left out."""
    found: dict[str, list[str]] = {}
    for metric in comparison["metric"].values.tolist():
        if comparison["overall"].sel(metric=metric).notnull().any():
            subject, colon, _ = metric.partition(": ")
            found.setdefault(subject if colon else "memory and others", []).append(metric)
    return found


def _overall(comparison: xr.Dataset) -> Figure:
    groups, pairs, metrics = (comparison[dim].values.tolist() for dim in ("group", "pair", "metric"))
    height = 0.5 + 0.13 * len(pairs) * len(groups) + 0.08 * len(groups)
    figure, axes = canvas(len(metrics), 1, WIDTH, height * len(metrics) + 0.45, squeeze=False)
    for ax, metric in zip(axes[:, 0], metrics, strict=True):
        _rows(ax, comparison.sel(metric=metric), groups)
        ax.set_title(_short(metric), loc="left", fontsize=8.5, pad=3)
    _legend(figure, axes[0, 0], pairs)
    return figure


def _rows(ax: Axes, one: xr.Dataset, groups: list[str]) -> None:
    pairs = one["pair"].values.tolist()
    for g, group in enumerate(groups):
        for k, (color, pair) in enumerate(zip(CYCLE, pairs, strict=False)):
            row = one.sel(group=group, pair=pair)
            y = -g - 0.8 * (k - (len(pairs) - 1) / 2) / max(len(pairs), 2)
            ax.plot([row["overall_low"], row["overall_high"]], [y, y], color=color, solid_capstyle="butt")
            ax.plot(row["overall"], y, "o", color=color, markersize=4)
    ax.axvline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.margins(x=0.08)
    ax.set(ylim=(-len(groups) + 0.4, 0.6), yticks=[-g for g in range(len(groups))] if len(groups) > 1 else [])
    if len(groups) > 1:
        ax.set_yticklabels([textwrap.fill(group, 18, max_lines=2, placeholder="…") for group in groups], fontsize=7.5)
    ax.locator_params(axis="x", nbins=6)
    ax.tick_params(axis="x", labelsize=8)


def _by_trial(one: xr.Dataset) -> Figure:
    groups, pairs = one["group"].values.tolist(), one["pair"].values.tolist()
    figure, axes = canvas(len(groups), 1, WIDTH, 1.3 + 1.15 * len(groups), sharex=True, sharey=True, squeeze=False)
    for ax, group in zip(axes[:, 0], groups, strict=True):
        for k, (color, pair) in enumerate(zip(CYCLE, pairs, strict=False)):
            _trials(ax, one.sel(group=group, pair=pair), color, 0.5 * (k - (len(pairs) - 1) / 2) / len(pairs))
        ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
        _mark_blocks(ax, one["block"].values)
        if not np.nanmax(np.abs(one["difference"].values), initial=0):  # else the axis magnifies rounding
            ax.set_ylim(-0.05, 0.05)
        if len(groups) > 1:
            ax.set_title(group, loc="left", fontsize=8.5, pad=3)
    _name_trials(axes[-1, 0], one)
    figure.supylabel(_short(str(one["metric"].values)), fontsize=9)
    _legend(figure, axes[0, 0], pairs)
    return figure


def _trials(ax: Axes, one: xr.Dataset, color: str, shift: float) -> None:
    x = np.arange(1, one.sizes["trial"] + 1)
    mean, low, high = (one[name].values for name in ("difference", "low", "high"))
    if len(x) > FEW:
        ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
        ax.plot(x, mean, color=color, linewidth=0.9)
    else:
        ax.vlines(x + shift, low, high, color=color, linewidth=1.4)
        ax.plot(x + shift, mean, "o", color=color, markersize=3.5)


def _mark_blocks(ax: Axes, blocks: np.ndarray) -> None:
    for place in np.flatnonzero(blocks[1:] != blocks[:-1]):
        ax.axvline(place + 1.5, color=GREY, linewidth=0.5, alpha=0.6)


def _name_trials(ax: Axes, one: xr.Dataset) -> None:
    names = one["stimulus"].values.tolist()
    if len(names) <= NAMED and len(set(names)) > 1:
        ax.set_xticks(range(1, len(names) + 1), [textwrap.fill(name, 11) for name in names], fontsize=8)
    else:
        ax.set_xlabel("trial, in the order of the protocol")


def _short(metric: str) -> str:
    return metric.partition(": ")[2] or metric


def _legend(figure: Figure, ax: Axes, pairs: list[str]) -> None:
    handles = [ax.plot([], [], "o-", color=color, label=pair)[0] for color, pair in zip(CYCLE, pairs, strict=False)]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(pairs), 2))


def _distance(ax: Axes, course: xr.Dataset, order: xr.Dataset, level: str, color: str) -> None:
    exponent, low, high = (float(order[name]) for name in ("exponent", "low", "high"))
    fitted = not math.isnan(exponent)
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    order_found = f"order {exponent:.2f}{interval}".replace("-", "−")
    label = f"{level}: {order_found if fitted else 'too few small values for an order'}"
    _interval_line(ax, course, color, label)
    if fitted:
        x = course["ratio"].values[course["ratio"].values <= SMALL * (1 + 1e-9)]
        ax.plot(x, float(order["factor"]) * x**exponent, color=color, linewidth=4, alpha=0.3)


def _first_order(ax: Axes, course: xr.Dataset) -> None:
    """A line of slope 1 through the smallest value of the lowest curve, and the range in which the order is fitted."""
    ratio, means = course["ratio"].values, course["mean"].values
    shown = means[means > 0]
    if not len(shown) or not (means[:, 0] > 0).any():
        no_data(ax, "no distance")
        return
    line = np.min(means[means[:, 0] > 0, 0]) * ratio / ratio[0]
    ax.plot(ratio, line, color=GREY, linestyle=":", linewidth=1, label="first order, ∝ $τ_h$")
    ax.set(xlim=(ratio[0] / 1.4, ratio[-1] * 1.4), ylim=(shown.min() / 2, shown.max() * 2))
    ax.axvspan(ratio[0] / 1.4, SMALL, color=SKY, alpha=0.12, linewidth=0)


def _interval_line(ax: Axes, course: xr.Dataset, color: str, label: str) -> None:
    x, mean, low, high = (course[name].values for name in ("ratio", "mean", "low", "high"))
    ax.fill_between(x, low, high, color=color, alpha=0.22, linewidth=0)
    ax.plot(x, mean, "o-", color=color, markersize=4, label=label)
