"""Labels files: the cards that a user edits, as YAML."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from labelmend.configs.plain_yaml import MOST_CHARACTERS, SafeYaml, load_yaml
from labelmend.errors import ConfigError, InputError, shown
from labelmend.regular_file import read_regular
from labelmend.types import LabelCard

_KEPT_TAGS = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}


MARK = "# Label cards for labelmend"
"""What a file of ours begins with."""

_HEADER = f"""\
{MARK}. Edit a copy and give it back with --labels: what stands there wins over
# what labelmend would write.
# A label may be named that no row carries yet. exemplars may be left out: labelmend picks some.
"""


def read_labels_file(path: Path) -> dict[str, LabelCard]:
    """Read label cards from YAML: `label: {description: ..., exemplars: [...]}` or `label: text`.

    Raises:
        InputError: the file can't be read.
        ConfigError: it says something else than that.
    """
    try:
        text = read_regular(path, MOST_CHARACTERS).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"{path}: can't read this labels file: {reason}; check the path") from None
    return cards_of(text, path)


def cards_of(text: str, path: Path) -> dict[str, LabelCard]:
    """Return the label cards of a labels file's text.

    Args:
        text: of the file, without a byte order mark.
        path: what messages call it.

    Raises:
        ConfigError: it says something else.
    """
    tree = load_yaml(text, str(path), PlainText)
    if not isinstance(tree, dict) or not tree:
        raise ConfigError(f"{path}: a labels file maps each label to its description; see README")
    for label in tree:
        if label is None or label == "":
            raise ConfigError(
                f"{path}: a label is empty or null; put null in quotes if it is its name"
            )
        if not isinstance(label, str):
            raise ConfigError(f"{path}: a label is a text, not {shown(label)}")
        if not label.strip():
            raise ConfigError(f"{path}: a label is blank ({label!r}); give it a name")
    return {label: _card(path, label, entry) for label, entry in tree.items()}


class PlainText(SafeYaml):
    """Reads `yes`, `010` and `1.10` as they are written: labels and texts are no truth values."""


PlainText.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag in _KEPT_TAGS]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def labels_yaml(cards: Sequence[LabelCard]) -> str:
    """Return the cards as YAML that `read_labels_file` reads back."""
    tree = {
        card.label: {"description": card.description, "exemplars": list(card.exemplars)}
        for card in cards
    }
    body = yaml.safe_dump(tree, allow_unicode=True, sort_keys=True, width=100)
    return f"{_HEADER}\n{body}"


def _card(path: Path, label: str, entry: object) -> LabelCard:
    entry = {} if entry is None else entry
    if isinstance(entry, str):
        entry = {"description": entry}
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: {label}: expected a description, got {shown(entry)}")
    unknown = sorted(set(map(str, entry)) - {"description", "exemplars"})
    if unknown:
        raise ConfigError(
            f"{path}: {label}: unknown key {unknown[0]!r}; known are description and exemplars"
        )
    description, exemplars = entry.get("description") or "", entry.get("exemplars") or []
    if not isinstance(description, str):
        raise ConfigError(f"{path}: {label}: a description is a text, got {shown(description)}")
    if not isinstance(exemplars, list):
        raise ConfigError(f"{path}: {label}: exemplars is a list of texts, got {shown(exemplars)}")
    for text in exemplars:
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{path}: {label}: an exemplar is a text, got {shown(text)}")
    given = tuple(text for text in exemplars if text is not None and text.strip())
    return LabelCard(label, " ".join(description.split()), given, "user")
