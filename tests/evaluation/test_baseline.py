from dataclasses import replace

import numpy as np
import pytest

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import train
from labelmend.errors import InputError
from labelmend.evaluation.baseline import (
    Condition,
    TestSet,
    Vectors,
    answers_of,
    by_condition,
    check_folds,
    cleanlab_conditions,
    cross_validated_run,
    on_one_scale,
    run_all,
    test_rows,
    train_and_test,
)
from labelmend.protocols import NoProgress
from labelmend.types import Dataset

POINT = OperatingPoint("in-scope-loss", 0.02)
test_rows.__test__ = False


@pytest.fixture(scope="module")
def clusters(world, dataset_of):
    """Four labels of 25 texts and 40 oos texts; every fifth label is given wrong."""
    data, vectors = world(4, 25, oos_texts=40)
    truth = [data.labels[k] for k in data.main_labels()]
    names = sorted(set(truth))
    given = [
        names[(names.index(label) + 1 + i % 3) % 5] if i % 5 == 0 else label
        for i, label in enumerate(truth)
    ]
    fresh, probes = world(4, 25, oos_texts=40, seed=1)
    tested = [f"new {text}" for text in fresh.texts]
    ones = np.ones(len(truth))
    return {
        "given": Condition("as given", dataset_of(data.texts, given, oos="oos"), ones),
        "gold": Condition("gold", dataset_of(data.texts, truth, oos="oos"), ones),
        "truth": truth,
        "test": TestSet(tuple(tested), tuple(fresh.labels[k] for k in fresh.main_labels()), "oos"),
        "vectors": Vectors([*data.texts, *tested], np.concatenate([vectors, probes])),
    }


def test_labels_of_one_text_are_left_out(dataset_of):
    condition = Condition(
        "a", dataset_of(["a", "b", "c", "d", "e"], ["x", "x", "y", "y", "z"]), np.ones(5)
    )
    assert condition.training_set().labels == ("x", "y")


def test_any_spelling_of_a_text_has_a_vector():
    vectors = Vectors(["HI there", "Hi there", "bye"], np.eye(3, dtype=np.float32))
    found = vectors.of(["bye", "hi  there", "Hi there", "BYE"])
    assert found.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_label_that_a_fold_drops_may_take_the_spelling_of_a_text_with_it(
    clusters, settings, dataset_of
):
    # The smaller spelling of a text of label0 is given a label of two texts; where one of these is
    # in the fold that is left out, the label is dropped, and the other spelling is trained on.
    gold = clusters["gold"].dataset
    labels = [*clusters["truth"], "rare", "rare", "rare"]
    texts = (*gold.texts, gold.texts[0].upper(), gold.texts[1].upper(), gold.texts[0].upper())
    labels[1] = None
    condition = Condition("twice", dataset_of(texts, labels, oos="oos"), np.ones(len(texts)))
    known = [*condition.training_set().texts, gold.texts[1]]
    vectors = Vectors(known, clusters["vectors"].of([text.lower() for text in known]))
    test = TestSet(gold.texts, tuple(clusters["truth"]), "oos")
    run = cross_validated_run(condition, "logreg", 0, test, vectors, settings, POINT)
    assert run.metrics.rows == len(gold)
    assert run.metrics.in_scope_accuracy > 0.85


def test_a_cell_says_what_it_called_each_row(clusters, settings):
    test = clusters["test"]
    run = train_and_test(clusters["gold"], "logreg", 0, test, clusters["vectors"], settings, POINT)
    assert (run.kind, run.condition, run.seed) == ("logreg", "gold", 0)
    right = np.mean([c == t for c, t in zip(run.called, test.labels, strict=True)])
    assert run.metrics.accuracy == right > 0.8
    assert run.flagged == tuple(label == "oos" for label in run.called)
    assert run.curve.oos_recall.max() == 1.0


@pytest.mark.parametrize("kind", ["logreg", "linear-svm"])
def test_the_same_labels_give_the_same_classifier(clusters, settings, kind):
    gold = clusters["gold"]
    test, vectors = clusters["test"], clusters["vectors"]
    one, other = (
        train_and_test(condition, kind, 1, test, vectors, settings, POINT)
        for condition in (gold, replace(gold, name="mended"))
    )
    assert one.metrics == other.metrics
    assert one.called == other.called


def test_an_arm_that_lacks_a_label_never_calls_it(clusters, settings, dataset_of):
    gold = clusters["gold"].dataset
    labels = [None if label == "label3" else label for label in clusters["truth"]]
    condition = Condition("less", dataset_of(gold.texts, labels, oos="oos"), np.ones(len(labels)))
    run = train_and_test(
        condition, "logreg", 0, clusters["test"], clusters["vectors"], settings, POINT
    )
    assert "label3" not in run.called
    assert run.metrics.labels["label3"].recall == 0.0
    assert run.metrics.labels["label2"].recall > 0.7


