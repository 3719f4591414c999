"""Labels that people or rules really got wrong: what labelmend makes of them, with answers and not.

    python benchmarks/real_noise.py [--tables trec_rules,...] [--draws 20] [--whole 2]

Every table of ../shared/data/real is mended once and kept in the work folder, under a digest of
labelmend's sources. Simulated people then answer: at random, by the design of `labelmend audit`,
and in the order of a queue with refits; each cell runs again with people who err and are unsure.
The stages `answers` and `decide` run on what was kept; `--whole 2` runs the whole pipeline for two
draws a table, to show that this makes no difference. Each result is appended to a file as soon as
it is there, so that an interrupted benchmark goes on where it stopped. At the end the tables are
written into benchmarks/RESULTS.md, between the markers of `real_noise`; not with fewer than 20
draws or some of the tables, nor for the draws from 100 on, which serve to choose constants.

cleanlab is compared with where it is installed: run this script in an environment that has it.
"""

import argparse
import csv
import hashlib
import importlib.util
import multiprocessing
import os
import pickle
import platform
import shlex
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import certificate
import numpy as np
from correction import _spawn, calibration_error, code_digest, package_versions
from peers import CROSS_VALIDATION, load_mended, save_data
from platformdirs import user_cache_path
from real_noise_report import (
    ALONE,
    AUDITS,
    BUDGETS,
    CLEANLAB,
    CLEANLEARNING,
    DESIGNS,
    QUEUES,
    TAUGHT,
    Line,
    Results,
    budget_cell,
    certificate_cell,
    report,
)
from results_file import append_record, read_latest, typed, write_section

from labelmend import make_dataset
from labelmend.audit.certificate import certify
from labelmend.audit.draw import Design, new_design
from labelmend.audit.mended import MendedTable
from labelmend.configs.load import load_config
from labelmend.configs.schema import Config
from labelmend.data.answers import MatchedAnswers
from labelmend.data.dataset import ColumnChoice
from labelmend.data.duplicates import unique_texts
from labelmend.data.read import read_table
from labelmend.data.table import SourceTable
from labelmend.llm.store import Store
from labelmend.relabel.diagnostics.explanation import HeldOut
from labelmend.relabel.evidence.registry import resolved_sources
from labelmend.relabel.labelmodel.answered import Spoken
from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.pipeline import STAGES
from labelmend.relabel.run_models import RunModels, locate_models
from labelmend.relabel.run_state import Run, State, carry_out, found
from labelmend.retrieval.space import open_space
from labelmend.types import NO_LABEL, Bools, Dataset, Doubles, Ints

HERE = Path(__file__).resolve().parent
TABLES = HERE.parents[1] / "shared" / "data" / "real"

DRAWS = 20
FIRST_TUNING_DRAW = 100
"""Constants are chosen on the draws from here on; what they give is never published."""

FIRST_AT_RANDOM, AT_A_TIME = 40, 20
"""Answers at random before a queue's first fit, and between two fits."""

SLIPS, UNSURE = 0.05, 0.1
GOAL = 0.95
CERTIFIED_ROWS = (60, 100, 200)
AUDITS_A_DRAW = 5
"""Simulated certificates a table, size and draw: with 20 draws, 2,400 over eight tables."""

COMPARED_DRAWS = 5
"""Draws of queues in other orders, which only a comparison needs."""

DRAWS_A_TASK = 5
"""Draws of all cells of a table that one process does before their results are kept."""

Figures = dict[str, float | None]


# Tables and what was made of them.


@dataclass(frozen=True)
class Table:
    """A table whose truth is known, at least of some rows.

    Attributes:
        name: of the table.
        source: as it was read.
        dataset: its rows; those without text or label are left out.
        truth: int64 [n]; `NO_LABEL` where none of the labels is right, or nobody knows.
        scored: bool [n], somebody knows.
    """

    name: str
    source: SourceTable
    dataset: Dataset
    truth: Ints
    scored: Bools

    def __len__(self) -> int:
        return len(self.truth)


