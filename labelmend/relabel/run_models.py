"""The models that a run needs: found and verified before any work starts, loaded one at a time."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config, VoterConfig
from labelmend.errors import ConfigError
from labelmend.extras import require
from labelmend.llm.api_client import check_server, each_server
from labelmend.llm.in_child import check_loadable
from labelmend.relabel.evidence.registry import known_sources, listens_to
from labelmend.relabel.evidence.reranker import RERANKER_OOS
from labelmend.voice.speak import note
from labelmend.weights.gguf import read_header
from labelmend.weights.locate import LocatedModel, locate
from labelmend.weights.packages import require_models
from labelmend.weights.registry import load_registry


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


def require_packages(config: Config, *, use_llm: bool) -> None:
    """Find out before anything is read whether what runs a configuration's models is installed.

    Raises:
        ExtraMissingError: a package that runs one, or carries it, is not installed.
    """
    reranks, describes, votes = _asked(config, use_llm=use_llm)
    require_models(config, reranker=reranks, describer=describes, voters=votes)


def _asked(config: Config, *, use_llm: bool) -> tuple[bool, bool, bool]:
    """Tell whether a configuration asks a reranker, an LLM that describes, and LLMs that vote."""
    return (
        config.reranker.backend != "none" and listens_to(config, "reranker"),
        use_llm and bool(config.describe.model),
        use_llm and listens_to(config, "llm"),
    )


def locate_models(config: Config, *, use_llm: bool) -> RunModels:
    """Find and verify the models of a configuration.

    Raises:
        ExtraMissingError: a package that runs one, or carries it, is not installed.
        ModelMissingError: one is not on this machine.
        ModelHashError: one is not the pinned one.
        ModelError: a GGUF file is none, is cut off, or of a kind that llama.cpp doesn't know.
        ConfigError: a voter's server can't be used as configured, or a voter stands there twice.
    """
    reranks, describes, votes = _asked(config, use_llm=use_llm)
    require_models(config, reranker=reranks, describer=describes, voters=votes)
    voters = [(v, _voter_model(v)) for v in config.voters] if votes else []
    _check_distinct(voters)
    return RunModels(
        encoders=tuple(locate(encoder.model) for encoder in config.encoders),
        reranker=locate(config.reranker.model) if reranks else None,
        describer=_whole(locate(config.describe.model)) if describes else None,
        voters=_named_apart(voters),
    )


def notes_on_gpu(config: Config, models: RunModels) -> tuple[str, ...]:
    """Return a note if a model of this process is to run on a GPU and llama.cpp can use none."""
    layers = [voter.gpu_layers for voter, _ in models.voters if voter.server is None]
    if models.describer is not None:
        layers.append(config.describe.gpu_layers)
    if not any(layers):
        return ()
    require("llama_cpp")
    from llama_cpp import llama_supports_gpu_offload

    if llama_supports_gpu_offload():
        return ()
    told = note(
        "gpu_layers asks for a GPU, but this llama-cpp-python was built without one: the LLMs run "
        "on the processor, which is slow; install a GPU build, see docs/voters.md"
    )
    return (told,)


def with_voters(config: Config, specs: Sequence[str]) -> Config:
    """Return a configuration with more voters.

    A voter is set up as the profile's first one with the same ballot, else as that of the profile
    made for such models.

    Args:
        config: what runs besides.
        specs: paths of GGUF files, or names in models.yaml, each maybe after `choice:` or
            `channel:`. Without, large chat models choose, and the others score the text.

    Raises:
        ConfigError: one is neither a path nor a known name.
        ModelError: one is not on this machine, or is no GGUF file.
    """
    added = [_added_voter(config, spec) for spec in specs]
    return replace(config, voters=(*config.voters, *added))


def asks_of_sets(config: Config) -> bool:
    """Tell whether a configuration has LLMs that are asked where a row has several labels."""
    return any(voter.several for voter in config.voters)


def asking_of_sets(config: Config) -> Config:
    """Return a configuration with those LLMs that are asked where a row has several labels.

    Nobody describes the labels there.
    """
    voters = tuple(voter for voter in config.voters if voter.several)
    return replace(config, voters=voters, describe=replace(config.describe, model=""))


def _added_voter(config: Config, spec: str) -> VoterConfig:
    ballot, _, path = spec.partition(":")
    if ballot not in _MADE_FOR:
        ballot, path = "", spec
    # A folder's files would all be hashed first; a known name wins over a folder of that name.
    if not path.strip():
        raise ConfigError(f"--voter {spec}: names no model; give the path of a GGUF file")
    known_names = {entry.name for entry in load_registry()}
    if path not in known_names and _is_folder(path):
        raise ConfigError(f"--voter {spec}: {path} is no GGUF file but a folder; give a file in it")
    model = locate(path)
    if model.kind != "gguf":
        raise ConfigError(f"--voter {spec}: {path} is no GGUF file; give a model in that format")
    if not ballot:
        header = read_header(model.path)
        large = header.chat_template and header.parameters >= _LARGE
        ballot = "choice" if large else "channel"
    made_for = load_config(_MADE_FOR[ballot]).voters
    known = [v for v in (*config.voters, *made_for) if v.ballot == ballot and v.server is None]
    # The machine is the same, whatever the ballot.
    first = next((v for v in config.voters if v.server is None), config.describe)
    layers, threads = first.gpu_layers, first.threads
    return replace(known[0], model=path, several=True, gpu_layers=layers, threads=threads)


def _is_folder(path: str) -> bool:
    try:
        return Path(path).expanduser().is_dir()
    except (OSError, RuntimeError):  # `locate` says what is wrong with it
        return False


_MADE_FOR = {"channel": "embedded", "choice": "quality"}
"""By ballot, the profile whose voters cast it."""

_LARGE = 2_500_000_000
"""Parameters of the smallest models that choose well by letter."""


def _voter_model(voter: VoterConfig) -> LocatedModel:
    """Return a voter's model; of one on a server, only its name and place are known."""
    if voter.server is None:
        model = locate(voter.model)
        own = model.source == "your file"
        # The name is written into the table.
        stem = os.fsencode(model.path.stem).decode(errors="replace")
        return replace(_whole(model), name=stem) if own else model
    check_server(voter.server)
    urls = ", ".join(server.url for server in each_server(voter.server))
    name = voter.model.rsplit("/", 1)[-1].removesuffix(".gguf")
    return LocatedModel(name, "gguf", Path(voter.model), "", 0, f"served by {urls}")


