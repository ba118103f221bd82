"""Compiled loop of the chain model, which updates one neuron after the other."""
from __future__ import annotations

import numpy as np
from numba import njit

TIE = 1e-12  # a field is a sum of many terms: less than this is zero but for rounding


@njit(cache=True, error_model="numpy")
def relax_one_by_one(patterns, answers, states, sweeps):
    """Neurons of each state (s, n), ±1, take the sign of their field in turn, in place, until a whole sweep changes
    none. The field of neuron i is Σ_μ answers[i, μ] m_μ with m the overlaps, less what the neuron gives itself; at a
    field of zero it stays. `patterns`, `answers` (n, p). Returns sweeps used (s,), −1 where they did not suffice."""
    starts, neurons = states.shape
    memories = patterns.shape[1]
    used = np.full(starts, -1)
    own = np.zeros(neurons)
    for i in range(neurons):
        for mu in range(memories):
            own[i] += patterns[i, mu] * answers[i, mu] / neurons
    overlap = np.empty(memories)
    for s in range(starts):
        overlap[:] = 0.0
        for i in range(neurons):
            for mu in range(memories):
                overlap[mu] += patterns[i, mu] * states[s, i] / neurons
        for sweep in range(sweeps):
            changed = False
            for i in range(neurons):
                field = -own[i] * states[s, i]
                for mu in range(memories):
                    field += answers[i, mu] * overlap[mu]
                if field * states[s, i] < -TIE:
                    changed = True
                    states[s, i] = -states[s, i]
                    for mu in range(memories):
                        overlap[mu] += 2 * patterns[i, mu] * states[s, i] / neurons
            if not changed:
                used[s] = sweep + 1
                break
    return used
