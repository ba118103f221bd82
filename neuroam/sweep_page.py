"""What is said of a sweep: on the terminal, in a table of all cells, and on a page that holds everything."""
from __future__ import annotations

import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from neuroam.outcome import significant
from neuroam.page import fill
from neuroam.prediction import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED
from neuroam.table import WIDTH, Table

ORDER = (REPRODUCED, NOT_REPRODUCED, NOT_DECIDABLE)
MARKS = {REPRODUCED: "✓", NOT_REPRODUCED: "✗", NOT_DECIDABLE: "?"}
MOST_ROWS = 400


def parameter_sets(sweep: xr.Dataset) -> list[dict[str, str]]:
    """Each parameter set in words, in the order of the sweep."""
    columns = _columns(sweep)
    words = {name: [in_words(sweep[name], value) for value in column] for name, column in columns.items()}
    return [dict(zip(words, row, strict=True)) for row in zip(*words.values(), strict=True)]


def _columns(sweep: xr.Dataset) -> dict[str, list[Any]]:
    """Values of each parameter, one for each parameter set."""
    one = sweep["message"].isel(level=0)
    return {name: xr.broadcast(sweep[name], one)[0].transpose(*one.dims).values.ravel().tolist()
            for name in varied(sweep)}


def _flat(sweep: xr.Dataset, name: str) -> np.ndarray:
    """(parameter set, level, …) of a variable."""
    values = sweep[name].values
    return values.reshape(-1, *values.shape[len(sweep["message"].dims) - 1:])


def _each(sweep: xr.Dataset) -> Iterator[tuple[int, str, int, str]]:
    """Place of the parameter set, its words, place of the level and its name, of every cell."""
    for k, settings in enumerate(parameter_sets(sweep)):
        for n, level in enumerate(sweep["level"].values.tolist()):
            yield k, _joined(settings), n, level


def varied(sweep: xr.Dataset) -> list[str]:
    """Names of the parameters."""
    dims = set(sweep["message"].dims) - {"level"}
    return [str(name) for name, values in sweep.coords.items() if set(values.dims) <= dims and values.dims
            and name != "cell"]


def in_words(parameter: xr.DataArray, value: Any) -> str:
    """A value of a parameter, with its unit."""
    if parameter.dtype.kind not in "iuf":
        return str(value)
    unit = parameter.attrs.get("shown_unit", "")
    return f"{value * parameter.attrs.get('shown_factor', 1):.6g}{f' {unit}' if unit else ''}"


def summary(sweep: xr.Dataset) -> list[str]:
    """A sentence on the cells, and one for each that failed."""
    finished, failed = (sweep["recording"] != "").values, (sweep["message"] != "").values
    words = [f"{int(finished.sum())} of {finished.size} cells finished, animals in each: {sweep.attrs['animals']}."]
    if failed.any():
        words[0] += f" {int(failed.sum())} failed, and will be tried again when the same sweep is given."
    return words + [f"{settings}, {level}: {message}" for settings, level, message in _failed(sweep)]


def _failed(sweep: xr.Dataset) -> list[tuple[str, str, str]]:
    messages = _flat(sweep, "message").tolist()
    return [(words, level, messages[k][n]) for k, words, n, level in _each(sweep) if messages[k][n]]


def claims_table(sweep: xr.Dataset) -> Table:
    """Claims down, levels across: in how many cells each is reproduced, and the range of the means."""
    levels = sweep["level"].values.tolist()
    rows = tuple((claim, *(_tally(sweep.sel(level=level, claim=claim)) for level in levels),
                  str(sweep["expect"].sel(claim=claim).values)) for claim in sweep["claim"].values.tolist())
    return Table("Claims over the sweep", ("Claim", *levels, "Expected mean"), rows,
                 note=f"In how many cells a claim is {', '.join(f'{MARKS[v]} {v}' for v in ORDER)}; lowest and highest "
                      "mean of a cell, over its animals.")


def _tally(one: xr.Dataset) -> str:
    counts = Counter(one["verdict"].values.ravel().tolist())
    marks = ", ".join(f"{MARKS[verdict]}\u00a0{counts[verdict]}" for verdict in ORDER if counts[verdict])
    return f"{marks}\n{_range(one['statistic_mean'])}" if marks else "–"


