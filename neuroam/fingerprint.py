"""A short hash of everything that made a result: descriptions, numbers, arrays, functions, and neuroam's own code."""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import inspect
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
        yield str((thing.dtype, thing.shape)).encode()
        yield np.ascontiguousarray(thing).tobytes()
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from _pieces(key)
            yield from _pieces(value)
    elif isinstance(thing, (tuple, list)):
        for value in thing:
            yield from _pieces(value)
    elif inspect.isfunction(thing):
        yield f"{thing.__module__}.{thing.__qualname__}".encode()
    else:
        yield repr(thing).encode()


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
