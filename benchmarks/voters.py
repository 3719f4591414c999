"""How good and how fast the LLM ballots are, on CLINC150.

    python benchmarks/voters.py [--models smollm2,qwen-0.5b] [--ballots channel] [--rows 600]

Each text of a seeded sample of CLINC150's validation rows is put to each model with the ten labels
that labelmend's own retrieval finds for it, most likely first; label cards show exemplars from the
training rows as in a run. Accuracy counts a text whose label retrieval has missed as wrong.
It is given for the votes as they are cast, and without the voter's liking for single labels, which
labelmend takes out of all votes; here it is learned from the same votes, not from the truth.
What was measured stays in the work folder, so that an interrupted benchmark goes on; the table goes
into benchmarks/RESULTS.md, between the markers of `voters`, but for the seeds 100 to 104 and where
--rows is given.

Four ways through llama.cpp are timed in turns, so that a busy machine slows all alike; their
ratios hold, the seconds only on a quiet one: the channel ballot, the straight way (prefix and text
of each candidate decoded anew in one sequence), plain evaluation of one prompt of as many tokens,
and the same with the log-probability of every token, as a ballot needs it.
"""

import argparse
import importlib.metadata
import platform
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from correction import TUNING_SEEDS, code_digest
from platformdirs import user_cache_path
from results_file import append_record, read_latest, write_section
from scipy.special import softmax

from labelmend.configs.load import load_config
from labelmend.configs.schema import VoterConfig, VotesConfig
from labelmend.data.duplicates import text_key
from labelmend.data.read import read_table
from labelmend.llm.ballots import BALLOTS, ChannelBallot, shown_exemplars
from labelmend.llm.engine import LlamaEngine, Span
from labelmend.llm.types import Ballot, Vote
from labelmend.parallel import usable_cores
from labelmend.prompts.render import channel_prefix
from labelmend.relabel.escalation.exemplars import with_exemplars
from labelmend.relabel.escalation.label_bias import without_label_bias
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import locate_models
from labelmend.types import NO_LABEL, Dataset

HERE = Path(__file__).resolve().parent
CLINC = HERE.parent.parent / "shared" / "data" / "clinc150"
DESCRIPTIONS = HERE.parent.parent / "shared" / "data" / "sirius" / "label_descriptions.yaml"
OOS = "oos"
CANDIDATES = 10


@dataclass(frozen=True)
class Question:
    """A ballot whose answer is known.

    Attributes:
        ballot: what is asked; candidates in the order of retrieval.
        truth: place of the right label among the candidates, or -1 where retrieval missed it.
    """

    ballot: Ballot
    truth: int


