"""How far spikes move dwell times: against first passages that are simulated one by one, the slope of the potential,
and pools of spiking neurons; and what is refused."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuroam.circuit import as_spikes
from neuroam.circuits.sequence import sequence
from neuroam.circuits.sequence_noise import CORRELATION, FEWEST, PRECISION, STEP, Blur, passing
from neuroam.circuits.sequence_timing import Timing
from neuroam.errors import DescriptionError
from neuroam.neurons import Pool
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.runs import lacks
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Power
from neuroam.units import ms
from neuroam.wiring import wire

VISIBLE = 0.01


def blur(degree=4, neurons=200.0, noise=1.5e-3):
    separation = Power(power=degree)
    return Blur(Timing(separation, VISIBLE, 0.005, 0.1, 0.0, 1, noise), separation, 100.0, neurons)


def first_passages(one, lasts, pool, trials=4000):
    """Seconds at which each of many sampled paths first passes the barrier."""
    rng = np.random.default_rng(0)
    t, barrier = one._barrier(lasts)
    barrier = barrier * np.sqrt(pool)
    kept = np.exp(-STEP)
    x, at = rng.standard_normal(trials), np.full(trials, t[-1])
    waiting = np.ones(trials, bool)
    for now, z in zip(t, barrier, strict=True):
        x = kept * x + np.sqrt(1 - kept**2) * rng.standard_normal(trials)
        passed = waiting & (x >= z)
        at[passed] = now
        waiting &= ~passed
    return at


@pytest.mark.parametrize(("lasts", "pool"), [(0.1, 300), (0.2, 1000), (0.3, 1000), (0.4, 10_000), (0.6, 10_000)])
def test_moments_are_those_of_paths_simulated_one_by_one(lasts, pool):
    mean, spread = blur().expected(lasts, pool)
    found = first_passages(blur(), lasts, pool)
    assert mean == pytest.approx(found.mean(), rel=0.025)
    assert spread == pytest.approx(found.std(), rel=0.25)


def test_a_barrier_that_rests_is_passed_as_often_as_by_a_long_path():
    rng, kept = np.random.default_rng(1), np.exp(-STEP)
    x = np.empty(400_000)
    x[0] = 0
    noise = np.sqrt(1 - kept**2) * rng.standard_normal(len(x))
    for k in range(1, len(x)):
        x[k] = kept * x[k - 1] + noise[k]
    for z in (0.0, 1.0, 2.0):
        passed = (x[1:][x[:-1] < z] >= z).mean()
        assert passing(np.array([z]), CORRELATION)[0] == pytest.approx(passed, rel=0.1)


def test_noise_over_slope_where_the_barrier_is_steep():
    """σ/|λ F′| of a motif that ends while the trace still rises."""
    one, lasts, pool = blur(), 0.12, 2000
    t, barrier = one._barrier(lasts)
    slope = -np.gradient(barrier * np.sqrt(pool), t)[np.searchsorted(t, lasts)]
    mean, spread = one.expected(lasts, pool)
    assert spread == pytest.approx(1 / slope, rel=0.15)
    assert mean == pytest.approx(lasts, abs=STEP * VISIBLE)


def test_spread_falls_with_the_root_of_the_pool_and_grows_with_the_time():
    one = blur()
    few, many = (one.expected(0.12, pool)[1] for pool in (2000, 8000))
    assert few / many == pytest.approx(2, rel=0.1)
    late = [one.miss(t, 3000) for t in (0.2, 0.3, 0.4, 0.5)]
    assert (np.diff(late) > 0).all()
    means = [one.expected(t, 1000)[0] / t for t in (0.3, 0.5, 0.7)]
    assert (np.diff(means) < 0).all() and means[-1] < 0.8  # long motifs end early


def spiking(lasts, pool, cycles=14, motifs=3):
    """Seconds of each visit of motifs without crosstalk, pools of spiking neurons, whatever would be refused."""
    circuit = sequence(motifs=motifs, cells=60, dwell=lasts * 1000 * ms, pseudoinverse=True)
    circuit = as_spikes(replace(circuit, pool=Pool(pool)))
    duration = (1000 * lasts * motifs * cycles + 50) * ms
    trial = Trial("first", duration, (Stimulus("cue", "pattern 1", 50 * ms),))
    walk = Protocol(name="walk", title="", source="", circuit="sequence", dt=1 * ms, blocks=(Block("walk", (trial,)),),
                    record=(Record("visible", every=1 * ms),))
    solver, wired = Numba(1e-3), wire(circuit, 1)
    potentials = solver.run(wired, schedule(walk, wired, solver.dt)).traces["visible"]
    active = (np.sign(potentials) @ wired.patterns.T).argmax(axis=1)
    starts = np.flatnonzero(np.diff(active) != 0) + 1
    starts = starts[np.append(np.diff(starts) > 20, True)]  # a turn that was taken back within 20 ms is none
    follows = active[starts] != np.roll(active[starts], 1)
    return np.diff(starts[follows])[1:] * 1e-3


@pytest.mark.parametrize(("lasts", "pool"), [(0.2, 300), (0.3, 1000), (0.4, 1000)])
def test_pools_of_spiking_neurons_spread_as_derived(lasts, pool):
    mean, spread = blur(neurons=57, noise=0.0).expected(lasts, pool)
    found = spiking(lasts, pool)
    assert len(found) > 30
    assert found.mean() == pytest.approx(mean, rel=0.04)
    assert found.std() == pytest.approx(spread, rel=0.4)


def test_a_pool_that_is_refused_misses_and_the_one_that_is_named_does_not():
    with pytest.raises(DescriptionError, match=r"pool is 100, .* 300 ms by \d+ %; such pools keep to .* pool=") as e:
        sequence(motifs=3, cells=60, dwell="300 ms", pseudoinverse=True, pool=100)
    enough = int(float(str(e.value).split("pool=")[1].split(" ")[0]))

    def miss(pool):
        found = spiking(0.3, pool)
        return np.hypot(found.mean() - 0.3, found.std()) / 0.3

    assert miss(100) > 1.6 * PRECISION and miss(enough) < 1.2 * PRECISION


def test_the_pool_that_is_named_is_accepted_and_none_given_is_as_large():
    with pytest.raises(DescriptionError, match=r"pool is 1000, .* keep to times from") as e:
        sequence(dwell="200,400 ms", motifs=2, pool=1000)
    enough = int(float(str(e.value).split("pool=")[1].split(" ")[0]))
    assert sequence(dwell="200,400 ms", motifs=2, pool=enough).pool.cells == enough
    assert sequence(dwell="200,400 ms", motifs=2).pool.cells == enough
    with pytest.raises(DescriptionError, match="sequence: pool is"):
        sequence(dwell="200,400 ms", motifs=2, pool=int(0.8 * enough))
    assert sequence().pool.cells == FEWEST == sequence(pool=100).pool.cells


def test_the_ends_of_the_range_that_is_named_are_accepted():
    said = sequence(dwell="200 ms", pool=1000).notes["spikes"]
    low, high = (float(x) for x in said.split("from ")[1].split(" ms")[0].split(" to "))
    for lasts in (low + 1, high - 1):
        sequence(dwell=f"{lasts:g} ms", pool=1000)
    with pytest.raises(DescriptionError, match="pool is 1000"):
        sequence(dwell=f"{1.1 * high:g} ms", pool=1000)


def test_times_that_no_pool_keeps_have_no_spiking_level():
    circuit = sequence(motifs=3, dwell="1900 ms", pseudoinverse=True)
    assert circuit.pool is None and lacks(circuit, "spiking") and "no spiking level" in circuit.notes["spikes"]
    with pytest.raises(DescriptionError, match="no pool of 1e\\+06 would do, either, or leave pool out"):
        sequence(motifs=3, dwell="1900 ms", pseudoinverse=True, pool=10_000)


@pytest.mark.parametrize("pool", [0, 2.5, -3])
def test_pools_of_no_number_are_refused(pool):
    with pytest.raises(DescriptionError, match="sequence: pool is"):
        sequence(pool=pool)
