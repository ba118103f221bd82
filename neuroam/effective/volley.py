"""Effective level of a chain of bursting neurons, reduced to its timing: no clock, no noise, one event a burst.

    V_j(t) = m_j + Σ_i w_ij Σ_n ε(t − T_i − b_n − d_ij)      ε(t) = (e^(−t/τ) − e^(−t/τ_s)) / (τ − τ_s)
    T_j    = when V_j first reaches its threshold

This is the spike response (Gerstner & Kistler 2002, Spiking Neuron Models, ch. 4) of LIF neurons, in which the
conduction time d_ij of every synapse makes times what they are (polychronous groups: Izhikevich 2006, Neural Comput
18:245; HVC: Egger et al. 2020, Cell 183:537). A uniform chain of n links takes n (d + t*), t* the root of W Σ_n ε(t* −
b_n) = θ − m. Everything follows from the wired circuit; what is left out or averaged is

    hidden cells   the burst b_n that they make of a neuron's first spike (`neuroam.effective.volley_burst`) is one for
                   all neurons of a population, and nothing else is left of them. It is found together with the times:
                   the drive c(t) after a first spike is the mean over those that hear their own population, and bursts
                   and times are reckoned in turn until the bursts stay. That is a fixed point of the map of volleys of
                   Diesmann, Gewaltig & Aertsen 1999, Nature 402:529; of several, that which the bursts of the neurons
                   that begin the chain lead to
    noise          Poisson cells act by their mean m; refused where their fluctuations alone come near the threshold
    clock          events are at any time; in a recording spikes are at the nearest tick

LIF cells without hidden ones, such as motor neurons that follow, spike one by one and are solved without approximation.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.signal import lfilter

from neuroam.effective._kernels_volley import Cells, at_rest, follow
from neuroam.effective.volley_burst import STEP, Burst, watched
from neuroam.effective.volley_network import Network, burst_of, network_of
from neuroam.errors import Unsupported
from neuroam.neurons import LIF
from neuroam.session import Presentation, Session
from neuroam.solvers.base import Outcome, check, settle_clock, spike_responses
from neuroam.wiring import Wired

SETTLED = 1e-5  # seconds by which no spike of a burst moves any more
MOST = 30  # times that bursts and times are reckoned in turn


@dataclass(frozen=True)
class Volleys:
    """A solver for chains of LIF neurons with hidden cells of their own, as `Circuit.hidden` names them; `dt` is the
    clock on which spikes are recorded."""

    dt: Any = 1e-4
    name: ClassVar[str] = "Volleys"
    carries: ClassVar[frozenset[str]] = frozenset({
        "LIF cells", "rate cells", "Poisson inputs", "driven inputs", "delayed spikes", "traces"})
    tunes_inhibition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, "exponential_euler"))

    def prepare(self, wired: Wired, session: Session) -> None:
        """Nothing to compile that is worth sharing."""

    def refuse(self, wired: Wired, session: Session) -> None:
        """Raises `Unsupported` for what is no chain of bursts."""
        network_of(wired, session)

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session; see `Outcome`. Trials with the same inputs are the same."""
        check(self, wired, session)
        network = network_of(wired, session)
        sampled = _Sampled(network, session)
        known: dict[tuple, Events] = {}
        trials = []
        for row in session.presentations:
            change_at, drive = network.drive(session, row)
            key = change_at.tobytes(), drive.tobytes(), row.stop - row.start, sampled.lead(row)
            if key not in known:
                known[key] = settled(network, change_at, drive, (row.stop - row.start) * session.dt, sampled.grid(row))
            trials.append((row, known[key]))
        return _outcome(network, session, trials, sampled)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where potentials are sampled: `column` (n_cells,) of each cell, −1 of others; `lead` seconds from the start of
    the trial, then every `every` seconds, `number` times."""

    column: np.ndarray
    lead: float
    every: float
    number: int


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes of all cells by `time` in seconds and `cell`, the beginnings of bursts by `begun` and `by`, the `samples`
    of V above rest (n_samples, n_columns), and the `bursts` of the populations."""

    time: np.ndarray
    cell: np.ndarray
    begun: np.ndarray
    by: np.ndarray
    samples: np.ndarray
    bursts: tuple[Burst, ...]


