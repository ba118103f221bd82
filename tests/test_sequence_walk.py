"""Order, dwell times and overlaps told from the hand: by hand, and on a sequence that holds and one that does not."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroam.analysis import sequence_walk
from neuroam.analysis.plots_walk import due_figures, overlap_figures, walk_figures
from neuroam.circuit import as_rates
from neuroam.circuits.sequence import sequence
from neuroam.circuits.sequence_poses import ring
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.binary_separation import Power
from neuroam.effective.sequence import dense_sequence
from neuroam.errors import DescriptionError
from neuroam.experiment import simulate
from neuroam.protocols.sequence_capacity import MONITORED, SEQUENCES, sequence_capacity
from neuroam.solvers import Numba
from neuroam.wiring import wire

LOADS = {"d = 2, 40 cells, 20 motifs": 20, "d = 2, 40 cells, 120 motifs": 120}
FEW, MANY = LOADS
STEP = 0.05


@pytest.fixture(scope="module")
def protocol():
    return sequence_capacity(only="d = 2, 40 cells", loads="20,120", biased=False)


@pytest.fixture(scope="module")
def levels(protocol):
    return {"effective": simulate(sequence(), protocol, Adiabatic(5e-3), animals=2, seed=1, level="effective"),
            "rate": simulate(as_rates(sequence()), protocol, Numba(5e-3), animals=2, seed=1, level="rate")}


def made_up(path, motifs, monitors=None):
    """A recording of one animal and trial in which the hand draws these motifs, −1 for none, a sample each 5 ms."""
    place = np.where(np.array(path)[:, None] >= 0, ring(motifs)[path], 0)
    x, y = place.T
    muscles = np.maximum(np.stack([x, -x, y, -y], axis=1), 0)
    table = muscles if monitors is None else np.concatenate([muscles, monitors], axis=1)
    names = ["muscle"] * 4 + ["monitor"] * (table.shape[1] - 4)
    stop = len(path) * 5e-3
    one = {name: (("animal", "trial"), [[value]]) for name, value in (("start_time", 0.0), ("stop_time", stop))}
    return xr.Dataset(
        {"trace_value": (("animal", "time", "trace"), table[None]), "spike_time": ("spike", np.zeros(0)),
         "spike_count": (("animal", "unit"), np.zeros((1, 1), int)), **one},
        {"time": np.arange(len(path)) * 5e-3, "trace_population": ("trace", names), "group": ("animal", ["a"]),
         "seed": ("animal", [1]), "block": ("trial", [SEQUENCES]), "population": ("unit", ["muscle"])},
        {"clock_dt": 5e-3})


def test_the_hand_tells_which_motif_it_draws():
    path = [0, 0, 1, -1, 6, 3, 3, 499, 500]
    found = sequence_walk.drawn(made_up(path, 501), 501)
    np.testing.assert_array_equal(found.values[0, 0], path)


def test_share_pace_and_dwell_by_hand():
    """Motifs 0, 1, 2 of 5 for 10, 6 and 4 samples with a pause within the second one; then 4, which is wrong."""
    path = [0] * 10 + [-1] * 2 + [1] * 3 + [-1] + [1] * 2 + [-1] * 2 + [2] * 4 + [-1] + [4] * 3 + [0] * 3
    recording, loads = made_up(path, 5), {"a": 5}
    assert sequence_walk.share(recording, loads, "a").item() == pytest.approx(3 / 5)
    assert sequence_walk.pace(recording, loads, "a").item() == pytest.approx(np.mean([8, 3]) * 5e-3)  # 1 → 2, 4 → 0
    assert sequence_walk.dwell(recording, loads, "a").item() == pytest.approx(4 * 5e-3)  # of 6, 4, 3
    missed = made_up([0] * 4 + [1] * 4 + [-1] * 12 + [1] * 4, 5)  # a step missed, and the same motif again, is an error
    assert sequence_walk.walk(missed, loads, "a")["pattern"].values.ravel().tolist() == [0, 1, 1]
    nothing = made_up([-1] * 9, 5)
    assert sequence_walk.share(nothing, loads, "a").item() == 0
    assert np.isnan(sequence_walk.pace(nothing, loads, "a").item())


def test_overlap_with_the_motif_that_is_due_by_hand():
    path = [0] * 4 + [1] * 4 + [2] * 4
    monitors = np.arange(12)[:, None] + 100.0 * np.arange(3)
    due = sequence_walk.due(made_up(path, 3, monitors), (1, 2, 2), {"a": 3}, "a", "a")
    np.testing.assert_allclose(due.values, [[106, 210, 210]])
    assert np.isnan(sequence_walk.due(made_up([0] * 12, 3, monitors), (1,), {"a": 3}, "a", "a")).all()


def test_the_walk_is_that_of_the_discrete_network(levels):
    """Share in order before the first error, and overlaps with the motifs that are due, neuron for neuron."""
    for group, load in LOADS.items():
        share = sequence_walk.share(levels["effective"], LOADS, group, SEQUENCES).values
        overlaps = sequence_walk.due(levels["effective"], range(1, MONITORED), LOADS, FEW, group, SEQUENCES).values
        for seed in (1, 2):
            patterns = wire(sequence(motifs=load, cells=40), seed).patterns.astype(int)
            states = dense_sequence(patterns, Power(2)).recall(patterns[0], steps=load - 1)
            right = (states == patterns).all(axis=1)
            assert share[seed - 1] == pytest.approx(np.cumprod(right).sum() / load)
            expected = (states.astype(float) * patterns).mean(axis=1)
            np.testing.assert_allclose(overlaps[seed - 1], expected[1:MONITORED], atol=1e-6)
    assert (sequence_walk.share(levels["effective"], LOADS, MANY, SEQUENCES) < 0.5).all()  # must fail


def test_a_motif_lasts_one_step_and_in_the_circuit_as_much_longer_as_cells_take_to_follow(levels):
    pace = {level: sequence_walk.pace(r, LOADS, FEW, SEQUENCES).values for level, r in levels.items()}
    np.testing.assert_allclose(pace["effective"], STEP)
    assert (pace["rate"] > STEP + 0.01).all() and (pace["rate"] < STEP + 0.025).all()
    whole = sequence_walk.dwell(levels["rate"], LOADS, FEW, SEQUENCES).values
    assert (whole < pace["rate"]).all() and (whole > 0.7 * pace["rate"]).all()
    assert (sequence_walk.share(levels["rate"], LOADS, FEW, SEQUENCES) == 1).all()


def test_the_figures_show_all_levels(levels, protocol):
    networks = {"d = 2, 40 cells": LOADS}
    shown = [walk_figures(levels, networks, SEQUENCES), overlap_figures(levels, networks, SEQUENCES, 0.7),
             due_figures(levels, networks, SEQUENCES, range(1, 5)), *(f.draw(levels) for f in protocol.figures)]
    assert all(list(panels) == list(levels) for panels in shown) and len(protocol.figures) == 4
    lines = walk_figures(levels, networks, SEQUENCES)["effective"].axes[0].lines
    assert sorted(set(lines[0].get_ydata().tolist())) == list(range(1, 21))


def test_more_monitors_than_motifs_are_refused():
    with pytest.raises(DescriptionError, match="monitored is 4 of 3 motifs"):
        sequence(motifs=3, monitored=4)
    assert sequence(motifs=3, monitored=3).population("monitor", "").size == 3
