"""Which tools there are, and of which one a file is."""

from collections.abc import Mapping

from labelmend.data.formats.find import format_of
from labelmend.data.table import Content
from labelmend.review.exchange.argilla import ARGILLA_TOOL
from labelmend.review.exchange.doccano import DOCCANO_TOOL
from labelmend.review.exchange.label_studio import LABEL_STUDIO_TOOL
from labelmend.review.exchange.prodigy import PRODIGY_TOOL
from labelmend.review.exchange.tool import Tool

_ALL: tuple[Tool, ...] = (LABEL_STUDIO_TOOL, ARGILLA_TOOL, PRODIGY_TOOL, DOCCANO_TOOL)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _ALL}
"""By the names that `--to` and `--from` take."""


def tool_of(content: Content) -> Tool | None:
    """Return the tool that wrote a file; None where none did.

    Raises:
        InputError: the format of the file can't be told.
    """
    name = format_of(content).name
    return next((tool for tool in _ALL if name in {kind.name for kind in tool.formats}), None)
