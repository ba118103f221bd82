"""What `neuroam compare` leaves: a folder made by a comparison, and made again from what lies in it.

    runs/pattern_completion-compare-<hash>/   comparison.nc, comparison.html, recording-<level>.nc, and nwb-<level>/
                                              where it was asked for
        recordings/                           where values of a setting are held against each other, the recordings
                                              instead: <level>-<setting>-<value>.nc, nwb-<level>-<setting>-<value>/
    runs/.animals/                            finished animals, shared with `runs`
"""
from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

import xarray as xr

from neuroam import registry
from neuroam.analysis.adiabatic import breaking_point, order
from neuroam.circuit import Circuit
from neuroam.compare import Keep, compare, compare_against, compared
from neuroam.errors import RecordingError
from neuroam.experiment import process_pool
from neuroam.fingerprint import fingerprint
from neuroam.notebook import write_notebook
from neuroam.outcome import Level, comparison_table, curve_summary, curve_table, verdict_table
from neuroam.protocol import Protocol
from neuroam.recording import load, save, write_whole
from neuroam.report import write_comparison, write_curve
from neuroam.runs import (
    ANIMALS,
    AnimalsDone,
    Request,
    announce,
    check_numbers,
    check_writable,
    clock,
    described,
    export_nwb,
    needs_pynwb,
    plan,
    verdicts_on,
)

COMPARISON = "comparison.nc"
RECORDINGS = "recordings"


@dataclass(frozen=True)
class Comparison(Request):
    """What was asked for on the command line: a run at several levels, or the setting `against` at several `values`."""

    against: str = ""
    values: tuple[str, ...] = ()
    verb: ClassVar[str] = "compare"

    @property
    def command(self) -> str:
        given = " --against " + quote(f"{self.against}={','.join(self.values)}") if self.against else ""
        return super().command + given


def run_comparison(request: Comparison, out: str | os.PathLike = "runs", workers: int | None = None, *,
                   nwb: bool = False) -> Path:
    """Run the comparison, write its folder; prints progress and tables. Returns the folder.

    With `nwb`, every animal of every recording is also kept as NWB.
    """
    check_numbers(request, workers)
    if nwb:
        needs_pynwb()
    protocol, circuit = described(request)
    circuits = {value: described(replace(request, settings={**request.settings, request.against: value}),
                                 "--against")[1] for value in request.values}
    usual = plan(circuit, protocol, ("rate",) if request.against else (), clock(request, protocol), request.solver)
    request = replace(request, levels=request.levels or tuple(each.level for each in usual))
    key = fingerprint(circuit, list(circuits.values()), protocol.name, protocol.blocks, protocol.groups,
                      protocol.record, protocol.metrics, protocol.predictions, request)
    folder = Path(out) / f"{request.protocol}-compare-{key}"
    check_writable(folder)
    announce(protocol, circuit, request)
    with process_pool(min(workers or os.cpu_count() or 1, request.animals)) as pool:
        options: dict[str, Any] = {"dt": clock(request, protocol), "solver": request.solver, "executor": pool,
                                   "store": Path(out) / ANIMALS, "follow": AnimalsDone}
        if request.against:
            curve = compare_against(circuits, protocol, request.levels, request.animals, request.seed,
                                    setting=request.against, keep=_keep(folder, request), **options)
            finish: Callable[..., Path] = partial(_finish_curve, folder, curve)
        else:
            found, table = compare(circuit, protocol, request.levels, request.animals, request.seed, **options)
            for level in found:
                save(level.recording.assign_attrs(history=request.command), folder / f"recording-{level.name}.nc")
            finish = partial(_finish, folder, found, table)
    if nwb:
        _write_nwb(folder)
    print(f"\ncomparison: {finish(circuit, protocol, request.command)}\nnotebook: {write_notebook(out)}")
    return folder


def _keep(folder: Path, request: Comparison) -> Keep:
    """Keeps the recordings of a curve, each named by its level and value."""
    def keep(recording: xr.Dataset, level: str, value: str) -> None:
        name = re.sub(r"[^\w.+-]+", "_", f"{level}-{request.against}-{value}")
        save(recording.assign_attrs(history=request.command, settings=json.dumps({request.against: value})),
             folder / RECORDINGS / f"{name}.nc")

    return keep


