"""The report in Markdown."""

from dataclasses import replace

from labelmend.evaluation.comparison import AFTER, Comparison
from labelmend.report.comparison import cell_text, page
from labelmend.report.drawing import Numbers
from labelmend.report.errors import crossed_numbers, how_found, kind_numbers
from labelmend.report.mending import Mending
from labelmend.report.page import accuracy_numbers, mending_in_words
from labelmend.voice.speak import meant, number, retell, tell

_ROW_HEADS = (meant("row"), meant("text"), meant("given"), meant("now"), meant("why"))

_FLOWS = 20
"""Pairs of labels in the table; the HTML page has more."""


def markdown_page(comparison: Comparison, mending: Mending | str) -> str:
    """Return the report, without its plots."""
    lines = [page(comparison).rstrip("\n"), "", f"## {tell('What was changed')}", ""]
    if isinstance(mending, str):
        lines += [cell_text(retell(mending)), *_errors(comparison)]
        return "\n".join(lines) + "\n"
    lines += [mending_in_words(mending)]
    lines += (
        ["", *(f"> {cell_text(retell(line))}" for line in mending.missing)]
        if mending.missing
        else []
    )
    if mending.accuracy is not None:
        lines += [
            "",
            f"## {tell('Were the changes right?')}",
            "",
            *_table(accuracy_numbers(mending.accuracy)),
        ]
    lines += _errors(comparison)
    if mending.flows:
        heads = (tell("given"), retell(AFTER), tell("rows"))
        lines += ["", f"## {tell('From given to mended labels')}", ""]
        lines += [f"| {' | '.join(heads)} |", "|---|---|---|"]
        lines += [
            f"| {cell_text(f.given)} | {cell_text(f.mended)} | {number(f.rows, ',')} |"
            for f in mending.flows[:_FLOWS]
        ]
        more = len(mending.flows) - _FLOWS
        lines += ["", tell("And {pairs:,} pairs more.", pairs=more)] if more > 0 else []
    for title, rows in (
        (tell("Changed rows"), mending.changed_rows),
        (tell("Rows for review"), mending.review_rows),
    ):
        if rows:
            lines += [
                "",
                f"## {title}",
                "",
                f"| {' | '.join(map(tell, _ROW_HEADS))} |",
                "|---|---|---|---|---|",
            ]
            lines += [
                f"| {r.row} | {cell_text(r.text)} | {cell_text(r.given or '')} "
                f"| {cell_text(r.mended or '')} | {cell_text(retell(r.reason))} |"
                for r in rows
            ]
    return "\n".join(lines) + "\n"


def _errors(comparison: Comparison) -> list[str]:
    found = comparison.errors
    if found is None:
        return []
    lines = ["", f"## {tell('What stands behind the mended labels')}", "", how_found(found)]
    for numbers in (kind_numbers(found), crossed_numbers(found)):
        rows = tuple(tuple(map(cell_text, row)) for row in numbers.rows)
        lines += ["", *_table(replace(numbers, rows=rows))]
    return lines


def _table(numbers: Numbers) -> list[str]:
    return [
        f"| {' | '.join(numbers.columns)} |",
        "|---" * len(numbers.columns) + "|",
        *(f"| {' | '.join(row)} |" for row in numbers.rows),
    ]
