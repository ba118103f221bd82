"""Patterns are completed from parts of a cue by recurrent synapses of CA3 (Nakazawa et al. 2002; Neunuebel & Knierim
2014).

Mice without NMDA receptors in CA3 find their way with all cues in place and fail when only some are left (Nakazawa et
al. 2002, Science 297:211): here, animals whose recurrent synapses never learned. Where cues were altered, the code in
CA3 stayed closer to the familiar one than that of its input from the dentate gyrus (Neunuebel & Knierim 2014, Neuron
81:416). All cues, the partial and the noisy ones, stay on while the answer is measured.
"""

from __future__ import annotations

import functools
from typing import Any

from neuroam.analysis.completion import agreement, change, matches, recall
from neuroam.analysis.contrast import difference, in_group
from neuroam.analysis.plots_memory import agreement_figures, cue_figures
from neuroam.cues import Degradation, Flip, Missing
from neuroam.manipulations import Scale
from neuroam.prediction import Prediction, above, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

NAKAZAWA = "Nakazawa et al. 2002, Science 297:211"
NEUNUEBEL = "Neunuebel & Knierim 2014, Neuron 81:416"
CONTROL, BLOCKED = "control", "recurrent learning blocked"
PRESENT = (1.0, 0.75, 0.5, 0.25, 0.1)
FLIPPED = (0.1, 0.2, 0.3, 0.4)
FULL, QUARTER = "100 % of the cue", "25 % of the cue"
STAGES = ("EC", "DG", "CA3")


@recipe
def pattern_completion(cues: int = 10, presentation: Any = 400 * ms) -> Protocol:
    """The first `cues` patterns, intact, with parts missing and with signs flipped, each for `presentation`."""
    qualities: dict[str, Degradation] = {f"{100 * p:g} % of the cue": Missing(1 - p) for p in PRESENT}
    qualities |= {f"{100 * p:g} % flipped": Flip(p) for p in FLIPPED}
    return Protocol(
        name="pattern_completion",
        title="Pattern completion from partial and noisy cues",
        source=f"{NAKAZAWA}; {NEUNUEBEL}",
        circuit="hippocampus",
        dt=1 * ms,
        groups=(Group(CONTROL), Group(BLOCKED, (Scale("memory", "CA3", 0.0),))),
        blocks=tuple(_block(name, how, cues, presentation) for name, how in qualities.items()),
        record=tuple(Record(stage) for stage in STAGES),
        predictions=_predictions(),
        figures=_figures(tuple(qualities)),
        notes={
            "what learning is": "all patterns were stored before the experiment; blocked animals differ in that "
            "the answer "
            "of the recurrent synapses is 0",
            "agreement": agreement.__doc__ or "",
        },
    )


def _block(name: str, how: Degradation, cues: int, presentation: Any) -> Block:
    return Block(
        name,
        tuple(
            Trial(
                f"pattern {k + 1}, {name}",
                presentation,
                (Stimulus("cue", f"pattern {k + 1}", presentation, degraded=(how,)),),
                phase=name,
                measured=(presentation - 100 * ms, 100 * ms),
            )
            for k in range(cues)
        ),
    )


def _predictions() -> tuple[Prediction, ...]:
    blocked = functools.partial(difference, first=CONTROL, second=BLOCKED)
    stage = {name: functools.partial(agreement, population=name, block=QUARTER, reference=FULL) for name in STAGES}
    altered = {name: functools.partial(change, population=name, block=QUARTER, reference=FULL) for name in STAGES}
    chance = functools.partial(agreement, population="DG", block=QUARTER, reference=FULL, other=True)
    contrast = functools.partial(matches, group=CONTROL)
    return (
        Prediction(
            "with the full cue, blocked animals are as good as controls",
            functools.partial(blocked, measure=functools.partial(recall, block=FULL)),
            within(0.05),
            "normal with full cues",
            NAKAZAWA,
            "read in the abstract",
            "the margin",
        ),
        Prediction(
            "controls recall from a quarter of the cue",
            functools.partial(in_group, measure=functools.partial(recall, block=QUARTER), group=CONTROL),
            above(0.9),
            "normal with partial cues",
            NAKAZAWA,
            "read in the abstract",
            "the overlap",
        ),
        Prediction(
            "blocked animals are worse with a quarter of the cue, by",
            functools.partial(blocked, measure=functools.partial(recall, block=QUARTER)),
            above(0.2),
            "impaired with partial cues",
            NAKAZAWA,
            "read in the abstract",
            "the size",
        ),
        Prediction(
            "CA3 keeps closer to the familiar code than DG, by",
            functools.partial(contrast, one=stage["CA3"], other=stage["DG"]),
            above(0.0),
            "CA3 output closer to the stored pattern than its DG input",
            NEUNUEBEL,
            "read in the abstract",
        ),
        Prediction(
            "DG still knows more than chance, by",
            functools.partial(contrast, one=stage["DG"], other=chance),
            above(0.0),
            "disrupted, not lost",
            NEUNUEBEL,
            "secondary",
        ),
        Prediction(
            "DG changes more than its input from EC, by",
            functools.partial(contrast, one=altered["DG"], other=altered["EC"]),
            above(0.0),
            "change of DG > EC > CA3",
            NEUNUEBEL,
            "secondary",
        ),
        Prediction(
            "EC changes more than CA3, by",
            functools.partial(contrast, one=altered["EC"], other=altered["CA3"]),
            above(0.0),
            "change of DG > EC > CA3",
            NEUNUEBEL,
            "secondary",
        ),
        Prediction(
            "without recurrent learning CA3 changes about as much as EC (within)",
            functools.partial(matches, one=altered["EC"], other=altered["CA3"], group=BLOCKED),
            within(0.25),
            "must not complete",
            "control of this protocol",
            "ours",
            "the margin",
        ),
    )


def _figures(blocks: tuple[str, ...]) -> tuple[Figure, ...]:
    parts = tuple(f"{100 * p:g} % of the cue" for p in PRESENT)
    noisy = (FULL, *(f"{100 * p:g} % flipped" for p in FLIPPED))
    return (
        Figure(
            "Recall against the part of the cue that is left",
            "Overlap of CA3 with the cued pattern; mean and 95 % bootstrap interval over {animals}.",
            functools.partial(
                cue_figures,
                groups=(CONTROL, BLOCKED),
                blocks=parts,
                qualities=tuple(100 * p for p in PRESENT),
                xlabel="part of the cue left (%)",
            ),
        ),
        Figure(
            "Recall against noise in the cue",
            "The same with signs flipped.",
            functools.partial(
                cue_figures,
                groups=(CONTROL, BLOCKED),
                blocks=noisy,
                qualities=(0.0, *(100 * p for p in FLIPPED)),
                xlabel="signs flipped in the cue (%)",
            ),
        ),
        Figure(
            "Separated on the way in, completed in CA3",
            "Correlation of each stage's population vector with that for the full cue, in controls; mean and 95 "
            "% bootstrap "
            "interval over {animals}.",
            functools.partial(
                agreement_figures,
                populations=STAGES,
                group=CONTROL,
                reference=FULL,
                blocks=parts,
                qualities=tuple(100 * p for p in PRESENT),
                xlabel="part of the cue left (%)",
            ),
        ),
    )
