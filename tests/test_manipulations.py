"""Manipulations change what they name, nothing else, and leave the original animal alone."""
from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neuroam.circuit import Circuit, Population, Projection, as_rates
from neuroam.connect import LogNormal, all_to_all, in_degree
from neuroam.errors import DescriptionError
from neuroam.manipulations import BlockPlasticity, Cool, Renormalise, Scale, Silence
from neuroam.neurons import LIF, Drive, Escape, Poisson, Rate, graded
from neuroam.plasticity import ThreeFactor
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.solvers import Brian, Numba
from neuroam.transfer import Rectified
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
    (lambda w: Renormalise(10), "level is 10; give a fraction between 0 and 1"),
    (lambda w: Cool("APLs", 5, 1.3).apply(w), "manipulation Cool: unknown population 'APLs'; did you mean 'APL'"),
    (lambda w: Cool(("APL", "in"), 5, 1.3).apply(w), "manipulation Cool: in->KC is plastic, and how learning"),
    (lambda w: Cool("KC", 5, 1.3).apply(w), "in->KC is plastic"),
    (lambda w: Cool((), 5, 1.3), "Cool: no population is named"),
    (lambda w: Cool("KC", np.inf, 1.3), r"Cool\(KC\): degrees is inf; give a finite number"),
    (lambda w: Cool("KC", 5, 0), "q10 is 0; give a finite number above 0"),
    (lambda w: Cool("KC", 5, np.nan), "q10 is nan")])
def test_what_cannot_be_done_is_refused(wired, make, message):
    with pytest.raises(DescriptionError, match=message):
        make(wired)


@pytest.mark.parametrize("manipulation, words", [
    (Silence("KC"), "KC silenced"), (Scale("APL", "KC", 0.0), "APL→KC blocked"),
    (Scale("APL", "KC", .5), "APL→KC × 0.5"),
    (BlockPlasticity("KC", "MBON"), "plasticity of KC→MBON blocked"),
    (Cool(("HVC", "AHP"), 8, 1.35), "HVC, AHP cooled by 8 °C, Q10 1.35"),
    (Cool("RA", -2.5, 2), "RA warmed by 2.5 °C, Q10 2"),
    (Renormalise(.1), "threshold renormalised to 10%")])
def test_manipulations_read_as_they_are(manipulation, words):
    assert str(manipulation).replace(" %", "%") == words


def test_graded_input_can_be_silenced():
    circuit = Circuit("c", (Population("in", 2, Drive()), Population("out", 2, Rate(5*ms))),
                      (Projection("in", "out", all_to_all(), 1.0, plasticity=ThreeFactor(on_pre=1/second)),),
                      {"x": "in"})
    assert (Silence("in").apply(wire(circuit, 0)).populations[0].gain == 0).all()


# cooling: with a Q10 of 2, ten degrees make everything take exactly twice as long

REGION = ("in", "out", "pool", "other")


def region(synapse=5*ms):
    """Spiking cells with delays that excite each other and others, at once or through a slow synapse; a graded pool."""
    rng = np.random.default_rng(0)
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=synapse)
    fast = LIF(tau=15*ms, rest=-60*mV, threshold=-52*mV, refractory=3*ms)
    return Circuit("region", (Population("drive", 6, Drive("volt")), Population("in", 6, cell),
                              Population("out", 8, fast), Population("pool", 1, graded(20*ms)),
                              Population("other", 3, Rate(8*ms, Rectified()))),
                   (Projection("drive", "in", all_to_all(), rng.uniform(0.5, 1.5, (6, 6)) / 3),
                    Projection("in", "out", in_degree(4), .06*mV/Hz, delay=3*ms),
                    Projection("in", "in", in_degree(2), -.01*mV/Hz, delay=1*ms),
                    Projection("out", "out", in_degree(2), .02*mV/Hz, delay=2*ms),
                    Projection("out", "pool", all_to_all(), .02*mV/Hz),
                    Projection("pool", "out", all_to_all(), -.3),
                    Projection("out", "other", all_to_all(), .1/Hz, lowpass=30*ms, delay=1*ms)), {"drive": "drive"})


