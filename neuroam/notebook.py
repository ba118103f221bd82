"""The lab notebook: ``index.html``, one page on every run, comparison and sweep whose folder lies beside it.

    runs/index.html                     newest first: what was asked, what came out, a figure, the command
    runs/.thumbnails/                   a small picture of each, from its report

It is made anew from the folders alone whenever one of them is finished, so it needs no memory of its own and a folder
that is moved, copied here or deleted is noticed. Folders that cannot be read are listed with the reason.
"""
from __future__ import annotations

import base64
import io
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from neuroam.errors import NeuroamError, RecordingError
from neuroam.page import fill
from neuroam.prediction import NOT_DECIDABLE, NOT_REPRODUCED, REPRODUCED
from neuroam.recording import write_whole

INDEX = "index.html"
THUMBNAILS = ".thumbnails"
WIDTH, HEIGHT = 480, 420  # of a thumbnail, in pixels: twice what is shown, for screens of high density
MARKS = ((REPRODUCED, "✓"), (NOT_REPRODUCED, "✗"), (NOT_DECIDABLE, "?"))
_PICTURE = re.compile(r'<img src="data:image/png;base64,([^"]+)"')
_FIGURES = re.compile(r'<h2 id="(?:figures|section-1)"')


@dataclass(frozen=True)
class Tally:
    """Verdicts at one level: how many claims have each."""

    level: str
    counts: tuple[tuple[str, str, int], ...]  # verdict, mark, number

    @property
    def total(self) -> int:
        return sum(number for _, _, number in self.counts)


@dataclass(frozen=True)
class Entry:
    """A folder as the notebook shows it. Addresses are relative to the notebook; `problem` says why the folder cannot
    be shown as an experiment, and the rest is then empty."""

    folder: str
    kind: str = ""
    title: str = ""
    source: str = ""
    command: str = ""
    tallies: tuple[Tally, ...] = ()
    page: str = ""
    files: tuple[tuple[str, str], ...] = ()  # name, address
    picture: str = ""
    when: float = 0.0
    problem: str = ""

    @property
    def date(self) -> str:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.when))


@dataclass(frozen=True)
class Kind:
    """How a folder of one kind is known: the file that says what was done, how that is read, and the page."""

    name: str
    told_by: str
    page: str
    read: Callable[[Path], Mapping[str, Any]]


def write_notebook(out: str | os.PathLike = "runs") -> Path:
    """Write the notebook of the folder `out`, all or nothing, and return its path.

    Raises `RecordingError` where there is no such folder or it cannot be written; never for what lies in it.
    """
    entries = read_folders(out)
    page = fill("notebook.html.j2", shown=[entry for entry in entries if not entry.problem],
                broken=[entry for entry in entries if entry.problem], place=Path(out).resolve().name)
    return write_whole(Path(out) / INDEX, page.encode("utf-8", "replace"))


