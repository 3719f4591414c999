"""The desk of a table with one label a row: besides the work on it, the certificate and labels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmend.audit.draw import read_design
from labelmend.audit.mended import audit_paths
from labelmend.review.label_set.label_desk import LabelDesk
from labelmend.review.outlook import outlook
from labelmend.review.queues import Queues
from labelmend.review.sitting import Sitting
from labelmend.review.table import ReviewTable
from labelmend.review.work.again import (
    ranking_command,
    relabel_command,
    source_of,
    write_profile,
)
from labelmend.review.work.workbench import SIDE, DeskFiles, Workbench
from labelmend.voice.speak import ENGLISH, Language

if TYPE_CHECKING:
    from labelmend.audit.certificate import Certificate

GOAL = 0.1
"""Width of the interval of wrong labels that is aimed at until somebody says otherwise: ten points
are what some hundred rows give."""

_RANKING = "ranking.npz"
"""The name of the refit's ranking in the folder of the refit."""


class Desk(Workbench[ReviewTable]):
    """A sitting, and what goes on beside it."""

    sitting: Sitting

    def __init__(
        self,
        files: DeskFiles,
        queues: Queues[ReviewTable],
        who: str,
        language: Language = ENGLISH,
    ) -> None:
        """Begin, as `Workbench` does."""
        super().__init__(files, queues, who, language)
        self._goal = GOAL
        path, run = files.request.path, queues.table.run
        self.labels = LabelDesk.of(path, run, files.labels)
        self.sitting = Sitting(self._queues(), self._heard)
        self.labels.sit(self.sitting, self._show)
        self._certify_again()

    def start(self) -> dict[str, Any]:
        """Return what the page needs once, and again where labels were edited."""
        self.labels.follow()
        return {**super().start(), "labels_version": self.labels.version}

    def progress(self, who: str) -> dict[str, Any]:
        """Return how far everything is; begin what had to wait for other work."""
        self.labels.follow()
        return {
            **super().progress(who),
            "goal": self._goal,
            "labels": {
                "version": self.labels.version,
                "pending": self.labels.pending(self._base.table.run),
            },
        }

    def set_goal(self, goal: float) -> None:
        """Aim at an interval of such a width."""
        self._goal = goal

    def _proved(self, certificate: "Certificate") -> dict[str, Any]:
        return {**super()._proved(certificate), **outlook(certificate, self._goal)}

    def _labels(self) -> list[dict[str, str]]:
        table = self.sitting.table
        return [
            {"name": name, "description": table.descriptions.get(name, "")} for name in table.labels
        ]

    def _is_anything_said(self) -> bool:
        return super()._is_anything_said() or self.labels.pending(self._base.table.run)

    def _refit_by(self) -> tuple[list[str], Callable[[], ReviewTable]]:
        base, path = self._base.table, self._files.request.path
        whole, ranking = self._side(f"{SIDE}{path.suffix}"), self._side(_RANKING)
        if base.index is None:
            words = self._relabel(whole, quick=True)
            return words, lambda: self._base.table.as_run_anew(whole)
        profile = self._side("profile.yaml")
        write_profile(base.run, profile)
        words = ranking_command(path, self._files.answers, profile, ranking)
        return words, lambda: self._base.table.ranked_anew(ranking)

    def _relabel(self, output: Path, *, quick: bool) -> list[str]:
        path, run = self._files.request.path, self._base.table.run
        labels = self.labels.labels_file(path, run)
        profile = self._side("profile.yaml")
        write_profile(run, profile)
        source = source_of(path, run)
        answers = self._files.answers if self.sitting.book.answers() else None
        words = relabel_command(source, run, answers, output, profile, labels, quick=quick)
        return [*words, *self.labels.words(), *self._encoding()]

    def _queues(self) -> Queues[ReviewTable]:
        """Return the newest queues, under the labels' present names."""
        return replace(self._base, table=self.labels.shown(self._newest))

    def _show(self) -> None:
        """Show the rows under the labels' present names from now on."""
        self.sitting.renew(self._queues())

    def _reload(self) -> None:
        table = ReviewTable.read(self._files.request, self._files.labels)
        design_path, _ = audit_paths(self._files.request.path)
        design = read_design(design_path, table.mended)
        self._base = replace(self._base, table=table, design=design)
        self._newest = table
        self._show()
        if design is not None:
            self._certify()
