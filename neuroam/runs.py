"""A run: from a request to a folder with recordings, verdicts and a report.

    runs/odour_discrimination-<hash>/   recording.nc (the first level asked for), recording-<level>.nc, verdicts.json,
                                        report.html, nwb-<level>/ if asked for
    runs/index.html                     the notebook: all runs, comparisons and sweeps
    runs/.animals/                      finished animals, used again by any run that needs the same ones
"""
from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar

import xarray as xr

from neuroam import registry
from neuroam.circuit import Circuit, as_rates, as_spikes, unknown
from neuroam.errors import DescriptionError, NeuroamError, RecordingError
from neuroam.experiment import judge, process_pool, simulate, try_on
from neuroam.fingerprint import fingerprint
from neuroam.neurons import LIF, Escape
from neuroam.notebook import write_notebook
from neuroam.prediction import Verdict
from neuroam.protocol import Protocol
from neuroam.recording import load, save, write_whole
from neuroam.report import Level, verdict_table, write_report
from neuroam.solvers.base import Solver

ANIMALS = ".animals"
LEVELS = ("spiking", "rate", "effective")
EFFECTIVE = {"event-driven": ("volley", "Volleys"), "expected learning": ("place_replay", "PlaceReplay")}


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line; `dt` in ms or None for the protocol's usual clock, no `levels` for all
    that the circuit has."""

    protocol: str
    circuit: str | None = None
    levels: tuple[str, ...] = ()
    solver: str = "numba"
    animals: int = 8
    seed: int = 1
    dt: float | None = None
    settings: dict[str, str] = field(default_factory=dict)
    precision: str = "float64"
    verb: ClassVar[str] = "run"

    @property
    def command(self) -> str:
        """The command that makes this run again, every choice spelt out."""
        words = [f"neuroam {self.verb}", self.protocol, f"--levels {','.join(self.levels)}", f"--solver {self.solver}",
                 f"--animals {self.animals}", f"--seed {self.seed}"]
        words += [f"--circuit {quote(self.circuit)}"] if self.circuit else []
        words += [f"--dt {self.dt:g}"] if self.dt else []
        words += [f"--precision {self.precision}"] if self.precision != "float64" else []
        words += ["--set " + quote(f"{key}={value}") for key, value in self.settings.items()]
        return " ".join(words)


@dataclass(frozen=True, eq=False)
class Plan:
    """How one level is run: its form of the circuit and of the protocol, and its solver."""

    level: str
    circuit: Circuit
    protocol: Protocol
    solver: Solver

    def try_on(self, seed: int) -> None:
        """Meet every error that needs no simulation."""
        wired, _ = try_on(self.circuit, self.protocol, self.solver, seed)
        if wired.hidden and self.level == "effective":
            from neuroam.effective.adiabatic import listening_order

            listening_order(wired, wired.hidden)

    def run(self, animals: int, seed: int, **options: Any) -> xr.Dataset:
        """The recording; `options` are those of `simulate`."""
        return simulate(self.circuit, self.protocol, self.solver, animals, seed, level=self.level, **options)


def run(request: Request, out: str | os.PathLike = "runs", workers: int | None = None, *, nwb: bool = False) -> Path:
    """Run it, judge it, write its folder; prints progress and the verdict table. Returns the folder.

    With `nwb`, every animal at every level is also kept as NWB.
    """
    check_numbers(request, workers)
    if nwb:
        needs_pynwb()
    protocol, circuit = described(request)
    plans = [in_precision(request.precision, each) for each in
             plan(circuit, protocol, request.levels, clock(request, protocol), request.solver)]
    request = replace(request, levels=tuple(each.level for each in plans))
    key = fingerprint(circuit, protocol.name, protocol.blocks, protocol.groups, protocol.record,
                      [each.solver for each in plans], request)
    folder = Path(out) / f"{request.protocol}-{key}"
    check_writable(folder)
    announce(protocol, circuit, request)
    for each in plans:
        each.try_on(request.seed)
    levels = []
    with process_pool(min(workers or os.cpu_count() or 1, request.animals)) as pool:
        for each in plans:
            recording = each.run(request.animals, request.seed, executor=pool, store=Path(out) / ANIMALS,
                                 progress=AnimalsDone(each.level))
            recording.attrs["history"] = request.command
            save(recording, folder / _file_name(each.level, request.levels))
            if nwb:
                _write_nwb(recording, folder / f"nwb-{each.level}")
            levels.append(Level(each.level, recording, verdicts_on(recording, protocol)))
    _finish(folder, levels, circuit, protocol, request.command)
    return folder


def verdicts_on(recording: xr.Dataset, protocol: Protocol) -> list[Verdict]:
    """The verdicts; none where the protocol makes no prediction."""
    return judge(recording, protocol) if protocol.predictions else []


def check_numbers(request: Request, workers: int | None) -> None:
    """Refuse numbers of animals and workers below 1."""
    for name, number in (("animals", request.animals), ("workers", workers)):
        if number is not None and number < 1:
            raise DescriptionError(f"--{name} is {number}; give a whole number, at least 1")


def clock(request: Request, protocol: Protocol) -> float:
    """The time step in seconds."""
    return request.dt * 1e-3 if request.dt is not None else float(protocol.dt)


def announce(protocol: Protocol, circuit: Circuit, request: Request) -> None:
    """Print what is about to be run."""
    print(f"{protocol.title} ({protocol.source})\n{circuit.name}, {request.animals} animals in each of "
          f"{len(protocol.groups)} groups, seeds {request.seed}–{request.seed + request.animals - 1}, levels "
          f"{', '.join(request.levels)}", flush=True)


def plan(circuit: Circuit, protocol: Protocol, levels: Sequence[str], dt: float, solver: str = "numba") -> list[Plan]:
    """How each of the levels is run with a clock of `dt` seconds; without `levels`, all those of the protocol or, if
    it names none, of the circuit.

    Raises `DescriptionError` for a level there is not, or that the circuit or the protocol does not have.
    """
    chosen = list(dict.fromkeys(levels or protocol.levels)) or [level for level in LEVELS if not lacks(circuit, level)]
    for level in chosen:
        if level not in LEVELS:
            raise DescriptionError(f"--levels: {unknown('level', level, LEVELS)}")
        if reason := lacks(circuit, level):
            has = ",".join(known for known in LEVELS if not lacks(circuit, known))
            raise DescriptionError(f"circuit {circuit.name!r} has no {level} level: {reason}, or use --levels {has}")
        if protocol.levels and level not in protocol.levels:
            raise DescriptionError(f"protocol {protocol.name!r} asks what the {level} level cannot answer; use "
                                   f"--levels {','.join(protocol.levels)}")
    return [Plan(level, *_at_level(level, circuit, protocol), _solver(solver, level, dt, circuit)) for level in chosen]


def in_precision(precision: str, plan: Plan) -> Plan:
    """The plan with a solver of this precision, float64 or float32; `DescriptionError` where it has but the one."""
    if precision == getattr(plan.solver, "dtype", "float64"):
        return plan
    if not hasattr(plan.solver, "dtype"):
        raise DescriptionError(f"--precision {precision}: {plan.solver.name}, which runs the {plan.level} level of "
                               f"circuit {plan.circuit.name!r}, has double precision alone; leave the option out, or "
                               "choose other --levels")
    return replace(plan, solver=replace(plan.solver, dtype=precision))  # type: ignore[type-var]


def lacks(circuit: Circuit, level: str) -> str:
    """Why the circuit does not have a level, and what would give it one; nothing where it has it."""
    if level == "spiking" and circuit.pool is None and not any(isinstance(p.neuron, (LIF, Escape))
                                                               for p in circuit.populations):
        return ("its cells are graded, and it does not say which spiking cells stand for one; give the circuit a "
                "pool=Pool(…)")
    if level == "effective" and not (circuit.hidden or circuit.calibration is not None or _conducts(circuit)):
        return ("it has neither hidden populations to integrate out, nor a calibrated code of winners, nor "
                "conductances whose mean field would do; give the circuit hidden=(…) or a calibration")
    return ""


def _conducts(circuit: Circuit) -> bool:
    return any(projection.reversal is not None for projection in circuit.projections)


def _at_level(name: str, circuit: Circuit, protocol: Protocol) -> tuple[Circuit, Protocol]:
    """What is run at a level. Codes of winners, mean fields and updates one by one have no traces within a trial."""
    if name == "effective":
        in_time = circuit.hidden and circuit.updates != "asynchronous"
        return circuit, protocol if in_time else protocol.without_traces()
    return as_rates(circuit) if name == "rate" else as_spikes(circuit), protocol


def rewrite_report(folder: str | os.PathLike) -> Path:
    """Judge the recordings of a run's folder again, with the analysis as it is now, and write the report anew."""
    _finish(Path(folder), *read_run(folder))
    return Path(folder)


