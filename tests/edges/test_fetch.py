import asyncio
import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor import __version__
from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher, NotModified
from monitor.model.feeds import Validators
from tests import make
from tests.edges.fetching import KNOWN, UNKNOWN, answer_to, failure, fetch, options
from tests.edges.web import Request, listen, ok, redirect, redirects, serve

# --- what is asked, and how ---


async def test_a_feed_is_asked_for_once_and_in_the_open() -> None:
    async with serve(lambda _: ok()) as web:
        await fetch(web.url("/rss?x=1&y=%E4%B8%AD#top"), KNOWN)
        (request,) = web.requests
    assert request.line == "GET /rss?x=1&y=%E4%B8%AD HTTP/1.1"
    assert request.headers["user-agent"].startswith(f"feed-monitor/{__version__}")
    assert "application/rss+xml" in request.headers["accept"]
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert {"cookie", "referer", "cache-control", "pragma"}.isdisjoint(request.headers)


async def test_validators_are_sent_as_the_server_gave_them() -> None:
    async with serve(lambda _: ok()) as web:
        await fetch(web.url(), KNOWN)
        await fetch(web.url())
        first, second = web.requests
    assert first.headers["if-none-match"] == KNOWN.etag
    assert first.headers["if-modified-since"] == KNOWN.last_modified
    assert {"if-none-match", "if-modified-since"}.isdisjoint(second.headers)


async def test_validators_are_sent_to_the_address_that_gave_them_and_to_no_other() -> None:
    def respond(request: Request) -> bytes:
        if request.path == "/0":
            return redirect("/1", ETag='"redirect"')
        return ok(b"", status="304 Not Modified") if "if-none-match" in request.headers else ok(ETag='"1"')

    async with serve(respond) as web, Fetcher(options()) as fetcher:
        answer = await fetcher.fetch(make.feed(url=web.url("/0")), UNKNOWN)
        answer = await fetcher.fetch(make.feed(url=web.url("/0")), answer.validators)
        assert isinstance(answer, NotModified)
        answer = await fetcher.fetch(make.feed(url=web.url("/0")), answer.validators)
        assert isinstance(answer, NotModified), "they are kept behind a 304"
        sent = [request.headers.get("if-none-match") for request in web.requests]
        assert sent == [None, None, None, '"1"', None, '"1"']


async def test_another_target_with_the_same_tag_is_read() -> None:
    def respond(request: Request) -> bytes:
        if request.path == "/rss":
            return redirect("/one" if len(web.requests) == 1 else "/two")
        if request.headers.get("if-none-match") == '"1"':
            return ok(b"", status="304 Not Modified")
        return ok(request.path.encode(), ETag='"1"')

    async with serve(respond) as web, Fetcher(options()) as fetcher:
        first = await fetcher.fetch(make.feed(url=web.url("/rss")), UNKNOWN)
        second = await fetcher.fetch(make.feed(url=web.url("/rss")), first.validators)
    assert isinstance(first, Fetched)
    assert isinstance(second, Fetched)
    assert (first.body.read(), second.body.read()) == (b"/one", b"/two")


async def test_not_modified_from_another_address_is_an_error() -> None:
    def respond(request: Request) -> bytes:
        if request.path == "/rss":
            return ok(ETag='"1"') if len(web.requests) == 1 else redirect("/elsewhere")
        return ok(b"", status="304 Not Modified")

    async with serve(respond) as web, Fetcher(options()) as fetcher:
        answer = await fetcher.fetch(make.feed(url=web.url("/rss")), UNKNOWN)
        with pytest.raises(FetchError, match="304"):
            await fetcher.fetch(make.feed(url=web.url("/rss")), answer.validators)


async def test_cookies_are_not_kept() -> None:
    # By name: no cookie jar keeps the cookies of a bare address.
    async with serve(lambda _: ok(Set_Cookie="session=1")) as web, Fetcher(options()) as fetcher:
        for _ in range(2):
            await fetcher.fetch(make.feed(url=f"http://localhost:{web.port}/"), UNKNOWN)
        assert all("cookie" not in request.headers for request in web.requests)


