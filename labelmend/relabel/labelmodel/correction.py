"""The correction: what people's answers teach of the texts that nobody answered.

A conditional logit (Train 2009) of the true label of text i among its candidates:

    u_ik     =  b . x_ik + b_k + T_[g_i, k] + w_k . e_i
    P(k | i) =  softmax over k in C_i of u_ik

x_ik holds what the fusion says (log p_w without the given label, p_w itself), whether k was given,
that times how decisively the evidence contradicts it, and what each source says; e_i is the text's
embedding, g_i its given label. So it learns the level of the noise, how it grows with doubt, which
labels are taken for which, what each source and voter is worth, and what texts of a label look
like. All numbers have normal priors around the fusion's posterior; how wide those of T and w are is
not chosen: several widths are tried, each predicts the answers out of fold, and their predictions
are mixed with the fusion's posterior and each other as they deserve (stacking: Wolpert 1992), so
that what does not help is left out. A temperature and a leaning towards the given
label, learned from the same out-of-fold predictions, set the level at last.

Kin: gold loss correction (Hendrycks et al. 2018), meta label correction (Zheng et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.special import log_softmax, softmax

from labelmend.arrays import dot_products
from labelmend.configs.schema import CorrectionConfig
from labelmend.types import NO_LABEL, Bools, Doubles, Floats, Ints

_LEAST_P = 1e-4
"""Probabilities below this count as this: a logarithm without end would drown all else."""

_BLOCK = 4096
"""Texts predicted at a time: memory depends on it, and no outcome."""

_MOST_PASSES = 200
"""Passes of the optimiser at most; some 60 are usual."""


@dataclass(frozen=True)
class Points:
    """What the correction reads of n texts.

    Attributes:
        candidates: int64 [n, c], labels, distinct in a row.
        log_prior: float64 [n, c], log p_w, which no given label of the text has moved.
        given: float64 [n, c], the text's given labels as shares.
        first_given: int64 [n], the label that the text was given most often, or `NO_LABEL`.
        sources: float64 [n, c, s], each source's scores, centred and of unit spread.
        embeddings: float64 [n, d], centred, of unit spread.
    """

    candidates: Ints
    log_prior: Doubles
    given: Doubles
    first_given: Ints
    sources: Doubles
    embeddings: Floats

    def __len__(self) -> int:
        return len(self.candidates)

    def take(self, texts: Ints | slice) -> Points:
        """Return some of the texts."""
        return Points(
            self.candidates[texts],
            self.log_prior[texts],
            self.given[texts],
            self.first_given[texts],
            self.sources[texts],
            self.embeddings[texts],
        )

    def features(self) -> Doubles:
        """Return x, float64 [n, c, 4 + s]."""
        probability = np.exp(self.log_prior)
        on_given = np.maximum((probability * self.given).sum(axis=1), _LEAST_P)
        against = np.log(np.maximum(probability.max(axis=1, initial=_LEAST_P), _LEAST_P) / on_given)
        fused = np.stack(
            [
                np.maximum(self.log_prior, np.log(_LEAST_P)),
                self.given,
                self.given * (against[:, None] - _USUAL_DOUBT) / _DOUBT_SPREAD,
                probability,
            ],
            axis=2,
        )
        return np.concatenate([fused, self.sources], axis=2)


_USUAL_DOUBT, _DOUBT_SPREAD = 2.0, 3.0
"""Nats by which evidence usually contradicts a given label, and how far that spreads: they centre
a feature, and what is learned hardly depends on them."""

_START = np.array([0.4, 1.5, -0.3, 0.0])
"""Prior means of the weights of the first four features: evidence counts for less than it claims,
the given label for 1.5 nats, and for less where it is contradicted. Chosen by hand."""

_START_SPREAD = np.array([0.5, 2.0, 1.0, 1.0])
"""Their prior spreads: twenty answers outweigh them. Chosen by hand."""


@dataclass(frozen=True)
class Taught:
    """What people said of texts.

    Attributes:
        texts: int64 [a], distinct.
        truth: float64 [a, c], the probability that each candidate is right; rows of 0 where none
            of them is.
        weight: float64 [a], how many texts of the table each speaks for, for the level; 1 for those
            that no audit drew.
        believed: float64 [a, c], the fusion's posterior of each, as if it had not been answered.
    """

    texts: Ints
    truth: Doubles
    weight: Doubles
    believed: Doubles


@dataclass(frozen=True)
class Corrected:
    """What the answers lead to.

    Attributes:
        probabilities: float64 [u, c], of all texts, as if nobody had answered them.
        held_out: float64 [a, c], of the answered ones, each from the answers of others alone, but
            for what its own answer moves of theirs, from which the level is learned.
        widths: share in the mixture of the fusion as it was, and of each prior width.
        temperature: by which the mixture's logarithms are divided.
        trust: nats that the given label gets besides.
    """

    probabilities: Doubles
    held_out: Doubles
    widths: tuple[float, ...]
    temperature: float
    trust: float


def correct(
    points: Points, taught: Taught, believed: Doubles, config: CorrectionConfig, seed: int
) -> Corrected:
    """Learn from the answers, and predict all texts.

    Args:
        points: all u texts.
        taught: the answers.
        believed: float64 [u, c], the fusion's posterior of all texts.
        config: the priors' widths, and the folds.
        seed: of the folds.
    """
    answered, folds = points.take(taught.texts), _folds(taught.texts, config.folds, seed)
    held_out, full = [_log(taught.believed)], []
    for width in range(len(config.text_spreads)):
        prior = _Prior.at(config, width)
        log_p = np.empty(taught.truth.shape)
        for fold in np.unique(folds):
            inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            model = _learn(answered.take(outside), taught.truth[outside], prior)
            log_p[inside] = model.log_probabilities(answered.take(inside))
        held_out.append(log_p)
        full.append(_learn(answered, taught.truth, prior))
    stacked = np.stack(held_out)
    level = _learn_level(stacked, answered.given, taught)
    predicted = np.empty(points.log_prior.shape)
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = points.take(rows)
        log_p = np.stack([_log(believed[rows]), *(model.log_probabilities(part) for model in full)])
        predicted[rows] = level.applied(log_p, part.given)
    honest = np.empty(taught.truth.shape)
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        others = _learn_level(stacked[:, outside], answered.given[outside], _some(taught, outside))
        honest[inside] = others.applied(stacked[:, inside], answered.given[inside])
    return Corrected(
        predicted, honest, tuple(map(float, level.shares)), level.temperature, level.trust
    )


def _some(taught: Taught, chosen: Bools) -> Taught:
    return Taught(
        taught.texts[chosen],
        taught.truth[chosen],
        taught.weight[chosen],
        taught.believed[chosen],
    )


def _folds(texts: Ints, most: int, seed: int) -> Ints:
    """Return int64 [a], the fold of each text; its place among the answers doesn't matter."""
    place = np.empty(len(texts), dtype=np.int64)
    place[np.argsort(texts)] = np.random.default_rng(seed).permutation(len(texts))
    return place % min(most, max(len(texts), 1))


