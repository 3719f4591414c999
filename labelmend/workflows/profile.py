"""The language of a table: the profile that it asks for, and what is told of it before the work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labelmend.configs.profiles import AUTO, ENGLISH, MULTILINGUAL
from labelmend.configs.schema import EncoderConfig
from labelmend.data.dataset import choose_columns
from labelmend.data.language.detect import TableLanguage, detect_language
from labelmend.data.language.scripts import LATIN
from labelmend.data.request import TableRequest
from labelmend.data.shards.open import open_table
from labelmend.protocols import Progress
from labelmend.retrieval.coverage import notes_on_reading
from labelmend.runs.again import as_the_run
from labelmend.runs.language import LanguageRecord
from labelmend.runs.read import read_run
from labelmend.voice.speak import meant, note
from labelmend.weights.locate import LocatedModel


@dataclass(frozen=True)
class ChosenProfile:
    """A profile, and why it was chosen.

    Attributes:
        name: one of labelmend's own, or the path of a YAML file; never `auto`.
        notes: one line that says which and why, where it was left open; else none.
    """

    name: str
    notes: tuple[str, ...] = ()

    def beginning(self, progress: Progress, tell: Callable[[str], None] | None) -> Progress:
        """Return a progress that tells the notes as the work begins.

        Args:
            progress: hears how far the work is.
            tell: hears them.
        """
        return progress if tell is None else _Announcing(progress, self.notes, tell)


_CHOSEN = meant("profile auto: {name} is used, as {found:words}")


def choose_profile(profile: str, request: TableRequest) -> ChosenProfile:
    """Return the profile that was asked for; for `auto`, that which the table asks for.

    That is `embedded` for English, and where nothing is sure of texts in Latin letters; else
    `multilingual`. The table is read for it, and once more for the work.

    Args:
        profile: as the user named it.
        request: the table.

    Raises:
        InputError: `auto` was asked for, and the table can't be used.
    """
    if profile != AUTO:
        return ChosenProfile(profile)
    found = detect_language(_texts(request))
    name = MULTILINGUAL if _is_foreign(found) else ENGLISH
    return ChosenProfile(name, (note(_CHOSEN, name=name, found=found.note),))


def _is_foreign(found: TableLanguage) -> bool:
    if found.parts:
        return found.parts != ("en",)
    return found.script not in {None, LATIN}


def _texts(request: TableRequest) -> Sequence[str]:
    """Return the texts of a table; of one that labelmend wrote, as its run read them."""
    table = open_table(request.path, request.encoding, header=request.header)
    run, _ = read_run(request.path, len(table))
    told = as_the_run(request, table.columns, run)
    columns = choose_columns(
        table, told.text_column, told.label_column, told.id_column, label_needed=False
    )
    return columns.text_values(table)


@dataclass(frozen=True)
class TableReading:
    """What the texts of a table are in, and whether encoders read it.

    Attributes:
        found: languages and scripts.
        notes: why it is this profile, and what its encoders don't read; mostly none.
    """

    found: TableLanguage
    notes: tuple[str, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """What a plan says: the notes; without any, what the texts are in."""
        return self.notes or (self.found.note,)

    @property
    def record(self) -> LanguageRecord:
        """What the run's record says of it."""
        return LanguageRecord.of(self.found)

    def beginning(self, progress: Progress, tell: Callable[[str], None] | None) -> Progress:
        """Return a progress that says what the texts are in as the work begins, unless notes did.

        Not before: of a run that can't begin, the one line says why.

        Args:
            progress: hears how far the work is.
            tell: hears the sentence.
        """
        if self.notes or tell is None:
            return progress
        return _Announcing(progress, self.told, tell)


class _Announcing:
    """A progress with which lines are told before its first stage."""

    def __init__(
        self, progress: Progress, lines: Sequence[str], tell: Callable[[str], None]
    ) -> None:
        self._progress, self._lines, self._tell = progress, tuple(lines), tell

    def start(self, stage: str, total: int) -> None:
        """A stage begins that has `total` steps."""
        for line in self._lines:
            self._tell(line)
        self._lines = ()
        self._progress.start(stage, total)

    def advance(self, steps: int = 1) -> None:
        """`steps` more steps of the current stage are done."""
        self._progress.advance(steps)


def read_language(
    texts: Sequence[str],
    encoders: Sequence[EncoderConfig],
    models: Sequence[LocatedModel],
    chosen: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> TableReading:
    """Find out what texts are in, and whether encoders read it; nothing is loaded or encoded.

    Args:
        texts: of the table.
        encoders: of the profile.
        models: their files, in the same order.
        chosen: notes on why it is this profile.
        tell: hears the notes at once, before any work.
    """
    found = detect_language(texts)
    reading = TableReading(found, (*chosen, *notes_on_reading(encoders, models, texts, found)))
    if tell is not None:
        for line in reading.notes:
            tell(line)
    return reading
