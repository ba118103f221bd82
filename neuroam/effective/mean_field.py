"""Mean field of spiking cells: a spike train is nothing but its rate, and each cell answers the mean and the variance
of what it hears.

A synapse of weight w whose presynaptic cell fires at r adds w r to the mean and w² r/(2 τ_s) to the variance of the
conductance, or current, of its target, as trains are taken to be Poisson and independent. With conductances g in leaks,

    τ' = τ/(1 + Σ g),   μ = (rest + I + Σ g E)/(1 + Σ g),   σ² = Σ s² [(E − μ)/(1 + Σ g)]² τ_s/(τ_s + τ')

are time constant, mean and variance of the potential without its threshold (effective time constant: Richardson &
Gerstner 2005, Neural Comput 17:923; a current has 1 in place of the bracket and leaves the sums alone), and the cell
fires at the rate of `siegert` (Brunel 2000, J Comput Neurosci 8:183). Mean and variance follow their synapses, with τ_s
and τ_s/2; the membrane is taken to be instantaneous. Every cell keeps the inputs and weights it was wired with.

Plasticity follows its mean over trains that do not know of each other, for synapses from cells at x to cells at y

    dw/dt = D [x (b_pre + a_pre y) + y (b_post + a_post x)] h(w)

which for the rule of Vogels et al. 2011 (Science 334:1569) is dw/dt ∝ x (y − ρ₀). Once rates have come to rest, weights
are carried on in longer steps, with rates that come to rest after each.

Left out: that spikes come together. Cells that share inputs fire in bouts, a spike of a synapse changes the next one of
its target, and trains are more or less regular than Poisson. `siegert` takes fluctuations to be white, if of the right
variance; those of synapses are smooth, so that where they alone make a cell fire, threshold is crossed too often. A
spike must be small against the distance from reset to threshold; circuits in which one is not are refused.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from neuroam.effective import _kernels_mean_field as kernels
from neuroam.effective.siegert import siegert
from neuroam.errors import Unsupported
from neuroam.neurons import LIF
from neuroam.plasticity import ThreeFactor
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome, check, settle_clock
from neuroam.wiring import Wired, WiredProjection

PART = 0.2  # of the shortest time constant: a step while rates change
AT_REST, LEARNING = 1e-4, 1e-3  # of rates, and of what arrives at synapses: smaller changes are none
CHANGE = 0.02  # of the rates: what a longer step of the weights should bring about
LONGEST = 1.0  # seconds
FAINT = 1e-9  # hertz, or what they open or push: less is silence


@dataclass(frozen=True)
class MeanField:
    """A solver for circuits of leaky integrate-and-fire cells that gives their rates. `dt` is the clock of the session;
    within it, steps are as long as time constants allow."""

    dt: Any = 1e-4
    name: ClassVar[str] = "MeanField"
    carries: ClassVar[frozenset[str]] = frozenset({
        "LIF cells", "Poisson inputs", "driven inputs", "conductances", "plasticity", "carried-over state"})
    tunes_inhibition: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, "exponential_euler"))

    def prepare(self, wired: Wired, session: Session) -> None:
        """Nothing to compile that is worth sharing; what can be refused is."""
        check(self, wired, session)
        _Network(wired)

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session, trial by trial; rates, no spikes and no traces."""
        check(self, wired, session)
        network = _Network(wired)
        responses = {p: np.zeros((session.n_trials, wired.populations[p].size)) for p, _ in session.record}
        for row in session.presentations:
            if row.fresh:
                network.forget()
            if row.reset:
                network.rest()
            for start, stop in _parts(session, row):
                total = network.run(session, start, (stop - start) * session.dt)
                if row.first <= start < row.last:
                    for p, table in responses.items():
                        table[row.trial] += total[p] / ((row.last - row.first) * session.dt)
        return Outcome(responses={wired.populations[p].name: table for p, table in responses.items()},
                       weights={q.name: network.weights(k) for k, q in enumerate(wired.projections)})


def _parts(session: Session, row: Presentation) -> Iterator[tuple[int, int]]:
    """From tick to tick of a trial: the times within which nothing changes at any port, in or out of the window."""
    begin = np.union1d(session.changes(row), [tick for tick in (row.first, row.last) if row.start < tick < row.stop])
    yield from itertools.pairwise([*begin.astype(int).tolist(), row.stop])


