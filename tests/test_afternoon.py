"""An afternoon with the rules: each command a person types beside a running service, and what it answers.

To read it as a story: `python -m tests.test_afternoon`.
"""

import tempfile
from email import message_from_bytes, policy
from pathlib import Path

from monitor.config.checked import store_url_of
from monitor.config.positions import rule_part
from monitor.demo.running import Running
from monitor.demo.smtp_server import LoopbackSmtpServer
from tests.afternoon import WORDS, Person, Tell, desk, month
from tests.forked import running_service
from tests.site import let_troubles_stand


def afternoon(folder: Path, tell: Tell) -> None:
    """Import words, fix them, try and save an edit, break the file, and undo it all."""
    titles: list[str] = []
    with desk(folder, titles, tell) as (person, smtp_server):
        month(person.config, titles)
        (folder / "frequency_words.txt").write_text(WORDS, encoding="utf-8")
        with running_service(person.config) as service:
            person.reads(service, "started")
            titles.insert(0, "AI 画展开幕")
            person.reads(service, "polled", new=1, matched=1)
            assert "rules: version 1, in force since" in person.types("monitor status")
            _words_come_in(person, service)
            _words_are_mended(person, service)
            _an_edit_is_tried_and_saved(person, service)
            _a_slip_breaks_nothing(person, service, titles, smtp_server)
            _all_is_undone(person, service, titles)


def _words_come_in(person: Person, service: Running) -> None:
    before = person.text
    output = person.types("monitor rules import frequency_words.txt")
    assert "line 11: !招聘: is kept out of its own group only" in output
    assert 'line 15: ＋巡检: "＋" is full-width and is read as "+"' in output
    assert 'line 17: /(i?)gpt-\\d/ => GPT 新闻: "(i?)" is the letter i, or nothing' in output
    assert "4 rules read, nothing was changed." in output
    assert person.text == before
    output = person.types("monitor rules import frequency_words.txt --write")
    assert "config.toml has 4 rules more." in output
    assert 'Next: "monitor rules lint"' in output
    for name in ("芯片", "机器狗", "GPT 新闻 / openai", "新能源"):
        person.reads(service, "config-changed", change=f"rule {name}: new")
    person.reads(service, "config-changed", change="alias set 不要: new")


def _words_are_mended(person: Person, service: Running) -> None:
    output = person.types("monitor rules lint", code=1)
    assert '"/(i?)gpt-\\\\d/" "(i?)" is the letter i, or nothing; the flag is (?i).' in output
    assert 'Fix: write "/(?i)gpt-\\\\d/".' in output, "as it may be copied into the file"
    assert '"电池 公交车" this is one word' in output
    assert "--fix" in output.splitlines()[-1]
    before = person.text
    assert "Nothing was changed." in person.types("monitor rules lint --fix --dry-run", code=1)
    assert person.text == before
    assert "2 fixed." in person.types("monitor rules lint --fix", code=1)
    person.reads(service, "config-changed", change="rule GPT 新闻 / openai: +1 word, -1 word")
    person.reads(service, "config-changed", change="rule 新能源: +1 word, -1 word")
    left = person.types("monitor rules lint", code=1)
    assert "(i?)" not in left
    assert '"电池展" is found only where "电池" is found as well' in left
    output = person.types("monitor rules diff --days 30")
    assert "config.toml against version 3, 41 entries of 30 days: adds 0, removes 0, moves 0." in output
    assert "monitor rules diff NEW.toml" in output


def _an_edit_is_tried_and_saved(person: Person, service: Running) -> None:
    person.thinks("An edit is tried in another file, and then saved.")
    new = person.text.replace('"智能体"', '"量子"')
    (person.folder / "new.toml").write_text(new, encoding="utf-8")
    output = person.types("monitor rules diff new.toml --days 30")
    assert "+ 量子计算机住进地下室\n    人工智能: 量子\n" in output
    assert "- 智能体替人排队\n" in output
    assert "new.toml against config.toml, 41 entries of 30 days: adds 2, removes 1, moves 0." in output
    person.saves(new)
    person.reads(service, "config-changed", change="rule 人工智能: +1 word, -1 word")
    history = person.types("monitor rules history")
    assert [line.split()[0] for line in history.splitlines()[1:] if line.lstrip()[0].isdigit()] == list(
        "4321"
    )


def _a_slip_breaks_nothing(
    person: Person, service: Running, titles: list[str], smtp_server: LoopbackSmtpServer
) -> None:
    text, store_url = person.text, store_url_of(person.config)
    person.thinks("A slip of the hand: a quotation mark is gone.")
    person.saves(text.replace('"量子"', '"量子'))
    line = text[: text.index('"量子"')].count("\n") + 1
    where = f"line {line}, the file: this is not TOML"
    person.reads(service, "config-refused", in_force="the configuration before this edit")
    person.reads(service, "config-problem", problem=where)
    let_troubles_stand(store_url)
    person.reads(service, "operator-told", about="config refused")
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
        assert where in person.types(command, code=2)
    output = person.types("monitor status", code=2)
    assert "rules: version 4, in force since today" in output
    assert "A running service keeps the previous configuration." in output
    assert '"monitor rules undo"' in output
    assert "纽约时报中文网  ok" in output
    (notice,) = [mail for mail in smtp_server.received if mail.recipients == ("operator@example.org",)]
    mail = message_from_bytes(notice.raw, policy=policy.default)
    person.opens(f"{mail['Subject']}\n\n{mail.get_content()}")
    assert mail["Subject"] == (
        "feed-monitor: An edit of config.toml is refused; the configuration before it is in force"
    )
    assert "Rules version 4, of " in mail.get_content()
    assert where in mail.get_content()
    assert "monitor rules undo" in mail.get_content()
    assert "as of" in person.types("monitor rules undo")
    assert person.text == text
    person.reads(service, "config-restored")


def _all_is_undone(person: Person, service: Running, titles: list[str]) -> None:
    edited = person.text
    assert "has the rules of version 3 again" in person.types("monitor rules undo")
    person.reads(service, "config-changed", change="rule 人工智能: +1 word, -1 word")
    person.reads(service, "polled", unchanged=True)  # it may have begun under the rules of before
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
