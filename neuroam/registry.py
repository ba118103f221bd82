"""Circuits and protocols by name. They are found through entry points, so that other packages can add their own,
and listed without importing any of them."""
from __future__ import annotations

import ast
import importlib.util
import inspect
import json
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from neuroam.errors import DescriptionError

_WORDS = {bool: "true or false", int: "a whole number", float: "a number"}


def names(kind: str) -> list[str]:
    """Names of the registered ``"circuits"`` or ``"protocols"``."""
    return sorted({e.name for e in metadata.entry_points(group=f"neuroam.{kind}")})


def summary(kind: str, name: str) -> str:
    """First paragraph about it, read without running it: of the module named after it, else of its factory."""
    entry = _entry(kind, name)
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        return ""
    module = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    made = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == entry.attr]
    own = ast.get_docstring(made[0]) if made and not entry.module.endswith(f".{name}") else None
    doc = own or ast.get_docstring(module) or ""
    return " ".join(doc.split("\n\n")[0].split())


def factory(kind: str, name: str) -> Callable[..., Any]:
    """The function that makes the circuit or protocol of that name."""
    return _entry(kind, name).load()


def build(kind: str, made: str | Mapping[str, Any], settings: Mapping[str, str] | None = None) -> Any:
    """A registered circuit or protocol, from its name and settings or from the JSON a recording carries."""
    if settings is None:
        made = json.loads(made) if isinstance(made, str) else made
        name, settings = made["name"], made["settings"]
    else:
        name = str(made)
    make = factory(kind, name)
    return make(**{key: _value(make, key, text) for key, text in settings.items()})


def settings_of(kind: str, name: str) -> dict[str, Any]:
    """Names and defaults of what a factory can be given."""
    return {p.name: p.default for p in inspect.signature(factory(kind, name)).parameters.values()}


def _entry(kind: str, name: str) -> metadata.EntryPoint:
    found = [e for e in metadata.entry_points(group=f"neuroam.{kind}") if e.name == name]
    if not found:
        from neuroam.circuit import unknown

        raise DescriptionError(f"{unknown(kind[:-1], name, names(kind))} (see `neuroam list`)")
    return found[0]


def _value(make: Callable[..., Any], key: str, text: str) -> Any:
    """A setting from its text, of the kind its default has; ``20*ms`` makes a quantity."""
    from neuroam.units import Parameter, quantity

    parameters = inspect.signature(make).parameters
    if key not in parameters:
        from neuroam.circuit import unknown

        raise DescriptionError(unknown("setting", key, parameters))
    default = parameters[key].default
    if isinstance(default, str):
        return text
    if default is None and text == "None":
        return None
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
        return quantity(text)
    except (KeyError, ValueError, SyntaxError):
        kind = "a quantity such as 20*ms" if isinstance(default, Parameter) else _WORDS.get(type(default), "text")
        raise DescriptionError(f"setting {key} is {text!r}; expected {kind}, for example {default}") from None
