"""Losses over a matrix of scores, in which rows count by their weights.

sentence-transformers has MultipleNegativesRankingLoss, but it returns the plain mean of a batch: a
row's weight has no way in, and neither has a negative that is to be passed over.
"""

from typing import TYPE_CHECKING

from labelmend.extras import require

if TYPE_CHECKING:
    from torch import Tensor


_LEAST_WEIGHT = 1e-9
"""A numerical floor: a step whose rows all weigh nothing has a loss of 0, and no 0 / 0."""


def ranking_loss(
    scores: "Tensor", right: "Tensor", passed_over: "Tensor", weights: "Tensor"
) -> "Tensor":
    """Cross-entropy of the right column against all others (Henderson et al. 2017, section 4.4).

    With weights of one and nothing passed over it is MultipleNegativesRankingLoss.

    Args:
        scores: float [b, c], higher is better.
        right: int64 [b], the column that belongs to each row.
        passed_over: bool [b, c], columns that are neither right nor wrong.
        weights: float [b], not negative.

    Returns:
        a scalar, the weighted mean of the rows' losses, in nats; 0 where all weights are.
    """
    require("torch")
    from torch.nn.functional import cross_entropy

    kept = scores.masked_fill(passed_over, float("-inf"))
    losses = cross_entropy(kept, right, reduction="none")
    return (weights * losses).sum() / weights.sum().clamp(min=_LEAST_WEIGHT)


def pairwise_loss(
    scores: "Tensor", right: "Tensor", passed_over: "Tensor", weights: "Tensor"
) -> "Tensor":
    """Logistic loss of each pair of the right and a wrong column (RankNet, Burges et al. 2005).

    A row's loss is the mean over its wrong columns, 0 where there is none. Arguments and result are
    those of `ranking_loss`.
    """
    require("torch")
    from torch.nn.functional import softplus

    best = scores.gather(1, right[:, None])
    wrong = ~passed_over
    wrong = wrong.scatter(1, right[:, None], value=False)
    pairs = softplus(scores - best).masked_fill(~wrong, 0.0)
    losses = pairs.sum(dim=1) / wrong.sum(dim=1).clamp(min=1)
    return (weights * losses).sum() / weights.sum().clamp(min=_LEAST_WEIGHT)


LOSSES = {"ranking": ranking_loss, "pairwise": pairwise_loss}
