"""Sequences of running are replayed in rest, in order and faster (Nádasdy et al. 1999; Davidson et al. 2009).

Sequences of spikes of the running rat recur within single sharp waves, on a faster timescale (Nádasdy, Hirase, Czurkó,
Csicsvari & Buzsáki 1999, J Neurosci 19:9497). Ripples take 50–120 ms; replay of a short track fits into one, that of a
long one goes on over a chain of them (Davidson, Kloosterman & Wilson 2009, Neuron 63:497). Ripples themselves are not
modelled: what is held against this is how long events take.

An animal runs a short and, naive again, a long track; then sharp waves start events at several places, on the long
track also close to its end, from where there is no way on. Controls that must fail: synapses that learn without regard
to order, synapses that do not learn, and spikes dealt at random.

Levels are compared by the order of events, by the time they stay at each place, 10 cm long, and by their overlap with
what cells did there in laps.
"""
from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.laps import ordered_fraction, reversed_fraction, speed_up, usual_duration
from neuroam.analysis.plots_replay import dwell_figures, overlap_figures
from neuroam.analysis.plots_timing import event_figures, score_figures
from neuroam.analysis.replay_overlap import by_trial, mean_dwell, mean_overlap, order, taking_part
from neuroam.errors import DescriptionError
from neuroam.prediction import Prediction, above, below, between
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms, second

NADASDY = "Nádasdy et al. 1999, J Neurosci 19:9497"
DAVIDSON = "Davidson et al. 2009, Neuron 63:497"
ASYMMETRIC, SYMMETRIC, NONE = "asymmetric learning", "symmetric learning", "no learning"
SHORT, LONG = 1.0, 3.0  # metres
SPEED = 0.5  # metres a second
STEP = 0.025  # metres: the animal moves in steps no longer than its place fields are wide
TRACKS = {"short": SHORT, "long": LONG}
ENDS = (LONG - 0.1, LONG - 0.05)  # metres: where the events from the end of the long track start
WAVE, QUIET = 10 * ms, 50 * ms


@recipe
def replay_compression(laps: int = 4, events: int = 12, window: Any = 500 * ms) -> Protocol:
    """`laps` of each track, then `events` started at as many places of its first two thirds, watched for `window`."""
    if events < 1:
        raise DescriptionError(f"replay_compression: events is {events}; it must be at least 1")
    return Protocol(
        name="replay_compression",
        title="Replay is faster than running",
        source=f"{NADASDY}; {DAVIDSON}",
        circuit="place_cells",
        dt=0.25 * ms,
        levels=("spiking", "effective"),
        groups=(Group(ASYMMETRIC), Group(SYMMETRIC, strain={"rule": "symmetric"}),
                Group(NONE, strain={"rule": "none"})),
        blocks=tuple(block for name in TRACKS for block in _on_a_track(name, laps, events, window)),
        record=(Record("CA3"),),
        predictions=(*_order(), *_speed()),
        figures=_figures(),
        metrics=_metrics(),
        notes={"running": f"assumed: {SPEED:g} m/s throughout, in steps of {100 * STEP:g} cm",
               "what is calibrated": "the width of place fields, to an event 10–25 times as fast as running",
               "events": "started by sharp waves at given places, not spontaneous; ripples are not modelled",
               "levels": "no rates: rate curves hold for constant drive, and a cell fires for milliseconds. At the "
                         "effective level laps, and what is learned in them, are the same for all animals"},
    )


def _running(name: str, length: float, laps: int) -> Block:
    pause = STEP / SPEED
    steps = tuple(Stimulus("place", {"m": round((k + 0.5) * STEP, 6)}, pause * second, k * pause * second)
                  for k in range(round(length / STEP)))
    whole = length / SPEED * second
    lap = Trial(f"lap, {name}", whole, (Stimulus("state", "running", whole), *steps), phase="run", repeats=laps)
    return Block(f"{name} track", (lap,), fresh=True)


def _on_a_track(name: str, laps: int, events: int, window: Any) -> tuple[Block, ...]:
    length = TRACKS[name]
    rest = _resting(f"{name} track, rest", np.round(np.linspace(0, 2 / 3 * length, events), 2), window)
    start = _resting(f"{name} track, start", (0.0,), window, repeats=3)
    end = (_resting(f"{name} track, end", ENDS, window),) if name == "long" else ()
    return (_running(name, length, laps), rest, start, *end)


