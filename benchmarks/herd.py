"""Many animals as one circuit: their cells side by side, no synapse from one to another.

A GPU is idle on one small circuit. Programs that run one thing at a time are filled by running animals together; what
each of them does stays the same, spike for spike.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuroam.session import InputDrive, Session
from neuroam.wiring import Wired, WiredPopulation, WiredProjection


def herd(animals: list[tuple[Wired, Session]]) -> tuple[Wired, Session]:
    """One circuit and session from those of several animals of one circuit and protocol.

    Cells of the first animal come first in each population. Every projection becomes sparse; a uniform one gets a
    synapse for each pair within an animal.
    """
    wired, session = animals[0]
    own = [one for one, _ in animals]
    populations = tuple(_population([one.populations[p] for one in own]) for p in range(len(wired.populations)))
    projections = tuple(_projection([one.projections[q] for one in own], own) for q in range(len(wired.projections)))
    inputs = {p: _input([(one.inputs[p], cells.populations[p].size) for cells, one in animals]) for p in session.inputs}
    return (replace(wired, name=f"{len(animals)} of {wired.name}", populations=populations, projections=projections),
            replace(session, inputs=inputs))


def _population(parts: list[WiredPopulation]) -> WiredPopulation:
    threshold, gain = (np.concatenate([getattr(part, name) for part in parts]) for name in ("threshold", "gain"))
    return replace(parts[0], size=sum(part.size for part in parts), threshold=threshold, gain=gain)


def _projection(parts: list[WiredProjection], animals: list[Wired]) -> WiredProjection:
    pairs = [_pairs(part, animal) for part, animal in zip(parts, animals, strict=True)]
    sizes = [[animal.populations[side].size for animal in animals] for side in (parts[0].pre, parts[0].post)]
    pre, post = (np.concatenate([pair[k] + before for pair, before in zip(pairs, _before(sizes[k]), strict=True)])
                 for k in (0, 1))
    weight = np.concatenate([pair[2] for pair in pairs])
    return replace(parts[0], pre_index=pre.astype(np.int32), post_index=post.astype(np.int32), weight=weight)


def _pairs(part: WiredProjection, animal: Wired) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Presynaptic cell, postsynaptic cell and weight of each synapse, sorted by the first."""
    if part.pre_index is not None and part.post_index is not None:
        return part.pre_index, part.post_index, part.weight
    n_pre, n_post = (animal.populations[side].size for side in (part.pre, part.post))
    pre, post = np.repeat(np.arange(n_pre), n_post), np.tile(np.arange(n_post), n_pre)
    return pre, post, np.broadcast_to(part.weight, (n_post, n_pre)).T.ravel()


def _before(sizes: list[int]) -> np.ndarray:
    return np.cumsum([0, *sizes[:-1]])


def _input(parts: list[tuple[InputDrive, int]]) -> InputDrive:
    """Drives that change at the same ticks, side by side; spikes in the order of time."""
    drives, sizes = [drive for drive, _ in parts], [size for _, size in parts]
    tick = np.concatenate([drive.spike_tick for drive in drives])
    unit = np.concatenate([drive.spike_unit + before for drive, before in zip(drives, _before(sizes), strict=True)])
    order = np.lexsort((unit, tick))
    values = np.concatenate([drive.values for drive in drives], axis=1)
    return InputDrive(drives[0].ticks, values, tick[order], unit[order].astype(np.int32))
