"""Fixtures that several subjects share, and the guard against a second copy of the library."""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import all_to_all, in_degree
from neuroam.neurons import LIF, Poisson, graded
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial

ROOT = Path(__file__).resolve().parents[1]


def second_copies() -> list[str]:
    """Top-level modules that are this repository's folders, imported under the wrong name."""
    found = []
    for name in ("circuits", "protocols", "analysis"):
        module = sys.modules.get(name)
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(place and Path(place).resolve().is_relative_to(ROOT / name) for place in places):
            found.append(name)
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """`import circuits` works from the repository's root and makes a second copy of every class."""
    if copies := second_copies():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{copies} imported as top-level packages; import neuroam.{copies[0]} instead")


@pytest.fixture
def small_circuit() -> Circuit:
    """Poisson cells drive LIF cells, which a graded cell inhibits."""
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=5*ms)
    return Circuit("small", (Population("in", 6, Poisson(synapse=5*ms)), Population("out", 8, cell),
                             Population("pool", 1, graded(20*ms))),
                   (Projection("in", "out", in_degree(3), .1*mV/Hz),
                    Projection("out", "pool", all_to_all(), .02*mV/Hz),
                    Projection("pool", "out", all_to_all(), -.5)), {"odour": "in"})


@pytest.fixture
def small_protocol() -> Protocol:
    """Two trials of 60 ms in two groups."""
    def trial(name: str, rate: float) -> Trial:
        return Trial(name, 60*ms, (Stimulus("odour", rate * np.linspace(0.5, 1.5, 6) * Hz, 40*ms, 10*ms),))

    return Protocol("small", "small", "none", (Block("first", (trial("weak", 100), trial("strong", 300))),),
                    (Record("out"), Record("pool", every=5*ms)), (Group("control"), Group("other")))
