"""Points of the map: inside a polygon, nearest, and as bytes; worked out by hand."""

import struct

import numpy as np

from labelmend.review.pictures.points import HIDDEN, Points, inside, nearest

SQUARE = ((0, 0), (4, 0), (4, 4), (0, 4))
# A C, open to the right: its notch is x > 1, 1 < y < 3.
NOTCHED = ((0, 0), (4, 0), (4, 1), (1, 1), (1, 3), (4, 3), (4, 4), (0, 4))
# Two triangles that meet in (2, 2), drawn in one stroke.
BOW = ((0, 0), (4, 4), (4, 0), (0, 4))


def at(*places):
    return np.array(places, dtype=np.float32)


def said(places, corners):
    return inside(at(*places), np.array(corners, dtype=np.float64)).tolist()


def test_points_in_polygons():
    assert said([(2, 2), (5, 2), (-1, 2), (2, 5), (2, -1)], SQUARE) == [True, *[False] * 4]
    assert said([(2, 2), (0.5, 2), (2, 0.5), (2, 3.5)], NOTCHED) == [False, True, True, True]
    # Left and right lie inside, above and below between the triangles.
    assert said([(0.5, 2), (3.5, 2), (2, 3.5), (2, 0.5)], BOW) == [True, True, False, False]
    assert said([(2, 2)], SQUARE[::-1]) == [True]
    assert said([(2, 2)], ((0, 2), (4, 2), (2, 2))) == [False]  # no area


def test_a_corner_at_the_height_of_a_point_counts_once():
    diamond = ((2, 0), (4, 2), (2, 4), (0, 2))
    assert said([(1, 2), (-1, 2), (5, 2), (2, 1)], diamond) == [True, False, False, True]


def test_a_point_without_a_place_is_nowhere():
    assert said([(np.nan, np.nan), (2, 2)], SQUARE) == [False, True]
    assert inside(np.zeros((0, 2), dtype=np.float32), np.array(SQUARE, dtype=float)).tolist() == []


def test_the_nearest_come_first_and_equal_ones_in_order():
    places = at((0, 0), (3, 0), (-1, 0), (1, 0), (np.nan, 0), (0, 2))
    assert nearest(places, 0, 4).tolist() == [0, 2, 3, 5]
    assert nearest(places, 3, 99).tolist() == [3, 0, 1, 2, 5]


def test_the_nearest_in_more_than_two_dimensions_by_blocks():
    # 70,000 points on a line of 64 dimensions: several blocks.
    space = np.zeros((70_000, 64), dtype=np.float16)
    space[:, 3] = np.abs(np.arange(70_000) - 40_000).clip(max=2000)
    assert nearest(space, 40_000, 4).tolist() == [40_000, 39_999, 40_001, 39_998]


def test_bytes_are_as_they_are_said_to_be_and_hide_what_is_hidden():
    points = Points(
        rows=np.array([7, 3]),
        given=np.array([1, 0]),
        proposed=np.array([0, -1]),
        decisions=np.array([2, 0]),
        places=at((0.5, -1), (2, 4)),
        labels=("a", "\u00e9"),
    )
    names = b'["a", "\\u00e9"]'
    packed = points.packed(np.array([False, True]), np.array([False, True]))
    assert (
        packed
        == struct.pack("<I4f6i2b", 2, 0.5, 2, -1, 4, 7, 3, 1, HIDDEN, 0, HIDDEN, 2, HIDDEN) + names
    )
    seen = points.packed(np.array([False, False]), np.array([False, True]))
    assert seen.removesuffix(names)[-2:] == struct.pack("<2b", 2, 4)  # the second one is answered