async def test_cookies_go_back_to_their_host_for_one_visit_and_to_no_other() -> None:
    def wall(request: Request) -> bytes:
        if "ok=1" in request.headers.get("cookie", ""):
            return ok()
        if request.path == "/gate":
            return redirect("/rss", Set_Cookie="ok=1; path=/; HttpOnly")
        return redirect("/gate")

    async with serve(wall) as web, Fetcher(options()) as fetcher:
        for _ in range(2):
            await fetcher.fetch(make.feed(url=web.url("/rss")), UNKNOWN)
        assert [request.path for request in web.requests] == ["/rss", "/gate", "/rss"] * 2
        assert [request.headers.get("cookie") for request in web.requests] == [None, None, "ok=1"] * 2


async def test_cookies_are_not_sent_to_another_host() -> None:
    async with serve(lambda _: ok()) as web:
        there = redirect(web.url("/rss").replace("127.0.0.1", "localhost"), Set_Cookie="ok=1; path=/")
        async with serve(lambda _: there) as gate:
            await fetch(gate.url())
        assert "cookie" not in web.requests[0].headers


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/proxy/http%3A%2F%2Fx.example%2Ffeed", "/proxy/http%3A%2F%2Fx.example%2Ffeed"),
        ("/f?u=https%3A%2F%2Fx.example%2F%3Fa%3D1%26b&q=AI%2B%E5%A4%A7", None),
        ("/a:b@c/~x;y=1,2?q=[1]&r=a:b/c?d", None),
        (
            "/标签/经验 分享.xml?名=值",
            "/%E6%A0%87%E7%AD%BE/%E7%BB%8F%E9%AA%8C%20%E5%88%86%E4%BA%AB.xml?%E5%90%8D=%E5%80%BC",
        ),
        ("/100%/x?y=5%", "/100%25/x?y=5%25"),
        ("?x=1", "/?x=1"),
        ("/a/./b/../../c/d/..", "/c/"),
        ("/../../a//b/.", "/a//b/"),
        ("/%7euser/%e5", None),
    ],
)
async def test_an_address_is_asked_for_as_it_is_written(written: str, asked: str | None) -> None:
    async with serve(lambda _: ok()) as web:
        await fetch(web.url(written) + "#top")
        async with serve(lambda _: redirect(web.url(written))) as moved:
            await fetch(moved.url())
        assert [request.path for request in web.requests] == [asked or written] * 2


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
    assert answer.body.read() == body
    assert answer.content_type == "text/xml; charset=gb2312"
    assert answer.validators == Validators(etag='"1"', last_modified="yesterday", url=answer.url)
    assert answer.url.endswith("/rss?x=1")
    assert answer.max_age == timedelta(minutes=10)


async def test_every_cache_control_header_counts() -> None:
    answer = await answer_to(
        b"HTTP/1.1 200 OK\r\ncache-control: public\r\nCache-Control: max-age=600\r\n\r\n<rss/>"
    )
    assert answer.max_age == timedelta(minutes=10)


async def test_validators_a_new_document_has_not_are_forgotten() -> None:
    answer = await answer_to(ok(ETag='"1"'), KNOWN)
    assert answer.validators == Validators(etag='"1"', url=answer.url)


async def test_an_unchanged_feed_is_no_error_and_no_news() -> None:
    answer = await answer_to(b'HTTP/1.1 304 Not Modified\r\nETag: "2"\r\nContent-Length: 90\r\n\r\n', KNOWN)
    assert isinstance(answer, NotModified)
    assert answer.validators == Validators(etag='"2"', last_modified=KNOWN.last_modified, url=answer.url)


@pytest.mark.parametrize("status", ["304 Not Modified", "204 No Content"])
@pytest.mark.parametrize("head", ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n", ""])
@pytest.mark.parametrize("apart", [True, False])
async def test_the_body_of_an_answer_that_has_none_is_left_out(status: str, head: str, apart: bool) -> None:
    async def answer_with_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode())
        for _ in range(100 * apart):  # turns of the loop, in which the client reads the head
            await asyncio.sleep(0)
        writer.write(b"<rss/>")
        await reader.read()  # until the client ends the connection

    async with listen(answer_with_body) as port:
        if status.startswith("304"):
            assert isinstance(await fetch(f"http://127.0.0.1:{port}/", KNOWN), NotModified)
        else:
            with pytest.raises(FetchError, match="HTTP 204 No Content"):
                await fetch(f"http://127.0.0.1:{port}/")


