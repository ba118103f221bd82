"""Pools of escape-rate neurons: numbers that look random, binomial counts, an emission that is g(x) on average, noise
that falls as 1/√cells, and the same spikes for the same seed."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, second
from numba import njit
from scipy import stats

from neuroam import simulate
from neuroam.circuit import Circuit, Population, Projection, as_rates, as_spikes
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError, Unsupported
from neuroam.manipulations import Silence
from neuroam.neurons import Drive, Escape, Pool, Rate
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.recording import spike_trains
from neuroam.session import schedule
from neuroam.solvers import Brian, Numba
from neuroam.solvers._kernels import escapes, uniform
from neuroam.transfer import Linear, Rectified, Sign, Softmax, Spherical, Tanh
from neuroam.wiring import wire

KEY = 0x1234_5678_9ABC_DEF0
GOLDEN, FIRST, SECOND, WORD = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**64


@njit
def numbers(key, steps, units, which):
    drawn = np.zeros((steps, units))
    for step in range(steps):
        for unit in range(units):
            drawn[step, unit] = uniform(np.uint64(key), step, unit, which)
    return drawn


@njit
def counts(number, p, u, v):
    drawn = np.zeros(len(u), np.int64)
    for k in range(len(u)):
        drawn[k] = escapes(number, p, u[k], v[k])
    return drawn


# the numbers

def in_python(key, step, unit, which):
    """The same mixing in whole numbers of any size."""
    z = key
    for word in (4 * unit + which, step):
        z = (z + word + GOLDEN) % WORD
        z = (z ^ (z >> 30)) * FIRST % WORD
        z = (z ^ (z >> 27)) * SECOND % WORD
        z ^= z >> 31
    return (z >> 11) / 2**53


@pytest.mark.parametrize("step, unit, which", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (7, 31, 2),
                                               (10**6, 10**5, 1)])
def test_numbers_are_those_of_splitmix(step, unit, which):
    assert uniform(np.uint64(KEY), step, unit, which) == in_python(KEY, step, unit, which)


def test_numbers_are_uniform():
    for which in range(3):
        drawn = numbers(KEY, 400, 500, which).ravel()
        assert drawn.min() >= 0 and drawn.max() < 1
        assert stats.kstest(drawn, "uniform").pvalue > 1e-3
        assert stats.chisquare(np.bincount((drawn * 1024).astype(int), minlength=1024)).pvalue > 1e-3
        last_bits = (drawn * 2**53).astype(np.int64) % 64
        assert stats.chisquare(np.bincount(last_bits, minlength=64)).pvalue > 1e-3


def pairs():
    """Numbers that differ in one of step, unit, which and key."""
    drawn = numbers(KEY, 400, 500, 0)
    yield "step", drawn[:-1], drawn[1:]
    yield "steps two apart", drawn[:-2], drawn[2:]
    yield "unit", drawn[:, :-1], drawn[:, 1:]
    yield "which", drawn, numbers(KEY, 400, 500, 1)
    yield "third", drawn, numbers(KEY, 400, 500, 2)
    yield "key", drawn, numbers(KEY + 1, 400, 500, 0)
    yield "far key", drawn, numbers(KEY ^ (1 << 62), 400, 500, 0)
    yield "step for unit", drawn[:400, :400], drawn[:400, :400].T[np.triu_indices(400, 1)[0].argsort() % 400][:400]


@pytest.mark.parametrize("name, one, other", pairs(), ids=lambda p: p if isinstance(p, str) else "")
def test_numbers_that_differ_in_one_argument_are_independent(name, one, other):
    """χ² on 16 × 16 fields, and no correlation of the values or of their distance from the middle."""
    one, other = one.ravel(), other.ravel()
    table, *_ = np.histogram2d(one, other, bins=16, range=[[0, 1], [0, 1]])
    assert stats.chisquare(table.ravel()).pvalue > 1e-3
    for f in (lambda u: u, lambda u: np.abs(u - 0.5)):
        assert abs(np.corrcoef(f(one), f(other))[0, 1]) < 4 / np.sqrt(one.size)


# the counts

@pytest.mark.parametrize("number, p", [(1, 0.3), (10, 0.01), (10, 0.5), (50, 0.2), (200, 0.02), (1000, 0.4),
                                       (3000, 0.15)])
def test_counts_are_the_inverse_of_the_binomial_distribution(number, p):
    u = np.random.default_rng(1).random(2000)
    np.testing.assert_array_equal(counts(number, p, u, u), stats.binom.ppf(u, number, p))
    if p < 0.5:
        np.testing.assert_array_equal(counts(number, 1 - p, u, u), number - stats.binom.ppf(u, number, 1 - (1 - p)))


@pytest.mark.parametrize("number, p", [(1, 0.5), (20, 0.05), (100, 0.7), (1000, 0.3), (2000, 0.9), (10_000, 0.2),
                                       (50_000, 0.02), (50_000, 0.97), (10**6, 0.5)])
def test_counts_have_the_moments_of_a_binomial(number, p):
    """By inversion and in the normal limit, which begins at a mean of 500 of the rarer of firing and not firing."""
    rng, n = np.random.default_rng(2), 200_000
    drawn = counts(number, p, rng.random(n), rng.random(n))
    variance = number * p * (1 - p)
    assert drawn.mean() == pytest.approx(number * p, abs=4 * np.sqrt(variance / n))
    spread = np.sqrt((stats.binom.stats(number, p, moments="k") + 2) / n)
    assert drawn.var() == pytest.approx(variance, rel=4 * float(spread) + 1e-5)
    assert drawn.min() >= 0 and drawn.max() <= number


def test_the_normal_limit_is_near_the_binomial():
    rng, n = np.random.default_rng(3), 100_000
    number, p = 20_000, 0.05
    drawn = counts(number, p, rng.random(n), rng.random(n))
    edges = stats.binom.ppf(np.linspace(0, 1, 21)[1:-1], number, p)
    share = np.diff(np.concatenate([[0], stats.binom.cdf(edges, number, p), [1]]))
    found = np.bincount(np.searchsorted(edges, drawn), minlength=20) / n
    assert np.abs(found - share).max() < 4 * np.sqrt(0.05 / n) + 1e-3


@pytest.mark.parametrize("number", [1, 100, 10**6])
def test_none_or_all(number):
    assert (escapes(number, -0.1, 0.9, 0.9), escapes(number, 0.0, 0.9, 0.9)) == (0, 0)
    assert (escapes(number, 1.0, 0.1, 0.1), escapes(number, 7.0, 0.1, 0.1)) == (number, number)


# what pools emit

def constant(neuron, units):
    """Units that get a drive of their own and nothing else."""
    return Circuit("c", (Population("in", units, Drive()), Population("pool", units, neuron)),
                   (Projection("in", "pool", one_to_one(), 1.0),), {"in": "in"})


def emitted(neuron, drive, dt, steps=2000, units=50, lesion=None):
    """Emission (n_steps, n_units) of the settled pool, through a linear cell that takes it on within a step: what is
    fired at a tick is seen two later."""
    circuit = constant(neuron, units)
    copy = Population("copy", units, Rate(1e-9*second, Linear()))
    circuit = replace(circuit, populations=(*circuit.populations, copy),
                      projections=(*circuit.projections, Projection("pool", "copy", one_to_one(), 1.0)))
    wired = wire(circuit, 5)
    wired = lesion.apply(wired) if lesion else wired
    still = round(60e-3 / dt)
    trial = Trial("t", (steps + still) * dt*second, (
        Stimulus("in", np.broadcast_to(drive, units), (steps + still) * dt*second),))
    protocol = Protocol("p", "p", "", (Block("b", (trial,)),), (Record("copy", dt*second), Record("pool")))
    outcome = Numba(dt=dt).run(wired, schedule(protocol, wired, dt))
    return outcome.traces["copy"][still:], outcome, still


CASES = [(Tanh(2.0), 0.3, -1.0), (Tanh(2.0), -0.3, -1.0), (Linear(), 0.4, -1.5), (Rectified(), 0.7, 0.0),
         (Sign(), 0.4, -1.0), (Softmax(1.0), np.linspace(-2, 2, 50), 0.0),
         (Spherical(3.0), np.linspace(-2, 2, 50), -1.0)]


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 4e-3])
@pytest.mark.parametrize("transfer, drive, low", CASES, ids=[type(c[0]).__name__ for c in CASES])
def test_the_mean_emission_is_g_of_x(transfer, drive, low, dt):
    """And its variance p(1 − p)/(cells (ceiling dt)²), p = ceiling · (g − low) · dt, at every clock."""
    cells, steps = 20, 2000
    r, *_ = emitted(Escape(1*ms, transfer, 100*Hz, cells, low), drive, dt, steps)
    g = transfer(np.broadcast_to(drive, 50).astype(float))
    p = 100 * (g - low) * dt
    assert (p < 1).all()
    variance = p * (1 - p) / (cells * (100 * dt)**2)
    z = (r.mean(axis=0) - g) / np.sqrt(np.maximum(variance, 1e-30) / steps)
    assert np.abs(z).max() < 4.5 and abs(z.sum()) < 4 * np.sqrt(50)
    varied = variance > 0
    spikes = (p * cells * steps).sum()
    assert (r.var(axis=0)[varied] / variance[varied]).mean() == pytest.approx(1, abs=0.02 + 4 / np.sqrt(spikes))


def test_what_cannot_be_coded():
    """Below `low` no neuron fires; from ρ dt = 1 on all of them do in every step."""
    least, *_ = emitted(Escape(1*ms, Linear(), 100*Hz, 20, -1.0), -3.0, 1e-3, 100)
    np.testing.assert_array_equal(least, -1.0)
    most, *_ = emitted(Escape(1*ms, Linear(), 100*Hz, 20, -1.0), 30.0, 1e-3, 100)
    np.testing.assert_allclose(most, -1.0 + 1 / (100 * 1e-3), rtol=1e-12)


def test_steps_and_units_are_independent():
    r, *_ = emitted(Escape(1*ms, Linear(), 100*Hz, 20), 0.5, 1e-3, 4000)
    r = r - r.mean(axis=0)
    for one, other in ((r[1:], r[:-1]), (r[2:], r[:-2]), (r[:, 1:], r[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(one.size)


@pytest.mark.parametrize("cells", [1, 20, 40_000])
def test_one_neuron_of_each_pool_is_recorded(cells):
    """It fires at the hazard, without memory: its intervals are geometric, in the normal limit too."""
    dt, units, steps = 1e-3, 100, 5000
    _, outcome, still = emitted(Escape(1*ms, Linear(), 100*Hz, cells), 0.5, dt, steps, units)
    tick, cell = outcome.spikes["pool"]
    kept = tick >= still
    tick, cell = tick[kept], cell[kept]
    p = 100 * 0.5 * dt
    assert len(tick) == pytest.approx(p * units * steps, abs=4 * np.sqrt(p * (1 - p) * units * steps))
    intervals = np.concatenate([np.diff(tick[cell == k]) for k in range(units)])
    edges = np.array([0, 1, 2, 4, 8, 16, 32, 64, 10**6])
    expected = np.diff(stats.geom.cdf(edges, p))
    found = np.histogram(intervals, edges + 0.5)[0]
    assert stats.chisquare(found, expected / expected.sum() * found.sum()).pvalue > 1e-3


def test_a_single_neuron_emits_its_own_spikes():
    """With one cell a unit, what the pool emits are the spikes that are recorded."""
    dt = 1e-3
    r, outcome, still = emitted(Escape(1*ms, Linear(), 100*Hz, 1), 0.5, dt, 500, 10)
    fired = np.zeros((still + 500, 10))
    fired[outcome.spikes["pool"]] = 1 / (100 * dt)
    np.testing.assert_allclose(r, fired[still - 2: -2], atol=1e-9)


def test_a_silenced_pool_is_silent():
    r, outcome, _ = emitted(Escape(1*ms, Tanh(), 100*Hz, 20, -1.0), 0.5, 1e-3, 100, lesion=Silence("pool"))
    np.testing.assert_array_equal(r, 0)
    assert len(outcome.spikes["pool"][0]) == 0


# towards the rate circuit

SIZES = np.array([10, 30, 100, 300, 1000])


def recall(record=("visible",), every=None, trials=4):
    """Cues of 60 ms, answers from 100 ms on: while a cue is on, a softmax memory wants less than its pools can code."""
    made = tuple(Trial(f"t{k}", 200*ms, (Stimulus("cue", f"pattern {k + 1}", 60*ms),), measured=(100*ms, 100*ms))
                 for k in range(trials))
    return Protocol("recall", "recall", "", (Block("b", made),), tuple(Record(name, every) for name in record))


@pytest.mark.parametrize("model", ["polynomial", "softmax", "spherical"])
def test_the_noise_falls_with_the_root_of_the_number_of_cells(model):
    """Root mean square, over visible cells, trials and animals, of what the mean answers of the spiking and the graded
    circuit differ by."""
    circuit = visible_hidden(4, 25, model, gain=2.0)
    solver = Numba(dt=5e-4)
    graded = simulate(circuit, recall(), solver, animals=2)["response"]

    def error(cells):
        pools = replace(circuit, pool=replace(circuit.pool, cells=int(cells)))
        spiking = simulate(as_spikes(pools), recall(), solver, animals=2)["response"]
        return float(np.sqrt(((spiking - graded)**2).mean()))

    slope = np.polyfit(np.log(SIZES), np.log([error(cells) for cells in SIZES]), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)


# the same spikes

def spikes_of(seed, trials=3, animals=1):
    circuit = as_spikes(visible_hidden(3, 12))
    return simulate(circuit, recall(("visible", "memory"), trials=trials), Numba(dt=1e-3), animals=animals, seed=seed)


def test_the_same_seed_is_the_same_recording():
    one, again, other = spikes_of(4), spikes_of(4), spikes_of(5)
    assert one.drop_attrs().identical(again.drop_attrs()) and int(one["spike_count"].sum()) > 100
    assert not np.array_equal(one["spike_count"], other["spike_count"])
    assert not np.array_equal(one["response"], other["response"])


def test_the_spikes_of_a_trial_do_not_depend_on_those_around_it():
    few, many = spikes_of(4, trials=1), spikes_of(4, trials=3)
    np.testing.assert_array_equal(few["response"][:, 0], many["response"][:, 0])
    for one, longer in zip(spike_trains(few, 0, "visible"), spike_trains(many, 0, "visible"), strict=True):
        np.testing.assert_array_equal(one, longer[longer < 0.2 - 1e-9])


def test_a_repeated_trial_is_another_draw():
    circuit = as_spikes(visible_hidden(3, 12))
    twice = replace(recall(trials=1), blocks=(Block("b", (replace(recall(trials=1).blocks[0].trials[0], repeats=2),)),))
    response = simulate(circuit, twice, Numba(dt=1e-3), animals=1)["response"][0]
    assert not np.array_equal(response[0], response[1])


def test_populations_draw_for_themselves():
    """Two pools that get the same are not in step."""
    pool = Escape(1*ms, Linear(), 100*Hz, 20)
    circuit = Circuit("c", (Population("in", 1, Drive()), Population("a", 40, pool), Population("b", 40, pool)),
                      tuple(Projection("in", name, all_to_all(), 1.0) for name in "ab"), {"in": "in"})
    trial = Trial("t", 500*ms, (Stimulus("in", 0.5, 500*ms),))
    protocol = Protocol("p", "p", "", (Block("b", (trial,)),), (Record("a"), Record("b")))
    response = simulate(circuit, protocol, Numba(dt=1e-3), animals=1)["response"].values.ravel()
    assert abs(np.corrcoef(response[:40], response[40:])[0, 1]) < 4 / np.sqrt(40)


# forms of a circuit, refusals

def test_pools_stand_for_graded_cells_and_back():
    circuit = visible_hidden(3, 12, "polynomial", pool=30, ceiling=50*Hz)
    spiking = as_spikes(circuit)
    for population in spiking.populations[1:]:
        own = circuit.population(population.name).neuron
        assert population.neuron == Escape(own.tau, own.transfer, circuit.pool.ceiling, 30, population.neuron.low)
        assert population.neuron.as_rate() == own
    assert spiking.population("visible").neuron.low == -1 and spiking.population("memory").neuron.low == 0
    assert as_rates(spiking).populations == circuit.populations
    assert spiking.name.endswith("(spiking)")


@pytest.mark.parametrize("transfer, low", [(Tanh(), -1.0), (Sign(), -1.0), (Spherical(), -1.0), (Linear(), 0.0),
                                           (Softmax(), 0.0)])
def test_the_least_emission_that_is_coded(transfer, low):
    assert Pool().neurons(Rate(5*ms, transfer), "a").low == low
    assert Pool(low=(("a", -3.0),)).neurons(Rate(5*ms, transfer), "a").low == -3


def test_a_circuit_without_a_pool_keeps_its_graded_cells():
    circuit = mushroom_body(kenyon=50)
    assert as_spikes(circuit) is circuit


@pytest.mark.parametrize("settings, message", [({"cells": 0}, "cells is 0; give a whole number"),
                                               ({"cells": 2.5}, "cells is 2.5; give a whole number"),
                                               ({"ceiling": 0*Hz}, "Escape.ceiling"), ({"tau": 0*ms}, "Escape.tau")])
def test_pools_that_cannot_be_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        Escape(**{"tau": 5*ms, "transfer": Linear()} | settings)


def test_brian_refuses_pools_in_words():
    circuit = as_spikes(visible_hidden(3, 12))
    with pytest.raises(Unsupported, match=r"cannot carry escape-rate cells \(population 'visible'\); use Numba\(\)"):
        simulate(circuit, recall(trials=3), Brian(dt=1e-3), animals=1)
