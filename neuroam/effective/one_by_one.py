"""Effective level of circuits with binary visible neurons: from the cue, one neuron at a time, to a minimum of the
energy.

The state starts as the sign of the drive while the stimulus is on (cells without drive start at random) and is the
answer of the trial when no single change lowers E(σ) = −L_h(Sσ) − ½ σ·Lσ any more (Hopfield 1982; Krotov & Hopfield
2016). There is no time, so there are no traces.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from neuroam.effective import binary_separation
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Separation
from neuroam.effective.integrate import gains, integrate_out, thresholds, transfer_of
from neuroam.effective.model import SWEEPS, EffectiveModel
from neuroam.energy import dense_weights
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome
from neuroam.transfer import Exponential, Linear, Power, Rectified, Sign, Transfer
from neuroam.wiring import Wired, stream


@threadpool_limits.wrap(limits=1)  # the second core belongs to another animal
def run_one_by_one(wired: Wired, session: Session, hidden: tuple[str, ...], dtype: str = "float64") -> Outcome:
    """All trials of a session side by side; see `Outcome`. A table is exact in either precision."""
    model = integrate_out(wired, *hidden, dtype=dtype)
    visible = next(
        p for p, population in enumerate(wired.populations) if not population.is_input and population.name not in hidden
    )
    rows = sorted(session.presentations, key=lambda row: row.trial)
    cues = np.array([_cue(wired, session, visible, row) for row in rows])
    final = _settled(wired, model, cues)
    by_population = {visible: model.gain * final}
    if len(hidden) == 1:
        memory = wired.find(hidden[0], "integrating out")
        by_population[memory] = _answers(wired, visible, memory, by_population[visible])
    recorded = {wired.populations[p].name: by_population[p] for p, _ in session.record if p in by_population}
    for p, _ in session.record:
        if p in session.inputs:
            gain = wired.populations[p].gain
            recorded[wired.populations[p].name] = np.array([gain * _mean_drive(session, p, row) for row in rows])
    return Outcome(responses=recorded, weights={q.name: q.weight.copy() for q in wired.projections})


def _answers(wired: Wired, visible: int, memory: int, emitted: np.ndarray) -> np.ndarray:
    """Emissions (n_states, n_hidden) of hidden neurons that hear those of visible ones."""
    population = wired.populations[memory]
    there = next(q for q in wired.projections if (q.pre, q.post) == (visible, memory))
    heard = dense_weights(there, wired) @ emitted.T
    return transfer_of(population)(heard, thresholds(population)[:, None]).T * gains(population)


def _settled(wired: Wired, model: EffectiveModel, cues: np.ndarray) -> np.ndarray:
    starts = np.where(cues != 0, np.sign(cues), stream(wired.seed, "start").choice([-1.0, 1.0], cues.shape))
    order = stream(wired.seed, "updates")
    memory = as_binary(model)
    return memory.relax(starts, SWEEPS, order).astype(float) if memory else model.asynchronous(starts, order)


def as_binary(model: EffectiveModel) -> BinaryMemory | None:
    """The same model with one byte a neuron and its separation looked up, where patterns are ±1, no cell is lesioned
    and one overlap decides on one hidden neuron; None for others."""
    separation = _looked_up(model.separation)
    alone = model.lateral is None or not np.any(model.lateral - np.diag(np.diag(model.lateral)))
    plain = isinstance(model.activation, Sign) and not np.any(model.threshold) and np.all(model.gain == 1)
    theta, shifted = model.hidden_threshold, isinstance(model.separation, Exponential)
    alike = np.isfinite(theta).all() and np.all(theta == (theta[0] if shifted else 0))
    if model.asymmetry or separation is None or not (alone and plain and alike):
        return None
    if not (np.abs(model.similarity) == 1).all():
        return None
    return BinaryMemory(model.similarity, separation=separation)


def _looked_up(transfer: Transfer) -> Separation | None:
    """The separation up to a factor, which no sign depends on."""
    if isinstance(transfer, Exponential):
        return binary_separation.Exponential(float(transfer.slope))
    if isinstance(transfer, (Linear, Rectified)) and float(transfer.threshold) == 0 and float(transfer.gain) > 0:
        return binary_separation.Power(1, isinstance(transfer, Rectified))
    if isinstance(transfer, Power) and float(transfer.threshold) == 0 and transfer.rectified:
        degree = float(transfer.power)
        return binary_separation.Power(int(degree), True) if degree.is_integer() else None
    return None


def _cue(wired: Wired, session: Session, visible: int, row: Presentation) -> np.ndarray:
    """What the visible neurons receive from the inputs while the stimulus is on, mean over that time."""
    drive = np.zeros(wired.populations[visible].size)
    for q in wired.projections:
        if q.post == visible and wired.populations[q.pre].is_input:
            drive += dense_weights(q, wired) @ (wired.populations[q.pre].gain * _mean_drive(session, q.pre, row))
    return drive


def _mean_drive(session: Session, p: int, row: Presentation) -> np.ndarray:
    drive = session.inputs[p]
    edges = np.concatenate([[row.on], drive.ticks[(drive.ticks > row.on) & (drive.ticks < row.off)], [row.off]])
    return np.average(np.array([drive.at(int(tick)) for tick in edges[:-1]]), axis=0, weights=np.diff(edges))
