"""What `labelmend monitor` found, in words."""

from collections.abc import Mapping

from labelmend.drift.intents import NewIntent
from labelmend.drift.measure import Drift, Question
from labelmend.drift.shares import ShareChange
from labelmend.voice.speak import meant, number, tell

QUESTIONS: Mapping[Question, str] = {
    "labels": meant("labels"),
    "out_of_scope": meant("out of scope"),
    "embeddings": meant("embeddings"),
    "new_intents": meant("new intents"),
}
"""How each question is called; to be told."""

SHOWN_LABELS = 10
"""That are told in the terminal; the page and the JSON have all."""


def headline(drift: Drift) -> str:
    """Return one sentence on what was found."""
    if not drift.found:
        return tell("No drift is shown")
    named = ", ".join(tell(QUESTIONS[name]) for name in drift.found)
    return tell("Drift: {questions}", questions=named)


def answers(drift: Drift) -> dict[Question, str]:
    """Return what was found of each question that was asked, in words."""
    found: dict[Question, str] = {}
    if drift.labels is not None:
        found["labels"] = tell(
            "G {g:.1f}, Jensen-Shannon distance {distance:.3f}; {changed:,} of {labels:,} "
            "{labels:one=label|other=labels} changed",
            g=drift.labels.statistic,
            distance=drift.labels.distance,
            changed=len(drift.changed_labels),
            labels=len(drift.labels.labels),
        )
    if drift.outside is not None:
        found["out_of_scope"] = before_and_now(drift.outside)
    if drift.embeddings is not None:
        one = drift.embeddings
        value = f"MMD² {number(one.value, '.4f')}"
        if one.test != "mmd":
            value = f"AUC {number(one.value, '.3f')}"
        found["embeddings"] = tell(
            "{value} of {now:,} {now:one=text|other=texts} against {before:,}",
            value=value,
            now=one.now,
            before=one.before,
        )
    found["new_intents"] = tell("{count:,} found", count=len(drift.intents))
    return found


def drift_lines(drift: Drift) -> tuple[str, ...]:
    """Return what was found, a line a question, a changed label or a new intent."""
    said = answers(drift)
    verdicts = {True: tell("drift"), False: tell("as before")}
    lines = [
        tell(
            "{question:words}: {verdict}, {p}; {answer}",
            question=QUESTIONS[name],
            verdict=verdicts[name in drift.found],
            p=p_value(p),
            answer=said[name],
        )
        for name, p in drift.adjusted.items()
    ]
    lines += [
        f"{one.name}: {before_and_now(one)}, {p_value(one.p_value)}"
        for one in drift.changed_labels[:SHOWN_LABELS]
    ]
    lines += [
        tell("New intent {name}: {words}", name=one.name, words=intent_in_words(one))
        for one in drift.intents
    ]
    return tuple(lines)


def before_and_now(one: ShareChange) -> str:
    """Return a share before and now."""
    return tell(
        "{share_before:.2%} ({before:,} of {before_of:,}) → "
        "{share_now:.2%} ({now:,} of {now_of:,})",
        share_before=one.share_before,
        before=one.before,
        before_of=one.before_of,
        share_now=one.share_now,
        now=one.now,
        now_of=one.now_of,
    )


def intent_in_words(one: NewIntent) -> str:
    """Return one sentence on a new intent."""
    shares = [
        f"{label or tell('(no label)')} {number(share, '.0%')}" for label, share in one.labels[:2]
    ]
    parts = [
        tell(
            "{texts:,} {texts:one=text|other=texts}, words: {words}",
            texts=len(one.rows),
            words=", ".join(one.words),
        )
    ]
    if shares:
        parts.append(tell("now labelled {labels}", labels=", ".join(shares)))
    tested = tell(
        "in the tested halves {now:,} of {now_of:,} against {before:,} of {before_of:,} of the "
        "reference, {p}",
        now=one.now,
        now_of=one.now_of,
        before=one.before,
        before_of=one.before_of,
        p=p_value(one.p_value),
    )
    return "; ".join([*parts, tested])


def p_value(value: float) -> str:
    """Return a p-value in words."""
    if value < _LEAST_P:
        return f"p < {number(_LEAST_P, '.3f')}"
    return f"p {number(value, '.3f')}"


_LEAST_P = 0.001
"""Below it no digits are shown: nobody decides by them."""
