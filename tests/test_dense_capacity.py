"""What symmetric memories hold, against the laws of theory and against measurements made elsewhere."""
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Power
from neuroam.effective.dense_capacity import (
    Load,
    all_stable_half,
    bit_error,
    exponential_limit,
    exponential_single,
    flipped,
    half_load,
    hopfield_loads,
    memories_at_error,
    memories_for_error,
    memories_without_error,
    random_patterns,
    recovered_fraction,
    softmax_error_bounds,
    softmax_retrieve,
    sparse_limit,
    sparse_loads,
    sparse_overlaps,
    sphere_capacity,
    sphere_constant,
    stable_fraction,
    stable_with_autapses,
    worst_load_with_autapses,
)
from neuroam.effective.half_point import half_point
from neuroam.errors import DescriptionError

ERROR = 0.005  # of bits, Krotov & Hopfield 2016
N2_3 = 50, 100, 200


def rng(*seed):
    return np.random.default_rng([7, *seed])


def test_patterns_are_fair_and_independent():
    patterns = random_patterns(400, 501, rng())
    assert patterns.dtype == np.int8 and set(np.unique(patterns)) == {-1, 1}
    assert abs(patterns.mean()) < 4 / math.sqrt(patterns.size)
    overlaps = (patterns.astype(float) @ patterns.T)[np.triu_indices(400, 1)]
    assert overlaps.var() == pytest.approx(501, rel=0.03)


def test_cues_have_so_many_neurons_turned_over():
    patterns = random_patterns(6, 50, rng())
    assert ((flipped(patterns, 0.21, rng()) != patterns).sum(axis=1) == 10).all()


def test_classical_memory_fails_above_its_critical_load():
    """N = 1000, mean overlap and fraction above .9, measured elsewhere; α_c = .138 in the limit."""
    loads = hopfield_loads(1000, (0.10, 0.12, 0.138, 0.16, 0.18, 0.20), rng(1), networks=2)
    np.testing.assert_allclose([load.overlap for load in loads], [0.998, 0.993, 0.948, 0.742, 0.494, 0.379], atol=0.07)
    np.testing.assert_allclose([load.recalled for load in loads], [1.00, 1.00, 0.93, 0.53, 0.19, 0.05], atol=0.12)
    assert loads[1].overlap >= 0.97 and 0.14 < half_load(loads) < 0.17 and loads[4].recalled <= 0.25


@pytest.mark.slow
def test_classical_memory_of_2000_neurons():
    loads = hopfield_loads(2000, (0.12, 0.138, 0.16, 0.18), rng(2), networks=2)
    np.testing.assert_allclose([load.overlap for load in loads], [0.993, 0.928, 0.590, 0.354], atol=0.07)
    np.testing.assert_allclose([load.recalled for load in loads], [1.00, 0.88, 0.34, 0.06], atol=0.14)


SPARSE = {0.5: (0.1, 0.15, 0.2), 0.1: (0.45, 0.52, 0.6, 0.7), 0.05: (0.9, 1.0, 1.1, 1.25), 0.02: (1.9, 2.2, 2.6, 3.0)}


@pytest.mark.slow
def test_sparse_memory_holds_more_the_sparser_it_is():
    """Covariance rule with k winners at N = 1000: half success at α between .1 and .2, and about .6, 1.05, 2.4."""
    half = {f: half_load(sparse_loads(1000, f, alphas, rng(3), cues=100)) for f, alphas in SPARSE.items()}
    assert 0.1 < half[0.5] < 0.2
    np.testing.assert_allclose([half[0.1], half[0.05], half[0.02]], [0.6, 1.05, 2.4], rtol=0.15)
    assert half[0.5] < half[0.1] < half[0.05] < half[0.02]
    assert all(2 < sparse_limit(f) / alpha < 10 for f, alpha in half.items())


def test_sparse_memory_at_a_small_size():
    low, high = sparse_loads(300, 0.1, (0.1, 1.2), rng(4), cues=30)
    assert low.recalled > 0.95 and high.recalled < 0.1 and low.alpha == 0.1
    assert sparse_overlaps(200, 5, 0.1, rng(5)).shape == (5,)
    with pytest.raises(DescriptionError, match="is 0 winners"):
        sparse_overlaps(10, 5, 0.01, rng(5))


def test_half_load_is_interpolated():
    loads = (Load(1.0, 1.0, 1.0), Load(2.0, 1.0, 0.75), Load(4.0, 1.0, 0.25))
    assert half_load(loads) == pytest.approx(3.0)
    assert math.isnan(half_load(loads[:2]))


def test_half_point_finds_a_known_one():
    def trial(load, rng):
        return np.mean(rng.random(10) < norm.sf(3 * math.log(load / 37)))

    found = [half_point(trial, 60, rng(k)) for k in range(20)]
    assert np.mean(found) == pytest.approx(37, rel=0.03)
    with pytest.raises(DescriptionError, match="give a positive start"):
        half_point(trial, 0, rng())


