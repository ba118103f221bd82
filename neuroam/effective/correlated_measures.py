"""What a correlated memory retrieves: four modes, and how far correlation between attractors reaches on the graph.

Modes (Burns 2024; the criteria are neuroam's, derived from the softmax and held against simulation): with memories
counted as active above a correlation of .1, a state is

    auto-association            one memory                       a > h max M, neighbours below .1
    narrow hetero-association   it and neighbours on the graph   a > h max M
    wide hetero-association     memories farther away            a < h max M, a + h λ > p/(β n v)
    neutral quiescence          none, or the same from all starts  a + h λ < p/(β n v)

with v the variance of the memories' components and λ the largest eigenvalue of M beside the constant vector. Where a
memory holds itself, a > h max M, its neighbours correlate with the state by h M/√(a² + h²|M|²). The last bound is where
the state without a memory loses its stability; from starts at memories, states that select some persist a little below.
Where a background κ > 0 leaves the state at −κ ξ̃, a memory of small norm may be like it by chance, and then is so from
whatever start: that is quiescence too.
"""

from __future__ import annotations

import math

import numpy as np

from neuroam.effective import correlated_reduction as reduction
from neuroam.effective.correlated import Correlated, checked_step, checked_steps
from neuroam.errors import DescriptionError
from neuroam.graphs import distances

MODES = ("auto-association", "narrow hetero-association", "wide hetero-association", "neutral quiescence")
AUTO, NARROW, WIDE, QUIET = range(4)
ACTIVE = 0.1
ALIKE = 0.99  # mean correlation between states above which they are one
SILENT = 0.01  # a state with less than this share of a memory's spread over neurons holds none


