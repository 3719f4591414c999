"""The file of answers: read line by line, and appended to, never overwritten."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter

from labelmend.data.answers import (
    SCHEMA_VERSION,
    Answer,
    AnswerFile,
    MatchedAnswers,
    Saw,
    Shown,
    Verdict,
    Why,
    Withdrawal,
    field_beyond,
    match_answers,
    name_of,
    name_of_canonical,
)
from labelmend.data.outputs.lines import append_lines, numbered_lines, read_lines
from labelmend.errors import InputError, row_list, shown
from labelmend.regular_file import parsed_json
from labelmend.types import Dataset, Task


def read_answers(path: str | Path, task: Task | None = "single") -> AnswerFile:
    """Read the answers that stand; lines that can't be used are skipped, and a note says so.

    Args:
        path: of the file.
        task: how many labels an answer may have; None for whoever only counts or copies answers.

    Raises:
        InputError: the file can't be read, no line of it is an answer, or a line is of a newer
            version or of another task, or has a field that we don't know.
    """
    path = Path(path)
    raw = read_lines(path)
    standing: dict[tuple[str, str], Answer] = {}
    draws: dict[tuple[str, str], Shown] = {}
    said: dict[str, tuple[str, str]] = {}
    replaced = withdrawn = used = 0
    skipped: dict[str, list[int]] = {problem: [] for problem in _PROBLEMS}
    for number, entry in _entries(path, raw):
        if task is not None and isinstance(entry, Answer) and entry.task != task:
            raise InputError(f"{path}: line {number}: {_OTHER_TASK[task]}")
        if isinstance(entry, str):
            skipped[entry].append(number)
            continue
        used += 1
        if isinstance(entry, Answer):
            key = entry.who, entry.text_sha256
            # To its place in the file: behind all that came before it.
            replaced += standing.pop(key, None) is not None
            standing[key] = entry
            said[entry.answer] = key
            if entry.shown.why == "audit":
                draws[key] = entry.shown
        elif entry.withdraws in said:
            key = said[entry.withdraws]
            if key in standing and standing[key].answer == entry.withdraws:
                withdrawn += 1
                del standing[key]
        else:
            skipped["unknown"].append(number)
    lost = skipped["broken"] + skipped["changed"]
    if lost and not used:
        raise InputError(
            f"{path}: is no file of answers: no line of it is one; "
            "give the file that `labelmend answers import` wrote"
        )
    notes = tuple(
        f"{path}: {_lines(numbers)}: {_PROBLEMS[problem]}"
        for problem, numbers in skipped.items()
        if numbers
    )
    return AnswerFile(path, tuple(standing.values()), replaced, withdrawn, draws, notes)


def loaded_answers(dataset: Dataset, path: Path | None) -> MatchedAnswers | None:
    """Return what the answers of a file say of a dataset; None where no file is named.

    Raises:
        InputError: as `read_answers`.
    """
    return None if path is None else match_answers(dataset, read_answers(path))


def append_answers(path: str | Path, answers: Sequence[Answer | Withdrawal]) -> None:
    """Write answers and withdrawals behind those of the file, which is created where there is none.

    Raises:
        OutputError: the file can't be written.
    """
    append_lines(path, [answer.line() for answer in answers], "answers")


_PROBLEMS = {
    "torn": "the last line was not written to its end; skipped",
    "broken": "no answer, or a broken one; skipped",
    "changed": "was changed after it was written (its name does not fit what it says); skipped: "
    "give the answer anew instead",
    "unknown": "withdraws an answer that is not in the file; skipped",
}
"""Why a line is skipped."""

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
_WITHDRAWAL: TypeAdapter[Withdrawal] = TypeAdapter(Withdrawal)


_OTHER_TASK: Mapping[Task, str] = {
    "single": "is an answer that may have several labels, and rows have one here; give answers "
    "with one label a text",
    "several": "is an answer of one label, which says nothing of others, and rows have several "
    "here; give answers that may have several labels",
    "soft": "is an answer of labels, and rows have shares here",
}
"""What is said of a line of another task."""


def _entries(path: Path, raw: bytes) -> Iterator[tuple[int, Answer | Withdrawal | str]]:
    """Yield the lines' numbers, each with what it says or with the problem of it."""
    for number, line, unfinished in numbered_lines(raw):
        entry = _entry(path, number, line)
        yield number, "torn" if entry == "broken" and unfinished else entry


