"""The pages behind the links in mails: who has a link decides, nobody else; and looking changes nothing (RFC 8058)."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp
import pytest

from monitor.config.options import Config, Locale, WebOptions
from monitor.jobs.choose import Chosen, Decision, Wish, choose
from monitor.mail import tokens
from monitor.model.recipients import ChangedBy, Choice
from monitor.store import choices, subscriptions
from monitor.store.database import Connection, Database
from monitor.web.app import make_app
from monitor.web.readers import ReadersDesk
from monitor.web.server import start_server
from tests import make
from tests.fakes import FakeClock
from tests.web.test_app import free_port

pytestmark = pytest.mark.outside

ANN, BOB = "ann@example.org", "bob@example.org"
KEY = "AI 日报"
CONFIG = Config(
    rules=(make.rule(), make.rule("芯片")),
    subscriptions=(make.subscription(to=(f"Ann <{ANN}>", BOB)),),
)
PUBLIC = "https://news.example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@dataclass
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Site:
    """A running server, with a link for each of two recipients."""

    db: Database
    clock: FakeClock
    address: str
    links: Mapping[str, str]  # paths
    config: Config = CONFIG

    async def ask(
        self, path: str, method: str = "GET", *, host: str = "news.example.org", **differ: object
    ) -> Answer:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                self.address + path,
                allow_redirects=False,
                **{"headers": {"Host": host}, **differ},  # type: ignore[arg-type]
            ) as response,
        ):
            return Answer(response.status, await response.text(), response.headers)

    async def press(self, **fields: object) -> Answer:
        """Send a form of Ann's page."""
        return await self.ask(self.links[ANN], "POST", data=list(_pairs(fields)))

    async def choice(self, address: str = ANN) -> Choice:
        choice = await self.db.read(choices.of, KEY, address)
        assert choice
        return choice


def _pairs(fields: Mapping[str, object]) -> list[tuple[str, str]]:
    return [
        (name, str(value))
        for name, values in fields.items()
        for value in (values if isinstance(values, list | tuple) else [values])
    ]


@asynccontextmanager
async def open_site(db: Database, public_url: str = PUBLIC, config: Config = CONFIG) -> AsyncIterator[Site]:
    clock = FakeClock()

    def signed(tx: Connection) -> dict[str, str]:
        subscriptions.sync(tx, [KEY], clock())
        key = choices.signing_key(tx, clock())
        made = choices.ensure(tx, KEY, [ANN, BOB])
        return {address: f"/u/{tokens.sign(made[address].number, KEY, address, key)}" for address in made}

    links = await db.write(signed)
    site = Site(db=db, clock=clock, address="", links=links, config=config)

    async def unused() -> None:
        raise AssertionError("nobody asks")

    async def nothing() -> list[str]:
        return []

    app = make_app(
        problems=nothing,
        is_ready=unused,  # type: ignore[arg-type]
        figures=unused,
        public_url=public_url,
        readers=ReadersDesk(
            config=lambda: site.config, answers=lambda: "help@example.org", db=db, clock=clock
        ),
    )
    server = await start_server(app, WebOptions(enabled=True, port=free_port()))
    site.address = f"http://127.0.0.1:{server.port}"
    try:
        yield site
    finally:
        await server.stop()


@pytest.fixture
async def site(db: Database) -> AsyncIterator[Site]:
    async with open_site(db) as opened:
        yield opened


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_the_page_changes_nothing(site: Site, method: str) -> None:
    answer = await site.ask(site.links[ANN], method)
    assert answer.status == 200
    assert ("退订" in answer.text) is (method == "GET")
    assert await site.choice() == replace(await site.choice(), unsubscribed_at=None, changed_at=None)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_change_nothing(site: Site, method: str) -> None:
    assert (await site.ask(site.links[ANN], method, data=ONE_CLICK)).status == 405
    assert (await site.choice()).changed_at is None


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
async def test_one_click_unsubscribes_at_once_and_as_often_as_it_is_pressed(site: Site, form: str) -> None:
    for _ in range(2):
        data: object = ONE_CLICK
        if form == "multipart":
            with aiohttp.MultipartWriter("form-data") as parts:
                part = parts.append("One-Click")
                part.set_content_disposition("form-data", name="List-Unsubscribe")
            data = parts
        answer = await site.ask(site.links[ANN], "POST", data=data)
        assert answer.status == 200
        assert "已经退订" in answer.text
        site.clock.forward(hours=1)
    choice = await site.choice()
    assert (choice.unsubscribed_at, choice.changed_by) == (make.NOW, ChangedBy.ONE_CLICK)
    assert (await site.choice(BOB)).unsubscribed_at is None


async def test_a_one_click_without_a_content_type_counts(site: Site) -> None:
    headers = {"Host": "news.example.org", "Content-Type": ""}
    await site.ask(site.links[ANN], "POST", data=b"List-Unsubscribe=One-Click", headers=headers)
    assert (await site.choice()).unsubscribed_at


