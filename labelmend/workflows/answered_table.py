"""The mended table that answers are of, where an import is told it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmend.audit.mended import data_config, read_mended
from labelmend.data.answers import Answer, label_list, text_sha256
from labelmend.data.request import TableRequest
from labelmend.runs.read import read_run

_SHOWN_IDS = 5
"""In a note."""


@dataclass(frozen=True)
class AnsweredTable:
    """Which rows and labels there are.

    Attributes:
        path: of the table.
        labels: all that it knows.
        texts: by id, as the run read them; of several rows of one id the first.
        keys: hashes of all texts, each with the id of its first row.
        max_text_chars: of a text that the run read.
    """

    path: Path
    labels: Collection[str]
    texts: Mapping[str, str]
    keys: Mapping[str, str]
    max_text_chars: int

    @classmethod
    def read(cls, path: Path) -> "AnsweredTable":
        """Read a mended table.

        Raises:
            InputError: it can't be read, or `labelmend relabel` did not write it.
        """
        mended = read_mended(TableRequest(path))
        run, _ = read_run(path, len(mended.dataset))
        texts: dict[str, str] = {}
        keys: dict[str, str] = {}
        for name, text in zip(mended.dataset.ids, mended.dataset.texts, strict=True):
            texts.setdefault(name, text)
            keys.setdefault(text_sha256(text), name)
        limit = data_config(run).max_text_chars
        return cls(path, frozenset(mended.dataset.labels), texts, keys, limit)

    def notes(self, answers: Sequence[Answer]) -> Iterator[str]:
        """Yield notes on answers that don't fit the table; all are taken as they are."""
        gone = [one for one in answers if one.text_sha256 not in self.keys]
        changed = sorted({one.id for one in gone if one.id in self.texts})
        lost = sorted({one.id for one in gone if one.id not in self.texts})
        moved = sorted({a.id for a in answers if a.text_sha256 in self.keys} - {*self.texts})
        for ids, said in (
            (changed, "the text has changed since: kept for the text that was answered"),
            (lost, "is not in the table, nor is its text: kept, but not used"),
            (moved, "is not in the table, but its text is: found by its text"),
        ):
            if ids:
                yield f"{self.path}: {_ids(ids)}: {said}"
        said_labels = Counter(label for one in answers for label in one.labels)
        strange = {label: n for label, n in said_labels.items() if label not in self.labels}
        if strange:
            count = sum(strange.values())
            of = "1 answer has a label" if count == 1 else f"{count} answers have labels"
            named = label_list(strange, self.labels)
            yield f"{self.path}: {of} that the table lacks: {named}; taken as they are"


def _ids(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
    shown = ", ".join(map(repr, ids[:_SHOWN_IDS]))
    return f"row{'s' if len(ids) > 1 else ''} {shown}{more}"
