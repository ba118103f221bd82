"""Cooling HVC slows song at all timescales alike, cooling RA does not (Long & Fee 2008).

Every HVC neuron that projects to RA bursts once a motif, at a time of its own (Hahnloser, Kozhevnikov & Fee 2002,
Nature 419:65). If a chain of such bursts keeps time, then cooling HVC stretches the motif uniformly, and cooling RA,
downstream, leaves it alone (Long & Fee 2008, Nature 456:189: up to 45 %). Delays of the axons in the chain let the
bursts fill the motif evenly (Egger et al. 2020, Cell 183:537); with equal delays they come in synchronous groups.

How many per cent a degree the motif stretches was not found in the source; about 3 % is background, not verified.
Cooling is a Q10 on all time constants and delays of a region: 1.35 by default, and a textbook 2.3 as the control that
must stretch too much.
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_song import kept_figures, level_figures
from neuroam.analysis.plots_timing import motif_figures, onset_figures, stretch_figures
from neuroam.analysis.song import (
    degree_slope,
    exactly_once,
    linearity,
    local_spread,
    local_stretch,
    run_up,
    stretch,
    template_stretch,
    unevenness,
)
from neuroam.analysis.song_levels import by_motif, motif_time, order_kept, template_overlap
from neuroam.errors import DescriptionError
from neuroam.manipulations import Cool
from neuroam.prediction import Prediction, above, below, between, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

HAHNLOSER = "Hahnloser et al. 2002, Nature 419:65"
LONG_FEE = "Long & Fee 2008, Nature 456:189"
LONG = "Long, Jin & Fee 2010, Nature 468:394"
EGGER = "Egger et al. 2020, Cell 183:537"
REGION = ("HVC", "dendrite", "AHP")
DEGREES, COLDEST, TEXTBOOK = (2.0, 4.0, 6.0, 8.0), 8.0, 2.3
BIN = 5e-3  # seconds: about what RA follows its input by, so that PSTHs without noise overlap at all
CONTROL, RA_COLD, SYNCHRONOUS = "control", "RA cooled", "equal delays"
ORDER = functools.partial(order_kept, population="HVC", reference=CONTROL)
OVERLAP = functools.partial(template_overlap, population="RA", reference=CONTROL)


def hvc_cold(degrees: float) -> str:
    return f"HVC −{degrees:g} °C"


def textbook(degrees: float) -> str:
    return f"HVC −{degrees:g} °C, Q10 {TEXTBOOK:g}"


COOLED = {hvc_cold(d): d for d in DEGREES}
OVERCOOLED = {textbook(d): d for d in DEGREES}


@recipe
def song_cooling(motifs: int = 3, q10: float = 1.35, window: Any = 850 * ms, traced: int = 20) -> Protocol:
    """`motifs` songs of one motif in each condition, each watched for `window`; `q10` of the cooled region. The
    potentials of the first `traced` HVC neurons are recorded."""
    if traced < 1:
        raise DescriptionError(f"song_cooling: traced is {traced}; record the potential of at least 1 neuron")
    trial = Trial("motif", window + 10 * ms, (Stimulus("start", "motif", 5 * ms, 10 * ms),), repeats=motifs,
                  measured=(10 * ms, window))
    return Protocol(
        name="song_cooling",
        title="Song slows when HVC is cooled",
        source=f"{LONG_FEE}; {HAHNLOSER}; {EGGER}",
        circuit="song",
        levels=("spiking", "effective"),
        groups=(
            Group(CONTROL),
            *(Group(name, (Cool(REGION, degrees, q10),)) for name, degrees in COOLED.items()),
            *(Group(name, (Cool(REGION, degrees, TEXTBOOK),)) for name, degrees in OVERCOOLED.items()),
            Group(RA_COLD, (Cool("RA", COLDEST, q10),)),
            Group(SYNCHRONOUS, strain={"delays": "equal"}),
        ),
        blocks=(Block("song", (trial,)),),
        record=(Record("HVC", every=0.5 * ms, cells=tuple(range(traced))), Record("RA")),
        predictions=(*_bursting(), *_cooling(), *_content(), *_delays()),
        figures=_figures(),
        metrics={"motif (ms)": motif_milliseconds, "order of HVC's bursts against the control's": functools.partial(
            by_motif, measure=ORDER), "overlap of RA with the control's template, on HVC's clock": functools.partial(
            by_motif, measure=functools.partial(OVERLAP, clock_of="HVC"))},
        notes={"what is calibrated": "the strength of the chain's synapses, to the rise of the potential; the Q10, to "
                                     "about 3 % per °C",
               "cooling": Cool.__doc__ or "",
               "by construction": "a chain all of whose times are multiplied by one factor stretches by it; what does "
                                  "not follow is how little inputs that are not cooled disturb this, and that RA adds "
                                  "no time of its own",
               "levels": "no rates: rate curves hold for constant drive, and a burst lasts milliseconds"},
    )


def _bursting() -> tuple[Prediction, ...]:
    return (
        Prediction("HVC neurons that burst exactly once a motif", functools.partial(
            in_group, measure=functools.partial(exactly_once, population="HVC"), group=CONTROL), above(0.95),
            "bursts at a single precise time", HAHNLOSER, "read in the abstract", "the fraction"),
        Prediction("the potential rises before a burst for (ms; calibrated)", functools.partial(rise, group=CONTROL),
                   between(4, 12), "5–10 ms, and no slow ramp", LONG, "read in the abstract", "1–2 ms of margin"),
    )


def _cooling() -> tuple[Prediction, ...]:
    hvc = functools.partial(stretch, population="HVC", reference=CONTROL)
    ra = functools.partial(template_stretch, population="RA", reference=CONTROL, bin=BIN)
    slope = functools.partial(degree_slope, population="HVC", reference=CONTROL)
    return (
        Prediction("cooling HVC stretches the motif by (% per °C; calibrated)", functools.partial(
            slope, degrees=COOLED), between(2, 4.5),
            "slower song, up to 45 %; about 3 % per °C is background, not verified", LONG_FEE,
            "direction read in the abstract; slope not found in the source", "the range"),
        Prediction("R² of a straight line through stretch against degrees", functools.partial(
            linearity, population="HVC", reference=CONTROL, degrees=COOLED), above(0.98), "slower the colder", LONG_FEE,
            "direction read in the abstract", "the value"),
        Prediction("spread of the stretch over tenths of the motif", functools.partial(
            in_group, measure=functools.partial(local_spread, population="HVC", reference=CONTROL),
            group=hvc_cold(COLDEST)), below(0.03), "all timescales alike", LONG_FEE, "read in the abstract",
            "the value"),
        Prediction("what RA sings stretches as HVC does, but for", functools.partial(
            excess, one=ra, other=hvc, group=hvc_cold(COLDEST)), within(0.02), "slower song", LONG_FEE,
            "read in the abstract", "the margin"),
        Prediction("cooling RA alone stretches what it sings by", functools.partial(
            beyond_one, measure=ra, group=RA_COLD), within(0.01), "no effect of cooling RA", LONG_FEE,
            "read in the abstract", "the margin"),
        Prediction(f"with a Q10 of {TEXTBOOK:g} cooling HVC stretches the motif by (% per °C)", functools.partial(
            slope, degrees=OVERCOOLED), between(8.8, 12.8), "must leave the range above", "arithmetic of the Q10",
            "computed", ""),
    )


def _content() -> tuple[Prediction, ...]:
    mine = (LONG_FEE, "direction read in the abstract", "the value")
    return (
        Prediction("order of HVC's bursts, cooled, against the control's (rank correlation)", functools.partial(
            over_motifs, measure=ORDER, group=hvc_cold(COLDEST)), above(0.99), "the same song, slower", *mine),
        Prediction("overlap of what RA sings with the control's template, on the clock of cooled HVC",
                   functools.partial(over_motifs, measure=functools.partial(OVERLAP, clock_of="HVC"),
                                     group=hvc_cold(COLDEST)), above(0.7), "the same song, slower", *mine),
        Prediction("the same on the clock of the control", functools.partial(
            over_motifs, measure=OVERLAP, group=hvc_cold(COLDEST)), below(0.3), "must fail", "control of this protocol",
            "ours", "the value"),
    )


def _delays() -> tuple[Prediction, ...]:
    return (
        Prediction("heterogeneous delays make the bursts in 5 ms bins more even, by (fraction of the CV)", flatter,
                   above(0.3), "delays of 1–7.5 ms a link make sequences continuous", EGGER, "read in the abstract",
                   "the fraction and the bins"),
    )


def over_motifs(recording: Any, measure: Any, group: str) -> np.ndarray:
    """Mean over motifs of a measure (animal, trial), animal by animal."""
    return in_group(recording, lambda some, group: measure(some, group=group).mean("trial"), group)


def motif_milliseconds(recording: Any) -> Any:
    """How long each motif takes, (animal, trial)."""
    return 1e3 * by_motif(recording, functools.partial(motif_time, population="HVC"))


def rise(recording: Any, group: str) -> np.ndarray:
    """Run-up of HVC's potential in ms, animal by animal."""
    return 1e3 * in_group(recording, functools.partial(run_up, population="HVC"), group)


