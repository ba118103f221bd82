"""Signals as NWB time series, and back.

A series has at most as many columns as samples, as NWB takes the longest axis for time; wider signals are cut. What
each column of each series is stands in the table `series_columns`.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroam.io.animal import times_before
from neuroam.io.nwb_table import COMPRESSION, array_of, column, table
from neuroam.io.signals import Signal, even_step

if TYPE_CHECKING:
    from pynwb import NWBFile

COLUMNS = "series_columns"
MODULE = "misc"  # the name NWB recommends for what is of no modality
OF_COLUMN = ("variable", "series", "column", "place", "population", "cell")


def add_signals(file: NWBFile, found: list[Signal]) -> None:
    """Traces are acquired; responses and whatever else was computed from them go to the module."""
    from hdmf.common import DynamicTable

    if not found:
        return
    module = file.create_processing_module(MODULE, "graded responses and other computed signals")
    rows = []
    for signal, name, picked in _series(found):
        series = _time_series(signal, name, picked)
        if signal.variable == "trace_value":
            file.add_acquisition(series)
        else:
            module.add(series)
        cells = zip(signal.places[picked].tolist(), signal.cells[picked].tolist(), strict=True)
        rows += [(signal.variable, name, k, place, signal.population, cell) for k, (place, cell) in enumerate(cells)]
    columns = [column(name, np.array(values)) for name, values in zip(OF_COLUMN, zip(*rows, strict=True), strict=True)]
    module.add(table(DynamicTable, COLUMNS, np.arange(len(rows)), columns, list(OF_COLUMN),
                     description="what each column of each series is"))


def _series(found: list[Signal]) -> Iterator[tuple[Signal, str, slice]]:
    """Each series to write: a signal, a name that is free, and which of its columns."""
    plain = [re.sub(r"[/:]", "_", f"{s.population} {s.variable}".strip()).replace("trace_value", "trace")
             for s in found]
    names = [name if not number else f"{name} {number + 1}"
             for name, number in zip(plain, times_before(np.array(plain)), strict=True)]
    for signal, name in zip(found, names, strict=True):
        width, most = len(signal.places), len(signal.times)
        for start in range(0, width, most):
            end = min(start + most, width)
            yield signal, name if width <= most else f"{name} {start}-{end - 1}", slice(start, end)


def _time_series(signal: Signal, name: str, picked: slice) -> Any:
    """With a rate where samples are even, as NWB asks for."""
    from hdmf.backends.hdf5 import H5DataIO
    from pynwb import TimeSeries

    step = even_step(signal.times)
    clock: dict[str, Any] = {"timestamps": signal.times}
    if step is not None:
        clock = {"starting_time": float(signal.times[0]), "rate": 1 / step}
    whose = f" of {signal.population}; the cell of each column is in {COLUMNS}" if signal.population else ""
    return TimeSeries(name=name, data=H5DataIO(signal.values[:, picked], **COMPRESSION), **clock,
                      unit=signal.unit or "unknown", description=signal.variable.replace("_", " ") + whose)


def signals_in(file: NWBFile) -> list[Signal]:
    """The signals that `add_signals` wrote, without their times."""
    if MODULE not in file.processing:
        return []
    module = file.processing[MODULE]
    table = {name: array_of(module[COLUMNS][name].data) for name in module[COLUMNS].colnames}
    found = []
    for name in dict.fromkeys(table["series"].tolist()):
        own = np.flatnonzero(table["series"] == name)
        variable = str(table["variable"][own[0]])
        series = file.acquisition[name] if variable == "trace_value" else module[name]
        found.append(Signal(variable, "", "", np.zeros(0), array_of(series.data)[:, table["column"][own]],
                            table["place"][own], table["cell"][own]))
    return found
