import asyncio
import gzip
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from monitor.errors import FetchError
from monitor.feeds.fetch import Fetched, Fetcher
from monitor.model.feeds import Validators
from tests import make
from tests.disk import full_disk
from tests.edges.fetching import SOON, UNKNOWN, failure, fetch, options
from tests.edges.web import Request, close_by_reset, listen, ok, redirects, serve

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
        "nuls",
    ],
)
async def test_what_is_not_http_is_an_error_in_words(answer: bytes) -> None:
    error = await failure(answer)
    assert str(error).startswith("the server's answer cannot be read")
    assert len(str(error)) < 300


async def test_headers_that_never_end_are_an_error() -> None:
    error = await failure(
        b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 1000, timeout=timedelta(seconds=2)
    )
    assert str(error).startswith("the server's answer cannot be read")


async def test_a_server_that_hangs_up_is_an_error() -> None:
    assert str(await failure(b"")) == "the server hung up without an answer"


async def test_a_server_that_hangs_up_is_not_asked_a_second_time_at_once() -> None:
    async with serve(lambda _: b"") as web:
        with pytest.raises(FetchError, match="hung up without an answer"):
            await fetch(web.url())
        assert len(web.requests) == web.connections == 1


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n"])
async def test_a_server_that_resets_is_not_asked_a_second_time_at_once(sent: bytes) -> None:
    connections = []

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(sent)
        close_by_reset(writer)

    async with listen(reset) as port:
        with pytest.raises(FetchError, match="hung up without an answer") as raised:
            await fetch(f"http://127.0.0.1:{port}/")
    assert len(connections) == 1
    assert raised.value.connection


@pytest.mark.parametrize("length", ["", "Content-Length: -1\r\n"])
@pytest.mark.parametrize("ends", ["properly", "by a reset"])
async def test_a_body_without_a_length_is_good_if_its_connection_was_closed(length: str, ends: str) -> None:
    async def answer_and_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n<rss/>".encode())
        for _ in range(100):  # turns of the loop, in which the client reads what has come
            await asyncio.sleep(0)
        if ends == "properly":
            writer.close()
        else:
            close_by_reset(writer)

    async with listen(answer_and_end) as port:
        if ends == "properly":
            answer = await fetch(f"http://127.0.0.1:{port}/")
            assert isinstance(answer, Fetched)
            assert answer.body.read() == b"<rss/>"
        else:
            with pytest.raises(FetchError, match="cannot be read") as raised:
                await fetch(f"http://127.0.0.1:{port}/")
            assert raised.value.connection


async def test_a_body_that_has_come_is_good_however_the_connection_ends() -> None:
    async def answer_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok())
        close_by_reset(writer)

    async with listen(answer_and_reset) as port:
        answer = await fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(answer, Fetched)
    assert answer.body.read() == b"<rss/>"


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


async def test_what_a_server_says_can_be_logged_and_stored() -> None:
    packed = await failure(b"HTTP/1.1 200 OK\r\nContent-Encoding: b\xffr\xc2\x9b\r\n\r\n")
    reason = await failure(b"HTTP/1.1 503 b\xffr\xc2\x9b\r\n\r\n")
    for error in (packed, reason):
        assert " br" in str(error).replace('"', " ")
        assert str(error).encode().decode().isprintable()


async def test_a_packing_nobody_asked_for_is_refused() -> None:
    error = await failure(ok(Content_Encoding=", ".join(["gzip"] * 30)))
    assert "was not requested" in str(error)


async def test_the_time_limit_is_for_all_redirects_together() -> None:
    async with serve(redirects("/1")) as web:

        def stall(request: Request) -> bytes | None:
            return redirects("/1")(request) if request.path == "/0" else None

        web.respond = stall
        with pytest.raises(FetchError, match="no answer within"):
            await fetch(web.url("/0"), timeout=SOON)


