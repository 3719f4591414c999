# ruff: noqa: RUF001 - Russian is meant
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmend.data.formats.find import known_suffixes
from labelmend.data.outputs.claim import Given, Output, claim
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import (
    atomic_files,
    check_new_columns,
    check_output_folder,
    with_values,
    write_table,
)
from labelmend.errors import ColumnError, OutputError

OURS = (NewColumn("mended", ("a,b", 'say "x"', None)), NewColumn("p", (0.1234567, 2, 1e-7)))
CSV = (
    'text,label,id\r\n"007, ""x""\r\nnext",NA,2024-01-02\r\n'
    '\r\n plain ,,"null"\r\n"""",1.10,\r\n\r\n'
)


def write(source: Path, columns: tuple[NewColumn, ...], output: Path) -> bytes:
    table = read_table(source)
    with atomic_files([output]) as (temporary,):
        write_table(table, columns, temporary)
    return output.read_bytes()


def test_csv_fields_stand_before_the_terminator(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV.encode())
    assert write(tmp_path / "a.csv", OURS, tmp_path / "b.csv").decode() == (
        "text,label,id,mended,p\r\n"
        '"007, ""x""\r\nnext",NA,2024-01-02,"a,b",0.123457\r\n'
        '\r\n plain ,,"null","say ""x""",2\r\n'
        '"""",1.10,,,1e-07\r\n\r\n'
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1251", "latin-1"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("final", [True, False])
def test_bytes_come_back(
    tmp_path: Path, encoding: str, delimiter: str, end: str, final: bool
) -> None:
    word = {"cp1251": "ёж привет", "latin-1": "déjà vu"}.get(encoding, "ёж 猫 déjà")
    fields = [
        ["text", "label"],
        [f'"{word}{delimiter} ""q"""', "007"],
        [word, '""'],
        ["NA", "null"],
    ]
    lines = [delimiter.join(row) for row in fields]
    theirs = (end.join(lines) + end * final).encode(encoding)
    mended = (end.join(f"{line}{delimiter}zz" for line in lines) + end * final).encode(encoding)
    (tmp_path / "a.csv").write_bytes(theirs)
    written = write(tmp_path / "a.csv", (NewColumn("zz", ("zz",) * 3),), tmp_path / "b.csv")
    assert written == mended
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    assert written.replace(f"{delimiter}zz".encode(codec), b"") == theirs


def test_random_tables_come_back(tmp_path: Path) -> None:
    rng = random.Random(20240501)
    pieces = [
        "a",
        "0",
        " ",
        "é",
        "猫",
        ",",
        ";",
        '"',
        "\n",
        "\r\n",
        "NA",
        "",
        "'",
        "\u2028",
        "\x0b",
    ]

    def field() -> str:
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(6)))
        quoted = rng.random() < 0.3 or any(c in text for c in ',;"\r\n')
        return '"' + text.replace('"', '""') + '"' if quoted else text

    for _ in range(200):
        width, height = rng.randrange(2, 5), rng.randrange(1, 8)
        end = rng.choice(["\n", "\r\n"])
        rows = [[f"c{i}" for i in range(width)]]
        rows += [
            ["t" + str(rng.randrange(9)), *(field() for _ in range(width - 1))]
            for _ in range(height)
        ]
        lines = [",".join(row) for row in rows]
        (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
        values = tuple(f"ours{i}" for i in range(height))
        written = write(tmp_path / "a.csv", (NewColumn("ours", values),), tmp_path / "b.csv")
        expected = end.join(
            f"{line},{ours}" for line, ours in zip(lines, ("ours", *values), strict=True)
        )
        assert written == expected.encode()
        again = read_table(tmp_path / "b.csv")
        assert again.values("ours") == list(values)


def test_jsonl_fields_stand_before_the_brace(tmp_path: Path) -> None:
    lines = ['{"text":"caf\\u00e9", "n":1.10 }\r\n', "\n", ' {"text": "}"}  \n', "{}"]
    (tmp_path / "a.jsonl").write_bytes("".join(lines).encode())
    columns = (NewColumn("m", ("é", None, 3)), NewColumn("p", (0.1234567, float("nan"), 1.0)))
    assert write(tmp_path / "a.jsonl", columns, tmp_path / "b.jsonl").decode() == (
        '{"text":"caf\\u00e9", "n":1.10 , "m": "é", "p": 0.123457}\r\n'
        '\n {"text": "}", "m": null, "p": null}  \n'
        '{"m": 3, "p": 1.0}'
    )


def test_no_columns_of_ours(tmp_path: Path) -> None:
    for name, text in (("a.csv", CSV), ("a.jsonl", '{"text": "a"}\n{"text": "b"}')):
        (tmp_path / name).write_bytes(text.encode())
        assert write(tmp_path / name, (), tmp_path / f"out{name}").decode() == text


def test_parquet_keeps_types_and_metadata(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            pa.field("text", pa.large_string(), metadata={"k": "v"}),
            pa.field("when", pa.timestamp("us")),
            pa.field("label", pa.dictionary(pa.int32(), pa.string())),
            pa.field("list", pa.list_(pa.int8())),
        ],
        metadata={"pandas": "{}", "mine": "x"},
    )
    data = {"text": ["a", "b"], "when": [None, 1], "label": ["x", None], "list": [[1], []]}
    source = pa.table(data, schema=schema)
    pq.write_table(source, tmp_path / "a.parquet")
    source = pq.read_table(tmp_path / "a.parquet")
    assert source.schema.metadata[b"mine"] == b"x"
    columns = (
        NewColumn("m", ("x", None)),
        NewColumn("p", (0.123456789, float("nan"))),
        NewColumn("n", (1, None)),
        NewColumn("none", (None, None)),
    )
    write(tmp_path / "a.parquet", columns, tmp_path / "b.parquet")
    result = pq.read_table(tmp_path / "b.parquet")
    assert result.select(source.column_names).equals(source, check_metadata=True)
    assert result.select(["m", "p", "n", "none"]).to_pydict() == {
        "m": ["x", None],
        "p": [0.123456789, None],
        "n": [1, None],
        "none": [None, None],
    }
    assert [str(result.schema.field(n).type) for n in ("m", "p", "n", "none")] == [
        "string",
        "double",
        "int64",
        "string",
    ]