def _check_distinct(voters: Sequence[tuple[VoterConfig, LocatedModel]]) -> None:
    """Refuse a voter that would say again what another says: fusion would count it twice."""
    seen = set()
    for config, model in voters:
        orders = config.permutations if config.ballot == "choice" else 1
        # Of served ones the name is all that is known, and that their votes are kept by.
        weights = model.digest or f"served {model.path}"
        key = (weights, config.ballot, config.exemplars, orders)
        if key in seen:
            where = "" if config.server is None else ", or name its address in server.more_urls"
            raise ConfigError(
                f"{config.model}: the same model is among the voters already, with the same "
                f"{config.ballot} ballot; leave one of them out{where}"
            )
        seen.add(key)


def _whole(model: LocatedModel) -> LocatedModel:
    """Return a model that is whole and of a known kind: nobody has pinned the user's own."""
    if model.kind == "gguf" and model.source == "your file":
        read_header(model.path)
        check_loadable(model.path)
    return model


def _named_apart(
    voters: Sequence[tuple[VoterConfig, LocatedModel]],
) -> tuple[tuple[VoterConfig, LocatedModel], ...]:
    """Give each voter a name of its own: by its ballot, then by a number.

    Names stand for sources in weights, votes and evidence.
    """
    shared = Counter(model.name for _, model in voters)
    sources = {*known_sources(), RERANKER_OOS}
    taken: set[str] = set()
    named = []
    for config, model in voters:
        plain = shared[model.name] == 1 and model.name not in sources
        name = first = model.name if plain else f"{model.name} ({config.ballot})"
        number = 1
        while name in taken:
            number += 1
            name = f"{first} {number}"
        taken.add(name)
        named.append((config, replace(model, name=name)))
    return tuple(named)
