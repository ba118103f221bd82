"""Trials side by side against one trial after the other, for every transfer function and kind of synapse; one pass over
a matrix for both directions; and no memory taken on the way."""
from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms, mV

from neuroam.circuit import Circuit, Population, Projection, Stored
from neuroam.circuits.visible_hidden import answer, similarity, visible_hidden
from neuroam.connect import LogNormal, all_to_all, in_degree, one_to_one
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Escape, Rate, graded
from neuroam.patterns import Patterns
from neuroam.plasticity import hebbian
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Numba, _kernels, batched, clocked, tables
from neuroam.solvers.batched import Batch, run_batched
from neuroam.transfer import (
    Exponential,
    LayerNorm,
    LIFCurve,
    Linear,
    Power,
    Rectified,
    Sign,
    Softmax,
    Spherical,
    Tanh,
    Winners,
)
from neuroam.units import Parameter
from neuroam.wiring import wire

DT = 5e-4
CURVE = LIF(tau=10*ms, rest=0*mV, threshold=.2*mV, refractory=2*ms).curve
VOLTS = {"unit_in": "volt", "unit_out": "volt"}
TRANSFERS = (Linear(0.7, 0.1), Rectified(1.3, 0.2), Tanh(2.0, -0.1), Power(0.8, 2.5, threshold=0.1), Power(0.5, 3.0,
             rectified=False), Exponential(0.5, 0.8, 0.3), Sign(0.05), Softmax(3.0), Softmax(3.0, ghost=0.5),
             Spherical(1.5), LayerNorm(0.7, 0.01), LayerNorm(0.7), Winners(3))
NAMES = [f"{type(t).__name__}{k}" for k, t in enumerate(TRANSFERS)]


def network(transfer, seed=0, threshold_cv=0.0, **between):
    """Input → cells by a dense matrix, cells ⇄ pool, all three layouts between."""
    rng = np.random.default_rng(seed)
    populations = (Population("in", 6, Drive()), Population("cells", 12, Rate(10*ms, transfer, threshold_cv)),
                   Population("more", 9, Rate(4*ms, Tanh(), threshold_cv)), Population("pool", 1, Rate(6*ms, Linear())))
    return Circuit("network", populations, (
        Projection("in", "cells", all_to_all(), rng.normal(0, 0.6, (12, 6))),
        Projection("cells", "more", in_degree(4, replacement=True), LogNormal(0.4, 0.5), **between),
        Projection("more", "cells", all_to_all(), -0.05), Projection("more", "pool", all_to_all(), 0.2),
        Projection("pool", "more", all_to_all(), -0.3), Projection("cells", "cells", one_to_one(), 0.1)),
        {"in": "in"})


def protocol(circuit, trials=5, durations=(40, 30), every=2*ms):
    """Trials of two durations, their stimuli at different times and of different strengths."""
    port, = circuit.ports
    population = circuit.population(circuit.ports[port].population)
    unit = Parameter(1.0, population.neuron.unit_out)
    made = []
    for k in range(trials):
        drive = np.random.default_rng(k).normal(0.5, 1.0, population.size)
        made.append(Trial(f"t{k}", durations[k % 2]*ms, (Stimulus(port, drive * unit, (8 + k%5)*ms, (2 + k%7)*ms),),
                          measured=(5*ms, 20*ms) if k == 1 else None))
    names = [p.name for p in circuit.populations]
    return Protocol("p", "p", "", (Block("b", tuple(made), shuffle=True),), tuple(Record(n, every) for n in names))


def both(circuit, dtype="float64", method="exponential_euler", seed=1, dt=DT, lesions=(), **settings):
    """Outcome of the compiled loop and of the batch."""
    wired = wire(circuit, seed)
    for lesion in lesions:
        wired = lesion.apply(wired)
    session = schedule(protocol(circuit, **settings), wired, dt)
    laid = tables.tabulate(wired, dt, method, np.dtype(dtype))
    return (clocked._Run(wired, session, laid).whole_session(),
            run_batched(wired, session, dt, method, np.dtype(dtype)))


def assert_same(loop, batch, tolerance=1e-12):
    for kind in ("responses", "traces"):
        mine, yours = getattr(loop, kind), getattr(batch, kind)
        assert list(mine) == list(yours)
        for name in mine:
            np.testing.assert_allclose(yours[name], mine[name], rtol=tolerance, atol=tolerance, err_msg=name)
    assert any(np.ptp(trace, axis=0).max() > 1e-3 for trace in loop.traces.values())  # something happens
    for name, (tick, cell) in loop.spikes.items():
        np.testing.assert_array_equal(batch.spikes[name][0], tick)
        np.testing.assert_array_equal(batch.spikes[name][1], cell)


