from labelmend.data.cells.label_set import oos_index

KNOWN = ("oos", "other")


def test_the_label_that_means_that_none_fits():
    assert oos_index(("a", "b"), None, KNOWN, {}) is None
    assert oos_index(("Other", "a"), None, KNOWN, {}) == 0
    # The first of the known names that there is.
    assert oos_index(("a", "oos", "other"), None, KNOWN, {}) == 1
    assert oos_index(("a", "b"), "b", KNOWN, {}) == 1


def test_a_former_name_finds_it_too():
    assert oos_index(("a", "small talk"), None, KNOWN, {"oos": "small talk"}) == 1
    assert oos_index(("a", "small talk"), "chat", KNOWN, {"chat": "small talk"}) == 1
    # A label of that name comes before one that had it.
    assert oos_index(("other", "x"), None, ("other",), {"OTHER": "x"}) == 0
