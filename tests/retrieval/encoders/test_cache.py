import dataclasses
import hashlib
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.errors import ModelError
from labelmend.retrieval.encoders.cache import CachedEncoder, open_encoder
from labelmend.retrieval.encoders.cache_keys import cache_file
from labelmend.weights.locate import LocatedModel

CONFIG = load_config().encoders[0]
MODEL = LocatedModel("m", "encoder", Path("/m"), "ab" * 32, 7, "PyPI m 1.0")
NAME = f"{'0' * 32}.sqlite"
PLENTY = 2**30


class Fake:
    """An encoder whose vectors are hashes of what it reads, and which remembers its calls."""

    def __init__(self, prefix="", width=8):
        self.prefix = prefix
        self.width = width
        self.calls = []

    def encode(self, texts):
        return self._vectors(texts, self.prefix)

    def encode_passages(self, texts):
        return self._vectors(texts, "")

    def _vectors(self, texts, prefix):
        self.calls.append(list(texts))
        rows = [
            np.frombuffer(hashlib.shake_256(read).digest(self.width), np.uint8)
            for read in ((prefix + text).encode("utf-8", "surrogatepass") for text in texts)
        ]
        vectors = np.array(rows, dtype=np.float32).reshape(len(texts), self.width) + 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cached(path, model=None, prefix="", max_bytes=PLENTY):
    """Return a cached encoder; without a model, one that must not load any."""

    def load():
        assert model is not None, "the model was loaded"
        return model

    return CachedEncoder(load, path, query_prefix=prefix, max_bytes=max_bytes)


def fill(path, texts, width=8):
    cached(path, Fake(width=width)).encode(texts)
    return path.stat().st_size


