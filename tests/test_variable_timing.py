"""Dwell times of single motifs on small versions of the experiment, with the control that must miss them; the hand."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam.analysis.motor import distance, speed, strokes
from neuroam.circuit import as_rates, as_spikes
from neuroam.circuits.sequence import sequence
from neuroam.effective.adiabatic import Adiabatic
from neuroam.experiment import judge, simulate
from neuroam.prediction import REPRODUCED
from neuroam.protocols.variable_timing import (
    CONTROL,
    EVEN,
    FASTEST,
    FREE,
    GATED,
    GIVEN,
    SLOWEST,
    TIMED,
    miss,
    rule,
    variable_timing,
)
from neuroam.solvers import Numba
from neuroam.units import ms

LEVELS = {"effective": (lambda circuit: circuit, Adiabatic(1e-3)), "rate": (as_rates, Numba(1e-3)),
          "spiking": (as_spikes, Numba(1e-3))}


def run(level, groups, blocks, **settings):
    """The groups and blocks of these names, on one animal."""
    whole = variable_timing(**settings)
    made, solver = LEVELS[level]
    some = replace(whole, groups=tuple(g for g in whole.groups if g.name in groups),
                   blocks=tuple(b for b in whole.blocks if b.name in blocks))
    return simulate(made(sequence()), some, solver, animals=1, seed=1, level=level), whole


def verdict(recording, protocol, words):
    chosen = [p for p in protocol.predictions if words in p.claim]
    assert len(chosen) == 1
    return chosen[0].expect, float(np.mean(chosen[0].statistic(recording)))


@pytest.mark.parametrize("level", LEVELS)
def test_a_list_of_durations_is_met_and_one_strength_misses_it(level):
    recording, _ = run(level, (TIMED, CONTROL), (FREE,), duration=3200 * ms)
    assert miss(recording, GIVEN, TIMED) < 1.05
    assert miss(recording, GIVEN, CONTROL) > 5


def test_a_closed_gate_and_the_hand_at_the_rate_level():
    recording, protocol = run("rate", (TIMED,), (FREE, GATED), duration=2600 * ms)
    for words in ("a closed gate", "and it goes on", "the hand's pauses"):
        expect, value = verdict(recording, protocol, words)
        assert expect.low < value < expect.high, words


def test_a_tonic_input_sets_the_tempo_by_the_rule():
    recording, protocol = run("effective", (EVEN,), (FREE, SLOWEST, FASTEST), duration=3500 * ms)
    for words in ("tempo", "fastest and slowest drawing"):
        expect, value = verdict(recording, protocol, words)
        assert expect.low < value < expect.high, words
    assert rule(np.zeros(1), 0.2)[0] == pytest.approx(0.2)
    assert (np.diff(rule(np.linspace(-0.1, 0.1, 9), 0.2)) < 0).all()


@pytest.mark.slow
def test_whole_experiment():
    protocol = variable_timing()
    for level in ("effective", "rate"):
        made, solver = LEVELS[level]
        recording = simulate(made(sequence()), protocol, solver, animals=2, seed=1, level=level)
        assert all(v.verdict == REPRODUCED for v in judge(recording, protocol))


# the hand

def path(places, lasts, tau=0.03, step=2e-3):
    """A hand that goes to each place (n, 2) for as long as given, low-passed."""
    aim = np.repeat(np.asarray(places, float), np.round(np.asarray(lasts) / step).astype(int), axis=0)
    now, found = np.zeros(2), []
    for target in aim:
        now = now + (target - now) * (1 - np.exp(-step / tau))
        found.append(now)
    return xr.DataArray(np.array(found), dims=("time", "axis"), coords={"time": np.arange(len(found)) * step})


def test_strokes_are_as_far_apart_as_the_targets_change():
    lasts = [0.1, 0.2, 0.09, 0.3, 0.15]
    found = strokes(path([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1)], lasts))
    np.testing.assert_allclose(np.diff(found), lasts[:-1], atol=0.005)


def test_speed_of_a_straight_path_and_a_hand_that_rests():
    line = xr.DataArray(np.stack([np.arange(10) * 0.1, np.zeros(10)], axis=1), dims=("time", "axis"),
                        coords={"time": np.arange(10) * 0.01})
    np.testing.assert_allclose(speed(line).values[1:], 10)
    assert len(strokes(line * 0)) == 0


def test_distance_of_drawings():
    angle = np.linspace(0, 2 * np.pi, 800)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert distance(circle, circle[::-1]) < 0.01
    assert distance(1.2 * circle, circle) == pytest.approx(0.2, rel=0.02)
