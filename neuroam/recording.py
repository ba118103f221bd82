"""A recording: one flat xarray.Dataset, plain functions around it, netCDF in and out.

Dims: `animal` (one a group and seed), `trial` (in the protocol's order; the order presented is `position`), `unit`
(recorded cells), `spike`, `time` and `trace` (sampled emissions and potentials).

    spike_time(spike)               seconds; grouped by animal, then unit, ascending within a unit
    spike_count(animal, unit)       a CF contiguous ragged array; silent units count 0
    response(animal, trial, responder)   mean emission in the response window, of units without spikes
    trace_value(animal, time, trace)
    start_time, stop_time, stimulus_on, stimulus_off, response_on, response_off (animal, trial)   seconds

and, of circuits with stored patterns (all of them up to MOST_PATTERNS, of more those that were presented):

    overlap(animal, trial, pattern)      of the mean answer in the response window with each stored pattern
    overlap_trace(animal, time, pattern) where traces of every cell are recorded
    match(animal, trial)                 which of all stored patterns, from 0, the answer overlaps with most
    energy(animal, time)                 where the circuit has one and everything it depends on is recorded

Attributes hold what is needed to make the file again. Words are NWB's where NWB has one.
"""
from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from neuroam.errors import RecordingError
from neuroam.patterns import overlap
from neuroam.protocol import Group
from neuroam.session import Session
from neuroam.solvers.base import Outcome
from neuroam.wiring import Wired

SCHEMA = "recording-1"
EMPTY = "empty_variables"
MOST_PATTERNS = 256
LEAST_SQUEEZED = 100_000  # bytes
SAMPLES, SAMPLE = 16, 2048  # numbers
WORTH_IT = 0.67  # what may be left of them
MOST_PLAIN = 1e9  # bytes; a variable of netCDF-3 has an end
ORIGIN = "origin"  # the attribute that a recording has which was measured, not simulated
OF_A_FILE = ("title", ORIGIN, "session_start_time", "subject", "columns", "missing")
TRIAL_WORDS = ("name", "block", "phase", "cs_type", "stimulus")
REQUIRED = ("spike_time", "spike_count", "response", "trace_value", "start_time", "stop_time", "stimulus_on",
            "stimulus_off", "position", "group", "seed", "population", "trial_name")


def assemble(wired: Wired, session: Session, outcome: Outcome, group: Group) -> xr.Dataset:
    """One animal's outcome as a recording with one animal."""
    populations = [wired.populations[p] for p, _ in session.record if p not in session.unkept]
    names = np.array([p.name for p in populations for _ in range(p.size)], dtype=str)
    indices = np.array([cell for p in populations for cell in range(p.size)], np.int32)
    spike_time, spike_count = _ragged(populations, outcome, session.dt)
    kept = [p.name for p in populations if not (p.neuron.spiking and p.name in outcome.spikes)]
    graded = np.array([p.name in kept for p in populations for _ in range(p.size)], dtype=bool)
    responses = [outcome.responses[name] for name in kept]
    rows = sorted(session.presentations, key=lambda row: row.trial)
    position = np.argsort([row.trial for row in session.presentations]).astype(np.int32)
    trial_words = {f"trial_{w}" if w == "name" else w: ("trial", np.array([getattr(r, w) for r in rows], dtype=str))
                   for w in TRIAL_WORDS}
    times = {name: (("animal", "trial"), np.array([[getattr(row, tick) for row in rows]]) * session.dt)
             for name, tick in (("start_time", "start"), ("stop_time", "stop"), ("stimulus_on", "on"),
                                ("stimulus_off", "off"), ("response_on", "first"), ("response_off", "last"))}
    responding = np.concatenate(responses, axis=1) if responses else np.zeros((session.n_trials, 0))
    data = {
        "spike_time": ("spike", spike_time), "spike_count": (("animal", "unit"), spike_count[None]),
        "response": (("animal", "trial", "responder"), responding[None].astype(np.float32)), **times,
        "position": (("animal", "trial"), position[None]), **_traces(wired, session, outcome),
        "calibrated": (("animal", "calibration"), np.array([list(wired.labels.values())], float).reshape(1, -1)),
        **_overlaps(wired, session, outcome), **_energy(outcome),
    }
    coords = {
        "animal": np.zeros(1, np.int32), "group": ("animal", np.array([group.name])),
        "seed": ("animal", np.array([wired.seed], np.int32)), "trial": np.arange(session.n_trials, dtype=np.int32),
        **trial_words, "unit": np.arange(len(names), dtype=np.int32), "population": ("unit", names.astype(str)),
        "index_in_population": ("unit", indices), "responder": np.flatnonzero(graded).astype(np.int32),
        "response_unit": ("responder", np.array([p.neuron.unit_out for p in populations if p.name in kept
                                                 for _ in range(p.size)], dtype=str)),
        "calibration": np.array(list(wired.labels), dtype=str),
        **_time_coords(wired, session, outcome),
    }
    if "overlap" in data:
        coords["pattern"] = np.array([wired.stored.names[k] for k in _kept_patterns(wired, session)])  # type: ignore
    recording = xr.Dataset(data, coords)
    recording["spike_count"].attrs.update(sample_dimension="spike", long_name="spikes of each unit")
    for name in ("spike_time", "start_time", "stop_time", "stimulus_on", "stimulus_off", "response_on", "response_off",
                 "time"):
        recording[name].attrs["units"] = "s"
    return recording


