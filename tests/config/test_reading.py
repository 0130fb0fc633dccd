"""config.toml: every problem is named, at its line, with what to write instead."""

import tomllib
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.config.checked import operator_locale_of, read_options
from monitor.config.meant import likely
from monitor.config.options import NOUN_TABLES, OPTION_TABLES, SmtpOptions, as_written, options_of
from monitor.config.reading import parse_config, read_file
from monitor.config.secrets import smtp_password
from monitor.config.values import WORKDAY, duration, in_words, size
from monitor.errors import ConfigError
from monitor.loaded import changes, load
from monitor.texts import in_language
from tests.cost import cpu_seconds

GOOD = """
[[feeds]]
name = "示例"
url = "https://news.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "日报"
to = ["you@example.org"]
at = ["18:00", "8:00"]
days = ["mon", "Friday"]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "config.toml")
    return str(caught.value).splitlines()


def test_a_small_file_is_enough() -> None:
    config = parse_config(GOOD, "config.toml")
    (subscription,) = config.subscriptions
    assert subscription.at == (time(8), time(18))
    assert subscription.days == (1, 5)
    assert config.feeds[0].every == "auto"


@pytest.mark.parametrize("written", ["workday", "WorkDays"])
def test_working_days_stand_beside_the_weekdays(written: str) -> None:
    text = GOOD.replace('"mon", "Friday"', f'"{written}", "sat"')
    (subscription,) = parse_config(text, "config.toml").subscriptions
    assert subscription.days == (6, WORKDAY)
    assert as_written(subscription)["days"] == ["sat", "workday"]


def test_the_shipped_file_shows_every_option_with_its_default() -> None:
    shown = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))
    config = parse_config(DEFAULT_CONFIG.read_text("utf-8"), "config.toml")
    for name, table in OPTION_TABLES.items():
        assert set(shown[name]) == {declared.name for declared in options_of(table)}, name
        assert getattr(config, name) == table(), f"[{name}] shows other values than the defaults"
    for name, table in NOUN_TABLES.items():
        commented = {"every", "quiet_after"} if name == "subscriptions" else set()  # at or every, not both
        assert set(shown[name][0]) | commented == {declared.name for declared in options_of(table)}, name


def test_every_option_of_the_shipped_file_is_explained() -> None:
    lines = DEFAULT_CONFIG.read_text("utf-8").splitlines()
    head_of_web = next(number for number, line in enumerate(lines) if line.startswith("[web]"))
    sections = lines[lines.index("[store]") : head_of_web]
    for line in sections:
        if "=" in line and "username" not in line:
            assert "#" in line, f"no sentence beside: {line}"


def test_all_problems_are_told_at_once_each_at_its_line() -> None:
    told = problems(
        GOOD.replace("https://news", "ftp://news").replace('to = ["you@example.org"]', "")
        + 'colour = "red"\n[smpt]\n'
    )
    assert told == [
        'config.toml, line 4, [[feeds]] "示例", url: an http or https address is expected, as in '
        "\"https://cn.nytimes.com/rss/\", not 'ftp://news.example.org/rss'.",
        'config.toml, line 8, [[subscriptions]] "日报", to: is missing. Add to = ["you@example.org"]',
        'config.toml, line 13, [[subscriptions]] "日报", colour: is not known. There are: name, to, rules, at, every, '
        "days, at_once_most, quiet_after, first_issue, timezone, locale, archived.",
        'config.toml, line 14, [smpt]: is not known. Did you mean "smtp"?',
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('any = ["AI"]', "", 'neither "any" nor "all" has a word'),
        ('any = ["AI"]', 'any = ["AI", " "]', "an empty word would match everything"),
        ('any = ["AI"]', 'any = ["AI"]\nfeeds = ["示"]', 'there is no [[feeds]] named "示"'),
        ('at = ["18:00", "8:00"]', "", 'either "at" or "every" is expected'),
        ('at = ["18:00", "8:00"]', 'every = "0s"\nat_once_most = 0', "Remove one of them"),
        ('at = ["18:00", "8:00"]', 'at = ["24:00"]', "a time of day is expected"),
        ('at = ["18:00", "8:00"]', 'every = "soon"', "a duration is expected"),
        ('"mon", "Friday"', '"someday"', "a weekday is expected"),
        ('name = "示例"', 'name = "示例"\nevery = "soon"', 'as in "90s", "30m", "1h 30m" or "3d", or "auto"'),
        ('name = "示例"', 'name = "示例"\nevery = "400d"', 'a duration from "0s" to "365d", or "auto"'),
        ('days = ["mon", "Friday"]', '[outbox]\nexpire = "0s"', 'a duration from "1s" to "365d"'),
        ('days = ["mon", "Friday"]', '[outbox]\nexpire = "3000000d"', 'a duration from "1s" to "365d"'),
        ('days = ["mon", "Friday"]', '[outbox]\nlease = "1d"', 'a duration from "1s" to "1h", not \'1d\''),
        ('days = ["mon", "Friday"]', '[outbox]\nretry = ["0s"]', 'a duration from "1s" to "30d"'),
        ('days = ["mon", "Friday"]', '[fetch]\nmax_backoff = "3000000d"', "a duration from"),
        ('days = ["mon", "Friday"]', '[fetch]\ntimeout = "0s"', "a duration from"),
        ('days = ["mon", "Friday"]', '[smtp]\nhost = "https://mail.test"', "the name of a host is expected"),
        ('days = ["mon", "Friday"]', '[smtp]\nhost = "mail.test:465"', "without a scheme and a port"),
        ('days = ["mon", "Friday"]', '[smtp]\nhost = "mail..test"', "the name of a host is expected"),
        ('days = ["mon", "Friday"]', "[smtp]\nhost = 25", "the name of a host is expected"),
        ('days = ["mon", "Friday"]', '[web]\nhost = "a b"', "the name of a host is expected"),
        ("you@example.org", "you", "a mail address is expected"),
        ("you@example.org", "you@example.org\\r\\nBcc: x@example.org", "a mail address is expected"),
        ('days = ["mon", "Friday"]', 'timezone = "Asia/Peking"', "a time zone is expected"),
        ('days = ["mon", "Friday"]', 'rules = ["AI"]', "there is no [[rules]] named"),
        ("[[feeds]]", '[fetch]\nmax_bytes = "8"\n[[feeds]]', "a size is expected"),
        (
            "[[feeds]]",
            '[fetch]\nallow_private = ["10.0.0"]\n[[feeds]]',
            "an address or a network is expected",
        ),
        (
            "[[feeds]]",
            '[smtp]\nhost = "mail.example.org"\nsecurity = "none"\nusername = "me"\n[[feeds]]',
            "in the clear",
        ),
        (
            "[[feeds]]",
            '[smtp]\nhost = "mail.example.org"\nsecurity = "none"\n[[feeds]]',
            "insecure = true",
        ),
        ("[[rules]]", 'headers = "Accept: x"\n[[rules]]', "a table of names and texts"),
        ("[[rules]]", "headers = {Accept = 1}\n[[rules]]", "a table of names and texts"),
        ("[[rules]]", 'headers = {"A B" = "x"}\n[[rules]]', "is no header"),
        ("[[rules]]", 'headers = {Accept = "a\\r\\nb"}\n[[rules]]', "is no header"),
        ("[[rules]]", 'headers = {Host = "x"}\n[[rules]]', "that the program sets itself"),
        ("[[rules]]", 'headers = {X = "1", x = "2"}\n[[rules]]', "the same name twice"),
        ("[[rules]]", 'user_agent = "阅读器"\n[[rules]]', "one line of ASCII"),
        ("[[rules]]", 'username = "me"\n[[rules]]', "go together"),
        ("[[rules]]", 'password_file = "x"\n[[rules]]', "go together"),
        ("[[rules]]", 'username = "a:b"\npassword_file = "x"\n[[rules]]', "has a colon"),
        (
            "[[rules]]",
            'username = "me"\npassword_file = "x"\nheaders = {Authorization = "Bearer 1"}\n[[rules]]',
            "two logins",
        ),
        ("you@example.org", f"you@{'x' * 70}.org", "there is no domain"),
        ("[[feeds]]", "[web]\nport = 70000\n[[feeds]]", "less than or equal to 65535"),
        ("[[feeds]]", '[smtp]\nsecurity = "tls"\n[[feeds]]', "'implicit', 'starttls' or 'none'"),
        ("[[feeds]]", '[feed]\nname = "x"\n[[feeds]]', 'Did you mean "feeds"?'),
        ("[[rules]]", "[[rules]]\n[[rules]]", "name: is missing"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, told: str) -> None:
    text = GOOD.replace(old, new)
    assert told in "\n".join(problems(text))


@pytest.mark.parametrize(
    "host", ["mail.test", "mail", "127.0.0.1", "::1", "邮件.例子.测试", "mail.test.", ""]
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert parse_config(f'[smtp]\nhost = "{host}"\n{GOOD}', "config.toml").smtp.host == host


def test_a_name_given_twice_is_told() -> None:
    twice = '[[feeds]]\nname = "示例"\nurl = "https://other.example.org/rss"\n'
    assert len([line for line in problems(GOOD + twice) if "stands more than once" in line]) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ann <ann@example.org>", "ann@example.org"),
        ("ann@example.org", "ann@example.org"),
        ("ann@example.org", "ann@EXAMPLE.org"),
        ("ann@example.org", "Ann@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@ｅxample.org", "ann@example.org."),
        ('"Ann, Berlin" <ann@example.org>', "ann@example.org (Ann)"),
    ],
)
def test_an_address_twice_in_a_list_is_told_with_both_lines(first: str, second: str) -> None:
    to = f"to = [\n  '{first}',\n  'bob@example.org',\n  '{second}',\n]"
    text = GOOD.replace('to = ["you@example.org"]', to)
    line = text[: text.index(f"'{second}',\n]")].count("\n") + 1
    (told,) = problems(text)
    assert told.startswith(
        f'config.toml, line {line}, [[subscriptions]] "日报", to: "{second}" is the same address'
    )
    assert f'"{first}" in line {line - 2}.' in told
    (told,) = problems(f"[operator]\n{to}\n{GOOD}")
    assert told.startswith("config.toml, line 5, [operator], to: ")
    assert "in line 3." in told


def test_a_table_that_should_be_a_list_is_told() -> None:
    assert "Write [[feeds]] with two brackets" in problems(GOOD.replace("[[feeds]]", "[feeds]"))[0]


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ('to = ["you@example.org"]', 'to = "you@example.org"', 'Write to = ["you@example.org"]'),
        ('to = ["you@example.org"]', 'to = "a@qq.com，b@qq.com"', 'Write to = ["a@qq.com", "b@qq.com"]'),
        ('any = ["AI"]', 'any = "AI 芯片"', 'Write any = ["AI 芯片"]'),
        ("you@example.org", "you＠example。org", 'Did you mean "you@example.org"?'),
        ('at = ["18:00", "8:00"]', 'at = "8:00"', 'Write at = ["8:00"]'),
        ('at = ["18:00", "8:00"]', "at = 8", 'Write at = ["08:00"]'),
        ('"18:00"', '"18：00"', 'Did you mean "18:00"?'),
        ('"18:00"', "18", 'Did you mean "18:00"?'),
        ('"18:00"', '"晚上6点半"', 'Did you mean "18:30"?'),
        ('"18:00"', '"6.30 pm"', 'Did you mean "18:30"?'),
        ('"mon"', '"周一"', 'Did you mean "mon"?'),
        ('"mon"', '"星期天"', 'Did you mean "sun"?'),
        ('name = "示例"', 'name = "示例"\nevery = 30', 'Did you mean "30m"?'),
        ('name = "示例"', 'name = "示例"\nevery = "30"', 'Did you mean "30m"?'),
        ('name = "示例"', 'name = "示例"\nevery = "2 小时"', 'Did you mean "2h"?'),
        ('name = "示例"', 'name = "示例"\nevery = "30 minutes"', 'Did you mean "30m"?'),
        ('name = "示例"', 'name = "示例"\nevery = "Auto"', 'Did you mean "auto"?'),
        ('name = "示例"', "name = 2026", 'Did you mean "2026"?'),
        ("https://news", "news", 'Did you mean "https://news.example.org/rss"?'),
        ("[[rules]]", 'proxy = "127.0.0.1:8118"\n[[rules]]', 'Did you mean "http://127.0.0.1:8118"?'),
        ('days = ["mon", "Friday"]', 'locale = "zh_CN"', 'Did you mean "zh-Hans"?'),
        ('days = ["mon", "Friday"]', 'locale = "繁體中文"', 'Did you mean "zh-Hant"?'),
        ('days = ["mon", "Friday"]', 'timezone = "Beijing"', 'Did you mean "Asia/Shanghai"?'),
        ('days = ["mon", "Friday"]', 'timezone = "UTC+8"', 'Did you mean "Asia/Shanghai"?'),
        ('days = ["mon", "Friday"]', 'timezone = "New York"', 'Did you mean "America/New_York"?'),
        ('days = ["mon", "Friday"]', 'timezone = "europe/berlin"', 'Did you mean "Europe/Berlin"?'),
        ('days = ["mon", "Friday"]', '[smtp]\nsecurity = "SSL"', 'Did you mean "implicit"?'),
        ('days = ["mon", "Friday"]', '[smtp]\nsecurity = "startls"', 'Did you mean "starttls"?'),
        ('days = ["mon", "Friday"]', '[smtp]\nhost = "https://smtp.qq.com"', 'Did you mean "smtp.qq.com"?'),
        ('days = ["mon", "Friday"]', '[smtp]\nhost = "smtp.qq.com:465"', 'Did you mean "smtp.qq.com"?'),
        ('days = ["mon", "Friday"]', '[fetch]\nmax_bytes = "8 M"', 'Did you mean "8MB"?'),
        ('days = ["mon", "Friday"]', "[smtp]\nPort = 465", 'Did you mean "port"?'),
        ('days = ["mon", "Friday"]', '[smtp]\npassword-file = "x"', 'Did you mean "password_file"?'),
        ('days = ["mon", "Friday"]', '[smtp]\ntimezone = "x"', "It belongs into [[subscriptions]]."),
        ('days = ["mon", "Friday"]', "[SMTP]\nport = 465", 'Did you mean "smtp"?'),
        ('days = ["mon", "Friday"]', "[[smtp]]\nport = 465", "Write [smtp] with one bracket."),
        (
            'days = ["mon", "Friday"]',
            '[smtp]\npassword_file = "C:\\new\\table"',
            "A path goes into single ones",
        ),
    ],
)
def test_what_is_likely_meant_is_told(old: str, new: str, meant: str) -> None:
    assert GOOD.replace(old, new) != GOOD
    assert problems(GOOD.replace(old, new))[0].endswith(meant) or meant in problems(GOOD.replace(old, new))[0]


def test_nothing_is_guessed_that_the_option_would_refuse() -> None:
    (told,) = problems(GOOD.replace('"18:00"', '"25:00"'))
    assert "Did you mean" not in told


def test_an_option_before_the_first_table_is_told_where_it_belongs() -> None:
    (told,) = problems(f'to = ["me@qq.com"]\n{GOOD}')
    assert told == (
        "config.toml, line 1, to: stands before the first table of the file, and belongs into [operator], "
        "[[subscriptions]]."
    )


def test_a_file_that_is_no_toml_is_told_with_its_line() -> None:
    assert problems("[a]\nb =\n")[0].startswith("config.toml, line 2, the file: this is not TOML")


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (
            GOOD.encode("gbk"),
            "line 3, the file: this is GBK, not UTF-8: its first Chinese character stands here.",
        ),
        (GOOD.replace("示例", "镕基").encode("gbk"), "line 3, the file: this is GBK"),
        (
            GOOD.replace("示例", "範例")
            .replace("人工智能", "人工智慧")
            .replace("日报", "日報")
            .encode("big5"),
            "line 3, the file: this is Big5, not UTF-8",
        ),
        (GOOD.encode("utf-16"), "config.toml, the file: this is UTF-16, not UTF-8."),
        (GOOD.encode("utf-16-le"), "config.toml, the file: this is UTF-16, not UTF-8."),
        ("# é\n".encode("latin-1"), "line 1, the file: byte 2 is not UTF-8."),
        (
            GOOD.encode()[: GOOD.encode().index("示".encode()) + 1],
            "line 3, the file: the file ends in the middle",
        ),
        (b"\x7fELF\x00\xff" * 20, "config.toml, the file: this is no text file."),
    ],
)
def test_a_file_in_another_encoding_is_told_with_the_line_where_it_shows(
    raw: bytes, what: str, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    assert what in str(caught.value)


def test_the_first_chinese_character_of_another_encoding_is_shown(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(GOOD.encode("gbk"))
    with pytest.raises(ConfigError, match="Save it as UTF-8") as caught:
        load(tmp_path / "config.toml")
    assert str(caught.value).splitlines()[1:] == ['    name = "示例"', "            ^"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="monitor init"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path)


def test_a_password_in_an_address_is_never_repeated() -> None:
    told = problems(GOOD.replace("[[rules]]", 'proxy = "ftp://me:secret@proxy"\n[[rules]]', 1))
    told += problems(GOOD + '[store]\nurl = ["postgresql://me:secret@host/db"]\n')
    told += problems(GOOD + '[fetch]\nproxy = "me:secret@proxy:1"\n')
    told += problems(GOOD + '[fetch]\nproxy = "secret@proxy:1"\n')
    told += problems(GOOD + "[smtp]\npassword_file = 31337\n")
    assert "secret" not in "\n".join(told)
    assert "31337" not in "\n".join(told)
    assert "not 'ftp://***@proxy'" in told[0]


def test_a_token_in_an_address_that_stands_twice_is_not_repeated() -> None:
    url = 'url = "https://feed.example.org/rss?token=sesame"'
    twice = f'[[feeds]]\nname = "a"\n{url}\n[[feeds]]\nname = "b"\n{url}\n'
    told = [line for line in problems(GOOD + twice) if "stands more than once" in line]
    assert [line.partition("token=")[2][:4] for line in told] == ["***'", "***'"]


@pytest.mark.parametrize(
    "line",
    [
        'proxy = "http://me:sesame@proxy:8118',
        'proxy = "http://me:ses"ame@proxy:8118"',
        'proxy = http://me:sesame@proxy:8118"',
        'proxy = "me:sesame@proxy:8118',
        'url = "https://feed.example.org/rss?key=sesame',
        'url = "https://feed.example.org/rss?a=1&access_token=ses"ame"',
        'password = "sesame',
        'headers = {Authorization = "Bearer sesame, Accept = "*/*"}',
        'headers = {"X-Api-Key" = "sesame}',
        'proxy = "http:\\/\\/me:sesame@proxy:8118"',
    ],
)
def test_a_line_that_is_no_toml_is_quoted_without_its_secret(line: str) -> None:
    told = "\n".join(problems(GOOD.replace("[[rules]]", f"{line}\n[[rules]]", 1)))
    assert "this is not TOML" in told
    assert "ame" not in told.replace("name", "")
    assert "***" in told


def test_a_password_written_in_place_of_its_file_is_not_repeated(tmp_path: Path) -> None:
    smtp = SmtpOptions(host="mail.example.org", username="me", password_file="sesame")
    with pytest.raises(ConfigError, match="the file that holds the password") as refused:
        smtp_password(smtp, folder=tmp_path, environ={})
    assert "sesame" not in str(refused.value)
    with pytest.raises(ConfigError, match=r"/secrets/sesame.* cannot be read"):
        smtp_password(replace(smtp, password_file="secrets/sesame"), folder=tmp_path, environ={})


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5h", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
    ],
)
def test_durations_are_read_and_written(text: str, span: timedelta) -> None:
    assert duration(text) == span
    assert duration(in_words(span)) == span


@pytest.mark.parametrize("text", ["", "5", "m5", "5 parsecs", "-5m", 5, "99999999999999d"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|calendar"):
        duration(text)


def test_sizes_are_in_decimal_units() -> None:
    assert (size("8MB"), size("500kb"), size(10)) == (8_000_000, 500_000, 10)


def test_the_password_comes_from_the_first_place_that_has_one(tmp_path: Path) -> None:
    (tmp_path / "smtp_password").write_text("from systemd\n")
    (tmp_path / "file").write_text("from a file\n")
    smtp = SmtpOptions(host="mail.example.org", username="me", password_file="file")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "MONITOR_SMTP__PASSWORD": "from the environment"}
    assert smtp_password(smtp, folder=tmp_path, environ=environ) == "from systemd"
    del environ["CREDENTIALS_DIRECTORY"]
    assert smtp_password(smtp, folder=tmp_path, environ=environ) == "from a file"
    smtp = replace(smtp, password_file="")
    assert smtp_password(smtp, folder=tmp_path, environ=environ) == "from the environment"
    with pytest.raises(ConfigError, match="no password for the login me"):
        smtp_password(smtp, folder=tmp_path, environ={})
    smtp = replace(smtp, password_file="missing")
    with pytest.raises(ConfigError, match="cannot be read"):
        smtp_password(smtp, folder=tmp_path, environ={})
    assert smtp_password(SmtpOptions(), folder=tmp_path, environ={}) == "", "no server, no login"


def test_a_bad_word_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(GOOD.replace('["AI"]', '["AI", "@英伟达"]'), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    assert "line 7" in str(caught.value)
    assert "@英伟达" in str(caught.value)
    assert "^" in str(caught.value)


def test_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        GOOD + '[digests]\ntemplates = "mine"\n[smtp]\nca_file = "ca.pem"\n', "utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    assert len(caught.value.problems) == 2


def test_files_that_cannot_be_seen_are_told(tmp_path: Path) -> None:
    # A name too long for any file stands for a directory that is closed to this user, which none is to root.
    long = "x" * 300
    (tmp_path / "config.toml").write_text(
        GOOD + f'[digests]\ntemplates = "{long}"\n[smtp]\nca_file = "{long}"\n', "utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    whats = [problem.what for problem in caught.value.problems]
    assert whats == [f"{tmp_path / long} cannot be read: File name too long."] * 2


def test_a_config_toml_that_cannot_be_seen_has_no_language(tmp_path: Path) -> None:
    assert operator_locale_of(tmp_path / ("x" * 300)) == ""


def test_a_password_file_of_a_feed_that_is_missing_is_told_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("[[rules]]", 'username = "me"\npassword_file = "secret/feed"\n[[rules]]')
    (tmp_path / "config.toml").write_text(text, "utf-8")
    for read in (load, read_options):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path / "config.toml")
        (problem,) = caught.value.problems
        line = text.splitlines().index('password_file = "secret/feed"') + 1
        assert (problem.line, problem.where, problem.key) == (line, '[[feeds]] "示例"', "password_file")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "feed").write_text("x", "utf-8")
    load(tmp_path / "config.toml")


def test_the_headers_of_a_feed_are_shown_without_what_may_be_secret() -> None:
    headers = 'headers = {Accept-Language = "zh-CN", Cookie = "a=b", X-Anything = "c"}'
    config = parse_config(GOOD.replace("[[rules]]", f"{headers}\n[[rules]]"), "config.toml")
    assert config.feeds[0].headers == (("Accept-Language", "zh-CN"), ("Cookie", "a=b"), ("X-Anything", "c"))
    shown = as_written(config)["feeds"][0]["headers"]
    assert shown == {"Accept-Language": "zh-CN", "Cookie": "***", "X-Anything": "***"}


def test_an_edit_is_told_in_a_few_words(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(GOOD, "utf-8")
    old = load(file)
    new_feed = '[[feeds]]\nname = "新的"\nurl = "https://new.example.org/rss"\n'
    file.write_text(
        GOOD.replace('["AI"]', '["AI", "大模型", "算力"]').replace("you@", "me@")
        + new_feed
        + "[fetch]\nconcurrency = 3\n",
        "utf-8",
    )
    assert changes(old, load(file)) == [
        "rule 人工智能: +2 words",
        "feed 新的: new",
        "subscription 日报: changed",
        "[fetch] concurrency",
    ]


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(GOOD, "utf-8")
    current = load(file)
    assert current.store_url == f"sqlite:///{tmp_path}/data/monitor.db"
    assert current.maildir == tmp_path / "data" / "Maildir"


def test_a_feed_may_be_polled_without_any_interval() -> None:
    assert parse_config('[fetch]\nmin_interval = "0s"\n', "config.toml").fetch.min_interval == timedelta(0)


@pytest.mark.parametrize(
    "smtp",
    [
        *('host = "localhost"', 'host = "127.0.0.1"', 'host = "127.8.8.8"', 'host = "::1"', 'host = ""'),
        'host = "relay.example.org"\ninsecure = true',
    ],
)
def test_mails_go_in_the_clear_on_this_machine_or_where_it_is_said_to_be_meant(smtp: str) -> None:
    assert parse_config(f'[smtp]\nsecurity = "none"\n{smtp}', "config.toml").smtp.security == "none"


def test_lists_and_quotation_marks_are_those_of_the_language() -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config('[smtp]\nsecurity = "tls"', "config.toml")
    told = in_language(raised.value.text, "zh-Hans")
    assert "只能是“implicit”、“starttls”或“none”，现在写的是“tls”。" in told
    assert "expected 'implicit', 'starttls' or 'none', not 'tls'." in str(raised.value)


def test_what_is_meant_is_guessed_without_looking_through_all_zones_each_time() -> None:
    guesses = cpu_seconds(*[lambda: list(likely("hourly"))] * 3)
    assert guesses < cpu_seconds(*[available_timezones] * 3)
