"""Recordings to and from NWB, the format of laboratories and archives (Rübel et al. 2022, eLife 11:e78362).

An NWB file holds one animal. `to_nwb` writes one, `to_nwb_all` each of a recording to a file of its own, `from_nwb`
reads one file or joins several. What was written by neuroam comes back bit for bit; a laboratory's file becomes a
recording too, and what it lacks is named.
"""
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from neuroam.errors import NeuroamError, RecordingError
from neuroam.io.animal import one_animal
from neuroam.io.columns import Columns
from neuroam.io.laboratory import warn_of_missing
from neuroam.io.nwb_laboratory import laboratory_recording
from neuroam.io.nwb_read import own_recording, written_by_neuroam
from neuroam.io.nwb_write import file_word, nwb_file
from neuroam.recording import check, join, write_whole


def to_nwb(recording: xr.Dataset, path: str | os.PathLike, animal: int | None = None, *,
           species: str | None = None) -> Path:
    """Write one animal of a recording as NWB, all or nothing; returns the path.

    `animal` is its place along that dim, needed where there are several. `species` is the one modelled, in Latin, such
    as "Drosophila melanogaster"; without it the file says unidentified. Raises `RecordingError` where the path cannot
    be written.
    """
    _needs_pynwb()
    one = one_animal(recording, animal, f"give animal=0 … {recording.sizes.get('animal', 1) - 1}, or write each to a "
                                        "file of its own with to_nwb_all(recording, folder)")
    return write_whole(Path(path), _bytes_of(one, species))


def to_nwb_all(recording: xr.Dataset, folder: str | os.PathLike, *, species: str | None = None) -> list[Path]:
    """Write every animal to a file of its own in `folder`; returns the paths, in the order of the animals.

    Files are called after place, group and seed: 003_control_1.nwb. `from_nwb(folder)` joins them again.
    """
    check(recording, "this Dataset")
    names = [f"{k:03d}_{file_word(group)}_{seed}.nwb" for k, (group, seed)
             in enumerate(zip(recording["group"].values, recording["seed"].values, strict=True))]
    return [to_nwb(recording, Path(folder) / name, k, species=species) for k, name in enumerate(names)]


def from_nwb(path: str | os.PathLike | Iterable[str | os.PathLike], *, columns: Mapping[str, str] | None = None,
             trials: str | None = "trials") -> xr.Dataset:
    """The recording in an NWB file, or in several, or in all of a folder, animals one after the other.

    The last two say how to read a laboratory's file. `columns` names the columns that hold what neuroam calls
    otherwise, as in ``{"stimulus": "odor_id", "stimulus_on": "odor_on", "population": "area"}``; without it, usual
    names are tried. `trials` is the table of intervals that are the trials; with None the session is one trial. What
    the file lacks is listed in a warning and in the attribute `missing`. Raises `RecordingError` where no recording
    can be made of the file.
    """
    _needs_pynwb()
    paths = _paths(path)
    recordings = [_read(one, Columns(dict(columns or {}), trials)) for one in paths]
    for one, recording in zip(paths, recordings, strict=True):
        warn_of_missing(recording, str(one), stacklevel=2)
    return recordings[0] if len(recordings) == 1 else join(recordings)


def _paths(path: str | os.PathLike | Iterable[str | os.PathLike]) -> list[Path]:
    if not isinstance(path, (str, os.PathLike)):
        paths = [Path(one) for one in path]
        if not paths:
            raise RecordingError("no NWB file was given; give a path, several, or a folder")
        return paths
    if Path(path).is_dir():
        found = sorted(Path(path).glob("*.nwb"))
        if not found:
            raise RecordingError(f"{path}: there is no .nwb file in this folder")
        return found
    return [Path(path)]


def _read(path: Path, columns: Columns) -> xr.Dataset:
    with _opened(path) as file:
        if written_by_neuroam(file):
            return own_recording(file, str(path))
        return laboratory_recording(file, str(path), columns)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A pynwb.NWBFile; whatever goes wrong with the file itself is a `RecordingError`."""
    import warnings

    from pynwb import NWBHDF5IO

    if not path.is_file():
        raise RecordingError(f"{path}: there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pynwb's remarks on files of older schemas
            io = NWBHDF5IO(str(path), "r")
            file = io.read()
    except Exception as error:  # pynwb and HDF5 raise nearly anything
        raise _unreadable(path, error) from None
    try:
        yield file
    except NeuroamError:
        raise
    except (OSError, RuntimeError, KeyError) as error:
        raise _unreadable(path, error) from error
    finally:
        io.close()


def _unreadable(path: Path, error: Exception) -> RecordingError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return RecordingError(f"{path}: not a readable NWB file ({reason}); it may be truncated or in another format")


def _bytes_of(recording: xr.Dataset, species: str | None) -> bytes:
    """Through memory: HDF5 that meets a full disk leaves a file it cannot close."""
    import h5py
    from pynwb import NWBHDF5IO

    memory = h5py.File("memory", "w", driver="core", backing_store=False)
    with NWBHDF5IO(file=memory, mode="w") as io:
        io.write(nwb_file(recording, species))
        memory.flush()
        return memory.id.get_file_image()


def _needs_pynwb() -> None:
    try:
        import pynwb.event  # noqa: F401
    except ImportError:
        raise NeuroamError("NWB needs pynwb 4 or later: pip install 'neuroam[nwb]'") from None
