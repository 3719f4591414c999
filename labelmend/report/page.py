"""The report as one HTML file that loads nothing."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from labelmend.evaluation.baseline import TrainingRun, by_condition
from labelmend.evaluation.comparison import BEFORE, GOLD, Comparison
from labelmend.extras import require
from labelmend.relabel.diagnostics.explanation import Explanation
from labelmend.report.certificate import certificate_numbers, people_numbers
from labelmend.report.classifier_plots import (
    change_plot,
    label_plot,
    reliability_plot,
    trade_off_plot,
)
from labelmend.report.comparison import FIGURES, how_tested, mean_figure, shown, verdicts
from labelmend.report.drawing import Numbers, Plot
from labelmend.report.mending import ChangeAccuracy, Mending, ShownRow
from labelmend.report.mending_plots import confused_plot, decisions_plot, flow_plot
from labelmend.report.picture_plots import map_plot, matrix_plot
from labelmend.types import Share
from labelmend.version import __version__

SECTIONS = (
    ("changes", "What was changed"),
    ("right", "Were the changes right?"),
    ("classifier", "Did the classifier get better?"),
    ("changed-rows", "Changed rows"),
    ("review-rows", "Rows for review"),
    ("made", "How this was made"),
)

GLOSSARY = (
    ("accuracy", "test rows that get their true label; one that is called out of scope gets that"),
    ("accuracy, no flag", "the same with the most probable label, whatever the bar says"),
    ("macro-F1", "mean over the labels of F1, in which small labels count as much as large ones"),
    ("weighted F1", "the same mean, each label counting by its rows"),
    ("ROC AUC", "how well probabilities put a label's own texts before others; 50 is by chance"),
    ("in-scope accuracy", "of the texts that fit a label, those that get it and aren't flagged"),
    ("oos recall", "of the texts that fit no label (oos: out of scope), those that are flagged"),
    ("oos precision", "of the flagged texts, those that do fit no label"),
    ("oos AUROC", "how well the out-of-scope score puts such texts first; 50 is by chance"),
    (
        "log loss",
        "mean of -log of the true label's probability, whatever the bar says; lower is better",
    ),
    (
        "ECE",
        "expected calibration error: how far the probability of the most probable label, whatever "
        "the bar says, is from the share that is right; lower is better",
    ),
)

_NEIGHBOURS = 5
"""Shown of a row; more is nothing that a person reads."""

_NOTHING = 0.05
"""Nats that are next to nothing: they would be shown as 0.0 or 0.1."""

_CAUSES = {"out-of-scope bias": "leaning towards out-of-scope", "channel": "the given label itself"}


@dataclass(frozen=True)
class _Fact:
    figure: str
    words: str


@dataclass(frozen=True)
class _Near:
    text: str
    labels: str
    similarity: str


@dataclass(frozen=True)
class _Row:
    number: str
    given: str
    becomes: str
    text: str
    truth: str | None
    verdict: str
    reason: str
    candidates: str
    speaks: str
    neighbours: tuple[_Near, ...]


@dataclass(frozen=True)
class _Kind:
    name: str
    figures: Numbers
    plots: tuple[Plot, ...]
    without: str


def html_page(comparison: Comparison, mending: Mending | str) -> str:
    """Return the report.

    Args:
        comparison: of the classifiers.
        mending: what was changed; or why that can't be said.
    """
    from jinja2 import Environment, StrictUndefined

    require("plotly")
    from plotly.offline import get_plotlyjs

    files = resources.files("labelmend.report")
    source, style, script = (
        files.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("html.jinja", "css", "js")
    )
    plotly = _one_kind_of_line_end(get_plotlyjs())
    script = _one_kind_of_line_end(script)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    kinds = [_kind(o.kind, by_condition(comparison.runs, o.kind)) for o in comparison.outcomes]
    known = None if isinstance(mending, str) else mending
    plots = _mending_plots(known)
    change = change_plot(comparison.outcomes)
    drawn = [*plots, change, *(plot for kind in kinds for plot in kind.plots)]
    changed_rows = () if known is None else known.changed_rows
    review_rows = () if known is None else known.review_rows
    return environment.from_string(source).render(
        version=__version__,
        name=Path(str(comparison.record["input"][BEFORE]["path"])).name,
        # Nothing else may run, whatever a text of the table may hold.
        script_hashes=" ".join(_csp_hash(part) for part in (plotly, script)),
        style=style,
        plotly=plotly,
        script=script,
        figures={plot.key: plot.figure for plot in drawn},
        headline=_headline(comparison),
        facts=_facts(comparison, known),
        sections=SECTIONS,
        missing=[mending] if isinstance(mending, str) else [*mending.missing],
        mending_words=_mending_words(known),
        mending_plots=plots,
        accuracy_words=_accuracy_words(known),
        accuracy=accuracy_numbers(known.accuracy) if known and known.accuracy else None,
        certificate=certificate_numbers(known.certificate) if known and known.certificate else None,
        people=people_numbers(known.certificate) if known and known.certificate else None,
        verdicts=verdicts(comparison),
        how_tested=how_tested(comparison),
        comparison_notes=comparison.notes,
        change=change,
        kinds=kinds,
        glossary=GLOSSARY,
        changed_title=f"{len(changed_rows)} changed rows" if changed_rows else "Changed rows",
        changed_words=_changed_words(known),
        changed_rows=[_row(row) for row in changed_rows],
        review_title=f"{len(review_rows)} rows for review" if review_rows else "Rows for review",
        review_words=_review_words(known),
        review_rows=[_row(row) for row in review_rows],
        made=_made(comparison, known),
        run_notes=known.run.notes if known is not None and known.run is not None else (),
        configs=_configs(comparison, known),
    )


def accuracy_numbers(found: ChangeAccuracy) -> Numbers:
    """Return how right the changes were, as a table."""
    shares: Sequence[tuple[str, Share | None]] = (
        ("given labels that are right", found.before),
        ("mended labels that are right", found.after),
        ("precision: changed rows that are right now", found.precision),
        ("recall: wrong labels that are right now", found.recall),
        ("wrong labels that were changed or are for review", found.found),
        ("right labels that were broken", found.broken),
        ("rows for review whose label is wrong", found.review),
    )
    return Numbers(
        f"Held against the true labels of {found.rows:,} rows",
        ("", "rows", "of", "per cent", "95 % interval"),
        tuple(
            (
                words,
                f"{s.count:,}",
                f"{s.total:,}",
                f"{100 * s.rate:.2f}" if s.total else "",
                f"{100 * s.low:.2f} to {100 * s.high:.2f}" if s.total else "",
            )
            for words, s in shares
            if s is not None
        ),
    )


def mending_in_words(mending: Mending) -> str:
    """Return one sentence on what was changed."""
    parts = [f"{mending.changed:,} changed"]
    parts += [f"{mending.filled:,} labelled from scratch"] if mending.filled else []
    parts += [f"{mending.review:,} for review"] if mending.review is not None else []
    noise = mending.estimated_noise
    said = "" if noise is None else f"; estimated noise {noise:.1%} of the given labels"
    open_ = None if mending.run is None else mending.run.noise.interval
    if open_ is not None:
        said += f", between {open_.low:.1%} and {open_.high:.1%}"
    return f"Of {mending.rows:,} rows, {', '.join(parts)}, {mending.kept:,} kept{said}."


def _headline(comparison: Comparison) -> str:
    verdict = str(comparison.record["verdict"])
    if verdict == "no difference shown":
        return "No difference is shown between classifiers on the given and on the mended labels"
    if verdict in {"better", "worse"}:
        return f"Classifiers trained on the mended labels are {verdict}"
    return f"Classifiers trained on the mended labels: {verdict}"


def _facts(comparison: Comparison, mending: Mending | None) -> list[_Fact]:
    facts = []
    if mending is not None:
        facts.append(_Fact(f"{mending.changed:,}", f"of {mending.rows:,} labels changed"))
        if mending.review is not None:
            facts.append(_Fact(f"{mending.review:,}", "rows for review"))
        if mending.estimated_noise is not None:
            facts.append(_Fact(f"{mending.estimated_noise:.1%}", "estimated noise as given"))
        right = mending.accuracy
        if right is not None:
            words = "right labels, before and after"
            facts.append(_Fact(f"{right.before.rate:.1%} → {right.after.rate:.1%}", words))
    for outcome in comparison.outcomes:
        accuracy = outcome.differences[0]
        facts.append(
            _Fact(
                f"{accuracy.before:.1%} → {accuracy.after:.1%}",
                f"test accuracy of {outcome.kind}, as given and mended",
            )
        )
    return facts


def _mending_words(mending: Mending | None) -> list[str]:
    if mending is None:
        return []
    lines = [mending_in_words(mending)]
    run = mending.run
    if run is not None:
        interval = run.noise.interval
        lines += [] if interval is None else [f"{interval.words}."]
        lines.append(run.channel_in_words)
        lines.append(
            f"Of {run.harm.expected_good:,.0f} good labels, {run.harm.expected_broken:.1f} are "
            f"expected to have been broken; the harm budget is {run.harm.budget:.2%} of them."
        )
        lines += [run.self_test.verdict] if run.self_test is not None else []
    return lines


def _mending_plots(mending: Mending | None) -> list[Plot]:
    if mending is None:
        return []
    plots = [decisions_plot(mending)]
    plots += [flow_plot(mending.flows)] if mending.flows else []
    run = mending.run
    confused = () if run is None else run.noise.confused_pairs
    plots += [confused_plot(confused)] if confused else []
    index = mending.index
    drawn = () if index is None else (matrix_plot(index), map_plot(index))
    return [*plots, *(plot for plot in drawn if plot is not None)]


def _accuracy_words(mending: Mending | None) -> str:
    if mending is None or mending.accuracy is None:
        return (
            "That isn't known here: no column with true labels was given (--gold-column). Read the "
            "changed rows below, which are drawn by chance: how many of them you find right is "
            "about how many of all changes are."
        )
    return (
        "Each row's labels, held against its true one. Intervals are Wilson's; they take the rows "
        "for a sample of many like them."
    )


def _changed_words(mending: Mending | None) -> str:
    if mending is None or not mending.changed:
        return "None." if mending is not None else "Not known."
    if mending.changed == len(mending.changed_rows):
        return "All that there are."
    return f"Drawn by chance from all {mending.changed:,}, so that they stand for them."


def _review_words(mending: Mending | None) -> str:
    if mending is None or mending.review is None:
        return "Not known: see above for what is missing."
    if not mending.review:
        return "None."
    if mending.run is None:
        return f"The first of {mending.review:,}, in the table's order."
    if mending.review == len(mending.review_rows):
        return "All that there are; first those where a look gains most."
    return f"Of {mending.review:,}, those where a look gains most."


def _row(row: ShownRow) -> _Row:
    explanation = row.explanation
    changed = row.mended != row.given
    becomes = row.mended
    if not changed:
        becomes = explanation.proposed if explanation is not None else "?"
        if becomes == row.given and explanation is not None:
            becomes = next((c.label for c in explanation.candidates if c.label != row.given), "?")
    verdict = ""
    if row.truth is not None and changed:
        verdict = " (changed rightly)" if row.truth == row.mended else " (changed wrongly)"
        if row.truth not in {row.given, row.mended}:
            verdict = " (neither)"
    return _Row(
        number=f"{row.row:,}",
        given=row.given or "(no label)",
        becomes=becomes or "(no label)",
        text=row.text,
        truth=row.truth,
        verdict=verdict,
        reason=row.reason,
        candidates=row.candidates,
        speaks="" if explanation is None else _speaks(explanation),
        neighbours=()
        if explanation is None
        else tuple(
            _Near(near.text, ", ".join(near.labels) or "(no label)", f"{near.similarity:.2f}")
            for near in explanation.neighbours[:_NEIGHBOURS]
        ),
    )


def _speaks(explanation: Explanation) -> str:
    """Return what each source says for the best label against its rival."""
    if not any(c.by_source for c in explanation.candidates):
        return ""
    winner, rival = explanation.duel
    nats = winner.against(rival)
    loud = sorted(
        ((source, value) for source, value in nats.items() if abs(value) >= _NOTHING),
        key=lambda pair: (-abs(pair[1]), pair[0]),
    )
    said = ", ".join(f"{_CAUSES.get(source, source)} {value:+.1f}" for source, value in loud)
    return (
        f"For {winner.label} against {rival.label}, in nats (+0.7 doubles the odds): "
        f"{said or 'nothing'}; in all {winner.total - rival.total:+.1f}."
    )


def _kind(name: str, conditions: Mapping[str, Sequence[TrainingRun]]) -> _Kind:
    lines = []
    for figure, measure, per_cent in FIGURES:
        values = [mean_figure(runs, measure) for runs in conditions.values()]
        if any(value is not None for value in values):
            lines.append((figure, *(shown(value, per_cent=per_cent) for value in values)))
    trade_off = trade_off_plot(name, conditions)
    plots = [label_plot(name, conditions), reliability_plot(name, conditions)]
    plots += [trade_off] if trade_off is not None else []
    return _Kind(
        name,
        Numbers(
            f"{name}, by the labels that it was trained on"
            f"{' (gold: the true ones, as a bound)' if GOLD in conditions else ''}; "
            "in per cent, but log loss and ECE",
            ("figure", *conditions),
            tuple(lines),
        ),
        tuple(plots),
        ""
        if trade_off is not None
        else "There is no out-of-scope text among the test rows, so nothing can be said of what "
        "finding such texts costs.",
    )


def _made(comparison: Comparison, mending: Mending | None) -> list[Numbers]:
    """Return the tables that it takes to do it again."""
    record = comparison.record
    files = [
        (str(source["path"]), role, str(source["sha256"]))
        for role, source in record["input"].items()
    ]
    models = {
        (str(m["name"]), "this comparison", str(m["source"]), str(m["sha256"]))
        for m in record["models"]
    }
    run = mending.run if mending is not None else None
    if run is not None:
        files.append((run.input.path, "mended by relabel", run.input.sha256))
        used = run.models.items()
        models |= {(m.name, f"relabel: {role}", m.source, m.sha256) for role, m in used}
    made = [
        Numbers("Tables", ("file", "as", "sha256"), tuple(files), words=True),
        Numbers("Models", ("model", "used by", "from", "sha256"), _merged(models), words=True),
    ]
    settings = [
        ("labelmend", __version__, "" if run is None else run.labelmend),
        (
            "seeds",
            ", ".join(map(str, record["seeds"])),
            "" if run is None else str(run.seed),
        ),
    ]
    theirs: Mapping[str, str] = {} if run is None else run.versions
    settings += [
        (name, str(record["versions"].get(name, "")), theirs.get(name, ""))
        for name in sorted({*record["versions"], *theirs})
    ]
    made.append(Numbers("Versions and seeds", ("", "this comparison", "relabel"), tuple(settings)))
    if run is not None and run.sources:
        made.append(
            Numbers(
                "What relabel listened to",
                ("source of evidence", "weight", "rows moved"),
                tuple((n, f"{s.weight:.2f}", f"{s.moved:,}") for n, s in run.sources.items()),
            )
        )
    return made


def _merged(models: Set[tuple[str, str, str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the models, one line for all uses of one."""
    uses: dict[tuple[str, str, str], list[str]] = {}
    for name, use, source, digest in sorted(models):
        uses.setdefault((name, source, digest), []).append(use)
    return tuple((n, "; ".join(use), s, d) for (n, s, d), use in uses.items())


def _configs(comparison: Comparison, mending: Mending | None) -> list[tuple[str, str]]:
    run = mending.run if mending is not None else None
    configs: list[tuple[str, Any]] = [
        ("All settings of this comparison", comparison.record["config"])
    ]
    configs += [("All settings of relabel", dict(run.config))] if run is not None else []
    return [(title, json.dumps(config, indent=2, ensure_ascii=False)) for title, config in configs]


def _one_kind_of_line_end(text: str) -> str:
    # A browser reads \r\n as \n, and hashes what it read.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _csp_hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
