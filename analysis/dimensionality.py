"""Dimensionality of a code: over how many directions its variance is spread.

    participation ratio = (Σλ)² / Σλ² = (tr C)² / tr C²,

λ the eigenvalues of the covariance C of units (Litwin-Kumar et al. 2017, Neuron 93:1153). It is 1 for a line and the
number of units for a ball, and at most one below the number of samples. Silent units add nothing. A code that does not
vary, or has NaN in it, has NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr


def participation_ratio(rates: xr.DataArray, over: str = "stimulus") -> xr.DataArray:
    """Participation ratio of the codes (…, `over`, unit), such as those of `selectivity.tuning` or, with
    `over="trial"`, of `responses`, in which the noise of trials counts."""
    return xr.apply_ufunc(_participation, rates, input_core_dims=[[over, "unit"]], vectorize=True)


def spectrum(rates: xr.DataArray, over: str = "stimulus") -> xr.DataArray:
    """Fraction of the variance in each principal direction, largest first, dims (…, component)."""
    return xr.apply_ufunc(_fractions, rates, input_core_dims=[[over, "unit"]], output_core_dims=[["component"]],
                          vectorize=True)


def _participation(code: np.ndarray) -> float:
    fractions = _fractions(code)
    return float(1 / (fractions**2).sum())


def _fractions(code: np.ndarray) -> np.ndarray:
    if np.isnan(code).any() or not np.ptp(code, axis=0).any():
        return np.full(min(code.shape), np.nan)
    variance = np.linalg.svd(code - code.mean(axis=0), compute_uv=False) ** 2
    return variance / variance.sum()
