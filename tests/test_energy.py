"""Energies of symmetric circuits: E from emissions is E from states, its gradient is the circuit's right-hand side, it
falls along trajectories whatever the clock, rises where synapses are not symmetric, and is refused in words."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neuroam import simulate
from neuroam.circuit import Circuit, Population, Projection, as_spikes
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, from_matrix, one_to_one
from neuroam.cues import Flip
from neuroam.energy import Energy, dense_weights, energy_along, energy_of
from neuroam.errors import Unsupported
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.plasticity import hebbian
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.solvers.batched import run_batched
from neuroam.transfer import (
    Exponential,
    LayerNorm,
    Linear,
    Power,
    Rectified,
    Sign,
    Softmax,
    Spherical,
    Tanh,
    Winners,
)
from neuroam.wiring import Wired, wire

WITH_ENERGY = ("classical", "polynomial", "exponential", "softmax", "spherical")
CLOCKS = (2e-3, 1e-3, 5e-4, 1e-4)
CONTROL = (Group("control"),)


def rates(wired: Wired):
    return [(p, population) for p, population in enumerate(wired.populations) if not population.is_input]


def emissions(wired, states, cue):
    """{position: r} for states and the drive of the one input population."""
    return {p: population.neuron.transfer(states[p], population.threshold[:, None]) if not population.is_input else cue
            for p, population in enumerate(wired.populations)}


def drives(wired, r):
    """What every population receives, with weights as full matrices."""
    total = {p: np.zeros_like(r[p]) for p, _ in rates(wired)}
    for row in wired.projections:
        total[row.post] = total[row.post] + dense_weights(row, wired) @ r[row.pre]
    return total


def by_states(wired, states, cue):
    """E = Σ [x·r − L(x)] − ½ Σ r·W r − r·(input)."""
    r = emissions(wired, states, cue)
    energy = sum((states[p] * r[p]).sum(axis=0) - population.neuron.transfer.lagrangian(
        states[p], population.threshold[:, None]) for p, population in rates(wired))
    for row in wired.projections:
        share = 1.0 if wired.populations[row.pre].is_input else 0.5
        energy = energy - share * (r[row.post] * (dense_weights(row, wired) @ r[row.pre])).sum(axis=0)
    return energy


def anywhere(wired, n=4, seed=0, spread=2.0):
    """Random states and a random cue."""
    rng = np.random.default_rng(seed)
    states = {p: spread * rng.standard_normal((population.size, n)) for p, population in rates(wired)}
    return states, rng.standard_normal((wired.populations[0].size, n))


def layered(transfer, top=None, **visible):
    """Input → visible ⇄ hidden ⇄ top by a sparse, a dense and a uniform pair; lateral synapses of visible, all
    symmetric; thresholds of their own."""
    rng = np.random.default_rng(1)
    w = rng.normal(0, 0.3, (5, 7))
    inside = rng.normal(0, 0.2, (7, 7)) * (rng.random((7, 7)) < 0.5)
    inside = inside + inside.T
    sparse = rng.normal(0, 0.5, (4, 5)) * (rng.random((4, 5)) < 0.6)
    populations = (Population("in", 7, Drive()), Population("visible", 7, Rate(20*ms, Tanh(1.5), **visible)),
                   Population("hidden", 5, Rate(5*ms, transfer)), Population("top", 4, Rate(2*ms, top or Tanh())),
                   Population("pool", 1, Rate(3*ms, Linear(0.5))))
    return Circuit("layered", populations, (
        Projection("in", "visible", one_to_one(), 0.7), Projection("visible", "visible", from_matrix(inside), 1.0),
        Projection("visible", "hidden", all_to_all(), w), Projection("hidden", "visible", all_to_all(), w.T),
        Projection("hidden", "top", from_matrix(sparse), 1.0), Projection("top", "hidden", from_matrix(sparse.T), 1.0),
        Projection("top", "pool", all_to_all(), -0.2), Projection("pool", "top", all_to_all(), -0.2)), {"in": "in"})


TRANSFERS = (Linear(0.8), Rectified(1.3, 0.1), Tanh(2.0, 0.3), Power(0.4, 3.0), Power(0.2, 3.0, rectified=False),
             Exponential(0.3, 0.7), Softmax(1.5), Softmax(1.5, ghost=0.4), Spherical(1.2), LayerNorm(0.6, 0.1))
JUMPING = (Sign(), Winners(2))
CIRCUITS = ([pytest.param(visible_hidden(6, 15, model), id=model) for model in WITH_ENERGY]
            + [pytest.param(layered(transfer), id=str(transfer)[:24]) for transfer in TRANSFERS]
            + [pytest.param(layered(Rectified(1.0, 0.2), threshold_cv=0.4), id="own thresholds")])


# the formula

@pytest.mark.parametrize("circuit", CIRCUITS + [pytest.param(layered(t), id=str(t)[:12]) for t in JUMPING])
def test_energy_of_emissions_is_that_of_states(circuit):
    wired = wire(circuit, 4)
    states, cue = anywhere(wired)
    np.testing.assert_allclose(energy_of(wired)(emissions(wired, states, cue)), by_states(wired, states, cue),
                               rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_the_gradient_of_the_energy_is_the_right_hand_side(circuit):
    """dE along any direction d of the states is Σ (x − W r − I)·(∂²L/∂x²) d = −Σ τ x'·(∂²L/∂x²) d."""
    wired = wire(circuit, 4)
    states, cue = anywhere(wired)
    along, _ = anywhere(wired, seed=5, spread=1.0)
    energy, step = energy_of(wired), 1e-5

    def moved(by):
        return energy(emissions(wired, {p: x + by * along[p] for p, x in states.items()}, cue))

    total = drives(wired, emissions(wired, states, cue))
    expected = sum(((states[p] - total[p]) * population.neuron.transfer.jvp(
        states[p], along[p], population.threshold[:, None])).sum(axis=0) for p, population in rates(wired))
    np.testing.assert_allclose((moved(step) - moved(-step)) / (2 * step), expected, rtol=2e-7, atol=2e-7)


