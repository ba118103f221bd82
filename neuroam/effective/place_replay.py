"""Effective level of circuits of place cells: what they learn in running is its expectation, and events run on it.

    lap        while the gate of learning is open: rates and weights as in `place_learning`, functions of the time from
               place to place alone. Spikes are recorded where the expected number of them passes ½, 1½, 2½ …
    event      while it is closed, or where nothing learns: cells with those weights, their own threshold, reset and
               afterhyperpolarisation, interneurons without a time constant, and the inputs of this animal and trial

So the weights of all animals are the same, and every synapse is as strong as all others that reach as far; what is left
of chance is in the inputs of events. How fast a wave of single spikes runs has a closed form (`place_wave`). Circuits
and laps that are not the same for every cell are refused.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from neuroam.effective._kernels_place import run_trial
from neuroam.effective.place_circuit import Loop, PlaceCircuit, read_places
from neuroam.effective.place_learning import Learned, after_lap
from neuroam.effective.place_passage import passage
from neuroam.errors import Unsupported
from neuroam.neurons import Poisson
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome, check, settle_clock, spike_responses
from neuroam.wiring import Wired

Spikes = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class PlaceReplay:
    """A solver for circuits whose `updates` are "expected learning"; `dt` is the clock, of events too."""

    dt: Any = 1e-4
    name: ClassVar[str] = "PlaceReplay"
    carries: ClassVar[frozenset[str]] = frozenset({
        "LIF cells", "rate cells", "Poisson inputs", "driven inputs", "divisive action", "delayed spikes",
        "plasticity"})
    tunes_inhibition: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, "exponential_euler"))

    def prepare(self, wired: Wired, session: Session) -> None:
        """What can be refused is, and the loop compiled."""
        check(self, wired, session)
        places = read_places(wired)
        _refuse_others(places, session)
        laps = [row for row in session.presentations if places.gate(session, row) > 0]
        for k, row in enumerate(laps):
            if k == 0 or not _alike(session, laps[k - 1], row):
                passage(places, session, row)
        run_events(places, places.weights, session, [replace(row, stop=row.start) for row in session.presentations[:1]])

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session; see `Outcome`."""
        check(self, wired, session)
        places = read_places(wired)
        _refuse_others(places, session)
        found: list[Spikes] = []
        weights = places.weights
        for learned, events in _courses(places, session, found):
            weights = learned.matrix(places.weights) if learned is not None else places.weights
            found.append(run_events(places, weights, session, events))
        tick, cell = (np.concatenate([part[k] for part in found]) for k in (0, 1))
        order = np.lexsort((cell, tick))
        spikes = tick[order].astype(np.int64), cell[order].astype(np.int32)
        name = wired.populations[places.position].name
        changed = {q.name: weights if q is places.recurrent else q.weight.copy() for q in wired.projections}
        return Outcome(spikes={name: spikes}, responses={name: spike_responses(spikes, places.size, session)},
                       weights=changed)


def _refuse_others(places: PlaceCircuit, session: Session) -> None:
    cells = places.wired.populations[places.position].name
    for p, _ in session.record:
        if p != places.position:
            raise Unsupported(f"record {places.wired.populations[p].name!r}: at the level of expected learning only "
                              f"{cells} is followed; record that, or use --levels spiking")


def _courses(places: PlaceCircuit, session: Session,
             found: list[Spikes]) -> Iterator[tuple[Learned | None, list[Presentation]]]:
    """What has been learned, with the events that come before more is; spikes of laps are added to `found`."""
    learned: Learned | None = None
    lap: Presentation | None = None
    waiting: list[Presentation] = []
    for row in session.presentations:
        gate = places.gate(session, row)
        if waiting and (gate > 0 or row.fresh):
            yield learned, waiting
            waiting = []
        if row.fresh:
            learned = lap = None
        if gate > 0:
            learned, lap = _learn(learned, lap, places, session, row, gate), row
            found.append(_lap_spikes(learned, session, row))
        else:
            waiting.append(row)
    yield learned, waiting


def _learn(before: Learned | None, lap: Presentation | None, places: PlaceCircuit, session: Session, row: Presentation,
           gate: float) -> Learned:
    """After one more lap, `lap` being the last one."""
    if before is None or lap is None:
        return after_lap(None, passage(places, session, row), places, gate)
    if not _alike(session, lap, row):
        raise Unsupported(f"trial {row.name!r}: a lap unlike the one before it, and weights are worked out for laps of "
                          "one track at one speed; begin another track with a fresh block, or use --levels spiking")
    return after_lap(before, before.passage, places, gate)


def _alike(session: Session, one: Presentation, other: Presentation) -> bool:
    """Whether ports give the same in both trials."""
    if one.stop - one.start != other.stop - other.start:
        return False
    ticks = np.concatenate([session.changes(row) - row.start for row in (one, other)])
    return all(np.array_equal(drive.at(one.start + ticks), drive.at(other.start + ticks))
               for drive in session.inputs.values())


