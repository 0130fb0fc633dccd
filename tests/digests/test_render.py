import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from gettext import NullTranslations
from pathlib import Path

import pytest
from jinja2 import TemplateError

from monitor.digests.build import Stories
from monitor.digests.limits import LimitedEnvironment, TooMuchError, time_limit
from monitor.digests.render import archive_renderer, digest_renderer
from monitor.digests.stories import Past
from monitor.digests.wrap import columns
from monitor.errors import DigestError
from monitor.feeds.links import absolute
from monitor.feeds.text import clean
from monitor.model.digests import Mailed, Slot, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.recipients import OWN_LINK, Contact
from monitor.model.rules import PendingEntry
from tests.digests.issue import RICH, SUMMARY, WATCHED, digest, parts_of, rendered, soup, waits, words
from tests.digests.test_stories import READER
from tests.make import NOW, entry, hit, match, rule

# --- what it says -------------------------------------------------------------------------------


def test_the_subject_says_what_is_inside() -> None:
    assert rendered(*RICH, name="日报").subject == "开源大模型的重心正在转移 等 2 条 · 日报 · 11月24日"
    assert rendered(RICH[2], name="日报").subject == "新规之后：对华芯片许可再生变数 · 日报 · 11月24日"
    assert (
        rendered(*RICH, locale="en", name="AI Daily").subject
        == "开源大模型的重心正在转移 and 1 more · AI Daily · Nov 24"
    )
    assert rendered(name="日报").subject == "无新消息 · 日报 · 11月24日"


def test_subjects_are_different_every_day() -> None:
    days = [rendered(RICH[2], now=NOW + timedelta(days=days)).subject for days in range(10)]
    assert len(set(days)) == 10


def test_a_subject_with_capitals_alone_has_no_break_spaces() -> None:
    assert rendered(RICH[2]).subject == "新规之后：对华芯片许可再生变数_·_AI_日报_·_11月24日".replace(
        "_", "\u00a0"
    )


def test_the_subject_is_one_line_whatever_a_title_holds() -> None:
    assert rendered(waits("一\r\nBcc: x\u2028二\ud83d")).subject == "一 Bcc: x 二 · AI 日报 · 11月24日"


def test_the_text_part_looks_set_by_hand() -> None:
    assert rendered(*RICH).text == (
        "AI 日报\n"
        "=======\n"
        "2026年11月24日星期二\n"
        "人工智能 1 · 芯片 1 · 自昨日 08:00 以来，2 个源共 41 篇\n"
        "\n"
        "人工智能 · 1 条\n"
        "----------------\n"
        "\n"
        "开源大模型的重心正在转移：两千块芯片如何追上一万六千块\n"
        "纽约时报中文网 · 科技 · 11月23日 17:00 · 约 9 分钟\n"
        "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果公开。\n"
        "也符合规则“芯片”\n"
        "https://news.example.org/1/\n"
        "英文原文：\n"
        "https://www.example.org/models.html\n"
        "另见 1 家：\n"
        "示例财经\n"
        "https://news.example.org/2/\n"
        "\n"
        "芯片 · 1 条\n"
        "------------\n"
        "\n"
        "新规之后：对华芯片许可再生变数\n"
        "纽约时报中文网 · 05:00\n"
        "新规要求逐单申请。\n"
        "https://news.example.org/3/\n"
        "\n"
        "--------\n"
        "2 个源正常。\n"
        "没有命中的规则：机器人\n"
        "\n"
        "本期完。下一期 11月25日 08:00，没有新消息就不发。\n"
        "\n"
        "你收到这封邮件，是因为你的地址在“AI 日报”的收件人里。回复即可联系管理员。\n"
    )


