import csv
import random
import shutil

import pytest
from fixtures.retraining import LABELS, rows_of, texts_of, write_base, write_rows_file

from labelmend.classify.folder import locate_encoders
from labelmend.classify.model_folder import load_model
from labelmend.errors import InputError
from labelmend.protocols import NoProgress
from labelmend.retrain.known import is_held_out
from labelmend.retrain.registry import Registry, champion_model
from labelmend.retrain.rows import read_rows
from labelmend.retrieval.space import open_space
from labelmend.workflows.retrain import (
    accept_rows,
    export_known,
    retrain_project,
    roll_back,
)


def step(project, **told):
    return retrain_project(project, NoProgress(), **told)


def drop(project, name, rows):
    return write_rows_file(project.parent / "inbox" / name, [row[:2] for row in rows])


def registry_of(project):
    return Registry(project.parent / "registry")


def test_a_first_step_makes_a_champion_and_a_second_has_nothing_to_do(project):
    outcome = step(project)
    (first,) = outcome.steps
    assert (first.status, first.version.id, outcome.champion) == ("promoted", "v00001", "v00001")
    assert first.version.reasons == ("the first version: nothing to compare it with",)
    assert first.version.metrics["accuracy"] > 0.9
    # 70 % of 320 rows are learned from, by their hashes.
    rows = [row for row in rows_of(80, seed=0, noise=0.15) if not is_held_out(row[0], 0.3)]
    assert first.version.rows == len(rows)
    model = load_model(champion_model(project.parent / "registry"))
    assert model.classifier.labels == LABELS
    again = step(project)
    assert [s.status for s in again.steps] == ["nothing new"]
    assert "no new rows" in again.notes
    assert registry_of(project).ids() == ("v00001",)


def test_new_rows_are_mended_and_taken_once(project):
    step(project)
    rows = rows_of(100, seed=0, noise=0.0)[:0] + [
        (text, label, label) for label in LABELS for text in texts_of(label, 110)[80:110]
    ]
    wrong = [(text, "money" if true == "card" else given, true) for text, given, true in rows[:3]]
    drop(project, "monday.csv", [*wrong, *rows[3:]])
    (second,) = step(project).steps
    kept = read_rows(registry_of(project).place("v00002"))
    assert len(kept) == 120
    assert [row.mended for row in kept] == [true for _, _, true in rows]
    assert [row.decision for row in kept[:3]] == ["change"] * 3
    assert {row.side for row in kept if is_held_out(row.text, 0.3)} == {"held out"}
    assert second.version.new_rows == 120
    assert second.version.champion_before == "v00001"
    assert [s.status for s in step(project).steps] == ["nothing new"]


def test_a_better_challenger_takes_over_and_can_be_rolled_back(project):
    base = project.parent / "base.csv"
    whole = base.read_bytes()
    # A first champion that was taught that a trip is a time.
    taught = [(t, g, "time" if true == "trip" else true) for t, g, true in rows_of(80)]
    taught += [("trip plane visa", "trip", "trip"), ("visa plane trip", "trip", "trip")]
    write_base(base, taught)
    step(project)
    base.write_bytes(whole)
    drop(project, "more.csv", [(t, label, label) for label in LABELS for t in texts_of(label, 90)])
    outcome = step(project)
    (second,) = outcome.steps
    assert second.status == "promoted", second.version.reasons
    assert outcome.champion == "v00002"
    assert second.version.comparison["verdict"] == "better"
    assert second.version.comparison["mcnemar"]["only_after"] > 10
    event = roll_back(project, reason="told so")
    assert (event.champion, event.reasons) == ("v00001", ("told so",))


def shuffled(rows, seed=0):
    labels = [label for _, label, _ in rows]
    random.Random(seed).shuffle(labels)
    return [(text, label, true) for (text, _, true), label in zip(rows, labels, strict=True)]


def new_rows(first, last):
    return [(t, label, label) for label in LABELS for t in texts_of(label, last)[first:]]


