"""One measurement in a process of its own: `python -m benchmarks.measure NAME KCS SECONDS SEED FOLDER`.

The last line printed is JSON; the spikes go to FOLDER/NAME.npz.
"""
from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measured import Measured, Task, peak_mb


@dataclass(frozen=True)
class Competitor:
    """`function` is "module:name" in this package. `most` limits the repeats of slow ones, by size up to which."""

    label: str
    function: str
    most: int = 99
    most_large: int = 99
    optional: bool = False


COMPETITORS = {
    "c64": Competitor("C loop, float64", "run_c:float64"),
    "c32": Competitor("C loop, float32", "run_c:float32"),
    "numba64": Competitor("neuroam Numba, float64", "run_numba:float64"),
    "numba32": Competitor("neuroam Numba, float32", "run_numba:float32"),
    "brian": Competitor("neuroam Brian, C++ standalone", "run_brian:standalone"),
    "script": Competitor("Brian2 script, C++ standalone", "run_brian_script:standalone"),
    "numpy": Competitor("neuroam Brian, runtime numpy", "run_brian:numpy", 2, 1),
    "cython": Competitor("neuroam Brian, runtime Cython", "run_brian:cython", 3, 2, optional=True),
    "nest": Competitor("NEST, APL emulated", "run_nest:one_thread", 3, 1),
}
CHECK = Competitor("C loop, float64, no fused operations", "run_c:exact")


def measure(name: str, task: Task) -> Measured:
    """Run one competitor here."""
    competitor = CHECK if name == "check" else COMPETITORS[name]
    module, function = competitor.function.split(":")
    return getattr(importlib.import_module(f"benchmarks.{module}"), function)(task)


def main(name: str, kenyon: str, seconds: str, seed: str, folder: str) -> None:
    task = Task(int(kenyon), float(seconds), int(seed), Path(folder))
    found = measure(name, task)
    flat = {f"{population}_{kind}": values for population, pair in found.spikes.items()
            for kind, values in zip(("tick", "cell"), pair, strict=True)}
    np.savez(task.folder / f"{name}.npz", **flat)
    sizes = {"KC": task.kenyon, "MBON": int(np.load(task.folder / "network.npz")["sizes"][2])}
    hertz = {p: len(found.spikes[p][0]) / found.simulated / size for p, size in sizes.items()}
    print(json.dumps({"seconds": found.run / found.simulated, "simulated": found.simulated,
                      "prepare": found.prepare, "peak_mb": found.peak_mb or peak_mb(), "hertz": hertz,
                      "parts": found.parts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
