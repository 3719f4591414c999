"""The optional packages that a configuration's models need: seen to before any work."""

from collections.abc import Iterable

from labelmend.configs.schema import Config, EncoderConfig, RerankerConfig
from labelmend.extras import install_command, missing, require
from labelmend.weights.registry import PypiSource, load_registry

_ENCODERS = {
    "onnx": ("onnxruntime", "tokenizers", "onnx"),
    "sentence-transformers": ("torch", "sentence_transformers"),
}
_RERANKERS = {
    "onnx": ("onnxruntime", "tokenizers"),
    "flag": ("FlagEmbedding", "torch"),
    "cross-encoder": ("torch", "sentence_transformers"),
    "none": (),
}
_READERS = {"model.safetensors": ("safetensors",)}
"""What reads an encoder's weights for the backend onnx, by the file's name."""


def require_encoders(encoders: Iterable[EncoderConfig], *, by: str = "the encoder") -> None:
    """Make sure that the packages which run encoders are installed, and those that bring them.

    Args:
        encoders: their settings.
        by: what needs them.

    Raises:
        ExtraMissingError: one is missing.
    """
    require(*encoder_packages(encoders), by=by)


def require_models(config: Config, *, reranker: bool, describer: bool, voters: bool) -> None:
    """Make sure that the packages which run a profile's models are installed.

    Args:
        config: the profile.
        reranker: whether it reranks.
        describer: whether an LLM describes labels.
        voters: whether LLMs vote.

    Raises:
        ExtraMissingError: one is missing; the message says what is left without LLMs.
    """
    plain = encoder_packages(config.encoders)
    if reranker:
        plain += reranker_packages(config.reranker)
    asked = [config.describe.model] if describer else []
    asked += [voter.model for voter in config.voters if voters and voter.server is None]
    llms = [name for model in asked for name in llm_packages(model)]
    needed, without = missing(*plain), missing(*llms)
    instead = ""
    if without:
        instead = f", or without LLMs, with --no-llm: {install_command(*needed)}"
        if not needed:
            instead = ", or go without LLMs: --no-llm"
    require(*dict.fromkeys((*plain, *llms)), by=f"profile {config.profile}", instead=instead)


def encoder_packages(encoders: Iterable[EncoderConfig]) -> tuple[str, ...]:
    """Return the import names of all that some encoders need."""
    found: list[str] = []
    for encoder in encoders:
        found += _carriers(encoder.model)
        found += _ENCODERS[encoder.backend]
        if encoder.backend == "onnx":
            found += _READERS.get(_weights(encoder.model), ())
    return tuple(dict.fromkeys(found))


def reranker_packages(config: RerankerConfig) -> tuple[str, ...]:
    """Return the import names of all that a reranker needs."""
    return (*_carriers(config.model), *_RERANKERS[config.backend])


def llm_packages(model: str) -> tuple[str, ...]:
    """Return the import names of all that an LLM of this process needs."""
    return ("llama_cpp", *_carriers(model))


def _carriers(model: str) -> tuple[str, ...]:
    """Return the package that carries a model's files, if one does."""
    sources = (entry.source for entry in load_registry() if entry.name == model)
    return tuple(source.module for source in sources if isinstance(source, PypiSource))


def _weights(model: str) -> str:
    """Return the name of a known model's weights; empty for a path."""
    return next((entry.weights for entry in load_registry() if entry.name == model), "")
