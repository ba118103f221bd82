"""What is said of a sweep: on the terminal, in a table of all cells, and on a page that holds everything."""
from __future__ import annotations

import csv
import io
import itertools
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from neuroam.outcome import significant
from neuroam.prediction import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED
from neuroam.table import WIDTH, Table

ORDER = (REPRODUCED, NOT_REPRODUCED, NOT_DECIDABLE)
MARKS = {REPRODUCED: "✓", NOT_REPRODUCED: "✗", NOT_DECIDABLE: "?"}
MOST_ROWS = 400


def cells(sweep: xr.Dataset) -> Iterator[tuple[dict[str, str], xr.Dataset]]:
    """Each parameter set in words, with its part of the Dataset, in the order of the sweep."""
    dims = [str(dim) for dim in sweep["message"].dims if dim != "level"]
    for place in itertools.product(*(range(sweep.sizes[dim]) for dim in dims)):
        one = sweep.isel(dict(zip(dims, place, strict=True)))
        yield {name: in_words(one[name]) for name in varied(sweep)}, one


def varied(sweep: xr.Dataset) -> list[str]:
    """Names of the parameters."""
    dims = set(sweep["message"].dims) - {"level"}
    return [str(name) for name, values in sweep.coords.items() if set(values.dims) <= dims and values.dims
            and name != "cell"]


def in_words(value: xr.DataArray) -> str:
    """A parameter's value, with its unit."""
    if value.dtype.kind not in "iuf":
        return str(value.values)
    unit = value.attrs.get("shown_unit", "")
    return f"{float(value) * value.attrs.get('shown_factor', 1):.6g}{f' {unit}' if unit else ''}"


def summary(sweep: xr.Dataset) -> list[str]:
    """A sentence on the cells, and one for each that failed."""
    finished, failed = (sweep["recording"] != "").values, (sweep["message"] != "").values
    words = [f"{int(finished.sum())} of {finished.size} cells finished, animals in each: {sweep.attrs['animals']}."]
    if failed.any():
        words[0] += f" {int(failed.sum())} failed, and will be tried again when the same sweep is given."
    return words + [f"{_joined(settings)}, {level}: {message}" for settings, one in cells(sweep)
                    for level, message in zip(one["level"].values.tolist(), one["message"].values.tolist(),
                                              strict=True) if message]


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
    levels = sweep["level"].values.tolist()
    rows = [(str(k + 1), *settings.values(), *(_found(one.sel(claim=claim, level=level)) for level in levels))
            for k, (settings, one) in enumerate(itertools.islice(cells(sweep), MOST_ROWS))]
    total = math.prod(sweep["message"].shape) // len(levels)
    note = f"The first {MOST_ROWS} of {total} cells; all are in sweep.csv." if total > MOST_ROWS else ""
    return Table(claim, ("Cell", *varied(sweep), *levels), tuple(rows), note=note)


def _found(one: xr.Dataset) -> str:
    verdict = str(one["verdict"].values)
    mean, low, high = (float(one[f"statistic_{word}"]) for word in ("mean", "low", "high"))
    if not verdict:
        return "–"
    interval = "" if math.isnan(low) else f" [{significant(low)},\u00a0{significant(high)}]"
    return f"{MARKS[verdict]} {significant(mean)}{interval}"


def table_text(sweep: xr.Dataset) -> str:
    """All cells as comma-separated values: a row for each cell, level and claim or metric, in full precision."""
    buffer = io.StringIO()
    names = varied(sweep)
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(_column(sweep, name) for name in names), "level", "kind", "name", "group", "mean", "low",
                     "high", "animals", "verdict", "recording", "failed"])
    for _, one in cells(sweep):
        given = [one[name].values.item() for name in names]
        for level in one["level"].values.tolist():
            writer.writerows([*given, level, *row] for row in _rows(one.sel(level=level)))
    return buffer.getvalue()


def _column(sweep: xr.Dataset, name: str) -> str:
    unit = sweep[name].attrs.get("units", "")
    return f"{name} ({unit})" if unit else name


def _rows(one: xr.Dataset) -> Iterator[list[Any]]:
    """Of one cell at one level."""
    file, message = str(one["recording"].values), str(one["message"].values)
    if message or not file:
        yield ["", "", "", "", "", "", "", "", file, message]
        return
    for claim in one["claim"].values.tolist() if "statistic" in one else []:
        some = one.sel(claim=claim)
        if verdict := str(some["verdict"].values):
            yield ["claim", claim, "", *_numbers(some, "statistic"), verdict, file, ""]
    metrics = itertools.product(one["metric"].values.tolist(), one["group"].values.tolist()) if "measure" in one else ()
    for metric, group in metrics:
        some = one.sel(metric=metric, group=group)
        if some["measure_mean"].notnull():
            yield ["metric", metric, group, *_numbers(some, "measure"), "", file, ""]


def _numbers(some: xr.Dataset, name: str) -> list[Any]:
    ends = [float(some[f"{name}_{word}"]) for word in ("mean", "low", "high")]
    return [*("" if math.isnan(end) else repr(end) for end in ends), int(some[name].notnull().sum())]


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
    rows = tuple((_joined(settings), level, message) for settings, one in cells(sweep)
                 for level, message in zip(one["level"].values.tolist(), one["message"].values.tolist(), strict=True)
                 if message)
    return Table("Cells that failed", ("Cell", "Level", "Why"), rows) if rows else None


def recordings(sweep: xr.Dataset) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each cell in words with its recordings, level and file."""
    return [(f"{k + 1}. {_joined(settings)}",
             [(level, file) for level, file in zip(one["level"].values.tolist(), one["recording"].values.tolist(),
                                                   strict=True) if file])
            for k, (settings, one) in enumerate(itertools.islice(cells(sweep), MOST_ROWS))]


def render(sweep: xr.Dataset, **content: Any) -> str:
    """The page. `content`: `circuit`, its name; `claims` and `metrics`, plates of figures; `more`, what was left out of
    them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("neuroam", ".")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True,
                              undefined=StrictUndefined)
    report = loader.get_source(environment, "report.html.j2")[0]
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)  # one look for all pages
    tables = [cell_table(sweep, claim) for claim in sweep["claim"].values.tolist()] if "statistic" in sweep else []
    return environment.get_template("sweep.html.j2").render(
        sweep=sweep.attrs, style=style[1] if style else "", summary=summary(sweep)[:1], failed=failures(sweep),
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
        words = [in_words(values.isel({values.dims[0]: k})) for k in range(values.size)]
        rows.append((name, ", ".join(dict.fromkeys(words))))
    return Table("What was varied", ("Parameter", "Values"), tuple(rows))


def _joined(settings: dict[str, str]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in settings.items())


def verdicts(sweep: xr.Dataset) -> dict[str, list[dict[str, Any]]]:
    """By level, the verdict on every claim in every cell."""
    if "statistic" not in sweep:
        return {}
    found: dict[str, list[dict[str, Any]]] = {level: [] for level in sweep["level"].values.tolist()}
    for settings, one in cells(sweep):
        for level, claim in itertools.product(found, sweep["claim"].values.tolist()):
            some = one.sel(level=level, claim=claim)
            if verdict := str(some["verdict"].values):
                mean = float(some["statistic_mean"])
                found[level].append({"settings": settings, "claim": claim, "verdict": verdict,
                                     "mean": mean if np.isfinite(mean) else None})
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
