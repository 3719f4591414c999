import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.load import load_config
from labelmend.data.labels_file import labels_yaml, read_labels_file
from labelmend.errors import ConfigError, InputError
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress
from labelmend.relabel import label_cards as describe
from labelmend.relabel.label_cards import (
    OOS_DESCRIPTION,
    checked_description,
    core_texts,
    describe_cards,
    draft_cards,
    label_cards,
    one_line_of_sentences,
)
from labelmend.retrieval.dense import PrototypeRetriever
from labelmend.types import NO_LABEL, Dataset, LabelCard, UniqueTexts

CONFIG = dataclasses.replace(load_config().describe, max_tokens=12, context_tokens=512)


@pytest.mark.parametrize(
    ("reply", "description"),
    [
        ("The user lost a card.", "The user lost a card."),
        ('  "The user lost a card."\n', "The user lost a card."),
        ("The user lost   a\tcard!", "The user lost a card!"),
        ("The user lost a card. They want a new one and", "The user lost a card."),
        ("The user lost a card? Yes! And then", "The user lost a card? Yes!"),
        ("The user lost a card", None),
        ("First line.\nSecond line.", None),
        ("I'm sorry, but I can't help with that.", None),
        ("I\u2019m sorry, but I can\u2019t help with that.", None),
        ("As an AI, I have no cards.", None),
        ("I cannot describe these.", None),
        ("The user is unable to log in.", "The user is unable to log in."),
        ("", None),
        ('""', None),
        ("Too short.", None),
        ("The user sent a \ufffd. Then", None),
        ("The user lost a card. A \ufffd", "The user lost a card."),
        ("Twelve long.", "Twelve long."),
        ("a" * 399 + ".", "a" * 399 + "."),
        ("a" * 400 + ".", None),
    ],
)
def test_checked_description(reply, description):
    assert checked_description(reply) == description


@pytest.mark.parametrize(
    ("reply", "piece", "left", "verdict"),
    [
        (" lost a card", " and", 9, "take"),
        (" lost a card", ".", 9, "take"),
        # A line ends after a sentence only; so does the reply.
        (" lost a card", "\n", 9, "skip"),
        (" lost a card", ".\n", 9, "skip"),
        (" lost a card", "\r", 9, "skip"),
        (" lost a card", "\u2028", 9, "skip"),
        (" lost a card", None, 9, "skip"),
        (" lost a card.", "\n\n", 9, "end"),
        (" lost a card.", None, 9, "end"),
        (' lost a "card."', None, 9, "end"),
        (" lost a card? ", "\n", 9, "end"),
        (" lost a card.", " They", 9, "take"),
        (" lost 1.5", "\n", 9, "skip"),
        ("", None, 9, "skip"),
        # A control token says nothing.
        (" lost a card", "", 9, "skip"),
        # The last token ends the first sentence; an unfinished second one is cut off later.
        (" lost a card", " and", 1, "skip"),
        (" lost a card", ".", 1, "take"),
        (" lost a card", " now!", 1, "take"),
        (" lost 1", ".5", 1, "skip"),
        (" lost a card. They", " want", 1, "take"),
    ],
)
def test_a_description_is_one_line_that_ends_with_a_full_stop(reply, piece, left, verdict):
    assert one_line_of_sentences(reply, piece, left) == verdict


