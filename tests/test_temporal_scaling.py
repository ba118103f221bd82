"""Temporal scaling: the bump runs as its equation says, and the measures tell scaled, shifted and retimed courses
apart."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam import judge, simulate
from neuroam.analysis import timing
from neuroam.circuit import as_rates, as_spikes
from neuroam.circuits.interval import WAY, holding, interval, kernels, timed
from neuroam.circuits.interval_chain import LASTS, link_time
from neuroam.effective.adiabatic import Adiabatic
from neuroam.errors import DescriptionError
from neuroam.prediction import NOT_REPRODUCED, REPRODUCED
from neuroam.protocol import Record
from neuroam.protocols.temporal_scaling import DELAYS, INTERVALS, LONG, RETIMING, SCALING, SHORT, temporal_scaling
from neuroam.solvers import Numba
from neuroam.units import ms


@pytest.fixture(scope="module")
def protocol():
    return temporal_scaling(trials=1)


@pytest.fixture(scope="module")
def rates(protocol):
    return simulate(as_rates(interval()), protocol, Numba(dt=protocol.dt), animals=2, seed=1, level="rate")


# the circuit

def test_the_push_is_the_slope_of_the_ring():
    within, onward = kernels(120)
    wave = np.fft.fftfreq(120, 1 / 120)
    slope = np.fft.ifft(2j * np.pi * wave / 120 * np.fft.fft(within[:, 0])).real  # exact for what a ring can hold
    np.testing.assert_allclose(onward[:, 0], -slope, atol=1e-8)
    np.testing.assert_array_equal(within, within.T)
    np.testing.assert_allclose(onward, -onward.T, atol=1e-15)


@pytest.mark.parametrize("interval_s", [0.8, 1.5])
def test_the_bump_runs_at_the_speed_of_its_equation(protocol, interval_s):
    """T = shortest · (1 + u) for the whole way; the clock adds a delay of one step to the ring's 20 ms."""
    dt = 0.25e-3
    watched = replace(protocol, groups=protocol.groups[:1], record=(Record("line", every=5 * ms),), predictions=())
    recording = simulate(as_rates(interval()), watched, Numba(dt=dt), animals=1)
    place = timing.course(recording, "line", SCALING, f"{interval_s:g} s", smooth=1e-9)
    half = place.sel(time=slice(0.2 * interval_s, 0.9 * interval_s)).isel(animal=0)
    angle = np.unwrap(np.angle(half.values.T @ np.exp(2j * np.pi * np.arange(120) / 120)))
    speed = np.polyfit(half["time"].values, angle * 120 / (2 * np.pi), 1)[0]
    assert speed * interval_s * (1 + dt / 20e-3) / (WAY * 120) == pytest.approx(1, abs=0.01)
    assert np.ptp(half.max("unit").values) < 0.05 * half.values.max()  # without a change of shape


def pools(protocol, interval_s, dt=0.25e-3, **settings):
    """When each pool of the chain switches on and off, effective level, seconds after the animal may go; NaN: never."""
    chain = replace(protocol.groups[1], strain={"code": "delays", **settings})
    trials = tuple(t for t in protocol.blocks[0].trials if t.name == f"{interval_s:g} s")
    watched = replace(protocol, groups=(chain,), record=(Record("line", every=0.5 * ms),), predictions=(),
                      blocks=(replace(protocol.blocks[0], trials=trials),))
    recording = simulate(interval(), watched, Adiabatic(dt=dt), animals=1, level="effective")
    line = timing.course(recording, "line", DELAYS, f"{interval_s:g} s", smooth=1e-9).isel(animal=0)
    on = line.transpose("unit", "time").values > 0
    time, ever = line["time"].values, on.any(axis=1)
    return (np.where(ever, time[values], np.nan) for values in (on.argmax(axis=1), on.shape[1] - 1
                                                                - on[:, ::-1].argmax(axis=1)))


@pytest.mark.parametrize("interval_s", [0.8, 1.5])
def test_the_chain_passes_on_after_its_delay_and_the_time_to_integrate(protocol, interval_s):
    """D − τ ln(1 − (1 + u)/w) a link, up to a step for the delay and one for the membrane; each pool lasts LASTS
    links."""
    dt = 0.25e-3
    begin, end = pools(protocol, interval_s, dt)
    link = np.polyfit(np.arange(10, 80), begin[10:80], 1)[0]
    expected = link_time(interval_s / 0.6 - 1, 7.5e-3, 20, 20e-3)
    assert expected < link < expected + 2 * dt
    np.testing.assert_allclose(np.diff(begin[10:80]), link, atol=0.5e-3)  # in order, at an even pace
    assert ((end - begin)[10:80] > (LASTS - 1) * link).all() and ((end - begin)[10:80] < (LASTS + 2) * link).all()


