"""Use the database from a command: open it, run an async function with it, close it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

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
