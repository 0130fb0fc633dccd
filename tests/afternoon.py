"""The parts of an afternoon with the rules: a fresh config.toml, a month of stored news, a person who types."""

import asyncio
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.config.options import FetchOptions
from monitor.demo.running import Running
from monitor.demo.smtp_server import LoopbackSmtpServer
from monitor.feeds.rhythm import Demand
from monitor.jobs.poll import claim_all, poll
from monitor.loaded import load
from monitor.service.register import register
from monitor.store.database import open_database
from tests import make
from tests.command import run_command
from tests.fakes import FakeClock, FakeWeb
from tests.parsing import parse_here
from tests.site import FeedServer, wait_for_event

# Two a day, twenty times within thirty days.
STORED = (
    ("AI 助教走进乡村课堂", "山城今冬第一场雪"),
    ("新款光刻机获准出口", "海边小镇修好了灯塔"),
    ("光刻机厂招聘出口专员", "早市的豆腐又涨价"),
    ("大模型开始学做菜", "老城区的邮局要搬家"),
    ("机器狗上岗巡检隧道", "一座桥的一百年"),
    ("机器狗成了网红", "春运车票明日开售"),
    ("震惊！机器狗巡检时追着猫跑", "茶农等一场雨"),
    ("GPT-5 写的剧本上演", "图书馆延长到午夜"),
    ("gpt-4 也要退休了", "湿地来了一群白鹭"),
    ("固态电池装上公交车", "周末的跳蚤市场"),
    ("电池展在海滨开幕", "小学食堂换了厨师"),
    ("新能源车展的电池之夜", "山路上的修车人"),
    ("OpenAI 换了新标志", "河道清出三艘沉船"),
    ("一家工厂的用电账单", "戏台重新搭起来了"),
    ("量子计算机住进地下室", "古树有了身份证"),
    ("量子通信连起两座岛", "渔港的夜班车"),
    ("人工智能帮人找回走失的羊", "菜场里的象棋摊"),
    ("智能体替人排队", "雨季来得比去年早"),
    ("用 AI 修复老照片｜推广", "校门口的红绿灯"),
    ("算力中心搬到了风口", "一条街的早餐铺"),
)

WORDS = """\
# 我的词表
[GLOBAL_FILTER]
震惊
/(广告|推广)$/

[WORD_GROUPS]

[芯片]
光刻机
+出口
!招聘
@5

机器狗
＋巡检

/(i?)gpt-\\d/ => GPT 新闻
openai

[新能源]
电池 公交车
电池
电池展
!新能源车展
"""

Tell = Callable[[str], None]


class Person:
    """The person at the keyboard; what is typed, read and answered is told to `tell`."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self._tell = folder, tell
        self.config = folder / "config.toml"

    def types(self, command: str, *, code: int = 0) -> str:
        """Run a command in the folder and return its output."""
        self._tell(f"\n$ {command}")
        program, *arguments = shlex.split(command)
        assert program == "monitor"
        result = run_command(*arguments, folder=self.folder)
        self._tell(result.output.rstrip("\n"))
        if result.code:
            self._tell(f"(exit {result.code})")
        assert "Traceback" not in result.output
        assert result.code == code, f"exit {result.code}: {result.output}"
        return result.output

    @property
    def text(self) -> str:
        """The text of config.toml."""
        return self.config.read_text("utf-8")

    def saves(self, text: str) -> None:
        """Write config.toml, as an editor does."""
        self.config.write_text(text, encoding="utf-8")

    def reads(self, service: Running, event: str, **about: str | int) -> dict[str, Any]:
        """Wait for a line in the service's log."""
        line = wait_for_event(service, event, 20, **about)
        shown = " ".join(
            f"{key}={value}" for key, value in line.items() if key not in ("event", "level", "timestamp")
        )
        self._tell(f"    log: {line['event']} {shown}")
        return line

    def opens(self, mail: str) -> None:
        """Tell what a mail says."""
        self._tell("\n" + "\n".join(f"    | {line}" for line in mail.splitlines()))

    def thinks(self, text: str) -> None:
        """Tell what happens between the commands."""
        self._tell(f"\n# {text}")


@contextmanager
def desk(folder: Path, titles: list[str], tell: Tell) -> Iterator[tuple[Person, LoopbackSmtpServer]]:
    """Make a config.toml by `monitor init`, and start the feed server and the mail server it names."""
    with FeedServer(lambda: make.rss(*titles)) as feed_server, LoopbackSmtpServer(folder) as smtp_server:
        person = Person(folder, tell)
        person.types("monitor init")
        text = person.config.read_text("utf-8")
        for old, new in (
            ('min_interval = "15m"', 'min_interval = "1s"'),
            ('backoff = "5m"', 'backoff = "1s"'),
            ("allow_private = []", 'allow_private = ["127.0.0.1"]'),
            ('host = ""   ', 'host = "127.0.0.1"   '),
            ("port = 465", f"port = {smtp_server.port}"),
            ('security = "implicit"', 'security = "starttls"'),
            ('ca_file = ""', f'ca_file = "{smtp_server.ca_file}"'),
            ("[operator]\nto = []", '[operator]\nto = ["operator@example.org"]'),
            ('"https://cn.nytimes.com/rss/"', f'"{feed_server.url}"'),
            ('every = "auto"', 'every = "1s"'),
            ('first_visit = "3d"', 'first_visit = "36500d"'),
            ("you@example.org", "reader@example.org"),
        ):
            assert text.count(old) == 1, f"{old} is {text.count(old)} times in the configuration"
            text = text.replace(old, new)
        person.saves(text)
        yield person, smtp_server


def month(config: Path, titles: list[str]) -> None:
    """Store thirty days of news, as the service would have stored them then."""
    _store(config, STORED, titles, apart=1.45)


def stored(config: Path, titles: list[str]) -> None:
    """Store these headlines in this order, a day apart, as a service would have stored them in the last days."""
    _store(config, [(title,) for title in titles], [], apart=1)


def _store(config: Path, visits: Sequence[tuple[str, ...]], titles: list[str], apart: float) -> None:
    """Poll a feed once for each visit, `apart` days apart; each brings its titles, which are put before `titles`."""

    async def work() -> None:
        current = load(config)
        clock = FakeClock(datetime.now(UTC) - timedelta(days=len(visits) * apart))
        web, (feed,) = FakeWeb(), current.config.feeds
        db = open_database(current.store_url)
        await db.write(register, current, clock())
        options = FetchOptions(min_interval=timedelta(seconds=1))
        for number, new in enumerate(visits):
            titles[:0] = new
            web.serves(feed, make.rss(*titles), etag=f'"{number}"')
            ((_, state),) = await claim_all([feed], db=db, now=clock(), options=options)
            await poll(
                feed,
                state,
                demand=Demand(),
                fetch=web.fetch,
                parse=parse_here,
                rules=current.rules,
                options=options,
                db=db,
                clock=clock,
                settled_clock=clock,
                jitter=lambda: 0.5,
            )
            clock.forward(days=apart)
        await db.close()

    asyncio.run(work())
