"""What is done to a group of animals: lesions, drugs and controls, as data applied to a wired circuit.

Each names populations and projections as the circuit does. Connectivity stays as it is, so that a compiled program
serves every group.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.wiring import Wired


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


Manipulation = Silence | Scale | BlockPlasticity | Renormalise
