"""A whole database has no faults, on either kind; what is damaged is named in tests/cli/test_doctor.py."""

from monitor.store import integrity
from monitor.store.database import Database


async def test_a_whole_database_has_no_faults(db: Database) -> None:
    assert await db.read(integrity.faults) == []
