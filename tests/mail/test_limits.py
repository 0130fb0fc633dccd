import re
from pathlib import Path
from typing import Any

import pytest

from monitor.config.conversion import convert_table
from monitor.config.options import SmtpOptions
from monitor.mail.limits import limits_of
from monitor.mail.providers import PROVIDERS
from monitor.model.mail import NO_LIMITS, Limits

GUIDES = Path(__file__).parents[2] / "docs" / "guide"


def smtp(**values: Any) -> SmtpOptions:
    table, mistakes = convert_table(SmtpOptions, values)
    assert table, mistakes
    return table


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("smtp.qq.com", (15, 200, 15)),
        ("smtp.exmail.qq.com", (20, 500, 20)),
        ("hwsmtp.exmail.qq.com", (20, 500, 20)),
        ("smtp.163.com", (10, 200, 10)),
        ("smtp.126.com", (10, 200, 10)),
        ("smtp.yeah.net", (10, 200, 10)),
        ("smtp.sina.com", (10, 100, 10)),
        ("smtp.aliyun.com", (15, 200, 15)),
        ("smtp.gmail.com", (60, 500, 50)),
        ("smtp.office365.com", (30, 10_000, 30)),
    ],
)
def test_a_known_provider_has_its_limits(host: str, expected: tuple[int, int, int]) -> None:
    limits = limits_of(smtp(host=host))
    assert (limits.per_minute, limits.per_day, limits.per_connection) == expected


@pytest.mark.parametrize("host", ["", "127.0.0.1", "localhost", "mail.example.org"])
def test_other_servers_have_none(host: str) -> None:
    assert limits_of(smtp(host=host)) == NO_LIMITS


def test_what_smtp_says_counts_more_than_the_provider() -> None:
    limits = limits_of(smtp(host="smtp.gmail.com", per_day=2000, per_connection="auto"))
    assert limits == Limits(per_minute=60, per_day=2000, per_connection=50)
    assert limits_of(smtp(host="mail.example.org", per_minute=5)) == Limits(per_minute=5)


@pytest.mark.parametrize("value", [0, -1, 1.5, "many", True])
def test_a_limit_is_a_number_of_mails_or_auto(value: object) -> None:
    table, mistakes = convert_table(SmtpOptions, {"per_day": value})
    assert table is None or mistakes
    assert 'or "auto"' in str(mistakes[0].what)


def test_microsoft_365_takes_three_connections_as_its_pages_say() -> None:
    assert limits_of(smtp(host="smtp.office365.com")).connections == 3


@pytest.mark.parametrize("page", ["mail-providers.md", "mail-providers.zh-CN.md"])
def test_the_guide_has_the_figures(page: str) -> None:
    text = (GUIDES / page).read_text("utf-8")
    for provider in PROVIDERS:
        limits = provider.limits
        if limits != NO_LIMITS:
            figures = f"{limits.per_minute} | {limits.per_day:,} | {limits.per_connection}"
            row = re.search(
                rf"^\| .*{re.escape(provider.host)}.* \| {re.escape(figures)} \|", text, re.MULTILINE
            )
            assert row, f"{page}: {provider.host} with {figures}"
