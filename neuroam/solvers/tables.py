"""A wired circuit as the flat arrays that the compiled loop reads."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Escape, Poisson, Rate
from neuroam.solvers import _kernels as k
from neuroam.solvers.base import remaining
from neuroam.transfer import Transfer
from neuroam.wiring import Wired, WiredPopulation, WiredProjection

LAYOUTS = {"uniform": k.UNIFORM, "dense": k.DENSE, "sparse": k.SPARSE}
LINE = 64  # bytes of a cache line: the weights of a projection are read faster from the beginning of one
COEFFICIENTS = ("on_pre", "on_pre_post", "on_post", "on_post_pre", "low", "high")


@dataclass(frozen=True, eq=False)
class Tables:
    """What `_kernels.advance` needs, and the weights as wired."""

    cells: k.Cells
    channels: k.Filters
    traces: k.Filters
    synapses: k.Synapses
    weight: np.ndarray
    rest_state: np.ndarray
    rest_emission: np.ndarray
    depth: tuple[int, int]
    dtype: np.dtype

    def state(self) -> k.State:
        """Fresh state at rest."""
        units, n = int(self.cells.start[-1]), len(self.cells.kind)
        spikes, graded = self.depth
        zeros = lambda *shape: np.zeros(shape, self.dtype)  # noqa: E731
        state = k.State(zeros(units), zeros(units), zeros(int(self.channels.start[-1])),
                        zeros(int(self.traces.start[-1])), np.zeros(units, np.int32),
                        np.zeros((spikes, units), np.int32), np.zeros((spikes, n), np.int64), zeros(graded, units),
                        aligned(self.weight), zeros(units), zeros(units), zeros(n, 2))
        self.rest(state)
        return state

    def rest(self, state: k.State) -> None:
        """Everything back to rest, except the weights and what drives the input cells."""
        driven = np.repeat(self.cells.kind == k.DRIVE, np.diff(self.cells.start))
        state.v[:] = self.rest_state
        state.r[:] = np.where(driven, state.r, self.rest_emission)
        for moving in (state.s, state.y, state.n_fired, state.total, state.division):
            moving[:] = 0
        state.past[:] = self.rest_emission  # what a delayed synapse still carries
        state.until[:] = 0

    def unpack(self, weight: np.ndarray, wired: Wired) -> dict[str, np.ndarray]:
        """Flat weights back into the layouts of the wiring, by name of the projection."""
        unpacked = {}
        for q, projection in enumerate(wired.projections):
            first, size = int(self.synapses.first[q]), projection.weight.size
            values = weight[first: first + size].astype(float)
            turned = (self.synapses.by_pre[q] != 1) != (self.synapses.layout[q] == k.PARTNER)
            if projection.layout == "dense" and turned:
                unpacked[projection.name] = values.reshape(projection.weight.shape[::-1]).T
            else:
                unpacked[projection.name] = values.reshape(projection.weight.shape)
        return unpacked


@dataclass
class _Filters:
    """Decaying variables wanted by populations, gathered before they are laid out."""

    wanted: list[list[tuple[float, bool, float | None]]]
    sizes: list[int]
    positions: dict[tuple[int, float, bool, float | None], int] = field(default_factory=dict)

    def lay_out(self, dt: float, method: str, dtype: np.dtype) -> k.Filters:
        first, start, divisive = [0], [0], []
        decay: list[float] = []
        jump: list[float] = []
        reversal: list[float] = []
        for p, filters in enumerate(self.wanted):
            for tau, divides, towards in filters:
                self.positions[p, tau, divides, towards] = len(decay)
                decay.append(remaining(dt, tau, method))
                jump.append(1 / tau)
                divisive.append(divides)
                reversal.append(np.nan if towards is None else towards)
                start.append(start[-1] + self.sizes[p])
            first.append(len(decay))
        return k.Filters(np.array(first), np.array(start), np.array(decay, dtype), np.array(jump, dtype),
                         np.array(divisive, bool), np.array(reversal, dtype))

    def want(self, p: int, tau: float, divides: bool = False, towards: float | None = None) -> None:
        if (tau, divides, towards) not in self.wanted[p]:
            self.wanted[p].append((tau, divides, towards))


def tabulate(wired: Wired, dt: float, method: str, dtype: np.dtype) -> Tables:
    """Lay a wired circuit out for the compiled loop."""
    sizes = [p.size for p in wired.populations]
    channels = _Filters([[] for _ in sizes], sizes)
    traces = _Filters([[] for _ in sizes], sizes)
    for q in wired.projections:
        tau = _synapse(wired, q)
        if tau:
            channels.want(q.post, tau, q.divisive, q.reversal)
        if q.plasticity is not None:
            for p, trace in ((q.pre, q.plasticity.trace_pre), (q.post, q.plasticity.trace_post)):
                if float(trace) > 0:
                    traces.want(p, float(trace))
    laid = channels.lay_out(dt, method, dtype), traces.lay_out(dt, method, dtype)
    start = np.concatenate([[0], np.cumsum(sizes)])
    cells = _cells(wired, start, dt, method, dtype, channels)
    synapses, weight, depth = _synapses(wired, channels, traces, laid[1].start, cells, dt, dtype)
    rest = np.concatenate([np.full(p.size, float(getattr(p.neuron, "rest", 0.0))) for p in wired.populations])
    emission = np.concatenate([_emission_at_rest(p) for p in wired.populations])
    return Tables(cells, *laid, synapses, weight, rest.astype(dtype), emission.astype(dtype), depth, dtype)


def _synapse(wired: Wired, q: WiredProjection) -> float | None:
    """Time constant of the synaptic kernel; 0 acts at once, None is a graded source."""
    neuron = wired.populations[q.pre].neuron
    return float(neuron.synapse) if isinstance(neuron, (LIF, Poisson)) else None


def _emission_at_rest(population: WiredPopulation) -> np.ndarray:
    if not isinstance(population.neuron, (Rate, Escape)):
        return np.zeros(population.size)
    return population.gain * population.neuron.transfer(np.zeros(population.size), population.threshold)


def _cells(wired: Wired, start: np.ndarray, dt: float, method: str, dtype: np.dtype, channels: _Filters) -> k.Cells:
    kinds = {Drive: k.DRIVE, Poisson: k.POISSON, Rate: k.RATE, LIF: k.LIF, Escape: k.ESCAPE}
    n = len(wired.populations)
    alpha, rest, reset = (np.zeros(n, dtype) for _ in range(3))
    refractory, transfer = np.zeros(n, np.int64), np.zeros(n, np.int64)
    constants, pool, divided = np.zeros((n, 3), dtype), np.zeros((n, 3)), np.zeros(n, bool)
    conducts, leak = np.zeros(n, bool), np.zeros(n, dtype)
    for p, population in enumerate(wired.populations):
        neuron = population.neuron
        if isinstance(neuron, (LIF, Rate, Escape)):
            alpha[p] = 1 - remaining(dt, float(neuron.tau), method)
        if isinstance(neuron, LIF):
            leak[p] = 0 if method == "euler" else -dt / float(neuron.tau)
            rest[p], reset[p] = float(neuron.rest), float(neuron.reset)
            refractory[p] = int(float(neuron.refractory) / dt + 1e-3)  # as Brian2 counts steps
        if isinstance(neuron, Escape):
            pool[p] = neuron.cells, float(neuron.ceiling) * dt, neuron.low
        if isinstance(neuron, (Rate, Escape)):
            transfer[p], constants[p] = neuron.transfer.code, constants_of(neuron.transfer, dtype)
    divided[[q.post for q in wired.projections if q.divisive]] = True
    conducts[[q.post for q in wired.projections if q.reversal is not None]] = True
    return k.Cells(np.array([kinds[type(p.neuron)] for p in wired.populations]), start, alpha, rest, reset, refractory,
                   transfer, constants, divided, conducts, leak, _simple(wired, channels) & ~divided & ~conducts,
                   np.concatenate([p.threshold for p in wired.populations]).astype(dtype),
                   np.concatenate([p.gain for p in wired.populations]).astype(dtype), pool)


def constants_of(transfer: Transfer, dtype: np.dtype) -> np.ndarray:
    """As the kernels read them, shape (3,)."""
    values = list(transfer.constants.values())
    return np.array(values + [0.0] * (3 - len(values)), dtype)


def _simple(wired: Wired, channels: _Filters) -> np.ndarray:
    summed = {q.post for q in wired.projections if _synapse(wired, q) is None and q.layout != "uniform"}
    return np.array([isinstance(population.neuron, (LIF, Rate, Escape)) and len(channels.wanted[p]) == 1
                     and p not in summed for p, population in enumerate(wired.populations)])


def _synapses(wired: Wired, channels: _Filters, traces: _Filters, trace_start: np.ndarray, cells: k.Cells, dt: float,
              dtype: np.dtype) -> tuple[k.Synapses, np.ndarray, tuple[int, int]]:
    columns: dict[str, list[Any]] = {name: [] for name in k.Synapses._fields}
    pointers: dict[str, list[np.ndarray]] = {n: [] for n in ("pointer", "target", "column_pointer", "column_entry",
                                                             "column_source")}
    length = {"pointer": 0, "column_pointer": 0}
    partners = pairs(wired)
    stored = [_dense(q, position in partners.values()) for position, q in enumerate(wired.projections)]
    first, weights = _store(wired, [weight for _, _, weight in stored], partners, dtype)
    for position, q in enumerate(wired.projections):
        tau = _synapse(wired, q)
        post = wired.populations[q.post].neuron
        jump = {None: 0.0, 0.0: 1 / float(getattr(post, "tau", 1.0))}.get(tau, 1 / tau if tau else 0.0)
        channel = {None: -2, 0.0: -1}.get(tau)
        if q.divisive and tau == 0:
            raise DescriptionError(f"projection {q.name} divides, but its spikes act at once; give the presynaptic "
                                   "neuron a synapse time constant")
        by_pre, by_post, _ = stored[position]
        layout = LAYOUTS[q.layout]
        if position in partners:
            layout, by_pre = k.PARTNER, stored[partners[position]][0]
        elif position in partners.values():
            layout = k.PAIR
        row: dict[str, Any] = {
            "pre": q.pre, "post": q.post, "layout": layout, "delay": int(q.delay / dt + 0.5),
            "channel": channels.positions[q.post, tau or 0.0, q.divisive, q.reversal] if channel is None else channel,
            "jump": jump, "divisive": int(q.divisive), "first": first[position], "by_pre": by_pre, "by_post": by_post,
            "row": length["pointer"], "column": length["column_pointer"], "plastic": q.plasticity is not None,
            "gate": q.gate, **_rule(q, traces, trace_start)}
        for name, value in row.items():
            columns[name].append(value)
        _point(q, wired, pointers, length, dtype)
    table = {name: np.array(columns[name], dtype if name in ("jump", "rule") else np.int64)
             for name in k.Synapses._fields if name not in pointers}
    table["rule"] = table["rule"].reshape(-1, 7)
    for name, parts in pointers.items():
        table[name] = np.concatenate(parts or [np.zeros(0)]).astype(np.int64 if "pointer" in name else np.int32)
    delays = table["delay"]
    graded = table["channel"] == -2
    depth = int(delays[~graded].max(initial=0)) + 1, int(delays[graded].max(initial=0)) + 1
    return k.Synapses(**table), weights, depth


def _store(wired: Wired, weights: list[np.ndarray], partners: dict[int, int],
           dtype: np.dtype) -> tuple[list[int], np.ndarray]:
    """Where each projection begins in the flat weights, and these: sparse ones first, as the lists that go with them
    are as long. A partner begins where its leader does."""
    first, flat, length = [0] * len(weights), [], 0
    for q in sorted(range(len(weights)), key=lambda q: wired.projections[q].layout != "sparse"):
        if q in partners:
            continue
        first[q] = length
        flat += [np.ravel(weights[q]).astype(dtype, copy=False), np.zeros(_unused(weights[q], dtype), dtype)]
        length += weights[q].size + len(flat[-1])
    for q, leader in partners.items():
        first[q] = first[leader]
    return first, np.concatenate(flat or [np.zeros(0, dtype)])


def _unused(weight: np.ndarray, dtype: np.dtype) -> int:
    """Places left free at the end, so that the next one begins with a cache line."""
    return -weight.size % (LINE // dtype.itemsize)


def pairs(wired: Wired) -> dict[int, int]:
    """Position of each projection that is the transpose, in the same memory, of an earlier one, with that one's."""
    found: dict[int, int] = {}
    for q, row in enumerate(wired.projections):
        for k_, other in enumerate(wired.projections[:q]):
            if k_ not in found.values() and _summed(wired, row) and _summed(wired, other) and _same_memory(row, other):
                found[q] = k_
    return found


