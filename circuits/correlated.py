"""Correlated dense associative memory as a circuit: what was learned side by side comes to mind together (Burns 2024).

    τ_v dv/dt = −v + Σ_μ Q_μ f_μ − 2c g Σ_μ ξ_μ f_μ − 2(1 − c) κ ξ̃ Σ_μ f_μ + I      Q_μ = (a + g) ξ_μ + h Σ_ν M_μν ξ_ν
    τ_m dh_μ/dt = −h_μ + Σ_i ξ_μi v_i      f = softmax(β h)      M = D^-1/2 A D^-1/2      ξ̃ = mean pattern

A memory neuron hears how much the visible state is like its pattern, and answers with that pattern and with those of
its neighbours on the graph A: the synapses back are not the transpose of those there. Two kinds of interneurons hear
the memory neurons. Each *targeted* one belongs to a memory and inhibits the cells of its pattern (g): with it
auto-association a may be negative though memory neurons only excite. The *global* one hears all and inhibits in
proportion to the mean pattern (κ). Acetylcholine c shunts both: it divides the drive of the targeted ones by 1/c and
that of the global one by 1/(1 − c), which multiplies them by c and 1 − c as in Haga & Fukai 2019 (arXiv 1809.05254); at
c = ½ both are as given.

Targeted inhibition is given, or it learns: while "learning" is presented, the synapses of a targeted neuron with
emission t follow the inhibitory rule of Vogels et al. 2011 (Science 334:1569) with a target of 0, dw_i/dt = −λ t v_i
and w ≤ 0, until the cells that it inhibits are silent. What it has of its pattern by then is anti-Hebbian: a falls.

With memory neurons and interneurons instantaneous this is the published update (`neuroam.effective.correlated`), a time
step of η τ_v being one update of size η: the softmax sums to one, so that the answer of the global interneuron is the
published constant −κ ξ̃. In time interneurons lag behind, and in spikes their sum is noisy. In a memory with a body no
cell knows the sum: memory neurons are exponential, exp(β (ξ_μ − ξ̃)·v), and an interneuron divides what they pass on to
answering neurons by 1 + Σ. That is a softmax with a silent competitor that is like the mean pattern, and Σ f < 1.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored, WeightMatrix
from neuroam.circuits.images import digit_images, digits
from neuroam.circuits.visible_hidden import similarity
from neuroam.connect import Connectivity, all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.graphs import LINK_SIGNS, Graph, clique_ring, cycle, graph_of, karate, normalised, ring_lattice, rooms
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.plasticity import ThreeFactor
from neuroam.recipe import recipe
from neuroam.transfer import Exponential, Linear, Softmax
from neuroam.units import Cited, Hz, assumed, cited, ms, second

BURNS = "Burns 2024, ICML, arXiv 2404.07123"
HAGA = "Haga & Fukai 2019, arXiv 1809.05254"
BALANCED = 0.5  # level of acetylcholine at which both kinds of inhibition are as strong as given
LEAST = 1e-9
LEAST_EMISSION = (("visible", -2.0),)
USUAL = 30
ORDERS = ("fixed", "shuffled")
Parts = tuple[list[Population], list[Projection]]


def classes(images: int) -> Graph:
    """Images linked to all others that show the same digit."""
    shown = digit_images()[1][:images]
    return Graph((shown[:, None] == shown).astype(float) - np.eye(len(shown)), shown)


def reversed_cycle(nodes: int) -> Graph:
    """A directed cycle gone through against the order of the patterns, as in the published film."""
    ahead = cycle(nodes, directed=True)
    return Graph(ahead.adjacency.T, ahead.communities)


# name: what makes it of so many nodes, and the number of nodes where there is no choice
GRAPHS: Mapping[str, tuple[Callable[[int], Graph], int]] = {
    "cycle": (cycle, 0),
    "directed cycle": (functools.partial(cycle, directed=True), 0),
    "reversed cycle": (reversed_cycle, 0),
    "community": (lambda nodes: clique_ring(3, 5), 15),
    "triK5": (lambda nodes: clique_ring(3, 5), 15),
    "karate": (lambda nodes: karate(), 34),
    "rooms": (lambda nodes: rooms(), 100),
    "ring lattice": (functools.partial(ring_lattice, degree=4), 0),
    "classes": (classes, 0),
}


def graph_named(graph: str, nodes: int) -> Graph:
    """One of `GRAPHS`, or the graph that a text describes link by link."""
    return GRAPHS[graph][0](nodes) if graph in GRAPHS else graph_of(graph)


def links(graph: str, patterns: np.ndarray, order: str) -> np.ndarray:
    """M (p, p). In a shuffled order memories sit on the nodes at random, anew for each animal: its own patterns are the
    seed."""
    made = normalised(graph_named(graph, len(patterns)).adjacency)
    if order == "fixed":
        return made
    node = np.random.default_rng(zlib.crc32(patterns.tobytes())).permutation(len(patterns))
    return made[np.ix_(node, node)]


def centred(patterns: np.ndarray) -> np.ndarray:
    """S = ξ − ξ̃."""
    return patterns - patterns.mean(axis=0)


def association(patterns: np.ndarray, graph: str, order: str, auto: float, hetero: float) -> np.ndarray:
    """Q (n, p), what memories lead to."""
    couplings = auto * np.eye(len(patterns))
    if hetero:
        couplings += hetero * links(graph, patterns, order)
    return (couplings @ patterns).T


def targeted_answer(patterns: np.ndarray, strength: float) -> np.ndarray:
    """−g ξᵀ (n, p)."""
    return -strength * patterns.T


def global_answer(patterns: np.ndarray, strength: float) -> np.ndarray:
    """−κ ξ̃ (n, 1)."""
    return -strength * patterns.mean(axis=0)[:, None]


def shunt(doses: Mapping[str, float], tonic: float) -> np.ndarray:
    """What acetylcholine adds to the 1 that targeted and global interneurons are divided by: 1/c − 1, 1/(1 − c) − 1."""
    dose = float(doses.get("acetylcholine", tonic))
    if not 0 <= dose <= 1:
        raise DescriptionError(f"correlated: a dose of {dose:g} of acetylcholine; give 0, global inhibition alone, to "
                               "1, targeted inhibition alone")
    level = min(max(dose, LEAST), 1 - LEAST)
    return np.array([1 / level - 1, 1 / (1 - level) - 1])


def permission(doses: Mapping[str, float]) -> np.ndarray:
    """Synapses learn while it is there."""
    return np.array([float(doses.get("learning", 0.0))])


# name: its answer, in words, whom it hears of the memory neurons, and who described it
INTERNEURONS: Mapping[str, tuple[Callable[..., np.ndarray], str, Connectivity, str]] = {
    "targeted": (targeted_answer, "the pattern", one_to_one(), HAGA),
    "global": (global_answer, "the mean pattern", all_to_all(), BURNS),
}


@recipe
def correlated(
    patterns: int = 0,
    cells: int = 1000,
    graph: str = "cycle",
    order: str = "fixed",
    auto: float = -0.5,
    hetero: float = 1.5,
    sharpness: float = 1.0,
    background: float = 1.0,
    targeted: float | None = None,
    learning: float = 0.0,
    acetylcholine: float = BALANCED,
    body: bool = False,
    smooth: float = 0.0,
    images: str = "",
    cue: float = 1.0,
    tau_visible: Any = 100 * ms,
    tau_memory: Any = 2 * ms,
    tau_inhibition: Any = 2 * ms,
    pool: int = 100,
    ceiling: Any = 100 * Hz,
) -> Circuit:
    """`patterns` patterns, uniform in 0…1, of `cells` visible neurons, one on each node of `graph` (0: as many as it
    has, 30 on graphs of any size); in a shuffled `order`, on nodes drawn for each animal. `graph` is a name, or links:
    "a - b; b - c 0.5; c > a", see `graphs.graph_of`, with patterns in the order in which nodes come.

    `auto` is a, `hetero` h, `sharpness` β, `background` κ, `targeted` g (not given: max(−a, 0), as much as lets memory
    neurons only excite), `learning` λ per second (0: targeted inhibition is given; else it starts from none and learns,
    which the effective level does not carry), `acetylcholine` c while no protocol sets it, `cue` the strength of the
    cue's synapses, `smooth` that of `Patterns`. ``images="digits"`` stores scikit-learn's digits; the graph "classes"
    links those of one digit. `pool` and `ceiling`: see `visible_hidden`. A memory with a `body` has no spiking level,
    as its emission spans decades.
    """
    stored = _stored(patterns, cells, graph, smooth, images)
    _check(
        order=(order, order in ORDERS, f"one of {', '.join(ORDERS)}"),
        sharpness=(sharpness, sharpness > 0, "above 0"),
        acetylcholine=(acetylcholine, 0 < acetylcholine < 1, "between 0 and 1"),
        learning=(learning, learning >= 0 and not (learning and targeted), "0 where inhibition is given, or above"),
    )
    strength = (0.0 if learning else max(-auto, 0.0)) if targeted is None else float(targeted)
    back = Stored(
        functools.partial(association, graph=graph, order=order, auto=auto + strength, hetero=hetero),
        f"{auto + strength:g} ξ_μi + {hetero:g} Σ_ν M_μν ξ_νi on the graph {_title(graph, stored.number)!r}",
        source=BURNS,
    )
    membrane = assumed(tau_visible, "slow, as with NMDA receptors, so that inhibition can keep up")
    memory, synapses = _memory(
        stored.number,
        assumed(tau_memory, "fast; the theory takes it to 0"),
        assumed(sharpness, "1 in most published experiments"),
        body,
    )
    speaker = memory[-1].name
    inhibition = _inhibition(
        stored.number,
        speaker,
        {"targeted": strength, "global": background},
        assumed(tau_inhibition, "fast interneurons"),
        stored.size if learning else 0,
        _rule(learning, membrane),
    )
    return Circuit(
        name=f"correlated memory on a {_title(graph, stored.number)}",
        source=BURNS,
        populations=(
            Population("cue", stored.size, Drive(), "what is presented"),
            Population("visible", stored.size, Rate(membrane, Linear()), "features"),
            *memory,
            *inhibition[0],
        ),
        projections=(
            Projection("cue", "visible", one_to_one(), assumed(cue, "1: as strong as a memory")),
            *synapses,
            Projection(speaker, "visible", all_to_all(), back),
            *inhibition[1],
        ),
        ports={"cue": Port("cue", patterns=True), **_port(inhibition, acetylcholine)},
        patterns=stored,
        hidden=tuple(p.name for p in (*memory, *inhibition[0]) if not isinstance(p.neuron, Drive)),
        pool=None if body else Pool(pool, assumed(ceiling, "of the order of peak cortical rates"), LEAST_EMISSION),
    )


def _memory(number: int, tau: Cited, sharpness: Cited, body: bool) -> Parts:
    """Memory neurons, the last population being the one that answers, and their synapses."""
    if not body:
        there = Stored(similarity, "ξ_μi, the stored patterns", source=BURNS)
        return (
            [Population("memory", number, Rate(tau, Softmax(gain=sharpness)), "one neuron a pattern")],
            [Projection("visible", "memory", all_to_all(), there)],
        )
    one = cited(1.0, "divisive normalisation (Carandini & Heeger 2012, Nat Rev Neurosci 13:51)")
    populations = [
        Population("memory", number, Rate(tau, Exponential(slope=sharpness)), "one neuron a pattern"),
        Population("pool", 1, Rate(tau, Linear()), "an interneuron that hears all memory neurons"),
        Population("answer", number, Rate(tau, Linear()), "what memory neurons pass on"),
    ]
    return populations, [
        Projection("visible", "memory", all_to_all(), Stored(centred, "ξ_μi − ξ̃_i", source=BURNS)),
        Projection("memory", "pool", all_to_all(), one),
        Projection("memory", "answer", one_to_one(), one),
        Projection("pool", "answer", all_to_all(), one, acts="divisive"),
    ]


def _rule(learning: float, tau: Cited) -> ThreeFactor:
    return ThreeFactor(on_pre_post=assumed(-learning / second, "slow against the membrane"), trace_post=tau, high=0.0,
                       gate="permission", name="inhibitory, target 0")


def _inhibition(memories: int, speaker: str, strengths: Mapping[str, float], tau: Cited, learning_cells: int,
                rule: ThreeFactor) -> Parts:
    """The interneurons that have a strength or learn one, and acetylcholine."""
    populations: list[Population] = []
    projections: list[Projection] = []
    heard = assumed(1.0, "sets no scale")
    for cell, (name, (rule_of, what, joined, source)) in enumerate(INTERNEURONS.items()):
        learns = name == "targeted" and learning_cells > 0
        if not strengths[name] and not learns:
            continue
        size = memories if name == "targeted" else 1
        weight = strengths[name] / BALANCED
        given = Stored(functools.partial(rule_of, strength=weight), f"−{weight:g} times {what}", source=source)
        naive = WeightMatrix(np.zeros((learning_cells, size)), "1", "naive: learned later")
        shunted = np.zeros((size, len(INTERNEURONS)))
        shunted[:, cell] = 1
        populations.append(Population(name, size, Rate(tau, Linear()), f"answers with {what}"))
        projections += [
            Projection(speaker, name, joined, heard),
            Projection("modulator", name, all_to_all(), WeightMatrix(shunted, "1", HAGA), acts="divisive"),
            Projection(name, "visible", all_to_all(), naive if learns else given, plasticity=rule if learns else None),
        ]
    if populations:
        populations.append(Population("modulator", len(INTERNEURONS), Drive(), "acetylcholine at either kind"))
    if learning_cells:
        populations.append(Population("permission", 1, Drive(), "lets targeted inhibition learn"))
    return populations, projections


def _port(inhibition: Parts, tonic: float) -> dict[str, Port]:
    if not inhibition[0]:
        return {}
    ports = {"acetylcholine": Port("modulator", ("acetylcholine",), functools.partial(shunt, tonic=tonic))}
    if any(population.name == "permission" for population in inhibition[0]):
        ports["learning"] = Port("permission", ("learning",), permission)
    return ports


def _stored(patterns: int, cells: int, graph: str, smooth: float, images: str) -> Patterns:
    nodes = _nodes(graph)
    number = patterns or nodes or USUAL
    if nodes and number != nodes:
        raise DescriptionError(
            f"correlated: patterns is {patterns}, but graph {graph!r} has {nodes} nodes; give "
            f"patterns={nodes}, or another graph"
        )
    if images not in ("", "digits") or (graph == "classes" and not images):
        raise DescriptionError(
            f"correlated: images is {images!r}; use 'digits', which the graph 'classes' needs, or nothing"
        )
    graph_named(graph, number)  # refuses a number of nodes that it cannot have
    return digits(number) if images else Patterns(number, cells, "visible", "uniform", smooth=smooth)


def _nodes(graph: Any) -> int:
    """The number of nodes, 0 where there is a choice."""
    if not isinstance(graph, str):
        raise DescriptionError(f"correlated: graph is a {type(graph).__name__}; give it in words, those of "
                               "neuroam.graphs.in_words(graph), or use one of " + ", ".join(GRAPHS))
    if graph in GRAPHS:
        return GRAPHS[graph][1]
    if not LINK_SIGNS & set(graph.split()):
        raise DescriptionError(f"correlated: graph is {graph!r}; use one of {', '.join(GRAPHS)}, or links such as "
                               "'a - b; b - c 0.5; c > a'")
    adjacency = graph_of(graph).adjacency
    normalised(adjacency)  # refuses nodes without links
    return len(adjacency)


def _title(graph: str, memories: int) -> str:
    return graph if graph in GRAPHS else f"graph of {memories} nodes given by its links"


def _check(**settings: tuple[object, bool, str]) -> None:
    for name, (value, right, wanted) in settings.items():
        if not right:
            raise DescriptionError(f"correlated: {name} is {value!r}; it must be {wanted}")
