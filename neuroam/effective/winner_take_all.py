"""Winner-take-all code: what a coding population under pooled inhibition computes when both are instantaneous.

    h = S x          similarity: the drive of each coding cell by the mean input while a stimulus is on
    y = g(h − A)     separation: A is the least uniform inhibition that leaves at most k winners above threshold
    o = P y          projection: graded readouts, through synapses that learn by the rule of the circuit

Without inhibition A = 0 and cells answer wherever h passes their threshold. The input is what the input cells really
emitted in that trial, so the noise is the same as in the spiking and the rate circuit of the same wiring. A fly's odour
tags are such a code (Dasgupta, Stevens & Navlakha 2017, Science 358:793).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.circuit import CodingLevels
from neuroam.errors import Unsupported
from neuroam.neurons import LIF, Poisson, Rate
from neuroam.plasticity import ThreeFactor
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome, check, settle_clock
from neuroam.transfer import Transfer
from neuroam.wiring import Wired, WiredProjection


@dataclass(frozen=True)
class WinnerTakeAll:
    """A solver that keeps only the steady state of each trial. Needs a circuit with a calibrated coding population
    (`CodingLevels`), graded readouts and learning that depends on presynaptic activity and a gate."""

    dt: Any = 1e-4
    name: ClassVar[str] = "WinnerTakeAll"
    carries: ClassVar[frozenset[str]] = frozenset({
        "LIF cells", "rate cells", "Poisson inputs", "driven inputs", "plasticity", "graded terms in plasticity",
        "trial responses of graded cells"})
    tunes_inhibition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, "exponential_euler"))

    def prepare(self, wired: Wired, session: Session) -> None:
        """Nothing to compile."""

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session, trial by trial. There is no time within a trial, so no traces."""
        check(self, wired, session)
        code = _Code(wired)
        weights = {q: wired.projections[q].weight.copy() for q in code.readout}
        responses = {p: np.zeros((session.n_trials, wired.populations[p].size)) for p, _ in session.record}
        peaks = np.zeros((session.n_trials, code.size))
        for row in session.presentations:
            if row.fresh:
                weights = {q: wired.projections[q].weight.copy() for q in code.readout}
            emitted = code.winners(wired, session, row, peaks)
            for q, weight in weights.items():
                post = wired.projections[q].post
                emitted[post] = _readout(wired, q, weight, emitted[code.position])
                _learn(wired.projections[q].plasticity, weight, emitted, wired.projections[q].gate,
                       emitted[code.position], (row.off - row.on) * session.dt)
            for p, table in responses.items():
                if p in emitted:
                    table[row.trial] = emitted[p]
        names = [p.name for p in wired.populations]
        return Outcome(responses={names[p]: table for p, table in responses.items()},
                       weights={wired.projections[q].name: w for q, w in weights.items()},
                       peaks={names[code.position]: peaks})


