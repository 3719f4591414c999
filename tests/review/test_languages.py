"""The page in Russian: whole, with the right plurals, and nothing cut or overlapping."""

import json
import re
import subprocess

import pytest
from fixtures.mapped import mapped
from fixtures.reviewed import Served, draw, write_reviewed

from labelmend.review.page import shell, strings
from labelmend.voice.catalogue import LANGUAGES

from .test_build import WEB, node  # noqa: F401

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}


def fields(sentence):
    """The facts of a sentence, and the forms of each word that goes by one."""
    found = re.findall(r"\{(\w+)(?::([^{}]*))?\}", sentence)
    forms = [dict(one.split("=") for one in spec.split("|")) for _, spec in found if spec]
    return {name for name, _ in found}, forms


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_sentence_is_there_with_the_same_facts(language):
    english, other = strings(), strings(language)
    assert list(other) == list(english)
    for name, sentence in english.items():
        assert other[name].strip(), name
        assert fields(other[name])[0] == fields(sentence)[0], name
    same = {name for name, sentence in english.items() if other[name] == sentence}
    assert same <= {"candidate", "why-vote", "error-failed", "error-labels-file"}


def test_every_russian_word_that_goes_by_a_number_has_all_forms():
    words = [form for sentence in strings("ru").values() for form in fields(sentence)[1]]
    assert len(words) > 20
    assert all({"one", "few", "many"} <= set(form) for form in words)


def test_the_shell_says_its_language():
    assert '<html lang="en">' in shell()
    assert '<html lang="ru">' in shell("ru")
    assert "Загрузка…" in shell("ru")


SAY = """
const { buildSync } = await import("esbuild");
const { outputFiles } = buildSync({ entryPoints: ["src/strings.ts"], format: "esm", write: false });
globalThis.document = { documentElement: { lang: LANG } };
const code = Buffer.from(outputFiles[0].text).toString("base64");
const { learn, say, counted } = await import(`data:text/javascript;base64,${code}`);
learn(STRINGS);
console.log(JSON.stringify(NUMBERS.map((n) => say("pace", { count: counted(n) }))));
"""


def said(language, numbers):
    """What the page says of numbers, by its own script."""
    given = {"LANG": language, "STRINGS": strings(language), "NUMBERS": numbers}
    script = SAY
    for name, value in given.items():
        script = script.replace(name, json.dumps(value))
    words = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(words, cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("node")
def test_plurals_and_numbers_are_those_of_the_language():
    words = ["ответ", "ответа", "ответов", "ответов", "ответ", "ответа", "ответов", "ответов"]
    numbers = [1, 2, 5, 11, 21, 22, 25, 111]
    assert said("ru", numbers) == [
        f"{n} {word} за этот сеанс" for n, word in zip(numbers, words, strict=True)
    ]
    assert said("ru", [12345]) == ["12\N{NO-BREAK SPACE}345 ответов за этот сеанс"]
    assert said("en", [1, 12345]) == ["1 in this sitting", "12,345 in this sitting"]


def test_the_server_sends_the_language_and_tells_reasons_in_it(table):
    path = table.with_suffix(".evidence.jsonl")
    reason = "9 of the 21 nearest texts carry fees; its probability is only 50.1%."
    lines = path.read_text("utf-8").splitlines()
    first = json.loads(lines[0]) | {"reason": reason}
    lines[0] = json.dumps(first, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n", "utf-8")
    with Served(table, language="ru") as served:
        anna = served.client()
        assert anna.http.get("/api/start").json()["strings"]["skip"] == "Отложить"
        asked = {"tab": anna.tab, "who": anna.who, "queue": "doubtful", "row": 0}
        anna.next()
        why = anna.http.get("/api/why", params=asked).json()
        assert why["reason"] == (
            "9 из 21 ближайшего текста с меткой fees; "  # noqa: RUF001
            "её вероятность лишь 50,1\N{NO-BREAK SPACE}%."
        )
        assert why["sources"][0]["source"] == "соседи"


@pytest.mark.browser
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_in_russian(tmp_path, sit, screen):
    table = write_reviewed(tmp_path)
    draw(table)
    with Served(table, language="ru") as served:
        mapped(served)
        tab = sit(served.door.address, **SCREENS[screen])
        for name in states(tab.page):
            assert (name, tab.layout()) == (name, [])
            # The keys go by their place: a Russian keyboard gives other signs.
        assert tab.page.evaluate("document.documentElement.lang") == "ru"


def states(page):
    yield "audit"
    page.click("#queues button:nth-child(2)")
    page.wait_for_selector(".labels")
    yield "doubtful"
    page.evaluate(PRESS, {"key": "ц", "code": "KeyW"})
    page.wait_for_selector(".panel table")
    yield "why"
    page.evaluate(PRESS, {"key": "и", "code": "KeyB"})
    page.wait_for_selector(".batch li")
    yield "batch"
    page.evaluate(PRESS, {"key": ".", "code": "Slash"})
    page.wait_for_selector("[role=option]")
    yield "search"
    page.keyboard.press("Escape")
    page.evaluate(PRESS, {"key": ",", "code": "Slash", "shiftKey": True})
    page.wait_for_selector("dialog table")
    yield "help"
    page.keyboard.press("Escape")
    for view, shown in (("labels", "#labels-detail[data-shown]"), ("map", ".listed li")):
        page.click(f"#tab-{view}")
        page.wait_for_selector(shown)
        yield view
    page.click("#tab-matrix")
    page.wait_for_selector(".matrix")
    yield "matrix"


PRESS = """
(key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { ...key, bubbles: true }))
"""
"""A key of a Russian keyboard, which Playwright has none of."""
