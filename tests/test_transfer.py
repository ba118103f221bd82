"""A transfer function has three forms, for numpy, for the compiled loop and as text for Brian2; they are one."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV, volt
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.variables import Constant, Variable
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units.fundamentalunits import get_or_create_dimension

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import one_to_one
from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import LIF, Drive, Rate
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba, _kernels
from neuroam.transfer import (
    Exponential,
    LayerNorm,
    LIFCurve,
    Linear,
    Power,
    Rectified,
    Sign,
    Softmax,
    Spherical,
    Tanh,
    Winners,
)
from neuroam.units import dimensions, second
from neuroam.wiring import wire

LAPICQUE = LIFCurve(tau=20*ms, threshold=15*mV, reset=-2*mV, refractory=3*ms)
FUNCTIONS = {
    "linear": Linear(gain=1.7, threshold=0.3), "linear in volts": Linear(2*Hz/mV, 5*mV, "volt", "hertz"),
    "rectified": Rectified(gain=0.7, threshold=-0.2), "rectified in volts": Rectified(2*Hz/mV, 5*mV, "volt", "hertz"),
    "tanh": Tanh(gain=2.5, threshold=0.4), "tanh in volts": Tanh(1/(5*mV), 5*mV, "volt"), "rate curve": LAPICQUE,
    "rate curve without dead time": LIFCurve(tau=20*ms, threshold=15*mV, reset=0*mV, refractory=0*ms),
    "square": Power(0.7, 2, threshold=0.3), "root": Power(1.3, 0.5, threshold=-0.2), "power 2.7": Power(0.4, 2.7),
    "cube in volts": Power(2*Hz/mV/mV/mV, 3, True, 5*mV, "volt", "hertz"),
    "cube of either sign": Power(0.7, 3, False, 0.3), "square of either sign": Power(0.7, 2, False, 0.3),
    "square of either sign in volts": Power(2/mV, 2, False, 5*mV, "volt", "volt"),
    "exponential": Exponential(0.7, 1.3, 0.2),
    "exponential in volts": Exponential(2*Hz, 1/(5*mV), 5*mV, "volt", "hertz"),
    "sign": Sign(0.3), "sign in volts": Sign(5*mV, "volt")}
LAYERS = {
    "softmax": Softmax(1.7, threshold=0.3), "softmax with a ghost": Softmax(0.8, 2.5, 0.3),
    "softmax in volts": Softmax(1/(5*mV), 1.0, 5*mV, "volt"), "sphere": Spherical(1.4, 0.2),
    "sphere in volts": Spherical(3*Hz, 5*mV, "volt", "hertz"), "layer norm": LayerNorm(1.4, 1e-2, 0.2),
    "layer norm without ε": LayerNorm(0.6), "layer norm in volts": LayerNorm(3*Hz, 4*mV*mV, 5*mV, "volt", "hertz"),
    "one winner": Winners(1), "four winners": Winners(4, 0.2), "winners in volts": Winners(3, 5*mV, "volt")}
ALL = FUNCTIONS | LAYERS
ENERGETIC = {name: f for name, f in ALL.items() if f.has_energy}
UNITS = {"volt": 1.0, "hertz": 1.0, "second": 1.0}


def drives(function):
    """Values on both sides of the threshold, and the threshold itself."""
    scale = 0.05 if function.unit_in == "volt" else 3.0
    theta = float(function.threshold)
    far = np.array([0, 1e-9, 1e-3, 10] if isinstance(function, Exponential) else [0, 1e-9, 1e-3, 10, 1000])
    return np.concatenate([np.linspace(-scale, scale, 401), theta + scale * far])


def populations(function, trials=5, n=7, dtype=float):
    """Drives of a population of n in some trials, with a threshold for each unit; nothing within 1 % of a kink."""
    rng = np.random.default_rng(3)
    scale = 0.01 if function.unit_in == "volt" else 1.0
    theta = float(function.threshold) + 0.1 * scale * rng.normal(size=n)
    u = rng.normal(size=(n, trials))
    u += 0.02 * np.sign(u)
    return (theta[:, None] + scale * u).astype(dtype), theta.astype(dtype), dtype(scale)


def compiled_layer(function, x, theta, gain=None):
    constants = np.zeros(3, x.dtype)
    constants[: len(function.constants)] = list(function.constants.values())
    gain, out = np.ones_like(x) if gain is None else gain, np.full_like(x, np.nan)
    _kernels._emit_layer(function.code, constants, theta, gain, x, out)
    return out


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_compiled_form_agrees_with_numpy(function):
    x = drives(function)
    constants = np.array([*function.constants.values(), 0.0, 0.0, 0.0])
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
    namespace = {"clip": np.clip, "log": np.log, "tanh": np.tanh, "exp": np.exp, "sign": np.sign, "abs": np.abs,
                 "inf": np.inf, "int": lambda c: c.astype(int), **UNITS, "threshold": float(function.threshold), "x": x,
                 **function.constants}
    with np.errstate(divide="ignore", invalid="ignore"):
        values = eval(text, {"__builtins__": {}}, namespace)
    near = np.abs(x - float(function.threshold)) > 1e-11  # the text keeps its logarithm finite below 1e-12 V
    np.testing.assert_allclose(values[near], function(x)[near], rtol=1e-12, atol=0)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_text_has_the_unit_of_the_emission(function):
    """Brian2's own bookkeeping of dimensions."""
    text = function.expression.format(unit_in="volt" if function.unit_in == "volt" else "1.0")
    units = {name: getattr(function, name).unit for name in (*function.constants, "threshold")}
    units["x"] = function.unit_in
    given = {name: Variable(name, dimensions=get_or_create_dimension(dimensions(u))) for name, u in units.items()}
    known = {**DEFAULT_FUNCTIONS, **DEFAULT_CONSTANTS, "volt": Constant("volt", 1.0, volt.dim)}
    assert parse_expression_dimensions(text, known | given)._dims == dimensions(function.unit_out)


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