def read(path: Path, most_chars: int | None) -> Table:
    """Read a table with the columns text, label and true_label."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["text"].strip() and r["label"].strip()]
    dataset = make_dataset([r["text"][:most_chars] for r in rows], [r["label"] for r in rows])
    index = {label: i for i, label in enumerate(dataset.labels)}
    return Table(
        path.stem,
        read_table(path),
        dataset,
        np.array([index.get(r["true_label"], NO_LABEL) for r in rows], dtype=np.int64),
        np.array([bool(r["true_label"].strip()) for r in rows], dtype=bool),
    )


@dataclass(frozen=True, eq=False)
class Saved:
    """A table and the outcome of one run of all stages on it."""

    table: Table
    config: Config
    state: State

    @property
    def of_row(self) -> Ints:
        """int64 [n], the text of each row."""
        return found(self.state.unique).of_row


def mend_and_save(path: Path, folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Mend a table with all stages and keep what they left, if it is not kept yet."""
    place = kept_at(path, folder)
    if place.exists():
        return place
    config = resolved_sources(load_config("embedded", overrides))
    table = read(path, config.data.max_text_chars)
    models = locate_models(config, use_llm=False)
    space = open_space(config.encoders, models.encoders)
    state = carry_out(Run(table.dataset, config, models, space, Store(None)), STAGES)
    # No class of this file: where it runs as a script, others could not read it.
    saved = table.source, table.dataset, table.truth, table.scored, config, state
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(saved))
    unfinished.replace(place)
    return place


def kept_at(path: Path, folder: Path) -> Path:
    """Return where the outcome for a table is kept, as it is now."""
    return folder / f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.pkl"


@lru_cache(maxsize=2)
def load(place: Path) -> Saved:
    """Read what `mend_and_save` kept."""
    source, dataset, truth, scored, config, state = pickle.loads(place.read_bytes())
    return Saved(Table(source.path.stem, source, dataset, truth, scored), config, state)


_NO_MODELS = RunModels(encoders=(), reranker=None, describer=None, voters=())
_ANSWERS = next(place for place, stage in enumerate(STAGES) if stage.name == "answers")
_DECIDE = tuple(stage for stage in STAGES[_ANSWERS + 1 :] if stage.name != "self-test")


def taught(saved: Saved, answers: MatchedAnswers) -> "Taught":
    """Learn from answers, and decide anew, the evidence being left as it is."""
    data = saved.table.dataset
    spoken = Spoken.of(answers, len(data.labels))
    run = Run(data, saved.config, _NO_MODELS, None, Store(None), spoken=spoken)
    learned = carry_out(run, STAGES[_ANSWERS : _ANSWERS + 1], saved.state)
    return Taught(run, learned, carry_out(run, _DECIDE, learned))


@dataclass(frozen=True)
class Taught:
    """What came of answers.

    Attributes:
        run: with the answers.
        learned: before anything was decided.
        state: with the decisions.
    """

    run: Run
    learned: State
    state: State

    def at(self, max_harm: float) -> State:
        """Decide with another budget."""
        decision = replace(self.run.config.decision, max_harm=max_harm)
        config = replace(self.run.config, decision=decision)
        return carry_out(replace(self.run, config=config), _DECIDE, self.learned)

    def of(self, rows: Ints) -> "Taught":
        """Return the same for a table of some rows alone."""
        unique = found(self.learned.unique)
        learned = replace(self.learned, unique=replace(unique, of_row=unique.of_row[rows]))
        run = replace(self.run, dataset=rows_of(self.run.dataset, rows))
        return Taught(run, learned, learned)


# People.


@dataclass(frozen=True)
class Person:
    """What a simulated person says of each row.

    Attributes:
        label: int64 [n].
        unsure: bool [n].
    """

    label: Ints
    unsure: Bools


def person(table: Table, slips: bool, draw: int) -> Person:
    """Return a person who answers by the true label, or errs and is unsure now and then."""
    rng, rows = _rng(table, draw, "person"), len(table)
    if not slips:
        return Person(table.truth, np.zeros(rows, dtype=bool))
    count = len(table.dataset.labels)
    errs = rng.random(rows) < SLIPS
    other = (np.maximum(table.truth, 0) + rng.integers(1, count, rows)) % count
    return Person(np.where(errs, other, table.truth), rng.random(rows) < UNSURE)


