"""A circuit and a protocol that take milliseconds, for sweeps: with claims that fail, or kill their process, when
asked to."""
from __future__ import annotations

import functools
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import all_to_all, in_degree
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Poisson
from neuroam.prediction import Prediction, above
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import Hz, ms, mV


@recipe
def tiny(cells: int = 6, tau: Any = 10 * ms, kind: str = "plain") -> Circuit:
    """Poisson cells drive `cells` LIF cells, in "plain" circuits without inhibition."""
    if kind not in ("plain", "inhibited"):
        raise DescriptionError(f"kind is {kind!r}; use plain or inhibited")
    cell = LIF(tau=tau, rest=-60 * mV, threshold=-50 * mV, refractory=2 * ms, synapse=5 * ms)
    inhibition = (Projection("out", "out", all_to_all(), -0.01 * mV / Hz),) if kind == "inhibited" else ()
    return Circuit("tiny", (Population("in", 6, Poisson(synapse=5 * ms)), Population("out", cells, cell)),
                   (Projection("in", "out", in_degree(3), 0.1 * mV / Hz), *inhibition), {"odour": "in"})


@recipe
def pulse(rate: float = 300.0, trouble: str = "", lasts: Any = 40 * ms) -> Protocol:
    """One pulse at `rate` to each of six cells, two trials, two groups."""
    trials = tuple(Trial(f"pulse {k}", lasts + 20 * ms, (Stimulus("odour", rate * np.ones(6) * Hz, lasts, 10 * ms),))
                   for k in range(2))
    claims = (Prediction("cells fire", functools.partial(spikes, trouble=trouble), above(3.0), "they do", "none",
                         "ours"),
              Prediction("the first animal fires", first_alone, above(0.0), "it does", "none", "ours"))
    return Protocol("pulse", "A pulse", "none", (Block("pulses", trials),), (Record("out"),),
                    (Group("control"), Group("other")), predictions=claims, circuit="tiny")


def spikes(recording: Any, trouble: str) -> np.ndarray:
    """Spikes of each control animal. `trouble`: "raise"; "die", to kill its process, "once PATH", unless the file
    is there, which it then makes; "until PATH", to raise while there is no such file."""
    word, _, path = trouble.partition(" ")
    if word == "raise" or (word == "until" and not Path(path).exists()):
        raise ValueError("no statistic\ntoday")
    if trouble == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "once" and not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return recording["spike_count"].values[recording["group"].values == "control"].sum(axis=1).astype(float)


def first_alone(recording: Any) -> np.ndarray:
    """A statistic with one value, however many animals."""
    return recording["spike_count"].values[:1].sum(axis=1)
