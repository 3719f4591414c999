from dataclasses import replace

import numpy as np
import pytest
from fixtures.words import WORDS, WordEncoder

from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.data import training_set
from labelmend.classify.folder import locate_encoders
from labelmend.classify.heads.base import TrainingTask, makes_encoder
from labelmend.classify.heads.registry import find_head
from labelmend.classify.heads.static import StaticHead
from labelmend.classify.model_folder import SavedModel, load_model, save_model
from labelmend.classify.static.vocabulary import WordSpace
from labelmend.onnx.onnx_encoder import export_encoder
from labelmend.onnx.onnx_folder import OnnxClassifier
from labelmend.onnx.onnx_graph import classifier_graph
from labelmend.protocols import NoProgress
from labelmend.retrieval.encode import OnnxModel
from labelmend.retrieval.space import open_space

POINT = OperatingPoint("in-scope-loss", 0.1)
LOST = [f"my {a} is {b} {c}" for a in ("card", "pin") for b in ("lost", "gone") for c in "abcdef"]
OPEN = [
    f"{a} hours {b} {c}" for a in ("new", "open") for b in ("today", "sunday") for c in "abcdef"
]
ELSE = [f"forgot code help {c} {d}" for c in "abcde" for d in "vwxyz"]


class Space(WordEncoder):
    """A profile's, of an encoder that counts words."""

    def fit(self, texts, progress):
        return self.encode(texts)

    def queries(self, texts):
        return self.encode(texts)

    def words(self):
        return WORDS


class Blind:
    """A space that can place no text but those of the table."""

    def __init__(self):
        self._space = Space()

    def fit(self, texts, progress):
        return self._space.encode(texts)

    def queries(self, texts):
        raise AssertionError


@pytest.fixture(scope="module")
def data(dataset_of):
    texts, labels = [*LOST, *OPEN, *ELSE], ["lost"] * 24 + ["open"] * 24 + ["oos"] * 25
    return training_set(dataset_of(texts, labels, oos="oos"), np.ones(len(texts)))


def fit(data, settings, work, space=None, seed=0):
    task = TrainingTask(data, space or Space(), settings, POINT, seed, work)
    return StaticHead().fit(task, NoProgress())


def test_it_is_a_kind_with_an_encoder_of_its_own():
    head = find_head("static")
    assert isinstance(head, StaticHead)
    assert makes_encoder(head)
    assert not head.tunes_encoder
    assert makes_encoder(find_head("finetune"))
    assert not makes_encoder(find_head("logreg"))
    assert isinstance(Space(), WordSpace)
    assert not isinstance(Blind(), WordSpace)


def test_it_learns_and_is_calibrated_by_texts_that_it_has_not_seen(data, settings, tmp_path):
    done = fit(data, settings, tmp_path)
    training = done.training
    assert training.classifier.kind == "static"
    assert training.classifier.detector.source == "oos texts"
    assert training.tested.tolist() == list(range(73))
    assert (training.held_out.labels == data.main_labels()).mean() > 0.9
    found = done.predict(["my pin is lost f", "forgot code help z x", "open hours sunday g"])
    assert [data.labels[k] for k in found.labels] == ["lost", "oos", "open"]
    # Held-out texts lie where a student that has not seen them places them.
    placed = done.space.queries(data.texts)
    scores = training.classifier.predict(placed)
    assert not np.allclose(scores.probabilities, training.held_out.probabilities, atol=1e-3)
    assert len(training.classifier.nearness.references) == 48


def test_few_references_are_kept(data, settings, tmp_path):
    few = replace(settings, static=replace(settings.static, reference_texts=7))
    assert len(fit(data, few, tmp_path).training.classifier.nearness.references) == 7


def test_the_same_again_whatever_the_order_of_rows(dataset_of, data, settings, tmp_path):
    texts, labels = [*LOST, *OPEN, *ELSE], ["lost"] * 24 + ["open"] * 24 + ["oos"] * 25
    turned = training_set(dataset_of(texts[::-1], labels[::-1], oos="oos"), np.ones(len(texts)))
    one, two = (
        fit(each, settings, tmp_path / name) for each, name in ((data, "one"), (turned, "two"))
    )
    asked = ["my card is stolen", "what"]
    assert np.array_equal(one.predict(asked).probabilities, two.predict(asked).probabilities)
    assert one.encoders.digests == two.encoders.digests


def test_a_space_that_knows_its_table_alone(data, settings, tmp_path):
    done = fit(data, settings, tmp_path, Blind())
    assert (done.training.held_out.labels == data.main_labels()).mean() > 0.9


def test_new_texts_are_learned_from_and_not_measured_on(data, settings, tmp_path):
    made = replace(data, made_from={0: (1, 2)})
    training = fit(made, settings, tmp_path).training
    assert training.tested.tolist() == list(range(1, 73))


def test_a_table_without_oos(dataset_of, settings, tmp_path):
    data = training_set(dataset_of([*LOST[:2], *OPEN[:2]], ["l", "l", "o", "o"]), np.ones(4))
    done = fit(data, settings, tmp_path)
    assert done.predict(["", "🦊", "my card is lost"]).probabilities.shape == (3, 2)


def test_a_model_folder_and_its_export(data, settings, tmp_path):
    done = fit(data, settings, tmp_path / "work")
    used = done.encoders
    own = tuple(replace(encoder, model="encoder") for encoder in used.settings)
    folder = tmp_path / "model"
    save_model(
        SavedModel(
            done.training.classifier, used.means, own, used.digests, 4000, {}, own_encoder=used.own
        ),
        folder,
        "",
    )
    model = load_model(folder)
    assert model.own_encoder == folder / "encoder"
    located = locate_encoders(model, folder)
    space = open_space(model.encoders, located, model.means)
    asked = ["my card is lost", "🦊 \ud83d", "", *data.texts]
    expected = done.predict(asked)
    found = model.classifier.predict(space.queries(asked))
    assert np.array_equal(found.probabilities, expected.probabilities)
    place = tmp_path / "encoder_0"
    place.mkdir()
    written = export_encoder(model.encoders[0], located[0].path, place)
    assert (written.is_int8, written.is_apart, written.max_windows) == (False, False, 1)
    vectors = OnnxModel(place, written.max_tokens).run_alike(asked, 64)
    exported = OnnxClassifier(classifier_graph(model.classifier, model.means)).predict(
        {"embedding_0": vectors}
    )
    np.testing.assert_allclose(exported.probabilities, expected.probabilities, atol=1e-4)
    assert exported.is_oos.tolist() == expected.is_oos.tolist()