def test_the_html_part_says_the_same() -> None:
    assert words(rendered(*RICH).html) == (
        "AI 日报 2026年11月24日星期二 人工智能 1 · 芯片 1 · 自昨日 08:00 以来，2 个源共 41 篇 "
        "人工智能 1 条 开源 大模型 的重心正在转移：两千块芯片如何追上一万六 千块 "
        "纽约时报中文网 · 科技 · 11月23日 17:00 · 约 9 分钟 · 英文原文 "
        "研究者说，出口管制迫使一些团队用更少的算力训练模型，并把结果 公开。 "
        "也符合规则“芯片” 另见 1 家： 示例财经 "
        "芯片 1 条 新规之后：对华芯片许可再生 变数 纽约时报中文网 · 05:00 新规要求逐单申请。 "
        "2 个源正常。 没有命中的规则：机器人 本期完。下一期 11月25日 08:00，没有新消息就不发。 "
        "你收到这封邮件，是因为你的地址在“AI 日报”的收件人里。回复即可联系管理员。"
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
        (
            "zh-Hant",
            ["也符合規則「芯片」", "約 9 分鐘", "另見 1 家：\n示例财经", "本期完。下一期 11月25日 08:00"],
        ),
        (
            "en",
            [
                "Also matches “芯片”",
                "about 9 minutes",
                "Also in 1 other feed:\n示例财经",
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
    assert page.html
    assert page.html["lang"] == locale
    assert [tag["lang"] for tag in page.find_all(role="article")] == [locale]


def test_english_counts_in_singular_and_plural() -> None:
    watched = Watched(feeds=WATCHED.feeds[:1], entries=1)
    assert "since yesterday 08:00, 1 entry from 1 feed\n" in rendered(locale="en", watched=watched).text
    assert "since yesterday 08:00, 41 entries from 2 feeds\n" in rendered(locale="en").text


def test_a_digest_that_comes_late_says_so() -> None:
    slot = Slot.named("at:2026-11-24T08:00", NOW, late=True)
    shown = rendered(*RICH, slot=slot, now=NOW + timedelta(hours=1))
    assert "2026年11月24日星期二 · 延迟发送，原定今日 08:00\n" in shown.text
    assert "星期二 · 延迟发送，原定今日 08:00" in words(shown.html)


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
    assert "抓取失败：远方新闻\n尚未抓取：新来的源\n" in shown.text
    assert "抓取失败 ：远方新闻 尚未抓取：新来的源" in words(shown.html)
    assert "个源正常" not in shown.text + shown.html


def test_feeds_that_are_dead_or_quiet_are_named() -> None:
    feeds = (("失踪报", FeedHealth.DEAD), ("停办报", FeedHealth.GONE), ("月刊", FeedHealth.QUIET))
    shown = rendered(*RICH, watched=Watched(feeds=feeds))
    assert "已失效：失踪报、停办报\n久未更新：月刊\n" in shown.text
    assert "已失效 ：失踪报、停办报 久未更新：月刊" in words(shown.html)


def test_many_words_end_with_and_others() -> None:
    hits = (hit(), *(hit(word, field="text", start=900) for word in "一二三四五六七"))
    candidate = PendingEntry(
        seq=1,
        entry=entry(summary="无。", text="字。" * 90 + "一二三四五六七"),
        matches=(match("f1", hits=hits),),
    )
    shown = rendered(candidate)
    assert "正文命中“一”、“二”、“三”、“四”、“五”、“六”等\n" in shown.text
    assert "“六”等" in words(shown.html)


def test_many_rules_and_feeds_end_with_their_number() -> None:
    rules = tuple((rule(f"规则{n}"), f"f{n}") for n in range(14))
    named = {f"https://{n}.example.org/": f"报{n}" for n in range(8)}
    copies = [waits("甲", f"f{n}", seq=n, story="s", feed_url=url) for n, url in enumerate(named)]
    every = [waits(f"题{n}", f"f{n}", seq=20 + n) for n in range(14)]
    copies[0] = waits("甲", *(f"f{n}" for n in range(9)), story="s", feed_url="https://0.example.org/")
    shown = rendered(*copies, *every, rules=rules, feeds=named)
    for part in (" ".join(shown.text.split("\n")), words(shown.html)):
        assert "规则0 2 · 规则1 1 · " in part
        assert "规则11 1 · 等 · 自昨日 08:00 以来" in part
        assert "也符合规则“规则1”、“规则2”、“规则3”，另有 5 条规则" in part
        assert "另见 7 家：" in part


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


# --- the operator's templates -------------------------------------------------------------------


def test_the_operators_template_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "digest.subject.j2").write_text("{{ digest.count }} in {{ digest.name }}\n")
    shown = digest_renderer(str(tmp_path))(digest(*RICH))
    assert shown.subject == "2 in AI 日报"
    assert shown.text == rendered(*RICH).text


def test_an_operators_html_template_is_escaped_and_inlined_like_ours(tmp_path: Path) -> None:
    (tmp_path / "digest.html.j2").write_text("<style>p { color: red }</style><p>{{ digest.name }}</p>")
    shown = digest_renderer(str(tmp_path))(digest(*RICH, name="<b>&"))
    assert '<p style="color:red">&lt;b&gt;&amp;</p>' in shown.html


def test_a_stylesheet_that_an_operators_template_links_is_not_fetched(tmp_path: Path) -> None:
    with socket.socket() as refusing:  # bound, not listening: a request to it fails, and rendering with it
        refusing.bind(("127.0.0.1", 0))
        link = f'<link rel="stylesheet" href="http://127.0.0.1:{refusing.getsockname()[1]}/mail.css">'
        (tmp_path / "digest.html.j2").write_text(f"{link}<p>{{{{ digest.name }}}}</p>")
        assert "<p>AI 日报</p>" in digest_renderer(str(tmp_path))(digest(*RICH)).html


Break = Callable[[Path], None]


def _wrote(name: str, text: str | bytes) -> Break:
    def wrote(folder: Path) -> None:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return wrote


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
        (
            _wrote("digest.subject.j2", "\n{{ 'a long title' | truncate(2) }}"),
            "template digest.subject.j2, line 2: expected length >= 3, got 2. ",
        ),
        (
            _wrote("digest.txt.j2", "\n\n{{ digest.name | center(10 ** 9) }}"),
            "template digest.txt.j2, line 3: a width or count of more than 100,000. ",
        ),
        (_wrote("digest.subject.j2", "{{ '\xff' }}".encode("latin-1")), "template digest.subject.j2: "),
        (
            _wrote("digest.txt.j2", "{{ 'a' * 10 ** 9 }}"),
            "template digest.txt.j2, line 1: a text or list of more ",
        ),
        (
            _wrote("digest.txt.j2", "{{ 9 ** 999999 }}"),
            "template digest.txt.j2, line 1: a power of more than 64",
        ),
        (
            _wrote("digest.txt.j2", "{% for a in range(99999) %}{{ digest.name * 99 }}{% endfor %}"),
            "template digest.txt.j2: it makes more than 2,000,000 characters",
        ),
        (
            _wrote("digest.txt.j2", "{% include 'digest.txt.j2' %}"),
            "template digest.txt.j2: it includes or calls itself without an end",
        ),
        (
            _wrote("digest.txt.j2", "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"),
            "template digest.txt.j2: it includes or calls itself without an end",
        ),
    ],
)
def test_a_template_that_fails_is_named_with_its_line(mistake: Break, where: str, tmp_path: Path) -> None:
    mistake(tmp_path)
    with pytest.raises(DigestError) as caught:
        digest_renderer(str(tmp_path))(digest(*RICH))
    assert str(caught.value).startswith(where)


