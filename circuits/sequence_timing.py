"""When a sequence moves on: how strongly each motif must drive the next one to last as long as it should.

Binary visible neurons are in motif μ from time 0 on, before in μ − 1 for T_{μ−1}, and so on. The slow path to the
neurons that drive transitions responds to a step by u(t):

    low-pass τ     u = 1 − (τ e^{−t/τ} − τ_h e^{−t/τ_h}) / (τ − τ_h)                      1 − e^{−t/τ} for τ_h → 0
    delays kD      u = Σ_k [1 − e^{−(t − kD)/τ_h}]₊ / n,  k = 1 … n                       a step at D for n = 1, τ_h → 0

where τ_h is the time constant of those neurons. So neuron ν of them hears

    x_ν(t) = Σ_k O_{ν,μ−k} [u(t + A_k) − u(t + A_{k−1})]        A_k = T_{μ−1} + … + T_{μ−k}, u(t + A_{−1}) = 0

with O the overlaps of the motifs, 1 and 0 if they are orthogonal. Visible neurons that differ between μ and μ + 1 have
the potential 1 + λ_{μ−1} F_{μ−1}(t) − λ_μ F_μ(t), with F_ν(t) = ∫₀ᵗ e^{−(t − s)/τ_v} f(x_ν(s)) ds/τ_v: 1 is what holds
the motif, F_{μ−1} what still pushes towards it. They flip where that is 0, so that motif μ lasts T_μ with

    λ_μ = [1 + λ_{μ−1} F_{μ−1}(T_μ)] / F_μ(T_μ)          1 / f(1 − e^{−T/τ}) for τ_h, τ_v → 0 and T ≫ τ

Crosstalk between the P motifs, of standard deviation σ (that of what holds or of what moves on, the larger), moves that
time by at most σ √2 / (λ F′). Reachable are the times at which that is below PRECISION of them, at strengths λ that
neither let crosstalk flip a neuron (CLEAR of it stay below what holds) nor exceed STRONGEST. That holds for rates; what
the spikes of pools leave of it is in `sequence_noise`.
"""
from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.units import Cited, quantity, si

CLEAR = 5.0  # standard deviations of the crosstalk
PRECISION = 0.005  # of a dwell time; two motifs that happen to be alike move it some ten times as far
STRONGEST = 20.0  # times what holds a motif
POINTS = 2000  # of the integral over the last MEMORY time constants
MEMORY = 15.0
LONGEST = 20.0  # slow time constants after which nothing changes any more
NUMBER_AND_UNIT = r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)[ *]*(.*)"

Separation = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Timing:
    """The slow path and the neurons around it; times in seconds, `noise` is σ. `delay` 0: a low-pass of `lowpass`; else
    `copies` of what the visible neurons emit, `delay` apart."""

    separation: Separation
    visible: float
    hidden: float
    lowpass: float
    delay: float
    copies: int
    noise: float

    @property
    def slowest(self) -> float:
        return self.delay * self.copies if self.delay else self.lowpass

    def response(self, t: np.ndarray) -> np.ndarray:
        """u(t), 0 before time 0."""
        late = np.maximum(t, 0)
        if self.delay:
            since = [np.maximum(late - k * self.delay, 0) for k in range(1, self.copies + 1)]
            return np.mean([-np.expm1(-s / self.hidden) for s in since], axis=0)
        slow, fast = self.lowpass, self.hidden * (1 + 1e-6)  # never quite alike, so that the formula holds
        return 1 - (slow * np.exp(-late / slow) - fast * np.exp(-late / fast)) / (slow - fast)

    def strengths(self, dwell: np.ndarray, overlaps: np.ndarray | None = None) -> np.ndarray:
        """λ of each motif of a ring that lasts `dwell` (motifs,), given the `overlaps` of all motifs, or orthogonal
        ones."""
        overlaps = np.eye(len(dwell)) if overlaps is None else overlaps
        own = np.array([self._heard(dwell, k, overlaps[k]) for k in range(len(dwell))])
        last = 0 * own
        if len(dwell) > 1:
            last = np.array([self._heard(dwell, k, overlaps[k - 1]) for k in range(len(dwell))])
        strength = 1 / own
        for _ in range(2):  # once more, with the last motifs before the first
            for k in range(len(dwell)):
                strength[k] = (1 + strength[k - 1] * last[k]) / own[k]
        return strength

    def _heard(self, dwell: np.ndarray, motif: int, overlaps: np.ndarray) -> float:
        """F of a neuron whose pattern has these overlaps with all motifs, at the end of one of them."""
        end = dwell[motif]
        t = np.linspace(max(end - MEMORY * self.visible, 0.0), end, POINTS)
        x, since, k = overlaps[motif] * self.response(t), t, motif
        while since[0] < LONGEST * self.slowest:
            k -= 1
            earlier = since + dwell[k % len(dwell)]
            x = x + overlaps[k % len(dwell)] * (self.response(earlier) - self.response(since))
            since = earlier
        return self._followed(t, self.separation(x))

    def _followed(self, t: np.ndarray, drive: np.ndarray) -> float:
        """What visible neurons have followed at the last of times t; 1 for ever is followed exactly."""
        weight = np.exp((t - t[-1]) / self.visible)
        whole = 1.0 if t[0] > 0 else -math.expm1(-t[-1] / self.visible)
        return float(whole * np.trapezoid(weight * drive, t) / np.trapezoid(weight, t))

    def _alone(self, time: float) -> float:
        """F of a motif before which there was nothing."""
        t = np.linspace(max(time - MEMORY * self.visible, 0.0), time, POINTS)
        return self._followed(t, self.separation(self.response(t)))

    def reachable(self) -> tuple[float, float]:
        """The shortest and the longest dwell time; (nan, nan) if there is none."""
        return _reachable(self)

    def require(self, dwell: np.ndarray, degrees: str) -> None:
        """Raise a `DescriptionError` that names the dwell times within reach, where one of these is not."""
        low, high = self.reachable()
        wrong = np.flatnonzero(~((dwell >= low) & (dwell <= high)))
        if wrong.size:
            reach = f"from {1e3 * low:.3g} to {1e3 * high:.3g} ms" if low < high else "of no length at all"
            path = f"delays of {1e3 * self.delay:g} ms" if self.delay else f"a low-pass of {1e3 * self.lowpass:g} ms"
            raise DescriptionError(f"sequence: motif {wrong[0] + 1} cannot last {1e3 * dwell[wrong[0]]:g} ms; with "
                                   f"{path} and {degrees} motifs {reach} are within reach (of rates; spikes "
                                   "narrow it); give such dwell times, another path, higher degrees, or more cells")