def _rng(table: Table, draw: int, what: str) -> np.random.Generator:
    return np.random.default_rng([draw, zlib.crc32(f"{table.name} {what}".encode())])


@dataclass(frozen=True)
class Asked:
    """Rows that a person is asked about.

    Attributes:
        rows: int64 [a], no text twice.
        inclusion: float64 [a]; NaN where no audit drew the row.
        stratum: [a]; None where no audit drew it.
        design: the audit's name.
    """

    rows: Ints
    inclusion: Doubles
    stratum: tuple[str | None, ...]
    design: str = "audit"

    def and_then(self, rows: Ints) -> "Asked":
        """Return these, and rows that a queue showed."""
        return replace(
            self,
            rows=np.concatenate([self.rows, rows]),
            inclusion=np.concatenate([self.inclusion, np.full(len(rows), np.nan)]),
            stratum=(*self.stratum, *[None] * len(rows)),
        )

    def said(self, of: Person, of_row: Ints) -> MatchedAnswers:
        """Return what a person says of them.

        Args:
            of: the person.
            of_row: int64 [n], the text of each row.
        """
        audit, unsure = ~np.isnan(self.inclusion), of.unsure[self.rows]
        return MatchedAnswers(
            text=of_row[self.rows],
            label=np.where(unsure, NO_LABEL, of.label[self.rows]),
            unsure=unsure,
            who=("person",) * len(self.rows),
            audit=audit,
            inclusion=self.inclusion,
            stratum=self.stratum,
            design=tuple(self.design if one else None for one in audit.tolist()),
            anchored=np.zeros(len(self.rows), dtype=bool),
            notes=(),
        )


def at_random(saved: Saved, count: int, draw: int) -> Asked:
    """Draw scored rows at random; of several rows of one text, one is asked about."""
    scored = np.flatnonzero(saved.table.scored)
    rows = _rng(saved.table, draw, "random").permutation(scored)[:count]
    rows = _once(rows, saved.of_row)
    inclusion = np.full(len(rows), min(count / len(scored), 1.0))
    return Asked(rows, inclusion, ("all",) * len(rows))


def _once(rows: Ints, of_row: Ints) -> Ints:
    """Return the rows without those whose text came before."""
    _, first = np.unique(of_row[rows], return_index=True)
    kept: Ints = rows[np.sort(first)]
    return kept


def scored_only(saved: Saved, state: State) -> MendedTable:
    """Return the scored rows as `labelmend audit` would read them after a run."""
    rows, decided = np.flatnonzero(saved.table.scored), found(state.decisions)
    some = rows_of(saved.table.dataset, rows)
    mended = decided.mended[rows]
    sure = np.where(mended == some.given, decided.quality[rows], decided.confidence[rows])
    answered = np.array([decided.actions[row] == "answered" for row in rows.tolist()], dtype=bool)
    doubt = np.where(answered, 0.0, np.clip(1 - sure, 0, 1))
    columns = ColumnChoice("text", "label", None)
    return MendedTable(saved.table.source, columns, some, mended, answered, doubt, ())


def rows_of(data: Dataset, rows: Ints) -> Dataset:
    """Return a dataset of some rows alone."""
    return replace(
        data,
        ids=tuple(data.ids[row] for row in rows.tolist()),
        texts=tuple(data.texts[row] for row in rows.tolist()),
        given=data.given[rows],
    )


def by_design(saved: Saved, count: int, draw: int) -> tuple[Asked, Design]:
    """Draw scored rows as `labelmend audit` does from the table that was mended without answers."""
    design = new_design(scored_only(saved, saved.state), count, draw)
    drawn = design.rows_of()
    place = {one.row: one for one in drawn}
    scored = np.flatnonzero(saved.table.scored)
    of_text = saved.of_row[scored]
    once = _once(np.array(list(place), dtype=np.int64), of_text).tolist()
    inclusion = np.array([place[row].inclusion for row in once])
    strata = tuple(place[row].stratum for row in once)
    return Asked(scored[once], inclusion, strata, design.design), design


# What is measured.


