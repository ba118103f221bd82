"""How far the spikes of pools move the times at which a sequence moves on.

A pool of M neurons that emits r at a hazard c r has the noise of its spikes, white, of intensity r/(M c). Visible
neurons that differ between motif μ and the next have the potential 1 − λ F(t) in the mean (`sequence_timing`), and hear
the noise of the neuron that holds, of the one that moves on, and, through both, of the N visible ones (half of them at
2 c, half at 0):

    S(t) = [1 + λ² F(t) + f_S′(1)²/N + κ λ² f_A′(1)²/N] / (M c)           σ² = S / 2τ_v

with κ = τ_v/τ behind a low-pass and 1/n over n delays (2/n through axons, which are pools as well). All of it is common
to these neurons, whose first excursion below 0 turns them all, and with them what holds: the motif ends at the first
passage of a process of correlation time τ_v through a barrier z(t) = (1 − λ F)/σ that comes closer. Sampled at steps δ
(the hidden neurons do not hear shorter excursions), it crosses with probability

    q = P(x < z, x′ ≥ z′) / P(x < z)        x, x′ standard normal of correlation e^{−δ/τ_v}, z′ the barrier a step later

in a step, which takes its passage to be independent of those before. From it come mean and standard deviation of a
dwell time. Where the barrier is steep the latter is σ/|λ F′|, the noise over the slope; where it is flat, as late in a
long motif, the mean comes early as well.
"""
from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import ndtr

from neuroam.circuits.sequence_timing import MEMORY, Separation, Timing
from neuroam.errors import DescriptionError

PRECISION = 0.05  # of a dwell time: root mean square deviation of single visits
STEP = 0.1  # δ over the visible time constant
CORRELATION = float(np.exp(-STEP))
LONGER = 1.5  # dwell times, after which all have moved on
MOST = 1e6  # neurons a pool: no larger one is looked for
FEWEST = 100
GRID = np.linspace(-9, 9, 241)
NEAR = np.linspace(-6, 10, 161)  # barriers; below these the passage is certain, beyond them there is none
NEARER = np.linspace(0, 4, 41)  # by how much a barrier can come closer in a step


@functools.cache
def _crossing(correlation: float) -> np.ndarray:
    """q at the barriers NEAR that come closer by NEARER."""
    before, after = NEAR[:, None, None], NEAR[:, None, None] - NEARER[:, None]
    weight = np.exp(-GRID**2 / 2) * (before > GRID)
    crossed = ndtr((correlation * GRID - after) / np.sqrt(1 - correlation**2))
    return (weight * crossed).sum(axis=-1) / weight.sum(axis=-1)


def passing(barrier: np.ndarray, correlation: float) -> np.ndarray:
    """q of each step, for barriers (steps,) that come closer."""
    closer = np.maximum(-np.diff(barrier, append=barrier[-1:]), 0)
    places = [(barrier - NEAR[0]) / (NEAR[1] - NEAR[0]), closer / NEARER[1]]
    found = map_coordinates(_crossing(correlation), places, order=1, mode="nearest")
    return np.where(barrier < NEAR[0], 1.0, np.where(barrier > NEAR[-1], 0.0, found))


