import base64
import hashlib

import pytest

from labelmend.errors import ConfigError, ModelError, ModelHashError
from labelmend.weights.signature import TrustedKey

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")

# RFC 8032, 7.1, test 1: the empty message.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNED_NOTHING = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
    "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
KEY_ID = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def encoded(raw):
    return base64.b64encode(raw).decode()


def public_key(tmp_path, key=PUBLIC, key_id=KEY_ID, algorithm=b"Ed"):
    path = tmp_path / "minisign.pub"
    path.write_text(f"untrusted comment: a key\n{encoded(algorithm + key_id + key)}\n")
    return path


def sign(path, *, comment="of May", hashed=True, key_id=KEY_ID, said=None):
    """Sign a file as minisign does, with the key of the RFC."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET)
    content = path.read_bytes()
    signature = key.sign(hashlib.blake2b(content).digest() if hashed else content)
    whole = key.sign(signature + comment.encode())
    path.with_name(f"{path.name}.minisig").write_text(
        "untrusted comment: signature\n"
        f"{encoded((b'ED' if hashed else b'Ed') + key_id + signature)}\n"
        f"trusted comment: {comment if said is None else said}\n{encoded(whole)}\n"
    )


@pytest.fixture
def signed(tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(b"{}")
    sign(path)
    return path


def test_the_example_of_the_rfc(tmp_path):
    key = TrustedKey.read(public_key(tmp_path))
    assert (key.key_id, key.key) == (KEY_ID, PUBLIC)
    path = tmp_path / "model.json"
    path.write_bytes(b"")
    sign(path, hashed=False)
    raw = base64.b64decode((tmp_path / "model.json.minisig").read_text().splitlines()[1])
    assert raw[10:] == SIGNED_NOTHING
    assert key.check(path) == "of May"


def test_a_signed_file(signed, tmp_path):
    assert TrustedKey.read(public_key(tmp_path)).check(signed) == "of May"
    # The bare line of a key will do, as minisign -P takes it.
    bare = tmp_path / "bare.pub"
    bare.write_text(public_key(tmp_path).read_text().splitlines()[1])
    assert TrustedKey.read(bare).check(signed) == "of May"


def test_what_is_not_signed_so(signed, tmp_path):
    key = TrustedKey.read(public_key(tmp_path))
    signed.write_bytes(b"{ }")
    with pytest.raises(ModelHashError, match=r"model\.json\.minisig: is not of model\.json as it"):
        key.check(signed)
    sign(signed, said="of June")
    with pytest.raises(ModelHashError, match="its trusted comment was changed"):
        key.check(signed)
    sign(signed, key_id=b"\0" * 8)
    with pytest.raises(ModelHashError, match="was made with another key"):
        key.check(signed)
    for text in ("", "a\nb\nc\nd\n", "a\n" * 4, "\xff", "x\nAAAA\ntrusted comment: x\nAAAA\n"):
        (tmp_path / "model.json.minisig").write_bytes(text.encode("latin-1"))
        with pytest.raises(ModelHashError, match="is no signature of minisign"):
            key.check(signed)
    (tmp_path / "model.json.minisig").unlink()
    with pytest.raises(ModelHashError, match=r"is not signed; sign it with: minisign -Sm model"):
        key.check(signed)
    (tmp_path / "model.json.minisig").mkdir()
    with pytest.raises(ModelError, match="can't be read: Is a directory"):
        key.check(signed)


def test_what_is_no_key(tmp_path):
    for text in ("", "x\ny\n", "untrusted comment: x\nAAAA\n"):
        (tmp_path / "x.pub").write_text(text)
        with pytest.raises(ConfigError, match=r"x\.pub: is no public key of minisign"):
            TrustedKey.read(tmp_path / "x.pub")
    with pytest.raises(ConfigError, match="is no public key"):
        TrustedKey.read(public_key(tmp_path, algorithm=b"XX"))
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        TrustedKey.read(tmp_path / "none.pub")
