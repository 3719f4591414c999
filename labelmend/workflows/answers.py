"""What `labelmend answers` does: tables people filled in, withdrawals, and what a file holds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labelmend.arrays import share
from labelmend.audit.sets.sheet import sheet_rules
from labelmend.configs.schema import DataConfig
from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Answer, AnswerFile, Shown, Withdrawal, now
from labelmend.data.cells.read import AS_IT_LOOKS, LabelRules
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import read_content, read_table
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError, InputError, row_list
from labelmend.review.exchange.find import TOOLS, tool_of
from labelmend.review.exchange.tool import Tool, read_as
from labelmend.types import Share, Task
from labelmend.workflows.answer_exchange import Exchanged
from labelmend.workflows.answer_sheet import ANSWER, NONE_WORDS, Filled, Sheet, person_named
from labelmend.workflows.answered_table import AnsweredTable

CSV = "csv"
"""What a table that people filled in is called among the tools."""


@dataclass(frozen=True)
class ImportRequest:
    """Where answers come from.

    Attributes:
        table: the file that people filled in, or that a tool exported.
        source: the tool's name, "csv" for a table; None to find it out.
        columns: with the answers; of a tool, the name of what was asked. None for the usual one.
        who: names of people: one, or such as `3=anna` where a tool calls somebody "3".
        none_words: what says that no label fits.
        of: the mended table that the answers are of; None where it is not told.
        sets: how a cell with several labels is read; None where each is one answer's one label.
    """

    table: TableRequest
    source: str | None = None
    columns: tuple[str, ...] | None = None
    who: tuple[str, ...] = ()
    none_words: tuple[str, ...] = NONE_WORDS
    of: Path | None = None
    sets: LabelRules | None = None

    @property
    def task(self) -> Task:
        """How many labels an answer may have."""
        return "single" if self.sets is None else "several"


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do.

    Attributes:
        source: the name of the tool, or "csv".
        written: number of answers that were new.
        replacing: those among them that count instead of an earlier one of the same person.
        blank: number of cells, or of a tool's tasks and annotations, without an answer.
        standing: number of answers that the file had already.
        notes: what could not be used, and what looks odd, one line each.
    """

    source: str
    written: int
    replacing: int
    blank: int
    standing: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """Answers out of a file, each with the number of its row, and what else there is to say."""

    source: str
    answers: tuple[tuple[int, Answer], ...]
    blank: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AnswersSummary:
    """What a file of answers holds.

    Attributes:
        standing: number of answers that stand.
        texts: number of texts that they speak of.
        people: answers by person, by name.
        why: answers by the reason for which the person was asked.
        none: answers that no label fits.
        unsure: answers of people who could not tell.
        replaced: answers that a later one counts instead of.
        withdrawn: answers that were taken back.
        agreement: of the texts that several people answered, those on which all say the same;
            those who could not tell are left out.
        notes: on the file.
    """

    standing: int
    texts: int
    people: Mapping[str, int]
    why: Mapping[str, int]
    none: int
    unsure: int
    replaced: int
    withdrawn: int
    agreement: Share
    notes: tuple[str, ...]


def import_answers(
    request: ImportRequest, output: Path, config: DataConfig, *, dry_run: bool = False
) -> Imported:
    """Append what people said in a table, or in another tool, to a file of answers.

    Args:
        request: where it comes from.
        output: the file of answers; created where there is none.
        config: how texts are read.
        dry_run: nothing is written.

    Raises:
        LabelmendError: an input can't be used, or the file can't be written.
    """
    path = request.table.path
    settled = settle(path)
    claim((*given(path), *given(request.of, "given as --table")), [Output(output)])
    request = _as_the_sheet(request)
    earlier = read_answers(output, request.task) if output.exists() else AnswerFile(output)
    of = None if request.of is None else AnsweredTable.read(request.of)
    found = _found(request, config, of)
    answers, torn = _one_a_text(_latest(found.answers))
    standing = {(answer.who, answer.text_sha256): answer for answer in earlier.answers}
    fresh = [a for a in answers if not _stands(a, standing, earlier.draws)]
    new = [a for a in fresh if not _is_older(a, standing)]
    if not dry_run:
        append_answers(output, new)
    notes = [*settled, *earlier.notes, *found.notes, *torn]
    if len(new) < len(fresh):
        notes.append(_older_note(path, len(fresh) - len(new)))
    if of is not None:
        notes += of.notes(answers)
    return Imported(
        source=found.source,
        written=len(new),
        replacing=sum((a.who, a.text_sha256) in standing for a in new),
        blank=found.blank,
        standing=len(answers) - len(fresh),
        notes=tuple(notes),
    )


