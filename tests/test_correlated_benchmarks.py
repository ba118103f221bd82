"""The benchmarks of correlated memories: small runs, whose reports are kept, and bars that are missed."""
import numpy as np
import pytest

from benchmarks import correlated, sequences

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
