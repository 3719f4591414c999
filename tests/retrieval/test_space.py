"""The joined space, by hand on tiny encoders, and once on the real ones."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.protocols import NoProgress
from labelmend.retrieval import space
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders import cache
from labelmend.retrieval.encoders.cache import CachedEncoder
from labelmend.retrieval.space import TextSpace, open_space
from labelmend.weights.locate import LocatedModel

ROOT_HALF = np.sqrt(0.5)


class Fake:
    """An encoder that looks vectors up, and remembers how many texts it read."""

    def __init__(self, rows, passages=None):
        self.rows = {text: np.array(row, dtype=np.float32) for text, row in rows.items()}
        self.given = {
            text: np.array(row, dtype=np.float32) for text, row in (passages or rows).items()
        }
        self.calls = []

    def encode(self, texts):
        self.calls.append(len(texts))
        return self._found(self.rows, texts)

    def encode_passages(self, texts):
        return self._found(self.given, texts)

    def _found(self, known, texts):
        width = len(next(iter(known.values())))
        return np.array([known[t] for t in texts], dtype=np.float32).reshape(len(texts), width)


class Heard:
    def __init__(self):
        self.said = []

    def start(self, stage, total):
        self.said.append((stage, total))

    def advance(self, steps=1):
        self.said.append(steps)


def space_of(*fakes):
    return TextSpace([lambda fake=fake: fake for fake in fakes])


def unit(*rows):
    vectors = np.array(rows, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_rows(count, width, seed):
    rows = np.random.default_rng(seed).normal(size=(count, width))
    rows[:, 0] += 2
    return unit(*rows)


def test_one_encoder_is_centred_by_a_share_of_its_mean():
    # Two texts: the sum of their vectors is (1, 1), and 1 / 102 of it is taken away.
    found = space_of(Fake({"a": [1, 0], "b": [0, 1]})).fit(["a", "b"], NoProgress())
    # (1 - 1/102, -1/102) is 101 : -1, and so long is that: sqrt(101^2 + 1).
    length = np.sqrt(10202)
    np.testing.assert_allclose(
        found, [[101 / length, -1 / length], [-1 / length, 101 / length]], rtol=1e-6
    )
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_of_many_texts_nearly_the_whole_mean_goes():
    # A hundred texts, 50 at (0.6, 0.8) and 50 at (0.6, -0.8): the sum is (60, 0), 60 / 200 = 0.3.
    rows = {f"t{i:02}": [0.6, 0.8 if i % 2 else -0.8] for i in range(100)}
    found = space_of(Fake(rows)).fit(list(rows), NoProgress())
    # (0.3, 0.8) of length sqrt(0.73); the cosine of the two kinds falls from -0.28 to -0.7534.
    np.testing.assert_allclose(found[1], np.array([0.3, 0.8]) / np.sqrt(0.73), rtol=1e-6)
    assert found[0] @ found[1] == pytest.approx((0.09 - 0.64) / 0.73, rel=1e-5)


def test_a_dot_product_is_the_mean_of_the_encoders_cosines():
    # Each encoder's vectors sum to zero, so nothing is taken away. First: cosine -1; second:
    # -0.28 between a and b; the mean is -0.64.
    first = {"a": [1, 0], "b": [-1, 0], "c": [0, 1], "d": [0, -1]}
    second = {"a": [0.6, 0.8, 0], "b": [0.6, -0.8, 0], "c": [-0.6, 0, 0.8], "d": [-0.6, 0, -0.8]}
    found = space_of(Fake(first), Fake(second)).fit(list(first), NoProgress())
    assert found.shape == (4, 5)
    np.testing.assert_allclose(found[0], np.array([1, 0, 0.6, 0.8, 0]) * ROOT_HALF, atol=1e-6)
    np.testing.assert_allclose(found[0] @ found[1], (-1 - 0.28) / 2, atol=1e-6)
    np.testing.assert_allclose(found[0] @ found[2], (0 - 0.36) / 2, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_each_encoder_has_its_own_mean():
    first, second = random_rows(300, 4, 1), random_rows(300, 7, 2)
    names = [f"{i}" for i in range(300)]
    fakes = [Fake(dict(zip(names, rows, strict=True))) for rows in (first, second)]
    found = space_of(*fakes).fit(names, NoProgress())
    expected = [unit(*(rows - rows.mean(axis=0) * 300 / 400)) for rows in (first, second)]
    np.testing.assert_allclose(found, np.hstack(expected) * ROOT_HALF, atol=1e-6)
    three = space_of(*fakes, fakes[0]).fit(names, NoProgress())
    np.testing.assert_allclose(
        three @ three.T, sum(e @ e.T for e in (*expected, expected[0])) / 3, atol=1e-6
    )


def test_passages_and_later_queries_are_moved_by_the_means_of_the_texts():
    rows = {"a": [1, 0], "b": [0.6, 0.8], "later": [0, 1]}
    passages = {"a": [0, 1], "label": [0.8, 0.6]}
    both = space_of(Fake(rows, passages), Fake(rows, passages))
    found = both.fit(["a", "b"], NoProgress())
    # The sum of a and b is (1.6, 0.8), and 1 / 102 of it goes from everything that comes.
    shift = np.array([1.6, 0.8]) / 102

    def placed(*vectors):
        return np.tile(unit(*(np.array(vectors) - shift)), 2) * ROOT_HALF

    np.testing.assert_allclose(both.passages(["label", "a"]), placed([0.8, 0.6], [0, 1]), atol=1e-6)
    np.testing.assert_allclose(both.queries(["later"]), placed([0, 1]), atol=1e-6)
    assert both.queries(["b", "a"]).tobytes() == found[::-1].tobytes()
    assert both.passages(["label"]).dtype == np.float32
    assert both.passages([]).shape == both.queries([]).shape == (0, 4)


def test_a_second_fit_learns_anew():
    rows = {"a": [1, 0], "b": [0.6, 0.8], "c": [0, 1]}
    again = space_of(Fake(rows))
    again.fit(["a", "b"], NoProgress())
    fresh = space_of(Fake(rows))
    assert np.array_equal(again.fit(["b", "c"], NoProgress()), fresh.fit(["b", "c"], NoProgress()))
    assert np.array_equal(again.passages(["a"]), fresh.passages(["a"]))


def test_a_text_alone_keeps_its_direction():
    found = space_of(Fake({"a": [0.6, 0.8]})).fit(["a"], NoProgress())
    np.testing.assert_allclose(found, [[0.6, 0.8]], atol=1e-6)


def test_a_vector_without_direction_is_zero():
    # The sum of the first encoder's vectors is zero, and so is what it says of b.
    first = {"a": [1, 0], "b": [0, 0], "c": [-1, 0]}
    second = {"a": [1, 0], "b": [0, 1], "c": [0, -1]}
    found = space_of(Fake(first), Fake(second)).fit(["a", "b", "c"], NoProgress())
    assert np.isfinite(found).all()
    assert found[1, :2].tolist() == [0, 0]
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, ROOT_HALF, 1])


def test_no_texts():
    none = space_of(Fake({"a": [1, 0]}), Fake({"a": [1, 0, 0]}))
    assert none.fit([], NoProgress()).shape == (0, 5)
    np.testing.assert_allclose(
        none.passages(["a"]), np.array([[1, 0, 1, 0, 0]]) * ROOT_HALF, atol=1e-6
    )


def test_texts_are_read_in_blocks_and_each_is_a_step_for_each_encoder(monkeypatch):
    monkeypatch.setattr(space, "_BLOCK", 4)
    rows = random_rows(10, 3, 5)
    names = [f"{i}" for i in range(10)]
    fakes = [Fake(dict(zip(names, rows, strict=True))) for _ in range(2)]
    heard = Heard()
    blocks = space_of(*fakes).fit(names, heard)
    assert heard.said == [("embed texts", 20), 4, 4, 4, 4, 2, 2]
    assert [fake.calls for fake in fakes] == [[4, 4, 2]] * 2
    monkeypatch.undo()
    whole = space_of(*fakes).fit(names, NoProgress())
    np.testing.assert_allclose(blocks, whole, atol=1e-6)


def test_means_are_needed_first():
    with pytest.raises(AssertionError, match="learned by fit"):
        space_of(Fake({"a": [1, 0]})).passages(["a"])


def test_released_models_come_back_where_they_are_needed():
    opened = []

    def opener():
        opened.append(Fake({"a": [1, 0], "b": [0.6, 0.8]}))
        return opened[-1]

    one = TextSpace([opener])
    found = one.fit(["a", "b"], NoProgress())
    one.release()
    assert len(opened) == 1
    assert np.array_equal(one.queries(["a", "b"]), found)  # the means are kept
    assert len(opened) == 2


def test_notes_are_those_of_the_caches_and_outlive_the_models(tmp_path):
    (tmp_path / "file").write_text("in the way")
    fake = Fake({"a": [1, 0]})

    def cached(folder):
        return CachedEncoder(
            lambda: fake, tmp_path / folder / f"{'0' * 32}.sqlite", query_prefix="", max_bytes=0
        )

    noted = TextSpace([lambda: cached("file"), lambda: cached("folder"), lambda: fake])
    (before,) = noted.notes  # at once, before the work
    assert "embeddings are not cached" in before
    noted.fit(["a"], NoProgress())
    assert noted.notes[0] == before
    assert "the embedding cache is full" in noted.notes[1]
    notes = noted.notes
    noted.release()
    assert noted.notes == notes
    noted.queries(["a"])
    assert noted.notes == notes  # each once
    assert space_of(fake).notes == ()


def test_each_model_is_opened_with_its_own_settings_and_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    loaded = []

    def load(config, folder):
        loaded.append((config.model, str(folder)))
        return Fake({"a": [1, 0], "b": [0, 1]})

    monkeypatch.setattr(cache, "load_encoder", load)
    configs = load_config().encoders
    models = [
        LocatedModel(c.model, "encoder", tmp_path / c.model, c.model, 7, "a test") for c in configs
    ]
    found = open_space(configs, models).fit(["a", "b"], NoProgress())
    assert loaded == [(c.model, str(tmp_path / c.model)) for c in configs]
    assert len(list((tmp_path / "home" / "cache" / "embeddings").glob("*.sqlite"))) == 2
    again = open_space(configs, models)
    assert again.fit(["a", "b"], NoProgress()).tobytes() == found.tobytes()
    assert len(loaded) == 2  # all was known
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        open_space(configs, models[:1])


def test_memory_is_that_of_one_array():
    code = """
        import resource
        import numpy as np
        from labelmend.protocols import NoProgress
        from labelmend.retrieval.space import TextSpace
        class Noise:
            def encode(self, texts):
                rng = np.random.default_rng(int(texts[0]))
                return rng.normal(size=(len(texts), 384)).astype(np.float32)
        texts = [str(i) for i in range(60_000)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = TextSpace([Noise, Noise]).fit(texts, NoProgress())
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(grown * 1024 / found.nbytes)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1.5


def test_the_embedded_encoders(encoders, tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    configs = load_config().encoders
    texts = [
        "I lost my bank card somewhere on the train",
        "my debit card has gone missing",
        "what is the weather in Paris tomorrow",
        "will it rain this weekend",
    ]
    real = open_space(configs, encoders)
    found = real.fit(texts, NoProgress())
    assert found.shape == (4, 384 + 512)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    expected = np.zeros((4, 4))
    for config, model in zip(configs, encoders, strict=True):
        vectors = load_encoder(config, model.path).encode(texts).astype(np.float64)
        centred = unit(*(vectors - vectors.mean(axis=0) * 4 / 104))
        expected += centred @ centred.T / 2
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-5)
    same = found @ found.T
    assert same[0, 1] > same[0, 2:].max() + 0.2
    assert same[2, 3] > same[2, :2].max() + 0.2
    assert real.notes == ()
    labels = real.passages(["card lost or stolen", "weather forecast"])
    assert (labels @ found.T).argmax(axis=0).tolist() == [0, 0, 1, 1]
    # A later run knows all texts: the same bits, and no model is loaded.
    monkeypatch.setattr(cache, "load_encoder", lambda config, folder: pytest.fail("loaded"))
    assert open_space(configs, encoders).fit(texts, NoProgress()).tobytes() == found.tobytes()


def test_a_space_goes_on_with_the_means_of_another():
    rows = {"a": [1, 0], "b": [0.6, 0.8], "c": [0, 1]}
    first = space_of(Fake(rows), Fake(rows))
    placed = first.fit(["a", "b"], NoProgress())
    # Two texts: the mean counts 2 / 102.
    np.testing.assert_allclose(first.means[0], np.array([0.8, 0.4]) * 2 / 102)
    again = TextSpace([lambda: Fake(rows), lambda: Fake(rows)], first.means)
    np.testing.assert_allclose(again.queries(["a", "b"]), placed, atol=1e-7)
    np.testing.assert_array_equal(again.queries(["c"]), first.queries(["c"]))
