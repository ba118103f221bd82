"""Quantities enter with a checked unit and leave as SI floats; what is wrong is named with its cure."""
from __future__ import annotations

import pickle
import re

import brian2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, nS, pA

from neuroam import registry, units
from neuroam.errors import DescriptionError, UnitError
from neuroam.units import NOT_STATED, Parameter, assumed, cited, dimensions, in_words, parameter, si


@pytest.mark.parametrize("quantity, unit, value", [
    (20*ms, "second", 0.02), (-58*mV, "volt", -0.058), (30*Hz, "hertz", 30.0), (0.5, "1", 0.5), (3, "1", 3.0),
    (2*mV/Hz, "volt/hertz", 0.002), (2*mV*ms, "volt*second", 2e-6), (1/(4*mV), "1/volt", 250.0),
    (5*nS, "siemens", 5e-9), (7*pA, "ampere", 7e-12),
    (1*brian2.kelvin, "kelvin", 1.0), (1*brian2.pfarad, "farad", 1e-12)])
def test_a_quantity_of_the_right_unit_becomes_its_si_value(quantity, unit, value):
    assert float(parameter(quantity, unit, "x")) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("unit", ["volt", "second", "hertz", "ampere", "siemens", "farad", "kelvin"])
def test_dimensions_are_those_of_brian2(unit):
    theirs = {"ampere": "amp"}.get(unit, unit)
    assert dimensions(unit) == tuple(getattr(brian2, theirs).dim._dims)


def test_hertz_is_one_over_second_and_products_cancel():
    assert dimensions("1/second") == dimensions("hertz")
    assert dimensions("volt/hertz") == dimensions("volt*second")
    assert dimensions("volt/volt") == dimensions("1")


@pytest.mark.parametrize("quantity, unit", [(20*ms, "volt"), (0.5, "second"), (20*mV, "1"), (3*Hz, "volt/hertz")])
def test_a_wrong_unit_names_object_value_and_cure(quantity, unit):
    with pytest.raises(UnitError, match=r"LIF\.tau: expected a quantity in .*got .*write for example \d"):
        parameter(quantity, unit, "LIF.tau")


def test_what_is_no_number_is_named():
    with pytest.raises(UnitError, match=r"tau: expected a number in second, got 'fast'"):
        parameter("fast", "second", "tau")


def test_an_unknown_unit_lists_the_known_ones():
    with pytest.raises(UnitError, match=r"unknown unit 'bolt'.*known: .*volt"):
        dimensions("bolt/hertz")


def test_an_array_is_no_single_number():
    with pytest.raises(DescriptionError, match=r"tau: expected one number, got an array of shape \(2,\)"):
        parameter([1, 2]*ms, "second", "tau")


@pytest.mark.parametrize("quantity", [float("nan"), np.nan*ms])
def test_nan_is_refused(quantity):
    with pytest.raises(DescriptionError, match=r"tau is NaN; give a number in"):
        parameter(quantity, "second" if hasattr(quantity, "dim") else "1", "tau")


@pytest.mark.parametrize("bound, refused, taken", [({"above": 0}, (0, -1), 1e-9), ({"least": 0}, (-1e-9,), 0),
                                                   ({"most": 1}, (1.001,), 1)])
def test_bounds_are_open_or_closed_as_documented(bound, refused, taken):
    for value in refused:
        with pytest.raises(DescriptionError, match=r"x is .*; it must be"):
            parameter(value, "1", "x", **bound)
    assert float(parameter(taken, "1", "x", **bound)) == taken


def test_zero_needs_no_unit():
    assert parameter(0, "volt", "x") == Parameter(0.0, "volt", "definition")


def test_the_source_stays_with_the_number():
    assert parameter(cited(20*ms, "Turner 2008"), "second", "tau").source == "Turner 2008"
    assert parameter(assumed(20*ms, "round"), "second", "tau").source == "assumed: round"
    assert parameter(20*ms, "second", "tau").source == NOT_STATED
    again = parameter(parameter(cited(20*ms, "Turner 2008"), "second", "tau"), "second", "tau")
    assert again.source == "Turner 2008"


def test_a_parameter_keeps_its_unit():
    with pytest.raises(UnitError):
        parameter(Parameter(1.0, "volt"), "second", "x")


def test_a_parameter_compares_hashes_and_pickles():
    one = parameter(20*ms, "second", "x")
    assert one == parameter(0.02*brian2.second, "second", "y") and len({one, pickle.loads(pickle.dumps(one))}) == 1


def test_arrays_become_arrays():
    np.testing.assert_allclose(si(np.array([1, 2])*mV, "volt", "x"), [0.001, 0.002], rtol=1e-15)
    np.testing.assert_array_equal(si([[1, 2], [3, 4]], "1", "x"), [[1, 2], [3, 4]])


