"""What it takes to make a report again: tables, models, versions, settings."""

import json
from collections.abc import Mapping, Set
from typing import Any

from labelmend.report.drawing import Numbers
from labelmend.runs.record import RunRecord
from labelmend.runs.sets.record import SetRunRecord
from labelmend.version import __version__
from labelmend.voice.speak import number, retell, tell


def made_of(record: Mapping[str, Any], run: RunRecord | SetRunRecord | None) -> list[Numbers]:
    """Return the tables that it takes to do it again.

    Args:
        record: of the comparison.
        run: that mended; None where it isn't known.
    """
    files = [
        (str(source["path"]), retell(role), str(source["sha256"]))
        for role, source in record["input"].items()
    ]
    models = {
        (str(m["name"]), tell("this comparison"), str(m["source"]), str(m["sha256"]))
        for m in record["models"]
    }
    if run is not None:
        files.append((run.input.path, tell("mended by relabel"), run.input.sha256))
        models |= {
            (m.name, tell("relabel: {role:name}", role=role), m.source, m.sha256)
            for role, m in run.models.items()
        }
    of_files = (tell("file"), tell("as"), "sha256")
    of_models = (tell("model"), tell("used by"), tell("from"), "sha256")
    made = [
        Numbers(tell("Tables"), of_files, tuple(files), words=True),
        Numbers(tell("Models"), of_models, _merged(models), words=True),
    ]
    settings = [
        ("labelmend", __version__, "" if run is None else run.labelmend),
        (
            tell("seeds"),
            ", ".join(map(str, record["seeds"])),
            "" if run is None else str(run.seed),
        ),
    ]
    theirs: Mapping[str, str] = {} if run is None else run.versions
    settings += [
        (name, str(record["versions"].get(name, "")), theirs.get(name, ""))
        for name in sorted({*record["versions"], *theirs})
    ]
    of_versions = ("", tell("this comparison"), "relabel")
    made.append(Numbers(tell("Versions and seeds"), of_versions, tuple(settings)))
    if isinstance(run, RunRecord) and run.sources:
        made.append(
            Numbers(
                tell("What relabel listened to"),
                (tell("source of evidence"), tell("weight"), tell("rows moved")),
                tuple(
                    (retell(name), number(s.weight, ".2f"), number(s.moved, ","))
                    for name, s in run.sources.items()
                ),
            )
        )
    return made


def _merged(models: Set[tuple[str, str, str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the models, one line for all uses of one."""
    uses: dict[tuple[str, str, str], list[str]] = {}
    for name, use, source, digest in sorted(models):
        uses.setdefault((name, source, digest), []).append(use)
    return tuple((n, "; ".join(use), s, d) for (n, s, d), use in uses.items())


def settings_of(
    record: Mapping[str, Any], run: RunRecord | SetRunRecord | None
) -> list[tuple[str, str]]:
    """Return all settings, as JSON, with a title each; of what, as `made_of` has it."""
    configs: list[tuple[str, Any]] = [(tell("All settings of this comparison"), record["config"])]
    configs += [(tell("All settings of relabel"), dict(run.config))] if run is not None else []
    return [(title, json.dumps(config, indent=2, ensure_ascii=False)) for title, config in configs]
