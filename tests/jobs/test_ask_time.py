from datetime import datetime, timedelta

import pytest

from monitor.config.options import Feed
from monitor.errors import FetchError
from monitor.jobs.ask_time import servers_agree
from tests import make
from tests.fakes import FakeClock

NOW, DAY = make.NOW, timedelta(days=1)


class Servers:
    """Answers with the time that is set for a host, and keeps which were asked."""

    def __init__(self, **times: datetime | FetchError | None) -> None:
        self.asked: list[str] = []
        self._times = times

    async def __call__(self, feed: Feed) -> datetime | None:
        self.asked.append(feed.url)
        answer = self._times[feed.url.split("/")[2].split(".")[0]]
        if isinstance(answer, FetchError):
            raise answer
        return answer


def feeds(*names: str) -> list[Feed]:
    return [make.feed(name, url=f"https://{name}.example.org/rss") for name in names]


async def agree(servers: Servers, *names: str) -> bool:
    return await servers_agree(feeds(*names), ask=servers, clock=FakeClock(NOW))


async def test_two_hosts_that_agree_are_believed_whatever_the_others_say() -> None:
    servers = Servers(a=NOW - timedelta(minutes=4), b=FetchError("away"), c=NOW + 9 * DAY, d=NOW, e=None)
    assert await agree(servers, "a", "b", "c", "d", "e")


@pytest.mark.parametrize("other", [NOW + DAY, NOW - timedelta(minutes=6), None, FetchError("away")])
async def test_one_of_two_hosts_is_not_enough(other: datetime | FetchError | None) -> None:
    assert not await agree(Servers(a=NOW, b=other), "a", "b")


async def test_a_single_host_is_asked_twice() -> None:
    servers = Servers(a=NOW)
    one_host = [*feeds("a"), make.feed("other", url="https://a.example.org/other")]
    assert await servers_agree(one_host, ask=servers, clock=FakeClock(NOW))
    assert servers.asked == ["https://a.example.org/rss"] * 2
    assert not await agree(Servers(a=NOW + DAY), "a")


async def test_of_many_hosts_the_first_few_are_asked() -> None:
    names = [f"h{number}" for number in range(20)]
    servers = Servers(**dict.fromkeys(names, NOW + DAY))
    assert not await agree(servers, *names)
    assert servers.asked == [feed.url for feed in feeds(*names[:5])]


async def test_without_a_feed_nobody_agrees() -> None:
    assert not await agree(Servers())