def correlations(states: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Pearson correlation of the rows of `states` (s, n) with those of `others` (q, n), by default with one another;
    NaN with a row that is constant."""
    rows = _unit_rows(states)
    if others is None:
        return rows @ rows.T
    beside = _unit_rows(others)
    if beside.shape[1] != rows.shape[1]:
        raise DescriptionError(f"correlations: states of {rows.shape[1]} neurons and others of {beside.shape[1]}; "
                               "give both over the same neurons")
    return rows @ beside.T


def _unit_rows(states: np.ndarray) -> np.ndarray:
    if np.ndim(states) != 2:
        raise DescriptionError(f"correlations: states of shape {np.shape(states)}; give (s, n), one state a row "
                               "(states[None] if there is one)")
    rows = states - states.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(np.ptp(states, axis=1, keepdims=True) > 0, length, np.nan)


def by_distance(correlation: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Mean of `correlation` (..., p, p) over pairs at distance 0, 1, 2 … (..., d); pairs without a way are left out."""
    farthest = int(distance[np.isfinite(distance)].max())
    return np.stack([correlation[..., distance == d].mean(axis=-1) for d in range(farthest + 1)], axis=-1)


def association_range(curve: np.ndarray, above: float = 0.05) -> np.ndarray:
    """How many distances from 1 on, without a gap, have a correlation `above`: from (..., d), shape (...)."""
    return np.cumprod(np.asarray(curve)[..., 1:] > above, axis=-1).sum(axis=-1)


def community_correlation(correlation: np.ndarray, communities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over pairs of different memories (..., p, p) within, and between, communities (p,): shapes (...)."""
    same = np.equal.outer(communities, communities)
    within = same & ~np.eye(len(communities), dtype=bool)
    if not within.any() or same.all():
        raise DescriptionError(
            f"communities: {len(set(communities))} labels for {len(communities)} nodes; give at "
            "least two communities, one of them with two members"
        )
    return correlation[..., within].mean(axis=-1), correlation[..., ~same].mean(axis=-1)


def effective_memories(model: Correlated, states: np.ndarray) -> np.ndarray:
    """exp(entropy of the softmax) of states (..., n): how many memories share the attention, shape (...)."""
    weights = model.attention(states)
    logarithm = np.log(np.maximum(weights, np.finfo(float).tiny))
    return np.exp(-(weights * logarithm).sum(axis=-1))


def overlaps_in_time(model: Correlated, states: np.ndarray, steps: int = 100, step_size: float = 0.1) -> np.ndarray:
    """Correlation of each state (s, n) with each memory after every step, (steps, s, p)."""
    states = _checked_states(model, states)
    step_size, steps = checked_step(step_size), checked_steps(steps)
    base = reduction.frame(states, model.patterns)
    overlaps = []
    for instant in reduction.run(
        states @ model.patterns.T, model.gram, model.couplings, model.gain, model.background, steps, step_size
    ):
        shares = reduction.coefficients(instant, model.couplings, model.background)
        own, shared = reduction.products_of(reduction.expand(instant.remainder, shares), base)
        length = np.sqrt(np.diagonal(own, axis1=-2, axis2=-1))
        overlaps.append(shared / np.outer(length, base.lengths[len(states) :]))
    return np.array(overlaps)


def mean_step(overlaps: np.ndarray, signed: bool = True) -> np.ndarray:
    """How many memories of a directed cycle the best match advances at each update: from overlaps in time
    (t, s, p), a mean for each start (s,); negative against the arrows, unless only its size is asked for."""
    memories = overlaps.shape[-1]
    best = overlaps.argmax(axis=-1)
    half = (memories - 1) // 2
    advance = (np.diff(best, axis=0) + half) % memories - half
    return (advance if signed else abs(advance)).mean(axis=0)


def modes_of(overlaps: np.ndarray, distance: np.ndarray, active: float = ACTIVE) -> np.ndarray:
    """The mode of each state, as its place in `MODES` (...), from overlaps (..., p) and graph distances (p, p)."""
    held = overlaps > active
    reach = np.where(held, distance[overlaps.argmax(axis=-1)], 0).max(axis=-1)
    return np.where(~held.any(axis=-1), QUIET, np.minimum(reach, WIDE)).astype(int)


def common_mode(overlaps: np.ndarray, pairs: np.ndarray, distance: np.ndarray, active: float = ACTIVE) -> np.ndarray:
    """The most frequent mode of states (..., s, p) with correlations `pairs` (..., s, s) among them, shape (...)."""
    modes = modes_of(overlaps, distance, active)
    most = (modes[..., None] == np.arange(len(MODES))).sum(axis=-2).argmax(axis=-1)
    alike = pairs.mean(axis=(-2, -1)) > ALIKE if pairs.shape[-1] > 1 else np.zeros(most.shape, bool)
    return np.where(alike, QUIET, most)


def classify_mode(model: Correlated, states: np.ndarray, active: float = ACTIVE) -> str:
    """The mode that most of the relaxed states (s, n) are in. With few neurons chance correlations, of about 1/√n,
    exceed `active`: give some 1000. A state whose spread over neurons has died away holds no memory."""
    states = _checked_states(model, states)
    spread = states.std(axis=1) / model.patterns.std(axis=1).mean()
    overlaps = np.where(spread[:, None] > SILENT, correlations(states, model.patterns), 0)
    return MODES[int(common_mode(overlaps, correlations(states), distances(model.adjacency), active))]


def _checked_states(model: Correlated, states: np.ndarray) -> np.ndarray:
    states = np.asarray(states, dtype=float)
    if states.ndim != 2 or states.shape[1] != model.neurons or not len(states):
        raise DescriptionError(f"correlated memory: states of shape {states.shape} for patterns of {model.neurons} "
                               "neurons; give (s, n), one state a row (states[None] if there is one)")
    if not np.isfinite(states).all():
        worst = int(np.argmax(~np.isfinite(states).all(axis=1)))
        raise DescriptionError(f"correlated memory: state {worst} is not finite everywhere; leave it out")
    return states


def predict_mode(model: Correlated) -> str:
    """The mode by the rules above, for starts near memories whose components are independent. Where nothing is added
    for any memory, a ≤ 0 and h ≤ 0, none can be held. Near a = h = 0 chance decides (see above), and no rule here."""
    held = _holds_itself(model)
    if held.mean() > 0.5:
        row = model.couplings / np.linalg.norm(model.couplings, axis=1, keepdims=True)
        beside = np.where(np.eye(model.memories), -np.inf, row).max(axis=1)
        return MODES[NARROW if np.median(beside[held]) > ACTIVE else AUTO]
    selects = model.couplings.max() > 0 and _least_stable(model) > selection_threshold(model)
    return MODES[WIDE if selects else QUIET]


def selection_threshold(model: Correlated) -> float:
    """p/(β n v): what a + h λ must exceed for the state without any memory to be left."""
    centred = model.patterns - model.mean_memory
    variance = float((centred**2).mean()) * model.memories / max(model.memories - 1, 1)
    return math.inf if variance == 0 else model.memories / (model.gain * model.neurons * variance)


def _holds_itself(model: Correlated) -> np.ndarray:
    """Memories whose own softmax weight is a fixed point: what they lead to is most like themselves (p,)."""
    others = np.where(np.eye(model.memories), -np.inf, model.couplings).max(axis=1)
    return np.diagonal(model.couplings) > others


def _least_stable(model: Correlated) -> float:
    """The largest a + h λ over directions that change the shares of memories and not their sum."""
    centre = np.eye(model.memories) - 1 / model.memories
    return float(np.linalg.eigvals(centre @ model.couplings @ centre).real.max())