def _ragged(populations: Sequence, outcome: Outcome, dt: float) -> tuple[np.ndarray, np.ndarray]:
    times, counts = [], []
    for p in populations:
        tick, cell = outcome.spikes.get(p.name, (np.zeros(0, np.int64), np.zeros(0, np.int32)))
        order = np.argsort(cell, kind="stable")
        times.append(tick[order] * dt)
        counts.append(np.bincount(cell, minlength=p.size).astype(np.int32))
    return np.concatenate([np.zeros(0), *times]), np.concatenate([np.zeros(0, np.int32), *counts])


def _traces(wired: Wired, session: Session, outcome: Outcome) -> dict:
    values = [trace for name, trace in outcome.traces.items() if wired.index[name] not in session.unkept]
    samples = next((len(v) for v in outcome.traces.values()), 0)
    table = np.concatenate(values, axis=1) if values else np.zeros((samples, 0))
    return {"trace_value": (("animal", "time", "trace"), table[None].astype(np.float32))}


def _kept_patterns(wired: Wired, session: Session) -> list[int]:
    """Positions of the stored patterns whose overlaps are kept."""
    assert wired.stored is not None
    if wired.stored.number <= MOST_PATTERNS:
        return list(range(wired.stored.number))
    shown = {row.stimulus for row in session.presentations}
    return [k for k, name in enumerate(wired.stored.names) if name in shown]


def _overlaps(wired: Wired, session: Session, outcome: Outcome) -> dict:
    stored, patterns = wired.stored, wired.patterns
    if stored is None or patterns is None or stored.population not in outcome.responses:
        return {}
    kept = _kept_patterns(wired, session)
    all_of_them = overlap(outcome.responses[stored.population], patterns)
    found = {"overlap": (("animal", "trial", "pattern"), all_of_them[None, :, kept].astype(np.float32)),
             "match": (("animal", "trial"), all_of_them.argmax(axis=1).astype(np.int32)[None])}
    trace = outcome.traces.get(stored.population)
    if trace is not None and trace.shape[1] == stored.size:
        along = overlap(trace, patterns[kept])
        found["overlap_trace"] = (("animal", "time", "pattern"), along[None].astype(np.float32))
    return found


def _energy(outcome: Outcome) -> dict:
    return {"energy": (("animal", "time"), outcome.energy[None])} if outcome.energy is not None else {}