def session_of(stretch):
    trial = Trial("t", 100*stretch*ms, (Stimulus("drive", np.linspace(20, 30, 6)*mV, 70*stretch*ms, 10*stretch*ms),))
    return Protocol("p", "p", "p", (Block("b", (trial,)),), (Record("in"), Record("out"),
                                                             Record("other", every=1*stretch*ms)))


def both_clocks(circuit, solver=Numba):
    """What the region does, and what it does cold on a clock twice as slow."""
    wired = wire(circuit, 1)
    cold = Cool(REGION, 10, 2.0).apply(wired)
    return [solver(dt=dt).run(w, schedule(session_of(dt / 1e-4), w, dt)) for w, dt in ((wired, 1e-4), (cold, 2e-4))]


@pytest.mark.parametrize("synapse", [5*ms, 0*ms])
@pytest.mark.parametrize("solver", [Numba, lambda dt: Brian("runtime", dt=dt)], ids=["numba", "brian"])
def test_a_cold_region_does_the_same_on_a_slower_clock(synapse, solver):
    warm, cold = both_clocks(region(synapse), solver)
    for name in ("in", "out"):
        assert len(warm.spikes[name][0]) > 20
        for one, other in zip(warm.spikes[name], cold.spikes[name], strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(cold.traces["other"], warm.traces["other"], rtol=1e-9, atol=1e-12)


def test_a_cold_region_of_rates_does_the_same_on_a_slower_clock():
    warm, cold = both_clocks(as_rates(region()))
    assert warm.traces["other"].max() > 0.1
    np.testing.assert_allclose(cold.traces["other"], warm.traces["other"], rtol=1e-9, atol=1e-12)


def test_cooling_slows_what_is_named_and_what_it_sends(wired):
    wired = wire(region(), 0)
    cold = Cool("out", 10, 2.0).apply(wired)
    neuron, before = cold.populations[2].neuron, wired.populations[2].neuron
    for name in ("tau", "refractory", "synapse"):
        assert float(getattr(neuron, name)) == 2 * float(getattr(before, name))
    assert [p.neuron for k, p in enumerate(cold.populations) if k not in (2, 5)] == [
        p.neuron for k, p in enumerate(wired.populations) if k not in (2, 5)]
    assert float(cold.populations[5].neuron.tau) == 60e-3  # the slow synapse that it makes
    delays = {a.name: b.delay / a.delay for a, b in zip(wired.projections, cold.projections, strict=True) if a.delay}
    assert delays == {"in->out": 1, "in->in": 1, "out->out": 2, "out->other->relay": 2}


def test_warming_undoes_cooling():
    wired = wire(region(), 0)
    back = Cool(REGION, -7, 1.35).apply(Cool(REGION, 7, 1.35).apply(wired))
    for a, b in zip(wired.projections, back.projections, strict=True):
        np.testing.assert_allclose([b.delay, *np.ravel(b.weight)], [a.delay, *np.ravel(a.weight)])
    assert abs(float(back.populations[1].neuron.tau) - 10e-3) < 1e-15
    assert Cool("in", -7, 1.35).stretch == pytest.approx(1.35**-0.7)


def test_a_cold_pool_of_cells_fires_fewer_spikes_and_poisson_cells_as_many():
    circuit = Circuit("c", (Population("in", 2, Poisson(synapse=4*ms)),
                            Population("pool", 2, Escape(5*ms, Rectified(), 100*Hz, 10))),
                      (Projection("in", "pool", all_to_all(), .01/Hz),), {"x": "in"})
    cold = Cool(("in", "pool"), 10, 2.0).apply(wire(circuit, 0))
    assert float(cold.populations[1].neuron.ceiling) == 50 and float(cold.populations[0].neuron.synapse) == 8e-3
    np.testing.assert_allclose(cold.projections[0].weight, 0.02)
