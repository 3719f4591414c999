"""The desk of a table with several labels a row."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labelmend.review.queues import QUEUES, Queue, Queues
from labelmend.review.sets.sitting import SetSitting
from labelmend.review.sets.table import SetTable
from labelmend.review.work.again import relabel_sets_command, source_of, write_profile
from labelmend.review.work.workbench import SIDE, DeskFiles, Workbench
from labelmend.runs.again import named_labels
from labelmend.voice.speak import ENGLISH, Language


class SetDesk(Workbench[SetTable]):
    """A sitting, and what goes on beside it."""

    sitting: SetSitting

    def __init__(
        self, files: DeskFiles, queues: Queues[SetTable], who: str, language: Language = ENGLISH
    ) -> None:
        """Begin, as `Workbench` does."""
        super().__init__(files, queues, who, language)
        self.sitting = SetSitting(queues, self._heard)
        self._certify_again()

    def _shown_queues(self) -> Sequence[Queue]:
        # Without an audit there is nothing to say of one.
        return QUEUES if self._base.drawn else tuple(q for q in QUEUES if q != "audit")

    def _refit_by(self) -> tuple[list[str], Callable[[], SetTable]]:
        request = replace(
            self._files.request, path=self._side(f"{SIDE}{self._files.request.path.suffix}")
        )
        words = self._relabel(request.path, quick=True)
        return words, lambda: self._base.table.as_run_anew(request)

    def _relabel(self, output: Path, *, quick: bool) -> list[str]:
        run = self._base.table.run
        profile = self._side("profile.yaml")
        write_profile(run, profile)
        path = self._files.request.path
        source, labels, answers = source_of(path, run), named_labels(path, run), self._files.answers
        words = relabel_sets_command(source, run, answers, output, profile, labels, quick=quick)
        return [*words, *self._encoding()]

    def _reload(self) -> None:
        table = SetTable.of(self._files.request)
        self._base = replace(self._base, table=table)
        self._newest = table
        self._show()
        if self._base.design is not None:
            self._certify()

    def _show(self) -> None:
        self.sitting.renew(replace(self._base, table=self._newest))