def test_shuffled_labels_are_refused_and_never_learned_from(project):
    step(project)
    drop(project, "bad.csv", shuffled(new_rows(80, 110)))
    (second,) = step(project).steps
    assert second.status == "refused"
    assert second.model is None
    registry = registry_of(project)
    assert registry.champion() == "v00001"
    drop(project, "good.csv", new_rows(110, 120))
    (third,) = step(project).steps
    assert third.status != "refused"
    held = sum(is_held_out(text, 0.3) for text, _, _ in new_rows(110, 120))
    assert third.version.rows == registry.version("v00001").rows + 40 - held


def test_a_label_that_is_renamed_is_refused_by_name(project):
    step(project)
    rows = new_rows(80, 110)
    card = [row for row in rows if row[2] == "card"][:12]
    renamed = [(text, "money", true) for text, _, true in card]
    drop(project, "bad.csv", [*[row for row in rows if row not in card], *renamed])
    (second,) = step(project).steps
    assert second.status == "refused"
    (reason,) = second.version.reasons
    assert reason.startswith("12 new texts look like 'card' and say 'money', where ")
    assert reason.endswith("'card' looks renamed")


def test_a_person_may_overrule_a_refusal(project):
    step(project)
    drop(project, "bad.csv", [(text, "money", "card") for text in texts_of("card", 100)[80:]])
    assert step(project).steps[0].status == "refused"
    with pytest.raises(InputError, match="has no refused version 'v00001'; refused were v00002"):
        accept_rows(project, "v00001")
    accept_rows(project, "v00002", "card is called money now")
    (third,) = step(project).steps
    assert third.version.id == "v00003"
    assert third.version.rows > registry_of(project).version("v00001").rows
    assert [s.status for s in step(project).steps] == ["nothing new"]


def test_a_dry_run_leaves_the_registry_as_it_was(project):
    assert step(project, dry_run=True).steps[0].version.id == "v00001"
    assert not (project.parent / "registry").exists()
    step(project)
    drop(project, "more.csv", new_rows(80, 90))
    before = sorted(p.name for p in (project.parent / "registry").rglob("*"))
    (second,) = step(project, dry_run=True).steps
    assert second.version.id == "v00002"
    assert second.event is None
    assert sorted(p.name for p in (project.parent / "registry").rglob("*")) == before
    assert step(project).steps[0].version.reasons == second.version.reasons


def test_a_step_that_overlaps_is_skipped_and_told(project):
    step(project)
    drop(project, "more.csv", new_rows(80, 90))
    with registry_of(project).step():
        outcome = step(project)
    assert [s.status for s in outcome.steps] == ["overlapping"]
    assert "another step is at work in this registry; this one is skipped" in outcome.notes
    assert registry_of(project).ids() == ("v00001",)


def test_the_projects_own_model_may_be_the_first_champion(project):
    step(project)
    shutil.copytree(champion_model(project.parent / "registry"), project.parent / "mine")
    shutil.rmtree(project.parent / "registry")
    project.write_text(project.read_text() + "champion: mine\n")
    (first,) = step(project).steps
    assert first.version.reasons[0].startswith("the project's own model, which may have learned")
    load_model(champion_model(project.parent / "registry"))


def test_an_equal_challenger_is_promoted_where_it_is_asked_for(project):
    step(project)
    drop(project, "more.csv", new_rows(80, 82))
    (second,) = step(project, promote_equal=True).steps
    assert second.status == "promoted"
    assert second.version.reasons[0].startswith("no difference shown, and promoted as told")


def test_a_registry_that_began_with_a_smaller_share_is_not_held_out_more(project):
    step(project)
    project.write_text(project.read_text().replace("share: 0.3", "share: 0.4"))
    with pytest.raises(InputError, match=r"held_out.share is 0.4, and was 0.3 when"):
        step(project)


def test_rows_of_a_label_that_nobody_knows_wait(project):
    step(project)
    rows = [*new_rows(80, 90), *[(f"visa {text}", "visa", "visa") for text in texts_of("trip", 3)]]
    drop(project, "more.csv", rows)
    outcome = step(project)
    assert outcome.steps[0].version.more["unknown_labels"] == ["visa"]
    told = "1 new label is known from no mended row: 'visa'; their rows wait for a full mending"
    assert told in outcome.notes


