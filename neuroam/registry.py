"""Circuits and protocols by name. They are found through entry points, so that other packages can add their own,
and listed without importing any of them."""
from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from neuroam.errors import DescriptionError, NeuroamError

_SEVERAL = "values with commas between them"
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", tuple: _SEVERAL, list: _SEVERAL,
          type(None): "a number or a quantity such as 20*ms"}


def names(kind: str) -> list[str]:
    """Names of the registered ``"circuits"`` or ``"protocols"``."""
    return sorted({e.name for e in metadata.entry_points(group=f"neuroam.{kind}")})


def summary(kind: str, name: str) -> str:
    """First paragraph about it, read without running it: of the module named after it, else of its factory. Where a
    package is broken, what is wrong with it instead."""
    entry = _entry(kind, name)
    try:
        return _first_paragraph(entry, name)
    except Exception as error:  # whatever somebody's package raises must not hide the others
        return f"cannot be read: {_where(entry)}: {_said(error)}"


def _first_paragraph(entry: metadata.EntryPoint, name: str) -> str:
    spec = importlib.util.find_spec(entry.module)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {entry.module!r}")
    if spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    module = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    made = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == entry.attr]
    own = ast.get_docstring(made[0]) if made and not entry.module.endswith(f".{name}") else None
    doc = own or ast.get_docstring(module) or ""
    return " ".join(doc.split("\n\n")[0].split())


def factory(kind: str, name: str) -> Callable[..., Any]:
    """The function that makes the circuit or protocol of that name. Raises `DescriptionError` where its package cannot
    be imported, has no such function, or the function has arguments without a default."""
    entry = _entry(kind, name)
    try:
        make = entry.load()
        parameters = inspect.signature(make).parameters.values()
    except Exception as error:
        raise DescriptionError(f"{kind[:-1]} {name!r} cannot be loaded from {_where(entry)}: {_said(error)}; repair "
                               "that package or remove it") from error
    bare = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if bare:
        raise DescriptionError(f"{kind[:-1]} {name!r} of {_where(entry)}: its function needs a default for "
                               f"{', '.join(bare)}, as it tells what kind of value the setting has")
    return make


def build(kind: str, made: str | Mapping[str, Any], settings: Mapping[str, str] | None = None) -> Any:
    """A registered circuit or protocol, from its name and settings or from the JSON a recording carries. Raises
    `DescriptionError` as `factory` does, and where the function fails or returns something else."""
    if settings is None:
        made = json.loads(made) if isinstance(made, str) else made
        name, settings = made["name"], made["settings"]
    else:
        name = str(made)
    make = factory(kind, name)
    values = {key: _value(make, key, text) for key, text in settings.items()}
    try:
        built = make(**values)
    except NeuroamError:
        raise
    except Exception as error:
        raise DescriptionError(f"{kind[:-1]} {name!r} cannot be made by {_where(_entry(kind, name))}: {_said(error)}"
                               ) from error
    expected = _type(kind)
    if not isinstance(built, expected):
        raise DescriptionError(f"{kind[:-1]} {name!r}: {_where(_entry(kind, name))} returns "
                               f"{_with_article(type(built).__name__)}; it must return a {expected.__name__}")
    return built


def _type(kind: str) -> type:
    from neuroam.circuit import Circuit
    from neuroam.protocol import Protocol

    return {"circuits": Circuit, "protocols": Protocol}[kind]


def _where(entry: metadata.EntryPoint) -> str:
    """The entry point and its package."""
    package = entry.dist.name if entry.dist else entry.module.partition(".")[0]
    return f"{entry.value} (package {package})"


def _said(error: Exception) -> str:
    """What was raised, in one line, and the last line of code it came from, if the code was run."""
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    files = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    theirs = [(file.name, line) for file, line in files if file.exists() and file.parent != Path(__file__).parent
              and "importlib" not in file.parts]
    return words if isinstance(error, SyntaxError) or not theirs else "{} ({}, line {})".format(words, *theirs[-1])


def _with_article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def settings_of(kind: str, name: str) -> dict[str, Any]:
    """Names and defaults of what a factory can be given."""
    return {p.name: p.default for p in inspect.signature(factory(kind, name)).parameters.values()
            if p.default is not p.empty}


def _entry(kind: str, name: str) -> metadata.EntryPoint:
    found = [e for e in metadata.entry_points(group=f"neuroam.{kind}") if e.name == name]
    if not found:
        from neuroam.circuit import unknown

        raise DescriptionError(f"{unknown(kind[:-1], name, names(kind))} (see `neuroam list`)")
    return found[0]


def _value(make: Callable[..., Any], key: str, text: str) -> Any:
    """A setting from its text, of the kind its default has; ``20*ms`` makes a quantity."""
    from neuroam.units import exact

    parameters = inspect.signature(make).parameters
    if key not in parameters:
        from neuroam.circuit import unknown

        raise DescriptionError(unknown("setting", key, parameters))
    default = parameters[key].default
    try:
        if isinstance(default, (tuple, list)):
            parts = [part.strip() for part in text.strip().strip("()[]").split(",")]
            return type(default)(_read(part, default[0] if default else None) for part in parts if part)
        return _read(text, default)
    except (KeyError, ValueError, SyntaxError):
        kind = _WORDS.get(type(default), "a quantity such as 20*ms")
        shown = exact(default) if isinstance(default, (tuple, list)) else default
        raise DescriptionError(f"setting {key} is {text!r}; expected {kind}, for example {shown}") from None


def _read(text: str, default: Any) -> Any:
    """A value of the kind of a default; where that is None, the number or quantity that the text says."""
    from neuroam.units import quantity

    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.lower()]
    if default is None:
        with contextlib.suppress(ValueError, SyntaxError):
            return ast.literal_eval(text)  # a number or None
        return quantity(text)
    if isinstance(default, (int, float)):
        return type(default)(text)
    return quantity(text)
