"""Everything random in a circuit is drawn once, from the seed and the names alone, with the statistics it is given."""
from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from scipy import sparse, stats

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import LogNormal, all_to_all, from_matrix, in_degree, one_to_one, random_in_degree
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Poisson, Rate
from neuroam.transfer import Linear
from neuroam.wiring import stream, wire

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms, threshold_cv=0.2)
W = 1*mV/Hz

HASH = """
import hashlib, sys
import numpy as np
sys.path.insert(0, {tests!r})
from test_wiring import digest, example
from neuroam.wiring import wire
print(digest(wire(example(), 5)))
"""


def example(*more, pre=30, post=400):
    projections = (Projection("in", "out", random_in_degree(6, 1.7, 2, 11), LogNormal(W, 0.35)),
                   Projection("out", "out", in_degree(5), W))
    return Circuit("c", (Population("in", pre, Poisson(synapse=5*ms)), Population("out", post, CELL),
                         *(p for p in more if isinstance(p, Population))),
                   projections + tuple(p for p in more if isinstance(p, Projection)))


def joined(connectivity, weight=W, pre=30, post=400, **extra):
    """The one projection of a circuit, wired."""
    circuit = Circuit("c", (Population("in", pre, Poisson(synapse=5*ms)), Population("out", post, CELL)),
                      (Projection("in", "out", connectivity, weight, **extra),))
    return wire(circuit, 3).projections[0]


def arrays(wired):
    for p in wired.populations:
        yield p.name, p.threshold
    for q in wired.projections:
        yield f"{q.name} weight", q.weight
        if q.pre_index is not None:
            yield f"{q.name} pre", q.pre_index
            yield f"{q.name} post", q.post_index


def digest(wired):
    return hashlib.sha256(b"".join(a.tobytes() for _, a in arrays(wired))).hexdigest()


def test_the_same_seed_gives_the_same_arrays_in_every_interpreter():
    program = HASH.format(tests=str(Path(__file__).parent))
    printed = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env={"PYTHONHASHSEED": hashes, "PATH": ""}).stdout.strip() for hashes in ("1", "2")]
    assert printed == [digest(wire(example(), 5))] * 2


def test_another_seed_gives_other_arrays():
    one, other = dict(arrays(wire(example(), 1))), dict(arrays(wire(example(), 2)))
    assert all(not np.array_equal(one[k], other[k]) for k in one if k not in ("in", "out->out weight", "out->out post"))


def test_what_is_added_leaves_the_rest_as_it_was():
    more = (Population("third", 7, CELL), Projection("in", "third", in_degree(3), LogNormal(W, 1)))
    before, after = dict(arrays(wire(example(), 1))), dict(arrays(wire(example(*more), 1)))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_names_own_their_streams():
    draws = {names: stream(1, *names).random() for names in (("a",), ("b",), ("a", "b"), ("b", "a"), ("a", 1))}
    assert len(set(draws.values())) == len(draws)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(DescriptionError, match=r"seed is .*whole number"):
        wire(example(), seed)


def test_a_seed_that_no_recording_can_hold_is_refused():
    with pytest.raises(DescriptionError, match=r"seed is 2147483648.*2147483647"):
        wire(example(), 2**31)


@pytest.mark.parametrize("replacement", [True, False])
def test_every_cell_has_exactly_its_inputs(replacement):
    q = joined(in_degree(6, replacement=replacement))
    np.testing.assert_array_equal(np.bincount(q.post_index, minlength=400), 6)
    distinct = len(np.unique(np.stack([q.pre_index, q.post_index]), axis=1).T)
    assert (distinct == len(q.pre_index)) is not replacement
    assert q.pre_index.min() >= 0 and q.pre_index.max() < 30


def test_synapses_are_sorted_by_presynaptic_cell():
    q = joined(in_degree(6))
    assert (np.diff(q.pre_index) >= 0).all()


@pytest.mark.parametrize("replacement", [True, False])
def test_inputs_are_drawn_evenly(replacement):
    """χ² of the number of targets of each presynaptic cell, expected 400·6/30 = 80 each; p > .001 for this seed."""
    q = joined(in_degree(6, replacement=replacement))
    counts = np.bincount(q.pre_index, minlength=30)
    assert stats.chisquare(counts).pvalue > 0.001


def test_without_replacement_there_must_be_enough_cells():
    with pytest.raises(DescriptionError, match=r"projection in->out: in-degree 31 without .*30; use replacement=True"):
        joined(in_degree(31))


