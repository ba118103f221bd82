"""Graphs of memories: which memory was learned beside, or before, which.

A graph is its adjacency matrix A, A_ij the weight of the link i → j, with a community label for each node. Those here
are the ones the field uses:

    cycle         a fixed order of stimuli (Miyashita 1988, Nature 335:817), directed for a sequence
    schapiro      15 nodes, three communities, every node of degree 4 (Schapiro et al. 2013, Nat Neurosci 16:486)
    karate        two clubs (Zachary 1977, J Anthropol Res 33:452)
    rooms         four rooms of 5 × 5 places with four doors (Burns, Haga & Fukai 2022, eNeuro 9:ENEURO.0023-22.2022)
    ring_lattice, shuffled      controls with the same degrees and no communities

Any other graph may be written link by link, "a - b; b - c 0.5; c > a": `graph_of` reads this, `in_words` writes it.

The graph triK5 of Burns, Haga & Fukai, three 5-cliques that each lost an edge and are joined in a ring by its ends, is
Schapiro's graph under other numbers.

A table of transitions (state, symbol) → state is a graph with named links; `transitions_of` reads it in any form.
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from neuroam.errors import DescriptionError, Unsupported

ROOM, SIDE = 25, 5
LINK_SIGNS = frozenset("->")
DOORS = ((23, 28), (15, 61), (73, 78), (86, 40))  # places numbered from 1, room after room, row after row
Transitions = Mapping[tuple[str, str], str]
Listed = str | Transitions | Iterable[tuple[str, str, str]]  # what `transitions_of` reads
FAMILY = ("H wife M; H son B; H daughter L; M husband H; M son B; M daughter L; "  # Burns 2024, arXiv 2404.07123
          "L mother M; L father H; L brother B; B mother M; B father H; B sister L")


class Graph(NamedTuple):
    """`adjacency` (p, p), from row to column; `communities` (p,), a label for each node."""

    adjacency: np.ndarray
    communities: np.ndarray


def cycle(nodes: int, directed: bool = False) -> Graph:
    """Each node linked to the next and, unless `directed`, to the one before. One community."""
    if nodes < 3:
        raise DescriptionError(f"a cycle of {nodes} nodes has no neighbours to tell apart; give at least 3")
    ahead = np.roll(np.eye(nodes), 1, axis=1)
    return Graph(ahead if directed else ahead + ahead.T, np.zeros(nodes, int))


def clique_ring(cliques: int = 3, size: int = 5) -> Graph:
    """Cliques without the edge from their first to their last node, joined in a ring: last node to next one's first."""
    if cliques < 3 or size < 3:
        raise DescriptionError(f"a ring of {cliques} cliques of {size} nodes; give at least 3 cliques of at least 3")
    communities = np.repeat(np.arange(cliques), size)
    adjacency = (communities[:, None] == communities).astype(float) - np.eye(cliques * size)
    first = size * np.arange(cliques)
    last = first + size - 1
    adjacency[first, last] = adjacency[last, first] = 0
    adjacency[last, np.roll(first, -1)] = adjacency[np.roll(first, -1), last] = 1
    return Graph(adjacency, communities)


def schapiro() -> Graph:
    """Three communities of five nodes, all of degree 4, so that a random walk takes every link equally often."""
    return clique_ring(3, 5)


def karate() -> Graph:
    """Zachary's karate club, links without weights; the communities are the clubs after the split. Needs networkx."""
    networkx = import_networkx("the karate club")
    club = networkx.karate_club_graph()
    joined = np.array([club.nodes[node]["club"] == "Officer" for node in club])
    return Graph(networkx.to_numpy_array(club, weight=None), joined.astype(int))


def rooms() -> Graph:
    """Four rooms of 5 × 5 places, each linked to the places beside it, and a door between neighbouring rooms."""
    line = np.eye(SIDE, k=1) + np.eye(SIDE, k=-1)
    room = np.kron(line, np.eye(SIDE)) + np.kron(np.eye(SIDE), line)
    adjacency = np.kron(np.eye(4), room)
    for one, other in DOORS:
        adjacency[one - 1, other - 1] = adjacency[other - 1, one - 1] = 1
    return Graph(adjacency, np.repeat(np.arange(4), ROOM))