@dataclass(frozen=True)
class Blur:
    """Noise of the pools around a `timing`: neurons that fire at `ceiling` (hertz) for an emission of 1, `neurons`
    visible pools, and `hold`, what the hidden neurons that hold make of an overlap."""

    timing: Timing
    hold: Separation
    ceiling: float
    neurons: float

    def expected(self, lasts: float, pool: float) -> tuple[float, float]:
        """Mean and standard deviation, seconds, of a motif that should last `lasts`, with `pool` neurons a pool."""
        t, barrier = self._barrier(lasts)
        return _moments(t, passing(barrier * np.sqrt(pool), CORRELATION))

    def miss(self, lasts: float, pool: float) -> float:
        """Root mean square deviation of single visits, over `lasts`."""
        mean, spread = self.expected(lasts, pool)
        return float(np.hypot(mean - lasts, spread) / lasts)

    def needed(self, lasts: float) -> float:
        """Neurons a pool must have, to two figures; infinite if more than MOST."""
        few, many = 0.0, float(np.log10(MOST))
        if self.miss(lasts, MOST) > PRECISION:
            return np.inf
        while many - few > 1e-3:
            half = (few + many) / 2
            few, many = (few, half) if self.miss(lasts, 10**half) <= PRECISION else (half, many)
        figure = 10**(np.floor(many) - 1)
        return float(np.ceil(10**many / figure) * figure)

    def reachable(self, pool: float) -> tuple[float, float]:
        """The shortest and the longest dwell time, seconds, that pools keep to within PRECISION; (nan, nan) if there is
        none."""
        low, high = self.timing.reachable()
        times = np.linspace(low, high, 25)
        kept = np.flatnonzero([low < high and self.miss(t, pool) <= PRECISION for t in times])
        if not kept.size:
            return np.nan, np.nan
        ends = (self._border(times[k], times[min(max(k + step, 0), len(times) - 1)], pool)
                for k, step in ((kept[0], -1), (kept[-1], 1)))
        low, high = ends
        return low, high

    def _border(self, inside: float, outside: float, pool: float) -> float:
        """Where pools cease to keep to a time, to .1 ms."""
        while abs(outside - inside) > 1e-4:
            half = (inside + outside) / 2
            inside, outside = (half, outside) if self.miss(half, pool) <= PRECISION else (inside, half)
        return float(inside)

    def pool(self, dwell: np.ndarray) -> float:
        """Neurons a pool must have for all of these dwell times, and at least FEWEST; infinite if more than MOST."""
        return max(FEWEST, *(self.needed(t) for t in {dwell.min(), dwell.max()}))

    def require(self, dwell: np.ndarray, pool: int) -> None:
        """Raise a `DescriptionError` where pools of `pool` neurons blur one of these dwell times."""
        worst = max((self.miss(t, pool), t) for t in (dwell.min(), dwell.max()))
        if worst[0] > PRECISION:
            low, high = self.reachable(pool)
            keep = f"keep to times from {1e3 * low:.3g} to {1e3 * high:.3g} ms" if low < high else "keep to no time"
            enough = self.pool(dwell)
            cure = f"give pool={enough:g} or more" if np.isfinite(enough) else f"no pool of {MOST:g} would do, either"
            raise DescriptionError(
                f"sequence: pool is {pool}, and the spikes of so few move the end of a motif of {1e3 * worst[1]:g} ms "
                f"by {100 * worst[0]:.2g} %; such pools {keep} within {100 * PRECISION:g} %; {cure}, or leave pool "
                "out where nothing spikes")

    def _barrier(self, lasts: float) -> tuple[np.ndarray, np.ndarray]:
        """Times, and the barrier of pools of one neuron."""
        step = STEP * self.timing.visible
        t = np.arange(1, int(LONGER * lasts / step) + 2) * step
        followed = self._followed(t)
        strength = 1 / np.interp(lasts, t, followed)
        noise = 1 + strength**2 * followed + (_slope(self.hold)**2 + self._path() * strength**2 * _slope(
            self.timing.separation)**2) / self.neurons
        return t, (1 - strength * followed) / np.sqrt(noise / (2 * self.timing.visible * self.ceiling))

    def _followed(self, t: np.ndarray) -> np.ndarray:
        """F at equal steps of time."""
        drive = self.timing.separation(self.timing.response(t - t[0] / 2))
        fading = np.exp(-STEP * np.arange(round(MEMORY / STEP))) * -np.expm1(-STEP)
        return np.convolve(drive, fading)[:len(t)]

    def _path(self) -> float:
        timing = self.timing
        return (2 if timing.copies > 1 else 1) / timing.copies if timing.delay else timing.visible / timing.lowpass


def _moments(t: np.ndarray, passing: np.ndarray) -> tuple[float, float]:
    left = np.concatenate([[1.0], np.cumprod(1 - passing)])
    chance = -np.diff(left)
    chance[-1] += left[-1]
    mean = float(chance @ t)
    return mean, float(np.sqrt(chance @ (t - mean)**2))


def _slope(separation: Separation) -> float:
    """Of a function of the overlap, at 1."""
    low, high = separation(np.array([1 - 1e-5, 1 + 1e-5]))
    return float(high - low) / 2e-5
