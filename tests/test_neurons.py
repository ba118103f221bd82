"""A spiking neuron's measured rate is the rate curve it owns."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, mV, second

from neuroam.circuit import Circuit, Population, Projection, as_rates
from neuroam.connect import one_to_one
from neuroam.neurons import LIF, Drive
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.wiring import wire

CELL = LIF(tau=20*ms, rest=-60*mV, threshold=-45*mV, reset=-62*mV, refractory=2*ms)
DRIVES = np.array([5, 14.9, 15.1, 16, 18, 22, 30, 45, 80, 200])  # mV, threshold at 15


def measured(cell, method="exponential_euler", dt=1e-4, rates=False):
    """Spike trains of a cell a drive, 2 s in all, or their rates."""
    circuit = Circuit("c", (Population("in", len(DRIVES), Drive("volt")), Population("out", len(DRIVES), cell)),
                      (Projection("in", "out", one_to_one(), 1.0),), {"drive": "in"})
    circuit = as_rates(circuit) if rates else circuit
    trial = Trial("t", 2*second, (Stimulus("drive", DRIVES*mV, 1.5*second, 0.5*second),))
    wired = wire(circuit, 0)
    session = schedule(Protocol("p", "p", "", (Block("b", (trial,)),), (Record("out"),)), wired, dt)
    return Numba(dt=dt, method=method).run(wired, session)


def intervals(outcome):
    """The interval of each regularly firing cell in ticks (constant), NaN where it does not fire."""
    tick, cell = outcome.spikes["out"]
    found = np.full(len(DRIVES), np.nan)
    for i in range(len(DRIVES)):
        own = np.diff(tick[cell == i])
        if len(own):
            assert len(set(own.tolist())) == 1  # a constant drive makes a clock
            found[i] = own[0]
    return found


@pytest.mark.parametrize("dt", [2e-4, 1e-4, 2e-5])
@pytest.mark.parametrize("refractory", [0*ms, 2*ms])
def test_measured_interval_is_that_of_the_rate_curve_within_a_time_step(refractory, dt):
    """The exponential step is exact under constant drive, and a spike waits for the end of its step: from reset to
    threshold takes T = τ ln((x − v_reset)/(x − θ)) rounded up. The dead time counts from the start of the step of the
    spike, as in Brian2, so one step of it is over when the cell is reset."""
    cell = replace(CELL, refractory=refractory)
    ticks = intervals(measured(cell, dt=dt))
    rate = cell.rate(DRIVES * 1e-3)
    fires = rate > 0
    np.testing.assert_array_equal(np.isfinite(ticks), fires)
    dead = round(float(cell.refractory) / dt)
    climb = (1 / rate[fires] - float(cell.refractory)) / dt
    np.testing.assert_array_equal(ticks[fires], np.ceil(climb) + max(dead - 1, 0))
    assert (np.abs(ticks[fires] - 1 / rate[fires] / dt) <= 1).all()


@pytest.mark.parametrize("method", ["exponential_euler", "euler"])
def test_measured_rate_converges_to_the_rate_curve(method):
    """Halving dt four times brings the worst relative error down with it, below 1 %."""
    rate = CELL.rate(DRIVES * 1e-3)
    errors = []
    for dt in (4e-4, 1e-4, 2.5e-5):
        found = 1 / (intervals(measured(CELL, method, dt)) * dt)
        errors.append(np.nanmax(np.abs(found - rate)[rate > 0] / rate[rate > 0]))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.01


def test_responses_are_the_mean_rate_of_the_window():
    outcome = measured(CELL)
    rate = CELL.rate(DRIVES * 1e-3)
    assert (np.abs(outcome.responses["out"][0] - rate) < 1 / 1.5 + 0.02 * rate).all()  # ± a spike in 1.5 s


def test_the_rate_neuron_that_stands_in_settles_on_the_same_curve():
    """x relaxes to the drive with τ = 20 ms; over 1.5 s the mean emission is the curve within the approach."""
    outcome = measured(CELL, rates=True)
    rate = CELL.rate(DRIVES * 1e-3)
    settled = DRIVES > 18
    np.testing.assert_allclose(outcome.responses["out"][0][settled], rate[settled], rtol=0.05)
    assert (outcome.responses["out"][0][DRIVES < 15] == 0).all()
