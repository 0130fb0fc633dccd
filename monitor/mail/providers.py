"""Know the mail providers that readers use: their servers, which password they take, and which sender they accept.

From the providers' own pages and users' reports as of November 2026; nothing of it was tried against them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from monitor.model.mail import NO_LIMITS, Limits
from monitor.texts import Text, sentence


class Password(Enum):
    """Which secret a provider wants of a program that sends mail."""

    CODE = "authorisation code"  # 授权码: made in the settings of the mailbox, once SMTP is switched on there
    CLIENT = "client password"  # 客户端专用密码, 独立密码: the same by another name
    APP = "app password"  # made in the settings of the account, mostly once two-step verification is on
    ACCOUNT = "account password"  # the one that a person logs in with
    NONE = "none"  # OAuth alone, which this version does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One mail provider, and what a program has to know that sends mail by it."""

    name: Text  # as its users call it
    # Of its own addresses, the most usual one first; () where customers bring theirs.
    domains: tuple[str, ...]
    host: str  # its SMTP server
    security: Literal["implicit", "starttls"] = "implicit"
    password: Password
    where: Text  # where the password is made, or what to do where none works
    sender_is_account: bool = True  # else also the account's aliases and verified addresses
    limits: Limits = NO_LIMITS  # how many mails it is given

    @property
    def port(self) -> int:
        """The port of its server: each of them keeps to RFC 8314."""
        return 465 if self.security == "implicit" else 587

    @property
    def takes_passwords(self) -> bool:
        """Whether a login with any password is possible."""
        return self.password is not Password.NONE


def provider_of(address: str) -> Provider | None:
    """Return the provider of a mail address (or of a domain), None for one that is not known."""
    return _BY_DOMAIN.get(address.strip().rpartition("@")[2].removesuffix(">").lower().removesuffix("."))


def provider_at(host: str) -> Provider | None:
    """Return the provider whose SMTP server has this host name, None for one that is not known.

    Other servers under the provider's own domain count as well: smtp.sina.cn, hwsmtp.exmail.qq.com.
    """
    name = f".{host.strip().lower().removesuffix('.')}"
    fits = [(end, provider) for end, provider in _BY_HOST if name.endswith(f".{end}")]
    return max(fits, key=lambda fit: len(fit[0]))[1] if fits else None


# How many mails an account may send. Two publish figures: Gmail 500 a day, over any 24 hours
# (support.google.com/mail/answer/22839), and Microsoft 365 30 a minute, 10,000 recipients a day and 3 connections
# (learn.microsoft.com, "Exchange Online limits" and SMTP AUTH). All other figures are ours, and careful: Tencent and
# Alibaba tell in their help pages that there are limits for a minute, an hour and a day, and keep the figures secret;
# NetEase tells of a quarter of an hour, a day and a connection, in its replies (MI:SFQ, MI:STC, MI:DMC); Sina of none.
_GMAIL_LIMITS = Limits(per_minute=60, per_day=500, per_connection=50)  # the first and the last are ours
_MICROSOFT_LIMITS = Limits(
    per_minute=30, per_day=10_000, per_connection=30, connections=3
)  # 30 a connection: ours
_TENCENT_LIMITS = Limits(per_minute=15, per_day=200, per_connection=15, connections=2)
_EXMAIL_LIMITS = Limits(per_minute=20, per_day=500, per_connection=20, connections=2)
_NETEASE_LIMITS = Limits(per_minute=10, per_day=200, per_connection=10, connections=2)
_SINA_LIMITS = Limits(per_minute=10, per_day=100, per_connection=10, connections=1)
_ALIYUN_LIMITS = Limits(per_minute=15, per_day=200, per_connection=15, connections=2)
_QIYE_ALIYUN_LIMITS = Limits(per_minute=20, per_day=500, per_connection=20, connections=2)

_NETEASE = sentence(
    "in the mailbox on the web, Settings (设置) > POP3/SMTP/IMAP: switch SMTP on and make a code (授权码)"
)
_GMX = sentence(
    "in the mailbox on the web, allow POP3 and IMAP for other programs; with two-factor login on, make an"
    " application-specific password there"
)
_ZOHO = sentence(
    "with two-factor authentication on, at accounts.zoho.com > Security > App Passwords; without it, the"
    " password of the account"
)


