"""Winner-take-all: exactly k winners, learning in closed form, and the very input that the spiking circuit gets."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from neuroam.circuit import Circuit, CodingLevels, Population, Port, Projection
from neuroam.connect import LogNormal, all_to_all, in_degree
from neuroam.effective.winner_take_all import WinnerTakeAll
from neuroam.errors import Unsupported
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import dopamine_depression, hebbian
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Rectified
from neuroam.wiring import wire

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=5*ms)
READOUT = Rate(20*ms, Rectified(gain=1*Hz/mV, unit_in="volt", unit_out="hertz"))
RATES = np.linspace(100, 300, 30)
CODING = CodingLevels("KC", "APL", "odour", without=.2, with_inhibition=.1)


def smell(mixture):
    return sum(mixture.values()) * RATES * Hz


def mushroom(rule=dopamine_depression("DAN", 0.1), change=0.02*mV/Hz, **extra):  # noqa: B008
    ports = {"odour": Port("PN", ("apple",), smell), "shock": "DAN"}
    return Circuit("small body", (
        Population("PN", 30, Poisson(synapse=3*ms)), Population("KC", 50, CELL), Population("APL", 1, graded(20*ms)),
        Population("MBON", 2, READOUT), Population("DAN", 2, Drive())),
        (Projection("PN", "KC", in_degree(6), LogNormal(.015*mV/Hz, .3)),
         Projection("KC", "APL", all_to_all(), .02*mV/Hz),
         Projection("APL", "KC", all_to_all(), -1.0),
         Projection("KC", "MBON", all_to_all(), change, plasticity=rule)), ports, CODING, **extra)


def session_of(wired, shocks=(0.0,), fresh=None):
    blocks = tuple(Block(str(k), (Trial(str(k), 300*ms, (Stimulus("odour", "apple", 200*ms, 50*ms),
                                                         Stimulus("shock", [shock, 0.0], 200*ms, 50*ms))),),
                         fresh=bool(fresh and fresh[k])) for k, shock in enumerate(shocks))
    protocol = Protocol("p", "p", "", blocks, (Record("PN"), Record("KC"), Record("APL"), Record("MBON")))
    return schedule(protocol, wired, 1e-4)


@pytest.fixture
def wired():
    return wire(mushroom(), 1)


def code(wired, session=None):
    return WinnerTakeAll().run(wired, session or session_of(wired)).responses["KC"]


def similarity(wired, pn):
    """h = S x in volts."""
    q = wired.projections[0]
    h = np.zeros(50)
    np.add.at(h, q.post_index, q.weight * pn[q.pre_index])
    return h


def lowered(wired, level):
    """Every threshold low enough for all cells to pass it, so that only inhibition chooses."""
    low = replace(wired, calibration=replace(CODING, with_inhibition=level, without=max(level, .2)))
    return low.with_population(1, threshold=np.full(50, -0.0599))


@pytest.mark.parametrize("level", [0.02, 0.1, 0.3, 0.5])
def test_exactly_k_cells_win_and_they_are_the_most_similar(wired, level):
    wired = lowered(wired, level)
    session = session_of(wired)
    outcome = WinnerTakeAll().run(wired, session)
    answers = outcome.responses["KC"][0]
    k = round(level * 50)
    assert np.count_nonzero(answers) == k
    h = similarity(wired, outcome.responses["PN"][0])
    assert set(np.flatnonzero(answers)) == set(np.argsort(h)[-k:])


def test_winners_emit_their_rate_curve_above_the_inhibition(wired):
    """The least inhibition that leaves k winners brings the next cell to threshold: y = g(h − (h_{k+1} − θ))."""
    wired = lowered(wired, 0.1)
    outcome = WinnerTakeAll().run(wired, session_of(wired))
    h = similarity(wired, outcome.responses["PN"][0])
    theta = -0.0599 + 0.060
    inhibition = np.sort(h)[-6] - theta
    curve = replace(CELL, threshold=-59.9*mV, reset=-60*mV)
    np.testing.assert_allclose(outcome.responses["KC"][0], curve.rate(h - inhibition), rtol=1e-9)


def test_without_inhibition_cells_answer_where_their_drive_passes_threshold(wired):
    cut = Scale("APL", "KC", 0.0).apply(wired)
    outcome = WinnerTakeAll().run(cut, session_of(cut))
    h = similarity(cut, outcome.responses["PN"][0])
    np.testing.assert_allclose(outcome.responses["KC"][0], CELL.rate(h), rtol=1e-9)
    np.testing.assert_allclose(outcome.peaks["KC"][0], -0.060 + h, rtol=1e-12)


def test_where_fewer_than_k_pass_threshold_nothing_is_inhibited(wired):
    high = wired.with_population(1, threshold=np.where(np.arange(50) < 2, -0.0599, 0.0))
    answers = code(high)[0]
    assert set(np.flatnonzero(answers)) <= {0, 1} and answers.any()
    cut = Scale("APL", "KC", 0.0).apply(high)
    np.testing.assert_allclose(answers, code(cut)[0], rtol=1e-12)


def test_the_input_is_that_of_the_spiking_circuit(wired):
    session = session_of(wired, (0.0, 1.0))
    ours, spiking = WinnerTakeAll().run(wired, session), Numba().run(wired, session)
    np.testing.assert_array_equal(ours.responses["PN"], spiking.responses["PN"])
    assert ours.responses["PN"].std() > 0


@pytest.mark.parametrize("shock", [0.0, 0.5, 1.0])
def test_learning_is_the_rule_integrated_over_the_stimulus(wired, shock):
    """w = w₀ e^{−change·D·r·T} in the compartment that is punished, w₀ in the other; reads out w·y / (1 mV/Hz)."""
    session = session_of(wired, (shock, 0.0))
    outcome = WinnerTakeAll().run(wired, session)
    y = outcome.responses["KC"]
    weights = 2e-5 * np.exp(-0.1 * shock * y[0] * 0.2)
    np.testing.assert_allclose(outcome.weights["KC->MBON"], [weights, np.full(50, 2e-5)], rtol=1e-12)
    np.testing.assert_allclose(outcome.responses["MBON"][1], 1000 * np.array([weights @ y[1], 2e-5 * y[1].sum()]),
                               rtol=1e-9)
    np.testing.assert_allclose(outcome.responses["MBON"][0], 1000 * 2e-5 * y[0].sum(), rtol=1e-9)  # before learning


def test_an_additive_rule_and_its_bound():
    rule = dopamine_depression("DAN", 1e-6*mV/Hz, low=0.0199*mV/Hz, multiplicative=False)
    wired = wire(mushroom(rule), 1)
    outcome = WinnerTakeAll().run(wired, session_of(wired, (1.0, 0.0)))
    spikes = outcome.responses["KC"][0] * 0.2
    np.testing.assert_allclose(outcome.weights["KC->MBON"][0], np.maximum(2e-5 - 1e-9 * spikes, 1.99e-5), rtol=1e-12)


def test_a_fresh_block_forgets(wired):
    outcome = WinnerTakeAll().run(wired, session_of(wired, (1.0, 0.0), fresh=(False, True)))
    np.testing.assert_allclose(outcome.weights["KC->MBON"], 2e-5, rtol=1e-12)


def test_the_wired_animal_is_left_as_it_was(wired):
    WinnerTakeAll().run(wired, session_of(wired, (1.0,)))
    np.testing.assert_array_equal(wired.projections[3].weight, 2e-5)


@pytest.mark.parametrize("silenced", ["KC", "PN", "MBON"])
def test_a_silenced_population_emits_nothing(wired, silenced):
    outcome = WinnerTakeAll().run(Silence(silenced).apply(wired), session_of(wired))
    assert (outcome.responses[silenced] == 0).all()
    assert (outcome.responses["MBON"] == 0).all()


@pytest.mark.parametrize("circuit, message", [
    (replace(mushroom(), calibration=None), "needs to know the coding population .* give the circuit a calibration"),
    (mushroom(hebbian(1e-6*mV/Hz/Hz, 10*ms, high=1*mV/Hz)), "plasticity of KC->MBON: only presynaptic activity"),
    (replace(mushroom(), projections=(*mushroom().projections, Projection("MBON", "KC", all_to_all(), 1*mV/Hz))),
     "has no place for projection MBON->KC; use Numba"),
    (replace(mushroom(), projections=(*mushroom().projections[:3], Projection("KC", "MBON", in_degree(4), 1*mV/Hz))),
     "cannot carry projection KC->MBON: readouts are graded, additive and all to all")])
def test_what_has_no_steady_state_here_is_refused(circuit, message):
    wired = wire(circuit, 0)
    with pytest.raises(Unsupported, match=message):
        WinnerTakeAll().run(wired, session_of(wired))
