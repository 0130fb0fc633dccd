"""How the service stops: with a backlog, beside a slow server, and told twice."""

import asyncio
import signal
import threading
from pathlib import Path

from monitor.mail.replies import Step
from tests import make
from tests.edges.scripted import scripted
from tests.site import open_site, wait_for_event


class SlowDot:
    """A script of the test SMTP server: the reply to each dot waits until `go_on` is set."""

    def __init__(self) -> None:
        self.at_dot, self.go_on = threading.Event(), threading.Event()
        self.mails = 0

    def __call__(self, step: Step, _address: str) -> None:
        if step is Step.DOT:
            self.mails += 1
            self.at_dot.set()
            self.go_on.wait(30)


def test_told_to_stop_it_begins_no_other_mail_of_a_backlog(tmp_path: Path) -> None:
    slow = SlowDot()
    people = ", ".join(f'"r{number}@example.org"' for number in range(20))
    with open_site(tmp_path, lambda: make.rss("AI新规"), script=slow) as site:
        site.write(('"reader@example.org"', people))
        with site.service() as service:
            assert slow.at_dot.wait(30)
            service.send_signal(signal.SIGTERM)
            wait_for_event(service, "stopping")
            slow.go_on.set()
            assert service.ended() == 0
        mails = site.json("outbox")
        assert [mail["status"] for mail in mails].count("sent") == slow.mails
        assert {mail["status"] for mail in mails if mail["attempts"] == 0} == {"waiting"}
        with site.service():
            site.smtp_server.wait(20, 30)
        assert sorted(mail.recipients for mail in site.smtp_server.received) == sorted(
            (f"r{number}@example.org",) for number in range(20)
        ), "each once"


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    slow = SlowDot()
    with open_site(tmp_path, lambda: make.rss("AI新规"), script=slow) as site:
        with site.service() as service:
            assert slow.at_dot.wait(30)
            service.send_signal(signal.SIGTERM)
            wait_for_event(service, "stopping")
            service.send_signal(signal.SIGTERM)
            wait_for_event(service, "stopped-at-once")
            assert service.ended() == 128 + signal.SIGTERM
        slow.go_on.set()
        (mail,) = site.json("outbox")
        assert mail["status"] == "sending", "as after a kill: its lease runs out"


async def test_told_to_stop_it_takes_leave_of_the_mail_server(tmp_path: Path) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(3))
    async with scripted() as server:
        with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
            site.write(
                (f"port = {site.smtp_server.port}", f"port = {server.port}"),
                ('security = "starttls"', 'security = "none"'),
                ('"reader@example.org"', people),
            )
            with site.service() as service:
                async with asyncio.timeout(30):
                    while len(server.mails) < 3:
                        await asyncio.sleep(0.02)
                service.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(service.ended) == 0
        assert server.commands.count(b"QUIT") == len(server.conversations)
