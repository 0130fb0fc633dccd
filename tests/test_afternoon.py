"""A person's afternoon with the rules: real commands, a real service, and what each of them answers.

To read it as a story: `python -m tests.test_afternoon`.
"""

import asyncio
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from monitor.config import FetchOptions
from monitor.current import load
from monitor.demo.catcher import Catcher
from monitor.demo.running import Running, running
from monitor.jobs.poll import claim_all, poll
from monitor.rule_part import rule_part
from monitor.store.database import open_database
from monitor.workshop import introduce
from tests import make
from tests.fakes import FakeClock, FakeWeb
from tests.site import Press, until

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
    """Who sits at the keyboard: each command is told as it is typed, with its answer."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self._tell = folder, tell
        self.config = folder / "config.toml"

    def types(self, command: str, *, code: int = 0) -> str:
        """Run a command in the folder; everything it said."""
        self._tell(f"\n$ {command}")
        program, *arguments = shlex.split(command)
        assert program == "monitor"
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        self._tell(done.stdout.rstrip("\n"))
        if done.returncode:
            self._tell(f"(exit {done.returncode})")
        assert "Traceback" not in done.stdout
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout}"
        return done.stdout

    @property
    def text(self) -> str:
        """What stands in config.toml."""
        return self.config.read_text("utf-8")

    def saves(self, text: str) -> None:
        """Write config.toml, as an editor does."""
        self.config.write_text(text, encoding="utf-8")

    def reads(self, service: Running, event: str, **about: str | int) -> dict[str, Any]:
        """Wait for a line in the service's log."""
        line = until(service, event, 20, **about)
        shown = " ".join(
            f"{key}={value}" for key, value in line.items() if key not in ("event", "level", "timestamp")
        )
        self._tell(f"    log: {line['event']} {shown}")
        return line

    def opens(self, mail: str) -> None:
        """Read a mail."""
        self._tell("\n" + "\n".join(f"    | {line}" for line in mail.splitlines()))

    def thinks(self, text: str) -> None:
        """What happens between the commands."""
        self._tell(f"\n# {text}")


@contextmanager
def desk(folder: Path, titles: list[str], tell: Tell) -> Iterator[tuple[Person, Catcher]]:
    """A fresh config.toml by `monitor init`, with a feed and a mail server on this machine."""
    with Press(lambda: make.rss(*titles)) as press, Catcher(folder) as catcher:
        person = Person(folder, tell)
        person.types("monitor init")
        text = person.config.read_text("utf-8")
        for old, new in (
            ('min_interval = "15m"', 'min_interval = "1s"'),
            ('backoff = "5m"', 'backoff = "1s"'),
            ("allow_private = []", 'allow_private = ["127.0.0.1"]'),
            ('host = ""   ', 'host = "127.0.0.1"   '),
            ("port = 465", f"port = {catcher.port}"),
            ('security = "implicit"', 'security = "starttls"'),
            ('ca_file = ""', f'ca_file = "{catcher.ca_file}"'),
            ("[operator]\nto = []", '[operator]\nto = ["operator@example.org"]'),
            ('"https://cn.nytimes.com/rss/"', f'"{press.url}"'),
            ('every = "30m"', 'every = "1s"'),
            ('first_visit = "3d"', 'first_visit = "36500d"'),
            ("you@example.org", "reader@example.org"),
        ):
            assert text.count(old) == 1, f"{old} is {text.count(old)} times in the configuration"
            text = text.replace(old, new)
        person.saves(text)
        yield person, catcher


def month(config: Path, titles: list[str]) -> None:
    """Thirty days of news are stored, as the service would have stored them then."""

    async def work() -> None:
        current, clock = load(config), FakeClock(datetime.now(UTC) - timedelta(days=29))
        web, (feed,) = FakeWeb(), current.config.feeds
        db = open_database(current.store_url)
        await db.write(introduce, current, clock())
        options = FetchOptions(min_interval=timedelta(seconds=1))
        for number, pair in enumerate(STORED):
            titles[:0] = pair
            web.serves(feed, make.rss(*titles), etag=f'"{number}"')
            ((_, state),) = await claim_all([feed], db=db, now=clock(), options=options)
            await poll(
                feed,
                state,
                fetch=web.fetch,
                rules=current.rules,
                options=options,
                db=db,
                clock=clock,
                jitter=lambda: 0.5,
            )
            clock.forward(days=1.45)
        await db.close()

    asyncio.run(work())


def afternoon(folder: Path, tell: Tell) -> None:
    """The whole story."""
    titles: list[str] = []
    with desk(folder, titles, tell) as (person, catcher):
        month(person.config, titles)
        (folder / "frequency_words.txt").write_text(WORDS, encoding="utf-8")
        with running(person.config) as service:
            person.reads(service, "started")
            titles.insert(0, "AI 画展开幕")
            person.reads(service, "polled", new=1, matched=1)
            assert "rules: version 1, in force since" in person.types("monitor status")
            _words_come_in(person, service)
            _words_are_mended(person, service)
            _an_edit_is_tried_and_saved(person, service)
            _a_slip_breaks_nothing(person, service, titles, catcher)
            _all_is_undone(person, service, titles)


