"""How long a sequence of independent ±1 patterns a DenseNet or MixedNet can hold, and how long it stays in each memory
(Chaudhry, Zavatone-Veth, Krotov & Pehlevan 2023, NeurIPS, arXiv 2306.04532; equation numbers are theirs).

At a stored pattern neuron i sees the signal f(1) = 1 and a crosstalk of P − 1 terms of variance v:

    power d      v = (2d − 1)!! / N^d        P_T = 1 / (2 v log N)        P_S = P_T / (d + 1)               (eq. 9)
    exponential  v = β^{−(N − 1)}            P_T = 1 / (2 v log N)        P_S = 1 / (2 v N log β)           (eq. 10)

with β = e² / cosh 2 = 1.964 and natural logarithms. P_T memories: a transition is right; P_S: all are. Both hold for
N → ∞. What a simulation at hand shows lies above: at P_T some 13 % of transitions of a power fail still, and half of
them at 1.5 to 2 P_T. `gaussian_capacity` is the number to compare one with.
"""
from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import factorial2, lambertw
from scipy.stats import norm

from neuroam.effective.binary_separation import Exponential, Power, Separation, separation
from neuroam.errors import DescriptionError, Unsupported

BOXCAR, EXPONENTIAL = TRACES = "boxcar", "exponential"
BETA = math.e ** 2 / math.cosh(2)
FLOATS = 690.0  # logarithm of a number that leaves room for a product with some others
SMALLEST = 1e-300
PAIRS = math.sqrt(2 * math.log(2))  # half of the draws have no pair among P of 2^N where P = PAIRS · 2^{N/2}


def term_variance(neurons: float, f: Separation | str) -> float:
    """v, the variance of one memory's part of the crosstalk. Leading order for a power, exact for the exponential.

    `neurons` is N in the capacities; the crosstalk itself has N − 1 contributors.
    """
    f = _theory_of(f)
    _require_least("neurons", neurons, 1)
    if isinstance(f, Exponential):
        logarithm = (neurons - 1) * (math.log1p(math.exp(-4 * f.gain)) - math.log(2))
    else:
        logarithm = _log_odd_factorial(f.degree) - f.degree * math.log(neurons)
    if abs(logarithm) > FLOATS:
        raise DescriptionError(f"the crosstalk of {f} at {neurons} neurons is beyond what a float holds, of the order "
                               f"of 10^{logarithm / math.log(10):.0f}; give a lower degree or fewer neurons")
    return math.exp(logarithm)


def crosstalk_variance(neurons: int, memories: int, f: Separation | str) -> float:
    """Variance of the crosstalk at a stored pattern, self-terms excluded.

    The exponential's is exact, but made of rare large terms. A power's is d (d − 1) / (3 N) too high: 2 % at d = 3 and
    N = 100.
    """
    _require_least("memories", memories, 1)
    _require_least("neurons", neurons, 2)
    return (memories - 1) * term_variance(neurons - 1 if isinstance(_theory_of(f), Power) else neurons, f)


def crosstalk_kurtosis(neurons: int, memories: int, f: Separation | str) -> float:
    """Excess kurtosis of the crosstalk: what keeps it from being Gaussian.

    A power's falls as 1/P whatever N is. The exponential's, taken at P_T, falls only as log N · .9823^{N − 1}, and at
    P_S as N · .9823^{N − 1}: at the sizes that can be simulated its crosstalk is never Gaussian.
    """
    f = _theory_of(f)
    _require_least("memories", memories, 2)
    _require_least("neurons", neurons, 1)
    if isinstance(f, Power):
        logarithm = _log_odd_factorial(2 * f.degree) - 2 * _log_odd_factorial(f.degree)
    else:
        squared = math.log1p(math.exp(-8 * f.gain)) - 2 * math.log1p(math.exp(-4 * f.gain))
        logarithm = (neurons - 1) * (math.log(2) + squared)
    return (math.exp(min(logarithm, FLOATS)) - 3) / (memories - 1)


def transition_capacity(neurons: int, f: Separation | str) -> float:
    """P_T of eqs. 9 and 10, N → ∞; half of all transitions are right at 1.5 to 2.3 times as many memories."""
    _require_least("neurons", neurons, 2)
    return 1 / (2 * term_variance(neurons, f) * math.log(neurons))


