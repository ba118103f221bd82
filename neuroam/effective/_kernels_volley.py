"""Events of cells that hear each other's bursts: one goes on from arrival to arrival and from crossing to crossing.

Between events V of a cell is D + (V₀ − D) e^(−t/τ) + Σ_k I_k (t/τ) e^(−t/τ) φ(x_k), x_k = t/τ_k − t/τ, φ(x) = (1 −
e^−x)/x, for what arrived from the populations k. All I_k ≥ 0 fall and D holds, so V rises to one summit and falls: a
crossing, if there is one, is found by bisection.
"""
from __future__ import annotations

from collections import namedtuple
from heapq import heappop, heappush

import numpy as np
from numba import njit

CHANGE, ARRIVAL, CROSSING, WAKING = 0, 1, 2, 3
HALVINGS = 30  # of some ms: to some picoseconds
COARSE = 15  # of the time of the summit, which hardly changes its height

# tau, threshold, reset, silent (n_cells,); source (n_cells,) the population; kernel (n_populations,) τ_k; bursts of
# population p are burst[burst_at[p]: burst_at[p + 1]]; synapses of cell i first[i]: first[i + 1]
Cells = namedtuple("Cells", "tau threshold reset silent source kernel burst_at burst first target jump delay")
State = namedtuple("State", "v drive constant last awake version sampled")


def at_rest(n_cells, n_populations):
    """The state at time 0."""
    return State(np.zeros(n_cells), np.zeros((n_cells, n_populations)), np.zeros(n_cells), np.zeros(n_cells),
                 np.zeros(n_cells), np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64))


@njit(cache=True, error_model="numpy")
def follow(cells, state, change_at, change_to, stop, column, lead, every, samples):
    """Events from time 0 to `stop`. `change_to[c]` (n_cells,) is D from `change_at[c]` on. `samples` (n, width) takes
    V at `lead` and then every `every` seconds of the cells that have a `column`, which is −1 of others. Returns times
    and cells of all spikes, in no order, and times and cells of the crossings."""
    n = len(cells.tau)
    when, who = [0.0 for _ in range(0)], [0 for _ in range(0)]
    begun, by = [0.0 for _ in range(0)], [0 for _ in range(0)]
    heap = [(0.0, CHANGE, 0, 0) for _ in range(0)]
    for c in range(len(change_at)):
        heappush(heap, (change_at[c], CHANGE, c, 0))
    source = np.repeat(np.arange(n), np.diff(cells.first))
    while len(heap) > 0:
        now, kind, what, version = heappop(heap)
        if now >= stop:
            break
        if kind == CHANGE:
            for i in range(n):
                if state.constant[i] != change_to[what, i]:
                    _advance(cells, state, i, now, column, lead, every, samples)
                    state.constant[i] = change_to[what, i]
                    _expect(cells, state, i, now, stop, heap)
        elif kind == ARRIVAL:
            i = cells.target[what]
            _advance(cells, state, i, now, column, lead, every, samples)
            state.drive[i, cells.source[source[what]]] += cells.jump[what]
            _expect(cells, state, i, now, stop, heap)
        elif kind == WAKING:
            _advance(cells, state, what, now, column, lead, every, samples)
            _expect(cells, state, what, now, stop, heap)
        elif version == state.version[what]:
            _advance(cells, state, what, now, column, lead, every, samples)
            begun.append(now)
            by.append(what)
            for b in range(_begin(cells, state, what, now, heap)):
                when.append(now + cells.burst[cells.burst_at[cells.source[what]] + b])
                who.append(what)
    for i in range(n):
        _advance(cells, state, i, stop, column, lead, every, samples)
    return np.array(when), np.array(who), np.array(begun), np.array(by)


@njit(cache=True, error_model="numpy")
def _begin(cells, state, i, now, heap):
    """Send the burst of cell i on its way and silence the cell; the number of spikes."""
    state.v[i] = cells.reset[i]
    state.awake[i] = now + cells.silent[i]
    heappush(heap, (state.awake[i], WAKING, i, 0))
    begin, end = cells.burst_at[cells.source[i]], cells.burst_at[cells.source[i] + 1]
    for b in range(begin, end):
        for s in range(cells.first[i], cells.first[i + 1]):
            heappush(heap, (now + cells.burst[b] + cells.delay[s], ARRIVAL, s, 0))
    return end - begin


