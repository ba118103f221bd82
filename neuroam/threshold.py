"""What every transfer function does alike: it checks its numbers, takes the threshold θ off the drive, and carries θ
into its conjugate, since the Legendre transform of L(x − θ) is that of L(x) plus θ·r (Rockafellar 1970, section 12).

Units run along the first axis of every array. Nothing here widens a float32.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from neuroam.units import parameter

Threshold = np.ndarray | float | None


def settle(transfer: object, **rules: str | tuple[str, dict[str, Any]]) -> None:
    """Each named field as a checked `Parameter`: its unit, or its unit and the bounds of `parameter`."""
    for name, rule in rules.items():
        unit, bounds = (rule, {}) if isinstance(rule, str) else rule
        value = parameter(getattr(transfer, name), unit, f"{type(transfer).__name__}.{name}", **bounds)
        object.__setattr__(transfer, name, value)


def above(x: np.ndarray | float, threshold: Threshold, own: Any) -> np.ndarray:
    """x − θ, of the precision of x. θ is `own` if no threshold is given, else one number, (n,) or (n, 1)."""
    x = _real(x)
    return x - _theta(x, threshold, own)


def tilt(r: np.ndarray, threshold: Threshold, own: Any) -> np.ndarray:
    """θ·r for each trial: (n,) → one number, (n, trials) → (trials,)."""
    r = _real(r)
    return (r * _theta(r, threshold, own)).sum(axis=0)


def x_log_x(r: np.ndarray) -> np.ndarray:
    """r ln r, which is 0 at 0; so are values that rounding took below 0."""
    some = r > 0
    return np.where(some, r * np.log(np.where(some, r, 1)), r.dtype.type(0))


def _real(x: np.ndarray | float) -> np.ndarray:
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _theta(x: np.ndarray, threshold: Threshold, own: Any) -> np.ndarray:
    theta = np.asarray(float(own) if threshold is None else threshold, dtype=x.dtype)
    one_each = theta.ndim > 0 and theta.size == len(theta) and x.ndim > 0
    return theta.reshape(-1, *[1] * (x.ndim - 1)) if one_each else theta
