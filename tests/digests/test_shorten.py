import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.digests.shorten import EXCERPT, HEADLINE, excerpt, headline, unshouted
from monitor.digests.wrap import columns
from monitor.model.feeds import Entry
from monitor.model.rules import Hit
from tests.make import entry

FILLER = "这一句大约有二十个字，用来把段落拉长一些吧。"  # 22 characters


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("用AI写作业之后，老师们改了什么", "用AI写作业之后，老师们改了什么"),
        ("开源大模型的重心正在转移：两千块芯片如何追上一万六千块", "开源大模型的重心正在转移"),
        ("谁来为人工智能的电费付账？一个小镇的答案与它的邻居们", "谁来为人工智能的电费付账？"),
        ("直播：人工智能峰会的第二天发生了什么以及第三天会怎样", "直播：人工智能峰会的第二天发生了什么以…"),
        ("他称“人工智能没有意识，但是它会让你以为它有意识”这件事", "他称“人工智能没有意识，但是它会让你以…"),
        ("关于机器翻译的一切都要从《一本没有人读过的旧词典》说起", "关于机器翻译的一切都要从…"),
        ("OpenAI releases a new model that nobody expected this year", "OpenAI releases a new model that…"),
        ("AI spending: why the largest companies cannot stop now", "AI spending: why the largest companies…"),
        ("The chips — and the towns that make them, at last told", "The chips — and the towns that make…"),
        ("The chips that you buy — and the towns that make them", "The chips that you buy"),
        ("x" * 80, "x" * 38 + "…"),
        ("字" * 30, "字" * 19 + "…"),
    ],
)
def test_a_title_is_shortened_where_it_pauses(title: str, short: str) -> None:
    assert headline(title) == short


@given(st.text("字，：“”《》（） ab—", max_size=400))
def test_no_headline_is_too_wide(title: str) -> None:
    short = headline(title)
    assert columns(short) <= HEADLINE
    assert "  " not in short


@pytest.mark.parametrize(
    ("subject", "calm"),
    [
        ("用AI写作业 等 3 条 · AI 日报 · 11月24日", "用AI写作业_等_3_条_·_AI_日报_·_11月24日"),
        ("开源大模型 等 3 条 · 日报 · 11月24日", "开源大模型 等 3 条 · 日报 · 11月24日"),
        ("DeepSeek 等 3 条 · AI 日报", "DeepSeek 等 3 条 · AI 日报"),
    ],
)
def test_a_subject_of_capitals_alone_does_not_look_like_shouting(subject: str, calm: str) -> None:
    assert unshouted(subject) == calm.replace("_", "\u00a0")


def hit_of(candidate: Entry, field: str, word: str) -> Hit:
    start = getattr(candidate, field).index(word)
    return Hit(field=field, word=word, found=word, start=start, end=start + len(word))


def marked(candidate: Entry, *hits: Hit) -> list[str]:
    shown = excerpt(candidate, hits).marked
    return [piece.text for piece in shown.lead + shown.tail if piece.marked]


def test_a_short_summary_is_shown_whole() -> None:
    assert excerpt(entry(summary="一句。\n两句"), []).marked.text == "一句。两句"


def test_without_a_summary_the_text_begins() -> None:
    assert excerpt(entry(text="正文。"), []).marked.text == "正文。"


def test_without_either_there_is_nothing() -> None:
    assert excerpt(entry(), []).marked.text == ""


def test_a_summary_that_repeats_the_title_is_passed_over() -> None:
    assert excerpt(entry("标题", summary=" 标题\n", text="正文。"), []).marked.text == "正文。"


def test_a_long_summary_is_cut_at_a_sentence() -> None:
    assert excerpt(entry(summary=FILLER * 8), []).marked.text == FILLER * 5


@pytest.mark.parametrize("end", ["。", "！", "？”", "。」", ". ", "!' ", "\n"])
def test_sentences_end_in_many_ways(end: str) -> None:
    first = "word" * 20 + end
    assert excerpt(entry(summary=first + "more " * 40), []).marked.text == first.strip()


@pytest.mark.parametrize("no_end", ["U.S. officials", "A.I.公司", "example.org", "3.5", "url?a=b"])
def test_not_every_stop_ends_a_sentence(no_end: str) -> None:
    text = "字" * 60 + no_end + "字" * 100
    assert len(excerpt(entry(summary=text), []).marked.text) > 110


def test_a_sentence_too_long_is_cut_at_a_clause() -> None:
    text = "字" * 70 + "，" + "词" * 30 + "，" + "句" * 60
    assert excerpt(entry(summary=text), []).marked.text == "字" * 70 + "，" + "词" * 30 + "…"


def test_a_clause_too_long_is_cut_where_the_room_ends() -> None:
    assert excerpt(entry(summary="短，" + "字" * 200), []).marked.text == "短，" + "字" * 117 + "…"


def test_a_clause_is_the_end_only_where_it_fills_more_than_half_of_the_room() -> None:
    assert excerpt(entry(summary="字" * 61 + "，" + "词" * 100), []).marked.text == "字" * 61 + "…"
    assert (
        excerpt(entry(summary="字" * 60 + "，" + "词" * 100), []).marked.text
        == "字" * 60 + "，" + "词" * 58 + "…"
    )


