"""Use the database from a command: open it, run an async function with it, close it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from monitor.service.clock import Clocks
from monitor.store.database import Database, open_database

T = TypeVar("T")


def use_database(url: str, work: Callable[[Database], Awaitable[T]], *, writable: bool = False) -> T:
    """Return what `work` returns, run with the database at this URL.

    Only with `writable` it is created or migrated where necessary. Raises SchemaError when it is not ready, and
    StoreError.
    """

    async def run() -> T:
        db = open_database(url, migrate=writable)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


async def time_of(db: Database) -> datetime:
    """Return the time now by the clock that counts for this database. Raises StoreError."""
    return (await Clocks.of(db)).settled()
