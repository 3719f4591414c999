"""axe-core finds nothing, and nothing is cut or overlaps: in all views, light and dark, large and
small, with labels of 80 characters and whatever a text may hold."""

import re

import pytest
from fixtures.browser import violations
from fixtures.mapped import mapped
from fixtures.reviewed import LABELS, Served, draw, write_reviewed

pytestmark = pytest.mark.browser

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
LONG = "label_" + "very_" * 14 + "long"
TEXTS = {
    0: "<img src=x onerror=alert(1)><script>alert(2)</script> & <b>bold</b> " + "word " * 800,
    4: "مرحبا، أين بطاقتي؟ 🙂👩‍👩‍👧‍👦 شكرا",
    8: "x" * 4000,
    20: "🇺🇦" * 200,
}


@pytest.fixture
def hard(tmp_path):
    """A table with labels of 80 characters, and an audit of it."""
    table = write_reviewed(tmp_path, texts=TEXTS)
    assert len(LONG) == 80
    for end in (".csv", ".evidence.jsonl", ".labels.yaml"):
        path = table.with_suffix(end)
        path.write_text(path.read_text("utf-8").replace(LABELS[1], LONG), "utf-8")
    cards = table.with_suffix(".labels.yaml")
    cards.write_text(f"{cards.read_text('utf-8')}{LONG}:\n  description: {'About it. ' * 40}\n")
    draw(table)
    return table


def states(tab):
    """Bring the page into each of its states, and name it."""
    page = tab.page
    yield "audit"
    page.get_by_role("button", name=re.compile("Doubtful")).click()
    page.wait_for_selector(".labels")
    yield "doubtful"
    page.keyboard.press("w")
    page.wait_for_selector(".panel table")
    yield "why"
    page.keyboard.press("b")
    page.wait_for_selector(".batch li")
    yield "batch"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.wait_for_selector("[role=option]")
    yield "search"
    page.keyboard.type("very")
    yield "search, found"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog table")
    yield "help"
    page.keyboard.press("Escape")
    for key, name in (("Enter", "right to left"), ("Enter", "one long word")):
        tab.press(key)
        yield name
    page.keyboard.press("9")
    tab.says("There is no candidate 9")
    yield "refused"
    page.get_by_role("button", name=re.compile("Agreement")).click()
    page.wait_for_selector(".done")
    yield "nothing left"
    yield from views(page)


def views(page):
    """The other views, each with what is picked in it and its dialogs."""
    page.click("#tab-labels")
    page.wait_for_selector("#labels-detail[data-shown]")
    page.locator(".pair", has_text="very_").first.click()
    page.wait_for_function("() => document.querySelector('.side').innerText.includes('very_')")
    yield "labels"
    for name in ("Rename", "Merge into…", "Split", "Describe"):
        side = page.locator(".side").first
        side.get_by_role("button", name=name, exact=True).click()
        page.wait_for_selector("dialog[open]")
        yield name
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
    page.click("#tab-map")
    page.wait_for_selector(".listed li")
    yield "map"
    page.click("#tab-matrix")
    page.wait_for_selector(".matrix")
    yield "matrix"
    page.locator(".matrix button").first.click()
    page.wait_for_selector("body[data-view=rows] #row[data-row]")
    yield "matrix, picked"


@pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_no_violation_and_nothing_cut(hard, axe, sit, screen, scheme):
    with Served(hard) as served:
        mapped(served)
        tab = sit(served.door.address, color_scheme=scheme, **SCREENS[screen])
        for name in states(tab):
            assert (name, violations(tab.page, axe)) == (name, [])
            assert (name, tab.layout()) == (name, [])


def test_what_is_amiss_would_be_seen(hard, axe, sit):
    with Served(hard) as served:
        tab = sit(served.door.address, **SCREENS["phone"])
        tab.page.evaluate(
            "document.querySelector('#actions').append(document.createElement('button'))"
        )
        assert any(one.startswith("button-name") for one in violations(tab.page, axe))
        for selector, style, said in (
            (".text", "overflow: hidden; height: 3px", "cut: "),
            (
                "#status",
                "white-space: nowrap; width: 2000px; font-size: 90px",
                "beyond the screen: ",
            ),
            (".text", "margin-bottom: -90px", " overlaps "),
        ):
            element = f"document.querySelector('{selector}')"
            tab.page.evaluate(f"{element}.style.cssText = '{style}'")
            assert any(said in one for one in tab.layout()), said
            tab.page.evaluate(f"{element}.style.cssText = ''")
        assert tab.layout() == []