@dataclass(eq=False)
class _Channel:
    """What a population hears through synapses of one kind. `mean` and `square` (n_post,): Σ w r and Σ w² r, as they
    have come through the synapses."""

    synapse: float
    reversal: float | None
    projections: list[int]
    mean: np.ndarray
    square: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.square = self.mean.copy()

    def follow(self, mean: np.ndarray, square: np.ndarray, seconds: float, membrane: float) -> float:
        """Approach what arrives; how far it was away."""
        tau, away = self.synapse or membrane, _apart(mean, self.mean)
        self.mean += -np.expm1(-seconds / tau) * (mean - self.mean)
        self.square += -np.expm1(-2 * seconds / tau) * (square - self.square)
        return away


class _Network:
    """Rates of all cells, the channels they hear, and the weights."""

    def __init__(self, wired: Wired) -> None:
        self.wired = wired
        self.cells = [p for p, population in enumerate(wired.populations) if not population.is_input]
        self.synapses = [wired.pairs(q) for q in wired.projections]
        self.rates = [np.zeros(population.size) for population in wired.populations]
        self.channels = {p: self._channels(p) for p in self.cells}
        self.forget()
        for q in wired.projections:
            _refuse_large(q, wired)
        self.step = PART * min(self._time_constants())
        self.leap = self.step

    def _channels(self, p: int) -> list[_Channel]:
        found: dict[tuple[float, float | None], _Channel] = {}
        for k, q in enumerate(self.wired.projections):
            spikes = self.wired.populations[q.pre].neuron.spiking
            if q.post == p and spikes:
                kind = float(self.wired.populations[q.pre].neuron.synapse), q.reversal  # type: ignore[union-attr]
                empty = np.zeros(self.wired.populations[p].size)
                found.setdefault(kind, _Channel(*kind, [], empty)).projections.append(k)
        return list(found.values())

    def _time_constants(self) -> list[float]:
        own = [float(self._neuron(p).tau) for p in self.cells]
        return own + [c.synapse for p in self.cells for c in self.channels[p] if c.synapse]

    def _neuron(self, p: int) -> LIF:
        neuron = self.wired.populations[p].neuron
        assert isinstance(neuron, LIF)
        return neuron

    def forget(self) -> None:
        """Weights as wired."""
        self.listed = [np.array(np.broadcast_to(q.weight.reshape(-1), len(pre)), dtype=float)
                       for q, (pre, _) in zip(self.wired.projections, self.synapses, strict=True)]

    def weights(self, k: int) -> np.ndarray:
        """Of a projection, in the layout of the wiring."""
        wired = self.wired.projections[k].weight
        return self.listed[k].reshape(wired.shape) if wired.ndim else wired.copy()

    def rest(self) -> None:
        """No cell has fired."""
        for p in self.cells:
            self.rates[p][:] = 0.0
            for channel in self.channels[p]:
                channel.mean[:] = channel.square[:] = 0.0

    def run(self, session: Session, tick: int, seconds: float) -> list[np.ndarray]:
        """A time in which nothing changes at any port; the integral of the rates over it."""
        for p, drive in session.inputs.items():
            self.rates[p] = self.wired.populations[p].gain * drive.at(tick)
        total = [np.zeros_like(r) for r in self.rates]
        settled, left = None, seconds
        learns = any(self._learns(k) for k in range(len(self.synapses)))
        near = LEARNING if learns else AT_REST
        while left > 1e-9:
            step = min(self.step, left)
            away = self.advance(step)
            left -= step
            _add(total, self.rates, step)
            if left > 0 and away < near:
                leap = self._next_leap(settled, left) if learns else left
                self.learn(leap)
                settled = self._fired()
                left -= leap
                _add(total, self.rates, leap)
        return total

    def _fired(self) -> np.ndarray:
        return np.concatenate([self.rates[p] for p in self.cells])

    def _next_leap(self, settled: np.ndarray | None, left: float) -> float:
        """As long as rates changed by little after the one before."""
        if settled is None:
            self.leap = self.step
        else:
            self.leap *= np.clip(CHANGE / max(_apart(self._fired(), settled), 1e-12), 0.5, 2.0)
        self.leap = float(np.clip(self.leap, self.step, LONGEST))
        return min(self.leap, left)

    def advance(self, seconds: float) -> float:
        """Synapses follow the rates, rates the synapses, weights both. How far synapses were from where they go, or
        by how much rates changed."""
        sent = [self._delivered(k) for k in range(len(self.synapses))]
        rates, away = list(self.rates), 0.0
        for p in self.cells:
            for channel in self.channels[p]:
                mean, square = np.sum([sent[k] for k in channel.projections], axis=0)
                away = max(away, channel.follow(mean, square, seconds, float(self._neuron(p).tau)))
            direct = sum((sent[k][0] for k, q in enumerate(self.wired.projections)
                          if q.post == p and not self.wired.populations[q.pre].neuron.spiking), np.zeros(len(rates[p])))
            rates[p] = self.answer(p, direct)
            away = max(away, _apart(rates[p], self.rates[p]))
        self.learn(seconds)
        self.rates = rates
        return away

    def _delivered(self, k: int) -> np.ndarray:
        q, (pre, post) = self.wired.projections[k], self.synapses[k]
        sums = np.zeros((2, self.wired.populations[q.post].size))
        kernels.deliver(self.listed[k], pre, post, self.rates[q.pre], sums[0], sums[1])
        return sums

    def answer(self, p: int, direct: np.ndarray) -> np.ndarray:
        """Rates of a population (n,) that hears its channels and a steady drive in volts (n,)."""
        neuron, channels = self._neuron(p), self.channels[p]
        opened = 1 + sum(c.mean for c in channels if c.reversal is not None)
        pushed = sum(c.mean * (c.reversal if c.reversal is not None else 1.0) for c in channels)
        mean = (float(neuron.rest) + direct + pushed) / opened
        tau = float(neuron.tau) / opened
        variance = np.zeros_like(mean)
        for c in channels:
            height = (c.reversal - mean if c.reversal is not None else 1.0) / opened
            # Σ w² r/(2 τ_s) · τ_s/(τ_s + τ')
            variance += c.square * height**2 / (2 * (c.synapse + tau))
        return siegert(mean, np.sqrt(variance), tau, self.wired.populations[p].threshold, float(neuron.reset),
                       float(neuron.refractory))

    def _learns(self, k: int) -> bool:
        rule, gate = self.wired.projections[k].plasticity, self.wired.projections[k].gate
        return rule is not None and bool(_coefficients(rule).any()) and (gate < 0 or bool(self.rates[gate].any()))

    def learn(self, seconds: float) -> None:
        """Weights after so long at these rates."""
        for k, q in enumerate(self.wired.projections):
            if q.plasticity is None or not self._learns(k):
                continue
            opened = np.broadcast_to(1.0 if q.gate < 0 else self.rates[q.gate], self.wired.populations[q.post].size)
            kernels.learn(self.listed[k], *self.synapses[k], self.rates[q.pre], self.rates[q.post], opened * seconds,
                          _coefficients(q.plasticity), _bounds(q.plasticity), q.plasticity.multiplicative)


