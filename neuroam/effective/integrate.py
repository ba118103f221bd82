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

from dataclasses import dataclass, replace

import numpy as np

from neuroam.circuit import unknown
from neuroam.effective.adiabatic import listening_order
from neuroam.energy import dense_weights
from neuroam.errors import DescriptionError, Unsupported
from neuroam.neurons import LIF, Escape, Poisson, Rate
from neuroam.transfer import Exponential, Linear, Sign, Softmax, Transfer
from neuroam.wiring import Wired, WiredPopulation, WiredProjection

SWEEPS = 100


@dataclass(frozen=True, eq=False)
class EffectiveModel:
    """A circuit without its hidden neurons. States of the visible neurons are arrays (n_states, n); all methods take
    many at once, or one of shape (n,).

    `similarity` is S (n_hidden, n), `separation` f with the thresholds `hidden_threshold`, `projection` P (n,
    n_hidden), `lateral` L (n, n) or None, `activation` g with `threshold`, `tau` the visible time constant in seconds,
    `gain` (n,) what multiplies each visible cell's emission: 0 where it is silenced.
    """

    name: str
    similarity: np.ndarray
    separation: Transfer
    projection: np.ndarray
    activation: Transfer
    tau: float
    hidden_threshold: np.ndarray
    threshold: np.ndarray
    lateral: np.ndarray | None = None
    gain: np.ndarray | float = 1.0
    asymmetry: str = ""

    @property
    def size(self) -> int:
        return self.projection.shape[0]

    def emission(self, states: np.ndarray) -> np.ndarray:
        """g(v), 0 of silenced cells, same shape as `states`."""
        return self.activation(np.asarray(states, float).T, self._column(self.threshold, states)).T * self.gain

    def update(self, states: np.ndarray, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """The synchronous update v ← P f(S g(v)) + L g(v) + I, with I = `drive`."""
        states = self._checked(states)
        emitted = self.emission(states)
        similar = emitted @ self.similarity.T
        answer = self.separation(similar.T, self._column(self.hidden_threshold, states)).T
        total = answer @ self.projection.T + drive
        return total + emitted @ self.lateral.T if self.lateral is not None else total

    def flow(self, states: np.ndarray, duration: float, dt: float, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """Continuous dynamics τ dv/dt = −v + …, over `duration` in steps of `dt` seconds, each going the fraction
        1 − exp(−dt/τ) of the way to the update."""
        if not 0 < dt <= duration:
            raise DescriptionError(
                f"flow of {self.name}: dt is {dt:g} s for a duration of {duration:g} s; need 0 < dt ≤ duration"
            )
        states = self._checked(states)
        alpha = -np.expm1(-dt / self.tau)
        for _ in range(round(duration / dt)):
            states = states + (self.update(states, drive) - states) * alpha
        return states

    def settle(
        self, states: np.ndarray, drive: np.ndarray | float = 0.0, tolerance: float = 1e-12, most: int = 10_000
    ) -> tuple[np.ndarray, np.ndarray]:
        """Synchronous updates until no component moves by more than `tolerance`; the states and the number of updates
        each took (`most` where it did not settle), shape (n_states,)."""
        states = np.atleast_2d(self._checked(states))
        steps = np.full(len(states), most)
        for step in range(most):
            following = self.update(states, drive)
            moved = np.abs(following - states).max(axis=1)
            states = following
            steps[(moved <= tolerance) & (steps == most)] = step
            if (moved <= tolerance).all():
                break
        return states, steps

    def asynchronous(self, states: np.ndarray, rng: np.random.Generator, sweeps: int = SWEEPS) -> np.ndarray:
        """One neuron at a time, in an order drawn anew for each sweep, until a sweep changes nothing.

        A binary neuron (g = sign) takes the value of lower energy, which leaves out what it says to itself (Krotov &
        Hopfield 2016); a graded one takes the value its drive says.
        """
        states = np.array(np.atleast_2d(self._checked(states)))
        if isinstance(self.activation, Sign):
            return self._descend(np.where(states >= self.threshold, 1.0, -1.0), rng, sweeps)
        for _ in range(sweeps):
            before = states.copy()
            for i in rng.permutation(self.size):
                states[:, i] = self.update(states)[:, i]
            if np.allclose(before, states, rtol=0, atol=1e-12):
                break
        return states

    def _descend(self, states: np.ndarray, rng: np.random.Generator, sweeps: int) -> np.ndarray:
        self._refuse_energy()
        emitted = states * self.gain
        similar = emitted @ self.similarity.T
        theta = self._column(self.hidden_threshold, states)
        for _ in range(sweeps):
            changed = False
            for i in rng.permutation(self.size):
                flipped = similar - 2 * emitted[:, i : i + 1] * self.similarity[:, i]
                gain = (
                    self.separation.lagrangian(flipped.T, theta)
                    - self.separation.lagrangian(similar.T, theta)
                    - 2 * emitted[:, i] * (self._heard(emitted, i) - self.threshold[i])
                )
                better = gain > 0
                changed |= bool(better.any())
                states[better, i] *= -1
                emitted[better, i] *= -1
                similar[better] = flipped[better]
            if not changed:
                break
        return states

    def _heard(self, emitted: np.ndarray, i: int) -> np.ndarray | float:
        """What neuron i hears from the other visible ones."""
        return 0.0 if self.lateral is None else emitted @ self.lateral[i] - self.lateral[i, i] * emitted[:, i]

    def energy(self, states: np.ndarray, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """E of the formula above, shape (n_states,) or (). Raises `Unsupported` with the reason where there is none."""
        self._refuse_energy()
        states = self._checked(states)
        emitted = self.emission(states)
        own = self.activation.conjugate(emitted.T, self._column(self.threshold, states))
        shared = self.separation.lagrangian(self.similarity @ emitted.T, self._column(self.hidden_threshold, states))
        energy = own - shared - (emitted * drive).sum(axis=-1)
        if self.lateral is not None:
            energy = energy - 0.5 * (emitted * (emitted @ self.lateral.T)).sum(axis=-1)
        return energy

    def _refuse_energy(self) -> None:
        if self.asymmetry:
            raise Unsupported(f"{self.name} has no energy: {self.asymmetry}")

    def _checked(self, states: np.ndarray) -> np.ndarray:
        states = np.asarray(states, dtype=float)
        if states.ndim not in (1, 2) or states.shape[-1] != self.size:
            raise DescriptionError(
                f"states of {self.name} have shape {states.shape}; they need (n_states, {self.size})"
            )
        if not np.isfinite(states).all():
            raise DescriptionError(f"states of {self.name} hold NaN or infinity; give finite numbers")
        return states

    @staticmethod
    def _column(threshold: np.ndarray, states: np.ndarray) -> np.ndarray:
        return threshold if np.ndim(states) == 1 else threshold[:, None]


def integrate_out(wired: Wired, *hidden: str) -> EffectiveModel:
    """The effective model of a wired circuit without the populations `hidden` (by default those the circuit calls so).

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
    return _Reduction(wired, visible[0], order).model()


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
        memory, separation, factor = self._separation()
        lateral = self.joined.get((v, v))
        similarity, projection, above = self._without_lesioned(
            memory, separation, factor * dense_weights(self._between(memory, v), wired)
        )
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

    def _separation(self) -> tuple[int, Transfer, float]:
        """The hidden population that stores, its transfer function, and what multiplies its answers."""
        if len(self.order) == 1:
            memory = self.order[0]
            self._only({(self.visible, memory), (memory, self.visible)})
            if self._between(memory, self.visible).divisive:
                raise Unsupported(
                    f"{self.wired.populations[memory].name} divides what it projects to; integrate it out "
                    "together with the population it pools"
                )
            return memory, transfer_of(self.wired.populations[memory]), 1.0
        if len(self.order) == 2 and isinstance(transfer_of(self.wired.populations[self.order[0]]), Exponential):
            return self._divided(*self.order)
        names = ", ".join(self.wired.populations[p].name for p in self.order)
        raise Unsupported(
            f"{names} together are neither one storing population nor exponential cells under one interneuron "
            "that divides; run the circuit with Adiabatic(), which needs no closed form"
        )

    def _divided(self, memory: int, pool: int) -> tuple[int, Transfer, float]:
        """Exponential cells e, and an interneuron A = w₁ Σ e that divides their answers by 1 + w₂ A: a softmax whose
        silent competitor weighs 1/(w₁ w₂), times 1/(w₁ w₂); without that interneuron, exponential cells."""
        self._only({(self.visible, memory), (memory, self.visible), (memory, pool), (pool, self.visible)})
        wired, exponential = self.wired, transfer_of(self.wired.populations[memory])
        heard, divided = self._between(memory, pool), self._between(pool, self.visible)
        if wired.populations[pool].size != 1 or not divided.divisive or heard.layout != "uniform":
            raise Unsupported(
                f"{wired.populations[pool].name} must be one cell that hears all of "
                f"{wired.populations[memory].name} alike and divides; run the circuit with Adiabatic()"
            )
        if transfer_of(wired.populations[pool]) != Linear():
            raise Unsupported(
                f"{wired.populations[pool].name} must be Linear() to divide by a sum; run with Adiabatic()"
            )
        assert isinstance(exponential, Exponential)
        strength = float(heard.weight) * float(divided.weight) * float(exponential.gain)
        strength *= float(gains(wired.populations[pool])[0])
        if strength == 0:
            return memory, exponential, 1.0
        softmax = Softmax(float(exponential.slope), 1 / strength)
        return memory, softmax, float(exponential.gain) / strength

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
