"""What came out, level by level: verdicts side by side, and in a sentence."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from neuroam.prediction import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED, Verdict
from neuroam.table import WIDTH, Table
from neuroam.units import in_words

MARKS = {REPRODUCED: "+", NOT_REPRODUCED: "−", NOT_DECIDABLE: "?"}


@dataclass(frozen=True, eq=False)
class Level:
    """One level of description (spiking, rate, effective): its recording and the verdicts on it. `file` is the name
    of the recording's file in the folder of the run, if it was kept."""

    name: str
    recording: xr.Dataset
    verdicts: list[Verdict]
    file: str = ""


def verdict_table(levels: Sequence[Level], width: int = WIDTH) -> str:
    """Claims down, levels across: mean [95 % interval] and verdict, beside what was published."""
    rows = tuple((some.claim, *map(cell, found), some.published, some.expect) for some, found in by_claim(levels))
    header = ("Claim", *(level.name for level in levels), "Published", "Expected mean")
    note = "Mean over animals [95 % bootstrap interval]. " + " ".join(summary(levels))
    return Table("Published claims and what was found", header, rows, note=note).text(width)


def by_claim(levels: Sequence[Level]) -> list[tuple[Verdict, list[Verdict | None]]]:
    """Each claim once, with its verdict at every level; None where a level does not have it."""
    first: dict[str, Verdict] = {}
    for level in levels:
        for verdict in level.verdicts:
            first.setdefault(verdict.claim, verdict)
    return [(some, [next((v for v in level.verdicts if v.claim == claim), None) for level in levels])
            for claim, some in first.items()]


def measured(verdict: Verdict) -> str:
    """"0.102 [0.099, 0.109]"; an interval is never broken over two lines."""
    if math.isnan(verdict.mean):
        return "no value"
    interval = "" if math.isnan(verdict.low) else f" [{number(verdict.low)},\u00a0{number(verdict.high)}]"
    return f"{number(verdict.mean)}{interval}"


def number(value: float) -> str:
    """Three decimals where they matter, so that columns stay comparable."""
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def cell(verdict: Verdict | None) -> str:
    """What a table says of one claim at one level."""
    return "–" if verdict is None else f"{measured(verdict)}\n{MARKS[verdict.verdict]}\u00a0{verdict.verdict}"


def summary(levels: Sequence[Level]) -> list[str]:
    """A sentence for each level: how many claims were reproduced, not reproduced, not decidable."""
    return [_sentence(level) for level in levels]


def _sentence(level: Level) -> str:
    counts = {kind: sum(v.verdict == kind for v in level.verdicts) for kind in MARKS}
    total = len(level.verdicts)
    return (f"{level.name.capitalize()}: {counts[REPRODUCED]} of {total} claims reproduced, "
            f"{counts[NOT_REPRODUCED]} not reproduced, {counts[NOT_DECIDABLE]} not decidable.")


def animals(levels: Sequence[Level]) -> str:
    """"8 animals", or the range where levels differ."""
    counts = sorted({len(set(level.recording["seed"].values.tolist())) for level in levels}) or [0]
    span = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    return f"{span} animal{'' if counts == [1] else 's'}"


def calibration(levels: Sequence[Level], unit: str) -> Table | None:
    """What the calibration reached at each level, mean over animals; None where nothing was calibrated. `unit` is
    that of the drive of the calibrated cells, for their threshold."""
    labels: dict[str, None] = {}
    for level in levels:
        if "calibrated" in level.recording:
            labels.update(dict.fromkeys(level.recording["calibration"].values.tolist()))
    if not labels:
        return None
    rows = tuple((label, *(_reached(level.recording, label, unit) for level in levels)) for label in labels)
    return Table("What the calibration reached", ("Mean over animals", *(level.name for level in levels)), rows,
                 note="Factor and scale multiply the described distance from rest to threshold and the weight "
                      "of the inhibition; the mean threshold counts from rest.")


def _reached(recording: xr.Dataset, label: str, unit: str) -> str:
    if "calibrated" not in recording or label not in recording["calibration"].values:
        return "–"
    column = recording["calibration"].values.tolist().index(label)
    value = float(recording["calibrated"].values[:, column].mean())
    if "level" in label:
        return f"{value:.1%}".replace("%", " %")
    return in_words(value, unit if label.endswith("threshold") else "1")
