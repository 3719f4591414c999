"""A table of eight rows whose changes can be counted by hand, and a comparison of two classifiers.

Texts and labels hold what would be markup in HTML.
"""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from labelmend.classify.baseline import Cell, TestSet
from labelmend.classify.calibrate import trade_off
from labelmend.classify.classifier import Predictions
from labelmend.classify.comparison import (
    AFTER,
    BEFORE,
    GOLD,
    ComparedTables,
    Comparison,
    compare_cells,
    overall,
)
from labelmend.classify.data import labelled_table
from labelmend.classify.evaluate import evaluate
from labelmend.configs.load import config_to_dict, load_config
from labelmend.data.read import read_table

A, B, OOS = "a <script>alert(1)</script>", "b & <b>c</b>", "oos"
ROWS = (
    # given, mended, truth, decision, label_quality
    (A, A, A, "keep", "0.9"),
    (A, B, B, "change", "0.1"),  # rightly
    (A, B, A, "change", "0.2"),  # broken
    (B, B, A, "review", "0.4"),  # wrong, and found
    (B, B, B, "review", "0.6"),
    (B, OOS, A, "change", "0.1"),  # from wrong to wrong
    (OOS, OOS, OOS, "keep", "0.9"),
    ("", A, A, "label", ""),
)
TEXTS = tuple(f"text {i} <script>alert({i})</script> </script>" for i in range(1, 9))


@pytest.fixture(scope="session")
def known():
    """What tests count with."""
    return SimpleNamespace(A=A, B=B, OOS=OOS, ROWS=ROWS, TEXTS=TEXTS)


@pytest.fixture(scope="session")
def write_rows():
    return write


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def table(tmp_path):
    """The mended table, as a file without any beside it."""
    return write(
        tmp_path / "mended.csv",
        [
            {
                "text": text,
                "label": given,
                "truth": truth,
                "mended_label": mended,
                "decision": decision,
                "label_quality": quality,
                "confidence": "0.9",
                "candidates": f"{mended} 0.900 | {given} 0.050",
                "votes": "",
                "reason": f"9 of 10 nearest texts carry {mended}.",
            }
            for text, (given, mended, truth, decision, quality) in zip(TEXTS, ROWS, strict=True)
        ],
    )


def _evidence(i):
    given, mended, _, decision, _ = ROWS[i]
    proposed = A if decision == "review" else mended
    others = [label for label in (A, B, OOS) if label != proposed]
    candidates = [
        {
            "label": label,
            "posterior": 0.9 if label == proposed else 0.05,
            "total": 0.0,
            "nats": {"neighbour": 3.0 if label == proposed else 0.0},
            "oos_bias": 0.0,
            "channel": 1.0 if label == given else 0.0,
        }
        for label in (proposed, *others)
    ]
    return {
        "row": i + 1,
        "id": str(i + 1),
        "text": TEXTS[i],
        "given": given or None,
        "proposed": proposed,
        "decision": decision,
        "reason": "as the table says",
        "candidates": candidates,
        "votes": {},
        "neighbours": [{"text": "near <i>text</i>", "labels": [B], "similarity": 0.875}],
    }


@pytest.fixture
def with_run(table):
    """The same, with the run's record and evidence beside it."""
    record = {
        "labelmend": "0.1.0",
        "input": {
            "path": "data.csv",
            "sha256": "ab" * 32,
            "rows": 8,
            "columns": {"text": "text", "label": "label", "id": None},
        },
        "seed": 3,
        "config": {"profile": "embedded", "seed": 3},
        "models": {"encoder": {"name": "m", "sha256": "cd" * 32, "source": "PyPI"}},
        "oos_label": OOS,
        "noise": {
            "estimated_rate": 0.25,
            "channel": {
                "keep_rate": 0.75,
                "similar_share": 0.5,
                "temperature": 0.1,
                "oos_share": 0.1,
                "pair_strength": None,
                "label_strength": None,
            },
            "confused_pairs": [{"true": A, "given": B, "rows": 2.5, "rate": 0.5}],
        },
        "harm": {"expected_broken": 0.5, "expected_good": 5.0, "budget": 0.005},
        "self_test": None,
        "sources": {"neighbour": {"weight": 1.5, "moved": 3}},
        "review_order": ["5", "4"],
        "notes": ["a note <script>of</script> the run"],
        "seconds": {"fuse": 1.0},
        "versions": {"python": "3.11.7"},
    }
    table.with_suffix(".run.json").write_text(json.dumps(record), "utf-8")
    lines = "".join(f"{json.dumps(_evidence(i))}\n" for i in range(len(ROWS)))
    table.with_suffix(".evidence.jsonl").write_text(lines, "utf-8")
    return table


def _tables(path, *, gold=True):
    config = load_config("embedded").data

    def loaded(column):
        return labelled_table(read_table(path), config, label_column=column)

    return ComparedTables(
        labelled_table(read_table(path), config, mended=False),
        labelled_table(read_table(path), config),
        loaded("truth") if gold else None,
    )


@pytest.fixture
def tables():
    return _tables


LABELS = (A, B, OOS)
TRUTH = np.array([0, 0, 0, 1, 1, 2, 2])
SAID = {
    # four of seven right, then six, then seven
    BEFORE: [0, 1, 1, 1, 1, 2, 0],
    AFTER: [0, 0, 1, 1, 1, 2, 2],
    GOLD: [0, 0, 0, 1, 1, 2, 2],
}


def _cell(arm):
    said = np.array(SAID[arm])
    probabilities = np.full((7, 3), 0.1)
    probabilities[np.arange(7), said] = 0.8
    scores = probabilities[:, 2]
    found = Predictions(said, said == 2, scores, probabilities)
    is_oos = np.isin(TRUTH, [2])
    return Cell(
        kind="logreg",
        arm=arm,
        seed=0,
        metrics=evaluate(TRUTH, found, LABELS, 2),
        curve=trade_off(scores, is_oos, said == TRUTH, np.ones(7), 11),
        called=tuple(LABELS[k] for k in said),
        flagged=tuple((said == 2).tolist()),
    )


@pytest.fixture
def cells():
    return [_cell(arm) for arm in SAID]


@pytest.fixture
def cells_without_oos():
    return [
        replace(cell, curve=replace(cell.curve, oos_recall=np.full(11, np.nan)))
        for cell in map(_cell, SAID)
    ]


@pytest.fixture
def comparison(cells):
    """The comparison of a table's labels, as `compare_tables` would return it."""

    def of(path, *, gold=True, cells=cells):
        arms = {BEFORE: 7, AFTER: 8, **({GOLD: 8} if gold else {})}
        chosen = tuple(cell for cell in cells if cell.arm in arms)
        test = TestSet(tuple(map(str, range(7))), tuple(LABELS[k] for k in TRUTH), OOS)
        outcomes = compare_cells(chosen, ("logreg",), test, BEFORE, AFTER, 0)
        return Comparison(
            tables=_tables(path, gold=gold),
            cells=chosen,
            outcomes=outcomes,
            arms=arms,
            test_rows=7,
            cross_validated=False,
            notes=("a note <script>of</script> the comparison",),
            record={
                "input": {BEFORE: {"path": str(path), "sha256": "ef" * 32}},
                "seeds": [0],
                "weighted_by_confidence": False,
                "config": config_to_dict(load_config("embedded")),
                "operating_point": {"goal": "in-scope-loss", "value": 0.015},
                "verdict": overall(outcomes),
                "models": [{"name": "m", "sha256": "cd" * 32, "source": "PyPI"}],
                "versions": {"python": "3.11.7"},
            },
        )

    return of
