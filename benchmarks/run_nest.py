"""The circuit in NEST, whose built-in neurons all spike: the graded APL is emulated.

A parrot neuron relays every KC spike to all KCs, each of which filters it on its own inhibitory synapse. That
synapse decays with the sum of the time constants of KC synapse and APL, so that inhibition has the same strength and
the same mean delay. Currents are in pA into 1 pF per ms of membrane time constant, where 1 pA moves the drive 1 mV.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.circuit import CONSTANTS
from benchmarks.measured import Measured, Spikes, Stopwatch, Task, sorted_spikes

LARGE = 10_000
DISCARDED = 0.1  # biological seconds before the tenth of a second that stands for a whole one in large circuits
TIMED = 0.1


def one_thread(task: Task) -> Measured:
    import nest

    arrays = np.load(task.folder / "network.npz")
    constants = dict(zip(CONSTANTS, arrays["constants"], strict=True))
    watch = Stopwatch()
    recorders = _build(nest, arrays, constants)
    nest.Prepare()
    prepare = watch.lap()
    before, timed = (DISCARDED, TIMED) if task.kenyon > LARGE else (0.0, task.seconds)
    if before:
        nest.Run(before * 1e3)
    watch.lap()
    nest.Run(timed * 1e3)
    run = watch.lap()
    nest.Cleanup()
    return Measured(run, prepare, timed, _read(recorders, before, constants["dt"]))


def _build(nest: Any, arrays: Any, c: dict[str, float]) -> dict[str, tuple[Any, int]]:
    """Recorders by population, with the number of its first cell."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.SetKernelStatus({"resolution": c["dt"] * 1e3, "local_num_threads": 1})
    n_pn, n_kc, n_mbon = (int(n) for n in arrays["sizes"][:3])
    pn = _inputs(nest, arrays, n_pn, c["dt"])
    kc = nest.Create("iaf_psc_exp", n_kc, _cell(c))
    mbon = nest.Create("iaf_psc_exp", n_mbon, _cell(c) | {"tau_minus": c["tau_trace"] * 1e3})
    mbon.V_th = arrays["mbon_threshold"] * 1e3
    apl = nest.Create("parrot_neuron")
    jump = 1e3 / c["tau_synapse"]  # from V/Hz to mV
    nest.Connect(pn[0].global_id + arrays["claw_pn"], kc[0].global_id + arrays["claw_kc"], "one_to_one",
                 _synapse("static_synapse", c, arrays["claw_weight"] * jump))
    delay = c["dt"] * 1e3
    nest.Connect(kc, apl, "all_to_all", {"weight": 1.0, "delay": delay})
    nest.Connect(apl, kc, "all_to_all", {"weight": c["kc_apl"] * c["apl_kc"] * 1e3 / _inhibition(c), "delay": delay})
    _plastic(nest, kc, mbon, arrays["kc_mbon"] * jump, c, jump)
    recorders = {}
    for name, cells in (("KC", kc), ("MBON", mbon)):
        recorder = nest.Create("spike_recorder")
        nest.Connect(cells, recorder)
        recorders[name] = recorder, cells[0].global_id
    return recorders


def _inputs(nest: Any, arrays: Any, number: int, dt: float) -> Any:
    """Spike generators send nothing at time 0, so all spikes come one tick later."""
    tick, unit = arrays["input_tick"] + 1, arrays["input_pn"]
    return nest.Create("spike_generator", number,
                       [{"spike_times": np.round(tick[unit == i] * dt * 1e3, 4)} for i in range(number)])


def _inhibition(c: dict[str, float]) -> float:
    return c["tau_apl"] + c["tau_synapse"]


def _cell(c: dict[str, float]) -> dict[str, float]:
    return {"C_m": c["tau"] * 1e3, "tau_m": c["tau"] * 1e3, "E_L": c["rest"] * 1e3, "V_reset": c["rest"] * 1e3,
            "V_m": c["rest"] * 1e3, "V_th": c["threshold"] * 1e3, "t_ref": c["refractory"] * 1e3,
            "tau_syn_ex": c["tau_synapse"] * 1e3, "tau_syn_in": _inhibition(c) * 1e3}


def _synapse(model: str, c: dict[str, float], weight: np.ndarray) -> dict[str, Any]:
    return {"synapse_model": model, "weight": weight, "delay": np.full(weight.size, c["dt"] * 1e3)}


def _plastic(nest: Any, kc: Any, mbon: Any, weight: np.ndarray, c: dict[str, float], jump: float) -> None:
    """Additive pair rule: Wmax·lambda is the change for one pair at no distance."""
    high, change = c["high"] * jump, c["potentiation"] * jump / c["tau_trace"]
    nest.CopyModel("stdp_synapse", "learning", {
        "tau_plus": c["tau_trace"] * 1e3, "Wmax": high, "lambda": change / high, "mu_plus": 0.0, "mu_minus": 0.0,
        "alpha": -c["depression"] / c["potentiation"]})
    nest.Connect(kc, mbon, "all_to_all", {"synapse_model": "learning", "weight": weight, "delay": c["dt"] * 1e3})


def _read(recorders: dict[str, tuple[Any, int]], before: float, dt: float) -> Spikes:
    spikes = {}
    for name, (recorder, first) in recorders.items():
        events = recorder.get("events")
        tick, cell = np.rint(events["times"] / 1e3 / dt), events["senders"] - first
        late = tick > round(before / dt)
        spikes[name] = sorted_spikes(tick[late], cell[late])
    return spikes
