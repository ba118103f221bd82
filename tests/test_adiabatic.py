"""Hidden neurons without time constant: the circuit approaches its effective model to first order in τ_h, their fixed
points are the same, their energies differ by a Bregman divergence, and loops cannot be integrated out."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, mV, second

from neuroam import simulate
from neuroam.circuit import Circuit, Population, Projection
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, one_to_one
from neuroam.effective.adiabatic import Adiabatic, listening_order
from neuroam.energy import energy_of
from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import LIF, Drive, Rate
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba, clocked, tables
from neuroam.solvers.batched import Batch
from neuroam.solvers.capabilities import carried, markdown
from neuroam.transfer import Linear, Rectified, Softmax, Tanh
from neuroam.wiring import wire

TAU = 20e-3
RATIOS = np.array([0.003, 0.01, 0.03])
VISIBLE, MEMORY = 1, 2
HERTZ = Rectified(unit_in="hertz", unit_out="hertz")
MODELS = ("polynomial", "exponential", "softmax", "spherical")
WITH_ENERGY = ("classical", *MODELS)


def memory(model, ratio=0.25, patterns=30, cells=20, **settings):
    """A circuit whose hidden neurons are that much faster than the visible ones; gains and β of a few, as what must be
    small is τ_h/τ_v times the gain of the loop."""
    return visible_hidden(patterns, cells, model, gain=1.0, sharpness=5.0, tau_visible=TAU*second,
                          tau_hidden=ratio*TAU*second, **settings)


def cued(duration, every=None, dose=1.0, off=None, record=("visible", "memory")):
    stimulus = Stimulus("cue", {"pattern 1": dose}, (off or duration) * second)
    return Protocol("cued", "cued", "none", (Block("b", (Trial("t", duration * second, (stimulus,)),)),),
                    tuple(Record(name, None if every is None else every * second) for name in record))


def start(wired, seed=0):
    return np.random.default_rng(seed).standard_normal(wired.populations[VISIBLE].size)


def emission(wired, p, x):
    return wired.populations[p].neuron.transfer(x, wired.populations[p].threshold)


def full(wired, dt, duration, steps, slaved, dose=1.0):
    """States of the visible and of the hidden neurons of the circuit after every `steps` steps from a random state, the
    hidden ones slaved to it or at rest."""
    session = schedule(cued(duration, dose=dose), wired, dt)
    run = clocked._Run(wired, session, tables.tabulate(wired, dt, "exponential_euler", np.dtype(float)))
    run._begin(session.presentations[0])
    edges = run.tables.cells.start
    v, h = (slice(edges[p], edges[p + 1]) for p in (VISIBLE, MEMORY))
    run.state.v[v] = start(wired)
    run.state.r[v] = emission(wired, VISIBLE, run.state.v[v])
    run.state.v[h] = wired.projections[1].weight @ run.state.r[v] if slaved else 0.0
    run.state.r[h] = emission(wired, MEMORY, run.state.v[h])
    states = []
    for tick in range(0, session.stop, steps):
        run._step(tick, tick + steps, np.zeros(2, np.int64))
        states.append((run.state.v[v].copy(), run.state.v[h].copy()))
    return tuple(np.array(part) for part in zip(*states, strict=True))


def effective(wired, dt, duration, steps, dose=1.0, instant=(MEMORY,)):
    """States of the visible neurons likewise, the hidden ones instantaneous."""
    session = schedule(cued(duration, dose=dose), wired, dt)
    batch = Batch(wired, session, list(session.presentations), dt, "exponential_euler", np.dtype(float), instant)
    batch.x[VISIBLE][:, 0] = start(wired)
    batch.emit[VISIBLE](0)
    states = []
    for step in range(session.stop):
        batch.begin(step)
        batch.advance()
        if (step + 1) % steps == 0:
            states.append(batch.x[VISIBLE][:, 0].copy())
    return np.array(states)


# the limit

@pytest.mark.parametrize("model", MODELS)
def test_the_circuit_approaches_the_effective_model_to_first_order(model):
    """sup |v − v_eff| over 2 τ_v against τ_h has slope 1, with hidden neurons that start slaved or at rest."""
    dt, duration, steps = 4e-6, 40e-3, 50
    limit = effective(wire(memory(model), 3), dt, duration, steps)

    def error(ratio, slaved):
        return np.abs(full(wire(memory(model, ratio), 3), dt, duration, steps, slaved)[0] - limit).max()

    for slaved in (True, False):
        errors = [error(ratio, slaved) for ratio in RATIOS]
        assert np.polyfit(np.log(RATIOS), np.log(errors), 1)[0] == pytest.approx(1, abs=0.05)
        assert errors[0] < 0.05 * np.abs(limit).max()


@pytest.mark.parametrize("model", MODELS)
def test_the_gap_of_the_energies_is_of_second_order(model):
    """E_full − E_eff is quadratic in the distance from the slaved manifold, which is of order τ_h."""
    dt, duration, steps = 4e-6, 20e-3, 500

    def gap(ratio):
        wired = wire(memory(model, ratio), 3)
        v, h = full(wired, dt, duration, steps, slaved=True)
        return np.max(gaps(wired, v.T, h.T))

    slope = np.polyfit(np.log(RATIOS), np.log([gap(ratio) for ratio in RATIOS]), 1)[0]
    assert slope == pytest.approx(2, abs=0.1)


def test_at_any_clock_the_error_is_the_lag_of_the_hidden_neurons():
    """On a clock of dt a leaky cell lags by dt/(1 − e^{−dt/τ_h}), and with τ_h → 0 still by one step."""
    dt, duration, steps = 1e-4, 40e-3, 2
    limit = effective(wire(memory("polynomial"), 3), dt, duration, steps)
    ratios = np.array([1e-4, 0.01, 0.03])
    errors = [np.abs(full(wire(memory("polynomial", ratio), 3), dt, duration, steps, True)[0] - limit).max()
              for ratio in ratios]
    lags = dt / -np.expm1(-dt / (ratios * TAU))
    np.testing.assert_allclose(np.array(errors) / errors[0], lags / lags[0], rtol=0.1)


@pytest.mark.parametrize("tau", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("model", WITH_ENERGY)
def test_fixed_points_do_not_depend_on_the_time_constant(model, tau):
    """From near a memory, whatever τ_h/τ_v, the circuit comes to rest where its effective model does."""
    wired = wire(memory(model, tau, patterns=4), 3)
    session = schedule(cued(2.0 if tau < 4 else 4.0, every=2e-3, record=("visible",)), wired, 1e-3)
    circuit, limit = (solver.run(wired, session).traces["visible"][-1] for solver in (Numba(1e-3), Adiabatic(1e-3)))
    np.testing.assert_allclose(circuit, limit, atol=1e-6)
    assert np.abs(circuit).mean() > 0.3


@pytest.mark.parametrize("model", MODELS)
def test_a_fixed_point_is_one(model):
    """v* = ξᵀ f(ξ g(v*)) + I."""
    wired = wire(memory(model), 3)
    v = full(wired, 5e-4, 2.0, 500, slaved=False)[0][-1]
    w = wired.projections[1].weight
    cue = wired.patterns[0]
    np.testing.assert_allclose(w.T @ emission(wired, MEMORY, w @ emission(wired, VISIBLE, v)) + cue, v, atol=1e-6)
    np.testing.assert_allclose(effective(wired, 5e-4, 2.0, 500)[-1], v, atol=1e-6)


# energies

def gaps(wired, v, h):
    """E_full(v, h) − E_full(v, ξ g(v)) for states (n, n_states); the cue cancels."""
    energy, w = energy_of(wired), wired.projections[1].weight
    g = wired.populations[VISIBLE].neuron.transfer(v)
    f = wired.populations[MEMORY].neuron.transfer
    return energy({0: 0 * v, VISIBLE: g, MEMORY: f(h)}) - energy({0: 0 * v, VISIBLE: g, MEMORY: f(w @ g)})


@pytest.mark.parametrize("model", WITH_ENERGY)
def test_the_gap_is_a_bregman_divergence(model):
    """E_full − E_eff = L_h(ξg) − L_h(h) − f(h)·(ξg − h) ≥ 0, and 0 on the slaved manifold."""
    wired = wire(memory(model), 3)
    rng = np.random.default_rng(0)
    v, h = rng.standard_normal((20, 50)), 5 * rng.standard_normal((30, 50))
    layer, g = wired.populations[MEMORY].neuron.transfer, wired.populations[VISIBLE].neuron.transfer(v)
    slaved = wired.projections[1].weight @ g
    divergence = layer.lagrangian(slaved) - layer.lagrangian(h) - (layer(h) * (slaved - h)).sum(axis=0)
    found = gaps(wired, v, h)
    np.testing.assert_allclose(found, divergence, rtol=1e-10, atol=1e-10)
    assert found.min() > 0
    np.testing.assert_allclose(gaps(wired, v, slaved), 0, atol=1e-10)


@pytest.mark.parametrize("model", WITH_ENERGY)
def test_the_effective_energy(model):
    """E_eff(v) = Σ (v − I) g − L_v − L_h(ξ g), without autapses − ½ Σ W_ii g² more; it falls along the effective
    model."""
    wired = wire(memory(model), 3)
    v = effective(wired, 5e-4, 0.2, 1).T
    layers, w = [wired.populations[p].neuron.transfer for p in (VISIBLE, MEMORY)], wired.projections[1].weight
    cue = np.repeat(wired.patterns[0][:, None], v.shape[1], axis=1)
    g = layers[0](v)
    by_hand = ((v - cue) * g).sum(axis=0) - layers[0].lagrangian(v) - layers[1].lagrangian(w @ g)
    if model == "classical":
        by_hand = by_hand - 0.5 * (wired.projections[3].weight[0] * g**2).sum(axis=0)
    energy = energy_of(wired)({0: cue, VISIBLE: g, MEMORY: layers[1](w @ g)})
    np.testing.assert_allclose(energy, by_hand, rtol=1e-10, atol=1e-10)
    assert np.diff(energy).max() <= 1e-12 * np.ptp(energy) and np.ptp(energy) > 0.1


# the solver against the equation

def by_hand(wired, dt, steps, drive, rate):
    """Emissions of visible and hidden neurons at each step; in each v goes the fraction `rate` of the way to
    P f(S g(v)) + I."""
    v, there = np.zeros(len(drive)), wired.projections[1].weight
    seen, hidden = [], []
    for _ in range(steps):
        g = emission(wired, VISIBLE, v)
        f = emission(wired, MEMORY, there @ g)
        seen.append(g), hidden.append(f)
        v = v + rate * (wired.projections[2].weight @ f + drive - v)
    return np.array(seen), np.array(hidden)


@pytest.mark.parametrize("method, rate", [("exponential_euler", -np.expm1(-1e-3 / TAU)), ("euler", 1e-3 / TAU)])
@pytest.mark.parametrize("model", MODELS)
def test_the_solver_takes_steps_of_the_equation(model, method, rate):
    wired = wire(memory(model), 3)
    solver = Adiabatic(dt=1e-3, method=method)
    outcome = solver.run(wired, schedule(cued(0.1, every=1e-3), wired, 1e-3))
    seen, hidden = by_hand(wired, 1e-3, 100, wired.patterns[0], rate)
    np.testing.assert_allclose(outcome.traces["visible"], seen, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(outcome.traces["memory"], hidden, rtol=1e-11, atol=1e-12)


def test_a_step_of_one_time_constant_is_attention():
    """Ramsauer et al. 2020: v ← ξᵀ softmax(β ξ v); the cue falls away at once."""
    wired = wire(visible_hidden(6, 30, "softmax", sharpness=4.0), 2)
    solver = Adiabatic(dt=20e-3, method="euler")
    protocol = cued(0.2, every=20e-3, off=20e-3, dose=0.4, record=("visible",))
    trace = solver.run(wired, schedule(protocol, wired, 20e-3)).traces["visible"]
    xi = wired.patterns
    v = 0.4 * xi[0] + xi.T @ np.full(6, 1 / 6)
    for step in range(1, 10):
        np.testing.assert_allclose(trace[step], v, rtol=1e-12, atol=1e-12)
        logits = 4.0 / 30 * (xi @ v)
        v = xi.T @ (np.exp(logits) / np.exp(logits).sum())


def test_single_precision():
    wired = wire(memory("softmax"), 3)
    session = schedule(cued(0.1, every=1e-3), wired, 1e-3)
    double, single = (Adiabatic(dt=1e-3, dtype=dtype).run(wired, session).traces for dtype in ("float64", "float32"))
    assert single["visible"].dtype == np.float32
    np.testing.assert_allclose(single["visible"], double["visible"], atol=1e-4)


def test_steps_at_once_have_double_precision_alone_and_say_so():
    wired = wire(replace(visible_hidden(4, 10), updates="synchronous", recipe=None), 3)
    session = schedule(cued(0.1), wired, 1e-3)
    with pytest.raises(Unsupported, match="in double precision alone; leave dtype='float32' out"):
        Adiabatic(dt=1e-3, dtype="float32").run(wired, session)
    Adiabatic(dt=1e-3).run(wired, session)


def test_single_precision_of_binary_states_is_exact():
    wired = wire(visible_hidden(4, 30, "polynomial", gain=np.inf), 3)
    session = schedule(cued(0.1, record=("visible",)), wired, 1e-3)
    double, single = (Adiabatic(dt=1e-3, dtype=dtype).run(wired, session).responses["visible"]
                      for dtype in ("float64", "float32"))
    np.testing.assert_array_equal(single, double)


def test_hidden_neurons_may_be_named_otherwise_than_in_the_circuit():
    """Visible neurons without time constant, hidden ones with theirs: another model of the same circuit."""
    wired = wire(memory("polynomial"), 3)
    session = schedule(cued(0.02, every=1e-3), wired, 1e-3)
    trace = Adiabatic(dt=1e-3, hidden=("visible",)).run(wired, session).traces
    there, h, rate = wired.projections[1].weight, np.zeros(30), -np.expm1(-1e-3 / (0.25 * TAU))
    for step in range(20):
        g = emission(wired, VISIBLE, there.T @ emission(wired, MEMORY, h) + wired.patterns[0])
        np.testing.assert_allclose(trace["visible"][step], g, rtol=1e-12)
        h = h + rate * (there @ g - h)


# the softmax with a body

def body(tau_pool=2*ms, **settings):
    return visible_hidden(5, 30, "softmax with a body", tau_visible=TAU*second, tau_pool=tau_pool, **settings)


@pytest.mark.parametrize("competition", [10.0, 1000.0])
def test_the_body_without_time_constants_is_a_softmax_with_a_silent_competitor(competition):
    """f = e_μ/(1/w + Σ e), e = exp(β(m − 1)): Softmax(β/N, ghost = 1/w) of drives N m − N; what the cue adds is divided
    alike."""
    wired = wire(body(competition=competition), 3)
    xi, beta = wired.patterns, 10.0
    closed = Softmax(gain=beta / 30, ghost=1 / competition)
    trace = Adiabatic(dt=1e-4).run(wired, schedule(cued(0.1, every=1e-4, off=0.05), wired, 1e-4)).traces["visible"]
    v, rate = np.zeros(30), -np.expm1(-1e-4 / TAU)
    for step in range(1000):
        np.testing.assert_allclose(trace[step], v, rtol=1e-12, atol=1e-12)
        total = np.exp(beta * (xi @ v / 30 - 1)).sum()
        cue = xi[0] if step < 500 else 0.0
        v = v + rate * (xi.T @ closed(xi @ v - 30) + cue / (1 + competition * total) - v)


def test_a_fast_interneuron_approaches_the_softmax():
    """To first order in its time constant."""
    limit = Adiabatic(dt=1e-5)
    protocol = cued(0.05, every=1e-4, record=("visible",))

    def answer(circuit, solver):
        wired = wire(circuit, 3)
        return solver.run(wired, schedule(protocol, wired, 1e-5)).traces["visible"]

    instant = answer(body(), limit)
    taus = np.array([0.1e-3, 0.3e-3, 1e-3])
    errors = [np.abs(answer(body(tau*second), Adiabatic(dt=1e-5, hidden=("memory",))) - instant).max() for tau in taus]
    assert np.polyfit(np.log(taus), np.log(errors), 1)[0] == pytest.approx(1, abs=0.1)


# what can be integrated out

def chain(*projections, cells=("a", "b", "c")):
    populations = (Population("in", 3, Drive()), *(Population(name, 3, Rate(5*ms, Rectified())) for name in cells))
    rows = tuple(Projection(*pair, one_to_one(), 0.5) for pair in projections)
    return Circuit("chain", populations, rows, {"in": "in"})


@pytest.mark.parametrize("named", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
def test_populations_are_taken_in_the_order_they_hear_each_other(named):
    wired = wire(chain(("in", "c"), ("c", "b"), ("b", "a"), ("c", "a")))
    assert listening_order(wired, named) == (3, 2, 1)
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 10*ms, (Stimulus("in", [1.0, -1.0, 2.0], 10*ms),)),)),),
                        (Record("a", 1*ms),))
    trace = Adiabatic(dt=1e-3, hidden=named).run(wired, schedule(protocol, wired, 1e-3)).traces["a"]
    np.testing.assert_allclose(trace, np.broadcast_to(np.maximum([1.0, -1.0, 2.0], 0) * (0.125 + 0.25), (10, 3)))


@pytest.mark.parametrize("pairs", [(("in", "a"), ("a", "b"), ("b", "a")), (("in", "a"), ("a", "a")),
                                   (("in", "a"), ("a", "b"), ("b", "c"), ("c", "a"))])
def test_loops_are_refused(pairs):
    with pytest.raises(Unsupported, match="in a loop, so none of them can be integrated out before the others; absorb"):
        listening_order(wire(chain(*pairs)), ("a", "b", "c"))


def test_kenyon_cells_and_their_inhibition_are_a_loop():
    wired = wire(mushroom_body(kenyon=50))
    with pytest.raises(Unsupported, match=r"^APL, KC of circuit 'mushroom body'.*in a loop"):
        listening_order(wired, ("KC", "APL"))
    assert listening_order(wired, ("APL",)) == (wired.index["APL"],)


def test_a_delay_within_the_hidden_populations_breaks_no_loop():
    circuit = chain(("in", "a"), ("a", "b"))
    late = replace(circuit, projections=(*circuit.projections, Projection("b", "a", one_to_one(), 0.5, delay=2*ms)))
    with pytest.raises(Unsupported, match="loop"):
        listening_order(wire(late), ("a", "b"))


def test_circuits_without_hidden_populations_are_refused():
    with pytest.raises(Unsupported, match=r"'chain' names no hidden population.*give the circuit hidden="):
        listening_order(wire(chain(("in", "a"))), ())


def test_unknown_hidden_populations_are_refused():
    with pytest.raises(DescriptionError, match="integrating out: unknown population 'memori'; did you mean 'memory'"):
        listening_order(wire(memory("softmax")), ("memori",))
    with pytest.raises(DescriptionError, match="hidden: unknown population 'memori'"):
        replace(memory("softmax"), hidden=("memori",))


def test_what_it_cannot_carry_it_refuses():
    carried_over = Protocol("p", "p", "", (Block("b", (Trial("t", 10*ms, (Stimulus("cue", "pattern 1", 10*ms),),
                                                             reset=False, repeats=2),)),), (Record("visible"),))
    with pytest.raises(Unsupported, match="Adiabatic cannot carry carried-over state"):
        simulate(memory("softmax"), carried_over, Adiabatic(dt=1e-3), animals=1)
    cell = LIF(tau=20*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms)
    spiking = Circuit("s", (Population("in", 2, Drive("volt")), Population("E", 2, cell),
                            Population("F", 2, Rate(5*ms, HERTZ))),
                      (Projection("in", "E", one_to_one(), 1.0), Projection("E", "F", all_to_all(), 1.0)), {"in": "in"},
                      hidden=("F",))
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 10*ms, (Stimulus("in", 0, 10*ms),)),)),), (Record("F"),))
    with pytest.raises(Unsupported, match="Adiabatic cannot carry LIF cells"):
        simulate(spiking, protocol, Adiabatic(dt=1e-3), animals=1)
    with pytest.raises(DescriptionError, match="Adiabatic: dtype is 'float16'"):
        Adiabatic(dtype="float16")


def test_traces_without_time_are_refused_before_anything_runs():
    wired = wire(visible_hidden(8, 20, "classical", gain=np.inf), 3)
    traced, plain = (schedule(cued(0.05, every=every, record=("visible",)), wired, 1e-3) for every in (1e-3, None))
    Adiabatic(dt=1e-3).prepare(wired, plain)
    for meet in (Adiabatic(dt=1e-3).prepare, Adiabatic(dt=1e-3).refuse, Adiabatic(dt=1e-3).run):
        with pytest.raises(Unsupported, match=r"neuron by neuron .* which has no time; record without `every`"):
            meet(wired, traced)


def test_a_loop_is_refused_before_anything_runs():
    wired = wire(chain(("in", "a"), ("a", "b"), ("b", "a")))
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 10*ms, (Stimulus("in", 0.0, 10*ms),)),)),),
                        (Record("c"),))
    with pytest.raises(Unsupported, match="in a loop"):
        Adiabatic(dt=1e-3, hidden=("a", "b")).prepare(wired, schedule(protocol, wired, 1e-3))


def test_a_population_that_hears_nobody_emits_its_rest():
    circuit = Circuit("c", (Population("in", 2, Drive()), Population("a", 2, Rate(5*ms, Tanh())),
                            Population("b", 2, Rate(5*ms, Linear(threshold=-0.5)))),
                      (Projection("in", "a", one_to_one(), 1.0), Projection("b", "a", one_to_one(), 1.0)), {"in": "in"},
                      hidden=("b",))
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 10*ms, (Stimulus("in", 0.0, 10*ms),)),)),),
                        (Record("b", 1*ms),))
    wired = wire(circuit)
    np.testing.assert_array_equal(Adiabatic(dt=1e-3).run(wired, schedule(protocol, wired, 1e-3)).traces["b"], 0.5)


def test_the_documented_table_is_that_of_the_solvers():
    page = (Path(__file__).parents[1] / "docs" / "solver.md").read_text()
    assert markdown() in page
    assert carried()["layer-wide transfer functions"] == {"Numba": True, "Brian": False, "Adiabatic": True,
                                                          "WinnerTakeAll": False, "MeanField": False,
                                                          "Volleys": False, "PlaceReplay": False}
