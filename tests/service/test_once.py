"""`monitor once` does one round of the same due work as the service."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests import make
from tests.site import open_site

URGENT = '[[rules]]\nname = "出口管制"\nany = ["禁令"]\npace = "at once"\n[[subscriptions]]'


def not_today() -> str:
    """A schedule whose next slot is two days ahead."""
    day = (datetime.now(UTC) + timedelta(days=2)).strftime("%a").lower()
    return f'at = ["00:00"]\ndays = ["{day}"]'


def test_once_sends_what_may_go_out_at_once_and_leaves_the_rest_to_its_time(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("芯片禁令生效", "AI新规")) as site:
        site.write(("[[subscriptions]]", URGENT), ('every = "0s"', not_today()))
        answer = site.json("once")
        assert [digest["outcome"] for digest in answer["composed"]] == ["not due", "composed"]
        assert answer["composed"][1]["slot"].startswith("at once:")
        assert [attempt["status"] for attempt in answer["delivered"]] == ["sent"]
        assert "AI新规" not in answer["composed"][1]["subject"]


def test_once_with_now_does_not_wait_for_a_digests_time(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(('every = "0s"', not_today()))
        assert "--now does not wait" in site.monitor("once")
        (composed,) = site.json("once", "--now")["composed"]
        assert composed["outcome"] == "composed"
        assert composed["slot"].startswith("now:")


def test_once_forgets_mails_that_are_old_enough(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(("[outbox]", '[outbox]\nkeep = "0s"'))
        assert len(site.json("once")["delivered"]) == 1
        site.monitor("once")
        assert site.json("outbox") == []
