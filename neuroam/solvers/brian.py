"""Brian(): the circuit as a Brian2 network, run in this process or as a compiled program.

The network is built from the equation text of the neurons and agrees step for step with the numba loop. One
session is one Brian2 run over all its trials. Programs are compiled once for each structure (see
`build_cache`).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.session import Session
from neuroam.solvers.base import FEATURES, Outcome, check, settle_clock, spike_responses
from neuroam.solvers.brian_circuit import plan
from neuroam.solvers.brian_plan import Plan
from neuroam.solvers.brian_schedule import NOTHING, has_trace
from neuroam.wiring import Wired, WiredProjection

DEVICES = ("runtime", "cpp_standalone", "cuda_standalone")
TARGETS = ("numpy", "cython")


@dataclass(frozen=True)
class Brian:
    """Brian2 on a `device`: "runtime", "cpp_standalone" or "cuda_standalone". `dt` is a time or seconds;
    `method` "exponential_euler" or "euler"; `target` "numpy" or "cython", of the runtime device alone;
    `dtype` "float64" or "float32"."""

    device: str = "runtime"
    dt: Any = 1e-4
    method: str = "exponential_euler"
    target: str = "numpy"
    dtype: str = "float64"
    name: ClassVar[str] = "Brian"
    carries: ClassVar[frozenset[str]] = frozenset(FEATURES) - {
        "delayed graded emission", "escape-rate cells", "layer-wide transfer functions"}
    tunes_inhibition: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", settle_clock(self.dt, self.method))
        known = {"device": DEVICES, "target": TARGETS, "dtype": ("float64", "float32")}
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise DescriptionError(f"Brian: {name} is {getattr(self, name)!r}; "
                                       f"use one of {', '.join(choices)}")

    def prepare(self, wired: Wired, session: Session) -> None:
        """Build the program that the animals share, if the device has one."""
        check(self, wired, session)
        if self.device != "runtime":
            from neuroam.solvers.brian_program import program

            program(plan(wired, session, self.method, self.dtype), self.device, wired.name)

    def run(self, wired: Wired, session: Session) -> Outcome:
        """One animal's session; see `Outcome`."""
        check(self, wired, session)
        drawn = plan(wired, session, self.method, self.dtype)
        return _outcome(wired, session, self._values(drawn, wired.name))

    def _values(self, drawn: Plan, name: str) -> dict[str, np.ndarray]:
        if self.device == "runtime":
            from neuroam.solvers.brian_device import run_here

            return run_here(drawn, self.target)
        from neuroam.solvers.brian_program import run_program

        return run_program(drawn, self.device, name)


def _outcome(wired: Wired, session: Session, values: dict[str, np.ndarray]) -> Outcome:
    outcome = Outcome()
    for p, chosen in session.record:
        population = wired.populations[p]
        if population.neuron.spiking:
            spikes = _spikes(wired, p, session, values)
            outcome.spikes[population.name] = spikes
            outcome.responses[population.name] = spike_responses(spikes, population.size, session)
        else:
            length = np.array([row.last - row.first for row in _by_trial(session)])
            outcome.responses[population.name] = _by_window(p, "acc", session, values) / length[:, None]
        if session.every and chosen != () and has_trace(population):
            outcome.traces[population.name] = values[f"trace{p}.{'v' if population.neuron.spiking else 'r'}"]
    for p in session.peaks:
        peak = _by_window(p, "top", session, values)
        outcome.peaks[wired.populations[p].name] = np.where(peak > NOTHING, peak, -np.inf)
    for q, projection in enumerate(wired.projections):
        outcome.weights[projection.name] = _weight(wired, projection, values.get(f"contacts{q}.w"))
    return outcome


def _spikes(wired: Wired, p: int, session: Session,
            values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Spikes sorted by tick, then cell; those of input cells are known before the run."""
    if wired.populations[p].is_input:
        given = session.inputs[p]
        heard = wired.populations[p].gain[given.spike_unit] > 0
        return given.spike_tick[heard].astype(np.int64), given.spike_unit[heard].astype(np.int32)
    tick = np.rint(values[f"spikes{p}.t"] / session.dt).astype(np.int64)
    cell = values[f"spikes{p}.i"].astype(np.int32)
    order = np.lexsort((cell, tick))
    return tick[order], cell[order]


def _by_trial(session: Session) -> list:
    return sorted(session.presentations, key=lambda row: row.trial)


def _by_window(p: int, name: str, session: Session, values: dict[str, np.ndarray]) -> np.ndarray:
    """What each trial's response window gathered, read when the next trial starts or the session ends."""
    last = values[f"cells{p}.{name}"]
    gathered = np.zeros((session.n_trials, len(last)))
    for row in session.presentations:
        if row.stop == session.stop:
            gathered[row.trial] = last
        else:
            sampled = values[f"{name}s{p}.{name}"]
            gathered[row.trial] = sampled[row.stop * len(sampled) // session.stop]
    return gathered


def _weight(wired: Wired, row: WiredProjection, final: np.ndarray | None) -> np.ndarray:
    """Final weights in the layout of the wiring."""
    if final is None:
        return np.array(row.weight, float)
    if row.layout == "sparse":
        return final[: row.weight.size].astype(float)
    n_post, n_pre = wired.populations[row.post].size, wired.populations[row.pre].size
    return final.reshape(n_pre, n_post).T.astype(float)
