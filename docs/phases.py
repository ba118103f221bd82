"""The plane of auto- and hetero-association of a correlated memory, with the boundaries that theory gives:

python docs/phases.py                       40 × 40 settings, 3 seeds, on a cycle of 30 memories: docs/phases.png
python docs/phases.py --graph karate --step-size 0.01 --steps 1000 --out karate.png

Beside the figure lies what it shows, as netCDF.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import xarray as xr

from neuroam.analysis.plot_phases import Lines, phase_figure
from neuroam.effective.correlated import Correlated, uniform_memories
from neuroam.effective.correlated_measures import MODES, selection_threshold
from neuroam.effective.correlated_phases import phase_diagram
from neuroam.graphs import Graph, cycle, karate, normalised, rooms, schapiro

GRAPHS = {"cycle": lambda: cycle(30), "community": schapiro, "karate": karate, "rooms": rooms}


def boundaries(graph: Graph, heteros: np.ndarray, neurons: int) -> Lines:
    """Where a memory begins to hold itself, a = h max M, and where the state without a memory loses its stability,
    a + h λ = p/(β n v) with λ the second eigenvalue of M."""
    links = normalised(graph.adjacency)
    second = np.sort(np.linalg.eigvalsh(links))[-2]
    patterns = uniform_memories(len(links), neurons, np.random.default_rng(0))
    threshold = selection_threshold(Correlated(patterns, graph))
    above = heteros[heteros >= 0]
    return {"a memory holds itself above": (above, above * np.median(links.max(axis=1))),
            "no memory is held below": (above, threshold - above * second)}


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", choices=list(GRAPHS), default="cycle")
    for name, default in (("points", 40), ("seeds", 3), ("neurons", 1000), ("steps", 100)):
        parser.add_argument(f"--{name}", type=int, default=default, help="(default: %(default)s)")
    parser.add_argument("--step-size", type=float, default=0.1, help="(default: %(default)s, as published)")
    parser.add_argument("--out", type=Path, default=Path("docs/phases.png"))
    options = parser.parse_args(given)
    graph = GRAPHS[options.graph]()
    autos, heteros = np.linspace(-2, 2, options.points), np.linspace(-1, 3, options.points)
    began = time.perf_counter()
    plane = xr.Dataset(phase_diagram(graph, autos, heteros, options.neurons, range(options.seeds), steps=options.steps,
                                     step_size=options.step_size))
    print(f"{options.points} × {options.points} settings, {options.seeds} seeds: {time.perf_counter() - began:.1f} s")
    plane.to_netcdf(options.out.with_suffix(".nc"))
    phase_figure(plane, MODES, boundaries(graph, heteros, options.neurons)).savefig(options.out, dpi=150)
    print(options.out)


if __name__ == "__main__":
    main()
