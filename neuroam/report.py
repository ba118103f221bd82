"""The report of a run: one HTML file that holds everything, opens anywhere and can be mailed.

Images are inside the file; nothing is fetched and no script runs. The page itself is ``report.html.j2``.
"""
from __future__ import annotations

import base64
import inspect
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuroam import registry
from neuroam.circuit import Circuit
from neuroam.errors import DescriptionError
from neuroam.methods import describe
from neuroam.methods_protocol import timetable
from neuroam.outcome import Level, animals, by_claim, calibration, measured, summary, verdict_table
from neuroam.protocol import Protocol
from neuroam.recording import write_whole
from neuroam.table import Table, plain
from neuroam.units import in_words

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["Level", "verdict_table", "write_report"]
DPI = 180
CLAIMS_IN_PANEL = 6


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


def write_report(folder: str | os.PathLike, levels: Sequence[Level], circuit: Circuit, protocol: Protocol,
                 command: str) -> Path:
    """Write ``report.html`` into `folder`, all or nothing, and return its path. `command` makes the run again."""
    folder = Path(folder)
    page = render(levels, circuit, protocol, command, [_file(level, levels, folder) for level in levels])
    path = folder / "report.html"
    write_whole(path, page.encode("utf-8"))
    return path


def render(levels: Sequence[Level], circuit: Circuit, protocol: Protocol, command: str,
           files: Sequence[str] = ()) -> str:
    """The page as text. `files` names the recording of each level."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("neuroam", "."), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined)
    claims = by_claim(levels)
    return environment.get_template("report.html.j2").render(
        protocol=protocol, circuit=circuit, levels=levels, command=command, claims=claims, measured=measured,
        animals=animals(levels), about=about(protocol), summary=summary(levels),
        calibration=calibration(levels, _drive_unit(circuit)), notes=_notes(circuit), diagram=_diagram(circuit),
        circuit_tables=describe(circuit).tables, protocol_tables=_protocol_tables(protocol),
        timetable=timetable(protocol), plates=plates(levels, protocol), forest=_forest(levels, protocol),
        made=made(levels, files))


def plates(levels: Sequence[Level], protocol: Protocol) -> list[Plate]:
    """The figures the protocol asks for, those without anything to show left out."""
    recordings = {level.name: level.recording for level in levels}
    found = []
    for figure in protocol.figures:
        panels = tuple(embed(panel, title) for title, panel in figure.draw(recordings).items())
        if panels:
            found.append(Plate(figure.title, figure.caption.replace("{animals}", animals(levels)), panels))
    return found


def embed(figure: matplotlib.figure.Figure, title: str = "") -> Image:
    """A matplotlib figure as an image that stands in the page itself."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Image(f"data:image/png;base64,{data}", round(figure.get_figwidth() * 100), title)


def about(protocol: Protocol) -> list[str]:
    """The text of the module a registered protocol comes from, by paragraphs; nothing for any other."""
    if protocol.recipe is None:
        return []
    try:
        module = inspect.getmodule(registry.factory("protocols", protocol.recipe.name))
    except DescriptionError:
        return []
    return plain(module.__doc__ if module else "").split("\n\n")


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
