import hashlib
import json
from pathlib import Path

import pytest
import typer
from fixtures.reviewed import record_of
from fixtures.reviewed_sets import record_of as sets_record

from labelmend.cli.app import app
from labelmend.configs.load import config_to_dict, load_config
from labelmend.errors import InputError
from labelmend.review.work.again import (
    LABELMEND,
    relabel_command,
    relabel_sets_command,
    source_of,
    write_profile,
)
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord


def record(**changes):
    plain = record_of(4, "data.csv", hashlib.sha256(b"x").hexdigest())
    return RunRecord.from_json(json.dumps({"schema_version": 3, **plain, **changes}))


def test_the_table_that_was_mended_is_known_by_its_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    mended = tmp_path / "out" / "mended.csv"
    with pytest.raises(InputError, match="the table that was mended is not there"):
        source_of(mended, record())
    piped = {**record_of(4, "standard input", "ab" * 32)["input"]}
    with pytest.raises(InputError) as caught:
        source_of(mended, record(input=piped))
    assert str(caught.value) == (
        f"{mended}: was mended from standard input, which nobody keeps; save that table to a file, "
        "and mend the file with labelmend relabel --answers"
    )
    Path("data.csv").write_text("x")
    assert source_of(mended, record()) == Path("data.csv")
    Path("data.csv").write_text("y")
    mended.with_name("data.csv").write_text("x")
    assert source_of(mended, record()) == mended.with_name("data.csv")


def parsed(words):
    """What a command says that is not as ever."""
    command = typer.main.get_command(app).commands["relabel"]
    found = command.make_context("relabel", words[len(LABELMEND) + 1 :])
    return {name: value for name, value in found.params.items() if value}


def test_the_command_repeats_what_the_run_was_told(tmp_path):
    plain = record_of(4, "data.csv", "ab" * 32)
    plain["input"]["columns"] |= {"votes": ["bob"], "more_text": ["body"]}
    plain["input"]["reading"] = {"separator": ";", "missing": ["-1"], "merge_spellings": True}
    run = record(input=plain["input"], oos_label="oos")
    words = relabel_command(
        *(Path("data.csv"), run, Path("a.jsonl"), Path("out.csv"), Path("p.yaml"), Path("l.yaml"))
    )[3:]
    assert words[:2] == ["relabel", "data.csv"]
    told = parsed([*LABELMEND, *words])
    assert told["text_column"] == ["text", "body"]
    assert (told["label_column"], told["id_column"]) == ("label", "id")
    assert (told["oos_label"], told["vote_columns"]) == ("oos", ["bob"])
    assert (told["label_separator"], told["missing_label"]) == (";", ["-1"])
    assert told["merge_spellings"]
    assert told["no_llm"]  # as no LLM was among the run's models
    assert (str(told["answers"]), str(told["labels"])) == ("a.jsonl", "l.yaml")
    assert "settings" not in told


def test_the_command_for_several_labels_names_what_such_a_run_takes():
    plain = sets_record(4, "data.csv", "ab" * 32)
    plain["input"]["columns"] |= {"more_text": ["body"]}
    plain["input"]["reading"] = {"separator": ";", "missing": ["-1"], "merge_spellings": True}
    run = SetRunRecord.from_json(json.dumps(plain))
    paths = (Path("data.csv"), run, Path("a.jsonl"), Path("out.csv"), Path("p.yaml"))
    told = parsed(relabel_sets_command(*paths))
    assert (told["text_column"], told["id_column"]) == (["text", "body"], "id")
    assert (told["label_column"], told["label_separator"]) == ("tags", ";")
    assert (told["missing_label"], told["merge_spellings"]) == (["-1"], True)
    assert (str(told["answers"]), str(told["profile"])) == ("a.jsonl", "p.yaml")
    # What such tables refuse is not said.
    assert not {"oos_label", "labels", "vote_columns", "self_test"} & {*told}
    assert told["no_llm"]  # as no LLM was among the run's models
    plain["models"] = {"voter v": {"name": "v", "sha256": "cd" * 32, "source": "your file"}}
    voted = SetRunRecord.from_json(json.dumps(plain))
    words = (paths[0], voted, *paths[2:], Path("l.yaml"))
    told = parsed(relabel_sets_command(*words))
    assert "no_llm" not in told
    assert str(told["labels"]) == "l.yaml"
    assert parsed(relabel_sets_command(*words, quick=True))["no_llm"]
    plain["label_columns"] = ["t_a", "t_b"]
    plain["input"]["columns"]["label"] = None
    run = SetRunRecord.from_json(json.dumps(plain))
    told = parsed(relabel_sets_command(Path("data.csv"), run, None, *paths[3:]))
    assert told["label_columns"] == ["t_a", "t_b"]
    assert not {"label_column", "answers"} & {*told}


def test_the_quick_one_asks_neither_llm_nor_reranker():
    model = {"name": "m", "sha256": "cd" * 32, "source": "PyPI"}
    run = record(models={"encoder": model, "describer": model})
    paths = [Path("d.csv"), run, Path("a.jsonl"), Path("o.csv"), Path("p.yaml"), None]
    assert "--no-llm" not in relabel_command(*paths)
    quick = relabel_command(*paths, quick=True)
    assert quick[-3:] == ["--no-llm", "--set", "reranker.backend=none"]


def test_the_profile_holds_all_settings_of_the_run(tmp_path):
    config = load_config("embedded", ["decision.max_harm=0.25", "seed=7"])
    write_profile(record(config=config_to_dict(config)), tmp_path / "p.yaml")
    assert config_to_dict(load_config(str(tmp_path / "p.yaml"))) == config_to_dict(config)


@pytest.mark.parametrize(
    ("content", "names", "lacks"),
    [
        ("hi there,card\nlost it,pin\n", ("column_1", "column_2"), True),
        ("card,card\nlost it,pin\n", ("column_1", "column_2"), True),
        ("column_1,column_2\nhi,card\n", ("column_1", "column_2"), False),
        ("text,label\nhi,card\n", ("text", "label"), False),
    ],
)
def test_a_table_without_a_header_is_read_so_again(tmp_path, content, names, lacks):
    source = tmp_path / "data.csv"
    source.write_text(content)
    plain = record_of(2, "data.csv", "ab" * 32)
    plain["input"]["columns"] |= {"text": names[0], "label": names[1], "id": None}
    others = (Path("a.jsonl"), Path("out.csv"), Path("p.yaml"), None)
    words = relabel_command(source, record(input=plain["input"]), *others)
    assert ("--no-header" in words) == lacks
