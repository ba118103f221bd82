"""NWB tables, filled in whole columns: a call for every row costs seconds."""
from __future__ import annotations

from typing import Any

import numpy as np

COMPRESSION: dict[str, Any] = {"compression": "gzip", "shuffle": True}
DESCRIPTIONS = {
    "start_time": "start of the trial, s", "stop_time": "end of the trial, s",
    "stimulus_on": "onset of the stimulus the trial is about, s", "stimulus_off": "its end, s",
    "stimulus": "what was presented", "cs_type": "CS+ or CS- in conditioning", "phase": "phase of the experiment",
    "block": "block of the protocol", "trial_name": "name of the trial in the protocol",
    "trial": "place in the protocol's order", "position": "place in the order presented",
    "group": "group of the animal", "animal": "number of the animal in the recording",
    "population": "population of the circuit, or area", "index_in_population": "place in the population",
}


def column(name: str, values: np.ndarray, kind: type | None = None, description: str = "", **details: Any) -> Any:
    from hdmf.common import VectorData

    return (kind or VectorData)(name=name, data=writable(values), **details,
                                description=description or DESCRIPTIONS.get(name, name.replace("_", " ")))


def writable(values: np.ndarray) -> Any:
    """Words as a list, which HDF5 stores at their own length."""
    return values.tolist() if values.dtype.kind == "U" else values


def table(kind: type, name: str, ids: np.ndarray, columns: list, names: list[str], **details: Any) -> Any:
    from hdmf.common import ElementIdentifiers

    return kind(name=name, id=ElementIdentifiers(name="id", data=ids), columns=columns, colnames=names, **details)


def array_of(data: Any) -> np.ndarray:
    """Whatever HDF5 gave, with words as words."""
    array = np.asarray(data[()] if hasattr(data, "id") else data)
    if array.dtype.kind not in "OS":
        return array
    words = [word.decode() if isinstance(word, bytes) else word for word in array.reshape(-1)]
    return np.array(words, dtype=str).reshape(array.shape)


def ragged(index: Any) -> list[np.ndarray]:
    """One array a row of a column with an index."""
    return np.split(array_of(index.target.data), array_of(index.data).astype(np.int64))[:-1]
