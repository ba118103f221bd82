"""Published and independently measured numbers of correlated memories beside those found here, over many seeds:
`python -m benchmarks.correlated_tables`, or one table of them with `--only`.

    range         correlation of attractors against distance on a cycle of 30
    order         range of association on a cycle of 97, in steps of .1 and of .01
    communities   correlation within and between communities: Schapiro's graph and the karate club
    sequences     memories a step on a directed cycle of 49 independent memories
    held          starts that keep a memory around a = h/2
    modes         points of a plane at which the mode found is the mode derived
    chain         correlation of neighbouring attractors of a chain, exact and in networks
    inhibition    the same with inhibition that has learned the patterns (Haga & Fukai 2019), sparse patterns

Each entry is a mean with its 95 % interval over seeds; known values are in the line above.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from neuroam.effective.chain import Chain, mean_field, random_signs
from neuroam.effective.correlated import Correlated, noisy, uniform_memories
from neuroam.effective.correlated_measures import (
    MODES,
    association_range,
    by_distance,
    community_correlation,
    correlations,
    effective_memories,
    mean_step,
    overlaps_in_time,
    predict_mode,
)
from neuroam.effective.correlated_phases import phase_diagram
from neuroam.graphs import Graph, cycle, distances, karate, schapiro
from neuroam.prediction import bootstrap_interval

Row = tuple[str, Sequence[Any], Sequence[np.ndarray]]  # what, known, found (seeds,) for each column
RANGE = {(1.0, 0.0): (-0.03, -0.03, -0.03, -0.03, "", -0.03), (0.5, 0.5): (0.63, 0.09, -0.11, -0.10, "", -0.09),
         (-0.5, 1.5): (0.77, 0.55, 0.32, -0.05, -0.22, -0.22), (-2.0, 3.0): (0.65, 0.52, 0.44, 0.14, -0.19, -0.31)}
AT = (1, 2, 3, 5, 8, 11)
ORDER = {1.0: 0, 0.5: 2, 0.2: 3, 0.0: 4, -0.5: 5, -1.0: 5, -2.0: 8, -3.0: 0, -4.0: 0}
AUTO = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0, -4.0)
TRIANGLE = ((-0.07, 0.34, 1.00, 1.00, 0.99, 0.82, 0.26), (-0.07, -0.24, -0.49, -0.48, -0.45, -0.32, -0.07))
CLUB = ((-0.03, 0.03, 0.29, 0.51, 0.69, 0.67, 0.13), (-0.03, -0.07, -0.24, -0.33, -0.45, -0.37, 0.09))
ALIKE = {"Schapiro": (0.17, 1.00, 1.00, 1.00, 1.00, 1.00, 0.65), "karate": (0.05, 0.91, 0.77, 0.86, 0.86, 0.75, 0.13)}
ACTIVE = (1.0, 1.0, 4.0, 8.2, 11.8, 12.9, 6.3)
SPEED = {(1.0, 0.0): (0, 0), (0.5, 0.5): (0.06, 0.02), (0.0, 1.0): (0.49, 0.33), (0.0, 3.0): (0.51, 0.41),
         (-1.0, 3.0): (0.99, 0.54), (-1.5, 3.0): (1.0, 0.89), (-2.0, 3.0): (1.0, 0.98), (-2.0, 3.5): (1.0, 0.95)}
PLANE = (-2, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2), (-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3)
HELD = {0.45: 0.0, 0.50: 0.04, 0.55: 1.0}
REACH = {1.5: "< .1", 0.5: 0.28, 0.0: 0.25, -1.5: "> .5"}


def relaxed(graph: Graph, auto: float, hetero: float, seed: int, steps: int, step_size: float = 0.1,
            neurons: int = 1000) -> tuple[Correlated, np.ndarray]:
    """The model, and its states from noisy starts at all memories."""
    rng = np.random.default_rng(seed)
    model = Correlated(uniform_memories(len(graph.adjacency), neurons, rng), graph, auto, hetero)
    return model, model.relax(noisy(model.patterns, rng), steps, step_size, overshoot="accept")


def range_of_recall(seeds: int) -> Iterator[Row]:
    apart = distances(cycle(30).adjacency)
    for setting, known in RANGE.items():
        curves = [by_distance(correlations(relaxed(cycle(30), *setting, seed, 100)[1]), apart) for seed in range(seeds)]
        yield str(setting), known, np.array(curves)[:, AT].T


def learned_order(seeds: int) -> Iterator[Row]:
    graph = cycle(97)
    apart = distances(graph.adjacency)
    for step_size, steps in ((0.1, 150), (0.01, 1500)):
        found = [[association_range(by_distance(correlations(relaxed(graph, a, 1 - a, seed, steps, step_size)[1]),
                                                apart)) for seed in range(seeds)] for a in ORDER]
        yield f"η = {step_size}", list(ORDER.values()) if step_size == 0.1 else [""] * len(ORDER), np.array(found)


def communities(seeds: int) -> Iterator[Row]:
    for name, graph, known in (("Schapiro", schapiro(), TRIANGLE), ("karate", karate(), CLUB)):
        within, between, active, alike = (np.zeros((len(AUTO), seeds)) for _ in range(4))
        for i, a in enumerate(AUTO):
            for seed in range(seeds):
                model, states = relaxed(graph, a, 1 - a, seed, 200)
                likeness = correlations(states)
                within[i, seed], between[i, seed] = community_correlation(likeness, graph.communities)
                active[i, seed] = effective_memories(model, states).mean()
                alike[i, seed] = agreement(likeness, graph.communities, seed)
        yield f"{name}, within", known[0], within
        yield f"{name}, between", known[1], between
        yield f"{name}, adjusted Rand index of k-means", ALIKE[name], alike
        if name == "karate":
            yield f"{name}, active memories", ACTIVE, active


def agreement(likeness: np.ndarray, communities: np.ndarray, seed: int) -> float:
    """Of clusters in the rows of a matrix of correlations with the communities."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    found = KMeans(len(set(communities)), n_init=10, random_state=seed).fit_predict(likeness)
    return float(adjusted_rand_score(communities, found))


