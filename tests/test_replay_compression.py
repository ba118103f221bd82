"""Replay: running writes order into synapses, rest reads it out faster, and the measures are right on recordings made
up here."""
from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam import judge, simulate
from neuroam.analysis import laps
from neuroam.circuit import as_rates
from neuroam.circuits.place_cells import place_cells, place_rates, running, sharp_wave
from neuroam.errors import DescriptionError
from neuroam.prediction import REPRODUCED
from neuroam.protocol import Record
from neuroam.protocols.replay_compression import ASYMMETRIC, NONE, SYMMETRIC, replay_compression
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.units import ms
from neuroam.wiring import wire

TRACK = {"run": "long track", "rest": "long track, rest"}


@pytest.fixture(scope="module")
def protocol():
    return replay_compression(laps=4, events=4, window=350 * ms)


@pytest.fixture(scope="module")
def recording(protocol):
    return simulate(place_cells(), protocol, Numba(dt=protocol.dt), animals=2, seed=2)


# the circuit

def learned(form=lambda circuit: circuit, **settings):
    """Recurrent weights (post, pre) after two laps of the short track, places 5 to 40, over the largest."""
    protocol = replay_compression(laps=2)
    protocol = replace(protocol, blocks=protocol.blocks[:1], groups=protocol.groups[:1])
    wired = wire(form(place_cells(cells=50, **settings)), 0)
    dt = float(protocol.dt)
    weights = Numba(dt=dt).run(wired, schedule(protocol, wired, dt)).weights["CA3->CA3"][5:40, 5:40]
    return weights / 0.12e-3


@pytest.mark.parametrize("form", [lambda circuit: circuit, as_rates], ids=["spiking", "rate"])
def test_running_strengthens_synapses_to_what_comes_next(form):
    weights = learned(form)
    ahead, behind = (np.diag(weights, -2 * k).mean() for k in (1, -1))
    assert ahead > 0.5 and behind < 0.05
    assert np.diag(weights, -20).max() < 1e-9  # places whose fields do not meet
    assert weights.min() >= 0 and weights.max() <= 1 + 1e-12


def test_without_regard_to_order_synapses_grow_to_either_side():
    weights = learned(rule="symmetric")
    assert np.diag(weights, -2).mean() > 0.5 and np.diag(weights, 2).mean() > 0.5


def test_inputs_are_where_the_animal_is():
    places = np.arange(50) / 50
    rates = place_rates({"m": 0.4}, places, 0.03).value
    assert rates.argmax() == 20 and rates[20] == 400
    assert rates[23] == pytest.approx(400 * np.exp(-2))
    assert not place_rates({}, places, 0.03).value.any() and not sharp_wave({}, places).value.any()
    assert np.flatnonzero(sharp_wave({"m": 0.0}, places).value).tolist() == [0, 1, 2, 3, 4]
    assert running({"running": 1.0}) == 1 and running({}) == 0


@pytest.mark.parametrize("settings, message", [
    ({"rule": "causal"}, "rule is 'causal'; use one of"), ({"density": 0}, "density is 0; it must be more than 0"),
    ({"width": -0.1}, "width is -0.1; it must be")])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        place_cells(**settings)


def test_tracks_longer_than_the_cells_reach_are_refused():
    places = np.arange(50) / 50
    for encode in (functools.partial(place_rates, width=0.03), sharp_wave):
        with pytest.raises(DescriptionError, match=r"1\.2 m is beyond the last cell's place, 0\.98 m; use more cells"):
            encode({"m": 1.2}, places=places)
    with pytest.raises(DescriptionError, match="events is 0; it must be at least 1"):
        replay_compression(events=0)


# the protocol

def test_events_run_on_from_where_they_start(recording):
    times, template = laps.events(recording, "CA3", ASYMMETRIC, **TRACK)
    order = np.argsort(template.values[0])
    assert template.notnull().all() and (np.diff(order) > 0).all()
    for event, start in enumerate((0, 2 / 3, 4 / 3, 2)):
        active = np.flatnonzero(times[0, event].notnull())
        assert active.min() >= 50 * start - 6
    assert (laps.ordered_fraction(recording, "CA3", group=ASYMMETRIC, **TRACK) >= 0.75).all()  # now and then one ends


def test_controls_must_fail(recording):
    assert (laps.ordered_fraction(recording, "CA3", group=NONE, **TRACK) == 0).all()
    assert (laps.ordered_fraction(recording, "CA3", group=ASYMMETRIC, dealt=True, **TRACK) == 0).all()


def test_only_learning_in_order_keeps_events_from_running_back(recording):
    """From the end of the track there is one way alone, so that chance does not decide which is taken."""
    back = {group: laps.reversed_fraction(recording, "CA3", "long track", "long track, end", group).values
            for group in (ASYMMETRIC, SYMMETRIC, NONE)}
    assert (back[SYMMETRIC] == 1).all() and (back[ASYMMETRIC] == 0).all() and (back[NONE] == 0).all()


