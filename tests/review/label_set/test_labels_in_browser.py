"""A person works on the label set in the browser, by keyboard."""

import json

import pytest
from fixtures.reviewed import LABELS

pytestmark = pytest.mark.browser

LOST, STOLEN, _, FEES, _ = LABELS


def button(page, side, name):
    """Press a button by key. The view may be drawn anew just then, so it may need another press."""
    for _ in range(50):
        found = page.locator(f".side >> nth={side}").get_by_role("button", name=name, exact=True)
        found.press("Enter")  # the dialog opens before the next step
        if page.query_selector("dialog[open]"):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{name} opens no dialog")


def test_rename_split_undo_and_no_key_of_the_rows(served, sit):
    tab = sit(served.door.address)
    page = tab.page
    row = tab.row
    page.focus("#tab-labels")
    page.keyboard.press("Enter")
    page.wait_for_selector("#labels-detail[data-shown]")
    assert page.get_attribute("#tab-labels", "aria-current") == "page"
    assert page.get_attribute("#tab-rows", "aria-current") is None
    assert page.is_hidden("#row")
    assert page.is_hidden("#queues")
    assert page.locator(".pair[aria-pressed=true]").inner_text().startswith(f"{LOST} ⇄ {STOLEN} 4")
    assert page.locator(".side >> nth=0 >> .examples li").count() == 6
    # No key answers a row that nobody sees.
    page.locator("h1").click()
    for key in ("Enter", "k", "1", "n", "u", "z", "?"):
        page.keyboard.press(key)
    assert served.lines() == []
    assert page.query_selector("dialog") is None

    button(page, 0, "Rename")
    page.keyboard.type(FEES)
    page.keyboard.press("Enter")
    problem = page.wait_for_selector("dialog .problem:not(:empty)")
    assert problem.inner_text().startswith(f"There is a label {FEES} already")
    page.keyboard.press("Control+A")
    page.keyboard.type("lost <b>card</b>")
    page.keyboard.press("Enter")
    tab.says(f"Kept: {LOST} is lost <b>card</b> from now on")
    page.wait_for_selector("dialog", state="detached")
    assert page.locator(".side h3").all_inner_texts() == ["lost <b>card</b>", STOLEN]

    # The view is drawn anew while somebody goes through it by keyboard, who stays where they are.
    page.locator(".pair").last.focus()
    page.evaluate("() => document.activeElement.setAttribute('data-old', '')")
    page.evaluate("() => document.dispatchEvent(new Event('labelschanged'))")
    page.wait_for_function("() => !document.querySelector('[data-old]')")
    last = "() => document.activeElement === [...document.querySelectorAll('.pair')].at(-1)"
    assert page.evaluate(last)

    button(page, 1, "Split")
    page.keyboard.type("stolen abroad")
    page.keyboard.press("Tab")
    page.keyboard.type("Taken in another country.")
    page.locator("dialog input[type=checkbox] >> nth=2").check()
    assert page.locator("dialog [role=status]").inner_text() == "1 of 8 chosen"
    page.get_by_role("button", name="Save").click()
    tab.says("Kept: stolen abroad is a label of its own")
    (answer,) = served.lines()
    assert answer["labels"] == ["stolen abroad"]

    # The rows have the new names, and the new label can be picked.
    page.click("#tab-rows")
    page.wait_for_function(
        "text => document.querySelector('#row').innerText.includes(text)", arg="lost <b>card</b>"
    )
    assert tab.row == row
    page.wait_for_selector("body:not([data-busy])")
    page.keyboard.press("/")
    page.keyboard.type("abroad")
    page.wait_for_selector("#found-0")
    page.keyboard.press("Enter")
    tab.says("Kept: stolen abroad")

    page.click("#tab-labels")
    page.click("#labels-undo")
    tab.says("The edit is taken back")
    path = served.answers.with_name("mended.label-edits.jsonl")
    what = [json.loads(line).get("what", "undo") for line in path.read_text().splitlines()]
    assert what == ["rename", "split", "undo"]
    assert (
        served.answers.with_name("mended.labels.yaml").read_text().startswith("lost <b>card</b>:")
    )
