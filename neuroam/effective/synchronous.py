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
"""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from neuroam.energy import dense_weights
from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import Rate
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome
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
                        responses[p][row.trial] += shared / (row.last - row.first) * state.r[p][:, b]
                for p, cells in traced:
                    first, last = (-(-min(tick, row.stop) // session.every) for tick in (begin, end))
                    traces[p][first:last] = state.r[p][cells, b]
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
        self.crossed = {q: wired.projections[q].weight * np.sign(heard.own).T for q, heard in self.alone.items()}

    def transfer(self, p: int, x: np.ndarray) -> np.ndarray:
        population = self.wired.populations[p]
        assert isinstance(population.neuron, Rate)
        return population.gain[:, None] * population.neuron.transfer(x, population.threshold[:, None])

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
    """Emissions (n_cells, n_trials) of every population, and those of a few steps before."""

    def __init__(self, network: _Network, session: Session, rows: list[Presentation]) -> None:
        self.network, self.session, self.rows = network, session, rows
        wired = network.wired
        shape = {p: (population.size, len(rows)) for p, population in enumerate(wired.populations)}
        self.x = {p: np.zeros(shape[p]) for p in (network.visible, *network.others, *network.order)}
        self.r = {p: np.zeros(s) for p, s in shape.items()}
        for p in self.x:
            self.r[p] = network.transfer(p, self.x[p])
        self.past = [dict(self.r)] * network.memory

    def advance(self, n: int) -> None:
        """One step: hidden neurons hear what was, and all others follow."""
        network = self.network
        now = {p: self._input(p, n) for p in self.session.inputs}
        for p in network.order:
            self.x[p] = self._drive(p, now)
            now[p] = network.transfer(p, self.x[p])
        drives = {p: self._drive(p, now) for p in (*network.others, network.visible)}
        for p in network.others:
            fraction = -np.expm1(-network.step / float(network.wired.populations[p].neuron.tau))  # type: ignore
            self.x[p] = self.x[p] + fraction * (drives[p] - self.x[p])
        self.x[network.visible] = drives[network.visible]
        following = {p: network.transfer(p, self.x[p]) for p in (*network.others, network.visible)}
        if isinstance(_transfer(network.wired, network.visible), Sign):
            undecided = self.x[network.visible] == 0
            following[network.visible][undecided] = self.r[network.visible][undecided]
        self.r = {**now, **following}
        self.past = [self.r, *self.past[:-1]]

    def _input(self, p: int, n: int) -> np.ndarray:
        gain, drive = self.network.wired.populations[p].gain, self.session.inputs[p]
        return np.stack([gain * drive.at(row.start + n * self.network.ticks) for row in self.rows], axis=1)

    def _drive(self, p: int, now: dict[int, np.ndarray]) -> np.ndarray:
        """What a population hears: inputs and hidden neurons as they are `now`, others as they were a step ago."""
        total, division = np.zeros((2, *self.x[p].shape))
        size = np.zeros(total.shape)
        for k, q in enumerate(self.network.wired.projections):
            if q.post != p:
                continue
            r = self._emission(k, now)
            if q.divisive:
                division += self._deliver(k, r)
                continue
            alone = self.network.alone.get(k)
            part = self._deliver_to_others(alone, now) if alone else self._deliver(k, r)
            total += part
            size += self._size(k, r, part)
        total[np.abs(total) < ROUNDING * size] = 0
        return total / (1 + division)

    def _emission(self, k: int, now: dict[int, np.ndarray]) -> np.ndarray:
        """What arrives through a projection."""
        pre, late = self.network.wired.projections[k].pre, self.network.late[k]
        if pre in now:
            return self.past[late - 1][pre] if late else now[pre]
        return self.past[late][pre]

    def _size(self, k: int, r: np.ndarray, part: np.ndarray) -> np.ndarray:
        """Bound on Σ_j |w_ij r_j|."""
        if self.network.wired.projections[k].layout == "dense":
            return self.network.largest[k] * np.abs(r).sum(axis=0)
        return np.abs(part)

    def _deliver(self, k: int, r: np.ndarray) -> np.ndarray:
        q, weight = self.network.wired.projections[k], self.network.weight[k]
        return weight * r.sum(axis=0, keepdims=True) if q.layout == "uniform" else weight @ r

    def _deliver_to_others(self, heard: _Heard, now: dict[int, np.ndarray]) -> np.ndarray:
        """Σ_μ P_iμ f(h_μ − own part of neuron i)."""
        network = self.network
        sources = [self._emission(k, now) for k, q in enumerate(network.wired.projections)
                   if q.post == heard.hidden and q.pre in heard.copies]
        own = np.sum(sources, axis=0)  # what each visible neuron sends there
        h, weight = self.x[heard.hidden], network.wired.projections[heard.projection].weight
        w = abs(heard.own.flat[0])
        if (np.abs(own) == 1).all() and (np.abs(heard.own) == w).all():
            agree, differ = (network.transfer(heard.hidden, h - s * w) for s in (1, -1))
            return weight @ ((agree + differ) / 2) + own * (network.crossed[heard.projection] @ ((agree - differ) / 2))
        return np.stack([self._one_trial(heard, weight, h[:, b], own[:, b]) for b in range(h.shape[1])], axis=1)

    def _one_trial(self, heard: _Heard, weight: np.ndarray, h: np.ndarray, own: np.ndarray) -> np.ndarray:
        others = self.network.transfer(heard.hidden, h[:, None] - heard.own * own)
        return np.einsum("iu,ui->i", weight, others)


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
