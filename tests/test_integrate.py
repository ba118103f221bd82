"""Hidden neurons integrated out: each memory against its closed form, its energy against differences, refusals."""
from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from neuroam.circuit import Circuit, Population, Projection, as_spikes
from neuroam.circuits.hippocampus import hippocampus
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, one_to_one
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.integrate import integrate_out
from neuroam.effective.one_by_one import as_binary
from neuroam.effective.stepping import Descent, Steps, lagrangian_into
from neuroam.errors import DescriptionError, Unsupported
from neuroam.manipulations import Scale, Silence
from neuroam.neurons import LIF, Drive, Rate
from neuroam.plasticity import hebbian
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.session import schedule
from neuroam.transfer import Exponential, Linear, Power, Rectified, Softmax, Tanh
from neuroam.wiring import wire

N, P = 60, 8
BINARY = ("classical", "polynomial", "exponential")
MODELS = (*BINARY, "softmax", "softmax with a body", "spherical")


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def closed_form(model, v, xi, gain):
    """One synchronous update of each memory as its paper writes it."""
    g = {"softmax": v, "softmax with a body": v,
         "spherical": N**.5 * v / np.linalg.norm(v, axis=1, keepdims=True)}.get(
             model, np.where(v >= 0, 1., -1.) if np.isinf(gain) else np.tanh(gain * v))
    m = g @ xi.T / N
    if model == "classical":  # Hopfield 1982, 1984: J = ξᵀξ/N without its diagonal
        j = xi.T @ xi / N
        np.fill_diagonal(j, 0)
        return g @ j
    if model == "softmax":  # Ramsauer et al. 2020
        return softmax(20 * m) @ xi
    if model == "softmax with a body":
        e = 1000 * np.exp(10 * (m - 1))
        return e / (1 + e.sum(axis=1, keepdims=True)) @ xi
    f = np.exp(5 * (m - 1)) if model == "exponential" else np.maximum(m, 0)**2
    return f @ xi


def cases():
    return [(m, 10.0) for m in MODELS] + [(m, np.inf) for m in BINARY]


@pytest.fixture
def states():
    return np.random.default_rng(0).standard_normal((5, N))