@dataclass(frozen=True)
class Case:
    """What a cell is measured on.

    Attributes:
        saved: the table and its run.
        slips: people err and are unsure now and then.
        draw: the seed of all that is drawn.
    """

    saved: Saved
    slips: bool
    draw: int

    @property
    def person(self) -> Person:
        """Who answers."""
        return person(self.saved.table, self.slips, self.draw)

    @property
    def ties(self) -> np.random.Generator:
        """Decides between rows that are as good as each other."""
        return _rng(self.saved.table, self.draw, "ties")


def judged(table: Table, decided: Decisions, rows: Bools) -> Figures:
    """Hold what was decided of some rows to the truth."""
    given, truth = table.dataset.given[rows], table.truth[rows]
    mended, quality = decided.mended[rows], decided.quality[rows]
    good, right, changed = given == truth, mended == truth, mended != given
    average_precision = None
    if not good.all():
        from sklearn.metrics import average_precision_score

        average_precision = float(average_precision_score(~good, 1 - quality))
    return {
        "rows": float(rows.sum()),
        "given": _mean(good),
        "ece": calibration_error(quality, good) if len(good) else None,
        "average_precision": average_precision,
        "accuracy": _mean(right),
        "lifted": _mean(decided.proposed[rows] == truth),
        "fixed": _mean(right[~good]),
        "fixed_rows": float((right & ~good).sum()),
        "broken": _mean(~right[good]),
        "precision": _mean(right[changed]),
    }


def _mean(values: Bools) -> float | None:
    return float(values.mean()) if len(values) else None


