"""Files in, files out: what `labelmend label` does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labelmend.configs.schema import Config
from labelmend.data.labels_file import read_labels_file
from labelmend.data.outputs.claim import Given
from labelmend.data.request import TableRequest
from labelmend.engines.choose import HERE, Engine
from labelmend.errors import InputError
from labelmend.protocols import Progress
from labelmend.workflows.relabel import RelabelOutcome, relabel_file

_LEAST_LABELS = 2
"""To choose between."""


def labelling(config: Config) -> Config:
    """Return settings that give each row without a label one, and leave the others theirs."""
    return replace(config, decision=replace(config.decision, max_harm=0.0, fill_all=True))


def label_file(
    request: TableRequest,
    output: Path,
    config: Config,
    progress: Progress,
    *,
    labels_file: Path,
    answers_file: Path | None = None,
    use_llm: bool = True,
    fresh: bool = False,
    tell: Callable[[str], None] | None = None,
    others: Sequence[Given] = (),
    excel_safe: bool = False,
    chosen: Sequence[str] = (),
    engine: Engine = HERE,
) -> RelabelOutcome:
    """Label a table by what a labels file says of the labels.

    Rows that have a label keep it, and teach; the labels of the file are all there are, besides
    those of such rows.

    Args:
        request: the table; it may have a column of labels, with gaps.
        output: the labelled one.
        config: what runs and how.
        progress: hears how far the work is.
        labels_file: the label cards.
        answers_file: what people said.
        use_llm: let the LLMs vote.
        fresh: forget the votes of an earlier run.
        tell: hears before the work what may make it vain.
        others: what the user gave besides; nothing that was given is written to.
        excel_safe: keep spreadsheets from running what our columns say.
        chosen: notes on why it is this profile.
        engine: what carries the work.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    cards = read_labels_file(labels_file)
    if len(cards) < _LEAST_LABELS:
        raise InputError(
            f"{labels_file}: has {len(cards)} label{'s' * (len(cards) != 1)}, and labelling is to "
            "choose between two at least; describe all labels there are"
        )
    if tell is not None and not any(card.description or card.exemplars for card in cards.values()):
        tell(
            f"{labels_file}: no label has a description or an exemplar, so texts are compared with "
            "names alone; a sentence a label helps most"
        )
    return relabel_file(
        request,
        output,
        labelling(config),
        progress,
        labels_file=labels_file,
        answers_file=answers_file,
        use_llm=use_llm,
        fresh=fresh,
        tell=tell,
        others=others,
        excel_safe=excel_safe,
        chosen=chosen,
        engine=engine,
    )
