"""Plays a sitting on the review page in headless Chromium, and draws it as an animated picture.

Beside it, it writes four stills: `review-desktop-light.png` and so on.

Needs `pip install pillow playwright` and a Chromium of the system besides labelmend's own
environment, and a mended table of the demo, whose column `true_label` says what the person answers:

labelmend demo --no-llm
python docs/review_picture.py docs/review.webp demo-output/mended.csv
"""

import csv
import io
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Page, sync_playwright

from labelmend.data.request import TableRequest
from labelmend.review.serving.place import Place
from labelmend.runs.again import given_labels
from labelmend.runs.record import RunRecord
from labelmend.workflows.audit import audit_file
from labelmend.workflows.review import ReviewRequest, open_review

WIDTH, HEIGHT, BAR = 1080, 640, 46
"""Pixels of the page and of the bar with the key below it."""

INK, PAPER, KEY = "#ffffff", "#22303a", "#7cc4f0"

AUDIT = 30
"""Rows that chance draws; ten of them are answered."""

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}

MOST_LOOKS = 12
"""Rows that are answered until one comes that others are like."""

SLOW, FAST = 2600, 900
"""Milliseconds of a frame that there is something to read on, and of one in passing."""


class Film:
    """Frames of a page, each with what was pressed."""

    def __init__(self, page: Page, truth: list[str]) -> None:
        self.page, self.truth = page, truth
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, key: str, words: str, milliseconds: int) -> None:
        """Take a frame."""
        self.page.wait_for_timeout(250)
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        frame = Image.new("RGB", (WIDTH, HEIGHT + BAR), PAPER)
        frame.paste(shot, (0, 0))
        draw = ImageDraw.Draw(frame)
        font = ImageFont.load_default(21)
        left, middle = 18, HEIGHT + BAR // 2
        if key:
            wide = draw.textlength(key, font) + 18
            box = (left, middle - 16, left + wide, middle + 16)
            draw.rounded_rectangle(box, 6, outline=KEY, width=2)
            draw.text((left + wide / 2, middle), key, KEY, font, "mm")
            left += int(wide) + 14
        draw.text((left, middle), words, INK, font, "lm")
        self.frames.append(frame)
        self.times.append(milliseconds)

    @property
    def row(self) -> int:
        """The row in view, from 0."""
        return int(self.page.get_attribute("#row", "data-row") or -1)

    def settled(self) -> None:
        """Wait for the reply."""
        self.page.wait_for_selector("body:not([data-busy])")

    def press(self, key: str) -> None:
        """Press a key that brings another row."""
        before = self.row
        self.settled()
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "before => document.querySelector('#row').dataset.row !== before", arg=str(before)
        )
        self.settled()

    def right_key(self) -> str:
        """Return the key that says the truth; empty where it is not among the candidates."""
        shown = self.page.locator(".labels .label").all_inner_texts()
        names = self.page.locator(".candidates .name").all_inner_texts()
        true = self.truth[self.row]
        if len(shown) == 2 and shown[1] == true:
            return "Enter"
        if shown and shown[0] == true:
            return "k"
        return str(names.index(true) + 1) if true in names[:9] else ""

    def answer(self, milliseconds: int = 0) -> None:
        """Answer the row with the truth, by search if need be; take a frame if it has time."""
        key, said = self.right_key(), self.truth[self.row]
        if key:
            self.press(key)
        else:
            self.search(said)
        if milliseconds:
            self.take(key.title() or "Enter", f"{said}, and the next row", milliseconds)

    def search(self, label: str) -> None:
        """Find a label among all."""
        self.page.keyboard.press("/")
        self.page.keyboard.type(label.replace("_", " "))
        self.press("Enter")

    def save(self, path: Path) -> None:
        """Write all frames as one picture."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.times,
            loop=0,
            quality=80,
            method=6,
            minimize_size=True,
        )


def play(film: Film) -> None:
    """Play the sitting."""
    page = film.page
    film.take("", "labelmend review mended.csv", FAST)
    film.take("", "Audit: rows that chance drew, their labels hidden", SLOW)
    for taken in (FAST, FAST, 0, 0, 0, 0, 0, 0, 0, 0):
        film.answer(taken)
    page.wait_for_selector("#progress .figures", timeout=300_000)
    film.take("", "what the table is worth, with its interval, so far", SLOW)
    page.get_by_role("button", name=re.compile("Doubtful")).click()
    page.wait_for_selector(".labels")
    film.take("", "Doubtful: rows where a look is worth most", SLOW)
    page.keyboard.press("w")
    page.wait_for_selector(".panel table")
    page.locator(".panel").evaluate("panel => panel.scrollIntoView()")
    film.take("W", "why: what each source says, and the nearest texts", SLOW)
    for taken in (FAST, FAST):
        film.answer(taken)
    page.keyboard.press("/")
    word = film.truth[film.row].replace("_", " ")
    for end in (0, 3, len(word)):
        page.locator("dialog input").fill(word[:end])
        film.take("/", "search all labels by name and description", 700)
    film.press("Enter")
    film.take("Enter", f"{word.replace(' ', '_')}, and the next row", FAST)
    film.press("z")
    film.take("Z", "undo, as far back as you like", 1600)
    alike(film)
    film.take("B", "rows alike, answered together", SLOW)
    page.keyboard.press("Escape")
    for name, ready, words in (
        ("labels", "#labels-detail[data-shown]", "labels that are confused: rename, merge, split"),
        ("map", ".listed li", "a map of the texts: a lasso makes a queue"),
        ("matrix", "#view-matrix table", "given against proposed labels"),
    ):
        page.click(f"#tab-{name}")
        page.wait_for_selector(ready)
        page.evaluate("scrollTo(0, 0)")
        film.take("", words, SLOW)


def alike(film: Film) -> None:
    """Go on to a row that others are like, and show them."""
    for _ in range(MOST_LOOKS):
        film.answer()
        film.page.keyboard.press("b")
        film.page.wait_for_selector(".panel")
        if film.page.locator(".batch li").count():
            film.page.locator(".panel").evaluate("panel => panel.scrollIntoView()")
            return
        film.page.keyboard.press("Escape")


def stills(browser: Browser, address: str, prefix: Path) -> None:
    """Take the pictures of the documents: rows of an audit and rows in doubt."""
    for name, queue in (
        ("desktop-dark", "Audit"),
        ("desktop-light", "Doubtful"),
        ("phone-light", "Audit"),
        ("phone-dark", "Doubtful"),
    ):
        screen, scheme = name.split("-")
        page = browser.new_page(**SCREENS[screen], color_scheme=scheme)
        page.goto(address)
        page.wait_for_selector("#progress section")
        page.get_by_role("button", name=re.compile(queue)).click()
        page.wait_for_selector(f"#queues [aria-pressed=true] >> text={queue}")
        page.wait_for_selector("body:not([data-busy])")
        page.wait_for_timeout(500)
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(128, dither=Image.Dither.NONE).save(f"{prefix}-{name}.png", optimize=True)
        page.close()


@contextmanager
def browsing(table: Path) -> Iterator[tuple[Browser, str]]:
    """Serve the page of a table, and open a browser; yield it with the page's address."""
    server = open_review(ReviewRequest(TableRequest(table), who="anna"), Place(port=0))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            yield browser, server.door.address
            browser.close()
    finally:
        server.stop()
        thread.join()


def main() -> None:
    """Copy the table, draw an audit, serve it, play, and write the picture."""
    target, mended = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        for file in mended.parent.glob(f"{mended.stem}.*"):
            if ".audit" not in file.name and ".certificate" not in file.name:
                shutil.copy(file, folder)
        cards = given_labels(mended, RunRecord.read(mended.with_suffix(".run.json")))
        if cards is not None:
            shutil.copy(cards, folder)
        table = Path(folder) / mended.name
        audit_file(TableRequest(table), AUDIT, Path(folder) / "audit.csv")
        with table.open(encoding="utf-8", newline="") as file:
            truth = [row["true_label"] for row in csv.DictReader(file)]
        with browsing(table) as (browser, address):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(address)
            page.wait_for_selector("#progress section")
            film = Film(page, truth)
            play(film)
            stills(browser, address, target.with_suffix(""))
        film.save(target)


if __name__ == "__main__":
    main()
