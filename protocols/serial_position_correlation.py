"""Pictures always seen in one order evoke delay activity that is alike for neighbours in that order (Miyashita 1988).

97 patterns are memories on a cycle, because they were always shown in that order. A run of them is cued, with noise,
and the state at the end of the delay is compared between cues. Where the order was different each time, memories sit on
the cycle in another order than that in which they are compared: nothing may be left. Inhibition aimed at single
memories makes auto-association negative, and association reaches farther (Haga & Fukai 2019; Burns 2024); so does
acetylcholine, which turns inhibition from global to targeted.
"""
from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from neuroam.analysis.attractors import association_range, drop, largest_rise, span, trend
from neuroam.analysis.contrast import difference, in_group
from neuroam.analysis.plots_attractors import curve_figures, distance_figures
from neuroam.cues import Noise
from neuroam.prediction import Prediction, Region, above, below, between, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

MIYASHITA = "Miyashita 1988, Nature 335:817"
HAGA = "Haga & Fukai 2019, arXiv 1809.05254"
BURNS = "Burns 2024, ICML, arXiv 2404.07123"
GRINIASTY = "Griniasty, Tsodyks & Amit 1993, Neural Comput 5:1"
SIMULATED = "simulations of the published update, N = 1000, four seeds"
NOISE = Noise(round(12**-0.5, 4))  # the standard deviation of U[0, 1] − ½
STEP = 2 * ms
PATTERNS = 97
FARTHEST = 10
AUTO = (0.5, 0.0, -0.5, -1.0)
LEVELS = (0.1, 0.3, 0.7)
SHUFFLED, BASE = "shuffled order", "a = −0.5"
SIMULATED_RANGES = {0.5: 2, 0.0: 4, -0.5: 5, -1.0: 5}
CLASSICAL = (0.664, 0.332, 0.123, 0.040, 0.011, 0.002)


def named(auto: float) -> str:
    return f"a = {auto:g}".replace("-", "−")


def modulated(level: float) -> str:
    return f"acetylcholine {level:g}"


def cued(name: str, cues: int, presentation: Any, delay: Any, window: Any, phases: Sequence[str] = (),
         every: int = 1) -> Block:
    """The first `cues` patterns, or one in `every` few of them, each shown with noise and left alone; measured in the
    last `window` of the delay."""
    trials = tuple(Trial(f"pattern {k + 1}", presentation + delay,
                         (Stimulus("cue", f"pattern {k + 1}", presentation, degraded=(NOISE,)),),
                         phase=phases[k] if phases else "", measured=(presentation + delay - window, window))
                   for k in range(0, cues, every))
    return Block(name, trials)


@recipe
def serial_position_correlation(cues: int = 32, presentation: Any = 200 * ms, delay: Any = 1500 * ms,
                                window: Any = STEP) -> Protocol:
    """`cues` patterns, one after the other in the learned order, each shown for `presentation`; the state is measured
    in the last `window` of the `delay` (one time step)."""
    memory = {"patterns": PATTERNS, "graph": "cycle"}
    base = {**memory, "auto": -0.5, "hetero": 1.5, "targeted": 1.0}
    fixed = {named(a): {**memory, "auto": a, "hetero": 1 - a} for a in AUTO} | {BASE: base}
    return Protocol(
        name="serial_position_correlation",
        title="Correlation of delay activity along a learned order",
        source=MIYASHITA,
        circuit="correlated",
        levels=("rate", "effective"),
        dt=STEP,
        groups=(*(Group(name, strain=strain) for name, strain in fixed.items()),
                Group(SHUFFLED, strain=base | {"order": "shuffled"}),
                *(Group(modulated(c), strain=base | {"acetylcholine": c}) for c in LEVELS)),
        blocks=(cued("delay activity", cues, presentation, delay, window),),
        record=(Record("visible"),),
        predictions=_predictions(),
        figures=_figures(),
        notes={"strength of association": "hetero-association is 1 − a, as published",
               "range": "distances from 1 on, without a gap, with a correlation above 0.05",
               "crosses": f"the classical chain of {GRINIASTY}, of other patterns and without a softmax; not compared "
                          "with these groups, but enumerated exactly in the tests of the effective level's chain",
               "acetylcholine": "at a level c targeted inhibition is 2c and global inhibition 2(1 − c) times that of "
                                f"group {BASE!r}, which has c = 0.5"},
    )


