"""Faults of redirects, and redirects, links and names that lead to private addresses."""

import asyncio
from collections.abc import Iterator

from tests.faults.fault import Played, Respond, add, document, fault, numbers, rss
from tests.faults.server import Visit

_KIND, _SSRF = "redirects", "ssrf"
_EITHER = {"delivers": numbers(), "may_deliver": numbers(1), "fails": None, "is_conditional": False}


def _to(location: str, status: int = 302) -> Respond:
    """Redirect the feed; what it leads to on the same server has one entry. {canary} and {base} are filled in."""

    async def respond(visit: Visit) -> None:
        if visit.path == "/feed":
            target = location.replace("{canary}", visit.canary).replace("{base}", visit.base)
            target = target.replace("{port}", visit.canary.partition(":")[2])
            target = target.replace("{host}", visit.base.partition("//")[2])
            await visit.answer(b"", f"{status} Elsewhere", is_good=False, headers=[("Location", target)])
        else:
            await visit.feed(visit.rss(1))

    return respond


def _asks_first_url(played: Played) -> Iterator[str]:
    firsts = sum(record.path == "/feed" for record in played.records)
    if len(played.records) > 2 and firsts * 2 < len(played.records) - 1:
        yield f"only {firsts} of {len(played.records)} requests asked the url of the configuration"


for _status in (301, 302, 303, 307, 308):
    _check = _asks_first_url if _status in (302, 303, 307) else lambda _played: iter(())
    add(
        _KIND,
        f"{_status} to another path, always",
        _to("/elsewhere", _status),
        is_conditional=False,
        check=_check,
        is_quick=_status == 302,
    )

add(_KIND, "302 without Location", _to(""), always_fails=True)
add(_KIND, "Location: elsewhere?x=1#frag", _to("elsewhere?x=1#frag"), is_conditional=False)
add(
    _KIND,
    "a Location with blanks and Chinese",
    _to("/else where/\xe4\xb8\xad"),
    is_conditional=False,
    fails=None,
    delivers=numbers(),
    may_deliver=numbers(1),
)
add(_KIND, "a Location of 100 KB", _to("/" + "x" * 100_000), always_fails=True)
add(
    _KIND,
    "a Location of 60 KB",
    _to("/" + "x" * 60_000),
    is_conditional=False,
    fails=None,
    delivers=numbers(),
    may_deliver=numbers(1),
)
add(_KIND, "a Location with CR LF escaped", _to("/%0d%0aX-Evil:%201"), is_conditional=False)
add(_KIND, "to itself, for ever", _to("/feed"), always_fails=True, pauses=False)
for _scheme in (
    "file:///etc/hostname",
    "ftp://{host}/x",
    "javascript:alert(1)",
    "data:text/xml,x",
    "http://",
    "//",
    "http://[::1",
    "http://{host}:99999/",
):
    add(_KIND, f"to {_scheme}", _to(_scheme), always_fails=True, is_quick=_scheme.startswith("file"))
add(_KIND, "to http:///x, which has no host", _to("http:///x"), **_EITHER)
add(_KIND, "to a Refresh header and page, not a Location", _to("{base}/x", 200), always_fails=True)
add(
    _KIND,
    "with a password in it",
    _to("http://user:secret@{host}/x"),
    is_conditional=False,
    fails=None,
    delivers=numbers(),
    may_deliver=numbers(1),
)


def _at_most_eleven(played: Played) -> Iterator[str]:
    polls = sum(event["event"] == "poll-failed" for event in played.events)
    if len(played.records) > 11 * (polls + 1):
        yield f"{len(played.records)} requests in {polls} polls"


@fault(_KIND, "a new url with every hop, for ever", always_fails=True, pauses=False, check=_at_most_eleven)
async def _(visit: Visit) -> None:
    await visit.answer(b"", "302 x", is_good=False, headers=[("Location", f"{visit.path}x")])


@fault(_KIND, "each hop takes 1.2 s", always_fails=True)
async def _(visit: Visit) -> None:
    await asyncio.sleep(1.2)
    await visit.answer(b"", "302 x", is_good=False, headers=[("Location", f"{visit.path}x")])


