import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from monitor.digests.build import build
from monitor.digests.render import LARGEST, templates
from monitor.digests.wrap import columns
from monitor.errors import DigestError
from monitor.model import Digest, FeedHealth, Rendered, Slot, Waiting, Watched
from tests.make import NOW, entry, hit, match, subscription

RULES = (("人工智能", "f1"), ("芯片", "f2"), ("机器人", "f3"))
FEEDS = {"https://feed.example.org/rss": "纽约时报中文网", "https://other.example.org/rss": "示例财经"}
WATCHED = Watched(feeds=(("纽约时报中文网", FeedHealth.WELL), ("示例财经", FeedHealth.WELL)), entries=41)
SUMMARY = "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果公开。"

# From the public caniemail tables: what Gmail, Outlook or Yahoo drop or mangle.
DENIED_TAGS = ["script", "style", "link", "form", "input", "button", "svg", "video", "audio", "iframe", "object", "embed", "base", "picture", "header", "footer", "main", "section", "article", "nav", "img"]
DENIED_CSS = re.compile(
    r"flex|grid|gap|position|float|var\(|calc|clamp|\drem|\dem|vw|rgba|hsl|box-shadow|background-image|url\("
    r"|object-fit|overflow|display|opacity|visibility|@import|@font-face|transform|animation"
)
ALLOWED_CSS = set(
    ["margin", "margin-top", "padding", "background", "color", "font-family", "font-size", "line-height", "font-weight", "text-decoration", "word-break", "border-top", "width", "max-width"]
)


def waits(
    title: str = "开源大模型的重心正在转移", *fingerprints: str, seq: int = 1, **differ: Any
) -> Waiting:
    hits = (hit("大模型"),) if "大模型" in title else ()
    matches = tuple(match(fingerprint, hits=hits) for fingerprint in fingerprints or ("f1",))
    return Waiting(seq=seq, entry=entry(title, number=seq, **differ), matches=matches)


def digest(*waiting: Waiting, locale: str = "zh-Hans", name: str = "AI 日报", **differ: Any) -> Digest:
    values: dict[str, Any] = {
        "slot": Slot(name="at:2026-11-24T08:00", at=NOW),
        "rules": RULES,
        "feeds": FEEDS,
        "watched": WATCHED,
        "since": NOW - timedelta(days=1),
        "now": NOW,
        "next_at": NOW + timedelta(days=1),
        **differ,
    }
    return build(subscription(name, locale=locale), waiting=waiting, **values)


def rendered(*waiting: Waiting, **differ: Any) -> Rendered:
    return templates()(digest(*waiting, **differ))


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "lxml")


def words(html: str) -> str:
    """What a reader sees of the body, in one line."""
    body = soup(html).body
    assert body
    return " ".join(body.get_text(" ").replace("\xa0", " ").split())


def styles(html: str) -> list[str]:
    return [str(tag["style"]) for tag in soup(html).find_all(style=True)]


RICH = (
    waits(
        "开源大模型的重心正在转移：两千块芯片如何追上一万六千块",
        "f1",
        "f2",
        story="s",
        summary=SUMMARY,
        text="字" * 4000,
        sections=("科技",),
        published=NOW - timedelta(hours=15),
        original="https://www.example.org/models.html",
    ),
    waits("开源大模型的重心", seq=2, story="s", feed_url="https://other.example.org/rss"),
    waits("新规之后：对华芯片许可再生变数", "f2", seq=3, summary="新规要求逐单申请。"),
)


# --- what it says -------------------------------------------------------------------------------


def test_the_subject_says_what_is_inside() -> None:
    assert rendered(*RICH).subject == "开源大模型的重心正在转移 等 2 条 · AI 日报"
    assert rendered(RICH[2]).subject == "新规之后：对华芯片许可再生变数 · AI 日报"
    assert (
        rendered(*RICH, locale="en", name="AI Daily").subject
        == "开源大模型的重心正在转移 and 1 more · AI Daily"
    )
    assert rendered().subject == "无新消息 · 2026年11月24日 星期二 · AI 日报"


def test_the_subject_is_one_line_whatever_a_title_holds() -> None:
    assert rendered(waits("一\r\nBcc: x\u2028二\ud83d")).subject == "一 Bcc: x 二 · AI 日报"


