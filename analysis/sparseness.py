"""Sparseness of a code; answers are responses above zero.

    sparseness      S = (1 − (Σr/n)² / (Σr²/n)) / (1 − 1/n), 0 dense to 1 sparse (Vinje & Gallant 2000, Science
                    287:1273)
    activity ratio  (Σr/n)² / (Σr²/n), small when sparse (Treves & Rolls 1991, Network 2:371)

Over the units that one stimulus drives, it is population sparseness; over the stimuli that drive one unit, lifetime
sparseness (Willmore & Tolhurst 2001, Network 12:255); both of emissions that are not negative. A silent unit answers
nothing and counts in a population; a stimulus nobody answers has population sparseness NaN, and a silent unit has
lifetime sparseness NaN.
"""
from __future__ import annotations

import xarray as xr

from neuroam.analysis.responses import responses, select, window
from neuroam.analysis.selectivity import tuning


def coding_level(recording: xr.Dataset, population: str, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Mean fraction of cells that answer a trial, one value per animal."""
    return (responses(recording, population, group, block) > 0).mean(("trial", "unit"))


def silent_fraction(recording: xr.Dataset, population: str, group: str | None = None,
                    block: str | None = None) -> xr.DataArray:
    """Fraction of cells that answer no trial, one value per animal."""
    return (responses(recording, population, group, block) == 0).all("trial").mean("unit")


def spikes_per_response(recording: xr.Dataset, population: str, group: str | None = None,
                        block: str | None = None) -> xr.DataArray:
    """Mean number of spikes of a cell in a trial it answers, one value per animal; for graded cells, emission times
    duration."""
    rates = responses(recording, population, group, block)
    on, off = window(select(recording, group, block))
    numbers = rates * xr.DataArray(off - on, dims=("animal", "trial"))
    return numbers.where(rates > 0).mean(("trial", "unit"))


def population_sparseness(recording: xr.Dataset, population: str, group: str | None = None,
                          block: str | None = None) -> xr.DataArray:
    """Sparseness of the mean answers of all units to each stimulus, dims (animal, stimulus)."""
    return vinje_gallant(tuning(recording, population, group, block), "unit")


def lifetime_sparseness(recording: xr.Dataset, population: str, group: str | None = None,
                        block: str | None = None) -> xr.DataArray:
    """Sparseness of the mean answers of each unit to all stimuli, dims (animal, unit)."""
    return vinje_gallant(tuning(recording, population, group, block), "stimulus")


def vinje_gallant(rates: xr.DataArray, dim: str) -> xr.DataArray:
    """Sparseness along `dim`; NaN where all rates are 0 or there is only one."""
    n = rates.sizes[dim]
    return (1 - treves_rolls(rates, dim)) / (1 - 1 / n if n > 1 else float("nan"))


def treves_rolls(rates: xr.DataArray, dim: str) -> xr.DataArray:
    """Activity ratio along `dim`; NaN where all rates are 0."""
    return rates.mean(dim) ** 2 / (rates**2).mean(dim).where(lambda power: power > 0)
