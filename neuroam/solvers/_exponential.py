"""e^y for y ≤ 0, as instructions that compilers turn into vectors; a library's function they call for each number.

e^y = 2^k e^(y − k ln 2) for the whole k next to y / ln 2, and what is left by its Taylor series, whose rest is below
the rounding of the type (Muller 2016, Elementary Functions, 3rd ed., ch. 11). Numba's cache does not notice when this
file is edited: kernels that use it are compiled anew only when they are saved as well.
"""
from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

LOST = 2.319046813846299558e-17  # of ln 2 in double precision


@intrinsic
def exponential(typing, y):
    """0 where e^y is below the least normal number of the type, NaN of NaN."""
    kind = np.finfo(y.name)

    def generate(context, builder, signature, arguments):
        y, = arguments
        number, whole = y.type, ir.IntType(kind.bits)
        fused = ("contract",)

        def add(a, b):
            return builder.fadd(a, b, flags=fused)

        def times(a, b):
            return builder.fmul(a, b, flags=fused)

        octave = math.floor(math.log(2) * 2 ** (kind.nmant // 2)) / 2 ** (kind.nmant // 2)  # times a whole k: exact
        least = number(math.ceil(math.log(kind.smallest_normal)))
        none = builder.fcmp_ordered("<", y, least)
        inside = builder.select(none, least, y)
        to_whole = number(1.5 * 2**kind.nmant)  # added to a number, this leaves its whole part in the last bits
        last = add(times(inside, number(1 / math.log(2))), to_whole)
        k = builder.fsub(last, to_whole)
        part = add(add(inside, times(k, number(-octave))), times(k, number(octave - math.log(2) - LOST)))
        series = [1 / math.factorial(n) for n in range(8 if kind.bits == 32 else 14)]
        power = number(series[-1])
        for term in series[-2::-1]:
            power = add(times(power, part), number(term))
        exponent = builder.add(builder.bitcast(last, whole), whole(int(1 - kind.minexp)))
        octaves = builder.bitcast(builder.shl(exponent, whole(kind.nmant)), number)
        return builder.select(none, number(0), times(power, octaves))

    return y(y), generate