@njit(cache=True, error_model="numpy")
def _advance(cells, state, i, now, column, lead, every, samples):
    """Bring cell i to `now`, filling its samples on the way."""
    if column[i] >= 0:
        while state.sampled[i] < len(samples) and lead + state.sampled[i] * every < now:
            after = lead + state.sampled[i] * every - state.last[i]
            samples[state.sampled[i], column[i]] = _potential(cells, state, i, after)
            state.sampled[i] += 1
    elapsed = now - state.last[i]
    state.v[i] = _potential(cells, state, i, elapsed)
    for k in range(len(cells.kernel)):
        if state.drive[i, k] > 0:
            state.drive[i, k] *= np.exp(-elapsed / cells.kernel[k])
    state.last[i] = now


@njit(cache=True, error_model="numpy")
def _potential(cells, state, i, after):
    """V of cell i, `after` seconds from its last event; clamped as long as it is silent."""
    if state.last[i] < state.awake[i]:
        return state.v[i]
    tau = cells.tau[i]
    left = np.exp(-after / tau)
    v = state.constant[i] + (state.v[i] - state.constant[i]) * left
    for k in range(len(cells.kernel)):
        if state.drive[i, k] > 0:
            x = after / cells.kernel[k] - after / tau
            if abs(x) > 1:
                part = (np.exp(-after / cells.kernel[k]) - left) / (1 - tau / cells.kernel[k])
            else:
                part = after / tau * left * (-np.expm1(-x) / x if x != 0 else 1.0)
            v += state.drive[i, k] * part
    return v


@njit(cache=True, error_model="numpy")
def _heard(cells, state, i, after):
    """All drive of cell i, `after` seconds from its last event."""
    total = state.constant[i]
    for k in range(len(cells.kernel)):
        if state.drive[i, k] > 0:
            total += state.drive[i, k] * np.exp(-after / cells.kernel[k])
    return total


@njit(cache=True, error_model="numpy")
def _expect(cells, state, i, now, stop, heap):
    """Note when cell i will reach threshold if nothing else happens; whatever was noted before is void."""
    state.version[i] += 1
    if now < state.awake[i] or _bound(cells, state, i) < cells.threshold[i]:
        return
    if state.v[i] >= cells.threshold[i]:
        heappush(heap, (now, CROSSING, i, state.version[i]))
        return
    low, high = 0.0, _summit(cells, state, i, stop - now)
    if _potential(cells, state, i, high) < cells.threshold[i]:
        return
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if _potential(cells, state, i, middle) < cells.threshold[i]:
            low = middle
        else:
            high = middle
    heappush(heap, (now + high, CROSSING, i, state.version[i]))


@njit(cache=True, error_model="numpy")
def _bound(cells, state, i):
    """What V of cell i cannot exceed: it and D, and the summits of what arrived, r^(1/(1 − r)) of I_k for r = τ_k/τ."""
    total = max(state.v[i], state.constant[i])
    for k in range(len(cells.kernel)):
        if state.drive[i, k] > 0:
            r = cells.kernel[k] / cells.tau[i]
            total += state.drive[i, k] * (r ** (1 / (1 - r)) if abs(1 - r) > 1e-6 else 1.0)
    return total


@njit(cache=True, error_model="numpy")
def _summit(cells, state, i, longest):
    """A time by which V is above threshold or, if it never is, at its summit; at most `longest`."""
    high = cells.tau[i]
    while True:
        high = min(high, longest)
        v = _potential(cells, state, i, high)
        if v >= cells.threshold[i]:
            return high
        if v >= _heard(cells, state, i, high):
            break
        if high == longest:
            return high
        high *= 2
    low = 0.0
    for _ in range(COARSE):
        middle = 0.5 * (low + high)
        if _potential(cells, state, i, middle) < _heard(cells, state, i, middle):
            low = middle
        else:
            high = middle
    return high