def sequences(seeds: int) -> Iterator[Row]:
    graph = cycle(49, directed=True)
    for k, (gain, step_size) in enumerate(((0.6, 0.2), (1.0, 0.1))):
        found = np.zeros((len(SPEED), seeds))
        for i, (auto, hetero) in enumerate(SPEED):
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                model = Correlated(uniform_memories(49, 2000, rng), graph, auto, hetero, gain=gain)
                states = overlaps_in_time(model, noisy(model.patterns, rng), 100, step_size)
                found[i, seed] = mean_step(states, False).mean()
        yield f"memories a step, β = {gain:g}, η = {step_size}", [known[k] for known in SPEED.values()], found


def held(seeds: int) -> Iterator[Row]:
    found = []
    for auto in HELD:
        runs = (relaxed(cycle(30), auto, 1.0, seed, 100, neurons=4000) for seed in range(seeds))
        found.append([(np.diagonal(model.attention(states)) > 0.99).mean() for model, states in runs])
    yield "starts kept, h = 1", list(HELD.values()), np.array(found)


def modes(seeds: int) -> Iterator[Row]:
    found = phase_diagram(cycle(30), *PLANE, seeds=range(seeds))["mode"][1]
    patterns = uniform_memories(30, 1000, np.random.default_rng(0))
    rules = [[MODES.index(predict_mode(Correlated(patterns, cycle(30), a, h))) for h in PLANE[1]] for a in PLANE[0]]
    yield "fraction of 90 settings", [""], (found == np.array(rules)).mean(axis=(1, 2))[None]


def chain(seeds: int) -> Iterator[Row]:
    exact = mean_field(0.6)
    yield "128 m, exact, b = .6", (77, 51, 13, 3, 1), 128 * exact.overlaps[:5, None]
    yield "exact, b = .6", (0.664, 0.332, 0.123, 0.040, 0.011), exact.correlations[1:6, None]
    curves = [_curve(Chain(random_signs(30, 20_000, np.random.default_rng(seed)), neighbour=0.53))
              for seed in range(seeds)]
    yield "30 patterns, N = 20 000, b = .53", (0.664, 0.332, 0.123, 0.040, 0.011), np.array(curves)[:, 1:6].T


def inhibition(seeds: int) -> Iterator[Row]:
    found = []
    for auto in REACH:
        found.append([_curve(Chain(random_signs(71, 5000, np.random.default_rng(seed), 0.1), auto, activity=0.1))[5]
                      for seed in range(seeds)])
    yield "distance 5, p = .1", list(REACH.values()), np.array(found)


def _curve(network: Chain) -> np.ndarray:
    states, _ = network.relax(sweeps=400)
    return by_distance(correlations(states), distances(cycle(len(network.patterns)).adjacency))


TABLES: Mapping[str, tuple[Callable[[int], Iterator[Row]], Sequence[Any]]] = {
    "range": (range_of_recall, [f"d = {d}" for d in AT]), "order": (learned_order, [f"a = {a:g}" for a in ORDER]),
    "communities": (communities, [f"a = {a:g}" for a in AUTO]), "sequences": (sequences, list(SPEED)),
    "held": (held, [f"a = {a}" for a in HELD]), "modes": (modes, ["rules and simulation agree"]),
    "chain": (chain, [f"{d}" for d in range(1, 6)]), "inhibition": (inhibition, [f"c = {c:g}" for c in REACH]),
}


def entry(values: np.ndarray) -> str:
    """Mean and interval over seeds."""
    low, high = bootstrap_interval(values)
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]" if len(values) > 1 else f"{values[0]:.3f}"


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.correlated_tables", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--only", choices=list(TABLES), nargs="+", default=list(TABLES))
    options = parser.parse_args(given)
    for name in options.only:
        rows, columns = TABLES[name]
        print(f"\n{name}, {options.seeds} seeds\n| | {' | '.join(map(str, columns))} |")
        print(f"|---{'|---' * len(columns)}|")
        for what, known, found in rows(options.seeds):
            print(f"| {what}, known | {' | '.join(map(str, known))} |")
            print(f"| {what} | {' | '.join(map(entry, found))} |", flush=True)


if __name__ == "__main__":
    main()
