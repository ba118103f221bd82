"""Long sequence memories: each memory projects to the next one (Chaudhry, Zavatone-Veth, Krotov & Pehlevan 2023,
NeurIPS, arXiv 2306.04532).

    SeqNet, DenseNet   S_i ← sgn Σ_μ ξ_i^{μ+1} f(m_i^μ)
    pseudoinverse      S_i ← sgn Σ_μ ξ_i^{μ+1} f(Σ_ν (O⁺)_{μν} m^ν),   O_{μν} = ξ^μ·ξ^ν / N
    MixedNet           S_i ← sgn Σ_μ [ ξ_i^μ f_S(m_i^μ) + λ_μ ξ_i^{μ+1} f_A(m̄_i^μ) ]

with the overlaps m and separations f of `neuroam.effective.binary`, and ξ^{P+1} = ξ^1. m̄ is the overlap with a trace of
the past: the mean of the last τ states (boxcar), or z ← z + (1 − e^{−1/τ}) (S − z) (exponential). While the network is
in memory μ its trace fills, until λ_μ f_A(m̄^μ) exceeds what holds it: τ and λ set how long it stays.

Memory neurons are gated by context: one that is silenced projects nothing, so that the transition out of its memory is
gone. `without` of `dense_sequence(…)` and of the pseudoinverse rule silences memory neurons, `MixedNet.gated` those
that drive transitions only.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from neuroam.effective import _kernels_trace as kernels
from neuroam.effective.binary import BinaryMemory, positions, require, signs, state_rows
from neuroam.effective.binary_separation import LINEAR, Exponential, Power, Separation, separation
from neuroam.effective.sequence_theory import BOXCAR, EXPONENTIAL, crosstalk_variance, longest_dwell
from neuroam.errors import DescriptionError, Unsupported

CLEAR = 5.0  # standard deviations of the crosstalk that a timed transition keeps away from its neighbours
ROUNDING = 1e-12  # of the sum of the sizes of its parts: a field below is 0
STRONGEST = 2.5  # times what is needed to move on, as in the paper


def successors(sequence: ArrayLike) -> np.ndarray:
    """What each pattern of a sequence (memories, neurons) projects to: the next one, the last to the first."""
    return np.roll(signs(sequence, "the sequence"), -1, axis=0)


def dense_sequence(sequence: ArrayLike, separation: Separation | str = LINEAR,
                   self_terms: bool = False) -> BinaryMemory:
    """SeqNet (linear separation) or DenseNet that steps through `sequence` (memories, neurons), over and over."""
    return BinaryMemory(np.asarray(sequence), successors(sequence), separation, self_terms)


@dataclass(frozen=True, eq=False)
class PseudoinverseMemory:
    """Generalised pseudoinverse rule: overlaps are decorrelated before they are separated.

    Recalls any linearly independent sequence where f(1) > 0 and |f(0)| < f(1)/(P − 1). With the self-terms of the
    paper's proof that is exact; without, approximate. `projected`: the successors, if not given. `silenced` memory
    neurons, by position, project nothing, but overlaps stay decorrelated from theirs.
    """

    patterns: np.ndarray
    projected: np.ndarray | None = None
    separation: Separation | str = LINEAR
    self_terms: bool = True
    silenced: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        chosen = separation(self.separation)
        if isinstance(chosen, Exponential) and math.isinf(chosen.gain):
            raise Unsupported("the pseudoinverse rule needs the values of f; give Exponential a finite gain")
        patterns = signs(self.patterns, "patterns")
        projected = successors(patterns) if self.projected is None else signs(self.projected, "projected patterns")
        if projected.shape != patterns.shape:
            raise DescriptionError(f"projected patterns have shape {projected.shape}, patterns {patterns.shape}; give "
                                   "one projected pattern for each memory")
        require(8 * 4 * patterns.size, f"the pseudoinverse of {len(patterns)} patterns × {patterns.shape[1]} neurons")
        silenced = tuple(sorted({*positions(self.silenced, len(patterns)).tolist()}))
        if len(silenced) == len(patterns):
            raise DescriptionError("all memories are silenced; leave at least one")
        for name, value in (("separation", chosen), ("patterns", patterns), ("projected", projected),
                            ("silenced", silenced)):
            object.__setattr__(self, name, value)

    @cached_property
    def _dual(self) -> np.ndarray:
        """Rows with Σ_j dual_j^μ ξ_j^ν = δ_{μν} where the patterns are independent: O⁺ ξ / N."""
        return np.linalg.pinv(self.patterns.T.astype(float))

    @cached_property
    def _heard(self) -> np.ndarray:
        """Positions of the memory neurons that are not silenced."""
        return np.setdiff1d(np.arange(len(self.patterns)), self.silenced)

    def without(self, memories: ArrayLike) -> PseudoinverseMemory:
        """The same network with some memory neurons silenced, by their positions: nothing is projected from them."""
        return replace(self, silenced=(*self.silenced, *positions(memories, len(self.patterns)).tolist()))

    def fields(self, states: ArrayLike) -> np.ndarray:
        """h_i of each state (…, neurons)."""
        f, n = separation(self.separation), self.patterns.shape[1]
        rows, shape = state_rows(states, n)
        dual, projected = self._dual[self._heard], self.projected[self._heard]  # type: ignore[index]
        decorrelated = rows.astype(float) @ dual.T
        if self.self_terms:
            return (f(decorrelated, n) @ projected).reshape(shape)
        fields = [(projected * f((a[:, None] - dual * row) * (n / (n - 1)), n - 1)).sum(axis=0)
                  for a, row in zip(decorrelated, rows, strict=True)]
        return np.reshape(fields, shape)

    def update(self, states: ArrayLike) -> np.ndarray:
        """Every state after one synchronous step, int8; where the field is 0 a neuron stays as it is."""
        return _signs(self.fields(states), np.asarray(states))

    def recall(self, states: ArrayLike, steps: int) -> np.ndarray:
        """Synchronous steps from each state: (steps + 1, …, neurons), the start first."""
        rows, shape = state_rows(states, self.patterns.shape[1])
        require(rows.size * (steps + 1), f"the trajectory of {len(rows)} states over {steps} steps")
        trajectory = [rows]
        for _ in range(steps):
            trajectory.append(self.update(trajectory[-1]))
        return np.reshape(trajectory, (steps + 1, *shape))


@dataclass(frozen=True, eq=False)
class MixedNet:
    """A sequence (memories, neurons) whose memories hold themselves until a slower trace moves them on.

    `holding` f_S and `moving` f_A; `tau` in steps and `strength` λ for all memories or for each; `trace` boxcar or
    exponential. With tau = 1 the trace is the state itself.
    """

    sequence: np.ndarray
    holding: Separation | str = LINEAR
    moving: Separation | str = LINEAR
    tau: ArrayLike = 1
    strength: ArrayLike = 2.5
    trace: str = BOXCAR
    self_terms: bool = False

    def __post_init__(self) -> None:
        for name in ("holding", "moving"):
            f = separation(getattr(self, name))
            if isinstance(f, Exponential) and math.isinf(f.gain):
                raise Unsupported("MixedNet weighs two fields against each other; give Exponential a finite gain")
            object.__setattr__(self, name, f)
        object.__setattr__(self, "sequence", signs(self.sequence, "the sequence"))
        if self.trace not in (BOXCAR, EXPONENTIAL):
            raise DescriptionError(f"there is no trace {self.trace!r}; give {BOXCAR} or {EXPONENTIAL}")
        if (self.taus <= 0).any() or (self.trace == BOXCAR and (self.taus != np.rint(self.taus)).any()):
            raise DescriptionError(f"tau of MixedNet is {self.tau!r}; give a positive number, for a boxcar a whole one")
        if (self.strengths < 0).any():
            raise DescriptionError(f"strength of MixedNet is {self.strength!r}; give a number of at least 0")

    @cached_property
    def taus(self) -> np.ndarray:
        """τ of each memory."""
        return self._each("tau", self.tau)

    @cached_property
    def strengths(self) -> np.ndarray:
        """λ of each memory."""
        return self._each("strength", self.strength)

    def _each(self, name: str, value: ArrayLike) -> np.ndarray:
        given, memories = np.asarray(value, dtype=float), len(self.sequence)
        if given.shape not in ((), (memories,)) or not np.isfinite(given).all():
            raise DescriptionError(f"{name} of MixedNet is {value!r}; give one number, or one for each of the "
                                   f"{memories} memories")
        return np.broadcast_to(given, (memories,))

    @cached_property
    def _held(self) -> BinaryMemory:
        return BinaryMemory(self.sequence, None, self.holding, self.self_terms)

    @cached_property
    def _moved(self) -> dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Patterns, successors and λ of the memories with each τ there is."""
        successor = np.roll(self.sequence, -1, axis=0)
        groups = {float(tau): np.flatnonzero(self.taus == tau) for tau in np.unique(self.taus)}
        return {tau: (self.sequence[some], successor[some], self.strengths[some]) for tau, some in groups.items()}

    def gated(self, memories: ArrayLike) -> MixedNet:
        """The same network where some memories, by position, do not drive their transition: it stays in them."""
        strength = self.strengths.copy()
        strength[positions(memories, len(strength))] = 0
        return replace(self, strength=strength)

    def fields(self, states: np.ndarray, traces: dict[float, np.ndarray]) -> np.ndarray:
        """h_i of states (n_states, neurons), given the trace (n_states, neurons) for each τ there is."""
        fields = self._held.fields(states)
        cavity, f = not self.self_terms, self.moving
        for tau, (patterns, targets, strength) in self._moved.items():
            for trace, field in zip(traces[tau], fields, strict=True):
                if isinstance(f, Power):
                    kernels.add_trace_power(patterns, targets, trace, strength, f.degree, f.rectified, cavity, field)
                elif isinstance(f, Exponential):
                    kernels.add_trace_exponential(patterns, targets, trace, strength, f.gain, cavity, field)
        return fields

    def _sizes(self, states: np.ndarray, traces: dict[float, np.ndarray]) -> np.ndarray:
        """Sum of the sizes of what makes up each field of a state, (n_states, 1)."""
        def total(f: Separation, patterns: np.ndarray, heard: np.ndarray, strength: np.ndarray | float) -> np.ndarray:
            n = patterns.shape[1]
            overlaps = heard.astype(float) @ patterns.T.astype(float) / n
            return (np.abs(f(overlaps, n)) * strength).sum(axis=1)

        sizes = total(separation(self.holding), self.sequence, states, 1.0)
        for tau, (patterns, _, strength) in self._moved.items():
            sizes += total(separation(self.moving), patterns, traces[tau], strength)
        return sizes[:, None]

    def recall(self, states: ArrayLike, steps: int, history: ArrayLike | None = None) -> np.ndarray:
        """Synchronous steps from each state: (steps + 1, …, neurons), the start first.

        `history` (states before, …, neurons), the oldest first, is what the trace holds at the start; before it, and
        without it, the network was in its last memory, which moves it to the first.
        """
        start, shape = state_rows(states, self.sequence.shape[1])
        past = self._past(start, history)
        require(start.size * (steps + 1), f"the trajectory of {len(start)} states over {steps} steps")
        traces = {tau: self._first_trace(past, tau) for tau in self._moved}
        trajectory = np.empty((steps + 1, *start.shape), np.int8)
        trajectory[0] = start
        for t in range(steps):
            now = trajectory[t]
            for tau, trace in traces.items():
                self._follow(trace, tau, now, trajectory[: t + 1], past)
            trajectory[t + 1] = _signs(self.fields(now, traces), now, ROUNDING * self._sizes(now, traces))
        return trajectory.reshape(steps + 1, *shape)

    def _past(self, start: np.ndarray, history: ArrayLike | None) -> np.ndarray:
        """States before the start, oldest first, at least as many as the longest boxcar holds."""
        before = np.broadcast_to(self.sequence[-1], (int(self.taus.max()) + 1, *start.shape))
        if history is None:
            return before
        given = np.asarray(history)
        if given.ndim < 2 or given.shape[-1] != start.shape[1]:
            raise DescriptionError(f"history has shape {given.shape}; give (states, …, {start.shape[1]} neurons)")
        rows = signs(given.reshape(-1, start.shape[1]), "history").reshape(len(given), -1, start.shape[1])
        if rows.shape[1] not in (1, len(start)):
            raise DescriptionError(f"history is of {rows.shape[1]} states; give one past, or one for each of the "
                                   f"{len(start)} states")
        return np.concatenate([before, np.broadcast_to(rows, (len(rows), *start.shape))])

    def _first_trace(self, past: np.ndarray, tau: float) -> np.ndarray:
        """The trace before the start has entered it: a sum for the boxcar, a mean for the exponential."""
        if self.trace == BOXCAR:
            return past[len(past) - int(tau):].sum(axis=0, dtype=float) / tau
        trace = past[0].astype(float)
        for state in past[1:]:
            trace += -math.expm1(-1 / tau) * (state - trace)
        return trace

    def _follow(self, trace: np.ndarray, tau: float, now: np.ndarray, since: np.ndarray, past: np.ndarray) -> None:
        """The present state enters the trace, in place; of a boxcar the oldest leaves."""
        if self.trace == EXPONENTIAL:
            trace += -math.expm1(-1 / tau) * (now - trace)
            return
        back = len(since) - 1 - int(tau)
        oldest = since[back] if back >= 0 else past[back]
        trace[:] = np.rint(trace * tau + now - oldest) / tau


