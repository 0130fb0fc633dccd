"""The table of mail providers: by an address, by a server, and complete."""

import re
from pathlib import Path

import pytest

from monitor.config.reading import parse_config
from monitor.mail.providers import PROVIDERS, Password, provider_at, provider_of

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("me@qq.com", "smtp.qq.com"),
        ("Ann <ann@Foxmail.com>", "smtp.qq.com"),
        ("me@163.com", "smtp.163.com"),
        ("me@vip.163.com", "smtp.vip.163.com"),
        ("me@yeah.net", "smtp.yeah.net"),
        ("me@gmail.com", "smtp.gmail.com"),
        ("me@hotmail.com", "smtp-mail.outlook.com"),
        ("outlook.com", "smtp-mail.outlook.com"),
    ],
)
def test_an_address_tells_the_provider(address: str, host: str) -> None:
    provider = provider_of(address)
    assert provider
    assert provider.host == host


@pytest.mark.parametrize("address", ["me@example.org", "me@notqq.com", ""])
def test_an_address_of_a_domain_of_ones_own_tells_nothing(address: str) -> None:
    assert provider_of(address) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.qq.com", "QQ Mail"),
        ("SMTP.QQ.COM.", "QQ Mail"),
        ("smtp.exmail.qq.com", "Tencent Exmail (WeCom)"),
        ("hwsmtp.exmail.qq.com", "Tencent Exmail (WeCom)"),
        ("smtp.sina.cn", "Sina Mail"),
        ("smtp.office365.com", "Microsoft 365"),
        ("smtppro.zoho.com", "Zoho Mail for companies"),
        ("smtp.vip.163.com", "163 VIP Mail"),
    ],
)
def test_a_server_tells_the_provider(host: str, name: str) -> None:
    provider = provider_at(host)
    assert provider
    assert provider.name == name


@pytest.mark.parametrize("host", ["mail.example.org", "smtp.notqq.com", "127.0.0.1", ""])
def test_a_server_of_nobody_known_tells_nothing(host: str) -> None:
    assert provider_at(host) is None


def test_no_domain_has_two_providers() -> None:
    domains = [domain for provider in PROVIDERS for domain in provider.domains]
    assert len(domains) == len(set(domains))


def test_each_server_is_found_by_its_own_name() -> None:
    assert [provider for provider in PROVIDERS if provider_at(provider.host) is not provider] == []


def test_only_outlook_com_takes_no_password_at_all() -> None:
    assert [str(each.name) for each in PROVIDERS if each.password is Password.NONE] == ["Outlook.com"]


def test_a_port_goes_with_its_security() -> None:
    assert {(each.port, each.security) for each in PROVIDERS} == {(465, "implicit"), (587, "starttls")}


@pytest.mark.parametrize("page", ["mail-providers.md", "mail-providers.zh-CN.md"])
def test_the_guide_names_each_server_and_its_port(page: str) -> None:
    lines = (GUIDE / page).read_text("utf-8").splitlines()
    missing = [
        each.host
        for each in PROVIDERS
        if not any(each.host in line and str(each.port) in line for line in lines if line.startswith("|"))
    ]
    assert missing == []


@pytest.mark.parametrize("page", ["mail-providers.md", "mail-providers.zh-CN.md"])
def test_the_example_of_the_guide_is_accepted(page: str) -> None:
    text = (GUIDE / page).read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    smtp = parse_config(example, page).smtp
    provider = provider_at(smtp.host)
    assert provider
    assert (smtp.port, smtp.security) == (provider.port, provider.security)
