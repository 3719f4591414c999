"""What the shell offers for values of options, once `labelmend --install-completion` was run.

Choices that Typer knows, such as those of `--to`, are offered by themselves. Each function returns
values, some of them with a word on each for shells that show it; those that don't fit what was
typed are left out by Typer.
"""

Offered = list[tuple[str, str]]
"""Values, and what each is; an empty string where the value says it all."""


def profiles() -> Offered:
    """Return labelmend's own profiles, each with the sentence that its file begins with."""
    from importlib import resources

    from labelmend.configs.profiles import AUTO, PROFILES

    folder = resources.files("labelmend.configs")
    first = [
        folder.joinpath(f"{name}.yaml").read_text("utf-8").partition("\n")[0] for name in PROFILES
    ]
    own = [(name, line.lstrip("# ")) for name, line in zip(PROFILES, first, strict=True)]
    return [*own, (AUTO, "By the table's language.")]


def classifiers() -> Offered:
    """Return the kinds of classifiers that are installed."""
    from labelmend.classify.heads.registry import kinds

    return [(kind, "") for kind in kinds()]


def pulled_models() -> Offered:
    """Return the models that `labelmend models pull` can get."""
    from labelmend.weights.registry import HubSource, load_registry

    return [(m.name, m.note) for m in load_registry() if isinstance(m.source, HubSource)]


def encoders() -> Offered:
    """Return the encoders that labelmend knows."""
    return _models("encoder")


def voters() -> Offered:
    """Return the LLMs that labelmend knows."""
    return _models("gguf")


def settings() -> Offered:
    """Return the sections and settings of the default profile, as `config show` takes them."""
    from labelmend.configs.fields import dotted
    from labelmend.configs.load import config_to_dict, leaves, load_config

    paths = list(leaves(config_to_dict(load_config())))
    sections = dict.fromkeys(path[:length] for path in paths for length in range(1, len(path)))
    return [(dotted(path), "") for path in (*sections, *paths)]


def overrides() -> Offered:
    """Return the settings of the default profile, each with the = that a value comes behind."""
    from labelmend.configs.fields import dotted
    from labelmend.configs.load import config_to_dict, leaves, load_config

    return [(f"{dotted(path)}=", "") for path in leaves(config_to_dict(load_config()))]


def noise() -> Offered:
    """Return the kinds of noise, each with the = that a rate comes behind."""
    from typing import get_args

    from labelmend.data.noise import NoiseKind

    return [(f"{kind}=", "") for kind in get_args(NoiseKind)]


def peers() -> Offered:
    """Return what `--peer` compares with."""
    from labelmend.evaluation.peer import PEERS

    return [(peer, "") for peer in PEERS]


def _models(kind: str) -> Offered:
    from labelmend.weights.registry import load_registry

    return [(model.name, model.note) for model in load_registry() if model.kind == kind]
