"""The compiled time step. Every kernel and all kernels it calls are here, so that numba's cache sees every edit.

One step from tick n to n + 1 goes through the phases of Brian2's schedule:
  inputs    input cells emit; graded emissions of the last step are summed into drives
  groups    potentials and rates advance (first-order, the fraction `alpha` of the way to where the drive points);
            synaptic variables and traces decay; graded emissions are renewed
  thresholds, synapses, resets   spikes are found, travel, change weights, and reset their cells
Explicit and exponential Euler differ in `alpha` and `decay` alone.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neuroam.solvers._exponential import exponential

DRIVE, POISSON, RATE, LIF, ESCAPE = 0, 1, 2, 3, 4
UNIFORM, DENSE, SPARSE, PAIR, PARTNER = 0, 1, 2, 3, 4  # of a pair of transposed matrices only one is stored
LIF_CURVE = 3
LAYERWISE, SOFTMAX, SPHERICAL, LAYER_NORM, WINNERS = 16, 16, 17, 18, 19  # transfer functions of a whole population


class Cells(NamedTuple):
    """One entry for each population; `start` has one more, into the flat arrays of units."""

    kind: np.ndarray
    start: np.ndarray
    alpha: np.ndarray
    rest: np.ndarray
    reset: np.ndarray
    refractory: np.ndarray
    transfer: np.ndarray
    constants: np.ndarray
    divided: np.ndarray
    conducts: np.ndarray
    leak: np.ndarray  # −dt/τ; 0 for explicit Euler
    simple: np.ndarray  # one additive channel and no sum over graded cells one by one
    threshold: np.ndarray  # by unit
    gain: np.ndarray  # by unit
    pool: np.ndarray  # of escape-rate neurons: how many a unit, ceiling · dt, least emission


class Filters(NamedTuple):
    """Decaying variables, sorted by population (`first` points to each population's own): channels or traces."""

    first: np.ndarray
    start: np.ndarray
    decay: np.ndarray
    jump: np.ndarray
    divisive: np.ndarray
    reversal: np.ndarray  # NaN unless the channel is a conductance


class Synapses(NamedTuple):
    """One entry for each projection, then the flat weights and indices they point into."""

    pre: np.ndarray
    post: np.ndarray
    layout: np.ndarray
    delay: np.ndarray
    channel: np.ndarray  # -1: spikes move the target at once; -2: graded source
    jump: np.ndarray
    divisive: np.ndarray
    first: np.ndarray  # of its weights
    by_pre: np.ndarray  # stride of a dense matrix from one presynaptic cell to the next
    by_post: np.ndarray
    row: np.ndarray  # first entry of its row pointers: sparse by pre
    column: np.ndarray  # likewise by post; -1 where no rule needs it
    plastic: np.ndarray
    rule: np.ndarray  # on_pre, on_pre_post, on_post, on_post_pre, low, high, multiplicative
    trace_pre: np.ndarray
    trace_post: np.ndarray
    gate: np.ndarray
    pointer: np.ndarray
    target: np.ndarray
    column_pointer: np.ndarray
    column_entry: np.ndarray
    column_source: np.ndarray


class State(NamedTuple):
    """Everything that changes; `fired` and `past` are rings over the last few ticks."""

    v: np.ndarray
    r: np.ndarray
    s: np.ndarray
    y: np.ndarray
    until: np.ndarray
    fired: np.ndarray
    n_fired: np.ndarray
    past: np.ndarray
    weight: np.ndarray
    total: np.ndarray
    division: np.ndarray
    base: np.ndarray


class Inputs(NamedTuple):
    """Spikes of input cells sorted by tick, and the piecewise constant emissions of driven cells."""

    tick: np.ndarray
    unit: np.ndarray
    population: np.ndarray
    change_tick: np.ndarray
    change_population: np.ndarray
    change_values: np.ndarray
    position: np.ndarray  # how far each list has been read: spikes, changes; then the tick the trial began at
    key: np.ndarray  # by population: what the random draws of this trial hang on


class Output(NamedTuple):
    """Buffers: spikes until full, sums and peaks while the response window is open, sampled traces."""

    spike_tick: np.ndarray
    spike_unit: np.ndarray
    wanted: np.ndarray  # by population: keep its spikes
    number: np.ndarray  # spikes written, samples written
    summed: np.ndarray  # by population
    integral: np.ndarray
    peaked: np.ndarray  # by population
    peak: np.ndarray
    sampled: np.ndarray
    every: int
    samples: np.ndarray


@intrinsic
def _borrowed(typingctx, table):
    """The same named tuple of arrays without their reference counts, which numba would otherwise raise and lower
    atomically hundreds of times a step. Its arrays must not outlive the caller's."""

    def codegen(context, builder, signature, arguments):
        kind, value = signature.args[0], arguments[0]
        for position, member in enumerate(kind.types):
            if isinstance(member, types.Array):
                array = context.make_array(member)(context, builder, builder.extract_value(value, position))
                array.meminfo = cgutils.get_null_value(array.meminfo.type)
                array.parent = cgutils.get_null_value(array.parent.type)
                value = builder.insert_value(value, array._getvalue(), position)
        return value

    return table(table), codegen


@njit(cache=True, error_model="numpy", forceinline=True)
def emission(code, c, theta, x):
    """Transfer function number `code` (see neuroam.transfer) of one unit, of the precision of x."""
    zero, one = type(x)(0), type(x)(1)  # numba makes a float32 and 0.0 a float64
    if code == 0:
        return c[0] * (x - theta)
    if code == 1:
        return c[0] * (x - theta) if x > theta else zero
    if code == 2:
        return np.tanh(c[0] * (x - theta))
    if code == 4:
        if x > theta:
            return c[0] * (x - theta) ** c[1]
        return c[2] * c[0] * (theta - x) ** c[1] if c[2] != 0 else zero
    if code == 5:
        return c[0] * np.exp(c[1] * (x - theta))
    if code == 6:
        return one if x >= theta else -one
    if x <= theta:
        return zero
    return one / (c[2] + c[0] * np.log((x - c[1]) / (x - theta)))


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _emit_layer(code, c, theta, gain, x, out):
    """Transfer function number `code` of a whole population (see neuroam.layer_transfer), sums in double precision."""
    for i in range(len(x)):
        out[i] = x[i] - theta[i]
    if code == WINNERS:
        _emit_winners(min(int(c[0]), len(x)), theta, gain, x, out)
    elif code == SOFTMAX:
        ghost = np.log(c[1])
        top = max(c[0] * _largest(out), ghost)
        total = np.float64(np.exp(ghost - top))
        for i in range(len(x)):
            out[i] = exponential(c[0] * out[i] - top)
        for i in range(len(x)):
            total += out[i]
        share = x.dtype.type(1 / total)
        for i in range(len(x)):
            out[i] *= gain[i] * share
    else:
        mean, total = 0.0, 0.0
        if code == LAYER_NORM:
            for i in range(len(x)):
                mean += out[i] / len(x)
        for i in range(len(x)):
            total += (out[i] - mean) ** 2
        length = np.sqrt(total / len(x) + c[1]) if code == LAYER_NORM else np.sqrt(total)
        for i in range(len(x)):
            out[i] = gain[i] * c[0] * ((out[i] - mean) / length) if length > 0 else 0


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz", "reassoc"})
def _largest(x):
    """Of what is a number: so the loop becomes vectors."""
    largest = x[0]
    for i in range(len(x)):
        largest = x[i] if x[i] > largest else largest
    return largest


@njit(cache=True, error_model="numpy")
def _emit_winners(number, theta, gain, x, out):
    """The `number` cells furthest above threshold emit, of equals the first; `out` holds how far above all are."""
    last = _largest_but(number - 1, out)
    equals = number
    for i in range(len(x)):
        equals -= x[i] - theta[i] > last
    for i in range(len(x)):
        above = x[i] - theta[i]
        wins = above > last
        if above == last and equals > 0:
            equals -= 1
            wins = True
        out[i] = gain[i] if wins else 0


@njit(cache=True, error_model="numpy")
def _largest_but(number, x):
    """What would be the largest without the `number` largest; x is put in another order (Hoare 1961, algorithm 65)."""
    low, high, place = 0, len(x) - 1, len(x) - 1 - number
    while low < high:
        pivot, i, j = x[place], low, high
        while i <= j:
            while x[i] < pivot:
                i += 1
            while pivot < x[j]:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if j < place:
            low = i
        if place < i:
            high = j
    return x[place]


@njit(cache=True, error_model="numpy")
def emit_trials(code, c, theta, gain, x, out, cells):
    """What populations emit in many trials, arrays (n_cells, n_trials); `cells` (2, n_cells) is worked in."""
    if code < LAYERWISE:
        for i in range(len(x)):
            for b in range(x.shape[1]):
                out[i, b] = gain[i] * emission(code, c, theta[i], x[i, b])
        return
    for b in range(x.shape[1]):
        cells[0] = x[:, b]
        _emit_layer(code, c, theta, gain, cells[0], cells[1])
        out[:, b] = cells[1]


@njit(cache=True, error_model="numpy")
def advance(cells, channels, traces, syn, state, inputs, out, n, stop, dt, window):
    """Steps from tick n to `stop`; returns early, at the tick reached, when the spike buffer may overflow."""
    cells, channels, traces, syn = _borrowed(cells), _borrowed(channels), _borrowed(traces), _borrowed(syn)
    state, inputs, out = _borrowed(state), _borrowed(inputs), _borrowed(out)
    n_populations = len(cells.kind)
    room = len(out.spike_tick) - cells.start[n_populations]
    while n < stop:
        if out.number[0] > room:
            return n
        slot = n % len(state.fired)
        for p in range(n_populations):
            state.n_fired[slot, p] = 0
        _read_inputs(cells, inputs, state, out, n, slot)
        _sample(out, state, n)
        _sum_graded(cells, syn, state, n)
        _advance_cells(cells, channels, state, n)
        _advance_traces(cells, traces, state)
        _renew_emission(cells, state)
        _draw_escapes(cells, inputs, state, out, n)
        _find_spikes(cells, state, out, n, slot)
        for q in range(len(syn.pre)):
            if syn.channel[q] != -2:
                _deliver(q, cells, channels, syn, state, n)
            if syn.plastic[q]:
                _learn_at_post(q, cells, traces, syn, state, slot)
                _learn_clocked(q, cells, syn, state, dt)
        _reset(cells, traces, state, n, slot)
        if window[0] <= n < window[1]:
            _integrate(cells, state, out)
        n += 1
    return n


@njit(cache=True, error_model="numpy", forceinline=True)
def _sample(out, state, n):
    if out.every > 0 and n % out.every == 0:
        k = out.number[1]
        for i in range(len(out.sampled)):
            u = out.sampled[i]
            out.samples[k, i] = state.v[u] if u >= 0 else state.r[-u - 1]
        out.number[1] = k + 1


@njit(cache=True, error_model="numpy", forceinline=True)
def _read_inputs(cells, inputs, state, out, n, slot):
    k = inputs.position[1]
    while k < len(inputs.change_tick) and inputs.change_tick[k] <= n:
        p = inputs.change_population[k]
        for i in range(cells.start[p + 1] - cells.start[p]):
            u = cells.start[p] + i
            state.r[u] = inputs.change_values[k, i] * cells.gain[u]
        k += 1
    inputs.position[1] = k
    k = inputs.position[0]
    while k < len(inputs.tick) and inputs.tick[k] <= n:
        p = inputs.population[k]
        u = inputs.unit[k]
        if cells.gain[u] > 0:
            _fire(p, u, cells, state, out, n, slot)
        k += 1
    inputs.position[0] = k


@njit(cache=True, error_model="numpy", forceinline=True)
def _fire(p, u, cells, state, out, n, slot):
    state.fired[slot, cells.start[p] + state.n_fired[slot, p]] = u
    state.n_fired[slot, p] += 1
    if out.wanted[p]:
        k = out.number[0]
        out.spike_tick[k] = n
        out.spike_unit[k] = u
        out.number[0] = k + 1


@njit(cache=True, error_model="numpy", forceinline=True)
def _sum_graded(cells, syn, state, n):
    state.base[:] = 0
    for q in range(len(syn.pre)):
        if syn.channel[q] != -2:
            continue
        pre, post = syn.pre[q], syn.post[q]
        a, b = cells.start[pre], cells.start[pre + 1]
        if syn.delay[q] == 0:
            r = state.r[a:b]
        else:
            ring = len(state.past)
            r = state.past[(n + ring - syn.delay[q]) % ring, a:b]
        if syn.layout[q] == UNIFORM:
            state.base[post, syn.divisive[q]] += state.weight[syn.first[q]] * _pool(r)
            continue
        if syn.layout[q] == PARTNER:
            continue
        c, d = cells.start[post], cells.start[post + 1]
        target = state.division[c:d] if syn.divisive[q] else state.total[c:d]
        if syn.layout[q] == PAIR:
            if syn.by_pre[q] == 1:
                _add_both_ways(state.weight, syn.first[q], state.r[c:d], r, target, state.total[a:b])
            else:
                _add_both_ways(state.weight, syn.first[q], r, state.r[c:d], state.total[a:b], target)
        elif syn.layout[q] == DENSE:
            _add_dense(state.weight, syn.first[q], syn.by_pre[q], syn.by_post[q], r, target)
        else:
            _add_sparse(state.weight, syn.first[q], syn.pointer, syn.row[q], syn.target, r, target)
    if len(state.past) > 1:
        state.past[n % len(state.past)] = state.r


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _pool(r):
    total = r.dtype.type(0)  # numba makes a float32 times 0 a float64
    for j in range(len(r)):
        total += r[j]
    return total


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _add_dense(weight, first, by_pre, by_post, r, target):
    if by_pre == 1:
        for i in range(len(target)):
            row = weight[first + i * by_post: first + i * by_post + len(r)]
            total = weight.dtype.type(0)
            for j in range(len(r)):
                total += row[j] * r[j]
            target[i] += total
    else:
        for j in range(len(r)):
            if r[j] != 0:
                row = weight[first + j * by_pre: first + j * by_pre + len(target)]
                for i in range(len(target)):
                    target[i] += row[i] * r[j]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _add_both_ways(weight, first, r_row, r_column, total_row, total_column):
    """W r_column, by row, and Wᵀ r_row, by column, in one pass over W, five rows at a time: as many as registers hold.
    Rows should be the longer side."""
    n, m = len(r_column), len(r_row)
    five = m - m % 5
    for i in range(0, five, 5):
        w = weight[first + i * n: first + (i + 5) * n]
        a, b, c, d, e = w[:n], w[n: 2 * n], w[2 * n: 3 * n], w[3 * n: 4 * n], w[4 * n:]
        p, q, s, t, u = r_row[i], r_row[i + 1], r_row[i + 2], r_row[i + 3], r_row[i + 4]
        zero = weight.dtype.type(0)
        to_a, to_b, to_c, to_d, to_e = zero, zero, zero, zero, zero
        for j in range(n):
            x = r_column[j]
            to_a += a[j] * x
            to_b += b[j] * x
            to_c += c[j] * x
            to_d += d[j] * x
            to_e += e[j] * x
            total_column[j] += a[j] * p + b[j] * q + c[j] * s + d[j] * t + e[j] * u
        total_row[i] += to_a
        total_row[i + 1] += to_b
        total_row[i + 2] += to_c
        total_row[i + 3] += to_d
        total_row[i + 4] += to_e
    for i in range(five, m):
        row = weight[first + i * n: first + (i + 1) * n]
        to_row = weight.dtype.type(0)
        for j in range(n):
            to_row += row[j] * r_column[j]
            total_column[j] += row[j] * r_row[i]
        total_row[i] += to_row


@njit(cache=True, error_model="numpy", forceinline=True)
def _add_sparse(weight, first, pointer, row, index, r, target):
    for j in range(len(r)):
        if r[j] != 0:
            for k in range(pointer[row + j], pointer[row + j + 1]):
                target[index[first + k]] += weight[first + k] * r[j]


@njit(cache=True, error_model="numpy", forceinline=True)
def _advance_cells(cells, channels, state, n):
    for p in range(len(cells.kind)):
        if cells.kind[p] < RATE:
            continue
        a, b = cells.start[p], cells.start[p + 1]
        total, division = state.total[a:b], state.division[a:b]
        if cells.simple[p]:
            c = channels.first[p]
            s = state.s[channels.start[c]: channels.start[c] + b - a]
            _relax_one_channel(state.v[a:b], s, channels.decay[c], cells.rest[p] + state.base[p, 0], cells.alpha[p],
                               state.until[a:b], np.int32(n))
            continue
        for c in range(channels.first[p], channels.first[p + 1]):
            s = state.s[channels.start[c]: channels.start[c] + b - a]
            if channels.divisive[c]:
                _collect(division, s, channels.decay[c])
            elif np.isnan(channels.reversal[c]):
                _collect(total, s, channels.decay[c])
        if cells.divided[p]:
            for i in range(b - a):
                total[i] = (total[i] + state.base[p, 0]) / (1 + division[i] + state.base[p, 1])
                division[i] = 0
            base = state.base.dtype.type(0)
        else:
            base = state.base[p, 0]
        if cells.conducts[p]:
            for c in range(channels.first[p], channels.first[p + 1]):
                if not np.isnan(channels.reversal[c]):
                    s = state.s[channels.start[c]: channels.start[c] + b - a]
                    _open(total, division, s, channels.reversal[c], channels.decay[c])
            _relax_conducting(state.v[a:b], total, division, cells.rest[p] + base, cells.alpha[p], cells.leak[p],
                              state.until[a:b], np.int32(n))
        elif cells.kind[p] == LIF and cells.refractory[p] > 0:
            _relax_unless_refractory(state.v[a:b], total, cells.rest[p] + base, cells.alpha[p], state.until[a:b],
                                     np.int32(n))
        else:
            _relax(state.v[a:b], total, cells.rest[p] + base, cells.alpha[p])


@njit(cache=True, error_model="numpy", forceinline=True)
def _relax_one_channel(v, s, decay, rest, alpha, until, n):
    """The common case, cells with one synaptic variable, in one pass over memory.

    Refractory cells add nothing rather than keep their value, which would become a masked store: slow on AMD.
    """
    still = v.dtype.type(0)
    for i in range(len(v)):
        change = (rest + s[i] - v[i]) * alpha
        v[i] += change if until[i] <= n else still
        s[i] *= decay


@njit(cache=True, error_model="numpy", forceinline=True)
def _collect(total, s, decay):
    for i in range(len(total)):
        total[i] += s[i]
        s[i] *= decay


@njit(cache=True, error_model="numpy", forceinline=True)
def _open(total, conductance, s, reversal, decay):
    for i in range(len(total)):
        total[i] += s[i] * reversal
        conductance[i] += s[i]
        s[i] *= decay


@njit(cache=True, error_model="numpy", forceinline=True)
def _relax_conducting(v, total, conductance, rest, alpha, leak, until, n):
    """Towards the mean of the potentials that leak and conductances pull to, as fast as all of them together."""
    one = v.dtype.type(1)
    for i in range(len(v)):
        if until[i] <= n:
            whole = one + conductance[i]
            part = -np.expm1(leak * whole) if leak != 0 else alpha * whole
            v[i] += ((rest + total[i]) / whole - v[i]) * part
        total[i] = 0
        conductance[i] = 0


@njit(cache=True, error_model="numpy", forceinline=True)
def _relax(v, total, rest, alpha):
    for i in range(len(v)):
        v[i] += (rest + total[i] - v[i]) * alpha
        total[i] = 0


@njit(cache=True, error_model="numpy", forceinline=True)
def _relax_unless_refractory(v, total, rest, alpha, until, n):
    still = v.dtype.type(0)
    for i in range(len(v)):
        change = (rest + total[i] - v[i]) * alpha
        v[i] += change if until[i] <= n else still
        total[i] = 0


@njit(cache=True, error_model="numpy", forceinline=True)
def _advance_traces(cells, traces, state):
    for p in range(len(cells.kind)):
        size = cells.start[p + 1] - cells.start[p]
        graded = cells.kind[p] == RATE or cells.kind[p] == DRIVE or cells.kind[p] == ESCAPE
        for c in range(traces.first[p], traces.first[p + 1]):
            y = state.y[traces.start[c]: traces.start[c] + size]
            if graded:
                r = state.r[cells.start[p]: cells.start[p + 1]]
                for i in range(size):
                    y[i] = r[i] + (y[i] - r[i]) * traces.decay[c]
            else:
                for i in range(size):
                    y[i] *= traces.decay[c]


@njit(cache=True, error_model="numpy", forceinline=True)
def _renew_emission(cells, state):
    block = 64
    for p in range(len(cells.kind)):
        if cells.kind[p] != RATE and cells.kind[p] != ESCAPE:
            continue
        code, constants = cells.transfer[p], cells.constants[p]
        if code >= LAYERWISE:
            a, b = cells.start[p], cells.start[p + 1]
            _emit_layer(code, constants, cells.threshold[a:b], cells.gain[a:b], state.v[a:b], state.r[a:b])
            continue
        for a in range(cells.start[p], cells.start[p + 1], block):
            b = min(a + block, cells.start[p + 1])
            if code != LIF_CURVE or _any_above(state.v[a:b], cells.threshold[a:b]):
                for u in range(a, b):
                    state.r[u] = cells.gain[u] * emission(code, constants, cells.threshold[u], state.v[u])
            else:
                state.r[a:b] = 0


@njit(cache=True, error_model="numpy", forceinline=True)
def uniform(key, step, unit, which):
    """A number in 0…1 that depends on these four alone: two rounds of the mixing of splitmix64 (Steele, Lea & Flood
    2014, OOPSLA), so that a draw is the same in whatever order trials and cells are met."""
    z = key
    for k in range(2):
        word = np.uint64(step) if k else np.uint64(unit) * np.uint64(4) + np.uint64(which)
        z += word + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@njit(cache=True, error_model="numpy", forceinline=True)
def escapes(number, p, u, v):
    """How many of `number` neurons fire in a step, each with probability p, from uniform u (and v): binomial, by
    inversion; beyond a mean of 500 its normal limit. Of p > ½ it is drawn who does not fire."""
    if p <= 0:
        return 0
    if p >= 1:
        return number
    rare = min(p, 1 - p)
    if number * rare > 500:
        z = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)
        k = min(max(int(np.rint(number * rare + np.sqrt(number * rare * (1 - rare)) * z)), 0), number)
    else:
        odds, chance = rare / (1 - rare), np.exp(number * np.log1p(-rare))
        total, k = chance, 0
        while u > total and k < number:
            chance *= odds * (number - k) / (k + 1)
            total += chance
            k += 1
    return k if p <= 0.5 else number - k


