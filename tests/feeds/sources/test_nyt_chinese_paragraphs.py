import pytest

from monitor.feeds.sources.nyt_chinese import article_paragraphs

BODY = ["第一段说了一件事。", "第二段说了另一件事。"]


@pytest.mark.parametrize(
    "foot",
    [
        ["某甲撰写有关人工智能、无人驾驶汽车、机器人和其他技术新兴领域的新闻。点击查看更多关于他的信息。"],
        ["Jane Doe撰写关于人工智能的新闻。"],
        ["某甲是时报科技记者，常驻台北，报道亚洲地区的商业和科技新闻。"],
        ["某甲(Jane Doe)是《纽约时报》驻京记者。", "某乙对本文有研究贡献。", "翻译：某丙、某丁"],
        ["某甲為《紐約時報》撰寫有關人工智慧的新聞。", "翻譯：紐約時報中文網", "點擊查看本文英文版。"],
        ["某甲是時報專欄作家，關注人工智慧。"],
        ["某甲自北京、某乙自香港报道。"],
        ["Jane Doe自香港对本文有报道贡献。"],
        ["翻译：某甲", "相关文章:", "人工智能的下一站", "机器人来了", "纽约时报中文网"],
        ["本文最初发表于3月12日。", "欢迎在社交媒体上关注我们。"],
        ["获取更多RSS：", "https://feedx.example.org"],
        ["相关报道", "一篇", "另一篇"],
    ],
)
def test_the_foot_is_not_the_articles(foot: list[str]) -> None:
    assert article_paragraphs([*BODY, *foot], ()) == BODY


@pytest.mark.parametrize(
    "note",
    [
        "Jane Doe是一所大学的人工智能教授，著有多部作品。",
        "Jane Doe(简·多伊)曾任某公司人工智能主管。她从事新闻工作已超过20年。",
        "Jane Doe 2021年加入本报。此前她研究机器学习。",
        "JANE DOE于上海报道人工智能。",
    ],
)
def test_what_begins_with_the_author_at_the_foot_is_a_note_about_her(note: str) -> None:
    assert article_paragraphs([*BODY, note, "翻译：某乙"], ("JANE DOE", "某丙")) == BODY


def test_an_authors_name_in_the_middle_is_the_articles_own() -> None:
    body = ["Jane Doe是故事的主人公。", *BODY]
    assert article_paragraphs(body, ("Jane Doe",)) == body


@pytest.mark.parametrize(
    "last",
    [
        "Jane Doe，他说，是人工智能的先驱。",
        "“人工智能是未来，”某甲说。",
        "据新华社报道，这是今年最大的一笔人工智能投资。",
        "公司没有回复记者的置评请求。",
        "某甲说，“我在报纸上看到了关于人工智能的新闻。”",
        "他是一名教师。",
    ],
)
def test_the_last_sentence_of_an_article_stays(last: str) -> None:
    assert article_paragraphs([*BODY, last], ("Jane Doe",)) == [*BODY, last]


def test_a_long_last_paragraph_stays_though_it_speaks_of_the_paper() -> None:
    last = "他是《纽约时报》的记者，" + "写过许多报道，" * 60
    assert article_paragraphs([*BODY, last], ()) == [*BODY, last]


@pytest.mark.parametrize(
    "aside",
    [
        "（《纽约时报》已起诉OpenAI及其合作伙伴微软，称其侵犯了与人工智能系统相关新闻内容的版权。两家公司否认了这些指控。）",
        "(《纽约时报》于2023年起诉OpenAI和微软侵犯版权。)",
        "（时报已对OpenAI(ChatGPT的开发者)提起诉讼。）",
        "（《紐約時報》已起訴OpenAI和微軟，指其侵犯版權。）",
    ],
)
def test_what_the_paper_says_about_its_own_lawsuit_goes(aside: str) -> None:
    assert article_paragraphs([BODY[0], aside, BODY[1]], ()) == BODY
    assert article_paragraphs([BODY[0] + aside, BODY[1]], ()) == BODY, "also at the end of a paragraph"


@pytest.mark.parametrize(
    "paragraph",
    [
        "《纽约时报》周三起诉OpenAI和微软，这是版权之争的新阶段。",
        "他说（《纽约时报》看到了这封信）公司会道歉。",
        "作家协会也起诉了OpenAI（案件尚在审理）。",
        "（" * 5000 + "时报",
    ],
)
def test_news_about_a_lawsuit_stays(paragraph: str) -> None:
    assert article_paragraphs([paragraph, *BODY], ()) == [paragraph, *BODY]


def test_a_text_that_is_all_foot_is_no_article() -> None:
    assert article_paragraphs(["翻译：某甲", "点击查看本文英文版。"], ()) == []
    assert article_paragraphs([], ()) == []
