"""Models of visible neurons alone, v ← P f(S g(v)) + L g(v) + I, as `neuroam.effective.integrate` makes them: update,
flow, descent and energy of many states at once.

Where an interneuron that divides has made f a softmax with a silent competitor, it divides all that visible neurons
hear: v ← P f + (1 − Σ f)(L g + I), 1 − Σ f being the competitor's share. With an I or L that is no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from neuroam.effective.stepping import Descent, Steps
from neuroam.errors import DescriptionError, Unsupported
from neuroam.transfer import Sign, Transfer

SWEEPS = 100
DTYPES = "float64", "float32"
WHOLE = 1e-6  # of a step: how far from a whole number of them a duration may be


@dataclass(frozen=True, eq=False)
class EffectiveModel:
    """A circuit without its hidden neurons. States of the visible neurons are arrays (n_states, n); all methods take
    many at once, or one of shape (n,).

    `similarity` is S (n_hidden, n), `separation` f with the thresholds `hidden_threshold`, `projection` P (n,
    n_hidden), `lateral` L (n, n) or None, `activation` g with `threshold`, `tau` the visible time constant in seconds,
    `gain` (n,) what multiplies each visible cell's emission: 0 where it is silenced. `divides`: what visible neurons
    hear otherwise is divided as well. `dtype`, "float64" or "float32", is that of all arrays and results.
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
    dtype: str = "float64"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise DescriptionError(f"effective model {self.name}: dtype is {self.dtype!r}; use 'float64' or 'float32'")
        for name in ("similarity", "projection", "hidden_threshold", "threshold", "lateral", "gain"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, np.asarray(value, self.dtype))

    @property
    def size(self) -> int:
        return self.projection.shape[0]

    def emission(self, states: np.ndarray) -> np.ndarray:
        """g(v), 0 of silenced cells, same shape as `states`."""
        return self.activation(np.asarray(states, self.dtype).T, self._column(self.threshold, states)).T * self.gain

    def update(self, states: np.ndarray, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """The synchronous update v ← P f(S g(v)) + L g(v) + I, with I = `drive`: one number, (n,) or as `states`."""
        steps, shape = self._steps(states, drive)
        with threadpool_limits(1):
            steps.hear()
        return _rows(steps.heard, shape)

    def flow(self, states: np.ndarray, duration: float, dt: float, drive: np.ndarray | float = 0.0) -> np.ndarray:
        """Continuous dynamics τ dv/dt = −v + …, over `duration`, a whole number of steps of `dt` seconds, each going
        the fraction 1 − exp(−dt/τ) of the way to the update."""
        if not 0 < dt <= duration < np.inf:
            raise DescriptionError(
                f"flow of {self.name}: dt is {dt:g} s for a duration of {duration:g} s; need 0 < dt ≤ duration < ∞"
            )
        number = duration / dt
        if abs(number - round(number)) > WHOLE:
            raise DescriptionError(
                f"flow of {self.name}: a duration of {duration:g} s is {number:.6g} steps of {dt:g} s; give a whole "
                f"number of steps, such as dt={duration / np.ceil(number):.6g}"
            )
        steps, shape = self._steps(states, drive)
        with threadpool_limits(1):
            for _ in range(round(number)):
                steps.flow(-np.expm1(-dt / self.tau))
        return _rows(steps.state, shape)

    def settle(
        self, states: np.ndarray, drive: np.ndarray | float = 0.0, tolerance: float | None = None, most: int = 10_000
    ) -> tuple[np.ndarray, np.ndarray]:
        """Synchronous updates until no component moves by more than `tolerance` (1e-12, in single precision 1e-5); the
        states and the number of updates each took (`most` where it did not settle), shape (n_states,)."""
        if tolerance is None:
            tolerance = 1e-12 if self.dtype == "float64" else 1e-5
        steps, shape = self._steps(np.atleast_2d(states), drive)
        counts = np.zeros(shape[0], np.int64)
        with threadpool_limits(1):
            for _ in range(most):
                if not steps.settle(tolerance, counts):
                    break
        return _rows(steps.state, shape), counts

    def asynchronous(self, states: np.ndarray, rng: np.random.Generator, sweeps: int = SWEEPS) -> np.ndarray:
        """One neuron at a time, in an order drawn anew for each sweep, until a sweep changes nothing.

        A binary neuron (g = sign) takes the value of lower energy, which leaves out what it says to itself (Krotov &
        Hopfield 2016); a graded one takes the value its drive says.
        """
        states = self._checked(np.atleast_2d(states))
        if not isinstance(rng, np.random.Generator):
            raise DescriptionError(f"asynchronous updates of {self.name}: rng is {rng!r}; give a numpy Generator, such "
                                   "as np.random.default_rng(1)")
        binary = isinstance(self.activation, Sign)
        if binary:
            self._refuse_energy()
            states = np.where(states >= self.threshold, 1.0, -1.0)
        steps, shape = self._steps(states, 0.0)
        with threadpool_limits(1):
            (self._descend if binary else self._follow)(steps, rng, sweeps)
        return _rows(steps.state, shape)

    def _descend(self, steps: Steps, rng: np.random.Generator, sweeps: int) -> None:
        descent = Descent(steps)
        for _ in range(sweeps):
            changed = False
            for i in rng.permutation(self.size):
                changed |= descent.flip(i)
            if not changed:
                break

    def _follow(self, steps: Steps, rng: np.random.Generator, sweeps: int) -> None:
        before = np.empty_like(steps.state)
        for _ in range(sweeps):
            np.copyto(before, steps.state)
            for i in rng.permutation(self.size):
                steps.hear()
                np.copyto(steps.state[i], steps.heard[i])
            if not steps.measure(before, 1e-12 if self.dtype == "float64" else 1e-5):
                break

    def _steps(self, states: np.ndarray, drive: np.ndarray | float) -> tuple[Steps, tuple[int, ...]]:
        """Arrays for states, one or many, and the shape they have."""
        states = self._checked(states)
        drive = self._heard_from_outside(drive, states)
        return Steps(self, np.atleast_2d(states), drive), states.shape

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
        drive = np.asarray(drive, self.dtype)
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
        states = np.asarray(states, self.dtype)
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


def _rows(columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One row a state, or one state alone."""
    return np.ascontiguousarray(columns.T).reshape(shape)
