"""What a stage can't do with a data set, said before any work."""

from collections.abc import Collection, Mapping

from labelmend.errors import InputError
from labelmend.types import Dataset, Task

_WORDS: Mapping[Task, str] = {
    "single": "one label a row",
    "several": "several labels a row",
    "soft": "soft labels",
}


def require_task(dataset: Dataset, tasks: Collection[Task], stage: str) -> None:
    """Make sure that a stage can work on a data set.

    Args:
        dataset: the data.
        tasks: that the stage knows.
        stage: what the user calls it, such as `relabel`.

    Raises:
        InputError: the data's task is none of them.
    """
    if dataset.task not in tasks:
        known = " or ".join(words for task, words in _WORDS.items() if task in tasks)
        raise InputError(f"{stage} can't work on {_WORDS[dataset.task]}: give a table with {known}")
