"""Geometry of codes: invariances, brute force, scipy and rsatoolbox; and the number of their dimensions."""
from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from little_memory import answering
from scipy import stats
from scipy.spatial import procrustes as scipys

from neuroam.analysis.dimensionality import participation_ratio, spectrum
from neuroam.analysis.selectivity import tuning
from neuroam.analysis.similarity import (
    compare_codes,
    compare_dissimilarity,
    debiased_cka,
    dissimilarity,
    linear_cka,
    procrustes,
    rank_agreement,
    unbiased_hsic,
)
from neuroam.prediction import DescriptionError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(9, 12)), RNG.normal(size=(9, 7))
NAMES = [f"s{k}" for k in range(9)]


def turned(code, seed=0):
    """The code in other axes, moved and three times as large."""
    turn = stats.ortho_group.rvs(code.shape[1], random_state=np.random.default_rng(seed))
    return 3 * code @ turn + 5


def test_dissimilarities_by_hand():
    code = RNG.poisson(5, (2, 9, 12))
    recording = answering(code, NAMES)
    one, other = (dissimilarity(recording, "E", metric) for metric in ("correlation", "euclidean"))
    assert one.dims == ("animal", "stimulus", "other_stimulus") and one["other_stimulus"].values.tolist() == NAMES
    np.testing.assert_allclose(one.values[1], 1 - np.corrcoef(code[1]), atol=1e-12)
    far = [[np.sum((a - b) ** 2) / 12 for b in code[1]] for a in code[1]]
    np.testing.assert_allclose(other.values[1], far, rtol=1e-9, atol=1e-9)


def test_rsatoolbox_has_the_same_matrices_and_comparison():
    rsatoolbox = pytest.importorskip("rsatoolbox")
    code = RNG.poisson(5, (2, 9, 12)).astype(float)
    theirs = [rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(animal), method=method)
              for animal in code for method in ("correlation", "euclidean")]
    recording = answering(code, NAMES)
    matrices = [dissimilarity(recording, "E", method).values for method in ("correlation", "euclidean")]
    ours = [matrix[a] for a in range(2) for matrix in matrices]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.get_matrices()[0], rtol=1e-8, atol=1e-9)
    agreement = rsatoolbox.rdm.compare(theirs[0], theirs[2], method="spearman")[0, 0]
    assert rank_agreement(ours[0], ours[2]) == pytest.approx(agreement, rel=1e-9)


def test_comparison_is_scipys_spearman_without_the_silent_pairs():
    one, other = (1 - np.corrcoef(code) for code in (X, Y))
    upper = np.triu_indices(9, 1)
    assert rank_agreement(one, other) == pytest.approx(stats.spearmanr(one[upper], other[upper])[0], rel=1e-12)
    holes = one.copy()
    holes[2], holes[:, 2] = np.nan, np.nan
    keep = ~np.isnan(holes[upper])
    assert rank_agreement(holes, other) == pytest.approx(stats.spearmanr(one[upper][keep], other[upper][keep])[0])
    assert np.isnan(rank_agreement(np.full((9, 9), np.nan), other))


def test_a_code_is_like_itself_turned_and_not_like_its_shuffle():
    for measure in (linear_cka, debiased_cka):
        assert measure(X, turned(X)) == pytest.approx(1, rel=1e-9)
    assert procrustes(X, turned(X)) == pytest.approx(0, abs=1e-9)
    shuffled = RNG.permutation(X)
    assert linear_cka(X, shuffled) < 0.9 and procrustes(X, shuffled) > 0.2


def test_cka_in_kernels():
    """tr(KHLH) / √(tr(KHKH) tr(LHLH)) (Kornblith et al. 2019, eq. 3–4)."""
    centre = np.eye(9) - 1 / 9
    k, m = X @ X.T, Y @ Y.T
    hsic = [np.trace(a @ centre @ b @ centre) for a, b in ((k, m), (k, k), (m, m))]
    assert linear_cka(X, Y) == pytest.approx(hsic[0] / np.sqrt(hsic[1] * hsic[2]), rel=1e-9)


def test_unbiased_hsic_by_all_quadruples():
    """The U-statistic itself: mean over ordered i, j, q, r, all different, of K_ij (L_ij + L_qr − 2 L_iq)."""
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 4))
    k, m = x @ x.T, y @ y.T
    terms = [k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in permutations(range(6), 4)]
    assert unbiased_hsic(k, m) == pytest.approx(np.mean(terms), rel=1e-9)


def test_only_the_debiased_form_sees_that_wide_codes_are_unrelated():
    """10 stimuli, 300 units, independent: linear CKA is near 1, the debiased one 0 on average."""
    pairs = [(RNG.normal(size=(10, 300)), RNG.normal(size=(10, 300))) for _ in range(60)]
    plain, debiased = (np.mean([measure(*pair) for pair in pairs]) for measure in (linear_cka, debiased_cka))
    assert plain > 0.9 and abs(debiased) < 0.05


def test_procrustes_is_scipys():
    """scipy needs as many columns in both; columns of zeros change nothing."""
    assert procrustes(X, Y) == pytest.approx(scipys(X, np.pad(Y, ((0, 0), (0, 5))))[2], rel=1e-9)
    assert procrustes(Y, X) == pytest.approx(procrustes(X, Y), rel=1e-9)


