"""What every source of evidence must keep, as a check that anybody can run on theirs."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from labelmend.protocols import Searcher
from labelmend.relabel.evidence.base import PHASES, Corpus, EvidenceSource
from labelmend.retrieval.neighbours import find_neighbours
from labelmend.retrieval.passages import label_passages
from labelmend.types import Floats, Ints, LabelCard

LABELS = ("card_lost", "exchange_rate", "oos", "pin_reset")
_WORDS = (
    ("lost", "card", "stolen", "wallet", "missing", "gone"),
    ("rate", "exchange", "euro", "dollar", "pound", "currency"),
    ("hello", "weather", "joke", "music", "football", "lunch"),
    ("pin", "reset", "code", "forgot", "number", "digits"),
)
_TEXTS = 80
"""Made-up texts: enough for each label to have neighbours, few enough for a check of a second."""

_DIMENSIONS = 16
"""Of their embeddings: more than there are labels."""

_CLOSE = 1e-4
"""Of the scores' spread: they are kept in 32 bits, and what a text itself adds is subtracted again.
"""


def sample_corpus(seed: int = 0, count: int = _TEXTS) -> tuple[Corpus, csr_array]:
    """Return made-up texts of four labels, one of them out of scope, and what each carries.

    The memberships are float32 sparse [count, 4]; a tenth of the texts carries a wrong label.
    """
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % len(LABELS)
    texts = [
        " ".join([f"text{i:03}", *generator.choice(_WORDS[k], 3), *generator.choice(_WORDS[2], 1)])
        for i, k in enumerate(truth)
    ]
    vectors = np.eye(len(LABELS), _DIMENSIONS)[truth]
    vectors = vectors + 0.3 * generator.normal(size=vectors.shape)
    embeddings = _unit(vectors)
    carried = truth.copy()
    carried[::10] = (carried[::10] + 1) % len(LABELS)
    cards = tuple(
        LabelCard(label, " ".join(words), (texts[k],), "user")
        for k, (label, words) in enumerate(zip(LABELS, _WORDS, strict=True))
    )
    passages = label_passages(cards, texts, LABELS.index("oos"))
    corpus = Corpus(
        texts=tuple(texts),
        labels=LABELS,
        embeddings=embeddings,
        neighbours=find_neighbours(embeddings, 10, 32),
        oos=LABELS.index("oos"),
        cards=cards,
        passages=passages,
        passage_vectors=_unit(generator.normal(size=(len(passages), _DIMENSIONS))),
        said={"crowd": _one_hot((carried + (truth % 3 == 0)) % len(LABELS))},
        seed=seed,
    )
    return corpus, _one_hot(carried)


def check_source(
    make: Callable[[Corpus], EvidenceSource], seed: int = 0, count: int = _TEXTS
) -> None:
    """Check a source against what the label model relies on.

    Scores have their shape and dtype and are finite or NaN; they are the same each time; they do
    not depend on the order of the texts that are asked about, nor on which others are asked about;
    and, out of fold, a text's own label never moves its own score, in the first round or a later
    one. What a source proposes are labels of the label set.

    Args:
        make: returns a new source, unfitted, for a corpus.
        seed: of the made-up corpus.
        count: of its texts, at least 12; fewer for a source whose every answer takes a while.

    Raises:
        AssertionError: the source breaks one of these; the message says which.
    """
    corpus, carried = sample_corpus(seed, count)
    every = np.arange(len(corpus.texts))
    candidates = np.tile(np.arange(len(LABELS)), (len(every), 1))

    def scores(memberships: csr_array, texts: Ints) -> Floats:
        """Return what a new source says in two rounds, side by side."""
        source = make(corpus)
        _require(source.phase in PHASES, f"phase is one of {', '.join(PHASES)}")
        known = memberships if source.phase == "round" else None
        said = []
        for turn in range(2 if source.phase == "round" else 1):
            source = source.fit(corpus, known, turn)
            said.append(source.score(texts, candidates[texts]))
            _require(said[-1].shape == (len(texts), len(LABELS)), "scores have the right shape")
            _require(said[-1].dtype == np.float32, "scores are float32")
        if isinstance(source, Searcher):
            labels = source.search(texts, 2).labels
            _require(len(labels) == len(texts), "a ranking has a row a text")
            _require(bool(np.isin(labels, np.arange(-1, len(LABELS))).all()), "labels are known")
        return np.concatenate(said, axis=1)

    first = scores(carried, every)
    _require(not np.isinf(first).any(), "scores are finite, or NaN where the source is silent")
    _require(bool(np.isfinite(first).any()), "the source says something")
    close = _CLOSE * float(np.nanstd(first - np.nanmean(first, axis=1, keepdims=True)))
    _require(_same(first, scores(carried, every), 0.0), "the same source says the same again")
    shuffled = np.random.default_rng(seed).permutation(every)[: len(every) // 2]
    _require(
        _same(first[shuffled], scores(carried, shuffled), close),
        "neither order nor company of the texts moves a score",
    )
    # A source of another phase is handed no labels that could move its scores.
    is_told = make(corpus).phase == "round"
    for text in every[:: len(every) // 8] if is_told else ():
        relabelled = carried.toarray()
        relabelled[text] = np.roll(relabelled[text], 1)
        moved = scores(csr_array(relabelled), every)
        _require(
            _same(first[text], moved[text], close), "a text's own label never moves its own score"
        )


def _require(kept: bool, rule: str) -> None:
    if not kept:
        raise AssertionError(f"not kept: {rule}")


def _same(one: Floats, other: Floats, apart: float) -> bool:
    return bool(np.allclose(one, other, rtol=0.0, atol=apart, equal_nan=True))


def _one_hot(labels: Ints) -> csr_array:
    return csr_array(np.eye(len(LABELS), dtype=np.float32)[labels])


def _unit(rows: np.ndarray) -> Floats:
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
