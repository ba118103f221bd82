"""When the explicit step of a correlated memory is too long, and which would do.

At a fixed point the step multiplies a disturbance by 1 − η(1 − μ), with μ the eigenvalues of the field's Jacobian,
which are those of β (diag(π) − ππᵀ) C G besides zero. Anti-Hebbian terms make μ very negative; a mode with Re μ < 1,
which the flow itself would damp, grows under the step as soon as

    η > 2 (1 − Re μ) / |1 − μ|².

States then jump to and fro about the fixed point, or from place to place without ever coming back to one. Both are
looked for in the drives w of the softmax less their mean over memories, over the last steps, by the ratio of the mean
squares of w(t + 2) − w(t) and w(t + 1) − w(t): 4 where a step goes on as the one before did, 2 where it is at right
angles to it, 0 where it undoes it. With symmetric couplings C of independent memories nothing rotates (the eigenvalues
are real, exactly so on a regular graph with G = g I + m 11ᵀ), and a flow resolved in time, however slow, has 4; states
that overshoot have 1.7 and less, so below 2 the step is too long. On a directed graph a sequence at one memory a step
has 1, and the ratio alone tells jumps to and fro, below .9. From there to 2 the states are run again, as long, with
steps of a half to a sixteenth, until they rest or go on as a motion resolved in time: the step was too long if they
rest. Where the flow itself goes round, at whatever speed, it was not; nor is anything said of states that no shorter
step brings to either. The *jump* is the length of a step relative to that of w. Small jumps surround where the states
belong, and correlations between attractors are blurred; beyond .9 little of a memory is left.
"""
from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from neuroam.effective import correlated_reduction as reduction
from neuroam.errors import DescriptionError

if TYPE_CHECKING:
    from neuroam.effective.correlated import Correlated

TURNING = 2.0  # steps at right angles, as their sum is then √2 times as long
NEARER = 0.9
SETTLED = 1e-3  # smaller jumps are not looked at: a state at rest has none but rounding
FAINT = 1e-6  # drives that differ less are taken to differ by this: states that die away leave but rounding
LOST = 0.9
SAMPLE = 16  # states for which the longest step is worked out
TIME_CONSTANTS = 20
HALVINGS, SHORTER = 8, 4  # of the step: until states rest, and until they are known to rest or to move


class StepTooLong(UserWarning):
    """The states overshoot: they are not where the equation of motion would bring them."""


def jumps(tail: np.ndarray, symmetric: bool | np.ndarray = False) -> np.ndarray:
    """From drives of the last steps (k, ..., s, p): the jump of each state (..., s), 0 where the ratio does not tell
    that it overshoots. `symmetric` (...): whether the couplings are."""
    jump, ratio = _turns(tail)
    limit = np.where(symmetric, TURNING, NEARER)[..., None]
    return np.where((ratio < limit) & (jump > SETTLED), jump, 0.0)


