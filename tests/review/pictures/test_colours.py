"""The colours of the map: people with any colour vision tell them apart, on light and on dark."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

STYLE = Path(__file__).resolve().parents[3] / "web" / "src" / "base.css"

# How linear RGB is seen without a kind of cones: Machado, Oliveira & Fernandes (2009), severity 1.
SIGHT = {
    "all cones": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
LEAST_DISTANCE = 15
# In CIELAB, where 2.3 is just seen (Mahy et al. 1994): marks are small, and far from each other.
LEAST_CONTRAST = 3
# Of graphics, by WCAG 2.2, 1.4.11.


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x, y, z = np.array(XYZ) @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    low, high = sorted(float(linear(c) @ XYZ[1]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def schemes():
    """The custom properties of the light and of the dark scheme."""
    style = STYLE.read_text("utf-8")
    light, dark = re.findall(r":root \{([^}]*)\}", style)[:2]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text)) for text in (light, dark)]


def test_the_measure_is_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_marks_differ_for_all(scheme):
    colours = schemes()[scheme]
    marks = [colours[f"mark-{i}"] for i in range(6)]
    assert all(contrast(mark, colours["paper"]) >= LEAST_CONTRAST for mark in marks)
    for sight in map(np.array, SIGHT.values()):
        seen = [lab(sight @ linear(mark)) for mark in [*marks, colours["mark-rest"]]]
        distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
        assert min(distances) >= LEAST_DISTANCE


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_numbers_are_read_on_all_shades_of_the_matrix(scheme):
    colours = schemes()[scheme]
    shades = [colours[f"shade-{i}"] for i in range(1, 6)]
    assert all(contrast(colours["ink"], shade) >= 4.5 for shade in shades)
    order = [contrast(shade, colours["paper"]) for shade in shades]
    assert order == sorted(order)
