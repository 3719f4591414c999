"""Certificates and forecasts in words."""

from collections.abc import Iterator, Mapping

from labelmend.audit.agreement import Agreement, Person
from labelmend.audit.certificate import FURTHER, Certificate
from labelmend.audit.figures import (
    BROKEN,
    NAMES,
    PRECISION,
    WRONG_AFTER,
    WRONG_BEFORE,
    Figure,
)
from labelmend.audit.sets.figures import (
    ADDED_FALSE,
    FALSE_AFTER,
    FALSE_BEFORE,
    MISSING_AFTER,
    MISSING_BEFORE,
    REMOVED_HOLDING,
    RIGHT_AFTER,
    RIGHT_BEFORE,
    SET_NAMES,
)
from labelmend.voice.speak import meant, tell

TITLES: Mapping[str, str] = {
    WRONG_BEFORE: meant("wrong labels before"),
    WRONG_AFTER: meant("wrong labels after"),
    BROKEN: meant("good labels broken"),
    PRECISION: meant("changes that are right"),
    MISSING_BEFORE: meant("missing labels before"),
    MISSING_AFTER: meant("missing labels now"),
    FALSE_BEFORE: meant("false labels before"),
    FALSE_AFTER: meant("false labels now"),
    REMOVED_HOLDING: meant("right labels taken away"),
    ADDED_FALSE: meant("false labels added"),
    RIGHT_BEFORE: meant("rows wholly right before"),
    RIGHT_AFTER: meant("rows wholly right now"),
}

UNKNOWN = meant("not known: nobody answered the same texts")
"""Of people's agreement, and of the reliability of one."""

_SHOWN_PEOPLE = 8
"""In the terminal; the certificate has all."""

_FIXED = meant(
    "Each interval holds with 95 % confidence, as the number of rows was fixed beforehand; if you "
    "looked earlier and might have stopped, take those under anytime_95."
)
_ANYTIME = meant(
    "Each interval holds with 95 % confidence whenever you look and stop; narrower ones hold for a "
    "draw that is answered whole and never continued."
)


_OF_WHAT = meant(
    "Missing labels hold, and a row lacks them; false ones it has, and they don't hold. Missing, "
    "taken away and added are of the labels that hold, of which no row is taken to have more than "
    "{most}; false before and now are of the labels that rows have."
)
"""What shares of assignments are of."""


def in_words(certificate: Certificate) -> tuple[str, ...]:
    """Return what a certificate says, a line each: ten at most, some more for several labels."""
    return tuple(_lines(certificate))


def _lines(certificate: Certificate) -> Iterator[str]:
    drawn = tell(
        "{answered:,} of {drawn:,} drawn rows are answered",
        answered=certificate.answered,
        drawn=certificate.drawn,
    )
    if certificate.unsure:
        drawn += tell(
            ", {rows:,} unsure (taken to be like the others of their stratum)",
            rows=certificate.unsure,
        )
    if certificate.open:
        drawn += tell(", {rows:,} are open", rows=certificate.open)
    yield tell("{drawn}; the table has {rows:,}.", drawn=drawn, rows=certificate.rows)
    quoted = [(figure, interval_of(certificate, figure)) for figure in certificate.figures]
    names = NAMES if certificate.task == "single" else SET_NAMES
    wide = max(len(tell(TITLES[name])) for name in names) + 2
    for figure, (low, high) in quoted:
        title = tell(TITLES[figure.name]) + ":"
        yield f"{title:<{wide}}" + tell(
            "{estimate:6.1%}  ({low:.1%} to {high:.1%})",
            estimate=figure.estimate,
            low=low,
            high=high,
        )
    if certificate.most_labels is not None:
        yield tell(_OF_WHAT, most=certificate.most_labels)
    yield tell(_FIXED if certificate.headline == "fixed_95" else _ANYTIME)
    if certificate.taught and certificate.task == "single":
        yield tell(
            "{rows:,} rows have their label from an answer and are right now; what would be "
            "decided without it stands for rows that nobody looked at.",
            rows=certificate.taught,
        )
    yield further_in_words(certificate)
    if certificate.agreement is not None:
        yield from agreement_in_words(certificate.agreement)


def interval_of(certificate: Certificate, figure: Figure) -> tuple[float, float]:
    """Return the interval of a figure that is to be quoted."""
    return figure.fixed_95 if certificate.headline == "fixed_95" else figure.anytime_95


def further_in_words(certificate: Certificate) -> str:
    """Return what more answers would narrow."""
    parts = []
    for figure in certificate.figures:
        low, high = interval_of(certificate, figure)
        wide = certificate.further.get(figure.name, high - low)
        part = tell(
            "{figure:words} {now:.1f} to {then:.1f}",
            figure=TITLES[figure.name],
            now=100 * (high - low),
            then=100 * wide,
        )
        parts.append(part)
    return tell(
        "{answers} more answers would narrow, in points: {parts}.",
        answers=FURTHER,
        parts=", ".join(parts),
    )


def agreement_in_words(agreement: Agreement) -> Iterator[str]:
    """Yield how far people agree and, where that is known, how reliable each of them is."""
    same = agreement.same
    if not same.total:
        yield tell("Agreement of people: {what:words}.", what=UNKNOWN)
        return
    line = tell(
        "{texts:,} {texts:one=text was|other=texts were} answered by several people: all agree on "
        "{same:,} ({share:.1%}, 95 % interval {low:.1%} to {high:.1%}); {alpha}",
        texts=same.total,
        same=same.count,
        share=same.rate,
        low=same.low,
        high=same.high,
        alpha=alpha_in_words(agreement),
    )
    yield "; ".join([line, *labels_in_words(agreement)]) + "."
    people = [f"{one.name} {_reliability(one)}" for one in agreement.people[:_SHOWN_PEOPLE]]
    more = len(agreement.people) - _SHOWN_PEOPLE
    people += [tell("and {more:,} more", more=more)] if more > 0 else []
    yield tell("Reliability: {people}.", people=", ".join(people))


def alpha_in_words(agreement: Agreement) -> str:
    """Return how far people agree beyond chance."""
    if agreement.alpha is None:
        return tell("beyond chance, nothing can be said: there is one answer only")
    return tell("Krippendorff's alpha {alpha:.2f}", alpha=agreement.alpha)


def labels_in_words(agreement: Agreement) -> tuple[str, ...]:
    """Return a clause on texts beside which several people saw labels; none without such texts."""
    seen = agreement.same.total - agreement.blind
    if not seen:
        return ()
    clause = tell(
        "beside {texts:,} of them several people saw labels, so they agree the more", texts=seen
    )
    return (clause,)


def _reliability(person: Person) -> str:
    if person.accuracy is None:
        return tell(UNKNOWN)
    return tell(
        "{share:.1%} ({shared:,} of {answers:,} answers to compare)",
        share=person.accuracy,
        shared=person.shared,
        answers=person.answers,
    )


def forecast_in_words(rows: int, widths: Mapping[str, float]) -> str:
    """Return how wide the intervals will be for a number of rows."""
    parts = [
        tell("{figure:words} {wide:.1f}", figure=TITLES[name], wide=100 * wide)
        for name, wide in widths.items()
    ]
    return tell("{rows:,} rows: {parts}", rows=rows, parts=", ".join(parts))
