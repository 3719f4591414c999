"""A sitting on the demo's table, played by keyboard alone in Chromium, and what came of it.

    python benchmarks/sitting.py [--labels card_lost,card_stolen] [--folder sitting]

The demo's noisy table (or its rows of some labels) is mended without LLM, an audit is drawn, and
the page is served by a process of its own. A person who knows the true labels answers sixty rows,
forty of the audit (`--audit`) and the others in doubt: they undo, search, say "none of these", go
on in a second tab, and the server is killed (SIGKILL) while they sit there. A second person answers
ten rows blind. Then the table is mended anew by the page's own button.

In the rows that nobody answered the table must be better than it was given and no worse than before
the answers, nothing that was right may be broken beyond the budget, and the label that the run
believes in must be right at least as often as before.

It prints what it checked, a line each, and ends with code 1 where something is not so. Needs
Playwright and a Chromium of the system.
"""

import argparse
import csv
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from labelmend.audit.certificate import Certificate
from labelmend.audit.words import interval_of
from labelmend.data.answer_file import read_answers

ANSWERS, AUDIT, BLIND = 60, 40, 10
"""Rows that are answered by the first person, those of an audit among them, and by a second."""

BUDGET = 0.005
"""Share of the good labels that may be broken: the profile's."""

OOS = "oos"
"""The demo's label for what fits none."""

TOKEN = "a-token-for-one-sitting-only"
"""Any twenty characters do."""

LONG_MS = 1_800_000
"""Milliseconds that mending anew may take."""

DONE = "The table was mended anew with all answers."
"""What the page says in the end."""

LABELMEND = (sys.executable, "-m", "labelmend")


@dataclass
class Checks:
    """What was checked.

    Attributes:
        say: hears each check.
        failed: those that were not so.
    """

    say: Callable[[str], None]
    failed: list[str] = field(default_factory=list)

    def that(self, holds: bool, words: str) -> None:
        """Note whether something is so."""
        self.say(f"{'ok    ' if holds else 'FAILED'} {words}")
        if not holds:
            self.failed.append(words)


class Server:
    """`labelmend review` in a process of its own, at an address that stays."""

    def __init__(self, table: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        token = table.with_name("token")
        token.write_text(TOKEN)
        self._words = [*LABELMEND, "review", str(table), "--no-browser", "--who", "anna"]
        self._words += ["--port", str(port), "--token-file", str(token)]
        self.address = f"http://127.0.0.1:{port}/?token={TOKEN}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it can be asked."""
        self.child = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        said = self.child.stdout.readline()
        if self.address not in said:
            raise SystemExit(f"the server did not start: {said}")

    def end(self, number: signal.Signals) -> int:
        """End it by a signal; return its exit code."""
        self.child.send_signal(number)
        self.child.communicate(timeout=60)
        return self.child.returncode


class Person:
    """Who sits before a tab, knows the truth, and has a keyboard."""

    def __init__(self, browser: Browser, address: str, truth: Sequence[str]) -> None:
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        self.truth = truth
        self.page.goto(address)
        self._settled()
        self.page.wait_for_selector("#progress section")

    @property
    def row(self) -> int:
        """The row in view, from 0."""
        return int(self.page.get_attribute("#row", "data-row") or -1)

    def _settled(self) -> None:
        self.page.wait_for_selector("#row[data-row]")
        self.page.wait_for_selector("body:not([data-busy])")

    def key_for(self, label: str) -> str:
        """Return the key that says a label; "/" where it must be searched for."""
        shown = self.page.locator(".labels .label").all_inner_texts()
        names = self.page.locator(".candidates .name").all_inner_texts()
        if label == OOS:
            return "n"
        if shown and shown[-1] == label:
            return "Enter" if len(shown) == 2 else "k"
        if shown and shown[0] == label:
            return "k"
        return str(names.index(label) + 1) if label in names[:9] else "/"

    def press(self, key: str) -> None:
        """Press a key that brings another row."""
        before = self.row
        self._settled()
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "before => document.querySelector('#row').dataset.row !== before", arg=str(before)
        )
        self._settled()

    def answer(self, label: str | None = None) -> int:
        """Say what the row is, the truth if nothing else is asked for; return the row."""
        row = self.row
        label = label or self.truth[row]
        key = self.key_for(label)
        if key == "/":
            self.search(label)
        else:
            self.press(key)
        return row

    def search(self, label: str) -> None:
        """Find a label among all, and take it."""
        self.page.keyboard.press("/")
        self.page.keyboard.type(label.replace("_", " "))
        first = self.page.locator("[role=option][aria-selected=true] .name")
        if first.inner_text() != label:
            raise SystemExit(f"the search for {label} finds {first.inner_text()} first")
        self.press("Enter")

    def take(self, queue: int) -> None:
        """Go to a queue, by its place in the bar."""
        self._settled()
        self.page.locator("#queues button").nth(queue).press("Enter")
        self.page.wait_for_selector(f"#queues button:nth-child({queue + 1})[aria-pressed=true]")
        self._settled()

    def says(self, text: str) -> None:
        """Wait until the page says something."""
        self.page.wait_for_function(
            "text => document.querySelector('#status').textContent.includes(text)", arg=text
        )

    def close(self) -> None:
        """Close the tab."""
        self.page.context.close()