def test_a_latin_word_is_not_torn() -> None:
    text = "字" * 115 + "DeepSeek" + "字" * 30
    assert excerpt(entry(summary=text), []).marked.text == "字" * 115 + "…"


def test_a_latin_word_that_would_fill_the_room_is_torn() -> None:
    assert excerpt(entry(summary="x" * 300), []).marked.text == "x" * 119 + "…"


def test_hits_in_the_excerpt_are_marked() -> None:
    candidate = entry(summary="用AI写作业。")
    assert marked(candidate, hit_of(candidate, "summary", "AI")) == ["AI"]


def test_hits_elsewhere_are_not_marked_in_the_excerpt() -> None:
    candidate = entry("AI 来了", summary="用AI写作业。")
    assert marked(candidate, hit_of(candidate, "title", "AI")) == []


def test_where_the_beginning_shows_no_hit_the_sentence_with_it_is_shown() -> None:
    candidate = entry(summary=FILLER * 6 + "后来DeepSeek来了。" + FILLER)
    hit = hit_of(candidate, "summary", "DeepSeek")
    assert excerpt(candidate, [hit]).marked.text == "…后来DeepSeek来了。" + FILLER
    assert marked(candidate, hit) == ["DeepSeek"]


def test_the_hits_that_the_excerpt_shows_are_told() -> None:
    candidate = entry(summary="用AI写作业。" + FILLER * 8 + "AI")
    first = hit_of(candidate, "summary", "AI")
    last = first._replace(start=len(candidate.summary) - 2, end=len(candidate.summary))
    assert excerpt(candidate, [first, last]).shown == (first,)


def test_where_the_title_shows_a_hit_the_beginning_stays() -> None:
    candidate = entry("DeepSeek 来了", summary=FILLER * 6 + "后来DeepSeek来了。")
    hits = [hit_of(candidate, "title", "DeepSeek"), hit_of(candidate, "summary", "DeepSeek")]
    assert excerpt(candidate, hits).marked.text == FILLER * 5


def test_a_hit_in_the_text_only_is_shown_from_the_text() -> None:
    candidate = entry(summary="摘要。", text=FILLER * 6 + "后来DeepSeek来了。")
    hit = hit_of(candidate, "text", "DeepSeek")
    assert excerpt(candidate, [hit]).marked.text == "…后来DeepSeek来了。"
    assert marked(candidate, hit) == ["DeepSeek"]


def test_a_summary_with_a_hit_goes_before_the_text() -> None:
    candidate = entry(summary=FILLER * 6 + "后来DeepSeek来了。", text="DeepSeek在正文。")
    hits = [hit_of(candidate, "summary", "DeepSeek"), hit_of(candidate, "text", "DeepSeek")]
    assert excerpt(candidate, hits).marked.text == "…后来DeepSeek来了。"


def test_a_hit_in_a_field_that_is_not_shown_leaves_the_beginning() -> None:
    candidate = entry("标题", summary="标题", text="正文。")
    assert excerpt(candidate, [hit_of(candidate, "summary", "标题")]).marked.text == "正文。"


def test_in_a_very_long_sentence_the_clause_with_the_hit_is_shown() -> None:
    candidate = entry(text="字" * 150 + "，" + "词" * 20 + "DeepSeek" + "句" * 150)
    text = excerpt(candidate, [hit_of(candidate, "text", "DeepSeek")]).marked.text
    assert text.startswith("…" + "词" * 20 + "DeepSeek句")
    assert text.endswith("句…")
    assert len(text) == EXCERPT


@pytest.mark.parametrize(("before", "shown"), [(71, 71), (72, 40)])
def test_a_sentence_is_shown_from_its_beginning_where_the_hit_ends_within_two_thirds_of_the_room(
    before: int, shown: int
) -> None:
    candidate = entry(text=FILLER * 6 + "字" * before + "DeepSeek" + "句" * 200)
    text = excerpt(candidate, [hit_of(candidate, "text", "DeepSeek")]).marked.text
    assert text.startswith("…" + "字" * shown + "DeepSeek")


def test_in_a_very_long_clause_the_hit_is_shown_with_what_stands_around_it() -> None:
    candidate = entry(text="字" * 200 + "DeepSeek" + "句" * 200)
    hit = hit_of(candidate, "text", "DeepSeek")
    assert excerpt(candidate, [hit]).marked.text.startswith("…" + "字" * 40 + "DeepSeek")
    assert marked(candidate, hit) == ["DeepSeek"]


@given(st.text("字词。，“”！ab .\n ", max_size=400), st.text("字词。，a. \n", max_size=400), st.data())
def test_no_excerpt_is_longer_than_allowed_and_it_shows_a_hit(
    summary: str, text: str, data: st.DataObject
) -> None:
    candidate = entry(summary=summary, text=text)
    fields = [field for field in ("summary", "text") if getattr(candidate, field).strip()]
    hits = []
    if fields:
        field = data.draw(st.sampled_from(fields))
        inked = [n for n, character in enumerate(getattr(candidate, field)) if not character.isspace()]
        start = data.draw(st.sampled_from(inked))
        hits = [
            Hit(field=field, word="x", found=getattr(candidate, field)[start], start=start, end=start + 1)
        ]
    assert len(excerpt(candidate, hits).marked.text) <= EXCERPT
    if hits:
        assert len(marked(candidate, *hits)) == 1
