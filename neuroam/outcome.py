"""What came out, level by level, in tables and sentences: verdicts side by side, how far levels are apart, how a
circuit nears its effective model."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from neuroam.prediction import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED, Verdict
from neuroam.table import WIDTH, Table
from neuroam.units import in_words

ROUNDING = 1e-12
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
    """Claims down, levels across: mean [95 % interval] and verdict, beside what is known and how certain that is."""
    rows = tuple((some.claim, *map(cell, found), known(some), some.expect) for some, found in by_claim(levels))
    header = ("Claim", *(level.name for level in levels), "Known", "Expected mean")
    note = "Mean over animals [95 % bootstrap interval]. " + " ".join(summary(levels))
    return Table("Claims and what was found", header, rows, note=note).text(width)


def by_claim(levels: Sequence[Level]) -> list[tuple[Verdict, list[Verdict | None]]]:
    """Each claim once, with its verdict at every level; None where a level does not have it."""
    first: dict[str, Verdict] = {}
    for level in levels:
        for verdict in level.verdicts:
            first.setdefault(verdict.claim, verdict)
    return [(some, [next((v for v in level.verdicts if v.claim == claim), None) for level in levels])
            for claim, some in first.items()]


def known(verdict: Verdict) -> str:
    """What the claim is held against, which need not have been published, and how certain that is."""
    return f"{verdict.published} ({verdict.certainty})"


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
    if not level.verdicts:
        return f"{level.name.capitalize()}: no claim to judge."
    counts = {kind: sum(v.verdict == kind for v in level.verdicts) for kind in MARKS}
    total = len(level.verdicts)
    return (f"{level.name.capitalize()}: {counts[REPRODUCED]} of {total} claims reproduced, "
            f"{counts[NOT_REPRODUCED]} not reproduced, {counts[NOT_DECIDABLE]} not decidable.")


def animals(levels: Sequence[Level]) -> str:
    """"8 animals", or the range where levels differ."""
    return animals_in([level.recording for level in levels])


def animals_in(recordings: Sequence[xr.Dataset]) -> str:
    """The same of Datasets with the seeds of their animals."""
    counts = sorted({len(set(recording["seed"].values.tolist())) for recording in recordings}) or [0]
    span = str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    return f"{span} animal{'' if counts == [1] else 's'}"


def comparison_table(comparison: xr.Dataset, group: str) -> Table:
    """Metrics down; what each level says, and each two levels' difference with its interval, across."""
    one = comparison.sel(group=group)
    names, pairs = one["level"].values.tolist(), one["pair"].values.tolist()
    rows = tuple((metric, *(significant(float(one["overall_mean"].sel(level=name, metric=metric))) for name in names),
                  *(_overall(one.sel(pair=pair, metric=metric)) for pair in pairs))
                 for metric in one["metric"].values.tolist())
    note = ("Means over all trials and animals; difference, or distance, of each two levels [95 % bootstrap interval "
            "over animals].")
    left_out = comparison.attrs.get("left_out")
    return Table(f"Over all trials: {group}", ("Metric", *names, *pairs), rows,
                 note=f"{note} Left out: {left_out}." if left_out else note)


def trial_table(comparison: xr.Dataset, group: str, pair: str, most: int = 200) -> Table:
    """The same for one pair of levels trial by trial: trials down, metrics across; at most `most` trials."""
    one = comparison.sel(group=group, pair=pair).isel(trial=slice(most)).transpose("trial", "metric", ...)
    shown = one.isel(metric=one["difference"].notnull().any("trial").values)
    mean, low, high = (shown[name].values for name in ("difference", "low", "high"))
    rows = tuple((f"{k + 1} {_called(one, k)}", *map(_apart, mean[k], low[k], high[k])) for k in range(len(mean)))
    note = "" if comparison.sizes["trial"] <= most else f"The first {most} of {comparison.sizes['trial']} trials."
    return Table(f"Every trial: {pair}, {group}", ("Trial", *shown["metric"].values.tolist()), rows, note=note)


def comparison_summary(comparison: xr.Dataset) -> list[str]:
    """A sentence for each two levels: the distance of their responses and what else differs, in the first group."""
    one = comparison.isel(group=0)
    return [f"{pair.capitalize()}: {'; '.join(_findings(one.sel(pair=pair)))}." for pair in one["pair"].values.tolist()]


