"""What tests of the store have in common: a second service, and a transaction that waits."""

from collections.abc import AsyncIterator, Iterator

import pytest

from monitor.store.database import Database, open_database
from tests.store.gate import Gate


@pytest.fixture
async def other(db_url: str) -> AsyncIterator[Database]:
    """A second service on the same database."""
    database = open_database(db_url)
    yield database
    await database.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()