def test_a_template_without_an_end_is_stopped() -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    template = LimitedEnvironment().from_string(loop)
    with pytest.raises(TooMuchError, match=r"longer than 0\.1 s"), time_limit(0.1):
        template.render()


_DOUBLING = "{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(99) %}{% set ns.x = EXPR %}{% endfor %}"


@pytest.mark.parametrize("autoescape", [False, True])
@pytest.mark.parametrize(
    "template",
    [
        *(
            _DOUBLING.replace("EXPR", grows)
            for grows in (
                "ns.x ~ ns.x",
                "ns.x + ns.x",
                "ns.x * 2",
                "[ns.x, ns.x] | join",
                "ns.x | replace('a', 'aa')",
                "'%s%s' % (ns.x, ns.x)",
                "'%(a)s%(a)s' | format(a=ns.x)",
                "'{0}{0}'.format(ns.x)",
                "'{a}{a}'.format_map({'a': ns.x})",
                "'aa'.replace('a', ns.x)",
                "'aa'.translate({97: ns.x})",
                "ns.x.join('aaa') * 2",
            )
        ),
        "{% set ns = namespace(x=2) %}{% for a in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for a in range(30) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x='a') %}{% for a in range(99) %}"
        "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}"
        "{% set ns = namespace(x='a') %}{% for a in range(99) %}{% set ns.x = m(ns.x) %}{% endfor %}",
        "{% for a in range(99) %}{% set x = 'a' * 1999999 %}{% endfor %}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '%.999999999f' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 999999999) }}",
        "{{ ('{}' * 101).format() }}",
        "{{ gettext('%(a)999999999d', a=1) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a' | indent(999999999, true) }}",
        "{{ 'a' | indent('b' * 1999999, true) }}",
        "{{ [1] | batch(999999999, 'y') | list }}",
        "{{ [1] | slice(999999999) | list }}",
        "{{ range(99999) | map('string') | map('batch', 99999, 'y') | map('list') | list }}",
        "{{ range(99999) | map('center', 99999) | list }}",
        "{{ 1.5 | round(999999999, 'ceil') }}",
        "{{ {'a': ['b' * 99999] * 99} | tojson }}",
        "{{ {'a': ['b' * 99999] * 99}.values() }}",
        "{{ (['b' * 99999] * 99) | sort }}",
        "{{ ''.join(['a' * 99999] * 99999) }}",
        "{{ 'a'.center(999999999) }}",
        "{{ '\t'.expandtabs(999999999) }}",
        "{{ ('\t' * 99999).expandtabs(99999) }}",
        "{{ (1).to_bytes(999999999, 'big') }}",
        "{{ range(30000) | map('string') | join | wordwrap(1) }}",
        "{{ ('(' * 999999) | urlize }}",
    ],
)
def test_a_template_that_would_make_huge_texts_is_refused_before_it_does(
    template: str, autoescape: bool
) -> None:
    environment = LimitedEnvironment(autoescape=autoescape, extensions=["jinja2.ext.i18n"])
    environment.install_gettext_translations(NullTranslations(), newstyle=True)  # type: ignore[attr-defined]  # the extension's
    with time_limit(60), pytest.raises(TooMuchError):
        "".join(environment.from_string(template).generate())


