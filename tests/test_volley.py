"""Chains reduced to their timing: closed forms, potentials summed by brute force, exact rescaling, the spiking level,
and what is refused."""
from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from neuroam import simulate
from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import all_to_all, from_matrix, one_to_one
from neuroam.effective.volley import Volleys
from neuroam.effective.volley_burst import Part, burst
from neuroam.errors import Unsupported
from neuroam.manipulations import Cool, Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Rectified
from neuroam.units import Hz, Parameter, ms, mV
from neuroam.wiring import wire

DT = 1e-6  # of the clock that times are recorded on
CELL = LIF(tau=10 * ms, rest=-70 * mV, threshold=-55 * mV, refractory=500 * ms, synapse=5 * ms)
DENDRITE = LIF(tau=1 * ms, rest=-70 * mV, threshold=-55 * mV, refractory=30 * ms, synapse=5 * ms)
WEIGHT = 0.8  # mV/Hz: one spike makes a summit of 20 mV, θ being 15
KICK = 40.0  # mV


def matrix(pre, post, weight, shape):
    table = np.zeros(shape)
    table[post, pre] = weight
    return from_matrix(table)


def volts(values):
    return Parameter(np.asarray(values, float), "volt")


def chain(links=4, delays=3 * ms, cell=CELL, weight=WEIGHT, more=(), joined=(), **described):
    """Cells that excite the next one; the first is driven. `delays` of all links."""
    onward = matrix(np.arange(links), np.arange(1, links + 1), 1.0, (links + 1, links + 1))
    first = matrix([0], [0], 1.0, (links + 1, 1))
    return Circuit(
        "chain", (Population("kick", 1, Drive("volt")), Population("X", links + 1, cell), *more),
        (Projection("kick", "X", first, 1.0), Projection("X", "X", onward, weight * mV / Hz, delay=delays), *joined),
        {"kick": Port("kick")}, updates="event-driven", **described)


def watching(populations=("X",), duration=200 * ms, every=None, cells=None, onset=0 * ms, length=50 * ms):
    stimulus = Stimulus("kick", volts([KICK * 1e-3]), length, onset)
    trial = Trial("t", duration, (stimulus,))
    return Protocol("p", "a kick", "here", groups=(Group("all"),), blocks=(Block("b", (trial,)),),
                    record=tuple(Record(name, every=every, cells=cells) for name in populations))


def onsets(circuit, protocol=None, population="X", solver=None, seed=0):
    """First spike of each cell in seconds."""
    solver = solver or Volleys(DT)
    wired = wire(circuit, seed)
    session = schedule(protocol or watching(), wired, solver.dt)
    tick, cell = solver.run(wired, session).spikes[population]
    first = np.full(wired.populations[wired.find(population, "test")].size, np.nan)
    first[cell[::-1]] = tick[::-1] * solver.dt
    return first


def crossing(weight, tau=10e-3):
    """t* of one potential for τ = 2 τ_s: w (y − y²)/(τ − τ_s) = θ with y = exp(−t/τ)."""
    c = 15e-3 * (tau / 2) / weight
    return -tau * np.log((1 + np.sqrt(1 - 4 * c)) / 2)


# closed forms

def test_a_uniform_chain_takes_its_links_times_delay_and_integration():
    link = 3e-3 + crossing(WEIGHT * 1e-3)
    np.testing.assert_allclose(np.diff(onsets(chain(6))), link, atol=1.5 * DT)


def test_a_constant_drive_takes_the_time_of_an_exponential_and_then_a_refractory_period_more():
    cell = replace(CELL, refractory=4 * ms)
    wired = wire(chain(1, cell=cell, weight=0.0), 0)
    tick, _ = Volleys(DT).run(wired, schedule(watching(), wired, DT)).spikes["X"]
    rise = 10e-3 * np.log(KICK / (KICK - 15))
    expected = rise + (4e-3 + rise) * np.arange(1 + int((0.05 - rise) / (4e-3 + rise)))
    np.testing.assert_allclose(tick * DT, expected, atol=1.5 * DT)


