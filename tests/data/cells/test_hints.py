from labelmend.data.cells.hints import missing_notes, open_notes, spelling_notes


def test_spellings():
    (note,) = spelling_notes(["a b", "a_b", "c", "-1", "1", "e\u0301", "\u00e9", "d\u200b", "d"])
    assert note == (
        "labels that differ only by case, white space, hidden characters, the writing of accents, "
        "underscores or hyphens are not merged: 'a b' = 'a_b'; 'd' = 'd\\u200b'; "
        "'e\\u0301' = '\u00e9'; --merge-spellings merges them"
    )
    many = [f"{c}{end}" for c in "abcdefg" for end in ("", " ")]
    assert "'e' = 'e ' and 2 more; --merge" in spelling_notes(many)[0]
    assert spelling_notes(["-1", "1", "a"]) == []


def test_missing_labels():
    assert missing_notes({"-1": 24, "0": 3, "1": 4}) == []  # feelings
    assert missing_notes({"-1": 24, "0": 3, "1": 4, "2": 1}) == [
        "label '-1' (24 rows) looks like a missing label; if so, give --missing-label -1"
    ]
    assert missing_notes({"-1": 24, "-2": 3, "1": 4}) == []
    assert missing_notes({"-1.0": 1, "NaN": 2, "Not labelled": 1, "a": 9}) == [
        "labels '-1.0' (1 row), 'NaN' (2 rows), 'Not labelled' (1 row) look like missing labels; "
        "if so, give --missing-label -1.0 --missing-label NaN --missing-label 'Not labelled'"
    ]
    assert missing_notes({"a": 3, "b": 1}) == []


def test_labels_that_may_mean_that_none_fits():
    assert open_notes({"Другое": 2, "a": 9}) == [
        "label 'Другое' (2 rows): does it mean that a text fits no label? Then name it with "
        "--oos-label 'Другое'"
    ]
    assert open_notes({"misc": 2, "unknown": 1}) == [
        "labels 'misc' (2 rows), 'unknown' (1 row): does one of them mean that a text fits no "
        "label? Then name it with --oos-label; where it only says that nobody has placed the text, "
        "give --missing-label unknown"
    ]
    assert open_notes({"a": 1}) == []