def timed_sequence(sequence: ArrayLike, dwell: ArrayLike, degree: int = 10) -> MixedNet:
    """A MixedNet that stays in each memory for as many steps as `dwell` (memories,) says.

    Each memory gets a boxcar of its own, τ_μ = dwell_μ, and a λ_μ halfway (in logarithms) between what would move it a
    step early and what would not move it at all. Raises `DescriptionError` where crosstalk of independent patterns
    could blur that, or where these patterns, recalled for two rounds, do not keep to it.
    """
    patterns = signs(sequence, "the sequence")
    wanted = _whole_steps(dwell, len(patterns))
    spread = math.sqrt(crosstalk_variance(patterns.shape[1], len(patterns), Power(degree)))
    longest = longest_dwell(degree, CLEAR * spread, STRONGEST)
    wrong = np.flatnonzero((wanted < 1) | (wanted > longest))
    if wrong.size:
        reach = f"from 1 to {longest}" if longest else "none at all"
        raise DescriptionError(f"dwell time {wanted[wrong[0]]} of memory {wrong[0]} is out of reach: at degree "
                               f"{degree}, {patterns.shape[0]} memories of {patterns.shape[1]} neurons can have "
                               f"{reach}; give dwell times of that range, a higher degree or more neurons")
    network = MixedNet(patterns, Power(degree), Power(degree), wanted, _strengths(wanted, degree))
    _require_timed(network, wanted, degree)
    return network


