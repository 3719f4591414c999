from fixtures.logged import NOW, guess

from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.journal.read import Logged, LoggedText, Word
from labelmend.journal.rows import RowRules, new_rows

RULES = RowRules(max_chars=2000, oos="oos", labels=frozenset({"card_lost", "fees", "oos"}))


def text(content, *words):
    last = Logged(content, int(NOW * 1000), "http", "s", content, 0, content, (guess(),), ())
    return LoggedText(last, content, 1, tuple(Word(*word) for word in words))


def reviewed(content, label=None, verdict="label", who="rita"):
    labels = () if label is None else (label,)
    when = "2026-11-30T00:00:00Z"
    key = text_sha256(content)
    return Answer(key, "x", verdict, labels, who, when, Shown("queue"), Saw(True, True))


def labels(found):
    return {row.of.text: (row.label, row.by, row.people) for row in found.rows}


def test_senders_settle_a_text_by_majority():
    found = new_rows(
        [
            text("one", ("a", 1, "fees")),
            text("two", ("a", 2, "fees"), ("b", 3, "card_lost"), ("c", 4, "fees")),
            text("torn", ("a", 5, "fees"), ("b", 6, "oos")),
            text("unnamed", ("a", 7, None)),
            text("silent"),
            text("wrong, and one says what is right", ("a", 8, None), ("b", 9, "oos")),
        ],
        [],
        RULES,
    )
    assert labels(found) == {
        "one": ("fees", "feedback", 1),
        "two": ("fees", "feedback", 2),
        "wrong, and one says what is right": ("oos", "feedback", 1),
    }
    assert (found.torn, found.unnamed, found.unsure, found.beyond) == (1, 1, 0, 0)


def test_a_reviewer_is_believed_before_senders():
    words = [("a", 1, "fees"), ("b", 2, "fees")]
    texts = [text(name, *words) for name in ("says", "none", "unsure", "torn", "copy  OF it")]
    answers = [
        reviewed("says", "card_lost"),
        reviewed("none", verdict="none"),
        reviewed("unsure", verdict="unsure"),
        reviewed("torn", "fees"),
        reviewed("torn", "oos", who="rob"),
        reviewed("Copy of it", "oos"),
        reviewed("another text", "oos"),
    ]
    found = new_rows(texts, answers, RULES)
    assert labels(found) == {
        "says": ("card_lost", "review", 1),
        "none": ("oos", "review", 1),
        "copy  OF it": ("oos", "review", 1),
    }
    assert (found.torn, found.unsure) == (1, 1)


def test_without_an_out_of_scope_label_none_of_these_makes_no_row():
    rules = RowRules(max_chars=2000, oos=None, labels=frozenset({"fees"}))
    found = new_rows([text("a")], [reviewed("a", verdict="none")], rules)
    assert (found.rows, found.unsure) == ((), 1)


def test_one_sender_gives_no_more_than_a_share():
    # 8 words of others: with a share of 20 %, a sender may give 2, for 2 / (2 + 8) = 20 %.
    flood = [text(f"flood {i}", ("bad", 100 - i, "oos")) for i in range(10)]
    honest = [text(f"honest {i}", (f"good {i}", 1, "fees")) for i in range(8)]
    rules = RowRules(2000, "oos", RULES.labels, most_share=0.2, free_rows=0)
    found = new_rows([*flood, *honest], [], rules)
    assert found.beyond == 8
    # The first words stay: those of the least time.
    assert {name for name in labels(found) if name.startswith("flood")} == {"flood 8", "flood 9"}
    assert len(found.rows) == 10
    assert len(found.answers) == 10


def test_a_few_words_are_free_and_a_share_of_all_is_no_bound():
    alone = [text(f"t{i}", ("anna", i, "fees")) for i in range(60)]
    assert len(new_rows(alone, [], RULES).rows) == 50
    free = RowRules(2000, "oos", RULES.labels, most_share=1.0)
    assert len(new_rows(alone, [], free).rows) == 60


def test_a_label_that_was_never_served_is_left_out():
    found = new_rows([text("a", ("s", 1, "gone")), text("b", ("s", 1, "fees"))], [], RULES)
    assert labels(found) == {"b": ("fees", "feedback", 1)}
    assert found.strange == {"gone": 1}
    unknown = RowRules(2000, None, frozenset())
    assert len(new_rows([text("a", ("s", 1, "gone"))], [], unknown).rows) == 1


def test_words_are_answers_of_their_senders():
    found = new_rows([text("Where IS it?", ("s-7", 1_000, "fees"), ("", 2_000, None))], [], RULES)
    (answer,) = found.answers
    assert answer.text_sha256 == text_sha256("where is it?")
    assert (answer.id, answer.who, answer.verdict) == ("Where IS it?", "s-7", "label")
    assert (answer.labels, answer.when) == (("fees",), "1970-01-01T00:00:01Z")
    assert answer.shown == Shown("import")
    assert answer.saw == Saw(given=True, proposed=False)


def test_a_long_text_is_known_as_tables_cut_it():
    rules = RowRules(4, "oos", RULES.labels)
    found = new_rows([text("abcdefgh", ("s", 1, "fees"))], [reviewed("abcd", "oos")], rules)
    assert labels(found) == {"abcdefgh": ("oos", "review", 1)}
