"""Labels that hold escape sequences, through the commands that print them."""

import csv
import re

import pytest

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = {
    "card_lost": "card\x1b[31m_lost\x1b[0m",
    "oos": "oos\x1b]0;owned\x07",
    "pin_reset": "pin\x9b31m_\u202ereset",
}
FAST = (
    *("--set", "encoders=[{backend: onnx, model: bge-small-en-v1.5, max_tokens: 32}]"),
    *("--set", "reranker.max_rows=0", "--set", "fusion.rounds=1"),
    *("--set", "evidence.classifier.options.folds=2"),
)


@pytest.mark.slow
def test_no_label_steers_the_terminal(cli, demo_rows, tmp_path, bge_small, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        {"text": row["text"], "label": EVIL.get(row["label"], row["label"])} for row in demo_rows
    ]
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    oos = ("--oos-label", EVIL["oos"])
    shown = ""
    for arguments in (
        ("relabel", "t.csv", "-o", "o.csv", "--no-llm", "--verbose", *oos, *FAST),
        ("explain", "o.csv", "--row", "1"),
        ("explain", "o.csv", "--row", "1", "--json"),
        ("corrupt", "t.csv", "-o", "n.csv", "--noise", "uniform=0.2"),
        ("audit", "o.csv", "-o", "sheet.csv", "--rows", "9"),
        ("relabel", "t.csv", "--label-column", EVIL["oos"]),
        ("relabel", f"{EVIL['oos']}.csv"),
        ("relabel", "t.csv", f"--{EVIL['oos']}"),
        ("predict", "model", "t.csv", "--trust-key", EVIL["oos"]),
        (EVIL["oos"],),
    ):
        ran = cli(*arguments)
        assert ran.code in (0, 2), (arguments, ran)
        assert STEERS.search(ran.out + ran.err) is None, (arguments, ran)
        shown += ran.out + ran.err
    # They are shown all the same, spelled.
    assert shown.count("[31m") > 2
