"""Takes pictures of the page of `labelmend serve` in headless Chromium, on a desktop and a phone.

Needs `pip install playwright` and a Chromium of the system besides labelmend's own environment, and
two models of the demo, one of mended labels and one of the labels as they came:

labelmend demo --no-llm
labelmend train-classifier demo-output/mended.csv -o mended --keep-texts
labelmend train-classifier demo-output/mended.csv --label-column label -o dirty --keep-texts
python docs/serving_picture.py docs mended dirty
"""

import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.protocols import NoProgress
from labelmend.serve.parts.feedback import log_part
from labelmend.serve.place import Place
from labelmend.serve.server import Listener, ServeServer
from labelmend.workflows.serve import Models, open_service

MESSAGE = "someone took my wallet, the card was in it"
SCREENS: dict[str, dict[str, Any]] = {
    "desktop-light": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "light"},
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}


def main(folder: Path, model: Path, against: Path) -> None:
    """Serve both models, ask one message on each screen, and write what is seen."""
    path = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        journal = Journal(Path(place) / "log.sqlite", LogRules())
        service = open_service(Models(model, against), progress=NoProgress())
        listener = Listener(Place(port=0, grace=0))
        server = ServeServer(listener, service, (log_part(service, journal),))
        thread = threading.Thread(target=server.serve)
        thread.start()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, screen in SCREENS.items():
            page = browser.new_context(**screen).new_page()
            page.goto(listener.door.address)
            page.wait_for_selector("#form:not([hidden])")
            page.fill("#text", MESSAGE)
            page.keyboard.press("Enter")
            page.wait_for_selector("#feedback")
            page.screenshot(path=folder / f"serving-{name}.png", full_page=True)
        browser.close()
        server.stop()
        thread.join()
        journal.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
