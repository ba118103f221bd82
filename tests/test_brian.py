"""Brian2 and the numba loop give the same spikes, traces, responses and weights, step for step."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from brian_cases import CIRCUITS, GROUPS, assert_same, at_once, protocol, session_of, transfer

from neuroam.circuit import Projection
from neuroam.connect import all_to_all
from neuroam.errors import DescriptionError, Unsupported
from neuroam.manipulations import BlockPlasticity
from neuroam.session import schedule
from neuroam.solvers import Brian, Numba
from neuroam.solvers.base import FEATURES, needs
from neuroam.transfer import Tanh
from neuroam.wiring import wire

METHODS = "exponential_euler", "euler"
SOME_LEARN = "spike timing", "dopamine", "graded rule", "mixed rule"


def compare(wired, session, method="exponential_euler"):
    outcome = Numba(method=method).run(wired, session)
    assert_same(outcome, Brian(method=method).run(wired, session))
    return outcome


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CIRCUITS)
def test_every_feature_agrees_with_numba(name, method):
    outcome = compare(*session_of(name), method)
    assert any(np.any(values) for values in outcome.responses.values())


@pytest.mark.parametrize("name", SOME_LEARN)
def test_these_weights_do_change(name):
    wired, session = session_of(name)
    final = Brian().run(wired, session).weights
    plastic = [q for q in wired.projections if q.plasticity is not None]
    assert plastic and all(np.abs(final[q.name] - q.weight).max() > 1e-9 for q in plastic)


@pytest.mark.parametrize("name", ["delayed", "at once", "spike timing", "graded rule", "low-pass"])
def test_state_is_carried_over_unless_a_trial_resets_it(name):
    compare(*session_of(name, resets=(True, False, True)))
    compare(*session_of(name, resets=(False, False, False)))


@pytest.mark.parametrize("name", ["spike timing, sparse and delayed", "graded rule"])
def test_a_fresh_block_starts_with_the_weights_as_wired(name):
    compare(*session_of(name, fresh=True))


@pytest.mark.parametrize("group", GROUPS)
def test_manipulated_animals(group):
    wired, session = session_of("spiking")
    for manipulation in GROUPS[group]:
        wired = manipulation.apply(wired)
    compare(wired, session)


def test_blocked_plasticity_leaves_the_weights():
    wired, session = session_of("spike timing")
    compare(BlockPlasticity("in", "out").apply(wired), session)


def test_trials_in_shuffled_order_give_responses_in_the_order_of_the_protocol():
    for seed in (1, 2, 3):
        compare(*session_of("spiking", seed, shuffle=True))


def test_peaks_and_traces_of_some_cells():
    wired, session = session_of("spiking")
    session = replace(session, peaks=(1, 2), record=((0, ()), (1, (3, 0)), (2, ())))
    compare(wired, session)


def test_without_traces():
    compare(*session_of("spiking", every=None))


@pytest.mark.filterwarnings("ignore")
def test_single_precision_is_close():
    wired, session = session_of("tanh")
    one, other = (solver.run(wired, session) for solver in (Numba(), Brian(dtype="float32")))
    np.testing.assert_allclose(one.responses["out"], other.responses["out"], rtol=1e-4, atol=1e-5)


def test_delayed_graded_emission_is_refused_with_its_cure():
    circuit = transfer(Tanh())()
    delayed = replace(circuit, projections=(replace(circuit.projections[1], delay=2*ms),))
    wired = wire(delayed, 1)
    with pytest.raises(Unsupported, match=r"out->out.*lowpass"):
        Brian().run(wired, schedule(protocol(delayed, ("out",)), wired, 1e-4))


def test_the_cases_use_every_feature_that_brian_carries():
    used = {feature for name in CIRCUITS for feature in needs(*session_of(name, resets=(True, False, True)))}
    assert used | {"conductances"} == Brian.carries  # those are in test_conductances
    assert set(FEATURES) - Brian.carries == {"delayed graded emission", "escape-rate cells",
                                             "layer-wide transfer functions"}


def test_spikes_that_divide_need_a_time_constant():
    circuit = at_once()
    dividing = replace(circuit, projections=(Projection("out", "slow", all_to_all(), 0, acts="divisive"),))
    wired = wire(dividing, 1)
    session = schedule(protocol(dividing, ("out",)), wired, 1e-4)
    for solver in (Numba(), Brian()):
        with pytest.raises(DescriptionError, match="act at once"):
            solver.run(wired, session)


@pytest.mark.parametrize("wrong", [{"device": "gpu"}, {"method": "rk4"}, {"target": "c"}, {"dtype": "int"}])
def test_unknown_options_name_the_known_ones(wrong):
    with pytest.raises(DescriptionError, match="use one of"):
        Brian(**wrong)


def test_an_unstable_step_is_refused():
    wired, session = session_of("tanh")
    with pytest.raises(DescriptionError, match="unstable"):
        Brian(method="euler", dt=1e-2).run(wired, replace(session, dt=1e-2))