# --- TLS ---


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with serve(lambda _: ok(), tls=context) as web:
        with pytest.raises(FetchError, match="certificate is not trusted"):
            await fetch(web.url(scheme="https"))
        assert web.requests == []


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
        assert len(answers) == len(web.requests) == 20
        assert web.most_open <= 2


async def test_the_wait_for_a_turn_is_not_the_servers_fault() -> None:
    async with serve(lambda _: ok()) as web, Fetcher(options(timeout=timedelta(milliseconds=500))) as fetcher:

        def slow(request: Request) -> bytes | None:
            return None if request.path in ("/0", "/1") else ok()

        web.respond = slow
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


# --- whose fault it is ---


@pytest.mark.parametrize(
    ("answer", "connection"),
    [
        (b"", True),
        (None, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<rss/>", True),
        (b"SSH-2.0-OpenSSH_9.6\r\n", False),
        (ok(b"", status="503 Service Unavailable"), False),
        (ok(b"", status="302 Elsewhere", Location="http://[fd00::1]/"), False),
    ],
    ids=["hung up", "silent", "cut", "ssh", "503", "private"],
)
async def test_without_a_whole_answer_the_connection_is_at_fault(
    answer: bytes | None, connection: bool
) -> None:
    assert (await failure(answer, timeout=SOON)).connection is connection


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://nobody.invalid/rss", ""),
        ("http://127.0.0.1:9/", ""),
        ("https://feed.example.org/rss", "http://127.0.0.1:9"),
        ("https://feed.example.org/rss", "socks5h://127.0.0.1:9"),
    ],
)
async def test_a_name_host_or_proxy_that_is_away_is_no_fault_of_the_feed(url: str, proxy: str) -> None:
    with pytest.raises(FetchError) as raised:
        await fetch(url, proxy=proxy)
    assert raised.value.connection


async def test_a_seventeenth_large_body_waits_for_another_to_be_read_and_that_is_not_the_servers_time() -> (
    None
):
    body = b"<rss>" + b" ".join(b"%d" % number for number in range(150_000)) + b"</rss>"
    async with (
        serve(lambda _: ok(body)) as one,
        serve(lambda _: ok(body)) as other,
        Fetcher(options(timeout=SOON)) as fetcher,
    ):
        large = [await fetcher.fetch(make.feed(url=one.url(f"/{number}")), UNKNOWN) for number in range(16)]
        last = asyncio.create_task(fetcher.fetch(make.feed(url=other.url("/")), UNKNOWN))
        done, _ = await asyncio.wait([last], timeout=2 * SOON.total_seconds())
        assert not done
        for answer in large:
            assert isinstance(answer, Fetched)
            answer.release()
        answer = await last
        assert isinstance(answer, Fetched)
        with answer.body:
            assert answer.body.read() == body


async def test_a_large_document_for_which_the_disk_has_no_room_fails_alone_and_leaves_nothing_open() -> None:
    large = b"<rss>" + b" ".join(b"%d" % number for number in range(150_000)) + b"</rss>"
    async with (
        serve(lambda request: ok(b"<rss/>" if request.path == "/small" else large)) as web,
        Fetcher(options(timeout=SOON)) as fetcher,
    ):
        files = len(list(Path("/proc/self/fd").iterdir()))
        with full_disk(200_000):
            for number in range(20):  # more than may be large at one time
                with pytest.raises(
                    FetchError, match="temporary file for the document cannot be written"
                ) as error:
                    await fetcher.fetch(make.feed(url=web.url(f"/{number}")), UNKNOWN)
                assert not error.value.connection
            small = await fetcher.fetch(make.feed(url=web.url("/small")), UNKNOWN)
        assert isinstance(small, Fetched)
        assert small.body.read() == b"<rss/>"
        answer = await fetcher.fetch(make.feed(url=web.url("/again")), UNKNOWN)
        assert isinstance(answer, Fetched)
        answer.release()
        await asyncio.sleep(0)
        assert len(list(Path("/proc/self/fd").iterdir())) <= files + 2
