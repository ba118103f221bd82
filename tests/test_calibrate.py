"""Calibration reaches the coding levels it is asked for, and every cell its share where that is asked."""
from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from neuroam import calibrate as calibration
from neuroam.calibrate import calibrate, renormalise, with_threshold
from neuroam.circuit import CodingLevels, as_rates
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.effective.winner_take_all import WinnerTakeAll
from neuroam.errors import DescriptionError
from neuroam.manipulations import Scale
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.wiring import wire

KENYON = 200
SOLVER = Numba(dt=5e-4)


@functools.cache
def calibrated(heterogeneity="equal", seed=1, rates=False):
    circuit = mushroom_body(kenyon=KENYON, heterogeneity=heterogeneity)
    wired = wire(as_rates(circuit) if rates else circuit, seed)
    return wired, calibrate(wired, SOLVER)


def smell(wired, names, dt):
    """Each odour once, after 100 ms of air, as the calibration presents them."""
    trials = tuple(Trial(name, 600*ms, (Stimulus("odour", name, 500*ms, 100*ms),)) for name in names)
    return schedule(Protocol("smell", "", "", (Block("all", trials),), (Record("KC"),)), wired, dt)


def answers(wired, solver=SOLVER, names=None):
    """Which cells answer which odours."""
    session = smell(wired, names or wired.ports["odour"].names, solver.dt)
    return solver.run(wired, session).responses["KC"] > 0


def free(wired):
    return Scale("APL", "KC", 0.0).apply(wired)


def reached(wired, peaks):
    """Pairs whose free peak passes the threshold, after checking that they are those that answer; a spiking cell may
    miss its peak if a spike shortly before the odour reset it."""
    wired = free(wired)
    session = smell(wired, wired.ports["odour"].names, SOLVER.dt)
    outcome = SOLVER.run(wired, session)
    found, above = outcome.responses["KC"] > 0, peaks > wired.populations[1].threshold
    assert not (found & ~above).any()
    missed = np.argwhere(above & ~found)
    for trial, cell in missed:
        row = session.presentations[trial]
        tick, unit = outcome.spikes["KC"]
        own = tick[unit == cell]
        assert ((own >= row.start) & (own < row.on)).any()
    assert len(missed) < 0.02 * above.sum()
    return above


@pytest.mark.parametrize("rates", [False, True])
def test_without_inhibition_exactly_the_wanted_fraction_answers(rates):
    """The threshold is a quantile of the free peaks, so the fraction is exact to one (odour, cell) pair."""
    result = calibrated(rates=rates)[1]
    above = reached(result.wired, result.peaks)
    assert above.shape == (110, KENYON)
    assert abs(int(above.sum()) - 0.2 * 110 * KENYON) <= 1
    assert result.wired.labels["coding level without inhibition"] == answers(free(result.wired)).mean()


@pytest.mark.parametrize("rates", [False, True])
def test_with_inhibition_the_wanted_fraction_answers(rates):
    """The level is tuned on every fifth odour to .002, and checked there; over all odours it may differ by sampling."""
    result = calibrated(rates=rates)[1]
    names = result.wired.ports["odour"].names[::calibration.EVERY_NTH]
    assert abs(answers(result.wired, names=names).mean() - 0.10) < calibration.TOLERANCE
    label = result.wired.labels["coding level with inhibition"]
    assert label == answers(result.wired).mean()
    assert abs(label - 0.10) < 0.02
    assert result.wired.labels["inhibition scale"] > 0


def test_homeostatic_cells_answer_their_share_each():
    """22 of 110 odours for every cell, to one odour."""
    result = calibrated("homeostatic")[1]
    thresholds = result.wired.populations[1].threshold
    above = (result.peaks > thresholds).sum(axis=0)
    assert set(above.tolist()) <= {21, 22}
    assert len(np.unique(thresholds)) == KENYON
    equal = calibrated("equal")[1]
    assert len(np.unique(equal.wired.populations[1].threshold)) == 1
    assert np.ptp((equal.peaks > equal.wired.populations[1].threshold).sum(axis=0)) > 20


