"""What tells one outcome of the main job from another: shards of one only stand side by side."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from labelmend.relabel.labelmodel.types import Decisions
from labelmend.relabel.result import Relabelling
from labelmend.runs.columns import Places
from labelmend.version import __version__

_BYTES_AT_ONCE = 1 << 24
"""Of an array that may be a view, of which a copy is hashed: 16 MiB."""


def outcome_key(result: Relabelling, places: Places, inputs: Iterable[str]) -> str:
    """Return a sha256 of all that the files of a run say of its rows.

    Args:
        result: of the run.
        places: where its rows stand in the table.
        inputs: sha256 of the shards.
    """
    digest = hashlib.sha256()
    posterior = result.posterior
    words = (
        *(__version__, *inputs, *result.dataset.labels, repr(places.label)),
        *(f"{name}={weight!r}" for name, weight in posterior.weights.items()),
        repr((posterior.oos_bias, result.dataset.oos, [each.voter for each in result.voters])),
        *(each.source for each in result.evidence),
    )
    for word in words:
        digest.update(f"{len(word)}:{word}".encode(errors="replace"))
    arrays = [
        *(places.rows, result.dataset.given, result.unique.of_row),
        *(result.unique.given.data, result.unique.given.indices, result.unique.given.indptr),
        *(posterior.candidates, posterior.probabilities, posterior.channel_nats),
        *(result.neighbours, result.neighbour_scores),
        *_of_decisions(result.decisions),
        *([] if result.held_out is None else _of_decisions(result.held_out)),
        *(each.scores for each in result.evidence),
        *(each.centre for each in result.evidence if each.centre is not None),
    ]
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        rows = max(_BYTES_AT_ONCE // max(array[:1].nbytes, 1), 1)
        for start in range(0, len(array), rows):
            digest.update(np.ascontiguousarray(array[start : start + rows]).data)
    return digest.hexdigest()


def _of_decisions(decisions: Decisions) -> list[npt.NDArray[np.generic]]:
    return [
        np.array(decisions.actions, dtype="U8"),
        *(decisions.mended, decisions.proposed, decisions.confidence, decisions.quality),
    ]
