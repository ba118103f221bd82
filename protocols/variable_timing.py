"""Motifs that last as long as each of them should, and what they draw.

In the rule of Chaudhry et al. 2023 (arXiv 2306.04532) a motif is held until its own slow trace moves the network on; so
the strength λ_μ of the step out of motif μ sets how long it lasts, one motif at a time: changing one leaves the others
as they are, as in songs of which single segments were changed (Ali et al. 2018, Nat Commun 9:3261). A tonic input to
the neurons that move on sets the tempo, as external input does in cortex (Wang et al. 2018, Nat Neurosci 21:102), and
the basal ganglia, by inhibiting one of them, keep the network in its motif. The motifs move a hand along a star.

Dwell times out of reach are refused when the circuit is made; these cover most of what is within reach of a low-pass of
100 ms. A miss is 1 where a motif lasts longer or shorter than it should by 5 % or, where time goes in steps, by one
step of 10 ms.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from neuroam.analysis.contrast import in_group
from neuroam.analysis.motor import drawing_distance, pauses
from neuroam.analysis.plots_sequences import drawing_figures, overlap_images, tempo_figures, timing_figures
from neuroam.analysis.sequence_memory import deviation, dwell, dwell_by_motif, each_trial, motif_at, order
from neuroam.prediction import Prediction, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

CHAUDHRY = "Chaudhry et al. 2023, arXiv 2306.04532"
DERIVED = "the rule, derived for this circuit"
GIVEN = (0.3, 0.1, 0.2, 0.12, 0.4, 0.15, 0.25, 0.09, 0.35, 0.18)
CHANGED = 4  # place of the motif that is made shorter
ALONE = tuple(0.2 if k == CHANGED else t for k, t in enumerate(GIVEN))
EQUAL = (0.2,) * len(GIVEN)
WIDE = (0.08, 0.45, 0.1, 0.42, 0.13, 0.38, 0.17, 0.3, 0.22, 0.26)
WANTED = {"given times": GIVEN, "one changed": ALONE, "equal times": EQUAL, "all within reach": WIDE}
TIMED, EVEN = "given times", "equal times"
CONTROL = "one strength for all"
FREE, GATED = "free", "gate of motif 4 closed"
INPUTS = (-0.1, -0.05, 0.05, 0.1)
TEMPI = {FREE: 0.0, **{f"input {s:g}": s for s in INPUTS}}
SLOWEST, FASTEST = f"input {INPUTS[0]:g}", f"input {INPUTS[-1]:g}"
TAU, LAG = 0.1, 0.015  # the low-pass; what visible and hidden neurons take to follow
STEP = 0.01  # of the synchronous network: the visible time constant
PRECISION = 0.05
GATE_OPENS = 2.0


@recipe
def variable_timing(cells: int = 200, duration: Any = 5000 * ms, pool: int = 10_000) -> Protocol:
    """Ten motifs, cued once and followed for `duration`, without and with a tonic input, and with a gate that is closed
    for 2 s. At the spiking level `pool` neurons stand for each cell."""
    made = {"cells": cells, "updates": "synchronous", "pool": pool}
    strains: dict[str, dict[str, Any]] = {name: {**made, "dwell": text(times)} for name, times in WANTED.items()}
    strains[CONTROL] = {**made, "strength": 2.5}
    cue = Stimulus("cue", "pattern 1", 50 * ms)
    extra = {FREE: (), GATED: (Stimulus("gate", "pattern 4", GATE_OPENS * 1000 * ms),),
             **{name: (Stimulus("speed", s, duration),) for name, s in TEMPI.items() if s}}
    return Protocol(
        name="variable_timing",
        title="Sequences with a time for each motif",
        source=CHAUDHRY,
        circuit="sequence",
        dt=1 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=tuple(Block(name, (Trial("first motif", duration, (cue, *more)),)) for name, more in extra.items()),
        record=(Record("visible", every=2 * ms, units=False), Record("muscle", every=2 * ms)),
        predictions=(*_met(), *_one_by_one(), *_tempo(), *_drawn()),
        figures=_figures(),
        metrics={"time a motif lasts (s)": functools.partial(each_trial, measure=dwell)},
        notes={"time step of the effective level": "10 ms, the time constant of the visible neurons: one synchronous "
                                                   "update",
               "strengths": "λ of each motif is computed from the time it should last, the time constants of all cells "
                            "on the way, and the overlaps of the motifs, as if learned",
               "spikes": "a pool answers with the noise of its spikes; where the trace is nearly full, little noise "
                         "moves the time of a transition much, so that long motifs need large pools; too small ones "
                         "are refused",
               "out of reach": "a circuit with other dwell times is refused, and the message names those within reach"},
    )


def text(times: tuple[float, ...]) -> str:
    """Seconds as the circuit reads them."""
    return f"{','.join(f'{1e3 * t:g}' for t in times)} ms"


def rule(tonic: np.ndarray, lasts: float) -> np.ndarray:
    """How long a motif lasts under a tonic input, that lasts `lasts` without."""
    left = np.exp(-(lasts - LAG) / TAU) + np.asarray(tonic)
    return LAG - TAU * np.log(left)


def miss(recording: Any, wanted: tuple[float, ...], group: str) -> np.ndarray:
    """Largest deviation from the dwell times that are wanted, over what is allowed: PRECISION of each or, at the
    effective level, one step."""
    effective = recording.attrs["level"] == "effective"
    measure = functools.partial(deviation, wanted=wanted, block=FREE, relative=not effective)
    return in_group(recording, measure, group) / (STEP if effective else PRECISION)


def _met() -> tuple[Prediction, ...]:
    """Whether motifs last as long as they should, in order; and the control that must not."""
    met = below(1.05), "at most 1: 5 %; at the effective level one step, 10 ms", DERIVED, "derived", "a sample of 2 ms"
    times = [Prediction(f"{name}: largest miss of a dwell time",
                        functools.partial(miss, wanted=wanted, group=name), *met) for name, wanted in WANTED.items()]
    right = [Prediction(f"{name}: transitions that are right", functools.partial(
        in_group, measure=functools.partial(order, block=FREE), group=name), above(0.999), "all", DERIVED, "derived")
        for name in WANTED]
    control = Prediction(f"{CONTROL}: largest miss of the given times", functools.partial(
        miss, wanted=GIVEN, group=CONTROL), above(5), "control: must miss them", "control of this protocol", "ours",
        "the size")
    return (*times, *right, control)


def _one_by_one() -> tuple[Prediction, ...]:
    """What one motif does leaves the others alone."""
    def place(time: float, claim: str, at: float, published: str) -> Prediction:
        measure = functools.partial(motif_at, time=time, block=GATED)
        return Prediction(claim, functools.partial(in_group, measure=measure, group=TIMED), between(at - 0.5, at + 0.5),
                          published, CHAUDHRY, "derived", "the range")

    return (
        Prediction("one motif changed: largest change of another's duration", _others, below(PRECISION),
                   "others unchanged", "Ali et al. 2018, Nat Commun 9:3261", "read in the abstract", "5 %"),
        place(GATE_OPENS - 0.01, "a closed gate keeps the network in its motif: place, from 0, when it opens", 3,
              "no transition out of the gated motif"),
        place(GATE_OPENS + 0.3, "and it goes on: place 0.3 s later", 4, "the sequence goes on"),
    )


def _tempo() -> tuple[Prediction, ...]:
    expected = _slow_over_fast()
    return (
        Prediction("tempo: a motif of the slowest performance over one of the fastest", _measured_tempo,
                   between(0.85 * expected, 1.15 * expected), f"{expected:.3g}; speed is set by external input",
                   f"{DERIVED}; Wang et al. 2018", "derived", "15 %"),
        Prediction("fastest and slowest drawing differ by, of their size", functools.partial(
            drawing_distance, group=EVEN, block=FASTEST, other=SLOWEST), below(0.1), "the same figure",
            "assumed: motor equivalence", "ours", "10 %"),
    )


def _drawn() -> tuple[Prediction, ...]:
    return (Prediction("the hand's pauses: mean deviation from the dwell times", _pauses, below(PRECISION), "none",
                       DERIVED, "derived", "5 %"),)


def _others(recording: Any) -> np.ndarray:
    """Largest relative change of the time that motifs last other than the one that was changed."""
    measure = functools.partial(dwell_by_motif, motifs=len(GIVEN), block=FREE)
    before, after = (in_group(recording, measure, name) for name in (TIMED, "one changed"))
    change = np.abs(after / before - 1)[:, [k for k in range(len(GIVEN)) if k != CHANGED]]
    return np.where(np.isnan(change).any(axis=1), math.inf, change.max(axis=1))


def _measured_tempo(recording: Any) -> np.ndarray:
    slow, fast = (in_group(recording, functools.partial(dwell, block=block), EVEN) for block in (SLOWEST, FASTEST))
    return slow / fast


def _slow_over_fast() -> float:
    slow, fast = rule(np.array([INPUTS[0], INPUTS[-1]]), EQUAL[0])
    return float(slow / fast)


def _pauses(recording: Any) -> np.ndarray:
    found = pauses(recording, TIMED, FREE, len(GIVEN) - 1)
    apart = np.abs(found / np.array(GIVEN[1:]) - 1)
    return np.where(np.isnan(apart).any(axis=1), math.inf, apart.mean(axis=1))


def _figures() -> tuple[Figure, ...]:
    tonic = np.linspace(INPUTS[0], INPUTS[-1], 60)
    tempi = dict(sorted(TEMPI.items(), key=lambda item: item[1]))
    drawn = {TIMED: (TIMED, FREE), EVEN: (EVEN, FREE), "faster": (EVEN, FASTEST)}
    return (
        Figure("What the hand draws",
               "First animal: the path of the hand, from the centre on, a dot every 50 ms, and its speed, with a line "
               "at each stroke. Tips of the star and its inner corners are one motif each.",
               functools.partial(drawing_figures, seconds=2.4, panels_of=drawn)),
        Figure("How long each motif lasts, and should",
               "A dot a motif and animal, mean over its visits; grey: within 5 %.",
               functools.partial(timing_figures, wanted={**WANTED, CONTROL: GIVEN}, block=FREE)),
        Figure("Overlap with each motif in time",
               "First animal, from the cue on; red: the motif that is active.",
               functools.partial(overlap_images, groups=(TIMED, "all within reach"), seconds=5.0, block=FREE)),
        Figure("A closed gate", "The gate of the fourth motif is closed for the first 2 s.",
               functools.partial(overlap_images, groups=(TIMED,), seconds=4.0, block=GATED)),
        Figure("Tempo", "Equal times; mean and 95 % bootstrap interval over {animals}.",
               functools.partial(tempo_figures, group=EVEN, blocks=tempi, law=(tonic, rule(tonic, EQUAL[0])))),
    )
