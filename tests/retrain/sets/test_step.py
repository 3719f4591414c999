"""Steps of a project whose texts may have several labels, on an encoder of words."""

import csv
import json
import random

import pytest
from fixtures.retraining import LABELS, TOPIC_WORDS, write_rows_file
from typer.testing import CliRunner

from labelmend.classify.several.model_folder import load_sets_model
from labelmend.cli.app import app
from labelmend.data.answers import Answer, Saw, Shown, now, text_sha256
from labelmend.errors import ConfigError, InputError
from labelmend.journal.entries import Entry, Guess, LogRules, Said
from labelmend.journal.log import Journal
from labelmend.journal.sets import labels_in, packed
from labelmend.protocols import NoProgress
from labelmend.retrain.known import is_held_out
from labelmend.retrain.registry import Registry, champion_model
from labelmend.retrain.rows import read_rows
from labelmend.workflows.retrain import accept_rows, export_known, retrain_project
from labelmend.workflows.track import check_retraining


def texts(count, seed=0):
    """Distinct texts of one topic or two, three words of each; with their labels."""
    drawn, found = random.Random(seed), {}
    while len(found) < count:
        topics = drawn.sample(LABELS, drawn.choice((1, 2)))
        words = [word for topic in topics for word in drawn.sample(TOPIC_WORDS[topic].split(), 3)]
        drawn.shuffle(words)
        found[" ".join(words)] = tuple(sorted(topics))
    return list(found.items())


def noisy(rows, share, seed=0):
    """The same with one label changed in a share of the rows: forgotten, or another one added."""
    drawn, found = random.Random(seed), []
    for text, labels in rows:
        given = set(labels)
        if drawn.random() < share:
            label = drawn.choice(LABELS)
            given ^= {label}
        found.append((text, tuple(sorted(given))))
    return found


BASE = texts(360)


@pytest.fixture
def project(tmp_path, topic_encoder):
    """A project with a base as `relabel` mends one; 15 % of its rows came with an error."""
    came = noisy(BASE, 0.15)
    rows = [
        (text, ";".join(given), ";".join(true), "keep" if given == true else "change", 0.99)
        for (text, true), (_, given) in zip(BASE, came, strict=True)
    ]
    header = ("text", "topics", "mended_labels", "decision", "confidence")
    write_rows_file(tmp_path / "base.csv", rows, header)
    (tmp_path / "inbox").mkdir()
    path = tmp_path / "project.yaml"
    path.write_text(
        f"""
base: base.csv
label_column: topics
settings:
  - "encoders=[{{backend: onnx, model: {topic_encoder}, cache: false}}]"
  - classify.folds=2
sources:
  - name: inbox
    folder: inbox
held_out: {{share: 0.3, least_rows: 20}}
"""
    )
    return path


def step(project, **told):
    return retrain_project(project, NoProgress(), **told)


def drop(project, name, rows):
    told = [(text, ";".join(labels)) for text, labels in rows]
    return write_rows_file(project.parent / "inbox" / name, told, ("text", "topics"))


def place(project):
    return project.parent / "registry"


def taken(project, version):
    return read_rows(Registry(place(project)).place(version))


def test_a_first_step_makes_a_champion_of_several_labels(project):
    outcome = step(project)
    (first,) = outcome.steps
    assert (first.status, outcome.champion) == ("promoted", "v00001")
    assert first.version.metrics["micro-F1"] > 0.85
    kept = [text for text, _ in BASE if not is_held_out(text, 0.3)]
    assert first.version.rows == len(kept)
    model = load_sets_model(champion_model(place(project)))
    assert model.classifier.labels == tuple(sorted(LABELS))
    assert (model.shape.column, model.shape.joined_by) == ("topics", ";")
    card = model.card["data"]
    assert (card["rows"], card["rows_of_the_base"], card["texts"]) == (360, 360, len(kept))
    assert [s.status for s in step(project).steps] == ["nothing new"]


