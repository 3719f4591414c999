"""Label cards: a description and exemplars for every label, from the user, an LLM or the data."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from labelmend.configs.schema import DescribeConfig
from labelmend.llm.engine import DecodeError, LlamaEngine
from labelmend.llm.store import Store, key_of
from labelmend.prompts.render import DESCRIBE, DESCRIBE_START, describe_prompt
from labelmend.protocols import Progress
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.types import Dataset, Floats, LabelCard, UniqueTexts
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel

OOS_DESCRIPTION = "The message fits none of the other labels."

_LONGEST = 400
"""Characters of a description: a longer one is no sentence or two. Chosen by hand."""

_SHORTEST = 12
"""Characters of a description: a shorter one says nothing. Chosen by hand."""

_REFUSAL = re.compile(
    r"\b(i['\u2019]?m sorry|i am sorry|i can(no|['\u2019])t|as an ai|i['\u2019]m unable"
    r"|unable to (help|assist|provide))",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?]['\")\u2019\u201d]*(\s|$)")
_ENDED = re.compile(r"[.!?]['\")\u2019\u201d]*\s*$")
_RULE = "one line of sentences"
"""Replies are stored by it, as by the prompt: what was said under another rule is another reply."""


@dataclass(frozen=True)
class Described:
    """Label cards, and what became of those that an LLM was to write.

    Attributes:
        cards: one a label.
        notes: which labels the LLM could not be asked about, and what to do.
        exemplars: by label, those that the user chose: others than labelmend would.
    """

    cards: tuple[LabelCard, ...]
    notes: tuple[str, ...] = ()
    exemplars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def label_cards(
    dataset: Dataset,
    unique: UniqueTexts,
    embeddings: Floats,
    written: Mapping[str, LabelCard],
    model: LocatedModel | None,
    config: DescribeConfig,
    store: Store,
    progress: Progress,
) -> Described:
    """Return one card a label: the user's, else an LLM's, else name and core texts.

    Args:
        dataset: its label set.
        unique: the distinct texts and what they were given.
        embeddings: float32 [u, d], unit rows.
        written: the user's cards, by label.
        model: the GGUF that writes; None for no LLM.
        config: examples, exemplars and the reply's length.
        store: remembers replies.
        progress: advances by labels.
    """
    prototypes = PrototypeRetriever(embeddings, unique.given)
    most = max(config.examples, config.exemplars)
    core = core_texts(unique, prototypes, len(dataset.labels), most)
    cards = draft_cards(dataset, core, written, config)
    ours = dict(zip(dataset.labels, (texts[: config.exemplars] for texts in core), strict=True))
    chosen = {
        label: card.exemplars
        for label, card in written.items()
        if card.exemplars and card.exemplars != ours.get(label)
    }
    if model is None:
        return Described(cards, exemplars=chosen)
    described = describe_cards(cards, core, model, config, store, progress)
    return replace(described, exemplars=chosen)


def core_texts(
    unique: UniqueTexts, prototypes: PrototypeRetriever, label_count: int, count: int
) -> list[tuple[str, ...]]:
    """Return the texts nearest each label's prototype, best first: mislabelled rows lie far off.

    Args:
        unique: the distinct texts and what they were given.
        prototypes: of the given labels.
        label_count: K.
        count: texts a label, at most.
    """
    rows, labels = (np.asarray(part, dtype=np.int64) for part in unique.given.nonzero())
    near = np.nan_to_num(prototypes.score(rows, labels[:, None])[:, 0], nan=-1.0)
    order = np.lexsort((rows, -near, labels))
    core: list[list[str]] = [[] for _ in range(label_count)]
    for i in order:
        if len(core[labels[i]]) < count:
            core[labels[i]].append(unique.texts[rows[i]])
    return [tuple(texts) for texts in core]


def draft_cards(
    dataset: Dataset,
    core: Sequence[tuple[str, ...]],
    written: Mapping[str, LabelCard],
    config: DescribeConfig,
) -> tuple[LabelCard, ...]:
    """Return one card a label: the user's where there is one, else name and core texts.

    The out-of-scope label gets no exemplars of ours: what fits no label has no core. Its card as
    `describe` wrote it is ours too, so that an unedited file changes nothing.
    """
    cards = []
    for index, label in enumerate(dataset.labels):
        card = written.get(label, LabelCard(label, "", (), "name"))
        if index != dataset.oos:
            card = replace(card, exemplars=card.exemplars or core[index][: config.exemplars])
        elif not card.exemplars and card.description in {"", OOS_DESCRIPTION}:
            card = LabelCard(label, OOS_DESCRIPTION, (), "name")
        cards.append(card)
    return tuple(cards)


def describe_cards(
    cards: Sequence[LabelCard],
    core: Sequence[tuple[str, ...]],
    model: LocatedModel,
    config: DescribeConfig,
    store: Store,
    progress: Progress,
) -> Described:
    """Let an LLM describe the labels that have no description yet.

    A reply that fails the check leaves its card as it is: name and exemplars.

    Args:
        cards: from `draft_cards`.
        core: the texts nearest each label's prototype.
        model: the GGUF that writes.
        config: the prompt's size and the reply's length.
        store: remembers replies.
        progress: advances by labels.
    """
    open_cards = [i for i, card in enumerate(cards) if not card.description and core[i]]
    prompts = {i: describe_prompt(cards[i].name, core[i][: config.examples]) for i in open_cards}
    keys = {
        i: key_of(model.digest, DESCRIBE, _RULE, prompt, str(config.max_tokens))
        for i, prompt in prompts.items()
    }
    failures: Counter[str] = Counter()
    progress.start("describe labels", len(open_cards))
    replies = store.replies(list(keys.values()))
    progress.advance(sum(key in replies for key in keys.values()))
    if any(keys[i] not in replies for i in open_cards):
        engine = LlamaEngine(
            model.path,
            context_tokens=config.context_tokens,
            batch_tokens=min(512, config.context_tokens),
            gpu_layers=config.gpu_layers,
            threads=config.threads,
        )
        try:
            # Groups of all cards, not of those without a reply: whatever was interrupted, the same
            # prompts are continued together, and replies don't depend on it.
            for part in _groups(engine, open_cards, prompts, config):
                missing = [i for i in part if keys[i] not in replies]
                if not missing:
                    continue
                try:
                    texts = _write(engine, [prompts[i] for i in part], config.max_tokens)
                except DecodeError as error:
                    failures[str(error)] += len(missing)
                    found = {}  # asked again next time: a larger context may do
                else:
                    said = dict(zip(part, texts, strict=True))
                    found = {keys[i]: said[i] for i in missing}
                store.put_replies(found.items())
                # Another process may have been first: what the store holds is what stands.
                replies |= store.replies(list(found))
                progress.advance(len(missing))
        finally:
            engine.close()
    described = list(cards)
    for i in open_cards:
        description = checked_description(replies.get(keys[i], ""))
        if description is not None:
            described[i] = replace(cards[i], description=description, source="llm")
    return Described(tuple(described), _notes_on(failures))


def _notes_on(failures: Mapping[str, int]) -> tuple[str, ...]:
    if not failures:
        return ()
    count, reasons = sum(failures.values()), ", ".join(failures)
    told = note(
        "{count} {count:one=label|other=labels} got no description by the LLM: {reasons}; raise "
        "describe.context_tokens, or lower describe.examples",
        count=count,
        reasons=reasons,
    )
    return (told,)


def one_line_of_sentences(
    reply: str, piece: str | None, left: int
) -> Literal["take", "skip", "end"]:
    """Judge what may continue a description: one line that ends with a full stop.

    A line break or the model's end token ends it after a sentence, and can't be taken within one.
    Where no sentence was ended before, the last token ends it.

    Args:
        reply: the description so far.
        piece: what a token would add; None for the end, empty for control tokens.
        left: tokens that it may still have, this one with them.
    """
    if piece is None or len(f".{piece}.".splitlines()) > 1:
        return "end" if _ENDED.search(reply) else "skip"
    if not piece:
        return "skip"
    if left > 1 or _SENTENCE.search(reply) or _ENDED.search(reply + piece):
        return "take"
    return "skip"


def checked_description(reply: str) -> str | None:
    """Return a reply that can serve as a description, or None.

    It must be one paragraph of bounded length, say something, and be no refusal. A reply that was
    cut off loses its last, unfinished sentence.
    """
    text = reply.strip().strip('"').strip()
    if "\n" in text or _REFUSAL.search(text):
        return None
    if not text.endswith((".", "!", "?")):
        text = text[: max(text.rfind(mark) for mark in ".!?") + 1]
    text = " ".join(text.split())
    if "\ufffd" in text:  # half a character
        return None
    return text if _SHORTEST <= len(text) <= _LONGEST else None


def _write(engine: LlamaEngine, prompts: Sequence[str], max_tokens: int) -> list[str]:
    tokens = [_tokens(engine, prompt) for prompt in prompts]
    replies = engine.complete(tokens, max_tokens, one_line_of_sentences)
    return [f"{DESCRIBE_START}{engine.detokenize(reply)}" for reply in replies]


def _tokens(engine: LlamaEngine, prompt: str) -> list[int]:
    # No chat template: small models answer one with their own persona, and continue examples well.
    return engine.tokenize(prompt, start=True)


def _groups(
    engine: LlamaEngine,
    open_cards: Sequence[int],
    prompts: Mapping[int, str],
    config: DescribeConfig,
) -> list[Sequence[int]]:
    """Divide the context by the longest prompt and its reply, and the cards likewise."""
    longest = max(len(_tokens(engine, prompts[i])) for i in open_cards) + config.max_tokens
    engine.divide(min(config.context_tokens // longest, len(open_cards)))
    size = engine.sequences
    return [open_cards[i : i + size] for i in range(0, len(open_cards), size)]
