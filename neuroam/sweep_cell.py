"""A cell of a sweep: one set of parameters at one level of description, run in whatever process and kept as one file.

    cells/<hash>.nc             the recording of all its animals, with what was measured on it
    cells/<hash>.failed.json    why there is none; the cell is tried again when the sweep is given again

The hash is of everything that made the cell: circuit, protocol, its claims and metrics, solver, level, animals, seeds,
the source of neuroam and of its analysis, and the versions of what it depends on. The file is a recording, so
``neuroam.load`` opens it and any analysis runs on it; it carries besides

    statistic(claim, subject)    of each prediction, one value a seed in ascending order; NaN where an animal has none
    measure(metric, animal)      of `sweeps.measures`, mean over trials

It appears under its name in one step, finished. Animals are kept one by one as in `experiment`, so a cell that was
killed half-way loses one animal at most.
"""
from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from neuroam.errors import NeuroamError, RecordingError
from neuroam.fingerprint import fingerprint
from neuroam.recording import save, versions, write_whole

ONE_CELL = threading.Lock()  # a cluster's worker may have threads; solvers and thread limits are of the process


class Runs(Protocol):
    """How a level is run, as `runs.Plan`."""

    @property
    def level(self) -> str: ...

    @property
    def circuit(self) -> Any: ...

    @property
    def protocol(self) -> Any: ...

    @property
    def solver(self) -> Any: ...

    def run(self, animals: int, seed: int, **options: Any) -> xr.Dataset: ...


@dataclass(frozen=True, eq=False)
class Cell:
    """What a worker is handed. `settings` says in words what was varied; `measures` maps a recording and the
    protocol's metrics to (metric, animal); `folder` holds finished cells, `store` finished animals; `command` makes
    the recording again."""

    name: str
    settings: Mapping[str, str]
    plan: Runs
    animals: int
    seed: int
    measures: Callable[..., xr.DataArray]
    folder: Path
    store: Path
    command: str = ""

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.nc"

    @property
    def failure(self) -> Path:
        return self.folder / f"{self.name}.failed.json"

    @property
    def words(self) -> str:
        """"kenyon = 500, claws = 7, rate"."""
        return ", ".join([*(f"{key} = {value}" for key, value in self.settings.items()), self.plan.level])


def name_of(plan: Runs, *besides: Any) -> str:
    """The hash of what makes a cell: its plan and what else is given."""
    p = plan.protocol
    return fingerprint(plan.circuit, p.name, p.title, p.blocks, p.groups, p.record, p.predictions, p.metrics, p.recipe,
                       plan.solver, plan.level, _analysis_hash(), versions(), *besides)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured in a cell: `statistic` by claim, one value a seed; `measure` by (metric, group, seed)."""

    statistic: dict[str, np.ndarray]
    measure: dict[tuple[str, str, int], float]
    seeds: tuple[int, ...]


@functools.cache
def _analysis_hash() -> str:
    """Statistics and metrics call the analysis, whose source is no part of what made an animal."""
    digest = hashlib.sha256()
    spec = importlib.util.find_spec("neuroam.analysis")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def run_cell(cell: Cell) -> str:
    """Run the cell and write its file; returns why that failed, nothing if it did not. One thread for linear
    algebra, as the other cores have cells of their own."""
    with ONE_CELL, threadpool_limits(1):
        try:
            cell.failure.unlink(missing_ok=True)
            _write(cell)
        except Exception as error:  # whatever a statistic or a solver raises is this cell's failure alone
            return keep_failure(cell, _in_words(error), traceback.format_exc())
    return ""


def keep_failure(cell: Cell, message: str, details: str = "") -> str:
    """Write why the cell failed beside the finished ones; returns the message."""
    note = {"settings": dict(cell.settings), "level": cell.plan.level, "message": message, "details": details}
    try:
        write_whole(cell.failure, json.dumps(note, indent=1, ensure_ascii=False).encode())
    except RecordingError as error:
        return f"{message}; and {error}"
    return message


def _write(cell: Cell) -> None:
    recording = cell.plan.run(cell.animals, cell.seed, store=cell.store)
    recording = _with_measures(recording, cell).assign_attrs(
        {"history": cell.command} if cell.command else {}, settings=json.dumps(dict(cell.settings)))
    save(_in_order(recording), cell.path)


def _in_order(recording: xr.Dataset) -> xr.Dataset:
    """The same whether its animals were run now or read from the store: one order of variables, no encoding."""
    recording = recording.drop_encoding()
    data, coords = ({name: kind[name].variable for name in sorted(map(str, kind))}
                    for kind in (recording.data_vars, recording.coords))
    return xr.Dataset(data, coords, dict(sorted(recording.attrs.items())))


def _with_measures(recording: xr.Dataset, cell: Cell) -> xr.Dataset:
    protocol = cell.plan.protocol
    measured = cell.measures(recording, protocol.metrics)
    if measured.sizes["metric"]:
        recording = recording.assign_coords(metric=measured["metric"].values)
        recording["measure"] = (("metric", "animal"), measured.transpose("metric", "animal").values)
    if protocol.predictions:
        values = [_by_seed(p.claim, p.statistic(recording), cell.animals) for p in protocol.predictions]
        recording = recording.assign_coords(claim=np.array([p.claim for p in protocol.predictions]))
        recording["statistic"] = (("claim", "subject"), np.array(values))
    return recording


def _by_seed(claim: str, values: Any, animals: int) -> np.ndarray:
    """One value a seed, NaN where the statistic has fewer."""
    values = np.ravel(np.asarray(values, dtype=float))
    if len(values) > animals:
        raise RecordingError(f"the statistic of {claim!r} has {len(values)} values for {animals} animals; it must give "
                             "one for each")
    return np.concatenate([values, np.full(animals - len(values), np.nan)])


def _in_words(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, NeuroamError) and said else f"{type(error).__name__}: {said}"


def read_cell(path: str | os.PathLike) -> Measured | None:
    """What was measured in a finished cell, without reading its spikes; None where there is no readable file."""
    try:
        with xr.open_dataset(path, decode_timedelta=False) as opened:
            groups, seeds = opened["group"].values.tolist(), opened["seed"].values.tolist()
            statistic = dict(zip(map(str, opened["claim"].values.tolist()), opened["statistic"].values,
                                 strict=True)) if "statistic" in opened else {}
            measure = {(str(metric), str(group), int(seed)): float(value)
                       for metric, row in zip(opened["metric"].values.tolist(), opened["measure"].values, strict=True)
                       for group, seed, value in zip(groups, seeds, row, strict=True)} if "measure" in opened else {}
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, IndexError):
        return None
    return Measured(statistic, measure, tuple(sorted({int(seed) for seed in seeds})))
