"""LightGBM's text of trees, checked before LightGBM reads it: its reader trusts all it says."""

import re
from collections.abc import Sequence

MOST_BYTES = 1 << 30
"""Of a text: two thousand trees of 151 labels take a quarter."""

_MOST_LEAVES = 1 << 17
"""LightGBM's own bound."""

_DEEPEST = 400
"""Splits above a leaf: who walks through trees does so in Python's thousand calls."""

_HEADER = (
    *("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx"),
    *("objective", "feature_names", "feature_infos", "tree_sizes"),
)
_OPTIONAL = {
    "leaf_weight": 1,
    "leaf_count": 1,
    **dict.fromkeys(("split_gain", "internal_value", "internal_weight", "internal_count"), 0),
}
"""Numbers that no prediction needs: one a split, or one more, which is one a leaf."""

_NUMERIC = range(0, 16, 2)
"""LightGBM's types of a split by `<=`; an odd one is by categories."""

_CONTROL = re.compile(r"[\0-\x09\x0b-\x1f\x7f]")
"""LightGBM reads up to a zero, and takes a carriage return for the end of a line."""
_PARAMETER = re.compile(r"\[\w+: ?[\w.+\-, :]*\]")
_IMPORTANCE = re.compile(r"\S+=\d+")
_INTERVAL = re.compile(r"none|\[[-+.\deinf]+:[-+.\deinf]+\]")
_INTEGER = re.compile(r"-?\d{1,10}")
_FLOAT = r"[-+]?\d{1,40}(?:\.\d{0,40})?(?:[eE](?:[-+]?\d{1,2}|-\d{3}))?"
"""None that is written so is infinite."""
_FLOATS = re.compile(f"{_FLOAT}(?: {_FLOAT})*")


def check_trees(text: str, features: int) -> int:
    """Check LightGBM's text of a multiclass model, and return how many outputs it has.

    Args:
        text: as `Booster.save_model` writes it.
        features: that the trees may split on.

    Raises:
        ValueError: it says something that can't be, or that no model of ours says.
    """
    head, separator, rest = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != "tree" or not separator or _CONTROL.search(text):
        raise ValueError("no text of trees")
    fields = _fields(lines)
    if set(fields) != set(_HEADER):
        raise ValueError("a header of another form")
    outputs = _integer(fields["num_class"])
    if outputs < 1 or fields["num_tree_per_iteration"] != fields["num_class"]:
        raise ValueError("num_tree_per_iteration is not num_class")
    if fields["objective"] != f"multiclass num_class:{outputs}":
        raise ValueError("its objective is not multiclass")
    _integer(fields["label_index"])
    names = fields["feature_names"].split(" ")
    infos = fields["feature_infos"].split(" ")
    if {_integer(fields["max_feature_idx"]) + 1, len(names), len(infos)} != {features}:
        raise ValueError(f"it reads another number of features than {features}")
    if not all(_INTERVAL.fullmatch(info) for info in infos):
        raise ValueError("feature_infos of another form")
    sizes = [_integer(size) for size in fields["tree_sizes"].split(" ") if size]
    if not sizes or len(sizes) % outputs:
        raise ValueError("the number of trees is no multiple of num_class")
    at = 0
    for number, size in enumerate(sizes):
        if size <= 0 or at + size > len(rest):
            raise ValueError("tree_sizes are wrong")
        _check_tree(rest[at : at + size], number, features)
        at += size
    _check_end(rest[at:])
    return outputs


def trees_alone(text: str) -> str:
    """Return a text that was checked without what stands behind the trees.

    No prediction needs it, and LightGBM writes to standard error about settings that it can't read.
    """
    head, _, rest = text.partition("\n\n")
    (sizes,) = (line for line in head.split("\n") if line.startswith("tree_sizes="))
    end = sum(int(size) for size in sizes.partition("=")[2].split())
    return f"{head}\n\n{rest[:end]}end of trees\n"


def _check_tree(text: str, number: int, features: int) -> None:
    first, *lines = text.rstrip("\n").split("\n")
    if first != f"Tree={number}":
        raise ValueError("tree_sizes are wrong")
    fields = _fields(lines)
    leaves = _integer(fields.pop("num_leaves", ""))
    if not 1 <= leaves <= _MOST_LEAVES:
        raise ValueError(f"tree {number} has {leaves} leaves")
    if fields.pop("num_cat", "") != "0" or fields.pop("is_linear", "0") != "0":
        raise ValueError(f"tree {number} is of another kind")
    splits = leaves - 1
    for name, count in {"shrinkage": 1, "leaf_value": leaves, "threshold": splits}.items():
        _check_floats(fields, name, count, required=True)
    for name, more in _OPTIONAL.items():
        _check_floats(fields, name, splits + more, required=False)
    structure = {
        name: _integers(fields, name, splits, required=True)
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    }
    if fields:
        raise ValueError(f"tree {number} says {next(iter(fields))!r}")
    if splits:
        if not all(0 <= split < features for split in structure["split_feature"]):
            raise ValueError(f"tree {number} splits on a feature that is not there")
        if not all(kind in _NUMERIC for kind in structure["decision_type"]):
            raise ValueError(f"tree {number} splits by categories")
        _check_shape(structure["left_child"], structure["right_child"], number)


def _check_shape(left: Sequence[int], right: Sequence[int], number: int) -> None:
    """Walk from the root: each split and each leaf has to be reached once."""
    splits: set[int] = set()
    leaves: set[int] = set()
    ahead = [(0, 1)]
    while ahead:
        node, depth = ahead.pop()
        reached, place = (splits, node) if node >= 0 else (leaves, ~node)
        bound = len(left) if node >= 0 else len(left) + 1
        if place >= bound or place in reached or depth > _DEEPEST:
            raise ValueError(f"tree {number} is no tree")
        reached.add(place)
        if node >= 0:
            ahead += [(left[node], depth + 1), (right[node], depth + 1)]
    if len(splits) != len(left) or len(leaves) != len(left) + 1:
        raise ValueError(f"tree {number} is no tree")


def _check_end(text: str) -> None:
    """Check what stands behind the trees: what they weigh, and how they were trained."""
    known = {"", "end of trees", "feature_importances:", "parameters:", "end of parameters"}
    lines = text.split("\n")
    if lines[0] != "end of trees":
        raise ValueError("tree_sizes are wrong")
    for line in lines:
        is_known = line in known or line == "pandas_categorical:null"
        if not is_known and not _PARAMETER.fullmatch(line) and not _IMPORTANCE.fullmatch(line):
            raise ValueError("there is something else behind the trees")


def _fields(lines: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition("=")
        if not separator or name in fields:
            raise ValueError(f"a line of another form: {line[:40]!r}")
        fields[name] = value
    return fields


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(text)


def _check_floats(fields: dict[str, str], name: str, count: int, *, required: bool) -> None:
    """Take a list of numbers away from the fields; it may be missing where it is not required."""
    text = fields.pop(name, "")
    if not text and not (required and count):
        return
    if not _FLOATS.fullmatch(text) or text.count(" ") + 1 != count:
        raise ValueError(f"{name} is no list of {count} numbers")


def _integers(fields: dict[str, str], name: str, count: int, *, required: bool) -> list[int]:
    """Take a list of whole numbers away from the fields, and return it."""
    text = fields.pop(name, "")
    values = [_integer(number) for number in text.split(" ")] if text else []
    if len(values) != count and (required or values):
        raise ValueError(f"{name} has {len(values)} numbers, not {count}")
    return values