def test_a_chain_that_the_input_outweighs_stops_rather_than_slows(protocol):
    """1 + u = 2.5 at 1.5 s: more than a coupling of 2 thresholds, less than one of 4."""
    stopped, _ = pools(protocol, 1.5, coupling=2.0)
    assert np.isnan(stopped[1:]).all() and link_time(1.5, 7.5e-3, 2.0, 20e-3) == np.inf
    passed, _ = pools(protocol, 1.5, coupling=4.0)
    assert not np.isnan(passed[:40]).any()


def test_inputs_follow_from_the_interval():
    np.testing.assert_allclose(timed({"s": 0.8}, 0.6, 1.0), [1 / 3, 0, 5])
    np.testing.assert_allclose(timed({"s": 1.5}, 0.6, 1.0), [1.5, 5, 0])
    np.testing.assert_allclose(timed({}, 0.6, 1.0)[0], 0)
    assert holding({}) > 50 and holding({"go": 1.0}) == 0


@pytest.mark.parametrize("settings, message", [
    ({"code": "shifting"}, "code is 'shifting'; use one of"), ({"places": 20}, "20 places cannot hold a bump"),
    ({"shortest": 0 * ms}, "interval: shortest is 0 s; it must be more than 0"),
    ({"code": "delays", "delay": 0 * ms}, "interval: delay is 0 s; it must be more than 0"),
    ({"coupling": 0.5}, r"a coupling of 0\.5 thresholds carries no chain; give more than 1")])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        interval(**settings)


def test_intervals_that_the_bump_cannot_keep_are_refused():
    with pytest.raises(DescriptionError, match=r"an interval of 0\.5 s is shorter than the 0\.6 s"):
        timed({"s": 0.5}, 0.6, 1.0)


# the protocol

def test_the_claims_at_the_rate_level(rates, protocol):
    assert len({p.claim for p in protocol.predictions}) == len(protocol.predictions)
    verdicts = judge(rates, protocol)
    assert [v.claim for v in verdicts if v.verdict != REPRODUCED] == []


@pytest.mark.parametrize("group, code", [(DELAYS, "delays"), (RETIMING, "retiming")])
def test_other_codes_fail_the_claims_of_scaling(rates, protocol, group, code):
    """Must fail: the claims on the scaled sequence, judged on fixed delays and on cells that retime."""
    assert next(g for g in protocol.groups if g.name == group).strain == {"code": code}
    claims = [p for p in protocol.predictions if p.statistic.keywords.get("group") == SCALING]
    failed = []
    for claim in claims:
        values = claim.statistic.func(rates, **{**claim.statistic.keywords, "group": group})
        failed.append(not ((values > claim.expect.low) & (values < claim.expect.high)).any())
    assert sum(failed) >= 5
    assert timing.kept_pace(rates, "cells", SHORT, LONG, group).values.max() < 0.3


def test_with_a_time_constant_of_the_line_alone_it_scales_as_its_equation_says(protocol, rates):
    only = replace(protocol, groups=protocol.groups[:1])
    effective = simulate(interval(), only, Adiabatic(dt=protocol.dt), animals=1, seed=1, level="effective")
    of = [timing.peak_ratio(r, "cells", SHORT, LONG, SCALING).values[0] for r in (effective, rates)]
    assert of[0] == pytest.approx(1.875, rel=0.01)
    assert abs(of[0] - 1.875) < abs(of[1] - 1.875)  # the lags of the other cells are the same in either interval


def test_a_pool_of_spiking_cells_scales_too(protocol):
    only = replace(temporal_scaling(trials=3), groups=protocol.groups[:1])
    spiking = simulate(as_spikes(interval()), only, Numba(dt=1e-3), animals=1, seed=3)
    assert timing.peak_ratio(spiking, "cells", SHORT, LONG, SCALING).item() == pytest.approx(1.875, rel=0.1)
    assert timing.scaled_r2(spiking, "cells", SHORT, LONG, SCALING).item() > 0.9
    assert 0 < timing.timing_spread(spiking, "cells", LONG, SCALING).item() < 0.2


@pytest.mark.slow
def test_the_whole_protocol_with_spikes():
    """Some .93 of the cells keep pace, and those of the first half fall short by 3 %: whether more than .9 do, and by
    less than 5 %, can be left open by so few animals, nothing else."""
    protocol = temporal_scaling()
    verdicts = judge(simulate(as_spikes(interval()), protocol, Numba(dt=protocol.dt), animals=8, seed=1), protocol)
    open_ = {v.claim for v in verdicts if v.verdict != REPRODUCED}
    assert open_ <= {"cells whose peak is within 10 % of where scaling puts it", "the same in cells of the first half"}
    assert all(v.verdict != NOT_REPRODUCED for v in verdicts)


# the measures, on courses made up here

STEP, WAIT = 5e-3, 0.1