def test_the_text_part_looks_set_by_hand() -> None:
    assert rendered(*RICH).text == (
        "AI 日报\n"
        "=======\n"
        "2026年11月24日 星期二\n"
        "人工智能 1 · 芯片 1 · 自昨日 08:00 以来，2 个源共 41 篇\n"
        "\n"
        "人工智能 · 1 条\n"
        "----------------\n"
        "\n"
        "开源大模型的重心正在转移：两千块芯片如何追上一万六千块\n"
        "纽约时报中文网 · 科技 · 11月23日 17:00 · 约 9 分钟\n"
        "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果公开。\n"
        "命中 人工智能：大模型 · 芯片：大模型\n"
        "另见 1 家：示例财经\n"
        "https://news.example.org/1/\n"
        "英文原文：\n"
        "https://www.example.org/models.html\n"
        "\n"
        "芯片 · 1 条\n"
        "------------\n"
        "\n"
        "新规之后：对华芯片许可再生变数\n"
        "纽约时报中文网 · 05:00\n"
        "新规要求逐单申请。\n"
        "命中 芯片\n"
        "https://news.example.org/3/\n"
        "\n"
        "--------\n"
        "2 个源正常。\n"
        "没有命中的规则：机器人\n"
        "\n"
        "本期完。下一期 11月25日 08:00，没有新消息就不发。\n"
        "\n"
        "你收到它，是因为你的地址在“AI 日报”的收件人里。直接回复这封信，就能写给运营者。\n"
    )


def test_the_html_part_says_the_same() -> None:
    assert words(rendered(*RICH).html) == (
        "AI 日报 2026年11月24日 星期二 人工智能 1 · 芯片 1 · 自昨日 08:00 以来，2 个源共 41 篇 "
        "人工智能 1 条 开源 大模型 的重心正在转移：两千块芯片如何追上一万六 千块 "
        "纽约时报中文网 · 科技 · 11月23日 17:00 · 约 9 分钟 英文原文 "
        "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果 公开。 "
        "命中 人工智能： 大模型 · 芯片： 大模型 另见 1 家：示例财经 "
        "芯片 1 条 新规之后：对华芯片许可再生 变数 纽约时报中文网 · 05:00 新规要求逐单申请。 命中 芯片 "
        "2 个源正常。 没有命中的规则：机器人 本期完。下一期 11月25日 08:00，没有新消息就不发。 "
        "你收到它，是因为你的地址在“AI 日报”的收件人里。直接回复这封信，就能写给运营者。"
    )


def test_both_parts_have_the_same_titles_and_addresses_in_the_same_order() -> None:
    shown = rendered(
        *(waits(f"第 {n} 条新闻", seq=n, original=f"https://www.example.org/{n}") for n in range(80))
    )
    links = [str(link["href"]) for link in soup(shown.html).find_all("a")]
    assert [line for line in shown.text.splitlines() if line.startswith("http")] == links
    in_html = re.findall(r"第 \d+ 条新闻", words(shown.html))
    assert re.findall(r"第 \d+ 条新闻", shown.text) == in_html
    assert len(in_html) == 80


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("zh-Hant", ["符合 人工智能：", "約 9 分鐘", "另見 1 家：示例财经", "本期完。下一期 11月25日 08:00"]),
        (
            "en",
            [
                "Matched 人工智能: ",
                "about 9 minutes",
                "Also in 1 other feed: 示例财经",
                "1 item",
                "English original",
            ],
        ),
    ],
)
def test_our_words_are_in_the_readers_language_and_the_entries_in_their_own(
    locale: str, expected: list[str]
) -> None:
    shown = rendered(*RICH, locale=locale)
    for phrase in expected:
        assert phrase in shown.text
        assert " ".join(phrase.split()) in words(shown.html)
    assert "开源大模型的重心正在转移" in shown.text
    page = soup(shown.html)
    assert page.html and page.html["lang"] == locale  # noqa: PT018
    assert [tag["lang"] for tag in page.find_all(attrs={"role": "article"})] == [locale]


def test_english_counts_in_singular_and_plural() -> None:
    watched = Watched(feeds=WATCHED.feeds[:1], entries=1)
    assert "since yesterday 08:00, 1 entry from 1 feed\n" in rendered(locale="en", watched=watched).text
    assert "since yesterday 08:00, 41 entries from 2 feeds\n" in rendered(locale="en").text


def test_a_digest_that_comes_late_says_so() -> None:
    slot = Slot(name="at:2026-11-24T08:00", at=NOW, late=True)
    shown = rendered(*RICH, slot=slot, now=NOW + timedelta(hours=1))
    assert "2026年11月24日 星期二 · 补发，原定今日 08:00\n" in shown.text
    assert "星期二 · 补发，原定今日 08:00" in words(shown.html)


def test_without_news_the_digest_still_says_what_was_watched() -> None:
    shown = rendered()
    for part in (shown.text, words(shown.html)):
        assert "今日无新消息" in part
        assert "自昨日 08:00 以来，2 个源共 41 篇" in part
        assert "2 个源正常。" in part


