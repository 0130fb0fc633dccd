import json
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ParseError
from monitor.feeds.parse import parse
from monitor.model.feeds import Entry, ParsedFeed
from tests import make

DATA = Path(__file__).parent.parent / "data" / "feeds"
EXPECTED = sorted(DATA.glob("*.json"))


def read(name: str, **about: str) -> ParsedFeed:
    return parse((DATA / f"{name}.xml").read_bytes(), feed=make.feed(), now=make.NOW, **about)


def values(entry: Entry) -> dict[str, Any]:
    """The entry as JSON would have it."""
    return {
        "id": entry.id,
        "title": entry.title,
        "link": entry.link,
        "authors": list(entry.authors),
        "published": entry.published.isoformat() if entry.published else None,
        "sections": list(entry.sections),
        "summary": entry.summary,
        "text": entry.text,
        "original": entry.original,
        "story": entry.story,
    }


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda file: file.stem)
def test_a_document_with_this_trouble_is_read_as_expected(expected: Path) -> None:
    wanted = json.loads(expected.read_text("utf-8"))
    feed = read(expected.stem)
    got = [values(entry) for entry in feed.entries]
    assert len(got) == len(wanted["entries"])
    assert [
        {key: entry[key] for key in some} for entry, some in zip(got, wanted["entries"], strict=True)
    ] == wanted["entries"]
    assert {key: getattr(feed, key) for key in wanted if key != "entries"} == {
        key: value for key, value in wanted.items() if key != "entries"
    }


def test_entries_belong_to_the_feed_and_are_seen_now() -> None:
    (entry,) = parse(make.rss("大模型降价"), feed=make.feed(), now=make.NOW).entries
    assert (entry.feed_url, entry.first_seen) == (make.feed().url, make.NOW)
    assert entry.story.startswith("//news.example.org/"), (
        "other feeds of the site bring it under this address, too"
    )


def test_a_document_and_its_failure_travel_between_processes() -> None:
    feed = parse(make.rss("大模型降价"), feed=make.feed(), now=make.NOW)
    assert pickle.loads(pickle.dumps(feed)) == feed
    error = pickle.loads(pickle.dumps(ParseError("the answer is empty")))
    assert str(error) == "the answer is empty"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "the answer is empty"),
        (b" \r\n", "the answer is empty"),
        (b"<!doctype html><html><head><title>Log in</title></head><body>Log in</body></html>", "a web page"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "not a feed"),
        (b'<?xml version="1.0"?><rss version="2.0"></rss>', "not a feed"),
        (b"SSH-2.0-OpenSSH_9.6", "not a feed"),
        ("<rss><channel><title>\ufffe</channel>".encode("utf-16"), "not a feed"),
        (bytes(range(256)) * 10, "not a feed"),
    ],
)
def test_what_is_no_feed_is_an_error(body: bytes, what: str) -> None:
    with pytest.raises(ParseError, match=what):
        parse(body, feed=make.feed(), now=make.NOW)


def test_a_page_without_html_tags_is_told_by_its_type() -> None:
    with pytest.raises(ParseError, match="a web page"):
        parse(b"<p>Moved</p>", feed=make.feed(), now=make.NOW, content_type="text/html; charset=utf-8")


def test_a_feed_without_items_is_a_good_answer() -> None:
    feed = parse(make.rss(), feed=make.feed(), now=make.NOW)
    assert (feed.title, feed.site_url, feed.entries) == ("示例", "https://news.example.org/", ())


def test_of_very_many_entries_the_newest_are_kept_in_their_order() -> None:
    items = "".join(
        f"<item><title>{number}</title><pubDate>{day:02} Nov 2026 00:00:00 GMT</pubDate></item>"
        for number in range(1100)
        for day in [1 if number < 100 else 2]
    )
    body = f'<rss version="2.0"><channel><title>旧的在前</title>{items}</channel></rss>'.encode()
    titles = [entry.title for entry in parse(body, feed=make.feed(), now=make.NOW).entries]
    assert titles == [str(number) for number in range(100, 1100)]


def test_a_very_long_text_is_cut() -> None:
    body = make.rss("一").replace(b"</item>", f"<description>{'字' * 400_000}</description></item>".encode())
    (entry,) = parse(body, feed=make.feed(), now=make.NOW).entries
    assert len(entry.text) == 200_000


