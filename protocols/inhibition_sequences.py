"""Inhibition of the memory that is active lets the next one follow: sequences on a directed cycle (Burns 2024).

Forty-nine frames of a film are memories, each linked to the next. With auto-association replay stands still or crawls;
inhibition aimed at the frame that is there completes the film and speeds it up. Frames resemble their neighbours, as
those of a film do, or are independent.

In groups that say "updates" visible neurons have a time constant of 9 ms, so that at the effective level a time step
of 2 ms is a published update of size 0.2; their speeds are frames per update. The other groups are resolved in time,
with a time constant of 50 ms, and their speeds are frames per 0.22 time constants, which is as long. With links in both
directions there is no replay, which is what must fail.
"""
from __future__ import annotations

import functools
import math
from itertools import pairwise
from typing import Any

from neuroam.analysis.attractors import clarity, speed, visited
from neuroam.analysis.contrast import difference, in_group
from neuroam.analysis.plots_attractors import curve_figures, replay_figures
from neuroam.prediction import Prediction, Region, above, below, between
from neuroam.protocol import Figure, Group, Protocol, Record
from neuroam.protocols.serial_position_correlation import BURNS, STEP, cued
from neuroam.recipe import recipe
from neuroam.units import ms

SIMULATED = "simulations of the published update, N = 2000, 100 updates"
FILM = "stored figures of the author's film"
CERTAIN = "measured independently; the margin ours"
FRAMES, CELLS, WIDTH, SHARPNESS, UPDATE = 49, 2000, 1.5, 0.6, 0.2
SMOOTH = {(1, 0): 0.0, (0.5, 0.5): 0.08, (0, 1): 0.21, (0, 3): 0.22, (-1, 3): 0.35, (-1.5, 3): 0.47, (-2, 3): 0.68,
          (-2, 3.5): 0.53}
INDEPENDENT = {(0.5, 0.5): 0.06, (0, 1): 0.49, (-1, 3): 0.99, (-2, 3): 1.0}
ORDER = ((0, 1), (-1, 3), (-1.5, 3), (-2, 3.5), (-2, 3))  # from slow to fast
FASTEST = (-2, 3)
HUNDRED = 100 * STEP
SLOW = 50 * ms
BACKWARD, BOTH = "(−2, 3), backward", "(−2, 3), both ways"


def setting(auto: float, hetero: float) -> str:
    return f"({auto:g}, {hetero:g})".replace("-", "−")


def in_updates(auto: float, hetero: float) -> str:
    return f"{setting(auto, hetero)}, updates"


def independent(auto: float, hetero: float) -> str:
    return f"{setting(auto, hetero)}, independent, updates"


@recipe
def inhibition_sequences(cues: int = 5, presentation: Any = 60 * ms, replay: Any = 400 * ms) -> Protocol:
    """The first `cues` frames, each shown with noise for `presentation` and followed by a `replay` of that length."""
    return Protocol(
        name="inhibition_sequences",
        title="Replay of a film under inhibition of the active memory",
        source=BURNS,
        circuit="correlated",
        levels=("rate", "effective"),
        dt=STEP,
        groups=_groups(),
        blocks=(cued("replay", cues, presentation, replay, STEP),),
        record=(Record("visible", every=STEP, units=False),),
        predictions=_predictions(),
        figures=_figures(),
        notes={"settings": "(a, h): strength of auto- and of hetero-association",
               "speed": "from frame to frame by the largest overlap; in updates, over the first hundred time steps",
               "direction": f"links lead to the next frame; in group {BACKWARD!r} to the one before, as in the "
                            "published film"},
    )


def _groups() -> tuple[Group, ...]:
    memory = {"patterns": FRAMES, "cells": CELLS, "graph": "directed cycle", "sharpness": SHARPNESS, "smooth": WIDTH}
    coarse = {"tau_visible": float(STEP) / -math.log1p(-UPDATE) * 1000 * ms}
    strains = {setting(a, h): memory | {"auto": float(a), "hetero": float(h), "tau_visible": SLOW} for a, h in ORDER}
    strains |= {in_updates(a, h): memory | coarse | {"auto": float(a), "hetero": float(h)} for a, h in SMOOTH}
    strains |= {independent(a, h): memory | coarse | {"auto": float(a), "hetero": float(h), "smooth": 0.0}
                for a, h in INDEPENDENT}
    strains |= {BACKWARD: strains[setting(*FASTEST)] | {"graph": "reversed cycle"},
                BOTH: strains[setting(*FASTEST)] | {"graph": "cycle"}}
    return tuple(Group(name, strain=strain) for name, strain in strains.items())


