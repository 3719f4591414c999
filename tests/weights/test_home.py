from pathlib import Path

import platformdirs
import pytest

from labelmend.errors import ModelError
from labelmend.weights.home import cache_home, model_home


def test_cache_lies_beside_the_models_of_a_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "own"))
    assert cache_home() == tmp_path / "own" / "cache"
    assert model_home() == tmp_path / "own" / "models"


def test_tilde_is_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LABELMEND_HOME", "~/own")
    assert cache_home() == tmp_path / "own" / "cache"


def test_a_home_of_nobody(monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", "~nobody-of-that-name/own")
    with pytest.raises(
        ModelError, match="LABELMEND_HOME: ~nobody-of-that-name/own is in no user's"
    ):
        model_home()


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_home_it_is_the_users_cache_folder(value, monkeypatch):
    monkeypatch.delenv("LABELMEND_HOME")
    if value is not None:
        monkeypatch.setenv("LABELMEND_HOME", value)
    assert cache_home() == Path(platformdirs.user_cache_dir("labelmend"))
