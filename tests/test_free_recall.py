"""Free recall: the walk on small lists by hand, the law with its finite sizes, and rules under which it must fail."""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from neuroam.effective.free_recall import (
    overlap_similarity,
    random_similarity,
    recall_law,
    recall_walk,
    recalled,
    sparse_patterns,
)
from neuroam.errors import DescriptionError

PAIRS = np.array([[0, 9, 1, 2], [9, 0, 5, 3], [1, 5, 0, 8], [2, 3, 8, 0]])


def mean_recall(items, runs, seed=0, **rule):
    """Mean number of items recalled, as a part of the law, with its standard error."""
    counts = []
    for run in range(runs):
        rng = np.random.default_rng([seed, items, run])
        similarity = random_similarity(items, rng)
        counts.append(recalled(recall_walk(similarity, int(rng.integers(items)), rng=rng, **rule)))
    return np.mean(counts) / recall_law(items), np.std(counts) / np.sqrt(runs) / recall_law(items)


def test_a_walk_by_hand():
    """0 → 1 (9) → not back, so 2 (5) → 3 (8) → 1 (3) → 0 (9) → 3 (2) → 2 (8) → 1 (5), and 1 → 0 has been taken."""
    path = recall_walk(PAIRS, 0)
    assert path.tolist() == [0, 1, 2, 3, 1, 0, 3, 2, 1]
    assert recalled(path) == 4


def test_no_step_goes_back_and_none_repeats():
    rng = np.random.default_rng(0)
    path = recall_walk(random_similarity(100, rng), 3)
    assert np.all(path[2:] != path[:-2]) and np.all(path[1:] != path[:-1])
    assert len(set(pairwise(path))) == len(path) - 1


def test_turning_back_ends_in_a_pair():
    assert recall_walk(PAIRS, 2, turn_back=True).tolist() == [2, 3, 2]


def test_a_walk_without_noise_needs_no_chance_and_noise_of_zero_is_none():
    similarity = random_similarity(50, np.random.default_rng(1))
    walks = [recall_walk(similarity, 7, rng=np.random.default_rng(seed)) for seed in (1, 2)]
    assert np.array_equal(*walks) and np.array_equal(walks[0], recall_walk(similarity, 7))


def test_law():
    assert recall_law(8) == pytest.approx(6.14, abs=.005)
    assert recall_law(32) / recall_law(8) == 2


@pytest.mark.parametrize("items, expected", [(8, .90), (16, .94), (32, .96), (64, .97)])
def test_small_lists_fall_short_of_the_law(items, expected):
    """Finite sizes, .90 at 8 items; within four standard errors."""
    ratio, error = mean_recall(items, 1000)
    assert abs(ratio - expected) < 4 * error
    assert ratio < 1


@pytest.mark.slow
def test_law_holds_over_two_decades():
    """R = √(3πM/2) within 6 %, from 32 to 512 items, and its exponent; 8 items recall .88 – .93 of it."""
    sizes = [8, 16, 32, 64, 128, 256, 512]
    ratios = np.array([mean_recall(items, 1600 if items < 100 else 800)[0] for items in sizes])
    assert ratios == pytest.approx([.90, .94, .96, .97, .97, .98, 1.00], abs=.04)
    assert np.all(abs(ratios[2:] - 1) < .06) and .88 < ratios[0] < .93
    law = [recall_law(items) for items in sizes]
    assert np.polyfit(np.log(sizes[2:]), np.log(ratios[2:] * law[2:]), 1)[0] == pytest.approx(.50, abs=.03)


def test_the_law_fails_when_the_walk_may_turn_back():
    """It is then caught by the first pair that prefers each other, whatever the length of the list."""
    small, large = (mean_recall(items, 200, turn_back=True)[0] * recall_law(items) for items in (16, 256))
    assert large < recall_law(256) / 4 and large < 2 * small


def test_the_law_fails_when_choices_are_noisy():
    """With noise the walk returns late and recalls a fixed part of the list: an exponent of one."""
    small, large = (mean_recall(items, 100, temperature=2.0)[0] * recall_law(items) for items in (16, 128))
    assert np.log(large / small) / np.log(128 / 16) > .7
    assert large > 1.5 * recall_law(128)


def mean_pattern_recall(items, runs, exact=False):
    counts = []
    for run in range(runs):
        rng = np.random.default_rng([items, run])
        similarity = overlap_similarity(sparse_patterns(items, 20_000, rng, exact=exact), rng)
        counts.append(recalled(recall_walk(similarity, int(rng.integers(items)))))
    return np.mean(counts) / recall_law(items), np.std(counts) / np.sqrt(runs) / recall_law(items)


@pytest.mark.parametrize("items, runs, expected", [
    (16, 500, .94), pytest.param(64, 400, .92, marks=pytest.mark.slow),
    pytest.param(256, 300, .92, marks=pytest.mark.slow)])
def test_overlaps_of_sparse_patterns(items, runs, expected):
    """20 000 neurons, one in a hundred active; four standard errors. Short lists are as with random similarities."""
    ratio, error = mean_pattern_recall(items, runs)
    assert abs(ratio - expected) < 4 * error


@pytest.mark.slow
def test_overlaps_of_equally_large_patterns_obey_the_law():
    assert mean_pattern_recall(256, 300, exact=True)[0] == pytest.approx(1, abs=.06)


def test_equally_large_patterns():
    assert np.all(sparse_patterns(5, 1000, np.random.default_rng(0), .02, exact=True).sum(axis=1) == 20)


def test_overlap_counts_shared_neurons_and_orders_equal_ones_by_chance():
    patterns = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
    similarity = overlap_similarity(patterns, np.random.default_rng(0))
    shared = patterns @ patterns.T
    assert np.all((similarity >= shared) & (similarity < shared + .5)) and np.all(similarity == similarity.T)
    first = {recall_walk(overlap_similarity(patterns, np.random.default_rng(seed)), 0)[1] for seed in range(20)}
    assert first == {1, 2}


@pytest.mark.parametrize("similarity, start, rule", [
    (np.ones((3, 4)), 0, {}), (np.ones((2, 2)), 0, {}), (np.full((4, 4), np.nan), 0, {}), (PAIRS, 4, {}),
    (PAIRS, -1, {}), (PAIRS, 0, {"temperature": -1}), (PAIRS, 0, {"temperature": 1})])
def test_refusals(similarity, start, rule):
    with pytest.raises(DescriptionError, match="recall"):
        recall_walk(similarity, start, **rule)
