"""Hierarchical associative memory: layer upon layer, and what one sends up comes back through the same synapses.

    τ_A dx_A/dt = −x_A + ξ_A,A−1 g_A−1 + ξ_A,A+1 g_A+1 (+ cue, layer 1)      ξ_A,A+1 = (ξ_A+1,A)ᵀ      g_A = ∂L_A/∂x_A

    E = Σ_A [x_A·g_A − L_A] − Σ_A g_A+1·ξ_A+1,A g_A − cue·g_1      falls whatever the time constants (Krotov 2021)

The theory leaves the synapses open. Here they follow from the stored patterns (`neuroam.circuits.parts`): layer 1 holds
the cells of a pattern, each further layer parts of what it sees of the layer below, the top layer which go together.
"""
from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.circuits.images import digits
from neuroam.circuits.parts import SIGNED, Build, Layer, ascending, descending, layers_of
from neuroam.connect import all_to_all, from_matrix, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Exponential, Linear, Power, Rectified, Softmax, Spherical, Tanh, Transfer
from neuroam.units import Hz, assumed, ms

KROTOV = "Krotov 2021, arXiv 2107.06446"
BOUNDED = ("tanh", "spherical", "softmax")
TRANSFERS = (*SIGNED, "rectified", "power", "exponential", "softmax")
CONNECTIONS = ("dense", "local", "convolutional")


@recipe
def hierarchical(patterns: int = 20, sheet: str = "8x8", transfers: str = "tanh,rectified,softmax",
                 connections: str = "convolutional", field: int = 2, stride: int = 0, parts: int = 0, code: int = 200,
                 power: int = 3, sharpness: float = 20.0, gain: float = 10.0, threshold: float = 0.5,
                 level: float = 0.5, feedback: float = 1.0, symmetry: float = 1.0, tau: Any = 20 * ms,
                 relative: str = "1,0.25", pool: int = 100, ceiling: Any = 100 * Hz, images: str = "",
                 code_seed: int = 0) -> Circuit:
    """`patterns` random ±1 patterns (P(+1) = `level`) over a sheet of cells such as "64" or "8x8", in as many layers as
    `transfers` names. ``images="digits"`` stores the first `patterns` of scikit-learn's 8 × 8 digits instead.

    `relative` gives each layer its time constant in units of `tau`; `connections` says, of each from the second on, if
    it is dense, local or convolutional. The last entry of either holds for all further layers; the top layer is
    always dense. A field is `field` places wide, and fields are `stride` apart (0: side by side). A place knows at most
    `parts` parts (0: all). A layer with codes of ±1 has `code` cells; `code_seed` draws them. `power` is n, `sharpness`
    β, `gain` that of tanh, `threshold` that of rectified cells as a fraction of the drive by a whole part.

    The synapses back are `feedback` times the transpose; of them the share 1 − `symmetry` comes from wrong cells, and
    then there is no energy. `pool` escape-rate neurons with hazard `ceiling` for an emission of 1 stand for one graded
    cell at the spiking level.
    """
    words = _transfers(transfers)
    _check(power=(power, 2), sharpness=(sharpness, 0), gain=(gain, 0), field=(field, 1), stride=(stride or field, 1),
           parts=(parts or 1, 1), code=(code, 1))
    _check_finite(sharpness=sharpness, gain=gain, power=power, feedback=feedback)
    _check_shares(threshold, symmetry)
    cells = _sheet(sheet)
    stored = _stored(patterns, cells, level, images)
    build = Build(field, stride or field, parts, code, code_seed)
    try:
        layers = layers_of(words, _connections(connections, len(words)), cells, stored, build)
    except DescriptionError as error:
        raise DescriptionError(f"hierarchical: {error}") from None
    names = [f"layer {a + 1}" for a in range(len(words))]
    populations = [_population(name, layer, tau * share, transfer_of(layer, power, sharpness, gain, threshold))
                   for name, layer, share in zip(names, layers, _relative(relative, len(words)), strict=True)]
    projections = [Projection("cue", "layer 1", one_to_one(), assumed(1.0, "as strong as what comes from above"))]
    for a in range(1, len(words)):
        projections += _synapses(layers[:a + 1], stored, feedback, symmetry, code_seed)
    return Circuit(
        name=f"hierarchical memory of {len(words)} layers",
        source=KROTOV,
        populations=(Population("cue", stored.size, Drive(), "what is presented"), *populations),
        projections=tuple(projections),
        ports={"cue": Port("cue", patterns=True)},
        patterns=stored,
        hidden=tuple(names[:0:-2][::-1]),
        pool=Pool(pool, assumed(ceiling, "of the order of peak cortical rates"), low=_low(words)),
    )


