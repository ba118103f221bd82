"""Recall and capacity of sequences on small versions of the experiments, against the discrete-time networks, the laws'
published values and what is done by hand; with what must fail."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.sequence_memory import half, in_order
from neuroam.circuit import as_rates
from neuroam.circuits.images import digits
from neuroam.circuits.sequence import sequence
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Exponential, Power
from neuroam.effective.sequence_capacity import exact_transitions
from neuroam.effective.sequence_theory import sequence_capacity as sequence_theory
from neuroam.errors import DescriptionError
from neuroam.experiment import judge, simulate
from neuroam.patterns import Patterns
from neuroam.prediction import REPRODUCED
from neuroam.protocols.sequence_capacity import (
    CUES,
    FOLLOWED,
    UNBROKEN,
    sequence_capacity,
    sequence_law,
    transition_law,
)
from neuroam.protocols.sequence_recall import DENSENET, MIXED, RIGHT, SEQNET, digit_sequence, sequence_recall
from neuroam.solvers import Numba
from neuroam.wiring import wire


def run(protocol, groups, animals=1, level="effective", dt=5e-3):
    """The groups of these names, all if none is given."""
    some = replace(protocol, groups=tuple(g for g in protocol.groups if g.name in groups)) if groups else protocol
    circuit, solver = (sequence(), Adiabatic(dt)) if level == "effective" else (as_rates(sequence()), Numba(dt))
    return simulate(circuit, some, solver, animals=animals, seed=1, level=level)


# recall

@pytest.fixture(scope="module")
def recalled():
    return run(sequence_recall(), (SEQNET, DENSENET, MIXED[2], MIXED[10]), dt=2.5e-3)


def test_a_densenet_recalls_all_that_a_seqnet_loses(recalled):
    assert in_group(recalled, in_order, DENSENET) >= 100
    assert in_group(recalled, in_order, SEQNET) < 50


@pytest.mark.parametrize(("degree", "steps"), [(2, 4), (10, 5)])
def test_a_mixednet_stays_as_long_as_the_rule_says(recalled, degree, steps):
    """floor(τ λ^(−1/d)) + 1 at τ = 5, λ = 2.5."""
    assert steps == math.floor(5 * 2.5**(-1 / degree)) + 1
    claim = next(p for p in sequence_recall().predictions if p.claim == f"{MIXED[degree]}: steps a motif lasts")
    assert claim.statistic(recalled) == pytest.approx(steps, abs=0.05)
    assert in_group(recalled, in_order, MIXED[degree]) >= 40


@pytest.mark.parametrize(("name", "separation"), [("d = 5", Power(5)), ("d = 25", Power(25)),
                                                  ("exponential", Exponential())])
def test_digits_are_followed_as_in_the_discrete_network(name, separation):
    number = 120
    recording = run(digit_sequence(number=number), (name,), dt=10e-3)
    patterns = wire(sequence(motifs=number, images="digits"), 1).patterns.astype(int)
    following = np.roll(patterns, -1, axis=0)
    right = (BinaryMemory(patterns, following, separation, self_terms=True).update(patterns) == following).all(axis=1)
    assert in_group(recording, RIGHT, name) == pytest.approx(right.mean())


def test_digits_are_1694_of_mean_overlap_469():
    images = wire(sequence(motifs=1694, images="digits"), 1).patterns
    overlaps = images @ images.T / 64
    assert len(np.unique(images, axis=0)) == 1694
    assert (overlaps.sum() - 1694) / (1694 * 1693) == pytest.approx(0.469, abs=0.001)
    assert isinstance(digits(1694), Patterns)


# capacity

@pytest.mark.parametrize(("cells", "degree", "transitions", "whole"), [
    (100, 1, 10.9, 5.4), (100, 2, 361.9, 120.6), (100, 3, 7238, 1810), (100, 4, 103403, 20681), (50, 2, 106.5, 35.5)])
def test_laws_at_their_published_values(cells, degree, transitions, whole):
    assert transition_law(cells, degree) == pytest.approx(transitions, rel=5e-3)
    assert sequence_law(cells, degree) == pytest.approx(whole, rel=7e-3)
    assert sequence_law(cells, degree) == pytest.approx(sequence_theory(cells, Power(degree)))


@pytest.mark.parametrize("loads", [(20, 46, 120)])
def test_transitions_and_sequences_are_right_where_the_discrete_network_is(loads):
    protocol = sequence_capacity(only="d = 2, 40 cells", loads=",".join(map(str, loads)), biased=False)
    animals = 3
    recording = run(protocol, (), animals)
    for load in loads:
        group = f"d = 2, 40 cells, {load} motifs"
        patterns = [wire(sequence(motifs=load, cells=40), seed).patterns.astype(int) for seed in range(1, animals + 1)]
        right = np.array([exact_transitions(own, Power(2)) for own in patterns])
        np.testing.assert_allclose(in_group(recording, FOLLOWED, group), right[:, :CUES - 1].mean(axis=1))
        np.testing.assert_array_equal(in_group(recording, UNBROKEN, group), right.all(axis=1))
    assert in_group(recording, UNBROKEN, "d = 2, 40 cells, 20 motifs").all()
    assert not in_group(recording, UNBROKEN, "d = 2, 40 cells, 120 motifs").any()


def test_the_circuit_in_time_holds_as_many():
    protocol = sequence_capacity(only="d = 2, 40 cells", loads="20,120", biased=False)
    recording = run(protocol, (), level="rate")
    assert in_group(recording, UNBROKEN, "d = 2, 40 cells, 20 motifs") == 1
    assert in_group(recording, UNBROKEN, "d = 2, 40 cells, 120 motifs") == 0


def test_biased_motifs_are_confused_unless_decorrelated():
    recording = run(sequence_capacity(only="d = 2, 40 cells", loads="20"), ("d = 2, bias 0.6",
                                                                            "pseudoinverse, d = 2, bias 0.6"))
    assert in_group(recording, FOLLOWED, "d = 2, bias 0.6") == 0
    assert in_group(recording, FOLLOWED, "pseudoinverse, d = 2, bias 0.6") == 1


@pytest.mark.parametrize("settings", [{"only": "d = 9, 40 cells"}, {"loads": "many"}, {"loads": "3,9"}])
def test_refusals(settings):
    with pytest.raises(DescriptionError):
        sequence_capacity(**settings)


def fractions(values):
    """A measure that gives these fractions (animals,) by group name."""
    def measure(recording, group):
        own = np.atleast_1d(values[group])
        return xr.DataArray(own, dims="animal", coords={"seed": ("animal", np.arange(len(own)))})
    return measure


def test_half_by_hand():
    groups = {"b": 20.0, "a": 10.0, "d": 80.0, "c": 40.0}
    sharp = fractions({"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0})
    assert half(None, groups, sharp) == pytest.approx([math.sqrt(20 * 40)])
    even = fractions({"a": [1.0, 1.0], "b": [0.5, 1.0], "c": [0.5, 1.0], "d": [0.0, 0.0]})
    expected = math.exp((math.log(math.sqrt(200)) + math.log(math.sqrt(3200))) / 2)
    np.testing.assert_allclose(half(None, groups, even), [expected, math.sqrt(3200)])


def test_half_of_a_logistic_curve():
    loads = {f"{x:g}": x for x in np.geomspace(2, 200, 40)}
    curve = fractions({name: 1 / (1 + (x / 20)**6) for name, x in loads.items()})
    assert half(None, loads, curve) == pytest.approx(20, rel=1e-3)


@pytest.mark.slow
def test_recall_at_both_levels():
    protocol = sequence_recall()
    for level in ("effective", "rate"):
        recording = run(protocol, (), 8, level, 2.5e-3)
        verdicts = [v.verdict for v in judge(recording, protocol)]
        assert verdicts.count(REPRODUCED) >= len(verdicts) - 3
