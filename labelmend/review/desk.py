"""The sitting with the work beside it: the certificate, the refit, and mending the table anew."""

import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmend.audit.draw import read_design
from labelmend.audit.mended import audit_paths
from labelmend.data.request import TableRequest
from labelmend.errors import LabelmendError
from labelmend.review.again import (
    LABELMEND,
    ranking_command,
    relabel_command,
    source_of,
    write_profile,
)
from labelmend.review.jobs import Job
from labelmend.review.label_set.label_desk import LabelDesk
from labelmend.review.outlook import standing
from labelmend.review.page import strings
from labelmend.review.queues import Queue, Queues
from labelmend.review.sitting import RefusedError, Sitting
from labelmend.review.table import ReviewTable
from labelmend.voice.speak import ENGLISH, Language

if TYPE_CHECKING:
    from labelmend.audit.certificate import Certificate

REFIT_EVERY = 25
"""Answers after which the doubtful rows are ranked anew: the issue's number."""

CERTIFY_EVERY = 5
"""Answers of the audit after which the certificate is worked out anew: some seconds of one core."""

GOAL = 0.1
"""Width of the interval of wrong labels that is aimed at until somebody says otherwise: ten points
are what some hundred rows give."""

_SIDE, _RANKING = "mended", "ranking.npz"
"""The names of the refit's table and of its ranking in their own folder."""


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


class Desk:
    """A sitting, and what goes on beside it."""

    def __init__(
        self, files: DeskFiles, queues: Queues, who: str, language: Language = ENGLISH
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
        self._goal = GOAL
        self._base = queues
        self._folder: Path | None = None
        self._certifying, self._refitting, self._applying = Job(), Job(), Job()
        self._lock = threading.Lock()
        self._since_refit = self._since_certificate = self._refits = 0
        self._certificate: Certificate | None = None
        path, run = files.request.path, queues.table.run
        self.labels = LabelDesk.of(path, run, files.labels)
        self._newest = queues.table
        self.sitting = Sitting(self._queues(), self._heard)
        self.labels.sit(self.sitting, self._rename)
        if queues.drawn and any(map(queues.is_audited, self._drawn_keys())):
            self._certify()

    def start(self) -> dict[str, Any]:
        """Return what the page needs once, and again where labels were edited."""
        self.labels.follow()
        table = self.sitting.table
        return {
            "strings": strings(self.language),
            "table": self._files.request.path.name,
            "rows": len(table),
            "who": self._who,
            "labels": [
                {"name": name, "description": table.descriptions.get(name, "")}
                for name in table.labels
            ],
            "labels_version": self.labels.version,
            "queue": "audit" if self.sitting.queues.openings.any_left() else "doubtful",
        }

    def progress(self, who: str) -> dict[str, Any]:
        """Return how far everything is; begin what had to wait for other work."""
        self._begin_due()
        certificate = self._certificate
        self.labels.follow()
        return {
            **self.sitting.progress(who),
            "certificate": None if certificate is None else standing(certificate, self._goal),
            "goal": self._goal,
            "jobs": {
                name: {
                    "phase": job.state.phase,
                    "said": job.state.said.encode(errors="replace").decode(),
                }
                for name, job in (
                    ("certificate", self._certifying),
                    ("refit", self._refitting),
                    ("apply", self._applying),
                )
            },
            "labels": {
                "version": self.labels.version,
                "pending": self.labels.pending(self._base.table.run),
            },
            "refits": self._refits,
            "until_refit": max(0, REFIT_EVERY - self._since_refit),
        }

    def set_goal(self, goal: float) -> None:
        """Aim at an interval of such a width."""
        self._goal = goal

    def apply(self) -> None:
        """Begin to mend the table anew, with all answers and all edits of labels.

        Raises:
            RefusedError: it is being done, nobody has answered or edited anything, or the run can't
                be repeated.
        """
        path, pending = self._files.request.path, self.labels.pending(self._base.table.run)
        if not self.sitting.book.answers() and not pending:
            raise RefusedError(409, "no-answers")
        try:
            words = self._relabel(path, quick=False)
        except LabelmendError as error:
            raise RefusedError(409, "failed", said=str(error)) from None
        if not self._applying.start(words, self._reload):
            raise RefusedError(409, "applying")

    def close(self) -> None:
        """End all children, and leave no file behind but the user's."""
        for job in (self._applying, self._refitting, self._certifying):
            job.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

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

    def _drawn_keys(self) -> list[str]:
        return [self._base.table.keys[one.row] for one in self._base.drawn]

    def _side(self, name: str) -> Path:
        """Return a file of our own, in a folder that goes when the page is closed."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="labelmend-review-"))
            return self._folder / name

    def _encoding(self) -> list[str]:
        encoding = self._files.request.encoding
        return [] if encoding is None else ["--encoding", encoding]

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

    def _refit(self) -> None:
        if "running" in {self._applying.state.phase, self._refitting.state.phase}:
            return
        base, path = self._base.table, self._files.request.path
        whole, ranking = self._side(f"{_SIDE}{path.suffix}"), self._side(_RANKING)
        light = base.index is not None
        try:
            if light:
                profile = self._side("profile.yaml")
                write_profile(base.run, profile)
                words = ranking_command(path, self._files.answers, profile, ranking)
            else:
                words = self._relabel(whole, quick=True)
        except LabelmendError:
            # `apply` says why; the order stays as the run has it.
            with self._lock:
                self._since_refit = 0
            return

        def take() -> None:
            table = self._base.table
            table = table.ranked_anew(ranking) if light else table.as_run_anew(whole)
            self._newest = table
            self._rename()
            self._refits += 1

        if self._refitting.start(words, take):
            with self._lock:
                self._since_refit = 0

    def _relabel(self, output: Path, *, quick: bool) -> list[str]:
        """Return the command that mends the table again.

        Raises:
            InputError: the table that was mended, or its labels file, is not at hand.
        """
        path, run = self._files.request.path, self._base.table.run
        labels = self.labels.labels_file(path, run)
        profile = self._side("profile.yaml")
        write_profile(run, profile)
        source = source_of(path, run)
        answers = self._files.answers if self.sitting.book.answers() else None
        words = relabel_command(source, run, answers, output, profile, labels, quick=quick)
        return [*words, *self.labels.words(), *self._encoding()]

    def _queues(self) -> Queues:
        """Return the newest queues, under the labels' present names."""
        return replace(self._base, table=self.labels.shown(self._newest))

    def _rename(self) -> None:
        """Show the rows under the labels' present names from now on."""
        self.sitting.renew(self._queues())

    def _reload(self) -> None:
        """Read the table that was mended anew."""
        table = ReviewTable.read(self._files.request, self._files.labels)
        design_path, _ = audit_paths(self._files.request.path)
        design = read_design(design_path, table.mended)
        self._base = replace(self._base, table=table, design=design)
        self._newest = table
        self._rename()
        if design is not None:
            self._certify()
