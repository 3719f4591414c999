"""How good and how fast the LLM ballots are, on CLINC150.

    python benchmarks/voters.py [--models smollm2,qwen-0.5b] [--ballots channel] [--rows 300]

Each text of a seeded sample of CLINC150's validation rows is put to each model with the ten labels
that labelmend's own retrieval finds for it, most likely first; label cards carry the core texts of
the training rows, no description. Accuracy counts a text whose label retrieval has missed as wrong.
It is given for the votes as they are cast, and without the voter's liking for single labels, which
labelmend takes out of all votes; here it is learned from the same votes, not from the truth.

Three ways through llama.cpp are timed in turns, so that a busy machine slows all alike; their
ratios hold, the seconds only on a quiet one: the channel ballot, the straight way (prefix and text
of each candidate decoded anew in one sequence), and plain prompt evaluation of as many tokens.
"""

import argparse
import importlib.metadata
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from results_file import write_section
from scipy.special import softmax

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config, VoterConfig
from labelmend.data.duplicates import text_key, unique_texts
from labelmend.data.read import read_table
from labelmend.prompts.render import channel_prefix
from labelmend.protocols import NoProgress
from labelmend.relabel.ballots import BALLOTS, ChannelBallot, shown_exemplars
from labelmend.relabel.describe import core_texts, draft_cards
from labelmend.relabel.label_bias import without_label_bias
from labelmend.relabel.llama import LlamaEngine, Span
from labelmend.relabel.models import locate_models
from labelmend.relabel.sources import given_shares
from labelmend.retrieval.bm25 import Bm25Retriever
from labelmend.retrieval.candidates import find_candidates
from labelmend.retrieval.dense import DescriptionRetriever, PrototypeRetriever
from labelmend.retrieval.encode import usable_cores
from labelmend.retrieval.neighbours import NeighbourRetriever, find_neighbours
from labelmend.retrieval.passages import label_passages
from labelmend.retrieval.space import open_space
from labelmend.types import NO_LABEL, Ballot, Dataset, LabelCard, Vote

HERE = Path(__file__).resolve().parent
CLINC = HERE.parent.parent / "shared" / "data" / "clinc150"
DESCRIPTIONS = HERE.parent.parent / "shared" / "data" / "sirius" / "label_descriptions.yaml"
OOS = "oos"
CANDIDATES = 10
EXEMPLARS = 8
"""Core texts kept with a label; a ballot shows as many of them as its configuration says."""


@dataclass(frozen=True)
class Question:
    """A ballot whose answer is known.

    Attributes:
        ballot: what is asked; candidates in the order of retrieval.
        truth: place of the right label among the candidates, or -1 where retrieval missed it.
    """

    ballot: Ballot
    truth: int


def questions(rows: int, seed: int, *, described: bool = False) -> list[Question]:
    """Return questions on validation rows; neither they nor copies of them are exemplars.

    Args:
        rows: to draw.
        seed: of the draw.
        described: labels carry the descriptions of the reference's set on the ballots.
    """
    train, held_out = (read_table(CLINC / f"{part}.csv").frame for part in ("train", "validation"))
    in_scope = held_out[held_out["label"] != OOS]
    known = {text_key(text) for text in train["text"]}
    fresh = in_scope[[text_key(text) not in known for text in in_scope["text"]]]
    drawn = fresh.sample(rows, random_state=seed)
    labels = sorted(set(train["label"]))
    number = {label: i for i, label in enumerate(labels)}
    dataset = Dataset(
        ids=tuple(map(str, range(len(train) + rows))),
        texts=(*train["text"], *drawn["text"]),
        given=np.array([number[label] for label in train["label"]] + [NO_LABEL] * rows),
        labels=tuple(labels),
        oos=number[OOS],
    )
    cards, ranked, of_row = _retrieve(dataset)
    if described:
        told = yaml.safe_load(DESCRIPTIONS.read_text("utf-8"))
        cards = tuple(replace(c, description=str(told.get(c.label, ""))) for c in cards)
    found = []
    for row, label in enumerate(drawn["label"], start=len(train)):
        shown = [i for i in ranked[of_row[row]] if i != dataset.oos][:CANDIDATES]
        ballot = Ballot(dataset.texts[row], tuple(cards[i] for i in shown))
        found.append(Question(ballot, shown.index(number[label]) if number[label] in shown else -1))
    return found


