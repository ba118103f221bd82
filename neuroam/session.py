"""One animal's session: a protocol met a wired circuit, and every input is now an array on integer ticks.

Spikes of Poisson cells are drawn here, from the animal's seed and the trial alone: the same in every group, at every
level of description and in every solver. Times are drawn in continuous time and then put on the clock, so a finer
clock sees the same trains; a cell spikes at most once a tick.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neuroam.circuit import Port, unknown
from neuroam.errors import DescriptionError
from neuroam.neurons import Poisson
from neuroam.protocol import EVERY, Block, Protocol, Stimulus, Trial
from neuroam.units import Parameter, si
from neuroam.wiring import Wired, WiredPopulation, stream


@dataclass(frozen=True)
class Presentation:
    """One trial as presented. `trial` is its place in the protocol, the same for every animal; ticks are absolute. The
    stimulus is there from `on` to `off`; responses are measured from `first` to `last`."""

    trial: int
    name: str
    block: str
    phase: str
    cs_type: str
    stimulus: str
    start: int
    stop: int
    on: int
    off: int
    first: int
    last: int
    reset: bool
    fresh: bool


@dataclass(frozen=True, eq=False)
class InputDrive:
    """Piecewise constant drive of one input population: `values[k]` (n,) holds from `ticks[k]` on. For a Poisson
    population these are rates, and `spike_tick`, `spike_unit` the trains drawn from them, sorted by tick."""

    ticks: np.ndarray
    values: np.ndarray
    spike_tick: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    spike_unit: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))

    def at(self, tick: int | np.ndarray) -> np.ndarray:
        """The drive in force at a tick, shape (n,), or at each of several, (n_ticks, n)."""
        return self.values[np.searchsorted(self.ticks, tick, side="right") - 1]


@dataclass(frozen=True, eq=False)
class Session:
    """`presentations` in the order presented; `inputs` by position of the population; `dt` in seconds.

    `record` holds the position of each recorded population with the cells whose traces are kept (None: all); of
    those `unkept` the recording has no units.
    """

    presentations: tuple[Presentation, ...]
    inputs: dict[int, InputDrive]
    dt: float
    record: tuple[tuple[int, tuple[int, ...] | None], ...]
    every: int
    peaks: tuple[int, ...] = ()
    unkept: frozenset[int] = frozenset()

    @property
    def stop(self) -> int:
        return self.presentations[-1].stop

    @property
    def n_trials(self) -> int:
        return len(self.presentations)

    def changes(self, row: Presentation) -> np.ndarray:
        """Ticks of a trial from which on inputs may give something else, the first being its start."""
        ticks = np.concatenate([drive.ticks for drive in self.inputs.values()] or [np.zeros(0, np.int64)])
        return np.unique(np.append(ticks[(ticks > row.start) & (ticks < row.stop)], row.start)).astype(np.int64)


@dataclass(frozen=True)
class _Listed:
    """A trial of the protocol with its stimuli settled and its place in the canonical order."""

    trial: Trial
    name: str
    stimuli: tuple[Stimulus, ...]
    index: int


def schedule(protocol: Protocol, wired: Wired, dt: float) -> Session:
    """The session of the animal `wired` under `protocol`, on a clock of `dt` seconds.

    Raises `DescriptionError` for a port, population or stimulus that the circuit does not have.
    """
    record = tuple((_recorded(r.population, r.cells, wired), r.cells if r.every is not None else ())
                   for r in protocol.record)
    every = 0 if protocol.every is None else _ticks(protocol.every, dt, "record: every")
    changes: dict[int, list[tuple[int, np.ndarray, int]]] = {}
    background = {name: _encode(wired, port, name, {}) for name, port in wired.ports.items()}
    for name, port in wired.ports.items():
        changes[wired.index[port.population]] = [(0, background[name], -1)]
    presentations: list[Presentation] = []
    tick = index = 0
    cache: dict[tuple[str, str], np.ndarray] = {}
    for block in protocol.blocks:
        listed = _listed(block, wired, index)
        index += len(listed)
        order = np.arange(len(listed))
        if block.shuffle:
            order = stream(wired.seed, "order", protocol.name, block.name).permutation(len(listed))
        for rank, entry in enumerate(listed[k] for k in order):
            _present(entry, tick, wired, dt, background, changes, cache)
            row = _presentation(entry, block, tick, dt, fresh=block.fresh and rank == 0)
            presentations.append(row)
            tick = row.stop
    inputs = {p: _input(wired, p, rows, presentations, dt) for p, rows in changes.items()}
    for p, population in enumerate(wired.populations):
        if population.is_input and p not in inputs:
            raise DescriptionError(f"population {population.name!r} is an input without a port; add a port for it to "
                                   f"circuit {wired.name!r}")
    unkept = frozenset(wired.index[r.population] for r in protocol.record if not r.units)
    return Session(tuple(presentations), inputs, dt, record, every, unkept=unkept)


def _recorded(name: str, cells: tuple[int, ...] | None, wired: Wired) -> int:
    p = wired.find(name, "record")
    if cells is not None and (min(cells, default=0) < 0 or max(cells, default=0) >= wired.populations[p].size):
        raise DescriptionError(f"record {name!r}: cells {cells} go beyond its {wired.populations[p].size} cells")
    return p


def _listed(block: Block, wired: Wired, first: int) -> list[_Listed]:
    """The block's trials with `EVERY` and repeats spelt out."""
    spelt: list[_Listed] = []
    for trial in block.trials:
        for stimulus in trial.stimuli:
            _port(wired, stimulus.port, f"trial {trial.name!r}")
        about = trial.stimuli[0]
        names: tuple[str | None, ...] = (None,)
        if about.what is EVERY:
            names = wired.ports[about.port].names
            if not names:
                raise DescriptionError(f"trial {trial.name!r} presents every stimulus of port {about.port!r}, but that "
                                       "port of the circuit names none; give the port names, or the stimuli one by one")
        for name in names:
            stimuli = trial.stimuli
            if name is not None:
                stimuli = (replace(about, what=name), *trial.stimuli[1:])
            for _ in range(trial.repeats):
                spelt.append(_Listed(trial, f"{trial.name} {name}" if name else trial.name, stimuli,
                                     first + len(spelt)))
    return spelt