# against the compiled loop

@pytest.mark.parametrize("method", ["exponential_euler", "euler"])
@pytest.mark.parametrize("transfer", TRANSFERS, ids=NAMES)
def test_every_transfer_function(transfer, method):
    assert_same(*both(network(transfer), method=method))


@pytest.mark.parametrize("transfer", TRANSFERS, ids=NAMES)
def test_thresholds_of_their_own(transfer):
    circuit = network(replace(transfer, threshold=0.1), threshold_cv=0.5)
    assert_same(*both(circuit))


@pytest.mark.parametrize("transfer", [t for t in TRANSFERS if not isinstance(t, (Sign, Winners))],
                         ids=[n for n, t in zip(NAMES, TRANSFERS, strict=True) if not isinstance(t, (Sign, Winners))])
def test_single_precision(transfer):
    """But for functions that jump, where the last bit decides."""
    loop, batch = both(network(transfer), dtype="float32")
    assert_same(loop, batch, 1e-4)
    assert_same(both(network(transfer))[0], batch, 1e-4)
    assert batch.traces["cells"].dtype == np.float32


def test_rate_curves_of_spiking_cells():
    circuit = Circuit("c", (Population("in", 3, Drive("volt")), Population("cells", 5, Rate(10*ms, CURVE, 0.3)),
                            Population("more", 2, graded(5*ms))),
                      (Projection("in", "cells", in_degree(2), .8), Projection("more", "cells", all_to_all(), -.2),
                       Projection("cells", "more", all_to_all(), 1e-3*mV*ms)), {"in": "in"})
    assert isinstance(CURVE, LIFCurve)
    loop, batch = both(circuit)
    assert_same(loop, batch)
    assert loop.responses["cells"].max() > 10


@pytest.mark.parametrize("between", [{"delay": 3*ms}, {"delay": 0.5*ms}, {"acts": "divisive"}, {"lowpass": 4*ms},
                                     {"delay": 2*ms, "acts": "divisive"}], ids=str)
@pytest.mark.parametrize("transfer", [Rectified(), Softmax(2.0)], ids=["rectified", "softmax"])
def test_delayed_divisive_and_slow_synapses(transfer, between):
    assert_same(*both(network(transfer, **between)))


@pytest.mark.parametrize("layout", ["dense", "uniform", "one to one"])
@pytest.mark.parametrize("acts", ["additive", "divisive"])
@pytest.mark.parametrize("delay", [0*ms, 2*ms])
def test_every_layout(layout, acts, delay):
    rng = np.random.default_rng(0)
    connectivity = one_to_one() if layout == "one to one" else all_to_all()
    weight = np.abs(rng.normal(0.5, 0.2, (7, 7))) if layout == "dense" else 0.3
    circuit = Circuit("c", (Population("in", 7, Drive()), Population("a", 7, Rate(5*ms, Rectified())),
                            Population("b", 7, Rate(5*ms, Tanh(2.0)))),
                      (Projection("in", "a", one_to_one(), 1.0),
                       Projection("a", "b", connectivity, weight, acts=acts, delay=delay),
                       Projection("in", "b", one_to_one(), 1.0)), {"in": "in"})
    assert_same(*both(circuit))


@pytest.mark.parametrize("lesion", [Silence("cells"), Silence("pool"), Scale("in", "cells", 0.5),
                                    Scale("more", "pool", 0)], ids=str)
def test_lesions(lesion):
    assert_same(*both(network(Tanh()), lesions=(lesion,)))


@pytest.mark.parametrize("model", ["classical", "polynomial", "exponential", "softmax", "softmax with a body",
                                   "spherical"])
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
def test_visible_and_hidden_neurons(model, dtype, tolerance):
    assert_same(*both(visible_hidden(7, 22, model), dtype=dtype, dt=1e-4), tolerance)


@pytest.mark.parametrize("number, cells", [(1, 9), (9, 1), (1, 1)])
def test_a_single_pattern_or_cell(number, cells):
    """A matrix of one row is, to numpy, stored by rows and by columns."""
    assert_same(*both(visible_hidden(number, cells, "polynomial")))