def test_an_id_for_a_picture_is_known_by_its_hash() -> None:
    body = make.rss("一").replace(b"</guid>", b"data:image/png;base64," + b"A" * 100_000 + b"</guid>", 1)
    (entry,) = parse(body, feed=make.feed(), now=make.NOW).entries
    assert entry.id.startswith("sha256:")
    assert len(entry.id) < 100


def test_a_document_that_breaks_the_parser_is_an_error() -> None:
    # feedparser keeps <contributors> as a text, and then wants to add a name to it.
    item = "<item><contributors>x</contributors><contributor><name>某甲</name></contributor></item>"
    body = f'<rss version="2.0"><channel><title>示例</title>{item}</channel></rss>'.encode()
    with pytest.raises(ParseError, match="breaks the parser"):
        parse(body, feed=make.feed(), now=make.NOW)


def test_a_site_whose_link_is_another_place_gives_relative_links_their_host() -> None:
    body = make.rss("一").replace(b"<link>https://news.example.org/%E4%B8%80/</link>", b"<link>/1/</link>")
    (entry,) = parse(body, feed=make.feed(), now=make.NOW).entries
    assert entry.link == "https://news.example.org/1/"


# --- links ---

PAGE = "https://feed.example.org/blog/feed.xml"


def entry_of(item: str, head: str = "", attributes: str = 'version="2.0"', **about: str) -> Entry:
    body = f"<rss {attributes}><channel><title>T</title>{head}<item>{item}</item></channel></rss>"
    (entry,) = parse(body.encode(), feed=make.feed(), now=make.NOW, **about).entries
    return entry


def atom_entry_of(item: str, head: str = "", attributes: str = "", **about: str) -> Entry:
    namespace = 'xmlns="http://www.w3.org/2005/Atom"'
    body = f"<feed {namespace} {attributes}><title>T</title>{head}<entry><id>urn:1</id>{item}</entry></feed>"
    (entry,) = parse(body.encode(), feed=make.feed(), now=make.NOW, **about).entries
    return entry


def test_a_relative_link_counts_from_where_the_redirects_ended() -> None:
    assert atom_entry_of('<link href="p/1"/>', url=PAGE).link == "https://feed.example.org/blog/p/1"
    assert entry_of("<link>p/1</link>", url=PAGE).link == "https://feed.example.org/blog/p/1"
    assert atom_entry_of('<link href="p/1"/>').link == "https://feed.example.org/p/1", (
        "the feed's own address"
    )


def test_a_relative_link_of_atom_does_not_count_from_the_link_of_the_site() -> None:
    site = '<link href="https://news.example.org/"/>'
    assert atom_entry_of('<link href="/1"/>', site, url=PAGE).link == "https://feed.example.org/1"


