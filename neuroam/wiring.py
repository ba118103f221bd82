"""wire(circuit, seed): the same circuit with every random number drawn once and every unit gone.

Solvers see nothing else, so two of them can be compared to the last bits. Each population and projection draws from
a stream of its own, derived from the seed and its name: adding one changes none of the others.
"""
from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from neuroam.circuit import Circuit, CodingLevels, Port, Projection, Stored, WeightMatrix, unknown
from neuroam.connect import AllToAll, LogNormal, Matrix
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Escape, Neuron, Poisson, Rate
from neuroam.patterns import Patterns, free_memory
from neuroam.plasticity import ThreeFactor
from neuroam.transfer import Linear
from neuroam.units import Parameter

LARGEST_SEED = 2**31 - 1  # what every netCDF format can hold


@dataclass(frozen=True, eq=False)
class WiredPopulation:
    """`threshold` (n,) is absolute for a LIF neuron and on the axis of x for a rate neuron. `gain` (n,) multiplies
    the emission of a graded neuron; a silenced population has gain 0 or an infinite threshold."""

    name: str
    size: int
    neuron: Neuron
    threshold: np.ndarray
    gain: np.ndarray
    relay: bool = False

    @property
    def is_input(self) -> bool:
        return isinstance(self.neuron, (Poisson, Drive))


@dataclass(frozen=True, eq=False)
class WiredProjection:
    """Synapses between populations `pre` and `post` (their positions in `Wired.populations`).

    One of three layouts: `uniform` (all to all, `weight` a scalar array of shape ()), dense (`weight` of shape
    (n_post, n_pre), no indices), sparse (`pre_index`, `post_index`, `weight` of shape (n_synapses,), sorted by pre).
    """

    name: str
    pre: int
    post: int
    weight: np.ndarray
    pre_index: np.ndarray | None
    post_index: np.ndarray | None
    delay: float
    divisive: bool
    plasticity: ThreeFactor | None
    gate: int = -1
    reversal: float | None = None

    @property
    def layout(self) -> str:
        if self.pre_index is not None:
            return "sparse"
        return "uniform" if self.weight.ndim == 0 else "dense"


