"""Seeded label noise for evaluation: a clean table in, a noisy one with `true_label` out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax

from labelmend.classify.calibrate import fit_inverse_temperature
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.data.duplicates import unique_texts
from labelmend.data.noise import NoiseShare, check_shares, mixture
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.request import TableRequest, load_whole
from labelmend.data.table import NewColumn
from labelmend.data.task import require_task
from labelmend.data.write import (
    atomic_files,
    check_new_columns,
    with_values,
    write_table,
)
from labelmend.errors import ConfigError
from labelmend.parallel import LOCAL, blocks_of
from labelmend.protocols import Progress
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.retrieval.encoders.cache import open_encoder
from labelmend.types import NO_LABEL, Floats, Ints
from labelmend.weights.locate import locate

TRUE_LABEL = "true_label"

_ENCODE_BLOCK = 1024
"""Texts encoded between two steps of the progress bar."""


@dataclass(frozen=True)
class Corruption:
    """What was done to a table."""

    rows: int
    flipped: int


def corrupt_file(
    request: TableRequest,
    output: Path,
    shares: Sequence[NoiseShare],
    seed: int,
    config: Config,
    progress: Progress,
    *,
    others: Sequence[Given] = (),
) -> Corruption:
    """Flip a share of the labels, and keep the right ones in `true_label`.

    Args:
        request: the clean table.
        output: the noisy one.
        shares: of the labelled rows that get each kind of noise.
        seed: decides which, and to what.
        config: its first encoder, for labels that are near or plausible, and how rows are read.
        progress: hears how far the encoding is.
        others: what the user gave besides; nothing that was given is written to.

    Raises:
        LabelmendError: the input or the noise can't be used, or the output can't be written.
    """
    settle(request.path, output)
    inputs = (*given(request.path), *given_models(config), *others)
    claim(inputs, [Output(output, is_table=True)])
    loaded = load_whole(request, config.data, {})
    if loaded.columns.label is None:
        raise ConfigError(f"{request.path}: has no label column to corrupt; name --label-column")
    check_new_columns(loaded.table, [TRUE_LABEL])
    dataset = loaded.dataset
    require_task(dataset, {"single"}, "corrupt")
    check_shares(shares, len(dataset.labels), dataset.oos)
    prototypes = plausible = None
    kinds = {share.kind for share in shares}
    if kinds & {"nearest", "difficult"}:
        unique = unique_texts(dataset)
        embeddings = _embed(unique.texts, config.encoders[0], progress)
        retriever = PrototypeRetriever(embeddings, unique.given)
        prototypes = retriever.prototypes()
        if "difficult" in kinds:
            plausible = _plausible(retriever, unique.of_row, dataset.given)
    noisy = mixture(
        dataset.given,
        len(dataset.labels),
        shares,
        seed,
        prototypes=prototypes,
        plausible=plausible,
        oos=dataset.oos,
    )
    original = loaded.table.values(loaded.columns.label)
    values = list(original)
    for i in np.flatnonzero(noisy != dataset.given).tolist():
        values[loaded.rows[i]] = dataset.labels[noisy[i]]
    table = with_values(loaded.table, loaded.columns.label, values)
    like = loaded.columns.label
    with atomic_files([output]) as (temporary,):
        write_table(table, [NewColumn(TRUE_LABEL, tuple(original), like)], temporary)
    return Corruption(len(dataset), int(np.sum(noisy != dataset.given)))


def _plausible(retriever: PrototypeRetriever, of_row: Ints, given: Ints) -> Floats:
    """Return how probable each label is for each row's text, by the prototypes of the others.

    Args:
        retriever: of the prototypes.
        of_row: int64 [n], the text of each row.
        given: int64 [n], the right labels, or `NO_LABEL`.

    Returns:
        float32 [n, K]; the cosines' inverse temperature is the one that suits the labels best.
    """
    texts = np.arange(int(of_row.max(initial=-1)) + 1)
    labels = np.arange(len(retriever.prototypes()))
    alike = retriever.score(texts, np.tile(labels, (len(texts), 1))).astype(np.float64)
    alike = np.where(np.isnan(alike), -1.0, alike)[of_row]
    rows = np.flatnonzero(given != NO_LABEL)
    scale = fit_inverse_temperature(alike[rows], given[rows], np.ones(len(rows)))
    return np.asarray(softmax(scale * alike, axis=1), dtype=np.float32)


def _embed(texts: Sequence[str], config: EncoderConfig, progress: Progress) -> Floats:
    """Return float32 [u, d], unit rows, of one encoder as they are.

    The `TextSpace` is not used, so that a seed draws the same noise however mending compares texts.
    """
    encoder = open_encoder(config, locate(config.model))
    progress.start("embed texts", len(texts))
    parts = []
    blocks = blocks_of(len(texts), _ENCODE_BLOCK)
    for part in LOCAL.map_blocks(lambda rows: encoder.encode(texts[rows]), blocks):
        parts.append(part)
        progress.advance(len(part))
    return np.concatenate(parts)
