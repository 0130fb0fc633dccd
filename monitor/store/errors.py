"""Translate database errors into StoreErrors that say which database, what happened and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from monitor.errors import SchemaError, StoreError, with_advice
from monitor.masking import mask
from monitor.reasons import said_by_library
from monitor.store.dialects import clean
from monitor.texts import sentence


@contextmanager
def as_store_errors(url: URL) -> Iterator[None]:
    """Raise every database error of the block as a StoreError that names the database."""
    try:
        yield
    except SQLAlchemyError as error:
        raise store_error(error, url) from error


def store_error(error: SQLAlchemyError, url: URL) -> StoreError:
    """Return a StoreError that says which database, what happened and what to do; no statement, no values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    what = " ".join(clean(str(cause)).split())[:300].rstrip(".") or type(cause).__name__
    if "file is not a database" in what:
        return SchemaError(
            sentence(
                "database {url}: {what}. Check url in [store]",
                url=display_url(url),
                what=said_by_library(what),
            )
        )
    failed = sentence("database {url}: {what}.", url=display_url(url), what=said_by_library(what))
    return StoreError(with_advice(failed, _advice(what)))


def display_url(url: URL) -> str:
    """Return a database's URL as it may be shown: without secrets and settings."""
    host = {key: value for key, value in url.query.items() if key == "host"}
    return mask(url.set(query=host).render_as_string(hide_password=False))


def _advice(what: str) -> str:
    return next((advice for part, advice in _ADVICE if part in what), "")


# The drivers have no error codes in common: what tells their errors apart is a part of the message.
_ADVICE = (
    ("database is locked", sentence("Another program holds it; this is tried again")),
    ("lock timeout", sentence("Another program holds it; this is tried again")),
    ("disk is full", sentence("Make room on the disk; nothing that was stored is lost")),
    ("No space left", sentence("Make room on the server's disk; nothing that was stored is lost")),
    ("unable to open", sentence("Check url in [store], and that this user may write there")),
    ("readonly database", sentence("Check that this user may write the file and its directory")),
    ("connection", sentence("Check url in [store], and that the server runs")),
)
