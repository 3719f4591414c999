import pytest

from labelmend.cli.console import ProgressBars, keeping_checkpoints, keeping_votes, say_error
from labelmend.llm.store import Store


def test_an_error_is_one_line(capsys):
    say_error("a.csv: two\nlines\tand a tab")
    assert capsys.readouterr().err == "labelmend: a.csv: two lines and a tab\n"


def test_no_stage_no_bar(capsys):
    with ProgressBars(quiet=False):
        pass
    assert capsys.readouterr() == ("", "")


def test_quiet_bars(capsys):
    with ProgressBars(quiet=True) as bars:
        bars.start("embed", 2)
        bars.advance()
    assert capsys.readouterr() == ("", "")


def test_a_stage_is_no_markup(capsys):
    with ProgressBars(quiet=False) as bars:
        bars.start("vote [/red].gguf", 2)
        bars.advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vote [/red].gguf ")
    assert " 2/2 " in err


@pytest.mark.parametrize(
    ("votes", "replies", "kept"),
    [
        (0, 0, ""),
        (2, 0, "2 votes"),
        (0, 3, "3 label descriptions"),
        (1, 1, "1 votes and 1 label descriptions"),
    ],
)
def test_what_ctrl_c_keeps(capsys, tmp_path, votes, replies, kept):
    path = tmp_path / "v.sqlite"
    with Store(path) as store:
        store.put_votes([(str(i), (1.0,)) for i in range(votes)])
        store.put_replies([(str(i), "said") for i in range(replies)])
    with pytest.raises(SystemExit) as leave, keeping_votes(path):
        raise KeyboardInterrupt
    rest = f"; {kept} are kept in {path}: run the same command again to resume" if kept else ""
    assert leave.value.code == 130
    assert capsys.readouterr().err == f"labelmend: interrupted; nothing was written{rest}\n"


@pytest.mark.parametrize("damage", ["text", "pages"])
def test_ctrl_c_with_a_damaged_store_is_one_line(capsys, tmp_path, damage):
    path = tmp_path / "v.sqlite"
    with Store(path) as store:
        store.put_votes([(f"key {i}", (1.0,) * 50) for i in range(500)])
    raw = path.read_bytes()
    assert len(raw) > 20 * 4096
    good = 0 if damage == "text" else 4096
    path.write_bytes(raw[:good] + b"x" * (len(raw) - good))
    with pytest.raises(SystemExit) as leave, keeping_votes(path):
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert leave.value.code == 130
    assert said.startswith(f"labelmend: interrupted; nothing was written; {path}: can't be used")
    assert said.count("\n") == 1


@pytest.mark.parametrize("steps", [(), (20, 40)])
def test_ctrl_c_says_whether_checkpoints_are_kept(tmp_path, capsys, steps):
    for step in steps:
        (tmp_path / f"checkpoint-{step}").mkdir()
    with pytest.raises(SystemExit) as ended, keeping_checkpoints(tmp_path):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    kept = f"; checkpoints are kept in {tmp_path}: run the same command again to resume"
    expected = f"labelmend: interrupted; no model was written{kept if steps else ''}\n"
    assert capsys.readouterr().err == expected
