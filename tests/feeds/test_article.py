"""An article is read from a page or from a text that somebody kept."""

import pytest

from monitor.feeds.article import read_article
from monitor.model.feeds import Entry
from tests import make

BODY = "第一段。\n\n第二段 < 第三段。"
PAGE = """<!DOCTYPE html><html><head><title>页面标题 - 示例网</title></head><body><nav>首页</nav>{heading}
<article><p>第一段。</p><p>第二段。</p></article><footer>版权</footer></body></html>"""


@pytest.mark.parametrize(
    ("text", "title", "link"),
    [
        (
            f"[一个标题](https://news.example.org/1/)\n\n---\n\n{BODY}",
            "一个标题",
            "https://news.example.org/1/",
        ),
        (f"# 一个标题\n{BODY}", "一个标题", ""),
        (f"一个标题\n====\n{BODY}", "一个标题", ""),
        (f"<!-- 存于昨天 -->\n一个标题\n{BODY}", "一个标题", ""),
        (f"\ufeff一个标题\n{BODY}", "一个标题", ""),
        ("很长的一段" * 30 + f"\n{BODY}", "", ""),
    ],
)
def test_the_title_of_a_text_stands_first(text: str, title: str, link: str) -> None:
    article = read_article(text.encode(), now=make.NOW)
    assert (article.title, article.link) == (title, link)
    assert said(article).endswith("第二段 < 第三段。")


def said(article: Entry) -> str:
    """A short text is all summary."""
    return article.text or article.summary


def test_a_line_alone_is_a_text_without_a_title() -> None:
    article = read_article(b"AI", now=make.NOW)
    assert (article.title, said(article)) == ("", "AI")


@pytest.mark.parametrize(
    ("heading", "title"), [("", "页面标题"), ("<h1>页内的<b>标题</b></h1>", "页内的标题")]
)
def test_of_a_page_only_the_article_is_read(heading: str, title: str) -> None:
    article = read_article(
        PAGE.format(heading=heading).encode(), link="https://news.example.org/2/", now=make.NOW
    )
    assert (article.title, said(article)) == (title, "第一段。\n第二段。")
    assert (article.link, article.story) == ("https://news.example.org/2/", "https://news.example.org/2/")


def test_a_page_without_an_article_is_read_without_what_stands_around_it() -> None:
    page = "<body><header>头</header><p>正文</p><aside>旁</aside><address>甲, 乙</address></body>"
    article = read_article(page.encode(), now=make.NOW)
    assert article.title == ""
    assert "正文" in said(article)
    assert "头" not in said(article)
    assert "旁" not in said(article)
    assert article.authors == ("甲", "乙")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=gbk><h1>标题</h1><p>正文</p>".encode("gbk"), "text/html"),
        ("<h1>标题</h1><p>正文</p>".encode("gbk"), "text/html; charset=GB2312"),
        ("<h1>标题</h1><p>正文</p>".encode(), "text/html; charset=gbk"),
    ],
)
def test_the_encoding_is_the_pages_own(body: bytes, content_type: str) -> None:
    assert read_article(body, content_type, now=make.NOW).title == "标题"


def test_what_a_publisher_we_know_puts_around_its_articles_is_left_out() -> None:
    link = "https://cn.nytimes.com/technology/20260101/example/"
    page = "<h1>标题</h1><p>正文。</p><figure><figcaption>图片由AI生成</figcaption></figure><p>翻译：某某</p>"
    article = read_article(page.encode(), link=f"{link}?utm_source=RSS", now=make.NOW)
    assert article.link == link
    assert "technology" in article.sections
    assert "正文" in said(article)
    assert "AI" not in said(article)
