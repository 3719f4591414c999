"""What a run may write to: compared with all that was given, and looked at first."""

import os

import pytest

from labelmend.configs.load import load_config
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models, strange_files
from labelmend.errors import OutputError


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    return path


def refusal(path, inputs, **kwargs):
    with pytest.raises(OutputError) as caught:
        claim(inputs, [Output(path, **kwargs)])
    return str(caught.value)


@pytest.mark.parametrize("make", ["same", "relative", "symlink", "hardlink", "through a folder"])
def test_a_file_that_was_given_is_found_under_each_of_its_names(tmp_path, mine, make, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other"
    if make == "relative":
        other = other.with_name("x") / ".." / mine.name
        other.parent.parent.mkdir()
    elif make == "symlink":
        other.symlink_to(mine)
    elif make == "hardlink":
        os.link(mine, other)
    elif make == "through a folder":
        other.symlink_to(tmp_path)
        other = other / mine.name
    else:
        other = mine
    for output, input_ in ((other, mine), (mine, other)):
        said = refusal(output, given(input_, "given as --labels"))
        assert said == f"{output}: is given as --labels; write to another file"
    claim(given(mine), [Output(tmp_path / "new.csv", is_table=True)])


def test_a_given_file_that_is_missing_stands_for_its_place(tmp_path):
    gone = tmp_path / "gone.csv"
    (tmp_path / "link.csv").symlink_to(gone)
    assert "is the input itself" in refusal(tmp_path / "link.csv", given(gone))


def test_two_spellings_are_one_file_where_the_file_system_says_so(tmp_path, mine):
    other = tmp_path / "MINE.csv"
    if other.exists():
        assert "is the input itself" in refusal(other, given(mine))
    else:
        claim(given(mine), [Output(other, is_table=True)])


def test_what_stands_there_already_must_bear_a_mark_of_ours(tmp_path, mine):
    marks = {"what": "record of a run", "marks": ('"ours": ', '"older": ')}
    assert refusal(mine, (), **marks) == (
        f"{mine}: is there already and is no record of a run of labelmend's; move it away, or name "
        "another output"
    )
    for text in ("", '{"ours": 1}', 'x "older": damaged behind it'):
        mine.write_text(text)
        claim((), [Output(mine, **marks)])
    claim((), [Output(tmp_path / "new.json", **marks)])
    # What the user named is replaced whatever it is.
    mine.write_text("mine")
    claim((), [Output(mine)])


def test_outputs_that_are_one_file(tmp_path, mine):
    (tmp_path / "link.csv").symlink_to(mine)
    with pytest.raises(OutputError, match=r"link\.csv: is the same file as .*mine\.csv, and both"):
        claim((), [Output(mine), Output(tmp_path / "link.csv")])


def test_folders_that_are_replaced_hold_nothing_that_was_given(tmp_path, mine):
    model = tmp_path / "model"
    (model / "encoder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(model)
    for folder in (model, tmp_path / "link"):
        for inside in (model, model / "encoder", tmp_path / "link" / "encoder"):
            with pytest.raises(OutputError, match="is given as a model; write to another folder"):
                claim([Given(inside, "given as a model")], (), [folder])
    claim([Given(model, "the model"), Given(mine)], (), [tmp_path / "model-onnx"])
    # A file of a folder that was given is no place to write to; one beside its files is.
    (model / "weights.csv").write_text("1")
    said = refusal(model / "weights.csv", [Given(model, "the model")], is_table=True)
    assert said.endswith(f"lies in {model}, which is the model; write to another file")
    claim([Given(model, "the model")], [Output(model / "new.csv", is_table=True)])


def test_models_that_the_settings_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voter.gguf").write_bytes(b"GGUF")
    (tmp_path / "encoder").mkdir()
    config = load_config(
        "embedded", ["voters.0.model=./voter.gguf", "encoders.0.model=encoder", "describe.model=''"]
    )
    assert [str(one.path) for one in given_models(config)] == ["encoder", "voter.gguf"]
    assert {one.how for one in given_models(config)} == {"given as a model"}


@pytest.mark.parametrize(
    ("card", "strange"),
    [
        (None, {"card.json", "a.bin", "b.bin"}),
        ("[]", {"card.json", "a.bin", "b.bin"}),
        ('{"files": {"a.bin": {}}}', {"card.json", "a.bin", "b.bin"}),
        ('{"labelmend": "1", "files": ["a.bin"]}', {"b.bin"}),
        ('{"labelmend": "1", "files": {"a.bin": {}, "in/c.bin": {}}}', {"b.bin", "in/d.bin"}),
    ],
)
def test_what_is_strange_in_a_folder_of_ours(tmp_path, card, strange):
    (tmp_path / "in").mkdir()
    for name in ("a.bin", "b.bin", "in/c.bin", "in/d.bin"):
        (tmp_path / name).write_text("x")
    if card is not None:
        (tmp_path / "card.json").write_text(card)
    found = strange_files(tmp_path, ["card.json", "a.bin", "in"], "card.json")
    assert found - {"in"} == {name for name in strange if (tmp_path / name).exists()}
