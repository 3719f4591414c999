"""What is said of texts: the predictions of one request, as they are answered and kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelShare:
    """A label and how probable it is.

    Attributes:
        label: the label.
        probability: 0 to 1, calibrated.
    """

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Near:
    """A text of the training that is like the one that is asked about.

    Attributes:
        text: of the training.
        label: that it was trained with.
        similarity: the cosine of the two, at most 1; higher is nearer.
    """

    text: str
    label: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one text.

    Attributes:
        label: the label; the out-of-scope label, if there is one, where the text is flagged.
        probability: of that label.
        is_oos: whether the text is flagged as fitting no label.
        top: the most probable labels, best first.
        near: texts of the training, by the labels of `top`; empty unless they were asked for.
    """

    label: str
    probability: float
    is_oos: bool
    top: tuple[LabelShare, ...]
    near: tuple[Near, ...] = ()


@dataclass(frozen=True, slots=True)
class SetPrediction:
    """What a model of several labels a text says of one.

    Attributes:
        labels: that are called, the most probable first; none is an answer, too.
        top: the most probable labels, called or not, best first.
        all_right: how probable it is that a text has just these labels, 0 to 1, were labels
            independent of each other.
    """

    labels: tuple[LabelShare, ...]
    top: tuple[LabelShare, ...]
    all_right: float


@dataclass(frozen=True, slots=True)
class SoftPrediction:
    """What a model of soft targets says of one text.

    Attributes:
        values: of each target, 0 to 1, in the order of the training.
    """

    values: dict[str, float]


AnyPrediction = Prediction | SetPrediction | SoftPrediction
"""All predictions of a server are of one kind."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one model says of all texts of a request.

    Attributes:
        version: of the model: the first characters of its card's sha256.
        predictions: one a text.
    """

    version: str
    predictions: tuple[AnyPrediction, ...]

    def of_first(self) -> Prediction:
        """Return what a model of one label a text says of the first text."""
        first = self.predictions[0]
        assert isinstance(first, Prediction), "whoever asks so opened such a model"
        return first


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was answered: what the log of requests keeps of it.

    Attributes:
        request_id: that the answer has; feedback names it.
        at: when it was answered, in seconds since 1970.
        seconds: from the last byte of the request until the answer was ready.
        sender: who asked, see `labelmend.serve.door.sender_of`.
        texts: that were asked about.
        main: what the model says.
        against: what the other model says; None where it was not asked.
    """

    request_id: str
    at: float
    seconds: float
    sender: str
    texts: tuple[str, ...]
    main: Said
    against: Said | None