@njit(cache=True, error_model="numpy", forceinline=True)
def _draw_escapes(cells, inputs, state, out, n):
    """Pools of escape-rate neurons emit what they fire; of a recorded pool the spikes of its first neuron are kept."""
    for p in range(len(cells.kind)):
        if cells.kind[p] != ESCAPE:
            continue
        number, scale, low = int(cells.pool[p, 0]), cells.pool[p, 1], cells.pool[p, 2]
        step, start = n - inputs.position[2], cells.start[p]
        for u in range(start, cells.start[p + 1]):
            gain = cells.gain[u]
            if gain == 0:
                state.r[u] = 0
                continue
            first = uniform(inputs.key[p], step, u - start, 0)
            second = uniform(inputs.key[p], step, u - start, 1)
            fired = escapes(number, (state.r[u] / gain - low) * scale, first, second)
            state.r[u] = gain * (low + fired / (number * scale))
            if out.wanted[p] and uniform(inputs.key[p], step, u - start, 2) * number < fired:
                k = out.number[0]
                out.spike_tick[k] = n
                out.spike_unit[k] = u
                out.number[0] = k + 1


@njit(cache=True, error_model="numpy")
def escape_trials(expected, r, spikes, keys, step, number, scale, low, gain):
    """The same for the expected emissions of many trials side by side, (n_cells, n_trials), and, unless `spikes` is
    empty, whether the first neuron of each pool fires."""
    for u in range(r.shape[0]):
        for b in range(r.shape[1]):
            first = uniform(keys[b], step, u, 0)
            fired = escapes(number, (expected[u, b] - low) * scale, first, uniform(keys[b], step, u, 1))
            r[u, b] = gain[u] * (low + fired / (number * scale))
            if len(spikes) > 0:
                spikes[u, b] = gain[u] != 0 and uniform(keys[b], step, u, 2) * number < fired


