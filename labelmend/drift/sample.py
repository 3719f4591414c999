"""What is compared: texts of the reference and of the log, as far as each is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmend.data.answers import text_sha256
from labelmend.types import Bools, Floats


@dataclass(frozen=True)
class Sample:
    """Texts, with what is known of each.

    Attributes:
        embeddings: float32 [n, d], unit rows.
        texts: [n]; None where only their vectors are known.
        labels: [n], "" where a text has none; None where labels are not known.
        outside: bool [n], flagged as fitting no label; None where that is not known.
        doubtful: bool [n], texts of whose label the model is not sure; None where that is not
            known.
        counted: labels to compare in the place of `labels`, a label a text, where nobody knows
            which text has which.
    """

    embeddings: Floats
    texts: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    outside: Bools | None = None
    doubtful: Bools | None = None
    counted: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def known_labels(self) -> list[str]:
        """The labels of the texts that have one."""
        labels: Sequence[str] = self.counted or self.labels or ()
        return [label for label in labels if label]

    def halves(self, seed: int) -> Bools:
        """Return bool [n], the texts of a first half, chosen by their hashes.

        Copies of a text go to the same half, and a text goes to the same one whatever stands
        beside it.

        Args:
            seed: another one is another choice.
        """
        if self.texts is None:
            drawn: Bools = np.random.default_rng(seed).integers(2, size=len(self)) == 0
            return drawn
        sides = {text: _side(text, seed) for text in set(self.texts)}
        return np.array([sides[text] for text in self.texts], dtype=bool)

    def some(self, most: int, seed: int) -> Floats:
        """Return the embeddings of at most so many texts, drawn without replacement."""
        if len(self) <= most:
            return self.embeddings
        rows = np.random.default_rng(seed).choice(len(self), size=most, replace=False)
        return self.embeddings[np.sort(rows)]


def _side(text: str, seed: int) -> bool:
    return int(text_sha256(f"{seed} {text}")[:8], 16) % 2 == 0
