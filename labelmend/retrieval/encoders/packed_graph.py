"""A packed encoder's weights as a graph for onnxruntime: words in four bits, layers in int8."""

from pathlib import Path
from typing import Any

import numpy as np

from labelmend.retrieval.encoders.bert_graph import Int8Bert, encoder_model
from labelmend.retrieval.encoders.graph_parts import MICROSOFT
from labelmend.retrieval.encoders.packed_file import BITS, BLOCK, PackedBert, read_packed


def packed_graph(path: Path) -> Any:
    """Return a packed encoder as an onnx.ModelProto with mean pooling; see `bert_graph`.

    Its layers' weights are those of the file rounded to int8, which runs in half the time of four
    bits.

    Args:
        path: of the file, as `packed_file` has it.

    Raises:
        ModelError: the file can't be used.
        OSError: it can't be read.
    """
    return encoder_model(_PackedLayers(read_packed(path)), "mean_tokens", [MICROSOFT])


_WORDS = "embeddings.word_embeddings"


class _PackedLayers(Int8Bert):
    """BERT whose words' vectors stay packed."""

    def __init__(self, packed: PackedBert) -> None:
        matrices = {
            f"{name}.weight": blocks.numbers
            for name, blocks in packed.blocks.items()
            if name != _WORDS
        }
        super().__init__(packed.config, {**packed.weights, **matrices})
        self._word_blocks = packed.blocks[_WORDS]

    def tokens(self) -> str:
        words = self._word_blocks
        flat = words.packed.reshape(len(words.scales), -1)
        return self.add(
            "GatherBlockQuantized",
            self.constant("words", flat, np.uint8),
            "input_ids",
            self.constant("word_scales", words.scales, np.float32),
            domain=MICROSOFT,
            gather_axis=0,
            quantize_axis=1,
            block_size=BLOCK,
            bits=BITS,
        )
