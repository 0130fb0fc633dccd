"""A rule is made of an article: names first, and nothing that every kind of news says."""

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.options import Rule
from monitor.model.feeds import Entry
from monitor.rules.like.propose import Proposal, as_toml, propose
from monitor.rules.match import Ruleset, compile_rules, match_entry
from tests import make

NO_RULES = compile_rules([], [])
STORY = make.entry(
    "Lumina的小芯片让巨头不安",
    summary="这家公司说，他们的大模型便宜得多。",
    text=(
        "上周，小公司明光(Lumina)发布了一个大模型。公司表示，大模型只用了很少的芯片。\n"
        "“我们想让芯片便宜，”创始人阿尔贝·杜邦说。他们的公司在去年成立。\n"
        "专家认为，Lumina的大模型是开源的，因此别的公司也可以使用。开源让研究人员看到了它的算力从何而来。\n"
        "杜邦表示，Lumina不缺芯片，缺算力。OpenAI和Acme Labs没有置评。OpenAI的产品更贵，Acme Labs的更慢。\n"
        "“芯片会有的，”杜邦说，“算力也会有的，开源也是。”OpenAI此前表示，开源并不便宜。\n"
        "旧芯片换新芯片，新芯片又成了旧芯片：一年之内，这里换了三次芯片。"
    ),
    authors=("Ann Example",),
)
ENGLISH = make.entry(
    "The Clinic Where Lumina Reads Every Scan",
    text=(
        "Doctors at a clinic in the north have used Lumina for a year. It reads every scan before they do.\n"
        "The scanner is old, but the software learns. “Radiology changed,” said Zoe Sample, who runs the clinic.\n"
        "Radiology students come to see it. Lumina is made by Bright Valley Labs. Bright Valley Labs says radiology "
        "is only the beginning, and Zoe Sample said the clinic would buy more."
    ),
)


def words(proposal: Proposal, key: str = "any") -> list[str]:
    return [word.word for word in proposal.words if word.key == key]


def proposed(article: Entry, others: int = 0, **differ: str) -> Proposal:
    """Return the rule for an article beside so many other entries, each with what `differ` says."""
    return propose(
        article, [make.entry(f"{number}", number=number + 2, **differ) for number in range(others)], NO_RULES
    )


def test_names_come_first_and_what_is_said_again_and_again_after_them() -> None:
    proposal = proposed(STORY)
    assert proposal.name == "Lumina"
    assert words(proposal)[0] == "Lumina"
    assert {"大模型", "OpenAI"} <= set(words(proposal))
    assert {"芯片", "开源", "算力"} <= {*words(proposal), *words(proposal, "hints")}


@pytest.mark.parametrize("usual", ["公司", "他们", "我们", "表示", "上周", "研究人员", "创始人", "使用"])
def test_what_every_kind_of_news_says_is_no_word_of_a_rule(usual: str) -> None:
    proposal = proposed(STORY)
    assert usual in STORY.text
    assert [word for word in (*words(proposal), *words(proposal, "hints")) if usual in word] == []


def test_who_is_only_quoted_and_who_wrote_it_are_not_what_it_is_about() -> None:
    quoted = proposed(replace(STORY, text=STORY.text + "\nAnn Example对此有贡献。Ann Example在场。"))
    assert [word for word in quoted.words if word.word in ("杜邦", "阿尔贝", "Ann Example", "Ann")] == []


def test_a_word_that_much_of_the_news_says_is_a_hint_or_nothing() -> None:
    assert "OpenAI" in words(proposed(STORY, 60))
    rather_usual = propose(
        STORY, [make.entry("OpenAI" if number < 6 else "x", number=number) for number in range(60)], NO_RULES
    )
    assert "OpenAI" in words(rather_usual, "hints")
    assert next(word for word in rather_usual.words if word.word == "OpenAI").entries == 6
    assert "in 6 of 60 stored entries" in "\n".join(as_toml(rather_usual))
    very_usual = propose(STORY, [make.entry("OpenAI", number=number) for number in range(60)], NO_RULES)
    assert "OpenAI" not in [word.word for word in very_usual.words]


@pytest.mark.parametrize(("share", "is_proposed"), [(15, True), (16, False)])
def test_a_name_in_more_than_a_quarter_of_the_entries_is_not_proposed(share: int, is_proposed: bool) -> None:
    entries = [make.entry("OpenAI" if number < share else "x", number=number) for number in range(60)]
    proposal = propose(replace(STORY, title="OpenAI让巨头不安"), entries, NO_RULES)
    assert ("OpenAI" in [word.word for word in proposal.words]) == is_proposed


def test_a_longer_term_is_not_taken_for_one_in_the_title_when_no_part_of_it_is_there() -> None:
    text = "有人说，芯片计算还很远。Lumina在芯片计算上花了很多钱。"
    assert "芯片计算" in words(propose(make.entry("Lumina让巨头不安", text=text), [], NO_RULES), "hints")


def test_of_very_many_names_the_most_frequent_come_first_then_by_title_then_by_alphabet() -> None:
    others = [f"B{first}{middle}{last}x" for first in "aeiou" for middle in "bdfgklmnprs" for last in "aeio"]
    text = "，".join([*others, *others, "Aalix", "Aalix", "Yulux", *["Zorux"] * 3])
    proposal = proposed(make.entry("Yulux", text=text))
    assert words(proposal) == ["Yulux", "Zorux"]
    assert words(proposal, "hints")[:3] == ["Aalix", "Babax", "Babex"]


