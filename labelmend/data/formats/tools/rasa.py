"""Rasa's NLU data: intents with their examples, as YAML.

https://rasa.com/docs/rasa/training-data-format. An example is a row, and its intent the label; the
marks of entities, `[Berlin](city)`, are left out of the text that is shown. Only intents are read;
synonyms, lookup tables and all else stay as they are.

What is written keeps every byte outside of the examples of intents. These become Rasa's longer
form, `- text:` with `metadata:`, where our fields stand behind the user's; the examples' own text
is as it was. The intents are the given ones: the mended one is in the metadata.

YAML is read by its events, without making objects of it: tags and aliases are refused, and depth
and number are bounded.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from labelmend.data.formats.base import Format
from labelmend.data.formats.objects import Number, dumped, flattened, text_of
from labelmend.data.formats.records import by_row, encoded, plain
from labelmend.data.table import Content, NewColumn, SourceTable, Value, frame_of
from labelmend.errors import InputError, OutputError

_SURE = 0.9
"""That a file is Rasa's: it has a list of intents."""

_DEEPEST = 20
"""Levels of lists and mappings; Rasa's own files have five."""

_MOST_EVENTS = 5_000_000
"""Parts of a file, ten an example in the longer form."""

_KEY = re.compile(r"^nlu[ \t]*:", re.MULTILINE)
_ENTITY = re.compile(r"\[(?P<text>[^\[\]]*)\](?:\([^()]*\)|\{[^{}]*\}|\[[^\[\]]*\])")
_PLAIN = re.compile(r"[A-Za-z_][\w./+-]*")
_BARE = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false|null|~")
_NOT_PLAIN = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON leaves as it is and YAML takes for the end of a line, or not at all."""

_NEEDED = "give Rasa's NLU data: `nlu:` with a list of `- intent: ...` and `examples: |`"


class _Node(NamedTuple):
    """A part of a YAML file.

    Attributes:
        value: a text, a list of nodes, or a list of pairs of nodes for a mapping.
        start: index of its first character in the file; `end` is behind its last.
        column: of its first character.
        line: of its first character, from 0.
        kind: "list" or "mapping"; of a text how it is written, "|", ">", "'", '"' or "plain".
    """

    value: Any
    start: int
    end: int
    column: int
    line: int
    kind: str


@dataclass(frozen=True)
class _Example:
    """One example: what stands in the file, and Rasa's metadata of it."""

    text: str
    metadata: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class _Block:
    """The examples of an intent: where they stand, and how far their key is indented."""

    intent: str
    start: int
    end: int
    indent: int
    examples: tuple[_Example, ...]


@dataclass(frozen=True)
class _Origin:
    """A file's text, and where the examples stand in it."""

    bom: bytes
    text: str
    blocks: tuple[_Block, ...]


class Rasa(Format):
    """A file with intents and their examples."""

    name = "rasa"
    suffixes = (".yml", ".yaml")

    def recognises(self, content: Content) -> float:
        """Say whether it has Rasa's key."""
        return _SURE if _KEY.search(content.text.text) else 0.0

    def read(self, content: Content) -> SourceTable:
        """Read the examples in their order."""
        text = content.text.text
        blocks = tuple(_blocks(_parsed(content), content))
        rows = [
            {"text": _bare(example.text), "label": block.intent, **_columns(example.metadata)}
            for block in blocks
            for example in block.examples
        ]
        if not rows:
            raise InputError(f"{content.path}: has no intents with examples; {_NEEDED}")
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
        return SourceTable(
            path=content.path,
            format=self.name,
            columns=columns,
            frame=frame_of(columns, [[row.get(name, "") for name in columns] for row in rows]),
            encoding=content.text.encoding,
            origin=_Origin(content.text.bom, text, blocks),
            text_column="text",
            label_column="label",
        )

    def write(self, table: SourceTable, columns: Sequence[NewColumn]) -> bytes:
        """Put our fields into the examples' metadata.

        Raises:
            OutputError: another format's table doesn't say which of its columns hold texts and
                labels, or has rows without a label.
        """
        origin = table.origin if table.format == self.name else None
        if not isinstance(origin, _Origin):
            return _anew(table, columns).encode("utf-8")
        if not columns:
            return origin.bom + encoded(origin.text, table, columns)
        names = [column.name for column in columns]
        rows = iter(by_row(table, columns))
        end = "\r\n" if "\r\n" in origin.text else "\n"
        pieces, before = [], 0
        for block in origin.blocks:
            examples = [
                (one.text, {**one.metadata, **_ours(names, next(rows))}) for one in block.examples
            ]
            kept = origin.text[before : block.start].rstrip()
            pieces += [kept, _written(examples, block.indent, end)]
            before = block.end
        text = "".join((*pieces, origin.text[before:]))
        return origin.bom + encoded(text, table, columns)

    def line_of(self, table: SourceTable, row: int) -> int | None:
        """Return the line of the row's example."""
        if not isinstance(table.origin, _Origin):
            return None
        lines = [one.line for block in table.origin.blocks for one in block.examples]
        return lines[row - 1] if 0 < row <= len(lines) else None


