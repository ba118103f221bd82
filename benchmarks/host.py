"""What the numbers were measured on."""
from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from threadpoolctl import threadpool_limits

PACKAGES = ("neuroam", "numpy", "numba", "llvmlite", "brian2", "nest-simulator")
QUIET = 0.5


def processor() -> str:
    """Model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
                platform.machine())


def file_name(cpu: str) -> str:
    """The processor's name, fit for a file."""
    return re.sub(r"[^A-Za-z0-9]+", "-", cpu).strip("-").lower() or "unknown"


def compiler() -> str:
    """First line of what the C compiler says of itself."""
    command = os.environ.get("CC", "gcc")
    if shutil.which(command) is None:
        return f"no {command}"
    return subprocess.run([command, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def load() -> float:
    """Processes that ran or waited to run over the last minute."""
    return os.getloadavg()[0]


def describe(before: float) -> list[str]:
    """Lines for the head of a report; `before` is the load before the first measurement."""
    lines = [f"- processor: {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
             f"- compiler: {compiler()}",
             f"- Python {platform.python_version()}; " + ", ".join(f"{p} {version(p)}" for p in PACKAGES),
             f"- load average before the start: {before:.2f}"]
    if before > QUIET:
        lines.append(f"- **WARNING: the machine was busy (load above {QUIET}); these times mean little**")
    return lines


def stay_on_one_core() -> None:
    """From now on libraries use one thread; on Linux also those, like JAX, that take every core whatever they are told,
    if they have not started yet."""
    threadpool_limits(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