def sequence_capacity(neurons: int, f: Separation | str) -> float:
    """P_S of eqs. 9 and 10, N → ∞.

    For powers half of all sequences are right at 1.6 to 2 times as many memories. For the exponential it does not
    hold for independent patterns: two that are alike break the sequence long before, see `duplicate_limit`.
    """
    f = _theory_of(f)
    _require_least("neurons", neurons, 2)
    if isinstance(f, Power):
        return transition_capacity(neurons, f) / (f.degree + 1)
    log_beta = -math.log(term_variance(2, f))
    return 1 / (2 * term_variance(neurons, f) * neurons * log_beta)


def capacity_at(neurons: int, f: Separation | str, failure: float, whole: bool = False) -> float:
    """Memories up to which a transition (or with `whole` the sequence) fails with at most this probability.

    The union bound N p (N P p), p = H(1/√(v P)) <= exp(−1/(2 v P)) / 2, solved for P: 1 / (2 v log(N / 2c)), and for
    the sequence 1 / (2 v W(N / (4 c v))) with Lambert's W. A lower bound as far as the crosstalk is Gaussian; it
    needs failure < 1/2 to mean anything.
    """
    if not 0 < failure < 1:
        raise DescriptionError(f"failure is {failure}; give a probability between 0 and 1")
    _require_least("neurons", neurons, 2)
    v = term_variance(neurons, f)
    if whole:
        return 1 / (2 * v * float(lambertw(neurons / (4 * failure * v)).real))
    return 1 / (2 * v * math.log(neurons / (2 * failure)))


def gaussian_capacity(neurons: int, f: Separation | str, failure: float = 0.5, whole: bool = False) -> float:
    """Memories at which a transition (or with `whole` the sequence) fails with this probability.

    Gaussian crosstalk from N − 1 neurons, in every neuron and transition by itself: 1 − (1 − p)^N or 1 − (1 − p)^{NP}.
    Within 10 % of simulations for powers of degree >= 2 at N >= 40; linear and exponential crosstalk is too far from
    Gaussian at such sizes.
    """
    if not 0 < failure < 1:
        raise DescriptionError(f"failure is {failure}; give a probability between 0 and 1")
    v = crosstalk_variance(neurons, 2, f)

    def excess(log_memories: float) -> float:
        chances = neurons * (math.exp(log_memories) if whole else 1)
        allowed = -math.expm1(math.log1p(-failure) / chances)
        return log_memories + math.log(v) + 2 * math.log(max(norm.isf(allowed), SMALLEST))

    least, most = math.log(2), max(-math.log(v), 0) + 20
    if excess(least) > 0:
        raise DescriptionError(f"two memories of {neurons} neurons fail with a probability above {failure} already; "
                               "give more neurons, or a higher failure")
    if excess(most) < 0:
        raise DescriptionError(f"{neurons} neurons never fail with a probability of {failure}, however many memories "
                               "there are; give a lower failure")
    return math.exp(brentq(excess, least, most))


def mixed_capacity(neurons: int, holding: Separation | str, moving: Separation | str, strength: float,
                   whole: bool = False) -> float:
    """P_T, or with `whole` P_S, of a MixedNet with τ = 1 and λ = `strength` > 1 (eqs. 15 and 16), N → ∞.

    Scales with the lower of the two degrees. For two exponentials of one gain: that of the DenseNet times
    (λ − 1)² / (λ² + 1). At N <= 60 half of the transitions are right at 1.4 to 4 times as many memories; the order of
    the degrees holds.
    """
    holding, moving = _theory_of(holding), _theory_of(moving)
    _require_least("neurons", neurons, 2)
    if not strength > 1:
        raise DescriptionError(f"strength is {strength}; a MixedNet moves on only if it is above 1")
    if isinstance(holding, Exponential) and holding == moving:
        dense = sequence_capacity(neurons, moving) if whole else transition_capacity(neurons, moving)
        return dense * (strength - 1) ** 2 / (strength ** 2 + 1)
    if not (isinstance(holding, Power) and isinstance(moving, Power)):
        raise Unsupported(f"there is no capacity for {holding} with {moving}; give two powers or one exponential twice")
    k = min(holding.degree, moving.degree)
    transition = (strength - 1) ** 2 * neurons ** k / (2 * _gamma(holding.degree, moving.degree, strength)
                                                       * math.log(neurons))
    return transition / (k + 1) if whole else transition


