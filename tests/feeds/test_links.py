import pytest

from monitor.feeds.links import (
    absolute,
    canonical,
    is_plain,
    request_address,
    spellings,
    split_address,
    without_scheme,
    without_tracking,
)

BASE = "https://news.example.org/list/"


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://a.test/1?x=1&y=2#top", "https://a.test/1?x=1&y=2#top"),
        ("http://a.test", "http://a.test"),
        ("1.html", "https://news.example.org/list/1.html"),
        ("/1?a=b", "https://news.example.org/1?a=b"),
        ("//cdn.test/1", "https://cdn.test/1"),
        ("", ""),
        ("  ", ""),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)", ""),
        ("data:text/html,<b>", ""),
        ("vbscript:x", ""),
        ("file:///etc/passwd", ""),
        ("ftp://a.test/", ""),
        ("http:///path", ""),
        ("https://[::1", ""),
        ("https://good.test@evil.test/", "https://evil.test/"),
        ("https://good.test:80@evil.test:8080/", "https://evil.test:8080/"),
        ("https://evil.test\\@good.test/", ""),
        ('https://a.test/"><script> {x}|`\\', "https://a.test/%22%3E%3Cscript%3E%20%7Bx%7D%7C%60%5C"),
        ("https://a.test/中文?词=值", "https://a.test/中文?词=值"),
        ("https://a.test/\u202ea\u2028b", "https://a.test/%E2%80%AEa%E2%80%A8b"),
        ("https://a.test/" + "x" * 2000, ""),
    ],
)
def test_a_link_is_of_the_web_and_whole_or_it_is_none(link: str, wanted: str) -> None:
    assert absolute(link, BASE) == wanted


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://a.test/1?utm_source=RSS", "https://a.test/1"),
        ("https://a.test/1?id=7&UTM_medium=x&p=%20a&fbclid=1#top", "https://a.test/1?id=7&p=%20a#top"),
        ("https://a.test/1?spm=a.b&spmx=1&gclid", "https://a.test/1?spmx=1"),
        ("https://a.test/1?", "https://a.test/1"),
        ("https://a.test/1#a?utm_source=x", "https://a.test/1#a?utm_source=x"),
        ("https://a.test/1?b=2&a=1", "https://a.test/1?b=2&a=1"),
        ("", ""),
    ],
)
def test_only_what_tracks_the_reader_is_taken_off_a_link(link: str, wanted: str) -> None:
    assert without_tracking(link) == wanted


@pytest.mark.parametrize(
    ("link", "host", "path"),
    [
        ("https://a.test/1?x", "a.test", "/1"),
        ("0", None, "0"),
        ("http://[::1", None, ""),
        ("https://a\u2100b.test/1", None, ""),
        ("", None, ""),
    ],
)
def test_anything_can_be_asked_for_its_host_and_path(link: str, host: str | None, path: str) -> None:
    assert (split_address(link).hostname, split_address(link).path) == (host, path)


def test_a_link_without_its_scheme_is_the_same_for_both() -> None:
    assert without_scheme("http://a.test/1") == without_scheme("HTTPS://a.test/1") == "//a.test/1"


def test_a_link_takes_no_parameter_and_no_login_from_its_feed() -> None:
    base = "https://me:secret@news.example.org/rss?token=secret"
    for link in ("#a", "?b=1", "/c", "d"):
        assert "secret" not in absolute(link, base)
    assert absolute("#a", base) == "https://news.example.org/rss#a"


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://www.a.test/News/1/", "//a.test/News/1"),
        ("http://A.test:80/1", "//a.test/1"),
        ("https://a.test:8443/1", "//a.test:8443/1"),
        ("https://[2001:db8::1]:8080/1", "//2001:db8::1:8080/1"),
        ("https://m.a.test/1", "//a.test/1"),
        ("https://mobile.a.test/1", "//a.test/1"),
        ("https://amp.a.test/1.html", "//a.test/1.html"),
        ("https://a.test/1/amp/", "//a.test/1"),
        ("https://a.test/1.amp.html", "//a.test/1.html"),
        ("https://a.test/1?outputType=amp", "//a.test/1"),
        ("https://a.test/1?amp", "//a.test/1"),
        ("https://m.test/1", "//m.test/1"),
        ("https://www.test/1", "//test/1"),
        ("https://a.test/1?utm_source=x&b=2&a=1&&f=rss#comments", "//a.test/1?a=1&b=2"),
        ("https://a.test/1?f=7", "//a.test/1?f=7"),
        ("https://a.test/中文", "//a.test/%E4%B8%AD%E6%96%87"),
        ("https://a.test/%e4%b8%ad文", "//a.test/%E4%B8%AD%E6%96%87"),
        ("https://a.test/?p=1", "//a.test?p=1"),
        ("https://a.test/#/article/1", "//a.test#/article/1"),
        ("https://a.test/#!1", "//a.test#!1"),
        ("https://a.test/", ""),
        ("https://a.test/index.html?utm_source=x#news", ""),
        ("https://a.test", ""),
        ("https://a.test/index/1", "//a.test/index/1"),
        ("", ""),
        ("mailto:a@a.test", ""),
    ],
)
def test_all_addresses_of_an_article_have_one_form(link: str, wanted: str) -> None:
    assert canonical(link) == wanted


def test_an_address_is_spelled_with_either_scheme_with_www_and_without() -> None:
    wanted = {f"{scheme}://{www}a.test/1" for scheme in ("http", "https") for www in ("", "www.")}
    assert set(spellings("http://www.a.test/1")) == set(spellings("https://a.test/1")) == wanted


@pytest.mark.parametrize(
    "address", ["https://a.test/rss", "http://a.test:8080/~b/(1),2.xml?a=1&b=c+d", "http://127.0.0.1/a//b:c"]
)
def test_a_plain_address_is_requested_as_it_is_written(address: str) -> None:
    assert is_plain(address)
    host = address.split("/")[2].partition(":")[0]
    assert request_address(address, host) == address


@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://a.test",
            "https://a.test/a b",
            "https://a.test/../b",
            "https://a.test/%2f",
            "https://A.test/",
        ),
        *("https://a.test/#b", "https://u:p@a.test/", "https://a.test/新", "https://[::1]/", "ftp://a.test/"),
    ],
)
def test_any_other_address_is_not_plain(address: str) -> None:
    assert not is_plain(address)


@pytest.mark.parametrize("host", ["a.test", "www.a.test", "m.a.test", "www.m.a.b.test"])
@pytest.mark.parametrize(
    "path",
    ["/", "/1.html", "/index.html", "/a/home/", "/amp", "/a/amp/", "/a.amp", "/a.amp.html", "/(a),b:c/"],
)
def test_a_simple_link_has_the_canonical_address_that_any_other_way_to_write_it_has(
    host: str, path: str
) -> None:
    assert canonical(f"https://{host}{path}") == canonical(f"https://{host}{path}#part")
