"""Which prefix the channel ballot should put in front of a text, on CLINC150.

    python benchmarks/prefixes.py [--models smollm2,qwen-0.5b] [--forms yaml,headed] [--seed 100]

Each form is measured with each model on the same questions, those of benchmarks/voters.py: which
form labelmend uses is chosen on the seeds 100 to 104, and voters.py reports on others. What was
measured stays in the work folder, so that an interrupted benchmark goes on; the table goes into
benchmarks/RESULTS.md, between the markers of `prefixes`, unless --rows is given.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from correction import code_digest
from results_file import append_record, read_latest, write_section
from voters import (
    CANDIDATES,
    MODELS,
    Model,
    Question,
    add_places,
    command,
    configured,
    count_right,
    open_engine,
    questions,
    setting,
)

from labelmend.llm import ballots
from labelmend.prompts.render import channel_prefix, one_line
from labelmend.types import LabelCard

HERE = Path(__file__).resolve().parent
ROWS = 300
MODEL_KEYS = ("smollm2", "gemma-270m", "qwen-0.5b")

Write = Callable[[LabelCard, Sequence[str]], str]


def headed(card: LabelCard, exemplars: Sequence[str]) -> str:
    """Return the prefix as lines with headings: labelmend's own before channel.v4."""
    meaning = f"Meaning: {card.description}\n" if card.description else ""
    return f"Intent: {card.name}\n{meaning}Messages:\n{_listed(exemplars)}-"


def flat(card: LabelCard, exemplars: Sequence[str]) -> str:
    """Return the prefix as YAML without indentation."""
    meaning = f"description: {card.description}\n" if card.description else ""
    return f"intent: {card.label}\n{meaning}examples:\n{_listed(exemplars)}-"


def _listed(exemplars: Sequence[str]) -> str:
    return "".join(f"- {one_line(exemplar)}\n" for exemplar in exemplars)


def undescribed(card: LabelCard, exemplars: Sequence[str]) -> str:
    """Return labelmend's prefix without the description."""
    return channel_prefix(replace(card, description=""), exemplars)


@dataclass(frozen=True)
class Form:
    """A way to write a prefix.

    Attributes:
        key: names it on the command line.
        title: names it in the table.
        write: makes the prefix of a label's card and the exemplars that are shown.
        exemplars: shown with a label, at most.
    """

    key: str
    title: str
    write: Write
    exemplars: int


FORMS = (
    Form("yaml", "YAML (labelmend's)", channel_prefix, 8),
    Form("yaml-2", "YAML, 2 exemplars", channel_prefix, 2),
    Form("yaml-4", "YAML, 4 exemplars", channel_prefix, 4),
    Form("yaml-bare", "YAML, no description", undescribed, 8),
    Form("flat", "YAML, not indented", flat, 8),
    Form("headed", "lines with headings", headed, 8),
)


@dataclass(frozen=True)
class Measured:
    """What one model did with one form: a line of the results file.

    Attributes:
        form: its key.
        model: its key.
        rows: asked.
        seed: of the draw of rows.
        cast: of them whose label scored best as the votes were cast.
        right: of them whose label scored best without the voter's liking for single labels.
        nats: mean log-probability of the right label among the candidates, where it is one.
        tokens: decoded for all rows, label prefixes included.
        seconds: for all rows.
        code: digest of labelmend's sources.
    """

    form: str
    model: str
    rows: int
    seed: int
    cast: int
    right: int
    nats: float
    tokens: int
    seconds: float
    code: str

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is of."""
        return self.form, self.model, self.rows, self.seed


def measure(form: Form, model: Model, path: Path, asked: Sequence[Question], seed: int) -> Measured:
    """Put the questions to one model."""
    config = configured("channel", form.exemplars)
    engine = open_engine(path, config)
    try:
        began = time.perf_counter()
        with patch.object(ballots, "channel_prefix", form.write):
            votes = ballots.ChannelBallot(engine, config).vote([q.ballot for q in asked])
        seconds = time.perf_counter() - began
        cast, right = count_right(asked, votes)
        scores = [
            vote.scores[question.truth]
            for question, vote in zip(asked, votes, strict=True)
            if vote.scores is not None and question.truth >= 0
        ]
        return Measured(
            form=form.key,
            model=model.key,
            rows=len(asked),
            seed=seed,
            cast=cast,
            right=right,
            nats=float(np.mean(scores)),
            tokens=engine.decoded_tokens,
            seconds=seconds,
            code=code_digest(),
        )
    finally:
        engine.close()


def read_lines(path: Path) -> dict[tuple[str, str, int, int], Measured]:
    """Read the results; of two alike the later one counts."""
    return read_latest(path, Measured)


def report(lines: Sequence[Measured], command: str) -> str:
    """Return the Markdown part of RESULTS.md."""
    titles = {form.key: form.title for form in FORMS}
    names = {model.key: model.name for model in MODELS}
    seeds = ", ".join(map(str, sorted({line.seed for line in lines})))
    rows = [
        "## Prefixes of the channel ballot",
        "",
        f"`{command}`: as the table of LLM ballots, on seed {seeds}, "
        f"{', '.join(map(str, sorted({line.rows for line in lines})))} rows, {CANDIDATES} "
        "candidates, with the reference's descriptions (GPT-4o's). The form was chosen by such "
        "tables. Nats: mean log-probability of the right label among the candidates. Tokens a row "
        "have the label prefixes in them, each decoded once.",
        setting(line.code for line in lines),
        "",
        "| model | prefix | as cast | right | nats | tokens a row |",
        "|---" * 6 + "|",
    ]
    rows += [
        f"| {names[line.model]} | {titles[line.form]} | {100 * line.cast / line.rows:.1f} % "
        f"| {100 * line.right / line.rows:.1f} % | {line.nats:.3f} "
        f"| {line.tokens / line.rows:.0f} |"
        for line in lines
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODEL_KEYS))
    parser.add_argument("--forms", default=",".join(form.key for form in FORMS))
    parser.add_argument("--rows", type=int, help=f"{ROWS} if left out")
    parser.add_argument("--seed", type=int, default=100)
    add_places(parser, "prefixes")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results, code = options.work / "results.jsonl", code_digest()
    models = [model for model in MODELS if model.key in options.models.split(",")]
    forms = [form for form in FORMS if form.key in options.forms.split(",")]
    rows = options.rows or ROWS
    drawn: dict[int, list[Question]] = {}
    for model in models:
        for form in forms:
            done = read_lines(results).get((form.key, model.key, rows, options.seed))
            if options.report_only or (done is not None and done.code == code):
                continue
            if form.exemplars not in drawn:
                drawn[form.exemplars] = questions(
                    rows, options.seed, form.exemplars, described=True
                )
            line = measure(
                form, model, options.folder / model.file, drawn[form.exemplars], options.seed
            )
            append_record(results, asdict(line))
            print(line, flush=True)
    known = read_lines(results)
    keys = [(form.key, model.key, rows, options.seed) for model in models for form in forms]
    text = report(
        [known[key] for key in keys if key in known], command("prefixes.py", sys.argv[1:])
    )
    print(text)
    if options.rows is None:
        write_section(HERE / "RESULTS.md", "prefixes", text)


if __name__ == "__main__":
    main()
