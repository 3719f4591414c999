"""Runs the notebooks of examples/: `make notebooks` keeps what comes out, `--check` compares.

They are stored with their outputs, so that who reads them on a page or in the repository sees what
comes out without installing anything. A check runs all cells, whose asserts must hold, and compares
what comes out with what is stored, but for digits: other processors round otherwise. Cells with
the tag `cleanlab` are run, and not compared, where cleanlab isn't installed.
"""

import argparse
import importlib.util
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "examples"

LONGEST = 900
"""Seconds that a cell may take by the clock, where others keep the machine busy. A reader waits for
half a minute or less."""

_WIDTH = {"COLUMNS": "100"}
"""Of the terminal of commands: what fits on a page beside its contents."""

_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BARS = re.compile(r"^[^\n]*━[^\n]*\n", re.MULTILINE)

_TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/\w+")


def run(notebook: Any) -> None:
    """Run a notebook's cells in this environment, with its commands on the path.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    from nbclient import NotebookClient
    from traitlets.config import Config

    # Without a network, where there is another way: a kernel runs whatever it is sent.
    transport = "tcp" if os.name == "nt" else "ipc"
    config = Config({"KernelManager": {"transport": transport}})
    client = NotebookClient(notebook, timeout=LONGEST, kernel_name="python3", config=config)
    client.execute(env={**os.environ, **_WIDTH})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)  # times of day
            cell.outputs = [_tidy(output) for output in _merged(cell.outputs)]


def _merged(outputs: list[Any]) -> list[Any]:
    """Put what a cell printed together: how it was cut is a matter of chance."""
    kept: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            continue  # progress, with its times
        if kept and output.output_type == kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def _tidy(output: Any) -> Any:
    if output.output_type == "stream":
        text = _STEERING.sub("", output.text.replace("\r\n", "\n"))
        text = _BARS.sub("", text)  # progress, as far as it came on a terminal
        text = "\n".join(line.rstrip() for line in text.splitlines())
        output.text = _TEMPORARY.sub("FOLDER", text) + "\n"
    elif "text/html" in output.get("data", {}):
        html = output.data["text/html"]
        output.data["text/html"] = re.sub(r"<style.*?</style>\s*", "", html, flags=re.DOTALL)
    return output


def shown(notebook: Any) -> list[str]:
    """Return what cells show as text, digits and gaps masked, but for cells left uncompared."""
    found = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code":
            continue
        if "cleanlab" in tags and importlib.util.find_spec("cleanlab") is None:
            continue
        for output in cell.outputs:
            text = output.text if output.output_type == "stream" else output.data["text/plain"]
            found.append(re.sub(r"[-+]?[\d.,]+", "#", " ".join(text.split())))
    return found


def main() -> int:
    """Run the notebooks; return how many differ from what is stored."""
    nbformat: Any = importlib.import_module("nbformat")  # it has types in part only
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; compare")
    parser.add_argument("notebooks", nargs="*", type=Path)
    asked = parser.parse_args()
    differing = 0
    for path in asked.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        stored, begun = shown(notebook), time.monotonic()
        run(notebook)
        print(f"{path.name}: {time.monotonic() - begun:.0f} s")
        if not asked.check:
            nbformat.write(notebook, path)
            continue
        for old, new in zip(stored, shown(notebook), strict=False):
            if old != new:
                print(f"  stored: {old}\n  now:    {new}")
        if stored != shown(notebook):
            differing += 1
            print(f"{path.name}: other outputs than those stored; look, then run make notebooks")
    return differing


if __name__ == "__main__":
    sys.exit(main())