def test_two_views_of_one_array_are_not_mistaken_for_each_other():
    """They begin at one address and have as many entries, but other strides or shapes."""
    circuit = Circuit("v", (Population("in", 6, Drive()), Population("a", 3, Rate(5*ms, Linear())),
                            Population("b", 3, Rate(5*ms, Linear())), Population("c", 2, Rate(5*ms, Linear()))),
                      (Projection("in", "a", all_to_all(), Stored(lambda xi: xi[:3], "first rows")),
                       Projection("in", "b", all_to_all(), Stored(lambda xi: xi.ravel()[::2].reshape(3, 6), "halves")),
                       Projection("a", "c", all_to_all(), Stored(lambda xi: xi[:2, :3], "a corner")),
                       Projection("c", "a", all_to_all(), Stored(lambda xi: xi[:3, :2], "another"))),
                      {"in": "in"}, patterns=Patterns(6, 6, "in", kind="uniform"))
    wired = wire(circuit)
    assert all(np.shares_memory(row.weight, wired.patterns) for row in wired.projections)
    assert_same(*both(circuit))


def test_trials_do_not_feel_their_neighbours():
    """Alone, in a batch of two and in a batch of five, a trial is the same."""
    circuit = network(Softmax(3.0))
    wired = wire(circuit, 1)
    alone = []
    for trials in (1, 2, 5):
        whole = protocol(circuit, trials=trials, durations=(40, 40))
        session = schedule(replace(whole, blocks=(replace(whole.blocks[0], shuffle=False),)), wired, DT)
        alone.append(run_batched(wired, session, DT, "exponential_euler", np.dtype(float)).responses["cells"][0])
    np.testing.assert_allclose(alone[0], alone[1], rtol=1e-13)
    np.testing.assert_allclose(alone[0], alone[2], rtol=1e-13)


def test_what_can_be_batched():
    wired = wire(network(Tanh()))
    session = schedule(protocol(network(Tanh())), wired, DT)
    assert batched.separable(wired, session) and not batched.batchable(wired, session)
    large = visible_hidden(500, 200)
    assert batched.batchable(wire(large), schedule(protocol(large, trials=8), wire(large), DT))
    *before, last = session.presentations
    assert not batched.separable(wired, replace(session, presentations=(*before, replace(last, reset=False))))
    plastic = network(Tanh(), plasticity=hebbian(Parameter(0.1, "hertz"), 20*ms, high=1.0))
    assert not batched.separable(wire(plastic), session)


def test_the_solver_batches_large_circuits_and_the_answer_is_that_of_the_loop():
    circuit = visible_hidden(400, 300, "polynomial")
    wired = wire(circuit)
    session = schedule(protocol(circuit, trials=8, durations=(30, 25)), wired, DT)
    assert batched.batchable(wired, session)
    loop = clocked._Run(wired, session, tables.tabulate(wired, DT, "exponential_euler", np.dtype(float)))
    assert_same(loop.whole_session(), Numba(dt=DT).run(wired, session), 1e-11)


# memory

@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("transfer", TRANSFERS, ids=NAMES)
def test_no_step_allocates_memory(transfer, dtype):
    """Over 50 steps less is taken, at any moment, than one population of 12 cells in 400 trials."""
    circuit = network(transfer, delay=2*ms)
    wired = wire(circuit, 1)
    session = schedule(protocol(circuit, trials=400, durations=(1300, 1300), every=None), wired, DT)
    rows = list(session.presentations)
    batch = Batch(wired, session, rows, DT, "exponential_euler", np.dtype(dtype))
    batch.changes.clear()
    for step in range(50):  # until responses are measured and all is compiled
        batch.begin(step), batch.advance(), batch.collect(1, step)
    tracemalloc.start()
    for step in range(50, 100):
        batch.begin(step), batch.advance(), batch.collect(1, step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 400 * np.dtype(dtype).itemsize


@pytest.mark.parametrize("values", [5, 200])
def test_the_largest_but_some(values):
    """Against sorting, also where many are equal; and nothing is lost on the way."""
    rng = np.random.default_rng(0)
    for number in range(30):
        x = rng.integers(0, values, 30).astype(float)
        ordered = np.sort(x)[::-1]
        assert _kernels._largest_but(number, x) == ordered[number]
        np.testing.assert_array_equal(np.sort(x)[::-1], ordered)


# one pass for both directions

@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("n_pre", [1, 2, 3, 5, 8, 17, 64])
@pytest.mark.parametrize("n_post", [1, 2, 3, 4, 5, 7, 8, 13])
def test_both_ways_are_two_products(n_post, n_pre, dtype, tolerance):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(n_post, n_pre)).astype(dtype)
    r_pre, r_post, to_post, to_pre = (rng.normal(size=n).astype(dtype) for n in (n_pre, n_post, n_post, n_pre))
    flat = np.concatenate([rng.normal(size=3), w.ravel(), rng.normal(size=5)]).astype(dtype)
    expected = to_post + w @ r_pre, to_pre + w.T @ r_post
    _kernels._add_both_ways(flat, 3, r_post, r_pre, to_post, to_pre)
    np.testing.assert_allclose(to_post, expected[0], rtol=tolerance, atol=20 * tolerance)
    np.testing.assert_allclose(to_pre, expected[1], rtol=tolerance, atol=20 * tolerance)


