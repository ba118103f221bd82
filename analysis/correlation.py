"""Correlations: between the codes of stimuli, and between units.

    between codes    Pearson correlation over units of the responses in two trials
    between units    Pearson correlation over bins of their numbers of spikes
    signal           Pearson correlation over stimuli of the mean responses of two units
    noise            Pearson correlation over trials of the responses of two units, each standardised within each
                     stimulus (both: Cohen & Kohn 2011, Nat Neurosci 14:811)

What does not vary, such as a silent unit or a stimulus nobody answers, correlates NaN with all others and itself.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.rates import spike_counts
from neuroam.analysis.responses import responses
from neuroam.analysis.selectivity import tuning
from neuroam.analysis.trials import conditions, labelled


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
    return mean_over_pairs(stimulus_correlations(recording, population, group, block))


def unit_correlations(recording: xr.Dataset, population: str, bin: float, before: float | None = None,
                      after: float | None = None, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Correlations of the numbers of spikes in bins of `bin` seconds, all trials one after the other, dims (animal,
    unit, other_unit). Bins as `rates.spike_counts`."""
    counts = spike_counts(recording, population, bin, before, after, group, block)
    trains = counts.transpose("animal", "unit", "trial", "time").values
    return _between_units([train.reshape(len(train), -1).astype(float) for train in trains], counts)


def signal_correlations(recording: xr.Dataset, population: str, group: str | None = None,
                        block: str | None = None) -> xr.DataArray:
    """Correlations of the tuning of units, dims (animal, unit, other_unit)."""
    rates = tuning(recording, population, group, block)
    return _between_units([code.T for code in rates.values], rates)


def noise_correlations(recording: xr.Dataset, population: str, group: str | None = None,
                       block: str | None = None) -> xr.DataArray:
    """Correlations of what is left of responses when tuning is taken out, dims (animal, unit, other_unit).

    A stimulus to which a unit answers always the same says nothing about its noise and adds 0.
    """
    rates = responses(recording, population, group, block)
    left = np.zeros(rates.shape)
    for places in conditions(rates["stimulus"].values).values():
        some = rates.values[:, places]
        spread = np.where(np.ptp(some, axis=1, keepdims=True) > 0, some.std(axis=1, keepdims=True), np.inf)
        left[:, places] = (some - some.mean(axis=1, keepdims=True)) / spread
    return _between_units([code.T for code in left], rates)


def mean_over_pairs(matrices: xr.DataArray) -> xr.DataArray:
    """Mean over pairs of different units or trials, the last two dims, one value per animal; NaN pairs are left out,
    and where there is nothing else it is NaN."""
    upper = np.triu_indices(matrices.shape[-1], 1)
    pairs = labelled(matrices.values[:, upper[0], upper[1]], ("animal", "pair"), matrices)
    return pairs.mean("pair")


def _between_units(codes: list[np.ndarray], source: xr.DataArray) -> xr.DataArray:
    matrices = np.array([correlation_matrix(code) for code in codes])
    return labelled(matrices, ("animal", "unit", "other_unit"), source)
