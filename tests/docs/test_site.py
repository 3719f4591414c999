"""The site's parts: what is public has a page, links are turned, pages that are made are current.

`make docs` builds it strictly, which checks links and anchors; that is a step of CI of its own.
"""

import re
import zlib
from pathlib import Path

import check_site
import cli_page
import figures
import hooks
import pytest
import yaml
from public import MODULES, names_of, public_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
DIRECTIVE = re.compile(r"^::: ([\w.]+)\n(?:    options:\n((?:      .*\n)+))?", re.MULTILINE)


def documented():
    """The public names with their module, and how often the pages of the API document each."""
    names = public_names()
    found = []
    for page in PAGES:
        for target, options in DIRECTIVE.findall(page.read_text("utf-8") + "\n"):
            left_out = set(re.findall(r'"!\^(\w+)\$"', options))
            if target in names:
                found += [f"{target}.{name}" for name in names[target] - left_out]
            else:
                found.append(target)
    return found


def test_every_public_name_is_on_one_page():
    found = documented()
    assert len(found) == len(set(found))
    homes = {
        "labelmend.types.Dataset": "labelmend.Dataset",
        "labelmend.relabel.result.Relabelling": "labelmend.Relabelling",
    }
    wanted = {f"{module}.{name}" for module, names in public_names().items() for name in names}
    wanted = {homes.get(name, name) for name in wanted} - {"labelmend.__version__"}
    assert wanted == set(found)
    assert len(wanted) > 100
    assert "`labelmend.__version__`" in (ROOT / "docs/api/labelmend.md").read_text("utf-8")


def test_what_is_public_is_read_from_the_source():
    import labelmend

    assert names_of("labelmend") == set(labelmend.__all__)
    assert {"LabelmendError", "InputError", "row_list"} <= names_of("labelmend.errors")
    assert not any(name.startswith("_") for name in names_of("labelmend.types"))


def test_the_documents_import_public_names_only():
    names = public_names()
    texts = [
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
        *(ROOT / "examples").glob("*.ipynb"),
    ]
    imports = [
        (module, name.strip())
        for path in texts
        for module, listed in re.findall(
            r"from (labelmend[\w.]*) import ([\w, ]+)", path.read_text("utf-8")
        )
        for name in listed.split(",")
    ]
    assert len(imports) > 8
    assert [(m, n) for m, n in imports if n not in names.get(m, ())] == []
    listed = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert all(f"`{module}`" in listed for module in MODULES)


def test_the_page_of_the_command_line_is_current():
    assert cli_page.PAGE.read_text("utf-8") == cli_page.cli_page(), "run: make pages"


@pytest.mark.parametrize("path", figures.PLACES, ids=lambda path: path.name)
def test_the_tables_of_figures_are_those_of_the_results(path):
    results = figures.RESULTS.read_text("utf-8")
    assert path.read_text("utf-8") == figures.renewed(path, results), "run: make figures"


def test_the_readmes_figures_are_found_by_their_names():
    text = figures.RESULTS.read_text("utf-8")
    rows = list(figures.real_noise(text))
    assert rows[0]["table"] == "questions, labelled by rules"
    assert len(rows) == 8
    shares = [float(row["wrong"]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    with pytest.raises(KeyError, match="no heading 'Real noise: without answers'"):
        list(figures.real_noise("# Nothing\n"))
    with pytest.raises(KeyError, match="told from"):
        list(figures.real_noise(text.replace("| told from |", "| said from |")))


def test_links_lead_to_pages_or_are_left_out():
    def turned(text, source="docs/files.md", page="files.md"):
        return hooks.for_site(text, source, page)

    assert turned("[a](answers.md#import)") == "[a](answers.md#import)"
    assert turned("[r](../benchmarks/RESULTS.md#x)") == "[r](measured/results.md#x)"
    assert turned("[b](../labelmend/api.py) and [p](review_picture.py)") == "b and p"
    assert (
        turned("[w](https://example.org/a) [h](#here)") == "[w](https://example.org/a) [h](#here)"
    )
    assert turned("[docs/x](../README.md)", page="api/x.md") == "[docs/x](../index.md)"
    assert turned("![i](review.webp)") == "![i](review.webp)"
    code = "`[a](../labelmend/api.py)`\n\n```python cleanlab\n[b](../labelmend/api.py)\n```\n"
    assert turned(code) == code.replace("python cleanlab", "python")
    assert turned("[`code`](../CHANGELOG.md)") == "[`code`](changelog.md)"
    read_me = hooks.for_site(
        "![p](docs/review.webp) [g](docs/get_started.md)", "README.md", "index.md"
    )
    assert read_me == "![p](review.webp) [g](get_started.md)"


def test_every_page_is_in_the_navigation_once():
    text = re.sub(r"!!python\S+ (\{.*?\} \})", r'""', (ROOT / "mkdocs.yml").read_text("utf-8"))
    config = yaml.safe_load(text)

    def pages(node):
        if isinstance(node, str):
            return [node]
        return [
            page
            for child in (node.values() if isinstance(node, dict) else node)
            for page in pages(child)
        ]

    listed = pages(config["nav"])
    assert len(listed) == len(set(listed))
    ours = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    hidden = set(config["not_in_nav"].split())
    assert ours | set(hooks.BROUGHT.values()) == set(listed) | hidden
    assert config["theme"]["font"] is False
    assert all((ROOT / source).is_file() for source in hooks.BROUGHT)


LOADS = [
    '<script src="https://unpkg.com/x.js"></script>',
    "<link rel=stylesheet href=https://fonts.googleapis.com/css>",
    '<img alt="x" src="//cdn.example/x.png">',
]


@pytest.mark.parametrize("load", LOADS)
def test_what_a_page_loads_from_elsewhere_is_found(tmp_path, load):
    page = tmp_path / "a" / "x.html"
    page.parent.mkdir()
    page.write_text('<a href="https://example.org">a link</a><img src="x.png"><script src="y.js">')
    style = tmp_path / "x.css"
    style.write_text("a { background: url(data:image/svg+xml,x) }")
    assert check_site.loaded_from_elsewhere(tmp_path) == []
    page.write_text(load)
    assert len(check_site.loaded_from_elsewhere(tmp_path)) == 1
    page.write_text("")
    style.write_text("@import 'https://x.example/y.css'; a { src: url(https://x.example/f.woff) }")
    assert len(check_site.loaded_from_elsewhere(tmp_path)) == 2


def test_a_public_name_without_a_place_is_found(tmp_path):
    wanted = [f"{m}.{n}" for m, names in public_names().items() for n in names]
    lines = "".join(f"{name} py:function 1 api/x.html#$ -\n" for name in wanted)

    def write(text):
        head = b"# Sphinx inventory version 2\n# Project: x\n# Version: 0\n# packed\n"
        (tmp_path / "objects.inv").write_bytes(head + zlib.compress(text.encode()))

    write(lines)
    assert check_site.without_place(tmp_path) == []
    write(lines.replace("labelmend.mend py", "labelmend.mended py"))
    assert check_site.without_place(tmp_path) == ["labelmend.mend"]
