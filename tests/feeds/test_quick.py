"""A plain document is read without feedparser as with it: feedparser is the reference."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.parse import parse
from monitor.feeds.quick import parse_plain
from monitor.model.feeds import ParsedFeed
from tests import make

_NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
_LINK = "<link>https://a.example/1</link>"
_DATE = "<pubDate>Tue, 24 Nov 2026 08:00:00 +0800</pubDate>"


def rss(items: str, head: str = "<title>新闻</title><link>https://a.example/</link>") -> str:
    channel = f'<rss version="2.0" {_NAMESPACES}><channel>{head}{items}</channel></rss>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{channel}'


def atom(entries: str, head: str = '<title>新闻</title><link href="https://a.example/"/>') -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="zh">{head}{entries}</feed>'


def quickly(document: str, content_type: str = "") -> ParsedFeed | None:
    parsed = parse_plain(document.encode(), feed=make.feed(), now=make.NOW, content_type=content_type)
    return parsed and replace(parsed, entries=tuple(map(parsed.complete, parsed.entries)))


def by_feedparser(document: str) -> ParsedFeed:
    return parse(document.encode(), feed=make.feed(), now=make.NOW)


PLAIN = [
    rss(""),
    rss(f"<item>{_LINK}</item>"),
    rss(
        f"<item><title>大模型降价</title>{_LINK}<guid>x</guid><pubDate>Tue, 24 Nov 2026 08:00:00 +0800</pubDate></item>"
    ),
    rss(
        f"<item><title> a\n b </title>{_LINK}<description>一 &lt;b&gt;粗&lt;/b&gt; &amp;amp; 二</description></item>"
    ),
    rss(f"<item><title>R&amp;amp;D &amp;#8217; &amp;nosuch; &amp;copy;</title>{_LINK}</item>"),
    rss(f"<item><title>R&amp;D; AT&amp;T</title>{_LINK}<description/></item>"),
    rss(
        f"<item>{_LINK}<description><![CDATA[<p>甲</p>]]></description><content:encoded><![CDATA[<p>乙</p><p>丙</p>]]>"
        "</content:encoded></item>"
    ),
    rss(
        f"<item>{_LINK}<content:encoded>&lt;p&gt;乙&lt;/p&gt;</content:encoded><description>甲</description></item>"
    ),
    rss(f"<item>{_LINK}<content:encoded>&lt;p&gt;乙&lt;/p&gt;</content:encoded></item>"),
    rss(
        f"<item>{_LINK}<category>科技</category><category>科技</category><category domain='d'>科技</category>"
        "<category domain='d'></category><category/><category>AI</category></item>"
    ),
    rss(f"<item>{_LINK}<dc:creator>张三, 李四</dc:creator></item><item>{_LINK}<author>王五</author></item>"),
    rss(
        f"<item>{_LINK}<comments>https://a.example/c</comments><slash:comments>3</slash:comments>"
        "<source url='u'>源</source><enclosure url='https://a.example/a.mp3'/><media:thumbnail url='x'/>"
        "<media:content url='y' medium='image'/></item>"
    ),
    rss(
        "<item><link>https://a.example/?a=1&amp;b=2&amp;amp;c;</link><guid isPermaLink='false'>7</guid></item>"
    ),
    rss("<item><link>/relative?utm_source=x</link></item>" * 2),
    rss(f"<item><title>甲</title>{_LINK}</item><item><title>乙</title>{_LINK}</item>"),
    rss(
        f"<item>{_LINK}</item>",
        "<title>源</title><link>a.html</link><language>zh-cn</language><ttl>60</ttl><generator>G 1</generator>"
        "<image><url>u</url><title>图</title><link>l</link></image><atom:link rel='self' href='https://a.example/f'/>"
        "<description>说</description><lastBuildDate>Tue, 24 Nov 2026 08:00:00 GMT</lastBuildDate>",
    ),
    atom(""),
    atom(
        '<entry><title type="html">A &amp;amp; B &lt;i&gt;c&lt;/i&gt;</title><link href="https://a.example/1"/><id>urn:1</id>'
        "<published>2026-11-24T08:00:00+08:00</published><updated>2026-11-24T09:00:00Z</updated>"
        "<author><name>张三</name><uri>https://a.example/z</uri></author><author><name>李四</name></author>"
        '<category term="科技" label="科学技术"/><summary>摘要 &lt;不是标签&gt;</summary>'
        '<content type="html">&lt;p&gt;正文&lt;/p&gt;</content></entry>'
    ),
    atom(
        "<entry><id>https://a.example/9</id><content>纯文本 &lt;b&gt;\n第二行</content><title>甲</title>"
        '<link rel="alternate" type="text/html" href="/1"/><link rel="replies" href="/2"/></entry>'
    ),
]

ODD = [
    rss("<item><title>没有链接</title><guid>https://a.example/1</guid></item>"),
    rss(f"<item><title>有 <b>标签</b></title>{_LINK}</item>"),
    rss(f"<item><title>有 &lt;b&gt;标签&lt;/b&gt;</title>{_LINK}</item>"),
    rss(f"<item>{_LINK}<title>甲</title><title>乙</title></item>"),
    rss(f"<item>{_LINK}<itunes:author>张三</itunes:author></item>"),
    rss(f"<item>{_LINK}<dc:creator>a@b.example (张三)</dc:creator></item>"),
    rss(f"<item>{_LINK}<media:content url='x'><media:title>图</media:title></media:content></item>"),
    rss(f"<item>{_LINK}<unknown/></item>"),
    rss(f"<item>{_LINK}<x:unknown/></item>"),
    rss(f"<item>{_LINK}<description>it&#146;s</description></item>"),
    rss(f"<item>{_LINK}<description>Ã©</description></item>"),
    rss(f"<item>{_LINK}<description>a</item>"),
    rss(f"<item>{_LINK}</item>").replace("UTF-8", "GBK"),
    rss(f"<item>{_LINK}</item>").replace('version="2.0"', 'version="0.91"'),
    "<!DOCTYPE rss>" + rss(f"<item>{_LINK}</item>"),
    atom(
        '<entry><link href="a"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a</div></content></entry>'
    ),
    atom('<entry xml:base="https://b.example/"><link href="a"/></entry>'),
    atom('<entry><link href="a"/><link href="b"/></entry>'),
    "<html><body>hello</body></html>",
    "",
]


@pytest.mark.parametrize("document", PLAIN)
def test_a_plain_document_is_read_as_by_feedparser(document: str) -> None:
    assert quickly(document) == by_feedparser(document)


@pytest.mark.parametrize("document", ODD)
def test_what_is_odd_is_left_to_feedparser(document: str) -> None:
    assert quickly(document) is None


def test_another_charset_in_the_header_is_left_to_feedparser() -> None:
    assert quickly(PLAIN[1], "text/xml; charset=gbk") is None
    assert quickly(PLAIN[1], "text/xml; charset=utf-8") is not None


def test_the_publishers_we_know_are_left_to_feedparser() -> None:
    item = "<item><title>甲</title><link>https://cn.nytimes.com/technology/20261124/deepseek/</link></item>"
    assert quickly(rss(item)) is None


def test_the_entries_come_without_their_texts_until_one_is_wanted() -> None:
    parsed = parse_plain(PLAIN[6].encode(), feed=make.feed(), now=make.NOW)
    assert parsed
    (entry,) = parsed.entries
    assert (entry.summary, entry.text) == ("", "")
    assert (parsed.complete(entry).summary, parsed.complete(entry).text) == ("甲", "乙\n丙")


_TEXTS = st.sampled_from(
    (
        *(
            "",
            " ",
            "大模型",
            "a &amp; b",
            "&amp;lt;i&amp;gt;",
            "&lt;p&gt;x&lt;/p&gt;",
            "<![CDATA[<p>y</p>]]>",
            "&#8217;",
        ),
        *(
            "&amp;#8217;",
            "2026-11-24T08:00:00Z",
            "Tue, 24 Nov 2026 08:00:00 +0800",
            "https://a.example/1?a=1&amp;b",
        ),
        *("urn:x", "a, b", "é", "\u200b"),
    )
)
_RSS_TAGS = st.sampled_from(
    (
        *(
            "title",
            "link",
            "guid",
            "pubDate",
            "description",
            "author",
            "dc:creator",
            "category",
            "content:encoded",
        ),
        *("comments", "dc:date", "dc:subject", "source"),
    )
)
_ATOM_TAGS = st.sampled_from(
    ["title", "id", "published", "updated", "summary", "content", "rights", "author"]
)


@given(st.lists(st.lists(st.tuples(_RSS_TAGS, _TEXTS), max_size=7), max_size=3))
def test_any_item_of_rss_is_read_as_by_feedparser_or_not_at_all(items: list[list[tuple[str, str]]]) -> None:
    document = rss("".join(f"<item>{_LINK}{_elements(item)}</item>" for item in items))
    read = quickly(document)
    assert read is None or read == by_feedparser(document)


@given(st.lists(st.lists(st.tuples(_ATOM_TAGS, _TEXTS), max_size=6), max_size=3))
def test_any_entry_of_atom_is_read_as_by_feedparser_or_not_at_all(items: list[list[tuple[str, str]]]) -> None:
    document = atom("".join(f'<entry><link href="/1"/>{_elements(item)}</entry>' for item in items))
    read = quickly(document)
    assert read is None or read == by_feedparser(document)


def _elements(item: list[tuple[str, str]]) -> str:
    return "".join(f"<{tag}>{text}</{tag}>" for tag, text in item)
