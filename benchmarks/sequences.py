"""How fast sequence memories step: `python -m benchmarks.sequences --help`.

One transition of N = 300 neurons and P = 10 000 memories with f = x⁵, self-terms excluded, from neuroam and from the
formulation as it is written down, with an array of all overlaps that every neuron sees (P × N) and a power of it, and
from the same compiled by JAX, which fuses it into one loop; and all transitions of N = 100, P = 10 000 against the
speed of plain matrix products. One process on one core, rounds that alternate in order; ratios are between medians.

With `--figure FOLDER`, the capacity of DenseNets of degree 1 … 4 against N (figure 2A of Chaudhry et al. 2023) on two
threads instead: every measurement is a line of FOLDER/figure_2a.jsonl, so that a run that was cut off goes on, and
FOLDER/figure_2a.png is the figure with the laws.
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
from matplotlib.figure import Figure

from benchmarks import host
from neuroam.analysis.style import CYCLE, GREY, WIDTH, canvas, styled
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Power
from neuroam.effective.dense_capacity import random_patterns
from neuroam.effective.sequence_capacity import SEQUENCE, TRANSITION, Cell, figure_2a, read_cells
from neuroam.effective.sequence_theory import sequence_capacity, transition_capacity

RESULTS = Path(__file__).parent / "results"
STEPS = 20  # transitions one after the other, as in recall: the first alone finds the others' arrays in the cache
SQUARE = 2048  # of the matrix product that stands for the machine
FASTER, SHARE, MINUTES = 100.0, 0.7, 10.0
FUSED = "JAX, compiled, without it"
LAWS = {TRANSITION: transition_capacity, SEQUENCE: sequence_capacity}


def rounds(competitors: dict[str, Callable[[], object]], repeats: int, calls: int = 1) -> dict[str, list[float]]:
    """Seconds a call of each competitor, of so many `calls` in each round, after one that does not count, the order
    turned round each time."""
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for run in competitors.values():
        run()
    for k in range(repeats):
        for name in list(competitors)[:: 1 if k % 2 == 0 else -1]:
            start = time.perf_counter()
            for _ in range(calls):
                competitors[name]()
            seconds[name].append((time.perf_counter() - start) / calls)
    return seconds


def explicit_numpy(patterns: np.ndarray, state: np.ndarray, degree: int) -> Callable[[], np.ndarray]:
    """The update as it is written down, in float32."""
    stored, start = patterns.astype(np.float32), state.astype(np.float32)

    def step() -> np.ndarray:
        overlap = ((stored @ start)[:, None] - stored * start) / np.float32(len(start) - 1)
        return np.sign((np.roll(stored, -1, axis=0) * np.power(overlap, np.float32(degree))).sum(axis=0))

    return step


def in_jax(patterns: np.ndarray, state: np.ndarray, degree: int, fused: bool) -> Callable[[], np.ndarray]:
    """The same in JAX: operation by operation, as it is written down, or `fused` by its compiler, which leaves out the
    P × N array."""
    import jax
    import jax.numpy as jnp

    stored, start = jnp.asarray(patterns, jnp.float32), jnp.asarray(state, jnp.float32)

    def step(stored: jax.Array, start: jax.Array) -> jax.Array:
        overlap = ((stored @ start)[:, None] - stored * start) / (start.size - 1)
        return jnp.sign((jnp.roll(stored, -1, axis=0) * jnp.power(overlap, degree)).sum(axis=0))

    run = jax.jit(step) if fused else step
    return lambda: np.asarray(run(stored, start))


def one_transition(neurons: int, memories: int, degree: int, repeats: int) -> list[str]:
    """Table and bar for a single state."""
    patterns = random_patterns(memories, neurons, np.random.default_rng(0))
    memory = BinaryMemory(patterns, np.roll(patterns, -1, axis=0), Power(degree))
    competitors = {"neuroam": lambda: memory.update(patterns[0]),
                   "numpy, P × N array": explicit_numpy(patterns, patterns[0], degree)}
    if find_spec("jax"):
        competitors["JAX, P × N array"] = in_jax(patterns, patterns[0], degree, fused=False)
        competitors[FUSED] = in_jax(patterns, patterns[0], degree, fused=True)
    for name, run in competitors.items():
        if not np.array_equal(run(), competitors["neuroam"]()):
            raise RuntimeError(f"{name} steps to another state")
    found = rounds(competitors, repeats, STEPS)
    ours = median(found["neuroam"])
    lines = [f"## One transition, N = {neurons}, P = {memories}, f = x^{degree}", "",
             "| | median ms | best ms | × neuroam |", "|---|---|---|---|"]
    lines += [f"| {name} | {1e3 * median(times):.3f} | {1e3 * min(times):.3f} | {median(times) / ours:.1f} |"
              for name, times in found.items()]
    least = min(median(times) for name, times in found.items() if name not in ("neuroam", FUSED)) / ours
    return [*lines, "", verdict("times as fast as the faster formulation with a P × N array", least, FASTER)]


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
             "As much as three products of single-precision matrices: overlaps (counted from bits), field, own part of "
             "the field.", "",
             "| | median s | Gflop/s |", "|---|---|---|"]
    lines += [f"| {name} | {median(times):.3f} | {rate[name]:.1f} |" for name, times in found.items()]
    share = rate["all transitions"] / rate["matrix product"]
    return [*lines, "", verdict("share of the speed of a plain matrix product", share, SHARE)]


def whole_figure(folder: Path, degrees: list[int], sizes: list[int], repeats: int, published: bool) -> list[str]:
    """Figure 2A, its table and how long it took; what was in the folder already takes no time."""
    folder.mkdir(parents=True, exist_ok=True)
    lines_of = folder / "figure_2a.jsonl"
    before, start = len(list(read_cells(lines_of))), time.perf_counter()
    cells = figure_2a(lines_of, degrees, sizes, repeats, published)
    minutes = (time.perf_counter() - start) / 60
    draw(cells).savefig(folder / "figure_2a.png", dpi=150)
    found = by_network(cells)
    how = "100 draws in a row all right" if published else "half right"
    lines = [f"## Capacity, {how}, {repeats} repeats", "",
             "Geometric mean / law for N → ∞.", "", "| d | N | transitions | sequences |", "|---|---|---|---|"]
    for degree in degrees:
        for n in sizes:
            row = [f"{mean(found[kind, degree][n]):.4g} / {law(n, Power(degree)):.4g}" for kind, law in LAWS.items()]
            lines.append(f"| {degree} | {n} | {row[0]} | {row[1]} |")
    return [*lines, "", verdict(f"minutes, for {len(list(read_cells(lines_of))) - before} of {len(cells)} measurements",
                                minutes, MINUTES, most=True)]


def by_network(cells: list[Cell]) -> dict[tuple[str, int], dict[int, list[float]]]:
    """Loads of all repeats by (kind, degree) and number of neurons."""
    found: dict[tuple[str, int], dict[int, list[float]]] = {}
    for cell in cells:
        found.setdefault((cell.kind, cell.degree), {}).setdefault(cell.neurons, []).append(cell.load)
    return found


def mean(loads: list[float]) -> float:
    return float(np.exp(np.log(loads).mean()))


@styled
def draw(cells: list[Cell]) -> Figure:
    """Repeats, their geometric means, and the laws, against the number of neurons."""
    figure, axes = canvas(1, 2, WIDTH, 3.6, sharey=True)
    for (kind, degree), sizes in sorted(by_network(cells).items()):
        ax, color = axes[int(kind == SEQUENCE)], CYCLE[degree - 1]
        n = np.array(sorted(sizes))
        for own in n:
            ax.plot([own] * len(sizes[own]), sizes[own], ".", color=color, alpha=0.25, markersize=3)
        ax.plot(n, [mean(sizes[own]) for own in n], "o", color=color, markersize=4, label=f"d = {degree}")
        ax.plot(n, [LAWS[kind](int(own), Power(degree)) for own in n], "--", color=color, linewidth=1)
    for ax, title in zip(axes, ("single transitions", "whole sequences"), strict=True):
        ax.set(xlabel="neurons, N", title=title, xscale="log", yscale="log", xticks=[10, 20, 50, 100],
               xticklabels=["10", "20", "50", "100"])
        ax.xaxis.minorticks_off()
    axes[0].set_ylabel("memories")
    axes[1].plot([], [], "--", color=GREY, label="law, N → ∞")
    axes[1].legend(loc="upper left")
    return figure


def verdict(what: str, value: float, bar: float, most: bool = False) -> str:
    met = value <= bar if most else value >= bar
    return f"- {'✓' if met else '✗'} {what}: {value:.3g} ({'at most' if most else 'at least'} {bar:g})"


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
    parser.add_argument("--draws", type=int, default=20, help="repeats of the figure (default: %(default)s)")
    parser.add_argument("--figure", type=Path, metavar="FOLDER", help="measure capacity instead, and keep it there")
    parser.add_argument("--degrees", type=int, nargs="+", default=[1, 2, 3, 4], metavar="D", help="of the figure")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(range(10, 101, 10)), metavar="N", help="of it")
    parser.add_argument("--published", action="store_true", help="largest load at which 100 draws are right, in place "
                        "of that at which half are: hours at degree 4")
    options = parser.parse_args(given)
    load = host.load()
    if options.figure:
        publish("Capacity of sequence memories", [
            whole_figure(options.figure, options.degrees, options.sizes, options.draws, options.published)], load)
        return
    host.stay_on_one_core()
    publish("Sequence memories", [
        one_transition(options.neurons, options.memories, options.degree, options.repeats),
        all_transitions(options.all_neurons, options.memories, options.degree, options.repeats)], load)


if __name__ == "__main__":
    main()
