"""Compiled loops of memories of ±1 neurons.

A memory at Hamming distance d from the state has the overlap q = N − 2d with it. What neuron i sees of that overlap
without its own part, the cavity overlap, is N − 1 − 2k with k = d where the memory agrees with the state at i and
k = d − 1 where it does not. So f takes at most N values, held in `table[k]`, and the field of neuron i is

    h_i = Σ_k table[k] · (sum of ξ'_i over the memories of class k)

with whole numbers in brackets: exact sums, so that a tie is a tie whatever f is. Every kernel here adds up the classes
in the same order, from the nearest on, and so gives the same last bit.

`bits` are the patterns, 64 neurons to a word, from the lowest bit on.
"""
import numpy as np
from numba import njit, types
from numba.extending import intrinsic

COUNTED = 63  # memories that fit the 8-bit counters: each takes at most 2 off
HOEFFDING = 7.0  # standard deviations that what is left out may not reach: it does with 2 exp(−7²/2) = 5e-11
PLACES = np.uint32(1) << np.arange(32, dtype=np.uint32)
SINGLE = 2.0 ** -24  # relative rounding of single precision


@intrinsic
def popcount(typing, word):
    """Number of set bits of a 64-bit word."""
    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, error_model="numpy", nogil=True)
def find_distances(bits, state, distance):
    """Hamming distances of all memories from one state; returns the smallest."""
    words = bits.shape[1]
    least = 64 * words
    for mu in range(bits.shape[0]):
        d = np.int64(0)
        for w in range(words):
            d += np.int64(popcount(bits[mu, w] ^ state[w]))
        distance[mu] = d
        least = min(least, d)
    return least


@njit(cache=True, error_model="numpy", nogil=True)
def count_fields(bits, patterns, projected, same, state_bits, states, table, cavity, relative, out):
    """Fields of all neurons in each of a batch of states.

    `same`: projected are the patterns themselves. `cavity`: without self-terms. `relative`: table[0] stands for the
    nearest class there may be, so that an exponential never underflows.
    """
    p, n = patterns.shape
    distance = np.empty(p, np.int32)
    order = np.empty(p, np.int32)
    starts = np.empty(n + 2, np.int64)
    counters = np.empty((2, n), np.int8)
    sums = np.zeros((2, n), np.int32)
    agreeing = np.empty(n, np.int32)
    for b in range(states.shape[0]):
        least = find_distances(bits, state_bits[b], distance)
        offset = first_class(least, cavity) if relative else 0
        _sort_by_class(distance, order, starts)
        agreeing[:] = 0
        out[b] = 0.0
        pending = False
        for d in range(least, n + 1):
            members = order[starts[d]: starts[d + 1]]
            if len(members) == 0 and not pending:
                continue
            _sum_members(members, patterns, projected, same or not cavity, counters, sums)
            if cavity:
                _add_cavity_class(sums, agreeing, states[b], table[d - 1 - offset] if d > offset else 0.0, out[b])
                pending = len(members) > 0
            else:
                for i in range(n):
                    out[b, i] += table[d - offset] * sums[0, i]


@njit(cache=True, error_model="numpy", nogil=True)
def first_class(least, cavity):
    """Lowest class there may be when the nearest memory is at distance `least`."""
    return max(least - 1, 0) if cavity else least


@njit(cache=True, error_model="numpy", nogil=True)
def _sort_by_class(distance, order, starts):
    """Counting sort: the members of class d are order[starts[d]: starts[d + 1]]."""
    starts[:] = 0
    for mu in range(len(distance)):
        starts[distance[mu] + 1] += 1
    for d in range(1, len(starts)):
        starts[d] += starts[d - 1]
    for mu in range(len(distance)):
        order[starts[distance[mu]]] = mu
        starts[distance[mu]] += 1
    for d in range(len(starts) - 1, 0, -1):
        starts[d] = starts[d - 1]
    starts[0] = 0


