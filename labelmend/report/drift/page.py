"""What `labelmend monitor` found, as an HTML page that loads nothing."""

from importlib import resources

from labelmend.drift.measure import Drift
from labelmend.drift.observed import Observed
from labelmend.report.drawing import Numbers
from labelmend.report.drift.words import QUESTIONS, answers, headline, intent_in_words
from labelmend.report.html import template_of
from labelmend.version import __version__
from labelmend.voice.speak import number, spoken, tell

_SHOWN_EXAMPLES = 5
"""Of a new intent on the page; the queue has more."""


def drift_page(drift: Drift, log: Observed, reference: str) -> str:
    """Return the page.

    Args:
        drift: what was found.
        log: that it was found in.
        reference: name of what it was held against.
    """
    style = resources.files("labelmend.report").joinpath("page.css").read_text("utf-8")
    facts = [
        (number(drift.now, ","), tell("texts of the log")),
        (number(drift.before, ","), tell("of the reference")),
    ]
    if drift.intents:
        facts.append((number(len(drift.intents), ","), tell("new intents")))
    return template_of("drift/page.html.jinja").render(
        language=spoken(),
        version=__version__,
        log=log.path.name,
        reference=reference,
        style=style,
        headline=headline(drift),
        facts=facts,
        questions=_questions(drift),
        level=tell(
            "Of logs without any drift {level:.0%} at most are said to drift, all questions "
            "together (Holm's correction).",
            level=drift.level,
        ),
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
        (
            *(tell(QUESTIONS[name]), said[name], number(p, ".3f")),
            tell("drift") if name in drift.found else "",
        )
        for name, p in drift.adjusted.items()
    )
    return Numbers(tell("What was asked, and what came out"), ("", tell("found"), "p", ""), rows)


def _labels(drift: Drift) -> Numbers | None:
    if drift.labels is None:
        return None
    rows = tuple(
        (
            one.name,
            number(one.share_before, ".2%"),
            number(one.share_now, ".2%"),
            number(one.p_value, ".3f"),
            tell("share changed") if one.p_value < drift.level else "",
        )
        for one in drift.labels.labels
    )
    return Numbers(
        tell("Shares of labels; p after Holm's correction over them"),
        (tell("label"), tell("reference"), tell("log"), "p", ""),
        rows,
    )