@pytest.mark.parametrize("model, gain", cases())
def test_each_memory_is_its_closed_form(model, gain, states):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=gain), 3)
    np.testing.assert_allclose(integrate_out(wired).update(states), closed_form(model, states, wired.patterns, gain),
                               rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("model", MODELS)
def test_minus_the_gradient_of_the_energy_drives_the_state(model, states):
    """−∂E/∂g = update − v, so dE along a small step is −(update − v)·dg; a wrong term of either would show."""
    effective = integrate_out(wire(visible_hidden(model=model, patterns=P, cells=N, gain=0.7), 3))
    drive = np.random.default_rng(1).standard_normal(N) * (model != "softmax with a body")
    step = 1e-5 * np.random.default_rng(2).standard_normal(states.shape)
    change = effective.energy(states + step, drive) - effective.energy(states - step, drive)
    emitted = effective.emission(states + step) - effective.emission(states - step)
    pull = effective.update(states, drive) - states
    if model == "spherical":  # its emission says nothing of the length of the state
        pull = effective.update(states, drive)
        emitted_along = (states * emitted).sum(axis=1)
        np.testing.assert_allclose(emitted_along, 0, atol=1e-8)
    np.testing.assert_allclose(change, -(pull * emitted).sum(axis=1), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_the_energy_falls_along_the_flow(model, states):
    effective = integrate_out(wire(visible_hidden(model=model, patterns=P, cells=N, gain=3.0), 3))
    energies = [effective.energy(states)]
    for _ in range(100):
        states = effective.flow(states, 1e-3, 1e-3)
        energies.append(effective.energy(states))
    assert np.diff(energies, axis=0).max() <= 1e-9


def test_one_euler_step_of_the_visible_time_constant_is_the_update(states):
    wired = wire(visible_hidden(model="softmax", patterns=P, cells=N), 3)
    effective = integrate_out(wired)
    alike = effective.flow(states, 50 * effective.tau, 50 * effective.tau)
    np.testing.assert_allclose(alike, effective.update(states), rtol=1e-12)


def test_a_sharp_softmax_memory_needs_one_update():
    wired = wire(visible_hidden(model="softmax", patterns=P, cells=N, sharpness=300.0), 3)
    cues = wired.patterns.copy()
    cues[:, :12] *= -1
    final, steps = integrate_out(wired).settle(cues, tolerance=1e-9)
    np.testing.assert_allclose(final, wired.patterns, atol=1e-9)
    assert (steps == 1).all()


def test_a_state_may_be_one_or_many(states):
    effective = integrate_out(wire(visible_hidden(model="polynomial", patterns=P, cells=N), 3))
    np.testing.assert_allclose(effective.update(states[0]), effective.update(states)[0], rtol=1e-12)
    np.testing.assert_allclose(effective.energy(states[0]), effective.energy(states)[0], rtol=1e-12)


@pytest.mark.parametrize("model", BINARY)
def test_neuron_by_neuron_ends_where_no_flip_lowers_the_energy(model):
    effective = integrate_out(wire(visible_hidden(model=model, patterns=12, cells=N, gain=np.inf), 3))
    rng = np.random.default_rng(0)
    starts = rng.choice([-1., 1.], (20, N))
    final = effective.asynchronous(starts, rng)
    assert (effective.energy(final) <= effective.energy(starts)).all()
    for i in range(N):
        flipped = final.copy()
        flipped[:, i] *= -1
        assert (effective.energy(flipped) >= effective.energy(final) - 1e-9).all()
    binary = as_binary(effective)
    assert binary is not None and binary.stable(final).all()
    looked_up = binary.relax(starts, 100, rng).astype(float)
    np.testing.assert_array_equal(effective.asynchronous(looked_up, rng), looked_up)


def test_graded_neurons_one_at_a_time_reach_a_fixed_point():
    wired = wire(visible_hidden(model="softmax", patterns=P, cells=N), 3)
    effective = integrate_out(wired)
    final = effective.asynchronous(wired.patterns, np.random.default_rng(0))
    np.testing.assert_allclose(effective.update(final), final, atol=1e-9)


def test_a_spiking_pool_is_integrated_out_by_its_expected_emission(states):
    circuit = visible_hidden(model="softmax", patterns=P, cells=N)
    rate, spiking = (integrate_out(wire(c, 3)) for c in (circuit, as_spikes(circuit)))
    np.testing.assert_allclose(spiking.update(states), rate.update(states), rtol=1e-12)


def test_a_spiking_neuron_is_integrated_out_by_the_rate_curve_it_owns():
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV)
    there = np.random.default_rng(0).random((3, 4)) * 0.01
    circuit = Circuit("spikes", (Population("in", 4, Drive()), Population("v", 4, Rate(20*ms, Linear())),
                                 Population("h", 3, cell)),
                      (Projection("in", "v", all_to_all(), np.eye(4)), Projection("v", "h", all_to_all(), there*mV*1e3),
                       Projection("h", "v", all_to_all(), .01/Hz)), {"cue": "in"})
    effective = integrate_out(wire(circuit, 0), "h")
    v = np.array([1.0, 2.0, 0.5, 1.5])
    np.testing.assert_allclose(effective.update(v), np.full(4, 0.01 * cell.rate(there @ v).sum()), rtol=1e-12)
    with pytest.raises(Unsupported, match=r"no energy: .*not the transpose"):
        effective.energy(v)


def test_the_protocol_level_ends_in_the_fixed_point_of_the_model():
    wired = wire(visible_hidden(model="polynomial", patterns=P, cells=N), 3)
    cue = Stimulus("cue", "pattern 2", 50*ms)
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 600*ms, (cue,), measured=(550*ms, 50*ms)),)),),
                        (Record("visible"),))
    outcome = Adiabatic(1e-3).run(wired, schedule(protocol, wired, 1e-3))
    effective = integrate_out(wired)
    final, _ = effective.settle(wired.patterns[1:2])
    np.testing.assert_allclose(outcome.responses["visible"], effective.emission(final), atol=1e-9)