@njit(cache=True, error_model="numpy", forceinline=True)
def _find_spikes(cells, state, out, n, slot):
    block = 128
    for p in range(len(cells.kind)):
        if cells.kind[p] != LIF:
            continue
        for a in range(cells.start[p], cells.start[p + 1], block):
            b = min(a + block, cells.start[p + 1])
            if _any_above(state.v[a:b], cells.threshold[a:b]):
                for u in range(a, b):
                    if state.v[u] > cells.threshold[u] and state.until[u] <= n:
                        _fire(p, u, cells, state, out, n, slot)
                        state.until[u] = n + cells.refractory[p]


@njit(cache=True, error_model="numpy", forceinline=True)
def _any_above(v, threshold):
    number = 0
    for i in range(len(v)):
        number += v[i] > threshold[i]
    return number > 0


@njit(cache=True, error_model="numpy", forceinline=True)
def _deliver(q, cells, channels, syn, state, n):
    """Spikes that arrive now move the target's synaptic variable, or its potential, and meet the rule's on_pre."""
    pre, post = syn.pre[q], syn.post[q]
    slot = (n + len(state.fired) - syn.delay[q]) % len(state.fired)
    number = state.n_fired[slot, pre]
    if number == 0:
        return
    a, c = cells.start[pre], cells.start[post]
    size = cells.start[post + 1] - c
    at_once = syn.channel[q] == -1
    target = state.v[c: c + size] if at_once else state.s[channels.start[syn.channel[q]]:][:size]
    until = state.until[c: c + size]
    jump = syn.jump[q]
    if syn.layout[q] == UNIFORM:
        for i in range(size):
            if not at_once or until[i] <= n:
                target[i] += state.weight[syn.first[q]] * jump * number
        return
    learns = syn.plastic[q] and (syn.rule[q, 0] != 0 or syn.rule[q, 1] != 0) and _gate_open(q, cells, syn, state)
    for f in range(a, a + number):
        j = state.fired[slot, f] - a
        if syn.layout[q] == DENSE:
            begin, number_of, stride = syn.first[q] + j * syn.by_pre[q], size, syn.by_post[q]
        else:
            begin = syn.first[q] + syn.pointer[syn.row[q] + j]
            number_of, stride = syn.pointer[syn.row[q] + j + 1] - syn.pointer[syn.row[q] + j], 1
        for k in range(number_of):
            w = begin + k * stride
            i = k if syn.layout[q] == DENSE else syn.target[w]
            if not at_once or until[i] <= n:
                target[i] += state.weight[w] * jump
            if learns:
                y = state.y[syn.trace_post[q] + i] if syn.rule[q, 1] != 0 else 0.0
                factor = syn.rule[q, 0] + syn.rule[q, 1] * y
                _change(q, syn, state, w, _gate(q, i, cells, syn, state) * factor)


