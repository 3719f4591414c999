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