def read_run(folder: str | os.PathLike) -> tuple[list[Level], Circuit, Protocol, str]:
    """The levels of a run's folder, judged as now, with its circuit, its protocol and its command."""
    folder = Path(folder)
    made = _read_verdicts(folder)
    levels = []
    for name in made["levels"]:
        recording = load(folder / _file_name(name, made["levels"]))
        protocol = registry.build("protocols", recording.attrs["protocol"])
        levels.append(Level(name, recording, verdicts_on(recording, protocol)))
    circuit = registry.build("circuits", levels[0].recording.attrs["circuit"])
    return levels, circuit, protocol, made["command"]


def export_nwb(path: str | os.PathLike, species: str | None = None) -> list[Path]:
    """Write the animals of a recording, or of all recordings of a run's folder, as NWB beside it; returns the folders.

    recording.nc of a run and recording-<level>.nc go to nwb-<level>/, any other NAME.nc to nwb-NAME/. The report of the
    run then links them.
    """
    needs_pynwb()
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    ran = (folder / "verdicts.json").exists()
    levels = _read_verdicts(folder)["levels"] if ran or path.is_dir() else []
    known = {folder / _file_name(level, levels): f"nwb-{level}" for level in levels}
    chosen = known if path.is_dir() else {path: known.get(path, f"nwb-{path.stem.removeprefix('recording-')}")}
    written = [_write_nwb(load(one), folder / name, species) for one, name in chosen.items()]
    if ran:
        rewrite_report(folder)
    return written