def excess(recording: Any, one: Any, other: Any, group: str) -> np.ndarray:
    return in_group(recording, one, group) - in_group(recording, other, group)


def beyond_one(recording: Any, measure: Any, group: str) -> np.ndarray:
    return in_group(recording, measure, group) - 1


def flatter(recording: Any) -> np.ndarray:
    """1 − unevenness with heterogeneous delays / unevenness with equal ones, animal by animal."""
    uneven = functools.partial(unevenness, population="HVC")
    return 1 - in_group(recording, uneven, CONTROL) / in_group(recording, uneven, SYNCHRONOUS)


def _figures() -> tuple[Figure, ...]:
    hvc = functools.partial(stretch, population="HVC", reference=CONTROL)
    ra = functools.partial(template_stretch, population="RA", reference=CONTROL, bin=BIN)
    return (
        Figure("One motif",
               "Spikes of 100 HVC neurons, in the order of their bursts in the control, and of 20 RA neurons; one "
               "motif of the first animal.",
               functools.partial(motif_figures, groups=(CONTROL, hvc_cold(COLDEST), RA_COLD), upper="HVC", lower="RA")),
        Figure("Stretch of the motif",
               "Left: against degrees of cooling; dashed: 45 %, the most that the abstract names. Right: along the "
               "motif. Mean and 95 % bootstrap interval over {animals}.",
               functools.partial(stretch_figures, local=hvc_cold(COLDEST), along=functools.partial(
                   local_stretch, population="HVC", reference=CONTROL), series={
                       "HVC": (hvc, COOLED), f"HVC, Q10 {TEXTBOOK:g}": (hvc, OVERCOOLED),
                       "RA": (ra, {RA_COLD: COLDEST})})),
        Figure("When neurons burst",
               "Onsets of the bursts of all HVC neurons in 1 ms bins; one motif of the first animal.",
               functools.partial(onset_figures, groups=(CONTROL, SYNCHRONOUS), population="HVC")),
        Figure("Order, time and content",
               "Order of the bursts against the control's, time from the first to the last burst, and overlap of what "
               "RA sings with the control's template, on the clock of HVC and as it is. Mean and 95 % bootstrap "
               "interval over {animals}.",
               functools.partial(kept_figures, population="HVC", follower="RA", reference=CONTROL,
                                 groups=(CONTROL, hvc_cold(COLDEST), textbook(COLDEST), RA_COLD, SYNCHRONOUS))),
        Figure("Where the levels part",
               "How much later each neuron of the first animal bursts at one level than at the other. Above: rank "
               "correlation of the bursts, how many times as long they take, and overlap of what RA sings, put on one "
               "clock; means over {animals}.",
               functools.partial(level_figures, population="HVC", follower="RA",
                                 groups=(CONTROL, hvc_cold(COLDEST), textbook(COLDEST), SYNCHRONOUS))),
    )
