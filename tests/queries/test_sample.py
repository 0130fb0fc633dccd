"""A sample is made of the newest stored entries that match, whatever became of them."""

from monitor.queries.sample import sample_made_up, sample_of_stored
from monitor.store import entries
from tests import make
from tests.jobs.desk import Desk


async def test_a_sample_has_the_newest_that_match_news_or_not(desk: Desk) -> None:
    # The second batch is looked at, too: the first has too few that match.
    arrived = [
        (make.entry(f"大模型第{number}条" if number % 20 == 0 else "天气", number=number), number % 40 == 0)
        for number in range(1, 1001)
    ]
    await desk.db.write(entries.insert_new, arrived, "")
    digest = await sample_of_stored(desk.subscription, context=desk.context, db=desk.db, now=desk.clock())
    assert digest
    assert digest.subscription.name == "AI 日报（样例）"
    numbers = {int(item.entry.title[4:-1]) for item in digest.items}
    assert len(numbers) == 30
    assert await desk.db.read(entries.news, after=0, upto=1000, limit=1, not_judged_by="") == []


async def test_without_a_stored_match_there_is_none_but_a_made_up_one(desk: Desk) -> None:
    await desk.db.write(entries.insert_new, [(make.entry("天气"), True)], "")
    context, now = desk.context, desk.clock()
    assert await sample_of_stored(desk.subscription, context=context, db=desk.db, now=now) is None
    english = make.subscription(locale="en")
    assert sample_made_up(english, now).subscription.name == "AI 日报 (sample)"
