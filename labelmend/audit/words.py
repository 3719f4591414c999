"""Certificates and forecasts in words."""

from collections.abc import Iterator, Mapping

from labelmend.audit.certificate import FURTHER, Certificate
from labelmend.audit.figures import BROKEN, PRECISION, WRONG_AFTER, WRONG_BEFORE, Figure

TITLES: Mapping[str, str] = {
    WRONG_BEFORE: "wrong labels before",
    WRONG_AFTER: "wrong labels after",
    BROKEN: "good labels broken",
    PRECISION: "changes that are right",
}

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


def forecast_in_words(rows: int, widths: Mapping[str, float]) -> str:
    """Return how wide the intervals will be for a number of rows."""
    parts = [f"{TITLES[name]} {_points(wide)}" for name, wide in widths.items()]
    return f"{rows:,} rows: {', '.join(parts)}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
