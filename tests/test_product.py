"""The product of weights with the emissions of many trials, against numpy's."""
from __future__ import annotations

import numpy as np
import pytest

from neuroam.solvers._kernels_product import DEPTH, ROWS, add_product, room


def multiply(weight, r, drive):
    rows = np.zeros((max(len(weight), ROWS), weight.shape[1]), weight.dtype)
    rows[:len(weight)] = weight
    add_product(drive, rows, r, *room(len(r), r.shape[1], r.dtype))
    return drive


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_post", "n_pre", "n_trials"), [
    (12, 7, 32), (13, 1, 1), (1, 9, 8), (ROWS - 1, 30, 17), (ROWS, 4, 15), (ROWS + 1, 4, 33), (40, DEPTH + 3, 20)])
def test_whole_numbers_are_added_exactly(n_post, n_pre, n_trials, dtype):
    draw = np.random.default_rng(0).integers
    weight, r, drive = (draw(-9, 10, shape).astype(dtype) for shape in (
        (n_post, n_pre), (n_pre, n_trials), (n_post, n_trials)))
    expected = drive + weight @ r
    np.testing.assert_array_equal(multiply(weight, r, drive), expected)


def test_the_room_can_be_used_again():
    draw = np.random.default_rng(1).standard_normal
    weight, columns = draw((20, 50)), room(50, 11, np.dtype(float))
    for _ in range(3):
        r, drive = draw((50, 11)), np.zeros((20, 11))
        add_product(drive, weight, r, *columns)
        np.testing.assert_allclose(drive, weight @ r, rtol=1e-12, atol=1e-13)


def test_what_is_not_a_number_stays_in_its_trial_and_cell():
    weight, r = np.ones((8, 5)), np.ones((5, 3))
    weight[2, 4] = np.inf
    r[0, 1] = np.nan
    drive = multiply(weight, r, np.zeros((8, 3)))
    assert np.isnan(drive[:, 1]).all() and np.isinf(drive[2, [0, 2]]).all()
    np.testing.assert_array_equal(np.delete(drive, 2, axis=0)[:, [0, 2]], 5)
