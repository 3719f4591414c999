"""Texts to token ids, as labelmend's encoders read them; runs in Triton's Python backend.

Input: `text`, TYPE_STRING [batch, 1]. Outputs of each encoder i: `encoder_i_lengths`, int64 [batch,
windows], tokens of each window, 0 where a text has fewer windows; and the columns that its graph
asks for, such as `encoder_i_input_ids`, int64 [batch, windows, tokens].
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_STEP = 16
"""Texts are padded to a multiple of so many tokens, so that requests of about the same length can
run in one batch."""

_MARKS = 4
"""Tokens that a tokenizer adds to a text at most: two marks or three, and a space before it."""

_Ints = npt.NDArray[np.int64]


class Reader:
    """One encoder's tokenizer, and the windows in which it reads long texts."""

    def __init__(self, folder: Path, encoder: dict[str, Any]) -> None:
        """Load it.

        Args:
            folder: with its `tokenizer.json`.
            encoder: of `settings.json`: what the export's card says of it, and `inputs`, the
                columns that its graph asks for.
        """
        from tokenizers import Tokenizer

        self.columns: tuple[str, ...] = tuple(encoder["inputs"])
        self._prefix: str = encoder["query_prefix"]
        self._limit: int = encoder["max_tokens"]
        self._most: int = encoder["max_windows"]
        self._overlap: float = encoder["window_overlap"]
        path = str(folder / "tokenizer.json")
        self._cut, self._whole = Tokenizer.from_file(path), Tokenizer.from_file(path)
        self._cut.enable_truncation(self._limit)
        self._whole.no_truncation()

    def read(self, texts: Sequence[str]) -> dict[str, _Ints]:
        """Return `lengths`, int64 [b, w], and the columns, int64 [b, w, t], padded with 0."""
        parts = [[text, *self._further(text)] for text in texts]
        read = self._cut.encode_batch([self._prefix + part for text in parts for part in text])
        windows = max(map(len, parts))
        longest = max(len(encoding.ids) for encoding in read)
        tokens = min(_STEP * math.ceil(longest / _STEP), max(self._limit, longest))
        lengths = np.zeros((len(texts), windows), dtype=np.int64)
        found = {
            name: np.zeros((len(texts), windows, tokens), dtype=np.int64) for name in self.columns
        }
        at = iter(read)
        for row, text in enumerate(parts):
            for window in range(len(text)):
                encoding = next(at)
                count = lengths[row, window] = len(encoding.ids)
                columns = {
                    "input_ids": encoding.ids,
                    "attention_mask": encoding.attention_mask,
                    "token_type_ids": encoding.type_ids,
                }
                for name in self.columns:
                    found[name][row, window, :count] = columns[name]
        return {"lengths": lengths, **found}

    def _further(self, text: str) -> list[str]:
        """Return the windows of a long text after the first, which the tokenizer cuts itself."""
        read = self._prefix + text
        if self._most == 1 or len(read.encode(errors="replace")) + _MARKS <= self._limit:
            return []
        marks = self._whole.num_special_tokens_to_add(is_pair=False)
        offsets = self._whole.encode(text, add_special_tokens=False).offsets
        whole, taken = len(offsets) + marks, marks
        if self._prefix:
            whole = len(self._whole.encode(read).ids)
            taken = len(self._whole.encode(self._prefix).ids)
        size = self._limit - taken
        rest = len(offsets) - size
        if whole <= self._limit or size <= 0 or rest <= 0:
            return []
        step = max(1.0, size * (1 - self._overlap))
        count = min(1 + math.ceil(rest / step), self._most)
        starts = [round(i * rest / (count - 1)) for i in range(1, count)]
        return [text[offsets[at][0] : offsets[at + size - 1][1]] for at in starts]


class Texts:
    """All readers of a classifier, and how far a text is read."""

    def __init__(self, folder: Path) -> None:
        """Load them from a model's folder of a version."""
        settings = json.loads((folder / "settings.json").read_text("utf-8"))
        self._most: int = settings["max_text_chars"]
        self._readers = [
            Reader(folder / encoder["folder"], encoder) for encoder in settings["encoders"]
        ]

    def columns(self, cells: Sequence[Any]) -> dict[str, _Ints]:
        """Return the outputs for texts.

        Args:
            cells: of the input; bytes.

        Raises:
            ValueError: one is no UTF-8 or blank.
        """
        texts = []
        for at, cell in enumerate(cells):
            try:
                text = cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)
            except UnicodeDecodeError:
                raise ValueError(f"text {at} is no UTF-8") from None
            if not text.strip():
                raise ValueError(f"text {at} is blank: nothing is predicted of it")
            texts.append(text[: self._most])
        return {
            f"encoder_{i}_{name}": values
            for i, reader in enumerate(self._readers)
            for name, values in reader.read(texts).items()
        }


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the tokenizers."""
        self._texts = Texts(Path(args["model_repository"]) / args["model_version"])

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Return a response a request; a bad text fails its own request alone."""
        import triton_python_backend_utils as triton

        responses = []
        for request in requests:
            cells = triton.get_input_tensor_by_name(request, "text").as_numpy().ravel()
            try:
                found = self._texts.columns(cells.tolist())
            except ValueError as error:
                responses.append(triton.InferenceResponse(error=triton.TritonError(str(error))))
                continue
            tensors = [triton.Tensor(name, values) for name, values in found.items()]
            responses.append(triton.InferenceResponse(output_tensors=tensors))
        return responses
