"""`error-analysis`, end to end on a real encoder."""

import csv
import json

import pytest

ENCODER = ("--embedder", "bge-small-en-v1.5")
SIGN = ("--label-separator", ";")


@pytest.fixture(scope="module")
def table(tmp_path_factory, demo_rows, bge_small):
    """The demo's rows with their true labels; one of them is wrong, and two have no label or text.

    One label has a single text.
    """
    path = tmp_path_factory.mktemp("analysed") / "t.csv"
    rows = [(row["text"], row["true_label"], "mine") for row in demo_rows]
    assert rows[0][1] != "pin_reset"
    rows[0] = (rows[0][0], "pin_reset", "mine")
    rows += [
        ("what is the weather like", "weather", "="),
        ("no label here", "", ""),
        ("", "oos", ""),
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "note"), *rows])
    return path


@pytest.fixture(scope="module")
def ran(cli, table):
    return cli("error-analysis", table, "-o", table.parent / "out.csv", *ENCODER)


def test_every_row_with_a_text_and_a_label_gets_a_kind(ran, table):
    assert ran.code == 0, ran
    with (table.parent / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("text", "label", "note"),
        *("kind", "learned", "held_out", "predicted", "kind_reason"),
    ]
    assert rows[0]["kind"] == "label error"
    assert rows[0]["predicted"] != "pin_reset"
    assert float(rows[0]["learned"]) < 0.5 > float(rows[0]["held_out"])
    assert rows[0]["kind_reason"].startswith("can't be learned")
    assert (rows[60]["kind"], rows[60]["kind_reason"]) == (
        "missing data",
        "no other text has this label",
    )
    assert [row["kind"] for row in rows[61:]] == ["", ""]
    assert rows[60]["note"] == "="
    assert {row["kind"] for row in rows[:60]} <= {"label error", "hard", "missing data", "fine"}


def test_it_prints_the_crossing_the_kinds_and_what_to_do(ran, table):
    assert "61 rows with 6 labels" in ran.out
    assert "right held out" in ran.out
    assert "can't be learned" in ran.out
    assert "relabel: labelmend relabel, or by hand" in ran.out
    assert "  1, pin_reset: " in ran.out
    assert "weather 1 of 1" in ran.out
    assert "1 of 63 rows have no text and are left out" in ran.out
    assert f"table: {table.parent / 'out.csv'}" in ran.out


def test_it_speaks_russian_and_its_file_english(cli, table, tmp_path):
    ran = cli("error-analysis", table, "-o", tmp_path / "o.csv", *ENCODER, "--lang", "ru")
    assert ran.code == 0, ran
    assert "ошибка разметки" in ran.out
    assert "label error" not in ran.out
    assert (tmp_path / "o.csv").read_bytes() == (table.parent / "out.csv").read_bytes()


def test_rows_with_several_labels_are_judged_label_by_label(cli, tmp_path, demo_rows, bge_small):
    table = tmp_path / "t.csv"
    rows = [(row["text"], {row["true_label"], "urgent"}) for row in demo_rows]
    rows = [(t, k if i % 12 < 6 else k - {"urgent"}) for i, (t, k) in enumerate(rows)]
    rows[0][1].add("pin_reset")
    rows.append(("hello", set()))
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "labels"), *((text, ";".join(sorted(labels))) for text, labels in rows)]
        )
    ran = cli("error-analysis", table, *ENCODER, *SIGN)
    assert ran.code == 0, ran
    given = sum(len(labels) for _, labels in rows)
    assert (
        f" labels of 61 rows, of {len({k for _, labels in rows for k in labels})} diff" in ran.out
    )
    with (tmp_path / "t.analysis.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == [
        *("text", "labels", "kind", "learned", "held_out", "predicted", "kind_reason"),
    ]
    assert found[0]["kind"] == "label error"
    assert "'pin_reset' can't be learned even where it is shown" in found[0]["kind_reason"]
    shares = [json.loads(row["learned"]) for row in found]
    assert set(shares[0]) >= rows[0][1]
    assert sum(map(len, shares)) >= given
    assert all(0 <= share <= 1 for row in shares for share in row.values())
    assert {label for row in found for label in row["predicted"].split(";") if label} <= {
        label for _, labels in rows for label in labels
    }


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ("text,label\na,x\nb,x\n", (), "is the only label; at least two are needed"),
        ("text,label\na,x\nb,y\n", (), "2 labels have only one distinct text"),
        ("text,label,kind\na,x,1\nb,y,1\n", (), "already has 'kind'"),
        (
            "text,label\na,x;y\nb,x;z\nc,y\n",
            ("--oos-label", "x", *SIGN),
            "--oos-label: not for tables",
        ),
        ("text,x,y\na,1,0\nb,0,2\n", ("--label-columns", "[xy]"), "'2' is neither 0 nor 1"),
        ("text,x,y\na,1,0\nb,0,1\n", ("--label-columns", "[xy]"), "no label has two distinct"),
        ("text,label\na,x\nb,y\n", ("--set", "classify.kind=static"), "takes a kind that reads"),
        ("text,label\na,x\nb,y\n", ("-o", "t.csv"), "is the input itself"),
        ("text,label\na,x\nb,y\n", ("-o", "o.txt"), "have no place for the kinds"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(cli, tmp_path, monkeypatch, content, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(content)
    assert said in cli("error-analysis", "t.csv", *words, *ENCODER).refusal()
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert (tmp_path / "t.csv").read_text() == content
