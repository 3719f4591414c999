"""Prints plans and outcomes."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from labelmend.cli.terminal import harmless, open_console
from labelmend.llm.types import VoterReport
from labelmend.relabel.diagnostics.label_set import Diagnoses, diagnose
from labelmend.relabel.labelmodel.types import Decision
from labelmend.relabel.noise_interval import interval_in_words
from labelmend.relabel.result import SelfTest
from labelmend.relabel.run_models import RunModels
from labelmend.runs.findings import confused_pairs, estimated_noise
from labelmend.runs.parts import AnswersRecord
from labelmend.types import Share
from labelmend.workflows.demo import Score
from labelmend.workflows.plan import Plan
from labelmend.workflows.relabel import RelabelOutcome

_WORDS: dict[Decision, str] = {
    "keep": "kept",
    "change": "changed",
    "review": "for review",
    "label": "labelled from scratch",
    "answered": "settled by people",
}
_PAIRS = 5
"""Pairs of labels that are shown."""

_LINES = 3
"""Of advice of one kind."""

_EXAMPLE_CHARS = 60
"""Of a text that are shown."""

_KIB = 1024
"""Each unit of size is so many of the one before."""


def size_in_words(size: float) -> str:
    """Return a size in bytes as a person reads it."""
    for unit in ("B", "KiB", "MiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}"
        size /= _KIB
    return f"{size:.1f} GiB"


def time_in_words(seconds: float) -> str:
    """Return a duration as a person reads it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def print_plan(plan: Plan, models: RunModels, notes: tuple[str, ...]) -> None:
    """Print what a run would do and cost."""
    console = open_console()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("read", Text(harmless(plan.read)))
    table.add_row("rows", f"{plan.rows:,} ({plan.texts:,} distinct texts)")
    table.add_row("labels", f"{plan.labels:,}")
    if plan.unlabelled:
        table.add_row("without label", f"{plan.unlabelled:,}")
    if plan.answered:
        table.add_row("answered by people", f"{plan.answered:,} texts")
    table.add_row("in doubt", f"about {plan.doubtful:,} texts, from a sample")
    if models.voters:
        share = f"{plan.voted / plan.texts:.0%} of all"
        table.add_row("reach the voters", f"about {plan.voted:,} texts, {share}")
    for role, model in models.all().items():
        words = f"{model.name}, {size_in_words(model.size_bytes)}, {model.source}"
        table.add_row(Text(role), Text(words))
    table.add_row("evidence", ", ".join(f"{n} ({phase})" for n, phase in plan.sources.items()))
    memory = f"about {size_in_words(plan.memory_bytes)}"
    table.add_row("memory", f"{memory} of {size_in_words(plan.available_bytes)} free")
    for stage, seconds in plan.seconds.items():
        table.add_row(Text(f"time: {stage}"), time_in_words(seconds))
    for voter, tokens in plan.tokens.items():
        table.add_row(Text(f"tokens: {voter}"), f"about {tokens:,}")
    table.add_row("time in all", f"about {time_in_words(sum(plan.seconds.values()))}")
    console.print(table, highlight=False)
    _print_notes(console, notes)
    console.print("Nothing was written: this was a dry run.")


def print_summary(outcome: RelabelOutcome, *, verbose: bool) -> None:
    """Print what was done, what was learned, and where the files are."""
    console, result = open_console(), outcome.result
    counts = Counter(result.decisions.actions)
    total = len(result.dataset)
    table = Table(title="Rows", title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for action, words in _WORDS.items():
        if counts[action] or action not in {"label", "answered"}:
            table.add_row(words, f"{counts[action]:,}", f"{counts[action] / total:.1%}")
    console.print(table, highlight=False)
    console.print(Text(harmless(f"Read: {outcome.columns.in_words}.")), soft_wrap=True)
    harm = result.decisions.expected_harm
    console.print(
        f"Estimated noise rate {estimated_noise(result):.1%}; "
        f"good labels broken, expected: {harm:.1f} of {result.decisions.expected_good:,.0f}",
        highlight=False,
    )
    if result.interval is not None:
        console.print(Text(f"{interval_in_words(result.interval)}."), soft_wrap=True)
    answers = AnswersRecord.of(result)
    if answers is not None:
        console.print(Text(harmless(f"{answers.in_words}.")), soft_wrap=True)
    test = result.self_test
    if test is not None:
        _print_self_test(console, test)
    pairs = [pair for pair in confused_pairs(result, _PAIRS) if pair.rows >= 1]
    if pairs:
        table = Table(title="Most confused labels", title_justify="left", box=None, pad_edge=False)
        table.add_column("seems to be")
        table.add_column("was given")
        table.add_column("rows, about", justify="right")
        for pair in pairs:
            table.add_row(Text(harmless(pair.true)), Text(harmless(pair.given)), f"{pair.rows:.0f}")
        console.print(table, highlight=False)
    for line in _advice(diagnose(result, outcome.config.diagnostics)):
        console.print(Text(harmless(line)), soft_wrap=True)
    for voter in result.voters:
        console.print(Text(harmless(voter_in_words(voter))), soft_wrap=True)
    if verbose:
        _print_details(console, outcome)
    verdict = test.verdict if test is not None else None
    _print_notes(console, tuple(note for note in outcome.notes if note != verdict))
    paths = outcome.paths
    for words, path in (
        ("mended table", paths.table),
        ("evidence", paths.evidence),
        ("run record", paths.record),
    ):
        console.print(Text(f"{words + ':':<14}{path}"), soft_wrap=True)


def voter_in_words(report: VoterReport) -> str:
    """Return a line on what a voter did and was worth."""
    did = f"{report.asked:,} texts"
    did += f", {report.remembered:,} of them remembered" if report.remembered else ""
    if report.failed:
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in report.reasons[:_LINES])
        did += f", {report.failed:,} failed ({reasons})"
    did += f", {report.unasked:,} more unasked as the time was up" if report.unasked else ""
    parts = [did]
    if report.agreement is not None:
        worth = f"agrees with {report.agreement:.0%} of {report.audited:,} texts drawn at random"
        if report.worse_than_chance:
            worth += ", worse than chance: no weight"
        elif report.information is not None:
            # No minus before what is rounded to nothing.
            worth += f", adds {round(report.information, 3) + 0.0:.3f} nats a text"
        parts.append(worth)
    if report.tokens:
        speed = f"{report.tokens_per_second:,.0f} a second"
        parts.append(f"{report.tokens:,} tokens in {time_in_words(report.seconds)}, {speed}")
    return f"{report.voter}: {'; '.join(parts)}"


