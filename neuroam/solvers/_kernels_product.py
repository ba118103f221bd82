"""drive += W r for many trials, which lie side by side in memory.

A library copies W in every product, to read it in order. Here it is read as it lies: a tile of the result, ROWS cells ×
two vectors of trials, stays in registers while rows of W and columns of r pass by; only r, which is small, is laid out
by tiles. Why a tile of this shape comes near the machine's peak: Goto & van de Geijn 2008, ACM Trans. Math. Softw.
34(3): 12. Compilers do not find it in loops over numbers, so the tile is written in vectors.
"""
from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 6  # with two vectors each 12 sums: what 16 registers hold beside three operands
DEPTH = 1024  # presynaptic cells at once, so that a column of r stays in the cache
VECTOR = 64 if binding.get_host_cpu_features().get("avx512f") else 32  # bytes


def room(n_pre: int, n_trials: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """What `add_product` works in: r by columns of two vectors, (columns, n_pre, trials), and a tile of the result."""
    width = 2 * VECTOR // dtype.itemsize
    return np.zeros((-(-n_trials // width), n_pre, width), dtype), np.zeros((ROWS, width), dtype)


@intrinsic
def _add_tile(typing, out, at_row, at_trial, weight, row, first, column):
    """out[at_row: at_row + ROWS, at_trial: …] += W[row: row + ROWS, first: first + len(column)] column."""
    number = weight.dtype
    lanes = 8 * VECTOR // number.bitwidth

    def generate(context, builder, signature, arguments):
        to, at_row, at_trial, w, row, first, r = arguments
        to, w, r = (context.make_array(kind)(context, builder, array)
                    for kind, array in ((out, to), (weight, w), (column, r)))
        index, vector = row.type, ir.VectorType(context.get_value_type(number), lanes)
        whole = {"align": number.bitwidth // 8}

        def number_at(kind, array, *place):
            return cgutils.get_item_pointer(context, builder, kind, array, place)

        def vector_at(kind, array, *place):
            return builder.bitcast(number_at(kind, array, *place), vector.as_pointer())

        def everywhere(value):
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
            return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))

        zero = ir.Constant(vector, [0.0] * lanes)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(2)] for _ in range(ROWS)]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, r.shape)[0]) as loop:
            trials = [builder.load(vector_at(column, r, loop.index, index(v * lanes)), **whole) for v in range(2)]
            for i in range(ROWS):
                place = builder.add(row, index(i)), builder.add(first, loop.index)
                same = everywhere(builder.load(number_at(weight, w, *place)))
                for v in range(2):
                    part = builder.fmul(same, trials[v], flags=("contract",))
                    builder.store(builder.fadd(builder.load(sums[i][v]), part, flags=("contract",)), sums[i][v])
        for i in range(ROWS):
            for v in range(2):
                place = vector_at(out, to, builder.add(at_row, index(i)), builder.add(at_trial, index(v * lanes)))
                total = builder.fadd(builder.load(place, **whole), builder.load(sums[i][v]))
                builder.store(total, place, **whole)
        return context.get_dummy_value()

    return types.void(out, types.intp, types.intp, weight, types.intp, types.intp, column), generate


@njit(cache=True, error_model="numpy")
def add_product(drive, weight, r, columns, tile):
    """`weight` (n_post or, if that is more, ROWS; n_pre), r (n_pre, n_trials), drive (n_post, n_trials), by rows."""
    n_post, n_trials, width = len(drive), drive.shape[1], tile.shape[1]
    _lay_out(r, columns)
    for first in range(0, len(r), DEPTH):
        for row in range(0, n_post, ROWS):
            for c in range(len(columns)):
                column, trial = columns[c, first: first + DEPTH], c * width
                if row + ROWS <= n_post and trial + width <= n_trials:
                    _add_tile(drive, row, trial, weight, row, first, column)
                    continue
                start = max(min(row, n_post - ROWS), 0)
                tile[:] = 0
                _add_tile(tile, 0, 0, weight, start, first, column)
                for i in range(row, min(row + ROWS, n_post)):
                    for b in range(min(width, n_trials - trial)):
                        drive[i, trial + b] += tile[i - start, b]


@njit(cache=True, error_model="numpy")
def _lay_out(r, columns):
    width = columns.shape[2]
    for c in range(len(columns)):
        for j in range(len(r)):
            for b in range(min(width, r.shape[1] - c * width)):
                columns[c, j, b] = r[j, c * width + b]
