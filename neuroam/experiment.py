"""simulate and judge: a circuit, a protocol and a solver make a recording; a recording meets the published claims."""
from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuroam.calibrate import Calibrated, calibrate, renormalise
from neuroam.circuit import Circuit
from neuroam.energy import energy_along
from neuroam.errors import DescriptionError, NeuroamError, RecordingError
from neuroam.fingerprint import fingerprint
from neuroam.manipulations import Renormalise
from neuroam.prediction import Verdict, verdict
from neuroam.protocol import Group, Protocol
from neuroam.recording import assemble, describe_attributes, join, load, save
from neuroam.registry import build
from neuroam.session import Session, schedule
from neuroam.solvers.base import Solver, check
from neuroam.wiring import Wired, wire

Progress = Callable[[int, int, float], None]
_NO_PEAKS = np.zeros((0, 0))


@dataclass(frozen=True, eq=False)
class _Task:
    """One animal in all its groups: what a worker process is handed."""

    circuit: Circuit
    protocol: Protocol
    solver: Solver
    seed: int
    level: str
    store: Path | None


def simulate(circuit: Circuit, protocol: Protocol, solver: Solver | None = None, animals: int = 8, seed: int = 0, *,
             level: str = "spiking", executor: Executor | None = None, store: Path | None = None,
             progress: Progress | None = None) -> xr.Dataset:
    """Run every group of `protocol` on `animals` animals of `circuit`; returns the recording.

    Animal k is wired from seed + k; groups are copies of it. `solver` is Numba() if not given. An
    `executor`, such as `process_pool(2)`, runs animals side by side. `store` is a folder that keeps finished animals,
    so that an interrupted run goes on where it was. `progress(done, total, seconds)` is called as animals finish. Bad
    input raises `DescriptionError` or `Unsupported` before anything runs.
    """
    if solver is None:
        from neuroam.solvers import Numba

        solver = Numba()
    if animals < 1:
        raise DescriptionError(f"animals is {animals}; at least 1 is needed")
    wired, session = try_on(circuit, protocol, solver, seed)
    run = replace(protocol, predictions=(), figures=(), recipe=None)  # so that processes import no analysis
    tasks = [_Task(circuit, run, solver, seed + k, level, store) for k in range(animals)]
    finished: dict[int, xr.Dataset] = {}
    began = time.monotonic()
    if executor is not None and any(not _is_stored(task) for task in tasks):
        solver.prepare(wired, session)
    for animal, recording in _spread(tasks, executor):
        finished[animal] = recording
        if progress is not None:
            progress(len(finished), animals, time.monotonic() - began)
    whole = join(finished[k] for k in sorted(finished))
    whole.attrs.update(_attributes(circuit, protocol, solver, animals, seed, level))
    return whole


def _attributes(circuit: Circuit, protocol: Protocol, solver: Solver, animals: int, seed: int,
                level: str) -> dict[str, str | int | float]:
    return describe_attributes(protocol.title, protocol=_made(protocol), circuit=_made(circuit), level=level,
                               solver=repr(solver), seed=seed, animals=animals, clock_dt=solver.dt)


def _made(description: Circuit | Protocol) -> dict[str, Any]:
    """How to make it again: its factory and settings, or its bare name where it has no recipe."""
    if description.recipe is None:
        return {"name": description.name, "settings": {}}
    return {"name": description.recipe.name, "settings": dict(description.recipe.settings)}


def try_on(circuit: Circuit, protocol: Protocol, solver: Solver, seed: int = 0) -> tuple[Wired, Session]:
    """Meet every error that needs no simulation, before any has begun; the first animal and its session."""
    first = None
    for strain, groups in _strains(protocol):
        wired = wire(_of_strain(circuit, strain), seed)
        session = schedule(protocol, wired, solver.dt)
        first = first or (wired, session)
        for group in groups:
            check(solver, _manipulate(Calibrated(wired, _NO_PEAKS), group, dry=True), session)
    assert first is not None
    return first


def _strains(protocol: Protocol) -> list[tuple[Mapping[str, Any], list[Group]]]:
    """Groups by strain, in the order of the protocol."""
    found: list[tuple[Mapping[str, Any], list[Group]]] = []
    for group in protocol.groups:
        members = next((groups for strain, groups in found if dict(strain) == dict(group.strain)), None)
        if members is None:
            found.append((group.strain, [group]))
        else:
            members.append(group)
    return found


