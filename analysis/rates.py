"""Rates of spike trains and how much they vary, all counted on integer ticks of the clock.

    PSTH         mean number of spikes in a bin over trials of one stimulus / width of the bin
                 (Gerstein & Kiang 1960, Biophys J 1:15)
    Fano factor  variance (n − 1) / mean of the number of spikes over trials of one stimulus
                 (Fano 1947, Phys Rev 72:26)
    CV           standard deviation (n) / mean of the intervals between successive spikes
    CV₂          mean of 2 |I′ − I| / (I′ + I) over successive intervals I, I′
                 (Holt et al. 1996, J Neurophysiol 75:1806)

Intervals lie within one trial, from its start to its stop; intervals of all trials are pooled. A silent unit has rate
0, and NaN for what its spikes would have to define: the Fano factor without a spike, CV with less than two intervals,
CV₂ with less than two successive ones. Recordings without the attribute `clock_dt` are read in ticks of 0.1 ms.
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from neuroam.analysis.responses import responses, select, window
from neuroam.analysis.trials import labelled, mean_by, over_trials
from neuroam.prediction import DescriptionError
from neuroam.recording import RecordingError

TICK = 1e-4


def clock(recording: xr.Dataset) -> float:
    """Seconds of one tick."""
    return float(recording.attrs.get("clock_dt", TICK))


def in_ticks(seconds: xr.DataArray | np.ndarray | float, dt: float) -> np.ndarray:
    return np.rint(np.asarray(seconds) / dt).astype(np.int64)


def mean_rate(recording: xr.Dataset, population: str, group: str | None = None,
              block: str | None = None) -> xr.DataArray:
    """Spikes in trials over the time trials take, hertz, dims (animal, unit)."""
    recording = select(recording, group, block)
    n_units = len(units_of(recording, population))
    number = np.array([np.bincount(unit, minlength=n_units) for _, unit, _ in _in_trials(recording, population)])
    duration = in_ticks(recording["stop_time"] - recording["start_time"], clock(recording)).sum(axis=1, keepdims=True)
    return labelled(number / (duration * clock(recording)), ("animal", "unit"), recording)


def spike_counts(recording: xr.Dataset, population: str, bin: float, before: float | None = None,
                 after: float | None = None, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Number of spikes in each bin of each trial, dims (animal, trial, unit, time); `time` is the middle of the bin.

    Bins of `bin` seconds stand edge to edge at stimulus onset and fill `before` and `after` it, in seconds; without
    them, what all trials have. A bin that is not a whole number of ticks raises `DescriptionError`.
    """
    recording = select(recording, group, block)
    dt = clock(recording)
    width = _whole_ticks(bin, dt)
    start, stop, on = (in_ticks(recording[name], dt) for name in ("start_time", "stop_time", "stimulus_on"))
    lead = ((on - start).min() if before is None else in_ticks(before, dt)) // width
    bins = lead + ((stop - on).min() if after is None else in_ticks(after, dt)) // width
    if bins < 1:
        raise DescriptionError(f"no bin of {bin} s fits before {before} and after {after} s; give a shorter bin")
    n_units = len(units_of(recording, population))
    counts = np.array([_histogram(tick, unit, on[a] - lead * width, width, n_units, int(bins))
                       for a, (tick, unit) in enumerate(trains(recording, population))])
    return labelled(counts, ("animal", "trial", "unit", "time"), recording,
                    time=(np.arange(bins) - lead + 0.5) * width * dt)


