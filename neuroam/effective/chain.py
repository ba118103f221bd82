"""Chain of attractors: a learned order of stimuli becomes correlation between their delay activities.

    S_i = sgn( Σ_j J_ij S_j ),   J_ij = (1/N) Σ_μ [ c ξ_i^μ ξ_j^μ + b ( ξ_i^{μ+1} ξ_j^μ + ξ_i^μ ξ_j^{μ+1} ) ]

for patterns ξ = ±1 less their mean, on a ring, with J_ii = 0 (Griniasty, Tsodyks & Amit 1993, Neural Comput 5:1, with
c = 1). With c < 0, inhibition that has learned the patterns, the reach of association grows (Haga & Fukai 2019, arXiv
1809.05254, with b = 1). For c = 1, without noise and with many neurons a pattern, overlaps obey

    m_μ = ⟨ ξ^μ sgn( Σ_ν ξ^ν [ m_ν + b (m_{ν−1} + m_{ν+1}) ] ) ⟩

which is solved by enumerating all 2^P patterns of signs. Correlations as sharp as these need a crosstalk below 1/128:
with 20 000 neurons 30 patterns still show them, 97 no longer do.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.effective._kernels_correlated import relax_one_by_one
from neuroam.errors import DescriptionError

LARGEST = 21  # patterns whose signs are enumerated: a million rows
TIE = 1e-12


@dataclass(frozen=True, eq=False)
class MeanField:
    """`overlaps` (P,) with the memories, the cued one first; `correlations` (P // 2 + 1,) between attractors whose
    cues are so many apart; `period` 1 at a fixed point, 2 where synchronous updates alternate, and then these are of
    the state that is more like the cue."""

    overlaps: np.ndarray
    correlations: np.ndarray
    period: int


def mean_field(neighbour: float, patterns: int = 17, iterations: int = 200) -> MeanField:
    """The attractor reached from one memory in synchronous steps, exactly. `neighbour` b, `patterns` P on the ring."""
    if not 5 <= patterns <= LARGEST:
        raise DescriptionError(f"chain: mean field of {patterns} patterns; give 5 to {LARGEST}: 2^P signs are listed")
    signs = _all_signs(patterns)
    past = [np.eye(patterns)[0]]
    for _ in range(iterations):
        past.append(_activity(signs, past[-1], neighbour) @ signs / len(signs))
        for period in (1, 2):
            if len(past) > period and np.allclose(past[-1], past[-1 - period], rtol=0, atol=TIE):
                overlaps = max(past[-period:], key=lambda m: m[0])
                return MeanField(overlaps, _correlations(signs, overlaps, neighbour), period)
    raise DescriptionError(f"chain: no attractor within {iterations} iterations at neighbour {neighbour}; give more")


def _all_signs(patterns: int) -> np.ndarray:
    """(2^(P−1), P): one of each two opposite rows, which contribute alike."""
    rows = np.arange(2**(patterns - 1))
    return 1.0 - 2 * ((rows[:, None] >> np.arange(patterns)) & 1)


def _activity(signs: np.ndarray, overlaps: np.ndarray, neighbour: float) -> np.ndarray:
    """Sign of the field; 0 where it is 0."""
    field = signs @ (overlaps + neighbour * (np.roll(overlaps, 1) + np.roll(overlaps, -1)))
    return np.sign(np.where(abs(field) < TIE, 0, field))


def _correlations(signs: np.ndarray, overlaps: np.ndarray, neighbour: float) -> np.ndarray:
    cued = _activity(signs, overlaps, neighbour)
    return np.array([cued @ _activity(signs, np.roll(overlaps, d), neighbour) / len(signs)
                     for d in range(len(overlaps) // 2 + 1)])


@dataclass(frozen=True, eq=False)
class Chain:
    """The finite network. `patterns` ±1 (p, n); `auto` c, `neighbour` b, `activity` the fraction of +1 (whose mean is
    taken from the patterns in J)."""

    patterns: np.ndarray
    auto: float = 1.0
    neighbour: float = 1.0
    activity: float = 0.5

    def __post_init__(self) -> None:
        patterns = np.asarray(self.patterns, dtype=float)
        if patterns.ndim != 2 or len(patterns) < 3 or not np.isin(patterns, (-1, 1)).all():
            raise DescriptionError(f"chain: patterns of shape {patterns.shape}; give at least 3 rows of -1 and 1")
        if not 0 < self.activity < 1:
            raise DescriptionError(f"chain: activity is {self.activity}; give the fraction of +1, between 0 and 1")
        object.__setattr__(self, "patterns", patterns)

    @property
    def centred(self) -> np.ndarray:
        """ξ (p, n)."""
        return self.patterns - (2 * self.activity - 1)

    @property
    def answers(self) -> np.ndarray:
        """What a memory's overlap adds to the fields (p, n): c times itself and b times its neighbours."""
        beside = np.roll(self.centred, 1, axis=0) + np.roll(self.centred, -1, axis=0)
        return self.auto * self.centred + self.neighbour * beside

    def overlaps(self, states: np.ndarray) -> np.ndarray:
        """m (s, p) of states (s, n), 1 for a memory itself."""
        return states @ self.centred.T / self.patterns.shape[1] / (4 * self.activity * (1 - self.activity))

    def relax(self, states: np.ndarray | None = None, sweeps: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """States ±1 (s, n) updated one neuron after the other, in order, and whether each came to rest (s,). From all
        memories if no `states` are given. J is symmetric, so with enough sweeps they come to rest."""
        states = self._started(states)
        patterns, answers = np.ascontiguousarray(self.centred.T), np.ascontiguousarray(self.answers.T)
        used = relax_one_by_one(patterns, answers, states, sweeps)
        return states, used > 0

    def relax_together(self, states: np.ndarray | None = None, steps: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """All neurons at once. States may alternate between two for ever."""
        states = self._started(states)
        patterns, answers, neurons = self.centred, self.answers, self.patterns.shape[1]
        own = (patterns * answers).sum(axis=0) / neurons
        rest = np.zeros(len(states), dtype=bool)
        for _ in range(steps):
            field = states @ patterns.T / neurons @ answers - own * states
            new = np.where(abs(field) < TIE, states, np.sign(field))
            rest = (new == states).all(axis=1)
            if rest.all():
                break
            states = new
        return states, rest

    def _started(self, states: np.ndarray | None) -> np.ndarray:
        states = np.array(self.patterns if states is None else states, dtype=float, ndmin=2)
        if states.shape[1] != self.patterns.shape[1] or not np.isin(states, (-1, 1)).all():
            raise DescriptionError(f"chain: states of shape {states.shape}; give rows of -1 and 1, one number for each "
                                   f"of the {self.patterns.shape[1]} neurons")
        return states


def random_signs(patterns: int, neurons: int, rng: np.random.Generator, activity: float = 0.5) -> np.ndarray:
    """Independent ±1 (p, n), +1 with probability `activity`."""
    return np.where(rng.random((patterns, neurons)) < activity, 1.0, -1.0)
