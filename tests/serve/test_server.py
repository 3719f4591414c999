"""Where it is served and for whom, and that it stops only when all is answered."""

import multiprocessing
import queue
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from fixtures.served import TOKEN, Served, Words, loaded, token_file

from labelmend.errors import ConfigError, InputError
from labelmend.serve.place import Place
from labelmend.serve.server import Listener


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine that it signed itself, and a key; the same with a password."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key, locked = (folder / name for name in ("cert.pem", "key.pem", "locked.pem"))
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words += ["-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    lock = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", key, "-out", locked]
    subprocess.run(lock, check=True, capture_output=True)
    return cert, key, locked


def refused(error, **place):
    with pytest.raises(error) as one:
        Listener(Place(port=0, **place))
    assert "\n" not in str(one.value)
    return str(one.value)


def test_beyond_this_machine_it_wants_a_token_and_https(tmp_path):
    tokens = {"token_files": (token_file(tmp_path),)}
    for host in ("0.0.0.0", "::", "192.0.2.1", "labels.example"):
        assert "needs --token-file" in refused(ConfigError, host=host)
        assert "--tls-cert and --tls-key" in refused(ConfigError, host=host, **tokens)
        assert "needs --token-file" in refused(ConfigError, host=host, is_behind_proxy=True)
    # A proxy on this machine lets others in as well.
    assert "--behind-proxy: lets other" in refused(ConfigError, is_behind_proxy=True)
    listener = Listener(Place(host="0.0.0.0", port=0, is_behind_proxy=True, **tokens))
    listener.close()


def test_tokens_that_are_none(tmp_path):
    path = tmp_path / "tokens"
    for text in ("", "\n", "short\n", "with blanks in the middle of it\n", f"{TOKEN}\nshort\n"):
        path.write_text(text)
        assert "holds no token" in refused(InputError, token_files=(path,))
    for missing in (tmp_path / "missing", tmp_path):
        assert "can't be read" in refused(InputError, token_files=(missing,))


def test_certificates_that_are_none(tmp_path, certificate):
    cert, key, locked = certificate
    assert "give both" in refused(ConfigError, certificate=cert)
    assert "give both" in refused(ConfigError, key=key)
    assert "can't be read" in refused(InputError, certificate=tmp_path / "no", key=key)
    for wrong in ((key, cert), (cert, locked), (token_file(tmp_path), key), (tmp_path, key)):
        said = refused(InputError, certificate=wrong[0], key=wrong[1])
        assert said.startswith("--tls-cert ")


def test_a_port_that_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match="name another port"):
            Listener(Place(port=port))


def test_https(certificate, tmp_path):
    cert, key, _ = certificate
    files = (token_file(tmp_path),)
    with Served(certificate=cert, key=key, token_files=files) as served:
        assert served.base.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(cert))
        bearer = {"authorization": f"Bearer {TOKEN}"}
        with served.client(verify=trusted, headers=bearer) as client:
            reply = client.post("/v1/predict", json={"text": "card"})
            assert reply.json()["predictions"][0]["label"] == "card"
            page = client.get("/", params={"token": TOKEN})
            assert "; Secure" in page.headers["set-cookie"]
        with pytest.raises(httpx.RemoteProtocolError), httpx.Client(trust_env=False) as plain:
            plain.get(served.base.replace("https", "http"))


def ask_on(base, found):
    """Ask on one connection after the other until the server is gone; tell each end."""
    while True:
        try:
            with httpx.Client(base_url=base, timeout=20, trust_env=False) as client:
                for _ in range(20):
                    found.put(client.post("/v1/predict", json={"text": "card"}).status_code)
        except httpx.ConnectError:
            return
        except httpx.HTTPError as error:
            found.put(type(error).__name__)
            return


def ask_as_eight(base, found):
    """Let eight clients ask."""
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(ask_on, base, found)


def test_it_stops_when_all_that_came_is_answered():
    # Clients in the server's process would hold its thread up while it closes the socket. On a busy
    # machine a client whose connection is open may take long over its next request.
    spawn = multiprocessing.get_context("spawn")
    found = spawn.Queue()
    served = Served(loaded(Words(seconds=0.005)), grace=5.0)
    with served:
        clients = spawn.Process(target=ask_as_eight, args=(served.base, found))
        clients.start()
        before = [found.get(timeout=60) for _ in range(50)]
    after = []
    while clients.is_alive() or not found.empty():
        with suppress(queue.Empty):
            after.append(found.get(timeout=0.1))
    clients.join()
    assert set(before) == set(after) == {200}
    with pytest.raises(httpx.ConnectError):
        served.ask({"text": "card"})


def test_what_waits_long_is_answered_too():
    engine = Words()
    found = []
    with Served(loaded(engine)) as served:
        engine.gate.clear()
        thread = threading.Thread(target=lambda: found.append(served.ask({"text": "card"})))
        thread.start()
        assert engine.entered.wait(5)
        threading.Timer(0.5, engine.gate.set).start()
    thread.join(5)
    assert found[0].status_code == 200
    assert found[0].headers["connection"] == "close"
