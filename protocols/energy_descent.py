"""Memories as minima of an energy: descent, basins of attraction, and the number of steps (Krotov & Hopfield 2021).

Cues with more and more of their signs flipped are presented to memories of one size, and released. The energy must
fall from then on, whatever the memory; cues inside the basin of a pattern end there. A softmax memory needs one step
(Ramsauer et al. 2020, arXiv 2008.02217). A cue with half of its signs flipped says nothing about its pattern, and must
fail.
"""

from __future__ import annotations

import functools
from typing import Any

from neuroam.analysis.contrast import in_group
from neuroam.analysis.energy import fall, largest_rise, steps_to_rest
from neuroam.analysis.overlap import success_fraction
from neuroam.analysis.plots_memory import basin_figures, energy_figures, overlap_figures
from neuroam.cues import Flip
from neuroam.prediction import Prediction, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

KROTOV = "Krotov & Hopfield 2021, arXiv 2008.06996"
RAMSAUER = "Ramsauer et al. 2020, arXiv 2008.02217"
MODELS = ("softmax", "classical", "polynomial", "exponential", "spherical")
ONE_STEP = "softmax, synchronous"
FLIPPED = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


@recipe
def energy_descent(patterns: int = 8, cues: int = 5, presentation: Any = 100 * ms, delay: Any = 300 * ms) -> Protocol:
    """`cues` patterns of `patterns` stored ones, each with 0 … 50 % of its signs flipped, shown for `presentation`
    and then
    left alone for `delay`."""
    strains = {model: {"model": model, "patterns": patterns} for model in MODELS}
    strains[ONE_STEP] = {
        "model": "softmax",
        "patterns": patterns,
        "sharpness": 200.0,
        "tau_visible": 0.02 * ms,
        "tau_hidden": 0.02 * ms,
    }
    return Protocol(
        name="energy_descent",
        title="Descent of the energy and basins of attraction",
        source=KROTOV,
        circuit="visible_hidden",
        dt=1 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=tuple(_block(share, cues, presentation, delay) for share in FLIPPED),
        record=(Record("visible", every=1 * ms, units=False), Record("memory", every=1 * ms, units=False)),
        predictions=_predictions(),
        figures=_figures(),
        notes={
            "synchronous updates": f"group {ONE_STEP!r} has time constants of 0.02 ms, so that a time step of 1 "
            f"ms goes all "
            "the way: one time step is one update"
        },
    )


def _block(share: float, cues: int, presentation: Any, delay: Any) -> Block:
    trials = tuple(
        Trial(
            f"pattern {k + 1}, {100 * share:g} % flipped",
            presentation + delay,
            (Stimulus("cue", f"pattern {k + 1}", presentation, degraded=(Flip(share),)),),
            phase=f"{100 * share:g} % flipped",
            measured=(presentation + delay - 50 * ms, 50 * ms),
        )
        for k in range(cues)
    )
    return Block(f"{100 * share:g} % flipped", trials)


def _predictions() -> tuple[Prediction, ...]:
    found = []
    for model in MODELS:
        found += [
            Prediction(
                f"the energy never rises ({model})",
                _in(model, largest_rise),
                below(1e-9),
                "E falls along every trajectory",
                KROTOV,
                "verified",
                "1e-9 of its range, for rounding",
            ),
            Prediction(
                f"a tenth of the signs flipped is recalled ({model})",
                _recalled(model, 0.1),
                above(0.9),
                "patterns are minima with a basin",
                KROTOV,
                "verified as a property",
                "the fraction",
            ),
            Prediction(
                f"half of the signs flipped is not ({model})",
                _recalled(model, 0.5),
                below(0.3),
                "must fail",
                "control of this protocol",
                "ours",
                "the fraction",
            ),
        ]
    return (
        *found,
        Prediction(
            "the energy does fall (softmax)",
            _in("softmax", fall),
            above(0.01),
            "E falls",
            KROTOV,
            "verified",
            "1 % of its range",
        ),
        Prediction(
            "a sharp softmax memory comes to rest in one update",
            _in(ONE_STEP, steps_to_rest),
            between(0.5, 1.5),
            "one update, with exponentially small error",
            RAMSAUER,
            "verified",
            "the range",
        ),
    )


def _in(group: str, measure: Any) -> functools.partial:
    return functools.partial(in_group, measure=measure, group=group)


def _recalled(group: str, share: float) -> functools.partial:
    return _in(group, functools.partial(success_fraction, block=f"{100 * share:g} % flipped"))


def _figures() -> tuple[Figure, ...]:
    return (
        Figure(
            "The energy falls once the cue is gone",
            "Energy of every trial of the first animal from the end of the cue on, over its range; from pale "
            "(intact cue) "
            "to dark (half of the signs flipped).",
            functools.partial(energy_figures, groups=MODELS),
        ),
        Figure(
            "Basins of attraction",
            "Fraction of cues that end within an overlap of 0.9 of their pattern, against the fraction of signs "
            "flipped; "
            "mean and 95 % bootstrap interval over {animals}.",
            functools.partial(
                basin_figures,
                groups=MODELS,
                blocks=tuple(f"{100 * s:g} % flipped" for s in FLIPPED),
                qualities=tuple(100 * s for s in FLIPPED),
                xlabel="signs flipped in the cue (%)",
            ),
        ),
        Figure(
            "Overlap with the cued pattern in time",
            "Mean over trials and {animals}; grey: the cue is on.",
            functools.partial(overlap_figures, groups=MODELS, blocks=("10 % flipped", "30 % flipped")),
        ),
    )
