"""The song circuit of a zebra finch: a chain of bursting neurons in HVC tells RA when to sing what.

    Uva ──► HVC ──► RA          every HVC neuron bursts once a motif, at a time of its own; RA follows
            └─► HVC later       axons of the chain take 1–7.5 ms from neuron to neuron
            ⇄ dendrite          the first spike of a burst calls forth one of the dendrite, which brings the others
            ⇄ AHP               every burst ends itself

HVC is one feed-forward chain (Long, Jin & Fee 2010, Nature 468:394). Neuron i is to burst at T_i, and its axon takes
d_i; it excites those neurons j for which T_i + d_i comes a synaptic integration before T_j, so that what converges on a
neuron arrives together. The potential then rises for some ms, and what follows is all or none (Jin, Ramazanoglu & Seung
2007, J Comput Neurosci 23:283): a burst is as long whatever set it off. With heterogeneous delays d_i the times T_i
fill the motif evenly (Egger et al. 2020, Cell 183:537); with equal ones neurons burst in synchronous groups, one delay
and one integration apart: a synfire chain.

T_i follows the golden section, so that any run of neighbouring cells samples the whole motif. Who is joined to whom,
and every delay, is drawn for each animal.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import InDegree, all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Poisson, graded
from neuroam.recipe import recipe
from neuroam.units import Hz, Parameter, assumed, ms, mV, parameter, si

EGGER = "Egger et al. 2020, Cell 183:537"
LONG = "Long, Jin & Fee 2010, Nature 468:394"
DELAYS = ("heterogeneous", "equal")
AXONS = tuple((np.arange(1.0, 7.51, 0.5) * 1e-3).tolist())  # seconds; 1–7.5 ms a link in Egger et al. 2020
GOLDEN = (5**0.5 - 1) / 2
THALAMIC, EVENTS, CONVERGENCE = 100, 10, 6
KICK = 40e-3  # volts
VOLLEY = 0.5e-3  # seconds from a volley of Uva to a burst


def evenly(cells: int, motif: float) -> np.ndarray:
    """Times T_i in seconds, shape (cells,), that fill the motif evenly and in no order."""
    return motif * ((np.arange(cells) + 0.5) * GOLDEN % 1)


@dataclass(frozen=True)
class Together(InDegree):
    """Each cell draws its inputs among the axons whose spikes arrive together, an `integration` before it is to burst.

    `leave` and `burst` are the times (seconds) of the presynaptic and the postsynaptic cells; `delays` those from which
    each axon draws its own. Cells due before `first` or after `last` draw none.
    """

    leave: tuple[float, ...] = ()
    burst: tuple[float, ...] = ()
    delays: tuple[float, ...] = ()
    integration: float = 0.0
    first: float = 0.0
    last: float = float("inf")

    def __str__(self) -> str:
        extremes = dict.fromkeys(f"{1e3 * delay:g}" for delay in (min(self.delays), max(self.delays)))
        return f"{self.mean:g} axons of {'–'.join(extremes)} ms whose spikes arrive together"

    def axons(self, rng: np.random.Generator) -> np.ndarray:
        """The delay of each presynaptic cell's axon, seconds, shape (n_pre,)."""
        return rng.choice(self.delays, len(self.leave))

    def draw(self, rng: np.random.Generator, n_pre: int, n_post: int) -> tuple[np.ndarray, np.ndarray]:
        arrival, due = np.array(self.leave) + self.axons(rng), np.array(self.burst)
        post = np.flatnonzero((due >= self.first) & (due < self.last))
        apart = np.abs(arrival - (due[post, None] - self.integration))
        apart += 1e-7 * rng.random(apart.shape)  # ties are broken at random
        number = int(self.mean)
        chosen = np.sort(np.argpartition(apart, number, axis=1)[:, :number], axis=1)
        return chosen.ravel(), np.repeat(post, number)


