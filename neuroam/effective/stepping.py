"""Steps of an effective model, in arrays that are used again: no step takes memory.

States run side by side, arrays (n, n_states), in the precision of the model; matrix products are BLAS's, on one thread.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from neuroam.effective import _kernels_stepping as k
from neuroam.solvers._kernels_layer import line, rectify, relax
from neuroam.solvers.emission import renewal
from neuroam.transfer import Exponential, Linear, Power, Rectified, Transfer

if TYPE_CHECKING:
    from neuroam.effective.model import EffectiveModel


class Steps:
    """`state` and what it `heard` at the last call of `hear`, which follows the state in place."""

    def __init__(self, model: EffectiveModel, states: np.ndarray, drive: np.ndarray) -> None:
        dtype, hidden = np.dtype(model.dtype), len(model.similarity)
        self.model, self.state = model, np.array(states.T, dtype, order="C")
        shape = self.state.shape
        self.emitted, self.heard, self.spare = (np.zeros(shape, dtype) for _ in range(3))
        self.similar, self.answer = (np.zeros((hidden, shape[1]), dtype) for _ in range(2))
        self.share, self.moved = np.zeros((2, shape[1]), dtype)
        self.going, self.running = np.ones((2, shape[1]), bool)
        self.drive = np.array(np.broadcast_to(drive, states.shape).T, dtype, order="C") if drive.any() else None
        gain = np.broadcast_to(model.gain, shape[:1]).astype(dtype)
        self._emit = renewal(model.activation, model.threshold, gain, self.state, self.emitted)
        silent = bool(np.isposinf(model.hidden_threshold).all())  # no cell answers, and there is none to be softmax of
        self._separate = (lambda: None) if silent else renewal(
            model.separation, model.hidden_threshold, np.ones(hidden, dtype), self.similar, self.answer)

    def emit(self) -> None:
        """g of the states, and how similar that is to what hidden neurons store."""
        self._emit()
        np.matmul(self.model.similarity, self.emitted, out=self.similar)

    def hear(self) -> None:
        """heard = P f(S g(v)) + (L g(v) + I), the latter times the competitor's share where it is divided."""
        self.emit()
        self._separate()
        np.matmul(self.model.projection, self.answer, out=self.heard)
        if self.model.lateral is not None:
            np.matmul(self.model.lateral, self.emitted, out=self.spare)
            if self.drive is not None:
                np.add(self.spare, self.drive, out=self.spare)
        elif self.drive is not None:
            np.copyto(self.spare, self.drive)
        else:
            return
        if self.model.divides:
            k.leave_the_rest(self.spare, self.answer, self.share)
        np.add(self.heard, self.spare, out=self.heard)

    def flow(self, fraction: float) -> None:
        """The states go this fraction of the way to what they hear."""
        self.hear()
        relax(self.state, self.heard, self.state.dtype.type(fraction))

    def settle(self, tolerance: float, counts: np.ndarray) -> bool:
        """The synchronous update; adds 1 to `counts` of states that never yet moved by `tolerance` at most in any
        component. Whether any moved by more."""
        self.hear()
        moves = self.measure(self.heard, tolerance)
        np.logical_and(self.running, self.going, out=self.running)
        np.add(counts, self.running, out=counts)
        np.copyto(self.state, self.heard)
        return moves

    def measure(self, other: np.ndarray, tolerance: float) -> bool:
        """Whether the states are further than `tolerance` from others; `going` says which."""
        np.subtract(other, self.state, out=self.spare)
        np.abs(self.spare, out=self.spare)
        np.max(self.spare, axis=0, out=self.moved)
        np.greater(self.moved, tolerance, out=self.going)
        return bool(self.going.any())


class Descent:
    """Single flips of binary states: what each gains of the energy, L_h(S g) and the rest."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        steps.emit()
        self.flipped = np.zeros_like(steps.similar)
        self.before, self.after = np.zeros((2, steps.state.shape[1]), steps.state.dtype)
        self.better = np.zeros(steps.state.shape[1], bool)
        theta = steps.model.hidden_threshold
        self._before = lagrangian_into(steps.model.separation, theta, steps.similar, self.before)
        self._after = lagrangian_into(steps.model.separation, theta, self.flipped, self.after)

    def flip(self, i: int) -> bool:
        """Turns neuron i over where that lowers the energy; whether it did in any state."""
        steps, model = self.steps, self.steps.model
        emitted = steps.emitted[i]
        k.turn_over(steps.similar, model.similarity, i, emitted, self.flipped)
        self._before()
        self._after()
        np.subtract(self.after, self.before, out=self.after)
        if model.lateral is not None:  # what it hears from the others
            np.dot(model.lateral[i], steps.emitted, out=steps.share)
            np.multiply(emitted, model.lateral[i, i], out=self.before)
            np.subtract(steps.share, self.before, out=steps.share)
        else:
            steps.share[:] = 0
        np.subtract(steps.share, model.threshold[i], out=steps.share)
        np.multiply(steps.share, emitted, out=steps.share)
        np.multiply(steps.share, -2, out=steps.share)
        np.add(self.after, steps.share, out=self.after)
        np.greater(self.after, 0, out=self.better)
        np.negative(steps.state[i], out=steps.state[i], where=self.better)
        np.negative(emitted, out=emitted, where=self.better)
        np.copyto(steps.similar, self.flipped, where=self.better)
        return bool(self.better.any())


def lagrangian_into(transfer: Transfer, threshold: np.ndarray, x: np.ndarray, out: np.ndarray) -> Callable[[], None]:
    """A function that writes the Lagrangian of `x` (n, n_states) to `out` (n_states,), in place for functions that look
    at each cell alone."""
    work, each, one = np.zeros_like(x), np.ones(len(x), x.dtype), x.dtype.type

    def power(degree: float, factor: float, rectified: bool) -> None:
        if rectified:
            rectify(x, threshold, one(1), each, work)
        else:
            line(x, threshold, one(1), each, work)
            np.abs(work, out=work)
        np.power(work, one(degree), out=work)
        np.sum(work, axis=0, out=out)
        np.multiply(out, one(factor), out=out)

    def exponential(slope: float, gain: float) -> None:
        line(x, threshold, one(slope), each, work)
        np.exp(work, out=work)
        np.sum(work, axis=0, out=out)
        np.multiply(out, one(gain / slope), out=out)

    if isinstance(transfer, (Linear, Rectified)):
        return lambda: power(2, float(transfer.gain) / 2, isinstance(transfer, Rectified))
    if isinstance(transfer, Power):
        degree = float(transfer.power) + 1
        return lambda: power(degree, float(transfer.gain) / degree, transfer.rectified)
    if isinstance(transfer, Exponential):
        return lambda: exponential(float(transfer.slope), float(transfer.gain))
    return lambda: np.copyto(out, transfer.lagrangian(x, threshold[:, None]))
