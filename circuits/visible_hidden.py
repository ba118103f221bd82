"""Visible and hidden neurons joined by two-body synapses: the circuit that dense associative memories reduce to.

    τ_v dv_i/dt = −v_i + Σ_μ ξ_μi f_μ + I_i          τ_h dh_μ/dt = −h_μ + Σ_i ξ_μi g_i          g = ∂L_v/∂v, f = ∂L_h/∂h

Hidden (memory) neuron μ hears how much the visible state is like pattern μ, and answers with that pattern (Krotov &
Hopfield 2021, ICLR, arXiv 2008.06996). With h/N = m the overlap, the models differ in the two transfer functions:

    classical     A   g = tanh(gain v)     f = m, autapses removed        Hopfield 1984
    polynomial    A   g = tanh(gain v)     f = [m]₊ⁿ⁻¹                    energy −Σ mⁿ/n
    exponential   A   g = tanh(gain v)     f = exp(β (m − 1))
    softmax       B   g = v                f = softmax(β m)               one step is attention (Ramsauer et al. 2020)
    spherical     C   g = √N v/|v|         f = [m]₊ⁿ⁻¹
    sparse            g = the fN winners   f = m, less mean autapse       0/1 patterns, weights ξ − f (Tsodyks &
                                                                          Feigelman 1988)

All sparse cells lose the same, P f(1 − f)/N. Of the autapse of one that is active in k patterns (1 − 2f)(k − Pf)/N
is left.

In the softmax memory with a body no cell knows the sum over the others: memory neurons are exponential, exp(β (m − 1)),
and one interneuron that hears them all divides what the visible neurons receive, by 1 + Σ w r. With its time constant
→ 0 that is a softmax with a silent competitor (`ghost`) of weight 1/w. A slow interneuron lets exponentials run away.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.circuits.images import digits
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Exponential, Linear, Power, Rectified, Sign, Softmax, Spherical, Tanh, Transfer, Winners
from neuroam.units import Hz, assumed, cited, ms

KROTOV = "Krotov & Hopfield 2021, arXiv 2008.06996"
SHARPNESS = {"exponential": 5.0, "softmax": 20.0, "softmax with a body": 10.0}
TSODYKS = "Tsodyks & Feigelman 1988, Europhys Lett 6:101"
BINARY = ("classical", "polynomial", "exponential")  # models whose visible neurons may be binary
MODELS = ("classical", "polynomial", "exponential", "softmax", "softmax with a body", "spherical", "sparse")


def similarity(patterns: np.ndarray) -> np.ndarray:
    """S = ξ."""
    return patterns


def answer(patterns: np.ndarray) -> np.ndarray:
    """P = ξᵀ, the same numbers in memory."""
    return patterns.T


def scaled_answer(patterns: np.ndarray, factor: float) -> np.ndarray:
    """P = w ξᵀ."""
    return factor * patterns.T


def centred(patterns: np.ndarray, level: float) -> np.ndarray:
    """S = ξ − f."""
    return patterns - level


def centred_answer(patterns: np.ndarray, level: float) -> np.ndarray:
    """P = (ξ − f)ᵀ."""
    return centred(patterns, level).T


def hidden_transfer(model: str, cells: int, power: int, sharpness: float) -> Transfer:
    """f of the hidden neurons, whose drive is h = N m."""
    if model in ("classical", "sparse"):
        return Linear(gain=assumed(1 / cells, "so that f = m"))
    if model in ("polynomial", "spherical"):
        if power == 2:
            return Rectified(gain=assumed(1 / cells, "so that f = [m]₊"))
        return Power(gain=assumed(cells**(1.0 - power), "so that f = [m]₊ⁿ⁻¹"), power=power - 1)
    beta = assumed(sharpness / cells, "β/N, as the drive is N m")
    return Softmax(gain=beta) if model == "softmax" else Exponential(slope=beta, threshold=float(cells))


def visible_transfer(model: str, cells: int, gain: float, level: float) -> Transfer:
    """g of the visible neurons."""
    if model == "sparse":
        return Winners(assumed(max(1, round(level * cells)), "as many winners as active cells in a pattern"))
    if model.startswith("softmax"):
        return Linear()
    if model == "spherical":
        return Spherical(gain=assumed(cells**0.5, "so that emissions are of the order of 1"))
    return Sign() if math.isinf(gain) else Tanh(gain=assumed(gain, "nearly binary, still graded"))


@recipe
def visible_hidden(patterns: int = 20, cells: int = 100, model: str = "softmax", power: int = 3,
                   sharpness: float | None = None, gain: float = 10.0, level: float = 0.5, tau_visible: Any = 20 * ms,
                   tau_hidden: Any = 5 * ms, tau_pool: Any = 2 * ms, competition: float = 1000.0, pool: int = 100,
                   ceiling: Any = 100 * Hz, images: str = "") -> Circuit:
    """`patterns` random ±1 patterns (P(+1) = `level`) over `cells` visible neurons, one hidden neuron a pattern.

    `model` is one of the above; `power` is n, `sharpness` β (if not given, one at which a cue with 20 % of its signs
    flipped is completed), `gain` that of the visible neurons (infinite: they are binary). `competition` is w of the
    body, `tau_pool` its time constant: with 3 ms it no longer recalls, and with 4 ms and more it diverges. `pool`
    escape-rate neurons with hazard `ceiling` for an emission of 1 stand for one graded neuron at the spiking level.
    ``images="digits"`` stores the first `patterns` of scikit-learn's 8 × 8 digits. Patterns of your own:
    ``replace(circuit, patterns=given(array), recipe=None)``.
    """
    sharpness = SHARPNESS.get(model, 1.0) if sharpness is None else float(sharpness)
    _check(model, power=(power, 2), sharpness=(sharpness, 0), gain=(gain, 0), competition=(competition, 0))
    _check_finite(power=power, sharpness=sharpness, competition=competition)
    stored = _stored(model, patterns, cells, level, images)
    body = model == "softmax with a body"
    membrane = assumed(tau_visible, "of the order of cortical membranes; the theory names none")
    fast = assumed(tau_hidden, "a quarter of the visible one; the theory takes it to 0")
    populations = [
        Population("cue", stored.size, Drive(), "what is presented"),
        Population("visible", stored.size, Rate(membrane, visible_transfer(model, stored.size, gain, level)),
                   "features"),
        Population("memory", stored.number, Rate(fast, hidden_transfer(model, stored.size, power, sharpness)),
                   "one hidden neuron a pattern"),
    ]
    back = Stored(answer, "ξ_μi, the same synapses back", source=KROTOV)
    if body:
        back = Stored(functools.partial(scaled_answer, factor=competition), f"{competition:g} ξ_μi", source=KROTOV)
    there = Stored(similarity, "ξ_μi, the stored patterns", source=KROTOV)
    if model == "sparse":
        there = Stored(functools.partial(centred, level=level), "ξ_μi − f", source=TSODYKS)
        back = Stored(functools.partial(centred_answer, level=level), "ξ_μi − f, the same synapses back",
                      source=TSODYKS)
    projections = [
        Projection("cue", "visible", one_to_one(), assumed(1.0, "as strong as the answer of one memory")),
        Projection("visible", "memory", all_to_all(), there),
        Projection("memory", "visible", all_to_all(), back),
    ]
    if model in ("classical", "sparse"):
        own = stored.number / stored.size * (level * (1 - level) if model == "sparse" else 1.0)
        which = "on average" if model == "sparse" else "Hopfield 1982"
        projections.append(Projection("visible", "visible", one_to_one(), cited(-own, f"no autapses ({which})")))
    if body:
        populations.append(Population("pool", 1, Rate(assumed(tau_pool, "a fast interneuron"), Linear()),
                                      "one interneuron that hears all hidden neurons"))
        projections += [Projection("memory", "pool", all_to_all(), assumed(1.0, "by definition of its unit")),
                        Projection("pool", "visible", all_to_all(),
                                   assumed(competition, "far above 1, so that it divides by the sum"), acts="divisive")]
    return Circuit(
        name=f"visible and hidden neurons, {model}",
        source=KROTOV,
        populations=tuple(populations),
        projections=tuple(projections),
        ports={"cue": Port("cue", patterns=True)},
        patterns=stored,
        hidden=("memory", "pool") if body else ("memory",),
        updates="asynchronous" if math.isinf(gain) and model in BINARY else "continuous",
        pool=Pool(pool, assumed(ceiling, "of the order of peak cortical rates"), low=_low(model),
                  graded=("pool",)),
    )


def _check(model: str, **numbers: tuple[float, float]) -> None:
    if model not in MODELS:
        raise DescriptionError(f"visible_hidden: model is {model!r}; use one of {', '.join(MODELS)}")
    for name, (value, least) in numbers.items():
        if not value >= least or value == 0:
            rule = f"at least {least:g}" if least else "more than 0"
            raise DescriptionError(f"visible_hidden: {name} is {value}; it must be {rule}")


def _check_finite(**numbers: float) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise DescriptionError(f"visible_hidden: {name} is {value}; give a finite number")


def _stored(model: str, patterns: int, cells: int, level: float, images: str) -> Patterns:
    if model == "sparse" and not images:
        return Patterns(patterns, cells, "visible", "binary", level, exact=True)
    if images == "digits" and model != "sparse":
        return digits(patterns)
    if images:
        raise DescriptionError(f"visible_hidden: images is {images!r}; use 'digits' (not with sparse patterns), or "
                               "nothing for random patterns")
    return Patterns(patterns, cells, "visible", "sign", level)


def _low(model: str) -> tuple[tuple[str, float], ...]:
    """The least emission that a pool of spiking cells must code."""
    if model in ("classical", "sparse"):
        return ("visible", -1.0 if model == "classical" else 0.0), ("memory", -1.0)
    if model == "spherical":
        return (("visible", -2.0),)
    return (("visible", -2.5),) if model.startswith("softmax") else ()
