"""A transfer function has three forms, for numpy, for the compiled loop and as text for Brian2; they are one."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from neuroam.neurons import LIF
from neuroam.solvers import _kernels
from neuroam.transfer import LIFCurve, Linear, Rectified, Tanh

LAPICQUE = LIFCurve(tau=20*ms, threshold=15*mV, reset=-2*mV, refractory=3*ms)
FUNCTIONS = {
    "linear": Linear(gain=1.7, threshold=0.3), "linear in volts": Linear(2*Hz/mV, 5*mV, "volt", "hertz"),
    "rectified": Rectified(gain=0.7, threshold=-0.2), "rectified in volts": Rectified(2*Hz/mV, 5*mV, "volt", "hertz"),
    "tanh": Tanh(gain=2.5, threshold=0.4), "tanh in volts": Tanh(1/(5*mV), 5*mV, "volt"), "rate curve": LAPICQUE,
    "rate curve without dead time": LIFCurve(tau=20*ms, threshold=15*mV, reset=0*mV, refractory=0*ms)}
UNITS = {"volt": 1.0, "hertz": 1.0, "second": 1.0}


def drives(function):
    """Values on both sides of the threshold, and the threshold itself."""
    scale = 0.05 if function.unit_in == "volt" else 3.0
    theta = float(function.threshold)
    return np.concatenate([np.linspace(-scale, scale, 401), theta + scale * np.array([0, 1e-9, 1e-3, 10, 1000])])


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_compiled_form_agrees_with_numpy(function):
    x = drives(function)
    constants = np.array([*function.constants.values(), 0.0, 0.0])
    theta = float(function.threshold)
    with np.errstate(divide="ignore", invalid="ignore"):
        compiled = [_kernels.emission.py_func(function.code, constants, theta, value) for value in x]
    np.testing.assert_allclose(compiled, function(x), rtol=1e-14, atol=0)
    np.testing.assert_allclose([_kernels.emission(function.code, constants, theta, value) for value in x], function(x),
                               rtol=1e-13, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_text_agrees_with_numpy(function):
    x = drives(function)
    text = function.expression.format(unit_in=function.unit_in, unit_out=function.unit_out)
    namespace = {"clip": np.clip, "log": np.log, "tanh": np.tanh, "inf": np.inf, "int": lambda c: c.astype(int),
                 **UNITS, "threshold": float(function.threshold), "x": x, **function.constants}
    with np.errstate(divide="ignore", invalid="ignore"):
        values = eval(text, {"__builtins__": {}}, namespace)
    near = np.abs(x - float(function.threshold)) > 1e-11  # the text keeps its logarithm finite below 1e-12 V
    np.testing.assert_allclose(values[near], function(x)[near], rtol=1e-12, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_each_unit_may_have_a_threshold_of_its_own(function):
    x = drives(function)[:3]
    thresholds = float(function.threshold) * np.array([0.5, 1.0, 2.0])
    together = function(x, thresholds)
    for k in range(3):
        assert together[k] == function(x[k: k + 1], thresholds[k: k + 1])[0]


def test_values_that_follow_from_the_formulae():
    assert Linear(gain=2.0, threshold=1.0)(np.array([-1.0, 4.0])).tolist() == [-4.0, 6.0]
    assert Rectified(gain=2.0, threshold=1.0)(np.array([-1.0, 1.0, 4.0])).tolist() == [0.0, 0.0, 6.0]
    assert Tanh(gain=2.0)(np.array([0.5]))[0] == np.tanh(1.0)


def test_the_rate_curve_is_the_time_to_threshold():
    """From reset, v(t) = x + (v_reset − x)e^{−t/τ} meets θ after t = τ ln((x − v_reset)/(x − θ))."""
    for x in (0.0151, 0.02, 0.2):
        interval = 1 / LAPICQUE(np.array([x]))[0] - 3e-3
        assert x + (-0.002 - x) * np.exp(-interval / 0.02) == pytest.approx(0.015, abs=1e-12)
    assert LAPICQUE(np.array([0.015, 0.01, -1.0])).tolist() == [0, 0, 0]
    assert LAPICQUE(np.array([1e9]))[0] == pytest.approx(1 / 3e-3, rel=1e-6)


def test_a_neuron_owns_the_curve_of_its_own_numbers():
    """Potentials of the curve are relative to rest."""
    cell = LIF(tau=20*ms, rest=-60*mV, threshold=-45*mV, reset=-62*mV, refractory=3*ms)
    drive = np.linspace(0, 0.1, 50)
    np.testing.assert_allclose(cell.rate(drive), LAPICQUE(drive), rtol=1e-12)
    np.testing.assert_allclose(cell.as_rate().transfer(drive), LAPICQUE(drive), rtol=1e-12)
