"""A description that cannot be built is refused where it is written: the object, the wrong value and the cure."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, nS, second

from neuroam.circuit import Circuit, CodingLevels, Population, Port, Projection, as_rates, weight_unit
from neuroam.connect import LogNormal, all_to_all, from_matrix, in_degree, one_to_one, random_in_degree
from neuroam.errors import DescriptionError, UnitError
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import ThreeFactor, anti_hebbian, dopamine_depression, hebbian
from neuroam.transfer import Linear, Rectified, Tanh
from neuroam.units import Parameter, cited

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, synapse=5*ms)
RATE = Rate(10*ms)


def circuit(*projections, pre=Poisson(), post=CELL, sizes=(3, 4), ports=None, **extra):  # noqa: B008
    populations = (Population("in", sizes[0], pre), Population("out", sizes[1], post), Population("DAN", 1, Drive()),
                   Population("DANs", 2, Drive()))
    return Circuit("c", populations, projections, ports or {}, **extra)


def joined(weight=1*mV/Hz, connectivity=None, **extra):
    return Projection("in", "out", connectivity or all_to_all(), weight, **extra)


@pytest.mark.parametrize("make, message", [
    (lambda: LIF(tau=-1*ms, rest=0*mV, threshold=1*mV), "LIF.tau is -1 ms; it must be more than 0"),
    (lambda: LIF(tau=0*ms, rest=0*mV, threshold=1*mV), "LIF.tau is 0 s; it must be more than 0"),
    (lambda: LIF(tau=np.nan*ms, rest=0*mV, threshold=1*mV), "LIF.tau is NaN"),
    (lambda: LIF(tau=1*ms, rest=0*mV, threshold=1*mV, refractory=-1*ms), "LIF.refractory is -1 ms"),
    (lambda: LIF(tau=1*ms, rest=0*mV, threshold=1*mV, reset=2*mV), "reset .*2 mV.* threshold .*1 mV"),
    (lambda: LIF(tau=1*ms, rest=0*mV, threshold=1*mV, threshold_cv=-.1), "LIF.threshold_cv is -0.1"),
    (lambda: Rate(-1*ms), "Rate.tau is -1 ms"),
    (lambda: Poisson(synapse=-1*ms), "Poisson.synapse is -1 ms"),
    (lambda: Population("KC", 0, CELL), "population 'KC': size is 0; give a whole number"),
    (lambda: Population("KC", 2.5, CELL), "population 'KC': size is 2.5"),
    (lambda: Population("KC", 3, "LIF"), "population 'KC': .*'LIF'.*LIF, Rate, Poisson or Drive"),
    (lambda: Circuit("c", ()), "circuit 'c' has no population; add"),
    (lambda: Circuit("c", (Population("a", 1, CELL), Population("a", 2, CELL))),
     r"must differ; repeated: \['a'\]"),
    (lambda: circuit(replace(joined(), pre="inn")),
     "projection inn->out: unknown population 'inn'; did you mean "
                                                    "'in'. there are: in, out"),
    (lambda: circuit(joined(), joined()), r"two projections join the same pair .*\['in->out'\]; merge"),
    (lambda: circuit(replace(joined(), post="DAN")),
     "in->DAN: 'DAN' is an input population .*make its cells LIF"),
    (lambda: circuit(joined(acts="subtractive")), "acts='subtractive'; use 'additive' or 'divisive'"),
    (lambda: circuit(joined(connectivity=one_to_one())), "one_to_one .*'in' has 3 cells and 'out' has 4"),
    (lambda: circuit(joined(connectivity="all")), "in->out: connectivity is 'all'; use .*all_to_all"),
    (lambda: circuit(joined(delay=-1*ms)), "in->out: delay is -1 ms"),
    (lambda: circuit(joined(lowpass=0*ms)), "in->out: lowpass is 0 s; it must be more than 0"),
    (lambda: circuit(joined(np.nan*mV/Hz)), "in->out: weight is NaN"),
    (lambda: circuit(joined(np.inf*mV/Hz)), "in->out: weight is inf V/Hz; .*finite"),
    (lambda: circuit(joined(delay=np.inf*ms)), "in->out: delay is inf s; .*finite"),
    (lambda: circuit(joined(np.ones((3, 4))*mV/Hz)), r"weight matrix has shape \(3, 4\).*\(4, 3\)"),
    (lambda: circuit(joined(np.full((4, 3), np.nan)*mV/Hz)), "in->out: .*NaN or infinity"),
    (lambda: circuit(joined(np.ones((4, 3))*mV/Hz, in_degree(2))),
     "weight matrix goes with all_to_all.*from_matrix"),
    (lambda: circuit(joined(LogNormal(1*mV/Hz, -1))), "in->out: weight: LogNormal sigma is -1"),
    (lambda: circuit(joined(cited(LogNormal(1*mV/Hz, 1), "x"))), "cite the median inside"),
    (lambda: circuit(ports={"odour": "inn"}), "port 'odour': unknown population 'inn'; did you mean 'in'"),
    (lambda: circuit(ports={"odour": "out"}), "port 'odour' drives 'out', which is not an input .*use Poisson"),
    (lambda: circuit(ports={"a": "in", "b": "in"}), "ports 'a' and 'b'.*'in'.*one port"),
    (lambda: circuit(joined(), calibration=CodingLevels("out", "pool", "odour")),
     "unknown projection 'pool->out'"),
    (lambda: circuit(joined(), calibration=CodingLevels("KC", "in", "odour")),
     "calibration: unknown population 'KC'"),
    (lambda: circuit(joined(), calibration=CodingLevels("out", "in", "smell"), ports={"a": "in"}),
     "calibration: unknown port 'smell'"),
    (lambda: CodingLevels("a", "b", "c", without=.1, with_inhibition=.2),
     "0.2 with and 0.1 without inhibition; need"),
    (lambda: CodingLevels("a", "b", "c", stimulus=0*ms), "calibration stimulus is 0 s"),
    (lambda: in_degree(0), "number must be positive"),
    (lambda: in_degree(2.5), "2.5.*whole number"),
    (lambda: in_degree(np.nan), "number must be positive"),
    (lambda: random_in_degree(3, -1, 1, 5), "sd at least 0"),
    (lambda: random_in_degree(3, 1, 5, 4), "low at most high"),
    (lambda: from_matrix([[1, np.inf]]), "finite matrix"), (lambda: Linear(gain=np.nan), "Linear.gain is NaN"),
])
def test_what_is_wrong_is_named_with_its_cure(make, message):
    with pytest.raises(DescriptionError, match=message):
        make()


@pytest.mark.parametrize("make, name", [
    (lambda: LIF(tau=10*mV, rest=0*mV, threshold=1*mV), "LIF.tau"),
    (lambda: LIF(tau=10*ms, rest=-60, threshold=1*mV), "LIF.rest"),
    (lambda: Rectified(gain=2, unit_in="volt", unit_out="hertz"), "Rectified.gain"),
    (lambda: Rectified(threshold=2, unit_in="volt", unit_out="hertz", gain=1*Hz/mV), "Rectified.threshold"),
    (lambda: circuit(joined(3*mV)), "projection in->out: weight"),
    (lambda: circuit(joined(3*mV/Hz, acts="divisive")), "projection in->out: weight"),
    (lambda: circuit(joined(np.ones((4, 3)))), "projection in->out: weight"),
    (lambda: circuit(joined(LogNormal(3*nS, .1))), "projection in->out: weight"),
    (lambda: circuit(joined(delay=1*mV)), "projection in->out: delay"),
    (lambda: circuit(joined(plasticity=dopamine_depression("DAN", .1*mV))), "in->out: plasticity on_pre"),
    (lambda: circuit(joined(plasticity=hebbian(1*mV/Hz, 10*ms, high=1*mV/Hz))), "plasticity on_pre_post"),
    (lambda: circuit(joined(plasticity=hebbian(1*mV/Hz/Hz, 10*ms, high=1*mV))), "plasticity high"),
])
def test_a_wrong_unit_names_the_number(make, name):
    with pytest.raises(UnitError, match=name):
        make()


@pytest.mark.parametrize("rule, message", [
    (ThreeFactor(on_pre=1*mV/Hz, gate="DAMN"), "plasticity gate: unknown population 'DAMN'; did you mean 'DAN'"),
    (ThreeFactor(on_pre=1*mV/Hz, gate="DANs"), "gate 'DANs' has 2 cells; it needs 1, or one for each of the 4 cells"),
    (ThreeFactor(on_pre=1*mV/Hz, gate="in"), "gate 'in' .*"),
    (ThreeFactor(on_pre_post=1*mV/Hz/Hz), "uses trace_post, whose time constant is 0; give it a value"),
    (ThreeFactor(on_post_pre=1*mV/Hz/Hz), "uses trace_pre, whose time constant is 0"),
    (ThreeFactor(on_pre=1*mV/Hz, low=2*mV/Hz, high=1*mV/Hz), "low 2 mV/Hz is above high 1 mV/Hz"),
    (ThreeFactor(on_pre=.1, multiplicative=True), "multiplicative rule needs a finite `low`"),
    (ThreeFactor(on_pre=1*mV/Hz, trace_pre=-1*ms), "plasticity trace_pre is -1 ms"),
])
def test_a_rule_that_cannot_work_is_refused(rule, message):
    with pytest.raises(DescriptionError, match=f"projection in->out: .*{message}"):
        circuit(joined(plasticity=rule))


def test_a_spiking_gate_is_refused():
    with pytest.raises(DescriptionError, match=r"gate 'in' spikes; a gate must be graded"):
        circuit(joined(plasticity=ThreeFactor(on_pre=1*mV/Hz, gate="in")), sizes=(4, 4))


def test_a_plastic_projection_is_not_low_passed():
    with pytest.raises(DescriptionError, match=r"cannot also be low-passed; low-pass an earlier"):
        circuit(joined(lowpass=5*ms, plasticity=ThreeFactor(on_pre=1*mV/Hz)))


@pytest.mark.parametrize("change", [-0.1, -1*mV/Hz, Parameter(-0.1, "1"), cited(-0.1, "x"), np.nan])
def test_the_size_of_a_change_is_positive(change):
    for name in (lambda c: dopamine_depression("DAN", c), lambda c: anti_hebbian(c, 1*ms, low=0)):
        with pytest.raises(DescriptionError, match=r"plasticity change is .*positive number"):
            name(change)


@pytest.mark.parametrize("pre, post, acts, unit", [
    (CELL, CELL, "additive", "volt/hertz"), (Poisson(), CELL, "additive", "volt/hertz"),
    (graded(1*ms), CELL, "additive", "1"), (Drive(), CELL, "additive", "volt"), (Drive("volt"), CELL, "additive", "1"),
    (CELL, RATE, "additive", "1/hertz"), (RATE, RATE, "additive", "1"), (CELL, CELL, "divisive", "1/hertz"),
    (graded(1*ms), CELL, "divisive", "1/volt"), (RATE, CELL, "divisive", "1")])
def test_weight_units_follow_from_drive_over_emission(pre, post, acts, unit):
    assert weight_unit(pre, post, acts) == unit


def test_the_graded_gate_rule_has_a_rate_per_emission():
    """dw/dt = D·b·r: for a graded presynaptic cell of unit 1 and a gate of unit 1 the coefficient is w per second."""
    rule = ThreeFactor(on_pre=2/second, gate="DAN")
    settled = circuit(joined(0.5, plasticity=rule), pre=RATE, post=RATE).projections[0].plasticity
    assert float(settled.on_pre) == 2.0


def test_as_rates_swaps_spiking_cells_for_the_rate_neuron_they_own():
    spiking = circuit(joined(lowpass=5*ms), ports={"odour": Port("in", ("x",))})
    rates = as_rates(spiking)
    neurons = {p.name: p.neuron for p in rates.populations}
    assert isinstance(neurons["out"], Rate) and isinstance(neurons["in"], Poisson)
    assert neurons["out"].tau == CELL.tau and neurons["out"].transfer == CELL.curve
    assert (rates.projections, rates.ports) == (spiking.projections, spiking.ports)
    assert [p.size for p in rates.populations] == [p.size for p in spiking.populations]
    assert as_rates(rates).populations == rates.populations


def test_settled_projections_stay_as_they_are():
    once = circuit(joined(LogNormal(1*mV/Hz, .3), delay=1*ms))
    assert replace(once).projections == once.projections


def test_tanh_is_dimensionless_in_its_output():
    assert Rate(1*ms, Tanh(gain=1/(5*mV), unit_in="volt")).unit_out == "1"
