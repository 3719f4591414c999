import pytest

from labelmend.data.read import read_content
from labelmend.review.exchange.find import TOOLS
from labelmend.review.exchange.tool import read_as


@pytest.fixture
def replied(tmp_path):
    """Read a tool's file, or one with this text, and hand back what people did."""

    def read(tool, file, question=None):
        if isinstance(file, str):
            path = tmp_path / f"x{TOOLS[tool].suffix}"
            path.write_text(file, "utf-8")
            file = path
        return TOOLS[tool].heard(read_as(TOOLS[tool], read_content(file)), question)

    return read
