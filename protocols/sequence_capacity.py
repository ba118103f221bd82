"""How long a sequence can be: transitions and whole sequences against the number of motifs (Chaudhry et al. 2023).

A transition is right if the motif after the cued one is recalled without a single wrong sign; a sequence, if all
transitions are. The first is measured a step after each of some cues; the second by letting the network run through all
motifs. The paper's laws, natural logarithms,

    power d        P_T = N^d / (2 (2d − 1)!! ln N)          P_S = P_T / (d + 1)
    exponential    P_T = β^{N − 1} / (2 ln N)               β = e²/cosh 2
    with hold      P_T = (λ − 1)² N^k / (2 γ ln N)          P_S = P_T / (k + 1),  k the lower of both degrees

hold for N → ∞; networks of these sizes recall half of the transitions and sequences at about twice as many motifs. Of
the exponential, sequences end where two of P motifs drawn from 2^N are alike or nearly, at about 1.18 2^{N/2} / √(1 +
N/2). Motifs of which more cells are on than off (bias ε) are confused unless similarities are decorrelated
(pseudoinverse).
"""
from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_sequences import bias_figures, half_figures, recall_figures
from neuroam.analysis.plots_walk import due_figures, order_figures, overlap_figures, walk_figures
from neuroam.analysis.sequence_memory import followed, half_over, unbroken
from neuroam.analysis.sequence_walk import dwell, pace, share
from neuroam.errors import DescriptionError
from neuroam.prediction import Prediction, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Trial
from neuroam.protocols.sequence_recall import STEP, cued
from neuroam.recipe import recipe
from neuroam.units import ms

CHAUDHRY = "Chaudhry et al. 2023, arXiv 2306.04532"
SIMULATED = "simulations of the discrete-time networks"
CUES = 14  # motifs that every network stores
AROUND = (0.45, 0.65, 0.9, 1.2, 1.6, 2.2)  # loads of transitions, over the one at which half are right
NEAR = (0.6, 0.75, 0.9, 1.05, 1.2, 1.45)  # of sequences of powers, whose end is sharper
LAMBDA = 2.5
CUEING = 4.0  # where motifs are held: a cue that outweighs the crosstalk of those that are not meant
TRANSITIONS, SEQUENCES = "transitions", "sequence"
SHOWN = ("d = 1", "d = 2", "exponential", "d = 2 holds, 2 moves")  # whose walks are shown, where they walk
SECONDS = 1.1
FOLLOWED = functools.partial(followed, block=TRANSITIONS)
UNBROKEN = functools.partial(unbroken, block=SEQUENCES, gap=0.98 * float(STEP))


@dataclass(frozen=True)
class Network:
    """One network: how its circuit is made, and the loads at which half of its transitions and sequences were measured
    to be right (none: not tried)."""

    name: str
    cells: int
    settings: dict[str, Any] = field(default_factory=dict)
    transition: float | None = None
    sequence: float | None = None

    @property
    def title(self) -> str:
        return f"{self.name}, {self.cells} cells"

    def groups(self, what: str) -> dict[str, int]:
        """Group names with their numbers of motifs."""
        half = self.transition if what == TRANSITIONS else self.sequence
        around = AROUND if what == TRANSITIONS or "separation" in self.settings else NEAR
        loads = [max(CUES, round(half * share)) for share in around] if half else []
        return {f"{self.title}, {load} motifs": load for load in loads}

    def strain(self, load: int) -> dict[str, Any]:
        return {**COMMON, "paired": "separation" not in self.settings, "cells": self.cells, "motifs": load,
                "criterion": 1 - 1 / self.cells, **self.settings}


MONITORED = CUES  # motifs whose overlaps are recorded in time
COMMON: dict[str, Any] = {"delay": STEP, "updates": "synchronous without autapses", "strength": 1.0, "holding": 0,
                          "figure": "ring", "monitored": MONITORED, "tau_synergy": 0.1 * ms, "tau_muscle": 0.1 * ms}


def power(d: int, cells: int, transition: float | None = None, sequence: float | None = None) -> Network:
    return Network(f"d = {d}", cells, {"degree": d}, transition, sequence)


def exponential(cells: int, transition: float | None = None, sequence: float | None = None) -> Network:
    return Network("exponential", cells, {"separation": "exponential"}, transition, sequence)


def mixed(holding: int, d: int, cells: int, transition: float | None = None, sequence: float | None = None) -> Network:
    settings = {"degree": d, "holding": holding, "strength": LAMBDA, "cueing": CUEING}
    return Network(f"d = {holding} holds, {d} moves", cells, settings, transition, sequence)


