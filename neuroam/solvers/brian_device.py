"""Where a plan runs: in this process, or as a program that Brian2 writes. Only this file calls set_device.

Every number of the plan has to reach the program by a file. Brian2 writes single numbers into the source;
they are moved to files here, and the manifest says which file takes which number.
"""
from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import brian2
import numpy as np
from brian2.devices.device import get_device, reset_device, set_device

from neuroam.solvers.brian_cuda import Target
from neuroam.solvers.brian_objects import Building
from neuroam.solvers.brian_plan import Contacts, Plan, Table, Train, Watch
from neuroam.solvers.build_cache import MANIFEST

# no fast mathematics and no fused operations: spikes have to fall where numba's fall
EXACT = ["-w", "-O3", "-std=c++17"]
FLAGS = [*EXACT, "-march=native", "-ffp-contract=off"]


def run_here(plan: Plan, target: str) -> dict[str, np.ndarray]:
    """Run the plan in Brian2's runtime mode; the values it wants, by "part.variable"."""
    preferences = {"codegen.target": target, "core.default_float_dtype": np.dtype(plan.dtype).type}
    before = {name: brian2.prefs[name] for name in preferences}
    set_device("runtime")
    try:
        _prefer(preferences)
        building = Building(plan, _put)
        building.network.run(building.duration, namespace={})
        return {name: np.array(_variable(building, name).get_value()) for name in plan.wanted}
    finally:
        _prefer(before)
        reset_device()


def write_program(plan: Plan, device: str, name: str, folder: Path, target: Target | None) -> None:
    """Write the source of the program, its arrays and its manifest. Meant for a process of its own.

    `target` is what a program for cuda_standalone is compiled with and for.
    """
    _prefer({"core.default_float_dtype": np.dtype(plan.dtype).type,
             "codegen.cpp.extra_compile_args_gcc": FLAGS})
    if target is not None:
        _prepare_cuda(target, folder)
    set_device(device, build_on_run=False)
    building = Building(plan, _put)
    building.network.run(building.duration, namespace={})
    files = _move_to_files(plan, building)
    get_device().build(directory=str(folder), compile=False, run=False)
    _one_tick_apart(folder, plan.dt)
    if target is not None:
        _compilable(folder)
    results = {wanted: _result(building, wanted) for wanted in plan.wanted}
    manifest = {"name": name, "device": device, "files": files, "results": results}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _prefer(preferences: dict[str, Any]) -> None:
    for name, value in preferences.items():
        brian2.prefs[name] = value


def _put(name: str, variable: Any, values: np.ndarray) -> None:
    variable.set_value(values.astype(variable.dtype))


def _variable(building: Building, name: str) -> Any:
    owner, variable = name.split(".")
    return building.objects[owner].variables[variable]


def _result(building: Building, wanted: str) -> tuple[str, str, int]:
    """File, precision and number of columns of a value that is read after the run."""
    variable = _variable(building, wanted)
    columns = len(building.plan.data.get(f"{wanted.split('.')[0]}.cells", ()))
    return get_device().get_array_filename(variable), np.dtype(variable.dtype).str, columns


def _move_to_files(plan: Plan, building: Building) -> dict[str, tuple[str, str]]:
    """File and precision of each item of the plan's data; single numbers become arrays of one."""
    device = get_device()
    files = {}
    for part in plan.parts:
        if isinstance(part, Table):
            files[f"{part.name}.values"] = (f"{part.name}_values", "<f8")
    names = {_array_name(plan, building, item): item for item in plan.data if item not in files}
    for k, (kind, arguments) in enumerate(device.main_queue):
        if kind in ("set_by_single_value", "set_by_constant", "set_by_array") and arguments[0] in names:
            item = names[arguments[0]]
            if kind != "set_by_array":
                values = plan.data[item].astype(_precision(plan, building, item))
                own = device.static_array(arguments[0], values)
                dynamic = arguments[0].startswith("_dynamic")
                device.main_queue[k] = ("set_by_array", (arguments[0], own, dynamic))
            file = device.main_queue[k][1][1]
            files[item] = (file, device.static_arrays[file].dtype.str)
    missing = set(plan.data) - set(files)
    assert not missing, f"no file for {sorted(missing)}"
    return files


