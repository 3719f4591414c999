"""The methods that benchmarks/correction.py compares, each run in a process of its own.

    python benchmarks/peers.py METHOD DATA_FOLDER RUN_FOLDER

correction.py calls it so. A method reads the texts, embeddings and given labels, never the truth:
of DATA_FOLDER problem.json and embeddings.npy, of RUN_FOLDER given.npy and, where it needs them,
the cross-validated probabilities.npy. It writes METHOD.npz and METHOD.json into RUN_FOLDER.

The clock starts with the first line of a method, so all of them pay for importing what they use.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmend.relabel.result import Relabelling
from labelmend.types import Bools, Dataset, Doubles, Floats, Ints

CROSS_VALIDATION = "cross-validation"
"""No method of its own: what cleanlab and plain argmax build on, computed once a run."""

FOLDS = 5
NEIGHBOURS = 30
_BLOCK = 1024


@dataclass(frozen=True)
class Problem:
    """What a method may see.

    Attributes:
        texts: one a row.
        labels: the label set, sorted.
        oos: index of the out-of-scope label, or None.
        given: int64 [n].
        embeddings: float32 [n, d], unit rows.
        probabilities: float64 [n, p], cross-validated, a column for each label that is given at
            all; None where a method does without.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    oos: int | None
    given: Ints
    embeddings: Floats
    probabilities: Doubles | None = None

    @property
    def dataset(self) -> Dataset:
        """The problem as labelmend takes it."""
        ids = tuple(str(row + 1) for row in range(len(self.texts)))
        return Dataset(ids, self.texts, self.given, self.labels, self.oos)


@dataclass(frozen=True)
class Mended:
    """What a method makes of a problem.

    Attributes:
        labels: int64 [n], the final labels; `NO_LABEL` for an answer that is no label.
        flagged: bool [n], rows that the method calls wrong.
        doubt: float64 [n], higher where the given label is more likely wrong; None without.
        confidence: float64 [n], the probability that the final label is right; None without.
        stages: seconds by stage, where the method tells.
        noise: float64 [2], between which shares the noise is told to be; None where it isn't.
        harm: int64 [2], good labels broken, the least and the most of them that the method's own
            beliefs allow in 95 of 100 cases; None without.
    """

    labels: Ints
    flagged: Bools
    doubt: Doubles | None = None
    confidence: Doubles | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    noise: Doubles | None = None
    harm: Ints | None = None


def relabel_dataset(dataset: Dataset) -> Relabelling:
    """Mend a dataset as a user does: embedded profile, no LLM, max harm 0.5 %."""
    from labelmend.configs.load import load_config
    from labelmend.relabel.pipeline import relabel
    from labelmend.relabel.run_models import locate_models

    config = load_config("embedded", ["decision.max_harm=0.005"])
    return relabel(dataset, config, locate_models(config, use_llm=False))


def embed_rows(dataset: Dataset) -> Floats:
    """Return float32 [n, d], the vectors that labelmend computes, and warm its cache of them."""
    from labelmend.configs.load import load_config
    from labelmend.data.duplicates import unique_texts
    from labelmend.protocols import NoProgress
    from labelmend.relabel.run_models import locate_models
    from labelmend.retrieval.space import open_space

    config = load_config("embedded")
    space = open_space(config.encoders, locate_models(config, use_llm=False).encoders)
    unique = unique_texts(dataset)
    vectors: Floats = space.fit(unique.texts, NoProgress())[unique.of_row]
    return vectors


def run_labelmend(problem: Problem) -> Mended:
    """Run labelmend, the embedded profile without the LLM."""
    result = relabel_dataset(problem.dataset)
    decisions, told = result.decisions, result.interval
    return Mended(
        labels=decisions.mended,
        flagged=decisions.mended != problem.given,
        doubt=1 - decisions.quality,
        confidence=decisions.confidence,
        stages=dict(result.seconds),
        noise=None if told is None else np.array([told.low, told.high]),
        harm=predicted(decisions.harm[decisions.changed]),
    )


def predicted(chances: Doubles) -> Ints:
    """Return int64 [2]: the central 95 % of how many of independent events happen.

    Args:
        chances: float64 [n], their probabilities.
    """
    mass = np.ones(1)
    for chance in chances.tolist():
        mass = np.convolve(mass, [1 - chance, chance])
    below = np.cumsum(mass)
    return np.searchsorted(below, [TAIL, 1 - TAIL]).astype(np.int64)


TAIL = 0.025


