"""Walks through a stored sequence, told from the hand: which motif when, in which order, for how long.

Each motif moves the hand to a place of its own on a circle, in the order in which they are stored, and nothing but a
whole motif moves it: motif μ of P, from 0, is drawn at the angle 2π (μ + ½)/P. Overlaps are those that the first linear
neurons of a population report, one a motif, from the first on.

    share       motifs drawn in order before the first error, over P; 1 for a sequence that is walked through
    pace        time from the beginning of one motif to that of the next, over transitions that are right
    dwell       time for which a motif is drawn, brief pauses included; the first, which the cue makes, is left out; the
                median, as some sequences end in a motif that stays
    due         overlap with the motif that is due, in the middle of the time for which the same animal in the group
                `clock_group`, which recalls the sequence, draws it
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neuroam.analysis import sequence
from neuroam.analysis.motor import places
from neuroam.analysis.responses import select
from neuroam.analysis.sequence_memory import traces
from neuroam.analysis.trials import labelled

DRAWN = 0.5  # distance of the hand from the centre, of 1, from which on a motif is drawn
BRIEF = 0.045  # seconds, less than any motif lasts


def drawn(recording: xr.Dataset, motifs: int, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Place in the sequence of the motif that is drawn, from 0, dims (animal, trial, time); −1 for none."""
    path = places(recording, group, block)
    x, y = np.moveaxis(path.fillna(0.0).transpose("animal", "trial", "time", "axis").values, -1, 0)
    place = np.rint(np.arctan2(y, x) % (2 * np.pi) * motifs / (2 * np.pi) - 0.5).astype(int) % motifs
    return labelled(np.where(np.hypot(x, y) > DRAWN, place, sequence.NONE), ("animal", "trial", "time"), path,
                    time=path["time"].values)


def walk(recording: xr.Dataset, motifs: Mapping[str, int], group: str, block: str | None = None) -> xr.Dataset:
    """`sequence.visits` of what is drawn, a motif that is whole again after a pause of less than BRIEF being one visit;
    `motifs` is their number in each group."""
    found = drawn(recording, motifs[group], group, block)
    brief = BRIEF / float(found["time"][1] - found["time"][0])
    rows = [[_bridged(trial, brief) for trial in animal] for animal in found.values]
    return sequence.visits(found.copy(data=np.array(rows)))


def _bridged(place: np.ndarray, brief: float) -> np.ndarray:
    """Without pauses (−1) of fewer than `brief` samples between those of the same motif."""
    there = np.flatnonzero(place >= 0)
    if not there.size:
        return place
    since = there[np.maximum(np.searchsorted(there, np.arange(len(place)), side="right") - 1, 0)]
    until = there[np.minimum(np.searchsorted(there, np.arange(len(place))), there.size - 1)]
    return np.where((place[since] == place[until]) & (until > since) & (until - since <= brief), place[since], place)


def share(recording: xr.Dataset, motifs: Mapping[str, int], group: str, block: str | None = None) -> xr.DataArray:
    """Share of the sequence drawn in order, mean over trials, dims (animal)."""
    number = sequence.recalled(walk(recording, motifs, group, block), list(range(motifs[group])), cyclic=True)
    return number.clip(max=motifs[group]).mean("trial") / motifs[group]


def pace(recording: xr.Dataset, motifs: Mapping[str, int], group: str, block: str | None = None) -> xr.DataArray:
    """Seconds from one motif to the next, mean over the right transitions after the first, dims (animal); NaN without
    any."""
    found = walk(recording, motifs, group, block)
    begin, place = found["start"].values[..., 1:], found["pattern"].values[..., 1:]
    right = (place[..., :-1] + 1) % motifs[group] == place[..., 1:]
    right &= (place[..., :-1] >= 0) & (place[..., 1:] >= 0)
    apart = np.where(right, np.diff(begin, axis=-1), np.nan)
    number = right.sum(axis=(1, 2))
    mean = np.nansum(apart, axis=(1, 2)) / np.where(number > 0, number, np.nan)
    return labelled(mean, ("animal",), found)


def dwell(recording: xr.Dataset, motifs: Mapping[str, int], group: str, block: str | None = None) -> xr.DataArray:
    """Seconds for which a motif is drawn, median over visits but the first, dims (animal); NaN without any."""
    return walk(recording, motifs, group, block)["dwell"].isel(visit=slice(1, None)).median(("trial", "visit"))


def monitored(recording: xr.Dataset, group: str | None = None, block: str | None = None,
              population: str = "monitor") -> xr.DataArray:
    """Overlaps with the first motifs, dims (animal, trial, time, pattern), `time` in seconds from the start of the
    trial."""
    return traces(recording, population, group, block).rename(trace="pattern")


def due(recording: xr.Dataset, steps: Sequence[int], motifs: Mapping[str, int], clock_group: str, group: str,
        block: str | None = None, population: str = "monitor") -> xr.DataArray:
    """Overlap with the motif that is due `steps` after the first, dims (animal, step); NaN where the clock group does
    not get there. First trial."""
    overlaps = monitored(recording, group, block, population).isel(trial=0)
    found = walk(recording, motifs, clock_group, block).isel(trial=0)
    seeds = select(recording, clock_group)["seed"].values.tolist()
    middle, place = ((found["start"] + found["stop"]) / 2).values, found["pattern"].values
    step = float(overlaps["time"][1] - overlaps["time"][0])
    values = np.full((len(overlaps), len(steps)), np.nan)
    for row, seed, own in zip(values, overlaps["seed"].values.tolist(), overlaps.values, strict=True):
        clock = seeds.index(seed)
        for k, number in enumerate(steps):
            there = np.flatnonzero(place[clock] == number)
            if there.size:
                row[k] = own[min(round(middle[clock, there[0]] / step), len(own) - 1), number]
    return labelled(values, ("animal", "step"), overlaps, step=np.array(steps))