@dataclass(frozen=True, eq=False)
class Wired:
    """A realised circuit: arrays in SI. `labels` carries what a calibration reached; `patterns` (n_patterns, n_cells)
    what is stored, as `stored` describes it."""

    name: str
    seed: int
    populations: tuple[WiredPopulation, ...]
    projections: tuple[WiredProjection, ...]
    ports: dict[str, Port]
    calibration: CodingLevels | None = None
    labels: dict[str, float] = field(default_factory=dict)
    patterns: np.ndarray | None = None
    stored: Patterns | None = None
    hidden: tuple[str, ...] = ()
    updates: str = "continuous"

    @cached_property
    def index(self) -> dict[str, int]:
        return {p.name: i for i, p in enumerate(self.populations)}

    def find(self, name: str, asked_by: str) -> int:
        """Position of a population; a `DescriptionError` says who asked for an unknown one."""
        if name not in self.index:
            known = [p.name for p in self.populations if not p.relay]
            raise DescriptionError(f"{asked_by}: {unknown('population', name, known)}")
        return self.index[name]

    def pairs(self, q: WiredProjection) -> tuple[np.ndarray, np.ndarray]:
        """Presynaptic and postsynaptic cell of every synapse of a projection, in the order of its weights."""
        if q.pre_index is not None and q.post_index is not None:
            return q.pre_index, q.post_index
        post, pre = np.indices((self.populations[q.post].size, self.populations[q.pre].size), dtype=np.int32)
        return pre.reshape(-1), post.reshape(-1)

    def between(self, pre: str, post: str, asked_by: str) -> tuple[int, ...]:
        """Positions of the projections from `pre` to `post`, by way of a slow synapse or not."""
        names = f"{pre}->{post}", f"{pre}->{post} (slow)->{post}"
        by_delay = tuple(f"{name}, " for name in names)
        found = tuple(i for i, p in enumerate(self.projections) if p.name in names or p.name.startswith(by_delay))
        if not found:
            known = [p.name for p in self.projections if "(slow)" not in p.name]
            raise DescriptionError(f"{asked_by}: {unknown('projection', f'{pre}->{post}', known)}")
        return found

    def with_population(self, position: int, **changes: object) -> Wired:
        changed = list(self.populations)
        changed[position] = replace(changed[position], **changes)  # type: ignore[arg-type]
        return replace(self, populations=tuple(changed))

    def with_projection(self, position: int, **changes: object) -> Wired:
        changed = list(self.projections)
        changed[position] = replace(changed[position], **changes)  # type: ignore[arg-type]
        return replace(self, projections=tuple(changed))

    @property
    def plastic(self) -> bool:
        return any(p.plasticity is not None for p in self.projections)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream that belongs to `names` (words or numbers) under `seed`."""
    keys = [n if isinstance(n, int) else zlib.crc32(n.encode()) for n in names]
    return np.random.default_rng([seed, *keys])


def wire(circuit: Circuit, seed: int = 0) -> Wired:
    """Draw everything random in `circuit` from `seed`. Same seed, same arrays."""
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed <= LARGEST_SEED:
        raise DescriptionError(f"seed is {seed!r}; give a whole number from 0 to {LARGEST_SEED}")
    seed = int(seed)
    _afford(circuit)
    patterns = circuit.patterns.draw(stream(seed, "patterns")) if circuit.patterns else None
    populations = [_wire_population(p.name, p.size, p.neuron, seed) for p in circuit.populations]
    index = {p.name: i for i, p in enumerate(populations)}
    projections: list[WiredProjection] = []
    for projection in circuit.projections:
        drawn = _wire_projection(projection, index, populations, seed, patterns, projections)
        if projection.lowpass is not None:
            relay = _relay(projection, populations[drawn.pre])
            index[relay.name] = len(populations)
            populations.append(relay)
            projections += _by_delay(_into_relay(drawn, index[relay.name], relay), projection, seed)
            drawn = replace(drawn, pre=index[relay.name], delay=0.0, name=f"{relay.name}->{projection.post}")
            projections.append(drawn)
        else:
            projections += _by_delay(drawn, projection, seed)
    return Wired(circuit.name, seed, tuple(populations), tuple(projections), dict(circuit.ports),  # type: ignore
                 circuit.calibration, patterns=patterns, stored=circuit.patterns, hidden=circuit.hidden,
                 updates=circuit.updates)


def _afford(circuit: Circuit) -> None:
    """Refuse, before anything is allocated, a circuit whose weights and patterns do not fit into memory."""
    sizes = {p.name: p.size for p in circuit.populations}
    dense = [sizes[p.pre] * sizes[p.post] for p in circuit.projections
             if isinstance(p.connectivity, AllToAll) and not isinstance(p.weight, WeightMatrix)
             and (isinstance(p.weight, (LogNormal, Stored)) or p.plasticity is not None)]
    needed, free = 8 * sum(dense) + (circuit.patterns.bytes if circuit.patterns else 0), free_memory()
    if needed > free:
        raise DescriptionError(f"circuit {circuit.name!r} needs {needed / 1e9:.3g} GB for its weights and patterns, "
                               f"and {free / 1e9:.3g} GB are free; store fewer patterns or use fewer cells")


def _wire_population(name: str, size: int, neuron: Neuron, seed: int) -> WiredPopulation:
    threshold = np.zeros(size)
    if isinstance(neuron, (LIF, Rate, Escape)):
        distance = float(neuron.threshold) - float(neuron.rest)
        spread = float(neuron.threshold_cv)
        factor = np.abs(1 + spread * stream(seed, name, "threshold").standard_normal(size)) if spread else 1.0
        threshold = float(neuron.rest) + distance * factor * np.ones(size)
    return WiredPopulation(name, size, neuron, threshold, np.ones(size))


def _wire_projection(projection: Projection, index: dict[str, int], populations: list[WiredPopulation],
                     seed: int, patterns: np.ndarray | None, before: list[WiredProjection]) -> WiredProjection:
    pre, post = index[projection.pre], index[projection.post]
    shape = populations[post].size, populations[pre].size
    rng = stream(seed, projection.name)
    pre_index = post_index = None
    if not isinstance(projection.connectivity, AllToAll):
        try:
            i, j = projection.connectivity.draw(rng, shape[1], shape[0])
        except DescriptionError as error:
            raise DescriptionError(f"projection {projection.name}: {error}") from None
        order = np.lexsort((j, i))
        pre_index, post_index = i[order].astype(np.int32), j[order].astype(np.int32)
        weight = _draw_weight(projection.weight, rng, (len(order),))
        if isinstance(projection.connectivity, Matrix):
            weight = weight * projection.connectivity.values[order]
        weight = weight * np.ones(len(order))
    else:
        weight = (_stored_weight(projection, patterns, shape, before) if isinstance(projection.weight, Stored)
                  else _draw_weight(projection.weight, rng, shape))
        if projection.plasticity is not None:
            weight = weight * np.ones(shape)
    gate = projection.plasticity.gate if projection.plasticity else None
    return WiredProjection(projection.name, pre, post, weight, pre_index, post_index, float(projection.delay),
                           projection.acts == "divisive", projection.plasticity,
                           index[gate] if gate is not None else -1,
                           float(projection.reversal) if projection.reversal is not None else None)


def _by_delay(drawn: WiredProjection, projection: Projection, seed: int) -> list[WiredProjection]:
    """One projection for each delay, where the rule of connectivity gives every axon a delay of its own (seconds,
    shape (n_pre,)) on top of the projection's."""
    axons = getattr(projection.connectivity, "axons", None)
    if axons is None or drawn.pre_index is None or drawn.post_index is None:
        return [drawn]
    own = axons(stream(seed, projection.name))[drawn.pre_index]
    parts = []
    for longer in np.unique(own):
        here = own == longer
        delay = drawn.delay + float(longer)
        parts.append(replace(drawn, name=f"{drawn.name}, {1e3 * delay:g} ms", delay=delay, weight=drawn.weight[here],
                             pre_index=drawn.pre_index[here], post_index=drawn.post_index[here]))
    return parts or [drawn]