# of whole populations

@pytest.mark.parametrize("function", LAYERS.values(), ids=LAYERS)
def test_the_compiled_layer_agrees_with_numpy(function):
    for n in (4, 7, 150):
        x, theta, _ = populations(function, n=n)
        for column in x.T:
            np.testing.assert_allclose(compiled_layer(function, column.copy(), theta), function(column, theta),
                                       rtol=1e-13, atol=0)


@pytest.mark.parametrize("function", LAYERS.values(), ids=LAYERS)
def test_the_compiled_layer_is_multiplied_with_the_gain_of_each_unit(function):
    x, theta, _ = populations(function)
    gain = np.array([0.0, 1.0, 2.0, 0.5, 1.0, 0.0, 1.5])
    np.testing.assert_allclose(compiled_layer(function, x[:, 0].copy(), theta, gain), gain * function(x[:, 0], theta),
                               rtol=1e-13, atol=0)


@pytest.mark.parametrize("function", LAYERS.values(), ids=LAYERS)
def test_a_population_all_alike(function):
    """No drive above threshold anywhere: even shares, silence, or the first in order."""
    x = np.full(6, float(function.threshold))
    r = function(x)
    np.testing.assert_allclose(compiled_layer(function, x, x), r, rtol=1e-13, atol=0)
    expected = {Softmax: 1 / (6 + function.constants.get("ghost", 0)), Spherical: 0.0, LayerNorm: 0.0,
                Winners: np.arange(6) < function.constants.get("number", 0)}[type(function)]
    np.testing.assert_allclose(r, np.broadcast_to(expected, 6), rtol=1e-14, atol=0)
    assert np.isfinite(function.jvp(x, np.arange(6.0))).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", [*LAYERS.values(), Power(0.7, 2, threshold=0.3), Exponential(0.7), Sign(0.3)],
                         ids=[*LAYERS, "power", "exponential", "sign"])