def _turns(tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jumps and ratios (..., s), whatever they mean; of too few steps none."""
    if len(tail) < 3:
        return np.zeros(tail.shape[1:-1]), np.zeros(tail.shape[1:-1])
    drives = tail - tail.mean(axis=-1, keepdims=True)
    one = np.mean((drives[1:] - drives[:-1])**2, axis=(0, -1))
    two = np.mean((drives[2:] - drives[:-2])**2, axis=(0, -1))
    jump = np.sqrt(one / np.maximum(np.mean(drives**2, axis=(0, -1)), FAINT**2))
    return jump, two / np.maximum(one, np.finfo(float).tiny)


def overshoots(model: Correlated, drives: np.ndarray, couplings: np.ndarray, tail: np.ndarray, step_size: float,
               steps: int) -> np.ndarray:
    """The jump of each state (k, s), 0 where it does not overshoot, of couplings (k, p, p), from the drives of all
    starts (s, p) and those of the last steps (t, k, s, p); on directed graphs by shorter steps, where need be."""
    symmetric = are_symmetric(couplings)
    jump, sure = jumps(tail, True), jumps(tail, symmetric) > 0
    doubtful = (jump > 0) & ~sure
    return np.where(sure | _rests(model, drives, couplings, doubtful, step_size, steps), jump, 0.0)


def _rests(model: Correlated, drives: np.ndarray, couplings: np.ndarray, asked: np.ndarray, step_size: float,
           steps: int) -> np.ndarray:
    """Which of the states that are asked about (k, s) come to rest with a shorter step."""
    rests, left, time = np.zeros_like(asked), asked.copy(), max(steps * step_size, TIME_CONSTANTS)
    for step in step_size / 2.0**np.arange(1, SHORTER + 1):
        some, states = np.flatnonzero(left.any(axis=1)), np.flatnonzero(left.any(axis=0))
        if not len(some):
            break
        here = np.ix_(some, states)
        jump, ratio = _turns(_tail(model, drives[states], couplings[some], math.ceil(time / step), step))
        still = jump <= SETTLED * step / step_size  # as far in a time constant as the least jump
        rests[here] |= left[here] & still
        left[here] &= ~still & (ratio < TURNING)
    return rests


def _tail(model: Correlated, drives: np.ndarray, couplings: np.ndarray, steps: int, step_size: float) -> np.ndarray:
    instants = reduction.run(drives, model.gram, couplings, model.gain, model.background, steps, step_size)
    return reduction.finish(instants, steps)[1]


def are_symmetric(couplings: np.ndarray) -> np.ndarray:
    """Whether each of the couplings (..., p, p) is, but for rounding, shape (...)."""
    scale = abs(couplings).max(axis=(-2, -1))
    return abs(couplings - np.swapaxes(couplings, -1, -2)).max(axis=(-2, -1)) <= 1e-9 * scale


def lost(jump: np.ndarray) -> np.ndarray:
    """Whether half of the states (last axis) jump nearly as far as they are large."""
    return np.median(jump, axis=-1) > LOST


def judge(model: Correlated, starts: np.ndarray, tail: np.ndarray, step_size: float, steps: int, refuse: bool) -> None:
    """Warn of states that overshoot; an error if they are lost and `refuse`."""
    drives = starts @ model.patterns.T
    jump = overshoots(model, drives, model.couplings[None], tail[:, None], step_size, steps)[0]
    if not np.any(jump):
        return
    longest = longest_step(model, starts[jump > 0], step_size)
    if longest > step_size:
        return  # they only come to rest to and fro
    advice = (f"use a step_size below {longest:.2g} and more steps" if longest > 0
              else "no shorter step was found that settles; there may be no fixed point")
    found = (f"step_size {step_size:g} is too long for auto {model.auto:g} and hetero {model.hetero:g}: "
             f"{np.count_nonzero(jump)} of {jump.size} states overshoot, by {np.median(jump[jump > 0]):.2g} of "
             f"their size a step; {advice}")
    if refuse and lost(jump):
        raise DescriptionError(f"{found} (overshoot=\"accept\" gives the states as they are)")
    warnings.warn(found, StepTooLong, stacklevel=3)


def longest_step(model: Correlated, starts: np.ndarray, step_size: float = 0.1) -> float:
    """The longest step that is stable where states come to rest, from starts (s, n); 0 if none was found.

    Starts, at most 16 of them, evenly chosen, are relaxed with ever shorter steps until none turns back; then the
    bound above is taken over the states reached. It is exact for fixed points and local where states keep moving.
    Where it allows a step that overshot, from elsewhere, the step that did not is given.
    """
    drives = chosen(starts, SAMPLE) @ model.patterns.T
    return float(longest_steps(model, drives, model.couplings[None], step_size)[0])


def longest_steps(model: Correlated, drives: np.ndarray, couplings: np.ndarray, step_size: float) -> np.ndarray:
    """The same for many couplings (k, p, p), from the drives of all starts (s, p): shape (k,)."""
    found = np.zeros(len(couplings))
    left = np.arange(len(couplings))
    for halving in range(HALVINGS):
        tail = _tail(model, drives, couplings[left], math.ceil(TIME_CONSTANTS / step_size), step_size)
        rests = ~np.any(jumps(tail, True), axis=-1)
        weights = model.gain * tail[-1][rests]
        reduction.softmax_in_place(weights)
        longest = _bounds(weights, couplings[left[rests]] @ model.gram, model.gain).min(axis=-1)
        found[left[rests]] = np.where((halving > 0) & (longest > 2 * step_size), step_size, longest)
        left = left[~rests]
        if not len(left):
            break
        step_size /= 2
    return found


def bounds(model: Correlated, states: np.ndarray) -> np.ndarray:
    """The longest stable step at each state (s, n), by linear stability."""
    return _bounds(model.attention(states), model.couplings @ model.gram, model.gain)


def chosen(starts: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the starts, evenly chosen."""
    return starts[np.linspace(0, len(starts) - 1, min(most, len(starts))).astype(int)]


def _bounds(weights: np.ndarray, answer: np.ndarray, gain: float) -> np.ndarray:
    """From softmax weights (..., s, p) and C G (..., p, p), shape (..., s)."""
    spread = weights[..., None] * (np.eye(weights.shape[-1]) - weights[..., None, :])
    growth = np.linalg.eigvals(gain * spread @ answer[..., None, :, :])
    damped = growth.real < 1
    longest = 2 * (1 - growth.real) / np.maximum(abs(1 - growth)**2, np.finfo(float).tiny)
    return np.where(damped, longest, np.inf).min(axis=-1)
