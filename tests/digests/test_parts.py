import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.digests.parts import Parts, split
from monitor.digests.render import digest_renderer
from monitor.digests.room import LARGEST, LARGEST_TEXT
from monitor.errors import DigestError
from monitor.model.digests import Digest, Item, Section
from monitor.model.mail import Rendered
from monitor.model.rules import PendingEntry
from tests.digests.issue import RICH, SUMMARY, digest, parts_of, soup, waits, words

_NUMBER = re.compile(r"第(\d+)条")


@pytest.fixture(scope="module")
def three() -> Parts:
    return parts_of(*usual(480))


@pytest.fixture(scope="module")
def overflowing() -> Parts:
    return parts_of(*usual(900))


def usual(count: int, *fingerprints: str, first: int = 0) -> list[PendingEntry]:
    """Entries of the usual length."""
    return [
        waits(
            f"第{n}条，开源的重心正在转移：两千块芯片如何追上一万六千块，谁又在旁边看着",
            *(fingerprints or (f"f{n % 2 + 1}",)),
            seq=n,
            summary=SUMMARY * 2,
            text="字" * 3000,
            sections=("科技",),
            link=f"https://news.example.org/2026/11/23/technology/{n}/",
            original=f"https://www.example.org/2026/11/23/technology/{n}.html",
        )
        for n in range(first, first + count)
    ]


def shown(parts: Parts) -> list[int]:
    """The numbers of the entries whose title and link stand in both halves of a mail, mail by mail."""
    numbers: list[int] = []
    for part in parts.parts:
        in_html = _NUMBER.findall(words(part.rendered.html))
        assert _NUMBER.findall(part.rendered.text) == in_html
        links = [f"https://news.example.org/2026/11/23/technology/{number}/" for number in in_html]
        in_text = [line for line in part.rendered.text.splitlines() if line.startswith("https://news")]
        assert in_text == links
        assert [
            link["href"] for link in soup(part.rendered.html).find_all("a") if "news." in link["href"]
        ] == links
        numbers += map(int, in_html)
    return numbers


def whole(parts: Parts) -> list[int]:
    """How many items each mail shows whole."""
    return [len(soup(part.rendered.html).find_all("h3")) for part in parts.parts]


def assert_fits(parts: Parts) -> None:
    for part in parts.parts:
        assert len(part.rendered.html.encode()) <= LARGEST
        assert len(part.rendered.text.encode()) <= LARGEST_TEXT


def test_sixty_entries_of_the_usual_length_are_one_mail_and_whole() -> None:
    parts = parts_of(*usual(60))
    assert (whole(parts), parts.left) == ([60], ())
    assert parts.parts[0].digest == digest(*usual(60))
    assert_fits(parts)


def test_with_more_the_mail_shows_fewer_whole_before_there_is_a_second() -> None:
    parts = parts_of(*usual(230))
    assert (len(parts.parts), parts.left) == (1, ())
    assert whole(parts)[0] in (45, 30, 20)
    assert sorted(shown(parts)) == list(range(230))
    assert_fits(parts)


def test_what_does_not_fit_goes_into_a_second_mail_and_a_third(three: Parts) -> None:
    assert (len(three.parts), three.left) == (3, ())
    assert whole(three) == [60, 0, 0]
    assert sorted(shown(three)) == list(range(480)), "each once"
    assert_fits(three)


def test_each_part_has_a_subject_of_its_own(three: Parts) -> None:
    subjects = [part.rendered.subject for part in three.parts]
    counts = [len(part.digest.items) for part in three.parts]
    expected = [
        f"等 {count} 条 · {number}/3 · AI 日报 · 11月24日".replace(" ", "\u00a0")
        for number, count in enumerate(counts, 1)
    ]
    assert [subject[-len(end) :] for subject, end in zip(subjects, expected, strict=True)] == expected
    assert len({subject.partition("，")[0] for subject in subjects}) == 3


def test_each_part_says_which_it_is_and_the_last_that_it_is_the_last(three: Parts) -> None:
    for number, part in enumerate(three.parts, 1):
        for half in (" ".join(part.rendered.text.split("\n")), words(part.rendered.html)):
            assert f"本期共 480 条，分 3 封发出，这是第 {number} 封。" in half
            assert ("个源正常" in half) is (number == 1), "the footer about the feeds stands once"
            assert (f"下接第 {number + 1} 封。" in half) is (number < 3)
            assert ("本期完。" in half) is (number == 3)
            assert "你收到这封邮件" in half


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        (
            "zh-Hant",
            ["本期共 300 則，分 2 封寄出，這是第 2 封。", "其中 1 則來自往期：當時放不下，或郵件沒有送到。"],
        ),
        (
            "en",
            [
                "This issue has 300 items and comes in 2 mails; this is mail 2.",
                "1 item is from an earlier issue: it did not fit, or its mail could not be delivered.",
            ],
        ),
    ],
)
def test_parts_and_what_is_owed_are_told_in_the_readers_language(locale: str, told: list[str]) -> None:
    second = parts_of(*usual(299), owed=usual(1, first=900), locale=locale).parts
    text = " ".join(" ".join(part.rendered.text.split("\n")) for part in second)
    html = " ".join(words(part.rendered.html) for part in second)
    assert [sentence in text and sentence in html for sentence in told] == [True, True]


