"""schemathesis sends what the OpenAPI document allows and forbids, and finds nothing amiss: no 5xx.

Here it tries the edges of every field once. The long search, with a server in another terminal:

    schemathesis run http://127.0.0.1:8378/openapi.json
"""

import importlib.util
import re
import subprocess
import sys

import pytest
from fixtures.served import TOKEN, Served, Words, WordSets, loaded, loaded_sets, token_file

from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.serve.parts.drift import DriftWatch, Seen, drift_part
from labelmend.serve.parts.feedback import log_part
from labelmend.serve.service import Limits

# What is too long is 413, which schemathesis does not take for a refusal unless it is told.
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "413", "415", "422"]
# Of feedback: which labels there are is the model's matter, not the schema's.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "503"]
"""


MODELS = {
    "single": (loaded(), loaded(Words(space="other"), "2" * 16)),
    "several": (loaded_sets(), loaded_sets(WordSets(space="other"), "2" * 16)),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", MODELS)
def test_what_the_document_says_is_so(tmp_path, task):
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed; run: pip install schemathesis")
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    journal = Journal(tmp_path / "log.sqlite", LogRules(feedback_an_hour=100_000), task=task)
    watch = DriftWatch(lambda: Seen(False, "No drift is shown", (), {}), "en")
    with Served(
        *MODELS[task],
        limits=Limits(most_texts=20, most_chars=300),
        token_files=(token_file(tmp_path),),
        add=lambda service: [log_part(service, journal), drift_part(watch)],
    ) as served:
        words = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.base}/openapi.json"]
        words += ["-H", f"Authorization: Bearer {TOKEN}", "--phases", "coverage"]
        words += ["--seed", "1", "--no-color", "--suppress-health-check", "all"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=500)
        assert done.returncode == 0, done.stdout[-6000:]
        tested = re.search(r"Tested: (\d+)", done.stdout)
        with served.client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
            assert int(tested[1]) == len(client.get("/openapi.json").json()["paths"])
    journal.close()