def test_a_population_in_the_loop(function, dtype):
    """A constant drive I through the membrane: r = g(I(1 − e^{−t/τ})) at every tick."""
    unit = {"1": 1.0, "volt": 1*mV}[function.unit_in]
    drive = np.array([12.3, -4.1, 9.0, 2.2, 0.7, -8.0, 9.5])
    circuit = Circuit("c", (Population("in", 7, Drive(function.unit_in)), Population("out", 7, Rate(20*ms, function))),
                      (Projection("in", "out", one_to_one(), 1.0),), {"in": "in"})
    trial = Trial("t", 0.02*second, (Stimulus("in", drive*unit, 0.02*second),))
    wired = wire(circuit, 0)
    session = schedule(Protocol("p", "p", "", (Block("b", (trial,)),), (Record("out", 1e-4*second),)), wired, 1e-4)
    traces = Numba(dt=1e-4, dtype=dtype).run(wired, session).traces["out"]
    x = np.outer(drive * np.asarray(unit), 1 - np.exp(-np.arange(200) * 1e-4 / 20e-3))
    expected = function(x).T
    tolerance, most = (1e-10, 1.0) if dtype == "float64" else (2e-4, 0.99)  # a tie or a threshold falls either way
    assert np.mean(np.abs(traces - expected) <= tolerance * np.abs(expected).max()) >= most
    assert traces.dtype == dtype


def test_of_equals_the_first_win():
    x = np.array([1.0, 3.0, 2.0, 3.0, 2.0, 2.0])
    for number, winners in ((1, [1]), (2, [1, 3]), (3, [1, 2, 3]), (5, [1, 2, 3, 4, 5]), (6, range(6))):
        function = Winners(number)
        expected = np.isin(np.arange(6), winners)
        np.testing.assert_array_equal(function(x), expected)
        np.testing.assert_array_equal(compiled_layer(function, x, np.zeros(6)), expected)


@pytest.mark.parametrize("ghost", [0.0, 1.0])
def test_softmax_is_stable(ghost):
    """β(x − θ) of ±10⁴: a share of 1 where a naive form overflows, and the ghost takes all that is far below 0."""
    function = Softmax(100.0, ghost)
    with np.errstate(all="raise", under="ignore"):
        for x, share, potential in (([100.0, 99.0, -100.0], [1, 0, 0], 100), ([-100.0, -101.0], [1 - ghost, 0], -100)):
            x = np.array(x)
            np.testing.assert_allclose(function(x), share, atol=1e-15)
            np.testing.assert_allclose(compiled_layer(function, x, np.zeros(len(x))), share, atol=1e-15)
            assert function.lagrangian(x) == pytest.approx(potential * (1 - ghost * (potential < 0)), abs=1e-12)
            assert np.isfinite(function.conjugate(function(x))) and np.isfinite(function.jvp(x, x)).all()


def test_softmax_becomes_winner_take_all():
    x, theta, _ = populations(Softmax())
    np.testing.assert_allclose(Softmax(1e4)(x, theta), Winners(1)(x, theta), atol=1e-12)


def test_the_sum_of_emissions():
    """Softmax shares out 1 less the ghost's part; Winners' sum is their number; the sphere's length is its gain."""
    x, theta, _ = populations(Softmax())
    u = x - theta[:, None]
    np.testing.assert_allclose(Softmax(2.0)(x, theta).sum(axis=0), 1, rtol=1e-14)
    np.testing.assert_allclose(1 - Softmax(2.0, 3.0)(x, theta).sum(axis=0), 3 / (3 + np.exp(2 * u).sum(axis=0)))
    np.testing.assert_array_equal(Winners(3)(x, theta).sum(axis=0), 3)
    np.testing.assert_allclose(np.linalg.norm(Spherical(1.7)(x, theta), axis=0), 1.7)
    np.testing.assert_allclose(np.std(LayerNorm(1.7)(x, theta), axis=0), 1.7)


