"""Dense memory of ±1 neurons: similarity → separation → projection, in one step or neuron by neuron.

    m_i^μ = Σ_{j≠i} ξ_j^μ σ_j / (N − 1)                 overlap of memory μ as neuron i sees it, without its own part
    h_i   = Σ_μ ξ'_i^μ f(m_i^μ)                         field; `self_terms` keeps j = i, with N for N − 1
    σ_i   ← sgn h_i                                     all neurons at once; where h_i = 0 the neuron stays as it is

The projected patterns ξ' are the patterns themselves, or their successors for a sequence. The separation f is a power
(linear: Hopfield 1982), a rectified power (Krotov & Hopfield 2016, NeurIPS, arXiv 1606.01164), or the exponential
exp(γ (N − 1) (m − 1)) (Demircigil et al. 2017, J Stat Phys 168:288), which up to a factor common to all memories is a
softmax of gain γ. In the limit of infinite gain the nearest memory decides; of several the majority; where those are
split, the next nearest.

With ξ' = ξ there is an energy E = −N Σ_μ F(ξ^μ·σ / N), F' = f, which falls if one neuron at a time flips where that
lowers it (Krotov & Hopfield 2016; their degree is that of F, one more than that of f).

Overlaps are whole numbers, so f is looked up; fields are sums over classes of equal overlap, exact for powers while
they stay below 2⁵³. Steps are taken in single precision, many states at once through products of matrices, and each
neuron that this may have turned is found again by the exact sum: the states are those of the exact sum, always.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from neuroam.effective import _kernels_binary as kernels
from neuroam.effective.binary_separation import (
    LINEAR,
    Exponential,
    Separation,
    Table,
    separation,
    tabulate,
    tabulate_differences,
)
from neuroam.errors import DescriptionError, Unsupported
from neuroam.patterns import free_memory

MANY = 32  # states from which on matrix products are faster
MEMORIES_AT_ONCE = 512
STATES_AT_ONCE = 1024
DOUBTFUL = 16  # of so many neurons one in doubt: computing the whole state takes less
WORTH_ASKING = 5e7  # bytes from which on the system is asked whether they are free
ROUNDED_SIZE = 1.001  # the sum of sizes is itself rounded


@dataclass(frozen=True, eq=False)
class BinaryMemory:
    """Memories of ±1 neurons: `patterns` (memories, neurons) and what each projects to, `projected`, likewise.

    Both are copied, to one byte a neuron. Raises `DescriptionError` if they hold anything but ±1, or do not fit the
    memory that is free.
    """

    patterns: np.ndarray
    projected: np.ndarray | None = None
    separation: Separation | str = LINEAR
    self_terms: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "separation", separation(self.separation))
        object.__setattr__(self, "patterns", signs(self.patterns, "patterns"))
        if self.projected is not None:
            projected = signs(self.projected, "projected patterns")
            if projected.shape != self.patterns.shape:
                raise DescriptionError(f"projected patterns have shape {projected.shape}, patterns "
                                       f"{self.patterns.shape}; give one projected pattern for each memory")
            object.__setattr__(self, "projected", None if np.array_equal(projected, self.patterns) else projected)
        if self.patterns.shape[1] < 2:
            raise DescriptionError("patterns have one neuron, which sees no other; give at least two neurons")

    @property
    def memories(self) -> int:
        return self.patterns.shape[0]

    @property
    def neurons(self) -> int:
        return self.patterns.shape[1]

    @property
    def symmetric(self) -> bool:
        """Each pattern projects to itself, so that there is an energy."""
        return self.projected is None

    def without(self, memories: ArrayLike) -> BinaryMemory:
        """The same network with some memory neurons silenced, by their positions: nothing is projected from them."""
        kept = np.ones(self.memories, bool)
        kept[positions(memories, self.memories)] = False
        if not kept.any():
            raise DescriptionError("all memories are silenced; leave at least one")
        return replace(self, patterns=self.patterns[kept],
                       projected=None if self.projected is None else self.projected[kept])

    def fields(self, states: ArrayLike) -> np.ndarray:
        """h_i of each state (…, neurons), by the exact sum."""
        rows, shape = self._rows(states)
        return self._count(rows, self._table).reshape(shape) * self._table.scale

    def update(self, states: ArrayLike) -> np.ndarray:
        """Every state after one synchronous step, int8."""
        rows, shape = self._rows(states)
        return self._step(rows, self._relative).reshape(shape)

    def recall(self, states: ArrayLike, steps: int) -> np.ndarray:
        """Synchronous steps from each state: (steps + 1, …, neurons), the start first."""
        rows, shape = self._rows(states)
        require(rows.size * (steps + 1), f"the trajectory of {len(rows)} states over {steps} steps")
        trajectory = np.empty((steps + 1, *rows.shape), np.int8)
        trajectory[0] = rows
        for t in range(steps):
            trajectory[t + 1] = self.update(trajectory[t])
        return trajectory.reshape(steps + 1, *shape)

    def relax(self, states: ArrayLike, sweeps: int, rng: np.random.Generator) -> np.ndarray:
        """Asynchronous steps down the energy to a fixed point, for at most `sweeps` sweeps in random order each.

        A neuron flips only if that lowers the energy; self-terms play no part in that.
        """
        self._refuse_energy("relax")
        if not isinstance(rng, np.random.Generator):
            raise DescriptionError(f"relax: rng is {rng!r}; give numpy.random.default_rng(seed)")
        rows, shape = self._rows(states)
        relaxed = rows.copy()
        for row in relaxed:
            self._relax_one(row, sweeps, rng)
        return relaxed.reshape(shape)

    def stable(self, states: ArrayLike) -> np.ndarray:
        """Whether no single flip lowers the energy of each state, shape (…,)."""
        self._refuse_energy("stable")
        rows, shape = self._rows(states)
        return np.all(self._step(rows, self._differences) == rows, axis=1).reshape(shape[:-1])

    def energy(self, states: ArrayLike) -> np.ndarray:
        """E = −N Σ_μ F(ξ^μ·σ / N) of each state, shape (…,)."""
        self._refuse_energy("energy")
        f = self.separation
        if isinstance(f, Exponential) and math.isinf(f.gain):
            raise Unsupported("the energy at infinite gain is that of no smooth function; give a finite gain")
        rows, shape = self._rows(states)
        overlaps = rows.astype(np.float32) @ self.patterns.astype(np.float32).T / self.neurons
        values = f.antiderivative(overlaps.astype(float), self.neurons)  # type: ignore[union-attr]
        return -self.neurons * values.sum(axis=1).reshape(shape[:-1])

    @cached_property
    def _table(self) -> Table:
        return tabulate(separation(self.separation), self.neurons, self.memories, self.self_terms)

    @cached_property
    def _relative(self) -> Table:
        return replace(self._table, relative=isinstance(self.separation, Exponential))

    @cached_property
    def _differences(self) -> Table:
        return tabulate_differences(separation(self.separation), self.neurons, self.memories)

    @cached_property
    def _bits(self) -> np.ndarray:
        return pack(self.patterns)

    @cached_property
    def _projected_bits(self) -> np.ndarray:
        return self._bits if self.projected is None else pack(self.projected)

    @cached_property
    def _columns(self) -> np.ndarray:
        require(self.patterns.size, f"a copy of {self.memories} patterns × {self.neurons} neurons")
        return np.ascontiguousarray(self.patterns.T)

    @property
    def _targets(self) -> np.ndarray:
        return self.patterns if self.projected is None else self.projected

    def _rows(self, states: ArrayLike) -> tuple[np.ndarray, tuple[int, ...]]:
        return state_rows(states, self.neurons)

    def _refuse_energy(self, what: str) -> None:
        if not self.symmetric:
            raise Unsupported(f"{what}: a memory that projects to other patterns has no energy; use update or recall")

    def _count(self, rows: np.ndarray, table: Table) -> np.ndarray:
        fields = np.empty(rows.shape)
        kernels.count_fields(self._bits, self.patterns, self._targets, self.symmetric, pack(rows), rows, table.values,
                             table.cavity, table.relative, fields)
        return fields

    def _step(self, rows: np.ndarray, table: Table) -> np.ndarray:
        after = np.empty_like(rows)
        for first in range(0, len(rows), STATES_AT_ONCE):
            some = rows[first: first + STATES_AT_ONCE]
            fields = self._fields_with_sign(some, table)
            kernels.take_signs(fields, some, after[first: first + STATES_AT_ONCE])
        return after

    def _fields_with_sign(self, rows: np.ndarray, table: Table) -> np.ndarray:
        """Fields with the right signs; a factor common to the state is left open.

        In single precision first. A neuron that rounding may have turned is computed exactly, and where there are
        many, the whole state.
        """
        fields, bound = self._multiply(rows, table) if len(rows) >= MANY else self._weigh(rows, table)
        doubtful = np.count_nonzero(np.abs(fields) <= bound[:, None], axis=1)
        many = np.flatnonzero(doubtful > self.neurons // DOUBTFUL)
        if many.size:
            fields[many], bound[many] = self._count(rows[many], table), -1
        if doubtful.any():
            kernels.settle_doubtful(self._bits, self._projected_bits, pack(rows), fields, bound, self.neurons,
                                    table.values, table.cavity, table.relative)
        return fields

    def _weigh(self, rows: np.ndarray, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Fields of a few states, and what they may be wrong by."""
        fields, bound = np.empty(rows.shape), np.empty(len(rows))
        kernels.weigh_projected(self._bits, self.patterns, self._targets, self.symmetric, pack(rows), rows,
                                *table.single, fields, bound)
        return fields, bound

    def _multiply(self, rows: np.ndarray, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Fields of many states, and what they may be wrong by."""
        work = _Products(self, table, rows)
        for first in range(0, self.memories, MEMORIES_AT_ONCE):
            work.add(slice(first, first + MEMORIES_AT_ONCE))
        return work.fields, work.bound()

    def _relax_one(self, state: np.ndarray, sweeps: int, rng: np.random.Generator) -> None:
        table = self._differences
        distance, drive = np.empty(self.memories, np.int32), np.empty(self.memories)
        common = kernels.start_relaxation(self._bits, pack(state[None])[0], table.values, table.relative, distance,
                                          drive)
        for _ in range(sweeps):
            order = rng.permutation(self.neurons)
            flips, common = kernels.relax_sweep(self._columns, table.values, table.relative, state, order, distance,
                                                drive, common)
            if flips == 0:
                return


class _Products:
    """Fields of many states, one block of memories after another, in arrays that are used again."""

    def __init__(self, memory: BinaryMemory, table: Table, rows: np.ndarray) -> None:
        self.memory, self.table = memory, table
        self.states, self.bits = rows.astype(np.float32), pack(rows)
        self.fields, self.magnitude = np.zeros(rows.shape), np.zeros(len(rows))
        block = min(MEMORIES_AT_ONCE, memory.memories)
        self.weights, self.halves = np.empty((2, len(rows) * block), np.float32)
        self.projected, self.own = np.empty((2, *rows.shape), np.float32)

    def add(self, some: slice) -> None:
        """h += Σ mean ξ' − σ Σ half ξ'ξ over some memories."""
        patterns = self.memory.patterns[some].astype(np.float32)
        symmetric = self.memory.projected is None
        targets = patterns if symmetric else self.memory.projected[some].astype(np.float32)  # type: ignore[index]
        shape = len(self.states), len(patterns)
        weights, halves = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in (self.weights, self.halves))
        words = np.ascontiguousarray(self.memory._bits[some].T)
        kernels.look_up(words, self.bits, *self.table.single, weights, halves, self.magnitude)
        if not self.table.cavity:
            self.own[:] = 0
        elif symmetric:
            self.own[:] = halves.sum(axis=1)[:, None]
        else:
            np.matmul(halves, targets * patterns, out=self.own)
        kernels.add_products(self.fields, np.matmul(weights, targets, out=self.projected), self.own, self.states)

    def bound(self) -> np.ndarray:
        """What rounding may have changed in any field of each state, at most."""
        return ((MEMORIES_AT_ONCE + 4) * kernels.SINGLE * ROUNDED_SIZE * self.magnitude
                + self.memory.memories * kernels.TINY)


def signs(given: ArrayLike, what: str, copy: bool = True) -> np.ndarray:
    """`given` as int8 (rows, neurons), of ±1 alone; raises `DescriptionError` naming `what` and the first wrong one."""
    values = np.asarray(given)
    if values.ndim != 2 or 0 in values.shape:
        raise DescriptionError(f"{what} have shape {values.shape}; give a table (rows, neurons)")
    if values.dtype.kind not in "iuf":
        raise DescriptionError(f"{what} are of type {values.dtype}; give numbers, −1 or 1")
    require((2 + values.itemsize) * values.size, f"{what} ({values.shape[0]} × {values.shape[1]})")
    right = np.abs(values) == 1
    if not right.all():
        row, neuron = np.argwhere(~right)[0]
        raise DescriptionError(f"{what} hold {values[row, neuron]} at row {row}, neuron {neuron}; a neuron is −1 or 1")
    return np.array(values, dtype=np.int8, order="C", copy=True if copy else None)


def state_rows(states: ArrayLike, neurons: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """States (…, neurons) as int8 rows (n_states, neurons), and the shape they had."""
    states = np.asarray(states)
    if states.ndim == 0 or states.shape[-1] != neurons:
        raise DescriptionError(f"states have shape {states.shape}; the last dimension is that of the {neurons} neurons")
    return signs(states.reshape(-1, neurons), "states", copy=False), states.shape


def positions(given: ArrayLike, memories: int) -> np.ndarray:
    """Positions of memories, checked."""
    found = np.atleast_1d(np.asarray(given, dtype=int))
    if found.size and (found.min() < 0 or found.max() >= memories):
        raise DescriptionError(f"memory {found.max() if found.min() >= 0 else found.min()} is not one of the "
                               f"{memories}; give positions from 0")
    return found


def pack(rows: np.ndarray) -> np.ndarray:
    """±1 rows as bits, (rows, words) of 64 neurons each."""
    packed = np.packbits(rows > 0, axis=1, bitorder="little")
    words = -(-rows.shape[1] // 64)
    padded = np.zeros((len(rows), 8 * words), np.uint8)
    padded[:, :packed.shape[1]] = packed
    return padded.view("<u8").astype(np.uint64, copy=False)


def require(size: float, what: str) -> None:
    """Raises `DescriptionError` if `size` bytes are not free."""
    if size > WORTH_ASKING and size > (free := free_memory()):
        raise DescriptionError(f"{what} needs {size / 1e9:.3g} GB and {free / 1e9:.3g} GB is free; give fewer at once")
