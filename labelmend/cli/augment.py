"""`labelmend augment`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import completion, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.workflows.augment import AugmentOutcome, AugmentPlan


def augment(
    table: options.Table,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The table with new rows behind yours; its record lies beside it.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ],
    min_rows: Annotated[
        int | None,
        typer.Option(
            "--min-rows",
            help="Distinct texts that each label is to have.",
            min=1,
            show_default="30",
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="LABEL",
            help="Look at this label; may be repeated. All but the out-of-scope one if not given.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SHARE",
            help="Keep this share of each label's texts for testing, 0.2 or 20%: nothing is made "
            "from them, and a column says which rows they are.",
            show_default=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    apart_from: Annotated[
        Path | None,
        typer.Option(
            "--apart-from",
            help="A table, such as a test set, whose texts no new text may nearly copy.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.ROWS,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="mended_label if there is one, else found by name.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    id_column: options.IdColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            help="YAML with your label descriptions; those of the run that mended the table if "
            "not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="GGUF",
            help="The LLM that writes: a GGUF file, or a name of `labelmend models list`; with "
            "--server, the name it has there.",
            show_default="the profile's describer",
            rich_help_panel=help_page.LLMS,
            autocompletion=completion.voters,
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="An OpenAI-compatible server that runs it, such as http://localhost:8000/v1.",
            show_default=False,
            rich_help_panel=help_page.LLMS,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Forget what an LLM wrote in an earlier run.",
            rich_help_panel=help_page.LLMS,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be asked for.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
) -> None:
    """Write texts for rare labels with an LLM; a judge lets in those that carry their label.

    The rows of the table come back as they are, then new ones. A column says which is a row of
    yours, a rewording of one, or made from a label's card; another one which rows it was made from.
    """
    from labelmend.data.request import TableRequest
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.augment import AugmentRequest, augment_file, plan_augment

    rules = options.label_rules(label_separator, missing_label, merge_spellings)
    source = TableRequest(
        table, text_column, label_column, id_column, oos_label, encoding, (), rules, strict, header
    )
    changes = options.overrides(settings, seed)
    config, chosen = options.chosen_config(profile, source, changes, None, quiet=quiet)
    config = _asked(config, min_rows, model, server)
    share = 0.0 if split is None else options.share("--split", split)
    request = AugmentRequest(source, output, labels, tuple(only or ()), share, apart_from, fresh)
    given = options.given_profile(chosen.name)
    if dry_run:
        _print_plan(plan_augment(request, config, others=given))
        return
    store = OutputPaths.beside(output).store
    with keeping_votes(store, "answers"), ProgressBars(quiet=quiet) as bars:
        begun = chosen.beginning(bars, None if quiet else say_note)
        outcome = augment_file(request, config, begun, others=given)
    if not quiet:
        _print_outcome(outcome)


def _asked(
    config: "Config", min_rows: int | None, model: str | None, server: str | None
) -> "Config":
    from dataclasses import replace

    from labelmend.configs.schema import ServerConfig
    from labelmend.errors import ConfigError

    augment = config.augment
    if min_rows is not None:
        augment = replace(augment, min_rows=min_rows)
    if model is not None:
        augment = replace(augment, model=model)
    if server is not None:
        known = augment.server
        place = ServerConfig(server) if known is None else replace(known, url=server, more_urls=())
        augment = replace(augment, server=place)
        if not augment.model:
            raise ConfigError("--server: name the model that it has with --model")
    return replace(config, augment=augment)


def _print_plan(planned: "AugmentPlan") -> None:
    plan = planned.plan
    has, lack = ("has", "lacks") if len(plan.wanted) == 1 else ("have", "lack")
    typer.echo(
        f"{_labels(len(plan.wanted))} {has} fewer than {plan.min_rows} texts and {lack} "
        f"{plan.texts:,}; {_labels(plan.enough)} {'has' if plan.enough == 1 else 'have'} enough"
    )
    typer.echo(
        f"{planned.writer} is asked at most {planned.questions:,} questions, of which "
        f"{planned.remembered:,} are answered already"
    )
    asked = f", then {planned.asks} is asked twice" if planned.asks else ""
    typer.echo(f"{planned.encoder} judges the drafts{asked}")
    for note in planned.notes:
        typer.echo(f"Note: {note}")


def _labels(count: int) -> str:
    return f"{count:,} label{'' if count == 1 else 's'}"


def _print_outcome(outcome: "AugmentOutcome") -> None:
    from labelmend.cli.terminal import harmless

    found = outcome.found
    by_source = [text.draft.source for text in found.accepted]
    typer.echo(
        f"{len(found.accepted):,} of {found.plan.texts:,} texts that "
        f"{_labels(len(found.plan.wanted))} lacked: {by_source.count('rewording'):,} rewordings, "
        f"{by_source.count('card'):,} from cards, of {found.drafts:,} drafts"
    )
    if found.rejected:
        told = ", ".join(f"{reason} {count:,}" for reason, count in found.rejected.items())
        typer.echo(f"Not let in: {told}")
    for line in _diversity(outcome):
        typer.echo(line)
    for note in outcome.notes:
        typer.echo(harmless(f"Note: {note}"))
    columns = outcome.columns
    typer.echo(
        harmless(f"table: {outcome.output} (columns {columns.source!r}, {columns.parent!r})")
    )
    typer.echo(harmless(f"record: {outcome.record}"))


def _diversity(outcome: "AugmentOutcome") -> list[str]:
    """Return how varied real and new texts are, in the mean over the labels that got some."""
    labels = [label for label in outcome.found.labels if label.accepted]
    found = []
    for which in ("real", "new"):
        parts = []
        for name in ("distinct_1", "distinct_2", "distance"):
            values = [getattr(label.diversity[which], name) for label in labels]
            known = [value for value in values if value is not None]
            if known:
                parts.append(f"{_WORDS[name]} {sum(known) / len(known):.2f}")
        texts = sum(label.diversity[which].texts for label in labels)
        if parts:
            found.append(
                f"{which.capitalize()} texts of these labels, {texts:,}: {', '.join(parts)}"
            )
    return found


_WORDS = {
    "distinct_1": "distinct words",
    "distinct_2": "distinct pairs of words",
    "distance": "mean distance",
}