def test_the_claims_of_a_small_run(recording, protocol):
    verdicts = judge(recording, protocol)
    assert all(v.animals == 2 for v in verdicts)
    assert [v.claim for v in verdicts if v.verdict != REPRODUCED] == []


def test_wide_fields_make_events_too_fast():
    """Must fail: between fields of 10 cm synapses reach so far ahead that events leave the range."""
    protocol = replay_compression(laps=4, events=2, window=350 * ms)
    wide = replace(protocol, blocks=protocol.blocks[3:5], groups=protocol.groups[:1], predictions=())
    recording = simulate(place_cells(width=0.1), wide, Numba(dt=protocol.dt), animals=1, seed=1)
    assert laps.speed_up(recording, "CA3", group=ASYMMETRIC, **TRACK).item() > 40


def test_at_the_rate_level_no_event_follows_a_sharp_wave(protocol):
    graded = replace(protocol, blocks=protocol.blocks[:2], groups=protocol.groups[:1], predictions=(),
                     record=(Record("CA3", every=1 * ms),))
    recording = simulate(as_rates(place_cells(cells=50)), graded, Numba(dt=5e-4), animals=1)
    rest = recording["time"].values >= float(recording["start_time"].values[0, 4:].min())
    assert (recording["trace_value"].values[0, rest].max(axis=0) > 20).sum() < 12
    assert "rate" not in protocol.levels


@pytest.mark.slow
def test_the_whole_protocol():
    protocol = replay_compression()
    verdicts = judge(simulate(place_cells(), protocol, Numba(dt=protocol.dt), animals=8, seed=1), protocol)
    assert [v.claim for v in verdicts if v.verdict != REPRODUCED] == []


# the measures

def made_up(run, rest, dt=1e-4):
    """A recording of two laps and some events; `run` (unit) and `rest` (event, unit) in seconds, NaN for none. A cell
    fires three spikes 1 ms apart at its time in a lap, one in an event; trials begin at multiples of 2 s."""
    trials = 2 + len(rest)
    times, counts = [], np.zeros((1, len(run)), np.int32)
    for u, place in enumerate(run):
        train = [2 * t + place + 1e-3 * k for t in range(2) for k in (-1, 0, 1) if not np.isnan(place)]
        train += [2 * (t + 2) + event[u] for t, event in enumerate(rest) if not np.isnan(event[u])]
        times.append(train)
        counts[0, u] = len(train)
    start = 2.0 * np.arange(trials)[None]
    labels = {name: ("trial", ["x"] * trials) for name in ("trial_name", "phase", "cs_type", "stimulus")}
    return xr.Dataset(
        {"spike_time": ("spike", np.concatenate(times)), "spike_count": (("animal", "unit"), counts),
         "start_time": (("animal", "trial"), start), "stimulus_on": (("animal", "trial"), start),
         "stop_time": (("animal", "trial"), start + 2)},
        {"group": ("animal", ["a"]), "seed": ("animal", [0]), "population": ("unit", ["X"] * len(run)),
         "responder": np.zeros(0, int), "block": ("trial", ["run"] * 2 + ["rest"] * len(rest)), **labels},
        {"clock_dt": dt})


def test_order_speed_and_duration_of_made_up_events():
    run = np.linspace(0.1, 1.9, 40)
    run[7] = np.nan
    event = run / 20
    backward = event[::-1].copy()
    few = np.where(np.arange(40) < 3, event, np.nan)
    recording = made_up(run, [event, backward, few, event * 2])
    of = {"run": "run", "rest": "rest", "group": "a"}
    np.testing.assert_allclose(laps.lap_times(recording, "X", "a", "run")[0], run, atol=1e-4)
    assert laps.ordered_fraction(recording, "X", **of).item() == 0.5
    assert laps.reversed_fraction(recording, "X", **of).item() == 0.25
    assert laps.speed_up(recording, "X", **of).item() == pytest.approx(15, rel=0.01)  # the median of 20 and 10
    np.testing.assert_allclose(laps.durations(recording, "X", **of)[0], [0.09, 0.09, np.nan, 0.18], rtol=0.03)
    assert laps.usual_duration(recording, "X", **of).item() == pytest.approx(0.09, rel=0.03)
    assert laps.ordered_fraction(recording, "X", dealt=True, **of).item() == 0


def test_cells_that_hardly_fire_in_a_lap_have_no_place():
    recording = made_up(np.array([0.5, 1.0]), [np.array([0.1, 0.2])])
    assert np.isnan(laps.lap_times(recording, "X", "a", "run", least=4)).all()
    assert not np.isnan(laps.lap_times(recording, "X", "a", "run", least=3)).any()
