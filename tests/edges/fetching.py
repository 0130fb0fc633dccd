"""Fetch from a loopback server, and return the answer or the error."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.config.conversion import convert_table
from monitor.config.options import FetchOptions
from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher, NotModified
from monitor.model.feeds import Validators
from tests import make
from tests.edges.web import Responder, serve

KNOWN = Validators(etag='W/"odd \\ tag-gzip"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT")
UNKNOWN = Validators()
SOON = timedelta(milliseconds=300)  # for a deadline that is meant to pass


def options(timeout: timedelta | None = None, **differ: Any) -> FetchOptions:
    """Return the options of a table like this; `timeout` may be shorter than an operator may write it."""
    table, mistakes = convert_table(FetchOptions, {"allow_private": ["127.0.0.1"], **differ})
    assert table, mistakes
    return replace(table, timeout=timeout) if timeout else table


async def fetch(
    url: str, validators: Validators = UNKNOWN, proxy: str = "", **differ: Any
) -> Fetched | NotModified:
    """Fetch a url; validators are its own unless they name another."""
    own = replace(validators, url=validators.url or url)
    async with Fetcher(options(**differ)) as fetcher:
        return await fetcher.fetch(make.feed(url=url, proxy=proxy), own)


async def answer_to(
    response: Responder | bytes | None, validators: Validators = UNKNOWN, **differ: Any
) -> Fetched | NotModified:
    async with serve(response if callable(response) else lambda _: response) as web:
        return await fetch(web.url("/rss?x=1"), validators, **differ)


async def failure(
    response: Responder | bytes | None, validators: Validators = UNKNOWN, **differ: Any
) -> FetchError:
    with pytest.raises(FetchError) as raised:
        await answer_to(response, validators, **differ)
    return raised.value
