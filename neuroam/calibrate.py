"""Calibration of a coding population: threshold and inhibition from coding levels, as mushroom-body models do.

Without inhibition a cell answers when its free potential, threshold out of reach, passes the threshold. So one run
of all stimuli gives every free peak, and the threshold for any coding level is a quantile of them (Kennedy 2019;
Abdelrahman, Vasilaki & Lin 2021 tune likewise). The inhibition is then scaled by bisection. All of it is
deterministic: the noise is the animal's own.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neuroam.circuit import CodingLevels
from neuroam.errors import DescriptionError
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import Session, schedule
from neuroam.solvers.base import Solver
from neuroam.units import Parameter
from neuroam.wiring import Wired

TOLERANCE = 0.002
SETTLE = Parameter(0.1, "second", "assumed: time for spontaneous input to settle before the stimulus")
EVERY_NTH = 5
MOST_STEPS = 14


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A calibrated circuit, and the free peaks (n_stimuli, n_cells) its threshold was taken from."""

    wired: Wired
    peaks: np.ndarray


def calibrate(wired: Wired, solver: Solver) -> Calibrated:
    """Set threshold and inhibition of the circuit's coding population; `wired.labels` says what was reached."""
    goal = _goal(wired)
    p = wired.find(goal.population, "calibration")
    cut = _scaled(wired, goal, 0.0)
    unreachable = cut.with_population(p, threshold=np.full(cut.populations[p].size, np.inf))
    stimuli = _session(wired, goal, solver, wired.ports[goal.port].names)
    peaks = _run(unreachable, goal, solver, stimuli)[1]
    wired, factor = with_threshold(wired, peaks, goal.without)
    cut = _scaled(wired, goal, 0.0)
    labels = {"threshold factor": factor, "coding level without inhibition": _level(cut, goal, solver, stimuli)}
    scale = 1.0
    if solver.tunes_inhibition:
        scale = _inhibition(wired, goal, solver)
        wired = _scaled(wired, goal, scale)
    labels |= {"inhibition scale": scale, "coding level with inhibition": _level(wired, goal, solver, stimuli),
               "mean threshold": float(wired.populations[p].threshold.mean()) - _rest(wired, p)}
    return Calibrated(replace(wired, labels=labels), peaks)


def with_threshold(wired: Wired, peaks: np.ndarray, level: float) -> tuple[Wired, float]:
    """The threshold at which the fraction `level` of (stimulus, cell) pairs answers; also the common factor on every
    cell's distance from rest to threshold (its mean over cells if each cell is set for itself)."""
    goal = _goal(wired)
    p = wired.find(goal.population, "calibration")
    population = wired.populations[p]
    rest = _rest(wired, p)
    distance = population.threshold - rest
    factors = (peaks - rest) / distance
    factor = np.quantile(factors, 1 - level, axis=0 if goal.homeostatic else None)
    if not np.all(factor > 0):
        raise DescriptionError(f"calibration of {goal.population!r}: a coding level of {level:.0%} needs a threshold "
                               "below rest; strengthen its input or lower the level")
    return wired.with_population(p, threshold=rest + factor * distance), float(np.mean(factor))


def _rest(wired: Wired, p: int) -> float:
    return float(wired.populations[p].neuron.rest)  # type: ignore[union-attr]


def renormalise(wired: Wired, peaks: np.ndarray, level: float) -> Wired:
    """`with_threshold` for an animal whose inhibition is blocked; anything else would not reach `level`."""
    goal = _goal(wired)
    through = [q for q in wired.between(goal.inhibition, goal.population, "manipulation Renormalise")
               if np.any(wired.projections[q].weight != 0)]
    if through:
        raise DescriptionError(f"manipulation Renormalise: {goal.inhibition}->{goal.population} is still active; put "
                               f"Scale({goal.inhibition!r}, {goal.population!r}, 0) before it")
    return with_threshold(wired, peaks, level)[0]


def _goal(wired: Wired) -> CodingLevels:
    if wired.calibration is None:
        raise DescriptionError(f"circuit {wired.name!r} has no calibration; give it CodingLevels(…)")
    return wired.calibration


def _scaled(wired: Wired, goal: CodingLevels, factor: float) -> Wired:
    for q in wired.between(goal.inhibition, goal.population, "calibration"):
        wired = wired.with_projection(q, weight=wired.projections[q].weight * factor)
    return wired


def _session(wired: Wired, goal: CodingLevels, solver: Solver, names: tuple[str, ...]) -> Session:
    """Each stimulus once, each in a trial of its own."""
    duration = Parameter(float(goal.stimulus) + float(SETTLE), "second")
    trials = tuple(Trial("calibrate", duration, (Stimulus(goal.port, name, goal.stimulus, SETTLE),)) for name in names)
    protocol = Protocol("calibration", "calibration", goal.source, (Block("stimuli", trials),),
                        (Record(goal.population),))
    peaks = (wired.find(goal.population, "calibration"),)
    return replace(schedule(protocol, wired, solver.dt), peaks=peaks)


def _run(wired: Wired, goal: CodingLevels, solver: Solver, stimuli: Session) -> tuple[np.ndarray, np.ndarray]:
    """Responses and peaks of the coding population, each (n_stimuli, n_cells)."""
    outcome = solver.run(wired, stimuli)
    return outcome.responses[goal.population], outcome.peaks[goal.population]


def _level(wired: Wired, goal: CodingLevels, solver: Solver, stimuli: Session) -> float:
    return float((_run(wired, goal, solver, stimuli)[0] > 0).mean())


def _inhibition(wired: Wired, goal: CodingLevels, solver: Solver) -> float:
    """The factor on the inhibition at which every n-th stimulus has the wanted mean coding level."""
    stimuli = _session(wired, goal, solver, wired.ports[goal.port].names[::EVERY_NTH])

    def excess(scale: float) -> float:
        return _level(_scaled(wired, goal, scale), goal, solver, stimuli) - goal.with_inhibition

    low, high = 0.0, 1.0
    while excess(high) > 0:
        low, high = high, 4 * high
        if high > 4.0**10:
            raise DescriptionError(f"calibration: no strength of {goal.inhibition}->{goal.population} brings the "
                                   f"coding level down to {goal.with_inhibition:.0%}; is its sign negative?")
    for _ in range(MOST_STEPS):
        middle = (low + high) / 2
        miss = excess(middle)
        if abs(miss) < TOLERANCE:
            return middle
        low, high = (middle, high) if miss > 0 else (low, middle)
    return (low + high) / 2
