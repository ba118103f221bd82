"""Compiled loop of an event: place cells with weights that do not change. One trial, from rest; potentials above rest.

The phases of a time step are those of the spiking solver: all drives are of the last step, then potentials and graded
cells advance, currents decay, cells fire, and what arrives now is added to the currents.
"""
from __future__ import annotations

import numpy as np
from numba import njit

HEARS, ANSWERS, THRESHOLD, SLOPE, ALPHA = range(5)  # of a rectified graded population


@njit(cache=True, error_model="numpy", forceinline=True)
def _answer(loop, x):
    over = x - loop[THRESHOLD]
    return loop[ANSWERS] * loop[SLOPE] * over if over > 0 else 0.0


@njit(cache=True, error_model="numpy")
def run_trial(ticks, weights, cell, refractory, delay, own, pools, spikes, jumps, kept, changes, added, divided):
    """Ticks and cells of all spikes, in order.

    `weights` (n, n) by presynaptic cell, in volts for a spike; `cell` threshold, reset, the part of the way to its
    drive that a potential goes in a step, what is left of a current, and what a spike adds to what is emitted; `own`
    and `pools` (k, 5) as above; `spikes` (m, 3) of inputs: tick, source, cell, by tick; `jumps` (sources, pre, n) and
    `kept` (sources,); `added` and `divided` (c, n) hold from each of the ticks `changes` on.
    """
    n = len(weights)
    threshold, reset, alpha, left, jump = cell[0], cell[1], cell[2], cell[3], cell[4]
    v, current, emitted = np.zeros(n), np.zeros(n), np.zeros(n)
    x, heard = np.zeros((len(own), n)), np.zeros((len(kept), n))
    until = np.zeros(n, np.int64)
    fired, number = np.zeros((delay + 1, n), np.int64), np.zeros(delay + 1, np.int64)
    found = np.zeros((n * (ticks // (refractory + 1) + 1), 2), np.int64)
    total, spike, change = 0, 0, 0
    for t in range(ticks):
        while change + 1 < len(changes) and changes[change + 1] <= t:
            change += 1
        common, together = 0.0, 0.0
        for i in range(n):
            together += emitted[i]
        for p in range(len(pools)):
            common += _answer(pools[p], pools[p, HEARS] * together)
        slot = t % (delay + 1)
        number[slot] = 0
        for i in range(n):
            drive = current[i] + common + added[change, i]
            for k in range(len(own)):
                drive += _answer(own[k], x[k, i])
                x[k, i] += (own[k, HEARS] * emitted[i] - x[k, i]) * own[k, ALPHA]
            for s in range(len(kept)):
                drive += heard[s, i]
                heard[s, i] *= kept[s]
            if until[i] <= t:
                v[i] += (drive / divided[change, i] - v[i]) * alpha
                if v[i] > threshold:
                    fired[slot, number[slot]] = i
                    number[slot] += 1
                    found[total, 0], found[total, 1] = t, i
                    total += 1
                    v[i] = reset
                    until[i] = t + refractory
            current[i] *= left
            emitted[i] *= left
        for f in range(number[slot]):
            emitted[fired[slot, f]] += jump
        arrives = (t + 1) % (delay + 1)
        for f in range(number[arrives]):
            pre = fired[arrives, f]
            for i in range(n):
                current[i] += weights[pre, i]
        while spike < len(spikes) and spikes[spike, 0] <= t:
            s, pre = spikes[spike, 1], spikes[spike, 2]
            for i in range(n):
                heard[s, i] += jumps[s, pre, i]
            spike += 1
    return found[:total]