def test_the_gradient_in_emissions_is_minus_tau_dx_dt():
    """−∂E/∂r = −x + W r + I where the emission tells the state."""
    wired = wire(layered(Exponential(0.3, 0.7)), 4)
    states, cue = anywhere(wired, n=1, spread=0.5)
    r = emissions(wired, states, cue)
    energy, total, step = energy_of(wired), drives(wired, r), 1e-6
    for p, population in rates(wired):
        for cell in range(population.size):
            bump = np.zeros_like(r[p])
            bump[cell] = step
            slope = (energy(r | {p: r[p] + bump}) - energy(r | {p: r[p] - bump}))[0] / (2 * step)
            assert -slope == pytest.approx((total[p] - states[p])[cell, 0], abs=1e-7)


@pytest.mark.parametrize("model", WITH_ENERGY)
def test_each_synapse_counts_once(model):
    energy = energy_of(wire(visible_hidden(3, 8, model)))
    assert (energy.inputs, energy.pairs) == ((0,), (1,))
    assert energy.lateral == ((3,) if model == "classical" else ())


# along trajectories

def cued(duration=150*ms, every=1*ms, what="pattern 1", groups=CONTROL, trials=1, record=("visible", "memory")):
    stimulus = Stimulus("cue", what, duration, degraded=(Flip(0.2),))
    blocks = (Block("one", tuple(Trial(str(k), duration, (stimulus,)) for k in range(trials))),)
    return Protocol("cued", "cued", "none", blocks, tuple(Record(name, every) for name in record), groups)


def run(circuit, dt, solver, protocol=None, **changes):
    wired = wire(circuit, 3)
    for position, weight in changes.get("weights", {}).items():
        wired = wired.with_projection(position, weight=weight)
    session = schedule(protocol or cued(every=dt*second), wired, dt)
    outcome = (Numba(dt=dt).run(wired, session) if solver == "clocked"
               else run_batched(wired, session, dt, "exponential_euler", np.dtype(float)))
    return wired, session, outcome


def rise(energy):
    """All rises together, as a fraction of what there is between the lowest and the highest energy."""
    return np.maximum(np.diff(energy), 0).sum() / np.ptp(energy)


@pytest.mark.parametrize("solver", ["clocked", "batched"])
@pytest.mark.parametrize("dt", CLOCKS)
@pytest.mark.parametrize("model", WITH_ENERGY)
def test_energy_falls_whatever_the_clock(model, dt, solver):
    energy = energy_along(*run(visible_hidden(8, 40, model), dt, solver))
    assert energy[-1] < energy[0] - 1 and rise(energy) < 1e-12


@pytest.mark.parametrize("tau_hidden", [0.2*ms, 5*ms, 100*ms])
@pytest.mark.parametrize("model", WITH_ENERGY)
def test_energy_falls_whatever_the_time_constants(model, tau_hidden):
    circuit = visible_hidden(8, 40, model, tau_hidden=tau_hidden)
    assert rise(energy_along(*run(circuit, 1e-4, "clocked"))) < 1e-12


