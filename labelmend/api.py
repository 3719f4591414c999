"""The public functions: sequences to a dataset, a dataset to its relabelling."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.answers import AnswerFile, MatchedAnswers
from labelmend.data.cells.read import LabelRules, read_labels
from labelmend.data.dataset import label_indices
from labelmend.data.sets.label_sets import LabelSets
from labelmend.data.task import require_task
from labelmend.errors import LabelmendError, nearest, row_list
from labelmend.llm.store import Store
from labelmend.protocols import Progress
from labelmend.relabel import pipeline
from labelmend.relabel.assignments.mend import Voters, mend_assignments
from labelmend.relabel.assignments.types import MendedSets
from labelmend.relabel.result import Relabelling
from labelmend.relabel.run_models import asking_of_sets, locate_models
from labelmend.types import NO_LABEL, Bools, Dataset, LabelCard

_LEAST_LABELS = 2
"""Fewer labels leave nothing to tell apart."""

_SHOWN_LABELS = 5
"""Labels that a message names; of more it says how many."""


def mend(
    dataset: Dataset,
    config: Config | None = None,
    *,
    use_llm: bool = False,
    descriptions: Mapping[str, str] | None = None,
    votes: Mapping[str, Sequence[str | None]] | None = None,
    answers: MatchedAnswers | None = None,
    self_test: bool = False,
    progress: Progress | None = None,
) -> Relabelling:
    """Mend a dataset's labels.

    The outcome does not depend on the order of rows, and two runs give the same.

    Args:
        dataset: from `make_dataset`.
        config: from `load_config`; None for the embedded profile.
        use_llm: let the profile's LLMs describe labels and vote on doubtful rows.
        descriptions: what a label means, in a sentence or two, for as many labels as you like.
        votes: by voter, what another annotator or model said of each row; None where nothing. Each
            is a source of its own, and counts as much as it deserves.
        answers: what people said of the texts, from `labelmend.data.answer_file.loaded_answers`:
            their rows are settled, and the others learn from them.
        self_test: mend known errors in the mended labels, too: `Relabelling.self_test`.
        progress: hears how far the work is.

    Returns:
        decisions and posterior of each row, and the evidence behind them; `labelmend.explain`
        puts a row's into words.

    Raises:
        ValueError: a description is of no label of the dataset or is blank, or a voter has not one
            vote a row.
        InputError: the dataset's labels are not one a row.
        ModelError: a model of the configuration is not on this machine, or is another one.
    """
    require_task(dataset, {"single"}, "mend")
    config = config or load_config()
    written = _written(descriptions, dataset.labels)
    limit = config.data.max_text_chars
    cut = replace(dataset, texts=tuple(text[:limit] for text in dataset.texts))
    models = locate_models(config, use_llm=use_llm)
    for name, vote in (votes or {}).items():
        if len(vote) != len(dataset):
            raise ValueError(f"votes of {name!r}: {len(vote)} for {len(dataset)} rows")
    said = {name: label_indices(dataset.labels, vote) for name, vote in (votes or {}).items()}
    return pipeline.relabel(
        cut,
        config,
        models,
        written=written,
        votes=said,
        answers=answers,
        progress=progress,
        self_test=self_test,
    )


def mend_sets(
    texts: Iterable[str],
    labels: Iterable[Iterable[Any] | None],
    config: Config | None = None,
    *,
    label_set: Iterable[Any] | None = None,
    use_llm: bool = False,
    descriptions: Mapping[str, str] | None = None,
    answers: AnswerFile | None = None,
    progress: Progress | None = None,
) -> MendedSets:
    """Mend labels of which a text may have any number.

    The outcome does not depend on the order of rows, and two runs give the same.

    Args:
        texts: [n] strings, none of them blank.
        labels: [n] lists of strings or numbers; an empty list, or None, is a text without labels,
            which is right.
        config: from `load_config`; None for the embedded profile. `decision.max_harm` is the
            budget of labels that hold and are taken away, and that of labels that don't and are
            added, each as a share of those that hold.
        label_set: all labels there are, if some may be carried by no row; else those in `labels`.
        use_llm: let those of the profile's LLMs vote on doubtful texts whose `several` is true.
        descriptions: what a label means, in a sentence or two, for as many as you like: LLMs are
            shown it.
        answers: what people said, from `labelmend.data.answer_file.read_answers(path, "several")`:
            their rows get it, and show by how much beliefs on the others are off.
        progress: hears how far the work is.

    Returns:
        the labels of each row, what was changed, and the probability of each assignment.

    Raises:
        ValueError: lengths differ, a text is blank or no string, a row's labels are a single
            string or hold what is no label, a label is not in `label_set`, or there is none, or a
            description is of no label or is blank.
        ModelError: a model of the configuration is not on this machine, or is another one.
    """
    read = text_values(texts, "texts")
    rows = [
        [k for k in label_names(() if row is None else row, f"labels[{i}]") if k is not None]
        for i, row in enumerate(listed(labels, "labels"))
    ]
    if len(read) != len(rows):
        raise ValueError(f"{len(read)} texts and {len(rows)} lists of labels: give one a text")
    carried = {label for row in rows for label in row}
    if label_set is not None:
        carried = _within(carried, {k for k in label_names(label_set, "label_set") if k})
    if not carried:
        raise ValueError("labels: no row has one; name those that there are with label_set")
    names = tuple(sorted(carried))
    place = {label: i for i, label in enumerate(names)}
    given = np.zeros((len(read), len(names)), dtype=np.bool_)
    for i, row in enumerate(rows):
        given[i, [place[label] for label in row]] = True
    config = config or load_config()
    limit = config.data.max_text_chars
    ids = tuple(str(row + 1) for row in range(len(read)))
    sets = LabelSets(ids, tuple(text[:limit] for text in read), given, names)
    cards = _written(descriptions, names)
    if not use_llm:
        return mend_assignments(sets, config, progress, answers)
    config = asking_of_sets(config)
    with Store(None) as store:
        voters = Voters(locate_models(config, use_llm=True), store, cards)
        return mend_assignments(sets, config, progress, answers, voters=voters)


def _written(
    descriptions: Mapping[str, str] | None, labels: Collection[str]
) -> dict[str, LabelCard]:
    """Return the user's label cards.

    Raises:
        ValueError: a description is of no label of the dataset, or is blank.
    """
    given = descriptions or {}
    for label, description in given.items():
        if label not in labels:
            raise ValueError(
                f"descriptions: no label {label!r} in the dataset{nearest(label, labels)}"
            )
        if not description.strip():
            raise ValueError(f"descriptions: that of {label!r} is blank; leave it out")
    return {label: LabelCard(label, text, (), "user") for label, text in given.items()}


def make_dataset(
    texts: Iterable[str],
    labels: Iterable[Any],
    *,
    ids: Iterable[Any] | None = None,
    label_set: Iterable[Any] | None = None,
    oos_label: str | None = None,
    label_separator: str | None = None,
    missing_labels: Iterable[Any] = (),
    merge_spellings: bool = False,
) -> Dataset:
    """Make a dataset from lists, NumPy arrays or pandas Series.

    Labels become strings: 3 and 3.0 both become "3". None, NaN, blank strings and empty lists mean
    that a row has no label; it gets one where the evidence is clear. Labels are read as the command
    line reads a table's: a list of one label is that label.

    Args:
        texts: [n] strings, none of them blank.
        labels: [n] strings, numbers, or lists of one of these.
        ids: [n] unique names of the rows; their numbers from 1 if None.
        label_set: all labels there are, if some may be carried by no row; else those in `labels`.
        oos_label: the label that means "fits no label", added if it is not in the label set. None
            takes the first label with one of the usual names, such as "oos" or "out_of_scope".
        label_separator: what parts several labels in a string; "none" where each string is one
            label as it stands; None to refuse strings that look like several.
        missing_labels: what else means that a row has no label, such as -1 or "n/a".
        merge_spellings: labels that differ by case, spaces, hyphens or hidden characters are one:
            the spelling in `label_set`, else the most frequent one.

    Raises:
        ValueError: lengths differ, a text is blank or no string, an id repeats, a label is not in
            `label_set`, a row has several labels, or fewer than two labels are left.
    """
    read = text_values(texts, "texts")
    known = {
        name
        for name in label_names(() if label_set is None else label_set, "label_set")
        if name is not None
    }
    values = tuple(name for name in label_names(missing_labels, "missing_labels") if name)
    described = known | ({oos_label} if oos_label else set())
    try:
        rules = LabelRules(label_separator, values, merge_spellings)
        names = single_labels(labels, "labels", rules, described)
    except LabelmendError as error:
        raise ValueError(_in_python(str(error))) from None
    if len(read) != len(names):
        raise ValueError(f"{len(read)} texts and {len(names)} labels: give one label a text")
    carried = {name for name in names if name is not None}
    known = carried if label_set is None else _within(carried, known)
    all_labels = tuple(sorted(known | ({oos_label} if oos_label else set())))
    if len(all_labels) < _LEAST_LABELS:
        found = repr(all_labels[0]) if all_labels else "none"
        raise ValueError(
            f"at least two labels are needed to tell apart, found {found}; name further ones "
            "with label_set"
        )
    index = {label: i for i, label in enumerate(all_labels)}
    return Dataset(
        ids=_ids(ids, len(read)),
        texts=read,
        given=np.array([NO_LABEL if n is None else index[n] for n in names], dtype=np.int64),
        labels=all_labels,
        oos=_oos_index(all_labels, oos_label),
    )


def _within(carried: set[str], known: set[str]) -> set[str]:
    """Return the known labels.

    Raises:
        ValueError: a row carries another one.
    """
    unknown = sorted(carried - known)
    if unknown:
        more = f" and {len(unknown) - _SHOWN_LABELS} more" * (len(unknown) > _SHOWN_LABELS)
        shown = ", ".join(map(repr, unknown[:_SHOWN_LABELS]))
        raise ValueError(
            f"labels: {shown}{more} not in label_set{nearest(unknown[0], sorted(known))}; "
            "add what is missing, or leave label_set out"
        )
    return known


def single_labels(
    labels: Iterable[Any], name: str, rules: LabelRules, known: Collection[str] = ()
) -> list[str | None]:
    """Return one label a row as a string, None for a missing one.

    Args:
        labels: strings, numbers, missing values, or lists of these.
        name: what messages call it.
        rules: how they are read.
        known: labels that are there whatever the rows carry.

    Raises:
        ValueError: it is a single string, or holds what is no label.
        InputError: a row has several labels.
    """
    cells = [
        json.dumps([k for k in label_names(value, f"{name}[{row}]") if k is not None])
        if isinstance(value, list | tuple | set | frozenset | np.ndarray)
        else value
        for row, value in enumerate(listed(labels, name))
    ]
    whole = ["" if cell is None else cell for cell in label_names(cells, name)]
    found = read_labels(whole, rules, described=known).single(whole, name)
    return [label or None for label in found]


_FLAGS = {
    "--label-separator none": 'label_separator="none"',
    "--label-separator": "label_separator",
}


def _in_python(message: str) -> str:
    """Return a message with the names of arguments in the place of flags."""
    for flag, argument in _FLAGS.items():
        message = message.replace(flag, argument)
    return message


def text_values(texts: Iterable[str], name: str) -> tuple[str, ...]:
    """Return texts as a tuple.

    Args:
        texts: a sequence, array or Series of strings.
        name: what messages call it.

    Raises:
        ValueError: it is a single string, holds anything but strings, or a blank one; or nothing.
    """
    read = listed(texts, name)
    wrong = next((row for row, text in enumerate(read) if not isinstance(text, str)), None)
    if wrong is not None:
        raise ValueError(
            f"{name}[{wrong}] is {read[wrong]!r}, of type {type(read[wrong]).__name__}: "
            "give a string"
        )
    blank = [row for row, text in enumerate(read) if not text.strip()]
    if blank:
        raise ValueError(f"{name}: {row_list(blank)} (from 0): blank; fill in or remove")
    if not read:
        raise ValueError(f"{name} is empty")
    return tuple(str(text) for text in read)  # plain ones, where NumPy's came


def label_names(labels: Iterable[Any], name: str) -> list[str | None]:
    """Return labels as strings, None for a missing one.

    Args:
        labels: strings, numbers or missing values.
        name: what messages call it.

    Raises:
        ValueError: it is a single string, or holds what is neither string nor number.
    """
    values = object_array(listed(labels, name))
    names: list[str | None] = []
    for row, (value, none) in enumerate(zip(values, missing(values), strict=True)):
        if none:
            names.append(None)
        elif isinstance(value, str | int | np.bool_ | np.integer):
            names.append(str(value))
        elif isinstance(value, float | np.floating):
            # pandas turns whole numbers into floats where one is missing.
            names.append(str(int(value)) if float(value).is_integer() else str(value))
        else:
            raise ValueError(
                f"{name}[{row}] is {value!r}, of type {type(value).__name__}: "
                "a label is a string or a number"
            )
    return names


def listed(values: Iterable[Any], name: str) -> list[Any]:
    """Return the values as a list.

    Raises:
        ValueError: they are a single string, whose letters nobody means.
    """
    if isinstance(values, str):
        raise ValueError(f"{name} is a single string: give a sequence, a value a row")  # noqa: TRY004
    return list(values)


def object_array(values: Sequence[Any]) -> npt.NDArray[np.object_]:
    """Return a 1-D array of any values, tuples among them."""
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def missing(values: npt.NDArray[Any]) -> Bools:
    """Return bool [n]: where a value is None, NaN, pandas' NA, or a blank string."""
    none = np.asarray(pd.isna(values), dtype=bool)
    if values.dtype.kind in "OU":
        blank = (isinstance(value, str) and not value.strip() for value in values)
        none |= np.fromiter(blank, dtype=bool, count=len(values))
    return none


def _ids(ids: Iterable[Any] | None, rows: int) -> tuple[str, ...]:
    if ids is None:
        return tuple(str(row) for row in range(1, rows + 1))
    names = tuple(str(name) for name in ids)
    if len(names) != rows:
        raise ValueError(f"{len(names)} ids and {rows} texts: give one id a text")
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"ids: {repeated[0]!r} stands more than once; give each row its own")
    return names


def _oos_index(labels: Sequence[str], oos_label: str | None) -> int | None:
    if oos_label:
        return labels.index(oos_label)
    folded = [label.strip().casefold() for label in labels]
    usual = [name.casefold() for name in load_config().data.oos_labels]
    return next((folded.index(name) for name in usual if name in folded), None)