def _words_come_in(person: Person, service: Running) -> None:
    before = person.text
    said = person.types("monitor rules import frequency_words.txt")
    assert "line 11: !招聘: is kept out of its own group only" in said
    assert 'line 15: ＋巡检: "＋" is full-width and is read as "+"' in said
    assert 'line 17: /(i?)gpt-\\d/ => GPT 新闻: "(i?)" is the letter i, or nothing' in said
    assert "4 rules read, nothing was changed." in said
    assert person.text == before
    said = person.types("monitor rules import frequency_words.txt --write")
    assert "config.toml has 4 rules more." in said
    assert 'Next: "monitor rules lint"' in said
    for name in ("芯片", "机器狗", "GPT 新闻 / openai", "新能源"):
        person.reads(service, "config-changed", change=f"rule {name}: new")
    person.reads(service, "config-changed", change="alias set 不要: new")


def _words_are_mended(person: Person, service: Running) -> None:
    said = person.types("monitor rules lint", code=1)
    assert '"/(i?)gpt-\\\\d/" "(i?)" is the letter i, or nothing; the flag is (?i).' in said
    assert 'Fix: write "/(?i)gpt-\\\\d/".' in said, "as it may be copied into the file"
    assert '"电池 公交车" this is one word' in said
    assert "--fix" in said.splitlines()[-1]
    before = person.text
    assert "Nothing was changed." in person.types("monitor rules lint --fix --dry-run", code=1)
    assert person.text == before
    assert "2 mended." in person.types("monitor rules lint --fix", code=1)
    person.reads(service, "config-changed", change="rule GPT 新闻 / openai: +1 word, -1 word")
    person.reads(service, "config-changed", change="rule 新能源: +1 word, -1 word")
    left = person.types("monitor rules lint", code=1)
    assert "(i?)" not in left
    assert '"电池展" is found only where "电池" is found as well' in left
    said = person.types("monitor rules diff --days 30")
    assert "config.toml against version 3, 41 entries of 30 days: adds 0, removes 0, moves 0." in said
    assert "monitor rules diff NEW.toml" in said


def _an_edit_is_tried_and_saved(person: Person, service: Running) -> None:
    person.thinks("An edit is tried in another file, and then saved.")
    new = person.text.replace('"AGI", "生成式"', '"AGI", "量子", "生成式"').replace('"智能体", ', "")
    (person.folder / "new.toml").write_text(new, encoding="utf-8")
    said = person.types("monitor rules diff new.toml --days 30")
    assert "+ 量子计算机住进地下室\n    人工智能: 量子\n" in said
    assert "- 智能体替人排队\n" in said
    assert "new.toml against config.toml, 41 entries of 30 days: adds 2, removes 1, moves 0." in said
    person.saves(new)
    person.reads(service, "config-changed", change="rule 人工智能: +1 word, -1 word")
    history = person.types("monitor rules history")
    assert [line.split()[0] for line in history.splitlines()[1:] if line.lstrip()[0].isdigit()] == list(
        "4321"
    )


def _a_slip_breaks_nothing(person: Person, service: Running, titles: list[str], catcher: Catcher) -> None:
    good = person.text
    person.thinks("A slip of the hand: a quotation mark is gone.")
    person.saves(good.replace('"量子"', '"量子'))
    person.reads(service, "config-refused", in_force="the configuration before this edit")
    person.reads(service, "config-problem", problem="line 76, the file: this is not TOML")
    person.reads(service, "operator-told")
    person.reads(service, "delivered", to="o***@example.org")
    titles.insert(0, "量子钟走得更准")
    person.reads(service, "polled", new=1, matched=1)
    titles.insert(0, "电池 公交车夜里充电")
    person.reads(service, "polled", new=1, matched=1)
    for command in (
        "monitor status",
        "monitor check",
        "monitor rules diff",
        "monitor rules add 人工智能 机器人",
    ):
        assert "line 76, the file: this is not TOML" in person.types(command, code=2)
    said = person.types("monitor status", code=2)
    assert "A running service goes on by what it had: rules version 4" in said
    assert '"monitor rules undo"' in said
    assert "纽约时报中文网  well" in said
    (letter,) = [one for one in catcher.caught if one.recipients == ("operator@example.org",)]
    mail = message_from_bytes(letter.raw, policy=policy.default)
    person.opens(f"{mail['Subject']}\n\n{mail.get_content()}")
    assert mail["Subject"] == "feed-monitor: config.toml is refused, rules version 4 stays in force"
    assert "line 76, the file: this is not TOML" in mail.get_content()
    assert "monitor rules undo" in mail.get_content()
    assert "as of" in person.types("monitor rules undo")
    assert person.text == good
    person.reads(service, "config-restored")


def _all_is_undone(person: Person, service: Running, titles: list[str]) -> None:
    edited = person.text
    assert "has the rules of version 3 again" in person.types("monitor rules undo")
    person.reads(service, "config-changed", change="rule 人工智能: +1 word, -1 word")
    titles.insert(0, "量子加密走进邮局")
    person.reads(service, "polled", new=1, matched=0)
    assert "has the rules of version 4 again" in person.types("monitor rules undo")
    assert person.text == edited
    person.reads(service, "config-changed", change="rule 人工智能: +1 word, -1 word")
    person.types("monitor rules undo 1")
    person.reads(service, "config-changed", change="rule 芯片: gone")
    assert "has the rules of version 1 already" in person.types("monitor rules undo 1", code=1)
    assert person.types("monitor rules history").count("gone") == 5
    assert person.types("monitor rules show 1") == rule_part(person.text)
    assert "rules: version 7" in person.types("monitor status")


def test_an_afternoon_with_the_rules(tmp_path: Path) -> None:
    afternoon(tmp_path, lambda _: None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        afternoon(Path(place), print)
