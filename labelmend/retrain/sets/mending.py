"""Mending new rows that may have several labels, with the rows that are known.

New rows are mended as `relabel` mends a table: beside the known rows, with the labels that these
came with, so that how often labels are forgotten and added is seen in both. What people settled is
answered. A held-out row has no say in the others: rows that are learned from are mended without
those that are held out, known and new, and the new held-out ones after that, by all that is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labelmend.configs.schema import Config
from labelmend.data.duplicates import smallest_spellings, text_groups, text_key
from labelmend.journal.sets import labels_in, packed
from labelmend.parallel import LOCAL
from labelmend.protocols import Progress
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.decisions import decide_assignments
from labelmend.relabel.assignments.fusion import Beliefs, fuse
from labelmend.relabel.assignments.types import MendedSets
from labelmend.retrain.known import ANSWERED, is_held_out
from labelmend.retrain.mending import Judged
from labelmend.retrain.rows import MendedRow, NewRow
from labelmend.retrain.sets.known import KnownSets, matrix, with_labels
from labelmend.types import Bools, Doubles, Floats, Ints

_LABELS, _REVIEW = "labels", "review"

_DIGITS = 6
"""Of confidences and rates."""


@dataclass(frozen=True)
class SetsMending:
    """New rows, mended; see `Mending`, of which one entry is a text and a label that it was given.

    Attributes:
        rows: all of them, in their order.
        labels: the label set that indices mean.
        judged: new rows of the kind `labels`.
        settled: new rows of the other kinds.
        known: known rows with the labels that they came with.
        channel_record: how often labels are forgotten and added, by label.
        unknown: labels of new rows that no known row carries and no person answered with.
    """

    rows: tuple[MendedRow, ...]
    labels: tuple[str, ...]
    judged: Judged
    settled: Judged
    known: Judged
    channel_record: Mapping[str, Any]
    unknown: tuple[str, ...]


def texts_to_place_sets(known: KnownSets, rows: Sequence[NewRow]) -> tuple[str, ...]:
    """Return the distinct texts that `mend_sets` needs vectors of."""
    texts = [*known.learned_from.texts, *(row.text for row in rows)]
    return tuple(smallest_spellings(texts, text_groups(texts))) if texts else ()


def mend_sets(
    known: KnownSets,
    rows: Sequence[NewRow],
    embeddings: Floats,
    config: Config,
    share: float,
    progress: Progress,
) -> SetsMending:
    """Mend new rows with what is known; no held-out row of that is looked at.

    Args:
        known: what evidence learns from.
        rows: the new ones.
        embeddings: float32 [u, d], of `texts_to_place_sets`.
        config: seed, and the harm budget.
        share: of texts that are held out.
        progress: hears how far the work is.
    """
    table = _Table.of(known, rows, share)
    beside = np.flatnonzero(~table.strange & ~table.held_out)
    outside = np.flatnonzero(~table.strange & table.held_out)
    first = _Run.of(table, beside, embeddings, config, progress)
    runs = [(beside, first)]
    if len(outside):
        everything = np.concatenate([beside, outside])
        last = _Run.of(table, everything, embeddings, config, progress)
        runs.append((outside, last.only(len(beside))))
    mended: dict[int, tuple[str, float, str]] = {}
    for places, run in runs:
        mended |= dict(zip(places.tolist(), run.said(), strict=True))
    done = []
    for number, row in enumerate(rows):
        labels, confidence, decision = mended.get(number, ("", 0.0, _REVIEW))
        if row.rows != _LABELS:  # settled, whatever others say of the same text
            labels, confidence, decision = row.label, 1.0, ANSWERED
        side = "held out" if table.held_out[number] else "train"
        done.append(
            MendedRow(
                *(row.source, row.id, row.key, row.text, row.label, row.rows),
                *(side, labels, round(confidence, _DIGITS), decision),
            )
        )
    is_new = np.array([row.rows == _LABELS for row in rows], dtype=np.bool_)
    return SetsMending(
        rows=tuple(done),
        labels=table.labels,
        judged=_joined([run.judged(is_new[places]) for places, run in runs]),
        settled=_joined([run.judged(~is_new[places]) for places, run in runs]),
        known=first.judged_known(~known.answered[~known.held_out]),
        channel_record=first.channel_record(),
        unknown=table.unknown,
    )


@dataclass(frozen=True)
class _Table:
    """Known and new rows on distinct texts.

    Attributes:
        labels: the label set.
        came: bool [k, L], the known rows that are learned from, as they came.
        settled: bool [k], those that people settled.
        use: bool [k, L], their labels to use.
        known_text: int64 [k], the text of each.
        new: bool [r, L], the new rows as they came.
        new_text: int64 [r], the text of each.
        is_answer: bool [r], new rows that somebody settled.
        held_out: bool [r].
        strange: bool [r], rows with a label that nobody knows.
        unknown: these labels.
        texts: distinct ones, u.
    """

    labels: tuple[str, ...]
    came: Bools
    settled: Bools
    use: Bools
    known_text: Ints
    new: Bools
    new_text: Ints
    is_answer: Bools
    held_out: Bools
    strange: Bools
    unknown: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, known: KnownSets, rows: Sequence[NewRow], share: float) -> "_Table":
        learned, inside = known.learned_from, ~known.held_out
        came = known.came[inside]
        carried = np.flatnonzero((learned.given | came).any(axis=0)).tolist()
        names = {known.labels[k] for k in carried}
        told = {k for row in rows if row.rows != _LABELS for k in labels_in(row.label)}
        labels = tuple(sorted(names | told))
        strange = [[k for k in labels_in(row.label) if k not in labels] for row in rows]
        place = {text_key(text): i for i, text in enumerate(texts_to_place_sets(known, rows))}
        return cls(
            labels=labels,
            came=with_labels(replace(learned, given=came), labels).given,
            settled=known.answered[inside],
            use=with_labels(learned, labels).given,
            known_text=np.array([place[text_key(t)] for t in learned.texts], dtype=np.int64),
            new=matrix([row.label for row in rows], labels),
            new_text=np.array([place[text_key(row.text)] for row in rows], dtype=np.int64),
            is_answer=np.array([row.rows != _LABELS for row in rows], dtype=np.bool_),
            held_out=np.array([is_held_out(row.text, share) for row in rows], dtype=np.bool_),
            strange=np.array([bool(one) for one in strange], dtype=np.bool_),
            unknown=tuple(sorted({k for one in strange for k in one})),
            texts=tuple(place),
        )


@dataclass(frozen=True)
class _Run:
    """A mending of known rows and some new ones, which come behind.

    Attributes:
        result: what became of all rows.
        beliefs: on the texts of this run.
        text: int64 [n], the text of each row among those.
        known: rows that are known.
    """

    result: MendedSets
    beliefs: Beliefs
    text: Ints
    known: int

    @classmethod
    def of(
        cls, table: _Table, new: Ints, embeddings: Floats, config: Config, progress: Progress
    ) -> "_Run":
        """Mend them.

        Args:
            table: all rows.
            new: int64, places of the new rows that have a say.
            embeddings: of all texts.
            config: seed, and the harm budget.
            progress: hears how far the work is.
        """
        whole = np.concatenate([table.known_text, table.new_text[new]])
        texts, text = np.unique(whole, return_inverse=True)
        given = np.vstack([table.came, table.new[new]])
        settled = np.concatenate([table.settled, table.is_answer[new]])
        told = np.vstack([table.use, table.new[new]])
        answers = _answers(text[settled], told[settled])
        shares = _shares(text, given, len(texts))
        beliefs = fuse(embeddings[texts], shares, answers, config.seed, LOCAL, progress)
        said = np.full(shares.shape, np.nan)
        said[answers.texts[answers.agreed]] = answers.said[answers.agreed]
        said = said[text]
        changes = decide_assignments(
            beliefs.cautious[text], given, said, config.decision.max_harm, beliefs.spread[text]
        )
        result = MendedSets(
            labels=table.labels,
            given=given,
            holds=beliefs.holds[text],
            changes=changes,
            channel=beliefs.channel,
            said=said,
            of_row=text,
            texts=tuple(table.texts[i] for i in texts.tolist()),
            near=beliefs.near,
        )
        return cls(result, beliefs, text, len(table.known_text))

    def only(self, known: int) -> "_Run":
        """Return the same where so many further rows count as known."""
        return _Run(self.result, self.beliefs, self.text, self.known + known)

    def said(self) -> list[tuple[str, float, str]]:
        """Return labels, confidence and decision of each new row."""
        result, rows = self.result, slice(self.known, None)
        sets = [packed(labels) for labels in result.names(result.mended[rows])]
        sure = result.confidence[rows].tolist()
        return list(zip(sets, sure, result.decisions[rows], strict=True))

    def judged(self, among: Bools) -> Judged:
        """Return what the evidence says of labels that some of the new rows were given."""
        rows = np.flatnonzero(among) + self.known
        return self._judged(rows)

    def judged_known(self, among: Bools) -> Judged:
        """Return the same of known rows, of which bool [k] says which."""
        return self._judged(np.flatnonzero(among))

    def _judged(self, rows: Ints) -> Judged:
        """Say of each text and given label how many labels that were not given are likelier."""
        given = self.result.given
        row, label = np.nonzero(given[rows])
        pairs = np.unique(np.stack([self.text[rows][row], label], axis=1), axis=0)
        text, label = pairs[:, 0], pairs[:, 1]
        told = _shares(self.text, given, len(self.beliefs.evidence)) > 0
        evidence = self.beliefs.evidence[text]
        own = np.take_along_axis(evidence, label[:, None], axis=1)
        others = np.where(told[text], -np.inf, evidence)
        rank = (others > own).sum(axis=1)
        best = np.where(rank > 0, others.argmax(axis=1), label)
        return Judged(best, label, rank)

    def channel_record(self) -> dict[str, Any]:
        """Return the rates of each label."""
        channel = self.beliefs.channel
        rates = np.stack([channel.forgotten, channel.added], axis=1).round(_DIGITS).tolist()
        return {
            label: {"forgotten_rate": forgotten, "added_rate": added}
            for label, (forgotten, added) in zip(self.result.labels, rates, strict=True)
        }


def _shares(text: Ints, given: Bools, texts: int) -> Doubles:
    """Return float64 [u, L], the share of each text's rows that have each label."""
    found = np.zeros((texts, given.shape[1]))
    np.add.at(found, text, given)
    return found / np.maximum(np.bincount(text, minlength=texts), 1)[:, None]


def _answers(text: Ints, told: Bools) -> AnsweredTexts:
    """Return what people say of texts: the share of them that say a label holds."""
    if not len(text):
        return AnsweredTexts.none(told.shape[1])
    texts, place = np.unique(text, return_inverse=True)
    return AnsweredTexts(texts, _shares(place, told, len(texts)))


def _joined(parts: Sequence[Judged]) -> Judged:
    return Judged(
        np.concatenate([part.best for part in parts]),
        np.concatenate([part.given for part in parts]),
        np.concatenate([part.rank for part in parts]),
    )
