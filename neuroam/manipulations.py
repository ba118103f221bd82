"""What is done to a group of animals: lesions, drugs and controls, as data applied to a wired circuit.

Each names populations and projections as the circuit does. Connectivity stays as it is, so that a compiled program
serves every group.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Escape, Neuron, Poisson, Rate
from neuroam.transfer import LIFCurve
from neuroam.units import Parameter
from neuroam.wiring import Wired, WiredProjection


@dataclass(frozen=True)
class Silence:
    """The population emits nothing."""

    population: str

    def __str__(self) -> str:
        return f"{self.population} silenced"

    def apply(self, wired: Wired) -> Wired:
        p = wired.find(self.population, "manipulation Silence")
        size = wired.populations[p].size
        if wired.populations[p].neuron.spiking and not wired.populations[p].is_input:
            return wired.with_population(p, threshold=np.full(size, np.inf))
        return wired.with_population(p, gain=np.zeros(size))


@dataclass(frozen=True)
class Scale:
    """The weights of a projection are multiplied by `factor`; 0 blocks its transmission."""

    pre: str
    post: str
    factor: float

    def __post_init__(self) -> None:
        if not np.isfinite(self.factor):
            raise DescriptionError(f"Scale({self.pre!r}, {self.post!r}): factor is {self.factor}; give a finite number")

    def __str__(self) -> str:
        return f"{self.pre}→{self.post} {'blocked' if self.factor == 0 else f'× {self.factor:g}'}"

    def apply(self, wired: Wired) -> Wired:
        for q in wired.between(self.pre, self.post, "manipulation Scale"):
            wired = wired.with_projection(q, weight=wired.projections[q].weight * self.factor)
        return wired


@dataclass(frozen=True)
class BlockPlasticity:
    """The weights of a projection no longer change."""

    pre: str
    post: str

    def __str__(self) -> str:
        return f"plasticity of {self.pre}→{self.post} blocked"

    def apply(self, wired: Wired) -> Wired:
        for q in wired.between(self.pre, self.post, "manipulation BlockPlasticity"):
            rule = wired.projections[q].plasticity
            if rule is None:
                raise DescriptionError(f"manipulation BlockPlasticity: {self.pre}->{self.post} is not plastic; "
                                       "name a plastic projection")
            wired = wired.with_projection(q, plasticity=replace(rule, on_pre=0.0, on_pre_post=0.0, on_post=0.0,
                                                                on_post_pre=0.0))
        return wired


@dataclass(frozen=True)
class Renormalise:
    """The threshold of the circuit's calibrated population is set anew, after the manipulations before this one, so
    that the fraction `level` of its cells answers. Tells an effect of sparseness from one of decorrelation."""

    level: float

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise DescriptionError(f"Renormalise: level is {self.level}; give a fraction between 0 and 1")

    def __str__(self) -> str:
        return f"threshold renormalised to {100 * self.level:g} %"


@dataclass(frozen=True)
class Cool:
    """A region of the brain, named by its populations, is cooled by `degrees`, or warmed where they are negative: all
    that happens in its cells takes q10**(degrees/10) times as long. Membranes, synapses, refractory periods and the
    delays of the axons that leave the region stretch; postsynaptic potentials keep their height. A region cooled with
    all that drives it does what it did, on a stretched clock.

    The synapses are those that the region's cells make, as `LIF.synapse` and `lowpass` have it. Rates of Poisson cells
    and transfer functions of graded ones, but for the rate curve of a LIF cell, stay as they are.
    """

    populations: str | tuple[str, ...]
    degrees: float
    q10: float

    def __post_init__(self) -> None:
        names = (self.populations,) if isinstance(self.populations, str) else tuple(self.populations)
        object.__setattr__(self, "populations", names)
        if not names:
            raise DescriptionError("Cool: no population is named; name those of the region")
        if not np.isfinite(self.degrees):
            raise DescriptionError(f"Cool({', '.join(names)}): degrees is {self.degrees}; give a finite number")
        if not (self.q10 > 0 and np.isfinite(self.q10)):
            raise DescriptionError(f"Cool({', '.join(names)}): q10 is {self.q10}; give a finite number above 0")

    def __str__(self) -> str:
        how = "cooled" if self.degrees >= 0 else "warmed"
        return f"{', '.join(self.populations)} {how} by {abs(self.degrees):g} °C, Q10 {self.q10:g}"

    @property
    def stretch(self) -> float:
        """How many times as long everything takes."""
        return float(self.q10 ** (self.degrees / 10))

    def apply(self, wired: Wired) -> Wired:
        cold = {wired.find(name, "manipulation Cool") for name in self.populations}
        cold |= {row.post for row in wired.projections if row.pre in cold and wired.populations[row.post].relay}
        for row in wired.projections:
            if row.plasticity is not None and (row.pre in cold or row.post in cold):
                raise DescriptionError(f"manipulation Cool: {row.name} is plastic, and how learning depends on "
                                       "temperature is not described; cool populations without plastic synapses")
        slowed = wired
        for p in cold:
            slowed = slowed.with_population(p, neuron=_slowed(wired.populations[p].neuron, self.stretch))
        for q, row in enumerate(wired.projections):
            if row.pre in cold:
                slowed = slowed.with_projection(q, delay=row.delay * self.stretch)
            if _spreads(wired, row, cold):
                slowed = slowed.with_projection(q, weight=row.weight * self.stretch)
        return slowed


def _slowed(neuron: Neuron, stretch: float) -> Neuron:
    if isinstance(neuron, LIF):
        return replace(neuron, tau=_times(neuron.tau, stretch), refractory=_times(neuron.refractory, stretch),
                       synapse=_times(neuron.synapse, stretch))
    if isinstance(neuron, Poisson):
        return replace(neuron, synapse=_times(neuron.synapse, stretch))
    if isinstance(neuron, Escape):
        return replace(neuron, tau=_times(neuron.tau, stretch), ceiling=_times(neuron.ceiling, 1 / stretch))
    if isinstance(neuron, Rate):
        curve = neuron.transfer
        if isinstance(curve, LIFCurve):
            curve = replace(curve, tau=_times(curve.tau, stretch), refractory=_times(curve.refractory, stretch))
        return replace(neuron, tau=_times(neuron.tau, stretch), transfer=curve)
    return neuron


def _times(parameter: Parameter, factor: float) -> Parameter:
    return replace(parameter, value=parameter.value * factor)


def _spreads(wired: Wired, row: WiredProjection, cold: set[int]) -> bool:
    """Whether a synapse's weight, the area of its potential, has to grow for the potential to keep its height."""
    pre = wired.populations[row.pre].neuron
    if isinstance(pre, (LIF, Poisson)):
        return (row.pre if float(pre.synapse) > 0 else row.post) in cold
    return row.pre in cold and isinstance(pre, Rate) and isinstance(pre.transfer, LIFCurve)


Manipulation = Silence | Scale | BlockPlasticity | Renormalise | Cool
