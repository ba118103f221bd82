"""Sparseness of a code. All functions give one value per animal; answers are responses above zero.

A silent cell answers nothing and counts; a trial nobody answers has population sparseness NaN.
"""
from __future__ import annotations

import xarray as xr

from neuroam.analysis.responses import responses, select


def coding_level(recording: xr.Dataset, population: str, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Mean fraction of cells that answer a trial."""
    return (responses(recording, population, group, block) > 0).mean(("trial", "unit"))


def silent_fraction(recording: xr.Dataset, population: str, group: str | None = None,
                    block: str | None = None) -> xr.DataArray:
    """Fraction of cells that answer no trial."""
    return (responses(recording, population, group, block) == 0).all("trial").mean("unit")


def spikes_per_response(recording: xr.Dataset, population: str, group: str | None = None,
                        block: str | None = None) -> xr.DataArray:
    """Mean number of spikes of a cell in a trial it answers; for graded cells, emission times duration."""
    rates = responses(recording, population, group, block)
    chosen = select(recording, group, block)
    duration = (chosen["stimulus_off"] - chosen["stimulus_on"]).values
    numbers = rates * xr.DataArray(duration, dims=("animal", "trial"))
    return numbers.where(rates > 0).mean(("trial", "unit"))


def vinje_gallant(rates: xr.DataArray, dim: str) -> xr.DataArray:
    """Sparseness along `dim` (units: population; trials: lifetime), 0 dense to 1 sparse.

    S = (1 − (Σr/n)² / (Σr²/n)) / (1 − 1/n)   (Vinje & Gallant 2000, Science 287:1273)
    """
    n = rates.sizes[dim]
    activity = rates.mean(dim) ** 2 / (rates**2).mean(dim).where(lambda power: power > 0)
    return (1 - activity) / (1 - 1 / n)


def treves_rolls(rates: xr.DataArray, dim: str) -> xr.DataArray:
    """Activity ratio (Σr/n)² / (Σr²/n) along `dim`, small when sparse (Treves & Rolls 1991, Network 2:371)."""
    return rates.mean(dim) ** 2 / (rates**2).mean(dim).where(lambda power: power > 0)