def test_a_template_has_no_filler_text_and_no_sums_of_lists() -> None:
    for template in ("{{ lipsum(n=999999) }}", "{{ [[1]] | sum(start=[]) }}"):
        with pytest.raises(TemplateError):
            LimitedEnvironment().from_string(template).render()


def test_a_method_without_its_arguments_is_a_mistake_as_ever() -> None:
    for template in (
        "{{ 'a'.replace('b') }}",
        "{{ 'a'.join() }}",
        "{{ 'a'.translate() }}",
        "{{ 'a'.format_map() }}",
    ):
        with pytest.raises(TypeError):
            LimitedEnvironment().from_string(template).render()


def test_what_templates_do_every_day_is_within_the_limits() -> None:
    template = (
        "{{ 'a' ~ 1 ~ 2 }} {{ 'ab' | center(4) }}|{{ '%s %5.1f %%' % ('a', 2) }} {{ '%s' % 3 }} {{ 7 % 4 }} "
        "{{ 2 ** 3 }} {{ '{:,} {a:>3}'.format(12345, a=1) }} {{ '{a}'.format_map({'a': 1}) }} "
        "{{ 'a,b'.split(',') | join('-') }} {{ 2.0 ** 2 * 1.5 }} {{ 'b'.replace('a', 'c') }} "
        "{{ '-'.join(['a', 'b']) }} {{ [1, none, {'a': 1.5}] }} {{ (1).bit_length() }} {{ 'a\tb'.expandtabs(2) }} "
        "{{ 'ab' | replace('a', 'b') }} {{ [1, 2] | sum }} {{ [1, 2] | map('string') | join(', ') }} {{ [1] + [2] }} "
        "{{ 'ab'.translate({97: 'c'}) }} {{ 'a b' | wordwrap(1) | indent(2) | replace('\n', '/') }} "
        "{{ [1, 2, 3] | batch(2, 0) | list }} {{ 'aXbX'.replace('X', '') }} {{ 'a' | indent('>', true) }}"
    )
    with time_limit():
        made = LimitedEnvironment().from_string(template).render()
    assert made == (
        "a12  ab |a   2.0 % 3 3 8 12,345   1 1 a-b 6.0 b a-b [1, None, {'a': 1.5}] 1 a b bb 3 1, 2 [1, 2] cb a/  b "
        "[[1, 2], [3, 0]] ab >a"
    )


def test_the_time_is_over_for_the_templates_within_it_alone() -> None:
    template = LimitedEnvironment().from_string("{% for a in 'abc' %}{{ a }}{% endfor %}")
    with pytest.raises(TooMuchError), time_limit(-1):
        template.render()
    assert template.render() == "abc"


