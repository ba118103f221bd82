"""Firing rate of leaky integrate-and-fire cells whose potential fluctuates.

    1/r = t_ref + τ √π ∫ e^{u²} (1 + erf u) du,    from (reset − μ)/(√2 σ) to (threshold − μ)/(√2 σ)

for a potential that would, without a threshold, have the mean μ and the standard deviation σ (Siegert 1951, Phys Rev
81:617; Brunel 2000, J Comput Neurosci 8:183, whose σ is √2 times this one). It is exact where the input is white noise.
For σ → 0 it is the curve of a constant drive.
"""
from __future__ import annotations

import functools

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.special import erfcx

LOWEST, HIGHEST, STEP = -40.0, 6.0, 1e-3  # a cell whose threshold is beyond 6 never fires
FAINTEST = 1e-9  # volt: less than this the potential always fluctuates


def siegert(mean: np.ndarray, deviation: np.ndarray, tau: np.ndarray | float, threshold: np.ndarray | float,
            reset: float, refractory: float) -> np.ndarray:
    """Rate in hertz; potentials in volts, times in seconds, arrays of one shape or numbers."""
    width = np.sqrt(2) * np.maximum(deviation, FAINTEST)
    last = (threshold - mean) / width
    passage = np.where(last < HIGHEST, integral(last) - integral((reset - mean) / width), np.inf)
    return 1 / (refractory + tau * passage)


def integral(y: np.ndarray) -> np.ndarray:
    """√π ∫ e^{u²} (1 + erf u) du from −40 to y; y beyond 6 counts as 6."""
    y = np.asarray(y, dtype=float)
    grid, values = _table()
    far = np.minimum(y, LOWEST)
    # e^{u²} (1 + erf u) → −(1 − 1/(2u²)) / (√π u)
    beyond = np.log(LOWEST / far) + (1 / LOWEST**2 - 1 / far**2) / 4
    return np.where(y < LOWEST, beyond, np.interp(y, grid, values))


@functools.cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(LOWEST, HIGHEST, round((HIGHEST - LOWEST) / STEP) + 1)
    return grid, cumulative_trapezoid(np.sqrt(np.pi) * erfcx(-grid), grid, initial=0.0)
