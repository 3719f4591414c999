"""What sources may read of the texts, gathered: the stage `index`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import unit_rows
from labelmend.data.language.detect import detect_language
from labelmend.relabel.evidence.annotators import vote_shares
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.run_state import Run, State, found
from labelmend.relabel.self_training import is_needed
from labelmend.retrieval.new_labels import NewLabels, find_new_labels
from labelmend.retrieval.passages import LabelPassages, label_passages
from labelmend.retrieval.space import TextSpace
from labelmend.types import Floats, LabelCard, UniqueTexts


def index(run: Run, state: State) -> State:
    """Gather what sources may read: all but the given labels."""
    space, unique, embeddings = found(run.space), found(state.unique), found(state.embeddings)
    cards, oos = found(state.described).cards, run.dataset.oos
    passages, vectors = _passages(cards, unique, oos, space)
    most = run.config.retrieval.new_labels
    new = find_new_labels(embeddings, unique.given, passages, vectors, oos, most=most)
    exemplars = new.exemplars(run.config.describe.exemplars)
    if exemplars:
        # Beside cards with exemplars, one without would seldom be the nearest.
        cards = tuple(
            replace(card, exemplars=tuple(unique.texts[i] for i in exemplars[label]))
            if label in exemplars and not card.exemplars
            else card
            for label, card in enumerate(cards)
        )
        passages, vectors = _passages(cards, unique, oos, space)
    scarce = is_needed(unique.given, run.config.self_training)
    views = card_views(cards, oos, space) if scarce else ()
    space.release()
    corpus = Corpus(
        texts=unique.texts,
        labels=run.dataset.labels,
        embeddings=embeddings,
        neighbours=found(state.neighbours),
        oos=oos,
        cards=cards,
        passages=passages,
        passage_vectors=vectors,
        card_views=views,
        said={name: vote_shares(unique, vote) for name, vote in run.votes.items()},
        language=detect_language(unique.texts, run.config.seed).main,
        stands_for=run.stands_for,
        seed=run.config.seed,
        block_rows=run.config.retrieval.block_rows,
        progress=run.progress,
        clock=run.clock,
        executor=run.executor,
    )
    return replace(state, corpus=corpus)


def _passages(
    cards: Sequence[LabelCard], unique: UniqueTexts, oos: int | None, space: TextSpace
) -> tuple[LabelPassages, Floats]:
    passages = label_passages(cards, unique.texts, oos)
    return passages, space.passages(passages.passages)


def card_views(cards: Sequence[LabelCard], oos: int | None, space: TextSpace) -> tuple[Floats, ...]:
    """Return what cards are like by name, by description, by both, and by exemplars.

    A label without a description is like its name in each of the first three. Out-of-scope has
    views only where the user's file describes it.
    """
    own = [k for k, card in enumerate(cards) if k != oos or card.source == "user"]
    names = [cards[k].name for k in own]
    told = [cards[k].description or cards[k].name for k in own]
    both = [
        f"{name}: {cards[k].description}" if cards[k].description else name
        for k, name in zip(own, names, strict=True)
    ]
    views = [_by_label(space.passages(texts), own, len(cards)) for texts in (names, told, both)]
    if any(cards[k].exemplars for k in own):
        # Where a label has none, its card stands for them.
        examples = views[2].copy()
        for k in own:
            if cards[k].exemplars:
                examples[k] = space.queries(list(cards[k].exemplars)).mean(axis=0)
        views.append(unit_rows(examples))
    return tuple(views)


def _by_label(vectors: Floats, labels: Sequence[int], count: int) -> Floats:
    found = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    found[list(labels)] = vectors
    return found


def new_labels(corpus: Corpus, given: csr_array, most: int) -> NewLabels | None:
    """Compare the unlabelled texts with the cards of labels that no row was given."""
    if corpus.passages is None or corpus.passage_vectors is None:
        return None
    return find_new_labels(
        *(corpus.embeddings, given, corpus.passages, corpus.passage_vectors, corpus.oos), most=most
    )
