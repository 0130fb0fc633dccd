from monitor.queries.explain import explain
from tests import make
from tests.jobs.desk import Desk


async def test_an_entry_is_found_by_link_id_and_number_and_explained(desk: Desk) -> None:
    desk.rules = (make.rule(none=("降价",)), make.rule("芯片", any=("芯片",)))
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI芯片"))
    await desk.poll()
    await desk.compose()
    (explained,) = await explain("AI芯片", rules=desk.ruleset, db=desk.db)
    assert [judgement.match for judgement in explained.judgements] == [True, True]
    assert [(mailing.subscription, mailing.slot[:4]) for mailing in explained.mailed] == [("AI 日报", "now:")]
    for name in (str(explained.seq), explained.entry.link, explained.entry.link + "?utm_source=mail"):
        assert await explain(name, rules=desk.ruleset, db=desk.db) == [explained]
    (excluded,) = await explain("大模型降价", rules=desk.ruleset, db=desk.db)
    assert (excluded.news, excluded.mailed) == (True, ())
    assert excluded.judgements[0].why_not == "none: 降价"


async def test_an_entry_nobody_knows_is_not_found(desk: Desk) -> None:
    for name in ("x", "9" * 30, "7"):
        assert await explain(name, rules=desk.ruleset, db=desk.db) == []