def run_cleanlab(problem: Problem) -> Mended:
    """Run cleanlab's find_label_issues; flagged rows take the most probable label."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    probabilities = _needed(problem)
    present, given = _compact(problem.given)
    flagged = np.asarray(find_label_issues(given, probabilities))
    quality = get_label_quality_scores(given, probabilities, method="self_confidence")
    labels = np.where(flagged, present[probabilities.argmax(axis=1)], problem.given)
    return Mended(labels, flagged, doubt=1 - np.asarray(quality))


def run_cleanlearning(problem: Problem) -> Mended:
    """Fit cleanlab's CleanLearning on what it does not flag; flagged rows take its prediction.

    It finds the issues from the shared cross-validated probabilities instead of its own.
    """
    from cleanlab.classification import CleanLearning

    present, given = _compact(problem.given)
    learner = CleanLearning(_logistic_regression())
    issues = learner.find_label_issues(labels=given, pred_probs=_needed(problem))
    learner.fit(problem.embeddings, given, label_issues=issues)
    flagged = issues["is_label_issue"].to_numpy(dtype=bool)
    predicted = present[np.asarray(learner.predict(problem.embeddings), dtype=np.int64)]
    labels = np.where(flagged, predicted, problem.given)
    return Mended(labels, flagged, doubt=1 - issues["label_quality"].to_numpy(dtype=np.float64))


def run_argmax(problem: Problem) -> Mended:
    """Retrain and take the most probable out-of-fold label, whatever was given."""
    probabilities = _needed(problem)
    present, given = _compact(problem.given)
    labels = present[probabilities.argmax(axis=1)]
    doubt = 1 - probabilities[np.arange(len(given)), given]
    return Mended(labels, labels != problem.given, doubt=doubt)


def run_knn(problem: Problem) -> Mended:
    """Let the 30 nearest other rows vote, each with its cosine similarity as weight."""
    rows, vectors, given = len(problem.given), problem.embeddings, problem.given
    count = min(NEIGHBOURS, rows - 1)
    labels, share = given.copy(), np.zeros(rows)
    for start in range(0, rows, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, rows))
        similar = vectors[block] @ vectors.T
        similar[np.arange(len(block)), block] = -np.inf
        near = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        weights = np.maximum(np.take_along_axis(similar, near, axis=1), 0).astype(np.float64)
        votes = np.zeros((len(block), len(problem.labels)))
        np.add.at(votes, (np.arange(len(block))[:, None], given[near]), weights)
        total = weights.sum(axis=1)
        labels[block] = np.where(total > 0, votes.argmax(axis=1), given[block])
        share[block] = votes[np.arange(len(block)), given[block]] / np.maximum(total, 1e-12)
    return Mended(labels, labels != given, doubt=1 - share)


METHODS: Mapping[str, Callable[[Problem], Mended]] = {
    "cleanlab": run_cleanlab,
    "cleanlearning": run_cleanlearning,
    "argmax": run_argmax,
    "knn": run_knn,
    "labelmend": run_labelmend,
}

CROSS_VALIDATED = frozenset({"cleanlab", "cleanlearning", "argmax"})
"""Methods that need the cross-validated probabilities."""


def cross_validate(problem: Problem) -> Doubles:
    """Return float64 [n, p]: 5-fold logistic regression on embeddings, as in cleanlab's tutorial.

    Columns are the labels that some row was given, in order.
    """
    from sklearn.model_selection import cross_val_predict

    _, given = _compact(problem.given)
    return np.asarray(
        cross_val_predict(
            _logistic_regression(), problem.embeddings, given, cv=FOLDS, method="predict_proba"
        ),
        dtype=np.float64,
    )


def _logistic_regression() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=400)


def _compact(given: Ints) -> tuple[Ints, Ints]:
    """Return the labels that are given at all, and each row's place among them."""
    present, place = np.unique(given, return_inverse=True)
    return present, place.astype(np.int64)


def _needed(problem: Problem) -> Doubles:
    if problem.probabilities is None:
        raise ValueError("this method needs the cross-validated probabilities")
    return problem.probabilities


def save_data(folder: Path, dataset: Dataset, embeddings: Floats) -> None:
    """Write what all runs on one data set share."""
    folder.mkdir(parents=True, exist_ok=True)
    shared = {"texts": dataset.texts, "labels": dataset.labels, "oos": dataset.oos}
    (folder / "problem.json").write_text(json.dumps(shared), "utf-8")
    np.save(folder / "embeddings.npy", embeddings)


def load_problem(data: Path, run: Path, method: str) -> Problem:
    """Read what a method may see."""
    shared = json.loads((data / "problem.json").read_text("utf-8"))
    validated = method in CROSS_VALIDATED
    return Problem(
        texts=tuple(shared["texts"]),
        labels=tuple(shared["labels"]),
        oos=shared["oos"],
        given=np.load(run / "given.npy"),
        embeddings=np.load(data / "embeddings.npy"),
        probabilities=np.load(run / "probabilities.npy") if validated else None,
    )


def load_mended(run: Path, method: str) -> Mended:
    """Read what a method wrote."""
    with np.load(run / f"{method}.npz") as arrays:
        found = {name: arrays[name] for name in arrays.files}
    return Mended(**found, stages=load_usage(run, method)["stages"])


def load_usage(run: Path, method: str) -> dict[str, Any]:
    """Read a method's seconds, peak memory in MB, and seconds by stage."""
    usage: dict[str, Any] = json.loads((run / f"{method}.json").read_text("utf-8"))
    return usage


def peak_mb() -> float:
    """Return the most memory this process has held, in MB.

    `ru_maxrss` counts what the parent held at the fork, so Linux's own figure comes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024**2 if sys.platform == "darwin" else 1024)


def main(method: str, data: Path, run: Path) -> None:
    problem = load_problem(data, run, method)
    stages: Mapping[str, float] = {}
    began = time.perf_counter()
    if method == CROSS_VALIDATION:
        probabilities = cross_validate(problem)
        seconds = time.perf_counter() - began
        np.save(run / "probabilities.npy", probabilities)
    else:
        mended = METHODS[method](problem)
        seconds = time.perf_counter() - began
        stages = mended.stages
        arrays: dict[str, npt.NDArray[Any] | None] = {
            "labels": mended.labels,
            "flagged": mended.flagged,
            "doubt": mended.doubt,
            "confidence": mended.confidence,
            "noise": mended.noise,
            "harm": mended.harm,
        }
        kept = {name: array for name, array in arrays.items() if array is not None}
        np.savez(run / f"{method}.npz", **kept)  # type: ignore[arg-type]
    usage = {"seconds": seconds, "peak_mb": peak_mb(), "stages": stages}
    (run / f"{method}.json").write_text(json.dumps(usage), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
