"""The report of a run: one HTML file that holds everything, opens anywhere and can be mailed.

Images are inside the file; nothing is fetched and no script runs. The page itself is ``report.html.j2``.
"""
from __future__ import annotations

import base64
import inspect
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import xarray as xr

from neuroam import registry
from neuroam.circuit import Circuit
from neuroam.errors import DescriptionError
from neuroam.methods import describe
from neuroam.methods_protocol import timetable
from neuroam.outcome import (
    Level,
    animals,
    animals_in,
    by_claim,
    calibration,
    comparison_summary,
    comparison_table,
    curve_summary,
    curve_table,
    measured,
    summary,
    trial_table,
    verdict_table,
)
from neuroam.page import fill
from neuroam.protocol import Protocol
from neuroam.recording import write_whole
from neuroam.table import Table, plain
from neuroam.units import in_words

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["Level", "verdict_table", "write_report"]
DPI = 180
CLAIMS_IN_PANEL = 6
HOW_COMPARED = ("Every level ran the same animals (wirings), trials, stimuli and noise. The difference of a pair is "
                "the level named first minus the second; 1 − cosine and relative L2 = |a − b| / |b| are distances of "
                "the response vectors of a population in one trial, 0 for equal responses.")
HOW_NEARED = ("At each value of {setting} the circuit and its effective model, in which {hidden} has no time constant, "
              "ran the same animals and trials. The distance of a trial is max |v\u00a0−\u00a0v_eff| / max |v_eff| "
              "over its course, v the emission of all cells of {population}: fixed points do not depend on τ_h, so "
              "final states would say nothing of the order. Both ran with the same time step, at most a tenth of the "
              "shortest time constant of a hidden neuron. The noise of spiking pools does not vanish with τ_h, so "
              "their distance levels off.{besides}")


@dataclass(frozen=True)
class Image:
    """A picture as a data address, its width in CSS pixels, and what it is called."""

    source: str
    width: int
    title: str = ""


@dataclass(frozen=True)
class Plate:
    """A numbered figure of the report: panels under one caption."""

    title: str
    caption: str
    panels: tuple[Image, ...]


@dataclass(frozen=True)
class Kept:
    """A file beside the page: its name, its address from the page, its size in words."""

    name: str
    address: str
    size: str


@dataclass(frozen=True)
class Section:
    """A part of the page after what came out: sentences, tables, figures, and tables that are folded away."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plates: tuple[Plate, ...] = ()
    folded: tuple[Table, ...] = ()


def write_report(folder: str | os.PathLike, levels: Sequence[Level], circuit: Circuit, protocol: Protocol,
                 command: str) -> Path:
    """Write ``report.html`` into `folder`, all or nothing, and return its path. `command` makes the run again."""
    files = [_file(level, levels, Path(folder)) for level in levels]
    page = _page(circuit, protocol, command, levels=levels, summary=summary(levels), made=made(levels, files),
                 kept=kept(Path(folder), "*.nc"), nwb=kept(Path(folder), "nwb-*/*.nwb"))
    return _write(folder, "report.html", page)


def write_comparison(folder: str | os.PathLike, levels: Sequence[Level], comparison: xr.Dataset, circuit: Circuit,
                     protocol: Protocol, command: str) -> Path:
    """Write ``comparison.html``: how far the levels are apart, and the verdicts at each. As `write_report`."""
    files = [_file(level, levels, Path(folder)) for level in levels]
    page = _page(circuit, protocol, command, levels=levels, plates=[], made=made(levels, files),
                 kept=kept(Path(folder), "*.nc"), nwb=kept(Path(folder), "nwb-*/*.nwb"),
                 sections=[_comparison(comparison, animals(levels))],
                 summary=[*comparison_summary(comparison), *(summary(levels) if protocol.predictions else [])])
    return _write(folder, "comparison.html", page)


def write_curve(folder: str | os.PathLike, curve: xr.Dataset, orders: xr.Dataset, breaks: xr.DataArray,
                circuit: Circuit, protocol: Protocol, command: str) -> Path:
    """Write ``comparison.html``: how the circuit nears its effective model. As `write_report`."""
    rows = (("Animals", str(curve.attrs["animals"])), ("Seed of the first animal", str(curve.attrs["seed"])),
            ("Versions", str(curve.attrs["source"])))
    page = _page(circuit, protocol, command, sections=[_curve(curve, orders, breaks)], plates=[],
                 summary=curve_summary(orders, breaks, curve), made=Table("Make it again", ("", ""), rows),
                 names=["effective", *curve["level"].values.tolist()], animals=animals_in([curve]),
                 kept=kept(Path(folder), "*.nc") + kept(Path(folder), "recordings/*.nc"),
                 nwb=kept(Path(folder), "recordings/nwb-*/*.nwb"))
    return _write(folder, "comparison.html", page)


def kept(folder: Path, pattern: str) -> tuple[Kept, ...]:
    """The files of a run's folder that match, as the page in that folder links them."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    return tuple(Kept(path.relative_to(folder).as_posix(), quote(path.relative_to(folder).as_posix()),
                      _size(path.stat().st_size)) for path in found)


