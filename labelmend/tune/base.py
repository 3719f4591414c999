"""Which encoder is tuned."""

from labelmend.configs.schema import Config, EncoderConfig
from labelmend.errors import ConfigError
from labelmend.retrieval.encoders.bert_graph import is_weights_alone
from labelmend.weights.locate import locate


def tunable_encoder(config: Config) -> EncoderConfig:
    """Return the encoder that is tuned: the profile's first one that torch can run.

    If it has none, it is the one that the profile names for it.

    Raises:
        ConfigError: it names none.
    """
    for encoder in config.encoders:
        if encoder.backend != "onnx" or is_weights_alone(locate(encoder.model).path):
            return encoder
    if config.tune.encoder:
        return EncoderConfig("onnx", config.tune.encoder)
    raise ConfigError(
        "only sentence-transformers encoders can be tuned, and the profile has none; "
        "name one with --embedder"
    )