@pytest.mark.parametrize(
    ("outer", "inner", "link"),
    [
        ("https://news.example.org/a/", "b/", "https://news.example.org/a/b/1"),
        ("/a/", "b/", "https://feed.example.org/a/b/1"),
        ("a/", "https://other.example.org/", "https://other.example.org/1"),
    ],
)
def test_a_base_counts_within_its_element_and_may_be_relative_itself(
    outer: str, inner: str, link: str
) -> None:
    body = f"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{outer}"><title>T</title>
    <entry xml:base="{inner}"><id>urn:1</id><title>1</title><link href="1"/></entry></feed>"""
    (entry,) = parse(body.encode(), feed=make.feed(), now=make.NOW, url=PAGE).entries
    assert entry.link == link


@pytest.mark.parametrize(
    "guid", ["<guid>2024-1</guid>", '<guid isPermaLink="true">x/1</guid>', "<guid>tag:a,1</guid>"]
)
def test_a_guid_that_is_no_address_is_no_link(guid: str) -> None:
    assert entry_of(f"<title>1</title>{guid}").link == ""
    link = entry_of(f"<title>1</title>{guid}<link>/1</link>", url=PAGE).link
    assert link == "https://feed.example.org/1"


def test_a_guid_that_is_an_address_is_the_link_unless_it_says_it_is_none() -> None:
    assert entry_of("<guid>https://a.test/1</guid>").link == "https://a.test/1"
    assert entry_of('<guid isPermaLink="false">https://a.test/1</guid>').link == ""


def test_an_entry_that_is_only_a_file_links_to_the_file() -> None:
    enclosure = '<enclosure url="https://a.test/1.mp3" type="audio/mpeg"/>'
    assert entry_of(f'<guid isPermaLink="false">1</guid>{enclosure}').link == "https://a.test/1.mp3"
    assert entry_of(f"<link>https://a.test/1</link>{enclosure}").link == "https://a.test/1"
    assert (
        atom_entry_of('<link rel="enclosure" href="/1.mp3"/>', url=PAGE).link
        == "https://feed.example.org/1.mp3"
    )
    pdf = '<link rel="alternate" type="application/pdf" href="https://a.test/1.pdf"/>'
    assert atom_entry_of(pdf).link == "https://a.test/1.pdf"


def test_a_link_that_was_broken_into_lines_is_whole() -> None:
    assert entry_of("<link>https://a.test/\n   news/\t1</link>").link == "https://a.test/news/1"


def test_what_is_quoted_in_a_link_stays_quoted() -> None:
    link = "https://a.test/proxy/http%3A%2F%2Fb.test%2F?u=%26"
    assert entry_of(f"<link>{link}</link>").link == link


# --- texts ---

MEDIA = 'version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:m="http://search.yahoo.com/mrss"'


@pytest.mark.parametrize("prefix", ["media", "m"])
def test_the_caption_of_a_picture_is_not_the_article(prefix: str) -> None:
    caption = f"<{prefix}:description type='plain'>图：大模型</{prefix}:description><{prefix}:title>图</{prefix}:title>"
    for item in (
        f"<title>标题</title><description>正文</description>{caption}",
        f"{caption}<description>正文</description><title>标题</title>",
        f"<{prefix}:content url='a'>{caption}</{prefix}:content><title>标题</title><description>正文</description>",
    ):
        entry = entry_of(item, attributes=MEDIA)
        assert (entry.title, entry.summary, entry.text) == ("标题", "正文", "")


def test_the_caption_stands_in_for_a_text_that_is_not_there() -> None:
    caption = "<media:description>说的是\n大模型</media:description><media:title>视频</media:title>"
    entry = entry_of(f"<guid>1</guid><media:group>{caption}</media:group>", attributes=MEDIA)
    assert (entry.title, entry.summary) == ("视频", "说的是\n大模型")
    html = entry_of("<media:description>&lt;p&gt;甲&lt;/p&gt;</media:description>", attributes=MEDIA)
    assert html.summary == "甲"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<figure><img><figcaption>图：<b>大模型</b></figcaption></figure><p>正文</p>", "正文"),
        ("<p>甲</p><FIGCAPTION class='a'>图</FIGCAPTION ><p>乙</p>", "甲\n乙"),
        ("<figure><pre>代码</pre></figure><p>正文</p>", "代码\n正文"),
        ("<figure><figcaption>只有图</figcaption></figure>", "只有图"),
        ("<p>甲</p><figcaption>图", "甲\n图"),
        ('<div class="wp-caption"><img><p class="wp-caption-text">图</p></div><p>正文</p>', "正文"),
        ("<span class='photo caption'>图</span><p>正文</p>", "正文"),
    ],
)
def test_what_stands_below_a_picture_is_left_out_where_there_is_an_article(html: str, text: str) -> None:
    assert entry_of(f"<description><![CDATA[{html}]]></description>").summary == text


def test_a_text_whose_element_lost_its_namespace_is_read() -> None:
    assert entry_of("<title>1</title><encoded>你好</encoded>").summary == "你好"


def test_a_podcast_has_titles_and_texts_of_its_own() -> None:
    itunes = 'version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    entry = entry_of(
        "<itunes:title>第一集</itunes:title><itunes:subtitle>谈大模型</itunes:subtitle>", attributes=itunes
    )
    assert (entry.title, entry.summary) == ("第一集", "谈大模型")
    entry = entry_of(
        "<title>一</title><itunes:summary>谈大模型</itunes:summary><itunes:author>张三</itunes:author>",
        attributes=itunes,
    )
    assert (entry.title, entry.summary, entry.authors) == ("一", "谈大模型", ("张三",))


@pytest.mark.parametrize(
    "author",
    [
        "editor@news.example (张三)",
        "editor@news.example 张三",
        "张三 &lt;editor@news.example&gt;",
        "张三",
        "mailto:a@b.cn(张三)",
    ],
)
def test_an_author_has_the_name_without_the_address(author: str) -> None:
    assert entry_of(f"<title>1</title><author>{author}</author>").authors == ("张三",)


def test_an_address_alone_is_no_name() -> None:
    assert entry_of("<title>1</title><author>editor@news.example.com</author>").authors == ()


# --- dates ---


def published(date: str, title: str = "AI", language: str = "") -> str:
    body = f"""<rss version="2.0"><channel><title>T</title><language>{language}</language>
    <item><title>{title}</title><guid isPermaLink="false">1</guid>{date}</item></channel></rss>"""
    (entry,) = parse(body.encode(), feed=make.feed(), now=make.NOW).entries
    return entry.published.strftime("%Y-%m-%d %H:%M") if entry.published else "none"


def test_a_date_without_a_zone_is_in_that_of_the_feed() -> None:
    date = "<pubDate>2024-05-01 08:00:00</pubDate>"
    assert published(date) == "2024-05-01 08:00"
    assert published(date, language="zh-cn") == "2024-05-01 00:00"
    assert published(date, title="人工智能新闻") == "2024-05-01 00:00"


def test_an_empty_date_does_not_hide_another() -> None:
    assert published("<pubDate>2024-05-01T00:00:00Z</pubDate><pubDate/>") == "2024-05-01 00:00"
    assert published("<pubDate>soon</pubDate><updated>2024-05-01T00:00:00Z</updated>") == "2024-05-01 00:00"


def test_a_date_ahead_is_the_time_of_arrival() -> None:
    assert published("<pubDate>Tue, 24 Nov 2026 05:00:00 GMT</pubDate>") == "2026-11-24 00:00"
    assert published("<pubDate>Tue, 24 Nov 2026 08:00:00 CST</pubDate>", language="zh") == "2026-11-24 00:00"


def test_beijings_clock_that_is_called_gmt_is_put_right_and_makes_no_other_entry() -> None:
    body = """<rss version="2.0"><channel><title>新闻</title>
    <item><title>新</title><pubDate>Tue, 24 Nov 2026 07:30:00 GMT</pubDate></item>
    <item><title>旧</title><pubDate>Mon, 23 Nov 2026 20:00:00 GMT</pubDate></item></channel></rss>""".encode()
    now = parse(body, feed=make.feed(), now=make.NOW).entries
    later = parse(body, feed=make.feed(), now=make.NOW + timedelta(days=1)).entries
    assert [entry.published for entry in now] == [
        make.NOW - timedelta(minutes=30),
        make.NOW - timedelta(hours=12),
    ]
    assert [entry.id for entry in now] == [entry.id for entry in later]


# --- what is no feed ---


def test_a_web_page_is_named_with_the_feeds_it_links_to() -> None:
    page = """<!doctype html><html><head><title>首页</title><base href="https://news.example.org/a/">
    <link rel=stylesheet type="text/css" href="a.css"><link rel="alternate" hreflang="en" href="/en">
    <LINK type='application/rss+xml' title="a > b" rel='alternate' href='feed.xml?a=1&amp;b=2'>
    <link rel="alternate" type="application/atom+xml" href="/atom.xml">
    <link rel="alternate" type="application/json" href="/wp-json/posts/1">
    <link rel="alternate home" type="application/feed+json" href="//news.example.org/feed.json">
    <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
    <link rel="alternate" type="application/rss+xml" href="/4"></head><body>AI</body></html>"""
    with pytest.raises(ParseError) as raised:
        parse(page.encode(), feed=make.feed(), now=make.NOW, url=PAGE)
    assert str(raised.value) == (
        "the answer is a web page, not a feed. It links to https://news.example.org/a/feed.xml?a=1&b=2, "
        "https://news.example.org/atom.xml, https://news.example.org/feed.json"
    )
