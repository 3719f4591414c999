"""The house's own rules: no room too full, no function too long, nothing written twice.

The source is read, not imported. What breaks a rule today is listed by name with the reason; a name
that breaks it no more fails as well, so the lists can only shrink.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "labelmend"

MOST_MODULES = 15
MOST_FOLDER_LINES = 2500
MOST_MODULE_LINES = 450
MOST_FUNCTION_LINES = 80
MOST_EQUAL_LINES = 8

GRAB_BAGS = {"common", "helper", "helpers", "misc", "util", "utils"}

MODULE_A_COMMAND = {"cli", "workflows"}
"""These hold one module a command, so they grow with the commands: no limit on their modules."""

SHARED_BY_COMMANDS = {
    *("app", "console", "terminal", "unexpected"),
    *("options", "engine_options", "soft_options", "help_page", "completion"),
    *("summary", "classify_summary"),
    *("sets_summary", "classify_sets_summary"),
}
"""The modules of `cli` that are no command, but what several of them use."""

FULL_ROOMS: dict[str, str] = {}

LONG_MODULES: dict[str, str] = {}

LONG_FUNCTIONS: dict[str, str] = {}

WRITTEN_TWICE: dict[frozenset[str], str] = {}

BARE_NUMBERS = 0
"""Numeric module constants without a word on or beside them: there may be no more than today."""


@cache
def modules(package: Path = PACKAGE) -> dict[str, str]:
    """The source of every module by its path without the ending, `data/read`."""
    return {
        path.relative_to(package).with_suffix("").as_posix(): path.read_text("utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def lines_in(source: str) -> int:
    return len(source.splitlines())


# How large a thing may be.


def full_rooms(sources: dict[str, str]) -> set[str]:
    """Folders that hold too many modules or lines; those of folders inside are theirs."""
    rooms = defaultdict(list)
    for name in sources:
        folder, _, stem = name.rpartition("/")
        rooms[folder].append(stem)
    found = set()
    for folder, stems in rooms.items():
        if folder in MODULE_A_COMMAND:
            continue
        lines = sum(lines_in(sources[f"{folder}/{stem}".lstrip("/")]) for stem in stems)
        if len([s for s in stems if s != "__init__"]) > MOST_MODULES or lines > MOST_FOLDER_LINES:
            found.add(folder)
    return found


def long_modules(sources: dict[str, str]) -> set[str]:
    return {name for name, source in sources.items() if lines_in(source) > MOST_MODULE_LINES}


def commands(sources: dict[str, str]) -> set[str]:
    """Functions that are commands of the command line, `cli/relabel:relabel`."""
    found = set()
    for name, source in sources.items():
        if not name.startswith("cli/"):
            continue
        for node in ast.walk(ast.parse(source)):
            # app.command("relabel")(relabel.relabel)
            if (
                isinstance(node, ast.Call)
                and registers(node.func)
                and isinstance(node.args[0], ast.Attribute)
                and isinstance(node.args[0].value, ast.Name)
            ):
                found.add(f"cli/{node.args[0].value.id}:{node.args[0].attr}")
            if isinstance(node, ast.FunctionDef) and any(map(registers, node.decorator_list)):
                found.add(f"{name}:{node.name}")
    return found


def registers(node: ast.expr) -> bool:
    """Whether it is a call of Typer's `command` or `callback`."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and node.func.attr in {"command", "callback"}


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions by their names, `Class.method`, those inside others too."""
    for node in ast.iter_child_nodes(tree):
        name = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, node
        yield from functions(node, name)


def long_functions(sources: dict[str, str]) -> set[str]:
    """Functions with too many lines; of a command, only those behind its options count."""
    parsed = commands(sources)
    found = set()
    for module, source in sources.items():
        for function, node in functions(ast.parse(source)):
            name = f"{module}:{function}"
            first = node.body[0].lineno if name in parsed else node.lineno
            if node.end_lineno - first + 1 > MOST_FUNCTION_LINES:
                found.add(name)
    return found


def grab_bags(sources: dict[str, str]) -> set[str]:
    return {name for name in sources if name.rpartition("/")[2] in GRAB_BAGS}


# What numbers mean.


def bare_numbers(source: str) -> list[str]:
    """Module constants that are numbers and have no comment and no docstring."""
    tree, lines = ast.parse(source), source.splitlines()
    found = []
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.Assign):
            (target,) = node.targets[:1]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        else:
            continue
        if not (is_number(node.value) and isinstance(target, ast.Name)):
            continue
        above = lines[node.lineno - 2].strip() if node.lineno > 1 else ""
        beside = lines[node.end_lineno - 1][node.end_col_offset :]
        if not (is_text(after) or above.startswith("#") or "#" in beside):
            found.append(target.id)
    return found


def is_number(node: ast.expr) -> bool:
    """Whether it is written in numbers alone: `5`, `-1.5`, `1 << 20`, `(2, 3)`."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Tuple) and bool(node.elts) and all(map(is_number, node.elts))