def transfer_of(layer: Layer, power: int, sharpness: float, gain: float, threshold: float) -> Transfer:
    """g of a layer; m is its drive over that of a cell whose part is there."""
    full = layer.drive
    if layer.transfer == "tanh":
        return Tanh(gain=assumed(gain / full, "nearly binary, still graded"))
    if layer.transfer == "spherical":
        active = 1 if layer.whole else layer.size
        return Spherical(gain=assumed(active**0.5, "so that emissions are of the order of 1"))
    if layer.transfer == "softmax":
        return Softmax(gain=assumed(sharpness / full, "so that g = softmax(β m)"))
    if layer.transfer == "exponential":
        return Exponential(slope=assumed(sharpness / full, "so that g = exp(β (m − 1))"), threshold=full)
    if layer.transfer == "power" and power > 2:
        return Power(gain=assumed(full**(1.0 - power), "so that g = [m]₊ⁿ⁻¹"), power=power - 1)
    if layer.transfer == "rectified":
        return Rectified(gain=assumed(1 / (full * (1 - threshold)), "so that g = 1 where m = 1"),
                         threshold=assumed(threshold * full, "a cell answers when enough of its part is there"))
    kind = Linear if layer.transfer == "linear" else Rectified
    return kind(gain=assumed(1 / full, "so that g = m, rectified or not"))


def _population(name: str, layer: Layer, tau: Any, transfer: Transfer) -> Population:
    role = "one cell a pattern"
    if not layer.whole:
        role = (f"{_words(layer.sheet)} places of {layer.cells} cells, each hears {layer.fields.shape[1]} cells below; "
                f"{layer.parts} parts a place")
    if not layer.fields.shape[1]:
        role = f"cells of the patterns, {_words(layer.sheet)}"
    membrane = assumed(tau, "of the order of cortical membranes; the theory names none")
    return Population(name, layer.size, Rate(membrane, transfer), role)


def _synapses(layers: list[Layer], stored: Patterns, feedback: float, symmetry: float, seed: int) -> list[Projection]:
    """Up to the last of `layers` and back: sparse where the parts are known by now, else all to all, with zeros outside
    the receptive fields once the patterns are drawn."""
    last = layers[-1]
    low, high = f"layer {len(layers) - 1}", f"layer {len(layers)}"
    returned = functools.partial(descending, symmetry=symmetry, seed=seed)
    back = "the same synapses back"
    if not feedback == symmetry == 1:
        back = f"{feedback:g} × the synapses back, {100 * (1 - symmetry):g} % of it from wrong cells"
    known = stored.values is not None or all(layer.every for layer in layers[1:])
    if known and len(last.fields) > 1:
        up = ascending(np.ones((1, stored.size)) if stored.values is None else stored.values, layers, seed, 1.0)
        why = "ω, so that what comes from above weighs as much as what comes from below"
        return [Projection(low, high, from_matrix(up), assumed(last.scale, why),
                           source=f"assumed: {_learned(last)}, by Hebb's rule"),
                Projection(high, low, from_matrix(returned(None, up)), assumed(feedback * last.scale, why),
                           source=f"{back}, {KROTOV}")]
    rule = functools.partial(ascending, layers=tuple(layers), seed=seed, scale=last.scale)
    text = f"{last.scale:.4g} × {_learned(last)}"
    learned = Stored(rule, text, source="assumed: Hebb's rule; the theory names none")
    again = Stored(functools.partial(returned, factor=feedback), back, source=KROTOV, after=(f"{low}->{high}",))
    return [Projection(low, high, all_to_all(), learned), Projection(high, low, all_to_all(), again)]


def _learned(layer: Layer) -> str:
    if layer.whole:
        return "the stored patterns, one a cell"
    same = ", the same at all places" if layer.shared else ""
    return f"{layer.parts} parts a place{same}, {'signs of all its cells' if layer.signed else 'one a cell'}"


