"""The settings: every default, range, unit and sentence, and no other place has them.

A profile in YAML says what differs from the defaults; `embedded.yaml` names the models.
"""

from dataclasses import field
from types import MappingProxyType
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from labelmend.configs.schema.asking import (
    DescribeConfig,
    RoutingConfig,
    ServerConfig,
    VoterConfig,
)
from labelmend.configs.schema.augmenting import AugmentConfig, ChecksConfig
from labelmend.configs.schema.base import CHECKED, Many, Section, at_least
from labelmend.configs.schema.cluster import ClusterConfig
from labelmend.configs.schema.mending import (
    ChannelConfig,
    CorrectionConfig,
    DecisionConfig,
    DiagnosticsConfig,
    DoubtConfig,
    FusionConfig,
    SelfTrainingConfig,
    VotesConfig,
)
from labelmend.configs.schema.reading import (
    DataConfig,
    EncoderConfig,
    RerankerConfig,
    RetrievalConfig,
    SourceConfig,
)
from labelmend.configs.schema.training import (
    ClassifyConfig,
    FinetuneConfig,
    LightgbmConfig,
    LinearConfig,
    LoraConfig,
    StaticConfig,
    TuneConfig,
)

__all__ = [
    "AugmentConfig",
    "ChannelConfig",
    "ChecksConfig",
    "ClassifyConfig",
    "ClusterConfig",
    "Config",
    "CorrectionConfig",
    "DataConfig",
    "DecisionConfig",
    "DescribeConfig",
    "DiagnosticsConfig",
    "DoubtConfig",
    "EncoderConfig",
    "FinetuneConfig",
    "FusionConfig",
    "LightgbmConfig",
    "LinearConfig",
    "LoraConfig",
    "RerankerConfig",
    "RetrievalConfig",
    "RoutingConfig",
    "SelfTrainingConfig",
    "ServerConfig",
    "SourceConfig",
    "StaticConfig",
    "TuneConfig",
    "VoterConfig",
    "VotesConfig",
]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Config(Section):
    """One run's whole configuration."""

    FORMER = MappingProxyType({"suspect": "evidence.classifier.options"})

    profile: str
    """Name of these settings, which outputs bear."""

    seed: Annotated[int, at_least(0)] = 0
    """Seed of all random choices."""

    data: DataConfig = DataConfig()

    encoders: Annotated[Many[EncoderConfig], Field(min_length=1)]
    """Sentence encoders, one at least; their vectors are joined into one space."""

    retrieval: RetrievalConfig = RetrievalConfig()

    evidence: dict[str, SourceConfig] = field(default_factory=dict, hash=False)
    """Sources of evidence by name, in the order in which they are weighed; those of a profile are
    added to those of the profile that it extends."""

    reranker: RerankerConfig = RerankerConfig()

    describe: DescribeConfig = DescribeConfig()

    voters: Many[VoterConfig] = ()
    """LLMs that are asked about doubtful rows; there may be none."""

    routing: RoutingConfig = RoutingConfig()

    self_training: SelfTrainingConfig = SelfTrainingConfig()

    votes: VotesConfig = VotesConfig()

    fusion: FusionConfig = FusionConfig()

    correction: CorrectionConfig = CorrectionConfig()

    doubt: DoubtConfig = DoubtConfig()

    decision: DecisionConfig = DecisionConfig()

    diagnostics: DiagnosticsConfig = DiagnosticsConfig()

    classify: ClassifyConfig = ClassifyConfig()

    tune: TuneConfig = TuneConfig()

    augment: AugmentConfig = AugmentConfig()

    cluster: ClusterConfig = ClusterConfig()
