"""Memories of one community come to be alike, though no transition tells the communities apart (Schapiro et al. 2013).

People saw objects in an order that was a random walk on a graph of three communities. Every object was followed by four
others, equally often, within a community or across its boundary; yet brain activity became alike within communities.
Here fifteen patterns are memories on that graph. Linked neighbours within a community and across a boundary are
compared as well; on a ring lattice, where every memory has four neighbours and there are no communities, the same
comparison must find nothing, and neither may a graph on which the memories sit at random. Likeness falls with distance
on the graph (Garvert et al. 2017).

`community_scales` lowers auto-association on a larger graph, Zachary's karate club: from single memories to small
neighbourhoods, to the two clubs, to one state for all (Burns 2024). `community_rooms` does so for a hundred places in
four rooms joined by doors (Burns, Haga & Fukai 2022, eNeuro 9:ENEURO.0023-22.2022), of which every third is cued.
"""
from __future__ import annotations

import functools
from itertools import combinations
from typing import Any

from neuroam.analysis.attractors import (
    active_memories,
    boundary_contrast,
    closeness_agreement,
    cluster_agreement,
    community_contrast,
    community_correlation,
    trend,
)
from neuroam.analysis.contrast import difference, in_group
from neuroam.analysis.plots_attractors import curve_figures, matrix_figures
from neuroam.prediction import Prediction, Region, above, between, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record
from neuroam.protocols.serial_position_correlation import BURNS, HAGA, STEP, cued, named
from neuroam.recipe import recipe
from neuroam.units import ms

SCHAPIRO = "Schapiro et al. 2013, Nat Neurosci 16:486"
GARVERT = "Garvert et al. 2017, eLife 6:e17086"
SIMULATED = "simulations of the published update, N = 1000, five seeds"
CERTAIN = "measured independently; the margin ours"
OURS = "control of this protocol"
AUTO = (1.0, 0.5, 0.0, -0.5, -1.0, -2.0)
LATTICE, SHUFFLED = "ring lattice", "communities at random"
SIZE, COMMUNITIES = 5, 3
PHASES = tuple(f"community {k // SIZE + 1}" for k in range(SIZE * COMMUNITIES))
LINKS = (*((SIZE * c + i, SIZE * c + j) for c in range(COMMUNITIES) for i, j in combinations(range(SIZE), 2)
           if (i, j) != (0, SIZE - 1)),
         *((SIZE * c + SIZE - 1, SIZE * (c + 1) % (SIZE * COMMUNITIES)) for c in range(COMMUNITIES)))
WITHIN = {1.0: -0.07, 0.5: 0.34, 0.0: 1.0, -0.5: 1.0, -1.0: 0.99}
BETWEEN = {1.0: -0.07, 0.5: -0.24, 0.0: -0.49, -0.5: -0.48, -1.0: -0.45}
MEMBERS, ALL = 34, -4.0
OFFICERS = (9, 14, 15, 18, 20, *range(22, 34))  # Zachary 1977, J Anthropol Res 33:452, members counted from 0
CLUBS = tuple("Officer" if k in OFFICERS else "Mr Hi" for k in range(MEMBERS))
CLUB_WITHIN = {1.0: -0.03, 0.5: 0.03, 0.0: 0.29, -0.5: 0.51, -1.0: 0.69}
CLUB_BETWEEN = {1.0: -0.03, 0.5: -0.07, 0.0: -0.24, -0.5: -0.33, -1.0: -0.45}
CLUB_ACTIVE = {1.0: 1.0, 0.5: 1.0, 0.0: 4.0, -0.5: 8.2, -1.0: 11.8}
PLACES, IN_ROOMS, SCATTERED = 100, (1.0, 0.0, -1.0), "places at random"
ROOMS = tuple(f"room {k // 25 + 1}" for k in range(PLACES))
EXPECTED = "expected of a graph with communities"
SAME = functools.partial(community_correlation, same=True)
OTHER = functools.partial(community_correlation, same=False)


@recipe
def community_structure(presentation: Any = 200 * ms, delay: Any = 1500 * ms, window: Any = STEP) -> Protocol:
    """All fifteen patterns, each shown for `presentation`; states are measured in the last `window` of the `delay` (one
    time step)."""
    strains = {named(a): _strain("community", SIZE * COMMUNITIES, a) for a in AUTO}
    strains[LATTICE] = strains[named(0.5)] | {"graph": "ring lattice"}
    strains[SHUFFLED] = strains[named(0.0)] | {"order": "shuffled"}
    return _protocol(
        "community_structure", "Communities of memories", SCHAPIRO, strains,
        cued("final states", SIZE * COMMUNITIES, presentation, delay, window, PHASES), _predictions(), _figures(),
        {"boundaries": "neighbours on the outer ring of the graph, all of them linked: twelve pairs within a "
                       "community, three across a boundary"})