@dataclass(frozen=True)
class _Prior:
    """How far the numbers may be from their means: standard deviations.

    Attributes:
        label: of a label's leaning b_k.
        pair: of T.
        text: of w, for texts of unit spread.
        source: of the weight of a source's own scores.
    """

    label: float
    pair: float
    text: float
    source: float

    @classmethod
    def at(cls, config: CorrectionConfig, width: int) -> _Prior:
        return cls(
            config.label_spreads[width],
            config.pair_spreads[width],
            config.text_spreads[width],
            config.source_spread,
        )


@dataclass(frozen=True)
class _Learned:
    """A conditional logit. Labels and pairs that no answered text has as candidates have no number.

    Attributes:
        weights: float64 [p], b.
        labels: int64 [l], sorted, the labels that have numbers.
        leaning: float64 [l].
        texts: float64 [l, d], w.
        pairs: int64 [q], sorted, given label and candidate as one number.
        taken_for: float64 [q], T.
    """

    weights: Doubles
    labels: Ints
    leaning: Doubles
    texts: Doubles
    pairs: Ints
    taken_for: Doubles

    def log_probabilities(self, points: Points) -> Doubles:
        """Return float64 [n, c]."""
        return np.asarray(log_softmax(self.utilities(points), axis=1))

    def utilities(self, points: Points) -> Doubles:
        """Return u, float64 [n, c]."""
        label, has_label = _place(self.labels, points.candidates)
        pair, has_pair = _place(self.pairs, _pairs(points))
        total: Doubles = points.features() @ self.weights
        by_text = _products(points.embeddings, self.texts, label)
        total += has_label * (self.leaning[label] + by_text)
        return np.asarray(total + has_pair * self.taken_for[pair])


