"""The tokenizer of a model's folder, in whichever file it lies."""

from pathlib import Path
from typing import Any

from labelmend.extras import require
from labelmend.retrieval.encoders.packed_file import PACKED, is_packed, packed_tokenizer
from labelmend.retrieval.encoders.use_file import is_use, use_tokenizer

TOKENIZER = "tokenizer.json"


def has_tokenizer(folder: Path) -> bool:
    """Tell whether a folder has a tokenizer that `whole_text_tokenizer` can load."""
    return is_packed(folder) or is_use(folder) or (folder / TOKENIZER).is_file()


def whole_text_tokenizer(folder: Path) -> Any:
    """Load a folder's `tokenizers.Tokenizer`, which neither cuts texts nor fills them up.

    Raises:
        ModelError: a file of a package can't be used.
        OSError: a file can't be read.
    """
    if is_packed(folder):
        return packed_tokenizer(folder / PACKED)
    if is_use(folder):
        return use_tokenizer(folder)
    require("tokenizers")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
