"""Options of what carries the work, and what they say together."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labelmend.cli import help_page

if TYPE_CHECKING:
    from labelmend.engines.choose import Engine

Executor = Annotated[
    Literal["local", "ray"],
    typer.Option(
        "--executor",
        help="What carries the work: this process, or a Ray cluster; see docs/scale.md.",
        rich_help_panel=help_page.SETTINGS,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="auto|local|HOST:PORT",
        help="The cluster of `--executor ray`: the one that this machine is in (auto, if not "
        "given), one on this machine for this run alone, or that of a head node.",
        show_default=False,
        rich_help_panel=help_page.SETTINGS,
    ),
]
Machines = Annotated[
    str | None,
    typer.Option(
        "--machines",
        metavar="N,N",
        help="With --dry-run: tell the time and memory for so many machines like this one, too, "
        "such as 1,10,100. So it is with --executor ray; no cluster is asked.",
        show_default=False,
        rich_help_panel=help_page.SETTINGS,
    ),
]

_TOLD = "1,10,100"
"""Machines that a dry run for a cluster tells of."""

_MOST_MACHINES = 100_000
"""More than that is a slip."""


def engine(name: Literal["local", "ray"], address: str | None) -> "Engine":
    """Return what is to carry the work.

    Raises:
        ConfigError: an address is given where there is no cluster.
    """
    from labelmend.engines.choose import Engine
    from labelmend.errors import ConfigError

    if address is None:
        return Engine(name)
    if name == "local":
        raise ConfigError("--ray-address is for a cluster; give --executor ray, or leave it out")
    return Engine(name, address)


def machines(given: str | None, executor: Literal["local", "ray"], *, dry_run: bool) -> list[int]:
    """Return the numbers of machines that a dry run is to tell of, smallest first.

    Raises:
        ConfigError: they are no numbers, or it is no dry run.
    """
    from labelmend.errors import ConfigError

    if given is not None and not dry_run:
        raise ConfigError("--machines tells what a run would take: give --dry-run with it")
    if given is None:
        given = _TOLD if dry_run and executor == "ray" else ""
    words = [word.strip() for word in given.split(",")] if given else []
    found = {int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 8}
    if len(found) != len(set(words)) or not all(1 <= count <= _MOST_MACHINES for count in found):
        raise ConfigError(
            f"--machines {given[:80]}: give whole numbers from 1 to {_MOST_MACHINES:,}, such as "
            f"{_TOLD}"
        )
    return sorted(found)
