"""The session as tables that the network looks up while it runs: trial turns, response windows, drives.

Each table has one entry for the largest interval that divides all the ticks it has to tell apart, and what
reads it runs on a clock of that interval.
"""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neuroam.errors import Unsupported
from neuroam.session import InputDrive, Session
from neuroam.solvers.brian_plan import Draft, SpikeWatch, Step, Table, Watch
from neuroam.wiring import Wired, WiredPopulation

CARRIED, RESET = 1, 2
NOTHING = -1e300
MOST_VALUES = 200_000_000


class Calendar:
    """Tables, watches and what to read at the end, gathered while the plan is drawn."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tables: list[Table] = []
        self.watches: list[Watch | SpikeWatch] = []
        self.data: dict[str, np.ndarray] = {}
        self.wanted: list[str] = []
        rows = session.presentations
        self.between = interval([row.start for row in rows], session.stop)
        self.fresh = any(row.fresh for row in rows[1:])
        self.resets = any(row.reset for row in rows[1:])
        if len(rows) > 1:
            self._mark("turn", {row.start: RESET if row.reset else CARRIED for row in rows})
        if self.fresh:
            self._mark("renewed", {row.start: 1 for row in rows if row.fresh})

    def _mark(self, name: str, marks: dict[int, int]) -> None:
        values = np.zeros(self.session.stop // self.between + 1)
        values[np.array(list(marks), int) // self.between] = list(marks.values())
        self._table(name, "1", self.between, values)

    def _table(self, name: str, unit: str, every: int, values: np.ndarray) -> None:
        if f"{name}.values" not in self.data:
            self.tables.append(Table(name, unit, every))
            self.data[f"{name}.values"] = np.asarray(values, float)

    def turn(self, draft: Draft) -> None:
        """The group's state goes back to rest where a trial starts with a reset."""
        if draft.at_turn and len(self.session.presentations) > 1:
            code = "\n".join(["keep = 1 - int(turn(t) > 1.5)", *draft.at_turn])
            draft.steps.append(Step(code, "start", -4, self.between))

    def renewal(self) -> Step:
        """Weights as wired, where a fresh block starts."""
        code = "w = w*int(renewed(t) < 0.5) + w_wired*int(renewed(t) > 0.5)"
        return Step(code, "start", -2, self.between)

    def alive(self, delay: int) -> str:
        """1 if a spike that was `delay` ticks under way left after the last reset, else 0."""
        if not self.resets:
            return "1"
        starts = [row.start for row in self.session.presentations if row.reset]
        ticks = np.arange(self.session.stop // self.between + 1) * self.between
        last = np.searchsorted(starts, ticks, side="right") - 1
        began = np.where(last < 0, 0, np.array(starts)[last])
        self._table("began", "second", self.between, began * self.session.dt)
        return f"int(t - {delay}*dt > began(t) - 0.5*dt)"

    def drive(self, p: int, given: InputDrive, population: WiredPopulation) -> Step:
        """What a driven population emits: one row of a table of drives, picked by the time."""
        every = interval(given.ticks, self.session.stop)
        ticks = np.arange(self.session.stop // every + 1) * every
        self._table(f"row{p}", "second", every, np.searchsorted(given.ticks, ticks, side="right") - 1.0)
        self._table(f"drive{p}", population.neuron.unit_out, 0, given.values)
        return Step(f"r = release*drive{p}(row{p}(t), i)", "start", -3, every)

    def record(self, wired: Wired, session: Session, cells: dict[int, Draft]) -> None:
        """Spikes, responses, peaks and traces."""
        for p, chosen in session.record:
            neuron = wired.populations[p].neuron
            if p in cells and neuron.spiking and not wired.populations[p].is_input:
                self.watches.append(SpikeWatch(f"spikes{p}", f"cells{p}"))
                self.wanted += [f"spikes{p}.i", f"spikes{p}.t"]
            if not neuron.spiking:
                self._over_window(p, cells[p], "acc", neuron.unit_out, "acc = acc + r*window(t)", 0.0)
            if session.every and chosen != () and has_trace(wired.populations[p]):
                self._trace(p, wired.populations[p], chosen)
        for p in session.peaks:
            state = "v" if wired.populations[p].neuron.spiking else "x"
            code = f"top = clip({state}*window(t) + top*(1 - window(t)), top, inf*{{unit}})"
            self._over_window(p, cells[p], "top", wired.populations[p].neuron.unit_in, code, NOTHING)

    def _trace(self, p: int, population: WiredPopulation, chosen: tuple[int, ...] | None) -> None:
        variable = "v" if population.neuron.spiking else "r"
        self._watch(f"trace{p}", f"cells{p}", variable, self.session.every, 5,
                    np.arange(population.size) if chosen is None else np.array(chosen))

    def _watch(self, name: str, group: str, variable: str, every: int, order: int, which: np.ndarray) -> None:
        number = self.session.stop // every * len(which)
        if number > MOST_VALUES:
            raise Unsupported(f"Brian would keep {number:.1e} values of {group}; make the durations of "
                              "trials multiples of a longer interval, record fewer cells, or use Numba()")
        self.watches.append(Watch(name, group, variable, every, order))
        self.data[f"{name}.cells"] = which.astype(np.int32)
        self.wanted.append(f"{name}.{variable}")

    def _over_window(self, p: int, draft: Draft, name: str, unit: str, code: str, start: float) -> None:
        """A variable gathered while the response window is open, read and started anew at each trial."""
        rows = self.session.presentations
        every = interval([tick for row in rows for tick in (row.first, row.last)], self.session.stop)
        ticks = np.arange(self.session.stop // every + 1) * every
        opened, closed = (np.searchsorted(sorted(edges), ticks, side="right")
                          for edges in ([row.first for row in rows], [row.last for row in rows]))
        self._table("window", "1", every, opened - closed)
        draft.by_cell(name, unit, np.full(draft.size, start), flags="")
        draft.steps.append(Step(code.format(unit=_bracketed(draft, name)), "end", 0))
        self.wanted.append(f"cells{p}.{name}")
        if len(rows) > 1:
            restart = f" + {start!r}*{_bracketed(draft, name)}*int(turn(t) > 0.5)" if start else ""
            draft.at_turn.append(f"{name} = {name}*int(turn(t) < 0.5){restart}")
            self._watch(f"{name}s{p}", draft.name, name, self.between, -5, np.arange(draft.size))


def interval(ticks: Iterable[int], stop: int) -> int:
    """The largest number of ticks that divides all of these."""
    return int(np.gcd.reduce(np.append(np.asarray(list(ticks), np.int64), stop)))


def has_trace(population: WiredPopulation) -> bool:
    """Input cells that spike have neither a potential nor a graded emission."""
    return not (population.is_input and population.neuron.spiking)


def _bracketed(draft: Draft, name: str) -> str:
    """The unit of one of the group's variables, to be multiplied with."""
    line = next(text for text in draft.equations if text.startswith(f"{name} : "))
    return f"({line.split(' : ')[1]})"
