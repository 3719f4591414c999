"""A person looks at the pictures, with mouse, keyboard and finger, and picks rows there."""

import re

import pytest
from fixtures.mapped import mapped
from fixtures.reviewed import LABELS, Served, write_reviewed

pytestmark = pytest.mark.browser

PIXEL = """([x, y]) => {
  const canvas = document.querySelector('canvas.map'), dense = canvas.width / canvas.clientWidth;
  return [...canvas.getContext('2d').getImageData(x * dense, y * dense, 1, 1).data].slice(0, 3);
}"""


class Map:
    """The view of the map."""

    def __init__(self, tab):
        self.tab, self.page = tab, tab.page
        self.page.click("#tab-map")
        self.page.wait_for_selector(".listed li")
        self.canvas = self.page.locator("canvas.map")
        box = self.canvas.bounding_box()
        # The border is no part of what is drawn.
        self.width, self.height = self.page.evaluate(
            "(c => [c.clientWidth, c.clientHeight])(document.querySelector('canvas.map'))"
        )
        self.left, self.top = box["x"] + 1, box["y"] + 1
        self.scale = 0.94 * min(self.width / 7, self.height / 4)

    def inside(self, x, y):
        """Where a place of the map lies on the canvas, before anybody moved it."""
        return (
            self.width / 2 + (x - 3.5) * self.scale,
            self.height / 2 - (y - 2) * self.scale,
        )

    def spot(self, x, y):
        """Where it lies on the screen."""
        across, down = self.inside(x, y)
        return self.left + across, self.top + down

    def colour(self, x, y):
        return self.page.evaluate(PIXEL, list(self.inside(x, y)))

    def lasso(self, corners):
        mouse = self.page.mouse
        mouse.move(*self.spot(*corners[0]))
        mouse.down()
        for corner in [*corners[1:], corners[0]]:
            mouse.move(*self.spot(*corner), steps=3)
        mouse.up()

    def found(self):
        self.page.wait_for_selector(".found [role=status]")
        return self.page.inner_text(".found [role=status]")


def test_a_lasso_makes_a_queue(table, sit):
    with Served(table) as served:
        mapped(served)
        tab = sit(served.door.address)
        view = Map(tab)
        page = tab.page
        # In doubt, changed and kept, as the style sheet has them.
        assert view.colour(0, 0) == [0xD5, 0x5E, 0x00]
        assert view.colour(1, 0) == [0x00, 0x72, 0xB2]
        assert view.colour(2, 0) == [0xB9, 0xB9, 0xB5]
        assert view.colour(0.5, 0.5) == [0xFF, 0xFF, 0xFF]
        assert "40 texts, 10 changed, 10 in doubt" in page.inner_text(".beside")
        page.mouse.move(*view.spot(1, 0))
        page.wait_for_selector(".tip:visible")
        assert (
            page.inner_text(".tip")
            == f"number 1: where is my card?\n\n{LABELS[1]} → {LABELS[2]} changed"
        )
        page.get_by_role("button", name="Lasso", exact=True).click()
        view.lasso([(-0.2, -0.2), (2.4, -0.2), (2.4, 1.4), (-0.2, 1.4)])
        assert view.found() == "6 open: texts in the lasso"
        page.get_by_role("button", name="Ask me about them").click()
        page.wait_for_selector("#chosen")
        seen = [tab.row]
        for _ in range(5):
            tab.press("Enter")
            seen.append(tab.row)
        assert seen == [0, 8, 1, 2, 9, 10]
        tab.press("Enter")
        assert "None of the chosen rows is left." in page.inner_text("#row")
        assert [line["shown"]["why"] for line in served.lines()] == ["queue"] * 6
        page.get_by_role("button", name="All rows again").click()
        page.wait_for_function("() => document.querySelector('#row').dataset.row === '4'")
        assert page.locator("#chosen").count() == 0
        # What was answered is told by the map too.
        view = Map(tab)
        page.wait_for_function(
            "() => document.querySelector('.legend').innerText.includes('answered')"
        )
        assert view.colour(0, 0) == [0xCC, 0x79, 0xA7]
        assert tab.layout() == []


def test_by_keyboard_alone(table, sit):
    with Served(table) as served:
        mapped(served)
        tab = sit(served.door.address)
        view = Map(tab)
        page = tab.page
        view.canvas.focus()
        # Twice 1.4 times closer: half of 1.4 * 1.4 remains of what was seen, around (3.5, 2).
        page.keyboard.press("+")
        page.keyboard.press("+")
        page.wait_for_function(
            "() => !document.querySelector('.beside').innerText.includes('40 texts')"
        )
        wide, high = (side / view.scale / 1.96 / 2 for side in (view.width, view.height))
        inside = [
            row for row in range(40) if abs(row % 8 - 3.5) <= wide and abs(row // 8 - 2) <= high
        ]
        assert f"{len(inside)} texts" in page.inner_text(".beside")
        assert page.locator(".listed li").count() == min(8, len(inside))
        page.get_by_role("button", name="Choose what is in view").focus()
        page.keyboard.press("Enter")
        assert view.found() == f"{len(inside)} open: texts in that part of the map"
        # The list says in words what the map shows, and opens a text.
        page.locator(".listed button").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.querySelector('.found').innerText.includes('25 open')"
        )
        page.select_option("#map-by", "given")
        assert page.locator(".legend li").count() == 6  # five labels and the others
        page.get_by_role("button", name="No colour for fees").click()
        assert page.locator(".legend li").last.inner_text() == "all others\n8"


def test_cells_of_the_matrix_on_a_phone(tmp_path, sit):
    table = write_reviewed(tmp_path)
    long = "label_" + "very_" * 14 + "long"
    for path in (table, *(table.with_suffix(end) for end in (".evidence.jsonl", ".labels.yaml"))):
        path.write_text(path.read_text("utf-8").replace(LABELS[1], long), "utf-8")
    with Served(table) as served:
        mapped(served)
        phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
        tab = sit(served.door.address, **phone)
        page = tab.page
        view = Map(tab)
        page.touchscreen.tap(*view.spot(5, 0))
        assert view.found() == "25 open: this text and those most like it"
        assert f"{LABELS[0]} → {long} changed" in page.inner_text(".found")
        page.select_option("#map-by", "proposed")
        assert tab.layout() == []
        page.click("#tab-matrix")
        page.wait_for_selector(".matrix")
        assert tab.layout() == []
        page.locator("#pairs-search").click()
        page.keyboard.type("pin")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelectorAll('.pair').length === 2")
        cell = page.get_by_role(
            "button", name=re.compile(f"4 texts given {LABELS[0]}, proposed {long}")
        )
        cell.tap()
        page.wait_for_selector("#chosen")
        assert tab.row == 0
        assert tab.layout() == []
        for row in (20, 5, 25):
            tab.press("Enter")
            assert tab.row == row
