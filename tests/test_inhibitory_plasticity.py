"""The inhibitory spike-timing rule: pair by pair, its expected drift, and the balance it leads to."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import UnitError
from neuroam.neurons import LIF, Drive, Poisson
from neuroam.plasticity import ThreeFactor, inhibitory
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.units import Parameter, cited
from neuroam.wiring import wire

TRACE, TARGET, CHANGE = 20e-3, 5.0, 1e-6
RULE = inhibitory(CHANGE*1e3*ms, trace=20*ms, target=5*Hz, high=1*second, low=-1*second)
RELAY = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms)  # spikes at once when pushed, never refractory


def pushed(cells, rule=RULE, weight=0.0):
    """Cells that repeat the spikes of "push", with plastic conductances from "in" that pull nowhere near threshold."""
    return Circuit("pushed", (Population("in", cells, Poisson(synapse=10*ms)), Population("push", cells, Poisson()),
                              Population("out", cells, RELAY)),
                   (Projection("in", "out", one_to_one(), weight*second, reversal=-60*mV, plasticity=rule),
                    Projection("push", "out", one_to_one(), 200*mV*ms/(1*ms)/(100*Hz))), {"in": "in", "push": "push"})


def run(circuit, duration, seed=0, **drives):
    stimuli = tuple(Stimulus(port, drive, duration*second) for port, drive in drives.items())
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", duration*second, stimuli),)),),
                        (Record("in"), Record("out")))
    wired = wire(circuit, seed)
    return Numba().run(wired, schedule(protocol, wired, 1e-4))


def pairs(before, after):
    """Change of a weight by the definition: all pairs, and α for each presynaptic spike."""
    apart = np.abs(before[:, None] - after) * 1e-4
    return CHANGE * np.exp(-apart[apart > 0] / TRACE).sum() - CHANGE * 2 * TARGET * TRACE * len(before)


def test_the_change_is_the_sum_over_pairs_less_what_each_presynaptic_spike_takes():
    outcome = run(pushed(8), 2.0, **{"in": 40*Hz, "push": 30*Hz})
    expected = [pairs(*(tick[cell == k] for tick, cell in outcome.spikes.values())) for k in range(8)]
    np.testing.assert_allclose(outcome.weights["in->out"], expected, rtol=1e-9)
    assert min(len(tick) for tick, _ in outcome.spikes.values()) > 300


@pytest.mark.parametrize("rate, expected", [(2.0, 2*TRACE*(2 - TARGET)), (5.0, 0.0), (12.0, 2*TRACE*(12 - TARGET))])
def test_uncorrelated_spikes_drift_towards_the_target_rate(rate, expected):
    """d⟨w⟩/dt = change · r_pre · 2τ (r_post − target); four standard errors of the mean over 400 synapses."""
    outcome = run(pushed(400), 4.0, **{"in": 20*Hz, "push": rate*Hz})
    drift = outcome.weights["in->out"] / (CHANGE * 20 * 4.0)
    assert abs(drift.mean() - expected) < 4 * drift.std() / 20


def test_a_driven_cell_comes_to_fire_at_the_target():
    """Two hundred inhibitory inputs onto cells held above threshold, from no inhibition at all."""
    rule = inhibitory(cited(.02*ms, "chosen for a short test"), trace=20*ms, target=5*Hz, high=100*ms)
    cell = LIF(tau=20*ms, rest=-60*mV, threshold=-50*mV, refractory=5*ms)
    circuit = Circuit("balanced", (Population("in", 200, Poisson(synapse=10*ms)), Population("bias", 1, Drive("volt")),
                                   Population("out", 20, cell)),
                      (Projection("in", "out", all_to_all(), 0.0, reversal=-80*mV, plasticity=rule),
                       Projection("bias", "out", all_to_all(), 1.0)), {"in": "in", "bias": "bias"})
    tick, _ = run(circuit, 10.0, **{"in": 20*Hz, "bias": 20*mV}).spikes["out"]
    early, late = (np.count_nonzero((tick >= a) & (tick < b)) / 20 / ((b - a) * 1e-4)
                   for a, b in ((0, 2000), (60_000, 100_000)))
    assert early > 15 and late == pytest.approx(5, rel=.1)


def test_inhibition_of_negative_weights_deepens():
    up = inhibitory(.1*mV/Hz, trace=20*ms, target=5*Hz, high=9*mV/Hz)
    down = inhibitory(-.1*mV/Hz, trace=20*ms, target=5*Hz, high=0, low=-9*mV/Hz)
    for key in ("on_pre", "on_pre_post", "on_post_pre"):
        assert float(getattr(up, key)) == -float(getattr(down, key)) != 0


def test_coefficients_carry_units_and_sources():
    rule = inhibitory(cited(2*ms, "here"), trace=20*ms, target=cited(5*Hz, "there"), high=9*ms)
    settled = rule.settle("second", "hertz", "hertz", "1", "test")
    assert isinstance(settled, ThreeFactor) and settled.on_pre == Parameter(-2e-3*2*5*.02, "second", "here")
    assert settled.on_pre_post == settled.on_post_pre == Parameter(2e-3*.02, "second/hertz", "here")
    with pytest.raises(UnitError, match="on_pre"):
        inhibitory(2*mV, trace=20*ms, target=5*Hz, high=9*ms).settle("second", "hertz", "hertz", "1", "test")