def _coefficients(rule: ThreeFactor) -> np.ndarray:
    return np.array([float(c) for c in (rule.on_pre, rule.on_pre_post, rule.on_post, rule.on_post_pre)])


def _bounds(rule: ThreeFactor) -> np.ndarray:
    return np.array([float(rule.low), float(rule.high)])


def _refuse_large(q: WiredProjection, wired: Wired) -> None:
    """One spike that would carry a cell from reset to threshold, or as far the other way, is no small fluctuation."""
    pre, post = wired.populations[q.pre], wired.populations[q.post].neuron
    if not pre.neuron.spiking or not isinstance(post, LIF) or not q.weight.size:
        return
    way = float(post.threshold) - float(post.reset)
    push = 1.0 if q.reversal is None else max(abs(q.reversal - float(v)) for v in (post.threshold, post.reset))
    jump = float(np.abs(q.weight).max()) * push / float(post.tau)
    if jump > way:
        raise Unsupported(f"MeanField takes one spike to be a small part of what a cell hears, but one of {q.name} "
                          f"moves {wired.populations[q.post].name!r} by up to {1e3 * jump:.3g} mV, and from reset to "
                          f"threshold it is {1e3 * way:.3g} mV; use Numba()")


def _add(total: list[np.ndarray], rates: list[np.ndarray], seconds: float) -> None:
    for sums, own in zip(total, rates, strict=True):
        sums += seconds * own


def _apart(values: np.ndarray, others: np.ndarray) -> float:
    """Distance over length, all cells together."""
    return float(np.linalg.norm(values - others)) / max(float(np.linalg.norm(values)), FAINT)
