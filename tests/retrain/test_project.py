import pytest

from labelmend.errors import ConfigError
from labelmend.retrain.project import open_project


def opened(tmp_path, text, **changes):
    path = tmp_path / "project.yaml"
    path.write_text(text)
    return open_project(path, changes)


def test_a_project_needs_no_more_than_a_base(tmp_path):
    found = opened(tmp_path, "base: mended.csv\n")
    assert found.base == tmp_path / "mended.csv"
    assert found.registry == tmp_path / "registry"
    assert found.config.profile == "embedded"
    assert found.project.kind == "logreg"
    assert found.project.promotion.promote_equal is False


def test_settings_and_profile_are_those_of_labelmend(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: embedded\nprofile: mine\nseed: 7\n")
    found = opened(tmp_path, "base: a.csv\nprofile: mine.yaml\nsettings: [classify.folds=3]\n")
    assert (found.config.profile, found.config.seed, found.config.classify.folds) == ("mine", 7, 3)


def test_the_command_line_has_another_word_on_promotion(tmp_path):
    text = "base: a.csv\npromotion: {level: 0.01}\n"
    promotion = opened(tmp_path, text, promote_equal=True).project.promotion
    assert (promotion.promote_equal, promotion.level) == (True, 0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bse: a.csv", "unknown key bse (did you mean 'base'?); known here: base, registry, "),
        ("base: 3", "base: expected str, got 3"),
        ("[]", "a project is a mapping of keys, not list"),
        ("base: a.csv\nkind: lgbm", "kind: 'lgbm' is not one of lightgbm, logreg, linear-svm"),
        ("base: a.csv\nheld_out: {share: 3}", "held_out.share is 3: give a share from 0.01 to 0.5"),
        ("base: a.csv\nkeep_models: 1", "keep_models is 1: give at least 2"),
        ("base: a.csv\nsettings: [classify.fold=3]", "unknown key 'fold'"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{name: a}", "sources.0.table: give one of folder, table, sqlite, database, journal, not"),
        ("{name: a, table: b, folder: c}", "not folder and table"),
        ("{name: a b, table: c}", "name is 'a b': use letters, digits, - and _"),
        ("{name: a, sqlite: b}", "query: a sqlite needs one"),
        ("{name: a, table: b, query: SELECT 1}", "query: only sqlite and database have one"),
        ("{name: a, sqlite: b, query: 'x > :cursor'}", "cursor: the query uses :cursor"),
        ("{name: a, table: b, answers: c}", "answers: only a journal has them"),
        ("{name: a, table: b, rows: label}", "rows: 'label' is not one of labels, answers, "),
        ("{name: a, table: b}, {name: a, table: c}", "sources: two are called 'a'"),
    ],
)
def test_a_source_that_can_not_be_is_told_of(tmp_path, source, said):
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, f"base: a.csv\nsources: [{source}]\n")
    assert said in str(caught.value)


def test_a_project_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file; check the path"):
        open_project(tmp_path / "project.yaml")
