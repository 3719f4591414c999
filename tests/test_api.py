"""The public API: lazy exports, one name for a function and a subpackage, and the documentation."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labelmend
from labelmend import api
from labelmend.types import NO_LABEL

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ["i lost my card", "my card is gone", "the exchange rate", "euro to dollar rate"]
LABELS = ["card", "card", "rate", "rate"]


def run(code, *arguments):
    """Run code in a fresh interpreter, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_labelmend_imports_nothing_else():
    heavy = "{'numpy', 'pandas', 'scipy', 'sklearn', 'torch', 'yaml', 'faiss', 'pydantic'}"
    assert run(f"import sys, labelmend; print(sorted({heavy} & set(sys.modules)))") == "[]"
    code = "import sys, labelmend; labelmend.__version__; dir(labelmend); print('labelmend.types' "
    assert run(code + "in sys.modules)") == "False"
    code = "import sys, labelmend; labelmend.NoisyLabelCorrector; labelmend.TextClassifier; "
    code += "labelmend.mend; print("
    assert run(code + "'torch' in sys.modules)") == "False"


def test_all_names_are_there_and_no_others():
    assert set(labelmend.__all__) <= set(dir(labelmend))
    for name in labelmend.__all__:
        assert getattr(labelmend, name) is getattr(labelmend, name)
    with pytest.raises(AttributeError, match="module 'labelmend' has no attribute 'mended'"):
        labelmend.mended  # noqa: B018
    code = "from labelmend import *; print(mend, NoisyLabelCorrector, explain, Dataset)"
    assert "NoisyLabelCorrector" in run(code)