def _time_coords(wired: Wired, session: Session, outcome: Outcome) -> dict:
    chosen = dict(session.record)
    names, cells, units = [], [], []
    for name, values in outcome.traces.items():
        p = wired.index[name]
        if p in session.unkept:
            continue
        picked = chosen[p]
        names += [name] * values.shape[1]
        cells += list(picked if picked is not None else range(values.shape[1]))
        neuron = wired.populations[p].neuron
        units += [neuron.unit_in if neuron.traced == "potential" else neuron.unit_out] * values.shape[1]
    samples = next((len(v) for v in outcome.traces.values()), 0)
    return {"time": np.arange(samples) * session.every * session.dt,
            "trace": np.arange(len(names), dtype=np.int32), "trace_population": ("trace", np.array(names, dtype=str)),
            "trace_cell": ("trace", np.array(cells, np.int32)), "trace_unit": ("trace", np.array(units, dtype=str))}


def join(recordings: Iterable[xr.Dataset]) -> xr.Dataset:
    """Several recordings of one protocol as one, animals one after the other.

    A column of trials or units that differs between them, or that some lack (NaN or "" there), gets the dim animal.
    Measured animals are numbered: `seed` is their place. What differs between the descriptions of their files
    (OF_A_FILE) becomes a variable over `animal`. Raises `RecordingError` for what analyses take to be one for all.
    """
    parts = list(recordings)
    _check_alike(parts)
    parts = _with_own_columns([_with_own_description(part, parts) for part in parts])
    whole = xr.concat(_of_one_set_of_patterns([p.drop_vars("spike_time") for p in parts]), "animal",
                      data_vars="minimal", coords="minimal", compat="override", join="override",
                      combine_attrs="override")
    spikes = np.concatenate([p["spike_time"].values for p in parts])
    whole["spike_time"] = ("spike", spikes, parts[0]["spike_time"].attrs)
    number = np.arange(whole.sizes["animal"], dtype=np.int32)
    if len(parts) > 1 and ORIGIN in whole.attrs:
        whole = whole.assign_coords(seed=("animal", number))
    return whole.assign_coords(animal=number)


def _check_alike(parts: Sequence[xr.Dataset]) -> None:
    if len({ORIGIN in part.attrs for part in parts}) > 1:
        raise RecordingError("some of these recordings were measured and some simulated; join each kind by itself")
    for name in ("trial_name", "population", "trace_population", "calibration", *TRIAL_WORDS[1:]):
        if any(_differ(part, parts[0], name) for part in parts[1:]):
            cure = (f"analyses take one {name} of a trial for all animals, so rename it in each, such as "
                    f"recording.rename({name}='own_{name}'), or keep them apart" if name in TRIAL_WORDS else
                    "join only animals of one protocol and circuit, or with the same trials and units")
            raise RecordingError(f"these recordings differ in {name}; {cure}")
    if len({part.attrs.get("clock_dt") for part in parts}) > 1:
        raise RecordingError("these recordings differ in clock_dt, the resolution of their times; give all the "
                             "coarsest with recording.attrs['clock_dt'] = … before joining them")


def _differ(one: xr.Dataset, other: xr.Dataset, name: str) -> bool:
    """Also where one alone has it."""
    if name not in one.variables or name not in other.variables:
        return name in one.variables or name in other.variables
    a, b = one[name], other[name]
    return a.dims != b.dims or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f")


def _with_own_description(part: xr.Dataset, parts: Sequence[xr.Dataset]) -> xr.Dataset:
    if ORIGIN not in part.attrs:
        return part
    own = [name for name in OF_A_FILE if any(name in p.variables for p in parts)
           or len({p.attrs.get(name) for p in parts}) > 1]
    told = {name: ("animal", np.full(part.sizes["animal"], part.attrs.get(name, ""))) for name in own
            if name not in part.variables}
    described = part.assign(told)
    described.attrs = {name: value for name, value in part.attrs.items() if name not in own or name == ORIGIN}
    return described


