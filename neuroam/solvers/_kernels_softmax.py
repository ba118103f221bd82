"""Softmax of many trials, arrays (n_cells, n_trials), in three passes and with its own exponential.

    r = gain_i e^(β(x_i − θ_i)) / (ghost + Σ_j e^(β(x_j − θ_j)))

Written in terms of differences from each trial's maximum, so that nothing overflows. e^y = 2^k e^(y − k ln 2) for the
whole k next to y / ln 2, and what is left by its Taylor series, whose rest is below the rounding of the type (Muller
2016, Elementary Functions, 3rd ed., ch. 11). Such loops compile to vectors; of a library's function they do not.
"""
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

BLOCK = 1024  # numbers at once, for which there is room in the cache of a core
LOST = 2.319046813846299558e-17  # of ln 2 in double precision


class Digits(NamedTuple):
    """What the exponential needs to know of a type of numbers."""

    whole: np.floating  # added to a number, this leaves its whole part in the last bits
    bias: np.signedinteger  # of the exponent, which begins
    place: np.signedinteger  # one there is this whole number
    least: np.floating  # e^y is taken as 0 below
    per_octave: np.floating
    octave: np.floating  # ln 2, its first digits
    rest: np.floating
    series: np.ndarray  # 1/n!, from the last term to the first
    power: np.ndarray  # the last are worked in
    bits: np.ndarray  # the same memory
    part: np.ndarray


def digits(dtype: np.dtype) -> Digits:
    number, integer = dtype.type, np.dtype(f"i{dtype.itemsize}").type
    kind = np.finfo(dtype)
    octave = math.floor(math.log(2) * 2 ** (kind.nmant // 2)) / 2 ** (kind.nmant // 2)  # times a whole number: exact
    series = [1 / math.factorial(n) for n in range(8 if dtype == np.float32 else 14)]
    power = np.zeros(BLOCK, dtype)
    return Digits(number(1.5 * 2**kind.nmant), integer(1 - kind.minexp), integer(2**kind.nmant),
                  number(math.ceil(math.log(kind.smallest_normal))), number(1 / math.log(2)), number(octave),
                  number(math.log(2) - octave + LOST), np.array(series[::-1], dtype), power,
                  power.view(integer), np.zeros_like(power))


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def soften(x, threshold, slope, ghost, gain, out, highest, total, digits):
    """`highest` and `total` (n_trials,) are worked in; all are contiguous and of one type."""
    highest[:] = slope * (x[0] - threshold[0])
    for i in range(1, len(x)):
        for b in range(len(highest)):
            highest[b] = max(highest[b], slope * (x[i, b] - threshold[i]))
    for b in range(len(highest)):  # not 0 · ∞ where all drives are far below 0
        total[b] = ghost * math.exp(-highest[b]) if ghost > 0 else 0
    for i in range(len(x)):
        for b in range(len(highest)):
            out[i, b] = slope * (x[i, b] - threshold[i]) - highest[b]
    flat = out.reshape(-1)
    for first in range(0, len(flat), len(digits.power)):
        _exponentiate(flat[first: first + len(digits.power)], digits)
    for i in range(len(x)):
        for b in range(len(highest)):
            total[b] += out[i, b]
    for b in range(len(highest)):
        total[b] = 1 / total[b]
    for i in range(len(x)):
        for b in range(len(highest)):
            out[i, b] *= total[b] * gain[i]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def _exponentiate(y, digits):
    """y becomes e^y, for y ≤ 0."""
    power, bits, part = digits.power, digits.bits, digits.part
    zero = y.dtype.type(0)
    for b in range(len(y)):
        part[b] = digits.least if y[b] < digits.least else y[b]
        power[b] = part[b] * digits.per_octave + digits.whole
        k = power[b] - digits.whole
        part[b] = (part[b] - k * digits.octave) - k * digits.rest
    for b in range(len(y)):
        bits[b] = (bits[b] + digits.bias) * digits.place
    for b in range(len(y)):
        power[b] = power[b] if y[b] >= digits.least else zero
    y[:] = 0
    for term in digits.series:
        for b in range(len(y)):
            y[b] = y[b] * part[b] + term
    for b in range(len(y)):
        y[b] *= power[b]
