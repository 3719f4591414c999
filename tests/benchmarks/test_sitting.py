"""A whole sitting before the page, on rows of the demo: see benchmarks/sitting.py.

It takes a minute and a half, so an ordinary run leaves it out: what it plays at length stands in
tests/review/test_browser.py (a sitting by keyboard, a server that is killed) and test_desk.py
(answers that a real run applies).
"""

import importlib
import importlib.util
import shutil

import pytest


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.browser
def test_a_sitting_of_sixty_answers_on_rows_of_the_demo(tmp_path, encoders):
    assert all(model.path.is_dir() for model in encoders)
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed; run: pip install playwright")
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    said = []
    play = importlib.import_module("sitting").play
    labels = frozenset({"card_lost", "exchange_rate"})
    assert play(tmp_path, labels, audit=20, say=said.append) == [], said
    assert len(said) == 17
