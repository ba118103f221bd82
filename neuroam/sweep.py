"""A sweep: a protocol run in every cell of a grid, or of a list, of settings of its circuit or its own.

    runs/odour_discrimination-sweep-<hash>/   sweep.nc (one Dataset over the parameters), sweep.csv, sweep.json,
                                              report.html
        cells/                                the recording of every cell, and why the others have none (`sweep_cell`)
    runs/index.html                           the notebook, in which it appears
    runs/.animals/                            finished animals, shared with `runs` and `compare`

A finished cell is a file that is there; nothing else remembers what was done. So a sweep that was stopped in any way,
given again, runs what is missing, and ends with the same bytes.
"""
from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

import xarray as xr

from neuroam import sweep_page
from neuroam.analysis.plot_sweep import MOST_PANELS, claim_figures, metric_figures, panels_in_all, roles
from neuroam.analysis.sweeps import RESERVED, Parameters, Result, assemble, measures
from neuroam.circuit import Circuit
from neuroam.errors import DescriptionError, RecordingError
from neuroam.experiment import Progress
from neuroam.fingerprint import fingerprint
from neuroam.notebook import write_notebook
from neuroam.protocol import Protocol
from neuroam.recording import versions, write_whole
from neuroam.report import Plate, embed, kept
from neuroam.runs import ANIMALS, Plan, Request, check_numbers, check_writable, clock, described, export_nwb, plan
from neuroam.sweep_cell import Cell, Measured, keep_failure, name_of, read_cell, run_cell
from neuroam.sweep_settings import Grid, Point, again, coordinate, parameter_sets, point, saying
from neuroam.sweep_spread import cluster, pool, spread

Tell = Callable[[int, int, float, str, str], None]
CELLS = "cells"


