"""Prodigy: tasks for its `choice` interface; what `db-out` writes back.

https://prodi.gy/docs/api-interfaces#choice. Each task carries all labels as options, the candidates
first, so that the keys 1 to 9 pick them. `accept` with one option is an answer, `ignore` is none.
`reject` with options picked means "not these", which answers can't say: no answer. `reject` with
nothing picked refuses the choice as a whole: "none of these", where the task offered every option
that the file has.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from labelmend.data.formats.base import Format
from labelmend.data.formats.objects import text_of
from labelmend.data.formats.tools.prodigy import PRODIGY, option_names, options_of
from labelmend.errors import OutputError
from labelmend.review.exchange.marks import EVIDENCE, REASON
from labelmend.review.exchange.tasks import Export, Task
from labelmend.review.exchange.tool import Heard, Reply, Tool, ToolFile, utc

_MOST_OPTIONS = 3_000_000
"""In a file: each task carries them all, some 50 bytes an option, so 150 MB; a table of 15,100 rows
and 151 labels has 2.3 million."""


class ProdigyTool(Tool):
    """Prodigy, by the schema of its documents."""

    name = "prodigy"
    title = "Prodigy"
    suffix = ".jsonl"
    beside: tuple[str, ...] = ()
    formats: tuple[Format, ...] = (PRODIGY,)

    def written(self, export: Export) -> dict[str, bytes]:
        """Return the tasks, a line each."""
        if len(export.tasks) * len(export.choices) > _MOST_OPTIONS:
            raise OutputError(
                f"{len(export.tasks):,} tasks with {len(export.choices):,} options each are too "
                "many for Prodigy, whose tasks carry all of them; ask for fewer with --rows"
            )
        lines = (json.dumps(_task(task, export), ensure_ascii=False) for task in export.tasks)
        return {self.suffix: "".join(f"{line}\n" for line in lines).encode()}

    def heard(self, file: ToolFile, question: str | None) -> Reply:
        """Read the tasks that were accepted, and the choices that were refused."""
        del question
        names = option_names([dict(task) for task in file.objects])
        every = {text_of(found) for task in file.objects for found, _ in options_of(task)}
        heard: list[Heard] = []
        refused: list[int] = []
        for number, task in enumerate(file.objects, start=1):
            offered = {text_of(found) for found, _ in options_of(task)}
            picked = tuple(_picked(task, names))
            answer = task.get("answer", "ignore")
            whole = answer == "reject" and not picked and len(offered) > 1 and offered == every
            if answer == "reject" and not whole:
                refused.append(number)
            elif whole or (answer == "accept" and picked):
                who, when = _person(task), utc(task.get("_timestamp"))
                heard.append(Heard(number, task, who, when, picked, refused=whole))
        silent = len(file.objects) - len(heard) - len(refused)
        return Reply(tuple(heard), silent, tuple(_notes(file, refused)))


def _task(task: Task, export: Export) -> dict[str, Any]:
    first = [label for label, _ in task.candidates]
    rest = [label for label in export.choices if label not in set(first)]
    words = task.in_words()
    meta: dict[str, Any] = {"row": task.mark.id}
    meta |= {name: words[name] for name in ("given", "candidates", "reason") if name in words}
    found: dict[str, Any] = {
        "text": task.text,
        "options": [{"id": label, "text": label} for label in (*first, *rest)],
        "meta": meta,
        **task.mark.fields(),
    }
    if task.candidates:
        found["score"] = task.candidates[0][1]
        found["model_version"] = export.version
    if task.evidence is not None:
        found |= {REASON: task.reason(), EVIDENCE: task.evidence}
    return found


def _picked(task: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    """Yield what was picked, by name; of a task without options its label."""
    found = task.get("accept")
    if found is None and not task.get("options"):
        found = task.get("label")
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, str) and one.strip():
            yield names.get(text_of(one), text_of(one))


def _person(task: Mapping[str, Any]) -> str | None:
    """Return the annotator, or the session where Prodigy names none."""
    for name in ("_annotator_id", "_session_id"):
        if task.get(name) is not None and str(task[name]).strip():
            return str(task[name])
    return None


def _notes(file: ToolFile, refused: list[int]) -> Iterator[str]:
    if refused:
        tasks = "1 task was" if len(refused) == 1 else f"{len(refused)} tasks were"
        yield (
            f"{file.path}: {tasks} rejected with one option, which says what the label is not: no "
            "answer; they are still in the file"
        )


PRODIGY_TOOL = ProdigyTool()
