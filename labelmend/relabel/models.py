"""The models that a run needs: found and verified before any work starts, loaded one at a time."""

from dataclasses import dataclass

from labelmend.configs.schema import Config, VoterConfig
from labelmend.weights.locate import LocatedModel, locate


@dataclass(frozen=True)
class RunModels:
    """The located models of one run.

    Attributes:
        encoders: of sentences, in the order of the configuration.
        reranker: None where the profile goes without.
        describer: writes label descriptions; None without an LLM.
        voters: each with its settings.
    """

    encoders: tuple[LocatedModel, ...]
    reranker: LocatedModel | None
    describer: LocatedModel | None
    voters: tuple[tuple[VoterConfig, LocatedModel], ...]

    def all(self) -> dict[str, LocatedModel]:
        """Return every model by its role; a model in two roles stands twice."""
        found = {
            f"encoder{i}" if i > 1 else "encoder": model for i, model in enumerate(self.encoders, 1)
        }
        roles = {"reranker": self.reranker, "describer": self.describer}
        found |= {role: model for role, model in roles.items() if model is not None}
        return found | {f"voter {model.name}": model for _, model in self.voters}


def locate_models(config: Config, *, use_llm: bool) -> RunModels:
    """Find and verify the models of a configuration.

    Raises:
        ModelMissingError: one is not on this machine.
        ModelHashError: one is not the pinned one.
    """
    reranks = config.reranker.backend != "none"
    describes = use_llm and bool(config.describe.model)
    return RunModels(
        encoders=tuple(locate(encoder.model) for encoder in config.encoders),
        reranker=locate(config.reranker.model) if reranks else None,
        describer=locate(config.describe.model) if describes else None,
        voters=tuple((v, locate(v.model)) for v in config.voters) if use_llm else (),
    )
