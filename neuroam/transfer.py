"""Transfer functions g: from drive to emission, r = g(x). Each is written for numpy and, as text, for Brian2.

Each is the gradient r = ∂L/∂x of the Lagrangian L in its docstring, u = x − θ, summed over units (Krotov & Hopfield
2021; Krotov 2021). `lagrangian` is L; `conjugate` is its Legendre transform L*(r) = x·g(x) − L(x) written in the
emission alone; `jvp` is (∂²L/∂x²) dx. From these come energies: E = Σ L*(r) − ½ r·W·r − I·r of symmetric circuits.
LIFCurve alone has no L in closed form (`has_energy`).

Arrays are (n,) or (n, trials); L and L* lose the first axis. float32 stays float32. Every transfer function may have a
threshold of its own for each unit; it is passed as an array, (n,) or (n, 1). `code` is the function's number in the
compiled kernels (`neuroam.solvers._kernels.emission`) and `constants` what they read, in order; a test holds the three
forms together. Functions of a whole population (`layerwise`) are in `neuroam.layer_transfer`.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError, Unsupported
from neuroam.layer_transfer import LayerNorm, Softmax, Spherical, Winners
from neuroam.threshold import Threshold, above, settle, tilt, x_log_x
from neuroam.units import Parameter

__all__ = ["Exponential", "LIFCurve", "LayerNorm", "Linear", "Power", "Rectified", "Sign", "Softmax", "Spherical",
           "Tanh", "Transfer", "Winners"]


@dataclass(frozen=True)
class Linear:
    """r = gain · (x − θ), of either sign.

    L = gain · u²/2.
    """

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 0
    expression: ClassVar[str] = "gain*(x - threshold)"
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, gain=(_gain_unit(self), {"finite": True}), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * above(x, threshold, self.threshold)

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return (float(self.gain) / 2 * above(x, threshold, self.threshold)**2).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r + r²/(2 gain)."""
        return (np.asarray(r)**2 / (2 * float(self.gain))).sum(axis=0) + tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * np.asarray(dx)


