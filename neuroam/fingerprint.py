"""A short hash of everything that made a result: descriptions, numbers, arrays, functions, and neuroam's own code."""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("neuroam", "neuroam.circuits", "neuroam.protocols")


def fingerprint(*things: Any) -> str:
    """Twelve hexadecimal digits that change when anything in `things`, or neuroam's source, does."""
    digest = hashlib.sha256(code_hash().encode())
    for piece in _pieces(things):
        digest.update(piece)
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _pieces(thing: Any) -> Iterator[bytes]:
    yield type(thing).__name__.encode()
    if dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield field.name.encode()
            yield from _pieces(getattr(thing, field.name))
    elif isinstance(thing, np.ndarray):
        yield str((thing.dtype, thing.shape, getattr(thing, "dim", None))).encode()
        yield np.ascontiguousarray(thing).tobytes()
    elif isinstance(thing, Mapping):
        yield str(len(thing)).encode()
        for key, value in thing.items():
            yield from _pieces(key)
            yield from _pieces(value)
    elif isinstance(thing, (tuple, list)):
        yield str(len(thing)).encode()
        for value in thing:
            yield from _pieces(value)
    elif isinstance(thing, functools.partial):
        yield from _pieces((thing.func, thing.args, thing.keywords))
    elif inspect.isfunction(thing):
        yield from _function(inspect.unwrap(thing))
    elif type(thing).__repr__ is object.__repr__:  # which would print its address
        yield from _pieces(getattr(thing, "__dict__", {}))
    else:
        yield repr(thing).encode()


def _function(function: types.FunctionType) -> Iterator[bytes]:
    """Its name, what it does, and what it was given: defaults and the variables it closes over."""
    yield f"{function.__module__}.{function.__qualname__}".encode()
    yield from _code(function.__code__)
    yield from _pieces((function.__defaults__, function.__kwdefaults__))
    yield from _pieces([cell.cell_contents for cell in function.__closure__ or ()])


def _code(code: types.CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode()
    for constant in code.co_consts:
        yield from _code(constant) if isinstance(constant, types.CodeType) else (repr(constant).encode(),)


@functools.cache
def code_hash() -> str:
    """Hash of the engine, the circuits and the protocols; analysis may change without a new simulation."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.read_bytes())
    return digest.hexdigest()
