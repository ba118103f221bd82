"""Overlaps with stored patterns: what a memory retrieves, how well, and from how poor a cue.

    overlap    how like a stored pattern the response to a trial is, 1 for the pattern itself; recordings of circuits
               with stored patterns carry `overlap` (animal, trial, pattern) and, in time, `overlap_trace` (animal,
               time, pattern), any other has it from `overlaps_with`: for patterns of ±1 the cosine, which is the m
               of Amit, Gutfreund & Sompolinsky 1985 (Phys Rev Lett 55:1530), for others the Pearson correlation
    success    the overlap with the cued pattern exceeds a threshold, .9 unless given (assumed)
    basin      fraction of successes against the quality of the cue

`stimulus` names the pattern a trial cues. A trial that cues none, or one that the animal does not store, is NaN: it
neither succeeds nor fails. Silence has overlap 0, and so fails; so does a state that is not a number, which has no
overlap with any pattern. Which pattern is retrieved is decided among those whose overlaps the recording keeps.
"""
from __future__ import annotations

import re

import numpy as np
import xarray as xr

from neuroam.analysis.rates import clock, in_ticks
from neuroam.analysis.responses import select
from neuroam.analysis.trials import labelled, mean_by
from neuroam.prediction import DescriptionError
from neuroam.recording import RecordingError

THRESHOLD = 0.9
NUMBER = re.compile(r"(?:(?<!\S)[-+])?\d*\.?\d+(?:[eE][-+]?\d+)?")


