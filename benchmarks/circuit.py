"""The circuit that every simulator runs: a mushroom body that learns at every spike.

100 PNs (10-100 Hz) -> N KCs by six claws each; every KC spike feeds one graded, linear APL, which inhibits all
KCs; all KCs -> 34 MBONs with additive pair plasticity. Weights scale with N so that KCs fire at about 4 Hz and
MBONs at about 30 Hz at every size. The numbers are set for these rates, not taken from a fly.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection
from neuroam.connect import LogNormal, all_to_all, in_degree
from neuroam.neurons import LIF, Poisson, Rate
from neuroam.plasticity import spike_timing
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import Session, schedule
from neuroam.solvers.base import Outcome
from neuroam.transfer import Linear
from neuroam.units import Hz, ms, mV, second
from neuroam.wiring import Wired, wire

PNS, CLAWS, MBONS = 100, 6, 34
DT = 1e-4
RATES = (10.0, 100.0)
RECORDED = ("KC", "MBON")


def benchmark_circuit(kenyon: int) -> Circuit:
    """The circuit with `kenyon` KCs. The APL carries the mean KC rate in hertz."""
    cell = LIF(tau=20*ms, rest=-60*mV, threshold=-45*mV, refractory=2*ms, synapse=5*ms)
    # a spread of thresholds keeps MBONs, which all hear the same KCs, from firing as one
    mbon = LIF(tau=20*ms, rest=-60*mV, threshold=-45*mV, refractory=2*ms, synapse=5*ms, threshold_cv=0.1)
    strength = 4.7*mV/Hz / kenyon
    rule = spike_timing(potentiation=1e-4*strength/Hz, depression=1.05e-4*strength/Hz,
                        trace_pre=20*ms, trace_post=20*ms, high=4*strength)
    return Circuit(
        name=f"benchmark with {kenyon} KCs",
        populations=(Population("PN", PNS, Poisson(synapse=5*ms)),
                     Population("KC", kenyon, cell),
                     Population("APL", 1, Rate(10*ms, Linear(unit_in="hertz", unit_out="hertz"))),
                     Population("MBON", MBONS, mbon)),
        projections=(Projection("PN", "KC", in_degree(CLAWS), weight=0.0405*mV/Hz),
                     Projection("KC", "APL", all_to_all(), weight=1/kenyon),
                     Projection("APL", "KC", all_to_all(), weight=-1.0*mV/Hz),
                     Projection("KC", "MBON", all_to_all(), LogNormal(strength, 0.25), plasticity=rule)),
        ports={"odour": Port("PN")})


def presentation(seconds: float) -> Protocol:
    """One odour, on from the start to the end."""
    odour = Stimulus("odour", np.linspace(*RATES, PNS)*Hz, duration=seconds*second)
    return Protocol("benchmark", "one odour", "none", (Block("only", (Trial("odour", seconds*second, (odour,)),)),),
                    tuple(Record(name) for name in RECORDED))


def animal(kenyon: int, seconds: float, seed: int) -> tuple[Wired, Session]:
    """The wired circuit and its session; the same for every simulator that is given the same seed."""
    wired = wire(benchmark_circuit(kenyon), seed)
    return wired, schedule(presentation(seconds), wired, DT)


def rates(outcome: Outcome, seconds: float, kenyon: int) -> dict[str, float]:
    """Mean firing rates in hertz."""
    sizes = {"KC": kenyon, "MBON": MBONS}
    return {name: len(outcome.spikes[name][0]) / seconds / size for name, size in sizes.items()}


def network(wired: Wired, session: Session) -> dict[str, np.ndarray]:
    """All that a simulator needs, as arrays in SI: indices, weights, thresholds, constants, input spikes.

    `kc_mbon` has shape (MBONs, KCs). The names are those of the files that `loop.c` reads.
    """
    pn_kc, _, _, kc_mbon = wired.projections
    _, kc, _, mbon = wired.populations
    given = session.inputs[wired.index["PN"]]
    assert pn_kc.pre_index is not None and pn_kc.post_index is not None
    return {"sizes": np.array([PNS, kc.size, MBONS, session.stop, len(given.spike_tick)], np.int64),
            "constants": _constants(wired, session.dt),
            "claw_first": np.searchsorted(pn_kc.pre_index, np.arange(PNS + 1)).astype(np.int32),
            "claw_pn": pn_kc.pre_index, "claw_kc": pn_kc.post_index, "claw_weight": pn_kc.weight,
            "kc_mbon": kc_mbon.weight, "mbon_threshold": mbon.threshold,
            "input_tick": given.spike_tick.astype(np.int32), "input_pn": given.spike_unit}


CONSTANTS = ("dt", "tau", "rest", "threshold", "refractory", "tau_synapse", "tau_apl", "kc_apl", "apl_kc",
             "tau_trace", "potentiation", "depression", "low", "high")


def _constants(wired: Wired, dt: float) -> np.ndarray:
    """In the order of `CONSTANTS`."""
    _, kc_apl, apl_kc, kc_mbon = wired.projections
    _, kc, apl, _ = wired.populations
    assert isinstance(kc.neuron, LIF) and isinstance(apl.neuron, Rate) and kc_mbon.plasticity is not None
    rule = kc_mbon.plasticity
    return np.array([dt, *map(float, (
        kc.neuron.tau, kc.neuron.rest, kc.neuron.threshold, kc.neuron.refractory, kc.neuron.synapse, apl.neuron.tau,
        kc_apl.weight, apl_kc.weight, rule.trace_pre, rule.on_post_pre, rule.on_pre_post, rule.low, rule.high))])


def export(wired: Wired, session: Session, folder: Path) -> None:
    """The arrays of `network` as binary files for `loop.c`, and as one file for simulators in Python."""
    arrays = network(wired, session)
    for name, values in arrays.items():
        np.ascontiguousarray(values).tofile(folder / f"{name}.bin")
    np.savez(folder / "network.npz", **arrays)
