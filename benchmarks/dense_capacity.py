"""How fast dense memories relax: `python -m benchmarks.dense_capacity --help`.

Stored patterns of N = 2000 neurons relax asynchronously to their fixed points: classical memory at α = .138, and dense
memory of energy degree 3. Against neuroam stands the plain numpy formulation, neuron by neuron, with a matrix of
weights for the classical one and differences of energies for the dense one. Same patterns, cues and orders, one
process, one thread; what is timed has everything in it from the patterns on.
"""
from __future__ import annotations

import argparse
from statistics import median

import numpy as np

from benchmarks import host
from benchmarks.sequences import publish, rounds, verdict
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Power
from neuroam.effective.dense_capacity import random_patterns

FASTER = 10.0
SWEEPS = 50


def classical_numpy(patterns: np.ndarray, cues: np.ndarray, seed: int) -> np.ndarray:
    """Weights of the Hebb rule, one neuron after another."""
    stored = patterns.astype(np.float32)
    weights = stored.T @ stored
    np.fill_diagonal(weights, 0)
    rng = np.random.default_rng(seed)
    states = cues.astype(np.float32)
    for state in states:
        for _ in range(SWEEPS):
            flips = 0
            for i in rng.permutation(len(state)):
                if state[i] * (weights[i] @ state) < 0:
                    state[i] = -state[i]
                    flips += 1
            if flips == 0:
                break
    return states


def dense_numpy(patterns: np.ndarray, cues: np.ndarray, degree: int, seed: int) -> np.ndarray:
    """Differences of the energy −Σ (ξ·σ)^degree, one neuron after another, overlaps kept up to date."""
    columns = np.ascontiguousarray(patterns.T.astype(float))
    rng = np.random.default_rng(seed)
    states = cues.astype(float)
    for state in states:
        overlap = patterns.astype(np.float32) @ state.astype(np.float32)
        for _ in range(SWEEPS):
            flips = 0
            for i in rng.permutation(len(state)):
                others = overlap - columns[i] * state[i]
                if state[i] * np.sum((others + columns[i]) ** degree - (others - columns[i]) ** degree) < 0:
                    state[i] = -state[i]
                    overlap = others + columns[i] * state[i]
                    flips += 1
            if flips == 0:
                break
    return states


def compare(neurons: int, memories: int, degree: int, cues: int, repeats: int) -> list[str]:
    """Table and bar for one memory."""
    patterns = random_patterns(memories, neurons, np.random.default_rng(0))
    start = patterns[:cues]

    def ours() -> np.ndarray:
        return BinaryMemory(patterns, separation=Power(degree - 1)).relax(start, SWEEPS, np.random.default_rng(1))

    def plain() -> np.ndarray:
        if degree == 2:
            return classical_numpy(patterns, start, 1)
        return dense_numpy(patterns, start, degree, 1)

    if not np.array_equal(ours(), plain()):
        raise RuntimeError(f"neuroam and numpy relax to other states at degree {degree}")
    found = rounds({"neuroam": ours, "plain numpy": plain}, repeats)
    ratio = median(found["plain numpy"]) / median(found["neuroam"])
    lines = [f"## Energy degree {degree}, N = {neurons}, P = {memories}, {cues} cues", "",
             "| | median s | best s |", "|---|---|---|"]
    lines += [f"| {name} | {median(times):.4f} | {min(times):.4f} |" for name, times in found.items()]
    return [*lines, "", verdict("times as fast as plain numpy", ratio, FASTER)]


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dense_capacity", description=__doc__)
    parser.add_argument("--neurons", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--dense-memories", type=int, default=20_000,
                        help="of the dense memory; its capacity at N = 2000 is 200 000 (default: %(default)s)")
    parser.add_argument("--cues", type=int, default=20, help="of the classical memory; the dense one has a tenth")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args(given)
    load = host.load()
    publish("Dense capacity", [
        compare(options.neurons, round(0.138 * options.neurons), 2, options.cues, options.repeats),
        compare(options.neurons, options.dense_memories, 3, max(1, options.cues // 10), options.repeats)], load)


if __name__ == "__main__":
    main()
