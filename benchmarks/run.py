"""Measure every competitor on the same circuit and print the table: `python -m benchmarks.run --help`."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from benchmarks import host
from benchmarks.measure import COMPETITORS
from benchmarks.measured import Stopwatch
from benchmarks.report import Row, Size, report

HERE = Path(__file__).parent
LARGE = 10_000
LONGEST = 3600
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SECOND = "import sys; from benchmarks.run_brian import second_run; " \
         "print(second_run(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--sizes", default="2000,20000", help="numbers of Kenyon cells (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="biological seconds (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=9, help="of the fast ones (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of wiring and input (default: %(default)s)")
    parser.add_argument("--only", default="", help=f"some of {','.join(COMPETITORS)}")
    parser.add_argument("--with-cython", action="store_true",
                        help="also Brian2's Cython target, whose first compilation takes minutes")
    return parser.parse_args(given)


def chosen(options: argparse.Namespace) -> list[str]:
    """Names of the competitors; an unknown one ends the program."""
    names = [name for name, competitor in COMPETITORS.items()
             if not competitor.optional or (name == "cython" and options.with_cython)]
    if options.only:
        names = [name.strip() for name in options.only.split(",")]
    unknown = [name for name in names if name not in COMPETITORS]
    if unknown:
        raise SystemExit(f"--only: no competitor {', '.join(unknown)}; there are {', '.join(COMPETITORS)}")
    return names


def environment(folder: Path) -> dict[str, str]:
    """One thread, and caches of our own, so that the first run of each competitor is a cold one."""
    own = {"NUMBA_CACHE_DIR": folder / "numba", "NEUROAM_CACHE": folder / "programs", "MPLBACKEND": "agg"}
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    return os.environ | dict.fromkeys(THREADS, "1") | {k: str(v) for k, v in own.items()} | {"PYTHONPATH": path}


def child(folder: Path, *command: str) -> str:
    """Standard output of a Python process; raises `RuntimeError` with the end of what it said."""
    done = subprocess.run([sys.executable, "-W", "ignore", *command], env=environment(folder), capture_output=True,
                          text=True, cwd=folder, timeout=LONGEST)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return done.stdout


def once(name: str, options: argparse.Namespace, kenyon: int, folder: Path) -> dict:
    """One measurement in a process of its own."""
    print(f"  {kenyon} KCs: {name}", file=sys.stderr, flush=True)
    said = child(folder, "-m", "benchmarks.measure", name, str(kenyon), str(options.seconds), str(options.seed),
                 str(folder))
    return json.loads(said.strip().splitlines()[-1])


def repeats(name: str, wanted: int, kenyon: int) -> int:
    competitor = COMPETITORS[name]
    return min(wanted, competitor.most_large if kenyon > LARGE else competitor.most)


def measure_all(names: list[str], options: argparse.Namespace, kenyon: int, folder: Path) -> dict[str, Row]:
    """A cold round, then the rounds that count, each in the opposite order of the last."""
    rows = {name: Row(COMPETITORS[name].label) for name in names}
    for name in names:
        try:
            rows[name].cold = once(name, options, kenyon, folder)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            rows[name].failure = str(error)
    running = [name for name in names if not rows[name].failure]
    for k in range(options.repeats):
        for name in running if k % 2 == 0 else reversed(running):
            number = repeats(name, options.repeats, kenyon)
            if number == 1 and k == 0:
                rows[name].runs.append(rows[name].cold)  # too slow to be run twice
            elif k < number:
                rows[name].runs.append(once(name, options, kenyon, folder))
    return rows


def second_runs(options: argparse.Namespace, kenyon: int, folder: Path) -> list[float]:
    """From command to result, wall seconds, with seeds not seen before and the program in the cache."""
    programs = set((folder / "programs").iterdir())
    found = []
    for k in range(min(options.repeats, 3)):
        print(f"  {kenyon} KCs: second run of the program", file=sys.stderr, flush=True)
        watch = Stopwatch()
        child(folder, "-c", SECOND, str(kenyon), str(options.seconds), str(options.seed + 1 + k))
        found.append(watch.lap())
    if {p.name for p in (folder / "programs").iterdir() if not p.name.startswith(".")} - {p.name for p in programs}:
        raise RuntimeError("another seed made another program: the second run was not one")
    return found


def size(names: list[str], options: argparse.Namespace, kenyon: int, folder: Path) -> Size:
    """Everything about one size of the circuit."""
    folder.mkdir()
    from benchmarks.circuit import animal, export  # here, for --help without Brian2

    export(*animal(kenyon, options.seconds, options.seed), folder)
    rows = measure_all(names, options, kenyon, folder)
    if "numba64" in names:
        once("check", options, kenyon, folder)
    seconds = second_runs(options, kenyon, folder) if "brian" in rows and rows["brian"].runs else []
    return Size(kenyon, rows, seconds, folder)


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    names = chosen(options)
    load = host.load()
    with tempfile.TemporaryDirectory(prefix="neuroam_bench_") as work:
        sizes = [size(names, options, int(n), Path(work) / n) for n in options.sizes.split(",")]
        text = report(sizes, options.seconds, host.describe(load))
    print(text)
    written = HERE / "results" / f"{date.today()}-{host.file_name(host.processor())}.md"
    written.parent.mkdir(exist_ok=True)
    written.write_text(text)
    print(f"written to {written.relative_to(HERE.parent)}", file=sys.stderr)


if __name__ == "__main__":
    main()