def _write_nwb(recording: xr.Dataset, folder: Path, species: str | None = None) -> Path:
    from neuroam.io import to_nwb_all

    files = to_nwb_all(recording, folder, species=species)
    print(f"{len(files)} NWB files: {folder}")
    return folder


def needs_pynwb() -> None:
    """Raise `NeuroamError` where pynwb is not installed."""
    if importlib.util.find_spec("pynwb") is None:
        raise NeuroamError("NWB needs pynwb 4 or later: pip install 'neuroam[nwb]'")


def described(request: Request, option: str = "--set") -> tuple[Protocol, Circuit]:
    """The protocol and the circuit; each setting goes to the one that has it, or to the one it names. Errors speak of
    the `option` that was given."""
    make = registry.settings_of("protocols", request.protocol)
    bare = registry.build("protocols", request.protocol, {})
    name = request.circuit or bare.circuit
    if not name:
        raise DescriptionError(f"protocol {request.protocol!r} names no usual circuit; give one with --circuit")
    known = {"protocol": make, "circuit": registry.settings_of("circuits", name)}
    chosen: dict[str, dict[str, str]] = {"protocol": {}, "circuit": {}}
    for key, value in request.settings.items():
        owner, _, rest = key.rpartition(".")
        owners = [owner] if owner else [kind for kind, keys in known.items() if key in keys]
        if not owners or owners[0] not in known or rest not in known[owners[0]]:
            raise DescriptionError(f"{option}: {unknown('setting', key, [*known['protocol'], *known['circuit']])}")
        if len(owners) > 1:
            raise DescriptionError(f"{option} {key}: both have it; write protocol.{key} or circuit.{key}")
        chosen[owners[0]][rest] = value
    return (registry.build("protocols", request.protocol, chosen["protocol"]),
            registry.build("circuits", name, chosen["circuit"]))


