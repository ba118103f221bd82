"""How far a population's answer to an altered stimulus is from its answer to the familiar one, as with population
vectors in two environments (Neunuebel & Knierim 2014, Neuron 81:416)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.overlap import cued_overlap
from neuroam.analysis.responses import responses


def recall(recording: xr.Dataset, block: str, group: str | None = None) -> xr.DataArray:
    """Overlap of the answer with the cued pattern, mean over the trials of a block; one value per animal."""
    return cued_overlap(recording, group, block).mean("trial")


def agreement(
    recording: xr.Dataset, population: str, block: str, reference: str, group: str | None = None, other: bool = False
) -> xr.DataArray:
    """Pearson correlation across cells between the answer to each stimulus in `block` and to the same stimulus in the
    block `reference`, mean over stimuli; one value per animal. With `other`, to the other stimuli: what chance gives.
    A stimulus that all cells answer alike is left out."""
    here, there = (responses(recording, population, group, name) for name in (block, reference))
    same = here["stimulus"].values[:, None] == there["stimulus"].values
    values = [_correlations(a, b)[~same if other else same] for a, b in zip(here.values, there.values, strict=True)]
    means = [np.nan if np.isnan(v).all() else np.nanmean(v) for v in values]
    return xr.DataArray(np.array(means), dims="animal", coords={"group": here["group"], "seed": here["seed"]})


def change(
    recording: xr.Dataset, population: str, block: str, reference: str, group: str | None = None
) -> xr.DataArray:
    """1 − agreement."""
    return 1 - agreement(recording, population, block, reference, group)


def matches(recording: xr.Dataset, one: Measure, other: Measure, group: str) -> np.ndarray:
    """`one` minus `other` in the same animals of a group, sorted by seed."""
    return in_group(recording, one, group) - in_group(recording, other, group)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation of rows of a (n, cells) with rows of b (m, cells); NaN for a row without variance."""
    x, y = (_standardised(rows) for rows in (a, b))
    return x @ y.T


def _standardised(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    varies = np.ptp(rows, axis=1, keepdims=True) > 0
    return centred / np.where(varies, norm, np.nan)
