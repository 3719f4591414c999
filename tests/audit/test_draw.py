import re
from dataclasses import replace

import numpy as np
import pytest
from fixtures.audited import make_known

from labelmend.audit.draw import continued, new_design, read_design, table_digest
from labelmend.audit.strata import Kind
from labelmend.errors import InputError


@pytest.fixture(scope="module")
def known():
    return make_known(np.random.default_rng(5), 300)


@pytest.fixture(scope="module")
def table(known):
    return known.table()


def drawn(design):
    return {one.row for one in design.rows_of()}


def test_a_design_holds_every_row_once(table):
    design = new_design(table, 60, seed=0)
    rows = np.concatenate([s.rows for s in design.strata])
    assert sorted(rows.tolist()) == list(range(300))
    assert design.drawn.sum() == len(design.rows_of()) == 60
    for stratum in design.strata:
        assert (table.kinds[stratum.rows] == stratum.kind).all()


def test_inclusion_is_drawn_by_rows_of_the_stratum(table):
    design = new_design(table, 60, seed=0)
    by_name = {s.name: n / len(s) for s, n in zip(design.strata, design.drawn, strict=True)}
    assert all(one.inclusion == by_name[one.stratum] for one in design.rows_of())


def test_the_seed_decides_and_the_order_of_rows_does_not(table, known):
    design = new_design(table, 60, seed=0)
    assert drawn(new_design(table, 60, seed=0)) == drawn(design)
    assert drawn(new_design(table, 60, seed=1)) != drawn(design)
    order = np.random.default_rng(0).permutation(300)
    data = table.dataset
    shuffled = replace(
        table,
        dataset=replace(data, texts=tuple(data.texts[i] for i in order), given=data.given[order]),
        mended=table.mended[order],
        doubt=table.doubt[order],
        answered=table.answered[order],
    )
    assert {int(order[row]) for row in drawn(new_design(shuffled, 60, seed=0))} == drawn(design)


def test_each_row_is_drawn_as_often_as_it_should_be(table):
    times = np.zeros(300)
    seeds = 200
    for seed in range(seeds):
        for row in drawn(new_design(table, 60, seed)):
            times[row] += 1
    for stratum, count in zip(*_parts(new_design(table, 60, 0)), strict=True):
        share = count / len(stratum)
        assert times[stratum.rows].mean() / seeds == pytest.approx(share)
        spread = np.sqrt(share * (1 - share) / seeds)
        assert (np.abs(times[stratum.rows] / seeds - share) <= 4.5 * spread + 1e-9).all()


def _parts(design):
    return design.strata, design.drawn


def test_going_on_adds_rows_and_takes_none_back(table):
    design = new_design(table, 60, seed=0)
    more = continued(design, 40)
    assert more.drawn.sum() == 100
    assert (more.drawn >= design.drawn).all()
    assert drawn(design) < drawn(more)
    assert {one.row for one in more.rows_of(0)} == drawn(design)
    assert {one.row for one in more.rows_of(1)} == drawn(more) - drawn(design)
    assert drawn(continued(more, 1000)) == set(range(300))
    # What is drawn does not depend on the steps in which it was.
    assert set(more.draws[0]) == set(design.draws[0])


def test_a_person_who_stops_early_has_seen_all_strata(table):
    design = new_design(table, 60, seed=0)
    seen = [one.stratum for one in design.rows_of()[:20]]
    for stratum, count in zip(*_parts(design), strict=True):
        assert abs(seen.count(stratum.name) - count / 3) <= 1


def test_a_design_is_read_as_it_was_written(table, tmp_path):
    design = continued(new_design(table, 60, seed=3), 10)
    path = tmp_path / "mended.audit.json"
    assert read_design(path, table) is None
    path.write_text(design.to_json(), "utf-8")
    found = read_design(path, table)
    assert found.draws == design.draws
    assert (found.design, found.seed, found.digest) == (design.design, 3, table_digest(table))
    assert found.rows_of() == design.rows_of()
    assert [s.kind for s in found.strata] == [s.kind for s in design.strata]


def test_another_table_or_a_damaged_file_is_refused(table, tmp_path):
    path = tmp_path / "mended.audit.json"
    design = new_design(table, 60, seed=0)
    path.write_text(design.to_json(), "utf-8")
    other = replace(table, dataset=replace(table.dataset, texts=("new", *table.dataset.texts[1:])))
    with pytest.raises(InputError, match="other rows, texts or ids"):
        read_design(path, other)
    for broken in (
        design.to_json()[:100],
        design.to_json().replace('"order": [', '"order": [999, '),
        design.to_json().replace('"schema_version": 1', '"schema_version": 2'),
        design.to_json().replace('"draws": [[', '"draws": [[999, '),
        design.to_json().replace('"draws": [[', f'"draws": [[{"9" * 400}, '),
        re.sub(r'"order": \[\d+', f'"order": [{"9" * 400}', design.to_json(), count=1),
        re.sub(r'"doubt": [^,]*', '"doubt": -0.5', design.to_json(), count=1),
        re.sub(r'"doubt": [^,]*', '"doubt": NaN', design.to_json(), count=1),
    ):
        path.write_text(broken, "utf-8")
        with pytest.raises(InputError, match="damaged"):
            read_design(path, table)


def test_rows_that_were_answered_before_are_known_and_not_drawn(known):
    answered = np.arange(300) < 40
    design = new_design(known.table(answered=answered), 60, seed=0)
    (before,) = (s for s in design.strata if s.kind == Kind.ANSWERED)
    assert sorted(before.rows.tolist()) == list(range(40))
    assert not drawn(design) & set(range(40))
