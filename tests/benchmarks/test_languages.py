"""What benchmarks/languages.py plans, draws and concludes, on cases computed by hand."""

import languages
import numpy as np
import pytest
from correction import Line, Run, Scores, append_line, read_lines
from languages import CLEANLAB, ENGLISH, MANY, Table

from labelmend.types import Dataset


def line(run, method, accuracy, *, broken=0.0, average_precision=0.5):
    scores = Scores(accuracy, 0.5, broken, 1, 1.0, average_precision, 0.0, None, None)
    return (run, method), Line(run, method, scores, 10.0, code="abc", versions="v")


def said(found, begin):
    return next(verdict for verdict in found if verdict[0].startswith(begin))


def test_a_plan_has_each_kind_that_is_asked_for():
    plan = languages.planned(["ru-shipped", "zh:nearest", "clinc"], ["uniform"], [0, 1], [])
    runs = [(run.data, run.noise, run.seed, method) for run, method in plan]
    assert runs == [
        *(("ru-shipped", "shipped", 0, method) for method in (MANY, ENGLISH, CLEANLAB)),
        *(("zh", "nearest", seed, method) for seed in (0, 1) for method in (MANY, CLEANLAB)),
        *(("clinc", "uniform", seed, MANY) for seed in (0, 1)),
    ]


def test_the_russian_demo_ships_with_143_wrong_labels():
    shipped, gold = languages.load("ru-shipped"), languages.load("ru", 10)
    assert int((shipped.given != shipped.dataset.given).sum()) == 143
    assert shipped.dataset.labels[shipped.dataset.oos] == "oos"
    assert (gold.given, len(gold.dataset)) == (None, 10)
    assert len(gold.cards) == 18


@pytest.mark.parametrize("kind", languages.KINDS)
def test_a_fifth_of_the_labels_is_drawn_anew(kind):
    angles = np.concatenate([np.linspace(start, start + 0.3, 10) for start in (0, 1, 2)])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    truth = np.repeat([0, 1, 2], 10)
    texts = tuple(f"text {i}" for i in range(30))
    table = Table(Dataset(texts, texts, truth, ("a", "b", "c"), None), None, {})
    given = languages.draw(table, kind, 0, vectors)
    assert (given != truth).sum() == 6
    assert (given == languages.draw(table, kind, 0, vectors)).all()


def test_plausible_labels_are_those_of_near_texts():
    # The last text lies among those of the other label.
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    truth = np.array([0, 0, 1, 1, 0])
    texts = ("a", "b", "c", "d", "e")
    plausible = languages.plausible_labels(Dataset(texts, texts, truth, ("x", "y"), None), vectors)
    assert plausible.sum(axis=1) == pytest.approx(np.ones(5))
    assert plausible[4, 1] > plausible[4, 0]
    assert plausible[0, 0] > plausible[0, 1]


def test_the_goals_by_hand():
    shipped, chinese = Run("ru-shipped", "shipped", 0), Run("zh", "uniform", 0)
    near = {code: Run(code, "nearest", 0) for code in ("zh", "ja")}
    lines = dict(
        [
            line(shipped, MANY, 0.93),
            line(chinese, MANY, 0.96, broken=0.005),
            line(near["zh"], MANY, 0.97, average_precision=0.6),
            line(near["zh"], ENGLISH, 0.95),
            line(near["zh"], CLEANLAB, 0.9, average_precision=0.5),
            line(near["ja"], MANY, 0.97, average_precision=0.5),
            line(near["ja"], ENGLISH, 0.96),
            line(near["ja"], CLEANLAB, 0.9, average_precision=0.54),
        ]
    )
    found = languages.verdicts(lines, {"one": 300.0, "other": 150.0}, cores=2)
    assert said(found, "Russian demo, noise as shipped (15 %): label")[2:] == ("93.00 %", False)
    # 955 texts at 300 and at 150 a second, and the ten seconds of the mending.
    assert said(found, "Russian demo, noise as shipped (15 %): time")[2].startswith("20 processor")
    assert said(found, "xSID, Chinese, uniform 20 %: label")[2:] == ("96.00 %", True)
    assert said(found, "xSID, Chinese, uniform 20 %: good")[2:] == ("0.50 %", True)
    assert said(found, "xSID, Japanese, uniform 20 %: label")[2:] == ("", None)
    # 3 and 3 of a hundred are left for 5 and 4: a third fewer.
    fewer = said(found, "xSID, nearest 20 %, 2 of 12 languages: wrong")
    assert fewer[2:] == ("3.00 % for 4.50 %: 33 % fewer", True)
    assert said(found, "xSID, nearest 20 %, 2 of 12 languages: worse")[2:] == ("none", True)
    lead = said(found, "xSID: average precision")
    assert lead[2:] == ("+3.00 points; above in 1 of 2", True)
    # A text takes 1/300 + 1/150 = 1/100 of a second, on each of 2 cores.
    assert said(found, "short texts encoded")[2:] == ("200", True)


