import pytest

from labelmend.errors import InputError
from labelmend.retrain.known import (
    is_held_out,
    read_base,
    require_share,
    with_rows,
)
from labelmend.retrain.project import HeldOutConfig, open_project
from labelmend.retrain.rows import MendedRow, read_rows, write_rows

HALF = HeldOutConfig(share=0.5, least_rows=10)


def base(tmp_path, text, more=""):
    (tmp_path / "base.csv").write_text(text)
    (tmp_path / "project.yaml").write_text(f"base: base.csv\nheld_out: {{share: 0.5}}\n{more}")
    return read_base(open_project(tmp_path / "project.yaml"))


def row(text, label, **told):
    facts = {
        "source": "s",
        "id": "",
        "key": f"{text} {label}",
        "rows": "labels",
        "side": "train",
        "mended": label,
        "confidence": 0.99,
        "decision": "keep",
        **told,
    }
    return MendedRow(text=text, label=label, **facts)


def texts(held, count=1, share=0.5):
    found = (f"text {n}" for n in range(1000))
    return [text for text in found if is_held_out(text, share) is held][:count]


def test_a_share_of_texts_is_held_out_and_stays_so():
    every = [f"text {n}" for n in range(4000)]
    held = {share: {t for t in every if is_held_out(t, share)} for share in (0.1, 0.15, 0.5)}
    assert held[0.1] < held[0.15] < held[0.5]
    for share, chosen in held.items():
        assert abs(len(chosen) / 4000 - share) < 0.03
    # Copies are on one side, whatever their case and white space.
    for text in every[:200]:
        assert is_held_out(text, 0.5) is is_held_out(f"  {text.upper()}\n", 0.5)


def test_a_mended_base_has_both_labels_and_what_people_settled(tmp_path):
    known = base(
        tmp_path,
        "text,label,mended_label,decision,confidence\n"
        "hi,leave,greet,change,0.9\nbye,leave,leave,answered,1\nno,,deny,label,0.8\nyo,greet,greet,keep,1\n",
    )
    assert known.dataset.labels == ("deny", "greet", "leave")
    assert known.dataset.given.tolist() == [1, 2, 0, 1]
    assert known.given.tolist() == [2, 2, -1, 1]
    assert known.confidence.tolist() == [0.9, 1, 0.8, 1]
    assert known.answered.tolist() == [False, True, False, False]
    assert (known.is_mended, known.base_rows) == (True, 4)


def test_a_base_that_nobody_mended_is_told_of(tmp_path):
    known = base(tmp_path, "text,label\nhi,greet\nbye,leave\n")
    assert not known.is_mended
    assert known.confidence.tolist() == [1, 1]
    assert any("the base was not mended by labelmend" in line for line in known.notes)


def test_no_version_learns_from_what_is_held_out_nor_from_what_was_made_of_it(tmp_path):
    ((kept,), (held,)) = texts(False), texts(True)
    known = base(tmp_path, f"text,label\n{kept},a\n{held},b\n{held.upper()},a\n")
    assert known.held_out.tolist() == [False, True, True]
    assert known.learned_from.given.tolist() == [0, -1, -1]


def test_people_go_before_what_was_mended_of_the_same_text(tmp_path):
    first, second, third = texts(True, 3)
    known = base(tmp_path, f"text,label\n{texts(False)[0]},a\n{texts(False, 2)[1]},b\n")
    rows = [
        row(first, "a"),
        row(first.upper(), "b", rows="answers", decision="answered"),
        row(second, "a", confidence=0.9),
        row(third, "a", rows="corrections", decision="answered", confidence=1.0),
    ]
    after = with_rows(known, rows, HALF)
    found = after.test_set(HALF)
    # What is not sure is not tested on, and neither are the strange texts that users correct.
    assert dict(zip(found.test.texts, found.test.labels, strict=True)) == {first.upper(): "b"}
    assert found.answered == 1


def test_the_last_word_of_an_id_counts(tmp_path):
    known = base(tmp_path, "text,label\nhi,greet\nbye,leave\n")
    rows = [
        row("ok", "greet", id="1"),
        row("ok", "fine", id="1"),
        row("ok", "leave", id="2", decision="passed over", mended=""),
        row("what", "strange", mended=""),
        row("ok", "greet"),
        row("ok", "greet"),
    ]
    after = with_rows(known, rows, HALF)
    names = [after.dataset.labels[k] for k in after.dataset.given]
    assert list(zip(after.dataset.texts, names, strict=True)) == [
        ("hi", "greet"),
        ("bye", "leave"),
        ("ok", "fine"),
        ("ok", "greet"),
        ("ok", "greet"),
    ]
    assert after.base_rows == 2
    assert with_rows(known, [], HALF) is known


def test_a_share_may_shrink_and_not_grow():
    require_share(0.1, 0.15, "p.yaml")
    require_share(0.2, None, "p.yaml")
    with pytest.raises(InputError, match=r"p.yaml: held_out.share is 0.2, and was 0.15"):
        require_share(0.2, 0.15, "p.yaml")


def test_rows_come_back_as_they_were(tmp_path):
    rows = [row("hi\n\0\N{GRINNING FACE}", "greet", id="7"), row("", "x", confidence=0.123456)]
    write_rows(rows, tmp_path)
    assert list(read_rows(tmp_path)) == rows
    assert read_rows(tmp_path / "none") == ()
