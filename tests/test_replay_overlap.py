"""Where events are and how long they stay, on recordings made up here."""
from __future__ import annotations

import numpy as np
import pytest
from test_replay_compression import made_up

from neuroam.analysis import replay_overlap as overlap

CELLS, FASTER = 60, 16
RUN = np.linspace(0.01, 1.99, CELLS)
OF = {"population": "X", "group": "a", "run": "run", "rest": "rest"}


@pytest.fixture(scope="module")
def recording():
    """An event 16 times as fast as running, the same backwards, one with its cells dealt, and one of five cells."""
    forward = 0.05 + RUN / FASTER
    dealt = np.random.default_rng(0).permutation(forward)
    return made_up(RUN, [forward, forward[::-1], dealt, np.where(np.arange(CELLS) < 5, forward, np.nan)])


def test_vectors_of_places_have_length_1_and_the_cells_of_the_place(recording):
    found = overlap.place_vectors(recording, "X", "a", "run")
    np.testing.assert_allclose((found**2).sum("unit"), 1)
    fired = found[0].transpose("place", "unit").values > 0
    expected = np.floor(RUN / overlap.WIDTH)[None] == np.arange(10)[:, None]
    assert (fired == expected).mean() > 0.98  # spikes 1 ms before and after may fall into the next place


def test_events_stay_at_each_place_for_its_time_over_how_much_faster_they_are(recording):
    """200 ms of running to a place, 16 times as fast: 12.5 ms, forward and backward, first and last left out."""
    found = overlap.dwell_times(overlap.overlaps(recording, **OF))
    assert found.dims == ("animal", "trial", "place")
    np.testing.assert_allclose(found[0, :2, 1:-1], 12.5e-3, atol=1.01e-3)
    assert np.isnan(found[0, :2, [0, -1]]).all()
    np.testing.assert_allclose(overlap.mean_dwell(recording, **OF)[0, :2], 12.5e-3, rtol=0.03)


def test_the_place_runs_on_with_the_event(recording):
    found = overlap.overlaps(recording, **OF)
    best = found.fillna(-1).argmax("place").values
    middle = slice(60, 170)  # ms from stimulus onset
    assert (np.diff(best[0, 0, middle]) >= 0).all() and (np.diff(best[0, 1, middle]) <= 0).all()


def test_cells_that_are_dealt_at_random_are_at_no_place(recording):
    """Control that must fail."""
    mean = overlap.mean_overlap(recording, **OF).values[0]
    assert (mean[:2] > 0.65).all() and mean[2] < 0.75 * mean[0]


def test_few_cells_are_no_event_but_are_counted(recording):
    for measure in (overlap.mean_dwell, overlap.mean_overlap, overlap.order):
        assert np.isnan(measure(recording, **OF).values[0, 3])
    assert overlap.taking_part(recording, **OF).values.tolist() == [[60, 60, 60, 5]]
    np.testing.assert_allclose(overlap.order(recording, **OF)[0, :2], [1, -1])


def test_overlap_against_brute_force(recording):
    """One moment of the first event, spike by spike."""
    found = overlap.overlaps(recording, **OF)
    moment = 100
    end = (moment + 1) * overlap.STEP
    times = np.rint((0.05 + RUN / FASTER) / 1e-4) // 10
    age = moment - times
    recent = np.where(age >= 0, np.exp(-age * overlap.STEP / overlap.SMOOTH), 0)
    vectors = overlap.place_vectors(recording, "X", "a", "run")[0].transpose("place", "unit").values
    expected = vectors @ recent / np.linalg.norm(recent)
    np.testing.assert_allclose(found[0, 0, :, moment], expected, atol=0.05)
    assert float(found["time"][moment]) == pytest.approx(end - overlap.STEP / 2)


def test_measures_by_trial_are_where_the_events_are(recording):
    found = overlap.by_trial(recording, overlap.order, "X", {"rest": "run", "another block": "run"})
    assert found.dims == ("animal", "trial")
    np.testing.assert_allclose(found[0], [np.nan, np.nan, 1, -1, float(found[0, 4]), np.nan])
