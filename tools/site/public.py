"""Which names are public: their pages are checked by a test, and they change by the changelog only.

Public is what `labelmend.__all__` exports, and every name without an underscore that one of the
modules below defines: the values that these functions return, the errors, the settings, and the
seams that the documents write code for. All else may change at any time.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MODULES = (
    "labelmend.errors",
    "labelmend.types",
    "labelmend.protocols",
    "labelmend.relabel.result",
    "labelmend.relabel.assignments.types",
    "labelmend.relabel.labelmodel.types",
    "labelmend.relabel.diagnostics.explanation",
    "labelmend.configs.schema",
    "labelmend.configs.schema.base",
    "labelmend.relabel.evidence.base",
    "labelmend.relabel.evidence.conformance",
    "labelmend.classify.heads.base",
    "labelmend.classify.heads.embedding",
    "labelmend.classify.heads.estimator",
    "labelmend.classify.scorer",
    "labelmend.data.formats.base",
)
"""Besides `labelmend` itself."""


def public_names() -> dict[str, set[str]]:
    """Return the public names by their module."""
    return {module: names_of(module) for module in ("labelmend", *MODULES)}


def names_of(module: str) -> set[str]:
    """Return `__all__` of a module, or what it defines without an underscore, from its source."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = set()
    for node in ast.parse(source.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        for target in targets(node):
            if target == "__all__" and isinstance(node, ast.Assign):
                return set(ast.literal_eval(node.value))
            found.add(target)
    return {name for name in found if not name.startswith("_")}


def targets(node: ast.stmt) -> list[str]:
    """Return the names that a statement assigns to."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
