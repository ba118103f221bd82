"""A wired circuit as what hears and sends volleys: LIF cells in one row, their synapses, hidden cells and drive.

Refuses in words every circuit whose events `neuroam.effective.volley` could not follow: inhibition (a potential then
has more than one summit), synapses that act in no time, graded cells that are not hidden, hidden cells that are not a
neuron's own, and noise that brings neurons to threshold by itself.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neuroam.effective.volley_burst import Burst, Part, burst, parts_of
from neuroam.effective.volley_synapses import Synapses, synapses
from neuroam.errors import Unsupported
from neuroam.neurons import LIF, Poisson
from neuroam.session import Presentation, Session
from neuroam.wiring import Wired, WiredProjection

SIGNIFICANT = 5  # standard deviations of the noise that must leave a potential below threshold


@dataclass(frozen=True, eq=False)
class Network:
    """Cells of the `populations` (their positions), one after the other from `start` on; `parts` and `alone`, of each
    population its neuron with its hidden cells and the burst of those by themselves. Synapses are sorted by their
    presynaptic cell, those of cell i being first[i]: first[i + 1]."""

    wired: Wired
    populations: tuple[int, ...]
    start: np.ndarray
    parts: tuple[tuple[Part, ...], ...]
    alone: tuple[Burst, ...]
    first: np.ndarray
    target: np.ndarray
    jump: np.ndarray
    delay: np.ndarray

    @property
    def size(self) -> int:
        return int(self.start[-1])

    @cached_property
    def source(self) -> np.ndarray:
        """Of each cell, the place of its population."""
        return np.repeat(np.arange(len(self.populations)), np.diff(self.start))

    @cached_property
    def threshold(self) -> np.ndarray:
        """Of each cell, volts above rest."""
        populations = [self.wired.populations[p] for p in self.populations]
        return np.concatenate([p.threshold - float(p.neuron.rest) for p in populations])  # type: ignore[union-attr]

    @cached_property
    def kernels(self) -> np.ndarray:
        """τ_s of each population, seconds."""
        return np.array([parts[0].synapse or 1.0 for parts in self.parts])

    @cached_property
    def starters(self) -> np.ndarray:
        """Of each cell, whether it hears no burst of its own population."""
        pre = np.repeat(np.arange(self.size), np.diff(self.first))
        own = self.source[pre] == self.source[self.target]
        return np.bincount(self.target[own], minlength=self.size) == 0

    def place(self, p: int) -> slice:
        """Where the cells of a population of the circuit are."""
        k = self.populations.index(p)
        return slice(int(self.start[k]), int(self.start[k + 1]))

    def drive(self, session: Session, row: Presentation) -> tuple[np.ndarray, np.ndarray]:
        """When, in seconds from the start of a trial, what the inputs say changes, and the drive of each cell from then
        on in volts, (n_changes, n_cells); Poisson cells say their rate."""
        ticks = session.changes(row)
        heard = np.zeros((len(ticks), self.size))
        for q in self.wired.projections:
            if q.pre in session.inputs and q.post in self.populations:
                for k, tick in enumerate(ticks):
                    heard[k, self.place(q.post)] += _deliver(self.wired, q, session.inputs[q.pre].at(int(tick)))
        return (ticks - row.start) * session.dt, heard


def network_of(wired: Wired, session: Session) -> Network:
    """Raises `Unsupported` for what is no chain of bursts, and for records of what is not modelled here."""
    chosen = tuple(p for p, population in enumerate(wired.populations)
                   if not population.is_input and population.name not in wired.hidden)
    owned = _owned(wired, chosen)
    _refuse_records(wired, session, chosen)
    start = np.concatenate([[0], np.cumsum([wired.populations[p].size for p in chosen])])
    parts = tuple(parts_of(wired, p, owned[p]) for p in chosen)
    alone = tuple(burst_of(wired, p, own) for p, own in zip(chosen, parts, strict=True))
    network = Network(wired, chosen, start, parts, alone, *_synapses(wired, chosen, start))
    _refuse_noise(network, session)
    return network


def _owned(wired: Wired, chosen: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """The hidden populations of each of the others."""
    for p in chosen:
        if not isinstance(wired.populations[p].neuron, LIF):
            raise Unsupported(f"{wired.populations[p].name} of circuit {wired.name!r} is graded and not hidden, so it "
                              "has no bursts to follow; make it LIF cells, or use the spiking level")
    owned: dict[int, tuple[int, ...]] = dict.fromkeys(chosen, ())
    for name in wired.hidden:
        h = wired.find(name, "integrating out")
        others = {row.pre for row in wired.projections if row.post == h}
        others |= {row.post for row in wired.projections if row.pre == h}
        if len(others) != 1 or not others <= set(chosen):
            raise Unsupported(f"the hidden {name} of circuit {wired.name!r} is joined to more than one population of "
                              "spiking cells, so it is no part of a burst; leave it out of hidden, or use the spiking "
                              "level")
        owned[others.pop()] += (h,)
    return owned


def _refuse_records(wired: Wired, session: Session, chosen: tuple[int, ...]) -> None:
    for p, _ in session.record:
        if p not in chosen:
            known = ", ".join(wired.populations[k].name for k in chosen)
            raise Unsupported(f"record {wired.populations[p].name!r}: the effective level of circuit {wired.name!r} "
                              f"follows {known} alone; record those, or use the spiking level")


def burst_of(wired: Wired, p: int, parts: tuple[Part, ...], course: np.ndarray | None = None) -> Burst:
    """`neuroam.effective.volley_burst.burst` of a population, whose errors name it."""
    try:
        return burst(parts, course)
    except Unsupported as error:
        raise Unsupported(f"{wired.populations[p].name} of circuit {wired.name!r} {error}; change its hidden cells, "
                          "cut them off, or use the spiking level") from None


def _synapses(wired: Wired, chosen: tuple[int, ...], start: np.ndarray) -> tuple[np.ndarray, ...]:
    """`first`, `target`, `jump` (what a spike adds to the drive, volts) and `delay` of a `Network`."""
    pre, post, jump, delay = ([np.zeros(0, kind)] for kind in (int, int, float, float))
    for q in wired.projections:
        if q.post not in chosen or wired.populations[q.pre].name in wired.hidden:
            continue
        found = synapses(wired, q)
        _refuse_synapses(wired, q, found)
        if q.pre in chosen:
            neuron = wired.populations[q.pre].neuron
            assert isinstance(neuron, LIF)
            pre.append(found.pre + start[chosen.index(q.pre)])
            post.append(found.post + start[chosen.index(q.post)])
            jump.append(found.weight / float(neuron.synapse))
            delay.append(np.full(len(found.weight), q.delay))
    cell = np.concatenate(pre)
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(start[-1] + 1))
    return first, *(np.concatenate(parts)[order] for parts in (post, jump, delay))


def _refuse_synapses(wired: Wired, q: WiredProjection, found: Synapses) -> None:
    neuron = wired.populations[q.pre].neuron
    if len(found.weight) and found.weight.min() < 0:
        raise Unsupported(f"{q.name} of circuit {wired.name!r} inhibits, and the effective level follows excitation "
                          "alone; make its weights positive or 0, or use the spiking level")
    if isinstance(neuron, LIF) and not float(neuron.synapse) > 0 and len(found.weight):
        raise Unsupported(f"synapses of {wired.populations[q.pre].name} of circuit {wired.name!r} act in no time; give "
                          "its cells a synapse time constant, or use the spiking level")


def _deliver(wired: Wired, q: WiredProjection, said: np.ndarray) -> np.ndarray:
    """Σ w r of a projection from inputs, (n_post,)."""
    found = synapses(wired, q)
    emitted = said * wired.populations[q.pre].gain
    return np.bincount(found.post, found.weight * emitted[found.pre], wired.populations[q.post].size)


def _refuse_noise(network: Network, session: Session) -> None:
    """A Poisson train of rate r through a potential of area w has mean w r and variance w² r / 2 (τ + τ_s) (Campbell's
    theorem)."""
    wired = network.wired
    mean, variance = np.zeros((2, network.size))
    for q in wired.projections:
        neuron = wired.populations[q.pre].neuron
        if not isinstance(neuron, Poisson) or q.post not in network.populations:
            continue
        rates = session.inputs[q.pre].values.max(axis=0) * wired.populations[q.pre].gain
        found, here = synapses(wired, q), network.place(q.post)
        tau = network.parts[network.populations.index(q.post)][0].tau + float(neuron.synapse)
        size = wired.populations[q.post].size
        mean[here] += np.bincount(found.post, found.weight * rates[found.pre], size)
        variance[here] += np.bincount(found.post, found.weight**2 * rates[found.pre], size) / (2 * tau)
    reached = mean + SIGNIFICANT * np.sqrt(variance)
    for p, parts in zip(network.populations, network.parts, strict=True):
        highest = reached[network.place(p)].max()
        if highest > parts[0].threshold:
            raise Unsupported(f"noise alone brings {wired.populations[p].name} of circuit {wired.name!r} to threshold: "
                              f"mean and {SIGNIFICANT} standard deviations make {1e3 * highest:.3g} mV of "
                              f"{1e3 * parts[0].threshold:.3g}; lower its rate or weight, or use the spiking level")
