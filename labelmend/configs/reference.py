"""The schema for readers: JSON Schema for editors, and the page docs/settings.md."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from labelmend.configs.fields import Setting, sentence_of, settings_of
from labelmend.configs.profiles import PROFILES
from labelmend.configs.schema import Config

_HEAD = """# Settings

Every setting, its default, what it may be, and what it means. A profile says what differs:

```yaml
extends: embedded        # or another profile, or a YAML file beside this one
decision: {max_harm: 0.002}
voters: []
```

`labelmend relabel data.csv --profile mine.yaml` runs with that, and `--set decision.max_harm=0.002`
changes one value for one run. A mapping in a profile is merged with that of the profile it extends;
a list replaces it.

`labelmend config show` prints what a profile comes to, with where each value is from; `labelmend
config show voters.0` prints one section, with what its settings mean; `labelmend config schema`
prints a JSON schema, with which an editor checks and completes a profile.

This page is made from the schema in `labelmend/configs/schema/` by `make settings`.
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a profile; what it extends may say what it leaves out."""
    schema = TypeAdapter(Config).json_schema()
    extends = {
        "type": "string",
        "description": f"The profile to go by: {', '.join(PROFILES)}, or a YAML file beside this.",
    }
    schema |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A profile of labelmend",
        "properties": {"extends": extends, **schema["properties"]},
    }
    del schema["required"]
    return schema


def settings_page() -> str:
    """Return docs/settings.md."""
    top = [setting for setting in settings_of(Config).values() if setting.section is None]
    blocks = [_HEAD, "\n".join(_table("", top)), *_sections("", Config)]
    return "\n".join(blocks)


def _sections(prefix: str, section: type) -> Iterator[str]:
    for setting in settings_of(section).values():
        if setting.section is None:
            continue
        key = f"{prefix}{setting.name}"
        at = f"{key}.N" if setting.is_list else f"{key}.NAME" if setting.is_map else key
        plain = [one for one in settings_of(setting.section).values() if one.section is None]
        sentence = setting.sentence
        if setting.is_list or setting.is_map:
            sentence += f" Each is: {sentence_of(setting.section)}"
        table = _table(f"{at}.", plain)
        yield "\n".join([f"## `{at}`", "", sentence, "", *table])
        yield from _sections(f"{at}.", setting.section)


def _table(prefix: str, settings: list[Setting]) -> Iterator[str]:
    yield "| setting | default | values | meaning |"
    yield "|---|---|---|---|"
    for one in settings:
        default = "none" if one.is_required else f"`{json.dumps(one.default, ensure_ascii=False)}`"
        cells = (f"`{prefix}{one.name}`", default, one.values, one.sentence)
        yield f"| {' | '.join(cells)} |"
    yield ""
