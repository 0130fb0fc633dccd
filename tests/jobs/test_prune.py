from monitor.jobs.prune import prune
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import notices
from tests.jobs.desk import OUTBOX, Desk


async def test_what_happened_once_is_shown_for_a_week(desk: Desk) -> None:
    event = Trouble(kind=NoticeKind.MAIL_GIVEN_UP, subject="1", since=desk.clock())
    state = Trouble(kind=NoticeKind.CLOCK_BEHIND, since=desk.clock())
    for trouble in (event, state):
        await desk.db.write(notices.report, trouble, desk.clock())
    desk.clock.forward(days=6)
    await prune(db=desk.db, now=desk.clock(), options=OUTBOX)
    assert len(await desk.db.read(notices.open_troubles)) == 2
    desk.clock.forward(days=2)
    await prune(db=desk.db, now=desk.clock(), options=OUTBOX)
    assert [known.trouble for known in await desk.db.read(notices.open_troubles)] == [state]
