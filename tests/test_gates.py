"""Engine gates: spiking networks whose rates are in the literature, run as published.

Brunel 2000 (J Comput Neurosci 8:183), state C of figure 8: asynchronous irregular at g = 5, η = 2. Printed 37.7 Hz;
mean field 37.95 Hz. Here "irregular" is a coefficient of variation near .4, not near 1.
CUBA: the benchmark of Brette et al. 2007 (J Comput Neurosci 23:349, appendix 2) as Brian2 ships it.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, mV, second
from scipy import sparse

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import from_matrix, in_degree, one_to_one
from neuroam.neurons import LIF, Drive
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import InputDrive, schedule
from neuroam.solvers import Brian, Numba
from neuroam.wiring import wire

pytestmark = pytest.mark.slow
SOLVERS = {"numba": Numba, "cpp_standalone": lambda dt: Brian("cpp_standalone", dt=dt)}


def rate_and_irregularity(spikes, size, start, stop, dt):
    """Mean rate in hertz and mean coefficient of variation of the intervals of cells with at least five of them."""
    tick, cell = (a[(spikes[0] >= start) & (spikes[0] < stop)] for a in spikes)
    order = np.lexsort((tick, cell))
    trains = np.split(tick[order], np.cumsum(np.bincount(cell, minlength=size))[:-1])
    intervals = [np.diff(t) for t in trains if len(t) > 5]
    irregularity = np.mean([i.std(ddof=1) / i.mean() for i in intervals]) if intervals else np.nan
    return len(tick) / (size * (stop - start) * dt), irregularity


def brunel(dt, g=5.0, j=0.1*mV, tau=20*ms):
    """12 500 cells. Each has 1000 external synapses of its own.

    At 20 kHz a cell gets two external spikes a tick, more than one Poisson cell can emit. So the external cells
    are `Drive` cells that emit the number of external spikes of each tick, and their weight makes one spike a
    jump of J.
    """
    cell = LIF(tau=tau, rest=0*mV, threshold=20*mV, reset=10*mV, refractory=2*ms)
    jump = j / (1 - np.exp(-dt / float(tau)))
    excitation, inhibition = j * tau, -g * j * tau
    return Circuit("Brunel 2000", (
        Population("E", 10000, cell), Population("I", 2500, cell),
        Population("to E", 10000, Drive()), Population("to I", 2500, Drive())),
        (*(Projection("E", post, in_degree(1000), excitation, delay=1.5*ms) for post in "EI"),
         *(Projection("I", post, in_degree(250), inhibition, delay=1.5*ms) for post in "EI"),
         *(Projection(f"to {post}", post, one_to_one(), jump) for post in "EI")),
        {"to E": "to E", "to I": "to I"})


def external_spikes(session, wired, rate, dt):
    """The session with a Poisson number of external spikes for each cell and tick."""
    rng = np.random.default_rng(7)
    ticks = np.arange(session.stop)
    inputs = {p: InputDrive(ticks, rng.poisson(rate * dt, (session.stop, wired.populations[p].size)).astype(np.uint8))
              for p in session.inputs}
    return replace(session, inputs=inputs)


@pytest.mark.parametrize("solver", SOLVERS)
def test_brunel_state_c_fires_asynchronously_at_37_hertz(solver):
    """The C++ program takes minutes and 3.5 GB, most of them for the external counts of every cell and tick."""
    dt, discarded, counted = 1e-4, 0.2, 0.5
    circuit = brunel(dt)
    threshold_rate = 20e-3 / (0.1e-3 * 1000 * 20e-3)
    duration = (discarded + counted) * second
    quiet = tuple(Stimulus(port, 0.0, duration) for port in circuit.ports)
    protocol = Protocol("H0", "H0", "Brunel 2000", (Block("all", (Trial("run", duration, quiet),)),),
                        (Record("E"), Record("I")))
    wired = wire(circuit, 1)
    session = external_spikes(schedule(protocol, wired, dt), wired, 2 * threshold_rate * 1000, dt)
    spikes = SOLVERS[solver](dt=dt).run(wired, session).spikes
    both = np.concatenate([spikes["E"][0], spikes["I"][0]]), np.concatenate([spikes["E"][1], spikes["I"][1] + 10000])
    rate, irregularity = rate_and_irregularity(both, 12500, round(discarded / dt), session.stop, dt)
    print(f"Brunel state C, {solver}: {rate:.2f} Hz, CV {irregularity:.3f}")
    assert 37.1 - 1.5 < rate < 37.1 + 1.5
    assert 0.35 < irregularity < 0.45


def cuba(rng):
    """4000 cells joined with probability .02. Rest lies above threshold, so cells fire without any input; "hold" cells
    hold them elsewhere before the run."""
    def joined(n_post, n_pre):
        return from_matrix(sparse.random(n_post, n_pre, 0.02, random_state=rng, data_rvs=np.ones))

    def cells(synapse):
        return LIF(tau=20*ms, rest=-49*mV, threshold=-50*mV, reset=-60*mV, refractory=5*ms, synapse=synapse)

    sizes = {"E": 3200, "I": 800}
    weights = {"E": 60 * 0.27 / 10 * mV * 5*ms, "I": -20 * 4.5 / 10 * mV * 10*ms}
    return Circuit("CUBA", (Population("E", 3200, cells(5*ms)), Population("I", 800, cells(10*ms)),
                            Population("hold E", 3200, Drive("volt")), Population("hold I", 800, Drive("volt"))),
                   (*(Projection(pre, post, joined(sizes[post], sizes[pre]), weights[pre])
                      for pre in "EI" for post in "EI"),
                    *(Projection(f"hold {post}", post, one_to_one(), 1.0) for post in "EI")),
                   {"hold E": "hold E", "hold I": "hold I"})


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("solver", SOLVERS)
def test_cuba_fires_at_5_to_6_hertz(solver, seed):
    """Cells are held at potentials uniform between reset and threshold until nothing moves, then let go for 1 s: the
    initial condition of the benchmark."""
    dt = 1e-4
    rng = np.random.default_rng(seed)
    circuit = cuba(rng)
    hold = {port: (rng.uniform(-60, -50, circuit.population(port).size) + 49) * mV for port in circuit.ports}
    held = Trial("held", 400*ms, tuple(Stimulus(port, drive, 400*ms) for port, drive in hold.items()))
    free = Trial("free", 1*second, tuple(Stimulus(port, 0*mV, 1*second) for port in hold), reset=False)
    protocol = Protocol("H1", "H1", "Brette et al. 2007", (Block("all", (held, free)),), (Record("E"), Record("I")))
    wired = wire(circuit, seed)
    session = schedule(protocol, wired, dt)
    outcome = SOLVERS[solver](dt=dt).run(wired, session)
    late = [np.count_nonzero((t >= 2000) & (t < 4000)) for t, _ in outcome.spikes.values()]
    assert sum(late) == 0, "the network was not at rest when it was let go"
    rate = np.concatenate([r[1] for r in outcome.responses.values()])
    print(f"CUBA, {solver}, seed {seed}: {rate.mean():.3f} Hz, silent {np.mean(rate == 0):.3f}")
    assert 5.2 < rate.mean() < 6.2
