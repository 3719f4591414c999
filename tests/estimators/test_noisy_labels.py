"""The scikit-learn style corrector, on clusters whose true labels are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from labelmend.estimators.noisy_labels import NoisyLabelCorrector, find_label_issues

LABELS, ROWS = 6, 240
NAMES = np.array(["amber", "blue", "cyan", "dun", "ecru", "fawn"])


def world(seed=0):
    """Six clusters of 40 rows; 15 % of the labels are wrong."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(LABELS, 16))
    centres *= 2.5 / np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(LABELS), ROWS // LABELS)
    features = centres[truth] + 0.6 * rng.normal(size=(ROWS, 16))
    given = truth.copy()
    wrong = rng.choice(ROWS, size=36, replace=False)
    given[wrong] = (truth[wrong] + rng.integers(1, LABELS, size=36)) % LABELS
    return features, truth, given


FEATURES, TRUTH, GIVEN = world()
PROBABILITIES = cross_val_predict(
    LogisticRegression(), FEATURES, GIVEN, cv=5, method="predict_proba"
)


@pytest.fixture(scope="module")
def fitted():
    return NoisyLabelCorrector().fit(FEATURES, GIVEN)


def test_it_mends_most_and_breaks_next_to_nothing(fitted):
    wrong = GIVEN != TRUTH
    assert (fitted.labels_ == TRUTH).mean() > (GIVEN == TRUTH).mean() + 0.03
    assert (fitted.labels_ == TRUTH)[~wrong].mean() > 0.99
    assert (fitted.predicted_labels_ == TRUTH).mean() > 0.95
    assert abs(fitted.noise_rate_ - wrong.mean()) < 0.04
    assert np.isin(np.flatnonzero(wrong), fitted.issues_).mean() > 0.85


def test_the_attributes_say_the_same_of_each_row(fitted):
    rows = np.arange(ROWS)
    changed = fitted.decisions_ == "change"
    assert np.array_equal(changed, fitted.labels_ != GIVEN)
    assert np.array_equal(fitted.label_quality_, fitted.posterior_[rows, GIVEN])
    assert np.array_equal(fitted.predicted_labels_, fitted.posterior_.argmax(axis=1))
    assert np.array_equal(
        fitted.confidence_[changed], fitted.posterior_[rows, fitted.labels_][changed]
    )
    assert fitted.posterior_.sum(axis=1) == pytest.approx(1.0)
    assert fitted.labels_.dtype == GIVEN.dtype
    assert fitted.n_features_in_ == 16


def test_issues_are_ranked_worst_first(fitted):
    quality = fitted.label_quality_[fitted.issues_]
    assert (np.diff(quality) >= 0).all()
    ties = np.diff(quality) == 0
    assert (np.diff(fitted.issues_)[ties] > 0).all()
    mask = fitted.find_label_issues()
    assert mask.dtype == bool
    assert np.array_equal(np.flatnonzero(mask), np.sort(fitted.issues_))
    assert np.array_equal(mask, np.isin(fitted.decisions_, ["change", "review"]))
    assert np.array_equal(fitted.find_label_issues("self_confidence"), fitted.issues_)


def test_other_rankings_are_what_cleanlab_calls_so(fitted):
    issues, posterior = np.flatnonzero(fitted.find_label_issues()), fitted.posterior_
    own = posterior[issues, GIVEN[issues]]
    others = posterior.copy()
    others[np.arange(ROWS), GIVEN] = 0
    margin = own - others[issues].max(axis=1)
    ranked = fitted.find_label_issues("normalized_margin")
    assert np.array_equal(ranked, issues[np.argsort(margin, kind="stable")])
    logs = np.log(np.maximum(posterior[issues], 1e-300))
    doubt = -(posterior[issues] * logs).sum(axis=1) / np.maximum(own, 1e-9)
    found = fitted.find_label_issues("confidence_weighted_entropy")
    place = dict(zip(issues.tolist(), doubt.tolist(), strict=True))
    assert (np.diff([place[row] for row in found.tolist()]) <= 1e-6).all()
    assert set(found) == set(issues)
    with pytest.raises(ValueError, match="return_indices_ranked_by is 'margin': use None or one"):
        fitted.find_label_issues("margin")