def ring_lattice(nodes: int, degree: int) -> Graph:
    """Each node linked to the degree/2 nearest on either side: the degrees of a modular graph without its modules."""
    if degree < 2 or degree % 2 or degree >= nodes:
        raise DescriptionError(f"ring lattice of {nodes} nodes and degree {degree}; give an even degree below {nodes}")
    adjacency = sum(np.roll(np.eye(nodes), k, axis=1) for k in range(-(degree // 2), degree // 2 + 1)) - np.eye(nodes)
    return Graph(np.asarray(adjacency), np.zeros(nodes, int))


def shuffled(graph: Graph, seed: int) -> Graph:
    """An undirected connected graph with the degrees of `graph` and its labels, links otherwise at random: edges in
    pairs exchange ends, ten times as often as there are edges. Needs networkx."""
    networkx = import_networkx("a shuffled graph")
    if np.any(graph.adjacency != graph.adjacency.T) or set(np.unique(graph.adjacency)) - {0.0, 1.0}:
        raise DescriptionError("shuffled: the graph is directed or weighted; give one with symmetric links of weight 1")
    swapped = networkx.from_numpy_array(graph.adjacency)
    networkx.connected_double_edge_swap(swapped, 10 * swapped.number_of_edges(), seed=seed)
    return Graph(networkx.to_numpy_array(swapped, nodelist=range(len(graph.adjacency)), weight=None), graph.communities)


def graph_of(text: str) -> Graph:
    """The graph of a text: links "a - b" both ways, "a > b" one way, each with a weight if it is not 1, and nodes
    without their links, all separated by semicolons. Nodes are in the order in which they come. One community."""
    weights: dict[tuple[str, str], float] = {}
    nodes: dict[str, int] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        names, pairs, weight = _link(entry, entry.split())
        for name in names:
            nodes.setdefault(name, len(nodes))
        for pair in pairs:
            if weights.setdefault(pair, weight) != weight:
                raise DescriptionError(f"link {entry!r}: it has weight {weights[pair]:g} already; give it once")
    if not weights:
        raise DescriptionError(f"graph {text!r} has no links; give them as 'a - b; b - c 0.5; c > a'")
    adjacency = np.zeros((len(nodes), len(nodes)))
    for (one, other), weight in weights.items():
        adjacency[nodes[one], nodes[other]] = weight
    return Graph(adjacency, np.zeros(len(nodes), int))


def _link(entry: str, words: list[str]) -> tuple[list[str], list[tuple[str, str]], float]:
    """Nodes that an entry names, the pairs that it links, and how strongly."""
    names, signs = words[:3:2], words[1:2]
    if len(words) not in (1, 3, 4) or LINK_SIGNS & {*names} or not {*signs} <= LINK_SIGNS:
        raise DescriptionError(f"link {entry!r}: give 'a - b' for both ways or 'a > b' for one, then a weight if it is "
                               "not 1")
    try:
        weight = float(words[3]) if words[3:] else 1.0
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or not weight:
        raise DescriptionError(f"link {entry!r}: its weight is {words[3]!r}; give a number other than 0")
    ways = {"-": [names, names[::-1]], ">": [names]}[signs[0]] if signs else []
    return names, [(one, other) for one, other in ways], weight


def in_words(graph: Any) -> str:
    """The text that `graph_of` reads, of anything that `adjacency_of` takes; nodes are numbered from 1."""
    adjacency = adjacency_of(graph)
    links = [f"{i + 1} {'-' if weight == adjacency[j, i] else '>'} {j + 1} {float(weight)!r}".removesuffix(" 1.0")
             for (i, j), weight in np.ndenumerate(adjacency) if weight and (i <= j or weight != adjacency[j, i])]
    return "; ".join([*(str(k + 1) for k in range(len(adjacency))), *links])


def adjacency_of(graph: Any) -> np.ndarray:
    """The matrix (p, p) of a `Graph`, a networkx graph (nodes in its order, links by "weight"), or any matrix."""
    if isinstance(graph, Graph):
        graph = graph.adjacency
    elif hasattr(graph, "is_directed"):
        graph = import_networkx("a networkx graph").to_numpy_array(graph)
    elif sparse.issparse(graph):
        graph = graph.toarray()
    adjacency = np.asarray(graph, dtype=float)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
        raise DescriptionError(f"graph of shape {adjacency.shape}; give a square adjacency matrix")
    if not np.isfinite(adjacency).all():
        raise DescriptionError("graph has links that are not finite; give 0 where there is no link")
    return adjacency


def normalised(adjacency: np.ndarray) -> np.ndarray:
    """M = D^-1/2 A D^-1/2 with D the row sums of A (p, p). A node without outgoing links has no D^-1/2: refused."""
    sums = adjacency.sum(axis=1)
    if np.any(sums <= 0):
        worst = int(np.argmax(sums <= 0))
        raise DescriptionError(
            f"graph: links out of node {worst} sum to {sums[worst]:g}, so D^-1/2 does not exist; give the node a link "
            "(such as one to itself), leave it out, or take the graph as it is with normalise=False")
    return adjacency / np.sqrt(np.outer(sums, sums))


def distances(adjacency: np.ndarray) -> np.ndarray:
    """Links on the shortest way between any two nodes, whatever their direction (p, p); inf where there is none."""
    return csgraph.shortest_path(adjacency != 0, directed=False, unweighted=True)


def transitions_of(given: Listed) -> dict[tuple[str, str], str]:
    """The table {(state, symbol): next state} that is given as such, as a text like "off push on; on push off", or as
    triples (state, symbol, next state). Names are single words."""
    table: dict[tuple[str, str], str] = {}
    for words in _entries(given):
        entry = " ".join(map(str, words))
        if len(words) != 3 or not all(isinstance(word, str) and word.split(";") == word.split() for word in words):
            raise DescriptionError(f"transition {entry!r}: give three words, a state, a symbol and the next state")
        if table.setdefault((words[0], words[1]), words[2]) != words[2]:
            raise DescriptionError(f"transition {entry!r}: {words[0]!r} with {words[1]!r} already leads to "
                                   f"{table[words[0], words[1]]!r}; an automaton goes to one state")
    if not table:
        raise DescriptionError(f"transitions {given!r} hold none; give them as 'off push on; on push off'")
    return table


def _entries(given: Any) -> list[tuple[Any, ...]]:
    """One tuple for each transition, whatever is in it."""
    if isinstance(given, str):
        return [tuple(part.split()) for part in given.split(";") if part.strip()]
    if isinstance(given, Mapping):
        return [(*(key if isinstance(key, tuple) else (key,)), after) for key, after in given.items()]
    if not isinstance(given, Iterable):
        raise DescriptionError(f"transitions are {given!r}; give them as 'off push on; on push off', as a table "
                               "{(state, symbol): next state}, or as triples")
    listed = (entry.split() if isinstance(entry, str) else entry for entry in given)
    return [tuple(entry) if isinstance(entry, (tuple, list)) else (entry,) for entry in listed]


def states_of(table: Transitions) -> tuple[str, ...]:
    """States in the order in which the table has them, those that are left first."""
    return tuple(dict.fromkeys([state for state, _ in table] + list(table.values())))


def symbols_of(table: Transitions) -> tuple[str, ...]:
    """Symbols in the order in which the table has them."""
    return tuple(dict.fromkeys(symbol for _, symbol in table))


def import_networkx(what: str) -> Any:
    try:
        import networkx
    except ImportError as missing:
        raise Unsupported(f"{what} needs networkx; install networkx (pip install networkx)") from missing
    return networkx
