"""Prints plans and outcomes of tables in which a row may have several labels."""

from collections import Counter

import numpy as np
from rich.table import Table
from rich.text import Text

from labelmend.cli.summary import (
    print_files,
    print_notes,
    reach_in_words,
    read_in_words,
    time_in_words,
    voter_in_words,
)
from labelmend.cli.terminal import harmless, open_console
from labelmend.relabel.assignments.types import MendedSets, SetDecision
from labelmend.report.several.mending import noise_in_words
from labelmend.voice.speak import meant, number, tell
from labelmend.workflows.relabel_sets import SetsOutcome, SetsPlan

_WORDS: dict[SetDecision, str] = {
    "keep": meant("kept"),
    "change": meant("changed"),
    "review": meant("for review"),
    "answered": meant("settled by people"),
}

_LABELS = 5
"""Labels that are shown, those with most changes first."""


def print_sets_plan(plan: SetsPlan) -> None:
    """Print what a run would work on."""
    console = open_console()
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = tell("{rows:,} ({texts:,} distinct texts)", rows=plan.rows, texts=plan.texts)
    table.add_row(tell("rows"), rows)
    each = tell("{labels:,}, {given:,} given in all", labels=plan.labels, given=plan.given)
    table.add_row(tell("labels"), each)
    if plan.answers:
        table.add_row(tell("answered by people"), number(plan.answers, ","))
    if plan.voted:
        table.add_row(tell("reach the voters"), reach_in_words(plan.voted, plan.texts))
    for stage, seconds in plan.seconds.items():
        table.add_row(Text(tell("time: {stage:name}", stage=stage)), time_in_words(seconds))
    for voter, tokens in plan.tokens.items():
        about = tell("about {tokens:,}", tokens=tokens)
        table.add_row(Text(tell("tokens: {voter}", voter=voter)), about)
    whole = time_in_words(sum(plan.seconds.values()))
    table.add_row(tell("time in all"), tell("about {time}", time=whole))
    console.print(table, highlight=False)
    print_notes(console, plan.notes)
    console.print(tell("Nothing was written: this was a dry run."))


def print_sets_summary(outcome: SetsOutcome) -> None:
    """Print what was done, what was learned, and where the files are."""
    console, result = open_console(), outcome.result
    counts, total = Counter(result.decisions), len(result.given)
    table = Table(
        title=tell("Rows"), title_justify="left", box=None, show_header=False, pad_edge=False
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for decision, words in _WORDS.items():
        if counts[decision] or decision != "answered":
            count = counts[decision]
            table.add_row(tell(words), number(count, ","), number(count / total, ".1%"))
    console.print(table, highlight=False)
    columns = outcome.loaded.columns
    console.print(Text(harmless(read_in_words(columns))), soft_wrap=True)
    changes = result.changes
    console.print(
        tell(
            "Labels: {given:,} given, {added:,} added, {removed:,} taken away.",
            given=int(result.given.sum()),
            added=int(changes.added.sum()),
            removed=int(changes.removed.sum()),
        ),
        highlight=False,
    )
    console.print(_noise_in_words(result), highlight=False, soft_wrap=True)
    console.print(
        tell(
            "Expected to be broken: {broken:.1f}, added in error: {false:.1f}.",
            broken=changes.expected_broken,
            false=changes.expected_false,
        ),
        highlight=False,
    )
    moved = changes.added.sum(axis=0) + changes.removed.sum(axis=0)
    most = np.lexsort((np.arange(len(moved)), -moved))[:_LABELS]
    if moved.any():
        title = tell("Labels with most changes")
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column(tell("label"))
        table.add_column(tell("added"), justify="right")
        table.add_column(tell("taken away"), justify="right")
        for k in most[moved[most] > 0].tolist():
            added, removed = int(changes.added[:, k].sum()), int(changes.removed[:, k].sum())
            label = Text(harmless(result.labels[k]))
            table.add_row(label, number(added, ","), number(removed, ","))
        console.print(table, highlight=False)
    for votes in result.votes:
        console.print(Text(harmless(voter_in_words(votes.report))), soft_wrap=True)
    print_notes(console, outcome.notes)
    print_files(console, outcome.paths)


def _noise_in_words(result: MendedSets) -> str:
    """Return what is known of the noise, and what is not."""
    if result.noise is None:
        return tell(
            "Estimated: {wrong:.1%} of the given labels are wrong, and {missing:.1%} of those that "
            "hold are missing.",
            wrong=result.estimated_wrong,
            missing=result.estimated_missing,
        )
    return f"{noise_in_words(result.noise)} {tell('To know it, look at 100 rows: labelmend audit')}"
