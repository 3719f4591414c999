"""Tables in, a report out: what the command `compare-baseline` does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmend.classify.calibrate import OperatingPoint
from labelmend.configs.schema import Config
from labelmend.data.outputs.claim import Given, Output, claim, given, given_models
from labelmend.data.outputs.journal import settle
from labelmend.data.write import atomic_files, check_output_folder
from labelmend.errors import OutputError
from labelmend.evaluation.comparison import Comparison, ComparisonRequest
from labelmend.evaluation.peer import Peer
from labelmend.evaluation.unfinished import log_beside
from labelmend.extras import require
from labelmend.protocols import Progress
from labelmend.report.comparison import titles
from labelmend.report.markdown import markdown_page
from labelmend.report.mending import Mending, read_mending
from labelmend.report.page import html_page
from labelmend.weights.packages import encoder_packages
from labelmend.workflows.compare import compare_tables

PAGE, RECORD, MARKDOWN = "report.html", "comparison.json", "comparison.md"


@dataclass(frozen=True)
class Report:
    """A report and its files.

    Attributes:
        comparison: of the classifiers.
        mending: what was changed; or why that can't be said.
        files: that were written, the HTML page first.
    """

    comparison: Comparison
    mending: Mending | str
    files: tuple[Path, ...]


def report_files(
    request: ComparisonRequest,
    folder: Path,
    config: Config,
    kinds: Sequence[str],
    seeds: Sequence[int],
    point: OperatingPoint,
    progress: Progress,
    *,
    peer: Peer | None = None,
    others: Sequence[Given] = (),
) -> Report:
    """Compare classifiers on the labels as given and as mended, and write the report.

    Either all files are written or none. A run that was interrupted goes on from what it had
    trained, which is kept beside the folder until the report is written.

    Args:
        request: the tables.
        folder: where the report is written; made if missing.
        config: the encoders and the classifiers' settings.
        kinds: of classifiers.
        seeds: of the trainings; at least one.
        point: the operating point of out-of-scope detection.
        progress: hears how far the work is.
        peer: compare with what it makes of the labels, too.
        others: what the user gave besides; nothing that was given is written to or removed.

    Raises:
        LabelmendError: the input can't be used, or the output can't be written.
    """
    require("plotly", *encoder_packages(config.encoders), by="the report")
    settle(request.before, request.after, request.test, request.augmented, folder, folder / PAGE)
    _check_folder(folder)
    unfinished = log_beside(folder)
    inputs = (*given(request.before), *given(request.after), *given(request.test, "the test table"))
    inputs += given(request.augmented, "given as --augmented")
    claim((*inputs, *given_models(config), *others), _outputs(folder, unfinished))
    comparison = compare_tables(
        request, config, kinds, seeds, point, progress, peer=peer, unfinished=unfinished
    )
    mending = read_mending(comparison.tables, config.seed)
    said = {"missing": [mending]} if isinstance(mending, str) else mending.to_json()
    record = {**comparison.record, "mending": said}
    files = (folder / PAGE, folder / RECORD, folder / MARKDOWN)
    texts = (
        html_page(comparison, mending),
        json.dumps(record, indent=2, ensure_ascii=False) + "\n",
        markdown_page(comparison, mending),
    )
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: can't make this folder: {error.strerror}; name another with -o"
        ) from None
    with atomic_files(files) as paths:
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8", errors="replace")
    unfinished.unlink(missing_ok=True)
    return Report(comparison, mending, files)


def _check_folder(folder: Path) -> None:
    check_output_folder(folder, "the report", None)
    if not folder.resolve().name:
        raise OutputError(f"{folder}: is no place for a report; give a folder of its own")
    for name in (PAGE, RECORD, MARKDOWN):
        if (folder / name).is_dir():
            raise OutputError(f"{folder / name}: is a folder where a file is to stand; move it")


def _outputs(folder: Path, unfinished: Path) -> tuple[Output, ...]:
    """Return what is written, with what tells that what is there already is ours."""
    found = [Output(unfinished, "unfinished comparison", ('{"key": ',))]
    if folder.is_dir():
        found += [
            Output(folder / PAGE, "report", ("labelmend",)),
            Output(folder / RECORD, "comparison", ('"labelmend": ',)),
            Output(folder / MARKDOWN, "comparison", titles()),
        ]
    return tuple(found)
