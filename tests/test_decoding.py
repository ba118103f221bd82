"""Decoding against brute force, scikit-learn and what chance must give."""
from __future__ import annotations

import numpy as np
import pytest
from little_memory import answering

from neuroam.analysis.decoding import balanced_accuracy, confusion, cross_validated, deal, decode, nearest
from neuroam.analysis.responses import responses
from neuroam.prediction import DescriptionError

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], [12, 9, 15])
CODE = RNG.poisson(3 + 2 * RNG.random((3, 20))[LABELS], (36, 20)).astype(float)


@pytest.mark.parametrize("distance", ["euclidean", "correlation"])
def test_leave_one_out_by_brute_force(distance):
    found = cross_validated(CODE, LABELS, distance=distance)
    for k in range(len(LABELS)):
        others = np.arange(len(LABELS)) != k
        means = [CODE[others & (c == LABELS)].mean(axis=0) for c in range(3)]
        if distance == "euclidean":
            far = [np.sum((CODE[k] - m) ** 2) for m in means]
        else:
            far = [1 - np.corrcoef(CODE[k], m)[0, 1] for m in means]
        assert found[k] == np.argmin(far)


def test_scikit_learn_decodes_the_same():
    sklearn = pytest.importorskip("sklearn.neighbors")
    selection = pytest.importorskip("sklearn.model_selection")
    metrics = pytest.importorskip("sklearn.metrics")
    for folds in (None, 4):
        split = selection.LeaveOneOut() if folds is None else selection.PredefinedSplit(deal(LABELS, folds, 3))
        theirs = selection.cross_val_predict(sklearn.NearestCentroid(), CODE, LABELS, cv=split)
        ours = cross_validated(CODE, LABELS, folds, seed=3)
        np.testing.assert_array_equal(ours, theirs)
        assert balanced_accuracy(LABELS, ours) == pytest.approx(metrics.balanced_accuracy_score(LABELS, theirs))


def test_folds_have_their_share_of_every_condition():
    fold = deal(LABELS, 3, seed=1)
    for condition, number in enumerate((12, 9, 15)):
        assert np.bincount(fold[condition == LABELS]).tolist() == [number / 3] * 3
    assert deal(LABELS).tolist() == list(range(36))
    sizes = np.bincount(deal(np.repeat([0, 1], [5, 6]), 4))
    assert sizes.max() - sizes.min() <= 1


def test_codes_that_do_not_overlap_decode_without_error():
    code = np.kron(np.eye(3)[np.arange(12) % 3], [[10, 0]]).astype(int)
    found = decode(answering(code[None], ["abc"[k % 3] for k in range(12)]), "E", shuffles=50)
    assert float(found["accuracy"][0]) == 1 and found["decoded"].values[0].tolist() == list("abc" * 4)
    assert float(found["p"][0]) == pytest.approx(1 / 51) and float(found["chance"]) == pytest.approx(1 / 3)
    np.testing.assert_array_equal(confusion(found).values[0], np.eye(3))


def test_noise_decodes_at_chance():
    """20 animals whose codes know nothing: mean accuracy within the error of chance, shuffles alike, p spread out."""
    code = RNG.poisson(5, (20, 60, 10))
    found = decode(answering(code, ["ab"[k % 2] for k in range(60)]), "E", folds=6, shuffles=40, seed=5)
    assert float(found["accuracy"].mean()) == pytest.approx(0.5, abs=0.05)
    assert float(found["shuffled"].mean()) == pytest.approx(0.5, abs=0.03)
    assert (found["p"] <= 0.05).mean() <= 0.2 and found["p"].std() > 0.1


def test_leaving_one_out_of_noise_is_below_chance():
    """Why the control is the shuffle and not 1 / number of conditions."""
    code = np.random.default_rng(1).poisson(5, (200, 12, 30))
    found = decode(answering(code, ["ab"[k % 2] for k in range(12)]), "E", shuffles=5)
    assert float(found["shuffled"].mean()) < 0.47 and float(found["accuracy"].mean()) < 0.47


def test_silence_decodes_at_chance_and_not_at_all_by_correlation():
    recording = answering(np.zeros((1, 8, 3), int), list("abab" * 2))
    euclidean = decode(recording, "E", shuffles=5)
    assert float(euclidean["accuracy"][0]) == 0.5 and float(euclidean["p"][0]) == 1
    correlation = decode(recording, "E", shuffles=5, distance="correlation")
    assert float(correlation["accuracy"][0]) == 0 and (correlation["decoded"] == "").all()


