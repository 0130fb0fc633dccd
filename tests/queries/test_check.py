"""What `check` finds in a file whose options are all good."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.digests.render import digest_renderer, notice_renderer
from monitor.digests.sample import sample_digests, sample_notice
from monitor.loaded import LoadedConfig, check_bytes
from monitor.queries.check import problems_of, warnings_of
from tests import make
from tests.make import NOW

GOOD = """
[[feeds]]
name = "示例"
url = "https://news.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "日报"
to = ["you@mail.test"]
every = "0s"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("secret")
    (tmp_path / "mine").mkdir()
    return tmp_path


def loaded(folder: Path, text: str = GOOD) -> LoadedConfig:
    return check_bytes(folder / "config.toml", text.encode())


def warnings(folder: Path, text: str = GOOD, now: datetime = NOW) -> list[str]:
    return [str(warning) for warning in warnings_of(loaded(folder, text), now)]


def smtp(sender: str, host: str = "smtp.qq.com", username: str = "ann@qq.com") -> str:
    login = f'username = "{username}"\npassword_file = "password"\n' if username else ""
    return f'[smtp]\nhost = "{host}"\n{login}sender = "{sender}"\n{GOOD}'


def test_nothing_is_said_of_a_good_file(folder: Path) -> None:
    assert warnings(folder, smtp("日报 <ann@qq.com>")) == []
    assert list(problems_of(loaded(folder))) == []


def test_a_file_without_feeds_or_subscriptions_is_warned_of(folder: Path) -> None:
    assert [warning.partition(":")[0] for warning in warnings(folder, "")] == [
        "[[feeds]]",
        "[[subscriptions]]",
    ]
    assert "[[subscriptions]]" in warnings(folder, GOOD.partition("[[subscriptions]]")[0])[0]


@pytest.mark.parametrize(
    ("sender", "host", "username"),
    [
        ("digest@example.org", "mail.test", ""),
        ("digest@news.example.com", "mail.test", ""),
        ("ann@mail.test", "smtp.qq.com", "ann@qq.com"),
        ("ann@mail.test", "smtp.qq.com", "ann"),
        ("ann@qq.com", "SMTP.163.com.", "ann@163.com"),
        ("ann@gmail.com", "smtp.gmail.com", "ann@corp.test"),
    ],
)
def test_a_sender_that_servers_refuse_is_warned_of(
    folder: Path, sender: str, host: str, username: str
) -> None:
    (warning,) = warnings(folder, smtp(sender, host, username))
    assert warning.startswith("line ")
    assert "[smtp], sender: " in warning
    assert sender.rpartition("@")[2] in warning


@pytest.mark.parametrize(
    ("sender", "host", "username"),
    [
        ("ann@foxmail.com", "smtp.qq.com", "ann@qq.com"),
        ("ann@163.com", "smtp.163.com", "ann"),
        ("ann@corp.test", "smtp.exmail.qq.com", "ann@corp.test"),
        ("ann@corp.test", "mail.corp.test", "apikey"),
        ("ann@corp.test", "smtp.gmail.com", ""),
    ],
)
def test_a_sender_that_may_be_right_is_left_alone(
    folder: Path, sender: str, host: str, username: str
) -> None:
    assert warnings(folder, smtp(sender, host, username)) == []


def test_figures_that_anybody_can_ask_for_are_warned_of(folder: Path) -> None:
    assert warnings(folder, f"[web]\nenabled = true\n{GOOD}") == []
    (warning,) = warnings(folder, f'[web]\nenabled = true\nhost = "0.0.0.0"\n{GOOD}')
    assert "whoever reaches this address" in warning


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("digest.subject.j2", "{{ nothing_of_this_name }}"),
        ("digest.txt.j2", "{% for section in digest.sections %}"),
        ("digest.html.j2", "{{ 1 / 0 }}"),
        ("digest.html.j2", "{{ 1 / (digest.parts - 2) }}"),
        (
            "digest.html.j2",
            "{% for section in digest.sections %}{{ section['items'][0].reasons[0] }}{% endfor %}",
        ),
        ("digest.html.j2", "{{ 'x' * 100000 }}"),
        ("notice.txt.j2", "{{ notice.nothing_of_this_name }}"),
    ],
)
def test_a_template_that_cannot_render_is_a_problem(folder: Path, name: str, template: str) -> None:
    (folder / "mine" / name).write_text(template)
    problems = [
        str(problem) for problem in problems_of(loaded(folder, f'[digests]\ntemplates = "mine"\n{GOOD}'))
    ]
    assert len(problems) == 1
    assert problems[0].startswith(f"line 2, [digests], templates: template {name}")


def test_templates_that_render_are_no_problem(folder: Path) -> None:
    (folder / "mine" / "digest.subject.j2").write_text("{{ 1 + 1 }}")
    assert list(problems_of(loaded(folder, f'[digests]\ntemplates = "mine"\n{GOOD}'))) == []


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
def test_our_own_templates_render_the_samples(locale: str) -> None:
    for digest in sample_digests(make.subscription(locale=locale)):
        assert digest_renderer()(digest).html
    assert "two" in notice_renderer()(sample_notice()).text


def test_a_database_that_cannot_be_opened_is_a_problem(folder: Path) -> None:
    (problem,) = problems_of(loaded(folder, f'[store]\nurl = "mysql://me:secret@host/db"\n{GOOD}'))
    assert str(problem).startswith('line 2, [store], url: url in [store]: "mysql" is not supported')


def test_a_missing_driver_is_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    (problem,) = problems_of(loaded(folder, f'[store]\nurl = "postgresql://me:secret@host/db"\n{GOOD}'))
    assert "pip install" in str(problem)
    assert "secret" not in str(problem)


def test_a_number_in_quotation_marks_is_warned_of_with_the_line_as_it_is_meant(folder: Path) -> None:
    rule = 'any = ["AI"]\nthreshold = "1.5"\nenabled = "True"'
    text = GOOD.replace('any = ["AI"]', rule) + '[smtp]\nport = "465"\n[fetch]\nmax_bytes = "8MB"\n'
    assert warnings(folder, text) == [
        'line 8, [[rules]] "人工智能", threshold: this stands without quotation marks. Write threshold = 1.5',
        'line 9, [[rules]] "人工智能", enabled: this stands without quotation marks. Write enabled = true',
        "line 15, [smtp], port: this stands without quotation marks. Write port = 465",
    ]


def test_recipients_for_examples_are_warned_of_without_a_mail_server_too(folder: Path) -> None:
    (warning,) = warnings(folder, GOOD.replace("you@mail.test", "you@example.org"))
    assert "you@example.org is an address for examples" in warning
    assert '"monitor init"' in warning


def test_an_interval_below_the_least_one_is_warned_of(folder: Path) -> None:
    (warning,) = warnings(folder, GOOD.replace("[[rules]]", 'every = "1m"\n[[rules]]'))
    assert 'line 5, [[feeds]] "示例", every: 1m is less than [fetch] min_interval' in warning


def test_a_year_whose_holidays_are_not_known_is_told_a_month_before(folder: Path) -> None:
    workdays = GOOD.replace('every = "0s"', 'at = ["08:00"]\ndays = ["workday"]')
    assert (
        "the holidays of 2099 are not known"
        in warnings(folder, workdays, datetime(2099, 3, 1, tzinfo=UTC))[0]
    )
    assert warnings(folder, workdays, datetime(2026, 2, 1, tzinfo=UTC)) == []
    assert warnings(folder, GOOD, datetime(2099, 3, 1, tzinfo=UTC)) == []
