"""Rates, their variability, and correlations of units: closed forms, counting by hand, and elephant."""
from __future__ import annotations

import numpy as np
import pytest
from little_memory import DT, answering, spiking

from neuroam.analysis.correlation import (
    mean_over_pairs,
    noise_correlations,
    signal_correlations,
    unit_correlations,
)
from neuroam.analysis.rates import fano_factor, interval_cv, interval_cv2, mean_rate, psth, spike_counts
from neuroam.analysis.responses import responses
from neuroam.prediction import DescriptionError
from neuroam.recording import RecordingError

RNG = np.random.default_rng(0)
STIMULI = ["a", "b", "a", "b", "a", "b"]


def random_spikes(units=5, ticks=2400, p=0.05, animals=2):
    """Bernoulli trains with one silent cell, the last."""
    tables = [RNG.random((units - 1, ticks)) < p for _ in range(animals)]
    return [[(int(t), int(u)) for u, t in zip(*np.nonzero(table), strict=True)] for table in tables]


SPIKES = random_spikes()
RECORDING = spiking(SPIKES, STIMULI, 5, animals=2)


def test_bins_are_those_counted_by_hand():
    """Bins of 30 ticks about onset, tick 100 of trials of 400: 3 bins before, 10 after."""
    counts = spike_counts(RECORDING, "E", 0.03)
    assert counts.dims == ("animal", "trial", "unit", "time") and counts.shape == (2, 6, 5, 13)
    np.testing.assert_allclose(counts["time"], (np.arange(13) - 3 + 0.5) * 0.03, rtol=1e-12)
    for a in range(2):
        for trial in range(6):
            edge = trial * 400 + 100 - 90
            for unit in range(5):
                own = [t for t, u in SPIKES[a] if u == unit]
                expected = [sum(edge + 30 * k <= t < edge + 30 * (k + 1) for t in own) for k in range(13)]
                assert counts.values[a, trial, unit].tolist() == expected


