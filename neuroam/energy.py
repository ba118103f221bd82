"""The energy of a graded circuit whose synapses are symmetric (Krotov & Hopfield 2021, ICLR, arXiv 2008.06996).

    E = Σ_A [ x_A·r_A − L_A(x_A) − I_A·r_A ] − Σ_pairs r_post·W r_pre − ½ Σ_lateral r·W r,     r_A = ∇L_A(x_A)

falls along every trajectory, whatever the time constants, if each projection has its transpose and each Lagrangian L
is convex. x·r − L(x) is the Legendre transform L*(r), so E follows from emissions alone, and a recording of them is
enough. A silenced cell emits 0 whatever its state, and has no part in E, which is that of the circuit without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.errors import Unsupported
from neuroam.neurons import Drive, Rate
from neuroam.session import Session
from neuroam.solvers.base import Outcome
from neuroam.transfer import Sign, Winners
from neuroam.wiring import Wired, WiredPopulation, WiredProjection


@dataclass(frozen=True, eq=False)
class Energy:
    """The energy of one wired circuit: each pair of transposed projections once, lateral ones with weight ½, and the
    projections from input populations."""

    wired: Wired
    pairs: tuple[int, ...]
    lateral: tuple[int, ...]
    inputs: tuple[int, ...]

    def __call__(self, emissions: dict[int, np.ndarray]) -> np.ndarray:
        """Energy of emissions (n_cells, n_states) of every population by its position, shape (n_states,)."""
        total = np.zeros(next(iter(emissions.values())).shape[1])
        for p, population in enumerate(self.wired.populations):
            if isinstance(population.neuron, Rate) and population.gain.any():  # of one silenced cell L*(0) is 0
                total += population.neuron.transfer.conjugate(emissions[p], population.threshold[:, None])
        for chosen, share in ((self.pairs, 1.0), (self.lateral, 0.5), (self.inputs, 1.0)):
            for q in chosen:
                row = self.wired.projections[q]
                total -= share * np.einsum("it,it->t", emissions[row.post], _delivered(row, self.wired, emissions))
        return total


def energy_of(wired: Wired) -> Energy:
    """The energy, or `Unsupported` with the reason why the circuit has none."""
    for population in wired.populations:
        _refuse_cells(population)
    pairs, lateral, inputs = [], [], []
    for q, row in enumerate(wired.projections):
        if row.divisive or row.delay > 0 or row.plasticity is not None:
            why = "divides" if row.divisive else "is delayed" if row.delay > 0 else "is plastic"
            raise Unsupported(
                f"circuit {wired.name!r} has no energy: projection {row.name} {why}; ask for one of a "
                "circuit with additive, immediate and constant synapses"
            )
        if wired.populations[row.pre].is_input:
            inputs.append(q)
            continue
        back = _transpose_of(wired, q)
        if back == q:
            _refuse_jumps(wired, row)
            lateral.append(q)
        elif back > q:
            pairs.append(q)
    return Energy(wired, tuple(pairs), tuple(lateral), tuple(inputs))


def _refuse_cells(population: WiredPopulation) -> None:
    name, neuron = population.name, population.neuron
    if isinstance(neuron, Drive):
        return
    if not isinstance(neuron, Rate):
        cure = "drive the circuit through Drive() cells" if population.is_input else "ask for it at the rate level"
        raise Unsupported(f"no energy: the cells of {name!r} spike; {cure}")
    if not neuron.transfer.has_energy:
        raise Unsupported(
            f"no energy: the transfer function {type(neuron.transfer).__name__} of {name!r} has no "
            "Lagrangian in closed form; use one that is the gradient of one, such as Rectified or Tanh"
        )
    in_part = neuron.transfer.layerwise and np.any(population.gain != population.gain[0])
    if in_part or not np.isin(population.gain, (0.0, 1.0)).all():
        how = "silenced in part, and its cells look at each other" if in_part else "scaled"
        raise Unsupported(
            f"no energy: the emission of {name!r} is {how}, so it is not the gradient of its Lagrangian; silence whole "
            "populations, or single cells of one whose transfer function looks at each cell alone"
        )


def _refuse_jumps(wired: Wired, row: WiredProjection) -> None:
    """Cells whose emission jumps may jump together, and what they say to each other then raises the energy."""
    population = wired.populations[row.post]
    if isinstance(population.neuron, Rate) and isinstance(population.neuron.transfer, (Sign, Winners)):
        raise Unsupported(
            f"circuit {wired.name!r} has no energy: the emission of {population.name!r} jumps, and {row.name} joins "
            "its cells; use graded cells, such as Tanh"
        )


def _transpose_of(wired: Wired, q: int) -> int:
    """Position of the projection with the transposed weights; refuses where there is none."""
    row = wired.projections[q]
    for k, other in enumerate(wired.projections):
        if (other.pre, other.post) == (row.post, row.pre) and _transposed(row, other, wired):
            return k
    raise Unsupported(
        f"circuit {wired.name!r} has no energy: the synapses of {row.name} are not the transpose of "
        f"those of {wired.populations[row.post].name}->{wired.populations[row.pre].name}; make them "
        "symmetric, or do without an energy"
    )


def _transposed(row: WiredProjection, other: WiredProjection, wired: Wired) -> bool:
    if row.layout == other.layout == "dense":
        return np.array_equal(row.weight.T, other.weight)
    return np.array_equal(dense_weights(row, wired).T, dense_weights(other, wired))


def dense_weights(row: WiredProjection, wired: Wired) -> np.ndarray:
    """The weights of any layout as a matrix (n_post, n_pre); synapses of one pair of cells add up."""
    shape = wired.populations[row.post].size, wired.populations[row.pre].size
    if row.pre_index is None or row.post_index is None:
        return np.broadcast_to(row.weight, shape)
    matrix = np.zeros(shape)
    np.add.at(matrix, (row.post_index, row.pre_index), row.weight)
    return matrix


def _delivered(row: WiredProjection, wired: Wired, emissions: dict[int, np.ndarray]) -> np.ndarray:
    r = emissions[row.pre]
    if row.pre_index is None or row.post_index is None:
        return (
            row.weight @ r
            if row.weight.ndim
            else np.broadcast_to(row.weight * r.sum(axis=0), (wired.populations[row.post].size, r.shape[1]))
        )
    drive = np.zeros((wired.populations[row.post].size, r.shape[1]))
    np.add.at(drive, row.post_index, row.weight[:, None] * r[row.pre_index])
    return drive


def energy_along(wired: Wired, session: Session, outcome: Outcome) -> np.ndarray | None:
    """Energy at every sample of the traces, shape (n_samples,); None where the circuit has none, or where the traces do
    not hold the emission of every cell it depends on."""
    if not session.every:
        return None
    emissions: dict[int, np.ndarray] = {}
    for p, population in enumerate(wired.populations):
        if population.is_input:
            continue
        trace = outcome.traces.get(population.name)
        if trace is None or trace.shape[1] != population.size or population.neuron.traced != "emission":
            return None
        emissions[p] = trace.T
    try:
        energy = energy_of(wired)
    except Unsupported:
        return None
    samples = np.arange(next(iter(emissions.values())).shape[1]) * session.every
    for p, drive in session.inputs.items():
        held = np.searchsorted(drive.ticks, samples, side="right") - 1
        emissions[p] = wired.populations[p].gain[:, None] * drive.values[held].T
    return energy(emissions)
