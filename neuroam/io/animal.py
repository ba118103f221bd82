"""One animal's recording, in the parts that other formats have a place for, and the recording from its parts.

A part's place follows from its dims, whatever its name, so that a variable added later travels too:

    spike_time, spike_count         one train of each spiking unit
    (trial)                         a column of the table of trials, which is in the order of time
    (time), (time, ·), (trial, responder)    signals
    anything else                   arrays beside

A `header`, JSON, holds the attributes, and the type and shape of every variable.
"""
from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from neuroam.errors import RecordingError
from neuroam.recording import OF_A_FILE, check

LAYOUT = 1
SPIKES = ("spike_time", "spike_count")


def one_animal(recording: xr.Dataset, animal: int | None, cure: str) -> xr.Dataset:
    """The recording of one animal (its place along `animal`), itself a whole recording.

    Without `animal` there must be one alone; otherwise `RecordingError` names the `cure`.
    """
    check(recording, "this Dataset")
    count = recording.sizes["animal"]
    if animal is None and count != 1:
        raise RecordingError(f"this recording has {count} animals where there is room for one; {cure}")
    animal = animal or 0
    if not 0 <= animal < count:
        raise RecordingError(f"animal={animal}: this recording has the animals 0 to {count - 1}")
    owner = np.repeat(np.arange(count), recording["spike_count"].sum("unit").values)
    return _with_its_description(recording.isel(animal=[animal], spike=owner == animal))


def _with_its_description(one: xr.Dataset) -> xr.Dataset:
    """What `join` kept of each animal's file is of the recording again."""
    own = {name: str(one[name].values[0]) for name in OF_A_FILE
           if name in one.variables and one[name].dims == ("animal",)}
    described = one.drop_vars(own)
    described.attrs = one.attrs | {name: text for name, text in own.items() if text}
    return described


def dims_of_one(variable: xr.Variable | xr.DataArray) -> tuple[str, ...]:
    """Dims without that of the animal."""
    return tuple(str(d) for d in variable.dims if d != "animal")


def order_presented(recording: xr.Dataset) -> np.ndarray:
    """Places along `trial` in the order of time."""
    return np.argsort(recording["start_time"].values[0], kind="stable")


def columns_over(recording: xr.Dataset, dim: str) -> dict[str, np.ndarray]:
    """Variables with one value a trial or one a unit; not the counts of spikes."""
    return {str(name): v.values.reshape(-1) for name, v in recording.variables.items()
            if dims_of_one(v) == (dim,) and name not in SPIKES}


def spiking_units(recording: xr.Dataset) -> np.ndarray:
    """Places of the units with a spike train, which may be empty; the others have a graded response."""
    graded = np.isin(np.arange(recording.sizes["unit"]), recording["responder"].values)
    return np.flatnonzero(~graded | (recording["spike_count"].values[0] > 0))


def index_in_population(recording: xr.Dataset) -> np.ndarray:
    """Counted from 0 in each population where the recording does not say."""
    if "index_in_population" in recording.variables:
        return recording["index_in_population"].values
    return times_before(recording["population"].values)


def times_before(names: np.ndarray) -> np.ndarray:
    """How often each name came before."""
    number = np.zeros(len(names), np.int32)
    for name in np.unique(names):
        same = np.flatnonzero(names == name)
        number[same] = np.arange(len(same))
    return number


def session_span(recording: xr.Dataset) -> tuple[float, float]:
    """From 0, or what was before it, to the end of the last trial, sample and spike, in seconds."""
    names = ("start_time", "stop_time", "stimulus_off", "spike_time", "time")
    known = [recording[name].values.ravel() for name in names if name in recording.variables]
    times = np.concatenate([np.zeros(1), *known])
    return float(np.nanmin(times)), float(np.nanmax(times))


# what has no place of its own

def arrays_beside(recording: xr.Dataset, placed: Collection[str]) -> dict[str, np.ndarray]:
    """Every variable that is neither a train, nor a column of trials, nor `placed` as a signal."""
    elsewhere = {*SPIKES, *columns_over(recording, "trial"), *placed}
    return {str(name): v.values for name, v in recording.variables.items() if name not in elsewhere and v.size}


def header(recording: xr.Dataset) -> str:
    """JSON: attributes, and the dims, shape, type and attributes of every variable.

    Raises `RecordingError` for a variable that is neither numbers nor truth values nor words.
    """
    for name, v in recording.variables.items():
        if v.dtype.kind not in "biufU":
            raise RecordingError(f"the variable {name} has the type {v.dtype}; make it numbers, or words with "
                                 f"recording[{name!r}].astype(str)")
    variables = {str(name): {"dims": v.dims, "shape": v.shape, "dtype": v.dtype.str, "attrs": _plain(v.attrs),
                             "coordinate": name in recording.coords} for name, v in recording.variables.items()}
    return json.dumps({"layout": LAYOUT, "attrs": _plain(recording.attrs), "variables": variables})


def _plain(attributes: Mapping) -> dict[str, Any]:
    return {str(k): v.tolist() if isinstance(v, (np.ndarray, np.generic)) else v for k, v in attributes.items()}


def spikes_of(trains: Mapping[int, np.ndarray], about: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The ragged array from one train a place along `unit`; units without a train have no spikes."""
    count = np.zeros(about["variables"]["spike_count"]["shape"], np.int32)
    places = sorted(trains)
    count[0, places] = [len(trains[place]) for place in places]
    return {"spike_count": count, "spike_time": np.concatenate([*(trains[place] for place in places), np.zeros(0)])}


def trains_of(recording: xr.Dataset) -> dict[int, np.ndarray]:
    """Spike times in seconds of each spiking unit, by its place along `unit`."""
    ends = np.cumsum(recording["spike_count"].values[0])
    parts = np.split(recording["spike_time"].values, ends[:-1])
    return {int(unit): parts[unit] for unit in spiking_units(recording)}


def read_header(text: str, where: str) -> dict[str, Any]:
    """The header as written by `header`; `RecordingError` if it is not one or is of a later neuroam."""
    try:
        found = json.loads(text)
        layout, _ = found["layout"], found["variables"]
    except (ValueError, TypeError, KeyError):
        raise RecordingError(f"{where}: what neuroam wrote about this recording cannot be read any more; export it "
                             "again") from None
    if layout != LAYOUT:
        raise RecordingError(f"{where} has layout {layout!r}, this neuroam reads {LAYOUT}; update neuroam")
    return found


def rebuild(header: Mapping[str, Any], values: Mapping[str, np.ndarray], where: str) -> xr.Dataset:
    """The recording as it was; `RecordingError` where values are missing or are not as many as they were."""
    parts: dict[bool, dict] = {True: {}, False: {}}
    for name, v in header["variables"].items():
        shape, dtype = v["shape"], np.dtype(v["dtype"])
        array = np.asarray(values[name]) if name in values else np.zeros(0)
        if array.size != prod(shape):
            raise RecordingError(f"{where} has {array.size} values of {name} where neuroam wrote {prod(shape)}; "
                                 "it was changed since, so export it again")
        parts[v["coordinate"]][name] = v["dims"], array.astype(dtype).reshape(shape), v["attrs"]
    recording = xr.Dataset(parts[False], parts[True], header["attrs"])
    check(recording, where)
    return recording
