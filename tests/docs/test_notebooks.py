"""The notebooks as they are stored. That they run is a step of CI: make notebooks-check."""

import json
from pathlib import Path
from types import SimpleNamespace

import hooks
import notebooks
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
STORED = sorted(FOLDER.glob("*.ipynb"))


def load(path):
    return json.loads(path.read_text("utf-8"))


def test_there_are_three():
    assert [path.stem for path in STORED] == ["from_cleanlab", "mend_a_table", "your_own_evidence"]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_what_came_out(path):
    cells = load(path)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert all(cell["execution_count"] for cell in code)
    assert len(outputs) >= 5
    assert {output["output_type"] for output in outputs} <= {
        *("stream", "display_data", "execute_result"),
    }
    text = path.read_text("utf-8")
    assert "\\u001b" not in text  # no colours of a terminal
    assert "/tmp/" not in text
    assert "shared" not in text
    assert len(text) < 60_000


def test_the_source_in_the_notebook_is_that_of_the_document():
    cells = load(FOLDER / "your_own_evidence.ipynb")["cells"]
    code = next("".join(c["source"]) for c in cells if "class LetterSource" in "".join(c["source"]))
    document = (FOLDER.parent / "docs" / "evidence.md").read_text("utf-8")
    methods = document.partition("    def fit(")[2].partition("```")[0].strip()
    assert methods in code


def test_a_page_has_texts_code_and_output():
    table = "<style>p {}</style><table>\n  <tr><td>1</td></tr>\n</table>"
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# Title\n", "text"]},
            {
                "cell_type": "code",
                "source": ["a = 1\n", "a"],
                "outputs": [
                    {"output_type": "stream", "text": ["said\n"]},
                    {"output_type": "execute_result", "data": {"text/plain": ["1"]}},
                    {"output_type": "display_data", "data": {"text/html": [table]}},
                ],
            },
        ]
    }
    page = hooks.notebook_page(notebook, "examples/x.ipynb")
    assert page.startswith("# Title\ntext\n\n```python\na = 1\na\n```\n\n```text")
    assert "said\n```" in page
    assert "<table><tr><td>1</td></tr></table></div>" in page
    assert "style" not in page


def cell(*outputs, tags=()):
    return SimpleNamespace(
        cell_type="code",
        metadata={"tags": list(tags)},
        outputs=[SimpleNamespace(**o) for o in outputs],
    )


def said(text):
    return {"output_type": "stream", "text": text}


def test_outputs_are_compared_but_for_digits(monkeypatch):
    def book(*cells):
        return notebooks.shown(SimpleNamespace(cells=cells))

    assert book(cell(said("85.0 % of  534\nrows"))) == book(cell(said("84.1 % of 99 rows")))
    assert book(cell(said("kept 3"))) != book(cell(said("changed 3")))
    monkeypatch.setattr(notebooks.importlib.util, "find_spec", lambda name: None)
    assert book(cell(said("x"), tags=["cleanlab"])) == []
    monkeypatch.setattr(notebooks.importlib.util, "find_spec", lambda name: name)
    assert book(cell(said("x"), tags=["cleanlab"])) == ["x"]