def make_table(folder: Path, labels: frozenset[str], audit: int) -> tuple[Path, list[str]]:
    """Write the demo's table, or its rows of some labels, and mend it; return it and the truth."""
    data = resources.files("labelmend.data.demo")
    text = data.joinpath("train_noisy.csv").read_text("utf-8")
    head, *rows = csv.reader(text.splitlines())
    chosen = [row for row in rows if not labels or row[2] in labels]
    source, cards, table = (folder / name for name in ("data.csv", "labels.yaml", "mended.csv"))
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *chosen])
    words = [*LABELMEND, "relabel", source, "-o", table, "--no-llm", "--quiet", "--oos-label", OOS]
    if labels:
        words += ["--set", "reranker.backend=none"]
    else:
        cards.write_text(data.joinpath("labels.yaml").read_text("utf-8"), "utf-8")
        words += ["--labels", cards]
    subprocess.run(list(map(str, words)), check=True)
    sheet = folder / "audit.csv"
    draw = [*LABELMEND, "audit", table, "--rows", str(audit), "-o", sheet]
    subprocess.run(list(map(str, draw)), check=True, stdout=subprocess.DEVNULL)
    return table, [row[2] for row in chosen]


def mended(table: Path) -> list[dict[str, str]]:
    """Read a mended table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def believed(table: Path) -> list[str | None]:
    """Return the label that a run believes in, of each row."""
    with table.with_suffix(".evidence.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line)["proposed"] for line in file]


def sit(person: Person, server: Server, browser: Browser, audit: int, checks: Checks) -> set[int]:
    """Play the first person's sixty answers; return the rows."""
    done: set[int] = set()
    while len(done) < audit:
        if len(done) == 5:
            # A slip of the finger, and one step back.
            row = person.row
            wrong = next(one for one in person.truth if one not in {person.truth[row], OOS})
            person.answer(wrong)
            person.press("z")
            checks.that(person.row == row, f"undo shows row {row + 1} again")
        if len(done) == 10:
            row = person.row
            person.search(person.truth[row])
            done.add(row)
            continue
        if len(done) == 15:
            killed(person, server, checks)
        done.add(person.answer())
    person.take(1)
    while len(done) < ANSWERS:
        if len(done) == audit + 5:
            other = Person(browser, server.address, person.truth)
            other.take(1)
            checks.that(other.row != person.row, "a second tab gets another row")
            done.update(other.answer() for _ in range(3))
            other.close()
        row = person.row
        done.add(person.answer())
    return done


def killed(person: Person, server: Server, checks: Checks) -> None:
    """Kill the server, answer in vain, and start it again."""
    code = server.end(signal.SIGKILL)
    row, key = person.row, person.key_for(person.truth[person.row])
    person.page.keyboard.press("1" if key == "/" else key)
    person.says("The server can")
    checks.that(
        code == -signal.SIGKILL and person.row == row,
        "the server is killed; the page says so, and keeps the row",
    )
    server.start()


def check_answers(
    file: Path, rows: set[int], truth: Sequence[str], who: str, checks: Checks
) -> None:
    """Check that each row has its one answer, and that it is the person's."""
    said = {
        int(one.id) - 1: one.labels[0] if one.labels else OOS
        for one in read_answers(file).answers
        if one.who == who
    }
    right = {row: truth[row] for row in rows}
    checks.that(said == right, f"{len(rows)} answers of {who} are in the file, each once and right")


def numbers_of(certificate: Certificate) -> list[float]:
    """Return the quoted numbers of a certificate, in per cent, as the page rounds them."""
    shares = (
        share
        for figure in certificate.figures
        for share in (figure.estimate, *interval_of(certificate, figure))
    )
    return [round(100 * share, 1) for share in shares]


def on_the_page(person: Person, audit: int) -> list[float]:
    """Wait for the certificate of all audit answers, and read its numbers."""
    person.page.wait_for_function(
        "count => document.querySelector('#progress').innerText.includes(`From ${count} audit`)",
        arg=audit,
        timeout=LONG_MS,
    )
    text = " ".join(person.page.locator("#progress .figures dd").all_inner_texts())
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text.replace("95 %", ""))]


def certify(table: Path, answers: Path) -> Certificate:
    """Run `labelmend certify`, and read what it wrote."""
    words = [*LABELMEND, "certify", table, "--answers", answers, "--quiet"]
    subprocess.run(list(map(str, words)), check=True)
    return Certificate.from_json(table.with_suffix(".certificate.json").read_bytes())


def right(rows: Sequence[dict[str, str]], truth: Sequence[str], but: set[int]) -> list[int]:
    """Return how many labels are right, given and mended, rows of some numbers left out."""
    left = [i for i in range(len(rows)) if i not in but]
    return [sum(rows[i][name] == truth[i] for i in left) for name in ("label", "mended_label")]


