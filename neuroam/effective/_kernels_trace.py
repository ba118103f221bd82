# mypy: ignore-errors
"""Compiled loops of memories whose overlaps are with a trace of past states, which takes real values."""
import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy", nogil=True)
def add_trace_power(patterns, projected, trace, strength, degree, rectified, cavity, fields):
    """fields += Σ strength ξ' f(m), m the overlap with a real-valued trace of one state, f a power."""
    n = patterns.shape[1]
    reach = n - 1.0 if cavity else float(n)
    base, power = np.empty(n), np.empty(n)
    for mu in range(patterns.shape[0]):
        if strength[mu] == 0:
            continue
        overlap = _overlap(patterns[mu], trace)
        for i in range(n):
            own = patterns[mu, i] * trace[i] if cavity else 0.0
            base[i] = (overlap - own) / reach
            if rectified:
                base[i] = max(base[i], 0.0)
        _raise(base, degree, power)
        for i in range(n):
            fields[i] += strength[mu] * projected[mu, i] * power[i]


@njit(cache=True, error_model="numpy", nogil=True)
def _raise(base, degree, power):
    """power = base^degree by squaring; base is used up."""
    power[:] = 1.0
    while degree > 0:
        if degree & 1:
            for i in range(len(base)):
                power[i] *= base[i]
        degree >>= 1
        for i in range(len(base)):
            base[i] *= base[i]


@njit(cache=True, error_model="numpy", nogil=True)
def add_trace_exponential(patterns, projected, trace, strength, gain, cavity, fields):
    """The same for exp(gain · N' (m − 1)); exp(−gain ξ z) = cosh(gain z) − ξ sinh(gain z) takes out the own part."""
    n = patterns.shape[1]
    reach = n - 1.0 if cavity else float(n)
    even, odd = np.zeros(n), np.zeros(n)
    for mu in range(patterns.shape[0]):
        weight = strength[mu] * np.exp(gain * (_overlap(patterns[mu], trace) - reach))
        for i in range(n):
            even[i] += weight * projected[mu, i]
            odd[i] += weight * projected[mu, i] * patterns[mu, i]
    for i in range(n):
        own = gain * trace[i] if cavity else 0.0
        fields[i] += np.cosh(own) * even[i] - np.sinh(own) * odd[i]


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _overlap(pattern, trace):
    total = 0.0
    for i in range(len(pattern)):
        total += pattern[i] * trace[i]
    return total