def metrics_table(sweep: xr.Dataset) -> Table:
    """Metrics down, levels across: the range of the means in the first group."""
    first, levels = sweep.isel(group=0), sweep["level"].values.tolist()
    rows = tuple((metric, *(_range(first["measure_mean"].sel(level=level, metric=metric)) for level in levels))
                 for metric in sweep["metric"].values.tolist()
                 if first["measure_mean"].sel(metric=metric).notnull().any())
    return Table(f"Metrics over the sweep: {first['group'].values}", ("Metric", *levels), rows,
                 note="Lowest and highest mean of a cell, over trials and animals.")


def _range(means: xr.DataArray) -> str:
    if not means.notnull().any():
        return "–"
    low, high = significant(float(means.min())), significant(float(means.max()))
    return low if low == high else f"{low} … {high}"


def cell_table(sweep: xr.Dataset, claim: str) -> Table:
    """One claim cell by cell: parameters down, levels across."""
    levels, one = sweep["level"].values.tolist(), sweep.sel(claim=claim)
    verdict, mean, low, high = (_flat(one, name).tolist() for name in (
        "verdict", "statistic_mean", "statistic_low", "statistic_high"))
    sets = parameter_sets(sweep)
    rows = [(str(k + 1), *settings.values(), *map(_found, verdict[k], mean[k], low[k], high[k]))
            for k, settings in enumerate(sets[:MOST_ROWS])]
    left_out = f"The first {MOST_ROWS} of {len(sets)} parameter sets; all are in sweep.csv."
    return Table(claim, ("Cell", *varied(sweep), *levels), tuple(rows), note=left_out if len(sets) > MOST_ROWS else "")


def _found(verdict: str, mean: float, low: float, high: float) -> str:
    if not verdict:
        return "–"
    interval = "" if math.isnan(low) else f" [{significant(low)},\u00a0{significant(high)}]"
    return f"{MARKS[verdict]} {significant(mean)}{interval}"


def table_text(sweep: xr.Dataset) -> str:
    """All cells as comma-separated values: a row for each cell, level and claim or metric, in full precision."""
    buffer = io.StringIO()
    columns = _columns(sweep)
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(_column(sweep, name) for name in columns), "level", "kind", "name", "group", "mean", "low",
                     "high", "animals", "verdict", "recording", "failed"])
    given = list(zip(*columns.values(), strict=True))
    writer.writerows([*given[k], level, *row] for k, level, row in _rows(sweep))
    return buffer.getvalue()


def _column(sweep: xr.Dataset, name: str) -> str:
    unit = sweep[name].attrs.get("units", "")
    return f"{name} ({unit})" if unit else name


def _rows(sweep: xr.Dataset) -> Iterator[tuple[int, str, list[Any]]]:
    """Of every cell: place of its parameter set, level, and what follows them."""
    files, messages = (_flat(sweep, name).tolist() for name in ("recording", "message"))
    claims = list(_of_claims(sweep)) if "statistic" in sweep else []
    metrics = list(_of_metrics(sweep)) if "measure" in sweep else []
    for k, _, n, level in _each(sweep):
        if not files[k][n]:
            yield k, level, [*[""] * 8, "", messages[k][n]]
            continue
        for kind, name, group, values, verdict in (*claims, *metrics):
            mean, low, high, animals = (float(column[k, n]) for column in values)
            if animals:
                numbers = ["" if math.isnan(end) else repr(end) for end in (mean, low, high)]
                said = str(verdict[k, n]) if verdict is not None else ""
                yield k, level, [kind, name, group, *numbers, int(animals), said, files[k][n], ""]


def _of_claims(sweep: xr.Dataset) -> Iterator[tuple[str, str, str, list[np.ndarray], np.ndarray | None]]:
    numbers, verdicts = _numbers(sweep, "statistic"), _flat(sweep, "verdict")
    for c, claim in enumerate(sweep["claim"].values.tolist()):
        yield "claim", claim, "", [column[:, :, c] for column in numbers], verdicts[:, :, c]


def _of_metrics(sweep: xr.Dataset) -> Iterator[tuple[str, str, str, list[np.ndarray], np.ndarray | None]]:
    numbers = _numbers(sweep, "measure")
    for m, metric in enumerate(sweep["metric"].values.tolist()):
        for g, group in enumerate(sweep["group"].values.tolist()):
            yield "metric", metric, group, [column[:, :, m, g] for column in numbers], None


