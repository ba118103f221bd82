"""Comparisons between groups, paired by seed: copies of one animal to which different things were done.

A measure is a function (recording, group=…) → one value per animal. Groups that do not have the same seeds, each once,
raise `RecordingError`.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neuroam.recording import RecordingError

Measure = Callable[..., xr.DataArray]


def in_group(recording: xr.Dataset, measure: Measure, group: str) -> np.ndarray:
    """The measure in one group, animals sorted by seed."""
    return _by_seed(recording, measure, group)[1]


def difference(recording: xr.Dataset, measure: Measure, first: str, second: str) -> np.ndarray:
    """The measure in `first` minus that in `second`, animal by animal."""
    one, other = _paired(recording, measure, first, second)
    return one - other


def ratio(recording: xr.Dataset, measure: Measure, first: str, second: str) -> np.ndarray:
    """The measure in `first` over that in `second`, animal by animal; NaN where the latter is 0."""
    above, below = _paired(recording, measure, first, second)
    return above / np.where(below != 0, below, np.nan)


def _paired(recording: xr.Dataset, measure: Measure, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    (seeds, one), (others, other) = (_by_seed(recording, measure, group) for group in (first, second))
    if not np.array_equal(seeds, others) or len(np.unique(seeds)) < len(seeds):
        raise RecordingError(f"groups {first!r} and {second!r} cannot be paired: they have the seeds {seeds.tolist()} "
                             f"and {others.tolist()}; give each animal one seed, the same in both groups, or compare "
                             "the means of the groups")
    return one, other


def _by_seed(recording: xr.Dataset, measure: Measure, group: str) -> tuple[np.ndarray, np.ndarray]:
    """Seeds in ascending order, and the measure in each."""
    values = measure(recording, group=group)
    order = np.argsort(values["seed"].values, kind="stable")
    return values["seed"].values[order], values.values[order]


def interaction(recording: xr.Dataset, one: Measure, other: Measure, first: str, second: str) -> np.ndarray:
    """How much more `one` differs between the groups than `other` does."""
    return difference(recording, one, first, second) - difference(recording, other, first, second)
