"""Energy along trajectories: whether it falls, and how long the state takes to come to rest.

Recordings of symmetric graded circuits carry `energy` (animal, time) (Krotov & Hopfield 2021). While the input is
constant it may not rise; each trial is looked at from the end of its stimulus to its own end. Where there is no
energy, as in spiking circuits, values are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from neuroam.analysis.responses import select
from neuroam.recording import RecordingError


def largest_rise(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Largest rise of the energy between two samples of a trial after its stimulus, over the range of the energy in all
    trials; one value per animal, 0 if it never rises."""

    def rise(energy: np.ndarray, windows: list[tuple[int, int]]) -> float:
        return max(np.diff(energy[a:b]).max(initial=0.0) for a, b in windows) / np.ptp(energy)

    return _measured(rise, recording, group)


def fall(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """How far the energy falls after the stimulus of a trial, mean over trials, over its range in all trials."""

    def mean_fall(energy: np.ndarray, windows: list[tuple[int, int]]) -> float:
        return np.mean([energy[a] - energy[b - 1] for a, b in windows]) / np.ptp(energy)

    return _measured(mean_fall, recording, group)


def steps_to_rest(recording: xr.Dataset, group: str | None = None, tolerance: float = 1e-3) -> xr.DataArray:
    """Samples after the stimulus until no overlap moves by more than `tolerance` any more, mean over trials, one value
    per animal. With synchronous updates and a sample at each, the number of updates. Needs `overlap_trace`."""
    if "overlap_trace" not in recording:
        raise RecordingError("this recording has no overlaps in time; record the traces of a circuit with patterns")
    chosen = select(recording, group)
    numbers = [
        np.mean([_settled(course[a:b], tolerance) for a, b in windows])
        for course, windows in zip(chosen["overlap_trace"].values, _after_stimulus(chosen), strict=True)
    ]
    return _per_animal(np.array(numbers), chosen)


def courses(recording: xr.Dataset, group: str | None = None) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Times from the end of the stimulus in seconds, and the energy of each animal's trials at those times."""
    if "energy" not in recording:
        raise RecordingError(
            "this recording has no energy: its circuit has none, or the emission of some cells was not recorded in time"
        )
    chosen = select(recording, group)
    found = [
        [energy[a:b] for a, b in windows]
        for energy, windows in zip(chosen["energy"].values, _after_stimulus(chosen), strict=True)
    ]
    shortest = min(len(course) for trials in found for course in trials)
    step = float(chosen["time"].values[1] - chosen["time"].values[0])
    return step * np.arange(shortest), [[course[:shortest] for course in trials] for trials in found]


def _settled(course: np.ndarray, tolerance: float) -> int:
    """First sample from which on the course (n_samples, n_patterns) stays where it ends."""
    away = np.abs(course - course[-1]).max(axis=1) > tolerance
    return int(np.flatnonzero(away).max(initial=-1)) + 1


def _measured(
    measure: Callable[[np.ndarray, list[tuple[int, int]]], float], recording: xr.Dataset, group: str | None
) -> xr.DataArray:
    chosen = select(recording, group)
    if "energy" not in chosen:
        return _per_animal(np.full(chosen.sizes["animal"], np.nan), chosen)
    values = [
        measure(energy, windows)
        for energy, windows in zip(chosen["energy"].values, _after_stimulus(chosen), strict=True)
    ]
    return _per_animal(np.array(values), chosen)


def _after_stimulus(recording: xr.Dataset) -> Iterator[list[tuple[int, int]]]:
    """For each animal the samples of every trial from the end of its stimulus on."""
    time = recording["time"].values
    half = (time[1] - time[0]) * 1e-6
    for off, stop in zip(recording["stimulus_off"].values, recording["stop_time"].values, strict=True):
        yield [
            (int(np.searchsorted(time, a - half)), int(np.searchsorted(time, b - half)))
            for a, b in zip(off, stop, strict=True)
        ]


def _per_animal(values: np.ndarray, recording: xr.Dataset) -> xr.DataArray:
    return xr.DataArray(values, dims="animal", coords={"group": recording["group"], "seed": recording["seed"]})
