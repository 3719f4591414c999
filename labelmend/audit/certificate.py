"""What the answers of an audit prove of a mended table.

Rows are counted in cells: those of one stratum of which the same was decided. Where the answers
taught a later run, a row that was answered is counted as that run would have decided it without its
answer (`held_out`): so the cells speak of rows that nobody looked at. Of the totals over all rows,
what would have befallen the answered ones is taken off, since their labels are right now.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from labelmend.audit.agreement import Agreement, agreement_of
from labelmend.audit.draw import Design
from labelmend.audit.figures import Effort, Figure, Known, Sample, Which, figures, wrong_shares
from labelmend.audit.mended import MendedTable
from labelmend.audit.outlook import further_widths
from labelmend.audit.strata import Kind, kinds_of
from labelmend.data.answers import MatchedAnswers
from labelmend.data.dataset import label_indices
from labelmend.data.duplicates import unique_texts
from labelmend.regular_file import parsed_json
from labelmend.relabel.diagnostics.explanation import HeldOut
from labelmend.relabel.people import (
    Reliability,
    people_reliability,
    settle_answers,
)
from labelmend.types import NO_LABEL, Bools, Doubles, Ints, Task
from labelmend.version import __version__
from labelmend.voice.speak import note

SCHEMA_VERSION = 2
"""Of certificate.json. 1 is read too, which knows nothing of how far people agree."""

SETS_SCHEMA_VERSION = 3
"""The same of a table in which a row may have several labels; others have no key of theirs."""

_READ = {"single": {1, SCHEMA_VERSION}, "several": {SETS_SCHEMA_VERSION}}
"""Versions that are read."""

FURTHER = 50
"""Answers more, of which a certificate says what they would narrow."""

_UNKNOWN = -2
"""Stands for the true label of a text that no answer of the audit settles."""

_UNLIKE = 0.5
"""Believed share of wrong labels in a cell that no stratum was made for: nothing is believed."""

_EQUAL = 1e-9
"""Probabilities that only rounding tells apart."""


@dataclass(frozen=True)
class StratumFigures:
    """What was seen of a stratum.

    Attributes:
        name: of the stratum.
        rows: of the table.
        drawn: to be looked at.
        answered: by a person who was sure.
        unsure: drawn rows of which a person could not tell, or people did not agree.
        figures: the share of wrong labels before and after.
    """

    name: str
    rows: int
    drawn: int
    answered: int
    unsure: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Certificate:
    """What an audit proves.

    Attributes:
        table: that was audited, its path.
        sha256: of the table, as a file.
        design: the audit's name.
        rows: of the table.
        drawn: rows to be looked at.
        answered: of those, by people who were sure.
        unsure: of those, of which people could not tell or did not agree.
        open: of those, that have no answer yet.
        continued: the audit drew more rows after its first draw.
        taught: rows whose labels are answers now; held-out decisions stand for theirs.
        headline: which of the intervals is to be quoted.
        figures: over all rows.
        strata: one by one.
        further: how wide the quoted intervals would be after `FURTHER` more answers, by name.
        notes: what else a reader should know.
        agreement: of people who answered the same texts; None in older certificates.
        task: how many labels a row may have.
        most_labels: where it may have several, how many of a row are taken to hold at most.
    """

    table: str
    sha256: str
    design: str
    rows: int
    drawn: int
    answered: int
    unsure: int
    open: int
    continued: bool
    taught: int
    headline: Which
    figures: tuple[Figure, ...]
    strata: tuple[StratumFigures, ...]
    further: Mapping[str, float]
    notes: tuple[str, ...]
    agreement: Agreement | None = None
    task: Task = "single"
    most_labels: int | None = None

    def figure(self, name: str) -> Figure | None:
        """Return a figure by its name, None where it is of no rows."""
        return next((f for f in self.figures if f.name == name), None)

    def to_json(self) -> str:
        """Return the text of the file."""
        fields: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION if self.task == "single" else SETS_SCHEMA_VERSION,
            "labelmend": __version__,
            **_rounded(asdict(self)),
        }
        if self.task == "single":
            del fields["task"], fields["most_labels"]
        return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Certificate":
        """Read the text of the file.

        Raises:
            ValueError: it is none of ours, or of another version.
        """
        fields = parsed_json(text)
        if not isinstance(fields, dict) or fields.pop("schema_version", None) not in _READ.get(
            str(fields.get("task", "single")), set()
        ):
            raise ValueError("another version")
        fields.pop("labelmend", None)
        return TypeAdapter(cls).validate_python(fields)


@dataclass(frozen=True)
class _Rows:
    """Of each row, [n]: what is counted. `truth` is `_UNKNOWN` where it isn't known."""

    stratum: Ints
    kind: Ints
    label: Ints
    given: Ints
    truth: Ints
    seen: Bools
    taught: Bools


