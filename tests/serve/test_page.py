"""The page in a real browser: both models side by side, feedback, and nothing amiss on a phone."""

import json
import re

import numpy as np
import pytest
from fixtures.browser import LAYOUT, violations
from fixtures.served import LABELS, TOKEN, Served, Words, loaded, token_file

from labelmend.http.page import shell_of, strings_of
from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.serve.models.kept import KeptTexts
from labelmend.serve.parts.drift import DriftWatch, Seen, drift_part
from labelmend.serve.parts.feedback import log_part
from labelmend.serve.place import Patience
from labelmend.serve.service import Limits

_PATIENT = Patience()
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
HARD = "<img src=x onerror=alert(1)> card " + "x" * 4000 + " مرحبا 🇺🇦"
LONG = "label_" + "very_" * 14 + "long"


DRIFT = Seen(
    True,
    "Drift: labels, new intents",
    ("labels: drift, p 0.001; G 15.9", f"{LONG}: 1.00% (1 of 100) → 9.00% (9 of 100)", HARD),
    {"drift": True},
)


def kept():
    texts = ["where is my card?", HARD, "so much money", "what time is it"]
    vectors = np.eye(4, dtype=np.float16)[[0, 0, 1, 3]]
    return KeptTexts(texts, np.array([0, 0, 1, 3]), LABELS, vectors)


@pytest.fixture
def pair(tmp_path):
    """Two models, one of which keeps its texts, and a log."""
    other = loaded(
        Words(space="other"), "2" * 16, name=f"other {HARD[:40]}", labels=("m", LONG, "oos", "t")
    )
    journal = Journal(tmp_path / "log.sqlite", LogRules(texts=True))
    main = loaded(kept=kept(), max_text_chars=10_000)
    with Served(
        main,
        other,
        limits=Limits(),
        add=lambda service: [
            log_part(service, journal),
            drift_part(DriftWatch(lambda: DRIFT, "en")),
        ],
        patience=_PATIENT,
    ) as served:
        yield served, journal, tmp_path / "log.sqlite"
    journal.close()


@pytest.fixture
def visit(chromium):
    """Open a page; whatever its script says is a failure, and it asks nobody but its server."""
    tabs = []

    def begin(served, path="/", **options):
        context = chromium.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(30_000)
        heard, asked = [], []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{served.base}{path}")
        page.wait_for_selector("#form:not([hidden])")
        tabs.append((context, heard, asked, served.base))
        return page

    yield begin
    for context, heard, asked, base in tabs:
        context.close()
        assert heard == []
        assert all(url.startswith((base, "data:")) for url in asked)


def ask(page, text):
    page.fill("#text", text)
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('#status').textContent")


@pytest.mark.browser
@pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_both_models_side_by_side_and_nothing_amiss(pair, visit, axe, screen, scheme):
    served, journal, log = pair
    page = visit(served, color_scheme=scheme, **SCREENS[screen])
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    ask(page, "my card, and some money")
    cards = page.locator(".card")
    assert cards.count() == 2
    first, second = (cards.nth(i).bounding_box() for i in range(2))
    beside = second["x"] > first["x"] + first["width"] - 1
    assert beside == (screen == "desktop")
    assert "where is my card?" in cards.nth(0).inner_text()
    assert "--keep-texts" in cards.nth(1).inner_text()
    assert cards.nth(0).locator(".top li").count() == 3
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    page.get_by_role("button", name="Wrong", exact=True).click()
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    page.select_option("#right-label", "money")
    page.get_by_role("button", name="Send").click()
    page.wait_for_selector("text=Thank you")
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    page.locator("#drift summary").click()
    page.wait_for_selector("#drift .flag:has-text('new intents')")
    assert page.locator("#drift li").count() == 3
    assert "Looked at" in page.locator("#drift").inner_text()
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    page.locator("#drift summary").click()
    ask(page, "money " + HARD)
    assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    page.get_by_role("button", name="Right", exact=True).click()
    page.wait_for_selector("text=Thank you")
    journal.flush()
    with reading(log) as reader:
        said = [word.label for one in reader.requests() for word in one.words]
    assert said.count("money") == 1


@pytest.mark.browser
def test_refusals_are_told_and_the_next_message_is_answered(visit):
    with Served(patience=_PATIENT) as served:
        page = visit(served)
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Write a message first.")
        page.fill("#text", "x" * 51)
        page.get_by_role("button", name="Ask").click()
        page.wait_for_selector("text=This message is too long.")
        ask(page, "cheese")
        assert "it fits no label" in page.locator(".card").inner_text()
        # One model, and nobody keeps a log.
        assert page.locator(".card").count() == 1
        assert page.locator("#feedback").count() == 0
        assert not page.locator("#drift").is_visible()


@pytest.mark.browser
def test_with_a_token_in_russian(visit, tmp_path):
    files = (token_file(tmp_path),)
    with Served(token_files=files, language="ru", patience=_PATIENT) as served:
        page = visit(served, f"/?token={TOKEN}")
        assert page.url == f"{served.base}/"
        assert page.get_attribute("html", "lang") == "ru"
        ask(page, "time is card card")
        assert "Модель" in page.locator(".card").inner_text()


def test_every_sentence_is_in_both_languages_and_none_is_too_many(pytestconfig):
    folder = pytestconfig.rootpath / "web/src/serve"
    source = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.ts")))
    english, russian = (strings_of("labelmend.serve", language) for language in ("en", "ru"))
    assert list(english) == list(russian)
    assert all(russian.values())
    shell = (pytestconfig.rootpath / "labelmend/serve/shell.html").read_text("utf-8")
    shown = set(re.findall(r"\$\{([\w-]+)\}", shell)) - {"language"}
    quoted = set(re.findall(r"\"([\w-]+)\"", source))
    errors = {name for name in english if name.startswith("error-")}
    assert shown <= set(english)
    assert set(english) - shown - quoted - errors == set()
    assert set(re.findall(r"say\(\"([\w-]+)\"", source)) <= set(english)


def test_the_shell_has_no_script_and_no_style_of_its_own():
    page = shell_of("labelmend.serve", "en")
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)


def test_the_page_s_files_and_their_policy():
    with Served() as served, served.client() as client:
        for path, kind in (
            ("/", "text/html; charset=utf-8"),
            ("/static/serve.js", "text/javascript; charset=utf-8"),
            ("/static/serve.css", "text/css; charset=utf-8"),
        ):
            reply = client.get(path)
            assert (reply.status_code, reply.headers["content-type"]) == (200, kind)
            assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert json.loads(client.get("/static/strings.json").text)["ask"] == "Ask"