def test_a_spike_on_an_edge_falls_in_the_later_bin_whatever_the_clock():
    """Spikes on the edges themselves, at clocks that floats do not hold: dividing times by the bin misplaces some."""
    for dt, width in ((1e-4, 7), (2.5e-4, 3), (1 / 30000, 11)):
        edges = 100 + np.arange(20) * width
        recording = spiking([[(int(t), 0) for t in edges]], ["a"], 1, lead=100, trial=400, dt=dt)
        counts = spike_counts(recording, "E", width * dt, before=0, after=20 * width * dt)
        assert counts.values.ravel().tolist() == [1] * 20
    times = np.arange(0, 2000, 5) * 1e-3
    assert (times // 5e-3 != np.arange(400)).any()


def test_bins_may_reach_into_other_trials():
    counts = spike_counts(RECORDING, "E", 0.1, before=0.2, after=0.5)
    assert counts.sizes["time"] == 7
    one, two = counts.isel(trial=2), counts.isel(trial=3)  # 0.4 s later
    np.testing.assert_array_equal(one.isel(time=slice(4, 7)), two.isel(time=slice(0, 3)))


def test_psth_is_the_mean_count_over_the_bin():
    found = psth(RECORDING, "E", 0.05)
    counts = spike_counts(RECORDING, "E", 0.05).values
    assert found["stimulus"].values.tolist() == ["a", "b"] and found.dims == ("animal", "stimulus", "unit", "time")
    np.testing.assert_allclose(found.values[:, 0], counts[:, ::2].mean(axis=1) / 0.05, rtol=1e-12)
    assert (found.values[:, :, 4] == 0).all()


def test_the_mean_rate_is_over_all_trials():
    number = [sum(u == unit for _, u in SPIKES[1]) for unit in range(5)]
    np.testing.assert_allclose(mean_rate(RECORDING, "E").values[1], np.array(number) / 2.4, rtol=1e-12)


def test_silence_is_0_or_nan_and_never_raises():
    silent = spiking([[]], STIMULI, 3)
    assert (mean_rate(silent, "E") == 0).all() and (psth(silent, "E", 0.05) == 0).all()
    for found in (fano_factor(silent, "E"), interval_cv(silent, "E"), interval_cv2(silent, "E"),
                  unit_correlations(silent, "E", 0.05), noise_correlations(silent, "E"),
                  signal_correlations(silent, "E")):
        assert np.isnan(found.values).all() and found.sizes["unit"] == 3
    assert np.isnan(mean_over_pairs(noise_correlations(silent, "E"))).all()


def test_a_bin_between_ticks_is_refused():
    with pytest.raises(DescriptionError, match=r"0\.0015 s is not a whole number of ticks of 0\.001 s; give 0\.002"):
        spike_counts(RECORDING, "E", 0.0015)
    with pytest.raises(DescriptionError, match="shorter bin"):
        spike_counts(RECORDING, "E", 0.5)
    with pytest.raises(KeyError, match="'I' was not recorded; recorded: E"):
        spike_counts(RECORDING, "I", 0.01)


def test_graded_cells_are_not_silent_but_refused():
    graded = RECORDING.drop_dims("responder").assign_coords(responder=np.arange(5))
    with pytest.raises(RecordingError, match="'E' has graded cells"):
        psth(graded, "E", 0.01)


def test_fano_factor_in_closed_form():
    """Counts 1, 2, 3 and 2, 2, 2 and 0, 0, 0: variances 1 and 0 over mean 2; none without a spike."""
    code = np.array([[[1, 2, 0], [9, 9, 9], [2, 2, 0], [9, 9, 9], [3, 2, 0], [9, 9, 9]]])
    found = fano_factor(answering(code, STIMULI), "E")
    np.testing.assert_allclose(found.values[0], [[0.5, 0, np.nan], [0, 0, 0]], atol=1e-12)


def test_the_fano_factor_of_poisson_counts_is_1():
    code = np.random.default_rng(1).poisson(5, (1, 400, 50))
    assert fano_factor(answering(code, ["a"] * 400), "E").mean().item() == pytest.approx(1, abs=0.03)


def test_intervals_in_closed_form():
    """Regular: CV = CV₂ = 0. Intervals 10, 30, 10, 30: CV = 10/20, CV₂ = 2·20/40. Two spikes: no CV."""
    trains = {0: range(0, 400, 20), 1: [0, 10, 40, 50, 80], 2: [5, 9], 3: [1, 2, 5]}
    recording = spiking([[(t, u) for u, train in trains.items() for t in train]], ["a"], 4)
    np.testing.assert_allclose(interval_cv(recording, "E").values[0], [0, 0.5, np.nan, 0.5], atol=1e-12)
    np.testing.assert_allclose(interval_cv2(recording, "E").values[0], [0, 1, np.nan, 1], atol=1e-12)


def test_no_interval_spans_two_trials():
    """Regular at 20 ticks in each trial, 5 ticks late in the second: an interval across would not be 20."""
    train = [*range(0, 400, 20), *range(405, 800, 20)]
    recording = spiking([[(t, 0) for t in train]], ["a", "b"], 1)
    assert float(interval_cv(recording, "E")[0, 0]) == 0 and float(interval_cv2(recording, "E")[0, 0]) == 0


def test_cv_of_poisson_and_gamma_intervals():
    """CV = 1/√k for gamma intervals of order k; CV₂ of Poisson is 1 (Holt et al. 1996)."""
    rng = np.random.default_rng(2)
    for order in (1, 4):
        ticks = np.cumsum(np.maximum(1, rng.gamma(order, 400 / order, 4000))).astype(int)
        recording = spiking([[(int(t), 0) for t in ticks]], ["a"], 1, trial=int(ticks[-1]) + 1)
        assert float(interval_cv(recording, "E")[0, 0]) == pytest.approx(order**-0.5, abs=0.04)
        if order == 1:
            assert float(interval_cv2(recording, "E")[0, 0]) == pytest.approx(1, abs=0.03)


def test_cv2_does_not_see_a_slow_change_of_rate():
    """A regular train that slows tenfold: CV far from 0, CV₂ close to it."""
    ticks = np.cumsum(np.geomspace(20, 200, 200)).astype(int)
    recording = spiking([[(int(t), 0) for t in ticks]], ["a"], 1, trial=20_000)
    assert float(interval_cv(recording, "E")[0, 0]) > 0.5 and float(interval_cv2(recording, "E")[0, 0]) < 0.05


# correlations of units

def test_unit_correlations_are_numpys():
    counts = spike_counts(RECORDING, "E", 0.02).values[0].astype(float)
    trains = counts.transpose(1, 0, 2).reshape(5, -1)
    found = unit_correlations(RECORDING, "E", 0.02).values[0]
    np.testing.assert_allclose(found[:4, :4], np.corrcoef(trains[:4]), rtol=1e-10, atol=1e-12)
    assert np.isnan(found[4]).all() and np.isnan(found[:, 4]).all()


def test_signal_and_noise_are_told_apart():
    """Two units prefer opposite stimuli, and share the noise of each trial: signal −1, noise 1. Raw correlation has
    both."""
    shared = np.array([0, 0, 1, 2, 3, 1, -2, -3])
    base = np.array([[20, 40], [40, 20]] * 4)
    code = (base + shared[:, None])[None]
    recording = answering(code, ["a", "b"] * 4)
    assert float(signal_correlations(recording, "E")[0, 0, 1]) == pytest.approx(-1)
    assert float(noise_correlations(recording, "E")[0, 0, 1]) == pytest.approx(1)
    assert np.corrcoef(responses(recording, "E").values[0].T)[0, 1] < -0.9


def test_independent_noise_has_no_correlation():
    code = np.random.default_rng(3).poisson(20, (1, 400, 8)) + np.array([0, 30])[np.arange(400) % 2][None, :, None]
    recording = answering(code, ["a", "b"] * 200)
    assert abs(float(mean_over_pairs(noise_correlations(recording, "E"))[0])) < 0.03
    assert float(mean_over_pairs(signal_correlations(recording, "E"))[0]) == pytest.approx(1)


def test_a_stimulus_answered_always_the_same_adds_nothing():
    code = np.array([[[1, 5], [3, 5], [2, 7], [2, 7], [1, 5], [3, 9], [2, 7], [2, 7]]])
    stimuli = ["a", "a", "b", "b", "a", "a", "b", "b"]
    one, two = code[0, [0, 1, 4, 5]].T
    found = noise_correlations(answering(code, stimuli), "E")[0, 0, 1]
    assert float(found) == pytest.approx(np.corrcoef(one, two)[0, 1])


# an independent implementation

@pytest.fixture(scope="module")
def elephant():
    pytest.importorskip("elephant")
    import neo
    import quantities as pq
    from elephant import conversion, spike_train_correlation, statistics

    def train(ticks):
        return neo.SpikeTrain(np.array(ticks) * DT, units="s", t_stop=2.4 * pq.s)

    return train, statistics, conversion, spike_train_correlation, pq


def test_elephant_agrees_on_intervals(elephant):
    train, statistics, *_ = elephant
    recording = spiking(SPIKES, ["a"], 5, trial=2400, animals=2)
    cv, cv2, rate = (f(recording, "E").values for f in (interval_cv, interval_cv2, mean_rate))
    for a in range(2):
        for unit in range(4):
            own = train(sorted(t for t, u in SPIKES[a] if u == unit))
            intervals = statistics.isi(own)
            assert cv[a, unit] == pytest.approx(float(statistics.cv(intervals)), rel=1e-9)
            assert cv2[a, unit] == pytest.approx(float(statistics.cv2(intervals)), rel=1e-9)
            assert rate[a, unit] == pytest.approx(float(statistics.mean_firing_rate(own).rescale("Hz")), rel=1e-9)


def test_elephant_agrees_on_the_fano_factor(elephant):
    """Its variance is over n, ours over n − 1."""
    train, statistics, *_ = elephant
    found = fano_factor(RECORDING, "E").values[0, 0]
    for unit in range(4):
        windows = [[t for t, u in SPIKES[0] if u == unit and 400 * k + 100 <= t < 400 * k + 300] for k in (0, 2, 4)]
        theirs = statistics.fanofactor([train(sorted(w)) for w in windows])
        assert found[unit] == pytest.approx(theirs * 3 / 2, rel=1e-9)


def test_elephant_agrees_on_correlations(elephant):
    train, _, conversion, correlation, pq = elephant
    recording = spiking(SPIKES, ["a"], 5, lead=0, trial=2400, animals=2)
    trains = [train(sorted(t for t, u in SPIKES[0] if u == unit)) for unit in range(4)]
    binned = conversion.BinnedSpikeTrain(trains, bin_size=20 * pq.ms, t_stop=2.4 * pq.s)
    np.testing.assert_array_equal(spike_counts(recording, "E", 0.02).values[0, 0, :4], binned.to_array())
    np.testing.assert_allclose(unit_correlations(recording, "E", 0.02).values[0, :4, :4],
                               correlation.correlation_coefficient(binned), rtol=1e-9, atol=1e-12)
