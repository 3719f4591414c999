"""MkDocs' hooks: pages that stand outside docs/, and links that work in the repository and here.

The repository's files link to each other by their paths in it. On the site the same links lead to
pages; what has no page (a module, a script) is named without a link.
"""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

BROUGHT = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/RESULTS.md": "measured/results.md",
    "benchmarks/RESULTS-llm.md": "measured/llm.md",
    "benchmarks/DOUBTFUL.md": "measured/doubtful.md",
    "labelmend/data/demo/README.md": "demo_data.md",
    "examples/mend_a_table.ipynb": "examples/mend_a_table.md",
    "examples/from_cleanlab.ipynb": "examples/from_cleanlab.md",
    "examples/your_own_evidence.ipynb": "examples/your_own_evidence.md",
}
"""Pages made of files outside docs/: path in the repository, and on the site."""

_PARTS = {"benchmarks/RESULTS.md": "All results"}
"""Files with several titles: they become sections of a page with this one."""

_FIGURES = {"measured/results.md", "measured/llm.md", "measured/doubtful.md"}
"""Pages of figures, in which a search for words finds nothing that explains."""

_LATER = 0.3
"""How much a hit counts in the changelog and the API, by one in a page that explains; by hand."""

_LINK = re.compile(
    r"(?P<mark>!?)\[(?P<text>(?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]\((?P<to>[^()\s]+)\)"
)
_CODE = re.compile(r"(^ *```.*?^ *```|``[^`\n]+``|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^( *```\w+) .*$", re.MULTILINE)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand outside docs/."""
    from mkdocs.structure.files import File

    for source, page in BROUGHT.items():
        text = (ROOT / source).read_text("utf-8")
        if source.endswith(".ipynb"):
            text = notebook_page(json.loads(text), source)
        if source in _PARTS:
            sections = re.sub(r"^#", "##", text, flags=re.MULTILINE)
            text = f"# {_PARTS[source]}\n\n{sections}"
        files.append(File.generated(config, page, content=for_site(text, source, page)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Turn the links of a page of docs/."""
    uri = page.file.src_uri
    if uri in _FIGURES:
        page.meta["search"] = {"exclude": True}
    elif uri == "changelog.md" or uri.startswith("api/"):
        page.meta["search"] = {"boost": _LATER}
    if uri in BROUGHT.values():
        return markdown  # turned already
    return for_site(markdown, f"docs/{uri}", uri)


def for_site(text: str, source: str, page: str) -> str:
    """Return a file's text with links that lead to the site's pages.

    Args:
        text: Markdown.
        source: the file's path in the repository.
        page: its path on the site, under docs/.
    """

    def led(link: re.Match[str]) -> str:
        to, mark, shown = link["to"], link["mark"], link["text"]
        shown = _LINK.sub(led, shown)
        if re.match(r"[a-z]+:|#", to):
            return f"{mark}[{shown}]({to})"
        path, _, anchor = to.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if target in BROUGHT:
            there = BROUGHT[target]
        elif target.startswith("docs/") and not target.endswith((".py", ".js")):
            there = target.removeprefix("docs/")
        else:
            return shown
        relative = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{mark}[{shown}]({relative}{'#' * bool(anchor)}{anchor})"

    parts = _CODE.split(text)
    # Links may hold code, so code is put aside by number and comes back at the end.
    held = {f"\x00{n}\x00": part for n, part in enumerate(parts) if n % 2}
    whole = "".join(part if n % 2 == 0 else f"\x00{n}\x00" for n, part in enumerate(parts))
    whole = _LINK.sub(led, whole)
    for name, part in held.items():
        whole = whole.replace(name, _FENCE.sub(r"\1", part))
    return whole


def notebook_page(notebook: dict[str, Any], source: str) -> str:
    """Return a notebook as Markdown: its texts, its code, and what came out."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
            continue
        parts.append(f"```python\n{text}\n```")
        parts += [_output(output) for output in cell["outputs"]]
    parts.append(f"---\n\nThis page is the notebook `{source}`. `make notebooks` runs it anew.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        text = "".join(output["text"])
    else:
        text = "".join(output["data"].get("text/html") or output["data"]["text/plain"])
        if text.lstrip().startswith("<"):
            table = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
            lines = (line.strip() for line in table.splitlines())
            return f'<div class="output" markdown="0">{"".join(lines)}</div>'
    return f'```text title="out"\n{text.rstrip()}\n```'