@pytest.mark.parametrize("f", [Power(1), Power(2), Power(2, True), "exponential"], ids=str)
def test_counts_of_classes_stand_for_patterns(f):
    """The multinomial shortcut against patterns drawn in full."""
    memories = {"Power(degree=1, rectified=False)": 8}.get(str(f), 60)
    neurons, draws = 24, 400
    wrong = []
    for k in range(draws):
        patterns = random_patterns(memories, neurons, rng(k))
        memory = BinaryMemory(patterns, separation=f)
        wrong.append(memory._fields_with_sign(patterns[:1], memory._differences)[0] * patterns[0] < 0)
    full = np.mean(wrong)
    assert bit_error(neurons, memories, f, rng()) == pytest.approx(full, abs=5 * np.std(np.mean(wrong, 1)) / 20 + 0.004)


@pytest.mark.parametrize("degree, rectified, sizes, tolerance", [
    (2, False, (100, 400), 0.15), (3, False, N2_3, 0.15), (3, True, N2_3, 0.15), (4, False, (50, 100), 0.15)])
def test_capacity_of_dense_memories(degree, rectified, sizes, tolerance):
    """α_n at .5 % errors within 15 %, its growth as N^{n − 1}, and at errors of 1/N within 10 % (n = 2: at N = 400)."""
    f, found = Power(degree - 1, rectified), []
    for neurons in sizes:
        law = memories_for_error(neurons, degree, ERROR, rectified)
        found.append(memories_at_error(neurons, f, ERROR, rng(neurons), law, 6000))
        assert found[-1] / law == pytest.approx(1, abs=tolerance)
    slope = np.polyfit(np.log(sizes), np.log(found), 1)[0]
    assert slope == pytest.approx(degree - 1, abs=0.15)
    law = memories_for_error(sizes[-1], degree, 1 / sizes[-1], rectified)
    without = memories_at_error(sizes[-1], f, 1 / sizes[-1], rng(1), law, 6000)
    assert without / law == pytest.approx(1, abs=0.1)
    assert 1.4 < without / memories_without_error(sizes[-1], degree) / (2 if rectified else 1) < 2.0


def test_laws_of_dense_memories():
    alpha = [memories_for_error(1, n, ERROR) for n in (2, 3, 4, 5)]
    np.testing.assert_allclose(alpha, [0.1507, 0.0502, 0.01005, 0.00144], rtol=5e-3)
    assert memories_for_error(100, 3, ERROR, True) == 2 * memories_for_error(100, 3, ERROR)
    assert memories_without_error(100, 3) == pytest.approx(100 ** 2 / (6 * math.log(100)))


def test_stable_patterns_of_degree_three():
    """At P = N²/(6 ln N) .90/.80/.85 of the patterns are fully stable (N = 50/100/200), at 2 P .35/.15/.10: 20 each."""
    for neurons, expected, at_twice in ((50, 0.90, 0.35), (100, 0.80, 0.15)):
        number = round(memories_without_error(neurons, 3))
        once, twice = ([stable_fraction(neurons, k * number, Power(2), rng(neurons, seed)) for seed in range(8)]
                       for k in (1, 2))
        assert np.mean(once) == pytest.approx(expected, abs=0.12)
        assert np.mean(twice) == pytest.approx(at_twice, abs=0.12)


def stay(neurons, memories, f, draws=4):
    """Fraction of stored patterns that a step of a circuit with autapses leaves where they are."""
    found = []
    for seed in range(draws):
        patterns = random_patterns(memories, neurons, rng(seed))
        memory = BinaryMemory(patterns, separation=f, self_terms=True)
        found.append((memory.update(patterns[:200]) == patterns[:200]).all(axis=1).mean())
    return np.mean(found)


@pytest.mark.parametrize("memories", [40, 70, 120, 400, 1200])
def test_autapses_hold_patterns_in_place(memories):
    """At N = 200, n = 2 fewest stay at K = 2N; beyond, more do again. Without autapses none would."""
    assert stay(200, memories, Power(1, True)) == pytest.approx(stable_with_autapses(200, memories, Power(1, True)),
                                                                abs=0.08)
    assert worst_load_with_autapses(200, Power(1, True)) == pytest.approx(400, rel=0.01)
    assert stable_fraction(200, 1200, Power(1, True), rng(0)) < 0.01


@pytest.mark.parametrize("neurons, f", [(100, Power(2, True)), (50, Power(3, True)), (8, "exponential"),
                                        (12, "exponential")], ids=str)
