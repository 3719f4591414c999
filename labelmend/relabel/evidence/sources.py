"""What is known of the texts before any supervised source has learned: candidates, and evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.sparse import csr_array, csr_matrix

from labelmend.arrays import given_shares
from labelmend.configs.schema import Config
from labelmend.protocols import Progress, Retriever
from labelmend.retrieval.candidates import Candidates, find_candidates, score_in_blocks
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.neighbours import NeighbourRetriever, Neighbours, oos_scores
from labelmend.retrieval.new_labels import NewLabels
from labelmend.types import Evidence, Floats

_NEAREST_FOR_OOS = 5
"""Neighbours whose mean similarity says whether a text resembles anything."""

VOTE_COLUMN = "votes: "
"""Stands before the name of a vote column, which may be called as one of our own sources is."""

_SURELY = 1e3
"""Weight of a ranking whose labels are candidates whatever the others say."""


@dataclass(frozen=True)
class Sources:
    """What is known of the texts before any supervised source has learned.

    Attributes:
        given: float32 sparse [u, K], how many rows of the text were given each label.
        embeddings: float32 [u, d], unit rows.
        neighbours: of each text.
        words: sparse [u, w], or None to go without.
        candidates: the labels that are looked at.
        fixed: evidence that no round changes.
        oos: index of the out-of-scope label, or None.
        first: sparse float32 [u, K], the texts that labels start with which no row was given; or
            None.
    """

    given: csr_array
    embeddings: Floats
    neighbours: Neighbours
    words: csr_matrix | None
    candidates: Candidates
    fixed: tuple[Evidence, ...]
    oos: int | None
    first: csr_array | None = None


def find_sources(
    given: csr_array,
    embeddings: Floats,
    neighbours: Neighbours,
    words: csr_matrix | None,
    readers: Sequence[tuple[Retriever, float]],
    oos: int | None,
    config: Config,
    progress: Progress,
    *,
    new: NewLabels | None = None,
    resembles: bool = True,
) -> Sources:
    """Choose the candidates, and score them with what reads no given label.

    Args:
        given: float32 sparse [u, K], how many rows of the text were given each label.
        embeddings: float32 [u, d], unit rows.
        neighbours: of each text.
        words: sparse [u, w], or None to go without.
        readers: retrievers whose scores are evidence, and their weights among the rankings.
        oos: index of the out-of-scope label, or None.
        config: its `retrieval` part.
        progress: advances by texts.
        new: labels that no row was given.
        resembles: what resembles nothing may be out of scope; False where similarities are those
            of labels, not of texts.
    """
    retrieval, weights = config.retrieval, config.retrieval.weights
    shares = given_shares(given)
    prototype = PrototypeRetriever(embeddings, shares)
    neighbour = NeighbourRetriever(neighbours, shares, retrieval.neighbour_sharpness)
    progress.start("retrieve candidates", given.shape[0])
    candidates = find_candidates(
        [
            *([] if new is None else [(new, _SURELY)]),
            *readers,
            (prototype, weights.prototype),
            (neighbour, weights.neighbour),
        ],
        given,
        oos,
        retrieval,
        config.seed,
        progress,
    )
    fixed = [
        Evidence(r.name, score_in_blocks(r.score, candidates.labels, retrieval.block_rows))
        for r, _ in readers
    ]
    if oos is not None and resembles:
        resemblance = neighbours.similarities[:, :_NEAREST_FOR_OOS].mean(axis=1)
        fixed.append(Evidence("oos", oos_scores(resemblance, candidates.labels, oos)))
    return Sources(
        given=given,
        embeddings=embeddings,
        neighbours=neighbours,
        words=words,
        candidates=candidates,
        fixed=tuple(fixed),
        oos=oos,
        first=None if new is None else new.first,
    )
