"""What `labelmend bot` does: it opens models and their exports, and answers in a chat."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelmend.classify.folder import SINGLE, require_task
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.workflows.serve import Models, open_service, watching

if TYPE_CHECKING:
    from labelmend.bot.polling import Heard
    from labelmend.bot.rules import BotRules
    from labelmend.bot.run import Talking
    from labelmend.journal.log import Journal, LogRequest
    from labelmend.serve.models.watch import Tell, Watch
    from labelmend.serve.service import Service

_NEEDED = ("aiogram",)
"""The package of the extra `bot` that those of `serve` lack."""


@dataclass(frozen=True)
class BotRequest:
    """Which models answer, and how.

    Attributes:
        models: that answer.
        rules: how the bot talks.
        log: of messages and feedback; None for none, and then there are no buttons.
        every: seconds between two looks for a new model; 0 for none.
    """

    models: Models
    rules: "BotRules"
    log: "LogRequest | None" = None
    every: float = 2.0


@dataclass
class RunningBot:
    """A bot that is ready, and what belongs to it.

    Attributes:
        talking: the bot.
        service: answers.
        watch: swaps models; None where nobody does.
        journal: the log; None where there is none.
    """

    talking: "Talking"
    service: "Service"
    watch: "Watch | None"
    journal: "Journal | None"

    def run(self) -> None:
        """Answer until a signal comes, and then all that was taken.

        Raises:
            LabelmendError: the token is refused, somebody else takes the messages, or at the
                beginning the Bot API can't be reached.
        """
        if self.watch is not None:
            self.watch.start()
        try:
            self.talking.run()
        finally:
            self.close()

    def close(self) -> None:
        """Let everything go."""
        if self.watch is not None:
            self.watch.stop()
        self.service.close()
        if self.journal is not None:
            self.journal.close()


def open_bot(
    request: BotRequest,
    progress: Progress,
    tell: "Tell",
    heard: "Heard",
    environment: Mapping[str, str] = os.environ,
) -> RunningBot:
    """Look at the token, and open the log and the models.

    Args:
        request: which models answer, and how.
        progress: hears how far an export is.
        tell: hears of models that are swapped.
        heard: hears of trouble with the Bot API.
        environment: has the token.

    Raises:
        LabelmendError: the token is missing, a model or the log can't be used, or an extra is not
            installed.
    """
    require(*_NEEDED, by="bot")
    from labelmend.bot.rules import TOKEN, check_bot
    from labelmend.serve.models.watch import model_folder

    token = check_bot(environment.get(TOKEN), request.rules)
    service = journal = None
    for model in (request.models.model, request.models.against):
        if model is not None:
            require_task(model_folder(model), (SINGLE,), "labelmend bot")
    if request.log is not None:
        request.log.check()
    try:
        service = open_service(request.models, None, progress)
        # What takes seconds to import comes when all else is there.
        from labelmend.bot.run import Talking
        from labelmend.serve.parts.feedback import recorder

        if request.log is not None:
            journal = request.log.open()
            service.ears.append(recorder(service, journal, "bot"))
        watch = watching(service, request.models, request.every, tell)
        talking = Talking(token, service, journal, request.rules, heard)
    except BaseException:
        if service is not None:
            service.close()
        if journal is not None:
            journal.close()
        raise
    return RunningBot(talking, service, watch, journal)