def _size(count: int) -> str:
    power = 2 if count >= 1e5 else 1
    return f"{count / 1000**power:.{0 if count >= 10 * 1000**power else 1}f} {('kB', 'MB')[power - 1]}"


def _page(circuit: Circuit, protocol: Protocol, command: str, levels: Sequence[Level] = (), **content: Any) -> str:
    """A page about a circuit in an experiment; `content` replaces or adds to what every page has."""
    usual: dict[str, Any] = {
        "protocol": protocol, "circuit": circuit, "command": command, "measured": measured, "about": about(protocol),
        "names": [level.name for level in levels], "claims": by_claim(levels), "animals": animals(levels),
        "sections": (), "kept": (), "nwb": (),
        "calibration": calibration(levels, _drive_unit(circuit)), "forest": _forest(levels, protocol),
        "notes": _notes(circuit), "diagram": _diagram(circuit), "circuit_tables": describe(circuit).tables,
        "protocol_tables": _protocol_tables(protocol), "timetable": timetable(protocol)}
    if "plates" not in content:
        usual["plates"] = plates(levels, protocol)
    return fill("report.html.j2", **usual | content)


def _write(folder: str | os.PathLike, name: str, page: str) -> Path:
    return write_whole(Path(folder) / name, page.encode("utf-8"))


def _comparison(comparison: xr.Dataset, count: str) -> Section:
    from neuroam.analysis.plot_compare import MOST_GROUPS, overall_figures, trial_figures

    groups, pairs = comparison["group"].values.tolist(), comparison["pair"].values.tolist()
    overall = Plate("Over all trials", f"Difference, or distance, of each two levels: mean over {count} and trials, "
                    "with its 95 % bootstrap interval over animals.", _panels(overall_figures(comparison)))
    beyond = f" The first {MOST_GROUPS} groups of {len(groups)}." if len(groups) > MOST_GROUPS else ""
    by_trial = Plate("Trial by trial", f"The same in each trial: mean over {count} and its 95 % bootstrap interval. "
                     f"Grey lines: where a block of trials ends.{beyond}", _panels(trial_figures(comparison)))
    control, *others = (comparison_table(comparison, group) for group in groups)
    return Section("How far levels are apart", (HOW_COMPARED,), (control,), (overall, by_trial),
                   (*others, *(trial_table(comparison, groups[0], pair) for pair in pairs)))


def _curve(curve: xr.Dataset, orders: xr.Dataset, breaks: xr.DataArray) -> Section:
    from neuroam.analysis.plot_compare import distance_figures, recall_figures

    count = animals_in([curve])
    distance = Plate("Distance to the effective model", f"Mean over trials and {count}, with its 95 % bootstrap "
                     "interval over animals. Thick line: the fitted order, over the values up to .03 (blue).",
                     _panels(distance_figures(curve, orders)))
    recall = Plate("Recall", "Fraction of trials whose answer overlaps with the cued pattern by more than .9: mean "
                   f"over {count}, with its 95 % bootstrap interval. Vertical: where it first falls below half that "
                   "of the effective model.", _panels(recall_figures(curve, breaks)))
    return Section("Nearing the effective model", (HOW_NEARED.format(**curve.attrs),), (curve_table(curve),),
                   tuple(plate for plate in (distance, recall) if plate.panels))


