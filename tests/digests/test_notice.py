"""Which troubles a mail tells, when, and how it is worded."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.digests.notice import concerns, group_troubles, has_stood, make_notice, swarms_to_tell
from monitor.digests.render import notice_renderer
from monitor.model.mail import Rendered
from monitor.model.notices import KnownTrouble, LastTold, NoticeKind, Swarm, Trouble
from tests.make import NOW


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def known(
    kind: NoticeKind = NoticeKind.CLOCK_BEHIND,
    *,
    at: datetime = NOW,
    over_at: datetime | None = None,
    **differ: Any,
) -> KnownTrouble:
    told = "" if over_at else None
    return KnownTrouble(
        trouble=Trouble(kind=kind, since=at, **differ), changed_at=at, over_at=over_at, told=told
    )


def to_tell(
    untold: Sequence[KnownTrouble], last: Mapping[NoticeKind, LastTold], now: datetime, *, gather: bool = True
) -> list[KnownTrouble]:
    """What is told of these troubles, as the job asks for it."""
    instants: dict[tuple[NoticeKind, bool], list[datetime]] = {}
    for each in untold:
        instants.setdefault((each.trouble.kind, each.is_over), []).append(each.over_at or each.changed_at)
    swarms = [
        Swarm(kind=kind, is_over=is_over, oldest=min(of_kind), newest=max(of_kind))
        for (kind, is_over), of_kind in instants.items()
    ]
    lanes = [(swarm.kind, swarm.is_over) for swarm in swarms_to_tell(swarms, last, now, gather=gather)]
    return [each for each in untold if (each.trouble.kind, each.is_over) in lanes and has_stood(each, now)]


def given_up(count: int) -> list[KnownTrouble]:
    return [
        known(
            NoticeKind.MAIL_GIVEN_UP, subject=str(number), details=f"mail {number} to r{number}@example.org"
        )
        for number in range(count)
    ]


def rendered(*troubles: KnownTrouble) -> Rendered:
    return notice_renderer()(make_notice(troubles, NOW))


@pytest.mark.parametrize(("after", "told"), [(0, False), (59, False), (60, True), (3600, True)])
def test_a_refused_edit_is_told_when_it_has_stood_for_a_minute(after: float, told: bool) -> None:
    refused = known(NoticeKind.CONFIG_REFUSED)
    assert bool(to_tell([refused], {}, NOW + timedelta(seconds=after))) is told
    assert bool(to_tell([refused], {}, NOW + timedelta(seconds=after), gather=False)) is told


def test_of_several_troubles_those_that_have_stood_are_told() -> None:
    first, second = (
        known(NoticeKind.CONFIG_REFUSED, subject=name, at=minutes(at)) for name, at in (("1", 0), ("2", 1))
    )
    assert to_tell([first, second], {}, minutes(1)) == [first]
    assert to_tell([first, second], {}, minutes(2)) == [first, second]


def test_a_swarm_of_troubles_is_waited_for_but_not_for_ever() -> None:
    first, second = known(subject="1"), known(subject="2", at=minutes(0.05))
    assert to_tell([first, second], {}, minutes(0.1)) == []
    assert to_tell([first, second], {}, minutes(0.1), gather=False) == [first, second]
    assert to_tell([first, second], {}, minutes(0.05) + timedelta(seconds=5)) == [first, second]
    swarm = [known(subject=str(second), at=NOW + timedelta(seconds=second)) for second in range(61)]
    assert to_tell(swarm[:60], {}, minutes(1) - timedelta(seconds=1)) == []
    assert to_tell(swarm, {}, minutes(1)) == swarm


def test_what_is_still_gathering_goes_along_with_what_is_due() -> None:
    clock, mail = known(), known(NoticeKind.MAIL_EXPIRED, at=minutes(1))
    assert to_tell([clock, mail], {}, minutes(1)) == [clock, mail]
    assert to_tell([clock, known(NoticeKind.CONFIG_REFUSED, at=minutes(1))], {}, minutes(1)) == [clock]


def test_a_kind_that_was_told_pauses_and_its_end_does_not_wait_for_that() -> None:
    last = {NoticeKind.CLOCK_BEHIND: LastTold(at=NOW)}
    again = known(at=minutes(1))
    assert to_tell([again], last, minutes(59)) == []
    assert to_tell([again], last, minutes(60)) == [again]
    over = known(over_at=minutes(2))
    assert to_tell([over], last, minutes(3)) == [over]
    told_over = {NoticeKind.CLOCK_BEHIND: LastTold(at=NOW, over_at=minutes(3))}
    assert to_tell([over], told_over, minutes(4)) == []


def test_times_that_a_wrong_clock_wrote_silence_nothing() -> None:
    tomorrow = NOW + timedelta(days=1)
    refused = known(NoticeKind.CONFIG_REFUSED, at=tomorrow)
    last = {NoticeKind.CONFIG_REFUSED: LastTold(at=tomorrow)}
    assert to_tell([refused], last, NOW) == [refused]
    ahead_by_a_little = known(NoticeKind.CONFIG_REFUSED, at=NOW + timedelta(seconds=2))
    assert to_tell([ahead_by_a_little], {}, NOW) == []


def test_many_equal_troubles_are_one_with_a_count_and_the_first_few() -> None:
    (group,) = group_troubles(given_up(200))
    assert (len(group.troubles), group.count, group.more) == (5, 200, 195)
    text = rendered(*given_up(200)).text
    assert "r4@example.org" in text
    assert "r5@example.org" not in text
    assert "- and 195 more, 200 in all" in text


def test_troubles_stand_in_the_order_of_their_kinds_and_of_their_times() -> None:
    late, early = known(subject="2", at=minutes(1)), known(subject="1")
    refused = known(NoticeKind.CONFIG_REFUSED)
    groups = group_troubles([refused, late, early])
    assert [group.kind for group in groups] == [NoticeKind.CLOCK_BEHIND, NoticeKind.CONFIG_REFUSED]
    assert (groups[0].troubles, groups[0].since) == ((early, late), NOW)


def test_details_without_end_are_cut() -> None:
    (group,) = group_troubles([known(details="\n".join(["x" * 5000] * 3000))])
    lines = group.troubles[0].trouble.details.splitlines()
    assert lines[-1] == "and 2988 more lines"
    assert len(lines) == 13
    assert lines[0] == "x" * 399 + "…"


def test_an_operator_is_not_mailed_about_his_own_address() -> None:
    own, other = known(address="ann@example.org"), known(subject="2", address="bob@example.org")
    assert concerns("Ann <Ann@Example.org>", [own, other, known()]) == [other, known()]
    assert concerns("ann@example.org", [known(address="no address")]) == [known(address="no address")]


def test_one_trouble_is_told_with_what_to_do_before_the_details() -> None:
    mail = rendered(known(NoticeKind.CONFIG_REFUSED, details='config.toml\nline 3: "ayn" is not known'))
    assert mail.subject == (
        "feed-monitor: An edit of config.toml is refused; the configuration before it is in force"
    )
    assert mail.html == ""
    text = " ".join(mail.text.split())
    assert "What to do: Correct the file" in text
    assert text.index("monitor rules undo") < text.index("2026-11-24 00:00 UTC") < text.index('"ayn" is not')
    assert "This is over" not in text


def test_several_troubles_and_their_ends_are_one_mail() -> None:
    mail = rendered(known(), *given_up(1), known(NoticeKind.RELAY_DOWN, over_at=minutes(90), details="s:25"))
    assert mail.subject == (
        "feed-monitor: The clock of this machine is behind; no news is stored or mailed (and 2 more)"
    )
    assert "These troubles are over:\n\nThe mail server takes no mail.\n---" in mail.text
    assert "- 2026-11-24 00:00 to 2026-11-24 01:30 UTC\n  s:25\n" in mail.text


def test_the_end_alone_says_so_in_the_subject() -> None:
    mail = rendered(known(over_at=minutes(1)), known(subject="2", over_at=minutes(1)))
    assert mail.subject.startswith("feed-monitor: over: The clock of this machine is behind;")
    assert mail.text.startswith("This is over:\n")
    assert "What to do" not in mail.text
    many = rendered(*(known(subject=str(number), over_at=minutes(1)) for number in range(8)))
    assert "- and 3 more, 8 in all" in many.text


def test_a_notice_is_in_the_language_of_the_operator() -> None:
    present, over = known(details="by 3 days"), known(NoticeKind.RELAY_DOWN, over_at=minutes(5))
    notice = make_notice([present, over], NOW)
    simplified = notice_renderer("", "zh-Hans")(notice)
    assert simplified.subject == "feed-monitor：这台机器的时钟慢了，不存新闻，也不发邮件（另有 1 项）"
    lines = simplified.text.splitlines()
    assert lines[:2] == ["这台机器的时钟慢了，不存新闻，也不发邮件。", "-" * 42]
    assert "怎么办：请校准时钟" in simplified.text
    assert "以下故障已经解除：" in simplified.text
    assert " 至 " in simplified.text
    assert "  by 3 days" in simplified.text
    traditional = notice_renderer("", "zh-Hant")(notice)
    assert "怎麼辦：請校準時鐘" in traditional.text


def test_what_is_cut_from_the_details_is_told_in_the_language_of_the_operator() -> None:
    notice = make_notice([known(details="\n".join("abcdefghijklmnop"))], NOW)
    assert "另有 4 行" in notice_renderer("", "zh-Hans")(notice).text
    assert "and 4 more lines" in notice_renderer()(notice).text


def test_an_end_alone_is_told_in_the_language_of_the_operator() -> None:
    notice = make_notice([known(over_at=minutes(5))], NOW)
    assert notice_renderer("", "zh-Hans")(notice).subject.startswith("feed-monitor：已解除：这台机器")
