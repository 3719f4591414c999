"""Rows out to the real Label Studio, annotated there, and their answers back.

    python -m venv /tmp/ls && /tmp/ls/bin/pip install label-studio
    python benchmarks/label_studio_round.py --label-studio /tmp/ls/bin/label-studio

Starts Label Studio on SQLite in a folder of its own and on a free port of this machine, makes a
project with the configuration that `labelmend export-review` wrote, imports the tasks, and lets two
people annotate them through its API: labels, "none of these", "unsure", skipped ones, and one that
is changed later. It exports JSON, JSON-MIN and CSV, imports each with `labelmend answers import`
into a file of its own, and compares the answers with what was annotated.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]

EXPORTS = {"JSON": "export.json", "JSON_MIN": "export_min.json", "CSV": "export.csv"}
"""What Label Studio exports, and the names of the files."""

_STARTS = 900
"""Seconds that it gets until it answers: the first start makes the data base, which takes a minute
and a half of one core."""

_PASSWORD = "of-no-use-elsewhere"


@dataclass
class Person:
    """Somebody who annotates.

    Attributes:
        http: logged in.
        id: as Label Studio counts people.
        said: by the text's hash, what was said last.
    """

    http: httpx.Client
    id: int
    said: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, content: Any, method: str = "POST") -> Any:
        """Send something, and return what comes back.

        Raises:
            RuntimeError: it is refused.
        """
        token = self.http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": str(self.http.base_url)}
        reply = self.http.request(method, path, json=content, headers=headers)
        if reply.is_error:
            raise RuntimeError(f"{method} {path}: {reply.status_code}: {reply.text[:2000]}")
        return reply.json()

    def annotate(self, task: Mapping[str, Any], choice: str | None) -> int:
        """Annotate a task, or skip it, and return the annotation's number."""
        result = [
            {
                "from_name": "label",
                "to_name": "text",
                "type": "choices",
                "value": {"choices": [choice]},
            }
        ]
        content = {"result": result if choice else [], "was_cancelled": choice is None}
        made = self.post(f"/api/tasks/{task['id']}/annotations/", content)
        if choice is not None:
            self.said[task["data"]["labelmend_text_sha256"]] = choice
        return int(made["id"])


@contextmanager
def served(program: str, folder: Path) -> Iterator[str]:
    """Run Label Studio, and give its address.

    Raises:
        RuntimeError: it ends, or does not answer in time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "LABEL_STUDIO_HOST": address,
        "DJANGO_DB": "sqlite",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    environment.pop("PYTHONPATH", None)
    words = [program, "start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1"]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(words, cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        ends = time.monotonic() + _STARTS
        while True:
            if server.poll() is not None or time.monotonic() > ends:
                told = log.read_text("utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"Label Studio does not start:\n{told}")
            try:
                if httpx.get(f"{address}/health", timeout=5).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def signed_up(address: str, email: str) -> Person:
    """Make somebody an account, and log in."""
    http = httpx.Client(base_url=address, timeout=120, follow_redirects=True)
    http.get("/user/signup/")
    form = {
        "email": email,
        "password": _PASSWORD,
        "csrfmiddlewaretoken": http.cookies.get("csrftoken", ""),
        "allow_newsletters": "false",
    }
    http.post("/user/signup/", data=form, headers={"Referer": f"{address}/user/signup/"})
    who = http.get("/api/current-user/whoami")
    who.raise_for_status()
    return Person(http, int(who.json()["id"]))


def played(address: str, tasks: Path) -> tuple[Person, Person, Mapping[str, bytes]]:
    """Import tasks, annotate them, and export them.

    Args:
        address: of Label Studio.
        tasks: that `labelmend export-review` wrote, the configuration beside them.

    Returns:
        who annotated, and the exports by name.
    """
    anna, bob = (signed_up(address, f"{name}@example.org") for name in ("anna", "bob"))
    config = tasks.with_suffix(".config.xml").read_text("utf-8")
    project = anna.post("/api/projects/", {"title": "labelmend", "label_config": config})["id"]
    content = json.loads(tasks.read_text("utf-8"))
    taken = anna.post(f"/api/projects/{project}/import", content)
    expected = sum(bool(task["predictions"]) for task in content)
    assert (taken["task_count"], taken["prediction_count"]) == (len(content), expected), taken
    found = anna.http.get("/api/tasks/", params={"project": project, "page_size": 1000}).json()
    rows = sorted(found["tasks"], key=lambda task: task["id"])
    choices = re.findall(r'<Choice value="([^"]*)"', config)
    for number, task in enumerate(rows):
        # Every fifth is skipped; the choices take turns, the two words behind the labels too.
        anna.annotate(task, None if number % 5 == 4 else choices[number % len(choices)])
        if number % 3 == 0:
            bob.annotate(task, choices[(number + 1) % len(choices)])
    again = bob.annotate(rows[1], choices[0])
    result = [
        {
            "from_name": "label",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [choices[1]]},
        }
    ]
    bob.post(f"/api/annotations/{again}/", {"result": result}, "PATCH")
    bob.said[rows[1]["data"]["labelmend_text_sha256"]] = choices[1]
    exports = {}
    for kind, name in EXPORTS.items():
        reply = anna.http.get(f"/api/projects/{project}/export", params={"exportType": kind})
        reply.raise_for_status()
        exports[name] = reply.content
    return anna, bob, exports


def labelmend(*words: str | Path) -> str:
    """Run a command, and return what it prints.

    Raises:
        RuntimeError: it fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "labelmend", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stderr}")
    return done.stdout


