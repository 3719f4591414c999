"""The encoder that a model with linear targets tunes for itself: found before any work, told after.

The model of one label a text has its own way, as a kind of classifier (`classify.heads.finetune`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmend.classify.folder import ENCODER
from labelmend.classify.space import EncodersUsed
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.voice.speak import note
from labelmend.weights.locate import locate
from labelmend.workflows.train import checkpoints_of

if TYPE_CHECKING:
    from labelmend.classify.soft.finetune import Tuned


class OwnEncoder:
    """An encoder that will be fine-tuned.

    Attributes:
        base: what it begins as.
        work: folder of the checkpoints.
        encoders: the settings of what it begins as.
    """

    def __init__(self, config: Config, folder: Path) -> None:
        """See whether it can be fine-tuned.

        Args:
            config: `classify.finetune`.
            folder: of the model.

        Raises:
            ExtraMissingError: a library is missing.
            ModelError: it is missing, or can't be fine-tuned.
        """
        from labelmend.classify.finetune.tuning import check_tunable

        self._settings = config.classify.finetune
        self.base = locate(self._settings.encoder)
        check_tunable(self._settings, self.base)
        self.work = checkpoints_of(folder)
        self.encoders: tuple[EncoderConfig, ...] = (
            EncoderConfig("sentence-transformers", self._settings.encoder),
        )

    def used(self, tuned: "Tuned") -> EncodersUsed:
        """Return what the model folder says of it."""
        from labelmend.classify.heads.finetune import tuned_encoder

        located = locate(str(tuned.folder))
        notes = [
            note(
                "the figures are of {rows:,} rows that were not trained on; they also ended the "
                "training and calibrated it",
                rows=len(tuned.tested),
            )
        ]
        if tuned.resumed_at:
            notes.append(
                note("an interrupted training went on from step {step}", step=tuned.resumed_at)
            )
        return EncodersUsed(
            (self.base,),
            (tuned_encoder(self._settings, ENCODER),),
            (located.digest,),
            (np.zeros(tuned.parts[0].shape[1]),),
            tuple(notes),
            tuned.folder,
        )
