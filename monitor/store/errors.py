"""What a database error means, in the operator's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from monitor.errors import SchemaError, StoreError
from monitor.store.dialects import clean


@contextmanager
def told_as_store_errors(url: URL) -> Iterator[None]:
    """Every database error inside leaves as a StoreError that names the database."""
    try:
        yield
    except SQLAlchemyError as error:
        raise store_error(error, url) from error


def store_error(error: SQLAlchemyError, url: URL) -> StoreError:
    """A StoreError that says which database, what happened and what next; no statement, no values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    what = " ".join(clean(str(cause)).split())[:300].rstrip(".") or type(cause).__name__
    if "file is not a database" in what:
        return SchemaError(f"database {place(url)}: {what}. Check url in [store]")
    return StoreError(f"database {place(url)}: {what}. {_what_next(what)}".rstrip())


def place(url: URL) -> str:
    """The database's URL as it may be shown: where it is, without passwords and settings."""
    where = {key: value for key, value in url.query.items() if key == "host"}
    return url.set(query=where).render_as_string(hide_password=True)


def _what_next(what: str) -> str:
    return next((advice for sign, advice in _ADVICE if sign in what), "")


_ADVICE = (
    ("database is locked", "Another program holds it; this is tried again"),
    ("lock timeout", "Another program holds it; this is tried again"),
    ("disk is full", "Make room on the disk; nothing that was stored is lost"),
    ("No space left", "Make room on the server's disk; nothing that was stored is lost"),
    ("unable to open", "Check url in [store], and that this user may write there"),
    ("readonly database", "Check that this user may write the file and its directory"),
    ("connection", "Check url in [store], and that the server runs"),
)