@njit(cache=True, error_model="numpy", forceinline=True)
def _learn_at_post(q, cells, traces, syn, state, slot):
    """The rule's on_post at the spikes of spiking targets."""
    post = syn.post[q]
    number = state.n_fired[slot, post]
    rule = syn.rule[q]
    if number == 0 or (rule[2] == 0 and rule[3] == 0) or not _gate_open(q, cells, syn, state):
        return
    c = cells.start[post]
    n_pre = cells.start[syn.pre[q] + 1] - cells.start[syn.pre[q]]
    for f in range(c, c + number):
        i = state.fired[slot, f] - c
        gate = _gate(q, i, cells, syn, state)
        if syn.layout[q] == DENSE:
            begin = syn.first[q] + i * syn.by_post[q]
            if syn.by_pre[q] == 1 and rule[6] == 0 and rule[3] != 0:
                y = state.y[syn.trace_pre[q]: syn.trace_pre[q] + n_pre]
                _sweep(state.weight[begin: begin + n_pre], y, gate * rule[2], gate * rule[3], rule[4], rule[5])
                continue
            for j in range(n_pre):
                y_pre = state.y[syn.trace_pre[q] + j] if rule[3] != 0 else 0.0
                _change(q, syn, state, begin + j * syn.by_pre[q], gate * (rule[2] + rule[3] * y_pre))
        else:
            for k in range(syn.column_pointer[syn.column[q] + i], syn.column_pointer[syn.column[q] + i + 1]):
                j = syn.column_source[syn.first[q] + k]
                y_pre = state.y[syn.trace_pre[q] + j] if rule[3] != 0 else 0.0
                _change(q, syn, state, syn.first[q] + syn.column_entry[syn.first[q] + k],
                        gate * (rule[2] + rule[3] * y_pre))


