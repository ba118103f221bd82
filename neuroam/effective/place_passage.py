"""What place cells hear in a lap: their drive around the time at which their place is passed.

The animal must run at one speed past evenly spaced places, so that the same happens to every cell, only later. What is
read is the mean over the cells whose fields lie wholly on the track, and the time from place to place. Other laps are
refused.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from neuroam.effective.place_circuit import PlaceCircuit, refused
from neuroam.errors import Unsupported
from neuroam.neurons import Poisson
from neuroam.session import Presentation, Session
from neuroam.wiring import Wired

STEP = 1e-3  # seconds, of what happens in a lap
WHOLE = 0.999  # of the largest drive in a lap: a field that the track does not cut
UNEVEN = 0.25  # of the time from place to place
FIELD = 1e-3  # of the highest drive: beyond, the animal is out of the field
MEMORY = 8  # time constants


@dataclass(frozen=True, eq=False)
class Passage:
    """What a cell hears around the time at which its place is passed. `times` (T,) in seconds, `drive` (T,) in volts,
    `power` (T,) of its fluctuations in V² s, both divided by `divisor`. The place of cell i is passed `first` + i
    `apart` after the lap began; `passed` (n,) says which are on the track."""

    times: np.ndarray
    drive: np.ndarray
    power: np.ndarray
    divisor: float
    first: float
    apart: float
    passed: np.ndarray


def passage(places: PlaceCircuit, session: Session, row: Presentation) -> Passage:
    """Of a lap. Raises `Unsupported` where it is not run at one speed past evenly spaced places."""
    every = max(1, round(STEP / session.dt))
    ticks = np.arange(row.start, row.stop, every)
    step, length = every * session.dt, len(ticks) * every * session.dt
    sent, drive, power, divisor = _heard(places, session, row, ticks, step)
    field = sent - sent.min(axis=0)
    first, apart, whole = _places_in_time(field, step, places.wired, row)
    shape = _aligned(field[:, whole], step, first + apart * whole, length)
    inside = np.flatnonzero(shape > FIELD * shape.max())
    pad = round((MEMORY * _longest(places) + abs(apart)) / step)
    middle = len(shape) // 2
    times = step * (np.arange(inside[0] - pad, inside[-1] + pad + 1) - middle)
    at, grid = first + apart * whole, step * np.arange(len(ticks))
    mean_drive, mean_power = (np.mean([np.interp(t + times, grid, table[:, i]) for i, t in zip(whole, at, strict=True)],
                                      axis=0) for table in (drive, power))
    when = first + apart * np.arange(places.size)
    passed = (when > -abs(apart) / 2) & (when < length + abs(apart) / 2)
    return Passage(times, mean_drive, mean_power, divisor, first, apart, passed)


def _heard(places: PlaceCircuit, session: Session, row: Presentation, ticks: np.ndarray,
           step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Of every cell (T, n) what inputs send and what comes through synapses, the power of that, and what divides."""
    sent, drive, power = np.zeros((3, len(ticks), places.size))
    divisor = np.ones(1)
    for q, weight in places.inputs:
        emitted = session.inputs[q.pre].at(ticks) * places.wired.populations[q.pre].gain
        if q.divisive:
            divisor = divisor + np.unique(emitted @ weight.T)
            continue
        neuron = places.wired.populations[q.pre].neuron
        sent += emitted @ weight.T
        if isinstance(neuron, Poisson):
            emitted = lowpass(emitted, step, float(neuron.synapse))
            power += emitted @ (weight**2).T
        drive += emitted @ weight.T
    if len(divisor) > 1:
        raise Unsupported(f"trial {row.name!r}: what divides the drive changes within it or from cell to cell; keep it "
                          "the same throughout, or use --levels spiking")
    return sent, drive / divisor[0], power / divisor[0]**2, float(divisor[0])


def lowpass(values: np.ndarray, step: float, tau: float) -> np.ndarray:
    """`values` (T, …) after an exponential kernel of area 1, in steady state at the first; unchanged for tau = 0."""
    if tau == 0:
        return values
    kept = float(np.exp(-step / tau))
    return lfilter([1 - kept], [1, -kept], values, axis=0, zi=kept * values[:1])[0]


def _places_in_time(field: np.ndarray, step: float, wired: Wired, row: Presentation) -> tuple[float, float, np.ndarray]:
    """When the first place is passed, the time from place to place, and the cells whose fields are whole."""
    total = field.sum(axis=0)
    whole = np.flatnonzero(total >= WHOLE * total.max()) if total.max() > 0 else np.zeros(0, int)
    if len(whole) < 3:
        raise refused(wired, f"in trial {row.name!r} the drive of {len(whole)} cells comes and goes alike; a lap "
                              "passes the places of three or more, all with fields of one shape")
    if np.diff(whole).max() > 1:
        smaller = whole[np.argmax(np.diff(whole) > 1)] + 1
        raise refused(wired, f"in trial {row.name!r} the drive of cell {smaller} is smaller than that of cells before "
                             "and after it; give fields wider than the steps the animal makes")
    centre = step * (np.arange(len(field)) @ field[:, whole]) / total[whole]
    apart, first = np.polyfit(whole, centre, 1)
    if np.abs(centre - first - apart * whole).max() > UNEVEN * abs(apart):
        raise refused(wired, f"in trial {row.name!r} places are not passed at even times; run at one speed past "
                              "evenly spaced places")
    return float(first), float(apart), whole


def _aligned(field: np.ndarray, step: float, at: np.ndarray, length: float) -> np.ndarray:
    """Mean field around the place, at times from −length to length."""
    steps = round(length / step)
    times, grid = step * np.arange(-steps, steps + 1), step * np.arange(len(field))
    return np.mean([np.interp(t + times, grid, field[:, k], 0, 0) for k, t in enumerate(at)], axis=0)


def _longest(places: PlaceCircuit) -> float:
    rule = places.rule
    traces = (float(rule.trace_pre), float(rule.trace_post)) if rule is not None else ()
    return max(float(places.cell.tau), *traces, *(loop.tau for loop in places.own), 0.0)
