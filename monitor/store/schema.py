"""Check that a database has the tables of this version, and migrate it to them in one transaction."""

from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text

from monitor.errors import SchemaError
from monitor.store import engines, place
from monitor.store.errors import as_store_errors, display_url
from monitor.texts import listed, sentence

HEAD = "0017"  # the newest file in migrations/versions; a test compares
VERSION_TABLE = "monitor_schema"


def ensure(url: URL, *, migrate: bool) -> None:
    """Migrate the database to HEAD in one transaction that excludes every other writer.

    Without `migrate` nothing is written. Raises SchemaError when the database is newer than HEAD or not ours, or
    when it is older (or absent) and `migrate` is False; StoreError when it cannot be reached.
    """
    if url.get_backend_name() == "sqlite":
        if migrate:
            engines.make_file(url)
        elif not place.is_there(Path(str(url.database))):
            raise _not_ready(url, sentence("there is no such file yet"))
    with as_store_errors(url):
        found = revision_of(url)
        if found == HEAD:
            return  # most of the time: no lock is taken, and no Alembic imported
        _refuse_unknown(found, url)
        if not migrate:
            if not found:
                raise _not_ready(url, sentence("it is empty"))
            values = {"revision": found, "head": HEAD}
            raise _not_ready(url, sentence("its tables are at {revision}, not {head}", **values))
        engine = engines.writing(url)
        try:
            with engine.begin() as tx:
                # Read again: another service may have been faster.
                if revision(tx, url) != HEAD:
                    _upgrade(tx)
        finally:
            engine.dispose()


def bring_up(tx: Connection, url: URL) -> None:
    """Bring a database to HEAD within a transaction that writes. Raises SchemaError as `ensure` does."""
    found = revision(tx, url)
    if found != HEAD:
        _refuse_unknown(found, url)
        _upgrade(tx)


def check(tx: Connection) -> None:
    """Raise SchemaError when the database has the tables of another version by now: a newer service migrated it."""
    found = tx.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a name of ours
    if found != HEAD:
        raise SchemaError(
            sentence(
                "database {url} was migrated by another version of monitor while this one ran: its "
                "tables are at {revision}, not {head}. Install that version here, too, and start it",
                **{"url": display_url(tx.engine.url), "revision": found, "head": HEAD},
            )
        )


def revision_of(url: URL) -> str:
    """Return the revision of the tables of a database, as `revision` does."""
    engine = engines.reading(url)
    try:
        with engine.begin() as tx:
            return revision(tx, url)
    finally:
        engine.dispose()


def is_known(found: str) -> bool:
    """Return whether this version knows the tables of a revision: they are not those of a newer version."""
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    return found in known


def revision(tx: Connection, url: URL) -> str:
    """Return the revision of our tables; "" for an empty database. Raises SchemaError where others live."""
    names = inspect(tx).get_table_names()
    if VERSION_TABLE in names:
        return str(tx.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) or "")  # noqa: S608 - a name of ours
    if names:
        raise SchemaError(
            sentence(
                "database {url} belongs to something else: it has the tables {names}. Give url in [store] a database "
                "of its own",
                url=display_url(url),
                names=listed(sorted(names)[:5]),
            )
        )
    return ""


def _refuse_unknown(found: str, url: URL) -> None:
    if found and not is_known(found):
        raise SchemaError(
            sentence(
                "database {url} was written by a newer version of monitor: its tables are at {revision}, "
                "and this version knows them up to {head}. Install that version, or change url in [store]",
                **{"url": display_url(url), "revision": found, "head": HEAD},
            )
        )


def _not_ready(url: URL, why: str) -> SchemaError:
    return SchemaError(
        sentence(
            'database {url} is not ready: {why}. Start the service or run "monitor once"',
            url=display_url(url),
            why=why,
        )
    )


def _upgrade(tx: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))  # % is ConfigParser's own
    command.upgrade(config, HEAD)


_MIGRATIONS = Path(__file__).parent / "migrations"
