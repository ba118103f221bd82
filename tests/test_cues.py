"""Degraded cues hit as many cells as they say, the same ones in every group and at every level; measured windows."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from scipy import stats

from neuroam import simulate
from neuroam.circuit import Circuit, Population, Port, Projection, as_rates, as_spikes
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, one_to_one
from neuroam.cues import Flip, Missing, Noise, Occluded
from neuroam.errors import DescriptionError
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Linear
from neuroam.wiring import stream, wire

CELLS = 60
CONTROL = (Group("control"),)


def cued(*degraded, trials=1, groups=CONTROL, shuffle=False, what="pattern 1", dt=1e-3):
    made = tuple(Trial(f"t{k}", 50*ms, (Stimulus("cue", what, 30*ms, 10*ms, degraded),)) for k in range(trials))
    return Protocol("cued", "cued", "none", (Block("one", made, shuffle=shuffle),), (Record("visible"),), groups)


def drives(*degraded, circuit=None, seed=2, **settings):
    """What the cells get in each trial, shape (n_trials, n_cells), trials in the protocol's order."""
    wired = wire(circuit or visible_hidden(4, CELLS), seed)
    session = schedule(cued(*degraded, **settings), wired, 1e-3)
    rows = sorted(session.presentations, key=lambda row: row.trial)
    return np.array([session.inputs[0].at(row.on) for row in rows]), wired.patterns[0]


# how many cells

@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0])
def test_exactly_that_fraction_is_flipped_or_missing(fraction):
    number = round(fraction * CELLS)
    (flipped,), pattern = drives(Flip(fraction))
    np.testing.assert_array_equal(np.abs(flipped), np.abs(pattern))
    assert (flipped == -pattern).sum() == number
    (partial,), pattern = drives(Missing(fraction))
    assert (partial == 0).sum() == number and (partial == pattern).sum() == CELLS - number


@pytest.mark.parametrize("fraction, kept", [(0.0, 60), (0.25, 45), (0.5, 30), (1.0, 0)])
def test_the_last_cells_are_covered(fraction, kept):
    (covered,), pattern = drives(Occluded(fraction))
    np.testing.assert_array_equal(covered, np.where(np.arange(CELLS) < kept, pattern, 0))


def test_noise_is_normal_with_that_standard_deviation():
    noisy, pattern = drives(Noise(0.5), trials=100)
    noise = (noisy - pattern).ravel() / 0.5
    assert stats.kstest(noise, "norm").pvalue > 0.01
    np.testing.assert_array_equal(drives(Noise(0.0))[0][0], pattern)


def test_every_cell_is_hit_as_often():
    """χ² over cells of 600 trials with a quarter flipped; draws without replacement vary less than binomial ones."""
    flipped, pattern = drives(Flip(0.25), trials=600)
    hits = (flipped != pattern).sum(axis=0)
    chi2 = ((hits - 150) ** 2 / (600 * 0.25 * 0.75)).sum()
    low, high = stats.chi2.ppf([0.001, 0.999], CELLS - 1) * CELLS / (CELLS - 1)
    assert low < chi2 < high


def test_degradations_add_up_in_order():
    """First missing, then flipped: what is missing stays so, as −0 is 0."""
    (both,), pattern = drives(Missing(0.5), Flip(0.5))
    assert (both == 0).sum() == CELLS / 2
    (alone,), _ = drives(Missing(0.5))
    np.testing.assert_array_equal(both == 0, alone == 0)
    assert 0 < (both == -pattern).sum() < CELLS / 2


def test_two_degradations_of_one_cue_draw_for_themselves():
    (missing,), _ = drives(Missing(0.5), Missing(0.5))
    assert (missing == 0).sum() > CELLS / 2


# the same cells

def test_cells_are_those_of_seed_and_trial():
    first, pattern = drives(Flip(0.3), trials=3)
    np.testing.assert_array_equal(first, drives(Flip(0.3), trials=3)[0])
    assert len(np.unique(first != pattern, axis=0)) == 3
    np.testing.assert_array_equal(first, drives(Flip(0.3), trials=3, shuffle=True)[0])
    other, pattern = drives(Flip(0.3), seed=3)
    assert not np.array_equal(other[0] != pattern, first[0] != pattern)
    rng = stream(2, "cue", "cue", 1, 0)
    expected = np.isin(np.arange(CELLS), rng.permutation(CELLS)[:18])
    np.testing.assert_array_equal(first[1] == -wire(visible_hidden(4, CELLS), 2).patterns[0], expected)


def test_more_is_hit_on_top_of_what_is_hit_already():
    """Levels of one degradation are nested, so that animals are compared in pairs."""
    (little,), _ = drives(Missing(0.1))
    (much,), _ = drives(Missing(0.4))
    assert ((much == 0) >= (little == 0)).all()


@pytest.mark.parametrize("form", [as_rates, as_spikes])
def test_every_level_gets_the_same_cue(form):
    circuit = visible_hidden(4, CELLS)
    np.testing.assert_array_equal(drives(Flip(0.2), Noise(0.1))[0],
                                  drives(Flip(0.2), Noise(0.1), circuit=form(circuit))[0])


