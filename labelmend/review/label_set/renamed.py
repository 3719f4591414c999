"""A reviewed table under the labels' present names; the files of the run have those of its time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from labelmend.relabel.diagnostics.explanation import CandidateNats, Explanation
from labelmend.review.evidence import EvidenceIndex
from labelmend.review.table import ReviewTable
from labelmend.types import NO_LABEL


@dataclass(frozen=True)
class _RenamedEvidence(EvidenceIndex):
    """Evidence whose labels have other names by now.

    Attributes:
        names: of each name that means another label, that label's name.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def explanation(self, row: int, text: str) -> Explanation | None:
        """Return a row's explanation; its sentence is that of the run."""
        found = super().explanation(row, text)
        return None if found is None else _renamed_explanation(found, self.names)


def renamed(
    table: ReviewTable,
    names: Mapping[str, str],
    labels: Collection[str],
    descriptions: Mapping[str, str],
) -> ReviewTable:
    """Return a table as people know its labels by now.

    Args:
        table: as the run left it.
        names: of each name that means another label by now, that label's name.
        labels: that are there besides those of the run.
        descriptions: of labels by their present names, beside those of the run.
    """
    mended, dataset = table.mended, table.mended.dataset
    present = tuple(sorted({*(names.get(label, label) for label in dataset.labels), *labels}))
    if not names and present == dataset.labels and not descriptions:
        return table
    place = {label: number for number, label in enumerate(present)}
    moved = np.array(
        [*(place[names.get(label, label)] for label in dataset.labels), NO_LABEL], dtype=np.int64
    )
    return replace(
        table,
        mended=replace(
            mended,
            dataset=replace(
                dataset,
                labels=present,
                given=moved[dataset.given],
                oos=None if dataset.oos is None else int(moved[dataset.oos]),
                former_names={**dataset.former_names, **names},
            ),
            mended=moved[mended.mended],
        ),
        evidence=_renamed_evidence(table.evidence, names),
        label_set=frozenset(present),
        descriptions={
            **{names.get(label, label): said for label, said in table.descriptions.items()},
            **descriptions,
        },
    )


def _renamed_evidence(evidence: EvidenceIndex, names: Mapping[str, str]) -> EvidenceIndex:
    if not names:
        return evidence
    known = {one.name: getattr(evidence, one.name) for one in fields(EvidenceIndex)}
    known["proposed"] = tuple(
        None if label is None else names.get(label, label) for label in evidence.proposed
    )
    return _RenamedEvidence(**known, names=names)


def _renamed_explanation(found: Explanation, names: Mapping[str, str]) -> Explanation:
    candidates: dict[str, CandidateNats] = {}
    for one in found.candidates:
        label = names.get(one.label, one.label)
        # Of labels that are one by now, the evidence is that of the likelier one.
        first = candidates.get(label, replace(one, label=label, posterior=0.0))
        candidates[label] = replace(first, posterior=min(first.posterior + one.posterior, 1.0))
    return replace(
        found,
        given=None if found.given is None else names.get(found.given, found.given),
        proposed=names.get(found.proposed, found.proposed),
        candidates=tuple(candidates.values()),
        votes={voter: names.get(label, label) for voter, label in found.votes.items()},
        neighbours=tuple(
            replace(near, labels=tuple(dict.fromkeys(names.get(k, k) for k in near.labels)))
            for near in found.neighbours
        ),
    )
