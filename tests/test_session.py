"""A protocol on the clock: trials in order, stimuli on ticks, and Poisson trains that belong to animal and trial."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from scipy import stats

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError, UnitError
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.protocol import EVERY, Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.wiring import wire

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms)
ODOURS = {"air": 0.0, "apple": 40.0, "banana": 90.0}


def smell(mixture):
    return (20 + sum(dose * ODOURS[name] for name, dose in mixture.items())) * np.linspace(.5, 1.5, 50) * Hz


def circuit(n=50):
    return Circuit("c", (Population("in", n, Poisson(synapse=5*ms)), Population("out", 4, CELL),
                         Population("DAN", 2, Drive())),
                   (Projection("in", "out", all_to_all(), .01*mV/Hz),),
                   {"odour": Port("in", tuple(ODOURS), smell), "shock": "DAN"})


def trial(name="t", what="apple", duration=300*ms, on=200*ms, onset=50*ms, **extra):
    return Trial(name, duration, (Stimulus("odour", what, on, onset),), **extra)


OUT = (Record("out"),)


def protocol(*blocks, record=OUT, **extra):
    return Protocol("p", "p", "none", blocks, record, **extra)


def session(*blocks, seed=1, dt=1e-4, **extra):
    wired = wire(circuit(), seed)
    return schedule(protocol(*blocks, **extra), wired, dt)


def counts(drive, a, b, n=50):
    inside = (drive.spike_tick >= a) & (drive.spike_tick < b)
    return np.bincount(drive.spike_unit[inside], minlength=n)


def per_trial(session, population=0):
    """Spikes of each trial relative to its start, by the trial's place in the protocol."""
    drive = session.inputs[population]
    trains = {}
    for row in session.presentations:
        inside = (drive.spike_tick >= row.start) & (drive.spike_tick < row.stop)
        trains[row.trial] = drive.spike_tick[inside] - row.start, drive.spike_unit[inside]
    return trains


def assert_same_trains(one, other):
    assert one.keys() == other.keys()
    for key, (tick, unit) in one.items():
        np.testing.assert_array_equal(tick, other[key][0])
        np.testing.assert_array_equal(unit, other[key][1])


# Poisson trains

def test_trains_have_the_rates_of_the_port():
    """50 Poisson counts, but for at most one spike a tick: mean n(1 − exp(−λ dt)); χ² and total within 4σ."""
    run = session(Block("b", (trial(duration=41*second, on=40*second, onset=500*ms),)))
    row = run.presentations[0]
    seen = counts(run.inputs[0], row.on, row.off)
    expected = 400_000 * -np.expm1(-60 * np.linspace(.5, 1.5, 50) * 1e-4)
    assert stats.chi2(50).sf(((seen - expected) ** 2 / expected).sum()) > 0.001
    assert abs(seen.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())


def test_intervals_are_exponential():
    run = session(Block("b", (trial(duration=41*second, on=40*second, onset=500*ms),)))
    own = np.sort(run.inputs[0].spike_tick[run.inputs[0].spike_unit == 0])
    assert stats.kstest(np.diff(own) * 1e-4 * 30, "expon").pvalue > 0.001


def test_between_stimuli_the_background_goes_on():
    run = session(Block("b", (trial(duration=20*second, on=1*second, onset=1*second),)))
    row = run.presentations[0]
    expected = 20 * 18
    assert abs(counts(run.inputs[0], row.off, row.stop).sum() / 50 - expected) < 4 * np.sqrt(expected / 50)


def test_a_cell_spikes_at_most_once_a_tick_and_trains_are_sorted():
    run = session(Block("b", (trial(what={"banana": 100}),)))
    tick, unit = run.inputs[0].spike_tick, run.inputs[0].spike_unit
    assert len(tick) > 10_000
    assert (np.diff(tick) >= 0).all() and len(np.unique(tick * 50 + unit)) == len(tick)
    assert tick.min() >= 0 and tick.max() < run.stop


