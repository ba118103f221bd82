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
SINGLE = 2.0 ** -24  # relative rounding of single precision
TINY = 2.0 ** -140  # more than what one product loses where single precision has no smaller numbers
SMALL = 0.1  # of the root of the sum of squares of what memories add
WEIGHED = 1024  # memories added up in single precision


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
    """Class d − 1 is complete with those that agree at distance d − 1 (kept, twice) and those that do not at d."""
    for i in range(len(field)):
        signed = state[i] * sums[1, i]
        field[i] += 0.5 * weight * (agreeing[i] + sums[0, i] - signed)
        agreeing[i] = sums[0, i] + signed


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
def weigh_projected(bits, patterns, projected, same, state_bits, states, mean, half, fields, bound):
    """Fields of a few states in single precision, and what they may be wrong by.

    Where one memory stands out, those that together cannot outweigh a tenth of it are left out. So is the own part of
    the fields, −s Σ half ξ'ξ, which takes as long as the rest, where it is small beside that.
    """
    p, n = projected.shape
    distance, kept = np.empty(p, np.int32), np.empty(p, np.int32)
    weights, halves = np.empty(p, np.float32), np.empty(p, np.float32)
    partial, own = np.empty(n, np.float32), np.empty(n, np.float32)
    for b in range(states.shape[0]):
        find_distances(bits, state_bits[b], distance)
        number, left_out = _keep_large(distance, mean, half, kept, weights, halves)
        own_size, total = _size(halves[:number]), _total(halves[:number])
        alone = not same and own_size < SMALL * np.sqrt(_square(weights[:number]))
        rounding = (WEIGHED + 4) * SINGLE * (_size(weights[:number]) + 4 * own_size) + p * TINY
        bound[b] = rounding + left_out + (own_size if alone else 0)
        own[:] = 0
        for i in range(n):
            fields[b, i] = 0.0 if alone else -states[b, i] * total
        for first in range(0, number, WEIGHED):
            some = slice(first, min(first + WEIGHED, number))
            _weigh(projected, kept[some], weights[some], partial)
            if not same and not alone:
                _weigh_unlike(projected, patterns, kept[some], halves[some], own)
            for i in range(n):
                fields[b, i] += partial[i] - states[b, i] * own[i]


@njit(cache=True, error_model="numpy", nogil=True)
def _keep_large(distance, mean, half, kept, weights, halves):
    """Lists the memories that are kept with their weights; returns their number and the sum of the others' sizes."""
    p = len(distance)
    largest = np.float32(0)
    for mu in range(p):
        weights[mu] = mean[distance[mu]]
        largest = max(largest, abs(weights[mu]))
    least = np.float32(SMALL * largest / p) if largest ** 2 > 0.5 * _square(weights) else np.float32(0)
    number, left_out = 0, 0.0
    for mu in range(p):
        weight, other = weights[mu], half[distance[mu]]
        if abs(weight) < least:
            left_out += abs(weight) + abs(other)
        else:
            kept[number], weights[number], halves[number] = mu, weight, other
            number += 1
    return number, left_out


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract"})
def _weigh(rows, kept, weights, out):
    """out = Σ weight · row over the rows kept, four at a time, which is faster."""
    out[:] = 0
    fours = len(kept) // 4 * 4
    for m in range(0, fours, 4):
        first, second, third, fourth = rows[kept[m]], rows[kept[m + 1]], rows[kept[m + 2]], rows[kept[m + 3]]
        a, b, c, d = weights[m], weights[m + 1], weights[m + 2], weights[m + 3]
        for i in range(len(out)):
            out[i] += (a * np.float32(first[i]) + b * np.float32(second[i])) + (
                c * np.float32(third[i]) + d * np.float32(fourth[i]))
    for m in range(fours, len(kept)):
        row = rows[kept[m]]
        for i in range(len(out)):
            out[i] += weights[m] * np.float32(row[i])


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract"})
def _weigh_unlike(rows, others, kept, weights, out):
    """out = Σ weight · (row · other − 1), for rows of ±1, two at a time."""
    out[:] = 0
    for m in range(0, len(kept) - 1, 2):
        first, second = rows[kept[m]], rows[kept[m + 1]]
        other_first, other_second = others[kept[m]], others[kept[m + 1]]
        a, b = weights[m], weights[m + 1]
        for i in range(len(out)):
            out[i] += a * np.float32(first[i] ^ other_first[i]) + b * np.float32(second[i] ^ other_second[i])
    if len(kept) % 2:
        row, other = rows[kept[-1]], others[kept[-1]]
        for i in range(len(out)):
            out[i] += weights[-1] * np.float32(row[i] ^ other[i])


@njit(cache=True, error_model="numpy", nogil=True)
def look_up(words, state_bits, mean, half, weights, halves, magnitude):
    """weights (states, memories) = mean[d], `halves` = half[d] for the distances d of memories, their bits as `words`
    (words, memories); `magnitude` grows by the sizes of both."""
    distance = np.empty(words.shape[1], np.uint32)
    for b in range(len(state_bits)):
        row, other = weights[b], halves[b]
        distance[:] = 0
        for w in range(words.shape[0]):
            word, state = words[w], state_bits[b, w]
            for mu in range(len(row)):
                distance[mu] += np.uint32(popcount(word[mu] ^ state))
        for mu in range(len(row)):
            row[mu], other[mu] = mean[distance[mu]], half[distance[mu]]
        magnitude[b] += _size(row) + _size(other)


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc"})
def _size(row):
    total = np.float32(0)
    for mu in range(len(row)):
        total += abs(row[mu])
    return total


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc"})
def _total(row):
    total = 0.0
    for mu in range(len(row)):
        total += row[mu]
    return total


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"reassoc"})
def _square(row):
    total = 0.0
    for mu in range(len(row)):
        total += row[mu] * row[mu]
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