def settled(network: Network, change_at: np.ndarray, drive: np.ndarray, duration: float, grid: Grid) -> Events:
    """The events of a trial of `duration` seconds, with bursts that follow from what is heard in it."""
    bursts = network.alone
    for turn in range(MOST):
        events = _followed(network, bursts, change_at, drive, duration, grid)
        following = tuple(_again(network, events, k, change_at, drive, starters=turn == 0) for k in range(len(bursts)))
        if turn and all(_alike(one, other) for one, other in zip(bursts, following, strict=True)):
            return events
        bursts = following
    raise Unsupported(f"circuit {network.wired.name!r} has bursts that do not settle: its chain breaks off, or works "
                      "next to where it does; strengthen its synapses, or use the spiking level")


def _followed(network: Network, bursts: tuple[Burst, ...], change_at: np.ndarray, drive: np.ndarray, duration: float,
              grid: Grid) -> Events:
    source = network.source
    per_cell = {name: np.array([getattr(parts[0], name) for parts in network.parts])[source]
                for name in ("tau", "reset")}
    at = np.concatenate([[0], np.cumsum([len(each.spikes) for each in bursts])])
    cells = Cells(per_cell["tau"], network.threshold, per_cell["reset"], np.array([b.silent for b in bursts])[source],
                  source, network.kernels, at, np.concatenate([b.spikes for b in bursts]), network.first,
                  network.target, network.jump, network.delay)
    samples = np.zeros((grid.number, int(grid.column.max(initial=-1)) + 1))
    state = at_rest(network.size, len(bursts))
    time, cell, begun, by = follow(cells, state, change_at, drive, duration, grid.column, grid.lead, grid.every,
                                   samples)
    return Events(time, cell, begun, by, samples, bursts)


def _again(network: Network, events: Events, k: int, change_at: np.ndarray, drive: np.ndarray, *,
           starters: bool) -> Burst:
    """The burst of a population that follows from what its neurons heard: those that begin the chain, or the others."""
    if len(network.parts[k]) == 1:
        return network.alone[k]
    first = np.full(network.size, np.inf)
    np.minimum.at(first, events.by, events.begun)
    first[network.source != k] = np.inf
    if np.isfinite(first[network.starters == starters]).any():
        first[network.starters != starters] = np.inf
    those = np.flatnonzero(np.isfinite(first))
    if not len(those):
        return network.alone[k]
    course = heard_after(network, events, k, first)
    course += _driven_after(change_at, drive[:, those], first[those], len(course))
    return burst_of(network.wired, network.populations[k], network.parts[k], course / len(those))


def heard_after(network: Network, events: Events, k: int, first: np.ndarray) -> np.ndarray:
    """Σ over the cells of population k of what they hear from bursts, in steps of STEP from their `first` spikes on
    (n_cells, seconds, infinite of those without), volts."""
    steps = int(watched(network.parts[k]) / STEP)
    number = np.diff(network.first)[events.cell]
    spike = np.repeat(np.arange(len(events.cell)), number)
    synapse = np.arange(len(spike)) - np.repeat(np.cumsum(number) - number, number) + network.first[events.cell[spike]]
    target = network.target[synapse]
    here = (network.source[target] == k) & np.isfinite(first[target])
    spike, synapse, target = spike[here], synapse[here], target[here]
    after = events.time[spike] + network.delay[synapse] - first[target]
    total = np.zeros(steps)
    for source, tau in enumerate(network.kernels):
        own = network.source[events.cell[spike]] == source
        total += _decaying(after[own], network.jump[synapse[own]], tau, steps)
    return total


