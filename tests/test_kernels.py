"""The compiled loop on circuits that can be solved by hand."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second, volt
from scipy.integrate import solve_ivp

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import LogNormal, all_to_all, from_matrix, in_degree, one_to_one
from neuroam.errors import DescriptionError
from neuroam.manipulations import Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.plasticity import ThreeFactor, anti_hebbian, dopamine_depression, hebbian, spike_timing
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import InputDrive, schedule
from neuroam.solvers import Numba, batched, clocked
from neuroam.transfer import Linear, Rectified, Tanh
from neuroam.wiring import wire

TAU, SYNAPSE, REST = 20e-3, 5e-3, -60e-3
DT = 1e-4
CELL = LIF(tau=20*ms, rest=-60*mV, threshold=-50*mV, reset=-65*mV, refractory=3*ms)
PASSIVE = replace(CELL, threshold=np.inf*volt)
LINEAR = Linear()
METHODS = ["exponential_euler", "euler"]


def chain(pre, post, weight, connectivity=None, sizes=(1, 1), **extra):
    return Circuit("c", (Population("in", sizes[0], pre), Population("out", sizes[1], post)),
                   (Projection("in", "out", connectivity or all_to_all(), weight, **extra),), {"in": "in"})


def present(circuit, duration, *, dt=DT, drive=None, spikes=None, trials=1, record=("out",), every=None, seed=0,
            resets=None, fresh=None):
    """A wired circuit and its session. `drive`: a constant drive by port; `spikes`: (tick, cell) by population."""
    given = dict.fromkeys(circuit.ports, 0.0) | (drive or {})
    stimuli = tuple(Stimulus(port, value, duration) for port, value in given.items())
    blocks = tuple(Block(str(k), (Trial(str(k), duration, stimuli, reset=resets[k] if resets else True),),
                         fresh=bool(fresh and fresh[k])) for k in range(trials))
    wired = wire(circuit, seed)
    session = schedule(Protocol("p", "p", "", blocks, tuple(Record(r, every) for r in record)), wired, dt)
    inputs = dict(session.inputs)
    for name, (tick, cell) in (spikes or {}).items():
        p = wired.index[name]
        inputs[p] = InputDrive(inputs[p].ticks, inputs[p].values, np.array(tick, np.int64), np.array(cell, np.int32))
    return wired, replace(session, inputs=inputs)


def run(circuit, duration, *, method="exponential_euler", dtype="float64", dt=DT, **options):
    wired, session = present(circuit, duration, dt=dt, **options)
    return Numba(dt=dt, method=method, dtype=dtype).run(wired, session)


def trace(circuit, duration, *, dt=DT, **options):
    """The trace of the one cell of "out" at every tick, from time 0."""
    return run(circuit, duration, dt=dt, every=dt*second, **options).traces["out"][:, 0]


def order_of(error, steps):
    """Slope of the logarithm of the error against that of the time step."""
    return np.polyfit(np.log(steps), np.log([error(dt) for dt in steps]), 1)[0]


STEPS = np.array([2e-4, 1e-4, 5e-5, 2.5e-5])


# membranes

def test_step_response_of_a_membrane():
    """v = rest + I(1 − e^{−t/τ}): exact for exponential steps; for Euler v_n = rest + I(1 − (1 − dt/τ)^n)."""
    n = np.arange(1000)
    exact = REST + 8e-3 * (1 - np.exp(-n * DT / TAU))
    euler = REST + 8e-3 * (1 - (1 - DT / TAU) ** n)
    circuit = chain(Drive("volt"), PASSIVE, 1.0)
    for method, expected in zip(METHODS, (exact, euler), strict=True):
        v = trace(circuit, 100*ms, drive={"in": 8*mV}, method=method)
        np.testing.assert_allclose(v - REST, expected - REST, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("transfer, g", [(Linear(2.0, 0.1), lambda x: 2 * (x - 0.1)),
                                         (Rectified(2.0, 0.1), lambda x: 2 * np.maximum(x - 0.1, 0)),
                                         (Tanh(2.0, 0.1), lambda x: np.tanh(2 * (x - 0.1)))])
def test_step_response_of_a_rate_neuron(transfer, g):
    x = 0.7 * (1 - np.exp(-np.arange(1000) * DT / TAU))
    r = trace(chain(Drive(), Rate(20*ms, transfer), 0.7), 100*ms, drive={"in": 1.0})
    np.testing.assert_allclose(r, g(x), rtol=1e-9, atol=1e-12)


def psp(t, weight):
    """∫ of an exponential synapse of area `weight` through the membrane: w/(τ − τ_s)·(e^{−t/τ} − e^{−t/τ_s})."""
    t = np.maximum(t, 0)
    return weight / (TAU - SYNAPSE) * (np.exp(-t / TAU) - np.exp(-t / SYNAPSE))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("post", [PASSIVE, Rate(20*ms, Linear(unit_in="volt", unit_out="volt"))], ids=["LIF", "rate"])
def test_a_postsynaptic_potential_is_the_double_exponential(post, method):
    """Order 1 in dt, for a spike at 10 ms seen at 40 times from 12 ms on."""
    circuit = chain(Poisson(synapse=5*ms), post, .1*mV/Hz)
    rest = REST if post is PASSIVE else 0.0

    def error(dt):
        v = trace(circuit, 60*ms, dt=dt, method=method, spikes={"in": ([round(10e-3 / dt)], [0])}) - rest
        seen = np.arange(12e-3, 52e-3, 1e-3)
        return np.abs(v[np.rint(seen / dt).astype(int)] - psp(seen - 10e-3, 1e-4)).max()

    assert order_of(error, STEPS) == pytest.approx(1, abs=0.05)
    assert error(1e-5) < 2e-3 * psp(np.array([9.24e-3]), 1e-4)[0]  # the peak is at ln(τ/τ_s)·ττ_s/(τ − τ_s) = 9.24 ms


@pytest.mark.parametrize("method", METHODS)
def test_a_low_pass_is_a_second_exponential(method):
    """Drive through τ_l = 5 ms onto a membrane of 20 ms: x = 1 − (τe^{−t/τ} − τ_l e^{−t/τ_l})/(τ − τ_l); order 1."""
    circuit = chain(Drive(), Rate(20*ms, LINEAR), 1.0, lowpass=5*ms)

    def error(dt):
        t = np.arange(round(50e-3 / dt)) * dt
        exact = 1 - (TAU * np.exp(-t / TAU) - SYNAPSE * np.exp(-t / SYNAPSE)) / (TAU - SYNAPSE)
        return np.abs(trace(circuit, 50*ms, dt=dt, method=method, drive={"in": 1.0}) - exact).max()

    assert order_of(error, STEPS) == pytest.approx(1, abs=0.05)


def test_a_synapse_without_time_constant_moves_its_target_by_weight_over_tau():
    v = trace(chain(Poisson(), PASSIVE, .1*mV/Hz), 50*ms, spikes={"in": ([100, 200], [0, 0])}) - REST
    n = np.arange(500)
    expected = 1e-4 / TAU * sum(np.where(n > k, np.exp(-(n - k - 1) * DT / TAU), 0) for k in (100, 200))
    np.testing.assert_allclose(v, expected, rtol=1e-9, atol=1e-15)


def test_spikes_of_several_cells_add_up():
    circuit = chain(Poisson(), PASSIVE, np.array([[1.0, 2.0, 4.0]]) * 1e-4 * volt/Hz, sizes=(3, 1))
    v = trace(circuit, 10*ms, spikes={"in": ([10, 10, 20], [0, 2, 1])}) - REST
    assert v[11] == pytest.approx(5e-4 / TAU, rel=1e-12)
    assert v[21] - v[20] * np.exp(-DT / TAU) == pytest.approx(2e-4 / TAU, rel=1e-12)


# spikes

@pytest.mark.parametrize("refractory, ticks", [(0, 1), (0.1, 1), (0.3, 3), (1, 10), (2.5, 25)])
def test_under_overwhelming_drive_a_cell_fires_once_every_dead_time(refractory, ticks):
    cell = replace(CELL, refractory=refractory*ms)
    tick = run(chain(Drive("volt"), cell, 1.0), 50*ms, drive={"in": 1000*volt}).spikes["out"][0]
    assert tick[0] == 0 and len(tick) > 5
    assert set(np.diff(tick).tolist()) == {ticks}


def test_what_arrives_while_refractory_is_lost():
    """A spike at tick 100 kicks the cell over threshold at 101; kicks until 130 are lost, one at 131 is not."""
    circuit = chain(Poisson(), CELL, .5*mV/Hz)  # 25 mV a spike
    for second_kick, spikes in ((105, 1), (129, 1), (131, 2)):
        tick = run(circuit, 50*ms, spikes={"in": ([100, second_kick], [0, 0])}).spikes["out"][0]
        assert len(tick) == spikes and tick[0] == 101


def test_after_a_spike_the_potential_is_at_reset():
    v = trace(chain(Poisson(), CELL, .5*mV/Hz), 50*ms, spikes={"in": ([100], [0])})
    np.testing.assert_array_equal(v[102:132], -0.065)
    assert v[132] == pytest.approx(REST + (-0.065 - REST) * np.exp(-DT / TAU), abs=1e-15)


@pytest.mark.parametrize("delay, ticks", [(0, 0), (0.1, 1), (1.5, 15), (7, 70)])
def test_delays_are_exact(delay, ticks):
    """A spike at tick 20 and a drive that begins with the trial."""
    at_once = trace(chain(Poisson(), PASSIVE, .1*mV/Hz, delay=delay*ms), 20*ms, spikes={"in": ([20], [0])}) - REST
    assert np.flatnonzero(at_once)[0] == 20 + 1 + ticks
    assert at_once[21 + ticks] == pytest.approx(1e-4 / TAU, rel=1e-9)
    graded = trace(chain(Drive(), Rate(20*ms, LINEAR), 1.0, delay=delay*ms), 20*ms, drive={"in": 1.0})
    assert np.flatnonzero(graded)[0] == 1 + ticks
    assert graded[1 + ticks] == pytest.approx(1 - np.exp(-DT / TAU), rel=1e-9)


def test_projections_keep_their_own_delays():
    circuit = Circuit("c", (Population("a", 1, Poisson()), Population("b", 1, Poisson()),
                            Population("out", 1, PASSIVE)),
                      (Projection("a", "out", all_to_all(), .1*mV/Hz, delay=1*ms),
                       Projection("b", "out", all_to_all(), .1*mV/Hz, delay=4*ms)), {"a": "a", "b": "b"})
    v = trace(circuit, 20*ms, spikes={"a": ([10], [0]), "b": ([10], [0])}) - REST
    jumps = v[1:] - v[:-1] * np.exp(-DT / TAU)
    np.testing.assert_array_equal(np.flatnonzero(jumps > 1e-4 / TAU / 2) + 1, [21, 51])


def test_a_delayed_synapse_carries_the_emission_at_rest():
    """A cell that emits 1 at rest is seen from the start, delayed or not."""
    tonic = Rate(20*ms, Linear(1.0, -1.0))
    circuits = [Circuit("c", (Population("in", 1, Drive()), Population("tonic", 1, tonic), Population("out", 1, tonic)),
                        (Projection("in", "tonic", all_to_all(), 0.0),
                         Projection("tonic", "out", all_to_all(), 1.0, delay=delay)), {"in": "in"})
                for delay in (0*ms, 5*ms)]
    one, other = (trace(c, 30*ms) for c in circuits)
    np.testing.assert_allclose(one, 2 - np.exp(-np.arange(300) * DT / TAU), rtol=1e-9)
    np.testing.assert_allclose(other, one, rtol=1e-12)


def test_no_spike_is_lost_when_the_buffer_is_full():
    """All 300 cells at every one of 1000 ticks: five buffers full."""
    tick, cell = np.repeat(np.arange(1000), 300), np.tile(np.arange(300), 1000)
    assert len(tick) > 4 * clocked.SPIKE_BUFFER
    circuit = chain(Poisson(), replace(CELL, refractory=0*ms), 50*mV/Hz, one_to_one(), (300, 300))
    outcome = run(circuit, 100*ms, spikes={"in": (tick, cell)}, record=("in", "out"))
    np.testing.assert_array_equal(outcome.spikes["in"][0], tick)
    np.testing.assert_array_equal(outcome.spikes["in"][1], cell)
    # a kick makes its target fire in the next step, at whose end the reset wipes out the kick of that step
    np.testing.assert_array_equal(np.unique(outcome.spikes["out"][0], return_counts=True), (
        np.arange(1, 1000, 2), np.full(500, 300)))
    np.testing.assert_allclose(outcome.responses["in"], 10_000, rtol=1e-12)


# action

def test_divisive_action_divides_the_drive():
    """x = I/(1 + w r) in the steady state."""
    circuit = Circuit("c", (Population("in", 1, Drive()), Population("pool", 3, Drive()),
                            Population("out", 1, Rate(5*ms, LINEAR))),
                      (Projection("in", "out", all_to_all(), 2.0),
                       Projection("pool", "out", all_to_all(), 0.5, acts="divisive")), {"in": "in", "pool": "pool"})
    x = trace(circuit, 200*ms, drive={"in": 3.0, "pool": np.array([1.0, 2.0, 3.0])})
    assert x[-1] == pytest.approx(6 / (1 + 0.5 * 6), rel=1e-12)


def test_spikes_divide_by_their_synaptic_variable():
    """A spike a tick keeps s at w/τ_s/(1 − e^{−dt/τ_s})."""
    circuit = Circuit("c", (Population("in", 1, Drive("volt")), Population("pool", 1, Poisson(synapse=5*ms)),
                            Population("out", 1, PASSIVE)),
                      (Projection("in", "out", all_to_all(), 1.0),
                       Projection("pool", "out", all_to_all(), .001/Hz, acts="divisive")), {"in": "in", "pool": "pool"})
    v = trace(circuit, 400*ms, drive={"in": 9*mV}, spikes={"pool": (np.arange(4000), np.zeros(4000))})
    s = 1e-3 / SYNAPSE / (1 - np.exp(-DT / SYNAPSE))
    assert v[-1] - REST == pytest.approx(9e-3 / (1 + s), rel=1e-6)


def test_spikes_that_act_at_once_cannot_divide():
    circuit = chain(Poisson(), PASSIVE, .001/Hz, acts="divisive")
    with pytest.raises(DescriptionError, match=r"in->out divides, but its spikes act at once; give .* time constant"):
        run(circuit, 10*ms)


@pytest.mark.parametrize("pre", [Drive("volt"), Poisson(), Poisson(synapse=5*ms)],
                         ids=["graded", "at once", "filtered"])
@pytest.mark.parametrize("uniform", [True, False])
def test_layouts_of_one_matrix_are_one_circuit(pre, uniform):
    rng = np.random.default_rng(1)
    shape = 7, 30
    unit = 1.0 if pre == Drive("volt") else 1*mV/Hz
    matrix = np.full(shape, 0.01) if uniform else rng.normal(0.01, 0.01, shape)
    given = [(all_to_all(), matrix * unit), (from_matrix(matrix), unit)] + [(all_to_all(), 0.01 * unit)] * uniform
    tick = np.sort(rng.integers(0, 1000, 400))
    options = {"drive": {"in": rng.random(30) * 5*mV}} if pre == Drive("volt") else {
        "spikes": {"in": (tick, rng.integers(0, 30, 400))}}
    layouts, traces = [], []
    for connectivity, weight in given:
        circuit = chain(pre, PASSIVE, weight, connectivity, shape[::-1])
        layouts.append(wire(circuit, 0).projections[0].layout)
        traces.append(run(circuit, 100*ms, every=1*ms, **options).traces["out"] - REST)
    assert layouts == ["dense", "sparse"] + ["uniform"] * uniform
    for other in traces[1:]:
        np.testing.assert_allclose(other, traces[0], rtol=1e-10, atol=1e-15)
    assert np.abs(traces[0]).max() > 1e-4


@pytest.mark.parametrize("transfer", [LINEAR, Tanh(2.0)])
def test_single_precision_is_close(transfer):
    """Rounding of 2^−24 a step, forgotten with the membrane time constant of 200 steps."""
    circuit = chain(Drive(), Rate(20*ms, transfer), LogNormal(.1, .5), sizes=(20, 10))
    one, other = (run(circuit, 100*ms, dtype=dtype, drive={"in": 1.0}).responses["out"]
                  for dtype in ("float64", "float32"))
    np.testing.assert_allclose(other, one, rtol=200 * 2.0**-24)


def test_an_unstable_step_is_refused():
    with pytest.raises(DescriptionError, match=r"dt = 0.01 s is unstable for .*0.005 s; use a smaller dt or method="):
        run(chain(Drive(), Rate(5*ms, LINEAR), 1.0), 100*ms, method="euler", dt=1e-2)


# trials

def test_a_trial_starts_from_rest_or_carries_on():
    circuit = chain(Drive(), Rate(20*ms, LINEAR), 1.0)
    n = np.arange(200)
    carried = trace(circuit, 10*ms, trials=2, resets=(True, False), drive={"in": 1.0})
    np.testing.assert_allclose(carried, 1 - np.exp(-n * DT / TAU), rtol=1e-9, atol=1e-15)
    again = trace(circuit, 10*ms, trials=2, drive={"in": 1.0})
    np.testing.assert_allclose(again, 1 - np.exp(-(n % 100) * DT / TAU), rtol=1e-9, atol=1e-15)


def test_spikes_on_their_way_and_dead_times_end_with_a_reset():
    """A spike at the last tick of the first trial, with a delay of 2 ms, arrives in the second one unless that starts
    from rest; a cell that spiked 1 ms before may spike again at once if it does."""
    delayed = chain(Poisson(), PASSIVE, .1*mV/Hz, delay=2*ms)
    for reset, arrives in ((False, True), (True, False)):
        v = trace(delayed, 10*ms, trials=2, resets=(True, reset), spikes={"in": ([99], [0])})
        assert np.any(v[100:] != REST) == arrives
    for reset, spikes in ((False, 1), (True, 2)):
        tick = run(chain(Poisson(), CELL, .5*mV/Hz), 10*ms, trials=2, resets=(True, reset),
                   spikes={"in": ([90, 100], [0, 0])}).spikes["out"][0]
        assert len(tick) == spikes


def test_responses_are_means_over_the_stimulus():
    """Mean of 1 − e^{−t/τ} over the steps of the window, which count the emission at their end."""
    circuit = chain(Drive(), Rate(20*ms, LINEAR), 1.0)
    wired = wire(circuit, 0)
    trial = Trial("t", 60*ms, (Stimulus("in", 1.0, 30*ms, 10*ms),))
    session = schedule(Protocol("p", "p", "", (Block("b", (trial,)),), (Record("out"),)), wired, DT)
    n = np.arange(1, 301)
    assert Numba().run(wired, session).responses["out"][0, 0] == pytest.approx(
        np.mean(1 - np.exp(-n * DT / TAU)), rel=1e-9)


def test_peaks_are_the_highest_potential_of_the_window():
    wired, session = present(chain(Poisson(), PASSIVE, .1*mV/Hz), 20*ms, spikes={"in": ([50, 60], [0, 0])})
    peak = Numba().run(wired, replace(session, peaks=(1,))).peaks["out"][0, 0]
    assert peak - REST == pytest.approx(1e-4 / TAU * (1 + np.exp(-10 * DT / TAU)), rel=1e-9)


@pytest.mark.parametrize("silenced", ["in", "out"])
def test_a_silenced_population_emits_nothing(silenced):
    wired, session = present(chain(Poisson(), CELL, .5*mV/Hz), 20*ms, spikes={"in": ([50], [0])}, record=("in", "out"))
    spikes = Numba().run(Silence(silenced).apply(wired), session).spikes
    assert len(spikes["in"][0]) == (silenced == "out") and len(spikes["out"][0]) == 0


# plasticity

W = 1e-6 * volt/Hz
PRE, POST = np.array([100, 150, 320, 700, 705]), np.array([120, 320, 500, 704, 990])


def paired(rule, pre=PRE, post=POST, weight=10*W, ticks=1000, **extra):
    """Weight after spikes of a presynaptic cell and of a postsynaptic one that a teacher makes fire: a kick at tick k
    is a spike at k + 1."""
    circuit = Circuit("c", (Population("in", 1, Poisson(synapse=5*ms)), Population("teacher", 1, Poisson()),
                            Population("out", 1, replace(CELL, refractory=0*ms)), Population("DAN", 1, Drive())),
                      (Projection("in", "out", all_to_all(), weight, plasticity=rule, **extra),
                       Projection("teacher", "out", all_to_all(), 1*mV/Hz)),
                      {"in": "in", "teacher": "teacher", "DAN": "DAN"})
    outcome = run(circuit, ticks * DT * second, drive={"DAN": 1.0},
                  spikes={"in": (pre, 0 * pre), "teacher": (post - 1, 0 * post)})
    np.testing.assert_array_equal(outcome.spikes["out"][0], post)
    return outcome.weights["in->out"][0, 0]


def pair_sum(first, then, tau):
    """Σ over pairs in that order of e^{−Δ/τ}/τ."""
    lags = (then[None, :] - first[:, None]) * DT
    return (np.exp(-lags[lags > 0] / tau) / tau).sum()


def test_spike_timing_is_the_sum_over_pairs():
    rule = spike_timing(.02*W/Hz, .03*W/Hz, 10*ms, 20*ms, high=np.inf*W, low=-np.inf*W)
    expected = 10e-6 + 2e-8 * pair_sum(PRE, POST, 10e-3) - 3e-8 * pair_sum(POST, PRE, 20e-3)
    assert paired(rule) == pytest.approx(expected, rel=1e-10)


def test_spikes_of_one_tick_do_not_pair():
    rule = spike_timing(.02*W/Hz, .03*W/Hz, 10*ms, 20*ms, high=np.inf*W, low=-np.inf*W)
    assert paired(rule, np.array([300]), np.array([300])) == pytest.approx(10e-6, rel=1e-12)


def test_on_a_delayed_synapse_presynaptic_terms_act_on_arrival_and_the_trace_follows_emission():
    rule = spike_timing(.02*W/Hz, .03*W/Hz, 10*ms, 20*ms, high=np.inf*W, low=-np.inf*W)
    expected = 10e-6 + 2e-8 * pair_sum(PRE, POST, 10e-3) - 3e-8 * pair_sum(POST, PRE + 20, 20e-3)
    assert paired(rule, delay=2*ms) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("rule, sign", [
    (hebbian(.01*W/Hz, 10*ms, high=1000*W), 1), (anti_hebbian(.01*W/Hz, 10*ms, low=0*W), -1)])
def test_joint_activity_strengthens_or_weakens_whoever_comes_first(rule, sign):
    both = pair_sum(PRE, POST, 10e-3) + pair_sum(POST, PRE, 10e-3)
    assert paired(rule) - 10e-6 == pytest.approx(sign * 1e-8 * both, rel=1e-9)


def test_terms_at_spikes_count_spikes():
    assert paired(ThreeFactor(on_pre=.5*W)) == pytest.approx((10 + 0.5 * 5) * 1e-6, rel=1e-12)
    assert paired(ThreeFactor(on_post=.25*W)) == pytest.approx((10 + 0.25 * 5) * 1e-6, rel=1e-12)


def test_weights_stay_within_their_bounds():
    assert paired(ThreeFactor(on_pre=3*W, low=0*W, high=11*W)) == 11e-6
    assert paired(ThreeFactor(on_pre=-3*W, low=2*W, high=11*W)) == 2e-6
    assert paired(ThreeFactor(on_post=-3*W, low=2*W, high=11*W)) == 2e-6


@pytest.mark.parametrize("dopamine", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("connectivity", [all_to_all(), from_matrix(np.ones((3, 2)))], ids=["dense", "sparse"])
def test_dopamine_takes_a_fraction_at_each_presynaptic_spike(dopamine, connectivity):
    """w − low = (w₀ − low)(1 − change·D)^n after n spikes of the presynaptic cell."""
    rule = dopamine_depression("DAN", 0.2, low=1*W)
    circuit = Circuit("c", (Population("in", 2, Poisson(synapse=5*ms)), Population("out", 3, CELL),
                            Population("DAN", 3, Drive())),
                      (Projection("in", "out", connectivity, 5*W, plasticity=rule),), {"in": "in", "DAN": "DAN"})
    levels = dopamine * np.array([1.0, 0.5, 0.0])
    spikes = np.array([10, 20, 20, 30, 40]), np.array([0, 0, 1, 0, 0])
    weights = run(circuit, 10*ms, drive={"DAN": levels}, spikes={"in": spikes}).weights["in->out"]
    expected = 1e-6 + 4e-6 * (1 - 0.2 * levels[:, None]) ** np.array([4, 1])
    if connectivity != all_to_all():
        expected = expected.T.ravel()  # sorted by presynaptic cell
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_weights_last_over_trials_until_a_fresh_block():
    rule = ThreeFactor(on_pre=1*W)
    circuit = chain(Poisson(synapse=5*ms), CELL, 1*W, plasticity=rule)
    for fresh, expected in (((False, False), 3e-6), ((False, True), 2e-6)):
        outcome = run(circuit, 10*ms, trials=2, fresh=fresh, spikes={"in": ([50, 150], [0, 0])})
        assert outcome.weights["in->out"][0, 0] == pytest.approx(expected, rel=1e-12)


def learning(rule, post=Rate(20*ms, LINEAR), weight=0.5):  # noqa: B008
    return Circuit("c", (Population("in", 1, Drive()), Population("out", 1, post), Population("DAN", 1, Drive())),
                   (Projection("in", "out", all_to_all(), weight, plasticity=rule),), {"in": "in", "DAN": "DAN"})


def learned(rule, dt, method="exponential_euler", duration=200*ms):
    outcome = run(learning(rule), duration, dt=dt, method=method, drive={"in": 0.8, "DAN": 0.7})
    return outcome.weights["in->out"][0, 0]


def test_a_graded_rule_without_traces_integrates_emission_exactly():
    assert learned(ThreeFactor(on_pre=2/second, gate="DAN"), DT) == pytest.approx(0.5 + 2 * 0.7 * 0.8 * 0.2, rel=1e-9)


def test_a_multiplicative_graded_rule_decays_exponentially():
    """dw/dt = −b D r (w − low); order 1."""
    rule = dopamine_depression("DAN", 5/second, low=0.1)
    exact = 0.1 + 0.4 * np.exp(-5 * 0.7 * 0.8 * 0.2)
    assert order_of(lambda dt: abs(learned(rule, dt) - exact), STEPS) == pytest.approx(1, abs=0.05)
    assert learned(rule, 1e-5) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_full_graded_rule_follows_its_differential_equations(method):
    """dx/dt = (w p − x)/τ, y' = (r − y)/τ_y, dw/dt = D[p(b₁ + a₁ y_post) + x(b₂ + a₂ y_pre)], p the input; order 1."""
    rule = ThreeFactor(on_pre=1/second, on_pre_post=-3/second, on_post=.5/second, on_post_pre=4/second, gate="DAN",
                       trace_pre=6*ms, trace_post=9*ms)
    p, d = 0.8, 0.7

    def flow(t, z):
        x, y_pre, y_post, w = z
        return [(w * p - x) / TAU, (p - y_pre) / 6e-3, (x - y_post) / 9e-3,
                d * (p * (1 - 3 * y_post) + x * (0.5 + 4 * y_pre))]

    exact = solve_ivp(flow, (0, 0.2), [0, 0, 0, 0.5], rtol=1e-11, atol=1e-13).y[3, -1]
    assert order_of(lambda dt: abs(learned(rule, dt, method) - exact), STEPS) == pytest.approx(1, abs=0.1)
    assert learned(rule, 1e-5, method) == pytest.approx(exact, rel=2e-4)


