import pytest

from monitor.digests.links import foreign_host, shown_host, web_link

FEED = "https://rss.example.org/news.xml"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "//evil.example.org/",
        "https://example.org/a b",
        "https://example.org/\nhttps://evil.example.org/",
        'https://example.org/"onclick=x',
        "https://example.org/" + "a" * 3000,
        "https://[::1/",
        "https:///path",
        "https://ａ..b/",
        "",
    ],
)
def test_what_is_no_web_address_is_no_link(address: str) -> None:
    assert web_link(address, FEED) == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/路径?a=1&b=2#c",
        "http://example.org/en",
        "https://新闻.中国:8443/1",
        "https://8.8.8.8/",
    ],
)
def test_web_addresses_are_links(address: str) -> None:
    assert web_link(address, FEED) == address


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "192.168.1.1", "10.0.0.8:8080", "[::1]", "[fe80::1]", "169.254.169.254"),
        *("2130706433", "0x7f.1", "router", "nas.local", "wiki.corp", "a.internal", "me@192.168.1.1"),
    ],
)
def test_a_link_into_a_private_network_is_none(host: str) -> None:
    assert web_link(f"http://{host}/reboot?now=1", FEED) == ""


@pytest.mark.parametrize("host", ["192.168.1.20:1200", "wiki"])
def test_a_private_feed_may_link_to_its_own_host(host: str) -> None:
    assert web_link(f"http://{host}/entry", f"http://{host}/feed") == f"http://{host}/entry"
    assert web_link("http://192.168.1.1/entry", f"http://{host}/feed") == ""


def test_a_user_name_that_poses_as_the_host_is_taken_off() -> None:
    assert (
        web_link("https://cn.nytimes.com@evil.example.net:8443/a", FEED) == "https://evil.example.net:8443/a"
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("example.org", "example.org"),
        ("新闻.中国", "新闻.中国"),
        ("xn--fiqs8s", "中国"),
        ("аррӏе.com", "xn--80ak6aa92e.com"),
        ("раypal.com", "xn--ypal-43d9g.com"),
        ("google新闻.com", "xn--google-891mo403a.com"),
        ("xn--zzzzzzzz-.com", "xn--zzzzzzzz-.com"),
    ],
)
def test_a_host_that_looks_like_another_is_shown_as_it_is_looked_up(written: str, shown: str) -> None:
    assert shown_host(written) == shown


def test_a_look_alike_is_so_in_the_link_as_well() -> None:
    assert web_link("https://аррӏе.com:444/a?b#c", FEED) == "https://xn--80ak6aa92e.com:444/a?b#c"


@pytest.mark.parametrize(
    ("link", "feed", "host"),
    [
        ("https://www.example.org/1", FEED, ""),
        ("https://example.org/1", FEED, ""),
        ("https://example.net/1", FEED, "example.net"),
        ("https://www.evil.net/1", FEED, "evil.net"),
        ("https://m.paper.com.cn/1", "https://rss.paper.com.cn/", ""),
        ("https://other.com.cn/1", "https://rss.paper.com.cn/", "other.com.cn"),
        ("https://news.web.de/1", "https://web.de/feed", ""),
        ("https://b.github.io/1", "https://a.github.io/feed", "b.github.io"),
        ("https://8.8.8.8/1", "https://8.8.4.4/", "8.8.8.8"),
        ("http://127.0.0.1:9/1", "http://127.0.0.1:8/feed", ""),
        ("https://аррӏе.com/1", "https://apple.com/", "xn--80ak6aa92e.com"),
        ("https://xn--fiqs8s.cn/1", "https://中国.cn/feed", ""),
        ("", FEED, ""),
        ("https://example.net/1", "demo", "example.net"),
    ],
)
def test_the_host_is_told_where_a_link_leaves_the_feeds_site(link: str, feed: str, host: str) -> None:
    assert foreign_host(link, feed) == host
