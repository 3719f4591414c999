"""How cells of new rows say their labels."""

import pytest

from labelmend.data.read import read_table
from labelmend.errors import InputError
from labelmend.retrain.sources.cells import OneLabel, SeveralLabels


def table(path, *cells):
    path.write_text("text,label\n" + "".join(f'x,"{cell}"\n' for cell in cells))
    return read_table(path)


def test_a_cell_is_a_label(tmp_path):
    rows = table(tmp_path / "t.csv", "card", "", "money")
    assert list(OneLabel().of_table(rows, "label", ())) == ["card", "", "money"]
    assert OneLabel().of_values(["card", "a;b"], ()) == ["card", "a;b"]
    several = table(tmp_path / "s.csv", "card;money", "card", "money")
    with pytest.raises(InputError, match="several labels"):
        OneLabel().of_table(several, "label", ())


def test_a_cell_holds_any_number_of_labels(tmp_path):
    cells = SeveralLabels(";")
    rows = table(tmp_path / "t.csv", "money;card", "", " card ", "card;card")
    expected = ['["card", "money"]', "[]", '["card"]', '["card"]']
    assert list(cells.of_table(rows, "label", ())) == expected
    # By its sign, though no cell of these has it twice.
    assert cells.of_values(["x;y"], ()) == ['["x", "y"]']
    lists = SeveralLabels(None)
    assert lists.of_values(['["b", "a"]', "[]", "c"], ()) == ['["a", "b"]', "[]", '["c"]']


def test_known_labels_tell_what_a_cell_holds():
    # As of a base of lists: a day's few cells show no sign by themselves.
    lists, known = SeveralLabels(None), ("card", "money", "salt, pepper", "1")
    assert lists.of_values(["money|card"], known) == ['["card", "money"]']
    assert lists.of_values(["money|card"], ()) == ['["money|card"]']
    # A label with a sign in it stays one, and "x" is none that is known.
    assert lists.of_values(["salt, pepper", "card|x"], known) == ['["salt, pepper"]', '["card|x"]']
    assert lists.of_values(["[1.0]"], ("1", "2")) == ['["1"]']
