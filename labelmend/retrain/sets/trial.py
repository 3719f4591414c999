"""A challenger that gives texts several labels, and its comparison with the champion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmend.classify.folder import locate_encoders
from labelmend.classify.several.classifier import SetClassifier, SetPredictions
from labelmend.classify.several.model_folder import load_sets_model
from labelmend.data.duplicates import text_key
from labelmend.evaluation.comparison import outcome_record
from labelmend.evaluation.set_compare import SetTest, compare_sets
from labelmend.evaluation.set_metrics import SetMetrics, evaluate_sets, set_headline
from labelmend.retrain.project import Project
from labelmend.retrain.sets.known import SetsHeldOut
from labelmend.retrain.trial.challenger import Placed
from labelmend.retrain.trial.comparison import Compared, Reasons, verdict_on
from labelmend.retrain.trial.gate import Called, look_at_labels
from labelmend.retrieval.space import open_space
from labelmend.types import Bools, Doubles, Ints
from labelmend.voice.speak import meant

MICRO_F1 = Reasons(
    better=meant(
        "better: held-out micro-F1 {before:.2%} to {after:.2%}, the change {low:+.2%} to "
        "{high:+.2%}, p = {p:.2g}"
    ),
    worse=meant(
        "worse: held-out micro-F1 {before:.2%} to {after:.2%}, the change {low:+.2%} to "
        "{high:+.2%}, p = {p:.2g}"
    ),
    no_difference=meant(
        "no difference shown: held-out micro-F1 {before:.2%} to {after:.2%}, the change "
        "{low:+.2%} to {high:+.2%}, p = {p:.2g}"
    ),
    equal=meant(
        "no difference shown, and promoted as told: held-out micro-F1 {before:.2%} to {after:.2%}, "
        "the change {low:+.2%} to {high:+.2%}, p = {p:.2g}"
    ),
)
"""Of several labels a text."""

_RECALL_DROPS = meant(
    "held-out texts of {label!r} that are called so fall from {before:.1%} to {after:.1%}, and not "
    "by chance"
)


class CalledSets:
    """What a version says of the held-out texts, in the order of all labels that there are.

    Attributes:
        probabilities: float64 [t, L]; 0 of labels that it was not trained on.
        called: bool [t, L].
    """

    def __init__(self, found: SetPredictions, own: Sequence[str], labels: Sequence[str]) -> None:
        """Put the predictions of a model's own labels into the order of all."""
        shape = len(found.called), len(labels)
        self.probabilities: Doubles = np.zeros(shape)
        self.called: Bools = np.zeros(shape, dtype=np.bool_)
        place = {label: k for k, label in enumerate(labels)}
        for k, label in enumerate(own):
            self.probabilities[:, place[label]] = found.probabilities[:, k]
            self.called[:, place[label]] = found.called[:, k]

    def metrics(self, truth: Bools, labels: tuple[str, ...], seed: int) -> SetMetrics:
        """Measure it on distinct texts, without intervals."""
        return evaluate_sets(truth, self.called, self.probabilities, labels, seed=seed, draws=0)


def figures(metrics: SetMetrics) -> dict[str, float | None]:
    """Return the figures that a summary shows, by what they are called."""
    return {name: figure.value for name, figure in set_headline(metrics).items()}


def said_by_challenger(
    classifier: SetClassifier, placed: Placed, texts: Sequence[str]
) -> SetPredictions:
    """Hold a challenger to texts, in the space that it reads."""
    return classifier.predict(placed.vectors.of(texts))


def said_by_champion(folder: Path, texts: Sequence[str]) -> tuple[SetPredictions, tuple[str, ...]]:
    """Hold the model of a folder to texts, in its own space; with its labels.

    Raises:
        ModelError: it can't be read, or an encoder of it is not on this machine.
    """
    model = load_sets_model(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    cut = [text[: model.max_text_chars] for text in texts]
    return model.classifier.predict(space.queries(cut)), model.classifier.labels


def compare_set_versions(
    champion: tuple[SetPredictions, Sequence[str]],
    challenger: tuple[SetPredictions, Sequence[str]],
    held_out: SetsHeldOut,
    earlier: Sequence[str],
    project: Project,
    seed: int,
) -> Compared:
    """Compare two versions by micro-F1 with paired intervals, and McNemar on rows wholly right.

    Args:
        champion: what it says of the held-out texts, and its labels.
        challenger: the same.
        held_out: these texts.
        earlier: texts that were held out before this step: labels are held to them alone.
        project: when the challenger takes over, and when it is refused.
        seed: of the bootstrap.
    """
    labels = tuple(sorted({*held_out.labels, *champion[1], *challenger[1]}))
    truth = np.zeros((len(held_out.texts), len(labels)), dtype=np.bool_)
    places = [labels.index(label) for label in held_out.labels]
    truth[:, places] = held_out.truth
    before, after = (CalledSets(found, own, labels) for found, own in (champion, challenger))
    (outcome,) = compare_sets(
        [("model", before.called[None], after.called[None])],
        SetTest(truth, np.arange(len(truth))),
        seed,
    )
    old = {text_key(text) for text in earlier}
    rows = np.array([text_key(text) in old for text in held_out.texts], dtype=np.bool_)
    called = _as_called(truth[rows], before.called[rows], after.called[rows], labels)
    worse = look_at_labels(called, project.gate, _RECALL_DROPS)
    verdict, reason = verdict_on(outcome, project.promotion, MICRO_F1)
    micro = outcome.differences[0]
    sides = [figures(side.metrics(truth, labels, seed)) for side in (before, after)]
    return Compared(
        outcome=outcome,
        verdict="refused" if worse else verdict,
        reasons=worse or (reason,),
        metrics=sides[1],
        record={
            **outcome_record(outcome),
            "held_out_rows": len(truth),
            "answered_by_people": held_out.answered,
            "champion": sides[0],
            "challenger": sides[1],
            "micro_f1": {"before": micro.before, "after": micro.after},
        },
    )


def _as_called(truth: Bools, before: Bools, after: Bools, labels: tuple[str, ...]) -> Called:
    """Return each label that holds as a case by itself: called, or not."""
    row, label = np.nonzero(truth)
    nothing = len(labels)

    def said(called: Bools) -> Ints:
        return np.where(called[row, label], label, nothing)

    return Called(label, said(before), said(after), labels)