def test_cells_become_answers(clusters, settings):
    runs = run_all(
        [clusters["given"], clusters["gold"]],
        ["logreg"],
        [0, 1],
        clusters["test"],
        clusters["vectors"],
        settings,
        POINT,
        NoProgress(),
        cross_validate=False,
    )
    assert [(c.seed, c.condition) for c in runs] == [
        *((0, "as given"), (0, "gold")),
        *((1, "as given"), (1, "gold")),
    ]
    conditions = by_condition(runs, "logreg")
    names = ["label0", "label1", "label2", "label3", "oos"]
    answers = answers_of(conditions["gold"], names)
    rows = test_rows(clusters["test"], names)
    assert answers.called.shape == (2, 140)
    assert (answers.called == rows.truth).mean(axis=1) == pytest.approx(
        [run.metrics.accuracy for run in conditions["gold"]]
    )
    assert rows.is_oos.sum() == 40


def test_cross_validation_tests_no_text_that_it_trained_on(clusters, settings, dataset_of):
    # Labels at random: who has seen a text's label is right more often than one in four.
    gold = clusters["gold"].dataset
    drawn = [f"l{k}" for k in np.random.default_rng(3).integers(4, size=len(gold))]
    condition = Condition("random", dataset_of(gold.texts, drawn), np.ones(len(gold)))
    loose = replace(settings, logreg=replace(settings.logreg, C=1e4))
    test = TestSet(gold.texts, tuple(drawn), None)
    run = cross_validated_run(condition, "logreg", 0, test, clusters["vectors"], loose, POINT)
    assert run.metrics.rows == len(gold)
    assert run.metrics.plain_accuracy == pytest.approx(0.25, abs=0.12)
    true = TestSet(gold.texts, tuple(clusters["truth"]), "oos")
    good = cross_validated_run(
        clusters["gold"], "logreg", 0, true, clusters["vectors"], settings, POINT
    )
    assert good.metrics.in_scope_accuracy > 0.85


def test_cleanlab_prunes_and_relabels(clusters, settings):
    pytest.importorskip("cleanlab")
    given, truth = clusters["given"].dataset, clusters["truth"]
    pruned, relabelled = cleanlab_conditions(
        clusters["given"], clusters["vectors"], settings, POINT, seed=0
    )
    assert (pruned.name, relabelled.name) == ("cleanlab pruned", "cleanlab relabelled")

    def right(condition):
        labels = [condition.dataset.labels[k] if k >= 0 else None for k in condition.dataset.given]
        pairs = [(a, b) for a, b in zip(labels, truth, strict=True) if a is not None]
        return len(pairs), sum(a == b for a, b in pairs) / len(pairs)

    kept, share = right(pruned)
    assert 90 <= kept < len(given)
    assert share > 0.85  # 0.8 as given
    assert right(relabelled)[0] == len(given)
    assert right(relabelled)[1] > 0.85


def test_scores_of_several_detectors_come_on_one_scale(world, settings):
    def trained(oos_texts, **changes):
        data, vectors = world(3, 12, oos_texts=oos_texts)
        done = train(data, vectors, settings, find_head("logreg"), POINT, 0, NoProgress())
        changed = replace(done.classifier.detector, **changes)
        held_out = replace(done.held_out, oos_scores=np.array([-2.0, 2.0]))  # a deviation of 2
        return replace(
            done, classifier=replace(done.classifier, detector=changed), held_out=held_out
        )

    scores = [np.array([1.0, 3.0]), np.array([1.0, 3.0])]
    learned = trained(24, slope=2.0, offset=-1.0, threshold=0.0)
    other = trained(24, slope=0.5, offset=1.0, threshold=2.0)
    found = on_one_scale(scores, [learned, other])
    assert [part.tolist() for part in found] == [[1.0, 5.0], [1.5, 2.5]]
    # Where one has learned no odds, or wrong ones: from its own bar, in deviations.
    for without in (trained(0, threshold=2.0), trained(24, slope=-1.0, threshold=2.0)):
        found = on_one_scale(scores, [learned, without])
        assert [part.tolist() for part in found] == [[0.5, 1.5], [-0.5, 0.5]]
    # Where a bar flags everything, from the median.
    found = on_one_scale(scores, [learned, trained(0, threshold=-np.inf)])
    assert [part.tolist() for part in found] == [[0.5, 1.5], [0.5, 1.5]]


def test_cross_validation_pools_scores_on_one_scale(clusters, settings):
    # No odds are learned of a few oos texts: 0 is the bar of each fold's detector.
    gold = clusters["gold"]
    kept = np.array([label != "oos" or i % 4 == 0 for i, label in enumerate(clusters["truth"])])
    few = replace(gold, confidence=kept.astype(np.float64))
    test = TestSet(gold.dataset.texts, tuple(clusters["truth"]), "oos")
    run = cross_validated_run(few, "logreg", 0, test, clusters["vectors"], settings, POINT)
    truth, called = np.array(clusters["truth"]), np.array(run.called)
    at_bar = np.searchsorted(-run.curve.thresholds, 0.0)
    flagged = np.array(run.flagged)[truth == "oos"].mean()
    recall = run.curve.oos_recall
    assert recall[at_bar - 1] <= flagged <= recall[at_bar]
    assert run.metrics.in_scope_accuracy == (called == truth)[truth != "oos"].mean()


