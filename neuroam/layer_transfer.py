"""Transfer functions that look at a whole population: each emission depends on the drive of every unit.

Every one is the gradient r = ∂L/∂x of the Lagrangian L in its docstring (Krotov & Hopfield 2021; Krotov 2021), so an
energy can be written for the circuit; u = x − θ, and units run along the first axis of (n,) or (n, trials). `code` is
the function's number in `neuroam.solvers._kernels._emit_layer`. There is no text for Brian2, whose equations know one
unit at a time.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.threshold import Threshold, above, settle, tilt, x_log_x


@dataclass(frozen=True)
class Softmax:
    """r = exp(β(x − θ)) / (ghost + Σ exp(β(x − θ))), dimensionless; β is the gain.

    L = ln(ghost + Σ exp(βu))/β. The ghost takes part of the sum for itself: a silent competitor whose drive is
    ln(ghost)/β.
    """

    gain: Any = 1.0
    ghost: Any = 0.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: ClassVar[str] = "1"
    code: ClassVar[int] = 16
    expression: ClassVar[str] = ""
    layerwise: ClassVar[bool] = True
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, gain=("1" if self.unit_in == "1" else f"1/{self.unit_in}", {"above": 0, "finite": True}),
               ghost=("1", {"least": 0, "finite": True}), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain), "ghost": float(self.ghost)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        share, _, total = self._shares(x, threshold)
        return share / total

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        _, top, total = self._shares(x, threshold)
        return ((top + np.log(total)) / float(self.gain))[0]

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r − entropy/β, the ghost's part of the entropy included."""
        r = np.asarray(r)
        entropy = x_log_x(r).sum(axis=0, keepdims=True)
        if float(self.ghost) > 0:
            rest = np.maximum(1 - r.sum(axis=0, keepdims=True), 0)
            entropy = entropy + x_log_x(rest) - rest * float(np.log(float(self.ghost)))
        return (entropy / float(self.gain))[0] + tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        r = self(x, threshold)
        return float(self.gain) * r * (dx - (r * dx).sum(axis=0, keepdims=True))

    def _shares(self, x: np.ndarray, threshold: Threshold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exponentials over the largest one, the logarithm of that, and their sum."""
        z = float(self.gain) * above(x, threshold, self.threshold)
        ghost = float(np.log(float(self.ghost))) if float(self.ghost) > 0 else -np.inf
        top = np.maximum(z.max(axis=0, keepdims=True), ghost)
        share = np.exp(z - top)
        return share, top, share.sum(axis=0, keepdims=True) + np.exp(ghost - top)


@dataclass(frozen=True)
class Spherical:
    """r = gain · (x − θ)/|x − θ|: divisive normalisation by the length; a population without drive is silent.

    L = gain · |u|.
    """

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 17
    expression: ClassVar[str] = ""
    layerwise: ClassVar[bool] = True
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, gain=(self.unit_out, {"above": 0, "finite": True}), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        u = above(x, threshold, self.threshold)
        return float(self.gain) * _over(u, _length(u))

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return (float(self.gain) * _length(above(x, threshold, self.threshold)))[0]

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r inside the ball |r| ≤ gain, where every emission lies; outside it is infinite, which is not checked."""
        return tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Zeros for a population without drive."""
        u = above(x, threshold, self.threshold)
        length = _length(u)
        along = _over(u, length)
        return float(self.gain) * _over(dx - along * (along * dx).sum(axis=0, keepdims=True), length)


@dataclass(frozen=True)
class LayerNorm:
    """r = gain · (x − θ − mean)/√(var + ε), mean and variance over the population; one that is all alike is silent.

    L = n · gain · √(var + ε). One gain for all units: with a gain for each, r would be the gradient of nothing.
    """

    gain: Any = 1.0
    eps: Any = 0.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 18
    expression: ClassVar[str] = ""
    layerwise: ClassVar[bool] = True
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        square = "1" if self.unit_in == "1" else f"{self.unit_in}*{self.unit_in}"
        settle(self, gain=(self.unit_out, {"above": 0, "finite": True}), eps=(square, {"least": 0, "finite": True}),
               threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain), "eps": float(self.eps)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * _over(*self._centred(x, threshold))

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        y, spread = self._centred(x, threshold)
        return (len(y) * float(self.gain) * spread)[0]

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r − n·gain·√(ε(1 − mean(r²)/gain²))."""
        r = np.asarray(r)
        left = np.maximum(1 - np.mean((r / float(self.gain))**2, axis=0, keepdims=True), 0)
        edge = len(r) * float(self.gain) * np.sqrt(float(self.eps) * left)
        return tilt(r, threshold, self.threshold) - edge[0]

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Zeros where there is neither spread nor ε."""
        y, spread = self._centred(x, threshold)
        along = _over(y, spread)
        change = dx - np.mean(dx, axis=0, keepdims=True) - along * np.mean(along * dx, axis=0, keepdims=True)
        return float(self.gain) * _over(change, spread)

    def _centred(self, x: np.ndarray, threshold: Threshold) -> tuple[np.ndarray, np.ndarray]:
        u = above(x, threshold, self.threshold)
        y = u - u.mean(axis=0, keepdims=True)
        return y, np.sqrt(np.mean(y * y, axis=0, keepdims=True) + float(self.eps))


@dataclass(frozen=True)
class Winners:
    """r = 1 for the `number` units with the largest x − θ and 0 for the others; of equals, the first in order wins.

    L = Σ of the `number` largest u.
    """

    number: Any
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: ClassVar[str] = "1"
    code: ClassVar[int] = 19
    expression: ClassVar[str] = ""
    layerwise: ClassVar[bool] = True
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, number=("1", {"least": 1, "finite": True}), threshold=self.unit_in)
        if not float(self.number).is_integer():
            raise DescriptionError(f"Winners.number is {self.number}; give a whole number of winners")

    @property
    def constants(self) -> dict[str, float]:
        return {"number": float(self.number)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """`DescriptionError` if there are fewer units than winners."""
        u = above(x, threshold, self.threshold)
        order = np.argsort(-u, axis=0, kind="stable")
        r = np.zeros_like(u)
        np.put_along_axis(r, order[:self._of(len(u))], 1, axis=0)
        return r

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        u = above(x, threshold, self.threshold)
        return np.sort(u, axis=0)[len(u) - self._of(len(u)):].sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r for 0 ≤ r ≤ 1 with Σr = number, where every emission lies; elsewhere infinite, which is not checked."""
        return tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Zeros: the emission is constant between the ties, and jumps at them."""
        return np.zeros_like(above(x, threshold, self.threshold))

    def _of(self, n: int) -> int:
        if float(self.number) > n:
            raise DescriptionError(f"Winners.number is {self.number}, but the population has {n} units; ask for at "
                                   "most as many winners as there are units")
        return int(float(self.number))


def _length(u: np.ndarray) -> np.ndarray:
    return np.sqrt((u * u).sum(axis=0, keepdims=True))


def _over(u: np.ndarray, length: np.ndarray) -> np.ndarray:
    """u/length, and 0 where the length is 0."""
    return np.where(length > 0, u / np.where(length > 0, length, 1), u.dtype.type(0))