def test_new_rows_are_mended_and_compared(project):
    step(project)
    new = [row for row in texts(520) if row not in BASE][:120]
    came = noisy(new, 0.1, seed=1)
    drop(project, "monday.csv", came)
    (second,) = step(project).steps
    rows = taken(project, "v00002")
    assert [row.label for row in rows] == [packed(labels) for _, labels in came]
    right = sum(labels_in(row.mended) == true for row, (_, true) in zip(rows, new, strict=True))
    before = sum(given == true for (_, given), (_, true) in zip(came, new, strict=True))
    assert right > before
    assert {row.decision for row in rows} <= {"keep", "change", "review"}
    assert {row.side for row in rows if is_held_out(row.text, 0.3)} == {"held out"}
    version = second.version
    assert (version.new_rows, version.champion_before) == (120, "v00001")
    assert second.status in {"promoted", "not better"}
    assert "held-out micro-F1" in version.reasons[0]
    record = version.comparison
    assert set(record["micro_f1"]) == {"before", "after"}
    assert record["champion"]["micro-F1"] == pytest.approx(record["micro_f1"]["before"])
    # One row a text that is held out, and sure.
    assert record["held_out_rows"] >= len([t for t, _ in BASE if is_held_out(t, 0.3)])
    assert set(version.more["channel"]) == set(LABELS)
    assert [s.status for s in step(project).steps] == ["nothing new"]


def test_a_row_that_is_held_out_has_no_say_in_others(project, tmp_path):
    new = [row for row in texts(520) if row not in BASE][:80]
    found = []
    for name, told in (("one", new), ("two", noisy(new, 1.0, seed=2))):
        own = tmp_path / name
        (own / "inbox").mkdir(parents=True)
        path = own / "project.yaml"
        path.write_text(project.read_text().replace("base: base.csv", "base: ../base.csv"))
        rows = [
            (text, said if is_held_out(text, 0.3) else true)
            for (text, true), (_, said) in zip(new, told, strict=True)
        ]
        drop(path, "monday.csv", rows)
        path.write_text(path.read_text() + "gate: {unlikely: 1, label_shift: 1}\n")
        step(path)
        found.append([row for row in taken(path, "v00002") if row.side == "train"])
    assert found[0] == found[1]
    assert len(found[0]) > 40


def test_a_better_challenger_takes_over(project):
    # The first champion has seen a label in three rows only.
    rare = [row for row in BASE if "trip" in row[1] and not is_held_out(row[0], 0.3)]
    table = project.parent / "base.csv"
    with table.open(newline="") as file:
        header, *rows = list(csv.reader(file))
    lacking = {text for text, _ in rare[3:]}
    write_rows_file(table, [row for row in rows if row[0] not in lacking], header)
    step(project)
    drop(project, "monday.csv", rare[3:])
    project.write_text(project.read_text() + "gate: {label_shift: 1}\n")
    (second,) = step(project).steps
    assert second.status == "promoted", second.version.reasons
    assert second.version.reasons[0].startswith("better: held-out micro-F1")
    before, after = (second.version.comparison["micro_f1"][k] for k in ("before", "after"))
    assert after > before


def test_shuffled_labels_are_refused_and_a_person_may_overrule(project):
    step(project)
    new = [row for row in texts(520) if row not in BASE][:120]
    labels = [labels for _, labels in new]
    random.Random(0).shuffle(labels)
    drop(project, "bad.csv", [(text, said) for (text, _), said in zip(new, labels, strict=True)])
    (second,) = step(project).steps
    assert second.status == "refused"
    assert "they look shuffled" in second.version.reasons[0]
    assert second.model is None
    accept_rows(project, "v00002")
    (third,) = step(project).steps
    assert third.version.rows > Registry(place(project)).version("v00001").rows


def test_labels_that_nobody_knows_wait_and_rows_without_labels_count(project):
    step(project)
    new = [row for row in texts(520) if row not in BASE][:30]
    drop(project, "monday.csv", [(new[0][0], ("card", "new")), (new[1][0], ()), *new[2:]])
    (second,) = step(project).steps
    first, empty, *_ = taken(project, "v00002")
    assert (first.mended, first.decision, first.confidence) == ("", "review", 0.0)
    assert empty.label == "[]"
    assert second.version.more["unknown_labels"] == ["new"]


def answer(text, labels):
    return Answer(
        text_sha256(text),
        *("x", "label" if labels else "none", labels, "rita", now(), Shown("queue")),
        Saw(True, True),
        task="several",
    )


