"""Time kept by a bump of activity that moves along a ring, at a speed that one tonic input sets.

    line      τ dx_i/dt = −x_i + Σ_j W(i − j) r_j + γ Σ_j W′(i − j) s_j + background + cue,      r = [x]₊
    shift     s = r / (1 + u + hold)       a copy of the line, divided by two tonic inputs
    cells     read the line, each at a random place

W is a Gaussian less a constant, W′ its slope, so the shifted synapses push the bump on. While s = c r the bump travels
without a change of shape, at the speed c γ/τ (Zhang 1996, J Neurosci 16:2112): the time it takes to any place is
proportional to 1 + u. One scalar input thus scales the whole sequence, as inputs from outside do in medial frontal
cortex (Wang, Narain, Hosseini & Jazayeri 2018, Nat Neurosci 21:102). `hold` keeps the bump where it was started until
the animal may go. That the input divides, and that the animal has learned which one goes with which interval, is
assumed. These are the equations of the effective level, where the line alone has a time constant.

Two other codes tell what scaling is not:

    delays      in place of the ring a chain of pools joined by axons of a fixed delay (`interval_chain`): the same
                input divides the same synapses
    retiming    beyond `border` the cells read the line by a second, independent map: each fires at another, unrelated
                time (time cells of the hippocampus: MacDonald, Lepage, Eden & Eichenbaum 2011, Neuron 71:737)
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.circuits.interval_chain import chain, igniting
from neuroam.connect import all_to_all, in_degree, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.recipe import recipe
from neuroam.transfer import Rectified, Sign
from neuroam.units import Hz, Parameter, assumed, ms, parameter, second

CODES = ("scaling", "delays", "retiming")
WANG = "Wang et al. 2018, Nat Neurosci 21:102"
ZHANG = "Zhang 1996, J Neurosci 16:2112"
WAY = 0.75  # of the ring, from the start to the end of an interval
WIDTH, EXCITATION, INHIBITION = 5.0, 1.5, 4.0
HOLD, CLOSED = 100.0, 5.0


def kernels(places: int) -> tuple[np.ndarray, np.ndarray]:
    """W and W′ of a ring, each (places, places); W′ is minus the slope of W over i − j, one place being 1."""
    apart = (np.subtract.outer(np.arange(places), np.arange(places)) + places / 2) % places - places / 2
    bell = EXCITATION * np.exp(-(apart**2) / (2 * WIDTH**2)) / (WIDTH * np.sqrt(2 * np.pi))
    return bell - INHIBITION / places, bell * apart / WIDTH**2


def starting(presented: Mapping[str, float], places: int) -> np.ndarray:
    """Drive of the line that starts a bump at its first place."""
    apart = np.minimum(np.arange(places), places - np.arange(places))
    return 0.1 * sum(presented.values()) * np.exp(-(apart**2) / (2 * WIDTH**2))


def holding(presented: Mapping[str, float]) -> np.ndarray:
    """Held until the animal may go."""
    return np.array([HOLD if not presented else 0.0])


def timed(presented: Mapping[str, float], shortest: float, border: float) -> np.ndarray:
    """u for an interval, T = shortest · (1 + u), and which of the two maps is closed. Nothing presented: no input."""
    interval = sum(presented.values()) or shortest
    if interval < shortest:
        raise DescriptionError(f"an interval of {interval:g} s is shorter than the {shortest:g} s that the bump takes "
                               "without input; give a longer one, or circuit.shortest=… a smaller value")
    late = interval > border
    return np.array([interval / shortest - 1, CLOSED * late, CLOSED * (not late)])


@recipe
def interval(code: str = "scaling", places: int = 120, cells: int = 60, shortest: Any = 600 * ms,
             border: Any = 1 * second, tau: Any = 20 * ms, tau_shift: Any = 1 * ms, delay: Any = 7.5 * ms,
             coupling: float = 20.0, pool: int = 100, ceiling: Any = 100 * Hz) -> Circuit:
    """A ring of `places` that `cells` read. `shortest`: the interval without tonic input. `border`: beyond which
    interval the second map of the retiming code is read. `delay` of each axon of the chain of the code "delays", and
    the `coupling` of its pools, in thresholds. `pool` and `ceiling`: see `visible_hidden`."""
    if code not in CODES:
        raise DescriptionError(f"interval: code is {code!r}; use one of {CODES}")
    if places < 8 * WIDTH:
        raise DescriptionError(f"interval: {places} places cannot hold a bump; use at least {8 * WIDTH:g}")
    if not coupling > 1:
        raise DescriptionError(f"interval: a coupling of {coupling:g} thresholds carries no chain; give more than 1")
    fastest, limit, membrane, late = (
        float(parameter(value, "second", f"interval: {name}", above=0))
        for name, value in (("shortest", shortest), ("border", border), ("tau", tau), ("delay", delay)))
    maps = ("map 1", "map 2") if code == "retiming" else ("map 1",)
    chained = code == "delays"
    copy = Rate(assumed(tau_shift, "fast against the line, as the equations have no time for it"), Rectified())
    cell = Rate(assumed(10 * ms, "of the order of cortical membranes"), Rectified())
    return Circuit(
        name="interval",
        source=f"after {ZHANG} and {WANG}",
        populations=(
            Population("cue", places, Drive(), "starts the bump at the first place"),
            Population("background", 1, Drive(), "keeps the line active"),
            Population("hold", 1, Drive(), "keeps the bump in place before the animal may go"),
            Population("tempo", 3, Drive(), "the tonic input u; what closes the first and the second map"),
            _line(code, places, tau),
            *(Population(name, places, copy, "a copy of the line") for name in ("shift", *maps)),
            Population("cells", cells, cell, "what is recorded"),
        ),
        projections=(*(chain(places, Parameter(late, "second"), coupling) if chained else
                       _ring(places, places * WAY * membrane / fastest)), *_reading(maps, places, chained)),
        ports={"start": Port("cue", ("start",), functools.partial(igniting if chained else starting, places=places)),
               "go": Port("hold", ("go",), holding),
               "interval": Port("tempo", ("s",), functools.partial(timed, shortest=fastest, border=limit)),
               "background": Port("background", (), always)},
        hidden=("shift", *maps, "cells"),
        pool=Pool(pool, assumed(ceiling, "of the order of peak cortical rates")),
        notes={"code": code},
    )


def always(presented: Mapping[str, float]) -> np.ndarray:
    """The background is always there."""
    return np.ones(1)


def _line(code: str, places: int, tau: Any) -> Population:
    membrane = assumed(tau, "of the order of cortical membranes")
    if code == "delays":
        return Population("line", places, Rate(membrane, Sign(threshold=1.0)), "a chain of pools, each on or off")
    return Population("line", places, Rate(membrane, Rectified()), "a ring")


def _ring(places: int, push: float) -> tuple[Projection, ...]:
    within, onward = kernels(places)
    brake = np.zeros((places, 3))
    brake[:, 0] = 1.0
    return (
        Projection("cue", "line", one_to_one(), assumed(1.0, "the drive at the port")),
        Projection("background", "line", all_to_all(), assumed(0.04, "sets the height of the bump")),
        Projection("line", "line", all_to_all(), assumed(within, "local excitation, global inhibition: one bump")),
        Projection("line", "shift", one_to_one(), assumed(1.0, "a copy")),
        Projection("hold", "shift", all_to_all(), assumed(1.0, "sets no scale"), acts="divisive"),
        Projection("tempo", "shift", all_to_all(), assumed(brake, "sets no scale"), acts="divisive"),
        Projection("shift", "line", all_to_all(), assumed(push * onward, "the whole way in `shortest` without input")),
    )


def _reading(maps: tuple[str, ...], places: int, chained: bool) -> tuple[Projection, ...]:
    projections = []
    for k, name in enumerate(maps):
        closed = np.zeros((places, 3))
        closed[:, 1 + k] = -1.0 if len(maps) > 1 else 0.0
        projections += [
            Projection("line", name, one_to_one(), assumed(1.0, "a copy")),
            Projection("tempo", name, all_to_all(), assumed(closed, "closes a map")),
            Projection(name, "cells", in_degree(1), assumed(1.0 if chained else 3.0, "rates of up to the ceiling"),
                       source="at random"),
        ]
    return tuple(projections)