@njit(cache=True, error_model="numpy", forceinline=True)
def _sweep(weight, y, constant, slope, low, high):
    for j in range(len(weight)):
        weight[j] = min(max(weight[j] + (constant + slope * y[j]), low), high)


@njit(cache=True, error_model="numpy", forceinline=True)
def _learn_clocked(q, cells, syn, state, dt):
    """The terms of graded populations, which act at every step."""
    pre, post = syn.pre[q], syn.post[q]
    rule = syn.rule[q]
    from_pre = cells.kind[pre] != LIF and cells.kind[pre] != POISSON and (rule[0] != 0 or rule[1] != 0)
    from_post = (cells.kind[post] == RATE or cells.kind[post] == ESCAPE) and (rule[2] != 0 or rule[3] != 0)
    if not (from_pre or from_post) or not _gate_open(q, cells, syn, state):
        return
    a, c = cells.start[pre], cells.start[post]
    n_post = cells.start[post + 1] - c
    for j in range(cells.start[pre + 1] - a):
        if not from_post and state.r[a + j] == 0:
            continue
        if syn.layout[q] == DENSE:
            begin, number, stride = syn.first[q] + j * syn.by_pre[q], n_post, syn.by_post[q]
        else:
            begin = syn.first[q] + syn.pointer[syn.row[q] + j]
            number, stride = syn.pointer[syn.row[q] + j + 1] - syn.pointer[syn.row[q] + j], 1
        for k in range(number):
            w = begin + k * stride
            i = k if syn.layout[q] == DENSE else syn.target[w]
            change = 0.0
            if from_pre:
                y = state.y[syn.trace_post[q] + i] if rule[1] != 0 else 0.0
                change += state.r[a + j] * (rule[0] + rule[1] * y)
            if from_post:
                y = state.y[syn.trace_pre[q] + j] if rule[3] != 0 else 0.0
                change += state.r[c + i] * (rule[2] + rule[3] * y)
            _change(q, syn, state, w, _gate(q, i, cells, syn, state) * change * dt)


