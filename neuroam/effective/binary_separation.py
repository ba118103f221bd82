"""Separation of the memories of ±1 neurons: the function f of an overlap, and its values as a table.

    m^degree                          linear, a power, or rectified: 0 for m < 0
    exp(gain · N' · (m − 1))          N' neurons contribute to the overlap; 1 at a stored pattern

An overlap of ±1 neurons is a whole number q = N' − 2k, so f takes N' + 1 values. A flip of one neuron at the cavity
overlap c changes F, F' = f, by F(c + 1) − F(c − 1).
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from neuroam.errors import DescriptionError

EXACT = 2.0 ** 53


@dataclass(frozen=True)
class Power:
    """f(m) = m^degree; rectified: 0 for m < 0."""

    degree: int
    rectified: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.degree) or self.degree != int(self.degree) or self.degree < 1:
            raise DescriptionError(f"degree of Power is {self.degree}; give a whole number of at least 1")

    def __call__(self, overlap: np.ndarray, neurons: int) -> np.ndarray:
        """f of overlaps between −1 and 1, which `neurons` neurons contribute to."""
        return (np.maximum(overlap, 0) if self.rectified else overlap) ** self.degree

    def antiderivative(self, overlap: np.ndarray, neurons: int) -> np.ndarray:
        """F(m), with F' = f."""
        return Power(self.degree + 1, self.rectified)(overlap, neurons) / (self.degree + 1)


@dataclass(frozen=True)
class Exponential:
    """f(m) = exp(gain · (neurons − 1) · (m − 1)), or with self-terms neurons · (m − 1): 1 at a stored pattern."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise DescriptionError(f"gain of Exponential is {self.gain}; give a positive number")

    def __call__(self, overlap: np.ndarray, neurons: int) -> np.ndarray:
        """f of overlaps between −1 and 1, which `neurons` neurons contribute to."""
        return np.exp(self.gain * neurons * (overlap - 1))

    def antiderivative(self, overlap: np.ndarray, neurons: int) -> np.ndarray:
        """F(m), with F' = f."""
        return self(overlap, neurons) / (self.gain * neurons)


Separation = Power | Exponential
LINEAR = Power(1)
NEAREST = Exponential(math.inf)
NAMES: dict[str, Separation] = {"linear": LINEAR, "exponential": Exponential(), "nearest": NEAREST}


def separation(given: Separation | str) -> Separation:
    """A separation by itself or by its name: linear, exponential, nearest."""
    if isinstance(given, (Power, Exponential)):
        return given
    if given not in NAMES:
        raise DescriptionError(f"there is no separation {given!r}; give {', '.join(NAMES)}, Power(n) or Exponential(g)")
    return NAMES[given]


@dataclass(frozen=True)
class Table:
    """f in classes of overlap: `values[k]` for k neurons that disagree, of the N − 1 or N that count.

    True values are `scale` × those. In a `relative` table class 0 stands for the nearest that there is.
    """

    values: np.ndarray
    scale: float = 1.0
    relative: bool = False
    cavity: bool = True

    @cached_property
    def single(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and half difference of the two values at each distance 0 … N, in single precision, at most 1."""
        values = self.values / np.abs(self.values).max()
        if not self.cavity:
            return values.astype(np.float32), np.zeros(len(values), np.float32)
        agree, differ = np.append(values, values[-1]), np.append(values[0], values)
        return (0.5 * (agree + differ)).astype(np.float32), (0.5 * (differ - agree)).astype(np.float32)


def tabulate(f: Separation, n: int, memories: int, self_terms: bool = False) -> Table:
    """Table of f for n neurons. Powers are whole numbers where `memories` of them add up exactly."""
    reach = n if self_terms else n - 1
    overlaps = reach - 2 * np.arange(reach + 1)
    if isinstance(f, Exponential):
        return Table(np.exp(-2 * _finite_gain(f, memories) * np.arange(reach + 1)), cavity=not self_terms)
    if memories * float(reach) ** min(f.degree, 300) < EXACT:
        return Table(f(overlaps.astype(float), reach), float(reach) ** -f.degree, cavity=not self_terms)
    return Table(f(overlaps / max(reach, 1), reach), cavity=not self_terms)


def tabulate_differences(f: Separation, n: int, memories: int) -> Table:
    """What a flip gains, [F(c + 1) − F(c − 1)] / 2 at the cavity overlaps c, up to a positive factor."""
    if isinstance(f, Exponential):
        return replace(tabulate(f, n, memories), relative=True)
    cavity = n - 1 - 2 * np.arange(n)
    rise = Power(f.degree + 1, f.rectified)
    exact = memories * float(n) ** min(f.degree + 1, 300) < EXACT
    unit = 1.0 if exact else float(n)
    return Table((rise((cavity + 1) / unit, n) - rise((cavity - 1) / unit, n)) / 2)


def _finite_gain(f: Exponential, memories: int) -> float:
    """At this gain one memory outweighs all that are farther: what infinite gain does."""
    return 0.5 * math.log(2 * (memories + 1)) if math.isinf(f.gain) else f.gain
