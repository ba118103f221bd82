"""How many patterns a memory holds: recall against load for classical, sparse and dense memories.

Each stored pattern is shown intact and left alone; a memory within its capacity stays there. It is shown again with a
tenth of its signs flipped, which it must take away. The load runs through the transition of each memory: classical
(Amit, Gutfreund & Sompolinsky 1985, Phys Rev Lett 55:1530), sparse with k winners (Tsodyks & Feigelman 1988),
polynomial (Krotov & Hopfield 2016, arXiv 1606.01164), exponential (Demircigil et al. 2017, J Stat Phys 168:288) and
softmax (Ramsauer et al. 2020, arXiv 2008.02217). Twice the capacity must fail.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

from neuroam.analysis.capacity import end_of_recall, growth, ratio_to, recalled
from neuroam.analysis.plots_capacity import growth_figures, load_figures, overlap_figures
from neuroam.cues import Degradation, Flip
from neuroam.prediction import Prediction, Region, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

HOPFIELD = "simulations of the asynchronous Hopfield model, N = 1000 and 2000"
WINNERS = "simulations with k winners, N = 1000"
SIGNAL_TO_NOISE = "signal-to-noise analysis after Krotov & Hopfield 2016"
SPHERE = "simulations of softmax memories with patterns on a sphere, β = 1, d = 4–14"
EXACT = 0.999  # overlap from which on every sign is right, for up to a thousand cells
ELSEWHERE = {0.1: 0.998, 0.12: 0.993, 0.138: 0.948, 0.16: 0.742, 0.18: 0.494, 0.2: 0.379}  # overlaps, N = 1000
LASTING = 0.99  # overlap of graded states from which on it no longer matters how long one waits
INTACT, FLIPPED = "intact cues", "a tenth of the signs flipped"


@dataclass(frozen=True)
class Memory:
    """One memory: how its circuit is made, the numbers of patterns tried, the overlap that counts as recall."""

    name: str
    loads: tuple[int, ...]
    threshold: float = 0.9
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        return self.settings["cells"]

    def group(self, patterns: int) -> str:
        return f"{self.name}, {patterns} patterns"

    @property
    def groups(self) -> dict[str, int]:
        """Group names with their loads."""
        return {self.group(patterns): patterns for patterns in self.loads}


def polynomial(n: int, cells: int, loads: tuple[int, ...]) -> Memory:
    return Memory(f"polynomial n = {n}", loads, EXACT, {"model": "polynomial", "power": n, "cells": cells})


def exponential(cells: int, loads: tuple[int, ...]) -> Memory:
    return Memory(
        f"exponential, {cells} cells", loads, EXACT, {"model": "exponential", "sharpness": float(cells), "cells": cells}
    )


def softmax(cells: int, loads: tuple[int, ...]) -> Memory:
    """With β = 1 for patterns of length √cells."""
    settings = {"model": "softmax", "sharpness": float(cells), "cells": cells, "gain": 1.0}
    return Memory(f"softmax, {cells} cells", loads, LASTING, settings)


def sparse(level: float, loads: tuple[int, ...]) -> Memory:
    return Memory(f"sparse, {100 * level:g} %", loads, settings={"model": "sparse", "level": level, "cells": 1000})


CLASSICAL = Memory("classical", (100, 120, 138, 160, 180, 200), settings={"model": "classical", "cells": 1000})
SPARSE = (sparse(0.1, (400, 500, 600, 700, 800)), sparse(0.05, (800, 950, 1100, 1250, 1400)))
POLYNOMIAL = (
    polynomial(2, 200, (30, 40, 50, 60, 80, 110)),
    polynomial(3, 100, (300, 500, 700, 900, 1200, 1600, 2200)),
    polynomial(4, 50, (400, 700, 1100, 1700, 2500, 3400, 5000, 7000)),
)
EXPONENTIAL = (
    exponential(8, (20, 30, 60, 120)),
    exponential(12, (40, 100, 200, 400, 800, 1600)),
    exponential(16, (80, 160, 320, 640, 1250, 2500, 5000, 10000, 20000)),
)
SOFTMAX = (
    softmax(10, (20, 40, 80, 160, 320)),
    softmax(12, (70, 140, 280, 560, 1120)),
    softmax(14, (220, 440, 880, 1760, 3520)),
)
MEMORIES = (CLASSICAL, *SPARSE, *POLYNOMIAL, *EXPONENTIAL, *SOFTMAX)


def half_stable(cells: int, n: int) -> float:
    """Patterns at which half of them are stable in a rectified polynomial memory of energy −Σ [m]₊ⁿ.

    A bit is wrong with probability Q(z), z² = 2 N^{n−1} / ((2n − 3)!! K): rectifying halves the noise of Krotov &
    Hopfield 2016. Half of the patterns are stable where (1 − Q(z))^N = ½.
    """
    wrong = -math.expm1(math.log(0.5) / cells)
    low, high = 0.0, 10.0
    for _ in range(100):
        z = (low + high) / 2
        low, high = (z, high) if 0.5 * math.erfc(z / math.sqrt(2)) > wrong else (low, z)
    return 2 * cells ** (n - 1) / (math.prod(range(2 * n - 3, 0, -2)) * low**2)


def growth_of_softmax(beta: float = 1.0) -> float:
    """log₂ of the factor by which the patterns a softmax memory holds grow with each cell: a stored pattern weighs
    e^{βN}, all others together K cosh(β)^N on average."""
    return (beta - math.log(math.cosh(beta))) / math.log(2)


@recipe
def capacity(cues: int = 20, presentation: Any = 100 * ms, delay: Any = 1900 * ms) -> Protocol:
    """The first `cues` patterns, each shown for `presentation`, intact and with a tenth of its signs flipped; recall is
    measured in the last 100 ms of `delay`."""
    groups = tuple(
        Group(memory.group(load), strain={"gain": math.inf, **memory.settings, "patterns": load})
        for memory in MEMORIES
        for load in memory.loads
    )
    return Protocol(
        name="capacity",
        title="Capacity of associative memories",
        source="Amit, Gutfreund & Sompolinsky 1985; Krotov & Hopfield 2016; Demircigil et al. 2017; Ramsauer et "
        "al. 2020",
        circuit="visible_hidden",
        levels=("rate", "effective"),
        dt=2 * ms,
        groups=groups,
        blocks=(_block(INTACT, cues, presentation, delay), _block(FLIPPED, cues, presentation, delay, Flip(0.1))),
        record=(Record("visible", units=False),),
        predictions=_predictions(),
        figures=_figures(),
        notes={
            "recall": "an overlap above 0.9 at the end; for polynomial and exponential memories every sign right; for "
            "softmax memories, whose states are graded, above 0.99: states of overlap 0.9 go on drifting",
            "the end of recall": end_of_recall.__doc__ or "",
            "why the delay is long": "near the capacity a pattern falls apart slowly: after 0.4 s most overlaps "
            "are still high that are lost after 2 s",
            "levels": "the effective level of binary memories leaves out what a neuron says to itself, as the theory "
            "does; in the circuit of two-body synapses each hidden neuron hears the neuron it answers, and intact "
            "patterns of n = 3, 4 and of exponential memories stay where they are at any load",
            "flipped cues": "of sparse patterns, whose cells are 0 or 1, a tenth of the active cells is driven down",
        },
    )


def _block(name: str, cues: int, presentation: Any, delay: Any, *degraded: Degradation) -> Block:
    return Block(
        name,
        tuple(
            Trial(
                f"pattern {k + 1}, {name}",
                presentation + delay,
                (Stimulus("cue", f"pattern {k + 1}", presentation, degraded=degraded),),
                phase=name,
                measured=(presentation + delay - 100 * ms, 100 * ms),
            )
            for k in range(cues)
        ),
    )


def _predictions() -> tuple[Prediction, ...]:
    return (*_classical(), *_sparse(), *_dense(), *_exponential(), *_softmax())


def _classical() -> tuple[Prediction, ...]:
    def at(load: int, what: str, expect: Region, published: str) -> Prediction:
        measure = functools.partial(recalled, group=CLASSICAL.group(load), what=what, block=INTACT)
        word = "mean overlap" if what == "overlap" else "fraction recalled"
        return Prediction(
            f"classical: {word} at α = {load / 1000:g}",
            measure,
            expect,
            published,
            HOPFIELD,
            "verified",
            "the margin" if what == "overlap" else "the region of row 3",
        )

    return (
        at(120, "overlap", above(0.97), ".993"),
        at(138, "overlap", between(0.89, 0.98), ".948 (N = 1000), .928 (2000)"),
        at(160, "overlap", between(0.6, 0.85), ".742 (N = 1000), .590 (2000)"),
        at(180, "fraction", below(0.25), ".19 (N = 1000), .06 (2000)"),
        at(200, "fraction", below(0.25), ".05: must fail"),
        Prediction(
            "classical: half are recalled up to α =",
            functools.partial(end_of_recall, groups=CLASSICAL.groups, per=1000.0, block=INTACT),
            between(0.14, 0.17),
            "α_c = .138 for N → ∞; between .14 and .17 at N = 1000–2000",
            "Amit, Gutfreund & Sompolinsky 1985; " + HOPFIELD,
            "verified",
        ),
    )


def _sparse() -> tuple[Prediction, ...]:
    published = {0.1: (".6", between(0.5, 0.7)), 0.05: ("1.05", between(0.9, 1.2))}
    return tuple(
        Prediction(
            f"{memory.name}: half are recalled up to α =",
            functools.partial(end_of_recall, groups=memory.groups, per=1000.0, block=INTACT),
            published[memory.settings["level"]][1],
            published[memory.settings["level"]][0],
            WINNERS,
            "verified",
            "the margin",
        )
        for memory in SPARSE
    )


def _dense() -> tuple[Prediction, ...]:
    found = []
    for memory in POLYNOMIAL:
        n, most = memory.settings["power"], memory.loads[-1]
        theory = half_stable(memory.cells, n)
        ends = functools.partial(
            ratio_to, groups=memory.groups, value=theory, threshold=memory.threshold, block=INTACT
        )
        lost = functools.partial(recalled, group=memory.group(most), threshold=memory.threshold, block=FLIPPED)
        found += [
            Prediction(
                f"{memory.name}: patterns at which half are stable, over the {theory:.0f} of the theory",
                ends,
                between(0.85, 1.15),
                "1",
                SIGNAL_TO_NOISE,
                "verified for unrectified memories; halved noise derived",
                "the margin",
            ),
            Prediction(
                f"{memory.name}: fraction recalled from a tenth of the signs flipped at {most} patterns",
                lost,
                below(0.25),
                "must fail",
                "control of this protocol",
                "ours",
            ),
        ]
    return tuple(found)


def _exponential() -> tuple[Prediction, ...]:
    sizes = {memory.cells: memory.groups for memory in EXPONENTIAL}
    return (
        Prediction(
            "exponential: log₂ of the patterns at which half are stable grows, per cell, by",
            functools.partial(growth, sizes=sizes, threshold=EXACT, block=INTACT),
            between(0.75, 1.05),
            ".98 for a single pattern (.5 % errors), .46 for all at once",
            SIGNAL_TO_NOISE,
            "verified",
            "the range between: half of the patterns, free of errors",
        ),
    )


def _softmax() -> tuple[Prediction, ...]:
    sizes = {memory.cells: memory.groups for memory in SOFTMAX}
    twelve = SOFTMAX[1]
    return (
        Prediction(
            "softmax: log₂ of the patterns at which half are recalled grows, per cell, by",
            functools.partial(growth, sizes=sizes, threshold=LASTING, block=INTACT),
            between(0.65, 0.98),
            f".82 (a factor of 1.77) on a sphere; {growth_of_softmax():.2f} for ±1 patterns",
            SPHERE,
            "verified on a sphere; ±1 patterns derived",
            "the margin",
        ),
        Prediction(
            f"softmax: fraction recalled at {twelve.loads[-1]} patterns of 12 cells",
            functools.partial(recalled, group=twelve.group(twelve.loads[-1]), threshold=LASTING, block=INTACT),
            below(0.25),
            "must fail",
            "control of this protocol",
            "ours",
        ),
    )


def shown(*memories: Memory) -> dict[str, tuple[dict[str, int], float, float]]:
    """Of each memory: its groups with their loads, the overlap that counts as recall, what loads are divided by."""
    return {m.name: (m.groups, m.threshold, 1000.0 if m.cells == 1000 else 1.0) for m in memories}


def _figures() -> tuple[Figure, ...]:
    over_load = functools.partial(_pair, label="patterns", log=True)
    return (
        *_pair("Classical and sparse memories", (CLASSICAL, *SPARSE), INTACT, "patterns per cell, α"),
        *over_load("Polynomial memories", POLYNOMIAL, INTACT),
        *over_load("Polynomial memories", POLYNOMIAL, FLIPPED),
        *over_load("Exponential memories", EXPONENTIAL, INTACT),
        *over_load("Exponential memories", EXPONENTIAL, FLIPPED),
        *over_load("Softmax memories", SOFTMAX, INTACT),
        _growth("Exponential memories", EXPONENTIAL, EXACT, 2.0, "doubling with each cell"),
        _growth("Softmax memories", SOFTMAX, LASTING, 2 ** growth_of_softmax(), "e/cosh 1 = 1.76 times with each cell"),
    )


def _pair(
    title: str, memories: tuple[Memory, ...], block: str, label: str, log: bool = False
) -> tuple[Figure, Figure]:
    """Overlap and success of some memories against load."""
    given: dict[str, Any] = {"memories": shown(*memories), "label": label, "log": log, "block": block}
    return (
        Figure(
            f"{title}: overlap, {block}",
            "Mean overlap with the cued pattern at the end, with its 95 % bootstrap interval over {animals}."
            + (f" Crosses: {HOPFIELD}, the former." if CLASSICAL in memories else ""),
            functools.partial(overlap_figures, known={CLASSICAL.name: ELSEWHERE}, **given),
        ),
        Figure(
            f"{title}: success, {block}",
            "Dots: fraction of patterns recalled, over all cues and {animals}. Line: logistic fit; dashed: where half "
            "are recalled, with its 95 % bootstrap interval over animals.",
            functools.partial(load_figures, **given),
        ),
    )


def _growth(title: str, memories: tuple[Memory, ...], threshold: float, factor: float, dashed: str) -> Figure:
    return Figure(
        f"{title}: growth",
        "Where half of the patterns are recalled, against the number of cells; mean and 95 % bootstrap interval over "
        f"{{animals}}; dashed: {dashed}.",
        functools.partial(
            growth_figures,
            sizes={m.cells: m.groups for m in memories},
            threshold=threshold,
            block=INTACT,
            factor=factor,
        ),
    )