@pytest.mark.parametrize("model", WITH_ENERGY)
def test_the_fall_is_that_of_the_gradient(model):
    """dE/dt = −Σ τ x'·(∂²L/∂x²) x' to first order in the step: (E_{n+1} − E_n) over it is 1 + O(dt)."""
    def ratio(dt):
        wired, session, outcome = run(visible_hidden(6, 20, model, tau_hidden=20*ms), dt, "clocked",
                                      cued(20*ms, every=dt*second))
        fall = np.diff(energy_along(wired, session, outcome))
        r = {p: outcome.traces[population.name].T for p, population in rates(wired)}
        r[0] = np.repeat(session.inputs[0].at(0)[:, None], r[1].shape[1], axis=1)
        total, states = drives(wired, r), _states(wired, r, dt)
        power = 0.0
        for p, population in rates(wired):
            towards = total[p] - states[p]
            slope = population.neuron.transfer.jvp(states[p], towards)
            power = power + (towards * slope).sum(axis=0) / float(population.neuron.tau)
        at = round(10e-3 / dt)
        return fall[at] / (-power[at] * dt)

    coarse, fine = (abs(ratio(dt) - 1) for dt in (2e-4, 1e-4))
    assert fine < 0.05 and coarse / fine == pytest.approx(2, abs=0.1)


def _states(wired, r, dt):
    """States of all populations from rest, by the exponential step on the drives that these emissions give."""
    total = drives(wired, r)
    states = {p: np.zeros_like(total[p]) for p in total}
    for p, population in rates(wired):
        alpha = -np.expm1(-dt / float(population.neuron.tau))
        for n in range(total[p].shape[1] - 1):
            states[p][:, n + 1] = states[p][:, n] + alpha * (total[p][:, n] - states[p][:, n])
    return states


@pytest.mark.parametrize("model", WITH_ENERGY)
def test_with_unrelated_feedback_it_rises(model):
    """The control: with the same weights shuffled on their way back, three times as strong, the formula is no energy;
    with the same weights as strong as that both ways it is one."""
    circuit, weak = visible_hidden(8, 40, model), {"pattern 1": 0.2}
    there, back = (3 * wire(circuit, 3).projections[k].weight for k in (1, 2))
    shuffled = np.random.default_rng(0).permutation(back.ravel()).reshape(back.shape)

    def energies(weights):
        wired, session, outcome = run(circuit, 1e-4, "clocked", cued(every=.1*ms, what=weak), weights=weights)
        r = {p: outcome.traces[population.name].T for p, population in rates(wired)}
        r[0] = np.repeat(session.inputs[0].at(0)[:, None], r[1].shape[1], axis=1)
        return Energy(wired, (1,), energy_of(wire(circuit, 3)).lateral, (0,))(r)

    assert rise(energies({2: shuffled})) > 0.1
    assert rise(energies({1: there, 2: back})) < 1e-12


# what a recording keeps

def test_energies_are_recorded_where_all_is_recorded():
    recording = simulate(visible_hidden(6, 30), cued(trials=2), Numba(dt=1e-3), animals=2, seed=1)
    for k in range(2):
        wired = wire(visible_hidden(6, 30), 1 + k)
        values = recording["trace_value"][k]
        r = {p: values[:, recording["trace_population"].values == population.name].values.T.astype(float)
             for p, population in rates(wired)}
        session = schedule(cued(trials=2), wired, 1e-3)
        r[0] = np.array([session.inputs[0].at(n) for n in range(300)]).T
        np.testing.assert_allclose(recording["energy"][k], energy_of(wired)(r), rtol=1e-5, atol=1e-5)
    partly = simulate(visible_hidden(6, 30), cued(record=("visible",)), Numba(dt=1e-3), animals=1)
    assert "energy" not in partly
    assert "energy" not in simulate(visible_hidden(6, 30), cued(every=None), Numba(dt=1e-3), animals=1)


@pytest.mark.parametrize("first", [0, 1])
def test_groups_without_an_energy_have_nan(first):
    groups = [Group("intact"), Group("lesion", (Scale("memory", "visible", 0.5),))]
    ordered = (groups[first], groups[1 - first])
    recording = simulate(visible_hidden(6, 30), cued(groups=ordered), Numba(dt=1e-3), animals=2)
    lesion = recording["group"].values == "lesion"
    assert np.isnan(recording["energy"][lesion]).all() and np.isfinite(recording["energy"][~lesion]).all()


# refusals

def softly(**changes):
    """visible_hidden with a projection or population changed."""
    circuit = visible_hidden(4, 10, "polynomial")
    rows = {row.name: row for row in circuit.projections}
    cells = {p.name: p for p in circuit.populations}
    for name, change in changes.pop("rows", {}).items():
        rows[name] = replace(rows[name], **change)
    for name, neuron in changes.pop("cells", {}).items():
        cells[name] = replace(cells[name], neuron=neuron)
    return replace(circuit, populations=tuple(cells.values()), projections=tuple(rows.values()), **changes)


LIF_CELL = LIF(tau=20*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms)
LEARNS = {"plasticity": hebbian(0.1/second, 20*ms, high=1.0)}


