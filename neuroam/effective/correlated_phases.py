"""What a correlated memory does over a plane of auto- and hetero-association.

All settings (a, h) of one seed share their memories and starts, and run together in the exact p-dimensional reduction
(`correlated_reduction`); modes and correlations then follow from scalar products alone. Published steps (η = .1, 100
of them) are the default; they are too long for strongly anti-Hebbian settings (`correlated_stability`), and the result
says where: `jump` is how far states jump about, and where little of a memory is left the mode is −1, the longest stable
step is told, and what would be measured of the states is NaN.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroam.effective import correlated_measures as measures
from neuroam.effective import correlated_reduction as reduction
from neuroam.effective import correlated_stability as stability
from neuroam.effective.correlated import Correlated, checked_step, checked_steps, noisy, uniform_memories
from neuroam.errors import DescriptionError
from neuroam.graphs import Graph, adjacency_of

LOST = -1
OF_STATES = ("active", "correlation", "range", "within", "between")
SAMPLE = 4  # states for which the longest step is worked out
CHUNK = 2**16  # numbers in one array: what stays in the processor's cache

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


def phase_diagram(graph: Any, autos: Sequence[float], heteros: Sequence[float], neurons: int = 1000,
                  seeds: Sequence[int] = (0, 1, 2), *, gain: float = 1.0, background: float = 1.0, steps: int = 100,
                  step_size: float = 0.1, noise: float = 1.0, normalise: bool = True) -> Variables:
    """Every a with every h, from starts at all memories. A dict name → (dimensions, array), such as
    `xarray.Dataset` takes; over (seed, auto, hetero):

    mode          place in `correlated_measures.MODES`, or −1 where the step is too long
    active        mean number of memories above a correlation of .1
    correlation   between attractors, mean at each graph distance (…, distance); NaN where a state has died away
    range         distances with a correlation above .05
    spread        of a state over neurons, relative to a memory's
    jump          median jump of the states: 0 where the step was short enough
    longest_step  where the mode is −1: the longest stable step from four of the starts, 0 if none was found; else NaN
    within, between   correlation in and across communities, for a `Graph` with several

    Where the mode is −1, memories in a state, correlations and the range are NaN.
    """
    _check(autos, heteros, seeds, step_size, steps, noise)
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        memories = uniform_memories(len(adjacency_of(graph)), neurons, rng)
        model = Correlated(memories, graph, gain=gain, background=background, normalise=normalise)
        rows.append(_plane(model, noisy(model.patterns, rng, noise), autos, heteros, steps, step_size))
    plane = ("seed", "auto", "hetero")
    found: Variables = {name: ((*plane, "distance")[:np.ndim(rows[0][name]) + 1],
                               np.stack([row[name] for row in rows])) for name in rows[0]}
    coordinates = {"auto": autos, "hetero": heteros, "seed": seeds,
                   "distance": np.arange(found["correlation"][1].shape[-1])}
    return found | {name: ((name,), np.asarray(values)) for name, values in coordinates.items()}


def _check(autos: Sequence[float], heteros: Sequence[float], seeds: Sequence[int], step_size: float, steps: int,
           noise: float) -> None:
    for name, values in (("autos", autos), ("heteros", heteros), ("seeds", seeds)):
        if np.ndim(values) != 1 or not np.size(values):
            raise DescriptionError(f"phase diagram: {name} is {values!r}; give a sequence, such as [0, 1, 2]")
        if not np.isfinite(np.asarray(values, dtype=float)).all():
            raise DescriptionError(f"phase diagram: {name} has a value that is not finite; leave it out")
    if not 0 <= noise < np.inf:
        raise DescriptionError(f"phase diagram: noise is {noise}; give 0 or more")
    checked_step(step_size)
    checked_steps(steps)


def _plane(model: Correlated, starts: np.ndarray, autos: Sequence[float], heteros: Sequence[float], steps: int,
           step_size: float) -> dict[str, np.ndarray]:
    """Everything of one seed, (auto, hetero, …)."""
    settings = np.array([(a, h) for a in autos for h in heteros], dtype=float)
    size = max(1, CHUNK // starts.shape[0] // model.memories)
    base = reduction.frame(starts, model.patterns)
    drives = starts @ model.patterns.T
    distance = measures.distances(model.adjacency)
    parts = []
    for first in range(0, len(settings), size):
        auto, hetero = settings[first:first + size].T[:, :, None, None]
        couplings = auto * np.eye(model.memories) + hetero * model.links
        instants = reduction.run(drives, model.gram, couplings, model.gain, model.background, steps, step_size)
        last, tail = reduction.finish(instants, steps)
        shares = reduction.coefficients(last, couplings, model.background)
        jump = stability.overshoots(model, drives, couplings, tail, step_size, steps)
        found = _measured(reduction.expand(last.remainder, shares), base, distance, jump)
        found |= _of_communities(model, found.pop("pairs"))
        parts.append(_without_lost(found) | {"longest_step": _longest(model, drives, couplings, found, step_size)})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: values.reshape(len(autos), len(heteros), *values.shape[1:]) for name, values in joined.items()}


def _measured(states: np.ndarray, base: reduction.Frame, distance: np.ndarray, jump: np.ndarray
              ) -> dict[str, np.ndarray]:
    """From states as coefficients (settings, s, s + p)."""
    among, shared = reduction.products_of(states, base)
    length = np.sqrt(np.maximum(np.diagonal(among, axis1=-2, axis2=-1), np.finfo(float).tiny))
    memory = base.lengths[states.shape[-2]:]
    spread = length / memory.mean()
    silent = spread < measures.SILENT
    overlaps = np.where(silent[..., None], 0, shared / (length[..., None] * memory))
    length = np.where(silent, np.nan, length)
    pairs = among / (length[..., None] * length[..., None, :])
    curve = measures.by_distance(pairs, distance)
    mode = measures.common_mode(overlaps, pairs, distance)
    return {"mode": np.where(stability.lost(jump), LOST, mode),
            "active": (overlaps > measures.ACTIVE).sum(axis=-1).mean(axis=-1), "correlation": curve,
            "range": measures.association_range(curve), "spread": spread.mean(axis=-1),
            "jump": np.median(jump, axis=-1), "pairs": pairs}


def _without_lost(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    gone = found["mode"] == LOST
    return found | {name: np.where(gone.reshape(-1, *[1] * (np.ndim(found[name]) - 1)), np.nan, found[name])
                    for name in OF_STATES if name in found}


def _longest(model: Correlated, drives: np.ndarray, couplings: np.ndarray, found: dict[str, np.ndarray],
             step_size: float) -> np.ndarray:
    """The longest stable step of settings that are lost, NaN of others."""
    gone = found["mode"] == LOST
    longest = np.full(len(couplings), np.nan)
    if gone.any():
        longest[gone] = stability.longest_steps(model, stability.chosen(drives, SAMPLE), couplings[gone], step_size)
    return longest


def _of_communities(model: Correlated, pairs: np.ndarray) -> dict[str, np.ndarray]:
    if not isinstance(model.graph, Graph) or len(set(model.graph.communities)) < 2:
        return {}
    within, between = measures.community_correlation(pairs, model.graph.communities)
    return {"within": within, "between": between}