@pytest.mark.parametrize("lateral", [0.0, 0.4])
@pytest.mark.parametrize("model, competition", [("softmax with a body", 1000.0), ("softmax with a body", 10.0),
                                                ("softmax", 1000.0)])
def test_under_a_lasting_cue_the_flow_is_the_circuit(model, competition, lateral):
    """Step by step. An interneuron that divides also divides the cue, and what visible neurons tell each other."""
    plain = visible_hidden(model=model, patterns=P, cells=N, competition=competition)
    joined = replace(plain, projections=(*plain.projections, Projection("visible", "visible", one_to_one(), lateral)))
    wired = wire(joined, 3)
    cue = 0.3 * wired.patterns[1] - wired.patterns[0]
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 200*ms, (Stimulus("cue", cue, 200*ms),)),)),),
                        (Record("visible", 1*ms),))
    trace = Adiabatic(1e-3).run(wired, schedule(protocol, wired, 1e-3)).traces["visible"]
    effective, v = integrate_out(wired), np.zeros(N)
    for step in trace:
        np.testing.assert_allclose(effective.emission(v), step, rtol=0, atol=1e-12)
        v = effective.flow(v, 1e-3, 1e-3, cue)
    alone = effective.update(v, cue) - effective.update(v) - cue  # control: undivided, that would be 0
    assert (np.abs(alone).max() > 1e-3) == (model == "softmax with a body")


def test_a_divided_drive_is_the_gradient_of_nothing(states):
    body = visible_hidden(model="softmax with a body", patterns=P, cells=N)
    effective = integrate_out(wire(body, 3))
    assert np.isfinite(effective.energy(states)).all()
    with pytest.raises(Unsupported, match="no energy under a drive, which its interneuron divides; leave the drive"):
        effective.energy(states, 1.0)
    joined = replace(body, projections=(*body.projections, Projection("visible", "visible", one_to_one(), 0.5)))
    with pytest.raises(Unsupported, match="what visible neurons tell each other is divided"):
        integrate_out(wire(joined, 3)).energy(states)


@pytest.mark.parametrize("circuit, hidden, message", [
    (mushroom_body(kenyon=50), ("KC",), "KC.* leaves .*MBON|has no place once KC"),
    (mushroom_body(kenyon=50), ("KC", "APL"), "APL, KC .*in a loop.* absorb the loop"),
    (hippocampus(patterns=4, cells=20, granule=50), (), "neither one storing population nor"),
    (replace(visible_hidden(patterns=P, cells=N), hidden=()), (), "names no hidden population"),
    (visible_hidden(patterns=P, cells=N), ("memry",), "unknown population 'memry'; did you mean 'memory'"),
])
def test_what_cannot_be_integrated_out_is_refused(circuit, hidden, message):
    with pytest.raises((Unsupported, DescriptionError), match=message):
        integrate_out(wire(circuit, 0), *hidden)


def small(*extra, there="additive"):
    """Four visible, three hidden neurons, and inputs to whom the extra projections say."""
    weight = np.random.default_rng(0).standard_normal((3, 4))
    cells = (Population("in", 4, Drive()), Population("bias", 3, Drive()), Population("v", 4, Rate(20*ms, Tanh())),
             Population("h", 3, Rate(5*ms, Rectified())))
    return Circuit("small", cells, (Projection("v", "h", all_to_all(), weight, acts=there),
                                    Projection("h", "v", all_to_all(), weight.T), *extra),
                   {"in": "in", "bias": "bias"}, hidden=("h",))