def _entry(path: Path, number: int, line: bytes) -> Answer | Withdrawal | str:
    plain = _plain_answer(line)
    if plain is not None:
        return plain
    try:
        fields = parsed_json(line)
    except ValueError:
        return "broken"
    if not isinstance(fields, dict) or not {"answer", "withdraws"} & set(fields):
        return "broken"
    version = fields.get("schema_version")
    where = f"{path}: line {number}"
    if isinstance(version, bool | float):
        raise InputError(
            f"{where}: schema_version is no whole number; bring the line back as it was"
        )
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(f"{where}: was written by a newer version of labelmend; update labelmend")
    if version != SCHEMA_VERSION:
        return "broken"
    try:
        kind: TypeAdapter[Answer] | TypeAdapter[Withdrawal]
        kind = _WITHDRAWAL if "withdraws" in fields else _ANSWER
        entry = kind.validate_json(line, strict=True)
    except ValueError:
        return "broken"
    strange = field_beyond(fields, entry.line())
    if strange is not None:
        raise InputError(
            f"{where}: has a field {shown(strange)}, which none of ours has; take it out"
        )
    if field_beyond(entry.line(), fields) is not None:
        return "broken"
    if isinstance(entry, Withdrawal):
        return entry
    name = fields.pop("answer")
    if name_of(fields) != name:
        return "changed"
    vars(entry)["answer"] = name  # which is then not worked out once more
    return entry


_SIGNS = r'[^"\\\x00-\x1f\x7f]'
"""What stands in JSON as it is."""

_PLAIN = re.compile(
    rf'{{"schema_version": {SCHEMA_VERSION}, "answer": "([0-9a-f]+)", '
    rf'"text_sha256": "({_SIGNS}+)", "id": "({_SIGNS}*)", "task": "single", '
    rf'"verdict": "(label|none|unsure)", "labels": \[(?:"({_SIGNS}+)")?\], '
    rf'"who": "({_SIGNS}+)", "when": "({_SIGNS}*)", '
    r'"shown": {"why": "(queue|agreement|import)", '
    r'"design": null, "stratum": null, "inclusion": null}, '
    r'"saw": {"given": (true|false), "proposed": (true|false)}}'
)
"""A line as it is written of an answer that no audit asked for, with nothing escaped."""

_CANONICAL = (
    '{"id":"%s","labels":[%s],"saw":{"given":%s,"proposed":%s},"schema_version":%d,'
    '"shown":{"design":null,"inclusion":null,"stratum":null,"why":"%s"},"task":"single",'
    '"text_sha256":"%s","verdict":"%s","when":"%s","who":"%s"}'
)
"""What the name of such an answer is the hash of: see `name_of`."""

_FOREIGN = re.compile(r"[^ -~]")


def _plain_answer(line: bytes) -> Answer | None:
    """Return the answer of a line as most are; None where it has to be looked at more closely.

    It says what the way through JSON says, and takes a quarter of the time.
    """
    try:
        found = _PLAIN.fullmatch(line.decode())
    except UnicodeDecodeError:
        return None
    if found is None:
        return None
    name, key, row, verdict, label, who, when, why, given, proposed = found.groups()
    labels = "" if label is None else f'"{label}"'
    said = row, labels, given, proposed, SCHEMA_VERSION, why, key, verdict, when, who
    canonical = _CANONICAL % said
    if not canonical.isascii():
        canonical = _FOREIGN.sub(lambda sign: json.dumps(sign[0])[1:-1], canonical)
    if name_of_canonical(canonical) != name:
        return None
    try:
        answer = Answer(
            text_sha256=key,
            id=row,
            verdict=cast(Verdict, verdict),
            labels=() if label is None else (label,),
            who=who,
            when=when,
            shown=_shown(cast(Why, why)),
            saw=_saw(given == "true", proposed == "true"),
        )
    except ValueError:
        return None
    vars(answer)["answer"] = name
    return answer


_shown, _saw = cache(Shown), cache(Saw)


def _lines(numbers: Sequence[int]) -> str:
    return row_list(numbers).replace("row", "line", 1)
