"""Trials side by side: graded circuits without plasticity, all trials from rest, advance as one matrix a population.

The step is that of `_kernels`: the same phases, the same first-order update; a sum over synapses is one matrix product
for all trials, written where it is needed, and no step allocates memory. Trials of one duration go together.
Populations named `instant` have no time constant: they emit what their drive of this very step says (see
`neuroam.effective`).
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from neuroam.neurons import Drive, Escape, Rate
from neuroam.session import Presentation, Session
from neuroam.solvers import _kernels_layer as k
from neuroam.solvers import _kernels_product as product
from neuroam.solvers.base import Outcome, remaining
from neuroam.solvers.emission import emitter
from neuroam.wiring import Wired, WiredProjection

# below either of these the compiled loop, trial after trial, is faster than one library call a population
FEWEST_TRIALS = 8
FEWEST_SYNAPSES = 100_000


def batchable(wired: Wired, session: Session) -> bool:
    """Whether trials do not depend on each other and nothing spikes."""
    large = sum(q.weight.size for q in wired.projections) >= FEWEST_SYNAPSES and session.n_trials >= FEWEST_TRIALS
    return large and separable(wired, session)


def separable(wired: Wired, session: Session) -> bool:
    """Whether all populations are graded, without plasticity, and every trial starts from rest."""
    graded = all(isinstance(p.neuron, (Rate, Escape, Drive)) for p in wired.populations)
    return graded and all(row.reset for row in session.presentations) and not wired.plastic and not session.peaks


def run_batched(wired: Wired, session: Session, dt: float, method: str, dtype: np.dtype,
                instant: Sequence[int] = ()) -> Outcome:
    """All trials of a session; see `Outcome`. `instant`: populations, in the order in which they hear each other."""
    by_duration: dict[int, list[Presentation]] = defaultdict(list)
    for row in session.presentations:
        by_duration[row.stop - row.start].append(row)
    recorded = [p for p, _ in session.record]
    pools = [p for p in recorded if isinstance(wired.populations[p].neuron, Escape)]
    spikes: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {p: [] for p in pools}
    responses = {p: np.zeros((session.n_trials, wired.populations[p].size)) for p in recorded}
    traced = [(p, slice(None) if cells is None else list(cells)) for p, cells in session.record
              if session.every and cells != ()]
    samples = -(-session.stop // session.every) if session.every else 0
    traces = {p: np.zeros((samples, len(np.arange(wired.populations[p].size)[cells])), dtype) for p, cells in traced}
    with threadpool_limits(1):  # the second core belongs to another animal
        for duration, rows in by_duration.items():
            batch = Batch(wired, session, rows, dt, method, dtype, instant)
            for step in range(duration):
                batch.begin(step)
                for p, cells in traced:
                    _sample(traces[p], batch.traced(p), cells, batch.start + step, session.every)
                batch.advance()
                for p in recorded:
                    batch.collect(p, step)
                for p in pools:
                    spikes[p].append(batch.fired(p))
            for p in recorded:
                responses[p][[row.trial for row in rows]] = batch.means(p)
    names = [p.name for p in wired.populations]
    return Outcome(spikes={names[p]: _by_tick(v) for p, v in spikes.items()},
                   responses={names[p]: v for p, v in responses.items()},
                   traces={names[p]: v for p, v in traces.items()},
                   weights={q.name: q.weight.copy() for q in wired.projections})


def _by_tick(spikes: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    tick, cell = (np.concatenate(part) for part in zip(*spikes, strict=True))
    order = np.lexsort((cell, tick))
    return tick[order], cell[order].astype(np.int32)


def _sample(trace: np.ndarray, r: np.ndarray, cells: slice | list[int], tick: np.ndarray, every: int) -> None:
    """`tick`: that of each trial, now."""
    due = tick % every == 0
    if due.any():
        trace[tick[due] // every] = r[cells].T[due]


class Batch:
    """State of all trials of one duration: arrays (n_cells, n_trials)."""

    def __init__(self, wired: Wired, session: Session, rows: list[Presentation], dt: float, method: str,
                 dtype: np.dtype, instant: Sequence[int] = ()) -> None:
        self.wired, self.instant, self.step = wired, tuple(instant), 0
        shape = {p: (population.size, len(rows)) for p, population in enumerate(wired.populations)}
        graded = [p for p in shape if not wired.populations[p].is_input]
        self.slow = [p for p in graded if p not in instant]
        self.x, self.total = ({p: np.zeros(shape[p], dtype) for p in graded} for _ in range(2))
        self.division = {q.post: np.zeros(shape[q.post], dtype) for q in wired.projections if q.divisive}
        self.r = {p: np.zeros(s, dtype) for p, s in shape.items()}
        self.alpha = {p: dtype.type(1 - remaining(dt, float(wired.populations[p].neuron.tau), method))  # type: ignore
                      for p in self.slow}
        kept = {p for p, _ in session.record if isinstance(wired.populations[p].neuron, Escape)}
        self.spikes = {p: np.zeros(shape[p] if p in kept else (0, 0), bool) for p in graded}
        self.emit = {p: emitter(wired, p, self.x[p], self.r[p], self.spikes[p], dt, [row.trial for row in rows])
                     for p in graded}
        self.add = _additions(wired, len(rows), dtype)
        self.into = {p: [q for q, row in enumerate(wired.projections) if row.post == p] for p in graded}
        self.delays = [int(q.delay / dt + 0.5) for q in wired.projections]
        self.past = {q.pre: np.zeros((max(self.delays) + 1, *shape[q.pre]), dtype)
                     for q, delay in zip(wired.projections, self.delays, strict=True) if delay}
        self.changes = _changes(wired, session, rows)
        self.silent = {p for p in shape if wired.populations[p].is_input}  # inputs that emit nothing now
        self.sums = {p: np.zeros(s) for p, s in shape.items()}
        self.start = np.array([row.start for row in rows])
        self.first = np.array([row.first - row.start for row in rows])
        self.last = np.array([row.last - row.start for row in rows])
        for p in graded:  # at rest a pool emits what is expected of it
            population = wired.populations[p]
            self.r[p].T[:] = population.gain * population.neuron.transfer(  # type: ignore[union-attr]
                np.zeros(population.size), population.threshold)
        for p, ring in self.past.items():
            ring[:] = self.r[p]

    def begin(self, step: int) -> None:
        """Inputs change, and what has no time constant follows."""
        self.step = step
        changes = self.changes.get(step, ())
        for p, trial, values in changes:
            self.r[p][:, trial] = values
        for p in {p for p, _, _ in changes}:
            (self.silent.discard if self.r[p].any() else self.silent.add)(p)
        for p in self.instant:
            self._drive(p)
            np.copyto(self.x[p], self.total[p])
            self.emit[p](step)
        for p, ring in self.past.items():
            ring[step % len(ring)] = self.r[p]

    def advance(self) -> None:
        """All drives from the emissions as they are, then all states."""
        for p in self.slow:
            self._drive(p)
        for p in self.slow:
            k.relax(self.x[p], self.total[p], self.alpha[p])
            self.emit[p](self.step)

    def traced(self, p: int) -> np.ndarray:
        return self.x[p] if self.wired.populations[p].neuron.traced == "potential" else self.r[p]

    def collect(self, p: int, step: int) -> None:
        measured = (self.first <= step) & (step < self.last)
        if measured.any():
            k.collect(self.sums[p], self.r[p], measured)

    def fired(self, p: int) -> tuple[np.ndarray, np.ndarray]:
        """Ticks and cells of the spikes that a recorded pool has just fired."""
        cell, trial = np.nonzero(self.spikes[p])
        return self.start[trial] + self.step, cell

    def means(self, p: int) -> np.ndarray:
        return (self.sums[p] / (self.last - self.first)).T

    def _drive(self, p: int) -> None:
        self.total[p][:] = 0
        for q in self.into[p]:
            row = self.wired.projections[q]
            if not row.divisive and (row.pre not in self.silent or self.delays[q]):
                self.add[q](self._heard(q), self.total[p])
        if p in self.division:
            self.division[p][:] = 1
            for q in self.into[p]:
                if self.wired.projections[q].divisive:
                    self.add[q](self._heard(q), self.division[p])
            np.divide(self.total[p], self.division[p], out=self.total[p])

    def _heard(self, q: int) -> np.ndarray:
        pre, delay = self.wired.projections[q].pre, self.delays[q]
        return self.past[pre][(self.step - delay) % len(self.past[pre])] if delay else self.r[pre]


Addition = Callable[[np.ndarray, np.ndarray], None]


def _additions(wired: Wired, n_trials: int, dtype: np.dtype) -> list[Addition]:
    """For each projection, a function (r (n_pre, n_trials), drive (n_post, n_trials)) that adds Σ w·r in place."""
    return [_addition(q, wired, n_trials, dtype) for q in wired.projections]


def _addition(q: WiredProjection, wired: Wired, n_trials: int, dtype: np.dtype) -> Addition:
    if q.layout == "uniform":
        weight, pooled = dtype.type(q.weight), np.zeros(n_trials, dtype)
        return lambda r, drive: k.add_pooled(drive, r, weight, pooled)
    if q.layout == "sparse":
        shape = wired.populations[q.post].size, wired.populations[q.pre].size
        table = sparse.csr_matrix((q.weight.astype(dtype), (q.post_index, q.pre_index)), shape=shape)
        return lambda r, drive: k.add_sparse(drive, r, table.indptr, table.indices, table.data)
    matrix = np.ascontiguousarray(q.weight, dtype)  # of a transpose a copy: it is read by rows
    if len(matrix) < product.ROWS:
        matrix = np.pad(matrix, ((0, product.ROWS - len(matrix)), (0, 0)))
    columns, tile = product.room(matrix.shape[1], n_trials, dtype)
    return lambda r, drive: product.add_product(drive, matrix, r, columns, tile)


def _changes(wired: Wired, session: Session, rows: list[Presentation]) -> dict[int, list[tuple[int, int, np.ndarray]]]:
    """Steps at which an input of a trial changes: (population, trial of the batch, drive)."""
    changes: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
    for p, drive in session.inputs.items():
        gain = wired.populations[p].gain
        for b, row in enumerate(rows):
            changes[0].append((p, b, gain * drive.at(row.start)))
            for j in np.flatnonzero((drive.ticks > row.start) & (drive.ticks < row.stop)):
                changes[int(drive.ticks[j]) - row.start].append((p, b, gain * drive.values[j]))
    return changes
