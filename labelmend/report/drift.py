"""What `labelmend monitor` found, in words and as an HTML page that loads nothing."""

from collections.abc import Mapping
from importlib import resources

from labelmend.drift.intents import NewIntent
from labelmend.drift.measure import Drift, Question
from labelmend.drift.observed import Observed
from labelmend.drift.shares import ShareChange
from labelmend.report.drawing import Numbers
from labelmend.version import __version__

QUESTIONS: Mapping[Question, str] = {
    "labels": "labels",
    "out_of_scope": "out of scope",
    "embeddings": "embeddings",
    "new_intents": "new intents",
}
"""How each question is called."""

SHOWN_LABELS = 10
"""That are told in the terminal; the page and the JSON have all."""

_SHOWN_EXAMPLES = 5
"""Of a new intent on the page; the queue has more."""


def headline(drift: Drift) -> str:
    """Return one sentence on what was found."""
    if not drift.found:
        return "No drift is shown"
    named = ", ".join(QUESTIONS[name] for name in drift.found)
    return f"Drift: {named}"


def answers(drift: Drift) -> dict[Question, str]:
    """Return what was found of each question that was asked, in words."""
    found: dict[Question, str] = {}
    if drift.labels is not None:
        found["labels"] = (
            f"G {drift.labels.statistic:.1f}, Jensen-Shannon distance "
            f"{drift.labels.distance:.3f}; {len(drift.changed_labels)} of "
            f"{len(drift.labels.labels)} labels changed"
        )
    if drift.outside is not None:
        found["out_of_scope"] = before_and_now(drift.outside)
    if drift.embeddings is not None:
        one = drift.embeddings
        value = f"MMD² {one.value:.4f}" if one.test == "mmd" else f"AUC {one.value:.3f}"
        found["embeddings"] = f"{value} of {one.now:,} texts against {one.before:,}"
    found["new_intents"] = f"{len(drift.intents)} found"
    return found


def before_and_now(one: ShareChange) -> str:
    """Return a share before and now."""
    return (
        f"{one.share_before:.2%} ({one.before:,} of {one.before_of:,}) → "
        f"{one.share_now:.2%} ({one.now:,} of {one.now_of:,})"
    )


def intent_in_words(one: NewIntent) -> str:
    """Return one sentence on a new intent."""
    said = ", ".join(f"{label or '(no label)'} {share:.0%}" for label, share in one.labels[:2])
    now = f"; now labelled {said}" if said else ""
    return (
        f"{len(one.rows):,} texts, words: {', '.join(one.words)}{now}; in the tested halves "
        f"{one.now:,} of {one.now_of:,} against {one.before:,} of {one.before_of:,} of the "
        f"reference, {p_value(one.p_value)}"
    )


def p_value(value: float) -> str:
    """Return a p-value in words."""
    return f"p {value:.3f}" if value >= _LEAST_P else f"p < {_LEAST_P:g}"


_LEAST_P = 0.001
"""Below it no digits are shown: nobody decides by them."""


def drift_page(drift: Drift, log: Observed, reference: str) -> str:
    """Return the page.

    Args:
        drift: what was found.
        log: that it was found in.
        reference: name of what it was held against.
    """
    from jinja2 import Environment, StrictUndefined

    files = resources.files("labelmend.report")
    source, style = (
        files.joinpath(name).read_text("utf-8") for name in ("drift.html.jinja", "page.css")
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    facts = [(f"{drift.now:,}", "texts of the log"), (f"{drift.before:,}", "of the reference")]
    if drift.intents:
        facts.append((f"{len(drift.intents)}", "new intents"))
    return environment.from_string(source).render(
        version=__version__,
        log=log.path.name,
        reference=reference,
        style=style,
        headline=headline(drift),
        facts=facts,
        questions=_questions(drift),
        level=f"Of logs without any drift {drift.level:.0%} at most are said to drift, all "
        "questions together (Holm's correction).",
        intents=[
            {
                "name": one.name,
                "words": intent_in_words(one),
                "examples": [log.texts[row] for row in one.examples.tolist()[:_SHOWN_EXAMPLES]],
            }
            for one in drift.intents
        ],
        labels=_labels(drift),
    )


def _questions(drift: Drift) -> Numbers:
    said = answers(drift)
    rows = tuple(
        (QUESTIONS[name], said[name], f"{p:.3f}", "drift" if name in drift.found else "")
        for name, p in drift.adjusted.items()
    )
    return Numbers("What was asked, and what came out", ("", "found", "p", ""), rows)


def _labels(drift: Drift) -> Numbers | None:
    if drift.labels is None:
        return None
    rows = tuple(
        (
            one.name,
            f"{one.share_before:.2%}",
            f"{one.share_now:.2%}",
            f"{one.p_value:.3f}",
            "changed" if one.p_value < drift.level else "",
        )
        for one in drift.labels.labels
    )
    return Numbers(
        "Shares of labels; p after Holm's correction over them",
        ("label", "reference", "log", "p", ""),
        rows,
    )
