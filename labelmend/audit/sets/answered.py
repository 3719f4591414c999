"""What people say of the rows that an audit drew, where a row may have several labels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from labelmend.audit.agreement import Agreement, agreement_of
from labelmend.audit.sets.mended import MendedSetTable
from labelmend.data.answers import Answer, AnswerFile, MatchedAnswers, text_sha256
from labelmend.data.duplicates import smallest_spellings, text_groups
from labelmend.data.sets.label_sets import LabelSets
from labelmend.relabel.assignments.answers import answered_texts
from labelmend.relabel.people import people_reliability
from labelmend.types import Bools, Ints


@dataclass(frozen=True)
class AnsweredRows:
    """What an audit's answers say of a table's rows.

    Attributes:
        of_row: int64 [n], the distinct text of each row.
        truth: bool [n, L], the labels that hold; of no use where `known` is False.
        known: bool [n], rows of which an answer of the audit settles all labels.
        unsure: bool [n], rows of which people could not tell, or did not agree.
        elsewhere: bool [n], rows that were answered for other reasons alone.
        disputed: bool [n], rows of which as many say that a label holds as that it does not,
            whatever they were asked for.
        agreement: of people who answered the same texts.
        notes: what could not be used, one line each.
    """

    of_row: Ints
    truth: Bools
    known: Bools
    unsure: Bools
    elsewhere: Bools
    disputed: Bools
    agreement: Agreement
    notes: tuple[str, ...]


def answered_rows(table: MendedSetTable, design: str, answers: AnswerFile) -> AnsweredRows:
    """Find the rows that answers speak of.

    A label holds where most say so; where as many say that it does not, nobody knows.

    Args:
        table: the mended one.
        design: the name of the audit; other answers only tell how far people agree.
        answers: that stand, of the task `several`.
    """
    sets = table.sets
    of_row = text_groups(sets.texts)
    texts = smallest_spellings(sets.texts, of_row)
    index = {text_sha256(text): i for i, text in enumerate(texts)}
    ours = tuple(
        one
        for one in answers.answers
        if (shown := answers.draws.get((one.who, one.text_sha256))) and shown.design == design
    )
    heard = answered_texts(texts, sets, replace(answers, answers=ours, notes=()))
    settled = heard.texts[heard.agreed]
    truth = np.zeros((len(texts), len(sets.labels)), dtype=np.bool_)
    truth[settled] = heard.said[heard.agreed]
    known, asked, other, disputed = (np.zeros(len(texts), dtype=np.bool_) for _ in range(4))
    known[settled] = True
    of_all = answered_texts(texts, sets, answers)
    disputed[of_all.texts[~of_all.agreed]] = True
    asked[_texts_of(index, ours, set(sets.labels) | set(sets.former_names))] = True
    other[_texts_of(index, answers.answers, None)] = True
    return AnsweredRows(
        of_row=of_row,
        truth=truth[of_row],
        known=known[of_row],
        unsure=(asked & ~known)[of_row],
        elsewhere=(other & ~asked & ~known)[of_row],
        disputed=disputed[of_row],
        agreement=_agreement(index, sets, answers),
        notes=of_all.notes,
    )


def _texts_of(
    index: Mapping[str, int], answers: tuple[Answer, ...], labels: set[str] | None
) -> list[int]:
    """Return the texts that answers speak of; those with a label that there is not don't count."""
    return [
        index[one.text_sha256]
        for one in answers
        if one.text_sha256 in index and (labels is None or labels.issuperset(one.labels))
    ]


def _agreement(index: Mapping[str, int], sets: LabelSets, answers: AnswerFile) -> Agreement:
    """Compare what people say of the same texts: two say the same if all their labels are."""
    said = [one for one in answers.answers if one.text_sha256 in index]
    former = sets.former_names
    each = [frozenset(former.get(label, label) for label in one.labels) for one in said]
    number = {labels: k for k, labels in enumerate(dict.fromkeys(each))}
    unsure = np.array([one.verdict == "unsure" for one in said], dtype=np.bool_)
    matched = MatchedAnswers(
        text=np.array([index[one.text_sha256] for one in said], dtype=np.int64),
        label=np.array([number[labels] for labels in each], dtype=np.int64),
        unsure=unsure,
        who=tuple(one.who for one in said),
        audit=np.zeros(len(said), dtype=np.bool_),
        inclusion=np.full(len(said), np.nan),
        stratum=(None,) * len(said),
        design=(None,) * len(said),
        anchored=np.array([one.saw.given or one.saw.proposed for one in said], dtype=np.bool_),
        notes=(),
    )
    sure = ~unsure
    who = [name for name, one in zip(matched.who, sure.tolist(), strict=True) if one]
    people = people_reliability(matched.text[sure], matched.label[sure], who, len(number))
    return agreement_of(matched, people)
