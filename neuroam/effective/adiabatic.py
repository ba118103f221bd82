"""Effective level of a circuit with hidden neurons: the hidden populations have no time constant.

A hidden population emits f(Σ w·r) of this very moment; the others go on in time. With hidden neurons that hear visible
ones through S and answer through P, that is

    h = S g(v)        similarity            τ_v dv/dt = −v + P f(h) + I
    f(h)              separation

the model that Krotov & Hopfield 2021 obtain for τ_h → 0. One explicit step of length τ_v is the synchronous update
v ← P f(S g(v)) + I. Circuits with asynchronous updates have no time at this level (`neuroam.effective.one_by_one`);
with synchronous ones time goes in steps (`neuroam.effective.synchronous`).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError, Unsupported
from neuroam.session import Session
from neuroam.solvers.base import FEATURES, Outcome, check, settle_clock
from neuroam.solvers.batched import run_batched, separable
from neuroam.wiring import Wired


@dataclass(frozen=True)
class Adiabatic:
    """A solver for which the `hidden` populations (by default those the circuit calls so) are instantaneous."""

    dt: Any = 1e-4
    method: str = "exponential_euler"
    dtype: str = "float64"
    hidden: tuple[str, ...] = ()
    name: ClassVar[str] = "Adiabatic"
    carries: ClassVar[frozenset[str]] = frozenset(FEATURES) - {
        "LIF cells", "Poisson inputs", "escape-rate cells", "delayed spikes", "plasticity",
        "graded terms in plasticity", "carried-over state", "conductances"}
    tunes_inhibition: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, self.method))
        if self.dtype not in ("float64", "float32"):
            raise DescriptionError(f"Adiabatic: dtype is {self.dtype!r}; use 'float64' or 'float32'")

    def prepare(self, wired: Wired, session: Session) -> None:
        """Nothing to compile that is worth sharing; what can be refused is."""
        check(self, wired, session)

    def refuse(self, wired: Wired, session: Session) -> None:
        """Raises `Unsupported` for what no simulation is needed to know: trials that depend on each other, hidden
        populations in a loop, traces where there is no time."""
        if not separable(wired, session):
            raise Unsupported("Adiabatic runs trials side by side; set reset=True in every trial of circuit "
                              f"{wired.name!r}")
        listening_order(wired, self.hidden or wired.hidden)
        if wired.updates.startswith("synchronous") and self.dtype != "float64":
            raise Unsupported(f"circuit {wired.name!r} is updated in steps at the effective level, in double precision "
                              f"alone; leave dtype={self.dtype!r} out, or run it at the rate level")
        if wired.updates == "asynchronous" and session.every:
            raise Unsupported(f"circuit {wired.name!r} is updated neuron by neuron at the effective level, which has "
                              "no time; record without `every`, or run it at the rate level")

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session, all trials side by side; see `Outcome`."""
        check(self, wired, session)
        if wired.updates == "asynchronous":
            from neuroam.effective.one_by_one import run_one_by_one

            return run_one_by_one(wired, session, self.hidden or wired.hidden, self.dtype)
        order = listening_order(wired, self.hidden or wired.hidden)
        if wired.updates.startswith("synchronous"):
            from neuroam.effective.synchronous import run_synchronous

            return run_synchronous(wired, session, order)
        return run_batched(wired, session, self.dt, self.method, np.dtype(self.dtype), order)


def listening_order(wired: Wired, hidden: tuple[str, ...]) -> tuple[int, ...]:
    """Positions of the hidden populations, each after those of them that it hears.

    Raises `Unsupported` where they form a loop, whose instantaneous state would be the solution of an equation.
    """
    if not hidden:
        raise Unsupported(f"circuit {wired.name!r} names no hidden population, so there is nothing to integrate out; "
                          "give the circuit hidden=(…), or name the populations")
    left = {wired.find(name, "integrating out") for name in hidden}
    hears = {p: {q.pre for q in wired.projections if q.post == p and q.pre in left} for p in left}
    order: list[int] = []
    while left:
        ready = sorted(p for p in left if not hears[p] & left)
        if not ready:
            loop = ", ".join(sorted(wired.populations[p].name for p in left))
            raise Unsupported(f"{loop} of circuit {wired.name!r} excite or inhibit each other in a loop, so none of "
                              "them can be integrated out before the others; absorb the loop into one transfer "
                              "function first, or leave one of them its time constant")
        order += ready
        left -= set(ready)
    return tuple(order)
