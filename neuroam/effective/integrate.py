"""Integrating hidden neurons out of a wired circuit: similarity → separation → projection.

    h = S g(v)        similarity of the state with what each hidden neuron stores
    f(h)              separation of the similar from the dissimilar
    v' = P f(h) + L g(v) + I        projection of what survives, and what visible neurons tell each other

is the circuit with hidden neurons taken to be instantaneous (Krotov & Hopfield 2021, ICLR, arXiv 2008.06996). With
P = Sᵀ, L symmetric and both transfer functions gradients of Lagrangians, the state descends

    E(v) = Σ v·g(v) − L_v(v) − ½ g·L g − I·g − L_h(S g(v))

and no energy is offered where that symmetry is missing. A lesioned cell emits c times as much, c = 0 if it is silenced:
c g(v) and P c f(h). Silenced cells leave the energy where f looks at one cell at a time; of exponential cells any c is
another threshold, c e^{β(h−θ)} = e^{β(h−θ+ln(c)/β)}.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuroam.circuit import unknown
from neuroam.effective.adiabatic import listening_order
from neuroam.effective.model import EffectiveModel
from neuroam.energy import dense_weights
from neuroam.errors import Unsupported
from neuroam.neurons import LIF, Escape, Poisson, Rate
from neuroam.transfer import Exponential, Linear, Softmax, Transfer
from neuroam.wiring import Wired, WiredPopulation, WiredProjection


def integrate_out(wired: Wired, *hidden: str, dtype: str = "float64") -> EffectiveModel:
    """The effective model of a wired circuit without the populations `hidden` (by default those the circuit calls so),
    in double or single precision, `dtype` "float64" or "float32".

    One population that hears the visible one and answers it, or such a population together with the interneuron that
    divides its answers, which is a softmax. Raises `Unsupported`, with the reason and a cure, for anything else.
    """
    names = hidden or wired.hidden
    order = listening_order(wired, tuple(names))
    visible = [p for p, population in enumerate(wired.populations) if p not in order and not population.is_input]
    if len(visible) != 1:
        left = ", ".join(wired.populations[p].name for p in visible) or "none"
        raise Unsupported(
            f"integrating out {', '.join(names)} of circuit {wired.name!r} leaves {left}; an effective model has "
            "one visible population: integrate out the others too, or run the circuit with Adiabatic()"
        )
    for p in (*visible, *order):
        _refuse(wired, p)
    model = _Reduction(wired, visible[0], order).model()
    return model if dtype == model.dtype else replace(model, dtype=dtype)


def _refuse_input(wired: Wired, q: WiredProjection, visible: int, order: tuple[int, ...]) -> None:
    if not wired.populations[q.pre].is_input or _says_nothing(wired, q):
        return
    if q.post in order:
        raise Unsupported(
            f"projection {q.name} is an input to what is integrated out, and an effective model hears inputs in its "
            "visible population alone; block it with Scale(…, 0), or run the circuit with Adiabatic()"
        )
    if q.post == visible and (q.divisive or q.reversal is not None):
        raise Unsupported(
            f"projection {q.name} {'divides' if q.divisive else 'is a conductance'}, and inputs of an effective model "
            "add; make it additive, or run the circuit with Adiabatic()"
        )


def _says_nothing(wired: Wired, q: WiredProjection) -> bool:
    return not (np.any(q.weight) and np.any(wired.populations[q.pre].gain))


def _refuse(wired: Wired, p: int) -> None:
    population = wired.populations[p]
    if isinstance(population.neuron, Poisson):
        raise Unsupported(
            f"population {population.name!r} spikes and owns no rate curve; make its cells LIF, Escape or Rate"
        )
    for q in wired.projections:
        if p not in (q.pre, q.post) or wired.populations[q.pre].is_input:
            continue
        if q.plasticity is not None:
            raise Unsupported(
                f"projection {q.name} is plastic, so what is integrated out would change while it runs; block its "
                "plasticity first (BlockPlasticity), or use Numba()"
            )
        if q.reversal is not None:
            raise Unsupported(
                f"projection {q.name} is a conductance, and what an effective model adds up does not depend on the "
                "potential; leave its reversal potential out"
            )
        if q.delay > 0:
            raise Unsupported(
                f"projection {q.name} has a delay of {q.delay:g} s; an effective model has none: use Adiabatic()"
            )


class _Reduction:
    """The visible population, the hidden ones, and the projections that join them."""

    def __init__(self, wired: Wired, visible: int, order: tuple[int, ...]) -> None:
        self.wired, self.visible, self.order = wired, visible, order
        joined = {(q.pre, q.post): q for q in wired.projections if not wired.populations[q.pre].is_input}
        self.joined = joined

    def model(self) -> EffectiveModel:
        wired, v = self.wired, self.visible
        memory, separation, factor, divides = self._separation()
        for q in wired.projections:
            _refuse_input(wired, q, v, self.order)
        lateral = self.joined.get((v, v))
        similarity, projection, above = self._without_lesioned(
            memory, separation, factor * dense_weights(self._between(memory, v), wired)
        )
        if not (projection.any() or divides):  # who says nothing has no part in the energy
            similarity = np.zeros(similarity.shape)
        neuron, population = wired.populations[v].neuron, wired.populations[v]
        model = EffectiveModel(
            f"{wired.name} without {', '.join(wired.populations[p].name for p in self.order)}",
            similarity,
            separation,
            projection,
            transfer_of(population),
            float(neuron.tau),  # type: ignore[union-attr]
            above,
            thresholds(population),
            dense_weights(lateral, wired) if lateral is not None else None,
            gains(population),
            divides,
        )
        return replace(model, asymmetry=self._asymmetry(model))

    def _without_lesioned(
        self, memory: int, separation: Transfer, projection: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """S, P and the thresholds of the hidden neurons with what multiplies their emissions taken in."""
        population = self.wired.populations[memory]
        similarity = dense_weights(self._between(self.visible, memory), self.wired)
        emission, above, transfer = gains(population), thresholds(population), transfer_of(population)
        if (emission == 1).all():
            return similarity, projection, above
        if isinstance(transfer, Exponential) and (emission >= 0).all():
            with np.errstate(divide="ignore"):
                return similarity, projection, above - np.log(emission) / float(transfer.slope)
        if not separation.layerwise or not emission.any():
            similarity = np.where(emission[:, None] == 0, 0.0, similarity)
        return similarity, projection * emission, above

    def _between(self, pre: int, post: int) -> WiredProjection:
        names = [p.name for p in self.wired.populations]
        if (pre, post) not in self.joined:
            known = [f"{names[a]}->{names[b]}" for a, b in self.joined]
            raise Unsupported(
                f"nothing to integrate out: {unknown('projection', f'{names[pre]}->{names[post]}', known)}"
            )
        return self.joined[pre, post]

    def _separation(self) -> tuple[int, Transfer, float, bool]:
        """The hidden population that stores, its transfer function, what multiplies its answers, and whether what else
        visible neurons hear is divided with them."""
        if len(self.order) == 1:
            memory = self.order[0]
            self._only({(self.visible, memory), (memory, self.visible)})
            if self._between(memory, self.visible).divisive:
                raise Unsupported(
                    f"{self.wired.populations[memory].name} divides what it projects to; integrate it out "
                    "together with the population it pools"
                )
            self._adds()
            return memory, transfer_of(self.wired.populations[memory]), 1.0, False
        if len(self.order) == 2 and isinstance(transfer_of(self.wired.populations[self.order[0]]), Exponential):
            return self._divided(*self.order)
        names = ", ".join(self.wired.populations[p].name for p in self.order)
        raise Unsupported(
            f"{names} together are neither one storing population nor exponential cells under one interneuron "
            "that divides; run the circuit with Adiabatic(), which needs no closed form"
        )

    def _divided(self, memory: int, pool: int) -> tuple[int, Transfer, float, bool]:
        """Exponential cells e, and an interneuron A = w₁ Σ e that divides their answers by 1 + w₂ A: a softmax whose
        silent competitor weighs 1/(w₁ w₂), times 1/(w₁ w₂); without that interneuron, exponential cells."""
        self._only({(self.visible, memory), (memory, self.visible), (memory, pool), (pool, self.visible)})
        self._adds((pool, self.visible))
        wired, exponential = self.wired, transfer_of(self.wired.populations[memory])
        heard, divided = self._between(memory, pool), self._between(pool, self.visible)
        alike = heard.layout == divided.layout == "uniform"
        if wired.populations[pool].size != 1 or not divided.divisive or not alike:
            raise Unsupported(
                f"{wired.populations[pool].name} must be one cell that hears all of "
                f"{wired.populations[memory].name} alike and divides all of {wired.populations[self.visible].name} "
                "alike; run the circuit with Adiabatic()"
            )
        if transfer_of(wired.populations[pool]) != Linear() or np.any(thresholds(wired.populations[pool])):
            raise Unsupported(
                f"{wired.populations[pool].name} must be Linear() to divide by a sum; run with Adiabatic()"
            )
        assert isinstance(exponential, Exponential)
        strength = float(heard.weight) * float(divided.weight) * float(exponential.gain)
        strength *= float(gains(wired.populations[pool])[0])
        if strength == 0:
            return memory, exponential, 1.0, False
        if strength < 0:
            raise Unsupported(
                f"{wired.populations[pool].name} divides by 1 + {strength:g} Σ r, which is no softmax; make the "
                f"weights of {heard.name} and {divided.name} positive, or run the circuit with Adiabatic()"
            )
        softmax = Softmax(float(exponential.slope), 1 / strength)
        return memory, softmax, float(exponential.gain) / strength, True

    def _adds(self, *divides: tuple[int, int]) -> None:
        """Refuse projections that divide, but for those of the pairs `divides`."""
        for pair, q in self.joined.items():
            if q.divisive and pair not in divides and not _says_nothing(self.wired, q):
                raise Unsupported(
                    f"projection {q.name} divides, and an effective model adds it up; make it additive, or run the "
                    "circuit with Adiabatic()"
                )

    def _only(self, allowed: set[tuple[int, int]]) -> None:
        """Refuse projections for which the effective model has no place."""
        names = [p.name for p in self.wired.populations]
        for pair, q in self.joined.items():
            if pair not in allowed and pair != (self.visible, self.visible):
                raise Unsupported(
                    f"projection {q.name} has no place once {', '.join(names[p] for p in self.order)} "
                    f"{'is' if len(self.order) == 1 else 'are'} integrated out; absorb {names[q.pre]} first by "
                    "naming it too, or run the circuit with Adiabatic()"
                )

    def _asymmetry(self, model: EffectiveModel) -> str:
        """Why there is no energy; empty where there is one."""
        visible, memory = (self.wired.populations[p] for p in (self.visible, self.order[0]))
        folded = isinstance(transfer_of(memory), Exponential)
        for population in (visible,) if folded else (visible, memory):
            if not _whole(population):
                return (
                    f"the emission of {population.name} is scaled or silenced in part, so it is not the gradient of "
                    "its Lagrangian; silence all of it or none, or do without an energy"
                )
        if not np.allclose(model.projection, model.similarity.T, rtol=1e-12, atol=0):
            return (
                "the projection back to the visible neurons is not the transpose of the similarity; make the synapses "
                "symmetric, or do without an energy"
            )
        if model.divides and model.lateral is not None and model.lateral.any():
            return "what visible neurons tell each other is divided; leave it out, or do without an energy"
        if model.lateral is not None and not np.array_equal(model.lateral, model.lateral.T):
            return "the lateral synapses are not symmetric; make them so, or do without an energy"
        for transfer in (model.activation, model.separation):
            if not transfer.has_energy:
                return (
                    f"the transfer function {type(transfer).__name__} has no Lagrangian in closed form; use one "
                    f"that is "
                    "the gradient of one"
                )
        return ""


def transfer_of(population: WiredPopulation) -> Transfer:
    """g of any neuron that has one: the rate curve a spiking neuron owns."""
    neuron = population.neuron
    if isinstance(neuron, LIF):
        return neuron.curve
    assert isinstance(neuron, (Rate, Escape))
    return neuron.transfer


def thresholds(population: WiredPopulation) -> np.ndarray:
    """Thresholds on the axis of the drive; of cells silenced by one out of reach, that of their transfer function."""
    neuron = population.neuron
    given = population.threshold - (float(neuron.rest) if isinstance(neuron, LIF) else 0.0)
    return np.where(_out_of_reach(population), float(transfer_of(population).threshold), given)


def gains(population: WiredPopulation) -> np.ndarray:
    """What multiplies the emission of each cell, 0 of silenced ones, shape (n,)."""
    return np.where(_out_of_reach(population), 0.0, population.gain)


def _out_of_reach(population: WiredPopulation) -> np.ndarray:
    return np.isposinf(population.threshold) & (not transfer_of(population).layerwise)


def _whole(population: WiredPopulation) -> bool:
    """Whether each cell that emits does so as its transfer function says, and does not hear of those that do not."""
    emission = gains(population)
    alike = (emission == emission[0]).all() or not transfer_of(population).layerwise
    return bool(np.isin(emission, (0.0, 1.0)).all() and alike)
