"""Says what is installed, which models are here, and whether a profile can run.

Nothing is imported that an extra brings, nothing is downloaded, and no server is asked.
"""

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from labelmend.configs.load import load_config
from labelmend.configs.schema import Config, ServerConfig
from labelmend.errors import LabelmendError, ModelMissingError
from labelmend.extras import install_command, missing
from labelmend.installation.folders import Folder, folders
from labelmend.installation.machine import LlamaBuild, Machine, llama_build, machine
from labelmend.installation.packages import Extra, core_packages, extras, is_described
from labelmend.version import __version__
from labelmend.weights.locate import ModelStatus, inventory, locate
from labelmend.weights.packages import encoder_packages, llm_packages, reranker_packages

SCHEMA_VERSION = 1
"""Of the JSON; one more with each change that a reader could trip over."""

State = Literal["OK", "missing", "wrong", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: was looked at, such as "encoder".
        state: "OK"; "missing"; "wrong": it is there and can't be used; "note": it can be used, and
            something about it is worth knowing.
        told: one line on it.
        remedy: the command that mends it; empty where there is nothing to mend, or no command.
        lacking: import names of the packages that are missing, where that is what is wrong.
    """

    what: str
    state: State
    told: str
    remedy: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """The line, with the remedy."""
        return f"{self.told}; run: {self.remedy}" if self.remedy else self.told


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        profile: that was asked for.
        use_llm: whether its LLMs count.
        needs: what the profile needs to run, in the order in which a run asks for it.
        installed: labelmend, Python, and the packages that it can't do without.
        extras: each extra; a missing one hurts only those who need it.
        models: all that labelmend knows; a missing one hurts only those who need it.
        processor: and memory, and what llama.cpp was compiled for.
        folders: that labelmend keeps.
    """

    profile: str
    use_llm: bool
    needs: tuple[Finding, ...]
    installed: tuple[Finding, ...]
    extras: tuple[Finding, ...]
    models: tuple[Finding, ...]
    processor: tuple[Finding, ...]
    folders: tuple[Finding, ...]

    @property
    def can_run(self) -> bool:
        """Whether labelmend is whole, and has all that the profile needs."""
        return all(finding.state in {"OK", "note"} for finding in (*self.installed, *self.needs))

    @property
    def remedies(self) -> tuple[str, ...]:
        """The fewest commands that mend what keeps the profile from running, in their order."""
        wrong = [f for f in (*self.installed, *self.needs) if f.state not in {"OK", "note"}]
        lacking = dict.fromkeys(name for finding in wrong for name in finding.lacking)
        one = [install_command(*lacking)] if lacking else []
        others = [finding.remedy for finding in wrong if finding.remedy and not finding.lacking]
        return tuple(dict.fromkeys([*one, *others]))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        told = {"can_run": self.can_run, "remedies": self.remedies}
        return {"schema_version": SCHEMA_VERSION, **told, **asdict(self)}


def diagnose(
    profile: str = "embedded", settings: tuple[str, ...] = (), *, use_llm: bool = True
) -> Diagnosis:
    """Look at the installation, the machine, and what a profile needs.

    Args:
        profile: one of labelmend's own, or the path of a YAML file.
        settings: `key=value` overrides of it.
        use_llm: whether its LLMs are to be asked.

    Raises:
        ConfigError: the profile or a setting is unknown or impossible.
        ModelError: the record of pulled models can't be read, or LABELMEND_HOME is nowhere.
    """
    config = load_config(profile, settings)
    build = llama_build()
    return Diagnosis(
        profile=profile,
        use_llm=use_llm,
        needs=tuple(_needs(config, build, use_llm=use_llm)),
        installed=tuple(_installed()),
        extras=tuple(map(_extra, extras())),
        models=tuple(map(_known_model, inventory())),
        processor=tuple(_processor(machine(), build)),
        folders=tuple(map(_folder, folders())),
    )


def _needs(config: Config, build: LlamaBuild | None, *, use_llm: bool) -> Iterator[Finding]:
    """Yield what a run asks for: each model, with the packages that run it."""
    for number, encoder in enumerate(config.encoders, 1):
        role = f"encoder {number}" if len(config.encoders) > 1 else "encoder"
        yield from _model(role, encoder.model, encoder.backend, encoder_packages((encoder,)))
    if config.reranker.backend != "none" and _asks(config, "reranker"):
        packages = reranker_packages(config.reranker)
        yield from _model("reranker", config.reranker.model, config.reranker.backend, packages)
    voters = config.voters if use_llm and _asks(config, "llm") else ()
    here = [("voter", voter.model) for voter in voters if voter.server is None]
    if use_llm and config.describe.model:
        here.insert(0, ("describer", config.describe.model))
    for role, model in here:
        for found in _model(role, model, "llama.cpp", llm_packages(model)):
            if found.state == "OK" and build is not None and build.problem:
                yield Finding(role, "wrong", f"{model}: llama.cpp {build.problem}", _REBUILD)
            else:
                yield found
    layers = [voter.gpu_layers for voter in voters if voter.server is None]
    if any((*layers, config.describe.gpu_layers)) and here and _lacks_gpu(build):
        told = "gpu_layers asks for one, and llama.cpp was compiled without: LLMs will be slow"
        yield Finding("GPU", "note", told)
    for voter in voters:
        if voter.server is not None:
            yield _served(voter.model, voter.server)


def _lacks_gpu(build: LlamaBuild | None) -> bool:
    return build is not None and not build.problem and not build.gpu


def _asks(config: Config, source: str) -> bool:
    # As `evidence.registry.listens_to`, whose module loads much of what may be broken here.
    return source in config.evidence and config.evidence[source].enabled


def _model(role: str, model: str, backend: str, packages: tuple[str, ...]) -> Iterator[Finding]:
    """Yield whether what runs a model is installed, and whether it is here and the pinned one."""
    lacking = missing(*packages)
    if lacking:
        told = f"{model}: {_listed(list(lacking))} {_is(len(lacking))} not installed"
        yield Finding(role, "missing", told, install_command(*lacking), lacking)
    try:
        found = locate(model)
    except LabelmendError as error:
        told, _, remedy = str(error).partition("; run: ")
        state: State = "missing" if isinstance(error, ModelMissingError) else "wrong"
        # That the package of a model's files is missing was said.
        if not (lacking and remedy.startswith("pip ")):
            yield Finding(role, state, told, remedy)
        return
    if not lacking:
        yield Finding(role, "OK", f"{found.name}, {found.source}, by {backend}")


def _served(model: str, server: ServerConfig) -> Finding:
    """Return whether a voter's servers can be asked; they aren't."""
    from labelmend.llm.api_client import check_server, each_server

    try:
        check_server(server)
        urls = ", ".join(one.url for one in each_server(server))
    except LabelmendError as error:
        return Finding("voter", "wrong", f"{model}: {error}")
    which = "which were" if server.more_urls else "which was"
    return Finding("voter", "OK", f"{model}, served by {urls}, {which} not asked")


def _installed() -> Iterator[Finding]:
    yield Finding("labelmend", "OK", __version__)
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("Python", "OK", f"{platform.python_version()} on {system}")
    if not is_described():
        told = "labelmend runs from its source, without the metadata that tells its packages"
        yield Finding("packages", "wrong", told, "pip install -e .")
        return
    core = core_packages()
    lacking = [package.in_words for package in core if not package.fits]
    if lacking:
        yield Finding("packages", "wrong", ", ".join(lacking), "pip install --upgrade labelmend")
    else:
        yield Finding("packages", "OK", f"all {len(core)} that labelmend can't do without")


def _extra(extra: Extra) -> Finding:
    there = [package.name for package in extra.packages if package.fits]
    if not extra.lacking:
        return Finding(extra.name, "OK", _listed(there))
    gone = [package.name for package in extra.lacking if package.version is None]
    told = [f"{_listed(gone)} {_is(len(gone))} missing"] if gone else []
    told += [package.in_words for package in extra.lacking if package.version is not None]
    told += [f"{_listed(there)} {_is(len(there))} here"] if there else []
    remedy = f"pip install 'labelmend[{extra.name}]'"
    return Finding(extra.name, "missing", "; ".join(told), remedy)


_SHOWN = 5
"""Packages that a line names at most."""


def _listed(names: list[str]) -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _known_model(status: ModelStatus) -> Finding:
    if status.state == "here":
        return Finding(status.name, "OK", f"{status.kind}, {status.source}")
    told, _, remedy = status.problem.removeprefix(f"{status.name}: ").partition("; run: ")
    state: State = "missing" if status.state == "missing" else "wrong"
    return Finding(status.name, state, f"{status.kind}: {told}", remedy)


_GIB = 1 << 30
"""Bytes of the unit in which memory and disks are told."""

_COMPARED = ("AVX2", "FMA", "F16C", "AVX512")
"""What makes llama.cpp slow where it was compiled without: the rest is worth little."""


def _processor(here: Machine, build: LlamaBuild | None) -> Iterator[Finding]:
    cores = f"{here.cores} core{'' if here.cores == 1 else 's'}"
    yield Finding("cores", "OK", f"{cores} for this process")
    free, memory = here.free_bytes / _GIB, here.memory_bytes / _GIB
    yield Finding("memory", "OK", f"{free:.1f} of {memory:.1f} GiB are free")
    if here.features is None:
        yield Finding("features", "note", "this system doesn't tell them")
    else:
        yield Finding("features", "OK", ", ".join(here.features) or "none that matter")
    if build is None:
        told = "not installed; without it there are no LLMs in this process"
        yield Finding("llama.cpp", "note", told)
    elif build.problem:
        yield Finding("llama.cpp", "wrong", build.problem, _REBUILD)
    else:
        idle = [f for f in _COMPARED if f in (here.features or ()) and f not in build.features]
        on = f"compiled for {', '.join(build.features)}; {'a' if build.gpu else 'no'} GPU"
        if idle:
            told = f"{on}; slow, for it leaves {', '.join(idle)} unused"
            yield Finding("llama.cpp", "note", told, _REBUILD)
        else:
            yield Finding("llama.cpp", "OK", on)


_REBUILD = "pip install --force-reinstall --no-deps --no-cache-dir llama-cpp-python"
"""pip compiles it anew, for this processor: the Python index has no compiled one."""


def _folder(folder: Folder) -> Finding:
    size = f"{folder.size_bytes / _GIB:.2f} GiB"
    free = "" if folder.free_bytes is None else f", {folder.free_bytes / _GIB:.1f} GiB free"
    told = f"{folder.path} ({size}{free})"
    if folder.writable:
        return Finding(folder.name, "OK", told)
    told += " can't be written to; set LABELMEND_HOME to a folder that can"
    return Finding(folder.name, "wrong", told)