def test_the_noise_matrix_is_given_by_true(fitted):
    matrix = fitted.noise_matrix_
    assert matrix.shape == (LABELS, LABELS)
    assert matrix.sum(axis=0) == pytest.approx(1.0)
    told = np.zeros((LABELS, LABELS))
    for row in range(ROWS):
        told[GIVEN[row]] += fitted.posterior_[row]
    assert matrix == pytest.approx(told / told.sum(axis=0))
    assert np.trace(told) / ROWS == pytest.approx(1 - fitted.noise_rate_)
    real = np.zeros((LABELS, LABELS))
    np.add.at(real, (GIVEN, TRUTH), 1 / 40)
    assert np.abs(matrix - real).mean() < 0.02


def test_the_frame_has_cleanlabs_columns(fitted):
    frame = fitted.to_frame()
    theirs = ["is_label_issue", "label_quality", "given_label", "predicted_label"]
    assert list(frame.columns) == [*theirs, "mended_label", "decision", "confidence"]
    assert np.array_equal(frame.is_label_issue, fitted.find_label_issues())
    assert np.array_equal(frame.given_label, GIVEN)
    assert np.array_equal(frame.mended_label, fitted.labels_)


def test_it_keeps_scikit_learns_conventions():
    corrector = NoisyLabelCorrector(max_harm=0.01, seed=3, oos_label="b")
    assert corrector.get_params() == {
        "max_harm": 0.01,
        "seed": 3,
        "rounds": 4,
        "neighbours": 30,
        "oos_label": "b",
    }
    copy = clone(corrector)
    assert copy is not corrector
    assert copy.get_params() == corrector.get_params()
    assert copy.set_params(seed=4) is copy
    assert (copy.seed, corrector.seed) == (4, 3)
    assert "max_harm=0.01" in repr(corrector)
    assert repr(NoisyLabelCorrector()) == "NoisyLabelCorrector()"
    for use in (corrector.find_label_issues, corrector.to_frame):
        with pytest.raises(NotFittedError):
            use()
    small = NoisyLabelCorrector(rounds=1)
    assert small.fit(FEATURES, GIVEN) is small
    assert small.get_params() == NoisyLabelCorrector(rounds=1).get_params()
    assert np.array_equal(clone(small).fit_predict(FEATURES, GIVEN), small.labels_)


@pytest.mark.parametrize("case", ["embeddings", "probabilities", "both", "few distinct"])
def test_the_order_of_rows_changes_nothing(case):
    features = FEATURES if case in {"embeddings", "both"} else None
    probabilities = None if case == "embeddings" else PROBABILITIES
    if case == "few distinct":  # as of a small random forest: equal rows that are no copies
        probabilities = np.eye(LABELS)[PROBABILITIES.argmax(axis=1)]
    straight = NoisyLabelCorrector().fit(features, GIVEN, probabilities)
    order = np.random.default_rng(1).permutation(ROWS)
    some = None if probabilities is None else probabilities[order]
    shuffled = NoisyLabelCorrector().fit(
        features if features is None else features[order], GIVEN[order], some
    )
    assert np.array_equal(shuffled.labels_, straight.labels_[order])
    assert np.array_equal(shuffled.label_quality_, straight.label_quality_[order])
    assert np.array_equal(shuffled.decisions_, straight.decisions_[order])


def test_probabilities_alone_will_do():
    corrector = NoisyLabelCorrector().fit(None, GIVEN, PROBABILITIES)
    assert (corrector.labels_ == TRUTH).mean() > (GIVEN == TRUTH).mean() + 0.05
    assert not hasattr(corrector, "n_features_in_")
    both = NoisyLabelCorrector().fit(FEATURES, GIVEN, PROBABILITIES)
    assert (both.predicted_labels_ == TRUTH).mean() >= (corrector.predicted_labels_ == TRUTH).mean()


