"""Compiled programs, kept for reuse under `$NEUROAM_CACHE` or ~/.cache/neuroam/programs, one folder a key.

Every process builds in a folder of its own, and what it built is moved into place in one step. Different programs are
built side by side; of several processes that ask for the same one, one builds it and the others wait. A program that is
there is handed out without a lock, and every run of it has a folder of its own (`brian_program`).
"""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """One program: the circuit it was first built for, its key, bytes on disk, and when it was built."""

    name: str
    key: str
    size: int
    date: datetime


def root() -> Path:
    """Where programs are kept."""
    chosen = os.environ.get("NEUROAM_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "neuroam" / "programs"


def entries() -> list[Entry]:
    """All programs, the newest first."""
    found = []
    for manifest in root().glob(f"*/{MANIFEST}"):
        folder = manifest.parent
        if folder.name.startswith("."):
            continue
        with contextlib.suppress(OSError, ValueError):  # another process may be clearing the cache
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            date = datetime.fromtimestamp(manifest.stat().st_mtime)
            found.append(Entry(json.loads(manifest.read_text())["name"], folder.name, size, date))
    return sorted(found, key=lambda entry: entry.date, reverse=True)


def clear() -> int:
    """Remove every program; returns how many there were. Sessions that are running finish undisturbed."""
    removed = 0
    for entry in entries():
        with _lock(entry.key), contextlib.suppress(FileNotFoundError):
            out_of_the_way = Path(tempfile.mkdtemp(prefix=".removed-", dir=root()))
            os.replace(root() / entry.key, out_of_the_way)
            shutil.rmtree(out_of_the_way, ignore_errors=True)
            removed += 1
    return removed


def _clear_unfinished(key: str) -> None:
    """Remove what a process left that was killed while it built this program."""
    for folder in root().glob(f".building-{key}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def obtain(key: str, build: Callable[[Path], None]) -> Path:
    """The folder of a program, which `build(folder)` fills if there is none yet."""
    place = root() / key
    if (place / MANIFEST).exists():
        return place
    root().mkdir(parents=True, exist_ok=True)
    with _lock(key) as alone:
        if not (place / MANIFEST).exists():
            if alone:
                _clear_unfinished(key)
            folder = Path(tempfile.mkdtemp(prefix=f".building-{key}-", dir=root()))
            try:
                build(folder)
                _put(folder, place)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return place


def _put(folder: Path, place: Path) -> None:
    try:
        os.replace(folder, place)
    except OSError:  # without locks, another process may have been faster; its program is as good
        if not (place / MANIFEST).exists():
            raise


@contextlib.contextmanager
def _lock(key: str) -> Iterator[bool]:
    """One process at a time, where the system and the file system have locks; elsewhere, False."""
    try:
        import fcntl
    except ImportError:
        yield False
        return
    with open(root() / f".{key}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            alone = True
        except OSError:  # folders that machines share may come without
            alone = False
        yield alone
