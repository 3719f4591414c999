"""What an audit proves of the mended table, as a table of the report."""

import hashlib
from pathlib import Path

from labelmend.audit.certificate import Certificate
from labelmend.audit.mended import audit_paths
from labelmend.audit.words import (
    TITLES,
    UNKNOWN,
    alpha_in_words,
    interval_of,
    labels_in_words,
)
from labelmend.regular_file import read_regular
from labelmend.report.comparison import from_to
from labelmend.report.drawing import Numbers
from labelmend.voice.speak import note, number, tell


def read_certificate(table: Path) -> tuple[Certificate | None, str | None]:
    """Read the certificate of a mended table.

    Returns:
        the certificate, None without one; and what is amiss with it, or None.
    """
    _, path = audit_paths(table)
    try:
        certificate = Certificate.from_json(read_regular(path))
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError):
        return None, note(
            "{path} can't be read; run labelmend certify again to have it in the report", path=path
        )
    if certificate.sha256 != digest:
        return None, note(
            "{path} is of the table as it was before; run labelmend certify again to have it in "
            "the report",
            path=path,
        )
    return certificate, None


def certificate_numbers(certificate: Certificate) -> Numbers:
    """Return the figures of a certificate as a table."""
    whenever = certificate.headline == "anytime_95"
    return Numbers(
        tell(
            "Certificate: {rows:,} rows drawn by chance and answered by people, design {design}; "
            "holds whenever one looks"
            if whenever
            else "Certificate: {rows:,} rows drawn by chance and answered by people, design "
            "{design}; number of rows fixed beforehand",
            rows=certificate.answered,
            design=certificate.design,
        ),
        ("", tell("per cent"), tell("95 % interval")),
        tuple(
            (
                tell(TITLES[f.name]),
                number(100 * f.estimate, ".1f"),
                from_to(number(100 * low, ".1f"), number(100 * high, ".1f")),
            )
            for f in certificate.figures
            for low, high in [interval_of(certificate, f)]
        ),
    )


def people_numbers(certificate: Certificate) -> Numbers | None:
    """Return how far people agree and how reliable each is; None in older certificates."""
    agreement = certificate.agreement
    if agreement is None:
        return None
    same = agreement.same
    caption = tell("Agreement of people: {what:words}", what=UNKNOWN)
    if same.total:
        interval = from_to(number(100 * same.low, ".1f"), number(100 * same.high, ".1f"))
        parts = [
            tell("{texts:,} answered by several people", texts=same.total),
            tell("all agree on {texts:,}", texts=same.count),
            tell(
                "{share:.1f} per cent, 95 % interval {interval}",
                share=100 * same.rate,
                interval=interval,
            ),
            alpha_in_words(agreement),
            *labels_in_words(agreement),
        ]
        caption = tell("Agreement of people, texts: {parts}", parts="; ".join(parts))
    return Numbers(
        caption,
        ("", tell("answers"), tell("to compare"), tell("right, per cent")),
        tuple(
            (
                one.name,
                number(one.answers, ","),
                number(one.shared, ","),
                tell("not known") if one.accuracy is None else number(100 * one.accuracy, ".1f"),
            )
            for one in agreement.people
        ),
    )
