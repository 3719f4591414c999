"""Files in, files out: what `labelmend certify` does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelmend.audit.certificate import Certificate, certify
from labelmend.audit.draw import Design, read_design
from labelmend.audit.held_out import read_held_out
from labelmend.audit.mended import MendedTable, audit_paths
from labelmend.audit.sets.certificate import certify_sets
from labelmend.audit.sets.mended import MendedSetTable, read_audited
from labelmend.audit.strata import Kind
from labelmend.data.answer_file import read_answers
from labelmend.data.answers import match_answers
from labelmend.data.dataset import ColumnChoice
from labelmend.data.outputs.claim import Output, claim, given
from labelmend.data.outputs.journal import settle
from labelmend.data.read import table_digest
from labelmend.data.request import TableRequest
from labelmend.data.write import atomic_files
from labelmend.errors import InputError
from labelmend.runs.layout import OutputPaths


@dataclass(frozen=True)
class CertifyOutcome:
    """A certificate, what was read for it, and its file."""

    certificate: Certificate
    columns: ColumnChoice
    output: Path


def certify_file(
    request: TableRequest, answers: Path, output: Path | None = None
) -> CertifyOutcome:
    """Say what the answers to an audit prove of a mended table, and write it.

    Args:
        request: the mended table, whose audit lies beside it.
        answers: what people said.
        output: where the certificate goes; None for its place beside the table.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    table = read_audited(request)
    design_path, place = audit_paths(request.path)
    output = output or place
    settle(output)
    beside = OutputPaths.beside(request.path)
    inputs = [*given(request.path), *given(answers), *given(design_path)]
    for path in beside.read:
        inputs += given(path, f"read with {request.path}")
    claim(inputs, [Output(output, "certificate", ('"headline": ',))])
    design = read_design(design_path, table)
    if design is None:
        raise InputError(
            f"{design_path}: no such file; draw rows with labelmend audit, and answer them, first"
        )
    digest = table_digest(request.path)
    if isinstance(table, MendedSetTable):
        certificate = certify_sets(table, design, read_answers(answers, "several"), digest)
    else:
        certificate = _of_one_label(table, design, answers, digest)
    if not certificate.answered:
        raise InputError(
            f"{answers}: no answer to the audit {design.design} in {design_path}; answer its rows, "
            "and bring them in with labelmend answers import"
        )
    with atomic_files([output]) as (temporary,):
        temporary.write_text(certificate.to_json(), "utf-8", errors="replace")
    return CertifyOutcome(certificate, table.columns, output)


def _of_one_label(table: MendedTable, design: Design, answers: Path, digest: str) -> Certificate:
    """Certify a table in which a row has one label.

    Raises:
        InputError: the answers, or the evidence of answered rows, can't be used.
    """
    matched = match_answers(table.dataset, read_answers(answers))
    before = np.zeros(len(table.dataset), dtype=bool)
    for stratum in design.strata:
        before[stratum.rows] = stratum.kind == Kind.ANSWERED
    taught = np.flatnonzero(table.answered & ~before)
    held = read_held_out(table.path, taught.tolist())
    return certify(table, design, matched, held, digest)
