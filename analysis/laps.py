"""Laps on a track and the events of rest: when each place cell fires in either.

    lap time     mean time of a cell's spikes in a lap, seconds from stimulus onset, over laps; cells with fewer than
                 `least` spikes a lap on average have none
    event        first spikes of the cells after the trial's stimulus begins, as `replay.first_spikes`; one in which
                 fewer than `LEAST_CELLS` take part, more than a sharp wave starts by itself, is none
    duration     from the 5th to the 95th percentile of the event's first spikes, over 0.9

Order scores and compression are those of `replay`, with the lap times as the template.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.rates import clock, in_ticks, trains, units_of
from neuroam.analysis.replay import compression, first_spikes, order_score, shuffled
from neuroam.analysis.responses import select
from neuroam.analysis.trials import labelled

LEAST_SPIKES = 2.0
LEAST_CELLS = 15
GOOD = 0.7


def lap_times(recording: xr.Dataset, population: str, group: str, block: str,
              least: float = LEAST_SPIKES) -> xr.DataArray:
    """Lap times, dims (animal, unit), NaN for cells that hardly fire on this track."""
    recording = select(recording, group, block)
    on, off = (in_ticks(recording[name], clock(recording)) for name in ("stimulus_on", "stop_time"))
    n_units = len(units_of(recording, population))
    rows = [_lap_times(tick, unit, on[a], off[a], n_units, least)
            for a, (tick, unit) in enumerate(trains(recording, population))]
    return labelled(np.array(rows) * clock(recording), ("animal", "unit"), recording)


def events(recording: xr.Dataset, population: str, group: str, run: str,
           rest: str) -> tuple[xr.DataArray, xr.DataArray]:
    """First spikes in the events (animal, trial, unit) of the cells that have a lap time, and those lap times."""
    template = lap_times(recording, population, group, run)
    return first_spikes(recording, population, group, rest).where(template.notnull()), template


def ordered_fraction(recording: xr.Dataset, population: str, run: str, rest: str, group: str, good: float = GOOD,
                     dealt: bool = False) -> xr.DataArray:
    """Fraction of all trials with an event whose order score is at least `good`, dims (animal). `dealt`: the spikes of
    each event dealt to its cells at random."""
    times, template = events(recording, population, group, run, rest)
    scores = order_score(shuffled(times) if dealt else times, template, LEAST_CELLS)
    return (scores >= good).mean("trial")


def reversed_fraction(recording: xr.Dataset, population: str, run: str, rest: str, group: str,
                      good: float = GOOD) -> xr.DataArray:
    """Fraction of all trials with an event whose order score is at most −`good`, dims (animal)."""
    return (order_score(*events(recording, population, group, run, rest), LEAST_CELLS) <= -good).mean("trial")


def speed_up(recording: xr.Dataset, population: str, run: str, rest: str, group: str,
             good: float = GOOD) -> xr.DataArray:
    """Median compression factor of the events with an order score of at least `good`, dims (animal)."""
    times, template = events(recording, population, group, run, rest)
    return compression(times, template).where(order_score(times, template, LEAST_CELLS) >= good).median("trial")


def durations(recording: xr.Dataset, population: str, run: str, rest: str, group: str) -> xr.DataArray:
    """Duration of each event in seconds, dims (animal, trial); NaN where there is none."""
    times, _ = events(recording, population, group, run, rest)
    enough = times.notnull().sum("unit") >= LEAST_CELLS
    low, high = (times.where(enough, 0.0).quantile(q, "unit", skipna=True) for q in (0.05, 0.95))
    return ((high - low) / 0.9).where(enough)


def usual_duration(recording: xr.Dataset, population: str, run: str, rest: str, group: str) -> xr.DataArray:
    """Median duration of the block's events in seconds, dims (animal)."""
    return durations(recording, population, run, rest, group).median("trial")


def _lap_times(tick: np.ndarray, unit: np.ndarray, on: np.ndarray, stop: np.ndarray, n_units: int,
               least: float) -> np.ndarray:
    total, number = np.zeros(n_units), np.zeros(n_units)
    for begin, end in zip(on, stop, strict=True):
        inside = (tick >= begin) & (tick < end)
        total += np.bincount(unit[inside], tick[inside] - begin, n_units)
        number += np.bincount(unit[inside], minlength=n_units)
    return np.where(number >= least * len(on), total / np.where(number > 0, number, np.nan), np.nan)
