"""Figures of selectivity, sparseness and likeness of codes draw the numbers given, and survive silence."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroam.analysis.plot_selectivity import likeness_image, spread_of_sparseness, tuning_image
from neuroam.analysis.style import canvas


def tuning(rates):
    rates = np.asarray(rates, float)
    names = [f"odour {k}" for k in range(rates.shape[1])]
    return xr.DataArray(rates, dims=("unit", "stimulus"), coords={"stimulus": names})


@pytest.fixture
def ax():
    """Axes that are drawn to the last pixel when the test is over."""
    figure, axes = canvas()
    yield axes
    figure.canvas.draw()


def test_units_are_sorted_by_what_they_prefer_and_silent_ones_are_last(ax):
    image = tuning_image(ax, tuning([[0, 0], [1, 3], [2, 1], [0, 9], [5, 5]]))
    np.testing.assert_array_equal(image.get_array(), [[5, 5], [2, 1], [0, 9], [1, 3], [0, 0]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["odour 0", "odour 1"]


def test_the_curve_of_sparseness_is_its_distribution(ax):
    values = np.array([0.2, 0.6, np.nan, 0.4])
    spread_of_sparseness(ax, {"lifetime": values})
    x, y = ax.lines[0].get_data()
    for at, fraction in ((0.1, 0), (0.3, 1 / 3), (0.5, 2 / 3), (0.9, 1)):
        assert y[np.searchsorted(x, at, side="right") - 1] == pytest.approx(fraction)
    assert ax.lines[1].get_xdata()[0] == pytest.approx(0.4)
    assert "mean 0.40; 1 of 4 have none" in ax.get_legend().get_texts()[0].get_text()


def test_numbers_are_written_into_the_matrix(ax):
    likeness_image(ax, np.array([[1, 0.25], [0.25, np.nan]]), ("spiking", "rate"))
    assert [text.get_text() for text in ax.texts] == ["1.00", "0.25", "0.25", "–"]


@pytest.mark.parametrize("rates", [np.zeros((3, 2)), np.full((3, 2), np.nan), np.zeros((0, 2)), np.ones((1, 1))])
def test_they_survive_silence_nothing_and_one(rates):
    figure, axes = canvas(1, 3)
    tuning_image(axes[0], tuning(rates))
    spread_of_sparseness(axes[1], {"lifetime": np.full(len(rates), np.nan)})
    likeness_image(axes[2], np.full((1, 1), np.nan), ("spiking",))
    figure.canvas.draw()
