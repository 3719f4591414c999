"""The tables of a comparison, as they are read: nothing is trained."""

from dataclasses import replace

import pytest

from labelmend.configs.load import load_config
from labelmend.data.cells.read import LabelRules
from labelmend.errors import InputError
from labelmend.evaluation.comparison import ComparisonRequest
from labelmend.workflows.compared import read_tables, without_judge

CONFIG = load_config("embedded")
TRAIN = [
    *("a1,x,x,0.99", "a2,x,x,0.99", "a3,X,x,0.99", "b1,y,y,0.99", "b2,y,y,0.99"),
    *("b3,y,y,0.99", "c1,z,z,0.99", "c2,-1,,", ",y,,"),
]


def tables(folder, test, **more):
    train = folder / "both.csv"
    train.write_text("\n".join(["text,label,mended_label,confidence", *TRAIN]) + "\n")
    (folder / "test.csv").write_text("\n".join(["text,label", *test]) + "\n")
    request = ComparisonRequest(before=train, test=folder / "test.csv", **more)
    return read_tables(request, CONFIG)


def test_a_test_label_that_was_never_trained_on_counts_as_wrong(tmp_path):
    found = tables(tmp_path, ["d1,x", "d2,new", "d3,z", "d4,", " ,x"])
    assert found.test.texts == ("d1", "d2", "d3")
    assert found.test.labels == ("x", "new", "z")
    assert found.notes[-3:] == (
        "test: 1 rows have no text and are left out",
        "test: 1 rows have no label and are left out",
        "test: 2 labels were never trained on: 'new', 'z'; 2 of 3 rows count as wrong",
    )
    with pytest.raises(InputError, match="column 'label': 1 label was never trained on: 'new'; m"):
        tables(tmp_path, ["d1,new", "d2,new"])


def test_rare_labels_are_left_out_kept_or_refused(tmp_path):
    found = tables(tmp_path, ["d1,x"])
    assert [c.training_set().labels for c in found.conditions] == [("x", "y"), ("x", "y")]
    rare = "3 labels have only one distinct text and are left out of training: '-1', 'X', 'z'"
    assert any(note.startswith(f"as given: {rare}") for note in found.notes)
    kept = tables(tmp_path, ["d1,x", "d2,z"], rare_labels="keep")
    assert kept.conditions[1].training_set().labels == ("x", "y", "z")
    assert not any("never trained on" in note for note in kept.notes)
    with pytest.raises(InputError, match=r"3 labels have only one .* --rare-labels drop$"):
        tables(tmp_path, ["d1,x"], rare_labels="error")


def test_labels_are_read_by_one_rule_in_all_tables(tmp_path):
    rules = LabelRules(missing=("-1",), merge_spellings=True)
    found = tables(tmp_path, ["d1,X", "d2,-1", "d3, y"], rules=rules)
    before, after = found.conditions
    assert before.training_set().labels == after.training_set().labels == ("x", "y")
    assert len(before.training_set().texts) == 6
    assert found.test.labels == ("x", "y")
    assert "as given: 1 row carries another spelling of a label: merged" in found.notes


def test_rows_without_text_are_refused_where_asked(tmp_path):
    with pytest.raises(InputError, match=r"both.csv: row 9: no text in column 'text'"):
        tables(tmp_path, ["d1,x"], strict=True)


def augmented(folder):
    train = folder / "both.csv"
    rows = "".join(f"{row},row,\n" for row in TRAIN[:7])
    new = "n1,,x,0.9,rewording,1\nn2,,y,0.9,card,\n"
    path = folder / "augmented.csv"
    path.write_text(f"text,label,mended_label,confidence,source,parent\n{rows}{new}")
    return train, path


def test_an_augmented_table_is_a_third_version(tmp_path):
    _, path = augmented(tmp_path)
    found = tables(tmp_path, ["d1,x", "n1,x"], augmented=path)
    assert [c.name for c in found.conditions] == ["as given", "mended", "augmented"]
    data = found.conditions[2].training_set()
    assert data.texts == ("a1", "a2", "a3", "b1", "b2", "b3", "n1", "n2")
    assert data.made_from == {6: (0,), 7: ()}
    # A test text that is trained on in one version is tested in none.
    assert found.test.texts == ("d1",)
    assert set(found.sources) == {"as given", "augmented", "test"}
    with pytest.raises(InputError, match=r"both\.csv: does not tell which rows are new; give the"):
        tables(tmp_path, ["d1,x"], augmented=tmp_path / "both.csv")


def test_new_texts_are_never_tested(tmp_path):
    _, path = augmented(tmp_path)
    found = read_tables(ComparisonRequest(before=path), CONFIG)
    assert found.cross_validated
    assert set(found.test.texts) == {"a1", "a2", "a3", "b1", "b2", "b3"}


def test_rows_that_a_split_kept_are_tested(tmp_path):
    path = tmp_path / "split.csv"
    rows = [f"{row},row,,{'test' if i in {2, 5} else 'train'}" for i, row in enumerate(TRAIN)]
    head = "text,label,mended_label,confidence,source,parent,split"
    path.write_text("\n".join([head, *rows, "n1,,x,0.9,rewording,1,train"]) + "\n")
    found = read_tables(ComparisonRequest(before=path), CONFIG)
    assert not found.cross_validated
    assert (found.test.texts, found.test.labels) == (("a3", "b3"), ("x", "y"))
    assert found.conditions[1].training_set().texts == ("a1", "a2", "b1", "b2", "n1")
    assert found.notes[-1].startswith(
        "tested on the 2 rows that augment --split kept; their labels"
    )


def test_the_judge_of_new_texts_is_not_read_by_those_that_are_measured(tmp_path):
    _, path = augmented(tmp_path)
    assert without_judge(CONFIG, path) == (CONFIG, ())
    record = path.with_name("augmented.augment.json")
    record.write_text('{"judge": {"encoder": "bge-small-en-v1.5"}}')
    config, notes = without_judge(CONFIG, path)
    assert [encoder.model for encoder in config.encoders] == ["use-multilingual-v3"]
    assert notes == (
        "bge-small-en-v1.5 judged the new texts, so no classifier of this comparison reads it",
    )
    alone = replace(CONFIG, encoders=CONFIG.encoders[:1])
    assert without_judge(alone, path)[0] == alone
    assert "this flatters them" in without_judge(alone, path)[1][0]
    assert without_judge(CONFIG, None) == (CONFIG, ())
    record.write_text("{")
    assert without_judge(CONFIG, path) == (CONFIG, ())
