"""The project of `labelmend retrain`: a YAML file, checked whole before any work."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from labelmend.configs.load import load_config
from labelmend.configs.plain_yaml import MOST_CHARACTERS, plain_yaml
from labelmend.configs.problems import problem
from labelmend.configs.schema import Config
from labelmend.configs.schema.base import CHECKED, LOADING, Many, Section, Share, at_least
from labelmend.data.cells.lists import NONE as NO_SEPARATOR
from labelmend.errors import ConfigError
from labelmend.regular_file import read_regular

Kind = Literal["lightgbm", "logreg", "linear-svm", "static"]
"""`finetune` is none of them: it learns for minutes, and from checkpoints of its own."""

RowsAre = Literal["labels", "answers", "corrections"]
"""`labels`: of whoever labels, and mended like any other. `answers`: what reviewers said, settled,
and the first choice to be tested on. `corrections`: what users said of a model's mistakes: settled
too, but the strangest texts there are, so they are learned from and never tested on."""

_NAME = re.compile(r"[\w-]+")
"""Of a source: it stands in files and messages."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class RowSource(Section):
    """Where new rows come from: one of `folder`, `table`, `sqlite`, `database` and `journal`."""

    name: str
    """What messages and the registry call it; letters, digits, - and _."""

    folder: str | None = None
    """Folder into which files with rows are put."""

    files: str = "*"
    """Which files of the folder, such as `*.csv`."""

    table: str | None = None
    """A file that grows, in any format that labelmend reads."""

    sqlite: str | None = None
    """A SQLite file; needs `query`."""

    database: str | None = None
    """A URL of SQLAlchemy, such as `postgresql+psycopg://me@host/db`; or `env:NAME` for one that
    stands in that environment variable, as one with a password should. Needs `query`."""

    query: str | None = None
    """What selects the rows; it may use `:cursor`."""

    cursor: str | None = None
    """Column of the query whose greatest value is `:cursor` in the next step; its rows must be
    ordered by it, or the order of arrival."""

    cursor_from: str = "0"
    """What `:cursor` is in the first step; a whole number is given to the database as one."""

    journal: str | None = None
    """The log that `labelmend serve` keeps: what its users say are corrections, and what reviewers
    say are answers, whatever `rows` says."""

    answers: str | None = None
    """Of a journal: the file of reviewers' answers on its texts."""

    text_column: str | None = None
    """That of the project if not given; so with the next."""

    label_column: str | None = None
    """Column of the labels."""

    id_column: str | None = None
    """Column of the rows' ids: a later row of the same id takes the place of the earlier one."""

    rows: RowsAre = "labels"
    """`labels` are mended, `answers` of reviewers are settled and tested on, `corrections` of users
    are settled and never tested on."""

    sender_column: str | None = None
    """Column that says who sent a row."""

    most_per_sender: Annotated[int, at_least(1, "rows")] = 20
    """Rows of one sender that a step takes, the first ones; the others are passed over."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name is {self.name!r}: use letters, digits, - and _")
        told = [name for name in PLACES if getattr(self, name) is not None]
        if len(told) != 1:
            said = "none of them" if not told else " and ".join(told)
            raise ValueError(f"{told[-1] if told else 'table'}: give one of {_LISTED}, not {said}")
        if (self.sqlite or self.database) and not self.query:
            raise ValueError(f"query: a {told[0]} needs one; give what selects texts and labels")
        if self.query and not (self.sqlite or self.database):
            raise ValueError("query: only sqlite and database have one")
        if self.answers and not self.journal:
            raise ValueError("answers: only a journal has them; give rows: answers elsewhere")
        if self.query and ":cursor" in self.query and self.cursor is None:
            raise ValueError("cursor: the query uses :cursor; name the column that it comes from")

    @property
    def place(self) -> str:
        """Return what it says of where its rows are."""
        return str(next(getattr(self, name) for name in PLACES if getattr(self, name) is not None))


PLACES = ("folder", "table", "sqlite", "database", "journal")
_LISTED = "folder, table, sqlite, database, journal"


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class HeldOutConfig(Section):
    """Rows that no version ever learns from, and on which all are compared."""

    share: Annotated[float, at_least(0.01, "share", most=0.5)] = 0.15
    """Share of the texts that are held out, by a hash of the text, copies together: a text that is
    held out once is so for good, whatever comes."""

    sure: Share = 0.95
    """A held-out row is tested on if a person answered it, or if its mended label is at least so
    sure."""

    least_rows: Annotated[int, at_least(10, "rows")] = 50
    """With fewer rows to test on, nothing is compared and no challenger takes over."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class GateConfig(Section):
    """What makes new rows look poisoned. Chosen by hand, tried on CLINC150.

    `benchmarks/retrain.py` has what they find and what they leave alone.
    """

    unlikely: Share = 0.25
    """Share of new labels beyond that of known ones that all evidence finds unlikely: more of them
    are refused."""

    unlikely_answers: Share = 0.6
    """The same for answers and corrections, which are doubtful texts by choice: this share of
    all."""

    chance: Annotated[float, at_least(0, "probability", most=1)] = 1e-6
    """New rows are refused for what chance alone would do this often at most."""

    least_pairs: Annotated[int, at_least(1, "rows")] = 8
    """So many rows that look like one label and say one other make a pair that is looked at."""

    label_shift: Share = 0.5
    """Total variation between the label shares of new rows and of known ones, beyond what chance
    makes of so few rows, from which they are refused; answers and corrections are not."""

    label_drop: Share = 0.1
    """A label whose held-out accuracy falls by more than this, and not by chance, is a reason to
    refuse; where a text may have several, the share of its texts that are called so."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class PromotionConfig(Section):
    """When a challenger takes the champion's place."""

    level: Annotated[float, at_least(0, "probability", most=0.05)] = 0.05
    """McNemar's test has to be at most so likely by chance, and the 95 % interval of the change of
    accuracy (of micro-F1 where a text may have several labels) above 0; with smaller levels fewer
    challengers are promoted by luck."""

    promote_equal: bool = False
    """Promote also a challenger of which neither is shown to be better."""

    equal_margin: Share = 0.01
    """Such a one may be worse by this at most, at the low end of the 95 % interval."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Project(Section):
    """One project of `labelmend retrain`."""

    base: str
    """The table that is known: one that `labelmend relabel` mended, or any with labels."""

    registry: str = "registry"
    """Folder of all versions; made if it is missing."""

    champion: str | None = None
    """A model folder to begin with; a first model is trained on the base if not given."""

    text_column: str | None = None
    """Found by name if not given; so with the next two."""

    label_column: str | None = None
    """Column of the labels as they were given; mended ones are found by their name."""

    label_separator: str | None = None
    """The sign that joins the labels of a row, where the cells don't show it; a row may have
    several then."""

    oos_label: str | None = None
    """The label that means "fits no label"."""

    kind: Kind = "logreg"
    """The classifier."""

    profile: str = "embedded"
    """Profile of settings, by name or path."""

    settings: Many[str] = ()
    """Settings of the profile to change, such as `classify.folds=3`."""

    sources: Many[RowSource] = ()
    """Where new rows come from."""

    least_new_rows: Annotated[int, at_least(1, "rows")] = 1
    """With fewer new rows a step waits for more."""

    refit_share: Annotated[float, at_least(0.001, "share", most=10)] = 0.2
    """A full mending is wanted once the rows that came since the last one are so many, as a share
    of the base."""

    held_out: HeldOutConfig = HeldOutConfig()

    gate: GateConfig = GateConfig()

    promotion: PromotionConfig = PromotionConfig()

    keep_models: Annotated[int, at_least(2, "models")] = 20
    """Models of the newest versions, and of the last champions, that are kept; what is known of the
    others stays."""

    def __post_init__(self) -> None:
        if self.label_separator in {"", NO_SEPARATOR}:
            raise ValueError(
                "label_separator: give the sign that joins labels; leave it out where a row has one"
            )
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: two are called {twice[0]!r}; give each a name of its own")


_PROJECT = TypeAdapter(Project)


@plain_dataclass(frozen=True)
class Opened:
    """A project that was read.

    Attributes:
        path: of its file.
        project: what it says.
        config: the profile that it names, with its settings.
    """

    path: Path
    project: Project
    config: Config

    def find(self, place: str) -> Path:
        """Return a path of the project's: one that is not absolute begins at its file."""
        return self.path.parent / Path(place).expanduser()

    @property
    def registry(self) -> Path:
        """The folder of all versions."""
        return self.find(self.project.registry)

    @property
    def base(self) -> Path:
        """The known table."""
        return self.find(self.project.base)


def open_project(path: Path, changes: Mapping[str, Any] = MappingProxyType({})) -> Opened:
    """Read a project.

    Args:
        path: of the YAML file.
        changes: settings of `promotion` that the command line has another word on.

    Raises:
        ConfigError: it can't be read, says something unknown or impossible, or a setting of its
            profile is wrong.
    """
    try:
        text = read_regular(path, MOST_CHARACTERS).decode()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{path}: can't be read: {reason}; check the path") from None
    values = plain_yaml(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a project is a mapping of keys, not {type(values).__name__}")
    if changes:
        values["promotion"] = {**(values.get("promotion") or {}), **changes}
    try:
        project = _PROJECT.validate_json(json.dumps(values), context=LOADING)
    except ValidationError as error:
        raise ConfigError(f"{path}: {problem(error, Project)[1]}") from None
    profile = project.profile
    if Path(profile).suffix:  # a file, beside the project
        profile = str(path.parent / profile)
    return Opened(path, project, load_config(profile, project.settings))