def test_dense_and_sparse_rules_are_one():
    rule = ThreeFactor(on_pre=1/second, on_pre_post=-3/second, on_post=.5/second, on_post_pre=4/second, trace_pre=6*ms,
                       trace_post=9*ms, low=0.1, high=0.7)
    rng = np.random.default_rng(0)
    matrix = rng.uniform(0.2, 0.6, (4, 5))
    finals = []
    for connectivity, weight in ((all_to_all(), matrix), (from_matrix(matrix), 1.0)):
        circuit = Circuit("c", (Population("in", 5, Drive()), Population("out", 4, Rate(20*ms, LINEAR))),
                          (Projection("in", "out", connectivity, weight, plasticity=rule),), {"in": "in"})
        finals.append(run(circuit, 100*ms, drive={"in": np.linspace(0, 1, 5)}).weights["in->out"])
    np.testing.assert_allclose(finals[1].reshape(5, 4).T, finals[0], rtol=1e-12)
    assert np.abs(finals[0] - matrix).max() > 0.01


# trials side by side

def rates(scale):
    """A graded circuit with every layout, delays, division, a slow synapse and unequal thresholds."""
    cell = Rate(20*ms, Tanh(2.0, 0.05), threshold_cv=.2)
    return Circuit("rates", (Population("in", 5 * scale, Drive()), Population("out", 6 * scale, cell),
                             Population("pool", 1, Rate(10*ms, Rectified()))),
                   (Projection("in", "out", in_degree(3), LogNormal(.8, .4), delay=2*ms),
                    Projection("out", "out", all_to_all(), LogNormal(.05 / scale, .4), lowpass=8*ms),
                    Projection("out", "pool", all_to_all(), .3 / scale),
                    Projection("pool", "out", all_to_all(), .5, acts="divisive")), {"in": "in"})


