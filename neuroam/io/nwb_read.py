"""A recording from the NWB file that neuroam wrote of it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.io.animal import read_header, rebuild, spikes_of
from neuroam.io.nwb_series import signals_in
from neuroam.io.nwb_table import array_of, ragged
from neuroam.io.nwb_write import HEADER, PLACE
from neuroam.io.signals import values_of

if TYPE_CHECKING:
    from pynwb import NWBFile


def written_by_neuroam(file: NWBFile) -> bool:
    return bool(file.scratch) and HEADER in file.scratch


def own_recording(file: NWBFile, where: str) -> xr.Dataset:
    """The recording as it was, one animal; `RecordingError` if the file is of a later neuroam or was changed."""
    about = read_header(array_of(file.scratch[HEADER].data).item(), where)
    values = {name: array_of(part.data) for name, part in file.scratch.items() if name != HEADER}
    trials = _trials(file)
    values |= trials | _spikes(file, about) | values_of(signals_in(file), trials)
    return rebuild(about, values, where)


def _trials(file: NWBFile) -> dict[str, np.ndarray]:
    """Columns in the recording's order of trials."""
    if file.trials is None:
        return {}
    back = np.argsort(array_of(file.trials[PLACE].data))
    return {name: array_of(file.trials[name].data)[back] for name in file.trials.colnames
            if name not in ("group", "animal", PLACE)}


def _spikes(file: NWBFile, about: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if file.units is None:
        return spikes_of({}, about)
    trains = ragged(file.units["spike_times"])
    return spikes_of(dict(zip(array_of(file.units.id.data).tolist(), trains, strict=True)), about)
