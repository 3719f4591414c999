"""A person sits before the page of several labels: Debian's Chromium, mostly by keyboard."""

import re
import signal

import pytest
from fixtures.browser import Process, violations
from fixtures.reviewed import Served
from fixtures.reviewed_sets import LABELS, given, mended, write_reviewed_sets

from labelmend.data.answer_file import read_answers

pytestmark = pytest.mark.browser

SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
}
LONG = "label_" + "very_" * 14 + "long"
TEXTS = {
    0: "<img src=x onerror=alert(1)><script>alert(2)</script> & <b>bold</b> " + "word " * 400,
    4: "مرحبا، أين بطاقتي؟ 🙂👩‍👩‍👧‍👦 شكرا",
    8: "x" * 3000,
}


@pytest.fixture
def table(tmp_path):
    return write_reviewed_sets(tmp_path)


def said(served):
    return [(a.id, a.verdict, *a.labels) for a in read_answers(served.answers, "several").answers]


def switches(tab):
    """The labels in view, with whether each is on."""
    found = tab.page.locator(".toggle")
    return {
        one.locator(".name").inner_text(): one.get_attribute("aria-pressed") == "true"
        for one in found.all()
    }


def test_a_sitting_by_keyboard_alone(table, sit):
    with Served(table) as served:
        tab = sit(served.door.address)
        # What it has now is on, and the likeliest label comes first.
        assert list(switches(tab)) == ["card", "lost", "fees", "pin"]
        assert [label for label, on in switches(tab).items() if on] == ["card", "fees"]
        tab.page.keyboard.press("2")
        tab.says("On: lost (3 in all)")
        tab.page.keyboard.press("3")
        tab.says("Off: fees (2 in all)")
        assert "Save 2 labels" in tab.page.inner_text("#actions")
        tab.press("Enter")
        tab.says("Kept: card, lost")
        tab.press("m")  # as mended, whatever is on
        tab.page.keyboard.press("1")
        tab.press("k")
        tab.press("n")
        tab.press("u")
        expected = [
            ("r1", "label", "card", "lost"),
            ("r5", "label", *mended(4)),
            ("r9", "label", *given(8)),
            ("r13", "none"),
            ("r17", "unsure"),
        ]
        assert said(served) == expected
        row = tab.row
        tab.press("s")
        assert tab.row != row
        tab.press("z")
        tab.says("You had said: unsure")
        tab.press("z")
        tab.says("You had said: none of these")
        assert not any(switches(tab).values())
        tab.press("z")
        tab.press("z")
        tab.press("z")
        tab.says("You had said: card, lost")
        # The row comes back as it was left.
        assert [label for label, on in switches(tab).items() if on] == ["card", "lost"]
        assert said(served) == []
        tab.page.keyboard.press("9")
        tab.says("There is no candidate 9")
        tab.press("Enter")
        assert said(served) == expected[:1]
        assert all(url.startswith(served.base) for url in tab.asked)


def test_a_server_that_is_killed_goes_on_where_it_was(table, sit):
    server = Process(table)
    tab = sit(server.address)
    tab.press("m")
    server.end(signal.SIGKILL)
    held = tab.row
    tab.page.keyboard.press("3")
    tab.page.keyboard.press("Enter")
    tab.says("The server can")
    # Neither the row nor what is on is lost.
    assert tab.row == held
    on = {label for label, is_on in switches(tab).items() if is_on}
    server.start()
    tab.press("Enter")
    status, told = server.end(signal.SIGINT)
    answers = table.with_name("answers.jsonl")
    assert (status, f"closed; all answers are in {answers}" in told) == (0, True)
    first, second = read_answers(answers, "several").answers
    assert (first.id, first.labels) == ("r1", mended(0))
    assert (second.id, {*second.labels}) == ("r5", on)
    assert on != {*mended(4)}


def test_another_label_is_searched_and_switched_on(table, sit):
    with Served(table) as served:
        tab = sit(served.door.address)
        assert "stolen" not in switches(tab)
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("stoln")
        assert tab.page.inner_text("[role=option][aria-selected=true] .name") == "stolen"
        tab.page.keyboard.press("Enter")
        tab.says("On: stolen (3 in all)")
        assert list(switches(tab))[-1] == "stolen"
        tab.page.keyboard.press("5")
        tab.says("Off: stolen")
        tab.page.keyboard.press("5")
        tab.press("Enter")
        assert said(served) == [("r1", "label", "card", "fees", "stolen")]
        # A label that is in view already is switched, not shown twice.
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("lost")
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector("dialog", state="detached")
        assert list(switches(tab)).count("lost") == 1


