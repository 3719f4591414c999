"""What the shell offers, asked as bash, zsh and fish ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from labelmend.cli import completion

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; sys.argv[0] = 'labelmend'; from labelmend.cli.app import main; main()"


def asked(*words, shell="bash", folder=ROOT):
    """Return what is offered for the last word, which may be half typed or empty."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    environment["_LABELMEND_COMPLETE"] = f"complete_{shell}"
    line = " ".join(["labelmend", *words])
    if shell == "bash":
        environment |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    else:
        environment |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        *(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def test_bash_is_offered_commands_options_and_values():
    assert set(asked("expo")) == {"export", "export-review"}
    assert asked("relabel", "--max") == ["--max-harm"]
    assert asked("export-review", "t.csv", "--to", "") == [
        *("label-studio", "argilla", "prodigy", "doccano", "csv")
    ]


def test_fish_is_told_what_a_profile_is():
    name, told = asked("relabel", "--profile", "qua", shell="fish")[0].split("\t")
    assert name == "quality"
    assert told == "bge embedder and reranker, and three 7-9B voters: for one GPU."


def values(offered):
    return [value for value, _ in offered]


def test_values_of_options():
    known = ["embedded", "multilingual", "quality", "multilingual-quality", "sirius", "auto"]
    assert values(completion.profiles()) == known
    assert values(completion.classifiers()) == [
        *("finetune", "lightgbm", "linear-svm", "logreg", "static"),
    ]
    assert set(values(completion.noise())) == {"uniform=", "nearest=", "difficult=", "oos-swap="}
    assert values(completion.peers()) == ["cleanlab"]
    assert "bge-small-en-v1.5" in values(completion.encoders())
    assert "SmolLM2-135M-Instruct" in values(completion.voters())
    # What travels in a package can't be pulled.
    pulled = values(completion.pulled_models())
    assert "bge-large-en-v1.5" in pulled
    assert "bge-small-en-v1.5" not in pulled
    settings, overrides = values(completion.settings()), values(completion.overrides())
    assert {"decision", "decision.max_harm", "voters.0.candidates"} <= set(settings)
    assert "decision.max_harm=" in overrides
    assert "decision=" not in overrides


def test_the_script_of_a_shell(tmp_path):
    """`--show-completion` finds the shell out by its parent; the script is asked for here."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "_LABELMEND_COMPLETE": "source_bash"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "_LABELMEND_COMPLETE=complete_bash" in ran.stdout
    script = tmp_path / "c.sh"
    script.write_text(ran.stdout, "utf-8")
    if shutil.which("bash"):
        assert subprocess.run(["bash", "-n", script]).returncode == 0