def test_a_fold_must_leave_two_labels_of_two_texts(dataset_of):
    texts = [f"text {i:02}" for i in range(15)]

    def check(labels, tested=15):
        condition = Condition("mended", dataset_of(texts, labels), np.ones(15))
        check_folds(
            [condition], TestSet(tuple(texts[:tested]), tuple(labels[:tested]), None), 5, [0, 1]
        )

    # Five texts of a label are in five folds, three in three: one or two are left, and so on.
    check(["a"] * 10 + ["b"] * 5)
    check(["a"] * 12 + ["b"] * 3)
    with pytest.raises(InputError, match="mended: cross-validation with seed 0 leaves fewer than"):
        check(["a"] * 13 + ["b"] * 2)
    check(["a"] * 11 + ["b"] * 2 + ["c"] * 2, tested=13)  # c is trained on always
    check(["a"] * 13 + ["b"] * 2, tested=13)


def test_folds_without_a_test_row_train_nothing(clusters, settings):
    gold = clusters["gold"]
    test = TestSet(gold.dataset.texts[:2], ("label0", "label0"), "oos")
    run = cross_validated_run(gold, "lightgbm", 0, test, clusters["vectors"], settings, POINT)
    assert run.called == ("label0", "label0")


def test_cleanlab_may_leave_a_single_label(world, settings, dataset_of):
    pytest.importorskip("cleanlab")
    # One of two texts of b lies amid those of a, and is taken out.
    data, vectors = world(2, 40)
    texts, vectors = data.texts[:41], vectors[:41]
    condition = Condition("as given", dataset_of(texts, ["b", *["a"] * 39, "b"]), np.ones(41))
    with pytest.raises(InputError, match="cleanlab pruned: cleanlab leaves fewer than two labels"):
        cleanlab_conditions(condition, Vectors(texts, vectors), settings, POINT, seed=0)


def test_cleanlab_prunes_one_spelling_of_a_text(clusters, settings, dataset_of):
    pytest.importorskip("cleanlab")
    # The smaller spelling carries a wrong label, and is what was embedded.
    gold = clusters["gold"].dataset
    first = gold.texts[0]
    condition = Condition(
        "as given",
        dataset_of((*gold.texts, first.upper()), [*clusters["truth"], "label1"], oos="oos"),
        np.ones(len(gold) + 1),
    )
    known = condition.training_set().texts
    assert known[0] == first.upper()
    vectors = Vectors(known, clusters["vectors"].of([text.lower() for text in known]))
    pruned, _ = cleanlab_conditions(condition, vectors, settings, POINT, seed=0)
    assert pruned.training_set().texts[0] == first
    assert np.array_equal(vectors.of([first]), vectors.of([first.upper()]))


def test_what_is_made_from_a_tested_text_is_not_trained_on(clusters, settings):
    # Labels at random, and a new text on the very place of each: who reads it knows the label.
    gold = clusters["gold"].dataset
    names = ["a", "b", "c", "d"]
    drawn = np.random.default_rng(5).integers(4, size=len(gold))
    new = tuple(f"{text} new" for text in gold.texts)
    count = len(gold)
    dataset = Dataset(
        tuple(map(str, range(2 * count))), gold.texts + new, np.tile(drawn, 2), tuple(names), None
    )
    made = {count + i: (i,) for i in range(count)}
    embeddings = np.eye(count, dtype=np.float32)
    every = Vectors([*gold.texts, *new], np.vstack([embeddings, embeddings]))
    test = TestSet(gold.texts, tuple(names[k] for k in drawn), None)
    loose = replace(settings, logreg=replace(settings.logreg, C=1e4))

    def accuracy(dataset):
        condition = Condition("mended", dataset, np.ones(2 * count))
        return cross_validated_run(
            condition, "logreg", 0, test, every, loose, POINT
        ).metrics.plain_accuracy

    assert accuracy(replace(dataset, made_from=made)) == pytest.approx(0.25, abs=0.12)
    assert accuracy(dataset) > 0.9


def test_a_fold_must_leave_texts_that_are_made_from_no_other(dataset_of):
    dataset = dataset_of(["a1", "a2", "b1", "b2", "b3"], ["a", "a", "b", "b", "b"])
    test = TestSet(("a1", "a2", "b1"), ("a", "a", "b"), None)
    kept = Condition("mended", dataset, np.ones(5))
    with pytest.raises(InputError, match="leaves fewer than"):
        check_folds([kept], test, 3, [0])
    # More texts of a and b, but of b they come from the one that is tested, of a from nowhere.
    more = dataset_of(
        ["a1", "a2", "a3", "a4", "b1", "b2", "b3"], ["a", "a", "a", "a", "b", "b", "b"]
    )
    check_folds([Condition("mended", more, np.ones(7))], test, 3, [0])
    made = replace(more, made_from={5: (4,), 6: (4,)})
    with pytest.raises(InputError, match="leaves fewer than"):
        check_folds([Condition("mended", made, np.ones(7))], test, 3, [0])