def test_across_formats(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes('text;label\r\n"a;\tb";007\r\nда,;\r\n'.encode("cp1251"))
    ours = (NewColumn("p", (0.5, None)),)
    assert write(source, ours, tmp_path / "b.jsonl").decode() == (
        '{"text": "a;\\tb", "label": "007", "p": 0.5}\n{"text": "да,", "label": "", "p": null}\n'
    )
    assert write(source, ours, tmp_path / "b.tsv").decode() == (
        'text\tlabel\tp\n"a;\tb"\t007\t0.5\nда,\t\t\n'
    )
    write(source, ours, tmp_path / "b.parquet")
    assert pq.read_table(tmp_path / "b.parquet").to_pydict() == {
        "text": ["a;\tb", "да,"],
        "label": ["007", ""],
        "p": [0.5, None],
    }
    more = (NewColumn("q", ("1", "2")),)
    assert write(tmp_path / "b.jsonl", more, tmp_path / "c.csv").decode() == (
        'text,label,p,q\na;\tb,007,0.5,1\n"да,",,,2\n'
    )
    assert write(tmp_path / "b.parquet", more, tmp_path / "d.csv").decode() == (
        'text,label,p,q\na;\tb,007,0.5,1\n"да,",,,2\n'
    )


def test_encoding_that_lacks_a_character(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes("text,label\nпривет,a\nкак дела,b\n".encode("cp1251"))
    with pytest.raises(OutputError) as caught:
        write(source, (NewColumn("m", ("a", "café")),), tmp_path / "b.csv")
    assert str(caught.value) == (
        f"{source}: its encoding cp1251 has no 'é', which is needed for 'café' in column 'm'; "
        "convert the file to UTF-8 and run again"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv"]


def test_our_columns_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,mended,p\na,b,c\n")
    table = read_table(tmp_path / "a.csv")
    with pytest.raises(ColumnError) as caught:
        check_new_columns(table, ["p", "q", "mended"])
    assert str(caught.value) == (
        f"{table.path}: already has 'p', 'mended', as labelmend's own output has; give the "
        "original file, or rename or drop these columns"
    )
    check_new_columns(table, ["q"])


def test_with_values_rewrites_only_what_changes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'text,label\r\n"plain","a"\r\n"b, c","a"\r\n')
    table = with_values(read_table(tmp_path / "a.csv"), "label", ["a", "b;c"])
    assert table.values("label") == ["a", "b;c"]
    with atomic_files([tmp_path / "b.csv"]) as (temporary,):
        write_table(table, [NewColumn("t", ("a", "a"))], temporary)
    assert (tmp_path / "b.csv").read_bytes() == (
        b'text,label,t\r\n"plain","a",a\r\n"b, c",b;c,a\r\n'
    )
    (tmp_path / "a.jsonl").write_bytes(b'{"label":"a"}\n{"label":"a","n":1}\n')
    table = with_values(read_table(tmp_path / "a.jsonl"), "label", ["a", "b"])
    assert table.origin.records == ('{"label":"a"}\n', '{"label": "b", "n": 1}\n')
    pq.write_table(pa.table({"label": ["a", "a"], "n": [1, 2]}), tmp_path / "a.parquet")
    table = with_values(read_table(tmp_path / "a.parquet"), "label", ["a", "b"])
    assert table.origin.to_pydict() == {"label": ["a", "b"], "n": [1, 2]}


def test_with_values_keeps_the_shape_of_labels(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        b'{"label":{"choices":["a"]}}\n{"label":{"choices":["a"]}}\n'
    )
    table = with_values(read_table(tmp_path / "a.jsonl"), "label", ['{"choices": ["a"]}', "b"])
    like = NewColumn("true", ('{"choices": ["a"]}', "c"), "label")
    with atomic_files([tmp_path / "b.jsonl"]) as (temporary,):
        write_table(table, [like], temporary)
    assert (tmp_path / "b.jsonl").read_text() == (
        '{"label":{"choices":["a"]}, "true": {"choices": ["a"]}}\n'
        '{"label": {"choices": ["b"]}, "true": "c"}\n'
    )
    (tmp_path / "a.csv").write_bytes(b"label,n\n['a'],1\n['a'],2\n")
    table = with_values(read_table(tmp_path / "a.csv"), "label", ["b", "['a']"])
    assert table.origin.records == ("['b'],1\n", "['a'],2\n")
    labels = [{"choices": ["a"]}, {"choices": ["b"]}]
    pq.write_table(pa.table({"label": labels}), tmp_path / "a.parquet")
    table = with_values(read_table(tmp_path / "a.parquet"), "label", ["b", '{"choices": ["b"]}'])
    assert table.origin.to_pydict() == {"label": [{"choices": ["b"]}] * 2}
    assert table.origin.schema == read_table(tmp_path / "a.parquet").origin.schema


def refusal(source: Path, output: Path) -> str:
    with pytest.raises(OutputError) as caught:
        claim([Given(source)], [Output(output, is_table=True)])
    return str(caught.value).removeprefix(str(output))


def test_what_may_be_written_to(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("x")
    same = ": is the input itself; write to another file"
    assert refusal(source, source) == same
    assert refusal(source, Path(os.path.relpath(source))) == same
    (tmp_path / "link.csv").symlink_to(source)
    assert refusal(source, tmp_path / "link.csv") == same
    assert refusal(tmp_path / "link.csv", source) == same
    (tmp_path / "hard.csv").hardlink_to(source)
    assert refusal(source, tmp_path / "hard.csv") == same
    (tmp_path / "d.csv").mkdir()
    assert refusal(source, tmp_path / "d.csv") == ": is a folder; give a file name in it"
    assert refusal(source, Path("/dev/null")) == ": is not a regular file; give another name"
    assert refusal(source, tmp_path / "no" / "b.csv") == (
        f": the folder {tmp_path / 'no'} is missing; create it first"
    )
    assert refusal(source, tmp_path / "b.xyz") == (
        f": can't tell the format from the suffix '.xyz'; end the name in one of {known_suffixes()}"
    )
    claim([Given(source)], [Output(tmp_path / "b.CSV", is_table=True)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "d.csv", "hard.csv", "link.csv"]


@pytest.mark.parametrize("aim", ["around", "nowhere"])
def test_a_link_to_nothing_is_no_folder(tmp_path: Path, aim: str) -> None:
    link = tmp_path / "around"
    link.symlink_to(aim)
    with pytest.raises(OutputError) as caught:
        check_output_folder(link, "a model", ())
    assert str(caught.value) == f"{link}: is a link that leads nowhere; remove it, or name a folder"
    with pytest.raises(OutputError, match=f"the folder {link} is missing"):
        check_output_folder(link / "model", "a model", ())
    assert link.is_symlink()


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # Root passes all permissions, but no one may create files in /proc.
    folder = Path("/proc") if os.geteuid() == 0 else tmp_path / "locked"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o500)
    if not folder.is_dir():
        pytest.skip("no such folder on this system")
    message = refusal(tmp_path / "a.csv", folder / "b.csv")
    assert message.startswith(": can't be written to (")
    assert message.endswith("); choose another folder or name")


def test_interrupted_write_leaves_the_old_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.json"
    first.write_text("old")

    def fail(error: type[BaseException]) -> None:
        with atomic_files([first, second]) as (one, two):
            one.write_text("half")
            assert one.parent == two.parent == tmp_path
            assert (one.suffix, two.suffix) == (".csv", ".json")
            raise error

    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error):
            fail(error)
        assert first.read_text() == "old"
        assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_all_files_appear_together(tmp_path: Path) -> None:
    old = tmp_path / "real.csv"
    old.write_text("old")
    old.chmod(0o640)
    (tmp_path / "link.csv").symlink_to(old)
    with atomic_files([tmp_path / "link.csv", str(tmp_path / "b.json")]) as (one, two):
        one.write_text("1")
        assert old.read_text() == "old"
        two.write_text("2")
    assert (tmp_path / "link.csv").is_symlink()
    assert old.read_text() == "1"
    assert old.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b.json").read_text() == "2"
    assert len(list(tmp_path.iterdir())) == 3


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    target = tmp_path / "no" / "a.csv"
    with pytest.raises(OutputError) as caught, atomic_files([target]):
        pass
    assert str(caught.value) == (
        f"can't write {target}: No such file or directory; mend that and run again; "
        "what was there before is untouched"
    )


FULL = """
import resource, sys
from pathlib import Path
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.data.write import atomic_files, write_table
from labelmend.errors import OutputError
table = read_table(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with atomic_files([Path(sys.argv[2]), Path(sys.argv[3])]) as (one, two):
        two.write_text("{}")
        write_table(table, [NewColumn("m", tuple(map(str, range(2000))))], one)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_file_system_that_takes_no_more(tmp_path: Path, suffix: str) -> None:
    source, output, run = tmp_path / "a.csv", tmp_path / f"b{suffix}", tmp_path / "b.json"
    source.write_text("text,label\n" + "".join(f"some text {i},a\n" for i in range(2000)))
    output.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", FULL, source, output, run], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout == (
        f"can't write {output}, {run}: File too large; write to a file system that takes larger "
        "files and run again; what was there before is untouched\n"
    )
    assert output.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["a.csv", output.name])


def test_disk_full(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    output = tmp_path / "a.csv"
    output.write_text("old")
    with pytest.raises(OutputError) as caught, atomic_files([output]):
        Path("/dev/full").write_text("x" * 100_000)
    assert str(caught.value) == (
        f"can't write {output}: No space left on device; free some and run again; "
        "what was there before is untouched"
    )
    assert output.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