def test_a_template_mended_works_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "digest.subject.j2"
    path.write_text("{{ nothing }}")
    render = digest_renderer(str(tmp_path))
    with pytest.raises(DigestError):
        render(digest())
    path.write_text("mended, and longer")
    assert render(digest()).subject == "mended, and longer"


def test_languages_do_not_mix_in_one_render() -> None:
    render = digest_renderer()
    subjects = [
        render(digest(*RICH, locale=locale, name="日报")).subject
        for locale in ("zh-Hans", "en", "zh-Hant", "zh-Hans")
    ]
    assert [subject.split("转移")[1] for subject in subjects] == [
        " 等 2 条 · 日报 · 11月24日",
        " and 1 more · 日报 · Nov 24",
        " 等 2 則 · 日报 · 11月24日",
        " 等 2 条 · 日报 · 11月24日",
    ]


PAGES = Contact(public_url="https://news.example.org", answers="editor@example.org")


@pytest.mark.parametrize(
    ("locale", "leave", "mailto", "answers"),
    [
        ("zh-Hans", "退订、暂停或选择内容", "写信退订", "有事请写信给 editor@example.org。"),
        ("zh-Hant", "退訂、暫停或選擇內容", "寫信退訂", "有事請寫信給 editor@example.org。"),
        (
            "en",
            "Unsubscribe, pause, or choose topics",
            "Unsubscribe by a mail",
            "answered at editor@example.org.",
        ),
    ],
)
def test_the_footer_says_who_answers_and_how_to_leave(
    locale: str, leave: str, mailto: str, answers: str
) -> None:
    render, built = digest_renderer(), digest(waits(), locale=locale)
    mail = render(replace(built, contact=PAGES)).with_link("https://news.example.org/u/token?a&b")
    *_, before, link = mail.text.rstrip().split("\n")
    assert before.startswith(leave)
    assert link == "https://news.example.org/u/token?a&b"  # alone on its line, however long
    assert 'href="https://news.example.org/u/token?a&amp;b"' in mail.html
    assert leave in mail.html
    assert "".join(answers.split()) in "".join(mail.text.split())
    assert OWN_LINK not in mail.text + mail.html
    by_mail = render(replace(built, contact=Contact(answers="editor@example.org")))
    assert 'href="mailto:editor@example.org?subject=unsubscribe%20AI' in by_mail.html
    assert mailto in by_mail.html
    assert "https://news.example.org/u/" not in by_mail.text
    assert "unsubscribe" in by_mail.text


def test_a_feed_cannot_write_what_stands_for_the_link() -> None:
    assert clean(f"before {OWN_LINK} after") != f"before {OWN_LINK} after"
    assert OWN_LINK[0] not in clean(OWN_LINK)
    assert OWN_LINK[0] not in absolute(f"https://a.example.org/{OWN_LINK}", "https://a.example.org/")


SAID, SAID_OTHERWISE = "澄湖科技发布「星槎」大模型，只用三百块芯片", "只用三百块芯片：澄湖科技推出星槎大模型"
OTHER = "https://other.example.org/rss"


def _stories() -> Stories:
    before = NOW - timedelta(days=1)
    mailed = (
        Mailed(seq=90, title="澄湖科技正洽谈收购芯片企业芦笛微", feed_url=OTHER, when=before, at=before),
        Mailed(seq=91, title="鹭岛大学研制出发光水稻", feed_url=OTHER, when=before, at=before),
    )
    return Stories(reader=READER, past=Past(READER, mailed), retitled={})