def per_update(signed: bool = True) -> functools.partial:
    """Speed in frames per update, where a time step is one."""
    return functools.partial(speed, per=float(STEP), window=float(HUNDRED), signed=signed)


def resolved(signed: bool = True) -> functools.partial:
    """Speed in frames per as much time as an update stands for."""
    return functools.partial(speed, per=-math.log1p(-UPDATE) * float(SLOW), signed=signed)


def _predictions() -> tuple[Prediction, ...]:
    fastest, slowest = in_updates(*FASTEST), in_updates(*ORDER[0])
    return (
        *(_claim(f"{in_updates(*s)}: frames per update", per_update(signed=False), in_updates(*s), value, 0.06)
          for s, value in SMOOTH.items()),
        *(_claim(f"{independent(*s)}: frames per update", per_update(signed=False), independent(*s), value, 0.06)
          for s, value in INDEPENDENT.items()),
        *(Prediction(f"resolved in time: {setting(*fast)} is faster than {setting(*slow)} by", functools.partial(
            difference, measure=resolved(), first=setting(*fast), second=setting(*slow)), above(0.0),
            "order of the published films", FILM, "read off figures")
          for slow, fast in pairwise(ORDER)),
        _measured(f"{fastest}: part of the film that is replayed", _within_hundred(visited), fastest, above(0.95),
                  "the whole film", FILM, "read off figures"),
        _measured(f"{slowest}: part of the film that is replayed", _within_hundred(visited), slowest, below(0.7),
                  "less", SIMULATED, CERTAIN),
        _measured(f"{fastest}: overlap with the best match", clarity, fastest, above(0.9), "above 0.9", SIMULATED,
                  "measured independently"),
        _measured(f"{BACKWARD}: frames per 0.22 time constants", resolved(), BACKWARD, below(-0.5), "backward", FILM,
                  "read off figures, and in the code; the size ours"),
        _measured(f"{BOTH}: frames per 0.22 time constants, in either direction", resolved(signed=False), BOTH,
                  below(0.1), "must stand still", "control of this protocol", "ours: half of the slowest replay"),
        _measured(f"{in_updates(1, 0)}: part of the film that is replayed", _within_hundred(visited), in_updates(1, 0),
                  below(0.05), "must stand still", "control of this protocol", "ours"),
    )


def _within_hundred(measure: Any) -> functools.partial:
    return functools.partial(measure, window=float(HUNDRED))


def _claim(claim: str, measure: Any, group: str, value: float, margin: float) -> Prediction:
    return _measured(claim, measure, group, between(round(value - margin, 6), round(value + margin, 6)), f"{value}",
                     SIMULATED, CERTAIN)


def _measured(claim: str, measure: Any, group: str, expect: Region, published: str, source: str,
              certainty: str) -> Prediction:
    return Prediction(claim, functools.partial(in_group, measure=measure, group=group), expect, published, source,
                      certainty)


def _figures() -> tuple[Figure, ...]:
    three = ((0, 3), (-1, 3), (-1.5, 3), (-2, 3))
    axis = "auto-association, a (h = 3)"
    return (
        Figure("Replay after one cue",
               "Overlap with each frame in time, first trial of the first animal, resolved in time.",
               functools.partial(replay_figures, groups=(*(setting(*s) for s in (ORDER[0], *three[1:])), BACKWARD,
                                                         BOTH))),
        Figure("Inhibition speeds replay up",
               "Frames per update against auto-association, with hetero-association 3; mean and 95 % bootstrap "
               f"interval over {{animals}}; crosses: {SIMULATED}.",
               functools.partial(curve_figures, measures={"": per_update(signed=False)}, ylabel="frames per update",
                                 axes={axis: {in_updates(*s): float(s[0]) for s in three}},
                                 reference={axis: {float(s[0]): SMOOTH[s] for s in three}})),
    )
