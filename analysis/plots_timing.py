"""Figures of reports on timing: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.laps import LEAST_CELLS, events
from neuroam.analysis.plot_rates import band
from neuroam.analysis.plot_replay import score_histogram
from neuroam.analysis.rates import clock, in_ticks, trains
from neuroam.analysis.replay import first_spikes, order_score, shuffled
from neuroam.analysis.responses import select
from neuroam.analysis.song import bursts
from neuroam.analysis.style import BLACK, BLUE, CYCLE, GREY, VERMILLION, canvas, styled
from neuroam.analysis.timing import course, peaks, seconds, speeds, tonic_input
from neuroam.analysis.warp import peak_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
MOST_PUBLISHED = 45.0  # per cent, Long & Fee 2008


@styled
def motif_figures(levels: Levels, groups: tuple[str, ...], upper: str, lower: str,
                  shown: int = 100) -> dict[str, Figure]:
    """Spikes of two populations in the first motif of the first animal, the upper's units in the order of their bursts
    in the first group; a panel a group."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        order = np.argsort(bursts(recording, upper, groups[0])["onset"].values[0, 0, :shown])
        for group in groups:
            figure, axes = canvas(2, 1, height=3.4, sharex=True, height_ratios=(2, 1))
            _raster(axes[0], recording, group, upper, order, BLUE)
            _raster(axes[1], recording, group, lower, np.arange(shown // 5), BLACK)
            axes[0].set(ylabel=f"{upper} neuron", title=group)
            axes[1].set(ylabel=lower, xlabel="time since the motif was begun (ms)")
            panels[f"{group} ({level})"] = figure
        _same_x([figure.axes[0] for figure in panels.values()])
    return panels


def _raster(ax: Axes, recording: xr.Dataset, group: str, population: str, order: np.ndarray, color: str) -> None:
    chosen = select(recording, group)
    dt = clock(chosen)
    on, stop = (int(in_ticks(chosen[name], dt)[0, 0]) for name in ("stimulus_on", "stop_time"))
    tick, unit = next(iter(trains(chosen, population)))
    row = np.full(unit.max(initial=order.max()) + 1, -1)
    row[order] = np.arange(len(order))
    inside = (tick >= on) & (tick < stop) & (row[unit] >= 0)
    ax.plot(1e3 * dt * (tick[inside] - on), row[unit[inside]], linestyle="none", marker="|", markersize=2.5,
            markeredgewidth=0.8, color=color)
    ax.set_ylim(-1, len(order))


def _same_x(axes: list[Axes]) -> None:
    high = max(ax.dataLim.x1 for ax in axes)
    for ax in axes:
        ax.set_xlim(0, 1.03 * high)


@styled
def stretch_figures(levels: Levels, series: Mapping[str, tuple[Measure, Mapping[str, float]]], along: Measure,
                    local: str) -> dict[str, Figure]:
    """Stretch against degrees, a line a series (measure, {group: degrees}), and `along` the motif of the group `local`;
    a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        figure, (left, right) = canvas(1, 2, height=3.2, width_ratios=(3, 2))
        for color, (name, (measure, degrees)) in zip(CYCLE, series.items(), strict=False):
            stretched = [in_group(recording, measure, group) for group in degrees]
            table = 100 * (np.array([np.ones(len(stretched[0])), *stretched]).T - 1)
            band(left, np.array([0.0, *degrees.values()]), table, color, name)
            left.lines[-1].set(marker="o", markersize=3.5)
        left.axhline(MOST_PUBLISHED, color=BLACK, linestyle="--", linewidth=0.8)
        left.set(xlabel="cooled by (°C)", ylabel="motif longer by (%)",
                 xticks=sorted({0.0, *(d for _, degrees in series.values() for d in degrees.values())}))
        left.legend(loc="upper left", handlelength=0.8)
        _along(right, along(recording, group=local), local)
        panels[level] = figure
    return panels


def _along(ax: Axes, values: xr.DataArray, group: str) -> None:
    band(ax, 100 * values["middle"].values, 100 * (values.values - 1), BLUE)
    ax.set(xlabel="along motif (%)", ylim=(0, 1.4 * 100 * float(values.max() - 1)))
    ax.set_title(group, fontsize=9)


@styled
def onset_figures(levels: Levels, groups: tuple[str, ...], population: str, bin: float = 1e-3) -> dict[str, Figure]:
    """Histogram of burst onsets in the first motif of the first animal, an axis a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        figure, axes = canvas(len(groups), 1, height=1.5 * len(groups) + 0.4, sharex=True, sharey=True, squeeze=False)
        for ax, group, color in zip(axes[:, 0], groups, (BLUE, VERMILLION, GREY), strict=False):
            onset = 1e3 * bursts(recording, population, group)["onset"].values[0, 0]
            ax.hist(onset[~np.isnan(onset)], bins=np.arange(0, np.nanmax(onset) + 1, 1e3 * bin).tolist(), color=color)
            ax.set_title(group, fontsize=9)
        figure.supylabel("bursts a ms", fontsize=10)
        axes[-1, 0].set_xlabel("time since the motif was begun (ms)")
        panels[level] = figure
    return panels


@styled
def course_figures(levels: Levels, population: str, groups: Sequence[str],
                   intervals: tuple[str, str]) -> dict[str, Figure]:
    """Courses of all cells of the first animal as images, a row a group and a column an interval; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(len(groups), len(intervals), height=1.7 * len(groups) + 0.5, squeeze=False)
        for row, group in zip(axes, groups, strict=True):
            shown = [course(recording, population, group, name).isel(animal=0) for name in intervals]
            order = np.argsort(peak_times(shown[0]).values, kind="stable")
            for ax, values, name in zip(row, shown, intervals, strict=True):
                image = _courses(ax, values, order)
                ax.set_title(f"{group}, {name}", fontsize=9)
            row[0].set_ylabel("cell")
        for ax in axes[-1]:
            ax.set_xlabel("time (s)")
        figure.colorbar(image, ax=axes, label="activity, over its largest", shrink=0.5, aspect=25)
        panels[level] = figure
    return panels


def _courses(ax: Axes, values: xr.DataArray, order: np.ndarray) -> Any:
    rows = values.transpose("unit", "time").values[order]
    highest = rows.max(axis=1, keepdims=True)
    faint = highest < 0.2 * np.median(highest)
    time = values["time"].values
    shown = np.where(faint, 0, rows / np.where(faint, 1, highest))
    return ax.imshow(shown, aspect="auto", cmap="cividis", vmin=0, vmax=1, origin="lower", interpolation="nearest",
                     extent=(0, time[-1], 0.5, len(rows) + 0.5))


@styled
def peak_figures(levels: Levels, population: str, groups: Sequence[str],
                 intervals: tuple[str, str]) -> dict[str, Figure]:
    """Peak times of the first animal in one interval against those in another, an axis a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        figure, axes = canvas(1, len(groups), height=2.4, sharex=True, sharey=True, squeeze=False)
        short, long = (seconds(name) for name in intervals)
        for ax, group in zip(axes[0], groups, strict=True):
            times = peaks(recording, population, group, intervals).isel(animal=0)
            ax.plot([0, short], [0, long], color=BLACK, linestyle="--", linewidth=0.9)
            ax.plot([0, short], [0, short], color=BLACK, linestyle=":", linewidth=0.9)
            ax.plot(times.isel(interval=0), times.isel(interval=1), linestyle="none", marker="o", markersize=3,
                    color=BLUE)
            ax.set_title(group, fontsize=9)
        axes[0, 0].set_ylabel(f"peak in {intervals[1]} (s)")
        figure.supxlabel(f"peak in {intervals[0]} (s)", fontsize=10)
        panels[level] = figure
    return panels


@styled
def speed_figures(levels: Levels, population: str, source: str, group: str,
                  intervals: Sequence[str], control: str) -> dict[str, Figure]:
    """Speed against the tonic input, of a group, with the law that it should follow, and of a control; a panel a
    level."""
    panels = {}
    for level, recording in levels.items():
        figure, ax = canvas(height=2.8)
        for name, color in ((control, GREY), (group, BLUE)):
            given = tonic_input(recording, source, intervals, name).values[0]
            band(ax, given, speeds(recording, population, intervals, name).values, color, name)
            ax.lines[-1].set(marker="o", markersize=4)
        ax.plot(given, (1 + given[0]) / (1 + given), color=BLACK, linestyle="--", linewidth=0.9)
        ax.set(xlabel="tonic input u", ylabel=f"speed, relative to {intervals[0]}", ylim=(0, 1.1))
        ax.legend(loc="lower left")
        panels[level] = figure
    return panels


@styled
def event_figures(levels: Levels, population: str, group: str, run: str, rest: str,
                  shown: tuple[int, ...]) -> dict[str, Figure]:
    """First spikes by lap time in a lap and in some events of the first animal, side by side; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        times, template = (part.isel(animal=0) for part in events(recording, population, group, run, rest))
        lap = first_spikes(recording, population, group, run).isel(animal=0, trial=-1).where(template.notnull())
        drawn = [event for event in shown if event < times.sizes["trial"]]
        figure, axes = canvas(1, 1 + len(drawn), height=3.0, sharey=True)
        axes[0].plot(lap, template, linestyle="none", marker=".", markersize=3, color=BLACK)
        axes[0].set(xlabel="time (s)", ylabel="place of the cell (s of running)")
        axes[0].set_title("lap", fontsize=9)
        for ax, event in zip(axes[1:], drawn, strict=True):
            ax.plot(1e3 * times.isel(trial=event), template, linestyle="none", marker=".", markersize=3, color=BLUE)
            ax.set_xlabel("time (ms)")
            ax.set_title(str(times["trial_name"].values[event]), fontsize=9)
        panels[level] = figure
    return panels


@styled
def score_figures(levels: Levels, population: str, groups: tuple[str, ...], run: str, rest: str) -> dict[str, Figure]:
    """Order scores of events and of events dealt at random, an axis a group; a panel a level."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        figure, axes = canvas(1, len(groups), height=2.6, sharey=True, squeeze=False)
        for ax, group in zip(axes[0], groups, strict=True):
            times, template = events(recording, population, group, run, rest)
            score_histogram(ax, *(order_score(some, template, LEAST_CELLS) for some in (times, shuffled(times))))
            ax.set_title(group, fontsize=9)
        panels[level] = figure
    return panels