def _netease(name: Text, domain: str) -> Provider:
    return Provider(
        name=name,
        domains=(domain,),
        host=f"smtp.{domain}",
        password=Password.CODE,
        where=_NETEASE,
        limits=_NETEASE_LIMITS,
    )


PROVIDERS = (
    Provider(
        name=sentence("QQ Mail"),
        domains=("qq.com", "foxmail.com", "vip.qq.com"),
        host="smtp.qq.com",
        password=Password.CODE,
        where=sentence(
            "in mail.qq.com, Settings (设置) > Account (账号) > POP3/IMAP/SMTP service: switch it on and make a code"
            " (授权码, 16 letters); a new QQ password voids it"
        ),
        limits=_TENCENT_LIMITS,
    ),
    _netease(sentence("163 Mail"), "163.com"),
    _netease(sentence("126 Mail"), "126.com"),
    _netease(sentence("yeah.net Mail"), "yeah.net"),
    _netease(sentence("188 Mail"), "188.com"),
    _netease(sentence("163 VIP Mail"), "vip.163.com"),
    _netease(sentence("126 VIP Mail"), "vip.126.com"),
    Provider(
        name=sentence("Sina Mail"),
        domains=("sina.com", "sina.cn", "2008.sina.com"),
        host="smtp.sina.com",
        password=Password.CODE,
        where=sentence(
            "in mail.sina.com.cn, Settings (设置区) > Client POP/IMAP/SMTP (客户端 pop/imap/smtp): switch SMTP on and"
            " make a code (授权码)"
        ),
        limits=_SINA_LIMITS,
    ),
    Provider(
        name=sentence("Sohu Mail"),
        domains=("sohu.com",),
        host="smtp.sohu.com",
        password=Password.CLIENT,
        where=sentence(
            "in mail.sohu.com, Settings (设置) > POP3/SMTP/IMAP: switch SMTP on and make a password for programs"
            " (独立密码)"
        ),
    ),
    Provider(
        name=sentence("139 Mail"),
        domains=("139.com",),
        host="smtp.139.com",
        password=Password.CODE,
        where=sentence(
            "in mail.10086.cn, Settings (设置) > POP3/IMAP/SMTP: switch SMTP on and make a code (授权码)"
        ),
    ),
    Provider(
        name=sentence("189 Mail"),
        domains=("189.cn",),
        host="smtp.189.cn",
        password=Password.CLIENT,
        where=sentence(
            "in mail.189.cn, Settings (设置): switch SMTP on and make a password for programs (专用密码)"
        ),
    ),
    Provider(
        name=sentence("Aliyun Mail"),
        domains=("aliyun.com",),
        host="smtp.aliyun.com",
        password=Password.ACCOUNT,
        where=sentence(
            "the password of the mailbox, or, where the settings of the mailbox offer it, a password for programs"
            " (三方客户端安全密码)"
        ),
        limits=_ALIYUN_LIMITS,
    ),
    Provider(
        name=sentence("Alibaba Mail for companies"),
        domains=(),
        host="smtp.qiye.aliyun.com",
        password=Password.CLIENT,
        where=sentence(
            "in the mailbox on the web, Settings (设置) > Account security (账号安全): make a password for programs"
            " (三方客户端安全密码); the company's administrator may have to allow programs first"
        ),
        limits=_QIYE_ALIYUN_LIMITS,
    ),
    Provider(
        name=sentence("Tencent Exmail (WeCom)"),
        domains=(),
        host="smtp.exmail.qq.com",
        password=Password.CLIENT,
        where=sentence(
            "the company's administrator allows IMAP/SMTP; then, in exmail.qq.com, Settings (设置): switch on IMAP/SMTP"
            " and secure login (安全登录), and make a password for programs (客户端专用密码)"
        ),
        limits=_EXMAIL_LIMITS,
    ),
    Provider(
        name=sentence("Gmail"),
        domains=("gmail.com", "googlemail.com"),
        host="smtp.gmail.com",
        password=Password.APP,
        where=sentence(
            "switch two-step verification on, then make one at myaccount.google.com/apppasswords (16 letters)"
        ),
        limits=_GMAIL_LIMITS,
    ),
    Provider(
        name=sentence("Outlook.com"),
        domains=("outlook.com", "hotmail.com", "live.com", "msn.com", "live.cn", "outlook.jp"),
        host="smtp-mail.outlook.com",
        security="starttls",
        password=Password.NONE,
        where=sentence(
            "Send by another provider: since September 2024 not even app passwords work here. An address at Outlook.com"
            " can still be where the mail is read."
        ),
    ),
    Provider(
        name=sentence("Microsoft 365"),
        domains=(),
        host="smtp.office365.com",
        security="starttls",
        password=Password.ACCOUNT,
        where=sentence(
            "the company's administrator allows SMTP AUTH for the mailbox (off by default from the end of 2026); with"
            " multi-factor authentication on, make an app password at mysignins.microsoft.com/security-info"
        ),
        limits=_MICROSOFT_LIMITS,
    ),
    Provider(
        name=sentence("iCloud Mail"),
        domains=("icloud.com", "me.com", "mac.com"),
        host="smtp.mail.me.com",
        security="starttls",
        password=Password.APP,
        where=sentence("at account.apple.com, Sign-In and Security > App-Specific Passwords"),
    ),
    Provider(
        name=sentence("Yahoo Mail"),
        domains=("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.com.hk", "yahoo.com.tw", "yahoo.co.uk"),
        host="smtp.mail.yahoo.com",
        password=Password.APP,
        where=sentence("at login.yahoo.com/account/security, Generate app password"),
    ),
    Provider(
        name=sentence("AOL Mail"),
        domains=("aol.com",),
        host="smtp.aol.com",
        password=Password.APP,
        where=sentence("at login.aol.com/account/security, Generate app password"),
    ),
    Provider(
        name=sentence("Fastmail"),
        domains=("fastmail.com", "fastmail.fm", "fastmail.cn"),
        host="smtp.fastmail.com",
        password=Password.APP,
        where=sentence(
            "in Fastmail, Settings > Privacy & Security > App passwords: a new one with access to mail (16 characters,"
            " without spaces)"
        ),
        sender_is_account=False,
    ),
    Provider(
        name=sentence("Zoho Mail"),
        domains=("zoho.com", "zohomail.com"),
        host="smtp.zoho.com",
        password=Password.APP,
        where=_ZOHO,
        sender_is_account=False,
    ),
    Provider(
        name=sentence("Zoho Mail for companies"),
        domains=(),
        host="smtppro.zoho.com",
        password=Password.APP,
        where=_ZOHO,
        sender_is_account=False,
    ),
    Provider(
        name=sentence("GMX"),
        domains=("gmx.net", "gmx.de", "gmx.at", "gmx.ch"),
        host="mail.gmx.net",
        password=Password.ACCOUNT,
        where=_GMX,
    ),
    Provider(
        name=sentence("GMX"),
        domains=("gmx.com",),
        host="mail.gmx.com",
        password=Password.ACCOUNT,
        where=_GMX,
    ),
    Provider(
        name=sentence("WEB.DE"),
        domains=("web.de",),
        host="smtp.web.de",
        security="starttls",
        password=Password.ACCOUNT,
        where=_GMX,
    ),
    Provider(
        name=sentence("Yandex Mail"),
        domains=("yandex.com", "yandex.ru", "ya.ru"),
        host="smtp.yandex.com",
        password=Password.APP,
        where=sentence(
            "in the mailbox on the web, Settings > Email clients: allow them; then make an app password for Mail at"
            " id.yandex.com/security/app-passwords"
        ),
    ),
    Provider(
        name=sentence("Mail.ru"),
        domains=("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
        host="smtp.mail.ru",
        password=Password.APP,
        where=sentence("at account.mail.ru, Security > Passwords for external applications"),
    ),
)


def _by_host(providers: Iterable[Provider]) -> tuple[tuple[str, Provider], ...]:
    """Return what the host name of a server may end with, and whose it is then."""
    ends = {end: provider for provider in providers for end in provider.domains}
    ends |= {provider.host: provider for provider in providers}
    # Two whose customers bring their own domains have more than one server.
    ends |= {"exmail.qq.com": ends["smtp.exmail.qq.com"], "office365.com": ends["smtp.office365.com"]}
    return tuple(ends.items())


_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}
_BY_HOST = _by_host(PROVIDERS)