@pytest.mark.parametrize(
    ("locale", "also", "update", "known"),
    [
        ("zh-Hans", "另见 1 家", "更新：昨日 08:00 已发过", ("此前已发报道的其他来源", "昨日 08:00 已发")),
        ("zh-Hant", "另見 1 家", "更新：昨日 08:00 已寄過", ("先前已寄報導的其他來源", "昨日 08:00 已寄")),
        (
            "en",
            "Also in 1 other feed",
            "Update of what was sent yesterday 08:00",
            ("Other sources of what was sent before", "sent yesterday 08:00"),
        ),
    ],
)
def test_copies_updates_and_known_stories_are_told_in_three_languages(
    locale: str, also: str, update: str, known: tuple[str, str]
) -> None:
    shown = rendered(
        waits(SAID, seq=1, text="全文很长"),
        waits(SAID_OTHERWISE, seq=2, feed_url=OTHER),
        waits("澄湖科技宣布收购芯片企业芦笛微", "f2", seq=3, summary=SUMMARY),
        waits("鹭岛大学发光水稻研制成功", "f2", seq=4, feed_url=OTHER, published=NOW - timedelta(hours=22)),
        locale=locale,
        stories=_stories(),
    )
    for part in (shown.text, words(shown.html)):
        assert all(text in part for text in (also, update, *known))
        assert part.index(update) < part.index(known[0])
    for number in range(1, 5):
        link = f"https://news.example.org/{number}/"
        assert link in shown.text.splitlines()
        assert soup(shown.html).find("a", href=link)
    assert SUMMARY[:10] not in shown.text, "an update has no excerpt"
    assert shown.subject.startswith(SAID[:10])


def test_the_archive_says_of_what_was_sent_before_when_and_counts_no_section_of_such_alone() -> None:
    fresh = waits(SAID, "f2", seq=1, text="全文很长")
    known = waits("鹭岛大学发光水稻研制成功", seq=4, feed_url=OTHER, published=NOW - timedelta(hours=22))
    update = waits("澄湖科技宣布收购芯片企业芦笛微", "f3", seq=3)
    rules = [(rule(name, max=1), f"f{at}") for at, name in enumerate(("人工智能", "芯片", "机器人"), 1)]
    first = waits("机器人搬走了纸箱", "f3", seq=5, published=NOW - timedelta(minutes=5))
    issue = digest(fresh, known, update, first, rules=rules, stories=_stories())
    assert [(len(each.items), len(each.more), len(each.known)) for each in issue.sections] == [
        (1, 0, 0),
        (1, 1, 0),
        (0, 0, 1),
    ], "what has no news comes last"
    shown = archive_renderer().issue(issue)
    assert "芯片 1 · 机器人 2 芯片 1 条" in words(shown.html)
    assert "鹭岛大学发光水稻研制成功 · 昨日 08:00 已发" in words(shown.content)
    assert "澄湖科技宣布收购芯片企业芦笛微 · 更新：昨日 08:00 已发过" in words(shown.content)


def test_a_hostile_copy_is_text_and_no_link() -> None:
    evil = waits(
        SAID_OTHERWISE, seq=2, feed_url=OTHER, link="javascript:alert(1)", story="<script>alert(1)</script>"
    )
    feeds = {OTHER: "<img src=x onerror=alert(1)>\u202e"}
    shown = rendered(waits(SAID, seq=1, text="全文很长"), evil, feeds=feeds, stories=_stories())
    assert "javascript:" not in shown.html + shown.text
    assert "<img" not in shown.html
    assert "<img src=x onerror=alert(1)>" in words(shown.html)
    assert "\u202e" not in shown.html + shown.text


def test_a_word_that_stands_in_a_copy_alone_is_named_as_such() -> None:
    copy = PendingEntry(
        seq=2,
        entry=entry(SAID_OTHERWISE, number=2, feed_url=OTHER),
        matches=(match("f1", hits=(hit("星槎", start=14),)),),
    )
    full = PendingEntry(seq=1, entry=entry(SAID, text="全文很长"), matches=(match("f2", hits=()),))
    shown = rendered(copy, full, stories=_stories())
    assert "另见的报道命中“星槎”" in shown.text


def test_five_hundred_items_with_copies_stand_each_with_its_link() -> None:
    pending = [
        waits(title, f"f{n % 2 + 1}", seq=2 * n + k, feed_url=url, link=f"https://news.example.org/{n}-{k}")
        for n in range(500)
        for k, (url, title) in enumerate(
            ((OTHER, f"第{n}条，研究所教大模型辨认鸟鸣"), ("", f"大模型辨认鸟鸣，研究所第{n}条"))
        )
    ]
    parts = parts_of(*pending, stories=_stories())
    brought = [seq for part in parts.parts for each in part.digest.items for seq in each.entries]
    left = [seq for each in parts.left for seq in each.entries]
    assert sorted(brought + left) == list(range(1000))
    texts = "".join(part.rendered.text for part in parts.parts).splitlines()
    assert all(f"https://news.example.org/{seq // 2}-{seq % 2}" in texts for seq in brought)
