"""Ranking a table anew by answers, without mending it anew.

A whole run finds neighbours, trains classifiers and fuses what they say; answers change little of
that. So the fusion is taken as the run left it (see `kept.py`), and the correction (see
`labelmodel/correction.py`) learns from the answers on top of it, as the run's last stage would.
Texts lie where their embeddings' leading axes have them. Memory and time grow with the rows alone.
"""

from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from labelmend.arrays import gather, given_shares, main_labels
from labelmend.configs.schema import Config
from labelmend.data.answer_file import read_answers
from labelmend.data.answers import match_answers
from labelmend.data.duplicates import unique_texts
from labelmend.relabel.labelmodel.answered import Spoken
from labelmend.relabel.labelmodel.correction import Taught, correct, points_of
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.fusion import unit_spread
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.review.ranking.kept import Kept, read_kept
from labelmend.review.ranking.ranking import Ranking
from labelmend.runs.layout import OutputPaths
from labelmend.runs.record import RunRecord
from labelmend.runs.row_index import RowIndex, read_row_index
from labelmend.types import NO_LABEL, Dataset, Doubles, Floats, Ints

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
    size = paths.evidence.stat().st_size
    index = read_row_index(paths.index, (run.files or {}).get("index"), size)
    rows = np.flatnonzero(index.place >= 0)
    dataset = _dataset(index, rows, run.oos_label, config.data.max_text_chars)
    unique = unique_texts(dataset)
    spoken = Spoken.of(match_answers(dataset, read_answers(answers)), len(dataset.labels))
    _, first = np.unique(unique.of_row, return_index=True)
    kept = read_kept(paths.evidence, index, rows[first].tolist(), answered=run.answers is not None)
    kept = with_answers(kept, spoken)
    vectors = np.asarray(index.vectors)[rows[first]].astype(np.float32)
    probabilities = _learned(kept, spoken, unique.given, vectors, config)
    posterior = Posterior(
        candidates=kept.candidates,
        probabilities=probabilities,
        channel=run.noise.channel,
        weights={},
        oos_bias=0.0,
        channel_nats=np.zeros(probabilities.shape),
        given_share=np.zeros(probabilities.shape),
    )
    trusted = run.advice.trust.trusted
    decided = decide(
        dataset, unique.of_row, posterior, config.decision, trusted=trusted, spoken=spoken
    )
    review, doubt = np.zeros(len(index), dtype=bool), np.ones(len(index))
    review[rows] = [action == "review" for action in decided.actions]
    answered = np.array([action == "answered" for action in decided.actions])
    doubt[rows] = np.where(answered, 0.0, np.clip(1 - decided.confidence, 0, 1))
    return Ranking(rows[decided.review_order], review, doubt)


def with_answers(kept: Kept, spoken: Spoken) -> Kept:
    """Return candidates with the answers among them, each in the place of the least probable."""
    candidates = kept.candidates.copy()
    log_prior, believed = kept.log_prior.copy(), kept.believed.copy()
    silent: list[tuple[int, int]] = []
    for text, label in zip(spoken.texts.tolist(), spoken.label.tolist(), strict=True):
        if label == NO_LABEL or label in candidates[text]:
            continue
        column = int(log_prior[text].argmin())
        candidates[text, column] = label
        log_prior[text, column], believed[text, column] = np.log(_LOW), _LOW
        silent.append((text, column))
    evidence = kept.evidence
    for each in evidence:
        for text, column in silent:
            each.scores[text, column] = np.nan
    return Kept(candidates, log_prior, believed, evidence)


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
