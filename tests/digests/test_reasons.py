from typing import Any

import pytest

from monitor.config.options import ENTRY_FIELDS
from monitor.digests.language import language_of
from monitor.digests.view import ItemView, digest_view
from monitor.model.digests import Digest, Item, Section, Slot
from monitor.model.rules import Hit, Reason
from tests.make import NOW, entry, hit, subscription

BODY = "字" * 130 + "。"  # more than an excerpt shows


def viewed(item: Item, locale: str = "zh-Hans", *, by_title: bool = False) -> ItemView:
    digest = Digest(
        subscription=subscription(locale=locale),
        slot=Slot.named("at:2026-11-24T08:00", NOW),
        at=NOW,
        since=None,
        sections=(
            Section(rule="人工智能", items=() if by_title else (item,), more=(item,) if by_title else ()),
        ),
    )
    (section,) = digest_view(digest, language_of(locale)).sections
    (shown,) = section.items + section.more
    return shown


def item(*reasons: Reason, **differ: Any) -> Item:
    values = {"title": "开源大模型的重心正在转移", **differ}
    return Item(seq=1, entry=entry(**values), feed="甲报", reasons=reasons)


def why(*hits: Hit, others: tuple[str, ...] = (), locale: str = "zh-Hans", **differ: Any) -> tuple[str, ...]:
    reasons = (Reason(rule="人工智能", hits=hits), *(Reason(rule=rule, hits=()) for rule in others))
    return viewed(item(*reasons, **differ), locale).why


def marked(shown: ItemView) -> list[str]:
    return [
        piece.text for text in (shown.title, shown.excerpt) for piece in text.lead + text.tail if piece.marked
    ]


def in_text(word: str, text: str, field: str = "text") -> Hit:
    return hit(word, field=field, start=text.index(word))


def test_nothing_is_said_where_title_and_excerpt_show_every_word() -> None:
    summary = "研究者说，算力不够。"
    assert why(hit(), in_text("算力", summary, "summary"), summary=summary) == ()


def test_a_word_that_no_mark_shows_is_named_with_its_place() -> None:
    text = BODY + "后来算力和芯片都不够。"
    assert why(hit(), in_text("算力", text), in_text("芯片", text), text=text) == ("正文命中“算力”、“芯片”",)


def test_a_word_shown_in_one_place_is_not_named_for_another() -> None:
    text = BODY + "大模型，又是大模型。"
    assert why(hit(), in_text("大模型", text), text=text) == ()


def test_a_word_shown_in_another_spelling_is_not_named() -> None:
    shown = hit("AI", start=2)
    assert why(shown, hit("AI", found="A.I.", field="text", start=0), title="用 AI 写", text=BODY) == ()
    assert why(shown, hit("A*", found="ai", field="text", start=0), title="用 AI 写", text=BODY) == ()


def test_the_other_rules_are_named_after_the_words() -> None:
    author = hit("王", field="author", start=0)
    assert why(author, others=("芯片", "AI 公司、人物"), authors=("王",)) == (
        "作者命中“王”",
        "也符合规则“芯片”、“AI 公司、人物”",
    )
    assert why(hit(), others=("芯片",)) == ("也符合规则“芯片”",)


def test_a_word_of_two_rules_is_named_once() -> None:
    link = hit("news", field="link", start=8)
    both = item(Reason(rule="甲", hits=(link,)), Reason(rule="乙", hits=(link,)))
    assert viewed(both).why == ("链接命中“news”", "也符合规则“乙”")


def test_of_many_rules_three_are_named_with_the_number_of_the_others() -> None:
    assert why(hit(), others=("甲", "乙", "丙", "丁", "戊")) == ("也符合规则“甲”、“乙”、“丙”，另有 2 条规则",)
    assert why(hit(), others=("a", "b", "c", "d"), locale="en") == (
        "Also matches “a”, “b”, “c” and 1 more rule",
    )


def test_of_many_words_six_are_named() -> None:
    six = [hit(word, field="link", start=900) for word in "一二三四五六"]
    assert why(*six) == ("链接命中“一”、“二”、“三”、“四”、“五”、“六”",)
    seven = hit("七", field="link", start=900)
    assert why(*six, seven) == ("链接命中“一”、“二”、“三”、“四”、“五”、“六”等",)
    assert why(*six, seven, locale="en")[0].endswith(", “六” and others")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (
            "zh-Hans",
            "标题命中“w0” 摘要命中“w1” 正文命中“w2” 作者命中“w3” 栏目命中“w4” 链接命中“w5” 来源命中“w6”",
        ),
        (
            "zh-Hant",
            "標題符合「w0」 摘要符合「w1」 內文符合「w2」 作者符合「w3」 欄目符合「w4」 連結符合「w5」 來源符合「w6」",
        ),
        (
            "en",
            "Matched in the title: “w0” Matched in the summary: “w1” Matched in the body: “w2” Matched by author: “w3”"
            " Matched by section: “w4” Matched in the link: “w5” Matched by feed: “w6”",
        ),
    ],
)
def test_a_word_may_be_found_in_every_field(locale: str, expected: str) -> None:
    hits = [hit(f"w{number}", field=field, start=900) for number, field in enumerate(ENTRY_FIELDS)]
    assert " ".join([*why(*hits[:4], locale=locale), *why(*hits[4:], locale=locale)]) == expected


def test_a_mark_covers_the_whole_word() -> None:
    hits = (hit("*GPT", found="GPT", start=6), hit("nano*", found="nano", start=10))
    shown = viewed(item(Reason(rule="甲", hits=hits), title="用上ChatGPT和nanochips的人"))
    assert (marked(shown), shown.why) == (["ChatGPT", "nanochips"], ())


@pytest.mark.parametrize(
    ("field", "differ", "text", "word"),
    [
        ("author", {"authors": ("甲", "MyGPT组")}, "甲, MyGPT组", "MyGPT"),
        ("section", {"sections": ("AutoGPT",)}, "AutoGPT", "AutoGPT"),
        ("link", {"link": "https://example.org/chatGPT/"}, "https://example.org/chatGPT/", "chatGPT"),
    ],
)
def test_a_word_is_named_whole_in_every_field(
    field: str, differ: dict[str, Any], text: str, word: str
) -> None:
    found = hit("*GPT", found="GPT", field=field, start=text.index("GPT"))
    assert f"“{word}”" in why(found, **differ)[0]


def test_a_word_within_chinese_or_without_end_is_marked_as_it_was_found() -> None:
    assert marked(viewed(item(Reason(rule="甲", hits=(hit("AI", start=1),)), title="用AI写作业"))) == ["AI"]
    long = Reason(rule="甲", hits=(hit("*GPT*", found="GPT", start=60),))
    assert marked(viewed(item(long, title="x" * 60 + "GPT" + "y" * 60))) == ["GPT"]


def test_a_word_that_a_regular_expression_found_is_cut() -> None:
    text = BODY + "AI  " + "\n很长的一段" * 3000 + "AI"
    found = hit("/AI.*AI/", found=text[131:], field="text", start=131)
    assert why(found, hit(), text=text, summary="字。") == ("正文命中“AI " + "很长的一段" * 7 + "很…”",)


def test_of_an_item_shown_by_title_nothing_is_said() -> None:
    found = Reason(rule="甲", hits=(hit("x", field="link", start=0),))
    assert viewed(item(found), by_title=True).why == ()
