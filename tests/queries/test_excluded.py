from monitor.config.options import Rule
from monitor.jobs.compose import Composed
from monitor.jobs.draft import Draft, draft_digest
from monitor.queries.excluded import excluded_now
from monitor.store import entries, owed
from tests import make
from tests.jobs.desk import Desk


async def _causes(desk: Desk) -> list[tuple[str, str, str, tuple[str, ...], bool]]:
    kept = await excluded_now(desk.subscription, context=desk.context, db=desk.db, now=desk.clock())
    return [
        (excluded.entry.title, reason.rule, reason.cause, reason.words, excluded.in_digest)
        for excluded in kept
        for reason in excluded.exclusions
    ]


async def _arrived(desk: Desk, rules: tuple[Rule, ...], *titles: str) -> None:
    desk.rules = rules
    desk.web.serves(desk.feeds[0], make.rss(*titles))
    await desk.poll()


async def test_each_entry_kept_out_is_listed_with_its_word(desk: Desk) -> None:
    rules = (make.rule(none=("降价",), ignore=("由AI生成",)), make.rule("机器人", any=("机器人",), max=1))
    await _arrived(desk, rules, "大模型降价", "图由AI生成", "机器人甲", "机器人乙", "AI新规", "天气")
    assert await _causes(desk) == [
        ("大模型降价", "人工智能", "none", ("降价",), False),
        ("图由AI生成", "人工智能", "ignore", ("由AI生成",), False),
        ("机器人甲", "机器人", "max", (), True),
    ]


async def test_what_is_owed_beyond_max_is_not_kept_out_of_this_digest(desk: Desk) -> None:
    await _arrived(desk, (make.rule(any=("机器人",), max=1),), "机器人甲", "机器人乙", "机器人丙")
    await desk.compose()
    (recipient,) = desk.subscription.to
    await desk.db.write(owed.add, desk.subscription.name, recipient, {1: 0, 2: 0, 3: 0}, desk.clock())
    assert await _causes(desk) == []


async def test_entries_beyond_max_keep_their_numbers_where_two_feeds_give_equal_ids(desk: Desk) -> None:
    desk.feeds = (make.feed(), make.feed("另一家", url="https://other.example.org/rss"))
    desk.rules = (make.rule(any=("机器人",), max=1),)
    for feed, titles in zip(desk.feeds, (("机器人甲", "机器人乙"), ("机器人丙", "机器人丁")), strict=True):
        desk.web.serves(feed, _with_ids_1_and_2(*titles))
    await desk.poll()
    stored = await desk.db.read(entries.news, after=0, upto=10, limit=10)
    seqs = {entry.title: seq for seq, entry in stored}
    kept = await excluded_now(desk.subscription, context=desk.context, db=desk.db, now=desk.clock())
    assert len(kept) == 3
    assert {excluded.entry.title: excluded.seq for excluded in kept}.items() < seqs.items()


def _with_ids_1_and_2(*titles: str) -> bytes:
    """A document whose items say ids that are unique in it alone."""
    document = make.rss(*titles).decode()
    for number, title in enumerate(titles, start=1):
        document = document.replace(f"false'>{title}</guid>", f"false'>{number}</guid>")
    return document.encode()


async def test_without_a_digest_what_is_kept_out_is_listed_all_the_same(desk: Desk) -> None:
    await _arrived(desk, (make.rule(none=("降价",)),), "大模型降价")
    assert [cause for _, _, cause, _, _ in await _causes(desk)] == ["none"]


async def test_the_footer_counts_what_no_other_rule_brought(desk: Desk) -> None:
    rules = (make.rule(none=("降价", "下架")), make.rule("芯片", any=("芯片",)))
    await _arrived(desk, rules, "大模型降价", "AI降价", "AI下架", "AI芯片降价")
    draft = await draft_digest(
        desk.subscription,
        make.slot(),
        context=desk.context,
        render=desk.render,
        db=desk.db,
        now=desk.clock(),
    )
    assert isinstance(draft, Draft)
    ((part,),) = (issue.parts for issue in draft.issues)
    assert part.digest.watched.excluded_by == (("降价", 2), ("下架", 1))
    assert "3 篇被“降价”等词排除。" in part.rendered.text
    assert "3 篇被“降价”等词排除。" in part.rendered.html


async def test_a_disabled_rule_brings_nothing_and_priority_comes_first(desk: Desk) -> None:
    rules = (
        make.rule(),
        make.rule("芯片", any=("芯片",), priority=1),
        make.rule("天气", any=("天气",), enabled=False),
    )
    desk.subscription = make.subscription(rules=("人工智能", "芯片", "天气"))
    await _arrived(desk, rules, "AI新规", "芯片出口", "天气转凉")
    outcome = await desk.compose()
    assert isinstance(outcome, Composed)
    assert (outcome.entries, outcome.subject.find("芯片") >= 0) == (2, True)