def made_up(rule, jitter=0.0, trials=1):
    """A recording of cells whose Gaussian courses have the centre and width ``rule(x, interval)``, for places x."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.15, 0.85, 15)
    names = [name for name in (SHORT, LONG) for _ in range(trials)]
    rows, starts, stops, at = [], [], [], 0.0
    for name in names:
        length = float(name.split()[0])
        time = np.arange(0, WAIT + 1.2 * length - 1e-9, STEP) - WAIT
        centre, width = rule(x, length)
        pace = 1 + jitter * rng.standard_normal()
        rows.append(np.exp(-((time[:, None] - centre * pace) ** 2) / (2 * width**2)))
        starts.append(at + WAIT)
        stops.append(at + len(time) * STEP)
        at = stops[-1]
    table = np.concatenate(rows)[None]
    times = {"stimulus_on": (("animal", "trial"), [starts]), "stimulus_off": (("animal", "trial"), [stops]),
             "response_on": (("animal", "trial"), [starts]), "response_off": (("animal", "trial"), [stops])}
    given = np.array([[[float(name.split()[0])] for name in names]])
    return xr.Dataset(
        {"trace_value": (("animal", "time", "trace"), table), "response": (("animal", "trial", "responder"), given),
         "spike_count": (("animal", "unit"), np.zeros((1, 1), int)), "spike_time": ("spike", np.zeros(0)), **times},
        {"time": np.arange(table.shape[1]) * STEP, "trace_population": ("trace", ["cells"] * 15),
         "group": ("animal", ["a"]), "seed": ("animal", [0]), "stimulus": ("trial", names), "responder": [0],
         "population": ("unit", ["tempo"]),
         **dict.fromkeys(("trial_name", "phase", "cs_type", "block"), ("trial", names))})


def scaled(x, length):
    return x * length, 0.06 * length


def fixed(x, length):
    return x * 0.8, 0.05


def shifted(x, length):
    return x * 0.8 + (length - 0.8), 0.05


def test_scaled_courses_pass_and_others_fail():
    of = {rule.__name__: made_up(rule) for rule in (scaled, fixed, shifted)}
    ratio = {name: timing.peak_ratio(r, "cells", SHORT, LONG, "a").item() for name, r in of.items()}
    assert ratio["scaled"] == pytest.approx(1.875, rel=0.01) and ratio["fixed"] == pytest.approx(1.0, rel=0.01)
    gain = {name: timing.scaling_gain(r, "cells", SHORT, LONG, "a").item() for name, r in of.items()}
    assert gain["scaled"] > 0.2 and gain["shifted"] < -0.2 and abs(gain["fixed"]) < 0.05
    pace = {name: timing.kept_pace(r, "cells", SHORT, LONG, "a").item() for name, r in of.items()}
    assert pace["scaled"] == 1 and pace["fixed"] == 0 and pace["shifted"] < 0.5
    exponents = [timing.exponent(r, "cells", (SHORT, LONG), "a").item() for r in of.values()]
    np.testing.assert_allclose(exponents[:2], [1, 0], atol=0.02)
    speed = [timing.speeds(r, "cells", (SHORT, LONG), "a").values[0, 1] for r in of.values()]
    np.testing.assert_allclose(speed, [1 / 1.875, 1, 1], rtol=0.01)  # a shift leaves the speed as it is
    assert timing.monotone(of["scaled"], "cells", "tempo", (SHORT, LONG), "a").item() == 1
    faster = made_up(lambda x, length: (x / length, 0.05))
    assert timing.monotone(faster, "cells", "tempo", (SHORT, LONG), "a").item() == 0


def test_only_cells_with_a_peak_in_the_asked_part_count():
    early = timing.peaks(made_up(scaled), "cells", "a", (SHORT, LONG), (0.1, 0.4))
    assert early.notnull().any("interval").sum() == (np.linspace(0.15, 0.85, 15) <= 0.4).sum()
    faint = made_up(scaled)
    faint["trace_value"][..., 3] *= 0.1
    assert np.isnan(timing.peaks(faint, "cells", "a", (SHORT, LONG)).values[0, 3]).all()


def test_the_spread_of_single_trials_is_found():
    spread = timing.timing_spread(made_up(scaled, jitter=0.05, trials=200), "cells", SHORT, "a").item()
    assert spread == pytest.approx(0.05, rel=0.15)


def test_unknown_intervals_are_refused():
    with pytest.raises(DescriptionError, match="no trial has the interval '2 s'; there are: "):
        timing.course(made_up(scaled), "cells", "a", "2 s")
    with pytest.raises(DescriptionError, match="no activity of 'neurons' was recorded within trials"):
        timing.course(made_up(scaled), "neurons", "a", SHORT)
    with pytest.raises(DescriptionError, match="interval '800 ms' is none; give a number of seconds"):
        timing.seconds("800 ms")
    assert [timing.seconds(name) for name in INTERVALS] == [0.8, 1, 1.25, 1.5]
