"""Stored patterns: the memories of a circuit, drawn once from the animal's seed when it is wired, or given.

    sign      ±1, P(+1) = level          binary    0 or 1, P(1) = level          uniform   U[0, 1]

Uniform patterns may be *smooth*: consecutive ones resemble each other around the ring, like the frames of a film.
Normal noise is filtered along the patterns by a Gaussian of that width and mapped to U[0, 1].

The overlap of an answer with a pattern is their cosine for ±1 patterns, m = ξ·r / (|ξ||r|), and the Pearson correlation
for others, whose mean says nothing.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from neuroam.errors import DescriptionError

KINDS = ("sign", "binary", "uniform", "given")
NAME = 80  # bytes of a short word and its place in a tuple


@dataclass(frozen=True, eq=False)
class Patterns:
    """`number` patterns over the `size` cells of `population`. With `exact`, every pattern has the same number of
    active cells. `smooth` is a width in patterns; two of them d apart then correlate by about exp(−d²/4 smooth²).
    `given(…)` makes one from an array."""

    number: int
    size: int
    population: str = "visible"
    kind: str = "sign"
    level: float = 0.5
    exact: bool = False
    smooth: float = 0.0
    values: np.ndarray | None = None
    names: tuple[str, ...] = ()
    source: str = "assumed: random patterns, as in the theory"

    def __post_init__(self) -> None:
        for name, number in (("number", self.number), ("size", self.size)):
            if np.ndim(number) or isinstance(number, Patterns):
                raise DescriptionError(f"patterns: {name} is a {type(number).__name__}, not a whole number; to store "
                                       "patterns of your own, make the circuit with as many patterns and cells, and "
                                       "use dataclasses.replace(circuit, patterns=given(array), recipe=None)")
            if not isinstance(number, (int, np.integer)) or number < 1:
                raise DescriptionError(f"patterns: {name} is {number!r}; give a whole number, at least 1")
        if self.kind not in KINDS:
            raise DescriptionError(f"patterns: kind is {self.kind!r}; use one of {', '.join(KINDS)}")
        if not 0 < self.level < 1:
            raise DescriptionError(f"patterns: level is {self.level}; give a fraction between 0 and 1")
        if not 0 <= self.smooth < np.inf or (self.smooth and self.kind != "uniform"):
            raise DescriptionError(f"patterns: smooth is {self.smooth} for kind {self.kind!r}; give a width of 0 or "
                                   "more, above 0 for uniform patterns only")
        shape = np.shape(self.values) if self.values is not None else (self.number, self.size)
        if shape != (self.number, self.size) or (self.kind == "given" and self.values is None):
            have = "no values" if self.values is None else f"values of shape {shape}"
            raise DescriptionError(f"patterns: {have} for {self.number} of {self.size} cells each; use given(array)")
        if self.values is None and self.bytes > (free := free_memory()):
            raise DescriptionError(f"patterns: a circuit that stores {self.number} patterns of {self.size} cells needs "
                                   f"more than {self.bytes / 1e9:.3g} GB for its weights and patterns, and "
                                   f"{free / 1e9:.3g} GB are free; store fewer patterns or use fewer cells")
        if not self.names:
            object.__setattr__(self, "names", tuple(f"pattern {k + 1}" for k in range(self.number)))
        elif len(self.names) != self.number or len(set(self.names)) != self.number:
            raise DescriptionError(f"patterns: {self.number} patterns need as many different names, got "
                                   f"{len(set(self.names))}")

    @property
    def bytes(self) -> int:
        """Memory for the patterns and their names, and, of smooth ones, for the filter."""
        return self.number * (8 * self.size + NAME + (16 * self.number if self.smooth else 0))

    def __str__(self) -> str:
        if self.values is not None:
            return f"{self.number} {'±1 ' if self.kind == 'sign' else ''}patterns of {self.size}, given"
        film = f", smooth over {self.smooth:g}" if self.smooth else ""
        how = {"sign": f"±1, P(+1) = {self.level:g}", "binary": f"0 or 1, P(1) = {self.level:g}",
               "uniform": f"uniform in 0…1{film}", "given": "given"}[self.kind]
        return f"{self.number} patterns of {self.size}, {how}{', the same number in each' if self.exact else ''}"

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One row a pattern, shape (number, size)."""
        shape = self.number, self.size
        if self.values is not None:
            return self.values
        if self.kind == "uniform":
            return self._film(rng, shape) if self.smooth else rng.random(shape)
        active = self._active(rng, shape)
        return np.where(active, 1.0, -1.0 if self.kind == "sign" else 0.0)

    def _film(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        place = np.arange(self.number)
        apart = np.minimum(place, self.number - place)
        kernel = np.exp(-(apart / self.smooth)**2 / 2)
        around = kernel[(place[:, None] - place) % self.number]
        return ndtr(around @ rng.standard_normal(shape) / np.linalg.norm(kernel))

    def _active(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        if not self.exact:
            return rng.random(shape) < self.level
        first = np.arange(self.size) < round(self.level * self.size)
        return rng.permuted(np.tile(first, (self.number, 1)), axis=1)


def given(values: Any, population: str = "visible", names: Sequence[str] = (), source: str = "not stated") -> Patterns:
    """Patterns from an array (number, size): images, odour codes, the frames of a film."""
    array = np.array(values, dtype=float)
    if array.ndim != 2 or 0 in array.shape:
        raise DescriptionError(f"patterns: expected an array of shape (number, size), got {array.shape}; flatten each "
                               "pattern to one row")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        raise DescriptionError(f"patterns: NaN or infinity in rows {bad[:5].tolist()}; give finite numbers")
    array.setflags(write=False)
    kind = "sign" if np.isin(array, (-1.0, 1.0)).all() else "given"
    number, size = array.shape
    return Patterns(number, size, population, kind, values=array, names=tuple(names), source=source)


def overlap(answers: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """Overlap of every answer (n_answers, n) with every pattern (p, n), shape (n_answers, p); 0 where either is 0
    (or constant, unless patterns are ±1), NaN where an answer is not finite."""
    answers = np.asarray(answers, dtype=float)
    with np.errstate(invalid="ignore"):  # infinite answers
        if not np.isin(patterns, (-1.0, 1.0)).all():
            answers = answers - answers.mean(axis=1, keepdims=True)
            patterns = patterns - patterns.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(answers, axis=1)[:, None] * np.linalg.norm(patterns, axis=1)
        return np.divide(answers @ patterns.T, lengths, out=np.zeros(lengths.shape), where=lengths != 0)


def free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not say."""
    meminfo = Path("/proc/meminfo")
    for line in meminfo.read_text().splitlines() if meminfo.exists() else ():
        if line.startswith("MemAvailable"):
            return 1024 * float(line.split()[1])
    return float("inf")
