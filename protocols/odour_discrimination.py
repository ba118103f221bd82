"""Sparse, decorrelated odour coding in the mushroom body enhances learned odour discrimination (Lin et al. 2014).

Flies whose APL output is blocked answer odours with more Kenyon cells and more alike, and no longer learn to tell
similar odours apart; dissimilar ones they still do (Lin, Bygrave, de Calignon, Lee & Miesenböck 2014, Nat Neurosci
17:559). Two groups tell why: with the threshold renormalised the code is as sparse as in controls though APL is
blocked, and without dopamine nothing may be learned.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from neuroam.analysis.contrast import Measure, difference, in_group, interaction, ratio
from neuroam.analysis.correlation import mean_correlation
from neuroam.analysis.learning import preference_index
from neuroam.analysis.plots import (
    coding_level_figures,
    correlation_figures,
    learning_figures,
    preference_figures,
    rasters,
)
from neuroam.analysis.sparseness import coding_level, silent_fraction, spikes_per_response
from neuroam.manipulations import Renormalise, Scale, Silence
from neuroam.prediction import Prediction, Region, above, between, within
from neuroam.protocol import EVERY, Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms, second

LIN = "Lin et al. 2014, Nat Neurosci 17:559"
DIRECTION = "direction read in the abstract; sizes are in figures only"
CONTROL, BLOCKED, RENORMALISED, NO_DOPAMINE = ("control", "APL blocked", "APL blocked, threshold renormalised",
                                               "dopamine blocked")
SIMILAR = ({"isopentyl acetate": 0.8, "ethyl butyrate": 0.2}, {"isopentyl acetate": 0.2, "ethyl butyrate": 0.8})
DISSIMILAR = ({"isopentyl acetate": 1.0}, {"d-decalactone": 1.0})
PAIRS = {"similar": SIMILAR, "dissimilar": DISSIMILAR}
SHOWN = ("isopentyl acetate", "ethyl butyrate", "d-decalactone")
SETTLE = 100 * ms


@recipe
def odour_discrimination(training: int = 12, tests: int = 3, odour: object = 0.5 * second) -> Protocol:
    """Coding of all odours the port knows, then discrimination learning of a similar and a dissimilar pair.

    Each pair is trained twice, on naive animals of the same wiring, with either odour punished. `training` and
    `tests`: presentations of each odour; `odour`: how long one lasts.
    """
    blocks = [Block("coding", (_trial("", EVERY, odour, "coding"),))]
    for pair, (a, b) in PAIRS.items():
        blocks += [_conditioning(f"{pair}, first punished", a, b, training, tests, odour),
                   _conditioning(f"{pair}, second punished", b, a, training, tests, odour)]
    return Protocol(
        name="odour_discrimination",
        title="Sparse coding and learned odour discrimination",
        source=LIN,
        circuit="mushroom_body",
        dt=0.5 * ms,
        groups=(
            Group(CONTROL),
            Group(BLOCKED, (Scale("APL", "KC", 0.0),)),
            Group(RENORMALISED, (Scale("APL", "KC", 0.0), Renormalise(0.10))),
            Group(NO_DOPAMINE, (Silence("DAN"),)),
        ),
        blocks=tuple(blocks),
        record=(Record("KC"), Record("MBON", every=10 * ms), Record("APL", every=10 * ms)),
        predictions=(*_coding(), *_behaviour()),
        figures=_figures(),
        notes={"presentation": "assumed: training is 12 presentations of 0.5 s, one for each of the 12 shocks of Tully "
                               "& Quinn 1985, and each starts from rest; flies smelt an odour for a minute",
               "decision rule": preference_index.__doc__ or ""},
    )


def _trial(name: str, what: object, odour: object, phase: str, cs_type: str = "", shock: bool = False,
           repeats: int = 1) -> Trial:
    stimuli = [Stimulus("odour", what, odour, SETTLE)]
    if shock:
        stimuli.append(Stimulus("reinforcement", "shock", odour, SETTLE))
    return Trial(name, SETTLE + odour, tuple(stimuli), phase, cs_type, repeats)


def _conditioning(name: str, plus: dict, minus: dict, training: int, tests: int, odour: object) -> Block:
    """Baseline of both odours, CS+ with shock, CS− alone, test of both without shock."""
    both = (("CS+", plus), ("CS-", minus))
    return Block(name, (
        *(_trial(f"baseline {cs}", what, odour, "baseline", cs) for cs, what in both),
        *(_trial(f"train {cs}", what, odour, "training", cs, cs == "CS+", training) for cs, what in both),
        *(_trial(f"test {cs}", what, odour, "test", cs, repeats=tests) for cs, what in both),
    ), fresh=True)


def _preference(pair: str) -> functools.partial:
    return functools.partial(preference_index, blocks=(f"{pair}, first punished", f"{pair}, second punished"))


def _measure(function: Measure) -> Measure:
    return functools.partial(function, population="KC", block="coding")


def _paired(claim: str, function: Callable, expect: Region, published: str, certainty: str, assumed: str = "",
            **measured: object) -> Prediction:
    return Prediction(claim, functools.partial(function, **measured), expect, published, LIN, certainty, assumed)


def _coding() -> tuple[Prediction, ...]:
    """What the imaging of Kenyon cells found."""
    level, alike = _measure(coding_level), _measure(mean_correlation)
    return (
        Prediction("Kenyon cells code sparsely", functools.partial(in_group, measure=level, group=CONTROL),
                   between(0.04, 0.12), "6 ± 5 % of cells answer an odour",
                   "Turner et al. 2008, J Neurophysiol 99:734", "secondary",
                   "the range; the circuit is calibrated to 10 %"),
        _paired("blocking APL raises the fraction of responding Kenyon cells", ratio, above(1.5), "less sparse",
                DIRECTION, "the factor 1.5; 20 against 10 % is set by the calibration",
                measure=level, first=BLOCKED, second=CONTROL),
        _paired("blocking APL makes odours more alike", difference, above(0.0), "inter-odour correlation rises",
                DIRECTION, measure=alike, first=BLOCKED, second=CONTROL),
        Prediction("spikes of a responding Kenyon cell",
                   functools.partial(in_group, measure=_measure(spikes_per_response), group=CONTROL),
                   between(1.0, 5.0), "2.81 in the model of Kennedy 2019",
                   "stored output of annkennedy/mushroomBody", "verified", "the range"),
        Prediction("Kenyon cells that answer none of the odours",
                   functools.partial(in_group, measure=_measure(silent_fraction), group=CONTROL),
                   between(0.30, 0.45), "34 % in the model of Kennedy 2019; 39–41 % in calcium recordings",
                   "stored output of annkennedy/mushroomBody; ejhonglab/al_analysis", "verified", "the range"),
    )


def _behaviour() -> tuple[Prediction, ...]:
    """What the flies did, and the controls that must fail."""
    similar, dissimilar = _preference("similar"), _preference("dissimilar")
    return (
        Prediction("animals learn", functools.partial(in_group, measure=dissimilar, group=CONTROL), above(0.0),
                   "learn to avoid the punished odour", LIN, DIRECTION),
        _paired("blocking APL impairs discrimination of similar odours", difference, above(0.0), "learning abolished",
                "secondary", measure=similar, first=CONTROL, second=BLOCKED),
        _paired("blocking APL spares discrimination of dissimilar odours", difference, within(0.05),
                "no difference (P = .53)", "secondary", "the margin", measure=dissimilar, first=CONTROL,
                second=BLOCKED),
        _paired("it impairs similar odours more than dissimilar ones", interaction, above(0.0),
                "interaction, P = .0012", "secondary", one=similar, other=dissimilar, first=CONTROL, second=BLOCKED),
        _paired("a renormalised threshold makes up for part of the loss", difference, above(0.0),
                "not tested in flies", "control of this protocol", measure=similar, first=RENORMALISED, second=BLOCKED),
        *(Prediction(f"without dopamine nothing is learned ({pair} odours)",
                     functools.partial(in_group, measure=_preference(pair), group=NO_DOPAMINE), within(0.05),
                     "must fail", "control of this protocol", "ours", "the margin") for pair in PAIRS),
    )


def _figures() -> tuple[Figure, ...]:
    trained = {pair: (f"{pair}, first punished", f"{pair}, second punished") for pair in PAIRS}
    code: dict[str, Any] = {"population": "KC", "block": "coding"}
    return (
        Figure("Kenyon cells and APL",
               "Spikes of 500 Kenyon cells of the first animal in three trials, and what APL emits (green). Grey: the "
               "odour is on.",
               functools.partial(rasters, **code, companion="APL", groups=(CONTROL, BLOCKED), stimuli=SHOWN)),
        Figure("How many Kenyon cells answer",
               "Fraction of Kenyon cells that answer an odour, mean over {animals}. Each dot is an odour; the line and "
               "the number give the mean over odours.",
               functools.partial(coding_level_figures, **code, groups=(CONTROL, BLOCKED, RENORMALISED))),
        Figure("How alike the codes of odours are",
               "Correlation across Kenyon cells between the answers to each two odours, mean over {animals}, with and "
               "without APL. Odours are ordered by clustering the first control matrix; the order and, within a panel, "
               "the colours are shared. Grey: no cell answers one of the two.",
               functools.partial(correlation_figures, **code, groups=(CONTROL, BLOCKED))),
        *(Figure(f"Learning, {pair} odours",
                 "Answer of the output neuron for approach to the punished (CS+) and the other odour (CS−), "
                 "relative to its naive answer. Thin lines: {animals}, each the mean over which odour was punished; "
                 "thick line and band: mean and its 95 % bootstrap interval over animals. Grey: training; CS+ is "
                 "trained before CS−.",
                 functools.partial(learning_figures, blocks=blocks, groups=(CONTROL, BLOCKED)))
          for pair, blocks in trained.items()),
        Figure("Learned preference",
               "Preference for CS− over CS+ at test. Dots: {animals} in each group; bars: mean and its 95 % bootstrap "
               "interval over animals.",
               functools.partial(preference_figures, pairs=trained,
                                 groups=(CONTROL, BLOCKED, RENORMALISED, NO_DOPAMINE))),
    )
