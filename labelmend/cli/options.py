"""Options that several commands take."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import completion, help_page
from labelmend.voice.speak import Language, speaking, tell

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.data.cells.read import LabelRules
    from labelmend.data.outputs.claim import Given
    from labelmend.data.request import TableRequest
    from labelmend.journal.log import LogRequest
    from labelmend.tracking.mlflow_server import MlflowServer
    from labelmend.workflows.profile import ChosenProfile

Table = Annotated[
    Path,
    # Typer would refuse an unreadable file in its own words, several lines of them.
    typer.Argument(
        help="CSV, JSONL, Parquet, Excel or another table, or a folder of Parquet files: see "
        "docs/files.md.",
        metavar="TABLE",
        show_default=False,
        readable=False,
    ),
]
TextColumn = Annotated[
    list[str] | None,
    typer.Option(
        "--text-column",
        help="Found by name if not given. May be given several times: the columns are joined.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        help="Found by name if not given.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id-column",
        help="Names rows in the evidence; row numbers if none.",
        rich_help_panel=help_page.INPUT,
    ),
]
OosLabel = Annotated[
    str | None,
    typer.Option(
        "--oos-label",
        help="The label that means 'fits no label'; found by name.",
        rich_help_panel=help_page.INPUT,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="Of the table; detected if not given.", rich_help_panel=help_page.INPUT
    ),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        metavar="SIGN|none",
        help="Between several labels in a cell; 'none' if each cell is one label as it stands.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
LabelColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--label-columns",
        metavar="NAME",
        help="Columns of 0 and 1, each of which is a label: names or patterns such as "
        "'emotion_*'. May be given several times.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
MendedLabels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="The labels file that the table was mended with, if it is not where it was.",
        show_default=False,
        readable=False,
        rich_help_panel=help_page.INPUT,
    ),
]
MissingLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--missing-label",
        metavar="VALUE",
        help="What stands for a missing label, such as -1 or n/a; may be repeated.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
MergeSpellings = Annotated[
    bool,
    typer.Option(
        "--merge-spellings",
        help="Labels that differ by case, spaces, hyphens or hidden characters are one.",
        rich_help_panel=help_page.INPUT,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Refuse a table with rows without text.", rich_help_panel=help_page.INPUT
    ),
]
RareLabels = Annotated[
    Literal["drop", "keep", "error"],
    typer.Option(
        "--rare-labels",
        help="Labels that only one distinct text carries: leave them out, train on them, or stop.",
        rich_help_panel=help_page.TRAINING,
    ),
]
Header = Annotated[
    bool,
    typer.Option(
        " /--no-header",
        help="The table's first row is data: its columns are called column_1, column_2 and so on.",
        show_default=False,
        rich_help_panel=help_page.INPUT,
    ),
]
Model = Annotated[
    Path,
    typer.Argument(
        help="Folder that `labelmend train-classifier` wrote.",
        metavar="MODEL",
        show_default=False,
        readable=False,
    ),
]
TrustKey = Annotated[
    Path | None,
    typer.Option(
        "--trust-key",
        help="Use only models that this public key of minisign has signed (minisign.pub).",
        show_default=False,
        readable=False,
        rich_help_panel=help_page.INPUT,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="YAML with your label descriptions; see `labelmend describe`.",
        readable=False,
        rich_help_panel=help_page.EVIDENCE,
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        help="One encoder in place of the profile's: a folder that `labelmend tune-embedder` or "
        "sentence-transformers wrote.",
        show_default=False,
        rich_help_panel=help_page.SETTINGS,
        autocompletion=completion.encoders,
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        "--profile",
        help="embedded, multilingual, quality, multilingual-quality, sirius, a YAML file of your "
        "own, or auto: one of the first two, by the table's language.",
        rich_help_panel=help_page.SETTINGS,
        autocompletion=completion.profiles,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting of `labelmend config show`; may be repeated.",
        rich_help_panel=help_page.SETTINGS,
        autocompletion=completion.overrides,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", help="Of all random choices.", min=0, rich_help_panel=help_page.SETTINGS
    ),
]
NoLlm = Annotated[
    bool,
    typer.Option(
        "--no-llm", help="Ask no LLM: no votes, plain label cards.", rich_help_panel=help_page.LLMS
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log",
        help="File in which requests and feedback are kept, such as log.sqlite; see `labelmend "
        "journal`. Nothing is kept without it.",
        show_default=False,
        readable=False,
        rich_help_panel=help_page.LOG,
    ),
]
LogTexts = Annotated[
    bool,
    typer.Option(
        "--log-texts",
        help="Keep the texts, too; without it only a keyed hash of each.",
        rich_help_panel=help_page.LOG,
    ),
]
Mask = Annotated[
    bool,
    typer.Option(
        "--mask",
        help="Put words such as [MAIL] in the place of mail addresses, numbers of phones, cards "
        "and accounts, and the like, before a text is kept.",
        rich_help_panel=help_page.LOG,
    ),
]
LogDays = Annotated[
    float | None,
    typer.Option(
        "--log-days",
        metavar="DAYS",
        help="Remove requests after so many days; never if not given.",
        min=0,
        show_default=False,
        rich_help_panel=help_page.LOG,
    ),
]
FeedbackRate = Annotated[
    int,
    typer.Option(
        "--feedback-rate",
        help="Feedback that one sender may give an hour.",
        min=1,
        max=1_000_000,
        rich_help_panel=help_page.LOG,
    ),
]
ExcelSafe = Annotated[
    bool,
    typer.Option(
        "--excel-safe",
        help="Put ' before texts of ours that a spreadsheet would run: those that begin with "
        "=, +, - or @.",
        rich_help_panel=help_page.OUTPUT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print nothing but errors.", rich_help_panel=help_page.OUTPUT
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Say more about what was learned.", rich_help_panel=help_page.OUTPUT
    ),
]


Mlflow = Annotated[
    str | None,
    typer.Option(
        "--mlflow",
        help="Log parameters, metrics, curves, the model card and the model to this MLflow server, "
        "such as http://127.0.0.1:5000.",
        show_default=False,
        metavar="URI",
        rich_help_panel=help_page.OUTPUT,
    ),
]


def _speak(context: typer.Context, language: Language) -> Language:
    """Speak a language until the command ends."""
    context.with_resource(speaking(language))
    return language


Lang = Annotated[
    Language,
    typer.Option(
        "--lang",
        callback=_speak,
        envvar="LABELMEND_LANG",
        help="Language of what is printed and shown; files for programs are English.",
        rich_help_panel=help_page.OUTPUT,
    ),
]


def label_rules(
    separator: str | None, missing: list[str] | None, merge_spellings: bool
) -> "LabelRules":
    """Return how labels are read.

    Raises:
        ConfigError: the separator is empty.
    """
    from labelmend.data.cells.read import LabelRules

    return LabelRules(separator, tuple(missing or ()), merge_spellings)


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """Return all overrides of a profile."""
    return [*(settings or []), *([f"seed={seed}"] if seed is not None else [])]


def with_embedder(config: "Config", embedder: str | None) -> "Config":
    """Return the configuration with `--embedder` in place of the profile's encoders, if given.

    Raises:
        LabelmendError: it can't be used.
    """
    if embedder is None:
        return config
    from labelmend.retrieval.tuned import with_embedder

    return with_embedder(config, embedder)


def chosen_config(
    profile: str,
    request: "TableRequest",
    changes: list[str],
    embedder: str | None,
    *,
    quiet: bool = False,
) -> "tuple[Config, ChosenProfile]":
    """Return the configuration of a run, and its profile: of `auto`, that which the table asks for.

    Raises:
        LabelmendError: the profile, a setting, the encoder or, for `auto`, the table can't be used.
    """
    from labelmend.cli.console import say_note
    from labelmend.configs.load import load_config
    from labelmend.weights.renamed import notes_on_renamed
    from labelmend.workflows.profile import choose_profile

    chosen = choose_profile(profile, request)
    config = with_embedder(load_config(chosen.name, changes), embedder)
    if not quiet:
        # At once: a run that lacks the new models says no more than that.
        for line in notes_on_renamed(profile):
            say_note(line)
    return config, chosen


def given_profile(profile: str) -> "tuple[Given, ...]":
    """Return the files of a profile of the user's, none of which a run may write to."""
    from labelmend.configs.profiles import PROFILES, layers_of
    from labelmend.data.outputs.claim import Given

    names = [name for name, _ in layers_of(profile)]
    return tuple(Given(Path(n), "given as --profile") for n in names if n not in PROFILES)