def read_folders(out: str | os.PathLike) -> list[Entry]:
    """An entry for every visible folder in `out`, newest first, those with a problem last."""
    try:
        folders = sorted(path for path in Path(out).iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise RecordingError(f"{out} cannot be listed: {error.strerror}; give the folder where runs are kept") from None
    return sorted(map(read_folder, folders), key=lambda entry: (bool(entry.problem), -entry.when, entry.folder))


def read_folder(folder: Path) -> Entry:
    """What the notebook shows of one folder; whatever is wrong with it becomes its `problem`."""
    shown = folder.name.encode("utf-8", "replace").decode()
    if shown != folder.name:
        return Entry(shown, problem="its name is not UTF-8; rename it")
    try:
        kind = _kind(folder)
        told = kind.read(folder / kind.told_by)
        return _entry(folder, kind, told)
    except NeuroamError as error:
        return Entry(folder.name, problem=str(error))
    except OSError as error:
        return Entry(folder.name, problem=f"cannot be read: {error.strerror or error}")


def _kind(folder: Path) -> Kind:
    here = {path.name for path in folder.iterdir()}
    found = next((kind for kind in KINDS if kind.told_by in here), None)
    if found is None:
        if any(name.startswith("recording") and name.endswith(".nc") for name in here):
            raise RecordingError("recordings without verdicts.json: the run was interrupted or is still going on; give "
                                 "its command again")
        raise RecordingError(f"nothing that neuroam made: none of {', '.join(kind.told_by for kind in KINDS)}")
    if found.page not in here:
        raise RecordingError(f"{found.page} is missing; neuroam report FOLDER writes it anew")
    return found


def _entry(folder: Path, kind: Kind, told: Mapping[str, Any]) -> Entry:
    name = str(told.get("protocol") or folder.name)
    try:
        tallies = tuple(_tally(level, told.get("verdicts") or {}) for level in told.get("levels") or ())
    except (TypeError, KeyError, AttributeError):
        raise RecordingError(f"{kind.told_by} is not in a form that this version of neuroam reads") from None
    page = folder / kind.page
    return Entry(folder.name, kind.name, str(told.get("title") or name.replace("_", " ").capitalize()),
                 str(told.get("source") or ""), str(told.get("command") or ""), tallies, _address(page, folder.parent),
                 _files(folder), _thumbnail(page), page.stat().st_mtime)


def _tally(level: str, verdicts: Mapping[str, Any]) -> Tally:
    found = Counter(verdict["verdict"] for verdict in verdicts.get(level, ()))
    return Tally(str(level), tuple((verdict, mark, found[verdict]) for verdict, mark in MARKS if found[verdict]))


def _files(folder: Path) -> tuple[tuple[str, str], ...]:
    """Data that lie in the folder: netCDF, and the folders of NWB files."""
    plain = [(path.name, _address(path, folder.parent)) for path in sorted(folder.glob("*.nc"))]
    nwb = [(f"{path.name}: {_number(path)}", _address(path, folder.parent))
           for path in sorted(folder.glob("nwb-*")) if path.is_dir()]
    return (*plain, *nwb)


def _number(folder: Path) -> str:
    number = len(list(folder.glob("*.nwb")))
    return f"{number} file{'s' if number != 1 else ''}"


def _address(path: Path, base: Path) -> str:
    return quote(os.fsencode(path.relative_to(base).as_posix()))


def _thumbnail(page: Path) -> str:
    """Address of the small picture of a page, made if it is not there or older than the page; none where the page has
    no picture."""
    out = page.parent.parent
    small = out / THUMBNAILS / f"{page.parent.name}.png"
    if not small.exists() or small.stat().st_mtime < page.stat().st_mtime:
        content = shrunk(first_picture(page.read_text(encoding="utf-8", errors="replace")))
        if not content:
            return ""
        write_whole(small, content)
    return _address(small, out)


def first_picture(page: str) -> bytes:
    """The first of the figures of a page, or its first picture at all; nothing where it has none."""
    begin = _FIGURES.search(page)
    found = (begin and _PICTURE.search(page, begin.end())) or _PICTURE.search(page)
    if not found:
        return b""
    try:
        return base64.b64decode(found[1], validate=True)
    except ValueError:
        return b""


def shrunk(picture: bytes) -> bytes:
    """A picture as a PNG of at most WIDTH × HEIGHT, the upper part of a tall one; nothing where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture)) as image:
            width = min(WIDTH, image.width)
            height = max(1, round(image.height * width / image.width))
            small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError):  # what Pillow says of files that are no pictures
        return b""
    buffer = io.BytesIO()
    small.crop((0, 0, width, min(height, HEIGHT))).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _json(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RecordingError(f"{path.name} is damaged; run the protocol again") from None
    if not isinstance(told, dict):
        raise RecordingError(f"{path.name} is not in a form that this version of neuroam reads")
    return told


def _comparison(path: Path) -> Mapping[str, Any]:
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="scipy") as compared:
            told = {str(key): value for key, value in compared.attrs.items()}
            levels = compared["level"].values.tolist() if "level" in compared else []
        verdicts = json.loads(told.get("verdicts", "{}"))
    except (OSError, ValueError, KeyError, TypeError):
        raise RecordingError(f"{path.name} is damaged; give the command of the comparison again") from None
    return {**told, "verdicts": verdicts, "levels": list(verdicts) or levels, "command": told.get("history", ""),
            "source": told.get("references", "")}


KINDS = (Kind("run", "verdicts.json", "report.html", _json), Kind("sweep", "sweep.json", "report.html", _json),
         Kind("comparison", "comparison.nc", "comparison.html", _comparison))