@recipe
def community_scales(presentation: Any = 200 * ms, delay: Any = 1500 * ms, window: Any = STEP) -> Protocol:
    """All 34 members of the karate club, as in `community_structure`."""
    strains = {named(a): _strain("karate", MEMBERS, a) for a in (*AUTO, ALL)}
    return _protocol(
        "community_scales", "Communities of memories at several scales", BURNS, strains,
        cued("final states", MEMBERS, presentation, delay, window, CLUBS), _predictions_of_scales(),
        _figures_of_scales(),
        {"steps": "published values come from steps of a tenth of the time constant, which are too long from a = −2 "
                  "on; they are compared down to a = −1"})


@recipe
def community_rooms(presentation: Any = 200 * ms, delay: Any = 1500 * ms, window: Any = STEP) -> Protocol:
    """Every third of a hundred places in four rooms, as in `community_structure`."""
    strains = {named(a): _strain("rooms", PLACES, a) for a in IN_ROOMS}
    strains[SCATTERED] = strains[named(IN_ROOMS[-1])] | {"order": "shuffled"}
    return _protocol(
        "community_rooms", "Memories of places in four rooms", BURNS, strains,
        cued("final states", PLACES, presentation, delay, window, ROOMS, every=3), _predictions_of_rooms(),
        _figures_of_rooms(),
        {"rooms": "four of 5 × 5 places, each place linked to those beside it, and one door between neighbouring "
                  "rooms; all 100 places are stored, every third is cued"})


def _protocol(name: str, title: str, source: str, strains: dict[str, dict[str, Any]], cues: Block,
              predictions: tuple[Prediction, ...], figures: tuple[Figure, ...], notes: dict[str, str]) -> Protocol:
    """What the three experiments have in common: the circuit, its clock, and what is recorded."""
    return Protocol(
        name=name,
        title=title,
        source=source,
        circuit="correlated",
        levels=("rate", "effective"),
        dt=STEP,
        groups=tuple(Group(group, strain=strain) for group, strain in strains.items()),
        blocks=(cues,),
        record=(Record("visible"), Record("memory")),
        predictions=predictions,
        figures=figures,
        notes={"strength of association": "hetero-association is 1 − a", **notes},
    )


def _strain(graph: str, nodes: int, auto: float) -> dict[str, Any]:
    return {"patterns": nodes, "graph": graph, "auto": auto, "hetero": 1 - auto}


def _predictions() -> tuple[Prediction, ...]:
    return (
        *_table(SAME, "within communities", WITHIN, 0.05), *_table(OTHER, "between communities", BETWEEN, 0.05),
        *(_claim(f"{named(a)}: correlation within less between communities", community_contrast, named(a), above(0.0),
                 SCHAPIRO, "more alike within", "read in the abstract") for a in (0.5, 0.0)),
        *(_claim(f"{named(a)}: linked neighbours, within less across a boundary", boundary_contrast, named(a),
                 above(0.0), SCHAPIRO, "communities, though transitions are alike", "read in the abstract")
          for a in (0.5, 0.0)),
        _claim("ring lattice: linked neighbours, within less across", boundary_contrast, LATTICE, within(0.05), OURS,
               "must find nothing", "ours"),
        _claim("communities at random: correlation within less between", community_contrast, SHUFFLED, within(0.25),
               OURS, "must find nothing", "ours"),
        _claim("auto-association alone: correlation within less between", community_contrast, named(1.0), within(0.05),
               OURS, "must find nothing", "ours"),
        _claim("a = 0.5: rank correlation with closeness on the graph", closeness_agreement, named(0.5), above(0.0),
               GARVERT, "scales with distance on the graph", "read in the abstract", links=LINKS),
        Prediction("a = 0.5: communicability explains more than the shortest way, rank correlation by",
                   functools.partial(_better, group=named(0.5)), above(0.0), "best by a weighted sum of future states",
                   GARVERT, "read in the abstract, of another graph"),
        _claim("a = 0: clusters are the communities, adjusted Rand index", cluster_agreement, named(0.0), above(0.95),
               SIMULATED, "1.00", "measured independently"),
    )


def _predictions_of_rooms() -> tuple[Prediction, ...]:
    auto = {named(a): -a for a in IN_ROOMS}
    return (
        *(_claim(f"{named(a)}: correlation within less between rooms", community_contrast, named(a), above(0.0),
                 EXPECTED, "more alike within", "ours") for a in IN_ROOMS[1:]),
        Prediction("the less auto-association, the more memories share a state: rank correlation", functools.partial(
            trend, measure=active_memories, groups=auto), above(0.9), "the scale grows with anti-Hebbian inhibition",
            HAGA, "read in the abstract", "the size"),
        Prediction("a = −1 less a = 0: correlation within rooms", functools.partial(
            difference, measure=SAME, first=named(-1.0), second=named(0.0)), above(0.0), "larger neighbourhoods",
            EXPECTED, "ours"),
        _claim("places at random: correlation within less between rooms", community_contrast, SCATTERED, within(0.1),
               OURS, "must find nothing", "ours"),
        _claim("auto-association alone: correlation within less between rooms", community_contrast, named(1.0),
               within(0.05), OURS, "must find nothing", "ours"),
    )