def _resting(name: str, places: Iterable[float], window: Any, repeats: int = 1) -> Block:
    return Block(name, tuple(
        Trial(f"from {place:g} m", QUIET + window, (Stimulus("sharp wave", {"m": float(place)}, WAVE, QUIET),),
              phase="rest", repeats=repeats) for place in places))


def _of(measure: Measure, track: str, group: str = ASYMMETRIC, part: str = "rest", **settings: Any) -> Any:
    return functools.partial(in_group, group=group, measure=functools.partial(
        measure, population="CA3", run=f"{track} track", rest=f"{track} track, {part}", **settings))


def _order() -> tuple[Prediction, ...]:
    order = "sequences recur, against four kinds of shuffles"
    mine = ("control of this protocol", "ours", "the fraction")
    return (
        Prediction("events in the order of running (score ≥ .7)", _of(ordered_fraction, "long"), above(0.3), order,
                   NADASDY, "read in the abstract", "score and fraction"),
        Prediction("the same with spikes dealt at random", _of(ordered_fraction, "long", dealt=True), below(0.05),
                   order, NADASDY, "read in the abstract", "score and fraction"),
        Prediction("events from the end of the track that run in reverse (score ≤ −.7)", _of(
            reversed_fraction, "long", part="end"), below(0.05), "synapses lead onward alone", *mine),
        Prediction("the same after learning without regard to order", _of(
            reversed_fraction, "long", SYMMETRIC, part="end"), above(0.95), "must lose the order of running", *mine),
        Prediction("events in order without learning", _of(ordered_fraction, "long", NONE), below(0.05), "must fail",
                   *mine),
    )


def _speed() -> tuple[Prediction, ...]:
    ripples = "ripples of 50–120 ms; short tracks fit into one, long ones chain several"
    return (
        Prediction("events faster than running (calibrated), ×", _of(speed_up, "long"), between(10, 25),
                   "a faster timescale; about 20 × is background, not verified", NADASDY,
                   "direction read in the abstract", "the range"),
        Prediction("replay of the whole short track takes (ms)", functools.partial(milliseconds, of=_of(
            usual_duration, "short", part="start")), between(50, 120), ripples, DAVIDSON, "read in the abstract"),
        Prediction("replay of the whole long track takes (ms)", functools.partial(milliseconds, of=_of(
            usual_duration, "long", part="start")), above(120), ripples, DAVIDSON, "read in the abstract"),
        Prediction("speed of replay on the long track over that on the short one", functools.partial(
            quotient, one=_of(speed_up, "long"), other=_of(speed_up, "short")), between(0.8, 1.25),
            "long ones chain several", DAVIDSON, "read in the abstract", "one speed; the margin"),
    )


def milliseconds(recording: Any, of: Any) -> np.ndarray:
    return 1e3 * of(recording)


def quotient(recording: Any, one: Any, other: Any) -> np.ndarray:
    return one(recording) / other(recording)


def _metrics() -> dict[str, Any]:
    blocks = {f"{name} track, {part}": f"{name} track" for name in TRACKS for part in ("rest", "start", "end")}
    measures = {"order score": order, "dwell time (s)": mean_dwell, "overlap with the best place": mean_overlap,
                "cells that take part": taking_part}
    return {name: functools.partial(by_trial, measure=measure, population="CA3", blocks=blocks)
            for name, measure in measures.items()}


def _figures() -> tuple[Figure, ...]:
    track: dict[str, Any] = {"run": "long track", "rest": "long track, rest"}
    at: dict[str, Any] = {"population": "CA3", "group": ASYMMETRIC, "speed": SPEED, **track}
    return (
        Figure("Running and replay",
               "First spikes of the cells in a lap and in up to three events, by their place; the first animal.",
               functools.partial(event_figures, population="CA3", group=ASYMMETRIC, shown=(0, 5, 10), **track)),
        Figure("Overlaps",
               "Overlap of what cells do in the same events with what they did at each place in laps, 10 cm a "
               "place; the first animal.", functools.partial(overlap_figures, shown=(0, 5, 10), **at)),
        Figure("Where the levels part: time and overlap at each place",
               "How long events on the long track stay at each place, 10 cm long, and their overlap with what cells "
               "did there in laps, mean over events; mean and 95 % bootstrap interval over {animals}. Where events of "
               "some animals end, the others go on.", functools.partial(dwell_figures, **at)),
        Figure("Order of the events",
               "Order scores of all events of {animals}.",
               functools.partial(score_figures, population="CA3", groups=(ASYMMETRIC, SYMMETRIC), **track)),
    )
