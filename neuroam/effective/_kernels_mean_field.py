"""Sums over synapses, and what synapses learn from rates."""
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def deliver(weight: np.ndarray, pre: np.ndarray, post: np.ndarray, rate: np.ndarray, mean: np.ndarray,
            square: np.ndarray) -> None:
    """Add Σ w r to `mean` and Σ w² r to `square`, each (n_post,); synapses are sorted by presynaptic cell."""
    for s in range(len(weight)):
        sent = weight[s] * rate[pre[s]]
        mean[post[s]] += sent
        square[post[s]] += weight[s] * sent


@njit(cache=True, error_model="numpy")
def learn(weight: np.ndarray, pre: np.ndarray, post: np.ndarray, before: np.ndarray, after: np.ndarray,
          opened: np.ndarray, rule: np.ndarray, bounds: np.ndarray, multiplicative: bool) -> None:
    """Weights after a step: `rule` holds on_pre, on_pre_post, on_post, on_post_pre; `opened` (n_post,) the gate's
    emission times the length of the step; `bounds` the least and the largest weight."""
    for s in range(len(weight)):
        x, y = before[pre[s]], after[post[s]]
        change = x * (rule[0] + rule[1] * y) + y * (rule[2] + rule[3] * x)
        if multiplicative:
            change *= weight[s] - bounds[0]
        weight[s] = min(max(weight[s] + opened[post[s]] * change, bounds[0]), bounds[1])
