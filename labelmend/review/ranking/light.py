"""Ranking a table anew by answers, without mending it anew.

A whole run finds neighbours, trains classifiers and fuses what they say; answers change little of
that. So the fusion is taken as the run left it (see `kept.py`), and the correction (see
`labelmodel/correction.py`) learns from the answers on top of it, as the run's last stage would.
Texts lie where their embeddings' leading axes have them. Memory and time grow with the rows alone.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares, main_labels
from labelmend.configs.schema import Config
from labelmend.data.answer_file import read_answers
from labelmend.data.answers import match_answers
from labelmend.data.duplicates import unique_texts
from labelmend.data.label_edits.file import loaded_edits
from labelmend.relabel.labelmodel.answered import Spoken
from labelmend.relabel.labelmodel.correction import Taught, correct, points_of
from labelmend.relabel.labelmodel.fusion import unit_spread
from labelmend.review.label_set.edit_book import edits_path
from labelmend.review.ranking.kept import Kept, read_kept
from labelmend.review.ranking.ranking import Ranking
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import RowIndex, read_row_index
from labelmend.runs.shards.joined import evidence_bytes
from labelmend.types import NO_LABEL, Dataset, Doubles, Evidence, Floats, Ints

_LOW = 1e-4
"""Probability of an answer that the run did not take for a candidate."""


def rank_anew(table: Path, answers: Path, config: Config) -> Ranking:
    """Rank the rows of a mended table by what people said.

    Args:
        table: the mended one, which has an index.
        answers: of people.
        config: the run's settings.

    Raises:
        InputError: a file can't be used.
    """
    paths = OutputPaths.beside(table)
    run = RunRecord.read(paths.record)
    size = evidence_bytes(paths.evidence)
    index = read_row_index(paths.index, (run.files or {}).get("index"), size)
    rows = np.flatnonzero(index.place >= 0)
    dataset = _dataset(index, rows, run.oos_label, config.data.max_text_chars)
    # What was edited since the run: answers may call its labels by their later names.
    edits = edits_path(table)
    later = loaded_edits(edits if edits.exists() else None).labels.at(index.labels)
    dataset = replace(dataset, former_names=later)
    unique = unique_texts(dataset)
    spoken = Spoken.of(match_answers(dataset, read_answers(answers)), len(dataset.labels))
    _, first = np.unique(unique.of_row, return_index=True)
    kept = read_kept(paths.evidence, index, rows[first].tolist(), answered=run.answers is not None)
    kept = with_answers(kept, spoken, main_labels(unique.given))
    vectors = np.asarray(index.vectors)[rows[first]].astype(np.float32)
    probabilities = _learned(kept, spoken, unique.given, vectors, config)
    return _ranked(index, rows, unique.of_row, kept.candidates, probabilities, spoken.texts)


def _ranked(
    index: RowIndex, rows: Ints, of_row: Ints, candidates: Ints, probabilities: Doubles, said: Ints
) -> Ranking:
    """Rank rows by how probable it is that their label after mending is wrong.

    Nothing is decided anew: what the run changed stays so until the table is mended again, and is
    worth a look as far as the change is in doubt.

    Args:
        index: of the table.
        rows: int64 [n], the rows that have a text.
        of_row: int64 [n], the text of each.
        candidates: int64 [u, c].
        probabilities: float64 [u, c].
        said: int64, texts that people have answered, which come last.
    """
    mended = index.mended[rows]
    same = candidates[of_row] == mended[:, None]
    sure = np.where(same, probabilities[of_row], 0.0).sum(axis=1)
    # A row that has no label is worth what its best one leaves open.
    open_by = 1 - np.where(mended == NO_LABEL, probabilities.max(axis=1)[of_row], sure)
    answered = np.isin(of_row, said)
    # Texts are in the order of their keys: rows that are as doubtful come by that, whatever theirs.
    order = np.lexsort((of_row, -open_by, answered))
    doubt = np.ones(len(index))
    doubt[rows] = np.where(answered, 0.0, np.clip(1 - sure, 0, 1))
    return Ranking(rows[order], doubt)


def with_answers(kept: Kept, spoken: Spoken, given: Ints) -> Kept:
    """Return candidates with the answers among them, of which no source said anything.

    Args:
        kept: what the run left.
        spoken: what people said.
        given: int64 [u], the label of each text, which stays a candidate; an answer takes the place
            of the least probable other one.
    """
    candidates = kept.candidates.copy()
    log_prior, believed = kept.log_prior.copy(), kept.believed.copy()
    scores = [each.scores.copy() for each in kept.evidence]
    for text, label in zip(spoken.texts.tolist(), spoken.label.tolist(), strict=True):
        if label == NO_LABEL or label in candidates[text]:
            continue
        column = int(np.where(candidates[text] == given[text], np.inf, log_prior[text]).argmin())
        candidates[text, column] = label
        log_prior[text, column], believed[text, column] = np.log(_LOW), _LOW
        for each in scores:
            each[text, column] = np.nan
    pairs = zip(kept.evidence, scores, strict=True)
    return Kept(
        candidates, log_prior, believed, tuple(Evidence(e.source, each) for e, each in pairs)
    )


def _learned(
    kept: Kept, spoken: Spoken, given: csr_array, vectors: Floats, config: Config
) -> Doubles:
    """Return the posterior with what the answers teach, float64 [u, c]; answered texts are theirs.

    Of too few answers nothing is learned, as in a run.
    """
    place = np.searchsorted(spoken.texts, spoken.settled.text)
    truth = np.zeros((len(spoken), kept.candidates.shape[1]))
    row, column = np.nonzero(kept.candidates[spoken.settled.text] == spoken.settled.label[:, None])
    truth[place[row], column] = spoken.settled.probability[row]
    probabilities = kept.believed
    if (truth.sum(axis=1) > 0).sum() >= config.correction.min_answers:
        stack, _ = unit_spread(kept.evidence)
        texts = np.arange(len(kept.candidates))
        shares = gather(given_shares(given), texts, kept.candidates)
        points = points_of(
            kept.log_prior, shares, kept.candidates, main_labels(given), stack, vectors
        )
        taught = Taught(spoken.texts, truth, spoken.weight, kept.believed[spoken.texts])
        found = correct(points, taught, kept.believed, config.correction, config.seed)
        probabilities = found.probabilities
    probabilities = probabilities.copy()
    probabilities[spoken.texts] = truth
    return probabilities


def _dataset(index: RowIndex, rows: Ints, oos_label: str | None, most: int) -> Dataset:
    """Return the rows that have a text, as the run read them."""
    chosen = rows.tolist()
    return Dataset(
        ids=tuple(index.ids[row] for row in chosen),
        texts=tuple(index.texts[row][:most] for row in chosen),
        given=index.given[rows],
        labels=index.labels,
        oos=index.labels.index(oos_label) if oos_label in index.labels else None,
    )
