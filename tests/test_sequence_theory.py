"""Formulas of sequence capacity against their published values, their own equations, and sampled crosstalk."""
from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, kurtosis, norm

from neuroam.effective.binary_separation import NEAREST, Exponential, Power
from neuroam.effective.dense_capacity import random_patterns
from neuroam.effective.sequence_theory import (
    BETA,
    best_degree,
    bias_bound,
    capacity_at,
    crosstalk_kurtosis,
    crosstalk_variance,
    duplicate_limit,
    dwell,
    gaussian_capacity,
    longest_dwell,
    mixed_capacity,
    sequence_capacity,
    term_variance,
    transition_capacity,
)
from neuroam.errors import DescriptionError, Unsupported

POWERS = [Power(d) for d in (1, 2, 3, 4)]
VALUES = {100: ((10.9, 5.4), (361.9, 120.6), (7238, 1810), (103403, 20681)),
          50: ((6.4, 3.2), (106.5, 35.5), (1065, 266), (7608, 1522)), 20: ((3.3, 1.7), (22.3, 7.4), (89, 22.3))}


def exact_moment(neurons, f, power):
    """E[(ξ'f(m))^power] at a stored pattern, over the binomial distribution of its N − 1 other neurons' agreement."""
    k = np.arange(neurons)
    return float(binom.pmf(k, neurons - 1, 0.5) @ f((neurons - 1 - 2 * k) / (neurons - 1), neurons - 1) ** power)


@pytest.mark.parametrize("neurons", VALUES)
def test_published_values(neurons):
    for f, (transition, sequence) in zip(POWERS, VALUES[neurons], strict=False):
        assert transition_capacity(neurons, f) == pytest.approx(transition, rel=2e-3, abs=0.051)
        assert sequence_capacity(neurons, f) == pytest.approx(sequence, rel=2e-3, abs=0.051)


def test_exponential_laws():
    assert pytest.approx(1.9640, abs=1e-4) == BETA and math.log(BETA) == pytest.approx(0.6750, abs=1e-4)
    transition, sequence = transition_capacity(20, "exponential"), sequence_capacity(20, "exponential")
    assert transition == pytest.approx(BETA ** 19 / (2 * math.log(20)))
    assert sequence == pytest.approx(BETA ** 19 / (2 * 20 * math.log(BETA)))
    assert sequence / transition == pytest.approx(math.log(20) / (20 * math.log(BETA)))


def test_variances_are_those_of_the_binomial_distribution():
    """Exact for the exponential; a power's is d (d − 1) / (3 N) below its leading order."""
    for gain in (0.5, 1.0):
        f = Exponential(gain)
        assert term_variance(30, f) == pytest.approx(exact_moment(30, f, 2))
        ratio = exact_moment(30, f, 4) / exact_moment(30, f, 2) ** 2
        assert crosstalk_kurtosis(30, 101, f) == pytest.approx((ratio - 3) / 100)
    for f in POWERS[:3]:
        for neurons, tolerance in ((100, 2e-3), (2000, 1e-5)):
            lower = 1 - f.degree * (f.degree - 1) / (3 * neurons)
            exact = 500 * exact_moment(neurons, f, 2)
            assert crosstalk_variance(neurons, 501, f) * lower == pytest.approx(exact, rel=tolerance)
        ratio = exact_moment(2000, f, 4) / exact_moment(2000, f, 2) ** 2
        assert crosstalk_kurtosis(2000, 501, f) == pytest.approx((ratio - 3) / 500, rel=0.05, abs=1e-5)


