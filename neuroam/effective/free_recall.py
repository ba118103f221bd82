"""Free recall as a walk among memories (Naim, Katkov, Romani & Tsodyks 2020, Phys Rev Lett 124:018101).

From each item recall goes to the most similar other one, except the item it has just come from. Such a walk must end
in a loop; the items on it by then are recalled. For random symmetric similarities between M items in memory,

    R = √(3 π M / 2).

The law leaves no parameter free. It fails, as it should, when the walk may turn back or its choices are noisy.
"""
from __future__ import annotations

import math

import numpy as np

from neuroam.errors import DescriptionError


def recall_law(items: float) -> float:
    """R for M items in memory. M is what is remembered, not the length of the list."""
    return math.sqrt(3 * math.pi * items / 2)


def random_similarity(items: int, rng: np.random.Generator) -> np.ndarray:
    """Symmetric (M, M), otherwise independent."""
    half = rng.normal(size=(items, items))
    return half + half.T


def overlap_similarity(patterns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Neurons that each two binary patterns (M, n) share, (M, M). Equal counts are put in a random order."""
    active = np.asarray(patterns, dtype=np.float32)
    order = rng.random((len(active), len(active)))
    return active @ active.T + (order + order.T) / 4


def sparse_patterns(items: int, neurons: int, rng: np.random.Generator, activity: float = 0.01,
                    exact: bool = False) -> np.ndarray:
    """Binary (M, n), each neuron active with probability `activity`; with `exact`, equally many in each pattern. Else
    large patterns are similar to all, and long lists recall a tenth less than the law has it."""
    if not exact:
        return rng.random((items, neurons), dtype=np.float32) < activity
    patterns = np.zeros((items, neurons), dtype=bool)
    for pattern in patterns:
        pattern[rng.choice(neurons, round(activity * neurons), replace=False, shuffle=False)] = True
    return patterns


def recall_walk(similarity: np.ndarray, start: int, *, turn_back: bool = False, temperature: float = 0.0,
                rng: np.random.Generator | None = None) -> np.ndarray:
    """Items in the order visited, until a transition is about to be made for the second time.

    `similarity` (M, M); its diagonal does not matter. With `turn_back` the last item is allowed. With a `temperature`
    the next item is drawn with probability ∝ exp(similarity / temperature), from `rng`.
    """
    _check(similarity, start, temperature, rng)
    path, done = [start], set()
    while True:
        now, last = path[-1], path[-2] if len(path) > 1 and not turn_back else path[-1]
        following = _next(similarity[now], now, last, temperature, rng)
        if (now, following) in done:
            return np.array(path)
        done.add((now, following))
        path.append(following)


def _next(row: np.ndarray, now: int, last: int, temperature: float, rng: np.random.Generator | None) -> int:
    row = row.astype(float)
    row[[now, last]] = -np.inf
    if rng is None or temperature == 0:
        return int(row.argmax())
    chance = np.exp((row - row.max()) / temperature)
    return int(rng.choice(len(row), p=chance / chance.sum()))


def recalled(path: np.ndarray) -> int:
    """Different items on a walk."""
    return len(set(path.tolist()))


def _check(similarity: np.ndarray, start: int, temperature: float, rng: np.random.Generator | None) -> None:
    if np.ndim(similarity) != 2 or similarity.shape[0] != similarity.shape[1] or len(similarity) < 3:
        raise DescriptionError(f"recall: similarity of shape {np.shape(similarity)}; give a square matrix of at least "
                               "3 items")
    if not np.isfinite(similarity).all():
        raise DescriptionError("recall: similarity has entries that are not finite; the diagonal does not matter, but "
                               "give it numbers")
    if not 0 <= start < len(similarity):
        raise DescriptionError(f"recall: start is {start}; give an item from 0 to {len(similarity) - 1}")
    if temperature < 0 or (temperature > 0 and rng is None):
        raise DescriptionError(f"recall: temperature is {temperature}; give it at least 0, and an rng with it if above")
