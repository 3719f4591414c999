"""The real Label Studio, where it is installed; see benchmarks/label_studio_round.py."""

import contextlib
import io
import os
import shutil

import label_studio_round
import pytest
from fixtures.exchanged import FOLDER, made

from labelmend.cli.app import main
from labelmend.data.answers import text_sha256

PROGRAM = os.environ.get("LABEL_STUDIO") or shutil.which("label-studio")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    PROGRAM is None,
    reason="Label Studio is not installed: pip install label-studio into an environment of its "
    "own, and name its program in LABEL_STUDIO",
)
def test_what_is_annotated_there_comes_back(tmp_path):
    assert label_studio_round.round_of(PROGRAM, made(tmp_path), tmp_path, rows=12) == []


def in_this_process(*words):
    told = io.StringIO()
    with (
        contextlib.redirect_stdout(told),
        pytest.MonkeyPatch.context() as patch,
        contextlib.suppress(SystemExit),
    ):
        patch.setattr("sys.argv", ["labelmend", *map(str, words)])
        main()
    return told.getvalue()


def test_what_came_back_otherwise_is_told(tmp_path, monkeypatch):
    """The judge itself: an answer that is lost, and one that nobody gave."""
    monkeypatch.setattr(label_studio_round, "labelmend", in_this_process)
    people = tuple(label_studio_round.Person(None, number) for number in (1, 2))
    people[0].said[text_sha256("number 12: where is my card?")] = "fees"
    people[1].said[text_sha256("a text that is not there")] = "fees"
    export = tmp_path / "export.json"
    shutil.copy(FOLDER / "label_studio.json", export)
    wrong = label_studio_round.compared(made(tmp_path), export, people, export)
    assert any("annotated 'fees', came back 'card_lost'" in one for one in wrong)
    assert any("annotated 'fees', came back None" in one for one in wrong)
    assert any("annotated None, came back 'pin_reset'" in one for one in wrong)
    assert not [one for one in wrong if "second import" in one or "is not as" in one]
