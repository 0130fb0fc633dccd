import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bs4 import Tag

from monitor.digests.render import digest_renderer
from monitor.digests.room import LARGEST, LARGEST_TEXT
from monitor.jobs.compose import mails_to
from monitor.mail.message import MailingList
from monitor.model.digests import Watched
from monitor.model.feeds import FeedHealth
from monitor.model.rules import PendingEntry
from tests.digests.issue import RICH, SUMMARY, WATCHED, digest, parts_of, rendered, soup, waits, words
from tests.make import NOW, entry, hit, match, rule

FEED = "https://feed.example.org/rss"

# From the public caniemail tables: what Gmail, Outlook or Yahoo drop or mangle.
DENIED_TAGS = re.compile(
    "script|style|link|form|input|button|svg|video|audio|i?frame|object|embed|base|picture"
    "|header|footer|main|section|article|nav|img"
)
DENIED_CSS = re.compile(
    r"flex|grid|gap|position|float|var\(|calc|clamp|\drem|\dem|vw|rgba|hsl|box-shadow|background-image|url\("
    r"|object-fit|overflow|display|opacity|visibility|@import|@font-face|transform|animation"
)
ALLOWED_CSS = re.compile(
    "margin(-top)?|padding|background|color|font-(family|size|weight)|line-height|text-decoration"
    "|word-break|border-top|width|max-width"
)


def is_denied(tag: Tag) -> bool:
    return bool(DENIED_TAGS.fullmatch(tag.name))


def styles(html: str) -> list[str]:
    return [str(tag["style"]) for tag in soup(html).find_all(style=True)]


@pytest.fixture(scope="module")
def html() -> str:
    feeds = (*WATCHED.feeds, ("远方新闻", FeedHealth.FAILING), ("新来的源", FeedHealth.UNVISITED))
    long = [
        waits(f"第 {n} 条", seq=n + 10, summary=SUMMARY, published=NOW - timedelta(days=2)) for n in range(70)
    ]
    return rendered(*RICH, *long, watched=Watched(feeds=feeds, entries=41)).html


def test_the_html_uses_only_what_mail_programs_can_do(html: str) -> None:
    page = soup(html)
    assert page.head
    assert page.body
    assert page.body.find_all(is_denied) == []
    for style in styles(html):
        assert not DENIED_CSS.search(style), style
        assert all(ALLOWED_CSS.fullmatch(rule.split(":")[0]) for rule in style.split(";")), style
    assert not DENIED_CSS.search("".join(style.get_text() for style in page.find_all("style")))
    assert "data:" not in re.sub("<style.*</style>", "", html, flags=re.DOTALL)


def test_nothing_is_hidden_and_no_type_is_smaller_than_12(html: str) -> None:
    sizes = [int(size) for size in re.findall(r"font-size:(\d+)px", html)]
    assert set(sizes) == {24, 19, 16, 13, 12}
    assert {int(height) for height in re.findall(r"line-height:(\d+)px", html)} == {34, 29, 27, 21, 19}


def test_the_html_reads_without_its_style_element(html: str) -> None:
    page = soup(html)
    for name in ("h1", "h2", "h3", "p"):
        assert all("font-size" in str(tag.get("style")) for tag in page.find_all(name))
    assert all("background:#fae6a0" in str(tag["style"]) for tag in page.find_all(class_="mk"))


def test_what_cannot_be_inlined_stays_in_the_style_element(html: str) -> None:
    (style,) = soup(html).find_all("style")
    assert re.findall(r"@media ([^{]+) \{", style.get_text()) == [
        "screen",
        "(max-width: 480px)",
        "(prefers-color-scheme: dark)",
    ]
    for colour in ("#0f0f0e", "#161615", "#e9e6e1", "#a8a49d", "#8db7ea", "#51430f"):
        assert colour in style.get_text()


def test_the_html_is_fit_for_a_screen_reader(html: str) -> None:
    page = soup(html)
    assert html.lower().startswith("<!doctype html>")
    assert page.title
    assert page.title.get_text() == "开源大模型的重心正在转移 等 72 条 · AI 日报 · 11月24日".replace(
        " ", "\u00a0"
    )
    assert all(table["role"] == "presentation" for table in page.find_all("table"))
    (article,) = page.find_all(role="article")
    assert (article["aria-label"], article["dir"]) == ("AI 日报", "ltr")
    levels = [int(tag.name[1]) for tag in page.find_all(["h1", "h2", "h3"])]
    assert levels[:3] == [1, 2, 3]
    assert levels.count(1) == 1
    assert all(link.get_text().strip() for link in page.find_all("a"))
    assert [link["hreflang"] for link in page.find_all("a") if link.get_text() == "英文原文"] == ["en"]