@dataclass(frozen=True)
class SweepRequest(Request):
    """What was asked for on the command line: a grid of `values` by setting, or the rows of a table in `listed`."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: tuple[dict[str, str], ...] = ()
    listed: str = ""
    verb: ClassVar[str] = "sweep"

    @property
    def command(self) -> str:
        words = ["--set " + quote(f"{key}={','.join(values)}") for key, values in self.values.items()]
        return " ".join([super().command, *words, *([f"--list {quote(self.listed)}"] if self.listed else [])])

    def of_cell(self, settings: Mapping[str, str], level: str) -> Request:
        """The run that makes one cell."""
        return Request(self.protocol, self.circuit, (level,), self.solver, self.animals, self.seed, self.dt,
                       {**self.settings, **settings})


def sweep(circuit: Circuit, protocol: Protocol, parameters: Grid | Sequence[Mapping[str, Any]], animals: int = 8,
          seed: int = 1, *, levels: Sequence[str] = (), dt: float | None = None, solver: str = "numba",
          executor: Executor | None = None, jobs: int | None = None, out: str | os.PathLike = "runs",
          follow: Progress | None = None) -> xr.Dataset:
    """Run `protocol` on `circuit` in every cell, and return the Dataset of `analysis.sweeps`.

    `parameters` is a grid, setting → values, or a list of parameter sets; settings are arguments of the circuit's or
    the protocol's factory, by bare name or as ``circuit.name``. `levels` (all that the circuit has, if none), `dt` in
    seconds and `solver` are as in `compare`. Cells run on `jobs` processes (one for each core), or on any `executor`,
    such as ``Client(…).get_executor()`` of Dask. The folder, in the attribute `folder`, lies in `out`; finished cells
    are not run again. A cell that fails does not end the sweep: `message` says why. `follow(done, total, seconds)` is
    told of every cell that finishes. Bad input raises `DescriptionError` or `Unsupported` before anything runs. In a
    script, call it from under ``if __name__ == "__main__":``.
    """
    _check_numbers(Request(protocol.name, animals=animals), jobs)
    points = [again(circuit, protocol, settings) for settings in parameter_sets(parameters)]
    plans = [plan(each.circuit, each.protocol, levels, float(each.protocol.dt) if dt is None else dt, solver)
             for each in points]
    task = _task(points, plans, isinstance(parameters, Mapping), animals, seed, Path(out))
    return _finish(task, task.found(), executor, jobs, lambda *now: follow(*now[:3]) if follow else None)


def run_sweep(request: SweepRequest, out: str | os.PathLike = "runs", jobs: int | None = None,
              scheduler: str | None = None) -> int:
    """Run it, write its folder, print progress and what came out. Returns 1 where a cell failed, 0 otherwise."""
    _check_numbers(request, jobs)
    if scheduler is not None and jobs is not None:
        raise DescriptionError("--jobs is for processes of this machine and --scheduler for a cluster; give one")
    if scheduler is not None and not scheduler.strip():
        raise DescriptionError("--scheduler is empty; give the address that `dask scheduler` prints, such as "
                               "tcp://host:8786")
    rows = list(request.rows) or parameter_sets(request.values)
    made = [described(replace(request, settings={**request.settings, **row})) for row in rows]
    points = [point(row, circuit, protocol) for row, (protocol, circuit) in zip(rows, made, strict=True)]
    plans = [plan(each.circuit, each.protocol, request.levels, clock(request, each.protocol), request.solver)
             for each in points]
    request = replace(request, levels=tuple(dict.fromkeys(each.level for some in plans for each in some)))
    task = _task(points, plans, not request.rows, request.animals, request.seed, Path(out), request.command,
                 lambda k, level: request.of_cell(rows[k], level).command)
    found = task.found()
    print(_announcement(task, found), flush=True)
    with (cluster(scheduler) if scheduler is not None else nullcontext()) as executor:
        whole = _finish(task, found, executor, jobs, sweep_page.CellsDone())
    print(f"\n{sweep_page.terminal(whole)}\n\nreport: {task.folder / 'report.html'}")
    return int((whole["message"] != "").any())


@dataclass(frozen=True, eq=False)
class _Task:
    """A sweep that nothing speaks against; its `cells` by place and level."""

    points: Sequence[Point]
    parameters: Parameters
    cells: Mapping[tuple[int, str], Cell]
    folder: Path
    animals: int
    seed: int
    command: str

    def found(self) -> dict[str, Measured]:
        """What was measured in the cells that are finished, by name."""
        read = {cell.name: read_cell(cell.path) for cell in self.cells.values()}
        return {name: measured for name, measured in read.items() if measured is not None}


def _task(points: Sequence[Point], plans: Sequence[Sequence[Plan]], grid: bool, animals: int, seed: int, out: Path,
          command: str = "", command_of: Callable[[int, str], str] = lambda *_: "") -> _Task:
    """Raises whatever can be raised without a simulation."""
    parameters = _parameters(points, grid)
    names = {(k, each.level): name_of(each, animals, seed, measures, command_of(k, each.level), points[k].words)
             for k, some in enumerate(plans) for each in some}
    key = fingerprint(list(names.values()), grid, list(points[0].values), command)
    folder = out / f"{points[0].protocol.name}-sweep-{key}"
    check_writable(folder)
    _try_on(points, plans, seed)
    cells = {(k, each.level): Cell(names[k, each.level], points[k].words, each, animals, seed, measures,
                                   (folder / CELLS).resolve(), (out / ANIMALS).resolve(), command_of(k, each.level))
             for k, some in enumerate(plans) for each in some}
    return _Task(points, parameters, cells, folder, animals, seed, command)


def _finish(task: _Task, found: dict[str, Measured], executor: Executor | None, jobs: int | None,
            tell: Tell) -> xr.Dataset:
    """Run what is missing, and write everything that the cells say together."""
    missing = {cell.name: cell for cell in task.cells.values() if cell.name not in found}
    messages = _run(list(missing.values()), executor, jobs, tell)
    for name, cell in missing.items():
        measured = None if messages[name] else read_cell(cell.path)
        if measured is not None:
            found[name] = measured
        elif not messages[name]:
            messages[name] = keep_failure(cell, f"a worker wrote it, but {cell.path.name} cannot be read here; --out "
                                          "must be a folder that all workers share")
    _sweep_up(task.folder / CELLS, found)
    results = [_result(place, level, cell, found.get(cell.name), messages.get(cell.name, ""))
               for (place, level), cell in task.cells.items()]
    whole = assemble(task.parameters, results).assign_attrs(_attributes(task))
    _write(task.folder, whole)
    write_notebook(task.folder.parent)
    return whole.assign_attrs(folder=str(task.folder))


def _sweep_up(folder: Path, finished: Mapping[str, Measured]) -> None:
    """Remove what processes that were killed had begun to write, of cells that are finished since."""
    for begun in folder.glob(".*.nc.*"):
        if begun.name.split(".")[1] in finished:
            begun.unlink(missing_ok=True)


def _run(cells: list[Cell], executor: Executor | None, jobs: int | None, tell: Tell) -> dict[str, str]:
    """Why each failed, by name; nothing where it did not."""
    if not cells:
        return {}
    at_once = None if executor is not None else min(jobs or os.cpu_count() or 1, len(cells))
    found: dict[str, str] = {}
    began = time.monotonic()
    for cell, message in spread(run_cell, cells, lambda: executor or pool(at_once or 1), at_once):
        found[cell.name] = message
        if message and not cell.failure.exists():  # its process could not say so itself
            keep_failure(cell, message)
        tell(len(found), len(cells), time.monotonic() - began, cell.words, message)
    return found


def _check_numbers(request: Request, jobs: int | None) -> None:
    check_numbers(request, None)
    if jobs is not None and jobs < 1:
        raise DescriptionError(f"--jobs is {jobs}; give a whole number, at least 1")


def _result(place: int, level: str, cell: Cell, measured: Measured | None, message: str) -> Result:
    seeds = tuple(range(cell.seed, cell.seed + cell.animals))
    if measured is None:
        return Result(place, level, seeds, message=message, predictions=cell.plan.protocol.predictions)
    return Result(place, level, seeds, measured.statistic, measured.measure, cell.plan.protocol.predictions,
                  f"{CELLS}/{cell.path.name}")


def _try_on(points: Sequence[Point], plans: Sequence[Sequence[Plan]], seed: int) -> None:
    """Meet every error that needs no simulation, once for each value of each parameter."""
    seen: set[tuple[str, str]] = set()
    for each, some in zip(points, plans, strict=True):
        if new := set(each.words.items()) - seen:
            seen |= new
            for level in some:
                with saying(each.words):
                    level.try_on(seed)


def _parameters(points: Sequence[Point], grid: bool) -> Parameters:
    values: dict[str, list[Any]] = {}
    attributes: dict[str, dict[str, Any]] = {}
    for key in points[0].values:
        name = f"setting {key}" if key in RESERVED else key
        values[name], attributes[name] = coordinate([each.values[key] for each in points])
    distinct = set(zip(*values.values(), strict=True))
    if len(distinct) < len(points):
        raise DescriptionError("two cells have the same values of every parameter; give each once")
    return Parameters(values, grid, attributes)


def _announcement(task: _Task, found: Mapping[str, Measured]) -> str:
    first, levels = task.points[0], dict.fromkeys(level for _, level in task.cells)
    there = f"; {len(found)} are there from before" if found else ""
    return (f"{first.protocol.title} ({first.protocol.source})\n{first.circuit.name}, {len(task.points)} parameter "
            f"sets at {', '.join(levels)}: {len(task.cells)} cells of {_count(task.animals)}, seeds {task.seed}–"
            f"{task.seed + task.animals - 1}{there}")


def _count(animals: int) -> str:
    return f"{animals} animal{'s' if animals != 1 else ''}"


def _attributes(task: _Task) -> dict[str, Any]:
    first = task.points[0]
    found = {"title": first.protocol.title, "references": first.protocol.source, "protocol": first.protocol.name,
             "circuit": first.circuit.name, "animals": task.animals, "seed": task.seed, "source": versions()}
    return found | ({"history": task.command} if task.command else {})


def _write(folder: Path, whole: xr.Dataset) -> None:
    """The files of the sweep; the page last."""
    write_whole(folder / "sweep.nc", bytes(whole.to_netcdf(engine="scipy")))
    write_whole(folder / "sweep.csv", sweep_page.table_text(whole).encode())
    told = {key: whole.attrs[key] for key in ("protocol", "title")} | {
        "source": whole.attrs["references"], "command": whole.attrs.get("history", ""),
        "levels": whole["level"].values.tolist(), "verdicts": sweep_page.verdicts(whole)}
    write_whole(folder / "sweep.json", json.dumps(told, indent=1, ensure_ascii=False).encode())
    _write_page(folder, whole)


def export_cells(folder: str | os.PathLike, species: str | None = None) -> list[Path]:
    """Write every cell of a sweep's folder as NWB, to cells/nwb-<hash>/; the page of the sweep then links them."""
    cells = sorted((Path(folder) / CELLS).glob("[!.]*.nc"))
    if not cells:
        raise RecordingError(f"{folder} is a sweep without a finished cell in {CELLS}/; give its command again")
    written = [made for cell in cells for made in export_nwb(cell, species)]
    print(f"page: {rewrite_page(folder)}")
    return written


