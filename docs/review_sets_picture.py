"""Takes the pictures of the review page of tables in which a row may have several labels.

Needs what `review_picture.py` needs, and a mended table. Those in the documents are of the banking
texts of NLU++ (Casanueva et al. 2022, CC BY 4.0), with labels of 20 rows and more, of which 15 %
were forgotten, and a wrong one in 15 % of the rows:

python docs/review_sets_picture.py docs/review-sets mended.csv
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser
from review_picture import SCREENS, browsing

ANSWERED = 3
"""Rows that are answered before a picture is taken."""


def still(browser: Browser, address: str, screen: str, scheme: str, path: Path) -> None:
    """Take a picture of a row with a label switched on besides those that it has."""
    page = browser.new_page(**SCREENS[screen], color_scheme=scheme)
    page.goto(address)
    page.wait_for_selector("#progress section")
    for _ in range(ANSWERED):
        row = page.get_attribute("#row", "data-row")
        page.wait_for_selector("body:not([data-busy])")
        page.keyboard.press("Enter")
        page.wait_for_function("row => document.querySelector('#row').dataset.row !== row", arg=row)
    page.locator(".toggle[aria-pressed=false]").first.click()
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(700)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    page.close()


def main() -> None:
    """Copy the table, serve it, and take the pictures."""
    prefix, mended = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        for file in mended.parent.glob(f"{mended.stem}.*"):
            shutil.copy(file, folder)
        table = Path(folder) / mended.name
        with browsing(table) as (browser, address):
            for screen, scheme in (("desktop", "light"), ("phone", "dark")):
                path = prefix.with_name(f"{prefix.name}-{screen}-{scheme}.png")
                still(browser, address, screen, scheme, path)


if __name__ == "__main__":
    main()
