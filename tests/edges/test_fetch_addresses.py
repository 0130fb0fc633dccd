import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from traceback import format_exception

import pytest

from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher
from monitor.model.feeds import Validators
from tests import make
from tests.edges.fetching import fetch, options
from tests.edges.web import Web, listen, ok, redirects, serve

# --- private addresses ---


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.2",
            "2130706434",
            "0177.0.0.2",
            "0x7f.2",
            "127.2",
            "[::1]",
            "[::ffff:127.0.0.2]",
            "0.0.0.0",
        ),
        *("169.254.169.254", "10.0.0.1", "[64:ff9b::7f00:2]", "[fe80::1]"),
    ],
)
async def test_a_private_address_is_not_dialled(host: str) -> None:
    async with (
        serve(lambda _: ok(), host="127.0.0.2") as web,
        serve(redirects(f"http://{host}:{web.port}/")) as door,
    ):
        for url in (door.url("/0"), f"http://{host}:{web.port}/"):
            with pytest.raises(FetchError, match=r"private address\. If the feed is yours|is not valid"):
                await fetch(url, timeout=timedelta(seconds=2))
        assert web.connections == 0


async def test_a_name_for_a_private_address_is_not_dialled() -> None:
    async with serve(lambda _: ok()) as web:
        with pytest.raises(FetchError, match="1 is a private address"):
            await fetch(f"http://localhost:{web.port}/", allow_private=[])
        with pytest.raises(FetchError):
            await fetch(f"http://localhost.:{web.port}/", allow_private=[])
        assert web.connections == 0


async def test_an_address_the_operator_has_opened_is_dialled() -> None:
    async with serve(lambda _: ok(), host="127.0.0.2") as web:
        assert isinstance(await fetch(web.url(), allow_private=["127.0.0.0/30"]), Fetched)


async def test_a_name_may_have_one_address_that_is_open() -> None:
    async with serve(lambda _: ok()) as web:
        assert isinstance(await fetch(f"http://localhost:{web.port}/"), Fetched)


# --- proxies ---


@pytest.fixture
async def http_proxy() -> AsyncIterator[Web]:
    async with serve(lambda _: ok(b"<rss>by proxy</rss>")) as web:
        yield web


async def test_a_proxy_is_asked_for_the_whole_address(http_proxy: Web) -> None:
    answer = await fetch("http://news.example.org/rss", proxy=http_proxy.url(), allow_private=[])
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss>by proxy</rss>"
    assert http_proxy.requests[0].line == "GET http://news.example.org/rss HTTP/1.1"


async def test_a_feeds_own_proxy_goes_before_the_one_for_all(http_proxy: Web) -> None:
    async with Fetcher(options(proxy="http://127.0.0.1:9")) as fetcher:
        feed = make.feed(url="http://news.example.org/rss", proxy=http_proxy.url())
        assert isinstance(await fetcher.fetch(feed, Validators()), Fetched)


async def test_the_proxy_for_all_is_used(http_proxy: Web) -> None:
    async with Fetcher(options(proxy=http_proxy.url())) as fetcher:
        await fetcher.fetch(make.feed(url="http://news.example.org/rss"), Validators())
    assert len(http_proxy.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "localhost", "[::1]", "10.0.0.1"])
async def test_a_proxy_is_not_asked_for_a_private_address(http_proxy: Web, host: str) -> None:
    with pytest.raises(FetchError, match="private address"):
        await fetch(f"http://{host}/", proxy=http_proxy.url(), allow_private=[])
    assert http_proxy.connections == 0


async def test_a_proxy_that_is_not_there_is_named_without_its_password() -> None:
    async with serve(lambda _: None) as web:
        gone = web.port
    for scheme in ("http", "socks5", "socks5h"):
        with pytest.raises(FetchError) as caught:
            await fetch("http://news.example.org/rss", proxy=f"{scheme}://me:geheim@127.0.0.1:{gone}")
        assert f"the proxy {scheme}://***@127.0.0.1:{gone} does not let us through" in str(caught.value)
        assert "geheim" not in str(caught.value)


async def test_a_socks_proxy_resolves_the_name() -> None:
    told: list[bytes] = []

    async def socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        told.append(await reader.readexactly(5))
        told.append(await reader.readexactly(told[0][4] + 2))
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(b"<rss>by socks</rss>"))
        await writer.drain()

    async with listen(socks) as port:
        proxy = f"socks5h://127.0.0.1:{port}"
        answer = await fetch("http://news.example.org/rss", proxy=proxy, allow_private=[])
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss>by socks</rss>"
    assert told == [b"\x05\x01\x00\x03\x10", b"news.example.org\x00\x50"]


async def test_a_proxys_redirect_to_a_private_address_is_not_followed(http_proxy: Web) -> None:
    http_proxy.respond = lambda _: ok(b"", status="302 Found", Location="http://10.0.0.1/")
    with pytest.raises(FetchError, match=r"10\.0\.0\.1 is a private address"):
        await fetch("http://news.example.org/rss", proxy=http_proxy.url(), allow_private=[])
    assert len(http_proxy.requests) == 1


async def test_an_http_proxy_is_told_its_password_and_nobody_else_is(http_proxy: Web) -> None:
    http_proxy.respond = lambda _: ok(b"", status="407 Proxy Authentication Required")
    proxy = f"http://me:geheim@127.0.0.1:{http_proxy.port}"
    for url in ("http://news.example.org/rss", "https://news.example.org/rss"):
        with pytest.raises(FetchError) as caught:
            await fetch(url, proxy=proxy)
        assert "HTTP 407 Proxy Authentication Required" in str(caught.value)
        assert "geheim" not in "".join(format_exception(caught.value)), "nor in a traceback"
    for request in http_proxy.requests:
        assert request.headers["proxy-authorization"] == f"Basic {b64encode(b'me:geheim').decode()}"
        assert "authorization" not in request.headers
    assert http_proxy.requests[1].line.startswith("CONNECT news.example.org:443")


async def test_a_socks_proxy_that_refuses_the_password_is_named_without_it() -> None:
    told: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x02")  # a name and a password, please (RFC 1929)
        told.append(await reader.readexactly(11))
        writer.write(b"\x01\x01")
        await writer.drain()

    async with listen(refuse) as port:
        with pytest.raises(FetchError, match="does not let us through") as caught:
            await fetch("http://news.example.org/rss", proxy=f"socks5://me:geheim@127.0.0.1:{port}")
    assert told == [b"\x01\x02me\x06geheim"]
    assert "geheim" not in str(caught.value)