@pytest.mark.parametrize("method", METHODS)
def test_trials_side_by_side_are_trials_one_by_one(method, monkeypatch):
    wired = wire(rates(4), 3)
    trials = tuple(Trial(str(k), (40 + 10 * (k % 2))*ms, (Stimulus("in", np.linspace(0, k, 20), 20*ms, k*ms),))
                   for k in range(5))
    protocol = Protocol("p", "p", "", (Block("b", trials, shuffle=True),),
                        (Record("in", 1*ms), Record("out", 1*ms, (3, 1)), Record("pool", 1*ms)))
    session = schedule(protocol, wired, DT)
    assert not batched.batchable(wired, session)
    one_by_one = Numba(method=method).run(wired, session)
    monkeypatch.setattr(batched, "FEWEST_TRIALS", 1)
    monkeypatch.setattr(batched, "FEWEST_SYNAPSES", 1)
    assert batched.batchable(wired, session)
    together = Numba(method=method).run(wired, session)
    for kind in ("responses", "traces", "weights"):
        one, other = getattr(one_by_one, kind), getattr(together, kind)
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_allclose(other[name], one[name], rtol=1e-10, atol=1e-13)
    assert np.abs(together.responses["out"]).max() > 0.1


def test_what_learns_carries_over_or_spikes_is_not_run_side_by_side(monkeypatch):
    monkeypatch.setattr(batched, "FEWEST_TRIALS", 1)
    monkeypatch.setattr(batched, "FEWEST_SYNAPSES", 1)
    graded = present(chain(Drive(), Rate(5*ms, LINEAR), 1.0), 10*ms, trials=2)
    assert batched.batchable(*graded)
    assert not batched.batchable(*present(chain(Drive(), Rate(5*ms, LINEAR), 1.0), 10*ms, trials=2,
                                          resets=(True, False)))
    assert not batched.batchable(*present(learning(ThreeFactor(on_pre=1/second)), 10*ms, trials=2))
    assert not batched.batchable(*present(chain(Poisson(), PASSIVE, 1*mV/Hz), 10*ms, trials=2))
