from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.sanitize import Page, paragraphs, plain
from tests.cost import cpu_seconds


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<p>第一段，<b>粗</b>体。</p><p>第二段。</p>", ["第一段，粗体。", "第二段。"]),
        ("开头<p>段落</p>结尾", ["开头", "段落", "结尾"]),
        ("一<br>二<hr>三", ["一", "二", "三"]),
        ("<ul><li>甲<li>乙</ul>", ["甲", "乙"]),
        ("a\n  b &amp; c &lt;d&gt; &nbsp; e", ["a b & c <d> e"]),
        ("<p>a<b></b></p>b", ["a", "b"]),
        ("", []),
        ("<img src='x'>", []),
        ("前<script>alert(1)</script><style>b{}</style><iframe>x</iframe>后", ["前后"]),
        ("前<svg><text>x</text></svg><math><mi>y</mi></math><form>z</form>后", ["前后"]),
        ("前<!-- 藏 -->后<!-- 未完", ["前后"]),
        ("前<plaintext>后</p>", ["前后</p>"]),
        ("前<a href='x>后", ["前"]),
        ("<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", ["'>"]),
    ],
)
def test_html_becomes_paragraphs_of_plain_text(html: str, wanted: list[str]) -> None:
    assert paragraphs(html) == wanted
    assert Page(html).paragraphs() == wanted, "both ways through say the same"


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "x" + "</div>" * 100_000,
        "<ul><li>x" * 50_000,
        "<blockquote><p>x" * 50_000,
        "<b><i><font>x" * 50_000,
        "<p " + " ".join(f'a{number}="1"' for number in range(100_000)) + ">x",
        "<" * 100_000,
        "<a" * 100_000,
    ],
    ids=["div", "lists", "quotes", "inline", "attributes", "angles", "open tags"],
)
@pytest.mark.timeout(10)
def test_html_made_to_be_slow_is_read_at_once(html: str) -> None:
    Page(html).drop("figure, hr ~ div")
    assert len(paragraphs(html)) <= 400


def test_pictures_in_data_urls_cost_no_text_behind_them() -> None:
    picture = f'<img src="data:image/png;base64,{"A" * 20_000_000}">'
    assert paragraphs(f"<p>前</p>{picture}<p>后</p>") == ["前", "后"]


def test_a_very_long_text_is_cut() -> None:
    assert len("".join(paragraphs("字" * 1_000_000))) == 300_000


@pytest.mark.parametrize(
    ("html", "lead"),
    [
        ("摘要<b>在此</b>。<p>图</p><p>说明</p>", "摘要在此。"),
        (" \n<p>没有摘要</p>", ""),
        ("只有摘要", "只有摘要"),
        ("<div>整块<p>段</p></div>", ""),
        ("", ""),
    ],
)
def test_the_lead_is_what_stands_before_the_first_block(html: str, lead: str) -> None:
    assert Page(html).lead() == lead


def test_parts_of_a_page_can_be_dropped() -> None:
    page = Page(
        "<p>文</p><figure>图<figcaption>注</figcaption></figure><p style='color: gray'>来源</p><hr><div>广告</div>",
        keep=(("p", "style"),),
    )
    page.drop("figure, p[style*=gray], hr ~ div")
    assert page.paragraphs() == ["文"]


def test_links_are_absolute_and_of_the_web() -> None:
    page = Page(
        "<a href='https://a.test/'>甲 <b>乙</b></a><a href='javascript:alert(1)'>丙</a><a href='/x'>丁</a>"
        "<a href='//evil.test/'>戊</a><a href='data:text/html,x'>己</a><a>庚</a>"
    )
    assert page.links() == [("https://a.test/", "甲 乙")]


def test_an_attribute_and_a_text_are_of_the_first_such_tag() -> None:
    page = Page(
        "<address>某甲<br>某乙</address><time pudate='2026-11-24 09:43:49' datetime='x'>日期</time><time pudate='y'>",
        keep=(("time", "pudate"),),
    )
    assert page.attribute("time", "datetime") == "", "only what is to be kept"
    assert page.attribute("time", "pudate") == "2026-11-24 09:43:49"
    assert page.attribute("figure", "style") == ""
    assert page.first_text("address") == "某甲 某乙"
    assert page.first_text("footer") == ""


def test_a_text_without_markup_needs_no_parser() -> None:
    assert plain("若 A > B") == "若 A > B"
    assert plain("<b>甲</b>&amp;<p>乙") == "甲& 乙"


_PIECES = (
    *(
        "<p>",
        "</p>",
        "<P\n>",
        "<br>",
        "<br/>",
        "</br>",
        "<a href='x'>",
        "</a>",
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<u>",
        "</u>",
    ),
    *(
        "<div>",
        "</div>",
        "<ul>",
        "</ul>",
        "<li>",
        "</li>",
        "<h2>",
        "</h2>",
        "<h3>",
        "</h3>",
        "<blockquote>",
        "</blockquote>",
    ),
    *(
        "<img src=x />",
        '<span class="a b">',
        "</span>",
        "<font>",
        "</font>",
        "<a/>",
        "<p/>",
        "x",
        "y ",
        " ",
        "\n",
        "\r",
        "\x85",
        "文",
    ),
    *(
        "&amp;",
        "&lt;",
        "&nbsp;",
        "&#60;p&#62;",
        "&copy",
        "&",
        "&x;",
        ">",
        "&#13;",
        "&#x0;",
        "</P >",
        "<table>",
        "<!--",
    ),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_simple_html_is_read_without_a_parser_as_with_one(html: str) -> None:
    # A picture in a tag that no text has sends it to the parser.
    with_parser = paragraphs(f"<picture></picture>{html}")
    assert paragraphs(html) == with_parser


def test_many_blocks_side_by_side_cost_what_few_cost_each() -> None:
    def read(count: int) -> Callable[[], object]:
        return lambda: Page("<p>x</p>" * count).paragraphs()

    few, many = cpu_seconds(*[read(1000)] * 3), cpu_seconds(*[read(16_000)] * 2)
    assert many < few * 16 * 4


def test_ends_of_what_was_never_opened_do_not_hide_how_deep_elements_are() -> None:
    deep = "</rt><ul>" * 5000
    assert Page(f"<p>before</p>{deep}behind").paragraphs() == ["before"]
    assert paragraphs(f"<p>before</p>{deep}behind") == ["before"]
