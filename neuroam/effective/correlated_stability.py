"""When the explicit step of a correlated memory is too long, and which would do.

At a fixed point the step multiplies a disturbance by 1 − η(1 − μ), with μ the eigenvalues of the field's Jacobian,
which are those of β (diag(π) − ππᵀ) C G besides zero. Anti-Hebbian terms make μ very negative; a mode with Re μ < 1,
which the flow itself would damp, grows under the step as soon as

    η > 2 (1 − Re μ) / |1 − μ|².

States then jump to and fro about the fixed point. That is what is looked for, in the drives w of the softmax less
their mean over memories, over the last steps: w(t + 2) is nearer to w(t) than w(t + 1) is, by a tenth of the mean
square. A state on the move, such as a sequence at one memory a step, does not come back (its ratio is 1 and more,
that of overshoot .8 and less). The *jump* is the length of a step relative to that of w. Up to 1 the states still
surround where they belong, and correlations between attractors are blurred; beyond 1 each step turns the state over,
and nothing of a memory is left. Rotations on a directed graph that slowly outgrow the step are not looked for.
"""
from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from neuroam.errors import DescriptionError

if TYPE_CHECKING:
    from neuroam.effective.correlated import Correlated

NEARER = 0.9
SETTLED = 1e-3  # smaller jumps are not looked at: a state at rest has none but rounding
LOST = 1.0
SAMPLE = 16  # states for which the longest step is worked out
TIME_CONSTANTS = 20


class StepTooLong(UserWarning):
    """The states jump to and fro: they are not where the equation of motion would bring them."""


def jumps(tail: np.ndarray) -> np.ndarray:
    """From drives of the last steps (k, ..., s, p): the jump of each state (..., s), 0 where it does not come back."""
    if len(tail) < 3:
        return np.zeros(tail.shape[1:-1])
    drives = tail - tail.mean(axis=-1, keepdims=True)
    one = np.mean((drives[1:] - drives[:-1])**2, axis=(0, -1))
    two = np.mean((drives[2:] - drives[:-2])**2, axis=(0, -1))
    jump = np.sqrt(one / np.maximum(np.mean(drives**2, axis=(0, -1)), np.finfo(float).tiny))
    return np.where((two < NEARER * one) & (jump > SETTLED), jump, 0.0)


def lost(jump: np.ndarray) -> np.ndarray:
    """Whether half of the states (last axis) jump farther than they are large."""
    return np.median(jump, axis=-1) > LOST


def judge(model: Correlated, starts: np.ndarray, tail: np.ndarray, step_size: float, refuse: bool) -> None:
    """Warn of states that overshoot; an error if they are lost and `refuse`."""
    jump = jumps(tail)
    if not np.any(jump):
        return
    longest = longest_step(model, starts, step_size)
    advice = (f"use a step_size below {longest:.2g} and more steps" if longest > 0
              else "no shorter step was found that settles; there may be no fixed point")
    found = (f"step_size {step_size:g} is too long for auto {model.auto:g} and hetero {model.hetero:g}: "
             f"{np.count_nonzero(jump)} of {jump.size} states jump to and fro, by {np.median(jump[jump > 0]):.2g} of "
             f"their size; {advice}")
    if refuse and lost(jump):
        raise DescriptionError(f"{found} (overshoot=\"accept\" gives the states as they are)")
    warnings.warn(found, StepTooLong, stacklevel=3)


def longest_step(model: Correlated, starts: np.ndarray, step_size: float = 0.1) -> float:
    """The longest step that is stable where states come to rest, from starts (s, n); 0 if none was found.

    Starts are relaxed with ever shorter steps until none overshoots; then the bound above is taken over the states
    reached, at most 16 of them, evenly chosen. It is exact for fixed points and local where states keep moving.
    """
    chosen = starts[np.linspace(0, len(starts) - 1, min(SAMPLE, len(starts))).astype(int)]
    for _ in range(8):
        states, tail = model.relax_reduced(chosen, math.ceil(TIME_CONSTANTS / step_size), step_size)
        if not np.any(jumps(tail)):
            return float(bounds(model, states).min())
        step_size /= 2
    return 0.0


def bounds(model: Correlated, states: np.ndarray) -> np.ndarray:
    """The longest stable step at each state (s, n), by linear stability."""
    weights = model.attention(states)
    spread = np.einsum("sp,pq->spq", weights, np.eye(model.memories)) - weights[:, :, None] * weights[:, None, :]
    growth = np.linalg.eigvals(model.gain * spread @ (model.couplings @ model.gram))
    damped = growth.real < 1
    longest = 2 * (1 - growth.real) / np.maximum(abs(1 - growth)**2, np.finfo(float).tiny)
    return np.where(damped, longest, np.inf).min(axis=-1)
