"""One step of champion and challenger: from new rows to a version in the registry."""

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from labelmend.classify.folder import CARD
from labelmend.errors import InputError
from labelmend.protocols import Progress
from labelmend.retrain.known import PASSED_OVER, is_held_out, require_share
from labelmend.retrain.project import Opened
from labelmend.retrain.registry import MODEL, Event, Registry, utc_now
from labelmend.retrain.rows import MendedRow, NewRow, read_rows, write_rows
from labelmend.retrain.sources.intake import Intake, JournalReader, take
from labelmend.retrain.trial.challenger import Placed
from labelmend.retrain.version import Verdict, Version
from labelmend.retrain.way import AnyData, AnyHeldOut, AnyKnown, AnyMending, Trial, Way
from labelmend.voice.speak import meant, note
from labelmend.weights.packages import require_encoders

Status = Literal["promoted", "not better", "refused", "nothing new", "overlapping"]


@dataclass(frozen=True)
class Tools:
    """What a step is done with.

    Attributes:
        way: that of tables with so many labels a text.
        progress: hears how far the work is.
        journal: reads the log of a served model.
    """

    way: Way
    progress: Progress
    journal: JournalReader | None = None


@dataclass(frozen=True)
class Step:
    """What a step did.

    Attributes:
        status: what became of it.
        version: the record of the version; None where there is none.
        event: as the history has it; None where nothing was written, as in a dry run.
        model: the model folder, where one was kept.
        notes: what the user should know.
    """

    status: Status
    version: Version | None = None
    event: Event | None = None
    model: Path | None = None
    notes: tuple[str, ...] = ()


def take_step(opened: Opened, tools: Tools, *, dry_run: bool = False) -> tuple[Step, ...]:
    """Take new rows, mend them, train a challenger, compare, and promote it if it is better.

    Where there is no champion yet, a first one comes before: the project's own model, or one that
    is trained on the base.

    Args:
        opened: the project.
        tools: what it is done with.
        dry_run: leave the registry as it is, and say what would become of the rows.

    Raises:
        LabelmendError: a source, the base or a model can't be used, or the registry can't be
            written to; its versions are whole.
    """
    tools.way.check(opened.project, opened.config)
    require_encoders(opened.config.encoders, by=f"profile {opened.config.profile}")
    with tempfile.TemporaryDirectory(prefix="labelmend-") as work:
        folder = opened.registry
        if dry_run:
            folder = Path(work) / "registry"
            _copy(opened.registry, folder)
        registry = Registry.make(folder)
        with registry.step() as mine:
            if not mine:
                return (Step("overlapping", notes=(note(_OVERLAPPING),)),)
            done = _Work(opened, tools, registry, Path(work)).steps()
            if dry_run:
                return tuple(replace(step, event=None, model=None) for step in done)
            registry.drop_models(opened.project.keep_models)
            return done


_OVERLAPPING = meant("another step is at work in this registry; this one is skipped")
_NOTHING_NEW = meant("no new rows")
_WAITS = meant("{count} new {count:one=row|other=rows}, and a step waits for {least}")
_FIRST = meant("the first version: nothing to compare it with")
_IMPORTED = meant(
    "the project's own model, which may have learned from texts that are held out here; that "
    "flatters it, and makes it harder to replace"
)
_NO_TEST = meant("{count} held-out rows can be tested on, and {least} are needed to compare")
_UNKNOWN = meant(
    "{count} new {count:one=label is|other=labels are} known from no mended row: {labels}; their "
    "rows wait for a full mending"
)
_REFIT = meant(
    "a full mending is wanted: {count} rows came since the base was mended, {share:.0%} of it"
)
_TESTED_ON = meant(
    "compared on {rows} held-out texts: the labels of {answered} are people's, of {mended} "
    "labelmend's or the table's"
)


def counting_rows(registry: Registry) -> list[MendedRow]:
    """Return the rows that steps took, without those that were refused and that nobody accepted.

    Raises:
        ModelError: a version can't be read.
    """
    accepted = registry.accepted()
    sound = [v.id for v in registry.versions() if v.verdict != "refused" or v.id in accepted]
    return [row for version in sound for row in read_rows(registry.place(version))]


def _copy(registry: Path, to: Path) -> None:
    """Copy what a step reads of a registry, links to the models instead of these."""
    if not registry.is_dir():
        return
    shutil.copytree(
        registry, to, symlinks=True, ignore=shutil.ignore_patterns(MODEL, "staging", "step.lock")
    )
    for version in (registry / "versions").glob("v*"):
        if (version / MODEL).is_dir():
            (to / "versions" / version.name / MODEL).symlink_to((version / MODEL).resolve())