def test_too_weak_a_link_ends_the_chain():
    """Must fail: a potential of 14.9 mV, and of 15.1 mV passes."""
    for summit, passes in ((14.9, False), (15.1, True)):
        weight = summit * 4 * 5e-3  # at y = 1/2 the summit is w/(4 (τ − τ_s))
        assert np.isnan(onsets(chain(1, weight=weight))[1]) != passes


def test_the_mean_of_noise_lowers_the_threshold():
    rate, area = 40.0, 0.02
    noise = Population("noise", 5, Poisson(synapse=5 * ms))
    circuit = chain(more=(noise,), joined=(Projection("noise", "X", one_to_one(), area * mV / Hz),))
    circuit = with_noise(circuit, rate)
    c = (15e-3 - rate * area * 1e-3) * 5e-3 / (WEIGHT * 1e-3)
    link = 3e-3 - 10e-3 * np.log((1 + np.sqrt(1 - 4 * c)) / 2)
    np.testing.assert_allclose(np.diff(onsets(circuit, watching(onset=120 * ms))), link, atol=2e-6)
    louder = with_noise(circuit, 1e4)
    with pytest.raises(Unsupported, match="noise alone brings X of circuit 'chain' to threshold"):
        onsets(louder)


def with_noise(circuit, rate):
    return replace(circuit, ports={**circuit.ports, "noise": Port("noise", (), functools.partial(steady, rate=rate))})


def steady(presented, rate):
    return Parameter(np.full(5, rate), "hertz")


# brute force

def test_potentials_summed_on_a_fine_grid_cross_when_the_events_say():
    rng = np.random.default_rng(2)
    cells, grid = 12, np.arange(0, 0.12, 2e-6)
    weight = np.triu(rng.uniform(0.2, 0.9, (cells, cells)) * (rng.random((cells, cells)) < 0.6), 1)
    weight[np.arange(cells - 1), np.arange(1, cells)] = 0.8
    synapse = replace(CELL, synapse=3 * ms)
    kick = matrix([0], [0], 1.0, (cells, 1))
    circuit = Circuit("net", (Population("kick", 1, Drive("volt")), Population("X", cells, synapse)),
                      (Projection("kick", "X", kick, 1.0),
                       Projection("X", "X", from_matrix(weight.T), 1.0 * mV / Hz, delay=2 * ms)),
                      {"kick": Port("kick")}, updates="event-driven")
    found = onsets(circuit)
    expected = np.full(cells, np.inf)
    expected[0] = found[0]
    for j in range(1, cells):  # potentials of the cells before it, which are known by then
        after = np.maximum(grid - (expected[:j, None] + 2e-3), 0)
        potential = (np.exp(-after / 10e-3) - np.exp(-after / 3e-3)) / 7e-3
        above = np.flatnonzero(1e-3 * weight[:j, j] @ potential >= 15e-3)
        expected[j] = grid[above[0]] if len(above) else np.inf
    assert np.isfinite(expected).sum() > 8
    np.testing.assert_allclose(np.where(np.isnan(found), np.inf, found), expected, atol=5e-6)


def test_equal_time_constants_are_the_limit_of_nearly_equal_ones():
    near, same = (onsets(chain(cell=replace(CELL, synapse=tau * ms), weight=1.0)) for tau in (9.99, 10))
    np.testing.assert_allclose(same, near, rtol=2e-3)
    after = np.linspace(0, 0.02, 200_001)
    rise = after[np.argmax(1e-3 * after / 10e-3**2 * np.exp(-after / 10e-3) >= 15e-3)]  # t/τ² e^(−t/τ)
    np.testing.assert_allclose(np.diff(same), 3e-3 + rise, atol=2e-6)


# bursts

def bursting(links=4, weight=0.12, hidden=("dendrite", "AHP"), plateau=1.5, ahp=0.2, convergence=1):
    cell = LIF(tau=10 * ms, rest=-70 * mV, threshold=-55 * mV, refractory=1.2 * ms, synapse=3 * ms)
    cells = links + 1
    more = (Population("dendrite", cells, DENDRITE), Population("AHP", cells, graded(10 * ms)))
    own = one_to_one()
    joined = (Projection("X", "dendrite", own, 0.3 * mV / Hz), Projection("dendrite", "X", own, plateau * mV / Hz),
              Projection("X", "AHP", own, ahp * mV / Hz), Projection("AHP", "X", own, -1.0))
    return chain(links, cell=cell, weight=weight, more=more, joined=joined, hidden=hidden)