def test_probabilities_that_know_the_truth_are_heard():
    oracle = np.full((ROWS, LABELS), 0.02)
    oracle[np.arange(ROWS), TRUTH] = 0.9
    noise = np.random.default_rng(0).normal(size=FEATURES.shape)
    alone = NoisyLabelCorrector().fit(noise, GIVEN)
    helped = NoisyLabelCorrector().fit(noise, GIVEN, oracle)
    assert (alone.predicted_labels_ == TRUTH).mean() < 0.9
    assert (helped.predicted_labels_ == TRUTH).mean() > 0.97


def test_names_of_labels_make_no_difference(fitted):
    named = NoisyLabelCorrector().fit(FEATURES, NAMES[GIVEN].tolist())
    assert named.classes_.tolist() == NAMES.tolist()
    assert np.array_equal(named.labels_, NAMES[fitted.labels_])
    tuples = [("t", int(g)) for g in GIVEN]
    pairs = NoisyLabelCorrector().fit(FEATURES, tuples)
    assert pairs.labels_.tolist() == [("t", int(g)) for g in fitted.labels_]
    series = NoisyLabelCorrector().fit(pd.DataFrame(FEATURES), pd.Series(NAMES[GIVEN]))
    assert series.labels_.tolist() == named.labels_.tolist()


@pytest.mark.parametrize("none", [None, float("nan"), "", "  ", pd.NA])
def test_missing_labels_are_filled_in(none):
    empty = np.arange(ROWS) % 10 == 3
    labels = [none if gone else str(name) for gone, name in zip(empty, NAMES[GIVEN], strict=True)]
    corrector = NoisyLabelCorrector().fit(FEATURES, labels)
    filled = corrector.decisions_ == "label"
    assert filled[empty].mean() > 0.8
    assert not filled[~empty].any()
    assert np.isnan(corrector.label_quality_[empty]).all()
    assert not np.isnan(corrector.label_quality_[~empty]).any()
    assert not np.isin(np.flatnonzero(empty), corrector.issues_).any()
    assert (corrector.labels_[filled] == NAMES[TRUTH][filled]).mean() > 0.95
    left = [corrector.labels_[row] for row in np.flatnonzero(empty & ~filled)]
    assert all(pd.isna(value) or value == none for value in left)
    assert corrector.classes_.tolist() == NAMES.tolist()


def test_copies_of_an_embedding_leave_together():
    row = int(np.flatnonzero((TRUTH == 0) & (GIVEN == 0))[0])
    copies = np.repeat(FEATURES[[row]], 3, axis=0)
    features, given = np.vstack([FEATURES, copies]), np.append(GIVEN, [1, 0, 0])
    corrector = NoisyLabelCorrector().fit(features, given)
    posterior = corrector.posterior_[[row, -3, -2, -1]]
    assert (posterior == posterior[0]).all()
    assert corrector.labels_[[row, -3, -2, -1]].tolist() == [0, 0, 0, 0]


