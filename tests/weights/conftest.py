"""A loopback hub: real HTTP, as huggingface_hub's client speaks it, over a few bytes."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REPO = "maker/tiny"
COMMIT = "a" * 40

PULL = """
import json, sys
from pathlib import Path
from labelmend.errors import LabelmendError
from labelmend.weights.pull import pull
from labelmend.weights.registry import load_registry

class Tally:
    total = steps = 0
    def start(self, stage, total):
        self.total = total
    def advance(self, steps=1):
        self.steps += steps

tally = Tally()
try:
    model = pull("tiny", tally, registry=load_registry(Path(sys.argv[1])))
    said = {"path": str(model.path), "digest": model.digest, "source": model.source}
    print(json.dumps({**said, "total": tally.total, "steps": tally.steps}))
except LabelmendError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


class Mirror:
    """What the hub serves, and what it was asked."""

    def __init__(self) -> None:
        self.commit = COMMIT
        self.files: dict[str, bytes] = {}
        self.stated_sizes: dict[str, int] = {}
        self.cut: dict[str, int] = {}
        self.resumes = True
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def downloads(self) -> list[str]:
        """The files whose content was asked for."""
        return [path for method, path in self.asked if method == "GET" and "/resolve/" in path]


class Handler(BaseHTTPRequestHandler):
    mirror: Mirror

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        mirror = self.mirror
        mirror.asked.append((self.command, self.path))
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision, _, path = rest.partition("/")
        if repo != REPO:
            return self.refuse("RepoNotFound")
        if revision not in ("main", mirror.commit):
            return self.refuse("RevisionNotFound")
        if path not in mirror.files:
            return self.refuse("EntryNotFound")
        body = mirror.files[path]
        start = 0
        wanted = self.headers.get("Range")
        if wanted and mirror.resumes:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        end = min(mirror.cut.get(path, len(body)), len(body))
        if start and start >= end:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", mirror.commit)
        if path in mirror.stated_sizes:
            self.send_header("X-Linked-Size", str(mirror.stated_sizes[path]))
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if with_body:
            self.wfile.write(body[start:end])
            self.close_connection = True
        return None

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, message: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model home and a cache of the test's own."""
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "home" / "models"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    held = Mirror()
    handler = type("Bound", (Handler,), {"mirror": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield held
    server.shutdown()
    server.server_close()


@pytest.fixture
def models_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a models file of one hub model, `tiny`, with the given files' pins."""

    def write(
        files: dict[str, bytes | None],
        revision: str | None = COMMIT,
        repo: str = REPO,
        kind: str = "encoder",
    ) -> Path:
        pins = {
            path: {
                "size": None if body is None else len(body),
                "sha256": None if body is None else hashlib.sha256(body).hexdigest(),
            }
            for path, body in files.items()
        }
        tiny = {
            "kind": kind,
            "licence": "MIT",
            "note": "a test's",
            "source": {"hub": repo, "revision": revision},
            "weights": next(iter(files)),
            "files": pins,
        }
        path = tmp_path / "models.yaml"
        path.write_text(json.dumps({"tiny": tiny}), "utf-8")  # JSON is YAML
        return path

    return write


@pytest.fixture
def pulled(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Pull `tiny` in a process of its own: huggingface_hub reads its settings at import."""

    def run(models: Path, endpoint: str, before: str = "", **environment: str) -> dict[str, Any]:
        settings = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "hf"),
            "NO_PROXY": "127.0.0.1",
            **environment,
        }
        settings.pop("HF_HUB_OFFLINE", None)
        done = subprocess.run(
            [sys.executable, "-c", before + PULL, str(models)],
            env=settings,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        said: dict[str, Any] = json.loads(done.stdout)
        assert "\n" not in said.get("message", "")
        return said

    return run