def certify(
    table: MendedTable,
    design: Design,
    answers: MatchedAnswers,
    held: Mapping[int, HeldOut],
    sha256: str = "",
) -> Certificate:
    """Say what the answers of an audit prove.

    Args:
        table: the mended one.
        design: of its audit.
        answers: of people; only those count that this audit drew.
        held: for each row whose label is an answer, by index, what else it would be.
        sha256: of the table, as a file.
    """
    people = _people(answers, len(table.dataset.labels))
    truth_of_text, unsure_texts = _truths(design, answers, people, len(table.dataset.labels))
    of_row = unique_texts(table.dataset).of_row
    drawn = np.zeros(len(of_row), dtype=bool)
    stratum = np.zeros(len(of_row), dtype=np.int64)
    for h, (part, count) in enumerate(zip(design.strata, design.drawn, strict=True)):
        stratum[part.rows] = h
        drawn[part.rows[:count]] = True
    rows = _rows(table, stratum, np.array([truth_of_text.get(t, _UNKNOWN) for t in of_row]), held)
    seen = drawn & (rows.truth != _UNKNOWN)
    unsure = drawn & np.isin(of_row, sorted(unsure_texts)) & ~seen
    rows = _with_certain(rows, table, design, seen)
    doubt = np.array([s.doubt for s in design.strata])
    kinds = np.array([s.kind for s in design.strata], dtype=np.int64)
    everywhere = np.ones(len(of_row), dtype=bool)
    sample = _sample(rows, kinds, doubt, everywhere)
    found = figures(sample, Effort(design.seed))
    parts = []
    for h, part in enumerate(design.strata):
        here = stratum == h
        parts.append(
            StratumFigures(
                name=part.name,
                rows=len(part),
                drawn=int(design.drawn[h]),
                answered=int((seen & here).sum()),
                unsure=int((unsure & here).sum()),
                figures=wrong_shares(_sample(rows, kinds, doubt, here), Effort(design.seed)),
            )
        )
    missing = int((drawn & ~seen & ~unsure).sum())
    first = len(design.draws) == 1
    headline: Which = "fixed_95" if first and not missing else "anytime_95"
    return Certificate(
        table=str(table.table.path),
        sha256=sha256,
        design=design.design,
        rows=len(of_row),
        drawn=int(drawn.sum()),
        answered=int(seen.sum()),
        unsure=int(unsure.sum()),
        open=missing,
        continued=not first,
        taught=int(rows.taught.sum()),
        headline=headline,
        figures=found,
        strata=tuple(parts),
        further=further_widths(sample, FURTHER, headline, design.seed),
        notes=(
            *table.notes,
            *answers.notes,
            *elsewhere_note(int((drawn & ~seen & ~unsure & np.isin(of_row, answers.text)).sum())),
        ),
        agreement=agreement_of(answers, people),
    )


def _people(answers: MatchedAnswers, labels: int) -> Mapping[str, Reliability]:
    """Return how reliable each person is, by all that they said of the table's texts."""
    sure = ~answers.unsure
    return people_reliability(
        answers.text[sure], answers.label[sure], _chosen(answers.who, sure), labels
    )


def _truths(
    design: Design, answers: MatchedAnswers, people: Mapping[str, Reliability], labels: int
) -> tuple[dict[int, int], set[int]]:
    """Return the true label of each text that the audit's answers settle, and the other texts.

    Of what several people say, the most probable is true; where two are, nobody knows.
    """
    ours = np.array([name == design.design for name in answers.design], dtype=bool)
    said = ours & ~answers.unsure
    settled = settle_answers(
        answers.text[said], answers.label[said], _chosen(answers.who, said), labels, people
    )
    found: dict[int, list[tuple[float, int]]] = {}
    for text, label, probability in zip(
        settled.text.tolist(), settled.label.tolist(), settled.probability.tolist(), strict=True
    ):
        found.setdefault(text, []).append((probability, label))
    truth: dict[int, int] = {}
    for text, several in found.items():
        (best, label), *others = sorted(several, reverse=True)
        if not others or best - others[0][0] > _EQUAL:
            truth[text] = label
    return truth, set(answers.text[ours].tolist()) - truth.keys()


