"""Who has the models of the profile that was called `multilingual` hears of its new name, once."""

import pytest

from labelmend.errors import ConfigError
from labelmend.weights import renamed
from labelmend.weights.renamed import notes_on_renamed

SAID = (
    "profile multilingual needs no model hub any more, and its encoders are others; the one with "
    "bge-m3, which you have pulled, is called multilingual-quality now"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path))
    (tmp_path / "models" / "bge-m3").mkdir(parents=True)
    return tmp_path / "models"


def test_it_is_said_once(home):
    assert notes_on_renamed("multilingual") == (SAID,)
    assert notes_on_renamed("multilingual") == ()


def test_it_is_said_of_files_that_extend_it(home, tmp_path):
    mine, other = tmp_path / "mine.yaml", tmp_path / "other.yaml"
    mine.write_text("extends: multilingual\nseed: 1\n")
    other.write_text("extends: mine.yaml\nseed: 2\n")
    assert notes_on_renamed(str(other)) == (SAID,)


@pytest.mark.parametrize("profile", ["embedded", "auto", "multilingual-quality", "quality"])
def test_other_profiles_leave_it_unsaid(home, profile):
    assert notes_on_renamed(profile) == ()
    assert notes_on_renamed("multilingual") == (SAID,)


def test_without_its_models_nothing_is_said_or_written(home):
    (home / "bge-m3").rmdir()
    assert notes_on_renamed("multilingual") == ()
    assert list(home.iterdir()) == []


def test_a_home_that_can_not_be_written_does_not_matter(home, monkeypatch):
    monkeypatch.setattr(renamed, "_MARKER", "nowhere/marker")
    assert notes_on_renamed("multilingual") == (SAID,)
    assert notes_on_renamed("multilingual") == (SAID,)


def test_an_unknown_profile_is_what_it_always_was(home):
    with pytest.raises(ConfigError, match="unknown profile 'multilingul'"):
        notes_on_renamed("multilingul")
