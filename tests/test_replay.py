"""Replay: order, significance and speed of events, against scipy and by construction."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from little_memory import DT, spiking
from scipy import stats

from neuroam.analysis.replay import (
    compression,
    first_spikes,
    order_score,
    replay_fraction,
    replay_scores,
    template_match,
)
from neuroam.prediction import DescriptionError

RNG = np.random.default_rng(0)


def events(times):
    times = np.asarray(times, float)
    return xr.DataArray(times, dims=("animal", "trial", "unit")[3 - times.ndim:])


def template(times):
    return xr.DataArray(np.asarray(times, float), dims="unit")


def test_first_spikes_by_hand():
    """Trials of 400 ticks, stimulus after 100: what comes before does not count, nor what the next trial has."""
    spikes = [(50, 0), (150, 0), (160, 0), (399, 1), (100, 2), (99, 3), (400, 3), (700, 3)]
    found = first_spikes(spiking([spikes], ["a", "b"], 5), "E")
    assert found.dims == ("animal", "trial", "unit")
    np.testing.assert_allclose(found[0, 0], np.array([50, 299, 0, np.nan, np.nan]) * DT)
    np.testing.assert_allclose(found[0, 1], np.array([np.nan, np.nan, np.nan, 200, np.nan]) * DT)


def test_the_order_score_is_spearmans():
    times = RNG.random((3, 4, 12))
    times[0, 0, :4] = np.nan
    times[1, 1] = np.round(times[1, 1], 1)  # ties
    own = RNG.random(12)
    found = order_score(events(times), template(own))
    for a in range(3):
        for k in range(4):
            keep = ~np.isnan(times[a, k])
            assert float(found[a, k]) == pytest.approx(stats.spearmanr(times[a, k][keep], own[keep])[0])


def test_forward_is_1_and_reverse_minus_1():
    own = np.array([0.5, 0.1, 0.9, 0.3, 0.7])
    found = order_score(events([own / 10, np.exp(own), -own]), template(own))
    np.testing.assert_allclose(found, [1, 1, -1])


def test_the_shuffle_is_scipys_permutation_test():
    own, times = np.arange(6.0), np.array([0, 2, 1, 3, 5, 4.0])
    exact = stats.permutation_test((times,), lambda x: stats.spearmanr(x, own)[0], permutation_type="pairings",
                                   alternative="greater", n_resamples=np.inf).pvalue
    found = replay_scores(events(times[None]), template(own), shuffles=20_000)
    assert float(found["p"][0]) == pytest.approx(exact, rel=0.15) and 0 < exact < 0.05


def test_chance_is_significant_as_often_as_alpha_says():
    times = RNG.random((1, 1000, 10))
    found = replay_scores(events(times), template(np.arange(10)), shuffles=199)
    assert float(replay_fraction(found)[0]) == pytest.approx(0.05, abs=0.02)


def test_reverse_replay_is_seen_only_by_who_asks():
    own = np.arange(8.0)
    times = events((-own)[None, None] + RNG.normal(0, 0.1, (1, 20, 8)))
    fractions = {side: float(replay_fraction(replay_scores(times, template(own), 199, side))[0])
                 for side in ("forward", "reverse", "either")}
    assert fractions == {"forward": 0, "reverse": 1, "either": 1}


def test_the_same_seed_gives_the_same_p():
    times, own = events(RNG.random((2, 5, 8))), template(np.arange(8))
    one, two, three = (replay_scores(times, own, 50, seed=s) for s in (1, 1, 2))
    assert one.identical(two) and not one["p"].equals(three["p"])


def test_few_units_are_no_replay_and_do_not_vanish():
    times = np.full((1, 3, 8), np.nan)
    times[0, 1, :4] = np.arange(4)
    times[0, 2] = 1.0
    found = replay_scores(events(times), template(np.arange(8)), 20)
    assert found["units"].values.tolist() == [[0, 4, 8]]
    assert np.isnan(found["score"]).all() and np.isnan(found["p"]).all() and np.isnan(replay_fraction(found)[0])
    assert np.isnan(compression(events(times), template(np.arange(8)))).all()
    assert float(order_score(events(times), template(np.arange(8)), least=4)[0, 1]) == pytest.approx(1)


def test_compression_put_in_comes_out():
    """Events in 1/20 of the time, jittered; reverse ones are negative."""
    own = RNG.random(200)
    times = np.stack([3 + own / 20 + RNG.normal(0, 0.002, 200), 3 - own / 4])
    np.testing.assert_allclose(compression(events(times), template(own)), [20, -4], rtol=0.05)


def test_unequal_populations_are_refused():
    with pytest.raises(DescriptionError, match="events have 3 units and the template 4"):
        order_score(events(np.ones((2, 3))), template(np.ones(4)))
    with pytest.raises(DescriptionError, match="'backward' is unknown; give one of forward, reverse, either"):
        replay_scores(events(np.ones((2, 3))), template(np.ones(3)), alternative="backward")


# templates of activity

def activity(time, peaks, width):
    values = np.exp(-0.5 * ((time - np.asarray(peaks)[:, None]) / width) ** 2)
    return xr.DataArray(values, dims=("unit", "time"), coords={"time": time})


FACTORS = (1, 2, 5, 8, 10, 12, 20)


@pytest.mark.parametrize("factor", [1, 5, 10])
def test_a_template_matches_an_event_at_its_own_speed(factor):
    peaks = np.array([0.3, 0.8, 1.2, 1.7, 2.4])
    whole = activity(np.arange(0, 3, 0.005) + 0.0025, peaks, 0.15)
    event = activity(np.arange(0, 4, 0.01) + 0.005, 0.7 + peaks / factor, 0.15 / factor)
    found = template_match(whole, event, FACTORS)
    best = found["factor"][found["correlation"].argmax()]
    assert float(best) == factor and float(found["correlation"].max()) > 0.97
    assert float(found["onset"].sel(factor=factor)) == pytest.approx(0.7, abs=0.011)


def test_a_template_matches_nothing_in_silence_and_none_that_is_too_long():
    whole = activity(np.arange(0, 3, 0.01), [0.5, 1.5], 0.2)
    event = activity(np.arange(0, 1, 0.01), [0.2, 0.5], 0.05)
    found = template_match(whole, event, (1, 4, 400))
    assert np.isnan(found["correlation"].values[[0, 2]]).all() and not np.isnan(found["correlation"].values[1])
    assert np.isnan(template_match(whole, 0 * event, (4, 8))["correlation"]).all()


def test_a_template_does_not_match_the_wrong_order():
    peaks = np.array([0.3, 0.8, 1.2, 1.7, 2.4])
    whole = activity(np.arange(0, 3, 0.01), peaks, 0.15)
    right, wrong = (activity(np.arange(0, 1, 0.01), 0.2 + p / 5, 0.03) for p in (peaks, peaks[[2, 4, 0, 3, 1]]))
    best = [float(template_match(whole, event, (4, 5, 6))["correlation"].max()) for event in (right, wrong)]
    assert best[0] > 0.97 and best[1] < 0.6
