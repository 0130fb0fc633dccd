"""Documents in real processes that parse."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.feeds.body import Body
from monitor.feeds.parser_pool import ParserPool
from monitor.model.feeds import ParsedFeed
from tests import make
from tests.parsing import parse_here

# Not plain, so that it is not read within this process.
DOCUMENT = make.rss("大模型降价", "天气转凉").replace(b"<rss", b"<!DOCTYPE rss><rss", 1)
# Each element has a few attributes less than what is cut: a second or more of the parser's time.
SLOW = (
    b"<rss version='2.0'><channel><title>x</title>"
    + b"".join(
        b"<item><title>%d</title><x %s/></item>"
        % (item, b" ".join(b"a%d='1'" % number for number in range(60)))
        for item in range(4000)
    )
    + b"</channel></rss>"
)


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool(deadline=0.3) as pool:
        yield pool


async def parse(pool: ParserPool, document: bytes = DOCUMENT) -> ParsedFeed:
    with Body(document) as body:
        return await pool.parse(body, feed=make.feed(), now=make.NOW, content_type="text/xml")


async def test_a_document_is_read_as_in_this_process(pool: ParserPool) -> None:
    here = await parse_here(Body(DOCUMENT), feed=make.feed(), now=make.NOW, content_type="text/xml")
    assert await parse(pool) == here


async def test_what_is_no_feed_is_refused_and_the_parser_goes_on(pool: ParserPool) -> None:
    with pytest.raises(ParseError, match="web page") as refused:
        await parse(pool, b"<html><body>hello</body></html>")
    assert not refused.value.broke_parser
    assert len((await parse(pool)).entries) == 2


async def test_a_document_that_takes_long_ends_its_parser_and_nothing_else(pool: ParserPool) -> None:
    with pytest.raises(ParseError, match="busy for more than") as broken:
        await parse(pool, SLOW)
    assert broken.value.broke_parser
    assert len((await parse(pool)).entries) == 2


async def test_a_document_that_takes_too_much_memory_is_refused() -> None:
    async with ParserPool(memory=10_000_000) as pool:
        with pytest.raises(ParseError, match="memory") as broken:
            await parse(pool, SLOW)
        assert broken.value.broke_parser
        assert len((await parse(pool)).entries) == 2


async def test_documents_that_take_long_hold_up_no_other() -> None:
    async with ParserPool(deadline=60) as pool:
        slow = [asyncio.create_task(parse(pool, SLOW)) for _ in range(2)]
        await asyncio.sleep(0)
        assert len((await asyncio.wait_for(parse(pool), 5)).entries) == 2
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.wait(slow)


async def test_a_parser_that_was_killed_is_replaced(pool: ParserPool) -> None:
    await parse(pool)
    (process,) = processes(pool)
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ParseError, match="it has ended"):
        await parse(pool)
    assert len((await parse(pool)).entries) == 2


async def test_a_signal_to_all_processes_of_the_service_breaks_no_document_off(pool: ParserPool) -> None:
    await parse(pool)
    (process,) = processes(pool)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(process, number)
    await parse(pool)
    assert processes(pool) == [process]


async def test_a_cancelled_task_leaves_no_process_behind() -> None:
    async with ParserPool() as pool:
        before = set(children())
        task = asyncio.create_task(parse(pool, SLOW))
        while not (running := set(children()) - before):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not running & set(children())


async def test_a_closed_pool_has_no_process() -> None:
    async with ParserPool() as pool:
        await parse(pool)
        (process,) = processes(pool)
    assert process not in children()


def processes(pool: ParserPool) -> list[int]:
    return [parser.process.pid for parser in pool._idle]


def children() -> list[int]:
    """Return the processes that this one has started and that still are, as Linux lists them."""
    return [
        int(number)
        for task in Path("/proc/self/task").iterdir()
        for number in (task / "children").read_text("ascii").split()
    ]
