"""Published and independently measured numbers of correlated memories beside those found here, over many seeds:
`python -m benchmarks.correlated_tables`, or one table of them with `--only`.

    range         correlation of attractors against distance on a cycle of 30
    order         range of association on a cycle of 97, in steps of .1 and of .01
    decay         correlation against distance there
    communities   correlation within and between communities: Schapiro's graph and the karate club
    flow          the same in steps of .01
    sequences     memories a step on a directed cycle of 49 memories: independent ones, and the frames of a film
    held          starts that keep a memory around a = h/2
    neighbours    correlation of a state with its own memory and with those beside it, at a = h/2 and above
    quiescence    what is left of states around the threshold below which no memory is selected
    modes         points of a plane at which the mode found is the mode derived
    chain         correlation of neighbouring attractors of a chain, exact and in networks
    inhibition    the same with inhibition that has learned the patterns (Haga & Fukai 2019), sparse patterns

Each entry is a mean with its 95 % interval over seeds; known values are in the line above, with the tolerance where the
source of the number gives one: ✓ where the interval lies within it, ✗ outside, ? across its edge.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.tolerance import mark
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


@dataclass(frozen=True)
class Row:
    """`known` for each column, "" where nothing is; `found` (seeds,) for each."""

    what: str
    known: Sequence[Any]
    found: Sequence[np.ndarray]
    tolerance: float | None = None


@dataclass(frozen=True)
class Curve:
    """A published setting: correlations known at the distances `AT`, and how far from them one may be."""

    auto: float
    hetero: float
    known: tuple[Any, ...]
    tolerance: float | None
    background: float = 1.0
    step_size: float = 0.1

    @property
    def name(self) -> str:
        told = (f", κ = {self.background:g}" * (self.background != 1)) + f", η = {self.step_size:g}" * (
            self.step_size != 0.1)
        return f"({self.auto:g}, {self.hetero:g}){told}"


AT = (1, 2, 3, 4, 5, 6, 7, 8, 11)
UNKNOWN = ("",) * len(AT)
RANGE = (
    Curve(1.0, 0.0, (-0.03, -0.03, -0.03, "", -0.03, "", "", "", -0.03), 0.05),
    Curve(0.5, 0.5, (0.63, 0.09, -0.11, -0.11, -0.10, -0.09, "", "", -0.09), 0.05),
    Curve(-0.5, 1.5, (0.77, 0.55, 0.32, 0.11, -0.05, -0.14, -0.20, -0.22, -0.22), 0.05),
    Curve(-2.0, 3.0, (0.65, 0.52, 0.44, 0.29, 0.14, 0.01, -0.09, -0.19, -0.31), 0.1),
    Curve(-0.5, 1.5, (0.81, 0.66, 0.50, 0.36, 0.23, 0.14, 0.07, 0.04, 0.01), 0.05, background=1e-3),
    Curve(-2.0, 3.0, (0.74, 0.64, 0.57, 0.49, 0.41, 0.33, 0.26, 0.20, 0.09), 0.1, background=1e-3),
    Curve(-0.5, 1.5, UNKNOWN, None, step_size=0.01),
    Curve(-2.0, 3.0, UNKNOWN, None, step_size=0.01),
)
DECAY = {0.5: (0.66, 0.15, -0.02), 0.2: (0.76, 0.45, 0.16, 0.00), 0.0: (0.79, 0.54, 0.28, 0.09, -0.01),
         -0.5: (0.81, 0.62, 0.41, 0.24, 0.09, 0.00), -1.0: (0.82, 0.67, 0.48, 0.32, 0.16, 0.05),
         -2.0: (0.63, 0.58, 0.49, 0.40, 0.33, 0.23, 0.15, 0.08)}
ORDER = {1.0: 0, 0.5: 2, 0.2: 3, 0.0: 4, -0.5: 5, -1.0: 5, -2.0: 8, -3.0: 0, -4.0: 0}
AUTO = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0, -4.0)
TRIANGLE = ((-0.07, 0.34, 1.00, 1.00, 0.99, 0.82, 0.26), (-0.07, -0.24, -0.49, -0.48, -0.45, -0.32, -0.07))
CLUB = ((-0.03, 0.03, 0.29, 0.51, 0.69, 0.67, 0.13), (-0.03, -0.07, -0.24, -0.33, -0.45, -0.37, 0.09))
ALIKE = {"Schapiro": (0.17, 1.00, 1.00, 1.00, 1.00, 1.00, 0.65), "karate": (0.05, 0.91, 0.77, 0.86, 0.86, 0.75, 0.13)}
STARTS = 100  # of k-means
ACTIVE = (1.0, 1.0, 4.0, 8.2, 11.8, 12.9, 6.3)
SETTINGS = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (0.0, 3.0), (-1.0, 3.0), (-1.5, 3.0), (-2.0, 3.0), (-2.0, 3.5))
SPEED = {("independent", 0.6, 0.2): (0, 0.06, 0.49, 0.51, 0.99, 1.0, 1.0, 1.0),
         ("independent", 1.0, 0.1): (0, 0.02, 0.33, 0.41, 0.54, 0.89, 0.98, 0.95),
         ("film", 0.6, 0.2): (0, 0.08, 0.21, 0.22, 0.35, 0.47, 0.68, 0.53),
         ("film", 1.0, 0.1): (0, 0.03, 0.10, 0.11, 0.18, 0.25, 0.38, 0.30)}
FILM = 1.5  # frames
PLANE = (-2, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2), (-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3)
HELD = {0.45: 0.0, 0.50: 0.04, 0.55: 1.0}
BESIDE = {(1.0, 1.0): (0.82, 0.39), (0.45, 0.5): (0.76, 0.40), (1.0, 0.5): (0.94, 0.21), (1.0, -1.0): (0.78, -0.43)}
THRESHOLD = {0.7: "none", 0.8: "none", 0.85: "", 0.9: "some", 1.0: "some"}
REACH = {1.5: "< .1", 0.5: 0.28, 0.0: 0.25, -1.5: "> .5"}


def relaxed(graph: Graph, auto: float, hetero: float, seed: int, steps: int, step_size: float = 0.1,
            neurons: int = 1000, **settings: float) -> tuple[Correlated, np.ndarray]:
    """The model, and its states from noisy starts at all memories."""
    rng = np.random.default_rng(seed)
    model = Correlated(uniform_memories(len(graph.adjacency), neurons, rng), graph, auto, hetero, **settings)
    return model, model.relax(noisy(model.patterns, rng), steps, step_size, overshoot="accept")


def range_of_recall(seeds: int) -> Iterator[Row]:
    apart = distances(cycle(30).adjacency)
    for each in RANGE:
        runs = (relaxed(cycle(30), each.auto, each.hetero, seed, round(10 / each.step_size), each.step_size,
                        background=each.background) for seed in range(seeds))
        curves = [by_distance(correlations(states), apart) for _, states in runs]
        yield Row(each.name, each.known, np.array(curves)[:, AT].T, each.tolerance)


def learned_order(seeds: int) -> Iterator[Row]:
    for step_size, steps in ((0.1, 150), (0.01, 1500)):
        found = [association_range(order_curves(a, seeds, step_size, steps)) for a in ORDER]
        yield Row(f"η = {step_size}", list(ORDER.values()) if step_size == 0.1 else [""] * len(ORDER), found)


def decay(seeds: int) -> Iterator[Row]:
    for a, known in DECAY.items():
        yield Row(f"a = {a:g}", [*known, *[""] * (8 - len(known))], order_curves(a, seeds, 0.1, 150)[:, 1:9].T)


def order_curves(auto: float, seeds: int, step_size: float, steps: int) -> np.ndarray:
    """Correlation of attractors on a cycle of 97 at each distance (seeds, distances)."""
    graph = cycle(97)
    apart = distances(graph.adjacency)
    return np.array([by_distance(correlations(relaxed(graph, auto, 1 - auto, seed, steps, step_size)[1]), apart)
                     for seed in range(seeds)])


def communities(seeds: int, step_size: float = 0.1) -> Iterator[Row]:
    for name, graph, known in (("Schapiro", schapiro(), TRIANGLE), ("karate", karate(), CLUB)):
        within, between, active, alike = (np.zeros((len(AUTO), seeds)) for _ in range(4))
        for i, a in enumerate(AUTO):
            for seed in range(seeds):
                model, states = relaxed(graph, a, 1 - a, seed, round(20 / step_size), step_size)
                likeness = correlations(states)
                within[i, seed], between[i, seed] = community_correlation(likeness, graph.communities)
                active[i, seed] = effective_memories(model, states).mean()
                alike[i, seed] = agreement(likeness, graph.communities, seed)
        yield Row(f"{name}, within", known[0], within)
        yield Row(f"{name}, between", known[1], between)
        yield Row(f"{name}, adjusted Rand index of k-means", ALIKE[name], alike)
        if name == "karate":
            yield Row(f"{name}, active memories", ACTIVE, active)


def flow(seeds: int) -> Iterator[Row]:
    """Nothing is known of steps that short."""
    for row in communities(seeds, 0.01):
        yield replace(row, known=[""] * len(AUTO))


def agreement(likeness: np.ndarray, communities: np.ndarray, seed: int) -> float:
    """Of clusters in the rows of a matrix of correlations with the communities; fewer starts may miss the tightest."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    found = KMeans(len(set(communities)), n_init=STARTS, random_state=seed).fit_predict(likeness)
    return float(adjusted_rand_score(communities, found))


