"""Everything in a recording that is sampled in time, as signals that other formats have a place for, and back.

One signal for each variable, population and unit of measurement: graded responses at the onset of their window, traces,
and whatever else has the dim `time`, such as an energy.
"""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from neuroam.io.animal import dims_of_one, index_in_population, times_before


@dataclass(frozen=True, eq=False)
class Signal:
    """Columns of a variable in time: `times` (n,) in seconds, ascending, and `values` (n, columns).

    `places` (columns,) are the columns' places in the variable, `cells` (columns,) their index in the population;
    `population` is empty where a signal belongs to none.
    """

    variable: str
    population: str
    unit: str
    times: np.ndarray
    values: np.ndarray
    places: np.ndarray
    cells: np.ndarray


def even_step(times: np.ndarray) -> float | None:
    """Seconds between samples that are even to a nanosecond; None otherwise and for less than three."""
    steps = np.unique(np.diff(times).round(9))
    if len(times) < 3 or len(steps) != 1 or steps[0] <= 0:
        return None
    return float((times[-1] - times[0]) / (len(times) - 1))


def signals(recording: xr.Dataset) -> list[Signal]:
    """Everything sampled in time, one signal for each population and unit; the responses come first."""
    return [*_responses(recording), *_traces(recording), *_others(recording)]


def onset_word(names: Collection) -> str:
    """Responses count from the onset of their window, which is the stimulus where there is no other."""
    return "response_on" if "response_on" in names else "stimulus_on"


def _responses(recording: xr.Dataset) -> list[Signal]:
    onset = recording[onset_word(recording.variables)].values[0]
    order, units = np.argsort(onset, kind="stable"), recording["responder"].values
    measured = _labels(recording, "response_unit", len(units))
    return [Signal("response", name, unit, onset[order], recording["response"].values[0][order][:, at], at,
                   index_in_population(recording)[units][at])
            for name, unit, at in _alike(recording["population"].values[units], measured) if len(onset)]


def _traces(recording: xr.Dataset) -> list[Signal]:
    values = recording["trace_value"].values[0]
    names, units = (_labels(recording, name, values.shape[1]) for name in ("trace_population", "trace_unit"))
    cells = recording["trace_cell"].values if "trace_cell" in recording.variables else times_before(names)
    return [Signal("trace_value", name, unit, recording["time"].values, values[:, at], at, cells[at])
            for name, unit, at in _alike(names, units) if values.size]


def _others(recording: xr.Dataset) -> list[Signal]:
    found = []
    for name, v in recording.variables.items():
        dims = dims_of_one(v)
        if dims[:1] == ("time",) and len(dims) <= 2 and name not in ("time", "trace_value") and v.size:
            values = v.values.reshape(recording.sizes["time"], -1)
            at = np.arange(values.shape[1])
            found.append(Signal(str(name), "", str(v.attrs.get("units", "")), recording["time"].values, values, at, at))
    return found


def _labels(recording: xr.Dataset, name: str, number: int) -> np.ndarray:
    """Words, empty where the recording does not say."""
    return recording[name].values if name in recording.variables else np.full(number, "")


def _alike(names: np.ndarray, units: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Each different pair in the order met, and where it is."""
    for name, unit in dict.fromkeys(zip(names.tolist(), units.tolist(), strict=True)):
        yield name, unit, np.flatnonzero((names == name) & (units == unit))


def values_of(parts: Sequence[Signal], trials: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Variables from their signals, whose places together are all of them; responses in the order of `trials`."""
    found = {}
    for variable in dict.fromkeys(part.variable for part in parts):
        own = [part for part in parts if part.variable == variable]
        table = np.concatenate([part.values for part in own], axis=1)
        found[variable] = table[:, np.argsort(np.concatenate([part.places for part in own]))]
    if "response" in found:
        order = np.argsort(trials[onset_word(trials)], kind="stable")
        found["response"] = found["response"][np.argsort(order)]
    return found
