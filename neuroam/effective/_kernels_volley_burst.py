"""A neuron and its hidden cells, linear between spikes: steps of Runge & Kutta's fourth order, a spike where the
straight line between two steps crosses the threshold."""
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def spikes_of(matrix, threshold, reset, refractory, synapse, emission, course, step, end):
    """Spike times and parts, in order, up to `end`, part 0 first at 0. d(state)/dt = matrix · state, `course` / τ being
    added to part 0 in each `step`; arrays (n_parts,) of what part k is, its emission at `emission[k]` of the state."""
    size, parts = len(matrix), len(threshold)
    state, moved = np.zeros(size), np.zeros(size)
    free = np.zeros(parts)
    slope, total, probe = np.zeros(size), np.zeros(size), np.zeros(size)
    when, who = [0.0], [0]
    state[0], free[0] = reset[0], refractory[0]
    state[emission[0]] += 1 / synapse[0]
    now, bin = 0.0, 0
    while now < end:
        heard = course[bin] if bin < len(course) else 0.0
        until, whole = (bin + 1) * step, True
        for k in range(parts):
            if now < free[k] < until:
                until, whole = free[k], False
        _step(matrix, state, moved, free, now, until - now, heard, slope, total, probe)
        share, first = 2.0, -1
        for k in range(parts):
            if free[k] <= now and moved[k] > threshold[k]:
                part = (threshold[k] - state[k]) / (moved[k] - state[k])
                if part < share:
                    share, first = part, k
        if first >= 0:
            _step(matrix, state, moved, free, now, share * (until - now), heard, slope, total, probe)
            now += share * (until - now)
            moved[first], free[first] = reset[first], now + refractory[first]
            moved[emission[first]] += 1 / synapse[first]
            when.append(now)
            who.append(first)
        else:
            now = until
            if whole:
                bin += 1
        state[:] = moved
    return np.array(when), np.array(who)


@njit(cache=True, error_model="numpy")
def _step(matrix, state, moved, free, now, duration, heard, slope, total, probe):
    """`moved` is what `state` becomes; parts that are not `free` stay."""
    total[:] = 0
    probe[:] = state
    for stage in range(4):
        for i in range(len(matrix)):
            slope[i] = 0.0
            if i >= len(free) or free[i] <= now:
                slope[i] = matrix[i] @ probe - (heard * matrix[0, 0] if i == 0 else 0.0)
        weight = 2.0 if stage == 1 or stage == 2 else 1.0
        for i in range(len(matrix)):
            total[i] += weight * slope[i]
            probe[i] = state[i] + slope[i] * duration * (1.0 if stage == 2 else 0.5)
    for i in range(len(matrix)):
        moved[i] = state[i] + duration / 6 * total[i]