def _port(wired: Wired, name: str, asked_by: str) -> Port:
    if name not in wired.ports:
        raise DescriptionError(f"{asked_by}: circuit {wired.name!r}: {unknown('port', name, wired.ports)}")
    return wired.ports[name]


def _encode(wired: Wired, port: Port, name: str, what: Any) -> np.ndarray:
    """Drive of each cell in SI for a stimulus at a port; an empty mapping is the background."""
    population = wired.populations[wired.index[port.population]]
    where = f"stimulus at port {name!r}"
    if isinstance(what, str):
        what = {what: 1.0}
    if isinstance(what, Mapping):
        if port.encode is None and not port.patterns and what:
            raise DescriptionError(f"{where}: port {name!r} knows no names, got {list(what)}; give the drive of each "
                                   f"of the {population.size} cells of {population.name!r}")
        for odour in what:
            if odour not in port.names:
                raise DescriptionError(f"{where}: {unknown('stimulus', odour, port.names)}")
        if port.patterns:
            what = _mixture(wired, port, what)
        else:
            what = port.encode(what) if port.encode is not None else None
    if isinstance(what, (int, float)) and what == 0:
        what = None  # nothing is nothing in any unit
    drive = np.zeros(population.size) if what is None else si(what, population.neuron.unit_in, where)
    if drive.ndim == 0:
        drive = np.full(population.size, float(drive))
    if drive.shape != (population.size,):
        raise DescriptionError(f"{where}: the drive has shape {drive.shape}; population {population.name!r} needs "
                               f"({population.size},)")
    if not np.isfinite(drive).all():
        raise DescriptionError(f"{where}: the drive of {population.name!r} holds NaN or infinity at cells "
                               f"{np.flatnonzero(~np.isfinite(drive))[:5].tolist()}; give finite numbers")
    _refuse_negative_rates(drive, population, where)
    return drive


def _refuse_negative_rates(drive: np.ndarray, population: WiredPopulation, where: str) -> None:
    if isinstance(population.neuron, Poisson) and drive.min() < 0:
        raise DescriptionError(f"{where}: rates of {population.name!r} must be at least 0 Hz, got {drive.min():g} Hz")


def _mixture(wired: Wired, port: Port, what: Mapping[str, float]) -> Any:
    """Σ dose · ξ of the stored patterns, in the unit of the population it drives; None for nothing."""
    assert wired.patterns is not None
    if not what:
        return None
    unit = wired.populations[wired.index[port.population]].neuron.unit_in
    mixed = sum(dose * wired.patterns[port.names.index(name)] for name, dose in what.items())
    return Parameter(mixed, unit)


