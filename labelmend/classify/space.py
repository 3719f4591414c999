"""The spaces that classifiers read texts in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labelmend.classify.static.vocabulary import encoder_words
from labelmend.configs.schema import EncoderConfig
from labelmend.protocols import Progress
from labelmend.retrieval.encoders.windows import notes_on_cut
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.retrieval.tuned import notes_on_tuned
from labelmend.types import Doubles, Floats
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import require_encoders


class Space(Protocol):
    """Places texts as unit vectors."""

    def fit(self, texts: Sequence[str], progress: Progress) -> Floats:
        """Return float32 [u, d], the distinct texts that are trained on."""
        ...

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], further texts."""
        ...


class ReadsEncoders(Protocol):
    """A trained model of any task, as far as its encoders go; see `SavedModel`."""

    @property
    def encoders(self) -> tuple[EncoderConfig, ...]:
        """The encoders' settings."""
        ...

    @property
    def encoder_digests(self) -> tuple[str, ...]:
        """sha256 of the weights of each."""
        ...

    @property
    def own_encoder(self) -> Path | None:
        """Folder of the one encoder, where it was fine-tuned with the model."""
        ...


@dataclass(frozen=True)
class EncodersUsed:
    """The encoders of a space, as a model folder has them.

    Attributes:
        models: where they come from.
        settings: theirs.
        digests: sha256 of the weights of each.
        means: of each, what is taken away from its vectors (`TextSpace.means`).
        notes: what the user should know of them.
        own: folder of the one encoder, where it learned with the classifier; else None.
    """

    models: tuple[LocatedModel, ...]
    settings: tuple[EncoderConfig, ...]
    digests: tuple[str, ...]
    means: tuple[Doubles, ...]
    notes: tuple[str, ...]
    own: Path | None = None


class ProfileSpace:
    """The space of a profile's encoders, which are looked for and loaded when they are needed."""

    def __init__(self, encoders: Sequence[EncoderConfig]) -> None:
        """Remember the encoders' settings."""
        self._settings = tuple(encoders)
        self._models: tuple[LocatedModel, ...] = ()
        self._means: tuple[Doubles, ...] = ()
        self._space: TextSpace | None = None

    def fit(self, texts: Sequence[str], progress: Progress) -> Floats:
        """Return float32 [u, d], and learn what is taken away from texts.

        Raises:
            ModelError: an encoder is not on this machine, or can't load.
        """
        require_encoders(self._settings)
        self._models = tuple(locate(encoder.model) for encoder in self._settings)
        self._space = open_space(self._settings, self._models)
        embeddings = self._space.fit(texts, progress)
        self._means = self._space.means
        self._space.release()
        return embeddings

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], further texts as `fit` placed those that it saw.

        Raises:
            ModelError: an encoder can't load.
        """
        if self._space is None:
            self._space = open_space(self._settings, self._models, self._means)
        return self._space.queries(texts)

    def words(self) -> tuple[str, ...]:
        """Return the words of the encoders' vocabularies, after `fit`; see `encoder_words`."""
        return encoder_words(self._models)

    def encoders(self, texts: Sequence[str]) -> EncodersUsed:
        """Return the encoders, with notes on those that were tuned on some texts, or cut some."""
        assert self._space is not None, "fit opens it"
        return EncodersUsed(
            self._models,
            self._settings,
            tuple(located.digest for located in self._models),
            self._means,
            (
                *self._space.notes,
                *notes_on_tuned(self._models, texts),
                *notes_on_cut(self._settings, self._models, texts),
            ),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_space": None}  # loaded models are loaded again