def _chosen(people: tuple[str, ...], chosen: Bools) -> list[str]:
    return [name for name, one in zip(people, chosen.tolist(), strict=True) if one]


def _rows(table: MendedTable, stratum: Ints, truth: Ints, held: Mapping[int, HeldOut]) -> _Rows:
    """Put held-out decisions in the place of answers."""
    label, known = table.mended.copy(), truth.copy()
    places = np.array(sorted(held), dtype=np.int64)
    names = [held[row].label for row in places.tolist()]
    label[places] = label_indices(table.dataset.labels, names)
    taught = np.zeros(len(label), dtype=bool)
    taught[places] = True
    # What a run took for the truth is the truth of the rows that it taught.
    known = np.where(taught & (known == _UNKNOWN), table.mended, known)
    given = table.dataset.given
    kind = kinds_of(given != NO_LABEL, label != NO_LABEL, given == label)
    return _Rows(stratum, kind, label, given, known, np.zeros(len(label), dtype=bool), taught)


def _with_certain(rows: _Rows, table: MendedTable, design: Design, seen: Bools) -> _Rows:
    """Count rows that were answered before the audit began as seen: they are certain."""
    kinds = np.array([s.kind for s in design.strata], dtype=np.int64)
    before = (kinds == Kind.ANSWERED)[rows.stratum] & table.answered
    # An answer is no change: neither the precision nor the harm of the changes is its doing.
    unlabelled = np.where(table.mended == NO_LABEL, int(Kind.UNLABELLED), int(Kind.FILLED))
    kind = np.where(rows.given == NO_LABEL, unlabelled, int(Kind.KEPT))
    return _Rows(
        stratum=rows.stratum,
        kind=np.where(before, kind, rows.kind),
        label=np.where(before, table.mended, rows.label),
        given=rows.given,
        truth=np.where(before, table.mended, rows.truth),
        seen=seen | before,
        taught=rows.taught & ~before,
    )


def _sample(rows: _Rows, kinds: Ints, doubt: Doubles, chosen: Bools) -> Sample:
    """Count some of the rows in cells."""
    codes = rows.stratum * len(Kind) + rows.kind
    cells, place = np.unique(codes[chosen], return_inverse=True)
    stratum, kind = np.divmod(cells, len(Kind))
    wrong_given, wrong_now = rows.given != rows.truth, rows.label != rows.truth
    changed = rows.kind == Kind.CHANGED

    def count(which: Bools) -> Ints:
        return np.bincount(place[which[chosen]], minlength=len(cells)).astype(np.int64)

    off = chosen & rows.taught
    labelled = rows.kind != Kind.UNLABELLED
    return Sample(
        kind=kind,
        rows=count(np.ones(len(chosen), dtype=bool)),
        seen=count(rows.seen),
        given_wrong=count(rows.seen & wrong_given),
        mended_wrong=count(rows.seen & wrong_now),
        doubt=np.where(kinds[stratum] == kind, doubt[stratum], _UNLIKE),
        known=Known(
            wrong=int((off & labelled & wrong_now).sum()),
            changed=int((off & changed).sum()),
            changed_right=int((off & changed & ~wrong_now).sum()),
            broken=int((off & changed & ~wrong_given).sum()),
        ),
    )


def elsewhere_note(count: int) -> tuple[str, ...]:
    """Return a note on drawn rows that people were asked about for other reasons alone."""
    if not count:
        return ()
    told = note(
        "{count} of the drawn rows {count:one=was|other=were} answered for other reasons than this "
        "audit, and don't count: which rows a queue shows is no matter of chance; answer them in "
        "the audit too",
        count=count,
    )
    return (told,)


def _rounded(value: Any) -> Any:
    """Return plain JSON with six digits."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
