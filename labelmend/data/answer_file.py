"""The file of answers: read line by line, and appended to, never overwritten."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from labelmend.data.answers import (
    SCHEMA_VERSION,
    Answer,
    AnswerFile,
    MatchedAnswers,
    Shown,
    Withdrawal,
    match_answers,
    name_of,
)
from labelmend.errors import InputError, OutputError, row_list
from labelmend.regular_file import read_regular
from labelmend.types import Dataset

_FIRST_WORDS = b'{"schema_version"'
"""What a line of ours begins with."""


def read_answers(path: str | Path) -> AnswerFile:
    """Read the answers that stand; lines that can't be used are skipped, and a note says so.

    Raises:
        InputError: the file can't be read, no line of it is an answer, or a line is of a newer
            version or of a task other than one label a text.
    """
    path = Path(path)
    try:
        raw = read_regular(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None
    standing: dict[tuple[str, str], Answer] = {}
    draws: dict[tuple[str, str], Shown] = {}
    known: set[str] = set()
    replaced = withdrawn = used = 0
    skipped: dict[str, list[int]] = {problem: [] for problem in _PROBLEMS}
    for number, entry in _entries(path, raw):
        if isinstance(entry, str):
            skipped[entry].append(number)
            continue
        used += 1
        if isinstance(entry, Answer):
            key = entry.who, entry.text_sha256
            # To its place in the file: behind all that came before it.
            replaced += standing.pop(key, None) is not None
            standing[key] = entry
            known.add(entry.answer)
            if entry.shown.why == "audit":
                draws[key] = entry.shown
        elif entry.withdraws in known:
            taken = [key for key, one in standing.items() if one.answer == entry.withdraws]
            withdrawn += len(taken)
            for key in taken:
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

    All lines go out in one piece, so those of two processes never mix. A line that an earlier
    process could not finish is kept, and ended before ours begin.

    Raises:
        OutputError: the file can't be written.
    """
    block = b"".join(_written(answer.line()) for answer in answers)
    if not block:
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                block = b"\n" + block
            count = os.write(descriptor, block)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(
            f"{path}: can't be written to ({error.strerror or error}); mend that and run again; "
            "the answers in it are untouched"
        ) from None
    if count < len(block):
        raise OutputError(
            f"{path}: only a part of the answers could be written; free some space and run again"
        )


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


def _entries(path: Path, raw: bytes) -> Iterator[tuple[int, Answer | Withdrawal | str]]:
    """Yield the lines' numbers, each with what it says or with the problem of it."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = _entry(path, number, line)
        # Only what comes behind the last line end may be unfinished.
        if entry == "broken" and number == len(lines) and _is_begun(line):
            entry = "torn"
        yield number, entry


def _entry(path: Path, number: int, line: bytes) -> Answer | Withdrawal | str:
    try:
        fields = json.loads(line)
    except ValueError:
        return "broken"
    if not isinstance(fields, dict) or not {"answer", "withdraws"} & set(fields):
        return "broken"
    version = fields.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{path}: line {number}: was written by a newer version of labelmend; update labelmend"
        )
    if version != SCHEMA_VERSION:
        return "broken"
    try:
        if "withdraws" in fields:
            return _WITHDRAWAL.validate_json(line, strict=True)
        answer = _ANSWER.validate_json(line, strict=True)
    except ValueError:
        return "broken"
    if answer.task != "single":
        raise InputError(
            f"{path}: line {number}: answers can't have {answer.task} labels yet; "
            "give answers with one label a text"
        )
    name = fields.pop("answer")
    return answer if name_of(fields) == name else "changed"


def _written(line: Mapping[str, object]) -> bytes:
    return (json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _lines(numbers: Sequence[int]) -> str:
    return row_list(numbers).replace("row", "line", 1)


def _is_begun(line: bytes) -> bool:
    """Whether it is the beginning of a line of ours."""
    return line.startswith(_FIRST_WORDS) or _FIRST_WORDS.startswith(line)
