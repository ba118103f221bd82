"""A spiking network whose inhibition learns to balance its excitation, and so hides what excitation has learned.

    τ dv/dt = rest − v + g_E (0 mV − v) + g_I (−80 mV − v)

Excitatory (E) and inhibitory (I) cells are joined at random and fire without input. Synapses I → E follow the
inhibitory spike-timing rule: the inhibition of each cell grows until it fires at the target rate ρ₀, whatever its
excitation (Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569). While "learning" is on, synapses
E → E between cells that both fire fast grow to a multiple of their weight: cells that are shown together become one
assembly,

    dw/dt = c [ s_pre (τ y_post − b) + s_post (τ y_pre − b) ],   w never below its naive value,

which lets a synapse grow where 2 τ r_pre r_post > b (r_pre + r_post). Numbers are those of the script of F. Zenke that
goes with the paper; there 8000 E cells have 160 excitatory and 40 inhibitory inputs each, here fewer cells have as
many.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import InDegree, one_to_one, random_in_degree
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive
from neuroam.plasticity import ThreeFactor, inhibitory
from neuroam.recipe import recipe
from neuroam.units import Cited, Hz, Parameter, assumed, cited, ms, mV

VOGELS = "Vogels et al. 2011, script of F. Zenke"
STIMULI = ("A", "B", "C", "D")
SILENCED = -300e-3  # volt: no excitation makes a cell spike against it
NAIVE = 0.03 * 5 * ms  # 0.3 nS over a leak of 10 nS, for 5 ms
TRACE = 20 * ms


def stimulus(presented: Mapping[str, float], cells: int, size: int) -> np.ndarray:
    """Each stimulus is a current into an assembly of its own."""
    drive = np.zeros(cells)
    for name, dose in presented.items():
        first = STIMULI.index(name) * size
        drive[first: first + size] += dose
    return drive


def blocked(presented: Mapping[str, float], cells: int) -> Parameter:
    """A dose of 0.3 keeps 30 % of the inhibitory cells silent, as if 30 % of all inhibition were lost."""
    silent = np.arange(cells) < round(presented.get("inhibition", 0.0) * cells)
    return Parameter(np.where(silent, SILENCED, 0.0), "volt")


def modulator(presented: Mapping[str, float]) -> np.ndarray:
    """Excitatory synapses learn while it is there."""
    return np.array([presented.get("learning", 0.0)])


def permission(presented: Mapping[str, float]) -> np.ndarray:
    """Inhibitory synapses learn unless they are held."""
    return np.array([1.0 - presented.get("inhibitory plasticity", 0.0)])


@recipe
def balanced(excitatory: int = 800, inputs: int = 160, assembly: float = 0.05, target: Any = 3 * Hz,
             start: float = 0.0, strengthened: float = 4.0, cue: Any = 60 * mV) -> Circuit:
    """`excitatory` cells and a quarter as many inhibitory ones; each hears `inputs` of the former and a quarter as many
    of the latter, on average. Stimuli A to D each drive a fraction `assembly` of the excitatory cells by `cue`.

    `start` is what a spike at a naive inhibitory synapse on E opens, in leaks; `strengthened` the factor by which
    learning multiplies E → E weights at most.
    """
    inhibition, size = excitatory // 4, round(assembly * excitatory)
    _check(excitatory, inputs, assembly, start, strengthened)
    naive = cited(NAIVE, f"0.3 nS, {VOGELS}")
    return Circuit(
        name="balanced",
        source="Vogels et al. 2011, Science 334:1569",
        populations=(
            Population("E", excitatory, _cell(cited(5 * ms, VOGELS)), "excitatory; 8000 in the script"),
            Population("I", inhibition, _cell(cited(10 * ms, VOGELS)), "inhibitory; 2000 in the script"),
            Population("stimulus", excitatory, Drive(), "what is shown"),
            Population("current", inhibition, Drive("volt"), "silences inhibitory cells"),
            Population("modulator", 1, Drive(), "lets excitation learn"),
            Population("permission", 1, Drive(), "lets inhibition learn"),
        ),
        projections=(
            Projection("E", "E", _random(inputs, excitatory), naive, reversal=cited(0 * mV, VOGELS),
                       plasticity=_hebbian(strengthened)),
            Projection("E", "I", _random(inputs, excitatory), naive, reversal=cited(0 * mV, VOGELS)),
            Projection("I", "E", _random(inputs // 4, inhibition), assumed(start * 10 * ms, "naive: learned later"),
                       reversal=cited(-80 * mV, VOGELS), plasticity=_balancing(target)),
            Projection("I", "I", _random(inputs // 4, inhibition), cited(0.3 * 10 * ms, f"3 nS, {VOGELS}"),
                       reversal=cited(-80 * mV, VOGELS)),
            Projection("stimulus", "E", one_to_one(), assumed(cue, "drives cells to more than 100 Hz")),
            Projection("current", "I", one_to_one(), assumed(1.0, "as given")),
        ),
        ports={"stimulus": Port("stimulus", STIMULI, functools.partial(stimulus, cells=excitatory, size=size)),
               "block": Port("current", ("inhibition",), functools.partial(blocked, cells=inhibition)),
               "learning": Port("modulator", ("learning",), modulator),
               "hold": Port("permission", ("inhibitory plasticity",), permission)},
        notes={"resting potential": "−60 mV, and 20 mV by a steady 200 pA through the leak of 10 nS"},
    )


def _cell(synapse: Cited) -> LIF:
    return LIF(tau=cited(20 * ms, f"200 pF over 10 nS, {VOGELS}"), rest=cited(-40 * mV, f"with 200 pA, {VOGELS}"),
               threshold=cited(-50 * mV, VOGELS), reset=cited(-60 * mV, VOGELS), refractory=cited(5 * ms, VOGELS),
               synapse=synapse)


def _random(inputs: int, cells: int) -> InDegree:
    """As many inputs as with one chance for every pair."""
    spread = (inputs * (1 - inputs / cells)) ** 0.5
    return random_in_degree(inputs, spread, 1, cells, replacement=False)


def _balancing(target: Any) -> ThreeFactor:
    return inhibitory(cited(0.001 * 10 * ms, f"η = 0.01 nS, {VOGELS}"), cited(TRACE, VOGELS),
                      assumed(target, "as in the script"), high=cited(10 * 10 * ms, f"100 nS, {VOGELS}"),
                      gate="permission")


def _hebbian(strengthened: float) -> ThreeFactor:
    """c is 4 % of a naive weight and b = 2: two cells that fire at one rate pass it at 100 Hz."""
    why = "fast, and only between cells that are driven"
    alone, pair = assumed(-0.04 * 2 * NAIVE, why), assumed(0.04 * NAIVE * TRACE, why)
    return ThreeFactor(on_pre=alone, on_post=alone, on_pre_post=pair, on_post_pre=pair, trace_pre=cited(TRACE, VOGELS),
                       trace_post=cited(TRACE, VOGELS), gate="modulator", low=cited(NAIVE, VOGELS),
                       high=assumed(strengthened * NAIVE, "recall without a runaway of the whole network"),
                       name="hebbian above a rate")


def _check(excitatory: int, inputs: int, assembly: float, start: float, strengthened: float) -> None:
    if inputs < 4 or inputs >= excitatory or excitatory % 4:
        raise DescriptionError(f"balanced: {inputs} inputs among {excitatory} excitatory cells; give at least 4 "
                               "inputs, more cells than inputs, and cells in fours")
    if not 0 < assembly * len(STIMULI) < 1:
        raise DescriptionError(f"balanced: assembly is {assembly}; {len(STIMULI)} of them must leave cells over: give "
                               f"less than {1 / len(STIMULI):g}")
    if start < 0 or strengthened < 1:
        raise DescriptionError(f"balanced: start is {start}, strengthened {strengthened}; give at least 0 and at "
                               "least 1")