def _solver(name: str, level: str, dt: float, circuit: Circuit) -> Solver:
    if level == "effective":
        return _reduced(dt, circuit)
    if name == "numba":
        from neuroam.solvers import Numba

        return Numba(dt)
    from neuroam.solvers import Brian

    return Brian({"brian": "runtime", "brian-cpp": "cpp_standalone", "brian-cuda": "cuda_standalone"}[name], dt)


def _reduced(dt: float, circuit: Circuit) -> Solver:
    """The effective level that suits the circuit; see docs/effective.md."""
    if circuit.updates in EFFECTIVE:
        module, name = EFFECTIVE[circuit.updates]
    elif circuit.hidden:
        module, name = "adiabatic", "Adiabatic"
    elif circuit.calibration is not None:
        module, name = "winner_take_all", "WinnerTakeAll"
    else:
        module, name = "mean_field", "MeanField"
    return getattr(import_module(f"neuroam.effective.{module}"), name)(dt)


def _file_name(level: str, levels: list[str] | tuple[str, ...]) -> str:
    return "recording.nc" if level == levels[0] else f"recording-{level}.nc"


def check_writable(folder: Path) -> None:
    """Find out before the work, not after it, that nothing can be written. The folder itself comes with its content."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder.parent):
            pass
    except OSError as error:
        raise RecordingError(f"cannot write to {folder}: {error.strerror}; choose another folder with --out") from None


def _finish(folder: Path, levels: list[Level], circuit: Circuit, protocol: Protocol, command: str) -> None:
    verdicts: dict[str, Any] = {
        "protocol": protocol.name, "title": protocol.title, "source": protocol.source, "command": command,
        "levels": [level.name for level in levels],
        "verdicts": {level.name: [dataclasses.asdict(v) for v in level.verdicts] for level in levels}}
    write_whole(folder / "verdicts.json", json.dumps(verdicts, indent=1, ensure_ascii=False).encode())
    report = write_report(folder, levels, circuit, protocol, command)
    print(f"\n{verdict_table(levels)}\n\nreport: {report}\nnotebook: {write_notebook(folder.parent)}")


def _read_verdicts(folder: Path) -> dict[str, Any]:
    path = folder / "verdicts.json"
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        return {"levels": made["levels"], "command": made["command"]}
    except OSError as error:
        raise RecordingError(f"{folder} is not the folder of a finished run: {path.name}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise RecordingError(f"{path} is not readable; run the protocol again") from None


class AnimalsDone:
    """Animals done and time left: one line that rewrites itself on a terminal, a line an animal elsewhere."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.live = sys.stdout.isatty()

    def __call__(self, done: int, total: int, seconds: float) -> None:
        left = seconds / done * (total - done)
        state = f"about {left:.0f} s left" if done < total else "done"
        line = f"{self.label:10s} {done:3d} of {total} animals  {seconds:5.0f} s  {state}"
        print(f"\r{line:70s}" if self.live else line, end="\n" if done == total or not self.live else "", flush=True)


def show_cache(out: str | os.PathLike = "runs") -> None:
    """Print what is kept: compiled programs and finished animals."""
    from neuroam.solvers import build_cache

    programs = build_cache.entries()
    print(f"{len(programs)} compiled programs in {build_cache.root()}")
    for entry in programs:
        print(f"  {entry.key}  {entry.size / 1e6:6.1f} MB  {entry.date}  {entry.name}")
    animals = sorted((Path(out) / ANIMALS).glob("*.nc"))
    size = sum(path.stat().st_size for path in animals)
    print(f"{len(animals)} finished animals in {Path(out) / ANIMALS}, {size / 1e6:.1f} MB")


def clear_cache(out: str | os.PathLike = "runs") -> None:
    """Delete compiled programs and finished animals; runs and their recordings stay."""
    from neuroam.solvers import build_cache

    build_cache.clear()
    shutil.rmtree(Path(out) / ANIMALS, ignore_errors=True)
    print("cleared; recordings and reports are kept")
