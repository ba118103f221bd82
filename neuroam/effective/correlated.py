"""Correlated dense associative memory: memories on a graph (Burns 2024, ICML, arXiv 2404.07123).

    σ ← σ + η ( softmax(β σ Ξ) Qᵀ − κ ξ̃ − σ ),     Q = a Ξ + h Ξ Mᵀ,     M = D^-1/2 A D^-1/2,     ξ̃ = mean memory

Auto-association (a) holds the memory that the state is like; hetero-association (h) adds its neighbours on the graph A,
along the arrows. A negative a is anti-Hebbian: it takes the memory itself away and leaves the neighbourhood. The energy

    E(σ) = ½|σ|² + κ σ·ξ̃ − (a/β) log Σ exp(β σ·ξ)

exists only without hetero-association: else the Jacobian of the field, β Q (diag(π) − ππᵀ) Ξᵀ, is not symmetric.
Published formulas have κ = 1/n, published figures κ = 1; some published replays go against the arrows (M for Mᵀ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp

from neuroam.effective import correlated_reduction as reduction
from neuroam.effective import correlated_stability as stability
from neuroam.errors import DescriptionError, Unsupported
from neuroam.graphs import adjacency_of, normalised

OVERSHOOT = ("judge", "warn", "accept")


@dataclass(frozen=True, eq=False)
class Correlated:
    """The memory above. `patterns` (p, n), one memory a row; `graph`: p nodes, see `graphs.adjacency_of`; `auto` a,
    `hetero` h, `gain` β, `background` κ. `forward=False` moves against the arrows, to the predecessor;
    `normalise=False` takes M = A, as for a finite automaton. States are rows: (..., n)."""

    patterns: np.ndarray
    graph: Any
    auto: float = 1.0
    hetero: float = 0.0
    gain: float = 1.0
    background: float = 1.0
    forward: bool = True
    normalise: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", _checked_patterns(self.patterns))
        for name in ("auto", "hetero", "gain", "background"):
            if not math.isfinite(getattr(self, name)):
                raise DescriptionError(f"correlated memory: {name} is {getattr(self, name)}; give a finite number")
        if not self.gain > 0:
            raise DescriptionError(f"correlated memory: gain β is {self.gain}; give it above 0, else no memory wins")
        if len(self.adjacency) != self.memories:
            raise DescriptionError(
                f"correlated memory: the graph has {len(self.adjacency)} nodes for {self.memories} "
                "patterns; give one node for each pattern (a row of `patterns`)"
            )
        if self.hetero:
            _ = self.links  # refuses a node without links now

    @property
    def memories(self) -> int:
        """p."""
        return self.patterns.shape[0]

    @property
    def neurons(self) -> int:
        """n."""
        return self.patterns.shape[1]

    @cached_property
    def adjacency(self) -> np.ndarray:
        """A (p, p)."""
        return adjacency_of(self.graph)

    @cached_property
    def links(self) -> np.ndarray:
        """M (p, p), from the memory of the row to those that hetero-association adds; Mᵀ if not `forward`."""
        links = normalised(self.adjacency) if self.normalise else self.adjacency
        return links if self.forward else links.T

    @cached_property
    def couplings(self) -> np.ndarray:
        """a I + h M (p, p)."""
        own = self.auto * np.eye(self.memories)
        return own + self.hetero * self.links if self.hetero else own

    @cached_property
    def successors(self) -> np.ndarray:
        """Qᵀ (p, n): what each memory leads to."""
        return self.couplings @ self.patterns

    @cached_property
    def gram(self) -> np.ndarray:
        """Scalar products of the memories (p, p)."""
        return self.patterns @ self.patterns.T

    @cached_property
    def mean_memory(self) -> np.ndarray:
        """ξ̃ (n,)."""
        return self.patterns.mean(axis=0)

    def attention(self, states: np.ndarray) -> np.ndarray:
        """Softmax weight of each memory (..., p) in states (..., n)."""
        return self._attention_to(self._checked(states) @ self.patterns.T)

    def update(self, states: np.ndarray, step_size: float = 0.1) -> np.ndarray:
        """One step of size η from states (..., n)."""
        states = self._checked(states)
        return self._moved(states, states @ self.patterns.T, checked_step(step_size))

    def relax(
        self, states: np.ndarray, steps: int = 100, step_size: float = 0.1, overshoot: str = "judge"
    ) -> np.ndarray:
        """States (..., n) after so many steps, in p dimensions where that is less work.

        A step too long makes states jump about where they belong (`correlated_stability`). With "judge" that is a
        `StepTooLong` warning which names the longest stable step, and an error once most jump nearly as far as they
        are large and so carry little of a memory; "warn" only warns; "accept" does neither.
        """
        if overshoot not in OVERSHOOT:
            raise DescriptionError(f"relax: overshoot is {overshoot!r}; use one of {', '.join(OVERSHOOT)}")
        starts = np.atleast_2d(self._checked(states))
        if not np.isfinite(starts).all():
            raise DescriptionError("relax: some states are not finite everywhere; leave them out or fill them")
        rows = starts.reshape(-1, self.neurons)
        method = self.relax_reduced if self._reduction_pays(len(rows), steps) else self.relax_directly
        relaxed, tail = method(rows, checked_steps(steps), checked_step(step_size))
        if overshoot != "accept":
            stability.judge(self, rows, tail, step_size, steps, refuse=overshoot == "judge")
        return relaxed.reshape(np.shape(states))

    def relax_directly(self, states: np.ndarray, steps: int, step_size: float) -> tuple[np.ndarray, np.ndarray]:
        """States (s, n) after the steps as the equation has them, and drives (k, s, p) of the last steps."""
        tail = []
        for step in range(steps):
            drives = states @ self.patterns.T
            states = self._moved(states, drives, step_size)
            if step >= steps - reduction.TAIL:
                tail.append(drives)
        return states, np.array(tail)

    def relax_reduced(self, states: np.ndarray, steps: int, step_size: float) -> tuple[np.ndarray, np.ndarray]:
        """The same in p dimensions."""
        instants = reduction.run(
            states @ self.patterns.T, self.gram, self.couplings, self.gain, self.background, steps, step_size
        )
        last, tail = reduction.finish(instants, steps)
        shares = reduction.coefficients(last, self.couplings, self.background)
        return last.remainder * states + shares @ self.patterns, tail

    def energy(self, states: np.ndarray) -> np.ndarray:
        """E of states (..., n), shape (...). `Unsupported` where links are at work, for there is none."""
        if self.hetero and np.any(self.links):
            raise Unsupported(
                f"correlated memory: hetero is {self.hetero}, so its field is no gradient and it has no "
                "energy; with hetero=0 it has one"
            )
        states = self._checked(states)
        overlap = logsumexp(self.gain * (states @ self.patterns.T), axis=-1)
        return (
            (states**2).sum(axis=-1) / 2
            + self.background * (states @ self.mean_memory)
            - self.auto / self.gain * overlap
        )

    def _moved(self, states: np.ndarray, drives: np.ndarray, step_size: float) -> np.ndarray:
        target = self._attention_to(drives) @ self.successors - self.background * self.mean_memory
        return states + step_size * (target - states)

    def _attention_to(self, drives: np.ndarray) -> np.ndarray:
        weights = self.gain * drives
        reduction.softmax_in_place(weights)
        return weights

    def _reduction_pays(self, states: int, steps: int) -> bool:
        p, n = self.patterns.shape
        return p * n + 2 * states * n + steps * states * p < 2 * steps * states * n

    def _checked(self, states: np.ndarray) -> np.ndarray:
        states = np.asarray(states, dtype=float)
        if states.ndim == 0 or states.shape[-1] != self.neurons:
            raise DescriptionError(
                f"correlated memory: states of shape {states.shape} for patterns of {self.neurons} "
                "neurons; give (..., n)"
            )
        return states


def _checked_patterns(patterns: np.ndarray) -> np.ndarray:
    patterns = np.asarray(patterns, dtype=float)
    if patterns.ndim != 2 or 0 in patterns.shape:
        raise DescriptionError(f"correlated memory: patterns of shape {patterns.shape}; give (p, n), one memory a row")
    if not np.isfinite(patterns).all():
        worst = int(np.argmax(~np.isfinite(patterns).all(axis=1)))
        raise DescriptionError(f"correlated memory: pattern {worst} is not finite everywhere; leave it out or fill it")
    return patterns


def checked_step(step_size: float) -> float:
    """η, refused outside 0…1."""
    if not 0 < step_size <= 1:
        raise DescriptionError(f"correlated memory: step_size η is {step_size}; give it above 0 and at most 1")
    return step_size


def checked_steps(steps: int) -> int:
    """A number of steps, refused unless whole and positive."""
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise DescriptionError(f"correlated memory: {steps} steps; give a whole number of at least 1")
    return steps


def uniform_memories(memories: int, neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Patterns (p, n) of independent components, uniform in 0…1, as published."""
    return rng.random((memories, neurons))


def noisy(patterns: np.ndarray, rng: np.random.Generator, noise: float = 1.0) -> np.ndarray:
    """Starts: each pattern (p, n) with noise uniform in ± noise/2 on every component, as published."""
    return patterns + noise * (rng.random(patterns.shape) - 0.5)