class _Work:
    """A step in the making."""

    def __init__(self, opened: Opened, tools: Tools, registry: Registry, work: Path) -> None:
        self._opened = opened
        self._project, self._config = opened.project, opened.config
        self._tools, self._way = tools, tools.way
        self._registry = registry
        self._work = work
        self._versions = registry.versions()
        self._remembered: dict[str, Any] = {}
        for version in self._versions:
            self._remembered |= version.more

    def steps(self) -> tuple[Step, ...]:
        share = self._project.held_out.share
        require_share(share, self._remembered.get("held_out_share"), str(self._opened.path))
        base = self._way.read_base(self._opened)
        counted = self._registry.accepted()
        taken = [row for v in self._versions for row in read_rows(self._registry.place(v.id))]
        known = self._way.with_rows(base, counting_rows(self._registry), self._project.held_out)
        done: list[Step] = []
        placed = None
        if self._registry.champion() is None:
            first, placed = self._first(known)
            done.append(first)
        intake = take(
            self._opened,
            taken,
            self._remembered.get("cursors") or {},
            known.labels,
            self._tools.journal,
            self._way.cells,
        )
        fresh, least = len(intake.rows) + len(intake.passed_over), self._project.least_new_rows
        if fresh < least and not self._is_other(base, counted):
            said = note(_WAITS, count=fresh, least=least) if fresh else note(_NOTHING_NEW)
            if not done:
                done.append(Step("nothing new", notes=(*base.notes, *intake.notes, said)))
            return tuple(done)
        return (*done, self._challenge(known, intake, placed))

    def _is_other(self, base: AnyKnown, counted: frozenset[str]) -> bool:
        """Tell whether something else than new rows asks for a step."""
        if self._remembered.get("base_sha256") not in {None, base.base_sha256}:
            return True
        return bool(counted - set(self._remembered.get("accepted") or ()))

    def _first(self, known: AnyKnown) -> tuple[Step, Placed | None]:
        """Make the first champion."""
        own = self._project.champion
        folder = None if own is None else self._opened.find(own)
        # Before anything is begun: it may be a model of another task.
        kind = "" if folder is None else self._way.kind_of(folder)
        staged = self._registry.stage()
        if folder is not None:
            shutil.copytree(folder, staged / MODEL)
            digest = hashlib.sha256((folder / CARD).read_bytes()).hexdigest()
            step = self._commit(staged, kind, digest, known, (), "promoted", (note(_IMPORTED),))
            return step, None
        data, said = known.training_set(str(self._opened.base))
        placed = Placed(self._config, self._placed_texts(known), self._tools.progress)
        held_out = known.test_set(self._project.held_out)
        placed.place(data.texts)
        placed.place(held_out.texts)
        trial = self._train(data, placed)
        self._way.write(trial, known, staged / MODEL)
        metrics: dict[str, float | None] = {}
        if held_out.texts:
            metrics = self._way.measured(trial, held_out, self._config.seed)
        step = self._commit(
            *(staged, self._project.kind, data.digest, known, (), "promoted", (note(_FIRST),)),
            metrics=metrics,
            notes=(*known.notes, *said),
        )
        return step, placed

    def _challenge(self, known: AnyKnown, intake: Intake, placed: Placed | None) -> Step:
        """Mend the new rows, train on them too, and compare."""
        progress, seed, way = self._tools.progress, self._config.seed, self._way
        placed = placed or Placed(self._config, self._placed_texts(known), progress)
        texts = way.texts(known, intake.rows)
        embeddings = placed.place(texts).of(texts)
        share = self._project.held_out.share
        mending = way.mend(known, intake.rows, embeddings, self._config, share, progress)
        rows = (*mending.rows, *_passed_over(intake.passed_over, share))
        more = {
            "cursors": dict(intake.cursors),
            "channel": dict(mending.channel_record),
            "decisions": dict(sorted(Counter(row.decision for row in rows).items())),
            "unknown_labels": list(mending.unknown),
        }
        staged = self._registry.stage()
        champion = self._registry.champion()
        assert champion is not None
        notes = (*known.notes, *intake.notes, *_notes_on(mending))
        wrong = way.amiss(mending, self._project.gate, seed)
        if wrong:
            digest = _digest_of(rows)
            kind = self._project.kind
            return self._commit(
                *(staged, kind, digest, known, rows, "refused", wrong), more=more, notes=notes
            )
        after = way.with_rows(known, rows, self._project.held_out)
        data, said = after.training_set(str(self._opened.base))
        held_out = after.test_set(self._project.held_out)
        placed.place([*data.texts, *held_out.texts])
        trial = self._train(data, placed)
        way.write(trial, after, staged / MODEL)
        notes = (*notes, *said, *self._refit(after, known), *_tested_on(held_out))
        verdict: Verdict = "not better"
        reasons: tuple[str, ...] = ()
        found: dict[str, Any] = {}
        least = self._project.held_out.least_rows
        if len(held_out.texts) < least:
            reasons = (note(_NO_TEST, count=len(held_out.texts), least=least),)
        else:
            earlier = known.test_set(self._project.held_out).texts
            place = self._registry.place(champion) / MODEL
            compared = way.compared(place, trial, held_out, earlier, self._project, seed)
            verdict, reasons = compared.verdict, compared.reasons
            found = {"metrics": compared.metrics, "comparison": compared.record}
        return self._commit(
            *(staged, self._project.kind, data.digest, after, rows, verdict, reasons),
            more=more,
            notes=notes,
            **found,
        )

    def _placed_texts(self, known: AnyKnown) -> tuple[str, ...]:
        """Return the texts that span the space: those that are learned from."""
        found = self._way.texts(known, ())
        if not found:
            raise InputError("the base has no row to learn from; give another")
        return found

    def _train(self, data: AnyData, placed: Placed) -> Trial:
        # Of its own: the first champion's student is still read while the challenger's is made.
        work = Path(tempfile.mkdtemp(dir=self._work))
        kind, progress = self._project.kind, self._tools.progress
        return self._way.train(data, placed, self._config, kind, work, progress)

    def _refit(self, after: AnyKnown, known: AnyKnown) -> tuple[str, ...]:
        since = len(after) - after.base_rows
        share = since / max(known.base_rows, 1)
        if share < self._project.refit_share:
            return ()
        return (note(_REFIT, count=since, share=share),)

    def _commit(
        self,
        staged: Path,
        kind: str,
        digest: str,
        known: AnyKnown,
        rows: Sequence[MendedRow],
        verdict: Verdict,
        reasons: Sequence[str],
        *,
        metrics: dict[str, float | None] | None = None,
        comparison: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> Step:
        if rows:
            write_rows(rows, staged)
        version = Version(
            id=self._registry.next_id(),
            at=utc_now(),
            kind=kind,
            data_sha256=digest,
            rows=known.learned_rows,
            new_rows=len(rows),
            verdict=verdict,
            reasons=tuple(reasons),
            champion_before=self._registry.champion(),
            metrics=metrics or {},
            comparison=comparison,
            more={
                **(more or {}),
                "held_out_share": self._project.held_out.share,
                "base_sha256": known.base_sha256,
                "accepted": sorted(self._registry.accepted()),
            },
        )
        event = self._registry.commit(staged, version)
        model = self._registry.place(version.id) / MODEL
        status: Status = verdict
        if event.event == "not better":  # somebody rolled back meanwhile
            status = "not better"
        return Step(status, version, event, model if model.is_dir() else None, tuple(notes))


def _passed_over(rows: Sequence[NewRow], share: float) -> list[MendedRow]:
    return [
        MendedRow(
            *(row.source, row.id, row.key, row.text, row.label, row.rows),
            "held out" if is_held_out(row.text, share) else "train",
            *("", 0.0, PASSED_OVER),
        )
        for row in rows
    ]


def _notes_on(mending: AnyMending) -> tuple[str, ...]:
    if not mending.unknown:
        return ()
    shown = ", ".join(map(repr, mending.unknown[:_SHOWN]))
    return (note(_UNKNOWN, count=len(mending.unknown), labels=shown),)


_SHOWN = 5
"""Labels that a note names."""


def _tested_on(held_out: AnyHeldOut) -> tuple[str, ...]:
    rows = len(held_out.texts)
    return (
        note(_TESTED_ON, rows=rows, answered=held_out.answered, mended=rows - held_out.answered),
    )


def _digest_of(rows: Sequence[MendedRow]) -> str:
    said = "\n".join(sorted(row.key for row in rows))
    return hashlib.sha256(said.encode()).hexdigest()