def _with_own_columns(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Columns of trials and units that not all animals share, with the dim animal."""
    found = {str(name): dims[0] for part in parts for name, v in part.variables.items()
             if name not in v.dims and len(dims := [d for d in v.dims if d != "animal"]) == 1
             and dims[0] in ("trial", "unit")}
    for name, dim in found.items():
        having = [part[name] for part in parts if name in part.variables]
        everywhere = len(having) == len(parts)
        if everywhere and (all("animal" in v.dims for v in having)
                           or not any(_differ(part, parts[0], name) for part in parts[1:])):
            continue
        if len({v.dtype.kind == "U" for v in having}) > 1:
            raise RecordingError(f"{name} has words in some of these recordings and numbers in others; make them "
                                 f"alike, or leave it out with recording.drop_vars({name!r})")
        words = having[0].dtype.kind == "U"
        kinds = [v.dtype for v in having] + ([] if words or everywhere else [np.dtype(float)])
        own = [_own_column(part, name, dim, np.result_type(*kinds), having[0].attrs) for part in parts]
        labels = any(name in part.coords for part in parts)
        parts = [part.drop_vars(name, errors="ignore") for part in parts]
        parts = [part.assign_coords({name: column}) if labels else part.assign({name: column})
                 for part, column in zip(parts, own, strict=True)]
    return parts


def _own_column(part: xr.Dataset, name: str, dim: str, dtype: np.dtype, attributes: dict) -> xr.Variable:
    values = np.array("" if dtype.kind == "U" else np.nan)
    if name in part.variables:
        values = part[name].transpose("animal", dim, missing_dims="ignore").values
    table = np.broadcast_to(values, (part.sizes["animal"], part.sizes[dim])).astype(dtype)
    return xr.Variable(("animal", dim), table, attributes)


def _of_one_set_of_patterns(parts: list[xr.Dataset]) -> list[xr.Dataset]:
    """Overlaps with a pattern that an animal does not store are NaN."""
    names = [p["pattern"].values.tolist() if "pattern" in p.coords else None for p in parts]
    if all(own == names[0] for own in names):
        return parts
    union = list(dict.fromkeys(name for own in names for name in own or ()))
    return [p.reindex(pattern=union) for p in parts]


def versions() -> str:
    """Versions of what a recording depends on, for its `source` attribute."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in ("neuroam", "brian2", "numba", "numpy", "xarray"))


def save(recording: xr.Dataset, path: str | os.PathLike, *, plain: bool = False) -> Path:
    """Write netCDF, all or nothing: a reader never finds half a file. Returns the path.

    With `plain`, what compression would not make much smaller is written as netCDF-3, in a tenth of the time. Raises
    `RecordingError` where the folder cannot be written or the disk is full.
    """
    check(recording, "this Dataset")
    engine, encoding = _engine(recording)
    if plain and not encoding and recording.nbytes < MOST_PLAIN:
        engine = "scipy"
    # through memory: HDF5 that meets a full disk leaves a file it cannot close and crashes later
    with _without_cluster():
        content = bytes(_without_empty(recording).to_netcdf(engine=engine, encoding=encoding))
    return write_whole(Path(path), content)


def _without_cluster() -> contextlib.AbstractContextManager:
    """On a worker of a Dask cluster xarray would ask the scheduler for a lock of what is in memory, which it lacks."""
    if "dask" not in sys.modules:
        return contextlib.nullcontext()
    import dask

    return dask.config.set(scheduler="synchronous")


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file, all or nothing; errors as in `save`."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        Path(temporary).write_bytes(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise RecordingError(f"cannot write {path}: {error.strerror or error}; free some space or write to another "
                             "path (on the command line: choose another folder with --out). Nothing written before "
                             "was touched") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    return path


def _engine(recording: xr.Dataset) -> tuple[Literal["scipy", "h5netcdf"], dict]:
    """Compressed netCDF-4 where h5netcdf is installed, plain netCDF-3 through scipy otherwise."""
    try:
        import h5netcdf  # noqa: F401
    except ImportError:
        return "scipy", {}
    squeezed = [n for n, v in recording.data_vars.items() if v.dtype.kind in "fi" and _shrinks(v.values)]
    return "h5netcdf", {n: {"zlib": True, "complevel": 1, "shuffle": True} for n in squeezed}