def _retrieve(dataset: Dataset) -> tuple[tuple[LabelCard, ...], np.ndarray, np.ndarray]:
    """Return the label cards, the candidates [u, c] best first, and the text of each row."""
    config = _config()
    models = locate_models(config, use_llm=False)
    unique = unique_texts(dataset)
    space = open_space(config.encoders, models.encoders)
    embeddings = space.fit(unique.texts, NoProgress())
    retrieval = config.retrieval
    neighbours = find_neighbours(embeddings, retrieval.neighbours, retrieval.block_rows)
    shares = given_shares(unique.given)
    prototype = PrototypeRetriever(embeddings, shares)
    core = core_texts(unique, prototype, len(dataset.labels), EXEMPLARS)
    cards = draft_cards(dataset, core, {}, config.describe)
    passages = label_passages(cards, unique.texts, dataset.oos)
    description = DescriptionRetriever(embeddings, passages, space.passages(passages.passages))
    weights = retrieval.weights
    candidates = find_candidates(
        [
            (Bm25Retriever(unique.texts, passages, len(cards)), weights.bm25),
            (description, weights.description),
            (prototype, weights.prototype),
            (
                NeighbourRetriever(neighbours, shares, retrieval.neighbour_sharpness),
                weights.neighbour,
            ),
        ],
        unique.given,
        dataset.oos,
        retrieval,
        config.seed,
        NoProgress(),
    )
    return cards, candidates.kept, unique.of_row


def _config() -> Config:
    config = load_config()
    return replace(
        config,
        # Out-of-scope is always a candidate, and leaves again.
        retrieval=replace(config.retrieval, candidates=CANDIDATES + 1, tail_samples=1),
        describe=replace(config.describe, exemplars=EXEMPLARS),
    )


# What is measured.


@dataclass(frozen=True)
class Model:
    """One GGUF.

    Attributes:
        key: names it on the command line.
        name: names it in the table.
        file: in the folder of models that `--folder` names; see shared/models/fetch.py.
        goal: least channel accuracy, in per cent; None where none was set.
    """

    key: str
    name: str
    file: str
    goal: float | None


MODELS = (
    Model("smollm2", "SmolLM2-135M-Instruct Q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf", 75),
    Model("gemma-270m", "gemma-3-270m Q4_K_M (base)", "gemma-3-270m-q4_k_m.gguf", None),
    Model(
        "qwen-0.5b",
        "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        85,
    ),
    Model(
        "qwen-1.5b",
        "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        88,
    ),
)
BALLOT_KINDS: tuple[Literal["channel", "choice"], ...] = ("channel", "choice")
TIMED_ROWS = 20
"""Rows that the straight way and plain evaluation are timed on: they take several times as long."""


@dataclass(frozen=True)
class Measured:
    """What one model did with one ballot.

    Attributes:
        model: its key.
        ballot: channel or choice.
        rows: asked.
        cast: of them whose label scored best as the votes were cast.
        right: of them whose label scored best without the voter's liking for single labels.
        failures: rows without a vote.
        tokens: decoded for all rows, label prefixes included.
        seconds: for all rows, label prefixes included.
    """

    model: str
    ballot: str
    rows: int
    cast: int
    right: int
    failures: int
    tokens: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """In per cent."""
        return 100 * self.right / self.rows


@dataclass(frozen=True)
class Timed:
    """The channel ballot beside two other ways through llama.cpp, in turns on the same rows.

    Attributes:
        ratio: seconds of the straight way by seconds of the ballot, prefixes known.
        share: tokens a second of the ballot by those of plain prompt evaluation.
    """

    ratio: float
    share: float


def measure(
    model: Model, path: Path, asked: Sequence[Question], config: VoterConfig
) -> tuple[Measured, Timed | None]:
    """Put the questions to one model."""
    engine = LlamaEngine(
        path,
        context_tokens=config.context_tokens,
        batch_tokens=config.batch_tokens,
        gpu_layers=config.gpu_layers,
        threads=config.threads,
    )
    try:
        ballot = BALLOTS[config.ballot](engine, config)
        began = time.perf_counter()
        votes = ballot.vote([question.ballot for question in asked])
        seconds, tokens = time.perf_counter() - began, engine.decoded_tokens
        cast, right = count_right(asked, votes)
        failures = sum(vote.scores is None for vote in votes)
        measured = Measured(
            model.key, config.ballot, len(asked), cast, right, failures, tokens, seconds
        )
        if not isinstance(ballot, ChannelBallot):
            return measured, None
        other = LlamaEngine(path, context_tokens=512, batch_tokens=512, gpu_layers=0)
        try:
            return measured, _timed(ballot, engine, other, asked[-TIMED_ROWS:], config)
        finally:
            other.close()
    finally:
        engine.close()


def count_right(asked: Sequence[Question], votes: Sequence[Vote]) -> tuple[int, int]:
    """Return how many votes are for the right label, as cast and without liking of labels."""
    heard = [(q, v.scores) for q, v in zip(asked, votes, strict=True) if v.scores is not None]
    truth = np.array([question.truth for question, _ in heard])
    scores = np.array([scores for _, scores in heard], dtype=np.float32)
    names = [[card.label for card in question.ballot.candidates] for question, _ in heard]
    known, place = np.unique(names, return_inverse=True)
    labels = place.reshape(scores.shape)
    everybody = np.ones(len(heard), dtype=bool)
    fair = without_label_bias(scores, labels, softmax(scores, axis=1), everybody, len(known))
    cast, right = (int((found.argmax(axis=1) == truth).sum()) for found in (scores, fair))
    return cast, right