def test_few_entries_tell_nothing_about_what_is_usual() -> None:
    few = proposed(STORY, 49, text="Lumina OpenAI 大模型")
    assert (few.weighed, few.words) == (0, proposed(STORY).words)


def test_what_the_rules_look_for_already_is_a_word_and_says_so() -> None:
    rules = compile_rules([Rule(name="mine", any=("开源",), none=("芯片",))], [])
    held = {word.word: word.held_by for word in propose(STORY, [], rules).words}
    assert held["开源"] == ("mine",)
    assert held["芯片"] == ()
    assert "already in rule mine" in "\n".join(as_toml(propose(STORY, [], rules)))


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        (["AI", "Lumina 2", "lumina"], "Lumina"),
        (["Lumina"], "Lumina 2"),
        (["AI", "Lumina", "Lumina 3"], "Lumina 2"),
        (["Lumina 2", "AI", "Lumina", "Chips"], "Lumina 3"),
    ],
)
def test_a_name_that_is_taken_gets_the_first_free_number(taken: list[str], name: str) -> None:
    assert propose(STORY, [], NO_RULES, taken).name == name


def test_an_english_article_is_read_by_its_capitals_and_its_long_words() -> None:
    proposal = proposed(ENGLISH)
    all_words = [*words(proposal), *words(proposal, "hints")]
    assert {"Lumina", "Bright Valley Labs", "Clinic", "Radiology"} <= set(all_words)
    assert {"Doctors", "Where", "The", "before", "Zoe", "Labs"} & set(all_words) == set()


@pytest.mark.parametrize(
    ("text", "proposed_word", "no_word"),
    [
        ("量子云舟热岛，量子云舟热岛。量子云舟热岛！", "量子云舟热岛", "子云舟热岛"),
        ("云梯的热岛，云梯的热岛。云梯的热岛！东西南北金木水火土日月星", "云梯", "云梯的热岛"),
        ("量子云舟开了，量子云舟又关了。谁买了量子云舟？不是量子云舟！云舟而已", "量子云舟", "云舟"),
        (
            "蓝鲸来。蓝鲸去。蓝鲸在。云舟到。云舟走。云舟停。蓝鲸云舟，蓝鲸云舟。蓝鲸呢，云舟呢，蓝鲸哦，云舟吗",
            "蓝鲸",
            "蓝鲸云舟",
        ),
        ("过劳死，过劳死。过劳死！", "过劳死", "劳死"),
        ("热岛内，热岛内。热岛内！", "热岛内", "热岛"),
        ("在云梯，在云梯。在云梯！", "云梯", "在云梯"),
        ("2015年金砖在此。2016年金砖在彼，金砖又来", "金砖", "年金"),
        ("在Bora看，Bora-Bora和Bora-Bora", "Bora-Bora", "Bora"),
        ("在Acme看，Acme和Acme Labs、Acme Labs，还有Labs，而Labs，又Acme", "Acme", "Acme Labs"),
    ],
)
def test_a_word_is_neither_cut_short_nor_drawn_out(text: str, proposed_word: str, no_word: str) -> None:
    proposal = proposed(make.entry("无题", text=text))
    all_words = [*words(proposal), *words(proposal, "hints")]
    assert proposed_word in all_words
    assert no_word not in all_words


def test_a_headline_alone_gives_what_it_can() -> None:
    proposal = proposed(make.entry("明光大模型落户小镇"))
    assert (words(proposal), words(proposal, "hints")) == (["大模型"], [])
    assert "hints = [" not in as_toml(proposal)
    assert proposed(make.entry("我们和他们")).words == ()


def test_the_rule_is_toml_and_finds_the_article_it_was_made_of() -> None:
    for article in (STORY, ENGLISH):
        assert_it_finds(proposed(article), article)


NAMES = ("大模型", "芯片", "Lumina", "Acme Labs", "GPT-4")
PIECES = [*NAMES, *"大模型芯片开源公司的说在第3 AI-.'&，。\n（(“”)#+们软體Ａ\u200b👍\ud800"]
prose = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@pytest.mark.untraced
def test_whatever_the_article_says_its_rule_finds_it() -> None:
    proposals: list[Proposal] = []

    @given(title=prose, text=prose, copies=st.integers(1, 3))
    def find_the_article_again(title: str, text: str, copies: int) -> None:
        article = make.entry(title, text=text * copies)
        proposal = proposed(article)
        proposals.append(proposal)
        if proposal.words:
            assert_it_finds(proposal, article)

    find_the_article_again()
    with_words = sum(bool(proposal.words) for proposal in proposals)
    assert with_words > len(proposals) / 4, f"{with_words} of {len(proposals)} articles made a rule"


def assert_it_finds(proposal: Proposal, article: Entry) -> None:
    (table,) = tomllib.loads("\n".join(as_toml(proposal)))["rules"]
    assert (table["name"], tuple(table.get("any", ()))) == (proposal.rule.name, proposal.rule.any)
    rule = Rule(name=table["name"], any=tuple(table.get("any", ())), hints=tuple(table.get("hints", ())))
    (match,) = match_entry(article, rules_of(rule))
    assert {hit.word for hit in match.hits} == {word.word for word in proposal.words}


def rules_of(rule: Rule) -> Ruleset:
    return compile_rules([rule], [])
