"""Faults of identity and time: which entries are the same, and which are news."""

from collections.abc import Iterator

from tests.faults.fault import Document, Played, document, fault, item, numbers, rss
from tests.faults.server import Visit

_KIND, _TIME = "identity", "time"


@document(_KIND, "items without guid", delivers=numbers(1, 2), is_quick=True)
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link=visit.link(n)) for n in (1, 2)))


@document(_KIND, "items without guid and link", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n)) for n in (1, 2)))


@document(_KIND, "items without guid, link and title", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    return rss(*(item("", more=f"<description>{visit.title(n)}</description>") for n in (1, 2)))


@document(_KIND, "guids that are empty, white, '0', or missing", delivers=numbers(1, 2, 3, 4, 5))
def _(visit: Visit) -> str:
    guids = ["<guid></guid>", "<guid/>", "<guid>   </guid>", "<guid>0</guid>"]
    return rss(
        "<item/>", *(item(visit.title(n), more=guid) for n, guid in enumerate(guids, 1)), item(visit.title(5))
    )


@document(_KIND, "the same item twice in one document", is_quick=True)
def _(visit: Visit) -> str:
    return visit.rss(1, 1)


@document(_KIND, "different items that all carry one guid", delivers=numbers(1, 2, 3))
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link=visit.link(n), guid="https://x.test/") for n in (1, 2, 3)))


@document(_KIND, "different items that all carry one guid and link", delivers=numbers(1, 2, 3))
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link="https://x.test/", guid="https://x.test/") for n in (1, 2, 3)))


@document(_KIND, "different guids, one link", delivers=numbers(1, 2, 3))
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link="https://x.test/", guid=f"g{n}") for n in (1, 2, 3)))


def _changing(*documents: Document) -> Document:
    """Return what serves the first document at the first request, ..., the last one from then on."""

    def make(visit: Visit) -> str | bytes:
        return documents[min(visit.number, len(documents)) - 1](visit)

    return make


def _with_scheme(scheme: str) -> Document:
    return lambda visit: str(visit.rss(1, 2)).replace("https://", scheme)


document(_KIND, "all guids and links move from http to https", delivers=numbers(1, 2))(
    _changing(_with_scheme("http://"), _with_scheme("https://"))
)
document(_KIND, "and from https to http", delivers=numbers(1, 2))(
    _changing(_with_scheme("https://"), _with_scheme("http://"))
)


for _parameter in (
    "utm_campaign",
    "fbclid",
    "gclid",
    "PHPSESSID",
    "jsessionid",
    "at_medium",
    "spm",
):

    @fault(_KIND, f"no guid; links get a new {_parameter} with every poll")
    async def _(visit: Visit, parameter: str = _parameter) -> None:
        await visit.answer(rss(item(visit.title(1), link=f"{visit.link(1)}?a=1&{parameter}=x{visit.number}")))


@fault(_KIND, "the guid stays, title and text are edited with every poll")
async def _(visit: Visit) -> None:
    await visit.answer(
        rss(
            visit.item(
                1, f"{visit.title(1)} edit {visit.number}", f"<description>{visit.number}</description>"
            )
        )
    )


@fault(
    _KIND,
    "the guid is another one with every poll, the link stays",
    delivers=numbers(),
    may_deliver=numbers(1),
)
async def _(visit: Visit) -> None:
    await visit.answer(rss(item(visit.title(1), link=visit.link(1), guid=f"random-{visit.number}")))


@document(_KIND, "guid and link of 100 KB")
def _(visit: Visit) -> str:
    long = "x" * 100_000
    return rss(item(visit.title(1), link=f"https://example.org/{long}", guid=f"data:text/plain,{long}"))