def test_of_steeper_separations_no_load_loses_half_of_the_patterns(neurons, f):
    worst = round(worst_load_with_autapses(neurons, f))
    assert stable_with_autapses(neurons, worst, f) > 0.95 and stay(neurons, worst, f) > 0.95
    for load in (worst // 3, 3 * worst):
        assert stable_with_autapses(neurons, load, f) > stable_with_autapses(neurons, worst, f)
    assert stable_with_autapses(neurons, 1, f) == 1


EXPONENTIAL = {8: 6, 10: 13, 12: 20.5, 14: 39, 16: 77.5}


def test_exponential_memory_holds_all_patterns_up_to_half_the_exponent():
    """log₂ K of all patterns stable in half of the draws grows by .46 a neuron; of one pattern by .977."""
    half = {n: all_stable_half(n, "exponential", rng(n), 0.4 * 2 ** (n / 2)) for n in EXPONENTIAL}
    np.testing.assert_allclose(list(half.values()), list(EXPONENTIAL.values()), rtol=0.3)
    assert np.polyfit(list(half), np.log2(list(half.values())), 1)[0] == pytest.approx(0.46, abs=0.05)
    sizes = (12, 16, 20, 24)
    one = [memories_at_error(n, "exponential", ERROR, rng(n), exponential_single(n), 10_000) for n in sizes]
    assert np.polyfit(sizes, np.log2(one), 1)[0] == pytest.approx(0.977, abs=0.03)
    assert math.log2(exponential_single(31) / exponential_single(30)) == pytest.approx(0.974, abs=1e-3)


def test_exponential_memory_restores_what_theory_says():
    """All within the bound; with the square of as many memories a good part is lost."""
    assert exponential_limit(20) == pytest.approx(2 ** 10)
    for neurons in (20, 30):
        number = round(exponential_limit(neurons, 0.1))
        assert recovered_fraction(neurons, number, "exponential", 0.1, rng(neurons)) >= 0.95
        assert recovered_fraction(neurons, number ** 2, "exponential", 0.1, rng(neurons)) < 0.75
    assert recovered_fraction(40, round(exponential_limit(40, 0.2)), "exponential", 0.2, rng(40)) >= 0.9
    with pytest.raises(DescriptionError, match="share of flips is"):
        exponential_limit(10, 0.5)


def test_constants_of_softmax_memory():
    assert sphere_constant(1, 3, 20, 1e-3) == pytest.approx(3.1546, abs=1e-4)
    assert sphere_constant(1, 1, 75, 1e-3) == pytest.approx(1.3718, abs=1e-4)
    assert sphere_capacity(1, 3, 20, 1e-3) == pytest.approx(math.sqrt(1e-3) * 3.1546 ** (19 / 4), rel=1e-3)


def test_bounds_of_softmax_memory_hold():
    """One step from near a pattern, and the fixed point, for patterns drawn on a sphere."""
    dimension, gain = 20, 1.0
    tight = 0
    for seed in range(30):
        patterns = rng(seed).standard_normal((20, dimension))
        patterns *= 3 * math.sqrt(dimension - 1) / np.linalg.norm(patterns, axis=1, keepdims=True)
        start = patterns[0] + 0.3 * rng(seed, 1).standard_normal(dimension)
        step_bound, fixed_bound = softmax_error_bounds(patterns, start, 0, gain)
        stepped = softmax_retrieve(patterns, start[None], gain)[0]
        fixed = start[None]
        for _ in range(50):
            fixed = softmax_retrieve(patterns, fixed, gain)
        rounding = 1e-12 * np.linalg.norm(patterns[0])
        assert np.linalg.norm(stepped - patterns[0]) <= step_bound + rounding
        assert np.linalg.norm(fixed[0] - patterns[0]) <= fixed_bound + rounding
        tight += step_bound < 1
    assert tight > 20


TABLE = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])


@pytest.mark.parametrize("gain", [-1.0, 0.0, math.nan, math.inf])
def test_gains_that_are_no_positive_number_are_refused(gain):
    for ask in (lambda: softmax_retrieve(TABLE, TABLE, gain), lambda: softmax_error_bounds(TABLE, TABLE[0], 0, gain),
                lambda: exponential_single(20, gain), lambda: sphere_constant(gain, 1, 20, 1e-3),
                lambda: sphere_capacity(gain, 1, 20, 1e-3)):
        with pytest.raises(DescriptionError, match=f"gain is {gain}; it must be more than 0 and finite"):
            ask()


@pytest.mark.parametrize("ask, message", [
    (lambda: softmax_retrieve(TABLE, np.ones((1, 2)), 1.0), r"states of shape \(1, 2\) for patterns of shape \(2, 3\)"),
    (lambda: softmax_retrieve(TABLE, TABLE[0], 1.0), r"states of shape \(3,\).* give \(n_states, neurons\)"),
    (lambda: softmax_retrieve(TABLE, np.full((1, 3), np.nan), 1.0), "NaN or infinity"),
    (lambda: softmax_error_bounds(TABLE, np.ones(2), 0, 1.0), r"states of shape \(2,\).* give \(neurons,\)"),
    (lambda: softmax_error_bounds(TABLE, TABLE[0], 2, 1.0), "memory is 2 of 2 patterns"),
    (lambda: softmax_error_bounds(TABLE[:1], TABLE[0], 0, 1.0), "give at least two patterns"),
    (lambda: sphere_constant(1, -1, 20, 1e-3), "radius is -1"),
    (lambda: sphere_constant(1, 1, 1, 1e-3), "dimension 1, with failure 0.001"),
    (lambda: sphere_constant(1, 1, 20, 0.0), "with failure 0.0; give a dimension above 1 and a probability")])
def test_what_the_formulas_cannot_take_is_refused(ask, message):
    with pytest.raises(DescriptionError, match=message):
        ask()
