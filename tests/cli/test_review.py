import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from fixtures.indexed import add_index
from fixtures.reviewed import Served, write_reviewed

from labelmend.cli.app import main
from labelmend.cli.review import _say


@contextmanager
def killed_at_last(child):
    try:
        yield
    finally:
        child.kill()


def run(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["labelmend", "review", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, tmp_path / "none.csv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.csv" in line
    table = write_reviewed(tmp_path, rows=8)
    assert run(monkeypatch, table, "--host", "0.0.0.0", "--no-browser") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--token-file" in line
    assert not (tmp_path / "answers.jsonl").exists()


def test_it_says_where_the_page_is_and_ends_well(tmp_path):
    table = write_reviewed(tmp_path, rows=8)
    add_index(table)
    words = [sys.executable, "-m", "labelmend", "review", str(table), "--no-browser", "--port", "0"]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child,
        killed_at_last(child),
    ):
        address = child.stdout.readline().removeprefix("review page:  ").strip()
        assert address.startswith("http://127.0.0.1:")
        assert httpx.get(address, trust_env=False).status_code == 303
        child.send_signal(signal.SIGINT)
        said, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (0, "")
    assert said.splitlines()[-1] == f"closed; all answers are in {tmp_path / 'answers.jsonl'}"


def test_the_browser_is_opened_unless_one_says_no(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("labelmend.review.serving.server.ReviewServer.serve", lambda self: None)
    table = write_reviewed(tmp_path, rows=8)
    assert run(monkeypatch, table, "--port", "0") == 0
    assert len(opened) == 1
    assert "/?token=" in opened[0]
    assert run(monkeypatch, table, "--port", "0", "--no-browser") == 0
    assert len(opened) == 1


def test_a_table_without_an_index_is_told_of(tmp_path, capsys):
    table = write_reviewed(tmp_path, rows=8)
    served = Served(table)
    with served:
        _say(served.server, served.answers)
    said = capsys.readouterr()
    assert said.out.count("\n") == 2
    assert said.err.startswith(f"Note: {table.with_suffix('.index.arrow')}: an older labelmend")
