"""The graph of a model of soft targets, against the numbers that it stands for."""

import json

import numpy as np
import onnxruntime
import pytest

from labelmend.classify.soft.model_folder import SoftModel
from labelmend.classify.soft.scorer import SoftScorer
from labelmend.onnx.soft import SoftExport, SoftInt8Cost, SoftParity, soft_graph
from labelmend.onnx.task import CheckTexts

TARGETS = ("q well", "ж")


def shares(*logits):
    return [1 / (1 + np.exp(-x)) for x in logits]


def test_numbers_of_one_text_by_hand():
    scorer = SoftScorer(np.array([[1, 0], [0, -2]], np.float32), np.array([0.1, 0.2]))
    graph = soft_graph(scorer, (np.zeros(2),), TARGETS, is_pair=False)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    assert [one.name for one in session.get_inputs()] == ["embedding_0"]
    (found,) = session.run(["values"], {"embedding_0": np.array([[0.6, 0.8]], np.float32)})
    assert found[0] == pytest.approx(shares(0.6 + 0.1, -1.6 + 0.2), abs=1e-6)
    (props,) = graph.metadata_props
    assert (props.key, tuple(json.loads(props.value))) == ("targets", TARGETS)


def test_numbers_of_a_pair_by_hand():
    """The vectors are read as [q, a, |q - a|, q * a], a weight a block."""
    blocks = np.repeat(np.array([[1.0], [10], [100], [1000]]), 2, axis=0)
    scorer = SoftScorer(np.hstack([blocks, blocks / 1000]).astype(np.float32), np.array([-500, 0]))
    graph = soft_graph(scorer, (np.zeros(2),), TARGETS, is_pair=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    feed = {
        "embedding_0": np.array([[0.6, 0.8]], np.float32),
        "second_embedding_0": np.array([[1.0, 0.0]], np.float32),
    }
    (found,) = session.run(["values"], feed)
    logit = 1.4 + 10 * 1.0 + 100 * (0.4 + 0.8) + 1000 * 0.6
    assert found[0] == pytest.approx(shares(logit - 500, logit / 1000), abs=1e-5)
    # Another order is another pair.
    (other,) = session.run(["values"], dict(zip(feed, list(feed.values())[::-1], strict=True)))
    assert other[0, 1] == pytest.approx(shares((14 + 1 + 120 + 600) / 1000)[0], abs=1e-5)


@pytest.mark.parametrize("is_pair", [False, True])
def test_a_graph_says_what_the_model_says(is_pair):
    rng = np.random.default_rng(0)
    means = (np.full(7, 0.05), np.full(5, -0.03))
    width = 48 if is_pair else 12
    scorer = SoftScorer(rng.normal(size=(width, 3)).astype(np.float32), rng.normal(size=3))
    graph = soft_graph(scorer, means, ("a", "b", "c"), is_pair=is_pair)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    feed, parts = {}, []
    for name in ("embedding", "second_embedding")[: 1 + is_pair]:
        raw = [rng.normal(size=(9, len(mean))).astype(np.float32) for mean in means]
        feed |= {f"{name}_{i}": one for i, one in enumerate(raw)}
        moved = [one - mean for one, mean in zip(raw, means, strict=True)]
        units = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in moved]
        parts.append((np.hstack(units) / np.sqrt(2)).astype(np.float32))
    (found,) = session.run(["values"], feed)
    np.testing.assert_allclose(found, scorer.predict(parts), rtol=0, atol=1e-5)


class Space:
    """Places each text where its number says."""

    vectors = np.array([[0.6, 0.8], [1.0, 0.0]], np.float32)

    def queries(self, texts):
        return self.vectors[[int(text) for text in texts]]


def test_parity_and_the_cost_of_int8_count_what_differs():
    scorer = SoftScorer(np.eye(2, dtype=np.float32), np.zeros(2))
    model = SoftModel("ridge", TARGETS, False, scorer, (np.zeros(2),), (), (), 10, {})
    texts = CheckTexts(("0", "1"), ("", ""), "two", None)
    same = {"values": scorer.predict([Space.vectors]).astype(np.float32)}
    other = {"values": same["values"] + np.array([[0, 0.25], [0, 0]], np.float32)}
    task = SoftExport(model)
    assert task.parity(Space(), texts, other) == SoftParity(2, pytest.approx(0.25, abs=1e-6))
    cost = task.cost(texts, same, other, (4_000_000, 1_000_000))
    assert cost == SoftInt8Cost(2, pytest.approx(0.25), pytest.approx(0.0625), 4_000_000, 1_000_000)
    assert cost.in_words() == (
        "int8: values move by 0.062 on average and by 0.250 at most; encoders take 1 MB, before 4 "
        "MB",
    )