def python(code, *arguments):
    """Start another Python process on labelmend."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT key, vector FROM vectors ORDER BY rowid").fetchall()


def change(path, statement, *values):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, values)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "embeddings" / NAME


def test_only_missing_texts_are_encoded_each_once(path):
    first, second = Fake(), Fake()
    vectors = cached(path, first).encode(["b", "a", "b"])
    assert first.calls == [["a", "b"]]
    again = cached(path, second).encode(["c", "b", "a", "c", "b"])
    assert second.calls == [["c"]]
    assert again.dtype == np.float32
    assert np.array_equal(again, Fake().encode(["c", "b", "a", "c", "b"]))
    assert np.array_equal(vectors, again[[1, 2, 1]])
    assert cached(path).encode(["c", "a"]).tobytes() == again[[0, 2]].tobytes()


def test_the_bits_of_the_first_computation_come_back(path):
    odd = np.array([[-0.0, 1e-45, 1.0, np.nextafter(np.float32(0.5), np.float32(1))]], np.float32)
    model = Fake()
    model.encode = lambda texts: odd
    cached(path, model).encode(["a"])
    # Had it been computed again, it would be another.
    assert cached(path, Fake(width=4)).encode(["a"]).tobytes() == odd.tobytes()
    assert [vector for _, vector in rows(path)] == [odd.astype("<f4").tobytes()]


def test_model_is_loaded_at_the_first_missing_text_and_once(path):
    loads = []

    def load():
        loads.append(1)
        return Fake()

    encoder = CachedEncoder(load, path, query_prefix="", max_bytes=PLENTY)
    assert loads == []
    encoder.encode(["a"])
    encoder.encode(["b"])
    encoder.encode_passages(["c"])
    assert loads == [1]
    assert encoder.note is None


def test_no_texts_give_no_vectors_and_load_no_known_model(path):
    assert cached(path, Fake()).encode([]).shape == (0, 8)  # nothing is known yet
    fill(path, ["a"])
    for none in (cached(path).encode([]), cached(path).encode_passages([])):
        assert none.shape == (0, 8)
        assert none.dtype == np.float32


def test_with_a_prefix_rows_and_passages_are_kept_apart(path):
    model = Fake("query: ")
    encoder = cached(path, model, "query: ")
    assert not np.array_equal(encoder.encode(["a"]), encoder.encode_passages(["a"]))
    encoder.encode_passages(["query: a"])
    assert model.calls == [["a"], ["a"], ["query: a"]]
    known = cached(path, None, "query: ")
    assert np.array_equal(known.encode(["a"]), Fake("query: ").encode(["a"]))
    assert np.array_equal(known.encode_passages(["a"]), Fake().encode(["a"]))


def test_without_a_prefix_a_passage_is_read_as_a_row_is(path):
    fill(path, ["a"])
    assert np.array_equal(cached(path).encode_passages(["a"]), Fake().encode(["a"]))


def test_neither_order_nor_what_is_known_moves_the_blocks(path):
    texts = [f"{i:04}" for i in range(2500)]
    backwards = Fake()
    cached(path.with_name("1" * 32 + ".sqlite"), backwards).encode(texts[::-1])
    assert backwards.calls == [texts[:1024], texts[1024:2048], texts[2048:]]
    fill(path, texts[1024:2048])
    model = Fake()
    assert np.array_equal(cached(path, model).encode(texts), Fake().encode(texts))
    assert model.calls == [texts[:1024], texts[2048:]]


def test_any_text_has_a_key_of_its_own(path):
    texts = ["", "\0", "a\0", "a", "\ud83d", "\ud83d\ude42", "\U0001f642", "é", "e\u0301", " a"]
    vectors = cached(path, Fake()).encode(texts)
    assert np.array_equal(cached(path).encode(texts), vectors)
    assert len(rows(path)) == len(texts)


def test_texts_are_not_stored(path):
    text = "my card number is 4929 1234"
    fill(path, [text])
    (key, _), *_ = rows(path)
    assert key == hashlib.sha256(bytes(8) + text.encode()).digest()  # no prefix, then the text
    for file in path.parent.iterdir():
        assert b"card" not in file.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_the_user_can_read(path):
    path.parent.mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        encoder = cached(path, Fake())
        with closing(sqlite3.connect(path)) as database:  # so that the log stays
            database.execute("SELECT count(*) FROM vectors").fetchone()
            encoder.encode(["a"])
            modes = [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()]
    finally:
        os.umask(before)
    assert modes == [0o600] * 3  # database, log and the log's index
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_model_or_setting_is_another_file(monkeypatch):
    others = [
        cache_file(CONFIG, dataclasses.replace(MODEL, digest="cd" * 32)),
        cache_file(CONFIG, dataclasses.replace(MODEL, source="PyPI m 2.0")),
        cache_file(dataclasses.replace(CONFIG, backend="sentence-transformers"), MODEL),
        cache_file(dataclasses.replace(CONFIG, max_tokens=255), MODEL),
        cache_file(dataclasses.replace(CONFIG, query_prefix="query: "), MODEL),
    ]
    first = cache_file(CONFIG, MODEL)
    same = dataclasses.replace(CONFIG, batch_size=1, cache_gib=1.0, model="link-to-m")
    assert cache_file(same, dataclasses.replace(MODEL, name="n", path=Path("/n"))) == first
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 99")
    others.append(cache_file(CONFIG, MODEL))
    assert len({first, *others}) == 7
    assert {path.parent for path in others} == {first.parent}
    assert re.fullmatch(r"[0-9a-f]{32}\.sqlite", first.name)


def test_the_place_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path))
    assert cache_file(CONFIG, MODEL).parent == tmp_path / "cache" / "embeddings"


@pytest.mark.parametrize(
    ("damage", "again"),
    [
        ("UPDATE vectors SET vector = substr(vector, 1, 28) WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET vector = vector || vector WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET vector = zeroblob(32) WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET vector = 'no vector' WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET vector = 7 WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET checksum = 'x' WHERE rowid = 2", ["b"]),
        ("UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE rowid = 1)", ["b", "c"]),
        ("DELETE FROM vectors WHERE rowid = 2", ["b"]),
        ("PRAGMA user_version = 0", ["a", "b", "c"]),
        ("PRAGMA user_version = 7", ["a", "b", "c"]),
        ("PRAGMA user_version = -1", ["a", "b", "c"]),
        ("PRAGMA user_version = 2000000000", ["a", "b", "c"]),
    ],
)
def test_a_damaged_row_is_computed_and_written_anew(path, damage, again):
    texts = ["a", "b", "c"]
    fill(path, texts)
    change(path, damage)
    model = Fake()
    encoder = cached(path, model)
    assert np.array_equal(encoder.encode(texts), Fake().encode(texts))
    assert model.calls == [again]
    assert encoder.note is None
    assert np.array_equal(cached(path).encode(texts), Fake().encode(texts))


def test_another_width_than_the_models_gives_way(path):
    fill(path, ["a"], width=4)
    model = Fake()
    assert np.array_equal(cached(path, model).encode(["a", "b"]), Fake().encode(["a", "b"]))
    assert model.calls == [["b"], ["a", "b"]]
    assert np.array_equal(cached(path).encode(["a", "b"]), Fake().encode(["a", "b"]))


def garbage(path):
    path.write_bytes(b"no database " * 1000)


def half(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def broken_pages(path):
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(16384)
        file.write(np.random.default_rng(0).bytes(size - 16384))


def other_table(path):
    path.unlink()
    change(path, "CREATE TABLE vectors (something_else)")


@pytest.mark.parametrize("damage", [garbage, half, broken_pages, other_table])
def test_a_damaged_file_is_gone_without(path, damage):
    texts = [f"text {i}" for i in range(1500)]
    fill(path, texts)
    damage(path)
    model = Fake()
    encoder = cached(path, model)
    assert np.array_equal(encoder.encode(texts), Fake().encode(texts))
    assert sum(map(len, model.calls)) == 1500
    assert encoder.note.startswith(f"{path}: embeddings are not cached (")
    assert encoder.note.endswith("); delete the file")
    assert "\n" not in encoder.note
    path.unlink()
    assert cached(path, Fake()).note is None


def test_flipped_bits_never_come_back_as_a_vector(path):
    texts = [f"text {i}" for i in range(300)]
    fill(path, texts)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        spoiled = bytearray(whole)
        for at in rng.integers(len(whole), size=20):
            spoiled[at] ^= 1 << rng.integers(8)
        path.write_bytes(spoiled)
        encoder = cached(path, Fake())
        assert np.array_equal(encoder.encode(texts), Fake().encode(texts))


def test_damage_while_it_runs(path):
    encoder = cached(path, Fake())
    encoder.encode(["a"])
    garbage(path)
    assert np.array_equal(encoder.encode(["a", "b"]), Fake().encode(["a", "b"]))
    assert encoder.note.endswith("delete the file")


def test_a_file_that_vanishes_is_made_anew(path):
    encoder = cached(path, Fake())
    encoder.encode(["a"])
    path.unlink()
    encoder.encode(["b"])
    assert encoder.note is None
    assert len(rows(path)) == 1


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "embeddings" / NAME
    encoder = cached(path, Fake())
    said = "set LABELMEND_HOME to another folder"
    assert encoder.note == (
        f"{path}: embeddings are not cached (Not a directory); free some space, or {said}"
    )
    assert np.array_equal(encoder.encode(["a"]), Fake().encode(["a"]))
    assert encoder.encode([]).shape == (0, 8)


def test_a_path_that_is_a_folder(path):
    path.mkdir(parents=True)
    encoder = cached(path, Fake())
    assert encoder.note.startswith(f"{path}: embeddings are not cached (")
    assert np.array_equal(encoder.encode(["a"]), Fake().encode(["a"]))


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write to every folder")
def test_a_read_only_folder(path):
    path.parent.mkdir(parents=True, mode=0o500)
    encoder = cached(path, Fake())
    assert "Permission denied" in encoder.note
    assert np.array_equal(encoder.encode(["a"]), Fake().encode(["a"]))


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_full_disk(path):
    code = """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from labelmend.retrieval.encoders.cache import CachedEncoder
        class Ones:
            def encode(self, texts):
                return np.full((len(texts), 384), 384**-0.5, np.float32)
        path = Path(sys.argv[1])
        encoder = CachedEncoder(Ones, path, query_prefix="", max_bytes=1e9)
        encoder.encode(["a"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        found = encoder.encode([str(i) for i in range(3000)])
        assert found.shape == (3000, 384) and np.ptp(found) == 0
        print(encoder.note)
    """
    process = python(code, path)
    said, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert said.startswith(f"{path}: embeddings are not cached (")
    assert "free some space" in said
    # What was there is still there.
    assert np.array_equal(
        cached(path).encode(["a"]), np.full((1, 384), 384**-0.5, dtype=np.float32)
    )


def test_two_processes_fill_one_file_and_agree(path):
    # Their models disagree, as batches of other company do: the first to write a text is right.
    code = """
        import os, sys
        from pathlib import Path
        import numpy as np
        from labelmend.retrieval.encoders.cache import CachedEncoder
        class Noise:
            rng = np.random.default_rng(os.getpid())
            def encode(self, texts):
                return self.rng.random((len(texts), 16), dtype=np.float32)
        out = Path(sys.argv[2])
        print("ready", flush=True)
        sys.stdin.readline()
        parts = []
        for start in range(0, 4000, 100):
            encoder = CachedEncoder(Noise, Path(sys.argv[1]), query_prefix="", max_bytes=1e9)
            parts.append(encoder.encode([str(i) for i in range(start, start + 100)]))
            assert encoder.note is None, encoder.note
        np.save(out, np.concatenate(parts))
    """
    outs = [path.parents[2] / f"{i}.npy" for i in range(3)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path), str(out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for out in outs
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    kept = cached(path).encode([str(i) for i in range(4000)])
    for out in outs:
        assert np.array_equal(np.load(out), kept)


KILLED = """
    import sys, time
    from pathlib import Path
    import numpy as np
    from labelmend.retrieval.encoders.cache import CachedEncoder
    class Slow:
        def encode(self, texts):
            print(texts[0], flush=True)
            if texts[0] == "02048":
                time.sleep(60)
            return np.array([[float(text)] * 384 for text in texts], np.float32)
    encoder = CachedEncoder(Slow, Path(sys.argv[1]), query_prefix="", max_bytes=1e9)
    encoder.encode([f"{i:05}" for i in range(int(sys.argv[2]), 20000)])
"""


def test_a_killed_run_loses_the_block_in_flight_only(path):
    process = python(KILLED, path, 0)
    while process.stdout.readline() != "02048\n":
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    model = Fake(width=384)
    texts = [f"{i:05}" for i in range(4096)]
    encoder = cached(path, model)
    found = encoder.encode(texts)
    assert encoder.note is None
    # The very blocks that the whole run would have had.
    assert model.calls == [texts[2048:3072], texts[3072:]]
    assert np.array_equal(found[:2048, 5], np.arange(2048))


@pytest.mark.parametrize("wait", range(5))
def test_a_run_killed_while_it_writes(path, wait):
    process = python(KILLED, path, 2049)
    process.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05 + wait * 0.031)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    model = Fake(width=384)
    encoder = cached(path, model)
    texts = [f"{i:05}" for i in range(2049, 20000)]
    found = encoder.encode(texts)
    assert encoder.note is None
    kept = 17951 - sum(map(len, model.calls))
    assert kept % 1024 == 0
    assert np.array_equal(found[:kept, 383], np.arange(2049, 2049 + kept))
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def folder(path):
    """Four databases, 1 used last and 4 first, and what does not belong to the cache."""
    for age in range(1, 5):
        other = path.with_name(f"{age}" * 32 + ".sqlite")
        fill(other, [str(i) for i in range(1000)])
        os.utime(other, (1e9 - age, 1e9 - age))
    (path.parent / "mine.sqlite").write_bytes(bytes(2_000_000))
    return path.parent


def ages(folder):
    return {file.name[0] for file in folder.iterdir() if len(file.name) == 39}


def size_of(folder):
    return sum(file.stat().st_size for file in folder.iterdir() if len(file.name) == 39)


def test_the_databases_unused_for_longest_make_room(folder, path):
    one = size_of(folder) // 4
    encoder = cached(path, Fake(), max_bytes=size_of(folder) + 60_000)
    encoder.encode(["a"])
    assert ages(folder) == set("01234")  # there is room for a row
    os.utime(path, (1, 1))  # its own database is used, whatever its time says
    cached(path.with_name("4" * 32 + ".sqlite")).encode(["1"])  # reading is use
    encoder.encode([f"text {i}" for i in range(300)])
    assert ages(folder) == set("0124")
    tight = cached(path, Fake(), max_bytes=path.stat().st_size + one)
    tight.encode(["b"])
    assert ages(folder) == set("0")
    assert (encoder.note, tight.note) == (None, None)
    assert (folder / "mine.sqlite").exists()
    assert len(rows(path)) == 302


def test_a_database_that_is_open_elsewhere_stays(folder, path):
    with closing(sqlite3.connect(folder / f"{'4' * 32}.sqlite")) as reader:
        reader.execute("SELECT count(*) FROM vectors").fetchone()
        cached(path, Fake(), max_bytes=size_of(folder)).encode(["a"])
        assert ages(folder) == set("0124")
        assert len(reader.execute("SELECT * FROM vectors").fetchall()) == 1000


def test_a_log_left_behind_goes_with_its_database(folder, path):
    for suffix in ("-wal", "-shm"):
        log = folder / f"{'4' * 32}.sqlite{suffix}"
        log.write_bytes(bytes(100))
        os.utime(log, (1, 1))
    garbage(folder / f"{'3' * 32}.sqlite")
    os.utime(folder / f"{'3' * 32}.sqlite", (1, 1))
    cached(path, Fake(), max_bytes=size_of(folder) // 2).encode(["a"])
    names = {file.name for file in folder.iterdir()}
    assert names == {NAME, f"{'1' * 32}.sqlite", "mine.sqlite"}


def test_a_database_that_fills_the_limit_alone_takes_no_more(folder, path):
    texts = [f"text {i}" for i in range(1000)]
    fill(path, texts)
    model = Fake()
    encoder = cached(path, model, max_bytes=path.stat().st_size)
    assert encoder.note is None
    assert np.array_equal(encoder.encode([*texts, "new"]), Fake().encode([*texts, "new"]))
    encoder.encode(["new"])
    assert model.calls == [["new"], ["new"]]
    assert encoder.note == (
        f"{path}: the embedding cache is full, new embeddings are not kept; raise"
        " cache_gib of the encoders, or delete the file"
    )
    assert ages(folder) == set("01234")  # it would not have helped
    assert len(rows(path)) == 1000


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_no_room_at_all(path, limit):
    encoder = cached(path, Fake(), max_bytes=limit)
    assert np.array_equal(encoder.encode(["a"]), Fake().encode(["a"]))
    assert "is full" in encoder.note


def test_no_limit(path):
    encoder = cached(path, Fake(), max_bytes=float("inf"))
    encoder.encode(["a"])
    assert encoder.note is None
    cached(path).encode(["a"])


def test_a_second_run_gives_the_bits_of_the_first_and_loads_no_model(bge_small, tmp_path):
    code = """
        import sys
        from pathlib import Path
        import numpy as np
        from labelmend.configs.load import load_config
        from labelmend.retrieval.encoders.cache import open_encoder
        from labelmend.weights.locate import locate
        config = load_config().encoders[0]
        encoder = open_encoder(config, locate(config.model))
        rows = encoder.encode(["lost card", "hi", "will it rain? " * 9, "hi"])
        np.save(sys.argv[1], np.concatenate([rows, encoder.encode_passages(["a label", "hi"])]))
        heavy = "torch transformers sentence_transformers tokenizers onnxruntime huggingface_hub"
        print(encoder.note, [name for name in heavy.split() if name in sys.modules])
    """
    said = []
    for i in (1, 2):
        process = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / f"{i}.npy")],
            env={**os.environ, "LABELMEND_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
        )
        assert (process.returncode, process.stderr) == (0, "")
        said.append(process.stdout)
    assert "'onnxruntime'" in said[0]
    assert said[1] == "None []\n"
    first, second = np.load(tmp_path / "1.npy"), np.load(tmp_path / "2.npy")
    assert first.tobytes() == second.tobytes()
    (file,) = (tmp_path / "home" / "cache" / "embeddings").iterdir()
    assert len(rows(file)) == 4  # "hi" once
    plain = open_encoder(dataclasses.replace(CONFIG, cache=False), bge_small)
    assert not isinstance(plain, CachedEncoder)
    expected = plain.encode(["lost card", "hi", "will it rain? " * 9, "hi"])
    assert np.array_equal(first[:4], expected)
    np.testing.assert_allclose(first[4:], plain.encode_passages(["a label", "hi"]), atol=1e-6)


def test_a_model_that_can_not_load_is_an_error_once_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    encoder = open_encoder(CONFIG, dataclasses.replace(MODEL, path=tmp_path))
    with pytest.raises(ModelError, match="not a model for this backend"):
        encoder.encode(["a"])
    with pytest.raises(ModelError):
        open_encoder(
            dataclasses.replace(CONFIG, cache=False), dataclasses.replace(MODEL, path=tmp_path)
        )
