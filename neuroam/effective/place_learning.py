"""What place cells learn in laps, on average: rates and weights as functions of the time from place to place alone.

As the animal passes place after place, every cell does what the one before did, D earlier. With r(t) the rate of a cell
a time t after its place was passed, a synapse from the cell k places back changes, on average over spike trains that do
not know of each other, by

    dw_k/dt = D_gate [ a₊ r(t) y(t + kD) + a₋ r(t + kD − δ) y(t) ],     y = r low-passed by the trace,    low ≤ w ≤ high

(Kempter, Gerstner & van Hemmen 1999, Phys Rev E 59:4498; without the bounds its integral is the correlation of the two
rates seen through the window of spike timing). Rates in turn follow the mean and the fluctuations of what cells hear,

    μ(t) = [ I(t) + own afterhyperpolarisation + interneurons + Σ_k w_k(t) r(t + kD − δ) ] / divisor
    r = siegert( μ, √(power/2τ) ),     θ and reset raised by |ζ(½)| √(τ_s/2τ) √(power/τ)

where `siegert` takes fluctuations to be white, and the last is the effect of synapses that are not instantaneous
(Fourcaud & Brunel 2002, Neural Comput 14:2057), exact to first order in √(τ_s/τ). Both are solved together, lap by lap,
by iteration.

Left out: that one train knows of the other; that the membrane takes time to answer; that single changes are large. The
last matters where pre- and postsynaptic cells fire at once and changes of either sign meet the bounds: the mean of a
bounded weight is then not the bounded mean. Cells at the ends of the track learn like all others.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import zeta

from neuroam.effective.place_circuit import Loop, PlaceCircuit
from neuroam.effective.place_passage import Passage, lowpass
from neuroam.effective.siegert import siegert
from neuroam.errors import Unsupported
from neuroam.neurons import LIF

ROUNDS = 30
SETTLED = 0.05  # hertz
COLOUR = abs(float(zeta(0.5)))


@dataclass(frozen=True, eq=False)
class Learned:
    """After a lap: `rate` (T,) of a cell as its place is passed, in hertz, and `weights` (2K + 1,) of the synapses it
    gets from the cells `back` places behind, −K to K, in volts per hertz."""

    passage: Passage
    rate: np.ndarray
    back: np.ndarray
    weights: np.ndarray

    def matrix(self, wired: np.ndarray) -> np.ndarray:
        """Weights (post, pre): as learned between cells on the track, else as `wired` (n, n)."""
        behind = np.subtract.outer(np.arange(len(wired)), np.arange(len(wired)))
        learned = np.interp(behind, self.back, self.weights)
        reached = np.abs(behind) <= self.back[-1]
        return np.where(np.outer(self.passage.passed, self.passage.passed) & reached, learned, wired)


def noisy_rate(mean: np.ndarray, power: np.ndarray, cell: LIF, threshold: float, synapse: float) -> np.ndarray:
    """Rate in hertz at a `mean` drive in volts above rest and fluctuations of `power`, Σ w² r, in V² s, that come
    through synapses of time constant `synapse`; arrays of one shape."""
    tau = float(cell.tau)
    spread = np.sqrt(power / tau)
    raised = COLOUR * math.sqrt(synapse / (2 * tau)) * spread
    reset = float(cell.reset) - float(cell.rest)
    return siegert(mean - raised, spread / math.sqrt(2), tau, threshold, reset, float(cell.refractory))


def expected_change(rate: np.ndarray, apart: np.ndarray, step: float, places: PlaceCircuit) -> np.ndarray:
    """The unbounded change of a synapse in one lap, whose cells have the same `rate` (T,) in hertz, each `apart`
    seconds after the presynaptic cell; shape as `apart`. In the weight's unit, for an open gate."""
    drift = _Rule(places, step).drift(rate, rate, np.atleast_1d(apart))
    return drift.sum(axis=1).reshape(np.shape(apart))


