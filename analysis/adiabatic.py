"""How a circuit nears its effective model as its hidden neurons get fast: distance and recall against τ_h/τ_v.

    distance    d = max_t |v − v_eff| / max_t |v_eff| in one trial, from traces of the emission of all visible neurons
    order       slope of log d on log(τ_h/τ_v), d the mean over trials and animals, over τ_h/τ_v ≤ .03: 1 where the
                error is O(τ_h), as it is where hidden neurons are integrated out (Krotov & Hopfield 2021, ICLR, arXiv
                2008.06996, take τ_h → 0)
    breaking    the first τ_h/τ_v at which the fraction of trials that recall the cued pattern (`overlap.success`) is
                below half that of the effective model

Fixed points do not depend on τ_h, so final states say nothing of the order: traces are needed. Towards larger τ_h the
curve bends, which pulls the slope below 1; that bias has nothing to do with animals, and the interval does not show it.

A curve is a Dataset with dims `level`, `value`, `animal`, `trial`: `distance`, `success`, and `success_effective`
(value, animal, trial); coordinates `ratio` (value), ascending, and `group`, `seed` (animal).
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neuroam.analysis.compare import mean_known
from neuroam.analysis.fit import power_law
from neuroam.analysis.overlap import THRESHOLD, success
from neuroam.prediction import bootstrap_interval
from neuroam.recording import RecordingError

SMALL = 0.03  # τ_h/τ_v up to which the slope is taken


def near_effective(recording: xr.Dataset, effective: xr.Dataset, population: str,
                   threshold: float = THRESHOLD) -> xr.Dataset:
    """One point of the curve: `distance`, `success`, `success_effective`, dims (animal, trial).

    Without stored patterns nothing is recalled, and success is NaN.
    """
    distance = trace_distance(recording, effective, population)
    found = {name: success(some, threshold).values if "overlap" in some else np.full(distance.shape, np.nan)
             for name, some in (("success", recording), ("success_effective", effective))}
    return xr.Dataset({"distance": distance, **{name: (("animal", "trial"), values) for name, values in found.items()}})


def trace_distance(recording: xr.Dataset, effective: xr.Dataset, population: str) -> xr.DataArray:
    """Largest |v − v_eff| over the largest |v_eff| of each trial, dims (animal, trial); NaN where v_eff stays 0.

    Raises `RecordingError` unless both have traces of every cell of `population`, sampled at the same times.
    """
    if any(not np.array_equal(recording[name], effective[name]) for name in ("seed", "group")):
        raise RecordingError("the two recordings have other animals; compare those of one protocol with the same seeds")
    if recording.sizes["time"] != effective.sizes["time"] or not np.allclose(recording["time"], effective["time"]):
        raise RecordingError("the two recordings are sampled at other times; record both with the same clock")
    one, other = (_trace(some, population) for some in (recording, effective))
    gap, size = np.linalg.norm(one - other, axis=2), np.linalg.norm(other, axis=2)
    gap, size = (_largest(course, effective) for course in (gap, size))
    coords = {name: effective[name] for name in ("group", "seed", "trial_name", "stimulus", "block", "phase")}
    return xr.DataArray(gap / np.where(size > 0, size, np.nan), dims=("animal", "trial"), coords=coords)


def order(curve: xr.Dataset, small: float = SMALL) -> xr.Dataset:
    """Order of convergence: `exponent` with its 95 % bootstrap interval over animals `low`, `high`, `factor`, and the
    number of `points` it is fitted to, dims (level, group). NaN with fewer than two values up to `small`."""
    near = curve.isel(value=np.flatnonzero(curve["ratio"].values <= small * (1 + 1e-9)))
    return _by_level_and_group(near, _slope)


def breaking_point(curve: xr.Dataset) -> xr.DataArray:
    """τ_h/τ_v at which recall breaks, dims (level, group); NaN where it does not within the range."""
    return _by_level_and_group(curve, _break)["ratio"]


def mean_course(curve: xr.Dataset, name: str, group: str) -> xr.Dataset:
    """`mean`, `low`, `high` over the animals of a group of the mean over trials of a variable of the curve, dims
    ([level,] value)."""
    some = curve[name].isel(animal=np.flatnonzero(curve["group"].values == group)).transpose(..., "animal", "trial")
    by_animal = mean_known(some.values, -1)
    ends = np.apply_along_axis(bootstrap_interval, -1, by_animal)
    dims = some.dims[:-2]
    coords = {name: some[name] for name in ("ratio", "level") if name in some.coords}
    found = {"mean": mean_known(by_animal, -1), "low": ends[..., 0], "high": ends[..., 1]}
    return xr.Dataset({name: (dims, values) for name, values in found.items()}, coords)


def _trace(recording: xr.Dataset, population: str) -> np.ndarray:
    """Traces (animal, time, cell) of a population."""
    cells = np.flatnonzero(recording["trace_population"].values == population)
    size = int((recording["population"].values == population).sum())
    if not size or len(cells) != size:
        raise RecordingError(f"{len(cells)} of the {size} cells of {population!r} have a trace; record all of them "
                             "with `every`")
    return recording["trace_value"].values[:, :, cells].astype(float)


def _largest(course: np.ndarray, recording: xr.Dataset) -> np.ndarray:
    """Maximum of `course` (animal, time) within each trial, shape (animal, trial)."""
    start, stop = (np.searchsorted(recording["time"].values, recording[name].values - 1e-9)
                   for name in ("start_time", "stop_time"))
    return np.array([[course[a, i:j].max(initial=np.nan if i == j else 0) for i, j in zip(*rows, strict=True)]
                     for a, rows in enumerate(zip(start, stop, strict=True))])


def _by_level_and_group(curve: xr.Dataset, statistic: Callable[[xr.Dataset], xr.Dataset]) -> xr.Dataset:
    groups = list(dict.fromkeys(curve["group"].values.tolist()))
    rows = [[statistic(curve.sel(level=level).isel(animal=np.flatnonzero(curve["group"].values == group)))
             for group in groups] for level in curve["level"].values.tolist()]
    table = xr.combine_nested(rows, ["level", "group"], combine_attrs="override")
    return table.assign_coords(level=curve["level"].values, group=groups).transpose("level", "group")


def _slope(curve: xr.Dataset) -> xr.Dataset:
    if len(np.unique(curve["ratio"])) < 2:
        unknown = dict.fromkeys(("exponent", "factor", "low", "high"), np.nan)
        return xr.Dataset(unknown | {"points": curve.sizes["value"]})
    distance = curve["distance"].transpose("animal", "value", "trial")
    by_animal = xr.DataArray(mean_known(distance.values, 2), dims=("animal", "ratio"),
                             coords={"ratio": curve["ratio"].values})
    return power_law(by_animal, "ratio").assign(points=curve.sizes["value"])


def _break(curve: xr.Dataset) -> xr.Dataset:
    recalled, effective = (curve[name].mean(("animal", "trial")).values for name in ("success", "success_effective"))
    below = np.flatnonzero(recalled < 0.5 * effective)
    return xr.Dataset({"ratio": curve["ratio"].values[below[0]] if len(below) else np.nan})
