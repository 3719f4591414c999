"""The main job on a fifth of the data that the repository does not carry.

benchmarks/main_job.py runs all of it.
"""

import csv

import pytest

from labelmend.configs.load import load_config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.workflows.demo import score
from labelmend.workflows.relabel import relabel_file

pytestmark = [pytest.mark.slow, pytest.mark.shared]

ROWS = 3020


def mend_a_fifth(table, folder):
    """Mend every fifth row of a table; return the outcome and the rows."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    path = folder / "fifth.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([rows[0], *rows[1::5]])
    request = TableRequest(path, text_column="text", label_column="label")
    output = folder / "mended.csv"
    # The reranker reads as large a part of these rows as of all: it takes most of the time.
    config = load_config(overrides=["reranker.max_rows=100"])
    outcome = relabel_file(request, output, config, NoProgress(), use_llm=False)
    assert len(outcome.result.dataset) == ROWS
    return outcome, read_table(path)


def test_the_reference_set_is_mended_and_not_harmed(shared_data, encoders, tmp_path):
    assert all(model.path.is_dir() for model in encoders)
    outcome, table = mend_a_fifth(shared_data / "sirius" / "noisy_train.csv", tmp_path)
    counted = score(outcome, table.values("true_label"))
    assert counted.right_before == pytest.approx(0.9 * ROWS, abs=0.01 * ROWS)
    assert counted.right_after >= 0.99 * ROWS
    assert counted.broken <= 0.002 * counted.right_before
    assert outcome.result.posterior.channel.keep_rate == pytest.approx(
        counted.right_before / ROWS, abs=0.01
    )


def test_clean_labels_stay(shared_data, encoders, tmp_path):
    assert all(model.path.is_dir() for model in encoders)
    outcome, _ = mend_a_fifth(shared_data / "clinc150" / "train.csv", tmp_path)
    changed = outcome.result.decisions.mended != outcome.result.dataset.given
    # Of all rows none changes; twenty rows a label leave more to doubt, and the budget holds.
    assert changed.sum() <= 0.005 * ROWS
    actions = outcome.result.decisions.actions
    assert actions.count("review") <= 0.05 * ROWS  # [0.038; of all rows 0.019]
