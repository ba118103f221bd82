"""Which place an event is at, and for how long: overlaps of what cells do in an event with what they did in laps.

    place vector   mean rates of all cells in a lap, in bins of `WIDTH` seconds of running
    overlap        cosine of the activity at one moment of an event, spikes through an exponential of `SMOOTH` seconds,
                   with the vector of a place; NaN once no spike is younger than twice that
    dwell time     how long the overlap with one place is the largest of all; the first place of an event, where it is
                   started, and the last, where it ends, are left out

Which place has the largest overlap is the simplest of decoders by templates (Wilson & McNaughton 1993, Science
261:1055). Events in which fewer than `laps.LEAST_CELLS` take part have NaN, as for `laps`.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from neuroam.analysis.laps import LEAST_CELLS, events
from neuroam.analysis.rates import spike_counts
from neuroam.analysis.replay import order_score

WIDTH = 0.2
SMOOTH = 5e-3
STEP = 1e-3  # seconds, of an event

OfEvents = Callable[[xr.Dataset, str, str, str, str], xr.DataArray]


def place_vectors(recording: xr.Dataset, population: str, group: str, run: str) -> xr.DataArray:
    """Vectors of length 1, dims (animal, place, unit); 0 where no cell fires. `place` in seconds of running."""
    counts = spike_counts(recording, population, WIDTH, before=0, group=group, block=run).mean("trial")
    return _unit(counts.rename(time="place").transpose("animal", "place", "unit"))


def overlaps(recording: xr.Dataset, population: str, group: str, run: str, rest: str) -> xr.DataArray:
    """Overlaps of every event with every place, dims (animal, trial, place, time); `time` in seconds from stimulus
    onset."""
    counts = spike_counts(recording, population, STEP, before=0, group=group, block=rest)
    kept = float(np.exp(-STEP / SMOOTH))
    recent = counts.copy(data=lfilter([1.0], [1.0, -kept], counts.values.astype(float)))
    vectors = place_vectors(recording, population, group, run)
    silent = (recent**2).sum("unit") < np.exp(-4.0)
    found = xr.dot(_unit(recent), vectors.drop_vars([n for n in vectors.coords if n != "place"]), dim="unit")
    enough = events(recording, population, group, run, rest)[0].notnull().sum("unit") >= LEAST_CELLS
    return found.where(~silent & enough).transpose("animal", "trial", "place", "time")


def dwell_times(overlap: xr.DataArray) -> xr.DataArray:
    """Seconds for which each place is the best match, dims (animal, trial, place); NaN for places not visited, and for
    the first and the last one."""
    overlap = overlap.transpose("animal", "trial", "place", "time")
    values = overlap.values
    active = ~np.isnan(values).all(axis=2)
    best = np.where(active, np.where(np.isnan(values), -1.0, values).argmax(axis=2), -1)
    last = active.shape[2] - 1 - active[..., ::-1].argmax(axis=2)
    ends = [np.take_along_axis(best, at[..., None], axis=2) for at in (active.argmax(axis=2), last)]
    places = np.arange(values.shape[2])
    number = (best[..., None] == places).sum(axis=2)
    between = (number > 0) & (places != ends[0]) & (places != ends[1])
    return overlap.isel(time=0, drop=True).copy(data=np.where(between, STEP * number, np.nan))


def best_overlaps(overlap: xr.DataArray) -> xr.DataArray:
    """Mean overlap with each place while it is the best match, dims (animal, trial, place)."""
    largest = overlap.where(overlap == overlap.max("place"))
    return largest.mean("time")


def mean_dwell(recording: xr.Dataset, population: str, group: str, run: str, rest: str) -> xr.DataArray:
    """Mean dwell time of each event in seconds, dims (animal, trial)."""
    return dwell_times(overlaps(recording, population, group, run, rest)).mean("place")


def mean_overlap(recording: xr.Dataset, population: str, group: str, run: str, rest: str) -> xr.DataArray:
    """Mean over an event of the largest overlap, dims (animal, trial)."""
    return overlaps(recording, population, group, run, rest).max("place").mean("time")


def order(recording: xr.Dataset, population: str, group: str, run: str, rest: str) -> xr.DataArray:
    """Order score of each event, dims (animal, trial)."""
    return order_score(*events(recording, population, group, run, rest), LEAST_CELLS)


def taking_part(recording: xr.Dataset, population: str, group: str, run: str, rest: str) -> xr.DataArray:
    """Number of cells with a lap time that fire in each event, dims (animal, trial)."""
    return events(recording, population, group, run, rest)[0].notnull().sum("unit").astype(float)


def by_trial(recording: xr.Dataset, measure: OfEvents, population: str, blocks: Mapping[str, str]) -> xr.DataArray:
    """A measure of events in all groups and all trials, dims (animal, trial): `blocks` maps each block of events to the
    block of laps they are held against. NaN in other trials."""
    values = np.full((recording.sizes["animal"], recording.sizes["trial"]), np.nan)
    for group in dict.fromkeys(recording["group"].values.tolist()):
        for rest, run in blocks.items():
            where = np.ix_(recording["group"].values == group, recording["block"].values == rest)
            if where[1].size:
                values[where] = measure(recording, population, group, run, rest).transpose("animal", "trial").values
    return xr.DataArray(values, dims=("animal", "trial"))


def _unit(vectors: xr.DataArray) -> xr.DataArray:
    norm = (vectors.astype(float)**2).sum("unit")**0.5
    return (vectors / norm.where(norm > 0)).fillna(0.0)
