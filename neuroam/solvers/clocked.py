"""Numba(): one clock-driven loop for rate and spiking populations. No compiler needed; the default."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.neurons import Escape
from neuroam.session import Presentation, Session
from neuroam.solvers import _kernels as k
from neuroam.solvers.base import FEATURES, Outcome, check, settle_clock, spike_responses
from neuroam.solvers.batched import batchable, run_batched
from neuroam.solvers.emission import escape_key
from neuroam.solvers.tables import Tables, tabulate
from neuroam.wiring import Wired

SPIKE_BUFFER = 1 << 16


@dataclass(frozen=True)
class Numba:
    """Clock-driven, one thread. `dt` is a time or seconds; `method` "exponential_euler" or "euler"; `dtype`
    "float64" or "float32". Trials of graded circuits that do not learn run side by side."""

    dt: Any = 1e-4
    method: str = "exponential_euler"
    dtype: str = "float64"
    name: ClassVar[str] = "Numba"
    carries: ClassVar[frozenset[str]] = frozenset(FEATURES)
    tunes_inhibition: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, self.method))
        if self.dtype not in ("float64", "float32"):
            raise DescriptionError(f"Numba: dtype is {self.dtype!r}; use 'float64' or 'float32'")

    def prepare(self, wired: Wired, session: Session) -> None:
        """Compile the loop, so that worker processes find it in numba's cache."""
        _Run(wired, session, tabulate(wired, self.dt, self.method, np.dtype(self.dtype))).compile()

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session; see `Outcome`."""
        check(self, wired, session)
        if batchable(wired, session):
            return run_batched(wired, session, self.dt, self.method, np.dtype(self.dtype))
        tables = tabulate(wired, self.dt, self.method, np.dtype(self.dtype))
        return _Run(wired, session, tables).whole_session()


class _Run:
    """The buffers of one session and the walk through its trials."""

    def __init__(self, wired: Wired, session: Session, tables: Tables) -> None:
        self.wired, self.session, self.tables = wired, session, tables
        self.state = tables.state()
        self.inputs = _inputs(wired, session, tables)
        self.recorded = [p for p, _ in session.record]
        self.graded = [p for p in self.recorded if not wired.populations[p].neuron.spiking]
        self.pools = [p for p, population in enumerate(wired.populations) if isinstance(population.neuron, Escape)]
        self.out = self._output()
        self.spikes: list[tuple[np.ndarray, np.ndarray]] = []

    def whole_session(self) -> Outcome:
        n_units = int(self.tables.cells.start[-1])
        sums, peaks = np.zeros((self.session.n_trials, n_units)), np.zeros((self.session.n_trials, n_units))
        for row in self.session.presentations:
            self._begin(row)
            self._advance(row)
            sums[row.trial] = self.out.integral / (row.last - row.first)
            peaks[row.trial] = self.out.peak
        return self._outcome(sums, peaks)

    def _begin(self, row: Presentation) -> None:
        if row.reset:
            self.tables.rest(self.state)
        if row.fresh:
            self.state.weight[:] = self.tables.weight
        self.inputs.position[2] = row.start
        for p in self.pools:
            self.inputs.key[p] = escape_key(self.wired, p, row.trial)
        self.out.integral[:] = 0
        self.out.peak[:] = -np.inf

    def _advance(self, row: Presentation) -> None:
        tick = row.start
        while tick < row.stop:
            tick = self._step(tick, row.stop, np.array([row.first, row.last]))
            number = self.out.number[0]
            self.spikes.append((self.out.spike_tick[:number].copy(), self.out.spike_unit[:number].copy()))
            self.out.number[0] = 0

    def _step(self, tick: int, stop: int, window: np.ndarray) -> int:
        t = self.tables
        return k.advance(t.cells, t.channels, t.traces, t.synapses, self.state, self.inputs, self.out, tick, stop,
                         t.dtype.type(self.session.dt), window)

    def compile(self) -> None:
        """Compile the loop by taking no step."""
        self._step(0, 0, np.zeros(2, np.int64))

    def _output(self) -> k.Output:
        cells, session = self.tables.cells, self.session
        spiking = [p for p in self.recorded if p in self.pools or self.wired.populations[p].neuron.spiking]
        wanted, summed, peaked = (_flags(chosen, len(cells.kind)) for chosen in (spiking, self.graded, session.peaks))
        sampled = sampled_units(self.wired, session, cells.start)
        samples = -(-session.stop // session.every) if session.every else 0
        dtype = self.tables.dtype
        units = int(cells.start[-1])
        size = SPIKE_BUFFER + units
        return k.Output(np.zeros(size, np.int64), np.zeros(size, np.int32), wanted, np.zeros(2, np.int64), summed,
                        np.zeros(units), peaked, np.zeros(units, dtype), sampled, session.every,
                        np.zeros((samples, len(sampled)), dtype))

    def _outcome(self, sums: np.ndarray, peaks: np.ndarray) -> Outcome:
        start, populations = self.tables.cells.start, self.wired.populations
        tick = np.concatenate([s[0] for s in self.spikes])
        unit = np.concatenate([s[1] for s in self.spikes])
        outcome = Outcome(weights=self.tables.unpack(self.state.weight, self.wired))
        for p in self.recorded:
            name, size = populations[p].name, populations[p].size
            if populations[p].neuron.spiking or p in self.pools:
                own = (unit >= start[p]) & (unit < start[p + 1])
                outcome.spikes[name] = tick[own], (unit[own] - start[p]).astype(np.int32)
            if populations[p].neuron.spiking:
                outcome.responses[name] = spike_responses(outcome.spikes[name], size, self.session)
        for p in self.graded:
            outcome.responses[populations[p].name] = sums[:, start[p]: start[p + 1]]
        for p in self.session.peaks:
            outcome.peaks[populations[p].name] = peaks[:, start[p]: start[p + 1]]
        column = 0
        for p, cells in self.session.record if self.session.every else ():
            if cells != () and _has_trace(self.wired, p):
                width = populations[p].size if cells is None else len(cells)
                outcome.traces[populations[p].name] = self.out.samples[:, column: column + width]
                column += width
        return outcome


def sampled_units(wired: Wired, session: Session, start: np.ndarray) -> np.ndarray:
    """Units whose traces are kept: u for a potential, −u − 1 for an emission, in the order of the record."""
    sampled: list[int] = []
    for p, cells in session.record if session.every else ():
        if _has_trace(wired, p):
            chosen = start[p] + np.arange(wired.populations[p].size)[list(cells) if cells is not None else slice(None)]
            sampled += (chosen if wired.populations[p].neuron.traced == "potential" else -chosen - 1).tolist()
    return np.array(sampled, dtype=np.int64)


def _has_trace(wired: Wired, p: int) -> bool:
    return wired.populations[p].neuron.traced != "nothing"


def _flags(chosen: Sequence[int], number: int) -> np.ndarray:
    flags = np.zeros(number, dtype=bool)
    flags[list(chosen)] = True
    return flags


def _inputs(wired: Wired, session: Session, tables: Tables) -> k.Inputs:
    """The inputs of all populations merged into two lists sorted by tick."""
    start = tables.cells.start
    spiking = {p: d for p, d in session.inputs.items() if wired.populations[p].neuron.spiking}
    driven = {p: d for p, d in session.inputs.items() if p not in spiking}
    tick = np.concatenate([d.spike_tick for d in spiking.values()] or [np.zeros(0, np.int64)])
    unit = np.concatenate([d.spike_unit + start[p] for p, d in spiking.items()] or [np.zeros(0)]).astype(np.int32)
    order = np.lexsort((unit, tick))
    population = np.searchsorted(start, unit, side="right") - 1
    change_tick = np.concatenate([d.ticks for d in driven.values()] or [np.zeros(0, np.int64)])
    change_population = np.repeat(list(driven), [len(d.ticks) for d in driven.values()]).astype(np.int64)
    width = max((wired.populations[p].size for p in driven), default=1)
    values = np.zeros((len(change_tick), width), tables.dtype)
    row = 0
    for d in driven.values():
        values[row: row + len(d.ticks), : d.values.shape[1]] = d.values
        row += len(d.ticks)
    by_tick = np.argsort(change_tick, kind="stable")
    return k.Inputs(tick[order].astype(np.int64), unit[order], population[order].astype(np.int64),
                    change_tick[by_tick].astype(np.int64), change_population[by_tick], values[by_tick],
                    np.zeros(3, np.int64),
                    np.zeros(len(wired.populations), np.uint64))
