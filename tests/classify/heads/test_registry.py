"""Kinds of classifiers are found by entry points: ours, and those of a stranger's package."""

import csv
import json
import re
from importlib.metadata import EntryPoint

import pytest
from fixtures.installed import ONE_ENCODER, ROOT, run_beside

from labelmend import plugins
from labelmend.classify.heads.base import Head
from labelmend.classify.heads.registry import GROUP, find_head, kinds
from labelmend.errors import ConfigError

DOCUMENT = (ROOT / "docs/classifiers.md").read_text("utf-8")
(HEAD,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
((GROUP_LINE, POINT),) = re.findall(
    r"```toml\n\[project.entry-points.(.*?)\]\n(.*?)\n```", DOCUMENT
)
METADATA = "Metadata-Version: 2.1\nName: centroid-head\nVersion: 1.0\n"
POINTS = f"[{GROUP_LINE}]\n{POINT}\n".replace('"', "")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The documents' package: a module, and what pip writes from a line of its pyproject.toml."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "centroid_head.py").write_text(HEAD)
    info = folder / "centroid_head-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(POINTS)
    return folder


CARDS = ("lost my card", "my card is gone", "where is my card", "someone took my card")
RATES = ("the exchange rate", "euro to dollar rate", "rate for pounds", "dollar rate today")
TRAIN = ("train-classifier", "table.csv", "-o", "m")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a table to train on and texts to predict."""
    folder = tmp_path_factory.mktemp("work")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(text, "card") for text in CARDS] + [(text, "rate") for text in RATES]
        csv.writer(file).writerows([("text", "label"), *rows])
    (folder / "new.csv").write_text("text\nmy card was stolen\nwhat is the rate of the yen\n")
    return folder


@pytest.fixture(scope="module")
def said(package, work, encoders):
    """What four commands leave beside the package."""
    assert all(model.path.is_dir() for model in encoders)
    return run_beside(
        package,
        work,
        (*TRAIN, "--kind", "centroids", "--set", ONE_ENCODER),
        ("predict", "m", "new.csv", "-o", "out.csv"),
        ("train-classifier", "--help"),
        (*TRAIN, "--kind", "centroid"),
    )


def test_a_strangers_kind_goes_all_the_way(said, work):
    trained, predicted, *_ = said
    assert trained.code == 0, trained.err
    assert "centroids on 8 distinct texts with 2 labels" in trained.out
    card = json.loads((work / "m/model.json").read_text())
    assert card["kind"] == "centroids"
    assert sorted(card["files"]) == ["README.md", "arrays.npz", "head/means.npy"]

    assert predicted.code == 0, predicted.err
    with (work / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["predicted_label"] for row in csv.DictReader(file)] == ["card", "rate"]


def test_help_and_messages_name_a_strangers_kind(said):
    *_, helped, refused = said
    assert "One of centroids, finetune, lightgbm, linear-svm, logreg, static." in " ".join(
        helped.out.split()
    )
    assert "'centroid' (did you mean 'centroids'?): use centroids, finetune" in refused.err


def test_our_kinds_are_heads():
    ours = ("finetune", "lightgbm", "linear-svm", "logreg", "static")
    assert set(kinds()) >= set(ours)
    for kind in ours:
        head = find_head(kind)
        assert isinstance(head, Head)
        assert head.name == kind
        assert head.tunes_encoder == (kind == "finetune")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("labelmend.no_such_module:Head", "has no working labelmend.no_such_module:Head"),
        ("labelmend.types:NoSuchHead", "has no working labelmend.types:NoSuchHead"),
        ("builtins:dict", "is no Head of that name"),
        ("labelmend.classify.heads.logreg:LogisticRegressionHead", "is no Head of that name"),
    ],
)
def test_a_broken_package_is_told(monkeypatch, value, said):
    entry = EntryPoint("odd", value, GROUP)
    find_head.cache_clear()
    monkeypatch.setattr(plugins, "entry_points", lambda **_: (entry,))
    with pytest.raises(ConfigError, match=f"kind of classifier 'odd': .*{said}") as told:
        find_head("odd")
    assert "\n" not in str(told.value)


def test_two_packages_with_one_kind(monkeypatch):
    entry = EntryPoint("logreg", "labelmend.classify.heads.logreg:LogisticRegressionHead", GROUP)
    find_head.cache_clear()
    monkeypatch.setattr(plugins, "entry_points", lambda **_: (entry, entry))
    with pytest.raises(ConfigError, match="several packages have a kind of classifier 'logreg'"):
        find_head("logreg")


def test_a_copy_without_metadata_is_told(monkeypatch):
    class Nothing(tuple):
        names = frozenset()

    find_head.cache_clear()
    monkeypatch.setattr(plugins, "entry_points", lambda **_: Nothing())
    with pytest.raises(ConfigError, match=r"install it again: pip install -e \."):
        find_head("logreg")