POWERS = (power(1, 200, 31.5), power(1, 400, 50.5, 27.5), power(2, 40, 121, 46), power(2, 60, 232, 81),
          power(2, 80, 373, 139), power(2, 100, 557), power(3, 20, 171, 42), power(3, 30, 466, 110), power(3, 40, 939))
FOURTH = (power(4, 20, None, 105), power(4, 30, 2000))  # guesses, to place the loads: only the law can be tested
EXPONENTIAL = (exponential(10, 211), exponential(12, 752, 27.5), exponential(14, 2822, 53.5))
MIXED = (mixed(2, 2, 60, 78.5, 28.5), mixed(1, 3, 60, 42.5), mixed(3, 2, 60, 110, 35), mixed(2, 3, 60, 456))
NETWORKS = (*POWERS, *FOURTH, *EXPONENTIAL, *MIXED)
BIASES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8)
RULES = {f"{'pseudoinverse, ' if inverse else ''}d = {d}": {"degree": d, "pseudoinverse": inverse}
         for inverse in (False, True) for d in (1, 2, 3)}
BIASED = {("d = 1", 0.2): 0.01, ("d = 2", 0.2): 1.0, ("d = 2", 0.4): 0.31, ("d = 2", 0.5): 0.01, ("d = 3", 0.4): 1.0,
          ("d = 3", 0.5): 0.67, ("d = 3", 0.6): 0.03}


def transition_law(cells: float, d: int) -> float:
    """P_T of a power."""
    return cells**d / (2 * math.prod(range(2 * d - 1, 0, -2)) * math.log(cells))


def sequence_law(cells: float, d: int) -> float:
    """P_S of a power."""
    return transition_law(cells, d) / (d + 1)


def biased_groups(rule: str) -> dict[str, float]:
    """Group names with their biases."""
    return {f"{rule}, bias {bias:g}": bias for bias in BIASES}


@recipe
def sequence_capacity(only: str = "", loads: str = "", biased: bool = True) -> Protocol:
    """All networks; or `only` those of these titles, "d = 2, 60 cells; d = 3, 20 cells", at these `loads`, "40,60,80",
    if given. `biased` false leaves out the biased motifs."""
    networks = _chosen(only)
    strains = {group: network.strain(load) for network in networks for what in (TRANSITIONS, SEQUENCES)
               for group, load in _loads(network, what, loads).items()}
    if biased:
        strains |= {group: {**COMMON, "paired": True, "motifs": 50, "cells": 100, "level": (1 + bias) / 2, **settings}
                    for rule, settings in RULES.items() for group, bias in biased_groups(rule).items()}
    longest = max((load for network in networks for load in _loads(network, SEQUENCES, loads).values()), default=1)
    cues = tuple(Trial(f"motif {k}", 3 * STEP, cued(f"pattern {k}"), measured=(140 * ms, 10 * ms))
                 for k in range(1, CUES + 1))
    walk = Trial("all motifs", math.ceil(1.4 * longest + 3) * STEP, cued("pattern 1"), measured=(140 * ms, 10 * ms))
    return Protocol(
        name="sequence_capacity",
        title="How long a sequence can be",
        source=CHAUDHRY,
        circuit="sequence",
        levels=("rate", "effective"),
        dt=5 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=(Block(TRANSITIONS, cues), Block(SEQUENCES, (walk,))),
        record=(Record("visible", units=False), Record("muscle", every=5 * ms), Record("monitor", every=5 * ms)),
        predictions=_predictions(networks, biased) if not loads else (),
        figures=(*(_figures(networks, biased) if not loads else ()), *_walks(networks, loads)),
        notes={"half": "the load at which half are right, of each animal by the method of Spearman and Kärber",
               "sequences": "muscles contract for every motif that is recalled without a wrong sign; they must never "
                            "all relax for a whole step. Each motif moves the hand to its own place on a circle, which "
                            "tells order and dwell times",
               "levels": "the effective level is the discrete-time network without autapses; in the circuit each "
               "visible neuron "
                         "hears itself through hidden ones, as one neuron more would be heard",
               "paired": "two hidden neurons a motif hear ξ and −ξ, so that powers are those of the theory; one "
               "rectified neuron a motif "
                         "has half the crosstalk"},
    )