def sampled_crosstalk(neurons, memories, f, draws, seed):
    """Crosstalk of neuron 1 at ξ^1 by drawing patterns: the target of its own memory set apart."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        patterns = random_patterns(memories, neurons, rng).astype(float)
        overlaps = patterns[1:, 1:] @ patterns[0, 1:] / (neurons - 1)
        found.append(np.roll(patterns, -1, axis=0)[1:, 0] @ f(overlaps, neurons - 1))
    return np.array(found)


@pytest.mark.parametrize("f", POWERS[:3], ids=str)
def test_crosstalk_of_powers(f):
    """Variance within 3 %: N = 100, P = 500, here by counts of classes, which makes many draws cheap."""
    rng, k = np.random.default_rng(f.degree), np.arange(100)
    counts = rng.multinomial(499, binom.pmf(k, 99, 0.5), size=100_000)
    crosstalk = (2 * rng.binomial(counts, 0.5) - counts) @ f((99 - 2 * k) / 99, 99)
    assert crosstalk.var() == pytest.approx(crosstalk_variance(100, 500, f), rel=0.03)
    some = sampled_crosstalk(100, 500, f, 400, 1)
    assert some.var() == pytest.approx(crosstalk.var(), rel=0.35)


@pytest.mark.parametrize("neurons, memories, variance, excess", [(12, 500, 0.2956, 2.73), (16, 2000, 0.0806, 9.46)])
def test_crosstalk_of_the_exponential(neurons, memories, variance, excess):
    """Within 10 %, against what was measured elsewhere and a sample of our own."""
    assert crosstalk_variance(neurons, memories, "exponential") == pytest.approx(variance, rel=0.1)
    assert crosstalk_kurtosis(neurons, memories, "exponential") == pytest.approx(excess, rel=0.1)
    rng, k = np.random.default_rng(neurons), np.arange(neurons)
    counts = rng.multinomial(memories - 1, binom.pmf(k, neurons - 1, 0.5), size=200_000)
    crosstalk = (2 * rng.binomial(counts, 0.5) - counts) @ np.exp(-2.0 * k)
    assert crosstalk.var() == pytest.approx(variance, rel=0.1)
    assert kurtosis(crosstalk) == pytest.approx(excess, rel=0.25)


def test_kurtosis_at_capacity_is_never_small():
    """log N · .9823^{N − 1}, at most 2.1 at N = 19, and N · .9823^{N − 1}, at most 21 at N = 56."""
    sizes = np.arange(5, 120)
    at_transitions = [crosstalk_kurtosis(n, transition_capacity(n, "exponential"), "exponential") for n in sizes]
    law = 2 * np.log(sizes) * 0.98233 ** (sizes - 1)
    np.testing.assert_allclose(np.array(at_transitions)[20:], law[20:], rtol=0.01)


@pytest.mark.parametrize("f", [Power(1), Power(3), Exponential()], ids=str)
@pytest.mark.parametrize("failure", [0.01, 0.2])
def test_finite_failure_solves_the_union_bound(f, failure):
    neurons = 60
    for whole in (False, True):
        memories = capacity_at(neurons, f, failure, whole)
        chances = neurons * (memories if whole else 1)
        bound = 0.5 * math.exp(-1 / (2 * memories * term_variance(neurons, f)))
        assert chances * bound == pytest.approx(failure)
        assert capacity_at(neurons, f, failure / 2, whole) < memories
    with pytest.raises(DescriptionError, match="failure is 0"):
        capacity_at(neurons, f, 0)


def test_finite_failure_tends_to_the_laws():
    f = Power(2)
    for whole, law in ((False, transition_capacity), (True, sequence_capacity)):
        ratios = [capacity_at(n, f, 0.1, whole) / law(n, f) for n in (1e3, 1e9, 1e27)]
        assert abs(ratios[2] - 1) < abs(ratios[1] - 1) < abs(ratios[0] - 1) and ratios[2] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("whole", [False, True])
def test_gaussian_capacity_solves_its_equation(whole):
    memories = gaussian_capacity(80, Power(2), 0.3, whole)
    p = norm.sf(1 / math.sqrt(memories * crosstalk_variance(80, 2, Power(2))))
    assert 1 - (1 - p) ** (80 * (memories if whole else 1)) == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize("degree, neurons, transition, sequence", [
    (2, 40, 121, 46), (2, 60, 232, 81), (2, 80, 373, 139), (2, 100, 557, 198), (3, 40, 939, 259), (3, 50, 1720, 468)])
def test_gaussian_capacity_is_what_is_measured(degree, neurons, transition, sequence):
    assert gaussian_capacity(neurons, Power(degree)) == pytest.approx(transition, rel=0.1)
    assert gaussian_capacity(neurons, Power(degree), whole=True) == pytest.approx(sequence, rel=0.1)


@pytest.mark.parametrize("neurons, holding, moving, transition, sequence", [
    (60, 2, 2, 37.0, 12.3), (60, 1, 3, 16.5, 8.2), (60, 2, 3, 330, 110), (60, 3, 2, 53, 17.6), (40, 3, 3, 180, 45),
    (60, 3, 1, 2.6, 1.3), (60, 1, 1, 2.3, 1.15)])
def test_mixed_capacity(neurons, holding, moving, transition, sequence):
    given = Power(holding), Power(moving), 2.5
    assert mixed_capacity(neurons, *given) == pytest.approx(transition, rel=0.02)
    assert mixed_capacity(neurons, *given, whole=True) == pytest.approx(sequence, rel=0.03)


def test_mixed_capacity_of_exponentials_and_its_limits():
    for whole, law in ((False, transition_capacity), (True, sequence_capacity)):
        assert mixed_capacity(20, "exponential", "exponential", 2, whole) == pytest.approx(law(20, "exponential") / 5)
    with pytest.raises(DescriptionError, match="strength is 1"):
        mixed_capacity(20, Power(2), Power(2), 1)
    with pytest.raises(Unsupported, match="two powers or one exponential"):
        mixed_capacity(20, Power(2), "exponential", 2)
    for f in (NEAREST, Power(2, rectified=True)):
        with pytest.raises(Unsupported, match="these capacities are for"):
            transition_capacity(20, f)


def test_duplicates():
    """Prob(no two alike) = exp(−P²/2^{N+1}): half at √(2 log 2) 2^{N/2}, less for those one neuron apart."""
    predicted = [8.4, 15.4, 28.5, 53.3, 100.4, 190.6]
    np.testing.assert_allclose([duplicate_limit(n) for n in range(8, 19, 2)], predicted, rtol=5e-3)
    assert math.exp(-(duplicate_limit(20) ** 2 * 11) / 2 ** 21) == pytest.approx(0.5)


def test_bias():
    assert bias_bound(0.5, 2) == 33 and bias_bound(0.5, 3) == 129 and bias_bound(0, 1) == math.inf
    with pytest.raises(DescriptionError, match="bias is 2"):
        bias_bound(2, 1)


def test_best_degree():
    assert best_degree(10) == 5 and best_degree(15) in (7, 8) and best_degree(20) == 10
    for neurons in (2, 3, 12, 31, 60, 300):
        laws = [transition_capacity(neurons, Power(d)) for d in range(1, min(neurons, 180) + 1)]
        assert transition_capacity(neurons, Power(best_degree(neurons))) == pytest.approx(max(laws))


def test_high_degrees_by_whole_numbers():
    """(2d − 1)!! / N^d at degrees whose factorials no float holds."""
    for degree, neurons in ((3, 20), (80, 100), (200, 150)):
        odd = Fraction(math.prod(range(1, 2 * degree, 2)), neurons ** degree)
        assert term_variance(neurons, Power(degree)) == pytest.approx(float(odd), rel=1e-9)
    with pytest.raises(DescriptionError, match=r"Power.* at 10 neurons is beyond what a float holds, .* 10\^588"):
        transition_capacity(10, Power(400))


@pytest.mark.parametrize("call, said", [
    (lambda: dwell(5, 2.5, 2, trace="box"), "no trace 'box'; give boxcar or exponential"),
    (lambda: dwell(-5, 2.5, 2), "tau is -5; give a positive"), (lambda: dwell(5, math.nan, 2), "strength is nan"),
    (lambda: dwell(5, 2.5, 0), "degree is 0"), (lambda: transition_capacity(1, Power(2)), "neurons is 1; it must be"),
    (lambda: transition_capacity(0, "exponential"), "neurons is 0"), (lambda: best_degree(0), "neurons is 0"),
    (lambda: sequence_capacity(1, "exponential"), "neurons is 1"), (lambda: term_variance(0, Power(2)), "neurons is 0"),
    (lambda: capacity_at(1, Power(2), 0.1), "neurons is 1"), (lambda: gaussian_capacity(1, Power(2)), "neurons is 1"),
    (lambda: crosstalk_variance(20, 0, Power(1)), "memories is 0"),
    (lambda: crosstalk_kurtosis(20, 1, Power(1)), "memories is 1; it must be at least 2"),
    (lambda: mixed_capacity(1, Power(2), Power(2), 2.5), "neurons is 1"),
    (lambda: gaussian_capacity(2, Power(2)), "two memories of 2 neurons fail with a probability above 0.5 already"),
    (lambda: gaussian_capacity(3, Power(2), 0.95), "3 neurons never fail with a probability of 0.95")])
def test_what_no_formula_is_for_is_refused(call, said):
    with pytest.raises(DescriptionError, match=said):
        call()


@pytest.mark.parametrize("tau, strength, degree, steps", [
    (5, 2.5, 1, 3), (5, 2.5, 2, 4), (5, 2.5, 3, 4), (5, 2.5, 10, 5), (10, 5, 10, 9), (5, 20, 10, 4), (1, 2.5, 2, 1)])
def test_dwell(tau, strength, degree, steps):
    assert dwell(tau, strength, degree) == steps
    assert dwell(tau, 1, degree) == math.inf
    k = np.arange(1, 200)
    for trace, filled in (("boxcar", np.minimum(k / tau, 1)), ("exponential", -np.expm1(-k / tau))):
        first = k[np.argmax(strength * filled ** degree > 1 + 1e-9)]
        assert dwell(tau, strength, degree, trace) == first


def test_longest_dwell():
    assert longest_dwell(10, 0) == longest_dwell(10, 1e-24) > 1e9
    assert longest_dwell(10, 0.3) == 0 < longest_dwell(10, 0.2) < longest_dwell(10, 0.02)
    assert longest_dwell(10, 0.05) > longest_dwell(2, 0.05) > longest_dwell(1, 0.05)
    for degree, noise in ((10, 0.1), (3, 0.05)):
        longest = longest_dwell(degree, noise)
        margin = [(1 - 1 / strength) / math.sqrt(1 + strength ** 2)
                  for strength in ((1 - 1 / k) ** (-degree / 2) for k in (longest, longest + 1))]
        assert margin[0] >= noise > margin[1]
