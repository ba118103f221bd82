"""Finite-size capacities known from elsewhere beside those found here, over many networks:
`python -m benchmarks.capacity_tables`, or one table of them with `--only`.

    classical     overlap and fraction above .9 at α = P/N, N = 1000 and 2000, from the stored patterns on
    sparse        α at which half of the patterns are recalled, k winners, N = 1000; for f = .5 it is known to lie
                  between .1 and .2, of which the middle is shown
    dense         fraction of stable patterns at P = N²/(6 ln N) and at twice that, energy of degree 3
    exponential   memories at which all are stable in half of the draws
    softmax       patterns on a sphere of radius √(d − 1) at which half are recalled, β = 1: overlap above .9 after 100
                  updates (how the known numbers counted recall is not said)

Each entry is the mean over networks, of seeds 1, 2, …, with its 95 % bootstrap interval: ✓ where the interval lies
within the tolerance of the known number, ✗ outside, ? across its edge. Tolerances are ours.
"""
from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.tolerance import mark
from neuroam.effective.binary_separation import LINEAR, Power
from neuroam.effective.dense_capacity import (
    RECALLED,
    all_stable_half,
    half_load,
    memories_without_error,
    relaxed_overlaps,
    softmax_retrieve,
    sparse_loads,
    stable_fraction,
)
from neuroam.effective.half_point import half_point
from neuroam.prediction import bootstrap_interval

Draw = Callable[[np.random.Generator], "float | tuple[float, ...]"]
OVERLAPS = {1000: {0.1: (0.998, 1.0), 0.12: (0.993, 1.0), 0.138: (0.948, 0.93), 0.16: (0.742, 0.53),
                   0.18: (0.494, 0.19), 0.2: (0.379, 0.05)},
            2000: {0.12: (0.993, 1.0), 0.138: (0.928, 0.88), 0.16: (0.59, 0.34), 0.18: (0.354, 0.06)}}
HALF = {0.5: (0.15, (0.1, 0.12, 0.14, 0.16, 0.2)), 0.1: (0.6, (0.45, 0.52, 0.6, 0.7)),
        0.05: (1.05, (0.9, 1.0, 1.1, 1.25, 1.4)), 0.02: (2.4, (1.9, 2.2, 2.6, 3.0, 3.5))}
STABLE = {50: (0.9, 0.35), 100: (0.8, 0.15), 200: (0.85, 0.1)}
ALL_STABLE = {8: 6, 10: 13, 12: 20.5, 14: 39, 16: 77.5, 18: 156.5, 20: 279.5}
ON_SPHERE = {6: 8, 8: 24, 10: 93, 12: 316, 14: 976}


@dataclass(frozen=True)
class Row:
    """`known` and the `tolerance` around it, infinite where none is justified, of each number that `draw` gives."""

    what: str
    known: tuple[float, ...]
    tolerance: tuple[float, ...]
    draw: Draw

    def entry(self, seeds: int) -> str:
        found = np.array([np.atleast_1d(self.draw(np.random.default_rng(1 + k))) for k in range(seeds)])
        return f"| {self.what} | " + " | ".join(
            f"{known:g} | {told(column, known, tolerance)}"
            for column, known, tolerance in zip(found.T, self.known, self.tolerance, strict=True)) + " |"


def told(values: np.ndarray, known: float, tolerance: float) -> str:
    """Mean, interval and verdict."""
    low, high = bootstrap_interval(values)
    text = f"{number(float(np.nanmean(values)))} [{number(low)}, {number(high)}]"
    if math.isinf(tolerance) or math.isnan(low):
        return text
    return f"{text} {mark(low, high, known, tolerance)}"


def number(value: float) -> str:
    return f"{value:.3g}" if value >= 1 else f"{value:.3f}"


def classical() -> Iterator[Row]:
    for neurons, table in OVERLAPS.items():
        for alpha, known in table.items():
            def draw(rng: np.random.Generator, neurons: int = neurons, alpha: float = alpha) -> tuple[float, float]:
                overlaps = relaxed_overlaps(neurons, round(alpha * neurons), LINEAR, rng, 100)
                return float(overlaps.mean()), float((overlaps >= RECALLED).mean())

            yield Row(f"N = {neurons}, α = {alpha:g}", known, (0.07, 0.14), draw)


def sparse() -> Iterator[Row]:
    for activity, (known, alphas) in HALF.items():
        def draw(rng: np.random.Generator, activity: float = activity,
                 alphas: tuple[float, ...] = alphas) -> float:
            return half_load(sparse_loads(1000, activity, alphas, rng, cues=100))

        yield Row(f"f = {activity:g}", (known,), (0.05 if activity == 0.5 else 0.15 * known,), draw)


def dense() -> Iterator[Row]:
    for neurons, known in STABLE.items():
        def draw(rng: np.random.Generator, neurons: int = neurons) -> tuple[float, float]:
            number = round(memories_without_error(neurons, 3))
            once, twice = (stable_fraction(neurons, k * number, Power(2), rng) for k in (1, 2))
            return once, twice

        yield Row(f"N = {neurons}", known, (0.12, 0.12), draw)


def exponential() -> Iterator[Row]:
    for neurons, known in ALL_STABLE.items():
        def draw(rng: np.random.Generator, neurons: int = neurons) -> float:
            return all_stable_half(neurons, "exponential", rng, 0.4 * 2 ** (neurons / 2))

        yield Row(f"N = {neurons}", (known,), (0.3 * known,), draw)


def softmax() -> Iterator[Row]:
    for dimension, known in ON_SPHERE.items():
        def draw(rng: np.random.Generator, dimension: int = dimension, known: float = known) -> float:
            return half_point(lambda load, rng: recalled_on_sphere(dimension, load, rng), known, rng)

        yield Row(f"d = {dimension}", (known,), (math.inf,), draw)


def recalled_on_sphere(dimension: int, patterns: int, rng: np.random.Generator, updates: int = 100) -> float:
    """Fraction of up to 50 patterns that the softmax memory keeps at an overlap above .9."""
    stored = rng.standard_normal((patterns, dimension))
    stored *= math.sqrt(dimension - 1) / np.linalg.norm(stored, axis=1, keepdims=True)
    states = start = stored[:50]
    for _ in range(updates):
        states = softmax_retrieve(stored, states, 1.0)
    cosine = (states * start).sum(axis=1) / np.linalg.norm(states, axis=1) / math.sqrt(dimension - 1)
    return float((cosine > RECALLED).mean())


TABLES: dict[str, tuple[Callable[[], Iterator[Row]], tuple[str, ...]]] = {
    "classical": (classical, ("overlap", "fraction above .9")), "sparse": (sparse, ("half recalled at α",)),
    "dense": (dense, ("stable at P", "at 2P")), "exponential": (exponential, ("all stable in half of the draws",)),
    "softmax": (softmax, ("half recalled at",))}


def table(name: str, seeds: int) -> Iterator[str]:
    """Lines of a Markdown table."""
    rows, columns = TABLES[name]
    yield f"| {name} | " + " | ".join(f"{column}: known | found" for column in columns) + " |"
    yield "|---" * (1 + 2 * len(columns)) + "|"
    for row in rows():
        yield row.entry(seeds)


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity_tables", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TABLES, help="one table (default: all)")
    parser.add_argument("--networks", type=int, default=8, help="seeds 1, 2, … (default: %(default)s)")
    options = parser.parse_args(given)
    for name in [options.only] if options.only else TABLES:
        print(f"\n{options.networks} networks, seeds 1–{options.networks}\n", flush=True)
        for line in table(name, options.networks):
            print(line, flush=True)


if __name__ == "__main__":
    main()