class _Code:
    """Where the circuit's coding population gets its input from, what inhibits it and what reads it."""

    def __init__(self, wired: Wired) -> None:
        goal = wired.calibration
        if goal is None:
            raise Unsupported(f"WinnerTakeAll needs to know the coding population of circuit {wired.name!r}; give the "
                              "circuit a calibration (CodingLevels), or use Numba()")
        self.position = wired.find(goal.population, "calibration")
        self.pool = wired.find(goal.inhibition, "calibration")
        self.size = wired.populations[self.position].size
        self.winners_left = _winners(goal, self.size)
        self.input = [q for q, proj in enumerate(wired.projections)
                      if proj.post == self.position and wired.populations[proj.pre].is_input]
        self.inhibition = wired.between(goal.inhibition, goal.population, "calibration")
        self.readout = [q for q, proj in enumerate(wired.projections)
                        if proj.pre == self.position and proj.post != self.pool]
        self._refuse(wired)

    def _refuse(self, wired: Wired) -> None:
        for q in self.readout:
            proj = wired.projections[q]
            target = wired.populations[proj.post].neuron
            if not isinstance(target, Rate) or proj.layout == "sparse" or proj.divisive:
                raise Unsupported(f"WinnerTakeAll cannot carry projection {proj.name}: readouts are graded, additive "
                                  "and all to all at this level; use Numba()")
            rule = proj.plasticity
            if rule is not None and any(map(float, (rule.on_post, rule.on_post_pre, rule.on_pre_post))):
                raise Unsupported(f"WinnerTakeAll cannot carry the plasticity of {proj.name}: only presynaptic "
                                  "activity and a gate may change weights at this level; use Numba()")
        known = {*self.input, *self.inhibition, *self.readout}
        for q, proj in enumerate(wired.projections):
            if q not in known and proj.post != self.pool:
                raise Unsupported(f"WinnerTakeAll has no place for projection {proj.name}; use Numba()")

    def winners(self, wired: Wired, session: Session, row: Presentation, peaks: np.ndarray) -> dict[int, np.ndarray]:
        """Emissions of input and coding cells in one trial, by position of the population."""
        emitted = {p: _mean_input(wired, session, p, row) for p in session.inputs}
        drive = np.zeros(self.size)
        for q in self.input:
            drive += _through(wired.projections[q], emitted[wired.projections[q].pre], self.size)
        population = wired.populations[self.position]
        neuron = population.neuron
        rest = float(neuron.rest) if isinstance(neuron, (LIF, Rate)) else 0.0
        peaks[row.trial] = rest + drive
        inhibited = any(np.any(wired.projections[q].weight != 0) for q in self.inhibition)
        above = drive - (population.threshold - rest)
        inhibition = max(0.0, np.partition(above, -self.winners_left - 1)[-self.winners_left - 1]) if inhibited else 0.0
        emitted[self.position] = population.gain * _curve(neuron)(drive - inhibition, population.threshold - rest)
        return emitted


def _winners(goal: CodingLevels, size: int) -> int:
    return max(1, min(size - 1, round(goal.with_inhibition * size)))


def _curve(neuron: object) -> Transfer:
    return neuron.curve if isinstance(neuron, LIF) else neuron.transfer  # type: ignore[attr-defined]


def _mean_input(wired: Wired, session: Session, p: int, row: Presentation) -> np.ndarray:
    """Mean emission of input cells while the trial's stimulus is on."""
    drive, population = session.inputs[p], wired.populations[p]
    if isinstance(population.neuron, Poisson):
        a, b = np.searchsorted(drive.spike_tick, [row.on, row.off])
        counts = np.bincount(drive.spike_unit[a:b], minlength=population.size)
        return population.gain * counts / ((row.off - row.on) * session.dt)
    edges = np.concatenate([[row.on], drive.ticks[(drive.ticks > row.on) & (drive.ticks < row.off)], [row.off]])
    values = np.array([drive.at(int(tick)) for tick in edges[:-1]])
    return population.gain * np.average(values, axis=0, weights=np.diff(edges))


def _through(projection: WiredProjection, emitted: np.ndarray, size: int) -> np.ndarray:
    """I = Σ w·r of one projection, shape (n_post,)."""
    if projection.pre_index is not None and projection.post_index is not None:
        return np.bincount(projection.post_index, projection.weight * emitted[projection.pre_index], size)
    if projection.layout == "uniform":
        return np.full(size, float(projection.weight) * emitted.sum())
    return projection.weight @ emitted


def _readout(wired: Wired, q: int, weight: np.ndarray, code: np.ndarray) -> np.ndarray:
    population = wired.populations[wired.projections[q].post]
    drive = weight @ code if weight.ndim else np.full(population.size, float(weight) * code.sum())
    return population.gain * population.neuron.transfer(drive, population.threshold)  # type: ignore[union-attr]


def _learn(rule: ThreeFactor | None, weight: np.ndarray, emitted: dict[int, np.ndarray], gate: int, code: np.ndarray,
           duration: float) -> None:
    """The rule's on_pre term integrated over the stimulus, in place."""
    if rule is None or float(rule.on_pre) == 0:
        return
    released = emitted[gate] if gate >= 0 else np.ones(1)
    spent = float(rule.on_pre) * duration * released[:, None] * code[None, :]
    low, high = float(rule.low), float(rule.high)
    weight[:] = low + (weight - low) * np.exp(spent) if rule.multiplicative else weight + spent
    np.clip(weight, low, high, out=weight)