async def test_not_modified_to_an_unconditional_request_is_an_error() -> None:
    error = await failure(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert "304" in str(error)


async def test_a_validator_of_60_kb_is_not_sent_back_for_ever() -> None:
    answer = await answer_to(ok(ETag=f'"{"x" * 60_000}"', Last_Modified="today"))
    assert answer.validators == Validators(last_modified="today", url=answer.url)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(b"<rss/>", mtime=0), "gzip"),
        (gzip.compress(b"<rss/>", mtime=0), "x-gzip"),
        (b"<rss/>", "identity"),
    ],
)
async def test_a_packed_document_is_unpacked(packed: bytes, encoding: str) -> None:
    answer = await answer_to(ok(packed, Content_Encoding=encoding))
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss/>"


async def test_a_document_in_chunks_is_put_together() -> None:
    answer = await answer_to(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<rss\r\n2\r\n/>\r\n0\r\n\r\n"
    )
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss/>"


@pytest.mark.parametrize("status", ["202 Accepted", "203 Non-Authoritative Information", "226 IM Used"])
async def test_a_document_may_come_with_another_kind_of_success(status: str) -> None:
    answer = await answer_to(ok(status=status))
    assert isinstance(answer, Fetched)


@pytest.mark.parametrize(
    "lines",
    [
        b"X-XSS-Protection=1;\r\n",
        b"Content-Type : text/xml\r\n",
        b"X Y: 1\r\n",
        b": nothing\r\n",
        "新闻: 1\r\n".encode(),
        b"X: a\0b\x01\r\n",
        b"X: 1\r\n two\r\n",
        b" alone\r\n",
        b"nothing\r\n and more of it\r\n",
        b"X: 1\n",
        b"Content-Length: 6\r\nContent-Length: 6\r\n",
        b"Content-Length: 6, 6\r\n",
        b"Content-Length: -1\r\nContent-Length: many\r\n",
    ],
)
async def test_a_line_in_the_head_that_is_no_header_does_not_cost_the_feed(lines: bytes) -> None:
    answer = await answer_to(b"HTTP/1.1 200 OK\r\n" + lines + b'ETag: "1"\r\n\r\n<rss/>')
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss/>"
    assert answer.validators.etag == '"1"'


