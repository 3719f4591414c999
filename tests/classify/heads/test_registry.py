"""Kinds of classifiers are found by entry points: ours, and those of a stranger's package."""

import csv
import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from labelmend import plugins
from labelmend.classify.heads.base import Head
from labelmend.classify.heads.registry import GROUP, find_head, kinds
from labelmend.errors import ConfigError

ROOT = Path(__file__).parents[3]

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


def run(package, folder, *words):
    paths = [str(ROOT), str(package)]
    return subprocess.run(
        [sys.executable, "-m", "labelmend", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_strangers_kind_goes_all_the_way(package, tmp_path, encoders):
    assert all(model.path.is_dir() for model in encoders)
    cards = ["lost my card", "my card is gone", "where is my card", "someone took my card"]
    rates = ["the exchange rate", "euro to dollar rate", "rate for pounds", "dollar rate today"]
    with (tmp_path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(text, "card") for text in cards] + [(text, "rate") for text in rates]
        csv.writer(file).writerows([("text", "label"), *rows])
    new = "text\nmy card was stolen\nwhat is the rate of the yen\n"
    (tmp_path / "new.csv").write_text(new)

    done = run(
        package, tmp_path, *("train-classifier", "table.csv", "-o", "m"), "--kind", "centroids"
    )
    assert done.returncode == 0, done.stderr
    assert "centroids on 8 distinct texts with 2 labels" in done.stdout
    card = json.loads((tmp_path / "m/model.json").read_text())
    assert card["kind"] == "centroids"
    assert sorted(card["files"]) == ["README.md", "arrays.npz", "head/means.npy"]

    done = run(package, tmp_path, "predict", "m", "new.csv", "-o", "out.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["predicted_label"] for row in csv.DictReader(file)] == ["card", "rate"]


def test_help_and_messages_name_a_strangers_kind(package, tmp_path):
    done = run(package, tmp_path, "train-classifier", "--help")
    assert "One of centroids, finetune, lightgbm, linear-svm, logreg." in " ".join(
        done.stdout.split()
    )
    (tmp_path / "t.csv").write_text("text,label\na,b\n")
    done = run(package, tmp_path, "train-classifier", "t.csv", "-o", "m", "--kind", "centroid")
    assert "'centroid' (did you mean 'centroids'?): use centroids, finetune" in done.stderr


def test_our_kinds_are_heads():
    assert set(kinds()) >= {"finetune", "lightgbm", "linear-svm", "logreg"}
    for kind in ("finetune", "lightgbm", "linear-svm", "logreg"):
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