def questions(rows: int, seed: int, exemplars: int, *, described: bool = False) -> list[Question]:
    """Return questions on validation rows; neither they nor copies of them are exemplars.

    Args:
        rows: to draw.
        seed: of the draw.
        exemplars: that a ballot shows with a label, at most.
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
    config = load_config()
    models = locate_models(config, use_llm=False)
    done = relabel(dataset, config, models)
    oos, posterior, of_row = dataset.oos, done.posterior, done.unique.of_row
    settled = posterior.best()[1] >= config.routing.settled
    settled[of_row[len(train) :]] = False  # no text that is asked about is an exemplar
    cards = with_exemplars(
        *(done.cards, done.unique.texts, posterior, settled, {}, oos, exemplars),
        config.votes.surest_texts,
    )
    if described:
        told = yaml.safe_load(DESCRIPTIONS.read_text("utf-8"))
        cards = tuple(replace(c, description=str(told.get(c.label, ""))) for c in cards)
    found = []
    for row, label in enumerate(drawn["label"], start=len(train)):
        ranked = posterior.candidates[of_row[row]]
        shown = [i for i in ranked if i != oos][:CANDIDATES]
        ballot = Ballot(dataset.texts[row], tuple(cards[i] for i in shown))
        found.append(Question(ballot, shown.index(number[label]) if number[label] in shown else -1))
    return found


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
ROWS = {"channel": 600, "choice": 300}
"""A question of the choice ballot takes several times as long."""

TIMED_ROWS = 20
"""Rows that the straight way and plain evaluation are timed on: they take several times as long."""


Key = tuple[str, str, int, int, bool, int]


@dataclass(frozen=True)
class Measured:
    """What one model did with one ballot: a line of the results file.

    Attributes:
        model: its key.
        ballot: channel or choice.
        rows: asked.
        seed: of the draw of rows.
        described: whether labels had descriptions.
        exemplars: shown with a label, at most.
        cast: of them whose label scored best as the votes were cast.
        right: of them whose label scored best without the voter's liking for single labels.
        failures: rows without a vote.
        tokens: decoded for all rows, label prefixes included.
        prefixes: tokens of these that label prefixes have.
        seconds: for all rows, label prefixes included.
        ratio: seconds of the straight way by seconds of the ballot, prefixes known, in turns on the
            same rows; None for the choice ballot.
        share: tokens a second of the ballot by those of plain prompt evaluation, likewise.
        scored: the same, where plain evaluation tells the log-probability of every token.
        code: digest of labelmend's sources.
    """

    model: str
    ballot: str
    rows: int
    seed: int
    described: bool
    exemplars: int
    cast: int
    right: int
    failures: int
    tokens: int
    prefixes: int
    seconds: float
    ratio: float | None
    share: float | None
    scored: float | None
    code: str

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.model, self.ballot, self.rows, self.seed, self.described, self.exemplars

    @property
    def accuracy(self) -> float:
        """In per cent."""
        return 100 * self.right / self.rows


def open_engine(path: Path, config: VoterConfig) -> LlamaEngine:
    """Load a model as a voter does."""
    return LlamaEngine(
        path,
        context_tokens=config.context_tokens,
        batch_tokens=config.batch_tokens,
        gpu_layers=config.gpu_layers,
        threads=config.threads,
    )


def measure(
    model: Model,
    path: Path,
    asked: Sequence[Question],
    config: VoterConfig,
    seed: int,
    *,
    described: bool,
) -> Measured:
    """Put the questions to one model."""
    engine = open_engine(path, config)
    other: LlamaEngine | None = None
    try:
        ballot = BALLOTS[config.ballot](engine, config)
        began = time.perf_counter()
        votes = ballot.vote([question.ballot for question in asked])
        seconds, tokens = time.perf_counter() - began, engine.decoded_tokens
        ratio, share, scored, prefixes = None, None, None, 0
        if isinstance(ballot, ChannelBallot):
            other = LlamaEngine(path, context_tokens=512, batch_tokens=512, gpu_layers=0)
            ratio, share, scored = _timed(ballot, engine, other, asked[-TIMED_ROWS:], config)
            prefixes = tokens - _own_tokens(engine, asked)
        cast, right = count_right(asked, votes)
        return Measured(
            model=model.key,
            ballot=config.ballot,
            rows=len(asked),
            seed=seed,
            described=described,
            exemplars=config.exemplars,
            cast=cast,
            right=right,
            failures=sum(vote.scores is None for vote in votes),
            tokens=tokens,
            prefixes=prefixes,
            seconds=seconds,
            ratio=ratio,
            share=share,
            scored=scored,
            code=code_digest(),
        )
    finally:
        engine.close()
        if other is not None:
            other.close()


def count_right(asked: Sequence[Question], votes: Sequence[Vote]) -> tuple[int, int]:
    """Return how many votes are for the right label, as cast and without liking of labels."""
    heard = [(q, v.scores) for q, v in zip(asked, votes, strict=True) if v.scores is not None]
    truth = np.array([question.truth for question, _ in heard])
    scores = np.array([scores for _, scores in heard], dtype=np.float32)
    names = [[card.label for card in question.ballot.candidates] for question, _ in heard]
    known, place = np.unique(names, return_inverse=True)
    labels = place.reshape(scores.shape)
    everybody = np.ones(len(heard))
    unbiased = VotesConfig().unbiased_texts
    fair = without_label_bias(
        scores, labels, softmax(scores, axis=1), everybody, len(known), unbiased
    )
    cast, right = (int((found.argmax(axis=1) == truth).sum()) for found in (scores, fair))
    return cast, right


def _timed(
    ballot: ChannelBallot,
    engine: LlamaEngine,
    other: LlamaEngine,
    asked: Sequence[Question],
    config: VoterConfig,
) -> tuple[float, float, float]:
    """Time four ways in turns, row by row.

    Args:
        ballot: to measure; it knows the prefixes of most of these rows.
        engine: the ballot's.
        other: of the same model, with one sequence of 512 tokens.
        asked: the rows.
        config: the ballot's.

    Returns:
        seconds of the straight way by the ballot's; the ballot's tokens a second by the plain
        way's, and by those of the plain way with every token scored.
    """
    ballot.vote([question.ballot for question in asked])
    filler = [t for question in asked for t in other.tokenize(question.ballot.text)] * 100
    spent: dict[str, float] = defaultdict(float)
    for question in asked:
        before = engine.decoded_tokens
        with _timed_as("ours", spent):
            ballot.vote([question.ballot])
        tokens = engine.decoded_tokens - before
        span = Span(0, 0, filler[:tokens])
        with _timed_as("plain", spent):
            other.clear()
            other.following([span], np.array([0]))
        with _timed_as("scored", spent):
            other.clear()
            other.score([span], [filler[1 : tokens + 1]])
        text = other.tokenize(f" {question.ballot.text}")
        with _timed_as("straight", spent):
            for card in question.ballot.candidates:
                shown = shown_exemplars(card, question.ballot.text, config.exemplars)
                prefix = other.tokenize(channel_prefix(card, shown), start=True)
                unasked = [-1] * (len(prefix) - 1)
                other.clear()
                other.score([Span(0, 0, [*prefix, *text[:-1]])], [[*unasked, *text]])
    ours = spent["ours"]
    return spent["straight"] / ours, spent["plain"] / ours, spent["scored"] / ours


@contextmanager
def _timed_as(name: str, spent: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] += time.perf_counter() - began


def _own_tokens(engine: LlamaEngine, asked: Sequence[Question]) -> int:
    """Return how many tokens the channel ballot decodes for the texts themselves.

    They follow each candidate's prefix; the first is read off the prefix, and nothing follows the
    last.
    """
    sizes = (len(engine.tokenize(f" {' '.join(q.ballot.text.split())}")) for q in asked)
    return sum((size - 1) * len(q.ballot.candidates) for size, q in zip(sizes, asked, strict=True))


def setting(codes: Iterable[str]) -> str:
    """Return a line on the machine, the packages and labelmend's sources."""
    return (
        f"Python {platform.python_version()}, llama-cpp-python "
        f"{importlib.metadata.version('llama-cpp-python')}, {usable_cores()} cores; labelmend's "
        f"sources {', '.join(sorted(set(codes)))}."
    )