def _as_the_sheet(request: ImportRequest) -> ImportRequest:
    """Return the request with how a sheet of ours says that its cells hold several labels.

    Raises:
        InputError: the file can't be read.
    """
    is_named = request.sets not in {None, AS_IT_LOOKS}
    if is_named or request.source not in {None, CSV}:
        return request
    if request.source is None and _tool(request) is not None:
        return request
    table = request.table
    rules = sheet_rules(read_table(table.path, table.encoding, header=table.header))
    return request if rules is None else replace(request, sets=rules)


def _found(request: ImportRequest, config: DataConfig, of: AnsweredTable | None) -> _Found:
    """Return the answers in a file.

    Raises:
        LabelmendError: it can't be used.
    """
    table = request.table
    tool = None if request.source == CSV else _tool(request)
    if request.sets is not None and (tool is not None or request.of is not None):
        raise ConfigError(
            "--several: takes answers from a table that people filled in, and none of another "
            "tool's or beside --table yet"
        )
    if tool is None:
        if len(request.who) > 1:
            raise ConfigError("--who: a column of answers is one person's; give one name")
        filled = Filled(
            request.columns or (ANSWER,),
            next(iter(request.who), None),
            request.none_words,
            request.sets,
        )
        sheet = Sheet.read(table, filled, config, of)
        cells = len(sheet.table) * len(filled.columns)
        notes = (*sheet.strange_labels(), *sheet.changed_texts())
        return _Found(CSV, tuple(sheet.answers()), cells - sheet.filled(), notes)
    if len(request.columns or ()) > 1:
        raise ConfigError(
            f"--answer-column: in a file of {tool.title} it names what was asked; give one"
        )
    file = read_as(tool, read_content(table.path, table.encoding))
    exchanged = Exchanged.of(
        *(tool, file, table, config),
        question=next(iter(request.columns or ()), None),
        who=request.who,
        none_words=request.none_words,
        table=of,
    )
    answers, notes = tuple(exchanged.answers()), tuple(exchanged.notes())
    return _Found(tool.name, answers, exchanged.reply.silent, notes)


def _tool(request: ImportRequest) -> Tool | None:
    """Return the tool that a file is of; None for a table.

    Raises:
        InputError: it can't be read.
    """
    if request.source is not None:
        return TOOLS[request.source]
    path = request.table.path
    is_folder = path.is_dir()
    return None if is_folder else tool_of(read_content(path, request.table.encoding))


def withdraw_answers(
    path: Path, *, row: str | None = None, answer: str | None = None, who: str | None = None
) -> tuple[Answer, ...]:
    """Take answers back: their lines stay in the file, and a line more says that they don't count.

    Args:
        path: of the file of answers.
        row: the id of the row whose answer it is; or None.
        answer: the answer's name; or None.
        who: the person who takes it back, and whose answer of the row it is; None for whoever
            answered, and the name of the login.

    Returns:
        the answers that stand no more.

    Raises:
        LabelmendError: no such answer stands, several people answered, or the file can't be used.
    """
    if (row is None) == (answer is None):
        raise ConfigError("withdraw: give either --id ROW_ID or --answer ID")
    file = read_answers(path, None)
    if answer is not None:
        found = [one for one in file.answers if one.answer == answer]
        wanted = f"answer {answer!r}"
    else:
        found = [one for one in file.answers if one.id == row and who in {None, one.who}]
        wanted = f"answer on row {row!r}" + (f" by {who!r}" if who is not None else "")
    if not found:
        raise InputError(
            f"{path}: no {wanted} stands in it; look the row or the answer up in the file"
        )
    people = sorted({one.who for one in found})
    if len(people) > 1:
        raise InputError(
            f"{path}: row {row!r} was answered by {', '.join(map(repr, people))}; "
            "say with --who whose answer it is"
        )
    person = person_named(who)
    append_answers(path, [Withdrawal(one.answer, person, now()) for one in found])
    return tuple(found)


