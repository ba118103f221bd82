"""Where success ends, and how a quantity grows: fits over an axis such as load or strength, with their uncertainty.

    transition   p(x) = 1 / (1 + exp(−(x − x½) / w)), by maximum likelihood of the numbers of successes (Wichmann & Hill
                 2001, Percept Psychophys 63:1293); x½ is where half succeed, w < 0 where success falls along the axis
    power law    y = c·xᵃ, a the slope of log y on log x by least squares

Intervals are percentiles over resampled animals (Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 13).
Where success ends abruptly the likelihood knows no width: with x in standard units the slope 1/w has a Gaussian prior
with variance 1000, which leaves other fits as they are and here puts x½ in the middle of the gap. If all or none
succeed there is no transition: NaN; a transition outside the axis that was tried is extrapolated.
"""
from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import expit

from neuroam.prediction import DescriptionError

RESAMPLES = 1000
PRIOR = 1e-3  # 1 / variance of the slope
TOLERATED = 0.05  # part of the resamples that may be without a transition


def transition(success: xr.DataArray, axis: str, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Fit success (animal, `axis`, …), 1 or 0 or a fraction and NaN where nothing was tried, by a logistic curve.

    Variables `midpoint`, `width`; `low` and `high`, the interval of the midpoint over animals, NaN with one animal or
    where more than one resample in 20 has no transition; `fraction` (`axis`), mean over animals.
    """
    x = numbers(success, axis)
    tried = success.notnull().sum([d for d in success.dims if d not in ("animal", axis)])
    succeeded = success.sum([d for d in success.dims if d not in ("animal", axis)])
    n, k = (_rows(part, axis) for part in (tried, succeeded))
    midpoint, width = logistic_fit(x, k.sum(axis=0)[None], n.sum(axis=0)[None])
    picks = np.random.default_rng(seed).integers(len(n), size=(RESAMPLES, len(n)))
    middles, _ = logistic_fit(x, k[picks].sum(axis=1), n[picks].sum(axis=1))
    low, high = _interval(middles, level) if len(n) > 1 else (np.nan, np.nan)
    fraction = k.sum(axis=0) / np.where(n.sum(axis=0) > 0, n.sum(axis=0), np.nan)
    return xr.Dataset({"midpoint": midpoint[0], "width": width[0], "low": low, "high": high,
                       "fraction": (axis, fraction)}, coords={axis: x})


def logistic(x: np.ndarray, midpoint: float, width: float) -> np.ndarray:
    """The curve of `transition`."""
    return expit((np.asarray(x) - midpoint) / width)


def power_law(values: xr.DataArray, axis: str, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Slope of log `values` on log `axis`: variables `exponent`, `factor`, and `low`, `high`, the exponent's interval.

    With a dim `animal` the mean over animals is fitted and animals are resampled; without, the interval is that of
    the least-squares slope (Student's t). Points at or below 0 are left out; fewer than two are NaN.
    """
    from scipy import stats

    x = numbers(values, axis)
    rows = _rows(values, axis)
    exponent, factor, error, points = (part[0] for part in _lines(x, _mean(rows)[None]))
    if len(rows) > 1:
        picks = np.random.default_rng(seed).integers(len(rows), size=(RESAMPLES, len(rows)))
        low, high = _interval(_lines(x, _mean(rows[picks].swapaxes(0, 1)))[0], level)
    else:
        half = stats.t.ppf(0.5 + level / 2, points - 2) * error if points > 2 else np.nan
        low, high = exponent - half, exponent + half
    return xr.Dataset({"exponent": exponent, "factor": factor, "low": low, "high": high})


def logistic_fit(x: np.ndarray, succeeded: np.ndarray, tried: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Midpoints and widths of logistic curves through rows of numbers (n_fits, n_points) over `x` (n_points,)."""
    centre, scale = x.mean(), x.std()
    z = (x - centre) / scale
    total, all_tried = succeeded.sum(axis=1), tried.sum(axis=1)
    mixed = (total > 0) & (total < all_tried)
    a, b = _newton(z, succeeded[mixed], tried[mixed])
    midpoint, width = np.full(len(tried), np.nan), np.full(len(tried), np.nan)
    steep = np.abs(b) > 1e-9
    midpoint[mixed] = np.where(steep, centre - scale * a / np.where(steep, b, 1), np.nan)
    width[mixed] = np.where(steep, scale / np.where(steep, b, 1), np.nan)
    return midpoint, width


def numbers(array: xr.DataArray, axis: str) -> np.ndarray:
    """The coordinate `axis` as numbers, of which there must be two."""
    values = np.asarray(array[axis].values)
    if values.dtype.kind not in "iuf" or len(np.unique(values)) < 2:
        raise DescriptionError(f"axis {axis!r} is {values.tolist()}; a fit needs two or more different numbers")
    return values.astype(float)


def _newton(z: np.ndarray, k: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercepts and slopes on `z` that maximise Σ k log p + (n − k) log(1 − p) − PRIOR b²/2, row by row."""
    a, b = np.zeros(len(k)), np.zeros(len(k))
    for _ in range(200):
        p = expit(a[:, None] + b[:, None] * z)
        v = n * p * (1 - p)
        da, db = (k - n * p).sum(axis=1), ((k - n * p) * z).sum(axis=1) - PRIOR * b
        aa, ab, bb = v.sum(axis=1), (v * z).sum(axis=1), (v * z * z).sum(axis=1) + PRIOR
        bounded = np.maximum(aa * bb - ab * ab, 1e-300)
        step_a, step_b = (bb * da - ab * db) / bounded, (aa * db - ab * da) / bounded
        # the curvature falls off away from the optimum, so that a whole step can overshoot it
        short = np.minimum(1, 1 / np.maximum(np.hypot(step_a, step_b), 1e-300))
        a, b = a + short * step_a, b + short * step_b
        if np.max(np.hypot(step_a, step_b), initial=0) < 1e-10:
            break
    return a, b


def _rows(array: xr.DataArray, axis: str) -> np.ndarray:
    """Values (animal, axis); one row where there is no `animal`."""
    if "animal" not in array.dims:
        array = array.expand_dims("animal")
    return array.transpose("animal", axis).values.astype(float)


def _mean(rows: np.ndarray) -> np.ndarray:
    counted = (~np.isnan(rows)).sum(axis=0)
    return np.nansum(rows, axis=0) / np.where(counted > 0, counted, np.nan)


def _lines(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Exponent, factor, standard error of the exponent and number of points of each row of `y` (n_fits, n_points)."""
    keep = (x > 0) & (y > 0)
    points = keep.sum(axis=1, keepdims=True)
    log_x, log_y = np.log(np.where(keep, x, 1)), np.log(np.where(keep, y, 1))
    mean_x, mean_y = (part.sum(axis=1, keepdims=True) / np.maximum(points, 1) for part in (log_x, log_y))
    dx, dy = (log_x - mean_x) * keep, (log_y - mean_y) * keep
    spread = (dx * dx).sum(axis=1)
    spread = np.where((points[:, 0] > 1) & (spread > 0), spread, np.nan)
    slope = (dx * dy).sum(axis=1) / spread
    left = ((dy - slope[:, None] * dx) ** 2).sum(axis=1) / np.maximum(points[:, 0] - 2, 1)
    return slope, np.exp(mean_y[:, 0] - slope * mean_x[:, 0]), np.sqrt(left / spread), points[:, 0]


def _interval(values: np.ndarray, level: float) -> tuple[float, float]:
    if np.isnan(values).mean() > TOLERATED:
        return np.nan, np.nan
    low, high = np.nanpercentile(values, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
