import numpy as np

from labelmend.data.duplicates import text_groups, text_key, unique_texts
from labelmend.types import NO_LABEL, Dataset


def test_key_folds_case_width_and_white_space() -> None:
    assert text_key("  Wo ist\tmeine\n\nSTRASSE ") == "wo ist meine strasse"
    assert text_key("straße") == "strasse"
    assert text_key("\uff28\uff29\u00a0there") == "hi there"  # full width, no-break space
    assert text_key("cafe\u0301") == text_key("caf\u00e9")


def test_groups_are_numbered_by_key() -> None:
    # keys: "b", "a", "b", "c" -> a is 0, b is 1, c is 2
    assert text_groups(["B", "a", " b ", "c"]).tolist() == [1, 0, 1, 2]


def test_groups_do_not_depend_on_row_order() -> None:
    texts = ["Hi", "hi ", "bye", "Lost card", "lost  card", "other"]
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = text_groups([texts[i] for i in order])
    assert shuffled.tolist() == text_groups(texts)[order].tolist()
    assert shuffled.dtype == np.int64


def test_no_texts() -> None:
    assert text_groups([]).tolist() == []


def dataset(texts: list[str], given: list[int], labels: tuple[str, ...] = ("a", "b")) -> Dataset:
    ids = tuple(str(i + 1) for i in range(len(texts)))
    return Dataset(ids, tuple(texts), np.array(given, dtype=np.int64), labels, None)


def test_unique_texts_by_hand() -> None:
    rows = ["hi", "bye", "HI", " hi ", "never"]
    unique = unique_texts(dataset(rows, [1, 0, 1, 0, NO_LABEL], ("a", "b", "unused")))
    # keys: "bye", "hi", "never"; of the spellings "hi", "HI", " hi " the blank sorts first
    assert unique.texts == ("bye", " hi ", "never")
    assert unique.of_row.tolist() == [1, 0, 1, 1, 2]
    assert unique.given.toarray().tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert len(unique) == 3
    assert (unique.given.dtype, unique.of_row.dtype) == (np.float32, np.int64)


def test_an_unlabelled_copy_counts_for_no_label() -> None:
    unique = unique_texts(dataset(["hi", "Hi", "hi"], [NO_LABEL, 1, NO_LABEL]))
    assert unique.texts == ("Hi",)
    assert unique.given.toarray().tolist() == [[0, 1]]


def test_unique_texts_do_not_depend_on_row_order() -> None:
    rng = np.random.default_rng(0)
    spellings = ["hi", "HI", "Hi ", "bye", "BYE", "lost card", "Lost  card", "other"]
    rows = [spellings[i] for i in rng.integers(0, len(spellings), 60)]
    given = rng.integers(NO_LABEL, 3, 60).tolist()
    unique = unique_texts(dataset(rows, given, ("a", "b", "c")))
    order = rng.permutation(60)
    shuffled = unique_texts(
        dataset([rows[i] for i in order], [given[i] for i in order], ("a", "b", "c"))
    )
    assert shuffled.texts == unique.texts
    assert shuffled.of_row.tolist() == unique.of_row[order].tolist()
    assert shuffled.given.toarray().tolist() == unique.given.toarray().tolist()
    assert unique.given.sum() == 60 - given.count(NO_LABEL)


def test_unique_texts_of_no_rows() -> None:
    unique = unique_texts(dataset([], []))
    assert unique.texts == ()
    assert unique.given.shape == (0, 2)