def apply(person: Person) -> str:
    """Mend the table anew, by the page's button; return what it says at the end."""
    person.page.locator("#apply").press("Enter")
    person.page.wait_for_function(
        """() => {
          const said = document.querySelector('#applied');
          return said && !document.querySelector('#apply').disabled;
        }""",
        timeout=LONG_MS,
    )
    return person.page.inner_text("#applied")


def check_certificate(
    certificate: Certificate, rows: Sequence[dict[str, str]], truth: Sequence[str], checks: Checks
) -> None:
    """Check a certificate of the table as it is now against the truth, which it never saw."""
    given = [row["label"] for row in rows]
    now = [row["mended_label"] for row in rows]
    wrong = {
        "wrong_before": sum(g != t for g, t in zip(given, truth, strict=True)) / len(rows),
        "wrong_after": sum(n != t for n, t in zip(now, truth, strict=True)) / len(rows),
    }
    for name, share in wrong.items():
        figure = certificate.figure(name)
        assert figure is not None
        low, high = interval_of(certificate, figure)
        checks.that(
            low - 1e-6 <= share <= high + 1e-6,
            f"{name}: {share:.1%} are, the certificate says {figure.estimate:.1%} "
            f"({low:.1%} to {high:.1%})",
        )
    agreement = certificate.agreement
    assert agreement is not None
    checks.that(
        (agreement.same.count, agreement.same.total) == (BLIND, BLIND),
        f"{agreement.same.total} texts were answered by both; alpha {agreement.alpha}; "
        + ", ".join(f"{one.name} {one.accuracy:.1%}" for one in agreement.people if one.accuracy),
    )


def play(
    folder: Path,
    labels: frozenset[str],
    audit: int = AUDIT,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Play the whole sitting; return what was not as it should be.

    Args:
        folder: an empty one, for all files.
        labels: of the rows; empty for the demo's whole table, with its own labels file.
        audit: rows of the audit, among the sixty.
        say: hears what was checked.
    """
    checks = Checks(say)
    table, truth = make_table(folder, labels, audit)
    answers, before = table.with_name("answers.jsonl"), (mended(table), believed(table))
    server = Server(table)
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            person = Person(browser, server.address, truth)
            done = sit(person, server, browser, audit, checks)
            check_answers(answers, done, truth, "anna", checks)
            second = Person(browser, server.address, truth)
            second.page.locator("#who").fill("bob")
            second.page.locator("#who").press("Enter")
            second.take(2)
            blind = {second.answer() for _ in range(BLIND)}
            check_answers(answers, blind, truth, "bob", checks)
            checks.that(blind <= done, "what bob was asked, anna had answered")
            second.close()
            first = certify(table, answers)
            shown = on_the_page(person, audit)
            checks.that(shown == numbers_of(first), f"the page says what certify says: {shown}")
            said = apply(person)
            checks.that(said == DONE, f"the page's button: {said}")
            browser.close()
    finally:
        code = server.end(signal.SIGINT)
    checks.that(code == 0, "the server ends by Ctrl-C")
    compare(table, answers, done, before, truth, checks)
    return checks.failed


def compare(
    table: Path,
    answers: Path,
    done: set[int],
    before: tuple[Sequence[dict[str, str]], Sequence[str | None]],
    truth: Sequence[str],
    checks: Checks,
) -> None:
    """Check the table that was mended anew, and its certificate."""
    rows = mended(table)
    settled = {i for i, row in enumerate(rows) if row["decision"] == "answered"}
    checks.that(done <= settled, f"{len(settled)} rows have their label from an answer")
    checks.that(all(rows[i]["mended_label"] == truth[i] for i in settled), "all of them are right")
    given, old = right(before[0], truth, settled)
    _, new = right(rows, truth, settled)
    left = [i for i in range(len(rows)) if i not in settled]
    checks.that(
        (given < new or given == len(left)) and new >= old,
        f"of the other {len(left)} rows {given} were right as given, {new} are with the answers "
        f"({old} before them)",
    )
    broken = sum(rows[i]["label"] == truth[i] != rows[i]["mended_label"] for i in left)
    checks.that(broken <= BUDGET * given, f"{broken} good labels are broken")
    then, now = (
        sum(label == truth[i] for i, label in enumerate(proposed) if i not in settled)
        for proposed in (before[1], believed(table))
    )
    checks.that(now >= then, f"the run believes in {now} right labels there, {then} before")
    check_certificate(certify(table, answers), rows, truth, checks)


def main() -> None:
    """Read the options, play, say how it went."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--labels", default="", help="of the rows, with commas; all if not given")
    parser.add_argument("--audit", type=int, default=AUDIT, help="rows of the audit")
    parser.add_argument("--folder", type=Path, default=Path("sitting"), help="a new one")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    failed = play(asked.folder, frozenset(filter(None, asked.labels.split(","))), asked.audit)
    print(json.dumps({"failed": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