def _advice(said: Diagnoses) -> list[str]:
    """Return what is to be said of the label set, a line each; the whole of it is in run.json."""
    lines = [
        f"Consider merging {m.label_a} and {m.label_b}: nothing in their {m.rows} texts tells them "
        f"apart{_such_as(m.examples_a, m.examples_b)}."
        for m in said.merge[:_LINES]
    ]
    lines += [
        f"Consider splitting {s.label}: its texts fall into {s.rows[0]} and {s.rows[1]}"
        f"{_such_as(s.examples_a, s.examples_b)}."
        for s in said.split[:_LINES]
    ]
    lines += [
        f"{w.label}: only {w.right_share:.0%} of its {w.rows} rows seem right"
        f"{'' if w.goes_to is None else f'; most others seem to be {w.goes_to}'}."
        for w in said.mostly_wrong[:_LINES]
    ]
    if said.empty:
        names = ", ".join(e.label for e in said.empty[:_LINES])
        more = f" and {len(said.empty) - _LINES} more" if len(said.empty) > _LINES else ""
        lines.append(f"No row was given {names}{more}.")
    return lines


def _such_as(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Return an example of each side, cut to a line's length."""
    shown = [f'"{texts[0][:_EXAMPLE_CHARS]}"' for texts in (one, other) if texts]
    return f", such as {' and '.join(shown)}" if shown else ""


def _print_self_test(console: Console, test: SelfTest) -> None:
    console.print(Text(test.verdict), soft_wrap=True)
    if not test.runs:
        return
    errors = f"{test.recovery.total:,} errors were drawn into the mended labels"
    words = f"{errors} ({test.injected_rate:.1%}): {_words(test.recovery)} fixed"
    words += f", {_words(test.detection)} fixed or found"
    if test.hard is not None and test.hard.total:
        words += f"; of those on texts in doubt {_words(test.hard)} fixed"
    console.print(Text(words), soft_wrap=True)


def _words(share: Share) -> str:
    return f"{share.rate:.1%} ({share.low:.1%} to {share.high:.1%})"


def _print_details(console: Console, outcome: RelabelOutcome) -> None:
    result = outcome.result
    weights = ", ".join(f"{name} {w:.2f}" for name, w in result.posterior.weights.items())
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    channel = result.posterior.channel
    console.print(
        f"Channel: keep rate {channel.keep_rate:.4f}, similar share {channel.similar_share:.2f}, "
        f"temperature {channel.temperature:.3f}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(Text(f"Weights: {weights}"), soft_wrap=True)
    console.print(Text(f"Time: {stages}"), soft_wrap=True)


def _print_notes(console: Console, notes: tuple[str, ...]) -> None:
    for note in notes:
        console.print(Text(f"Note: {note}"), soft_wrap=True)


def print_score(score: Score) -> None:
    """Print label accuracy before and after."""
    console = open_console()
    before, after = score.right_before / score.rows, score.right_after / score.rows
    wrong = score.rows - score.right_before
    console.print(
        f"Label accuracy [bold]{before:.1%} -> {after:.1%}[/]: "
        f"{score.fixed} of {wrong} wrong labels fixed, "
        f"{score.broken} of {score.right_before} good labels broken "
        f"({score.broken / score.right_before:.2%})",
        highlight=False,
    )
