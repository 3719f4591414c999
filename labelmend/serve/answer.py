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
class Said:
    """What one model says of all texts of a request.

    Attributes:
        version: of the model: the first characters of its card's sha256.
        predictions: one a text.
    """

    version: str
    predictions: tuple[Prediction, ...]


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