def test_a_chain_of_bursts_is_that_of_the_spiking_level_on_a_fine_clock():
    """But for the first links: a kick makes of the first burst another. Spikes of a burst, and how far the next is."""
    circuit, protocol, dt = bursting(links=6, weight=0.2), watching(duration=60 * ms, length=5 * ms), 2e-6
    wired = wire(circuit, 0)
    found = []
    for solver in (Numba(dt), Volleys(dt)):
        tick, cell = solver.run(wired, schedule(protocol, wired, dt)).spikes["X"]
        bursts = np.array([tick[cell == k] for k in (3, 4, 5)]) * dt
        found.append([np.diff(bursts, axis=1).ravel(), np.diff(bursts, axis=0).ravel()])
    for spiking, events in zip(*found, strict=True):
        np.testing.assert_allclose(events, spiking, rtol=0, atol=5 * dt)


def test_a_burst_without_what_ends_it_is_refused():
    soma = Part(10e-3, 3e-3, 1.2e-3, 15e-3, 0.0)
    dendrite = Part(1e-3, 50e-3, 30e-3, 15e-3, 0.0, heard=15e-3, hears=0.3e-3)
    with pytest.raises(Unsupported, match="goes on for more than 30"):
        burst((soma, dendrite))
    ended = burst((soma, replace(dendrite, synapse=5e-3, heard=1.5e-3)))
    assert 2 < len(ended.spikes) < 10 and ended.spikes[0] == 0 and 30e-3 < ended.silent < 31e-3


def test_spikes_of_a_burst_under_a_constant_drive_come_as_the_rate_curve_says():
    """Refractory period + τ ln(I/(I − θ)), while a dendrite that hardly acts lets the neuron have a burst at all."""
    soma = Part(10e-3, 3e-3, 1.2e-3, 15e-3, 0.0)
    dendrite = Part(1e-3, 5e-3, 30e-3, 15e-3, 0.0, heard=1e-9, hears=0.3e-3)
    course = np.where(np.arange(3000) * 2e-5 < 20e-3, 60e-3, 0)
    interval = 1.2e-3 + 10e-3 * np.log(60 / 45)
    found = burst((soma, dendrite), course)
    np.testing.assert_allclose(found.spikes, interval * np.arange(len(found.spikes)), atol=1e-6)
    assert len(found.spikes) == 1 + int(20e-3 / interval)


def test_cooling_a_chain_with_all_that_begins_it_stretches_every_time_by_one_factor():
    circuit = bursting()
    cool = Cool(("X", "dendrite", "AHP"), 8, 1.35)
    cold = cool.apply(wire(circuit, 0))
    times = []
    for wired in (wire(circuit, 0), cold):
        session = schedule(watching(duration=300 * ms, length=8 * ms), wired, DT)
        tick, cell = Volleys(DT).run(wired, session).spikes["X"]
        assert (np.bincount(cell) > 2).all()
        times.append(tick[np.argsort(cell, kind="stable")] * DT)
    np.testing.assert_allclose(times[1], times[0] * cool.stretch, atol=2e-5)  # the kick lasts


def test_lesions_act_on_the_wiring():
    circuit, session = bursting(), watching(length=5 * ms)
    for cut in (Silence("X"), Scale("X", "X", 0.0)):
        wired = cut.apply(wire(circuit, 0))
        cell = Volleys(DT).run(wired, schedule(session, wired, DT)).spikes["X"][1]
        assert set(cell) == (set() if isinstance(cut, Silence) else {0})


# traces and trials

def test_potentials_between_events_are_recorded():
    circuit = chain(1)
    wired = wire(circuit, 0)
    protocol = watching(every=0.5 * ms, cells=(1,))
    outcome = Volleys(DT).run(wired, schedule(protocol, wired, DT))
    first, second = onsets(circuit)
    time = np.arange(0, 0.2, 5e-4)
    after = np.maximum(time - first - 3e-3, 0)
    expected = -70e-3 + WEIGHT * 1e-3 * (np.exp(-after / 10e-3) - np.exp(-after / 5e-3)) / 5e-3
    expected[time > second] = -70e-3  # clamped
    np.testing.assert_allclose(outcome.traces["X"][:, 0], expected, atol=2e-6)


