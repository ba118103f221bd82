"""A laboratory's units and trials as a recording, whatever the file they come from.

What analysis calls a response is the spikes within a trial's stimulus. Where no onset and end are known, the trial
counts as the stimulus. Trials without a window are left out; trials that overlap are refused, since a spike counts for
one. Whatever is missing is said in one warning and in the attribute `missing`; the attribute `columns` says what was
read as what. Further columns are kept under their own names.
"""
from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from neuroam.errors import RecordingError
from neuroam.io.animal import times_before
from neuroam.io.columns import OF_UNITS, Columns, further, words
from neuroam.recording import describe_attributes

MICROSECOND = 1e-6
WORDS = ("stimulus", "block", "phase", "cs_type")
IN_TIME = ("start_time", "stop_time", "stimulus_on", "stimulus_off")


@dataclass
class Measured:
    """What was found: spike trains in seconds, columns of units and of trials, and what could not be read.

    `observed` has the intervals (k, 2) in which each unit was observed. Trials have at least `start_time` and
    `stop_time`; without any, the session is one trial.
    """

    where: str
    trains: list[np.ndarray]
    units: dict[str, np.ndarray]
    trials: dict[str, np.ndarray]
    attributes: dict[str, Any]
    resolution: float | None = None
    observed: list[np.ndarray] | None = None
    missing: list[str] = field(default_factory=list)


def recording_of(measured: Measured, columns: Columns) -> xr.Dataset:
    """The recording, one animal.

    Raises `RecordingError` where a column that was named is not there, where no trial has a window, or where trials
    overlap.
    """
    if not measured.trials:
        _one_trial(measured)
    chosen = columns.choose(measured.units, measured.trials, measured.where)
    dt = _clock(measured)
    times, keep = _windows(measured, chosen, dt)
    trains, of_units = _sorted_trains(measured), _units(measured, chosen)
    if measured.observed is not None:
        of_units["unobserved_trials"] = _unobserved(measured, times, dt)
    n, position = int(keep.sum()), np.argsort(np.argsort(times["start_time"], kind="stable")).astype(np.int32)
    data = {"spike_time": ("spike", np.concatenate([*trains, np.zeros(0)])),
            "spike_count": (("animal", "unit"), np.array([len(t) for t in trains], np.int32)[None]),
            "response": (("animal", "trial", "responder"), np.zeros((1, n, 0), np.float32)),
            "trace_value": (("animal", "time", "trace"), np.zeros((1, 0, 0), np.float32)),
            "position": (("animal", "trial"), position[None]),
            **{name: (("animal", "trial"), values[None]) for name, values in times.items()}}
    coords = {"animal": np.zeros(1, np.int32), "group": ("animal", [_group(measured, chosen, keep)]),
              "seed": ("animal", np.zeros(1, np.int32)), "time": np.zeros(0), "responder": np.zeros(0, np.int32),
              "response_unit": ("responder", np.zeros(0, "U1")), "trace": np.zeros(0, np.int32),
              "trace_population": ("trace", np.zeros(0, "U1")), "trace_cell": ("trace", np.zeros(0, np.int32)),
              "trace_unit": ("trace", np.zeros(0, "U1")),
              "unit": np.arange(len(trains), dtype=np.int32), "trial": np.arange(n, dtype=np.int32),
              **{name: ("trial", values) for name, values in _words(measured, chosen, keep).items()},
              **{name: ("unit", values) for name, values in of_units.items()}}
    recording = xr.Dataset(data, coords, _attributes(measured, chosen, dt))
    for name in ("spike_time", *IN_TIME):
        recording[name].attrs["units"] = "s"
    return recording


def warn_of_missing(recording: xr.Dataset, where: str, stacklevel: int) -> None:
    """One `UserWarning` for what a laboratory's recording lacks; nothing for a recording of neuroam's."""
    if json.loads(recording.attrs.get("missing", "[]")):
        warnings.warn(f"{where} is not from neuroam and lacks: {'; '.join(json.loads(recording.attrs['missing']))}",
                      stacklevel=stacklevel + 1)


def _one_trial(measured: Measured) -> None:
    known = np.concatenate([np.zeros(1), *measured.trains, *(part.ravel() for part in measured.observed or [])])
    known = known[np.isfinite(known)]
    measured.trials = {"start_time": known.min()[None],
                       "stop_time": known.max()[None] + 2 * MICROSECOND}  # the last spike is within
    measured.missing.append("trials (the session is one)")


def _clock(measured: Measured) -> float:
    if measured.resolution is not None and 0 < measured.resolution < 0.01:
        return float(measured.resolution)
    measured.missing.append("resolution (times are taken to a microsecond)")
    return MICROSECOND


def _attributes(measured: Measured, chosen: Mapping[str, str], dt: float) -> dict[str, str | int | float]:
    known = dict(measured.attributes)
    return describe_attributes(known.pop("title"), clock_dt=dt, columns=dict(chosen), missing=measured.missing, **known)


# trials

