"""Solvers: each runs the same wired circuit through the same session."""
from __future__ import annotations

from typing import Any

__all__ = ["Brian", "Numba"]


def __getattr__(name: str) -> Any:
    """Each solver is imported when first asked for, so that none costs the others its start-up time."""
    if name == "Numba":
        from neuroam.solvers.clocked import Numba

        return Numba
    if name == "Brian":
        from neuroam.solvers.brian import Brian

        return Brian
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
