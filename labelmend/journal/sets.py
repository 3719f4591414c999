"""Sets of labels in a log of a model of several labels a text.

Where a log of one label a text has a label, such a log has a set of them, written as a sorted list
of JSON: equal sets are equal texts, and a table takes them as they are.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence


def packed(labels: Iterable[str]) -> str:
    """Return a set of labels as a log has it."""
    return json.dumps(sorted(set(labels)), ensure_ascii=False)


def labels_in(text: str) -> tuple[str, ...]:
    """Return the labels of a set as a log has it, sorted."""
    return tuple(str(label) for label in json.loads(text))


def agreed(sets: Sequence[Collection[str]]) -> str | None:
    """Return the labels that more sets have than lack, as a log has them.

    None where of a label as many sets have it as lack it, or there are no sets.
    """
    counts = Counter(label for one in sets for label in set(one))
    if not sets or any(2 * count == len(sets) for count in counts.values()):
        return None
    return packed(label for label, count in counts.items() if 2 * count > len(sets))