def test_what_is_left_beyond_three_parts_is_told_and_returned(overflowing: Parts) -> None:
    assert len(overflowing.parts) == 3
    assert_fits(overflowing)
    left = [item.seq for item in overflowing.left]
    assert sorted([*shown(overflowing), *left]) == list(range(900))
    told = f"还有 {len(left)} 条放不下，排在下一期的最前面。"
    assert [told in part.rendered.text for part in overflowing.parts] == [False, False, True]
    assert [told in words(part.rendered.html) for part in overflowing.parts] == [False, False, True]
    assert f"本期共 {900 - len(left)} 条，分 3 封发出" in overflowing.parts[0].rendered.text
    assert whole(overflowing)[0] == 20, "so that more find room"
    assert all(len(part.rendered.html.encode()) > 0.8 * LARGEST for part in overflowing.parts)


def test_what_was_left_before_is_counted_with_it() -> None:
    (part,) = split(digest(*usual(3), left_before=40), digest_renderer()).parts
    assert "还有 40 条放不下" in part.rendered.text


def test_every_section_has_its_first_items_in_the_first_mail() -> None:
    parts = parts_of(*usual(300, "f1"), *usual(4, "f3", first=400))
    first = parts.parts[0].digest
    assert [section.rule for section in first.sections] == ["人工智能", "机器人"]
    assert [item.seq for item in first.sections[1].items] == [400, 401, 402, 403]
    assert "机器人" not in parts.parts[1].rendered.text


def test_what_is_owed_has_its_place_before_what_is_new() -> None:
    owed = usual(150, "f1", first=1000)
    parts = parts_of(*usual(700, "f2"), owed=owed)
    placed = {item.seq for part in parts.parts for item in part.digest.items}
    assert placed >= {candidate.seq for candidate in owed}
    assert not [item for item in parts.left if item.owed]
    told = sum("来自往期：当时放不下，或邮件没有送到。" in part.rendered.text for part in parts.parts)
    assert told >= 1


def test_what_is_known_has_its_place_behind_what_is_new() -> None:
    built = digest(*usual(900))
    known = tuple(
        replace(item, seq=1000 + item.seq, known_since=item.entry.first_seen) for item in built.items[:3]
    )
    sections = *built.sections, Section(rule="机器人", items=(), known=known)
    parts = split(replace(built, sections=sections), digest_renderer())
    assert {item.seq for item in known} <= {item.seq for item in parts.left}


def test_a_digest_of_thousands_is_rendered_a_few_dozen_times() -> None:
    rendered: list[int] = []

    def counting(part: Digest) -> Rendered:
        rendered.append(len(part.items))
        size = 700 * len(part.items)
        return Rendered(subject="", text="", html="x" * (5_000 + size))

    parts = split(digest(*usual(5000)), counting)
    assert sum(len(part.digest.items) for part in parts.parts) + len(parts.left) == 5000
    assert len(rendered) < 40
    assert max(rendered) < 500


def sized(size: Callable[[Sequence[Item]], int]) -> Parts:
    """Twenty entries, each as large as `size` says of those in the mail."""

    def render(part: Digest) -> Rendered:
        return Rendered(subject="", text="", html="x" * size(part.items))

    return split(digest(*usual(20)), render)


def test_however_unequal_the_items_are_each_mail_fits() -> None:
    parts = sized(lambda items: sum(80_000 if item.seq == 7 else 1_000 for item in items))
    assert all(len(part.rendered.html) <= LARGEST for part in parts.parts)
    assert sum(len(part.digest.items) for part in parts.parts) == 20


def test_items_too_large_to_be_whole_together_are_fewer_whole() -> None:
    parts = sized(lambda items: 20_000 * len(items))
    assert [len(part.digest.items) for part in parts.parts] == [4, 4, 4]
    assert len(parts.left) == 8


def test_the_text_part_has_its_limit_too() -> None:
    def render(part: Digest) -> Rendered:
        return Rendered(subject="", text="x" * 5_000 * len(part.items), html="")

    assert [len(part.digest.items) for part in split(digest(*usual(20)), render).parts] == [11, 9]


@pytest.mark.parametrize(("name", "largest"), [("digest.html.j2", LARGEST), ("digest.txt.j2", LARGEST_TEXT)])
def test_a_template_that_cannot_be_made_smaller_fails(name: str, largest: int, tmp_path: Path) -> None:
    (tmp_path / name).write_text("<p>{{ 'x' * 100000 }}</p>")
    with pytest.raises(DigestError, match=f"template {name}: makes 100,0.. bytes, .* {largest:,}.* built-in"):
        split(digest(*RICH), digest_renderer(str(tmp_path)))


def test_a_template_that_grows_once_the_parts_are_counted_fails() -> None:
    def render(part: Digest) -> Rendered:
        return Rendered(
            subject="", text="", html="x" * (2_000 * len(part.items) + (part.parts == 2) * 90_000)
        )

    with pytest.raises(DigestError, match="built-in templates until that is fixed"):
        split(digest(*usual(60)), render)


def test_templates_that_leave_no_room_fail() -> None:
    def render(part: Digest) -> Rendered:
        return Rendered(subject="", text="", html="x" * (LARGEST - 1_000 + 1_000 * (len(part.items) > 1)))

    assert len(split(digest(*usual(1)), render).parts) == 1
    with pytest.raises(DigestError, match="leave no room for a title"):
        split(digest(*usual(2)), lambda part: replace(render(part), text="x" * 70_000 * (part.parts == 1)))
