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
from labelmend.report.drawing import Numbers


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
        return None, f"{path} can't be read; run labelmend certify again to have it in the report"
    if certificate.sha256 != digest:
        return None, (
            f"{path} is of the table as it was before; run labelmend certify again to have it in "
            "the report"
        )
    return certificate, None


def certificate_numbers(certificate: Certificate) -> Numbers:
    """Return the figures of a certificate as a table."""
    whenever = certificate.headline == "anytime_95"
    return Numbers(
        f"Certificate: {certificate.answered:,} rows drawn by chance and answered by people, "
        f"design {certificate.design}; "
        f"{'holds whenever one looks' if whenever else 'number of rows fixed beforehand'}",
        ("", "per cent", "95 % interval"),
        tuple(
            (TITLES[f.name], f"{100 * f.estimate:.1f}", f"{100 * low:.1f} to {100 * high:.1f}")
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
    caption = f"Agreement of people: {UNKNOWN}"
    if same.total:
        parts = [
            f"{same.total:,} answered by several people",
            f"all agree on {same.count:,}",
            f"{100 * same.rate:.1f} per cent, 95 % interval {100 * same.low:.1f} to "
            f"{100 * same.high:.1f}",
            alpha_in_words(agreement),
            *labels_in_words(agreement),
        ]
        caption = f"Agreement of people, texts: {'; '.join(parts)}"
    return Numbers(
        caption,
        ("", "answers", "to compare", "right, per cent"),
        tuple(
            (
                one.name,
                f"{one.answers:,}",
                f"{one.shared:,}",
                "not known" if one.accuracy is None else f"{100 * one.accuracy:.1f}",
            )
            for one in agreement.people
        ),
    )
