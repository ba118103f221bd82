"""What CUDA programs are compiled with and for: the toolkit, the GPU and cuRAND, found before anything is written.

The program runs on the first GPU that `CUDA_VISIBLE_DEVICES` lets through, in the order in which nvidia-smi lists them,
and is compiled for its compute capability. `NEUROAM_CUDA_CAPABILITY=9.0` names another one, to compile where there is
no GPU. Nothing here imports Brian2.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from neuroam.errors import NeuroamError

ELSEWHERE = "NEUROAM_CUDA_CAPABILITY"
ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # that of nvidia-smi; CUDA's own is by speed
ASKED = "uuid,name,compute_cap,memory.total"
HEAP_SHARE, LEAST_HEAP = 16, 128
INSTEAD = "use Brian('cpp_standalone') or Numba()"
NO_COMPILER = ("Brian('cuda_standalone') needs make and the CUDA compiler, and nvcc is not there; install the CUDA "
               f"toolkit, or {INSTEAD}")
NO_GPU = (f"Brian('cuda_standalone') needs an NVIDIA GPU, and {{}}; {INSTEAD}, or set {ELSEWHERE}=9.0 to compile for a "
          "GPU elsewhere")
NO_CURAND = ("Brian('cuda_standalone') needs cuRAND, and this CUDA toolkit comes without it; pip install {}, or "
             + INSTEAD)


@dataclass(frozen=True)
class Gpu:
    """`capability` is the compute capability, such as 9.0; `memory` in MiB."""

    name: str
    capability: float
    memory: int


@dataclass(frozen=True)
class Target:
    """The toolkit's folder and version, the compute capability compiled for, MiB of GPU memory for spikes that are
    recorded, and where cuRAND is if it is not in the toolkit."""

    home: str
    version: float
    capability: float
    heap: int = LEAST_HEAP
    headers: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


def target() -> Target:
    """What to compile with and for; `NeuroamError` says what is missing and what to do about it."""
    given = os.environ.get
    return _target(given(ELSEWHERE, ""), given("CUDA_VISIBLE_DEVICES"), given("CUDA_PATH", ""))


@cache
def _target(elsewhere: str, visible: str | None, toolkit: str) -> Target:
    nvcc = _compiler(toolkit)
    gpu = Gpu("a GPU elsewhere", _number(elsewhere), LEAST_HEAP * HEAP_SHARE) if elsewhere else first_gpu(visible)
    version = _version(_said(nvcc, "--version"))
    _compilable(gpu, _said(nvcc, "--list-gpu-arch"), version)
    headers, libraries = _curand(nvcc, version)
    return Target(str(Path(nvcc).parent.parent), version, gpu.capability, max(LEAST_HEAP, gpu.memory // HEAP_SHARE),
                  headers, libraries)


def _compiler(toolkit: str) -> str:
    places = [str(Path(toolkit) / "bin")] if toolkit else []
    nvcc = shutil.which("nvcc", path=os.pathsep.join([*places, os.environ.get("PATH", ""), "/usr/local/cuda/bin"]))
    if nvcc is None or shutil.which("make") is None:
        raise NeuroamError(NO_COMPILER)
    return nvcc


def _said(*command: str) -> str:
    """What a program prints; nothing if it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError:
        return ""
    return "" if done.returncode else done.stdout


def _number(text: str) -> float:
    if not re.fullmatch(r"\d+\.\d", text):
        raise NeuroamError(f"{ELSEWHERE} is {text!r}; make it a compute capability such as 9.0")
    return float(text)


def _version(text: str) -> float:
    found = re.search(r"release (\d+\.\d+)", text)
    if found is None:
        raise NeuroamError("Brian('cuda_standalone') cannot tell the version of nvcc; set CUDA_PATH to the folder of a "
                           f"CUDA toolkit of version 12 or 13, or {INSTEAD}")
    return float(found[1])


def first_gpu(visible: str | None) -> Gpu:
    """The GPU that programs run on, given `CUDA_VISIBLE_DEVICES` (None: all); `NeuroamError` if there is none."""
    rows = [[word.strip() for word in line.split(",")] for line in
            _said("nvidia-smi", f"--query-gpu={ASKED}", "--format=csv,noheader,nounits").splitlines()]
    rows = [row for row in rows if len(row) == 4 and re.fullmatch(r"\d+\.\d", row[2])]
    if not rows:
        raise NeuroamError(NO_GPU.format("nvidia-smi finds none"))
    chosen = 0
    if visible is not None:
        first = visible.split(",")[0].strip()
        known = [k for k, row in enumerate(rows) if first == str(k) or (first and row[0].startswith(first))]
        if not known and not first.startswith("MIG-"):  # parts of a GPU are of one kind with the whole
            raise NeuroamError(NO_GPU.format(f"CUDA_VISIBLE_DEVICES={visible} lets none of the {len(rows)} through"))
        chosen = known[0] if known else 0
    _, name, capability, memory = rows[chosen]
    return Gpu(name, float(capability), int(memory) if memory.isdigit() else 0)


def _compilable(gpu: Gpu, listed: str, version: float) -> None:
    """Raise where this toolkit no longer, or not yet, compiles for that GPU. One that lists nothing is let through."""
    known = sorted(int(number) / 10 for number in re.findall(r"compute_(\d+)", listed))
    if known and gpu.capability not in known:
        other = "an older" if gpu.capability < known[0] else "a newer"
        raise NeuroamError(f"{gpu.name} has compute capability {gpu.capability}, and CUDA {version} compiles for "
                           f"{known[0]} to {known[-1]}; install {other} CUDA toolkit and set CUDA_PATH to it, or "
                           f"{INSTEAD}")


def _curand(nvcc: str, version: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of cuRAND's headers and libraries, none if nvcc finds its own; else those of a wheel."""
    with tempfile.TemporaryDirectory(prefix="neuroam_") as folder:
        probe = Path(folder) / "probe.cu"
        probe.write_text("#include <curand.h>\n")
        if _said(nvcc, "-M", str(probe)):
            return (), ()
    wheel = "cu13" if version >= 13 else "curand"  # where the wheels for CUDA 13 and 12 put it
    for place in sys.path:
        home = Path(place) / "nvidia" / wheel
        if (home / "include" / "curand.h").exists():
            return (str(home / "include"),), (str(home / "lib"),)
    raise NeuroamError(NO_CURAND.format("nvidia-curand" if version >= 13 else "nvidia-curand-cu12"))
