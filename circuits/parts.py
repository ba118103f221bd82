"""What layers of cells know of stored patterns, part by part: receptive fields, parts, their codes, and synapses.

Layer 1 holds the cells of a pattern. The places of each further layer know parts of what they see of the layer below,
and the one place of the top layer which parts go together, one cell a pattern.

    receptive field    a place hears the whole layer below (dense), a field of its own (local), or such a field through
                       kernels that all places share (convolutional)
    parts of a place   what the stored patterns look like within its field: all of that, or the most frequent
    code of a part     rectified, power, exponential, softmax: one cell of the place is active
                       tanh, linear, spherical: all cells, with the signs of random sums over what the part looks like
    synapses           ξ = ω Σ_parts (code of the part) ⊗ (what it looks like), Hebb's rule; of codes that overlap, the
                       isometry nearest to that (its polar factor), so that what all parts share does not win

ω is such that a part that is there sends down what its cells get from below, so that no layer overrules another.
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.patterns import Patterns

SIGNED = ("tanh", "linear", "spherical")
RANK = 1e-9  # singular values below this share of the largest are 0 but for rounding


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: at each place of its sheet `cells` cells, which hear those of the layer below that `fields` (places,
    cells heard) lists, and know `parts` parts. One part is there at a time: then `active` cells emit `emission` each,
    and hear `heard` active cells, which give them `drive` through synapses of strength `scale`, ω. `shared`: all places
    know the same parts; `every`: all that are possible; `whole`: the patterns themselves."""

    transfer: str
    sheet: tuple[int, ...]
    fields: np.ndarray
    parts: int
    cells: int = 1
    heard: int = 1
    emission: float = 1.0
    drive: float = 1.0
    scale: float = 1.0
    shared: bool = False
    every: bool = False
    whole: bool = False

    @property
    def size(self) -> int:
        return len(self.fields) * self.cells

    @property
    def signed(self) -> bool:
        """Whether all cells of a place code for a part, by their signs."""
        return self.transfer in SIGNED and not self.whole

    @property
    def active(self) -> int:
        return self.cells if self.signed else 1


@dataclass(frozen=True)
class Build:
    """How the layers above the first are built: a field is `field` places wide, fields are `stride` apart; a place
    knows at most `most` parts (0: all); a layer of signs has `code` cells, and `seed` draws its random sums."""

    field: int = 2
    stride: int = 2
    most: int = 0
    code: int = 200
    seed: int = 0


def layers_of(transfers: Sequence[str], connections: Sequence[str], sheet: tuple[int, ...], stored: Patterns,
              build: Build) -> list[Layer]:
    """All layers, `connections` being those of all but the first and the top one. Raises `DescriptionError` where
    fields leave cells out."""
    layers = [Layer(transfers[0], sheet, np.zeros((stored.size, 0), int), parts=2)]
    for transfer, connection in zip(transfers[1:-1], connections, strict=True):
        layers.append(_middle(layers, transfer, connection, stored, build))
    whole = np.arange(layers[-1].size)[None]
    return [*layers, _scaled(Layer(transfers[-1], (1,), whole, stored.number, stored.number, whole=True), layers[-1])]


def ascending(patterns: np.ndarray, layers: Sequence[Layer], seed: int, scale: float) -> np.ndarray:
    """The synapses from the last but one to the last of `layers`, which begin with layer 1: shape (its cells, cells
    below)."""
    *lower, last = layers
    looks = looks_of(last, code_in(patterns, lower, seed))
    if last.whole:
        return scale * looks[0]
    blocks = looks  # one cell a part
    if last.signed:  # as long as one part's code times what it looks like
        blocks = np.einsum("pku,pkf->puf", signs_of(last, looks, seed), looks)
        blocks = math.sqrt(last.active * last.heard) * isometries(blocks)
    weights = np.zeros((last.size, lower[-1].size))
    rows = np.arange(last.size).reshape(len(last.fields), last.cells, 1)
    weights[rows, last.fields[:, None, :]] = scale * blocks
    return weights


def descending(patterns: np.ndarray | None, up: np.ndarray, symmetry: float, seed: int,
               factor: float = 1.0) -> np.ndarray:
    """The synapses back: `factor` times the transpose, of which the share 1 − `symmetry` comes from wrong cells."""
    if factor == symmetry == 1:
        return up.T
    order = np.random.default_rng([seed, len(up)]).permutation(len(up))
    wrong = np.empty_like(order)
    wrong[order] = np.roll(order, 1)  # one cycle, so that no cell is right
    return factor * (symmetry * up.T + (1 - symmetry) * up.T[:, wrong])


def isometries(blocks: np.ndarray) -> np.ndarray:
    """The partial isometry nearest to each of some matrices (matrices, n, m): all its singular values are 1 or 0."""
    u, values, v = np.linalg.svd(blocks, full_matrices=False)
    return np.einsum("pur,pr,prf->puf", u, values > RANK * values.max(axis=1, keepdims=True), v)


