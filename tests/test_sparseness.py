"""Sparseness of populations and of lives, and selectivity: closed forms."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from little_memory import answering

from neuroam.analysis.selectivity import contrast, depth, preferred, tuning
from neuroam.analysis.sparseness import lifetime_sparseness, population_sparseness, treves_rolls, vinje_gallant
from neuroam.analysis.trials import mean_by
from neuroam.recording import RecordingError

STIMULI = ["a", "b", "c", "d"]
CODE = np.array([[[4, 1, 2, 0], [0, 1, 2, 0], [0, 1, 0, 0], [0, 1, 0, 0]]])  # (animal, stimulus, unit)


def test_lifetimes_in_closed_form():
    """One of 4 stimuli: 1; all alike: 0; two of four: (1 − 1/2)/(1 − 1/4); none: NaN."""
    np.testing.assert_allclose(lifetime_sparseness(answering(CODE, STIMULI), "E").values[0], [1, 0, 2 / 3, np.nan],
                               atol=1e-12)


def test_populations_in_closed_form():
    """Rates 4, 1, 2, 0: a = (7/4)²/(21/4); 0, 1, 0, 0: 1; a silent cell counts, a silent population is NaN."""
    found = population_sparseness(answering(CODE, STIMULI), "E").values[0]
    np.testing.assert_allclose(found, [(1 - 49 / 84) / 0.75, (1 - 9 / 20) / 0.75, 1, 1], rtol=1e-12)
    assert np.isnan(population_sparseness(answering(0 * CODE, STIMULI), "E")).all()


@pytest.mark.parametrize("shape, ratio", [(1.0, 1 / 2), (2.0, 2 / 3), (0.5, 1 / 3)])
def test_activity_ratio_of_gamma_rates(shape, ratio):
    """⟨r⟩²/⟨r²⟩ of a gamma distribution of shape k is k/(k + 1); exponential 1/2 (Treves & Rolls 1991)."""
    rates = xr.DataArray(np.random.default_rng(0).gamma(shape, 7, 200_000), dims="unit")
    assert float(treves_rolls(rates, "unit")) == pytest.approx(ratio, rel=0.02)


def test_sparseness_of_one_unit_does_not_exist():
    assert np.isnan(vinje_gallant(xr.DataArray([[3.0]], dims=("trial", "unit")), "unit")).all()


def test_repeats_are_averaged_before_sparseness():
    """A unit that answers each stimulus every other time is as dense as one that answers always."""
    code = np.array([[[2, 1], [2, 1], [0, 1], [0, 1]]])
    found = lifetime_sparseness(answering(code, ["a", "b", "a", "b"]), "E").values[0]
    np.testing.assert_allclose(found, [0, 0], atol=1e-12)


def test_tuning_keeps_the_order_of_stimuli_and_names_of_animals():
    found = tuning(answering(np.repeat(CODE, 2, axis=0), ["b", "a", "b", "a"]), "E")
    assert found["stimulus"].values.tolist() == ["b", "a"] and found["seed"].values.tolist() == [0, 1]
    np.testing.assert_allclose(found.values[0], [[2, 1, 1, 0], [0, 1, 1, 0]])


def test_depth_of_selectivity_in_closed_form():
    """Only one: 1; all alike: 0; 2, 2, 0, 0: (4 − 2)/3; silent: NaN."""
    rates = tuning(answering(CODE, STIMULI), "E")
    np.testing.assert_allclose(depth(rates).values[0], [1, 0, 2 / 3, np.nan], atol=1e-12)
    assert preferred(rates).values.tolist() == [["a", "a", "a", ""]]
    assert np.isnan(depth(rates.isel(stimulus=[0]))).all()


def test_contrast_of_two_stimuli():
    recording = answering(CODE, STIMULI)
    np.testing.assert_allclose(contrast(recording, "E", "a", "b").values[0], [1, 0, 0, np.nan])
    np.testing.assert_allclose(contrast(recording, "E", "c", "a").values[0], [-1, 0, -1, np.nan])
    with pytest.raises(RecordingError, match="no trial shows z; stimuli: a, b, c, d"):
        contrast(recording, "E", "a", "z")


def test_a_label_that_trials_lack_is_answered():
    with pytest.raises(RecordingError, match=r"no 'odour'; they have: .*stimulus"):
        mean_by(tuning(answering(CODE, STIMULI), "E").rename(stimulus="trial").assign_coords(
            stimulus=("trial", STIMULI)), "odour")