def read(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "labels.yaml"
    path.write_text(text, encoding)
    return read_labels_file(path)


def test_cards_come_back_from_yaml(tmp_path):
    cards = (
        LabelCard("a/b: c", "Says: \"yes\" & 'no' # not a comment.", ("- x", "1", "ça 🙂"), "user"),
        LabelCard("yes", "A label that YAML would read as true. " * 8 + "End.", (), "user"),
        LabelCard("1", "", ("two\nlines",), "user"),
    )
    assert read(tmp_path, labels_yaml(cards)) == {card.label: card for card in cards}


def test_short_form_and_what_may_be_left_out(tmp_path):
    text = "\ufeffcard: The user lost\n  a card.\nrain:\nhi: {exemplars: [hello, 7, '', null]}\n"
    assert read(tmp_path, text) == {
        "card": LabelCard("card", "The user lost a card.", (), "user"),
        "rain": LabelCard("rain", "", (), "user"),
        "hi": LabelCard("hi", "", ("hello", "7"), "user"),
    }


def test_labels_and_texts_are_read_as_they_are_written(tmp_path):
    found = read(tmp_path, "yes: 3\n010: {exemplars: [no, 1.10, 2026-01-01, 1:30]}\n1e3:\n")
    assert found == {
        "yes": LabelCard("yes", "3", (), "user"),
        "010": LabelCard("010", "", ("no", "1.10", "2026-01-01", "1:30"), "user"),
        "1e3": LabelCard("1e3", "", (), "user"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [b", "labels.yaml, line 1: not valid YAML"),
        ("a: x\nb: {c", "labels.yaml, line 2: not valid YAML"),
        ("", "maps each label to its description"),
        ("- a\n- b\n", "maps each label to its description"),
        ("a: {descripton: x}", "a: unknown key 'descripton'"),
        ("a: [x]", "a: expected a description, got ['x']"),
        ("null: x", "put null in quotes"),
        ("'': x", "put null in quotes"),
        ("'  ': x", "a label is blank ('  '); give it a name"),
        ("? [a]\n: x", "line 1: not valid YAML"),
        ("!!int 1: x", "a label is a text, not 1"),
        ("a: 1\nb: 2\na: 3", "lines 1 and 3: not valid YAML: the key 'a' is there twice"),
        ("a: {description: [b]}", "a: a description is a text, got ['b']"),
        ("a: {exemplars: [x, [b]]}", "a: an exemplar is a text, got ['b']"),
        ("a: {exemplars: hello}", "a: exemplars is a list of texts, got 'hello'"),
    ],
)
def test_a_labels_file_that_says_something_else(tmp_path, text, message):
    with pytest.raises(ConfigError) as found:
        read(tmp_path, text)
    assert message in str(found.value)
    assert "\n" not in str(found.value)


def test_a_labels_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_labels_file(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match="not UTF-8"):
        read(tmp_path, "a: ça", "latin-1")


def test_core_texts_are_those_nearest_the_prototype():
    # Label 0 has three texts near (1, 0) and one mislabelled at (0, 1); label 1 has one; 2 none.
    vectors = np.array([[1, 0], [0.8, 0.6], [0.96, 0.28], [0, 1], [0, 1]], dtype=np.float32)
    given = csr_array(np.array([[1, 0, 0]] * 4 + [[0, 1, 0]], dtype=np.float32))
    unique = UniqueTexts(("one", "tilted", "near", "far", "other"), np.arange(5), given)
    core = core_texts(unique, PrototypeRetriever(vectors, given), 3, 4)
    # Each against the sum of the others: tilted 2.336/2.341, near 2.176/2.408, one 1.76/2.575,
    # far 0.88/2.897.
    assert core == [("tilted", "near", "one", "far"), ("other",), ()]
    assert core_texts(unique, PrototypeRetriever(vectors, given), 3, 2)[0] == ("tilted", "near")


def test_exemplars_that_labelmend_picked_itself_are_not_taken_for_the_users():
    vectors = np.array([[1, 0], [0.8, 0.6], [0.96, 0.28], [0, 1], [0, 1]], dtype=np.float32)
    given = csr_array(np.array([[1, 0, 0]] * 4 + [[0, 1, 0]], dtype=np.float32))
    unique = UniqueTexts(("one", "tilted", "near", "far", "other"), np.arange(5), given)
    dataset = Dataset(
        tuple("12345"), unique.texts, np.array([0, 0, 0, 0, 1]), ("a", "b", "c"), None
    )
    config = dataclasses.replace(CONFIG, examples=2, exemplars=3)

    def chosen(**exemplars):
        written = {label: LabelCard(label, "", own, "user") for label, own in exemplars.items()}
        with Store(None) as store:
            found = label_cards(
                dataset, unique, vectors, written, None, config, store, NoProgress()
            )
        return found.exemplars

    assert chosen(a=("tilted", "near", "one"), b=("other",), c=()) == {}
    edited = {"a": ("tilted", "near"), "b": ("other", "mine"), "c": ("new",)}
    assert chosen(**edited) == edited


def test_drafts():
    labels = ("card", "oos", "rain", "written", "bare")
    data = Dataset(("1",), ("x",), np.array([NO_LABEL]), labels, 1)
    core = [("a", "b", "c", "d", "e"), ("f",), (), ("g", "h"), ("i",)]
    written = {
        "written": LabelCard("written", "By hand.", ("mine",), "user"),
        "bare": LabelCard("bare", "By hand.", (), "user"),
    }
    assert draft_cards(data, core, written, dataclasses.replace(CONFIG, exemplars=4)) == (
        LabelCard("card", "", ("a", "b", "c", "d"), "name"),
        LabelCard("oos", OOS_DESCRIPTION, (), "name"),
        LabelCard("rain", "", (), "name"),
        LabelCard("written", "By hand.", ("mine",), "user"),
        LabelCard("bare", "By hand.", ("i",), "user"),
    )


CORE = [("I lost my card", "my card is gone"), ("will it rain", "is it cold"), ("x",), ()]
CARDS = (
    LabelCard("card_lost", "", CORE[0], "name"),
    LabelCard("weather", "", CORE[1], "name"),
    LabelCard("written", "By hand.", ("x",), "user"),
    LabelCard("empty", "", (), "name"),
)


class Counting(NoProgress):
    """Adds up what it hears."""

    total = done = 0

    def start(self, stage, total):
        self.total = total

    def advance(self, steps=1):
        self.done += steps


def test_a_real_model_describes_each_label_once(smollm2, tmp_path):
    config, progress = dataclasses.replace(CONFIG, max_tokens=40), Counting()
    with Store(tmp_path / "votes.sqlite") as store:
        described = describe_cards(CARDS, CORE, smollm2, config, store, progress).cards
    assert (progress.total, progress.done) == (2, 2)
    assert [card.label for card in described] == [card.label for card in CARDS]
    assert described[2:] == CARDS[2:]
    for before, after in zip(CARDS[:2], described[:2], strict=True):
        assert after.source == "llm"
        assert after.description.startswith("The user ")
        assert "SmolLM" not in after.description
        assert checked_description(after.description) == after.description
        assert after.exemplars == before.exemplars
    # The store knows the replies: the model is not even opened.
    nowhere = dataclasses.replace(smollm2, path=tmp_path / "gone.gguf")
    with Store(tmp_path / "votes.sqlite") as store:
        again = describe_cards(CARDS, CORE, nowhere, config, store, Counting()).cards
    assert again == described


def test_labels_that_do_not_fit_together_are_described_in_turns(small_llm):
    # A prompt has some 165 tokens: 270 hold one with its reply, not two.
    config, progress = dataclasses.replace(CONFIG, context_tokens=270), Counting()
    with Store(None) as store:
        apart = describe_cards(CARDS, CORE, small_llm, config, store, progress).cards
        keys = store._database.execute("SELECT count(*) FROM replies").fetchone()
    assert keys == (2,)
    assert progress.done == 2
    assert len(apart) == 4


def test_a_prompt_that_does_not_fit_leaves_its_card_and_is_asked_again(small_llm):
    # Six examples of 200 characters; llama.cpp gives a context of at least 256 tokens.
    long = [tuple(f"{i} " * 100 for i in range(6))] * 2 + [(), ()]
    config, progress = dataclasses.replace(CONFIG, context_tokens=32), Counting()
    with Store(None) as store:
        described = describe_cards(CARDS, long, small_llm, config, store, progress)
        assert described.cards == CARDS
        assert described.notes == (
            "2 labels got no description by the LLM: the context is full; "
            "raise describe.context_tokens, or lower describe.examples",
        )
        assert progress.done == 2
        assert store._database.execute("SELECT count(*) FROM replies").fetchone() == (0,)


@pytest.mark.parametrize("layers", [0, 3])
def test_gpu_layers_reach_the_model(small_llm, monkeypatch, layers):
    asked, whole = [], describe.LlamaEngine

    def engine(path, **settings):
        asked.append(settings["gpu_layers"])
        return whole(path, **settings)

    monkeypatch.setattr(describe, "LlamaEngine", engine)
    config = dataclasses.replace(CONFIG, gpu_layers=layers, max_tokens=1)
    with Store(None) as store:
        described = describe_cards(CARDS, CORE, small_llm, config, store, NoProgress())
    assert asked == [layers]
    assert described.notes == ()


@pytest.mark.parametrize("max_tokens", [6, 9])
def test_however_short_a_reply_must_be_it_is_whole(small_llm, max_tokens):
    config = dataclasses.replace(CONFIG, max_tokens=max_tokens)
    with Store(None) as store:
        described = describe_cards(CARDS, CORE, small_llm, config, store, NoProgress()).cards
        replies = [reply for (reply,) in store._database.execute("SELECT reply FROM replies")]
    assert len(replies) == 2
    assert all(len(reply.splitlines()) == 1 for reply in replies)
    assert [card.source for card in described[:2]] == ["llm", "llm"]
    assert all(card.description.endswith((".", "!", "?")) for card in described[:2])


def test_what_another_process_wrote_first_stands(small_llm, tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        describe_cards(CARDS, CORE, small_llm, CONFIG, store, NoProgress())
        keys = [key for (key,) in store._database.execute("SELECT key FROM replies")]
        store.clear()

    class Beaten(NoProgress):
        def advance(self, steps=1):
            # Heard first when the store has been read, and before the model is asked.
            with Store(path) as other:
                other.put_replies([(key, "The user was quicker.") for key in keys])

    with Store(path) as store:
        described = describe_cards(CARDS, CORE, small_llm, CONFIG, store, Beaten()).cards
        assert set(store.replies(keys).values()) == {"The user was quicker."}
    assert [card.description for card in described[:2]] == ["The user was quicker."] * 2


def test_what_an_interrupted_run_left_open_is_written_as_if_it_had_not_been(small_llm):
    config = dataclasses.replace(CONFIG, max_tokens=16)
    with Store(None) as store:
        whole = describe_cards(CARDS, CORE, small_llm, config, store, NoProgress()).cards
        replies = dict(store._database.execute("SELECT key, reply FROM replies").fetchall())
    assert len(replies) == 2
    for kept, lost in (list(replies), list(replies)[::-1]):
        with Store(None) as store:
            store.put_replies([(kept, replies[kept])])
            resumed = describe_cards(CARDS, CORE, small_llm, config, store, NoProgress()).cards
            assert store.replies([lost]) == {lost: replies[lost]}
        assert resumed == whole
