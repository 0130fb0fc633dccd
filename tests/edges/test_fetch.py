import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import trustme

from monitor import __version__
from monitor.config import FetchOptions
from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher, NotModified
from monitor.model import Validators
from tests import make
from tests.edges.web import Request, Say, Web, listen, ok, serve

KNOWN = Validators(etag='W/"odd \\ tag-gzip"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT")
UNKNOWN = Validators()
SOON = timedelta(milliseconds=300)  # for a deadline that is meant to pass


def options(**differ: Any) -> FetchOptions:
    return FetchOptions.model_validate({"allow_private": ["127.0.0.1"], **differ})


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


# --- what is asked, and how ---


async def test_a_feed_is_asked_for_once_and_in_the_open() -> None:
    async with serve(lambda _: ok()) as web:
        await fetch(web.url("/rss?x=1&y=%E4%B8%AD#top"), KNOWN)
        (request,) = web.asked
    assert request.line == "GET /rss?x=1&y=%E4%B8%AD HTTP/1.1"
    assert request.headers["user-agent"].startswith(f"feed-monitor/{__version__}")
    assert "application/rss+xml" in request.headers["accept"]
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert {"cookie", "referer", "cache-control", "pragma"}.isdisjoint(request.headers)


async def test_validators_are_sent_as_the_server_gave_them() -> None:
    async with serve(lambda _: ok()) as web:
        await fetch(web.url(), KNOWN)
        await fetch(web.url())
        first, second = web.asked
    assert first.headers["if-none-match"] == KNOWN.etag
    assert first.headers["if-modified-since"] == KNOWN.last_modified
    assert {"if-none-match", "if-modified-since"}.isdisjoint(second.headers)


async def test_cookies_are_not_kept() -> None:
    # By name: no cookie jar keeps the cookies of a bare address.
    async with serve(lambda _: ok(Set_Cookie="session=1")) as web, Fetcher(options()) as fetcher:
        for _ in range(2):
            await fetcher.fetch(make.feed(url=f"http://localhost:{web.port}/"), UNKNOWN)
        assert all("cookie" not in request.headers for request in web.asked)


# --- what is answered ---


async def test_a_document_comes_with_all_that_is_said_about_it() -> None:
    body = "<rss>中</rss>".encode("gb18030")
    answer = await answer_to(
        ok(
            body,
            Content_Type="text/xml; charset=gb2312",
            ETag='"1"',
            Last_Modified="yesterday",
            Cache_Control="max-age=600",
        ),
        KNOWN,
    )
    assert isinstance(answer, Fetched)
    assert answer.body == body
    assert answer.content_type == "text/xml; charset=gb2312"
    assert answer.validators == Validators(etag='"1"', last_modified="yesterday")
    assert answer.url.endswith("/rss?x=1")
    assert answer.max_age == timedelta(minutes=10)


async def test_validators_a_new_document_has_not_are_forgotten() -> None:
    answer = await answer_to(ok(ETag='"1"'), KNOWN)
    assert answer.validators == Validators(etag='"1"')


async def test_an_unchanged_feed_is_no_error_and_no_news() -> None:
    answer = await answer_to(b'HTTP/1.1 304 Not Modified\r\nETag: "2"\r\nContent-Length: 90\r\n\r\n', KNOWN)
    assert answer == NotModified(validators=Validators(etag='"2"', last_modified=KNOWN.last_modified))


async def test_not_modified_to_an_unconditional_request_is_an_error() -> None:
    error = await failure(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert "304" in str(error)


async def test_a_validator_of_60_kb_is_not_sent_back_for_ever() -> None:
    answer = await answer_to(ok(ETag=f'"{"x" * 60_000}"', Last_Modified="today"))
    assert answer.validators == Validators(last_modified="today")


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(gzip.compress(b"<rss/>"), "gzip"), (gzip.compress(b"<rss/>"), "x-gzip"), (b"<rss/>", "identity")],
)
async def test_a_packed_document_is_unpacked(packed: bytes, encoding: str) -> None:
    answer = await answer_to(ok(packed, Content_Encoding=encoding))
    assert isinstance(answer, Fetched)
    assert answer.body == b"<rss/>"


async def test_a_document_in_chunks_is_put_together() -> None:
    answer = await answer_to(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<rss\r\n2\r\n/>\r\n0\r\n\r\n"
    )
    assert isinstance(answer, Fetched)
    assert answer.body == b"<rss/>"


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("404 Not Found", "HTTP 404 Not Found"),
        ("403 Forbidden", "HTTP 403 Forbidden"),
        ("503 Service Unavailable", "HTTP 503 Service Unavailable"),
        ("204 No Content", "HTTP 204 No Content"),
        ("206 Partial Content", "HTTP 206 Partial Content"),
        ("300 Multiple Choices", "HTTP 300 Multiple Choices"),
        ("500 \x1b[31mred", "HTTP 500 [31mred"),
        ("599 ", "HTTP 599"),
    ],
)
async def test_any_other_status_is_an_error_with_its_number(status: str, what: str) -> None:
    error = await failure(ok(b"", status=status))
    assert str(error) == what
    assert error.status == int(status[:3])
    assert not error.permanent