def _better(recording: Any, group: str) -> Any:
    """Rank correlation with communicability less that with the shortest way."""
    one, other = (in_group(recording, functools.partial(closeness_agreement, links=LINKS, kind=kind), group)
                  for kind in ("communicability", "shortest way"))
    return one - other


def _predictions_of_scales() -> tuple[Prediction, ...]:
    auto = {named(a): -a for a in (*AUTO[1:], ALL)}
    return (
        *_table(SAME, "within clubs", CLUB_WITHIN, 0.07), *_table(OTHER, "between clubs", CLUB_BETWEEN, 0.07),
        *(_claim(f"{named(a)}: memories that share a state", active_memories, named(a), between(0.75 * n, 1.25 * n),
                 SIMULATED, f"{n}", CERTAIN) for a, n in CLUB_ACTIVE.items()),
        Prediction("the less auto-association, the more memories share a state: rank correlation", functools.partial(
            trend, measure=active_memories, groups=auto), above(0.9), "the scale grows with anti-Hebbian inhibition",
            HAGA, "read in the abstract", "the size"),
        _claim("a = −0.5: clusters are the clubs, adjusted Rand index", cluster_agreement, named(-0.5),
               between(0.75, 1.01), SIMULATED, "0.86", CERTAIN),
        _claim("auto-association alone: clusters are the clubs, adjusted Rand index", cluster_agreement, named(1.0),
               within(0.15), SIMULATED, "0.05; must fail", CERTAIN),
        Prediction("a = −2 less a = 0: correlation within clubs", functools.partial(
            difference, measure=SAME, first=named(-2.0), second=named(0.0)), above(0.2), "0.67 − 0.29", SIMULATED,
            CERTAIN),
    )


def _table(measure: Any, where: str, known: dict[float, float], margin: float) -> tuple[Prediction, ...]:
    return tuple(_claim(f"{named(a)}: correlation {where}", measure, named(a),
                        between(round(value - margin, 6), round(value + margin, 6)), SIMULATED, f"{value}", CERTAIN)
                 for a, value in known.items())


def _claim(claim: str, measure: Any, group: str, expect: Region, source: str, published: str, certainty: str,
           **settings: Any) -> Prediction:
    statistic = functools.partial(in_group, measure=functools.partial(measure, **settings), group=group)
    return Prediction(claim, statistic, expect, published, source, certainty)


def _against(strengths: tuple[float, ...]) -> dict[str, dict[str, float]]:
    return {"auto-association, a": {named(a): a for a in sorted(strengths)}}


def _figures() -> tuple[Figure, ...]:
    return (
        Figure("Final states compared",
               "Correlations between the final states from all fifteen cues, community by community, first animal.",
               functools.partial(matrix_figures, groups=(*(named(a) for a in AUTO[:4]), LATTICE, SHUFFLED),
                                 label="cue")),
        Figure("Within and between communities",
               "Mean correlation over pairs of cues; mean and 95 % bootstrap interval over {animals}; crosses: "
               f"{SIMULATED}.",
               functools.partial(curve_figures, axes=_against(AUTO), ylabel="correlation of states",
                                 measures={"within": SAME, "between": OTHER, "within less across a boundary":
                                           boundary_contrast}, reference={"within": WITHIN, "between": BETWEEN})),
    )


def _figures_of_scales() -> tuple[Figure, ...]:
    strengths = (*AUTO, ALL)
    return (
        Figure("Final states compared",
               "Correlations between the final states from all 34 cues, the clubs one after the other, first animal.",
               functools.partial(matrix_figures, groups=tuple(named(a) for a in strengths if a != 0.5), label="member",
                                 sort=True)),
        Figure("Memories that share a state",
               "exp(entropy of the answers of memory neurons); mean and 95 % bootstrap interval over {animals}; "
               f"crosses: {SIMULATED}.",
               functools.partial(curve_figures, measures={"": active_memories}, axes=_against(strengths),
                                 ylabel="memories", reference={"auto-association, a": CLUB_ACTIVE})),
        Figure("Within and between clubs",
               f"Mean correlation over pairs of members; crosses: {SIMULATED}.",
               functools.partial(curve_figures, axes=_against(strengths), ylabel="correlation of states",
                                 measures={"within": SAME, "between": OTHER},
                                 reference={"within": CLUB_WITHIN, "between": CLUB_BETWEEN})),
    )


def _figures_of_rooms() -> tuple[Figure, ...]:
    return (
        Figure("Final states compared",
               "Correlations between the final states from every third place, room after room, first animal.",
               functools.partial(matrix_figures, groups=(*(named(a) for a in IN_ROOMS), SCATTERED), label="cue")),
        Figure("Within and between rooms",
               "Mean correlation over pairs of places; mean and 95 % bootstrap interval over {animals}.",
               functools.partial(curve_figures, axes=_against(IN_ROOMS), ylabel="correlation of states",
                                 measures={"within": SAME, "between": OTHER})),
    )