def compared(table: Path, tasks: Path, people: tuple[Person, Person], export: Path) -> list[str]:
    """Import an export, and return where the answers differ from what was annotated."""
    answers = export.with_suffix(f"{export.suffix}.answers")
    names = [f"--who={person.id}={name}" for person, name in zip(people, "ab", strict=True)]
    said = labelmend("answers", "import", export, "-o", answers, "--table", table, *names)
    print(f"{export.name}: {said.strip()}")
    again = labelmend("answers", "import", export, "-o", answers, *names)
    wrong = [] if " 0 answers written" in again else [f"{export.name}: a second import: {again}"]
    marks = {
        one["data"]["labelmend_text_sha256"]: one["data"]
        for one in json.loads(tasks.read_text("utf-8"))
    }
    expected = {
        (name, key): choice
        for person, name in zip(people, "ab", strict=True)
        for key, choice in person.said.items()
    }
    found = {}
    for line in answers.read_text("utf-8").splitlines():
        one = json.loads(line)
        mark = marks[one["text_sha256"]]
        word = {
            "none": mark["labelmend_none"],
            "unsure": mark["labelmend_unsure"],
            "label": next(iter(one["labels"]), ""),
        }[one["verdict"]]
        found[one["who"], one["text_sha256"]] = word
        shown, saw = one["shown"], mark["labelmend_saw"] == "labels"
        fits = (
            one["id"] == mark["labelmend_id"]
            and shown["why"] == mark["labelmend_shown"]
            and (shown["design"] or "") == mark["labelmend_design"]
            and (shown["inclusion"] or "") == mark["labelmend_inclusion"]
            and one["saw"] == {"given": saw, "proposed": saw}
        )
        wrong += [] if fits else [f"{export.name}: {line} is not as {mark} says"]
    both = expected.keys() | found.keys()
    return wrong + [
        f"{export.name}: {key}: annotated {expected.get(key)!r}, came back {found.get(key)!r}"
        for key in sorted(both)
        if expected.get(key) != found.get(key)
    ]


def round_of(program: str, table: Path, folder: Path, rows: int) -> list[str]:
    """Send rows of a table out and back, and return what is wrong.

    Args:
        program: Label Studio's.
        table: the mended one.
        folder: for all files.
        rows: at most.
    """
    tasks = folder / "tasks.json"
    words = ("--to", "label-studio", "-o", tasks, "--rows", str(rows))
    print(labelmend("export-review", table, *words))
    with served(program, folder) as address:
        anna, bob, exports = played(address, tasks)
    wrong = []
    for name, content in exports.items():
        (folder / name).write_bytes(content)
        wrong += compared(table, tasks, (anna, bob), folder / name)
    return wrong


def main() -> None:
    """Play a round on a table, or on one that is made, and say what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--label-studio", default=shutil.which("label-studio"), help="its program")
    parser.add_argument("--table", type=Path, help="a mended table; one is made if not given")
    parser.add_argument("--keep", type=Path, help="a folder for the files; gone if not given")
    parser.add_argument("--rows", type=int, default=60, help="of the table that go out")
    given = parser.parse_args()
    if given.label_studio is None:
        parser.error("Label Studio is not installed: pip install label-studio, or --label-studio")
    with tempfile.TemporaryDirectory(prefix="labelmend-label-studio-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        sys.path.insert(0, str(ROOT / "tests"))
        table = given.table or import_module("fixtures.exchanged").made(folder)
        wrong = round_of(given.label_studio, table, folder, given.rows)
    print(*wrong or ["all answers came back as they were given"], sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
