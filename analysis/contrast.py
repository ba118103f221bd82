"""Comparisons between groups, paired by seed: copies of one animal to which different things were done.

A measure is a function (recording, group=…) → one value per animal.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

Measure = Callable[..., xr.DataArray]


def in_group(recording: xr.Dataset, measure: Measure, group: str) -> np.ndarray:
    """The measure in one group, animals sorted by seed."""
    values = measure(recording, group=group)
    return values.values[np.argsort(values["seed"].values)]


def difference(recording: xr.Dataset, measure: Measure, first: str, second: str) -> np.ndarray:
    """The measure in `first` minus that in `second`, animal by animal."""
    return in_group(recording, measure, first) - in_group(recording, measure, second)


def ratio(recording: xr.Dataset, measure: Measure, first: str, second: str) -> np.ndarray:
    """The measure in `first` over that in `second`, animal by animal; NaN where the latter is 0."""
    below = in_group(recording, measure, second)
    return in_group(recording, measure, first) / np.where(below != 0, below, np.nan)


def interaction(recording: xr.Dataset, one: Measure, other: Measure, first: str, second: str) -> np.ndarray:
    """How much more `one` differs between the groups than `other` does."""
    return difference(recording, one, first, second) - difference(recording, other, first, second)