def test_copies_without_a_label_are_no_evidence(fitted):
    """They would be their originals' nearest neighbours, if they were points of their own."""
    doubled = NoisyLabelCorrector().fit(
        np.vstack([FEATURES, FEATURES[::3]]), [*GIVEN.tolist(), *[None] * (ROWS // 3)]
    )
    assert np.array_equal(doubled.label_quality_[:ROWS], fitted.label_quality_)
    assert np.array_equal(doubled.predicted_labels_[ROWS:], fitted.predicted_labels_[::3])


def test_texts_beside_embeddings_tell_copies_and_add_words():
    texts = [f"row {row} of {NAMES[label]}" for row, label in enumerate(TRUTH)]
    noise = np.random.default_rng(0).normal(size=FEATURES.shape)
    worded = NoisyLabelCorrector().fit(noise, GIVEN, texts=texts)
    assert (worded.predicted_labels_ == TRUTH).mean() > 0.95
    texts[1], texts[2] = "One and the same", " one and  THE same"
    merged = NoisyLabelCorrector().fit(FEATURES, GIVEN, PROBABILITIES, texts=texts)
    assert np.array_equal(merged.posterior_[1], merged.posterior_[2])
    order = np.arange(ROWS)[::-1]
    turned = NoisyLabelCorrector().fit(
        FEATURES[order], GIVEN[order], PROBABILITIES[order], texts=[texts[row] for row in order]
    )
    assert np.array_equal(turned.posterior_[order], merged.posterior_)


def test_texts_are_embedded(encoders):
    cards = [f"i lost my {c} card" for c in ("bank", "credit", "debit", "blue", "new", "old")]
    rates = [f"exchange rate of the {c}" for c in ("euro", "yen", "pound", "franc", "real", "rand")]
    labels = ["card"] * 6 + ["rate"] * 6
    assert all(model.path.is_dir() for model in encoders)
    corrector = NoisyLabelCorrector().fit([*cards, *rates, "my card is gone"], [*labels, None])
    assert corrector.predicted_labels_.tolist() == [*labels, "card"]


def test_out_of_scope_is_what_resembles_nothing():
    stray = np.random.default_rng(5).normal(size=(40, 16)) * 1.5
    features = np.vstack([FEATURES, stray])
    truth = np.append(NAMES[TRUTH], ["oos"] * 40)
    given = np.append(NAMES[GIVEN], ["oos"] * 40)
    corrector = NoisyLabelCorrector(oos_label="oos").fit(features, given)
    assert (corrector.predicted_labels_ == truth).mean() > (given == truth).mean()


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_many_labels_have_a_sparse_posterior_and_no_matrix():
    rng = np.random.default_rng(0)
    given = np.arange(2200) % 1100
    features = rng.normal(size=(1100, 24))[given] + 0.05 * rng.normal(size=(2200, 24))
    corrector = NoisyLabelCorrector(rounds=1).fit(features, given)
    assert isinstance(corrector.posterior_, csr_array)
    assert corrector.posterior_.shape == (2200, 1100)
    assert corrector.noise_matrix_ is None


def test_classes_name_labels_that_no_row_carries():
    wide = np.column_stack([PROBABILITIES, np.zeros(ROWS)])
    corrector = NoisyLabelCorrector().fit(
        None, NAMES[GIVEN], wide, classes=[*NAMES, "a label longer than all that were given"]
    )
    assert corrector.posterior_.shape == (ROWS, LABELS + 1)
    assert (corrector.labels_ == NAMES[TRUTH]).mean() > (GIVEN == TRUTH).mean()
    assert corrector.noise_matrix_.sum(axis=0) == pytest.approx(1.0)


def test_the_function_is_called_as_cleanlabs():
    mask = find_label_issues(GIVEN, PROBABILITIES)
    ranked = find_label_issues(
        GIVEN.tolist(), PROBABILITIES, return_indices_ranked_by="self_confidence"
    )
    assert mask.shape == (ROWS,)
    assert np.array_equal(np.flatnonzero(mask), np.sort(ranked))
    wrong = GIVEN != TRUTH
    assert mask[wrong].mean() > 0.7
    # With probabilities alone, what contradicts a label may be wrong itself: it is for review.
    assert mask[~wrong].mean() < 0.12
    better = find_label_issues(GIVEN, PROBABILITIES, features=FEATURES)
    assert (better == wrong).mean() >= (mask == wrong).mean()
    # A column whose label nobody was given is no reason to stop.
    assert find_label_issues(GIVEN, np.column_stack([PROBABILITIES, np.zeros(ROWS)])).any()


def test_tiny_inputs_change_nothing():
    two = NoisyLabelCorrector().fit(np.eye(2), ["a", "b"])
    assert two.labels_.tolist() == ["a", "b"]
    one = NoisyLabelCorrector().fit(np.ones((1, 3)), ["a"], classes=["a", "b"])
    assert one.labels_.tolist() == ["a"]
    zeros = NoisyLabelCorrector().fit(np.zeros((3, 2)), [0, 0, 1])
    assert (zeros.posterior_ == zeros.posterior_[0]).all()


EIGHT = ["a", "b"] * 4
X8 = np.random.default_rng(0).normal(size=(8, 4))
HALF = np.full((8, 2), 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, X8, ["a"] * 8), "'a' is the only label: at least two are needed"),
        (({}, X8, [None] * 8), "all labels are missing"),
        (({}, X8, []), "labels is empty"),
        (({}, X8, "abababab"), "labels is a single string"),
        (({}, X8, ["a", 1] * 4), "sortable together, and these are of type int, str"),
        (({}, X8, [[1], [2]] * 4), "must be hashable"),
        (({}, X8, np.array(EIGHT)[:, None]), r"labels has shape \(8, 1\)"),
        (({}, X8[:5], EIGHT), "X has 5 rows and labels 8"),
        (({}, X8 * np.nan, EIGHT), "Input X contains NaN"),
        (({}, X8[:, 0], EIGHT), "Expected 2D array"),
        (({}, csr_array(X8), EIGHT), "X is sparse"),
        (({}, "a text", EIGHT), "X is a single string"),
        (({}, ["a text"] * 7 + [3], EIGHT), r"X\[7\] is 3, of type int"),
        (({}, ["a text"] * 7 + [" "], EIGHT), "X: row 7 .from 0.: blank"),
        (({}, None, EIGHT), "give embeddings or texts as X, or pred_probs"),
        (({}, None, EIGHT, np.full((8, 3), 1 / 3)), r"shape \(8, 3\): give \(8, 2\)"),
        (({}, None, EIGHT, HALF * 2), "row 0 .from 0. sums to 2, not 1"),
        (({}, None, EIGHT, HALF * np.nan), "pred_probs holds NaN"),
        (({"oos_label": "c"}, X8, EIGHT), "oos_label: no row carries 'c'"),
        (({"max_harm": 1.5}, X8, EIGHT), "max_harm is 1.5: give a number from 0 to 1"),
        (({"rounds": 0}, X8, EIGHT), "rounds is 0: give a whole number, at least 1"),
        (({"neighbours": 2.5}, X8, EIGHT), "neighbours is 2.5"),
        (({"seed": -1}, X8, EIGHT), "seed is -1"),
    ],
)
def test_what_can_not_be_used_is_named(arguments, message):
    parameters, *rest = arguments
    with pytest.raises(ValueError, match=message):
        NoisyLabelCorrector(**parameters).fit(*rest)


