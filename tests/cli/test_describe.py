import pytest
import yaml

from labelmend.data.labels_file import read_labels_file
from labelmend.relabel import label_cards as describe

PLAIN = ("--no-llm", "--quiet")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_cards(cli, tiny, encoders):
    tiny.write_text(
        "text,label\nlost my card,[red]\nI lost my card,[red]\ncard lost?,[red]\nwhat a day,oos\n"
    )
    cards = tiny.with_name("cards.yaml")
    ran = cli("describe", tiny, "-o", cards, "--no-llm")
    assert ran.code == 0
    read = "Note: read text from 'text', labels from 'label'\n"
    assert ran.out == f"2 labels (2 name and exemplars only) in {cards}\n{read}"
    tree = yaml.safe_load(cards.read_text("utf-8"))
    assert sorted(tree) == ["[red]", "oos"]
    assert sorted(tree["[red]"]["exemplars"]) == ["I lost my card", "card lost?", "lost my card"]
    # What fits no label has no core.
    assert tree["oos"]["exemplars"] == []
    assert names(tiny.parent) == ["cards.yaml", "tiny.csv"]


def test_what_the_user_wrote_wins(cli, tiny, encoders):
    mine, cards = tiny.with_name("mine.yaml"), tiny.with_name("cards.yaml")
    mine.write_text("b: my own words\nc: {description: new, exemplars: [one]}\n")
    ran = cli("describe", tiny, "-o", cards, "--labels", mine, "--no-llm")
    assert ran.out.startswith(f"3 labels (2 your own, 1 name and exemplars only) in {cards}\n")
    read = read_labels_file(cards)
    assert read["b"].description == "my own words"
    assert sorted(read["b"].exemplars) == ["lost my card", "lost the card again"]
    assert (read["c"].description, read["c"].exemplars) == ("new", ("one",))
    assert read["a"].exemplars == ("hello there",)


def test_quiet(cli, tiny, encoders):
    ran = cli("describe", tiny, "-o", tiny.with_name("cards.yaml"), *PLAIN)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_ctrl_c_keeps_the_descriptions_and_the_next_run_goes_on(
    cli, tiny, encoders, smollm2, monkeypatch
):
    cards, store = tiny.with_name("cards.yaml"), tiny.with_name("cards.votes.sqlite")
    whole, write, asked = tiny.with_name("whole.yaml"), describe._write, []

    def impatient(engine, prompts, max_tokens):
        if asked:
            raise KeyboardInterrupt
        asked.extend(prompts)
        return write(engine, prompts, max_tokens)

    def counting(engine, prompts, max_tokens):
        asked.extend(prompts)
        return write(engine, prompts, max_tokens)

    # One label at a time.
    run = ("-q", "--set", "describe.max_tokens=6", "--set", "describe.context_tokens=256")
    monkeypatch.setattr(describe, "_write", impatient)
    ran = cli("describe", tiny, "-o", cards, *run)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == (
        "labelmend: interrupted; nothing was written; 1 label descriptions are kept in "
        f"{store}: run the same command again to resume\n"
    )
    assert names(tiny.parent) == ["cards.votes.sqlite", "tiny.csv"]
    monkeypatch.setattr(describe, "_write", counting)
    assert cli("describe", tiny, "-o", cards, *run).code == 0
    assert len(asked) == 2
    assert cli("describe", tiny, "-o", whole, *run).code == 0
    assert len(asked) == 4
    assert cards.read_bytes() == whole.read_bytes()
    # All is remembered, until it is to be forgotten.
    assert cli("describe", tiny, "-o", cards, *run).code == 0
    assert len(asked) == 4
    assert cli("describe", tiny, "-o", cards, *run, "--fresh").code == 0
    assert len(asked) == 6


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("tiny.csv", "tiny.csv: is the input itself; write to another file"),
        ("mine.yaml", "mine.yaml: is the input itself; write to another file"),
        ("no/cards.yaml", "is missing; create it first"),
        ("folder", "folder: is a folder; give a file name in it"),
        ("/proc/cards.yaml", "/proc/cards.yaml: can't be written to ("),
    ],
)
def test_bad_outputs_are_refused_before_any_work(cli, tiny, monkeypatch, output, said):
    monkeypatch.chdir(tiny.parent)
    tiny.with_name("folder").mkdir()
    tiny.with_name("mine.yaml").write_text("a: my own")
    ran = cli("describe", "tiny.csv", "-o", output, "--labels", "mine.yaml", "--no-llm")
    assert said in ran.refusal()
    assert names(tiny.parent) == ["folder", "mine.yaml", "tiny.csv"]
    assert tiny.with_name("mine.yaml").read_text() == "a: my own"


def test_a_missing_table(cli, tiny):
    ran = cli("describe", tiny.with_name("x.csv"), "-o", tiny.with_name("cards.yaml"))
    assert "x.csv: no such file" in ran.refusal()
