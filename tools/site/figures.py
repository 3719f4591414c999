"""Writes the tables of figures in README.md and docs/measured.md from benchmarks/RESULTS.md.

`make figures` after a benchmark: what stands between the markers is made anew, from the columns
that benchmarks/real_noise_report.py and benchmarks/correction.py write. The sentences around the
tables are written by hand.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"

TABLES = {
    "trec_rules": "questions, labelled by rules",
    "med_cause_distant": "disease causes, from a database",
    "agnews_human_majority": "news, by a crowd",
    "gop_sentiment_crowd": "debate, by a crowd",
    "so_emotions_1rater": "emotions, by one rater",
    "kaggle_disaster_audit": "tweets on disasters",
    "satd_comments": "comments in code",
    "sms_rules": "text messages, by rules",
}
"""The tables with real noise: their names in RESULTS.md, and for readers."""

INJECTED = ("uniform 20 %", "nearest three 40 %", "oos swap 20 %", "no noise")
"""The kinds of noise in CLINC150 that the README shows."""

Row = Mapping[str, str]


def section(text: str, heading: str) -> str:
    """Return what stands under the heading that begins so, up to the next one.

    Raises:
        KeyError: there is none.
    """
    found = re.search(rf"^#+ {re.escape(heading)}[^\n]*\n(.*?)(?=^#|\Z)", text, re.M | re.S)
    if found is None:
        raise KeyError(f"{RESULTS.name} has no heading {heading!r}")
    return found[1]


def tables(text: str) -> Iterator[list[Row]]:
    """Yield the tables of a text, each row by its columns; the second column may have no name."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line[1:-2].split("|")]
            for line in (line + " " for line in block.splitlines())
        ]
        yield [dict(zip(head, row, strict=True)) for row in rows]


def real_noise(text: str) -> Iterator[dict[str, str]]:
    """Yield the figures of each table with real noise, most wrong labels first."""
    alone, against = list(tables(section(text, "Real noise: without answers")))[:2]
    audit = next(tables(section(text, "Real noise: audit answers")))
    queue = next(tables(section(text, "Real noise: answers in queue order")))

    def one(rows: list[Row], name: str, method: str) -> Row:
        return next(row for row in rows if row["table"] == name and row[""] == method)

    by_name = {row["table"]: row for row in alone}
    for name in sorted(TABLES, key=lambda name: -float(by_name[name]["wrong"])):
        row, theirs = by_name[name], one(against, name, "cleanlab, CleanLearning")
        yield {
            "table": TABLES[name],
            "wrong": row["wrong"],
            "told": f"{row['told from']} to {row['to']}",
            "given": f"{100 - float(row['wrong']):.1f}",
            "ours": row["right after"],
            "ours_broken": row["good broken"],
            "theirs": theirs["right after"],
            "theirs_broken": theirs["good broken"],
            "audit": one(audit, name, "100, labelmend audit")["right, lifted"],
            "queue": one(queue, name, "labelmend's review_order")["right after 300, lifted"],
        }


def injected(text: str) -> Iterator[dict[str, str]]:
    """Yield the figures of some kinds of noise that were injected into CLINC150."""
    for noise in INJECTED:
        rows = next(tables(section(text, f"CLINC150 train: {noise}")))
        by_method = {row["method"]: row for row in rows}
        given, ours = by_method["as given"], by_method["labelmend"]
        theirs = by_method["cleanlab, CleanLearning"]

        def mean(row: Row, column: str, digits: int) -> str:
            return f"{float((row[column] or '0').split()[0]):.{digits}f}"

        yield {
            "table": noise,
            "given": mean(given, "label accuracy", 1),
            "ours": mean(ours, "label accuracy", 1),
            "ours_broken": mean(ours, "good labels broken", 2),
            "theirs": mean(theirs, "label accuracy", 1),
            "theirs_broken": mean(theirs, "good labels broken", 2),
            "queue": "",
        }


def readme_table(text: str) -> str:
    """Return the README's table: real noise first, injected noise second."""
    lines = [
        "| table | right as given | labelmend | broken | cleanlab | broken | after 300 answers |",
        "|---|---|---|---|---|---|---|",
        "| **Real noise:** `python benchmarks/real_noise.py --whole 2 --audits 500` | | | | | | |",
    ]
    columns = ("table", "given", "ours", "ours_broken", "theirs", "theirs_broken", "queue")
    lines += [_line(row, columns) for row in real_noise(text)]
    lines.append("| **Injected noise:** `python benchmarks/correction.py` | | | | | | |")
    lines += [_line(row, columns) for row in injected(text)]
    return "\n".join(lines)


def measured_table(text: str) -> str:
    """Return the table of real noise in docs/measured.md."""
    lines = [
        "| table | wrong | labelmend says, unasked | right as given | without answers | broken "
        "| cleanlab | broken | 100 answers, other rows, lifted | 300 answers in its order |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    columns = (
        *("table", "wrong", "told", "given", "ours", "ours_broken", "theirs", "theirs_broken"),
        *("audit", "queue"),
    )
    return "\n".join(lines + [_line(row, columns) for row in real_noise(text)])


def _line(row: Row, columns: tuple[str, ...]) -> str:
    return "| " + " | ".join(row[column] for column in columns) + " |"


PLACES = {
    ROOT / "README.md": ("figures", readme_table),
    ROOT / "docs" / "measured.md": ("real-noise", measured_table),
}
"""Files with such a table: the name between whose markers it stands, and what makes it."""


def renewed(path: Path, results: str) -> str:
    """Return a file's text with its table made from the text of RESULTS.md."""
    name, table = PLACES[path]
    begin, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, _, rest = path.read_text("utf-8").partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise KeyError(f"{path.name} has no markers {begin} and {end}")
    return f"{before}{begin}\n{table(results)}\n{end}{after}"


if __name__ == "__main__":
    for place in PLACES:
        place.write_text(renewed(place, RESULTS.read_text("utf-8")), "utf-8")
