"""The mushroom body on a GPU against the same machine's processor: `python -m benchmarks.gpu --help`.

The circuit of `circuit.py` as two compiled programs of the Brian solver. On the processor each animal is a program with
a core to itself, as many at once as there are cores; on the GPU all animals are one program (`herd.py`). Timed are the
program's loop, as it reports it, and the whole program with its arrays read and written; what is compiled before is
given beside. Both must fire alike: counts of spikes within three standard deviations of their difference. Without a GPU
the processor's half is run and printed, and nothing is kept.
"""
from __future__ import annotations

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path
from statistics import median

from benchmarks import host
from benchmarks.circuit import MBONS, RECORDED, animal
from benchmarks.herd import herd
from benchmarks.measured import Stopwatch
from benchmarks.run_brian import loop_seconds
from neuroam.errors import NeuroamError
from neuroam.solvers import Brian, brian_cuda, brian_program

RESULTS = Path(__file__).parent / "results"
HEAD = ("KCs", "program", "animals", "loop, s", "whole program, s", "× C++, a core each", "compiled in, s", "KC Hz",
        "MBON Hz")


@dataclass
class Row:
    """`loop` and `whole` are seconds per animal and biological second; `spikes` by population, of all animals."""

    label: str
    animals: int
    loop: float
    whole: float
    compiled: float
    spikes: dict[str, int]


class TimedProgram:
    """Takes the place of the call that starts a program, and notes how long its loop and all of it took."""

    def __init__(self) -> None:
        self.start = brian_program._run
        brian_program._run = self  # type: ignore[assignment]

    def __call__(self, folder: Path, here: Path) -> None:
        watch = Stopwatch()
        self.start(folder, here)
        self.whole, self.loop = watch.lap(), loop_seconds(here / "results")

    def stop(self) -> None:
        brian_program._run = self.start


def one_run(device: str, kenyon: int, seconds: float, seeds: range) -> tuple[float, float, float, dict[str, int]]:
    """Seconds of the loop, of the program, of compiling, and spikes; several seeds are one program."""
    animals = [animal(kenyon, seconds, seed) for seed in seeds]
    wired, session = herd(animals) if len(animals) > 1 else animals[0]
    solver, watch = Brian(device), Stopwatch()
    solver.prepare(wired, session)
    compiled, timed = watch.lap(), TimedProgram()
    try:
        outcome = solver.run(wired, session)
    finally:
        timed.stop()
    return timed.loop, timed.whole, compiled, {name: len(outcome.spikes[name][0]) for name in RECORDED}


def together(label: str, device: str, kenyon: int, seconds: float, seeds: range, repeats: int) -> Row:
    """Animals of these seeds as one program."""
    runs = [one_run(device, kenyon, seconds, seeds) for _ in range(repeats)]
    loop, whole = (median(run[k] for run in runs) / seconds / len(seeds) for k in (0, 1))
    return Row(label, len(seeds), loop, whole, runs[0][2], runs[0][3])


def side_by_side(label: str, kenyon: int, seconds: float, seeds: range, cores: int) -> Row:
    """A program each, as many at once as there are cores: what an animal takes then, divided by their number."""
    cores = min(cores, len(seeds))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        runs = list(pool.map(one_run, ["cpp_standalone"] * len(seeds), [kenyon] * len(seeds), [seconds] * len(seeds),
                             [range(seed, seed + 1) for seed in seeds]))
    loop, whole = (sum(run[k] for run in runs) / len(runs) / cores / seconds for k in (0, 1))
    return Row(label, len(seeds), loop, whole, 0.0, {name: sum(run[3][name] for run in runs) for name in RECORDED})


def measure(kenyon: int, animals: int, options: argparse.Namespace, gpu: bool) -> list[Row]:
    """Rows of one size, the processor's first."""
    seeds, first = range(options.seed, options.seed + animals), range(options.seed, options.seed + 1)
    given = kenyon, options.seconds
    cores = os.cpu_count() or 1
    rows = [together("C++, one core", "cpp_standalone", *given, first, options.repeats),
            side_by_side(f"C++, {min(cores, animals)} cores", *given, seeds, cores)]
    if gpu:
        rows += [together("CUDA", "cuda_standalone", *given, first, options.repeats),
                 together("CUDA, one program", "cuda_standalone", *given, seeds, options.repeats)]
    return rows


def table(kenyon: int, rows: list[Row], seconds: float) -> list[str]:
    return [_line(kenyon, row, rows[1].whole, seconds * row.animals) for row in rows]


def _line(kenyon: int, row: Row, base: float, seconds: float) -> str:
    compiled = f"{row.compiled:.0f}" if row.compiled else "–"
    cells = [str(kenyon), row.label, str(row.animals), f"{row.loop:.4g}", f"{row.whole:.4g}", f"{row.whole / base:.3g}",
             compiled, f"{row.spikes['KC'] / kenyon / seconds:.2f}", f"{row.spikes['MBON'] / MBONS / seconds:.1f}"]
    return f"| {' | '.join(cells)} |"


def agreement(kenyon: int, rows: list[Row]) -> list[str]:
    """Whether programs of as many animals fire alike."""
    lines = []
    for cpp, cuda in zip(rows[:2], rows[2:], strict=False):
        for name in RECORDED:
            one, other = cpp.spikes[name], cuda.spikes[name]
            alike = abs(one - other) <= 3 * sqrt(one + other)
            lines.append(f"- {'pass' if alike else '**FAIL**'}: {kenyon} KCs, {cuda.label}, {cuda.animals} animals: "
                         f"{other} spikes of {name}, C++ {one}")
    return lines


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--sizes", default="2000,20000,200000", help="numbers of Kenyon cells (default: %(default)s)")
    parser.add_argument("--animals", default="64,16,4", help="at each size (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="biological seconds (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first animal (default: %(default)s)")
    options = parser.parse_args(given)
    options.pairs = list(zip(map(int, options.sizes.split(",")), map(int, options.animals.split(",")), strict=False))
    return options


def main(given: list[str] | None = None) -> None:
    options, load = arguments(given), host.load()
    try:
        brian_program._target("cuda_standalone")
        gpu, missing = brian_cuda.first_gpu(os.environ.get("CUDA_VISIBLE_DEVICES")), ""
    except NeuroamError as error:
        gpu, missing = None, str(error)
    sizes = {kenyon: measure(kenyon, animals, options, gpu is not None) for kenyon, animals in options.pairs}
    lines = ["# The mushroom body on a GPU", "", *host.describe(load)]
    lines += [f"- GPU: {gpu.name}, compute capability {gpu.capability}, {gpu.memory} MiB"] if gpu else []
    lines += ["", f"Seconds per animal and biological second, {options.seconds:g} biological seconds run.", "",
              f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    lines += [line for kenyon, rows in sizes.items() for line in table(kenyon, rows, options.seconds)]
    lines += ["", *(line for kenyon, rows in sizes.items() for line in agreement(kenyon, rows))]
    print("\n".join(lines))
    if gpu is None:
        print(f"\nNo GPU was used: the processor alone was measured, and nothing is kept. {missing}")
        return
    written = RESULTS / f"{date.today()}-gpu-{host.file_name(gpu.name)}.md"
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written to {written.name}")


if __name__ == "__main__":
    main()
