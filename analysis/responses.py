"""Responses: how strongly each cell answered in each trial, from spikes or from stored graded emissions."""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.recording import RecordingError


def responses(recording: xr.Dataset, population: str, group: str | None = None,
              block: str | None = None) -> xr.DataArray:
    """Mean emission in the response window, dims (animal, trial, unit); hertz for spiking cells.

    `group` and `block` keep the animals of one group and the trials of one block. Silent cells give 0. A population
    that was not recorded raises `KeyError` with the ones that were. Every coordinate of trials comes along.
    """
    recording = select(recording.drop_dims("time", errors="ignore"), group, block)  # traces are large, and copied
    units = np.flatnonzero(recording["population"].values == population)
    if not len(units):
        known = sorted(set(recording["population"].values.tolist()))
        raise KeyError(f"population {population!r} was not recorded; recorded: {', '.join(known)}")
    graded = np.isin(recording["responder"].values, units)
    if graded.any():
        values = recording["response"].values[:, :, graded].astype(float)
    else:
        values = _spike_rates(recording, units)
    return xr.DataArray(values, dims=("animal", "trial", "unit"),
                        coords={name: label for name, label in recording.coords.items() if name in ("group", "seed")
                                or (set(label.dims) - {"animal"} == {"trial"} and name != "trial")})


def window(recording: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """When each trial's response was measured, from and to, each (animal, trial) in seconds: its response window, or
    where the recording has none, the time its stimulus was on."""
    kind = "response" if "response_on" in recording else "stimulus"
    return recording[f"{kind}_on"].values, recording[f"{kind}_off"].values


def select(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.Dataset:
    """The recording of one group's animals, or of one block's trials; spikes follow their animals."""
    if group is not None:
        keep = recording["group"].values == group
        if not keep.any():
            known = list(dict.fromkeys(recording["group"].values.tolist()))
            raise KeyError(f"there is no group {group!r} in the recording; there are: {', '.join(known)}")
        per_animal = recording["spike_count"].sum("unit").values
        recording = recording.isel(animal=np.flatnonzero(keep), spike=np.repeat(keep, per_animal))
    if block is not None:
        if "block" not in recording.coords:
            raise RecordingError(f"trials of this recording have no blocks, so none is called {block!r}; leave it out")
        trials = np.flatnonzero(recording["block"].values == block)
        if not len(trials):
            known = list(dict.fromkeys(recording["block"].values.tolist()))
            raise KeyError(f"there is no block {block!r} in the recording; there are: {', '.join(known)}")
        recording = recording.isel(trial=trials)
    return recording


def _spike_rates(recording: xr.Dataset, units: np.ndarray) -> np.ndarray:
    """Spikes counted on integer clock ticks, so that a spike on a window's edge falls on the right side."""
    dt = recording.attrs.get("clock_dt", 1e-4)
    ticks = np.rint(recording["spike_time"].values / dt).astype(np.int64)
    counts = recording["spike_count"].values
    on, off = (np.rint(edge / dt).astype(np.int64) for edge in window(recording))
    n_trials, n_all = recording.sizes["trial"], recording.sizes["unit"]
    bounds = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    rates = np.zeros((len(counts), n_trials, len(units)))
    for a in range(len(counts)):
        own = ticks[bounds[a]: bounds[a + 1]]
        unit = np.repeat(np.arange(n_all), counts[a])
        order = np.argsort(on[a])
        place = np.searchsorted(on[a][order], own, side="right") - 1
        inside = (place >= 0) & (own < off[a][order][place])
        flat = order[place[inside]] * n_all + unit[inside]
        table = np.bincount(flat, minlength=n_trials * n_all).reshape(n_trials, n_all)
        rates[a] = table[:, units] / ((off[a] - on[a]) * dt)[:, None]
    return rates
