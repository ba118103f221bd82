"""Manipulations change what they name, nothing else, and leave the original animal alone."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import LogNormal, all_to_all, in_degree
from neuroam.errors import DescriptionError
from neuroam.manipulations import BlockPlasticity, Renormalise, Scale, Silence
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import ThreeFactor
from neuroam.wiring import wire

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms, threshold_cv=.1)
RULE = ThreeFactor(on_pre=1*mV/Hz, on_pre_post=2*mV/Hz/Hz, on_post=3*mV/Hz, on_post_pre=4*mV/Hz/Hz, trace_pre=1*ms,
                   trace_post=2*ms, low=0*mV/Hz, high=9*mV/Hz)


@pytest.fixture
def wired():
    circuit = Circuit("c", (Population("in", 6, Poisson(synapse=5*ms)), Population("KC", 8, CELL),
                            Population("APL", 1, graded(20*ms)), Population("slow", 2, Rate(5*ms))),
                      (Projection("in", "KC", in_degree(3), LogNormal(1*mV/Hz, .3), plasticity=RULE),
                       Projection("KC", "APL", all_to_all(), .02*mV/Hz),
                       Projection("APL", "KC", all_to_all(), -.5),
                       Projection("KC", "slow", all_to_all(), 2/Hz, lowpass=50*ms)), {"odour": "in"})
    return wire(circuit, 0)


def differences(one, other):
    """Names of what differs."""
    found = set()
    for a, b in zip(one.populations, other.populations, strict=True):
        if not (np.array_equal(a.threshold, b.threshold) and np.array_equal(a.gain, b.gain)):
            found.add(a.name)
        assert (a.size, a.neuron) == (b.size, b.neuron)
    for a, b in zip(one.projections, other.projections, strict=True):
        if not np.array_equal(a.weight, b.weight) or a.plasticity != b.plasticity:
            found.add(a.name)
        assert a.layout == b.layout and a.delay == b.delay
        assert a.pre_index is None or np.array_equal(a.pre_index, b.pre_index)
    return found


@pytest.mark.parametrize("manipulation, changed", [
    (Silence("KC"), {"KC"}), (Silence("in"), {"in"}), (Silence("APL"), {"APL"}), (Scale("APL", "KC", 0.0), {"APL->KC"}),
    (Scale("in", "KC", 2.0), {"in->KC"}), (Scale("KC", "slow", 0.5), {"KC->slow (slow)->slow"}),
    (BlockPlasticity("in", "KC"), {"in->KC"})])
def test_only_what_is_named_changes(wired, manipulation, changed):
    described = tuple(Population(p.name, p.size, p.neuron) for p in wired.populations if not p.relay)
    before = wire(Circuit("c", described), 0)
    treated = manipulation.apply(wired)
    assert differences(wired, treated) == changed
    for old, new in zip(before.populations, wired.populations, strict=False):
        np.testing.assert_array_equal(old.threshold, new.threshold)  # the original animal is as it was
    assert differences(treated, manipulation.apply(wired)) == set()


def test_a_scale_multiplies(wired):
    q = wired.between("in", "KC", "test")[0]
    scaled = Scale("in", "KC", -3.0).apply(wired)
    np.testing.assert_allclose(scaled.projections[q].weight, -3 * wired.projections[q].weight)
    twice = Scale("in", "KC", 2.0).apply(Scale("in", "KC", 3.0).apply(wired))
    np.testing.assert_allclose(twice.projections[q].weight, 6 * wired.projections[q].weight)


def test_a_blocked_rule_changes_nothing_but_keeps_its_bounds(wired):
    rule = BlockPlasticity("in", "KC").apply(wired).projections[0].plasticity
    assert [float(getattr(rule, k)) for k in ("on_pre", "on_pre_post", "on_post", "on_post_pre")] == [0] * 4
    before = wired.projections[0].plasticity
    assert (rule.low, rule.high, rule.trace_pre) == (before.low, before.high, before.trace_pre)


def test_silenced_cells_cannot_fire(wired):
    assert np.isinf(Silence("KC").apply(wired).populations[1].threshold).all()
    assert (Silence("in").apply(wired).populations[0].gain == 0).all()
    assert (Silence("APL").apply(wired).populations[2].gain == 0).all()


@pytest.mark.parametrize("make, message", [
    (lambda w: Silence("KCs").apply(w), "manipulation Silence: unknown population 'KCs'; did you mean 'KC'"),
    (lambda w: Scale("APL", "KX", 0).apply(w),
     "manipulation Scale: unknown projection 'APL->KX'; did you mean 'APL->KC'"),
    (lambda w: BlockPlasticity("APL", "KC").apply(w), "APL->KC is not plastic; name a plastic projection"),
    (lambda w: Scale("APL", "KC", np.nan), "factor is nan; give a finite number"),
    (lambda w: Scale("APL", "KC", np.inf), "factor is inf; give a finite number"),
    (lambda w: Renormalise(0), "level is 0; give a fraction"),
    (lambda w: Renormalise(1.0), "level is 1.0; give a"),
    (lambda w: Renormalise(10), "level is 10; give a fraction between 0 and 1")])
def test_what_cannot_be_done_is_refused(wired, make, message):
    with pytest.raises(DescriptionError, match=message):
        make(wired)


@pytest.mark.parametrize("manipulation, words", [
    (Silence("KC"), "KC silenced"), (Scale("APL", "KC", 0.0), "APL→KC blocked"),
    (Scale("APL", "KC", .5), "APL→KC × 0.5"),
    (BlockPlasticity("KC", "MBON"), "plasticity of KC→MBON blocked"),
    (Renormalise(.1), "threshold renormalised to 10%")])
def test_manipulations_read_as_they_are(manipulation, words):
    assert str(manipulation).replace(" %", "%") == words


def test_graded_input_can_be_silenced():
    circuit = Circuit("c", (Population("in", 2, Drive()), Population("out", 2, Rate(5*ms))),
                      (Projection("in", "out", all_to_all(), 1.0, plasticity=ThreeFactor(on_pre=1/second)),),
                      {"x": "in"})
    assert (Silence("in").apply(wire(circuit, 0)).populations[0].gain == 0).all()