@dataclass(frozen=True)
class Rectified:
    """r = gain · [x − θ]₊.

    L = gain · [u]₊²/2.
    """

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 1
    expression: ClassVar[str] = "gain*clip(x - threshold, 0*{unit_in}, inf*{unit_in})"
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, gain=(_gain_unit(self), {"finite": True}), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * np.maximum(above(x, threshold, self.threshold), 0)

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return (float(self.gain) / 2 * np.maximum(above(x, threshold, self.threshold), 0)**2).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r + r²/(2 gain) for emissions, which are of the sign of the gain."""
        return (np.asarray(r)**2 / (2 * float(self.gain))).sum(axis=0) + tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """The slope at threshold is 0."""
        u = above(x, threshold, self.threshold)
        return np.where(u > 0, u.dtype.type(float(self.gain)), u.dtype.type(0)) * dx


@dataclass(frozen=True)
class Tanh:
    """r = tanh(gain · (x − θ)), dimensionless; for an infinite gain use `Sign`.

    L = ln cosh(gain · u)/gain.
    """

    gain: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: ClassVar[str] = "1"
    code: ClassVar[int] = 2
    expression: ClassVar[str] = "tanh(gain*(x - threshold))"
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, gain=(_gain_unit(self), {"above": 0, "finite": True}), threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return np.tanh(float(self.gain) * above(x, threshold, self.threshold))

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        z = np.abs(float(self.gain) * above(x, threshold, self.threshold))
        return ((z + np.log1p(np.exp(-2 * z)) - float(np.log(2))) / float(self.gain)).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r + ½[(1 + r) ln(1 + r) + (1 − r) ln(1 − r)]/gain."""
        r = np.asarray(r)
        return ((x_log_x(1 + r) + x_log_x(1 - r)) / (2 * float(self.gain))).sum(axis=0) + tilt(
            r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * (1 - self(x, threshold)**2) * dx


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
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = False

    def __post_init__(self) -> None:
        settle(self, tau="second", threshold="volt", reset="volt", refractory="second")

    @property
    def constants(self) -> dict[str, float]:
        return {"tau": float(self.tau), "reset": float(self.reset), "refractory": float(self.refractory)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return self._where_it_fires(x, threshold)[0]

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Always `Unsupported`."""
        raise _no_energy()

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Always `Unsupported`."""
        raise _no_energy()

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """dr/dx = r²τ(1/(x − θ) − 1/(x − v_reset)) above threshold, where it begins infinite; 0 up to it."""
        return self._where_it_fires(x, threshold)[1] * dx

    def _where_it_fires(self, x: np.ndarray, threshold: Threshold) -> tuple[np.ndarray, np.ndarray]:
        """The curve and its slope."""
        u = above(x, threshold, self.threshold)
        x = np.broadcast_to(np.asarray(x, u.dtype), u.shape)
        rate, slope = np.zeros_like(u), np.zeros_like(u)
        on = u > 0
        over, from_reset = u[on], x[on] - float(self.reset)
        rate[on] = 1 / (float(self.refractory) + float(self.tau) * np.log(from_reset / over))
        slope[on] = rate[on]**2 * float(self.tau) * (1 / over - 1 / from_reset)
        return rate, slope


@dataclass(frozen=True)
class Power:
    """r = gain · [x − θ]₊ⁿ; not rectified, r = gain · sign(x − θ) |x − θ|ⁿ, which is xⁿ for odd n.

    L = gain · |u|ⁿ⁺¹/(n + 1), over u > 0 alone if rectified. n > 0 is real, but whole if not rectified, and whole if
    the drive has a unit, so that the gain, unit_out/unit_inⁿ, has one too.
    """

    gain: Any = 1.0
    power: Any = 2.0
    rectified: bool = True
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 4
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, power=("1", {"above": 0, "finite": True}), threshold=self.unit_in)
        if not float(self.power).is_integer() and not (self.rectified and self.unit_in == "1"):
            wish = "a drive without a unit" if self.rectified else "rectified=True"
            raise DescriptionError(f"Power.power is {self.power}; give a whole number, or {wish}")
        settle(self, gain=(self._gain_unit(), {"above": 0, "finite": True}))

    @property
    def expression(self) -> str:
        """A whole power stands as a number, because Brian2 works out units from it."""
        power = str(int(float(self.power))) if float(self.power).is_integer() else "power"
        if self.rectified:
            return f"gain*clip(x - threshold, 0*{{unit_in}}, inf*{{unit_in}})**{power}"
        return f"gain*sign(x - threshold)*abs(x - threshold)**{power}"

    @property
    def below(self) -> Parameter:
        """What the power of |x − θ| is multiplied with below threshold."""
        return Parameter(0.0 if self.rectified else -1.0, "1", "definition")

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain), "power": float(self.power), "below": float(self.below)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        u = self._driven(x, threshold)
        return float(self.gain) * np.sign(u) * np.abs(u)**float(self.power)

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        n = float(self.power)
        return (float(self.gain) / (n + 1) * np.abs(self._driven(x, threshold))**(n + 1)).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r + gain · n/(n + 1) · |r/gain|^(1 + 1/n) for emissions."""
        n, gain = float(self.power), float(self.gain)
        return (gain * n / (n + 1) * np.abs(np.asarray(r) / gain)**(1 + 1 / n)).sum(axis=0) + tilt(
            r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """The slope at threshold is 0 if rectified, or where n < 1 makes it infinite."""
        n, u = float(self.power), np.abs(self._driven(x, threshold))
        slope = np.where(u > 0, np.where(u > 0, u, 1)**(n - 1), u.dtype.type(n == 1 and not self.rectified))
        return float(self.gain) * n * slope * dx

    def _driven(self, x: np.ndarray, threshold: Threshold) -> np.ndarray:
        u = above(x, threshold, self.threshold)
        return np.maximum(u, 0) if self.rectified else u

    def _gain_unit(self) -> str:
        if self.unit_in == "1":
            return self.unit_out
        n = int(float(self.power))
        out, times = ("1", n - 1) if self.unit_in == self.unit_out else (self.unit_out, n)
        return out + f"/{self.unit_in}" * times


@dataclass(frozen=True)
class Exponential:
    """r = gain · exp(slope · (x − θ)).

    L = gain/slope · exp(slope · u).
    """

    gain: Any = 1.0
    slope: Any = 1.0
    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: str = "1"
    code: ClassVar[int] = 5
    expression: ClassVar[str] = "gain*exp(slope*(x - threshold))"
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bounds = {"above": 0, "finite": True}
        settle(self, gain=(self.unit_out, bounds), threshold=self.unit_in,
               slope=("1" if self.unit_in == "1" else f"1/{self.unit_in}", bounds))

    @property
    def constants(self) -> dict[str, float]:
        return {"gain": float(self.gain), "slope": float(self.slope)}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.gain) * np.exp(float(self.slope) * above(x, threshold, self.threshold))

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return (self(x, threshold) / float(self.slope)).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r + (r ln(r/gain) − r)/slope."""
        r = np.asarray(r)
        q = r / float(self.gain)
        return (float(self.gain) * (x_log_x(q) - q) / float(self.slope)).sum(axis=0) + tilt(
            r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return float(self.slope) * self(x, threshold) * dx


@dataclass(frozen=True)
class Sign:
    """r = sign(x − θ), +1 at threshold, dimensionless: Tanh at infinite gain.

    L = |u|.
    """

    threshold: Any = 0.0
    unit_in: str = "1"
    unit_out: ClassVar[str] = "1"
    code: ClassVar[int] = 6
    expression: ClassVar[str] = "2*int(x >= threshold) - 1"
    layerwise: ClassVar[bool] = False
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, threshold=self.unit_in)

    @property
    def constants(self) -> dict[str, float]:
        return {}

    def __call__(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        u = above(x, threshold, self.threshold)
        return np.where(u >= 0, u.dtype.type(1), u.dtype.type(-1))

    def lagrangian(self, x: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        return np.abs(above(x, threshold, self.threshold)).sum(axis=0)

    def conjugate(self, r: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """θ·r for −1 ≤ r ≤ 1; elsewhere infinite, which is not checked."""
        return tilt(r, threshold, self.threshold)

    def jvp(self, x: np.ndarray, dx: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Zeros: the emission is constant but for the jump at threshold."""
        return np.zeros_like(above(x, threshold, self.threshold))


Transfer = (Linear | Rectified | Tanh | LIFCurve | Power | Exponential | Sign
            | Softmax | Spherical | LayerNorm | Winners)


def _gain_unit(transfer: Linear | Rectified | Tanh) -> str:
    if transfer.unit_in == transfer.unit_out:
        return "1"
    return f"{transfer.unit_out}/{transfer.unit_in}"


def _no_energy() -> Unsupported:
    return Unsupported("LIFCurve has no Lagrangian in closed form, because 1/(t_ref + τ ln(…)) has no elementary "
                       "integral, and so no energy; give the population a Rectified or Power transfer fitted to it")
