"""Selectivity: how differently a unit answers different stimuli.

    tuning                mean response to each stimulus, over its trials
    contrast              (r₁ − r₂) / (r₁ + r₂) for two stimuli, −1 … 1
    depth of selectivity  (n − Σr / max r) / (n − 1), 0 for equal answers to all n stimuli, 1 for an answer to one
                          alone (Rainer & Miller 2000, Neuron 27:179)

A silent unit has tuning 0 and, as it prefers nothing, contrast and depth NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.responses import responses
from neuroam.analysis.trials import mean_by
from neuroam.recording import RecordingError


def tuning(recording: xr.Dataset, population: str, group: str | None = None,
           block: str | None = None) -> xr.DataArray:
    """Mean response of each unit to each stimulus, dims (animal, stimulus, unit); hertz for spiking units."""
    return mean_by(responses(recording, population, group, block))


def contrast(recording: xr.Dataset, population: str, first: str, second: str, group: str | None = None,
             block: str | None = None) -> xr.DataArray:
    """Selectivity index of each unit for stimulus `first` over `second`, dims (animal, unit)."""
    rates = tuning(recording, population, group, block)
    missing = {first, second} - set(rates["stimulus"].values.tolist())
    if missing:
        raise RecordingError(f"no trial shows {', '.join(sorted(missing))}; "
                             f"stimuli: {', '.join(rates['stimulus'].values.tolist())}")
    one, other = (rates.sel(stimulus=name, drop=True) for name in (first, second))
    both = one + other
    return (one - other) / both.where(both > 0)


def depth(rates: xr.DataArray, dim: str = "stimulus") -> xr.DataArray:
    """Depth of selectivity along `dim`, as of `tuning`; NaN with fewer than two stimuli."""
    n = rates.sizes[dim]
    highest = rates.max(dim)
    return (n - rates.sum(dim) / highest.where(highest > 0)) / (n - 1 if n > 1 else np.nan)


def preferred(rates: xr.DataArray, dim: str = "stimulus") -> xr.DataArray:
    """The stimulus each unit answers most, the first of equals; "" for a silent unit."""
    names = rates[dim].values[rates.fillna(0).argmax(dim)]
    return (rates.max(dim) > 0).copy(data=np.where(rates.max(dim).values > 0, names, ""))
