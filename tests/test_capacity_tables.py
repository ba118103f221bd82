"""The table of capacities beside known ones: its rows run, and its verdicts are those of intervals."""
from __future__ import annotations

import numpy as np
import pytest

from benchmarks.capacity_tables import main, recalled_on_sphere, told


def test_a_verdict_is_that_of_the_interval():
    values = np.array([1.0, 1.1, 0.9, 1.0])
    assert told(values, 1.0, 0.2).endswith("✓")
    assert told(values, 2.0, 0.2).endswith("✗")
    assert told(values, 1.1, 0.1).endswith("?")
    assert told(values, 1.0, np.inf).endswith("]")


def test_a_table_has_a_row_for_each_known_number(capsys):
    main(["--only", "dense", "--networks", "2"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 and all(line.count("|") == 6 for line in lines)


@pytest.mark.parametrize("dimension, known", [(8, 24), (10, 93)])
def test_a_softmax_memory_loses_half_around_the_known_load(dimension, known):
    """Control that must fail: at three times the known number less than half is left."""
    rng = np.random.default_rng(0)
    few, many = (np.mean([recalled_on_sphere(dimension, k, rng) for _ in range(10)]) for k in (known // 2, 3 * known))
    assert few > 0.6 and many < 0.3