def test_trains_are_the_same_in_every_group_and_independent_between_seeds():
    block = Block("b", (trial(),))
    wired = wire(circuit(), 1)
    control = schedule(protocol(block), wired, 1e-4)
    for manipulation in (Silence("out"), Scale("in", "out", 0.0)):
        treated = schedule(protocol(block), manipulation.apply(wired), 1e-4)
        assert_same_trains(per_trial(control), per_trial(treated))
    other = schedule(protocol(block), wire(circuit(), 2), 1e-4)
    assert len(np.intersect1d(control.inputs[0].spike_tick * 50 + control.inputs[0].spike_unit,
                              other.inputs[0].spike_tick * 50 + other.inputs[0].spike_unit)) < 0.1 * len(
        control.inputs[0].spike_tick)


def test_trains_do_not_depend_on_the_order_of_trials():
    trials = (*(trial(name, what) for name, what in zip("abc", ODOURS, strict=True)), trial("d", "apple"))
    orders = [session(Block("b", trials, shuffle=shuffle)) for shuffle in (False, True)]
    assert [r.trial for r in orders[0].presentations] != [r.trial for r in orders[1].presentations]
    assert_same_trains(*map(per_trial, orders))


def test_repeats_of_one_odour_are_different_trains():
    run = per_trial(session(Block("b", (trial(repeats=2),))))
    assert not np.array_equal(run[0][0], run[1][0])


