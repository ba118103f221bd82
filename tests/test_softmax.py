"""The softmax of many trials and its exponential, against extended precision and the transfer function."""
from __future__ import annotations

import numpy as np
import pytest

from neuroam.solvers._kernels_softmax import BLOCK, _exponentiate, digits, soften
from neuroam.transfer import Softmax

TYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", TYPES)
def test_the_exponential_is_right_to_its_last_digit(dtype):
    numbers = digits(np.dtype(dtype))
    for y in (-np.linspace(0, -float(numbers.least), 200 * BLOCK), -np.logspace(-40, 1, BLOCK)):
        exact = np.exp(y.astype(dtype).astype(np.longdouble))
        found = y.astype(dtype)
        for first in range(0, len(found), BLOCK):
            _exponentiate(found[first: first + BLOCK], numbers)
        assert np.abs(found / exact - 1).max() < np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", TYPES)
def test_its_ends(dtype):
    y = np.array([0, -1e4, -np.inf, np.nan], dtype)
    _exponentiate(y, digits(np.dtype(dtype)))
    np.testing.assert_array_equal(y, np.array([1, 0, 0, np.nan], dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("ghost", [0, 0.5])
@pytest.mark.parametrize("offset", [0, -3e4, 3e4])
def test_it_is_the_transfer_function(dtype, ghost, offset):
    draw = np.random.default_rng(0).integers  # of quarters: differences of them are exact
    x, threshold, gain = (draw(-12, 13, shape).astype(dtype) / 4 for shape in ((70, 33), 70, 70))
    x += dtype(offset)
    out, work = np.empty_like(x), np.zeros((2, 33), dtype)
    with np.errstate(over="ignore"):  # the ghost beside very low drives
        soften(x, threshold, dtype(2), dtype(ghost), gain, out, *work, digits(np.dtype(dtype)))
    expected = gain[:, None] * Softmax(2, ghost)(x.astype(float), threshold[:, None].astype(float))
    np.testing.assert_allclose(out, expected, rtol=200 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
