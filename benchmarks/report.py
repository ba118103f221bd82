"""The table, the agreement of spikes, and the bars, as Markdown."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

LARGE = 10_000
HEAD = ("simulator", "s per biological s, median", "best", "× C float64", "× Brian2 C++", "prepare cold / warm, s",
        "KC Hz", "MBON Hz", "peak MB")
STANDALONE = ("brian", "script")


@dataclass
class Row:
    """What was measured of one competitor: the cold run, and the runs that count."""

    label: str
    cold: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""

    def median(self, key: str = "seconds") -> float:
        return median(run[key] for run in self.runs)

    @property
    def best(self) -> float:
        return min(run["seconds"] for run in self.runs)

    def part(self, name: str) -> float:
        """Median wall seconds of a part of the run."""
        return median(run["parts"][name] for run in self.runs)


@dataclass
class Size:
    """One size of the circuit; `second` from command to result, in seconds; spikes are in `folder`."""

    kenyon: int
    rows: dict[str, Row]
    second: list[float]
    folder: Path

    def seconds(self, name: str) -> float | None:
        """Median seconds per biological second."""
        row = self.rows.get(name)
        return row.median() if row and row.runs else None

    @property
    def standalone(self) -> float | None:
        """The faster of the two programs that Brian2 compiles."""
        return min((s for s in map(self.seconds, STANDALONE) if s is not None), default=None)


def report(sizes: list[Size], seconds: float, about: list[str]) -> str:
    """The whole report."""
    lines = ["# One circuit, every simulator", "", *about, ""]
    for size in sizes:
        lines += [f"## {size.kenyon} Kenyon cells, {seconds:g} biological seconds", "", *table(size), "",
                  *remarks(size, seconds), ""]
    lines += ["## Bars", "", *bars(sizes)]
    return "\n".join(lines) + "\n"


def table(size: Size) -> list[str]:
    lines = [" | ".join(HEAD), " | ".join("---" for _ in HEAD)]
    lines += [" | ".join(_cells(size, row)) for row in size.rows.values()]
    return [f"| {line} |" for line in lines]


def _cells(size: Size, row: Row) -> list[str]:
    if row.failure:
        return [row.label, f"failed: {row.failure.replace('|', '/')}", *("" for _ in HEAD[2:])]
    middle, last = row.median(), row.runs[-1]
    return [row.label, _number(middle), _number(row.best), _ratio(middle, size.seconds("c64")),
            _ratio(middle, size.standalone), f"{row.cold['prepare']:.2f} / {row.median('prepare'):.2f}",
            f"{last['hertz']['KC']:.2f}", f"{last['hertz']['MBON']:.1f}", f"{row.median('peak_mb'):.0f}"]


def _number(value: float) -> str:
    return f"{value:.3g}"


def _ratio(value: float, base: float | None) -> str:
    return f"{value / base:.2f}" if base else "–"


def remarks(size: Size, seconds: float) -> list[str]:
    """What the table cannot say: parts of the times, short runs, second runs, agreement."""
    lines = []
    for name, row in size.rows.items():
        short = row.runs and row.runs[0]["simulated"] < seconds
        if short:
            lines.append(f"- {row.label}: {row.runs[0]['simulated']:g} s after a start-up that is not timed, scaled")
        if name.startswith("numba") and row.runs:
            whole = row.median() * row.runs[0]["simulated"]
            lines.append(f"- {row.label}: of {whole * 1e3:.1f} ms, {row.part('loop') * 1e3:.1f} ms in the compiled "
                         f"loop; the rest is Python around it")
    if size.second:
        lines.append(f"- Brian second run, other seed, program in the cache: {median(size.second):.2f} s from command "
                     f"to result, the bare program {size.rows['brian'].part('program'):.2f} s")
    return [*lines, *agreement(size)]


def agreement(size: Size) -> list[str]:
    """Spikes that fall on the same tick and cell as in the C loop; numba against C without fused operations."""
    lines = []
    for name, row in size.rows.items():
        other = "check" if name == "numba64" else "c64"
        if not row.runs or name == "c64" or not (size.folder / f"{other}.npz").exists():
            continue
        if name == "nest":
            continue  # another integration, other input ticks and another APL: only the rates can be compared
        shared, only_here, only_there = _compare(size.folder / f"{name}.npz", size.folder / f"{other}.npz")
        verdict = "every spike the same" if only_here == only_there == 0 else "not the same"
        against = "C loop float64 without fused operations" if other == "check" else "C loop float64"
        lines.append(f"- {row.label} against {against}: {shared} spikes shared, {only_here} only here, "
                     f"{only_there} only there: {verdict}")
    return lines


def _compare(here: Path, there: Path) -> tuple[int, int, int]:
    one, other = _spikes(here), _spikes(there)
    return len(one & other), len(one - other), len(other - one)


def _spikes(file: Path) -> set[tuple[str, int, int]]:
    arrays = np.load(file)
    return {(name, tick, cell) for name in ("KC", "MBON")
            for tick, cell in zip(arrays[f"{name}_tick"].tolist(), arrays[f"{name}_cell"].tolist(), strict=True)}


def bars(sizes: list[Size]) -> list[str]:
    """What must hold, on a quiet machine."""
    lines = []
    for size in sizes:
        numba, c, brian = size.seconds("numba64"), size.seconds("c64"), size.standalone
        where = f"{size.kenyon} KCs"
        if numba and brian:
            least = 2.5 if size.kenyon > LARGE else 2.0
            lines.append(_bar(f"{where}: Numba is at least {least}× as fast as Brian2 C++ standalone",
                              f"{brian / numba:.2f}×", brian / numba >= least))
        if numba and c:
            lines.append(_bar(f"{where}: Numba takes at most 1.6× the time of the C loop, float64",
                              f"{numba / c:.2f}×", numba / c <= 1.6))
        if numba and (size.folder / "check.npz").exists():
            _, extra, missing = _compare(size.folder / "numba64.npz", size.folder / "check.npz")
            lines.append(_bar(f"{where}: Numba has the spikes of the C loop", f"{extra + missing} differ",
                              extra == missing == 0))
        if size.second:
            over = median(size.second) - size.rows["brian"].part("program")
            lines.append(_bar(f"{where}: a second standalone run takes at most 1.5 s more than the bare program",
                              f"{over:.2f} s", over <= 1.5))
    return lines or ["none: they need c64, numba64, and brian or script"]


def _bar(what: str, value: str, held: bool) -> str:
    return f"- {'pass' if held else '**FAIL**'}: {what} ({value})"
