"""Phase diagram of the correlated memory against the published way to compute it: `python -m benchmarks.correlated`.

The published notebooks relax one state at a time in n dimensions and take one correlation at a time, there after every
step. Here that baseline takes correlations of the final states only, which is in its favour. It is timed on some of the
settings, evenly chosen, in turn with the phase diagram of all, on one thread, and its time is scaled to all. Both must
find the same correlations. Bars: a diagram of 40 × 40 settings and 3 seeds within a minute, and at 20 times the speed;
where one is missed, the exit status is 1. The report is kept in `benchmarks/results`.
"""
from __future__ import annotations

import argparse
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import host, sequences
from benchmarks.measured import Stopwatch
from neuroam.effective.correlated import noisy, uniform_memories
from neuroam.effective.correlated_phases import Variables, phase_diagram
from neuroam.graphs import cycle, distances, normalised

STEPS, STEP_SIZE = 100, 0.1
LONGEST, FASTER, ALIKE = 60.0, 20.0, 1e-8  # bars
AUTOS, HETEROS = (-2.0, 2.0), (-1.0, 3.0)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.correlated", description=__doc__)
    parser.add_argument("--points", type=int, default=40, help="settings on each axis (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--memories", type=int, default=30, help="on a cycle (default: %(default)s)")
    parser.add_argument("--neurons", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--sample", type=int, default=12, help="settings of the baseline (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    return parser.parse_args(given)


def one_by_one(memories: int, neurons: int, auto: float, hetero: float, seed: int) -> np.ndarray:
    """Correlation between attractors at each distance, state by state and pair by pair."""
    rng = np.random.default_rng(seed)
    patterns = uniform_memories(memories, neurons, rng)
    starts, graph = noisy(patterns, rng), cycle(memories).adjacency
    xi, mean = patterns.T, patterns.mean(axis=0)
    successors = (auto * xi + hetero * xi @ normalised(graph)).T
    final = []
    for x in starts:
        for _ in range(STEPS):
            drive = x @ xi
            weight = np.exp(drive - drive.max())
            x = x + STEP_SIZE * (weight / weight.sum() @ successors - mean - x)
        final.append(x)
    overlaps = [[np.corrcoef(x, memory)[0, 1] for memory in patterns] for x in final]
    assert np.shape(overlaps) == (memories, memories)
    pairs = np.array([[np.corrcoef(x, y)[0, 1] for y in final] for x in final])
    apart = distances(graph)
    return np.array([pairs[apart == d].mean() for d in range(memories // 2 + 1)])


def differences(plane: Variables, chosen: list[tuple[int, int]],
                curves: list[np.ndarray]) -> list[float]:
    """Largest difference of each curve from that of the phase diagram, where the step was short enough for the states
    to depend on their starts continuously, and they have not died away."""
    settled = (plane["jump"][1][0] == 0) & np.isfinite(plane["correlation"][1][0]).all(axis=-1)
    return [float(abs(plane["correlation"][1][0][place] - curve).max())
            for place, curve in zip(chosen, curves, strict=True) if settled[place]]


def report(options: argparse.Namespace, fast: list[float], slow: list[float], worst: float) -> list[str]:
    """Lines of a table and of the bars; `fast` and `slow` in seconds, a round each."""
    ratio = median(slow) / median(fast)
    rows = (("phase diagram", fast, "all settings"), ("one by one", slow, f"scaled from {options.sample} settings"))
    return [f"{options.points} × {options.points} settings, {options.seeds} seeds, {options.memories} memories, "
            f"{options.neurons} neurons, one thread", "", "| | median s | best s | |", "|---|---|---|---|",
            *(f"| {name} | {median(times):.2f} | {min(times):.2f} | {what} |" for name, times, what in rows), "",
            sequences.verdict("seconds of the phase diagram", median(fast), LONGEST, most=True),
            sequences.verdict("times as fast as one by one", ratio, FASTER),
            sequences.verdict("largest difference of a correlation, steps short enough", worst, ALIKE, most=True)]


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    load = host.load()
    autos, heteros = (np.linspace(*ends, options.points) for ends in (AUTOS, HETEROS))
    options.sample = min(options.sample, options.points**2)
    places = np.linspace(0, options.points**2 - 1, options.sample).astype(int)
    chosen = [divmod(int(place), options.points) for place in places]
    total = options.points**2 * options.seeds
    fast, slow = [], []
    with threadpool_limits(1):
        for _ in range(options.rounds):
            watch = Stopwatch()
            plane = phase_diagram(cycle(options.memories), autos, heteros, options.neurons, range(options.seeds),
                                  steps=STEPS, step_size=STEP_SIZE)
            fast.append(watch.lap())
            curves = [one_by_one(options.memories, options.neurons, autos[i], heteros[j], 0) for i, j in chosen]
            slow.append(watch.lap() / len(chosen) * total)
    lines = report(options, fast, slow, max(differences(plane, chosen, curves), default=np.nan))
    sequences.publish("Correlated memories", [lines], load)
    if any(line.startswith("- ✗") for line in lines):
        raise SystemExit("a bar was missed")


if __name__ == "__main__":
    main()
