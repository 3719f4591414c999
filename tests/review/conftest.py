import pytest
from fixtures.reviewed import Served, draw, write_reviewed


@pytest.fixture
def table(tmp_path):
    return write_reviewed(tmp_path)


@pytest.fixture
def audited(table):
    """The same, with an audit of eight rows."""
    draw(table)
    return table


@pytest.fixture
def served(table):
    with Served(table) as page:
        yield page
