"""Shares questions among servers that run the same model.

Each server takes the next questions from one queue when it is done with those that it has, so that
what each gets follows the rate at which it answers, at any time; a share that was set beforehand
would have to be measured first, and would be wrong once the load changes. A server that fails is
left alone for a while, then checked, and used again once it answers; what it was asked goes to the
others.
"""

import itertools
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from labelmend.configs.schema import ServerConfig
from labelmend.errors import ModelError
from labelmend.llm import api_client
from labelmend.llm.api_client import RESUME, LostServerError, ServerFaultError
from labelmend.llm.fleet.same_model import SameModel

Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

_AHEAD = 2
"""Groups under way for each server: the next one is there when it is done with one."""

_MOST_DOUBLED = 64
"""Failures in a row after which a pause is long enough, and no number too large."""


class Asked(Protocol[Q_contra, A_co]):
    """One server, as it is asked.

    Attributes:
        url: of the server.
        end: why it can't be asked any more; None where it can.
    """

    url: str
    end: ModelError | None

    def check(self) -> Mapping[str, Any]:
        """See whether the server can answer, and return what it says of the model.

        Raises:
            ModelError: it can't, or doesn't answer.
            ServerFaultError: it fails at the moment.
        """
        ...

    def answers(self, questions: Sequence[Q_contra]) -> Sequence[A_co | ServerFaultError]:
        """Return one answer a question, in order, or why there is none."""
        ...


@dataclass(eq=False)
class _Group(Generic[Q]):
    """Questions that are asked together.

    Attributes:
        questions: each with its place.
        tries: times that servers failed to answer them.
        failed: the servers that did.
    """

    questions: list[tuple[int, Q]]
    tries: int = 0
    failed: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _Member(Generic[Q, A]):
    """A server, and how it does.

    Attributes:
        server: itself.
        is_known: it has been checked, with whatever outcome.
        is_up: it can be asked.
        is_taken: a thread asks or checks it.
        rests_until: it is left alone, by the monotonic clock.
        failed_checks: in a row.
        failed_groups: in a row.
        reason: why it is not up.
    """

    server: Asked[Q, A]
    is_known: bool = False
    is_up: bool = False
    is_taken: bool = False
    rests_until: float = 0.0
    failed_checks: int = 0
    failed_groups: int = 0
    reason: str = ""

    def rest(self, reason: str, wait: float) -> None:
        """Leave the server alone, for longer with each failure."""
        fails = min(self.failed_checks + self.failed_groups, _MOST_DOUBLED)
        pause = min(api_client.FIRST_WAIT * 2.0 ** (fails - 1), api_client.LONGEST_WAIT)
        left = f", and asks to be left alone for {wait:.0f} s" if wait > pause else ""
        self.is_up, self.reason = False, f"{reason}{left}"
        self.rests_until = time.monotonic() + max(pause, wait)


