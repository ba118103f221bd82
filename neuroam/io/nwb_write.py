"""One animal's recording as a pynwb.NWBFile: units, trials, epochs of blocks, stimuli, signals and its subject.

What NWB has no place for stands in its scratch space, so that the recording can be read back bit for bit. Needs NWB
schema 2.10 or later, for tables of events.
"""
from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.io.animal import (
    arrays_beside,
    columns_over,
    header,
    index_in_population,
    order_presented,
    session_span,
    spiking_units,
)
from neuroam.io.nwb_series import add_signals
from neuroam.io.nwb_table import COMPRESSION, column, table, writable
from neuroam.io.signals import signals
from neuroam.recording import ORIGIN

if TYPE_CHECKING:
    from pynwb import NWBFile

HEADER = "neuroam_recording"
PLACE = "place"
NO_DATE = "2000-01-01T00:00:00+00:00"  # a simulation has none, and a file made again should be the same
UNIDENTIFIED = "http://purl.obolibrary.org/obo/NCBITaxon_32644"  # NCBI's taxon for "unidentified"


def nwb_file(recording: xr.Dataset, species: str | None = None) -> NWBFile:
    """The file in memory; `recording` holds one animal."""
    import pynwb

    attributes = recording.attrs
    simulated = ORIGIN not in attributes
    file = pynwb.NWBFile(
        session_description=_description(recording, simulated), identifier=identifier(recording),
        session_start_time=datetime.fromisoformat(attributes.get("session_start_time", NO_DATE)),
        lab="SIMULATED: no animal was recorded" if simulated else None,
        experiment_description=_made_by(attributes), protocol=attributes.get("title") or None,
        subject=pynwb.file.Subject(**known) if (known := subject(recording, species)) else None)
    _add_units(file, recording)
    if recording.sizes["trial"]:
        _add_trials(file, recording)
    sampled = signals(recording)
    add_signals(file, sampled)
    file.add_scratch(header(recording), name=HEADER, description="attributes and types of the neuroam recording, JSON")
    for name, values in arrays_beside(recording, {signal.variable for signal in sampled}).items():
        file.add_scratch(writable(values), name=name, description=f"{name} of the neuroam recording")
    return file


def subject(recording: xr.Dataset, species: str | None) -> dict[str, str]:
    """Fields of the Subject: simulated, or that of the laboratory's file the recording came from."""
    if ORIGIN in recording.attrs:
        return json.loads(recording.attrs.get("subject", "{}")) | ({"species": species} if species else {})
    return {"subject_id": subject_id(recording), "species": species or UNIDENTIFIED, "sex": "U", "age": "P0D/",
            "description": "SIMULATED: a model circuit, not an animal; species is what it models, age and sex are "
                           "placeholders"}


def subject_id(recording: xr.Dataset) -> str:
    """Such as simulated-control-3; NWB's archives allow no slash."""
    return f"simulated-{file_word(recording['group'].values[0])}-{int(recording['seed'].values[0])}"


def file_word(name: object) -> str:
    """Without what names of files and subjects must not have."""
    return re.sub(r"[^\w.+]+", "-", str(name)).strip("-") or "group"


def identifier(recording: xr.Dataset) -> str:
    """The same for the same content and attributes (uuid 5)."""
    digest = hashlib.sha256(header(recording).encode())
    for name in sorted(map(str, recording.variables)):
        digest.update(name.encode() + np.ascontiguousarray(recording[name].values).tobytes())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, digest.hexdigest()))


def _description(recording: xr.Dataset, simulated: bool) -> str:
    title = recording.attrs.get("title") or "a recording"
    animal = f"group {recording['group'].values[0]!s}, seed {int(recording['seed'].values[0])}"
    return f"SIMULATED by neuroam: {title}; {animal}" if simulated else str(title)


def _made_by(attributes: Mapping[str, Any]) -> str:
    kept = ("circuit", "protocol", "level", "solver", "history", "source", "origin")
    return "; ".join(f"{name}: {attributes[name]}" for name in kept if name in attributes) or "not stated"


# tables

