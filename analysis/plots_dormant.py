"""Figures of reports on dormant memories: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.dormant import assembly, assembly_rate, exposed, rate_in, trial_of
from neuroam.analysis.plot_rates import band
from neuroam.analysis.responses import select, window
from neuroam.analysis.style import CYCLE, GREY, ORANGE, WIDTH, canvas, styled
from neuroam.recording import spike_trains

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
LONGEST = 0.3  # seconds of a trial that a raster shows
MOST = 40  # cells a raster shows of each kind


@styled
def course_figures(levels: Levels, groups: Sequence[str], windows: tuple[Sequence[str], Sequence[str]], target: float,
                   population: str, shown: Sequence[str], without: str) -> dict[str, Figure]:
    """Rates of the population in the first windows, and of assemblies and all others in the second; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(2, 1, WIDTH, 4.6)
        for color, group in zip(CYCLE, groups, strict=False):
            rates = [rate_in(recording, population, name, group).values for name in windows[0]]
            band(axes[0], _middles(recording, windows[0], windows[0][0]), np.array(rates).T, color, group)
            at = _middles(recording, windows[1], windows[1][0])
            inside = [assembly_rate(recording, population, name, shown, without, group).values for name in windows[1]]
            band(axes[1], at, np.array(inside).T, color)
            others = [_others(recording, population, name, shown, without, group) for name in windows[1]]
            band(axes[1], at, np.array(others).T, color)
            axes[1].lines[-1].set_linestyle("--")
        for ax, label in zip(axes, ("time (s)", "time after pairing (s)"), strict=True):
            ax.axhline(target, color=GREY, linewidth=0.9, linestyle=":")
            ax.set(xlabel=label, ylabel="rate (Hz)", yscale="log", xlim=(0, None))
            for line in ax.lines[:-1]:
                line.set(marker="o", markersize=3)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
        panels[level] = figure
    return panels


def _middles(recording: xr.Dataset, names: Sequence[str], first: str) -> np.ndarray:
    zero = float(trial_of(recording, first)["start_time"][0, 0])
    return np.array([float((one["start_time"] + one["stop_time"])[0, 0]) / 2 - zero
                     for one in (trial_of(recording, name) for name in names)])


def _others(recording: xr.Dataset, population: str, name: str, shown: Sequence[str], without: str,
            group: str) -> np.ndarray:
    inside = assembly_rate(recording, population, name, shown, without, group)
    index = exposed(recording, population, name, shown, without, group)
    return (inside * (1 - index) / (1 + index)).values


@styled
def exposure_figures(levels: Levels, groups: Sequence[str], lowered: Mapping[float, str | None], rests: tuple[str, str],
                     population: str, shown: Sequence[str], without: str) -> dict[str, Figure]:
    """Exposure against the part of inhibition that is lost, before (dashed) and after learning; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=3.4)
        for color, group in zip(CYCLE, groups, strict=False):
            for when, rest, style in zip(("naive", "dormant"), rests, ("--", "-"), strict=True):
                names = [rest if name is None else f"{when}: {name}" for name in lowered.values()]
                values = [exposed(recording, population, name, shown, without, group).values for name in names]
                band(ax, 100 * np.array(list(lowered)), np.array(values).T, color, group if style == "-" else None)
                ax.lines[-1].set(linestyle=style, marker="o", markersize=3.5)
        ax.axhline(0, color=GREY, linewidth=0.7, linestyle=":")
        ax.set(xlabel="inhibition lost (%)", ylabel="exposure of A and B")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22))
        panels[level] = figure
    return panels


@styled
def raster_figures(levels: Levels, group: str, trials: Sequence[str], population: str, shown: Sequence[str],
                   without: str) -> dict[str, Figure]:
    """Spikes of the first animal of a group in the last part of each trial's response window; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        own = select(recording, group).isel(animal=[0])
        if own.sizes["spike"] == 0:
            continue
        kinds = [assembly(own, population, name, without)[0] for name in shown]
        rows = [np.flatnonzero(kind)[:MOST] for kind in (*kinds, ~np.any(kinds, axis=0))]
        figure, axes = canvas(len(trials), 1, WIDTH, 1.35 * len(trials))
        for ax, name in zip(axes, trials, strict=True):
            _spikes(ax, own, population, trial_of(own, name), rows)
            ax.set_title(name, fontsize=9, loc="left")
        axes[-1].set_xlabel("time (s)")
        panels[level] = figure
    return panels


def _spikes(ax: Axes, recording: xr.Dataset, population: str, trial: xr.Dataset, rows: list[np.ndarray]) -> None:
    trains, first = spike_trains(recording, 0, population), 0
    on, off = window(trial)
    stop = float(off[0, 0])
    start = max(float(on[0, 0]), stop - LONGEST)
    for color, cells in zip((CYCLE[0], ORANGE, GREY), rows, strict=True):
        for k, cell in enumerate(cells):
            inside = trains[cell][(trains[cell] >= start) & (trains[cell] < stop)]
            ax.plot(inside - start, np.full(len(inside), first + k), linestyle="none", marker="o", markersize=1.7,
                    markeredgewidth=0, color=color, rasterized=True)
        first += len(cells)
    ax.set(xlim=(0, LONGEST), ylim=(-1, first), yticks=[])