async def test_interim_answers_come_before_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nbad line\r\nLink: </a>\r\n\r\n"
    answer = await answer_to(b"\r\n" + early + early + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<rss/>")
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss/>"


async def test_an_answer_may_come_byte_by_byte() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 200 OK\r\nbad\r\nContent-Length: 4\r\n\r\n<rss/>":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with listen(slowly) as port:
        answer = await fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss"


async def test_a_length_in_characters_cuts_the_document_and_its_validators_are_not_kept() -> None:
    body = "<rss><item>新闻</item></rss>".encode()
    head = f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {len(body.decode())}\r\n\r\n'.encode()
    answer = await answer_to(head + body)
    assert isinstance(answer, Fetched)
    assert answer.body.read() == body[: len(body.decode())]
    assert answer.validators == UNKNOWN


async def test_broken_chunks_in_a_packet_of_their_own_are_an_error_at_once() -> None:
    async def in_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<rss\r\n")
        await writer.drain()
        for _ in range(100):  # turns of the loop, in which the client reads what has come
            await asyncio.sleep(0)
        writer.write(b"ZZ\r\n")
        await reader.read()

    async with listen(in_two) as port:
        with pytest.raises(FetchError, match="cannot be read"):
            await fetch(f"http://127.0.0.1:{port}/")


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


# --- redirects ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(status: int) -> None:
    async with serve(redirects("/1", "new?x=1#top", status=status)) as web:
        answer = await fetch(web.url("/0"), KNOWN)
        assert isinstance(answer, Fetched)
        assert answer.url == web.url("/new?x=1")
        assert [request.path for request in web.requests] == ["/0", "/1", "/new?x=1"]
        assert all("referer" not in request.headers for request in web.requests)


@pytest.mark.parametrize(
    ("statuses", "permanently"),
    [
        ([], False),
        ([301], True),
        ([308, 301], True),
        ([301, 302], False),
        ([307], False),
        ([308, 303], False),
    ],
)
@pytest.mark.parametrize("known", [True, False])
async def test_an_answer_says_whether_all_redirects_to_it_were_permanent(
    statuses: list[int], permanently: bool, known: bool
) -> None:
    def respond(request: Request) -> bytes:
        number = int(request.path[1:])
        if number < len(statuses):
            return ok(b"", status=f"{statuses[number]} Moved", Location=f"/{number + 1}")
        return ok(b"", status="304 Not Modified") if known else ok()

    async with serve(respond) as web:
        answer = await fetch(web.url("/0"), replace(KNOWN, url=web.url(f"/{len(statuses)}")))
        assert (answer.moved_permanently, answer.url) == (permanently, web.url(f"/{len(statuses)}"))
    assert isinstance(answer, NotModified if known else Fetched)


async def test_ten_redirects_are_followed_and_no_more() -> None:
    async with serve(redirects(*(f"/{number + 1}" for number in range(10)))) as web:
        assert isinstance(await fetch(web.url("/0")), Fetched)
    async with serve(redirects(*(f"/{number + 1}" for number in range(100)))) as web:
        with pytest.raises(FetchError, match="more than 10 redirects"):
            await fetch(web.url("/0"))
        assert len(web.requests) == 11


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
        *("http://", "HTTP://", "//", "http:///x", "///x", "//?x", "http://#x"),
    ],
)
async def test_a_redirect_to_no_plain_place_is_an_error(location: str) -> None:
    async with serve(lambda _: ok()) as web:
        web.respond = redirects(location.replace("PORT", str(web.port)))
        with pytest.raises(FetchError):
            await fetch(web.url("/0"))
        assert web.connections == 1


@pytest.mark.parametrize("location", ["/0", "http:0", "http:/0"])
async def test_a_redirect_to_the_same_address_is_an_error_at_the_second_time(location: str) -> None:
    async with serve(redirects(location)) as web:
        with pytest.raises(FetchError, match="redirects to itself"):
            await fetch(web.url("/0"))
        assert len(web.requests) == 2


async def test_a_redirect_to_the_same_address_may_be_followed_once() -> None:
    async with serve(lambda _: redirect("/0") if len(web.requests) == 1 else ok()) as web:
        assert isinstance(await fetch(web.url("/0")), Fetched)


async def test_redirects_in_a_circle_are_followed_around_it_once() -> None:
    async with serve(redirects("/1", "/2", "/0")) as web:
        with pytest.raises(FetchError, match="redirects to itself"):
            await fetch(web.url("/0"))
        assert [request.path for request in web.requests] == ["/0", "/1", "/2", "/0"]


async def test_a_redirect_without_a_target_is_an_error() -> None:
    assert "without a valid Location" in str(await failure(ok(b"", status="302 Found")))


@pytest.mark.parametrize("status", ["200 OK", "302 Elsewhere", "404 Not Found", "501 Not Implemented"])
async def test_the_time_is_asked_for_by_one_request_whatever_else_it_brings(status: str) -> None:
    answer = ok(b"x" * 500_000, status=status, Date="Tue, 24 Nov 2026 08:00:00 GMT", Location="/elsewhere")
    async with serve(lambda _: answer) as web, Fetcher(options(max_bytes="100KB")) as fetcher:
        moment = await fetcher.server_time(make.feed(url=web.url("/rss")))
        assert moment == datetime(2026, 11, 24, 8, tzinfo=UTC)
        assert [request.path for request in web.requests] == ["/rss"]


async def test_who_does_not_tell_the_time_has_told_none() -> None:
    async with serve(lambda _: ok()) as web, Fetcher(options()) as fetcher:
        assert await fetcher.server_time(make.feed(url=web.url())) is None
    async with Fetcher(options()) as fetcher:
        with pytest.raises(FetchError, match="cannot be reached"):
            await fetcher.server_time(make.feed(url="http://127.0.0.1:9/"))
