import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import release_notes  # noqa: E402

CHANGELOG = """# Changelog

What changes.

## Unreleased

- Not yet.

## 0.2.0 - 2026-12-24

### Added
- A thing.

## [0.1.0] - 2026-11-01
- The first.
"""


@pytest.fixture
def root(tmp_path):
    """A repository that tells version 0.2.0 everywhere."""
    (tmp_path / "labelmend").mkdir()
    files = {
        "CHANGELOG.md": CHANGELOG,
        "CITATION.cff": "cff-version: 1.2.0\nversion: 0.2.0\n",
        "labelmend/version.py": '"""It."""\n\n__version__ = "0.2.0"\n',
        "pyproject.toml": '[project]\nname = "labelmend"\nversion = "0.2.0"\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_the_section_of_a_version():
    assert release_notes.section(CHANGELOG, "0.2.0") == "### Added\n- A thing."
    assert release_notes.section(CHANGELOG, "0.1.0") == "- The first."
    # A dot is a dot, and a part of a version is none.
    assert release_notes.section(CHANGELOG, "0.2") == ""
    assert release_notes.section(CHANGELOG.replace("0.2.0", "0x2.0"), "0.2.0") == ""


def test_a_release_that_all_files_tell(root):
    assert release_notes.problems(root, "0.2.0") == []


def test_what_stands_in_the_way(root):
    (root / "CITATION.cff").write_text("cff-version: 1.2.0\n", "utf-8")
    assert release_notes.problems(root, "0.3.0") == [
        "pyproject.toml says 0.2.0, not 0.3.0",
        "labelmend/version.py says 0.2.0, not 0.3.0",
        "CITATION.cff says None, not 0.3.0",
        "CHANGELOG.md has no section '## 0.3.0 - YYYY-MM-DD', or an empty one",
    ]


def test_this_repository_tells_one_version_everywhere():
    assert len(set(release_notes.told_versions(ROOT).values())) == 1


def test_a_tag_that_is_no_version_ends_the_release():
    script = ROOT / "tools" / "release_notes.py"
    ran = subprocess.run([sys.executable, script, "9.9.9"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "pyproject.toml says" in ran.stderr