def test_the_character_set_is_declared_where_browsers_look_for_it(html: str) -> None:
    assert b'<meta charset="utf-8">' in html.encode()[:1024]


def test_both_colour_schemes_are_declared(html: str) -> None:
    metas = {str(meta.get("name")): meta.get("content") for meta in soup(html).find_all("meta")}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"


def test_hits_are_marked_with_strong(html: str) -> None:
    (mark,) = soup(html).find_all("strong", class_="mk")
    assert mark.get_text() == "大模型"
    assert "text-decoration:underline" in str(mark["style"])


def test_a_mark_in_a_text_is_bold_and_tinted_and_not_underlined_like_a_link() -> None:
    found = match("f1", hits=(hit("算力", field="summary", start=SUMMARY.index("算力")),))
    shown = soup(rendered(PendingEntry(seq=1, entry=entry(summary=SUMMARY), matches=(found,))).html)
    (mark,) = shown.find_all("strong", class_="mk")
    assert mark.get_text() == "算力"
    assert mark["style"] == "background:#fae6a0"


def test_a_title_in_another_language_says_which_and_runs_its_way() -> None:
    arabic = waits("شريحة جديدة", seq=2, summary="شريحة", sections=("علوم",))
    page = soup(rendered(waits(summary=SUMMARY), arabic, waits("Chips", seq=3), locale="en").html)
    assert [(title.get("lang"), title.get("dir")) for title in page.find_all("h3")] == [
        *((None, None), ("ar", "rtl"), ("zh-Hans", None)),
    ]
    assert [text["lang"] for text in page.find_all(class_="lead")] == ["ar", "zh-Hans"]
    section = page.find("span", lang="ar")
    assert section
    assert (section.get_text(), section["dir"]) == ("علوم", "rtl")
    titles = [waits(f"题 {n}", seq=n) for n in range(70)]
    assert soup(rendered(*titles, locale="en").html).find_all("p", class_="more", lang="zh-Hans")


def test_the_host_is_shown_where_a_link_leaves_the_feeds_site() -> None:
    shown = rendered(waits(link="https://аррӏе.com/1", original="https://example.net/2"))
    assert "通往 xn--80ak6aa92e.com" in words(shown.html)
    assert "英文原文（example.net）" in words(shown.html)
    assert "https://xn--80ak6aa92e.com/1\n" in shown.text
    many = [waits(f"题 {n}", seq=n, link=f"https://www.example.net/{n}") for n in range(70)]
    titles = soup(rendered(*many).html).find_all("p", class_="more")
    assert all(title.get_text().endswith(" example.net") for title in titles)


def test_no_line_can_begin_with_a_separator() -> None:
    """There is no break beside a no-break space or a word joiner (UAX 14, LB11 and LB12)."""
    titles = [
        waits(f"约翰·史密斯 {n}", seq=9 + n, link="https://example.net/", summary="玛丽·居里")
        for n in range(70)
    ]
    shown = rendered(*RICH, *titles, since=None)
    assert "·" in words(shown.html)
    body = shown.html.partition("<body")[2].replace("&nbsp;", "\xa0").replace("&middot;", "·")
    assert not re.search("[^\xa0\u2060]·", body)


def test_the_lead_and_what_is_owed_are_called_so() -> None:
    best = PendingEntry(seq=2, entry=entry("最好", number=2), matches=(match("f1", score=3.0, hits=()),))
    shown = rendered(waits("新"), best, owed=[waits("旧", seq=3)])
    page = words(shown.html)
    assert (
        page.index("往期 · 纽约时报中文网") < page.index("最好 头条 · 纽约时报中文网") < page.index("新 纽约")
    )
    assert "旧\n往期 · 纽约时报中文网" in shown.text
    assert "最好\n头条 · 纽约时报中文网" in shown.text


def test_a_first_issue_of_earlier_entries_does_not_say_that_none_arrived() -> None:
    shown = rendered(*RICH, since=None, watched=Watched(feeds=WATCHED.feeds, entries=0))
    for part in (shown.text, words(shown.html)):
        assert "首期，2 个源" in part
        assert "0 篇" not in part


def test_a_subject_without_end_is_cut(tmp_path: Path) -> None:
    (tmp_path / "digest.subject.j2").write_text("{{ '字' * 5000 }}")
    assert digest_renderer(str(tmp_path))(digest(*RICH)).subject == "字" * 200