def looks_of(layer: Layer, below: np.ndarray) -> np.ndarray:
    """What the parts look like, shape (places, parts, cells heard), zeros for those that are not needed, given the code
    of all patterns in the layer `below`, shape (patterns, its cells)."""
    if layer.whole:
        return below[None]
    seen = below[:, layer.fields].transpose(1, 0, 2)
    looks = np.zeros((len(seen), layer.parts, seen.shape[2]))
    if layer.every:
        looks[:] = list(itertools.product((1.0, -1.0), repeat=seen.shape[2]))
    elif layer.shared:
        found = frequent(np.concatenate(seen), layer.parts)
        looks[:, :len(found)] = found
    else:
        for place, own in enumerate(seen):
            found = frequent(own, layer.parts)
            looks[place, :len(found)] = found
    return looks


def frequent(looks: np.ndarray, most: int) -> np.ndarray:
    """The `most` most frequent rows; of equally frequent ones, those that come first."""
    rows, first, count = np.unique(looks, axis=0, return_index=True, return_counts=True)
    return rows[np.lexsort((first, -count))[:most]]


def signs_of(layer: Layer, looks: np.ndarray, seed: int) -> np.ndarray:
    """The signs that stand for each part where all cells code for it, shape (places, parts, cells of a place)."""
    random = np.random.default_rng([seed, layer.size]).standard_normal((looks.shape[2], layer.cells))
    return np.where(looks @ random >= 0, 1.0, -1.0)


def code_in(patterns: np.ndarray, layers: Sequence[Layer], seed: int) -> np.ndarray:
    """The code of all patterns in the last of `layers`, shape (patterns, its cells): at each place that of the part
    most like what the pattern looks like there."""
    code = patterns
    for layer in layers[1:]:
        looks = looks_of(layer, code)
        likest = np.einsum("mpf,pkf->mpk", code[:, layer.fields], looks).argmax(axis=2)
        if layer.signed:
            chosen = signs_of(layer, looks, seed)[np.arange(len(looks)), likest]
        else:
            chosen = np.zeros((*likest.shape, layer.cells))
            np.put_along_axis(chosen, likest[..., None], 1.0, axis=2)
        code = chosen.reshape(len(patterns), -1)
    return code


def fields_of(below: Layer, side: int, stride: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Receptive fields of `side` places, `stride` apart: positions of the cells of the layer below, shape (places,
    cells heard), and the sheet of the places that hear them."""
    grid = np.arange(math.prod(below.sheet)).reshape(below.sheet)
    every = (slice(None, None, stride),) * grid.ndim
    windows = np.lib.stride_tricks.sliding_window_view(grid, (side,) * grid.ndim)[every]
    heard = windows.reshape(-1, side**grid.ndim, 1) * below.cells + np.arange(below.cells)
    return heard.reshape(len(heard), -1), windows.shape[:grid.ndim]


def _middle(lower: list[Layer], transfer: str, connection: str, stored: Patterns, build: Build) -> Layer:
    below, shared = lower[-1], connection == "convolutional"
    fields = np.arange(below.size)[None]
    sheet: tuple[int, ...] = (1,)
    if connection != "dense":
        gaps = any(side < build.field or (side - build.field) % build.stride for side in below.sheet)
        if gaps or build.stride > build.field:
            sides = " × ".join(map(str, below.sheet))
            raise DescriptionError(f"fields of {build.field} places, {build.stride} apart, do not cover the sheet of "
                                   f"{sides} places that layer {len(lower) + 1} hears; give a field and stride that "
                                   "do, or make that layer dense")
        fields, sheet = fields_of(below, build.field, build.stride)
    needed = _parts(lower, fields, shared, stored, build.seed)
    every = len(lower) == 1 and stored.kind == "sign" and needed == 2**fields.shape[1] and not 0 < build.most < needed
    parts = min(needed, build.most or needed)
    cells = -(-build.code // len(fields)) if transfer in SIGNED else parts
    return _scaled(Layer(transfer, sheet, fields, parts, cells, shared=shared, every=every), below)


def _parts(lower: list[Layer], fields: np.ndarray, shared: bool, stored: Patterns, seed: int) -> int:
    """How many parts a place must know; where the patterns are not drawn yet, how many it may have to."""
    if stored.values is not None:
        seen = code_in(stored.values, lower, seed)[:, fields].transpose(1, 0, 2)
        return max(len(np.unique(group, axis=0)) for group in ([np.concatenate(seen)] if shared else seen))
    possible = lower[-1].parts**(fields.shape[1] // lower[-1].cells)
    return min(possible, stored.number * (len(fields) if shared else 1))


def _scaled(layer: Layer, below: Layer) -> Layer:
    """The layer with its ω and what follows from it. The cells of a softmax share an emission of 1."""
    emission = 1 / (len(layer.fields) * layer.active) if layer.transfer == "softmax" else 1.0
    hearing = layer.fields.size / below.size
    scale = below.drive / (layer.active * emission * hearing)
    heard = layer.fields.shape[1] // below.cells * below.active
    return replace(layer, heard=heard, emission=emission, scale=scale, drive=scale * heard * below.emission)
