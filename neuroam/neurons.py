"""Neurons: equations as text, parameters with units, and the rate curve that each spiking neuron owns.

One law of transmission: a population emits r and a projection delivers I = w·r. A rate neuron emits r = g(x). A
spiking neuron emits its spike train through its synaptic kernel exp(−t/τ_s)/τ_s, in hertz, so that the mean of r is
the firing rate, and spiking and rate neurons take each other's place without touching a weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.transfer import LIFCurve, Rectified, Sign, Spherical, Tanh, Transfer
from neuroam.units import Parameter, parameter


@dataclass(frozen=True)
class LIF:
    """Leaky integrate-and-fire neuron. Drive I in volts, emission in hertz.

    `reset` is the rest if not given; `synapse` = 0 s means that each spike moves its targets at once.
    While refractory the potential is clamped, and what arrives on instantaneous synapses is lost.
    `threshold_cv`: coefficient of variation, over units, of the distance from rest to threshold, drawn as
    (threshold − rest)·|N(1, cv)| when the circuit is wired.
    """

    tau: Any
    rest: Any
    threshold: Any
    reset: Any = None
    refractory: Any = 0.0
    synapse: Any = 0.0
    threshold_cv: Any = 0.0
    spiking: ClassVar[bool] = True
    traced: ClassVar[str] = "potential"
    unit_in: ClassVar[str] = "volt"
    unit_out: ClassVar[str] = "hertz"
    equations: ClassVar[str] = "dv/dt = (rest - v + I)/tau : volt (unless refractory)"
    spikes_when: ClassVar[str] = "v > threshold"

    def __post_init__(self) -> None:
        if self.reset is None:
            object.__setattr__(self, "reset", self.rest)
        _settle(
            self,
            tau=("second", {"above": 0}),
            rest=("volt", {}),
            threshold=("volt", {}),
            reset=("volt", {}),
            refractory=("second", {"least": 0}),
            synapse=("second", {"least": 0}),
            threshold_cv=("1", {"least": 0}),
        )
        if float(self.reset) >= float(self.threshold):
            raise DescriptionError(
                f"LIF: reset {self.reset} is not below threshold {self.threshold}; such a cell never stops firing"
            )

    @property
    def curve(self) -> LIFCurve:
        """Firing rate under constant drive, potentials relative to rest."""
        rest = float(self.rest)

        def relative(p: Parameter) -> Parameter:
            return Parameter(p.value - rest, "volt", p.source)

        return LIFCurve(self.tau, relative(self.threshold), relative(self.reset), self.refractory)

    def rate(self, drive: np.ndarray) -> np.ndarray:
        """Firing rate in hertz for a constant drive in volts, any shape."""
        return self.curve(np.asarray(drive, dtype=float))

    def as_rate(self) -> Rate:
        """The rate neuron that may stand in for this one: same membrane, its emission the rate curve."""
        return Rate(self.tau, self.curve, threshold_cv=self.threshold_cv)


@dataclass(frozen=True)
class Rate:
    """Graded, non-spiking neuron: τ dx/dt = −x + I, emission r = g(x). Units follow the transfer function."""

    tau: Any
    transfer: Transfer = field(default_factory=Rectified)
    threshold_cv: Any = 0.0
    spiking: ClassVar[bool] = False
    traced: ClassVar[str] = "emission"
    equations: ClassVar[str] = "dx/dt = (I - x)/tau : {unit_in}"

    def __post_init__(self) -> None:
        _settle(self, tau=("second", {"above": 0}), threshold_cv=("1", {"least": 0}))

    @property
    def unit_in(self) -> str:
        return self.transfer.unit_in

    @property
    def unit_out(self) -> str:
        return self.transfer.unit_out

    @property
    def threshold(self) -> Parameter:
        return self.transfer.threshold

    @property
    def rest(self) -> Parameter:
        """The state x is measured from rest."""
        return Parameter(0.0, self.unit_in, "definition")


@dataclass(frozen=True)
class Escape:
    """`cells` escape-rate neurons that share one potential x, τ dx/dt = −x + I, as they get the same input.

    Each fires at random with hazard ρ(x) = ceiling · (g(x) − low), without memory of its last spike (Gerstner & van
    Hemmen 1992, Network 3:139): in a time step with probability ρ dt. Together they emit r = low + n/(cells · ceiling ·
    dt) for n spikes in a step, so that the expected r is g(x), and its noise falls as 1/√cells. An emission below `low`
    cannot be coded, as the hazard is 0, nor one for which ρ dt is above 1. Recorded are the mean emission of each pool
    and the spikes of one of its cells.
    """

    tau: Any
    transfer: Transfer
    ceiling: Any = Parameter(100.0, "hertz", "assumed: of the order of peak cortical rates")
    cells: int = 100
    low: float = 0.0
    spiking: ClassVar[bool] = False
    traced: ClassVar[str] = "potential"
    equations: ClassVar[str] = "dx/dt = (I - x)/tau : {unit_in}"

    def __post_init__(self) -> None:
        _settle(self, tau=("second", {"above": 0}), ceiling=("hertz", {"above": 0, "finite": True}))
        if not isinstance(self.cells, (int, np.integer)) or self.cells < 1:
            raise DescriptionError(f"Escape: cells is {self.cells}; give a whole number, at least 1")

    @property
    def unit_in(self) -> str:
        return self.transfer.unit_in

    @property
    def unit_out(self) -> str:
        return self.transfer.unit_out

    @property
    def threshold(self) -> Parameter:
        return self.transfer.threshold

    @property
    def rest(self) -> Parameter:
        """The state x is measured from rest."""
        return Parameter(0.0, self.unit_in, "definition")

    threshold_cv: ClassVar[float] = 0.0

    def as_rate(self) -> Rate:
        """The graded cell whose emission is the expected one of the pool."""
        return Rate(self.tau, self.transfer)


@dataclass(frozen=True)
class Pool:
    """Which escape-rate neurons stand for a graded cell. `low`: the least emission to be coded, by name of the
    population; where none is given it is −1 for functions from −1 to 1, else 0. Populations in `graded` stay as they
    are:
    a single interneuron that all others hear is no crowd, and may be non-spiking like APL."""

    cells: int = 100
    ceiling: Any = Escape.ceiling
    low: tuple[tuple[str, float], ...] = ()
    graded: tuple[str, ...] = ()

    def neurons(self, graded: Rate, population: str) -> Escape | Rate:
        """The pool that stands for `graded`."""
        if population in self.graded:
            return graded
        usual = -1.0 if isinstance(graded.transfer, (Tanh, Sign, Spherical)) else 0.0
        return Escape(graded.tau, graded.transfer, self.ceiling, self.cells, dict(self.low).get(population, usual))


@dataclass(frozen=True)
class Poisson:
    """Input cells that spike at random at the rates their port is given. The spikes are drawn before the run."""

    synapse: Any = 0.0
    spiking: ClassVar[bool] = True
    traced: ClassVar[str] = "nothing"
    unit_in: ClassVar[str] = "hertz"
    unit_out: ClassVar[str] = "hertz"
    equations: ClassVar[str] = "spike trains drawn from the rates given at the port"

    def __post_init__(self) -> None:
        _settle(self, synapse=("second", {"least": 0}))


@dataclass(frozen=True)
class Drive:
    """Input cells whose emission is exactly what their port is given, in `unit`."""

    unit: str = "1"
    spiking: ClassVar[bool] = False
    traced: ClassVar[str] = "emission"
    equations: ClassVar[str] = "r = what is given at the port"

    @property
    def unit_in(self) -> str:
        return self.unit

    @property
    def unit_out(self) -> str:
        return self.unit


def graded(tau: Any, unit: str = "volt") -> Rate:
    """A non-spiking neuron that releases transmitter in proportion to its depolarisation above rest."""
    return Rate(tau, Rectified(unit_in=unit, unit_out=unit))


Neuron = LIF | Rate | Escape | Poisson | Drive


def _settle(neuron: object, **rules: tuple[str, dict]) -> None:
    for name, (unit, bounds) in rules.items():
        value = parameter(getattr(neuron, name), unit, f"{type(neuron).__name__}.{name}", **bounds)
        object.__setattr__(neuron, name, value)