@njit(cache=True, error_model="numpy", nogil=True)
def _sum_members(members, patterns, projected, same, counters, sums):
    """sums[0] = Σ ξ', sums[1] = Σ ξ'ξ over the members of a class, in 8-bit counters first."""
    sums[0] = 0
    sums[1] = len(members)
    for first in range(0, len(members), COUNTED):
        counters[:] = 0
        some = members[first: first + COUNTED]
        for m in range(0, len(some) - 1, 2):
            _count_two(projected[some[m]], projected[some[m + 1]], patterns[some[m]], patterns[some[m + 1]], same,
                       counters[0], counters[1])
        if len(some) % 2:
            _count_one(projected[some[-1]], patterns[some[-1]], same, counters[0], counters[1])
        for i in range(sums.shape[1]):
            sums[0, i] += counters[0, i]
            sums[1, i] += counters[1, i]


@njit(cache=True, error_model="numpy", nogil=True)
def _count_two(first, second, first_pattern, second_pattern, same, signs, unlike):
    """signs += Σ ξ', unlike += Σ (ξ'ξ − 1): of two memories at once, which is faster."""
    if same:
        for i in range(len(signs)):
            signs[i] = np.int8(signs[i] + first[i] + second[i])
    else:
        for i in range(len(signs)):
            signs[i] = np.int8(signs[i] + first[i] + second[i])
            unlike[i] = np.int8(unlike[i] + (first[i] ^ first_pattern[i]) + (second[i] ^ second_pattern[i]))


@njit(cache=True, error_model="numpy", nogil=True)
def _count_one(one, pattern, same, signs, unlike):
    for i in range(len(signs)):
        signs[i] = np.int8(signs[i] + one[i])
        if not same:
            unlike[i] = np.int8(unlike[i] + (one[i] ^ pattern[i]))


