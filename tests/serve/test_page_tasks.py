"""The page in a real browser where a text may have several labels, or has values of targets."""

import pytest
from fixtures.browser import LAYOUT, violations
from fixtures.served import Served, WordSets, loaded_sets, loaded_soft

from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.serve.parts.feedback import log_part
from labelmend.serve.place import Patience

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": "dark",
    },
}
LONG = "label_" + "very_" * 14 + "long"


@pytest.fixture
def visit(chromium):
    """Open a page; whatever its script says is a failure."""
    tabs = []

    def begin(served, **options):
        context = chromium.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(30_000)
        heard = []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.goto(f"{served.base}/")
        page.wait_for_selector("#form:not([hidden])")
        tabs.append((context, heard))
        return page

    yield begin
    for context, heard in tabs:
        context.close()
        assert heard == []


def ask(page, text):
    page.fill("#text", text)
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('#status').textContent")


@pytest.mark.browser
@pytest.mark.parametrize("screen", SCREENS)
def test_chips_bars_and_a_set_of_labels_as_feedback(visit, axe, tmp_path, screen):
    log = tmp_path / "log.sqlite"
    journal = Journal(log, LogRules(texts=True), task="several")
    main = loaded_sets(labels=("card", "money", LONG, "time"), max_text_chars=1000)
    other = loaded_sets(WordSets(space="other"), "5" * 16, name="other")
    with Served(
        main, other, add=lambda service: [log_part(service, journal)], patience=Patience()
    ) as served:
        page = visit(served, **SCREENS[screen])
        ask(page, "card, money and money")
        first = page.locator(".card").nth(0)
        assert first.locator(".chips .label").all_inner_texts() == ["money", "card"]
        rows = first.locator(".top li").all_inner_texts()
        assert [row.split()[0] for row in rows] == ["money", "card", LONG]
        assert first.locator(".top .called").count() == 2
        assert "That all of it is right: 54.7%" in first.inner_text()
        assert "--keep-texts" not in page.locator("#results").inner_text()
        assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
        page.get_by_role("button", name="Wrong", exact=True).click()
        switches = page.locator(".switches button")
        assert switches.all_inner_texts() == ["money", "card", LONG]
        switches.nth(0).click()
        switches.nth(2).click()
        page.fill("#more-labels", "time")
        page.locator("#more-labels").dispatch_event("change")
        pressed = [one.get_attribute("aria-pressed") for one in switches.all()]
        assert pressed == ["false", "true", "true", "true"]
        assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
        page.get_by_role("button", name="Send").click()
        page.wait_for_selector("text=Thank you")
        ask(page, "nothing of all this")
        assert first.locator(".verdict").inner_text() == "No label is called."
        assert first.locator(".top li").count() == 3
        page.get_by_role("button", name="Right", exact=True).click()
        page.wait_for_selector("text=Thank you")
        assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])
    journal.close()
    with reading(log) as reader:
        said = [word.label for one in reader.requests() for word in one.words]
    assert said == [f'["card", "{LONG}", "time"]', "[]"]


@pytest.mark.browser
@pytest.mark.parametrize("screen", SCREENS)
def test_values_are_bars_and_nobody_asks_whether_they_are_right(visit, axe, screen):
    with Served(loaded_soft(labels=("card", LONG, "c", "d")), patience=Patience()) as served:
        page = visit(served, **SCREENS[screen])
        ask(page, "card and money money")
        rows = page.locator(".top li").all_inner_texts()
        assert [row.split() for row in rows] == [
            ["card", "0.250"],
            [LONG, "0.500"],
            ["c", "0.000"],
            ["d", "0.000"],
        ]
        assert page.locator("#feedback").count() == 0
        assert (violations(page, axe), page.evaluate(LAYOUT)) == ([], [])


@pytest.mark.browser
def test_in_russian(visit):
    with Served(loaded_sets(), language="ru", patience=Patience()) as served:
        page = visit(served)
        ask(page, "card")
        assert "Что всё верно: " in page.locator(".card").inner_text()
        ask(page, "x")
        assert "Ни одной метки не названо." in page.locator(".card").inner_text()