def test_a_first_issue_without_schedule_makes_no_promises() -> None:
    shown = rendered(*RICH, since=None, next_at=None)
    for part in (shown.text, words(shown.html)):
        assert "首期，2 个源共 41 篇" in part
        assert "本期完。有新消息时再发。" in part


def test_feeds_that_fail_are_named() -> None:
    feeds = (("远方新闻", FeedHealth.FAILING), ("新来的源", FeedHealth.UNVISITED))
    shown = rendered(*RICH, watched=Watched(feeds=feeds))
    assert "取不到：远方新闻\n还没有取过：新来的源\n" in shown.text
    assert "取不到 ：远方新闻 还没有取过：新来的源" in words(shown.html)
    assert "个源正常" not in shown.text + shown.html


def test_many_words_end_with_and_others() -> None:
    found = tuple(hit(word, field="text") for word in "一二三四五六七")
    one = Waiting(seq=1, entry=entry(text="一二三四五六七"), matches=(match("f1", hits=found),))
    shown = rendered(one)
    assert "命中 人工智能：正文 一、二、三、四、五、六 等\n" in shown.text
    assert "六 等" in words(shown.html)


def test_the_same_digest_is_rendered_the_same() -> None:
    assert rendered(*RICH) == rendered(*RICH)


# --- the text part ------------------------------------------------------------------------------


def test_the_text_part_is_38_full_width_columns_and_has_no_trailing_space() -> None:
    long = waits(
        "“标题” & <很长>，" * 9, summary="word " * 9 + "字，“词”。" * 30, sections=("很长的栏目名" * 6,)
    )
    lines = rendered(long, *RICH[1:], name="很长的日报名字" * 8).text.split("\n")
    assert all(columns(line) <= 76 for line in lines if not line.startswith("http"))
    assert not [line for line in lines if line != line.rstrip()]
    assert "\n\n\n" not in "\n".join(lines)


def test_the_text_part_has_no_html_entities() -> None:
    shown = rendered(waits("A & B <C> “D” 'E'", link="https://example.org/?a=1&b=2"))
    assert "A & B <C> “D” 'E'\n" in shown.text
    assert "\nhttps://example.org/?a=1&b=2\n" in shown.text


def test_a_long_address_is_never_broken() -> None:
    link = "https://example.org/" + "abc-" * 75
    assert f"\n{link}\n" in rendered(waits(link=link)).text


# --- the HTML part ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def html() -> str:
    feeds = (*WATCHED.feeds, ("远方新闻", FeedHealth.FAILING), ("新来的源", FeedHealth.UNVISITED))
    long = [waits(f"第 {n} 条", seq=n + 10, summary=SUMMARY) for n in range(70)]
    return rendered(*RICH, *long, watched=Watched(feeds=feeds, entries=41)).html


def test_the_html_uses_only_what_mail_programs_can_do(html: str) -> None:
    page = soup(html)
    assert page.head
    assert page.body
    assert page.body.find_all(DENIED_TAGS) == []
    for style in styles(html):
        assert not DENIED_CSS.search(style), style
        assert {rule.split(":")[0] for rule in style.split(";")} <= ALLOWED_CSS
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
    assert all("background:#fdf0c4" in str(tag["style"]) for tag in page.find_all(class_="mk"))


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
    assert page.title and page.title.get_text() == "开源大模型的重心正在转移 等 72 条 · AI 日报"  # noqa: PT018
    assert all(table["role"] == "presentation" for table in page.find_all("table"))
    (article,) = page.find_all(attrs={"role": "article"})
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


def test_sixty_entries_of_the_usual_length_fit_whole() -> None:
    usual = [
        waits(
            f"第{n}条开源大模型的重心正在转移：两千块芯片",
            seq=n,
            summary=SUMMARY * 2,
            sections=("科技",),
            text="字" * 3000,
        )
        for n in range(60)
    ]
    shown = rendered(*(waiting for waiting in usual), rules=(("甲", "f1"), ("乙", "f2")))
    thirty = [
        waits(f"另{n}条大模型", "f2", seq=100 + n, summary=SUMMARY * 2, text="字" * 3000) for n in range(30)
    ]
    shown = rendered(*usual[:30], *thirty)
    assert len(soup(shown.html).find_all("h3")) == 60
    assert len(shown.html.encode()) <= LARGEST


