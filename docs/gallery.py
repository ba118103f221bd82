"""A page for every registered protocol, made by running it at the small size that ``gallery.toml`` gives.

    build/gallery/<name>/     page.md, its pictures and report.html, and the key of everything that made them
    build/gallery/.animals/   finished animals

A page is made again when its size or anything in neuroam's code has changed.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import textwrap
import time
import tomllib
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import neuroam.analysis
from neuroam import registry
from neuroam.circuit import Circuit
from neuroam.errors import NeuroamError
from neuroam.experiment import process_pool
from neuroam.fingerprint import fingerprint
from neuroam.notebook import first_picture, shrunk
from neuroam.outcome import Level, by_claim, measured, summary
from neuroam.protocol import Protocol
from neuroam.report import Plate, about, plates, write_report
from neuroam.runs import ANIMALS, Request, clock, described, plan, verdicts_on
from neuroam.table import Table

HERE = Path(__file__).parent
CHEAPEST = ("effective", "rate", "spiking")
SIZES = tomllib.loads((HERE / "gallery.toml").read_text(encoding="utf-8"))
WORKERS = 2


@dataclass(frozen=True)
class Page:
    """A protocol's page in the gallery; `folder` holds what it consists of, `failure` says why there is none."""

    name: str
    folder: Path
    failure: str = ""

    def line(self, number: int) -> str:
        """The line of page.md with that number."""
        return (self.folder / "page.md").read_text(encoding="utf-8").splitlines()[number]

    @property
    def title(self) -> str:
        return self.line(0).removeprefix("# ")

    @property
    def source(self) -> str:
        return self.line(2).strip("*")


def pages(out: Path, names: Sequence[str] = ()) -> list[Page]:
    """The pages of all protocols, or of those named; one that cannot be run is given with its failure."""
    with process_pool(WORKERS) as pool:
        return [page(out, name, pool) for name in names or registry.names("protocols")]


