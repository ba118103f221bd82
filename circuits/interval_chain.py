"""A chain of pools joined by axons of one fixed delay: the clock that a tonic input cannot rescale.

    line      τ dx_i/dt = −x_i + p_{i−1}(t − D) + s on_i − g on_{i+k} + cue          on = 1 where x ≥ 1, else 0
    push      p = w on / (1 + u + hold)       the axons' synapses, divided by the tonic inputs

A pool that was pushed over threshold stays on by itself (s) until the one k links on ends it (g). So activity passes
from link to link in

    D + t        t = −τ ln(1 − (1 + u)/w)        and not at all for 1 + u ≥ w

of which the tonic input u changes t alone, the time to integrate, and no axon. It divides the same synapses as in the
ring, which carry the activity on. Delays are those between neurons of a song (1 to 7.5 ms a link: Egger et al. 2020,
Cell 183:537), the longest; as a synfire chain (Abeles 1991, Corticonics), with pools that hold.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroam.circuit import Projection
from neuroam.connect import all_to_all, one_to_one
from neuroam.units import assumed

EGGER = "Egger et al. 2020, Cell 183:537"
ON = 2.0  # s, over threshold
LASTS = 8  # k, links
SYMMETRIC = "pools emit −1 or 1, of which this makes 0 or 1"


def igniting(presented: Mapping[str, float], places: int) -> np.ndarray:
    """Drive of the line that switches its first pool on."""
    return 2 * ON * sum(presented.values()) * (np.arange(places) == 0)


def link_time(tonic: float, delay: float, coupling: float, tau: float) -> float:
    """Seconds from one pool to the next; infinite where the tonic input stops the chain."""
    left = 1 - (1 + tonic) / coupling
    return delay - tau * np.log(left) if left > 0 else np.inf


def within(places: int, coupling: float) -> np.ndarray:
    """s and −g between the pools of the line, (places, places); g is twice the strongest drive, the last pool ends all
    that are left and does not hold itself."""
    table = ON * np.diag(np.arange(places) < places - 1)
    ended = np.arange(places - 1)
    table[ended, np.minimum(ended + LASTS, places - 1)] -= 2 * (coupling + ON)
    return table


def chain(places: int, delay: Any, coupling: float) -> tuple[Projection, ...]:
    """What joins background, line, shift, hold and tempo in place of the ring."""
    held = within(places, coupling)
    return (
        Projection("cue", "line", one_to_one(), assumed(1.0, "the drive at the port")),
        Projection("background", "line", all_to_all(), assumed(held.sum(axis=1, keepdims=True) / 2, SYMMETRIC)),
        Projection("line", "line", all_to_all(), assumed(held / 2, "pools hold until a later one ends them")),
        Projection("line", "shift", one_to_one(), assumed(1.0, "axons"), assumed(delay, f"the longest of {EGGER}")),
        Projection("hold", "shift", all_to_all(), assumed(1.0, "sets no scale"), acts="divisive"),
        Projection("tempo", "shift", all_to_all(), assumed(np.eye(places, 3)[:1].repeat(places, axis=0),
                                                           "sets no scale"), acts="divisive"),
        Projection("shift", "line", all_to_all(), assumed(coupling * np.eye(places, k=-1), "so strong that a pool "
                                                          "follows in little more than its axons' delay")),
    )
