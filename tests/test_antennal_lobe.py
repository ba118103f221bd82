"""Receptor and projection neuron rates against the published table and the totals that Lin et al. 2014 report."""
from __future__ import annotations

import numpy as np
import pytest

from neuroam.circuits import antennal_lobe
from neuroam.circuits.antennal_lobe import odour_code, projection_rates, receptor_rates, receptor_table
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.units import si

ODOURS = {"isopentyl acetate": (2030, 1238), "ethyl butyrate": (1860, 1310), "d-decalactone": (286, 937)}


def test_the_table_has_110_odours_and_24_receptors():
    names, changes, spontaneous = receptor_table()
    assert len(names) == len(set(names)) == 110
    assert changes.shape == (110, 24) and spontaneous.shape == (24,)
    assert (changes.min(), changes.max()) == (-52, 288)
    assert spontaneous.sum() == 320 and (spontaneous >= 0).all()
    assert "spontaneous firing rate" not in names
    assert not np.isnan(changes).any()


@pytest.mark.parametrize("odour, totals", ODOURS.items())
def test_totals_of_lin_et_al(odour, totals):
    """The receptor total has its negative rates in it; projection neurons see them as 0."""
    names, changes, spontaneous = receptor_table()
    signed = (changes[names.index(odour)] + spontaneous).sum()
    assert (round(signed), round(projection_rates(receptor_rates({odour: 1.0})).sum())) == totals


def test_projection_neurons_over_all_odours(monkeypatch):
    """Highest 155.2 and mean 48.1 spikes/s in an independent calculation with Or67a at 11 Hz, as drosolf has it."""
    monkeypatch.setattr(antennal_lobe, "OR67A_SPONTANEOUS", 11.0)
    _, changes, spontaneous = receptor_table.__wrapped__()
    rates = np.array(list(map(projection_rates, np.maximum(changes + spontaneous, 0))))
    assert rates.max() == pytest.approx(155.2, abs=0.05)
    assert rates.mean() == pytest.approx(48.1, abs=0.05)
    assert rates.min() >= 0


def test_nothing_but_air_leaves_the_spontaneous_rates():
    np.testing.assert_array_equal(receptor_rates({}), receptor_table()[2])
    np.testing.assert_array_equal(receptor_rates({"ethyl butyrate": 0.0}), receptor_table()[2])


def test_rates_do_not_fall_below_zero_and_doses_add_changes():
    names, changes, spontaneous = receptor_table()
    np.testing.assert_allclose(receptor_rates({names[3]: 0.3, names[7]: 0.7}),
                               np.maximum(spontaneous + 0.3 * changes[3] + 0.7 * changes[7], 0))
    assert sum((spontaneous + c < 0).any() for c in changes) > 10  # so the bound is met


def test_the_formula_of_olsen_et_al():
    """PN = 165 r^1.5/(r^1.5 + 12^1.5 + s^1.5) with s = 10.63 Σr/190: half of 165 where r^1.5 = σ^1.5 + s^1.5."""
    r = np.zeros(24)
    assert projection_rates(r).tolist() == [0.0] * 24
    r[0] = 50.0
    s = 10.63 * 50 / 190
    assert projection_rates(r)[0] == pytest.approx(165 * 50**1.5 / (50**1.5 + 12**1.5 + s**1.5), rel=1e-12)
    alone = projection_rates(r)[0]
    r[1:] = 50.0
    assert projection_rates(r)[0] < alone  # lateral inhibition


def test_sisters_share_their_glomerulus():
    code = odour_code({"ethyl butyrate": 1.0}, sisters=3)
    one = si(odour_code({"ethyl butyrate": 1.0}), "hertz", "code")
    np.testing.assert_array_equal(si(code, "hertz", "code").reshape(24, 3), one[:, None] * np.ones(3))


def test_the_mushroom_body_smells_all_of_them():
    port = mushroom_body(kenyon=10).ports["odour"]
    assert port.names == receptor_table()[0]
    assert si(port.encode({}), "hertz", "code").sum() == pytest.approx(3 * projection_rates(receptor_table()[2]).sum())
