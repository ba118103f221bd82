"""Spike trains and trials of any Neo block."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.errors import RecordingError
from neuroam.io.columns import Columns
from neuroam.io.laboratory import Measured, recording_of

if TYPE_CHECKING:
    from neo import Block, Segment


def laboratory_recording(block: Block, where: str, columns: Columns) -> xr.Dataset:
    """The recording; `RecordingError` without spike trains or without trials."""
    segments = [segment for segment in block.segments if len(segment.spiketrains)]
    if not segments:
        raise RecordingError(f"{where} has no spike trains, which a recording needs")
    if len({len(segment.spiketrains) for segment in segments}) > 1:
        raise RecordingError(f"{where} has segments with different numbers of spike trains, so units cannot be told "
                             "apart; give each segment a train for each unit, empty ones too")
    shifts = _shifts(segments)
    by_unit = list(zip(*(segment.spiketrains for segment in segments), strict=True))
    trains = [np.concatenate([_seconds(train) + shift for train, shift in zip(own, shifts, strict=True)])
              for own in by_unit]
    observed = [np.array([[_seconds(train.t_start), _seconds(train.t_stop)] for train in own]) + shifts[:, None]
                for own in by_unit]
    first = segments[0].spiketrains
    units = {**_shared([train.annotations for train in first]), "unit_name": _words([train.name for train in first])}
    trials = _trials(segments, shifts, where, columns.trials)
    return recording_of(Measured(where, trains, units, trials, _attributes(block), _resolution(first[0]), observed),
                        columns)


def _attributes(block: Block) -> dict[str, Any]:
    when = block.rec_datetime
    dated = {"session_start_time": when.isoformat()} if when is not None and when.tzinfo is not None else {}
    return {"title": block.name or "a Neo block", "origin": "Neo block", **dated}


def _shifts(segments: Sequence[Segment]) -> np.ndarray:
    """Segments that do not follow one another in time are laid end to end."""
    start = np.array([_seconds(segment.t_start) for segment in segments])
    stop = np.array([_seconds(segment.t_stop) for segment in segments])
    if (stop[:-1] <= start[1:]).all():
        return np.zeros(len(segments))
    return np.concatenate([[0.0], np.cumsum(stop - start)[:-1]]) - start


def _trials(segments: Sequence[Segment], shifts: np.ndarray, where: str, name: str | None) -> dict[str, np.ndarray]:
    if name is None:
        return {}
    if len(segments) > 1:
        start, stop = (np.array([_seconds(time) for time in times]) + shifts for times in
                       ([s.t_start for s in segments], [s.t_stop for s in segments]))
        return {"start_time": start, "stop_time": stop, "trial_name": _words([s.name for s in segments]),
                **_shared([s.annotations for s in segments])}
    epochs = [epoch for epoch in segments[0].epochs if len(epoch)]
    named = [epoch for epoch in epochs if epoch.name == name] or (epochs if len(epochs) == 1 else [])
    if not named:
        known = ", ".join(repr(epoch.name) for epoch in epochs)
        choice = f"choose one of {known} with trials=…, or" if epochs else "use"
        raise RecordingError(f"{where} has no epoch {name!r}; {choice} trials=None for the session as one trial")
    start, lasting = _seconds(named[0]), named[0].durations.rescale("s").magnitude
    own = {key: np.asarray(values) for key, values in named[0].array_annotations.items()}
    labels = {"stimulus": _words(named[0].labels)} if len(named[0].labels) == len(named[0]) else {}
    return {"start_time": start, "stop_time": start + lasting, **labels, **own}


def _shared(annotations: Sequence[dict]) -> dict[str, np.ndarray]:
    """Annotations that all have, with one number, truth value or word each."""
    found = {}
    for key in annotations[0]:
        if all(isinstance(own.get(key), (str, bool, int, float, np.generic)) for own in annotations):
            found[key] = np.array([own[key] for own in annotations])
    return found


def _words(names: Sequence) -> np.ndarray:
    return np.array([str(name) if name is not None else "" for name in names], dtype=str)


def _seconds(times: Any) -> np.ndarray:
    return np.asarray(times.rescale("s").magnitude, float)


def _resolution(train: Any) -> float | None:
    """Neo's default of 1 Hz says nothing."""
    rate = None if train.sampling_rate is None else float(train.sampling_rate.rescale("Hz").magnitude)
    return 1 / rate if rate and rate > 100 else None
