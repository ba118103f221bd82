"""What a sweep varies: parameter sets from a grid, a list or the command line, and the circuits and protocols they
make."""
from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, unknown
from neuroam.errors import DescriptionError, NeuroamError
from neuroam.protocol import Protocol
from neuroam.units import Parameter, exact, in_words, si

Grid = Mapping[str, Iterable[Any] | Any]
EXAMPLE = "claws=5,7,9"


@dataclass(frozen=True, eq=False)
class Point:
    """One set of parameters, with what they make."""

    values: Mapping[str, Any]
    circuit: Circuit
    protocol: Protocol

    @property
    def words(self) -> dict[str, str]:
        return {key: str(value) for key, value in self.values.items()}


def parameter_sets(parameters: Grid | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every parameter set of a grid, the last parameter fastest, or of a list; `DescriptionError` where there is none,
    or one of a list has other parameters than the first. What cannot be gone through is one value."""
    if isinstance(parameters, Mapping):
        grid = {key: _values(given) for key, given in parameters.items()}
        if not grid or not all(grid.values()) or any(isinstance(given, str) for given in parameters.values()):
            raise DescriptionError(f"there is nothing to sweep in {dict(parameters)}; give a setting several values, "
                                   f"for example {EXAMPLE}")
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    parameters = _values(parameters)
    if not all(isinstance(row, Mapping) for row in parameters):
        raise DescriptionError("the parameter sets are neither a grid, setting → values, nor a list of mappings, "
                               "setting → value")
    names = [sorted(row) for row in parameters]
    if not names or not names[0] or any(own != names[0] for own in names):
        raise DescriptionError("the parameter sets of a list must be one or more and name the same settings, got "
                               f"{' and '.join(', '.join(own) or 'none' for own in names[:3]) or 'none'}")
    return [{name: row[name] for name in parameters[0]} for row in parameters]


def _values(given: Any) -> list[Any]:
    try:
        return list(given)
    except TypeError:  # a number, a quantity, nothing
        return [given]


def again(circuit: Circuit, protocol: Protocol, settings: Mapping[str, Any]) -> Point:
    """Both made again with these settings. Raises `DescriptionError` for a setting that neither has, or a value that
    its factory refuses."""
    made: dict[str, Any] = {"circuit": circuit, "protocol": protocol}
    changes: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        owner, name = owner_of(key, circuit, protocol)
        changes.setdefault(owner, {})[name] = value
    with saying(settings):
        made |= {owner: made[owner].recipe.again(own) for owner, own in changes.items()}
    return point(settings, made["circuit"], made["protocol"])


def point(settings: Mapping[str, Any], circuit: Circuit, protocol: Protocol) -> Point:
    """Its values as the factories got them."""
    values = {}
    for key in settings:
        owner, name = owner_of(key, circuit, protocol)
        values[key] = _arguments(circuit if owner == "circuit" else protocol)[name]
    return Point(values, circuit, protocol)


def owner_of(key: str, circuit: Circuit, protocol: Protocol) -> tuple[str, str]:
    """Whose setting it is, "circuit" or "protocol", and its name there."""
    made: dict[str, Circuit | Protocol] = {"protocol": protocol, "circuit": circuit}
    known = {kind: _arguments(each) for kind, each in made.items()}
    owner, _, name = key.rpartition(".")
    owners = [owner] if owner else [kind for kind, settings in known.items() if name in settings]
    if not owners or owners[0] not in known or name not in known[owners[0]]:
        bare = " and ".join(f"the {kind} has none, as no factory with @recipe made it"
                            for kind, each in made.items() if not each.recipe)
        raise DescriptionError(unknown("setting", key, [*known["protocol"], *known["circuit"]])
                               + (f" ({bare})" if bare else ""))
    if len(owners) > 1:
        raise DescriptionError(f"{key}: both have it; write protocol.{key} or circuit.{key}")
    return owners[0], name


def _arguments(made: Circuit | Protocol) -> dict[str, Any]:
    return dict(made.recipe.arguments) if made.recipe else {}


@contextmanager
def saying(settings: Mapping[str, Any]) -> Iterator[None]:
    """Errors say in which cell they were met."""
    where = ", ".join(f"{key} = {value}" for key, value in settings.items())
    try:
        yield
    except NeuroamError as error:
        raise type(error)(f"{where}: {error}") from None
    except (TypeError, ValueError) as error:
        raise DescriptionError(f"{where}: {error}") from None


def coordinate(given: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Values of a parameter as netCDF can hold them, in SI, and its attributes: `units`, and in which unit it is shown,
    `shown_unit`, which is `shown_factor` times the number."""
    units = {_unit(value) for value in given}
    unit = units.pop() if len(units) == 1 else ""
    if unit:
        numbers = [float(si(value, unit, "parameter")) for value in given]
        largest = max(map(abs, numbers))
        number, _, symbol = in_words(largest, unit).partition(" ")
        if not largest or not math.isfinite(largest):
            return numbers, {"units": unit}
        factor = 10.0 ** round(math.log10(float(number) / largest))
        return numbers, {"units": unit, "shown_unit": symbol, "shown_factor": factor}
    plain = [value.item() if isinstance(value, np.generic) else value for value in given]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in plain):
        return plain, {}
    return [str(value) for value in plain], {}


def _unit(value: Any) -> str:
    """The unit of a quantity, ours or Brian2's; nothing for plain values."""
    if isinstance(value, Parameter):
        return value.unit
    return exact(value).partition(" ")[2] if getattr(value, "dim", None) is not None else ""


def split_values(key: str, text: str) -> tuple[str, ...]:
    """``"1,2,f(3,4)"`` at the commas outside brackets, each value once."""
    values = tuple(part.strip() for part in re.split(r",(?![^(\[]*[)\]])", text))
    if not all(values):
        raise DescriptionError(f"--set {key}={text}: a value is empty; write it as {EXAMPLE}")
    return tuple(dict.fromkeys(values))


def read_list(path: str) -> tuple[dict[str, str], ...]:
    """Parameter sets from a table of comma-separated values: settings in the first line, a set in each of the rest."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows, headings = list(reader), [heading.strip() for heading in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DescriptionError(f"--list {path}: {getattr(error, 'strerror', None) or error}; give a file of "
                               "comma-separated values") from None
    if twice := sorted({heading for heading in headings if headings.count(heading) > 1}):
        raise DescriptionError(f"--list {path}, line 1: {', '.join(twice)} stands there twice; give each setting one "
                               "column")
    for number, row in enumerate(rows, 2):
        if None in row or any(not value or not value.strip() for value in row.values()):
            raise DescriptionError(f"--list {path}, line {number}: give one value for each of "
                                   f"{', '.join(headings)}")
    if not rows:
        raise DescriptionError(f"--list {path} has no parameter set; write the names of settings in the first line and "
                               "a set in each of the next")
    return tuple({key.strip(): value.strip() for key, value in row.items()} for row in rows)
