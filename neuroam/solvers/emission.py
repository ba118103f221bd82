"""What populations of many trials emit, written in place: r = gain · g(x), arrays (n_cells, n_trials).

The forms are those of `neuroam.transfer`, without its temporary arrays; a test holds the two together.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from neuroam.neurons import Escape, Rate
from neuroam.solvers import _kernels
from neuroam.solvers import _kernels_layer as k
from neuroam.solvers._kernels_softmax import soften
from neuroam.solvers.tables import constants_of
from neuroam.transfer import Exponential, Linear, Power, Rectified, Softmax, Tanh, Transfer
from neuroam.wiring import Wired, stream

Emission = Callable[[int], None]


def emitter(wired: Wired, p: int, x: np.ndarray, r: np.ndarray, spikes: np.ndarray, dt: float,
            trials: Sequence[int]) -> Emission:
    """A function that renews the emission `r` of population `p` from its state `x` at a step of its trials, and of a
    pool, unless the array is empty, the `spikes` of its first neuron."""
    population = wired.populations[p]
    neuron = population.neuron
    assert isinstance(neuron, (Rate, Escape))
    cell_gain, threshold = population.gain.astype(x.dtype), population.threshold.astype(x.dtype)
    if isinstance(neuron, Rate):
        renew = renewal(neuron.transfer, threshold, cell_gain, x, r)
        return lambda step: renew()
    expected = np.zeros_like(r)
    renew = renewal(neuron.transfer, threshold, np.ones_like(cell_gain), x, expected)
    keys = np.array([escape_key(wired, p, trial) for trial in trials], np.uint64)
    scale = float(neuron.ceiling) * dt

    def draw(step: int) -> None:
        renew()
        _kernels.escape_trials(expected, r, spikes, keys, step, neuron.cells, scale, neuron.low, cell_gain)

    return draw


def escape_key(wired: Wired, p: int, trial: int) -> int:
    """The number that all random draws of a population in one trial hang on."""
    return int(stream(wired.seed, wired.populations[p].name, "escape", trial).integers(2**63))


def renewal(transfer: Transfer, threshold: np.ndarray, cell_gain: np.ndarray, x: np.ndarray,
            r: np.ndarray) -> Callable[[], None]:
    """One of the vectorised passes, or the compiled loop's own."""
    one, one_each = x.dtype.type(1), np.ones_like(cell_gain)
    gain = x.dtype.type(float(getattr(transfer, "gain", 1.0)))
    constants, cells = constants_of(transfer, x.dtype), np.zeros((2, len(x)), x.dtype)

    def any_other() -> None:
        _kernels.emit_trials(transfer.code, constants, threshold, cell_gain, x, r, cells)

    def linear() -> None:
        k.line(x, threshold, gain, cell_gain, r)

    def rectified() -> None:
        k.rectify(x, threshold, gain, cell_gain, r)

    def tanh() -> None:
        k.line(x, threshold, gain, one_each, r)
        np.tanh(r, out=r)
        k.scale(r, cell_gain)

    def exponential() -> None:
        k.line(x, threshold, slope, one_each, r)
        np.exp(r, out=r)
        k.scale(r, gain * cell_gain)

    def power() -> None:
        k.rectify(x, threshold, one, one_each, r)
        np.power(r, exponent, out=r)
        k.scale(r, gain * cell_gain)

    def softmax() -> None:
        soften(x, threshold, gain, ghost, cell_gain, r, highest, total)

    if isinstance(transfer, Exponential):
        slope = x.dtype.type(float(transfer.slope))
    if isinstance(transfer, Softmax):
        ghost = x.dtype.type(float(transfer.ghost))
        highest, total = np.zeros((2, x.shape[1]), x.dtype)
    if isinstance(transfer, Power):
        exponent = x.dtype.type(float(transfer.power))
        if not transfer.rectified:
            return any_other
    in_place = {Linear: linear, Rectified: rectified, Tanh: tanh, Exponential: exponential, Power: power,
                Softmax: softmax}
    return in_place.get(type(transfer), any_other)
