"""Sequences: state machines by hand, simulated circular sequences, and time that is scaled or shifted."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from neuroam.analysis.sequence import (
    active_memory,
    dwell_times,
    order_correctness,
    recalled,
    transitions,
    visits,
)
from neuroam.analysis.warp import peak_times, scaling_against_shift, warp_exponent
from neuroam.prediction import DescriptionError


def courses(values, step=0.01):
    values = np.asarray(values, float)
    dims = ("animal", "trial", "time", "pattern")[4 - values.ndim:]
    return xr.DataArray(values, dims=dims, coords={"time": np.arange(values.shape[-2]) * step})


def states(sequence, height=0.9, n=None):
    """Overlaps (time, pattern) that follow a sequence of active patterns; −1 is none."""
    table = np.zeros((len(sequence), n or max(sequence) + 1))
    for t, state in enumerate(sequence):
        if state >= 0:
            table[t, state] = height
    return table


def by_hand(table, enter, leave):
    now, found = -1, []
    for row in table:
        row = np.where(np.isnan(row), -np.inf, row)
        if now >= 0 and row[now] < leave:
            now = -1
        best = int(np.argmax(row))
        if row[best] >= enter and (now < 0 or row[best] > row[now]):
            now = best
        found.append(now)
    return found


def test_active_memories_by_hand():
    rng = np.random.default_rng(0)
    noise = gaussian_filter1d(rng.normal(size=(4, 3, 400, 5)), 6, axis=2) * 2
    noise[0, 0, 50:60] = np.nan
    found = active_memory(courses(noise), 0.6, 0.3)
    assert found.dims == ("animal", "trial", "time") and (found == -1).any() and (found >= 0).any()
    for a in range(4):
        for k in range(3):
            assert found.values[a, k].tolist() == by_hand(noise[a, k], 0.6, 0.3)


def test_hysteresis_keeps_noise_from_cutting_a_visit():
    """Overlap .5 ± .15 about the middle between the levels, after a start at .9."""
    table = np.zeros((300, 2))
    table[:, 0] = 0.55 + 0.13 * np.sin(np.arange(300))
    table[0, 0] = 0.9
    steady, nervous = (visits(active_memory(courses(table), 0.6, leave)) for leave in (0.4, 0.6))
    assert steady.sizes["visit"] == 1 and nervous.sizes["visit"] > 30


def test_visits_have_their_times():
    """Samples every 10 ms: pattern 0 in 0–49, 2 in 60–99, 1 in 100–129; the last and the first are cut."""
    sequence = [0] * 50 + [-1] * 10 + [2] * 40 + [1] * 30
    found = visits(active_memory(courses(states(sequence))))
    assert found["pattern"].values.tolist() == [0, 2, 1]
    np.testing.assert_allclose(found["start"], [0, 0.6, 1.0])
    np.testing.assert_allclose(found["stop"], [0.5, 1.0, 1.3])
    np.testing.assert_allclose(found["dwell"], [np.nan, 0.4, np.nan])
    assert float(dwell_times(found)) == pytest.approx(0.4)
    moves = transitions(found)
    assert moves["origin"].values.tolist() == [0, 2] and moves["target"].values.tolist() == [2, 1]
    np.testing.assert_allclose(moves["time"], [0.6, 1.0])
    np.testing.assert_allclose(moves["gap"], [0.1, 0], atol=1e-12)


def test_animals_with_fewer_visits_are_filled_up():
    table = np.stack([states([-1] * 5 + [0] * 5 + [1] * 5 + [-1] * 5, n=2), states([-1] * 20, n=2)])[:, None]
    found = visits(active_memory(courses(table)))
    assert found["pattern"].dims == ("animal", "trial", "visit")
    assert found["pattern"].values.tolist() == [[[0, 1]], [[-1, -1]]]
    np.testing.assert_allclose(dwell_times(found), [[0.05], [np.nan]])
    np.testing.assert_allclose(order_correctness(found, [0, 1]), [[1], [np.nan]])
    assert recalled(found, [0, 1]).values.tolist() == [[2], [0]]


def test_silence_and_nothing_above_the_level_have_no_visit():
    for value in (0.0, 0.5, np.nan):
        found = visits(active_memory(courses(np.full((30, 3), value))))
        assert found.sizes["visit"] == 0 and np.isnan(dwell_times(found))
        assert np.isnan(order_correctness(found, [0, 1, 2])) and int(recalled(found, [0, 1, 2])) == 0


@pytest.mark.parametrize("sequence, cyclic, correct, run", [
    ([0, 1, 2, 3], False, 1, 4), ([0, 1, 2, 3, 0, 1], True, 1, 6), ([0, 1, 2, 3, 0, 1], False, 4 / 5, 4),
    ([0, 2, 3], False, 0.5, 1), ([3, 2, 1, 0], False, 0, 1), ([0, 1, 1, 2], False, 1, 3), ([2], False, np.nan, 1)])
def test_order_by_hand(sequence, cyclic, correct, run):
    table = np.repeat(states(sequence, n=4), 10, axis=0)
    found = visits(active_memory(courses(table)))
    np.testing.assert_allclose(order_correctness(found, [0, 1, 2, 3], cyclic), correct)
    assert int(recalled(found, [0, 1, 2, 3], cyclic)) == run


def test_a_shuffled_sequence_is_right_by_chance():
    """Control: the successor of each of 8 at random among the other 7."""
    rng = np.random.default_rng(0)
    sequence = [0]
    for _ in range(3000):
        sequence.append(int(rng.choice([k for k in range(8) if k != sequence[-1]])))
    found = visits(active_memory(courses(np.repeat(states(sequence, n=8), 2, axis=0))))
    assert float(order_correctness(found, range(8), cyclic=True)) == pytest.approx(1 / 7, abs=0.02)


def test_dwell_times_of_a_circular_sequence():
    """m_k = cos² of a phase that turns in 1 s past 4 memories: each leads for a quarter of a second."""
    time = np.arange(0, 5, 0.001)
    phase = 2 * np.pi * time[:, None] - np.arange(4) * np.pi / 2
    table = np.clip(np.cos(phase), 0, None)
    found = visits(active_memory(courses(table, 0.001), 0.6, 0.4))
    assert float(order_correctness(found, range(4), cyclic=True)) == 1
    np.testing.assert_allclose(found["dwell"].values[1:-1], 0.25, atol=0.0021)


def test_a_level_to_leave_above_that_to_enter_is_refused():
    with pytest.raises(DescriptionError, match=r"leave 0\.7 is above enter 0\.6"):
        active_memory(courses(np.zeros((3, 2))), 0.6, 0.7)


# time scaled or shifted

def bumps(time, peaks, width):
    """Bumps (unit, time) with these peak times."""
    return np.exp(-0.5 * ((time - np.asarray(peaks)[:, None]) / width) ** 2)


def profiles(values, time):
    return xr.DataArray(values, dims=("unit", "time"), coords={"time": time})


def test_peaks_are_found_and_plateaus_have_a_middle():
    time = np.arange(0, 1, 0.01)
    values = bumps(time, [0.2, 0.5, 0.8, 0.5], 0.1)
    values[2] = 0
    values[3, 30:41] = 2
    np.testing.assert_allclose(peak_times(profiles(values, time)), [0.2, 0.5, np.nan, 0.35], atol=1e-9)


@pytest.mark.parametrize("how, exponent", [(lambda peak, s: peak * s, 1), (lambda peak, s: peak, 0),
                                           (lambda peak, s: peak * np.sqrt(s), 0.5)])
def test_warp_exponents_of_scaled_and_fixed_peaks(how, exponent):
    interval = np.array([0.8, 1.0, 1.5])
    peaks = xr.DataArray([[how(peak, s) for peak in (0.1, 0.4, np.nan)] for s in interval],
                         dims=("interval", "unit"), coords={"interval": interval})
    np.testing.assert_allclose(warp_exponent(peaks, "interval"), [exponent, exponent, np.nan], atol=1e-12)


def test_shifted_peaks_warp_less_the_later_they_are():
    """d log(t + s − 1)/d log s falls with t: no common exponent, and none of them 1."""
    interval = np.array([1.0, 1.5])
    peaks = xr.DataArray([[t + s - 1 for t in (0.5, 1.5)] for s in interval], dims=("interval", "unit"),
                         coords={"interval": interval})
    early, late = warp_exponent(peaks, "interval").values
    assert early == pytest.approx(np.log(2) / np.log(1.5)) and late < early - 0.5


SHORT, LONG = np.arange(0, 0.8, 0.005), np.arange(0, 1.5, 0.005)
PEAKS = np.array([0.1, 0.25, 0.4, 0.6, 0.7])


def test_a_stretched_population_is_scaled_and_not_shifted():
    """800 and 1500 ms, the intervals of Wang et al. 2018."""
    one = profiles(bumps(SHORT, PEAKS, 0.06), SHORT)
    other = profiles(bumps(LONG, PEAKS * 1.875, 0.06 * 1.875), LONG)
    found = scaling_against_shift(one, other)
    assert float(found["scale"]) == pytest.approx(1.875, rel=1e-3) and float(found["scaled_r2"]) > 0.99
    assert float(found["shifted_r2"]) < float(found["scaled_r2"]) - 0.2


def test_a_late_population_is_shifted_and_not_scaled():
    one = profiles(bumps(SHORT, PEAKS, 0.03), SHORT)
    other = profiles(bumps(LONG, PEAKS + 0.5, 0.03), LONG)
    found = scaling_against_shift(one, other)
    assert float(found["shift"]) == pytest.approx(0.5, abs=1e-3) and float(found["shifted_r2"]) > 0.99
    assert float(found["scaled_r2"]) < float(found["shifted_r2"]) - 0.2


def test_silence_has_neither_scale_nor_shift():
    silent = profiles(np.zeros((2, len(LONG))), LONG)
    assert all(np.isnan(v) for v in scaling_against_shift(silent, silent).values())
    one, other = bumps(SHORT, PEAKS, 0.06), bumps(LONG, PEAKS * 1.875, 0.06 * 1.875)
    with_silent = [profiles(np.vstack([values, np.zeros(len(time))]), time)
                   for values, time in ((one, SHORT), (other, LONG))]
    found = scaling_against_shift(*with_silent)
    assert float(found["scaled_r2"]) > 0.99
