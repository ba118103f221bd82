"""The circuit as a user of Brian2 would write it, with Brian2's own compiler flags, as a C++ standalone program."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.circuit import CONSTANTS
from benchmarks.measured import Measured, Spikes, Stopwatch, Task, peak_of, sorted_spikes
from benchmarks.run_brian import loop_seconds

CELL = """dv/dt = (rest - v + s - inhibition)/tau : volt (unless refractory)
          ds/dt = -s/tau_synapse : volt"""
PLASTIC = {"model": """w : volt/hertz
                       dheard/dt = -heard/tau_trace : hertz (event-driven)
                       dfired/dt = -fired/tau_trace : hertz (event-driven)""",
           "on_pre": """s_post += w/tau_synapse
                        heard += 1/tau_trace
                        w = clip(w + depression*fired, low, high)""",
           "on_post": """fired += 1/tau_trace
                         w = clip(w + potentiation*heard, low, high)"""}
UNITS = {"rest": "volt", "threshold": "volt", "kc_apl": "1", "apl_kc": "volt/hertz", "low": "volt/hertz",
         "high": "volt/hertz", "potentiation": "volt/hertz**2", "depression": "volt/hertz**2"}


def standalone(task: Task) -> Measured:
    """Compiled once for the benchmark; each measurement starts the program anew."""
    folder = task.folder / "brian_script"
    watch = Stopwatch()
    if not (folder / "main").exists():
        _write(task, folder)
    prepare = watch.lap()
    command = [str(folder / "main")]
    peak = peak_of(command, folder)
    watch.lap()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    program = watch.lap()
    return Measured(loop_seconds(folder / "results"), prepare, task.seconds, _read(folder / "results"), peak,
                    {"program": program})


def _write(task: Task, folder: Path) -> None:
    import brian2

    brian2.set_device("cpp_standalone", build_on_run=False)
    brian2.defaultclock.dt = _constants(task)["dt"]
    network = _build(brian2, task)
    network.run(task.seconds * brian2.second, namespace={})
    brian2.device.build(directory=str(folder), compile=False, run=False)
    subprocess.run(["make", "-j2"], cwd=folder, check=True, capture_output=True)
    os.makedirs(folder / "results", exist_ok=True)


def _constants(task: Task) -> dict[str, Any]:
    import brian2

    units = {name: eval(unit, {"volt": brian2.volt, "hertz": brian2.hertz}) for name, unit in UNITS.items()}
    given = np.load(task.folder / "network.npz")["constants"]
    return {name: value * units.get(name, brian2.second) for name, value in zip(CONSTANTS, given, strict=True)}


def _build(b: Any, task: Task) -> Any:
    """The network; `b` is the module brian2."""
    arrays, constants = np.load(task.folder / "network.npz"), _constants(task)
    n_pn, n_kc, n_mbon = arrays["sizes"][:3]
    pn = b.SpikeGeneratorGroup(n_pn, arrays["input_pn"], arrays["input_tick"] * constants["dt"])
    apl = b.NeuronGroup(1, """dr/dt = (s - r)/tau_apl : hertz
                              ds/dt = -s/tau_synapse : hertz""", method="exponential_euler", namespace=constants)
    cell = {"reset": "v = rest", "refractory": constants["refractory"], "method": "exponential_euler",
            "namespace": constants}
    kc = b.NeuronGroup(n_kc, CELL + "\nr : hertz (linked)\ninhibition = -apl_kc*r : volt", threshold="v > threshold",
                       **cell)
    kc.r = b.linked_var(apl, "r")
    mbon = b.NeuronGroup(n_mbon, CELL.replace(" - inhibition", "") + "\nlimit : volt (constant)",
                         threshold="v > limit", **cell)
    mbon.limit = arrays["mbon_threshold"] * b.volt
    kc.v = mbon.v = constants["rest"]
    claws = b.Synapses(pn, kc, "w : volt/hertz (constant)", on_pre="s_post += w/tau_synapse", namespace=constants)
    claws.connect(i=arrays["claw_pn"], j=arrays["claw_kc"])
    claws.w = arrays["claw_weight"] * b.volt / b.hertz
    pool = b.Synapses(kc, apl, on_pre="s_post += kc_apl/tau_synapse", namespace=constants)
    pool.connect()
    learning = b.Synapses(kc, mbon, **PLASTIC, namespace=constants)
    learning.connect()
    learning.w = arrays["kc_mbon"].T.ravel() * b.volt / b.hertz
    heard = [b.SpikeMonitor(kc, name="heard_KC"), b.SpikeMonitor(mbon, name="heard_MBON")]
    return b.Network(pn, apl, kc, mbon, claws, pool, learning, *heard)


def _read(results: Path) -> Spikes:
    spikes = {}
    for name in ("KC", "MBON"):
        (cells,), (times,) = (list(results.glob(f"_dynamic_array_heard_{name}_{kind}_*")) for kind in "it")
        tick = np.rint(np.fromfile(times, float) / 1e-4)
        spikes[name] = sorted_spikes(tick, np.fromfile(cells, np.int32))
    return spikes