class Fleet(Generic[Q, A]):
    """Servers that run the same model.

    Attributes:
        answered: questions that each server has answered, by its address.
    """

    def __init__(self, servers: Sequence[Asked[Q, A]], settings: ServerConfig) -> None:
        """Prepare to ask; nothing is sent yet.

        Args:
            servers: at least one.
            settings: of all of them.
        """
        self._members = [_Member(server) for server in servers]
        self._retries = settings.retries
        self._patience = settings.max_pause_s
        self._model = SameModel()
        self._turn = threading.Condition()
        self._unasked: deque[_Group[Q]] = deque()
        self.answered: Counter[str] = Counter({server.url: 0 for server in servers})

    def carry(
        self, groups: Iterator[list[tuple[int, Q]]]
    ) -> Iterator[list[tuple[int, A | ServerFaultError]]]:
        """Ask the questions of groups, and yield what was answered as it comes.

        A fault is an answer too: of a question that a server refused, or on which servers have
        failed more than `retries` times, with none that is up left to be asked.

        Args:
            groups: questions with their places; the next group is taken when a server is free.

        Raises:
            ModelError: no server answers any more, or before the first question one is found that
                can't be used.
        """
        first = next(groups, None)
        if first is None:
            return
        told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        over = threading.Event()
        for member in self._members:
            # Daemons: where Ctrl-C ends the process, it waits for no answer.
            work = threading.Thread(target=self._work, args=(member, told, over), daemon=True)
            work.start()
        try:
            # So that nothing is asked of another model.
            while not all(member.is_known for member in self._members):
                _raise(told.get())
            yield from self._hand_out(itertools.chain([first], groups), told)
        finally:
            over.set()
            with self._turn:
                self._unasked.clear()
                self._turn.notify_all()

    def _hand_out(
        self, groups: Iterator[list[tuple[int, Q]]], told: "queue.SimpleQueue[Any]"
    ) -> Iterator[list[tuple[int, A | ServerFaultError]]]:
        under_way, is_more = 0, True
        while True:
            # Answers that nobody has read yet count too: they are to be stored before others come.
            while is_more and under_way < _AHEAD * len(self._members):
                questions = next(groups, None)
                if questions is None:
                    is_more = False
                    break
                under_way += 1
                with self._turn:
                    self._unasked.append(_Group(questions))
                    self._turn.notify_all()
            if not under_way:
                return
            self._check_hope(told)
            said = told.get()
            _raise(said)
            if said is None:  # a server was checked, or is free
                continue
            found, is_whole = self._taken(*said)
            under_way -= is_whole
            if found:
                yield found

    def _taken(
        self, member: _Member[Q, A], group: _Group[Q], answers: Sequence[A | ServerFaultError]
    ) -> tuple[list[tuple[int, A | ServerFaultError]], bool]:
        """Return what came out of a group, and whether nothing of it is asked again."""
        pairs = list(zip(group.questions, answers, strict=True))
        lost = [(question, a) for question, a in pairs if _is_fault_of_server(a)]
        found = [(question[0], a) for question, a in pairs if not _is_fault_of_server(a)]
        self.answered[member.server.url] += sum(
            not isinstance(a, ServerFaultError) for _, a in found
        )
        if not lost:
            return found, True
        with self._turn:
            failed = group.failed | {member.server.url}
            again = _Group([question for question, _ in lost], group.tries + 1, failed)
            if again.tries > self._retries and not self._elsewhere(again):
                return found + [(question[0], a) for question, a in lost], True
            self._unasked.appendleft(again)
            self._turn.notify_all()
        return found, False

    def _elsewhere(self, group: _Group[Q]) -> bool:
        """Tell whether a server is up that has not failed on a group."""
        return any(m.is_up and m.server.url not in group.failed for m in self._members)

    def _check_hope(self, told: "queue.SimpleQueue[Any]") -> None:
        """See whether a server has answered, or may still do so.

        Raises:
            ModelError: none does.
        """
        with self._turn:
            if not told.empty():  # what was answered before the last one was lost is kept
                return
            lost = [
                not m.is_up
                and (
                    m.failed_checks > self._retries
                    or m.rests_until - time.monotonic() > self._patience
                )
                for m in self._members
            ]
            if not all(lost):
                return
            reasons = "; ".join(f"{m.server.url}: {m.reason}" for m in self._members)
        raise ModelError(f"none of {len(lost)} servers answers ({reasons}); {RESUME}")

    def _work(
        self, member: _Member[Q, A], told: "queue.SimpleQueue[Any]", over: threading.Event
    ) -> None:
        """Ask a server, as long as there is something to ask, and check it where it has failed."""
        with self._turn:
            # The thread of an earlier call may still wait for its answer.
            while member.is_taken and not over.is_set():
                self._turn.wait()
            if over.is_set():
                return
            member.is_taken = True
        told.put(None)
        try:
            while not over.is_set():
                if member.is_up:
                    group = self._next(member, over)
                    if group is not None:
                        self._ask(member, group, told)
                elif not over.wait(max(member.rests_until - time.monotonic(), 0.0)):
                    self._check(member)
                    told.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where answers are read
            told.put(error)
        finally:
            with self._turn:
                member.is_taken = False
                self._turn.notify_all()

    def _next(self, member: _Member[Q, A], over: threading.Event) -> _Group[Q] | None:
        """Wait for questions that a server may be asked; None where it is over."""
        with self._turn:
            while not over.is_set():
                for group in self._unasked:
                    if member.server.url not in group.failed or not self._elsewhere(group):
                        self._unasked.remove(group)
                        return group
                self._turn.wait()
        return None

    def _ask(self, member: _Member[Q, A], group: _Group[Q], told: "queue.SimpleQueue[Any]") -> None:
        answers = member.server.answers([question for _, question in group.questions])
        faults = [a for a in answers if isinstance(a, ServerFaultError) and a.down]
        wait = max((fault.wait for fault in faults), default=0.0)
        with self._turn:
            is_lost = member.server.end is not None or len(faults) == len(answers)
            member.failed_groups = member.failed_groups + 1 if is_lost else 0
            if is_lost or wait:  # a limit of its rate may hold some of a group's questions only
                member.rest(_reason(member, member.server.end or faults[0]), wait)
            self._turn.notify_all()
            told.put((member, group, answers))

    def _check(self, member: _Member[Q, A]) -> None:
        """Check a server.

        Raises:
            ModelError: it can't be used, which is found out before the first question.
        """
        try:
            self._model.compare(member.server.url, member.server.check())
        except (ModelError, ServerFaultError) as error:
            at_the_moment = isinstance(error, ServerFaultError | LostServerError)
            if not at_the_moment and not member.is_known:
                raise
            with self._turn:
                member.failed_checks += 1
                member.rest(_reason(member, error), getattr(error, "wait", 0.0))
                member.is_known = True
                self._turn.notify_all()
            return
        with self._turn:
            member.failed_checks = 0
            member.is_up = member.is_known = True
            self._turn.notify_all()


def _raise(said: object) -> None:
    """Raise what went wrong in a thread."""
    if isinstance(said, BaseException):
        raise said


def _is_fault_of_server(answer: object) -> bool:
    return isinstance(answer, ServerFaultError) and answer.down


def _reason(member: _Member[Any, Any], error: Exception) -> str:
    """Return what is wrong with a server, without its address and what to do."""
    if isinstance(error, LostServerError):
        return error.reason
    return str(error).removeprefix(f"{member.server.url}: ")