def after_lap(before: Learned | None, passage: Passage, places: PlaceCircuit, gate: float) -> Learned:
    """Rates in one more lap, and the weights after it. Raises `Unsupported` where rates do not settle."""
    step = float(passage.times[1] - passage.times[0])
    rule, back = _Rule(places, step), _reach(passage)
    start = before.weights if before is not None else np.full(len(back), places.weights.flat[0])
    course = np.repeat(start[:, None], len(passage.times), axis=1)
    rate = before.rate if before is not None else np.zeros(len(passage.times))
    for _ in range(ROUNDS):
        following = _rates(rate, course, back, passage, places)
        course = rule.bounded(start, gate * rule.drift(following, following, back * passage.apart))
        moved, rate = np.abs(following - rate).max(), following
        if moved < SETTLED:
            return Learned(passage, rate, back, course[:, -1])
    cells = places.wired.populations[places.position].name
    raise Unsupported(f"circuit {places.wired.name!r}: the rates of {cells} in a lap do not settle within {ROUNDS} "
                      "rounds, as what cells tell each other takes over; make recurrent synapses weaker while the "
                      "animal runs, or use --levels spiking")


class _Rule:
    """Spike timing on average, on a grid of `step` seconds."""

    def __init__(self, places: PlaceCircuit, step: float) -> None:
        rule, recurrent = places.rule, places.recurrent
        assert rule is not None and recurrent is not None
        self.step, self.delay = step, recurrent.delay
        self.at_post, self.at_pre = float(rule.on_post_pre), float(rule.on_pre_post)
        self.trace_pre, self.trace_post = float(rule.trace_pre), float(rule.trace_post)
        self.low, self.high = float(rule.low), float(rule.high)

    def drift(self, pre: np.ndarray, post: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """Change of a weight in each step (n_apart, T) of the postsynaptic cell's time."""
        y_pre = earlier(trace(pre, self.step, self.trace_pre), apart, self.step)
        arrives = earlier(pre, apart - self.delay, self.step)
        return self.step * (self.at_post * post * y_pre
                            + self.at_pre * arrives * trace(post, self.step, self.trace_post))

    def bounded(self, start: np.ndarray, drift: np.ndarray) -> np.ndarray:
        """Weights along the lap, (n_apart, T)."""
        weights, now = np.empty(drift.shape), start
        for t in range(drift.shape[1]):
            now = np.minimum(np.maximum(now + drift[:, t], self.low), self.high)
            weights[:, t] = now
        return weights


def trace(rate: np.ndarray, step: float, tau: float) -> np.ndarray:
    """`rate` low-passed; what was before the first entry is 0."""
    return lowpass(np.concatenate([[0.0], rate]), step, tau)[1:] if tau else rate


def earlier(rate: np.ndarray, apart: np.ndarray, step: float) -> np.ndarray:
    """What a cell does that is so many seconds ahead (n_apart, T); 0 outside the grid."""
    grid = step * np.arange(len(rate))
    return np.array([np.interp(grid + d, grid, rate, 0.0, 0.0) for d in np.atleast_1d(apart)])


def _reach(passage: Passage) -> np.ndarray:
    farthest = math.ceil((passage.times[-1] - passage.times[0]) / 2 / abs(passage.apart))
    return np.arange(-farthest, farthest + 1)


def _rates(rate: np.ndarray, course: np.ndarray, back: np.ndarray, passage: Passage,
           places: PlaceCircuit) -> np.ndarray:
    """What cells fire at when all have fired at `rate` and weights have gone their `course`."""
    step = float(passage.times[1] - passage.times[0])
    sent = trace(rate, step, float(places.cell.synapse))
    heard = passage.drive.copy()
    if places.recurrent is not None:
        heard += (course * earlier(sent, back * passage.apart - places.recurrent.delay, step)).sum(0) / passage.divisor
    together = earlier(sent, back * passage.apart, step).sum(axis=0)
    for loop in places.own:
        heard += _answer(loop, trace(loop.hears * sent, step, loop.tau)) / passage.divisor
    for loop in places.pools:
        heard += _answer(loop, loop.hears * together) / passage.divisor
    return noisy_rate(heard, passage.power, places.cell, places.threshold, float(places.cell.synapse))


def _answer(loop: Loop, drive: np.ndarray) -> np.ndarray:
    return loop.answers * loop.emission(drive)
