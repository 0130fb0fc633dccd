"""What the operator is told about an edit that is refused, or waits, is in his language."""

from pathlib import Path

import pytest

from monitor.config.reading import parse_config
from monitor.errors import ConfigError
from monitor.loaded import LoadedConfig, check_bytes, dropped
from monitor.service.refusal import Refusal, record_refusal, shrunk
from monitor.store import notices
from monitor.store.database import Database
from tests.make import NOW

CONFIG = """
[[feeds]]
name = "示例"
url = "https://news.example.org/rss"
[[feeds]]
name = "另一个"
url = "https://other.example.org/rss"
[[feeds]]
name = "第三个"
url = "https://third.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "日报"
to = ["you@mail.test"]
at = ["08:00"]
"""


def loaded(folder: Path, text: str = CONFIG) -> LoadedConfig:
    return check_bytes(folder / "config.toml", text.encode())


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", 'line 17, [[subscriptions]] "日报", at: expected a list, in brackets'),
        ("zh-Hans", '第 17 行，[[subscriptions]] "日报"，at：应为列表，要放在方括号里'),
    ],
)
async def test_a_refused_edit_is_told_in_the_language_of_the_operator(
    locale: str, told: str, db: Database, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(CONFIG.replace('at = ["08:00"]', 'at = "08:00"'), "config.toml")
    refusal = Refusal(path=tmp_path / "config.toml", problems=refused.value.problems, at=NOW, locale=locale)
    await db.write(record_refusal, refusal, None, NOW)
    (swarm,) = await db.read(notices.swarms)
    (known,) = await db.read(notices.untold, swarm)
    assert told in known.trouble.details
    assert refusal.content == Refusal(path=refusal.path, problems=refusal.problems, at=NOW).content


@pytest.mark.parametrize(
    ("locale", "told"), [("en", "1 of 3 feeds are left."), ("zh-Hans", "3 个源只剩 1 个。")]
)
def test_an_edit_that_waits_is_told_in_the_language_of_the_operator(
    locale: str, told: str, tmp_path: Path
) -> None:
    before = loaded(tmp_path)
    after = loaded(
        tmp_path, CONFIG[: CONFIG.index('[[feeds]]\nname = "另')] + CONFIG[CONFIG.index("[[rules]]") :]
    )
    assert shrunk(after, dropped(before, after), NOW, locale).details.endswith(told)
