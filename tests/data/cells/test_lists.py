import pytest

from labelmend.data.cells.lists import in_shape_of, joined_labels, listed_labels, split_labels


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ('["a", "b"]', ("a", "b")),
        (' ["a"] ', ("a",)),
        ('["a", "a", "b"]', ("a", "b")),
        ("[]", ()),
        ("[ ]", ()),
        ('[null, ""]', ()),
        ("[3]", ("3",)),
        ('[["a"], ["b", "c"]]', ("a", "b", "c")),
        # Python's and NumPy's prints; Python itself would read 'a' 'b' as 'ab'.
        ("['a']", ("a",)),
        ("['a', \"it's\"]", ("a", "it's")),
        ("['it\\'s']", ("it's",)),
        ("['a' 'b']", ("a", "b")),
        ("['a'\n 'b']", ("a", "b")),
        ("[1 2]", ("1", "2")),
        ("[None, nan]", ()),
        ("('a', 'b')", ("a", "b")),
        ("('a',)", ("a",)),
        ('{"choices": ["a", "b"]}', ("a", "b")),
        ('{"choices": "a"}', ("a",)),
        ('{"choices": []}', ()),
        ('{"choices": null}', ()),
        ('[{"choices": ["a"]}, {"choices": "b"}, {}]', ("a", "b")),
        ('{"choices": 3}', ("3",)),
        ("{}", ()),
        # As pandas writes a column of such objects to CSV.
        ("{'choices': ['a', 'b']}", ("a", "b")),
        ("{'choices': 'a'}", ("a",)),
        ("{'choices': []}", ()),
        ("{'choices': None}", ()),
    ],
)
def test_lists(cell, labels):
    assert listed_labels(cell) == labels


@pytest.mark.parametrize(
    "cell",
    [
        *("a", "", "a;b", "[other]", "[a b]", "(other)", "(1)", "[", "[a", '{"a": 1}'),
        *("{'choices': ['a'], 'b': 1}", "{'choices': 'a', 'b'}", "{'choices': x}", "{'choices'}"),
        *('{"choices": ["a"], "b": 1}', '[{"value": "a"}]', "['a'; 'b']", "['a', other]"),
        "[" * 50_000 + "]" * 50_000,
        "[" + "1, " * 50_000 + "1]",
    ],
)
def test_what_is_no_list(cell):
    assert listed_labels(cell) is None


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        ("a", "b é"),
        ("[other]", "b é"),
        ('["a"]', '["b é"]'),
        ('[["a"]]', '[["b é"]]'),
        ('[null, "a"]', '["b é"]'),
        ('{"choices": ["a"]}', '{"choices": ["b é"]}'),
        ('{"choices": "a"}', '{"choices": "b é"}'),
        ("['a']", "['b é']"),
        ("('a',)", "('b é',)"),
        ("{'choices': ['a']}", "{'choices': ['b é']}"),
        ("['a' nan]", "['b é']"),
    ],
)
def test_another_label_in_the_same_shape(cell, same):
    assert in_shape_of(cell, "b é") == same


def test_numbers_and_lists_as_labels_keep_their_shape():
    assert in_shape_of("[3]", "4") == "[4]"
    assert in_shape_of('["3"]', "4") == '["4"]'
    # --label-separator none: the list is the label.
    assert in_shape_of('["a"]', '["b"]') == '["b"]'


def test_split():
    assert split_labels(" a;b ;; a ", ";") == ("a", "b")
    assert split_labels("a", ";") == ("a",)
    assert split_labels(" ; ", ";") == ()


def test_joined_labels_are_labels_of_their_own_elsewhere():
    assert joined_labels({"a;b": 1, "a": 3, "b": 2, "c;a": 1}, ()) == (";", {"a;b"})
    assert joined_labels({"A_x, b": 1, "a x": 3, "b": 2}, ()) == (",", {"A_x, b"})
    assert joined_labels({"a|b|c": 1, "a": 3, "b": 2, "c": 2}, ()) == ("|", {"a|b|c"})
    # The sign of most rows.
    cells = {"a;b": 1, "a|b": 2, "a": 3, "b": 2}
    assert joined_labels(cells, ()) == ("|", {"a|b"})


def test_joined_labels_without_single_ones():
    # b stands at the end of one and at the beginning of another.
    assert joined_labels({"a;b": 1, "b;a": 1, "b;c": 5}, ()) == (";", {"a;b", "b;a"})
    # Paths: what stands first never stands second.
    assert joined_labels({"card|open": 2, "card|close": 2, "account|open": 3}, ()) is None


def test_single_labels_with_a_sign_in_them():
    assert joined_labels({"salt; pepper": 3, "salt": 2, "x": 1}, ()) is None
    assert joined_labels({"a;": 3, "a": 2, ";": 1, "a;a": 1}, ()) is None
    assert joined_labels({"a;b": 1, "a": 3, "b": 2}, {"a;b"}) is None
    assert joined_labels({}, ()) is None
    # A described label counts as one of its own.
    assert joined_labels({"a;b": 1, "a": 3}, {"b"}) == (";", {"a;b"})
