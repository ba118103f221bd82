"""Overlaps, retrieval and basins: by hand, and against numpy's correlation."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from little_memory import DT, memory

from neuroam.analysis.fit import transition
from neuroam.analysis.overlap import (
    aligned,
    basin,
    cued_course,
    cued_overlap,
    overlaps_with,
    retrieved,
    retrieves_cue,
    success,
    success_fraction,
)
from neuroam.analysis.responses import responses
from neuroam.patterns import overlap as models_own
from neuroam.prediction import DescriptionError
from neuroam.recording import RecordingError

PATTERNS = ["pattern 1", "pattern 2", "pattern 3"]
STIMULI = ["pattern 2", "pattern 1", "pattern 3", "noise"]
OVERLAP = np.array([[[.1, .95, 0], [.9, .2, .1], [.97, .1, .3], [.99, 0, 0]],
                    [[.1, .2, 0], [0, 0, 0], [.2, .1, 1.0], [np.nan] * 3]])
RECORDING = memory(OVERLAP, STIMULI, PATTERNS, block=["one", "one", "two", "two"])


def test_the_cued_pattern_is_the_one_the_stimulus_names():
    np.testing.assert_array_equal(cued_overlap(RECORDING), [[.95, .9, .3, np.nan], [.2, 0, 1, np.nan]])


def test_success_is_above_the_threshold():
    np.testing.assert_array_equal(success(RECORDING), [[1, 0, 0, np.nan], [0, 0, 1, np.nan]])
    np.testing.assert_array_equal(success(RECORDING, 0.1), [[1, 1, 1, np.nan], [1, 0, 1, np.nan]])
    np.testing.assert_allclose(success_fraction(RECORDING), [1 / 3, 1 / 3])
    np.testing.assert_allclose(success_fraction(RECORDING, block="one"), [0.5, 0])


def test_what_is_retrieved_has_the_largest_overlap():
    assert retrieved(RECORDING, 0.9).values.tolist() == [["pattern 2", "", "pattern 1", "pattern 1"],
                                                         ["", "", "pattern 3", ""]]
    assert retrieved(RECORDING).values[:, :2].tolist() == [["pattern 2", "pattern 1"], ["pattern 2", "pattern 1"]]
    np.testing.assert_array_equal(retrieves_cue(RECORDING, 0.5), [[1, 1, 0, np.nan], [0, 0, 1, np.nan]])


def test_silence_fails_and_an_animal_without_the_pattern_has_nothing_to_fail():
    table = OVERLAP.copy()
    table[0] = 0
    table[1, :, 1] = np.nan
    recording = memory(table, STIMULI, PATTERNS)
    np.testing.assert_array_equal(success(recording), [[0, 0, 0, np.nan], [np.nan, 0, 1, np.nan]])
    assert float(success_fraction(recording)[1]) == 0.5


def test_a_state_that_is_not_a_number_fails():
    table = OVERLAP.copy()
    table[0, 0] = np.nan
    recording = memory(table, STIMULI, PATTERNS)
    np.testing.assert_array_equal(success(recording), [[0, 0, 0, np.nan], [0, 0, 1, np.nan]])
    np.testing.assert_array_equal(retrieves_cue(recording, 0.5), [[0, 1, 0, np.nan], [0, 0, 1, np.nan]])


def test_a_basin_has_the_numbers_of_the_phase_or_those_passed():
    phases = ["flip 0.2", "flip 0.1", "flip 0.2", "flip 0.1"]
    recording = memory(OVERLAP, ["pattern 2", "pattern 1", "pattern 3", "pattern 1"], PATTERNS, phase=phases)
    found = basin(recording)
    assert found.dims == ("animal", "quality") and found["quality"].values.tolist() == [0.1, 0.2]
    np.testing.assert_array_equal(found, [[0.5, 0.5], [0, 0.5]])
    np.testing.assert_array_equal(basin(recording, np.array([1, 2, 2, 1])), [[1, 0], [0, 0.5]])
    with pytest.raises(DescriptionError, match="phase '' has no number"):
        basin(RECORDING)
    with pytest.raises(DescriptionError, match="2 cue qualities for 4 trials"):
        basin(recording, np.array([1, 2]))


def test_the_edge_of_a_basin_is_a_transition():
    """Success while less than .3 is flipped, in both animals: the edge is fitted between .25 and .35."""
    flips = np.repeat(np.arange(0.05, 0.6, 0.1), 4)
    table = np.where(flips < 0.3, 1.0, 0.2)[None, :, None].repeat(2, axis=0).repeat(3, axis=2)
    recording = memory(table, ["pattern 1"] * 24, PATTERNS, phase=[f"{flip:g}" for flip in flips])
    found = transition(basin(recording), "quality")
    assert 0.25 < float(found["midpoint"]) < 0.35 and float(found["width"]) < 0


def test_a_recording_without_overlaps_is_answered():
    with pytest.raises(RecordingError, match="no overlaps; take a circuit with stored patterns, or overlaps_with"):
        cued_overlap(RECORDING.drop_vars("overlap"))
    with pytest.raises(RecordingError, match="no overlaps in time"):
        aligned(RECORDING)


# overlaps of any recording with given patterns

@pytest.mark.parametrize("kind", ["sign", "binary"])
def test_overlaps_with_patterns_are_those_a_model_records(kind):
    rng = np.random.default_rng(0)
    active = rng.random((3, 40)) < 0.4
    patterns = np.where(active, 1.0, -1.0 if kind == "sign" else 0.0)
    rates = rng.random((2, 5, 40))
    rates[0, 0] = 0
    rates[1, 1] = 0.1
    found = overlaps_with(xr.DataArray(rates, dims=("animal", "trial", "unit")),
                          xr.DataArray(patterns, dims=("pattern", "unit"), coords={"pattern": PATTERNS}))
    assert found.dims == ("animal", "trial", "pattern") and (found[0, 0] == 0).all()
    np.testing.assert_allclose(found[1, 2:], models_own(rates[1, 2:], patterns), rtol=1e-9, atol=1e-12)
    if kind == "binary":
        assert float(found[1, 2, 1]) == pytest.approx(np.corrcoef(rates[1, 2], patterns[1])[0, 1])
        assert (found[1, 1] == 0).all()


def test_a_pattern_overlaps_with_itself():
    patterns = xr.DataArray([[1.0, -1, 1, -1], [1, 1, -1, -1]], dims=("pattern", "unit"))
    rates = patterns.rename(pattern="trial")
    np.testing.assert_allclose(overlaps_with(rates, patterns), np.eye(2), atol=1e-12)
    np.testing.assert_allclose(overlaps_with(-3 * rates, patterns), -np.eye(2), atol=1e-12)
    silent = responses(RECORDING, "E")
    assert (overlaps_with(silent, patterns.isel(unit=[0, 1])) == 0).all()


# time courses; trials of .4 s, stimulus from .1 s, a sample every 5 ms

COURSE = np.arange(320.0)[None, :, None] + np.array([0, 1000, 2000]) + np.array([0, 1e4])[:, None, None]
TIMED = memory(OVERLAP, STIMULI, PATTERNS, COURSE, block=["one", "one", "two", "two"])


def test_time_courses_start_at_the_stimulus():
    """Sample 80 k + 20 is the onset of trial k."""
    found = aligned(TIMED)
    assert found.dims == ("animal", "trial", "time", "pattern") and found.shape == (2, 4, 80, 3)
    np.testing.assert_allclose(found["time"], (np.arange(80) - 20) * 5 * DT, atol=1e-12)
    np.testing.assert_array_equal(found.sel(time=0).values[1, :, 2], 12000 + 20 + 80 * np.arange(4))
    np.testing.assert_array_equal(found.sel(pattern="pattern 1").values[0, 3], np.arange(240, 320))


def test_the_course_of_the_cued_pattern():
    found = cued_course(TIMED, block="one")
    np.testing.assert_array_equal(found.sel(time=0), [[1020, 100], [11020, 10100]])
    assert np.isnan(cued_course(TIMED).values[:, 3]).all()


def test_windows_may_reach_beyond_what_was_sampled():
    found = aligned(TIMED, before=0.15, after=0.35)
    assert found.shape == (2, 4, 100, 3)
    assert np.isnan(found.values[0, 0, :10]).all() and not np.isnan(found.values[0, 0, 10:]).any()
    assert np.isnan(found.values[0, 3, -10:]).all() and found.values[0, 3, -11, 0] == 319


def test_onsets_between_samples_start_at_the_next():
    shifted = TIMED.copy()
    shifted["stimulus_on"] = TIMED["stimulus_on"] + 2 * DT
    assert float(aligned(shifted).sel(time=0)[0, 0, 0]) == 21
