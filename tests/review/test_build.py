"""The front end: what is in the wheel is what its source gives, and its words are all there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from labelmend.review.page import shell, strings

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
STATIC = {page: ROOT / "labelmend" / page / "static" for page in ("review", "serve")}


@pytest.fixture(scope="module")
def node():
    if shutil.which("node") is None:
        pytest.skip("node is not installed; on Debian: apt-get install nodejs npm")
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the front end's packages are not installed; run: npm --prefix web ci")
    return ["node"]


def test_building_again_gives_the_same_bytes(node, tmp_path):
    done = subprocess.run([*node, "build.mjs", str(tmp_path)], cwd=WEB, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    built = sorted(path.name for path in tmp_path.iterdir())
    assert built == [f"{page}.{end}" for page in STATIC for end in ("css", "js")]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (STATIC[path.stem] / path.name).read_bytes(), (
            f"{path.name} is not what its source gives; run: npm --prefix web run build"
        )


def test_packages_are_pinned_to_the_last_digit():
    package = json.loads((WEB / "package.json").read_text())
    lock = json.loads((WEB / "package-lock.json").read_text())
    wanted = package["devDependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
    assert lock["packages"][""]["devDependencies"] == wanted
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


def test_every_sentence_is_in_the_catalogue_and_none_is_too_many():
    source = "\n".join(path.read_text("utf-8") for path in (WEB / "src").glob("*.ts"))
    known = set(strings())
    said = set(re.findall(r"\bsay\(\s*\"([^\"]+)\"", source))
    assert "loading" in said | known
    assert said <= known
    shown = set(re.findall(r"\$\{([\w-]+)\}", _shell_source())) - {"language"}
    assert shown <= known
    # Others are named by a variable, or made up of parts: `queue-${queue}`.
    quoted = set(re.findall(r"\"([\w-]+)\"", source))
    parts = re.findall(r"`([\w-]+-)\$\{\w[^`]*\}`", source)
    made = {name for name in known if any(name.startswith(part) for part in parts)}
    assert known - shown - quoted - made == set()


def _shell_source():
    return (ROOT / "labelmend" / "review" / "shell.html").read_text("utf-8")


def test_every_refusal_has_its_sentence():
    codes = set()
    for path in (ROOT / "labelmend" / "review").rglob("*.py"):
        source = path.read_text("utf-8")
        codes |= set(re.findall(r"RefusedError\(\s*\d+, \"([\w-]+)\"", source))
        codes |= set(re.findall(r"\b4\d\d, \"([\w-]+)\"", source))
    assert {"answered", "held", "no-token", "too-large", "wrong-host"} <= codes
    assert {f"error-{code}" for code in codes} <= set(strings())


def test_the_shell_has_no_script_and_no_style_of_its_own():
    page = shell()
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)