async def test_a_feed_that_is_gone_is_gone_for_good() -> None:
    assert (await failure(ok(b"", status="410 Gone"))).permanent


async def test_the_server_may_say_when_to_come_again() -> None:
    error = await failure(ok(b"", status="429 Too Many Requests", Retry_After="120"))
    assert error.retry_after == timedelta(minutes=2)


async def test_a_site_that_wants_a_browser_is_named_so() -> None:
    error = await failure(ok(b"<html>", status="403 Forbidden", cf_mitigated="challenge"))
    assert "bot protection" in str(error)


# --- what is no answer ---


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<?xml version='1.0'?><rss/>",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n<rss/>\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"\0" * 100,
    ],
    ids=[
        "ssh",
        "http 0.9",
        "letters",
        "short",
        "two lengths",
        "chunks",
        "many headers",
        "long header",
        "nul",
        "nuls",
    ],
)
async def test_what_is_not_http_is_an_error_in_words(answer: bytes) -> None:
    error = await failure(answer)
    assert str(error).startswith("the server's answer cannot be read")
    assert len(str(error)) < 300


async def test_headers_that_never_end_are_an_error() -> None:
    error = await failure(b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 1000, timeout="2s")
    assert str(error).startswith("the server's answer cannot be read")


async def test_a_server_that_hangs_up_is_an_error() -> None:
    assert str(await failure(b"")) == "the server hung up without an answer"


async def test_nobody_there_is_an_error() -> None:
    async with serve(lambda _: None) as web:
        url = web.url()
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        await fetch(url)


async def test_a_name_nobody_knows_is_an_error() -> None:
    with pytest.raises(FetchError, match=r"the name nobody\.invalid is not known"):
        await fetch("http://nobody.invalid/rss")


async def test_a_server_that_never_answers_is_left_alone_after_a_while() -> None:
    error = await failure(None, timeout=SOON)
    assert str(error) == "no answer within 300ms"


async def test_a_body_that_stops_is_left_alone_after_a_while() -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<")
        await reader.read()

    async with listen(begin) as port:
        with pytest.raises(FetchError, match="no answer within 300ms"):
            await fetch(f"http://127.0.0.1:{port}/", timeout=SOON)


async def test_a_body_beyond_the_limit_is_not_read_to_its_end() -> None:
    error = await failure(ok(b"x" * 200_000), max_bytes="100KB")
    assert "larger than 100 KB" in str(error)
    bomb = gzip.compress(bytes(50_000_000), compresslevel=1)
    error = await failure(ok(bomb, Content_Encoding="gzip"), max_bytes="1MB")
    assert "larger than 1000 KB" in str(error)


async def test_a_packing_nobody_asked_for_is_refused() -> None:
    error = await failure(ok(Content_Encoding=", ".join(["gzip"] * 30)))
    assert "nobody asked for" in str(error)


# --- redirects ---


def redirects(*locations: str, status: int = 302) -> Say:
    """Path /n is sent to the n-th location; anything else is a feed."""

    def say(request: Request) -> bytes:
        number = request.path[1:]
        if number.isdecimal() and int(number) < len(locations):
            return ok(b"", status=f"{status} Elsewhere", Location=locations[int(number)])
        return ok()

    return say


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(status: int) -> None:
    async with serve(redirects("/1", "new?x=1#top", status=status)) as web:
        answer = await fetch(web.url("/0"), KNOWN)
        assert isinstance(answer, Fetched)
        assert answer.url == web.url("/new?x=1")
        assert [request.path for request in web.asked] == ["/0", "/1", "/new?x=1"]
        assert all("referer" not in request.headers for request in web.asked)


async def test_ten_redirects_are_followed_and_no_more() -> None:
    async with serve(redirects(*(f"/{number + 1}" for number in range(10)))) as web:
        assert isinstance(await fetch(web.url("/0")), Fetched)
    async with serve(redirects(*(f"/{number + 1}" for number in range(100)))) as web:
        with pytest.raises(FetchError, match="more than 10 redirects"):
            await fetch(web.url("/0"))
        assert len(web.asked) == 11


@pytest.mark.parametrize(
    "location",
    [
        *("", "file:///etc/passwd", "javascript:alert(1)", "ftp://127.0.0.1/", "http://[::1"),
        *(
            "http://user@127.0.0.1:PORT/",
            "http://127.0.0.1@127.0.0.2/",
            "http://127.0.0.2\\@127.0.0.1:PORT/",
            "/" + "x" * 100_000,
        ),
    ],
)
async def test_a_redirect_to_no_plain_place_is_an_error(location: str) -> None:
    async with serve(lambda _: ok()) as web:
        web.say = redirects(location.replace("PORT", str(web.port)))
        with pytest.raises(FetchError):
            await fetch(web.url("/0"))
        assert web.contacts == 1


async def test_a_redirect_without_a_target_is_an_error() -> None:
    assert "to nowhere" in str(await failure(ok(b"", status="302 Found")))