def report(lines: Sequence[Measured], command: str) -> str:
    """Return the Markdown part of RESULTS.md."""
    names = {model.key: model for model in MODELS}
    told = {line.described: "with the reference's descriptions (GPT-4o's)" for line in lines}
    told |= {False: "no descriptions"} if False in told else {}
    seeds = ", ".join(map(str, sorted({line.seed for line in lines})))
    rows = [
        "## LLM ballots among ten candidates",
        "",
        f"`{command}`: CLINC150's validation rows, candidates from labelmend's own retrieval on "
        f"the training rows, {', '.join(told.values())}, seed {seeds}. Right: without the voter's "
        "liking for single labels, learned from these votes alone, as labelmend does before it "
        "weighs them. A choice ballot shows its options in one order (the quality profile: in "
        "three). Tokens a row: decoded for all rows by their number, the label prefixes "
        "with them, each decoded once; text: without these. Seconds have them in. "
        "Straight: seconds of decoding prefix and text of each candidate anew, by the ballot's; "
        "plain: the ballot's tokens/s by those of evaluating one prompt of as many tokens, of "
        "which only the last one's successor is scored; scored: by those of the same where every "
        "token is, as in a ballot; all in turns with the ballot on "
        f"{TIMED_ROWS} rows whose prefixes are known. Lines of different sources were measured on "
        "different days and perhaps machines: ratios within a line hold, seconds of two lines "
        "need not.",
        setting(line.code for line in lines),
        "",
        "| model | ballot | rows | exemplars | as cast | right | goal | failed | tokens a row "
        "| text | seconds a row | tokens/s | straight | plain | scored |",
        "|---" * 15 + "|",
    ]
    for line in lines:
        model = names[line.model]
        goal = f"{model.goal:.0f} %" if line.ballot == "channel" and model.goal else ""
        text = f"{(line.tokens - line.prefixes) / line.rows:.0f}" if line.prefixes else ""
        ratio = "" if line.ratio is None else f"{line.ratio:.1f} x"
        plain, scored = (
            "" if share is None else f"{100 * share:.0f} %" for share in (line.share, line.scored)
        )
        rows.append(
            f"| {model.name} | {line.ballot} | {line.rows} | {line.exemplars} "
            f"| {100 * line.cast / line.rows:.1f} % | {line.accuracy:.1f} % | {goal} "
            f"| {line.failures} | {line.tokens / line.rows:.0f} | {text} "
            f"| {line.seconds / line.rows:.2f} | {line.tokens / line.seconds:.0f} "
            f"| {ratio} | {plain} | {scored} |"
        )
    return "\n".join(rows)


