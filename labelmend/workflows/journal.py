"""What `labelmend journal` does: a log is shown, shortened, queued for review, made into rows."""

import csv
import io
import math
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from labelmend.configs.load import load_config
from labelmend.data.answer_file import read_answers
from labelmend.data.answers import Answer, text_sha256
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.lines import append_lines
from labelmend.data.write import atomic_files
from labelmend.errors import ConfigError, InputError, OutputError, shown
from labelmend.journal.database import erase, open_log, usable
from labelmend.journal.doubt import Doubted, Order, doubted, ordered
from labelmend.journal.drift import Drift, rising_labels
from labelmend.journal.entries import utc
from labelmend.journal.forget import Forgotten, expire, forget_request, forget_sender
from labelmend.journal.keys import LogKey
from labelmend.journal.read import Logged, LoggedLabels, LoggedText, LogReader, reading, texts_of
from labelmend.journal.review_queue import queue_files
from labelmend.journal.rows import FREE_ROWS, MOST_SHARE, NewRow, NewRows, RowRules, new_rows
from labelmend.journal.set_queue import set_queue_files
from labelmend.journal.sets import labels_in
from labelmend.runs.layout import OutputPaths

WINDOW_DAYS = 7.0
"""The last window of the queue: a week, so that weekdays and weekends are in both."""

ROWS = 500
"""Of a queue: what a person reviews in a day."""

_FACTS = ("settled_by", "people", "requests", "last_asked")

ROW_COLUMNS = ("id", "text", "label", "answered_label", *_FACTS)
"""Of the table of new rows; `text` and `label` are found by their names."""

SET_ROW_COLUMNS = ("id", "text", "labels", "answered_labels", *_FACTS)
"""The same where a text may have several labels, which are lists."""


@dataclass(frozen=True)
class LogSummary:
    """A log at a glance.

    Attributes:
        requests: in it.
        texts: distinct ones.
        kept: requests whose text is kept.
        masked: requests in whose text something was masked.
        senders: distinct ones that are known.
        feedback: words on answers.
        wrong: those among them that name another label than was answered, or none.
        first: when the oldest request was asked; None in an empty log.
        last: the newest one.
        sources: requests by what was asked.
        models: requests by the version of the served model.
        labels: requests by the answered label, most frequent first; of several a text by each.
        size_bytes: of the file and its write-ahead log.
    """

    requests: int
    texts: int
    kept: int
    masked: int
    senders: int
    feedback: int
    wrong: int
    first: str | None
    last: str | None
    sources: dict[str, int]
    models: dict[str, int]
    labels: dict[str, int]
    size_bytes: int


def summary_of(log: Path) -> LogSummary:
    """Sum up a log.

    Raises:
        LabelmendError: it can't be read.
    """
    counts: Counter[str] = Counter()
    hashes, senders = set(), set()
    sources: Counter[str] = Counter()
    models: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    times: list[int] = []
    with reading(log) as reader:
        of_sets = reader.is_of_sets
        for one in reader.requests():
            answered = one.guesses[0]
            counts.update(
                requests=1,
                kept=one.text is not None,
                masked=one.masked > 0,
                feedback=len(one.words),
                wrong=sum(word.label != answered.label for word in one.words),
            )
            hashes.add(one.text_hash)
            senders |= {one.sender} - {""}
            sources[one.source] += 1
            models[answered.model] += 1
            labels.update(labels_in(answered.label) if of_sets else (answered.label,))
            times = [*times[:1], one.at]  # they come oldest first
    return LogSummary(
        requests=counts["requests"],
        texts=len(hashes),
        kept=counts["kept"],
        masked=counts["masked"],
        senders=len(senders),
        feedback=counts["feedback"],
        wrong=counts["wrong"],
        first=utc(times[0]) if times else None,
        last=utc(times[-1]) if times else None,
        sources=_most(sources),
        models=_most(models),
        labels=_most(labels),
        size_bytes=sum(_size(Path(f"{log}{suffix}")) for suffix in ("", "-wal")),
    )


