"""Synapses with a reversal potential: against the solved equation, against Brian2, and what is refused."""
from __future__ import annotations

from dataclasses import replace

import brian_cases as cases
import numpy as np
import pytest
from brian2 import Hz, ms, mV, second, volt
from scipy.integrate import quad

from neuroam import describe
from neuroam.circuit import Circuit, Population, Projection, as_rates, weight_unit
from neuroam.connect import LogNormal, all_to_all
from neuroam.errors import DescriptionError, UnitError
from neuroam.methods_circuit import weight_sign
from neuroam.neurons import LIF, Drive, Poisson, graded
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import InputDrive, schedule
from neuroam.solvers import Brian, Numba
from neuroam.wiring import wire

METHODS = ["exponential_euler", "euler"]
TAU, SYNAPSE, REST, SHUNT = 20e-3, 5e-3, -60e-3, 0.4
CELL = LIF(tau=20*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=5*ms)
PASSIVE = replace(CELL, threshold=np.inf*volt)


def one_spike(post, dt, reversal, method="exponential_euler", drive=0*mV, dtype="float64"):
    """Potential of a cell from the tick of one spike on, whose conductance starts at SHUNT leaks."""
    circuit = Circuit("one", (Population("in", 1, Poisson(synapse=5*ms)), Population("bias", 1, Drive("volt")),
                              Population("out", 1, post)),
                      (Projection("in", "out", all_to_all(), SHUNT*5*ms, reversal=reversal),
                       Projection("bias", "out", all_to_all(), 1.0)), {"in": "in", "bias": "bias"})
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 60*ms, (Stimulus("bias", drive, 60*ms),)),)),),
                        (Record("out", dt*second),))
    wired = wire(circuit)
    session = schedule(protocol, wired, dt)
    inputs = dict(session.inputs)
    inputs[0] = InputDrive(inputs[0].ticks, inputs[0].values, np.array([0]), np.array([0], np.int32))
    return Numba(dt=dt, method=method, dtype=dtype).run(wired, replace(session, inputs=inputs)).traces["out"][:, 0]


def solution(time, reversal, drive=0.0):
    """τ dv/dt = rest − v + I + g(t)(E − v), g = SHUNT·exp(−t/τ_s), from rest, by variation of constants: with
    G(t) = (t + ∫g)/τ, v(t) = rest + ∫ exp(G(s) − G(t)) (I + g(s)(E − rest)) ds/τ."""
    def whole(t):
        return (t + SHUNT * SYNAPSE * (1 - np.exp(-t / SYNAPSE))) / TAU

    def pull(s, t):
        return np.exp(whole(s) - whole(t)) * (drive + SHUNT * np.exp(-s / SYNAPSE) * (reversal - REST)) / TAU

    return np.array([REST + quad(pull, 0, t, args=(t,), epsabs=1e-13)[0] for t in time])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reversal, drive", [(0.0, 0.0), (-80e-3, 8e-3)])
def test_a_postsynaptic_potential_is_the_solution_of_its_equation(method, reversal, drive):
    """To first order in the time step."""
    steps, errors = np.array([4e-4, 2e-4, 1e-4]), []
    for dt in steps:
        v = one_spike(PASSIVE, dt, reversal*volt, method, drive*volt)
        time = np.arange(len(v)) * dt
        shown = np.arange(1, len(v), round(2e-3 / dt))  # the spike is felt from the step after it on
        errors.append(np.abs(v[shown] - solution(time[shown] - dt, reversal, drive)).max())
    assert errors[-1] < 5e-5  # of potentials of some 4 mV
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(1, abs=.2)


def test_a_conductance_at_rest_moves_nothing_but_shunts():
    assert np.ptp(one_spike(PASSIVE, 1e-4, -60*mV)) < 1e-15
    plain, shunted = (one_spike(PASSIVE, 1e-4, e, drive=8*mV)[:100].max() for e in (1e-4*mV - 60*mV, -60*mV))
    assert shunted == pytest.approx(plain, rel=1e-4)
    free = REST + 8e-3 * (1 - np.exp(-np.arange(100) * 1e-4 / TAU))
    assert np.all(one_spike(PASSIVE, 1e-4, -60*mV, drive=8*mV)[10:100] < free[10:])


def test_the_potential_stays_between_what_pulls_at_it():
    for reversal in (0.0, -80e-3):
        v = one_spike(PASSIVE, 1e-4, reversal*volt)
        assert v.min() >= min(reversal, REST) and v.max() <= max(reversal, REST)


def test_single_precision():
    double, single = (one_spike(PASSIVE, 1e-4, 0*volt, dtype=dtype) for dtype in ("float64", "float32"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-7)


def two_reversals():
    """Two conductances of one time constant."""
    return Circuit("two", (Population("in", 12, Poisson(synapse=3*ms)), Population("other", 6, Poisson(synapse=3*ms)),
                           Population("out", 5, CELL)),
                   (Projection("in", "out", all_to_all(), LogNormal(.2*ms, .3), reversal=0*mV),
                    Projection("other", "out", all_to_all(), LogNormal(.2*ms, .3), reversal=-80*mV)),
                   {"in": "in", "other": "other"})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("build, record", [(cases.conducting, ("E", "I")), (two_reversals, ("out",))])
def test_brian_gives_the_same_spikes_potentials_and_weights(build, record, method):
    circuit = build()
    wired = wire(circuit, 3)
    session = schedule(cases.protocol(circuit, record, resets=(True, True, False)), wired, 1e-4)
    ours = Numba(method=method).run(wired, session)
    assert sum(len(tick) for tick, _ in ours.spikes.values()) > 20
    cases.assert_same(ours, Brian(method=method, target="numpy").run(wired, session))


def test_weights_are_in_leaks_over_hertz():
    assert weight_unit(CELL, CELL, "conductance") == "1/hertz"
    with pytest.raises(UnitError, match="in->out: weight"):
        joined(weight=.1*mV/Hz)


def joined(pre=CELL, post=CELL, weight=.1*ms, **options):
    return Circuit("joined", (Population("in", 3, pre), Population("out", 3, post)),
                   (Projection("in", "out", all_to_all(), weight, reversal=0*mV, **options),))


@pytest.mark.parametrize("call", [
    lambda: joined(pre=graded(5*ms)), lambda: joined(pre=replace(CELL, synapse=0*ms)), lambda: joined(acts="divisive"),
    lambda: joined(post=graded(5*ms), weight=.1/Hz), lambda: joined(lowpass=5*ms), lambda: as_rates(joined())])
def test_refusals(call):
    with pytest.raises(DescriptionError, match="projection in->out: a reversal potential goes with"):
        call()


def test_methods_say_where_conductances_pull():
    text = " ".join(describe(cases.conducting()).text.split())
    assert "reversal at -80 mV" in text and "exponential conductances of 10 ms from I" in text
    signs = {p.name: weight_sign(p) for p in cases.conducting().projections}
    assert signs["I->E"] == -1 and signs["E->I"] == 1
