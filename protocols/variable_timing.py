"""Motifs that last as long as each of them should, and what they draw.

In the rule of Chaudhry et al. 2023 (arXiv 2306.04532) a motif is held until its own slow trace moves the network on; so
the strength λ_μ of the step out of motif μ sets how long it lasts, one motif at a time: changing one leaves the others
as they are, as in songs of which single segments were changed (Ali et al. 2018, Nat Commun 9:3261). A tonic input to
the neurons that move on sets the tempo, as external input does in cortex (Wang et al. 2018, Nat Neurosci 21:102), and
the basal ganglia, by inhibiting one of them, keep the network in its motif. The motifs move a hand along a star.

Dwell times out of reach are refused when the circuit is made; these cover most of what is within reach of a low-pass of
100 ms.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from neuroam.analysis.contrast import in_group
from neuroam.analysis.motor import drawing_distance, pauses
from neuroam.analysis.plots_sequences import drawing_figures, overlap_images, tempo_figures, timing_figures
from neuroam.analysis.sequence_memory import deviation, dwell, dwell_by_motif, motif_at, order
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
WIDE = (0.08, 0.6, 0.1, 0.5, 0.13, 0.4, 0.17, 0.3, 0.22, 0.26)
WANTED = {"given times": GIVEN, "one changed": ALONE, "equal times": EQUAL, "all within reach": WIDE}
CONTROL = "one strength for all"
FREE, GATED = "free", "gate of motif 4 closed"
INPUTS = (-0.1, -0.05, 0.05, 0.1)
TEMPI = {FREE: 0.0, **{f"input {s:g}": s for s in INPUTS}}
TAU, LAG = 0.1, 0.015  # the low-pass; what visible and hidden neurons take to follow
STEP = 0.01  # of the synchronous network: the visible time constant
GATE_OPENS = 2.0


@recipe
def variable_timing(cells: int = 200, duration: Any = 5000 * ms) -> Protocol:
    """Ten motifs, cued once and followed for `duration`, without and with a tonic input, and with a gate that is closed
    for 2 s."""
    strains = {name: {"dwell": text(times), "cells": cells, "updates": "synchronous", "pool": 1000} for name,
               times in WANTED.items()}
    strains[CONTROL] = {"strength": 2.5, "cells": cells, "updates": "synchronous", "pool": 1000}
    cue = Stimulus("cue", "pattern 1", 50 * ms)
    extra: dict[str, tuple[Stimulus, ...]] = {FREE: (), GATED: (Stimulus("gate", "pattern 4", GATE_OPENS * 1000 * ms),)}
    extra |= {name: (Stimulus("speed", s, duration),) for name, s in TEMPI.items() if s}
    return Protocol(
        name="variable_timing",
        title="Sequences with a time for each motif",
        source=CHAUDHRY,
        circuit="sequence",
        dt=1 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=tuple(Block(name, (Trial("first motif", duration, (cue, *more)),)) for name, more in extra.items()),
        record=(Record("visible", every=2 * ms, units=False), Record("muscle", every=2 * ms)),
        predictions=_predictions(),
        figures=_figures(),
        metrics={"time a motif lasts (s)": _lasted},
        notes={"time step of the effective level": "10 ms, the time constant of the visible neurons: one synchronous "
                                                   "update",
               "strengths": "λ of each motif is computed from the time it should last, the time constants of all cells "
               "on the way, and "
                            "the overlaps of the motifs, as if learned",
               "out of reach": "a circuit with other dwell times is refused, and the message names those within reach"},
    )


def text(times: tuple[float, ...]) -> str:
    """Seconds as the circuit reads them."""
    return f"{','.join(f'{1e3 * t:g}' for t in times)} ms"


def _lasted(recording: Any) -> Any:
    """Time a motif lasts, of each trial."""
    found = [dwell(recording.isel(trial=[k])) for k in range(recording.sizes["trial"])]
    return found[0].expand_dims("trial", 1).copy(data=np.stack([each.values for each in found], axis=1)) if len(
        found) == 1 else _side_by_side(found)


def _side_by_side(found: list[Any]) -> Any:
    first = found[0].expand_dims("trial", 1)
    return first.isel(trial=[0] * len(found)).copy(data=np.stack([each.values for each in found], axis=1))


def rule(tonic: np.ndarray, lasts: float) -> np.ndarray:
    """How long a motif lasts under a tonic input, that lasts `lasts` without."""
    left = np.exp(-(lasts - LAG) / TAU) + np.asarray(tonic)
    return LAG - TAU * np.log(left)


def _predictions() -> tuple[Prediction, ...]:
    found = []
    for name, times in WANTED.items():
        found += [
            Prediction(f"{name}: largest deviation from the dwell time given", functools.partial(
                in_group, measure=functools.partial(deviation, wanted=times, block=FREE), group=name), below(0.05),
                "none", DERIVED, "derived", "5 %"),
            Prediction(f"{name}: the same in seconds", functools.partial(
                in_group, measure=functools.partial(deviation, wanted=times, block=FREE, relative=False), group=name),
                below(1.05 * STEP), "at most one time step of the discrete network, 10 ms", DERIVED, "derived",
                "one step, and a " "sample"),
            Prediction(f"{name}: transitions that are right", functools.partial(
                in_group, measure=functools.partial(order, block=FREE), group=name), above(0.999), "all", CHAUDHRY,
                "verified"),
        ]
    found += [
        Prediction(f"{CONTROL}: largest deviation from the dwell times of the others", functools.partial(
            in_group, measure=functools.partial(deviation, wanted=GIVEN, block=FREE), group=CONTROL), above(0.3),
            "must fail", "control of this protocol", "ours", "the size"),
        Prediction("one motif changed: the others last as long as before, largest change", functools.partial(_others),
                   below(0.05), "others unchanged", "Ali et al. 2018, Nat Commun 9:3261", "read in the abstract",
                   "5 %"),
        Prediction("a closed gate keeps the network in its motif: place of that when it opens", functools.partial(
            in_group, measure=functools.partial(motif_at, time=GATE_OPENS - 0.01, block=GATED), group="given times"),
            between(2.5, 3.5), "no transition out of the gated motif (place 3 from 0)", CHAUDHRY, "verified",
            "the range"),
        Prediction("and it goes on once the gate is open: place 0.5 s later", functools.partial(
            in_group, measure=functools.partial(motif_at, time=GATE_OPENS + 0.3, block=GATED), group="given times"),
            between(3.5, 4.5), "the sequence goes on", CHAUDHRY, "derived", "the range"),
        Prediction("tempo: the slowest over the fastest performance, time a motif lasts", _tempo, between(
            0.85 * _expected_tempo(), 1.15 * _expected_tempo()), f"{_expected_tempo():.3g}; speed is set by external "
            f"input", f"{DERIVED}; Wang et al. 2018", "derived", "15 %"),
        Prediction("the drawing at the fastest tempo differs from that at the slowest by, of its size",
                   functools.partial(
            drawing_distance, group="equal times", block=f"input {INPUTS[-1]:g}", other=f"input {INPUTS[0]:g}"),
            below(0.1), "the same figure", "assumed: motor equivalence", "ours", "10 %"),
        Prediction("the hand's pauses follow the dwell times: largest deviation", _pauses, below(0.05), "none", DERIVED,
                   "derived", "5 %"),
    ]
    return tuple(found)


def _others(recording: Any) -> np.ndarray:
    """Largest relative change of the time that motifs last other than the one that was changed and the one after it."""
    lasted = {name: in_group(recording, functools.partial(dwell_by_motif, motifs=len(GIVEN), block=FREE), name)
              for name in ("given times", "one changed")}
    kept = [k for k in range(len(GIVEN)) if k != CHANGED]
    change = np.abs(lasted["one changed"] / lasted["given times"] - 1)[:, kept]
    return np.where(np.isnan(change).any(axis=1), math.inf, change.max(axis=1))


def _tempo(recording: Any) -> np.ndarray:
    slow, fast = (in_group(recording, functools.partial(dwell, block=f"input {s:g}"), "equal times")
                  for s in (INPUTS[0], INPUTS[-1]))
    return slow / fast


def _expected_tempo() -> float:
    slow, fast = rule(np.array([INPUTS[0], INPUTS[-1]]), EQUAL[0])
    return float(slow / fast)


def _pauses(recording: Any) -> np.ndarray:
    found = pauses(recording, "given times", FREE, len(GIVEN) - 1)
    wanted = np.array(GIVEN[1:])
    return np.where(np.isnan(found).any(axis=1), math.inf, np.abs(found / wanted - 1).max(axis=1))


def _figures() -> tuple[Figure, ...]:
    tonic = np.linspace(INPUTS[0], INPUTS[-1], 60)
    return (
        Figure("What the hand draws",
               "First animal: the path of the hand, a dot every 50 ms, and its speed, with a line at each stroke. Tips "
               "of the star and its inner corners are one motif each.",
               functools.partial(drawing_figures, seconds=2.4, panels_of={
                   "given times": ("given times", FREE), "equal times": ("equal times", FREE),
                   "faster": ("equal times", f"input {INPUTS[-1]:g}")})),
        Figure("How long each motif lasts, and should",
               "A dot a motif and animal, mean over its visits; grey: within 5 %.",
               functools.partial(timing_figures, wanted={**WANTED, CONTROL: GIVEN}, block=FREE)),
        Figure("Overlap with each motif in time",
               "First animal, from the cue on; red: the motif that is active.",
               functools.partial(overlap_images, groups=("given times", "all within reach"), seconds=5.0, block=FREE)),
        Figure("A closed gate", "The gate of the fourth motif is closed for the first 2 s.",
               functools.partial(overlap_images, groups=("given times",), seconds=4.0, block=GATED)),
        Figure("Tempo", "Equal times; mean and 95 % bootstrap interval over {animals}.",
               functools.partial(tempo_figures, group="equal times", blocks=dict(sorted(TEMPI.items(),
                                                                                        key=lambda item: item[1])),
                                 law=(tonic, rule(tonic, EQUAL[0])))),
    )
