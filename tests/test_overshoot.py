"""States that jump to and fro are told from those at rest and on the move, as the model of the memory tells them."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam.analysis.overshoot import LAST, overshoot
from neuroam.circuits.correlated import correlated
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.correlated_stability import jumps
from neuroam.errors import DescriptionError
from neuroam.experiment import simulate
from neuroam.protocols.recall_range import COARSE, WIDE, WIDEST, recall_range
from neuroam.units import ms
from tests.little_memory import spiking

RNG = np.random.default_rng(0)
PLACE, WAY = RNG.standard_normal((2, 8))
COURSES = {"rest": lambda t: PLACE, "moving": lambda t: PLACE + t * WAY, "settling": lambda t: PLACE + .8**t * WAY,
           "to and fro": lambda t: PLACE + .3 * (-1)**t * WAY, "settling to and fro": lambda t: PLACE + (-.9)**t * WAY}


def traced(courses, every=1, samples=40):
    """A recording of one trial for each course, with a sample of eight cells every so many ticks."""
    made = spiking([[]], [f"trial {k}" for k in range(len(courses))], 1, lead=0, on=1, trial=samples * every)
    values = np.concatenate([[COURSES[name](t) for t in range(samples)] for name in courses])
    made = made.drop_dims(["time", "trace"]).assign_coords(
        time=np.arange(len(values)) * every * 1e-3, trace=np.arange(8), trace_population=("trace", ["visible"] * 8))
    made["trace_value"] = (("animal", "time", "trace"), values[None].astype(np.float32))
    return made


@pytest.mark.parametrize("name, found", [("rest", 0), ("moving", 0), ("settling", 0), ("to and fro", 1),
                                         ("settling to and fro", 1)])
def test_courses_by_hand(name, found):
    assert overshoot(traced([name])).item() == found


def test_it_is_what_the_model_looks_for():
    names = list(COURSES)
    tails = np.array([[COURSES[name](t) for name in names] for t in range(40 - LAST, 40)])
    assert overshoot(traced(names)).item() == np.mean(jumps(tails) > 0)


def test_what_cannot_be_told():
    assert np.isnan(overshoot(traced(["rest"], every=2)).item())
    with pytest.raises(DescriptionError, match="0 cells of 'memory'"):
        overshoot(traced(["rest"]), "memory")


def test_published_steps_are_too_long_and_the_others_are_not():
    """.1 where .022 is the longest stable one; and the same setting resolved in time, as the control."""
    protocol = recall_range(delay=300 * ms)
    groups = tuple(g for g in protocol.groups if g.name in (COARSE, WIDE, WIDEST))
    made = simulate(correlated(), replace(protocol, groups=groups), Adiabatic(2e-3), 1, 1, level="effective")
    assert isinstance(made, xr.Dataset)
    assert overshoot(made, group=COARSE, block="after a hundred time steps").item() > .5
    assert overshoot(made, group=WIDE, block="final states").item() == 0
    assert overshoot(made, group=WIDEST, block="final states").item() < .05