@pytest.mark.parametrize("body", [b"List-Unsubscribe=One-Click\r\n", b"List-Unsubscribe=One-Click&" * 2])
async def test_a_one_click_said_loosely_counts(site: Site, body: bytes) -> None:
    headers = {"Host": "news.example.org", "Content-Type": "application/x-www-form-urlencoded"}
    await site.ask(site.links[ANN], "POST", data=body, headers=headers)
    choice = await site.choice()
    assert (choice.unsubscribed_at, choice.changed_by) == (make.NOW, ChangedBy.ONE_CLICK)


async def test_whom_the_body_names_does_not_matter(site: Site) -> None:
    other = site.links[BOB].removeprefix("/u/")
    await site.press(**ONE_CLICK, token=other, address=BOB, number=2)
    assert (await site.choice()).unsubscribed_at
    assert (await site.choice(BOB)).unsubscribed_at is None


async def test_a_token_that_was_altered_is_as_unknown_as_any_other(site: Site) -> None:
    token = site.links[ANN].removeprefix("/u/")
    altered = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        for place in range(len(token))
    ]
    answers = []
    for each in [*altered, token[:-1], token + "A", token.swapcase(), "x", "%00", "退订"]:
        for method in ("GET", "POST"):
            answer = await site.ask(f"/u/{each}", method, data=ONE_CLICK if method == "POST" else None)
            answers.append((answer.status, answer.text))
    assert {status for status, _ in answers} == {404}
    assert len({text for _, text in answers}) == 1
    assert (await site.choice()).changed_at is None
    assert (await site.choice(BOB)).changed_at is None


async def test_an_unknown_link_is_explained_in_the_language_of_the_browser(site: Site) -> None:
    for asked, words in (
        ("zh-CN,zh;q=0.9", "链接打不开"),
        ("de, en;q=0.5", "does not work"),
        ("", "does not"),
    ):
        headers = {"Host": "news.example.org", "Accept-Language": asked}
        assert words in (await site.ask("/u/unknown", headers=headers)).text


async def test_a_pause_and_its_end(site: Site) -> None:
    answer = await site.press(wish="pause", days=14)
    assert "已暂停到 12月8日 08:00" in answer.text
    assert (await site.choice()).paused_until == make.NOW + timedelta(days=14)
    assert "已暂停到" in (await site.ask(site.links[ANN])).text
    assert "暂停已经结束" in (await site.press(wish="resume")).text
    assert (await site.choice()).paused_until is None


@pytest.mark.parametrize("days", ["0", "366", "-1", "", "七", "1e2", "9" * 5000, "³"])
async def test_a_pause_of_no_good_length_changes_nothing_and_says_so(site: Site, days: str) -> None:
    answer = await site.press(wish="pause", days=days)
    assert (answer.status, "1 到 365 之间" in answer.text) == (400, True)
    assert (await site.choice()).changed_at is None


async def test_topics_are_declined_and_wanted_again(site: Site) -> None:
    shown = ["人工智能", "芯片"]
    page = (await site.ask(site.links[ANN])).text
    assert page.count(" checked") == 2
    page = (await site.press(wish="rules", shown=shown, rule="芯片")).text
    assert page.count(" checked") == 1
    assert (await site.choice()).without == ("人工智能",)
    answer = await site.press(wish="rules", shown=shown)
    assert (answer.status, "请至少保留一项" in answer.text) == (400, True)
    await site.press(wish="rules", shown=shown, rule=shown)
    assert (await site.choice()).without == ()


async def test_what_is_no_topic_of_the_list_is_not_kept(site: Site) -> None:
    shown = ["人工智能", "芯片"]
    answer = await site.press(wish="rules", shown=[*shown, "x" * 9_000, "made up"], rule="芯片")
    assert answer.status == 200
    assert (await site.choice()).without == ("人工智能",)


async def test_back_again_after_unsubscribing(site: Site) -> None:
    await site.press(wish="unsubscribe")
    page = (await site.ask(site.links[ANN])).text
    assert re.search("2026年11月24日 *星期二.*起已经退订，不再寄给你这份摘要", page), (
        "another list still comes"
    )
    assert 'value="unsubscribe"' not in page
    assert "重新订阅，从下一期" in (await site.press(wish="resubscribe")).text
    assert (await site.choice()).unsubscribed_at is None


@pytest.mark.parametrize(
    "body", [b"", b"wish=delete", b"wish=unsubscribe&wish=pause", b"\xff\xfe", b"&" * 5000]
)
async def test_a_form_that_asks_for_nothing_changes_nothing(site: Site, body: bytes) -> None:
    headers = {"Host": "news.example.org", "Content-Type": "application/x-www-form-urlencoded"}
    assert (await site.ask(site.links[ANN], "POST", data=body, headers=headers)).status == 400
    assert (await site.choice()).changed_at is None


async def test_broken_multipart_changes_nothing(site: Site) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        headers = {"Host": "news.example.org", "Content-Type": kind}
        answer = await site.ask(site.links[ANN], "POST", data=b"--x\r\nnonsense", headers=headers)
        assert answer.status == 400


async def test_a_large_body_is_not_read(site: Site) -> None:
    assert (await site.ask(site.links[ANN], "POST", data=b"x" * 70_000)).status == 413