# gradients of Lagrangians

@pytest.mark.parametrize("function", ENERGETIC.values(), ids=ENERGETIC)
def test_the_emission_is_the_gradient_of_the_lagrangian(function):
    x, theta, scale = populations(function)
    h = 1e-5 * scale
    r = function(x, theta)
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = h
        slope = (function.lagrangian(x + step, theta) - function.lagrangian(x - step, theta)) / (2 * h)
        np.testing.assert_allclose(slope, r[i], rtol=1e-6, atol=1e-8 * np.abs(r).max())


@pytest.mark.parametrize("function", ALL.values(), ids=ALL)
def test_the_hessian_is_the_slope_of_the_emission(function):
    x, theta, scale = populations(function)
    dx = scale * np.random.default_rng(5).normal(size=x.shape)
    slope = (function(x + 1e-6 * dx, theta) - function(x - 1e-6 * dx, theta)) / 2e-6
    np.testing.assert_allclose(function.jvp(x, dx, theta), slope, rtol=1e-5, atol=1e-8 * np.abs(function(x)).max())


@pytest.mark.parametrize("function", ENERGETIC.values(), ids=ENERGETIC)
def test_the_conjugate_is_the_legendre_transform(function):
    x, theta, _ = populations(function)
    r = function(x, theta)
    product = (x * r).sum(axis=0)
    size = np.abs(x * r).sum(axis=0) + np.abs(function.lagrangian(x, theta))
    error = function.conjugate(r, theta) - (product - function.lagrangian(x, theta))
    assert error.shape == (5,) and (np.abs(error) <= 1e-10 * size).all()


@pytest.mark.parametrize("function", ENERGETIC.values(), ids=ENERGETIC)
def test_drives_and_emissions_of_different_moments_obey_fenchel_and_young(function):
    """L(x) + L*(r) ≥ x·r, equal where r = g(x): L is convex."""
    x, theta, _ = populations(function, trials=200)
    r = function(x[:, ::-1], theta)
    gap = function.lagrangian(x, theta) + function.conjugate(r, theta) - (x * r).sum(axis=0)
    assert (gap >= -1e-12 * np.abs(x * r).sum(axis=0)).all() and gap.max() > 0


@pytest.mark.parametrize("function", ALL.values(), ids=ALL)
def test_hessians_are_symmetric_and_positive_semidefinite(function):
    x, theta, _ = populations(function)
    identity = np.eye(len(x))
    for column in x.T:
        hessian = np.stack([function.jvp(column, e, theta) for e in identity], axis=1)
        largest = np.abs(hessian).max()
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-13 * largest)
        assert np.linalg.eigvalsh(hessian)[0] >= -1e-13 * largest


def test_silent_modes():
    """What changes no emission: all softmax drives together, the length of a vector, both for a layer norm."""
    x, theta, _ = populations(Softmax())
    u, even = x - theta[:, None], np.ones_like(x)
    for function, quiet in ((Softmax(2.0), [even]), (Spherical(2.0), [u]), (LayerNorm(2.0), [even, u])):
        for dx in quiet:
            np.testing.assert_allclose(function.jvp(x, dx, theta), 0, atol=1e-14)
    assert np.abs(Softmax(2.0, ghost=1.0).jvp(x, even, theta)).max() > 1e-3  # the ghost feels it


def test_a_gain_of_its_own_for_each_unit_would_not_be_a_gradient():
    """The control of the symmetry test: layer norm times (1, 2, …, 7)."""
    x, theta, _ = populations(LayerNorm())
    hessian = np.arange(1, 8)[:, None] * np.stack([LayerNorm().jvp(x[:, 0], e, theta) for e in np.eye(7)], axis=1)
    assert np.abs(hessian - hessian.T).max() > 0.1


