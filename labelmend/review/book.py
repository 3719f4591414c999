"""The file of answers as a running page keeps it: in memory, and on the disk before it says so."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from labelmend.data.answer_file import append_answers, read_answers
from labelmend.data.answers import Answer, Shown, Withdrawal, now
from labelmend.types import Task


class AnswerBook:
    """The answers that stand. Other processes may append to the file: `refresh` sees it.

    It does not lock: whoever uses it from several threads does.

    Attributes:
        path: of the file.
        notes: what of it can't be used, one line each.
        log: people and texts of which something else stands than before, in the order in which that
            was heard; all that stood when the file was read come first. Read anew, it is another
            list.
    """

    def __init__(self, path: Path, task: Task = "single") -> None:
        """Read the file, which need not be there yet.

        Args:
            path: of the file.
            task: how many labels its answers may have.

        Raises:
            InputError: it is there and is no file of such answers.
        """
        self.path = path
        self._task: Task = task
        self.notes: tuple[str, ...] = ()
        self._standing: dict[tuple[str, str], Answer] = {}
        self._of_text: dict[str, dict[str, Answer]] = defaultdict(dict)
        self._draws: dict[tuple[str, str], Shown] = {}
        self._known: tuple[int, int] | None = None
        self.log: list[tuple[str, str]] = []
        self.refresh()

    def refresh(self) -> None:
        """Read the file anew where somebody else wrote to it.

        Raises:
            InputError: as reading goes.
        """
        state = self._state()
        if state == self._known:
            return
        self._standing, self._draws = {}, {}
        self._of_text = defaultdict(dict)
        self.log = []
        if state is not None:
            file = read_answers(self.path, self._task)
            self.notes = file.notes
            self._draws.update(file.draws)
            for answer in file.answers:
                self._stand(answer)
        self._known = state

    def answers(self) -> tuple[Answer, ...]:
        """Return all that stand, oldest first."""
        return tuple(self._standing.values())

    def on(self, key: str) -> Mapping[str, Answer]:
        """Return what stands on a text, by person."""
        return self._of_text.get(key, {})

    def in_audit(self, key: str, design: str) -> Iterator[Answer]:
        """Yield what stands on a text of people for whom an audit of that name drew it."""
        for who, answer in self.on(key).items():
            drawn = self._draws.get((who, key))
            if drawn is not None and drawn.design == design:
                yield answer

    def write(self, answers: Sequence[Answer]) -> None:
        """Append answers; when this returns they are on the disk.

        Raises:
            OutputError: they can't be written.
        """
        self.refresh()
        append_answers(self.path, answers)
        for answer in answers:
            self._stand(answer)
        self._known = self._state_after(len(answers))

    def withdraw(self, answers: Sequence[Answer], who: str) -> None:
        """Append withdrawals of standing answers.

        Raises:
            OutputError: they can't be written.
        """
        self.refresh()
        append_answers(self.path, [Withdrawal(one.answer, who, now()) for one in answers])
        for one in answers:
            self._standing.pop((one.who, one.text_sha256), None)
            self._of_text[one.text_sha256].pop(one.who, None)
            self.log.append((one.who, one.text_sha256))
        self._known = self._state_after(len(answers))

    def _stand(self, answer: Answer) -> None:
        key = answer.who, answer.text_sha256
        self._standing.pop(key, None)
        self._standing[key] = answer
        self._of_text[answer.text_sha256][answer.who] = answer
        if answer.shown.why == "audit":
            self._draws[key] = answer.shown
        self.log.append(key)

    def _state_after(self, lines: int) -> tuple[int, int] | None:
        """Return the file's state if nothing but so many lines of ours was added; else None."""
        state, known = self._state(), self._known
        if state is None:
            return None
        begin = 0 if known is None else known[0]
        with self.path.open("rb") as file:
            file.seek(begin)
            added = file.read(state[0] - begin)
        # What somebody else wrote meanwhile is read with the next look.
        return state if added.count(b"\n") == lines else None

    def _state(self) -> tuple[int, int] | None:
        """Return size and time of the file; None where there is none."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns
