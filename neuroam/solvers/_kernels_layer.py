"""Compiled passes over the state of many trials, arrays (n_cells, n_trials), trials side by side in memory.

Exponentials and hyperbolic tangents are left to numpy, whose loops are vectorised; the rest is one pass each.
"""
from __future__ import annotations

from numba import njit


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def relax(x, total, alpha):
    """x goes the fraction alpha of the way to where its drive points."""
    for i in range(x.shape[0]):
        for b in range(x.shape[1]):
            x[i, b] += (total[i, b] - x[i, b]) * alpha


@njit(cache=True, error_model="numpy")
def collect(sums, r, inside):
    """Add the emissions of the trials whose response window is open."""
    for i in range(r.shape[0]):
        for b in range(r.shape[1]):
            if inside[b]:
                sums[i, b] += r[i, b]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def add_pooled(drive, r, weight, pooled):
    """One weight for all pairs of cells."""
    pooled[:] = 0
    for i in range(r.shape[0]):
        for b in range(r.shape[1]):
            pooled[b] += r[i, b]
    for i in range(drive.shape[0]):
        for b in range(drive.shape[1]):
            drive[i, b] += weight * pooled[b]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def add_sparse(drive, r, pointer, index, weight):
    """Weights by postsynaptic cell."""
    for i in range(drive.shape[0]):
        for k in range(pointer[i], pointer[i + 1]):
            for b in range(drive.shape[1]):
                drive[i, b] += weight[k] * r[index[k], b]


@njit(cache=True, error_model="numpy", fastmath={"contract"})
def line(x, threshold, gain, cell_gain, out):
    """gain (x − θ), times the gain of each cell."""
    for i in range(out.shape[0]):
        factor = gain * cell_gain[i]
        for b in range(out.shape[1]):
            out[i, b] = factor * (x[i, b] - threshold[i])


@njit(cache=True, error_model="numpy")
def rectify(x, threshold, gain, cell_gain, out):
    """gain [x − θ]₊, times the gain of each cell."""
    for i in range(x.shape[0]):
        factor = gain * cell_gain[i]
        for b in range(x.shape[1]):
            out[i, b] = factor * max(x[i, b] - threshold[i], x.dtype.type(0))


@njit(cache=True, error_model="numpy")
def scale(out, cell_gain):
    for i in range(out.shape[0]):
        for b in range(out.shape[1]):
            out[i, b] *= cell_gain[i]