@pytest.mark.parametrize(
    "body",
    [
        b"--x1\r\nContent-Type: " + b"a/b;" * 16_000 + b"\r\n\r\nx\r\n--x1--",
        b"".join(
            b"--x%d\r\nContent-Type: multipart/mixed; boundary=x%d\r\n\r\n" % (number, number + 1)
            for number in range(1, 1200)
        ),
        b"--x1\r\nContent-Disposition: form-data; name=" + b"(" * 9_000 + b"\r\n\r\nx\r\n--x1--",
    ],
    ids=["long header", "nested", "comments"],
)
async def test_a_form_made_to_be_slow_keeps_nobody_waiting(site: Site, body: bytes) -> None:
    headers = {"Host": "news.example.org", "Content-Type": "multipart/form-data; boundary=x1"}
    before = time.process_time()
    assert (await site.ask(site.links[ANN], "POST", data=body, headers=headers)).status == 413
    assert time.process_time() - before < 0.3
    small = body[: 8 * 1024]
    assert (await site.ask(site.links[ANN], "POST", data=small, headers=headers)).status == 400
    assert time.process_time() - before < 0.5
    assert (await site.choice()).changed_at is None


async def test_the_page_says_little_of_who_it_is_for(site: Site) -> None:
    page = (await site.ask(site.links[ANN])).text
    assert ANN not in page
    assert "a***@example.org" in page
    assert "help@example.org" in page


async def test_pages_leave_no_trace_and_run_nothing(site: Site) -> None:
    for path in (site.links[ANN], "/u/unknown"):
        headers = (await site.ask(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "Set-Cookie" not in headers
    page = (await site.ask(site.links[ANN])).text
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", page)


async def test_the_style_sheet_may_be_kept_for_ever(site: Site) -> None:
    page = (await site.ask(site.links[ANN])).text
    match = re.search(r'href="(static/page\.[0-9a-f]{12}\.css)"', page)
    assert match
    answer = await site.ask(f"/u/{match[1]}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await site.ask("/u/static/page.000000000000.css")).status == 404


@pytest.mark.parametrize("host", ["news.example.org", "NEWS.example.org:443", "news.example.org."])
async def test_the_public_host_serves_the_pages_alone(site: Site, host: str) -> None:
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/",
        "/u",
        "/u/",
        "//u/x/",
        "/x/../healthz",
        "/u/..%2fhealthz",
    ):
        assert (await site.ask(path, host=host)).status == 404
    assert (await site.ask(site.links[ANN], host=host)).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "[::1"])
async def test_health_checks_are_answered_elsewhere(site: Site, host: str) -> None:
    assert (await site.ask("/healthz", host=host)).status == 200


@pytest.mark.parametrize("prefix", ["", "/letters"])
async def test_a_proxy_may_cut_the_path_of_the_public_url_off_or_not(db: Database, prefix: str) -> None:
    async with open_site(db, f"{PUBLIC}/letters") as site:
        assert (await site.ask(prefix + site.links[ANN])).status == 200


async def test_without_a_public_url_there_are_no_pages(db: Database) -> None:
    async with open_site(db, "") as site:
        assert (await site.ask(site.links[ANN])).status == 404
        assert (await site.ask("/healthz")).status == 200


async def test_a_list_that_is_gone_can_still_be_left(site: Site) -> None:
    site.config = Config()
    assert "不在收件人里" in (await site.ask(site.links[ANN])).text
    assert (await site.press(**ONE_CLICK)).status == 200
    assert (await site.choice()).unsubscribed_at


@pytest.mark.parametrize(("locale", "words"), [("zh-Hant", "退訂"), ("en", "Unsubscribe")])
async def test_the_page_is_in_the_language_of_the_list(site: Site, locale: Locale, words: str) -> None:
    (subscription,) = CONFIG.subscriptions
    site.config = replace(CONFIG, subscriptions=(replace(subscription, locale=locale),))
    page = (await site.ask(site.links[ANN])).text
    assert words in page
    assert f'lang="{locale}"' in page


async def test_names_of_rules_are_text(site: Site) -> None:
    name = '<b>"AI"</b>'
    site.config = replace(CONFIG, rules=(make.rule(name), make.rule()))
    page = (await site.ask(site.links[ANN])).text
    assert name not in page
    await site.press(wish="rules", shown=[name, "人工智能"], rule="人工智能")
    assert (await site.choice()).without == (name,)


@pytest.mark.usefixtures("db_url")  # one that it may close
async def test_while_the_database_is_away_nothing_is_promised(site: Site) -> None:
    await site.db.close()
    answer = await site.press(**ONE_CLICK)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "300")
    assert "Nothing was changed" in answer.text


async def test_what_the_operator_changed_shows_on_the_page(site: Site) -> None:
    decision = Decision(wish=Wish.PAUSE, days=3)
    chosen = await choose(KEY, BOB, decision, by=ChangedBy.OPERATOR, db=site.db, now=site.clock())
    assert isinstance(chosen, Chosen)
    assert "已暂停到" in (await site.ask(site.links[BOB])).text