def _low(words: list[str]) -> tuple[tuple[str, float], ...]:
    """The least emission that a pool of spiking cells must code, where it goes below −1."""
    return tuple((f"layer {a + 1}", -2.0) for a, word in enumerate(words) if word in ("linear", "spherical"))


def _words(sheet: tuple[int, ...]) -> str:
    return " × ".join(map(str, sheet))


def _list(name: str, text: str, length: int) -> list[str]:
    """The entries of a setting with commas, the last of them repeated."""
    entries = [entry.strip() for entry in str(text).split(",")]
    if len(entries) > length:
        raise DescriptionError(f"hierarchical: {name} {text!r} has {len(entries)} entries, but only {length} layers "
                               "can have one; leave some out")
    return entries + entries[-1:] * (length - len(entries))


def _transfers(text: str) -> list[str]:
    words = _list("transfers", text, 1 + text.count(","))
    for word in words:
        if word not in TRANSFERS:
            raise DescriptionError(f"hierarchical: transfers has {word!r}; use {', '.join(TRANSFERS)}")
    if len(words) < 2:
        raise DescriptionError(f"hierarchical: transfers is {text!r}, one layer; give at least two, such "
                               "as 'tanh,softmax'")
    if words[0] not in SIGNED:
        raise DescriptionError(f"hierarchical: layer 1 is {words[0]}, but its patterns are ±1; make it one of "
                               f"{', '.join(SIGNED)}")
    for a, pair in enumerate(itertools.pairwise(words)):
        if not set(pair) & set(BOUNDED):
            raise DescriptionError(f"hierarchical: layers {a + 1} and {a + 2} are {pair[0]} and {pair[1]}, which may "
                                   f"drive each other without limit; make one of them {', '.join(BOUNDED)}")
    return words


def _connections(text: str, depth: int) -> list[str]:
    """Those of all layers but the first and the top one, which may be named but is dense."""
    words = _list("connections", text, depth - 1)
    for word in words:
        if word not in CONNECTIONS:
            raise DescriptionError(f"hierarchical: connections has {word!r}; use {', '.join(CONNECTIONS)}")
    return words[:-1]


def _relative(text: str, depth: int) -> list[float]:
    entries = _list("relative", text, depth)
    try:
        numbers = [float(entry) for entry in entries]
    except ValueError:
        numbers = [0.0]
    if not all(0 < number < np.inf for number in numbers):
        raise DescriptionError(f"hierarchical: relative is {text!r}; give numbers above 0, such as '1,0.25'")
    return numbers


def _sheet(text: str) -> tuple[int, ...]:
    sides = [side.strip() for side in str(text).replace("×", "x").split("x")]
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise DescriptionError(f"hierarchical: sheet is {text!r}; give a length such as '64' or two sides such "
                               "as '8x8'")
    return tuple(map(int, sides))


def _check(**numbers: tuple[float, float]) -> None:
    for name, (value, least) in numbers.items():
        if not value >= least or value == 0:
            rule = f"at least {least:g}" if least else "more than 0"
            raise DescriptionError(f"hierarchical: {name} is {value}; it must be {rule}")


def _check_finite(**numbers: float) -> None:
    for name, value in numbers.items():
        if not np.isfinite(value):
            raise DescriptionError(f"hierarchical: {name} is {value}; give a finite number")


def _check_shares(threshold: float, symmetry: float) -> None:
    if not 0 <= threshold < 1:
        raise DescriptionError(f"hierarchical: threshold is {threshold}; give a fraction, at least 0 and below 1")
    if not 0 <= symmetry <= 1:
        raise DescriptionError(f"hierarchical: symmetry is {symmetry}; give a share from 0 to 1")


def _stored(patterns: int, sheet: tuple[int, ...], level: float, images: str) -> Patterns:
    if not images:
        return Patterns(patterns, math.prod(sheet), "layer 1", "sign", level)
    if images != "digits":
        raise DescriptionError(f"hierarchical: images is {images!r}; use 'digits', or nothing for random patterns")
    if sheet != (8, 8):
        raise DescriptionError(f"hierarchical: the digits have 8 × 8 pixels, but the sheet is {_words(sheet)}; "
                               "use '8x8'")
    return digits(patterns, "layer 1")