def rewrite_page(folder: str | os.PathLike) -> Path:
    """Write the page of a sweep's folder anew from its sweep.nc, with links to what lies there now; returns it.

    Raises `RecordingError` where sweep.nc cannot be read.
    """
    path = Path(folder) / "sweep.nc"
    try:
        whole = xr.load_dataset(path, engine="scipy")
    except (OSError, ValueError, TypeError) as error:
        raise RecordingError(f"{path} cannot be read ({error}); give the command of the sweep again") from None
    page = _write_page(Path(folder), whole)
    write_notebook(Path(folder).parent)
    return page


def _write_page(folder: Path, whole: xr.Dataset) -> Path:
    nwb = {f"{CELLS}/{made.name[4:]}.nc": kept(folder, f"{CELLS}/{made.name}/*.nwb")
           for made in (folder / CELLS).glob("nwb-*")}
    page = sweep_page.render(whole, circuit=whole.attrs["circuit"], more=_left_out(whole), nwb=nwb,
                             claims=_plates(claim_figures(whole), _claim_caption(whole)),
                             metrics=_plates(metric_figures(whole), _metric_caption(whole)))
    return write_whole(folder / "report.html", page.encode())


def _plates(figures: Mapping[str, Mapping[str, Any]], caption: Callable[[str], str]) -> list[Plate]:
    return [Plate(subject, caption(subject), tuple(embed(figure, title) for title, figure in panels.items()))
            for subject, panels in figures.items() if panels]


def _claim_caption(whole: xr.Dataset) -> Callable[[str], str]:
    def say(claim: str) -> str:
        one = whole.sel(claim=claim)
        return (f"Mean over {_count(whole.attrs['animals'])} and its 95 % bootstrap interval. Blue: where the claim "
                f"counts as reproduced, mean {one['expect'].values}. Published: {one['published'].values} "
                f"({one['source'].values}).")

    return say


def _metric_caption(whole: xr.Dataset) -> Callable[[str], str]:
    return lambda metric: f"Mean over trials and {_count(whole.attrs['animals'])}, and its 95 % bootstrap interval."


def _left_out(whole: xr.Dataset) -> str:
    panels = panels_in_all(whole, roles(whole, False))
    if panels <= MOST_PANELS:
        return ""
    return f"The first {MOST_PANELS} of {panels} panels of each figure; all values are in sweep.nc and sweep.csv."