@pytest.mark.parametrize("function", [Tanh(2.0), Softmax(3.0, 1.0), Exponential(), Winners(2), Sign()],
                         ids=lambda f: type(f).__name__)
def test_conjugates_at_the_edge_are_finite(function):
    """Emissions that are exactly 0 or 1, as recordings have them."""
    assert np.isfinite(function.conjugate(np.array([1.0, 0.0, 0.0, 1.0])))


def test_potentials_that_follow_from_the_formulae():
    x, one = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 4.0])
    assert Linear(2.0, 1.0).lagrangian(x) == pytest.approx(0.25 + 4 + 1)
    assert Power(2.0, 3).lagrangian(x) == pytest.approx((0.0625 + 16) / 2)
    assert Power(2.0, 2, rectified=False).lagrangian(x) == pytest.approx(2 * (0.125 + 1 + 8) / 3)
    assert Sign().lagrangian(x) == 3.5 and Winners(2).lagrangian(x) == 2.5 and Sign()(np.zeros(1))[0] == 1
    assert Spherical(3.0).lagrangian(np.array([3.0, 4.0])) == 15
    assert Spherical(5.0)(np.array([3.0, 4.0])).tolist() == [3, 4]
    assert Softmax(2.0).lagrangian(np.zeros(8)) == pytest.approx(np.log(8) / 2)
    assert Softmax(2.0).conjugate(np.full(8, 1 / 8)) == pytest.approx(-np.log(8) / 2)
    assert Tanh(2.0).conjugate(np.ones(3)) == pytest.approx(3 * np.log(2) / 2)
    assert Exponential(2.0, 4.0).conjugate(one) == pytest.approx(((one * np.log(one / 2) - one) / 4).sum())
    assert LayerNorm(2.0, 3.0).conjugate(np.zeros(4)) == pytest.approx(-8 * np.sqrt(3))


def test_the_rate_curve_has_no_energy():
    for ask in (LAPICQUE.lagrangian, LAPICQUE.conjugate):
        with pytest.raises(Unsupported, match=r"LIFCurve has no Lagrangian in closed form.*Rectified or Power"):
            ask(np.array([0.02]))


# precision, shapes and refusals

@pytest.mark.parametrize("function", ALL.values(), ids=ALL)
def test_single_precision_stays_single(function):
    x, theta, _ = populations(function, dtype=np.float32)
    dx = np.ones_like(x)
    for given in ({}, {"threshold": theta.astype(float)}, {"threshold": theta[:, None]}):
        forms = [function(x, **given), function.jvp(x, dx, **given)]
        if function.has_energy:
            forms += [function.lagrangian(x, **given), function.conjugate(function(x, **given), **given)]
            forms += [function.lagrangian(x[:, 0]), function.conjugate(function(x[:, 0]))]
        assert [form.dtype for form in forms] == [np.float32] * len(forms)
    np.testing.assert_allclose(function(x, theta), function(x.astype(float), theta.astype(float)), rtol=1e-4,
                               atol=1e-4 * np.abs(function(x)).max())


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_compiled_form_keeps_single_precision(function):
    constants = np.array([*function.constants.values(), 0.0, 0.0, 0.0], np.float32)
    theta, x = np.float32(function.threshold), np.float32(0.0216)
    _kernels.emission(function.code, constants, theta, x)
    signature = next(s for s in _kernels.emission.overloads if str(s[-1]) == "float32")
    assert str(_kernels.emission.overloads[signature].signature.return_type) == "float32"


@pytest.mark.parametrize("function", LAYERS.values(), ids=LAYERS)
def test_the_compiled_layer_in_single_precision(function):
    x, theta, _ = populations(function, dtype=np.float32)
    np.testing.assert_allclose(compiled_layer(function, x[:, 0].copy(), theta), function(x[:, 0], theta), rtol=1e-4)


