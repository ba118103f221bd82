"""Free recall: a circuit that goes from memory to memory, each time to the one most like the last (Naim et al. 2020).

The walk is that of Naim, Katkov, Romani & Tsodyks 2020 (Phys Rev Lett 124:018101), driven on by inhibition that comes
and goes as in Recanatesi, Katkov, Romani & Tsodyks 2015 (Front Comput Neurosci 9:149).

    τ_v dv/dt = −v + Aᵀ r                                        visible: the features of the item that is recalled
    τ_m dx/dt = −x + A v + J r − K [a − θ]₊ + I                   memory: f = 1 for the largest x, 0 for the others
    τ_m du/dt = −u + f − 2 inhibition(t)        r = [u]₊          recall: speaks when inhibition lets it
    τ_a da/dt = −a + r                                           fatigue of what was recalled

Each item is a sparse pattern over the visible neurons. A memory neuron hears how many of its neurons are active, so
what memories μ and ν have to do with each other is the number of neurons they share, (A Aᵀ)_μν: all synapses join two
neurons. Inhibition comes and goes once a cycle. While it is there nothing is recalled; the features of the last item
fade, and the memory most like them wins, except those that are tired. When inhibition goes, the winner is recalled, and
holds itself (J) while the features become its own. Fatigue outlasts two cycles: θ lies between what is left of it
after two and after three, so that the last two items are excluded and no others.

Synapses of a pattern differ a little in strength, or memories would often share equally many neurons with two others;
there and back they are the same. Winner-takes-all is a pool of interneurons absorbed into one function.
"""
from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Linear, Rectified, Winners
from neuroam.units import Hz, assumed, cited, ms, parameter

NAIM = "Naim et al. 2020, Phys Rev Lett 124:018101"
RECANATESI = "Recanatesi et al. 2015, Front Comput Neurosci 9:149"
HOLD, TIRED = 150.0, 200.0  # neurons shared: more than any two memories do
DRAWS = 1000


def synapses(patterns: np.ndarray, spread: float) -> np.ndarray:
    """A (p, n): the patterns, each synapse up to `spread` stronger, of one sum for every pattern. The patterns are the
    seed, so that synapses there and back are the same."""
    strength = 1 + spread * np.random.default_rng(zlib.crc32(patterns.tobytes())).random(patterns.shape)
    weight = patterns * strength
    return weight * (patterns.sum(axis=1) / weight.sum(axis=1))[:, None]


def synapses_back(patterns: np.ndarray, spread: float) -> np.ndarray:
    """Aᵀ (n, p)."""
    return synapses(patterns, spread).T


def inhibition(presented: Mapping[str, float]) -> np.ndarray:
    return np.array([presented.get("inhibition", 0.0)])


def chance(presented: Mapping[str, float], items: int) -> np.ndarray:
    """Gumbel's distribution: the largest of S + T · noise is drawn with probability ∝ exp(S/T)."""
    drive = np.zeros(items)
    for name, dose in presented.items():
        drive += dose * _draw(int(name.removeprefix("draw ")), items)
    return drive


@functools.lru_cache(maxsize=16 * DRAWS)  # the same for every animal
def _draw(seed: int, items: int) -> np.ndarray:
    return np.random.default_rng(seed).gumbel(size=items)


def fatigue_left(excluded: int, cycle: float, tau: float) -> float:
    """θ: the geometric mean of what is left of the fatigue of the items `excluded` and `excluded` + 1 back when the
    next is chosen, each recalled for half a `cycle`; the later may have been recalled every three cycles before."""
    half, whole = math.exp(-cycle / 2 / tau), math.exp(-cycle / tau)
    left = [(1 - half) * half * whole**k for k in (excluded - 1, excluded)]
    return math.sqrt(left[0] * left[1] / (1 - whole**3))


