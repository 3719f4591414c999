"""The labels of CLINC150's training data that labelmend doubts most, as published, without noise.

    python benchmarks/doubtful.py

Writes benchmarks/DOUBTFUL.md. The data are not ours to copy, so rows are named by their line in
train.csv, whose header is line 1.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from correction import HERE, SOURCES, code_digest, load
from peers import relabel_dataset

from labelmend.relabel.result import Relabelling

ROWS = 100


@dataclass(frozen=True)
class Doubt:
    """One row whose given label may be wrong.

    Attributes:
        line: in the file.
        given: its label.
        quality: posterior of the given label.
        rival: the most probable other label.
        posterior: of the rival.
        action: what labelmend does.
    """

    line: int
    given: str
    quality: float
    rival: str
    posterior: float
    action: str


def doubts(result: Relabelling, limit: int) -> list[Doubt]:
    """Return the rows of the lowest label quality, worst first."""
    dataset, decisions = result.dataset, result.decisions
    worst = np.argsort(decisions.quality, kind="stable")[:limit]
    texts = result.unique.of_row[worst]
    labels = result.posterior.candidates[texts]
    others = np.where(
        labels == dataset.given[worst, None], -1.0, result.posterior.probabilities[texts]
    )
    place = others.argmax(axis=1)
    return [
        Doubt(
            line=row + 2,
            given=dataset.labels[dataset.given[row]],
            quality=float(decisions.quality[row]),
            rival=dataset.labels[labels[i, place[i]]],
            posterior=float(others[i, place[i]]),
            action=decisions.actions[row],
        )
        for i, row in enumerate(worst.tolist())
    ]


def table(found: Sequence[Doubt]) -> str:
    """Return the whole Markdown file."""
    lines = [
        "# The most doubtful labels of CLINC150's training data",
        "",
        f"`python benchmarks/doubtful.py`: the {len(found)} rows of `data_full.json`'s train and "
        "oos_train, in the order of `train.csv`, with the lowest label quality when labelmend "
        "mends the labels as published (embedded profile, no LLM, seed 0, max harm 0.5 %). Quality "
        "is the posterior of the given label, the rival the most probable other one. "
        f"Python {platform.python_version()}, labelmend's sources {code_digest()}.",
        "",
        "| line | given | quality | rival | posterior | labelmend |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {doubt.line} | {doubt.given} | {doubt.quality:.4f} "
        f"| {doubt.rival} | {doubt.posterior:.4f} | {doubt.action} |"
        for doubt in found
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    source = next(source for source in SOURCES if source.key == "clinc")
    if not source.table.exists():
        raise SystemExit(f"{source.table} is not here")
    data = load(source)
    if any("\n" in text for text in data.texts):
        raise SystemExit(f"{source.table}: a text spans lines, so rows are no lines")
    found = doubts(relabel_dataset(data.dataset(data.truth)), ROWS)
    target = HERE / "DOUBTFUL.md"
    target.write_text(table(found), "utf-8")
    print(f"{target}: {len(found)} rows")


if __name__ == "__main__":
    main()
