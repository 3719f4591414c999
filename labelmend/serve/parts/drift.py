"""`GET /v1/drift`: what `labelmend monitor` would say of the log, looked for beside requests.

A request tells what is known, and never waits. Where nothing is known, or what is known is some
minutes old, it lets a thread look again; where nobody asks, nobody looks.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from labelmend.errors import LabelmendError
from labelmend.serve.app import DRIFT, Part
from labelmend.serve.bodies import documented
from labelmend.voice.speak import Language, speaking

_LOG = logging.getLogger("labelmend.serve")

EVERY = 300.0
"""Seconds for which what was found is told: of a few minutes' requests little is new."""


@dataclass(frozen=True)
class Seen:
    """What was found of a log.

    Attributes:
        is_drift: whether any question shows drift.
        headline: one sentence, in the language that is spoken.
        lines: more of them.
        facts: all of it, as `labelmend monitor --json` has it.
    """

    is_drift: bool
    headline: str
    lines: tuple[str, ...]
    facts: dict[str, Any]


Look = Callable[[], Seen]
"""Looks once; it may take long, and raises LabelmendError where it can't."""


class DriftBody(BaseModel):
    """What was found last: `state` is `looking` while a thread looks, for the first time or again.

    `headline` and `lines` are in the page's language, `facts` are what `labelmend monitor --json`
    prints; `problem` says why nothing could be found.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "state": "ready",
                    "at": "2026-11-30T09:00:00+00:00",
                    "is_drift": True,
                    "headline": "Drift: new intents",
                    "lines": ["labels: as before, p 1.000"],
                    "facts": {"drift": True, "found": ["new_intents"]},
                    "problem": None,
                }
            ]
        }
    )

    state: Literal["looking", "ready"]
    at: str | None
    is_drift: bool | None
    headline: str | None
    lines: list[str]
    facts: dict[str, Any] | None
    problem: str | None


class DriftWatch:
    """What was found last, and the thread that looks again. Its methods may be called by any."""

    def __init__(self, look: Look, language: Language, every: float = EVERY) -> None:
        """Look at nothing yet.

        Args:
            look: finds out, in a thread of its own.
            language: of the sentences.
            every: seconds for which what was found is told.
        """
        self._look, self._language, self._every = look, language, every
        self._lock = threading.Lock()
        self._seen: Seen | None = None
        self._problem: str | None = None
        self._at: datetime | None = None
        self._again = 0.0
        self._looking = False

    def told(self) -> DriftBody:
        """Return what is known, and let a thread look where that is old."""
        with self._lock:
            if not self._looking and time.monotonic() >= self._again:
                self._looking = True
                threading.Thread(target=self._work, name="labelmend-drift", daemon=True).start()
            seen = self._seen
            return DriftBody(
                state="looking" if self._looking else "ready",
                at=None if self._at is None else self._at.isoformat(timespec="seconds"),
                is_drift=None if seen is None else seen.is_drift,
                headline=None if seen is None else seen.headline,
                lines=[] if seen is None else list(seen.lines),
                facts=None if seen is None else seen.facts,
                problem=self._problem,
            )

    def _work(self) -> None:
        seen, problem = None, None
        try:
            with speaking(self._language):
                seen = self._look()
        except LabelmendError as error:
            problem = str(error)
        except CancelledError:  # the server stops
            return
        except Exception as error:  # noqa: BLE001 -- may quote a text, and requests go on
            _LOG.error("no drift could be looked for: %s", type(error).__name__)
            problem = type(error).__name__
        with self._lock:
            self._seen, self._problem = seen, problem
            self._at = datetime.now(UTC)
            self._again = time.monotonic() + self._every
            self._looking = False


def drift_part(watch: DriftWatch) -> Part:
    """Return what says whether a server's log has drifted."""
    router = APIRouter()

    @router.get(DRIFT, responses=documented(401, 403, 421), response_model=DriftBody)
    async def drift() -> DriftBody:
        """Tell whether what is asked has drifted from what the model was trained on."""
        return watch.told()

    return Part(router)