def _parsed(content: Content) -> _Node:
    """Return the file's document."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    open_nodes: list[tuple[list[_Node], Any]] = []
    done: list[_Node] = []
    try:
        for number, event in enumerate(yaml.parse(content.text.text, Loader=loader)):
            if number > _MOST_EVENTS or len(open_nodes) > _DEEPEST:
                raise _invalid(content, event, "too many parts, or nested too deeply")
            if isinstance(event, yaml.AliasEvent):
                raise _invalid(content, event, "an alias, which is not read")
            parts = open_nodes[-1][0] if open_nodes else done
            if isinstance(event, yaml.ScalarEvent):
                parts.append(_node(event.value, event, event, event.style or "plain"))
            elif isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(([], event))
            elif isinstance(event, yaml.CollectionEndEvent):
                inside, began = open_nodes.pop()
                parts = open_nodes[-1][0] if open_nodes else done
                parts.append(_collection(inside, began, event))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        reason = " ".join(str(getattr(error, "problem", None) or "can't be parsed").split())
        raise InputError(f"{content.path}: {line}not valid YAML ({reason}); mend it") from None
    if len(done) != 1:
        raise InputError(f"{content.path}: holds {len(done)} documents; {_NEEDED}")
    return done[0]


def _node(value: Any, began: Any, ended: Any, kind: str) -> _Node:
    start = began.start_mark
    return _Node(value, start.index, ended.end_mark.index, start.column, start.line, kind)


def _collection(inside: list[_Node], began: Any, ended: Any) -> _Node:
    is_mapping = isinstance(began, yaml.MappingStartEvent)
    value = list(zip(inside[::2], inside[1::2], strict=True)) if is_mapping else inside
    node = _node(value, began, ended, "mapping" if is_mapping else "list")
    # A block ends where the next part begins, behind comments: its last part tells.
    return node if began.flow_style or not inside else node._replace(end=inside[-1].end)


def _blocks(document: _Node, content: Content) -> Iterator[_Block]:
    """Yield the examples of intents, in the order of the file."""
    for _, items in _pairs(document, "nlu"):
        for item in items.value if items.kind == "list" else ():
            intents = [node.value for _, node in _pairs(item, "intent") if _is_text(node)]
            for key, examples in _pairs(item, "examples") if intents else ():
                found = tuple(_examples(examples, content))
                if found:
                    end = _line_end(content.text.text, examples.start, examples.end)
                    yield _Block(intents[0], examples.start, end, key.column, found)


def _line_end(text: str, start: int, end: int) -> int:
    """Return the index behind the last line that isn't blank."""
    last = start + len(text[start:end].rstrip())
    found = text.find("\n", last)
    return len(text) if found < 0 else found + 1


def _is_text(node: _Node) -> bool:
    return node.kind not in {"list", "mapping"}


def _pairs(node: _Node, name: str) -> list[tuple[_Node, _Node]]:
    """Return the keys of that name in a mapping, each with its value."""
    if node.kind != "mapping":
        return []
    return [(key, value) for key, value in node.value if key.value == name]