def test_texts_and_classes_are_checked():
    fit = NoisyLabelCorrector().fit
    with pytest.raises(ValueError, match="X holds texts, and texts does"):
        fit(["x"] * 8, EIGHT, texts=["y"] * 8)
    with pytest.raises(ValueError, match="texts has 7 rows and labels 8"):
        fit(X8, EIGHT, texts=["y"] * 7)
    with pytest.raises(ValueError, match="labels: 'b' is not in classes"):
        fit(X8, EIGHT, classes=["a", "c"])
    with pytest.raises(ValueError, match="more than once"):
        fit(X8, EIGHT, classes=["a", "b", "a"])


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1, 2], [[0.9, 0.1]] * 3, "labels reach from 0 to 2: pred_probs has 2 columns"),
        ([-1, 1], [[0.9, 0.1]] * 2, "labels reach from -1"),
        (["a", "b"], [[0.9, 0.1]] * 2, "not integers 0 to K - 1"),
        ([0, 1], [0.9, 0.1], r"pred_probs has shape \(2,\)"),
    ],
)
def test_the_function_names_what_it_can_not_use(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        find_label_issues(labels, probabilities)


def test_labels_may_go_by_their_old_name(fitted):
    with pytest.warns(DeprecationWarning, match="labels= is called y now"):
        old = NoisyLabelCorrector().fit(FEATURES, labels=GIVEN)
    assert np.array_equal(old.labels_, fitted.labels_)
    with pytest.warns(DeprecationWarning, match="labels= is called y now") as told:
        mended = NoisyLabelCorrector().fit_predict(FEATURES, labels=GIVEN)
    assert [warning.filename for warning in told] == [__file__]
    assert np.array_equal(mended, old.labels_)
    assert np.array_equal(NoisyLabelCorrector().fit_predict(FEATURES, y=GIVEN), mended)


def test_labels_are_given_once():
    with pytest.raises(ValueError, match="y is None: give the labels to mend"):
        NoisyLabelCorrector().fit(X8)
    with pytest.raises(ValueError, match="y and labels are both given: give y"):
        NoisyLabelCorrector().fit(X8, EIGHT, labels=EIGHT)
