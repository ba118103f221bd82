"""What one competitor is asked to do, what it gives back, and how much memory it took."""
from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Spikes = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """One run: size and seed of the circuit, biological seconds, and the folder that the competitors share."""

    kenyon: int
    seconds: float
    seed: int
    folder: Path


@dataclass(frozen=True)
class Measured:
    """`run`: wall seconds for `simulated` biological seconds. `prepare`: wall seconds before the first step.
    `parts`: what else was timed. `spikes` by population: (tick, cell). `peak_mb` 0: that of this process."""

    run: float
    prepare: float
    simulated: float
    spikes: Spikes
    peak_mb: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


class Stopwatch:
    """Wall seconds since it was made, or since it was last read."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def lap(self) -> float:
        before, self.began = self.began, time.perf_counter()
        return self.began - before


def peak_mb(process: int | str = "self") -> float:
    """Peak resident memory. Not from getrusage: a child inherits there the peak of the process that forked it."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def peak_of(command: list[str], folder: Path) -> float:
    """Peak resident memory of a program, in a run that is not timed."""
    program = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    highest = 0.0
    while program.poll() is None:
        highest = max(highest, peak_mb(program.pid))
        time.sleep(0.005)
    if program.returncode:
        raise RuntimeError(f"{command[0]} gave {program.returncode}")
    return highest


def sorted_spikes(tick: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By tick, then by cell."""
    order = np.lexsort((cell, tick))
    return tick[order].astype(np.int64), cell[order].astype(np.int32)