@njit(cache=True, error_model="numpy", forceinline=True)
def _gate_open(q, cells, syn, state):
    if syn.gate[q] < 0:
        return True
    for u in range(cells.start[syn.gate[q]], cells.start[syn.gate[q] + 1]):
        if state.r[u] != 0:
            return True
    return False


@njit(cache=True, error_model="numpy", forceinline=True)
def _gate(q, i, cells, syn, state):
    if syn.gate[q] < 0:
        return state.r.dtype.type(1)
    start = cells.start[syn.gate[q]]
    return state.r[start + i] if cells.start[syn.gate[q] + 1] - start > 1 else state.r[start]


@njit(cache=True, error_model="numpy", forceinline=True)
def _change(q, syn, state, w, amount):
    rule = syn.rule[q]
    if rule[6] != 0:
        amount *= state.weight[w] - rule[4]
    state.weight[w] = min(max(state.weight[w] + amount, rule[4]), rule[5])


@njit(cache=True, error_model="numpy", forceinline=True)
def _reset(cells, traces, state, n, slot):
    for p in range(len(cells.kind)):
        number = state.n_fired[slot, p]
        for f in range(cells.start[p], cells.start[p] + number):
            u = state.fired[slot, f]
            if cells.kind[p] == LIF:
                state.v[u] = cells.reset[p]
            for c in range(traces.first[p], traces.first[p + 1]):
                state.y[traces.start[c] + u - cells.start[p]] += traces.jump[c]


@njit(cache=True, error_model="numpy", forceinline=True)
def _integrate(cells, state, out):
    """Sum of emissions, and highest states, of the wanted populations over the response window."""
    for p in range(len(cells.kind)):
        a, b = cells.start[p], cells.start[p + 1]
        if out.summed[p]:
            for u in range(a, b):
                out.integral[u] += state.r[u]
        if out.peaked[p]:
            for u in range(a, b):
                out.peak[u] = max(out.peak[u], state.v[u])