@fault(
    _KIND,
    "to one path, then to another that has the same ETag and one more entry",
    is_conditional=False,
    delivers=numbers(1, 2),
)
async def _(visit: Visit) -> None:
    if visit.path == "/feed":
        await visit.answer(
            b"", "302 x", is_good=False, headers=[("Location", "/one" if visit.number == 1 else "/two")]
        )
    elif visit.record.header("If-None-Match") == '"1"':
        await visit.answer(b"", "304 Not Modified", headers=[("ETag", '"1"')])
    else:
        await visit.answer(
            visit.rss(1) if visit.path == "/one" else visit.rss(1, 2), headers=[("ETag", '"1"')]
        )


def _no_tag_of_another_url(played: Played) -> Iterator[str]:
    given: dict[str, set[str]] = {}
    for record in played.records:
        tag = record.header("If-None-Match")
        if tag and tag not in given.get(record.path, set()):
            yield f"{record.path} was sent an ETag that it never gave"
            return
        given.setdefault(record.path, set()).add(record.etag)


add(
    _KIND,
    "what the target gave as ETag is the target's alone",
    _to("/elsewhere"),
    is_conditional=False,
    check=_no_tag_of_another_url,
)

# --- private addresses ----------------------------------------------------------------------------

for _target in (
    "http://{canary}/x",
    "http://127.0.0.1:{port}/x",
    "http://2130706433:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://0x7f.1:{port}/x",
    "http://127.1:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://0:{port}/x",
    "http://[::1]:{port}/x",
    "http://[::]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[::ffff:7f00:1]:{port}/x",
    "http://[64:ff9b::7f00:1]:{port}/x",
    "http://[::127.0.0.1]:{port}/x",
    "http://[2002:7f00:1::]:{port}/x",
    "http://[fe80::1%25lo]:{port}/x",
    "http://localhost:{port}/x",
    "http://localhost.:{port}/x",
    "http://LOCALHOST:{port}/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/x",
    "http://192.168.0.1/x",
    "http://224.0.0.1/x",
    "http://255.255.255.255/x",
    "http://{host}@{canary}/x",
    "http://{canary}\\@{host}/x",
    "http://{canary}#@{host}/x",
    "//{canary}/x",
    "\\\\{canary}/x",
    "http://\xe2\x93\x97\xe2\x93\x9e.{canary}/x",
    "http://127。99。0。1:{port}/x".encode().decode("latin-1"),
):
    add(_SSRF, f"302 to {_target}", _to(_target), always_fails=True, is_quick="2130706433" in _target)


@fault(_SSRF, "private at the third hop", always_fails=True)
async def _(visit: Visit) -> None:
    hops = {"/feed": "/2", "/2": "/3", "/3": f"http://{visit.canary}/x"}
    await visit.answer(b"", "302 x", is_good=False, headers=[("Location", hops[visit.path])])


@document(_SSRF, "a feed full of private addresses", is_quick=True)
def _(visit: Visit) -> str:
    to = f"http://{visit.canary}"
    channel = (
        f"<title>x</title><link>{to}/</link><image><url>{to}/i.png</url></image><icon>{to}/f.ico</icon>"
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="{to}/hub"/>'
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="{to}/self"/>'
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="next" href="{to}/next"/>'
        f'<cloud domain="{visit.canary}" port="80" path="/" registerProcedure="x" protocol="xml-rpc"/>'
        f'<itunes:new-feed-url xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">{to}/new</itunes:new-feed-url>'
    )
    more = (
        f'<enclosure url="{to}/a.mp3" length="1" type="audio/mpeg"/><comments>{to}/c</comments>'
        f"<description>&lt;img src='{to}/p.png'&gt;&lt;iframe src='{to}/f'&gt;</description>"
    )
    return rss(visit.item(1, more=more), channel=channel)


@document(_SSRF, "xml:base and a base href on a private address")
def _(visit: Visit) -> str:
    text = visit.rss(1).replace("<channel>", f'<channel xml:base="http://{visit.canary}/">')
    return text.replace("</title><link>", f"</title><base href='http://{visit.canary}/'/><link>", 1)
