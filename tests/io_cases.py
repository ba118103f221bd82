"""Recordings that other formats must hold: one simulated, the others made by hand with every kind of variable."""
from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from brian2 import Hz, ms, mV
from little import little_recording

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import all_to_all
from neuroam.experiment import simulate
from neuroam.neurons import LIF, Poisson, graded
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.protocols.odour_discrimination import odour_discrimination


@cache
def simulated() -> xr.Dataset:
    """Two groups of two animals: spikes of nine cells, potentials of two and a graded cell."""
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=5*ms)
    circuit = Circuit("c", (Population("in", 4, Poisson(synapse=5*ms)), Population("out", 5, cell),
                            Population("pool", 1, graded(20*ms))),
                      (Projection("in", "out", all_to_all(), .05*mV/Hz),
                       Projection("out", "pool", all_to_all(), .02*mV/Hz)), {"odour": "in"})

    def trial(name: str, rate: float) -> Trial:
        return Trial(name, 50*ms, (Stimulus("odour", rate * np.ones(4) * Hz, 30*ms, 10*ms),), phase="test")

    shuffled = Block("one", (trial("weak", 100), trial("strong", 300)), shuffle=True)
    protocol = Protocol("p", "Two rates", "none", (shuffled, Block("two", (trial("none", 1e-9),))),
                        (Record("in"), Record("out", 1*ms, (0, 2)), Record("pool", 1*ms)),
                        (Group("control"), Group("blocked, γ/δ")))
    return simulate(circuit, protocol, animals=2, seed=7)


def by_hand(**how) -> xr.Dataset:
    """Two animals."""
    whole = little_recording(odour_discrimination(), animals=1, **how)
    return whole.isel(animal=[0, 1], spike=slice(0, int(whole["spike_count"][:2].sum())))


def without_spikes() -> xr.Dataset:
    return by_hand().isel(spike=slice(0, 0)).assign(spike_count=lambda r: r["spike_count"] * 0)


def one_unit() -> xr.Dataset:
    whole = by_hand(traces=False)
    first = np.repeat(np.tile(np.arange(15) == 0, whole.sizes["animal"]), whole["spike_count"].values.ravel())
    return whole.isel(unit=[0], spike=first, responder=slice(0, 0))


def further_variables() -> xr.Dataset:
    """What later versions may add: energies, overlaps, weights, truth values, integers; and awkward names."""
    rng, whole = np.random.default_rng(5), by_hand()
    n, trials, times, units = (whole.sizes[dim] for dim in ("animal", "trial", "time", "unit"))
    names = np.where(whole["population"].values == "KC", "α/β: Kenyon", "α/β_ Kenyon")
    return whole.assign(
        energy=(("animal", "time"), rng.random((n, times)), {"units": "joule"}),
        overlap_trace=(("animal", "time", "pattern"), rng.random((n, times, 4)).astype(np.float32)),
        overlap=(("animal", "trial", "pattern"), rng.random((n, trials, 4)).astype(np.float32)),
        match=(("animal", "trial"), rng.integers(0, 4, (n, trials)).astype(np.int32)),
        probe=("trial", rng.random(trials) < 0.5), depth=("unit", rng.random(units)),
        good=(("animal", "unit"), rng.random((n, units)) < 0.5),
        weights=(("animal", "synapse", "plastic"), rng.random((n, 30, 2)).astype(np.float32)),
        response_on=whole["stimulus_on"] - 0.05 * (np.arange(trials) % 3), response_off=whole["stimulus_off"],
    ).assign_coords(population=("unit", names), pattern=np.array(["ä", "", "c", "d"]),
                    trial=np.arange(trials, dtype=np.int32)[::-1]).assign_attrs(
        title="", nothing=float("nan"), numbers=[1, 2], learnt=np.float64(0.5), count=np.int64(3))


def more_cells_than_trials() -> xr.Dataset:
    """Graded responses and traces wider than they are long, of trials in another order."""
    whole = by_hand(spiking=False, cells=40).isel(trial=[5, 2, 0], time=[0, 1, 2, 5])
    return whole.assign(trace_value=whole["trace_value"].where(whole["time"] > 0))


def without_trials() -> xr.Dataset:
    """And without those of their words that are not required."""
    return by_hand().isel(trial=slice(0, 0)).drop_vars(["block", "phase"])


EXAMPLES = {"simulated": simulated, "spikes": by_hand, "graded": lambda: by_hand(spiking=False),
            "without traces": lambda: by_hand(traces=False), "NaN": lambda: by_hand(fill=float("nan")),
            "without spikes": without_spikes, "one unit": one_unit, "without trials": without_trials,
            "further variables": further_variables, "more cells than trials": more_cells_than_trials}


def assert_identical(one: xr.Dataset, other: xr.Dataset) -> None:
    """Values to the last bit, dtypes, coordinates and attributes."""
    xr.testing.assert_identical(one, other)
    for name in one.variables:
        assert one[name].dtype == other[name].dtype, name
        if one[name].dtype.kind == "f":
            assert one[name].values.tobytes() == other[name].values.tobytes(), name


def animal_of(recording: xr.Dataset, animal: int) -> xr.Dataset:
    """One animal, cut independently of neuroam.io."""
    per_animal = recording["spike_count"].sum("unit").values
    start = int(per_animal[:animal].sum())
    return recording.isel(animal=[animal], spike=slice(start, start + int(per_animal[animal])))
