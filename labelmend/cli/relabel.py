"""`labelmend relabel`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import completion, engine_options, help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes, say_note
from labelmend.voice.speak import meant

if TYPE_CHECKING:
    from labelmend.configs.schema import Config
    from labelmend.data.request import TableRequest
    from labelmend.engines.choose import Engine
    from labelmend.workflows.profile import ChosenProfile


def relabel(
    table: options.Table,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The mended table; TABLE.mended.csv if not given. Of shards, a new folder.",
            readable=False,
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    oos_label: options.OosLabel = None,
    label_separator: options.LabelSeparator = None,
    label_columns: options.LabelColumns = None,
    missing_label: options.MissingLabels = None,
    merge_spellings: options.MergeSpellings = False,
    strict: options.Strict = False,
    encoding: options.Encoding = None,
    header: options.Header = True,
    vote_columns: Annotated[
        list[str] | None,
        typer.Option(
            "--vote-column",
            help="What another annotator or model said of each row: a source of evidence, of "
            "learned weight. May be given several times.",
            show_default=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ] = None,
    labels: options.Labels = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="What people said of rows, as `labelmend answers import` keeps it: their rows are "
            "settled, and the others learn from them.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ] = None,
    label_edits: Annotated[
        Path | None,
        typer.Option(
            "--label-edits",
            help="Labels that were renamed, merged, split or described on the review page: applied "
            "before anything else.",
            readable=False,
            show_default=False,
            rich_help_panel=help_page.EVIDENCE,
        ),
    ] = None,
    embedder: options.Embedder = None,
    profile: options.Profile = "embedded",
    settings: options.Settings = None,
    max_harm: Annotated[
        str | None,
        typer.Option(
            "--max-harm",
            help="Share of good labels that may be broken: 0.005 or 0.5%.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Mend known errors as well, and spend less of --max-harm if it isn't kept.",
            rich_help_panel=help_page.DECISIONS,
        ),
    ] = False,
    seed: options.Seed = None,
    executor: engine_options.Executor = "local",
    ray_address: engine_options.RayAddress = None,
    machines: engine_options.Machines = None,
    no_llm: options.NoLlm = False,
    voters: Annotated[
        list[str] | None,
        typer.Option(
            "--voter",
            metavar="[BALLOT:]GGUF",
            help="Let one more model vote, a GGUF file. Its ballot is chosen by its size, or set: "
            "choice:path.gguf, channel:path.gguf. May be given several times.",
            show_default=False,
            rich_help_panel=help_page.LLMS,
            autocompletion=completion.voters,
        ),
    ] = None,
    llm_budget: Annotated[
        str | None,
        typer.Option(
            "--llm-budget",
            help="How much the LLMs may do: rows besides the audit (500), time (20m, 2h) or all. "
            "The rows where a vote could change most come first.",
            show_default=False,
            rich_help_panel=help_page.LLMS,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Forget the votes of an earlier run.", rich_help_panel=help_page.LLMS
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be done and what it would cost.",
            rich_help_panel=help_page.OUTPUT,
        ),
    ] = False,
    excel_safe: options.ExcelSafe = False,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Find wrong labels, fix those that are certain, queue the doubtful ones for review.

    The table comes back with mended_label, decision, label_quality, confidence, candidates, votes
    and reason added to your own columns, which stay as they are. Where rows have several labels,
    it is asked of each label whether it holds: mended_labels, added and removed say what came out.
    """
    from labelmend.cli.summary import print_summary
    from labelmend.data.request import TableRequest
    from labelmend.data.shards.find import default_output
    from labelmend.errors import ConfigError
    from labelmend.relabel.run_models import asks_of_sets, with_voters
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.relabel import relabel_file
    from labelmend.workflows.relabel_sets import NOBODY_ASKED, refuse_for_sets, rows_have_several

    engine = engine_options.engine(executor, ray_address)
    counts = engine_options.machines(machines, executor, dry_run=dry_run)
    request = TableRequest(
        table,
        text_column,
        label_column,
        id_column,
        oos_label,
        encoding,
        tuple(dict.fromkeys(vote_columns or ())),
        options.label_rules(label_separator, missing_label, merge_spellings),
        strict,
        header=header,
        label_columns=tuple(label_columns or ()),
    )
    changes = [*options.overrides(settings, seed), *_harm(max_harm), *_budget(llm_budget)]
    config, chosen = options.chosen_config(profile, request, changes, embedder, quiet=quiet)
    if voters and no_llm:
        raise ConfigError("--voter adds an LLM and --no-llm asks none; leave one of them out")
    config = with_voters(config, voters or ())
    if rows_have_several(request, labels):
        refuse_for_sets(
            vote_column=vote_columns,
            label_edits=label_edits,
            oos_label=oos_label,
            self_test=self_test,
            machines=machines,
        )
        if llm_budget and not asks_of_sets(config):
            raise ConfigError(NOBODY_ASKED)
        how = {"dry_run": dry_run, "llm": not no_llm, "fresh": fresh, "excel": excel_safe}
        told = (labels, answers)
        _relabel_sets(request, output, config, chosen, engine, told, quiet=quiet, **how)
        return
    if dry_run:
        files = (labels, answers, label_edits)
        _plan(request, config, files, chosen, counts, llm=not no_llm, twice=self_test)
        return
    target = output or default_output(table, "mended")
    store = None if no_llm else OutputPaths.of(table, target).store
    with keeping_votes(store), ProgressBars(quiet=quiet) as bars:
        outcome = relabel_file(
            request,
            target,
            config,
            bars,
            labels_file=labels,
            answers_file=answers,
            edits_file=label_edits,
            use_llm=not no_llm,
            fresh=fresh,
            self_test=self_test,
            tell=None if quiet else say_note,
            others=options.given_profile(chosen.name),
            excel_safe=excel_safe,
            chosen=chosen.notes,
            engine=engine,
        )
    if not quiet:
        print_summary(outcome, verbose=verbose)