@pytest.mark.parametrize("circuit, message", [
    (small(Projection("bias", "h", one_to_one(), 5.0)), "bias->h is an input to what is integrated out.*block it"),
    (small(there="divisive"), "v->h divides, and an effective model adds it up; make it additive"),
    (small(Projection("v", "v", all_to_all(), 1.0, acts="divisive")), "v->v divides, .*make it additive"),
    (small(Projection("in", "v", one_to_one(), 1.0, acts="divisive")), "in->v divides, and inputs .* make it additive"),
])
def test_what_would_be_dropped_or_misread_is_refused(circuit, message):
    with pytest.raises(Unsupported, match=message):
        integrate_out(wire(circuit))


def test_conductances_are_refused():
    wired = wire(small())
    with pytest.raises(Unsupported, match=r"v->h is a conductance.*leave its reversal potential out"):
        integrate_out(wired.with_projection(0, reversal=0.0))


def test_blocked_or_silenced_inputs_are_no_reason_to_refuse():
    biased, states = small(Projection("bias", "h", one_to_one(), 5.0)), np.ones((2, 4))
    for lesion in (Scale("bias", "h", 0.0), Silence("bias")):
        np.testing.assert_array_equal(integrate_out(lesion.apply(wire(biased))).update(states),
                                      integrate_out(wire(small())).update(states))


def test_an_interneuron_that_divides_by_less_than_one_is_no_softmax():
    wired = wire(visible_hidden(model="softmax with a body", patterns=P, cells=N), 3)
    with pytest.raises(Unsupported, match=r"pool divides by 1 .* is no softmax; make the weights of memory->pool and"):
        integrate_out(Scale("memory", "pool", -1.0).apply(wired))


def test_a_plastic_projection_is_refused():
    plain = visible_hidden(model="classical", patterns=P, cells=N)
    rule = hebbian(1e-6*Hz, 20*ms, high=10.0, low=-10.0)
    changed = tuple(replace(q, plasticity=rule) if q.name == "visible->memory" else q for q in plain.projections)
    with pytest.raises(Unsupported, match=r"visible->memory is plastic.*BlockPlasticity"):
        integrate_out(wire(replace(plain, projections=changed), 0))


def test_asymmetric_synapses_have_no_energy(states):
    wired = wire(visible_hidden(model="softmax", patterns=P, cells=N), 3)
    back = wired.between("memory", "visible", "test")[0]
    asymmetric = wired.with_projection(back, weight=np.roll(wired.projections[back].weight, 1, axis=1))
    effective = integrate_out(asymmetric)
    assert effective.update(states).shape == states.shape
    with pytest.raises(Unsupported, match="not the transpose of the similarity; make the synapses symmetric"):
        effective.energy(states)


@pytest.mark.parametrize("wrong, message", [(np.zeros((2, N + 1)), "need \\(n_states, 60\\)"),
                                            (np.full((1, N), np.nan), "hold NaN or infinity")])
def test_states_are_checked(wrong, message):
    with pytest.raises(DescriptionError, match=message):
        integrate_out(wire(visible_hidden(patterns=P, cells=N), 0)).update(wrong)


@pytest.mark.parametrize("wrong, message", [
    (np.nan, "drive of .* holds NaN or infinity"), (np.full(N, np.inf), "drive of .* holds NaN or infinity"),
    (np.ones(7), r"drive of .* has shape \(7,\); give one number, .* \(60,\), or .* \(5, 60\)"),
    (np.ones((4, N)), r"has shape \(4, 60\)"), (np.ones((1, 5, N)), r"has shape \(1, 5, 60\)")])
def test_drives_are_checked(wrong, message, states):
    effective = integrate_out(wire(visible_hidden(patterns=P, cells=N), 0))
    for ask in (effective.update, effective.energy, effective.settle, lambda v, drive: effective.flow(v, 1, 1, drive)):
        with pytest.raises(DescriptionError, match=message):
            ask(states, wrong)