def _chosen(only: str) -> tuple[Network, ...]:
    titles = [title.strip() for title in only.split(";") if title.strip()]
    known = {network.title: network for network in NETWORKS}
    for title in titles:
        if title not in known:
            raise DescriptionError(f"sequence_capacity: only names {title!r}; there are: {'; '.join(known)}")
    return tuple(known[title] for title in titles) or NETWORKS


def _loads(network: Network, what: str, loads: str) -> Mapping[str, int]:
    if not loads:
        return network.groups(what)
    try:
        given = [int(load) for load in loads.split(",")]
    except ValueError:
        given = []
    if not given or min(given) < CUES:
        raise DescriptionError(f"sequence_capacity: loads is {loads!r}; write whole numbers of at least {CUES}, as "
                               f"'40,60,80'")
    return {f"{network.title}, {load} motifs": load for load in given}


def _predictions(networks: tuple[Network, ...], biased: bool) -> tuple[Prediction, ...]:
    found = []
    for network in networks:
        for what, value, measure, margin in ((TRANSITIONS, network.transition, FOLLOWED, 1.25),
                                             (SEQUENCES, network.sequence, UNBROKEN, 1.25)):
            if value and network not in FOURTH:
                word = "transitions" if what == TRANSITIONS else "sequences"
                found.append(Prediction(
                    f"{network.title}: motifs at which half of the {word} are right, over {value:g}", functools.partial(
                        half_over, groups=network.groups(what), measure=measure, value=value),
                        between(1 / margin, margin),
                    "1", SIMULATED, "verified", "the margin"))
    for network in networks:
        if network in POWERS or network is FOURTH[1]:
            found += _laws(network)
    return (*found, *_controls(networks), *(_biased() if biased else ()))


def _laws(network: Network) -> list[Prediction]:
    """Half points against the laws for N → ∞, to a factor of 10^.35."""
    d = network.settings["degree"]
    measures = {TRANSITIONS: (FOLLOWED, transition_law), SEQUENCES: (UNBROKEN, sequence_law)}
    return [Prediction(f"{network.title}: the same over the law's {law(network.cells, d):.4g} {what}",
                       functools.partial(
        half_over, groups=network.groups(what), measure=measure, value=law(network.cells, d)), between(1, 10**0.35),
        "1 for N → ∞; 1.5 to 2.1 at these sizes", f"{CHAUDHRY}, eqs. 9, 10; {SIMULATED}", "verified",
        "the margin, a factor of 2.2")
        for what, (measure, law) in measures.items() if network.groups(what)]


def _controls(networks: tuple[Network, ...]) -> tuple[Prediction, ...]:
    """Far above the loads at which half of the sequences are right, none must be."""
    most = [(n, *max(n.groups(TRANSITIONS).items(),
                     key=lambda item: item[1])) for n in networks if n.transition and n.sequence]
    return tuple(Prediction(f"{network.title}: sequences right at {load} motifs", functools.partial(
        in_group, measure=UNBROKEN, group=group), below(0.3), "must fail", "control of this protocol", "ours",
        "the fraction") for network, group, load in most)


def _biased() -> tuple[Prediction, ...]:
    plain = [Prediction(f"bias {bias:g}, {rule}: transitions right, 50 motifs of 100", functools.partial(
        in_group, measure=FOLLOWED, group=f"{rule}, bias {bias:g}"), between(value - 0.15, value + 0.15), f"{value:g}",
        SIMULATED, "verified", "the margin") for (rule, bias), value in BIASED.items()]
    inverse = [Prediction(f"bias {bias:g}, {rule}: transitions right", functools.partial(
        in_group, measure=FOLLOWED, group=f"{rule}, bias {bias:g}"), above(0.999), "1", f"{CHAUDHRY}, appendix E; "
        f"{SIMULATED}", "verified") for rule in RULES if rule.startswith("pseudo") for bias in (0.0, 0.5, 0.8)]
    return (*plain, *inverse)


