"""Fits: parameters put in come out, scikit-learn and scipy agree, intervals cover, and no transition is no number."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neuroam.analysis.fit import logistic, logistic_fit, power_law, transition
from neuroam.prediction import DescriptionError

LOAD = np.linspace(0.05, 0.25, 9)


def drawn(midpoint, width, animals=20, trials=10, seed=0, load=LOAD):
    """Successes, 1 or 0, (animal, load, trial)."""
    p = logistic(load, midpoint, width)
    values = np.random.default_rng(seed).random((animals, len(load), trials)) < p[None, :, None]
    return xr.DataArray(values.astype(float), dims=("animal", "load", "trial"), coords={"load": load})


def test_the_middle_and_width_put_in_come_out():
    for midpoint, width in ((0.14, -0.01), (0.17, 0.02), (0.12, -0.03)):
        found = transition(drawn(midpoint, width, trials=400), "load")
        assert float(found["midpoint"]) == pytest.approx(midpoint, abs=0.002)
        assert float(found["width"]) == pytest.approx(width, rel=0.05)
        assert logistic(midpoint, midpoint, width) == 0.5


def test_scikit_learn_fits_the_same_curve():
    """Its C is the variance of the slope, on an axis in standard units."""
    linear = pytest.importorskip("sklearn.linear_model")
    outcome = drawn(0.14, -0.02, animals=6, trials=5)
    z = (LOAD - LOAD.mean()) / LOAD.std()
    theirs = linear.LogisticRegression(C=1000, tol=1e-12, max_iter=10_000)
    theirs.fit(np.tile(np.repeat(z, 5), 6)[:, None], outcome.values.ravel())
    slope, intercept = theirs.coef_[0, 0], theirs.intercept_[0]
    found = transition(outcome, "load")
    assert float(found["midpoint"]) == pytest.approx(LOAD.mean() - LOAD.std() * intercept / slope, rel=1e-5)
    assert float(found["width"]) == pytest.approx(LOAD.std() / slope, rel=1e-5)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """100 experiments of 20 animals; a percentile interval covers a little less than 95 %."""
    covered = 0
    for seed in range(100):
        found = transition(drawn(0.14, -0.015, trials=1, seed=seed), "load", seed=seed)
        covered += float(found["low"]) <= 0.14 <= float(found["high"])
    assert 86 <= covered <= 100


def test_an_abrupt_end_has_its_transition_in_the_middle_of_the_gap():
    for tried in (1, 20, 200):
        fractions = np.where(LOAD < 0.16, 1.0, 0.0)[None] * tried
        midpoint, width = logistic_fit(LOAD, fractions, np.full((1, 9), float(tried)))
        assert midpoint[0] == pytest.approx(0.1625, abs=1e-3) and -0.006 < width[0] < 0
    quasi = np.array([[20.0, 20, 20, 20, 10, 0, 0, 0, 0]])
    assert logistic_fit(LOAD, quasi, np.full((1, 9), 20.0))[0][0] == pytest.approx(0.15, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_a_transition_there_is_no_number(value):
    found = transition(xr.full_like(drawn(0.14, -0.01), value), "load")
    assert all(np.isnan(found[name]) for name in ("midpoint", "width", "low", "high"))
    np.testing.assert_array_equal(found["fraction"], value)


def test_what_was_not_tried_does_not_count():
    outcome = drawn(0.14, -0.02)
    gaps = outcome.where(np.random.default_rng(1).random(outcome.shape) < 0.7)
    one, other = (transition(o, "load") for o in (gaps, outcome))
    assert float(one["midpoint"]) == pytest.approx(float(other["midpoint"]), abs=0.005)
    np.testing.assert_allclose(one["fraction"], gaps.mean(("animal", "trial")))
    empty = outcome.where(outcome["load"] > 0.06)
    assert np.isnan(transition(empty, "load")["fraction"][0]) and not np.isnan(transition(empty, "load")["midpoint"])


def test_one_animal_has_no_interval():
    found = transition(drawn(0.14, -0.02, animals=1, trials=50), "load")
    assert not np.isnan(found["midpoint"]) and np.isnan(found["low"]) and np.isnan(found["high"])


def test_fractions_do_as_well_as_trials():
    outcome = drawn(0.14, -0.02)
    one, other = transition(outcome, "load"), transition(outcome.mean("trial"), "load")
    assert float(one["midpoint"]) == pytest.approx(float(other["midpoint"]), rel=1e-3)


def test_an_axis_without_numbers_is_answered():
    outcome = drawn(0.14, -0.02)
    with pytest.raises(DescriptionError, match="two or more different numbers"):
        transition(outcome.isel(load=[0]), "load")
    with pytest.raises(DescriptionError, match=r"axis 'load' is \['a'"):
        transition(outcome.assign_coords(load=list("abcdefghi")), "load")


# power law

SIZE = np.array([8, 16, 32, 64, 128.0])


def grown(exponent, noise=0.0, animals=20, seed=0):
    factor = np.exp(noise * np.random.default_rng(seed).normal(size=(animals, 5)))
    return xr.DataArray(2 * SIZE**exponent * factor, dims=("animal", "size"), coords={"size": SIZE})


def test_the_exponent_put_in_comes_out():
    found = power_law(grown(0.5), "size")
    for name, value in (("exponent", 0.5), ("factor", 2), ("low", 0.5), ("high", 0.5)):
        assert float(found[name]) == pytest.approx(value, rel=1e-9)


def test_intervals_of_exponents_cover():
    """Animals resampled: about 95 in 100 of experiments with one noise, and the other way round with Student's t."""
    animals = [power_law(grown(0.5, 0.3, seed=seed), "size", seed=seed) for seed in range(60)]
    alone = [power_law(grown(0.5, 0.3, 1, seed).isel(animal=0), "size") for seed in range(200)]
    for found, least in ((animals, 0.83), (alone, 0.9)):
        inside = np.mean([float(f["low"]) <= 0.5 <= float(f["high"]) for f in found])
        assert inside >= least


def test_scipy_has_the_same_line():
    values = grown(0.7, 0.2, 1).isel(animal=0)
    found, theirs = power_law(values, "size"), stats.linregress(np.log(SIZE), np.log(values.values))
    half = stats.t.ppf(0.975, 3) * theirs.stderr
    assert float(found["exponent"]) == pytest.approx(theirs.slope, rel=1e-9)
    assert float(found["high"]) == pytest.approx(theirs.slope + half, rel=1e-9)


def test_points_at_zero_are_left_out_and_too_few_are_nan():
    values = grown(0.5).isel(animal=0).copy()
    values[0] = 0
    assert float(power_law(values, "size")["exponent"]) == pytest.approx(0.5)
    assert np.isnan(power_law(0 * values, "size")["exponent"])
    two = power_law(values.isel(size=[1, 2]), "size")
    assert float(two["exponent"]) == pytest.approx(0.5) and np.isnan(two["low"])
