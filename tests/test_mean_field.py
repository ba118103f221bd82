"""The mean field of spiking cells: its rate curve by other integrals, its fixed point and its course by other solvers,
what its synapses learn, what it says of cells that spike, and what it refuses."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from scipy.integrate import quad, solve_ivp
from scipy.optimize import fsolve
from scipy.special import ndtr

from neuroam.circuit import Circuit, Population, Projection
from neuroam.circuits.balanced import balanced
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.connect import all_to_all, one_to_one
from neuroam.effective import _kernels_mean_field as kernels
from neuroam.effective import mean_field
from neuroam.effective.mean_field import MeanField
from neuroam.effective.siegert import siegert
from neuroam.errors import Unsupported
from neuroam.manipulations import BlockPlasticity, Silence
from neuroam.neurons import LIF, Drive, Poisson
from neuroam.plasticity import inhibitory
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.protocols.dormant_memory import dormant_memory
from neuroam.runs import lacks, plan
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.wiring import wire

TAU, REST, THRESHOLD, RESET, REFRACTORY = 20e-3, -60e-3, -50e-3, -60e-3, 5e-3
EXCITATION, INHIBITION, BIAS = 5e-3, 10e-3, 12e-3  # time constants of synapses, and a steady drive
CELL = {"tau": TAU*second, "rest": -60*mV, "threshold": -50*mV, "reset": -60*mV, "refractory": 5*ms}
E_CELLS, I_CELLS = 200, 50
W = {("E", "E"): 0.03e-3, ("E", "I"): 0.03e-3, ("I", "E"): 0.4e-3, ("I", "I"): 0.3e-3}


def passage(mean, deviation, tau):
    """Mean first-passage time of an Ornstein–Uhlenbeck process: ∫ √(2π) exp(u²/2) Φ(u) du, with the normal Φ."""
    ends = (RESET - mean) / deviation, (THRESHOLD - mean) / deviation
    return tau * quad(lambda u: np.sqrt(2 * np.pi) * np.exp(u * u / 2) * ndtr(u), *ends, epsabs=1e-12)[0]


# the rate curve

@pytest.mark.parametrize("mean, deviation", [(-58e-3, 4e-3), (-54e-3, 2e-3), (-50e-3, 3e-3), (-45e-3, 1e-3)])
def test_the_rate_is_one_over_the_mean_first_passage_time(mean, deviation):
    expected = 1 / (REFRACTORY + passage(mean, deviation, TAU))
    assert siegert(mean, deviation, TAU, THRESHOLD, RESET, REFRACTORY) == pytest.approx(expected, rel=1e-4)


def test_without_fluctuations_it_is_the_curve_of_a_constant_drive():
    drive = np.array([5.0, 9.0, 10.5, 13.0, 60.0]) * 1e-3
    found = siegert(REST + drive, np.zeros(5), TAU, THRESHOLD, RESET, REFRACTORY)
    np.testing.assert_allclose(found, LIF(**CELL).rate(drive), rtol=2e-3)


def test_a_cell_held_far_below_threshold_is_silent():
    assert siegert(-0.3, 1e-3, TAU, THRESHOLD, RESET, REFRACTORY) == 0
    assert siegert(-50e-3, 1e-3, TAU, np.inf, RESET, REFRACTORY) == 0


# networks

def network(rule=None, weights=W):
    """Cells of a population are all alike, so that one equation holds for all of them."""
    joined = tuple(Projection(pre, post, all_to_all(), w*second, reversal=(0 if pre == "E" else -80)*mV,
                              plasticity=rule if (pre, post) == ("I", "E") else None)
                   for (pre, post), w in weights.items())
    return Circuit("pair", (Population("E", E_CELLS, LIF(**CELL, synapse=5*ms)),
                            Population("I", I_CELLS, LIF(**CELL, synapse=10*ms)), Population("bias", 1, Drive("volt"))),
                   (*joined, *(Projection("bias", p, all_to_all(), 1.0) for p in ("E", "I"))), {"bias": "bias"})


def session_of(wired, trials, dt=1e-3, duration=1.0, record=("E", "I")):
    listed = tuple(Trial(f"t{k}", duration*second, (Stimulus("bias", BIAS*1e3*mV, duration*second),), reset=k == 0)
                   for k in range(trials))
    return schedule(Protocol("p", "p", "", (Block("b", listed),), tuple(Record(r) for r in record)), wired, dt)


def answers(means, squares):
    """Rate of a cell from Σ w r and Σ w² r of both kinds of synapses, term by term."""
    leak = 1 + means.sum()
    mean = (REST + BIAS - 80e-3 * means[1]) / leak
    variance = sum(s / (2 * t) * ((e - mean) / leak)**2 * t / (t + TAU / leak)
                   for s, t, e in zip(squares, (EXCITATION, INHIBITION), (0.0, -80e-3), strict=True))
    return float(siegert(mean, np.sqrt(variance), TAU / leak, THRESHOLD, RESET, REFRACTORY))


def heard(post, rates, weights=W):
    w = np.array([weights["E", post], weights["I", post]])
    cells = np.array([E_CELLS, I_CELLS])
    return cells * w * rates, cells * w**2 * rates


def test_the_fixed_point_is_the_solution_of_its_equations():
    wired = wire(network())
    found = MeanField(dt=1e-3).run(wired, session_of(wired, 2)).responses
    rates = np.array([found["E"][1, 0], found["I"][1, 0]])
    assert np.ptp(found["E"][1]) < 1e-9 and rates.min() > 1
    solved = fsolve(lambda r: [answers(*heard(p, r)) - own for p, own in zip("EI", r, strict=True)], rates * 1.1)
    np.testing.assert_allclose(rates, solved, rtol=1e-3)


def course(stop, count):
    """Mean rates in `count` windows, by Runge and Kutta: what is heard follows the rates, squares twice as fast."""
    taus = np.array([EXCITATION, INHIBITION])

    def slope(_, y):
        means, squares = y[:8].reshape(2, 2, 2)
        rates = np.array([answers(m, s) for m, s in zip(means, squares, strict=True)])
        targets = np.array([heard(p, rates) for p in "EI"])
        return np.concatenate([((targets[:, 0] - means) / taus).ravel(), ((targets[:, 1] - squares) / taus * 2).ravel(),
                               rates])

    edges = np.linspace(0, stop, count + 1)
    solved = solve_ivp(slope, (0, stop), np.full(10, 1e-12), t_eval=edges, rtol=1e-6, atol=1e-12)
    return np.diff(solved.y[8:], axis=1).T / np.diff(edges)[:, None]


def test_rates_follow_an_independent_integration_to_first_order_in_the_step(monkeypatch):
    wired, errors = wire(network()), []
    expected = course(0.04, 4)
    for part in (0.05, 0.025):
        monkeypatch.setattr(mean_field, "PART", part)
        found = MeanField(dt=1e-3).run(wired, session_of(wired, 4, duration=0.01)).responses
        errors.append(np.abs(np.array([found["E"][:, 0], found["I"][:, 0]]).T / expected - 1).max())
    assert errors[1] < 0.05 and 1.6 < errors[0] / errors[1] < 2.4


# learning

RULE = inhibitory(0.01*ms, trace=20*ms, target=5*Hz, high=100*ms, gate=None)


def test_inhibition_learns_until_cells_fire_at_the_target_and_not_if_it_is_blocked():
    weak = {**W, ("I", "E"): 0.05e-3}
    wired = wire(network(RULE, weak))
    found = MeanField(dt=1e-3).run(wired, session_of(wired, 3, duration=20.0))
    assert found.responses["E"][2].mean() == pytest.approx(5.0, rel=0.02)
    assert found.weights["I->E"].shape == (E_CELLS, I_CELLS) and found.weights["I->E"].min() > 0.05e-3
    blocked = MeanField(dt=1e-3).run(BlockPlasticity("I", "E").apply(wired), session_of(wired, 3, duration=20.0))
    assert blocked.responses["E"][2].mean() > 10


def test_the_course_of_learning_is_that_of_the_averaged_rule():
    """dw/dt = 2 η τ x (y − ρ₀), rates at rest for the weight there is."""
    pair, target, rates = 0.01e-3 * 20e-3, 5.0, np.array([20.0, 20.0])

    def at_rest(w):
        nonlocal rates
        now = {**W, ("I", "E"): w}
        rates = fsolve(lambda r: [answers(*heard(p, r, now)) - own for p, own in zip("EI", r, strict=True)], rates)
        return rates

    def slope(_, y):
        r_e, r_i = at_rest(y[0])
        return [2 * pair * r_i * (r_e - target), r_e]

    solved = solve_ivp(slope, (0, 12), [W["I", "E"], 0], t_eval=[2, 4, 6, 8, 10, 12], rtol=1e-4)
    wired = wire(network(RULE))
    found = MeanField(dt=1e-3).run(wired, session_of(wired, 6, duration=2.0))
    np.testing.assert_allclose(found.responses["E"][1:, 0], np.diff(solved.y[1]) / 2, rtol=0.03)
    assert found.weights["I->E"][0, 0] == pytest.approx(solved.y[0, -1], rel=0.02)


@pytest.mark.parametrize("multiplicative", [False, True])
def test_what_synapses_learn_is_the_rule_term_by_term(multiplicative):
    rng = np.random.default_rng(1)
    pre, post = rng.integers(6, size=40), rng.integers(4, size=40)
    x, y, gate, weight = rng.random(6), rng.random(4), rng.random(4), rng.random(40)
    rule, bounds = np.array([-0.3, 0.7, 0.2, -0.5]), np.array([0.1, 0.9])
    change = x[pre] * (-0.3 + 0.7 * y[post]) + y[post] * (0.2 - 0.5 * x[pre])
    expected = weight + gate[post] * change * ((weight - 0.1) if multiplicative else 1)
    kernels.learn(weight, pre, post, x, y, gate, rule, bounds, multiplicative)
    np.testing.assert_allclose(weight, np.clip(expected, 0.1, 0.9), rtol=1e-14)


# cells that spike

def bombarded(inhibition):
    """Cells that each hear 160 excitatory and 40 inhibitory trains of their own, as in the balanced network."""
    kinds = {"e": (160, 0.15e-3, 0, 5*ms), "i": (40, inhibition, -80, 10*ms)}
    cell = LIF(tau=20*ms, rest=-40*mV, threshold=-50*mV, reset=-60*mV, refractory=5*ms)
    return Circuit("cells", (*(Population(k, n, Poisson(synapse=s)) for k, (n, _, _, s) in kinds.items()),
                             Population("out", 1, cell)),
                   tuple(Projection(k, "out", all_to_all(), w*second, reversal=e*mV)
                         for k, (_, w, e, _) in kinds.items()), {"e": "e", "i": "i"})


def fires(solver, inhibition, duration=20.0):
    wired = wire(bombarded(inhibition), 1)
    stimuli = Stimulus("e", 8*Hz, duration*second), Stimulus("i", 10*Hz, duration*second)
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", duration*second, stimuli),)),), (Record("out"),))
    found = solver.run(wired, schedule(protocol, wired, solver.dt))
    return len(found.spikes["out"][0]) / duration if found.spikes else found.responses["out"][0, 0]


def test_driven_cells_fire_as_the_theory_has_it_and_those_that_fluctuations_drive_less():
    """Synaptic noise is smooth: fewer crossings of threshold than the white noise of the theory makes."""
    driven, fluctuating = ((fires(MeanField(dt=1e-4), w), fires(Numba(dt=1e-4), w)) for w in (0.5e-3, 2.0e-3))
    assert driven[0] == pytest.approx(driven[1], rel=0.08) and driven[1] > 40
    assert 1.2 < fluctuating[0] / fluctuating[1] < 3 and fluctuating[1] > 3


def test_a_silenced_population_is_silent():
    wired = Silence("I").apply(wire(network()))
    found = MeanField(dt=1e-3).run(wired, session_of(wired, 1)).responses
    assert not found["I"].any() and found["E"].min() > 20


# what is refused, and who is run so

def test_a_spike_that_moves_a_cell_as_far_as_threshold_is_refused():
    wired = wire(network(weights={**W, ("E", "I"): 5e-3}))
    with pytest.raises(Unsupported, match=r"one of E->I moves 'I' by up to 15 mV.*it is 10 mV; use Numba"):
        MeanField(dt=1e-3).prepare(wired, session_of(wired, 1))


def test_delays_and_traces_are_refused():
    circuit = Circuit("late", (Population("in", 3, Poisson(synapse=5*ms)), Population("out", 3, LIF(**CELL))),
                      (Projection("in", "out", one_to_one(), 1*mV*ms, delay=2*ms),), {"in": "in"})
    wired = wire(circuit)
    trial = Trial("t", 10*ms, (Stimulus("in", 5*Hz, 10*ms),))
    for record, what in ((Record("out"), "delayed spikes"), (Record("out", every=1*ms), "delayed spikes|traces")):
        session = schedule(Protocol("p", "p", "", (Block("b", (trial,)),), (record,)), wired, 1e-3)
        with pytest.raises(Unsupported, match=f"MeanField cannot carry ({what})"):
            MeanField(dt=1e-3).run(wired, session)


def test_conductances_have_a_mean_field_at_the_effective_level_and_other_circuits_keep_theirs():
    protocol = dormant_memory()
    spiking, effective = plan(balanced(excitatory=400, inputs=40), protocol, (), 2e-4)
    assert isinstance(spiking.solver, Numba) and isinstance(effective.solver, MeanField)
    assert not lacks(mushroom_body(kenyon=50), "effective")
    assert "mean field" in lacks(Circuit("c", (Population("a", 3, LIF(**CELL)),)), "effective")