def psth(recording: xr.Dataset, population: str, bin: float, before: float | None = None, after: float | None = None,
         group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Peristimulus time histogram of each unit, hertz, dims (animal, stimulus, unit, time). Bins as `spike_counts`."""
    return mean_by(spike_counts(recording, population, bin, before, after, group, block)) / bin


def fano_factor(recording: xr.Dataset, population: str, group: str | None = None,
                block: str | None = None) -> xr.DataArray:
    """Fano factor of the number of spikes in the response window, dims (animal, stimulus, unit)."""
    on, off = window(select(recording, group, block))
    numbers = responses(recording, population, group, block) * xr.DataArray(off - on, dims=("animal", "trial"))
    return over_trials(numbers, _variance_over_mean)


def interval_cv(recording: xr.Dataset, population: str, group: str | None = None,
                block: str | None = None) -> xr.DataArray:
    """Coefficient of variation of interspike intervals, dims (animal, unit)."""
    recording = select(recording, group, block)
    n_units = len(units_of(recording, population))
    values = [_cv(interval, unit, n_units) for interval, unit, _ in _intervals(recording, population)]
    return labelled(np.array(values), ("animal", "unit"), recording)


def interval_cv2(recording: xr.Dataset, population: str, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Local variation of interspike intervals, CV₂, dims (animal, unit). It does not see slow changes of rate."""
    recording = select(recording, group, block)
    n_units = len(units_of(recording, population))
    values = []
    for interval, unit, follows in _intervals(recording, population):
        first, second, both = interval[:-1], interval[1:], follows[1:]
        term = 2 * np.abs(second - first) / np.maximum(first + second, 1)
        total = np.bincount(unit[1:][both], term[both], n_units)
        values.append(_over(total, np.bincount(unit[1:][both], minlength=n_units)))
    return labelled(np.array(values), ("animal", "unit"), recording)


def units_of(recording: xr.Dataset, population: str) -> np.ndarray:
    """Places of a spiking population along `unit`; `KeyError` with what was recorded if there is none,
    `RecordingError` if its cells are graded, which have no spikes to count."""
    units = np.flatnonzero(recording["population"].values == population)
    if not len(units):
        known = sorted(set(recording["population"].values.tolist()))
        raise KeyError(f"population {population!r} was not recorded; recorded: {', '.join(known)}")
    if np.isin(units, recording["responder"].values).any():
        raise RecordingError(f"{population!r} has graded cells, whose spikes cannot be counted; take its responses")
    return units


def _whole_ticks(bin: float, dt: float) -> int:
    width = int(in_ticks(bin, dt))
    if width < 1 or abs(width * dt - bin) > 1e-6 * bin:
        raise DescriptionError(f"bin {bin} s is not a whole number of ticks of {dt} s; give {max(width, 1) * dt:g} s")
    return width


def trains(recording: xr.Dataset, population: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each animal, the ticks of all spikes and their places in the population, by unit, then time."""
    units = units_of(recording, population)
    counts = recording["spike_count"].values
    place = np.full(counts.shape[1], -1)
    place[units] = np.arange(len(units))
    ticks = in_ticks(recording["spike_time"], clock(recording))
    bounds = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    for a, count in enumerate(counts):
        unit = np.repeat(place, count)
        yield ticks[bounds[a]: bounds[a + 1]][unit >= 0], unit[unit >= 0]


def _in_trials(recording: xr.Dataset, population: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each animal, tick, unit and trial of the spikes that fall in a trial, by unit, then time."""
    starts, stops = (in_ticks(recording[name], clock(recording)) for name in ("start_time", "stop_time"))
    for (tick, unit), start, stop in zip(trains(recording, population), starts, stops, strict=True):
        order = np.argsort(start)
        place = np.searchsorted(start[order], tick, side="right") - 1
        inside = (place >= 0) & (tick < stop[order][place])
        yield tick[inside], unit[inside], order[place[inside]]


def _histogram(tick: np.ndarray, unit: np.ndarray, first: np.ndarray, width: int, n_units: int,
               bins: int) -> np.ndarray:
    """Counts (trial, unit, bin) in `bins` of `width` ticks from the tick `first` of each trial."""
    order = np.argsort(tick, kind="stable")
    tick, unit = tick[order], unit[order]
    counts = np.zeros((len(first), n_units, bins), np.int32)
    for t, begin in enumerate(first):
        inside = slice(*np.searchsorted(tick, [begin, begin + bins * width]))
        flat = unit[inside] * bins + (tick[inside] - begin) // width
        counts[t] = np.bincount(flat, minlength=n_units * bins).reshape(n_units, bins)
    return counts


def _intervals(recording: xr.Dataset, population: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each animal, the intervals in ticks, their units, and whether each follows the one before without a gap."""
    for tick, unit, trial in _in_trials(recording, population):
        same = (np.diff(unit) == 0) & (np.diff(trial) == 0)
        follows = np.concatenate([[False], same[:-1]])[:len(same)]
        yield np.diff(tick)[same], unit[1:][same], follows[same]


def _cv(interval: np.ndarray, unit: np.ndarray, n_units: int) -> np.ndarray:
    number = np.bincount(unit, minlength=n_units)
    mean = _over(np.bincount(unit, interval, n_units), number)
    square = np.bincount(unit, (interval - mean[unit]) ** 2, n_units)
    return np.where(number > 1, np.sqrt(_over(square, number)) / np.where(mean > 0, mean, np.nan), np.nan)


def _over(total: np.ndarray, number: np.ndarray) -> np.ndarray:
    return total / np.where(number > 0, number, np.nan)


def _variance_over_mean(numbers: xr.DataArray) -> xr.DataArray:
    mean = numbers.mean("trial")
    trials = numbers.sizes["trial"]
    variance = ((numbers - mean) ** 2).sum("trial") / (trials - 1 if trials > 1 else np.nan)
    return variance / mean.where(mean > 0)