def _gamma(holding: int, moving: int, strength: float) -> float:
    """γ of eq. 16."""
    k = min(holding, moving)
    odd = float(factorial2(2 * k - 1))
    if holding < moving:
        return odd
    if holding > moving:
        return strength ** 2 * odd
    paired = float(factorial2(k - 1)) ** 2 if k % 2 == 0 else 0.0
    return (strength ** 2 + 1) * odd + 2 * strength * paired


def duplicate_limit(neurons: int) -> float:
    """Memories at which half of all sequences of independent patterns have two that are alike, or all but one neuron.

    √(2 log 2) 2^{N/2} / √(1 + N/2): two like patterns with unlike successors break a sequence whatever f is. A
    heuristic, within 15 % of the exponential's measured P_S at N = 8 … 18.
    """
    return PAIRS * 2 ** (neurons / 2) / math.sqrt(1 + neurons / 2)


def bias_bound(bias: float, degree: int) -> float:
    """Memories with Prob(±1) = (1 ± bias)/2 below which a polynomial DenseNet may recall them (eq. 12), N → ∞.

    Above it the mean of the crosstalk alone outweighs the signal; crosstalk's spread sets a lower limit at finite N.
    """
    if not 0 <= bias <= 1:
        raise DescriptionError(f"bias is {bias}; give a number from 0 to 1")
    return math.inf if bias == 0 else bias ** -(2 * degree + 1) + 1


def best_degree(neurons: int) -> int:
    """The degree of highest P_T at this N by eq. 9, which needs a degree far below N: the last d with 2d − 1 < N.

    In simulations P50 of transitions rises up to 3 degrees further (N = 10, 15) and then stays where it is, since the
    nearest memory decides.
    """
    _require_least("neurons", neurons, 2)
    return neurons // 2


def dwell(tau: float, strength: float, degree: int, trace: str = BOXCAR) -> float:
    """Steps a MixedNet of powers stays in a memory: the first k at which λ m̄^d > 1, infinite if there is none.

    m̄ is k/τ for the boxcar, hence floor(τ λ^{−1/d}) + 1, and 1 − e^{−k/τ} for the exponential trace. Leaves out that
    the memory before still pushes by λ (1 − m̄)^d, so it is for d >= 2; for noise-free recall, so not where λ m̄^d is
    within the crosstalk of 1.
    """
    if trace not in TRACES:
        raise DescriptionError(f"there is no trace {trace!r}; give {' or '.join(TRACES)}")
    for name, value in (("tau", tau), ("strength", strength)):
        if not (math.isfinite(value) and value > 0):
            raise DescriptionError(f"{name} is {value}; give a positive number")
    _require_least("degree", degree, 1)
    if strength <= 1:
        return math.inf
    level = strength ** (-1 / degree)
    reached = tau * level if trace == BOXCAR else -tau * math.log1p(-level)
    return math.floor(reached + 1e-9 * max(reached, 1)) + 1  # a tie does not move the network


def longest_dwell(degree: int, noise: float, strongest: float = 2.5) -> int:
    """The longest dwell time that a step more or less can be told from, with τ that long and λ <= strongest.

    Halfway, at λ = (1 − 1/k)^{−d/2}, the field is 1 − 1/λ away from moving early and more from not moving at all;
    that must exceed `noise` √(1 + λ²), `noise` being that of one of the two terms. 0 if none does.
    """
    def margin(strength: float) -> float:
        return (1 - 1 / strength) / math.sqrt(1 + strength ** 2)

    if margin(strongest) < noise:
        return 0
    least = brentq(lambda strength: margin(strength) - max(noise, 0), 1, min(strongest, 2.0) if margin(2.0) >= noise
                   else strongest)
    missing = -math.expm1(-2 * math.log(least) / degree)
    return max(1, int(1 / max(missing, 1 / np.iinfo(np.int32).max)))


def _log_odd_factorial(degree: int) -> float:
    """log (2d − 1)!!"""
    return degree * math.log(2) + math.lgamma(degree + 0.5) - math.log(math.pi) / 2


def _require_least(name: str, value: float, least: int) -> None:
    if not value >= least:
        raise DescriptionError(f"{name} is {value}; it must be at least {least}")


def _theory_of(f: Separation | str) -> Separation:
    """Separations for which these formulas are."""
    f = separation(f)
    if isinstance(f, Power) and f.rectified:
        raise Unsupported("these capacities are for plain powers; a rectified power has half the crosstalk variance")
    if isinstance(f, Exponential) and math.isinf(f.gain):
        raise Unsupported("these capacities are for a finite gain")
    return f
