"""`labelmend retrain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, say_error, say_note
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import meant, retell, tell

if TYPE_CHECKING:
    from labelmend.retrain.registry import Event
    from labelmend.retrain.step import Step
    from labelmend.tracking.mlflow_server import MlflowServer
    from labelmend.workflows.retrain import RetrainOutcome, Standing


_WORDS = (
    *(meant("promoted"), meant("not better"), meant("refused")),
    *(meant("rolled back"), meant("accepted"), meant("passed over")),
    *(meant("keep"), meant("change"), meant("review"), meant("answered")),
)
"""What records say in English, and is told in the language of whoever reads it."""


def retrain(
    project: Annotated[
        Path,
        typer.Argument(
            help="What is known, where new rows come from, and when a model takes over: a YAML "
            "file, see docs/retrain.md.",
            metavar="PROJECT",
            show_default=False,
            readable=False,
        ),
    ],
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            help="Take a step every so often, such as 15m, until Ctrl-C.",
            show_default=False,
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    promote_equal: Annotated[
        bool,
        typer.Option(
            "--promote-equal",
            help="Promote also a challenger of which neither is shown to be better.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = False,
    rollback: Annotated[
        bool,
        typer.Option(
            "--rollback",
            help="Put the champion before in its place again, and do nothing else.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Of --rollback: another version, such as v00004.",
            show_default=False,
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            help="Let the rows of a refused version count from the next step on, and do nothing "
            "else.",
            show_default=False,
            metavar="VERSION",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            help="Of --rollback and --accept: why, for the history.",
            show_default=False,
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = "",
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            help="Write all known rows as they came to this table, for a full mending, and do "
            "nothing else.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Show the versions and what became of them, and do nothing else.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Do all of a step, and leave the registry as it is.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    mlflow: options.Mlflow = None,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Take one step of champion and challenger.

    New rows are taken, mended with what is known, and a challenger is trained with them; it takes
    the champion's place if it is better on texts that no version has learned from. Rows that look
    poisoned are refused. A registry keeps every version, and `labelmend serve` answers with the
    champion of a registry from the moment at which it changes.
    """
    from labelmend.errors import ConfigError
    from labelmend.retrain.schedule import repeat, seconds_of
    from labelmend.workflows.retrain import accept_rows, export_known, roll_back, standing

    apart = {"--rollback": rollback, "--accept": accept is not None, "--show": show}
    apart["--export"] = export is not None
    both = [name for name, is_told in {**apart, "--every": every is not None}.items() if is_told]
    if len(both) > 1:
        raise ConfigError(f"{' and '.join(both)} are told together; give one of them")
    if to is not None and not rollback:
        raise ConfigError("--to goes with --rollback; give both, or leave it out")
    if rollback:
        _say_event(roll_back(project, to, reason), quiet=quiet)
    elif accept is not None:
        _say_event(accept_rows(project, accept, reason), quiet=quiet)
    elif export is not None:
        count = export_known(project, export)
        if not quiet:
            told = tell(
                "{count:,} {count:one=row|other=rows} in {path}; mend it, and name the mended "
                "table as base",
                count=count,
                path=harmless(str(export)),
            )
            typer.echo(told)
    elif show:
        _print_standing(standing(project))
    else:
        server = options.mlflow_server(None if dry_run else mlflow)
        if server is not None:
            from labelmend.workflows.track import check_retraining

            check_retraining(project)
        turns = _Turns(project, server, promote_equal=promote_equal, dry_run=dry_run, quiet=quiet)
        if every is None:
            turns.take()
        else:
            repeat(seconds_of(every), turns.take, turns.skipped)


class _Turns:
    """Steps in a loop: what goes wrong in the first ends it, later it may be mended meanwhile."""

    def __init__(
        self,
        project: Path,
        server: "MlflowServer | None",
        *,
        promote_equal: bool,
        dry_run: bool,
        quiet: bool,
    ) -> None:
        self._project = project
        self._server = server
        self._equal = promote_equal
        self._dry = dry_run
        self._quiet = quiet
        self._taken = 0

    def take(self) -> None:
        """Take one step."""
        from labelmend.errors import LabelmendError

        try:
            self._take()
        except LabelmendError as error:
            if not self._taken:
                raise
            say_error(str(error))
        self._taken += 1

    def _take(self) -> None:
        from labelmend.workflows.retrain import retrain_project

        with ProgressBars(quiet=self._quiet) as bars:
            outcome = retrain_project(
                self._project, bars, promote_equal=self._equal, dry_run=self._dry
            )
        if not self._quiet:
            _print_outcome(outcome, dry_run=self._dry)
        if self._server is not None:
            from labelmend.workflows.track import log_retraining

            for line in log_retraining(self._server, outcome):
                say_note(retell(line))

    def skipped(self) -> None:
        """Say that a step was due while the one before was at work."""
        say_note(tell("the step before is still at work; this one is skipped"))


def _print_outcome(outcome: "RetrainOutcome", *, dry_run: bool) -> None:
    for step in outcome.steps:
        _print_step(step)
    for line in outcome.notes:
        typer.echo(tell("Note: {note:name}", note=harmless(retell(line))))
    if dry_run:
        typer.echo(tell("dry run: the registry is as it was"))
    elif outcome.champion is not None:
        told = tell(
            "champion: {version} in {registry}",
            version=outcome.champion,
            registry=harmless(str(outcome.registry)),
        )
        typer.echo(told)


def _print_step(step: "Step") -> None:
    version = step.version
    if version is None:
        return
    reasons = step.event.reasons if step.event is not None else version.reasons
    for reason in reasons:
        typer.echo(
            tell(
                "{version}: {status:words}: {reason:name}",
                version=version.id,
                status=step.status,
                reason=harmless(retell(reason)),
            )
        )
    decided = version.more.get("decisions") or {}
    if decided:
        told = tell(
            "{count:,} new {count:one=row|other=rows}: {decisions}",
            count=version.new_rows,
            decisions=", ".join(f"{count:,} {retell(name)}" for name, count in decided.items()),
        )
        typer.echo(told)


def _say_event(event: "Event", *, quiet: bool) -> None:
    if quiet:
        return
    if event.event == "accepted":
        told = tell("the rows of {version} count from the next step on", version=event.version)
    else:
        told = tell("the champion is {version} again", version=event.version)
    typer.echo(told)


def _print_standing(standing: "Standing") -> None:
    for version in standing.versions:
        accuracy, micro = (version.metrics.get(name) for name in ("accuracy", "micro-F1"))
        told = tell(
            "{mark} {version}  {at}  {kind}  {status:words}  {rows:,} "
            "{rows:one=row|other=rows}, {new:,} new",
            mark="*" if version.id == standing.champion else " ",
            version=version.id,
            at=version.at,
            kind=version.kind,
            status=version.verdict,
            rows=version.rows,
            new=version.new_rows,
        )
        if accuracy is not None:
            told += tell("; held-out accuracy {accuracy:.2%}", accuracy=accuracy)
        if micro is not None:
            told += tell("; held-out micro-F1 {micro:.2%}", micro=micro)
        typer.echo(told)
        for reason in version.reasons:
            typer.echo(f"    {harmless(retell(reason))}")
    for event in standing.history:
        if event.event in {"rolled back", "accepted"}:
            typer.echo(
                tell(
                    "  {at}: {event:words} {version}{reason:name}",
                    at=event.at,
                    event=event.event,
                    version=event.version,
                    reason=f" ({harmless(', '.join(event.reasons))})" if event.reasons else "",
                )
            )