@pytest.mark.parametrize("measure", [linear_cka, debiased_cka, procrustes])
def test_silence_has_no_geometry_and_silent_units_no_say(measure):
    assert np.isnan(measure(X, np.zeros((9, 4)))) and np.isnan(measure(np.ones((9, 2)), X))
    assert measure(X, np.pad(Y, ((0, 0), (0, 3)))) == pytest.approx(measure(X, Y), rel=1e-12)


def test_debiased_cka_needs_four_stimuli():
    assert np.isnan(debiased_cka(X[:3], Y[:3]))


def test_recordings_of_different_units_are_compared_by_the_names_of_stimuli():
    code = RNG.poisson(5, (2, 9, 12))
    order = RNG.permutation(9)
    one = tuning(answering(code, NAMES), "E")
    other = tuning(answering(code[:, order][:, :, ::2], [NAMES[k] for k in order]), "E")
    found = compare_codes(one, other)
    assert found.dims == ("animal",) and found["seed"].values.tolist() == [0, 1]
    assert float(found[1]) == pytest.approx(linear_cka(code[1].astype(float), code[1][:, ::2].astype(float)))
    single = compare_codes(one, other.isel(animal=0), procrustes)
    assert float(single[1]) == pytest.approx(procrustes(code[1].astype(float), code[0][:, ::2].astype(float)))
    with pytest.raises(DescriptionError, match="different stimuli"):
        compare_codes(one, other.isel(stimulus=slice(3)))


@pytest.mark.parametrize("numbered", [False, True])
def test_one_animal_is_compared_with_each_of_several(numbered):
    code, single = RNG.poisson(5, (4, 9, 12)), RNG.poisson(5, (1, 9, 7))
    several, one = (tuning(answering(some, NAMES), "E") for some in (code, single))
    if numbered:
        several, one = several.assign_coords(animal=range(4)), one.assign_coords(animal=[7])
    expected = [linear_cka(animal.astype(float), single[0].astype(float)) for animal in code]
    for found in (compare_codes(several, one), compare_codes(one, several)):
        np.testing.assert_allclose(found.values, expected, rtol=1e-9)
        assert found.dims == ("animal",) and found["seed"].values.tolist() == [0, 1, 2, 3]
    matrices = [dissimilarity(answering(some, NAMES), "E") for some in (code, single)]
    assert compare_dissimilarity(*matrices).shape == (4,)
    with pytest.raises(DescriptionError, match=r"have 4 and 3 along animal, .*as many of each, or one with .isel"):
        compare_codes(several, several.isel(animal=slice(3)))


def test_matrices_of_recordings_are_compared_animal_by_animal():
    code = RNG.poisson(5, (2, 9, 12))
    matrices = dissimilarity(answering(code, NAMES), "E")
    found = compare_dissimilarity(matrices, matrices.isel(animal=0))
    upper = np.triu_indices(9, 1)
    expected = stats.spearmanr(*(matrices.values[a][upper] for a in (0, 1)))[0]
    np.testing.assert_allclose(found.values, [1, expected], rtol=1e-9)


def test_a_stimulus_nobody_answers_has_no_correlation_distance():
    code = RNG.poisson(5, (1, 9, 12))
    code[0, 3] = 0
    matrices = dissimilarity(answering(code, NAMES), "E")
    assert np.isnan(matrices[0, 3]).all() and np.isnan(matrices).sum() == 17
    assert not np.isnan(compare_dissimilarity(matrices, matrices)).any()


def test_an_unknown_metric_is_answered():
    with pytest.raises(DescriptionError, match="'cosine' is unknown; give one of correlation, euclidean"):
        dissimilarity(answering(np.ones((1, 2, 2)), ["a", "b"]), "E", "cosine")


# dimensionality

def as_code(values):
    return xr.DataArray(np.asarray(values, float), dims=("stimulus", "unit"))


def test_participation_ratio_of_known_spectra():
    """A line: 1; d equal axes: d; one silent unit more changes nothing; no variance: NaN."""
    for d in (1, 3, 5):
        ball = np.concatenate([np.eye(d), -np.eye(d)])
        assert float(participation_ratio(as_code(ball))) == pytest.approx(d)
        assert float(participation_ratio(as_code(np.pad(ball, ((0, 0), (0, 4)))))) == pytest.approx(d)
        assert float(participation_ratio(as_code(turned(ball)))) == pytest.approx(d)
    assert np.isnan(participation_ratio(as_code(np.full((4, 3), 0.1))))


def test_a_code_with_nan_has_no_dimensions():
    holes = X.copy()
    holes[2, 3] = np.nan
    assert np.isnan(participation_ratio(as_code(holes))) and np.isnan(spectrum(as_code(holes))).all()


def test_participation_ratio_by_traces():
    covariance = np.cov(X.T)
    expected = np.trace(covariance) ** 2 / np.trace(covariance @ covariance)
    assert float(participation_ratio(as_code(X))) == pytest.approx(expected, rel=1e-9)
    assert 1 <= expected <= 8


def test_scikit_learn_has_the_same_spectrum():
    decomposition = pytest.importorskip("sklearn.decomposition")
    np.testing.assert_allclose(spectrum(as_code(X)), decomposition.PCA().fit(X).explained_variance_ratio_, atol=1e-12)


def test_every_animal_has_its_dimensionality():
    code = RNG.poisson(5, (3, 9, 12))
    code[2] = 0
    found = participation_ratio(tuning(answering(code, NAMES), "E"))
    assert found["seed"].values.tolist() == [0, 1, 2] and np.isnan(found[2])
    assert float(found[1]) == pytest.approx(float(participation_ratio(as_code(code[1]))))
