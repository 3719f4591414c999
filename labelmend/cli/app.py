"""The `labelmend` command: one module a command, imported for its options only.

Everything heavy is imported inside the commands, so `--help` answers at once.
"""

import io
import os
import sys

import typer

from labelmend.cli import (
    answers,
    audit,
    certify,
    compare_baseline,
    config,
    corrupt,
    demo,
    describe,
    explain,
    export,
    export_review,
    models,
    predict,
    relabel,
    review,
    train_classifier,
    tune_embedder,
    version,
)
from labelmend.cli.console import leave_interrupted, say_error, stopped_by_signals
from labelmend.cli.terminal import guarded_streams
from labelmend.cli.unexpected import UNEXPECTED, log_unexpected, of_the_machine
from labelmend.errors import LabelmendError

BAD_INPUT = 2
"""The exit code where there is something for the user to mend."""

app = typer.Typer(
    name="labelmend",
    help="Mend the labels of noisy text-classification data with local models. First, do no harm.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("relabel")(relabel.relabel)
app.command("explain")(explain.explain)
app.command("describe")(describe.describe)
app.command("train-classifier")(train_classifier.train_classifier)
app.command("tune-embedder")(tune_embedder.tune_embedder)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("compare-baseline")(compare_baseline.compare_baseline)
app.command("corrupt")(corrupt.corrupt)
app.add_typer(answers.app, name="answers")
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.command("audit")(audit.audit)
app.command("certify")(certify.certify)
app.command("review")(review.review)
app.command("export-review")(export_review.export_review)
app.command("demo")(demo.demo)
app.command("version")(version.version)


def main() -> None:
    """Run the command line; a mistake of the user's ends in one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A label or a file name that the terminal can't show is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    # Else the threads of torch and llama.cpp spin while they wait, and starve each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with guarded_streams(), stopped_by_signals():
        try:
            app()
        except LabelmendError as error:
            say_error(str(error))
            sys.exit(BAD_INPUT)
        except KeyboardInterrupt as error:
            leave_interrupted(error)
        except SystemExit as leave:
            # Typer ends with a code of its own where a command was interrupted.
            behind = getattr(leave.__context__, "__cause__", None)
            if not isinstance(behind, KeyboardInterrupt):
                raise
            leave_interrupted(behind)
        except BrokenPipeError:
            # The reader of our output has left, as `head` does.
            sys.stderr.close()
            sys.exit(1)
        except Exception as error:  # noqa: BLE001 - one line is what is promised
            line = of_the_machine(error)
            say_error(line or log_unexpected(error, sys.argv[1:]))
            sys.exit(BAD_INPUT if line else UNEXPECTED)