def test_a_full_mending_begins_with_all_rows_as_they_came(project):
    step(project)
    drop(project, "good.csv", new_rows(80, 90))
    step(project)
    drop(project, "bad.csv", shuffled(new_rows(90, 110)))
    assert step(project).steps[0].status == "refused"
    table = project.parent / "known.csv"
    assert export_known(project, table) == 320 + 40
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    came = [(text, given) for text, given, _ in rows_of(80, seed=0, noise=0.15)]
    assert [(row["text"], row["label"]) for row in rows[:320]] == came
    assert sum(bool(row["labelmend_row"]) for row in rows) == 40
    # Mended, it is the new base, and its rows are not counted twice.
    before = registry_of(project).version("v00002").rows
    mended = [
        (row["text"], row["label"], true, "keep", 0.99, row["labelmend_row"])
        for row, true in zip(
            rows,
            [*(r[2] for r in rows_of(80, 0, 0.15)), *(r[2] for r in new_rows(80, 90))],
            strict=True,
        )
    ]
    header = ("text", "label", "mended_label", "decision", "confidence", "labelmend_row")
    write_rows_file(project.parent / "base.csv", mended, header)
    (again,) = step(project).steps
    assert again.version.rows == before


def test_a_static_model_is_retrained_with_its_own_encoder(project):
    quick = ["classify.static.dimensions=8", "classify.static.max_iter=5"]
    text = project.read_text().replace(
        "settings:\n", f"settings:\n  - {quick[0]}\n  - {quick[1]}\n"
    )
    project.write_text(text + "kind: static\n")
    (first,) = step(project).steps
    assert first.version.metrics["accuracy"] > 0.9
    drop(project, "more.csv", new_rows(80, 90))
    (second,) = step(project).steps
    assert second.version.kind == "static"
    assert second.version.comparison["held_out_rows"] > 80
    folders = [registry_of(project).place(f"v0000{n}") / "model" for n in (1, 2)]
    models = [load_model(folder) for folder in folders]
    assert [model.own_encoder for model in models] == [folder / "encoder" for folder in folders]
    assert models[0].encoder_digests != models[1].encoder_digests
    # The card names what it was made from, and what is tested is what the folder says.
    assert models[0].card["models"][0]["name"] != "encoder"
    assert models[0].card["static"]["tokens"] > 32  # the words of the table, and their pieces
    texts = ["card lost stolen", "plane hotel train"]
    space = open_space(models[1].encoders, locate_encoders(models[1], folders[1]), models[1].means)
    found = models[1].classifier.predict(space.queries(texts))
    assert [models[1].classifier.labels[k] for k in found.labels] == ["card", "trip"]


def with_source(project, rows):
    (project.parent / "said").mkdir()
    text = project.read_text()
    more = f"sources:\n  - {{name: said, folder: said, rows: {rows}}}\n"
    project.write_text(text.replace("sources:\n", more))


def say(project, name, rows):
    write_rows_file(project.parent / "said" / name, [row[:2] for row in rows])


def test_what_people_say_is_settled_and_answers_are_tested_on(project):
    with_source(project, "answers")
    step(project)
    # Near to what all evidence says of cards, and a person says otherwise.
    rows = [*new_rows(80, 90)[1:], ("card lost send", "money", "money")]
    say(project, "a.csv", rows)
    outcome = step(project)
    kept = read_rows(registry_of(project).place("v00002"))
    assert {row.decision for row in kept} == {"answered"}
    assert [row.mended for row in kept] == [label for _, label, _ in rows]
    held = sum(is_held_out(text, 0.3) for text, _, _ in rows)
    assert outcome.steps[0].version.comparison["answered_by_people"] == held


def test_corrections_of_users_are_never_tested_on(project):
    with_source(project, "corrections")
    step(project)
    say(project, "a.csv", new_rows(80, 90))
    outcome = step(project)
    assert outcome.steps[0].version.comparison["answered_by_people"] == 0
    tested = outcome.steps[0].version.comparison["held_out_rows"]
    assert tested == sum(is_held_out(text, 0.3) for text, _, _ in rows_of(80))


@pytest.mark.parametrize("rows", ["answers", "corrections"])
def test_shuffled_answers_are_refused(project, rows):
    with_source(project, rows)
    step(project)
    say(project, "bad.csv", shuffled(new_rows(80, 110)))
    (second,) = step(project).steps
    assert second.status == "refused"
    assert "answers and corrections are unlikely by all evidence" in second.version.reasons[0]
