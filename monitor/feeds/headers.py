"""What the headers of an answer say about the next question."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from monitor.model.feeds import Validators

_LONGEST_VALIDATOR = 1024  # characters: a longer one is not worth sending back for ever
_MOST_SECONDS = 10**9


def conditions(validators: Validators) -> dict[str, str]:
    """The headers that ask "anything new since?" (RFC 9110 section 13.1)."""
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in headers.items() if value}


def validators(headers: Mapping[str, str], before: Validators) -> Validators:
    """The server's own strings; what it does not say is as `before`. One unfit to be sent back is left out."""

    def kept(name: str, old: str) -> str:
        value = headers.get(name, old)
        return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""

    return Validators(
        etag=kept("ETag", before.etag), last_modified=kept("Last-Modified", before.last_modified)
    )


def max_age(headers: Mapping[str, str]) -> timedelta | None:
    """How long the server calls its answer fresh (RFC 9111 section 5.2.2.1)."""
    for part in headers.get("Cache-Control", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and _is_number(value):
            return _seconds(value)
    return None


def retry_after(headers: Mapping[str, str]) -> timedelta | datetime | None:
    """Seconds or a date (RFC 9110 section 10.2.3); garbage is none."""
    value = headers.get("Retry-After", "").strip()
    if _is_number(value):
        return _seconds(value)
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _seconds(value: str) -> timedelta:
    return timedelta(seconds=min(int(value[:12]), _MOST_SECONDS))
