"""How fast sequence memories step: `python -m benchmarks.sequences --help`.

One transition of N = 300 neurons and P = 10 000 memories with f = x⁵, self-terms excluded, from neuroam and from the
formulation as it is written down, with an array of all overlaps that every neuron sees (P × N) and a power of it; and
all transitions of N = 100, P = 10 000 against the speed of plain matrix products. One process, one thread, rounds that
alternate in order; ratios are between medians.
"""
from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import host
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Power
from neuroam.effective.dense_capacity import random_patterns

RESULTS = Path(__file__).parent / "results"
SQUARE = 2048  # of the matrix product that stands for the machine
FASTER, SHARE = 100.0, 0.7


def rounds(competitors: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each competitor in each round, after one that does not count, the order turned round each time."""
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for run in competitors.values():
        run()
    for k in range(repeats):
        for name in list(competitors)[:: 1 if k % 2 == 0 else -1]:
            start = time.perf_counter()
            competitors[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def explicit_numpy(patterns: np.ndarray, state: np.ndarray, degree: int) -> Callable[[], np.ndarray]:
    """The update as it is written down, in float32."""
    stored, start = patterns.astype(np.float32), state.astype(np.float32)

    def step() -> np.ndarray:
        overlap = ((stored @ start)[:, None] - stored * start) / np.float32(len(start) - 1)
        return np.sign((np.roll(stored, -1, axis=0) * np.power(overlap, np.float32(degree))).sum(axis=0))

    return step


def explicit_jax(patterns: np.ndarray, state: np.ndarray, degree: int) -> Callable[[], np.ndarray]:
    """The same, compiled by JAX."""
    import jax
    import jax.numpy as jnp

    stored, start = jnp.asarray(patterns, jnp.float32), jnp.asarray(state, jnp.float32)

    @jax.jit
    def step(stored: jax.Array, start: jax.Array) -> jax.Array:
        overlap = ((stored @ start)[:, None] - stored * start) / (start.size - 1)
        return jnp.sign((jnp.roll(stored, -1, axis=0) * jnp.power(overlap, degree)).sum(axis=0))

    return lambda: np.asarray(step(stored, start))


def one_transition(neurons: int, memories: int, degree: int, repeats: int) -> list[str]:
    """Table and bar for a single state."""
    patterns = random_patterns(memories, neurons, np.random.default_rng(0))
    memory = BinaryMemory(patterns, np.roll(patterns, -1, axis=0), Power(degree))
    competitors = {"neuroam": lambda: memory.update(patterns[0]),
                   "numpy, P × N array": explicit_numpy(patterns, patterns[0], degree)}
    if find_spec("jax"):
        competitors["JAX, P × N array"] = explicit_jax(patterns, patterns[0], degree)
    for name, run in competitors.items():
        if not np.array_equal(run(), competitors["neuroam"]()):
            raise RuntimeError(f"{name} steps to another state")
    found = rounds(competitors, repeats)
    ours = median(found["neuroam"])
    lines = [f"## One transition, N = {neurons}, P = {memories}, f = x^{degree}", "",
             "| | median ms | best ms | × neuroam |", "|---|---|---|---|"]
    lines += [f"| {name} | {1e3 * median(times):.3f} | {1e3 * min(times):.3f} | {median(times) / ours:.1f} |"
              for name, times in found.items()]
    least = min(median(times) for name, times in found.items() if name != "neuroam") / ours
    return [*lines, "", verdict(f"at least {FASTER:g} × the faster formulation with a P × N array", least, FASTER)]


def all_transitions(neurons: int, memories: int, degree: int, repeats: int) -> list[str]:
    """Table and bar for the states of all memories at once."""
    patterns = random_patterns(memories, neurons, np.random.default_rng(0))
    memory = BinaryMemory(patterns, np.roll(patterns, -1, axis=0), Power(degree))
    square = np.random.default_rng(1).random((SQUARE, SQUARE), dtype=np.float32)
    product = np.empty_like(square)
    found = rounds({"all transitions": lambda: memory.update(patterns),
                    "matrix product": lambda: np.matmul(square, square, out=product)}, repeats)
    work = {"all transitions": 6.0 * memories ** 2 * neurons, "matrix product": 2.0 * SQUARE ** 3}
    rate = {name: work[name] / median(times) / 1e9 for name, times in found.items()}
    lines = [f"## All transitions, N = {neurons}, P = {memories}, f = x^{degree}", "",
             "Three products of single-precision matrices: overlaps, field, own part of the field.", "",
             "| | median s | Gflop/s |", "|---|---|---|"]
    lines += [f"| {name} | {median(times):.3f} | {rate[name]:.1f} |" for name, times in found.items()]
    share = rate["all transitions"] / rate["matrix product"]
    return [*lines, "", verdict("share of the speed of a plain matrix product", share, SHARE)]


def verdict(what: str, value: float, bar: float) -> str:
    return f"- {'✓' if value >= bar else '✗'} {what}: {value:.3g} (bar {bar:g})"


def publish(name: str, parts: list[list[str]], load: float) -> None:
    """Print a report and keep it beside the other results."""
    text = "\n".join([f"# {name}", "", *host.describe(load), *(line for part in parts for line in ("", *part)), ""])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    slug = name.lower().replace(" ", "-")
    (RESULTS / f"{date.today()}-{slug}-{host.file_name(host.processor())}.md").write_text(text, encoding="utf-8")


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sequences", description=__doc__)
    parser.add_argument("--neurons", type=int, default=300, help="of the one transition (default: %(default)s)")
    parser.add_argument("--all-neurons", type=int, default=100, help="of all transitions (default: %(default)s)")
    parser.add_argument("--memories", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--degree", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=9, help="default: %(default)s")
    options = parser.parse_args(given)
    load = host.load()
    publish("Sequence memories", [
        one_transition(options.neurons, options.memories, options.degree, options.repeats),
        all_transitions(options.all_neurons, options.memories, options.degree, options.repeats)], load)


if __name__ == "__main__":
    main()
