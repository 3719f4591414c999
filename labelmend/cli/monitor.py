"""`labelmend monitor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes

if TYPE_CHECKING:
    from labelmend.workflows.monitor import MonitorOutcome

DRIFTED = 3
"""The exit code where `--fail-on` finds what it names."""


def monitor(
    log: Annotated[
        Path,
        typer.Argument(
            help="Texts of today: a table, with labels where it has them, as `predict` writes it; "
            "or the log of a served model.",
            readable=False,
            show_default=False,
        ),
    ],
    reference: Annotated[
        Path,
        typer.Option(
            "--reference",
            help="What was before: the training table, a table of predictions on earlier texts, or "
            "the model's folder.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="Folder of the classifier: texts are read by its encoders, and a log without "
            "labels gets its own. Without it, by those of --profile.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            help="Of the log; predicted_label or mended_label if not given, else found by name.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    reference_text_column: Annotated[
        str | None,
        typer.Option(
            "--reference-text-column",
            help="Of the reference; --text-column if not given.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    reference_label_column: Annotated[
        str | None,
        typer.Option(
            "--reference-label-column",
            help="Of the reference; --label-column if not given.",
            show_default=False,
            rich_help_panel=help_page.INPUT,
        ),
    ] = None,
    oos_label: options.OosLabel = None,
    encoding: options.Encoding = None,
    header: options.Header = True,
    level: Annotated[
        float,
        typer.Option(
            "--level",
            help="Share of logs without drift that may be said to drift.",
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = 0.05,
    test: Annotated[
        Literal["mmd", "classifier"],
        typer.Option(
            "--test",
            help="Of embeddings: maximum mean discrepancy with permutations, or a classifier that "
            "tells the two apart.",
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = "mmd",
    rows: Annotated[
        int,
        typer.Option(
            "--rows",
            min=4,
            help="Texts of each side whose embeddings are compared.",
            rich_help_panel=help_page.COMPARISON,
        ),
    ] = 1000,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    seed: options.Seed = None,
    queue: Annotated[
        Path | None,
        typer.Option(
            "--queue",
            help="Write the examples of new intents there (CSV), for `labelmend review`.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="Write what was found as a page.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print all of it as JSON.", rich_help_panel=help_page.OUTPUT),
    ] = False,
    fail_on: Annotated[
        Literal["never", "drift", "new-intent"],
        typer.Option(
            "--fail-on",
            help="End with code 3 where there is any drift, or a new intent.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = "never",
    trust_key: options.TrustKey = None,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Say whether what a model is asked has drifted from what it was trained on.

    Shares of labels and of what fits no label, the texts themselves, and groups of doubtful texts
    that make a new intent. Nothing is changed.
    """
    import json

    from labelmend.configs.load import load_config
    from labelmend.data.request import TableRequest
    from labelmend.drift.measure import DriftSettings
    from labelmend.workflows.monitor import MonitorRequest, monitor_log

    config = load_config(profile, options.overrides(settings, seed))
    request = MonitorRequest(
        log=TableRequest(
            log,
            text_column,
            label_column,
            oos_label=oos_label,
            encoding=encoding,
            header=header,
        ),
        reference=TableRequest(
            reference,
            reference_text_column or text_column,
            reference_label_column or label_column,
            oos_label=oos_label,
            encoding=encoding,
            header=header,
        ),
        model=model,
        settings=DriftSettings(level=level, test=test, most_rows=rows, seed=config.seed),
        queue=queue,
        page=html,
        trust_key=trust_key,
    )
    with keeping_votes(None), ProgressBars(quiet=quiet or as_json) as bars:
        outcome = monitor_log(request, config, bars)
    if as_json:
        typer.echo(json.dumps(outcome.drift.to_json(), indent=2, ensure_ascii=False))
    elif not quiet:
        _print(outcome)
    drift = outcome.drift
    if (fail_on == "drift" and drift.found) or (fail_on == "new-intent" and drift.intents):
        raise typer.Exit(DRIFTED)


def _print(outcome: "MonitorOutcome") -> None:
    from labelmend.cli.terminal import harmless
    from labelmend.report.drift.words import (
        QUESTIONS,
        SHOWN_LABELS,
        answers,
        before_and_now,
        headline,
        intent_in_words,
        p_value,
    )
    from labelmend.voice.speak import retell, tell

    def say(line: str) -> None:
        typer.echo(harmless(line))

    drift = outcome.drift
    told = tell(
        "{now:,} {now:one=text|other=texts} of the log against {before:,} of the reference",
        now=drift.now,
        before=drift.before,
    )
    say(told)
    said = answers(drift)
    names = {name: tell(QUESTIONS[name]) for name in drift.adjusted}
    verdicts = {True: tell("drift"), False: tell("as before")}
    wide, broad = (max(map(len, words.values())) for words in (names, verdicts))
    for name, p in drift.adjusted.items():
        verdict = verdicts[name in drift.found]
        say(f"  {names[name]:<{wide}}  {verdict:<{broad}}  {p_value(p)}; {said[name]}")
    changed = drift.changed_labels
    for one in changed[:SHOWN_LABELS]:
        say(f"  {one.name}: {before_and_now(one)}, {p_value(one.p_value)}")
    if len(changed) > SHOWN_LABELS:
        more = len(changed) - SHOWN_LABELS
        say(tell("  and {more:,} more {more:one=label|other=labels}; --json has all", more=more))
    for intent in drift.intents:
        words = intent_in_words(intent)
        say(tell("New intent {name}: {words}", name=intent.name, words=words))
    for line in outcome.notes:
        say(tell("Note: {note:name}", note=retell(line)))
    told = tell(
        "{headline} (at {level:.0%}, all questions together)",
        headline=headline(drift),
        level=drift.level,
    )
    say(told)
    if outcome.page is not None:
        say(tell("page: {path}", path=outcome.page))
    if outcome.queue is not None:
        say(tell("queue: {path}; labelmend review {path}", path=outcome.queue))
