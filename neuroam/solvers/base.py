"""What every solver is, what it gives back, and the table of what each carries."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import LIF, Drive, Escape, Poisson, Rate
from neuroam.session import Session
from neuroam.units import si
from neuroam.wiring import Wired

METHODS = ("exponential_euler", "euler")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one animal's session gave.

    `spikes` by population: (tick, cell), sorted by tick. `responses` by population: mean emission in the response
    window of each trial, shape (n_trials, n_cells), trials in the protocol's order. `traces` by population: (n_samples,
    n_cells). `weights` by projection: the final values in the layout of the wiring. `peaks` (n_trials, n_cells).
    `energy` (n_samples,) where it could be had.
    """

    spikes: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    responses: dict[str, np.ndarray] = field(default_factory=dict)
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    peaks: dict[str, np.ndarray] = field(default_factory=dict)
    energy: np.ndarray | None = None


class Solver(Protocol):
    """Runs a wired circuit through a session. `dt` is the clock in seconds; `name` goes into the recording;
    `tunes_inhibition` is false where the strength of inhibition makes no difference."""

    name: ClassVar[str]
    carries: ClassVar[frozenset[str]]
    tunes_inhibition: ClassVar[bool]

    @property
    def dt(self) -> float: ...

    def prepare(self, wired: Wired, session: Session) -> None:
        """Compile, once, what the processes that run the animals will share."""

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session."""
        ...


def settle_clock(dt: Any, method: str) -> float:
    """A checked time step in seconds, from a time or a number of seconds."""
    seconds = float(dt) if isinstance(dt, (int, float)) else float(si(dt, "second", "dt"))
    if not seconds > 0 or not np.isfinite(seconds):
        raise DescriptionError(f"dt is {seconds:g} s; it must be more than 0")
    if method not in METHODS:
        raise DescriptionError(f"method is {method!r}; use one of {', '.join(METHODS)}")
    return seconds


def remaining(dt: float, tau: float, method: str) -> float:
    """Fraction of a decaying variable left after one step."""
    if method == "euler":
        if dt > tau:
            raise DescriptionError(f"explicit Euler with dt = {dt:g} s is unstable for a time constant of "
                                   f"{tau:g} s; use a smaller dt or method='exponential_euler'")
        return 1 - dt / tau
    return float(np.exp(-dt / tau))


FEATURES = {
    "LIF cells": "make them Rate cells, or use Numba()",
    "rate cells": "use Numba() or Brian()",
    "escape-rate cells": "use Numba()",
    "layer-wide transfer functions": "use Numba(), or a pool of interneurons that divides in place of a softmax",
    "Poisson inputs": "use Drive() inputs, or Numba()",
    "driven inputs": "use Numba() or Brian()",
    "divisive action": "use Numba() or Brian()",
    "conductances": "leave the reversal potential out and give weights in volts, or use Numba() or Brian()",
    "delayed spikes": "use Numba() or Brian()",
    "delayed graded emission": "use lowpass=… in place of the delay, or Numba()",
    "low-pass synapses": "use Numba() or Brian()",
    "plasticity": "use Numba() or Brian()",
    "graded terms in plasticity": "use Numba() or Brian()",
    "traces": "record without `every`, or use Numba()",
    "trial responses of graded cells": "record a trace with `every`, or use Numba()",
    "carried-over state": "set reset=True in every trial, or use Numba()",
}


def needs(wired: Wired, session: Session) -> dict[str, str]:
    """Every feature of `FEATURES` that this run uses, with the object that needs it."""
    found: dict[str, str] = {}
    kinds = {LIF: "LIF cells", Rate: "rate cells", Escape: "escape-rate cells", Poisson: "Poisson inputs",
             Drive: "driven inputs"}
    for population in wired.populations:
        feature = "low-pass synapses" if population.relay else kinds[type(population.neuron)]
        found.setdefault(feature, f"population {population.name!r}")
        if isinstance(population.neuron, (Rate, Escape)) and population.neuron.transfer.layerwise:
            found.setdefault("layer-wide transfer functions", f"population {population.name!r}")
    for q in wired.projections:
        where = f"projection {q.name}"
        spiking = wired.populations[q.pre].neuron.spiking
        if q.delay > 0:
            found.setdefault("delayed spikes" if spiking else "delayed graded emission", where)
        if q.divisive:
            found.setdefault("divisive action", where)
        if q.reversal is not None:
            found.setdefault("conductances", where)
        if q.plasticity is not None:
            found.setdefault("plasticity", where)
            rule = q.plasticity
            graded_pre = not spiking and any(map(float, (rule.on_pre, rule.on_pre_post)))
            graded_post = (not wired.populations[q.post].neuron.spiking
                           and any(map(float, (rule.on_post, rule.on_post_pre))))
            if graded_pre or graded_post:
                found.setdefault("graded terms in plasticity", where)
    for p, _ in session.record:
        if not wired.populations[p].neuron.spiking:
            found.setdefault("trial responses of graded cells", f"record {wired.populations[p].name!r}")
    if session.every:
        found.setdefault("traces", "the protocol's record")
    for row in session.presentations[1:]:
        if not row.reset:
            found.setdefault("carried-over state", f"trial {row.name!r}")
    return found


def check(solver: Solver, wired: Wired, session: Session) -> None:
    """Refuse, before anything runs, what the solver cannot carry; the message has the object and the cure."""
    if session.dt != solver.dt:
        raise DescriptionError(f"the session is on a clock of {session.dt:g} s, {solver.name} on one of {solver.dt:g} "
                               "s; schedule it with the solver's dt")
    for feature, where in needs(wired, session).items():
        if feature not in solver.carries:
            raise Unsupported(f"{solver.name} cannot carry {feature} ({where}); {FEATURES[feature]}")
    refuse = getattr(solver, "refuse", None)  # what is no feature of one neuron or projection
    if refuse is not None:
        refuse(wired, session)


def spike_responses(spikes: tuple[np.ndarray, np.ndarray], size: int, session: Session) -> np.ndarray:
    """Firing rate of each cell in each trial's response window, in hertz, shape (n_trials, size)."""
    tick, cell = spikes
    rates = np.zeros((session.n_trials, size))
    for row in session.presentations:
        a, b = np.searchsorted(tick, [row.first, row.last])
        rates[row.trial] = np.bincount(cell[a:b], minlength=size) / ((row.last - row.first) * session.dt)
    return rates