def _driven_after(change_at: np.ndarray, drive: np.ndarray, first: np.ndarray, steps: int) -> np.ndarray:
    """Σ over cells of what drives them, in steps of STEP from their first spikes on."""
    now = np.searchsorted(change_at, first, side="right") - 1
    course = np.zeros(steps)
    course[0] = drive[now, np.arange(len(first))].sum()
    for later in range(1, len(change_at)):
        step = np.rint((change_at[later] - first) / STEP).astype(int)
        coming = (now < later) & (step < steps)
        np.add.at(course, step[coming], (drive[later] - drive[later - 1])[coming])
    return np.cumsum(course)


def _decaying(after: np.ndarray, jump: np.ndarray, tau: float, steps: int) -> np.ndarray:
    """Σ jump · exp(−(t − after)/τ) in the middle of each step."""
    before, arrived = after <= 0, np.zeros(steps)
    step = (after / STEP).astype(int)
    later = ~before & (step < steps)
    np.add.at(arrived, step[later], jump[later])
    arrived[0] += (jump[before] * np.exp(after[before] / tau)).sum()
    return lfilter([np.exp(-STEP / tau / 2)], [1, -np.exp(-STEP / tau)], arrived)


def _alike(one: Burst, other: Burst) -> bool:
    return len(one.spikes) == len(other.spikes) and bool(np.abs(one.spikes - other.spikes).max() < SETTLED)


class _Sampled:
    """The cells whose potentials are recorded, by population and in one row, and the samples of each trial."""

    def __init__(self, network: Network, session: Session) -> None:
        self.session = session
        self.column = np.full(network.size, -1)
        self.columns: dict[int, np.ndarray] = {}
        width = 0
        for p, cells in session.record if session.every else ():
            here = np.arange(network.size)[network.place(p)]
            chosen = here if cells is None else here[list(cells)]
            if len(chosen):
                self.column[chosen] = self.columns[p] = width + np.arange(len(chosen))
                width += len(chosen)

    def samples(self, row: Presentation) -> slice:
        """Those of a trial, among all."""
        every = self.session.every or 1
        return slice(-(-row.start // every), -(-row.stop // every))

    def lead(self, row: Presentation) -> int:
        """Ticks from the start of a trial to its first sample."""
        return self.samples(row).start * (self.session.every or 1) - row.start

    def grid(self, row: Presentation) -> Grid:
        dt, here = self.session.dt, self.samples(row)
        number = here.stop - here.start if self.session.every else 0
        return Grid(self.column, self.lead(row) * dt, (self.session.every or 1) * dt, number)


def _outcome(network: Network, session: Session, trials: list[tuple[Presentation, Events]],
             sampled: _Sampled) -> Outcome:
    wired = network.wired
    outcome = Outcome(weights={q.name: q.weight.copy() for q in wired.projections})
    for p, _ in session.record:
        population, here = wired.populations[p], network.place(p)
        parts = [_spikes(events, row, here, session.dt) for row, events in trials]
        spikes = np.concatenate([tick for tick, _ in parts]), np.concatenate([cell for _, cell in parts])
        outcome.spikes[population.name] = spikes
        outcome.responses[population.name] = spike_responses(spikes, population.size, session)
    for p, columns in sampled.columns.items():
        neuron = wired.populations[p].neuron
        assert isinstance(neuron, LIF)
        samples = np.zeros((-(-session.stop // session.every), len(columns)))
        for row, events in trials:
            samples[sampled.samples(row)] = float(neuron.rest) + events.samples[:, columns]
        outcome.traces[wired.populations[p].name] = samples
    return outcome


def _spikes(events: Events, row: Presentation, here: slice, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Tick and cell of a population's spikes in one trial, by tick."""
    own = (events.cell >= here.start) & (events.cell < here.stop)
    tick, cell = row.start + np.rint(events.time[own] / dt).astype(np.int64), events.cell[own] - here.start
    order = np.lexsort((cell, tick))
    inside = tick[order] < row.stop
    return tick[order][inside], cell[order][inside].astype(np.int32)