def is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


# What is written twice.


def logic(source: str) -> list[tuple[int, str]]:
    """The lines of logic with their numbers.

    They are what stands in functions, without indents and comments; docstrings, imports, signatures
    and lines of brackets alone are left out.
    """
    tree, keep, drop = ast.parse(source), set(), set()
    for _, node in functions(tree):
        keep |= set(range(node.body[0].lineno, node.end_lineno + 1))
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        drop |= set(range(first, node.body[0].lineno))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or is_text(node):
            drop |= set(range(node.lineno, node.end_lineno + 1))
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        code = line.strip()
        if number in keep - drop and any(map(str.isalnum, code)) and not code.startswith("#"):
            found.append((number, code))
    return found


def written_twice(sources: dict[str, str]) -> dict[frozenset[str], tuple[str, str]]:
    """Modules that share lines of logic, each with the first two places; or one with itself."""
    size = MOST_EQUAL_LINES + 1
    seen: dict[tuple[str, ...], tuple[str, int]] = {}
    found: dict[frozenset[str], tuple[str, str]] = {}
    for name, source in sources.items():
        lines = logic(source)
        for start in range(len(lines) - size + 1):
            window = tuple(code for _, code in lines[start : start + size])
            module, other = seen.setdefault(window, (name, start))
            # A window that overlaps itself is a run of equal lines, and no second place.
            if module != name or start - other >= size:
                before = logic(sources[module])[other][0]
                places = f"{module}.py:{before}", f"{name}.py:{lines[start][0]}"
                found.setdefault(frozenset({module, name}), places)
    return found


# The house keeps them.


def same(found: Iterable[object], listed: Iterable[object], where: str) -> None:
    found, listed = set(found), set(listed)
    more, no_more = sorted(map(str, found - listed)), sorted(map(str, listed - found))
    assert not more, f"over the limit: make it smaller: {more}"
    assert not no_more, f"within the limit now: take it out of {where}: {no_more}"


def test_no_folder_is_too_full():
    same(full_rooms(modules()), FULL_ROOMS, "FULL_ROOMS")


def test_no_module_is_too_long():
    same(long_modules(modules()), LONG_MODULES, "LONG_MODULES")


def test_no_function_is_too_long():
    same(long_functions(modules()), LONG_FUNCTIONS, "LONG_FUNCTIONS")


def test_no_module_is_a_grab_bag():
    assert not grab_bags(modules())


def test_the_command_line_holds_one_module_a_command():
    held = {name.removeprefix("cli/") for name in modules() if name.startswith("cli/")}
    registered = {name.partition(":")[0].removeprefix("cli/") for name in commands(modules())}
    assert held - {"__init__"} - SHARED_BY_COMMANDS == registered
    assert held >= SHARED_BY_COMMANDS


def test_the_picture_of_the_house_has_its_layers_in_their_order():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    picture = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = re.findall(r"^    ( *)(\w+)(/?)", picture, re.MULTILINE)
    assert [name for indent, name, _ in shown if not indent] == layers
    for _, name, folder in [room for room in shown if not room[0]]:
        assert (PACKAGE / name).is_dir() if folder else (PACKAGE / f"{name}.py").is_file()
    inside = {name for indent, name, _ in shown if indent}
    assert inside == {path.parent.name for path in (PACKAGE / "relabel").glob("*/__init__.py")}


def test_numbers_say_what_they_mean():
    bare = [f"{name}:{n}" for name, source in modules().items() for n in bare_numbers(source)]
    assert len(bare) <= BARE_NUMBERS, bare


def test_nothing_is_written_twice():
    sources = {}
    for folder in ("labelmend", "benchmarks", "tests", "docs"):
        for name, source in modules(ROOT / folder).items():
            sources[f"{folder}/{name}"] = source
    found = written_twice(sources)
    more = [places for pair, places in found.items() if pair not in WRITTEN_TWICE]
    assert not more, f"more than {MOST_EQUAL_LINES} equal lines: {more}"
    same(found, WRITTEN_TWICE, "WRITTEN_TWICE")


# The rules find what they look for: each of these is just within, then just over.


def lines(count: int) -> str:
    return "".join(f"x{i}()\n" for i in range(count))


