"""How many patterns a memory holds: recall against load for classical, sparse and dense memories.

Each stored pattern is shown intact and left alone; a memory within its capacity stays there. The load runs through the
transition of each memory: classical (Amit, Gutfreund & Sompolinsky 1985, Phys Rev Lett 55:1530), sparse with k winners
(Tsodyks & Feigelman 1988), polynomial (Krotov & Hopfield 2016, arXiv 1606.01164), exponential (Demircigil et al. 2017,
J Stat Phys 168:288) and softmax (Ramsauer et al. 2020, arXiv 2008.02217). Twice the capacity must fail.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

from neuroam.analysis.capacity import end_of_recall, growth, ratio_to, recalled
from neuroam.analysis.plots_capacity import growth_figures, load_figures
from neuroam.prediction import Prediction, Region, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

HOPFIELD = "simulations of the asynchronous Hopfield model, N = 1000 and 2000"
WINNERS = "simulations with k winners, N = 1000"
SIGNAL_TO_NOISE = "signal-to-noise analysis after Krotov & Hopfield 2016"
EXACT = 0.999  # overlap from which on every sign is right, for up to a thousand cells


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


def sparse(level: float, loads: tuple[int, ...]) -> Memory:
    return Memory(f"sparse, {100 * level:g} %", loads, settings={"model": "sparse", "level": level, "cells": 1000})


CLASSICAL = Memory("classical", (100, 120, 138, 160, 180, 200), settings={"model": "classical", "cells": 1000})
SPARSE = (sparse(0.1, (400, 500, 600, 700, 800)), sparse(0.05, (800, 950, 1100, 1250, 1400)))
POLYNOMIAL = (
    polynomial(2, 200, (30, 40, 50, 60, 80, 110)),
    polynomial(3, 100, (500, 700, 900, 1200, 1600, 2200)),
    polynomial(4, 50, (1700, 2500, 3400, 5000, 7000)),
)
EXPONENTIAL = (
    exponential(8, (20, 30, 60, 120)),
    exponential(12, (100, 200, 400, 800, 1600)),
    exponential(16, (1250, 2500, 5000, 10000, 20000)),
)
SOFTMAX = Memory(
    "softmax", (100, 200, 400, 800, 1600), settings={"model": "softmax", "sharpness": 12.0, "cells": 12, "gain": 1.0}
)
MEMORIES = (CLASSICAL, *SPARSE, *POLYNOMIAL, *EXPONENTIAL, SOFTMAX)


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


@recipe
def capacity(cues: int = 20, presentation: Any = 100 * ms, delay: Any = 1900 * ms) -> Protocol:
    """The first `cues` patterns, each shown intact for `presentation`; recall is measured in the last 100 ms of
    `delay`."""
    groups = tuple(
        Group(memory.group(load), strain={"gain": math.inf, **memory.settings, "patterns": load})
        for memory in MEMORIES
        for load in memory.loads
    )
    trials = tuple(
        Trial(
            f"pattern {k + 1}",
            presentation + delay,
            (Stimulus("cue", f"pattern {k + 1}", presentation),),
            measured=(presentation + delay - 100 * ms, 100 * ms),
        )
        for k in range(cues)
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
        blocks=(Block("cues", trials),),
        record=(Record("visible", units=False),),
        predictions=_predictions(),
        figures=_figures(),
        notes={
            "recall": "an overlap above 0.9 at the end; for polynomial and exponential memories every sign right",
            "the end of recall": end_of_recall.__doc__ or "",
            "why the delay is long": "near the capacity a pattern falls apart slowly: after 0.4 s most overlaps "
            "are still "
            "high that are lost after 2 s",
            "levels": "the effective level of binary memories leaves out what a neuron says to itself, as the "
            "theory does; in "
            "the circuit of two-body synapses each hidden neuron hears the neuron it answers",
        },
    )


def _predictions() -> tuple[Prediction, ...]:
    return (*_classical(), *_sparse(), *_dense(), *_exponential())


def _classical() -> tuple[Prediction, ...]:
    def at(load: int, what: str, expect: Region, published: str) -> Prediction:
        measure = functools.partial(recalled, group=CLASSICAL.group(load), what=what)
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
            functools.partial(end_of_recall, groups=CLASSICAL.groups, per=1000.0),
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
            functools.partial(end_of_recall, groups=memory.groups, per=1000.0),
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
        n = memory.settings["power"]
        theory = half_stable(memory.cells, n)
        found.append(
            Prediction(
                f"{memory.name}: patterns at which half are stable, over the {theory:.0f} of the theory",
                functools.partial(ratio_to, groups=memory.groups, value=theory, threshold=memory.threshold),
                between(0.85, 1.15),
                "1",
                SIGNAL_TO_NOISE,
                "verified for unrectified memories; halved noise derived",
                "the margin",
            )
        )
    return tuple(found)


def _exponential() -> tuple[Prediction, ...]:
    sizes = {memory.cells: memory.groups for memory in EXPONENTIAL}
    twice = SOFTMAX.group(SOFTMAX.loads[-1])
    return (
        Prediction(
            "exponential: log₂ of the patterns at which half are stable grows, per cell, by",
            functools.partial(growth, sizes=sizes, threshold=EXACT),
            between(0.75, 1.05),
            ".98 for a single pattern (.5 % errors), .46 for all at once",
            SIGNAL_TO_NOISE,
            "verified",
            "the range between: half of the patterns, free of errors",
        ),
        Prediction(
            "softmax: fraction recalled at 1600 patterns of 12 cells",
            functools.partial(recalled, group=twice, what="fraction"),
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
    fit = (
        "Dots: fraction of patterns recalled, over all cues and {animals}. Line: logistic fit; dashed: where half are "
        "recalled, with its 95 % bootstrap interval over animals."
    )
    return (
        Figure(
            "Classical and sparse memories",
            f"Load is patterns per cell. {fit}",
            functools.partial(load_figures, memories=shown(CLASSICAL, *SPARSE), label="patterns per cell, α"),
        ),
        Figure(
            "Dense memories",
            fit,
            functools.partial(load_figures, memories=shown(*POLYNOMIAL, SOFTMAX), label="patterns", log=True),
        ),
        Figure(
            "Exponential memories",
            "Where half of the patterns are stable, against the number of cells; mean and 95 % bootstrap "
            "interval over {animals}; dashed: doubling with each cell.",
            functools.partial(growth_figures, sizes={m.cells: m.groups for m in EXPONENTIAL}, threshold=EXACT),
        ),
    )
