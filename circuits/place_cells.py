"""Place cells of CA3 on a track: running writes the order of places into their synapses, rest reads it out, faster.

    EC ──► CA3 ⇄ CA3          each cell is driven at its place; recurrent synapses learn by spike timing in running
           ⇄ AHP, I           every cell's own afterhyperpolarisation; interneurons that answer to much activity
    sharp wave ──► CA3        starts an event at a place while the animal rests

    dw/dt = D · [A y_pre at postsynaptic spikes − 1.5 A y_post at presynaptic ones],      0 ≤ w ≤ w_max

Cells whose places follow one another fire in that order at running speed, and the synapse from the earlier to the later
one grows (Blum & Abbott 1996, Neural Comput 8:85); in rest, activity that starts anywhere runs on through these
synapses at the speed of membranes and axons. While the animal runs (`state`) all drive to CA3 is divided, as
acetylcholine weakens recurrent synapses (Hasselmo 1999, Trends Cogn Sci 3:351), and only then D = 1 and synapses learn.

The width of the place fields was chosen so that events are 10 to 25 times as fast as running: synapses between wider
fields reach further ahead and make events faster. Two more rules tell what order needs: "symmetric", whatever fires
together, and "none".

At the effective level what is learned is its mean over spike trains, the same for all pairs of cells as far apart, and
interneurons have no time constant. There is no rate level worth running: rate curves hold for constant drive, and where
cells fire once they emit less than their spikes do.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import ThreeFactor
from neuroam.recipe import recipe
from neuroam.transfer import Rectified
from neuroam.units import Hz, Parameter, assumed, ms, mV, si

RULES = ("asymmetric", "symmetric", "none")
PEAK = 400.0  # hertz, of the input to a cell in the middle of its field
REACH = 0.08  # metres to either side, of a sharp wave
WAVE = 40e-3  # volts
WEAKENED = 10.0  # divides all drive while running, by 1 more than this
DEPRESSION = 1.5  # of the potentiation


def place_rates(presented: Mapping[str, float], places: np.ndarray, width: float) -> Parameter:
    """Rates of the input for an animal at one place; none where the animal is nowhere on the track."""
    return Parameter(PEAK * np.exp(-(_away(presented, places) ** 2) / (2 * width**2)), "hertz")


def sharp_wave(presented: Mapping[str, float], places: np.ndarray) -> Parameter:
    """Drive of the cells whose places are near the one named."""
    return Parameter(WAVE * (np.abs(_away(presented, places)) <= REACH), "volt")


def _away(presented: Mapping[str, float], places: np.ndarray) -> np.ndarray:
    """Metres from the place named to each cell's; infinite if none is."""
    here = presented.get("m", np.inf)
    if places[-1] + REACH < here < np.inf:
        raise DescriptionError(f"place cells: {here:g} m is beyond the last cell's place, {places[-1]:g} m; use more "
                               "cells, as circuit.cells=…, or a shorter track")
    return places - here


def background_rates(presented: Mapping[str, float], cells: int, rate: float) -> Parameter:
    """Rates of the background, which is always there."""
    return Parameter(np.full(cells, rate), "hertz")


def running(presented: Mapping[str, float]) -> np.ndarray:
    """1 while the animal runs."""
    return np.array([sum(presented.values())])


