"""Figures of statistics: they draw the numbers given, and survive silence and a single animal."""
from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from little_memory import answering, memory, spiking

from neuroam.analysis import (
    plot_decoding,
    plot_fit,
    plot_overlap,
    plot_rates,
    plot_replay,
    plot_sequence,
    plot_similarity,
)
from neuroam.analysis.correlation import noise_correlations, signal_correlations
from neuroam.analysis.decoding import decode
from neuroam.analysis.dimensionality import spectrum
from neuroam.analysis.fit import power_law, transition
from neuroam.analysis.overlap import aligned, basin, cued_course, cued_overlap
from neuroam.analysis.rates import fano_factor, psth
from neuroam.analysis.replay import order_score, shuffled, template_match
from neuroam.analysis.selectivity import tuning
from neuroam.analysis.sequence import active_memory, visits
from neuroam.analysis.similarity import dissimilarity
from neuroam.analysis.style import canvas
from neuroam.analysis.warp import scaling_against_shift

STIMULI = ["a", "b", "c"] * 4
PATTERNS = ["pattern 1", "pattern 2"]


@pytest.fixture
def ax():
    """Axes that are drawn to the last pixel when the test is over."""
    figure, axes = canvas()
    yield axes
    figure.canvas.draw()


def random_code(fill=None, animals=3):
    code = np.random.default_rng(0).poisson(4, (animals, 12, 6))
    return answering(code if fill is None else 0 * code + fill, STIMULI)


def profile(values):
    values = np.asarray(values, float)
    return xr.DataArray(values, dims=("unit", "time"), coords={"time": np.arange(values.shape[1]) * 0.01})


def test_psth_lines_are_means_over_units(ax):
    recording = spiking([[(150, 0), (155, 1), (550, 0)]] * 2, ["a", "b"], 2, animals=2)
    found = psth(recording, "E", 0.05)
    plot_rates.psth_lines(ax, found)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), found.mean(("animal", "unit"))[0])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]


def test_an_image_of_rates_has_silent_units_last(ax):
    plot_rates.rate_image(ax, profile([[0, 0, 0], [0, 1, 4], [3, 0, 1]]))
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(shown[:2], [[1, 0, 1 / 3], [0, 0.25, 1]])
    assert shown.mask[2].all()


def test_cells_without_a_value_are_counted(ax):
    plot_rates.cell_histogram(ax, np.array([1.0, 2, 3, np.nan]), "Fano factor")
    assert "median 2" in ax.get_title("left") and "1 of 4 cells" in ax.get_title("left")


@pytest.mark.parametrize("animals", [1, 3])
@pytest.mark.parametrize("fill", [None, 0])
def test_plots_of_codes_survive_silence_and_one_animal(fill, animals):
    recording = random_code(fill, animals)
    figure, axes = canvas(2, 4, width=10, height=6)
    found = decode(recording, "E", folds=4, shuffles=5)
    plot_decoding.accuracies(axes[0, 0], {"E": found})
    plot_decoding.confusion_image(axes[0, 1], found)
    matrix = dissimilarity(recording, "E").isel(animal=0)
    plot_similarity.dissimilarity_image(axes[0, 2], matrix)
    plot_similarity.agreement(axes[0, 3], matrix, matrix, ("model", "data"))
    plot_similarity.signal_and_noise(axes[1, 0], signal_correlations(recording, "E")[0],
                                     noise_correlations(recording, "E")[0])
    plot_similarity.dimensions(axes[1, 1], {"E": spectrum(tuning(recording, "E")).values[0]})
    plot_rates.cell_histogram(axes[1, 2], fano_factor(recording, "E").values, "Fano factor")
    plot_rates.rate_image(axes[1, 3], psth(recording, "E", 0.1).mean(("animal", "stimulus")))
    figure.canvas.draw()


def test_accuracies_show_chance_and_the_middle_of_the_shuffles(ax):
    plot_decoding.accuracies(ax, {"E": decode(random_code(), "E", folds=4, shuffles=20)})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 1 / 3)
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"shuffled", "chance"}


def remembering(height=1.0, animals=2):
    trace = np.zeros((animals, 160, 2))
    trace[:, 20:80, 0] = height
    trace[:, 100:, 1] = height
    overlap = np.full((animals, 2, 2), height)
    return memory(overlap, PATTERNS, PATTERNS, trace, phase=["0.1", "0.2"])


