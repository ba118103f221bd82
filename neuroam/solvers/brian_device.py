"""Where a plan runs: in this process, or as a program compiled by Brian2. The only file that calls set_device."""
from __future__ import annotations

from typing import Any

import brian2
import numpy as np
from brian2.devices.device import reset_device, set_device

from neuroam.solvers.brian_objects import Building
from neuroam.solvers.brian_plan import Plan


def run_here(plan: Plan, target: str) -> dict[str, np.ndarray]:
    """Run the plan in Brian2's runtime mode; the values it wants, by "part.variable"."""
    preferences = {"codegen.target": target, "core.default_float_dtype": np.dtype(plan.dtype).type}
    with _Settings("runtime", preferences):
        building = Building(plan, _put)
        building.network.run(building.duration, namespace={})
        return {name: _value(building, name) for name in plan.wanted}


def _put(name: str, variable: Any, values: np.ndarray) -> None:
    variable.set_value(values.astype(variable.dtype))


def _value(building: Building, name: str) -> np.ndarray:
    owner, variable = name.split(".")
    return np.array(building.objects[owner].variables[variable].get_value())


class _Settings:
    """Brian2's device and preferences for one run; the user's own come back afterwards."""

    def __init__(self, device: str, preferences: dict[str, Any], **options: Any) -> None:
        self.device, self.options, self.preferences = device, options, preferences
        self.before: dict[str, Any] = {}

    def __enter__(self) -> None:
        set_device(self.device, **self.options)
        for name, value in self.preferences.items():
            self.before[name] = brian2.prefs[name]
            brian2.prefs[name] = value

    def __exit__(self, *error: object) -> None:
        for name, value in self.before.items():
            brian2.prefs[name] = value
        reset_device()
