"""The plain C loop, compiled for this machine."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.measured import Measured, Spikes, Stopwatch, Task, sorted_spikes

SOURCE = Path(__file__).parent / "loop.c"
FLAGS = ("-O3", "-march=native")


def float64(task: Task) -> Measured:
    return _measure(task, "f64")


def float32(task: Task) -> Measured:
    return _measure(task, "f32", "-DREAL=float")


def exact(task: Task) -> Measured:
    """float64 without fused operations, to be held against numba spike for spike."""
    return _measure(task, "exact", "-ffp-contract=off")


def _measure(task: Task, name: str, *extra: str) -> Measured:
    program = task.folder / f"loop_{name}"
    watch = Stopwatch()
    if not program.exists():
        compiler = os.environ.get("CC", "gcc")
        subprocess.run([compiler, *FLAGS, *extra, str(SOURCE), "-lm", "-o", str(program)], check=True)
    prepare = watch.lap()
    written = task.folder / f"loop_{name}.spikes"
    command = [str(program), str(task.folder), str(written)]
    subprocess.run(command, check=True, capture_output=True)
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Measured(said["seconds"], prepare, task.seconds, _read(written, task.kenyon), said["peak_mb"])


def _read(written: Path, kenyon: int) -> Spikes:
    tick, cell = np.fromfile(written, np.int32).reshape(-1, 2).T
    mbon = cell >= kenyon
    return {"KC": sorted_spikes(tick[~mbon], cell[~mbon]), "MBON": sorted_spikes(tick[mbon], cell[mbon] - kenyon)}