def test_a_drive_may_be_one_or_one_for_each_state(states):
    effective = integrate_out(wire(visible_hidden(patterns=P, cells=N), 0))
    drive = np.random.default_rng(1).standard_normal(states.shape)
    for given in (0.5, drive[0], drive, drive[:, :1]):
        np.testing.assert_allclose(effective.update(states, given) - effective.update(states), given + 0 * drive,
                                   atol=1e-12)


@pytest.mark.parametrize("gain", [10.0, np.inf])
def test_asynchronous_updates_need_a_generator(gain, states):
    with pytest.raises(DescriptionError, match="rng is None; give a numpy Generator"):
        integrate_out(wire(visible_hidden(model="classical", patterns=P, cells=N, gain=gain), 0)).asynchronous(
            states, None)


@pytest.mark.parametrize("settings, message", [
    ({"sharpness": 0.0}, "sharpness is 0.0"), ({"sharpness": -1.0}, "sharpness"), ({"power": 1}, "power is 1"),
    ({"model": "softmx"}, "use one of"), ({"images": "faces"}, "images is 'faces'")])
def test_settings_are_checked(settings, message):
    with pytest.raises(DescriptionError, match=message):
        visible_hidden(**settings)


def test_too_many_patterns_say_what_they_need():
    with pytest.raises(DescriptionError, match=r"needs .* GB for its weights and patterns, and .* GB are free"):
        wire(visible_hidden(patterns=10**7, cells=10**5), 0)


# lesions

def lesioned(wired, population, emission):
    """The circuit with what multiplies the emission of each cell."""
    return wired.with_population(wired.index[population], gain=np.asarray(emission, float))


def some(size, part=0.3, seed=5):
    return (np.random.default_rng(seed).random(size) > part).astype(float)


@pytest.mark.parametrize("model", BINARY)
@pytest.mark.parametrize("there, kept", [("memory", some(P)), ("visible", some(N)), ("memory", np.linspace(0, 2, P))])
def test_silenced_and_scaled_cells_are_taken_into_the_closed_form(model, there, kept, states):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=10.0), 3)
    left_v, left_h = (kept if there == name else 1.0 for name in ("visible", "memory"))
    g = np.tanh(10 * states) * left_v
    m = g @ wired.patterns.T / N
    f = {"classical": m, "polynomial": np.maximum(m, 0)**2, "exponential": np.exp(5 * (m - 1))}[model]
    expected = (f * left_h) @ wired.patterns - (g * P / N if model == "classical" else 0.0)
    found = integrate_out(lesioned(wired, there, kept))
    np.testing.assert_allclose(found.update(states), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found.emission(states), g, rtol=1e-12)
    assert np.abs(integrate_out(wired).update(states) - expected).max() > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_circuit_without_its_memory_answers_nothing(model, states):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N), 3)
    own = -integrate_out(wired).emission(states) * P / N if model == "classical" else np.zeros((5, N))
    silenced = integrate_out(Silence("memory").apply(wired))
    np.testing.assert_allclose(silenced.update(states), own, rtol=1e-12, atol=1e-15)
    assert np.isfinite(silenced.energy(states)).all()


@pytest.mark.parametrize("there, kept", [("memory", some(P)), ("memory", np.linspace(0, 2, P)), ("pool", [0.5])])
def test_who_is_silenced_does_not_compete_for_the_interneuron(there, kept, states):
    wired = wire(visible_hidden(model="softmax with a body", patterns=P, cells=N), 3)
    e = np.exp(10 * (states @ wired.patterns.T / N - 1)) * (kept if there == "memory" else 1.0)
    divided = 1000 * e / (1 + 1000 * (kept[0] if there == "pool" else 1.0) * e.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(integrate_out(lesioned(wired, there, kept)).update(states), divided @ wired.patterns,
                               rtol=1e-11)


@pytest.mark.parametrize("model", [*BINARY, "softmax", "spherical"])
def test_with_its_answers_blocked_a_memory_has_no_part_in_the_energy(model, states):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=0.7), 3)
    blocked, silenced = (integrate_out(lesion.apply(wired)) for lesion in (Scale("memory", "visible", 0.0),
                                                                           Silence("memory")))
    np.testing.assert_array_equal(blocked.update(states), silenced.update(states))
    np.testing.assert_allclose(np.diff(blocked.energy(states)), np.diff(silenced.energy(states)), rtol=1e-9)


