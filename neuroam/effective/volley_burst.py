"""The burst that one spike of a neuron sets off through its own hidden cells, while it hears what it usually hears.

    τ dV/dt = −V + Σ_h w_h r_h + c(t)   the neuron, clamped to its reset for its refractory period after every spike
    τ_h dx_h/dt = −x_h + w'_h r         its hidden cell h: a LIF neuron that spikes, or a graded one with r_h = [x_h]₊
    τ_s dr/dt = −r                      emission of a cell that spikes, up by 1/τ_s at each of its spikes

c(t) is what a neuron hears from elsewhere, on average, from its first spike on. All this is linear between spikes.
A burst is all or none (Jin, Ramazanoglu & Seung 2007, J Comput Neurosci 23:283): this
one is every neuron's. After it the neuron is silent until the slowest refractory period of those of its parts that
spiked is over.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.effective._kernels_volley_burst import spikes_of
from neuroam.effective.volley_synapses import own_weight
from neuroam.errors import Unsupported
from neuroam.neurons import LIF, Rate
from neuroam.transfer import Rectified
from neuroam.wiring import Wired, WiredPopulation

STEP = 2e-5  # seconds for which c is constant, and between two looks at the thresholds


@dataclass(frozen=True)
class Part:
    """A neuron, or a hidden cell of it, in seconds and volts above rest; of a graded cell the threshold is infinite.
    `heard` is its weight in the neuron, `hears` that of the neuron in it."""

    tau: float
    synapse: float
    refractory: float
    threshold: float
    reset: float
    heard: float = 0.0
    hears: float = 0.0

    @property
    def spikes(self) -> bool:
        return bool(np.isfinite(self.threshold))


@dataclass(frozen=True, eq=False)
class Burst:
    """`spikes` (n,) in seconds after the first; after `silent` seconds the neuron may burst again."""

    spikes: np.ndarray
    silent: float


def parts_of(wired: Wired, owner: int, hidden: tuple[int, ...]) -> tuple[Part, ...]:
    """The population `owner`, and those of the `hidden` ones through which it acts on itself."""
    parts = [_spiking(wired, owner)]
    for h in hidden:
        heard, hears = own_weight(wired, h, owner), own_weight(wired, owner, h)
        if heard and hears:
            parts.append(_spiking(wired, h, heard, hears) if isinstance(wired.populations[h].neuron, LIF) else
                         _graded(wired, h, heard, hears))
    return tuple(parts)


def burst(parts: tuple[Part, ...], course: np.ndarray | None = None) -> Burst:
    """The burst of a neuron, `parts[0]`, with its hidden cells. `course` is c in volts, in steps of STEP from the first
    spike on, 0 beyond. Raises `Unsupported` where there is no burst, or no end of it."""
    if len(parts) == 1 or not parts[0].spikes:
        return Burst(np.zeros(1), parts[0].refractory)
    spikes = _spikes(parts, np.zeros(0) if course is None else course)
    silent = max(own[0] + part.refractory for own, part in zip(spikes, parts, strict=True) if len(own))
    if len(spikes[0]) == 1:
        raise Unsupported("spikes once by itself, so what else it hears decides whether it does again")
    if max(own[-1] for own in spikes if len(own)) >= silent:
        raise Unsupported(f"has a burst that goes on for more than {1e3 * silent:g} ms, the slowest of the refractory "
                          "periods")
    return Burst(spikes[0], float(silent))


def watched(parts: tuple[Part, ...]) -> float:
    """Seconds from the first spike in which a burst has to end, twice over."""
    return 2 * max(part.refractory for part in parts)


def _spikes(parts: tuple[Part, ...], course: np.ndarray) -> list[np.ndarray]:
    """Spike times of every part, the neuron's first at 0. State: V, the x of the hidden cells, and the r of all."""
    size = len(parts)
    matrix = np.zeros((2 * size, 2 * size))
    for k, part in enumerate(parts):
        matrix[k, k] = -1 / part.tau
        if part.spikes:
            matrix[size + k, size + k] = -1 / part.synapse
        if k:
            matrix[0, size + k if part.spikes else k] = part.heard / parts[0].tau
            matrix[k, size] = part.hears / part.tau
    of = {name: np.array([getattr(part, name) for part in parts])
          for name in ("threshold", "reset", "refractory", "synapse")}
    time, who = spikes_of(matrix, of["threshold"], of["reset"], of["refractory"], of["synapse"],
                          size + np.arange(size), course, STEP, watched(parts))
    return [time[who == k] for k in range(size)]


def _spiking(wired: Wired, p: int, heard: float = 0.0, hears: float = 0.0) -> Part:
    population = wired.populations[p]
    neuron = population.neuron
    assert isinstance(neuron, LIF)
    rest, thresholds = float(neuron.rest), np.unique(population.threshold)
    if len(thresholds) > 1:
        raise Unsupported(f"the cells of {population.name} of circuit {wired.name!r} differ in threshold, so they have "
                          "no burst in common; leave threshold_cv out, or use the spiking level")
    return Part(float(neuron.tau), float(neuron.synapse), float(neuron.refractory), float(thresholds[0]) - rest,
                float(neuron.reset) - rest, heard, hears)


def _graded(wired: Wired, p: int, heard: float, hears: float) -> Part:
    population: WiredPopulation = wired.populations[p]
    neuron, gains = population.neuron, np.unique(population.gain)
    linear = isinstance(neuron, Rate) and isinstance(neuron.transfer, Rectified) and not population.threshold.any()
    if not linear or len(gains) > 1 or hears < 0:
        raise Unsupported(f"{population.name} of circuit {wired.name!r} is not linear in what it hears; as a hidden "
                          "cell of the effective level it must emit gain·[x]₊ with threshold 0 and hear excitation "
                          "alone, or use the spiking level")
    assert isinstance(neuron, Rate) and isinstance(neuron.transfer, Rectified)
    return Part(float(neuron.tau), 0.0, 0.0, float("inf"), 0.0, heard * float(neuron.transfer.gain) * float(gains[0]),
                hears)