def _summed(wired: Wired, q: WiredProjection) -> bool:
    graded = not wired.populations[q.pre].neuron.spiking
    return graded and q.layout == "dense" and not q.divisive and q.delay == 0 and q.plasticity is None


def _same_memory(row: WiredProjection, other: WiredProjection) -> bool:
    opposite = (row.pre, row.post) == (other.post, other.pre) and row.pre != row.post
    mine, yours = row.weight.__array_interface__, other.weight.T.__array_interface__
    same = mine["data"] == yours["data"] and row.weight.strides == other.weight.T.strides
    return opposite and same and other.weight.flags.c_contiguous


def _dense(q: WiredProjection, paired: bool) -> tuple[int, int, np.ndarray]:
    """Strides and storage of a dense matrix. What is swept most lies together: by presynaptic cell, unless
    postsynaptic spikes change the weights or a graded source is summed."""
    if q.layout != "dense":
        return 0, 0, q.weight
    n_post, n_pre = q.weight.shape
    rule = q.plasticity
    if paired:  # both ways at once: best by long rows
        return (1, n_pre, q.weight) if n_post <= n_pre else (n_post, 1, q.weight.T)
    if rule is not None and (float(rule.on_post) != 0 or float(rule.on_post_pre) != 0):
        return 1, n_pre, q.weight
    return n_post, 1, q.weight.T


