"""Transfer functions g: from drive to emission, r = g(x). Each is written for numpy and, as text, for Brian2.

`code` is the function's number in the compiled kernels (`neuroam.solvers._kernels.emission`); a test holds the three
forms together. Every transfer function may have a threshold of its own for each unit; it is passed as an array.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.units import Parameter, parameter


@dataclass(frozen=True)
class Linear:
    """r = gain · (x − θ), of either sign."""

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 0
    expression: ClassVar[str] = "gain*(x - threshold)"

    def __post_init__(self) -> None:
        _settle(self, gain=_gain_unit(self), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: np.ndarray | float | None = None) -> np.ndarray:
        return float(self.gain) * (x - _theta(self, threshold))


@dataclass(frozen=True)
class Rectified:
    """r = gain · [x − θ]₊."""

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 1
    expression: ClassVar[str] = "gain*clip(x - threshold, 0*{unit_in}, inf*{unit_in})"

    def __post_init__(self) -> None:
        _settle(self, gain=_gain_unit(self), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: np.ndarray | float | None = None) -> np.ndarray:
        return float(self.gain) * np.maximum(x - _theta(self, threshold), 0.0)


@dataclass(frozen=True)
class Tanh:
    """r = tanh(gain · (x − θ)), dimensionless."""

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: ClassVar[str] = "1"
    code: ClassVar[int] = 2
    expression: ClassVar[str] = "tanh(gain*(x - threshold))"

    def __post_init__(self) -> None:
        _settle(self, gain=_gain_unit(self), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: np.ndarray | float | None = None) -> np.ndarray:
        return np.tanh(float(self.gain) * (x - _theta(self, threshold)))


@dataclass(frozen=True)
class LIFCurve:
    """Firing rate of a leaky integrate-and-fire neuron under constant drive x, all potentials relative to rest.

    r = 1 / (t_ref + τ ln((x − v_reset) / (x − θ))) for x > θ, else 0 (Lapicque 1907).
    """

    tau: Parameter
    threshold: Parameter
    reset: Parameter
    refractory: Parameter
    unit_in: ClassVar[str] = "volt"
    unit_out: ClassVar[str] = "hertz"
    code: ClassVar[int] = 3
    # the clips keep the logarithm finite and above 0 where the comparison makes the product zero anyway
    expression: ClassVar[str] = ("int(x > threshold)/(refractory + tau*log(clip(x - reset, 2e-12*volt, inf*volt)"
                                 "/clip(x - threshold, 1e-12*volt, inf*volt)))")

    def __post_init__(self) -> None:
        _settle(self, tau="second", threshold="volt", reset="volt", refractory="second")

    @property
    def constants(self) -> dict[str, float]:
        return {"tau": float(self.tau), "reset": float(self.reset), "refractory": float(self.refractory)}

    def __call__(self, x: np.ndarray, threshold: np.ndarray | float | None = None) -> np.ndarray:
        theta = _theta(self, threshold)
        x, theta = np.broadcast_arrays(np.asarray(x, dtype=float), theta)
        rate = np.zeros(x.shape)
        on = x > theta
        interval = float(self.tau) * np.log((x[on] - float(self.reset)) / (x[on] - theta[on]))
        rate[on] = 1.0 / (float(self.refractory) + interval)
        return rate


Transfer = Linear | Rectified | Tanh | LIFCurve


def _gain_unit(transfer: Linear | Rectified | Tanh) -> str:
    if transfer.unit_in == transfer.unit_out:
        return "1"
    return f"{transfer.unit_out}/{transfer.unit_in}"


def _settle(transfer: object, **units: str) -> None:
    for name, unit in units.items():
        value = parameter(getattr(transfer, name), unit, f"{type(transfer).__name__}.{name}")
        object.__setattr__(transfer, name, value)


def _theta(transfer: Transfer, threshold: np.ndarray | float | None) -> np.ndarray | float:
    return np.asarray(float(transfer.threshold)) if threshold is None else np.asarray(threshold)