def _timed(
    ballot: ChannelBallot,
    engine: LlamaEngine,
    other: LlamaEngine,
    asked: Sequence[Question],
    config: VoterConfig,
) -> Timed:
    """Time three ways in turns, row by row.

    Args:
        ballot: to measure; it knows the prefixes of most of these rows.
        engine: the ballot's.
        other: of the same model, with one sequence of 512 tokens.
        asked: the rows.
        config: the ballot's.
    """
    ballot.vote([question.ballot for question in asked])
    ours = straight = plain = 0.0
    count = 0
    filler = [t for question in asked for t in other.tokenize(question.ballot.text)] * 100
    for question in asked:
        before, began = engine.decoded_tokens, time.perf_counter()
        ballot.vote([question.ballot])
        ours += time.perf_counter() - began
        tokens = engine.decoded_tokens - before
        count += tokens

        began = time.perf_counter()
        other.clear()
        other.following([Span(0, 0, filler[:tokens])], np.array([0]))
        plain += time.perf_counter() - began

        text = other.tokenize(f" {question.ballot.text}")
        began = time.perf_counter()
        for card in question.ballot.candidates:
            shown = shown_exemplars(card, question.ballot.text, config.exemplars)
            prefix = other.tokenize(channel_prefix(card, shown), start=True)
            whole = [*prefix, *text]
            other.clear()
            unasked = [-1] * (len(prefix) - 1)
            other.score([Span(0, 0, whole[:-1])], [[*unasked, *text]])
        straight += time.perf_counter() - began
    return Timed(straight / ours, plain / ours)


def report(
    found: Sequence[tuple[Measured, Timed | None]], command: str, seed: int, *, described: bool
) -> str:
    """Return the Markdown part of RESULTS.md."""
    told = "with the reference's descriptions (GPT-4o's)" if described else "no descriptions"
    names = {model.key: model for model in MODELS}
    lines = [
        "## LLM ballots among ten candidates",
        "",
        f"`{command}`: CLINC150's validation rows, candidates from labelmend's own retrieval on "
        f"the training rows, {told}, seed {seed}. Tokens and seconds a row have the label "
        "prefixes in them, each decoded once. Right: without the voter's liking for single "
        "labels, learned from these votes alone, as labelmend does before it weighs them. "
        "Straight: seconds of decoding prefix and text of each candidate anew, by the ballot's; "
        "plain: the ballot's tokens/s by those of evaluating one prompt of as many tokens; both in "
        "turns with the ballot on "
        f"{TIMED_ROWS} rows whose prefixes are known.",
        f"Python {platform.python_version()}, llama-cpp-python "
        f"{importlib.metadata.version('llama-cpp-python')}, {usable_cores()} cores.",
        "",
        "| model | ballot | rows | as cast | right | goal | tokens a row | seconds a row "
        "| tokens/s | straight | plain |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for done, timed in found:
        model = names[done.model]
        goal = f"{model.goal:.0f} %" if done.ballot == "channel" and model.goal else ""
        ratios = f"{timed.ratio:.1f} x | {100 * timed.share:.0f} %" if timed else " | "
        lines.append(
            f"| {model.name} | {done.ballot} | {done.rows} | {100 * done.cast / done.rows:.1f} % "
            f"| {done.accuracy:.1f} % | {goal} "
            f"| {done.tokens / done.rows:.0f} | {done.seconds / done.rows:.2f} "
            f"| {done.tokens / done.seconds:.0f} | {ratios} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(model.key for model in MODELS))
    parser.add_argument("--ballots", default=",".join(BALLOT_KINDS))
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="100 serves to choose prompts")
    parser.add_argument("--exemplars", type=int, help="shown a label; the profile's if left out")
    parser.add_argument(
        "--described", action="store_true", help="with the reference's descriptions"
    )
    parser.add_argument("--folder", type=Path, default=HERE.parent.parent / "models")
    parser.add_argument("--publish", action="store_true", help="write RESULTS.md")
    options = parser.parse_args()
    asked = questions(options.rows, options.seed, described=options.described)
    print(
        f"retrieval alone: {100 * np.mean([q.truth == 0 for q in asked]):.1f} % at 1, "
        f"{100 * np.mean([q.truth >= 0 for q in asked]):.1f} % at {CANDIDATES}",
        flush=True,
    )
    found = []
    for model in MODELS:
        for kind in BALLOT_KINDS:
            if model.key in options.models.split(",") and kind in options.ballots.split(","):
                base = load_config().voters[0]
                shown = base.exemplars if options.exemplars is None else options.exemplars
                config = replace(
                    base,
                    ballot=kind,
                    candidates=CANDIDATES,
                    exemplars=shown,
                    context_tokens=8192,
                )
                found.append(measure(model, options.folder / model.file, asked, config))
                print(*found[-1], flush=True)
    if options.publish:
        command = shlex.join(["python", "benchmarks/voters.py", *sys.argv[1:]])
        write_section(
            HERE / "RESULTS.md",
            "voters",
            report(found, command, options.seed, described=options.described),
        )


if __name__ == "__main__":
    main()