def _panels(figures: Mapping[str, matplotlib.figure.Figure]) -> tuple[Image, ...]:
    return tuple(embed(figure, title) for title, figure in figures.items())


def plates(levels: Sequence[Level], protocol: Protocol) -> list[Plate]:
    """The figures the protocol asks for, those without anything to show left out."""
    recordings = {level.name: level.recording for level in levels}
    found = []
    for figure in protocol.figures:
        panels = _panels(figure.draw(recordings))
        if panels:
            found.append(Plate(figure.title, figure.caption.replace("{animals}", animals(levels)), panels))
    return found


def embed(figure: matplotlib.figure.Figure, title: str = "") -> Image:
    """A matplotlib figure as an image that stands in the page itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).print_png(buffer)  # savefig lays everything out twice
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Image(f"data:image/png;base64,{data}", round(figure.get_figwidth() * 100), title)


def about(protocol: Protocol) -> list[str]:
    """The text of the module a registered protocol comes from, by paragraphs; nothing for any other. Lines that stand
    further in, such as equations, are left as they are."""
    if protocol.recipe is None:
        return []
    try:
        module = inspect.getmodule(registry.factory("protocols", protocol.recipe.name))
    except DescriptionError:
        return []
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(module.__doc__ or "") if module else "")
    return [block if all(line.startswith("    ") for line in block.splitlines()) else plain(block) for block in blocks]


def made(levels: Sequence[Level], files: Sequence[str]) -> Table:
    """How the levels were made: solver, seed, versions and where the recordings lie; what they share said once."""
    keys = (("Solver", "solver"), ("Seed of the first animal", "seed"), ("Animals", "animals"),
            ("Time step", "clock_dt"), ("Versions", "source"), ("Schema of the recording", "neuroam_schema"))
    rows = [(words, _by_level(levels, [_attribute(level, key) for level in levels])) for words, key in keys]
    rows.append(("Recording", _by_level(levels, list(files) or ["not kept"] * len(levels))))
    return Table("Make it again", ("", ""), tuple(rows))


def _attribute(level: Level, key: str) -> str:
    value = level.recording.attrs.get(key, "not stated")
    return in_words(float(value), "second") if key == "clock_dt" and value != "not stated" else str(value)


def _by_level(levels: Sequence[Level], values: Sequence[str]) -> str:
    if len(set(values)) == 1:
        return values[0]
    return "\n".join(f"{level.name}: {value}" for level, value in zip(levels, values, strict=True))


def _file(level: Level, levels: Sequence[Level], folder: Path) -> str:
    usual = [level.file, f"recording-{level.name}.nc", *(["recording.nc"] if level is levels[0] else [])]
    return next((name for name in usual if name and (folder / name).exists()), level.file or "not kept")


def _protocol_tables(protocol: Protocol) -> tuple[Table, ...]:
    """All but the timetable, which stands by itself, and the claims, which the verdicts repeat."""
    return tuple(t for t in describe(protocol).tables if t.title in ("Design", "Groups", "Recorded", "Notes"))


def _notes(circuit: Circuit) -> list[tuple[str, str]]:
    return [(subject, plain(note)) for subject, note in circuit.notes.items()]


def _drive_unit(circuit: Circuit) -> str:
    goal = circuit.calibration
    return "1" if goal is None else circuit.population(goal.population).neuron.unit_in


def _diagram(circuit: Circuit) -> Image:
    from neuroam.diagram import circuit_diagram

    return embed(circuit_diagram(circuit), f"diagram of the circuit {circuit.name}")


def _forest(levels: Sequence[Level], protocol: Protocol) -> list[Image]:
    """Verdicts across levels, in as many panels as stand side by side."""
    from neuroam.analysis.plot_verdicts import forest

    judged = {v.claim for level in levels for v in level.verdicts}
    predictions = [p for p in protocol.predictions if p.claim in judged]
    verdicts = {level.name: level.verdicts for level in levels}
    size = math.ceil(len(predictions) / math.ceil(len(predictions) / CLAIMS_IN_PANEL)) if predictions else 1
    return [embed(forest(predictions[k: k + size], verdicts), "verdicts across levels")
            for k in range(0, len(predictions), size)]