def _windows(measured: Measured, chosen: Mapping[str, str], dt: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Times of the trials that have a window, and which trials these are."""
    start, stop = (_times(measured, name, name) for name in ("start_time", "stop_time"))
    on = _times(measured, chosen["stimulus_on"], "stimulus_on") if "stimulus_on" in chosen else start
    off = _ends(measured, chosen, on, stop)
    absent = [word for word in ("stimulus_on", "stimulus_off") if word not in chosen]
    if absent and not ("stimulus_on" in chosen and "stimulus_duration" in chosen):
        measured.missing.append(f"{', '.join(absent)} (taken from the trial)")
    with np.errstate(invalid="ignore"):
        keep = np.isfinite(on) & np.isfinite(off) & (off - on >= dt)
    if not keep.any():
        raise RecordingError(f"{measured.where}: no trial has an onset and a later end; name the columns that have "
                             "them with columns={'stimulus_on': …, 'stimulus_off': …}")
    if not keep.all():
        measured.missing.append(f"a window in {int((~keep).sum())} of {len(keep)} trials (left out)")
    times = {"start_time": np.where(np.isfinite(start), start, on)[keep],
             "stop_time": np.where(np.isfinite(stop), stop, off)[keep], "stimulus_on": on[keep],
             "stimulus_off": off[keep]}
    _refuse_overlap(measured.where, times, np.flatnonzero(keep), dt)
    return times, keep


def _ends(measured: Measured, chosen: Mapping[str, str], on: np.ndarray, stop: np.ndarray) -> np.ndarray:
    if "stimulus_off" in chosen:
        return _times(measured, chosen["stimulus_off"], "stimulus_off")
    if "stimulus_duration" in chosen:
        return on + _times(measured, chosen["stimulus_duration"], "stimulus_duration")
    return stop


def _times(measured: Measured, name: str, word: str) -> np.ndarray:
    try:
        return np.asarray(measured.trials[name], float)
    except ValueError:
        raise RecordingError(f"{measured.where}: the column {name!r} does not hold times, so it cannot be {word}; name "
                             f"another with columns={{'{word}': …}}") from None


def _refuse_overlap(where: str, times: Mapping[str, np.ndarray], rows: np.ndarray, dt: float) -> None:
    on, off = (np.rint(times[name] / dt).astype(np.int64) for name in ("stimulus_on", "stimulus_off"))
    order = np.argsort(on, kind="stable")
    early = np.flatnonzero(off[order][:-1] > on[order][1:])
    if len(early):
        first, second = rows[order[early[0]]], rows[order[early[0] + 1]]
        raise RecordingError(f"{where}: the windows of trials {first} and {second} overlap, and a spike counts for one "
                             "trial alone; name other columns with columns={'stimulus_on': …, 'stimulus_off': …} or "
                             "another table with trials=…")


def _words(measured: Measured, chosen: Mapping[str, str], keep: np.ndarray) -> dict[str, np.ndarray]:
    """Words of the trials kept, and further columns."""
    table = {name: values[keep] for name, values in measured.trials.items()}
    found = {word: words(table[chosen[word]]) for word in (*WORDS, "trial_name") if word in chosen}
    absent = [word for word in WORDS if word not in found]
    if absent:
        measured.missing.append(f"{', '.join(absent)} (empty)")
    found |= {word: np.full(int(keep.sum()), "") for word in absent}
    found.setdefault("trial_name", found["stimulus"])
    used = {name for word, name in chosen.items() if word not in OF_UNITS} | {"start_time", "stop_time"}
    return found | further(table, used)


def _group(measured: Measured, chosen: Mapping[str, str], keep: np.ndarray) -> str:
    if "group" not in chosen:
        return "recorded"
    names = np.unique(words(measured.trials[chosen["group"]][keep]))
    if len(names) > 1:
        raise RecordingError(f"{measured.where}: the column {chosen['group']!r} of the trials has {', '.join(names)}, "
                             "but an animal is of one group; read it as something else, such as "
                             f"columns={{'block': '{chosen['group']}'}}")
    return str(names[0])


# units

def _units(measured: Measured, chosen: Mapping[str, str]) -> dict[str, np.ndarray]:
    if "population" in chosen:
        population = words(measured.units[chosen["population"]])
        population = np.where(population == "", "unknown", population)
    else:
        population = np.full(len(measured.trains), "units")
        measured.missing.append("population (all are 'units')")
    return {"population": population, "index_in_population": times_before(population),
            **further(measured.units, {chosen.get("population", "")})}


def _sorted_trains(measured: Measured) -> list[np.ndarray]:
    trains = [np.asarray(train, float) for train in measured.trains]
    undefined = sum(int((~np.isfinite(train)).sum()) for train in trains)
    if undefined:
        measured.missing.append(f"the time of {undefined} spikes (left out)")
    return [np.sort(train[np.isfinite(train)], kind="stable") for train in trains]


def _unobserved(measured: Measured, times: Mapping[str, np.ndarray], dt: float) -> np.ndarray:
    """In how many trials each unit was not observed for the whole window."""
    on, off = times["stimulus_on"] + dt / 2, times["stimulus_off"] - dt / 2
    number = [len(on) - int(((own[:, :1] <= on) & (own[:, 1:] >= off)).any(axis=0).sum())
              for own in measured.observed or []]
    units = np.count_nonzero(number)
    if units:
        measured.missing.append(f"some trials of {units} units (their responses there are 0; see unobserved_trials)")
    return np.array(number, np.int32)