@dataclass(frozen=True)
class Gestures(InDegree):
    """Each cell is driven at `number` random times of the motif, each time by the `mean`/`number` cells that burst
    nearest to it; `leave` are the times (seconds) of the presynaptic cells."""

    leave: tuple[float, ...] = ()
    number: int = 1

    def __str__(self) -> str:
        return f"{self.number} random times of the motif, {self.mean / self.number:g} cells each"

    def draw(self, rng: np.random.Generator, n_pre: int, n_post: int) -> tuple[np.ndarray, np.ndarray]:
        leave, width = np.array(self.leave), int(self.mean) // self.number
        order = np.argsort(leave)
        when = rng.uniform(leave.min(), leave.max(), (n_post, self.number))
        begin = np.clip(np.searchsorted(leave[order], when) - width // 2, 0, n_pre - width)
        chosen = order[begin[..., None] + np.arange(width)]
        return chosen.ravel(), np.repeat(np.arange(n_post), self.number * width)


@dataclass(frozen=True)
class Plan:
    """When who is to burst: `due` (seconds) of each HVC neuron, the delays of HVC's axons and of Uva's, and `first`,
    the time from which on HVC is driven by HVC alone."""

    due: tuple[float, ...]
    axons: tuple[float, ...]
    starters: tuple[float, ...]
    first: float


def plan(neurons: int, motif: float, delays: str, integration: float) -> Plan:
    """Times in seconds. Of synchronous groups, each is due one link after the last."""
    times = evenly(neurons, motif)
    if delays == "equal":
        delay = float(np.mean(AXONS))
        link = delay + integration
        groups = link * (1 + np.floor(times / link))
        return Plan(tuple(groups.tolist()), (delay,), (link - VOLLEY,), 1.5 * link)
    first = AXONS[-1] + AXONS[0] + integration
    return Plan(tuple(times.tolist()), AXONS, tuple(np.arange(AXONS[0], first, 2e-4).tolist()), first)


def kick(presented: Mapping[str, float]) -> Any:
    """Drive of Uva."""
    return Parameter(np.array([KICK * sum(presented.values())]), "volt")


def background_rates(presented: Mapping[str, float], cells: int, rate: float) -> Any:
    """Rates of the background, which is always there."""
    return Parameter(np.full(cells, rate), "hertz")


def premotor(tau: Any, refractory: Any) -> LIF:
    """A projection neuron of HVC or RA."""
    return LIF(tau=tau, rest=assumed(-70 * mV, "typical"),
               threshold=assumed(-55 * mV, "typical"), refractory=refractory,
               synapse=assumed(3 * ms, "of the order of AMPA currents"))


@recipe
def song(neurons: int = 2000, motif: Any = 400 * ms, delays: str = "heterogeneous", inputs: int = 12,
         weight: Any = 0.09 * mV / Hz, plateau: Any = 1.5 * mV / Hz, ahp: Any = 0.2 * mV / Hz,
         integration: Any = 5.8 * ms, noise: Any = 50 * Hz, motor: int = 100) -> Circuit:
    """`neurons` of HVC, at least 5 for each ms of the `motif`, and `motor` neurons of RA.

    `delays` of the axons of HVC: "heterogeneous", 1–7.5 ms, or "equal", their mean. Each neuron has `inputs`, which
    with one spike each evoke a potential of area `weight`; its dendrite's spike evokes one of area `plateau`, and each
    of its own spikes an afterhyperpolarisation of area `ahp`. `integration`: the time planned from the arrival of
    bursts to a burst, which is what the weights make it. `noise`: rate of each neuron's background.
    """
    if delays not in DELAYS:
        raise DescriptionError(f"song: delays is {delays!r}; use one of {DELAYS}")
    length = float(parameter(motif, "second", "song: motif", above=0))
    wait = float(parameter(integration, "second", "song: integration", least=0))
    if not 1 <= inputs < THALAMIC:
        raise DescriptionError(f"song: inputs is {inputs}; each neuron needs at least 1, and fewer than the {THALAMIC} "
                               "neurons of Uva")
    if neurons < 5e3 * length:
        raise DescriptionError(f"song: {neurons} neurons are too few for a motif of {length:g} s; use at least "
                               f"{int(5e3 * length)}, so that enough of them burst at any time")
    rate = float(si(noise, "hertz", "song: noise"))
    planned = plan(neurons, length, delays, wait)
    return Circuit(
        name="song",
        source=f"after {EGGER} and {LONG}",
        populations=_populations(neurons, motor),
        projections=_projections(planned, inputs, weight, plateau, ahp, wait),
        ports={"start": Port("start", ("motif",), kick),
               "background": Port("background", (), functools.partial(background_rates, cells=neurons, rate=rate))},
        hidden=("dendrite", "AHP"),
        updates="event-driven",
        notes={"delays of the axons of HVC": delays},
    )


def _populations(neurons: int, motor: int) -> tuple[Population, ...]:
    thalamic = LIF(tau=assumed(5 * ms, "as HVC"), rest=assumed(-70 * mV, "typical"),
                   threshold=assumed(-55 * mV, "typical"), refractory=assumed(50 * ms, "one spike begins a motif"),
                   synapse=assumed(3 * ms, "as HVC"))
    dendrite = LIF(tau=assumed(1 * ms, "answers at once"), rest=assumed(-70 * mV, "as HVC"),
                   threshold=assumed(-55 * mV, "as HVC"), refractory=assumed(30 * ms, "one spike a burst"),
                   synapse=assumed(5 * ms, "about as long as a burst"))
    return (
        Population("start", 1, Drive("volt"), "what begins a motif"),
        Population("Uva", THALAMIC, thalamic, "nucleus uvaeformis; assumed: one volley begins the chain"),
        Population("background", neurons, Poisson(synapse=assumed(3 * ms, "as HVC")), "every neuron has its own"),
        Population("HVC", neurons, premotor(assumed(10 * ms, "of the order of cortical membranes"),
                                            assumed(1.2 * ms, "bursts of about 4 spikes")),
                   "neurons that project to RA"),
        Population("dendrite", neurons, dendrite, "of each HVC neuron; assumed: one spike of it a burst"),
        Population("AHP", neurons, graded(assumed(10 * ms, "gone well before the next motif")),
                   "the afterhyperpolarisation of each HVC neuron, which ends its burst"),
        Population("RA", motor, premotor(assumed(5 * ms, "short, so that bursts are precise"),
                                         assumed(2 * ms, "typical")), "robust nucleus of the arcopallium"),
    )


def _projections(planned: Plan, inputs: int, weight: Any, plateau: Any, ahp: Any,
                 wait: float) -> tuple[Projection, ...]:
    chain = functools.partial(Together, inputs, burst=planned.due)
    return (
        Projection("start", "Uva", all_to_all(), assumed(1.0, "with the drive at the port, one spike each")),
        Projection("Uva", "HVC", chain(leave=(0.0,) * THALAMIC, delays=planned.starters, integration=VOLLEY,
                                       last=planned.first),
                   assumed(0.9 * mV / Hz / inputs, "one volley reaches threshold at once")),
        Projection("HVC", "HVC", chain(leave=planned.due, delays=planned.axons, integration=wait, first=planned.first),
                   assumed(weight / inputs, "calibrated: the potential rises for 5–10 ms; lower ones carry no chain"),
                   source=f"delays: {EGGER}; rise: {LONG}"),
        Projection("HVC", "dendrite", one_to_one(), assumed(0.3 * mV / Hz, "one spike calls forth one")),
        Projection("dendrite", "HVC", one_to_one(), assumed(plateau, "bursts of about 4 spikes")),
        Projection("background", "HVC", one_to_one(), assumed(0.01 * mV / Hz, "potentials of about 1 mV")),
        Projection("HVC", "AHP", one_to_one(), assumed(ahp, "ends a burst after about 4 spikes")),
        Projection("AHP", "HVC", one_to_one(), assumed(-1.0, "a current of the same neuron")),
        Projection("HVC", "RA", Gestures(EVENTS * CONVERGENCE, leave=planned.due, number=EVENTS),
                   assumed(0.03 * mV / Hz, "six bursts together make one in RA"), delay=assumed(2 * ms, "typical")),
    )
