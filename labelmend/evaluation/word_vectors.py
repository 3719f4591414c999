"""Embeddings of the texts that are compared, and of words that some kinds ask for besides."""

from collections.abc import Sequence

import numpy as np

from labelmend.classify.static.vocabulary import encoder_words
from labelmend.data.duplicates import text_key
from labelmend.evaluation.baseline import Vectors
from labelmend.retrieval.space import TextSpace
from labelmend.types import Floats
from labelmend.weights.locate import LocatedModel


class WordVectors(Vectors):
    """The embeddings of all texts, and the encoders for whatever else is asked for."""

    def __init__(
        self,
        texts: Sequence[str],
        embeddings: Floats,
        space: TextSpace,
        models: Sequence[LocatedModel],
    ) -> None:
        """Remember where each text is.

        Args:
            texts: distinct.
            embeddings: float32 [len(texts), d], unit rows.
            space: that placed them.
            models: its encoders.
        """
        super().__init__(texts, embeddings)
        self._space = space
        self._models = tuple(models)

    def words(self) -> tuple[str, ...]:
        """Return the words of the encoders' vocabularies; see `encoder_words`."""
        return encoder_words(self._models)

    def queries(self, texts: Sequence[str]) -> Floats:
        """Return the embeddings of any texts.

        Raises:
            ModelError: an encoder can't load.
        """
        unknown = [i for i, text in enumerate(texts) if not self._knows(text)]
        if not unknown:
            return self.of(texts)
        further = self._space.queries([texts[i] for i in unknown])
        found = np.empty((len(texts), further.shape[1]), dtype=np.float32)
        found[unknown] = further
        known = np.setdiff1d(np.arange(len(texts)), unknown)
        if len(known):
            found[known] = self.of([texts[i] for i in known])
        return found

    def _knows(self, text: str) -> bool:
        return text in self._place or text_key(text) in self._place_of_key