def test_a_folder_may_hold_fifteen_modules_beside_its_own():
    held = {f"data/m{i}": "" for i in range(15)} | {"data/__init__": ""}
    assert full_rooms(held | {"data/formats/csv": ""}) == set()
    assert full_rooms(held | {"data/more": ""}) == {"data"}
    assert full_rooms({f"cli/m{i}": "" for i in range(30)}) == set()
    assert full_rooms({f"m{i}": "" for i in range(16)}) == {""}


def test_a_folder_may_hold_2500_lines():
    held = {"data/a": lines(1500), "data/b": lines(1000)}
    assert full_rooms(held) == set()
    assert full_rooms(held | {"data/c": "x()\n"}) == {"data"}
    assert full_rooms(held | {"data/formats/c": lines(2000)}) == set()
    assert full_rooms({f"workflows/m{i}": lines(400) for i in range(9)}) == set()


def test_a_module_may_have_450_lines():
    assert long_modules({"a": lines(450), "b": lines(451)}) == {"b"}


def function(body: int, signature: int = 1, name: str = "f") -> str:
    parameters = "".join(f"    p{i}: int,\n" for i in range(signature - 2))
    head = f"def {name}(\n{parameters}):\n" if signature > 1 else f"def {name}():\n"
    return head + "".join(f"    x{i}()\n" for i in range(body))


def test_a_function_may_have_80_lines():
    whole = function(79) + "\n\n" + function(80, name="g")
    assert long_functions({"a": whole}) == {"a:g"}
    inside = "class C:\n" + "".join(f"    {line}\n" for line in function(80).splitlines())
    assert long_functions({"a": inside}) == {"a:C.f"}


def test_of_a_command_only_the_body_counts():
    app = "from cli import a\napp.command('a')(a.f)\n"
    assert long_functions({"cli/a": function(60, 40), "cli/app": app}) == set()
    assert long_functions({"cli/a": function(60, 40)}) == {"cli/a:f"}
    assert long_functions({"cli/a": function(81, 40), "cli/app": app}) == {"cli/a:f"}
    decorated = "@app.command('f')\n" + function(60, 40)
    assert long_functions({"cli/a": decorated}) == set()
    # Elsewhere, a signature is as long as a function takes it to be.
    assert long_functions({"data/a": decorated}) == {"data/a:f"}


def test_a_grab_bag_is_found_by_its_name():
    assert grab_bags({"data/utils": "", "misc": "", "data/commons": ""}) == {"data/utils", "misc"}


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("_A = 3", ["_A"]),
        ("_A = -1.5\n_B = 1 << 20\n_C = (2, 3)\n_D: int = 4\n", ["_A", "_B", "_C", "_D"]),
        ("_A = 3  # rows", []),
        ("# Rows.\n_A = 3", []),
        ('_A = 3\n"""Rows."""', []),
        # A word on one number is none on the next.
        ('_A = 3\n"""Rows."""\n_B = 4', ["_B"]),
        ('_A = 3  # rows\n_B = 4\n_C = 5\n"""Columns."""', ["_B"]),
        ("_A = 'x'\n_B = True\n_C = f(3)\n_D = ()\ndef f():\n    x = 3\n", []),
    ],
)
def test_a_bare_number(source, bare):
    assert bare_numbers(source) == bare


def twice(first: str, second: str) -> set[frozenset[str]]:
    return set(written_twice({"a": first, "b": second}))


def test_nine_equal_lines_are_one_too_many():
    ours = "import os\n\n\n" + function(8) + "    y()\n"
    theirs = 'def g(p):\n    """Other words."""\n    # Why.\n' + function(8).partition("\n")[2]
    assert twice(ours, theirs + "    z()\n") == set()
    # A line between them parts them.
    deeper = theirs + "\n    if p:\n        y()\n"
    assert twice(ours, deeper) == set()
    # Comments, brackets, blanks and indents don't.
    for ninth in ("\n    # Why.\n    y()\n", "    (\n        y()\n    )\n"):
        assert twice(ours, theirs + ninth) == {frozenset("ab")}


def test_equal_signatures_imports_and_data_are_no_logic():
    parameters = function(1, signature=20)
    assert twice(parameters, parameters) == set()
    imports = "def f():\n" + "".join(f"    import m{i}\n" for i in range(12))
    assert twice(imports, imports) == set()
    data = "".join(f"A{i} = {i}\n" for i in range(12))
    assert twice(data, data) == set()


def test_a_module_may_share_lines_with_itself():
    both = function(9) + "\n\n" + function(9, name="g")
    assert set(written_twice({"a": both})) == {frozenset("a")}
    # One run of equal lines is one place.
    assert written_twice({"a": "def f():\n" + "    x()\n" * 12}) == {}
    ((first, second),) = written_twice({"a": both}).values()
    assert (first, second) == ("a.py:2", "a.py:14")