def _whole_steps(dwell: ArrayLike, memories: int) -> np.ndarray:
    wanted = np.asarray(dwell)
    whole = wanted.dtype.kind in "iuf" and np.isfinite(wanted).all() and (wanted == np.rint(wanted)).all()
    if wanted.shape != (memories,) or not whole:
        what = f"have shape {wanted.shape}" if whole else f"are {wanted.tolist()}"
        raise DescriptionError(f"dwell times {what}; give one whole number of steps for each of the {memories} "
                               "memories")
    return wanted.astype(int)


def _require_timed(network: MixedNet, wanted: np.ndarray, degree: int) -> None:
    """In two rounds, after which all is as it was after the first, each memory must last as long as it should."""
    expected = np.tile(np.repeat(np.arange(len(wanted)), wanted), 2)
    right = (network.recall(network.sequence[0], len(expected) - 1) == network.sequence[expected]).all(axis=1)
    if not right.all():
        memory = expected[np.argmin(right)]
        alike = network.sequence.astype(float) @ network.sequence.T / network.sequence.shape[1]
        np.fill_diagonal(alike, 0)
        raise DescriptionError(f"memory {memory} would not last {wanted[memory]} steps at degree {degree}: these "
                               f"patterns overlap by up to {alike.flat[np.abs(alike).argmax()]:.2g}; give patterns "
                               "that overlap less, a higher degree or more neurons")


