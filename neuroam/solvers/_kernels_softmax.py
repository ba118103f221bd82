"""Softmax of many trials, arrays (n_cells, n_trials), in three passes.

    r = gain_i e^(β(x_i − θ_i)) / (ghost + Σ_j e^(β(x_j − θ_j)))

Written in terms of differences from each trial's maximum, so that nothing overflows.
"""
from __future__ import annotations

import math

import numpy as np
from numba import njit

from neuroam.solvers._exponential import exponential


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def soften(x, threshold, slope, ghost, gain, out, highest, total):
    """`highest` and `total` (n_trials,) are worked in; all are contiguous and of one type."""
    highest[:] = slope * (x[0] - threshold[0])
    for i in range(1, len(x)):
        theta = threshold[i]
        for b in range(len(highest)):
            highest[b] = np.maximum(highest[b], slope * (x[i, b] - theta))  # becomes vectors, as max does not
    for b in range(len(highest)):  # not 0 · ∞ where all drives are far below 0
        total[b] = ghost * math.exp(-highest[b]) if ghost > 0 else 0
    for i in range(len(x)):
        theta = threshold[i]
        for b in range(len(highest)):
            out[i, b] = exponential(slope * (x[i, b] - theta) - highest[b])  # type: ignore[call-arg]
            total[b] += out[i, b]
    for b in range(len(highest)):
        total[b] = 1 / total[b]
    for i in range(len(x)):
        for b in range(len(highest)):
            out[i, b] *= total[b] * gain[i]