@recipe
def place_cells(cells: int = 150, density: float = 50.0, width: float = 0.03, rule: str = "asymmetric",
                highest: Any = 0.12 * mV / Hz, trace: Any = 20 * ms, noise: Any = 20 * Hz) -> Circuit:
    """`cells` whose places lie `density` to the metre, from 0 on, with fields of standard deviation `width` (metres).

    `rule` of the recurrent synapses: "asymmetric", as above; "symmetric", potentiation in either order; "none".
    `highest` is w_max and `trace` the time constant of y; `noise` the rate of each cell's background.
    """
    if rule not in RULES:
        raise DescriptionError(f"place_cells: rule is {rule!r}; use one of {RULES}")
    for name, value in (("density", density), ("width", width)):
        if not value > 0:
            raise DescriptionError(f"place_cells: {name} is {value}; it must be more than 0")
    places, rate = np.arange(cells) / density, float(si(noise, "hertz", "place_cells: noise"))
    return Circuit(
        name="place cells",
        source="after Blum & Abbott 1996, Neural Comput 8:85",
        populations=_populations(cells),
        projections=(*_afferent(), *_recurrent(rule, highest, trace)),
        ports={"place": Port("EC", ("m",), functools.partial(place_rates, places=places, width=width)),
               "sharp wave": Port("wave", ("m",), functools.partial(sharp_wave, places=places)),
               "state": Port("state", ("running",), running),
               "background": Port("background", (), functools.partial(background_rates, cells=cells, rate=rate))},
        hidden=("I",),
        updates="expected learning",
        notes={"rule of the recurrent synapses": rule},
    )


def _populations(cells: int) -> tuple[Population, ...]:
    cell = LIF(tau=assumed(20 * ms, "of the order of hippocampal membranes"), rest=assumed(-65 * mV, "typical"),
               threshold=assumed(-50 * mV, "typical"), refractory=assumed(2 * ms, "typical"),
               synapse=assumed(5 * ms, "of the order of AMPA currents"))
    eager = Rectified(threshold=assumed(1000 * Hz, "about 10 cells in a wave of activity"), unit_in="hertz",
                      unit_out="hertz")
    return (
        Population("EC", cells, Poisson(synapse=assumed(5 * ms, "as CA3")), "the animal's place"),
        Population("background", cells, Poisson(synapse=assumed(5 * ms, "as CA3")), "every cell has its own"),
        Population("wave", cells, Drive("volt"), "what starts a sharp wave"),
        Population("state", 1, Drive(), "acetylcholine, while the animal runs"),
        Population("CA3", cells, cell, "place cells"),
        Population("AHP", cells, graded(assumed(50 * ms, "a cell fires a few spikes, then others do")),
                   "the afterhyperpolarisation of each cell"),
        Population("I", 1, Rate(assumed(2 * ms, "fast spiking"), eager), "interneurons"),
    )


def _afferent() -> tuple[Projection, ...]:
    return (
        Projection("EC", "CA3", one_to_one(), assumed(0.12 * (1 + WEAKENED) * mV / Hz, "drives a cell in its field")),
        Projection("background", "CA3", one_to_one(), assumed(0.02 * mV / Hz, "potentials of about 1 mV")),
        Projection("wave", "CA3", one_to_one(), assumed(1.0, "the drive at the port")),
        Projection("state", "CA3", all_to_all(), assumed(WEAKENED, "recurrent activity does not take over"),
                   acts="divisive"),
    )


def _recurrent(rule: str, highest: Any, trace: Any) -> tuple[Projection, ...]:
    step = 0.005 * mV / Hz / Hz
    back = assumed(step, "as in the other order") if rule == "symmetric" else assumed(
        -DEPRESSION * step, "outweighs potentiation, so that spikes without order weaken")
    timed = ThreeFactor(on_post_pre=assumed(step, "a few laps teach a track"), on_pre_post=back, gate="state",
                        trace_pre=assumed(trace, "tens of ms"), trace_post=assumed(trace, "tens of ms"),
                        low=assumed(0 * mV / Hz, "excitatory"), name="spike timing",
                        high=assumed(highest, "lower ones carry no event, higher ones fire all"))
    return (
        Projection("CA3", "CA3", all_to_all(), assumed(0 * mV / Hz, "no order before the first lap"),
                   delay=assumed(2 * ms, "typical"), plasticity=None if rule == "none" else timed),
        Projection("CA3", "AHP", one_to_one(), assumed(1 * mV / Hz, "ends the firing of a cell after a few spikes")),
        Projection("AHP", "CA3", one_to_one(), assumed(-1.0, "a current of the same cell")),
        Projection("CA3", "I", all_to_all(), assumed(1.0, "hears all")),
        Projection("I", "CA3", all_to_all(), assumed(-0.03 * mV / Hz, "keeps activity to a wave")),
    )
