import pytest

from labelmend.augment.plan import RealTexts, listed, plan_of, seed_of
from labelmend.configs.schema import AugmentConfig
from labelmend.errors import ConfigError
from labelmend.prompts.render import NEW_TEXT, REWORD
from labelmend.types import LabelCard

LABELS = ("card", "new", "oos", "pin")
REAL = RealTexts(
    ("a card", "b card", "c card", "kept", "odd", "the pin"),
    (0, 0, 0, 0, 2, 3),
    (True, True, True, False, True, True),
)
CARDS = {
    "new": LabelCard("new", "Something new.", (), "user"),
    "pin": LabelCard("pin", "The PIN.", ("The  PIN", "my pin"), "user"),
}
CONFIG = AugmentConfig(rewordings=0.5, lines=3, examples=2, drafts_per_text=2.0)


def test_what_lacks_texts():
    plan = plan_of(LABELS, 2, REAL, CARDS, 3)
    assert [(w.card.label, w.rows, w.count) for w in plan.wanted] == [
        ("new", (), 3),
        ("pin", (5,), 2),
    ]
    assert (plan.texts, plan.enough) == (5, 1)
    # An exemplar that is a row is shown as a row only.
    assert plan.wanted[1].card.exemplars == ("my pin",)
    # Three texts at two drafts each are two questions of three lines; two texts need two, too.
    assert plan.questions(CONFIG) == 2 + 2


def test_out_of_scope_only_if_it_is_named():
    plan = plan_of(LABELS, 2, REAL, CARDS, 3, ["oos"])
    assert [(w.card.label, w.count) for w in plan.wanted] == [("oos", 2)]
    assert plan.notes == (
        "1 label is known by name and rows only: 'oos'; texts from a card need a description: "
        "`labelmend describe` writes one",
    )


def test_a_label_without_rows_and_card_is_told():
    plan = plan_of((*LABELS, "void"), 2, REAL, CARDS, 3)
    assert "void" not in {w.card.label for w in plan.wanted}
    assert plan.notes[0].startswith("1 label has no row and no description, and nothing is")
    with pytest.raises(ConfigError, match=r"'void', 'x'; .*; there is nothing to write from"):
        plan_of(("void", "x"), None, RealTexts((), (), ()), {}, 3)


def test_an_unknown_label():
    with pytest.raises(ConfigError, match=r"--only pim: no row .* \(did you mean 'pin'\?\)"):
        plan_of(LABELS, 2, REAL, CARDS, 3, ["pim"])


def test_questions_depend_on_their_number_and_the_seed_alone():
    wanted = plan_of(LABELS, 2, REAL, {}, 9).wanted[0]
    asked = [wanted.question(n, REAL, CONFIG, 7) for n in range(8)]
    assert asked == [wanted.question(n, REAL, CONFIG, 7) for n in range(8)]
    # Every second one rewords, each row in turn; what is kept for testing is shown nowhere.
    assert [q.kind for q in asked] == [NEW_TEXT, REWORD] * 4
    reworded = [q.parents[0] for q in asked if q.kind == REWORD]
    assert sorted(reworded[:3]) == [0, 1, 2]
    assert reworded[3] == reworded[0]
    assert {p for q in asked for p in q.parents} == {0, 1, 2}
    assert all(len(q.parents) == 2 for q in asked if q.kind == NEW_TEXT)
    assert len({q.seed for q in asked}) == 8
    assert [wanted.question(n, REAL, CONFIG, 8).seed for n in range(8)] != [q.seed for q in asked]
    assert REAL.texts[asked[1].parents[0]] in asked[1].rest


def test_a_label_without_rows_is_asked_by_its_card():
    wanted = plan_of(LABELS, 2, REAL, CARDS, 3).wanted[0]
    asked = [wanted.question(n, REAL, CONFIG, 0) for n in range(4)]
    assert {q.kind for q in asked} == {NEW_TEXT}
    assert {q.parents for q in asked} == {()}
    assert "Meaning: Something new." in asked[0].rest
    (draft,) = wanted.drafts(asked[0], ["text"])
    assert (draft.label, draft.source, draft.parents) == (1, "card", ())


def test_five_thousand_labels():
    labels = tuple(f"label{k:04}" for k in range(5000))
    cards = {label: LabelCard(label, "A thing.", (), "user") for label in labels}
    plan = plan_of(labels, None, RealTexts((), (), ()), cards, 2)
    assert (len(plan.wanted), plan.texts) == (5000, 10_000)


def test_seeds_fit_into_31_bits():
    found = [seed_of(0, "label", str(n)) for n in range(100)]
    assert len(set(found)) == 100
    assert all(0 <= seed < 2**31 for seed in found)


def test_a_list_of_labels():
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(list("abcdefg")) == "'a', 'b', 'c', 'd', 'e' and 2 more"