def _add_units(file: NWBFile, recording: xr.Dataset) -> None:
    from hdmf.backends.hdf5 import H5DataIO
    from hdmf.common import VectorIndex
    from pynwb.misc import Units

    units = spiking_units(recording)
    if not len(units):
        return
    n = len(units)
    times = recording["spike_time"].values
    ends = np.cumsum(recording["spike_count"].values[0][units]).astype(np.uint64)
    spikes = column("spike_times", H5DataIO(times, **COMPRESSION) if len(times) else times,
                    description="spike times, s")
    observed = [] if ORIGIN in recording.attrs else _observed_throughout(recording, n)
    own = {name: values[units] for name, values in columns_over(recording, "unit").items()}
    own["index_in_population"] = index_in_population(recording)[units]
    file.units = table(
        Units, "units", units, [
            spikes, VectorIndex(name="spike_times_index", data=ends, target=spikes),
            *observed, *(column(name, values) for name, values in own.items())],
        ["spike_times", *(["obs_intervals"] if observed else []), *own], resolution=_resolution(recording),
        description="every spiking cell recorded, silent ones too; simulated, so nothing was sorted"
        if ORIGIN not in recording.attrs else "units as read from the laboratory's file")


def _observed_throughout(recording: xr.Dataset, n: int) -> list:
    from hdmf.common import VectorIndex

    span = column("obs_intervals", np.tile([session_span(recording)], (n, 1)),
                  description="from the first to the last moment recorded, s")
    return [span, VectorIndex(name="obs_intervals_index", data=np.arange(1, n + 1, dtype=np.uint64), target=span)]


def _resolution(recording: xr.Dataset) -> float:
    return float(recording.attrs.get("clock_dt", 1e-4))


def _add_trials(file: NWBFile, recording: xr.Dataset) -> None:
    from pynwb.epoch import TimeIntervals

    order = order_presented(recording)
    own = {name: values[order] for name, values in columns_over(recording, "trial").items()}
    own |= {name: np.repeat(recording[name].values, len(order)) for name in ("group", "animal")
            if name in recording.variables}
    names = ["start_time", "stop_time", *(name for name in own if name not in ("start_time", "stop_time"))]
    columns = [column(name, own[name]) for name in names]
    columns.append(column(PLACE, order, description="place along the recording's dim of trials"))
    file.trials = table(TimeIntervals, "trials", np.arange(len(order)), columns, [*names, PLACE],
                        description="trials in the order presented")
    _add_epochs(file, own)
    _add_stimuli(file, own, _resolution(recording))


def _add_epochs(file: NWBFile, trials: Mapping[str, np.ndarray]) -> None:
    """Each stretch of trials of one block, tagged with it: Neo reads epochs alone, and only with tags."""
    from hdmf.common import VectorIndex
    from pynwb.epoch import TimeIntervals

    block = trials["block"] if "block" in trials else np.full(len(trials["start_time"]), "")
    first = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]]))
    last = np.concatenate([first[1:], [len(block)]]) - 1
    tags = column("tags", block[first])
    index = VectorIndex(name="tags_index", data=np.arange(1, len(first) + 1, dtype=np.uint64), target=tags)
    file.epochs = table(TimeIntervals, "epochs", np.arange(len(first)), [
        column("start_time", trials["start_time"][first]), column("stop_time", trials["stop_time"][last]),
        tags, index, column("block", block[first])], ["start_time", "stop_time", "tags", "block"],
        description="stretches of trials of one block")


def _add_stimuli(file: NWBFile, trials: Mapping[str, np.ndarray], resolution: float) -> None:
    from pynwb.event import DurationVectorData, EventsTable, TimestampVectorData

    order = np.argsort(trials["stimulus_on"], kind="stable")
    on, off = trials["stimulus_on"][order], trials["stimulus_off"][order]
    words = {name: trials[name][order] for name in ("stimulus", "cs_type", "trial") if name in trials}
    file.add_events_table(table(
        EventsTable, "stimulus_presentations", np.arange(len(order)),
        [column("timestamp", on, TimestampVectorData, "onset of the stimulus, s", resolution=resolution),
         column("duration", off - on, DurationVectorData, "of the stimulus, s", resolution=resolution),
         *(column(name, values) for name, values in words.items())], ["timestamp", "duration", *words],
        description="the stimulus that each trial is about"))
