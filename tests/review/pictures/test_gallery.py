"""Map and matrix over real HTTP, and the rows that are picked there."""

import json

import numpy as np
import pytest
from fixtures.indexed import add_index
from fixtures.mapped import ROWS, mapped
from fixtures.reviewed import LABELS, Served, draw, given, proposed, write_reviewed

from labelmend.review.pictures.choice import MOST_CORNERS
from labelmend.review.pictures.points import HIDDEN
from labelmend.review.serving.guard import MOST_BODY

# In the order of a look: those in doubt, then the others.
ORDER = [*range(0, ROWS, 4), *(row for row in range(ROWS) if row % 4)]
CELL = {"given": "card_lost", "proposed": "card_stolen"}
ALL = [[-1, -1], [9, -1], [9, 9], [-1, 9]]


@pytest.fixture
def page(served):
    return mapped(served)


@pytest.fixture
def tab(page):
    return page.client()


def map_of(tab):
    """The map, by row of the table: x, y, given, proposed, decision."""
    reply = tab.http.get("/api/map", params={"who": tab.who})
    assert reply.headers["content-type"] == "application/octet-stream"
    (count,) = np.frombuffer(reply.content[:4], "<u4")
    kind = [("x", "<f4"), ("y", "<f4"), ("row", "<i4"), ("given", "<i4"), ("proposed", "<i4")]
    parts, at = {}, 4
    for name, dtype in [*kind, ("decision", "i1")]:
        parts[name] = np.frombuffer(reply.content, dtype, count, at)
        at += parts[name].nbytes
    assert json.loads(reply.content[at:]) == list(LABELS)
    rows = parts.pop("row").tolist()
    return rows, dict(
        zip(rows, zip(*(v.tolist() for v in parts.values()), strict=True), strict=True)
    )


def matrix_of(tab, **query):
    return tab.http.get("/api/matrix", params={"who": tab.who, **query})


def asked(tab, choice):
    """All rows that are asked about, answered as they come."""
    seen = []
    item = tab.post("next", queue="doubtful", choice=choice).json()["item"]
    while item is not None:
        seen.append(item["row"])
        reply = tab.answer(item["row"], verdict="unsure", choice=choice)
        item = reply.json()["item"]
    return seen


def test_the_map_has_every_text_in_the_order_of_a_look(tab):
    rows, points = map_of(tab)
    assert rows == ORDER
    assert points[11] == (3, 1, LABELS.index(given(11)), LABELS.index(proposed(11)), 0)
    assert [points[row][4] for row in range(4)] == [2, 1, 0, 0]
    tab.answer(0, "fees")
    assert map_of(tab)[1][0] == (0, 0, LABELS.index(given(0)), LABELS.index(proposed(0)), 4)


def test_a_run_without_a_map_says_so(served):
    reply = served.client().http.get("/api/map", params={"who": "anna"})
    assert (reply.status_code, reply.json()["error"]) == (404, "no-map")
    for choice in ({"area": ALL}, {"near": 3}):
        refused = served.client().post("choose", choice=choice)
        assert (refused.status_code, refused.json()["error"]) == (404, "no-map")
    assert served.client().post("choose", choice=CELL).json() == {"texts": 4}


def test_the_matrix_counts_texts(tab):
    # Of twenty rows each label comes four times; two of these seem to be the next label.
    found = matrix_of(tab).json()
    assert found["labels"] == [LABELS[k] for k in (3, 2, 1, 0, 4)]
    steps = [[4 if p in {g, (g + 1) % 5} else 0 for p in (3, 2, 1, 0, 4)] for g in (3, 2, 1, 0, 4)]
    assert found["counts"] == steps
    assert found["pairs"][0] == {**CELL, "texts": 4}
    assert (len(found["pairs"]), found["others"], found["more"], found["hidden"]) == (5, 0, 0, 0)
    pairs = matrix_of(tab, label="fees").json()["pairs"]
    assert [(one["given"], one["proposed"]) for one in pairs] == [
        *(("exchange_rate", "fees"), ("fees", "pin_reset")),
    ]
    unknown = matrix_of(tab, label="no such")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown-label")


def test_a_cell_is_asked_about_in_the_runs_order(page, tab):
    assert tab.post("choose", choice=CELL).json() == {"texts": 4}
    assert asked(tab, CELL) == [0, 20, 5, 25]
    # They count as doubtful rows do, so no certificate is fed by them.
    assert {line["shown"]["why"] for line in page.lines()} == {"queue"}
    assert tab.post("choose", choice=CELL).json() == {"texts": 0}
    assert tab.next()["row"] == 4
    assert tab.post("choose", choice={**CELL, "given": "no such"}).json() == {"texts": 0}


def test_an_area_of_the_map(tab):
    # The first three columns and two rows: rows 0 to 2 and 8 to 10 of the table.
    area = {"area": [[-0.5, -0.5], [2.5, -0.5], [2.5, 1.5], [-0.5, 1.5]]}
    assert tab.post("choose", choice=area).json() == {"texts": 6}
    assert asked(tab, area) == [0, 8, 1, 2, 9, 10]


