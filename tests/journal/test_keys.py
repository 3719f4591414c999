import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from labelmend.errors import InputError, OutputError
from labelmend.journal.keys import LogKey

ONE, OTHER = LogKey(b"1" * 32), LogKey(b"2" * 32)


def test_copies_of_a_text_share_a_hash_and_others_do_not():
    assert ONE.of_text("My  CARD") == ONE.of_text("my card")
    assert ONE.of_text("my card") != ONE.of_text("my cards")
    assert len(ONE.of_text("my card")) == 32


def test_another_key_tells_nothing():
    assert ONE.of_text("my card") != OTHER.of_text("my card")
    assert ONE.of_sender("anna") != OTHER.of_sender("anna")
    assert ONE.check() != OTHER.check()


def test_a_text_is_not_taken_for_a_sender():
    assert ONE.of_sender("anna").removeprefix("s-") != ONE.of_text("anna")


def test_nobody_has_no_hash():
    assert ONE.of_sender("") == ""


def test_the_owner_may_name_a_sender_by_its_hash_and_a_client_may_not():
    shown = ONE.of_sender("anna")
    assert ONE.of_named(shown) == shown == ONE.of_named("anna")
    assert ONE.of_sender(shown) != shown


def test_half_a_character_has_a_hash():
    assert len(ONE.of_text("\ud800")) == 32


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = LogKey.beside(tmp_path / "log.sqlite")
    assert path.name == "log.sqlite.key"
    first = LogKey.made(path)
    assert LogKey.made(path) == first == LogKey.read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_many_make_one_key(tmp_path):
    path = tmp_path / "k"
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: LogKey.made(path), range(8)))
    assert len({key.secret for key in keys}) == 1


@pytest.mark.parametrize("content", [b"", b"zz", b"ab" * 31, b"ab" * 33, b"\xff" * 64])
def test_a_damaged_key(tmp_path, content):
    path = tmp_path / "k"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bring it back, or begin a new log"):
        LogKey.read(path)
    with pytest.raises(InputError):
        LogKey.made(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="can't write the key"):
        LogKey.made(tmp_path / "no" / "k")
