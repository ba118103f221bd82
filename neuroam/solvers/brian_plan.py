"""What is to be built in Brian2, as plain data: objects with equations, and apart from them every number.

Nothing here imports Brian2, so that a compiled program can be found, fed and run without it. The objects
and the shapes of the data make the `structure`; two runs of one structure share a program.

Order of a step: start (trial turns, inputs, traces sampled), groups (graded sums −1, potentials 0, shared
channels 1, emissions 2), thresholds, synapses (before 0, after 1, clocked 2), resets, end (response windows).
"""
from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from neuroam.units import dimensions

_PLAIN = ("1", "volt", "hertz", "second", "volt/hertz", "1/second")
_BASE = ("metre", "kilogram", "second", "ampere", "kelvin", "mole", "candela")


@dataclass(frozen=True)
class Step:
    """Code that an object runs every `every` ticks, at a place of the step."""

    code: str
    when: str
    order: int
    every: int = 1


@dataclass(frozen=True)
class Cells:
    """A NeuronGroup. `links` (own name, other group, its variable) are read from other groups."""

    name: str
    size: int
    equations: tuple[str, ...]
    threshold: str = ""
    reset: str = ""
    refractory: int = 0
    order: int = 0
    links: tuple[tuple[str, str, str], ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Train:
    """A SpikeGeneratorGroup; its spikes are the data `tick` and `unit`."""

    name: str
    size: int


@dataclass(frozen=True)
class Contacts:
    """Synapses. Pairs are the data `pre` and `post`, or all there are with `everyone`; `delay` in ticks."""

    name: str
    source: str
    target: str
    model: tuple[str, ...]
    before: str = ""
    after: str = ""
    delay: int = 0
    everyone: bool = False
    slot: str = "synapses"
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Table:
    """A TimedArray over the session with one entry every `every` ticks; with 0, indexed by row in seconds."""

    name: str
    unit: str
    every: int


@dataclass(frozen=True)
class Watch:
    """A StateMonitor of some `cells` (data) of a group, every `every` ticks."""

    name: str
    group: str
    variable: str
    every: int
    order: int


@dataclass(frozen=True)
class SpikeWatch:
    """A SpikeMonitor."""

    name: str
    group: str


Part = Cells | Train | Contacts | Table | Watch | SpikeWatch


@dataclass(frozen=True, eq=False)
class Plan:
    """Parts in the order they are built; `data` by "part.variable"; `wanted` is what is read afterwards."""

    dt: float
    stop: int
    method: str
    dtype: str
    parts: tuple[Part, ...]
    data: dict[str, np.ndarray]
    wanted: tuple[str, ...]

    def structure(self) -> str:
        """Digest of all that a program is compiled from."""
        shapes = sorted((name, values.shape, str(values.dtype)) for name, values in self.data.items())
        text = repr((self.dt, self.stop, self.method, self.dtype, self.parts, shapes, self.wanted))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Draft:
    """One group of cells while its equations are being collected."""

    name: str
    size: int
    equations: list[str] = field(default_factory=list)
    plus: list[str] = field(default_factory=list)
    divided_by: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    at_turn: list[str] = field(default_factory=list)
    at_spike: list[str] = field(default_factory=list)
    threshold: str = ""
    refractory: int = 0
    order: int = 0
    data: dict[str, np.ndarray] = field(default_factory=dict)

    def constant(self, name: str, unit: str, value: float) -> None:
        """A number that all cells of the group share."""
        self.equations.append(f"{name} : {unit_text(unit)} (shared, constant)")
        self.data[name] = np.array([float(value)])

    def by_cell(self, name: str, unit: str, values: np.ndarray, flags: str = " (constant)") -> None:
        """A number of each cell."""
        self.equations.append(f"{name} : {unit_text(unit)}{flags}")
        self.data[name] = np.asarray(values, float) * np.ones(self.size)

    def link(self, name: str, unit: str, group: str, variable: str) -> None:
        """A variable of another group, read as `name`."""
        self.equations.append(f"{name} : {unit_text(unit)} (linked)")
        self.links.append((name, group, variable))

    def drive(self, unit: str) -> None:
        """I, once everything that contributes to it is known."""
        total = " + ".join(self.plus) or f"0*{unit_text(unit)}"
        if self.divided_by:
            total = f"({total})/(1 + {' + '.join(self.divided_by)})"
        total = " + ".join([total, *self.open])
        self.equations.append(f"I = {total} : {unit_text(unit)}")

    def finish(self) -> Cells:
        return Cells(self.name, self.size, tuple(self.equations), self.threshold, "\n".join(self.at_spike),
                     self.refractory, self.order, tuple(self.links), tuple(self.steps))


def unit_text(unit: str) -> str:
    """A unit as Brian2's equations take it: "1/1/second" has to become a product of base units."""
    if unit in _PLAIN:
        return unit
    powers = [f"{name}**{power}" for name, power in zip(_BASE, dimensions(unit), strict=True) if power]
    return "*".join(powers) or "1"


def capacity(number: int, least: int = 1) -> int:
    """`number` rounded up to three binary digits: sizes that vary with the seed then share a program."""
    step = 1 << max(int(number).bit_length() - 3, 0)
    return max(-(-int(number) // step) * step, least)
