"""`labelmend explain`: one real run, and one that is written by hand."""

import json

import pytest

from labelmend.cli.terminal import harmless
from labelmend.relabel.diagnostics.explanation import CandidateNats, Explanation, NearText

FASTEST = ("--no-llm", "--quiet", "--set", "reranker.backend=none")


@pytest.fixture(scope="module")
def real(cli, encoders, tmp_path_factory, demo_rows):
    """The folder of a run on sixty rows of the demo."""
    folder = tmp_path_factory.mktemp("explain")
    lines = [f'"{row["text"].replace(chr(34), "")}",{row["label"]}' for row in demo_rows]
    (folder / "data.csv").write_text("\n".join(["text,label", *lines, ""]), "utf-8")
    assert cli("relabel", folder / "data.csv", *FASTEST).code == 0
    return folder


def test_the_raw_table_and_the_mended_one_say_the_same(cli, real, demo_rows):
    raw = cli("explain", real / "data.csv", "--row", 7)
    assert (raw.code, raw.err) == (0, "")
    mended = cli("explain", real / "data.mended.csv", "--row", "7")
    assert mended.out.replace("data.mended.csv", "data.csv") == raw.out
    said = " ".join(raw.out.split())
    assert said.startswith(f'Row 7 (line 8 of data.csv) "{demo_rows[6]["text"]}"')
    for words in (demo_rows[6]["label"], "(given)", "total", "posterior", "cosine", "Channel: "):
        assert words in said
    assert max(map(len, raw.out.splitlines())) <= 80


def test_json(cli, real):
    ran = cli("explain", real / "data.csv", "--id", "7", "--json")
    assert (ran.code, ran.err) == (0, "")
    lines = (real / "data.mended.evidence.jsonl").read_text("utf-8").splitlines()
    assert ran.out == f"{lines[6]}\n"
    assert len(lines[6].encode()) < 2500
    fields = json.loads(ran.out)
    for c in fields["candidates"]:
        parts = sum(c["nats"].values()) + c["oos_bias"] + c["channel"]
        assert parts == pytest.approx(c["total"], abs=0.006)


def explanation(**fields):
    first = CandidateNats("card_lost", 0.98, {"classifier": 4.2, "lexical": 1.0}, 0.0, -4.5)
    given = CandidateNats("oos", 0.015, {"classifier": -2.0, "a-voter-27B": 0.5}, 0.5, -0.1)
    third = CandidateNats("card_about_to_expire", 0.005, {"classifier": -2.2}, 0.0, -4.6)
    base = {
        "row": 1,
        "id": "x1",
        "text": "lost \x1b[31mmy\ncard",
        "given": "oos",
        "proposed": "card_lost",
        "decision": "change",
        "reason": "3 of the 5 nearest texts carry card_lost.",
        "candidates": (first, given, third),
        "votes": {"a-voter-27B": "card_lost"},
        "neighbours": (NearText("[bold]lost it", ("card_lost", "oos"), 0.75), NearText("x", (), 0)),
    }
    return Explanation(**{**base, **fields})


@pytest.fixture
def shown(cli, tmp_path):
    def show(**fields):
        path = tmp_path / "x.evidence.jsonl"
        path.write_text(explanation(**fields).to_line() + "\n", "utf-8")
        ran = cli("explain", path, "--row", 1)
        assert (ran.code, ran.err) == (0, "")
        return ran.out

    return show


def test_what_is_shown(shown):
    out = shown()
    said = " ".join(out.split())
    assert 'Row 1, id x1 "lost \\x1b[31mmy card" change: oos -> card_lost' in said
    assert "\x1b" not in out
    # classifier 4.2 + 2.0, lexical 1.0, the voter -0.5, the bias -0.5, the channel -4.5 + 0.1.
    assert (
        "Against oos: classifier +6.2 nats for card_lost, lexical +1.0, a-voter-27B -0.5, "
        "out-of-scope bias -0.5, channel -4.4; in all +1.8."
    ) in said
    lines = [line.split() for line in out.splitlines()]
    assert ["Nats", "against", "oos", "(given)"] in lines
    assert ["classifier", "+6.2", "-0.2"] in lines
    assert ["lexical", "+1.0"] in lines
    assert ["total", "+1.8", "-5.7"] in lines
    assert ["posterior", "98.0%", "0.5%", "1.5%"] in lines
    assert ["0.75", "card_lost,", "oos", "[bold]lost", "it"] in lines
    assert ["0.00", "(no", "label)", "x"] in lines
    assert "Vote of a-voter-27B: card_lost\n" in out
    assert "Note: no record of the run beside" in out


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decision": "keep", "given": "card_lost"}, "keep: card_lost\n"),
        ({"decision": "review"}, "review: oos stays; proposed is card_lost\n"),
        ({"decision": "review", "given": None}, "(no label) stays; proposed is card_lost\n"),
        ({"decision": "label", "given": None}, "label: (no label) -> card_lost\n"),
        ({"given": "card_about_to_expire"}, "The given label is held at 0.5%: evidence against"),
        ({"given": None}, "Nats against oos (next best)"),
        ({"text": "x" * 1100}, "... (100 characters more)"),
        ({"candidates": (CandidateNats("oos", 1.0, {}, 0, 0),)}, "decided by a majority"),
        ({"candidates": (CandidateNats("b", 1.0, {"bm25": 1}, 0, 0),)}, "nothing for b"),
        ({"neighbours": (), "votes": {}}, "in all +1.8."),
    ],
)
def test_other_rows(shown, fields, words):
    assert words in shown(**fields)


def test_harmless():
    assert harmless("a\tb\nc\u00a0d") == "a b c d"
    assert harmless("\x1b[2J\x07\x9b\u202e\udce9") == "\\x1b[2J\\x07\\x9b\\u202e\\udce9"
    assert harmless("é 🎉 👩\u200d👩") == "é 🎉 👩\u200d👩"


def test_refusals(cli, tiny):
    said = cli("explain", tiny, "--row", 1).refusal()
    assert said == (
        f"{tiny}: no evidence of it in its folder; run first: "
        f"labelmend relabel {tiny} (or give the mended table)"
    )
    assert cli("explain", tiny).refusal().startswith("which row? give its number by --row")
    (tiny.parent / "tiny.evidence.jsonl").write_text("{}\n")
    assert "line 1: damaged" in cli("explain", tiny, "--row", 1).refusal()


def test_json_says_its_notes_on_stderr(cli, tmp_path):
    path = tmp_path / "x.evidence.jsonl"
    path.write_text(explanation().to_line() + "\n", "utf-8")
    ran = cli("explain", path, "--row", 1, "--json")
    assert ran.out == explanation().to_line() + "\n"
    assert ran.err.startswith("labelmend: note: no record of the run beside ")