def _examples(node: _Node, content: Content) -> Iterator[_Example]:
    if _is_text(node):
        as_it_stands = node.kind in {"|", ">"}
        text = content.text.text[node.start : node.end] if as_it_stands else node.value
        for number, line in enumerate(text.split("\n")):
            example = line.strip()
            if example.startswith("-"):
                place = node.line + (number if as_it_stands else 0) + 1
                yield _Example(example[1:].strip(), {}, place)
        return
    for item in node.value if node.kind == "list" else ():
        if _is_text(item):
            yield _Example(item.value.strip(), {}, item.line + 1)
            continue
        texts = [value for _, value in _pairs(item, "text") if _is_text(value)]
        found = [_data(value) for _, value in _pairs(item, "metadata")]
        metadata = found[0] if found and isinstance(found[0], dict) else {}
        if texts:
            yield _Example(texts[0].value.strip(), metadata, item.line + 1)


def _data(node: _Node) -> Any:
    """Return a part of the file as plain values; what looks like a number is one."""
    if node.kind == "mapping":
        return {str(_data(key)): _data(value) for key, value in node.value}
    if node.kind == "list":
        return [_data(item) for item in node.value]
    if node.kind == "plain" and _BARE.fullmatch(node.value):
        return None if node.value in {"null", "~"} else Number(node.value)
    return node.value


def _columns(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return an example's metadata as columns."""
    taken = {"text", "label"}
    return {
        f"metadata.{name}" if name in taken else name: text_of(value)
        for name, value in flattened([metadata])[0].items()
    }


def _bare(text: str) -> str:
    """Return an example without the marks of entities."""
    return _ENTITY.sub(lambda found: found["text"], text)


def _ours(names: Sequence[str], values: Sequence[Value]) -> dict[str, Value]:
    return {name: plain(value) for name, value in zip(names, values, strict=True)}


def _written(examples: Sequence[tuple[str, Mapping[str, Any]]], indent: int, end: str) -> str:
    """Return examples in Rasa's longer form, behind the colon of their key."""
    space = " " * indent
    lines = [""]
    for text, metadata in examples:
        lines.append(f"{space}- text: {_quoted(text)}")
        if metadata:
            lines.append(f"{space}  metadata: {_escaped(dumped(dict(metadata)))}")
    return end.join(lines) + end


def _anew(table: SourceTable, columns: Sequence[NewColumn]) -> str:
    """Return a file for a table of another format: its labels are the intents."""
    if table.text_column is None or table.label_column is None:
        raise OutputError(
            f"{table.path}: Rasa's files hold texts and intents, and which columns they are is not "
            "known here; end the output's name in .csv or .jsonl"
        )
    labels = table.values(table.label_column)
    if not all(label.strip() for label in labels):
        raise OutputError(
            f"{table.path}: {labels.count('')} rows have no label, and Rasa's files have no place "
            "for them; end the output's name in .csv or .jsonl"
        )
    names = [column.name for column in columns]
    known = {table.text_column, table.label_column}
    more = [name for name in table.columns if name not in known]
    others = [table.values(name) for name in more]
    intents: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    rows = zip(labels, table.values(table.text_column), by_row(table, columns), strict=True)
    for row, (label, text, ours) in enumerate(rows):
        theirs = {name: values[row] for name, values in zip(more, others, strict=True)}
        example = (" ".join(text.split()), theirs | _ours(names, ours))
        intents.setdefault(label, []).append(example)
    parts = [
        f"- intent: {_name(label)}\n  examples:{_written(examples, 2, chr(10))}"
        for label, examples in intents.items()
    ]
    return 'version: "3.1"\n\nnlu:\n' + "\n".join(parts)


def _name(label: str) -> str:
    simple = _PLAIN.fullmatch(label) and label.casefold() not in _NOT_PLAIN
    return label if simple else _quoted(label)


def _quoted(text: str) -> str:
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Return JSON that YAML reads alike."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _invalid(content: Content, event: Any, reason: str) -> InputError:
    line = event.start_mark.line + 1
    return InputError(f"{content.path}: line {line}: {reason}; {_NEEDED}")


RASA = Rasa()
