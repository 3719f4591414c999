"""What several commands do with the options that they share."""

import pytest

WRONG = ("--profile", "multilingual", "--text-column", "x")


@pytest.mark.parametrize("command", ["relabel", "train-classifier", "describe"])
def test_who_has_the_old_multilingual_models_hears_of_the_new_name_once(
    cli, tiny, tmp_path, monkeypatch, command
):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "models" / "bge-m3").mkdir(parents=True)
    asked = command, tiny, "-o", tmp_path / "out", *WRONG
    assert cli(*asked, "--quiet").refusal().startswith(f"{tiny}: --text-column: no column 'x'")
    note, refused = cli(*asked).err.splitlines()
    assert note.startswith("labelmend: note: profile multilingual needs no model hub any more")
    assert "multilingual-quality" in note
    assert refused.startswith(f"labelmend: {tiny}: --text-column: no column 'x'")
    assert cli(*asked).refusal().startswith(f"{tiny}: --text-column: no column 'x'")
