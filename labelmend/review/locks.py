"""Who is looking at which text: two tabs or two people never get the same one at once."""

import time
from collections.abc import Callable, Collection

HOLD_SECONDS = 120.0
"""A tab says every half minute that it is still there; closed, it loses its rows after four."""


class Locks:
    """Holds on texts that end by themselves. It does not lock threads out: its user does."""

    def __init__(
        self, seconds: float = HOLD_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}

    def free(self, key: str, holder: str) -> bool:
        """Whether nobody else holds a text."""
        held = self._held.get(key)
        return held is None or held[0] == holder or held[1] <= self._clock()

    def take(self, keys: Collection[str], holder: str) -> None:
        """Hold these texts and no others; those that somebody else holds stay theirs."""
        self.release(holder)
        until = self._clock() + self._seconds
        self._held.update({key: (holder, until) for key in keys if self.free(key, holder)})

    def renew(self, holder: str) -> None:
        """Hold what is held for longer."""
        until = self._clock() + self._seconds
        mine = [key for key, (who, _) in self._held.items() if who == holder]
        self._held.update(dict.fromkeys(mine, (holder, until)))

    def release(self, holder: str) -> None:
        """Hold nothing."""
        self._held = {key: held for key, held in self._held.items() if held[0] != holder}