def test_every_group_gets_the_same_cue():
    """Visible cells that hear nothing but their cue answer alike in every group, to the last bit."""
    lesion = (Silence("memory"),)
    groups = (Group("a", lesion), Group("b", (*lesion, Scale("memory", "visible", 0.0))),
              Group("c", lesion, {"patterns": 9}))
    recording = simulate(visible_hidden(4, CELLS), cued(Flip(0.2), Noise(0.3), trials=2, groups=groups),
                         Numba(dt=1e-3), animals=1, seed=1)
    for k in (1, 2):
        np.testing.assert_array_equal(recording["response"][0], recording["response"][k])
    assert not np.array_equal(recording["response"][0, 0], recording["response"][0, 1])


def test_the_cue_itself_is_not_changed():
    given = np.ones(CELLS)
    drives(Flip(0.5), Missing(0.5), Occluded(0.5), Noise(1.0), what=given)
    np.testing.assert_array_equal(given, 1)
    twice, pattern = drives(Flip(0.5), trials=2)
    assert [(row != pattern).sum() for row in twice] == [30, 30]


# refusals and words

@pytest.mark.parametrize("kind", [Flip, Missing, Occluded])
@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_fractions_are_from_0_to_1(kind, fraction):
    with pytest.raises(DescriptionError, match=f"cue {kind.__name__}: fraction is {fraction}; .* at most 1"):
        kind(fraction)


@pytest.mark.parametrize("sd", [-1.0, float("nan")])
def test_noise_has_a_standard_deviation(sd):
    with pytest.raises(DescriptionError, match=f"cue Noise: sd is {sd}; it must be at least 0$"):
        Noise(sd)


def test_rates_below_zero_are_refused():
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV)
    circuit = Circuit("c", (Population("in", 4, Poisson()), Population("visible", 4, cell)),
                      (Projection("in", "visible", one_to_one(), .1*mV/Hz),), {"cue": Port("in")})
    with pytest.raises(DescriptionError, match=r"trial 't0'.*50 % flipped.*rates of 'in' must be at least 0 Hz"):
        schedule(cued(Flip(0.5), what=10*Hz), wire(circuit), 1e-3)
    schedule(cued(Missing(0.5), what=10*Hz), wire(circuit), 1e-3)


def test_degradations_in_words():
    said = [str(d) for d in (Flip(0.2), Missing(0.125), Occluded(0.5), Noise(0.3))]
    assert said == ["20 % flipped", "12.5 % missing", "last 50 % covered", "noise of sd 0.3"]


# measured windows

RELAXING = Circuit("r", (Population("in", 1, Drive()), Population("out", 1, Rate(20*ms, Linear()))),
                   (Projection("in", "out", all_to_all(), 1.0),), {"in": "in"})


def answer(measured, dt=1e-4):
    """Mean emission of a leaky cell in the window, driven with 1 from 10 to 40 ms of a trial of 100 ms."""
    trial = Trial("t", 100*ms, (Stimulus("in", 1.0, 30*ms, 10*ms),), measured=measured)
    protocol = Protocol("p", "p", "", (Block("b", (trial, trial)),), (Record("out"),))
    return simulate(RELAXING, protocol, Numba(dt=dt), animals=1)


def expected(first, last):
    """Mean of x(t) = 1 − e^{−(t − 10 ms)/τ} while it is on and of its decay afterwards."""
    t = np.linspace(first, last, 100_001)
    top = 1 - np.exp(-0.03 / 0.02)
    on, off = 1 - np.exp(-(t - 0.01) / 0.02), top * np.exp(-(t - 0.04) / 0.02)
    return np.trapezoid(np.where(t < 0.01, 0, np.where(t < 0.04, on, off)), t) / (last - first)


@pytest.mark.parametrize("window", [(0.0, 0.1), (0.005, 0.02), (0.05, 0.05), (0.0, 0.01)])
def test_responses_are_means_over_the_measured_window(window):
    """To the time step: the solver's mean is a sum over steps, an error of order dt."""
    recording = answer((window[0]*1e3*ms, window[1]*1e3*ms))
    for trial in range(2):
        assert float(recording["response"][0, trial, 0]) == pytest.approx(expected(window[0], sum(window)), abs=3e-3)
        on, off, start = (float(recording[name][0, trial]) for name in ("response_on", "response_off", "start_time"))
        assert (on - start, off - start) == pytest.approx((window[0], sum(window)), abs=1e-12)


def test_the_window_is_the_first_stimulus_unless_said():
    recording = answer(None)
    assert float(recording["response"][0, 0, 0]) == pytest.approx(expected(0.01, 0.04), abs=3e-3)
    for name in ("on", "off"):
        np.testing.assert_array_equal(recording[f"response_{name}"], recording[f"stimulus_{name}"])


@pytest.mark.parametrize("measured, message", [
    ((90*ms, 20*ms), "window of 20 ms from 90 ms ends after the trial"), ((-1*ms, 20*ms), "measured onset"),
    ((10*ms, 0*ms), "measured duration"), ((10*mV, 5*ms), "measured onset")])
def test_windows_outside_the_trial_are_refused(measured, message):
    with pytest.raises(DescriptionError, match=message):
        answer(measured)


def test_windows_are_whole_steps():
    with pytest.raises(DescriptionError, match=r"measured onset is 0\.00025 s, not a whole number of time steps"):
        answer((0.25*ms, 5*ms))
