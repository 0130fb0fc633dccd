import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.digests.marked_text import MarkedText, Piece, mark_hits, plain_text


def test_hits_are_marked() -> None:
    assert mark_hits("用AI写作业", [(1, 3)]) == MarkedText(
        lead=(Piece("用", False), Piece("AI", True), Piece("写作业", False))
    )


def test_overlapping_hits_are_one_mark() -> None:
    assert [piece.text for piece in mark_hits("开源大模型", [(0, 4), (2, 5)]).lead] == ["开源大模型"]


def test_the_text_without_marks_is_the_text() -> None:
    assert mark_hits("开源大模型的重心正在转移。", [(2, 5)]).text == "开源大模型的重心正在转移。"


def test_an_empty_text_is_an_empty_phrase() -> None:
    assert mark_hits("") == MarkedText(lead=())
    assert mark_hits(" \n").text == ""


@pytest.mark.parametrize(
    "poison", ["\x00", "\x1b", "\ud83d", "\u202e", "\u2066", "\u200f", "\u200b", "\u3164"]
)
def test_characters_that_are_no_text_are_dropped_and_marks_stay_in_place(poison: str) -> None:
    shown = mark_hits(f"{poison}用{poison}AI{poison}写", [(3, 5)])
    assert shown == MarkedText(lead=(Piece("用", False), Piece("AI", True), Piece("写", False)))


def test_joined_emoji_stay_joined() -> None:
    assert plain_text("👩‍👩‍👧") == "👩‍👩‍👧"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  two \t words\n", "two words"),
        ("第一段。\n\n第二段", "第一段。第二段"),
        ("用 AI 写\nAI 稿", "用 AI 写 AI 稿"),
        ("one\ntwo", "one two"),
        ("两会 代表", "两会 代表"),
        ("两会\u3000代表", "两会 代表"),
        ("他说\n“好”", "他说“好”"),
        ("a\u2028b\x85c", "a b c"),
    ],
)
def test_space_is_set_as_in_one_line(text: str, shown: str) -> None:
    assert plain_text(text) == shown


def test_a_space_within_a_mark_is_marked() -> None:
    assert mark_hits("a deep  mind b", [(2, 12)]).lead == (
        Piece("a ", False),
        Piece("deep mind", True),
        Piece(" b", False),
    )


def test_ellipses_are_added_unmarked() -> None:
    assert mark_hits("AI", [(0, 2)], before="…", after="…").lead == (
        Piece("…", False),
        Piece("AI", True),
        Piece("…", False),
    )


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("这让最大的公司的看法受到质疑。", "质疑。"),
        ("他们说：“不是更便宜，而是算得更清楚”。", "清楚”。"),
        ("两千块芯片如何追上一万六千块", "千块"),
        ("太短的不用管它。", ""),
        ("结尾是一个英文单词的句子 DeepSeek", ""),
        ("结尾前面是英文的句子 AI好", ""),
        ("。。。。。。。。。。。。。。。", ""),
    ],
)
def test_the_last_two_characters_stay_together(text: str, tail: str) -> None:
    shown = mark_hits(text)
    assert "".join(piece.text for piece in shown.tail) == tail
    assert shown.text == text


def test_a_mark_may_reach_into_the_tail() -> None:
    shown = mark_hits("这一句话的最后几个字是大模型", [(11, 14)])
    assert (shown.lead[-1], shown.tail) == (Piece("大", True), (Piece("模型", True),))


def test_of_many_hits_the_first_twelve_are_marked() -> None:
    every_second = [(at, at + 1) for at in range(0, 400, 2)]
    marked = mark_hits("ab" * 200, every_second)
    assert [piece.marked for piece in marked.lead].count(True) == 12
    assert marked.text == "ab" * 200


@given(
    st.lists(
        st.sampled_from(["a", "b", "大", "模", " ", "。", "“", "x y", "\u200b", "\n", "\u3000", "  "]),
        max_size=25,
    ),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5),
)
def test_a_tidy_text_is_shown_as_any_other(parts: list[str], spans: list[tuple[int, int]]) -> None:
    text = "".join(parts)
    spans = [(start, min(end, len(text))) for start, end in spans if start < min(end, len(text))]
    looked_at_by_the_character = mark_hits(f"{text}\x00", spans, before="…", after="…")
    assert mark_hits(text, spans, before="…", after="…") == looked_at_by_the_character
    assert plain_text(text) == mark_hits(f"{text}\x00").text


@pytest.mark.parametrize(
    ("text", "spans", "lead"),
    [
        ("a b c", [(0, 2)], (Piece("a", True), Piece(" b c", False))),
        ("a b c", [(1, 3)], (Piece("a ", False), Piece("b", True), Piece(" c", False))),
        ("a b c", [(0, 1), (2, 3)], (Piece("a b", True), Piece(" c", False))),
        ("a b c", [(1, 2)], (Piece("a b c", False),)),
        ("a b c", [(0, 9)], (Piece("a b c", True),)),
    ],
)
def test_a_space_is_marked_between_what_is_marked(
    text: str, spans: list[tuple[int, int]], lead: tuple[Piece, ...]
) -> None:
    assert mark_hits(text, spans).lead == lead
