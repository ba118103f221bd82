"""Compiled Brian2 programs: one is built for a structure, then fed with the arrays of each run.

A run gets a folder of its own: it holds the run's arrays beside links to those that belong to the program,
and what the program writes. A program that is in the cache is found and run without importing Brian2.
"""
from __future__ import annotations

import hashlib
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from neuroam.errors import NeuroamError
from neuroam.solvers import brian_cuda, build_cache
from neuroam.solvers.brian_cuda import Target
from neuroam.solvers.brian_plan import Plan

NO_COMPILER = ("Brian('cpp_standalone') needs make and a C++ compiler, and {} is not there; install g++ and make, or "
               "use Brian() or Numba()")
NO_CUDA = ("Brian('cuda_standalone') needs brian2cuda, which is not installed here; use Python 3.12 or later "
           "and pip install \"neuroam[cuda]\", or use Brian('cpp_standalone')")


def run_program(plan: Plan, device: str, name: str) -> dict[str, np.ndarray]:
    """Run the plan's program, built first if need be; the values the plan wants, by "part.variable"."""
    folder = program(plan, device, name)
    manifest = json.loads((folder / build_cache.MANIFEST).read_text())
    with tempfile.TemporaryDirectory(prefix="neuroam_") as here:
        _feed(plan, manifest, folder, Path(here))
        _run(folder, Path(here))
        return {wanted: _read(Path(here) / "results", *manifest["results"][wanted]) for wanted in plan.wanted}


def program(plan: Plan, device: str, name: str) -> Path:
    """The folder of the plan's program, built for the circuit `name` if there is none yet."""
    key = key_of(plan, device, _target(device))
    return build_cache.obtain(key, lambda empty: build(plan, device, name, empty))


def key_of(plan: Plan, device: str, target: Target | None = None) -> str:
    """What a program depends on: the plan's structure, the device, how we build, Brian2, the machine and its GPU."""
    own = Path(__file__).parent
    source = [(own / file).read_text() for file in ("brian_objects.py", "brian_device.py")]
    packages = [_version(package) for package in ("brian2", "brian2cuda", "numpy")]
    text = repr((plan.structure(), device, source, packages, platform.machine(), _processor(), target))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """What the processor can do: programs are compiled for it, and several machines may share a cache."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def build(plan: Plan, device: str, name: str, folder: Path) -> None:
    """Generate and compile a program."""
    if device == "cpp_standalone":
        _require("make", os.environ.get("CXX", "g++"))
    write(plan, device, name, folder, _target(device))
    _call(["make", f"-j{_jobs(device)}"], folder, "the program could not be compiled")
    for compiled in folder.rglob("*.o"):
        compiled.unlink()


def write(plan: Plan, device: str, name: str, folder: Path, target: Target | None = None) -> None:
    """Let Brian2 write the program, in a process of its own: the devices, preferences and objects of this one
    stay as they are. `target` is what a program for cuda_standalone is compiled with and for."""
    wanted = folder / "plan.pickle"
    wanted.write_bytes(pickle.dumps((plan, device, name, target)))
    _call([sys.executable, "-W", "ignore", "-m", "neuroam.solvers.brian_device", str(folder)], folder,
          "Brian2 could not write the program")
    wanted.unlink()


def _target(device: str) -> Target | None:
    """What the device's programs are compiled for, if it is a GPU."""
    if device != "cuda_standalone":
        return None
    if not _version("brian2cuda"):
        raise NeuroamError(NO_CUDA)
    return brian_cuda.target()


def _require(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise NeuroamError(NO_COMPILER.format(tool))


def _jobs(device: str) -> int:
    """How many files to compile at once; each for CUDA takes more than a gigabyte and a quarter of a minute."""
    return 2 if device == "cpp_standalone" else min(8, os.cpu_count() or 2)


def _call(command: list[str], folder: Path, failure: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise NeuroamError(f"{failure} ({command[0]} gave {done.returncode}); the end of what it said:\n"
                           f"{(done.stdout + done.stderr)[-2000:]}")


def _feed(plan: Plan, manifest: dict[str, Any], folder: Path, here: Path) -> None:
    """The arrays that the program opens: this run's own, and those that came with the program."""
    arrays = here / "static_arrays"
    arrays.mkdir()
    (here / "results").mkdir()
    own = {file: name for name, (file, _) in manifest["files"].items()}
    for file in (folder / "static_arrays").iterdir():
        if file.name in own:
            name = own[file.name]
            np.ascontiguousarray(plan.data[name], manifest["files"][name][1]).tofile(arrays / file.name)
        else:
            os.symlink(file, arrays / file.name)


def _run(folder: Path, here: Path) -> None:
    done = subprocess.run([str(folder / "main"), "--results_dir", f"{here / 'results'}{os.sep}"], cwd=here,
                          env=os.environ | brian_cuda.ORDER, capture_output=True, text=True, errors="replace")
    if done.returncode or "error" in (done.stdout + done.stderr).lower():
        raise NeuroamError(f"the program in {folder} failed ({done.returncode}); the end of what it said:\n"
                           f"{(done.stdout + done.stderr)[-2000:]}")


def _read(results: Path, file: str, dtype: str, columns: int) -> np.ndarray:
    values = np.fromfile(results / file, dtype=dtype)
    return values.reshape(-1, columns) if columns else values
