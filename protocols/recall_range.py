"""How far recall spreads along a learned order: four settings of auto- and hetero-association (Burns 2024).

Thirty patterns on a cycle, each cued with noise; the final states are compared by their distance on the cycle, as in
the published figure. Auto-association alone recalls one memory; with association to neighbours these come along
(narrow); with a negative auto-association the neighbourhood remains (wide); without enough association nothing is
recalled (quiescent), which is what must fail here.

The published update takes a hundred steps of a tenth of the time constant. For (−2, 3) that is more than four times
too long for states to come to rest, and the published curve shows it: group "(−2, 3) in steps" takes a hundred such
steps, at the effective level and there alone. The others are resolved in time. Whether a state still jumps to and fro
from one time step to the next is measured in every group.

With ``published=True`` the four settings and the quiescent one take a hundred such steps, as the figure was made, and
nothing else is run.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from neuroam.analysis.attractors import correlation_at, held, span
from neuroam.analysis.completion import recall
from neuroam.analysis.contrast import in_group
from neuroam.analysis.overshoot import overshoot
from neuroam.analysis.plots_attractors import distance_figures, matrix_figures
from neuroam.prediction import Prediction, Region, above, below, between
from neuroam.protocol import Figure, Group, Protocol, Record
from neuroam.protocols.serial_position_correlation import BURNS, cued
from neuroam.recipe import recipe
from neuroam.units import ms

FIGURE = "stored figure of the author's notebook, read to ± .03"
SIMULATED = "simulations of the published update, N = 1000, ten seeds"
FINAL, HUNDRED = "final states", "after a hundred time steps"
CERTAIN = {FIGURE: "read off a figure; the margin ours", SIMULATED: "measured independently; the margin ours"}
COVERED = "derived, and simulated"
DERIVED = "linear stability of the explicit step"
CUES, FARTHEST = 30, 14
STEP = 2 * ms
TAU = 100 * ms
GAP = math.nan
NARROW, WIDE, WIDEST = "(0.5, 0.5)", "(−0.5, 1.5)", "(−2, 3)"
AUTO, QUIET, FAINT, COARSE = "(1, 0)", "(−2, 1.5)", "(−0.5, 1.5), κ = 1/n", "(−2, 3) in steps"
SETTINGS = {AUTO: (1.0, 0.0), NARROW: (0.5, 0.5), WIDE: (-0.5, 1.5), WIDEST: (-2.0, 3.0), QUIET: (-2.0, 1.5)}
BLOCKS = {name: HUNDRED if name == COARSE else FINAL for name in (*SETTINGS, FAINT, COARSE)}
IN_STEPS = dict.fromkeys((AUTO, NARROW, WIDE, COARSE, QUIET), HUNDRED)
PUBLISHED = {AUTO: (-0.03, -0.03, -0.03, GAP, -0.03, GAP, GAP, GAP, GAP, GAP, -0.03),
             NARROW: (0.63, 0.09, -0.11, -0.11, -0.10, -0.09, GAP, GAP, GAP, GAP, -0.09),
             WIDE: (0.77, 0.55, 0.32, 0.11, -0.05, -0.14, -0.20, -0.22, GAP, GAP, -0.22),
             COARSE: (0.65, 0.52, 0.44, 0.29, 0.14, 0.01, -0.09, -0.19, GAP, GAP, -0.31)}
WITHOUT_BACKGROUND = (0.81, 0.66, 0.50, 0.36, 0.23, 0.14, 0.07, 0.04, GAP, GAP, 0.01)
TOLD = (1, 2, 3, 5, 8, 11)  # distances for which there is a claim, where the figure tells
PUBLISHED_STEP = 0.1
LONGEST = {NARROW: 2.0, WIDE: 0.044, WIDEST: 0.022}  # stable steps, from the eigenvalues at the final states
TRACED = tuple(range(20))  # cells are alike


def step_of(size: float) -> Any:
    """Time constant of which a time step of `STEP` is a step of that size."""
    return float(STEP) / -math.log1p(-size) * 1000 * ms


@recipe
def recall_range(presentation: Any = 200 * ms, delay: Any = 1000 * ms, window: Any = STEP,
                 published: bool = False) -> Protocol:
    """All thirty patterns, each shown for `presentation`; states are measured in the last `window` of the `delay` (one
    time step), and after a hundred time steps in a second block. `published`: the four published settings, and
    the quiescent one, in that second block alone, by the published update: a tenth of the work."""
    strains = {name: {"patterns": CUES, "graph": "cycle", "auto": a, "hetero": h} for name, (a, h) in SETTINGS.items()}
    strains[FAINT] = strains[WIDE] | {"background": 1e-3}
    strains[COARSE] = strains[WIDEST]
    where = IN_STEPS if published else BLOCKS
    groups = (Group(name, strain=strains[name] | ({"tau_visible": step_of(PUBLISHED_STEP)} if published
                                                  or name == COARSE else {})) for name in where)
    final = cued(FINAL, CUES, presentation, delay, window)
    hundred = cued(HUNDRED, CUES, 20 * STEP, 100 * STEP, STEP)
    return Protocol(
        name="recall_range",
        title="Range of recall on a cycle of memories",
        source=BURNS,
        circuit="correlated",
        levels=("effective",) if published else ("rate", "effective"),
        dt=STEP,
        groups=tuple(groups),
        blocks=(hundred,) if published else (final, hundred),
        record=(Record("visible", every=STEP, cells=TRACED),),
        predictions=_predictions(where),
        figures=_figures(where),
        notes=_notes(published),
    )


def _notes(published: bool) -> dict[str, str]:
    steps = ("visible neurons with a time constant of 19 ms, so that a time step of 2 ms is an update of size 0.1 at "
             "the effective level; at the rate level inhibition does not keep up with them")
    told = {"settings": "(a, h): strength of auto- and of hetero-association",
            "background": "κ = 1, as in the published figures; the formula printed beside them has 1/n"}
    if published:
        return told | {"all groups": steps}
    return told | {HUNDRED: f"for group {COARSE!r} alone, whose states never come to rest", COARSE: steps,
                   "longest stable step": f"{'; '.join(f'{name}: {step:g}' for name, step in LONGEST.items())}, as "
                                          "parts of the time constant; a time step here is "
                                          f"{float(STEP) / float(TAU):g}"}


def _predictions(where: Mapping[str, str]) -> tuple[Prediction, ...]:
    """Those about the groups that there are, each in its block."""
    curves = [(NARROW, PUBLISHED[NARROW], 0.05, FIGURE), (WIDE, PUBLISHED[WIDE], 0.05, FIGURE),
              (COARSE, PUBLISHED[COARSE], 0.1, FIGURE), (FAINT, WITHOUT_BACKGROUND, 0.05, SIMULATED)]
    claim = functools.partial(_claim, where)
    at_rest = [name for name in LONGEST if where.get(name) == FINAL]
    return tuple(each for each in (
        claim(f"{AUTO}: mean correlation at distances 1 – {FARTHEST}", span, AUTO, around(-0.03, 0.05), FIGURE,
              "−0.03", CERTAIN[FIGURE], first=1, last=FARTHEST, cyclic=True),
        *(claim(f"{name}: correlation at distance {distance}", correlation_at, name,
                around(values[distance - 1], margin), source, f"{values[distance - 1]}", CERTAIN[source],
                distance=distance, cyclic=True)
          for name, values, margin, source in curves for distance in TOLD if not math.isnan(values[distance - 1])),
        claim(f"{AUTO}: memories in a state", held, AUTO, between(0.9, 1.1), COVERED, "one", "verified"),
        claim(f"{NARROW}: memories in a state", held, NARROW, between(2.7, 3.3), COVERED, "itself and two neighbours",
              "verified"),
        claim(f"{WIDE}: memories in a state", held, WIDE, between(4.0, 6.5), COVERED, "4 – 6.5", "verified"),
        claim(f"{QUIET}, quiescent: overlap with the cued pattern", recall, QUIET, below(0.1), COVERED,
              "the same state whatever the cue; must fail", "verified"),
        *(claim(f"{name}: states that jump to and fro", overshoot, name, below(0.05), DERIVED,
                f"none: steps below {LONGEST[name]:g}", "verified") for name in at_rest),
        claim(f"{COARSE}: states that jump to and fro", overshoot, COARSE, above(0.5), DERIVED,
              f"steps of {PUBLISHED_STEP:g}, above {LONGEST[WIDEST]:g}", "verified; how many, ours"),
        claim(f"{WIDEST}, resolved in time: correlation at distance 1", correlation_at, WIDEST, around(0.88, 0.05),
              "the published update with η = 0.01", "0.88", CERTAIN[SIMULATED], distance=1, cyclic=True),
    ) if each is not None)


def around(value: float, margin: float) -> Region:
    return between(round(value - margin, 6), round(value + margin, 6))


def _claim(where: Mapping[str, str], claim: str, measure: Any, group: str, expect: Region, source: str,
           published: str, certainty: str, **settings: Any) -> Prediction | None:
    if group not in where:
        return None
    measured = functools.partial(measure, block=where[group], **settings)
    statistic = functools.partial(in_group, measure=measured, group=group)
    return Prediction(claim, statistic, expect, published, source, certainty)


def _figures(where: Mapping[str, str]) -> tuple[Figure, ...]:
    curves = functools.partial(distance_figures, farthest=FARTHEST, cyclic=True, xlabel="distance on the cycle",
                               blocks=where)
    compared = tuple(name for name in (AUTO, NARROW, WIDE, WIDEST, COARSE, QUIET) if name in where)
    steps = Figure("Steps, background and quiescence",
                   "The widest setting resolved in time and in published steps; a background of 1/n in place of 1 "
                   f"(crosses: {SIMULATED}); too little association.",
                   functools.partial(curves, groups=(WIDEST, COARSE, FAINT, QUIET),
                                     reference={FAINT: WITHOUT_BACKGROUND}))
    return (
        Figure("Range of recall",
               "Mean correlation of final states against the distance of their cues; mean and 95 % bootstrap interval "
               f"over {{animals}}. Crosses: {FIGURE}.",
               functools.partial(curves, groups=(AUTO, NARROW, WIDE, COARSE), reference=PUBLISHED)),
        *([steps] if FAINT in where else []),
        Figure("Final states compared",
               "Correlations between the final states from all thirty cues, in the order of the cycle, first animal.",
               functools.partial(matrix_figures, groups=compared, label="cue", blocks=where)),
    )