def curve_table(curve: xr.Dataset) -> Table:
    """Values down; distance to the effective model and fraction of trials recalled across, means over the animals and
    trials of every group."""
    groups = list(dict.fromkeys(curve["group"].values.tolist()))
    names = curve["level"].values.tolist()
    header = (curve.attrs["setting"], "τ_h/τ_v", "Time step", *(f"{n}: distance" for n in names),
              *(f"{n}: recalled" for n in names), "effective: recalled")
    return Table("Distance to the effective model", ("Group", *header) if len(groups) > 1 else header,
                 tuple(row for group in groups for row in _curve_rows(curve, group, len(groups) > 1)))


def curve_summary(orders: xr.Dataset, breaks: xr.DataArray, curve: xr.Dataset) -> list[str]:
    """The order of convergence and where recall breaks, a sentence for each level and group."""
    many = breaks.sizes["group"] > 1
    return [f"{level.capitalize()}{f', {group}' if many else ''}: {_order(orders.sel(level=level, group=group))}; "
            f"{_breaking(float(breaks.sel(level=level, group=group)), curve)}."
            for level in curve["level"].values.tolist() for group in breaks["group"].values.tolist()]


def significant(value: float) -> str:
    """Three digits that matter, also of what is small; "–" for NaN, 0 for what is rounding."""
    if math.isnan(value):
        return "–"
    if abs(value) < ROUNDING:
        return "0"
    text = f"{value:.3f}" if 0.01 <= abs(value) < 10 else f"{value:.3g}"
    return text.replace("-", "−")


def _overall(one: xr.Dataset) -> str:
    return _apart(*(float(one[name]) for name in ("overall", "overall_low", "overall_high")))


def _apart(mean: float, low: float, high: float) -> str:
    if math.isnan(mean) or math.isnan(low):
        return significant(mean)
    return f"{significant(mean)}\n[{significant(low)},\u00a0{significant(high)}]"


def _called(one: xr.Dataset, trial: int) -> str:
    words = dict.fromkeys(str(one[name].values[trial]) for name in ("block", "trial_name", "stimulus"))
    return ", ".join(word for word in words if word)


def _findings(one: xr.Dataset) -> list[str]:
    told = [m for m in one["metric"].values.tolist() if m.endswith("relative L2") or ": " not in m]
    found = [f"{m.replace(': ', ', ')} {_overall(one.sel(metric=m))}".replace("\n", " ") for m in told
             if one["overall"].sel(metric=m).notnull()]
    return found or ["nothing that both levels have"]


def _curve_rows(curve: xr.Dataset, group: str, named: bool) -> list[tuple[str, ...]]:
    some = curve.isel(animal=[g == group for g in curve["group"].values.tolist()]).mean(("animal", "trial"))
    rows = []
    for k in range(curve.sizes["value"]):
        here = some.isel(value=k)
        cells = (str(curve["setting"].values[k]), significant(float(curve["ratio"][k])),
                 in_words(float(curve["clock_dt"][k]), "second"),
                 *(significant(float(x)) for x in (*here["distance"].values, *here["success"].values)),
                 significant(float(here["success_effective"])))
        rows.append((group if named and not k else "", *cells) if named else cells)
    return rows


def _order(one: xr.Dataset) -> str:
    exponent, low, high, points = (float(one[name]) for name in ("exponent", "low", "high", "points"))
    if math.isnan(exponent):
        return "too few values of τ_h/τ_v up to .03 for an order; add smaller ones"
    interval = "" if math.isnan(low) else f" [{low:.2f},\u00a0{high:.2f}]"
    found = f"{exponent:.2f}{interval}".replace("-", "−")
    return f"the distance grows with τ_h/τ_v to the power {found}, over the {points:.0f} values up to .03 (1 expected)"


def _breaking(ratio: float, curve: xr.Dataset) -> str:
    if not curve["success"].notnull().any():
        return "no stored pattern to recall"
    lowest, highest = (significant(float(end)) for end in curve["ratio"].values[[0, -1]])
    if math.isnan(ratio):
        return f"recall does not break within the range, τ_h/τ_v from {lowest} to {highest}"
    text = curve["setting"].values[curve["ratio"].values == ratio][0]
    return f"recall breaks at {curve.attrs['setting']} = {text} (τ_h/τ_v = {significant(ratio)})"


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
