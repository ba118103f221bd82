"""Long sequences recalled in order, and in time, by sharp hidden neurons (Chaudhry et al. 2023).

A motif is cued for two steps, while the basal ganglia keep the sequence from moving on, and the network left alone.
Figure 1 of the paper: with 100 motifs a linear network (SeqNet) loses the sequence that one with squared overlaps
(DenseNet) keeps. Figure 4A: networks that hold each motif until a trace of the last τ = 5 states moves them on
(MixedNet) fail with linear overlaps, keep the order of 40 motifs with squared ones, and with the tenth power also the
timing, 5 steps for each motif. One step is 50 ms.
"""
from __future__ import annotations

import functools
from typing import Any

from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_sequences import fraction_figures, order_figures, overlap_images
from neuroam.analysis.sequence_memory import clearness, dwell, evokes_next, in_order, order, overlap_after
from neuroam.prediction import Prediction, Region, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

CHAUDHRY = "Chaudhry et al. 2023, arXiv 2306.04532"
SIMULATED = "simulations of the discrete-time networks"
STEP = 50 * ms
CLOSED, NEARLY_CLOSED = 5.0, 1.2  # doses at the gate; the second lets neurons that move on follow within a few ms
SEQNET, DENSENET = "SeqNet", "DenseNet, d = 2"
MIXED = {d: f"MixedNet, d = {d}" for d in (1, 2, 10)}
WALK = "one cue"
CUED, FOLLOWED = "cued", "a step later"
RIGHT = functools.partial(evokes_next, population="visible", cued=CUED, after=FOLLOWED)
ALL_DIGITS = 1694
DIGITS = {"d = 1": 0.0, "d = 5": 0.0, "d = 25": 0.849, "d = 51": 0.997, "exponential": 1.0}


def cued(what: Any) -> tuple[Stimulus, ...]:
    """A cue of two steps with the gate closed: in the first one, what was before the trial is still on its way."""
    return (Stimulus("cue", what, 2 * STEP), Stimulus("gate", CLOSED, STEP),
            Stimulus("gate", NEARLY_CLOSED, STEP, STEP))


@recipe
def sequence_recall(duration: Any = 11000 * ms, paired: bool = True) -> Protocol:
    """The first motif is cued; what follows is recorded for `duration`. `paired`: hidden neurons in pairs, so that
    separation is the plain power of the paper."""
    discrete = {"delay": STEP, "updates": "synchronous without autapses", "paired": paired}
    dense = {**discrete, "motifs": 100, "cells": 300, "holding": 0, "strength": 1.0}
    mixed = {**discrete, "motifs": 40, "cells": 100, "axons": 5, "strength": 2.5}
    strains = {SEQNET: {**dense, "degree": 1}, DENSENET: {**dense, "degree": 2},
               **{name: {**mixed, "degree": d} for d, name in MIXED.items()}}
    trial = Trial("first motif", duration, cued("pattern 1"))
    return Protocol(
        name="sequence_recall",
        title="Order and timing of long sequences",
        source=CHAUDHRY,
        circuit="sequence",
        dt=2.5 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=(Block(WALK, (trial,)),),
        record=(Record("visible", every=10 * ms, units=False),),
        predictions=_predictions(),
        figures=_figures(),
        metrics={"motifs in order": functools.partial(_by_trial, measure=in_order)},
        notes={"steps and delays": "at the effective level one step of the discrete network is the delay of the slow "
                                   "path, 50 ms; in the circuit the delay is the same, and visible neurons take some "
                                   "15 ms more to follow",
               "trace": "the mean of the last 5 states is heard over axons with delays of 50, 100, … 250 ms"},
    )


def _by_trial(recording: Any, measure: Any) -> Any:
    return measure(recording).expand_dims("trial", 1)


