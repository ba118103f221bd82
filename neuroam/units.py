"""Numbers with a unit and a source: units at the door, SI floats inside.

A description accepts ``20*ms`` with the units of this module or with Brian2's, plain floats where the unit is "1", or
either with its source attached: ``cited(20*ms, "Turner 2008")``. Every number is kept as a `Parameter`. The units here
are Parameters themselves, so that a circuit can be described, hashed, pickled and printed without the two seconds that
importing Brian2 takes.
"""
from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError, UnitError

NOT_STATED = "not stated"

# exponents of (metre, kilogram, second, ampere, kelvin, mole, candela), as Brian2 orders them
_DIMENSIONS = {
    "1": (0, 0, 0, 0, 0, 0, 0),
    "volt": (2, 1, -3, -1, 0, 0, 0),
    "second": (0, 0, 1, 0, 0, 0, 0),
    "hertz": (0, 0, -1, 0, 0, 0, 0),
    "ampere": (0, 0, 0, 1, 0, 0, 0),
    "siemens": (-2, -1, 3, 2, 0, 0, 0),
    "farad": (-2, -1, 4, 2, 0, 0, 0),
    "kelvin": (0, 0, 0, 0, 1, 0, 0),
}
_SYMBOLS = {"volt": "V", "second": "s", "hertz": "Hz", "ampere": "A", "siemens": "S", "farad": "F", "kelvin": "K"}
_PREFIXES = {0: "", -3: "m", -6: "µ", -9: "n", -12: "p", 3: "k", 6: "M", 9: "G"}


@dataclass(frozen=True)
class Parameter:
    """One number of a Methods section: `value` in SI, its `unit` and where it was taken from."""

    value: Any
    unit: str
    source: str = NOT_STATED
    __array_ufunc__: ClassVar[None] = None  # numpy leaves array*ms to us

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        if np.ndim(self.value):
            return f"{self.value} {self.unit}"
        return in_words(float(self.value), self.unit)

    def __mul__(self, other: Any) -> Parameter:
        if isinstance(other, Parameter):
            return Parameter(self.value * other.value, _combined(self.unit, other.unit))
        return Parameter(self.value * _plain(other), self.unit)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Parameter:
        if isinstance(other, Parameter):
            return Parameter(self.value / other.value, _combined(self.unit, other.unit, -1))
        return Parameter(self.value / _plain(other), self.unit)

    def __rtruediv__(self, other: Any) -> Parameter:
        return Parameter(_plain(other) / self.value, _combined("1", self.unit, -1))

    def __add__(self, other: Any) -> Parameter:
        return Parameter(self.value + _plain(si(other, self.unit, "sum")), self.unit)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Parameter:
        return Parameter(self.value - _plain(si(other, self.unit, "difference")), self.unit)

    def __neg__(self) -> Parameter:
        return Parameter(-self.value, self.unit, self.source)


def _plain(number: Any) -> Any:
    """A float, or an array of them."""
    values = np.asarray(number, dtype=float)
    return values if values.ndim else values.item()


@dataclass(frozen=True)
class Cited:
    """A quantity on its way into a description, with its source."""

    quantity: Any
    source: str


def cited(quantity: Any, source: str) -> Cited:
    """`quantity` as reported in `source`."""
    return Cited(quantity, source)


def assumed(quantity: Any, why: str) -> Cited:
    """`quantity` as we chose it, and why."""
    return Cited(quantity, f"assumed: {why}")


def dimensions(unit: str) -> tuple[int, ...]:
    """Exponents of the seven base units of a product such as ``"volt/hertz"`` or ``"volt*second"``."""
    total = np.zeros(7, dtype=int)
    for name, power in _factors(unit).items():
        total += power * np.array(_DIMENSIONS[name])
    return tuple(total.tolist())


def _factors(unit: str) -> Counter[str]:
    """Units of a product and their powers."""
    powers: Counter[str] = Counter()
    for sign, name in re.findall(r"([*/]?)([a-z]+|1)", unit):
        if name not in _DIMENSIONS:
            raise UnitError(f"unknown unit {name!r} in {unit!r}; known: {', '.join(_DIMENSIONS)}")
        powers[name] += -1 if sign == "/" else 1
    del powers["1"]
    return powers


def _combined(unit: str, other: str, sign: int = 1) -> str:
    """The product (or quotient, sign −1) of two units."""
    powers = _factors(unit)
    for name, power in _factors(other).items():
        powers[name] += sign * power
    return _product(powers)


def _product(powers: Mapping[str, int]) -> str:
    above = [name for name, power in powers.items() for _ in range(power)]
    below = [name for name, power in powers.items() for _ in range(-power)]
    return "".join(["*".join(above) or "1", *(f"/{name}" for name in below)])


