"""Learned preference from the output neurons of two compartments."""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.compare import mean_known
from neuroam.analysis.responses import responses

TEMPERATURE = 0.3  # assumed: the balance that tips a choice by one unit of log-odds / 2


def valence(rates: xr.DataArray) -> xr.DataArray:
    """Balance of approach (unit 0) and avoidance (unit 1), (a − v) / (a + v), one value per animal and trial.

    The index Springer & Nawrot 2021 (eNeuro 8) read from two output neurons: it does not depend on how strongly an
    odour drives both. Where neither answers, the balance is 0.
    """
    approach, avoidance = rates.isel(unit=0), rates.isel(unit=1)
    both = approach + avoidance
    return xr.where(both > 0, (approach - avoidance) / both.where(both > 0), 0.0)


def preference_index(recording: xr.Dataset, blocks: tuple[str, ...], group: str | None = None,
                     population: str = "MBON") -> xr.DataArray:
    """Preference for CS− over CS+ at test, −1 … 1, averaged over counterbalanced `blocks`; one value per animal.

    Decision rule (assumed): an animal that compares two presentations chooses CS− with probability
    1/(1 + exp(−2Δ/T)), so PI = tanh(Δ/T), where Δ is the valence of CS− minus that of CS+ and T = 0.3. Each test
    presentation of CS+ is paired with one of CS−.
    """
    one_block = [_block_index(responses(recording, population, group, block)) for block in blocks]
    return xr.concat(one_block, "counterbalance").mean("counterbalance")


def _block_index(rates: xr.DataArray) -> xr.DataArray:
    value = valence(rates)
    avoided = value.isel(trial=_where(rates, "test", "CS+")).values
    preferred = value.isel(trial=_where(rates, "test", "CS-")).values
    pairs = min(avoided.shape[1], preferred.shape[1])
    index = mean_known(np.tanh((preferred[:, :pairs] - avoided[:, :pairs]) / TEMPERATURE), axis=1)
    return xr.DataArray(index, dims="animal", coords={"group": rates["group"], "seed": rates["seed"]})


def learning_curve(recording: xr.Dataset, block: str, group: str | None = None, population: str = "MBON",
                   cs_type: str = "CS+") -> xr.DataArray:
    """Response of the approach neuron to one odour over the trials of a block, relative to its naive response."""
    rates = responses(recording, population, group, block)
    chosen = rates.isel(unit=0, trial=np.flatnonzero(rates["cs_type"].values == cs_type))
    naive = chosen.isel(trial=np.flatnonzero(chosen["phase"].values == "baseline")).mean("trial")
    return chosen / naive


def _where(rates: xr.DataArray, phase: str, cs_type: str | None = None) -> np.ndarray:
    keep = rates["phase"].values == phase
    if cs_type is not None:
        keep &= rates["cs_type"].values == cs_type
    return np.flatnonzero(keep)