def _predictions() -> tuple[Prediction, ...]:
    def of(group: str, claim: str, measure: Any, expect: Region, published: str, source: str, certainty: str,
           assumed: str = "the margin") -> Prediction:
        return Prediction(f"{group}: {claim}", functools.partial(in_group, measure=measure, group=group), expect,
                          published, source, certainty, assumed)

    at = {1: (0.927, 0.03), 2: (0.886, 0.04), 5: (0.795, 0.07), 10: (0.572, 0.15)}
    early = [of(SEQNET, f"overlap with the motif that is due at step {t}", functools.partial(
        overlap_after, steps=t, clock_group=DENSENET), between(m - margin, m + margin), f"{m}", SIMULATED, "verified")
        for t, (m, margin) in at.items()]
    numbers = {1: (2.59, "order and timing lost"), 2: (4.0, "order kept, timing wrong"),
               10: (5.0, "order and timing kept")}
    timing = [of(name, "steps a motif lasts", _steps, between(numbers[d][0] - 0.5, numbers[d][0] + 0.5),
                 f"{numbers[d][0]:g}; {numbers[d][1]}", f"{CHAUDHRY}, fig. 4A; {SIMULATED}", "verified") for d,
                 name in MIXED.items()]
    whole = functools.partial(in_order, motifs=40)
    return (
        *early,
        of(SEQNET, "overlap with the motif that is due at step 99", functools.partial(overlap_after, steps=99,
                                                                                      clock_group=DENSENET),
           between(-0.1, 0.1), ".012: must fail", f"{CHAUDHRY}, fig. 1; {SIMULATED}", "verified"),
        of(SEQNET, "motifs recalled in order", in_order, below(50), "the sequence is lost: must fail", f"{CHAUDHRY}, "
                                                                                                       f"fig. 1",
           "verified", "the number"),
        of(DENSENET, "motifs recalled in order", functools.partial(in_order, motifs=100), above(99.5),
           "all 100, in 20 of 20 runs",
           f"{CHAUDHRY}, fig. 1; {SIMULATED}", "verified"),
        of(DENSENET, "transitions that are right", order, above(0.999), "all", CHAUDHRY, "verified"),
        *timing,
        of(MIXED[1], "largest overlap with any motif, mean over time", clearness, between(0.285, 0.485), ".385: must "
                                                                                                         "fail",
           SIMULATED, "verified"),
        of(MIXED[1], "motifs recalled in order", in_order, below(10), "order lost: must fail", f"{CHAUDHRY}, fig. 4A",
           "verified", "the number"),
        of(MIXED[2], "largest overlap with any motif, mean over time", clearness, above(0.95), ".991", SIMULATED,
           "verified"),
        of(MIXED[2], "motifs recalled in order, of 40", whole, above(39.5), "order kept", f"{CHAUDHRY}, fig. 4A",
           "verified"),
        of(MIXED[10], "motifs recalled in order, of 40", whole, above(39.5), "order kept, 20 of 20 runs perfect",
           f"{CHAUDHRY}, fig. 4A; {SIMULATED}", "verified"),
    )


def _steps(recording: Any, group: str | None = None) -> Any:
    """Mean time a motif overlaps most, in steps."""
    return dwell(recording, group, enter=-1.0, leave=-1.0) / float(STEP)


def _figures() -> tuple[Figure, ...]:
    groups = (SEQNET, DENSENET, *MIXED.values())
    return (
        Figure("Overlap with each motif in time",
               "First animal, from the cue on; red: the motif that is active, where there is one.",
               functools.partial(overlap_images, groups=groups, seconds=10.0)),
        Figure("How far the order holds, and how long a motif lasts",
               "Left: motifs recalled in order before the first error. Right: time a motif lasts; dotted: the discrete "
               "networks. Mean and 95 % bootstrap interval over {animals}; dots: animals.",
               functools.partial(order_figures, groups=groups, steps=_steps,
                                 expected={MIXED[1]: 2.59, MIXED[2]: 4.0, MIXED[10]: 5.0})),
    )


@recipe
def digit_sequence(number: int = ALL_DIGITS, paired: bool = True) -> Protocol:
    """Scikit-learn's handwritten digits in the order 0, 1, … 9, 0, …: `number` of the 1694 that differ.

    Each is cued; the answer a step later is compared with what the cue of the next one evokes.
    """
    made = {"motifs": number, "images": "digits", "delay": STEP, "updates": "synchronous", "holding": 0,
            "strength": 1.0}
    strains = {name: {**made, "separation": "exponential"} if name == "exponential" else
               {**made, "degree": int(name[4:]), "paired": paired} for name in DIGITS}
    return Protocol(
        name="digit_sequence",
        title="A sequence of handwritten digits",
        source=f"{CHAUDHRY}, after section 2.4; images: Alpaydin & Kaynak 1998, UCI",
        circuit="sequence",
        levels=("rate", "effective"),
        dt=10 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=(_images(CUED, number, 2 * STEP), _images(FOLLOWED, number, 3 * STEP)),
        record=(Record("visible"),),
        predictions=_digits_right() if number == ALL_DIGITS else (),
        figures=(Figure("Digits recalled", "Fraction of all transitions that end without a single wrong pixel.",
                        functools.partial(fraction_figures, measure=RIGHT, groups=tuple(DIGITS),
                                          expected=DIGITS if number == ALL_DIGITS else {})),),
        notes={"animals": "the images are given, so that at these levels all animals are alike: two are enough for a "
                          "verdict",
               "claims": f"they are about all {ALL_DIGITS} images; with fewer there are none"},
    )


def _digits_right() -> tuple[Prediction, ...]:
    return tuple(Prediction(f"digits, {name}: transitions without an error",
                            functools.partial(in_group, measure=RIGHT, group=name), between(value - 0.02, value + 0.02),
                            f"{value:g}", SIMULATED, "verified", "the margin") for name, value in DIGITS.items())


def _images(name: str, images: int, duration: Any) -> Block:
    """Measured in the last 10 ms. The dose is spelt out, so that overlaps of all answers with all images are not
    kept."""
    return Block(name, tuple(Trial(f"image {k}", duration, cued({f"pattern {k}": 1.0}),
                                   measured=(duration - 10 * ms, 10 * ms)) for k in range(1, images + 1)))