def test_by_pointer_and_by_tab(table, sit):
    with Served(table) as served:
        tab = sit(served.door.address)
        lost = tab.page.get_by_role("button", name="lost", pressed=False)
        lost.click()
        # Whoever points goes on by keys: Enter saves, and switches nothing.
        tab.press("Enter")
        assert said(served) == [("r1", "label", "card", "fees", "lost")]
        # On a switch that was reached by Tab, Space and Enter switch.
        name = tab.page.locator(".toggle").nth(0).locator(".name").inner_text()
        tab.page.locator(".toggle").nth(0).focus()
        tab.page.keyboard.press("Space")
        assert not switches(tab)[name]
        tab.page.keyboard.press("Enter")
        assert switches(tab)[name]
        assert tab.page.evaluate("document.activeElement.classList.contains('toggle')")
        # Nor does a digit move whoever stands on another button.
        tab.page.get_by_role("button", name="Unsure").focus()
        tab.page.keyboard.press("1")
        assert not switches(tab)[name]
        assert tab.page.evaluate("document.activeElement.textContent") == "UUnsure"
        tab.page.keyboard.press("1")
        tab.page.locator("#actions .primary").click()
        tab.says("Kept: ")
        assert len(said(served)) == 2


def test_a_phone(table, sit):
    with Served(table) as served:
        tab = sit(served.door.address, **SCREENS["phone"])
        tab.page.locator(".toggle", has_text="lost").tap()
        tab.says("On: lost")
        row = tab.row
        tab.page.get_by_role("button", name="Save 3 labels").tap()
        tab.page.wait_for_function(
            "row => document.querySelector('#row').dataset.row !== row", arg=str(row)
        )
        assert said(served) == [("r1", "label", "card", "fees", "lost")]


def test_hidden_labels_begin_switched_off(table, sit):
    with Served(table, blind=True) as served:
        tab = sit(served.door.address)
        assert list(switches(tab)) == ["card", "fees", "lost", "pin"]
        assert not any(switches(tab).values())
        assert tab.page.locator("#side *").count() == 0
        assert "As given" not in tab.page.inner_text("main")
        tab.page.keyboard.press("Enter")  # a slip says nothing
        tab.says("No label is on")
        for key in ("m", "k"):
            tab.page.keyboard.press(key)
            tab.says("The labels of this row are hidden")
        tab.page.keyboard.press("4")
        tab.page.keyboard.press("v")
        tab.page.wait_for_selector("#side .panel")
        # What was on stays on.
        assert [label for label, on in switches(tab).items() if on] == ["pin"]
        tab.press("Enter")
        tab.page.keyboard.press("v")
        tab.page.wait_for_selector("#side .panel")
        assert {label for label, on in switches(tab).items() if on} == {*mended(4)}
        tab.press("n")
        tab.press("n")
        saw = [one.saw.given for one in read_answers(served.answers, "several").answers]
        assert (saw, said(served)[0]) == ([True, True, False], ("r1", "label", "pin"))


def test_what_is_not_built_for_sets_is_not_on_the_page(table, sit):
    with Served(table) as served:
        tab = sit(served.door.address)
        assert tab.page.locator("#views").is_hidden()
        assert tab.page.locator("#queues button").all_inner_texts() == ["Doubtful 10", "Agreement"]
        words = tab.page.inner_text("body")
        for absent in ("Alike", "Map", "Matrix", "Audit", "audit", "may stop"):
            assert absent not in words
        row = tab.row
        for key in ("w", "b"):
            tab.page.keyboard.press(key)
        assert tab.row == row
        tab.page.keyboard.press("?")
        helped = tab.page.inner_text("dialog")
        assert "save the labels that are on" in helped
        assert "rows like this one" not in helped


@pytest.fixture
def hard(tmp_path):
    """A table with a label of 80 characters, and texts of all kinds."""
    table = write_reviewed_sets(tmp_path, texts=TEXTS)
    for end in (".csv", ".evidence.jsonl", ".run.json"):
        path = table.with_suffix(end)
        said = path.read_text("utf-8")
        path.write_text(re.sub(rf"\b{LABELS[2]}\b", LONG, said), "utf-8")
    return table


def states(tab, served):
    """Bring the page into each of its states, and name it."""
    page = tab.page
    yield "doubtful"
    page.keyboard.press("2")
    page.keyboard.press("1")
    yield "switched"
    page.keyboard.press("/")
    page.wait_for_selector("[role=option]")
    yield "search"
    page.keyboard.type("stol")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog", state="detached")
    yield "searched"
    page.keyboard.press("?")
    page.wait_for_selector("dialog table")
    yield "help"
    page.keyboard.press("Escape")
    for name in ("right to left", "one long word", "changed"):
        tab.press("Enter")
        yield name
    page.get_by_role("button", name=re.compile("Agreement")).click()
    page.wait_for_selector(".done")
    yield "nothing left"
    bob = served.client("bob", "tab-number-2")
    bob.post("answer", queue="doubtful", row=20, verdict="none")
    page.get_by_role("button", name=re.compile("Agreement")).click()
    page.wait_for_selector(".hidden")
    yield "hidden"


@pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_no_violation_and_nothing_cut(hard, axe, sit, screen, scheme):
    with Served(hard) as served:
        tab = sit(served.door.address, color_scheme=scheme, **SCREENS[screen])
        for name in states(tab, served):
            assert (name, violations(tab.page, axe)) == (name, [])
            assert (name, tab.layout()) == (name, [])


def test_in_russian(table, sit):
    with Served(table, language="ru") as served:
        tab = sit(served.door.address)
        assert "Исходные" in tab.page.inner_text("#row")
        tab.page.keyboard.press("2")
        tab.says("Включена: lost")
        assert "Сохранить 3 метки" in tab.page.inner_text("#actions")
        assert tab.layout() == []
