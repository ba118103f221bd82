"""Time scaled or shifted: what becomes of a time course when the interval it fills is changed.

    peak time       when a time course is largest; the middle of a plateau
    warp exponent   slope of log peak time on log interval over conditions: 1 where the course scales with the
                    interval, 0 where it keeps its times
    scaled          y(t) ≈ x(t / s), the template x stretched s-fold about time 0
                    (Wang et al. 2018, Nat Neurosci 21:102)
    shifted         y(t) ≈ x(t − δ), the template moved by δ
    R²              1 − Σ(y − ŷ)² / Σ(y − ȳ)², ȳ the mean of each unit over time, sums over time and units

Before and after what was recorded of it, the template keeps its first and last value. A unit that stays the same, such
as a silent one, has peak time NaN and adds nothing to R².
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

STEPS = 81


def peak_times(courses: xr.DataArray) -> xr.DataArray:
    """Time of the largest value of each time course (…, time)."""
    highest = courses.max("time")
    varies = highest > courses.min("time")
    return courses["time"].where(courses == highest).mean("time").where(varies)


def warp_exponent(peaks: xr.DataArray, interval: str) -> xr.DataArray:
    """Warp exponent of peak times (…, `interval`), a coordinate in seconds, by least squares over conditions.

    Peak times that are NaN or not after time 0 are left out; with fewer than two conditions it is NaN.
    """
    y = xr.apply_ufunc(np.log, peaks.where(peaks > 0))
    x = xr.apply_ufunc(np.log, peaks[interval]).where(y.notnull())
    x = x - x.mean(interval)
    spread = (x**2).sum(interval)
    return (x * y).sum(interval) / spread.where(spread > 0)


def scaling_against_shift(template: xr.DataArray, course: xr.DataArray) -> xr.Dataset:
    """The scaling and the shift of a template (…, time) that come nearest to a course (…, time) of the same units.

    Variables: `scale` with its `scaled_r2`, found from 1/4 to 4; `shift`, in seconds, with its `shifted_r2`, found
    within the longer of both. Both have one free parameter, so that the R² compare. NaN if no unit varies.
    """
    x, y = (array.transpose(..., "time") for array in (template, course))
    t_x, t_y = x["time"].values, y["time"].values
    rows_x, rows_y = (array.values.reshape(-1, array.sizes["time"]) for array in (x, y))
    if not np.ptp(rows_y, axis=1).any():
        return xr.Dataset(dict.fromkeys(("scale", "scaled_r2", "shift", "shifted_r2"), np.nan))

    def scaled(factor: float) -> float:
        return _unexplained(rows_x, t_x, rows_y, t_y * np.exp(-factor))

    def shifted(delay: float) -> float:
        return _unexplained(rows_x, t_x, rows_y, t_y - delay)

    reach = max(np.ptp(t_x), np.ptp(t_y))
    factor, one = _least(scaled, -np.log(4), np.log(4))
    delay, other = _least(shifted, -reach, reach)
    return xr.Dataset({"scale": np.exp(factor), "scaled_r2": 1 - one, "shift": delay, "shifted_r2": 1 - other})


def _unexplained(template: np.ndarray, times: np.ndarray, course: np.ndarray, at: np.ndarray) -> float:
    """1 − R² of the template (unit, time) read at the times `at`."""
    guess = np.array([np.interp(at, times, row) for row in template])
    return float(((course - guess) ** 2).sum() / ((course - course.mean(axis=1, keepdims=True)) ** 2).sum())


def _least(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """The least of a function with several minima: the best of a grid, then a search between its neighbours."""
    from scipy import optimize

    grid = np.linspace(low, high, STEPS)
    best = grid[np.argmin([function(x) for x in grid])]
    step = grid[1] - grid[0]
    found = optimize.minimize_scalar(function, bounds=(best - step, best + step), method="bounded",
                                     options={"xatol": 1e-6 * (high - low)})
    here = function(best)
    return (float(found.x), float(found.fun)) if found.fun < here else (float(best), here)
