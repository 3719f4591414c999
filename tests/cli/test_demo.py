"""The demo does what the README says: no LLM here, so that it stays short."""

import csv
import json
from importlib import resources

import pytest

from labelmend.cli.demo import _DEMOS

_STEPS = _DEMOS["en"].steps

SMALLER = (
    *("reranker.backend=none", "classify.folds=2", "classify.components=48"),
    *("classify.logreg.max_iter=8", "classify.linear_svm.max_iter=8"),
)
QUICK = tuple(word for setting in SMALLER for word in ("--set", setting))
"""The reranker is asked last, and how good the classifiers are is not looked at."""


@pytest.fixture(scope="module")
def ran(cli, encoders, tmp_path_factory):
    assert len(encoders) == 2
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = cli("demo", "-o", folder, "--no-llm", *QUICK)
    assert done.code == 0, done
    return folder, done


@pytest.fixture(scope="module")
def rows(ran):
    with (ran[0] / "mended.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_says_first_what_it_will_do(cli, tmp_path):
    # What stands in the way is found only after the words.
    (tmp_path / "file").write_text("")
    stopped = cli("demo", "-o", tmp_path / "file")
    folder = tmp_path / "file"
    assert stopped.code == 2
    assert stopped.out.splitlines() == [
        "labelmend demo, in 3 steps; times are those of 2 cores:",
        "  1. mend 2,083 messages to a bank app's support bot, 15 % of whose labels are wrong: "
        "about 3 minutes",
        "  2. train a classifier on the mended labels: a few seconds",
        "  3. compare classifiers trained on the labels as given, mended and true, and write the "
        "report: about a minute",
        "All of it runs on this machine, and nothing is sent anywhere.",
        f"Its files will lie in {folder}: mended.csv, model/, report/report.html, ...",
        "",
        f"Step 1 of 3: {_STEPS[0]}",
    ]
    assert stopped.err.startswith(f"labelmend: {folder}: can't make this folder")


def test_it_promises_nothing_where_a_voter_is_on_a_server(cli, tmp_path):
    (tmp_path / "file").write_text("")
    server = (
        "voters.0.server={url: 'http://127.0.0.1:9', api_key_env: '', requests: 1, per_minute: 0, "
        "timeout_s: 1, retries: 0, chat: false, top_logprobs: 20, start: ''}"
    )
    asked = "demo", "-o", tmp_path / "file", "--set", server
    for options, promised in (((), False), (("--no-llm",), True)):
        stopped = cli(*asked, *options)
        assert "in 3 steps" in stopped.out
        assert ("nothing is sent" in stopped.out) == promised


@pytest.mark.parametrize(("language", "of"), [("en", "messages"), ("ru", "Russian messages")])
def test_the_words_are_those_of_the_data(language, of):
    folder = resources.files("labelmend.data.demo")
    table = (folder if language == "en" else folder / language) / "train_noisy.csv"
    given = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    wrong = sum(row["label"] != row["true_label"] for row in given)
    said = _DEMOS[language].steps[0]
    assert f"{len(given):,} {of}" in said
    assert f"{wrong / len(given):.0%}".replace("%", " %") in said


def test_the_messages_and_what_is_printed_have_languages_of_their_own(cli, tmp_path):
    (tmp_path / "file").write_text("")
    asked = "demo", "-o", tmp_path / "file", "--language", "ru"
    english, russian = cli(*asked), cli(*asked, "--lang", "ru")
    assert (english.code, russian.code) == (2, 2)
    assert english.out.splitlines()[1] == (
        "  1. mend 955 Russian messages to a marketplace's support, 15 % of whose labels are "
        "wrong: about half a minute"
    )
    assert russian.out.splitlines()[1] == (
        "  1. исправить 955 сообщений на русском в поддержку маркетплейса, "
        "у которых 15 % меток неверны: около полуминуты"  # noqa: RUF001
    )
    assert cli(*asked, "--no-llm").out == english.out  # no LLM is asked either way


def test_a_language_without_a_demo_is_refused(cli, tmp_path):
    refused = cli("demo", "-o", tmp_path / "out", "--language", "fr")
    assert refused.code == 2
    assert "'--language'" in refused.err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_every_step_begins_and_ends_in_a_log(ran):
    _, done = ran
    places = [done.out.index(f"\nStep {n} of 3: {words}\n") for n, words in enumerate(_STEPS, 1)]
    assert places == sorted(places)
    began = [line.split(": begins")[0] for line in done.err.splitlines() if ": begins, " in line]
    ended = [line.split(": done")[0] for line in done.err.splitlines() if ": done, " in line]
    assert began == ended
    assert began[:2] == ["embed texts", "candidates"]
    assert began[-5:] == [
        *("embed texts", "embed test texts", "train and test"),
        *("train logreg on folds", "overfit small models"),
    ]
    assert "\x1b" not in done.err + done.out


@pytest.mark.slow
def test_it_mends_to_95_percent_and_breaks_at_most_1(rows):
    before = [row["label"] == row["true_label"] for row in rows]
    after = [row["mended_label"] == row["true_label"] for row in rows]
    assert (len(rows), sum(before)) == (2083, 1771)
    assert sum(after) >= 0.95 * 2083
    assert sum(b and not a for b, a in zip(before, after, strict=True)) <= 0.01 * 1771


@pytest.mark.slow
def test_the_model_and_the_report_are_where_it_said(ran, rows):
    folder, done = ran
    named = done.out.splitlines()[5].rpartition(": ")[2].removesuffix(", ...").split(", ")
    assert all((folder / name).exists() for name in named)
    assert (folder / "model").is_dir()
    record = json.loads((folder / "report" / "comparison.json").read_text("utf-8"))
    changed = [row for row in rows if row["label"] != row["mended_label"]]
    right = sum(row["mended_label"] == row["true_label"] for row in changed)
    assert record["mending"]["changed"] == len(changed)
    # Of the 2,083 labels, 312 were wrong.
    assert record["mending"]["accuracy"]["recall"]["rate"] == pytest.approx(right / 312)
    assert record["test_rows"] == 809
    assert record["conditions"] == {"as given": 2083, "mended": 2083, "gold": 2083}
    assert (folder / "report" / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
