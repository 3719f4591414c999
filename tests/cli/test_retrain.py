import json

import pytest
from fixtures.retraining import LABELS, texts_of, write_rows_file
from typer.testing import CliRunner

from labelmend.cli.app import app
from labelmend.errors import ConfigError, InputError, ModelError
from labelmend.retrain.registry import Registry


def run(*arguments):
    found = CliRunner().invoke(app, ["retrain", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.output


@pytest.fixture
def begun(project):
    run(project, "-q")
    return project


def test_a_step_says_what_became_of_the_rows(begun):
    rows = [(text, label) for label in LABELS for text in texts_of(label, 90)[80:]]
    write_rows_file(begun.parent / "inbox" / "a.csv", rows)
    said = run(begun)
    version = Registry(begun.parent / "registry").version("v00002")
    assert f"v00002: {version.verdict}: {version.reasons[0]}" in said
    assert "40 new rows: 40 keep" in said
    assert "Note: compared on " in said
    assert said.splitlines()[-1].startswith("champion: v0000")


def test_nothing_new_is_said_and_quiet_says_nothing(begun):
    assert "Note: no new rows" in run(begun)
    assert run(begun, "--quiet") == ""


def test_a_dry_run_says_so(begun):
    assert run(begun, "--dry-run").splitlines()[-1] == "dry run: the registry is as it was"


def test_versions_are_shown_and_rolled_back(begun):
    rows = [(text, label) for label in LABELS for text in texts_of(label, 82)[80:]]
    write_rows_file(begun.parent / "inbox" / "a.csv", rows)
    run(begun, "--promote-equal", "-q")
    assert run(begun, "--rollback", "--reason", "worse in use") == "the champion is v00001 again\n"
    shown = run(begun, "--show").splitlines()
    assert shown[0].startswith("* v00001  ")
    assert any(line.startswith("  v00002  ") for line in shown)
    assert shown[-1].endswith(": rolled back v00001 (worse in use)")
    assert run(begun, "--rollback", "--to", "v00002") == "the champion is v00002 again\n"
    with pytest.raises(InputError, match="has no model of a version 'v9'"):
        run(begun, "--rollback", "--to", "v9")
    with pytest.raises(InputError, match="has no refused version"):
        run(begun, "--accept", "v00002")


def test_it_speaks_russian(begun):
    assert "Замечание: новых строк нет" in run(begun, "--lang", "ru")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--rollback", "--show"], "--rollback and --show are told together; give one of them"),
        (["--every", "15m", "--rollback"], "--rollback and --every are told together"),
        (["--to", "v00001"], "--to goes with --rollback"),
        (["--every", "soon"], "--every soon: give a time such as 90s, 15m, 2h or 1d"),
    ],
)
def test_what_does_not_go_together(project, told, said):
    with pytest.raises(ConfigError, match=said):
        run(project, *told)
    assert not (project.parent / "registry").exists()


def test_mistakes_leave_the_registry_as_it_was(begun):
    history = (begun.parent / "registry" / "history.jsonl").read_text()
    assert json.loads(history)["event"] == "promoted"
    (begun.parent / "base.csv").write_text("text,label\nhi,greet\n")
    with pytest.raises(InputError):
        run(begun)
    assert (begun.parent / "registry" / "history.jsonl").read_text() == history
    (begun.parent / "registry" / "versions" / "v00001" / "version.json").write_text("{")
    with pytest.raises(ModelError, match=r"version.json: can't be read"):
        run(begun)


def test_a_registry_may_not_lie_on_what_was_given(project):
    project.write_text(project.read_text() + "registry: inbox\n")
    with pytest.raises(Exception, match="inbox"):
        run(project)
    assert list((project.parent / "inbox").iterdir()) == []
