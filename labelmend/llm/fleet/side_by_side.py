"""Asks several questions at a time, in threads that nobody has to wait for."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

Asked = TypeVar("Asked")
Got = TypeVar("Got")


def side_by_side(
    ask: Callable[[Asked], Got], questions: Sequence[Asked], at_a_time: int
) -> list[Got]:
    """Return what `ask` says of each question, in order.

    The threads are daemons, which those of an executor are not: where Ctrl-C ends the process, it
    waits for no answer. What it raises of one question is raised once those before are answered,
    and no more questions are begun then.

    Args:
        ask: is called in threads.
        questions: each is asked once.
        at_a_time: most of them that are under way.
    """
    answers: list[Future[Got]] = [Future() for _ in questions]
    waiting = deque(zip(answers, questions, strict=True))

    def work() -> None:
        while True:
            try:
                answer, question = waiting.popleft()
            except IndexError:
                return
            try:
                answer.set_result(ask(question))
            except BaseException as error:  # noqa: BLE001 - raised where answers are read
                answer.set_exception(error)

    for _ in range(min(at_a_time, len(questions))):
        threading.Thread(target=work, daemon=True).start()
    try:
        return [answer.result() for answer in answers]
    finally:
        waiting.clear()
