"""Effective level of circuits with synchronous updates: time goes in steps, and all visible neurons follow at once what
they heard in the last one.

    h(n) = S r(n − 1) + J(n)            hidden neurons have no time constant; J is what else drives them
    r(n) = g( P f(h(n)) + I(n) )

A step is the shortest delay of the circuit's synapses or, without any, the time constant of its visible neurons. The
step from a neuron to the next is the first delay: a synapse of three steps is heard two steps later than one without
delay. Slow synapses and all cells that are neither visible nor hidden keep their time constants τ: they go the fraction
1 − exp(−step/τ) of the way in each step. Inputs, I and J, are read at the beginning of a step and act at once.

The two-body circuit has autapses by way of hidden neurons, which the theory of such networks leaves out: "synchronous
without autapses", neuron i receives Σ_μ P_iμ f(Σ_{j≠i} S_μj r_j). A binary neuron whose drive is 0 stays as it is.
All is in double precision, as sums of many signs decide, and in arrays that are used again: no step takes memory.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from neuroam.energy import dense_weights
from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import Rate
from neuroam.session import Presentation, Session
from neuroam.solvers import _kernels_layer as layer
from neuroam.solvers.base import Outcome
from neuroam.solvers.emission import renewal
from neuroam.transfer import Linear, Sign, Transfer
from neuroam.wiring import Wired, WiredProjection

ROUNDING = 1e-12  # of the sum of the sizes of what a neuron hears: a drive below is 0


@threadpool_limits.wrap(limits=1)  # the second core belongs to another animal
def run_synchronous(wired: Wired, session: Session, order: tuple[int, ...]) -> Outcome:
    """All trials of a session, those of one duration side by side; see `Outcome`. `order`: the hidden populations, each
    after those it hears."""
    network = _Network(wired, order, session.dt)
    recorded = [p for p, _ in session.record]
    responses = {p: np.zeros((session.n_trials, wired.populations[p].size)) for p in recorded}
    traced = [(p, slice(None) if cells is None else list(cells)) for p, cells in session.record
              if session.every and cells != ()]
    samples = -(-session.stop // session.every) if session.every else 0
    traces = {p: np.zeros((samples, len(np.arange(wired.populations[p].size)[cells]))) for p, cells in traced}
    by_duration: dict[int, list[Presentation]] = defaultdict(list)
    for row in session.presentations:
        by_duration[row.stop - row.start].append(row)
    for duration, rows in by_duration.items():
        state = _Trials(network, session, rows)
        for n in range(-(-duration // network.ticks)):
            state.advance(n)
            for b, row in enumerate(rows):
                begin, end = (row.start + k * network.ticks for k in (n, n + 1))
                shared = min(end, row.last) - max(begin, row.first)
                if shared > 0:
                    for p in recorded:
                        responses[p][row.trial] += shared / (row.last - row.first) * state.past[0][p][:, b]
                for p, cells in traced:
                    first, last = (-(-min(tick, row.stop) // session.every) for tick in (begin, end))
                    traces[p][first:last] = state.past[0][p][cells, b]
    names = [p.name for p in wired.populations]
    return Outcome(responses={names[p]: v for p, v in responses.items()},
                   traces={names[p]: v for p, v in traces.items()},
                   weights={q.name: q.weight.copy() for q in wired.projections})


def step_of(wired: Wired) -> float:
    """Seconds of one update."""
    delays = [q.delay for q in wired.projections if q.delay > 0]
    return min(delays) if delays else float(wired.populations[_visible(wired)].neuron.tau)  # type: ignore[union-attr]


def _visible(wired: Wired) -> int:
    if wired.stored is None:
        raise Unsupported(f"circuit {wired.name!r} stores no patterns, so nothing says which of its neurons are "
                          "visible; give it patterns=Patterns(…), or updates='continuous'")
    return wired.find(wired.stored.population, "synchronous updates")


@dataclass(frozen=True, eq=False)
class _Heard:
    """One hidden population as the visible neurons hear it, themselves left out: `own` (n_hidden, n) are the weights of
    each visible neuron in it, and `copies` the populations, with their shares, that carry its emission there."""

    projection: int
    hidden: int
    own: np.ndarray
    copies: tuple[int, ...]


class _Network:
    """What does not change from trial to trial: weights as they are read, delays in steps, who is visible or hidden."""

    def __init__(self, wired: Wired, order: tuple[int, ...], dt: float) -> None:
        self.wired, self.order, self.visible = wired, order, _visible(wired)
        self.step = step_of(wired)
        self.ticks = _whole(self.step / dt, f"an update of {self.step:g} s", f"time steps of {dt:g} s")
        self.late = [max(_whole(q.delay / self.step, f"the delay of {q.name}", f"updates of {self.step:g} s") - 1, 0)
                     for q in wired.projections]
        self.others = [p for p, population in enumerate(wired.populations)
                       if not population.is_input and p not in order and p != self.visible]
        self.weight = [_readable(q, wired) for q in wired.projections]
        self.largest = [np.abs(q.weight).max(initial=0.0) for q in wired.projections]
        self.memory = 1 + max(self.late, default=0)
        left_out = wired.updates == "synchronous without autapses"
        self.alone = {heard.projection: heard for heard in self._autapses()} if left_out else {}

    def renewal(self, p: int, x: np.ndarray, r: np.ndarray) -> Callable[[], None]:
        """A function that writes what a population with the drives `x` emits to `r`, (n_cells, n_trials)."""
        population = self.wired.populations[p]
        return renewal(_transfer(self.wired, p), population.threshold, population.gain, x, r)

    def _autapses(self) -> list[_Heard]:
        """The ways from visible neurons to visible neurons through one hidden population."""
        found = []
        for k, q in enumerate(self.wired.projections):
            if q.post != self.visible or q.pre not in self.order:
                continue
            heard = [row for row in self.wired.projections if row.post == q.pre and not self._is_input(row.pre)]
            own = np.array([dense_weights(row, self.wired) for row in heard])
            copies = [self._carries_visible(row.pre) for row in heard]
            alike = not _transfer(self.wired, q.pre).layerwise and (own == own[0]).all()
            if self.late[k] or q.layout != "dense" or not all(copies) or not alike:
                raise Unsupported(f"what a neuron of circuit {self.wired.name!r} says to itself through "
                                  f"{self.wired.populations[q.pre].name} cannot be told apart; "
                                  "use updates='synchronous'")
            found.append(_Heard(k, q.pre, own[0], tuple(row.pre for row in heard)))
        return found

    def _is_input(self, p: int) -> bool:
        return self.wired.populations[p].is_input

    def _carries_visible(self, p: int) -> bool:
        """Whether a population is the visible one, or its slow or late copy."""
        if p == self.visible:
            return True
        into = [q for q in self.wired.projections if q.post == p]
        linear = isinstance(_transfer(self.wired, p), Linear)
        return linear and len(into) == 1 and into[0].pre == self.visible and into[0].layout == "sparse"


class _Trials:
    """Emissions (n_cells, n_trials) of every population after the last steps, the last one first."""

    def __init__(self, network: _Network, session: Session, rows: list[Presentation]) -> None:
        self.network, self.session, self.rows = network, session, rows
        wired = network.wired
        shape = {p: (population.size, len(rows)) for p, population in enumerate(wired.populations)}
        driven = (*network.order, *network.others, network.visible)
        self.x, self.heard, self.work, self.size = ({p: np.zeros(shape[p]) for p in driven} for _ in range(4))
        self.division = {q.post: np.zeros(shape[q.post]) for q in wired.projections if q.divisive}
        self.absolute = {p: np.zeros(s) for p, s in shape.items()}
        self.small = {p: np.zeros(shape[p], bool) for p in driven}
        self.pooled = np.zeros(len(rows))
        self.fraction = {p: -np.expm1(-network.step / float(wired.populations[p].neuron.tau))  # type: ignore[union-attr]
                         for p in network.others}
        slots = [{p: np.zeros(s) for p, s in shape.items()} for _ in range(network.memory + 1)]
        self.emit = {id(slot): {p: network.renewal(p, self.x[p], slot[p]) for p in driven} for slot in slots}
        for slot in slots:
            for renew in self.emit[id(slot)].values():
                renew()
        self.past, self.following = slots[:-1], slots[-1]
        self.others = {k: _Others(self, k, heard) for k, heard in network.alone.items()}

    def advance(self, n: int) -> None:
        """One step: hidden neurons hear what was, and all others follow."""
        network, emit = self.network, self.emit[id(self.following)]
        for p in self.session.inputs:
            self._read(p, n)
        for p in network.order:
            self._hear(p)
            np.copyto(self.x[p], self.heard[p])
            emit[p]()
        for p in (*network.others, network.visible):
            self._hear(p)
        for p in network.others:
            layer.relax(self.x[p], self.heard[p], self.fraction[p])
            emit[p]()
        visible = network.visible
        np.copyto(self.x[visible], self.heard[visible])
        emit[visible]()
        if isinstance(_transfer(network.wired, visible), Sign):
            np.equal(self.x[visible], 0, out=self.small[visible])
            np.copyto(self.following[visible], self.past[0][visible], where=self.small[visible])
        self.past.insert(0, self.following)
        self.following = self.past.pop()

    def _read(self, p: int, n: int) -> None:
        gain, drive = self.network.wired.populations[p].gain, self.session.inputs[p]
        for b, row in enumerate(self.rows):
            np.multiply(gain, drive.at(row.start + n * self.network.ticks), out=self.following[p][:, b])

    def _hear(self, p: int) -> None:
        """What a population hears: inputs and hidden neurons as they are now, others as they were a step ago."""
        total, size, part, small = self.heard[p], self.size[p], self.work[p], self.small[p]
        total[:] = size[:] = 0
        if p in self.division:
            self.division[p][:] = 1
        for k, q in enumerate(self.network.wired.projections):
            if q.post != p:
                continue
            if k in self.others:
                self.others[k].deliver(part)
            else:
                self._deliver(k, part)
            if q.divisive:
                np.add(self.division[p], part, out=self.division[p])
                continue
            np.add(total, part, out=total)
            self._bound(k, part)
            np.add(size, part, out=size)
        np.multiply(size, ROUNDING, out=size)
        np.abs(total, out=part)
        np.less(part, size, out=small)
        np.copyto(total, 0, where=small)
        if p in self.division:
            np.divide(total, self.division[p], out=total)

    def emission(self, k: int) -> np.ndarray:
        """What arrives through a projection."""
        pre, late = self.network.wired.projections[k].pre, self.network.late[k]
        if pre in self.network.order or pre in self.session.inputs:
            return self.past[late - 1][pre] if late else self.following[pre]
        return self.past[late][pre]

    def _bound(self, k: int, part: np.ndarray) -> None:
        """`part` becomes a bound on Σ_j |w_ij r_j|."""
        q = self.network.wired.projections[k]
        if q.layout != "dense":
            np.abs(part, out=part)
            return
        np.abs(self.emission(k), out=self.absolute[q.pre])
        np.sum(self.absolute[q.pre], axis=0, out=self.pooled)
        np.multiply(self.pooled, self.network.largest[k], out=part)

    def _deliver(self, k: int, part: np.ndarray) -> None:
        q, weight, r = self.network.wired.projections[k], self.network.weight[k], self.emission(k)
        if q.layout == "uniform":
            np.sum(r, axis=0, out=self.pooled)
            np.multiply(self.pooled, weight, out=part)
        elif q.layout == "sparse":
            assert isinstance(weight, sparse.csr_matrix)
            part[:] = 0
            layer.add_sparse(part, r, weight.indptr, weight.indices, weight.data)
        else:
            np.matmul(weight, r, out=part)


class _Others:
    """What each visible neuron hears through a hidden population from all but itself: Σ_μ P_iμ f(h_μ − own part of i).

    Where visible neurons are ±1 and weights ±w, f has two values a memory: of neurons that agree with it, and of those
    that differ."""

    def __init__(self, trials: _Trials, k: int, heard: _Heard) -> None:
        network, shape = trials.network, trials.x[heard.hidden].shape
        self.trials, self.network, self.heard, self.h = trials, network, heard, trials.x[heard.hidden]
        self.weight = network.wired.projections[k].weight
        self.crossed = self.weight * np.sign(heard.own).T
        self.sources = [j for j, q in enumerate(network.wired.projections)
                        if q.post == heard.hidden and q.pre in heard.copies]
        self.own, self.work = (np.zeros(trials.x[network.visible].shape) for _ in range(2))
        self.is_one = np.zeros(self.own.shape, bool)
        self.shifted, self.agree, self.differ = (np.zeros(shape) for _ in range(3))
        self.both = [network.renewal(heard.hidden, self.shifted, out) for out in (self.agree, self.differ)]
        self.signs = bool((np.abs(heard.own) == abs(heard.own.flat[0])).all())
        self.sums = np.zeros(len(self.own))

    @cached_property
    def each(self) -> tuple[np.ndarray, np.ndarray, Callable[[], None]]:
        """Drives and emissions of hidden neurons as each visible one has them, (n_hidden, n_visible), and what makes
        the second of the first."""
        field, answers = np.zeros((2, *self.heard.own.shape))
        return field, answers, self.network.renewal(self.heard.hidden, field, answers)

    def deliver(self, part: np.ndarray) -> None:
        """Into `part` (n_visible, n_trials)."""
        self.own[:] = 0
        for j in self.sources:  # what each visible neuron sends there
            np.add(self.own, self.trials.emission(j), out=self.own)
        np.abs(self.own, out=self.work)
        np.equal(self.work, 1, out=self.is_one)
        if self.signs and self.is_one.all():
            self._deliver_signs(part)
        else:
            self._deliver_each(part)

    def _deliver_signs(self, part: np.ndarray) -> None:
        w, (agree, differ) = abs(self.heard.own.flat[0]), self.both
        np.subtract(self.h, w, out=self.shifted)
        agree()
        np.add(self.h, w, out=self.shifted)
        differ()
        np.add(self.agree, self.differ, out=self.shifted)
        np.divide(self.shifted, 2, out=self.shifted)
        np.matmul(self.weight, self.shifted, out=part)
        np.subtract(self.agree, self.differ, out=self.shifted)
        np.divide(self.shifted, 2, out=self.shifted)
        np.matmul(self.crossed, self.shifted, out=self.work)
        np.multiply(self.work, self.own, out=self.work)
        np.add(part, self.work, out=part)

    def _deliver_each(self, part: np.ndarray) -> None:
        field, answers, renew = self.each
        for b in range(part.shape[1]):
            np.multiply(self.heard.own, self.own[:, b], out=field)
            np.subtract(self.h[:, b, None], field, out=field)
            renew()
            np.einsum("iu,ui->i", self.weight, answers, out=self.sums)
            part[:, b] = self.sums


def _transfer(wired: Wired, p: int) -> Transfer:
    neuron = wired.populations[p].neuron
    assert isinstance(neuron, Rate)
    return neuron.transfer


def _readable(q: WiredProjection, wired: Wired) -> np.ndarray | sparse.csr_matrix:
    if q.layout != "sparse":
        return q.weight
    shape = wired.populations[q.post].size, wired.populations[q.pre].size
    return sparse.csr_matrix((q.weight, (q.post_index, q.pre_index)), shape=shape)


def _whole(number: float, what: str, of_what: str) -> int:
    if abs(number - round(number)) > 1e-6:
        raise DescriptionError(f"{what} is not a whole number of {of_what}; change one of them")
    return round(number)
