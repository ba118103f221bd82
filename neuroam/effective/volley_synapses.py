"""The synapses of a wired circuit one by one, whatever their layout, and what of a projection is the same for all."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.errors import Unsupported
from neuroam.wiring import Wired, WiredProjection


@dataclass(frozen=True, eq=False)
class Synapses:
    """Arrays (n_synapses,): presynaptic and postsynaptic cells, and weights in SI."""

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray


def synapses(wired: Wired, row: WiredProjection) -> Synapses:
    """Those of a projection that are not 0."""
    pre, post = wired.pairs(row)
    weight = np.broadcast_to(row.weight.reshape(-1), pre.shape)
    acting = weight != 0
    return Synapses(pre[acting], post[acting], weight[acting])


def own_weight(wired: Wired, pre: int, post: int) -> float:
    """The one weight by which each cell of `pre` acts on its own cell of `post`, at once; 0 where none does."""
    rows = [row for row in wired.projections if (row.pre, row.post) == (pre, post)]
    found = [synapses(wired, row) for row in rows]
    number = sum(len(own.weight) for own in found)
    if not number:
        return 0.0
    name, size = rows[0].name, wired.populations[post].size
    if number != size or any((own.pre != own.post).any() for own in found):
        raise Unsupported(f"{name} of circuit {wired.name!r} is not from each cell to its own alone, so no cell has a "
                          "burst of its own; join hidden cells one to one, or use the spiking level")
    weights = np.unique(np.concatenate([own.weight for own in found]))
    if len(weights) > 1 or any(row.delay for row in rows):
        raise Unsupported(f"{name} of circuit {wired.name!r} has a delay or unequal weights, so its cells have no "
                          "burst in common; give it one weight and no delay, or use the spiking level")
    return float(weights[0])
