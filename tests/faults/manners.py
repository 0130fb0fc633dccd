"""Faults of status codes, and the manners that servers expect: validators, Retry-After, cookies, pauses."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

from tests.faults.fault import MAX_BACKOFF, Played, Respond, add, fault, numbers
from tests.faults.server import Visit

_KIND = "manners"
_OLD = "Tue, 24 Nov 2026 08:00:00 GMT"


def _unchanging(*validators: tuple[str, str], answers_304: bool = True) -> Respond:
    """Answer with one entry and these validators, then with 304 whatever was sent back: that is judged."""

    async def respond(visit: Visit) -> None:
        if visit.number > 1 and answers_304:
            await visit.answer(b"", "304 Not Modified", content_type="", headers=validators)
        else:
            await visit.answer(visit.rss(1), headers=validators)

    return respond


for _etag, _date in [
    ('"plain"', _OLD),
    ('"a-gzip"', ""),
    ('W/"weak"', _OLD),
    ('un quoted "x" \\ y', ""),
    ("", "Sun, 31 Feb 2026 25:00:00 PST"),
    ("", "0"),
    ("", "tuesday"),
    ('""', ""),
    ('"' + "e" * 1000 + '"', ""),
    ("a, b, *", _OLD),
]:
    _given = tuple((name, value) for name, value in (("ETag", _etag), ("Last-Modified", _date)) if value)
    _name = f"validators {_etag[:20]} {_date}".strip()
    add(_KIND, _name, _unchanging(*_given), is_quick=_etag == '"plain"')

add(_KIND, "an ETag that is not ASCII", _unchanging(("ETag", '"\xe9\xff"'), answers_304=False))
add(_KIND, "an ETag with a tab", _unchanging(("ETag", '"a\tb"'), answers_304=False))
add(_KIND, "an ETag, and 200 with the same bytes each time", _unchanging(("ETag", '"x"'), answers_304=False))


@fault(_KIND, "a 304 that brings a new ETag", is_quick=True)
async def _(visit: Visit) -> None:
    status = "200 OK" if visit.number == 1 else "304 Not Modified"
    headers = [("ETag", f'"v{visit.number}"'), ("Last-Modified", _OLD)]
    await visit.answer(visit.rss(1) if visit.number == 1 else b"", status, headers=headers)


@fault(_KIND, "another ETag with each 200, the same document")
async def _(visit: Visit) -> None:
    await visit.answer(
        visit.rss(1),
        headers=[
            ("ETag", f'"v{visit.number}"'),
            ("Last-Modified", f"Tue, 24 Nov 2026 08:00:{visit.number:02} GMT"),
        ],
    )


@fault(_KIND, "a 200 without the validators that the one before had", delivers=numbers(1, 2))
async def _(visit: Visit) -> None:
    headers = [("ETag", '"x"'), ("Last-Modified", _OLD)] if visit.number % 2 else []
    await visit.answer(visit.rss(*range(1, min(visit.number, 2) + 1)), headers=headers)


@fault(_KIND, "304 to the first requests, then a feed", fails=True)
async def _(visit: Visit) -> None:
    if visit.number <= 3:
        await visit.answer(b"", "304 Not Modified", is_good=False, headers=[("ETag", '"never"')])
    else:
        await visit.feed(visit.rss(1))


@fault(_KIND, "a 304 with a body and a length")
async def _(visit: Visit) -> None:
    if visit.number == 1:
        await visit.answer(visit.rss(1), headers=[("ETag", '"1"')])
    else:
        await visit.answer(visit.rss(2), "304 Not Modified", headers=[("ETag", '"1"')])


def _next_poll_within(hours: float) -> object:
    def check(played: Played) -> Iterator[str]:
        for event in played.events:
            if event["event"] in ("polled", "poll-failed"):
                wait = datetime.fromisoformat(str(event["next"])) - datetime.now(UTC)
                if wait > timedelta(hours=hours):
                    yield f"put off by {wait}"

    return check


@fault(_KIND, "max-age of 16 years", check=_next_poll_within(5.6))
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1), pause=3600, headers=[("Cache-Control", "public, max-age=504576000")])


@fault(_KIND, "max-age of 8 s")
async def _(visit: Visit) -> None:
    await visit.answer(
        visit.rss(1), pause=8, headers=[("Cache-Control", "private,Max-Age=8 , must-revalidate")]
    )


@fault(_KIND, "max-age of 8 s in quotes")
async def _(visit: Visit) -> None:
    await visit.answer(visit.rss(1), pause=8, headers=[("Cache-Control", 'max-age="8"')])


@fault(_KIND, "two Cache-Control headers, the second with max-age")
async def _(visit: Visit) -> None:
    await visit.answer(
        visit.rss(1), pause=8, headers=[("Cache-Control", "public"), ("Cache-Control", "max-age=8")]
    )


@fault(_KIND, "max-age that is no number, and Expires in 2099", delivers=numbers(1, 2))
async def _(visit: Visit) -> None:
    headers = [("Cache-Control", "max-age=banana, max-age=-1"), ("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")]
    await visit.answer(visit.rss(*range(1, min(visit.number, 2) + 1)), headers=headers)


def _failing(
    status: str,
    *,
    times: int = 0,
    pause: float = 0.0,
    headers: Sequence[tuple[str, str]] = (),
    body: str = "",
) -> Respond:
    """Answer with this status, after `times` with the feed."""

    async def respond(visit: Visit) -> None:
        if times and visit.number > times:
            await visit.feed(visit.rss(1))
        else:
            await visit.answer(
                body, status, content_type="text/html", is_good=False, pause=pause, headers=headers
            )

    return respond


add(_KIND, "429 without Retry-After, empty", _failing("429 Too Many Requests", times=2), fails=True)
add(
    _KIND,
    "429 with Retry-After: 7",
    _failing("429 x", times=1, pause=7, headers=[("Retry-After", "7")]),
    fails=True,
)
add(
    _KIND,
    "503 with Retry-After: 5, twice",
    _failing("503 x", times=2, pause=5, headers=[("Retry-After", "5")]),
    fails=True,
)
add(
    _KIND,
    "403 with Retry-After: 6",
    _failing("403 x", times=1, pause=6, headers=[("Retry-After", "6")]),
    fails=True,
)
add(
    _KIND,
    "503 with Retry-After: 99999999999999999999",
    _failing("503 x", pause=3600, headers=[("Retry-After", "9" * 20)]),
    always_fails=True,
    pauses=True,
    check=_next_poll_within(27),
)
add(_KIND, "503 with Retry-After: -5", _failing("503 x", headers=[("Retry-After", "-5")]), always_fails=True)
add(
    _KIND,
    "503 with Retry-After: soon",
    _failing("503 x", headers=[("Retry-After", "soon")]),
    always_fails=True,
)
add(
    _KIND,
    "503 with Retry-After in the year 1",
    _failing("503 x", headers=[("Retry-After", "Mon, 01 Jan 0001 00:00:00 GMT")]),
    always_fails=True,
)
for _status in ("400", "401", "402", "404", "418", "500", "502", "504", "520", "599", "203", "206", "300"):
    add(
        _KIND,
        f"{_status} each time",
        _failing(f"{_status} x", body="<html>no</html>"),
        always_fails=True,
        is_quick=_status == "404",
    )
add(
    _KIND, "204 No Content each time", _failing("204 No Content"), always_fails=True, fails=None, pauses=False
)
add(
    _KIND,
    "403 with cf-mitigated: challenge",
    _failing("403 x", headers=[("cf-mitigated", "challenge")], body="<html>AI FORBIDDEN</html>"),
    always_fails=True,
)
add(
    _KIND,
    "401 that asks for a password",
    _failing("401 x", headers=[("WWW-Authenticate", 'Basic realm="x"')]),
    always_fails=True,
)
add(
    _KIND,
    "407 from a server that is no proxy",
    _failing("407 x", headers=[("Proxy-Authenticate", "Basic")]),
    always_fails=True,
)


def _gone(played: Played) -> Iterator[str]:
    gaps = [later.at - earlier.at for earlier, later in pairwise(played.records)]
    if any(gap < MAX_BACKOFF for gap in gaps):
        yield f"asked again after {min(gaps):.1f} s"


add(_KIND, "410 Gone", _failing("410 Gone"), always_fails=True, check=_gone)


@fault(_KIND, "a Retry-After date", fails=True)
async def _(visit: Visit) -> None:
    if visit.number == 1:
        at = datetime.now(UTC) + timedelta(seconds=7)
        headers = [("Retry-After", format_datetime(at, usegmt=True))]
        await visit.answer(b"", "503 x", is_good=False, pause=5.9, headers=headers)
    else:
        await visit.feed(visit.rss(1))


@fault(_KIND, "500, 502, 503, 504 in turn, then the feed", fails=True)
async def _(visit: Visit) -> None:
    if visit.number <= 4:
        await visit.answer(b"no", f"{(500, 502, 503, 504)[visit.number - 1]} x", is_good=False)
    else:
        await visit.feed(visit.rss(1))


@fault(_KIND, "Set-Cookie with every answer", is_quick=True)
async def _(visit: Visit) -> None:
    cookies = [("Set-Cookie", "session=1; Path=/"), ("Set-Cookie", "track=2; Max-Age=99999999")]
    await visit.answer(visit.rss(1), headers=cookies)


def _between(
    bad: str,
    *,
    status: str = "200 OK",
    content_type: str = "application/rss+xml",
    fails: bool | None = True,
    name: str,
) -> None:
    """Declare: a feed, then twice `bad` with an ETag of its own, then the feed with one more entry."""

    async def respond(visit: Visit) -> None:
        if visit.number in (2, 3):
            await visit.answer(
                bad, status, content_type=content_type, is_good=fails is False, headers=[("ETag", '"bad"')]
            )
        else:
            await visit.feed(visit.rss(1) if visit.number == 1 else visit.rss(1, 2))

    add(_KIND, name, respond, delivers=numbers(1, 2), fails=fails)


_PAGE = "<!doctype html><html><title>AI FORBIDDEN login</title><form>AI FORBIDDEN</form></html>"
_between(_PAGE, content_type="text/html", name="a feed, then a login page, then the feed")
_between(_PAGE, name="a feed, then a captcha said to be RSS, then the feed")
_between("", name="a feed, then an empty body with a new ETag, then the feed")
_between("   \n", name="a feed, then white space, then the feed")
_between(
    "<rss version='2.0'><channel><title>x</title></channel></rss>",
    fails=False,
    name="a feed, then one without items, then the feed",
)
_between("", status="204 No Content", fails=None, name="a feed, then 204 with a new ETag, then the feed")
_between("<rss", status="206 Partial Content", name="a feed, then 206 with a new ETag, then the feed")
_between("Database error", content_type="text/plain", name="a feed, then a line of text, then the feed")
_between("{}", content_type="application/json", name="a feed, then JSON, then the feed")


@fault(_KIND, "an answer that is cut, with a new ETag, then the feed", delivers=numbers(1, 2), fails=True)
async def _(visit: Visit) -> None:
    if visit.number == 2:
        await visit.answer(
            visit.rss(1, 2), is_good=False, headers=[("ETag", '"cut"'), ("Content-Length", "9999")]
        )
    else:
        await visit.feed(visit.rss(1) if visit.number == 1 else visit.rss(1, 2))


@fault(
    _KIND,
    "a document cut in its second item, with an ETag, then whole",
    delivers=numbers(1, 2, 3),
    fails=None,
    is_conditional=False,
)
async def _(visit: Visit) -> None:
    whole = visit.rss(1, 2, 3)
    if visit.number == 1:
        await visit.answer(whole[: whole.index(visit.token(2)) - 5], headers=[("ETag", '"same"')])
    elif visit.record.header("If-None-Match") == '"same"':
        await visit.answer(b"", "304 Not Modified")
    else:
        await visit.answer(whole, headers=[("ETag", '"same"')])


@fault(_KIND, "ttl, skipHours, skipDays and sy:updatePeriod that are odd", delivers=numbers(1, 2))
async def _(visit: Visit) -> None:
    odd = "<ttl>-1</ttl><skipHours><hour>banana</hour><hour>0</hour></skipHours><skipDays><day>Monday</day></skipDays>"
    odd += "<sy:updatePeriod xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>yearly</sy:updatePeriod>"
    await visit.feed(visit.rss(*range(1, min(visit.number, 2) + 1)).replace("<item>", f"{odd}<item>", 1))


@fault(_KIND, "a ttl of 99999999999999999999", delivers=numbers(1, 2))
async def _(visit: Visit) -> None:
    shown = visit.rss(*range(1, min(visit.number, 2) + 1))
    await visit.feed(shown.replace("<item>", f"<ttl>{'9' * 20}</ttl><item>", 1))


@fault(_KIND, "a Date header in the year 2099", is_quick=True)
async def _(visit: Visit) -> None:
    await visit.answer(
        visit.rss(1), headers=[("Date", "Thu, 01 Jan 2099 00:00:00 GMT"), ("Age", "99999999999999")]
    )


def _few_at_once(played: Played) -> Iterator[str]:
    if played.most_open > 2:
        yield f"{played.most_open} connections to one host at one time"


async def _slow(visit: Visit) -> None:
    await asyncio.sleep(0.5)
    await visit.feed(visit.rss(1))


for _number in range(1, 9):
    add(
        _KIND,
        f"feed {_number} of eight on one host, each answer takes 0.5 s",
        _slow,
        host="eight",
        path=f"/feed{_number}",
        check=_few_at_once,
    )