def test_a_finer_clock_sees_the_same_trains():
    """Times are drawn before the clock: no spike moves by a tick of the coarser clock, none is lost but those that
    share a tick."""
    block = Block("b", (trial(),))
    coarse, fine = (session(block, dt=dt).inputs[0] for dt in (1e-4, 2.5e-5))
    onto_coarse = np.unique((fine.spike_tick // 4) * 50 + fine.spike_unit)
    np.testing.assert_array_equal(onto_coarse, coarse.spike_tick * 50 + coarse.spike_unit)


# order

def test_every_stimulus_of_the_port_gets_a_trial():
    run = session(Block("b", (trial("smell", EVERY, repeats=2),)))
    assert [(r.name, r.stimulus) for r in run.presentations] == [
        (f"smell {name}", name) for name in ODOURS for _ in range(2)]
    for row in run.presentations:
        np.testing.assert_allclose(run.inputs[0].at(row.on), np.asarray(smell({row.stimulus: 1})))
        np.testing.assert_allclose(run.inputs[0].at(row.off), np.asarray(smell({})))


def test_shuffled_order_is_a_permutation_that_the_seed_alone_decides():
    trials = Block("b", tuple(trial(f"t{k}") for k in range(8)), shuffle=True)
    orders = {seed: [r.trial for r in session(trials, seed=seed).presentations] for seed in (1, 2, 3)}
    assert all(sorted(order) == list(range(8)) for order in orders.values())
    assert len({tuple(o) for o in orders.values()}) == 3
    assert [r.trial for r in session(trials, seed=1, dt=5e-4).presentations] == orders[1]
    more = session(trials, seed=1, groups=(Group("x", (Silence("out"),)),), record=(Record("in"),))
    assert [r.trial for r in more.presentations] == orders[1]


def test_blocks_are_shuffled_apart():
    trials = tuple(trial(f"t{k}") for k in range(8))
    run = session(Block("one", trials, shuffle=True), Block("two", trials, shuffle=True))
    one, two = ([r.trial for r in run.presentations if r.block == b] for b in ("one", "two"))
    assert sorted(one) == list(range(8)) and sorted(two) == list(range(8, 16))
    assert [t - 8 for t in two] != one


def test_only_the_first_trial_presented_in_a_fresh_block_is_fresh():
    run = session(Block("a", (trial(), trial("u"))), Block("b", (trial(), trial("u")), shuffle=True, fresh=True))
    assert [r.fresh for r in run.presentations] == [False, False, True, False]


def test_trials_follow_one_another_on_the_clock():
    run = session(Block("b", (trial(), trial("u", duration=250*ms))))
    first, second_ = run.presentations
    assert (first.start, first.on, first.off, first.stop) == (0, 500, 2500, 3000)
    assert (second_.start, second_.on, second_.off, second_.stop) == (3000, 3500, 5500, 5500)
    assert run.stop == 5500 and run.n_trials == 2


def test_a_driven_population_gets_what_it_is_given():
    stimuli = (Stimulus("odour", "apple", 100*ms), Stimulus("shock", np.array([1.0, 2.0]), 50*ms, 20*ms),
               Stimulus("shock", 3.0, 10*ms, 80*ms))
    run = session(Block("b", (Trial("t", 200*ms, stimuli),)))
    drive = run.inputs[2]
    expected = {0: [0, 0], 199: [0, 0], 200: [1, 2], 699: [1, 2], 700: [0, 0], 800: [3, 3], 899: [3, 3], 900: [0, 0]}
    for tick, values in expected.items():
        np.testing.assert_array_equal(drive.at(tick), values)


def test_the_changes_of_a_trial_begin_with_its_start_and_end_before_the_next():
    own = Protocol("p", "", "", (Block("b", (trial(duration=50*ms, on=20*ms, onset=10*ms, repeats=2),)),), OUT)
    session = schedule(own, wire(circuit(), 0), 1e-3)
    for row in session.presentations:
        np.testing.assert_array_equal(session.changes(row) - row.start, [0, 10, 30])
        given = session.inputs[0].at(session.changes(row))
        assert given.shape == (3, 50)
        np.testing.assert_array_equal(given[1], session.inputs[0].at(row.start + 10))
        assert (given[0] == given[2]).all() and (given[0] != given[1]).any()


def test_mixtures_reach_the_encoder():
    run = session(Block("b", (trial(what={"apple": .8, "banana": .2}),)))
    assert run.presentations[0].stimulus == "0.8 apple + 0.2 banana"
    np.testing.assert_allclose(run.inputs[0].at(1000), np.asarray(smell({"apple": .8, "banana": .2})))


# refusals

def stimuli(*given):
    return Block("b", (Trial("t", 300*ms, given),))


@pytest.mark.parametrize("make, message", [
    (lambda: session(stimuli(Stimulus("odour", "apple", 100*ms), Stimulus("odour", "air", 100*ms, 50*ms))),
     "trial 't': two stimuli overlap at port 'odour'; present a mixture"),
    (lambda: session(stimuli(Stimulus("odor", "apple", 1*ms))),
     "trial 't': .*unknown port 'odor'; did you mean 'odour'"),
    (lambda: session(stimuli(Stimulus("odour", "appel", 1*ms))),
     "unknown stimulus 'appel'; did you mean 'apple'"),
    (lambda: session(stimuli(Stimulus("shock", "shock", 1*ms))),
     "port 'shock' knows no names.*each of the 2 cells"),
    (lambda: session(stimuli(Stimulus("shock", EVERY, 1*ms))),
     "presents every stimulus of port 'shock', but that port"),
    (lambda: session(stimuli(Stimulus("shock", [1, 2, 3], 1*ms))),
     r"drive has shape \(3,\).*'DAN' needs \(2,\)"),
    (lambda: session(stimuli(Stimulus("shock", [1, np.nan], 1*ms))),
     r"'DAN' holds NaN or infinity at cells \[1\]"),
    (lambda: session(stimuli(Stimulus("odour", -5*Hz, 1*ms))),
     "rates of 'in' must be at least 0 Hz, got -5 Hz"),
    (lambda: session(stimuli(Stimulus("odour", "apple", .15*ms))),
     "stimulus duration is 0.00015 s, not a whole number"),
    (lambda: session(stimuli(Stimulus("odour", "apple", 1*ms, .25*ms))),
     "stimulus onset is 0.00025 s, not a whole"),
    (lambda: session(Block("b", (trial(duration=300.05*ms),))),
     "trial 't': duration is 0.30005 s, not a whole number"),
    (lambda: session(stimuli(Stimulus("odour", "apple", .01*ms))), "whole number of time steps"),
    (lambda: session(Block("b", (trial(),)), record=(Record("outt"),)),
     "record: unknown population 'outt'; did you"),
    (lambda: session(Block("b", (trial(),)), record=(Record("out", 1*ms, (9,)),)),
     r"cells \(9,\) go beyond its 4 cells"),
    (lambda: session(Block("b", (trial(),)), record=(Record("out", .15*ms),)),
     "record: every is 0.00015 s, not a whole"),
    (lambda: protocol(), "protocol 'p' has no trial"),
    (lambda: protocol(Block("b", ())), "protocol 'p' has no trial"),
    (lambda: protocol(Block("b", (trial(),)), record=()), "records nothing; add a Record"),
    (lambda: protocol(Block("b", (trial(),)), groups=()), "has no group; add Group"),
    (lambda: protocol(Block("b", (trial(),)), groups=(Group("a"), Group("a"))),
     r"group names must differ.*\['a'\]"),
    (lambda: protocol(Block("b", (trial(),)), Block("b", (trial(),))),
     r"block names must differ; repeated: \['b'\]"),
    (lambda: protocol(Block("b", (trial(),)), record=(Record("out"), Record("out", 1*ms))),
     "record names must differ"),
    (lambda: protocol(Block("b", (trial(),)), record=(Record("in", 1*ms), Record("out", 2*ms))),
     "one sampling interval"),
    (lambda: protocol(Block("b", (trial(),)), dt=0), "protocol 'p': dt is 0 s"),
    (lambda: Trial("t", 1*ms, ()), "trial 't' has no stimulus"), (lambda: trial(repeats=0), "repeats is 0"),
    (lambda: trial(duration=200*ms), "stimulus at port 'odour' ends after the trial .200 ms"),
    (lambda: Stimulus("odour", "apple", -1*ms), "stimulus at port 'odour': duration is -1 ms"),
    (lambda: Stimulus("odour", "apple", 1*ms, -1*ms), "stimulus at port 'odour': onset is -1 ms"),
    (lambda: Stimulus("odour", {"apple": -1}, 1*ms), "doses must be at least 0"),
    (lambda: Stimulus("odour", {"apple": np.nan}, 1*ms), "doses must be at least 0"),
    (lambda: Numba(dt=0), "dt is 0 s; it must be more than 0"),
    (lambda: Numba(method="rk4"), "method is 'rk4'; use one"),
    (lambda: Numba(dtype="int"), "dtype is 'int'; use 'float64' or"),
])
def test_what_cannot_be_presented_is_refused(make, message):
    with pytest.raises(DescriptionError, match=message):
        make()


def test_a_drive_of_the_wrong_unit_is_refused():
    with pytest.raises(UnitError, match=r"expected a quantity in hertz, got 1. mV, …; .*30\*Hz"):
        session(stimuli(Stimulus("odour", np.ones(50)*mV, 1*ms)))


def test_an_input_without_a_port_is_refused():
    wired = wire(replace(circuit(), ports={"shock": "DAN"}), 1)
    run = protocol(Block("b", (Trial("t", 10*ms, (Stimulus("shock", 1.0, 5*ms),)),)))
    with pytest.raises(DescriptionError, match=r"population 'in' is an input without a port; add a port"):
        schedule(run, wired, 1e-4)


def test_a_session_of_another_clock_is_refused():
    run = session(Block("b", (trial(),)), dt=5e-4)
    with pytest.raises(DescriptionError, match=r"clock of 0.0005 s, .* 0.0001 s"):
        Numba(dt=1e-4).run(wire(circuit(), 1), run)


def test_given_drives_at_one_port_do_not_share_a_cache():
    rates = Circuit("r", (Population("in", 2, Drive()), Population("out", 2, Rate(1*ms))),
                    (Projection("in", "out", one_to_one(), 1.0),), {"x": "in"})
    trials = tuple(Trial(str(k), 10*ms, (Stimulus("x", np.array([k, 2.0 * k]), 10*ms),)) for k in (1, 2))
    run = schedule(protocol(Block("b", trials)), wire(rates, 0), 1e-4)
    np.testing.assert_array_equal(run.inputs[0].at(150), [2, 4])
