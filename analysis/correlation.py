"""Correlation between the codes of stimuli."""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.responses import responses


def correlation_matrix(code: np.ndarray) -> np.ndarray:
    """Pearson correlation between the rows of `code` (n_stimuli, n_cells). A row without variance, such as a
    stimulus nobody answers, correlates NaN with all others."""
    centred = code - code.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1)
    norm = np.where(np.ptp(code, axis=1) > 0, norm, np.nan)  # rounding may leave a constant row a tiny norm
    return (centred @ centred.T) / np.outer(norm, norm)


def stimulus_correlations(recording: xr.Dataset, population: str, group: str | None = None,
                          block: str | None = None) -> xr.DataArray:
    """Correlations between trials across cells, dims (animal, trial, other_trial)."""
    rates = responses(recording, population, group, block)
    matrices = np.array([correlation_matrix(code) for code in rates.values])
    coords = {"stimulus": rates["stimulus"], "group": rates["group"], "seed": rates["seed"]}
    return xr.DataArray(matrices, dims=("animal", "trial", "other_trial"), coords=coords)


def mean_correlation(recording: xr.Dataset, population: str, group: str | None = None,
                     block: str | None = None) -> xr.DataArray:
    """Mean correlation over all pairs of different trials, one value per animal; NaN pairs are left out."""
    matrices = stimulus_correlations(recording, population, group, block)
    upper = np.triu_indices(matrices.sizes["trial"], 1)
    pairs = xr.DataArray(matrices.values[:, upper[0], upper[1]], dims=("animal", "pair"),
                         coords={"group": matrices["group"], "seed": matrices["seed"]})
    return pairs.mean("pair")  # leaves NaN out, and gives NaN without a warning where nothing else is there
