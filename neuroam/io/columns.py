"""Which column of a laboratory's table is what, and its values in types that every netCDF holds.

As named by the caller, else under neuroam's own word, else under a usual one (`USUAL`, matched in whole).
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neuroam.errors import RecordingError
from neuroam.recording import OF_A_FILE

_SHOWN = "(visual_?)?(stim(ul(us|i))?|odou?r|cue|cs|tone|sound|image|picture|sample|grating)"
USUAL = {
    "stimulus": rf"{_SHOWN}(_?(name|id|identity|type|label|condition))?|condition|trial_type",
    "stimulus_on": rf"{_SHOWN}_?(on|onset|start)(_?times?)?",
    "stimulus_off": rf"{_SHOWN}_?(off|offset|stop|end)(_?times?)?",
    "stimulus_duration": rf"{_SHOWN}_?dur(ation)?(_s)?",
    "trial_name": "trial_?name", "block": "block(_?(name|id|num|number))?", "phase": "(session_?|experiment_?)?phase",
    "cs_type": "cs_?type", "group": "group|genotype|treatment",
    "population": "cell_?type|(brain_?)?(area|region|structure)(_?(name|acronym))?|location"}
OF_UNITS = ("population",)
# analysis would take columns of these names for ours
TAKEN = {"animal", "trial", "unit", "spike", "responder", "time", "trace", "pattern", "calibration", "calibrated",
         "seed", "spike_time", "spike_count", "response", "response_on", "response_off", "trace_value",
         "trace_population", "trace_cell", "trace_unit", "overlap", "overlap_trace", "match", "energy", "start_time",
         "stop_time", "position", "index_in_population", "unobserved_trials", *USUAL,
         *OF_A_FILE}


@dataclass(frozen=True)
class Columns:
    """How to read a laboratory's tables: column names by neuroam's words, and the table of trials (None: one trial)."""

    named: Mapping[str, str] = field(default_factory=dict)
    trials: str | None = "trials"

    def __post_init__(self) -> None:
        for word in self.named:
            if word not in USUAL:
                raise RecordingError(f"columns: {word!r} is none of {', '.join(USUAL)}")

    def choose(self, units: Mapping[str, np.ndarray], trials: Mapping[str, np.ndarray], where: str) -> dict[str, str]:
        """The column for each word that has one; `RecordingError` if one that was named is not there."""
        chosen, claimed = {}, set(self.named.values())
        for word, pattern in USUAL.items():
            kind, table = ("units", units) if word in OF_UNITS else ("trials", trials)
            if word in self.named and self.named[word] not in table:
                raise RecordingError(f"{where}: columns names {self.named[word]!r} for {word}, but the {kind} have "
                                     f"{', '.join(table) or 'no columns'}")
            free = [name for name in table if name not in claimed and re.fullmatch(f"{word}|{pattern}", _snake(name))]
            free.sort(key=lambda name: name != word)  # stable: neuroam's own word, then the first in the table
            if word in self.named or free:
                chosen[word] = self.named.get(word) or free[0]
        if "stimulus_off" in chosen:
            chosen.pop("stimulus_duration", None)
        if "group" not in self.named and "group" in chosen and len(set(words(trials[chosen["group"]]))) > 1:
            del chosen["group"]  # whatever it is, it is not the animal's
        return chosen


def _snake(name: str) -> str:
    """stimOn_times as stim_on_times."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(" ", "_").lower()


def further(table: Mapping[str, np.ndarray], used: set[str]) -> dict[str, np.ndarray]:
    """Columns not used, under names that are free."""
    return {_free(name): _storable(values) for name, values in table.items() if name not in used}


def _free(name: str) -> str:
    name = name.replace("/", "_")
    return f"{name}_in_file" if name in TAKEN else name


def _storable(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "iu":
        return values
    info = np.iinfo(np.int32)
    fits = not values.size or (values.min() >= info.min and values.max() <= info.max)
    return values.astype(np.int32 if fits else np.float64)


def words(values: np.ndarray) -> np.ndarray:
    """3.0 is "3", and what is not a number is empty."""
    if values.dtype.kind == "f":
        return np.array(["" if np.isnan(v) else f"{v:.15g}" for v in values], dtype=str)
    return np.array([str(v) for v in values.tolist()], dtype=str)
