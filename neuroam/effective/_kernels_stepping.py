"""Compiled passes of the steps of effective models, arrays (n_cells, n_states); numpy would take buffers for them."""
from __future__ import annotations

from numba import njit


@njit(cache=True, error_model="numpy")
def leave_the_rest(heard, answer, share):
    """What is heard times the share, 1 − Σ answer, that no hidden neuron has."""
    share[:] = 1
    for u in range(answer.shape[0]):
        for b in range(answer.shape[1]):
            share[b] -= answer[u, b]
    for i in range(heard.shape[0]):
        for b in range(heard.shape[1]):
            heard[i, b] *= share[b]


@njit(cache=True, error_model="numpy")
def turn_over(similar, similarity, i, emitted, flipped):
    """Similarities once neuron i has the other sign."""
    for u in range(similar.shape[0]):
        twice = similarity[u, i] + similarity[u, i]
        for b in range(similar.shape[1]):
            flipped[u, b] = similar[u, b] - twice * emitted[b]
