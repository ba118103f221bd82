"""Correlated memory in as many dimensions as there are memories, exactly.

Each step adds to the state σ a mixture of the p memories, so with r = (1 − η)^t and y the softmax weights of the past,
discounted by 1 − η a step,

    σ(t) = r σ(0) + c(t) Ξᵀ,     c = y C − κ (1 − r)/p,     C = a I + h M        (the row of a memory: what it leads to)
    w(t) = σ Ξ = r σ(0) Ξ + c G,     G = ΞᵀΞ                                     (the drives of the softmax)
    y ← (1 − η) y + η softmax(β w)

A step costs p² for each state instead of 2 n p. The first axes of every array may number settings of a and h.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

TAIL = 17  # drives of the last steps that are kept to judge the step


class Instant(NamedTuple):
    """After a step: `remainder` r, `weights` y (..., s, p), and `drives` w (..., s, p) that the step set out from."""

    remainder: float
    weights: np.ndarray
    drives: np.ndarray


def softmax_in_place(drives: np.ndarray) -> None:
    """Along the last axis, without overflow."""
    drives -= drives.max(axis=-1, keepdims=True)
    np.exp(drives, out=drives)
    drives /= drives.sum(axis=-1, keepdims=True)


def run(start: np.ndarray, gram: np.ndarray, couplings: np.ndarray, gain: float, background: float, steps: int,
        step_size: float) -> Iterator[Instant]:
    """Step by step. `start` = σ(0) Ξ (s, p), `gram` (p, p), `couplings` C (..., p, p). Arrays are renewed in place:
    copy what is to last."""
    answer = couplings @ gram
    rest = background * gram.mean(axis=0)
    weights = np.zeros((*couplings.shape[:-2], *start.shape))
    drives, chosen = np.empty_like(weights), np.empty_like(weights)
    remainder = 1.0
    for _ in range(steps):
        np.matmul(weights, answer, out=drives)
        drives += remainder * start - (1 - remainder) * rest
        np.multiply(drives, gain, out=chosen)
        softmax_in_place(chosen)
        weights *= 1 - step_size
        chosen *= step_size
        weights += chosen
        remainder *= 1 - step_size
        yield Instant(remainder, weights, drives)


def coefficients(instant: Instant, couplings: np.ndarray, background: float) -> np.ndarray:
    """c, the share of each memory in the states (..., s, p)."""
    return instant.weights @ couplings - background * (1 - instant.remainder) / couplings.shape[-1]


def finish(instants: Iterator[Instant], steps: int) -> tuple[Instant, np.ndarray]:
    """The last instant, and the drives of the last `TAIL` steps (k, ..., s, p)."""
    tail = []
    for step, instant in enumerate(instants):
        if step >= steps - TAIL:
            tail.append(instant.drives.copy())
    return instant, np.array(tail)


class Frame(NamedTuple):
    """Scalar products, each vector less its own mean over neurons: of starts and memories alike."""

    products: np.ndarray  # (s + p, s + p), starts first

    @property
    def lengths(self) -> np.ndarray:
        """Of starts and memories (s + p,)."""
        return np.sqrt(np.diagonal(self.products))


def frame(starts: np.ndarray, patterns: np.ndarray) -> Frame:
    """Of starts (s, n) and memories (p, n)."""
    vectors = np.concatenate([starts, patterns])
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return Frame(vectors @ vectors.T)


def expand(remainder: float, shares: np.ndarray) -> np.ndarray:
    """Coefficients of the states in a frame's vectors (..., s, s + p)."""
    own = np.broadcast_to(remainder * np.eye(shares.shape[-2]), (*shares.shape[:-1], shares.shape[-2]))
    return np.concatenate([own, shares], axis=-1)


def products_of(states: np.ndarray, base: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Scalar products of states, given as coefficients (..., s, s + p), with one another (..., s, s) and with the
    memories (..., s, p)."""
    images = states @ base.products
    return images @ np.swapaxes(states, -1, -2), images[..., states.shape[-2]:]