@pytest.mark.parametrize("function", ALL.values(), ids=ALL)
def test_trials_side_by_side_are_trials_one_by_one(function):
    x, theta, _ = populations(function)
    forms = [function, lambda x, theta: function.jvp(x, x, theta)]
    if function.has_energy:
        forms += [function.lagrangian, lambda x, theta: function.conjugate(function(x, theta), theta)]
    for form in forms:
        for thresholds in (theta, theta[:, None]):
            together = form(x, thresholds)
            for k, column in enumerate(x.T):
                np.testing.assert_allclose(together[..., k], form(column, thresholds), rtol=1e-12)


@pytest.mark.parametrize("make, words", [
    (lambda: Tanh(0.0), r"Tanh.gain is 0; it must be more than 0"),
    (lambda: Tanh(-1.0), r"Tanh.gain is -1; it must be more than 0"),
    (lambda: Tanh(np.inf), r"Tanh.gain is inf; it must be finite"), (lambda: Tanh(np.nan), r"Tanh.gain is NaN"),
    (lambda: Linear(np.inf), r"Linear.gain is inf; it must be finite"),
    (lambda: Rectified(np.inf), r"Rectified.gain is inf; it must be finite"),
    (lambda: Power(np.nan), r"Power.gain is NaN"), (lambda: Power(1.0, np.nan), r"Power.power is NaN"),
    (lambda: Softmax(0.0), r"Softmax.gain is 0; it must be more than 0"),
    (lambda: Softmax(-2.0), r"Softmax.gain is -2; it must be more than 0"),
    (lambda: Softmax(np.inf), r"Softmax.gain is inf; it must be finite"),
    (lambda: Softmax(np.nan), r"Softmax.gain is NaN"),
    (lambda: Softmax(1.0, -0.5), r"Softmax.ghost is -0.5; it must be at least 0"),
    (lambda: Softmax(1.0, unit_in="volt"), r"Softmax.gain: expected a quantity in 1/volt"),
    (lambda: Power(1.0, 0.0), r"Power.power is 0; it must be more than 0"),
    (lambda: Power(1.0, -1.0), r"Power.power is -1; it must be more than 0"),
    (lambda: Power(1.0, np.nan), r"Power.power is NaN"),
    (lambda: Power(-1.0, 2), r"Power.gain is -1; it must be more than 0"),
    (lambda: Power(1.0, 2.5, False), r"Power.power is 2.5; give a whole number, or rectified=True"),
    (lambda: Power(1*Hz/mV, 2.5, True, 0, "volt", "hertz"), r"Power.power is 2.5; give .* drive without a unit"),
    (lambda: Power(1*Hz/mV, 2, True, 0, "volt", "hertz"), r"Power.gain: expected a quantity in hertz/volt/volt"),
    (lambda: Exponential(0.0), r"Exponential.gain is 0; it must be more than 0"),
    (lambda: Exponential(1.0, -1.0), r"Exponential.slope is -1; it must be more than 0"),
    (lambda: Spherical(0.0), r"Spherical.gain is 0; it must be more than 0"),
    (lambda: LayerNorm(1.0, -1.0), r"LayerNorm.eps is -1; it must be at least 0"),
    (lambda: LayerNorm(np.nan), r"LayerNorm.gain is NaN"),
    (lambda: Winners(0), r"Winners.number is 0; it must be at least 1"),
    (lambda: Winners(2.5), r"Winners.number is 2.5; give a whole number of winners"),
    (lambda: Winners(5)(np.zeros(4)), r"Winners.number is 5, but the population has 4 units"),
    (lambda: Winners(5).lagrangian(np.zeros(4)), r"Winners.number is 5, but the population has 4 units"),
    (lambda: Sign(np.nan), r"Sign.threshold is NaN")])
def test_what_is_refused(make, words):
    with pytest.raises(DescriptionError, match=words):
        make()