def spiking():
    return Circuit("s", (Population("in", 3, Drive("volt")), Population("E", 3, LIF_CELL)),
                   (Projection("in", "E", one_to_one(), 1.0),), {"in": "in"})


def fired_at():
    return Circuit("s", (Population("in", 3, Poisson(synapse=5*ms)), Population("E", 3, Rate(20*ms, Linear()))),
                   (Projection("in", "E", one_to_one(), 1.0/Hz),), {"in": "in"})


def rate_curve():
    circuit = spiking()
    return replace(circuit, populations=(circuit.populations[0], Population("E", 3, LIF_CELL.as_rate())))


@pytest.mark.parametrize("circuit, reason", [
    (visible_hidden(4, 10, "softmax with a body"), "not the transpose"),
    (softly(rows={"memory->visible": {"weight": 0.3}}),
     "memory->visible are not the transpose|visible->memory are not the transpose"),
    (softly(rows={"cue->visible": {"acts": "divisive"}}), "projection cue->visible divides; .*additive"),
    (softly(rows={"visible->memory": {"delay": 2*ms}}), "projection visible->memory is delayed"),
    (softly(rows={"visible->memory": LEARNS}), "projection visible->memory is plastic"),
    (softly(rows={"visible->memory": {"lowpass": 2*ms}}), "not the transpose"),
    (spiking(), "the cells of 'E' spike; ask for it at the rate level"),
    (fired_at(), "the cells of 'in' spike"),
    (as_spikes(visible_hidden(4, 10)), "the cells of 'visible' spike"),
    (rate_curve(), "LIFCurve of 'E' has no Lagrangian in closed form")])
def test_circuits_without_an_energy_say_why(circuit, reason):
    with pytest.raises(Unsupported, match=reason):
        energy_of(wire(circuit))


def emitting(wired, name, *factors):
    """What the first cells of a population emit is multiplied by so much."""
    p = wired.find(name, "test")
    gain = np.ones(wired.populations[p].size)
    gain[:len(factors)] = factors
    return wired.with_population(p, gain=gain)


@pytest.mark.parametrize("lesion, reason", [
    (Scale("visible", "memory", 0.5).apply, "not the transpose"),
    (lambda wired: emitting(wired, "memory", 0.0), "'memory' is silenced in part, and its cells look at each other"),
    (lambda wired: emitting(wired, "visible", 0.5), "'visible' is scaled")])
def test_lesions_take_the_energy_away(lesion, reason):
    with pytest.raises(Unsupported, match=reason):
        energy_of(lesion(wire(visible_hidden(4, 10))))


SILENCED = [("softmax", lambda wired: Silence("memory").apply(wired)),
            ("spherical", lambda wired: emitting(wired, "memory", 0.0, 0.0)),
            ("classical", lambda wired: emitting(wired, "memory", 0.0)),
            ("polynomial", lambda wired: emitting(wired, "memory", 0.0, 1.0, 0.0)),
            ("exponential", lambda wired: emitting(emitting(wired, "memory", 0.0), "visible", 0.0, 0.0))]


@pytest.mark.parametrize("model, silence", SILENCED, ids=[model for model, _ in SILENCED])
def test_silenced_cells_leave_the_energy_of_the_rest(model, silence):
    """−dE/dt = Σ τ x'·(∂²L/∂x²) x' over the cells that emit, along the trajectory, and E never rises; as a control, it
    is not the energy of the whole circuit."""
    whole = wire(visible_hidden(6, 15, model), 4)
    wired = silence(whole)
    states, cue = anywhere(wired)
    energy, step = energy_of(wired), 1e-5

    def emitted(states):
        r = emissions(whole, states, cue)
        return r | {p: population.gain[:, None] * r[p] for p, population in enumerate(wired.populations)}

    total = drives(wired, emitted(states))
    along = {p: total[p] - states[p] for p, _ in rates(wired)}
    change = (energy(emitted({p: x + step * along[p] for p, x in states.items()}))
              - energy(emitted({p: x - step * along[p] for p, x in states.items()}))) / (2 * step)
    fall = sum((population.gain[:, None] * along[p] * population.neuron.transfer.jvp(
        states[p], along[p], population.threshold[:, None])).sum(axis=0) for p, population in rates(wired))
    np.testing.assert_allclose(-change, fall, rtol=1e-5, atol=1e-6)
    assert (change <= 1e-9).all()
    assert np.abs(energy(emitted(states)) - energy_of(whole)(emissions(whole, states, cue))).max() > 1e-3


def test_lesions_on_both_ways_leave_one():
    wired = wire(visible_hidden(4, 10))
    for way in (("visible", "memory"), ("memory", "visible")):
        wired = Scale(*way, 0.5).apply(wired)
    assert energy_of(wired).pairs == (1,)