def test_what_people_say_of_a_served_model_is_settled(project, tmp_path):
    log, answers = tmp_path / "log.sqlite", tmp_path / "answers.jsonl"
    new = [row for row in texts(520) if row not in BASE][:40]
    with Journal(log, LogRules(texts=True), task="several") as journal:
        journal.know_labels(LABELS, None)
        for number, (text, labels) in enumerate(new):
            guess = Guess("m", packed(["card"]), 0.5, False, ())
            journal.record([Entry(f"r{number}", text, (guess,))])
            journal.feedback(Said(f"r{number}", f"s{number}", "labels", labels=labels), LABELS)
    lines = [json.dumps(answer(text, labels).line()) for text, labels in new[:10]]
    answers.write_text("".join(f"{line}\n" for line in lines))
    project.write_text(
        project.read_text().replace(
            "sources:", "sources:\n  - {name: served, journal: log.sqlite, answers: answers.jsonl}"
        )
    )
    step(project)
    rows = {row.text: row for row in taken(project, "v00002")}
    assert len(rows) == 40
    for text, labels in new:
        assert (rows[text].mended, rows[text].decision) == (packed(labels), "answered")
    assert sum(row.rows == "answers" for row in rows.values()) == 10


def test_a_log_of_one_label_a_text_is_told(project, tmp_path):
    Journal(tmp_path / "log.sqlite").close()
    project.write_text(
        project.read_text().replace("sources:", "sources:\n  - {name: served, journal: log.sqlite}")
    )
    step(project)
    outcome = step(project)
    assert any("and the base has several; give one of several" in n for n in outcome.notes)


def test_a_full_mending_begins_with_all_rows_as_they_came(project, tmp_path):
    step(project)
    new = [row for row in texts(520) if row not in BASE][:25]
    drop(project, "monday.csv", new)
    step(project)
    assert export_known(project, tmp_path / "all.csv") == 385
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["labels"] for row in rows[-25:]] == [packed(labels) for _, labels in new]
    came = noisy(BASE, 0.15)
    assert [row["labels"] for row in rows[:360]] == [packed(given) for _, given in came]
    assert all(row["labelmend_row"] for row in rows[-25:])


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("kind: lightgbm", ConfigError, "--kind lightgbm can't learn several labels a text"),
        ("text_column: nothing", InputError, "no column 'nothing'"),
    ],
)
def test_what_is_refused_before_any_work(project, kind, error, said):
    project.write_text(f"{project.read_text()}{kind}\n")
    with pytest.raises(error, match=said):
        step(project)
    assert not place(project).exists()


def test_the_projects_own_model_and_the_registrys_are_of_the_bases_task(
    project, tmp_path, word_sets, word_models
):
    own = project.read_text()
    project.write_text(f"{own}champion: {word_sets / 'model'}\n")
    (first,) = step(project).steps
    assert (first.status, first.version.kind) == ("promoted", "logreg")
    assert first.version.reasons[0].startswith("the project's own model")
    assert load_sets_model(champion_model(place(project))).classifier.labels[0] == "card"
    project.write_text(f"{own}champion: {word_models / 'model'}\nregistry: other\n")
    with pytest.raises(ConfigError, match="is a model of one label a text, and the base is a tab"):
        step(project)
    # A base of one label a text does not go on with such a registry.
    rows = [(text, labels[0]) for text, labels in BASE]
    write_rows_file(tmp_path / "base.csv", rows, ("text", "topics"))
    project.write_text(own)
    with pytest.raises(ConfigError) as caught:
        step(project)
    assert str(caught.value) == (
        f"{place(project) / 'champion'}: is a model of several labels a text, and the base is a "
        "table of one label a text; give another base, or begin a new registry"
    )


def test_a_dry_run_leaves_nothing(project):
    steps = step(project, dry_run=True).steps
    assert [one.status for one in steps] == ["promoted"]
    assert not place(project).exists()


def test_what_it_holds_is_shown_and_mlflow_is_not_told(project):
    for words in (("--quiet",), ("--show",)):
        shown = CliRunner().invoke(app, ["retrain", str(project), *words])
        assert shown.exit_code == 0
    assert "* v00001 " in shown.output
    assert "; held-out micro-F1 " in shown.output
    with pytest.raises(ConfigError, match="--mlflow: logs models of one label a text"):
        check_retraining(project)