def test_blocked_answers_of_a_body_still_divide_a_drive(states):
    """The interneuron hears the memory whoever else does."""
    wired = wire(visible_hidden(model="softmax with a body", patterns=P, cells=N), 3)
    e = np.exp(10 * (states @ wired.patterns.T / N - 1)).sum(axis=1, keepdims=True)
    blocked = integrate_out(Scale("memory", "visible", 0.0).apply(wired))
    np.testing.assert_allclose(blocked.update(states, 2.0), np.broadcast_to(2 / (1 + 1000 * e), states.shape),
                               rtol=1e-10)


@pytest.mark.parametrize("lesion", [Silence("pool"), Scale("memory", "pool", 0.0), Scale("pool", "visible", 0.0)])
def test_without_its_interneuron_a_body_is_exponential(lesion, states):
    wired = wire(visible_hidden(model="softmax with a body", patterns=P, cells=N), 3)
    e = np.exp(10 * (states @ wired.patterns.T / N - 1))
    np.testing.assert_allclose(integrate_out(lesion.apply(wired)).update(states), 1000 * e @ wired.patterns, rtol=1e-12)


def test_a_silenced_cell_of_a_softmax_still_takes_its_share(states):
    """What it would emit is lost; the others do not get it. That is no gradient."""
    wired, kept = wire(visible_hidden(model="softmax", patterns=P, cells=N), 3), some(P)
    effective = integrate_out(lesioned(wired, "memory", kept))
    expected = (softmax(20 * states @ wired.patterns.T / N) * kept) @ wired.patterns
    np.testing.assert_allclose(effective.update(states), expected, rtol=1e-12)
    with pytest.raises(Unsupported, match="no energy: the emission of memory is scaled or silenced in part"):
        effective.energy(states)


def test_a_spiking_cell_is_silenced_by_its_threshold():
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV)
    circuit = Circuit("spikes", (Population("in", 4, Drive()), Population("v", 4, Rate(20*ms, Linear())),
                                 Population("h", 3, cell)),
                      (Projection("v", "h", all_to_all(), 20*mV), Projection("h", "v", all_to_all(), .01/Hz)),
                      {"cue": "in"})
    silenced = Silence("h").apply(wire(circuit, 0))
    assert np.abs(integrate_out(wire(circuit, 0), "h").update(np.ones(4))).min() > 0
    np.testing.assert_array_equal(integrate_out(silenced, "h").update(np.ones(4)), 0)


@pytest.mark.parametrize("there, size", [("memory", P), ("visible", N)])
@pytest.mark.parametrize("model", ["classical", "polynomial", "exponential", "softmax with a body"])
def test_what_is_left_of_a_lesioned_circuit_descends_its_energy(model, there, size, states):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=0.7), 3)
    effective = integrate_out(lesioned(wired, there, some(size)))
    step = 1e-5 * np.random.default_rng(2).standard_normal(states.shape)
    change = effective.energy(states + step) - effective.energy(states - step)
    emitted = effective.emission(states + step) - effective.emission(states - step)
    pull = effective.update(states) - states
    np.testing.assert_allclose(change, -(pull * emitted).sum(axis=1), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("model", BINARY)
@pytest.mark.parametrize("there, size", [("memory", P), ("visible", N)])
def test_lesioned_binary_neurons_end_where_no_flip_lowers_the_energy(model, there, size):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=np.inf), 3)
    effective, rng = integrate_out(lesioned(wired, there, some(size))), np.random.default_rng(0)
    assert as_binary(effective) is None
    final = effective.asynchronous(rng.choice([-1., 1.], (10, N)), rng)
    for i in range(N):
        flipped = final.copy()
        flipped[:, i] *= -1
        assert (effective.energy(flipped) >= effective.energy(final) - 1e-9).all()


