"""The command that mends a table as it was mended before, now with answers."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from labelmend.data.read import read_table, table_digest
from labelmend.errors import InputError
from labelmend.regular_file import STANDARD_INPUT, was_piped
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord

LABELMEND = (sys.executable, "-m", "labelmend")
"""How a child process is called: the same installation, wherever it lies."""


_NUMBERED = re.compile(r"column_\d+")
"""What a column is called that has no name."""


def source_of(table: Path, run: RunRecord | SetRunRecord) -> Path:
    """Find the table that a run mended.

    Args:
        table: the mended one.
        run: the record of the run, which has the other's path as it was typed, and its hash.

    Raises:
        InputError: it is not there any more, or has changed.
    """
    typed = Path(run.input.path)
    likely = [typed, table.parent / typed, table.parent / typed.name]
    for path in likely:
        if path == STANDARD_INPUT:  # a record says so; nothing is piped in
            continue
        try:
            digest = table_digest(path)
        except (InputError, ValueError):
            continue
        if digest == run.input.sha256:
            return path
    if was_piped(run.input.path):
        raise InputError(
            f"{table}: was mended from standard input, which nobody keeps; save that table to a "
            "file, and mend the file with labelmend relabel --answers"
        )
    raise InputError(
        f"{typed}: the table that was mended is not there any more, or has changed; mend it again "
        "with labelmend relabel --answers"
    )


def relabel_command(
    source: Path,
    run: RunRecord,
    answers: Path | None,
    output: Path,
    profile: Path,
    labels: Path | None,
    *,
    quick: bool = False,
) -> list[str]:
    """Return the words of a `labelmend relabel` like that of a run.

    Args:
        source: the table that was mended.
        run: the record of the run.
        answers: of people; None without any.
        output: where the mended table goes.
        profile: a file that `write_profile` wrote, with the run's settings.
        labels: the user's labels file.
        quick: ask neither LLM nor reranker.
    """
    columns = run.input.columns
    words = _words(source, run, answers, output, profile)
    for option, value in (
        ("--label-column", columns.label),
        ("--oos-label", run.oos_label),
        ("--labels", None if labels is None else str(labels)),
    ):
        words += [] if value is None else [option, value]
    for column in columns.votes:
        words += ["--vote-column", column]
    if quick:
        words += ["--no-llm", "--set", "reranker.backend=none"]
    elif not _asked_llms(run):
        words += ["--no-llm"]
    if run.self_test is not None and not quick:
        words += ["--self-test"]
    return words


def _asked_llms(run: RunRecord | SetRunRecord) -> bool:
    return any(role == "describer" or role.startswith("voter ") for role in run.models)


def relabel_sets_command(
    source: Path,
    run: SetRunRecord,
    answers: Path | None,
    output: Path,
    profile: Path,
    labels: Path | None = None,
    *,
    quick: bool = False,
) -> list[str]:
    """Return the words of a `labelmend relabel` like a run on rows with several labels.

    Args:
        source: as in `relabel_command`; so with the others.
        run: the record of the run.
        answers: of people; None without any.
        output: where the mended table goes.
        profile: with the run's settings.
        labels: the user's labels file.
        quick: ask no LLM.
    """
    words = _words(source, run, answers, output, profile)
    words += [] if labels is None else ["--labels", str(labels)]
    words += ["--no-llm"] if quick or not _asked_llms(run) else []
    if run.label_columns:
        for column in run.label_columns:
            words += ["--label-columns", column]
    elif run.input.columns.label is not None:
        words += ["--label-column", run.input.columns.label]
    return words


def _words(
    source: Path, run: RunRecord | SetRunRecord, answers: Path | None, output: Path, profile: Path
) -> list[str]:
    """Return the words that say what is read, and how, and where it goes."""
    columns, reading = run.input.columns, run.input.reading
    words = [*LABELMEND, "relabel", str(source), "--output", str(output), "--quiet"]
    words += ["--profile", str(profile)]
    for column in (columns.text, *columns.more_text):
        words += ["--text-column", column]
    for option, value in (
        ("--id-column", columns.id),
        ("--label-separator", reading.separator),
        ("--answers", None if answers is None else str(answers)),
    ):
        words += [] if value is None else [option, value]
    for value in reading.missing:
        words += ["--missing-label", value]
    words += ["--merge-spellings"] if reading.merge_spellings else []
    words += ["--no-header"] if _lacks_header(source, run) else []
    return words


def _lacks_header(source: Path, run: RunRecord | SetRunRecord) -> bool:
    """Whether the run read a table without a header: it knows columns by their numbers alone."""
    columns = run.input.columns
    known = {columns.text, *columns.more_text, *columns.votes, columns.label, columns.id} - {None}
    if not all(_NUMBERED.fullmatch(str(name)) for name in known):
        return False
    try:
        return not known <= set(read_table(source).columns)
    except InputError:  # such as a first row that has a value twice
        return True


def ranking_command(table: Path, answers: Path, profile: Path, output: Path) -> list[str]:
    """Return the words of a child process that ranks a mended table anew.

    Args:
        table: the mended one, which has an index.
        answers: of people.
        profile: as above.
        output: where the ranking goes.
    """
    words = [sys.executable, "-m", "labelmend.review.ranking"]
    return [*words, *map(str, (table, answers, profile, output))]


def write_profile(run: RunRecord | SetRunRecord, path: Path) -> None:
    """Write a run's settings as a profile."""
    settings: dict[str, Any] = {"extends": "embedded", **run.config}
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8")