def _shrinks(values: np.ndarray) -> bool:
    """Whether compression is worth its time, judged by samples: most digits of graded emissions are noise to it."""
    if values.nbytes < LEAST_SQUEEZED:
        return False
    flat = values.ravel()
    first = np.linspace(0, flat.size - SAMPLE, SAMPLES).astype(int)
    sample = np.ascontiguousarray(flat[first[:, None] + np.arange(SAMPLE)])
    by_place = sample.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()
    return len(zlib.compress(by_place, 1)) < WORTH_IT * sample.nbytes


def _without_empty(recording: xr.Dataset) -> xr.Dataset:
    """Variables without a value are described in an attribute: to netCDF-3 a length of 0 means unlimited."""
    empty = {str(name): {"dims": v.dims, "shape": v.shape, "dtype": v.dtype.str, "attrs": v.attrs,
                         "coordinate": name in recording.coords}
             for name, v in recording.variables.items() if v.size == 0}
    return recording.drop_vars(empty).assign_attrs({EMPTY: json.dumps(empty)} if empty else {})


def _restored(recording: xr.Dataset) -> xr.Dataset:
    """As it was before it was written: words of a fixed length, and the variables without a value."""
    recording = recording.assign({n: v.astype(str) for n, v in recording.variables.items() if v.dtype == object})
    empty = json.loads(recording.attrs.pop(EMPTY, "{}"))
    kinds: dict[bool, dict] = {True: {}, False: {}}
    for name, v in empty.items():
        kinds[v["coordinate"]][name] = v["dims"], np.zeros(v["shape"], v["dtype"]), v["attrs"]
    return recording.assign_coords(kinds[True]).assign(kinds[False])


def load(path: str | os.PathLike) -> xr.Dataset:
    """Read a recording and check it; `RecordingError` says what is wrong with the file."""
    path = Path(path)
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file")
    try:
        with xr.open_dataset(path, decode_timedelta=False) as opened:
            recording = _restored(opened.load())
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, IndexError, ImportError) as error:
        if _needs_h5netcdf(path):
            raise RecordingError(f"{path}: this is compressed netCDF-4 (HDF5), and h5netcdf, which reads it, is not "
                                 "installed: pip install \"neuroam[io]\"") from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecordingError(f"{path}: not a readable netCDF file ({reason}); it may be truncated or in another "
                             "format") from None
    check(recording, str(path))
    return recording


def _needs_h5netcdf(path: Path) -> bool:
    try:
        import h5netcdf  # noqa: F401
    except ImportError:
        with path.open("rb") as file:
            return file.read(4) == b"\x89HDF"
    return False


def check(recording: xr.Dataset, name: str) -> None:
    """Raise `RecordingError` unless the Dataset is a whole recording of a schema we know."""
    schema = recording.attrs.get("neuroam_schema")
    if schema is None:
        raise RecordingError(f"{name} has no attribute neuroam_schema: not a neuroam recording")
    if schema != SCHEMA:
        raise RecordingError(f"{name} has schema {schema!r}, this neuroam reads {SCHEMA!r}; update neuroam")
    missing = [v for v in REQUIRED if v not in recording.variables]
    if missing:
        raise RecordingError(f"{name} lacks {', '.join(missing)}; it is incomplete")
    total, stored = int(recording["spike_count"].sum()), recording.sizes["spike"]
    if total != stored:
        raise RecordingError(f"{name}: spike_count adds up to {total}, but there are {stored} spike times")


def describe_attributes(title: str, **details: object) -> dict[str, str | int | float]:
    """Global attributes: what netCDF can hold, nested things as JSON."""
    simple = {k: v if isinstance(v, (str, int, float)) else json.dumps(v) for k, v in details.items()}
    return {"Conventions": "CF-1.11", "neuroam_schema": SCHEMA, "title": title, "source": versions(), **simple}


def spike_trains(recording: xr.Dataset, animal: int, population: str) -> list[np.ndarray]:
    """Spike times in seconds of each unit of a population of one animal (its place along `animal`)."""
    ends = np.cumsum(recording["spike_count"].values.ravel())
    starts = np.concatenate([[0], ends[:-1]])
    n_units = recording.sizes["unit"]
    times = recording["spike_time"].values
    units = animal * n_units + np.flatnonzero(recording["population"].values == population)
    return [times[starts[u]: ends[u]] for u in units]
