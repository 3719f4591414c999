"""`labelmend explain`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.terminal import harmless, open_console
from labelmend.voice.speak import meant, number, retell, tell

if TYPE_CHECKING:
    from rich.console import Console

    from labelmend.relabel.assignments.explanation import SetExplanation
    from labelmend.relabel.diagnostics.explanation import CandidateNats, Explanation
    from labelmend.runs.look_up import LookedUp

_TEXT_CHARS = 1000
"""Of a row's text that are shown."""

_SOURCE_WIDTH = 15
"""Columns of a source's name, which is folded beyond that."""

_LABEL_WIDTH = 9
"""Columns of the table."""


def explain(
    table: Annotated[
        Path,
        typer.Argument(
            help="The mended table, or the one that was mended.",
            metavar="TABLE",
            show_default=False,
            readable=False,
        ),
    ],
    row: Annotated[
        int | None,
        typer.Option(
            "--row",
            help="The row's number; the first one after the header is 1.",
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    row_id: Annotated[
        str | None,
        typer.Option(
            "--id", help="The row's name in the id column.", rich_help_panel=help_page.ROWS
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            "--evidence",
            help="The run's evidence file; found if not given.",
            readable=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the row's line of the evidence file as it is.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    _lang: options.Lang = "en",
) -> None:
    """Show why a row was decided as it was, from the evidence of an earlier `relabel`.

    Each source's contribution is in nats: +0.7 doubles the odds, +2.3 makes them tenfold.
    """
    from labelmend.runs.look_up import look_up

    found = look_up(table, evidence, row, row_id)
    if as_json:
        typer.echo(found.json_line)
        for note in found.notes:
            typer.echo(f"labelmend: note: {harmless(note)}", err=True)
        return
    _print(found, table)


def _print(found: "LookedUp", table: Path) -> None:
    from rich.text import Text

    from labelmend.relabel.assignments.explanation import SetExplanation

    console, explanation = open_console(highlight=False), found.explanation
    title = tell("Row {row}", row=explanation.row)
    if explanation.id != str(explanation.row):
        title += tell(", id {id}", id=explanation.id)
    if found.table_line is not None:
        title += tell(" (line {line} of {table})", line=found.table_line, table=table.name)
    console.print(Text(harmless(title)), style="bold")
    rest = len(explanation.text) - _TEXT_CHARS
    more = tell(" ... ({rest:,} characters more)", rest=rest) if rest > 0 else ""
    console.print(Text(f'"{harmless(explanation.text[:_TEXT_CHARS])}"{more}'))
    console.print()
    if isinstance(explanation, SetExplanation):
        _print_set(console, explanation)
        for note in found.notes:
            console.print(Text(harmless(tell("Note: {note:name}", note=note))), soft_wrap=True)
        return
    console.print(Text(harmless(_decision(explanation))), style="bold")
    console.print(Text(harmless(retell(explanation.reason))))
    console.print()
    _print_candidates(console, explanation)
    _print_neighbours(console, explanation)
    for voter, label in explanation.votes.items():
        line = tell("Vote of {voter}: {label}", voter=voter, label=label)
        console.print(Text(harmless(line)))
    if found.channel is not None:
        console.print(Text(tell("Channel: {channel}", channel=found.channel)))
    for note in found.notes:
        console.print(Text(harmless(tell("Note: {note:name}", note=note))), soft_wrap=True)


def _print_set(console: "Console", explanation: "SetExplanation") -> None:
    """Print what was decided of a row with several labels, and why."""
    from rich.table import Table
    from rich.text import Text

    before, after = (
        ", ".join(names) or tell("(no label)") for names in (explanation.given, explanation.mended)
    )
    decision = explanation.decision
    head = (
        tell("{decision:name}: {labels}", decision=decision, labels=after)
        if before == after
        else tell(
            "{decision:name}: {given} -> {proposed}",
            decision=decision,
            given=before,
            proposed=after,
        )
    )
    console.print(Text(harmless(head)), style="bold")
    console.print(Text(harmless(retell(explanation.reason))))
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tell("label"), overflow="fold")
    table.add_column(tell("holds"), justify="right")
    table.add_column("")
    for one in explanation.labels:
        marks = [
            tell(word)
            for word, names in (
                (meant("given"), explanation.given),
                (meant("added"), explanation.added),
                (meant("taken away"), explanation.removed),
            )
            if one.label in names
        ]
        share = number(one.holds, ".1%")
        table.add_row(Text(harmless(one.label)), share, Text(", ".join(marks)))
    console.print(table)
    for near in explanation.neighbours:
        labels = ", ".join(near.labels) or tell("(no label)")
        line = tell('Near: "{text}": {labels}', text=near.text, labels=labels)
        console.print(Text(harmless(line)), soft_wrap=True)
    for voter, shares in explanation.votes.items():
        liked = ", ".join(f"{label} {number(share, '.1%')}" for label, share in shares.items())
        line = tell("Vote of {voter}: {label}", voter=voter, label=liked)
        console.print(Text(harmless(line)), soft_wrap=True)


def _decision(explanation: "Explanation") -> str:
    given, proposed = explanation.given, explanation.proposed
    facts = {
        "decision": explanation.decision,
        "given": given or tell("(no label)"),
        "proposed": proposed,
    }
    if explanation.decision == "answered":
        return tell("answered: {given}; {reason:name}", **facts, reason=explanation.reason)
    if explanation.decision in {"change", "label"}:
        return tell("{decision:name}: {given} -> {proposed}", **facts)
    if given == proposed:
        return tell("{decision:name}: {proposed}", **facts)
    return tell("{decision:name}: {given} stays; proposed is {proposed}", **facts)


def _print_candidates(console: "Console", explanation: "Explanation") -> None:
    """Print the candidates' nats against the reference, and the two that matter in words."""
    from rich.table import Table
    from rich.text import Text

    if not any(c.by_source for c in explanation.candidates):
        none = tell("No nats: the labels were decided by a majority of the votes.")
        console.print(f"{none}\n")
        return
    winner, rival = explanation.duel
    console.print(Text(harmless(_in_words(winner, rival))))
    console.print()
    reference = explanation.reference
    others = [c for c in explanation.candidates if c is not reference]
    nats = [c.against(reference) for c in others]
    title = tell(
        "Nats against {label} (given)"
        if reference.label == explanation.given
        else "Nats against {label} (next best)",
        label=reference.label,
    )
    table = Table(
        title=Text(harmless(title)),
        title_justify="left",
        title_style="",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("", overflow="fold", max_width=_SOURCE_WIDTH)
    for candidate in (*others, reference):
        heading = Text(_broken(harmless(candidate.label), _LABEL_WIDTH))
        table.add_column(heading, justify="right", overflow="fold", max_width=_LABEL_WIDTH)
    for source in dict.fromkeys(s for each in nats for s in each):
        cells = [_signed(each.get(source)) for each in nats]
        if any(cells):
            table.add_row(Text(harmless(retell(source))), *cells, "")
    totals = [_signed(c.total - reference.total) or number(0, "+.1f") for c in others]
    table.add_row(tell("total"), *totals, "", style="bold")
    shares = (number(c.posterior, ".1%") for c in (*others, reference))
    table.add_row(tell("posterior"), *shares)
    console.print(table)
    if explanation.held:
        held = tell(
            "The given label is held at {share:.1%}: evidence against it can itself be wrong.",
            share=reference.posterior,
        )
        console.print(Text(held))
    console.print()


def _in_words(winner: "CandidateNats", rival: "CandidateNats") -> str:
    """Return what speaks for the first label against the second: the loudest source first."""
    nats = winner.against(rival)
    sources = sorted(nats.keys() - set(_LAST), key=lambda source: (-abs(nats[source]), source))
    said = [
        f"{retell(name)} {_signed(nats[name])}"
        for name in (*sources, *_LAST)
        if _signed(nats[name])
    ]
    first = tell(
        "{nats} nats for {label}" if said else "nothing for {label}",
        nats=said[0] if said else "",
        label=winner.label,
    )
    return tell(
        "Against {label}: {nats}; in all {total:+.1f}.",
        label=rival.label,
        nats=", ".join([first, *said[1:]]),
        total=winner.total - rival.total,
    )


_LAST = ("out-of-scope bias", "channel")


def _signed(value: float | None) -> str:
    """Return nats with their sign; nothing where a source says next to nothing."""
    return "" if value is None or abs(value) < _NOTHING else number(value, "+.1f")


_NOTHING = 0.05
"""Nats that would be shown as 0.0 or 0.1."""


def _broken(label: str, width: int) -> str:
    """Return a label with line breaks behind its separators, where it is too long."""
    lines = [""]
    for piece in re.findall(r"[^\s_./-]*[\s_./-]?", label):
        if len(lines[-1]) + len(piece) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _print_neighbours(console: "Console", explanation: "Explanation") -> None:
    from rich.table import Table
    from rich.text import Text

    if not explanation.neighbours:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tell("cosine"), justify="right")
    table.add_column(tell("given"), overflow="fold", max_width=22)
    table.add_column(tell("nearest texts"), overflow="fold")
    for near in explanation.neighbours:
        labels = ", ".join(near.labels) or tell("(no label)")
        table.add_row(
            number(near.similarity, ".2f"), Text(harmless(labels)), Text(harmless(near.text))
        )
    console.print(table)
    console.print()
