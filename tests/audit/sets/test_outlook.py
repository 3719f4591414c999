import numpy as np
import pytest
from fixtures.audited_sets import make_known_sets

from labelmend.audit.draw import new_design
from labelmend.audit.figures import PRECISION
from labelmend.audit.sets.certificate import countable, most_labels
from labelmend.audit.sets.counts import RowCounts
from labelmend.audit.sets.figures import BEFORE, SET_NAMES, SetCell, SetSample
from labelmend.audit.sets.outlook import further_set_widths, set_widths
from labelmend.audit.sets.ratios import Turns


@pytest.fixture(scope="module")
def table():
    return make_known_sets(np.random.default_rng(3), 300).table()


def test_more_rows_make_narrower_intervals(table):
    design = new_design(table, 100, seed=0)
    counts, most = countable(table), most_labels(table)
    few, many = (set_widths(design.strata, counts, most, rows, 0) for rows in (50, 200))
    assert set(few) == set(many) == set(SET_NAMES)
    assert all(0 <= many[name] < few[name] <= 1 for name in SET_NAMES)
    # All rows leave nothing open.
    assert max(set_widths(design.strata, counts, most, 300, 0).values()) == pytest.approx(0)


def test_it_depends_on_the_seed_alone(table):
    design = new_design(table, 50, seed=0)
    asked = design.strata, countable(table), most_labels(table), 50
    assert set_widths(*asked, 1) == set_widths(*asked, 1)


def cell(rows, seen, rng):
    truth = rng.random((rows, 4)) < 0.4
    counts = RowCounts.of(truth & (rng.random(truth.shape) < 0.8), truth, truth)
    turns = Turns(np.arange(seen), np.zeros(seen, dtype=np.int64), np.array([seen]))
    return SetCell.of(counts, counts.rows(np.arange(seen)), 0.2, turns)


@pytest.mark.parametrize("headline", ["fixed_95", "anytime_95"])
def test_further_answers(headline):
    rng = np.random.default_rng(0)
    cells = (cell(200, 30, rng), cell(80, 20, rng))
    sample = SetSample(cells, cells, 4)
    more, most = (further_set_widths(sample, count, headline, 0) for count in (20, 1000))
    assert set(more) == set(SET_NAMES) == {*most}
    assert all(most[name] <= more[name] for name in SET_NAMES)
    assert most[PRECISION] < 0.01
    # Where nothing can be said of what mending made, nothing is foreseen.
    alone = further_set_widths(SetSample(cells, (), 4), 20, headline, 0)
    assert set(alone) == set(BEFORE)