def cued_overlap(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Overlap of each trial's response with the pattern it cues, dims (animal, trial)."""
    overlap, cue = _overlap(recording, group, block)
    values = np.where(cue >= 0, overlap.values[:, np.arange(len(cue)), cue], np.nan)
    return labelled(values, ("animal", "trial"), overlap)


def success(recording: xr.Dataset, threshold: float = THRESHOLD, group: str | None = None,
            block: str | None = None) -> xr.DataArray:
    """1 where the overlap with the cued pattern exceeds the threshold, else 0, dims (animal, trial)."""
    overlap = cued_overlap(recording, group, block)
    return (overlap > threshold).astype(float).where(overlap.notnull() | _diverged(recording, group, block))


def success_fraction(recording: xr.Dataset, threshold: float = THRESHOLD, group: str | None = None,
                     block: str | None = None) -> xr.DataArray:
    """Fraction of trials that succeed, one value per animal."""
    return success(recording, threshold, group, block).mean("trial")


def retrieved(recording: xr.Dataset, threshold: float = -np.inf, group: str | None = None,
              block: str | None = None) -> xr.DataArray:
    """Name of the pattern with the largest overlap, dims (animal, trial); "" where none exceeds the threshold."""
    overlap, _ = _overlap(recording, group, block)
    filled = overlap.fillna(-np.inf).values
    names = np.where(filled.max(axis=2) > threshold, overlap["pattern"].values[filled.argmax(axis=2)], "")
    return labelled(names, ("animal", "trial"), overlap)


def retrieves_cue(recording: xr.Dataset, threshold: float = -np.inf, group: str | None = None,
                  block: str | None = None) -> xr.DataArray:
    """1 where the retrieved pattern is the cued one, else 0, dims (animal, trial)."""
    overlap = cued_overlap(recording, group, block)
    names = retrieved(recording, threshold, group, block)
    return (names == names["stimulus"]).astype(float).where(overlap.notnull() | _diverged(recording, group, block))


def basin(recording: xr.Dataset, quality: np.ndarray | None = None, threshold: float = THRESHOLD,
          group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Fraction of successes for each quality of the cue, ascending, dims (animal, quality).

    `quality` has a number for each trial of the block; without it, the number in the trial's `phase`: "flip 0.2".
    """
    found = success(recording, threshold, group, block)
    if quality is None:
        quality = np.array([_number(phase) for phase in found["phase"].values.tolist()])
    if len(quality) != found.sizes["trial"]:
        raise DescriptionError(f"{len(quality)} cue qualities for {found.sizes['trial']} trials; give one for each")
    return mean_by(found.assign_coords(quality=("trial", np.asarray(quality))), "quality").pipe(_sorted)


def overlaps_with(rates: xr.DataArray, patterns: xr.DataArray) -> xr.DataArray:
    """Overlap of responses (…, unit) with patterns (pattern, unit), dims (…, pattern).

    0 in silence and, unless patterns are ±1, for responses and patterns that are the same in all units.
    """
    x, y = rates, patterns
    if not np.isin(patterns, (-1.0, 1.0)).all():
        x, y = _centred(rates), _centred(patterns)
    norm = ((x**2).sum("unit") * (y**2).sum("unit")) ** 0.5
    return (xr.dot(x, y, dim="unit") / norm.where(norm > 0)).fillna(0).transpose(..., "pattern")


def aligned(recording: xr.Dataset, before: float | None = None, after: float | None = None, group: str | None = None,
            block: str | None = None) -> xr.DataArray:
    """Overlaps in time of each trial, dims (animal, trial, time, pattern), `time` in seconds from stimulus onset.

    Time 0 is the first sample at or after the onset. `before` and `after` are in seconds; without them, what all
    trials have. What was not sampled is NaN.
    """
    recording = select(recording, group, block)
    if "overlap_trace" not in recording or recording.sizes["time"] < 2:
        raise RecordingError("this recording has no overlaps in time; record the traces of a circuit with patterns")
    ticks = in_ticks(recording["time"], clock(recording))
    step = int(ticks[1] - ticks[0])
    start, stop, on = (np.searchsorted(ticks, in_ticks(recording[name], clock(recording)))
                       for name in ("start_time", "stop_time", "stimulus_on"))
    lead = int((on - start).min()) if before is None else int(in_ticks(before, clock(recording))) // step
    tail = int((stop - on).min()) if after is None else int(in_ticks(after, clock(recording))) // step
    sample = on[:, :, None] + np.arange(-lead, tail)
    inside = (sample >= 0) & (sample < len(ticks))
    animal = np.arange(len(sample))[:, None, None]
    values = recording["overlap_trace"].values[animal, np.where(inside, sample, 0)].astype(float)
    values[~inside] = np.nan
    return labelled(values, ("animal", "trial", "time", "pattern"), recording,
                    time=np.arange(-lead, tail) * step * clock(recording))


def cued_course(recording: xr.Dataset, before: float | None = None, after: float | None = None,
                group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Overlap in time with the pattern each trial cues, dims (animal, trial, time); as `aligned`."""
    courses = aligned(recording, before, after, group, block)
    cue = cue_of(courses)
    values = np.where(cue[:, None] >= 0, courses.values[:, np.arange(len(cue)), :, cue].transpose(1, 0, 2), np.nan)
    return labelled(values, ("animal", "trial", "time"), courses, time=courses["time"].values)


def cue_of(overlaps: xr.Dataset | xr.DataArray) -> np.ndarray:
    """Place of the pattern that each trial cues along `pattern`; −1 where it cues none."""
    place = {name: k for k, name in enumerate(overlaps["pattern"].values.tolist())}
    return np.array([place.get(name, -1) for name in overlaps["stimulus"].values.tolist()], int)


def final_overlaps(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Overlap of each trial's answer with each pattern, (animal, trial, pattern), as recorded; `RecordingError` where
    there is none."""
    if "overlap" not in recording:
        raise RecordingError("this recording has no overlaps; take a circuit with stored patterns, or overlaps_with")
    return select(recording, group, block)["overlap"].transpose("animal", "trial", "pattern")


def _overlap(recording: xr.Dataset, group: str | None, block: str | None) -> tuple[xr.DataArray, np.ndarray]:
    overlap = final_overlaps(recording, group, block)
    return overlap, cue_of(overlap)


def _diverged(recording: xr.Dataset, group: str | None, block: str | None) -> xr.DataArray:
    """Whether a trial cued a pattern and its state has no overlap with any, dims (animal, trial)."""
    overlap, cue = _overlap(recording, group, block)
    stores = overlap.notnull().any(("trial", "pattern"))  # an animal that stores none of the patterns does not fail
    return overlap.isnull().all("pattern") & stores & xr.DataArray(cue >= 0, dims="trial")


def _centred(array: xr.DataArray) -> xr.DataArray:
    varies = array.max("unit") > array.min("unit")
    return (array - array.mean("unit")).where(varies, 0)  # rounding may leave constant units a tiny difference


def _number(phase: str) -> float:
    found = NUMBER.search(phase)
    if found is None:
        raise DescriptionError(f"phase {phase!r} has no number for the quality of the cue; pass `quality`")
    return float(found.group())


def _sorted(curve: xr.DataArray) -> xr.DataArray:
    return curve.assign_coords(quality=curve["quality"].values.astype(float)).sortby("quality")