def _most(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def requests_of(log: Path, request: str) -> list[Logged]:
    """Return one request, all of its texts.

    Raises:
        LabelmendError: the log can't be read, or has no such request.
    """
    with reading(log) as reader:
        found = [one for one in reader.requests() if one.id.partition(".")[0] == request]
    if not found:
        raise InputError(f"{log}: has no request {shown(request)}; check the id")
    return found


def forget(log: Path, request: str | None, sender: str | None) -> Forgotten:
    """Remove a request, or all that a sender asked and said.

    Args:
        log: that it is removed from.
        request: its id, as the reply named it.
        sender: as the server or the bot knows it, or hashed as the log has it.

    Raises:
        LabelmendError: both or neither are given, there is no such thing, or the log can't be
            written.
    """
    if (request is None) == (sender is None):
        raise ConfigError("give either --id or --sender: what is to be forgotten")
    database, key = open_log(log)
    with closing(database), usable(log):
        if request is not None:
            found = forget_request(database, request)
        else:
            found = forget_sender(database, key.of_named(sender or ""))
        _erased(log, erase(database))
    if found == Forgotten(0, 0):
        what = f"request {shown(request)}" if request is not None else f"sender {shown(sender)}"
        raise InputError(f"{log}: has no {what}; check it")
    return found


def expire_requests(log: Path, older_days: float) -> int:
    """Remove what was asked longer ago.

    Returns:
        requests that were removed.

    Raises:
        LabelmendError: the log can't be written.
    """
    if not (math.isfinite(older_days) and older_days >= 0):
        raise ConfigError(f"--older {older_days:g}: give days, such as 30")
    database, _ = open_log(log)
    with closing(database), usable(log):
        removed = expire(database, older_days, time.time())
        _erased(log, erase(database))
    return removed


def _erased(log: Path, done: bool) -> None:
    """Make sure that deleted bytes are gone.

    Raises:
        OutputError: another process reads the log, so that they may not be.
    """
    if not done:
        raise OutputError(
            f"{log}: rows are deleted, but another process reads the log, and its write-ahead log "
            "may still hold them; run again when that is done"
        )


@dataclass(frozen=True)
class QueueRequest:
    """What a queue is made of.

    Attributes:
        log: it is of.
        order: what a text is worth a look for.
        rows: at most.
        window_days: in which labels may rise.
        answers: of reviewers; the texts in it are left out.
    """

    log: Path
    order: Order = "worth"
    rows: int = ROWS
    window_days: float = WINDOW_DAYS
    answers: Path | None = None


@dataclass(frozen=True)
class QueueOutcome:
    """A queue that was written.

    Attributes:
        rows: of it.
        texts: distinct ones of the log that nobody reviewed.
        expected_wrong: requests of the rows whose answer is expected to be wrong.
        rising: labels that are given more often than before.
        files: that were written.
    """

    rows: int
    texts: int
    expected_wrong: float
    rising: tuple[Drift, ...]
    files: tuple[Path, ...]


def write_queue(request: QueueRequest, output: Path) -> QueueOutcome:
    """Write the texts that are most worth a look as a table that `labelmend review` reads.

    Raises:
        LabelmendError: the log or the answers can't be read, there is nothing to review, or a file
            can't be written.
    """
    if request.rows < 1:
        raise ConfigError(f"--rows {request.rows}: give 1 or more")
    if not (math.isfinite(request.window_days) and request.window_days > 0):
        raise ConfigError(f"--window {request.window_days:g}: give days, such as 7")
    paths = OutputPaths.beside(output)
    _check_csv(output)
    _claim(request.log, request.answers, [*paths.outputs(labels=True, store=False)])
    limit = load_config().data.max_text_chars
    with reading(request.log) as reader:
        of_sets = reader.is_of_sets
        rising = rising_labels(reader.requests(), request.window_days, of_sets=of_sets)
        labels = reader.labels()
        texts = _texts(request.log, reader)
    reviewed = _reviewed(request.answers, of_sets=of_sets)
    answered = {answer.text_sha256 for answer in reviewed}
    names = {drift.label for drift in rising}
    left = [
        doubted(text, names, of_sets=of_sets)
        for text in texts
        if text_sha256(text.text[:limit]) not in answered
    ]
    if not left:
        raise InputError(f"{request.log}: all of its texts are answered already; nothing to review")
    chosen: list[Doubted] = ordered(left, request.order)[: request.rows]
    files: tuple[Path, ...] = (paths.table, paths.evidence, paths.record)
    if of_sets:
        sets = set_queue_files(request.log, chosen, labels)
        contents = [sets.table, sets.evidence, sets.record]
    else:
        made = queue_files(request.log, chosen, labels)
        contents = [made.table, made.evidence, made.record, made.labels]
        files = (*files, paths.labels)
    with atomic_files(files) as temporary:
        for path, content in zip(temporary, contents, strict=True):
            path.write_bytes(content)
    return QueueOutcome(len(chosen), len(left), sum(one.worth for one in chosen), rising, files)


@dataclass(frozen=True)
class ExportRequest:
    """What new rows are made of.

    Attributes:
        log: they come from.
        answers: of reviewers, which settle a text.
        feedback: a file to which the words of senders are written as answers; None for none.
        most_share: of all feedback that one sender may give, above 0.
        free_rows: feedback of one sender that is taken whatever its share.
    """

    log: Path
    answers: Path | None = None
    feedback: Path | None = None
    most_share: float = MOST_SHARE
    free_rows: int = FREE_ROWS


def export_rows(request: ExportRequest, output: Path) -> NewRows:
    """Write the texts of a log whose right label somebody said as a table to train on.

    Raises:
        LabelmendError: the log or the answers can't be read, or a file can't be written.
    """
    if not 0 < request.most_share <= 1:
        raise ConfigError(f"--sender-share {request.most_share:g}: give a share above 0, or 100%")
    _check_csv(output)
    outputs = [Output(output, is_table=True)]
    if request.feedback is not None:
        outputs.append(Output(request.feedback, "file of answers", ('{"schema_version"',)))
    _claim(request.log, request.answers, outputs)
    with reading(request.log) as reader:
        of_sets = reader.is_of_sets
        labels = reader.labels()
        texts = _texts(request.log, reader)
    rules = _rules(request, labels, of_sets=of_sets)
    made = new_rows(texts, _reviewed(request.answers, of_sets=of_sets), rules)
    with atomic_files([output]) as (temporary,):
        temporary.write_bytes(_table(made.rows, SET_ROW_COLUMNS if of_sets else ROW_COLUMNS))
    if request.feedback is not None:
        _append_new(request.feedback, made.answers, of_sets=of_sets)
    return made


def _rules(request: ExportRequest, labels: LoggedLabels, *, of_sets: bool) -> RowRules:
    return RowRules(
        max_chars=load_config().data.max_text_chars,
        oos=labels.oos,
        labels=frozenset(labels.labels),
        most_share=request.most_share,
        free_rows=request.free_rows,
        of_sets=of_sets,
    )


def _append_new(path: Path, answers: Sequence[Answer], *, of_sets: bool) -> None:
    """Write the answers that a file lacks behind those that it has.

    Raises:
        LabelmendError: the file can't be read or written.
    """
    there = set()
    if path.exists() and path.stat().st_size:
        there = {one.answer for one in _reviewed(path, of_sets=of_sets)}
    append_lines(path, [one.line() for one in answers if one.answer not in there], "answers")


def _texts(log: Path, reader: LogReader) -> list[LoggedText]:
    """Return the texts of a log.

    Raises:
        InputError: it keeps none.
    """
    texts = texts_of(reader.requests())
    if not texts:
        raise InputError(f"{log}: holds no texts; serve with --log-texts to keep those to come")
    return texts


def _reviewed(path: Path | None, *, of_sets: bool) -> tuple[Answer, ...]:
    """Return what people said of a log of that task.

    Raises:
        InputError: the file can't be read, or an answer is of another task.
    """
    if path is None:
        return ()
    return read_answers(path, "several" if of_sets else "single").answers


def _check_csv(output: Path) -> None:
    if output.suffix.lower() != ".csv":
        raise OutputError(f"{output}: rows are written as CSV; end the name in .csv")


def _claim(log: Path, answers: Path | None, outputs: Sequence[Output]) -> None:
    """Find out before any work whether the outputs may be written."""
    inputs = (
        *given(log, "the log"),
        *given(LogKey.beside(log), "the key of the log"),
        *given(answers, "given as --answers"),
    )
    claim(inputs, outputs)


def _table(rows: Sequence[NewRow], columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        last = row.of.last
        writer.writerow(
            [
                *(last.id, row.of.text, row.label, last.guesses[0].label, row.by, row.people),
                *(row.of.count, utc(last.at)),
            ]
        )
    return text.getvalue().encode()
