"""A short hash of everything that made a result: descriptions, numbers, arrays, functions, and neuroam's own code.

A function or a class of another package stands for all source of that package (or of its module, where that lies in no
package), since what it calls there made the result too. One of a script or an interactive session stands for its own
code and that of the functions and the plain data of the script which it uses, so that a script that asks for more does
not begin again. Contents count, never paths or times: every machine finds the same hash.
"""
from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("neuroam", "neuroam.circuits", "neuroam.protocols")
KNOWN = {"neuroam", "numpy", *sys.stdlib_module_names}  # hashed otherwise, or told by a version
MAIN = ("__main__", "__mp_main__")  # a script, and the same in a process it started


def fingerprint(*things: Any) -> str:
    """Twelve hexadecimal digits that change when anything in `things`, or neuroam's source, does."""
    digest = hashlib.sha256(code_hash().encode())
    for piece in _pieces(things):
        digest.update(piece)
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _pieces(thing: Any) -> Iterator[bytes]:
    yield type(thing).__name__.encode()
    if inspect.isclass(thing):
        yield from _class(thing)
    elif dataclasses.is_dataclass(thing):
        yield from _class(type(thing))
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
    elif inspect.ismethod(thing):
        yield from _pieces((thing.__func__, thing.__self__))
    elif inspect.isfunction(thing):
        yield from _function(inspect.unwrap(thing))
    elif inspect.isfunction(inner := getattr(thing, "py_func", getattr(thing, "__wrapped__", None))):
        yield from _pieces(inner)  # compiled by numba, or kept by a cache
    elif type(thing).__repr__ is object.__repr__:  # which would print its address
        yield from _class(type(thing))
        yield from _pieces(getattr(thing, "__dict__", {}))
    else:
        yield repr(thing).encode()


def _class(kind: type) -> Iterator[bytes]:
    yield f"{_module(kind.__module__)}.{kind.__qualname__}".encode()
    yield source_hash(kind.__module__).encode()
    if kind.__module__ in MAIN:
        for name, function in sorted(vars(kind).items()):
            if inspect.isfunction(function):
                yield name.encode()
                yield from _function(inspect.unwrap(function))


def _function(function: types.FunctionType) -> Iterator[bytes]:
    """Its name, what it does and calls, and what it was given: defaults and the variables it closes over."""
    yield source_hash(function.__module__ or "").encode()
    for each in _with_those_it_uses(function) if function.__module__ in MAIN else (function,):
        yield f"{_module(each.__module__)}.{each.__qualname__}".encode()
        yield from _code(each.__code__)
        if each.__module__ in MAIN:
            yield from _used(each)
        yield from _pieces((each.__defaults__, each.__kwdefaults__))
    yield from _pieces([cell.cell_contents for cell in function.__closure__ or ()])


def _code(code: types.CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant).encode()


def _with_those_it_uses(function: types.FunctionType) -> list[types.FunctionType]:
    """The function and those of the same script that it reaches, each once."""
    found = [function]
    for each in found:  # which grows on the way
        for value in _globals(each).values():
            value = inspect.unwrap(value) if callable(value) else value
            if inspect.isfunction(value) and value.__module__ in MAIN and value not in found:
                found.append(value)
    return found


def _used(function: types.FunctionType) -> Iterator[bytes]:
    """Plain data of its script, and the packages it takes functions, classes or modules from."""
    for name, value in _globals(function).items():
        yield name.encode()
        if _plain(value):
            yield from _pieces(value)
        else:
            module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) or ""
            yield f"{_module(module)}.{getattr(value, '__qualname__', '')}".encode()
            yield source_hash(module).encode()


def _globals(function: types.FunctionType) -> dict[str, Any]:
    """What the names in its code stand for in its module."""
    names = sorted(set(_names(function.__code__)) & set(function.__globals__))
    return {name: function.__globals__[name] for name in names}


def _names(code: types.CodeType) -> Iterable[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(_plain(each) for pair in value.items() for each in pair)
    if dataclasses.is_dataclass(value) and not inspect.isclass(value):
        return all(_plain(getattr(value, field.name)) for field in dataclasses.fields(value))
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.ndarray, np.generic))


def _module(name: str) -> str:
    return MAIN[0] if name in MAIN else name


@functools.cache
def source_hash(module: str) -> str:
    """Hash of the source that a module of another package came with: of its whole package, or of its one file. Nothing
    for neuroam, the standard library, and what has no files."""
    top = module.partition(".")[0]
    if top in KNOWN or top in MAIN or top not in sys.modules:
        return ""
    package = sys.modules[top]
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    files = [(path.relative_to(folder).as_posix(), path) for folder in folders for path in folder.rglob("*.py")]
    if not folders and (file := getattr(package, "__file__", None)):
        files = [(top, Path(file))]
    digest = hashlib.sha256()
    for name, path in sorted(files):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


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