def si(quantity: Any, unit: str, name: str) -> np.ndarray:
    """SI values of a quantity, array or number; `UnitError` names `name` if its dimension is not that of `unit`."""
    dim = getattr(quantity, "dim", None)
    if isinstance(quantity, Parameter):
        found: tuple = dimensions(quantity.unit)
        values = np.asarray(quantity.value, dtype=float)
    else:
        found = tuple(round(float(d), 9) for d in dim._dims) if dim is not None else _DIMENSIONS["1"]
        try:
            values = np.array(quantity, dtype=float)
        except (TypeError, ValueError):
            raise UnitError(f"{name}: expected a number in {unit}, got {quantity!r}") from None
    if tuple(found) != dimensions(unit):
        shown = str(quantity)
        if values.size > 4:
            shown = f"{(quantity if dim is not None else values).ravel()[0]}, …"
        raise UnitError(f"{name}: expected a quantity in {unit}, got {shown}; write for example {_example(unit)}")
    return values


def parameter(quantity: Any, unit: str, name: str, *, above: float | None = None,
              least: float | None = None, most: float | None = None, finite: bool = False) -> Parameter:
    """One checked number. `above` is an open lower bound, `least` and `most` are closed ones, all in SI; `finite`
    refuses infinity."""
    source = NOT_STATED
    if isinstance(quantity, Cited):
        quantity, source = quantity.quantity, quantity.source
    elif isinstance(quantity, Parameter):
        source = quantity.source
    if isinstance(quantity, (int, float)) and quantity == 0:
        quantity, source = Parameter(0.0, unit), "definition"  # nothing is nothing in any unit
    values = si(quantity, unit, name)
    if values.ndim:
        raise DescriptionError(f"{name}: expected one number, got an array of shape {values.shape}")
    value = float(values)
    if math.isnan(value):
        raise DescriptionError(f"{name} is NaN; give a number in {unit}")
    bounds = [(finite and math.isinf(value), "finite"),
              (above is not None and value <= above, f"more than {above}"),
              (least is not None and value < least, f"at least {least}"),
              (most is not None and value > most, f"at most {most}")]
    for broken, rule in bounds:
        if broken:
            raise DescriptionError(f"{name} is {in_words(value, unit)}; it must be {rule}")
    return Parameter(value, unit, source)


def in_words(value: float, unit: str) -> str:
    """``0.0162, "volt/hertz"`` → ``"16.2 mV/Hz"``; a power of 1000 goes to the first unit."""
    if unit == "1":
        return f"{value:.4g}"
    symbol = re.sub(r"[a-z]+", lambda m: _SYMBOLS[m.group()], unit).replace("*", " ")
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {symbol}"
    power = 3 * math.floor(math.log10(abs(value)) / 3 + 1e-9)
    power = min(max(power, -12), 9)
    if symbol.startswith("1"):
        power = 0
    return f"{value / 10.0**power:.4g} {_PREFIXES[power]}{symbol}"


def exact(value: Any) -> str:
    """A setting as text that `quantity` reads back to the last bit, a tuple or list of them between brackets; anything
    without a unit as ``str`` has it."""
    if isinstance(value, Parameter):
        return f"{value.value!r} {value.unit}"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(exact, value))})"
    dim = getattr(value, "dim", None)
    unit = "" if dim is None else _unit_of([round(float(d), 9) for d in dim._dims])
    return f"{float(value)!r} {unit}" if unit else str(value)


def _unit_of(exponents: list[float]) -> str:
    """A unit of these dimensions in our words; nothing where it takes metres, moles or candelas."""
    known = [unit for unit, dims in _DIMENSIONS.items() if list(dims) == exponents]
    length, mass, time, current, heat, *others = exponents
    if known or length != 2 * mass or any(others) or any(e != int(e) for e in exponents):
        return known[0] if known else ""
    # a volt is a kg m² s⁻³ A⁻¹
    powers = {"volt": mass, "second": time + 3 * mass, "ampere": current + mass, "kelvin": heat}
    return _product({unit: int(power) for unit, power in powers.items()})


def _example(unit: str) -> str:
    words = {"volt": "5*mV", "second": "20*ms", "hertz": "30*Hz", "1": "0.5", "volt/hertz": "2*mV/Hz"}
    return words.get(unit, f"1*{unit}")


def quantity(text: str) -> Parameter:
    """``"20*ms"``, ``"0.5 second"`` or ``"2 mV/Hz"``, as typed or as printed; `ValueError` if it is none."""
    number, _, unit = re.sub(r"\s*([*/ ])\s*", r"\1", text.strip()).replace(" ", "*", 1).partition("*")
    value = Parameter(float(number), "1")
    for sign, name in re.findall(r"([*/]?)([^*/]+)", unit):
        if name not in UNITS:
            raise ValueError(f"unknown unit {name!r}")
        value = value / UNITS[name] if sign == "/" else value * UNITS[name]
    return value


UNITS = {prefix + symbol: Parameter(10.0**power, name) for name, symbol in _SYMBOLS.items()
         for power, prefix in [*_PREFIXES.items(), (-6, "u")]}
UNITS |= {name: Parameter(1.0, name) for name in ("1", *_SYMBOLS)}
second, volt, hertz, kelvin = (UNITS[name] for name in ("second", "volt", "hertz", "kelvin"))
ms, us, mV, uV, Hz, kHz = (UNITS[name] for name in ("ms", "us", "mV", "uV", "Hz", "kHz"))
nA, pA, nS, pF = (UNITS[name] for name in ("nA", "pA", "nS", "pF"))
