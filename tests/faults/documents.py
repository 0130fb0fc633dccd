"""Faults of XML: entities, depth, width, what is cut off or misplaced."""

from tests.faults.fault import document, numbers, rss
from tests.faults.server import Visit

_KIND = "xml"


@document(
    _KIND,
    "an external entity that names a private address",
    delivers=numbers(),
    may_deliver=numbers(1),
    fails=None,
    is_quick=True,
)
def _(visit: Visit) -> str:
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e SYSTEM "http://{visit.canary}/e">]>'
    return rss(visit.item(1, more="<description>&e;</description>"), head=head)


@document(
    _KIND, "an external entity that names a file", delivers=numbers(), may_deliver=numbers(1), fails=None
)
def _(visit: Visit) -> str:
    head = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    return rss(visit.item(1, more="<description>&e;</description>"), head=head)


@document(_KIND, "an external DTD and a parameter entity on a private address")
def _(visit: Visit) -> str:
    head = (
        f'<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        f'"http://{visit.canary}/rss-0.91.dtd" [<!ENTITY % p SYSTEM "http://{visit.canary}/p"> %p;]>'
    )
    return rss(visit.item(1), head=head)


@document(_KIND, "a billion laughs", delivers=numbers(), may_deliver=numbers(1), fails=None)
def _(visit: Visit) -> str:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "ha">{laughs}]>'
    return rss(visit.item(1, more="<description>&l9;</description>"), head=head)


@document(_KIND, "an xml-stylesheet and XInclude on a private address")
def _(visit: Visit) -> str:
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="http://{visit.canary}/i"/>'
    return rss(
        visit.item(1, more=include),
        head=f'<?xml version="1.0"?><?xml-stylesheet href="http://{visit.canary}/s"?>',
    )


@document(
    _KIND, "100,000 nested elements in a description", delivers=numbers(2), may_deliver=numbers(1), fails=None
)
def _(visit: Visit) -> str:
    deep = "<div>" * 100_000 + "x" + "</div>" * 100_000
    return rss(visit.item(2), visit.item(1, more=f"<description>{deep}</description>"))


@document(_KIND, "100,000 nested elements, escaped", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    deep = "&lt;div&gt;" * 100_000
    return rss(visit.item(2), visit.item(1, more=f"<description>{deep}</description>"))


@document(
    _KIND, "one element with 100,000 attributes", delivers=numbers(), may_deliver=numbers(1, 2), fails=None
)
def _(visit: Visit) -> str:
    wide = "<x " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>"
    return rss(visit.item(2), visit.item(1, more=wide))


@document(_KIND, "20,000 entries", delivers=numbers(1))
def _(visit: Visit) -> str:
    other = "".join(
        f"<item><title>other {n}</title><pubDate>Tue, 03 Nov 2026 08:00:00 GMT</pubDate></item>"
        for n in range(20_000)
    )
    return rss(visit.item(1), other)


@document(
    _KIND,
    "cut off in the middle of the second item",
    is_whole=False,
    delivers=numbers(1),
    fails=None,
    is_quick=True,
)
def _(visit: Visit) -> str:
    return visit.rss(1, 2).partition(visit.token(2))[0]


@document(
    _KIND,
    "cut off in the middle of a character",
    is_whole=False,
    delivers=numbers(1),
    may_deliver=numbers(2),
    fails=None,
)
def _(visit: Visit) -> bytes:
    text = rss(visit.item(1), visit.item(2, more="<description>机器</description>"))
    return text.encode().partition("器".encode())[0] + "器".encode()[:1]


@document(_KIND, "comments and text after </rss>", is_quick=True)
def _(visit: Visit) -> str:
    return visit.rss(1) + "<!-- made in 0.01 s --> that is all <b>"


@document(_KIND, "blank lines and a warning before the declaration")
def _(visit: Visit) -> str:
    return "\n\n<br />Warning: it is slow today\n" + visit.rss(1)


@document(_KIND, "unescaped ampersands in titles and links", is_quick=True)
def _(visit: Visit) -> str:
    return (
        visit.rss(1)
        .replace(visit.title(1), f"{visit.title(1)} R&D & more")
        .replace("org/", "org/?a=1&b=2&c=")
    )


@document(
    _KIND, "CDATA with ]]> inside, split, in titles and guids", shows=("a]]&gt;b c-",), delivers=numbers(1, 2)
)
def _(visit: Visit) -> str:
    first = visit.item(1).replace(visit.title(1), f"<![CDATA[{visit.title(1)} a]]]]><![CDATA[>b c-]]>")
    link = visit.link(2)
    return rss(first, visit.item(2).replace(f"<guid>{link}", f"<guid><![CDATA[ {link} ]]>"))


@document(_KIND, "CDATA in CDATA", shows=(), delivers=numbers(1))
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="<description><![CDATA[<![CDATA[ text ]]&gt;]]></description>"))