@document(_KIND, "guids with line breaks, tabs and leading blanks", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    guid = "\n\t a\r\nBcc: evil@example.org\r\n\r\nb"
    return rss(*(item(visit.title(n), link=visit.link(n), guid=f"{guid}{n}\n") for n in (1, 2)))


@document(_KIND, "guids that differ in case and a slash only", delivers=numbers(1, 2, 3))
def _(visit: Visit) -> str:
    guids = ["https://x.test/A", "https://x.test/a", "https://x.test/a/"]
    return rss(*(item(visit.title(n), link=visit.link(n), guid=guid) for n, guid in enumerate(guids, 1)))


for _feed in ("A", "B"):

    @document(
        _KIND,
        f"feed {_feed} shares guid and link with the other: one mail for both, or one each",
        delivers=numbers(),
        may_deliver=numbers(1),
    )
    def _(visit: Visit) -> str:
        return rss(
            item(visit.title(1), link="https://shared.example.org/1", guid="https://shared.example.org/1")
        )

    @document(_KIND, f"feed {_feed} uses guid '1' for its own")
    def _(visit: Visit) -> str:
        return rss(item(visit.title(1), link=visit.link(1), guid="1"))


@fault(
    _KIND,
    "two servers behind a balancer alternate: one is behind",
    delivers=numbers(1, 2, 3, 4, 5),
    is_quick=True,
)
async def _(visit: Visit) -> None:
    await visit.feed(visit.rss(5, 4, 3, 2, 1) if visit.number % 2 else visit.rss(3, 2, 1))


@fault(_KIND, "an entry is withdrawn for some polls and shown again", delivers=numbers(1, 2))
async def _(visit: Visit) -> None:
    await visit.feed(visit.rss(1) if 2 <= visit.number <= 5 else visit.rss(1, 2))


def _few_mails(played: Played) -> Iterator[str]:
    if played.mails > 4:
        yield f"{played.mails} mails"


@fault(
    _KIND,
    "from poll 3 on 500 entries from years ago stand below",
    may_deliver=frozenset(range(2, 502)),
    check=_few_mails,
)
async def _(visit: Visit) -> None:
    old = [
        item(visit.title(n), link=visit.link(n), date="Tue, 03 Mar 2015 08:00:00 GMT") for n in range(2, 502)
    ]
    await visit.feed(rss(visit.item(1), *(old if visit.number >= 3 else [])))


def _said_to_be_faster(played: Played) -> Iterator[str]:
    if not any("missed" in str(event) or "faster" in str(event) for event in played.events):
        yield "nobody is told that the feed is faster than the polls"


@fault(
    _KIND,
    "shows the newest two of ever more entries",
    delivers=numbers(1, 2, 11, 12, 21, 22),
    may_deliver=frozenset(range(23, 999)),
    check=_said_to_be_faster,
)
async def _(visit: Visit) -> None:
    await visit.feed(visit.rss(10 * visit.number - 8, 10 * visit.number - 9))


@document(_KIND, "rel=next leads to ever more pages")
def _(visit: Visit) -> str:
    number = int(visit.path.partition("?page=")[2] or 1)
    address = f"{visit.base}/feed?page={number + 1}"
    following = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="next" href="{address}"/>'
    return rss(visit.item(number), channel=f"<title>x</title>{following}")


# --- time -----------------------------------------------------------------------------------------


@document(_TIME, "no dates anywhere", delivers=numbers(1, 2), is_quick=True, first_visit="3d")
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link=visit.link(n), date="") for n in (1, 2)))


@fault(
    _TIME,
    "entries dated 2099 and an hour ahead, later a normal one",
    delivers=numbers(1, 2, 3),
    first_visit="3d",
)
async def _(visit: Visit) -> None:
    dates = [
        "Thu, 01 Jan 2099 00:00:00 GMT",
        "Sat, 28 Nov 2026 23:00:00 GMT",
        "Sat, 28 Nov 2026 08:00:00 GMT",
    ]
    shown = [item(visit.title(n), link=visit.link(n), date=date) for n, date in enumerate(dates, 1)]
    await visit.feed(rss(*(shown if visit.number > 1 else shown[:2])))


@fault(_TIME, "a new entry older than everything seen", delivers=numbers(1, 2), first_visit="3d")
async def _(visit: Visit) -> None:
    old = item(visit.title(2), link=visit.link(2), date="Tue, 03 Mar 2015 08:00:00 GMT")
    await visit.feed(
        rss(item(visit.title(1), link=visit.link(1), date=""), *([old] if visit.number > 1 else []))
    )


_DATES = (
    "Sat, 28 Nov 2026 08:00:00 PST",
    "Sat, 28 Nov 2026 08:00:00 EDT",
    "Sat, 28 Nov 2026 08:00:00 UT",
    "Sat, 28 Nov 2026 08:00:00 +9999",
    "Sat, 28 Nov 2026 08:00:00 -0000",
    "2026-11-28T08:00:00Z+00:00",
    "Sat, 28 Nov 2026 08:00:00 GMT+2",
    "Sat, 28 Nov 2026 08:00:00",
    "Sun, 29 Mar 2026 02:30:00 +0100",
    "Tue, 30 Jun 2026 23:59:60 GMT",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "-1",
    "1795852800",
    "99999999999999999999999999",
    "2026-W48-6",
    "28/11/26",
    "2026年11月28日",
    "Sat, 99 Nov 2026 99:99:99 +0000",
    "now",
    "١٢:٣٤",
    "2026-11-28T08:00:00.123456789123456789+99:99",
)


@document(_TIME, "dates of every odd shape", delivers=frozenset(range(1, len(_DATES) + 1)), is_quick=True)
def _(visit: Visit) -> str:
    return rss(*(item(visit.title(n), link=visit.link(n), date=date) for n, date in enumerate(_DATES, 1)))


@fault(_TIME, "the date of an entry is another one with every poll")
async def _(visit: Visit) -> None:
    date = f"Tue, 24 Nov 2026 08:{visit.number % 60:02}:00 GMT"
    await visit.answer(rss(item(visit.title(1), link=visit.link(1), guid=visit.link(1), date=date)))
