"""A fetcher asks a loopback server, and how it went."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from monitor.config.options import FetchOptions
from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher, NotModified
from monitor.model.feeds import Validators
from tests import make
from tests.edges.web import Say, serve

KNOWN = Validators(etag='W/"odd \\ tag-gzip"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT")
UNKNOWN = Validators()
SOON = timedelta(milliseconds=300)  # for a deadline that is meant to pass


def options(**differ: Any) -> FetchOptions:
    return TypeAdapter(FetchOptions).validate_python({"allow_private": ["127.0.0.1"], **differ})


async def fetch(
    url: str, validators: Validators = UNKNOWN, proxy: str = "", **differ: Any
) -> Fetched | NotModified:
    async with Fetcher(options(**differ)) as fetcher:
        return await fetcher.fetch(make.feed(url=url, proxy=proxy), validators)


async def answer_to(
    say: Say | bytes | None, validators: Validators = UNKNOWN, **differ: Any
) -> Fetched | NotModified:
    async with serve(say if callable(say) else lambda _: say) as web:
        return await fetch(web.url("/rss?x=1"), validators, **differ)


async def failure(say: Say | bytes | None, validators: Validators = UNKNOWN, **differ: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await answer_to(say, validators, **differ)
    return caught.value
