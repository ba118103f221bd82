"""What symmetric memories hold: classical, sparse, dense, exponential and softmax; measured, and in theory.

A dense memory of energy −Σ_μ F(ξ^μ·σ), F(x) = x^n, flips neuron i if that lowers the energy (Krotov & Hopfield 2016,
NeurIPS, arXiv 1606.01164). At a stored pattern the gap is N^n − (N − 2)^n against noise of variance
4 n² (2n − 3)!! (K − 1) N^{n−1}, so that

    bits in error with probability ε     K = N^{n−1} / ((2n − 3)!! z²),   z = Q⁻¹(ε)
    none in error                        K = N^{n−1} / (2 (2n − 3)!! ln N)

with twice that for the rectified power, half of whose noise is gone. n = 2 is Hopfield's network. With ε = 1/N the
first law holds within 10 % from N = 50 on; the second, its limit, is 1.5 to 1.9 times too low there.

A circuit of two-body synapses has autapses by way of its hidden neurons. Each memory then adds a to a neuron's own
side, the mean of f(m) σ ξ over overlaps m that hold this neuron, beside noise of variance v − a²,

    wrong with probability Q(z),   z = (f(1) + (K − 1) a) / √((K − 1)(v − a²))

so that z has a least value over all loads, and where that leaves most patterns in place none is ever lost.

For independent patterns the field of one neuron depends on the numbers of memories in each class of overlap alone, so
its errors are drawn from multinomial counts, at a cost that does not depend on K.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import factorial2, lambertw
from scipy.stats import binom, norm

from neuroam.effective.binary import BinaryMemory, require
from neuroam.effective.binary_separation import LINEAR, Separation, separation, tabulate_differences
from neuroam.effective.half_point import half_point
from neuroam.errors import DescriptionError

RECALLED = 0.9  # overlap from which on a pattern counts as recalled
SWEEPS = 200


@dataclass(frozen=True)
class Load:
    """One load of a network: `alpha` memories a neuron, mean final `overlap`, and the fraction above .9."""

    alpha: float
    overlap: float
    recalled: float


def random_patterns(memories: int, neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Independent ±1 patterns (memories, neurons), int8."""
    require(2 * memories * neurons, f"{memories} patterns × {neurons} neurons")
    bits = np.frombuffer(rng.bytes(-(-memories * neurons // 8)), np.uint8)
    flat = np.unpackbits(bits)[: memories * neurons].astype(np.int8)
    return (2 * flat - 1).reshape(memories, neurons)


def flipped(patterns: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Copies with this share of neurons, rounded, turned over in each."""
    number = round(share * patterns.shape[1])
    turned = np.argsort(rng.random(patterns.shape), axis=1)[:, :number]
    cues = patterns.copy()
    np.put_along_axis(cues, turned, -np.take_along_axis(patterns, turned, 1), 1)
    return cues


def relaxed_overlaps(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator,
                     cues: int | None = None, flips: float = 0.0) -> np.ndarray:
    """Overlap of the fixed point reached from each of some (or all) stored patterns with it, asynchronously."""
    patterns = random_patterns(memories, neurons, rng)
    stored = patterns[:cues]
    final = BinaryMemory(patterns, separation=f).relax(flipped(stored, flips, rng), SWEEPS, rng)
    return (final.astype(int) * stored).mean(axis=1)


def hopfield_loads(neurons: int, alphas: tuple[float, ...], rng: np.random.Generator, cues: int | None = None,
                   networks: int = 1) -> tuple[Load, ...]:
    """Classical memory started at its stored patterns, for each α = P/N. It fails at α_c = .138 (N → ∞)."""
    return tuple(_load(alpha, np.concatenate([relaxed_overlaps(neurons, round(alpha * neurons), LINEAR, rng, cues)
                                              for _ in range(networks)])) for alpha in alphas)


def sparse_overlaps(neurons: int, memories: int, activity: float, rng: np.random.Generator, cues: int = 50,
                    steps: int = 20) -> np.ndarray:
    """Share of each cued pattern's active neurons among the winners in the end, covariance rule, started there.

    J = Σ (η − f)(η − f)ᵀ without diagonal for 0/1 patterns with exactly k = f N active neurons; in each synchronous
    step the k neurons of highest field win.
    """
    winners = round(activity * neurons)
    if not 1 <= winners < neurons:
        raise DescriptionError(f"activity {activity} of {neurons} neurons is {winners} winners; give at least one, and "
                               "fewer than all")
    require(4 * (2 * memories * neurons + neurons ** 2), f"{memories} sparse patterns × {neurons} neurons")
    patterns = np.zeros((memories, neurons), np.float32)
    np.put_along_axis(patterns, np.argsort(rng.random(patterns.shape), axis=1)[:, :winners], 1, 1)
    centred = patterns - np.float32(activity)
    weights = centred.T @ centred
    np.fill_diagonal(weights, 0)
    states = stored = patterns[:cues]
    for _ in range(steps):
        before, states = states, _winners(states @ weights, winners)
        if np.array_equal(before, states):
            break
    return (states * stored).sum(axis=1) / winners


def sparse_loads(neurons: int, activity: float, alphas: tuple[float, ...], rng: np.random.Generator,
                 cues: int = 50) -> tuple[Load, ...]:
    """Overlap and success of the sparse memory for each α = P/N.

    Holds more the sparser it is; its limit 1 / (2 f |ln f|) is 2.5 to 10 times too high at N = 1000.
    """
    return tuple(_load(alpha, sparse_overlaps(neurons, round(alpha * neurons), activity, rng, cues))
                 for alpha in alphas)


def half_load(loads: tuple[Load, ...]) -> float:
    """α at which half of the patterns are recalled, interpolated; NaN if the loads do not enclose it."""
    for low, high in pairwise(loads):
        if low.recalled >= 0.5 > high.recalled:
            return low.alpha + (high.alpha - low.alpha) * (low.recalled - 0.5) / (low.recalled - high.recalled)
    return math.nan


def bit_error(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator, draws: int = 20_000) -> float:
    """Probability that a neuron of a stored pattern flips, by multinomial counts.

    Memories other than the stored one have cavity overlaps c with it, each sign of ξ_i σ_i alike; the neuron flips if
    f(N − 1) + Σ ±f(c) < 0, f being the difference of energies. Both tails count, which the noise's symmetry allows.
    """
    table = tabulate_differences(separation(f), neurons, memories).values
    chances = binom.pmf(np.arange(neurons), neurons - 1, 0.5)
    order = np.argsort(-chances, kind="stable")
    wrong = 0.0
    for some in _portions(draws, neurons):
        counts = rng.multinomial(memories - 1, chances[order] / chances.sum(), size=some)
        noise = (2 * rng.binomial(counts, 0.5) - counts) @ table[order]
        wrong += np.count_nonzero(np.abs(noise) > table[0]) / 2
    return wrong / draws


def memories_at_error(neurons: int, f: Separation | str, error: float, rng: np.random.Generator, start: float,
                      draws: int = 20_000) -> float:
    """Memories at which a neuron flips with probability `error`, from a guess: Q⁻¹(error)² K changes slowly."""
    goal, memories, found = norm.isf(error), float(start), []
    for _ in range(6):
        measured = min(max(bit_error(neurons, max(2, round(memories)), f, rng, draws), 0.5 / draws), 0.4)
        memories *= min(max((norm.isf(measured) / goal) ** 2, 0.25), 4.0)
        found.append(math.log(memories))
    return math.exp(float(np.mean(found[3:])))


def stable_fraction(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator) -> float:
    """Fraction of stored patterns that no single flip improves, in one draw."""
    patterns = random_patterns(memories, neurons, rng)
    return float(BinaryMemory(patterns, separation=f).stable(patterns).mean())


def stable_with_autapses(neurons: int, memories: float, f: Separation | str) -> float:
    """Probability that a stored pattern stays where each neuron hears itself, by the formula above."""
    signal, drift, variance = _autapses(neurons, f)
    if memories <= 1:
        return 1.0
    z = (signal + (memories - 1) * drift) / math.sqrt((memories - 1) * variance)
    return float(norm.cdf(z) ** neurons)


def worst_load_with_autapses(neurons: int, f: Separation | str) -> float:
    """Memories at which fewest patterns stay where each neuron hears itself: beyond, autapses outweigh noise."""
    signal, drift, _ = _autapses(neurons, f)
    return 1 + signal / drift


def _autapses(neurons: int, f: Separation | str) -> tuple[float, float, float]:
    """f(1), and mean and variance of σ ξ f(m) of another memory, whose other overlaps are binomial."""
    f = separation(f)
    others = neurons - 1 - 2 * np.arange(neurons)
    chance = binom.pmf(np.arange(neurons), neurons - 1, 0.5)
    alike, unlike = (f((others + own) / neurons, neurons) for own in (1, -1))
    drift = float(chance @ (alike - unlike)) / 2
    return float(f(np.array(1.0), neurons)), drift, float(chance @ (alike**2 + unlike**2)) / 2 - drift**2


def all_stable_half(neurons: int, f: Separation | str, rng: np.random.Generator, start: float,
                    draws: int = 10) -> float:
    """Memories at which all patterns are stable in half of the draws."""
    def trial(memories: int, rng: np.random.Generator) -> float:
        return float(np.mean([stable_fraction(neurons, memories, f, rng) == 1 for _ in range(draws)]))

    return half_point(trial, start, rng)


def recovered_fraction(neurons: int, memories: int, f: Separation | str, flips: float, rng: np.random.Generator,
                       cues: int = 100) -> float:
    """Fraction of stored patterns restored to the last bit from copies with a share of neurons turned over."""
    return float(np.mean(relaxed_overlaps(neurons, memories, f, rng, cues, flips) == 1))


def memories_for_error(neurons: float, degree: int, error: float, rectified: bool = False) -> float:
    """K at which bits are in error with this probability, F of this degree; within 15 % at N >= 100 (n = 2: 400)."""
    return (2 if rectified else 1) * neurons ** (degree - 1) / (_odd(degree) * norm.isf(error) ** 2)


def memories_without_error(neurons: float, degree: int) -> float:
    """The limit N → ∞ of `memories_for_error` at 1/N, 1.5 to 1.9 times too low at N of some hundreds."""
    return neurons ** (degree - 1) / (2 * _odd(degree) * math.log(neurons))


def sparse_limit(activity: float) -> float:
    """α of the sparse memory as N → ∞ and f → 0; 2.5 to 10 times too high at N = 1000."""
    return 1 / (2 * activity * abs(math.log(activity)))


def exponential_limit(neurons: float, flips: float = 0.0) -> float:
    """Memories the exponential memory restores from this share of flips (Demircigil et al. 2017), N → ∞.

    exp(N I(1 − 2ρ) / 2), I(x) = [(1 + x) ln(1 + x) + (1 − x) ln(1 − x)] / 2: 2^{N/2} for patterns to be fixed points.
    """
    if not 0 <= flips < 0.5:
        raise DescriptionError(f"share of flips is {flips}; give a number from 0 up to, not including, 1/2")
    x = 1 - 2 * flips
    rate = 0.5 * ((1 + x) * math.log(1 + x) + ((1 - x) * math.log(1 - x) if x < 1 else 0))
    return math.exp(neurons * rate / 2)


def exponential_single(neurons: float, gain: float = 1.0, error: float = 0.005) -> float:
    """K at which one bit of the exponential memory is in error with this probability, noise taken as Gaussian.

    (e^{2γ} / cosh 2γ)^{N − 1} / z²: grows by a factor 1.964 a neuron at gain 1; measured 2^{.977}.
    """
    _check_positive(gain=gain)
    return (math.exp(2 * gain) / math.cosh(2 * gain)) ** (neurons - 1) / norm.isf(error) ** 2


def softmax_retrieve(patterns: np.ndarray, states: np.ndarray, gain: float) -> np.ndarray:
    """Continuous states (n_states, neurons) after one step ξ ← Xᵀ softmax(β X ξ), patterns X (memories, neurons)."""
    _check_positive(gain=gain)
    _check_states(patterns, states, 2)
    drive = gain * states @ patterns.T
    weights = np.exp(drive - drive.max(axis=1, keepdims=True))
    return weights @ patterns / weights.sum(axis=1, keepdims=True)


def sphere_constant(gain: float, radius: float, dimension: int, failure: float) -> float:
    """c of the softmax memory of patterns on a sphere of radius K √(d − 1) (Ramsauer et al. 2020, arXiv 2008.02217).

    c = b / W(exp(a + ln b)), a = 2 (1 + ln(2 β K² p (d − 1))) / (d − 1), b = 2 K² β / 5.
    """
    _check_positive(gain=gain, radius=radius)
    if not dimension > 1 or not 0 < failure < 1:
        raise DescriptionError(f"patterns on a sphere of dimension {dimension}, with failure {failure}; give a "
                               "dimension above 1 and a probability between 0 and 1")
    a = 2 / (dimension - 1) * (1 + math.log(2 * gain * radius ** 2 * failure * (dimension - 1)))
    b = 2 * radius ** 2 * gain / 5
    return b / float(lambertw(math.exp(a + math.log(b))).real)


def sphere_capacity(gain: float, radius: float, dimension: int, failure: float) -> float:
    """Patterns that can be stored at least, √p c^{(d − 1)/4}, with probability 1 − p; far below what is measured."""
    return math.sqrt(failure) * sphere_constant(gain, radius, dimension, failure) ** ((dimension - 1) / 4)


def softmax_error_bounds(patterns: np.ndarray, state: np.ndarray, memory: int, gain: float) -> tuple[float, float]:
    """Bounds of Ramsauer et al. for one memory: error of one step from `state`, and distance of the fixed point.

    2 (N − 1) M exp(−β (Δ − 2 M r)) with r the larger of |state − x| and the second bound, and 2 e (N − 1) M exp(−β Δ),
    where N patterns have norms up to M and Δ = x·x less the largest overlap of x with another. For patterns well apart
    from each other; where they are not, the bounds are as large as the patterns and say nothing.
    """
    _check_positive(gain=gain)
    _check_states(patterns, state, 1)
    if not 0 <= memory < len(patterns) or len(patterns) < 2:
        raise DescriptionError(f"memory is {memory} of {len(patterns)} patterns; give at least two patterns, and the "
                               "position of one")
    stored, others = patterns[memory], np.delete(patterns, memory, axis=0)
    number, largest = len(patterns), float(np.linalg.norm(patterns, axis=1).max())
    gap = float(stored @ stored - (others @ stored).max())
    distance = 2 * math.e * (number - 1) * largest * math.exp(-gain * gap)
    reach = max(float(np.linalg.norm(state - stored)), distance)
    return 2 * (number - 1) * largest * math.exp(min(-gain * (gap - 2 * largest * reach), 700)), distance


def _check_positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise DescriptionError(f"{name} is {value}; it must be more than 0 and finite")


def _check_states(patterns: np.ndarray, states: np.ndarray, dimensions: int) -> None:
    """Refuse patterns that are no table, and states that are not of their width, or not finite."""
    have, need = np.shape(states), "(n_states, neurons)" if dimensions == 2 else "(neurons,)"
    if np.ndim(patterns) != 2 or len(have) != dimensions or have[-1] != np.shape(patterns)[1]:
        raise DescriptionError(f"states of shape {have} for patterns of shape {np.shape(patterns)}; give {need} and "
                               "(memories, neurons)")
    if not (np.isfinite(patterns).all() and np.isfinite(states).all()):
        raise DescriptionError("patterns or states hold NaN or infinity; give finite numbers")


def _load(alpha: float, overlaps: np.ndarray) -> Load:
    return Load(alpha, float(overlaps.mean()), float((overlaps >= RECALLED).mean()))


def _winners(fields: np.ndarray, number: int) -> np.ndarray:
    winners = np.zeros_like(fields)
    np.put_along_axis(winners, np.argpartition(-fields, number, axis=1)[:, :number], 1, 1)
    return winners


def _portions(draws: int, neurons: int) -> list[int]:
    """Draws at a time, so that their counts stay small."""
    size = max(1, min(draws, 4_000_000 // neurons))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])


def _odd(degree: int) -> float:
    return float(factorial2(2 * degree - 3))