def log_request(
    log: Path | None, *, texts: bool, mask: bool, days: float | None, feedback_rate: int
) -> "LogRequest | None":
    """Return the log that is asked for; None for none.

    Raises:
        ConfigError: something is asked of a log, and there is none.
    """
    from labelmend.errors import ConfigError
    from labelmend.journal.entries import LogRules
    from labelmend.journal.log import LogRequest

    if days is not None and not math.isfinite(days):
        raise ConfigError(f"--log-days {days:g}: give days, such as 30")
    if log is not None:
        return LogRequest(log, LogRules(texts, mask, days, feedback_rate))
    asked = {"--log-texts": texts, "--mask": mask, "--log-days": days is not None}
    for name, given in asked.items():
        if given:
            raise ConfigError(f"{name}: nothing is kept without --log; name a file with --log")
    return None


def share(option: str, text: str) -> float:
    """Read a share, given as one or in per cent.

    Raises:
        ConfigError: it is no share.
    """
    from labelmend.errors import ConfigError

    number, per_cent = text.removesuffix("%"), text.endswith("%")
    try:
        value = float(number) / (100 if per_cent else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f"{option} {text}: give a share such as 0.9, or 90%")
    return value


def mlflow_server(uri: str | None) -> "MlflowServer | None":
    """Reach the server of `--mlflow` before any work; None where none is named.

    Raises:
        LabelmendError: it can't be reached.
    """
    if uri is None:
        return None
    from labelmend.tracking.mlflow_server import MlflowServer

    return MlflowServer(uri)


def say_logged(server: "MlflowServer", run: str, *, quiet: bool) -> None:
    """Say where a run was logged."""
    if not quiet:
        typer.echo(tell("MLflow: run {run} at {uri}", run=run, uri=server.uri))