def _of_strain(circuit: Circuit, strain: Mapping[str, Any]) -> Circuit:
    if not strain:
        return circuit
    if circuit.recipe is None:
        raise DescriptionError(f"circuit {circuit.name!r} cannot be made with {dict(strain)}: it was not made by a "
                               "factory with @recipe; decorate the function that makes it")
    return circuit.recipe.again(strain)


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Processes for the animals. Call it from under ``if __name__ == "__main__":``, as each imports the script anew.

    An interrupt is for the process that waits for them: it shuts them down in order.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=signal.signal,
                               initargs=(signal.SIGINT, signal.SIG_IGN))


def end_broken(executor: Executor) -> None:
    """End what is left of a broken pool: a process that was being started as it broke is waited for when the pool is
    shut down, but nobody tells it to end."""
    for process in list((getattr(executor, "_processes", None) or {}).values()):
        process.kill()


def _spread(tasks: list[_Task], executor: Executor | None) -> Iterator[tuple[int, xr.Dataset]]:
    if executor is None:
        yield from ((task.seed, run_animal(task)) for task in tasks)
        return
    futures = {executor.submit(run_animal, task): task.seed for task in tasks}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenExecutor:
        end_broken(executor)
        raise NeuroamError("a process that ran an animal was killed, perhaps for want of memory; finished animals are "
                           "kept: give the same command again, with fewer --workers if it happens again") from None
    finally:
        for future in futures:
            future.cancel()


def run_animal(task: _Task) -> xr.Dataset:
    """All groups of one animal, from the store if it is there."""
    path = _stored(task)
    if path is not None and path.exists():
        try:
            return load(path)
        except RecordingError:
            path.unlink(missing_ok=True)
    by_group: dict[str, xr.Dataset] = {}
    for strain, groups in _strains(task.protocol):
        wired = wire(_of_strain(task.circuit, strain), task.seed)
        calibrated = calibrate(wired, task.solver) if wired.calibration else Calibrated(wired, _NO_PEAKS)
        session = schedule(task.protocol, wired, task.solver.dt)  # groups meet the same stimuli and the same noise
        by_group.update((group.name, _run_group(calibrated, session, task, group)) for group in groups)
    recording = join(by_group[group.name] for group in task.protocol.groups)
    recording.attrs.update(describe_attributes(task.protocol.title, clock_dt=task.solver.dt))
    if path is not None:
        save(recording, path, plain=True)
    return recording


def _run_group(calibrated: Calibrated, session: Session, task: _Task, group: Group) -> xr.Dataset:
    wired = _manipulate(calibrated, group)
    outcome = task.solver.run(wired, session)
    return assemble(wired, session, replace(outcome, energy=energy_along(wired, session, outcome)), group)


def _manipulate(calibrated: Calibrated, group: Group, dry: bool = False) -> Wired:
    """The group's copy of the animal. A dry one skips what needs a calibration that has not run yet."""
    wired = calibrated.wired
    for manipulation in group.manipulations:
        if not isinstance(manipulation, Renormalise):
            wired = manipulation.apply(wired)
        elif not dry:
            wired = renormalise(wired, calibrated.peaks, manipulation.level)
        elif wired.calibration is None:
            raise DescriptionError(f"group {group.name!r}: Renormalise needs a circuit with a calibration; "
                                   f"{wired.name!r} has none")
    return wired


def _is_stored(task: _Task) -> bool:
    path = _stored(task)
    return path is not None and path.exists()


def _stored(task: _Task) -> Path | None:
    if task.store is None:
        return None
    key = fingerprint(task.circuit, task.protocol.name, task.protocol.blocks, task.protocol.record,
                      task.protocol.groups, task.solver, task.level, task.seed)
    return task.store / f"{task.protocol.name}-{task.level}-{task.seed}-{key}.nc"


def judge(recording: xr.Dataset, protocol: Protocol | None = None) -> list[Verdict]:
    """Each prediction of the protocol against this recording.

    Without `protocol`, it is made again from the recording's own attributes (registered protocols only).
    """
    if protocol is None:
        protocol = build("protocols", recording.attrs["protocol"])
    if not protocol.predictions:
        raise DescriptionError(f"protocol {protocol.name!r} makes no prediction; there is nothing to judge")
    return [verdict(p, p.statistic(recording)) for p in protocol.predictions]
