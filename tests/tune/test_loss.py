"""The losses against sums by hand and against the library's own."""

import math

import pytest
import torch

from labelmend.tune.loss import pairwise_loss, ranking_loss

SCORES = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0]])
RIGHT = torch.tensor([0, 1])
NOTHING = torch.zeros((2, 3), dtype=torch.bool)
ONES = torch.ones(2)


def entropy(right, *wrong):
    return -math.log(math.exp(right) / sum(map(math.exp, (right, *wrong))))


def softplus(value):
    return math.log(1 + math.exp(value))


def test_ranking_is_cross_entropy_of_the_right_column():
    expected = (entropy(2, 0, 1) + entropy(3, 0, 1)) / 2
    assert ranking_loss(SCORES, RIGHT, NOTHING, ONES).item() == pytest.approx(expected)


def test_rows_count_by_their_weights():
    expected = 0.75 * entropy(2, 0, 1) + 0.25 * entropy(3, 0, 1)
    weights = torch.tensor([0.9, 0.3])
    assert ranking_loss(SCORES, RIGHT, NOTHING, weights).item() == pytest.approx(expected)


def test_columns_that_are_passed_over_are_no_negatives():
    over = torch.tensor([[False, False, True], [True, False, False]])
    expected = (entropy(2, 0) + entropy(3, 1)) / 2
    assert ranking_loss(SCORES, RIGHT, over, ONES).item() == pytest.approx(expected)
    expected = (softplus(0 - 2) + softplus(1 - 3)) / 2
    assert pairwise_loss(SCORES, RIGHT, over, ONES).item() == pytest.approx(expected)


def test_pairwise_is_the_mean_over_wrong_columns():
    first = (softplus(0 - 2) + softplus(1 - 2)) / 2
    second = (softplus(0 - 3) + softplus(1 - 3)) / 2
    weights = torch.tensor([3.0, 1.0])
    found = pairwise_loss(SCORES, RIGHT, NOTHING, weights).item()
    assert found == pytest.approx((3 * first + second) / 4)
    assert pairwise_loss(SCORES, RIGHT, NOTHING, torch.zeros(2)).item() == 0.0
    alone = torch.tensor([[5.0]])
    none = torch.zeros((1, 1), dtype=torch.bool)
    assert pairwise_loss(alone, torch.tensor([0]), none, torch.ones(1)).item() == 0.0


def test_without_weights_ranking_is_the_librarys_loss(minilm):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    model = SentenceTransformer(str(minilm.path), local_files_only=True)
    theirs = MultipleNegativesRankingLoss(model, scale=20.0)
    generator = torch.Generator().manual_seed(0)
    texts, passages = (
        torch.nn.functional.normalize(torch.randn((4, 8), generator=generator)) for _ in range(2)
    )
    expected = theirs.compute_loss_from_embeddings([texts, passages], torch.empty(0))
    nothing = torch.zeros((4, 4), dtype=torch.bool)
    found = ranking_loss(20.0 * texts @ passages.T, torch.arange(4), nothing, torch.ones(4))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
