"""Answers as evidence: answered texts carry what people said, and the others learn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array, csr_array

from labelmend.arrays import gather, given_shares, main_labels
from labelmend.configs.schema import CorrectionConfig
from labelmend.data.answers import MatchedAnswers
from labelmend.relabel.labelmodel.correction import (
    Corrected,
    Taught,
    correct,
    points_of,
    weights_of,
)
from labelmend.relabel.labelmodel.fusion import Fit, posterior_for, unit_spread
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.relabel.people import (
    Reliability,
    SettledAnswers,
    people_reliability,
    settle_answers,
)
from labelmend.retrieval.candidates import Candidates
from labelmend.types import NO_LABEL, Doubles, Evidence, Floats, Ints

ANSWERS = "answers"
"""The name, among the sources of evidence, of what was learned from answers."""


@dataclass(frozen=True)
class Spoken:
    """What people said of a dataset's texts, several people's words weighed into one.

    Attributes:
        texts: int64 [a], sorted, the answered ones.
        label: int64 [a], the likeliest answer; `NO_LABEL` for "none of these".
        probability: float64 [a], that it is right.
        settled: every answer that somebody gave, with its probability.
        weight: float64 [a], how many texts each speaks for: 1 / inclusion where an audit drew it.
        audit: bool [a], an audit drew the text.
        people: by name, how far each can be relied on.
        unsure: texts of which somebody could not tell, and nobody else could.
        notes: what could not be used, one line each.
    """

    texts: Ints
    label: Ints
    probability: Doubles
    settled: SettledAnswers
    weight: Doubles
    audit: np.ndarray
    people: Mapping[str, Reliability]
    unsure: int
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, answers: MatchedAnswers, total_labels: int) -> Spoken:
        """Weigh the answers of all people.

        Args:
            answers: matched with the dataset.
            total_labels: K.
        """
        known = ~answers.unsure
        texts, labels = answers.text[known], answers.label[known]
        who = [name for name, told in zip(answers.who, known, strict=True) if told]
        people = people_reliability(texts, labels, who, total_labels)
        settled = settle_answers(texts, labels, who, total_labels, people)
        # Of answers that are as likely, the first stands: they are sorted by label.
        order = np.lexsort((-settled.probability, settled.text))
        distinct, first = np.unique(settled.text[order], return_index=True)
        best = order[first]
        inclusion = np.full(len(distinct), np.nan)
        place = np.searchsorted(distinct, texts)
        drawn = ~np.isnan(answers.inclusion[known])
        inclusion[place[drawn]] = _latest_inclusion(answers)[known][drawn]
        return cls(
            texts=distinct,
            label=settled.label[best],
            probability=settled.probability[best],
            settled=settled,
            weight=weights_of(inclusion),
            audit=~np.isnan(inclusion),
            people=people,
            unsure=len(np.setdiff1d(answers.text, distinct)),
            notes=answers.notes,
        )

    def instead_of(self, given: csr_array) -> csr_array:
        """Return the given labels, what people said in their place where they spoke.

        Args:
            given: float32 sparse [u, K], how many rows of each text were given each label.
        """
        rows = np.maximum(np.asarray(given.sum(axis=1)).ravel()[self.texts], 1.0)
        named = self.label != NO_LABEL
        said = coo_array(
            (rows[named].astype(np.float32), (self.texts[named], self.label[named])), given.shape
        )
        silent = np.ones(given.shape[0], dtype=np.float32)
        silent[self.texts] = 0.0
        kept = given.multiply(silent[:, None]).tocsr()
        kept.eliminate_zeros()
        return csr_array(kept + said.tocsr(), dtype=np.float32)


def _latest_inclusion(answers: MatchedAnswers) -> Doubles:
    """Return float64 [a]: an audit that went on drew the texts of before with its present odds."""
    latest: dict[tuple[str | None, str | None], float] = {}
    drawn_from = list(zip(answers.design, answers.stratum, strict=True))
    for key, inclusion in zip(drawn_from, answers.inclusion.tolist(), strict=True):
        latest[key] = max(latest.get(key, 0.0), inclusion)
    return np.array([latest[key] for key in drawn_from], dtype=np.float64)


@dataclass(frozen=True)
class Answered:
    """What came of the answers.

    Attributes:
        spoken: what people said.
        fit: with what was learned from them; answered texts carry their answers.
        evidence: what they say of every text, as a source of its own.
        held_out: the posterior in which each answered text is seen from the answers on others.
        correction: what was learned; None where there were too few answers.
    """

    spoken: Spoken
    fit: Fit
    evidence: tuple[Evidence, ...]
    held_out: Posterior
    correction: Corrected | None


def learn_from_answers(
    spoken: Spoken,
    fit: Fit,
    evidence: Sequence[Evidence],
    candidates: Candidates,
    given: csr_array,
    embeddings: Floats,
    source_error_rate: float,
    config: CorrectionConfig,
    seed: int,
) -> Answered:
    """Learn from the answers what the texts that nobody answered carry.

    Args:
        spoken: what people said.
        fit: of all evidence; no text's own given label may have moved its evidence.
        evidence: over the kept candidates, float32 [u, c].
        candidates: the labels that are looked at, the answers among them.
        given: float32 sparse [u, K], how many rows of each text were given each label, by whoever
            made the table.
        embeddings: float32 [u, d], unit rows.
        source_error_rate: see `posterior_of`.
        config: the priors.
        seed: of the folds.
    """
    kept, width = candidates.kept, candidates.kept.shape[1]
    truth, shares = _truth(spoken, kept), gather(given_shares(given), np.arange(len(kept)), kept)
    believed = posterior_for(
        fit, spoken.texts, shares[spoken.texts], given.shape[1], source_error_rate
    )
    if (truth.sum(axis=1) > 0).sum() < config.min_answers:
        return _clamped(spoken, fit, truth, fit.posterior, believed)
    stack, _ = unit_spread(evidence)
    points = points_of(
        fit.log_prior[:, :width],
        shares,
        kept,
        main_labels(given),
        stack,
        embeddings,
    )
    taught = Taught(spoken.texts, truth, spoken.weight, believed)
    correction = correct(points, taught, fit.posterior.probabilities, config, seed)
    probabilities = correction.probabilities
    before = fit.log_prior[:, :width] + fit.log_likelihood[:, :width]
    nats = np.log(np.maximum(probabilities, _LEAST)) - before
    said = Evidence(ANSWERS, nats.astype(np.float32))
    posterior = replace(
        fit.posterior,
        probabilities=probabilities,
        weights={**fit.posterior.weights, ANSWERS: 1.0},
    )
    return _clamped(spoken, fit, truth, posterior, correction.held_out, correction, (said,))


_LEAST = 1e-9
"""Keeps a logarithm finite."""


def _truth(spoken: Spoken, kept: Ints) -> Doubles:
    """Return float64 [a, c], what people's words make of each candidate of the answered texts."""
    settled = spoken.settled
    place = np.searchsorted(spoken.texts, settled.text)
    truth = np.zeros((len(spoken), kept.shape[1]))
    row, column = np.nonzero(kept[settled.text] == settled.label[:, None])
    truth[place[row], column] = settled.probability[row]
    return truth


def _clamped(
    spoken: Spoken,
    fit: Fit,
    truth: Doubles,
    posterior: Posterior,
    unseen: Doubles,
    correction: Corrected | None = None,
    evidence: tuple[Evidence, ...] = (),
) -> Answered:
    """Return the outcome, answered texts with their answers, `unseen` being without their own."""
    probabilities, held_out = posterior.probabilities.copy(), posterior.probabilities.copy()
    probabilities[spoken.texts] = truth
    held_out[spoken.texts] = unseen
    fitted = replace(fit, posterior=replace(posterior, probabilities=probabilities))
    return Answered(
        spoken, fitted, evidence, replace(posterior, probabilities=held_out), correction
    )
