"""Certificates and forecasts in words."""

from collections.abc import Iterator, Mapping

from labelmend.audit.agreement import Agreement, Person
from labelmend.audit.certificate import FURTHER, Certificate
from labelmend.audit.figures import BROKEN, PRECISION, WRONG_AFTER, WRONG_BEFORE, Figure

TITLES: Mapping[str, str] = {
    WRONG_BEFORE: "wrong labels before",
    WRONG_AFTER: "wrong labels after",
    BROKEN: "good labels broken",
    PRECISION: "changes that are right",
}

UNKNOWN = "not known: nobody answered the same texts"
"""Of people's agreement, and of the reliability of one."""

_SHOWN_PEOPLE = 8
"""In the terminal; the certificate has all."""

_FIXED = (
    "Each interval holds with 95 % confidence, as the number of rows was fixed beforehand; if you "
    "looked earlier and might have stopped, take those under anytime_95."
)
_ANYTIME = (
    "Each interval holds with 95 % confidence whenever you look and stop; narrower ones hold for a "
    "draw that is answered whole and never continued."
)


def in_words(certificate: Certificate) -> tuple[str, ...]:
    """Return what a certificate says, a line each, ten at most."""
    return tuple(_lines(certificate))


def _lines(certificate: Certificate) -> Iterator[str]:
    drawn = f"{certificate.answered:,} of {certificate.drawn:,} drawn rows are answered"
    if certificate.unsure:
        drawn += f", {certificate.unsure:,} unsure (taken to be like the others of their stratum)"
    if certificate.open:
        drawn += f", {certificate.open:,} are open"
    yield f"{drawn}; the table has {certificate.rows:,}."
    quoted = [(figure, interval_of(certificate, figure)) for figure in certificate.figures]
    for figure, (low, high) in quoted:
        title = TITLES[figure.name] + ":"
        yield f"{title:<24}{figure.estimate:6.1%}  ({low:.1%} to {high:.1%})"
    yield _FIXED if certificate.headline == "fixed_95" else _ANYTIME
    if certificate.taught:
        yield (
            f"{certificate.taught:,} rows have their label from an answer and are right now; what "
            "would be decided without it stands for rows that nobody looked at."
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
        parts.append(f"{TITLES[figure.name]} {_points(high - low)} to {_points(wide)}")
    return f"{FURTHER} more answers would narrow, in points: {', '.join(parts)}."


def agreement_in_words(agreement: Agreement) -> Iterator[str]:
    """Yield how far people agree and, where that is known, how reliable each of them is."""
    same = agreement.same
    if not same.total:
        yield f"Agreement of people: {UNKNOWN}."
        return
    texts = "1 text was" if same.total == 1 else f"{same.total:,} texts were"
    line = (
        f"{texts} answered by several people: all agree on {same.count:,} ({same.rate:.1%}, 95 % "
        f"interval {same.low:.1%} to {same.high:.1%}); {alpha_in_words(agreement)}"
    )
    yield "; ".join([line, *labels_in_words(agreement)]) + "."
    people = [f"{one.name} {_reliability(one)}" for one in agreement.people[:_SHOWN_PEOPLE]]
    more = len(agreement.people) - _SHOWN_PEOPLE
    people += [f"and {more:,} more"] if more > 0 else []
    yield f"Reliability: {', '.join(people)}."


def alpha_in_words(agreement: Agreement) -> str:
    """Return how far people agree beyond chance."""
    if agreement.alpha is None:
        return "beyond chance, nothing can be said: there is one answer only"
    return f"Krippendorff's alpha {agreement.alpha:.2f}"


def labels_in_words(agreement: Agreement) -> tuple[str, ...]:
    """Return a clause on texts beside which several people saw labels; none without such texts."""
    seen = agreement.same.total - agreement.blind
    clause = f"beside {seen:,} of them several people saw labels, so they agree the more"
    return (clause,) if seen else ()


def _reliability(person: Person) -> str:
    if person.accuracy is None:
        return UNKNOWN
    return f"{person.accuracy:.1%} ({person.shared:,} of {person.answers:,} answers to compare)"


def forecast_in_words(rows: int, widths: Mapping[str, float]) -> str:
    """Return how wide the intervals will be for a number of rows."""
    parts = [f"{TITLES[name]} {_points(wide)}" for name, wide in widths.items()]
    return f"{rows:,} rows: {', '.join(parts)}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