WORDS = tuple(f"词{number}-" + "长" * 15_000 for number in range(9))
HITS = (
    *(hit("a", start=2 * at) for at in range(5000)),
    *(hit("/w.*/", found=word, field="text", start=0) for word in WORDS),
)
MATCHES = tuple(match(f"f{rule}", hits=HITS) for rule in range(9))


def overlong(number: int) -> PendingEntry:
    """Whatever a feed or a rule can make long is long: found words, links, names, titles full of hits."""
    copy = entry(
        "a&" * 5000,
        number=number,
        link=f"https://example.org/{number}?" + "a&" * 900,
        original=f"https://example.org/{number}?" + "b&" * 900,
        summary="字" * 20_000,
        sections=("栏" * 500,),
    )
    return PendingEntry(seq=number, entry=copy, matches=MATCHES)


@pytest.mark.untraced
def test_whatever_is_long_the_whole_mail_stays_under_250_kb() -> None:
    rules = tuple((rule(f"规则{number}" + "名" * 500), f"f{number}") for number in range(9))
    feeds = tuple((f"源{number}" + "名" * 500, FeedHealth.FAILING) for number in range(1200))
    watched = Watched(feeds=feeds, silent=tuple(feed for feed, _ in feeds), excluded_by=(("词" * 900, 3),))
    copies = [overlong(number) for number in range(20)]
    names = {f"https://{number}.example.org/": f"报{number}" + "名" * 500 for number in range(50)}
    more = [waits("另一家", seq=100 + n, feed_url=url, story="s") for n, url in enumerate(names)]
    more[0] = replace(more[0], matches=(match("f0"),))
    shown = parts_of(
        *copies, *more, rules=rules, watched=watched, name="日报" * 500, feeds=names | {FEED: "源" * 500}
    )
    for part in shown.parts:
        assert len(part.rendered.html.encode()) <= LARGEST
        assert len(part.rendered.text.encode()) <= LARGEST_TEXT
        to = ["a@example.org"]
        (mail,) = mails_to(
            to,
            part.rendered,
            sender="d@example.org",
            date=NOW,
            unique="1",
            mailing_list=MailingList(key="l", name="l"),
        )
        assert len(mail.raw) < 250_000
    assert (len(shown.parts), shown.left) == (3, ())


def test_a_footer_of_a_thousand_failing_feeds_names_five_and_their_number() -> None:
    feeds = tuple((f"第{number}个源", FeedHealth.FAILING) for number in range(1200))
    rules = [(rule(f"规则{number}"), f"f{number}") for number in range(8)]
    quiet = tuple((f"静{number}", FeedHealth.QUIET) for number in range(6))
    shown = rendered(waits(), rules=rules, watched=Watched(feeds=(*feeds, *quiet)))
    assert "久未更新：静0、静1、静2、静3、静4，共 6 个\n" in shown.text
    failing = "抓取失败：第0个源、第1个源、第2个源、第3个源、第4个源，共 1200 个"
    assert f"{failing}\n" in shown.text
    assert failing.replace("：", " ：") in words(shown.html)
    assert "没有命中的规则：规则0、规则2、规则3、规则4、规则5，共 7 个\n" in shown.text
    assert len(shown.text.splitlines()) < 30


# --- hostile feeds ------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</title></style><svg/onload=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "{{ 7 * 7 }}{% for x in y %}{# c #}",
    "<!--[if mso]><b>x</b><![endif]-->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%(name)s %s %",
    "<style>*{display:none}</style>",
    "x</td></tr></table><form><input>",
]


@pytest.mark.parametrize("poison", HOSTILE)
def test_what_a_feed_says_is_shown_as_it_stands_and_does_nothing(poison: str) -> None:
    candidate = waits(
        poison, summary=f"{poison}。", sections=(poison,), link="javascript:alert(1)", original="data:x"
    )
    shown = rendered(
        candidate, name=poison, rules=((rule(poison), "f1"),), feeds={candidate.entry.feed_url: poison}
    )
    page = soup(shown.html)
    heading = page.find("h3")
    assert heading
    assert heading.get_text() == poison
    assert page.title
    assert poison in page.title.get_text()
    assert poison in shown.text
    assert page.find_all("a") == []
    assert page.body
    assert page.body.find_all(is_denied) == []
    assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]


def test_nothing_a_feed_says_makes_the_parts_unfit_for_utf8() -> None:
    shown = rendered(waits("坏\ud83d\x00字", summary="坏\ud83d。", sections=("\udfff",)))
    assert "坏字\n" in shown.text
    (shown.subject + shown.text + shown.html).encode()
