"""The same sequence, stretched: 800 and 1500 ms by one tonic input (Wang et al. 2018; Mello, Soares & Paton 2015).

When an animal produces a shorter or a longer interval, the profiles of neurons in medial frontal cortex scale with it,
and an input from outside that stays the same throughout sets the speed (Wang, Narain, Hosseini & Jazayeri 2018, Nat
Neurosci 21:102). Cells of the striatum rescale likewise (Mello, Soares & Paton 2015, Curr Biol 25:1113). Not every code
of time does: most time cells of the hippocampus retime when a delay is changed (MacDonald et al. 2011, Neuron 71:737).

Control that must fail: a chain of pools joined by axons of fixed delays, whose synapses the same input divides. The
input does reach the chain, and makes its pools take longer to follow; what that amounts to is measured.
"""
from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_timing import course_figures, peak_figures, speed_figures
from neuroam.analysis.timing import exponent, kept_pace, monotone, peak_ratio, scaled_r2, scaling_gain
from neuroam.prediction import Prediction, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms, second

WANG = "Wang et al. 2018, Nat Neurosci 21:102"
MELLO = "Mello et al. 2015, Curr Biol 25:1113"
MACDONALD = "MacDonald et al. 2011, Neuron 71:737"
SCALING, DELAYS, RETIMING = "tonic input", "fixed delays", "retiming"
INTERVALS = ("0.8 s", "1 s", "1.25 s", "1.5 s")
SHORT, LONG = INTERVALS[0], INTERVALS[-1]
RATIO = 1.5 / 0.8
EARLY = (0.1, 0.5)
CUE, WAIT = 200 * ms, 200 * ms


@recipe
def temporal_scaling(trials: int = 6) -> Protocol:
    """`trials` of each interval, in random order."""
    return Protocol(
        name="temporal_scaling",
        title="One tonic input scales a sequence in time",
        source=f"{WANG}; {MELLO}; {MACDONALD}",
        circuit="interval",
        dt=0.5 * ms,
        levels=("spiking", "rate", "effective"),
        groups=(Group(SCALING), Group(DELAYS, strain={"code": "delays"}), Group(RETIMING, strain={"code": "retiming"})),
        blocks=(Block("production", tuple(_trial(name, trials) for name in INTERVALS), shuffle=True),),
        record=(Record("cells", every=5 * ms), Record("tempo")),
        predictions=(*_scaling(), *_controls()),
        figures=_figures(),
        notes={"intervals": "0.8 and 1.5 s are background, not verified in the source; 1 and 1.25 s are ours",
               "by construction": "the equations scale, and the input for an interval follows from them; what does not "
                                  "follow is how well cells with time constants and noise keep to it"},
    )


def _trial(interval: str, repeats: int) -> Trial:
    """A cue, a wait, then the interval and a fifth more."""
    length = float(interval.split()[0])
    watched = 1.2 * length * second
    return Trial(interval, CUE + WAIT + watched,
                 (Stimulus("interval", {"s": length}, watched, CUE + WAIT), Stimulus("go", "go", watched, CUE + WAIT),
                  Stimulus("start", "start", CUE)), repeats=repeats)


def _of(group: str, measure: Any, **settings: Any) -> Any:
    """The measure of the cells in one group, animal by animal."""
    return functools.partial(in_group, measure=functools.partial(measure, population="cells", **settings), group=group)


def _scaling() -> tuple[Prediction, ...]:
    ends = {"short": SHORT, "long": LONG}
    near = between(0.95 * RATIO, 1.05 * RATIO)
    scale = "profiles scale with the interval; 0.8 and 1.5 s are background, not verified"
    return (
        Prediction("peak times at 1.5 s over those at 0.8 s", _of(SCALING, peak_ratio, **ends), near, scale, WANG,
                   "read in the abstract", "5 %"),
        Prediction("the same in cells of the first half", _of(SCALING, peak_ratio, part=EARLY, **ends), near, scale,
                   WANG, "read in the abstract", "5 %"),
        Prediction("warp exponent over four intervals", _of(SCALING, exponent, intervals=INTERVALS), between(0.9, 1.1),
                   "cells rescale", MELLO, "read in the abstract", "the margin"),
        Prediction("R² of the template scaled", _of(SCALING, scaled_r2, **ends), above(0.9), scale, WANG,
                   "read in the abstract", "the value"),
        Prediction("that R² is larger than that of the template shifted, by", _of(SCALING, scaling_gain, **ends),
                   above(0.2), scale, WANG, "read in the abstract", "the value"),
        Prediction("steps to a larger input at which the sequence slows down", _of(
            SCALING, monotone, intervals=INTERVALS, source="tempo"), above(0.99), "the strength of an input sets the "
            "speed", WANG, "read in the abstract"),
        Prediction("cells whose peak is within 10 % of where scaling puts it", _of(SCALING, kept_pace, **ends),
                   above(0.9), scale, WANG, "read in the abstract", "the fraction"),
    )


def _controls() -> tuple[Prediction, ...]:
    ends = {"short": SHORT, "long": LONG}
    control = ("control of this protocol", "ours")
    return (
        Prediction("fixed delays: peak times at 1.5 s over those at 0.8 s", _of(DELAYS, peak_ratio, **ends),
                   between(1, 1.3), "1.15, of the equations; must not scale, 1.875", *control, "the range"),
        Prediction("fixed delays: the same in cells of the first half", _of(DELAYS, peak_ratio, part=EARLY, **ends),
                   between(1, 1.3), "1.15; must not scale", *control, "the range"),
        Prediction("fixed delays: steps to a larger input at which the chain slows down", _of(
            DELAYS, monotone, intervals=INTERVALS, source="tempo"), above(0.99), "the input does reach it", *control),
        Prediction("fixed delays: R² of the template scaled", _of(DELAYS, scaled_r2, **ends), below(0.9), "must fail",
                   *control),
        Prediction("fixed delays: cells whose peak is within 10 % of where scaling puts it", _of(
            DELAYS, kept_pace, **ends), below(0.1), "must fail", *control, "the fraction"),
        Prediction("retiming: cells whose peak is within 10 % of where scaling puts it", _of(
            RETIMING, kept_pace, **ends), below(0.5), "most time cells retime", MACDONALD, "read in the abstract",
            "10 %"),
    )


def _figures() -> tuple[Figure, ...]:
    groups: Sequence[str] = (SCALING, DELAYS, RETIMING)
    return (
        Figure("Who is active when",
               "Activity of the cells in the shortest and the longest interval, each over its largest, in the order of "
               "their peaks in the shortest; mean over trials of the first animal.",
               functools.partial(course_figures, population="cells", groups=groups, intervals=(SHORT, LONG))),
        Figure("Peak times",
               "Peak times in the longest against those in the shortest interval, a dot a cell of the first animal; "
               "dashed: scaled, dotted: unchanged.",
               functools.partial(peak_figures, population="cells", groups=groups, intervals=(SHORT, LONG))),
        Figure("Speed and input",
               "Speed, relative to the shortest interval, against the tonic input; mean and 95 % bootstrap interval "
               "over {animals}. Dashed: 1/(1 + u), as the equations have it.",
               functools.partial(speed_figures, population="cells", source="tempo", group=SCALING,
                                 intervals=INTERVALS, control=DELAYS)),
    )
