import pytest

from labelmend.data.answer_file import read_answers

AUDIT = """\
id,text,label,answer,design,stratum,inclusion
7,Lost my card,card,card,d1,keep,0.05
8,new pin,pin,none of these,d1,change,0.5
9,hm,pin,unsure,,,
10,hello,card,,d1,keep,0.05
"""


@pytest.fixture
def audit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.csv").write_text(AUDIT)
    return tmp_path


def take(cli, *options):
    return cli("answers", "import", "audit.csv", "-o", "a.jsonl", *options)


def test_answers_come_in_are_counted_and_taken_back(cli, audit):
    ran = take(cli, "--who", "anna", "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "3 answers would be written to a.jsonl; 0 there already, 1 cell empty\n"
    assert [path.name for path in audit.iterdir()] == ["audit.csv"]
    ran = take(cli, "--who", "anna")
    assert ran.out == "3 answers written to a.jsonl; 0 there already, 1 cell empty\n"
    ran = take(cli, "--who", "anna")
    assert ran.out == "0 answers written to a.jsonl; 3 there already, 1 cell empty\n"
    (audit / "audit.csv").write_text(AUDIT.replace("card,card,d1", "card,pin,d1"))
    ran = take(cli, "--who", "anna")
    assert ran.out == (
        "1 answer written to a.jsonl, 1 of them instead of an earlier one; "
        "2 there already, 1 cell empty\n"
    )
    assert take(cli, "--who", "bob", "-q").out == ""
    ran = cli("answers", "show", "a.jsonl")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "6 answers on 3 texts: anna 3, bob 3\n"
        "asked for: audit 4, import 2\n"
        "2 say none of these, 2 are unsure\n"
        "1 replaced by later ones, 0 withdrawn\n"
        "2 texts answered by several people: all agree on 2 "
        "(100%, 95 % interval 34% to 100%)\n"
    )
    ran = cli("answers", "withdraw", "a.jsonl", "--id", "7", "--who", "bob")
    assert (ran.code, ran.out) == (0, "withdrawn: row 7, 'pin' by bob\n")
    answer = read_answers(audit / "a.jsonl").answers[0]
    ran = cli("answers", "withdraw", "a.jsonl", "--answer", answer.answer)
    assert ran.out == "withdrawn: row 8, 'none' by anna\n"
    assert "1 replaced by later ones, 2 withdrawn\n" in cli("answers", "show", "a.jsonl").out


def test_columns_of_other_names(cli, audit):
    (audit / "audit.csv").write_text("nr,frage,anna,bob\n1,hallo,hi,nichts\n2,ja,,hi\n")
    ran = take(
        cli,
        *("--answer-column", "anna", "--answer-column", "bob", "--none-word", "Nichts"),
        *("--text-column", "frage", "--id-column", "nr"),
    )
    assert ran.out == "3 answers written to a.jsonl; 0 there already, 1 cell empty\n"
    assert [(a.who, a.verdict) for a in read_answers(audit / "a.jsonl").answers] == [
        *(("anna", "label"), ("bob", "none"), ("bob", "label")),
    ]


def test_notes_are_told_and_can_not_steer_the_terminal(cli, audit):
    (audit / "audit.csv").write_text("text,label,answer\nhello,card,c\x1b[2Jrad\n")
    ran = take(cli, "--who", "a\x1b[2Jb")
    assert "Note: audit.csv: 1 answer with labels that no row of this table carries: " in ran.out
    assert "\x1b" not in ran.out + cli("answers", "show", "a.jsonl").out


def test_an_empty_file_is_shown(cli, audit):
    (audit / "a.jsonl").touch()
    assert cli("answers", "show", "a.jsonl").out == (
        "0 answers on 0 texts\n0 replaced by later ones, 0 withdrawn\n"
    )


def test_mistakes_end_in_one_line_and_write_nothing(cli, audit):
    def refused(*arguments):
        return cli("answers", *arguments).refusal()

    assert "no such file" in refused("import", "adit.csv", "-o", "a.jsonl")
    assert "no column 'x'" in take(cli, "--answer-column", "x").refusal()
    assert "is the input itself" in refused("import", "audit.csv", "-o", "audit.csv")
    assert "is missing; create it first" in refused("import", "audit.csv", "-o", "no/a.jsonl")
    assert refused("show", "a.jsonl") == "a.jsonl: no such file; check the path"
    assert "is no file of answers" in refused("show", "audit.csv")
    assert "is no file of answers" in refused("withdraw", "audit.csv", "--id", "7")
    assert [path.name for path in audit.iterdir()] == ["audit.csv"]
    take(cli, "--who", "anna")
    before = (audit / "a.jsonl").read_bytes()
    assert "give either --id ROW_ID or --answer ID" in refused("withdraw", "a.jsonl")
    assert "no answer on row '1' stands" in refused("withdraw", "a.jsonl", "--id", "1")
    assert (audit / "a.jsonl").read_bytes() == before
    assert (audit / "audit.csv").read_text() == AUDIT
