"""What monitor init writes: by options, by answers on a terminal, and over a file that is there."""

import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.mail.providers import PROVIDERS
from tests import make
from tests.cli.pages import page, web
from tests.cli.session import Session, on_terminal
from tests.cli.test_cli import monitor
from tests.command import run_command
from tests.disk import full_disk, unprivileged
from tests.site import open_site

SHIPPED = DEFAULT_CONFIG.read_text("utf-8")
OWN = """\
# mine
[smtp]
host = "mail.example.org"
sender = "News <news@mail.test>"  # as the relay wants it

[[feeds]]
name = "晨报"
url = "https://morning.example.org/rss"

[[rules]]
name = "人工智能"
any = ["大模型"]

[[subscriptions]]
name = "AI 日报"
to = ["ann@mail.test"]  # me
at = ["08:00"]
"""
LOOPBACK = {"MONITOR_FETCH__ALLOW_PRIVATE": '["127.0.0.1"]'}


@pytest.fixture
def site() -> Iterator[str]:
    documents: dict[str, bytes | str] = {"/rss": make.rss("大模型降价", "天气转凉"), "/": page("/rss")}
    with web(documents) as address:
        yield address


def init(
    folder: Path, *arguments: str, code: int = 0, password: str = "", environ: dict[str, str] | None = None
) -> str:
    stdin = ("--password-stdin",) if password else ()
    result = run_command(
        "init",
        *arguments,
        *stdin,
        folder=folder,
        stdin=f"{password}\n".encode(),
        environ={"HOME": str(folder)} | (environ or {}),
    )
    assert result.code == code, f"exit {result.code}: {result.output}"
    if password.strip():
        assert password not in result.output
    return result.output


def config(folder: Path) -> dict[str, Any]:
    return tomllib.loads(text(folder))


def text(folder: Path) -> str:
    return (folder / "config.toml").read_text("utf-8")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- by options ---------------------------------------------------------------------------------


def test_without_anything_the_shipped_file_is_written(tmp_path: Path) -> None:
    output = init(tmp_path)
    assert (tmp_path / "config.toml").read_bytes() == DEFAULT_CONFIG.read_bytes()
    assert "Nobody gets the digests yet" in output
    assert stat.S_IMODE((tmp_path / "config.toml").stat().st_mode) & 0o600 == 0o600


def test_an_address_and_a_password_are_enough_at_a_known_provider(tmp_path: Path) -> None:
    output = init(tmp_path, "--to", "me@qq.com", "--at", "18:30,8:00", "--locale", "en", password="abcd efgh")
    smtp, (subscription,) = config(tmp_path)["smtp"], config(tmp_path)["subscriptions"]
    assert (smtp["host"], smtp["port"], smtp["security"]) == ("smtp.qq.com", 465, "implicit")
    assert (smtp["username"], smtp["sender"]) == ("me@qq.com", "AI 日报 <me@qq.com>")
    assert (subscription["to"], subscription["at"]) == (["me@qq.com"], ["08:00", "18:30"])
    assert subscription["locale"] == "en"
    secret = tmp_path / smtp["password_file"]
    assert secret.read_text("utf-8") == "abcdefgh\n", "a code has no spaces"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "abcd" not in text(tmp_path) + output
    assert "is good" in monitor(tmp_path, "check")


def test_the_comments_of_the_shipped_file_stay(tmp_path: Path) -> None:
    init(tmp_path, "--to", "me@qq.com", password="abcdefgh")
    comments = [line.partition("# ")[2] for line in SHIPPED.splitlines() if "# " in line]
    assert [comment for comment in comments if comment not in text(tmp_path)] == []