async def test_the_time_limit_is_for_all_redirects_together() -> None:
    async with serve(redirects("/1")) as web:

        def stall(request: Request) -> bytes | None:
            return redirects("/1")(request) if request.path == "/0" else None

        web.say = stall
        with pytest.raises(FetchError, match="no answer within"):
            await fetch(web.url("/0"), timeout=SOON)


# --- addresses ---


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
                await fetch(url, timeout="2s")
        assert web.contacts == 0


async def test_a_name_for_a_private_address_is_not_dialled() -> None:
    async with serve(lambda _: ok()) as web:
        with pytest.raises(FetchError, match="1 is a private address"):
            await fetch(f"http://localhost:{web.port}/", allow_private=[])
        with pytest.raises(FetchError):
            await fetch(f"http://localhost.:{web.port}/", allow_private=[])
        assert web.contacts == 0


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
    assert answer.body == b"<rss>by proxy</rss>"
    assert http_proxy.asked[0].line == "GET http://news.example.org/rss HTTP/1.1"


async def test_a_feeds_own_proxy_goes_before_the_one_for_all(http_proxy: Web) -> None:
    async with Fetcher(options(proxy="http://127.0.0.1:9")) as fetcher:
        feed = make.feed(url="http://news.example.org/rss", proxy=http_proxy.url())
        assert isinstance(await fetcher.fetch(feed, Validators()), Fetched)


async def test_the_proxy_for_all_is_used(http_proxy: Web) -> None:
    async with Fetcher(options(proxy=http_proxy.url())) as fetcher:
        await fetcher.fetch(make.feed(url="http://news.example.org/rss"), Validators())
    assert len(http_proxy.asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "localhost", "[::1]", "10.0.0.1"])
async def test_a_proxy_is_not_asked_for_a_private_address(http_proxy: Web, host: str) -> None:
    with pytest.raises(FetchError, match="private address"):
        await fetch(f"http://{host}/", proxy=http_proxy.url(), allow_private=[])
    assert http_proxy.contacts == 0


async def test_a_proxy_that_is_not_there_is_named_without_its_password() -> None:
    async with serve(lambda _: None) as web:
        gone = web.port
    for scheme in ("http", "socks5", "socks5h"):
        with pytest.raises(FetchError) as caught:
            await fetch("http://news.example.org/rss", proxy=f"{scheme}://me:geheim@127.0.0.1:{gone}")
        assert f"the proxy {scheme}://me:***@127.0.0.1:{gone} does not let us through" in str(caught.value)
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
    assert answer.body == b"<rss>by socks</rss>"
    assert told == [b"\x05\x01\x00\x03\x10", b"news.example.org\x00\x50"]


# --- TLS ---


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with serve(lambda _: ok(), tls=context) as web:
        with pytest.raises(FetchError, match="certificate is not trusted"):
            await fetch(web.url(scheme="https"))
        assert web.asked == []


async def test_the_time_limit_is_for_the_tls_handshake_too() -> None:
    async with serve(lambda _: None) as web:
        with pytest.raises(FetchError, match="no answer within"):
            await fetch(web.url(scheme="https"), timeout=SOON)


# --- turns ---


async def test_one_host_is_asked_by_two_at_a_time() -> None:
    async with serve(lambda _: ok()) as web, Fetcher(options()) as fetcher:
        answers = await asyncio.gather(
            *(fetcher.fetch(make.feed(url=web.url(f"/{number}")), Validators()) for number in range(20))
        )
        assert len(answers) == len(web.asked) == 20
        assert web.most_at_once <= 2


async def test_the_wait_for_a_turn_is_not_the_servers_fault() -> None:
    async with serve(lambda _: ok()) as web, Fetcher(options(timeout="500ms")) as fetcher:

        def slow(request: Request) -> bytes | None:
            return None if request.path in ("/0", "/1") else ok()

        web.say = slow
        feeds = [make.feed(url=web.url(f"/{number}")) for number in range(3)]
        *stalled, waiting = await asyncio.gather(
            *(fetcher.fetch(feed, Validators()) for feed in feeds), return_exceptions=True
        )
        assert all(isinstance(error, FetchError) for error in stalled)
        assert isinstance(waiting, Fetched)


async def test_a_slow_host_delays_no_other() -> None:
    async with serve(lambda _: None) as slow, serve(lambda _: ok()) as quick, Fetcher(options()) as fetcher:
        stalled = [
            asyncio.ensure_future(fetcher.fetch(make.feed(url=slow.url(f"/{number}")), Validators()))
            for number in range(50)
        ]
        assert isinstance(await fetcher.fetch(make.feed(url=quick.url()), Validators()), Fetched)
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)


async def test_no_connection_is_kept() -> None:
    connections = []

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ok())

    async with listen(keep_alive) as port, Fetcher(options()) as fetcher:
        for _ in range(3):
            await fetcher.fetch(make.feed(url=f"http://127.0.0.1:{port}/"), UNKNOWN)
    assert len(connections) == 3
