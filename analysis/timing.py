"""Sequences that fill an interval: whether they scale with it, and how fast they run under a tonic input.

    course        mean activity of each cell over the trials of one interval, from when the animal may go, smoothed
    peak ratio    peak time in the long interval / peak time in the short one
    warp          see `warp`: peak times against the interval, and templates scaled or shifted
    stretch       slope of peak times in an interval on those in the shortest, least squares over cells; speed is its
                  inverse

Intervals are the stimuli of the trials, as "0.8 s". Cells count whose peak in the shortest interval lies in the `part`
of it that is asked for; those whose largest activity stays below a fifth of the median cell's do not answer and do not
count.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from neuroam.analysis.responses import responses, select
from neuroam.analysis.warp import peak_times, scaling_against_shift, warp_exponent
from neuroam.prediction import DescriptionError

PART = (0.1, 0.9)
SMOOTH = 0.03
FAINT = 0.2


def course(recording: xr.Dataset, population: str, group: str, interval: str, smooth: float = SMOOTH) -> xr.DataArray:
    """Course of each cell, dims (animal, unit, time); `time` in seconds from stimulus onset to stimulus end.

    `smooth`: standard deviation in seconds of the Gaussian that the trials' mean is smoothed with.
    """
    trials = _trials(recording, population, group, interval).mean("trial")
    step = float(trials["time"][1] - trials["time"][0])
    return xr.apply_ufunc(lambda rows: gaussian_filter1d(rows, smooth / step, axis=-1, mode="nearest"), trials,
                          input_core_dims=[["time"]], output_core_dims=[["time"]])


def peaks(recording: xr.Dataset, population: str, group: str, intervals: Sequence[str],
          part: tuple[float, float] = PART) -> xr.DataArray:
    """Peak times, dims (animal, unit, interval), coordinate `interval` in seconds; NaN for cells that do not count."""
    courses = [course(recording, population, group, name) for name in intervals]
    times = xr.concat([peak_times(c).where(_answers(c)) for c in courses], "interval")
    times = times.assign_coords(interval=[seconds(name) for name in intervals]).transpose("animal", "unit", "interval")
    place = times.isel(interval=0) / seconds(intervals[0])
    return times.where((place >= part[0]) & (place <= part[1]))


def peak_ratio(recording: xr.Dataset, population: str, short: str, long: str, group: str,
               part: tuple[float, float] = PART) -> xr.DataArray:
    """Peak ratio, mean over cells, dims (animal)."""
    times = peaks(recording, population, group, (short, long), part)
    return (times.isel(interval=1) / times.isel(interval=0)).mean("unit")


def kept_pace(recording: xr.Dataset, population: str, short: str, long: str, group: str,
              margin: float = 0.1) -> xr.DataArray:
    """Fraction of cells whose peak in the long interval is within `margin` of where scaling puts it, dims (animal)."""
    times = peaks(recording, population, group, (short, long))
    ratio = times.isel(interval=1) / times.isel(interval=0) * seconds(short) / seconds(long)
    counted = times.isel(interval=0).notnull()
    near: xr.DataArray = abs(ratio - 1) < margin
    return near.sum("unit") / counted.sum("unit").where(counted.any("unit"))


def exponent(recording: xr.Dataset, population: str, intervals: Sequence[str], group: str) -> xr.DataArray:
    """Warp exponent, mean over cells, dims (animal)."""
    return warp_exponent(peaks(recording, population, group, intervals), "interval").mean("unit")


def template_fit(recording: xr.Dataset, population: str, short: str, long: str, group: str) -> xr.Dataset:
    """`scaling_against_shift` of the short interval's courses to the long one's, each variable (animal)."""
    x, y = (course(recording, population, group, name) for name in (short, long))
    fits = [scaling_against_shift(one, other) for one, other in zip(x, y, strict=True)]
    return xr.concat(fits, "animal").assign_coords({name: y[name] for name in ("group", "seed")})


def scaled_r2(recording: xr.Dataset, population: str, short: str, long: str, group: str) -> xr.DataArray:
    """R² of the scaled template, dims (animal)."""
    return template_fit(recording, population, short, long, group)["scaled_r2"]


def scaling_gain(recording: xr.Dataset, population: str, short: str, long: str, group: str) -> xr.DataArray:
    """R² of the scaled template minus that of the shifted one, dims (animal)."""
    fit = template_fit(recording, population, short, long, group)
    return fit["scaled_r2"] - fit["shifted_r2"]


def speeds(recording: xr.Dataset, population: str, intervals: Sequence[str], group: str) -> xr.DataArray:
    """Speed in each interval over that in the first, dims (animal, interval)."""
    times = peaks(recording, population, group, intervals)
    x = times.isel(interval=0)
    both = times.notnull() & x.notnull()
    x, y = (array.where(both) - array.where(both).mean("unit") for array in (x, times))
    return (x**2).sum("unit") / (x * y).sum("unit")


def tonic_input(recording: xr.Dataset, population: str, intervals: Sequence[str], group: str) -> xr.DataArray:
    """Mean emission of the first cell of an input population in each interval, dims (animal, interval)."""
    answer = responses(recording, population, group).isel(unit=0)
    parts = [answer.isel(trial=np.flatnonzero(answer["stimulus"].values == name)).mean("trial") for name in intervals]
    return xr.concat(parts, "interval").assign_coords(interval=[seconds(name) for name in intervals]).transpose(
        "animal", "interval")


def monotone(recording: xr.Dataset, population: str, source: str, intervals: Sequence[str], group: str) -> xr.DataArray:
    """Fraction of the steps from one tonic input to the next larger at which the sequence slows down, dims (animal)."""
    speed, given = speeds(recording, population, intervals, group), tonic_input(recording, source, intervals, group)
    steps = np.diff(np.take_along_axis(speed.values, np.argsort(given.values, axis=1), axis=1), axis=1)
    return xr.DataArray((steps < 0).mean(axis=1), dims="animal", coords={n: speed[n] for n in ("group", "seed")})


def timing_spread(recording: xr.Dataset, population: str, interval: str, group: str) -> xr.DataArray:
    """Standard deviation over trials / mean of the stretch of single trials, dims (animal): a Weber fraction."""
    single = _trials(recording, population, group, interval)
    step = float(single["time"][1] - single["time"][0])
    smooth = gaussian_filter1d(single.transpose("animal", "trial", "unit", "time").values, SMOOTH / step, axis=-1)
    mean = peaks(recording, population, group, (interval,)).isel(interval=0).values[:, None]
    at = smooth.argmax(axis=-1) * step
    counted = ~np.isnan(mean)
    ratio = np.where(counted, at / np.where(counted, mean, 1), np.nan)
    stretched, known = np.full(ratio.shape[:2], np.nan), ~np.isnan(ratio).all(axis=2)
    stretched[known] = np.nanmedian(ratio[known], axis=1)
    spread = stretched.std(axis=1, ddof=1) if ratio.shape[1] > 1 else np.full(len(stretched), np.nan)
    return xr.DataArray(spread / stretched.mean(axis=1), dims="animal",
                        coords={n: single[n] for n in ("group", "seed")})


def seconds(interval: str) -> float:
    """0.8 of "0.8 s"."""
    number, _, unit = interval.partition(" ")
    try:
        if unit != "s":
            raise ValueError
        return float(number)
    except ValueError:
        raise DescriptionError(f"interval {interval!r} is none; give a number of seconds as '0.8 s'") from None


def _answers(courses: xr.DataArray) -> xr.DataArray:
    highest = courses.max("time")
    return highest > FAINT * highest.where(highest > 0).median("unit")


def _trials(recording: xr.Dataset, population: str, group: str, interval: str) -> xr.DataArray:
    """Activity in each trial of one interval, dims (animal, trial, unit, time)."""
    recording = select(recording, group)
    trials = np.flatnonzero(recording["stimulus"].values == interval)
    if not len(trials):
        known = ", ".join(dict.fromkeys(recording["stimulus"].values.tolist()))
        raise DescriptionError(f"no trial has the interval {interval!r}; there are: {known}")
    traced = np.flatnonzero(recording["trace_population"].values == population) if "time" in recording.dims else ()
    if not len(traced):
        raise DescriptionError(f"no activity of {population!r} was recorded within trials; record it with every=…")
    time = recording["time"].values
    step = float(time[1] - time[0])
    on, off = (np.rint(recording[f"stimulus_{edge}"].values[:, trials] / step).astype(int) for edge in ("on", "off"))
    length = int((off - on).min())
    values = recording["trace_value"].values[:, :, traced].astype(float)
    rows = np.array([[values[a, begin: begin + length].T for begin in on[a]] for a in range(len(on))])
    return xr.DataArray(rows, dims=("animal", "trial", "unit", "time"),
                        coords={"time": np.arange(length) * step, "group": recording["group"],
                                "seed": recording["seed"]})
