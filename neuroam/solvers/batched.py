"""Trials side by side: graded circuits without plasticity, all trials from rest, advance as one matrix a population.

The step is that of `_kernels`: the same phases, the same first-order update; a sum over synapses is one matrix
product for all trials. Trials of one duration go together.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from neuroam.neurons import Drive, Rate
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome, remaining
from neuroam.wiring import Wired, WiredProjection

# below either of these the compiled loop, trial after trial, is faster than numpy's calls
FEWEST_TRIALS = 8
FEWEST_SYNAPSES = 100_000


def batchable(wired: Wired, session: Session) -> bool:
    """Whether trials do not depend on each other and nothing spikes."""
    graded = all(isinstance(p.neuron, (Rate, Drive)) for p in wired.populations)
    separate = all(row.reset for row in session.presentations)
    large = sum(q.weight.size for q in wired.projections) >= FEWEST_SYNAPSES and session.n_trials >= FEWEST_TRIALS
    return large and graded and separate and not wired.plastic and not session.peaks


def run_batched(wired: Wired, session: Session, dt: float, method: str, dtype: np.dtype) -> Outcome:
    """All trials of a session; see `Outcome`."""
    by_duration: dict[int, list[Presentation]] = defaultdict(list)
    for row in session.presentations:
        by_duration[row.stop - row.start].append(row)
    recorded = [p for p, _ in session.record]
    responses = {p: np.zeros((session.n_trials, wired.populations[p].size)) for p in recorded}
    traced = [(p, cells) for p, cells in session.record if session.every and cells != ()]
    samples = -(-session.stop // session.every) if session.every else 0
    traces = {p: np.zeros((samples, wired.populations[p].size if cells is None else len(cells)), dtype)
              for p, cells in traced}
    with threadpool_limits(1):  # the second core belongs to another animal
        for duration, rows in by_duration.items():
            batch = _Batch(wired, session, rows, dt, method, dtype)
            for step in range(duration):
                batch.read_inputs(step)
                for p, cells in traced:
                    _sample(traces[p], batch.r[p], cells, rows, step, session.every)
                batch.advance(step)
                for p in recorded:
                    batch.collect(p, step)
            for p in recorded:
                responses[p][[row.trial for row in rows]] = batch.means(p)
    names = [p.name for p in wired.populations]
    return Outcome(responses={names[p]: v for p, v in responses.items()},
                   traces={names[p]: v for p, v in traces.items()},
                   weights={q.name: q.weight.copy() for q in wired.projections})


def _sample(trace: np.ndarray, r: np.ndarray, cells: Sequence[int] | None, rows: list[Presentation], step: int,
            every: int) -> None:
    for b, row in enumerate(rows):
        if (row.start + step) % every == 0:
            trace[(row.start + step) // every] = r[:, b] if cells is None else r[list(cells), b]


class _Batch:
    """State of all trials of one duration: arrays (n_cells, n_trials)."""

    def __init__(self, wired: Wired, session: Session, rows: list[Presentation], dt: float, method: str,
                 dtype: np.dtype) -> None:
        self.wired = wired
        shape = {p: (population.size, len(rows)) for p, population in enumerate(wired.populations)}
        self.x = {p: np.zeros(s, dtype) for p, s in shape.items() if isinstance(wired.populations[p].neuron, Rate)}
        self.r = {p: np.zeros(s, dtype) for p, s in shape.items()}
        self.alpha = {p: dtype.type(1 - remaining(dt, float(wired.populations[p].neuron.tau), method))  # type: ignore
                      for p in self.x}
        self.through = [_product(q, shape[q.pre][0], shape[q.post][0], dtype) for q in wired.projections]
        self.delays = [int(q.delay / dt + 0.5) for q in wired.projections]
        self.past: list[dict[int, np.ndarray]] = []
        self.changes = _changes(wired, session, rows)
        self.sums = {p: np.zeros(s) for p, s in shape.items()}
        self.on = np.array([row.on - row.start for row in rows])
        self.off = np.array([row.off - row.start for row in rows])
        for p in self.x:
            self._emit(p)
        self.at_rest = {p: r.copy() for p, r in self.r.items()}

    def read_inputs(self, step: int) -> None:
        for p, trial, values in self.changes.get(step, ()):
            self.r[p][:, trial] = values

    def advance(self, step: int) -> None:
        total: dict[int, Any] = dict.fromkeys(self.x, 0.0)
        division: dict[int, Any] = dict.fromkeys(self.x, 1.0)
        for q, through, delay in zip(self.wired.projections, self.through, self.delays, strict=True):
            drive = through(self._emitted(q.pre, step, delay))
            if q.divisive:
                division[q.post] = division[q.post] + drive
            else:
                total[q.post] = total[q.post] + drive
        if any(self.delays):
            self.past.append({p: r.copy() for p, r in self.r.items()})
        for p, x in self.x.items():
            x += (total[p] / division[p] - x) * self.alpha[p]
        for p in self.x:
            self._emit(p)

    def collect(self, p: int, step: int) -> None:
        self.sums[p] += self.r[p] * ((self.on <= step) & (step < self.off))

    def means(self, p: int) -> np.ndarray:
        return (self.sums[p] / (self.off - self.on)).T

    def _emit(self, p: int) -> None:
        population = self.wired.populations[p]
        transfer = population.neuron.transfer  # type: ignore[union-attr]
        self.r[p][:] = population.gain[:, None] * transfer(self.x[p], population.threshold[:, None])

    def _emitted(self, p: int, step: int, delay: int) -> np.ndarray:
        if delay == 0:
            return self.r[p]
        return self.past[step - delay][p] if step >= delay else self.at_rest[p]


def _product(q: WiredProjection, n_pre: int, n_post: int, dtype: np.dtype) -> Callable[[np.ndarray], np.ndarray]:
    """r (n_pre, n_trials) → Σ w·r (n_post, n_trials)."""
    if q.layout == "uniform":
        weight = dtype.type(q.weight)
        return lambda r: weight * r.sum(axis=0)
    if q.pre_index is None:
        dense = np.ascontiguousarray(q.weight, dtype)
        return lambda r: dense @ r
    table = sparse.csr_matrix((q.weight.astype(dtype), (q.post_index, q.pre_index)), shape=(n_post, n_pre))
    return lambda r: table @ r


def _changes(wired: Wired, session: Session, rows: list[Presentation]) -> dict[int, list[tuple[int, int, np.ndarray]]]:
    """Steps at which an input of a trial changes: (population, trial of the batch, drive)."""
    changes: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
    for p, drive in session.inputs.items():
        gain = wired.populations[p].gain
        for b, row in enumerate(rows):
            changes[0].append((p, b, gain * drive.at(row.start)))
            for k in np.flatnonzero((drive.ticks > row.start) & (drive.ticks < row.stop)):
                changes[int(drive.ticks[k]) - row.start].append((p, b, gain * drive.values[k]))
    return changes