@document(_KIND, "HTML entities that XML does not know", shows=("café – “x”",))
def _(visit: Visit) -> str:
    return visit.rss(1).replace(
        visit.title(1), f"{visit.title(1)} caf&eacute; &ndash; &ldquo;x&rdquo; &nosuch;"
    )


@document(_KIND, "<rss> without <channel>", always_fails=True)
def _(visit: Visit) -> str:
    return '<?xml version="1.0"?><rss version="2.0"></rss>'


@document(_KIND, "items outside the channel", is_quick=True)
def _(visit: Visit) -> str:
    return f'<rss version="2.0"><channel><title>x</title></channel>{visit.item(1)}</rss>'


@document(_KIND, "an item in an item", delivers=numbers(), may_deliver=numbers(1, 2), fails=None)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more=visit.item(2)))


@document(_KIND, "unclosed elements", delivers=numbers(1), may_deliver=numbers(2), fails=None)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="<description>a<b>c"), visit.item(2)).replace("</item>", "")


@document(_KIND, "an unknown namespace prefix")
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="<dc:creator>someone</dc:creator><foo:bar baz:x='1'/>"))


@document(
    _KIND, "10,000 namespaces", is_conditional=False, delivers=numbers(), may_deliver=numbers(1), fails=None
)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="".join(f"<n{n}:x xmlns:n{n}='u{n}'>1</n{n}:x>" for n in range(10_000))))


@document(_KIND, "a million '<'", delivers=numbers(), may_deliver=numbers(1), fails=None)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="<" * 1_000_000))


@document(_KIND, "300,000 openings of a comment", delivers=numbers(), may_deliver=numbers(1), fails=None)
def _(visit: Visit) -> str:
    return rss(visit.item(1, more="<!--" * 300_000))


@document(_KIND, "elements in capitals", delivers=numbers(), may_deliver=numbers(1), fails=None)
def _(visit: Visit) -> str:
    return visit.rss(1).replace("<item>", "<ITEM>").replace("</item>", "</ITEM>")


@document(_KIND, "an OPML document", always_fails=True, content_type="text/x-opml")
def _(visit: Visit) -> str:
    return f'<opml version="2.0"><body><outline text="{visit.title(1)}" xmlUrl="http://{visit.canary}/"/></body></opml>'


@document(_KIND, "an SVG picture with a script", always_fails=True, content_type="image/svg+xml")
def _(visit: Visit) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><title>{visit.title(1)}</title><script>alert(1)</script></svg>'


@document(
    _KIND,
    "a JSON feed",
    delivers=numbers(),
    may_deliver=numbers(1),
    fails=None,
    is_conditional=False,
    content_type="application/feed+json",
)
def _(visit: Visit) -> str:
    items = f'[{{"id": "1", "title": "{visit.title(1)}"}}]'
    return f'{{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": {items}}}'


@document(_KIND, "a picture", always_fails=True, content_type="image/png")
def _(visit: Visit) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
