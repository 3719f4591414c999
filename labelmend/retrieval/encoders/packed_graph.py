"""A packed encoder's weights as a graph that onnxruntime runs, four bits a weight as they lie."""

from pathlib import Path
from typing import Any

import numpy as np

from labelmend.retrieval.encoders.bert_graph import Bert, encoder_model
from labelmend.retrieval.encoders.packed_file import BITS, BLOCK, PackedBert, read_packed

_DOMAIN = "com.microsoft"
"""Of onnxruntime's operators on blocks of four bits."""


def packed_graph(path: Path) -> Any:
    """Return a packed encoder as an onnx.ModelProto with mean pooling; see `bert_graph`.

    Its vectors are those of the unpacked float32 weights but for the last bits, in a sixth of the
    memory.

    Args:
        path: of the file, as `packed_file` has it.

    Raises:
        ModelError: the file can't be used.
        OSError: it can't be read.
    """
    return encoder_model(_PackedLayers(read_packed(path)), "mean_tokens", [_DOMAIN])


class _PackedLayers(Bert):
    """BERT whose matrices stay packed."""

    def __init__(self, packed: PackedBert) -> None:
        super().__init__(packed.config, packed.weights)
        self._blocks = packed.blocks

    def tokens(self) -> str:
        words = self._blocks["embeddings.word_embeddings"]
        flat = words.packed.reshape(len(words.scales), -1)
        return self.add(
            "GatherBlockQuantized",
            self.constant("words", flat, np.uint8),
            "input_ids",
            self.constant("word_scales", words.scales, np.float32),
            domain=_DOMAIN,
            gather_axis=0,
            quantize_axis=1,
            block_size=BLOCK,
            bits=BITS,
        )

    def product(self, values: str, name: str) -> str:
        matrix = self._blocks[name]
        rows, blocks = matrix.scales.shape
        return self.add(
            "MatMulNBits",
            values,
            self.constant(name, matrix.packed, np.uint8),
            self.constant(f"{name}_scales", matrix.scales.reshape(-1), np.float32),
            domain=_DOMAIN,
            K=blocks * BLOCK,
            N=rows,
            bits=BITS,
            block_size=BLOCK,
        )
