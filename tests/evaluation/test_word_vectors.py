import numpy as np
from fixtures.word_tokenizer import ABC, write_word_tokenizer
from fixtures.words import WordEncoder

from labelmend.evaluation.word_vectors import WordVectors
from labelmend.retrieval.space import TextSpace
from labelmend.weights.locate import LocatedModel


class Counted(WordEncoder):
    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked += texts
        return super().encode(texts)


def test_known_texts_are_not_encoded_again(tmp_path):
    encoder = Counted()
    space = TextSpace([lambda: encoder], [np.zeros(21)])
    known = np.eye(2, 21, 4, dtype=np.float32)
    write_word_tokenizer(tmp_path)
    model = LocatedModel("words", None, tmp_path, "0" * 64, 1, "here")
    vectors = WordVectors(["My card", "help"], known, space, [model])
    found = vectors.queries(["pin", "help", "my  CARD"])
    assert encoder.asked == ["pin"]
    np.testing.assert_array_equal(found[1:], known[::-1])  # another spelling is the text, too
    np.testing.assert_array_equal(found[0], WordEncoder().encode(["pin"])[0])
    np.testing.assert_array_equal(vectors.queries(["help"]), known[1:])
    assert vectors.words() == ("ask", ":", *ABC.split())
