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
    augment,
    bot,
    certify,
    compare_baseline,
    config,
    corrupt,
    demo,
    describe,
    doctor,
    error_analysis,
    explain,
    export,
    export_review,
    help_page,
    journal,
    label,
    models,
    monitor,
    predict,
    relabel,
    retrain,
    review,
    serve,
    train_classifier,
    tune_embedder,
    version,
)
from labelmend.cli.console import leave_interrupted, say_error, stopped_by_signals
from labelmend.cli.help_page import page
from labelmend.cli.terminal import guarded_streams
from labelmend.cli.unexpected import UNEXPECTED, log_unexpected, of_the_machine
from labelmend.errors import LabelmendError

BAD_INPUT = 2
"""The exit code where there is something for the user to mend."""

app = typer.Typer(
    name="labelmend",
    help="Mend the labels of noisy text-classification data with local models. First, do no harm.",
    epilog="labelmend demo --no-llm                    # what it does, on data that it brings\n"
    "labelmend relabel data.csv -o mended.csv   # the same on yours\n"
    "labelmend doctor                           # what is missing here, and how to get it",
    cls=help_page.GroupPage,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(
    "relabel",
    **page(
        help_page.MEND,
        "Find wrong labels, fix the certain, queue the doubtful.",
        "labelmend relabel data.csv -o mended.csv",
        "labelmend relabel data.csv --label-column intent --no-llm --max-harm 0.2%",
    ),
)(relabel.relabel)
app.command(
    "label",
    **page(
        help_page.MEND,
        "Label texts by descriptions of the labels alone.",
        "labelmend label texts.csv --labels labels.yaml -o labelled.csv",
        "labelmend label texts.csv --labels labels.yaml --profile multilingual --no-llm",
    ),
)(label.label)
app.command(
    "explain",
    **page(
        help_page.MEND,
        "Show why a row was decided as it was.",
        "labelmend explain mended.csv --row 12",
        "labelmend explain mended.csv --id T-1041 --json",
    ),
)(explain.explain)
app.command(
    "error-analysis",
    **page(
        help_page.MEND,
        "Tell errors from hard texts and from missing data.",
        "labelmend error-analysis data.csv -o analysis.csv",
    ),
)(error_analysis.error_analysis)
app.command(
    "describe",
    **page(
        help_page.MEND,
        "Write a YAML of label descriptions, for you to edit.",
        "labelmend describe data.csv -o labels.yaml",
        "labelmend relabel data.csv --labels labels.yaml    # once they are edited",
    ),
)(describe.describe)
app.command(
    "audit",
    **page(
        help_page.PEOPLE,
        "Draw rows of a mended table for a person to look at.",
        "labelmend audit mended.csv --rows 100 -o audit.csv",
        "labelmend audit mended.csv --rows 50 -o more.csv    # go on with it",
    ),
)(audit.audit)
app.command(
    "review",
    **page(
        help_page.PEOPLE,
        "Open a page in the browser on which people answer.",
        "labelmend review mended.csv",
        "labelmend review mended.csv --audit audit.csv --who anna",
    ),
)(review.review)
app.add_typer(
    answers.app,
    name="answers",
    rich_help_panel=help_page.PEOPLE,
    short_help="What people said: import, withdraw, show.",
)
app.add_typer(
    journal.app,
    name="journal",
    rich_help_panel=help_page.PEOPLE,
    short_help="The log of a served model: show, forget, queue, export.",
)
app.command(
    "certify",
    **page(
        help_page.PEOPLE,
        "Say what the answers prove, with 95 % confidence.",
        "labelmend certify mended.csv --answers answers.jsonl",
    ),
)(certify.certify)
app.command(
    "export-review",
    **page(
        help_page.PEOPLE,
        "Write rows as tasks of Label Studio and its like.",
        "labelmend export-review mended.csv --to label-studio -o tasks.json",
        "labelmend export-review mended.csv --to csv --queue audit -o sheet.csv",
    ),
)(export_review.export_review)
app.command(
    "augment",
    **page(
        help_page.LEARN,
        "Let an LLM write texts for rare labels, and judge them.",
        "labelmend augment mended.csv -o augmented.csv --min-rows 30 --model qwen.gguf",
        "labelmend compare-baseline mended.csv --augmented augmented.csv    # did it help?",
    ),
)(augment.augment)
app.command(
    "train-classifier",
    **page(
        help_page.LEARN,
        "Train a calibrated classifier on the mended labels.",
        "labelmend train-classifier mended.csv -o model/",
        "labelmend train-classifier mended.csv -o model/ --kind lightgbm --oos-recall 85%",
    ),
)(train_classifier.train_classifier)
app.command(
    "predict",
    **page(
        help_page.LEARN,
        "Classify texts with it.",
        "labelmend predict model/ texts.csv -o predicted.csv",
    ),
)(predict.predict)
app.command(
    "serve",
    **page(
        help_page.LEARN,
        "Answer over HTTP, with a page to try a model on.",
        "labelmend serve model/",
        "labelmend serve registry/ --against model/    # the champion beside a model",
    ),
)(serve.serve)
app.command(
    "bot",
    **page(
        help_page.LEARN,
        "Answer in Telegram, with buttons for right and wrong.",
        "labelmend bot model/ --log log.sqlite",
        "labelmend bot mended-model/ --against dirty-model/    # feel the difference",
    ),
)(bot.bot)
app.command(
    "retrain",
    **page(
        help_page.LEARN,
        "Learn from new rows, and promote a better model.",
        "labelmend retrain project.yaml",
        "labelmend retrain project.yaml --every 15m",
        "labelmend retrain project.yaml --rollback",
    ),
)(retrain.retrain)
app.command(
    "monitor",
    **page(
        help_page.LEARN,
        "Say whether what it is asked has drifted.",
        "labelmend monitor log.sqlite --reference train.csv --model model/",
        "labelmend monitor texts.csv --reference train.csv --queue new.csv --fail-on drift",
    ),
)(monitor.monitor)
app.command(
    "export",
    **page(
        help_page.LEARN,
        "Write a classifier and its encoders as ONNX.",
        "labelmend export model/ -o model-onnx/ --check texts.csv",
    ),
)(export.export)
app.command(
    "compare-baseline",
    **page(
        help_page.LEARN,
        "Say whether a classifier is better for the mending.",
        "labelmend compare-baseline mended.csv --test test.csv -o report/",
        "labelmend compare-baseline dirty.csv clean.csv --kind logreg --kind lightgbm",
    ),
)(compare_baseline.compare_baseline)
app.command(
    "tune-embedder",
    **page(
        help_page.LEARN,
        "Fine-tune the sentence encoder on your texts.",
        "labelmend tune-embedder mended.csv -o encoder/",
        "labelmend relabel data.csv --embedder encoder/       # then mend with it",
    ),
)(tune_embedder.tune_embedder)
app.command(
    "demo",
    **page(
        help_page.TRY,
        "Mend the demo data, train on them, and report.",
        "labelmend demo --no-llm -o demo-output/",
    ),
)(demo.demo)
app.command(
    "corrupt",
    **page(
        help_page.TRY,
        "Put seeded noise into labels, for evaluation.",
        "labelmend corrupt clean.csv --noise uniform=0.1 --noise nearest=0.1 -o noisy.csv",
    ),
)(corrupt.corrupt)
app.command(
    "doctor",
    **page(
        help_page.INSTALLATION,
        "Say what is here, what is missing, and how to get it.",
        "labelmend doctor",
        "labelmend doctor --profile quality --no-llm",
    ),
)(doctor.doctor)
app.add_typer(
    models.app,
    name="models",
    rich_help_panel=help_page.INSTALLATION,
    short_help="Where the models come from, and whether they are here.",
)
app.add_typer(
    config.app,
    name="config",
    rich_help_panel=help_page.INSTALLATION,
    short_help="The settings of a profile, and what may be set.",
)
app.command(
    "version",
    **page(
        help_page.INSTALLATION,
        "Print the version.",
        "labelmend version",
    ),
)(version.version)


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
