"""Activity in time: rasters and traces around the stimulus of a trial. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLACK, GREEN, GREY, VERMILLION, no_data
from neuroam.recording import spike_trains

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREFIXES = {"volt": ("m", 1e3, "V"), "hertz": ("", 1.0, "Hz")}


def stimulus_bar(ax: Axes, recording: xr.Dataset, animal: int, trial: int) -> Axes:
    """Shade the time the stimulus is on, in seconds from its onset, and set the axis to the whole trial."""
    on, off, start, stop = (float(recording[name][animal, trial])
                            for name in ("stimulus_on", "stimulus_off", "start_time", "stop_time"))
    ax.axvspan(0, off - on, color=GREY, alpha=0.18, linewidth=0)
    ax.set_xlim(start - on, stop - on)
    return ax


def raster(ax: Axes, recording: xr.Dataset, animal: int, trial: int, population: str, most: int = 500) -> Axes:
    """Spikes of the first `most` cells in one trial, one row a cell, time from stimulus onset."""
    on, start, stop = (float(recording[name][animal, trial]) for name in ("stimulus_on", "start_time", "stop_time"))
    trains = spike_trains(recording, animal, population)[:most]
    inside = [train[(train >= start) & (train < stop)] - on for train in trains]
    rows = np.repeat(np.arange(len(inside)), [len(train) for train in inside])
    times = np.concatenate([np.zeros(0), *inside])
    stimulus_bar(ax, recording, animal, trial)
    ax.plot(times, rows, linestyle="none", marker="o", markersize=1.6, markeredgewidth=0, color=BLACK,
            rasterized=True)
    ax.set_ylim(-1, max(len(trains), 1))
    return ax


def trace(ax: Axes, recording: xr.Dataset, animal: int, trial: int, population: str, color: str = VERMILLION) -> Axes:
    """The mean sampled emission of a population in one trial, time from stimulus onset."""
    rows = np.flatnonzero(recording["trace_population"].values == population)
    start, stop, on = (float(recording[name][animal, trial]) for name in ("start_time", "stop_time", "stimulus_on"))
    window = np.flatnonzero((recording["time"].values >= start) & (recording["time"].values < stop))
    stimulus_bar(ax, recording, animal, trial)
    if not len(rows) or not len(window):
        return no_data(ax, "no trace")
    prefix, scale, unit = PREFIXES.get(str(recording["trace_unit"].values[rows[0]]), ("", 1.0, ""))
    values = recording["trace_value"].values[animal][np.ix_(window, rows)].mean(axis=1)
    ax.plot(recording["time"].values[window] - on, values * scale, color=color)
    ax.set_ylabel(f"{population} ({prefix}{unit})" if unit else population)
    return ax


def excerpt(axes: np.ndarray, recording: xr.Dataset, animal: int, trials: list[int], population: str,
            companion: str) -> np.ndarray:
    """Rasters of `population` above traces of `companion`, shape (2, n_trials), one column a trial."""
    for column, trial in enumerate(trials):
        upper, lower = axes[:, column]
        raster(upper, recording, animal, trial, population)
        upper.set_title(str(recording["stimulus"].values[trial]), fontsize=9)
        trace(lower, recording, animal, trial, companion, GREEN)
        lower.set_xlabel("time (s)")
        if column:
            lower.set_ylabel("")
    axes[0, 0].set_ylabel(f"{population}, cell")
    return axes
