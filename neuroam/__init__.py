"""neuroam: a simulated neuroscience laboratory for circuits of associative memory."""
from __future__ import annotations

import importlib
import importlib.util
from typing import Any

_HOMES = {
    "Circuit": "circuit", "Population": "circuit", "Projection": "circuit", "Port": "circuit",
    "describe": "methods", "wire": "wiring",
    "Protocol": "protocol", "Block": "protocol", "Trial": "protocol", "Stimulus": "protocol", "Group": "protocol",
    "Prediction": "prediction", "simulate": "experiment", "judge": "experiment", "load": "recording",
}
__all__ = sorted(_HOMES)

if importlib.util.find_spec("neuroam.circuits") is None:
    raise ImportError("this is a source checkout of neuroam that is not installed; run `pip install -e .` in it")


def __getattr__(name: str) -> Any:
    """Names are imported when first used: the command line must answer before Brian2 or numba is loaded."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"neuroam.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'neuroam' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
