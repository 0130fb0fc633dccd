from monitor.queries.explain import explain
from tests import make
from tests.jobs.desk import Desk


async def test_an_entry_is_found_by_link_id_and_number_and_explained(desk: Desk) -> None:
    desk.rules = (make.rule(none=("降价",)), make.rule("芯片", any=("芯片",)))
    desk.web.serves(desk.feeds[0], make.rss("大模型降价", "AI芯片"))
    await desk.poll()
    await desk.compose()
    (one,) = await explain("AI芯片", rules=desk.ruleset, db=desk.db)
    assert [judged.match for judged in one.judgements] == [True, True]
    assert [(name, slot[:4]) for name, slot, _ in one.mailed] == [("AI 日报", "now:")]
    for name in (str(one.seq), one.entry.link, one.entry.link + "?utm_source=mail"):
        assert await explain(name, rules=desk.ruleset, db=desk.db) == [one]
    (other,) = await explain("大模型降价", rules=desk.ruleset, db=desk.db)
    assert (other.news, other.mailed) == (True, ())
    assert other.judgements[0].why_not == "none: 降价"


async def test_an_entry_nobody_knows_is_not_found(desk: Desk) -> None:
    for name in ("x", "9" * 30, "7"):
        assert await explain(name, rules=desk.ruleset, db=desk.db) == []
