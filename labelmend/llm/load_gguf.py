"""Loads a GGUF file into llama.cpp, or says in a line why it can't be loaded and what to do."""

import ctypes
import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelmend.errors import ModelError
from labelmend.extras import require


def load_model(path: Path, **settings: Any) -> Any:
    """Return a model that `llama_model_free` frees.

    Args:
        path: the GGUF file.
        settings: fields of `llama_model_params`.

    Raises:
        ModelError: llama.cpp can't load the file, or it is no generative model.
    """
    require("llama_cpp")
    import llama_cpp

    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL + 1)
    params = llama_cpp.llama_model_default_params()
    for name, value in settings.items():
        setattr(params, name, value)
    if b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info():
        # llama.cpp sets up a thread's AMX tiles once and for all. GCC leaves half of that out
        # (llama.cpp's pull request 26954), and an encoder's library may set up others in between:
        # the process dies of an illegal instruction. So weights stay as AMX can't take them.
        params.use_extra_bufts = False
    errors = _error_lines()
    errors.clear()
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    if model is None:
        raise ModelError(f"{path}: llama.cpp can't load this model: {_reason(path, errors)}")
    if not llama_cpp.llama_model_has_decoder(model):
        llama_cpp.llama_model_free(model)
        raise ModelError(f"{path}: this model reads but does not write text; get another GGUF")
    return model


@functools.cache
def _error_lines() -> list[str]:
    """Return the list that llama.cpp's errors go to, from the first call on."""
    require("llama_cpp")
    import llama_cpp

    lines: list[str] = []
    error = 4  # GGML_LOG_LEVEL_ERROR

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(level: int, text: bytes, _: Any) -> None:
        if level == error:
            lines.append(text.decode(errors="replace"))

    _CALLBACKS.append(hear)
    llama_cpp.llama_log_set(hear, ctypes.c_void_p(0))
    return lines


_CALLBACKS: list[Any] = []
"""ctypes frees a callback that nobody holds, and llama.cpp would call into nothing."""


def _reason(path: Path, errors: Sequence[str]) -> str:
    """Return why a model did not load, and what to do."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        return f"{error.strerror or error}; check the path"
    if magic != b"GGUF":
        return "it is no GGUF file; convert it, or get another"
    said = " ".join(errors)
    if "unknown model architecture" in said:
        name = said.partition("unknown model architecture: ")[2].partition("'")[2].partition("'")[0]
        return f"its architecture, {name!r}, is unknown to this llama.cpp; get another GGUF"
    if "file bounds" in said or "read" in said:
        return "the file is damaged or incomplete; get it again"
    return "the file is damaged or of a kind that this version doesn't know; get another GGUF"
