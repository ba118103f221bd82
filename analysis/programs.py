"""Programs of an automaton: which state each left behind, and which symbols were refused.

    reached     fraction of trials at whose end the state that overlaps most is the one wanted, and does so by more than
                one half
    refused     fraction of trials in which the refusal cell fired after the last symbol

Trials are named after what was read; `wanted` maps those names to states.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import xarray as xr

from neuroam.analysis.overlap import aligned, retrieved
from neuroam.analysis.rates import clock, in_ticks
from neuroam.analysis.responses import responses, select
from neuroam.prediction import DescriptionError
from neuroam.recording import RecordingError

REFUSAL = "refusal"
FIRED = 0.01  # mean emission after the last symbol; 0 in a cell that was silent
RECOGNISED = 0.5


def reached(recording: xr.Dataset, wanted: Mapping[str, str], group: str | None = None) -> xr.DataArray:
    """Fraction of the trials named in `wanted` that end in the state wanted, one value per animal."""
    ends = retrieved(recording, RECOGNISED, group)
    right = np.array([wanted.get(name, "") for name in ends["trial_name"].values.tolist()])
    return _fraction(ends.values == right, right != "", ends)


def refused(recording: xr.Dataset, trials: Collection[str], group: str | None = None) -> xr.DataArray:
    """Fraction of the trials of those names whose last symbol was refused, one value per animal."""
    fired = responses(recording, REFUSAL, group)
    chosen = np.isin(fired["trial_name"].values, list(trials))
    return _fraction(fired.values[:, :, 0] > FIRED, chosen, fired)


def ends(recording: xr.Dataset, trials: Collection[str], group: str) -> list[tuple[str, bool]]:
    """State that each of the trials left behind ("" for none), and whether its last symbol was refused, in the first
    animal."""
    names = recording["trial_name"].values.tolist()
    if absent := sorted(set(trials) - set(names)):
        raise RecordingError(f"this recording has no trials {', '.join(absent)}; name trials of its protocol")
    places = [names.index(trial) for trial in trials]
    states = retrieved(recording, RECOGNISED, group).values[0, places]
    fired = responses(recording, REFUSAL, group).values[0, places, 0] > FIRED
    return list(zip(states.tolist(), fired.tolist(), strict=True))


def course(recording: xr.Dataset, trial: str, group: str) -> tuple[xr.DataArray, np.ndarray]:
    """Of one trial of the first animal: overlaps (time, pattern), and emission of the refusal cell (time,)."""
    chosen = select(recording, group)
    if trial not in chosen["trial_name"].values or REFUSAL not in chosen["trace_population"].values:
        raise RecordingError(f"this recording has no trial {trial!r} with a trace of {REFUSAL}; record it with every=…")
    place = chosen["trial_name"].values.tolist().index(trial)
    length = float(chosen["stop_time"].values[0, place] - chosen["stimulus_on"].values[0, place])
    overlaps = aligned(recording, before=0.0, after=length, group=group).isel(animal=0, trial=place)
    ticks = in_ticks(chosen["time"], clock(chosen))
    first = int(np.searchsorted(ticks, in_ticks(chosen["stimulus_on"][0, place], clock(chosen))))
    cell = int(np.flatnonzero(chosen["trace_population"].values == REFUSAL)[0])
    return overlaps, chosen["trace_value"].values[0, first: first + overlaps.sizes["time"], cell].astype(float)


def _fraction(right: np.ndarray, chosen: np.ndarray, recording: xr.DataArray) -> xr.DataArray:
    if not chosen.any():
        raise DescriptionError("none of the trials named is in the recording; name trials of its protocol")
    return xr.DataArray(right[:, chosen].mean(axis=1), dims="animal",
                        coords={name: ("animal", recording[name].values) for name in ("group", "seed")})
