import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.digests.headline import LONGEST, headline
from monitor.digests.wrap import columns


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
    assert columns(short) <= LONGEST
    assert "  " not in short
