"""What stands behind the mended labels: an error analysis as tables and words."""

from labelmend.evaluation.error_analysis.counts import ErrorCounts
from labelmend.evaluation.error_analysis.kinds import KINDS, Kind
from labelmend.report.drawing import Numbers
from labelmend.voice.speak import meant, number, retell, tell

NAMES: dict[Kind, str] = {
    "label error": meant("label error"),
    "hard": meant("hard"),
    "missing data": meant("missing data"),
    "fine": meant("fine"),
}
"""What people read of a kind."""

ADVICE: dict[Kind, str] = {
    "label error": meant("relabel: labelmend relabel, or by hand"),
    "hard": meant("review: ask people, or say more clearly what the labels mean"),
    "missing data": meant("add texts like these: collect some, or labelmend augment"),
    "fine": meant("nothing"),
}
"""What to do about it."""

LABELS = 5
"""Labels of each kind that are named."""

_CHARS = 80
"""Of an example's text that are shown."""


def crossed_numbers(counts: ErrorCounts) -> Numbers:
    """Return the table of what is learned and what is right held out."""
    rows = []
    for learned, name in ((True, tell("learned")), (False, tell("can't be learned"))):
        cells = []
        for right in (True, False):
            kinds = counts.crossed[learned, right]
            cells.append(
                "; ".join(f"{tell(NAMES[kind])} {_rows(n, counts)}" for kind, n in kinds.items())
                or number(0, ",")
            )
        rows.append((name, *cells))
    caption = tell(
        "What an overfitted model can't learn, and what is wrong held out, of {rows:,} rows",
        rows=counts.rows,
    )
    heads = ("", tell("right held out"), tell("wrong held out"))
    return Numbers(caption, heads, tuple(rows), words=True)


def how_found(counts: ErrorCounts) -> str:
    """Return how much of what the overfitted model can't learn is sure to be contradicted."""
    return tell(
        "The overfitted model reads {features:,} features: of labels that were planted wrong on "
        "purpose it learned {share:.1%}.",
        features=counts.features,
        share=counts.by_heart,
    )


def kind_numbers(counts: ErrorCounts) -> Numbers:
    """Return the kinds with their rows, the labels that have most of them, and what to do."""
    return Numbers(
        tell("What stands behind the labels, and what to do about it"),
        (tell("kind"), tell("rows"), tell("most in"), tell("what to do")),
        tuple(
            (
                tell(NAMES[kind]),
                _rows(counts.kinds[kind], counts),
                "" if kind == "fine" else most_in(counts, kind),
                tell(ADVICE[kind]),
            )
            for kind in KINDS
        ),
        words=True,
    )


def example_numbers(counts: ErrorCounts) -> Numbers:
    """Return examples of each kind but the fine ones."""
    return Numbers(
        tell("Examples"),
        (tell("kind"), tell("row"), tell("text"), tell("label"), tell("why")),
        tuple(
            (
                tell(NAMES[kind]),
                number(example.row, ","),
                shortened(example.text),
                example.label,
                retell(example.reason),
            )
            for kind in KINDS
            if kind != "fine"
            for example in counts.examples[kind]
        ),
        words=True,
    )


def most_in(counts: ErrorCounts, kind: Kind) -> str:
    """Return the labels with most rows of a kind, in words."""
    shares = counts.labels[kind]
    named = [
        tell("{label} {rows:,} of {total:,}", label=one.label, rows=one.rows, total=one.of)
        for one in shares[:LABELS]
    ]
    if len(shares) > LABELS:
        named.append(tell("and {labels:,} more", labels=len(shares) - LABELS))
    return ", ".join(named)


def shortened(text: str) -> str:
    """Return a text on one line that a table has room for."""
    line = " ".join(text.split())
    return line if len(line) <= _CHARS else f"{line[: _CHARS - 1]}…"


def _rows(rows: int, counts: ErrorCounts) -> str:
    share = number(rows / max(counts.rows, 1), ".1%")
    return f"{number(rows, ',')} ({share})"
