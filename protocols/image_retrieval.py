"""Handwritten digits recalled from noisy and covered cues, as single images or as what those of one digit share.

Images are memories. Alone, each is recalled from a noisy or partly covered cue, as in any dense associative memory.
With links between images of the same digit (Burns 2024) the same cues recall what these have in common: which digit it
was, and no longer which image. Noise that leaves nothing of the cue must fail.
"""

from __future__ import annotations

import functools
from typing import Any

from neuroam.analysis.attractors import community_correlation, retrieves_kind
from neuroam.analysis.contrast import difference, in_group
from neuroam.analysis.overlap import retrieves_cue
from neuroam.analysis.plots_attractors import image_figures, retrieval_figures
from neuroam.cues import Degradation, Noise, Occluded
from neuroam.prediction import Prediction, Region, above, below, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.protocols.serial_position_correlation import BURNS, STEP
from neuroam.recipe import recipe
from neuroam.units import ms

OURS, CONTROL = "expected of a memory on a graph", "control of this protocol"
IMAGES, DIGITS = 50, 10
ALONE, LINKED, INHIBITED = "not linked", "linked", "linked, inhibited"
SETTINGS = {ALONE: (1.0, 0.0), LINKED: (0.1, 0.9), INHIBITED: (-0.5, 1.5)}
NOISES, COVERS = (1.0, 2.0, 3.0, 10.0), (0.25, 0.5, 0.75)
INTACT, DROWNED = "intact", "noise 10"
DEGRADED: dict[str, tuple[Degradation, ...]] = {
    INTACT: (),
    **{f"noise {sd:g}": (Noise(sd),) for sd in NOISES},
    **{f"{100 * part:g} % covered": (Occluded(part),) for part in COVERS},
}


@recipe
def image_retrieval(presentation: Any = 200 * ms, delay: Any = 600 * ms, window: Any = STEP) -> Protocol:
    """Fifty images, five of each digit, each shown for `presentation` in every state of decay and recalled in the last
    `window` of the `delay`."""
    strains = {
        name: {"images": "digits", "patterns": IMAGES, "graph": "classes", "background": 0.0, "auto": a, "hetero": h}
        for name, (a, h) in SETTINGS.items()
    }
    return Protocol(
        name="image_retrieval",
        title="Images recalled from noisy and covered cues",
        source=BURNS,
        circuit="correlated",
        levels=("rate", "effective"),
        dt=STEP,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=tuple(_block(name, how, presentation, delay, window) for name, how in DEGRADED.items()),
        record=(Record("visible"), Record("cue", every=presentation + delay)),
        predictions=_predictions(),
        figures=_figures(),
        notes={
            "background": "none, so that what is recalled can be seen; it would take the mean image away",
            "images": "pixels are −1 and +1; noise is given in the same unit",
            "recall": "the image with which the state overlaps most; for the digit, what that image shows",
            "published fractions": "those of Fashion-MNIST are single runs on another data set, with a measure of "
            "their own, and are not compared",
        },
    )


def _block(name: str, how: tuple[Degradation, ...], presentation: Any, delay: Any, window: Any) -> Block:
    trials = tuple(
        Trial(
            f"pattern {k + 1}, {name}",
            presentation + delay,
            (Stimulus("cue", f"pattern {k + 1}", presentation, degraded=how),),
            phase=f"digit {k % DIGITS}",
            measured=(presentation + delay - window, window),
        )
        for k in range(IMAGES)
    )
    return Block(name, trials)


def _predictions() -> tuple[Prediction, ...]:
    return (
        *(
            _claim(f"{ALONE}, {block}: images recalled", _image, ALONE, block, above(0.9), OURS, "nearly all")
            for block in (INTACT, "noise 1", "50 % covered")
        ),
        *(
            _claim(f"{LINKED}, {block}: digits recalled", retrieves_kind, LINKED, block, above(0.9), OURS, "nearly all")
            for block in (INTACT, "noise 1", "50 % covered")
        ),
        Prediction(
            f"intact: images recalled, {ALONE} less {LINKED}",
            functools.partial(difference, measure=functools.partial(_image, block=INTACT), first=ALONE, second=LINKED),
            above(0.5),
            "links leave the digit, not the image",
            OURS,
            "ours",
        ),
        Prediction(
            f"noise 2: digits recalled, {LINKED} less {ALONE}",
            functools.partial(
                difference, measure=functools.partial(retrieves_kind, block="noise 2"), first=LINKED, second=ALONE
            ),
            within(0.15),
            "links cost no digit",
            OURS,
            "ours",
            "the margin",
        ),
        _claim(
            f"{LINKED}, intact: correlation of states within a digit",
            community_correlation,
            LINKED,
            INTACT,
            above(0.9),
            OURS,
            "one state for each digit",
        ),
        _claim(f"{ALONE}, {DROWNED}: images recalled", _image, ALONE, DROWNED, below(0.15), CONTROL, "must fail"),
        _claim(
            f"{LINKED}, {DROWNED}: digits recalled", retrieves_kind, LINKED, DROWNED, below(0.3), CONTROL, "must fail"
        ),
    )


def _image(recording: Any, group: str | None = None, block: str | None = None) -> Any:
    """Fraction of cues that recall their own image."""
    return retrieves_cue(recording, group=group, block=block).mean("trial")


def _claim(claim: str, measure: Any, group: str, block: str, expect: Region, source: str, published: str) -> Prediction:
    return Prediction(
        claim,
        functools.partial(in_group, measure=functools.partial(measure, block=block), group=group),
        expect,
        published,
        source,
        "ours",
    )


def _figures() -> tuple[Figure, ...]:
    noisy = {INTACT: 0.0, **{f"noise {sd:g}": sd for sd in NOISES[:3]}}
    covered = {INTACT: 0.0, **{f"{100 * part:g} % covered": 100 * part for part in COVERS}}
    shown = (INTACT, "noise 1", "noise 2", "noise 3", "25 % covered", "50 % covered", "75 % covered")
    return (
        Figure(
            "Cues and recalls",
            "Cues, and what was recalled from them, with and without links between images of one digit, first animal.",
            functools.partial(image_figures, groups=tuple(SETTINGS), blocks=shown, stimuli=("pattern 4", "pattern 8")),
        ),
        Figure(
            "Recall of the image and of the digit",
            "Fraction of cues that recall their image, and an image of their digit; mean and 95 % bootstrap "
            "interval over {animals}.",
            functools.partial(
                retrieval_figures,
                groups=tuple(SETTINGS),
                measures={"image": _image, "digit": retrieves_kind},
                axes={"noise (sd)": noisy, "covered (%)": covered},
            ),
        ),
    )
