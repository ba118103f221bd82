"""The softmax of many trials and its exponential, against extended precision and the transfer function."""
from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from neuroam.solvers._exponential import exponential
from neuroam.solvers._kernels import SOFTMAX, _emit_layer
from neuroam.solvers._kernels_softmax import soften
from neuroam.transfer import Softmax

TYPES = [np.float32, np.float64]


@njit
def exponentials(y):
    out = np.empty_like(y)
    for i in range(len(y)):
        out[i] = exponential(y[i])
    return out


@pytest.mark.parametrize("dtype", TYPES)
def test_the_exponential_is_right_to_its_last_digit(dtype):
    kind = np.finfo(dtype)
    for y in (np.linspace(np.ceil(np.log(kind.smallest_normal)), 0, 200_000), -np.logspace(-40, 1, 1000)):
        exact = np.exp(y.astype(dtype).astype(np.longdouble))
        assert np.abs(exponentials(y.astype(dtype)) / exact - 1).max() < kind.eps


@pytest.mark.parametrize("dtype", TYPES)
def test_its_ends(dtype):
    np.testing.assert_array_equal(exponentials(np.array([0, -1e4, -np.inf, np.nan], dtype)), [1, 0, 0, np.nan])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("ghost", [0, 0.5])
@pytest.mark.parametrize("offset", [0, -3e4, 3e4])
def test_it_is_the_transfer_function(dtype, ghost, offset):
    draw = np.random.default_rng(0).integers  # of quarters: differences of them are exact
    x, threshold, gain = (draw(-12, 13, shape).astype(dtype) / 4 for shape in ((70, 33), 70, 70))
    x += dtype(offset)
    out, work = np.empty_like(x), np.zeros((2, 33), dtype)
    with np.errstate(over="ignore"):  # the ghost beside very low drives
        soften(x, threshold, dtype(2), dtype(ghost), gain, out, *work)
    expected = gain[:, None] * Softmax(2, ghost)(x.astype(float), threshold[:, None].astype(float))
    np.testing.assert_allclose(out, expected, rtol=200 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("cell", [0, 3, 69])
def test_what_is_not_a_number_stays_one_in_all_cells(dtype, cell):
    x, zero, one = np.ones(70, dtype), np.zeros(70, dtype), np.ones(70, dtype)
    x[cell] = np.nan
    out, work = np.empty((70, 2), dtype), np.zeros((2, 2), dtype)
    soften(np.stack([one, x], axis=1), zero, dtype(2), dtype(0), one, out, *work)
    np.testing.assert_allclose(out[:, 0], 1 / 70, rtol=1e-5)
    assert np.isnan(out[:, 1]).all()
    _emit_layer(SOFTMAX, np.array([2, 0, 0], dtype), zero, one, x, work := np.empty_like(x))
    assert np.isnan(work).all()
