import json
import shlex

import pytest
from fixtures.exchanged import made

from labelmend.data.answer_file import read_answers


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(tmp_path)
    return tmp_path


def test_rows_go_out_and_their_answers_come_back(cli, here):
    ran = cli("export-review", "mended.csv", "--to", "doccano", "-o", "d.jsonl", "--rows", "9")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "Read: text from 'text', labels from 'label', ids from 'id'.\n"
        "9 rows (8 of an audit, 8 blind): d.jsonl\n"
        "with it: d.labels.json\n"
        "When they are answered there, export them and take the answers: labelmend answers import "
        "FILE -o answers.jsonl --table mended.csv\n"
    )
    rows = [json.loads(line) for line in (here / "d.jsonl").read_text().splitlines()]
    said = [{**row, "id": n, "label": ["fees"], "Comments": []} for n, row in enumerate(rows)]
    said[3]["label"] = []
    (here / "back.jsonl").write_text("\n".join(map(json.dumps, said)))
    words = shlex.split("answers import back.jsonl -o answers.jsonl --table mended.csv --who anna")
    ran = cli(*words)
    assert ran.out == (
        "doccano: 8 answers written to answers.jsonl; 0 there already, 1 without an answer\n"
    )
    assert cli(*words).out.startswith("doccano: 0 answers written to answers.jsonl; 8 there")
    found = read_answers(here / "answers.jsonl").answers
    assert {one.who for one in found} == {"anna"}
    assert [one.shown.why for one in found] == ["audit"] * 7 + ["queue"]
    ran = cli("export-review", "mended.csv", "--to", "prodigy", "-o", "p.jsonl", "-q", "--blind")
    assert (ran.code, ran.out) == (0, "")
    (audit, *doubtful) = [json.loads(line) for line in (here / "p.jsonl").read_text().splitlines()]
    assert audit["labelmend_id"] == rows[3]["labelmend_id"]
    assert {row["labelmend_shown"] for row in doubtful} == {"queue"}
    assert {row["labelmend_saw"] for row in doubtful} == {"nothing"}


def test_mistakes_end_in_one_line_and_write_nothing(cli, here):
    before = sorted(here.iterdir())

    def refused(*words):
        return cli("export-review", *words).refusal()

    out = ("-o", "t.json")
    assert "no such file" in refused("none.csv", "--to", "argilla", *out)
    assert "no column 'mended_label'" in refused("audit.csv", "--to", "argilla", *out)
    assert "end the name in .jsonl" in refused("mended.csv", "--to", "prodigy", *out)
    assert "is missing; create it" in refused("mended.csv", "--to", "argilla", "-o", "no/t.json")
    assert "no such file" in refused(
        "mended.csv", "--to", "argilla", *out, "--answers", "none.jsonl"
    )
    assert "--no-header: jsonl files have none" in refused(
        "mended.run.json", "--to", "argilla", *out, "--no-header"
    )
    ran = cli("answers", "import", "audit.csv", "-o", "a.jsonl", "--from", "label-studio")
    assert "is no export of Label Studio with answers in it" in ran.refusal()
    assert sorted(here.iterdir()) == before