def _plan(
    request: "TableRequest",
    config: "Config",
    files: tuple[Path | None, Path | None, Path | None],
    chosen: "ChosenProfile",
    machines: list[int],
    *,
    llm: bool,
    twice: bool,
) -> None:
    """Print what a run would do and cost; the files are cards, answers and edits of labels."""
    from labelmend.cli.summary import print_plan
    from labelmend.workflows.plan import plan_file

    with keeping_votes(None):
        plan, models, notes = plan_file(
            request, config, *files, use_llm=llm, chosen=chosen.notes, machines=machines
        )
        print_plan(plan, models, (*notes, *([_TWICE] if twice else [])))


def _relabel_sets(
    request: "TableRequest",
    output: Path | None,
    config: "Config",
    chosen: "ChosenProfile",
    engine: "Engine",
    files: tuple[Path | None, Path | None],
    *,
    dry_run: bool,
    llm: bool,
    fresh: bool,
    excel: bool,
    quiet: bool,
) -> None:
    """Mend a table in which a row may have several labels; the files are cards and answers."""
    from labelmend.cli.sets_summary import print_sets_plan, print_sets_summary
    from labelmend.data.formats.find import beside
    from labelmend.relabel.run_models import asks_of_sets
    from labelmend.runs.layout import OutputPaths
    from labelmend.workflows.relabel_sets import plan_sets_file, relabel_sets_file

    if dry_run:
        with keeping_votes(None):
            print_sets_plan(plan_sets_file(request, config, *files, chosen.notes, use_llm=llm))
        return
    labels, answers = files
    target = output or beside(request.path, "mended")
    store = OutputPaths.beside(target).store if llm and asks_of_sets(config) else None
    with keeping_votes(store), ProgressBars(quiet=quiet) as bars:
        outcome = relabel_sets_file(
            request,
            target,
            config,
            bars,
            labels_file=labels,
            answers_file=answers,
            use_llm=llm,
            fresh=fresh,
            tell=None if quiet else say_note,
            others=options.given_profile(chosen.name),
            excel_safe=excel,
            chosen=chosen.notes,
            engine=engine,
        )
    if not quiet:
        print_sets_summary(outcome)


_TWICE = meant(
    "--self-test mends a second time without LLM, reranker and embedding: the times above do not "
    "count it"
)


def _harm(text: str | None) -> list[str]:
    """Return the override of `--max-harm`, given as a share or in per cent."""
    if text is None:
        return []
    from labelmend.errors import ConfigError

    number, per_cent = text.removesuffix("%"), text.endswith("%")
    try:
        share = float(number) / (100 if per_cent else 1)
    except ValueError:
        raise ConfigError(f"--max-harm {text}: give a share such as 0.005, or 0.5%") from None
    return [f"decision.max_harm={share!r}"]


_BUDGET = re.compile(
    r"(?P<all>all)|(?P<rows>\d{1,12})|(?P<time>\d{1,12}(\.\d+)?)(?P<unit>[smh])", re.ASCII
)
_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def _budget(text: str | None) -> list[str]:
    """Return the overrides of `--llm-budget`: rows, a time or all; the rest has no limit."""
    if text is None:
        return []
    from labelmend.errors import ConfigError

    found = _BUDGET.fullmatch(text.strip().casefold())
    if found is None:
        # A terminal's line of it: what is pasted may be thousands of digits.
        raise ConfigError(f"--llm-budget {text[:80]}: give rows (500), a time (20m, 2h) or all")
    rows = found["rows"] or "-1"
    minutes = float(found["time"]) * _MINUTES[found["unit"]] if found["time"] else 0.0
    if found["time"] and not minutes:
        raise ConfigError(f"--llm-budget {text}: no time at all; use --no-llm")
    limits = {"llm_rows": int(rows), "llm_share": 1.0, "llm_minutes": minutes}
    return [f"routing.{key}={value!r}" for key, value in limits.items()]