def test_the_section_says_what_was_left_out():
    lines = dict(
        [line(Run("zh", "uniform", 0), MANY, 0.96), line(Run("zh", "uniform", 0), ENGLISH, 0.9)]
    )
    text = languages.report(lines, {"one": 300.0}, [0], ["`the command`"])
    assert "`the command`" in text
    assert "Not run: Russian demo, noise as shipped (15 %); Russian demo; xSID, Japanese;" in text
    assert (
        "| uniform 20 % | labelmend, `multilingual` | 96.00 | 50.00 | 0.00 | 50.00 | 10.0 |" in text
    )
    assert "cleanlab, `multilingual`'s embeddings |" not in text


def test_what_is_held_is_not_run_again(tmp_path, monkeypatch):
    path = tmp_path / "work" / "results.jsonl"
    run = Run("ru", "uniform", 0)
    path.parent.mkdir()
    monkeypatch.setattr(languages, "code_digest", lambda: "abc")
    asked = []

    def mend(method, table, given, _embeddings):
        asked.append(method)
        return languages.Mended(given, np.zeros(len(table.dataset), bool))

    monkeypatch.setattr(languages, "embed", lambda dataset, _: np.zeros((len(dataset), 2)))
    monkeypatch.setattr(languages, "mend", mend)
    append_line(path, line(run, MANY, 0.9)[1])
    plan = [(run, MANY), (run, CLEANLAB)]
    languages.run_all(plan, path, 20)
    languages.run_all(plan, path, 20)
    assert asked == [CLEANLAB]
    assert read_lines(path)[run, CLEANLAB].scores.accuracy == 0.8


def test_the_section_is_written_when_all_that_was_asked_for_is_there(tmp_path, monkeypatch, capsys):
    work = tmp_path / "all-rows"
    work.mkdir()
    append_line(work / "results.jsonl", line(Run("zh", "uniform", 0), MANY, 0.96)[1])
    languages.append_record(work / "speed.jsonl", {"encoder": "one", "texts": 10, "seconds": 1.0})
    monkeypatch.setattr(languages, "HERE", tmp_path)
    monkeypatch.setattr(languages, "source_of", lambda _: languages.RUSSIAN / "train_noisy.csv")
    asked = ["--report-only", "--work", str(tmp_path), "--noise", "uniform", "--english", "nearest"]
    languages.main([*asked, "--data", "zh"])
    assert not (tmp_path / "RESULTS.md").exists()
    append_line(work / "results.jsonl", line(Run("zh", "uniform", 0), CLEANLAB, 0.9)[1])
    languages.main([*asked, "--data", "zh"])
    written = (tmp_path / "RESULTS.md").read_text("utf-8")
    command = "`python benchmarks/languages.py --data zh --noise uniform --english nearest`"
    assert command in written
    assert str(tmp_path) not in written
    assert "not all that was asked for" in capsys.readouterr().err
