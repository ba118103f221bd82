"""Units and trials of any NWB file."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.errors import RecordingError
from neuroam.io.columns import Columns
from neuroam.io.laboratory import Measured, recording_of
from neuroam.io.nwb_table import array_of, ragged

if TYPE_CHECKING:
    from pynwb import NWBFile

OF_SUBJECT = ("subject_id", "species", "sex", "age", "description", "genotype", "strain")
ELSEWHERE = ("spike_times", "obs_intervals", "tags", "timeseries")


def laboratory_recording(file: NWBFile, where: str, columns: Columns) -> xr.Dataset:
    """The recording; `RecordingError` without spike times or without the table of trials."""
    if file.units is None or "spike_times" not in file.units.colnames:
        raise RecordingError(f"{where} has no units with spike times, which a recording needs")
    missing: list[str] = []
    trials = _trials(file, where, columns.trials, missing)
    if file.acquisition:
        missing.append(f"the signals {', '.join(file.acquisition)} (not read)")
    units = {**_location(file.units), **_columns(file.units, "units", missing)}
    return recording_of(Measured(where, ragged(file.units["spike_times"]), units, trials, _attributes(file),
                                 file.units.resolution, _observed(file.units, missing), missing), columns)


def _trials(file: NWBFile, where: str, name: str | None, missing: list[str]) -> dict[str, np.ndarray]:
    if name is None:
        return {}
    tables = {table.name: table for table in (file.trials, file.epochs, *file.intervals.values())
              if table is not None and len(table)}
    if name not in tables:
        known = f"choose {', '.join(tables)} with trials=…, or" if tables else "use"
        raise RecordingError(f"{where} has no intervals {name!r}; {known} trials=None for the session as one trial")
    return _columns(tables[name], name, missing)


def _columns(table: Any, kind: str, missing: list[str]) -> dict[str, np.ndarray]:
    """Columns with one number, truth value or word a row."""
    found, unread = {}, []
    for name in table.colnames:
        values = None if name in ELSEWHERE else _flat(table[name])
        if values is not None:
            found[name] = values
        elif name not in ELSEWHERE:
            unread.append(name)
    if unread:
        missing.append(f"of the {kind} what is in {', '.join(unread)} (not one value a row)")
    return {f"{kind.removesuffix('s')}_id": array_of(table.id.data), **found}


def _flat(column: Any) -> np.ndarray | None:
    import h5py
    from hdmf.common import DynamicTableRegion, VectorIndex

    if isinstance(column, (DynamicTableRegion, VectorIndex)) or not isinstance(column.data, h5py.Dataset):
        return None  # references to objects are none
    values = array_of(column.data)
    return values if values.ndim == 1 and values.dtype.kind in "biufU" else None


def _observed(units: Any, missing: list[str]) -> list[np.ndarray] | None:
    if "obs_intervals" not in units.colnames:
        missing.append("obs_intervals (units count as observed throughout)")
        return None
    return [part.reshape(-1, 2) for part in ragged(units["obs_intervals"])]


def _location(units: Any) -> dict[str, np.ndarray]:
    """Where each unit was recorded, from its electrode group or its first electrode."""
    if "electrode_group" in units.colnames:
        return {"location": np.array([group.location for group in units["electrode_group"][:]], dtype=str)}
    if "electrodes" in units.colnames and "location" in units["electrodes"].target.table.colnames:
        names = array_of(units["electrodes"].target.table["location"].data)
        own = ragged(units["electrodes"])
        return {"location": np.array([names[rows[0]] if len(rows) else "" for rows in own], dtype=str)}
    return {}


def _attributes(file: NWBFile) -> dict[str, Any]:
    """What `to_nwb` needs to write the same subject again."""
    fields = {} if file.subject is None else {name: getattr(file.subject, name) for name in OF_SUBJECT}
    return {"title": file.session_description, "origin": f"NWB file {file.identifier}",
            "session_start_time": file.session_start_time.isoformat(),
            "subject": {name: value for name, value in fields.items() if value}}