@functools.lru_cache(maxsize=64)
def _reachable(timing: Timing) -> tuple[float, float]:
    times = np.linspace(0, LONGEST * timing.slowest, 4001)[1:]
    coarse = times[::20]
    needed = -np.log(np.maximum([timing._alone(t) for t in coarse], 1e-300))
    strength = np.exp(np.interp(times, coarse, needed))
    slope = -np.gradient(np.log(strength), times)  # F'/F
    clear = (strength - 1 > CLEAR * timing.noise * np.hypot(1, strength)) & (CLEAR * timing.noise * strength < 1)
    exact = math.sqrt(2) * timing.noise < PRECISION * times * slope
    fine = times[clear & exact & (strength <= STRONGEST)]
    return (float(fine[0]), float(fine[-1])) if fine.size else (math.nan, math.nan)


def dwell_times(given: Any, motifs: int) -> np.ndarray:
    """Seconds, one for each motif, from ``"100,200,150 ms"``, ``200*ms`` or ``[100*ms, 200*ms, 150*ms]``; one time is
    that of all motifs."""
    found = _written(given) if isinstance(given, str) else _quantities(given)
    if len(found) not in (1, motifs) or not ((found > 0) & np.isfinite(found)).all():
        raise DescriptionError(f"sequence: dwell is {_shown(given)}; give one time above 0 for all motifs, as "
                               f"'200 ms', or {motifs} of them, as '100,200,150 ms'")
    return np.broadcast_to(found, (motifs,)).copy()


def _written(text: str) -> np.ndarray:
    """Seconds as written; a number without a unit has that of the last one."""
    items = [re.fullmatch(NUMBER_AND_UNIT, item.strip()) for item in text.split(",")]
    unit = items[-1].group(2) if items[-1] else ""
    try:
        times = [quantity(f"{item.group(1)} {item.group(2) or unit}") for item in items if item]
    except ValueError:
        times = []
    if len(times) < len(items) or not unit:
        raise DescriptionError(f"sequence: dwell is {text!r}; write one time for all motifs, as '200 ms', or one for "
                               "each, as '100,200,150 ms'")
    return _quantities(times)


def _quantities(given: Any) -> np.ndarray:
    """Seconds of a quantity, an array with a unit, or a sequence of quantities."""
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    plain = [one.quantity if isinstance(one, Cited) else one for one in several]
    return np.concatenate([np.zeros(0), *(np.ravel(si(one, "second", "sequence: dwell")) for one in plain)])


def _shown(given: Any) -> str:
    if isinstance(given, (list, tuple)):
        return f"({', '.join(map(str, given))})"
    return repr(given) if isinstance(given, str) else str(given)
