"""What people did in other tools, as answers."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labelmend.configs.schema import DataConfig
from labelmend.data.answers import Answer, Saw, Shown, Verdict, now, text_sha256
from labelmend.data.dataset import choose_columns
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError, ConfigError, InputError, row_list
from labelmend.review.exchange.marks import Mark
from labelmend.review.exchange.tool import Heard, Reply, Tool, ToolFile
from labelmend.workflows.answer_sheet import CellWords, person_named
from labelmend.workflows.answered_table import AnsweredTable


@dataclass(frozen=True)
class Exchanged:
    """A tool's file, and whose words are in it.

    Attributes:
        file: as it was read.
        reply: what people did.
        texts: of the tasks, whole; None where the file has none and needs none.
        limits: to how many characters texts are cut before they are hashed.
        words: what a choice of a task without a mark says.
        people: names for the people, by the tool's own.
        table: that the tasks are of; None where it is not given.
        when: it is read.
    """

    file: ToolFile
    reply: Reply
    texts: Sequence[str] | None
    limits: tuple[int, ...]
    words: CellWords
    people: Mapping[str | None, str]
    table: AnsweredTable | None
    when: str

    @classmethod
    def of(
        cls,
        tool: Tool,
        file: ToolFile,
        request: TableRequest,
        config: DataConfig,
        *,
        question: str | None = None,
        who: Sequence[str] = (),
        none_words: Collection[str] = (),
        table: AnsweredTable | None = None,
    ) -> "Exchanged":
        """Read what people did.

        Args:
            tool: that wrote the file.
            file: as it was read.
            request: the file, and its column of texts where it is named.
            config: how texts are read.
            question: what was asked, by the tool's name.
            who: the name of the only person, or names such as `3=anna`.
            none_words: what a choice says for "no label fits" in tasks that are not ours.
            table: that the tasks are of.

        Raises:
            LabelmendError: the file can't be used, or names don't fit its people.
        """
        reply = tool.heard(file, question)
        own = config.max_text_chars
        return cls(
            file=file,
            reply=reply,
            texts=_texts(file, request, reply),
            limits=(own,) if table is None else (table.max_text_chars, own),
            words=CellWords.of(frozenset() if table is None else table.labels, none_words),
            people=_people(tool, reply, who),
            table=table,
            when=now(),
        )

    def answers(self) -> Iterator[tuple[int, Answer]]:
        """Yield the answers, each with the place of its task.

        Raises:
            InputError: a task has no text, or a design without its inclusion.
        """
        for heard in self.reply.heard:
            if len(heard.choices) > 1:
                continue
            mark = self._mark(heard)
            verdict, labels = self._verdict(heard, mark)
            yield (
                heard.task,
                Answer(
                    text_sha256=self._key(heard) if mark is None else mark.text_sha256,
                    id=self._id(heard, mark),
                    verdict=verdict,
                    labels=labels,
                    who=self.people[heard.who],
                    when=heard.when or self.when,
                    shown=Shown("import") if mark is None else mark.shown,
                    saw=Saw(False, heard.suggested) if mark is None else mark.saw,
                ),
            )

    def notes(self) -> Iterator[str]:
        """Yield what could not be used, and what looks odd, one line each."""
        yield from self.reply.notes
        several = sorted({one.task for one in self.reply.heard if len(one.choices) > 1})
        if several:
            yield (
                f"{self.file.path}: {_tasks(several)}: several labels, and an answer has one; left "
                "out"
            )
        changed = sorted({one.task for one in self.reply.heard if self._differs(one)})
        if changed:
            yield (
                f"{self.file.path}: {_tasks(changed)}: another text than was exported; the answers "
                "are kept for the exported one"
            )

    def _mark(self, heard: Heard) -> Mark | None:
        try:
            return Mark.of(heard.fields)
        except ValueError:
            raise InputError(
                f"{self.file.path}: task {heard.task}: its fields labelmend_design and "
                "labelmend_inclusion are damaged; export again from the tool"
            ) from None

    def _verdict(self, heard: Heard, mark: Mark | None) -> tuple[Verdict, tuple[str, ...]]:
        if heard.refused:
            return "none", ()
        (choice,) = heard.choices
        if mark is None:
            return self.words.verdict(choice)
        if choice == mark.words.none:
            return "none", ()
        return ("unsure", ()) if choice == mark.words.unsure else ("label", (choice,))

    def _key(self, heard: Heard) -> str:
        text = "" if self.texts is None else self.texts[heard.task - 1]
        if not text.strip():
            raise InputError(
                f"{self.file.path}: task {heard.task}: an answer, but no text; name the field with "
                "the texts by --text-column"
            )
        return text_sha256(text[: self.limits[0]])

    def _id(self, heard: Heard, mark: Mark | None) -> str:
        if mark is not None:
            return mark.id
        found = None if self.table is None else self.table.keys.get(self._key(heard))
        return found or str(heard.task)

    def _differs(self, heard: Heard) -> bool:
        """Whether the file has another text than the mark; not where it can't be told."""
        mark = self._mark(heard)
        text = "" if self.texts is None else self.texts[heard.task - 1]
        if mark is None or not text.strip():
            return False
        return all(text_sha256(text[:limit]) != mark.text_sha256 for limit in self.limits)


def _texts(file: ToolFile, request: TableRequest, reply: Reply) -> Sequence[str] | None:
    """Return the texts of the tasks.

    Raises:
        ColumnError: they can't be found, and a task doesn't say otherwise of which text it is.
    """
    table = file.table
    try:
        chosen = choose_columns(table, request.text_column, None, None, label_needed=False)
    except ColumnError:
        marked = all("labelmend_text_sha256" in one.fields for one in reply.heard)
        if marked and not request.text_column:
            return None
        raise
    return chosen.text_values(table)


def _people(tool: Tool, reply: Reply, who: Sequence[str]) -> dict[str | None, str]:
    """Return everybody's name.

    Raises:
        ConfigError: one name for several people, or a name for nobody.
    """
    found = list(dict.fromkeys(one.who for one in reply.heard))
    names: dict[str | None, str] = {one: one for one in found if one is not None}
    for given in who:
        theirs, is_pair, name = given.rpartition("=")
        for known in (theirs, f"{tool.name}:{theirs}"):
            if is_pair and known in names:
                names[known] = person_named(name)
                break
        else:
            if is_pair and found and None not in found:
                raise ConfigError(
                    f"--who {given}: {tool.title} knows nobody called {theirs!r}; "
                    f"it knows {_listed(found)}"
                )
            if len(found) > 1:
                raise ConfigError(
                    f"--who {given}: {len(found)} people answered: {_listed(found)}; name them one "
                    f"by one, such as --who {found[0]}=anna, or leave it out"
                )
            names.update(dict.fromkeys(found, person_named(given)))
    if None in found:
        names.setdefault(None, person_named(None))
    return names


def _listed(people: Sequence[str | None]) -> str:
    counted = Counter(repr(one) if one is not None else "somebody without a name" for one in people)
    return ", ".join(counted)


def _tasks(numbers: Sequence[int]) -> str:
    return row_list(numbers).replace("row", "task", 1)