CALL = """
try:
    labelmend.relabel(labelmend.make_dataset(['x', 'y'], ['a', 'b']), descriptions={'c': 'd'})
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "first",
    [
        "import labelmend",
        "import labelmend, labelmend.workflows.relabel",
        "from labelmend.relabel.pipeline import relabel; import labelmend",
    ],
)
def test_the_old_name_is_called_in_any_order_of_imports_and_says_the_new_one(first):
    code = (
        "import warnings\nwarnings.simplefilter('error', DeprecationWarning)\n"
        f"{first}\ntry:\n    labelmend.relabel(1)\nexcept DeprecationWarning as told:\n"
        f"    print(told)\nwarnings.simplefilter('ignore')\n{CALL}"
    )
    assert run(code).splitlines() == [
        "labelmend.relabel() is called labelmend.mend() now, and goes with version 0.3",
        "descriptions: no label 'c' in the dataset",
    ]


_ONLY_OURS = ("--follow-imports=silent", "--no-site-packages", "--ignore-missing-imports")


@pytest.mark.slow
def test_type_checkers_see_the_function(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    sample = tmp_path / "sample.py"
    sample.write_text(
        "import labelmend\n"
        "data = labelmend.make_dataset(['a', 'b'], ['x', 'y'])\n"
        "result: labelmend.Relabelling = labelmend.mend(data, labelmend.load_config())\n"
        "labels = labelmend.NoisyLabelCorrector().fit([[1.0]], ['a']).labels_\n"
        "labelmend.mend(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *_ONLY_OURS, sample.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stdout
    assert 'sample.py:5: error: Argument 1 to "mend" has incompatible type "int"' in errors[0]


def test_mend_mends_what_make_dataset_made(encoders):
    assert all(model.path.is_dir() for model in encoders)
    heard = []

    class Progress:
        def start(self, stage, total):
            heard.append(stage)

        def advance(self, steps=1):
            pass

    dataset = labelmend.make_dataset([*TEXTS, "where is my card"], [*LABELS, None])
    described = {"card": "The user can't find a payment card."}
    result = labelmend.mend(dataset, descriptions=described, progress=Progress())
    assert isinstance(result, labelmend.Relabelling)
    assert [dataset.labels[k] for k in result.decisions.proposed] == [*LABELS, "card"]
    assert result.cards[0].description == described["card"]
    assert heard
    assert not result.voters


def test_mend_cuts_long_texts_as_the_command_line_does(monkeypatch):
    seen = []
    monkeypatch.setattr(api, "locate_models", lambda config, use_llm: None)
    monkeypatch.setattr(api.pipeline, "relabel", lambda data, *a, **k: seen.append(data))
    config = labelmend.load_config("embedded", ["data.max_text_chars=5"])
    labelmend.mend(labelmend.make_dataset(TEXTS, LABELS), config)
    assert seen[0].texts == ("i los", "my ca", "the e", "euro ")


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, tuple, iter])
def test_a_dataset_of_any_sequence(kind):
    dataset = labelmend.make_dataset(kind(TEXTS), kind(LABELS))
    assert isinstance(dataset, labelmend.Dataset)
    assert dataset.texts == tuple(TEXTS)
    assert dataset.labels == ("card", "rate")
    assert dataset.given.tolist() == [0, 0, 1, 1]
    assert dataset.ids == ("1", "2", "3", "4")
    assert dataset.oos is None


@pytest.mark.parametrize("none", [None, float("nan"), np.nan, "", " \t", pd.NA, pd.NaT])
def test_what_counts_as_no_label(none):
    dataset = labelmend.make_dataset(TEXTS, ["card", none, "rate", "rate"])
    assert dataset.given.tolist() == [0, NO_LABEL, 1, 1]


def test_numbers_become_names():
    assert labelmend.make_dataset(TEXTS, [10, 9, 10, 9]).labels == ("10", "9")
    # pandas makes floats of integers where one is missing.
    dataset = labelmend.make_dataset(TEXTS, pd.Series([1, 2, None, 2]))
    assert dataset.labels == ("1", "2")
    assert dataset.given.tolist() == [0, 1, NO_LABEL, 1]
    assert labelmend.make_dataset(TEXTS, [1.5, 2, np.True_, False]).labels == (
        *("1.5", "2", "False"),
        "True",
    )


def test_labels_are_read_as_the_command_line_reads_them():
    make = labelmend.make_dataset
    lists = make(TEXTS, [["card"], ("rate",), np.array(["rate"]), []])
    assert (lists.labels, lists.given.tolist()) == (("card", "rate"), [0, 1, 1, NO_LABEL])
    missing = make(TEXTS, [-1, 0, "n/a", 1.0], missing_labels=[-1, "n/a"])
    assert (missing.labels, missing.given.tolist()) == (("0", "1"), [NO_LABEL, 0, NO_LABEL, 1])
    assert make(TEXTS, [3, "3.0", 1, 1]).labels == ("1", "3")
    whole = make(TEXTS, ["a;b", "a", "b", "a"], label_separator="none")
    assert whole.labels == ("a", "a;b", "b")
    spelled = ["A b", "a_b", "a_b", "c"]
    assert make(TEXTS, spelled).labels == ("A b", "a_b", "c")
    assert make(TEXTS, spelled, merge_spellings=True).labels == ("a_b", "c")
    named = make(TEXTS, spelled, merge_spellings=True, label_set=["A b", "c"])
    assert named.given.tolist() == [0, 0, 0, 1]


def test_label_sets_and_out_of_scope():
    make = labelmend.make_dataset
    assert make(TEXTS, LABELS, label_set=["rate", "card", "fee"]).labels == ("card", "fee", "rate")
    assert make(TEXTS, ["card"] * 4, label_set=["rate", "card"]).given.tolist() == [0] * 4
    added = make(TEXTS, LABELS, oos_label="none of these")
    assert added.labels[added.oos] == "none of these"
    found = make(TEXTS, ["card", "Out_Of_Scope", "rate", "rate"])
    assert found.labels[found.oos] == "Out_Of_Scope"
    assert make(TEXTS, LABELS, ids=[7, "b", 8, 9]).ids == ("7", "b", "8", "9")


@pytest.mark.parametrize(
    ("texts", "labels", "rest", "message"),
    [
        (TEXTS[:3], LABELS, {}, "3 texts and 4 labels"),
        ("a text", LABELS, {}, "texts is a single string"),
        (TEXTS, "card", {}, "labels is a single string"),
        ([*TEXTS[:3], None], LABELS, {}, r"texts\[3\] is None, of type NoneType"),
        ([*TEXTS[:3], " "], LABELS, {}, "texts: row 3 .from 0.: blank"),
        ([], [], {}, "texts is empty"),
        (TEXTS, [*LABELS[:3], {"rate": 1}], {}, r"labels\[3\] is \{'rate': 1\}, of type dict"),
        (TEXTS, [*LABELS[:3], [["a"]]], {}, r"labels\[3\]\[0\] is \['a'\], of type list"),
        (TEXTS, [*LABELS[:3], ["card", "rate"]], {}, "1 row holds several labels each, in a list"),
        (TEXTS, [*LABELS[:3], "card;rate"], {}, 'or give label_separator="none" if such a cell'),
        (TEXTS, LABELS, {"label_separator": ""}, "label_separator: is empty"),
        (TEXTS, ["card"] * 4, {}, "at least two labels are needed to tell apart, found 'card'"),
        (TEXTS, [None] * 4, {}, "found none"),
        (TEXTS, LABELS, {"label_set": ["card", "rates"]}, "'rate' not in label_set .did you mean"),
        (TEXTS, LABELS, {"ids": [1, 2, 3]}, "3 ids and 4 texts"),
        (TEXTS, LABELS, {"ids": [1, 2, 3, "3"]}, "'3' stands more than once"),
    ],
)
def test_what_can_not_be_used_is_named(texts, labels, rest, message):
    with pytest.raises(ValueError, match=message):
        labelmend.make_dataset(texts, labels, **rest)


def test_descriptions_are_checked():
    dataset = labelmend.make_dataset(TEXTS, LABELS)
    with pytest.raises(ValueError, match=r"no label 'cards' in the dataset \(did you mean 'card'"):
        labelmend.mend(dataset, descriptions={"cards": "Lost."})
    with pytest.raises(ValueError, match="that of 'card' is blank"):
        labelmend.mend(dataset, descriptions={"card": " "})


def blocks(document):
    text = (ROOT / "docs" / document).read_text("utf-8")
    return re.findall(r"```(python[^\n]*)\n(.*?)```", text, re.DOTALL)


def test_the_api_document_runs(encoders):
    assert all(model.path.is_dir() for model in encoders)
    names = {}
    for _, code in blocks("api.md"):
        exec(compile(code, "docs/api.md", "exec"), names)
    assert names["result"].decisions.mended.tolist() == [0] * 4 + [1] * 4 + [0]
    assert names["explanation"] is not None


def test_the_cleanlab_document_runs():
    names = {}
    for kind, code in blocks("from_cleanlab.md"):
        if kind == "python" or importlib.util.find_spec("cleanlab"):
            exec(compile(code, "docs/from_cleanlab.md", "exec"), names)
    truth, labels = names["truth"], names["labels"]
    assert (labels[names["ours"]] != truth[names["ours"]]).mean() > 0.7
    assert (names["better"] == (labels != truth)).mean() > 0.95
    if "theirs" in names:
        top = set(names["theirs"][:20].tolist()) & set(names["ours"].tolist())
        assert len(top) >= 15


@pytest.mark.parametrize("document", ["api.md", "from_cleanlab.md"])
def test_the_documents_link_to_files_that_exist(document):
    text = (ROOT / "docs" / document).read_text("utf-8")
    assert all((ROOT / "docs" / link).exists() for link in re.findall(r"\]\(([^)#]+)\)", text))


def test_votes_of_the_wrong_length_are_refused():
    dataset = labelmend.make_dataset(["lost my card", "new pin please"], ["card", "pin"])
    with pytest.raises(ValueError, match="votes of 'crowd': 1 for 2 rows"):
        labelmend.mend(dataset, votes={"crowd": ["card"]})
