"""`labelmend version`."""

import typer


def version() -> None:
    """Print the version."""
    from labelmend.version import __version__

    typer.echo(f"labelmend {__version__}")