def _array_name(plan: Plan, building: Building, item: str) -> str:
    """The program's name for the array that an item of data fills."""
    owner, variable = item.split(".")
    part = next(part for part in plan.parts if part.name == owner)
    special = {(Train, "tick"): f"_dynamic_array_{owner}__timebins",
               (Train, "unit"): f"_dynamic_array_{owner}_neuron_index",
               (Contacts, "pre"): f"_array_{owner}_sources", (Contacts, "post"): f"_array_{owner}_targets",
               (Watch, "cells"): f"_array_{owner}__indices"}
    if (type(part), variable) in special:
        return special[type(part), variable]
    return get_device().get_array_name(_variable(building, item), access_data=False)


def _precision(plan: Plan, building: Building, item: str) -> np.dtype:
    whole = item.split(".")[1] in ("tick", "unit", "pre", "post", "cells")
    return np.dtype(np.int32 if whole else _variable(building, item).dtype)


def _one_tick_apart(folder: Path, dt: float) -> None:
    """Clocks of different intervals meet on the same tick: Brian2's limit of 1e-14 s is too narrow beyond a
    minute, where rounding alone is larger."""
    for file in folder.glob("network.c*"):
        text = file.read_text()
        assert "#define Clock_epsilon 1e-14" in text
        file.write_text(text.replace("#define Clock_epsilon 1e-14", f"#define Clock_epsilon {dt * 1e-3!r}"))


def _prepare_cuda(target: Target, folder: Path) -> None:
    """brian2cuda compiles for C++11 and with fast mathematics unless told otherwise, and looks for a GPU of its own."""
    import brian2cuda  # noqa: F401  (registers the device and its preferences)

    own = {"extra_compile_args_nvcc": [*EXACT, "-fmad=false", *(f"-I{path}" for path in target.headers)],
           "detect_gpus": False, "gpu_id": 0, "compute_capability": target.capability, "gpu_heap_size": target.heap,
           "detect_cuda": False, "cuda_path": target.home, "cuda_runtime_version": target.version}
    _prefer({"codegen.cpp.extra_compile_args_gcc": [*EXACT, "-ffp-contract=off"],
             **{f"devices.cuda_standalone.cuda_backend.{name}": value for name, value in own.items()}})
    if target.libraries:
        further = {"library_dirs": [str(_for_linker(target, folder))], "runtime_library_dirs": list(target.libraries)}
        _prefer({f"codegen.cpp.{name}": brian2.prefs[f"codegen.cpp.{name}"] + own for name, own in further.items()})


def _for_linker(target: Target, folder: Path) -> Path:
    """A folder with libcurand.so: wheels have the name that programs load, not the one that linkers look for."""
    place = folder / "linked"
    place.mkdir()
    for library in target.libraries:
        for file in sorted(Path(library).glob("libcurand.so*"))[:1]:
            os.symlink(file, place / "libcurand.so")
    return place


def _compilable(folder: Path) -> None:
    """Mend what brian2cuda writes: it asks for C++11, for which Thrust no longer compiles, and where synapses with one
    delay read the time it takes the clock for Brian2's default one, which is not in these programs."""
    makefile = folder / "makefile"
    makefile.write_text(makefile.read_text().replace("-std=c++11", "-std=c++17"))
    for file in folder.glob("code_objects/*.cu"):
        file.write_text(file.read_text().replace("defaultclock.timestep", "every1.timestep"))


if __name__ == "__main__":
    to_fill = Path(sys.argv[1])
    wanted, on, called, compiled_for = pickle.loads((to_fill / "plan.pickle").read_bytes())
    write_program(wanted, on, called, to_fill, compiled_for)
