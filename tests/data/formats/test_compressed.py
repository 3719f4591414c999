"""Packed files: what is inside comes back, and bombs stay small."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from labelmend.data.formats import compressed
from labelmend.data.formats.find import beside, format_by_suffix
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import atomic_files, write_table
from labelmend.errors import InputError

PACK = {".gz": gzip.compress, ".zst": zstandard.compress}
UNPACK = {".gz": gzip.decompress, ".zst": zstandard.decompress}
CSV = b'text,label\r\n"a",x\r\nb,"y"\r\n'


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("packing", PACK)
def test_a_packed_table_comes_back(tmp_path, packing):
    path = tmp_path / f"a.csv{packing}"
    path.write_bytes(PACK[packing](CSV))
    table = read_table(path)
    assert (table.format, table.rows()) == ("csv", [["a", "x"], ["b", "y"]])
    output = beside(path, "mended")
    assert output.name == f"a.mended.csv{packing}"
    with atomic_files([output]) as (temporary,):
        write_table(table, [NewColumn("m", ("x", "z"))], temporary)
    assert UNPACK[packing](output.read_bytes()) == (b'text,label,m\r\n"a",x,x\r\nb,"y",z\r\n')
    # Packed or not is for the output's name to say, and the format as well.
    with atomic_files([tmp_path / "b.csv", tmp_path / f"c.jsonl{packing}"]) as (plain, other):
        write_table(table, [], plain)
        write_table(table, [], other)
    assert (tmp_path / "b.csv").read_bytes() == CSV
    lines = UNPACK[packing]((tmp_path / f"c.jsonl{packing}").read_bytes())
    assert lines.startswith(b'{"text": "a", "label": "x"}\n')


@pytest.mark.parametrize("packing", PACK)
def test_the_same_bytes_each_time(packing):
    kind = format_by_suffix(Path(f"a.CSV{packing.upper()}"))
    table = kind.read(compressed.Content(Path("a.csv"), CSV))
    assert kind.write(table, ()) == kind.write(table, ())
    assert format_by_suffix(Path(f"a.data{packing}")) is None
    assert format_by_suffix(Path(f"a{packing}")) is None


@pytest.mark.parametrize("packing", PACK)
def test_parts_one_behind_the_other(tmp_path, packing):
    path = tmp_path / f"a.csv{packing}"
    path.write_bytes(PACK[packing](CSV[:12]) + PACK[packing](CSV[12:]))
    assert len(read_table(path)) == 2


@pytest.mark.parametrize("packing", PACK)
def test_damage_is_told(tmp_path, packing):
    path = tmp_path / f"a.csv{packing}"
    whole = PACK[packing](CSV * 50)
    for raw in (whole[:-5], b"text,label\n", whole[:10] + bytes(9) + whole[19:]):
        path.write_bytes(raw)
        assert refusal(path).startswith(": can't be unpacked as ")
        assert refusal(path).endswith("); pack the table again")


@pytest.mark.parametrize("packing", PACK)
def test_a_bomb_stays_small(tmp_path, packing):
    path = tmp_path / f"a.csv{packing}"
    raw = PACK[packing](bytes(100 << 20))
    path.write_bytes(raw)
    said = refusal(path)
    tracemalloc.start()
    with pytest.raises(InputError):
        compressed.unpacked(raw, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "unpack to more than 67,108,864, which no table does that is meant well" in said
    assert peak < 120 << 20  # what is held, 64 MiB, and the piece that was too much


def test_a_window_that_takes_all_memory(tmp_path):
    path = tmp_path / "a.csv.zst"
    parameters = zstandard.ZstdCompressionParameters(
        window_log=29, enable_ldm=True, write_content_size=False
    )
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path.write_bytes(stream.compress(CSV) + stream.flush())
    assert refusal(path).startswith(": can't be unpacked as zstd (")


def test_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(compressed, "_MOST_BYTES", 10)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(CSV))
    assert "unpack to more than 10, which" in refusal(path)