def page(out: Path, name: str, pool: Executor) -> Page:
    """The page of one protocol, made anew where anything that makes it has changed."""
    folder = out / name
    try:
        key = key_of(name)
    except NeuroamError as error:
        return Page(name, folder, str(error))
    if (folder / "key").exists() and (folder / "key").read_text() == key:
        return Page(name, folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        with (folder / "log").open("w") as log, redirect_stdout(log):
            write_page(folder, *run(name, out / ANIMALS, pool))
    except NeuroamError as error:
        return Page(name, folder, str(error))
    except Exception:  # a protocol that is being written must not take the other pages with it
        return Page(name, folder, traceback.format_exc())
    print(f"{name:32s}{time.monotonic() - began:5.0f} s", flush=True)
    (folder / "key").write_text(key)
    return Page(name, folder)


def size(name: str) -> dict[str, Any]:
    """How the protocol is run here: animals, levels, settings."""
    return {**SIZES["usual"], **SIZES.get(name, {})}


def key_of(name: str) -> str:
    """Digest of all that a page depends on; neuroam's own code is part of every fingerprint."""
    request, protocol, circuit = asked(name)
    made = fingerprint(request, circuit, protocol.name, protocol.blocks, protocol.groups, protocol.record, size(name))
    digest = hashlib.sha256(made.encode())
    analysis = Path(neuroam.analysis.__path__[0])
    for file in (*sorted(analysis.rglob("*.py")), *sorted(Path(neuroam.__path__[0]).glob("*.j2")), Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def asked(name: str) -> tuple[Request, Protocol, Circuit]:
    """The request that the size of a protocol comes to."""
    chosen = size(name)
    request = Request(name, chosen.get("circuit"), animals=chosen["animals"], settings=chosen.get("settings", {}))
    return request, *described(request)


def run(name: str, store: Path, pool: Executor) -> tuple[list[Level], Circuit, Protocol, str]:
    """The protocol at small size: its levels with their verdicts, what it was run on, and the command."""
    request, protocol, circuit = asked(name)
    levels = size(name)["levels"]
    plans = plan(circuit, protocol, () if levels == "cheapest" else levels, clock(request, protocol))
    if levels == "cheapest":
        plans = [min(plans, key=lambda each: CHEAPEST.index(each.level))]
    request = replace(request, levels=tuple(each.level for each in plans))
    found = []
    for each in plans:
        recording = each.run(request.animals, request.seed, executor=pool, store=store)
        found.append(Level(each.level, recording, verdicts_on(recording, protocol)))
    return found, circuit, protocol, request.command


def write_page(folder: Path, levels: list[Level], circuit: Circuit, protocol: Protocol, command: str) -> None:
    """page.md with its pictures, the report, and a thumbnail."""
    report = write_report(folder, levels, circuit, protocol, command)
    picture = shrunk(first_picture(report.read_text(encoding="utf-8")))
    if picture:
        (folder / "thumbnail.png").write_bytes(picture)
    parts = [f"# {escaped(protocol.title)}", f"*{escaped(protocol.source)}*",
             *paragraphs(about(protocol)), *manual(protocol.name),
             "## What came out", *small(levels, command), *verdicts(levels),
             *(["## Figures"] if protocol.figures else []), *figures(folder, plates(levels, protocol)),
             "## More", f"[The whole report of this small run](../reports/{protocol.name}.html): the circuit and the "
             "experiment in full, with the source of every number."]
    (folder / "page.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def manual(name: str) -> list[str]:
    """A pointer to the page of the manual that tells of the protocol, where there is one."""
    own = [path for path in sorted(HERE.glob("*.md")) if path.stem == name]
    told = own or [path for path in sorted(HERE.glob("*.md")) if path.stem not in ("index", "extending", "architecture")
                   and re.search(rf"neuroam (run|compare) {name}\b", path.read_text(encoding="utf-8"))]
    if not told:
        return []
    return ["At full size, with what was and was not reproduced: "
            + ", ".join(f"[{heading(path)}](../{path.name})" for path in told) + "."]


def heading(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def small(levels: Sequence[Level], command: str) -> list[str]:
    named = ", ".join(level.name for level in levels)
    return [f"A small run, to show what the experiment looks like: level {named}, "
            f"{levels[0].recording.attrs['animals']} animals. Intervals of so few animals say little.",
            f"```sh\n{command}\n```", *map(escaped, summary(levels))]


def verdicts(levels: Sequence[Level]) -> list[str]:
    """The claims as a table."""
    marks = {"reproduced": "✓", "not reproduced": "✗"}
    rows = tuple((some.claim, *("–" if one is None else f"{measured(one)} {marks.get(one.verdict, '?')}"
                                for one in found), some.expect, f"{some.published} ({some.source}; {some.certainty})")
                 for some, found in by_claim(levels))
    if not rows:
        return ["The protocol makes no prediction."]
    table = Table("Verdicts", ("Claim", *(level.name for level in levels), "Expected mean", "Known"),
                  tuple(tuple(map(escaped, row)) for row in rows))
    return [":::{container} wide", table.markdown.partition("\n\n")[2], ":::",
            "Mean over animals with its 95 % bootstrap interval. ✓ reproduced, ✗ not reproduced, ? not decidable with "
            "so few animals."]


def figures(folder: Path, found: Iterable[Plate]) -> list[str]:
    """Panels as pictures beside the page, with their titles and captions."""
    parts = []
    for k, plate in enumerate(found, 1):
        parts += [f"### {escaped(plate.title)}", "::::{container} panels"]
        for j, panel in enumerate(plate.panels, 1):
            name = f"figure-{k}-{j}.png"
            (folder / name).write_bytes(base64.b64decode(panel.source.partition(",")[2]))
            parts += [":::{container} panel", escaped(panel.title) or "\u00a0",
                      f"![{escaped(plate.title)}, {escaped(panel.title)}]({name})", ":::"]
        parts += ["::::", f"**Figure {k}.** {escaped(plate.caption)}"]
    return parts


def paragraphs(text: Iterable[str]) -> list[str]:
    """Paragraphs as Markdown: what is indented stays as it is."""
    return [f"```text\n{textwrap.dedent(block)}\n```" if block.startswith("    ") else escaped(block) for block in text]


def escaped(text: str) -> str:
    """Text in which Markdown finds nothing but code between backticks."""
    pieces = re.split(r"(`+[^`]+`+)", text)
    return "".join(piece if k % 2 else re.sub(r"([\\*_\[\]<>|$#~])", r"\\\1", piece) for k, piece in enumerate(pieces))
