"""A profile that has another name now: who has its models is told once."""

import contextlib

from labelmend.configs.profiles import AUTO, MULTILINGUAL, layers_of
from labelmend.voice.speak import note
from labelmend.weights.home import model_home

_OLD_MODEL = "bge-m3"
"""The encoder of the profile that was called `multilingual`, pulled from the hub."""

_MARKER = "multilingual-was-renamed"
"""A file in the model home: it was said."""


def notes_on_renamed(profile: str) -> tuple[str, ...]:
    """Return a line for who used the profile `multilingual` when it still asked for hub models.

    It is returned once, where the old profile's encoder lies in the model home; a file there
    remembers it, unless it can't be written.

    Args:
        profile: as the user named it: one of labelmend's own, or a YAML file that may extend it.

    Raises:
        ConfigError: the profile can't be read.
    """
    home = model_home()
    try:
        told = (home / _MARKER).exists() or not (home / _OLD_MODEL).is_dir()
    except OSError:  # a folder that can't be read says nothing of an earlier use
        return ()
    if told or profile == AUTO:
        return ()
    if MULTILINGUAL not in {source for source, _ in layers_of(profile)}:
        return ()
    with contextlib.suppress(OSError):
        (home / _MARKER).write_text("", "utf-8")
    return (
        note(
            "profile {now} needs no model hub any more, and its encoders are others; the one with "
            "{model}, which you have pulled, is called {old} now",
            now=MULTILINGUAL,
            model=_OLD_MODEL,
            old=f"{MULTILINGUAL}-quality",
        ),
    )