def _lap_spikes(learned: Learned, session: Session, row: Presentation) -> Spikes:
    """Where the expected number of spikes passes ½, 1½ …"""
    passed = learned.passage
    step = passed.times[1] - passed.times[0]
    number = np.cumsum(learned.rate) * step
    at = np.interp(np.arange(0.5, number[-1]), number, passed.times)
    cells = np.flatnonzero(passed.passed)
    ticks = row.start + np.rint((passed.first + passed.apart * cells[:, None] + at) / session.dt).astype(np.int64)
    inside = (ticks >= row.start) & (ticks < row.stop)
    return ticks[inside], np.broadcast_to(cells[:, None], ticks.shape)[inside].astype(np.int32)


def run_events(places: PlaceCircuit, weights: np.ndarray, session: Session, rows: list[Presentation]) -> Spikes:
    """Spikes of trials with recurrent `weights` (n, n), trial by trial; each starts from rest."""
    cell, dt = places.cell, session.dt
    synapse = float(cell.synapse)
    constants = np.array([places.threshold, float(cell.reset) - float(cell.rest), -np.expm1(-dt / float(cell.tau)),
                          np.exp(-dt / synapse), 1 / synapse])
    delay = round(places.recurrent.delay / dt) if places.recurrent is not None else 0
    refractory = int(float(cell.refractory) / dt + 1e-3)
    own, pools = (np.array([_constants(loop, dt) for loop in loops]).reshape(-1, 5)
                  for loops in (places.own, places.pools))
    jumps, kept = _jumps(places, dt)
    found = [np.zeros((0, 2), np.int64)]
    for row in rows:
        spikes, driven = _input_spikes(places, session, row), _driven(places, session, row)
        trial = run_trial(row.stop - row.start, np.ascontiguousarray(weights.T) / synapse, constants, refractory, delay,
                          own, pools, spikes, jumps, kept, *driven)
        found.append(trial + np.array([row.start, 0]))
    every = np.concatenate(found)
    return every[:, 0], every[:, 1].astype(np.int32)


def _constants(loop: Loop, dt: float) -> tuple[float, ...]:
    population = loop.population
    slope = float(population.neuron.transfer.gain) * float(population.gain[0])  # type: ignore[union-attr]
    return loop.hears, loop.answers, float(population.threshold[0]), slope, -np.expm1(-dt / loop.tau)


def _spiking(places: PlaceCircuit) -> list[tuple[int, np.ndarray]]:
    """Positions of the Poisson inputs, with their weights."""
    return [(q.pre, weight) for q, weight in places.inputs
            if isinstance(places.wired.populations[q.pre].neuron, Poisson)]


def _jumps(places: PlaceCircuit, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """What one spike of each cell of each Poisson input adds to currents (sources, pre, n), and what is left of them
    after a step (sources,)."""
    sources = _spiking(places)
    synapses = np.array([float(places.wired.populations[p].neuron.synapse) for p, _ in sources])  # type: ignore
    jumps = np.zeros((len(sources), max((w.shape[1] for _, w in sources), default=0), places.size))
    for s, (_, weight) in enumerate(sources):
        jumps[s, : weight.shape[1]] = weight.T / synapses[s]
    return jumps, np.exp(-dt / synapses)


def _input_spikes(places: PlaceCircuit, session: Session, row: Presentation) -> np.ndarray:
    """Tick in the trial, source and cell of the spikes that Poisson inputs really fired, by tick, (m, 3)."""
    parts = [np.zeros((0, 3), np.int64)]
    for s, (p, _) in enumerate(_spiking(places)):
        drive = session.inputs[p]
        a, b = np.searchsorted(drive.spike_tick, [row.start, row.stop])
        unit = drive.spike_unit[a:b].astype(np.int64)
        part = np.column_stack([drive.spike_tick[a:b] - row.start, np.full(b - a, s), unit])
        parts.append(part[places.wired.populations[p].gain[unit] > 0])
    every = np.concatenate(parts)
    return every[np.argsort(every[:, 0], kind="stable")]


def _driven(places: PlaceCircuit, session: Session, row: Presentation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ticks in the trial from which on driven inputs add and divide by so much, (c,), (c, n) and (c, n)."""
    inputs = [(q, weight) for q, weight in places.inputs
              if not isinstance(places.wired.populations[q.pre].neuron, Poisson)]
    ticks = session.changes(row)
    added, divided = np.zeros((len(ticks), places.size)), np.ones((len(ticks), places.size))
    for q, weight in inputs:
        given = session.inputs[q.pre].at(ticks) * places.wired.populations[q.pre].gain @ weight.T
        (divided if q.divisive else added)[:] += given
    return ticks - row.start, added, divided