def read_lines(path: Path) -> dict[Key, Measured]:
    """Read the results; of two alike the later one counts."""
    return read_latest(path, Measured)


def configured(ballot: Literal["channel", "choice"], exemplars: int | None) -> VoterConfig:
    """Return the settings of the profile that is made for such a ballot, for ten candidates.

    Options are shown in one order: three, as in the profile, take three times as long.
    """
    known = load_config("embedded" if ballot == "channel" else "quality").voters[0]
    ours = load_config().voters[0]
    return replace(
        known,
        candidates=CANDIDATES,
        exemplars=known.exemplars if exemplars is None else exemplars,
        permutations=1,
        context_tokens=8192,
        batch_tokens=ours.batch_tokens,
        gpu_layers=ours.gpu_layers,
    )


def add_places(parser: argparse.ArgumentParser, name: str) -> None:
    """Let a benchmark of voters be told where models are and where its results stay."""
    parser.add_argument("--folder", type=Path, default=HERE.parent.parent / "models")
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / name)
    parser.add_argument(
        "--report-only", action="store_true", help="run nothing; publish what the work folder holds"
    )


def command(script: str, arguments: Sequence[str]) -> str:
    """Return the command that measures what is published."""
    typed = [argument for argument in arguments if argument != "--report-only"]
    return shlex.join(["python", f"benchmarks/{script}", *typed])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(model.key for model in MODELS))
    parser.add_argument("--ballots", default=",".join(BALLOT_KINDS))
    parser.add_argument("--rows", type=int, help="600 by the channel, 300 by choice if left out")
    parser.add_argument("--seed", type=int, default=0, help="100 serves to choose prompts")
    parser.add_argument("--exemplars", type=int, help="shown a label; the profile's if left out")
    parser.add_argument(
        "--described", action="store_true", help="with the reference's descriptions"
    )
    add_places(parser, "voters")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results, code = options.work / "results.jsonl", code_digest()
    wanted = [
        (model, kind)
        for kind in BALLOT_KINDS
        for model in MODELS
        if model.key in options.models.split(",") and kind in options.ballots.split(",")
    ]
    rows = {kind: options.rows or ROWS[kind] for kind in BALLOT_KINDS}
    settings = {kind: configured(kind, options.exemplars) for kind in BALLOT_KINDS}
    keys = [
        (m.key, k, rows[k], options.seed, options.described, settings[k].exemplars)
        for m, k in wanted
    ]
    drawn: dict[str, list[Question]] = {}
    for key, (model, kind) in zip(keys, wanted, strict=True):
        done = read_lines(results).get(key)
        if options.report_only or (done is not None and done.code == code):
            continue
        config = settings[kind]
        if kind not in drawn:
            drawn[kind] = questions(
                rows[kind], options.seed, config.exemplars, described=options.described
            )
            found = [q.truth for q in drawn[kind]]
            print(
                f"retrieval alone: {100 * np.mean([place == 0 for place in found]):.1f} % at 1, "
                f"{100 * np.mean([place >= 0 for place in found]):.1f} % at {CANDIDATES}",
                flush=True,
            )
        line = measure(
            model,
            options.folder / model.file,
            drawn[kind],
            config,
            options.seed,
            described=options.described,
        )
        append_record(results, asdict(line))
        print(line, flush=True)
    known = read_lines(results)
    text = report([known[key] for key in keys if key in known], command("voters.py", sys.argv[1:]))
    print(text)
    if options.rows is None and options.seed not in TUNING_SEEDS:
        write_section(HERE / "RESULTS.md", "voters", text)


if __name__ == "__main__":
    main()