@pytest.mark.parametrize("model", BINARY)
def test_a_silenced_memory_recalls_nothing_at_the_level_of_a_protocol(model):
    wired = wire(visible_hidden(model=model, patterns=3, cells=N, gain=np.inf), 3)
    cue = wired.patterns[0].copy()
    cue[:12] *= -1
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 50*ms, (Stimulus("cue", cue, 50*ms),)),)),),
                        (Record("visible"), Record("memory"), Record("cue")))
    made = [Adiabatic(1e-3).run(w, schedule(protocol, w, 1e-3)).responses
            for w in (wired, *(Silence(name).apply(wired) for name in ("memory", "visible", "cue")),
                      Scale("memory", "visible", 0.0).apply(wired))]
    np.testing.assert_array_equal(made[0]["visible"][0], wired.patterns[0])
    np.testing.assert_array_equal(made[1]["visible"][0], cue)
    np.testing.assert_array_equal(made[1]["memory"], 0)
    np.testing.assert_array_equal(made[2]["visible"], 0)
    np.testing.assert_array_equal(made[3]["cue"], 0)
    np.testing.assert_array_equal(made[4]["visible"][0], cue)
    heard = wired.patterns @ cue
    answers = {"classical": heard / N, "polynomial": np.maximum(heard / N, 0)**2,
               "exponential": np.exp(5 * (heard / N - 1))}[model]
    np.testing.assert_allclose(made[4]["memory"][0], answers, rtol=1e-12)


@pytest.mark.parametrize("power, looked_up", [(3, True), (4.0, True), (3.5, False)])
def test_powers_between_whole_numbers_are_not_rounded(power, looked_up):
    """What a protocol ends in is a minimum of −Σ [m]₊ⁿ for that very n."""
    wired = wire(visible_hidden(model="polynomial", patterns=40, cells=N, gain=np.inf, power=power), 3)
    effective = integrate_out(wired)
    assert (as_binary(effective) is not None) == looked_up
    states = np.random.default_rng(1).choice([-1., 1.], (5, N))
    expected = (np.maximum(states @ wired.patterns.T / N, 0)**(power - 1)) @ wired.patterns
    np.testing.assert_allclose(effective.update(states), expected, rtol=1e-11, atol=1e-13)
    cue = wired.patterns[0].copy()
    cue[:20] *= -1
    protocol = Protocol("p", "p", "", (Block("b", (Trial("t", 50*ms, (Stimulus("cue", cue, 50*ms),)),)),),
                        (Record("visible"),))
    final = Adiabatic(1e-3).run(wired, schedule(protocol, wired, 1e-3)).responses["visible"]
    energy = -(np.maximum(final @ wired.patterns.T / N, 0)**power).sum() * N / power
    np.testing.assert_allclose(effective.energy(final), energy, rtol=1e-11)
    for i in range(N):
        flipped = final.copy()
        flipped[:, i] *= -1
        assert -(np.maximum(flipped @ wired.patterns.T / N, 0)**power).sum() * N / power >= energy - 1e-9


def test_thresholds_of_their_own_are_not_looked_up():
    wired = wire(visible_hidden(model="exponential", patterns=P, cells=N, gain=np.inf), 3)
    memory = wired.index["memory"]
    assert as_binary(integrate_out(wired)) is not None
    raised = wired.with_population(memory, threshold=wired.populations[memory].threshold + np.arange(P))
    assert as_binary(integrate_out(raised)) is None


def test_binary_neurons_are_not_looked_up_where_they_are_graded():
    assert as_binary(integrate_out(wire(visible_hidden(model="polynomial", patterns=P, cells=N), 0))) is None
    assert as_binary(integrate_out(wire(visible_hidden(model="polynomial", patterns=P, cells=N, gain=np.inf), 0)))


# precision and memory