def test_trials_are_alike_and_a_recording_is_made():
    stimulus = Stimulus("kick", volts([KICK * 1e-3]), 50 * ms, 7 * ms)
    blocks = (Block("b", (Trial("t", 150.001 * ms, (stimulus,), repeats=3),)),)
    recording = simulate(chain(), replace(watching(), blocks=blocks), Volleys(DT), animals=2)
    assert recording["spike_count"].values.tolist() == [[3] * 5] * 2
    times = recording["spike_time"].values.reshape(2, 5, 3)
    np.testing.assert_allclose(np.diff(times, axis=2), 150.001e-3)


# refusals

def hears_from(name, neuron, weight=1.0, **options):
    """A chain that also hears one more population."""
    unit = mV / Hz if neuron.unit_out == "hertz" else 1.0
    return chain(more=(Population(name, 5, neuron),), joined=(
        Projection("X", name, one_to_one(), 0.1 * mV / Hz),
        Projection(name, "X", one_to_one(), weight * unit)), **options)


@pytest.mark.parametrize("circuit, message", [
    (chain(weight=-0.1), "X->X of circuit 'chain' inhibits"),
    (chain(cell=replace(CELL, synapse=0 * ms)), "synapses of X of circuit 'chain' act in no time"),
    (hears_from("G", graded(5 * ms)), "G of circuit 'chain' is graded and not hidden"),
    (hears_from("D", DENDRITE, 0.01, hidden=("D",)), "spikes once by itself, so what else it hears decides"),
    (hears_from("G", Rate(5 * ms, Rectified(threshold=Parameter(1e-3, "volt"), unit_in="volt", unit_out="volt")),
                hidden=("G",)), "G of circuit 'chain' is not linear in what it hears"),
    (chain(more=(Population("D", 5, DENDRITE),), hidden=("D",), joined=(
        Projection("X", "D", all_to_all(), 0.3 * mV / Hz), Projection("D", "X", one_to_one(), 1.5 * mV / Hz))),
     "X->D of circuit 'chain' is not from each cell to its own alone"),
    (chain(more=(Population("D", 5, DENDRITE),), hidden=("D",), joined=(
        Projection("X", "D", one_to_one(), 0.3 * mV / Hz, delay=1 * ms),
        Projection("D", "X", one_to_one(), 1.5 * mV / Hz))), "X->D of circuit 'chain' has a delay or unequal weights"),
    (replace(hears_from("D", DENDRITE, 1.5), hidden=("D",), projections=(
        *hears_from("D", DENDRITE, 1.5).projections, Projection("D", "D", one_to_one(), 0.1 * mV / Hz))),
     "the hidden D of circuit 'chain' is joined to more than one population"),
    (chain(cell=replace(CELL, threshold_cv=0.1), more=(Population("D", 5, DENDRITE),), hidden=("D",), joined=(
        Projection("X", "D", one_to_one(), 0.3 * mV / Hz), Projection("D", "X", one_to_one(), 1.5 * mV / Hz))),
     "the cells of X of circuit 'chain' differ in threshold")])
def test_what_is_no_chain_of_bursts_is_refused(circuit, message):
    with pytest.raises(Unsupported, match=message):
        simulate(circuit, watching(), Volleys(DT), animals=1)


def test_hidden_cells_are_not_recorded_and_trials_start_from_rest():
    with pytest.raises(Unsupported, match="record 'dendrite': the effective level of circuit 'chain' follows X alone"):
        simulate(bursting(), watching(("X", "dendrite")), Volleys(DT), animals=1)
    protocol = watching()
    trial = replace(protocol.blocks[0].trials[0], repeats=2, reset=False)
    with pytest.raises(Unsupported, match="carried-over state"):
        simulate(chain(), replace(protocol, blocks=(Block("b", (trial,)),)), Volleys(DT), animals=1)
