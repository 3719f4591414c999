import struct
import time

import pytest

from labelmend.errors import ModelError
from labelmend.weights.gguf import GgufHeader, read_header


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf(entries, tensors, version=3):
    """A GGUF file without the tensors' values: entries are (name, type, value as bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    known = b"".join(string(name) + struct.pack("<I", kind) + raw for name, kind, raw in entries)
    shapes = b"".join(
        string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)
        for name, shape in tensors
    )
    return head + known + shapes


ENTRIES = [
    ("general.architecture", 8, string("qwen2")),
    ("one.of.each.byte", 0, b"\x01"),
    ("one.short", 3, b"\x01\x02"),
    ("one.flag", 7, b"\x01"),
    ("one.double", 12, struct.pack("<d", 0.5)),
    ("some.numbers", 9, struct.pack("<IQ3i", 5, 3, 1, 2, 3)),
    ("some.words", 9, struct.pack("<IQ", 8, 2) + string("a") + string("ça")),
    ("some.lists", 9, struct.pack("<IQIQ2B", 9, 1, 0, 2, 7, 7)),
]
TENSORS = [("embedding", (64, 100)), ("norm", (64,)), ("cube", (2, 3, 4))]


def test_a_header_by_hand(tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(ENTRIES, TENSORS))
    assert read_header(path) == GgufHeader("qwen2", 64 * 100 + 64 + 24, chat_template=False)
    path.write_bytes(gguf([*ENTRIES, ("tokenizer.chat_template", 8, string("{{ x }}"))], TENSORS))
    assert read_header(path).chat_template


def test_the_real_small_model(smollm2):
    header = read_header(smollm2.path)
    # 134.5 million as published: the output layer is the embedding.
    assert header == GgufHeader("llama", 134_515_008, chat_template=True)


def test_a_file_that_ends_before_its_last_tensor(smollm2, tmp_path):
    path = tmp_path / "m.gguf"
    # One tensor whose values begin 10,000 bytes behind the header.
    whole = gguf(ENTRIES, TENSORS[:1])[:-8] + struct.pack("<Q", 10_000) + bytes(10_000)
    path.write_bytes(whole)
    assert read_header(path).parameters == 6400
    with smollm2.path.open("rb") as file:
        real = file.read(20_000_000)
    for cut in (whole[:-1], whole[:-9_999], real):
        path.write_bytes(cut)
        with pytest.raises(ModelError, match=r"m\.gguf: this GGUF file is cut off or damaged"):
            read_header(path)


def test_every_cut_is_said(tmp_path):
    path, whole = tmp_path / "m.gguf", gguf(ENTRIES, TENSORS)
    for size in range(4, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"m\.gguf: this GGUF file is cut off or damaged"):
            read_header(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a GGUF file"),
        (b"PK\3\4 a zip", "not a GGUF file"),
        (gguf([], [], version=9), "GGUF version 9 is not known"),
        (gguf([("a", 99, b"")], []), "cut off or damaged"),
        (gguf([("a", 9, struct.pack("<IQ", 9, 1) * 100_000)], []), "cut off or damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63), "cut off or damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "cut off or damaged"),
        (gguf([], [("t", (1, 1, 1, 1, 1))]), "cut off or damaged"),
    ],
)
def test_what_is_no_header(tmp_path, content, said):
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=said) as found:
        read_header(path)
    assert "\n" not in str(found.value)


def test_a_tensor_without_end_is_not_multiplied(tmp_path):
    """A million numbers of 64 bits: their product would take hours."""
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf([], [("t", (2**64 - 1,) * 1_000_000)]))
    began = time.process_time()
    with pytest.raises(ModelError, match="cut off or damaged"):
        read_header(path)
    assert time.process_time() - began < 0.5


def test_a_folder(tmp_path):
    with pytest.raises(ModelError, match="can't read this model: Is a directory"):
        read_header(tmp_path)