def _predictions() -> tuple[Prediction, ...]:
    ranges = tuple(_claim(f"range at {named(a)}, serial positions", association_range, named(a),
                          between(reach - 0.6, reach + (1.6 if a == -1 else 0.6)), SIMULATED,
                          "5; 6 with small steps" if a == -1 else f"{reach}", "measured independently; the margin ours",
                          farthest=FARTHEST) for a, reach in SIMULATED_RANGES.items())
    return (
        *ranges,
        _claim("correlation at distance 1 less that at 4", drop, BASE, above(0.3), MIYASHITA,
               "falls with serial distance", "secondary; the size ours", near=1, far=4),
        _claim("largest rise of correlation up to distance 6", largest_rise, BASE, below(0.0), MIYASHITA,
               "falls with serial distance", "secondary", farthest=6),
        _claim("mean correlation at distances 7 – 10", span, BASE, below(0.05), MIYASHITA,
               "none beyond about five positions", "secondary", first=7, last=FARTHEST),
        Prediction("anti-Hebbian: range grows from a = 0.5 to a = −0.5 by", functools.partial(
            difference, measure=functools.partial(association_range, farthest=FARTHEST), first=BASE, second=named(0.5)),
            above(0.0), "the span of association increases", HAGA, "read in the abstract"),
        Prediction("acetylcholine: rank correlation of its level with the range", functools.partial(
            trend, measure=functools.partial(association_range, farthest=FARTHEST), groups=_modulation()), above(0.9),
            "the balance of targeted and global inhibition sets the span", HAGA, "read in the abstract", "the size"),
        _claim("shuffled order: mean correlation at distances 1 – 5", span, SHUFFLED, within(0.095),
               "control of this protocol", "must fail", "ours: 3/√N", first=1, last=5),
        _claim("shuffled order: range, serial positions", association_range, SHUFFLED, below(0.5),
               "control of this protocol", "must fail", "ours", farthest=FARTHEST),
    )


def _claim(claim: str, measure: Any, group: str, expect: Region, source: str, published: str, certainty: str,
           **settings: Any) -> Prediction:
    statistic = functools.partial(in_group, measure=functools.partial(measure, **settings), group=group)
    return Prediction(claim, statistic, expect, published, source, certainty)


def _modulation() -> dict[str, float]:
    """Groups and their level of acetylcholine, in order."""
    return {modulated(0.1): 0.1, modulated(0.3): 0.3, BASE: 0.5, modulated(0.7): 0.7}


def _figures() -> tuple[Figure, ...]:
    names = tuple(named(a) for a in AUTO)
    along = functools.partial(distance_figures, farthest=FARTHEST, xlabel="distance in the learned order")
    return (
        Figure("Correlation of delay activity along the order",
               "Mean correlation of the states that two cues left behind, against how far apart the cues are in the "
               "order; mean and 95 % bootstrap interval over {animals}. Crosses: the classical model with Hebbian "
               f"learning alone, exact ({GRINIASTY}).",
               functools.partial(along, groups=(*names, SHUFFLED), reference={"classical": CLASSICAL})),
        Figure("Acetylcholine and the reach of association",
               "The same at levels of acetylcholine from 0.1 (global inhibition) to 0.7 (targeted inhibition).",
               functools.partial(along, groups=tuple(_modulation()), labels={BASE: modulated(0.5)})),
        Figure("How far association reaches",
               "Distances with a correlation above 0.05, against auto-association and against acetylcholine; crosses: "
               f"{SIMULATED}.",
               functools.partial(curve_figures, measures={"": functools.partial(association_range, farthest=FARTHEST)},
                                 axes={"auto-association, a": dict(zip(names, AUTO, strict=True)),
                                       "acetylcholine, c": _modulation()},
                                 ylabel="range (positions)", reference={"auto-association, a": SIMULATED_RANGES})),
    )
