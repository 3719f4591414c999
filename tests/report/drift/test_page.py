from pathlib import Path

from fixtures.drifting import doubled, drawn

from labelmend.drift.measure import DriftSettings, find_drift
from labelmend.drift.observed import Observed
from labelmend.report.drift.page import drift_page
from labelmend.report.drift.words import answers, headline, intent_in_words, p_value

SETTINGS = DriftSettings(permutations=39)


def observed(log):
    rows = tuple(str(i + 1) for i in range(len(log)))
    return Observed(
        *(Path("log.csv"), rows, log.texts, log.labels, log.outside, log.doubtful), predicted=True
    )


def test_a_new_intent_is_told_with_its_words_and_examples():
    log = drawn(600, 1, new=0.06)
    found = find_drift(drawn(800, 0), log, SETTINGS)
    assert headline(found).startswith("Drift: ")
    assert "new intents" in headline(found)
    (intent,) = found.intents
    said = intent_in_words(intent)
    assert said.startswith(f"{len(intent.rows)} texts, words: ")
    assert "now labelled label0 " in said
    assert "against 0 of" in said
    page = drift_page(found, observed(log), "train.csv")
    assert intent.name in page
    assert log.texts[intent.examples[0]] in page
    # Nothing is loaded, and nothing runs.
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_log_as_before():
    found = find_drift(drawn(60, 0), drawn(50, 1), SETTINGS)
    assert headline(found) == "No drift is shown"
    assert set(answers(found)) == {"labels", "out_of_scope", "embeddings", "new_intents"}
    assert answers(found)["new_intents"] == "0 found"
    assert "New intents</h2>" not in drift_page(found, observed(drawn(50, 1)), "train.csv")


def test_a_texts_tags_are_no_tags_of_the_page():
    log = drawn(600, 1, new=0.06)
    found = find_drift(drawn(800, 0), log, SETTINGS)
    shown = observed(log)
    texts = tuple(f"<script>alert({i})</script>" for i in range(len(log)))
    page = drift_page(found, Observed(shown.path, shown.rows, texts, *[None] * 3, True), "<b>.csv")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>.csv" not in page


def test_changed_labels_are_marked():
    found = find_drift(drawn(800, 0), drawn(600, 1, shares=doubled(2)), SETTINGS)
    page = drift_page(found, observed(drawn(600, 1)), "train.csv")
    assert page.count(">share changed<") == len(found.changed_labels) >= 1


def test_p_values_in_words():
    assert p_value(0.0421) == "p 0.042"
    assert p_value(0.001) == "p 0.001"
    assert p_value(0.0009) == "p < 0.001"
