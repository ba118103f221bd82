"""Trials: the labels that an array computed from a recording keeps, and statistics over the trials of one condition."""
from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import xarray as xr

from neuroam.recording import RecordingError

LABELLED = ("animal", "trial", "pattern")


def labelled(values: np.ndarray, dims: Sequence[Hashable], recording: xr.Dataset | xr.DataArray,
             **coords: np.ndarray) -> xr.DataArray:
    """`values` with the names that the recording has for animals, trials and patterns, and with `coords` besides.

    The numbers of animals and trials are left out: xarray would align by them, and two groups have none in common.
    """
    own = {str(name): label for name, label in recording.coords.items()
           if label.dims and set(label.dims) <= set(dims) & set(LABELLED) and name not in ("animal", "trial")}
    bare = {name: (label.dims, label.values) for name, label in own.items()}
    return xr.DataArray(values, dims=tuple(dims), coords={**bare, **coords})


def conditions(labels: np.ndarray) -> dict[str, np.ndarray]:
    """The trials of each condition, conditions in the order in which they first appear."""
    return {str(name): np.flatnonzero(labels == name) for name in dict.fromkeys(np.asarray(labels).tolist())}


def over_trials(array: xr.DataArray, statistic: Callable[[xr.DataArray], xr.DataArray],
                label: str = "stimulus") -> xr.DataArray:
    """A statistic that reduces `trial`, taken for each condition; its name becomes the dim after `animal`."""
    if label not in array.coords:
        raise RecordingError(f"trials have no {label!r}; they have: "
                             f"{', '.join(str(n) for n, c in array.coords.items() if c.dims == ('trial',))}")
    places = conditions(array[label].values)
    parts = [statistic(array.isel(trial=where)) for where in places.values()]
    whole = xr.concat(parts, xr.DataArray(list(places), dims=label, name=label), coords="minimal", compat="override")
    return whole.transpose("animal", label, ..., missing_dims="ignore")


def mean_by(array: xr.DataArray, label: str = "stimulus") -> xr.DataArray:
    """Mean over the trials of each condition; NaN are left out."""
    return over_trials(array, lambda some: some.mean("trial"), label)
