"""Entorhinal cortex → dentate gyrus → CA3: patterns are separated on the way in and completed by recurrent synapses.

    EC     ±1 input, parts of which may be missing
    DG     many cells, of which the few most driven by random perforant synapses answer: similar inputs get different
           codes
    CA3    driven by EC directly, and by the code in DG through mossy fibres that learned which pattern goes with it;
           each neuron tells the others what it remembers

    τ dv_i/dt = −v_i + w_EC r_i^EC + Σ_k G_ik r_k^DG + w Σ_μ ξ_μi softmax(β m)_μ,      m_μ = Σ_j ξ_μj tanh(gain v_j)/N

The recurrent synapses of CA3 are written as memory neurons that hear and answer CA3 through the same synapses ξ and
compete, as if under pooled inhibition (Krotov & Hopfield 2021): with them integrated out CA3 cells excite each other
directly, and images that are like each other are still told apart. Marr 1971 and Treves & Rolls 1994 (Hippocampus
4:374) give the three stages these tasks; the numbers of cells are scaled down, in proportions of our choice.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.circuits.images import digits
from neuroam.circuits.visible_hidden import scaled_answer, similarity
from neuroam.connect import LogNormal, all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Softmax, Tanh, Winners
from neuroam.units import Hz, assumed, ms

RULES = {"hebb": "Σ_μ ξ_μ d_μᵀ / k", "delta": "ξᵀ D⁺, D the codes d_μ of all patterns"}


def mossy(patterns: np.ndarray, perforant: np.ndarray, winners: int, learning: str) -> np.ndarray:
    """G from the codes d_μ of the patterns in the dentate gyrus, the k most driven cells: Hebb's rule adds one
    exposure to the next, a delta rule corrects until each code gives its pattern, however much codes overlap."""
    drive = perforant @ patterns.T
    code = np.zeros_like(drive)
    np.put_along_axis(code, np.argsort(-drive, axis=0, kind="stable")[:winners], 1.0, axis=0)
    return patterns.T @ (code.T / winners if learning == "hebb" else np.linalg.pinv(code))


@recipe
def hippocampus(
    patterns: int = 20,
    cells: int = 200,
    granule: int = 1000,
    coding_level: float = 0.05,
    direct: float = 0.3,
    recurrent: float = 0.7,
    sharpness: float = 20.0,
    gain: float = 4.0,
    tau: Any = 20 * ms,
    tau_memory: Any = 5 * ms,
    pool: int = 100,
    ceiling: Any = 100 * Hz,
    learning: str = "hebb",
    images: str = "",
) -> Circuit:
    """`patterns` ±1 patterns over `cells` of EC and as many of CA3; `granule` cells in DG, of which `coding_level`
    answer.

    `direct` is w_EC, `recurrent` w, both relative to what the mossy fibres give for an intact cue; `sharpness` is β.
    With `recurrent` below 1 the mossy fibres can correct what CA3 guesses before they answer. `learning` of the mossy
    fibres is "hebb" or "delta". ``images="digits"`` stores the first `patterns` of scikit-learn's 8 × 8 digits. `pool`
    and `ceiling`: see `visible_hidden`.
    """
    if not 0 < coding_level < 1:
        raise DescriptionError(f"hippocampus: coding_level is {coding_level}; give a fraction between 0 and 1")
    for name, value in (("sharpness", sharpness), ("gain", gain)):
        if not 0 < value < np.inf:
            raise DescriptionError(f"hippocampus: {name} is {value}; it must be more than 0 and finite")
    for name, value in (("direct", direct), ("recurrent", recurrent)):
        if not np.isfinite(value):
            raise DescriptionError(f"hippocampus: {name} is {value}; give a finite strength, 0 for none")
    if learning not in RULES:
        raise DescriptionError(f"hippocampus: learning is {learning!r}; use one of {', '.join(RULES)}")
    if images not in ("", "digits"):
        raise DescriptionError(f"hippocampus: images is {images!r}; use 'digits', or nothing for random patterns")
    stored = digits(patterns, "CA3") if images else Patterns(patterns, cells, "CA3")
    cells, winners = stored.size, max(1, round(coding_level * granule))
    membrane = assumed(tau, "of the order of hippocampal membranes")
    remembered = Softmax(gain=assumed(sharpness / cells, "β/N, as the drive is N m"))
    recurrent_weights = Stored(functools.partial(scaled_answer, factor=recurrent), f"{recurrent:g} ξ_μi, back")
    return Circuit(
        name="hippocampus",
        source="after Marr 1971 and Treves & Rolls 1994; recurrent synapses as in Krotov & Hopfield 2021",
        populations=(
            Population("EC", cells, Drive(), "entorhinal input"),
            Population(
                "DG",
                granule,
                Rate(assumed(tau, "as CA3"), Winners(assumed(winners, "sparse, by inhibition"))),
                f"dentate granule cells, {100 * coding_level:g} % answer",
            ),
            Population(
                "CA3", cells, Rate(membrane, Tanh(gain=assumed(gain, "nearly binary, still graded"))), "pyramidal cells"
            ),
            Population(
                "memory",
                stored.number,
                Rate(assumed(tau_memory, "fast against CA3"), remembered),
                "the recurrent synapses of CA3",
            ),
        ),
        projections=(
            Projection(
                "EC",
                "DG",
                all_to_all(),
                LogNormal(assumed(1.0, "sets no scale: the most driven win"), 1.0),
                source="random, assumed log-normal",
            ),
            Projection("EC", "CA3", one_to_one(), assumed(direct, "weaker than the mossy fibres")),
            Projection(
                "DG",
                "CA3",
                all_to_all(),
                Stored(
                    functools.partial(mossy, winners=winners, learning=learning),
                    RULES[learning],
                    source=f"assumed: learned by {'one exposure each' if learning == 'hebb' else 'a delta rule'}",
                    after=("EC->DG",),
                ),
            ),
            Projection("CA3", "memory", all_to_all(), Stored(similarity, "ξ_μi, the stored patterns")),
            Projection("memory", "CA3", all_to_all(), recurrent_weights),
        ),
        ports={"cue": Port("EC", patterns=True)},
        patterns=stored,
        hidden=("DG", "memory"),
        pool=Pool(pool, assumed(ceiling, "of the order of peak cortical rates")),
    )