def test_a_digest_too_large_for_gmail_shows_less_and_keeps_its_end() -> None:
    link = "https://example.org/" + "long-" * 100
    many = [
        waits(f"第 {n} 条大模型" + "长" * 60, seq=n, summary=SUMMARY * 3, link=f"{link}{n}")
        for n in range(500)
    ]
    shown = rendered(*many)
    assert len(shown.html.encode()) <= LARGEST
    assert soup(shown.html).find_all("h3")
    for part in (shown.text, words(shown.html)):
        assert re.search(r"还有 4\d\d 条没有列出。", part)
        assert "本期完" in part
    assert len(soup(shown.html).find_all("a")) == shown.text.count(link)


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
    one = waits(
        poison, summary=f"{poison}。", sections=(poison,), link="javascript:alert(1)", original="data:x"
    )
    shown = rendered(one, name=poison, rules=((poison, "f1"),), feeds={one.entry.feed_url: poison})
    page = soup(shown.html)
    heading = page.find("h3")
    assert heading
    assert heading.get_text() == poison
    assert page.title
    assert poison in page.title.get_text()
    assert poison in shown.text
    assert page.find_all("a") == []
    assert page.body
    assert page.body.find_all(DENIED_TAGS) == []
    assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]


def test_nothing_a_feed_says_makes_the_parts_unfit_for_utf8() -> None:
    shown = rendered(waits("坏\ud83d\x00字", summary="坏\ud83d。", sections=("\udfff",)))
    assert "坏字\n" in shown.text
    (shown.subject + shown.text + shown.html).encode()


# --- the operator's templates -------------------------------------------------------------------


def test_the_operators_template_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "digest.subject.j2").write_text("{{ digest.count }} in {{ digest.name }}\n")
    shown = templates(str(tmp_path))(digest(*RICH))
    assert shown.subject == "2 in AI 日报"
    assert shown.text == rendered(*RICH).text


def test_an_operators_html_template_is_escaped_and_inlined_like_ours(tmp_path: Path) -> None:
    (tmp_path / "digest.html.j2").write_text("<style>p { color: red }</style><p>{{ digest.name }}</p>")
    shown = templates(str(tmp_path))(digest(*RICH, name="<b>&"))
    assert '<p style="color:red">&lt;b&gt;&amp;</p>' in shown.html


Break = Callable[[Path], None]


def _wrote(name: str, text: str | bytes) -> Break:
    return lambda folder: (
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode()) and None
    )


@pytest.mark.parametrize(
    ("mistake", "where"),
    [
        (_wrote("digest.txt.j2", "a\n{{ digest.nmae }}\n"), "template digest.txt.j2, line 2: "),
        (_wrote("digest.html.j2", "a\n\n{% if %}\n"), "template digest.html.j2, line 3: "),
        (_wrote("digest.subject.j2", "{{ 1 / 0 }}"), "template digest.subject.j2, line 1: "),
        (_wrote("digest.subject.j2", "\n{{ 'a' + 1 }}"), "template digest.subject.j2, line 2: "),
        (
            _wrote("digest.subject.j2", "{{ digest.__class__.__mro__ }}"),
            "template digest.subject.j2, line 1: ",
        ),
        (
            _wrote("digest.subject.j2", "{{ digest.sections.append(1) }}"),
            "template digest.subject.j2, line 1: ",
        ),
        (_wrote("digest.subject.j2", "{{ range(10000000) | list }}"), "template digest.subject.j2, line 1: "),
        (_wrote("digest.subject.j2", "\n{% include 'none.j2' %}"), "template digest.subject.j2, line 2: "),
        (_wrote("digest.subject.j2", "{{ '\xff' }}".encode("latin-1")), "template digest.subject.j2: "),
    ],
)
def test_a_template_that_fails_is_named_with_its_line(mistake: Break, where: str, tmp_path: Path) -> None:
    mistake(tmp_path)
    with pytest.raises(DigestError) as caught:
        templates(str(tmp_path))(digest(*RICH))
    assert str(caught.value).startswith(where)


def test_a_template_mended_works_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "digest.subject.j2"
    path.write_text("{{ nothing }}")
    render = templates(str(tmp_path))
    with pytest.raises(DigestError):
        render(digest())
    path.write_text("mended, and longer")
    assert render(digest()).subject == "mended, and longer"


def test_languages_do_not_mix_in_one_render() -> None:
    render = templates()
    subjects: Sequence[str] = [
        render(digest(*RICH, locale=one)).subject for one in ("zh-Hans", "en", "zh-Hant", "zh-Hans")
    ]
    assert [subject.split("转移")[1] for subject in subjects] == [
        " 等 2 条 · AI 日报",
        " and 1 more · AI 日报",
        " 等 2 則 · AI 日报",
        " 等 2 条 · AI 日报",
    ]
