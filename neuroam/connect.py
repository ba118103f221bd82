"""Who connects to whom, and how strongly: rules drawn once, when the circuit is wired.

A rule's ``draw(rng, n_pre, n_post)`` gives the synapses as two index arrays (pre, post), sorted by post; two
synapses may join the same pair of cells (two claws on one bouton). All-to-all needs no indices and has none.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from neuroam.errors import DescriptionError
from neuroam.units import parameter, si

Indices = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class AllToAll:
    """Every presynaptic cell to every postsynaptic cell."""

    def __str__(self) -> str:
        return "all to all"


@dataclass(frozen=True)
class OneToOne:
    """Cell i to cell i; the populations have the same size."""

    def __str__(self) -> str:
        return "one to one"

    def draw(self, rng: np.random.Generator, n_pre: int, n_post: int) -> Indices:
        if n_pre != n_post:
            raise DescriptionError(f"one_to_one needs populations of one size, got {n_pre} and {n_post}")
        return np.arange(n_pre), np.arange(n_post)


@dataclass(frozen=True)
class InDegree:
    """Each postsynaptic cell draws its inputs at random: a fixed number, or |N(mean, sd)| rounded and clipped."""

    mean: float
    sd: float = 0.0
    low: int = 0
    high: int = 2**31 - 1
    replacement: bool = False

    def __str__(self) -> str:
        number = f"{self.mean:g}" if self.sd == 0 else f"N({self.mean:g}, {self.sd:g}) in {self.low}–{self.high}"
        return f"{number} random inputs each, {'with' if self.replacement else 'without'} replacement"

    def draw(self, rng: np.random.Generator, n_pre: int, n_post: int) -> Indices:
        degree = np.full(n_post, self.mean)
        if self.sd > 0:
            degree = rng.normal(self.mean, self.sd, n_post)
        degree = np.clip(np.rint(degree), self.low, self.high).astype(int)
        if not self.replacement and degree.max(initial=0) > n_pre:
            raise DescriptionError(f"in-degree {degree.max()} without replacement needs as many presynaptic cells, "
                                   f"but there are {n_pre}; use replacement=True or a smaller in-degree")
        if self.replacement:
            pre = rng.integers(n_pre, size=degree.sum())
        else:
            pre = np.concatenate([rng.choice(n_pre, k, replace=False) for k in degree] or [np.zeros(0, int)])
        return pre.astype(int), np.repeat(np.arange(n_post), degree)


@dataclass(frozen=True, eq=False)
class Matrix:
    """The synapses where a matrix of shape (n_post, n_pre) is not zero; its values multiply the weight."""

    pre: np.ndarray
    post: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    def __str__(self) -> str:
        return f"given matrix, {len(self.pre)} synapses"

    def draw(self, rng: np.random.Generator, n_pre: int, n_post: int) -> Indices:
        if self.shape != (n_post, n_pre):
            raise DescriptionError(f"from_matrix: shape {self.shape} does not fit (n_post, n_pre) = {n_post, n_pre}")
        return self.pre, self.post


@dataclass(frozen=True)
class LogNormal:
    """Weights exp(ln median + sigma·z), z standard normal, one for each synapse."""

    median: Any
    sigma: float

    def __str__(self) -> str:
        return f"log-normal, median {self.median}, σ {self.sigma:g}"

    def settle(self, unit: str, name: str) -> LogNormal:
        if not self.sigma >= 0:
            raise DescriptionError(f"{name}: LogNormal sigma is {self.sigma}; it must be at least 0")
        return LogNormal(parameter(self.median, unit, name, finite=True), float(self.sigma))

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        return float(self.median) * np.exp(self.sigma * rng.standard_normal(size))


def all_to_all() -> AllToAll:
    return AllToAll()


def one_to_one() -> OneToOne:
    return OneToOne()


def in_degree(number: float, sd: float = 0.0, low: int = 1, high: int = 2**31 - 1,
              replacement: bool = False) -> InDegree:
    """`number` random inputs a cell; with `sd` > 0 it is the mean of a normal distribution clipped to low…high."""
    if not number > 0 or not sd >= 0 or low > high:
        raise DescriptionError(f"in_degree: number {number}, sd {sd}, low {low}, high {high}: "
                               "number must be positive, sd at least 0, low at most high")
    if sd == 0 and number != round(number):
        raise DescriptionError(f"in_degree: number is {number}; give a whole number, or an sd for one that varies")
    return InDegree(float(number), float(sd), int(low), int(high), replacement)


def random_in_degree(mean: float, sd: float, low: int, high: int, replacement: bool = True) -> InDegree:
    """A random number of inputs a cell: N(mean, sd), rounded, clipped to low…high."""
    return in_degree(mean, sd, low, high, replacement)


def from_matrix(matrix: Any, unit: str = "1", name: str = "from_matrix") -> Matrix:
    """Synapses from a dense array or scipy sparse matrix of shape (n_post, n_pre), in `unit`."""
    dense = matrix if sparse.issparse(matrix) else si(matrix, unit, name)
    table = sparse.csr_matrix(dense)
    table.sort_indices()
    if len(table.shape) != 2 or not np.isfinite(table.data).all():
        raise DescriptionError(f"{name}: needs a finite matrix of shape (n_post, n_pre)")
    table.eliminate_zeros()
    synapses = table.tocoo()
    return Matrix(synapses.col.astype(int), synapses.row.astype(int), synapses.data.astype(float), table.shape)


Connectivity = AllToAll | OneToOne | InDegree | Matrix
