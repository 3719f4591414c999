"""schemathesis sends what the API's own schema allows and forbids, and finds nothing amiss.

Here it tries the edges of every field once. The long search, with a page open in another terminal:

    schemathesis run http://127.0.0.1:PORT/api/openapi.json -H "Authorization: Bearer TOKEN"
"""

import importlib.util
import re
import subprocess
import sys

import pytest
from fixtures.reviewed import Served, draw, write_reviewed
from fixtures.reviewed_sets import write_reviewed_sets


@pytest.mark.slow
@pytest.mark.parametrize("task", ["single", "several"])
def test_what_the_schema_says_is_so(task, tmp_path):
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed; run: pip install schemathesis")
    table = write_reviewed(tmp_path) if task == "single" else write_reviewed_sets(tmp_path)
    if task == "single":
        draw(table)
    with Served(table) as served:
        words = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.base}/api/openapi.json"]
        words += ["-H", f"Authorization: Bearer {served.door.token}", "--phases", "coverage"]
        words += ["--seed", "1", "--no-color", "--suppress-health-check", "all"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=table.parent, timeout=500)
        assert done.returncode == 0, done.stdout[-4000:]
        tested = re.search(r"Tested: (\d+)", done.stdout)
        assert int(tested.group(1)) == len(
            served.client().http.get("/api/openapi.json").json()["paths"]
        )