def alone(case: Case) -> Figures:
    """Measure the run without answers."""
    table, state = case.saved.table, case.saved.state
    decided, scored = found(state.decisions), table.scored
    wrong = table.dataset.given != table.truth
    tenth = -(-len(table) // 10)
    queue = decided.review_order[:tenth]
    by_quality = np.lexsort((case.ties.random(len(table)), decided.quality))
    review = np.array([action == "review" for action in decided.actions], dtype=bool)
    low, high = told_interval(state)
    return {
        **judged(table, decided, scored),
        "rate": _mean(wrong[scored]),
        "believed": float((1 - decided.quality[scored]).mean()),
        "low": low,
        "high": high,
        "review_rows": float((review & scored).sum()),
        "tenth": _mean(wrong[queue[scored[queue]]]),
        "tenth_rows": len(queue) / tenth,
        "tenth_by_quality": _mean(wrong[by_quality[:tenth][scored[by_quality[:tenth]]]]),
    }


def told_interval(state: State) -> tuple[float | None, float | None]:
    """Return the ends of the noise rate that the run tells."""
    told = state.interval
    return (None, None) if told is None else (float(told.low), float(told.high))


def peer(case: Case, *, method: str) -> Figures:
    """Measure cleanlab on the same embeddings, in a process of its own."""
    table, state = case.saved.table, case.saved.state
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_data(folder, table.dataset, found(state.embeddings)[case.saved.of_row])
        np.save(folder / "given.npy", table.dataset.given)
        for step in (CROSS_VALIDATION, method):
            _spawn(step, folder, folder)
        mended = load_mended(folder, method)
    assert mended.doubt is not None
    stand_in = replace(
        found(state.decisions),
        mended=mended.labels,
        proposed=mended.labels,
        quality=1 - mended.doubt,
    )
    figures = judged(table, stand_in, table.scored)
    names = ("average_precision", "accuracy", "fixed", "fixed_rows", "broken", "precision")
    return {name: figures[name] for name in names}


def unseen(saved: Saved, asked: Asked) -> Bools:
    """Return bool [n], the scored rows whose text nobody was asked about."""
    return saved.table.scored & ~np.isin(saved.of_row, saved.of_row[asked.rows])


def audit(case: Case, *, design: str, count: int) -> Figures:
    """Measure what answers to an audit teach."""
    if design == "random":
        asked = at_random(case.saved, count, case.draw)
        state = taught(case.saved, asked.said(case.person, case.saved.of_row)).state
    else:
        asked, _, learned = learned_by_design(case, count)
        state = learned.state
    return _after_audit(case, state, asked)


@lru_cache(maxsize=2 * len(AUDITS))
def learned_by_design(case: Case, count: int) -> tuple[Asked, Design, Taught]:
    """Draw as `labelmend audit` does, and learn from the answers; several cells measure it."""
    asked, design = by_design(case.saved, count, case.draw)
    return asked, design, taught(case.saved, asked.said(case.person, case.saved.of_row))


def _after_audit(case: Case, state: State, asked: Asked) -> Figures:
    decided, table = found(state.decisions), case.saved.table
    everything = judged(table, decided, table.scored)
    return {
        **judged(table, decided, unseen(case.saved, asked)),
        "table": everything["accuracy"],
        "table_lifted": everything["lifted"],
        "needed": float(needed(case, state, asked)),
    }


def gains(saved: Saved, state: State) -> Doubles:
    """Return float64 [n], the expected right labels that a look at each row gains."""
    _, probability = state.fit.posterior.best()
    return np.asarray(1 - probability[saved.of_row])


def needed(case: Case, state: State, asked: Asked) -> int:
    """Return how many answers it takes until 95 % of the scored labels are right.

    After those that were asked, rows are read by expected gain, and no fit follows. All rows where
    it is never reached.
    """
    table, said, labels = case.saved.table, case.person, found(state.decisions).proposed
    left = np.flatnonzero(unseen(case.saved, asked))
    gain = gains(case.saved, state)[left]
    order = left[np.lexsort((case.ties.random(len(left)), -gain))]
    heard = np.where(said.unsure, labels, said.label)
    now = labels[order] == table.truth[order]
    then = heard[order] == table.truth[order]
    right = int((labels == table.truth)[table.scored].sum())
    counts = right + np.concatenate([[0], np.cumsum(then.astype(np.int64) - now)])
    reached = np.flatnonzero(counts >= GOAL * table.scored.sum())
    return len(asked.rows) + int(reached[0]) if len(reached) else int(table.scored.sum())


def whole(case: Case) -> Figures:
    """Measure a hundred random answers with the rounds run again, as `relabel --answers` does."""
    asked = at_random(case.saved, 100, case.draw)
    data, config = case.saved.table.dataset, case.saved.config
    models = locate_models(config, use_llm=False)
    space = open_space(config.encoders, models.encoders)
    spoken = Spoken.of(asked.said(case.person, case.saved.of_row), len(data.labels))
    state = carry_out(Run(data, config, models, space, Store(None), spoken=spoken), STAGES)
    return _after_audit(case, state, asked)


def queue(case: Case, *, order: str) -> Figures:
    """Measure answers in queue order: 40 at random, then 20 at a time, each time refitted."""
    saved, said, rng = case.saved, case.person, case.ties
    table, asked = saved.table, at_random(saved, FIRST_AT_RANDOM, case.draw)
    figures: Figures = {"needed": None, "reached": 0.0}
    while True:
        state = taught(saved, asked.said(said, saved.of_row)).state
        decided = found(state.decisions)
        scores = judged(table, decided, table.scored)
        count = len(asked.rows)
        if figures["needed"] is None and (scores["lifted"] or 0.0) >= GOAL:
            figures |= {"needed": float(count), "reached": 1.0}
        if count in QUEUES:
            figures |= {f"{name}_{count}": scores[name] for name in ("lifted", "accuracy")}
        left = np.flatnonzero(unseen(saved, asked))
        if count >= max(QUEUES) or not len(left):
            return figures
        worth = _worth(saved, state, order)[left]
        ranked = left[np.lexsort((rng.random(len(left)), -worth))]
        # After the random rows, fits are at whole twenties whatever copies the draw held.
        batch = AT_A_TIME - count % AT_A_TIME
        asked = asked.and_then(_once(ranked, saved.of_row)[:batch])


def _worth(saved: Saved, state: State, order: str) -> Doubles:
    """Return float64 [n], higher for rows that come earlier in an order."""
    decided = found(state.decisions)
    if order == "gain":
        return gains(saved, state)
    if order == "quality":
        return -decided.quality
    worth = np.full(len(saved.table), -np.inf)
    worth[decided.review_order] = -np.arange(len(decided.review_order), dtype=np.float64)
    return worth


def budget(case: Case, *, most: float, count: int) -> Figures:
    """Measure whether a budget is kept in a table of the scored rows, and what it leaves unfixed.

    The budget is a share of all good labels, those of answered rows among them.
    """
    saved = case.saved
    asked, _, learned = learned_by_design(case, count)
    scored = np.flatnonzero(saved.table.scored)
    part, truth, rows = learned.of(scored), saved.table.truth[scored], unseen(saved, asked)[scored]
    state, free = part.at(most), found(part.at(1.0).decisions)
    given, decided = part.run.dataset.given, found(state.decisions)
    good = given == truth
    broken = float((rows & good & (decided.mended != truth)).sum() / max(good.sum(), 1))
    fixed = float((rows & ~good & (decided.mended == truth)).sum())
    possible = rows & (free.mended != given)
    order = np.flatnonzero(possible)[np.argsort(free.quality[possible], kind="stable")]
    right = np.concatenate([[0], np.cumsum(free.mended[order] == truth[order])])
    within = np.concatenate([[0], np.cumsum(good[order])]) <= most * good.sum()
    best = int(right[np.flatnonzero(within)[-1]])
    exceeded = float(broken > most)
    told = state.guarantee
    holds = told is not None and told.holds
    return {
        "exceeded": exceeded,
        "guaranteed": float(holds),
        "exceeded_guaranteed": exceeded if holds else None,
        "broken": broken,
        "fixed": fixed / max((rows & ~good).sum(), 1),
        "of_hindsight": fixed / best if best else None,
    }


def certificates(case: Case, *, count: int) -> Figures:
    """Audit the table that was mended without answers a few times."""
    saved = case.saved
    part = scored_only(saved, saved.state)
    truth = saved.table.truth[saved.table.scored]
    given, mended = part.dataset.given, part.mended
    subject = certificate.Table(
        saved.table.name,
        float((given != truth).mean()),
        1.0,
        given != mended,
        part.doubt,
        given != truth,
        mended != truth,
    )
    rng, tally = _rng(saved.table, case.draw, f"certificates {count}"), certificate.Tally()
    for _ in range(AUDITS_A_DRAW):
        certificate.audit_again(subject, min(count, len(truth)), rng, tally)
    return {
        f"{what} {kind} {name}": float(np.mean(values))
        for what, of in (("held", tally.held), ("width", tally.width))
        for (kind, name), values in of.items()
        if (what, kind) != ("held", "srs")
    }


def taught_certificate(case: Case) -> Figures:
    """Certify the table as answers to the same audit changed it."""
    saved, said = case.saved, case.person
    asked, design, learned = learned_by_design(case, 100)
    table, state = saved.table, learned.state
    part, decided = scored_only(saved, state), found(state.decisions)
    scored = np.flatnonzero(table.scored)
    place = np.searchsorted(scored, asked.rows)
    of_part = unique_texts(part.dataset).of_row
    here = Person(said.label[scored], said.unsure[scored])
    answers = replace(asked, rows=place).said(here, of_part)
    held = found(state.held_out)
    without = {
        int(row): _held_out(table.dataset, held, int(scored[row]))
        for row in np.flatnonzero(part.answered)
    }
    found_figures = certify(part, design, answers, without).figures
    given, truth = part.dataset.given, table.truth[scored]
    changed = (part.mended != given) & ~part.answered
    good, right = given == truth, decided.mended[scored] == truth
    true = {
        "wrong_before": _mean(~good),
        "wrong_after": _mean(~right),
        "broken": float((changed & good).sum() / max(good.sum(), 1)),
        "precision": _mean(right[changed]),
    }
    figures: Figures = {}
    for one in found_figures:
        value = true[one.name]
        for kind in ("fixed", "anytime"):
            if value is not None:
                holds, width = certificate.holds(one, kind, value)
                figures[f"held {kind} {one.name}"] = float(holds)
                figures[f"width {kind} {one.name}"] = width
    return figures


def _held_out(dataset: Dataset, held: Decisions, row: int) -> HeldOut:
    label = int(held.mended[row])
    name = None if label == NO_LABEL else dataset.labels[label]
    return HeldOut(name, held.actions[row], float(held.quality[row]))


# Running.

Cell = Callable[..., Figures]


@dataclass(frozen=True)
class Job:
    """One kind of cell.

    Attributes:
        work: measures it.
        options: by name.
        most_draws: 1 where nothing of it is drawn.
        slips: it runs with slips, too.
        long: it takes a task of its own.
    """

    work: Cell
    options: Mapping[str, object]
    most_draws: int = 10**6
    slips: bool = True
    long: bool = False


def jobs(with_cleanlab: bool) -> dict[str, Job]:
    """Return all cells, by name."""
    found_jobs = {ALONE: Job(alone, {}, most_draws=1, slips=False)}
    if with_cleanlab:
        for method in (CLEANLAB, CLEANLEARNING):
            found_jobs[method] = Job(peer, {"method": method}, most_draws=1, slips=False)
    for count in AUDITS:
        for design in DESIGNS:
            found_jobs[f"{design}-{count}"] = Job(audit, {"design": design, "count": count})
    for most, count in BUDGETS:
        found_jobs[budget_cell(most, count)] = Job(budget, {"most": most, "count": count})
    for count in CERTIFIED_ROWS:
        found_jobs[certificate_cell(count)] = Job(certificates, {"count": count}, slips=False)
    found_jobs[TAUGHT] = Job(taught_certificate, {})
    found_jobs["queue-gain"] = Job(queue, {"order": "gain"}, long=True)
    for order in ("review", "quality"):
        found_jobs[f"queue-{order}"] = Job(
            queue, {"order": order}, most_draws=COMPARED_DRAWS, slips=False, long=True
        )
    found_jobs["whole-100"] = Job(whole, {}, slips=False, long=True)
    return found_jobs


@dataclass(frozen=True)
class Bench:
    """One call of the benchmark.

    Attributes:
        paths: the tables.
        work: where everything is kept.
        draws: the seeds.
        whole: draws of the whole pipeline.
        audits: draws of the cells of guaranteed budgets; of the others there are as many as seeds.
        cells: names of what is run.
        overrides: of the configuration.
    """

    paths: tuple[Path, ...]
    work: Path
    draws: tuple[int, ...]
    whole: int = 0
    audits: int = 0
    cells: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def results(self) -> Path:
        """The results file."""
        return self.work / "results.jsonl"

    def planned(self, known: Mapping[str, Job]) -> list[Line]:
        """Return what is to be measured, without figures."""
        planned = []
        for cell in self.cells:
            job = known[cell]
            first = self.draws[0]
            count = {budget: self.audits, whole: self.whole}.get(job.work, len(self.draws))
            draws = range(first, first + min(count, job.most_draws))
            planned += [
                Line(path.stem, cell, slips, draw)
                for path in self.paths
                for slips in ((False, True) if job.slips else (False,))
                for draw in draws
            ]
        return planned


def measure(place: Path, lines: Sequence[Line]) -> list[Line]:
    """Measure one cell of a table, in a process of its own."""
    known, saved = jobs(with_cleanlab=True), load(place)
    measured = []
    for line in lines:
        job = known[line.cell]
        figures = job.work(Case(saved, line.slips, line.draw), **job.options)
        measured.append(replace(line, figures=figures))
    return measured


def run_all(bench: Bench, processes: int) -> list[Line]:
    """Measure whatever the results file does not hold yet, and return all lines."""
    known, code, versions = jobs(with_cleanlab=True), code_digest(), package_versions()
    planned = bench.planned(known)
    there = read_latest(bench.results, Line)
    due = [line for line in planned if line.key not in there or there[line.key].code != code]
    by_cell: dict[tuple[str, str, bool, int], list[Line]] = {}
    for line in sorted(due, key=lambda line: line.draw):
        cell = line.cell if known[line.cell].long else ""
        group = cell, line.table, line.slips, line.draw // DRAWS_A_TASK
        by_cell.setdefault(group, []).append(line)
    paths = {path.stem: path for path in bench.paths}
    folder = bench.work / code
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            named = sorted({line.table for line in due})
            kept = {pool.submit(mend_and_save, paths[n], folder, bench.overrides): n for n in named}
            places = {}
            for one in as_completed(kept):
                places[kept[one]] = one.result()
                _say(f"mended {kept[one]}")
            # What is long comes last: an interrupted run has most cells then.
            pending = {
                pool.submit(measure, places[table], lines): f"{table} {cell or 'audits'}"
                for (cell, table, _, _), lines in sorted(by_cell.items())
            }
            for number, done in enumerate(as_completed(pending), start=1):
                for line in done.result():
                    full = replace(line, code=code, versions=versions)
                    append_record(bench.results, asdict(full))
                _say(f"[{number}/{len(pending)}] {pending[done]}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return known_lines(bench)


def known_lines(bench: Bench) -> list[Line]:
    """Return the planned lines that the results file holds."""
    there = read_latest(bench.results, Line)
    planned = bench.planned(jobs(with_cleanlab=True))
    return [there[line.key] for line in planned if line.key in there]


def _head(command: str, lines: Sequence[Line], draws: Sequence[int]) -> tuple[str, ...]:
    """Return with what the figures were taken."""
    codes = ", ".join(sorted({line.code for line in lines}))
    packages = "; ".join(sorted({line.versions for line in lines}))
    return (
        f"`{command}`",
        f"Draws: {draws[0]} to {draws[-1]}. Machine: {platform.machine()}, {os.cpu_count()} cores, "
        f"no GPU. {packages}; labelmend's sources {codes}.",
    )


# The command line.


def is_published(bench: Bench, folder: Path) -> bool:
    """Tell whether results belong into RESULTS.md: whole, and with no tuning draw."""
    everything = sorted(folder.glob("*.csv")) == sorted(bench.paths)
    return (
        folder == TABLES
        and everything
        and set(bench.cells) == set(jobs(with_cleanlab=True))
        and len(bench.draws) >= DRAWS
        and max(bench.draws) < FIRST_TUNING_DRAW
    )


def main(arguments: Sequence[str] | None = None) -> None:
    known = jobs(with_cleanlab=importlib.util.find_spec("cleanlab") is not None)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=TABLES, help="holds the tables")
    parser.add_argument("--tables", help="some of them, by name")
    parser.add_argument("--cells", default=",".join(known), help=f"of {', '.join(known)}")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each cell")
    parser.add_argument("--first", type=int, default=0, help="the first draw's seed")
    parser.add_argument("--whole", type=int, default=0, help="draws of the whole pipeline")
    parser.add_argument("--audits", type=int, help="of each budget; as many as draws if left out")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    parser.add_argument("--work", type=Path, default=user_cache_path("labelmend") / "real-noise")
    options = parser.parse_args(arguments)
    paths = {path.stem: path for path in sorted(options.folder.glob("*.csv"))}
    names = _chosen(parser, "--tables", options.tables or ",".join(paths), paths)
    cells = _chosen(parser, "--cells", options.cells, known)
    if CLEANLAB not in known:
        _say("cleanlab is not installed here: pip install -c constraints.txt '.[benchmark]'")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    draws = tuple(range(options.first, options.first + options.draws))
    bench = Bench(
        paths=tuple(paths[name] for name in names),
        work=options.work,
        draws=draws,
        whole=options.whole,
        audits=max(options.audits or 0, options.draws),
        cells=tuple(cells),
    )
    bench.work.mkdir(parents=True, exist_ok=True)
    if options.report_only:
        lines = known_lines(bench)
        if not lines:
            parser.error(f"--report-only: {bench.results} has none of these cells")
    else:
        lines = run_all(bench, options.processes)
    words = typed(arguments or sys.argv[1:], {"--report-only"}, {"--work"})
    command = shlex.join(["python", "benchmarks/real_noise.py", *words])
    text = report(Results(lines), _head(command, lines, draws), len(draws))
    print(text)
    whole_lot = len(lines) == len(bench.planned(jobs(with_cleanlab=True)))
    if whole_lot and is_published(bench, options.folder):
        write_section(HERE / "RESULTS.md", "real_noise", text)
    else:
        _say("not all tables, cells and draws, or tuning draws: not written to RESULTS.md")


def _chosen(
    parser: argparse.ArgumentParser, option: str, text: str, known: Iterable[str]
) -> list[str]:
    """Return the names in a list with commas, all of them known."""
    names, there = text.split(","), set(known)
    for name in names:
        if name not in there:
            parser.error(f"{option}: no {name!r}; use some of {', '.join(sorted(there))}")
    return names


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
