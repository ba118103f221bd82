"""The load at which half of the trials succeed.

Stochastic approximation in the logarithm of the load (Robbins & Monro 1951), averaged over its second half (Polyak &
Juditsky 1992). Whole numbers in between are drawn, so that a small load need not be a whole number.
"""
from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from neuroam.errors import DescriptionError

Trial = Callable[[int, np.random.Generator], float]


def half_point(trial: Trial, start: float, rng: np.random.Generator, rounds: int = 60, step: float = 0.7,
               least: int = 2) -> float:
    """The load at which `trial(load, rng)`, the fraction of successes in some draws, is one half on average.

    `start` is a guess; `step`, what success in all draws adds to the logarithm of the load at first, should cover its
    error. Successes become rarer as the load grows.
    """
    if not (start > 0 and rounds >= 4 and step > 0):
        raise DescriptionError(f"half point from {start} in {rounds} rounds with step {step}; give a positive start, "
                               "at least 4 rounds and a positive step")
    place, visited = math.log(max(start, least)), []
    for k in range(rounds):
        load = math.exp(place)
        whole = int(load) + (rng.random() < load % 1)
        success = trial(max(whole, least), rng)
        place = max(place + step * (k + 1) ** -0.6 * 2 * (success - 0.5), math.log(least))
        visited.append(place)
    return math.exp(float(np.mean(visited[rounds // 2:])))