def test_a_point_and_those_near_to_it(tab):
    assert tab.post("choose", choice={"near": 0}).json() == {"texts": 25}
    seen = asked(tab, {"near": 0})
    # Up to four steps off, and of those that are as far, (3, 3) and so on, the first ones.
    away = {row: (row % 8) ** 2 + (row // 8) ** 2 for row in range(ROWS)}
    nearest = sorted(ORDER, key=lambda row: (away[row], ORDER.index(row)))[:25]
    assert seen == [row for row in ORDER if row in nearest]
    assert tab.post("choose", choice={"near": ROWS}).json()["error"] == "no-row"


def test_the_index_brings_the_map_and_says_what_is_alike(table):
    add_index(table)
    with Served(table) as served:
        tab = served.client()
        points = map_of(tab)[1]
        assert [points[row][:2] for row in (0, 1, 2, 39)] == [(1, 0), (0, 1), (0, 0), (0, 0)]
        assert points[0][2:] == (LABELS.index(given(0)), LABELS.index(proposed(0)), 2)
        # In four dimensions rows 1 to 3 are further from row 0 than all others, on the map not.
        alike = [row for row in ORDER if row not in {1, 2, 3}][:25]
        assert asked(tab, {"near": 0}) == alike


def test_skipped_rows_come_again_and_other_queues_are_whole(tab):
    first = tab.post("next", queue="doubtful", choice=CELL, skip=0).json()["item"]
    assert first["row"] == 20
    for row in (20, 5, 25):
        item = tab.answer(row, "fees", choice=CELL).json()["item"]
    assert item["row"] == 0
    other = tab.http, "bob", "tab-number-2"
    bob = type(tab)(*other)
    assert bob.post("next", queue="agreement", choice={"near": 1}).json()["item"]["row"] == 20


def test_open_audit_rows_show_no_label_and_are_never_picked(audited):
    with Served(audited) as served:
        tab = mapped(served).client()
        drawn = {one.row for one in served.desk.sitting.queues.drawn}
        points = map_of(tab)[1]
        assert {row for row in points if points[row][2:] == (HIDDEN,) * 3} == drawn
        matrix = matrix_of(tab).json()
        assert (matrix["hidden"], sum(map(sum, matrix["counts"]))) == (8, 32)
        assert tab.post("choose", choice={"area": ALL}).json() == {"texts": 32}
        assert set(asked(tab, {"area": ALL})) == set(range(ROWS)) - drawn
        row = tab.next("audit")["row"]
        tab.answer(row, "fees", queue="audit")
        assert HIDDEN not in map_of(tab)[1][row]
        # Others are still to answer it blind.
        assert map_of(served.client("bob", "tab-number-2"))[1][row][2:] == (HIDDEN,) * 3


def test_rows_that_the_audit_leaves_to_somebody_else_are_kept_blind_too(audited):
    sheet = audited.with_name("audit.csv").read_text("utf-8").splitlines()
    audited.with_name("half.csv").write_text("\n".join(sheet[:5]), "utf-8")
    with Served(audited, audit=audited.with_name("half.csv")) as served:
        tab = mapped(served).client()
        points = map_of(tab)[1]
        assert sum(point[2:] == (HIDDEN,) * 3 for point in points.values()) == 8
        assert tab.post("choose", choice={"area": ALL}).json() == {"texts": 32}


def test_blind_means_blind(table):
    with Served(table, blind=True) as served:
        tab = mapped(served).client()
        assert {point[2:] for point in map_of(tab)[1].values()} == {(HIDDEN,) * 3}
        found = matrix_of(tab).json()
        assert (found["labels"], found["counts"], found["pairs"], found["hidden"]) == (
            [],
            [],
            [],
            40,
        )
        assert tab.post("choose", choice=CELL).json() == {"texts": 0}
        assert tab.post("choose", choice={"area": ALL}).json() == {"texts": 40}


def test_copies_are_one_point(tmp_path):
    table = write_reviewed(tmp_path, texts={4: "Number 0:  WHERE is my card?"})
    with Served(table) as served:
        rows = map_of(mapped(served).client())[0]
        assert len(rows) == 39
        assert 4 not in rows


def test_texts_are_cut_and_named(tmp_path):
    draw(write_reviewed(tmp_path, texts={3: "<b>" + "x" * 4000}))
    with Served(tmp_path / "mended.csv") as served:
        ask = served.client().http.get
        found = ask("/api/texts", params={"row": [3, 0, 99]}).json()["texts"]
        assert found[0] == {"row": 3, "id": "r4", "text": "<b>" + "x" * 297}
        assert [one["row"] for one in found] == [3, 0]
        assert ask("/api/texts", params={"row": [0] * 25}).status_code == 422


def test_what_is_no_choice_is_refused(tab):
    for choice in (
        {"area": [[0, 0], [1, 1]]},
        {"area": [[0, 0]] * (MOST_CORNERS + 1)},
        {"area": [[0, 0, 0]] * 3},
        {"area": [["0", 0]] * 3},
        {"area": [[1e9, 0]] * 3},
        {"area": [[float("nan"), 0]] * 3},
        {"near": -1},
        {"near": True},
        {"near": 1, "area": ALL},
        {"given": "fees"},
        {"given": "fees", "proposed": ""},
        {},
        "all",
    ):
        assert tab.post("choose", choice=choice).status_code == 422, choice
        assert tab.post("next", queue="doubtful", choice=choice).status_code == 422, choice


def test_the_largest_area_fits_in_a_request():
    corner = [-0.12345678901234567, 0.98765432109876543]
    assert len(json.dumps({"choice": {"area": [corner] * MOST_CORNERS}})) < MOST_BODY / 2