def test_random_in_degrees_are_clipped_and_have_their_mean():
    """Against the normal distribution rounded and clipped, which has mean 6.003 and SD 1.704; 4 standard errors."""
    q = joined(random_in_degree(6, 1.7, 2, 11), post=4000)
    degrees = np.bincount(q.post_index, minlength=4000)
    k = np.arange(2, 12)
    p = np.diff(stats.norm.cdf(np.concatenate([[-np.inf], k[:-1] + 0.5, [np.inf]]), 6, 1.7))
    mean = (k * p).sum()
    error = np.sqrt(((k - mean) ** 2 * p).sum() / 4000)
    assert degrees.min() == 2 and degrees.max() == 11
    assert abs(degrees.mean() - mean) < 4 * error
    assert stats.chisquare(np.bincount(degrees, minlength=12)[2:], 4000 * p).pvalue > 0.001


@pytest.mark.parametrize("connectivity", [all_to_all(), in_degree(25)])
def test_log_normal_weights_have_their_median_and_sigma(connectivity):
    """ln w is normal: its mean within 4σ/√n and its SD within 4σ/√(2n)."""
    logs = np.log(joined(connectivity, LogNormal(W, 0.35)).weight.ravel())
    n = len(logs)
    assert abs(logs.mean() - np.log(1e-3)) < 4 * 0.35 / np.sqrt(n)
    assert abs(logs.std(ddof=1) - 0.35) < 4 * 0.35 / np.sqrt(2 * n)
    assert stats.kstest((logs - np.log(1e-3)) / 0.35, "norm").pvalue > 0.001


def test_thresholds_have_their_coefficient_of_variation():
    """θ − rest = 10 mV·|N(1, .2)|."""
    cells = wire(Circuit("c", (Population("KC", 5000, CELL),)), 0).populations[0]
    factor = (cells.threshold + 0.060) / 0.010
    assert abs(factor.mean() - 1) < 4 * 0.2 / np.sqrt(5000)
    assert abs(factor.std(ddof=1) - 0.2) < 4 * 0.2 / np.sqrt(10000)
    wide = wire(Circuit("c", (Population("KC", 5000, replace(CELL, threshold_cv=2)),)), 0).populations[0]
    assert (wide.threshold > -0.060).all()


def test_equal_thresholds_are_equal():
    cells = wire(Circuit("c", (Population("KC", 5, replace(CELL, threshold_cv=0)),)), 0).populations[0]
    np.testing.assert_array_equal(cells.threshold, -0.050)


def test_a_dense_and_a_sparse_matrix_are_the_same_synapses():
    matrix = np.array([[0, 2, 0], [1, 0, 0], [0, 0, 0], [4, 5, 0]])
    for given in (matrix, sparse.csr_matrix(matrix), sparse.coo_matrix(matrix), sparse.csc_array(matrix)):
        q = joined(from_matrix(given), pre=3, post=4)
        rebuilt = np.zeros((4, 3))
        rebuilt[q.post_index, q.pre_index] = q.weight
        np.testing.assert_allclose(rebuilt, matrix * 1e-3, rtol=1e-15)
        assert len(q.weight) == 4


def test_a_matrix_of_another_shape_names_its_projection():
    with pytest.raises(DescriptionError, match=r"projection in->out: from_matrix: shape \(3, 4\).*\(4, 3\)"):
        joined(from_matrix(np.ones((3, 4))), pre=3, post=4)


def test_layouts():
    assert joined(all_to_all()).layout == "uniform" and joined(all_to_all()).weight.shape == ()
    assert joined(all_to_all(), LogNormal(W, 1)).layout == "dense"
    assert joined(all_to_all(), np.ones((4, 3))*mV/Hz, pre=3, post=4).weight.shape == (4, 3)
    q = joined(one_to_one(), pre=4, post=4)
    np.testing.assert_array_equal(q.pre_index, q.post_index)


def test_a_low_passed_projection_goes_through_a_relay():
    circuit = Circuit("c", (Population("in", 3, Poisson(synapse=5*ms)), Population("out", 4, CELL)),
                      (Projection("in", "out", all_to_all(), W, lowpass=50*ms, delay=2*ms),))
    wired = wire(circuit, 0)
    relay = wired.populations[2]
    assert relay.relay and relay.size == 3
    assert isinstance(relay.neuron, Rate) and isinstance(relay.neuron.transfer, Linear)
    assert float(relay.neuron.tau) == 0.05 and float(relay.neuron.transfer.gain) == 1
    into, out = wired.projections
    assert (into.pre, into.post, into.delay) == (0, 2, 2e-3)
    np.testing.assert_array_equal(into.weight, 1)
    assert (out.pre, out.post, out.delay, float(out.weight)) == (2, 1, 0, 1e-3)
    assert wired.between("in", "out", "test") == (1,)


def test_unknown_names_are_answered_with_the_nearest():
    wired = wire(example(), 0)
    with pytest.raises(DescriptionError, match=r"record: unknown population 'ou'; did you mean 'out'"):
        wired.find("ou", "record")
    with pytest.raises(DescriptionError, match=r"Scale: unknown projection 'in->oot'; did you mean 'in->out'"):
        wired.between("in", "oot", "Scale")
