"""doccano: a data set of a text classification and its labels; its exports back.

https://doccano.github.io/doccano/tutorial/. doccano knows no suggestions: a label that is imported
counts as one that somebody gave. So `label` is empty, and candidates stand in the metadata, which
is shown beside the text. Its exports say neither who labelled a text nor when: export a file a
person, and name the person.
"""

import json
from contextlib import suppress
from typing import Any

from labelmend.data.formats.base import Format
from labelmend.data.formats.tools.doccano import DOCCANO, DOCCANO_CSV, DOCCANO_LINES
from labelmend.errors import OutputError
from labelmend.regular_file import parsed_json
from labelmend.review.exchange.marks import EVIDENCE, REASON, WRITTEN_BY
from labelmend.review.exchange.tasks import Export, Task
from labelmend.review.exchange.tool import Heard, Reply, Tool, ToolFile

_MOST_CHARACTERS = 100
"""Of a label's name: the length of doccano's own field, `LabelType.text`. One name that is longer,
and doccano refuses the whole list."""

_SHOWN = 40
"""Characters of such a name in a message: enough to know it by."""


class DoccanoTool(Tool):
    """doccano, projects of text classification."""

    name = "doccano"
    title = "doccano"
    suffix = ".jsonl"
    beside: tuple[str, ...] = (".labels.json",)
    formats: tuple[Format, ...] = (DOCCANO, DOCCANO_LINES, DOCCANO_CSV)

    def written(self, export: Export) -> dict[str, bytes]:
        """Return the data set, and its labels.

        Raises:
            OutputError: a label's name is too long.
        """
        long = next((one for one in export.choices if len(one) > _MOST_CHARACTERS), None)
        if long is not None:
            raise OutputError(
                f"label {long[:_SHOWN]!r}...: has {len(long)} characters, and doccano's labels at "
                f"most {_MOST_CHARACTERS}: it would take none of the list; rename the label, or "
                "export to another tool"
            )
        # doccano guesses a file's encoding, so it gets ASCII, and fills what a row lacks with NaN.
        rows = "".join(f"{json.dumps(_row(task, export.version))}\n" for task in export.tasks)
        # doccano passes over fields that it doesn't know.
        labels = [{"text": choice, "note": WRITTEN_BY} for choice in export.choices]
        written = f"{json.dumps(labels, indent=1)}\n"
        return {self.suffix: rows.encode(), self.beside[0]: written.encode()}

    def heard(self, file: ToolFile, question: str | None) -> Reply:
        """Read the texts with a label."""
        del question
        heard = []
        for number, row in enumerate(file.objects, start=1):
            choices = _choices(row.get("label"))
            if choices:
                heard.append(Heard(number, row, None, None, choices))
        return Reply(tuple(heard), len(file.objects) - len(heard))


def _row(task: Task, version: str) -> dict[str, Any]:
    words = task.in_words()
    evidence = "" if task.evidence is None else json.dumps(task.evidence, ensure_ascii=False)
    return {
        "text": task.text,
        "label": [],
        **task.mark.fields(),
        "given": words.get("given", ""),
        "candidates": words.get("candidates", ""),
        "model_version": version if words else "",
        REASON: task.reason(),
        EVIDENCE: evidence,
    }


def _choices(found: object) -> tuple[str, ...]:
    """Return the labels of a text: a list, of which the CSV's reader makes a text."""
    if isinstance(found, str) and found.startswith('["'):
        with suppress(ValueError):
            found = parsed_json(found)
    listed = found if isinstance(found, list) else [found]
    return tuple(str(one) for one in listed if isinstance(one, str) and one.strip())


DOCCANO_TOOL = DoccanoTool()
