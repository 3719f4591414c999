"""How much of what reads files the fuzz suite reaches: python tests/fuzz/coverage_of_readers.py.

    pip install coverage    # 7.10 or later, for its patches of os.fork and os._exit

It runs the properties and the bad inputs (`--one-a-kind`: those of CI, else all) under coverage.py
and prints a table. README.md has the figures.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
READERS = (
    "regular_file.py",
    *(f"data/{name}" for name in ("read.py", "decode.py", "labels_file.py", "answer_file.py")),
    *("data/answers.py", "data/label_edits/*", "data/dataset.py", "data/cells/*", "data/formats/*"),
    *("configs/plain_yaml.py", "configs/load.py", "configs/problems.py", "configs/profiles.py"),
    *("classify/model_card.py", "classify/model_folder.py", "classify/format_1.py"),
    *("classify/heads/tree_text.py", "relabel/diagnostics/explanation.py"),
    *("runs/record.py", "runs/parts.py", "runs/read.py", "runs/look_up.py", "runs/companions.py"),
    *("weights/gguf.py", "weights/signature.py", "data/outputs/journal.py", "cli/terminal.py"),
)
"""What opens or parses a file that may be a stranger's."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one-a-kind", action="store_true", help="the cases of CI only")
    given = parser.parse_args()
    if importlib.util.find_spec("coverage") is None:
        sys.stdout.write("skipped: coverage is not installed (pip install coverage)\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="labelmend-coverage-") as scratch:
        settings = Path(scratch) / "rc"
        files = "\n  ".join(f"*/labelmend/{name}" for name in READERS)
        settings.write_text(
            "[run]\nbranch = true\nparallel = true\npatch =\n  fork\n  _exit\n"
            f"data_file = {scratch}/data\ninclude =\n  {files}\n"
        )
        words = (sys.executable, "-m", "coverage")
        under = (*words, "run", f"--rcfile={settings}")
        rest = ("--one-a-kind",) if given.one_a_kind else ()
        runs = (
            # The planted bugs would reach more than any file does.
            ("-m", "pytest", "-q", str(HERE / "test_properties.py"), "-k", "not planted"),
            (str(HERE / "run_cases.py"), "--faults", "--patience", "5", *rest),
        )
        ended = [subprocess.run([*under, *run], cwd=ROOT).returncode for run in runs]
        subprocess.run([*words, "combine", "-q", f"--rcfile={settings}"], cwd=ROOT, check=True)
        report = (*words, "report", f"--rcfile={settings}", "--format=markdown", "--sort=name")
        os.environ["COLUMNS"] = "200"
        subprocess.run(report, cwd=ROOT, check=True)
    return max(ended)


if __name__ == "__main__":
    sys.exit(main())
