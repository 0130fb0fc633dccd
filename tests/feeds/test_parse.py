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


@pytest.mark.parametrize(
    ("ttl", "wanted"),
    [
        ("30", timedelta(minutes=30)),
        ("0", None),
        ("-1", None),
        ("banana", None),
        ("9" * 20, None),
        ("", None),
    ],
)
def test_the_feeds_wish_for_a_pause_is_minutes_or_nothing(ttl: str, wanted: timedelta | None) -> None:
    body = make.rss("一").replace(b"<item>", f"<ttl>{ttl}</ttl><item>".encode(), 1)
    assert parse(body, feed=make.feed(), now=make.NOW).ttl == wanted


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