def summarise(path: Path) -> AnswersSummary:
    """Count what a file of answers holds.

    Raises:
        InputError: it can't be used.
    """
    file = read_answers(path, None)
    said: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for one in file.answers:
        if one.verdict != "unsure":
            said[one.text_sha256][one.who] = tuple(sorted(one.labels))
    several = [set(by_person.values()) for by_person in said.values() if len(by_person) > 1]
    verdicts = Counter(one.verdict for one in file.answers)
    return AnswersSummary(
        standing=len(file.answers),
        texts=len({one.text_sha256 for one in file.answers}),
        people=dict(sorted(Counter(one.who for one in file.answers).items())),
        why=dict(sorted(Counter(one.shown.why for one in file.answers).items())),
        none=verdicts["none"],
        unsure=verdicts["unsure"],
        replaced=file.replaced,
        withdrawn=file.withdrawn,
        agreement=share(sum(len(labels) == 1 for labels in several), len(several)),
        notes=file.notes,
    )


def _latest(answers: Sequence[tuple[int, Answer]]) -> Iterator[tuple[int, Answer]]:
    """Yield of each person and text what was said last; of a sheet all was said at once."""
    last: dict[tuple[str, str], str] = {}
    for _, one in answers:
        key = one.who, one.text_sha256
        last[key] = max(last.get(key, ""), one.when)
    for number, one in answers:
        if one.when == last[one.who, one.text_sha256]:
            yield number, one


def _is_older(answer: Answer, standing: Mapping[tuple[str, str], Answer]) -> bool:
    """Whether its person has said something else of the text since."""
    before = standing.get((answer.who, answer.text_sha256))
    if before is None or before.when <= answer.when:
        return False
    return (before.verdict, before.labels) != (answer.verdict, answer.labels)


def _older_note(path: Path, count: int) -> str:
    are = "1 answer is" if count == 1 else f"{count} answers are"
    return f"{path}: {are} older than what the same people said of the same texts since; left out"


def _one_a_text(
    answers: Iterable[tuple[int, Answer]],
) -> tuple[list[Answer], tuple[str, ...]]:
    """Return one answer a person and text, and notes on those that contradict each other.

    Of equal ones that with an audit's draw is taken, then that with the smallest id.
    """
    found: dict[tuple[str, str], list[tuple[int, Answer]]] = defaultdict(list)
    for number, one in answers:
        found[one.who, one.text_sha256].append((number, one))
    taken: list[Answer] = []
    rows: set[int] = set()
    for copies in found.values():
        if len({(one.verdict, one.labels) for _, one in copies}) > 1:
            rows.update(number for number, _ in copies)
        else:
            taken.append(min((one for _, one in copies), key=_preference))
    notes = (
        f"{row_list(sorted(rows))}: the same text is answered in different ways by one person; "
        "left out: make the answers agree and import again",
    )
    return taken, notes if rows else ()


def _preference(answer: Answer) -> tuple[bool, str, str]:
    return answer.shown.why != "audit", answer.shown.design or "", answer.id


def _stands(
    answer: Answer,
    standing: Mapping[tuple[str, str], Answer],
    draws: Mapping[tuple[str, str], Shown],
) -> bool:
    """Whether the file says so already: the same, and as the same audit's answer if it is one."""
    key = answer.who, answer.text_sha256
    before = standing.get(key)
    if before is None or (before.verdict, before.labels) != (answer.verdict, answer.labels):
        return False
    return answer.shown.why != "audit" or draws.get(key) == answer.shown
