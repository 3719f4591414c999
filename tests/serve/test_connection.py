"""Slow clients, half-open connections and too many of them: others are answered all the while."""

import contextlib
import socket
import time

import pytest
from fixtures.served import Served, Words, loaded

from labelmend.serve.batcher import Bounds
from labelmend.serve.service import Limits

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ASKED = b'{"text": "card"}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(ASKED) + ASKED


@pytest.fixture(scope="module")
def served():
    with Served() as server:
        yield server


def connect(served):
    found = socket.create_connection(("127.0.0.1", served.door.port), timeout=5)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def said(connection):
    """All that comes until the server ends the connection; it has to."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def is_well(served):
    return served.ask({"text": "card"}).status_code == 200


def test_who_says_nothing_is_let_go(served):
    with connect(served) as idle:
        began = time.monotonic()
        assert said(idle) == b""
        assert 0.2 < time.monotonic() - began < 3
    assert is_well(served)


def test_headers_letter_by_letter(served):
    with connect(served) as slow:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for letter in HEAD * 9:
                slow.send(bytes([letter]))
                time.sleep(0.01)
        assert time.monotonic() - began < 3  # and it was not listened to until the end
        assert said(slow)[:13] in (b"HTTP/1.1 408 ", b"")
    with connect(served) as slow:
        slow.send(HEAD)
        assert is_well(served)
        assert said(slow).startswith(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n")


def test_a_body_letter_by_letter(served):
    with connect(served) as slow:
        slow.send(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert is_well(served)
        found = said(slow)
        assert found.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in found
        assert b'"error": "slow"' in found


def test_headers_without_end(served):
    with connect(served) as long:
        with contextlib.suppress(OSError):
            long.sendall(HEAD + b"X: " + b"a" * 300_000)
        assert said(long)[:13] in (b"HTTP/1.1 431 ", b"")
    assert is_well(served)


def test_half_a_request_and_no_more(served):
    for part in (WHOLE[:20], WHOLE[:-3]):
        with connect(served) as half:
            half.send(part)
            half.shutdown(socket.SHUT_WR)
            assert said(half)[:13] in (b"HTTP/1.1 408 ", b"HTTP/1.1 400 ", b"")
    assert is_well(served)


def test_what_is_no_http(served):
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 99,
    ):
        with connect(served) as strange:
            strange.send(raw)
            assert said(strange)[:13] in (b"HTTP/1.1 400 ", b"HTTP/1.1 408 ")
    assert is_well(served)


def test_lengths_that_lie(served):
    lies = (b"Content-Length: -1", b"Content-Length: x", b"Transfer-Encoding: gzip")
    both = b"Content-Length: 5\r\n"
    lies += (both + b"Content-Length: 7", both + b"Transfer-Encoding: chunked")
    for lie in lies:
        with connect(served) as liar:
            liar.send(HEAD + lie + b"\r\n\r\n" + ASKED)
            assert said(liar)[:10] in (b"HTTP/1.1 4", b""), lie
    assert is_well(served)


def test_one_after_the_other_on_one_connection(served):
    with connect(served) as both:
        both.send(WHOLE * 3)
        found = b""
        while found.count(b'"request_id"') < 3:
            found += both.recv(65536)
        assert found.count(b"HTTP/1.1 200 OK") == 3


def test_an_answer_that_nobody_reads_ends():
    bounds = Bounds(most_waiting=100_000)
    limits = Limits(most_body=200_000, most_chars=50, bounds=bounds)
    with Served(limits=limits) as served:
        body = b'{"texts": [' + b",".join([b'"card"'] * 1000) + b"]}"
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.settimeout(10)
            deaf.connect(("127.0.0.1", served.door.port))
            asked = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
            deaf.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(200):
                    deaf.send(asked)
            room = served.server.room
            assert is_well(served)
            end = time.monotonic() + 10
            while any(one.transport.get_write_buffer_size() for one in list(room.taken)):
                assert time.monotonic() < end
                time.sleep(0.02)
        assert is_well(served)


def test_where_there_is_no_room_the_one_that_says_nothing_goes():
    engine = Words()
    with Served(loaded(engine), most_connections=3) as served:
        engine.gate.clear()
        asking = connect(served)
        asking.send(WHOLE)
        assert engine.entered.wait(5)
        idle = [connect(served) for _ in range(2)]
        time.sleep(0.05)
        late = connect(served)  # the first idle one makes room for it
        late.send(WHOLE)
        assert said(idle[0]) == b""
        engine.gate.set()
        for one in (asking, late):
            assert one.recv(65536).startswith(b"HTTP/1.1 200")
        for one in (asking, late, *idle):
            one.close()
