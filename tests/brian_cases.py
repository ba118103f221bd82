"""Small circuits that between them use every feature, for holding solvers against one another."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from brian2 import Hz, ms, mV

from neuroam.circuit import Circuit, Population, Projection, as_rates
from neuroam.connect import LogNormal, all_to_all, from_matrix, in_degree, one_to_one, random_in_degree
from neuroam.manipulations import Manipulation, Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import ThreeFactor, anti_hebbian, dopamine_depression, hebbian, inhibitory, spike_timing
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import Session, schedule
from neuroam.solvers.base import Outcome
from neuroam.transfer import Linear, Rectified, Tanh
from neuroam.wiring import Wired, wire

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, reset=-62*mV, refractory=1*ms, synapse=4*ms,
           threshold_cv=0.1)
SHARP = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms)
VOLTS = Rectified(gain=2*Hz/mV, unit_in="volt", unit_out="hertz")


def protocol(circuit: Circuit, record: tuple[str, ...], *, resets: tuple[bool, ...] = (True, True, True),
             fresh: bool = False, every: Any = 1*ms, shuffle: bool = False) -> Protocol:
    """Three trials of 30 ms at every port, the last in a block of its own."""
    def trial(name: str, on: float, reset: bool) -> Trial:
        return Trial(name, 30*ms, tuple(Stimulus(port, _drive(circuit, port), (20 - on)*ms, (4 + k + on)*ms)
                                        for k, port in enumerate(circuit.ports)), reset=reset)

    first, second, third = (trial("abc"[k], 2.0*k, reset) for k, reset in enumerate(resets))
    blocks = Block("one", (first, second), shuffle=shuffle), Block("two", (third,), fresh=fresh)
    return Protocol("small", "small", "none", blocks, tuple(Record(name, every=every) for name in record))


def _drive(circuit: Circuit, port: str) -> Any:
    population = circuit.population(circuit.ports[port].population)
    values = np.linspace(0.5, 1.5, population.size)
    scale = {"hertz": 400*Hz, "volt": 30*mV, "1": 1.0}[population.neuron.unit_out]
    return values*scale


def spiking(**extra: Any) -> Circuit:
    """Poisson cells drive LIF cells, which a graded cell inhibits."""
    return Circuit("spiking", (Population("in", 12, Poisson(synapse=3*ms)), Population("out", 20, CELL),
                               Population("inhibition", 1, graded(8*ms))),
                   (Projection("in", "out", in_degree(5, replacement=True), LogNormal(.02*mV/Hz, .5),
                               **extra),
                    Projection("out", "inhibition", all_to_all(), .01*mV/Hz, **extra),
                    Projection("inhibition", "out", all_to_all(), -1.0)), {"odour": "in"})


def at_once() -> Circuit:
    """Synapses without a time constant: sparse, uniform and onto a rate cell."""
    return Circuit("at once", (Population("in", 12, Poisson()), Population("out", 8, SHARP),
                               Population("slow", 3, Rate(5*ms, VOLTS))),
                   (Projection("in", "out", random_in_degree(4, 2, 1, 9), .05*mV/Hz, delay=1*ms),
                    Projection("out", "out", all_to_all(), .02*mV/Hz),
                    Projection("out", "slow", all_to_all(), .03*mV/Hz, delay=2*ms)), {"odour": "in"})


def divisive() -> Circuit:
    """Division by a graded population, by spikes, and by both."""
    return Circuit("divisive", (Population("in", 6, Drive("volt")),
                                Population("noise", 5, Poisson(synapse=5*ms)),
                                Population("out", 4, Rate(5*ms, VOLTS)), Population("lif", 4, CELL)),
                   (Projection("in", "out", all_to_all(), LogNormal(.4, .3)),
                    Projection("noise", "out", in_degree(2), .01/Hz, acts="divisive"),
                    Projection("out", "lif", all_to_all(), .2*mV/Hz),
                    Projection("in", "lif", all_to_all(), 4/(1000*mV), acts="divisive")),
                   {"drive": "in", "noise": "noise"})


def conducting() -> Circuit:
    """All layouts, a delay, two reversal potentials at one time constant, currents beside conductances, plasticity."""
    slow = replace(CELL, synapse=10*ms)
    rule = inhibitory(.03*ms, trace=20*ms, target=5*Hz, high=3*ms)
    return Circuit("conducting", (
        Population("in", 12, Poisson(synapse=3*ms)), Population("E", 20, CELL), Population("I", 8, slow),
        Population("bias", 1, Drive("volt"))), (
        Projection("in", "E", in_degree(6), LogNormal(.3*ms, .3), reversal=0*mV),
        Projection("in", "I", all_to_all(), .1*ms, reversal=0*mV, delay=1*ms),
        Projection("E", "E", in_degree(5), .1*ms, reversal=0*mV, delay=1*ms),
        Projection("E", "I", all_to_all(), LogNormal(.05*ms, .3), reversal=0*mV),
        Projection("I", "E", in_degree(4), .3*ms, reversal=-80*mV, plasticity=rule),
        Projection("I", "I", from_matrix(np.ones((8, 8))), .02*ms, reversal=-75*mV),
        Projection("bias", "E", all_to_all(), 1.0), Projection("bias", "I", all_to_all(), 1.0)),
        {"odour": "in", "bias": "bias"})


def slow() -> Circuit:
    """Low-passed projections from spiking and from graded cells, one of them divisive."""
    return Circuit("slow", (Population("in", 12, Poisson(synapse=2*ms)), Population("out", 8, CELL),
                            Population("sum", 3, Rate(4*ms, VOLTS)), Population("sharp", 4, Poisson())),
                   (Projection("in", "out", in_degree(6), .1*mV/Hz, lowpass=10*ms),
                    Projection("sharp", "out", in_degree(2), .02*mV/Hz, lowpass=6*ms, delay=1*ms),
                    Projection("out", "sum", all_to_all(), .05*mV/Hz, lowpass=7*ms),
                    Projection("sum", "out", all_to_all(), .01/Hz, lowpass=5*ms, acts="divisive")),
                   {"odour": "in", "other": "sharp"})


def transfer(kind: Any) -> Callable[[], Circuit]:
    """A recurrent rate circuit with that transfer function."""
    def build() -> Circuit:
        return Circuit("rates", (Population("in", 6, Drive()),
                                 Population("out", 5, Rate(5*ms, kind, threshold_cv=.2)),
                                 Population("two", 4, Rate(8*ms, kind))),
                       (Projection("in", "out", in_degree(3), LogNormal(.8, .4)),
                        Projection("out", "out", all_to_all(), np.linspace(-.5, .5, 25).reshape(5, 5)),
                        Projection("out", "two", all_to_all(), .4),
                        Projection("two", "out", in_degree(2), -.3)),
                       {"drive": "in"})
    return build


def lif_rates(**changes: Any) -> Callable[[], Circuit]:
    """The rate circuit that stands in for a spiking one."""
    def build() -> Circuit:
        circuit = spiking()
        populations = (circuit.populations[0], Population("out", 20, replace(CELL, **changes)),
                       circuit.populations[2])
        return as_rates(replace(circuit, populations=populations))
    return build


def learning(rule: ThreeFactor, sparse: bool = False, **extra: Any) -> Callable[[], Circuit]:
    """Poisson cells onto LIF cells with that rule, gated or not."""
    def build() -> Circuit:
        connectivity = random_in_degree(5, 2, 2, 9, replacement=False) if sparse else all_to_all()
        return Circuit("learning", (Population("in", 12, Poisson(synapse=3*ms)), Population("out", 6, CELL),
                                    Population("gate", 1, Drive()), Population("gates", 6, Drive())),
                       (Projection("in", "out", connectivity, LogNormal(.02*mV/Hz, .3), plasticity=rule,
                                   **extra),),
                       {"odour": "in", "gate": "gate", "gates": "gates"})
    return build


def graded_learning(rule: ThreeFactor, sparse: bool = False) -> Callable[[], Circuit]:
    """Rate cells onto rate cells with that rule, driven by graded input."""
    def build() -> Circuit:
        kind = Rectified()
        return Circuit("graded learning", (Population("in", 5, Drive()),
                                           Population("pre", 5, Rate(5*ms, kind)),
                                           Population("post", 4, Rate(5*ms, kind)),
                                           Population("gate", 4, Drive())),
                       (Projection("in", "pre", one_to_one(), 1.0),
                        Projection("pre", "post", in_degree(3) if sparse else all_to_all(), LogNormal(.3, .3),
                                   plasticity=rule)), {"drive": "in", "gate": "gate"})
    return build


def mixed_learning() -> Circuit:
    """A rule whose one side spikes and whose other side is graded."""
    rule = ThreeFactor(on_pre_post=.001*mV/Hz/Hz, on_post=.001*mV/Hz, trace_post=9*ms, low=0, high=.2*mV/Hz)
    return Circuit("mixed", (Population("in", 12, Poisson(synapse=3*ms)),
                             Population("out", 4, Rate(5*ms, VOLTS))),
                   (Projection("in", "out", all_to_all(), .05*mV/Hz, plasticity=rule),), {"odour": "in"})


STDP = spike_timing(1e-4*mV/Hz/Hz, 1.2e-4*mV/Hz/Hz, 10*ms, 15*ms, high=.05*mV/Hz)
DOPAMINE = dopamine_depression("gate", .05)
ADDITIVE = dopamine_depression("gates", .001*mV/Hz, multiplicative=False)
EVERYTHING = ThreeFactor(on_pre=2.0*Hz, on_pre_post=-3.0*Hz, on_post=.5*Hz, on_post_pre=4.0*Hz, gate="gate",
                         trace_pre=6*ms, trace_post=9*ms, low=.1, high=.6)

CIRCUITS: dict[str, tuple[Callable[[], Circuit], tuple[str, ...]]] = {
    "spiking": (spiking, ("in", "out", "inhibition")),
    "delayed": (lambda: spiking(delay=1.5*ms), ("out", "inhibition")),
    "at once": (at_once, ("out", "slow")),
    "divisive": (divisive, ("out", "lif")),
    "conductances": (conducting, ("E", "I")),
    "low-pass": (slow, ("out", "sum")),
    "linear": (transfer(Linear(gain=.5, threshold=.1)), ("in", "out", "two")),
    "rectified": (transfer(Rectified(gain=1.5, threshold=.1)), ("out", "two")),
    "tanh": (transfer(Tanh(gain=2.0)), ("out", "two")),
    "rate curve": (lif_rates(), ("out", "inhibition")),
    "rate curve without refractory period": (lif_rates(refractory=0*ms, reset=-60*mV), ("out",)),
    "spike timing": (learning(STDP), ("out",)),
    "spike timing, sparse and delayed": (learning(STDP, sparse=True, delay=1*ms), ("out",)),
    "dopamine": (learning(DOPAMINE), ("out",)),
    "dopamine, one gate a cell": (learning(ADDITIVE, sparse=True), ("out",)),
    "anti-Hebbian": (learning(anti_hebbian(1e-4*mV/Hz/Hz, 10*ms, low=0)), ("out",)),
    "graded rule": (graded_learning(EVERYTHING), ("post",)),
    "graded rule, sparse": (graded_learning(hebbian(5.0*Hz, 10*ms, high=.5), sparse=True), ("pre", "post")),
    "mixed rule": (mixed_learning, ("out",)),
}

GROUPS: dict[str, tuple[Manipulation, ...]] = {
    "LIF silenced": (Silence("out"),), "inputs silenced": (Silence("in"),),
    "graded silenced": (Silence("inhibition"),), "blocked": (Scale("inhibition", "out", 0.0),),
    "weakened": (Scale("in", "out", 0.5),)}


def session_of(name: str, seed: int = 1, **options: Any) -> tuple[Wired, Session]:
    """A case wired and put on the clock."""
    build, record = CIRCUITS[name]
    circuit = build()
    wired = wire(circuit, seed)
    return wired, schedule(protocol(circuit, record, **options), wired, 1e-4)


def assert_same(one: Outcome, other: Outcome, tolerance: float = 1e-12, weights: float = 1e-10) -> None:
    """Spike for spike, and everything else to a fraction of its largest value."""
    assert one.spikes.keys() == other.spikes.keys()
    for name, (tick, cell) in one.spikes.items():
        np.testing.assert_array_equal(tick, other.spikes[name][0])
        np.testing.assert_array_equal(cell, other.spikes[name][1])
    for kind in ("responses", "traces", "peaks", "weights"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        assert mine.keys() == theirs.keys()
        for name, values in mine.items():
            scale = np.abs(values[np.isfinite(values)]).max(initial=1e-300)
            assert values.shape == theirs[name].shape
            atol = scale * (weights if kind == "weights" else tolerance)
            np.testing.assert_allclose(theirs[name], values, rtol=0, atol=atol)