@recipe
def free_recall(items: int = 16, cells: int = 1000, level: float = 0.05, excluded: int = 2, temperature: float = 0.0,
                spread: float = 0.3, cycle: Any = 80 * ms, tau_visible: Any = 8 * ms, tau_memory: Any = 2 * ms,
                tau_fatigue: Any = 75 * ms, pool: int = 100, ceiling: Any = 100 * Hz) -> Circuit:
    """`items` memories, each of a random fraction `level` of `cells` visible neurons.

    `excluded`: how many of the last items are tired, the one just recalled included; with 1 recall may turn back. With
    a `temperature` T, in neurons shared, the next item is drawn with probability ∝ exp(shared/T). `cycle` is the period
    of inhibition that the circuit expects; `pool` and `ceiling`: see `visible_hidden`.
    """
    _check(items, cells, level, excluded, temperature, spread)
    stored = Patterns(items, cells, "visible", "binary", level, exact=True,
                      names=tuple(f"item {k + 1}" for k in range(items)))
    period, fading = (float(parameter(time, "second", f"free_recall: {name}", above=0)) for name, time in
                      (("cycle", cycle), ("tau_visible", tau_visible)))
    tired = fatigue_left(excluded, period, float(parameter(tau_fatigue, "second", "free_recall: tau_fatigue", above=0)))
    fast = assumed(tau_memory, "fast against the cycle")
    there = Stored(functools.partial(synapses, spread=spread), "ξ_μi, up to "
                   f"{100 * spread:g} % stronger, scaled to one sum", source=NAIM)
    back = Stored(functools.partial(synapses_back, spread=spread), "the same synapses back", source=NAIM)
    one = assumed(1.0, "sets no scale")
    return Circuit(
        name="free recall",
        source=f"{NAIM}; {RECANATESI}",
        populations=(
            Population("cue", items, Drive(), "where recall begins"),
            Population("inhibition", 1, Drive(), "an oscillation, once a cycle"),
            Population("chance", items, Drive(), "noise"),
            Population("visible", cells, Rate(assumed(tau_visible, "a fifth of the inhibited half cycle"), Linear()),
                       "features"),
            Population("memory", items, Rate(fast, Winners(1)), "one neuron an item"),
            Population("recall", items, Rate(fast, Rectified()), "the item recalled"),
            Population("fatigue", items, Rate(assumed(tau_fatigue, "about a cycle"),
                                              Rectified(threshold=assumed(tired, "outlasts the items excluded"))),
                       "adaptation"),
        ),
        projections=(
            Projection("cue", "memory", one_to_one(), assumed(HOLD, "more than any similarity")),
            Projection("chance", "memory", one_to_one(),
                       assumed(temperature * math.exp(-period / 2 / fading), "T, faded as the features are")),
            Projection("visible", "memory", all_to_all(), there),
            Projection("recall", "memory", one_to_one(), assumed(HOLD, "holds the item while it is recalled")),
            Projection("fatigue", "memory", one_to_one(), assumed(-TIRED, "more than any similarity")),
            Projection("memory", "recall", one_to_one(), one),
            Projection("inhibition", "recall", all_to_all(), cited(-2.0, f"silences all, {RECANATESI}; the size ours")),
            Projection("recall", "visible", all_to_all(), back),
            Projection("recall", "fatigue", one_to_one(), one),
        ),
        ports={"cue": Port("cue", stored.names, functools.partial(_one, items=items)),
               "inhibition": Port("inhibition", ("inhibition",), inhibition),
               "chance": Port("chance", tuple(f"draw {k}" for k in range(DRAWS)),
                              functools.partial(chance, items=items))},
        patterns=stored,
        hidden=("memory",),
        pool=Pool(pool, assumed(ceiling, "of the order of peak cortical rates")),
    )


def _one(presented: Mapping[str, float], items: int) -> np.ndarray:
    drive = np.zeros(items)
    for name, dose in presented.items():
        drive[int(name.removeprefix("item ")) - 1] += dose
    return drive


def _check(items: int, cells: int, level: float, excluded: int, temperature: float, spread: float) -> None:
    for name, value, right, wanted in (
            ("items", items, items >= 4, "at least 4"), ("level", level, round(level * cells) >= 2 and level < 1,
             f"a fraction below 1 that leaves each item 2 of {cells} cells or more"),
            ("excluded", excluded, excluded in (1, 2), "1 or 2"),
            ("temperature", temperature, temperature >= 0, "0 or more"), ("spread", spread, spread > 0, "above 0")):
        if not right:
            raise DescriptionError(f"free_recall: {name} is {value}; it must be {wanted}")
