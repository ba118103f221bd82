"""A wave of single spikes through place cells: how long it takes from each cell to the next.

In a wave that has long been under way each cell fires once, T after the one before, when what it hears of all earlier
ones has brought it from rest to its threshold:

    Σ_k w_k ε(kT − δ) + inhibition + drive = threshold,     ε(t) = (e^{−t/τ} − e^{−t/τ_s})/(τ − τ_s),  t > 0

with w_k the weight of the synapse from the cell k places back and δ the delay: the travelling wave of first passages of
Ermentrout 1998 (J Comput Neurosci 5:191) and Golomb & Amitai 1997 (J Neurophysiol 78:1199), on a lattice. The left side
rises from 0 with T and falls again. So there are two waves, of which the fast one is stable and the slow one is not,
or, if it stays below threshold, none. Interneurons without a time constant hear the synaptic currents of the wave, of
mean 1/T; what they answer is averaged over T, as the membrane is slow against it.

Of a circuit it is asked how its own cells go on after their spike: `again` says how far below threshold they stay.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter

from neuroam.effective.place_circuit import Loop, PlaceCircuit

SHORTEST, LONGEST, TRIED = 1e-4, 0.1, 2000  # seconds from cell to cell, and how many
STEP = 2e-5  # seconds, of what follows a spike


@dataclass(frozen=True, eq=False)
class Wave:
    """`ahead` (K,) are the weights of synapses from the cells 1 to K places back, in volts per hertz; `behind` (K,) of
    those from the cells 1 to K places ahead."""

    places: PlaceCircuit
    ahead: np.ndarray
    behind: np.ndarray
    drive: float = 0.0

    def potential(self, step: np.ndarray | float) -> np.ndarray:
        """Volts above rest that a cell would reach just as its turn comes, if cells fired every `step` seconds."""
        step = np.asarray(step, dtype=float)
        return self._sum(step, np.zeros(()), self._response) + self.drive + self._inhibition(step)

    def steps(self) -> tuple[float, ...]:
        """Seconds from cell to cell: of the fast, stable wave and of the slow one; nothing where there is no wave."""
        tried = np.geomspace(SHORTEST, LONGEST, TRIED)
        over = self.potential(tried) - self.places.threshold
        rises = np.flatnonzero((over[:-1] < 0) & (over[1:] >= 0))
        falls = np.flatnonzero((over[:-1] >= 0) & (over[1:] < 0))
        found = [*rises[:1], *falls[-1:]]
        return tuple(float(brentq(lambda t: float(self.potential(t)) - self.places.threshold, *tried[k: k + 2]))
                     for k in found)

    def again(self, step: float) -> float:
        """Volts that a cell stays below threshold once it has fired in a wave of that step and its refractory period is
        over; below 0, it fires again."""
        cell = self.places.cell
        tau, reset = float(cell.tau), float(cell.reset) - float(cell.rest)
        first = float(cell.refractory)
        times = np.arange(first, first + 10 * self._slowest(), STEP)
        heard = self._sum(step, times, self._kernel) + self.drive + self._inhibition(step)
        for loop in self.places.own:
            heard = heard + _own(loop, times, float(cell.synapse))
        left = np.exp(-STEP / tau)
        v, _ = lfilter([1 - left], [1, -left], heard, zi=[left * reset])
        return float(self.places.threshold - v.max())

    def _slowest(self) -> float:
        return max(float(self.places.cell.tau), *(loop.tau for loop in self.places.own), 0.0)

    def _sum(self, step: np.ndarray | float, times: np.ndarray,
             shape: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What comes from all other cells at `times` after a cell's turn; of the shape of `step` and `times`."""
        delay = self.places.recurrent.delay if self.places.recurrent is not None else 0.0
        total = np.zeros(np.broadcast_shapes(np.shape(step), times.shape))
        for k, (past, coming) in enumerate(zip(self.ahead, self.behind, strict=True), start=1):
            total += past * shape(times + k * step - delay) + coming * shape(times - k * step - delay)
        return total

    def _response(self, t: np.ndarray) -> np.ndarray:
        tau, synapse = float(self.places.cell.tau), float(self.places.cell.synapse)
        late = np.maximum(t, 0)
        if np.isclose(tau, synapse):
            return late / tau**2 * np.exp(-late / tau)
        return (np.exp(-late / tau) - np.exp(-late / synapse)) / (tau - synapse)

    def _kernel(self, t: np.ndarray) -> np.ndarray:
        synapse = float(self.places.cell.synapse)
        return np.where(t > 0, np.exp(-np.maximum(t, 0) / synapse) / synapse, 0.0)

    def _inhibition(self, step: np.ndarray | float) -> np.ndarray:
        synapse = float(self.places.cell.synapse)
        return sum((_mean_answer(loop, np.asarray(step), synapse) for loop in self.places.pools), np.zeros(()))


def _mean_answer(loop: Loop, step: np.ndarray, synapse: float) -> np.ndarray:
    """Of an interneuron over one step of a wave, as its current falls from its peak just after a spike."""
    part = (np.arange(64) + 0.5) / 64
    heard = np.exp(-np.multiply.outer(step, part) / synapse) / (synapse * -np.expm1(-step[..., None] / synapse))
    return loop.answers * loop.emission(loop.hears * heard).mean(axis=-1)


def _own(loop: Loop, times: np.ndarray, synapse: float) -> np.ndarray:
    """The cell's own afterhyperpolarisation at `times` after its spike."""
    x = (np.exp(-times / loop.tau) - np.exp(-times / synapse)) / (loop.tau - synapse)
    return loop.answers * loop.emission(loop.hears * x)