def two_way(there=similarity, back=answer, cells=None, patterns=5, **extra):
    cells = cells or (Rate(20*ms, Tanh()), Rate(5*ms, Tanh()))
    return Circuit("t", (Population("in", 8, Drive()), Population("a", 8, cells[0]),
                         Population("b", patterns, cells[1])),
                   (Projection("in", "a", one_to_one(), 1.0),
                    Projection("a", "b", all_to_all(), Stored(there, "ξ") if callable(there) else there),
                    Projection("b", "a", all_to_all(), Stored(back, "ξᵀ") if callable(back) else back, **extra)),
                   {"in": "in"}, patterns=Patterns(patterns, 8, "a"))


def copied(patterns):
    return patterns.T.copy()


def test_pairs_are_found_where_the_memory_is_one():
    assert tables.pairs(wire(two_way())) == {2: 1}
    assert tables.pairs(wire(two_way(back=copied))) == {}
    w = np.random.default_rng(0).normal(size=(5, 8))
    assert tables.pairs(wire(two_way(w, w.T.copy()))) == {}
    assert tables.pairs(wire(two_way(lambda xi: 2 * xi))) == {}


@pytest.mark.parametrize("extra", [{"delay": 2*ms}, {"acts": "divisive"},
                                   {"plasticity": hebbian(Parameter(0.1, "hertz"), 20*ms, high=1.0)}],
                         ids=["delayed", "divisive", "plastic"])
def test_what_is_not_a_plain_sum_is_not_paired(extra):
    assert tables.pairs(wire(two_way(**extra))) == {}


def test_scaled_weights_are_not_paired():
    """Each direction is scaled for itself, with weights of its own; × 1 too."""
    for lesion in (Scale("a", "b", 0.5), Scale("b", "a", 0.5), Scale("b", "a", 1.0)):
        assert tables.pairs(lesion.apply(wire(two_way()))) == {}


def test_a_matrix_onto_itself_is_not_a_pair():
    lateral = Projection("a", "a", all_to_all(), Stored(lambda xi: xi.T @ xi, "ξᵀξ"))
    circuit = two_way()
    assert tables.pairs(wire(replace(circuit, projections=(*circuit.projections, lateral)))) == {2: 1}


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("patterns", [5, 8, 17])
def test_paired_and_unpaired_circuits_answer_alike(patterns, dtype, tolerance):
    paired, apart = (both(two_way(back=back, patterns=patterns), dtype=dtype) for back in (answer, copied))
    assert_same(paired[0], apart[0], tolerance)
    assert_same(*paired, tolerance)


@pytest.mark.parametrize("back", [answer, copied])
@pytest.mark.parametrize("patterns", [5, 17])
def test_weights_come_back_as_they_were_wired(back, patterns):
    wired = wire(two_way(back=back, patterns=patterns), 3)
    session = schedule(protocol(two_way(patterns=patterns)), wired, DT)
    outcome = Numba(dt=DT).run(wired, session)
    for row in wired.projections:
        np.testing.assert_array_equal(outcome.weights[row.name], row.weight)
    laid = tables.tabulate(wired, DT, "exponential_euler", np.dtype(float))
    assert laid.weight.size == 8 + 8 * patterns * (1 if back is answer else 2)


# pools of escape-rate neurons

@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("cells", [1, 40, 100_000])
def test_pools_fire_the_same_spikes_in_both(cells, dtype, tolerance):
    pool = Escape(20*ms, Tanh(), cells=cells, low=-1.0)
    loop, batch = both(two_way(cells=(pool, Rate(5*ms, Tanh()))), dtype=dtype)
    assert_same(loop, batch, tolerance)
    assert set(loop.spikes) == {"a"} and len(loop.spikes["a"][0]) > 0