def _strengths(dwell: np.ndarray, degree: int) -> np.ndarray:
    """λ of each memory, given what the memories before still push while their traces empty."""
    strength = np.full(len(dwell), STRONGEST)
    for mu in (*range(len(dwell)), *range(len(dwell))):  # once more, with the last memories before the first
        longest = int(dwell[mu])
        holding, pushed = np.ones(longest), np.zeros(longest)
        since = np.arange(1, longest + 1)
        for back in range(1, len(dwell)):
            nu = mu - back
            if since[0] > dwell.max():
                break
            filled = np.maximum(dwell[nu] - since, 0) / dwell[nu]
            (holding if back == 1 else pushed)[:] += strength[nu] * filled ** degree
            since = since + dwell[nu]
        least = holding[-1] + pushed[-1]
        early = (holding - pushed)[:-1] / (np.arange(1, longest) / longest) ** degree
        if early.size and early.min() <= least:
            raise DescriptionError(f"dwell time {longest} of memory {mu} cannot follow {dwell[mu - 1]} of the memory "
                                   f"before at degree {degree}; give a higher degree or less uneven dwell times")
        strength[mu] = min([STRONGEST * least, *np.sqrt(least * early)])
    return strength


def _signs(fields: np.ndarray, states: np.ndarray, least: np.ndarray | float = 0.0) -> np.ndarray:
    return np.where(np.abs(fields) <= least, states, np.where(fields > 0, 1, -1)).astype(np.int8)