def _present(entry: _Listed, tick: int, wired: Wired, dt: float, background: dict[str, np.ndarray],
             changes: dict[int, list], cache: dict[tuple[str, str], np.ndarray]) -> None:
    """Append this trial's changes of drive; each is marked with the trial, for its own random stream."""
    where = f"trial {entry.name!r}"
    for name, port in wired.ports.items():
        p = wired.index[port.population]
        if tick > 0:
            changes[p].append((tick, background[name], entry.index))
        else:
            changes[p][0] = (0, background[name], entry.index)
        busy = 0
        for stimulus in sorted((s for s in entry.stimuli if s.port == name), key=lambda s: float(s.onset)):
            on = tick + _ticks(float(stimulus.onset), dt, f"{where}: stimulus onset", least=0)
            off = on + _ticks(float(stimulus.duration), dt, f"{where}: stimulus duration")
            if on < busy:
                raise DescriptionError(f"{where}: two stimuli overlap at port {name!r}; present a mixture instead")
            busy = off
            key = (name, repr(stimulus.what)) if isinstance(stimulus.what, (str, Mapping)) else (name, "")
            if key not in cache or not key[1]:
                cache[key] = _encode(wired, port, name, stimulus.what)
            drive = cache[key]
            for k, degradation in enumerate(stimulus.degraded):
                drive = degradation.apply(drive, stream(wired.seed, "cue", name, entry.index, k))
                _refuse_negative_rates(drive, wired.populations[p], f"{where}: stimulus {degradation}")
            changes[p] += [(on, drive, entry.index), (off, background[name], entry.index)]


def _presentation(entry: _Listed, block: Block, tick: int, dt: float, fresh: bool) -> Presentation:
    about = entry.stimuli[0]
    on = tick + round(float(about.onset) / dt)
    off = on + round(float(about.duration) / dt)
    stop = tick + _ticks(float(entry.trial.duration), dt, f"trial {entry.name!r}: duration")
    trial = entry.trial
    first, last = on, off
    if trial.measured is not None:
        where = f"trial {entry.name!r}: measured"
        first = tick + _ticks(float(trial.measured[0]), dt, f"{where} onset", least=0)
        last = first + _ticks(float(trial.measured[1]), dt, f"{where} duration")
    return Presentation(entry.index, entry.name, block.name, trial.phase, trial.cs_type, about.label, tick, stop, on,
                        off, first, last, trial.reset, fresh)


def _ticks(seconds: float, dt: float, name: str, least: int = 1) -> int:
    ticks = round(seconds / dt)
    if ticks < least or abs(ticks * dt - seconds) > 1e-6 * dt + 1e-9 * seconds:
        raise DescriptionError(f"{name} is {seconds:g} s, not a whole number of time steps of {dt:g} s; change one "
                               "of them")
    return ticks


def _input(wired: Wired, p: int, changes: list[tuple[int, np.ndarray, int]], presentations: list[Presentation],
           dt: float) -> InputDrive:
    population = wired.populations[p]
    ticks = np.array([c[0] for c in changes] + [presentations[-1].stop])
    values = np.array([c[1] for c in changes])
    keep = np.flatnonzero(np.diff(ticks) > 0)  # a change that holds for no time is none
    if not isinstance(population.neuron, Poisson):
        return InputDrive(ticks[keep], values[keep])
    spike_tick, spike_unit = _poisson_trains(wired.seed, population, changes, ticks, keep, dt)
    return InputDrive(ticks[keep], values[keep], spike_tick, spike_unit)


def _poisson_trains(seed: int, population: WiredPopulation, changes: list, ticks: np.ndarray, keep: np.ndarray,
                    dt: float) -> tuple[np.ndarray, np.ndarray]:
    drawn: list[np.ndarray] = []
    streams: dict[int, np.random.Generator] = {}
    for k in keep:
        trial = changes[k][2]
        rng = streams.setdefault(trial, stream(seed, population.name, "trial", trial))
        length = ticks[k + 1] - ticks[k]
        number = rng.poisson(changes[k][1] * length * dt)
        units = np.repeat(np.arange(population.size), number)
        when = np.minimum((rng.random(len(units)) * length).astype(np.int64), length - 1)
        # one number for (tick, unit) sorts and removes what falls into one tick in a single pass
        drawn.append(np.unique((ticks[k] + when) * population.size + units))
    flat = np.concatenate(drawn) if drawn else np.zeros(0, np.int64)
    return flat // population.size, (flat % population.size).astype(np.int32)