def test_what_was_not_measured_is_not_decoded():
    code = np.stack([CODE, CODE])
    rates = responses(answering(code.astype(int), [f"s{k}" for k in LABELS]), "E")
    rates[0, 5, 3] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuroam.analysis.decoding.responses", lambda *_: rates)
        found = decode(answering(code.astype(int), [f"s{k}" for k in LABELS]), "E", shuffles=5)
    assert np.isnan(found["accuracy"][0]) and np.isnan(found["p"][0]) and np.isnan(found["shuffled"][0]).all()
    assert (found["decoded"][0] == "").all() and found["accuracy"][1] > 0.5 and found["p"][1] == 1 / 6


def test_a_silent_unit_changes_nothing():
    wider = np.concatenate([CODE, np.zeros((36, 4))], axis=1)
    np.testing.assert_array_equal(cross_validated(CODE, LABELS), cross_validated(wider, LABELS))


def test_the_same_seed_gives_the_same_folds_and_shuffles():
    recording = answering(CODE[None].astype(int), [f"s{k}" for k in LABELS])
    one, two, three = (decode(recording, "E", folds=3, shuffles=10, seed=s) for s in (1, 1, 2))
    assert one.identical(two) and not np.array_equal(one["shuffled"], three["shuffled"])


def test_conditions_may_be_any_label_of_trials():
    code = np.array([[[9, 0], [0, 9], [9, 0], [0, 9]]])
    found = decode(answering(code, list("wxyz"), phase=["early", "late"] * 2), "E", by="phase", shuffles=2)
    assert float(found["accuracy"][0]) == 1 and confusion(found)["condition"].values.tolist() == ["early", "late"]


def test_a_laboratorys_own_labels_are_decoded():
    """`choice` one for all animals; `correct` each animal's own, so that the same code decodes in one alone."""
    code = np.tile([[[9, 0], [0, 9]] * 4], (2, 1, 1))
    recording = answering(code, list("wxyz") * 2, choice=[-1, 1] * 4).assign_coords(
        correct=(("animal", "trial"), [[True, False] * 4, [True, True, False, False] * 2]))
    assert decode(recording, "E", by="choice", shuffles=2)["decoded"].values[0].tolist() == ["-1", "1"] * 4
    found = decode(recording, "E", by="correct", shuffles=2)
    assert found["accuracy"].values[0] == 1 and found["accuracy"].values[1] < 1
    np.testing.assert_array_equal(confusion(found).values[0], np.eye(2))
    np.testing.assert_allclose(np.diagonal(confusion(found).values, axis1=1, axis2=2).mean(axis=1), found["accuracy"])


@pytest.mark.parametrize("by", ["choice", "group", "trial", "unit"])
def test_what_is_no_label_of_trials_is_answered(by):
    with pytest.raises(DescriptionError, match=f"by is '{by}', which is no label of trials; they have: .*phase"):
        decode(answering(np.ones((1, 4, 2), int), list("abab")), "E", by=by)


def test_a_condition_one_animal_never_meets_is_answered():
    recording = answering(np.ones((2, 4, 2), int), list("abab")).assign_coords(
        correct=(("animal", "trial"), [[True, False] * 2, [True] * 4]))
    with pytest.raises(DescriptionError, match=r"condition 'False' has no trial; .* in every animal"):
        decode(recording, "E", by="correct", shuffles=2)


def test_a_condition_with_no_training_trial_is_never_nearest():
    mean = np.array([[0.0, 0.0], [np.nan, np.nan]])
    assert nearest(np.array([[9.0, 9.0]]), mean).tolist() == [0]
    assert nearest(np.ones((1, 2)), np.array([[0.0, 1.0]]), "correlation").tolist() == [-1]


@pytest.mark.parametrize("stimuli, options, message", [
    (list("aaaa"), {}, "all trials are 'a'"), (list("aaab"), {}, "condition 'b' has one trial"),
    (list("abab"), {"folds": 1}, "1 folds of 4 trials; give 2 to 4"),
    (list("abab"), {"distance": "cosine"}, "distance 'cosine' is unknown; give one of euclidean, correlation")])
def test_what_cannot_be_decoded_is_answered(stimuli, options, message):
    with pytest.raises(DescriptionError, match=message):
        decode(answering(np.ones((1, 4, 2), int), stimuli), "E", **options)
