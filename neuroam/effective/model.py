"""Models of visible neurons alone, v ← P f(S g(v)) + L g(v) + I, as `neuroam.effective.integrate` makes them: update,
flow, descent and energy of many states at once.

Where an interneuron that divides has made f a softmax with a silent competitor, it divides all that visible neurons
hear: v ← P f + (1 − Σ f)(L g + I), 1 − Σ f being the competitor's share. With an I or L that is no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.errors import DescriptionError, Unsupported
from neuroam.transfer import Sign, Transfer

SWEEPS = 100


@dataclass(frozen=True, eq=False)
class EffectiveModel:
    """A circuit without its hidden neurons. States of the visible neurons are arrays (n_states, n); all methods take
    many at once, or one of shape (n,).

    `similarity` is S (n_hidden, n), `separation` f with the thresholds `hidden_threshold`, `projection` P (n,
    n_hidden), `lateral` L (n, n) or None, `activation` g with `threshold`, `tau` the visible time constant in seconds,
    `gain` (n,) what multiplies each visible cell's emission: 0 where it is silenced. `divides`: what visible neurons
    hear otherwise is divided as well.
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
    divides: bool = False
    asymmetry: str = ""

    @property
    def size(self) -> int:
        return self.projection.shape[0]

    def emission(self, states: np.ndarray) -> np.ndarray:
        """g(v), 0 of silenced cells, same shape as `states`."""
        return self.activation(np.asarray(states, float).T, self._column(self.threshold, states)).T * self.gain

    def update(self, states: np.ndarray, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """The synchronous update v ← P f(S g(v)) + L g(v) + I, with I = `drive`: one number, (n,) or as `states`."""
        states = self._checked(states)
        drive = self._heard_from_outside(drive, states)
        emitted = self.emission(states)
        similar = emitted @ self.similarity.T
        answer = self.separation(similar.T, self._column(self.hidden_threshold, states)).T
        others = drive + emitted @ self.lateral.T if self.lateral is not None else drive
        if self.divides:
            others = others * (1 - answer.sum(axis=-1, keepdims=True))
        return answer @ self.projection.T + others

    def flow(self, states: np.ndarray, duration: float, dt: float, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """Continuous dynamics τ dv/dt = −v + …, over `duration` in steps of `dt` seconds, each going the fraction
        1 − exp(−dt/τ) of the way to the update."""
        if not 0 < dt <= duration < np.inf:
            raise DescriptionError(
                f"flow of {self.name}: dt is {dt:g} s for a duration of {duration:g} s; need 0 < dt ≤ duration < ∞"
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
        if not isinstance(rng, np.random.Generator):
            raise DescriptionError(f"asynchronous updates of {self.name}: rng is {rng!r}; give a numpy Generator, such "
                                   "as np.random.default_rng(1)")
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
        drive = self._heard_from_outside(drive, states)
        if self.divides and drive.any():
            raise Unsupported(
                f"{self.name} has no energy under a drive, which its interneuron divides; leave the drive out"
            )
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

    def _heard_from_outside(self, drive: np.ndarray | float, states: np.ndarray) -> np.ndarray:
        drive = np.asarray(drive, dtype=float)
        fits = drive.ndim <= states.ndim and all(
            a in (1, b) for a, b in zip(drive.shape[::-1], states.shape[::-1], strict=False)
        )
        if not fits:
            raise DescriptionError(
                f"drive of {self.name} has shape {drive.shape}; give one number, one for each visible cell, "
                f"({self.size},), or the shape of the states, {states.shape}"
            )
        if not np.isfinite(drive).all():
            raise DescriptionError(f"drive of {self.name} holds NaN or infinity; give finite numbers")
        return drive

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
