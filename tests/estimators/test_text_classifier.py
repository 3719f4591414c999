import pickle
from dataclasses import replace

import numpy as np
import pytest
from fixtures.clusters import SPACE_KINDS
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelmend import TextClassifier
from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.heads.registry import find_head
from labelmend.classify.train import train
from labelmend.configs.load import load_config
from labelmend.errors import ConfigError
from labelmend.estimators.text_classifier import _unit
from labelmend.protocols import NoProgress

FOREST = RandomForestClassifier(5)


# All that scikit-learn checks of a classifier; none is left out here. scikit-learn itself skips the
# one on array API inputs unless SCIPY_ARRAY_API is set.
@parametrize_with_checks([TextClassifier(), TextClassifier(kind=GaussianNB())])
def test_it_is_a_classifier_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rows(world):
    """Embeddings and labels: four clusters, and what fits none of them."""
    data, vectors = world(4, 20, oos_texts=40)
    return vectors, np.array(data.labels)[data.label_of]


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_it_is_the_training_of_train_classifier(world, settings, kind):
    data, vectors = world(4, 20, oos_texts=40)
    _, probes = world(4, 20, oos_texts=40, seed=1)
    point = OperatingPoint("in-scope-loss", 0.05)
    # In the order of the points' bytes, as the estimator has them.
    unit = _unit(vectors)
    order = sorted(range(len(unit)), key=lambda row: unit[row].tobytes())
    inner = replace(data, label_of=data.label_of[order], texts=tuple(data.texts[i] for i in order))
    ours = train(inner, unit[order], settings, find_head(kind), point, 3, NoProgress())
    expected = ours.classifier.predict(_unit(probes))
    given = np.array(data.labels)[data.label_of]
    model = TextClassifier(kind, oos_label="oos", max_in_scope_loss=0.05, seed=3)
    model.fit(vectors, given)
    assert np.array_equal(model.predict_proba(probes), expected.probabilities)
    assert model.predict(probes).tolist() == [data.labels[k] for k in expected.labels]
    assert model.is_out_of_scope(probes).tolist() == expected.is_oos.tolist()
    assert model.oos_threshold_ == ours.classifier.detector.threshold


@pytest.mark.parametrize(
    "kind",
    [FOREST, KNeighborsClassifier(3), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["forest", "neighbours", "pipeline"],
)
def test_any_classifier_of_scikit_learn_may_be_given(rows, world, kind):
    vectors, labels = rows
    before = kind.get_params()
    model = TextClassifier(kind, oos_label="oos").fit(vectors, labels)
    assert kind.get_params() == before
    assert not hasattr(kind, "classes_")
    data, probes = world(4, 20, oos_texts=40, seed=1)
    truth = np.array(data.labels)[data.label_of]
    assert (model.predict(probes) == truth).mean() > 0.75  # by chance, a third at most
    assert model.predict_proba(probes).sum(axis=1) == pytest.approx(np.ones(120))
    again = TextClassifier(clone(kind), oos_label="oos").fit(vectors, labels)
    assert np.array_equal(again.predict_proba(probes), model.predict_proba(probes))


def test_weights_count_as_copies_do(rows):
    vectors, labels = rows
    counts = np.arange(len(labels)) % 3
    weighed = TextClassifier().fit(vectors, labels, sample_weight=counts)
    copied = TextClassifier().fit(np.repeat(vectors, counts, axis=0), np.repeat(labels, counts))
    assert np.array_equal(weighed.predict_proba(vectors), copied.predict_proba(vectors))


def test_the_order_of_rows_and_their_lengths_change_nothing(rows):
    vectors, labels = rows
    order = np.random.default_rng(0).permutation(len(labels))
    one = TextClassifier().fit(vectors, labels)
    # By powers of two, which leave all digits of a unit row as they are.
    two = TextClassifier().fit(vectors[order] * 4, labels[order])
    assert np.array_equal(one.predict_proba(vectors), two.predict_proba(vectors * 2))


def test_labels_keep_their_type(rows):
    vectors, labels = rows
    numbers = np.where(labels == "oos", -1, 7)
    model = TextClassifier(oos_label=-1).fit(vectors, numbers)
    assert model.classes_.tolist() == [-1, 7]
    assert model.predict(vectors).dtype == numbers.dtype
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    assert cross_val_score(model, vectors, numbers, cv=folds).mean() > 0.8


def test_it_travels_as_a_pickle(rows):
    vectors, labels = rows
    model = TextClassifier(oos_label="oos").fit(vectors, labels)
    expected = model.predict_proba(vectors)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(vectors), expected)


TEXTS = [
    *("I lost my card", "my card is gone", "where is my card", "someone took my card"),
    *("what is the exchange rate", "euro to dollar rate", "rate for pounds", "dollar rate today"),
]
LABELS = ["card_lost"] * 4 + ["exchange_rate"] * 4


def test_texts_are_embedded(encoders):
    assert all(model.path.is_dir() for model in encoders)
    model = TextClassifier().fit([*TEXTS, "MY  card is gone"], [*LABELS, "card_lost"])
    new = ["my card got stolen", "the rate of the yen"]
    assert model.predict(new).tolist() == ["card_lost", "exchange_rate"]
    assert not hasattr(model, "n_features_in_")
    found = model.predict_proba(new)
    again = pickle.loads(pickle.dumps(model))  # its encoders load again
    assert np.array_equal(again.predict_proba(new), found)
    with pytest.raises(ValueError, match="X holds no texts, and this was fitted on texts"):
        model.predict(np.ones((2, 3)))


def test_an_encoder_learns_with_it(small_encoder):
    asked = [f"classify.finetune.encoder={small_encoder}", "classify.finetune.epochs=1"]
    model = TextClassifier("finetune", config=load_config("embedded", asked)).fit(TEXTS, LABELS)
    assert model.predict_proba(TEXTS[:2]).shape == (2, 2)
    with pytest.raises(TypeError, match="can't be pickled: write a model folder"):
        pickle.dumps(model)


@pytest.mark.parametrize(
    ("model", "asked", "said"),
    [
        (TextClassifier("finetune"), {}, "kind 'finetune' learns from texts"),
        (TextClassifier(kind=3), {}, "kind is 3: give the name of a kind, or a classifier"),
        (TextClassifier(kind=LogisticRegression), {}, "give the name of a kind, or a classifier"),
        (TextClassifier(oos_label="none"), {}, "oos_label: no row carries 'none'"),
        (TextClassifier(max_in_scope_loss=2), {}, "max_in_scope_loss is 2: give a number"),
        (TextClassifier(), {"y": ["a"] * 119 + [None]}, "y holds missing labels"),
        (TextClassifier(), {"y": ["a"] * 120}, "y has 1 class, 'a': two classes"),
        (TextClassifier(), {"y": ["a"] * 119 + ["b"]}, "fewer than two classes have two distinct"),
        (
            TextClassifier(KNeighborsClassifier()),
            {"sample_weight": np.ones(120)},
            "a KNeighborsClassifier takes no weights of rows",
        ),
    ],
)
def test_what_can_not_be_used_is_told(rows, model, asked, said):
    vectors, labels = rows
    with pytest.raises(ValueError, match=said):
        model.fit(vectors, **({"y": labels} | asked))


def test_an_unknown_kind_names_the_nearest(rows):
    with pytest.raises(ConfigError, match=r"'logreeg' \(did you mean 'logreg'\?\)"):
        TextClassifier("logreeg").fit(*rows)
