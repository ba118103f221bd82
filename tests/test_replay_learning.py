"""What place cells learn on average: against brute force over spikes, a closed form, and the circuit itself."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from neuroam import simulate
from neuroam.circuits.place_cells import place_cells
from neuroam.effective.place_circuit import read_places
from neuroam.effective.place_learning import after_lap, expected_change, noisy_rate
from neuroam.effective.place_passage import lowpass, passage
from neuroam.effective.place_replay import PlaceReplay
from neuroam.errors import Unsupported
from neuroam.manipulations import Scale, Silence
from neuroam.protocol import Record, Stimulus
from neuroam.protocols.replay_compression import replay_compression
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.units import Hz, ms, mV, second
from neuroam.wiring import wire

HIGHEST = 0.12e-3
RNG = np.random.default_rng(0)


def short_track(laps=2):
    protocol = replay_compression(laps=laps)
    return replace(protocol, blocks=protocol.blocks[:1], groups=protocol.groups[:1], predictions=())


def learned(laps=2, protocol=None, **settings):
    """The circuit as read, and what is learned in each lap of the short track."""
    protocol = protocol or short_track(laps)
    wired = wire(place_cells(cells=50, **settings), 0)
    session = schedule(protocol, wired, float(protocol.dt))
    places = read_places(wired)
    here, found = passage(places, session, session.presentations[0]), []
    for _ in range(laps):
        found.append(after_lap(found[-1] if found else None, here, places, 1.0))
    return places, found


@pytest.fixture(scope="module")
def lap():
    return learned(1)


# rates

def brute_force_rates(rates, weight, cell, synapse, seconds=2.0, copies=100, dt=1e-4):
    """Cells with refractoriness that hear Poisson trains of each rate through exponential synapses."""
    shape = len(rates), copies
    v, s, until, number = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for n in range(round(seconds / dt)):
        v += np.where(until <= n, (s - v) * dt / float(cell.tau), 0)
        s += -s * dt / synapse + weight / synapse * RNG.poisson(np.asarray(rates)[:, None] * dt, shape)
        fired = v > 15e-3
        number += fired
        until[fired], v[fired] = n + float(cell.refractory) / dt, 0
    return number.mean(axis=1) / seconds


def test_rates_under_noise_are_those_of_cells_that_hear_spikes(lap):
    """First order in √(τ_s/τ) = ½: 1.5 Hz or 8 %. Without fluctuations cells below threshold would be silent."""
    cell, rates = lap[0].cell, np.array([60.0, 120.0, 250.0, 400.0])
    found = noisy_rate(HIGHEST * rates, HIGHEST**2 * rates, cell, 15e-3, 5e-3)
    counted = brute_force_rates(rates, HIGHEST, cell, 5e-3)
    assert (np.abs(found - counted) < np.maximum(1.5, 0.08 * counted)).all()
    still = noisy_rate(HIGHEST * rates, 0 * rates, cell, 15e-3, 5e-3)
    np.testing.assert_allclose(still, cell.rate(HIGHEST * rates), rtol=1e-3, atol=1e-9)
    assert still[0] < 1e-9 < 1 < counted[0]


def test_lowpass_is_an_exponential_kernel():
    values = RNG.random((400, 2))
    found = lowpass(values, 1e-3, 20e-3)
    kept = np.exp(-1 / 20)
    kernel = (1 - kept) * kept ** np.arange(400)
    expected = values[0] + np.array([np.convolve((values - values[0])[:, k], kernel)[:400] for k in range(2)]).T
    np.testing.assert_allclose(found, expected, atol=1e-12)


# weights

def test_unbounded_change_between_gaussian_fields_in_closed_form(lap):
    """u = t_post − t_pre of two spikes is normal with mean s and variance 2σ²; each pair adds a e^{−u/τ}/τ."""
    places = lap[0]
    step, sigma, tau, delay = 2e-4, 40e-3, 20e-3, 2e-3
    times = np.arange(-0.4, 0.8, step)
    rate = 8 * stats.norm.pdf(times, 0, sigma)
    s = np.array([-60e-3, 0.0, 40e-3, 80e-3, 160e-3])
    a = 0.005e-3

    def pairs(apart):
        return 64 / tau * np.exp(-apart / tau + (sigma / tau)**2) * stats.norm.cdf(
            (apart - 2 * sigma**2 / tau) / (np.sqrt(2) * sigma))

    expected = a * pairs(s) - 1.5 * a * pairs(delay - s)
    np.testing.assert_allclose(expected_change(rate, s, step, places), expected, atol=0.005 * np.abs(expected).max())


def over_spikes(rate, apart, step, bounds, draws=1500):
    """Mean weight after one lap of the rule on Poisson trains, (n_apart,), and its standard error."""
    n, delay, a, kept = len(rate), 2, 0.005e-3, np.exp(-step / 20e-3)
    shifted = np.array([np.interp(np.arange(n) + d / step, np.arange(n), rate, 0, 0) for d in apart])
    shape = len(apart), draws
    w, y_pre, y_post = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    under_way = [np.zeros(shape) for _ in range(delay + 1)]
    for t in range(n):
        pre, post = RNG.poisson(shifted[:, t: t + 1] * step, shape), RNG.poisson(rate[t] * step, shape)
        y_pre, y_post = kept * y_pre, kept * y_post
        under_way.append(pre)
        w = np.clip(w + a * post * y_pre - 1.5 * a * under_way.pop(0) * y_post, *bounds)
        y_pre, y_post = y_pre + pre / 20e-3, y_post + post / 20e-3
    return w.mean(axis=1), w.std(axis=1) / np.sqrt(draws)


def test_unbounded_change_is_the_mean_over_spikes(lap):
    places, (after,) = lap
    step = float(after.passage.times[1] - after.passage.times[0])
    apart = 40e-3 * np.array([-3, -1, 1, 3, 5, 6, 8])
    mean, error = over_spikes(after.rate, apart, step, (-np.inf, np.inf))
    found = expected_change(after.rate, apart, step, places)
    assert (np.abs(found - mean) < 4 * error + 0.02 * np.abs(mean)).all()


def test_bounded_weights_against_the_mean_over_spikes(lap):
    """Of the highest weight, .3 at most from two places on. The mean of a bounded weight is not the bounded mean: one
    place on, where both cells fire at once, it is far off, .8 for .3."""
    _, (after,) = lap
    step = float(after.passage.times[1] - after.passage.times[0])
    mean, _ = over_spikes(after.rate, 40e-3 * after.back, step, (0, HIGHEST))
    off = np.abs(mean - after.weights) / HIGHEST
    assert off[np.abs(after.back) >= 2].max() < 0.3 < off[after.back == 1]
    assert after.weights[after.back < 0].max() < 0.01 * HIGHEST < after.weights[after.back == 4]


@pytest.mark.parametrize("rule", ["asymmetric", "symmetric"])
def test_learned_weights_are_those_of_the_circuit(rule):
    """Mean over the synapses of four animals that reach as far; .15 of the highest weight from two places on."""
    protocol, back = short_track(4), np.arange(-8, 9)
    _, found = learned(4, protocol, rule=rule)
    counted = []
    for seed in range(4):
        wired = wire(place_cells(cells=50, rule=rule), seed)
        weights = Numba(dt=protocol.dt).run(wired, schedule(protocol, wired, float(protocol.dt))).weights["CA3->CA3"]
        counted.append([np.diag(weights[8:42, 8:42], -k).mean() for k in back])
    expected = np.interp(back, found[-1].back, found[-1].weights)
    off = np.abs(np.mean(counted, axis=0) - expected) / HIGHEST
    assert off[np.abs(back) >= 2].max() < 0.2
    assert abs(np.mean(counted, axis=0).sum() / expected.sum() - 1) < 0.15


def test_the_place_and_pace_of_a_lap(lap):
    """1 m at ½ m/s past 50 cells to the metre."""
    here = lap[1][0].passage
    assert here.apart == pytest.approx(40e-3, rel=1e-3) and here.first == pytest.approx(0, abs=1e-3)
    assert here.divisor == 11 and here.passed.all()
    assert here.times[here.drive.argmax()] == pytest.approx(0, abs=10e-3)
    assert 11 * here.drive.max() == pytest.approx(400 * 0.12e-3 * 11, rel=0.1)


def test_only_cells_on_the_track_learn():
    protocol = short_track(1)
    wired = wire(place_cells(cells=80), 0)
    session = schedule(protocol, wired, float(protocol.dt))
    weights = PlaceReplay(protocol.dt).run(wired, session).weights["CA3->CA3"]
    assert not weights[52:].any() and not weights[:, 52:].any() and weights[30, 27] == pytest.approx(HIGHEST)


def test_stronger_drive_or_no_gate_change_what_is_learned():
    """Nothing is learned while the gate is closed, and half the trace reaches less far: all from the wired rule."""
    assert learned(1, trace=10 * ms)[1][0].weights.sum() < 0.9 * learned(1)[1][0].weights.sum()
    protocol = short_track(1)
    closed = replace(protocol.blocks[0].trials[0], stimuli=protocol.blocks[0].trials[0].stimuli[1:])
    still = replace(protocol, blocks=(replace(protocol.blocks[0], trials=(closed,)),))
    wired = wire(place_cells(cells=50), 0)
    outcome = PlaceReplay(still.dt).run(wired, schedule(still, wired, float(still.dt)))
    assert not outcome.weights["CA3->CA3"].any()


# what is refused

def refused(circuit, protocol, group=None):
    wired = wire(circuit, 0)
    for manipulation in group or ():
        wired = manipulation.apply(wired)
    PlaceReplay(protocol.dt).prepare(wired, schedule(protocol, wired, float(protocol.dt)))


def with_projection(circuit, name, **changes):
    return replace(circuit, projections=tuple(replace(q, **changes) if q.name == name else q
                                              for q in circuit.projections))


def with_rule(**changes):
    circuit = place_cells(cells=50)
    rule = replace(circuit.projection("CA3", "CA3").plasticity, **changes)
    return with_projection(circuit, "CA3->CA3", plasticity=rule)


@pytest.mark.parametrize("circuit, message", [
    (with_rule(gate=None), "not spike timing alone, additive and gated"),
    (with_rule(on_pre=0.001 * mV / Hz), "not spike timing alone, additive and gated"),
    (with_rule(high=None), "have no bounds"),
    (with_projection(place_cells(cells=50), "EC->CA3", delay=1 * ms), "input EC->CA3 learns or is delayed"),
    (replace(place_cells(cells=50), hidden=("AHP",)), "is not one cell that hears and answers all cells alike"),
], ids=["gate", "rule", "bounds", "delay", "hidden"])
def test_circuits_that_are_not_valid_are_refused(circuit, message):
    with pytest.raises(Unsupported, match=message):
        refused(circuit, short_track())


@pytest.mark.parametrize("width, message", [(0.005, "is smaller than that of cells before and after it"),
                                            (1.0, "comes and goes alike")])
def test_fields_that_are_not_alike_are_refused(width, message):
    """Those between two steps of the animal, and those that no track holds."""
    with pytest.raises(Unsupported, match=message):
        refused(place_cells(cells=50, width=width), short_track())


def test_cells_that_are_not_alike_are_refused():
    with pytest.raises(Unsupported, match="the cells of 'CA3' differ or are silenced"):
        refused(place_cells(cells=50), short_track(), (Silence("CA3"),))


def test_laps_that_are_not_even_are_refused():
    protocol = short_track()
    lap = protocol.blocks[0].trials[0]
    state, *steps = lap.stimuli
    slower = [replace(s, onset=round(500 * float(s.onset)**2) * ms, duration=5 * ms) for s in steps[4:]]
    for stimuli, message in (((state, *slower), "places are not passed at even times|comes and goes alike"),
                             ((replace(state, duration=1 * second), *steps), "opens or closes within it"),
                             ((state, Stimulus("place", {"m": 0.5}, 2 * second)), "comes and goes alike")):
        uneven = replace(protocol, blocks=(replace(protocol.blocks[0], trials=(replace(lap, stimuli=stimuli),)),))
        with pytest.raises(Unsupported, match=message):
            refused(place_cells(cells=50), uneven)


def test_another_track_without_a_fresh_block_is_refused():
    protocol = replay_compression(laps=1, events=1)
    blocks = tuple(replace(block, fresh=False) for block in protocol.blocks)
    with pytest.raises(Unsupported, match="a lap unlike the one before it"):
        simulate(place_cells(), replace(protocol, blocks=blocks), PlaceReplay(protocol.dt), animals=1)


def test_what_is_not_followed_cannot_be_recorded():
    with pytest.raises(Unsupported, match="record 'EC': at the level of expected learning only CA3 is followed"):
        refused(place_cells(cells=50), replace(short_track(), record=(Record("CA3"), Record("EC"))))


def test_lesions_of_inputs_act():
    """Must fail: with half the drive of the place, cells fire less and learn less."""
    protocol = short_track(1)
    wired = wire(place_cells(cells=50), 0)
    session = schedule(protocol, wired, float(protocol.dt))
    whole, half = (PlaceReplay(protocol.dt).run(w, session) for w in (wired, Scale("EC", "CA3", 0.5).apply(wired)))
    assert len(half.spikes["CA3"][0]) < 0.6 * len(whole.spikes["CA3"][0])
    assert half.weights["CA3->CA3"].sum() < 0.8 * whole.weights["CA3->CA3"].sum()