def _pairs(points: Points) -> Ints:
    """Return int64 [n, c], one number for each given label and candidate; -1 without the former."""
    size = int(max(points.candidates.max(initial=0), points.first_given.max(initial=0))) + 1
    numbers = points.first_given[:, None] * max(size, _MOST_LABELS) + points.candidates
    return np.where(points.first_given[:, None] == NO_LABEL, np.int64(-1), numbers)


_MOST_LABELS = 2**31
"""A given label and a candidate make one number of 64 bits."""


def _place(known: Ints, sought: Ints) -> tuple[Ints, Bools]:
    """Return where each number stands among the sorted known ones, and whether it does."""
    place = np.minimum(np.searchsorted(known, sought), max(len(known) - 1, 0))
    return place, known[place] == sought


def _learn(points: Points, truth: Doubles, prior: _Prior) -> _Learned:
    """Return the conditional logit of greatest posterior density."""
    from scipy.optimize import minimize

    x, embeddings = points.features(), np.asarray(points.embeddings, dtype=np.float64)
    labels, pairs = np.unique(points.candidates), np.unique(_pairs(points))
    label, _ = _place(labels, points.candidates)
    pair, _ = _place(pairs, _pairs(points))
    sources = x.shape[2] - len(_START)
    mean = np.concatenate([_START, np.zeros(sources)])
    spread = np.concatenate([_START_SPREAD, np.full(sources, prior.source)])
    sizes = np.cumsum([x.shape[2], len(labels), len(pairs)])
    observed = truth.sum(axis=1, keepdims=True)
    shape = (len(labels), embeddings.shape[1])

    def at(theta: Doubles) -> _Learned:
        b, leaning, taken_for, texts = np.split(theta, sizes)
        return _Learned(
            mean + spread * b,
            labels,
            prior.label * leaning,
            prior.text * texts.reshape(shape),
            pairs,
            prior.pair * taken_for,
        )

    def loss(theta: Doubles) -> tuple[float, Doubles]:
        model = at(theta)
        u = x @ model.weights + model.leaning[label] + model.taken_for[pair]
        log_p = log_softmax(u + _products(embeddings, model.texts, label), axis=1)
        rest = truth - observed * np.exp(log_p)
        of_label, of_texts = _by_label(rest, label, embeddings, len(labels))
        gain = np.concatenate(
            [
                spread * np.einsum("nc,ncp->p", rest, x),
                prior.label * of_label,
                prior.pair * np.bincount(pair.ravel(), rest.ravel(), minlength=len(pairs)),
                prior.text * of_texts.ravel(),
            ]
        )
        return float(theta @ theta / 2 - (truth * log_p).sum()), theta - gain

    start: Doubles = np.zeros(int(sizes[-1]) + shape[0] * shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_PASSES})
    return at(found.x)


def _products(embeddings: Floats | Doubles, texts: Doubles, label: Ints) -> Doubles:
    """Return float64 [n, c]: of each text the products with the w of its candidates' labels."""
    if len(embeddings) * len(texts) <= _MOST_PRODUCTS:
        return np.take_along_axis(embeddings @ texts.T, label, axis=1)
    return dot_products(np.asarray(embeddings, dtype=np.float64), texts, label)


def _by_label(
    rest: Doubles, label: Ints, embeddings: Doubles, count: int
) -> tuple[Doubles, Doubles]:
    """Return sums by label: of values [n, c], float64 [l], and of them times texts, [l, d]."""
    if len(rest) * count <= _MOST_PRODUCTS:
        of_label = np.zeros((len(rest), count))
        np.put_along_axis(of_label, label, rest, axis=1)
        return of_label.sum(axis=0), of_label.T @ embeddings
    text = np.repeat(np.arange(len(rest)), label.shape[1])
    placed = coo_array((rest.ravel(), (label.ravel(), text)), shape=(count, len(rest))).tocsr()
    sums = np.bincount(label.ravel(), rest.ravel(), minlength=count).astype(np.float64)
    return sums, np.asarray(placed @ embeddings)