def test_si_copies_what_it_is_given():
    given = np.array([1.0, 2.0])
    si(given, "1", "x")[0] = 5
    assert given[0] == 1


@pytest.mark.parametrize("value, unit, words", [
    (0.0162, "volt/hertz", "16.2 mV/Hz"), (-0.058, "volt", "-58 mV"), (0.02, "second", "20 ms"), (0.3, "1", "0.3"),
    (1000.0, "hertz", "1 kHz"), (250.0, "1/volt", "250 1/V"), (0.0, "volt", "0 V"), (2.5e-10, "siemens", "250 pS"),
    (1.0, "volt", "1 V"), (0.001, "second", "1 ms"), (1e-6, "volt", "1 µV")])
def test_in_words(value, unit, words):
    assert in_words(value, unit) == words


def test_units_of_this_module_are_those_of_brian2():
    for name in ("second", "ms", "us", "volt", "mV", "uV", "hertz", "Hz", "kHz", "nA", "pA", "nS", "pF"):
        ours, theirs = getattr(units, name), getattr(brian2, {"uV": "uvolt"}.get(name, name))
        assert dimensions(ours.unit) == tuple(int(d) for d in theirs.dim._dims)
        assert ours.value == pytest.approx(float(theirs), rel=1e-15)


def test_quantities_multiply_divide_add_and_change_sign():
    weight = 0.023 * units.mV / units.Hz
    assert dimensions(weight.unit) == dimensions("volt/hertz") and weight.value == pytest.approx(2.3e-5)
    assert dimensions((weight * units.Hz).unit) == dimensions("volt")
    assert (100 * units.ms + 0.5 * units.second + 50 * units.ms).value == pytest.approx(0.65)
    assert (-0.5 / units.second).value == -0.5 and dimensions((1 / units.second).unit) == dimensions("hertz")
    assert (100 * units.ms + 1 * brian2.units.second).value == pytest.approx(1.1)
    with pytest.raises(UnitError, match="expected a quantity in second"):
        100 * units.ms + 3 * units.mV


def test_an_array_times_a_unit_is_a_drive():
    np.testing.assert_array_equal(si(np.array([1.0, 2.0]) * units.mV, "volt", "drive"), [1e-3, 2e-3])


@pytest.mark.parametrize("text, value, unit", [("20*ms", 0.02, "second"), ("0.5 s", 0.5, "second"),
                                               ("2 mV/Hz", 2e-3, "volt/hertz"), ("-70 * mV", -0.07, "volt"),
                                               ("0.1 1/second", 0.1, "hertz"), ("7", 7.0, "1")])
def test_a_quantity_is_read_from_text(text, value, unit):
    read = units.quantity(text)
    assert read.value == pytest.approx(value, rel=1e-15) and dimensions(read.unit) == dimensions(unit)


@pytest.mark.parametrize("quantity", [
    units.ms / 3, brian2.units.ms / 3, 2 * units.mV / (7 * units.Hz), brian2.mV / (7 * brian2.Hz),
    3 * brian2.mV**2 / 7, brian2.Mohm / 3, brian2.coulomb / 3, brian2.nS / brian2.pF / 7, brian2.joule / 3])
def test_exact_text_loses_no_digit(quantity):
    read = units.quantity(units.exact(quantity))
    assert read.value == float(quantity)
    if not isinstance(quantity, units.Parameter):
        assert dimensions(read.unit) == tuple(int(power) for power in quantity.dim._dims)


def test_what_takes_metres_is_told_as_it_is():
    assert units.exact(2 * brian2.um) == str(2 * brian2.um)


def several(delays: tuple = (1*units.ms, 2*units.ms), names: tuple = ("a", "b"), numbers: list = [1, 2],  # noqa: B006
            pool: int | None = None):
    """A factory whose settings are several values, or none by default."""


@pytest.mark.parametrize("key, value", [
    ("delays", (units.ms / 3, brian2.ms / 7)), ("delays", ()), ("names", ("one", "two words")), ("numbers", [3]),
    ("pool", None), ("pool", 200), ("pool", 0.5), ("pool", 20*units.ms)], ids=str)
def test_settings_of_every_kind_are_read_back(key, value):
    read = registry._value(several, key, units.exact(value))
    assert [units.exact(one) for one in read] == [units.exact(one) for one in value] and type(read) is type(value) \
        if isinstance(value, (tuple, list)) else units.exact(read) == units.exact(value)


@pytest.mark.parametrize("key, text, words", [
    ("delays", "1*ms,2*parsec", "values with commas between them, for example (0.001 second, 0.002 second)"),
    ("numbers", "1,b", "values with commas"), ("pool", "many", "a number or a quantity such as 20*ms")])
def test_what_a_setting_cannot_be_is_said(key, text, words):
    with pytest.raises(DescriptionError, match=re.escape(words)):
        registry._value(several, key, text)