def aligned(weight: np.ndarray) -> np.ndarray:
    """A copy that begins with a cache line."""
    room = np.empty(len(weight) + LINE // weight.itemsize, weight.dtype)
    begin = -room.ctypes.data % LINE // weight.itemsize
    room[begin: begin + len(weight)] = weight
    return room[begin: begin + len(weight)]


def _rule(q: WiredProjection, traces: _Filters, start: np.ndarray) -> dict[str, Any]:
    if q.plasticity is None:
        return {"rule": np.zeros(7), "trace_pre": 0, "trace_post": 0}
    values = [float(getattr(q.plasticity, name)) for name in COEFFICIENTS]
    places = {}
    for side, p in (("trace_pre", q.pre), ("trace_post", q.post)):
        key = (p, float(getattr(q.plasticity, side)), False, None)
        places[side] = start[traces.positions[key]] if key in traces.positions else 0
    return {"rule": np.array([*values, float(q.plasticity.multiplicative)]), **places}


def _point(q: WiredProjection, wired: Wired, pointers: dict[str, list[np.ndarray]], length: dict[str, int],
           dtype: np.dtype) -> None:
    """Row and column pointers of a sparse projection."""
    if q.pre_index is None or q.post_index is None:
        return
    n_pre, n_post = wired.populations[q.pre].size, wired.populations[q.post].size
    pointers["pointer"].append(np.searchsorted(q.pre_index, np.arange(n_pre + 1)))
    pointers["target"].append(q.post_index)
    length["pointer"] += n_pre + 1
    order = np.argsort(q.post_index, kind="stable")
    pointers["column_pointer"].append(np.searchsorted(q.post_index[order], np.arange(n_post + 1)))
    pointers["column_entry"].append(order)
    pointers["column_source"].append(q.pre_index[order])
    for name in ("target", "column_entry", "column_source"):
        pointers[name].append(np.zeros(_unused(q.weight, dtype), np.int32))
    length["column_pointer"] += n_post + 1