PRECISION = {"float64": 1e-12, "float32": 2e-5}


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("model, gain", cases())
def test_each_memory_is_its_closed_form_in_either_precision(model, gain, dtype, states):
    """Of the largest component; states stay in the precision of the model."""
    wired = wire(visible_hidden(model=model, patterns=P, cells=N, gain=gain), 3)
    effective = integrate_out(wired, dtype=dtype)
    expected = closed_form(model, states, wired.patterns, gain)
    found = effective.update(states)
    assert found.dtype == dtype and np.abs(found - expected).max() <= PRECISION[dtype] * np.abs(expected).max()
    if dtype == "float32":  # as a control: it is not double precision in disguise
        assert np.abs(found - expected).max() > 0 or np.isinf(gain)
    for result in (effective.flow(states, 1e-3, 1e-3), effective.settle(states, most=3)[0], effective.energy(states)):
        assert result.dtype == dtype


@pytest.mark.parametrize("model", MODELS)
def test_single_precision_settles_where_double_does(model):
    wired = wire(visible_hidden(model=model, patterns=P, cells=N), 3)
    cues = wired.patterns.copy()
    cues[:, :6] *= -1
    double, single = (integrate_out(wired, dtype=dtype).settle(cues, most=500)[0] for dtype in PRECISION)
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-4 * np.abs(double).max())


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(DescriptionError, match="dtype is 'float16'; use 'float64' or 'float32'"):
        integrate_out(wire(visible_hidden(patterns=P, cells=N), 0), dtype="float16")


def peak_while(step, number=30):
    """Bytes taken at any moment of some steps, after a few."""
    for _ in range(3):
        step()
    tracemalloc.start()
    for _ in range(number):
        step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("model", MODELS)
def test_no_step_takes_memory(model, dtype):
    """Less, at any moment, than one of the arrays of 8 hidden neurons in 400 states."""
    effective = integrate_out(wire(visible_hidden(model=model, patterns=P, cells=N), 3), dtype=dtype)
    starts = np.random.default_rng(0).standard_normal((400, N))
    steps, counts = Steps(effective, starts, np.ones(N)), np.zeros(400, np.int64)
    least = P * 400 * np.dtype(dtype).itemsize
    assert peak_while(lambda: steps.flow(0.1)) < least
    assert peak_while(lambda: steps.settle(1e-12, counts)) < least
    assert peak_while(lambda: effective.update(starts), 1) > least  # control: the measure sees what is taken


@pytest.mark.parametrize("model", BINARY)
def test_no_flip_takes_memory(model):
    effective = integrate_out(wire(visible_hidden(model=model, patterns=P, cells=N, gain=np.inf), 3))
    descent = Descent(Steps(effective, np.random.default_rng(0).choice([-1.0, 1.0], (400, N)), np.zeros(1)))
    assert peak_while(lambda: descent.flip(7)) < P * 400 * 8


@pytest.mark.parametrize("transfer", [Linear(0.7, 0.1), Rectified(1.3, 0.2), Power(0.4, 3.0), Power(0.2, 3.0, False),
                                      Exponential(0.3, 0.7), Softmax(1.5)], ids=lambda t: type(t).__name__)
def test_lagrangians_in_place_are_those_of_the_transfer_functions(transfer):
    x, theta, out = np.random.default_rng(0).standard_normal((7, 5)), np.linspace(-1, 1, 7), np.zeros(5)
    lagrangian_into(transfer, theta, x, out)()
    np.testing.assert_allclose(out, transfer.lagrangian(x, theta[:, None]), rtol=1e-12)


def test_a_flow_is_a_whole_number_of_steps(states):
    effective = integrate_out(wire(visible_hidden(patterns=P, cells=N), 0))
    with pytest.raises(DescriptionError, match=r"0.0025 s is 2.5 steps of 0.001 s; give a whole number of steps"):
        effective.flow(states, 2.5e-3, 1e-3)
    np.testing.assert_allclose(effective.flow(states, 0.3, 0.1), effective.flow(effective.flow(states, 0.2, 0.1), 0.1,
                                                                                 0.1), rtol=1e-12)