def test_pooled_calibration_keeps_the_spread_of_thresholds():
    before, after = calibrated("lognormal")
    old, new = (w.populations[1].threshold + 0.058 for w in (before, after.wired))
    np.testing.assert_allclose(new / old, after.wired.labels["threshold factor"], rtol=1e-9)
    assert old.std() / old.mean() > 0.15


def test_the_same_animal_is_calibrated_alike_every_time():
    wired, once = calibrated()
    again = calibrate(wired, SOLVER)
    assert again.wired.labels == once.wired.labels
    np.testing.assert_array_equal(again.peaks, once.peaks)


def test_calibration_changes_threshold_and_inhibition_alone():
    before, result = calibrated()
    after = result.wired
    for a, b in zip(before.populations, after.populations, strict=True):
        assert np.array_equal(a.threshold, b.threshold) == (a.name != "KC")
        np.testing.assert_array_equal(a.gain, b.gain)
    for a, b in zip(before.projections, after.projections, strict=True):
        scale = after.labels["inhibition scale"] if a.name == "APL->KC" else 1.0
        np.testing.assert_allclose(b.weight, a.weight * scale, rtol=1e-12)


def test_other_levels_are_reached_too():
    wired, result = calibrated()
    for level in (0.05, 0.3):
        lowered = with_threshold(wired, result.peaks, level)[0]
        assert abs(int(reached(lowered, result.peaks).sum()) - level * 110 * KENYON) <= 1


def test_a_blocked_animal_is_renormalised():
    result = calibrated()[1]
    blocked = free(result.wired)
    renormalised = renormalise(blocked, result.peaks, 0.10)
    assert abs(int(reached(renormalised, result.peaks).sum()) - 0.10 * 110 * KENYON) <= 1
    assert answers(blocked).mean() > 0.19
    with pytest.raises(DescriptionError, match=r"APL->KC is still active; put Scale\('APL', 'KC', 0\) before it"):
        renormalise(result.wired, result.peaks, 0.10)


def test_the_effective_level_needs_no_strength_of_inhibition():
    wired = wire(mushroom_body(kenyon=KENYON), 1)
    result = calibrate(wired, WinnerTakeAll(dt=5e-4))
    assert result.wired.labels["inhibition scale"] == 1.0
    theta = result.wired.populations[1].threshold
    # drives are numbers of spikes times one weight: some lie on the threshold, and those do not answer
    assert (result.peaks > theta + 1e-12).mean() <= 0.2 <= (result.peaks > theta - 1e-12).mean()
    assert result.wired.labels["coding level without inhibition"] <= 0.2
    found = answers(result.wired, WinnerTakeAll(dt=5e-4))
    assert found.sum(axis=1).max() == round(0.1 * KENYON)


def test_what_cannot_be_calibrated_is_refused():
    wired, result = calibrated()
    with pytest.raises(DescriptionError, match=r"has no calibration; give it CodingLevels"):
        calibrate(replace(wired, calibration=None), SOLVER)
    with pytest.raises(DescriptionError, match=r"coding level of 100% needs a threshold below rest|below rest"):
        with_threshold(wired, np.full_like(result.peaks, -0.070), 0.5)
    excites = Scale("APL", "KC", -1.0).apply(wired)
    with pytest.raises(DescriptionError, match=r"no strength of APL->KC brings the coding level down to 10%.*negative"):
        calibrate(excites, SOLVER)


def test_goals_must_make_sense():
    with pytest.raises(DescriptionError, match=r"need 0 < with ≤ without < 1"):
        CodingLevels("KC", "APL", "odour", without=1.0)
    assert float(CodingLevels("KC", "APL", "odour").stimulus) == 0.5
    assert mushroom_body(coding_level=0.05).calibration.without == 0.10