@njit(cache=True, error_model="numpy", nogil=True)
def _add_cavity_class(sums, agreeing, state, weight, field):
    """Class d − 1 is complete with those that agree at distance d − 1 (kept) and those that do not at distance d."""
    for i in range(len(field)):
        signed = state[i] * sums[1, i]
        field[i] += weight * (agreeing[i] + (sums[0, i] - signed) // 2)
        agreeing[i] = (sums[0, i] + signed) // 2


@njit(cache=True, error_model="numpy", nogil=True)
def field_of_neuron(bits, projected_bits, distance, state, i, table, cavity, offset, counts):
    """Field of neuron i, from the distances of all memories from the state (in bits)."""
    counts[:] = 0
    word, place = i >> 6, np.uint64(i & 63)
    one = np.uint64(1)
    for mu in range(bits.shape[0]):
        differs = ((bits[mu, word] ^ state[word]) >> place) & one if cavity else np.uint64(0)
        sign = 2 * np.int64((projected_bits[mu, word] >> place) & one) - 1
        counts[distance[mu] - np.int64(differs)] += sign
    field = 0.0
    for k in range(offset, len(counts)):
        if counts[k] != 0:
            field += table[k - offset] * counts[k]
    return field


@njit(cache=True, error_model="numpy", nogil=True)
def settle_doubtful(bits, projected_bits, state_bits, fields, bound, n, table, cavity, relative):
    """Replaces every field that may have the wrong sign, |h| <= bound of its state, by the exact one."""
    distance = np.empty(bits.shape[0], np.int32)
    counts = np.empty(n + 1, np.int64)
    for b in range(fields.shape[0]):
        known = False
        offset = 0
        for i in range(n):
            if abs(fields[b, i]) > bound[b]:
                continue
            if not known:
                least = find_distances(bits, state_bits[b], distance)
                offset = first_class(least, cavity) if relative else 0
                known = True
            fields[b, i] = field_of_neuron(bits, projected_bits, distance, state_bits[b], i, table, cavity, offset,
                                           counts)


@njit(cache=True, error_model="numpy", nogil=True)
def look_up(overlap, n, mean, half, halves, magnitude):
    """overlap (states, memories) becomes mean[d], `halves` half[d]; `magnitude` grows by the sizes of both."""
    neurons, one_half = np.float32(n), np.float32(0.5)
    for b in range(overlap.shape[0]):
        row, other = overlap[b], halves[b]
        for mu in range(len(row)):
            d = np.uint64(np.int64(one_half * (neurons - row[mu])))
            row[mu] = mean[d]
            other[mu] = half[d]
        magnitude[b] += _size(row) + _size(other)


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc"})
def _size(row):
    total = np.float32(0)
    for mu in range(len(row)):
        total += abs(row[mu])
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def add_products(fields, projected, own, states):
    """fields += Σ mean ξ' − s Σ half ξ'ξ, in double precision."""
    for b in range(fields.shape[0]):
        for i in range(fields.shape[1]):
            fields[b, i] += projected[b, i] - states[b, i] * own[b, i]


@njit(cache=True, error_model="numpy", nogil=True)
def take_signs(fields, states, out):
    """The sign of each field; where it is 0 the neuron stays as it is."""
    for b in range(fields.shape[0]):
        for i in range(fields.shape[1]):
            h = fields[b, i]
            out[b, i] = np.int8(h > 0) - np.int8(h < 0) + np.int8(h == 0) * states[b, i]


@njit(cache=True, error_model="numpy", nogil=True)
def start_relaxation(bits, state, table, relative, distance, drive):
    """Distances of all memories, and what each drives its neurons with. Returns the part common to all neurons."""
    least = find_distances(bits, state, distance)
    return _set_drive(distance, least, table, relative, drive)


@njit(cache=True, error_model="numpy", nogil=True)
def _set_drive(distance, least, table, relative, drive):
    """σ_i h_i = common + σ_i Σ ξ_i drive, where ξ_i σ_i = 1 has table[d] and ξ_i σ_i = −1 has −table[d − 1]."""
    n = len(table)
    offset = first_class(least, True) if relative else 0
    common = 0.0
    for mu in range(len(distance)):
        d = distance[mu] - offset
        agree = table[d] if distance[mu] < n else 0.0
        differ = table[d - 1] if distance[mu] > 0 else 0.0
        drive[mu] = 0.5 * (agree + differ)
        common += 0.5 * (agree - differ)
    return common


@njit(cache=True, error_model="numpy", nogil=True)
def relax_sweep(columns, table, relative, state, order, distance, drive, common):
    """One asynchronous sweep: each neuron flips if that lowers the energy. Returns (flips, common)."""
    flips = 0
    for i in order:
        if common + state[i] * _dot(columns[i], drive) < 0:
            least = _flip(columns[i], state[i], distance)
            state[i] = -state[i]
            common = _set_drive(distance, least, table, relative, drive)
            flips += 1
    return flips, common


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc", "contract"})
def _dot(column, drive):
    total = 0.0
    for mu in range(len(column)):
        total += column[mu] * drive[mu]
    return total


@njit(cache=True, error_model="numpy", nogil=True)
def _flip(column, was, distance):
    least = np.int64(distance[0]) + column[0] * was
    for mu in range(len(column)):
        distance[mu] += column[mu] * was
        least = min(least, np.int64(distance[mu]))
    return least


@njit(cache=True, error_model="numpy", nogil=True)
def count_wrong(bits, projected_bits, chosen, n, table, cavity, low, high, left_out, most):
    """Number of the chosen memories whose image under one update is not what they project to; stops at `most`.

    Memories at distances low ... high are left out at first; only neurons that what is left out could turn, being
    within `HOEFFDING` standard deviations, are computed. Their sum has at most the variance `left_out`.
    """
    p = bits.shape[0]
    columns = _two_columns(bits)
    distance = np.empty(p, np.int32)
    large = np.empty(p, np.int32)
    counts = np.empty(n + 1, np.int64)
    halves = projected_bits.view(np.uint32)
    partial = np.empty(32 * halves.shape[1], np.float32)
    mean, half = _two_values(table, n, cavity)
    wrong = 0
    for mu in chosen:
        number = _find_large(bits, columns, bits[mu], low, high, distance, large)
        halves_left_out, rounding = _add_large(large[:number], distance, mean, half, halves, partial)
        margin = HOEFFDING * np.sqrt(left_out + halves_left_out) + rounding
        for i in range(n):
            target = _sign_of(projected_bits[mu], i)
            if target * partial[i] > margin:
                continue
            field = field_of_neuron(bits, projected_bits, distance, bits[mu], i, table, cavity, 0, counts)
            if target * field < 0 or (field == 0 and _sign_of(bits[mu], i) != target):
                wrong += 1
                break
        if wrong >= most:
            break
    return wrong


@njit(cache=True, error_model="numpy", nogil=True)
def _sign_of(words, i):
    return 2 * np.int64((words[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)) - 1


@njit(cache=True, error_model="numpy", nogil=True)
def _two_columns(bits):
    """The first two words of all memories, each in one piece; a second one of zeros if there is only one."""
    columns = np.zeros((2, bits.shape[0]), np.uint64)
    for w in range(min(2, bits.shape[1])):
        columns[w] = bits[:, w]
    return columns


@njit(cache=True, error_model="numpy", nogil=True)
def _two_values(table, n, cavity):
    """Mean and half difference of the two cavity values of each distance."""
    mean = np.empty(n + 1)
    half = np.zeros(n + 1)
    for d in range(n + 1):
        agree = table[min(d, len(table) - 1)]
        differ = table[max(d - 1, 0)] if cavity else agree
        mean[d] = 0.5 * (agree + differ)
        half[d] = 0.5 * (differ - agree)
    return mean, half


@njit(cache=True, error_model="numpy", nogil=True)
def _find_large(bits, columns, state, low, high, distance, large):
    """Distances of all memories; returns how many are outside low ... high, listed in `large`."""
    first, second = columns[0], columns[1]
    number = np.uint64(0)
    lowest, span = np.uint64(low), np.uint64(high - low)
    if bits.shape[1] > 2:
        find_distances(bits, state, distance)
        for mu in range(len(distance)):
            if np.uint64(distance[mu]) - lowest > span:
                large[number] = mu
                number += np.uint64(1)
        return number
    a = state[0]
    b = state[1] if len(state) > 1 else np.uint64(0)
    for mu in range(len(distance)):
        d = popcount(first[mu] ^ a) + popcount(second[mu] ^ b)
        distance[mu] = np.int32(d)
        if d - lowest > span:
            large[number] = np.int32(mu)
            number += np.uint64(1)
    return number


@njit(cache=True, error_model="numpy", nogil=True)
def _add_large(large, distance, mean, half, halves, partial):
    """partial = Σ mean[d] ξ' over the memories that count, ξ' = 2 bit − 1.

    Returns Σ half[d]², which is left out, and more than what rounding to single precision may take away.
    """
    partial[:] = 0
    rest, magnitude, total = 0.0, 0.0, 0.0
    for mu in large:
        d = distance[mu]
        rest += half[d] * half[d]
        magnitude += abs(mean[d])
        total += mean[d]
    fours = len(large) // 4 * 4
    for w in range(halves.shape[1]):
        part = partial[32 * w: 32 * w + 32]
        for m in range(0, fours, 4):
            _add_four(large[m: m + 4], w, distance, mean, halves, part)
        for mu in large[fours:]:
            for b in range(32):
                part[b] += np.float32(mean[distance[mu]]) * np.float32((halves[mu, w] >> b) & 1)
    for i in range(len(partial)):
        partial[i] = 2 * partial[i] - total
    return rest, 4 * (len(large) + 4) * SINGLE * magnitude


@njit(cache=True, error_model="numpy", nogil=True)
def _add_four(large, w, distance, mean, halves, part):
    """Four memories at once: a quarter of the loads and stores."""
    nothing = np.float32(0)
    a, b, c, d = halves[large[0], w], halves[large[1], w], halves[large[2], w], halves[large[3], w]
    weight_a, weight_b = np.float32(mean[distance[large[0]]]), np.float32(mean[distance[large[1]]])
    weight_c, weight_d = np.float32(mean[distance[large[2]]]), np.float32(mean[distance[large[3]]])
    for i in range(32):
        bit = PLACES[i]
        first = (weight_a if (a & bit) != 0 else nothing) + (weight_b if (b & bit) != 0 else nothing)
        second = (weight_c if (c & bit) != 0 else nothing) + (weight_d if (d & bit) != 0 else nothing)
        part[i] += first + second