_MOST_PRODUCTS = 1 << 22
"""Of texts and labels, that are made at a time: 32 MiB. Of more, only those of a text with its own
candidates are made, which are the same but for rounding."""


@dataclass(frozen=True)
class _Level:
    """How the widths are mixed, and how sure the mixture may be."""

    shares: Doubles
    temperature: float
    trust: float

    def applied(self, log_p: Doubles, given: Doubles) -> Doubles:
        """Return float64 [n, c] of the widths' log-probabilities, [m, n, c]."""
        mixed = _mixed(log_p, self.shares)
        return np.asarray(softmax(mixed / self.temperature + self.trust * given, axis=1))


def _log(probability: Doubles) -> Doubles:
    return np.asarray(np.log(np.maximum(probability, _LEAST_SURE)))


def _mixed(log_p: Doubles, shares: Doubles) -> Doubles:
    return _log(np.tensordot(shares, np.exp(log_p), axes=1))


_LEAST_SURE = 1e-9
"""Keeps a logarithm finite."""


def _learn_level(log_p: Doubles, given: Doubles, taught: Taught) -> _Level:
    """Learn shares, temperature and trust from out-of-fold predictions, float64 [m, a, c]."""
    from scipy.optimize import minimize

    known = taught.truth.sum(axis=1) > 0
    right = np.exp((log_p * taught.truth).sum(axis=2))[:, known]
    shares = np.full(len(log_p), 1 / len(log_p))
    for _ in range(_MOST_PASSES):
        owed = shares[:, None] * right
        # One more answer for each width: where few were given, none is left out.
        shares = (owed / np.maximum(owed.sum(axis=0), _LEAST_SURE)).sum(axis=1) + 1
        shares /= shares.sum()
    mixed = _mixed(log_p, shares)
    weight = taught.weight * known
    # Weights make a sample worth fewer answers than it has (Kish 1965).
    weight *= weight.sum() / max((weight**2).sum(), _LEAST_SURE)

    def loss(theta: Doubles) -> float:
        said = log_softmax(np.exp(theta[0]) * mixed + theta[1] * given, axis=1)
        prior = (theta[0] / _SHARPNESS_SPREAD) ** 2 + (theta[1] / _TRUST_SPREAD) ** 2
        return float(prior / 2 - (weight[:, None] * taught.truth * said).sum())

    found = minimize(loss, np.zeros(2), method="BFGS").x
    return _Level(shares, float(np.exp(-found[0])), float(found[1]))


_SHARPNESS_SPREAD, _TRUST_SPREAD = 0.5, 1.0
"""Prior spreads of the level: of the logarithm of 1 / temperature, and of the trust in nats. Chosen
by hand; a hundred answers outweigh them."""


def points_of(
    log_prior: Doubles,
    given: Doubles,
    candidates: Ints,
    first_given: Ints,
    stack: Floats,
    embeddings: Floats,
) -> Points:
    """Gather what the correction reads.

    Args:
        log_prior: float64 [u, c], log p_w over the kept candidates.
        given: float64 [u, c], the given labels as shares.
        candidates: int64 [u, c].
        first_given: int64 [u], the label given most often, or `NO_LABEL`.
        stack: float32 [s, u, c], the sources' scores, centred and of unit spread.
        embeddings: float32 [u, d], unit rows.
    """
    centred = embeddings - embeddings.mean(axis=0)
    spread = np.sqrt(np.maximum((centred**2).sum(axis=1).mean(), _LEAST_SURE))
    sources = np.moveaxis(stack, 0, 2).astype(np.float64)
    return Points(candidates, log_prior, given, first_given, sources, centred / spread)


def weights_of(inclusion: Doubles) -> Doubles:
    """Return float64 [a]: 1 / inclusion where an audit drew the text, 1 elsewhere."""
    return np.where(np.isnan(inclusion), 1.0, 1 / np.where(inclusion > 0, inclusion, 1.0))
