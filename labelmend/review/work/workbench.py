"""Beside a sitting, however many labels a row has: the refit, mending anew, the certificate."""

import shutil
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from labelmend.data.request import TableRequest
from labelmend.errors import LabelmendError
from labelmend.review.items import Item
from labelmend.review.outlook import standing
from labelmend.review.page import strings
from labelmend.review.queues import QUEUES, Queue, Queues
from labelmend.review.reviewed import TableT
from labelmend.review.seats import RefusedError, Seats
from labelmend.review.work.again import LABELMEND
from labelmend.review.work.jobs import Job
from labelmend.voice.speak import Language

if TYPE_CHECKING:
    from labelmend.audit.certificate import Certificate

CERTIFY_EVERY = 5
"""Answers of the audit after which the certificate is worked out anew: some seconds of one core."""

REFIT_EVERY = 25
"""Answers after which the doubtful rows are ranked anew: the issue's number."""

SIDE = "mended"
"""The name of the refit's table in a folder of its own."""


@dataclass(frozen=True)
class DeskFiles:
    """What a desk works on.

    Attributes:
        request: the mended table.
        answers: the file of answers.
        labels: the user's labels file; None for the one that the run was given or wrote.
    """

    request: TableRequest
    answers: Path
    labels: Path | None = None


class Workbench(ABC, Generic[TableT]):
    """A sitting's table and the work on it, by children at low priority.

    Attributes:
        language: of the page.
        sitting: where people sit.
    """

    sitting: Seats[TableT, Item]

    def __init__(
        self, files: DeskFiles, queues: Queues[TableT], who: str, language: Language
    ) -> None:
        """Begin.

        Args:
            files: that are worked on.
            queues: of the table.
            who: answers, unless a tab says otherwise.
            language: of the page.
        """
        self.language: Language = language
        self._files = files
        self._who = who
        self._base = queues
        self._newest = queues.table
        self._folder: Path | None = None
        self._certifying, self._refitting, self._applying = Job(), Job(), Job()
        self._lock = threading.Lock()
        self._since_refit = self._since_certificate = self._refits = 0
        self._certificate: Certificate | None = None

    @abstractmethod
    def _relabel(self, output: Path, *, quick: bool) -> list[str]:
        """Return the command that mends the table again.

        Raises:
            InputError: what it needs is not at hand.
        """

    @abstractmethod
    def _refit_by(self) -> tuple[list[str], Callable[[], TableT]]:
        """Return the command that ranks the rows anew, and what reads the outcome.

        Raises:
            LabelmendError: it can't be done.
        """

    @abstractmethod
    def _reload(self) -> None:
        """Read the table that was mended anew."""

    @abstractmethod
    def _show(self) -> None:
        """Show the newest table from now on."""

    def _shown_queues(self) -> Sequence[Queue]:
        """Return the queues that the page offers."""
        return QUEUES

    def _labels(self) -> list[dict[str, str]]:
        """Return the labels that an answer may name, and what is said of each."""
        table = self.sitting.table
        return [{"name": name, "description": ""} for name in sorted(table.label_set)]

    def start(self) -> dict[str, Any]:
        """Return what the page needs once, and again where labels were edited."""
        sitting = self.sitting
        return {
            "strings": strings(self.language),
            "task": sitting.task,
            "table": self._files.request.path.name,
            "rows": len(sitting.table),
            "who": self._who,
            "labels": self._labels(),
            "queues": list(self._shown_queues()),
            "queue": "audit" if sitting.queues.openings.any_left() else "doubtful",
        }

    def progress(self, who: str) -> dict[str, Any]:
        """Return how far everything is; begin what had to wait for other work."""
        self._begin_due()
        certificate = self._certificate
        return {
            **self.sitting.progress(who),
            "certificate": None if certificate is None else self._proved(certificate),
            "jobs": {
                name: {
                    "phase": job.state.phase,
                    "said": job.state.said.encode(errors="replace").decode(),
                }
                for name, job in self._jobs().items()
            },
            "refits": self._refits,
            "until_refit": max(0, REFIT_EVERY - self._since_refit),
        }

    def apply(self) -> None:
        """Begin to mend the table anew, with all that people said.

        Raises:
            RefusedError: it is being done, nobody has said anything, or the run can't be repeated.
        """
        if not self._is_anything_said():
            raise RefusedError(409, "no-answers")
        try:
            words = self._relabel(self._files.request.path, quick=False)
        except LabelmendError as error:
            raise RefusedError(409, "failed", said=str(error)) from None
        if not self._applying.start(words, self._reload):
            raise RefusedError(409, "applying")

    def close(self) -> None:
        """End all children, and leave no file behind but the user's."""
        for job in self._jobs().values():
            job.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _jobs(self) -> dict[str, Job]:
        """Return the kinds of work, by name."""
        return {
            "certificate": self._certifying,
            "refit": self._refitting,
            "apply": self._applying,
        }

    def _proved(self, certificate: "Certificate") -> dict[str, Any]:
        """Return what the page says of a certificate."""
        return standing(certificate)

    def _is_anything_said(self) -> bool:
        return bool(self.sitting.book.answers())

    def _heard(self, queue: Queue, count: int) -> None:
        """Hear of answers that were written or withdrawn."""
        with self._lock:
            self._since_refit = max(0, self._since_refit + count)
            if queue == "audit":
                self._since_certificate += abs(count)
        self._begin_due()

    def _begin_due(self) -> None:
        """Begin what so many answers call for, unless it runs."""
        with self._lock:
            refit = self._since_refit >= REFIT_EVERY
            done = not self.sitting.queues.openings.any_left()
            certify = self._since_certificate >= (1 if done else CERTIFY_EVERY)
        if refit:
            self._refit()
        if certify:
            self._certify()

    def _certify_again(self) -> None:
        """Work out the certificate of answers that were there before the page was opened."""
        queues, keys = self._base, self._base.table.keys
        if any(queues.is_audited(keys[one.row]) for one in queues.drawn):
            self._certify()

    def _certify(self) -> None:
        output = self._side("certificate.json")
        words = [*LABELMEND, "certify", str(self._files.request.path), "--quiet"]
        words += ["--answers", str(self._files.answers), "--output", str(output), *self._encoding()]

        def read() -> None:
            # It loads what works out certificates, which no row needs.
            from labelmend.audit.certificate import Certificate

            self._certificate = Certificate.from_json(output.read_bytes())

        if self._certifying.start(words, read):
            with self._lock:
                self._since_certificate = 0

    def _side(self, name: str) -> Path:
        """Return a file of our own, in a folder that goes when the page is closed."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="labelmend-review-"))
            return self._folder / name

    def _encoding(self) -> list[str]:
        encoding = self._files.request.encoding
        return [] if encoding is None else ["--encoding", encoding]

    def _refit(self) -> None:
        if "running" in {self._applying.state.phase, self._refitting.state.phase}:
            return
        try:
            words, read = self._refit_by()
        except LabelmendError:
            # `apply` says why; the order stays as the run has it.
            with self._lock:
                self._since_refit = 0
            return

        def take() -> None:
            self._newest = read()
            self._show()
            self._refits += 1

        if self._refitting.start(words, take):
            with self._lock:
                self._since_refit = 0
