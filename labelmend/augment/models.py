"""The models of an augmentation: found and verified before any work starts, loaded when asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from labelmend.augment.questions import Writer
from labelmend.augment.writers import LlamaWriter, ServersWriter, ServerWriter
from labelmend.configs.schema import AugmentConfig, Config, EncoderConfig
from labelmend.data.outputs.claim import Given
from labelmend.errors import ConfigError, nearest
from labelmend.extras import require
from labelmend.llm.in_child import check_loadable
from labelmend.weights.gguf import read_header
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import llm_packages

NOBODY = "none"
"""The `augment.judge_model` that is not asked."""


def with_writer(config: Config) -> Config:
    """Return the configuration with the LLM that writes: where none is named, the describer's."""
    augment = config.augment
    if augment.model or augment.server is not None:
        return config
    return replace(config, augment=replace(augment, model=config.describe.model))


def judge_encoder(config: Config) -> EncoderConfig:
    """Return the encoder that judges.

    Raises:
        ConfigError: the profile has no such encoder.
    """
    name = config.augment.judge_encoder
    if not name:
        return config.encoders[0]
    for encoder in config.encoders:
        if encoder.model == name:
            return encoder
    known = [encoder.model for encoder in config.encoders]
    raise ConfigError(
        f"augment.judge_encoder is {name!r}{nearest(name, known)}: profile {config.profile} has "
        f"{', '.join(known)}"
    )


def locate_llms(config: AugmentConfig) -> tuple[LocatedModel | None, LocatedModel | None]:
    """Return the LLM that writes, None for one on a server, and another one that is asked.

    Raises:
        ConfigError: no LLM is named.
        ExtraMissingError: llama.cpp, or the package that carries the model, is not installed.
        ModelError: a model can't be used.
    """
    if not config.model:
        raise ConfigError(
            "no LLM is named to write texts; give --model with a GGUF file, or --server and --model"
        )
    apart = config.judge_model not in {"", NOBODY, config.model}
    return (
        _located(config.model) if config.server is None else None,
        _located(config.judge_model) if apart and config.checks.questions else None,
    )


def _located(name: str) -> LocatedModel:
    require(*llm_packages(name), by="labelmend augment")
    model = locate(name)
    if model.kind != "gguf":
        raise ConfigError(f"{name}: is no GGUF file; give a model in that format with --model")
    if model.source == "your file":
        read_header(model.path)
        check_loadable(model.path)
    return model


@contextmanager
def open_writers(
    config: AugmentConfig, model: LocatedModel | None, judge_model: LocatedModel | None
) -> Iterator[tuple[Writer, Writer | None]]:
    """Give the LLM that writes and the one that is asked about drafts, if one can tell."""
    writer: Writer
    if config.server is not None:
        kind = ServersWriter if config.server.more_urls else ServerWriter
        writer = kind(config, config.server)
    else:
        assert model is not None
        writer = LlamaWriter(config, model)
    asks: Writer | None = writer if writer.can_judge else None
    if judge_model is not None:
        asks = LlamaWriter(replace(config, server=None), judge_model)
    if config.judge_model == NOBODY or not config.checks.questions:
        asks = None
    try:
        yield writer, asks
    finally:
        writer.close()
        if asks is not None:
            asks.close()


def given_llms(config: AugmentConfig) -> tuple[Given, ...]:
    """Return the files of LLMs that the settings name."""
    names = [config.judge_model, *([config.model] if config.server is None else [])]
    paths = [Path(name).expanduser() for name in names if name and name != NOBODY]
    return tuple(Given(path, "given as a model") for path in paths if path.exists())