def _numbers(sweep: xr.Dataset, name: str) -> list[np.ndarray]:
    """Mean, low, high and number of animals, each (parameter set, level, …)."""
    return [*(_flat(sweep, f"{name}_{word}") for word in ("mean", "low", "high")),
            (~np.isnan(_flat(sweep, name))).sum(axis=-1)]


def terminal(sweep: xr.Dataset) -> str:
    """What the command prints at the end."""
    parts = []
    if "statistic" in sweep:
        parts.append(claims_table(sweep).text(WIDTH))
    elif "measure" in sweep:
        parts.append(metrics_table(sweep).text(WIDTH))
    return "\n\n".join([*parts, "\n".join(summary(sweep))])


def failures(sweep: xr.Dataset) -> Table | None:
    """The cells that failed, and why."""
    rows = _failed(sweep)
    return Table("Cells that failed", ("Cell", "Level", "Why"), tuple(rows)) if rows else None


def recordings(sweep: xr.Dataset) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each parameter set in words with its recordings, level and file."""
    files, levels = _flat(sweep, "recording").tolist(), sweep["level"].values.tolist()
    return [(f"{k + 1}. {_joined(settings)}", [pair for pair in zip(levels, files[k], strict=True) if pair[1]])
            for k, settings in enumerate(parameter_sets(sweep)[:MOST_ROWS])]


def render(sweep: xr.Dataset, **content: Any) -> str:
    """The page. `content`: `circuit`, its name; `claims` and `metrics`, plates of figures; `more`, what was left out of
    them; `nwb`, the NWB files (`report.Kept`) of each recording."""
    tables = [cell_table(sweep, claim) for claim in sweep["claim"].values.tolist()] if "statistic" in sweep else []
    return fill(
        "sweep.html.j2", sweep=sweep.attrs, summary=summary(sweep)[:1], failed=failures(sweep),
        outcome=_outcome(sweep), tables=tables, varied=_ranges(sweep), recordings=recordings(sweep),
        levels=sweep["level"].values.tolist(), **content)


def _outcome(sweep: xr.Dataset) -> list[Table]:
    found = [claims_table(sweep)] if "statistic" in sweep else []
    return found + ([metrics_table(sweep)] if "measure" in sweep else [])


def _ranges(sweep: xr.Dataset) -> Table:
    """What was varied."""
    rows = []
    for name in varied(sweep):
        values = sweep[name]
        words = [in_words(values, value) for value in values.values.tolist()]
        rows.append((name, ", ".join(dict.fromkeys(words))))
    return Table("What was varied", ("Parameter", "Values"), tuple(rows))


def _joined(settings: dict[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in settings.items())


def verdicts(sweep: xr.Dataset) -> dict[str, list[dict[str, Any]]]:
    """By level, the verdict on every claim in every cell."""
    if "statistic" not in sweep:
        return {}
    found: dict[str, list[dict[str, Any]]] = {level: [] for level in sweep["level"].values.tolist()}
    said, means = _flat(sweep, "verdict").tolist(), _flat(sweep, "statistic_mean").tolist()
    claims, sets = sweep["claim"].values.tolist(), parameter_sets(sweep)
    for k, _, n, level in _each(sweep):
        for claim, verdict, mean in zip(claims, said[k][n], means[k][n], strict=True):
            if verdict:
                found[level].append({"settings": sets[k], "claim": claim, "verdict": verdict,
                                     "mean": mean if math.isfinite(mean) else None})
    return found


class CellsDone:
    """Cells done and time left: one line that rewrites itself on a terminal, elsewhere a line a second at most. Cells
    that failed are named at once."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.told = -math.inf
        self.failures = 0

    def __call__(self, done: int, total: int, seconds: float, words: str = "", message: str = "") -> None:
        if message:
            self.failures += 1
            line = f"failed: {words}: {message}"
            print(f"\r{line:78s}" if self.live else line, flush=True)
        if not self.live and done < total and seconds - self.told < 1:
            return
        self.told = seconds
        left = f"about {_duration(seconds / done * (total - done))} left" if done < total else "done"
        bad = f", {self.failures} failed" if self.failures else ""
        line = f"{done:4d} of {total} cells{bad}  {_duration(seconds)}  {left}"
        print(f"\r{line:78s}" if self.live else line, end="\n" if done == total or not self.live else "", flush=True)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