@pytest.mark.parametrize("provider", [provider for provider in PROVIDERS if provider.domains])
def test_the_table_of_providers_is_used(tmp_path: Path, provider: Any) -> None:
    address = f"me@{provider.domains[0]}"
    if not provider.takes_passwords:
        assert "--smtp-host" in init(tmp_path, "--to", address, password="abcdefgh", code=1)
        assert files(tmp_path) == []
        return
    init(tmp_path, "--to", address, password="abcdefgh")
    smtp = config(tmp_path)["smtp"]
    found = (smtp["host"], smtp["port"], smtp["security"], smtp["username"])
    assert found == (provider.host, provider.port, provider.security, address)


def test_the_server_of_an_unknown_domain_has_to_be_named(tmp_path: Path) -> None:
    assert "add --smtp-host" in init(tmp_path, "--to", "me@mail.test", password="abcdefgh", code=1)
    assert "Add --to ADDRESS" in init(tmp_path, password="abcdefgh", code=1)
    assert files(tmp_path) == []
    init(tmp_path, "--to", "me@mail.test", "--smtp-host", "smtp.mail.test", "--port", "587", password="x y")
    smtp = config(tmp_path)["smtp"]
    assert (smtp["host"], smtp["port"], smtp["security"]) == ("smtp.mail.test", 587, "starttls")
    assert (tmp_path / "smtp_password").read_text("utf-8") == "x y\n"


def test_a_relay_without_a_login_wants_no_password(tmp_path: Path) -> None:
    arguments = ("--to", "me@mail.test", "--smtp-host", "localhost", "--security", "none", "--username", "")
    init(tmp_path, *arguments)
    smtp = config(tmp_path)["smtp"]
    assert (smtp["port"], smtp["username"], smtp["sender"]) == (25, "", "AI 日报 <me@mail.test>")
    assert files(tmp_path) == ["config.toml"]


