"""The benchmarks of correlated memories: small runs, whose reports are kept, and bars that are missed."""
import numpy as np
import pytest

from benchmarks import correlated, correlated_tables, sequences
from benchmarks.correlated_tables import Row

SMALL = ["--points", "3", "--seeds", "1", "--memories", "8", "--neurons", "100", "--sample", "9", "--rounds", "1"]


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(sequences, "RESULTS", tmp_path)
    return tmp_path


def test_a_met_bar_is_published(results, monkeypatch):
    monkeypatch.setattr(correlated, "FASTER", 0.0)
    correlated.main(SMALL)
    text = next(results.glob("*-correlated-memories-*.md")).read_text(encoding="utf-8")
    assert text.count("- ✓") == 3 and "✗" not in text and "| one by one |" in text and "processor" in text


@pytest.mark.parametrize(("bar", "value"), [("LONGEST", 0.0), ("FASTER", np.inf), ("ALIKE", -1.0)])
def test_a_missed_bar_is_published_and_told(results, monkeypatch, bar, value):
    monkeypatch.setattr(correlated, "FASTER", 0.0)
    monkeypatch.setattr(correlated, bar, value)
    with pytest.raises(SystemExit) as told:
        correlated.main(SMALL)
    assert told.value.code not in (0, None)
    assert next(results.iterdir()).read_text(encoding="utf-8").count("- ✗") == 1


def test_nothing_to_compare_is_no_agreement():
    options = correlated.arguments(SMALL)
    lines = correlated.report(options, [1.0], [100.0], np.nan)
    assert [line[2] for line in lines[-3:]] == ["✓", "✓", "✗"]


def test_the_edge_of_holding_is_sharp_without_the_mean_memory():
    """Starts kept at a = .45, .50, .55 on h = 1: measured elsewhere 0, .04, 1.00. With κ = 1 the sums of the memories
    blur the edge; κ = a + h takes them out."""
    blurred, sharp = (np.mean(row.found, axis=1) for row in correlated_tables.held(4))
    assert sharp == pytest.approx([0, 0.04, 1], abs=0.03)
    assert blurred[1] > 0.08 and blurred[2] < 0.92


def test_neighbours_as_derived_and_as_measured_elsewhere():
    """(a, h/2) over √(a² + h²/2), up to chance."""
    own, beside = (np.mean(row.found, axis=1) for row in correlated_tables.neighbours(2))
    for (auto, hetero), known, *found in zip(correlated_tables.BESIDE, correlated_tables.BESIDE.values(), own, beside,
                                             strict=True):
        assert found == pytest.approx(known, abs=0.02)
        assert found == pytest.approx(np.array([auto, hetero / 2]) / np.hypot(auto, hetero / 2**0.5), abs=0.05)


def test_no_memory_is_selected_below_the_threshold():
    (row,) = correlated_tables.quiescence(1)
    spread = np.mean(row.found, axis=1)
    assert (spread[:3] < 0.01).all() and (spread[3:] > 0.1).all()


def test_a_row_shows_the_reference_its_tolerance_and_which_side_we_are_on(monkeypatch, capsys):
    rows = Row("ours", (1.0, 1.0, 1.0, ""), np.array([[1.0, 1.01], [1.2, 1.3], [1.0, 1.2], [3.0, 3.0]]), 0.1)
    monkeypatch.setitem(correlated_tables.TABLES, "modes", (lambda seeds: iter([rows]), "abcd"))
    correlated_tables.main(["--seeds", "2", "--only", "modes"])
    known, found = capsys.readouterr().out.splitlines()[-2:]
    assert known == "| ours, known ± 0.1 | 1.0 | 1.0 | 1.0 |  |"
    assert [cell.strip()[-1] for cell in found.strip("|").split("|")[1:]] == ["✓", "✗", "?", "]"]