def sequences(seeds: int) -> Iterator[Row]:
    graph = cycle(49, directed=True)
    for (kind, gain, step_size), known in SPEED.items():
        found = np.zeros((len(SETTINGS), seeds))
        for i, (auto, hetero) in enumerate(SETTINGS):
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                patterns = (uniform_memories if kind == "independent" else film)(49, 2000, rng)
                model = Correlated(patterns, graph, auto, hetero, gain=gain)
                states = overlaps_in_time(model, noisy(model.patterns, rng), 100, step_size)
                found[i, seed] = mean_step(states, False).mean()
        yield Row(f"{kind}, β = {gain:g}, η = {step_size}", known, found)


def film(frames: int, neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Noise filtered round the ring, within 0…1."""
    place = np.arange(frames)
    kernel = np.exp(-((np.minimum(place, frames - place) / FILM) ** 2) / 2)
    noise = kernel[(place[:, None] - place) % frames] @ rng.normal(size=(frames, neurons))
    return (noise - noise.min()) / np.ptp(noise)


def held(seeds: int) -> Iterator[Row]:
    """κ = a + h takes the mean memory out of the states, and with it the memories' own sums out of their rivalry."""
    for name, background in (("κ = 1", lambda auto: 1.0), ("κ = a + h", lambda auto: auto + 1)):
        found = []
        for auto in HELD:
            runs = (relaxed(cycle(30), auto, 1.0, seed, 100, neurons=4000, background=background(auto))
                    for seed in range(seeds))
            found.append([(np.diagonal(model.attention(states)) > 0.99).mean() for model, states in runs])
        yield Row(f"starts kept, h = 1, {name}", list(HELD.values()), found)


def neighbours(seeds: int) -> Iterator[Row]:
    apart = distances(cycle(30).adjacency)
    found = np.zeros((len(BESIDE), 2, seeds))
    for i, setting in enumerate(BESIDE):
        for seed in range(seeds):
            model, states = relaxed(cycle(30), *setting, seed, 100)
            found[i, :, seed] = by_distance(correlations(states, model.patterns), apart)[:2]
    for k, what in enumerate(("own", "beside")):
        yield Row(f"{what} memory", [known[k] for known in BESIDE.values()], found[:, k])


def quiescence(seeds: int) -> Iterator[Row]:
    """κ = a + h puts the state without a memory at 0; starts are nearly there."""
    found = np.zeros((len(THRESHOLD), seeds))
    for i, total in enumerate(THRESHOLD):
        auto = total - np.cos(2 * np.pi / 30)
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            model = Correlated(uniform_memories(30, 4000, rng), cycle(30), auto, 1.0, 0.1, auto + 1)
            states = model.relax(0.01 * rng.normal(size=(3, 4000)), 2000, overshoot="accept")
            found[i, seed] = states.std() / model.patterns.std()
    yield Row("spread of states over neurons, parts of a memory's", list(THRESHOLD.values()), found)


def modes(seeds: int) -> Iterator[Row]:
    found = phase_diagram(cycle(30), *PLANE, seeds=range(seeds))["mode"][1]
    patterns = uniform_memories(30, 1000, np.random.default_rng(0))
    rules = [[MODES.index(predict_mode(Correlated(patterns, cycle(30), a, h))) for h in PLANE[1]] for a in PLANE[0]]
    yield Row("fraction of 90 settings", [""], (found == np.array(rules)).mean(axis=(1, 2))[None])


def chain(seeds: int) -> Iterator[Row]:
    exact = mean_field(0.6)
    yield Row("128 m, exact, b = .6", (77, 51, 13, 3, 1), 128 * exact.overlaps[:5, None])
    yield Row("exact, b = .6", (0.664, 0.332, 0.123, 0.040, 0.011), exact.correlations[1:6, None])
    curves = [_curve(Chain(random_signs(30, 20_000, np.random.default_rng(seed)), neighbour=0.53))
              for seed in range(seeds)]
    yield Row("30 patterns, N = 20 000, b = .53", (0.664, 0.332, 0.123, 0.040, 0.011), np.array(curves)[:, 1:6].T)


def inhibition(seeds: int) -> Iterator[Row]:
    found = []
    for auto in REACH:
        found.append([_curve(Chain(random_signs(71, 5000, np.random.default_rng(seed), 0.1), auto, activity=0.1))[5]
                      for seed in range(seeds)])
    yield Row("distance 5, p = .1", list(REACH.values()), np.array(found))


def _curve(network: Chain) -> np.ndarray:
    states, _ = network.relax(sweeps=400)
    return by_distance(correlations(states), distances(cycle(len(network.patterns)).adjacency))


TABLES: Mapping[str, tuple[Callable[[int], Iterator[Row]], Sequence[Any]]] = {
    "range": (range_of_recall, [f"d = {d}" for d in AT]), "order": (learned_order, [f"a = {a:g}" for a in ORDER]),
    "decay": (decay, [f"d = {d}" for d in range(1, 9)]), "communities": (communities, [f"a = {a:g}" for a in AUTO]),
    "flow": (flow, [f"a = {a:g}" for a in AUTO]), "sequences": (sequences, SETTINGS),
    "held": (held, [f"a = {a}" for a in HELD]), "neighbours": (neighbours, list(BESIDE)),
    "quiescence": (quiescence, [f"a + h λ = {total}" for total in THRESHOLD]),
    "modes": (modes, ["rules and simulation agree"]), "chain": (chain, [f"{d}" for d in range(1, 6)]),
    "inhibition": (inhibition, [f"c = {c:g}" for c in REACH]),
}


def entry(values: np.ndarray, known: Any = "", tolerance: float | None = None) -> str:
    """Mean and interval over seeds, and whether that lies within the tolerance."""
    low, high = bootstrap_interval(values)
    told = f"{values.mean():.3f} [{low:.3f}, {high:.3f}]" if len(values) > 1 else f"{values[0]:.3f}"
    if tolerance is None or known == "":
        return told
    return f"{told} {mark(low, high, known, tolerance)}"


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
        for row in rows(options.seeds):
            within = "" if row.tolerance is None else f" ± {row.tolerance:g}"
            if any(known != "" for known in row.known):
                print(f"| {row.what}, known{within} | {' | '.join(map(str, row.known))} |")
            told = [entry(found, known, row.tolerance) for found, known in zip(row.found, row.known, strict=True)]
            print(f"| {row.what} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