def test_a_file_with_the_password_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("abcdefgh", "utf-8")
    init(tmp_path, "--to", "me@gmail.com", "--password-file", "secret", "--sender", "News <me@gmail.com>")
    smtp = config(tmp_path)["smtp"]
    assert (smtp["password_file"], smtp["sender"]) == ("secret", "News <me@gmail.com>")
    assert smtp["username"] == "me@gmail.com"
    assert files(tmp_path) == ["config.toml", "secret"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--to", "me"), 2, "--to me: a mail address is expected"),
        (("--to", "a@x.test, b@x.test"), 2, "one address is expected"),
        (("--sender", "me"), 2, "--sender me"),
        (("--at", "25:00"), 2, "a time of day is expected"),
        (("--locale", "fr"), 2, "zh-Hant"),
        (("--to", "me@qq.com", "--security", "ssl"), 2, "starttls"),
        (("--to", "me@qq.com", "--password-file", "missing/secret"), 2, "cannot be read"),
        (("--to", "me@qq.com", "--smtp-host", "https://smtp.qq.com"), 2, "host"),
        (("--feed", "两个 词"), 1, '"两个 词" is no web address'),
        (("--port", "0"), 2, "--port"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in init(tmp_path, *arguments, code=code)
    assert files(tmp_path) == []


def test_a_password_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    for password in (" ", "授权码授权码"):
        output = init(tmp_path, "--to", "me@qq.com", password=password, code=1)
        assert "Nothing was written" in output
    assert files(tmp_path) == []


def test_a_mistake_leaves_no_password_behind(tmp_path: Path) -> None:
    init(tmp_path, "--to", "me@qq.com", "--at", "soon", password="abcdefgh", code=2)
    assert files(tmp_path) == []


def test_feeds_stand_in_place_of_the_shipped_one_found_by_their_home_page(tmp_path: Path, site: str) -> None:
    other = f"{site}/nothing"
    output = init(tmp_path, "--to", "me@qq.com", "--feed", f"{site}/", "--feed", other, environ=LOOPBACK)
    assert f"{other} brings no feed now, and is written as it is" in output
    feeds = [(feed["name"], feed["url"]) for feed in config(tmp_path)["feeds"]]
    assert feeds == [("示例", f"{site}/rss"), ("127.0.0.1", other)]
    assert "blocked in mainland China" not in text(tmp_path)
    assert "entries older than this at the first visit" in text(tmp_path)


def test_another_file_is_written_where_it_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    run_command("--config", str(folder / "mine.toml"), "init", folder=tmp_path)
    assert files(folder) == ["mine.toml"]
    result = run_command("--config", str(tmp_path / "missing" / "mine.toml"), "init", folder=tmp_path)
    assert (result.code, "cannot be written: No such file" in result.stderr) == (1, True)


def test_a_link_to_a_file_that_is_not_there_is_named_with_its_target(tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to("gone.toml")
    output = init(tmp_path, "--to", "me@qq.com", password="abcdefgh", code=1)
    assert "config.toml is a link to gone.toml, which is not there. Nothing was written." in output
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_full_disk_leaves_nothing_half_done(tmp_path: Path) -> None:
    with full_disk(200):  # there is room for the password
        assert "Nothing was changed" in init(tmp_path, "--to", "me@qq.com", password="abcdefgh", code=1)
    assert files(tmp_path) == []
    (tmp_path / "smtp_password").write_text("before")
    with full_disk(200):
        init(tmp_path, "--to", "me@qq.com", password="abcdefgh", code=1)
    assert files(tmp_path) == ["smtp_password"]
    assert (tmp_path / "smtp_password").read_text() == "before"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    init(tmp_path, "--to", "me@qq.com", password="abcdefgh")  # loads what another user may not read
    with unprivileged(), TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o500)
        for password in ("", "abcdefgh"):
            output = init(folder, "--to", "me@qq.com", password=password, code=1)
            assert "cannot be written: Permission denied. Nothing was changed" in output
        folder.chmod(0o700)
        assert files(folder) == []


# --- over a file that is there ------------------------------------------------------------------


def test_a_file_that_is_there_is_described_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN, "utf-8")
    output = init(tmp_path)
    assert "config.toml is there" in output
    assert '"AI 日报" goes to ann@mail.test at 08:00 (Asia/Shanghai)' in output
    assert "monitor send-test" in output
    assert text(tmp_path) == OWN
    assert "已经存在" in init(tmp_path, environ={"LANG": "zh_CN.UTF-8"})


def test_only_what_is_given_is_edited(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN, "utf-8")
    init(tmp_path, "--at", "07:30", "--locale", "zh-Hant")
    expected = OWN.replace('["08:00"]', '["07:30"]').replace("# me\n", '# me\nlocale = "zh-Hant"\n')
    assert text(tmp_path) == expected
    init(tmp_path, "--port", "2525")
    assert text(tmp_path) == expected.replace("relay wants it\n", "relay wants it\nport = 2525\n")


def test_a_checkout_with_the_shipped_file_is_set_up_as_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(SHIPPED, "utf-8")
    assert "Nobody gets the digests yet" in init(tmp_path)
    output = init(tmp_path, "--to", "me@qq.com", password="abcdefgh")
    assert '+to = ["me@qq.com"]' in output
    assert config(tmp_path)["smtp"]["host"] == "smtp.qq.com"
    assert "is good" in monitor(tmp_path, "check")


def test_nobody_is_taken_off_a_list_of_recipients(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN.replace('"ann@mail.test"', '"a@x.test", "b@x.test"'), "utf-8")
    init(tmp_path, "--to", "c@x.test")
    assert config(tmp_path)["subscriptions"][0]["to"] == ["a@x.test", "b@x.test", "c@x.test"]


def test_a_feed_is_added_behind_those_that_are_there_once(tmp_path: Path, site: str) -> None:
    (tmp_path / "config.toml").write_text(OWN, "utf-8")
    for _ in range(2):
        init(tmp_path, "--feed", f"{site}/rss", environ=LOOPBACK)
    assert [feed["name"] for feed in config(tmp_path)["feeds"]] == ["晨报", "示例"]


def test_a_file_without_the_tables_gets_them(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# mine\n[fetch]\ntimeout = '9s'\n", "utf-8")
    assert "an address is needed" in init(tmp_path, "--at", "07:30", code=1)
    init(tmp_path, "--to", "me@qq.com", password="abcdefgh")
    assert text(tmp_path).startswith("# mine\n[fetch]\ntimeout = '9s'\n\n[smtp]\nhost = ")
    assert config(tmp_path)["subscriptions"] == [{"name": "AI 日报", "to": ["me@qq.com"], "at": ["08:00"]}]


def test_an_empty_file_is_written_as_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("\n", "utf-8")
    init(tmp_path, "--to", "me@qq.com")
    assert text(tmp_path) == SHIPPED.replace("you@example.org", "me@qq.com")


def test_a_file_with_mistakes_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[smpt]\n", "utf-8")
    assert "smpt" in init(tmp_path, "--to", "me@qq.com", code=2)
    assert text(tmp_path) == "[smpt]\n"


def test_times_for_digests_that_come_at_intervals_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN.replace('at = ["08:00"]', 'every = "0s"'), "utf-8")
    assert "Nothing was changed" in init(tmp_path, "--at", "07:30", code=2)
    assert 'every = "0s"' in text(tmp_path)


# --- on a terminal ------------------------------------------------------------------------------


def start(session: Session, address: str = "me@qq.com") -> None:
    session.answer("Who gets the digests", address)


def accept_server(session: Session) -> None:
    for question in ("Mail server", "Port", "Security", "User name"):
        session.answer(question)


def test_it_asks_and_proposes_what_the_provider_wants(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "init") as session:
        session.answer("Who gets the digests", "you@example.org")
        session.expect("nobody reads mail there")
        session.answer("Who gets the digests", "ｍｅ＠qq．com")
        accept_server(session)
        session.expect("QQ Mail wants a code (授权码)")
        session.answer("Password", "abcd efgh")
        session.answer("Feed")
        session.answer("Language", "zh")
        session.answer("Times", "25:00")
        session.expect("A time of day is needed")
        session.answer("Times", "7:30，18：00")
        session.answer("Write a sample", "no")
        session.answer("Send a test mail now?", "no")
        assert session.end() == 0
    assert "abcd" not in session.output
    assert "me@qq.com at 07:30, 18:00" in session.output
    smtp, (subscription,) = config(tmp_path)["smtp"], config(tmp_path)["subscriptions"]
    assert (smtp["host"], smtp["username"], smtp["password_file"]) == (
        "smtp.qq.com",
        "me@qq.com",
        "smtp_password",
    )
    assert (subscription["at"], subscription["locale"]) == (["07:30", "18:00"], "zh-Hans")
    assert [feed["name"] for feed in config(tmp_path)["feeds"]] == ["纽约时报中文网"]
    assert (tmp_path / "smtp_password").read_text("utf-8") == "abcdefgh\n"


def test_it_asks_in_the_readers_language(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "--lang", "zh", "init") as session:
        session.answer("摘要发给谁", "me@163.com")
        for question in ("邮件服务器 [smtp.163.com]", "端口", "加密方式", "用户名"):
            session.answer(question)
        session.expect("网易 163 邮箱要填授权码")
        session.answer("密码", "授权码")
        session.expect("请关闭中文输入法")
        session.answer("密码", "abcdefgh")
        session.answer("源")
        session.answer("摘要的语言")
        session.answer("每天几点")
        session.answer("写一份摘要样例吗？", "不要")
        session.answer("现在发一封测试邮件吗？", "不")
        assert session.end() == 0
    assert "已写入 config.toml" in session.output
    assert config(tmp_path)["subscriptions"][0]["locale"] == "zh-Hans"


def test_feeds_are_tried_as_they_are_given(tmp_path: Path, site: str) -> None:
    with on_terminal(tmp_path, "init", "--to", "me@mail.test", **LOOPBACK) as session:
        session.answer("Mail server", "-")
        session.answer("Feed", f"{site}/")
        session.expect("示例: 2 entries, 1 match the rules")
        session.answer("Another one", f"{site}/rss")
        session.expect('it is there already, as "示例"')
        session.answer("Another one", "no address")
        session.expect("is no web address")
        session.answer("Another one", f"{site}/nothing")
        session.expect("no feed there")
        session.answer("Take it all the same?")
        session.answer("Another one")
        session.answer("Language")
        session.answer("Times")
        session.answer("Write a sample", "n")
        assert session.end() == 0
    assert [feed["url"] for feed in config(tmp_path)["feeds"]] == [f"{site}/rss"]
    assert config(tmp_path)["smtp"]["host"] == ""


def test_a_provider_without_passwords_is_told_and_no_server_is_the_default(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "init", "--feed", "https://a.invalid/rss") as session:
        start(session, "me@outlook.com")
        session.expect("Send by another provider")
        session.answer("Mail server [-]")
        session.answer("Language")
        session.answer("Times")
        session.answer("Write a sample", "n")
        assert session.end() == 0
    assert config(tmp_path)["smtp"]["host"] == ""
    assert config(tmp_path)["subscriptions"][0]["to"] == ["me@outlook.com"]


def test_what_was_typed_of_a_server_waits_for_its_password(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "init", "--locale", "en", "--at", "08:00") as session:
        start(session, "me@mail.test")
        session.answer("Mail server", "smtp")
        session.expect("named with its domain")
        session.answer("Mail server", "smtp.mail.test")
        session.answer("Port", "587")
        session.answer("Security")
        session.answer("User name", "ann")
        session.answer("Password")
        session.expect("The password is missing")
        session.answer("Feed")
        session.answer("Write a sample", "n")
        assert session.end() == 0
    smtp = config(tmp_path)["smtp"]
    assert (smtp["host"], smtp["port"], smtp["security"], smtp["username"]) == ("", 587, "starttls", "ann")
    assert files(tmp_path) == ["config.toml"]
    assert "is good" in monitor(tmp_path, "check")
    with on_terminal(tmp_path, "init") as session:
        session.answer("Change anything of it?", "y")
        session.answer("Who gets the digests")
        session.answer("Mail server [smtp.mail.test]")
        session.answer("Port [587]")
        session.answer("Security (implicit, starttls or none) [starttls]")
        session.answer('User name ("-": no login) [ann]')
        session.answer("Password", "secret-word")
        session.answer("Sender")
        session.answer("Feed")
        session.answer("Language")
        session.answer("Times")
        session.answer("Write a sample", "n")
        session.answer("Send a test mail now?", "n")
        assert session.end() == 0
    smtp = config(tmp_path)["smtp"]
    assert (smtp["host"], smtp["port"], smtp["username"]) == ("smtp.mail.test", 587, "ann")
    assert "waits for its password" not in text(tmp_path)


def test_a_server_that_waits_gets_its_password_by_an_option(tmp_path: Path) -> None:
    waiting = SHIPPED.replace("port = 465", '# host = "smtp.qq.com"  # waits for its password\nport = 465', 1)
    (tmp_path / "config.toml").write_text(waiting.replace("you@example.org", "me@qq.com"), "utf-8")
    init(tmp_path, "--username", "me@qq.com", password="abcdefgh")
    assert config(tmp_path)["smtp"]["host"] == "smtp.qq.com"
    assert "waits for its password" not in text(tmp_path)


def test_a_providers_server_without_a_login_is_told_to_want_one(tmp_path: Path) -> None:
    output = init(tmp_path, "--to", "me@qq.com", "--smtp-host", "smtp.qq.com")
    assert "smtp.qq.com wants a login" in output


@pytest.mark.parametrize("questions", [0, 1, 5, 6, 8])
@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_an_interruption_leaves_nothing_behind(tmp_path: Path, questions: int, key: str) -> None:
    asked = [
        "Who gets",
        "Mail server",
        "Port",
        "Security",
        "User name",
        "Password",
        "Feed",
        "Language",
        "Times",
    ]
    answers = {"Who gets": "me@qq.com", "Password": "abcdefgh"}
    with on_terminal(tmp_path, "init") as session:
        for question in asked[:questions]:
            session.answer(question, answers.get(question, ""))
        session.expect(asked[questions])
        session.expect(": ")
        session.press(key, "nothing was written")
        assert session.end() == 130
    assert files(tmp_path) == []


def test_a_file_that_is_set_up_is_shown_and_only_the_answers_are_edited(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN, "utf-8")
    with on_terminal(tmp_path, "init") as session:
        session.answer("Change anything of it?")
        session.answer("Write a sample", "n")
        session.answer("Send a test mail now?", "perhaps")
        session.expect("Answer y or n")
        session.type("n\n")
        assert session.end() == 0
    assert text(tmp_path) == OWN
    with on_terminal(tmp_path, "init") as session:
        session.answer("Change anything of it?", "y")
        session.answer("Who gets the digests (mail address) [ann@mail.test]")
        session.answer("Mail server [mail.example.org]")
        session.answer("Port [465]")
        session.answer("Security")
        session.answer('User name ("-": no login) [-]')
        session.answer("Feed [晨报]")
        session.answer("Language")
        session.answer("Times", "09:15")
        session.answer("Write a sample", "n")
        session.answer("Send a test mail now?", "n")
        assert session.end() == 0
    assert text(tmp_path) == OWN.replace('["08:00"]', '["09:15"]')


def test_with_yes_nothing_is_asked_on_a_terminal(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "init", "--yes", "--to", "me@qq.com") as session:
        assert session.end() == 0
    assert config(tmp_path)["subscriptions"][0]["to"] == ["me@qq.com"]


def test_what_would_send_a_password_in_the_clear_is_asked_again(tmp_path: Path) -> None:
    with on_terminal(tmp_path, "init", "--feed", "https://a.invalid/rss", "--locale", "en") as session:
        start(session, "me@mail.test")
        session.answer("Mail server", "mail.test")
        session.answer("Port", "many")
        session.answer("Port", "25")
        session.answer("Security", "none")
        session.expect("would travel in the clear")
        session.answer("Security", "starttls")
        session.answer("User name", "-")
        session.answer("Sender [AI 日报 <me@mail.test>]")
        session.answer("Times")
        session.answer("Write a sample", "n")
        session.answer("Send a test mail now?", "n")
        assert session.end() == 0
    smtp = config(tmp_path)["smtp"]
    found = (smtp["host"], smtp["port"], smtp["security"], smtp["username"])
    assert found == ("mail.test", 25, "starttls", "")


# --- the test mail at its end -------------------------------------------------------------------


def test_the_test_mail_is_sent_where_it_is_wanted(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("大模型降价")) as site:
        site.write(("reader@example.org", "reader@mail.test"))
        assert "took the test mail for reader@mail.test" in init(tmp_path, "--send-test")
        with on_terminal(tmp_path, "init") as session:
            session.answer("Change anything of it?")
            session.answer("Write a sample of a digest into preview?")
            session.answer("Send a test mail now?")
            assert session.end() == 0
        assert "took the test mail" in session.output
        assert session.output.index("took the test mail") < session.output.index("Next:")
        assert "monitor send-test" not in session.output
        assert "preview --sample" not in session.output
        assert len(site.smtp_server.received) == 2
        assert any(path.suffix == ".html" for path in (tmp_path / "preview").iterdir())


def test_a_sample_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    assert "not ready" not in init(tmp_path, "--to", "me@qq.com", "--sample"), "nobody expects a database yet"
    assert any(path.suffix == ".html" for path in (tmp_path / "preview").iterdir())