def _figures(networks: tuple[Network, ...], biased: bool) -> tuple[Figure, ...]:
    sized = {name: [n for n in networks if n.name == name] for name in dict.fromkeys(n.name for n in networks)}
    measures = {TRANSITIONS: FOLLOWED, SEQUENCES: UNBROKEN}
    found = []
    for what, measure in measures.items():
        chosen = {name: [n for n in some if n.groups(what)] for name, some in sized.items()}
        shown = {name: some for name, some in chosen.items() if some and "holds" not in name}
        found.append(Figure(
            f"Motifs at which half of the {'transitions' if what == TRANSITIONS else 'sequences'} are right",
            "Geometric mean and 95 % bootstrap interval over {animals}; crosses: simulations of the discrete-time "
            "networks; dashed: the laws for N → ∞.", functools.partial(
                half_figures, networks={name: [(n.cells, n.groups(what)) for n in some] for name,
                                        some in shown.items()},
                measure=measure, laws={name: _law(some, what) for name, some in shown.items()},
                measured={name: _known(some, what) for name, some in shown.items()}, ylabel="motifs")))
        curves = [n for some in chosen.values() for n in some[-1:]]
        found.append(Figure(
            f"{'Transitions' if what == TRANSITIONS else 'Sequences'} against the number of motifs",
            "Over the number at which half are right in simulations of the discrete-time networks; mean and 95 % "
            "bootstrap interval over {animals}.", functools.partial(
                recall_figures, networks={n.title: n.groups(what) for n in curves}, measure=measure,
                over={n.title: _half(n, what) for n in curves}, ylabel="fraction right", xlabel="motifs, over those at "
                "which half are right")))
    if biased:
        found.append(Figure(
            "Biased motifs", "Transitions among 50 motifs of 100 cells, of which the fraction (1 + ε)/2 is on; mean "
            "and 95 % bootstrap interval over {animals}.", functools.partial(
                bias_figures, rules={rule: biased_groups(rule) for rule in RULES}, measure=FOLLOWED)))
    return tuple(found)


def _walks(networks: tuple[Network, ...], loads: str) -> tuple[Figure, ...]:
    """Order, dwell times and overlaps of whole sequences: the largest network of each kind that is left to walk."""
    groups = {network.title: dict(_loads(network, SEQUENCES, loads)) for network in networks}
    largest = {network.name: network for network in networks if groups[network.title]}
    if not largest:
        return ()
    walked = {network.title: groups[network.title] for network in largest.values()}
    shown = {largest[name].title: walked[largest[name].title] for name in largest if name in SHOWN} or walked
    over = {network.title: 1.0 if loads else _half(network, SEQUENCES) for network in largest.values()}
    load = "motifs" if loads else "motifs / those at half"
    return (
        Figure("Order: which motif when",
               "Whole sequences of the first animal, as the hand draws them: a dot where a motif is recalled without a "
               "wrong sign. Blue: fewest motifs tried; red: most.",
               functools.partial(walk_figures, networks=shown, block=SEQUENCES)),
        Figure("How far the order holds, and how long a motif lasts",
               "Left: share of the sequence in order before the first error, mean and 95 % bootstrap interval over "
               "{animals}. Right: time from one motif to the next (filled), and for which a motif lasts whole (open), "
               "medians.",
               functools.partial(order_figures, networks=walked, over=over, xlabel=load, right=functools.partial(
                   share, block=SEQUENCES), times=(functools.partial(pace, block=SEQUENCES),
                                                   functools.partial(dwell, block=SEQUENCES)))),
        Figure("Overlaps in time",
               f"First animal, overlaps with the first {MONITORED} motifs from the cue on, with the fewest motifs "
               "tried (left) and the most (right).",
               functools.partial(overlap_figures, networks=shown, block=SEQUENCES, seconds=SECONDS)),
        Figure("Overlap with the motif that is due",
               "Some steps after the first motif, when the same animal with the fewest motifs is there; mean and 95 % "
               "bootstrap interval over {animals}. Blue: fewest motifs tried; red: most.",
               functools.partial(due_figures, networks=shown, block=SEQUENCES, steps=range(1, MONITORED))),
    )


def _half(network: Network, what: str) -> float:
    value = network.transition if what == TRANSITIONS else network.sequence
    assert value is not None
    return value


def _known(some: list[Network], what: str) -> list[float]:
    return [math.nan if n in FOURTH else _half(n, what) for n in some]


def _law(some: list[Network], what: str) -> tuple[np.ndarray, np.ndarray]:
    cells = np.geomspace(0.8 * min(n.cells for n in some), 1.25 * max(n.cells for n in some), 20)
    if some[0].name == "exponential":
        whole = [1.177 * 2**(n / 2) / math.sqrt(1 + n / 2) for n in cells]
        return cells, np.array(whole if what == SEQUENCES else
                               [math.exp((n - 1) * (2 - math.log(math.cosh(2)))) / (2 * math.log(n)) for n in cells])
    law = transition_law if what == TRANSITIONS else sequence_law
    return cells, np.array([law(n, some[0].settings["degree"]) for n in cells])