@pytest.mark.parametrize("animals", [1, 2])
@pytest.mark.parametrize("height", [1.0, 0.0, np.nan])
def test_plots_of_retrieval_survive_silence_and_one_animal(height, animals):
    recording = remembering(height, animals)
    figure, axes = canvas(2, 4, width=10, height=6)
    plot_overlap.overlap_courses(axes[0, 0], aligned(recording), 0, 1)
    plot_overlap.cued_courses(axes[0, 1], cued_course(recording))
    plot_overlap.final_overlaps(axes[0, 2], cued_overlap(recording))
    plot_overlap.basin_curve(axes[0, 3], basin(recording))
    courses = aligned(recording).isel(animal=0, trial=0)
    active = active_memory(courses)
    plot_sequence.overlap_image(axes[1, 0], courses, active)
    plot_sequence.transition_image(axes[1, 1], visits(active), 2)
    plot_sequence.dwell_histogram(axes[1, 2], visits(active))
    plot_fit.transition_curve(axes[1, 3], transition(basin(recording), "quality"), "quality", "flipped")
    figure.canvas.draw()


def test_the_cued_pattern_is_drawn_above_the_others(ax):
    plot_overlap.overlap_courses(ax, aligned(remembering()), 0, 1)
    drawn = next(line for line in ax.lines if line.get_label() == "pattern 2")
    np.testing.assert_array_equal(drawn.get_ydata(), np.repeat([0, 1], [20, 60]))


def test_a_line_runs_over_the_active_memory(ax):
    courses = aligned(remembering()).isel(animal=0, trial=1)
    plot_sequence.overlap_image(ax, courses, active_memory(courses))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.repeat([np.nan, 2], [20, 60]))


def test_transitions_are_fractions_of_each_row(ax):
    table = np.repeat(np.eye(3)[[0, 1, 0, 2, 0, 1]], 5, axis=0)
    courses = xr.DataArray(table, dims=("time", "pattern"), coords={"time": np.arange(30.0)})
    plot_sequence.transition_image(ax, visits(active_memory(courses)), 3)
    np.testing.assert_allclose(ax.images[0].get_array(), [[0, 2 / 3, 1 / 3], [1, 0, 0], [1, 0, 0]])


def test_a_transition_curve_says_where_it_is_and_where_there_is_none():
    load = np.linspace(0.1, 0.2, 5)
    success = xr.DataArray([[1.0, 1, 0.5, 0, 0]] * 4, dims=("animal", "load"), coords={"load": load})
    figure, (one, other) = canvas(1, 2)
    plot_fit.transition_curve(one, transition(success, "load"), "load", "load")
    plot_fit.transition_curve(other, transition(0 * success, "load"), "load", "load", name="control")
    assert one.get_legend().get_texts()[0].get_text().startswith("0.150 [0.150, 0.150]")
    assert other.get_legend().get_texts()[0].get_text() == "control: no transition"
    figure.canvas.draw()


def test_a_power_law_has_its_exponent_beside_it(ax):
    size = np.array([8.0, 16, 32])
    values = xr.DataArray(np.sqrt(size)[None].repeat(3, 0), dims=("animal", "size"), coords={"size": size})
    plot_fit.power_law_line(ax, values, "size", power_law(values, "size"), ("items", "recalled"))
    assert ax.get_legend().get_texts()[0].get_text() == "exponent 0.50 [0.50, 0.50]"


def test_peaks_and_templates_are_drawn():
    interval = np.array([0.8, 1.5])
    peaks = xr.DataArray([[0.1, 0.4, np.nan], [0.2, 0.8, np.nan]], dims=("interval", "unit"),
                         coords={"interval": interval})
    figure, axes = canvas(1, 3)
    plot_sequence.peak_scaling(axes[0], peaks, "interval")
    assert len(axes[0].lines) == 4
    plot_sequence.peak_scaling(axes[1], peaks * np.nan, "interval")
    one, other = profile([[0, 1, 3, 1, 0, 0]]), profile([[0, 0, 1, 3, 1, 0]])
    plot_sequence.template_fits(axes[2], one, other, scaling_against_shift(one, other), units=(0,))
    figure.canvas.draw()


@pytest.mark.parametrize("silent", [False, True])
def test_plots_of_events_survive_silence(silent):
    times = xr.DataArray(np.random.default_rng(0).random((5, 8)), dims=("trial", "unit"))
    times = times.where(not silent)
    own = xr.DataArray(np.arange(8.0), dims="unit")
    figure, axes = canvas(1, 3)
    plot_replay.event_raster(axes[0], times[0], own, 0.5)
    plot_replay.score_histogram(axes[1], order_score(times, own), order_score(shuffled(times), own))
    event = profile(np.random.default_rng(1).random((3, 30)) * (not silent))
    plot_replay.speed_curve(axes[2], template_match(event, event, (1, 2, 3)))
    figure.canvas.draw()


def test_shuffled_events_have_the_same_times():
    times = xr.DataArray([[3.0, np.nan, 1, 2], [np.nan] * 4], dims=("trial", "unit"))
    found = shuffled(times, 1)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(times, axis=1))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(times))
