"""Lists of feeds in OPML: whatever they hold, what is read is bounded, and what is written can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.options import Feed
from monitor.editing import opml
from monitor.editing.opml import as_opml, read_opml
from monitor.errors import MonitorError


def outline(url: str) -> str:
    return f'<outline text="a" xmlUrl="{url}"/>'


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_written_is_read_again(name: str, path: str) -> None:
    printable = "".join(filter(str.isprintable, name))
    feed = Feed(name=printable, url="https://a.test/" + "".join(filter(str.isalnum, path)) + "?a=1&b=<2>")
    (read,) = read_opml(as_opml([feed], "list").encode())
    assert (read.title, read.url) == (" ".join(printable.split()), feed.url)


def test_an_ampersand_that_begins_no_reference_is_understood() -> None:
    document = f"<opml>{outline('https://a.test/?a=1&b=2&amp;c=&#51;&lt')}</opml>"
    assert read_opml(document.encode())[0].url == "https://a.test/?a=1&b=2&c=3&lt"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://",
        "https://a.test/ b",
        "ftp://a.test/",
        "https://a.test/" + "a" * 3000,
        "http://127.0.0.1:99999/",
        "http://@/",
        "http://:80/",
        "http://a.test:0/",
        "http://a.test:b/",
        "http://[::1/",
    ],
)
def test_an_address_that_cannot_be_asked_is_marked(url: str) -> None:
    assert not read_opml(f"<opml>{outline(url)}</opml>".encode())[0].is_good


def test_names_of_elements_and_attributes_are_read_as_others_write_them() -> None:
    document = '<OPML><Body><Outline TITLE="a" XMLURL="https://a.test/"/></Body></OPML>'
    assert read_opml(document.encode())[0].title == "a"


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(MonitorError, match="larger than 20 MB"):
        read_opml(b" " * (opml.LARGEST + 1))


def test_a_list_without_an_end_is_refused() -> None:
    document = "<opml>" + outline("https://a.test/") * 20_001 + "</opml>"
    with pytest.raises(MonitorError, match="more than 20000 feeds"):
        read_opml(document.encode())