def _stored_weight(projection: Projection, patterns: np.ndarray | None, shape: tuple[int, int],
                   before: list[WiredProjection]) -> np.ndarray:
    if patterns is None:
        raise DescriptionError(f"projection {projection.name}: its weights follow from stored patterns, but the "
                               "circuit has none; give it patterns=Patterns(…)")
    known = {q.name: q.weight for q in before if q.layout == "dense"}
    for name in projection.weight.after:
        if name not in known:
            raise DescriptionError(f"projection {projection.name}: its weights follow from those of {name}; describe "
                                   "that projection before it, all to all with weights of its own")
    weight = projection.weight.rule(patterns, *(known[name] for name in projection.weight.after))
    finite = np.isfinite(weight).all()
    if weight.shape != shape or not finite:
        raise DescriptionError(f"projection {projection.name}: {projection.weight} gives weights of shape "
                               f"{weight.shape}{'' if finite else ' with NaN or infinity'}; it needs finite ones of "
                               f"shape (n_post, n_pre) = {shape}")
    return weight


def _draw_weight(weight: object, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(weight, WeightMatrix):
        return weight.values
    if isinstance(weight, LogNormal):
        return weight.draw(rng, int(np.prod(shape))).reshape(shape)
    return np.asarray(float(weight))  # type: ignore[arg-type]


def _relay(projection: Projection, pre: WiredPopulation) -> WiredPopulation:
    unit = pre.neuron.unit_out
    neuron = Rate(projection.lowpass, Linear(1.0, Parameter(0.0, unit), unit, unit))
    return WiredPopulation(f"{projection.name} (slow)", pre.size, neuron, np.zeros(pre.size), np.ones(pre.size),
                           relay=True)


def _into_relay(drawn: WiredProjection, position: int, relay: WiredPopulation) -> WiredProjection:
    cells = np.arange(relay.size, dtype=np.int32)
    return WiredProjection(f"{drawn.name}->relay", drawn.pre, position, np.ones(relay.size), cells, cells, drawn.delay,
                           False, None)