def _write_nwb(folder: Path, species: str | None = None) -> list[Path]:
    return [made for path in _recordings(folder) for made in export_nwb(path, species)]


def _recordings(folder: Path) -> list[Path]:
    """Those of a comparison's folder; `RecordingError` where there are none."""
    found = [*sorted(folder.glob("recording-*.nc")), *sorted((folder / RECORDINGS).glob("[!.]*.nc"))]
    if not found:
        raise RecordingError(f"{folder} is a comparison without its recordings; give its command again")
    return found


def export_comparison(folder: str | os.PathLike, species: str | None = None) -> list[Path]:
    """Write the recordings of a comparison's folder as NWB, to nwb-<level>/ or recordings/nwb-<name>/; its page then
    links them. Raises as `rewrite_comparison`."""
    written = _write_nwb(Path(folder), species)
    rewrite_comparison(folder)
    return written


def rewrite_comparison(folder: str | os.PathLike) -> Path:
    """Compare and judge the recordings of a comparison's folder with the analysis as it is now, and write its page
    anew; the page of a curve is drawn anew. Returns the page.

    Raises `RecordingError` where comparison.nc or a recording cannot be read or is not there.
    """
    folder = Path(folder)
    try:
        before = xr.load_dataset(folder / COMPARISON, engine="scipy")
        command, levels = str(before.attrs["history"]), before["level"].values.tolist()
        animals, seed = int(before.attrs["animals"]), int(before.attrs["seed"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordingError(f"{folder / COMPARISON} cannot be read ({error}); give the command of the comparison "
                             "again") from None
    first = load(_recordings(folder)[0])
    circuit, protocol = _described(first, before.attrs.get("setting", ""))
    if "setting" in before.attrs:
        page = _finish_curve(folder, before, circuit, protocol, command)
    else:
        recordings = {level: load(folder / f"recording-{level}.nc") for level in levels}
        found = [Level(level, recording, verdicts_on(recording, protocol)) for level, recording in recordings.items()]
        page = _finish(folder, found, compared(found, circuit, protocol, animals, seed), circuit, protocol, command)
    print(f"\ncomparison: {page}\nnotebook: {write_notebook(folder.parent)}")
    return page


def _described(recording: xr.Dataset, setting: str) -> tuple[Circuit, Protocol]:
    """What was compared; the circuit with the usual value of the setting that had several."""
    circuit = json.loads(recording.attrs["circuit"])
    circuit["settings"].pop(setting.rpartition(".")[2], None)
    return registry.build("circuits", circuit), registry.build("protocols", recording.attrs["protocol"])


def _finish(folder: Path, levels: list[Level], comparison: xr.Dataset, circuit: Circuit, protocol: Protocol,
            command: str) -> Path:
    _save(comparison, folder, command)
    page = write_comparison(folder, levels, comparison, circuit, protocol, command)
    groups = comparison["group"].values.tolist()
    print(f"\n{comparison_table(comparison, groups[0]).text()}")
    if len(groups) > 1:
        print(f"The other groups ({', '.join(groups[1:])}) are in the page.")
    if protocol.predictions:
        print(f"\n{verdict_table(levels)}")
    return page


def _finish_curve(folder: Path, curve: xr.Dataset, circuit: Circuit, protocol: Protocol, command: str) -> Path:
    _save(curve, folder, command)
    orders, breaks = order(curve), breaking_point(curve)
    page = write_curve(folder, curve, orders, breaks, circuit, protocol, command)
    said = [*curve_summary(orders, breaks, curve), curve.attrs["besides"].strip()]
    print("\n" + "\n".join([curve_table(curve).text(), *(line for line in said if line)]))
    return page


def _save(comparison: xr.Dataset, folder: Path, command: str) -> None:
    write_whole(folder / COMPARISON, bytes(comparison.assign_attrs(history=command).to_netcdf(engine="scipy")))
