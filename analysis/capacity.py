"""Recall against load: how much a memory holds, animal by animal.

A memory is tried at several loads, each in a group of its own; `groups` maps group names to loads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.fit import logistic_fit, transition
from neuroam.analysis.overlap import THRESHOLD, cued_overlap, success_fraction
from neuroam.analysis.responses import select


def recalled(
    recording: xr.Dataset,
    group: str,
    what: str = "fraction",
    threshold: float = THRESHOLD,
    block: str | None = None,
) -> np.ndarray:
    """Fraction of the cued patterns recalled in a group, or the mean overlap with them; one value per animal."""

    def measure(some: xr.Dataset, group: str) -> xr.DataArray:
        if what == "overlap":
            return cued_overlap(some, group, block).mean("trial")
        return success_fraction(some, threshold, group, block)

    return in_group(recording, measure, group)


def recall_curve(
    recording: xr.Dataset,
    groups: Mapping[str, float],
    threshold: float = THRESHOLD,
    per: float = 1.0,
    block: str | None = None,
    what: str = "fraction",
) -> xr.DataArray:
    """What `recalled` gives at each load, dims (animal, load), with load / `per` as the coordinate."""
    rows = np.array([recalled(recording, group, what, threshold, block) for group in groups])
    return xr.DataArray(rows.T, dims=("animal", "load"), coords={"load": np.array(list(groups.values())) / per})


def end_of_recall(
    recording: xr.Dataset,
    groups: Mapping[str, float],
    threshold: float = THRESHOLD,
    per: float = 1.0,
    block: str | None = None,
) -> np.ndarray:
    """Load at which half of the patterns are recalled: the midpoint of a logistic curve of each animal over the
    logarithm of the load. NaN where that is not among the loads tried."""
    curve = recall_curve(recording, groups, threshold, per, block)
    tried, load = np.full(curve.shape, _trials(recording, block)), np.log(curve["load"].values)
    middle, _ = logistic_fit(load, curve.values * tried, tried)
    return np.exp(np.where((middle >= load.min()) & (middle <= load.max()), middle, np.nan))


def ratio_to(
    recording: xr.Dataset,
    groups: Mapping[str, float],
    value: float,
    threshold: float = THRESHOLD,
    block: str | None = None,
) -> np.ndarray:
    """`end_of_recall` over what theory says."""
    return end_of_recall(recording, groups, threshold, block=block) / value


def growth(
    recording: xr.Dataset,
    sizes: Mapping[int, Mapping[str, float]],
    threshold: float = THRESHOLD,
    block: str | None = None,
) -> np.ndarray:
    """Slope of log₂ `end_of_recall` over the number of cells, least squares; one value per animal."""
    ends = np.log2([end_of_recall(recording, groups, threshold, block=block) for groups in sizes.values()])
    cells = np.array(list(sizes), dtype=float)
    return np.polyfit(cells, ends, 1)[0]


def fitted(
    recording: xr.Dataset,
    groups: Mapping[str, float],
    threshold: float = THRESHOLD,
    per: float = 1.0,
    log: bool = False,
    block: str | None = None,
) -> xr.Dataset:
    """`fit.transition` of the recall curve, over the load or its logarithm."""
    curve = recall_curve(recording, groups, threshold, per, block)
    trials = xr.DataArray(
        np.repeat(curve.values[:, :, None], 1, axis=2),
        dims=("animal", "load", "trial"),
        coords={"load": np.log(curve["load"].values) if log else curve["load"].values},
    )
    return transition(trials, "load")


def _trials(recording: xr.Dataset, block: str | None) -> int:
    return select(recording, block=block).sizes["trial"]
