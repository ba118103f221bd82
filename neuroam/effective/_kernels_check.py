# mypy: ignore-errors
"""Compiled check of many transitions between independent random patterns.

Fields are sums over classes of overlap, as in the kernels of a single memory; `bits` are the patterns, 64 neurons to a
word, from the lowest bit on.
"""
import numpy as np
from numba import njit, types
from numba.extending import intrinsic

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
